/* Borders in the orders that vector kernels search them in. */
#ifndef MRC_TREES_BORDER_HEAPS_H
#define MRC_TREES_BORDER_HEAPS_H

#include "common/trees/evaluate.h"

/* Borders of one column, twice. */
struct heap {
    unsigned levels;
    const float *nodes;  /* [max(16, 2^levels)] heap order from 1, filled with +infinity; 64-byte aligned */
    uint32_t n_runs;     /* of 16 borders */
    const float *pivots; /* [16] the last border of each run, then [n_runs][16] ascending, filled with +infinity */
};

/* One per column of float features, in order, in the model's arena; m->evaluator has its floats. NULL without memory.
 */
struct heap *border_heaps(mrc_model *m);

#endif
