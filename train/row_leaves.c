/* Walking all rows through a tree of few splits. */
#include "train/row_leaves.h"

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

/* What a walk reads: byte columns that are compared, from their first row on. */
struct walk {
    const uint8_t *bins[TREE_DEPTH_MAX];
    size_t stride[TREE_DEPTH_MAX];
    uint32_t bin[TREE_DEPTH_MAX];
};

static inline void walk_bytes(const struct walk *w, uint32_t depth, size_t n, uint16_t *restrict leaf)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t at = 0;
#pragma GCC unroll 16
        for (uint32_t d = depth; d-- > 0;) {
            at = 2 * at + (w->bins[d][i * w->stride[d]] > w->bin[d]);
        }
        leaf[i] = (uint16_t)at;
    }
}

/* A loop for each usual depth, unrolled. */
static void walk(const struct walk *w, uint32_t depth, size_t n, uint16_t *leaf)
{
    switch (depth) {
    case 4:
        walk_bytes(w, 4, n, leaf);
        break;
    case 5:
        walk_bytes(w, 5, n, leaf);
        break;
    case 6:
        walk_bytes(w, 6, n, leaf);
        break;
    case 7:
        walk_bytes(w, 7, n, leaf);
        break;
    case 8:
        walk_bytes(w, 8, n, leaf);
        break;
    default:
        walk_bytes(w, depth, n, leaf);
    }
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

static void find_block(const struct split *splits, const struct column *columns, uint32_t depth, bool compared,
                       size_t begin, size_t end, uint16_t *leaf)
{
    if (compared) {
        struct walk w;
        for (uint32_t d = 0; d < depth; d++) {
            w.bins[d] = columns[d].u8 + begin * columns[d].stride;
            w.stride[d] = columns[d].stride;
            w.bin[d] = splits[d].bin;
        }
        walk(&w, depth, end - begin, leaf + begin);
        return;
    }
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
    int blocks = (int)((n + BLOCK - 1) / BLOCK);
    memset(r->counts, 0, leaves * sizeof(*r->counts));
#pragma omp parallel num_threads(threads) if (threads > 1 && blocks > 4)
    {
        uint32_t counts[COUNTERS][1 << COUNTED_DEPTH] = {0};
#pragma omp for schedule(static) nowait
        for (int b = 0; b < blocks; b++) {
            size_t begin = (size_t)b * BLOCK, end = begin + BLOCK < n ? begin + BLOCK : n;
            find_block(splits, columns, depth, compared, begin, end, r->leaf);
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
