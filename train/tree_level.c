/* Histograms and scores of all columns that take part in a level: by jobs of columns, or by parts of the rows. */
#include "train/tree_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PARALLEL_MIN = 20000 };

static int no_memory(struct mrc_err *err)
{
    return mrc_fail(err, MRC_ENOMEM, "no memory for the scores of a tree");
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

/* Is the column's histogram of both leaves together there for every two that came of one? */
static bool is_known(const struct candidate *c, uint32_t level)
{
    return level > 0 && c->hist && c->hist_level == (int)level - 1;
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

/* Sum a leaf's rows of the shards [begin, end). */
static void sum_rows(const struct tree_search *s, const struct histogram_set *set, uint32_t leaf, int begin, int end)
{
    histogram_clear(set, s->dim);
    for (int k = begin; k < end; k++) {
        const struct leaf_shard *r = &s->rows.shards[k];
        struct histogram_rows from = {s->dim, s->rows.width, r->rows, r->gradients};
        histogram_add(set, &from, r->segments[leaf].begin, r->segments[leaf].end);
    }
}

/* Sums of a leaf, its own or those of the parts, which are in this place of theirs. */
static void build_leaf(const struct tree_search *s, struct batch *b, uint32_t leaf, uint32_t place, uint32_t into,
                       uint32_t slot)
{
    aim(s, b, into, slot);
    if (!s->in_parts) {
        sum_rows(s, &b->set, leaf, 0, s->rows.n_shards);
        return;
    }
    for (uint32_t j = 0; j < b->set.n; j++) {
        size_t size = hist_size(s, b->candidates[j]), at = b->candidates[j]->part_at + place * size;
        const double *restrict first = s->parts[0] + at, *restrict second = s->parts[1] + at;
        double *restrict hist = b->set.hist[j];
        for (size_t i = 0; i < size; i++) {
            hist[i] = first[i] + second[i];
        }
    }
}

/* Of two leaves that came of one, that with fewer rows is summed. */
static uint32_t lesser(const struct tree_search *s, uint32_t leaf, uint32_t other)
{
    return leaf_rows_count(&s->rows, other) <= leaf_rows_count(&s->rows, leaf) ? other : leaf;
}

/* Histograms and scores of the leaves that came of one: the smaller is summed, the other is the difference where the
 * histogram of both together is there (known). */
static void score_siblings(const struct tree_search *s, struct batch *b, uint32_t leaf, uint32_t other, bool known)
{
    enum histogram_pair how = HISTOGRAM_BOTH;
    if (known) {
        uint32_t least = lesser(s, leaf, other);
        how = least == other ? HISTOGRAM_LEAST_SECOND : HISTOGRAM_LEAST_FIRST;
        build_leaf(s, b, least, leaf, other, 1);
    } else {
        build_leaf(s, b, leaf, leaf, leaf, 0);
        build_leaf(s, b, other, other, other, 1);
    }
    if (leaf_rows_count(&s->rows, leaf) + leaf_rows_count(&s->rows, other) == 0) {
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
        build_leaf(s, b, 0, 0, 0, 0);
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
        struct batch *b = &batches[is_known(c, level)];
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

/* ---- parts of the rows ----------------------------------------------------------------------------------------- */

/* Where histograms take less memory than rows, each part of the rows is summed by itself and the sums are added: a
 * thread then walks rows that it has moved itself, and only sums pass from core to core. Whether a level is summed so
 * depends on the table alone, so that all sums are the same for any number of threads. */

/* Leaves of a level whose rows are summed for this column: one of two, or each. */
static uint32_t places(const struct candidate *c, uint32_t level)
{
    return is_known(c, level) ? 1u << (level - 1) : 1u << level;
}

/* Find room for the live columns; false: too little, the level is not summed in parts. */
static bool place_parts(struct tree_search *s, uint32_t level)
{
    size_t at = 0;
    for (uint32_t i = 0; i < s->n_live; i++) {
        struct candidate *c = &s->candidates[s->live[i]];
        c->part_at = at;
        at += hist_size(s, c) * places(c, level);
        if (at > s->part_room) {
            return false;
        }
    }
    return true;
}

/* A job's columns of a kind, known or not, over one part. */
static void sum_part(const struct tree_search *s, const struct job *job, uint32_t level, bool known, int part)
{
    const struct candidate *columns[BLOCK_COLUMNS];
    struct histogram_set set = {.n = 0};
    for (uint32_t i = job->begin; i < job->end; i++) {
        const struct candidate *c = &s->candidates[s->live[i]];
        if (is_known(c, level) == known) {
            columns[set.n] = c;
            set.columns[set.n] = c->column;
            set.n_bins[set.n++] = c->n_bins;
        }
    }
    uint32_t n = set.n > 0 ? places(columns[0], level) : 0;
    int shards = s->rows.n_shards / LEAF_ROWS_PARTS;
    for (uint32_t place = 0; place < n; place++) {
        for (uint32_t j = 0; j < set.n; j++) {
            set.hist[j] = s->parts[part] + columns[j]->part_at + place * hist_size(s, columns[j]);
        }
        sum_rows(s, &set, known ? lesser(s, place, place + n) : place, part * shards, (part + 1) * shards);
    }
}

static void sum_parts(struct tree_search *s, uint32_t level)
{
    int n_jobs = (int)s->n_jobs;
#pragma omp parallel for collapse(2) num_threads(s->threads) schedule(static) if (s->threads > 1)
    for (int part = 0; part < LEAF_ROWS_PARTS; part++) {
        for (int j = 0; j < n_jobs; j++) {
            sum_part(s, &s->jobs[j], level, false, part);
            sum_part(s, &s->jobs[j], level, true, part);
        }
    }
}

/* ---- work of a level ------------------------------------------------------------------------------------------- */

size_t tree_kept_leaves(const struct params *p)
{
    return p->depth > 2 ? (size_t)1 << (p->depth - 2) : 1;
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
            c->hist = malloc(hist_size(s, c) * tree_kept_leaves(s->params) * sizeof(double));
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

int tree_score_level(struct tree_search *s, const struct tree_task *task, uint32_t level, struct mrc_err *err)
{
    s->noise_seed = random_next(task->random);
    MRC_TRY(plan_level(s, err));
    s->in_parts = s->rows.n_shards > 1 && place_parts(s, level);
    if (s->in_parts) {
        sum_parts(s, level);
    }
    share_jobs(s);
    bool parallel = s->threads > 1 && s->n_jobs > 1 && s->n_live * s->n_sampled > PARALLEL_MIN;
#pragma omp parallel for num_threads(s->threads) schedule(static) if (parallel)
    for (int t = 0; t < s->threads; t++) {
        take_jobs(s, level, t, true);
        take_jobs(s, level, t, false);
    }
    return MRC_OK;
}
