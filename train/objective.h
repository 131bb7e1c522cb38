/* Losses: derivatives, metric, start value and defaults of each, one table row a loss.
 *
 * Derivatives are of the gain direction: d1 = -dLoss/da, d2 = -d2Loss/da2, times the object's weight. A metric is what
 * CatBoost prints for the loss: RMSE is a root of a mean, the others weighted means; lower is better. Thread-safe. */
#ifndef MRC_TRAIN_OBJECTIVE_H
#define MRC_TRAIN_OBJECTIVE_H

#include "train/params.h"

enum hessian {
    HESSIAN_DIAGONAL, /* d2 has one column an output */
    HESSIAN_FULL      /* d2 holds softmax probabilities p_k (unweighted); the Hessian is w (p_i p_j - [i = j] p_i) */
};

/* Rows [0, n) of a block. Output d of row i is approx[d * stride + i]. */
struct loss_rows {
    size_t n, stride;
    uint32_t dim;
    const double *approx;
    const float *target, *weight; /* weight NULL = all 1 */
    const double *exponent;       /* NULL, or exp(approx) for a loss that has use for it */
};

struct objective {
    enum loss_type type;
    const char *name;
    bool is_classes;    /* targets are class numbers 0 … dim - 1 */
    bool is_binary;     /* one output, targets 0 or 1 (Logloss) */
    bool has_newton;    /* second derivatives are usable for leaf values */
    bool has_exact;     /* leaf values can be found exactly */
    bool has_start;     /* knows a start value: boost_from_average may be true */
    bool from_average;  /* default of boost_from_average */
    bool always_start;  /* starts from its optimum whatever boost_from_average says */
    bool uses_exponent; /* derivatives and error are cheaper with exp(approx) at hand */
    bool root;          /* the metric is the square root of its mean */
    enum hessian hessian;
    enum leaf_method method; /* default, with iterations */
    int newton_iterations, gradient_iterations;
    /* d1[d * out_stride + i]; d2 NULL when not wanted */
    void (*derivatives)(const struct loss *loss, const struct loss_rows *rows, double *d1, double *d2,
                        size_t out_stride);
    /* Sum over rows of weight times loss. */
    double (*error)(const struct loss *loss, const struct loss_rows *rows);
    /* Targets this loss does not allow: NULL when fine, else what is allowed. */
    const char *(*target_rule)(float target);
};

/* The row of a loss; never NULL. */
const struct objective *objective_of(enum loss_type type);
/* Number of outputs; n_classes is used by losses over classes. */
uint32_t objective_dim(const struct loss *loss, uint32_t n_classes);

enum { LOSS_CHUNK = 8192 }; /* rows a partial sum covers: results do not depend on the number of threads */

/* Metric over n rows; approx as in loss_rows with stride n. */
double objective_metric(const struct loss *loss, uint32_t dim, size_t n, const double *approx, const float *target,
                        const float *weight, int threads);
/* All derivatives, in parallel: d1[d * n + i]. */
void objective_derivatives(const struct loss *loss, uint32_t dim, size_t n, const double *approx, const float *target,
                           const float *weight, double *d1, int threads);
/* Value to start from, start[dim], as CatBoost's boost_from_average. MRC_ENOMEM. */
int objective_start(const struct loss *loss, uint32_t dim, size_t n, const float *target, const float *weight,
                    double *start, struct mrc_err *err) MRC_CHECKED;

/* Weighted alpha quantile of n values as CatBoost finds it: moved by delta to the side that holds the quantile.
 * weight NULL = all 1; scratch: n floats and n pairs come from malloc. MRC_ENOMEM. */
int weighted_quantile(const float *values, const float *weight, size_t n, double alpha, double delta, double *out,
                      struct mrc_err *err) MRC_CHECKED;

#endif
