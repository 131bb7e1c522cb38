/* Logloss by vectors: exponentials of many rows, and the sums that Newton's steps are made of. Thread-safe. */
#ifndef MRC_TRAIN_LOGIT_H
#define MRC_TRAIN_LOGIT_H

#include <stddef.h>

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

#endif
