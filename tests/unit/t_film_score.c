/* Scores of film forecasts against figures worked out by hand, and their text. */
#include "tests/unit/check_main.h"

#include "train/film_score.h"

#include <math.h>

START_TEST(by_hand)
{
    const struct film_outcome o[] = {
        {.truth = 100, .forecast = 1000, .low80 = 10, .high80 = 99, .low90 = 1, .high90 = 100},
        {.truth = 10000, .forecast = 10000, .low80 = 9000, .high80 = 11000, .low90 = 1, .high90 = 1e9},
        {.truth = 1000, .forecast = 500, .low80 = 400, .high80 = 1000, .low90 = 1001, .high90 = 2000},
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
    ck_assert_double_eq_tol(s.cover80, 2.0 / 3, 1e-12);
    ck_assert_double_eq_tol(s.cover90, 2.0 / 3, 1e-12);
    double missed = 10 * (2 - log10(99)); /* the first film, above its interval */
    ck_assert_double_eq_tol(s.score80, (log10(99) - 1 + missed + log10(11.0 / 9) + log10(2.5)) / 3, 1e-12);
    missed = 20 * (log10(1001) - 3); /* the third, below */
    ck_assert_double_eq_tol(s.score90, (2 + 9 + log10(2000) - log10(1001) + missed) / 3, 1e-12);
    ck_assert_double_eq_tol(s.spearman, 0.5, 1e-12); /* ranks 1 2 0 and 0 2 1 */
}
END_TEST

START_TEST(edges)
{
    struct film_score s;
    struct mrc_err err = {0};
    ck_assert_fails(film_score(NULL, 0, &s, &err), &err, MRC_EFORMAT, "no films");
    /* No tickets count as one; equal truths have no R2; a rule without intervals has no coverage. */
    const struct film_outcome o[] = {{.truth = 0, .forecast = 0, .low80 = NAN, .low90 = NAN},
                                     {.truth = 1, .forecast = 10, .low80 = NAN, .low90 = NAN}};
    ck_assert_ok(film_score(o, 2, &s, &err), &err);
    ck_assert(isnan(s.r2_log));
    ck_assert(isnan(s.cover80) && isnan(s.cover90) && isnan(s.score80) && isnan(s.score90));
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
                           .cover80 = NAN,
                           .cover90 = 0.9};
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
