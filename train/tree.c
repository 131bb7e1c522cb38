/* Structure search: histograms of a level's candidates, their scores, the choice, the leaves. */
#include "train/tree_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NOISE_SKIP = 10, PARALLEL_MIN = 20000 };
static const size_t HISTOGRAM_BYTES_MAX = (size_t)512 << 20;

static int no_memory(struct mrc_err *err)
{
    return mrc_fail(err, MRC_ENOMEM, "no memory for the tree search");
}

/* ---- scoring --------------------------------------------------------------------------------------------------- */

static size_t hist_size(const struct tree_search *s, const struct candidate *c)
{
    return (size_t)c->n_bins * (s->dim + 1);
}

static bool is_fast(const struct tree_search *s, const struct candidate *c)
{
    return s->dim == 1 && !c->pack && c->kind != SPLIT_ONE_HOT && c->n_bins <= HISTOGRAM_FAST_BINS;
}

static void score_leaf(const struct tree_search *s, const struct candidate *c, const double *hist, double *num,
                       double *den)
{
    if (c->pack) {
        histogram_score_bits(hist, c->n_splits, s->dim, s->l2, num, den);
    } else {
        histogram_score(hist, c->n_bins, s->dim, c->kind == SPLIT_ONE_HOT, s->l2, num, den);
    }
}

static void score_two(const struct tree_search *s, const struct candidate *c, double *a, double *b,
                      enum histogram_pair how, bool keep, double *num, double *den)
{
    if (is_fast(s, c)) {
        s->kernels->score_pair(a, b, how, keep, c->n_bins, s->l2, num, den);
        return;
    }
    if (how != HISTOGRAM_BOTH) {
        histogram_subtract(a, b, c->n_bins, s->dim, how == HISTOGRAM_LEAST_FIRST);
    }
    score_leaf(s, c, a, num, den);
    score_leaf(s, c, b, num, den);
}

/* Candidates of a job that are treated alike. Histograms of the last level are of no further use: they are made in the
 * thread's own memory. */
struct batch {
    bool is_last;
    struct histogram_set set;
    struct candidate *candidates[BLOCK_COLUMNS];
    double *num[BLOCK_COLUMNS], *den[BLOCK_COLUMNS], *spare[BLOCK_COLUMNS][2];
};

static void aim(const struct tree_search *s, struct batch *b, uint32_t leaf, uint32_t slot)
{
    for (uint32_t j = 0; j < b->set.n; j++) {
        const struct candidate *c = b->candidates[j];
        b->set.hist[j] = c->hist && !b->is_last ? c->hist + leaf * hist_size(s, c) : b->spare[j][slot];
    }
}

static void build_leaf(const struct tree_search *s, struct batch *b, uint32_t leaf, uint32_t into, uint32_t slot)
{
    aim(s, b, into, slot);
    histogram_clear(&b->set, s->dim);
    for (int k = 0; k < s->rows.n_shards; k++) {
        const struct leaf_shard *r = &s->rows.shards[k];
        struct histogram_rows from = {s->dim, s->rows.width, r->rows, r->gradients};
        histogram_add(&b->set, &from, r->segments[leaf].begin, r->segments[leaf].end);
    }
}

/* Histograms and scores of the leaves that came of one: the smaller is summed, the other is the difference where the
 * histogram of both together is there (known). */
static void score_siblings(const struct tree_search *s, struct batch *b, uint32_t leaf, uint32_t other, bool known)
{
    uint32_t n = leaf_rows_count(&s->rows, leaf), n_other = leaf_rows_count(&s->rows, other);
    enum histogram_pair how = HISTOGRAM_BOTH;
    if (known) {
        bool least_is_second = n_other <= n;
        how = least_is_second ? HISTOGRAM_LEAST_SECOND : HISTOGRAM_LEAST_FIRST;
        build_leaf(s, b, least_is_second ? other : leaf, other, 1);
    } else {
        build_leaf(s, b, leaf, leaf, 0);
        build_leaf(s, b, other, other, 1);
    }
    if (n + n_other == 0) {
        return; /* no rows: all sums are 0 */
    }
    for (uint32_t j = 0; j < b->set.n; j++) {
        struct candidate *c = b->candidates[j];
        bool in_place = c->hist && (known || !b->is_last);
        double *first = in_place ? c->hist + leaf * hist_size(s, c) : b->spare[j][0];
        score_two(s, c, first, b->set.hist[j], how, !b->is_last, b->num[j], b->den[j]);
    }
}

static void score_batch(const struct tree_search *s, struct batch *b, uint32_t level, bool known)
{
    if (b->set.n == 0) {
        return;
    }
    if (level == 0) {
        build_leaf(s, b, 0, 0, 0);
        for (uint32_t j = 0; j < b->set.n; j++) {
            score_leaf(s, b->candidates[j], b->set.hist[j], b->num[j], b->den[j]);
        }
        return;
    }
    for (uint32_t leaf = 0, half = 1u << (level - 1); leaf < half; leaf++) {
        score_siblings(s, b, leaf, leaf + half, known);
    }
}

static void finish_scores(const struct tree_search *s, struct candidate *c, const double *num, const double *den)
{
    if (s->params->score_function == SCORE_COSINE) {
        s->kernels->cosine(num, den, c->n_splits, c->scores);
    } else {
        memcpy(c->scores, num, c->n_splits * sizeof(*num));
    }
    c->top = -INFINITY;
    bool none = true;
    for (uint32_t k = 0; k < c->n_splits; k++) {
        if (c->pack && !(c->pack->live >> k & 1)) {
            continue;
        }
        if (c->scores[k] > c->top || none) {
            none = false;
            c->top = c->best_score = c->scores[k];
            c->best_bin = k;
        }
    }
}

static void score_job(struct tree_search *s, const struct job *job, uint32_t level, struct scratch *t)
{
    struct batch batches[2]; /* those with the histograms of the level before, and the others */
    batches[0].set.n = batches[1].set.n = 0;
    batches[0].is_last = batches[1].is_last = level + 1 == (uint32_t)s->params->depth;
    for (uint32_t i = job->begin; i < job->end; i++) {
        struct candidate *c = &s->candidates[s->live[i]];
        uint32_t at = i - job->begin;
        struct batch *b = &batches[level > 0 && c->hist && c->hist_level == (int)level - 1];
        uint32_t j = b->set.n++;
        b->set.columns[j] = c->column;
        b->set.n_bins[j] = c->n_bins;
        b->candidates[j] = c;
        b->num[j] = t->num[at];
        b->den[j] = t->den[at];
        b->spare[j][0] = t->hist[2 * at];
        b->spare[j][1] = t->hist[2 * at + 1];
        for (uint32_t k = 0; k < c->n_splits; k++) {
            t->num[at][k] = 0;
            t->den[at][k] = 1e-100;
        }
        c->hist_level = (int)level;
    }
    score_batch(s, &batches[1], level, true);
    score_batch(s, &batches[0], level, false);
    for (uint32_t i = job->begin; i < job->end; i++) {
        finish_scores(s, &s->candidates[s->live[i]], t->num[i - job->begin], t->den[i - job->begin]);
    }
}

/* ---- work of a level ------------------------------------------------------------------------------------------- */

/* Leaves whose histograms are kept: those of the level before the last. */
static size_t kept_leaves(const struct tree_search *s)
{
    return s->params->depth > 2 ? (size_t)1 << (s->params->depth - 2) : 1;
}

static int room_for_level(struct tree_search *s, struct mrc_err *err)
{
    if (s->n_candidates > s->live_capacity) {
        free(s->live);
        free(s->jobs);
        free(s->bounds);
        s->live_capacity = s->candidate_capacity;
        s->live = malloc(s->live_capacity * sizeof(*s->live));
        s->jobs = malloc(s->live_capacity * sizeof(*s->jobs));
        s->bounds = malloc(s->live_capacity * sizeof(*s->bounds));
    }
    bool ok = s->live && s->jobs && s->bounds;
    for (uint32_t i = 0; ok && i < s->n_candidates; i++) {
        struct candidate *c = &s->candidates[i];
        if (!c->is_live || c->scores) {
            continue;
        }
        c->scores = malloc(c->n_splits * sizeof(double));
        ok = c->scores;
        if (ok && s->keep_histograms) {
            c->hist = malloc(hist_size(s, c) * kept_leaves(s) * sizeof(double));
            ok = c->hist;
        }
    }
    return ok ? MRC_OK : no_memory(err);
}

/* Jobs that would leave threads idle at the end are cut. Then each is for the thread that has the fewest columns: from
 * level to level, as long as the columns are the same, a histogram stays with the core that has it near. A thread that
 * is done takes jobs of others. */
static void share_jobs(struct tree_search *s)
{
    struct job rest[THREADS_MAX];
    uint32_t threads = (uint32_t)s->threads, n_rest = s->n_jobs % threads, load[THREADS_MAX] = {0};
    s->n_jobs -= n_rest;
    memcpy(rest, s->jobs + s->n_jobs, n_rest * sizeof(*rest));
    for (uint32_t i = 0; i < n_rest; i++) {
        uint32_t begin = rest[i].begin, width = rest[i].end - begin, pieces = (threads + n_rest - 1) / n_rest;
        pieces = pieces < width ? pieces : width;
        for (uint32_t k = 0; k < pieces; k++) {
            s->jobs[s->n_jobs++] =
                (struct job){.begin = begin + width * k / pieces, .end = begin + width * (k + 1) / pieces};
        }
    }
    for (uint32_t i = 0; i < s->n_jobs; i++) {
        uint32_t owner = 0;
        for (uint32_t t = 1; t < threads; t++) {
            owner = load[t] < load[owner] ? t : owner;
        }
        s->jobs[i].owner = (int)owner;
        s->jobs[i].taken = false;
        load[owner] += s->jobs[i].end - s->jobs[i].begin;
    }
}

/* Can the column join a job? Columns of one block share the cache lines of a row; a job of few takes those of other
 * blocks too, so that less work is spent on finding rows. */
static bool joins(const struct tree_search *s, const struct job *job, const struct column *column)
{
    enum { FEW = BLOCK_COLUMNS / 2 };
    uint32_t n = job->end - job->begin;
    if (n == 0 || n == BLOCK_COLUMNS) {
        return n == 0;
    }
    const struct column *first = &s->candidates[s->live[job->begin]].column;
    if (!first->u8 || !column->u8 || first->stride != column->stride) {
        return false;
    }
    uintptr_t x = (uintptr_t)first->u8, y = (uintptr_t)column->u8;
    return n < FEW || (x < y ? y - x : x - y) < first->stride;
}

static int plan_level(struct tree_search *s, struct mrc_err *err)
{
    MRC_TRY(room_for_level(s, err));
    struct job job = {0};
    uint32_t live_groups = 0;
    s->n_live = s->n_jobs = 0;
    for (uint32_t g = 0; g < s->n_groups; g++) {
        struct group *group = &s->groups[g];
        group->rank = live_groups;
        live_groups += group->is_live;
        group->is_picked = false;
        for (uint32_t c = group->begin; group->is_live && c < group->end; c++) {
            if (!joins(s, &job, &s->candidates[c].column)) {
                s->jobs[s->n_jobs++] = job;
                job.begin = s->n_live;
            }
            s->live[s->n_live++] = c;
            job.end = s->n_live;
        }
    }
    if (job.end > job.begin) {
        s->jobs[s->n_jobs++] = job;
    }
    share_jobs(s);
    return MRC_OK;
}

/* Jobs of thread t that nobody has taken, or those of the others. */
static void take_jobs(struct tree_search *s, uint32_t level, int t, bool own)
{
    for (uint32_t j = 0; j < s->n_jobs; j++) {
        struct job *job = &s->jobs[j];
        bool taken = true;
        if ((job->owner == t) == own) {
#pragma omp atomic capture
            {
                taken = job->taken;
                job->taken = true;
            }
        }
        if (!taken) {
            score_job(s, job, level, &s->scratch[t]);
        }
    }
}

static int score_level(struct tree_search *s, const struct tree_task *task, uint32_t level, struct mrc_err *err)
{
    s->noise_seed = random_next(task->random);
    MRC_TRY(plan_level(s, err));
    bool parallel = s->threads > 1 && s->n_jobs > 1 && s->n_live * s->n_sampled > PARALLEL_MIN;
#pragma omp parallel for num_threads(s->threads) schedule(static) if (parallel)
    for (int t = 0; t < s->threads; t++) {
        take_jobs(s, level, t, true);
        take_jobs(s, level, t, false);
    }
    return MRC_OK;
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
        MRC_TRY(score_level(s, task, level, err));
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
    s->keep_histograms = s->params->rsm >= 0.5 && kept * width * kept_leaves(s) * sizeof(double) <= HISTOGRAM_BYTES_MAX;
    s->scratch = calloc((size_t)s->threads, sizeof(*s->scratch));
    bool ok = s->scratch && row_leaves_init(&s->leaves, n, (uint32_t)s->params->depth) &&
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
