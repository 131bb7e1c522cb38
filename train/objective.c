/* The table of losses, with their derivatives and metrics. Formulas are those of CatBoost's documentation and source.
 */
#include "train/objective.h"
#include "train/logit.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

static double weight_of(const struct loss_rows *r, size_t i)
{
    return r->weight ? (double)r->weight[i] : 1.0;
}

/* ---- one output: derivatives and error of one object ----------------------------------------------------------- */

struct derivative {
    double first, second;
};

static inline struct derivative rmse_derivative(const struct loss *loss, double a, double t)
{
    (void)loss;
    return (struct derivative){t - a, -1};
}
static inline double rmse_error(const struct loss *loss, double a, double t)
{
    (void)loss;
    return (t - a) * (t - a);
}

static inline struct derivative quantile_derivative(const struct loss *loss, double a, double t)
{
    double d = t - a, alpha = loss->alphas[0];
    return (struct derivative){fabs(d) < loss->delta ? 0 : d > 0 ? alpha : alpha - 1, 0};
}
static inline double quantile_error(const struct loss *loss, double a, double t)
{
    double d = t - a, alpha = loss->alphas[0];
    return d < 0 ? (alpha - 1) * d : alpha * d;
}
static inline double mae_error(const struct loss *loss, double a, double t)
{
    (void)loss;
    return fabs(t - a);
}

static inline struct derivative tweedie_derivative(const struct loss *loss, double a, double t)
{
    double p = loss->power, low = t * exp((1 - p) * a), high = exp((2 - p) * a);
    return (struct derivative){low - high, (1 - p) * low - (2 - p) * high};
}
static inline double tweedie_error(const struct loss *loss, double a, double t)
{
    double p = loss->power;
    return -t * exp((1 - p) * a) / (1 - p) + exp((2 - p) * a) / (2 - p);
}

static inline struct derivative huber_derivative(const struct loss *loss, double a, double t)
{
    double d = t - a;
    if (fabs(d) < loss->delta) {
        return (struct derivative){d, -1};
    }
    return (struct derivative){d > 0 ? loss->delta : -loss->delta, 0};
}
static inline double huber_error(const struct loss *loss, double a, double t)
{
    double d = fabs(t - a);
    return d < loss->delta ? 0.5 * d * d : loss->delta * (d - 0.5 * loss->delta);
}

static inline struct derivative expectile_derivative(const struct loss *loss, double a, double t)
{
    double d = t - a, alpha = (double)(float)loss->alphas[0], k = d > 0 ? alpha : 1 - alpha; /* float32 there */
    return (struct derivative){2 * k * d, -2 * k};
}
static inline double expectile_error(const struct loss *loss, double a, double t)
{
    double d = t - a;
    return (d > 0 ? loss->alphas[0] : 1 - loss->alphas[0]) * d * d;
}

static inline struct derivative logcosh_derivative(const struct loss *loss, double a, double t)
{
    (void)loss;
    double c = cosh(a - t);
    return (struct derivative){-tanh(a - t), -1 / (c * c)};
}
static inline double logcosh_error(const struct loss *loss, double a, double t)
{
    (void)loss;
    double d = fabs(a - t); /* log cosh d = d + log((1 + e^-2d) / 2) */
    return d + log1p(exp(-2 * d)) - 0.69314718055994530942;
}

static inline struct derivative mape_derivative(const struct loss *loss, double a, double t)
{
    (void)loss;
    double d = t - a, scale = fabs(t) > 1 ? fabs(t) : 1;
    return (struct derivative){(d > 0 ? 1 : d < 0 ? -1 : 0) / scale, 0};
}
static inline double mape_error(const struct loss *loss, double a, double t)
{
    (void)loss;
    return fabs(t - a) / (fabs(t) > 1 ? fabs(t) : 1);
}

/* The loops over rows for a loss with one output, so that the formula is inlined. */
#define ONE_OUTPUT(loss_name, derivative_of, error_of)                                                                 \
    static void loss_name##_derivatives(const struct loss *loss, const struct loss_rows *r, double *d1, double *d2,    \
                                        size_t out_stride)                                                             \
    {                                                                                                                  \
        (void)out_stride;                                                                                              \
        for (size_t i = 0; i < r->n; i++) {                                                                            \
            struct derivative d = derivative_of(loss, r->approx[i], (double)r->target[i]);                             \
            double w = weight_of(r, i);                                                                                \
            d1[i] = w * d.first;                                                                                       \
            if (d2) {                                                                                                  \
                d2[i] = w * d.second;                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static double loss_name##_errors(const struct loss *loss, const struct loss_rows *r)                               \
    {                                                                                                                  \
        double sum = 0;                                                                                                \
        for (size_t i = 0; i < r->n; i++) {                                                                            \
            sum += weight_of(r, i) * error_of(loss, r->approx[i], (double)r->target[i]);                               \
        }                                                                                                              \
        return sum;                                                                                                    \
    }

ONE_OUTPUT(rmse, rmse_derivative, rmse_error)
ONE_OUTPUT(quantile, quantile_derivative, quantile_error)
ONE_OUTPUT(mae, quantile_derivative, mae_error)
ONE_OUTPUT(tweedie, tweedie_derivative, tweedie_error)
ONE_OUTPUT(huber, huber_derivative, huber_error)
ONE_OUTPUT(expectile, expectile_derivative, expectile_error)
ONE_OUTPUT(logcosh, logcosh_derivative, logcosh_error)
ONE_OUTPUT(mape, mape_derivative, mape_error)

/* ---- one output through e^a ------------------------------------------------------------------------------------ */

/* Rows whose exponentials are taken at once where the caller has none. */
enum { EXPONENTS = 512 };

/* e^a of rows [begin, begin + n), n <= EXPONENTS; buffer: memory for them. */
static const double *exponents_of(const struct loss_rows *r, size_t begin, size_t n, double *buffer)
{
    if (r->exponent) {
        return r->exponent + begin;
    }
    logit_kernels()->exponents(r->approx + begin, n, buffer);
    return buffer;
}

static void logloss_derivatives(const struct loss *loss, const struct loss_rows *r, double *d1, double *d2,
                                size_t out_stride)
{
    double buffer[EXPONENTS];
    (void)loss;
    (void)out_stride;
    for (size_t at = 0; at < r->n; at += EXPONENTS) {
        size_t n = r->n - at < EXPONENTS ? r->n - at : EXPONENTS;
        const double *restrict exponent = exponents_of(r, at, n, buffer);
        for (size_t i = 0; i < n; i++) {
            double rest = 1 / (1 + exponent[i]), p = 1 - rest, w = weight_of(r, at + i);
            d1[at + i] = w * ((double)r->target[at + i] - p);
            if (d2) {
                d2[at + i] = w * (-p * rest);
            }
        }
    }
}

/* log(1 + e^a) - t a. Without weights the logarithm is taken of products of eight. */

/* Eight rows at a time, as many as there are before one that is large; returns how many. */
static size_t logloss_eights(const struct loss_rows *r, double *sum)
{
    static const double E60 = 1e26; /* about e^60 */
    double logs = 0, products = 0;
    size_t i = 0;
    for (; i + 8 <= r->n; i += 8) {
        double p[8], q[8], most = 0;
        for (size_t k = 0; k < 8; k++) {
            p[k] = 1 + r->exponent[i + k];
            q[k] = (double)r->target[i + k] * r->approx[i + k];
            most = p[k] > most ? p[k] : most;
        }
        if (!(most < E60)) {
            break;
        }
        logs += log(((p[0] * p[1]) * (p[2] * p[3])) * ((p[4] * p[5]) * (p[6] * p[7])));
        products += ((q[0] + q[1]) + (q[2] + q[3])) + ((q[4] + q[5]) + (q[6] + q[7]));
    }
    *sum = logs - products;
    return i;
}

static double logloss_block(const struct loss_rows *r)
{
    enum { FACTORS = 8 };
    static const double LARGE = 60; /* from here on log(1 + e^a) is a; below a product of eight stays finite */
    double sum = 0, product = 1;
    int factors = 0;
    size_t done = 0;
    if (!r->weight) {
        done = logloss_eights(r, &sum);
    }
    for (size_t i = done; i < r->n; i++) {
        double a = r->approx[i], t = (double)r->target[i];
        if (a > LARGE) {
            sum += weight_of(r, i) * (a - t * a);
            continue;
        }
        if (r->weight) {
            sum += (double)r->weight[i] * (log1p(r->exponent[i]) - t * a);
            continue;
        }
        sum -= t * a;
        product *= 1 + r->exponent[i];
        if (++factors == FACTORS) {
            sum += log(product);
            product = 1;
            factors = 0;
        }
    }
    return sum + log(product);
}

static double logloss_errors(const struct loss *loss, const struct loss_rows *r)
{
    double buffer[EXPONENTS], sum = 0;
    (void)loss;
    for (size_t at = 0; at < r->n; at += EXPONENTS) {
        size_t n = r->n - at < EXPONENTS ? r->n - at : EXPONENTS;
        struct loss_rows block = {.n = n,
                                  .approx = r->approx + at,
                                  .target = r->target + at,
                                  .weight = r->weight ? r->weight + at : NULL,
                                  .exponent = exponents_of(r, at, n, buffer)};
        sum += logloss_block(&block);
    }
    return sum;
}

static void poisson_derivatives(const struct loss *loss, const struct loss_rows *r, double *d1, double *d2,
                                size_t out_stride)
{
    (void)loss;
    (void)out_stride;
    for (size_t i = 0; i < r->n; i++) {
        double e = r->exponent ? r->exponent[i] : exp(r->approx[i]), w = weight_of(r, i);
        d1[i] = w * ((double)r->target[i] - e);
        if (d2) {
            d2[i] = -w * e;
        }
    }
}
static double poisson_errors(const struct loss *loss, const struct loss_rows *r)
{
    double sum = 0;
    (void)loss;
    for (size_t i = 0; i < r->n; i++) {
        double e = r->exponent ? r->exponent[i] : exp(r->approx[i]);
        sum += weight_of(r, i) * (e - (double)r->target[i] * r->approx[i]);
    }
    return sum;
}

/* ---- several outputs ------------------------------------------------------------------------------------------- */

static void multiclass_derivatives(const struct loss *loss, const struct loss_rows *r, double *d1, double *d2,
                                   size_t out_stride)
{
    (void)loss;
    for (size_t i = 0; i < r->n; i++) {
        double top = r->approx[i], sum = 0, w = weight_of(r, i);
        for (uint32_t k = 1; k < r->dim; k++) {
            top = fmax(top, r->approx[k * r->stride + i]);
        }
        for (uint32_t k = 0; k < r->dim; k++) {
            d1[k * out_stride + i] = exp(r->approx[k * r->stride + i] - top);
            sum += d1[k * out_stride + i];
        }
        for (uint32_t k = 0; k < r->dim; k++) {
            double p = d1[k * out_stride + i] / sum;
            if (d2) {
                d2[k * out_stride + i] = p;
            }
            d1[k * out_stride + i] = w * ((double)((float)k == r->target[i]) - p);
        }
    }
}
static double multiclass_errors(const struct loss *loss, const struct loss_rows *r)
{
    (void)loss;
    double sum = 0;
    for (size_t i = 0; i < r->n; i++) {
        double top = r->approx[i], total = 0;
        for (uint32_t k = 1; k < r->dim; k++) {
            top = fmax(top, r->approx[k * r->stride + i]);
        }
        for (uint32_t k = 0; k < r->dim; k++) {
            total += exp(r->approx[k * r->stride + i] - top);
        }
        sum += weight_of(r, i) * (log(total) + top - r->approx[(size_t)r->target[i] * r->stride + i]);
    }
    return sum;
}

static void multi_quantile_derivatives(const struct loss *loss, const struct loss_rows *r, double *d1, double *d2,
                                       size_t out_stride)
{
    for (uint32_t k = 0; k < r->dim; k++) {
        struct loss one = {.n_alphas = 1, .alphas = {loss->alphas[k]}, .delta = loss->delta};
        struct loss_rows rows = *r;
        rows.approx = r->approx + k * r->stride;
        quantile_derivatives(&one, &rows, d1 + k * out_stride, d2 ? d2 + k * out_stride : NULL, out_stride);
    }
}
static double multi_quantile_errors(const struct loss *loss, const struct loss_rows *r)
{
    double sum = 0;
    for (uint32_t k = 0; k < r->dim; k++) {
        struct loss one = {.n_alphas = 1, .alphas = {loss->alphas[k]}, .delta = loss->delta};
        struct loss_rows rows = *r;
        rows.approx = r->approx + k * r->stride;
        sum += quantile_errors(&one, &rows);
    }
    return sum / r->dim;
}

/* Outputs: mean and log of the standard deviation. */
static void uncertainty_derivatives(const struct loss *loss, const struct loss_rows *r, double *d1, double *d2,
                                    size_t out_stride)
{
    (void)loss;
    for (size_t i = 0; i < r->n; i++) {
        double w = weight_of(r, i), d = (double)r->target[i] - r->approx[i];
        double z = d * d * exp(-2 * r->approx[r->stride + i]);
        d1[i] = w * d;
        d1[out_stride + i] = w * (z - 1);
        if (d2) {
            d2[i] = -w;
            d2[out_stride + i] = -2 * w * z;
        }
    }
}
static double uncertainty_errors(const struct loss *loss, const struct loss_rows *r)
{
    (void)loss;
    double sum = 0;
    for (size_t i = 0; i < r->n; i++) {
        double d = (double)r->target[i] - r->approx[i], s = r->approx[r->stride + i];
        sum += weight_of(r, i) * (0.91893853320467274178 + s + 0.5 * d * d * exp(-2 * s));
    }
    return sum;
}

/* ---- targets --------------------------------------------------------------------------------------------------- */

static const char *rule_any(float t)
{
    (void)t;
    return NULL;
}
static const char *rule_probability(float t)
{
    return t >= 0 && t <= 1 ? NULL : "a probability in [0, 1]";
}
static const char *rule_not_negative(float t)
{
    return t >= 0 ? NULL : "a number >= 0";
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

#define FUNCTIONS(f) .derivatives = f##_derivatives, .error = f##_errors

static const struct objective table[LOSS__COUNT] = {
    [LOSS_RMSE] = {.name = "RMSE",
                   .has_newton = true,
                   .has_start = true,
                   .from_average = true,
                   .root = true,
                   .method = LEAF_NEWTON,
                   .newton_iterations = 1,
                   .gradient_iterations = 1,
                   .target_rule = rule_any,
                   FUNCTIONS(rmse)},
    [LOSS_LOGLOSS] = {.name = "Logloss",
                      .uses_exponent = true,
                      .has_start = true,
                      .is_binary = true,
                      .has_newton = true,
                      .method = LEAF_NEWTON,
                      .newton_iterations = 10,
                      .gradient_iterations = 40,
                      .target_rule = rule_probability,
                      FUNCTIONS(logloss)},
    [LOSS_CROSS_ENTROPY] = {.name = "CrossEntropy",
                            .uses_exponent = true,
                            .has_start = true,
                            .has_newton = true,
                            .method = LEAF_NEWTON,
                            .newton_iterations = 10,
                            .gradient_iterations = 40,
                            .target_rule = rule_probability,
                            FUNCTIONS(logloss)},
    [LOSS_MAE] = {.name = "MAE",
                  .has_exact = true,
                  .has_start = true,
                  .from_average = true,
                  .method = LEAF_EXACT,
                  .newton_iterations = 1,
                  .gradient_iterations = 1,
                  .target_rule = rule_any,
                  FUNCTIONS(mae)},
    [LOSS_QUANTILE] = {.name = "Quantile",
                       .has_exact = true,
                       .has_start = true,
                       .from_average = true,
                       .method = LEAF_EXACT,
                       .newton_iterations = 1,
                       .gradient_iterations = 1,
                       .target_rule = rule_any,
                       FUNCTIONS(quantile)},
    [LOSS_POISSON] = {.name = "Poisson",
                      .uses_exponent = true,
                      .has_newton = true,
                      .method = LEAF_NEWTON,
                      .newton_iterations = 10,
                      .gradient_iterations = 1,
                      .target_rule = rule_not_negative,
                      FUNCTIONS(poisson)},
    [LOSS_MULTICLASS] = {.name = "MultiClass",
                         .is_classes = true,
                         .has_newton = true,
                         .hessian = HESSIAN_FULL,
                         .method = LEAF_NEWTON,
                         .newton_iterations = 1,
                         .gradient_iterations = 10,
                         .target_rule = rule_any,
                         FUNCTIONS(multiclass)},
    [LOSS_MULTI_QUANTILE] = {.name = "MultiQuantile",
                             .has_exact = true,
                             .has_start = true,
                             .from_average = true,
                             .method = LEAF_EXACT,
                             .newton_iterations = 1,
                             .gradient_iterations = 1,
                             .target_rule = rule_any,
                             FUNCTIONS(multi_quantile)},
    [LOSS_TWEEDIE] = {.name = "Tweedie",
                      .has_newton = true,
                      .method = LEAF_NEWTON,
                      .newton_iterations = 1,
                      .gradient_iterations = 1,
                      .target_rule = rule_not_negative,
                      FUNCTIONS(tweedie)},
    [LOSS_HUBER] = {.name = "Huber",
                    .has_newton = true,
                    .method = LEAF_NEWTON,
                    .newton_iterations = 1,
                    .gradient_iterations = 1,
                    .target_rule = rule_any,
                    FUNCTIONS(huber)},
    [LOSS_EXPECTILE] = {.name = "Expectile",
                        .has_newton = true,
                        .method = LEAF_NEWTON,
                        .newton_iterations = 5,
                        .gradient_iterations = 5,
                        .target_rule = rule_any,
                        FUNCTIONS(expectile)},
    [LOSS_LOGCOSH] = {.name = "LogCosh",
                      .has_newton = true,
                      .has_exact = true,
                      .method = LEAF_EXACT,
                      .newton_iterations = 1,
                      .gradient_iterations = 1,
                      .target_rule = rule_any,
                      FUNCTIONS(logcosh)},
    [LOSS_MAPE] = {.name = "MAPE",
                   .has_exact = true,
                   .has_start = true,
                   .from_average = true,
                   .method = LEAF_EXACT,
                   .newton_iterations = 1,
                   .gradient_iterations = 1,
                   .target_rule = rule_any,
                   FUNCTIONS(mape)},
    [LOSS_RMSE_WITH_UNCERTAINTY] = {.name = "RMSEWithUncertainty",
                                    .has_newton = true,
                                    .has_start = true,
                                    .from_average = true,
                                    .always_start = true,
                                    .method = LEAF_NEWTON,
                                    .newton_iterations = 1,
                                    .gradient_iterations = 1,
                                    .target_rule = rule_any,
                                    FUNCTIONS(uncertainty)},
};

const struct objective *objective_of(enum loss_type type)
{
    return &table[type < LOSS__COUNT ? type : LOSS_RMSE];
}

uint32_t objective_dim(const struct loss *loss, uint32_t n_classes)
{
    switch (loss->type) {
    case LOSS_MULTICLASS:
        return n_classes;
    case LOSS_MULTI_QUANTILE:
        return loss->n_alphas;
    case LOSS_RMSE_WITH_UNCERTAINTY:
        return 2;
    default:
        return 1;
    }
}

/* ---- over all rows --------------------------------------------------------------------------------------------- */

static struct loss_rows chunk_of(size_t chunk, uint32_t dim, size_t n, const double *approx, const float *target,
                                 const float *weight)
{
    size_t begin = chunk * LOSS_CHUNK;
    return (struct loss_rows){.n = n - begin < LOSS_CHUNK ? n - begin : LOSS_CHUNK,
                              .stride = n,
                              .dim = dim,
                              .approx = approx + begin,
                              .target = target + begin,
                              .weight = weight ? weight + begin : NULL};
}

double objective_metric(const struct loss *loss, uint32_t dim, size_t n, const double *approx, const float *target,
                        const float *weight, int threads)
{
    enum { GROUP = 64 }; /* chunks whose sums are kept at once */
    const struct objective *o = objective_of(loss->type);
    size_t chunks = (n + LOSS_CHUNK - 1) / LOSS_CHUNK;
    double sum = 0, total = 0;
    for (size_t group = 0; group < chunks; group += GROUP) {
        double sums[GROUP], weights[GROUP];
        int size = (int)(chunks - group < GROUP ? chunks - group : GROUP);
#pragma omp parallel for num_threads(threads) schedule(static) if (size > 1 && threads > 1)
        for (int c = 0; c < size; c++) {
            struct loss_rows rows = chunk_of(group + (size_t)c, dim, n, approx, target, weight);
            sums[c] = o->error(loss, &rows);
            weights[c] = 0;
            for (size_t i = 0; i < rows.n; i++) {
                weights[c] += weight_of(&rows, i);
            }
        }
        for (int c = 0; c < size; c++) {
            sum += sums[c];
            total += weights[c];
        }
    }
    double mean = total > 0 ? sum / total : 0;
    return o->root ? sqrt(mean) : mean;
}

void objective_derivatives(const struct loss *loss, uint32_t dim, size_t n, const double *approx, const float *target,
                           const float *weight, double *d1, int threads)
{
    const struct objective *o = objective_of(loss->type);
    int chunks = (int)((n + LOSS_CHUNK - 1) / LOSS_CHUNK);
#pragma omp parallel for num_threads(threads) schedule(static) if (chunks > 1 && threads > 1)
    for (int c = 0; c < chunks; c++) {
        struct loss_rows rows = chunk_of((size_t)c, dim, n, approx, target, weight);
        o->derivatives(loss, &rows, d1 + (size_t)c * LOSS_CHUNK, NULL, n);
    }
}

/* ---- start values ---------------------------------------------------------------------------------------------- */

static double weighted_mean(size_t n, const float *target, const float *weight)
{
    double sum = 0, total = 0;
    for (size_t i = 0; i < n; i++) {
        double w = weight ? (double)weight[i] : 1.0;
        sum += w * (double)target[i];
        total += w;
    }
    return total > 0 ? sum / total : 0;
}

struct weighted {
    float value, weight;
};

static int compare_weighted(const void *a, const void *b)
{
    float x = ((const struct weighted *)a)->value, y = ((const struct weighted *)b)->value;
    return (x > y) - (x < y);
}

int weighted_quantile(const float *values, const float *weight, size_t n, double alpha, double delta, double *out,
                      struct mrc_err *err)
{
    static const double EPSILON = 2.2204460492503131e-16;
    struct weighted *v = malloc((n ? n : 1) * sizeof(*v));
    if (!v) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a quantile of %zu values", n);
    }
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        v[i] = (struct weighted){values[i], weight ? weight[i] : 1.0f};
        total += (double)v[i].weight;
    }
    qsort(v, n, sizeof(*v), compare_weighted);
    double need = alpha * total - EPSILON, below = 0;
    size_t at = 0;
    while (at + 1 < n && below + (double)v[at].weight < need) {
        below += (double)v[at].weight;
        at++;
    }
    double q = n ? (double)v[at].value : 0;
    if (n > 0 && delta > 0) {
        double less = 0, equal = 0;
        for (size_t i = 0; i < n && v[i].value <= v[at].value; i++) {
            if (v[i].value < v[at].value) {
                less += (double)v[i].weight;
            } else {
                equal += (double)v[i].weight;
            }
        }
        q += less + alpha * equal >= need ? -delta : delta;
    }
    free(v);
    *out = (double)(float)q;
    return MRC_OK;
}

static int start_mape(size_t n, const float *target, const float *weight, double *start, struct mrc_err *err)
{
    float *w = malloc(n * sizeof(*w));
    if (!w) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a median of %zu values", n);
    }
    for (size_t i = 0; i < n; i++) {
        float scale = fabsf(target[i]) > 1 ? fabsf(target[i]) : 1;
        w[i] = (weight ? weight[i] : 1.0f) / scale;
    }
    int rc = weighted_quantile(target, w, n, 0.5, 0, start, err);
    free(w);
    return rc;
}

int objective_start(const struct loss *loss, uint32_t dim, size_t n, const float *target, const float *weight,
                    double *start, struct mrc_err *err)
{
    double mean = weighted_mean(n, target, weight);
    switch (loss->type) {
    case LOSS_RMSE:
        start[0] = (double)(float)mean;
        return MRC_OK;
    case LOSS_LOGLOSS:
    case LOSS_CROSS_ENTROPY:
        start[0] = -log(1 / (double)(float)mean - 1);
        return MRC_OK;
    case LOSS_MAE:
    case LOSS_QUANTILE:
    case LOSS_MULTI_QUANTILE:
        for (uint32_t k = 0; k < dim; k++) {
            MRC_TRY(weighted_quantile(target, weight, n, loss->alphas[k], loss->delta, &start[k], err));
        }
        return MRC_OK;
    case LOSS_MAPE:
        return start_mape(n, target, weight, start, err);
    case LOSS_RMSE_WITH_UNCERTAINTY: {
        double square = 0, total = 0;
        for (size_t i = 0; i < n; i++) {
            double w = weight ? (double)weight[i] : 1.0;
            float d = target[i] - (float)mean;
            square += w * (double)(d * d);
            total += w;
        }
        start[0] = (double)(float)mean;
        start[1] = 0.5 * log((double)(float)(square / total));
        return MRC_OK;
    }
    default:
        for (uint32_t k = 0; k < dim; k++) {
            start[k] = 0;
        }
        return MRC_OK;
    }
}
