/* Two samples compared (stats.h). */
#include "common/forecast/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define EXACT_PATHS_MAX 1e7

double stats_quantile(const double *sorted, size_t n, double p)
{
    double at = p * (double)(n - 1);
    size_t i = (size_t)at;
    if (i + 1 >= n) {
        return sorted[n - 1];
    }
    return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

void stats_moments(const double *x, size_t n, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
    }
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        squares += (x[i] - *mean) * (x[i] - *mean);
    }
    *deviation = sqrt(squares / (double)n);
}

/* ---- Kolmogorov-Smirnov ---------------------------------------------------------------------------------------- */

double stats_ks_distance(const double *a, size_t n, const double *b, size_t m)
{
    double most = 0;
    size_t i = 0, j = 0;
    while (i < n && j < m) {
        double at = fmin(a[i], b[j]);
        while (i < n && a[i] <= at) {
            i++;
        }
        while (j < m && b[j] <= at) {
            j++;
        }
        most = fmax(most, fabs((double)i / (double)n - (double)j / (double)m));
    }
    return most;
}

double stats_ks_asymptotic(double distance, size_t n, size_t m)
{
    double e = sqrt((double)n * (double)m / (double)(n + m));
    double lambda = (e + 0.12 + 0.11 / e) * distance, sum = 0, sign = 1;
    if (lambda < 0.2) {
        return 1; /* the series converges slowly and is 1 to 13 digits */
    }
    for (int k = 1; k <= 100; k++, sign = -sign) {
        double term = exp(-2.0 * k * k * lambda * lambda);
        sum += sign * term;
        if (term < 1e-17) {
            break;
        }
    }
    return fmin(1, fmax(0, 2 * sum));
}

/* Share of the monotone lattice paths from (0,0) to (n,m) that leave the strip of width `distance`. Column by column;
 * u[j] is the share of paths to (i,j) that stayed inside, scaled so that it never grows beyond 1. */
static double outside_strip(double distance, size_t n, size_t m, double *u)
{
    size_t a = n < m ? n : m, b = n < m ? m : n;
    double fa = (double)a, fb = (double)b;
    double q = (0.5 + floor(distance * fa * fb - 1e-7)) / (fa * fb);
    for (size_t j = 0; j <= b; j++) {
        u[j] = (double)j / fb <= q ? 1 : 0;
    }
    for (size_t i = 1; i <= a; i++) {
        double w = (double)i / (double)(i + b);
        u[0] = (double)i / fa <= q ? w * u[0] : 0;
        for (size_t j = 1; j <= b; j++) {
            bool out = fabs((double)i / fa - (double)j / fb) > q;
            u[j] = out ? 0 : w * u[j] + u[j - 1];
        }
    }
    return 1 - u[b];
}

int stats_ks_probability(double distance, size_t n, size_t m, double *p, struct mrc_err *err)
{
    if ((double)n * (double)m > EXACT_PATHS_MAX) {
        *p = stats_ks_asymptotic(distance, n, m);
        return MRC_OK;
    }
    double *u = malloc(((n > m ? n : m) + 1) * sizeof *u);
    if (!u) {
        return mrc_fail(err, MRC_ENOMEM, "no memory to compare samples of %zu and %zu", n, m);
    }
    *p = fmin(1, fmax(0, outside_strip(distance, n, m, u)));
    free(u);
    return MRC_OK;
}

/* ---- distances ------------------------------------------------------------------------------------------------- */

double stats_wasserstein(const double *a, size_t n, const double *b, size_t m)
{
    double area = 0, last = 0;
    size_t i = 0, j = 0;
    while (i < n || j < m) {
        double at = j >= m || (i < n && a[i] <= b[j]) ? a[i] : b[j];
        area += fabs((double)i / (double)n - (double)j / (double)m) * (i + j ? at - last : 0);
        last = at;
        if (i < n && a[i] == at) {
            i++;
        } else {
            j++;
        }
    }
    return area;
}

static double sum_of(const double *x, size_t k)
{
    double sum = 0;
    for (size_t i = 0; i < k; i++) {
        sum += x[i];
    }
    return sum;
}

double stats_jensen_shannon(const double *p, const double *q, size_t k)
{
    double np = sum_of(p, k), nq = sum_of(q, k), bits = 0;
    for (size_t i = 0; i < k; i++) {
        double x = p[i] / np, y = q[i] / nq, middle = (x + y) / 2;
        bits += x > 0 ? x / 2 * log2(x / middle) : 0;
        bits += y > 0 ? y / 2 * log2(y / middle) : 0;
    }
    return sqrt(fmax(0, bits));
}

/* ---- chi-square ------------------------------------------------------------------------------------------------ */

/* Regularised upper incomplete gamma function: a series below a + 1, Lentz's continued fraction above. */
static double gamma_upper(double a, double x)
{
    if (!(x > 0)) {
        return 1;
    }
    double scale = exp(-x + a * log(x) - lgamma(a));
    if (x < a + 1) {
        double term = 1 / a, sum = term;
        for (int k = 1; k < 10000 && term > sum * 1e-17; k++) {
            term *= x / (a + k);
            sum += term;
        }
        return 1 - sum * scale;
    }
    double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
    for (int k = 1; k < 10000; k++) {
        double f = -k * (k - a);
        b += 2;
        d = f * d + b;
        d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
        c = b + f / c;
        c = fabs(c) < 1e-300 ? 1e-300 : c;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-16) {
            break;
        }
    }
    return scale * h;
}

double stats_chi2_tail(double x, double freedom)
{
    return gamma_upper(freedom / 2, x / 2);
}

static double part(double observed, double expected)
{
    return expected > 0 ? (observed - expected) * (observed - expected) / expected : 0;
}

struct stats_chi2 stats_chi2_test(const double *a, const double *b, size_t k)
{
    double n = sum_of(a, k), m = sum_of(b, k), total = n + m, other_a = 0, other_b = 0, sum = 0;
    size_t columns = 0;
    for (size_t i = 0; i < k; i++) {
        double both = a[i] + b[i];
        if (both * fmin(n, m) < 5 * total) {
            other_a += a[i];
            other_b += b[i];
        } else {
            sum += part(a[i], both * n / total) + part(b[i], both * m / total);
            columns++;
        }
    }
    if (other_a + other_b > 0) {
        double both = other_a + other_b;
        sum += part(other_a, both * n / total) + part(other_b, both * m / total);
        columns++;
    }
    struct stats_chi2 r = {.statistic = sum, .p = 1, .freedom = columns > 0 ? columns - 1 : 0};
    if (r.freedom > 0) {
        r.p = stats_chi2_tail(sum, (double)r.freedom);
    }
    return r;
}

void stats_adjust(const double *p, size_t n, double *adjusted)
{
    for (size_t i = 0; i < n; i++) {
        adjusted[i] = 1;
    }
    for (size_t j = 0; j < n; j++) {
        size_t rank = 0;
        for (size_t i = 0; i < n; i++) {
            rank += p[i] <= p[j];
        }
        double bound = p[j] * (double)n / (double)rank;
        for (size_t i = 0; i < n; i++) {
            if (p[i] <= p[j] && bound < adjusted[i]) {
                adjusted[i] = bound;
            }
        }
    }
}
