/* What the parts of the AVX2 kernel share. evaluate_avx2.c is compiled as everything else; evaluate_avx2_rows.c uses
 * the instructions and may be called only when supported() said yes. */
#ifndef MRC_TREES_EVALUATE_AVX2_H
#define MRC_TREES_EVALUATE_AVX2_H

#include "common/trees/border_heaps.h"

enum {
    AVX2_DEPTH_MAX = 8, /* deeper or non-symmetric trees go to plain C */
    AVX2_STAGE_COLUMNS = 8,
    AVX2_STAGE_ROWS = 256
};

/* Bins of a block of rows; heaps from border_heaps. Work: AVX2_STAGE_COLUMNS x AVX2_STAGE_ROWS floats. */
void avx2_quantize_rows(const struct evaluator *ev, const struct heap *heaps, struct block *b);
/* Sums of trees [begin, end) of up to AVX2_DEPTH_MAX levels. */
void avx2_trees_of_rows(const mrc_model *m, struct block *b, uint32_t begin, uint32_t end);

#endif
