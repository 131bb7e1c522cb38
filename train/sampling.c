/* Bootstrap: Bernoulli, Bayesian, and minimal variance sampling. */
#include "train/sampling.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

enum { BERNOULLI_BLOCK = 8192, BAYESIAN_BLOCK = 1000, MVS_BLOCK = 8192, MVS_ROOM = 3, BLOCK_SKIP = 10 };

static size_t row_at(const struct sampling_task *t, size_t i)
{
    return t->rows ? t->rows[i] : i;
}

static size_t end_of(const struct sampling_task *t, size_t begin, size_t block)
{
    return begin + block < t->n ? begin + block : t->n;
}

/* One stream for all rows; every block starts at its place in it. */
static void draw_bernoulli(const struct sampling_task *t, float *weights)
{
    int blocks = (int)((t->n + BERNOULLI_BLOCK - 1) / BERNOULLI_BLOCK);
#pragma omp parallel for num_threads(t->threads) schedule(static) if (t->threads > 1 && blocks > 1)
    for (int b = 0; b < blocks; b++) {
        uint8_t hits[BERNOULLI_BLOCK];
        size_t begin = (size_t)b * BERNOULLI_BLOCK, end = end_of(t, begin, BERNOULLI_BLOCK);
        struct random r = *t->random;
        random_skip(&r, begin);
        random_hits(&r, end - begin, t->params->subsample, hits);
        for (size_t i = begin; i < end; i++) {
            weights[row_at(t, i)] = hits[i - begin];
        }
    }
    random_skip(t->random, t->n);
}

static void draw_bayesian(const struct sampling_task *t, float *weights)
{
    uint64_t seed = random_next(t->random);
    int blocks = (int)((t->n + BAYESIAN_BLOCK - 1) / BAYESIAN_BLOCK);
#pragma omp parallel for num_threads(t->threads) schedule(static) if (t->threads > 1 && blocks > 1)
    for (int b = 0; b < blocks; b++) {
        size_t begin = (size_t)b * BAYESIAN_BLOCK, end = end_of(t, begin, BAYESIAN_BLOCK);
        struct random r;
        random_init_skip(&r, seed + (uint64_t)b, BLOCK_SKIP);
        for (size_t i = begin; i < end; i++) {
            weights[row_at(t, i)] = (float)pow(-log(random_real(&r) + 1e-100), t->params->bagging_temperature);
        }
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

/* Values of a part that is looked at: below, like and above its pivot. */
struct parted {
    size_t below, like, above;
    double sum_below;
};

/* What is below moves to the front of v, what is above to other. */
static struct parted part_values(double *v, size_t n, double pivot, double *other)
{
    struct parted p = {0};
    for (size_t i = 0; i < n; i++) { /* without branches: no processor could tell them in advance */
        double x = v[i];
        v[p.below] = other[p.above] = x;
        p.below += x < pivot;
        p.above += x > pivot;
        p.sum_below += x < pivot ? x : 0;
    }
    p.like = n - p.below - p.above;
    return p;
}

static double middle_of(double a, double b, double c)
{
    return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

/* The threshold mu at which the sum of min(1, v / mu) is as many as wanted, by halving the values that may be it; v and
 * other, of n values each, are overwritten. */
static double mvs_threshold(double *v, double *other, size_t n, double wanted)
{
    double small = 0, large = 0; /* sum of those that are known to be below mu, number of the others */
    while (n > 0) {
        double pivot = middle_of(v[0], v[n / 2], v[n - 1]);
        struct parted p = part_values(v, n, pivot, other);
        double not_below = (double)(p.like + p.above) + large;
        if (!(pivot > 0) || (small + p.sum_below) / pivot + not_below > wanted) {
            small += p.sum_below + pivot * (double)p.like;
            n = p.above;
            double *spare = v;
            v = other;
            other = spare;
        } else {
            large = not_below;
            n = p.below;
        }
    }
    return wanted > large ? small / (wanted - large) : 0;
}

/* c: room for MVS_ROOM numbers a row of a block. */
static void draw_mvs_block(const struct sampling_task *t, double lambda, uint64_t seed, size_t begin, double *c,
                           float *weights)
{
    size_t n = end_of(t, begin, MVS_BLOCK) - begin;
    double *values = c + MVS_BLOCK;
    for (size_t i = 0; i < n; i++) {
        values[i] = c[i] = sqrt(lambda + norm_of(t, row_at(t, begin + i)));
    }
    double threshold = mvs_threshold(values, values + MVS_BLOCK, n, t->params->subsample * (double)n);
    struct random r;
    random_init_skip(&r, seed + begin / MVS_BLOCK, BLOCK_SKIP);
    for (size_t i = 0; i < n; i++) {
        double p = c[i] > threshold ? 1 : c[i] / threshold;
        weights[row_at(t, begin + i)] = random_real(&r) < p ? (float)(1 / p) : 0;
    }
}

static int draw_mvs(const struct sampling_task *t, float *weights, struct mrc_err *err)
{
    double *c = malloc((size_t)t->threads * MVS_ROOM * MVS_BLOCK * sizeof(*c));
    if (!c) {
        return mrc_fail(err, MRC_ENOMEM, "no memory to sample rows");
    }
    double lambda = mvs_lambda(t);
    uint64_t seed = random_next(t->random);
    int blocks = (int)((t->n + MVS_BLOCK - 1) / MVS_BLOCK);
#pragma omp parallel for num_threads(t->threads) schedule(static) if (t->threads > 1 && blocks > 1)
    for (int b = 0; b < blocks; b++) {
        draw_mvs_block(t, lambda, seed, (size_t)b * MVS_BLOCK, c + (size_t)omp_get_thread_num() * MVS_ROOM * MVS_BLOCK,
                       weights);
    }
    free(c);
    return MRC_OK;
}

int sampling_draw(const struct sampling_task *t, float *weights, enum sampled *out, struct mrc_err *err)
{
    *out = SAMPLED_WEIGHED;
    switch (t->params->bootstrap_type) {
    case BOOTSTRAP_BERNOULLI:
        *out = SAMPLED_SOME;
        draw_bernoulli(t, weights);
        return MRC_OK;
    case BOOTSTRAP_BAYESIAN:
        draw_bayesian(t, weights);
        return MRC_OK;
    case BOOTSTRAP_MVS:
        if (t->params->subsample < 1) {
            return draw_mvs(t, weights, err);
        }
        *out = SAMPLED_ALL;
        return MRC_OK;
    default:
        *out = SAMPLED_ALL;
        return MRC_OK;
    }
}
