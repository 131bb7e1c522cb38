/* Metrics that are no losses, by hand; and which loss they fit. */
#include "tests/unit/check_main.h"

#include "train/metric.h"

#include <math.h>

static double value(const char *name, uint32_t dim, size_t n, const double *approx, const float *target,
                    const float *weight)
{
    struct metric m;
    struct mrc_err err = {0};
    double out;
    ck_assert_ok(metric_parse(&m, str_of(name), &err), &err);
    ck_assert_ok(metric_value(&m, dim, n, approx, target, weight, 1, &out, &err), &err);
    return out;
}

START_TEST(by_hand)
{
    static const double scores[] = {-1, 0.5, 0.5, 2, -3};
    static const float labels[] = {0, 0, 1, 1, 1}, weights[] = {1, 2, 1, 1, 3};
    /* pairs of a 1 and a 0: (0.5, -1) yes, (0.5, 0.5) half, (2, -1) yes, (2, 0.5) yes, (-3, …) no, no */
    ck_assert_double_eq_tol(value("AUC", 1, 5, scores, labels, NULL), 3.5 / 6, 1e-15);
    /* weights of the pairs: 1, 2 / 2, 1, 2; all pairs 5 * 3 */
    ck_assert_double_eq_tol(value("AUC", 1, 5, scores, labels, weights), 5.0 / 15, 1e-15);
    ck_assert_double_eq(value("AUC", 1, 2, scores, labels, NULL), 0); /* one class only */
    ck_assert_double_eq_tol(value("Accuracy", 1, 5, scores, labels, NULL), 3.0 / 5, 1e-15);
    ck_assert_double_eq_tol(value("Accuracy", 1, 5, scores, labels, weights), 3.0 / 8, 1e-15);
    static const double y[] = {1, 3, 2, 2};
    static const float t[] = {1, 2, 3, 2}, w[] = {1, 1, 0, 2};
    ck_assert_double_eq_tol(value("R2", 1, 4, y, t, NULL), 1 - 2.0 / 2, 1e-15);
    /* mean 7 / 4; errors 1; spread 9/16 + 1/16 + 2/16 */
    ck_assert_double_eq_tol(value("R2", 1, 4, y, t, w), 1 - 1 / 0.75, 1e-15);
    static const double three[] = {3, 0, 0, /* output 1: */ 1, 1, 0, /* 2: */ 0, 2, 0};
    static const float classes[] = {0, 1, 0};
    ck_assert_double_eq_tol(value("Accuracy", 3, 3, three, classes, NULL), 2.0 / 3, 1e-15);
    ck_assert_double_eq_tol(value("RMSE", 1, 4, y, t, NULL), sqrt(0.5), 1e-15);
}
END_TEST

START_TEST(fits)
{
    static const struct {
        const char *metric, *loss;
        uint32_t outputs, classes;
        bool fits, rises, same;
    } cases[] = {
        {"RMSE", "RMSE", 1, 0, true, false, true},
        {"MAE", "RMSE", 1, 0, true, false, false},
        {"R2", "MAE", 1, 0, true, true, false},
        {"AUC", "Logloss", 1, 2, true, true, false},
        {"AUC", "RMSE", 1, 0, false, true, false},
        {"AUC", "MultiClass", 3, 3, false, true, false},
        {"Accuracy", "MultiClass", 3, 3, true, true, false},
        {"Accuracy", "MultiQuantile:alpha=0.1,0.9", 2, 0, false, true, false},
        {"R2", "Logloss", 1, 2, false, true, false},
        {"Quantile:alpha=0.9", "Quantile:alpha=0.9", 1, 0, true, false, true},
        {"Quantile:alpha=0.8", "Quantile:alpha=0.9", 1, 0, true, false, false},
        {"RMSE", "MultiClass", 3, 3, false, false, false},
        {"MultiClass", "RMSE", 1, 0, false, false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct metric m;
        struct loss loss;
        struct mrc_err err = {0};
        ck_assert_ok(metric_parse(&m, str_of(cases[i].metric), &err), &err);
        ck_assert_ok(loss_parse(&loss, str_of(cases[i].loss), &err), &err);
        bool ok = metric_misfit(&m, &loss, cases[i].outputs, cases[i].classes) == NULL;
        ck_assert_msg(ok == cases[i].fits && metric_rises(&m) == cases[i].rises &&
                          metric_is_loss(&m, &loss) == cases[i].same,
                      "%s for %s", cases[i].metric, cases[i].loss);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("metric");
    TCase *t = tcase_create("metric");
    tcase_add_test(t, by_hand);
    tcase_add_test(t, fits);
    suite_add_tcase(s, t);
    return check_main(s);
}
