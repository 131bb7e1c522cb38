/* Normal quantiles by Halley's method on erfc, and interpolation of calibrated offsets along them. */
#include "common/forecast/quantile.h"

#include <math.h>

double normal_quantile(double p)
{
    static const double root_half = 0.70710678118654752440, root_two_pi = 2.50662827463100050242;
    if (p > 0.5) {
        return -normal_quantile(1 - p); /* the lower tail keeps its digits */
    }
    if (p == 0.5) {
        return 0;
    }
    /* Start from the logistic's quantile near the middle and the tail's leading term far out. */
    double z = p > 0.01 ? log(p / (1 - p)) / 1.702 : -sqrt(-2 * log(p) - log(-2 * log(p)) - log(6.283185307179586));
    for (int i = 0; i < 6; i++) {
        double below = 0.5 * erfc(-z * root_half);
        double density = exp(-0.5 * z * z) / root_two_pi;
        double step = (below - p) / density;
        z -= step / (1 + 0.5 * z * step);
    }
    return z;
}

double offset_at(const double *z, const double *offsets, uint32_t n, double at)
{
    uint32_t i = 1; /* the pair (i - 1, i) holds `at`, or is the outermost on its side */
    while (i + 1 < n && at > z[i]) {
        i++;
    }
    if (at == z[i]) {
        return offsets[i];
    }
    double share = (at - z[i - 1]) / (z[i] - z[i - 1]);
    return offsets[i - 1] + share * (offsets[i] - offsets[i - 1]);
}
