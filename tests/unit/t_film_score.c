/* Scores of film forecasts against figures worked out by hand, and their text. */
#include "tests/unit/check_main.h"

#include "train/film_score.h"

#include <math.h>

START_TEST(by_hand)
{
    /* quantiles .05 .10 .25 .50 .75 .90 .95 */
    const struct film_outcome o[] = {
        {100, 1000, true, {1, 10, 20, 30, 50, 99, 100}},
        {10000, 10000, true, {1, 9000, 9500, 10000, 10500, 11000, 1e9}},
        {1000, 500, true, {1001, 1010, 1100, 1200, 1300, 1500, 2000}},
    };
    struct film_score s;
    struct mrc_err err = {0};
    ck_assert_ok(film_score(o, 3, &s, &err), &err);
    /* logs 2, 4, 3 (mean 3, squares 2); errors 1, 0, -log10 2 */
    double d = log10(2);
    ck_assert_double_eq_tol(s.r2_log, 1 - (1 + d * d) / 2, 1e-12);
    ck_assert_double_eq_tol(s.rmse_log, sqrt((1 + d * d) / 3), 1e-12);
    ck_assert_double_eq_tol(s.bias_log, (1 - d) / 3, 1e-12);
    ck_assert_double_eq_tol(s.mae, 1400.0 / 3, 1e-9);
    ck_assert_double_eq_tol(s.median_ape, 0.5, 1e-12);
    ck_assert_double_eq_tol(s.within_2, 2.0 / 3, 1e-12); /* exactly half counts */
    ck_assert_double_eq_tol(s.wape, 1400.0 / 11100, 1e-12);
    const struct interval_score *half = &s.intervals[INTERVAL_50], *most = &s.intervals[INTERVAL_80],
                                *nearly = &s.intervals[INTERVAL_90];
    ck_assert_double_eq_tol(half->cover, 1.0 / 3, 1e-12);
    ck_assert_double_eq_tol(most->cover, 1.0 / 3, 1e-12);
    ck_assert_double_eq_tol(nearly->cover, 2.0 / 3, 1e-12); /* an end belongs to it */
    double width = (log10(9.9) + log10(11.0 / 9) + log10(1500.0 / 1010)) / 3;
    ck_assert_double_eq_tol(most->width, width, 1e-12);
    double missed = 10 * (2 - log10(99)) + 10 * (log10(1010) - 3); /* the first above, the third below */
    ck_assert_double_eq_tol(most->score, width + missed / 3, 1e-12);
    ck_assert_double_eq_tol(nearly->width, (2 + 9 + log10(2000.0 / 1001)) / 3, 1e-12);
    ck_assert_double_eq_tol(nearly->score, nearly->width + 20 * (log10(1001) - 3) / 3, 1e-12);
    double pinball = 0;
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < FORECAST_QUANTILES; k++) {
            double miss = log10(o[i].truth) - log10(o[i].quantiles[k]), p = forecast_quantile_levels[k];
            pinball += fmax(p * miss, (p - 1) * miss) / 21;
        }
    }
    ck_assert_double_eq_tol(s.pinball, pinball, 1e-12);
    ck_assert_double_eq_tol(s.spearman, 0.5, 1e-12); /* ranks 1 2 0 and 0 2 1 */
}
END_TEST

START_TEST(edges)
{
    struct film_score s;
    struct mrc_err err = {0};
    ck_assert_fails(film_score(NULL, 0, &s, &err), &err, MRC_EFORMAT, "no films");
    /* No tickets count as one; equal truths have no R2; a rule without intervals has no coverage. */
    const struct film_outcome o[] = {{.truth = 0, .forecast = 0}, {.truth = 1, .forecast = 10, .has_quantiles = true}};
    ck_assert_ok(film_score(o, 2, &s, &err), &err);
    ck_assert(isnan(s.r2_log));
    for (int k = 0; k < INTERVAL__COUNT; k++) {
        ck_assert(isnan(s.intervals[k].cover) && isnan(s.intervals[k].width) && isnan(s.intervals[k].score));
    }
    ck_assert(isnan(s.pinball));
    ck_assert_double_eq_tol(s.spearman, 1, 1e-12);
    ck_assert_double_eq_tol(s.bias_log, 0.5, 1e-12);
}
END_TEST

START_TEST(as_text)
{
    struct film_score s = {.films = 3,
                           .r2_log = 0.60449,
                           .rmse_log = 0.4,
                           .bias_log = -0.0166,
                           .mae = 91234.6,
                           .median_ape = 0.5,
                           .within_2 = 1,
                           .wape = 0.05,
                           .spearman = NAN,
                           .intervals = {[INTERVAL_80] = {NAN, 0.5, 1}, [INTERVAL_90] = {0.9, 0.75, 2}}};
    struct buf b;
    buf_init(&b, NULL, 4096);
    film_score_line(&b, "rule", &s);
    ck_assert(strstr(b.p, "  0.604  0.400 -0.017    91235    0.500  1.000  0.050        -    0.900\n") != NULL);
    buf_reset(&b);
    struct json_out w;
    json_out_init(&w, &b);
    json_open_object(&w);
    film_score_json(&w, &s);
    json_close_object(&w);
    ck_assert(strstr(b.p, "\"coverage_80\":null") != NULL);
    ck_assert(strstr(b.p, "\"bias_log10\":-0.0166") != NULL);
    buf_reset(&b);
    film_score_csv_heading(&b);
    buf_char(&b, '\n');
    film_score_csv(&b, &s);
    ck_assert(strstr(b.p, "films,r2_log10,rmse_log10,bias_log10,mae,median_ape,within_2,wape,spearman,") == b.p);
    ck_assert(strstr(b.p, "\n3,0.60449,0.4,-0.0166,91234.6,0.5,1,0.05,,0,0,0,0,,0.5,1,0.9,0.75,2") != NULL);
    buf_release(&b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("film_score");
    TCase *t = tcase_create("film_score");
    tcase_add_test(t, by_hand);
    tcase_add_test(t, edges);
    tcase_add_test(t, as_text);
    suite_add_tcase(s, t);
    return check_main(s);
}
