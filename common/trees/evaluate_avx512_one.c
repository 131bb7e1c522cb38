/* Trees of one row with AVX-512: the tests of 64 trees stand side by side, bins are fetched by permutes, and only the
 * leaves are loaded one by one. */
#include "common/trees/evaluate_avx512.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

/* Leaf numbers of GROUP trees for one row. */
INLINE __m512i leaves_of_group(const uint8_t *tests, unsigned depth, const uint8_t *bins, uint32_t n_chunks)
{
    __m512i leaf = _mm512_setzero_si512();
    for (unsigned d = 0; d < depth; d++, tests += 3 * GROUP) {
        __m512i column = _mm512_load_si512(tests);
        __m512i bin = _mm512_permutex2var_epi8(_mm512_load_si512(bins), column, _mm512_load_si512(bins + 64));
        for (uint32_t c = 1; c < n_chunks; c++) {
            const uint8_t *at = bins + (size_t)c * CHUNK;
            __m512i other = _mm512_permutex2var_epi8(_mm512_load_si512(at), column, _mm512_load_si512(at + 64));
            __m512i chunk = _mm512_load_si512(tests + GROUP);
            bin = _mm512_mask_mov_epi8(bin, _mm512_cmpeq_epi8_mask(chunk, _mm512_set1_epi8((char)c)), other);
        }
        __mmask64 holds = _mm512_cmpge_epu8_mask(bin, _mm512_load_si512(tests + 2 * GROUP));
        leaf = _mm512_mask_add_epi8(leaf, holds, leaf, _mm512_set1_epi8((char)(1u << d)));
    }
    return leaf;
}

static void number_leaves(const mrc_model *m, const struct block *b, uint32_t t, uint8_t *leaves)
{
    const struct image *image = m->evaluator->image;
    unsigned depth = image->depth;
    const uint8_t *tests = image->row_tests + (size_t)t / GROUP * depth * 3 * GROUP;
    uint32_t chunks = image->n_chunks;
    __m512i r;
    if (depth == DEPTH_WORDS) {
        r = chunks == 1 ? leaves_of_group(tests, DEPTH_WORDS, b->bins, 1)
                        : leaves_of_group(tests, DEPTH_WORDS, b->bins, chunks);
    } else {
        r = chunks == 1 ? leaves_of_group(tests, DEPTH_BYTES, b->bins, 1)
                        : leaves_of_group(tests, DEPTH_BYTES, b->bins, chunks);
    }
    _mm512_storeu_si512(leaves, r);
}

/* Trees [t, t + n) of one output. */
static double add_leaves(const mrc_model *m, uint32_t t, uint32_t n, const uint8_t *leaves, double sum)
{
    const size_t *offsets = m->tree_leaf_offsets + t;
    const double *values = m->leaf_values;
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        double a = values[offsets[i] + leaves[i]], b = values[offsets[i + 1] + leaves[i + 1]];
        double c = values[offsets[i + 2] + leaves[i + 2]], d = values[offsets[i + 3] + leaves[i + 3]];
        sum += a;
        sum += b;
        sum += c;
        sum += d;
    }
    for (; i < n; i++) {
        sum += values[offsets[i] + leaves[i]];
    }
    return sum;
}

/* The same for up to OUTPUTS_MAX outputs, a lane each. */
static __m512d add_vectors(const mrc_model *m, uint32_t t, uint32_t n, const uint8_t *leaves, __m512d sums)
{
    const size_t *offsets = m->tree_leaf_offsets + t;
    __mmask8 outputs = (__mmask8)((1u << m->dim) - 1);
    for (uint32_t i = 0; i < n; i++) {
        const double *leaf = m->leaf_values + offsets[i] + (size_t)leaves[i] * m->dim;
        sums = _mm512_add_pd(sums, _mm512_maskz_loadu_pd(outputs, leaf));
    }
    return sums;
}

static void ask_for_leaves(const mrc_model *m, uint32_t t, uint32_t n, const uint8_t *leaves)
{
    for (uint32_t i = 0; i < n; i++) {
        const double *leaf = m->leaf_values + m->tree_leaf_offsets[t + i] + (size_t)leaves[i] * m->dim;
        _mm_prefetch((const char *)leaf, _MM_HINT_T0);
    }
}

static uint32_t group_size(uint32_t t, uint32_t end)
{
    return end - t < GROUP ? end - t : GROUP;
}

/* Leaves beyond the second cache are asked for AHEAD groups before they are added. */
void avx512_trees_of_row(const mrc_model *m, struct block *b, uint32_t end)
{
    enum { AHEAD = 2 };
    const struct image *image = m->evaluator->image;
    uint8_t leaves[AHEAD + 1][GROUP];
    uint32_t ahead = image->prefetch_leaves ? AHEAD * GROUP : 0;
    double sum = 0;
    __m512d sums = _mm512_setzero_pd();
    for (uint32_t t = 0, known = 0; t < end; t += GROUP) {
        for (; known < end && known <= t + ahead; known += GROUP) {
            uint8_t *to = leaves[known / GROUP % (AHEAD + 1)];
            number_leaves(m, b, known, to);
            if (ahead) {
                ask_for_leaves(m, known, group_size(known, end), to);
            }
        }
        const uint8_t *from = leaves[t / GROUP % (AHEAD + 1)];
        if (m->dim == 1) {
            sum = add_leaves(m, t, group_size(t, end), from, sum);
        } else {
            sums = add_vectors(m, t, group_size(t, end), from, sums);
        }
    }
    if (m->dim == 1) {
        b->sums[0] = sum;
    } else {
        _mm512_mask_storeu_pd(b->sums, (__mmask8)((1u << m->dim) - 1), sums);
    }
}

#endif
