/* Walking eight rows at a time: they are within 64 bytes of any column, so one comparison answers for all. */
#include "train/row_walk.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { LANES = 8, LINE = 64 };

static inline void walk_depth(const struct row_walk *w, uint32_t depth, size_t begin, size_t end, uint16_t *leaf)
{
    static const uint64_t bytes = UINT64_C(0x0101010101010101);
    uint64_t mine[LANES];
    size_t most = 0; /* rows that a line reaches over, the last of them with one byte */
    for (uint32_t d = 0; d < depth; d++) {
        mine[d] = 0;
        for (size_t k = 0; k < LANES; k++) {
            mine[d] |= UINT64_C(1) << (k * w->steps[d].stride);
        }
        size_t need = (LINE - 1 + w->steps[d].stride - 1) / w->steps[d].stride + 1;
        most = need > most ? need : most;
    }
    size_t i = begin;
    for (; i + LANES <= end && i + most <= w->n; i += LANES) {
        uint64_t leaves = 0; /* a byte each */
#pragma GCC unroll 8
        for (uint32_t d = 0; d < depth; d++) {
            const struct row_step *s = &w->steps[d];
            __m512i line = _mm512_loadu_si512(s->bins + i * s->stride);
            __m512i limit = _mm512_set1_epi8((char)(unsigned char)s->bin);
            uint64_t yes = _pext_u64(_mm512_cmpgt_epu8_mask(line, limit), mine[d]);
            leaves |= _pdep_u64(yes, bytes << d);
        }
        _mm_storeu_si128((__m128i *)(void *)(leaf + i), _mm_cvtepu8_epi16(_mm_cvtsi64_si128((long long)leaves)));
    }
    walk_rows_plain(w, i, end, leaf);
}

/* A loop for each usual depth, unrolled. */
void walk_rows_avx512(const struct row_walk *w, size_t begin, size_t end, uint16_t *leaf)
{
    switch (w->depth) {
    case 4:
        walk_depth(w, 4, begin, end, leaf);
        break;
    case 5:
        walk_depth(w, 5, begin, end, leaf);
        break;
    case 6:
        walk_depth(w, 6, begin, end, leaf);
        break;
    case 7:
        walk_depth(w, 7, begin, end, leaf);
        break;
    case 8:
        walk_depth(w, 8, begin, end, leaf);
        break;
    default:
        walk_depth(w, w->depth, begin, end, leaf);
    }
}
#else
void walk_rows_avx512(const struct row_walk *w, size_t begin, size_t end, uint16_t *leaf)
{
    walk_rows_plain(w, begin, end, leaf);
}
#endif
