/* Blocks of rows with AVX2. Borders stand in heap order: a step of the binary search picks among registers of 8 nodes.
 * A tree's leaf numbers for 32 rows are byte comparisons; leaves are loaded in pairs, four trees for each load and
 * store of the sums. Every lane adds whole doubles in tree order. */
#include "common/trees/dense.h"
#include "common/trees/evaluate_avx2.h"
#include "common/trees/quantize.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

/* ---- rows to columns --------------------------------------------------------------------------------------------- */

INLINE void transpose(__m256 *r)
{
    __m256 t[8];
    for (unsigned i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (unsigned i = 0; i < 8; i += 4) {
        for (unsigned k = 0; k < 2; k++) {
            r[i + 2 * k] = _mm256_shuffle_ps(t[i + k], t[i + k + 2], 0x44);
            r[i + 2 * k + 1] = _mm256_shuffle_ps(t[i + k], t[i + k + 2], 0xee);
        }
    }
    for (unsigned k = 0; k < 4; k++) {
        t[k] = _mm256_permute2f128_ps(r[k], r[k + 4], 0x20);
        t[k + 4] = _mm256_permute2f128_ps(r[k], r[k + 4], 0x31);
    }
    for (unsigned k = 0; k < 8; k++) {
        r[k] = t[k];
    }
}

/* Rows first … first + n_lanes of n_columns columns from `column` on; lanes past the last row repeat row 0. */
struct stage {
    uint32_t column, n_columns;
    uint32_t first, n_lanes;
    float *x; /* [AVX2_STAGE_COLUMNS][AVX2_STAGE_ROWS] */
};

static void stage_row_major(const struct block *b, const struct stage *s)
{
    size_t stride = b->in->float_row_stride;
    const float *rows = b->in->floats + b->first_row * stride + s->column;
    __m256i valid = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)s->n_columns), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    for (uint32_t lane = 0; lane < s->n_lanes; lane += 8) {
        __m256 r[8];
        for (uint32_t i = 0; i < 8; i++) {
            uint32_t row = s->first + lane + i;
            r[i] = _mm256_maskload_ps(rows + (row < b->n_rows ? row * stride : 0), valid);
        }
        transpose(r);
        for (uint32_t i = 0; i < 8; i++) {
            _mm256_store_ps(s->x + i * AVX2_STAGE_ROWS + lane, r[i]);
        }
    }
}

static void stage_any(const struct block *b, const struct stage *s)
{
    const struct mrc_input *in = b->in;
    for (uint32_t c = 0; c < s->n_columns; c++) {
        const float *x = in->floats + b->first_row * in->float_row_stride + (s->column + c) * in->float_column_stride;
        float *to = s->x + (size_t)c * AVX2_STAGE_ROWS;
        for (uint32_t i = 0; i < s->n_lanes; i++) {
            uint32_t row = s->first + i;
            to[i] = x[row < b->n_rows ? row * in->float_row_stride : 0];
        }
    }
}

/* ---- searching borders ------------------------------------------------------------------------------------------- */

/* p[n & 7] of one register of eight. */
INLINE __m256 pick(const float *p, __m256i n)
{
    return _mm256_permutevar8x32_ps(_mm256_load_ps(p), n);
}

INLINE __m256 choose(__m256 low, __m256 high, __m256i n, int bit)
{
    return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(n, 31 - bit)));
}

INLINE __m256 pick16(const float *p, __m256i n)
{
    return choose(pick(p, n), pick(p + 8, n), n, 3);
}

INLINE __m256 pick32(const float *p, __m256i n)
{
    return choose(pick16(p, n), pick16(p + 16, n), n, 4);
}

INLINE __m256 pick64(const float *p, __m256i n)
{
    return choose(pick32(p, n), pick32(p + 32, n), n, 5);
}

/* Border at heap nodes n of a level, 2^level … 2^(level+1) - 1. */
INLINE __m256 nodes_of(const float *nodes, unsigned level, __m256i n)
{
    switch (level) {
    case 0:
    case 1:
    case 2:
        return pick(nodes, n);
    case 3:
        return pick(nodes + 8, n);
    case 4:
        return pick16(nodes + 16, n);
    case 5:
        return pick32(nodes + 32, n);
    case 6:
        return pick64(nodes + 64, n);
    default:
        return choose(pick64(nodes + 128, n), pick64(nodes + 192, n), n, 6);
    }
}

/* Bins of 8 values, as 32-bit numbers. */
INLINE __m256i search(const float *nodes, unsigned levels, __m256 x)
{
    __m256i n = _mm256_set1_epi32(1);
    for (unsigned level = 0; level < levels; level++) {
        __m256 above = _mm256_cmp_ps(x, nodes_of(nodes, level, n), _CMP_GT_OQ);
        n = _mm256_sub_epi32(_mm256_add_epi32(n, n), _mm256_castps_si256(above));
    }
    return _mm256_sub_epi32(n, _mm256_set1_epi32(1 << levels));
}

INLINE void quantize_column(const float *x, uint32_t n, const float *nodes, unsigned levels, uint8_t *bins)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7); /* packing works within halves */
    for (uint32_t r = 0; r < n; r += 32) {
        __m256i a = search(nodes, levels, _mm256_load_ps(x + r));
        __m256i b = search(nodes, levels, _mm256_load_ps(x + r + 8));
        __m256i c = search(nodes, levels, _mm256_load_ps(x + r + 16));
        __m256i d = search(nodes, levels, _mm256_load_ps(x + r + 24));
        __m256i bytes = _mm256_packus_epi16(_mm256_packus_epi32(a, b), _mm256_packus_epi32(c, d));
        _mm256_storeu_si256((__m256i *)(void *)(bins + r), _mm256_permutevar8x32_epi32(bytes, order));
    }
}

static void quantize_any(const float *x, uint32_t n, const struct heap *h, uint8_t *bins)
{
    switch (h->levels) {
    case 1:
        quantize_column(x, n, h->nodes, 1, bins);
        break;
    case 2:
        quantize_column(x, n, h->nodes, 2, bins);
        break;
    case 3:
        quantize_column(x, n, h->nodes, 3, bins);
        break;
    case 4:
        quantize_column(x, n, h->nodes, 4, bins);
        break;
    case 5:
        quantize_column(x, n, h->nodes, 5, bins);
        break;
    case 6:
        quantize_column(x, n, h->nodes, 6, bins);
        break;
    case 7:
        quantize_column(x, n, h->nodes, 7, bins);
        break;
    default:
        quantize_column(x, n, h->nodes, 8, bins);
        break;
    }
}

static void missing_is_high(float *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += 8) {
        __m256 v = _mm256_load_ps(x + i);
        __m256 missing = _mm256_cmp_ps(v, v, _CMP_UNORD_Q);
        _mm256_store_ps(x + i, _mm256_blendv_ps(v, _mm256_set1_ps(INFINITY), missing));
    }
}

/* Float features [begin, end), whose input columns are within AVX2_STAGE_COLUMNS of the first. */
static void quantize_staged(const struct float_source *f, const struct heap *heaps, struct block *b, uint32_t begin,
                            uint32_t end)
{
    struct stage s = {.column = f[begin].input_column,
                      .n_columns = f[end - 1].input_column - f[begin].input_column + 1,
                      .x = b->work};
    for (s.first = 0; s.first < b->stride; s.first += AVX2_STAGE_ROWS) {
        s.n_lanes = b->stride - s.first < AVX2_STAGE_ROWS ? b->stride - s.first : AVX2_STAGE_ROWS;
        if (b->in->float_column_stride == 1) {
            stage_row_major(b, &s);
        } else {
            stage_any(b, &s);
        }
        for (uint32_t i = begin; i < end; i++) {
            float *x = s.x + (size_t)(f[i].input_column - s.column) * AVX2_STAGE_ROWS;
            if (f[i].nan_is_high) {
                missing_is_high(x, s.n_lanes);
            }
            for (uint32_t k = f[i].first_column; k < f[i].first_column + f[i].n_columns; k++) {
                quantize_any(x, s.n_lanes, &heaps[k], b->bins + (size_t)k * b->stride + s.first);
            }
        }
    }
}

/* ---- dense CTR tables -------------------------------------------------------------------------------------------- */

/* Entries of a table for LANES rows: loops of one operation, which compilers turn into vector code. */
static void dense_entries(const struct evaluator *ev, const struct ctr_source *c, const struct block *b, uint32_t row,
                          uint32_t *restrict e)
{
    memset(e, 0, LANES * sizeof *e);
    for (uint32_t i = 0; i < c->n_cats; i++) {
        const uint32_t *ids = b->ids + (size_t)c->cat_slots[i] * b->stride + row;
        uint32_t factor = ev->dictionaries[c->cat_slots[i]].n + 1;
        for (uint32_t l = 0; l < LANES; l++) {
            e[l] = e[l] * factor + ids[l];
        }
    }
    for (uint32_t i = 0; i < c->n_tests; i++) {
        const uint8_t *column = b->bins + (size_t)TEST_COLUMN(c->tests[i]) * b->stride + row;
        uint8_t threshold = TEST_THRESHOLD(c->tests[i]);
        for (uint32_t l = 0; l < LANES; l++) {
            e[l] = 2 * e[l] + (column[l] >= threshold);
        }
    }
    for (uint32_t i = 0; i < c->n_values; i++) {
        const uint32_t *hashes = b->hashes + (size_t)c->values[i].cat_slot * b->stride + row;
        uint32_t value = c->values[i].value;
        for (uint32_t l = 0; l < LANES; l++) {
            e[l] = 2 * e[l] + (hashes[l] == value);
        }
    }
}

static void quantize_dense(const struct evaluator *ev, const struct ctr_source *c, struct block *b)
{
    for (uint32_t row = 0; row < b->stride; row += LANES) {
        uint32_t at[LANES];
        dense_entries(ev, c, b, row, at);
        uint8_t *bins = b->bins + (size_t)c->first_column * b->stride + row;
        for (uint32_t k = 0; k < c->n_columns; k++, bins += b->stride) {
            const uint8_t *table = c->dense + k;
            for (uint32_t l = 0; l < LANES; l += 4) {
                uint8_t four[4] = {table[(size_t)at[l] * c->n_columns], table[(size_t)at[l + 1] * c->n_columns],
                                   table[(size_t)at[l + 2] * c->n_columns], table[(size_t)at[l + 3] * c->n_columns]};
                memcpy(bins + l, four, sizeof four);
            }
        }
    }
}

void avx2_quantize_rows(const struct evaluator *ev, const struct heap *heaps, struct block *b)
{
    for (uint32_t i = 0, end; i < ev->n_floats; i = end) {
        end = i + 1;
        while (end < ev->n_floats && ev->floats[end].input_column - ev->floats[i].input_column < AVX2_STAGE_COLUMNS) {
            end++;
        }
        quantize_staged(ev->floats, heaps, b, i, end);
    }
    hash_categories(ev, b);
    quantize_one_hots(ev, b);
    number_categories(ev, b);
    for (uint32_t i = 0; i < ev->n_ctrs; i++) {
        if (ev->ctrs[i].dense) {
            quantize_dense(ev, &ev->ctrs[i], b);
        } else {
            quantize_ctr(ev, &ev->ctrs[i], b);
        }
    }
}

/* ---- trees ------------------------------------------------------------------------------------------------------- */

enum { PASS = 4, TILE_BYTES = 16 << 10 };

/* Leaf numbers of one tree for LANES rows. */
static void leaves_of_lanes(const bin_test *tests, uint32_t depth, const uint8_t *bins, size_t stride, uint8_t *leaves)
{
    __m256i a = _mm256_setzero_si256(), b = a;
    for (uint32_t d = depth; d-- > 0;) {
        const __m256i *column = (const __m256i *)(const void *)(bins + (size_t)TEST_COLUMN(tests[d]) * stride);
        __m256i threshold = _mm256_set1_epi8((char)TEST_THRESHOLD(tests[d]));
        __m256i x = _mm256_loadu_si256(column), y = _mm256_loadu_si256(column + 1);
        a = _mm256_sub_epi8(_mm256_add_epi8(a, a), _mm256_cmpeq_epi8(_mm256_max_epu8(x, threshold), x));
        b = _mm256_sub_epi8(_mm256_add_epi8(b, b), _mm256_cmpeq_epi8(_mm256_max_epu8(y, threshold), y));
    }
    _mm256_store_si256((__m256i *)(void *)leaves, a);
    _mm256_store_si256((__m256i *)(void *)(leaves + 32), b);
}

/* The values of two rows whose leaf numbers are the low bytes of x. */
INLINE __m128d pair(const double *values, uint64_t x)
{
    return _mm_loadh_pd(_mm_load_sd(values + (x & 255)), values + (x >> 8 & 255));
}

/* Add n trees' leaves to LANES sums; n is a constant. */
INLINE void add_pass(const double *const *values, const uint8_t (*leaves)[LANES], uint32_t n, double *sums)
{
    for (uint32_t l = 0; l < LANES; l += 8) {
        __m128d s0 = _mm_loadu_pd(sums + l), s1 = _mm_loadu_pd(sums + l + 2);
        __m128d s2 = _mm_loadu_pd(sums + l + 4), s3 = _mm_loadu_pd(sums + l + 6);
        for (uint32_t k = 0; k < n; k++) {
            uint64_t x;
            memcpy(&x, leaves[k] + l, sizeof x);
            s0 = _mm_add_pd(s0, pair(values[k], x));
            s1 = _mm_add_pd(s1, pair(values[k], x >> 16));
            s2 = _mm_add_pd(s2, pair(values[k], x >> 32));
            s3 = _mm_add_pd(s3, pair(values[k], x >> 48));
        }
        _mm_storeu_pd(sums + l, s0);
        _mm_storeu_pd(sums + l + 2, s1);
        _mm_storeu_pd(sums + l + 4, s2);
        _mm_storeu_pd(sums + l + 6, s3);
    }
}

/* The same with several outputs: four of a leaf side by side. */
INLINE void add_pass_of_vectors(const double *const *values, const uint8_t (*leaves)[LANES], uint32_t n, uint32_t dim,
                                double *sums)
{
    for (uint32_t d = 0; d < dim; d += 4) {
        __m256i used = _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)dim - d), _mm256_setr_epi64x(0, 1, 2, 3));
        for (uint32_t l = 0; l < LANES; l++) {
            double *to = sums + (size_t)l * dim + d;
            __m256d s = _mm256_maskload_pd(to, used);
            for (uint32_t k = 0; k < n; k++) {
                s = _mm256_add_pd(s, _mm256_maskload_pd(values[k] + (size_t)leaves[k][l] * dim + d, used));
            }
            _mm256_maskstore_pd(to, used, s);
        }
    }
}

/* Trees [t, t + n), n <= PASS, for LANES rows. */
static void pass(const mrc_model *m, struct block *b, uint32_t row, uint32_t t, uint32_t n)
{
    _Alignas(32) uint8_t leaves[PASS][LANES];
    const double *values[PASS];
    for (uint32_t k = 0; k < n; k++) {
        const bin_test *tests = m->evaluator->tree_tests + m->tree_starts[t + k];
        leaves_of_lanes(tests, m->tree_sizes[t + k], b->bins + row, b->stride, leaves[k]);
        values[k] = m->leaf_values + m->tree_leaf_offsets[t + k];
    }
    double *sums = b->sums + (size_t)row * m->dim;
    const uint8_t(*from)[LANES] = (const uint8_t(*)[LANES])leaves;
    if (m->dim > 1) {
        if (n == PASS) {
            add_pass_of_vectors(values, from, PASS, m->dim, sums);
        } else {
            add_pass_of_vectors(values, from, n, m->dim, sums);
        }
    } else if (n == PASS) {
        add_pass(values, from, PASS, sums);
    } else {
        add_pass(values, from, n, sums);
    }
}

void avx2_trees_of_rows(const mrc_model *m, struct block *b, uint32_t begin, uint32_t end)
{
    for (size_t i = 0; i < (size_t)b->stride * m->dim; i++) {
        b->sums[i] = 0;
    }
    for (uint32_t t = begin, stop; t < end; t = stop) {
        size_t first = m->tree_leaf_offsets[t];
        for (stop = t + PASS < end ? t + PASS : end;
             stop + PASS <= end && (m->tree_leaf_offsets[stop + PASS - 1] - first) * sizeof(double) < TILE_BYTES;) {
            stop += PASS;
        }
        for (uint32_t row = 0; row < b->n_rows; row += LANES) {
            for (uint32_t k = t; k < stop; k += PASS) {
                pass(m, b, row, k, stop - k < PASS ? stop - k : PASS);
            }
        }
    }
}

#endif
