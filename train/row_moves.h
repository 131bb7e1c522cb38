/* Moving rows apart: a stable partition of rows and of one number beside each. */
#ifndef MRC_TRAIN_ROW_MOVES_H
#define MRC_TRAIN_ROW_MOVES_H

#include <stddef.h>
#include <stdint.h>

/* Rows that answer 0 go to [no, yes), those that answer 1 to [yes, end) of the memory given; how many there are of
 * each must be so, and nothing else is written. */
struct row_moves {
    const uint32_t *rows;
    const double *gradients;
    const uint8_t *answers; /* 0 or 1 */
    size_t n;
    uint32_t *to_rows;
    double *to_gradients;
    size_t no, yes, end; /* places there */
};

typedef void row_mover(const struct row_moves *m);
row_mover move_rows_plain, move_rows_avx512;
/* The fastest for this processor. */
row_mover *row_mover_choose(void);

#endif
