/* Gradient histograms of columns within one leaf, and what every split of a column is worth there.
 *
 * A histogram is double[n_bins][dim + 1]: sums of the weighted derivative of each output, then the sum of weights. Sums
 * are taken in the order of the rows given, so they do not depend on threads. Thread-safe. */
#ifndef MRC_TRAIN_HISTOGRAM_H
#define MRC_TRAIN_HISTOGRAM_H

#include "train/pool.h"

/* Histograms of 1 … BLOCK_COLUMNS columns in one walk over the rows; fastest when all are bytes of one stride. */
struct histogram_set {
    uint32_t n;
    struct column columns[BLOCK_COLUMNS];
    uint32_t n_bins[BLOCK_COLUMNS];
    double *hist[BLOCK_COLUMNS];
};

/* Rows with their derivatives, gradients[k][width] beside rows[k]: width is dim + 1 with a weight at the end, or dim
 * where all weigh 1. rows may be read up to HISTOGRAM_AHEAD beyond the end of what is summed. */
enum { HISTOGRAM_AHEAD = 32 };
struct histogram_rows {
    uint32_t dim, width;
    const uint32_t *rows;
    const double *gradients;
};
void histogram_clear(const struct histogram_set *set, uint32_t dim);
/* Add rows [begin, end) to each hist. */
void histogram_add(const struct histogram_set *set, const struct histogram_rows *from, size_t begin, size_t end);
/* parent -= child, or the same and swap the two when swap is set. */
void histogram_subtract(double *parent, double *child, uint32_t n_bins, uint32_t dim, bool swap);
/* Add this leaf's share of each split's score: num[k] += sum of v S, den[k] += sum of v^2 W over both sides, where
 * v = S / (W + l2). Ordered columns have n_bins - 1 splits "bin > k", one-hot columns n_bins splits "bin is k". */
void histogram_score(const double *hist, uint32_t n_bins, uint32_t dim, bool one_hot, double l2, double *num,
                     double *den);
/* The same for a column of bits: split k is "bit k is set", hist has 2^n_bits bins. n_bits <= 8. */
void histogram_score_bits(const double *hist, uint32_t n_bits, uint32_t dim, double l2, double *num, double *den);

/* ---- one output, ordered bins: by vectors ---------------------------------------------------------------------- */

enum { HISTOGRAM_FAST_BINS = 256 };
/* What two leaves' histograms a and b hold before they are scored. */
enum histogram_pair {
    HISTOGRAM_BOTH,        /* each its own rows */
    HISTOGRAM_LEAST_FIRST, /* a: both leaves', b: the first leaf's; afterwards each its own */
    HISTOGRAM_LEAST_SECOND /* a: both leaves', b: the second leaf's; afterwards each its own */
};
struct histogram_kernels {
    /* Subtract when asked to, and add both leaves' shares; 2 <= n_bins <= HISTOGRAM_FAST_BINS, one output. Without
     * keep a and b need not hold each its own afterwards. */
    void (*score_pair)(double *a, double *b, enum histogram_pair how, bool keep, uint32_t n_bins, double l2,
                       double *num, double *den);
    /* scores[k] = num[k] / sqrt(den[k]) */
    void (*cosine)(const double *num, const double *den, uint32_t n, double *scores);
};
extern const struct histogram_kernels histogram_plain, histogram_avx2, histogram_avx512;
/* The fastest for this processor; all give the same bits. */
const struct histogram_kernels *histogram_kernels(void);

#endif
