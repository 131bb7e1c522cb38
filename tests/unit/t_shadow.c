/* A shadow version: predicts each row of the log once, as a request would, whatever happens to who does it; and what is
 * told of it. On SQLite and PostgreSQL. */
#include "tests/unit/app_answer.h"
#include "tests/unit/logged.h"
#include "tests/unit/pg_server.h"

#include "common/base/date.h"
#include "fcgi/retention.h"
#include "fcgi/shadow.h"
#include "fcgi/store_access.h"
#include "fcgi/store_admin.h"
#include "fcgi/store_films.h"
#include "fcgi/store_jobs.h"
#include "fcgi/store_outcomes.h"
#include "fcgi/store_shadow.h"

#include <math.h>
#include <unistd.h>

static struct fixture f;
static struct pg_server pg;
static int backend;
static struct mrc_err err;
static struct bundle *other; /* version 0002 */
static struct forecast_scratch *scratch;
static struct arena arena;
static int64_t clock_ms;

/* As the fixture's, but other leaves: 10^0.05 times as much for a short film, 10^0.25 for a long one. */
static const char other_model[] =
    "{\"features_info\":{\"float_features\":[{\"borders\":[100.5],\"feature_id\":\"duration\",\"feature_index\":0,"
    "\"flat_feature_index\":0,\"has_nans\":true,\"nan_value_treatment\":\"AsFalse\"}]},\"model_info\":{},"
    "\"oblivious_trees\":[{\"leaf_values\":[0.05,0.5],\"leaf_weights\":[1,1],\"splits\":[{\"border\":100.5,"
    "\"float_feature_index\":0,\"split_index\":0,\"split_type\":\"FloatFeature\"}]}],\"scale_and_bias\":[1,[5]]}";

static void build_other(const char *model_text)
{
    static const double levels[] = {0.1, 0.5, 0.9}, offsets[] = {-0.4, 0, 0.4};
    mrc_model *model = NULL;
    ck_assert_ok(mrc_model_open_mem(&model, model_text, strlen(model_text), &err), &err);
    const struct bundle_part_model part = {.name = "ahead",
                                           .file = "model.cbm",
                                           .features_file = "features.json",
                                           .features = STR(fixture_features),
                                           .model = model,
                                           .levels = levels,
                                           .offsets = offsets,
                                           .n_levels = 3};
    const struct bundle_parts parts = {.name = "first-week",
                                       .version = "0002",
                                       .created = "2026-11-25T00:00:00.000Z",
                                       .schema = STR(fixture_schema),
                                       .models = &part,
                                       .n_models = 1,
                                       .data_digest = "00",
                                       .rows_train = 1,
                                       .histories_as_of = 20500};
    const char *folder = fixture_path(&f, "models/first-week/0002");
    ck_assert_ok(bundle_build(folder, &parts, &err), &err);
    ck_assert_ok(bundle_open(&other, folder, &err), &err);
    ck_assert_ok(forecast_scratch_new(&scratch, other, &err), &err);
    mrc_model_free(model);
}

static void setup(void)
{
    ck_assert(pg.folder[0] == '\0' || pg_server_clear(&pg));
    fixture_state_url = fixture_log_url = backend == 1 ? pg.url : NULL;
    memset(&err, 0, sizeof err);
    fixture_open(&f, backend == 0);
    arena_init(&arena, 0);
    build_other(other_model);
    clock_ms = f.now_ms;
}

static void teardown(void)
{
    forecast_scratch_free(scratch);
    bundle_close(other);
    arena_release(&arena);
    fixture_close(&f);
}

static struct shadow_job job_of(const char *holder)
{
    return (struct shadow_job){
        .bundle = other, .scratch = scratch, .state = f.store, .log = f.log_store, .holder = holder};
}

/* Until nothing is left; how many pages that took. */
static int run(struct shadow_job *j, int64_t until_ms)
{
    int pages = 0, rc;
    do {
        rc = shadow_page(j, clock_ms, until_ms, &err);
        ck_assert_msg(rc >= 0, "%s", err.msg);
        pages++;
        clock_ms++;
    } while (rc == 1 && pages < 1000);
    return pages;
}

static struct shadow_row *kept(size_t *n)
{
    static const struct shadow_row first = {.prediction_id = {"", 0}, .model_name = {"", 0}, .version = {"", 0}};
    struct shadow_row *rows, *all = ARENA_ARRAY(&arena, 5000, struct shadow_row);
    const struct shadow_row *after = &first;
    size_t found = 7;
    *n = 0;
    while (found == 7 || *n == 0) { /* pages of a size that divides nothing here */
        ck_assert_ok(store_shadow_range(f.store, after, STR("~"), 7, &arena, &rows, &found, &err), &err);
        if (found == 0) {
            break;
        }
        memcpy(all + *n, rows, found * sizeof *rows);
        *n += found;
        after = &all[*n - 1];
    }
    return all;
}

START_TEST(as_a_request_would)
{
    static const char *const bodies[] = {
        ("{\"films\":[{\"title\":\"Été\",\"release_date\":\"2026-03-11\",\"duration_min\":90},"
         "{\"title\":\"B\",\"release_date\":\"2026-10-07\",\"duration_min\":131,\"genres\":[\"drama\",\"x\"]}]}"),
        "{\"title\":\"C\",\"release_date\":\"2026-10-07\",\"budget\":1.5e7,\"age_rating\":\"12\",\"unknown\":1}",
        "{\"title\":\"D\",\"release_date\":\"2026-10-08\",\"first_week_entries\":7}"};
    const char *anna = fixture_token(&f, "anna", "");
    struct prediction *log;
    size_t n, n_log;
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(fixture_call(&f, "POST", "/predict", anna, "application/json", bodies[i]), 200);
    }
    /* The version that served, under the other's name: every figure must be the same one. */
    struct bundle twin = *f.bundle;
    twin.version = STR("0002");
    struct shadow_job j = job_of("a");
    j.bundle = &twin;
    run(&j, f.now_ms + 1);
    ck_assert_int_eq(j.compared, 4);
    ck_assert_ok(store_predictions_range(f.log_store, STR(""), STR("~"), 10, &arena, &log, &n_log, &err), &err);
    struct shadow_row *r = kept(&n);
    ck_assert_uint_eq(n, 4);
    ck_assert_uint_eq(n_log, 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert(str_eq(r[i].prediction_id, log[i].id) && r[i].time_ms == log[i].time_ms && !r[i].refused);
        ck_assert(str_is(r[i].served_version, "0001") && str_is(r[i].version, "0002"));
        ck_assert(r[i].score == log[i].score && r[i].said.admissions == log[i].admissions);
        ck_assert(r[i].said.low80 == log[i].low80 && r[i].said.high80 == log[i].high80);
        ck_assert(r[i].served.admissions == log[i].admissions && r[i].served.low80 == log[i].low80);
        ck_assert_int_eq(r[i].early, !str_is(r[i].release_date, "2026-03-11")); /* it is September */
        ck_assert(r[i].title_key.n > 0);
    }
}
END_TEST

static bool ten_at_most(void *arg)
{
    int *n = arg;
    return ++*n % 10 != 0;
}

/* Each row once: over pages, rounds that end early, new processes, and two hosts that take turns. */
START_TEST(each_once)
{
    enum { N = 431 };
    int asked = 0;
    size_t n;
    for (int i = 0; i < N; i++) {
        logged(f.log_store, f.now_ms + i, "0001",
               "{\"title\":\"A\",\"release_date\":\"2026-10-07\",\"duration_min\":90}", 1e5, 2);
    }
    struct shadow_job a = job_of("a"), b = job_of("b");
    a.go_on = ten_at_most; /* a page is left after ten */
    a.arg = &asked;
    for (int i = 0; i < 5; i++) {
        ck_assert_int_ge(shadow_page(&a, clock_ms++, f.now_ms + N, &err), 0);
    }
    ck_assert_int_eq(a.compared, 50);
    ck_assert_int_ge(shadow_page(&b, clock_ms++, f.now_ms + N, &err), 0);
    ck_assert_int_eq(b.compared, 200);
    a = job_of("a again"); /* what it knew is lost */
    ck_assert_int_ge(shadow_page(&a, clock_ms++, f.now_ms + N, &err), 0);
    run(&b, f.now_ms + N);
    run(&a, f.now_ms + N);
    struct shadow_row *r = kept(&n);
    ck_assert_uint_eq(n, N);
    for (size_t i = 1; i < n; i++) {
        ck_assert(!str_eq(r[i].prediction_id, r[i - 1].prediction_id));
    }
    ck_assert_int_eq(50 + b.compared + a.compared, N);
    ck_assert_int_eq(shadow_page(&a, clock_ms++, f.now_ms + N, &err), 0); /* nothing more */
}
END_TEST

static bool lose_the_lease(void *arg)
{
    struct job stolen;
    ck_assert_int_eq(store_job_take(f.store, STR("shadow first-week 0002"), STR("thief"), clock_ms + 40000, 1000,
                                    &arena, &stolen, &err),
                     1);
    *(struct job *)arg = stolen;
    return false;
}

START_TEST(without_the_lease_nothing_is_kept)
{
    size_t n;
    struct job job;
    struct shadow_job j = job_of("a"), k = job_of("b");
    logged(f.log_store, f.now_ms, "0001", "{\"title\":\"A\",\"release_date\":\"2026-10-07\"}", 1e5, 2);
    logged(f.log_store, f.now_ms + 1, "0001", "{\"title\":\"B\",\"release_date\":\"2026-10-07\"}", 1e5, 2);
    j.go_on = lose_the_lease;
    j.arg = &job;
    ck_assert_int_eq(shadow_page(&j, clock_ms, f.now_ms + 2, &err), MRC_ECONFLICT);
    ck_assert_int_eq(j.compared, 0);
    (void)kept(&n);
    ck_assert_uint_eq(n, 0);
    /* while somebody holds it others keep off; who was killed with it loses it when the lease ends */
    ck_assert_int_eq(shadow_page(&k, clock_ms + 40500, f.now_ms + 2, &err), 0);
    (void)kept(&n);
    ck_assert_uint_eq(n, 0);
    ck_assert_int_ge(shadow_page(&k, clock_ms + 42000, f.now_ms + 2, &err), 0);
    ck_assert_int_eq(k.compared, 2);
}
END_TEST

START_TEST(what_is_passed_over_and_refused)
{
    size_t n;
    struct shadow_job j = job_of("a");
    logged(f.log_store, f.now_ms, "0002", "{\"title\":\"A\",\"release_date\":\"2026-10-07\"}", 1e5, 2); /* its own */
    logged(f.log_store, f.now_ms + 1, "0001", "{\"title\":\"B\"}", 1e5, 2); /* no longer a film */
    logged(f.log_store, f.now_ms + 2, "0001", "[1", 1e5, 2);
    logged(f.log_store, f.now_ms + 3, "0001", "{\"title\":\"C\",\"release_date\":\"2026-10-07\"}", 1e5, 2);
    logged(f.log_store, (int64_t)20500 * 86400000, "0001", "{\"title\":\"D\",\"release_date\":\"2026-10-07\"}", 1e5,
           2); /* too old */
    run(&j, f.now_ms + 10);
    ck_assert_int_eq(j.compared, 1);
    ck_assert_int_eq(j.refused, 2);
    struct shadow_row *r = kept(&n);
    ck_assert_uint_eq(n, 3);
    ck_assert(r[0].refused && r[0].said.admissions == 0 && r[0].served.admissions == 1e5);
    ck_assert(r[1].refused && !r[2].refused);
}
END_TEST

START_TEST(slow_requests_and_clocks)
{
    size_t n;
    static const char row[] = "{\"title\":\"A\",\"release_date\":\"2026-10-07\"}";
    struct shadow_job j = job_of("a");
    logged(f.log_store, f.now_ms, "0001", row, 1e5, 2);
    logged(f.log_store, f.now_ms + 30000, "0001", row, 1e5, 2);
    run(&j, f.now_ms + 10000); /* the newest is left until those before it are surely there */
    ck_assert_int_eq(j.compared, 1);
    logged(f.log_store, f.now_ms + 29000, "0001", row, 1e5, 2); /* came to the log later, with an earlier id */
    run(&j, f.now_ms + 60000);
    ck_assert_int_eq(j.compared, 3);
    /* the clock was an hour ahead, and is set back */
    logged(f.log_store, f.now_ms + 3600000, "0001", row, 1e5, 2);
    run(&j, f.now_ms + 3700000);
    ck_assert_int_eq(j.compared, 4);
    run(&j, f.now_ms + 70000);
    logged(f.log_store, f.now_ms + 80000, "0001", row, 1e5, 2);
    run(&j, f.now_ms + 90000);
    ck_assert_int_eq(j.compared, 5);
    run(&j, f.now_ms + 3700000); /* what was there already is not there twice */
    ck_assert_int_eq(j.compared, 5);
    (void)kept(&n);
    ck_assert_uint_eq(n, 5);
}
END_TEST

static void outcome(const char *title, const char *date, int64_t entries, bool provisional)
{
    char id[UUID_TEXT];
    uuid7(f.now_ms, id);
    const struct outcome o = {.id = str_of(id),
                              .title_key = film_title_key(&arena, str_of(title)),
                              .release_date = str_of(date),
                              .week = str_of(date),
                              .title = str_of(title),
                              .film_id = STR(""),
                              .entries = entries,
                              .provisional = provisional,
                              .source = STR("CNC"),
                              .plausibility = STR("plausible"),
                              .row_json = STR(""),
                              .revision = 1,
                              .user_id = STR("u-2"),
                              .request_id = STR("r"),
                              .reported_ms = f.now_ms};
    ck_assert_ok(store_begin(f.store, &err), &err);
    ck_assert_ok(store_settle(f.store, store_outcome_add(f.store, &o, &err), &err), &err);
}

static double figure(const struct json *o, const char *name)
{
    double v = NAN;
    ck_assert_msg(json_double(json_find(o, name), &v), "no number %s", name);
    return v;
}

START_TEST(figures)
{
    fixture_account(&f, "u-5", "mona", 1U << SCOPE_MONITOR, false);
    char mona[4200];
    (void)snprintf(mona, sizeof mona, "%s", fixture_token(&f, "mona", ""));
    ck_assert_int_eq(fixture_call(&f, "GET", "/models/0002/shadow", mona, NULL, NULL), 200);
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "\"state\":\"off\",\"predictions\":{\"compared\":0,\"refused\":0,"
                                                   "\"from\":null,\"to\":null,\"median_ratio\":null"));
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "\"outcomes\":{\"films\":0,\"served\":null,\"shadow\":null}"));
    ck_assert_int_eq(fixture_call(&f, "GET", "/models/0007/shadow", mona, NULL, NULL), 404);
    ck_assert_int_eq(fixture_call(&f, "GET", "/models/0002/shadow", fixture_token(&f, "anna", ""), NULL, NULL), 403);
    struct shadow_job j = job_of("a");
    int64_t at = f.now_ms;
    /* the other version says 112,202 of a short film and 316,228 of a long one */
    logged(f.log_store, at, "0001", "{\"title\":\"A\",\"release_date\":\"2026-10-07\",\"duration_min\":90}", 10000, 2);
    logged(f.log_store, at + 1, "0001", "{\"title\":\"a \",\"release_date\":\"2026-10-07\",\"duration_min\":90}",
           100000, 2);
    logged(f.log_store, at + 2, "0001", "{\"title\":\"B\",\"release_date\":\"2026-10-07\",\"duration_min\":120}",
           200000, 2);
    logged(f.log_store, at + 3, "0003", "{\"title\":\"C\",\"release_date\":\"2026-10-07\",\"duration_min\":120}",
           300000, 2);
    logged(f.log_store, at + 4, "0001", "{\"title\":\"D\",\"release_date\":\"2026-08-05\",\"duration_min\":90}", 0, 2);
    logged(f.log_store, at + 5, "0001", "{}", 1, 2);
    run(&j, at + 10);
    outcome("A", "2026-10-07", 120000, false); /* the last word counts: 100,000 against 112,202 */
    outcome("B", "2026-10-07", 250000, false);
    outcome("C", "2026-10-07", 300000, true); /* not final */
    outcome("D", "2026-08-05", 5000, false);  /* predicted after its release */
    outcome("E", "2026-10-07", 5000, false);  /* never predicted */
    fixture_set(&f, "shadow", "0002");
    ck_assert_int_eq(fixture_call(&f, "GET", "/models/0002/shadow", mona, NULL, NULL), 200);
    struct json_doc *doc = document_of(&f);
    const struct json *root = json_root(doc), *p = json_find(root, "predictions"), *o = json_find(root, "outcomes");
    ck_assert_str_eq(member(root, "state"), "unknown"); /* no agent runs */
    ck_assert_double_eq(figure(p, "compared"), 5);
    ck_assert_double_eq(figure(p, "refused"), 1);
    ck_assert_double_eq(figure(p, "median_ratio"), 316228 / 200000.0);
    ck_assert_double_eq(figure(p, "share_beyond_1_25"), 0.6);
    ck_assert_double_eq(figure(p, "share_beyond_2"), 0.4);
    char stamp[STAMP_TEXT];
    stamp_format(at, stamp);
    ck_assert_str_eq(member(p, "from"), stamp);
    stamp_format(at + 5, stamp);
    ck_assert_str_eq(member(p, "to"), stamp);
    ck_assert_uint_eq(json_count(json_find(p, "served_by")), 2);
    ck_assert_double_eq(figure(o, "films"), 2);
    const struct json *served = json_find(o, "served"), *shadow = json_find(o, "shadow");
    ck_assert_double_eq(figure(served, "mae"), (20000 + 50000) / 2.0);
    ck_assert_double_eq(figure(shadow, "mae"), (7798 + 66228) / 2.0);
    ck_assert_double_eq_tol(figure(served, "median_ape"), (1 / 6.0 + 0.2) / 2, 1e-12);
    ck_assert_double_eq_tol(figure(served, "bias"), sqrt(1.2 * 1.25) - 1, 1e-12);
    ck_assert_double_eq_tol(figure(shadow, "bias"), sqrt(120000 / 112202.0 * (250000 / 316228.0)) - 1, 1e-12);
    ck_assert_double_eq(figure(served, "coverage_80"), 1);
    ck_assert_double_eq(figure(shadow, "coverage_80"), 1);
    json_free(doc);
    ck_assert_int_eq(fixture_call(&f, "GET", "/models", fixture_token(&f, "anna", ""), NULL, NULL), 200);
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "\"version\":\"0002\",\"active\":false,\"current\":false,"
                                                   "\"previous\":false,\"shadow\":true"));
    ck_assert_int_eq(fixture_call(&f, "GET", "/readyz?verbose", NULL, NULL, NULL), 200);
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "[!]shadow: not looked at yet (not counted), version 0002\n"));
    /* what left the log leaves here too */
    int64_t dropped = 0;
    ck_assert_ok(retention_prune_shadow(f.store, at + 2, NULL, NULL, &dropped, &err), &err);
    ck_assert_int_eq(dropped, 2);
    size_t n;
    (void)kept(&n);
    ck_assert_uint_eq(n, 4);
    run(&j, at + 10); /* and does not come back */
    (void)kept(&n);
    ck_assert_uint_eq(n, 4);
}
END_TEST

int main(void)
{
    int backends = pg_server_start(&pg) ? 2 : 1;
    int failed = 0;
    for (backend = 0; backend < backends; backend++) {
        Suite *suite = suite_create(backend == 0 ? "shadow (SQLite)" : "shadow (PostgreSQL)");
        TCase *t = tcase_create("shadow");
        tcase_add_checked_fixture(t, setup, teardown);
        tcase_set_timeout(t, 120);
        tcase_add_test(t, as_a_request_would);
        tcase_add_test(t, each_once);
        tcase_add_test(t, without_the_lease_nothing_is_kept);
        tcase_add_test(t, what_is_passed_over_and_refused);
        tcase_add_test(t, slow_requests_and_clocks);
        tcase_add_test(t, figures);
        suite_add_tcase(suite, t);
        failed += check_main(suite) != 0;
    }
    pg_server_stop(&pg);
    return failed == 0 ? 0 : 1;
}
