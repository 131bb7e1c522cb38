/* Gradient histograms of a column within one leaf, and what every split of the column is worth there.
 *
 * A histogram is double[n_bins][dim + 1]: sums of the weighted derivative of each output, then the sum of weights. Sums
 * are taken in the order of the rows given, so they do not depend on threads. Thread-safe. */
#ifndef MRC_TRAIN_HISTOGRAM_H
#define MRC_TRAIN_HISTOGRAM_H

#include "train/pool.h"

/* Sum rows [begin, end) into hist, which is cleared first. gradients[k][dim + 1] belongs to rows[k]. */
void histogram_build(double *hist, const struct column *column, uint32_t n_bins, uint32_t dim, const uint32_t *rows,
                     const double *gradients, size_t begin, size_t end);
/* parent -= child, or the same and swap the two when swap is set. */
void histogram_subtract(double *parent, double *child, uint32_t n_bins, uint32_t dim, bool swap);
/* Add this leaf's share of each split's score: num[k] += sum of v S, den[k] += sum of v^2 W over both sides, where
 * v = S / (W + l2). Ordered columns have n_bins - 1 splits "bin > k", one-hot columns n_bins splits "bin is k". */
void histogram_score(const double *hist, uint32_t n_bins, uint32_t dim, bool one_hot, double l2, double *num,
                     double *den);
/* The same for a column of bits: split k is "bit k is set", hist has 2^n_bits bins. */
void histogram_score_bits(const double *hist, uint32_t n_bits, uint32_t dim, double l2, double *num, double *den);

#endif
