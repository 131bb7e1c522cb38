/* Structure search: candidates of a level, their histograms and scores, the choice, the partition of rows by leaf. */
#include "train/tree.h"
#include "train/histogram.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { NO_LEVEL = -1, NOISE_SKIP = 10, PARALLEL_MIN = 20000 };
static const size_t HISTOGRAM_BYTES_MAX = (size_t)512 << 20;

enum { PACK_MAX = 8 };

/* Up to eight columns with two bins each, their bits side by side in one column of bytes: one histogram serves them
 * all. As in CatBoost they compete among themselves first, with one number of noise for the winner. */
struct pack {
    uint32_t n;
    struct split splits[PACK_MAX];
    struct column columns[PACK_MAX];
    uint8_t *bits; /* [rows] */
    uint32_t live; /* bit per member: takes part in this level */
};

/* One number of rsm: a group, or a member of a pack, in the order in which CatBoost draws them. */
struct draw {
    uint32_t group;
    struct pack *pack; /* not NULL: the member with this bit instead */
    uint32_t bit;
};

/* One column that may be split. */
struct candidate {
    const struct pack *pack; /* or NULL */
    enum split_kind kind;
    uint32_t feature, ctr;
    struct column column;
    uint32_t n_bins, n_splits;
    double *hist;   /* [leaves of the last level][n_bins][dim + 1], or NULL when memory does not allow to keep it */
    int hist_level; /* level whose leaves hist has, or NO_LEVEL */
    double best_score;
    uint32_t best_bin;
    bool is_live; /* takes part in this level */
};

/* Candidates drawn together: a column, or all statistics of a projection. */
struct group {
    uint32_t begin, end;
    bool is_live;
};

/* Memory of one thread. */
struct scratch {
    double *num, *den, *hist;
};

struct segment {
    size_t begin, end;
};

struct tree_search {
    const struct pool *pool;
    struct target_stats *stats;
    const struct params *params;
    uint32_t dim;
    int threads;
    double l2;

    uint32_t n_candidates, candidate_capacity, n_groups, group_capacity;
    uint32_t n_fixed_candidates, n_fixed_groups; /* those that every tree has: floats, one-hots, simple statistics */
    struct candidate *candidates;
    struct group *groups;
    uint32_t n_packs, n_draws;
    struct pack *packs;
    struct draw *draws;             /* [floats + cats] */
    uint32_t n_eligible, *eligible; /* categorical columns with statistics */
    uint32_t *simple_projection;    /* [n_eligible] */
    bool keep_histograms;
    uint32_t scratch_bins;
    struct scratch *scratch; /* [threads] */

    size_t n_rows; /* rows sampled */
    uint32_t *rows, *rows_spare;
    double *gradients, *gradients_spare;
    struct segment *segments; /* [leaves] */
    uint16_t *leaf_of;        /* [n] all rows */
    uint32_t *leaf_count;     /* [leaves] all rows */
};

static int no_memory(struct mrc_err *err)
{
    return mrc_fail(err, MRC_ENOMEM, "no memory for the tree search");
}

/* ---- candidates ------------------------------------------------------------------------------------------------ */

static int add_candidate(struct tree_search *s, struct candidate c, struct mrc_err *err)
{
    if (s->n_candidates == s->candidate_capacity) {
        uint32_t capacity = s->candidate_capacity ? 2 * s->candidate_capacity : 256;
        struct candidate *more = realloc(s->candidates, capacity * sizeof(*more));
        if (!more) {
            return no_memory(err);
        }
        s->candidates = more;
        s->candidate_capacity = capacity;
    }
    c.hist = NULL;
    c.hist_level = NO_LEVEL;
    s->candidates[s->n_candidates++] = c;
    return MRC_OK;
}

static int add_group(struct tree_search *s, uint32_t begin, struct mrc_err *err)
{
    if (s->n_groups == s->group_capacity) {
        uint32_t capacity = s->group_capacity ? 2 * s->group_capacity : 256;
        struct group *more = realloc(s->groups, capacity * sizeof(*more));
        if (!more) {
            return no_memory(err);
        }
        s->groups = more;
        s->group_capacity = capacity;
    }
    s->groups[s->n_groups++] = (struct group){.begin = begin, .end = s->n_candidates, .is_live = true};
    return MRC_OK;
}

static int add_statistics(struct tree_search *s, uint32_t projection, struct mrc_err *err)
{
    uint32_t begin = s->n_candidates;
    const struct stat_list *list = s->stats->projections[projection].list;
    for (uint32_t k = 0; k < list->n; k++) {
        struct candidate c = {.kind = SPLIT_CTR,
                              .feature = projection,
                              .ctr = k,
                              .n_bins = list->stats[k].border_count + 1,
                              .n_splits = list->stats[k].border_count};
        MRC_TRY(add_candidate(s, c, err));
    }
    return list->n > 0 ? add_group(s, begin, err) : MRC_OK;
}

static int add_column(struct tree_search *s, struct candidate c, struct mrc_err *err)
{
    MRC_TRY(add_candidate(s, c, err));
    MRC_TRY(add_group(s, s->n_candidates - 1, err));
    if (!c.pack) {
        s->draws[s->n_draws++] = (struct draw){.group = s->n_groups - 1};
    }
    return MRC_OK;
}

static void add_member(struct tree_search *s, struct split split, struct column column)
{
    if (s->n_packs == 0 || s->packs[s->n_packs - 1].n == PACK_MAX) {
        s->n_packs++;
    }
    struct pack *p = &s->packs[s->n_packs - 1];
    s->draws[s->n_draws++] = (struct draw){.pack = p, .bit = 1u << p->n};
    p->splits[p->n] = split;
    p->columns[p->n++] = column;
}

static int add_packs(struct tree_search *s, struct mrc_err *err)
{
    for (uint32_t i = 0; i < s->n_packs; i++) {
        struct pack *p = &s->packs[i];
        p->bits = calloc(s->pool->n, 1);
        if (!p->bits) {
            return no_memory(err);
        }
        for (uint32_t k = 0; k < p->n; k++) {
            for (size_t row = 0; row < s->pool->n; row++) {
                bool yes = split_test(&p->splits[k], column_at(&p->columns[k], row));
                p->bits[row] = (uint8_t)(p->bits[row] | yes << k);
            }
        }
        struct candidate c = {.pack = p, .column = {.u8 = p->bits}, .n_bins = 1u << p->n, .n_splits = p->n};
        MRC_TRY(add_column(s, c, err));
    }
    return MRC_OK;
}

/* Columns that every tree may split, in CatBoost's order: floats, one-hots, packs of those with two values, statistics.
 */
static int add_fixed(struct tree_search *s, struct mrc_err *err)
{
    const struct pool *pool = s->pool;
    for (uint32_t k = 0; k < pool->n_floats; k++) {
        uint32_t borders = pool->grids[k].n_borders;
        struct candidate c = {.kind = SPLIT_FLOAT, .feature = k, .column = pool->floats[k], .n_bins = borders + 1};
        c.n_splits = borders;
        if (borders == 1) {
            add_member(s, (struct split){.kind = SPLIT_FLOAT, .feature = k}, c.column);
        } else if (borders > 1) {
            MRC_TRY(add_column(s, c, err));
        }
    }
    for (uint32_t k = 0; k < pool->n_cats; k++) {
        const struct cat_column *cat = &pool->cats[k];
        struct candidate c = {.kind = SPLIT_ONE_HOT, .feature = k, .column = cat->bins, .n_bins = cat->n_ids};
        c.n_splits = cat->n_ids;
        if (cat->bins.u8 && cat->n_ids == 2) {
            add_member(s, (struct split){.kind = SPLIT_ONE_HOT, .feature = k, .bin = 1}, c.column);
        } else if (cat->bins.u8) {
            MRC_TRY(add_column(s, c, err));
        } else if (cat->n_ids > 1 && s->stats && s->params->max_ctr_complexity > 0) {
            s->eligible[s->n_eligible++] = k;
        }
    }
    MRC_TRY(add_packs(s, err));
    for (uint32_t i = 0; i < s->n_eligible; i++) {
        MRC_TRY(stats_projection(s->stats, &s->eligible[i], 1, NULL, 0, &s->simple_projection[i], err));
        MRC_TRY(add_statistics(s, s->simple_projection[i], err));
    }
    s->n_fixed_candidates = s->n_candidates;
    s->n_fixed_groups = s->n_groups;
    return MRC_OK;
}

/* Splits by (kind: floats first, feature, bin), as projections want them. */
static int compare_splits(const void *a, const void *b)
{
    const struct split *x = a, *y = b;
    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }
    if (x->feature != y->feature) {
        return x->feature < y->feature ? -1 : 1;
    }
    return (x->bin > y->bin) - (x->bin < y->bin);
}

struct base {
    uint32_t n_cats, n_splits;
    uint32_t cats[16];
    struct split splits[TREE_DEPTH_MAX];
};

/* base plus a categorical column: false when it has it, or would be more complex than allowed. */
static bool extend(const struct base *base, uint32_t cat, int64_t complexity, struct base *out)
{
    if (base->n_cats + 1 + (base->n_splits > 0) > complexity || base->n_cats + 1 > 16) {
        return false;
    }
    *out = *base;
    uint32_t at = 0;
    while (at < out->n_cats && out->cats[at] < cat) {
        at++;
    }
    if (at < out->n_cats && out->cats[at] == cat) {
        return false;
    }
    memmove(out->cats + at + 1, out->cats + at, (out->n_cats - at) * sizeof(*out->cats));
    out->cats[at] = cat;
    out->n_cats++;
    return true;
}

/* What this tree's statistics may be built on: its plain splits as one, and the projection of each statistic in it. */
static uint32_t collect_bases(const struct tree_search *s, const struct tree *tree, struct base *bases)
{
    uint32_t n = 0;
    struct base plain = {0};
    for (uint32_t i = 0; i < tree->depth; i++) {
        if (tree->splits[i].kind != SPLIT_CTR) {
            plain.splits[plain.n_splits++] = tree->splits[i];
        }
    }
    qsort(plain.splits, plain.n_splits, sizeof(plain.splits[0]), compare_splits);
    if (plain.n_splits > 0) {
        bases[n++] = plain;
    }
    for (uint32_t i = 0; i < tree->depth; i++) {
        if (tree->splits[i].kind != SPLIT_CTR) {
            continue;
        }
        bool seen = false;
        for (uint32_t k = 0; k < i; k++) {
            seen = seen || (tree->splits[k].kind == SPLIT_CTR && tree->splits[k].feature == tree->splits[i].feature);
        }
        if (!seen) {
            const struct stat_projection *p = &s->stats->projections[tree->splits[i].feature];
            struct base *b = &bases[n++];
            *b = (struct base){.n_cats = p->n_cats, .n_splits = p->n_splits};
            memcpy(b->cats, p->cats, p->n_cats * sizeof(*p->cats));
            memcpy(b->splits, p->splits, p->n_splits * sizeof(*p->splits));
        }
    }
    return n;
}

static void drop_combined(struct tree_search *s)
{
    for (uint32_t i = s->n_fixed_candidates; i < s->n_candidates; i++) {
        free(s->candidates[i].hist);
    }
    s->n_candidates = s->n_fixed_candidates;
    s->n_groups = s->n_fixed_groups;
}

/* Is the projection among the combined groups of this tree? Its group, or n_groups. */
static uint32_t find_group(const struct tree_search *s, uint32_t projection)
{
    for (uint32_t g = s->n_fixed_groups; g < s->n_groups; g++) {
        if (s->candidates[s->groups[g].begin].feature == projection) {
            return g;
        }
    }
    return s->n_groups;
}

/* Combined statistics of this level. Those of earlier levels are kept: their bases are still in the tree, except that
 * the plain splits have become more. */
static int add_combined(struct tree_search *s, const struct tree_task *task, const struct tree *tree,
                        struct mrc_err *err)
{
    struct base bases[TREE_DEPTH_MAX + 1], wider;
    uint32_t n = collect_bases(s, tree, bases);
    for (uint32_t g = s->n_fixed_groups; g < s->n_groups; g++) {
        s->groups[g].is_live = false;
    }
    for (uint32_t b = 0; b < n; b++) {
        for (uint32_t i = 0; i < s->n_eligible; i++) {
            bool drawn = random_real(task->random) <= s->params->rsm;
            if (!drawn || !extend(&bases[b], s->eligible[i], s->params->max_ctr_complexity, &wider)) {
                continue;
            }
            uint32_t projection;
            MRC_TRY(
                stats_projection(s->stats, wider.cats, wider.n_cats, wider.splits, wider.n_splits, &projection, err));
            uint32_t g = find_group(s, projection);
            if (g == s->n_groups) {
                MRC_TRY(add_statistics(s, projection, err));
            }
            if (g < s->n_groups) {
                s->groups[g].is_live = true;
            }
        }
    }
    return MRC_OK;
}

/* Who takes part in this level; random draws as CatBoost makes them. */
static int draw_candidates(struct tree_search *s, const struct tree_task *task, const struct tree *tree,
                           struct mrc_err *err)
{
    for (uint32_t i = 0; i < s->n_packs; i++) {
        s->packs[i].live = 0;
    }
    for (uint32_t i = 0; i < s->n_draws; i++) {
        bool live = random_real(task->random) <= s->params->rsm;
        if (s->draws[i].pack) {
            s->draws[i].pack->live |= live ? s->draws[i].bit : 0;
        } else {
            s->groups[s->draws[i].group].is_live = live;
        }
    }
    for (uint32_t g = 0; g < s->n_fixed_groups; g++) {
        const struct candidate *first = &s->candidates[s->groups[g].begin];
        if (first->pack) {
            s->groups[g].is_live = first->pack->live != 0;
        } else if (first->kind == SPLIT_CTR) {
            s->groups[g].is_live = random_real(task->random) <= s->params->rsm;
        }
    }
    if (s->n_eligible > 0) { /* draws numbers even where no combination is allowed */
        MRC_TRY(add_combined(s, task, tree, err));
    }
    for (uint32_t g = 0; g < s->n_groups; g++) {
        for (uint32_t c = s->groups[g].begin; c < s->groups[g].end; c++) {
            struct candidate *k = &s->candidates[c];
            k->is_live = s->groups[g].is_live;
            if (k->is_live && !k->pack && k->kind == SPLIT_CTR) {
                MRC_TRY(stats_compute(s->stats, k->feature, task->order, err));
                k->column = stats_column(s->stats, k->feature, k->ctr, task->order);
            }
        }
    }
    return MRC_OK;
}

/* ---- scoring --------------------------------------------------------------------------------------------------- */

static size_t hist_size(const struct tree_search *s, const struct candidate *c)
{
    return (size_t)c->n_bins * (s->dim + 1);
}

static void build_leaf(const struct tree_search *s, const struct candidate *c, uint32_t leaf, double *hist)
{
    histogram_build(hist, &c->column, c->n_bins, s->dim, s->rows, s->gradients, s->segments[leaf].begin,
                    s->segments[leaf].end);
}

/* Bring the kept histograms to this level: the smaller child of each leaf is summed, the other is the difference. */
static void update_histograms(const struct tree_search *s, struct candidate *c, uint32_t level)
{
    size_t size = hist_size(s, c);
    uint32_t leaves = 1u << level;
    if (level > 0 && c->hist_level == (int)level - 1) {
        for (uint32_t leaf = 0; leaf < leaves / 2; leaf++) {
            uint32_t other = leaf + leaves / 2;
            bool small_is_true =
                s->segments[other].end - s->segments[other].begin <= s->segments[leaf].end - s->segments[leaf].begin;
            build_leaf(s, c, small_is_true ? other : leaf, c->hist + other * size);
            histogram_subtract(c->hist + leaf * size, c->hist + other * size, c->n_bins, s->dim, !small_is_true);
        }
    } else {
        for (uint32_t leaf = 0; leaf < leaves; leaf++) {
            build_leaf(s, c, leaf, c->hist + leaf * size);
        }
    }
    c->hist_level = (int)level;
}

static void score_candidate(const struct tree_search *s, const struct tree_task *task, struct candidate *c,
                            uint32_t level, struct scratch *t, struct random *noise)
{
    for (uint32_t k = 0; k < c->n_splits; k++) {
        t->num[k] = 0;
        t->den[k] = 1e-100;
    }
    size_t size = hist_size(s, c);
    if (c->hist) {
        update_histograms(s, c, level);
    }
    for (uint32_t leaf = 0; leaf < 1u << level; leaf++) {
        if (!c->hist) {
            build_leaf(s, c, leaf, t->hist);
        }
        const double *hist = c->hist ? c->hist + leaf * size : t->hist;
        if (c->pack) {
            histogram_score_bits(hist, c->n_splits, s->dim, s->l2, t->num, t->den);
        } else {
            histogram_score(hist, c->n_bins, s->dim, c->kind == SPLIT_ONE_HOT, s->l2, t->num, t->den);
        }
    }
    bool cosine = s->params->score_function == SCORE_COSINE;
    double best = -INFINITY;
    bool none = true;
    for (uint32_t k = 0; k < c->n_splits; k++) {
        if (c->pack && !(c->pack->live >> k & 1)) {
            continue;
        }
        double score = cosine ? t->num[k] / sqrt(t->den[k]) : t->num[k];
        double noisy = task->noise > 0 ? score + task->noise * random_normal(noise) : score;
        if (noisy > best || none) {
            none = false;
            best = noisy;
            c->best_score = score;
            c->best_bin = k;
        }
    }
}

static int score_level(struct tree_search *s, const struct tree_task *task, uint32_t level, struct mrc_err *err)
{
    uint64_t seed = random_next(task->random);
    uint32_t n_live = 0;
    for (uint32_t c = 0; c < s->n_candidates; c++) {
        struct candidate *k = &s->candidates[c];
        if (k->is_live && s->keep_histograms && !k->hist) {
            k->hist = malloc((hist_size(s, k) << (s->params->depth - 1)) * sizeof(double));
            if (!k->hist) {
                return no_memory(err);
            }
        }
        n_live += k->is_live;
    }
    int n_groups = (int)s->n_groups;
    uint32_t *rank = malloc(((size_t)n_groups + 1) * sizeof(*rank));
    if (!rank) {
        return no_memory(err);
    }
    uint32_t live_groups = 0;
    for (int g = 0; g < n_groups; g++) {
        rank[g] = live_groups;
        live_groups += s->groups[g].is_live;
    }
    bool parallel = s->threads > 1 && n_live > 1 && (size_t)n_live * s->n_rows > PARALLEL_MIN;
#pragma omp parallel for num_threads(s->threads) schedule(dynamic, 1) if (parallel)
    for (int g = 0; g < n_groups; g++) {
        if (s->groups[g].is_live) {
            struct random noise;
            random_init_skip(&noise, seed + rank[g], NOISE_SKIP);
            for (uint32_t c = s->groups[g].begin; c < s->groups[g].end; c++) {
                score_candidate(s, task, &s->candidates[c], level, &s->scratch[omp_get_thread_num()], &noise);
            }
        }
    }
    free(rank);
    return MRC_OK;
}

/* Statistics of a projection that the model does not have yet make it larger: their scores are lowered. */
static double size_penalty(const struct tree_search *s, const struct candidate *c, uint32_t most_keys)
{
    const struct stat_projection *p = &s->stats->projections[c->feature];
    if (p->used_types & 1u << p->list->stats[c->ctr].type) {
        return 1;
    }
    return pow(1 + (double)p->n_keys / (double)most_keys, -s->params->model_size_reg);
}

/* The candidate with the largest gain, NULL without any. *score: its score with noise. */
static struct candidate *choose(struct tree_search *s, const struct tree_task *task, double previous, double *score)
{
    uint32_t most_keys = 1;
    for (uint32_t c = 0; c < s->n_candidates; c++) {
        const struct candidate *k = &s->candidates[c];
        if (k->is_live && k->kind == SPLIT_CTR && s->stats->projections[k->feature].n_keys > most_keys) {
            most_keys = s->stats->projections[k->feature].n_keys;
        }
    }
    struct candidate *best = NULL;
    double best_gain = -INFINITY;
    for (uint32_t c = 0; c < s->n_candidates; c++) {
        struct candidate *k = &s->candidates[c];
        if (!k->is_live) {
            continue;
        }
        double value = k->best_score + task->noise * random_normal(task->random);
        if (k->kind == SPLIT_CTR) {
            value *= size_penalty(s, k, most_keys);
        }
        double gain = value - previous;
        if (gain > best_gain) {
            best_gain = gain;
            best = k;
            *score = value;
        }
    }
    return best;
}

/* ---- rows by leaf ---------------------------------------------------------------------------------------------- */

static void load_rows(struct tree_search *s, const struct tree_task *task)
{
    size_t n = s->pool->n, k = 0, width = (size_t)s->dim + 1;
    for (size_t i = 0; i < n; i++) {
        size_t row = task->rows ? task->rows[i] : i;
        double sample = task->sample ? (double)task->sample[row] : 1.0;
        if (sample <= (double)FLT_EPSILON) {
            continue;
        }
        double *g = s->gradients + k * width;
        for (uint32_t d = 0; d < s->dim; d++) {
            g[d] = task->d1[d * n + row] * sample;
        }
        g[s->dim] = (s->pool->weight ? (double)s->pool->weight[row] : 1.0) * sample;
        s->rows[k++] = (uint32_t)row;
    }
    s->n_rows = k;
    s->segments[0] = (struct segment){0, k};
    memset(s->leaf_of, 0, n * sizeof(*s->leaf_of));
    s->leaf_count[0] = (uint32_t)n;
}

/* Stable partition of a leaf's rows: those that answer no stay in front. */
static void partition_leaf(struct tree_search *s, const struct split *split, const struct column *column, uint32_t leaf,
                           uint32_t other)
{
    size_t begin = s->segments[leaf].begin, end = s->segments[leaf].end, width = (size_t)s->dim + 1;
    size_t kept = begin, moved = begin;
    for (size_t k = begin; k < end; k++) {
        uint32_t row = s->rows[k];
        bool yes = split_test(split, column_at(column, row));
        uint32_t *rows = yes ? s->rows_spare + moved : s->rows + kept;
        double *g = yes ? s->gradients_spare + moved * width : s->gradients + kept * width;
        *rows = row;
        for (size_t d = 0; d < width; d++) {
            g[d] = s->gradients[k * width + d];
        }
        moved += yes;
        kept += !yes;
    }
    memcpy(s->rows + kept, s->rows_spare + begin, (moved - begin) * sizeof(*s->rows));
    memcpy(s->gradients + kept * width, s->gradients_spare + begin * width, (moved - begin) * width * sizeof(double));
    s->segments[leaf] = (struct segment){begin, kept};
    s->segments[other] = (struct segment){kept, end};
}

static void apply_split(struct tree_search *s, const struct split *split, const struct column *column, uint32_t level)
{
    int leaves = 1 << level;
#pragma omp parallel for num_threads(s->threads) schedule(dynamic, 1) if (s->threads > 1 && s->n_rows > PARALLEL_MIN)
    for (int leaf = 0; leaf < leaves; leaf++) {
        partition_leaf(s, split, column, (uint32_t)leaf, (uint32_t)(leaf + leaves));
    }
    memset(s->leaf_count, 0, 2 * (size_t)leaves * sizeof(*s->leaf_count));
    for (size_t i = 0; i < s->pool->n; i++) {
        uint32_t leaf = s->leaf_of[i];
        leaf |= split_test(split, column_at(column, i)) ? (uint32_t)leaves : 0;
        s->leaf_of[i] = (uint16_t)leaf;
        s->leaf_count[leaf]++;
    }
}

/* The first split that separates nothing: of every two leaves that differ in it alone one is empty. depth: none. */
static uint32_t find_redundant(const struct tree_search *s, uint32_t depth)
{
    for (uint32_t d = 0; d < depth; d++) {
        bool separates = false;
        for (uint32_t leaf = 0; leaf < 1u << depth && !separates; leaf++) {
            separates = !(leaf >> d & 1) && s->leaf_count[leaf] > 0 && s->leaf_count[leaf | 1u << d] > 0;
        }
        if (!separates) {
            return d;
        }
    }
    return depth;
}

/* ---- the search ------------------------------------------------------------------------------------------------ */

int tree_search_run(struct tree_search *s, const struct tree_task *task, struct tree *tree, struct mrc_err *err)
{
    tree->depth = 0;
    drop_combined(s);
    for (uint32_t c = 0; c < s->n_candidates; c++) {
        s->candidates[c].hist_level = NO_LEVEL;
    }
    load_rows(s, task);
    double previous = 0;
    for (uint32_t level = 0; level < (uint32_t)s->params->depth; level++) {
        MRC_TRY(draw_candidates(s, task, tree, err));
        MRC_TRY(score_level(s, task, level, err));
        const struct candidate *best = choose(s, task, previous, &previous);
        if (!best) {
            break;
        }
        struct split *split = &tree->splits[tree->depth++];
        struct column column = best->pack ? best->pack->columns[best->best_bin] : best->column;
        *split = (struct split){.kind = best->kind, .feature = best->feature, .ctr = best->ctr, .bin = best->best_bin};
        if (best->pack) {
            *split = best->pack->splits[best->best_bin];
        }
        if (split->kind == SPLIT_CTR) {
            struct stat_projection *p = &s->stats->projections[split->feature];
            p->used_types |= 1u << p->list->stats[split->ctr].type;
        }
        apply_split(s, split, &column, level);
        uint32_t redundant = find_redundant(s, tree->depth);
        if (redundant < tree->depth) {
            memmove(tree->splits + redundant, tree->splits + redundant + 1,
                    (tree->depth - redundant - 1) * sizeof(*tree->splits));
            tree->depth--;
            break;
        }
    }
    return MRC_OK;
}

static bool allocate(struct tree_search *s)
{
    size_t n = s->pool->n, width = (size_t)s->dim + 1, leaves = (size_t)1 << s->params->depth;
    size_t bins = 256, kept = 0;
    for (uint32_t c = 0; c < s->n_candidates; c++) {
        bins = s->candidates[c].n_bins > bins ? s->candidates[c].n_bins : bins;
        kept += s->candidates[c].n_bins;
    }
    s->keep_histograms = kept * width * (leaves / 2) * sizeof(double) <= HISTOGRAM_BYTES_MAX;
    s->rows = malloc(n * sizeof(*s->rows));
    s->rows_spare = malloc(n * sizeof(*s->rows));
    s->gradients = malloc(n * width * sizeof(double));
    s->gradients_spare = malloc(n * width * sizeof(double));
    s->segments = malloc(leaves * sizeof(*s->segments));
    s->leaf_of = malloc(n * sizeof(*s->leaf_of));
    s->leaf_count = malloc(leaves * sizeof(*s->leaf_count));
    s->scratch = calloc((size_t)s->threads, sizeof(*s->scratch));
    bool ok = s->rows && s->rows_spare && s->gradients && s->gradients_spare && s->segments && s->leaf_of &&
              s->leaf_count && s->scratch;
    for (int t = 0; ok && t < s->threads; t++) {
        s->scratch[t] = (struct scratch){.num = malloc(bins * sizeof(double)),
                                         .den = malloc(bins * sizeof(double)),
                                         .hist = malloc(bins * width * sizeof(double))};
        ok = s->scratch[t].num && s->scratch[t].den && s->scratch[t].hist;
    }
    return ok;
}

int tree_search_new(struct tree_search **out, const struct pool *pool, struct target_stats *stats,
                    const struct params *params, uint32_t dim, int threads, struct mrc_err *err)
{
    struct tree_search *s = calloc(1, sizeof(*s));
    if (!s) {
        return no_memory(err);
    }
    *s = (struct tree_search){.pool = pool, .stats = stats, .params = params, .dim = dim, .threads = threads};
    double weight = 0;
    for (size_t i = 0; i < pool->n; i++) {
        weight += pool->weight ? (double)pool->weight[i] : 1.0;
    }
    s->l2 = params->l2_leaf_reg * (weight / (double)pool->n);
    s->eligible = malloc(((size_t)pool->n_cats + 1) * sizeof(*s->eligible));
    s->simple_projection = malloc(((size_t)pool->n_cats + 1) * sizeof(*s->simple_projection));
    s->packs = calloc(((size_t)pool->n_floats + pool->n_cats) / PACK_MAX + 1, sizeof(*s->packs));
    s->draws = calloc((size_t)pool->n_floats + pool->n_cats + 1, sizeof(*s->draws));
    int rc = s->eligible && s->simple_projection && s->packs && s->draws ? add_fixed(s, err) : no_memory(err);
    if (rc == MRC_OK && !allocate(s)) {
        rc = no_memory(err);
    }
    if (rc < 0) {
        tree_search_free(s);
        return rc;
    }
    *out = s;
    return MRC_OK;
}

void tree_search_free(struct tree_search *s)
{
    if (!s) {
        return;
    }
    for (uint32_t c = 0; c < s->n_candidates; c++) {
        free(s->candidates[c].hist);
    }
    for (int t = 0; s->scratch && t < s->threads; t++) {
        free(s->scratch[t].num);
        free(s->scratch[t].den);
        free(s->scratch[t].hist);
    }
    for (uint32_t i = 0; s->packs && i < s->n_packs; i++) {
        free(s->packs[i].bits);
    }
    free(s->packs);
    free(s->draws);
    free(s->candidates);
    free(s->groups);
    free(s->eligible);
    free(s->simple_projection);
    free(s->scratch);
    free(s->rows);
    free(s->rows_spare);
    free(s->gradients);
    free(s->gradients_spare);
    free(s->segments);
    free(s->leaf_of);
    free(s->leaf_count);
    free(s);
}

/* ---- leaves ---------------------------------------------------------------------------------------------------- */

static int column_of(const struct split *split, const struct pool *pool, struct target_stats *stats, uint32_t order,
                     bool is_eval, struct column *out, struct mrc_err *err)
{
    if (split->kind == SPLIT_FLOAT) {
        *out = pool->floats[split->feature];
    } else if (split->kind == SPLIT_ONE_HOT) {
        *out = pool->cats[split->feature].bins;
    } else if (is_eval) {
        MRC_TRY(stats_compute_eval(stats, split->feature, err));
        *out = (struct column){.u8 = stats->projections[split->feature].eval_bins + split->ctr * pool->n};
    } else {
        MRC_TRY(stats_compute(stats, split->feature, order, err));
        *out = stats_column(stats, split->feature, split->ctr, order);
    }
    return MRC_OK;
}

int tree_leaves(const struct tree *tree, const struct pool *pool, struct target_stats *stats, uint32_t order,
                bool is_eval, uint16_t *leaves, int threads, struct mrc_err *err)
{
    struct column columns[TREE_DEPTH_MAX];
    for (uint32_t d = 0; d < tree->depth; d++) {
        MRC_TRY(column_of(&tree->splits[d], pool, stats, order, is_eval, &columns[d], err));
    }
    enum { BLOCK = 4096 };
    int blocks = (int)((pool->n + BLOCK - 1) / BLOCK);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1 && blocks > 4)
    for (int b = 0; b < blocks; b++) {
        size_t begin = (size_t)b * BLOCK, end = begin + BLOCK < pool->n ? begin + BLOCK : pool->n;
        memset(leaves + begin, 0, (end - begin) * sizeof(*leaves));
        for (uint32_t d = 0; d < tree->depth; d++) {
            for (size_t i = begin; i < end; i++) {
                leaves[i] = (uint16_t)(leaves[i] | split_test(&tree->splits[d], column_at(&columns[d], i)) << d);
            }
        }
    }
    return MRC_OK;
}
