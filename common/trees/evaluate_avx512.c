/* Kernel for processors with AVX-512 F, BW, VL, DQ, VBMI and GFNI: 64 rows at a time, the bits of the scalar kernel.
 *
 * Leaf values are stored as planes, plane p holding the p-th 16 bits (depth up to 6: 64 leaves fit two registers) or
 * 8 bits (depth 7 and 8) of every leaf, so that a look-up is a register permute; the pieces are then unpacked to
 * doubles and added, lane by lane, in tree order. Rounding is untouched: only whole doubles are ever added.
 * Deeper or non-symmetric trees and many outputs go to plain C.
 *
 * This part arranges the arrays; evaluate_avx512_bins.c, _rows.c and _one.c work on them. */
#include "common/trees/evaluate_avx512.h"

#if defined(__x86_64__)

#include <string.h>

enum {
    SECOND_CACHE_BYTES = 768 << 10,
    USES_MIN =
        4 /* of a split, for masks of few rows to pay: with 2.3 they cost what they save, with 15 they save a fifth */
};

static bool supported(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("gfni");
}

/* Leaf values of one tree and output as planes. Leaves that the tree lacks are never asked for. */
static void build_planes(const double *values, uint32_t leaves, uint32_t dim, bool words, uint8_t *planes)
{
    for (uint32_t leaf = 0; leaf < leaves; leaf++) {
        uint8_t raw[8];
        memcpy(raw, &values[(size_t)leaf * dim], 8);
        for (uint32_t byte = 0; byte < 8; byte++) {
            size_t at = words ? (size_t)(byte / 2) * 128 + 2 * (size_t)leaf + byte % 2 : (size_t)byte * 256 + leaf;
            planes[at] = raw[byte];
        }
    }
}

static bool build_trees(mrc_model *m, struct image *image)
{
    bool words = image->depth == DEPTH_WORDS;
    unsigned depth = image->depth;
    image->tests = ARENA_ARRAY(&m->arena, (size_t)m->n_trees * depth, bin_test);
    image->planes = arena_array(&m->arena, (size_t)m->n_trees * m->dim, plane_bytes_of(image), 64);
    if (!image->tests || !image->planes) {
        return false;
    }
    for (uint32_t t = 0; t < m->n_trees; t++) {
        for (uint32_t d = 0; d < depth; d++) {
            image->tests[(size_t)t * depth + d] =
                d < m->tree_sizes[t] ? m->evaluator->tree_tests[m->tree_starts[t] + d] : TEST_NEVER;
        }
        for (uint32_t k = 0; k < m->dim; k++) {
            build_planes(m->leaf_values + m->tree_leaf_offsets[t] + k, 1u << m->tree_sizes[t], m->dim, words,
                         image->planes + ((size_t)k * m->n_trees + t) * plane_bytes_of(image));
        }
    }
    return true;
}

/* Number the splits that trees share. Splits stand in the order of their columns. */
static bool build_masks(mrc_model *m, struct image *image)
{
    struct arena *a = &m->arena;
    const struct evaluator *ev = m->evaluator;
    image->tree_masks = ARENA_ARRAY(a, (size_t)m->n_trees * image->depth, uint32_t);
    image->mask_tests = ARENA_ARRAY(a, (size_t)m->n_splits + 1, bin_test);
    struct arena_mark mark = arena_mark(a);
    uint32_t *numbers = ARENA_ARRAY(a, m->n_splits, uint32_t);
    if (!image->tree_masks || !image->mask_tests || !numbers) {
        return false;
    }
    for (uint32_t i = 0; i < m->n_tree_splits; i++) {
        numbers[m->tree_splits[i]] = 1;
    }
    image->mask_tests[image->n_masks++] = TEST_NEVER;
    for (uint32_t i = 0; i < m->n_splits; i++) {
        if (numbers[i]) {
            numbers[i] = image->n_masks;
            image->mask_tests[image->n_masks++] = ev->split_tests[i];
        }
    }
    for (uint32_t t = 0; t < m->n_trees; t++) {
        for (uint32_t d = 0; d < m->tree_sizes[t]; d++) {
            image->tree_masks[(size_t)t * image->depth + d] = numbers[m->tree_splits[m->tree_starts[t] + d]];
        }
    }
    arena_rewind(a, mark);
    image->shares_tests = (uint64_t)image->n_masks * USES_MIN < (uint64_t)m->n_trees * image->depth;
    return true;
}

/* Entries of a dense table that a register path may look up: the numbers of every category must be bytes. */
static uint64_t small_entries(const struct evaluator *ev, const struct ctr_source *c)
{
    uint64_t n = 1;
    for (uint32_t i = 0; i < c->n_cats && n <= SMALL_TABLE; i++) {
        n *= (uint64_t)ev->dictionaries[c->cat_slots[i]].n + 1;
    }
    for (uint32_t i = 0; i < c->n_tests + c->n_values && n <= SMALL_TABLE; i++) {
        n *= 2;
    }
    return n <= SMALL_TABLE ? n : 0;
}

static bool build_smalls(mrc_model *m, struct image *image)
{
    const struct evaluator *ev = m->evaluator;
    image->smalls = ARENA_ARRAY(&m->arena, ev->n_ctrs, struct small_table);
    if (!image->smalls) {
        return false;
    }
    for (uint32_t i = 0; i < ev->n_ctrs; i++) {
        const struct ctr_source *c = &ev->ctrs[i];
        uint64_t n = c->dense ? small_entries(ev, c) : 0;
        if (n == 0) {
            continue;
        }
        uint32_t entries = n <= 64 ? 64 : n <= 128 ? 128 : SMALL_TABLE;
        uint8_t *bytes = arena_array(&m->arena, c->n_columns, entries, 64);
        if (!bytes) {
            return false;
        }
        for (uint64_t e = 0; e < n; e++) {
            for (uint32_t k = 0; k < c->n_columns; k++) {
                bytes[(size_t)k * entries + e] = c->dense[e * c->n_columns + k];
            }
        }
        image->smalls[i] = (struct small_table){entries, bytes};
    }
    return true;
}

/* For one row at a time the same tests stand side by side, GROUP trees in a register; bins are fetched by permutes from
 * chunks of CHUNK columns. */
static bool build_row_tests(mrc_model *m, struct image *image)
{
    image->n_chunks = (m->evaluator->n_columns + CHUNK - 1) / CHUNK;
    if (image->n_chunks > CHUNKS_MAX) {
        return true;
    }
    size_t groups = ((size_t)m->n_trees + GROUP - 1) / GROUP;
    uint8_t *p = arena_array(&m->arena, groups * image->depth, 3 * GROUP, 64);
    if (!p) {
        return false;
    }
    for (size_t t = 0; t < groups * GROUP; t++) {
        for (uint32_t d = 0; d < image->depth; d++) {
            bin_test test = t < m->n_trees ? image->tests[t * image->depth + d] : TEST_NEVER;
            uint8_t *at = p + ((t / GROUP * image->depth + d) * 3) * GROUP + t % GROUP;
            at[0] = (uint8_t)(TEST_COLUMN(test) % CHUNK);
            at[GROUP] = (uint8_t)(TEST_COLUMN(test) / CHUNK);
            at[2 * GROUP] = TEST_THRESHOLD(test);
        }
    }
    image->row_tests = p;
    return true;
}

static int prepare(mrc_model *m, struct mrc_err *err)
{
    struct image *image = ARENA_NEW(&m->arena, struct image);
    if (!image || !(image->heaps = border_heaps(m)) || !build_smalls(m, image)) {
        return arena_fail(&m->arena, err);
    }
    uint32_t deepest = 0;
    for (uint32_t t = 0; t < m->n_trees; t++) {
        deepest = m->symmetric && m->tree_sizes[t] > deepest ? m->tree_sizes[t] : deepest;
    }
    if (m->symmetric && deepest <= DEPTH_BYTES && m->dim <= OUTPUTS_MAX && m->evaluator->n_columns > 0) {
        image->depth = deepest <= DEPTH_WORDS ? DEPTH_WORDS : DEPTH_BYTES;
        image->prefetch_leaves = m->n_leaf_values * sizeof(double) > SECOND_CACHE_BYTES;
        if (!build_trees(m, image) || !build_masks(m, image) || !build_row_tests(m, image)) {
            return arena_fail(&m->arena, err);
        }
    }
    m->evaluator->image = image;
    return MRC_OK;
}

/* ---- the kernel -------------------------------------------------------------------------------------------------- */

static size_t work_bytes(const mrc_model *m, size_t stride)
{
    const struct image *image = m->evaluator->image;
    if (stride == 1) {
        return 0;
    }
    size_t bins = STAGE_COLUMNS * STAGE_ROWS * sizeof(float) + m->evaluator->n_cats * stride;
    size_t trees = image->depth ? avx512_rows_bytes(m, stride) : 0;
    return bins > trees ? bins : trees;
}

static void quantize(const mrc_model *m, struct block *b)
{
    if (b->stride == 1) {
        avx512_quantize_row(m, b);
    } else {
        avx512_quantize_rows(m, b);
    }
}

static void trees(const mrc_model *m, struct block *b, uint32_t begin, uint32_t end)
{
    const struct image *image = m->evaluator->image;
    if (b->stride == 1 && image->row_tests && begin == 0) {
        avx512_trees_of_row(m, b, end);
    } else if (b->stride == 1 || image->depth == 0) {
        scalar_trees(m, b, begin, end);
    } else {
        avx512_trees_of_rows(m, b, begin, end);
    }
}

const struct kernel kernel_avx512 = {
    .name = "avx512",
    .supported = supported,
    .prepare = prepare,
    .work_bytes = work_bytes,
    .quantize = quantize,
    .trees = trees,
};

#else

static bool never(void)
{
    return false;
}

const struct kernel kernel_avx512 = {.name = "avx512", .supported = never};

#endif
