/* Two samples compared: quantiles, Kolmogorov-Smirnov, Wasserstein, Jensen-Shannon, chi-square.
 *
 * What drift (drift.h) is judged with; the formulas stand in the functions. Samples are finite numbers, sorted
 * ascending where it is said; counts are not negative. Nothing here allocates but stats_ks. */
#ifndef MRC_FORECAST_STATS_H
#define MRC_FORECAST_STATS_H

#include "common/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Quantile p in [0,1] of n > 0 sorted numbers, linear between order statistics (Hyndman and Fan's type 7). */
double stats_quantile(const double *sorted, size_t n, double p);
/* Mean and population standard deviation (÷ n) of n > 0 numbers. */
void stats_moments(const double *x, size_t n, double *mean, double *deviation);

/* Two-sided Kolmogorov-Smirnov statistic of two sorted samples: the largest distance of their distribution functions.
 */
double stats_ks_distance(const double *a, size_t n, const double *b, size_t m);
/* Its probability when both come from one distribution: exact by counting paths while n * m <= 10^7, else by the
 * asymptotic series with Stephens' correction. With ties it is too large rather than too small. MRC_ENOMEM. */
int stats_ks_probability(double distance, size_t n, size_t m, double *p, struct mrc_err *err) MRC_CHECKED;
double stats_ks_asymptotic(double distance, size_t n, size_t m);

/* First Wasserstein distance of two sorted samples: the area between their distribution functions. */
double stats_wasserstein(const double *a, size_t n, const double *b, size_t m);

/* Jensen-Shannon distance in base 2, 0 to 1, of two rows of k counts, each with a positive sum. */
double stats_jensen_shannon(const double *p, const double *q, size_t k);

/* Chi-square test that two rows of k counts come from one distribution, without continuity correction. Categories whose
 * pooled expected count in either row is below 5 are counted together. */
struct stats_chi2 {
    double statistic, p;
    size_t freedom; /* 0: nothing to compare, p = 1 */
};
struct stats_chi2 stats_chi2_test(const double *a, const double *b, size_t k);
/* Probability that a chi-square variable of that many degrees of freedom exceeds x. */
double stats_chi2_tail(double x, double freedom);

/* Probabilities of n tests made together, adjusted so that those up to a bound hold a share of false alarms of at most
 * that bound (Benjamini and Hochberg 1995). Quadratic in n; p and adjusted differ. */
void stats_adjust(const double *p, size_t n, double *adjusted);

#endif
