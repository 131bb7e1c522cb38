/* Days of the log as figures, tables and pictures; film weeks as errors. */
#include "tests/unit/logged.h"

#include "common/base/date.h"
#include "common/base/digest.h"
#include "common/base/file.h"
#include "fcgi/store_access.h"
#include "fcgi/store_films.h"
#include "fcgi/store_outcomes.h"
#include "fcgi/track.h"

#include <math.h>

static char folder[] = "/tmp/mrc_track_XXXXXX";
static struct store *state, *logs;
static struct arena arena;
static struct mrc_err err;
static const int64_t day_ms = 86400000;
static int32_t day;

static void setup(void)
{
    char path[128];
    memset(&err, 0, sizeof err);
    arena_init(&arena, 0);
    memcpy(strrchr(folder, '_'), "_XXXXXX", 8);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_ok(digest_start(&err), &err);
    snprintf(path, sizeof path, "%s/state.db", folder);
    ck_assert_ok(store_open(&state, STORE_STATE, path, &err), &err);
    snprintf(path, sizeof path, "%s/log.db", folder);
    ck_assert_ok(store_open(&logs, STORE_LOG, path, &err), &err);
    day = date_from_civil(2026, 11, 4); /* a Wednesday */
}

static void teardown(void)
{
    store_close(state);
    store_close(logs);
    arena_release(&arena);
    ck_assert_ok(folder_remove(folder, &err), &err);
}

static double figure(const struct mlflow_metric *m, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(m[i].key, key) == 0) {
            return m[i].value;
        }
    }
    ck_abort_msg("no figure %s", key);
    return 0;
}

START_TEST(a_day_is_what_the_log_says)
{
    enum { N = 1203 }; /* more than two pages */
    static char row[N][80];
    struct track_day d;
    struct mlflow_metric m[TRACK_FIGURES];
    int64_t at = (int64_t)day * day_ms;
    logged(logs, at - 1, "0001", "{}", 7, 10);      /* the day before */
    logged(logs, at + day_ms, "0001", "{}", 7, 10); /* the day after */
    for (int i = 0; i < N; i++) {
        snprintf(row[i], sizeof row[i], "{\"title\":\"F%d\"%s}", i % 50, i % 2 ? ",\"screens\":5" : "");
        logged(logs, at + i * 71000, i % 3 ? "0002" : "0001", row[i], 1000.0 * (i + 1), 10);
    }
    ck_assert_ok(track_day_read(logs, "first-week", day, 3, NULL, &d, &err), &err);
    ck_assert_uint_eq(d.n, 2);
    struct track_version *v = strcmp(d.versions[0].version, "0001") == 0 ? &d.versions[0] : &d.versions[1];
    ck_assert_uint_eq(v->n, (N + 2) / 3);
    ck_assert_uint_eq(v->n_sample, 3);
    size_t n = track_figures(v, day, 4, m);
    ck_assert_double_eq(figure(m, n, "predictions/count"), (N + 2) / 3);
    ck_assert_double_eq(figure(m, n, "predictions/films"), 50);
    ck_assert_double_eq_tol(figure(m, n, "predictions/share_with_screens"), 0.5, 0.01);
    ck_assert_double_eq_tol(figure(m, n, "prediction/mean"), 601000, 1e-6);
    ck_assert_double_eq_tol(figure(m, n, "prediction/p50"), 601000, 1e-6);
    ck_assert_double_eq_tol(figure(m, n, "interval/mean_width_log10"), 2, 1e-12);
    ck_assert_double_eq(figure(m, n, "latency_ms/p99"), 2);
    ck_assert_int_eq(m[0].step, 4);
    ck_assert_int_eq(m[0].time_ms, at);
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    track_table(v, &b);
    struct json_doc *doc;
    ck_assert_ok(json_read(&doc, buf_text(&b), &json_limits_file, NULL, &err), &err);
    double total = 0, count;
    for (const struct json *r = json_first(json_find(json_root(doc), "data")); r != NULL; r = json_next(r)) {
        ck_assert(json_double(json_at(r, 2), &count));
        total += count;
    }
    ck_assert_double_eq(total, (double)v->n);
    json_free(doc);
    buf_reset(&b);
    track_picture(v, day, &b);
    ck_assert_ptr_nonnull(strstr(b.p, "2026-11-04: 401 predictions"));
    ck_assert_ptr_nonnull(strstr(b.p, "</svg>"));
    ck_assert_ptr_null(strstr(v->sample.p, "\"u\"")); /* nobody's name */
    buf_release(&b);
    track_day_release(&d);
    ck_assert_ok(track_day_read(logs, "other", day, 3, NULL, &d, &err), &err);
    ck_assert_uint_eq(d.n, 0);
}
END_TEST

/* A film of these days, on the schema of the version that the checkout ships. */
static void ask(int32_t on, const char *version, int film, double budget, int screens)
{
    char row[400], date[DATE_TEXT];
    date_format(day + 7 * (film % 5), date);
    snprintf(row, sizeof row,
             "{\"title\":\"Film %d\",\"release_date\":\"%s\",\"genres\":[\"%s\"],\"countries\":[\"FR\"],"
             "\"distributor\":\"%s\",\"duration_min\":%d,\"budget\":%.0f,\"screens\":%d}",
             film, date, film % 2 ? "Drame" : "Comédie", film % 10 ? "Pathé" : "Maison inconnue", 80 + film % 40,
             budget, screens);
    logged(logs, (int64_t)on * day_ms + 1000 * film, version, row, 1000, 10);
}

static int refuse(void *arg, struct mrc_err *e)
{
    return --*(int *)arg < 0 ? mrc_fail(e, MRC_ECONFLICT, "lost") : MRC_OK;
}

START_TEST(films_of_four_weeks_are_compared_with_the_reference)
{
    static const char versions[] = "models/first-week";
    struct track_drift d;
    struct mlflow_metric m[TRACK_FIGURES], again[TRACK_FIGURES];
    const struct mlflow_metric *budget = NULL;
    for (int i = 0; i < 60; i++) { /* all cost far more than what was learnt from; asked about twice */
        ask(day - i % TRACK_WINDOW_DAYS, "0002", i, 4e8 + i, 300);
        ask(day, "0002", i, 5e8 + i, 300 + i);
    }
    ask(day - TRACK_WINDOW_DAYS, "0002", 100, 1e6, 300); /* before the window, after it, of another version */
    ask(day + 1, "0002", 101, 1e6, 300);
    ask(day, "0001", 102, 1e6, 300);
    ck_assert_ok(track_drift_read(logs, versions, "first-week", "0002", day, NULL, &d, &err), &err);
    size_t n = track_drift_figures(&d, day, 4, m);
    ck_assert_uint_le(n, TRACK_FIGURES - 10);
    ck_assert_double_eq(figure(m, n, "drift/films"), 60);
    ck_assert_double_eq(figure(m, n, "drift/days"), TRACK_WINDOW_DAYS);
    ck_assert_double_eq_tol(figure(m, n, "drift/unseen_value_rate"), 0.1, 1e-12);
    ck_assert_double_gt(figure(m, n, "drift/missing_rate"), 0); /* nobody was named */
    ck_assert_double_gt(figure(m, n, "drift/features_drifting"), 3);
    ck_assert_double_gt(figure(m, n, "drift/share_by_importance"), 0.2);
    ck_assert_double_le(figure(m, n, "drift/share_by_importance"), 1);
    for (size_t k = 0; k < d.report.n; k++) {
        const struct drift_figure *f = &d.report.figures[k];
        if (str_is(f->feature->name, "budget")) {
            ck_assert_double_eq_tol(f->effect, (log10(5e8 * 1.0) - 6.9488) / 0.5855, 0.1); /* the later row */
            ck_assert_int_eq(f->state, DRIFT_STRONG);
        }
        ck_assert(!str_is(f->feature->name, "year") || f->dated);
        ck_assert(!str_is(f->feature->name, "di_mean") || !f->dated);
    }
    for (size_t i = 0; i < n; i++) {
        budget = strcmp(m[i].key, "drift/effect_budget") == 0 ? &m[i] : budget;
        ck_assert_ptr_null(strstr(m[i].key, "year"));
        ck_assert_int_eq(m[i].step, 4);
        ck_assert_int_eq(m[i].time_ms, (int64_t)day * day_ms);
    }
    ck_assert_ptr_nonnull(budget);
    struct buf b;
    struct json_doc *doc;
    buf_init(&b, NULL, 1 << 20);
    track_drift_table(&d, &b);
    ck_assert_ok(json_read(&doc, buf_text(&b), &json_limits_file, NULL, &err), &err);
    const struct json *rows = json_find(json_root(doc), "data");
    ck_assert_uint_eq(json_count(rows), d.report.n);
    double last = 101, importance;
    for (const struct json *r = json_first(rows); r != NULL; r = json_next(r)) {
        ck_assert_uint_eq(json_count(r), json_count(json_find(json_root(doc), "columns")));
        ck_assert(json_double(json_at(r, 1), &importance) && importance <= last);
        last = importance;
    }
    json_free(doc);
    buf_reset(&b);
    track_drift_picture(&d, day, &b);
    ck_assert_ptr_nonnull(strstr(b.p, "60 films of 28 days to 2026-11-04"));
    ck_assert_ptr_nonnull(strstr(b.p, ">budget<"));
    ck_assert_ptr_nonnull(strstr(b.p, "</svg>"));
    buf_release(&b);
    struct track_drift same;
    ck_assert_ok(track_drift_read(logs, versions, "first-week", "0002", day, NULL, &same, &err), &err);
    ck_assert_uint_eq(track_drift_figures(&same, day, 4, again), n);
    for (size_t i = 0; i < n; i++) {
        ck_assert_str_eq(m[i].key, again[i].key);
        ck_assert_double_eq(m[i].value, again[i].value);
    }
    track_drift_release(&same);
    track_drift_release(&d);
}
END_TEST

START_TEST(what_cannot_be_compared_is_told)
{
    struct track_drift d;
    int pages = 3;
    const struct track_hold hold = {refuse, &pages};
    ask(day, "0009", 1, 1e6, 300);
    ask(day, "0002", 1, 1e6, 300);
    ck_assert_int_eq(track_drift_read(logs, "models/first-week", "first-week", "0009", day, NULL, &d, &err),
                     MRC_ENOTFOUND);
    ck_assert_int_eq(track_drift_read(logs, "models/first-week", "first-week", "../0002", day, NULL, &d, &err),
                     MRC_ENOTFOUND);
    ck_assert_int_eq(track_drift_read(logs, "models/first-week", "first-week", "0002", day - 1, NULL, &d, &err),
                     MRC_ENOTFOUND);
    ck_assert_int_eq(track_drift_read(logs, "models/first-week", "first-week", "0002", day, &hold, &d, &err),
                     MRC_ECONFLICT);
    ck_assert_ok(track_drift_read(logs, "models/first-week", "first-week", "0002", day, NULL, &d, &err), &err);
    struct mlflow_metric m[TRACK_FIGURES];
    size_t n = track_drift_figures(&d, day, 0, m); /* one film: what is counted, nothing that is tested */
    ck_assert_double_eq(figure(m, n, "drift/films"), 1);
    ck_assert_double_eq(figure(m, n, "drift/features_tested"), 0);
    for (size_t i = 0; i < n; i++) {
        ck_assert_ptr_null(strstr(m[i].key, "effect"));
        ck_assert_ptr_null(strstr(m[i].key, "share"));
    }
    track_drift_release(&d);
}
END_TEST

static void report(const char *title, const char *date, int64_t entries, bool provisional)
{
    char id[UUID_TEXT];
    uuid7(1, id);
    const struct outcome o = {.id = str_of(id),
                              .title_key = film_title_key(&arena, str_of(title)),
                              .release_date = str_of(date),
                              .week = STR("2026-11-04"),
                              .title = str_of(title),
                              .film_id = STR(""),
                              .entries = entries,
                              .provisional = provisional,
                              .source = STR("test"),
                              .plausibility = STR("plausible"),
                              .row_json = STR(""),
                              .revision = 1,
                              .user_id = STR("u"),
                              .request_id = STR("r"),
                              .reported_ms = 1};
    ck_assert_ok(store_begin(state, &err), &err);
    ck_assert_ok(store_outcome_add(state, &o, &err), &err);
    ck_assert_ok(store_commit(state, &err), &err);
}

START_TEST(a_week_compares_the_last_forecast_before_release)
{
    static const char film[] = "{\"title\":\"L'ÉTÉ\",\"release_date\":\"2026-11-04\"}";
    static const char other[] = "{\"title\":\"Autre\",\"release_date\":\"2026-11-06\"}";
    struct track_error e[TRACK_VERSIONS_MAX];
    struct mlflow_metric m[TRACK_FIGURES];
    size_t n;
    int64_t at = (int64_t)day * day_ms;
    logged(logs, at - 60 * day_ms, "0001", film, 1, 10);  /* too long ago */
    logged(logs, at - 20 * day_ms, "0001", film, 10, 10); /* not the last one */
    logged(logs, at - 2 * day_ms, "0001", film, 10000, 10);
    logged(logs, at + 1, "0001", film, 1000, 10); /* after the release */
    logged(logs, at - day_ms, "0001", other, 1e6, 10);
    logged(logs, at - day_ms, "0002", other, 2000, 10);
    logged(logs, at - day_ms, "0002", "{\"title\":\"Sans nouvelles\",\"release_date\":\"2026-11-04\"}", 5, 10);
    report("l'été", "2026-11-04", 1000, false);
    report("AUTRE", "2026-11-06", 2000, false);
    report("Provisoire", "2026-11-04", 2000, true);
    ck_assert_ok(track_week_read(state, logs, "first-week", day, NULL, e, &n, &err), &err);
    ck_assert_uint_eq(n, 2);
    const struct track_error *one = strcmp(e[0].version, "0001") == 0 ? &e[0] : &e[1],
                             *two = one == &e[0] ? &e[1] : &e[0];
    ck_assert_uint_eq(one->films, 2);
    size_t k = track_errors(one, day, 3, m);
    ck_assert_double_eq_tol(figure(m, k, "realised/bias_log10"), (1 + log10(500)) / 2, 1e-12);
    ck_assert_double_eq_tol(figure(m, k, "realised/mape"), (9.0 + 499) / 2, 1e-9);
    ck_assert_double_eq(figure(m, k, "realised/coverage_80"), 0.5);
    k = track_errors(two, day, 3, m);
    ck_assert_double_eq(figure(m, k, "realised/films"), 1);
    ck_assert_double_eq(figure(m, k, "realised/mae_log10"), 0);
    ck_assert_ok(track_week_read(state, logs, "first-week", day + 7, NULL, e, &n, &err), &err);
    ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(a_day_is_closed_ten_minutes_after_it)
{
    const int64_t midnight = (int64_t)(day + 1) * day_ms;
    ck_assert(!track_closed(day, 1, midnight));
    ck_assert(!track_closed(day, 1, midnight + 10 * 60000 - 1));
    ck_assert(track_closed(day, 1, midnight + 10 * 60000));
    ck_assert(!track_closed(day, 28, midnight + 10 * 60000));
    ck_assert(track_closed(day, 28, midnight + 27 * day_ms + 10 * 60000));
    ck_assert(!track_closed(DATE_NONE, 1, midnight));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("track");
    TCase *t = tcase_create("figures");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_day_is_what_the_log_says);
    tcase_add_test(t, films_of_four_weeks_are_compared_with_the_reference);
    tcase_add_test(t, what_cannot_be_compared_is_told);
    tcase_add_test(t, a_week_compares_the_last_forecast_before_release);
    tcase_add_test(t, a_day_is_closed_ten_minutes_after_it);
    suite_add_tcase(s, t);
    return check_main(s);
}
