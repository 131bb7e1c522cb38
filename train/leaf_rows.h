/* The sampled rows of a tree under construction, sorted by leaf, with their gradients.
 *
 * Within a leaf the rows keep the order in which they were loaded. Not shared while it changes: every thread that
 * searches has its own, since reading what another core has just moved costs more than moving it. */
#ifndef MRC_TRAIN_LEAF_ROWS_H
#define MRC_TRAIN_LEAF_ROWS_H

#include "train/pool.h"
#include "train/row_moves.h"

struct segment {
    size_t begin, end;
};

struct leaf_rows {
    size_t n_all, n; /* rows of the pool; rows sampled */
    uint32_t dim;
    uint32_t *rows, *rows_spare;         /* [n] by leaf */
    double *gradients, *gradients_spare; /* [n][width] beside rows: derivatives, and the weight unless all are 1 */
    uint32_t width;                      /* dim, or dim + 1 with weights */
    struct segment *segments;            /* [leaves] */
    uint8_t *answers;                    /* [n_all] to the last split, by row */
    uint8_t *answers_by_leaf;            /* [n] the same beside rows */
    row_mover *move;
};

/* Where the rows of a tree come from. */
struct row_source {
    const uint32_t *order; /* NULL = 0, 1, 2, … */
    const double *d1;      /* [dim][n_all] */
    const float *sample;   /* [n_all] or NULL: all 1 */
    const float *weight;   /* [n_all] or NULL: all 1 */
};

/* Memory for n_all rows and up to this many leaves; false: no memory (leaf_rows_release frees what there is). */
bool leaf_rows_init(struct leaf_rows *r, size_t n_all, uint32_t dim, size_t leaves) MRC_CHECKED;
void leaf_rows_release(struct leaf_rows *r);
/* Start a tree: all sampled rows in leaf 0. */
void leaf_rows_load(struct leaf_rows *r, const struct row_source *from);
/* Split the 2^level leaves: rows that answer yes go from leaf k to leaf k + 2^level. */
void leaf_rows_split(struct leaf_rows *r, const struct split *split, const struct column *column, uint32_t level);
/* Sampled rows of a leaf. */
static inline uint32_t leaf_rows_count(const struct leaf_rows *r, uint32_t leaf)
{
    return (uint32_t)(r->segments[leaf].end - r->segments[leaf].begin);
}

#endif
