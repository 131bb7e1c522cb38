/* Calibrated offsets of a forecast at any quantile. Pure functions, thread-safe. */
#ifndef MRC_FORECAST_QUANTILE_H
#define MRC_FORECAST_QUANTILE_H

#include <stdint.h>

/* Quantile of the standard normal distribution, p in (0,1), to about 1e-15 relative. */
double normal_quantile(double p);

/* Offset at normal quantile z, linear between the n >= 2 known ones (z ascending, offsets not descending) and along the
 * first or last two beyond them. Not descending in z; exact at the known ones. */
double offset_at(const double *z, const double *offsets, uint32_t n, double at);

#endif
