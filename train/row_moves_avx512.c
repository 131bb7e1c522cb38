/* Moving rows eight at a time with AVX-512: those that go the same way are pressed together in a register. */
#include "train/row_moves.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { LANES = 8 };

/* Write the lanes of the mask side by side from *at on, nothing beyond end; whole registers as long as there is room,
 * as a masked write is slow. */
static inline void press(const struct row_moves *m, __m256i rows, __m512d gradients, __mmask8 mask, size_t *at,
                         size_t end)
{
    __m256i r = _mm256_maskz_compress_epi32(mask, rows);
    __m512d g = _mm512_maskz_compress_pd(mask, gradients);
    unsigned count = (unsigned)__builtin_popcount(mask);
    if (*at + LANES <= end) {
        _mm256_storeu_si256((__m256i *)(void *)(m->to_rows + *at), r);
        _mm512_storeu_pd(m->to_gradients + *at, g);
    } else {
        __mmask8 first = (__mmask8)((1u << count) - 1);
        _mm256_mask_storeu_epi32(m->to_rows + *at, first, r);
        _mm512_mask_storeu_pd(m->to_gradients + *at, first, g);
    }
    *at += count;
}

void move_rows_avx512(const struct row_moves *m)
{
    size_t no = m->no, yes = m->yes, k = 0;
    for (; k + LANES <= m->n; k += LANES) {
        __m128i answers = _mm_loadl_epi64((const __m128i *)(const void *)(m->answers + k));
        __mmask8 mask = (__mmask8)_mm_test_epi8_mask(answers, answers);
        __m256i rows = _mm256_loadu_si256((const __m256i *)(const void *)(m->rows + k));
        __m512d gradients = _mm512_loadu_pd(m->gradients + k);
        press(m, rows, gradients, (__mmask8)~mask, &no, m->yes);
        press(m, rows, gradients, mask, &yes, m->end);
    }
    struct row_moves rest = *m;
    rest.rows += k;
    rest.gradients += k;
    rest.answers += k;
    rest.n -= k;
    rest.no = no;
    rest.yes = yes;
    move_rows_plain(&rest);
}
#else
void move_rows_avx512(const struct row_moves *m)
{
    move_rows_plain(m);
}
#endif
