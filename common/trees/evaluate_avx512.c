/* Kernel for processors with AVX-512 F, BW, VL, DQ and VBMI: 64 rows at a time, the bits of the scalar kernel.
 *
 * Borders stand in heap order in registers, so that a binary search is a few permutes for 16 values. A tree's leaf
 * numbers for 64 rows are byte compares. Leaf values are stored as planes, plane p holding the p-th 16 bits (depth up
 * to 6: 64 leaves fit two registers) or 8 bits (depth 7 and 8) of every leaf, so that a look-up is a register permute;
 * the pieces are then unpacked to doubles and added, lane by lane, in tree order. Unpacking leaves the rows in a fixed
 * order of its own, undone when sums are stored. Rounding is untouched: only whole doubles are ever added.
 *
 * Deeper or non-symmetric trees and many outputs go to plain C. Nothing here may be called on another processor. */
#include "common/trees/dense.h"
#include "common/trees/evaluate.h"
#include "common/trees/quantize.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <math.h>
#include <string.h>

enum {
    GROUP = 64,            /* rows in a register of bytes */
    TILE_BYTES = 24 << 10, /* planes that stay in the first cache while groups pass */
    TILE_TREES = 64,
    OUTPUTS_MAX = 8, /* with more, a leaf's outputs side by side are better than planes */
    CHUNK = 128,     /* columns that two registers hold */
    CHUNKS_MAX = 32, /* of more columns, one row goes to plain C */
    DEPTH_WORDS = 6,
    DEPTH_BYTES = 8,
    HEAP_LEVELS_MAX = 8
};

struct heap {
    unsigned levels;
    const float *nodes; /* [max(16, 2^levels)], from 1; 64-byte aligned */
};

struct image {
    unsigned depth;     /* levels of every tree here: DEPTH_WORDS or DEPTH_BYTES; 0: trees go to plain C */
    size_t plane_bytes; /* of one tree and output */
    bin_test *tests;    /* [n_trees][depth]; levels a tree lacks never hold */
    uint8_t *planes;    /* [n_trees][dim][plane_bytes], 64-byte aligned */
    uint8_t
        *row_tests; /* [groups of GROUP trees][depth][3][GROUP]: column within its chunk, chunk, threshold; or NULL */
    uint32_t n_chunks;
    struct heap *heaps; /* one per column of float features, in order */
};

static bool supported(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vbmi");
}

/* ---- image ------------------------------------------------------------------------------------------------------- */

/* Borders ascending to heap order: the root splits in the middle; nodes without a border are +infinity, which nothing
 * exceeds. */
static bool build_heap(struct arena *a, const float *borders, uint32_t n, struct heap *h)
{
    h->levels = 1;
    while ((1u << h->levels) - 1 < n) {
        h->levels++;
    }
    uint32_t size = 1u << h->levels;
    float *nodes = arena_array(a, size < 16 ? 16 : size, sizeof *nodes, 64);
    if (!nodes) {
        return false;
    }
    for (uint32_t level = 0; level < h->levels; level++) {
        uint32_t span = 1u << (h->levels - level);
        for (uint32_t i = 0; i < 1u << level; i++) {
            uint32_t at = i * span + span / 2 - 1;
            nodes[(1u << level) + i] = at < n ? borders[at] : INFINITY;
        }
    }
    h->nodes = nodes;
    return true;
}

static bool build_heaps(mrc_model *m, struct image *image)
{
    const struct evaluator *ev = m->evaluator;
    size_t n = 0;
    for (uint32_t i = 0; i < ev->n_floats; i++) {
        n += ev->floats[i].n_columns;
    }
    image->heaps = ARENA_ARRAY(&m->arena, n, struct heap);
    struct heap *h = image->heaps;
    for (uint32_t i = 0; h && i < ev->n_floats; i++) {
        const struct float_source *f = &ev->floats[i];
        for (uint32_t k = 0; k < f->n_columns; k++, h++) {
            uint32_t from = k * BORDERS_PER_COLUMN, left = f->n_borders - from;
            if (!build_heap(&m->arena, f->borders + from, left < BORDERS_PER_COLUMN ? left : BORDERS_PER_COLUMN, h)) {
                return false;
            }
        }
    }
    return image->heaps != NULL;
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

static bool build_trees(mrc_model *m, struct image *image, unsigned depth)
{
    bool words = depth == DEPTH_WORDS;
    image->plane_bytes = words ? 4 * 128 : 8 * 256;
    image->tests = ARENA_ARRAY(&m->arena, (size_t)m->n_trees * depth, bin_test);
    image->planes = arena_array(&m->arena, (size_t)m->n_trees * m->dim, image->plane_bytes, 64);
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
                         image->planes + ((size_t)t * m->dim + k) * image->plane_bytes);
        }
    }
    image->depth = depth;
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
    if (!image || !build_heaps(m, image)) {
        return arena_fail(&m->arena, err);
    }
    uint32_t deepest = 0;
    for (uint32_t t = 0; t < m->n_trees; t++) {
        deepest = m->symmetric && m->tree_sizes[t] > deepest ? m->tree_sizes[t] : deepest;
    }
    bool fits = m->symmetric && deepest <= DEPTH_BYTES && m->dim <= OUTPUTS_MAX && m->evaluator->n_columns > 0;
    if (fits &&
        (!build_trees(m, image, deepest <= DEPTH_WORDS ? DEPTH_WORDS : DEPTH_BYTES) || !build_row_tests(m, image))) {
        return arena_fail(&m->arena, err);
    }
    m->evaluator->image = image;
    return MRC_OK;
}

/* ---- quantising -------------------------------------------------------------------------------------------------- */

#define INLINE static inline __attribute__((always_inline))

/* Border at heap nodes n of a level, 2^level … 2^(level+1) - 1. */
INLINE __m512 nodes_of(const float *nodes, unsigned level, __m512i n)
{
    if (level <= 4) {
        return _mm512_permutexvar_ps(n, _mm512_load_ps(nodes + (level <= 3 ? 0 : 16)));
    }
    const float *p = nodes + (1u << level);
    __m512 r = _mm512_permutex2var_ps(_mm512_load_ps(p), n, _mm512_load_ps(p + 16));
    if (level == 5) {
        return r;
    }
    __m512 s = _mm512_permutex2var_ps(_mm512_load_ps(p + 32), n, _mm512_load_ps(p + 48));
    r = _mm512_mask_blend_ps(_mm512_test_epi32_mask(n, _mm512_set1_epi32(32)), r, s);
    if (level == 6) {
        return r;
    }
    s = _mm512_permutex2var_ps(_mm512_load_ps(p + 64), n, _mm512_load_ps(p + 80));
    __m512 t = _mm512_permutex2var_ps(_mm512_load_ps(p + 96), n, _mm512_load_ps(p + 112));
    s = _mm512_mask_blend_ps(_mm512_test_epi32_mask(n, _mm512_set1_epi32(32)), s, t);
    return _mm512_mask_blend_ps(_mm512_test_epi32_mask(n, _mm512_set1_epi32(64)), r, s);
}

INLINE __m128i search(const float *nodes, unsigned levels, __m512 x)
{
    const __m512i one = _mm512_set1_epi32(1);
    __m512i n = one;
    for (unsigned level = 0; level < levels; level++) {
        __mmask16 above = _mm512_cmp_ps_mask(x, nodes_of(nodes, level, n), _CMP_GT_OQ);
        n = _mm512_add_epi32(n, n);
        n = _mm512_mask_add_epi32(n, above, n, one);
    }
    return _mm512_cvtepi32_epi8(_mm512_sub_epi32(n, _mm512_set1_epi32(1 << levels)));
}

/* 16 rows of a column: x[0], x[stride], …; rows from n on repeat the first. */
INLINE __m512 load_rows(const float *x, __m512i offsets, bool dense, uint32_t n)
{
    if (dense && n >= 16) {
        return _mm512_loadu_ps(x);
    }
    __mmask16 valid = n >= 16 ? 0xffff : (__mmask16)((1u << n) - 1);
    return _mm512_mask_i32gather_ps(_mm512_set1_ps(x[0]), valid, offsets, x, 4);
}

struct rows {
    const float *x; /* first row's value */
    size_t stride;
    uint32_t n;
    bool nan_is_high;
};

INLINE void quantize_column(const struct rows *rows, const struct heap *h, unsigned levels, uint8_t *bins)
{
    __m512i offsets = _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                         _mm512_set1_epi32((int)rows->stride));
    const __m512 infinity = _mm512_set1_ps(INFINITY);
    for (uint32_t r = 0; r < rows->n; r += 16) {
        __m512 x = load_rows(rows->x + r * rows->stride, offsets, rows->stride == 1, rows->n - r);
        if (rows->nan_is_high) {
            x = _mm512_mask_mov_ps(x, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), infinity);
        }
        _mm_storeu_si128((__m128i *)(void *)(bins + r), search(h->nodes, levels, x));
    }
}

static void quantize_any(const struct rows *rows, const struct heap *h, uint8_t *bins)
{
    switch (h->levels) {
    case 1:
        quantize_column(rows, h, 1, bins);
        break;
    case 2:
        quantize_column(rows, h, 2, bins);
        break;
    case 3:
        quantize_column(rows, h, 3, bins);
        break;
    case 4:
        quantize_column(rows, h, 4, bins);
        break;
    case 5:
        quantize_column(rows, h, 5, bins);
        break;
    case 6:
        quantize_column(rows, h, 6, bins);
        break;
    case 7:
        quantize_column(rows, h, 7, bins);
        break;
    default:
        quantize_column(rows, h, 8, bins);
        break;
    }
}

static void quantize_floats_512(const struct evaluator *ev, struct block *b)
{
    const struct heap *h = ((const struct image *)ev->image)->heaps;
    const struct mrc_input *in = b->in;
    for (uint32_t i = 0; i < ev->n_floats; i++) {
        const struct float_source *f = &ev->floats[i];
        struct rows rows = {in->floats + b->first_row * in->float_row_stride +
                                f->input_column * in->float_column_stride,
                            in->float_row_stride, b->n_rows, f->nan_is_high};
        for (uint32_t k = 0; k < f->n_columns; k++, h++) {
            uint8_t *bins = b->bins + (size_t)(f->first_column + k) * b->stride;
            quantize_any(&rows, h, bins);
            memset(bins + b->n_rows, bins[0], b->stride - b->n_rows);
        }
    }
}

/* Entries of a dense table for 16 rows: categories as digits, then a bit per test. */
INLINE __m512i dense_entries(const struct evaluator *ev, const struct ctr_source *c, const struct block *b,
                             uint32_t row)
{
    const __m512i one = _mm512_set1_epi32(1);
    __m512i e = _mm512_setzero_si512();
    for (uint32_t i = 0; i < c->n_cats; i++) {
        size_t slot = c->cat_slots[i];
        __m512i ids = _mm512_loadu_si512(b->ids + slot * b->stride + row);
        e = _mm512_add_epi32(_mm512_mullo_epi32(e, _mm512_set1_epi32((int)ev->dictionaries[slot].n + 1)), ids);
    }
    for (uint32_t i = 0; i < c->n_tests; i++) {
        bin_test t = c->tests[i];
        const uint8_t *column = b->bins + (size_t)TEST_COLUMN(t) * b->stride + row;
        __mmask16 holds = _mm_cmpge_epu8_mask(_mm_loadu_si128((const __m128i *)(const void *)column),
                                              _mm_set1_epi8((char)TEST_THRESHOLD(t)));
        e = _mm512_add_epi32(e, e);
        e = _mm512_mask_add_epi32(e, holds, e, one);
    }
    for (uint32_t i = 0; i < c->n_values; i++) {
        __m512i hashes = _mm512_loadu_si512(b->hashes + (size_t)c->values[i].cat_slot * b->stride + row);
        __mmask16 holds = _mm512_cmpeq_epi32_mask(hashes, _mm512_set1_epi32((int)c->values[i].value));
        e = _mm512_add_epi32(e, e);
        e = _mm512_mask_add_epi32(e, holds, e, one);
    }
    return e;
}

/* A gather loads four bytes from each place; the lowest is the bin. Dense tables end with padding for that. */
static void look_up_dense(const struct evaluator *ev, const struct ctr_source *c, struct block *b)
{
    uint8_t *bins = b->bins + (size_t)c->first_column * b->stride;
    for (uint32_t row = 0; row < b->stride; row += 16) {
        __m512i at = _mm512_mullo_epi32(dense_entries(ev, c, b, row), _mm512_set1_epi32((int)c->n_columns));
        for (uint32_t k = 0; k < c->n_columns; k++) {
            __m512i found = _mm512_i32gather_epi32(at, c->dense + k, 1);
            _mm_storeu_si128((__m128i *)(void *)(bins + (size_t)k * b->stride + row), _mm512_cvtepi32_epi8(found));
        }
    }
}

static void quantize_ctrs_512(const struct evaluator *ev, struct block *b)
{
    for (uint32_t i = 0; i < ev->n_ctrs; i++) {
        if (ev->ctrs[i].dense) {
            look_up_dense(ev, &ev->ctrs[i], b);
        } else {
            quantize_ctr(ev, &ev->ctrs[i], b);
        }
    }
}

static void quantize(const mrc_model *m, struct block *b)
{
    const struct evaluator *ev = m->evaluator;
    if (b->stride == 1 || b->in->float_row_stride > INT32_MAX / 64) {
        scalar_quantize(m, b);
        return;
    }
    quantize_floats_512(ev, b);
    hash_categories(ev, b);
    quantize_one_hots(ev, b);
    number_categories(ev, b);
    quantize_ctrs_512(ev, b);
}

/* ---- trees ------------------------------------------------------------------------------------------------------- */

/* Leaf numbers of one tree for 64 rows. */
INLINE __m512i leaves_of(const bin_test *tests, unsigned depth, const uint8_t *bins, size_t stride)
{
    __m512i leaf = _mm512_setzero_si512();
    for (unsigned d = 0; d < depth; d++) {
        __m512i column = _mm512_loadu_si512(bins + (size_t)TEST_COLUMN(tests[d]) * stride);
        __mmask64 holds = _mm512_cmpge_epu8_mask(column, _mm512_set1_epi8((char)TEST_THRESHOLD(tests[d])));
        leaf = _mm512_mask_add_epi8(leaf, holds, leaf, _mm512_set1_epi8((char)(1u << d)));
    }
    return leaf;
}

INLINE __m512i plane_word(const uint8_t *planes, unsigned p, __m512i leaf)
{
    return _mm512_permutex2var_epi16(_mm512_load_si512(planes + 128 * p), leaf,
                                     _mm512_load_si512(planes + 128 * p + 64));
}

/* Add the doubles of 32 rows whose leaf numbers stand in the low bits of 16-bit lanes. */
INLINE void add_words(const uint8_t *planes, __m512i leaf, __m512d *sums)
{
    __m512i w0 = plane_word(planes, 0, leaf), w1 = plane_word(planes, 1, leaf);
    __m512i w2 = plane_word(planes, 2, leaf), w3 = plane_word(planes, 3, leaf);
    __m512i a = _mm512_unpacklo_epi16(w0, w1), b = _mm512_unpackhi_epi16(w0, w1);
    __m512i c = _mm512_unpacklo_epi16(w2, w3), d = _mm512_unpackhi_epi16(w2, w3);
    sums[0] = _mm512_add_pd(sums[0], _mm512_castsi512_pd(_mm512_unpacklo_epi32(a, c)));
    sums[1] = _mm512_add_pd(sums[1], _mm512_castsi512_pd(_mm512_unpackhi_epi32(a, c)));
    sums[2] = _mm512_add_pd(sums[2], _mm512_castsi512_pd(_mm512_unpacklo_epi32(b, d)));
    sums[3] = _mm512_add_pd(sums[3], _mm512_castsi512_pd(_mm512_unpackhi_epi32(b, d)));
}

INLINE __m512i plane_byte(const uint8_t *planes, unsigned p, __m512i leaf, __mmask64 upper)
{
    const uint8_t *at = planes + 256 * p;
    __m512i low = _mm512_permutex2var_epi8(_mm512_load_si512(at), leaf, _mm512_load_si512(at + 64));
    __m512i high = _mm512_permutex2var_epi8(_mm512_load_si512(at + 128), leaf, _mm512_load_si512(at + 192));
    return _mm512_mask_blend_epi8(upper, low, high);
}

/* The same for 64 rows from byte planes. */
INLINE void add_bytes(const uint8_t *planes, __m512i leaf, __m512d *sums)
{
    __mmask64 upper = _mm512_movepi8_mask(leaf);
    __m512i lo[4], hi[4]; /* bytes 2k, 2k+1 of rows 0-7 and 8-15 of each 128-bit lane */
    for (unsigned k = 0; k < 4; k++) {
        __m512i even = plane_byte(planes, 2 * k, leaf, upper), odd = plane_byte(planes, 2 * k + 1, leaf, upper);
        lo[k] = _mm512_unpacklo_epi8(even, odd);
        hi[k] = _mm512_unpackhi_epi8(even, odd);
    }
    for (unsigned half = 0; half < 2; half++) {
        const __m512i *w = half ? hi : lo;
        __m512i a = _mm512_unpacklo_epi16(w[0], w[1]), b = _mm512_unpackhi_epi16(w[0], w[1]);
        __m512i c = _mm512_unpacklo_epi16(w[2], w[3]), d = _mm512_unpackhi_epi16(w[2], w[3]);
        __m512d *s = sums + 4 * half;
        s[0] = _mm512_add_pd(s[0], _mm512_castsi512_pd(_mm512_unpacklo_epi32(a, c)));
        s[1] = _mm512_add_pd(s[1], _mm512_castsi512_pd(_mm512_unpackhi_epi32(a, c)));
        s[2] = _mm512_add_pd(s[2], _mm512_castsi512_pd(_mm512_unpacklo_epi32(b, d)));
        s[3] = _mm512_add_pd(s[3], _mm512_castsi512_pd(_mm512_unpackhi_epi32(b, d)));
    }
}

/* Row of the group whose sum stands in lane i of register j. */
static unsigned row_of(bool words, unsigned j, unsigned i)
{
    unsigned lane = i / 2 * 16, k = 2 * (j % 4) + i % 2;
    return words ? lane + 2 * k + j / 4 : lane + 8 * (j / 4) + k;
}

/* Work: leaf numbers of a tile for one group, then sums of every group and output in the kernel's order of rows. */
static size_t work_bytes(const mrc_model *m, size_t stride)
{
    return TILE_TREES * GROUP + (stride + GROUP - 1) / GROUP * GROUP * m->dim * sizeof(double);
}

static void move_sums(const mrc_model *m, struct block *b, bool words, double *work, bool in)
{
    for (uint32_t row = 0; row < b->n_rows; row += GROUP) {
        for (uint32_t d = 0; d < m->dim; d++) {
            double *mine = work + ((size_t)row * m->dim + (size_t)d * GROUP);
            for (unsigned at = 0; at < GROUP; at++) {
                double *theirs = &b->sums[(size_t)(row + row_of(words, at / 8, at % 8)) * m->dim + d];
                if (in) {
                    mine[at] = *theirs;
                } else {
                    *theirs = mine[at];
                }
            }
        }
    }
}

INLINE void tile_group(const struct image *image, const mrc_model *m, uint32_t t, uint32_t n, const uint8_t *bins,
                       size_t stride, uint8_t *leaves, double *work, unsigned depth)
{
    const bin_test *tests = image->tests + (size_t)t * depth;
    for (uint32_t i = 0; i < n; i++) {
        _mm512_store_si512(leaves + (size_t)i * GROUP, leaves_of(tests + (size_t)i * depth, depth, bins, stride));
    }
    size_t step = m->dim * image->plane_bytes;
    for (uint32_t d = 0; d < m->dim; d++) {
        const uint8_t *planes = image->planes + (size_t)t * step + d * image->plane_bytes;
        __m512d sums[8];
        for (unsigned j = 0; j < 8; j++) {
            sums[j] = _mm512_load_pd(work + (size_t)d * GROUP + 8 * j);
        }
        for (uint32_t i = 0; i < n; i++, planes += step) {
            __m512i leaf = _mm512_load_si512(leaves + (size_t)i * GROUP);
            if (depth == DEPTH_WORDS) {
                add_words(planes, leaf, sums);
                add_words(planes, _mm512_srli_epi16(leaf, 8), sums + 4);
            } else {
                add_bytes(planes, leaf, sums);
            }
        }
        for (unsigned j = 0; j < 8; j++) {
            _mm512_store_pd(work + (size_t)d * GROUP + 8 * j, sums[j]);
        }
    }
}

/* Leaf numbers of GROUP trees for one row. */
INLINE __m512i leaves_of_row(const uint8_t *tests, unsigned depth, const uint8_t *bins, uint32_t n_chunks)
{
    __m512i leaf = _mm512_setzero_si512();
    for (unsigned d = 0; d < depth; d++, tests += 3 * GROUP) {
        __m512i column = _mm512_load_si512(tests), chunk = _mm512_load_si512(tests + GROUP);
        __m512i bin = _mm512_permutex2var_epi8(_mm512_load_si512(bins), column, _mm512_load_si512(bins + 64));
        for (uint32_t c = 1; c < n_chunks; c++) {
            const uint8_t *at = bins + (size_t)c * CHUNK;
            __m512i other = _mm512_permutex2var_epi8(_mm512_load_si512(at), column, _mm512_load_si512(at + 64));
            bin = _mm512_mask_mov_epi8(bin, _mm512_cmpeq_epi8_mask(chunk, _mm512_set1_epi8((char)c)), other);
        }
        __mmask64 holds = _mm512_cmpge_epu8_mask(bin, _mm512_load_si512(tests + 2 * GROUP));
        leaf = _mm512_mask_add_epi8(leaf, holds, leaf, _mm512_set1_epi8((char)(1u << d)));
    }
    return leaf;
}

static void trees_of_row(const mrc_model *m, struct block *b, uint32_t end)
{
    const struct image *image = m->evaluator->image;
    uint8_t leaves[GROUP];
    for (uint32_t t = 0; t < end; t += GROUP) {
        const uint8_t *tests = image->row_tests + (size_t)t / GROUP * image->depth * 3 * GROUP;
        _mm512_storeu_si512(leaves, image->depth == DEPTH_WORDS
                                        ? leaves_of_row(tests, DEPTH_WORDS, b->bins, image->n_chunks)
                                        : leaves_of_row(tests, DEPTH_BYTES, b->bins, image->n_chunks));
        uint32_t n = end - t < GROUP ? end - t : GROUP;
        const size_t *offsets = m->tree_leaf_offsets + t;
        if (m->dim == 1) {
            double sum = b->sums[0];
            for (uint32_t i = 0; i < n; i++) {
                sum += m->leaf_values[offsets[i] + leaves[i]];
            }
            b->sums[0] = sum;
            continue;
        }
        for (uint32_t i = 0; i < n; i++) {
            const double *leaf = m->leaf_values + offsets[i] + (size_t)leaves[i] * m->dim;
            for (uint32_t d = 0; d < m->dim; d++) {
                b->sums[d] += leaf[d];
            }
        }
    }
}

static void trees(const mrc_model *m, struct block *b, uint32_t begin, uint32_t end)
{
    const struct image *image = m->evaluator->image;
    if (b->stride == 1 && image->row_tests && begin == 0) {
        trees_of_row(m, b, end);
        return;
    }
    if (image->depth == 0 || b->stride == 1) {
        scalar_trees(m, b, begin, end);
        return;
    }
    bool words = image->depth == DEPTH_WORDS;
    uint8_t *leaves = b->work;
    double *sums = (double *)(void *)(leaves + TILE_TREES * GROUP);
    uint32_t tile = (uint32_t)(TILE_BYTES / (image->plane_bytes * m->dim));
    tile = tile < 4 ? 4 : tile > TILE_TREES ? TILE_TREES : tile;
    move_sums(m, b, words, sums, true);
    for (uint32_t t = begin; t < end; t += tile) {
        uint32_t n = end - t < tile ? end - t : tile;
        for (uint32_t row = 0; row < b->n_rows; row += GROUP) {
            double *work = sums + (size_t)row * m->dim;
            if (words) {
                tile_group(image, m, t, n, b->bins + row, b->stride, leaves, work, DEPTH_WORDS);
            } else {
                tile_group(image, m, t, n, b->bins + row, b->stride, leaves, work, DEPTH_BYTES);
            }
        }
    }
    move_sums(m, b, words, sums, false);
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
