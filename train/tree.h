/* Search for the structure of one oblivious tree: level by level the split that gains most over all leaves.
 *
 * A tree_search keeps its memory from tree to tree. Results do not depend on the number of threads: sums are made in
 * the order of the rows, or of two fixed parts of them that are then added. */
#ifndef MRC_TRAIN_TREE_H
#define MRC_TRAIN_TREE_H

#include "train/random.h"
#include "train/row_leaves.h"
#include "train/target_stats.h"

struct tree {
    uint32_t depth;
    struct split splits[TREE_DEPTH_MAX];
};

struct tree_task {
    uint32_t order;        /* the fold's, in the target statistics */
    const double *d1;      /* [dim][n] weighted first derivatives */
    const float *sample;   /* [n] sampling weight of each row; 0 = left out; NULL = all 1 */
    bool weighed;          /* sample has others than 0 and 1 */
    double noise;          /* standard deviation added to scores */
    struct random *random; /* the training generator */
};

struct tree_search;
enum { THREADS_MAX = 256 };

/* stats: NULL without categorical statistics. pool, stats, params are borrowed; threads <= THREADS_MAX. MRC_ENOMEM.
 */
int tree_search_new(struct tree_search **out, const struct pool *pool, struct target_stats *stats,
                    const struct params *params, uint32_t dim, int threads, struct mrc_err *err) MRC_CHECKED;
void tree_search_free(struct tree_search *s); /* NULL is fine */
/* Find a tree; it may have fewer levels than params->depth, even none. */
int tree_search_run(struct tree_search *s, const struct tree_task *task, struct tree *tree,
                    struct mrc_err *err) MRC_CHECKED;

/* Leaf of each row of the pool in the tree found last, under that task's order; NULL when it is not at hand. Valid
 * until the next run. */
const struct row_leaves *tree_search_leaves(const struct tree_search *s);

/* Statistics that the tree's splits need, along these orders (STATS_EVAL: of the eval set). MRC_ENOMEM. */
int tree_compute_columns(const struct tree *tree, struct target_stats *stats, const uint32_t *orders, uint32_t n_orders,
                         int threads, struct mrc_err *err) MRC_CHECKED;
/* Leaf of each row of the pool, which is the eval set's for STATS_EVAL; after tree_compute_columns for that order. */
void tree_leaves(const struct tree *tree, const struct pool *pool, const struct target_stats *stats, uint32_t order,
                 struct row_leaves *leaves, int threads);

#endif
