/* The sampled rows of a tree under construction, sorted by leaf, with their gradients; and the leaf of every row.
 *
 * Within a leaf the rows keep the order in which they were loaded, so sums over them do not depend on threads. */
#ifndef MRC_TRAIN_LEAF_ROWS_H
#define MRC_TRAIN_LEAF_ROWS_H

#include "train/pool.h"

struct segment {
    size_t begin, end;
};

struct leaf_rows {
    size_t n_all, n; /* rows of the pool; rows sampled */
    uint32_t dim;
    int threads;
    uint32_t *rows, *rows_spare;         /* [n] by leaf */
    double *gradients, *gradients_spare; /* [n][dim + 1] derivatives and weight, beside rows */
    struct segment *segments;            /* [leaves] */
    uint16_t *leaf_of;                   /* [n_all] of all rows, sampled or not */
    uint8_t *answers;                    /* [n_all] of the last split */
    bool is_sorted;                      /* by leaf, down to the last split */
    size_t *chunk_counts;                /* rows sampled in each chunk */
};

/* Where the rows of a tree come from. */
struct row_source {
    const uint32_t *order; /* NULL = 0, 1, 2, … */
    const double *d1;      /* [dim][n_all] */
    const float *sample;   /* [n_all] or NULL: all 1 */
    const float *weight;   /* [n_all] or NULL: all 1 */
};

/* Memory for n_all rows and up to this many leaves; false: no memory (leaf_rows_release frees what there is). */
bool leaf_rows_init(struct leaf_rows *r, size_t n_all, uint32_t dim, size_t leaves, int threads) MRC_CHECKED;
void leaf_rows_release(struct leaf_rows *r);
/* Start a tree: all sampled rows in leaf 0. */
void leaf_rows_load(struct leaf_rows *r, const struct row_source *from);
/* Split the 2^level leaves: rows that answer yes go from leaf k to leaf k + 2^level. is_last: only leaf_of is brought
 * up to date, the rows are not sorted again. */
void leaf_rows_split(struct leaf_rows *r, const struct split *split, const struct column *column, uint32_t level,
                     bool is_last);
/* The first of the splits that separates nothing: of every two leaves that differ in it alone one has no row at all.
 * depth: none. */
uint32_t leaf_rows_redundant(const struct leaf_rows *r, uint32_t depth);

#endif
