/* The sampled rows of a tree under construction, sorted by leaf, with their gradients.
 *
 * The rows are cut into parts, one a thread, and each part is sorted on its own: moving a row to the memory that
 * another core wrote last costs many times the work itself. Within a leaf the parts follow each other in the order in
 * which rows were loaded and so do the rows within a part, so sums over them do not depend on threads. */
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
    double *gradients, *gradients_spare; /* [n][width] beside rows: derivatives, and the weight unless all are 1 */
    uint32_t width;                      /* dim, or dim + 1 with weights */
    int n_parts;
    size_t max_leaves;
    struct segment *segments; /* [parts][max_leaves] */
    uint8_t *answers;         /* [n_all] to the last split, by row */
    uint8_t *answers_by_leaf; /* [n] the same beside rows */
    size_t *chunk_counts;     /* rows sampled in each chunk */
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
/* Split the 2^level leaves: rows that answer yes go from leaf k to leaf k + 2^level. */
void leaf_rows_split(struct leaf_rows *r, const struct split *split, const struct column *column, uint32_t level);
static inline struct segment leaf_rows_segment(const struct leaf_rows *r, uint32_t leaf, int part)
{
    return r->segments[(size_t)part * r->max_leaves + leaf];
}
/* Sampled rows of a leaf. */
uint32_t leaf_rows_count(const struct leaf_rows *r, uint32_t leaf);

#endif
