/* The leaf of every row of a pool in a tree, and how many rows each leaf has. */
#ifndef MRC_TRAIN_ROW_LEAVES_H
#define MRC_TRAIN_ROW_LEAVES_H

#include "train/pool.h"

struct row_leaves {
    uint16_t *leaf;   /* [n]; bit k is the answer to split k */
    uint32_t *counts; /* [leaves] */
};

/* Memory for n rows and up to 2^depth leaves; false: no memory (row_leaves_release frees what there is). */
bool row_leaves_init(struct row_leaves *r, size_t n, uint32_t depth) MRC_CHECKED;
void row_leaves_release(struct row_leaves *r);
/* Answer splits[depth], split k on columns[k], for n rows. The same for any number of threads. */
void row_leaves_find(struct row_leaves *r, const struct split *splits, const struct column *columns, uint32_t depth,
                     size_t n, int threads);
/* The first of the splits that separates nothing, by the rows of the 2^depth leaves: of every two leaves that differ in
 * it alone one has no row at all. depth: none. */
uint32_t redundant_split(const uint32_t *counts, uint32_t depth);

#endif
