/* The walk of rows through a tree whose splits all compare bytes: which leaf each comes to. */
#ifndef MRC_TRAIN_ROW_WALK_H
#define MRC_TRAIN_ROW_WALK_H

#include "train/pool.h"

/* Is bins[row * stride] above bin? */
struct row_step {
    const uint8_t *bins;
    size_t stride;
    uint32_t bin;
};

struct row_walk {
    uint32_t depth;
    size_t n; /* rows of the columns */
    struct row_step steps[TREE_DEPTH_MAX];
};

/* leaf[i] of rows [begin, end); bit k is the answer to step k. */
typedef void row_walker(const struct row_walk *w, size_t begin, size_t end, uint16_t *leaf);
row_walker walk_rows_plain;
row_walker walk_rows_avx512; /* depth and strides up to 8 */
/* The fastest for this processor and these steps; all give the same leaves. */
row_walker *row_walker_choose(const struct row_walk *w);

#endif
