/* Leaf values of a tree whose structure is known: Newton, Gradient or Exact, one or several steps.
 *
 * Sums are taken in fixed chunks of rows and added in their order: the result does not depend on the number of threads.
 */
#ifndef MRC_TRAIN_LEAVES_H
#define MRC_TRAIN_LEAVES_H

#include "train/objective.h"
#include "train/row_leaves.h"

struct leaf_task {
    const struct loss *loss;
    uint32_t dim, n_leaves;
    size_t n;
    const uint16_t *leaves;       /* [n] leaf of each row */
    const double *approx;         /* [dim][n] before this tree */
    const float *target, *weight; /* [n]; weight NULL = all 1 */
    enum leaf_method method;
    uint32_t iterations;
    bool backtracking;          /* shorten a step that does not improve the loss; only with several iterations */
    double l2;                  /* already scaled by the mean weight */
    const double *leaf_weights; /* [n_leaves] of leaves_weigh */
    int threads;
};

/* values[n_leaves][dim], before the learning rate; 0 for a leaf without rows. *steps: full steps computed. MRC_ENOMEM.
 */
int leaves_estimate(const struct leaf_task *task, double *values, uint32_t *steps, struct mrc_err *err) MRC_CHECKED;

/* Sum of weights of each leaf: weights[n_leaves]; weight NULL: all 1. */
void leaves_weigh(const struct row_leaves *leaves, const float *weight, size_t n, uint32_t n_leaves, double *weights);
/* Add each row's leaf value: approx[dim][n] += values[leaf][dim]. */
void leaves_add(const uint16_t *leaves, const double *values, size_t n, uint32_t dim, double *approx, int threads);

#endif
