/* The rows of a tree sorted by leaf, for the steps of Logloss.
 *
 * Steps of one tree read the same rows again and again, with one value a leaf added to their scores. So the rows are
 * sorted by leaf once, with e^score beside the target: e^(score + value) = e^score e^value, and all sums of a leaf run
 * over neighbours. Thread-safe once made. */
#ifndef MRC_TRAIN_LOGIT_ROWS_H
#define MRC_TRAIN_LOGIT_ROWS_H

#include "train/leaves.h"
#include "train/logit.h"

/* Sorted within each chunk of LOSS_CHUNK. */
struct logit_rows {
    const struct logit_kernels *kernels;
    uint32_t n_leaves;
    size_t chunks, chunk_rows; /* places of a chunk: its leaves are filled up to whole lanes */
    double *e;                 /* [chunks][chunk_rows] e^score */
    float *t;                  /* [chunks][chunk_rows] targets */
    struct logit_part *parts;  /* [chunks][n_leaves] */
};

/* Is the task one that can be sorted? */
bool logit_rows_suit(const struct leaf_task *task);
/* false: no memory (logit_rows_release frees what there is). */
bool logit_rows_init(struct logit_rows *r, const struct leaf_task *task) MRC_CHECKED;
void logit_rows_release(struct logit_rows *r);
/* Sums of a chunk with these values added: sums[n_leaves][2] of the first and second derivatives; returns the sum of
 * losses. factors[n_leaves] are e^value. */
double logit_rows_sum(const struct logit_rows *r, size_t chunk, const double *values, const double *factors,
                      double *sums);

#endif
