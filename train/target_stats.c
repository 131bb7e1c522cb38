/* Target statistics: target classes, keys of projections, ordered columns, final tables. */
#include "train/target_stats.h"
#include "common/trees/categorical.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct mrc_err *err)
{
    return mrc_fail(err, MRC_ENOMEM, "no memory for target statistics");
}

/* ---- target classes -------------------------------------------------------------------------------------------- */

static int choose_target_borders(struct classifier *c, const struct pool *learn, uint32_t n_borders, uint32_t n_classes,
                                 struct mrc_err *err)
{
    uint32_t n = n_classes > 1 ? n_classes - 1 : n_borders;
    c->borders = malloc(((size_t)n + 1) * sizeof(float));
    c->classes = malloc(learn->n);
    float *sorted = malloc(2 * learn->n * sizeof(*sorted));
    if (!c->borders || !c->classes || !sorted) {
        free(sorted);
        return no_memory(err);
    }
    int rc = MRC_OK;
    if (n_classes > 1) {
        for (uint32_t k = 0; k < n; k++) {
            c->borders[k] = (float)k + 0.5f;
        }
        c->n_borders = n;
    } else {
        memcpy(sorted, learn->target, learn->n * sizeof(*sorted));
        sort_floats(sorted, sorted + learn->n, learn->n);
        rc = borders_select(BORDER_MIN_ENTROPY, sorted, learn->n, n, c->borders, &c->n_borders, err);
    }
    free(sorted);
    for (size_t i = 0; rc == MRC_OK && i < learn->n; i++) {
        uint32_t class = 0;
        while (class < c->n_borders && learn->target[i] > c->borders[class]) {
            class ++;
        }
        c->classes[i] = (uint8_t) class;
    }
    return rc;
}

/* Number (from 1) of the classifier for a description, made when it is new. wanted[] remembers border counts. */
static int find_classifier(struct target_stats *s, uint32_t *wanted, uint32_t n_borders, uint32_t n_classes,
                           uint32_t *out, struct mrc_err *err)
{
    for (uint32_t i = 0; i < s->n_classifiers; i++) {
        if (wanted[i] == n_borders || n_classes > 1) {
            *out = i + 1;
            return MRC_OK;
        }
    }
    wanted[s->n_classifiers] = n_borders;
    *out = ++s->n_classifiers;
    return choose_target_borders(&s->classifiers[*out - 1], s->learn, n_borders, n_classes, err);
}

static uint32_t target_borders_of(const struct target_stats *s, enum ctr_type type, uint32_t classifier)
{
    uint32_t borders = classifier > 0 ? s->classifiers[classifier - 1].n_borders : 0;
    return type == CTR_BORDERS ? borders : type == CTR_BUCKETS ? borders + 1 : 1;
}

static int expand(struct target_stats *s, struct stat_list *list, const struct ctr_description *d, uint32_t n,
                  const struct params *p, uint32_t n_classes, uint32_t *wanted, struct mrc_err *err)
{
    enum { STATS_MAX = CTR_DESCRIPTIONS_MAX * CTR_PRIORS_MAX * 256 };
    struct stat *stats = malloc(STATS_MAX * sizeof(*stats));
    if (!stats) {
        return no_memory(err);
    }
    list->stats = stats;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t classifier = 0, borders = d[i].target_borders ? d[i].target_borders : (uint32_t)p->target_border_count;
        if (d[i].type != CTR_COUNTER) {
            MRC_TRY(find_classifier(s, wanted, borders, n_classes, &classifier, err));
        }
        uint32_t n_borders = target_borders_of(s, d[i].type, classifier);
        for (uint32_t b = 0; b < n_borders; b++) {
            for (uint32_t k = 0; k < d[i].n_priors; k++) {
                float prior = d[i].priors[k], low = prior < 0 ? prior : 0, high = prior > 1 ? prior : 1;
                stats[list->n++] = (struct stat){.type = d[i].type,
                                                 .classifier = classifier,
                                                 .target_border = b,
                                                 .prior = prior,
                                                 .shift = -low,
                                                 .norm = high - low,
                                                 .border_count = d[i].border_count};
            }
        }
    }
    return MRC_OK;
}

int stats_init(struct target_stats *s, const struct pool *learn, const struct pool *eval, const struct params *p,
               uint32_t n_classes, const uint32_t *const *orders, uint32_t n_orders, struct mrc_err *err)
{
    uint32_t wanted[2 * CTR_DESCRIPTIONS_MAX];
    *s = (struct target_stats){.learn = learn, .eval = eval, .orders = orders, .n_orders = n_orders};
    if (n_classes > 256) {
        return mrc_fail(err, MRC_EUNSUPPORTED, "categorical columns with more than 256 classes");
    }
    s->classifiers = calloc(2 * CTR_DESCRIPTIONS_MAX, sizeof(*s->classifiers));
    if (!s->classifiers) {
        return no_memory(err);
    }
    MRC_TRY(expand(s, &s->simple, p->simple_ctrs, p->n_simple_ctrs, p, n_classes, wanted, err));
    return expand(s, &s->combined, p->combination_ctrs, p->n_combination_ctrs, p, n_classes, wanted, err);
}

/* ---- projections ----------------------------------------------------------------------------------------------- */

static void forget_bins(const struct target_stats *s, struct stat_projection *p)
{
    for (uint32_t o = 0; p->bins && o < s->n_orders; o++) {
        free(p->bins[o]);
        p->bins[o] = NULL;
    }
    free(p->eval_bins);
    p->eval_bins = NULL;
}

static void projection_release(const struct target_stats *s, struct stat_projection *p)
{
    forget_bins(s, p);
    stat_keys_release(&p->keys);
    free(p->bins);
    free(p->members.cats);
    free(p->members.splits);
    *p = (struct stat_projection){0};
}

void stats_release(struct target_stats *s)
{
    for (uint32_t i = 0; i < s->n_projections; i++) {
        projection_release(s, &s->projections[i]);
    }
    for (uint32_t i = 0; i < s->n_classifiers; i++) {
        free(s->classifiers[i].borders);
        free(s->classifiers[i].classes);
    }
    free(s->classifiers);
    free(s->projections);
    free(s->simple.stats);
    free(s->combined.stats);
    *s = (struct target_stats){0};
}

static bool is_combined(const struct key_members *m)
{
    return m->n_cats + m->n_splits > 1;
}

void stats_forget_columns(struct target_stats *s)
{
    for (uint32_t i = 0; i < s->n_projections; i++) {
        struct stat_projection *p = &s->projections[i];
        if (is_combined(&p->members) && p->used_types == 0) {
            projection_release(s, p);
        } else if (is_combined(&p->members)) {
            forget_bins(s, p);
            stat_keys_release(&p->keys);
        }
    }
}

/* A free place, or one more. NULL: no memory. */
static struct stat_projection *free_place(struct target_stats *s)
{
    for (uint32_t i = 0; i < s->n_projections; i++) {
        if (s->projections[i].members.n_cats == 0) {
            return &s->projections[i];
        }
    }
    if (s->n_projections == s->capacity) {
        uint32_t capacity = s->capacity ? 2 * s->capacity : 32;
        struct stat_projection *more = realloc(s->projections, capacity * sizeof(*more));
        if (!more) {
            return NULL;
        }
        s->projections = more;
        s->capacity = capacity;
    }
    s->projections[s->n_projections] = (struct stat_projection){0};
    return &s->projections[s->n_projections++];
}

int stats_projection(struct target_stats *s, const struct key_members *members, uint32_t *out, struct mrc_err *err)
{
    for (uint32_t i = 0; i < s->n_projections; i++) {
        if (key_members_same(&s->projections[i].members, members)) {
            *out = i;
            return MRC_OK;
        }
    }
    struct stat_projection *p = free_place(s);
    if (!p) {
        return no_memory(err);
    }
    uint32_t *cats = malloc(((size_t)members->n_cats + 1) * sizeof(*cats));
    struct split *splits = malloc(((size_t)members->n_splits + 1) * sizeof(*splits));
    p->bins = calloc(s->n_orders, sizeof(*p->bins));
    if (!cats || !splits || !p->bins) {
        free(cats);
        free(splits);
        return no_memory(err);
    }
    memcpy(cats, members->cats, members->n_cats * sizeof(*cats));
    if (members->n_splits > 0) {
        memcpy(splits, members->splits, members->n_splits * sizeof(*splits));
    }
    p->members = (struct key_members){members->n_cats, members->n_splits, cats, splits};
    p->list = is_combined(members) ? &s->combined : &s->simple;
    *out = (uint32_t)(p - s->projections);
    return MRC_OK;
}

/* The projection whose keys are there and leave least to do for these members; NULL without any. */
static const struct stat_projection *find_base(const struct target_stats *s, const struct key_members *members)
{
    const struct stat_projection *best = NULL;
    uint32_t most = 0;
    for (uint32_t i = 0; i < s->n_projections; i++) {
        const struct stat_projection *p = &s->projections[i];
        uint32_t n = p->members.n_cats + p->members.n_splits;
        if (p->keys.ids && n > most && key_members_within(&p->members, members)) {
            best = p;
            most = n;
        }
    }
    return best;
}

static int find_keys(const struct target_stats *s, const struct stat_projection *p, const struct stat_projection *base,
                     struct stat_keys *out, struct mrc_err *err)
{
    return stat_keys_find(out, &p->members, base ? &base->keys : NULL, base ? &base->members : NULL, s->learn, s->eval,
                          err);
}

/* ---- columns --------------------------------------------------------------------------------------------------- */

static uint8_t stat_bin(const struct stat *t, float good, float total)
{
    float ratio = (good + t->prior) / (total + 1);
    return (uint8_t)((ratio + t->shift) / t->norm * (float)t->border_count);
}

/* Statistics [begin, end) of a list share all but the prior and the borders: one walk fills them all. */
static uint32_t run_of(const struct stat_list *list, uint32_t begin)
{
    const struct stat *first = &list->stats[begin];
    uint32_t end = begin + 1;
    while (end < list->n && list->stats[end].type == first->type && list->stats[end].classifier == first->classifier &&
           list->stats[end].target_border == first->target_border) {
        end++;
    }
    return end;
}

/* Columns that are being filled. */
struct filling {
    const struct stat_projection *p;
    uint32_t begin, end; /* statistics */
    uint8_t *bins;
};

enum { AT_ONCE = 256, AHEAD = 16 };

/* What was counted for some rows. */
struct counted {
    size_t rows[AT_ONCE];
    float good[AT_ONCE], total[AT_ONCE];
};

static void put_bins(const struct filling *f, const struct counted *c, size_t n)
{
    size_t stride = f->p->list->n;
    for (uint32_t k = f->begin; k < f->end; k++) {
        const struct stat t = f->p->list->stats[k];
        uint8_t bins[AT_ONCE];
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            bins[i] = stat_bin(&t, c->good[i], c->total[i]);
        }
        for (size_t i = 0; i < n; i++) {
            f->bins[c->rows[i] * stride + k] = bins[i];
        }
    }
}

/* What is known of a key so far. */
struct tally {
    union {
        uint32_t count;
        float sum; /* of a mean */
    } good;
    uint32_t total;
};

/* How a row's class counts. */
struct worth {
    bool is_mean;
    uint32_t good[256]; /* 1 or 0 */
    float share[256];   /* of a mean */
};

static struct worth worth_of(const struct stat *t, uint32_t n_classes)
{
    struct worth w = {.is_mean = t->type == CTR_BINARIZED_TARGET_MEAN};
    for (uint32_t c = 0; c < n_classes; c++) {
        w.good[c] = t->type == CTR_BUCKETS ? c == t->target_border : c > t->target_border;
        w.share[c] = n_classes > 1 ? (float)c / (float)(n_classes - 1) : 0.0f;
    }
    return w;
}

static inline float good_of(const struct worth *w, const struct tally *t)
{
    return w->is_mean ? t->good.sum : (float)t->good.count;
}

static inline void count_row(const struct worth *w, uint8_t class, struct tally *t)
{
    if (w->is_mean) {
        t->good.sum += w->share[class];
    } else {
        t->good.count += w->good[class];
    }
    t->total++;
}

/* Every row sees the tally of its key before it is counted itself. */
static void walk_learn(const struct filling *f, const uint8_t *classes, const struct worth *w, const uint32_t *order,
                       size_t n, struct tally *tallies)
{
    const uint32_t *ids = f->p->keys.ids;
    struct counted c;
    for (size_t begin = 0; begin < n; begin += AT_ONCE) {
        size_t count = n - begin < AT_ONCE ? n - begin : AT_ONCE;
        for (size_t i = 0; i < count; i++) {
            size_t at = begin + i, row = order ? order[at] : at, ahead = at + AHEAD < n ? at + AHEAD : at;
            __builtin_prefetch(&tallies[ids[order ? order[ahead] : ahead]], 1);
            struct tally *t = &tallies[ids[row]];
            c.rows[i] = row;
            c.good[i] = good_of(w, t);
            c.total[i] = (float)t->total;
            count_row(w, classes[row], t);
        }
        put_bins(f, &c, count);
    }
}

static void walk_eval(const struct filling *f, const uint8_t *classes, const struct worth *w,
                      const struct target_stats *s, struct tally *tallies)
{
    static const struct tally none = {.total = 0};
    for (size_t i = 0; i < s->learn->n; i++) {
        count_row(w, classes[i], &tallies[f->p->keys.ids[i]]);
    }
    struct counted c;
    for (size_t begin = 0; begin < s->eval->n; begin += AT_ONCE) {
        size_t count = s->eval->n - begin < AT_ONCE ? s->eval->n - begin : AT_ONCE;
        for (size_t i = 0; i < count; i++) {
            uint32_t key = f->p->keys.eval_ids[begin + i];
            const struct tally *t = key == UNSEEN ? &none : &tallies[key];
            c.rows[i] = begin + i;
            c.good[i] = good_of(w, t);
            c.total[i] = (float)t->total;
        }
        put_bins(f, &c, count);
    }
}

static int target_columns(const struct target_stats *s, const struct filling *f, const uint32_t *order, bool is_eval,
                          struct mrc_err *err)
{
    const struct stat *first = &f->p->list->stats[f->begin];
    const struct classifier *c = &s->classifiers[first->classifier - 1];
    struct worth worth = worth_of(first, c->n_borders + 1);
    struct tally *tallies = calloc((size_t)f->p->keys.n + 1, sizeof(*tallies));
    if (!tallies) {
        return no_memory(err);
    }
    if (is_eval) {
        walk_eval(f, c->classes, &worth, s, tallies);
    } else {
        walk_learn(f, c->classes, &worth, order, s->learn->n, tallies);
    }
    free(tallies);
    return MRC_OK;
}

/* Rows of a key over those of the most frequent: the whole learn set counts, in any order. */
static int counter_columns(const struct target_stats *s, const struct filling *f, bool is_eval, struct mrc_err *err)
{
    const struct stat_keys *keys = &f->p->keys;
    uint32_t *counts = calloc((size_t)keys->n + 1, sizeof(*counts)), top = 0;
    uint8_t *bin_of = malloc((size_t)keys->n + 1); /* the last: of a key that was not seen */
    if (!counts || !bin_of) {
        free(counts);
        free(bin_of);
        return no_memory(err);
    }
    for (size_t i = 0; i < s->learn->n; i++) {
        uint32_t v = ++counts[keys->ids[i]];
        top = v > top ? v : top;
    }
    size_t n = is_eval ? s->eval->n : s->learn->n, stride = f->p->list->n;
    const uint32_t *ids = is_eval ? keys->eval_ids : keys->ids;
    for (uint32_t k = f->begin; k < f->end; k++) {
        const struct stat *t = &f->p->list->stats[k];
        for (uint32_t key = 0; key <= keys->n; key++) {
            bin_of[key] = stat_bin(t, (float)counts[key], (float)top);
        }
        for (size_t i = 0; i < n; i++) {
            f->bins[i * stride + k] = bin_of[ids[i] == UNSEEN ? keys->n : ids[i]];
        }
    }
    free(counts);
    free(bin_of);
    return MRC_OK;
}

static int columns(const struct target_stats *s, const struct stat_projection *p, const uint32_t *order, bool is_eval,
                   uint8_t **out, struct mrc_err *err)
{
    size_t n = is_eval ? s->eval->n : s->learn->n;
    struct filling f = {.p = p, .bins = malloc(p->list->n * n + 1)};
    int rc = f.bins ? MRC_OK : no_memory(err);
    for (; rc == MRC_OK && f.begin < p->list->n; f.begin = f.end) {
        f.end = run_of(p->list, f.begin);
        rc = p->list->stats[f.begin].type == CTR_COUNTER ? counter_columns(s, &f, is_eval, err)
                                                         : target_columns(s, &f, order, is_eval, err);
    }
    if (rc < 0) {
        free(f.bins);
        return rc;
    }
    *out = f.bins;
    return MRC_OK;
}

/* Where the columns of a need are kept. */
static uint8_t **place_of(const struct target_stats *s, struct stat_need need)
{
    struct stat_projection *p = &s->projections[need.projection];
    return need.order == STATS_EVAL ? &p->eval_bins : &p->bins[need.order];
}

/* One thing that is to be computed. */
struct stat_work {
    struct stat_need need;
    const struct stat_projection *base; /* of keys */
};

static int compute_keys(const struct target_stats *s, const struct stat_work *w, struct mrc_err *err)
{
    struct stat_projection *p = &s->projections[w->need.projection];
    return find_keys(s, p, w->base, &p->keys, err);
}

static int compute_columns(const struct target_stats *s, const struct stat_work *w, struct mrc_err *err)
{
    const struct stat_projection *p = &s->projections[w->need.projection];
    bool is_eval = w->need.order == STATS_EVAL;
    return columns(s, p, is_eval ? NULL : s->orders[w->need.order], is_eval, place_of(s, w->need), err);
}

typedef int stat_worker(const struct target_stats *s, const struct stat_work *w, struct mrc_err *err);

static int compute(const struct target_stats *s, const struct stat_work *work, int n, stat_worker *worker, int threads,
                   struct mrc_err *err)
{
    bool failed = false; /* for want of memory: nothing else can fail here */
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (threads > 1 && n > 1)
    for (int i = 0; i < n; i++) {
        struct mrc_err own;
        if (worker(s, &work[i], &own) < 0) {
#pragma omp atomic write
            failed = true;
        }
    }
    return failed ? no_memory(err) : MRC_OK;
}

static bool is_wanted(const struct stat_work *work, int n, struct stat_need need, bool any_order)
{
    for (int i = 0; i < n; i++) {
        if (work[i].need.projection == need.projection && (any_order || work[i].need.order == need.order)) {
            return false;
        }
    }
    return true;
}

int stats_compute(struct target_stats *s, const struct stat_need *needs, uint32_t n_needs, int threads,
                  struct mrc_err *err)
{
    struct stat_work *work = calloc((size_t)n_needs + 1, sizeof(*work));
    if (!work) {
        return no_memory(err);
    }
    int n = 0;
    for (uint32_t i = 0; i < n_needs; i++) {
        const struct stat_projection *p = &s->projections[needs[i].projection];
        if (!p->keys.ids && is_wanted(work, n, needs[i], true)) {
            work[n++] = (struct stat_work){needs[i], find_base(s, &p->members)};
        }
    }
    int rc = compute(s, work, n, compute_keys, threads, err);
    n = 0;
    for (uint32_t i = 0; rc == MRC_OK && i < n_needs; i++) {
        if (!*place_of(s, needs[i]) && is_wanted(work, n, needs[i], false)) {
            work[n++] = (struct stat_work){.need = needs[i]};
        }
    }
    rc = rc == MRC_OK ? compute(s, work, n, compute_columns, threads, err) : rc;
    free(work);
    return rc;
}

struct column stats_column(const struct target_stats *s, uint32_t projection, uint32_t stat, uint32_t order)
{
    return (struct column){.u8 = *place_of(s, (struct stat_need){projection, order}) + stat,
                           .stride = s->projections[projection].list->n};
}

/* ---- tables ---------------------------------------------------------------------------------------------------- */

static uint64_t key_hash(const struct target_stats *s, const struct stat_projection *p, size_t row)
{
    uint64_t h = 0;
    for (uint32_t k = 0; k < p->members.n_cats; k++) {
        const struct cat_column *c = &s->learn->cats[p->members.cats[k]];
        h = projection_mix(h, hash_of_cat(c->hashes[c->ids[row]]));
    }
    for (uint32_t k = 0; k < p->members.n_splits; k++) {
        h = projection_mix(h, key_split_value(&p->members.splits[k], s->learn, row));
    }
    return h;
}

static int fill_table(const struct target_stats *s, const struct stat_projection *p, const struct stat_keys *k,
                      const struct stat *t, struct arena *a, struct ctr_table *out, struct mrc_err *err)
{
    bool counter = t->type == CTR_COUNTER, mean = t->type == CTR_BINARIZED_TARGET_MEAN;
    const struct classifier *c = counter ? NULL : &s->classifiers[t->classifier - 1];
    uint32_t n_classes = c && !mean ? c->n_borders + 1 : 1;
    uint64_t *keys = ARENA_ARRAY(a, k->n, uint64_t);
    int32_t *counts = ARENA_ARRAY(a, (size_t)k->n * n_classes, int32_t);
    float *sums = mean ? ARENA_ARRAY(a, k->n, float) : NULL;
    if (!keys || !counts || (mean && !sums)) {
        return arena_fail(a, err);
    }
    int32_t top = 0;
    for (size_t i = 0; i < s->learn->n; i++) {
        uint32_t key = k->ids[i];
        keys[key] = keys[key] ? keys[key] : key_hash(s, p, i);
        if (mean) {
            sums[key] += c->n_borders > 0 ? (float)c->classes[i] / (float)c->n_borders : 0.0f;
        }
        int32_t count = ++counts[(size_t)key * n_classes + (counter || mean ? 0 : c->classes[i])];
        top = count > top ? count : top;
    }
    out->type = t->type;
    out->target_classifier = (int32_t)t->classifier;
    out->counter_denominator = counter ? top : 0;
    out->target_classes = counter || mean ? 0 : (int32_t)n_classes;
    out->n_keys = k->n;
    out->keys = keys;
    out->counts = counts;
    out->sums = sums;
    return MRC_OK;
}

int stats_table(const struct target_stats *s, uint32_t projection, const struct stat *t, struct arena *a,
                struct ctr_table *out, struct mrc_err *err)
{
    const struct stat_projection *p = &s->projections[projection];
    if (p->keys.ids) {
        return fill_table(s, p, &p->keys, t, a, out, err);
    }
    struct stat_keys keys;
    MRC_TRY(find_keys(s, p, find_base(s, &p->members), &keys, err));
    int rc = fill_table(s, p, &keys, t, a, out, err);
    stat_keys_release(&keys);
    return rc;
}
