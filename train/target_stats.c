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

static void forget_bins(const struct target_stats *s, struct stat_projection *p)
{
    for (uint32_t o = 0; p->bins && o < s->n_orders; o++) {
        free(p->bins[o]);
        p->bins[o] = NULL;
    }
    free(p->eval_bins);
    p->eval_bins = NULL;
}

static void forget_keys(struct stat_projection *p)
{
    if (p->owns_ids) {
        free(p->ids);
        free(p->eval_ids);
    }
    p->ids = p->eval_ids = NULL;
}

void stats_release(struct target_stats *s)
{
    for (uint32_t i = 0; i < s->n_projections; i++) {
        struct stat_projection *p = &s->projections[i];
        forget_bins(s, p);
        forget_keys(p);
        free(p->bins);
        free(p->cats);
        free(p->splits);
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

void stats_forget_columns(struct target_stats *s)
{
    for (uint32_t i = 0; i < s->n_projections; i++) {
        struct stat_projection *p = &s->projections[i];
        if (p->n_cats + p->n_splits > 1) {
            forget_bins(s, p);
            if (p->used_types == 0) {
                forget_keys(p);
            }
        }
    }
}

/* ---- keys of projections --------------------------------------------------------------------------------------- */

/* Numbers for pairs (id so far, value): open addressing, grown at half load. */
struct pair_table {
    uint64_t *pairs; /* pair + 1; 0 = empty */
    uint32_t *ids;
    size_t capacity, used;
};

static size_t pair_slot(const struct pair_table *t, uint64_t pair)
{
    size_t at = (size_t)((pair * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (t->capacity - 1);
    while (t->pairs[at] != 0 && t->pairs[at] != pair + 1) {
        at = (at + 1) & (t->capacity - 1);
    }
    return at;
}

static bool pair_grow(struct pair_table *t)
{
    struct pair_table bigger = {.capacity = t->capacity ? 2 * t->capacity : 4096};
    bigger.pairs = calloc(bigger.capacity, sizeof(*bigger.pairs));
    bigger.ids = malloc(bigger.capacity * sizeof(*bigger.ids));
    if (!bigger.pairs || !bigger.ids) {
        free(bigger.pairs);
        free(bigger.ids);
        return false;
    }
    for (size_t i = 0; i < t->capacity; i++) {
        if (t->pairs[i] != 0) {
            size_t at = pair_slot(&bigger, t->pairs[i] - 1);
            bigger.pairs[at] = t->pairs[i];
            bigger.ids[at] = t->ids[i];
        }
    }
    bigger.used = t->used;
    free(t->pairs);
    free(t->ids);
    *t = bigger;
    return true;
}

/* One member of a projection: the value of each row. */
struct member {
    const struct cat_column *cat; /* or */
    const struct split *split;
};

static uint32_t member_value(const struct member *m, const struct pool *pool, size_t i)
{
    if (m->cat) {
        return m->cat->ids[i];
    }
    if (m->split->kind == SPLIT_ONE_HOT) {
        return pool->cats[m->split->feature].ids[i] == m->split->bin;
    }
    return column_at(&pool->floats[m->split->feature], i) > m->split->bin;
}

/* ids[i] <- number of (ids[i], value of the member) among the learn rows. */
static int refine(struct stat_projection *p, const struct pool *learn, const struct pool *eval,
                  struct member learn_member, struct member eval_member, struct mrc_err *err)
{
    struct pair_table t = {0};
    bool ok = pair_grow(&t);
    for (size_t i = 0; ok && i < learn->n; i++) {
        uint64_t pair = (uint64_t)p->ids[i] << 32 | member_value(&learn_member, learn, i);
        size_t at = pair_slot(&t, pair);
        if (t.pairs[at] == 0) {
            t.pairs[at] = pair + 1;
            t.ids[at] = (uint32_t)t.used++;
        }
        p->ids[i] = t.ids[at];
        if (t.used * 2 > t.capacity) {
            ok = pair_grow(&t);
        }
    }
    for (size_t i = 0; ok && eval && i < eval->n; i++) {
        uint32_t value = member_value(&eval_member, eval, i);
        if (p->eval_ids[i] == UNSEEN || (eval_member.cat && value == UNSEEN)) {
            p->eval_ids[i] = UNSEEN;
            continue;
        }
        size_t at = pair_slot(&t, (uint64_t)p->eval_ids[i] << 32 | value);
        p->eval_ids[i] = t.pairs[at] == 0 ? UNSEEN : t.ids[at];
    }
    p->n_keys = (uint32_t)t.used;
    free(t.pairs);
    free(t.ids);
    return ok ? MRC_OK : no_memory(err);
}

static int compute_keys(struct target_stats *s, struct stat_projection *p, struct mrc_err *err)
{
    const struct pool *learn = s->learn, *eval = s->eval;
    p->n_keys = learn->cats[p->cats[0]].n_ids;
    if (p->n_cats + p->n_splits == 1) {
        p->ids = learn->cats[p->cats[0]].ids;
        p->eval_ids = eval ? eval->cats[p->cats[0]].ids : NULL;
        return MRC_OK;
    }
    p->owns_ids = true;
    p->ids = malloc(learn->n * sizeof(*p->ids));
    p->eval_ids = eval ? malloc(eval->n * sizeof(*p->eval_ids)) : NULL;
    if (!p->ids || (eval && !p->eval_ids)) {
        return no_memory(err);
    }
    memcpy(p->ids, learn->cats[p->cats[0]].ids, learn->n * sizeof(*p->ids));
    if (eval) {
        memcpy(p->eval_ids, eval->cats[p->cats[0]].ids, eval->n * sizeof(*p->eval_ids));
    }
    for (uint32_t k = 1; k < p->n_cats; k++) {
        struct member m = {.cat = &learn->cats[p->cats[k]]};
        struct member e = {.cat = eval ? &eval->cats[p->cats[k]] : NULL};
        MRC_TRY(refine(p, learn, eval, m, e, err));
    }
    for (uint32_t k = 0; k < p->n_splits; k++) {
        struct member m = {.split = &p->splits[k]};
        MRC_TRY(refine(p, learn, eval, m, m, err));
    }
    return MRC_OK;
}

static bool same_members(const struct stat_projection *p, const uint32_t *cats, uint32_t n_cats,
                         const struct split *splits, uint32_t n_splits)
{
    if (p->n_cats != n_cats || p->n_splits != n_splits || memcmp(p->cats, cats, n_cats * sizeof(*cats)) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < n_splits; i++) {
        const struct split *a = &p->splits[i], *b = &splits[i];
        if (a->kind != b->kind || a->feature != b->feature || a->bin != b->bin) {
            return false;
        }
    }
    return true;
}

int stats_projection(struct target_stats *s, const uint32_t *cats, uint32_t n_cats, const struct split *splits,
                     uint32_t n_splits, uint32_t *out, struct mrc_err *err)
{
    for (uint32_t i = 0; i < s->n_projections; i++) {
        if (same_members(&s->projections[i], cats, n_cats, splits, n_splits)) {
            *out = i;
            return s->projections[i].ids ? MRC_OK : compute_keys(s, &s->projections[i], err);
        }
    }
    if (s->n_projections == s->capacity) {
        uint32_t capacity = s->capacity ? 2 * s->capacity : 32;
        struct stat_projection *more = realloc(s->projections, capacity * sizeof(*more));
        if (!more) {
            return no_memory(err);
        }
        s->projections = more;
        s->capacity = capacity;
    }
    struct stat_projection *p = &s->projections[s->n_projections];
    *p = (struct stat_projection){.n_cats = n_cats, .n_splits = n_splits};
    p->list = n_cats + n_splits == 1 ? &s->simple : &s->combined;
    p->cats = malloc(((size_t)n_cats + 1) * sizeof(*p->cats));
    p->splits = malloc(((size_t)n_splits + 1) * sizeof(*p->splits));
    p->bins = calloc(s->n_orders, sizeof(*p->bins));
    s->n_projections++; /* stats_release frees what there is */
    if (!p->cats || !p->splits || !p->bins) {
        return no_memory(err);
    }
    memcpy(p->cats, cats, n_cats * sizeof(*cats));
    if (n_splits > 0) {
        memcpy(p->splits, splits, n_splits * sizeof(*splits));
    }
    *out = s->n_projections - 1;
    return compute_keys(s, p, err);
}

/* ---- columns --------------------------------------------------------------------------------------------------- */

static uint8_t stat_bin(const struct stat *t, float good, float total)
{
    float ratio = (good + t->prior) / (total + 1);
    return (uint8_t)((ratio + t->shift) / t->norm * (float)t->border_count);
}

/* Count of class(es) that a statistic calls good. */
static uint32_t good_of(const struct stat *t, const uint32_t *counts, uint32_t n_classes)
{
    if (t->type == CTR_BUCKETS) {
        return counts[t->target_border];
    }
    uint32_t good = 0;
    for (uint32_t c = t->target_border + 1; c < n_classes; c++) {
        good += counts[c];
    }
    return good;
}

/* Statistics [begin, end) of a list share type, classifier and border count: one walk fills them all. */
static uint32_t run_of(const struct stat_list *list, uint32_t begin)
{
    uint32_t end = begin + 1;
    while (end < list->n && list->stats[end].type == list->stats[begin].type &&
           list->stats[end].classifier == list->stats[begin].classifier) {
        end++;
    }
    return end;
}

static int key_counts(const struct stat_projection *p, size_t n, uint32_t **counts, uint32_t *top, struct mrc_err *err)
{
    uint32_t *c = calloc((size_t)p->n_keys + 1, sizeof(*c));
    if (!c) {
        return no_memory(err);
    }
    *top = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t v = ++c[p->ids[i]];
        *top = v > *top ? v : *top;
    }
    *counts = c;
    return MRC_OK;
}

static int counter_columns(const struct target_stats *s, const struct stat_projection *p, uint32_t begin, uint32_t end,
                           bool is_eval, uint8_t *bins, struct mrc_err *err)
{
    uint32_t *counts = NULL, top = 0;
    MRC_TRY(key_counts(p, s->learn->n, &counts, &top, err));
    size_t n = is_eval ? s->eval->n : s->learn->n;
    const uint32_t *ids = is_eval ? p->eval_ids : p->ids;
    for (uint32_t k = begin; k < end; k++) {
        const struct stat *t = &p->list->stats[k];
        for (size_t i = 0; i < n; i++) {
            bins[i * p->list->n + k] = stat_bin(t, ids[i] == UNSEEN ? 0.0f : (float)counts[ids[i]], (float)top);
        }
    }
    free(counts);
    return MRC_OK;
}

/* Bins of one row from the counts of its key so far. */
static void fill_row(const struct stat_projection *p, uint32_t begin, uint32_t end, const uint32_t *counts, float sum,
                     uint32_t n_classes, size_t row, uint8_t *bins)
{
    uint32_t total = 0;
    for (uint32_t c = 0; c < n_classes; c++) {
        total += counts[c];
    }
    for (uint32_t k = begin; k < end; k++) {
        const struct stat *t = &p->list->stats[k];
        float good = t->type == CTR_BINARIZED_TARGET_MEAN ? sum : (float)good_of(t, counts, n_classes);
        bins[row * p->list->n + k] = stat_bin(t, good, (float)total);
    }
}

static int target_columns(const struct target_stats *s, const struct stat_projection *p, uint32_t begin, uint32_t end,
                          const uint32_t *order, bool is_eval, uint8_t *bins, struct mrc_err *err)
{
    static const uint32_t none[256] = {0};
    const struct classifier *c = &s->classifiers[p->list->stats[begin].classifier - 1];
    uint32_t n_classes = c->n_borders + 1;
    uint32_t *counts = calloc((size_t)p->n_keys * n_classes + 1, sizeof(*counts));
    float *sums = calloc((size_t)p->n_keys + 1, sizeof(*sums));
    if (!counts || !sums) {
        free(counts);
        free(sums);
        return no_memory(err);
    }
    size_t n = s->learn->n;
    for (size_t i = 0; i < n; i++) {
        size_t row = order ? order[i] : i;
        uint32_t key = p->ids[row];
        if (!is_eval) {
            fill_row(p, begin, end, counts + (size_t)key * n_classes, sums[key], n_classes, row, bins);
        }
        counts[(size_t)key * n_classes + c->classes[row]]++;
        sums[key] += n_classes > 1 ? (float)c->classes[row] / (float)(n_classes - 1) : 0.0f;
    }
    for (size_t i = 0; is_eval && i < s->eval->n; i++) {
        uint32_t key = p->eval_ids[i];
        bool seen = key != UNSEEN;
        fill_row(p, begin, end, seen ? counts + (size_t)key * n_classes : none, seen ? sums[key] : 0, n_classes,
                 i, bins);
    }
    free(counts);
    free(sums);
    return MRC_OK;
}

static int columns(const struct target_stats *s, const struct stat_projection *p, const uint32_t *order, bool is_eval,
                   uint8_t **out, struct mrc_err *err)
{
    size_t n = is_eval ? s->eval->n : s->learn->n;
    uint8_t *bins = malloc(p->list->n * n + 1);
    int rc = bins ? MRC_OK : no_memory(err);
    for (uint32_t begin = 0, end; rc == MRC_OK && begin < p->list->n; begin = end) {
        end = run_of(p->list, begin);
        rc = p->list->stats[begin].type == CTR_COUNTER ? counter_columns(s, p, begin, end, is_eval, bins, err)
                                                       : target_columns(s, p, begin, end, order, is_eval, bins, err);
    }
    if (rc < 0) {
        free(bins);
        return rc;
    }
    *out = bins;
    return MRC_OK;
}

int stats_compute(struct target_stats *s, uint32_t projection, uint32_t order, struct mrc_err *err)
{
    struct stat_projection *p = &s->projections[projection];
    return p->bins[order] ? MRC_OK : columns(s, p, s->orders[order], false, &p->bins[order], err);
}

int stats_compute_eval(struct target_stats *s, uint32_t projection, struct mrc_err *err)
{
    struct stat_projection *p = &s->projections[projection];
    return p->eval_bins || !s->eval ? MRC_OK : columns(s, p, NULL, true, &p->eval_bins, err);
}

struct column stats_column(const struct target_stats *s, uint32_t projection, uint32_t stat, uint32_t order)
{
    const struct stat_projection *p = &s->projections[projection];
    return (struct column){.u8 = p->bins[order] + stat, .stride = p->list->n};
}

struct column stats_eval_column(const struct target_stats *s, uint32_t projection, uint32_t stat)
{
    const struct stat_projection *p = &s->projections[projection];
    return (struct column){.u8 = p->eval_bins + stat, .stride = p->list->n};
}

/* ---- tables ---------------------------------------------------------------------------------------------------- */

static uint64_t key_hash(const struct target_stats *s, const struct stat_projection *p, size_t row)
{
    uint64_t h = 0;
    for (uint32_t k = 0; k < p->n_cats; k++) {
        const struct cat_column *c = &s->learn->cats[p->cats[k]];
        h = projection_mix(h, hash_of_cat(c->hashes[c->ids[row]]));
    }
    for (uint32_t k = 0; k < p->n_splits; k++) {
        struct member m = {.split = &p->splits[k]};
        h = projection_mix(h, member_value(&m, s->learn, row));
    }
    return h;
}

int stats_table(const struct target_stats *s, uint32_t projection, const struct stat *t, struct arena *a,
                struct ctr_table *out, struct mrc_err *err)
{
    const struct stat_projection *p = &s->projections[projection];
    bool counter = t->type == CTR_COUNTER, mean = t->type == CTR_BINARIZED_TARGET_MEAN;
    const struct classifier *c = counter ? NULL : &s->classifiers[t->classifier - 1];
    uint32_t n_classes = c && !mean ? c->n_borders + 1 : 1;
    uint64_t *keys = ARENA_ARRAY(a, p->n_keys, uint64_t);
    int32_t *counts = ARENA_ARRAY(a, (size_t)p->n_keys * n_classes, int32_t);
    float *sums = mean ? ARENA_ARRAY(a, p->n_keys, float) : NULL;
    if (!keys || !counts || (mean && !sums)) {
        return arena_fail(a, err);
    }
    int32_t top = 0;
    for (size_t i = 0; i < s->learn->n; i++) {
        uint32_t key = p->ids[i];
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
    out->n_keys = p->n_keys;
    out->keys = keys;
    out->counts = counts;
    out->sums = sums;
    return MRC_OK;
}
