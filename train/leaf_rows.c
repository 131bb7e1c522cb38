/* Loading the sampled rows of a tree, and moving them apart at every split. */
#include "train/leaf_rows.h"

#include <float.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Chunks of rows that one thread takes at a time; rows beyond the end that may be looked at in advance. */
enum { CHUNK = 8192, SLACK = 64, PARALLEL_ROWS = 20000 };

static int chunks_of(size_t n)
{
    return (int)((n + CHUNK - 1) / CHUNK);
}

bool leaf_rows_init(struct leaf_rows *r, size_t n, uint32_t dim, size_t leaves, int threads)
{
    size_t width = (size_t)dim + 1;
    *r = (struct leaf_rows){.n_all = n, .dim = dim, .threads = threads, .max_leaves = leaves};
    r->n_parts = n > PARALLEL_ROWS ? threads : 1;
    r->rows = calloc(n + SLACK, sizeof(*r->rows));
    r->rows_spare = calloc(n + SLACK, sizeof(*r->rows_spare));
    r->gradients = malloc(n * width * sizeof(double));
    r->gradients_spare = malloc(n * width * sizeof(double));
    r->segments = calloc((size_t)r->n_parts * leaves, sizeof(*r->segments));
    r->answers = malloc(n);
    r->answers_by_leaf = malloc(n);
    r->chunk_counts = malloc(((size_t)chunks_of(n) + 1) * sizeof(*r->chunk_counts));
    return r->rows && r->rows_spare && r->gradients && r->gradients_spare && r->segments && r->answers &&
           r->answers_by_leaf && r->chunk_counts;
}

void leaf_rows_release(struct leaf_rows *r)
{
    free(r->rows);
    free(r->rows_spare);
    free(r->gradients);
    free(r->gradients_spare);
    free(r->segments);
    free(r->answers);
    free(r->answers_by_leaf);
    free(r->chunk_counts);
    *r = (struct leaf_rows){0};
}

/* ---- loading --------------------------------------------------------------------------------------------------- */

static bool is_sampled(const struct row_source *from, size_t row)
{
    return !from->sample || (double)from->sample[row] > (double)FLT_EPSILON;
}

static size_t end_of_chunk(const struct leaf_rows *r, int chunk)
{
    size_t end = ((size_t)chunk + 1) * CHUNK;
    return end < r->n_all ? end : r->n_all;
}

/* Rows of a chunk that are sampled; *weighed: one of them with a weight other than 1. */
static size_t count_chunk(const struct leaf_rows *r, const struct row_source *from, int chunk, bool *weighed)
{
    size_t end = end_of_chunk(r, chunk), count = 0;
    bool other = from->weight;
    if (!from->sample) {
        *weighed |= other;
        return end - (size_t)chunk * CHUNK;
    }
    for (size_t i = (size_t)chunk * CHUNK; i < end; i++) {
        size_t row = from->order ? from->order[i] : i;
        bool sampled = is_sampled(from, row);
        count += sampled;
        other |= sampled && from->sample[row] != 1.0f;
    }
    *weighed |= other;
    return count;
}

static void load_chunk(struct leaf_rows *r, const struct row_source *from, int chunk, size_t k)
{
    size_t n = r->n_all, end = end_of_chunk(r, chunk);
    for (size_t i = (size_t)chunk * CHUNK; i < end; i++) {
        size_t row = from->order ? from->order[i] : i;
        if (!is_sampled(from, row)) {
            continue;
        }
        double sample = from->sample ? (double)from->sample[row] : 1.0;
        double *g = r->gradients + k * r->width;
        for (uint32_t d = 0; d < r->dim; d++) {
            g[d] = from->d1[d * n + row] * sample;
        }
        if (r->width > r->dim) {
            g[r->dim] = (from->weight ? (double)from->weight[row] : 1.0) * sample;
        }
        r->rows[k++] = (uint32_t)row;
    }
}

void leaf_rows_load(struct leaf_rows *r, const struct row_source *from)
{
    int chunks = chunks_of(r->n_all);
    bool parallel = r->threads > 1 && r->n_all > PARALLEL_ROWS, weighed = false;
    size_t *counts = r->chunk_counts;
#pragma omp parallel for num_threads(r->threads) schedule(static) reduction(|| : weighed) if (parallel)
    for (int c = 0; c < chunks; c++) {
        counts[c] = count_chunk(r, from, c, &weighed);
    }
    size_t at = 0;
    for (int c = 0; c < chunks; c++) {
        size_t count = counts[c];
        counts[c] = at;
        at += count;
    }
    r->width = r->dim + weighed;
#pragma omp parallel for num_threads(r->threads) schedule(static) if (parallel)
    for (int c = 0; c < chunks; c++) {
        load_chunk(r, from, c, counts[c]);
    }
    r->n = at;
    for (int p = 0; p < r->n_parts; p++) {
        size_t parts = (size_t)r->n_parts, part = (size_t)p;
        r->segments[part * r->max_leaves] = (struct segment){at * part / parts, at * (part + 1) / parts};
    }
}

/* ---- splitting ------------------------------------------------------------------------------------------------- */

static void answer(struct leaf_rows *r, const struct split *split, const struct column *column, size_t begin,
                   size_t end)
{
    if (column->u8 && split->kind != SPLIT_ONE_HOT) {
        const uint8_t *bins = column->u8 + begin * column->stride;
        for (size_t i = begin; i < end; i++, bins += column->stride) {
            r->answers[i] = *bins > split->bin;
        }
        return;
    }
    for (size_t i = begin; i < end; i++) {
        r->answers[i] = split_test(split, column_at(column, i));
    }
}

/* Bring the answers beside the rows of a segment; how many are no. */
static size_t gather_answers(struct leaf_rows *r, struct segment s)
{
    size_t yes = 0;
    for (size_t k = s.begin; k < s.end; k++) {
        uint8_t a = r->answers[r->rows[k]];
        r->answers_by_leaf[k] = a;
        yes += a;
    }
    return s.end - s.begin - yes;
}

/* Rows of one output and without weights, which is most of the work there is. */
static void move_narrow(struct leaf_rows *r, struct segment s, size_t no, size_t yes)
{
    const uint32_t *restrict rows = r->rows;
    const uint8_t *restrict answers = r->answers_by_leaf;
    const double *restrict gradients = r->gradients;
    uint32_t *restrict to_rows = r->rows_spare;
    double *restrict to = r->gradients_spare;
    for (size_t k = s.begin; k < s.end; k++) {
        size_t a = answers[k], at = a ? yes : no;
        to_rows[at] = rows[k];
        to[at] = gradients[k];
        yes += a;
        no += 1 - a;
    }
}

static void move_wide(struct leaf_rows *r, struct segment s, size_t no, size_t yes)
{
    size_t width = r->width;
    for (size_t k = s.begin; k < s.end; k++) {
        size_t *at = r->answers_by_leaf[k] ? &yes : &no;
        r->rows_spare[*at] = r->rows[k];
        for (size_t d = 0; d < width; d++) {
            r->gradients_spare[*at * width + d] = r->gradients[k * width + d];
        }
        ++*at;
    }
}

/* Stable partition of each leaf's rows in one part: those that answer no come first. */
static void split_part(struct leaf_rows *r, int part, uint32_t leaves)
{
    struct segment *segments = r->segments + (size_t)part * r->max_leaves;
    for (uint32_t leaf = 0; leaf < leaves; leaf++) {
        struct segment s = segments[leaf];
        size_t middle = s.begin + gather_answers(r, s);
        (r->width == 1 ? move_narrow : move_wide)(r, s, s.begin, middle);
        segments[leaf] = (struct segment){s.begin, middle};
        segments[leaf + leaves] = (struct segment){middle, s.end};
    }
}

void leaf_rows_split(struct leaf_rows *r, const struct split *split, const struct column *column, uint32_t level)
{
    int chunks = chunks_of(r->n_all), parts = r->n_parts;
#pragma omp parallel num_threads(parts) if (parts > 1)
    {
#pragma omp for schedule(static)
        for (int c = 0; c < chunks; c++) {
            answer(r, split, column, (size_t)c * CHUNK, end_of_chunk(r, c));
        }
#pragma omp for schedule(static)
        for (int p = 0; p < parts; p++) {
            split_part(r, p, 1u << level);
        }
    }
    uint32_t *rows = r->rows;
    double *gradients = r->gradients;
    r->rows = r->rows_spare;
    r->gradients = r->gradients_spare;
    r->rows_spare = rows;
    r->gradients_spare = gradients;
}

uint32_t leaf_rows_count(const struct leaf_rows *r, uint32_t leaf)
{
    size_t count = 0;
    for (int p = 0; p < r->n_parts; p++) {
        struct segment s = leaf_rows_segment(r, leaf, p);
        count += s.end - s.begin;
    }
    return (uint32_t)count;
}
