/* Rows to bins, in plain C: every column of a block. */
#ifndef MRC_TREES_QUANTIZE_H
#define MRC_TREES_QUANTIZE_H

#include "common/trees/evaluate.h"

/* Number of borders below x (x > border); n_borders may be 0. NaN counts none. */
uint32_t borders_below(const float *borders, uint32_t n, float x);

/* Columns of float features; hashes of categories; columns of one-hot values; columns of CTRs (which read the others).
 */
void quantize_floats(const struct evaluator *ev, struct block *b);
void hash_categories(const struct evaluator *ev, struct block *b);
void quantize_one_hots(const struct evaluator *ev, struct block *b);
void quantize_ctrs(const struct evaluator *ev, struct block *b);
/* The columns of one table. */
void quantize_ctr(const struct evaluator *ev, const struct ctr_source *c, struct block *b);

/* Bins of a count of borders below, spread over the columns of one feature: column k gets the count within its stretch.
 */
static inline uint8_t bin_of_column(uint32_t below, uint32_t k)
{
    uint32_t base = k * BORDERS_PER_COLUMN;
    if (below <= base) {
        return 0;
    }
    return (uint8_t)(below - base < BORDERS_PER_COLUMN ? below - base : BORDERS_PER_COLUMN);
}

#endif
