/* Logloss by vectors: exponentials of many rows, and the sums that Newton's steps are made of.
 *
 * Steps of one tree read the same rows again and again, with one value a leaf added to their scores. So the rows are
 * sorted by leaf once, with e^score beside the target: e^(score + value) = e^score e^value, and all sums of a leaf run
 * over neighbours. Thread-safe. */
#ifndef MRC_TRAIN_LOGIT_H
#define MRC_TRAIN_LOGIT_H

#include "train/leaves.h"

/* With p = e f / (1 + e f): sums of t - p, of -p (1 - p), and of log(1 + e f). */
struct logit_sums {
    double first, second, logs;
};

/* Rows done side by side, in every kernel: what sums are made of does not depend on the processor. */
enum { LOGIT_LANES = 8 };
struct logit_kernels {
    /* out[i] = e^x[i] within one unit in the last place; x is held within +-708. in and out may be the same. */
    void (*exponents)(const double *x, size_t n, double *out);
    /* n is a multiple of LOGIT_LANES; a row of e = 0, t = 0 adds nothing. */
    void (*sums)(const double *e, const float *t, size_t n, double f, struct logit_sums *out);
};
extern const struct logit_kernels logit_plain, logit_avx2, logit_avx512;
/* The fastest for this processor; all give the same bits. */
const struct logit_kernels *logit_kernels(void);

/* The rows of a leaf task, sorted by leaf within each chunk of LOSS_CHUNK. */
struct logit_rows {
    const struct logit_kernels *kernels;
    uint32_t n_leaves;
    size_t chunks, chunk_rows; /* places of a chunk: its leaves are filled up to whole lanes */
    double *e;                 /* [chunks][chunk_rows] e^score */
    float *t;                  /* [chunks][chunk_rows] targets */
    struct logit_part *parts;  /* [chunks][n_leaves] */
};

/* Is the task one that can be sorted? */
bool logit_rows_fit(const struct leaf_task *task);
/* false: no memory (logit_rows_release frees what there is). */
bool logit_rows_init(struct logit_rows *r, const struct leaf_task *task) MRC_CHECKED;
void logit_rows_release(struct logit_rows *r);
/* Sums of a chunk with these values added: sums[n_leaves][2] of the first and second derivatives; returns the sum of
 * losses. factors[n_leaves] are e^value. */
double logit_rows_sum(const struct logit_rows *r, size_t chunk, const double *values, const double *factors,
                      double *sums);

#endif
