/* Building, subtracting and scoring gradient histograms. */
#include "train/histogram.h"

#include <string.h>

/* A bin's sum of derivatives and of weights, added to as one. */
typedef double pair __attribute__((vector_size(16)));

/* n columns of bytes, one output. */
static inline void build_bytes(const struct histogram_set *set, uint32_t n, const struct histogram_rows *from,
                               bool weighed, size_t begin, size_t end)
{
    const uint8_t *bins[BLOCK_COLUMNS];
    pair *hist[BLOCK_COLUMNS];
    const uint32_t *rows = from->rows;
    size_t stride = set->columns[0].stride;
    for (uint32_t j = 0; j < n; j++) {
        bins[j] = set->columns[j].u8;
        hist[j] = (pair *)(void *)set->hist[j];
    }
    for (size_t k = begin; k < end; k++) {
        size_t at = rows[k] * stride;
        pair g = {weighed ? from->gradients[2 * k] : from->gradients[k], weighed ? from->gradients[2 * k + 1] : 1};
        __builtin_prefetch(bins[0] + rows[k + HISTOGRAM_AHEAD] * stride);
        for (uint32_t j = 0; j < n; j++) {
            hist[j][bins[j][at]] += g;
        }
    }
}

/* A loop for each number of columns, unrolled. */
static inline void build_block(const struct histogram_set *set, const struct histogram_rows *from, bool weighed,
                               size_t begin, size_t end)
{
    switch (set->n) {
    case 1:
        build_bytes(set, 1, from, weighed, begin, end);
        break;
    case 2:
        build_bytes(set, 2, from, weighed, begin, end);
        break;
    case 3:
        build_bytes(set, 3, from, weighed, begin, end);
        break;
    case 4:
        build_bytes(set, 4, from, weighed, begin, end);
        break;
    case 5:
        build_bytes(set, 5, from, weighed, begin, end);
        break;
    case 6:
        build_bytes(set, 6, from, weighed, begin, end);
        break;
    case 7:
        build_bytes(set, 7, from, weighed, begin, end);
        break;
    default:
        build_bytes(set, 8, from, weighed, begin, end);
    }
}

/* Columns of bytes, several outputs: a row's derivatives stay in registers for all of them. */
static inline void add_outputs(const struct histogram_set *set, const struct histogram_rows *from, size_t dim,
                               size_t begin, size_t end)
{
    size_t width = from->width, stride = set->columns[0].stride;
    const uint32_t *rows = from->rows;
    for (size_t k = begin; k < end; k++) {
        const double *restrict g = from->gradients + k * width;
        double weight = width > dim ? g[dim] : 1;
        size_t at = rows[k] * stride;
        __builtin_prefetch(set->columns[0].u8 + rows[k + HISTOGRAM_AHEAD] * stride);
        for (uint32_t j = 0; j < set->n; j++) {
            double *restrict h = set->hist[j] + set->columns[j].u8[at] * (dim + 1);
            for (size_t d = 0; d < dim; d++) {
                h[d] += g[d];
            }
            h[dim] += weight;
        }
    }
}

/* A loop for each usual number of outputs, unrolled. */
static void add_block_outputs(const struct histogram_set *set, const struct histogram_rows *from, size_t begin,
                              size_t end)
{
    switch (from->dim) {
    case 2:
        add_outputs(set, from, 2, begin, end);
        break;
    case 3:
        add_outputs(set, from, 3, begin, end);
        break;
    case 4:
        add_outputs(set, from, 4, begin, end);
        break;
    default:
        add_outputs(set, from, from->dim, begin, end);
    }
}

static bool is_block(const struct histogram_set *set)
{
    for (uint32_t j = 0; j < set->n; j++) {
        if (!set->columns[j].u8 || set->columns[j].stride != set->columns[0].stride) {
            return false;
        }
    }
    return true;
}

void histogram_clear(const struct histogram_set *set, uint32_t dim)
{
    for (uint32_t j = 0; j < set->n; j++) {
        memset(set->hist[j], 0, set->n_bins[j] * ((size_t)dim + 1) * sizeof(double));
    }
}

void histogram_add(const struct histogram_set *set, const struct histogram_rows *from, size_t begin, size_t end)
{
    size_t dim = from->dim, width = from->width;
    bool weighed = width > dim;
    if (dim == 1 && is_block(set)) {
        if (weighed) {
            build_block(set, from, true, begin, end);
        } else {
            build_block(set, from, false, begin, end);
        }
        return;
    }
    if (is_block(set)) {
        add_block_outputs(set, from, begin, end);
        return;
    }
    for (uint32_t j = 0; j < set->n; j++) {
        for (size_t k = begin; k < end; k++) {
            double *h = set->hist[j] + column_at(&set->columns[j], from->rows[k]) * (dim + 1);
            for (size_t d = 0; d < dim; d++) {
                h[d] += from->gradients[k * width + d];
            }
            h[dim] += weighed ? from->gradients[k * width + dim] : 1;
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

/* Folding the bins in half, the upper half is what has the highest bit set. */
void histogram_score_bits(const double *hist, uint32_t n_bits, uint32_t dim, double l2, double *num, double *den)
{
    double sums[256], weights[256];
    size_t width = (size_t)dim + 1;
    for (uint32_t d = 0; d < dim; d++) {
        for (size_t b = 0; b < (size_t)1 << n_bits; b++) {
            sums[b] = hist[b * width + d];
            weights[b] = hist[b * width + dim];
        }
        for (uint32_t k = n_bits; k-- > 0;) {
            size_t half = (size_t)1 << k;
            double yes[2] = {0, 0}, no[2] = {0, 0};
            for (size_t b = 0; b < half; b++) {
                no[0] += sums[b];
                no[1] += weights[b];
                yes[0] += sums[b + half];
                yes[1] += weights[b + half];
                sums[b] += sums[b + half];
                weights[b] += weights[b + half];
            }
            struct share s = {0, 0};
            add_side(&s, yes[0], yes[1], l2);
            add_side(&s, no[0], no[1], l2);
            num[k] += s.num;
            den[k] += s.den;
        }
    }
}

const struct histogram_kernels *histogram_kernels(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
        return &histogram_avx512;
    }
    if (__builtin_cpu_supports("avx2")) {
        return &histogram_avx2;
    }
#endif
    return &histogram_plain;
}
