/* Building, subtracting and scoring gradient histograms. */
#include "train/histogram.h"

#include <string.h>

static void build_one(double *hist, const uint8_t *bins, const uint32_t *rows, const double *g, size_t begin,
                      size_t end)
{
    for (size_t k = begin; k < end; k++) {
        double *h = hist + 2 * (size_t)bins[rows[k]];
        h[0] += g[2 * k];
        h[1] += g[2 * k + 1];
    }
}

void histogram_build(double *hist, const struct column *column, uint32_t n_bins, uint32_t dim, const uint32_t *rows,
                     const double *g, size_t begin, size_t end)
{
    size_t width = (size_t)dim + 1;
    memset(hist, 0, n_bins * width * sizeof(*hist));
    if (dim == 1 && column->u8) {
        build_one(hist, column->u8, rows, g, begin, end);
        return;
    }
    for (size_t k = begin; k < end; k++) {
        double *h = hist + column_at(column, rows[k]) * width;
        for (size_t d = 0; d < width; d++) {
            h[d] += g[k * width + d];
        }
    }
}

void histogram_subtract(double *parent, double *child, uint32_t n_bins, uint32_t dim, bool swap)
{
    size_t width = (size_t)dim + 1;
    for (size_t b = 0; b < n_bins; b++, parent += width, child += width) {
        double weight = parent[dim] - child[dim];
        for (size_t d = 0; d < width; d++) {
            /* Without weight there are no rows: what is left of the sums is rounding. */
            double rest = weight > 0 ? parent[d] - child[d] : 0;
            parent[d] = swap ? child[d] : rest;
            child[d] = swap ? rest : child[d];
        }
    }
}

struct share {
    double num, den;
};

static inline void add_side(struct share *s, double sum, double weight, double l2)
{
    double v = weight > 0 ? sum * (1 / (weight + l2)) : 0;
    s->num += v * sum;
    s->den += v * v * weight;
}

/* One output, ordered: a bin without rows changes nothing, so its split repeats the share of the one before. */
static void score_one(const double *hist, uint32_t n_bins, double l2, double *num, double *den)
{
    double true_sum = 0, true_weight = 0, false_sum = 0, false_weight = 0;
    for (uint32_t b = 0; b < n_bins; b++) {
        true_sum += hist[2 * b];
        true_weight += hist[2 * b + 1];
    }
    if (!(true_weight > 0)) {
        return;
    }
    struct share s = {0, 0};
    add_side(&s, true_sum, true_weight, l2);
    for (uint32_t b = 0; b + 1 < n_bins; b++) {
        if (hist[2 * b + 1] > 0) {
            false_sum += hist[2 * b];
            false_weight += hist[2 * b + 1];
            true_sum -= hist[2 * b];
            true_weight -= hist[2 * b + 1];
            s = (struct share){0, 0};
            add_side(&s, true_sum, true_weight, l2);
            add_side(&s, false_sum, false_weight, l2);
        }
        num[b] += s.num;
        den[b] += s.den;
    }
}

/* Any number of outputs: one at a time, the sides' weights being the same for all. */
static void score_output(const double *hist, uint32_t n_bins, uint32_t dim, uint32_t d, bool one_hot, double l2,
                         double *num, double *den)
{
    size_t width = (size_t)dim + 1;
    double all_sum = 0, all_weight = 0, false_sum = 0, false_weight = 0;
    for (size_t b = 0; b < n_bins; b++) {
        all_sum += hist[b * width + d];
        all_weight += hist[b * width + dim];
    }
    double true_sum = all_sum, true_weight = all_weight;
    for (size_t b = 0; b + !one_hot < n_bins; b++) {
        double sum = hist[b * width + d], weight = hist[b * width + dim];
        if (one_hot) {
            true_sum = sum;
            true_weight = weight;
            false_sum = all_sum - sum;
            false_weight = all_weight - weight;
        } else {
            false_sum += sum;
            false_weight += weight;
            true_sum -= sum;
            true_weight -= weight;
        }
        struct share s = {0, 0};
        add_side(&s, true_sum, true_weight, l2);
        add_side(&s, false_sum, false_weight, l2);
        num[b] += s.num;
        den[b] += s.den;
    }
}

void histogram_score(const double *hist, uint32_t n_bins, uint32_t dim, bool one_hot, double l2, double *num,
                     double *den)
{
    if (dim == 1 && !one_hot) {
        score_one(hist, n_bins, l2, num, den);
        return;
    }
    for (uint32_t d = 0; d < dim; d++) {
        score_output(hist, n_bins, dim, d, one_hot, l2, num, den);
    }
}

void histogram_score_bits(const double *hist, uint32_t n_bits, uint32_t dim, double l2, double *num, double *den)
{
    size_t width = (size_t)dim + 1, n_bins = (size_t)1 << n_bits;
    for (uint32_t d = 0; d < dim; d++) {
        for (uint32_t k = 0; k < n_bits; k++) {
            double sums[2] = {0, 0}, weights[2] = {0, 0};
            for (size_t b = 0; b < n_bins; b++) {
                sums[b >> k & 1] += hist[b * width + d];
                weights[b >> k & 1] += hist[b * width + dim];
            }
            struct share s = {0, 0};
            add_side(&s, sums[1], weights[1], l2);
            add_side(&s, sums[0], weights[0], l2);
            num[k] += s.num;
            den[k] += s.den;
        }
    }
}
