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
    *r = (struct leaf_rows){.n_all = n, .dim = dim, .threads = threads};
    r->rows = calloc(n + SLACK, sizeof(*r->rows));
    r->rows_spare = malloc(n * sizeof(*r->rows));
    r->gradients = malloc(n * width * sizeof(double));
    r->gradients_spare = malloc(n * width * sizeof(double));
    r->segments = calloc(leaves, sizeof(*r->segments));
    r->leaf_of = malloc(n * sizeof(*r->leaf_of));
    r->answers = malloc(n);
    r->chunk_counts = malloc(((size_t)chunks_of(n) + 1) * sizeof(*r->chunk_counts));
    return r->rows && r->rows_spare && r->gradients && r->gradients_spare && r->segments && r->leaf_of && r->answers &&
           r->chunk_counts;
}

void leaf_rows_release(struct leaf_rows *r)
{
    free(r->rows);
    free(r->rows_spare);
    free(r->gradients);
    free(r->gradients_spare);
    free(r->segments);
    free(r->leaf_of);
    free(r->answers);
    free(r->chunk_counts);
    *r = (struct leaf_rows){0};
}

static bool is_sampled(const struct row_source *from, size_t row)
{
    return !from->sample || (double)from->sample[row] > (double)FLT_EPSILON;
}

static void load_chunk(struct leaf_rows *r, const struct row_source *from, size_t begin, size_t end, size_t k)
{
    size_t n = r->n_all, width = (size_t)r->dim + 1;
    for (size_t i = begin; i < end; i++) {
        size_t row = from->order ? from->order[i] : i;
        if (!is_sampled(from, row)) {
            continue;
        }
        double sample = from->sample ? (double)from->sample[row] : 1.0;
        double *g = r->gradients + k * width;
        for (uint32_t d = 0; d < r->dim; d++) {
            g[d] = from->d1[d * n + row] * sample;
        }
        g[r->dim] = (from->weight ? (double)from->weight[row] : 1.0) * sample;
        r->rows[k++] = (uint32_t)row;
    }
}

void leaf_rows_load(struct leaf_rows *r, const struct row_source *from)
{
    int chunks = chunks_of(r->n_all);
    bool parallel = r->threads > 1 && r->n_all > PARALLEL_ROWS;
    size_t *counts = r->chunk_counts;
#pragma omp parallel for num_threads(r->threads) schedule(static) if (parallel)
    for (int c = 0; c < chunks; c++) {
        size_t begin = (size_t)c * CHUNK, end = begin + CHUNK < r->n_all ? begin + CHUNK : r->n_all, count = 0;
        for (size_t i = begin; i < end; i++) {
            count += is_sampled(from, from->order ? from->order[i] : i);
        }
        counts[c] = count;
    }
    size_t at = 0;
    for (int c = 0; c < chunks; c++) {
        size_t count = counts[c];
        counts[c] = at;
        at += count;
    }
#pragma omp parallel for num_threads(r->threads) schedule(static) if (parallel)
    for (int c = 0; c < chunks; c++) {
        size_t begin = (size_t)c * CHUNK, end = begin + CHUNK < r->n_all ? begin + CHUNK : r->n_all;
        load_chunk(r, from, begin, end, counts[c]);
    }
    r->n = at;
    r->segments[0] = (struct segment){0, at};
    memset(r->leaf_of, 0, r->n_all * sizeof(*r->leaf_of));
}

/* ---- splitting ------------------------------------------------------------------------------------------------- */

static void answer(struct leaf_rows *r, const struct split *split, const struct column *column, uint32_t level,
                   size_t begin, size_t end)
{
    if (column->u8 && split->kind != SPLIT_ONE_HOT) {
        const uint8_t *bins = column->u8 + begin * column->stride;
        for (size_t i = begin; i < end; i++, bins += column->stride) {
            uint8_t yes = *bins > split->bin;
            r->answers[i] = yes;
            r->leaf_of[i] = (uint16_t)(r->leaf_of[i] | (uint32_t)yes << level);
        }
        return;
    }
    for (size_t i = begin; i < end; i++) {
        uint8_t yes = split_test(split, column_at(column, i));
        r->answers[i] = yes;
        r->leaf_of[i] = (uint16_t)(r->leaf_of[i] | (uint32_t)yes << level);
    }
}

/* Stable partition of a leaf's rows: those that answer no stay in front. */
static void partition(struct leaf_rows *r, uint32_t leaf, uint32_t other)
{
    size_t begin = r->segments[leaf].begin, end = r->segments[leaf].end, width = (size_t)r->dim + 1;
    size_t kept = begin, moved = begin;
    for (size_t k = begin; k < end; k++) {
        uint32_t row = r->rows[k];
        bool yes = r->answers[row];
        uint32_t *rows = yes ? r->rows_spare + moved : r->rows + kept;
        double *g = yes ? r->gradients_spare + moved * width : r->gradients + kept * width;
        *rows = row;
        for (size_t d = 0; d < width; d++) {
            g[d] = r->gradients[k * width + d];
        }
        moved += yes;
        kept += !yes;
    }
    memcpy(r->rows + kept, r->rows_spare + begin, (moved - begin) * sizeof(*r->rows));
    memcpy(r->gradients + kept * width, r->gradients_spare + begin * width, (moved - begin) * width * sizeof(double));
    r->segments[leaf] = (struct segment){begin, kept};
    r->segments[other] = (struct segment){kept, end};
}

void leaf_rows_split(struct leaf_rows *r, const struct split *split, const struct column *column, uint32_t level,
                     bool is_last)
{
    int leaves = is_last ? 0 : 1 << level, chunks = chunks_of(r->n_all);
    bool parallel = r->threads > 1 && r->n_all > PARALLEL_ROWS;
#pragma omp parallel num_threads(r->threads) if (parallel)
    {
#pragma omp for schedule(static)
        for (int c = 0; c < chunks; c++) {
            size_t begin = (size_t)c * CHUNK, end = begin + CHUNK < r->n_all ? begin + CHUNK : r->n_all;
            answer(r, split, column, level, begin, end);
        }
#pragma omp for schedule(dynamic, 1)
        for (int leaf = 0; leaf < leaves; leaf++) {
            partition(r, (uint32_t)leaf, (uint32_t)(leaf + leaves));
        }
    }
    r->is_sorted = !is_last;
}

uint32_t leaf_rows_redundant(const struct leaf_rows *r, uint32_t depth)
{
    uint32_t leaves = 1u << depth, n_empty = !r->is_sorted;
    for (uint32_t leaf = 0; r->is_sorted && leaf < leaves; leaf++) {
        n_empty += r->segments[leaf].begin == r->segments[leaf].end;
    }
    if (n_empty == 0) {
        return depth;
    }
    bool has_rows[1 << TREE_DEPTH_MAX] = {false}; /* all rows count, not only the sampled ones */
    for (size_t i = 0; i < r->n_all; i++) {
        has_rows[r->leaf_of[i]] = true;
    }
    for (uint32_t d = 0; d < depth; d++) {
        bool separates = false;
        for (uint32_t leaf = 0; leaf < leaves && !separates; leaf++) {
            separates = !(leaf >> d & 1) && has_rows[leaf] && has_rows[leaf | 1u << d];
        }
        if (!separates) {
            return d;
        }
    }
    return depth;
}
