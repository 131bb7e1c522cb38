/* Walking all rows through a tree of few splits. */
#include "train/row_leaves.h"
#include "train/row_walk.h"

#include <stdlib.h>
#include <string.h>

/* Rows that are walked while they are near; up to so many levels leaves are counted meanwhile, by several counters in
 * turn: rows of one leaf that follow each other need not wait for each other. */
enum { BLOCK = 4096, COUNTED_DEPTH = 8, COUNTERS = 4 };

bool row_leaves_init(struct row_leaves *r, size_t n, uint32_t depth)
{
    r->leaf = malloc((n + 1) * sizeof(*r->leaf));
    r->counts = malloc(((size_t)1 << depth) * sizeof(*r->counts));
    return r->leaf && r->counts;
}

void row_leaves_release(struct row_leaves *r)
{
    free(r->leaf);
    free(r->counts);
    *r = (struct row_leaves){0};
}

static bool all_compared_bytes(const struct split *splits, const struct column *columns, uint32_t depth)
{
    for (uint32_t d = 0; d < depth; d++) {
        if (!columns[d].u8 || splits[d].kind == SPLIT_ONE_HOT) {
            return false;
        }
    }
    return true;
}

/* Any splits, on columns of any kind. */
static void find_any(const struct split *splits, const struct column *columns, uint32_t depth, size_t begin, size_t end,
                     uint16_t *leaf)
{
    memset(leaf + begin, 0, (end - begin) * sizeof(*leaf));
    for (uint32_t d = 0; d < depth; d++) {
        for (size_t i = begin; i < end; i++) {
            leaf[i] = (uint16_t)(leaf[i] | (uint32_t)split_test(&splits[d], column_at(&columns[d], i)) << d);
        }
    }
}

static void count_block(const uint16_t *leaf, size_t n, uint32_t counts[COUNTERS][1 << COUNTED_DEPTH])
{
    size_t i = 0;
    for (; i + COUNTERS <= n; i += COUNTERS) {
#pragma GCC unroll 4
        for (size_t k = 0; k < COUNTERS; k++) {
            counts[k][leaf[i + k]]++;
        }
    }
    for (; i < n; i++) {
        counts[0][leaf[i]]++;
    }
}

void row_leaves_find(struct row_leaves *r, const struct split *splits, const struct column *columns, uint32_t depth,
                     size_t n, int threads)
{
    bool compared = all_compared_bytes(splits, columns, depth), counted = depth <= COUNTED_DEPTH;
    uint32_t leaves = 1u << depth;
    struct row_walk w = {.depth = depth, .n = n};
    for (uint32_t d = 0; compared && d < depth; d++) {
        w.steps[d] = (struct row_step){columns[d].u8, columns[d].stride, splits[d].bin};
    }
    row_walker *walk = row_walker_choose(&w);
    int blocks = (int)((n + BLOCK - 1) / BLOCK);
    memset(r->counts, 0, leaves * sizeof(*r->counts));
#pragma omp parallel num_threads(threads) if (threads > 1 && blocks > 4)
    {
        uint32_t counts[COUNTERS][1 << COUNTED_DEPTH] = {0};
#pragma omp for schedule(static) nowait
        for (int b = 0; b < blocks; b++) {
            size_t begin = (size_t)b * BLOCK, end = begin + BLOCK < n ? begin + BLOCK : n;
            if (compared) {
                walk(&w, begin, end, r->leaf);
            } else {
                find_any(splits, columns, depth, begin, end, r->leaf);
            }
            if (counted) {
                count_block(r->leaf + begin, end - begin, counts);
            }
        }
#pragma omp critical(row_leaves_counts)
        for (uint32_t k = 0; counted && k < leaves; k++) {
            r->counts[k] += counts[0][k] + counts[1][k] + counts[2][k] + counts[3][k];
        }
    }
    for (size_t i = 0; !counted && i < n; i++) {
        r->counts[r->leaf[i]]++;
    }
}

uint32_t redundant_split(const uint32_t *counts, uint32_t depth)
{
    uint32_t leaves = 1u << depth;
    for (uint32_t d = 0; d < depth; d++) {
        bool separates = false;
        for (uint32_t leaf = 0; leaf < leaves && !separates; leaf++) {
            separates = !(leaf >> d & 1) && counts[leaf] > 0 && counts[leaf | 1u << d] > 0;
        }
        if (!separates) {
            return d;
        }
    }
    return depth;
}
