/* Moving rows apart: who answers yes to a split, and who goes where.
 *
 * Answers are bits, that of row i in bit i % 8 of byte i / 8: those of a million rows stay in a core's near cache. */
#ifndef MRC_TRAIN_ROW_MOVES_H
#define MRC_TRAIN_ROW_MOVES_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of n bits; a few more than they need may be read. */
static inline size_t bits_size(size_t n)
{
    return n / 8 + 8;
}

static inline uint32_t bit_at(const uint8_t *bits, size_t i)
{
    return bits[i / 8] >> (i % 8) & 1u;
}

/* Stable partition of rows, with a number beside each: those that answer no stay, side by side from the front, those
 * that answer yes go to memory of their own, which has room for n + 7. What is behind the former is undefined. */
struct row_moves {
    uint32_t *rows;
    double *gradients;
    size_t n;
    const uint8_t *answers; /* bits by row */
    uint32_t *apart;
    double *g_apart;
};

struct row_movers {
    /* Bit i: is bins[i * stride] above bin? Writes n bits, and 0 to the end of the last byte. */
    void (*compare)(const uint8_t *bins, size_t stride, uint32_t bin, size_t n, uint8_t *answers);
    /* How many stay. */
    size_t (*part)(const struct row_moves *m);
};
extern const struct row_movers row_movers_plain, row_movers_avx512;
/* The fastest for this processor; all do the same. */
const struct row_movers *row_movers_choose(void);

#endif
