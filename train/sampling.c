/* Bootstrap: Bernoulli, Bayesian, and minimal variance sampling. */
#include "train/sampling.h"

#include <math.h>
#include <stdlib.h>

enum { BAYESIAN_BLOCK = 1000, MVS_BLOCK = 8192, BLOCK_SKIP = 10 };

static size_t row_at(const struct sampling_task *t, size_t i)
{
    return t->rows ? t->rows[i] : i;
}

static void draw_bernoulli(const struct sampling_task *t, float *weights)
{
    for (size_t i = 0; i < t->n; i++) {
        weights[row_at(t, i)] = random_real(t->random) < t->params->subsample ? 1 : 0;
    }
}

static void draw_bayesian(const struct sampling_task *t, float *weights)
{
    uint64_t seed = random_next(t->random);
    struct random r;
    for (size_t i = 0; i < t->n; i++) {
        if (i % BAYESIAN_BLOCK == 0) {
            random_init_skip(&r, seed + i / BAYESIAN_BLOCK, BLOCK_SKIP);
        }
        weights[row_at(t, i)] = (float)pow(-log(random_real(&r) + 1e-100), t->params->bagging_temperature);
    }
}

/* ---- minimal variance sampling --------------------------------------------------------------------------------- */

static double norm_of(const struct sampling_task *t, size_t row)
{
    double square = 0;
    for (uint32_t d = 0; d < t->dim; d++) {
        square += t->d1[d * t->n + row] * t->d1[d * t->n + row];
    }
    return square;
}

static double mvs_lambda(const struct sampling_task *t)
{
    if (t->params->is_set[PARAM_MVS_REG]) {
        return t->params->mvs_reg;
    }
    double mean = t->leaf_size;
    if (mean < 0) {
        mean = 0;
        for (size_t i = 0; i < t->n; i++) {
            mean += sqrt(norm_of(t, row_at(t, i)));
        }
        mean /= (double)t->n;
    }
    return mean * mean;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The threshold mu at which sum of min(1, c / mu) is as many as wanted; sorted is ascending. */
static double mvs_threshold(const double *sorted, size_t n, double wanted)
{
    double small = 0;
    for (size_t i = 0; i < n; i++) {
        small += sorted[i];
    }
    for (size_t large = 0; large < n; large++) { /* the `large` largest count 1 each */
        double rest = wanted - (double)large, top = sorted[n - 1 - large];
        if (rest > 0 && top * rest <= small) {
            return small / rest;
        }
        small -= top;
    }
    return sorted[0];
}

static int draw_mvs(const struct sampling_task *t, float *weights, struct mrc_err *err)
{
    double *c = malloc(2 * MVS_BLOCK * sizeof(*c));
    if (!c) {
        return mrc_fail(err, MRC_ENOMEM, "no memory to sample rows");
    }
    double lambda = mvs_lambda(t);
    uint64_t seed = random_next(t->random);
    for (size_t begin = 0, block = 0; begin < t->n; begin += MVS_BLOCK, block++) {
        size_t n = t->n - begin < MVS_BLOCK ? t->n - begin : MVS_BLOCK;
        double *sorted = c + MVS_BLOCK;
        for (size_t i = 0; i < n; i++) {
            sorted[i] = c[i] = sqrt(lambda + norm_of(t, row_at(t, begin + i)));
        }
        qsort(sorted, n, sizeof(*sorted), compare_doubles);
        double threshold = mvs_threshold(sorted, n, t->params->subsample * (double)n);
        struct random r;
        random_init_skip(&r, seed + block, BLOCK_SKIP);
        for (size_t i = 0; i < n; i++) {
            double p = c[i] > threshold ? 1 : c[i] / threshold;
            weights[row_at(t, begin + i)] = random_real(&r) < p ? (float)(1 / p) : 0;
        }
    }
    free(c);
    return MRC_OK;
}

int sampling_draw(const struct sampling_task *t, float *weights, bool *used, struct mrc_err *err)
{
    *used = true;
    switch (t->params->bootstrap_type) {
    case BOOTSTRAP_BERNOULLI:
        draw_bernoulli(t, weights);
        return MRC_OK;
    case BOOTSTRAP_BAYESIAN:
        draw_bayesian(t, weights);
        return MRC_OK;
    case BOOTSTRAP_MVS:
        if (t->params->subsample < 1) {
            return draw_mvs(t, weights, err);
        }
        *used = false;
        return MRC_OK;
    default:
        *used = false;
        return MRC_OK;
    }
}
