/* Scoring loops over bins, written for the compiler to do several bins at once. Included by one file for each width of
 * vectors; every file gives the same bits, as no operation is fused or reordered. */
#ifndef MRC_TRAIN_HISTOGRAM_LANES_H
#define MRC_TRAIN_HISTOGRAM_LANES_H

#include "train/histogram.h"

#include <math.h>

/* A bin's sum of derivatives and of weights. */
typedef double lanes_pair __attribute__((vector_size(16)));
typedef long long lanes_mask __attribute__((vector_size(16)));

/* Sums of derivatives and of weights up to each bin. */
struct lanes_prefix {
    double sums[HISTOGRAM_FAST_BINS], weights[HISTOGRAM_FAST_BINS];
};

/* One leaf's share in every split. A side without weight counts nothing. */
static inline void add_leaf(const struct lanes_prefix *restrict prefix, uint32_t n_bins, double l2,
                            double *restrict num, double *restrict den)
{
    double all_sum = prefix->sums[n_bins - 1], all_weight = prefix->weights[n_bins - 1];
#pragma omp simd
    for (uint32_t b = 0; b < n_bins - 1; b++) {
        double s0 = prefix->sums[b], w0 = prefix->weights[b], s1 = all_sum - s0, w1 = all_weight - w0;
        double d0 = w0 + l2, d1 = w1 + l2, inverse = 1 / (d0 * d1); /* one division serves both sides */
        double v0 = s0 * (inverse * d1), v1 = s1 * (inverse * d0);
        v0 = w0 > 0 ? v0 : 0;
        v1 = w1 > 0 ? v1 : 0;
        num[b] += v0 * s0 + v1 * s1;
        den[b] += v0 * v0 * w0 + v1 * v1 * w1;
    }
}

static inline void score_pair(double *first, double *second, enum histogram_pair how, bool keep, uint32_t n_bins,
                              double l2, double *num, double *den)
{
    lanes_pair *a = (lanes_pair *)(void *)first, *b = (lanes_pair *)(void *)second, sum_a = {0, 0}, sum_b = {0, 0};
    struct lanes_prefix prefix_a, prefix_b;
    for (uint32_t i = 0; i < n_bins; i++) {
        lanes_pair x = a[i], y = b[i];
        if (how != HISTOGRAM_BOTH) {
            /* without weight there are no rows: what is left of the sums is rounding */
            lanes_pair rest = x - y, weight = {rest[1], rest[1]};
            rest = (lanes_pair)((lanes_mask)rest & (weight > 0));
            x = how == HISTOGRAM_LEAST_FIRST ? y : rest;
            y = how == HISTOGRAM_LEAST_FIRST ? rest : y;
            if (keep) {
                a[i] = x;
            }
            if (keep && how == HISTOGRAM_LEAST_FIRST) {
                b[i] = y;
            }
        }
        sum_a += x;
        sum_b += y;
        prefix_a.sums[i] = sum_a[0];
        prefix_a.weights[i] = sum_a[1];
        prefix_b.sums[i] = sum_b[0];
        prefix_b.weights[i] = sum_b[1];
    }
    add_leaf(&prefix_a, n_bins, l2, num, den);
    add_leaf(&prefix_b, n_bins, l2, num, den);
}

static inline void score_pairs(double *a, double *b, enum histogram_pair how, bool keep, uint32_t n_bins, double l2,
                               double *num, double *den)
{
    switch (how) { /* the loop is made for each */
    case HISTOGRAM_BOTH:
        score_pair(a, b, HISTOGRAM_BOTH, false, n_bins, l2, num, den);
        break;
    case HISTOGRAM_LEAST_FIRST:
        if (keep) {
            score_pair(a, b, HISTOGRAM_LEAST_FIRST, true, n_bins, l2, num, den);
        } else {
            score_pair(a, b, HISTOGRAM_LEAST_FIRST, false, n_bins, l2, num, den);
        }
        break;
    default:
        if (keep) {
            score_pair(a, b, HISTOGRAM_LEAST_SECOND, true, n_bins, l2, num, den);
        } else {
            score_pair(a, b, HISTOGRAM_LEAST_SECOND, false, n_bins, l2, num, den);
        }
    }
}

static inline void cosines(const double *restrict num, const double *restrict den, uint32_t n, double *restrict scores)
{
#pragma omp simd
    for (uint32_t k = 0; k < n; k++) {
        scores[k] = num[k] / sqrt(den[k]);
    }
}

#define HISTOGRAM_KERNELS(name)                                                                                        \
    static void pair(double *a, double *b, enum histogram_pair how, bool keep, uint32_t n_bins, double l2,             \
                     double *num, double *den)                                                                         \
    {                                                                                                                  \
        score_pairs(a, b, how, keep, n_bins, l2, num, den);                                                            \
    }                                                                                                                  \
    static void cosine(const double *num, const double *den, uint32_t n, double *scores)                               \
    {                                                                                                                  \
        cosines(num, den, n, scores);                                                                                  \
    }                                                                                                                  \
    const struct histogram_kernels name = {.score_pair = pair, .cosine = cosine}

#endif
