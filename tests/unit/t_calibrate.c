/* Interval offsets: order statistics by hand, coverage on fresh residuals, too few films. */
#include "tests/unit/check_main.h"

#include "common/forecast/calibrate.h"

#include <math.h>

static double at(const double *offsets, double level)
{
    for (size_t i = 0; i < CALIBRATE_LEVELS; i++) {
        if (fabs(calibrate_levels[i] - level) < 1e-9) {
            return offsets[i];
        }
    }
    ck_abort_msg("no level %g", level);
    return 0;
}

START_TEST(order_statistics)
{
    /* 99 residuals 1 … 99, shuffled: level p is the 100 p-th. */
    double r[99], offsets[CALIBRATE_LEVELS];
    struct mrc_err err = {0};
    for (int i = 0; i < 99; i++) {
        r[i] = (i * 37) % 99 + 1;
    }
    ck_assert_ok(calibrate_offsets(r, 99, offsets, &err), &err);
    ck_assert_double_eq(at(offsets, 0.05), 5);
    ck_assert_double_eq(at(offsets, 0.10), 10);
    ck_assert_double_eq(at(offsets, 0.50), 50);
    ck_assert_double_eq(at(offsets, 0.90), 90);
    ck_assert_double_eq(at(offsets, 0.95), 95);
    ck_assert_double_eq(at(offsets, 0.025), 2);  /* floor(2.5) */
    ck_assert_double_eq(at(offsets, 0.975), 98); /* ceil(97.5) */
}
END_TEST

START_TEST(few_residuals)
{
    double r[CALIBRATE_RESIDUALS_MIN], offsets[CALIBRATE_LEVELS];
    struct mrc_err err = {0};
    for (int i = 0; i < CALIBRATE_RESIDUALS_MIN; i++) {
        r[i] = i / 7.0;
    }
    ck_assert_fails(calibrate_offsets(r, CALIBRATE_RESIDUALS_MIN - 1, offsets, &err), &err, MRC_EFORMAT, "19 films");
    ck_assert_ok(calibrate_offsets(r, CALIBRATE_RESIDUALS_MIN, offsets, &err), &err);
    ck_assert_double_eq(at(offsets, 0.01), 0); /* beyond the data: the extreme */
    ck_assert_double_eq(at(offsets, 0.99), 2.7143);
    for (size_t i = 1; i < CALIBRATE_LEVELS; i++) {
        ck_assert_double_ge(offsets[i], offsets[i - 1]);
    }
}
END_TEST

static double next(uint64_t *s)
{
    *s = *s * 6364136223846793005u + 1442695040888963407u;
    return (double)(*s >> 11) * 0x1p-53;
}

START_TEST(holds_what_it_says)
{
    uint64_t seed = 7;
    int in = 0, all = 0;
    for (int round = 0; round < 400; round++) {
        double r[60], offsets[CALIBRATE_LEVELS];
        for (int i = 0; i < 60; i++) {
            double u = next(&seed);
            r[i] = u * u * u; /* skewed */
        }
        ck_assert_int_eq(calibrate_offsets(r, 60, offsets, NULL), MRC_OK);
        for (int i = 0; i < 20; i++) {
            double u = next(&seed), v = u * u * u;
            in += v >= at(offsets, 0.1) - 1e-4 && v <= at(offsets, 0.9) + 1e-4;
            all++;
        }
    }
    double share = (double)in / all;
    ck_assert_double_ge(share, 0.79);
    ck_assert_double_le(share, 0.85);
}
END_TEST

START_TEST(settled_scores)
{
    /* 400 scores around 3: their spread stays, their level goes, and a tenth as many new ones bring a level back. */
    struct scores s = {0};
    double before[CALIBRATE_LEVELS], after[CALIBRATE_LEVELS];
    struct mrc_err err = {0};
    for (int i = 0; i < 401; i++) {
        scores_add(&s, 100 + i, 3 + ((i * 37) % 401 - 200) / 100.0);
    }
    ck_assert_ok(scores_offsets(&s, before, &err), &err);
    ck_assert_ok(scores_settle(&s, after, &err), &err);
    for (int i = 0; i < CALIBRATE_LEVELS; i++) {
        ck_assert_double_eq_tol(after[i], before[i] - 3, 1e-9);
    }
    ck_assert_uint_eq(s.n, SCORES_SPREAD);
    ck_assert_int_eq(s.kept[0].date, 500);
    ck_assert_ok(scores_offsets(&s, before, &err), &err);
    for (int i = 0; i < CALIBRATE_LEVELS; i++) { /* a hundred of them tell nearly the same */
        ck_assert_double_eq_tol(after[i], before[i], 0.06);
    }
    ck_assert_double_eq_tol(at(before, 0.5), 0, 0.011);
    for (int i = 0; i < SCORES_SPREAD; i++) {
        scores_add(&s, 600 + i, 1.5 + ((i * 37) % 100 - 50) / 25.0);
    }
    ck_assert_ok(scores_offsets(&s, after, &err), &err);
    ck_assert_double_gt(at(after, 0.5), 0.5);
    /* Few scores stay as many. */
    s.n = 30;
    ck_assert_ok(scores_settle(&s, after, &err), &err);
    ck_assert_uint_eq(s.n, 30);
    ck_assert_double_eq_tol(at(after, 0.5), 0, 1e-9);
    s.n = 0;
    ck_assert_fails(scores_settle(&s, after, &err), &err, MRC_EFORMAT, "0 films");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("calibrate");
    TCase *t = tcase_create("calibrate");
    tcase_add_test(t, order_statistics);
    tcase_add_test(t, settled_scores);
    tcase_add_test(t, few_residuals);
    tcase_add_test(t, holds_what_it_says);
    suite_add_tcase(s, t);
    return check_main(s);
}
