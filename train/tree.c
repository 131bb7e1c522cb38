/* Structure search: level by level the choice among scored columns, and the leaves. */
#include "train/tree_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NOISE_SKIP = 10 };
/* A level is summed in parts while it has at most so many sums, each of the parts. */
enum { PART_ROWS_PER_SUM = 2 };
static const size_t HISTOGRAM_BYTES_MAX = (size_t)512 << 20;

static int no_memory(struct mrc_err *err)
{
    return mrc_fail(err, MRC_ENOMEM, "no memory for the tree search");
}

/* ---- the choice ------------------------------------------------------------------------------------------------ */

/* The best split of each member of a group with noise on every score. */
static void pick_noisy(struct tree_search *s, const struct tree_task *task, struct group *group)
{
    struct random noise;
    random_init_skip(&noise, s->noise_seed + group->rank, NOISE_SKIP);
    for (uint32_t i = group->begin; i < group->end; i++) {
        struct candidate *c = &s->candidates[i];
        double best = -INFINITY;
        bool none = true;
        for (uint32_t k = 0; k < c->n_splits; k++) {
            if (c->pack && !(c->pack->live >> k & 1)) {
                continue;
            }
            double score = c->scores[k], normal;
            double limit = none ? -1 : (best - score) / task->noise;
            if (!random_normal_above(&noise, limit, &normal)) {
                continue;
            }
            double noisy = score + task->noise * normal;
            if (noisy > best || none) {
                none = false;
                best = noisy;
                c->best_score = score;
                c->best_bin = k;
            }
        }
    }
    group->is_picked = true;
}

/* Statistics of a projection that the model does not have yet make it larger: their scores are lowered. */
static double size_penalty(const struct tree_search *s, const struct candidate *c, uint32_t most_keys)
{
    const struct stat_projection *p = &s->stats->projections[c->feature];
    if (p->used_types & 1u << p->list->stats[c->ctr].type) {
        return 1;
    }
    return pow(1 + (double)p->keys.n / (double)most_keys, -s->params->model_size_reg);
}

static int compare_bounds(const void *a, const void *b)
{
    const struct bound *x = a, *y = b;
    if (x->gain != y->gain) {
        return x->gain > y->gain ? -1 : 1;
    }
    return (x->candidate > y->candidate) - (x->candidate < y->candidate);
}

static double value_of(const struct tree_search *s, const struct candidate *c, double score, double noise,
                       uint32_t most_keys)
{
    double value = score + noise * c->draw;
    return c->kind == SPLIT_CTR ? value * size_penalty(s, c, most_keys) : value;
}

/* The live candidates by the most that they can gain: their largest score, with the noise they get among columns. The
 * noise within a column can only replace that score by a smaller one. */
static uint32_t bound_gains(struct tree_search *s, const struct tree_task *task, double previous, uint32_t most_keys)
{
    uint32_t n = 0;
    for (uint32_t g = 0; g < s->n_groups; g++) {
        for (uint32_t i = s->groups[g].begin; s->groups[g].is_live && i < s->groups[g].end; i++) {
            struct candidate *c = &s->candidates[i];
            c->group = g;
            c->draw = random_normal(task->random);
            double gain = value_of(s, c, c->top, task->noise, most_keys) - previous;
            if (!isnan(gain)) {
                s->bounds[n++] = (struct bound){gain, i};
            }
        }
    }
    qsort(s->bounds, n, sizeof(*s->bounds), compare_bounds);
    return n;
}

/* The candidate with the largest gain, the first of several; NULL without any. *score: its score with noise. */
static struct candidate *choose(struct tree_search *s, const struct tree_task *task, double previous, double *score)
{
    uint32_t most_keys = 1;
    for (uint32_t c = 0; c < s->n_candidates; c++) {
        const struct candidate *k = &s->candidates[c];
        if (k->is_live && k->kind == SPLIT_CTR && s->stats->projections[k->feature].keys.n > most_keys) {
            most_keys = s->stats->projections[k->feature].keys.n;
        }
    }
    struct candidate *best = NULL;
    double best_gain = -INFINITY;
    uint32_t n = bound_gains(s, task, previous, most_keys);
    for (uint32_t i = 0; i < n && !(s->bounds[i].gain < best_gain); i++) {
        struct candidate *c = &s->candidates[s->bounds[i].candidate];
        struct group *group = &s->groups[c->group];
        if (task->noise > 0 && !group->is_picked) {
            pick_noisy(s, task, group);
        }
        double value = value_of(s, c, c->best_score, task->noise, most_keys), gain = value - previous;
        if (gain > best_gain || (gain == best_gain && best && c < best)) {
            best_gain = gain;
            best = c;
            *score = value;
        }
    }
    return best;
}

/* ---- the search ------------------------------------------------------------------------------------------------ */

/* The split that was chosen, and its column. */
static struct split take_split(struct tree_search *s, const struct candidate *best, struct column *column)
{
    if (best->pack) {
        *column = best->pack->columns[best->best_bin];
        return best->pack->splits[best->best_bin];
    }
    if (best->kind == SPLIT_CTR) {
        struct stat_projection *p = &s->stats->projections[best->feature];
        p->used_types |= 1u << p->list->stats[best->ctr].type;
    }
    *column = best->column;
    return (struct split){.kind = best->kind, .feature = best->feature, .ctr = best->ctr, .bin = best->best_bin};
}

/* Does every split of the tree separate some of the sampled rows? */
static bool all_separate(struct tree_search *s, uint32_t depth)
{
    for (uint32_t leaf = 0; leaf < 1u << depth; leaf++) {
        s->leaves.counts[leaf] = leaf_rows_count(&s->rows, leaf);
    }
    return redundant_split(s->leaves.counts, depth) == depth;
}

/* Apply the last split of the tree. False: one of its splits separates no rows at all and was taken out, so that the
 * tree is at its end. */
static bool grow(struct tree_search *s, struct tree *tree, const struct column *columns, bool is_last)
{
    uint32_t level = tree->depth - 1;
    if (!is_last) {
        leaf_rows_split(&s->rows, &tree->splits[level], &columns[level], level);
        if (all_separate(s, tree->depth)) {
            return true;
        }
    }
    row_leaves_find(&s->leaves, tree->splits, columns, tree->depth, s->pool->n, s->threads);
    uint32_t redundant = redundant_split(s->leaves.counts, tree->depth);
    if (redundant == tree->depth) {
        s->leaves_known = is_last;
        return true;
    }
    memmove(tree->splits + redundant, tree->splits + redundant + 1,
            (tree->depth - redundant - 1) * sizeof(*tree->splits));
    tree->depth--;
    return false;
}

int tree_search_run(struct tree_search *s, const struct tree_task *task, struct tree *tree, struct mrc_err *err)
{
    struct column columns[TREE_DEPTH_MAX];
    tree->depth = 0;
    tree_drop_combined(s);
    for (uint32_t c = 0; c < s->n_candidates; c++) {
        s->candidates[c].hist_level = NO_LEVEL;
    }
    struct row_source from = {task->d1, task->sample, s->pool->weight, task->weighed};
    leaf_rows_load(&s->rows, &from);
    s->n_sampled = leaf_rows_count(&s->rows, 0);
    s->leaves_known = false;
    double previous = 0;
    for (uint32_t level = 0; level < (uint32_t)s->params->depth; level++) {
        MRC_TRY(tree_draw_candidates(s, task, tree, err));
        MRC_TRY(tree_score_level(s, task, level, err));
        const struct candidate *best = choose(s, task, previous, &previous);
        if (!best) {
            break;
        }
        tree->splits[tree->depth++] = take_split(s, best, &columns[level]);
        if (!grow(s, tree, columns, level + 1 == (uint32_t)s->params->depth)) {
            break;
        }
    }
    return MRC_OK;
}

const struct row_leaves *tree_search_leaves(const struct tree_search *s)
{
    return s->leaves_known ? &s->leaves : NULL;
}

/* One column of any number of bins, or a block of columns of up to 256. */
static bool scratch_init(struct scratch *t, size_t bins, size_t width)
{
    size_t block = 256 * BLOCK_COLUMNS, all = bins > block ? bins : block;
    t->memory = malloc(all * (2 + 2 * width) * sizeof(double));
    for (size_t j = 0; t->memory && j < BLOCK_COLUMNS; j++) {
        t->num[j] = t->memory + 256 * j;
        t->den[j] = t->memory + all + 256 * j;
        t->hist[2 * j] = t->memory + 2 * all + 256 * j * width;
        t->hist[2 * j + 1] = t->hist[2 * j] + all * width;
    }
    return t->memory;
}

static bool allocate(struct tree_search *s)
{
    size_t n = s->pool->n, width = (size_t)s->dim + 1, leaves = (size_t)1 << s->params->depth;
    size_t bins = 256, kept = 0;
    for (uint32_t c = 0; c < s->n_candidates; c++) {
        bins = s->candidates[c].n_bins > bins ? s->candidates[c].n_bins : bins;
        kept += s->candidates[c].n_bins;
    }
    /* With few columns a level, the level before seldom had the same: not worth the memory they pass through. */
    s->keep_histograms =
        s->params->rsm >= 0.5 && kept * width * tree_kept_leaves(s->params) * sizeof(double) <= HISTOGRAM_BYTES_MAX;
    s->part_room = n / PART_ROWS_PER_SUM;
    s->parts[0] = malloc((s->part_room + 1) * sizeof(double));
    s->parts[1] = malloc((s->part_room + 1) * sizeof(double));
    s->scratch = calloc((size_t)s->threads, sizeof(*s->scratch));
    bool ok = s->parts[0] && s->parts[1] && s->scratch && row_leaves_init(&s->leaves, n, (uint32_t)s->params->depth) &&
              leaf_rows_init(&s->rows, n, s->dim, leaves, s->threads);
    for (int t = 0; ok && t < s->threads; t++) {
        ok = scratch_init(&s->scratch[t], bins, width);
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
    s->kernels = histogram_kernels();
    s->eligible = malloc(((size_t)pool->n_cats + 1) * sizeof(*s->eligible));
    s->simple_projection = malloc(((size_t)pool->n_cats + 1) * sizeof(*s->simple_projection));
    s->packs = calloc(((size_t)pool->n_floats + pool->n_cats) / PACK_MAX + 1, sizeof(*s->packs));
    s->draws = calloc((size_t)pool->n_floats + pool->n_cats + 1, sizeof(*s->draws));
    int rc = s->eligible && s->simple_projection && s->packs && s->draws ? tree_add_fixed(s, err) : no_memory(err);
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
        free(s->candidates[c].scores);
    }
    for (int t = 0; s->scratch && t < s->threads; t++) {
        free(s->scratch[t].memory);
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
    free(s->parts[0]);
    free(s->parts[1]);
    free(s->live);
    free(s->jobs);
    free(s->bounds);
    leaf_rows_release(&s->rows);
    row_leaves_release(&s->leaves);
    free(s);
}

/* ---- leaves ---------------------------------------------------------------------------------------------------- */

int tree_compute_columns(const struct tree *tree, struct target_stats *stats, const uint32_t *orders, uint32_t n_orders,
                         int threads, struct mrc_err *err)
{
    uint32_t n = 0;
    struct stat_need *needs = malloc(((size_t)tree->depth * n_orders + 1) * sizeof(*needs));
    if (!needs) {
        return no_memory(err);
    }
    for (uint32_t d = 0; d < tree->depth; d++) {
        for (uint32_t k = 0; tree->splits[d].kind == SPLIT_CTR && k < n_orders; k++) {
            needs[n++] = (struct stat_need){tree->splits[d].feature, orders[k]};
        }
    }
    int rc = n > 0 ? stats_compute(stats, needs, n, threads, err) : MRC_OK;
    free(needs);
    return rc;
}

static struct column column_of(const struct split *split, const struct pool *pool, const struct target_stats *stats,
                               uint32_t order)
{
    switch (split->kind) {
    case SPLIT_FLOAT:
        return pool->floats[split->feature];
    case SPLIT_ONE_HOT:
        return pool->cats[split->feature].bins;
    default:
        return stats_column(stats, split->feature, split->ctr, order);
    }
}

void tree_leaves(const struct tree *tree, const struct pool *pool, const struct target_stats *stats, uint32_t order,
                 struct row_leaves *leaves, int threads)
{
    struct column columns[TREE_DEPTH_MAX];
    for (uint32_t d = 0; d < tree->depth; d++) {
        columns[d] = column_of(&tree->splits[d], pool, stats, order);
    }
    row_leaves_find(leaves, tree->splits, columns, tree->depth, pool->n, threads);
}
