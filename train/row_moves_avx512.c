/* Moving rows eight at a time with AVX-512: those that go the same way are pressed together in a register. */
#include "train/row_moves.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { LANES = 8, LINE = 64 };

/* Eight rows of a narrow block are within 64 bytes: all these are compared, and the bits of the column taken out. */
static void compare(const uint8_t *bins, size_t stride, uint32_t bin, size_t n, uint8_t *answers)
{
    if (stride > LINE / LANES) {
        row_movers_plain.compare(bins, stride, bin, n, answers);
        return;
    }
    uint64_t mine = 0;
    for (size_t k = 0; k < LANES; k++) {
        mine |= UINT64_C(1) << (k * stride);
    }
    __m512i limit = _mm512_set1_epi8((char)(unsigned char)bin);
    size_t i = 0;
    for (; i < n && (n - i - 1) * stride + 1 >= LINE; i += LANES) { /* the last row has but one byte */
        __m512i line = _mm512_loadu_si512(bins + i * stride);
        answers[i / 8] = (uint8_t)_pext_u64(_mm512_cmpgt_epu8_mask(line, limit), mine);
    }
    row_movers_plain.compare(bins + i * stride, stride, bin, n - i, answers + i / 8);
}

/* Write the lanes of the mask side by side, and others behind them; how many there are. */
static inline size_t press(uint32_t *rows, double *gradients, __m256i r, __m512d g, __mmask8 mask)
{
    _mm256_storeu_si256((__m256i *)(void *)rows, _mm256_maskz_compress_epi32(mask, r));
    _mm512_storeu_pd(gradients, _mm512_maskz_compress_pd(mask, g));
    return (size_t)__builtin_popcount(mask);
}

/* What stays is never written beyond what has been read. */
static size_t part(const struct row_moves *moves)
{
    enum { ROWS = 2 * LANES };
    const __m512i one = _mm512_set1_epi32(1), within = _mm512_set1_epi32(31);
    const struct row_moves m = *moves; /* in registers */
    size_t no = 0, yes = 0, k = 0;
    for (; k + ROWS <= m.n; k += ROWS) {
        __m512i rows = _mm512_loadu_si512(m.rows + k);
        __m512i words = _mm512_i32gather_epi32(_mm512_srli_epi32(rows, 5), m.answers, 4);
        __mmask16 bits = _mm512_test_epi32_mask(words, _mm512_sllv_epi32(one, _mm512_and_si512(rows, within)));
        __mmask8 low = (__mmask8)bits, high = (__mmask8)(bits >> LANES);
        __m256i r0 = _mm512_castsi512_si256(rows), r1 = _mm512_extracti64x4_epi64(rows, 1);
        __m512d g0 = _mm512_loadu_pd(m.gradients + k), g1 = _mm512_loadu_pd(m.gradients + k + LANES);
        no += press(m.rows + no, m.gradients + no, r0, g0, (__mmask8)~low);
        yes += press(m.apart + yes, m.g_apart + yes, r0, g0, low);
        no += press(m.rows + no, m.gradients + no, r1, g1, (__mmask8)~high);
        yes += press(m.apart + yes, m.g_apart + yes, r1, g1, high);
    }
    for (; k < m.n; k++) {
        uint32_t row = m.rows[k];
        double g = m.gradients[k];
        size_t a = bit_at(m.answers, row);
        m.rows[no] = m.apart[yes] = row;
        m.gradients[no] = m.g_apart[yes] = g;
        yes += a;
        no += 1 - a;
    }
    return no;
}

const struct row_movers row_movers_avx512 = {.compare = compare, .part = part};
#else
typedef int row_moves_need_x86; /* a file may not be empty */
#endif
