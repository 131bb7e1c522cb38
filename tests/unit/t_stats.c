/* Comparisons of two samples against values computed elsewhere, and how often they cry without a change. */
#include "tests/unit/check_main.h"

#include "common/forecast/stats.h"

#include <math.h>
#include <stdlib.h>

static double a[200], b[60];

static int ascending(const void *x, const void *y)
{
    double p = *(const double *)x, q = *(const double *)y;
    return (p > q) - (p < q);
}

/* Two low-discrepancy samples; the second is bent and shifted. */
static void samples(void)
{
    const double phi = 0.6180339887498949;
    for (int i = 1; i <= 200; i++) {
        a[i - 1] = 10 * (i * phi - floor(i * phi));
    }
    for (int j = 1; j <= 60; j++) {
        b[j - 1] = 10 * pow(j * phi - floor(j * phi), 1.3) + 0.5;
    }
    qsort(a, 200, sizeof *a, ascending);
    qsort(b, 60, sizeof *b, ascending);
}

START_TEST(numbers)
{
    struct mrc_err err = {0};
    double mean, sd, p;
    samples();
    stats_moments(a, 200, &mean, &sd);
    ck_assert_double_eq_tol(mean, 5.024158693644, 1e-11);
    ck_assert_double_eq_tol(sd, 2.879974423648, 1e-11);
    ck_assert_double_eq_tol(stats_quantile(a, 200, 0.1), 1.03014999244389, 1e-12);
    ck_assert_double_eq_tol(stats_quantile(a, 200, 0.25), 2.5299234405169986, 1e-12);
    ck_assert_double_eq_tol(stats_quantile(a, 200, 0.9), 8.989043794811213, 1e-12);
    ck_assert_double_eq(stats_quantile(a, 200, 0), a[0]);
    ck_assert_double_eq(stats_quantile(a, 200, 1), a[199]);
    double d = stats_ks_distance(a, 200, b, 60);
    ck_assert_double_eq_tol(d, 0.065, 1e-12);
    ck_assert_ok(stats_ks_probability(d, 200, 60, &p, &err), &err);
    ck_assert_double_eq_tol(p, 0.982970347371309, 1e-11);
    ck_assert_double_eq_tol(stats_ks_asymptotic(d, 200, 60), 0.9872722513, 1e-9);
    ck_assert_double_eq_tol(stats_wasserstein(a, 200, b, 60), 0.3112796784701797, 1e-12);
    ck_assert_double_eq_tol(stats_wasserstein(b, 60, a, 200), 0.3112796784701797, 1e-12);
}
END_TEST

START_TEST(kolmogorov_smirnov)
{
    static const struct {
        size_t n, m;
        double d, p;
    } cases[] = {{10, 10, 0.5, 0.16782134274394334},
                 {8, 6, 5.0 / 12, 0.46020646},
                 {200, 15, 725.0 / 3000, 0.3338291661561},
                 {2500, 60, 25480.0 / 150000, 0.0601635475302},
                 {2500, 180, 60980.0 / 450000, 0.0037586952233}};
    static const double x[] = {1, 2, 2, 3, 3, 3, 4, 5}, y[] = {2, 3, 4, 4, 5, 6};
    struct mrc_err err = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double p, other;
        ck_assert_ok(stats_ks_probability(cases[i].d, cases[i].n, cases[i].m, &p, &err), &err);
        ck_assert_ok(stats_ks_probability(cases[i].d, cases[i].m, cases[i].n, &other, &err), &err);
        ck_assert_double_eq_tol(p, cases[i].p, 1e-8);
        ck_assert_double_eq(p, other);
    }
    ck_assert_double_eq_tol(stats_ks_distance(x, 8, y, 6), 5.0 / 12, 1e-15);
    ck_assert_double_eq(stats_ks_distance(x, 8, x, 8), 0);
    ck_assert_double_eq(stats_wasserstein(x, 8, x, 8), 0);
}
END_TEST

START_TEST(counts)
{
    static const double ref[] = {120, 45, 30, 5, 0}, cur[] = {20, 15, 15, 6, 4};
    static const double more[] = {16, 18, 16, 14, 12, 12}, less[] = {16, 16, 16, 16, 16, 8};
    ck_assert_double_eq_tol(stats_jensen_shannon(ref, cur, 5), 0.2969299067, 1e-9);
    ck_assert_double_eq(stats_jensen_shannon(ref, ref, 5), 0);
    struct stats_chi2 r = stats_chi2_test(more, less, 6);
    ck_assert_double_eq_tol(r.statistic, 1.6224089636, 1e-9);
    ck_assert_uint_eq(r.freedom, 5);
    ck_assert_double_eq_tol(r.p, 0.8985262394, 1e-9);
    /* Categories too rare for the test count together: 5 + 6 and 0 + 4 of 260. */
    r = stats_chi2_test(ref, cur, 5);
    ck_assert_uint_eq(r.freedom, 3);
    r = stats_chi2_test(ref, ref, 1);
    ck_assert(r.freedom == 0 && r.p == 1);
    ck_assert_double_eq_tol(stats_chi2_tail(3.841458820694124, 1), 0.05, 1e-12);
    ck_assert_double_eq_tol(stats_chi2_tail(10, 4), 0.04042768, 1e-8);
    ck_assert_double_eq_tol(stats_chi2_tail(50, 30), 0.01240206, 1e-8);
    ck_assert_double_eq_tol(stats_chi2_tail(28.356601731601728, 4), 1.0560034290104256e-05, 1e-15);
    ck_assert_double_eq(stats_chi2_tail(0, 3), 1);
}
END_TEST

/* A part of one sample against the rest: 5 % of the tests may say that they differ. */
START_TEST(false_alarms)
{
    uint64_t state = 88172645463325252u;
    size_t alarms = 0;
    struct mrc_err err = {0};
    for (int split = 0; split < 1000; split++) {
        double x[300], *rest = x + 60, p;
        for (int i = 0; i < 300; i++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            x[i] = (double)(state >> 11) * 0x1p-53;
        }
        qsort(x, 60, sizeof *x, ascending);
        qsort(rest, 240, sizeof *x, ascending);
        ck_assert_ok(stats_ks_probability(stats_ks_distance(x, 60, rest, 240), 60, 240, &p, &err), &err);
        alarms += p <= 0.05;
    }
    ck_assert_uint_ge(alarms, 30);
    ck_assert_uint_le(alarms, 65);
}
END_TEST

START_TEST(adjusted_probabilities)
{
    const double p[] = {0.042, .001, .212, .039, .041, .008, .06, .216, .074, .205};
    const double expected[] = {.084, .01, .216, .084, .084, .04, .1, .216, .10571428571428572, .216};
    double adjusted[10];
    stats_adjust(p, 10, adjusted);
    for (int i = 0; i < 10; i++) {
        ck_assert_double_eq_tol(adjusted[i], expected[i], 1e-12);
    }
    stats_adjust((const double[]){0.7, 0.9}, 2, adjusted);
    ck_assert_double_eq(adjusted[0], 0.9);
    ck_assert_double_eq(adjusted[1], 0.9);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stats");
    TCase *c = tcase_create("stats");
    tcase_add_test(c, numbers);
    tcase_add_test(c, kolmogorov_smirnov);
    tcase_add_test(c, counts);
    tcase_add_test(c, adjusted_probabilities);
    tcase_add_test(c, false_alarms);
    suite_add_tcase(suite, c);
    return check_main(suite);
}
