/* Rows to bins with AVX-512. Borders stand in heap order in registers, so that a binary search is a few permutes for 16
 * values; for one row, two comparisons with 16 borders each. Rows are first turned into columns, 16 at a time. Dense
 * CTR tables of up to 256 entries are looked up in registers too, larger ones byte by byte. */
#include "common/trees/dense.h"
#include "common/trees/evaluate_avx512.h"
#include "common/trees/quantize.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

/* ---- rows to columns --------------------------------------------------------------------------------------------- */

/* Pairs of rows at a distance become pairs of columns: two rounds within 128-bit lanes, two across. */
INLINE void transpose(__m512 *r)
{
    __m512 t[16];
    for (unsigned i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (unsigned i = 0; i < 16; i += 4) {
        for (unsigned k = 0; k < 2; k++) {
            __m512d a = _mm512_castps_pd(t[i + k]), b = _mm512_castps_pd(t[i + k + 2]);
            r[i + 2 * k] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            r[i + 2 * k + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    }
    for (unsigned i = 0; i < 16; i += 8) {
        for (unsigned k = 0; k < 4; k++) {
            t[i + k] = _mm512_shuffle_f32x4(r[i + k], r[i + k + 4], 0x88);
            t[i + k + 4] = _mm512_shuffle_f32x4(r[i + k], r[i + k + 4], 0xdd);
        }
    }
    for (unsigned k = 0; k < 8; k++) {
        r[k] = _mm512_shuffle_f32x4(t[k], t[k + 8], 0x88);
        r[k + 8] = _mm512_shuffle_f32x4(t[k], t[k + 8], 0xdd);
    }
}

/* Rows first … first + n_lanes of n_columns columns from `column` on; lanes past the last row repeat row 0. */
struct stage {
    uint32_t column, n_columns;
    uint32_t first, n_lanes;
    float *x; /* [STAGE_COLUMNS][STAGE_ROWS] */
};

static void stage_row_major(const struct block *b, const struct stage *s)
{
    size_t stride = b->in->float_row_stride;
    const float *rows = b->in->floats + b->first_row * stride + s->column;
    __mmask16 valid = (__mmask16)((1u << s->n_columns) - 1);
    for (uint32_t lane = 0; lane < s->n_lanes; lane += 16) {
        __m512 r[16];
        for (uint32_t i = 0; i < 16; i++) {
            uint32_t row = s->first + lane + i;
            r[i] = _mm512_maskz_loadu_ps(valid, rows + (row < b->n_rows ? row * stride : 0));
        }
        transpose(r);
        for (uint32_t i = 0; i < 16; i++) {
            _mm512_store_ps(s->x + i * STAGE_ROWS + lane, r[i]);
        }
    }
}

static void stage_any(const struct block *b, const struct stage *s)
{
    const struct mrc_input *in = b->in;
    for (uint32_t c = 0; c < s->n_columns; c++) {
        const float *x = in->floats + b->first_row * in->float_row_stride + (s->column + c) * in->float_column_stride;
        float *to = s->x + (size_t)c * STAGE_ROWS;
        uint32_t n = b->n_rows > s->first ? b->n_rows - s->first : 0;
        n = n < s->n_lanes ? n : s->n_lanes;
        for (uint32_t i = 0; i < n; i++) {
            to[i] = x[(s->first + i) * in->float_row_stride];
        }
        for (uint32_t i = n; i < s->n_lanes; i++) {
            to[i] = x[0];
        }
    }
}

/* ---- searching borders ------------------------------------------------------------------------------------------- */

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

INLINE __m512i step_down(const float *nodes, unsigned level, __m512i n, __m512 x)
{
    __mmask16 above = _mm512_cmp_ps_mask(x, nodes_of(nodes, level, n), _CMP_GT_OQ);
    n = _mm512_add_epi32(n, n);
    return _mm512_mask_add_epi32(n, above, n, _mm512_set1_epi32(1));
}

/* Two searches at once: each waits for itself most of the time. */
INLINE void quantize_column(const float *x, uint32_t n, const float *nodes, unsigned levels, uint8_t *bins)
{
    const __m512i base = _mm512_set1_epi32(1 << levels);
    for (uint32_t r = 0; r < n; r += 32) {
        __m512 x0 = _mm512_load_ps(x + r), x1 = _mm512_load_ps(x + r + 16);
        __m512i n0 = _mm512_set1_epi32(1), n1 = n0;
        for (unsigned level = 0; level < levels; level++) {
            n0 = step_down(nodes, level, n0, x0);
            n1 = step_down(nodes, level, n1, x1);
        }
        _mm_storeu_si128((__m128i *)(void *)(bins + r), _mm512_cvtepi32_epi8(_mm512_sub_epi32(n0, base)));
        _mm_storeu_si128((__m128i *)(void *)(bins + r + 16), _mm512_cvtepi32_epi8(_mm512_sub_epi32(n1, base)));
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
    for (uint32_t i = 0; i < n; i += 16) {
        __m512 v = _mm512_load_ps(x + i);
        __mmask16 missing = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
        _mm512_store_ps(x + i, _mm512_mask_mov_ps(v, missing, _mm512_set1_ps(INFINITY)));
    }
}

/* Float features [begin, end), whose input columns are within STAGE_COLUMNS of the first. */
static void quantize_staged(const struct evaluator *ev, struct block *b, uint32_t begin, uint32_t end)
{
    const struct heap *heaps = ((const struct image *)ev->image)->heaps;
    const struct float_source *f = ev->floats;
    struct stage s = {.column = f[begin].input_column,
                      .n_columns = f[end - 1].input_column - f[begin].input_column + 1,
                      .x = b->work};
    for (s.first = 0; s.first < b->stride; s.first += STAGE_ROWS) {
        s.n_lanes = b->stride - s.first < STAGE_ROWS ? b->stride - s.first : STAGE_ROWS;
        if (b->in->float_column_stride == 1) {
            stage_row_major(b, &s);
        } else {
            stage_any(b, &s);
        }
        for (uint32_t i = begin; i < end; i++) {
            float *x = s.x + (size_t)(f[i].input_column - s.column) * STAGE_ROWS;
            if (f[i].nan_is_high) {
                missing_is_high(x, s.n_lanes);
            }
            for (uint32_t k = f[i].first_column; k < f[i].first_column + f[i].n_columns; k++) {
                quantize_any(x, s.n_lanes, &heaps[k], b->bins + (size_t)k * b->stride + s.first);
            }
        }
    }
}

static void quantize_floats_of_rows(const struct evaluator *ev, struct block *b)
{
    for (uint32_t i = 0, end; i < ev->n_floats; i = end) {
        end = i + 1;
        while (end < ev->n_floats && ev->floats[end].input_column - ev->floats[i].input_column < STAGE_COLUMNS) {
            end++;
        }
        quantize_staged(ev, b, i, end);
    }
}

/* ---- dense CTR tables -------------------------------------------------------------------------------------------- */

INLINE __mmask64 test_rows(const struct block *b, bin_test t, uint32_t row)
{
    const uint8_t *column = b->bins + (size_t)TEST_COLUMN(t) * b->stride + row;
    return _mm512_cmpge_epu8_mask(_mm512_loadu_si512(column), _mm512_set1_epi8((char)TEST_THRESHOLD(t)));
}

INLINE __mmask64 value_rows(const struct block *b, struct value_test t, uint32_t row)
{
    const uint32_t *hashes = b->hashes + (size_t)t.cat_slot * b->stride + row;
    __m512i value = _mm512_set1_epi32((int)t.value);
    __mmask64 r = 0;
    for (unsigned i = 0; i < 4; i++) {
        r |= (__mmask64)_mm512_cmpeq_epi32_mask(_mm512_loadu_si512(hashes + 16 * i), value) << 16 * i;
    }
    return r;
}

/* e * factor + digit, in bytes that do not overflow. */
INLINE __m512i append_digit(__m512i e, uint32_t factor, __m512i digit)
{
    __m512i f = _mm512_set1_epi16((short)factor);
    __m512i even = _mm512_mullo_epi16(e, f); /* its low byte is that of the even byte's product */
    __m512i odd = _mm512_slli_epi16(_mm512_mullo_epi16(_mm512_srli_epi16(e, 8), f), 8);
    return _mm512_add_epi8(_mm512_mask_blend_epi8(0xaaaaaaaaaaaaaaaa, even, odd), digit);
}

/* Entries of a small table for 64 rows: categories as digits, then a bit per test. */
INLINE __m512i small_entries(const struct evaluator *ev, const struct ctr_source *c, const struct block *b,
                             const uint8_t *ids, uint32_t row)
{
    const __m512i ones = _mm512_set1_epi8(-1);
    __m512i e = _mm512_setzero_si512();
    for (uint32_t i = 0; i < c->n_cats; i++) {
        size_t slot = c->cat_slots[i];
        __m512i digit = _mm512_loadu_si512(ids + slot * b->stride + row);
        e = i == 0 ? digit : append_digit(e, ev->dictionaries[slot].n + 1, digit);
    }
    for (uint32_t i = 0; i < c->n_tests; i++) {
        e = _mm512_add_epi8(e, e);
        e = _mm512_mask_sub_epi8(e, test_rows(b, c->tests[i], row), e, ones);
    }
    for (uint32_t i = 0; i < c->n_values; i++) {
        e = _mm512_add_epi8(e, e);
        e = _mm512_mask_sub_epi8(e, value_rows(b, c->values[i], row), e, ones);
    }
    return e;
}

INLINE __m512i small_look_up(const uint8_t *table, uint32_t entries, __m512i e)
{
    if (entries == 64) {
        return _mm512_permutexvar_epi8(e, _mm512_load_si512(table));
    }
    __m512i low = _mm512_permutex2var_epi8(_mm512_load_si512(table), e, _mm512_load_si512(table + 64));
    if (entries == 128) {
        return low;
    }
    __m512i high = _mm512_permutex2var_epi8(_mm512_load_si512(table + 128), e, _mm512_load_si512(table + 192));
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(e), low, high);
}

static void quantize_small(const struct evaluator *ev, const struct ctr_source *c, const struct small_table *t,
                           struct block *b, const uint8_t *ids)
{
    uint8_t *bins = b->bins + (size_t)c->first_column * b->stride;
    for (uint32_t row = 0; row < b->stride; row += GROUP) {
        __m512i e = small_entries(ev, c, b, ids, row);
        for (uint32_t k = 0; k < c->n_columns; k++) {
            const uint8_t *table = t->bytes + (size_t)k * t->entries;
            _mm512_storeu_si512(bins + (size_t)k * b->stride + row, small_look_up(table, t->entries, e));
        }
    }
}

/* Entries of any dense table for 64 rows. */
INLINE void dense_entries(const struct evaluator *ev, const struct ctr_source *c, const struct block *b, uint32_t row,
                          uint32_t *entries)
{
    const __m512i ones = _mm512_set1_epi32(-1);
    __m512i e[4];
    for (unsigned j = 0; j < 4; j++) {
        e[j] = _mm512_setzero_si512();
    }
    for (uint32_t i = 0; i < c->n_cats; i++) {
        size_t slot = c->cat_slots[i];
        __m512i factor = _mm512_set1_epi32((int)ev->dictionaries[slot].n + 1);
        for (unsigned j = 0; j < 4; j++) {
            __m512i digit = _mm512_loadu_si512(b->ids + slot * b->stride + row + 16 * j);
            e[j] = i == 0 ? digit : _mm512_add_epi32(_mm512_mullo_epi32(e[j], factor), digit);
        }
    }
    for (uint32_t i = 0; i < c->n_tests + c->n_values; i++) {
        __mmask64 holds =
            i < c->n_tests ? test_rows(b, c->tests[i], row) : value_rows(b, c->values[i - c->n_tests], row);
        for (unsigned j = 0; j < 4; j++) {
            e[j] = _mm512_add_epi32(e[j], e[j]);
            e[j] = _mm512_mask_sub_epi32(e[j], (__mmask16)(holds >> 16 * j), e[j], ones);
        }
    }
    const __m512i columns = _mm512_set1_epi32((int)c->n_columns);
    for (unsigned j = 0; j < 4; j++) {
        _mm512_storeu_si512(entries + 16 * j, c->n_columns == 1 ? e[j] : _mm512_mullo_epi32(e[j], columns));
    }
}

static void quantize_large(const struct evaluator *ev, const struct ctr_source *c, struct block *b)
{
    for (uint32_t row = 0; row < b->stride; row += GROUP) {
        uint32_t at[GROUP];
        dense_entries(ev, c, b, row, at);
        uint8_t *bins = b->bins + (size_t)c->first_column * b->stride + row;
        for (uint32_t k = 0; k < c->n_columns; k++, bins += b->stride) {
            const uint8_t *table = c->dense + k;
            for (unsigned i = 0; i < GROUP; i += 4) {
                uint8_t b0 = table[at[i]], b1 = table[at[i + 1]], b2 = table[at[i + 2]], b3 = table[at[i + 3]];
                uint32_t four = b0 | (uint32_t)b1 << 8 | (uint32_t)b2 << 16 | (uint32_t)b3 << 24;
                memcpy(bins + i, &four, sizeof four);
            }
        }
    }
}

static void quantize_ctrs_of_rows(const struct evaluator *ev, struct block *b)
{
    const struct image *image = ev->image;
    uint8_t *ids = (uint8_t *)b->work + STAGE_COLUMNS * STAGE_ROWS * sizeof(float);
    for (size_t i = 0; ev->dictionaries && i < (size_t)ev->n_cats * b->stride; i += 16) {
        _mm_storeu_si128((__m128i *)(void *)(ids + i), _mm512_cvtepi32_epi8(_mm512_loadu_si512(b->ids + i)));
    }
    for (uint32_t i = 0; i < ev->n_ctrs; i++) {
        const struct ctr_source *c = &ev->ctrs[i];
        if (image->smalls[i].entries) {
            quantize_small(ev, c, &image->smalls[i], b, ids);
        } else if (c->dense) {
            quantize_large(ev, c, b);
        } else {
            quantize_ctr(ev, c, b);
        }
    }
}

void avx512_quantize_rows(const mrc_model *m, struct block *b)
{
    const struct evaluator *ev = m->evaluator;
    quantize_floats_of_rows(ev, b);
    hash_categories(ev, b);
    quantize_one_hots(ev, b);
    number_categories(ev, b);
    quantize_ctrs_of_rows(ev, b);
}

/* ---- one row ----------------------------------------------------------------------------------------------------- */

/* Borders below x: whole runs first, then those of the run that x falls into. */
INLINE uint8_t bin_of(const struct heap *h, __m512 x)
{
    uint32_t run = 0;
    if (h->n_runs > 1) {
        run = (uint32_t)_mm_popcnt_u32(_mm512_cmp_ps_mask(x, _mm512_load_ps(h->pivots), _CMP_GT_OQ));
        run = run < h->n_runs ? run : h->n_runs - 1;
    }
    const float *borders = h->pivots + 16 * ((size_t)run + 1);
    return (uint8_t)(16 * run + (uint32_t)_mm_popcnt_u32(_mm512_cmp_ps_mask(x, _mm512_load_ps(borders), _CMP_GT_OQ)));
}

void avx512_quantize_row(const mrc_model *m, struct block *b)
{
    const struct evaluator *ev = m->evaluator;
    const struct heap *heaps = ((const struct image *)ev->image)->heaps;
    const float *row = b->in->floats + b->first_row * b->in->float_row_stride;
    for (uint32_t i = 0; i < ev->n_floats; i++) {
        const struct float_source *f = &ev->floats[i];
        float v = row[f->input_column * b->in->float_column_stride];
        v = f->nan_is_high && isnan(v) ? INFINITY : v;
        for (uint32_t k = 0; k < f->n_columns; k++) {
            b->bins[f->first_column + k] = bin_of(&heaps[f->first_column + k], _mm512_set1_ps(v));
        }
    }
    hash_categories(ev, b);
    quantize_one_hots(ev, b);
    number_categories(ev, b);
    quantize_ctrs(ev, b);
}

#endif
