/* Windows of films against what a version learnt from: figures by hand, false alarms counted, references refused. */
#include "tests/unit/demo_bundle.h"

#include "common/forecast/drift.h"
#include "common/forecast/stats.h"

#include <math.h>

enum { KNOWN = 2000, POINTS = 199 };

static struct demo demo;
static struct bundle *bundle;
static struct drift_window *window;
static struct arena arena;
static struct mrc_err err;

static uint64_t random_state;
static double uniform(void)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* Budgets of 10^5 to 10^8, log-uniform; two houses, the others are unknown; 90, 100 or 110 minutes. */
static void reference(struct buf *b, const char *replace, const char *with)
{
    struct buf f;
    buf_init(&f, &arena, 0);
    buf_puts(&f, "{\"films\":2100,\"features\":[{\"name\":\"budget\",\"kind\":\"number\",\"importance\":50,"
                 "\"known\":2000,\"mean\":6.5,\"deviation\":0.8660,\"points\":[");
    for (int i = 1; i <= POINTS; i++) {
        buf_double(&f, round((5 + 3.0 * i / (POINTS + 1)) * 1e4) / 1e4);
        buf_puts(&f, i < POINTS ? "," : "],\"null\":[");
    }
    static const int sizes[] = {30, 60, 120, 240, 720};
    for (int i = 0; i < 5; i++) {
        double e0 = 0.85 * sqrt(1.0 / sizes[i] - 1.0 / KNOWN);
        buf_printf(&f, "%s{\"films\":%d,\"e0\":", i > 0 ? "," : "", sizes[i]);
        buf_double(&f, e0);
        buf_puts(&f, ",\"q95\":");
        buf_double(&f, 2 * e0);
        buf_char(&f, '}');
    }
    buf_puts(&f, "]},{\"name\":\"house\",\"kind\":\"category\",\"importance\":30,\"known\":1500,\"values\":"
                 "{\"pathe\":900,\"ugc\":600},\"other\":0},{\"name\":\"minutes\",\"kind\":\"number\","
                 "\"importance\":20,\"known\":2100,\"mean\":100,\"deviation\":8.165,\"points\":[");
    for (int i = 0; i < POINTS; i++) {
        buf_puts(&f, i < 66 ? "90," : i < 133 ? "100," : i < POINTS - 1 ? "110," : "110");
    }
    buf_puts(&f, "],\"null\":[{\"films\":30,\"e0\":0.15,\"q95\":0.35},{\"films\":720,\"e0\":0.03,\"q95\":0.07}]}]}");
    ck_assert_ok(buf_ok(&f, &err), &err);
    const char *at = replace != NULL ? strstr(f.p, replace) : NULL;
    ck_assert(replace == NULL || at != NULL);
    buf_puts(b, "{\"format\":1,\"models\":{\"screens\":");
    buf_str(b, buf_text(&f));
    buf_puts(b, ",\"ahead\":");
    if (at != NULL) {
        buf_add(b, f.p, (size_t)(at - f.p));
        buf_puts(b, with);
        buf_puts(b, at + strlen(replace));
    } else {
        buf_str(b, buf_text(&f));
    }
    buf_puts(b, "}}");
}

/* A version with such a reference; replace (may be NULL): what reads otherwise in the model "ahead". */
static void open_version(const char *replace, const char *with)
{
    struct buf b;
    struct bundle_file files[2] = {demo.files[0], {"reference.json", STR_INIT("")}};
    buf_init(&b, &arena, 0);
    reference(&b, replace, with);
    files[1].text = buf_text(&b);
    demo.parts.files = files;
    demo.parts.n_files = 2;
    ck_assert_ok(bundle_build(demo.folder, &demo.parts, &err), &err);
    ck_assert_ok(bundle_open(&bundle, demo.folder, &err), &err);
    demo.parts.files = demo.files;
}

static void setup(void)
{
    memset(&err, 0, sizeof err);
    arena_init(&arena, 0);
    demo_init(&demo);
    window = NULL;
    bundle = NULL;
    random_state = 7;
}

static void teardown(void)
{
    drift_window_free(window);
    bundle_close(bundle);
    demo_release(&demo);
    arena_release(&arena);
}

static void add(double budget_log10, const char *house, int minutes, int screens)
{
    char text[300], part[60];
    struct json_doc *doc;
    struct row row;
    struct row_report report = {0};
    struct row_options options = {.target = false};
    struct arena a;
    arena_init(&a, 0);
    int n = snprintf(text, sizeof text, "{\"title\":\"T\"");
    if (!isnan(budget_log10)) {
        part[format_double(pow(10, budget_log10), part)] = '\0';
        n += snprintf(text + n, sizeof text - (size_t)n, ",\"budget\":%s", part);
    }
    if (house != NULL) {
        n += snprintf(text + n, sizeof text - (size_t)n, ",\"house\":\"%s\"", house);
    }
    if (screens > 0) {
        n += snprintf(text + n, sizeof text - (size_t)n, ",\"screens\":%d", screens);
    }
    snprintf(text + n, sizeof text - (size_t)n, ",\"minutes\":%d}", minutes);
    ck_assert_ok(json_read(&doc, str_of(text), &json_limits_file, NULL, &err), &err);
    ck_assert_ok(row_from_json(&row, bundle->schema, json_root(doc), &options, &a, &report, &err), &err);
    ck_assert_uint_eq(report.n_errors, 0);
    ck_assert_ok(drift_window_add(window, &row, &err), &err);
    json_free(doc);
    arena_release(&a);
}

/* m films of the reference's kind. */
static void add_usual(int m)
{
    static const char *const houses[] = {"Pathé", "Pathé", "Pathé", "UGC", "UGC", "Autre"};
    for (int i = 0; i < m; i++) {
        double b = 5 + 3 * uniform();
        const char *house = houses[(int)(6 * uniform())];
        add(b, house, 90 + 10 * (int)(3 * uniform()), 0);
    }
}

static struct drift_report compare(void)
{
    struct drift_report r;
    ck_assert_ok(drift_window_compare(window, &arena, &r, &err), &err);
    return r;
}

START_TEST(the_same_films_do_not_drift_and_few_say_nothing)
{
    open_version(NULL, NULL);
    ck_assert_ok(drift_window_new(&window, bundle, &err), &err);
    struct drift_report r;
    ck_assert_int_eq(drift_window_compare(window, &arena, &r, &err), MRC_ENOTFOUND);
    add_usual(DRIFT_FILMS_LEAST - 1);
    r = compare();
    ck_assert_uint_eq(r.films, DRIFT_FILMS_LEAST - 1);
    ck_assert_uint_eq(r.tested, 0);
    ck_assert(isnan(r.share));
    for (size_t k = 0; k < r.n; k++) {
        ck_assert_int_eq(r.figures[k].state, DRIFT_INSUFFICIENT);
        ck_assert(isnan(drift_excess(&r.figures[k])));
    }
    add_usual(91);
    r = compare();
    ck_assert_str_eq(r.model->name.p, "ahead");
    ck_assert_uint_eq(r.n, 3);
    ck_assert_uint_eq(r.tested, 3);
    ck_assert_uint_eq(r.drifting, 0);
    ck_assert_double_eq(r.share, 0);
    ck_assert_str_eq(r.figures[0].test, "ks");
    ck_assert_str_eq(r.figures[1].test, "chi2");
    ck_assert_str_eq(r.figures[2].test, "chi2"); /* three values */
    ck_assert_double_eq_tol(r.figures[0].missing_reference, 100.0 / 2100, 1e-12);
    ck_assert_double_eq_tol(r.figures[0].e0, 0.85 * sqrt(1.0 / 120 - 1.0 / KNOWN), 1e-9); /* of that very size */
    ck_assert_double_eq_tol(r.figures[0].q95, 2 * r.figures[0].e0, 1e-9);
}
END_TEST

START_TEST(a_shift_shows_by_its_size)
{
    open_version(NULL, NULL);
    ck_assert_ok(drift_window_new(&window, bundle, &err), &err);
    for (int i = 1; i <= POINTS; i++) { /* budgets half a power of ten larger, otherwise the reference itself */
        add(round((5 + 3.0 * i / (POINTS + 1)) * 1e4) / 1e4 + 0.5, "UGC", i < 67 ? 90 : i < 134 ? 100 : 110, 0);
    }
    struct drift_report r = compare();
    ck_assert_double_eq_tol(r.figures[0].effect, 0.5 / 0.8660, 2e-4);
    ck_assert_double_eq_tol(r.figures[0].statistic, 33.0 / POINTS, 0.006);
    double p;
    ck_assert_ok(stats_ks_probability(r.figures[0].statistic, KNOWN, POINTS, &p, &err), &err);
    ck_assert_double_eq(r.figures[0].p, p);
    ck_assert_int_eq(r.figures[0].state, DRIFT_STRONG);
    const double known[] = {900, 600, 0}, now[] = {0, 199, 0};
    ck_assert_double_eq(r.figures[1].effect, stats_jensen_shannon(known, now, 3));
    ck_assert_double_eq(r.figures[1].p, stats_chi2_test(known, now, 3).p);
    ck_assert_int_ge(r.figures[1].state, DRIFT_DRIFT);
    ck_assert_double_eq_tol(r.figures[2].effect, 0, 1e-9);
    ck_assert_int_eq(r.figures[2].state, DRIFT_STABLE);
    ck_assert_double_eq_tol(r.share, 0.8, 1e-12);
    ck_assert_uint_eq(r.drifting, 2);
    ck_assert_uint_eq(r.unseen, 0);
}
END_TEST

START_TEST(unknown_and_unseen_are_counted)
{
    open_version(NULL, NULL);
    ck_assert_ok(drift_window_new(&window, bundle, &err), &err);
    for (int i = 0; i < 40; i++) {
        add(i % 4 ? 6 + i / 40.0 : NAN, i < 10 ? NULL : i < 20 ? "Jamais vu" : "UGC", 100, 0);
    }
    struct drift_report r = compare();
    ck_assert_double_eq(r.figures[0].missing, 0.25);
    ck_assert_uint_eq(r.figures[0].known, 30);
    ck_assert_double_eq(r.figures[1].missing, 0.5); /* what it has not learnt is unknown to it */
    ck_assert_uint_eq(r.unseen, 10);
    ck_assert_double_eq_tol(r.missing, 0.75 / 3, 1e-12);
}
END_TEST

START_TEST(the_model_that_answers_most_is_compared)
{
    open_version(NULL, NULL);
    ck_assert_ok(drift_window_new(&window, bundle, &err), &err);
    add_usual(30);
    for (int i = 0; i < 31; i++) {
        add(6 + i / 31.0, "UGC", 100, 200);
    }
    struct drift_report r = compare();
    ck_assert_str_eq(r.model->name.p, "screens");
    ck_assert_uint_eq(r.films, 31);
}
END_TEST

/* The promise of a bound of 0.05, over a thousand windows without a change; and no order matters. */
START_TEST(false_alarms_are_as_rare_as_said)
{
    enum { WINDOWS = 1000, FILMS = 60 };
    size_t small[3] = {0}, drifts = 0;
    double first[3] = {0};
    open_version(NULL, NULL);
    for (int i = 0; i < WINDOWS; i++) {
        uint64_t seed = random_state;
        ck_assert_ok(drift_window_new(&window, bundle, &err), &err);
        add_usual(FILMS);
        struct drift_report r = compare();
        for (size_t k = 0; k < 3; k++) {
            small[k] += r.figures[k].p <= 0.05;
            first[k] = i == 0 ? r.figures[k].effect : first[k];
        }
        drifts += r.drifting > 0;
        drift_window_free(window);
        window = NULL;
        arena_reset(&arena);
        ck_assert_uint_ne(seed, random_state);
    }
    ck_assert_uint_ge(small[0], 25);
    ck_assert_uint_le(small[0], 65);
    ck_assert_uint_ge(small[1], 25);
    ck_assert_uint_le(small[1], 70);
    ck_assert_uint_ge(small[2], 25);
    ck_assert_uint_le(small[2], 70);
    ck_assert_uint_le(drifts, 40);
    /* the first window's films again, each second one first */
    double x[FILMS];
    int house[FILMS], minutes[FILMS];
    static const char *const houses[] = {"Pathé", "Pathé", "Pathé", "UGC", "UGC", "Autre"};
    random_state = 7;
    for (int i = 0; i < FILMS; i++) {
        x[i] = 5 + 3 * uniform();
        house[i] = (int)(6 * uniform());
        minutes[i] = 90 + 10 * (int)(3 * uniform());
    }
    ck_assert_ok(drift_window_new(&window, bundle, &err), &err);
    for (int i = 0; i < 2 * FILMS; i += 2) {
        int j = i < FILMS ? i : i - FILMS + 1;
        add(x[j], houses[house[j]], minutes[j], 0);
    }
    struct drift_report r = compare();
    for (size_t k = 0; k < 3; k++) {
        ck_assert_double_eq(r.figures[k].effect, first[k]);
    }
}
END_TEST

START_TEST(a_reference_that_does_not_fit_is_refused)
{
    static const struct {
        const char *replace, *with, *says;
    } cases[] = {
        {"\"name\":\"house\"", "\"name\":\"home\"", "home"}, {"\"points\":[5.015,", "\"points\":[6,", "ascending"},
        {"\"known\":2000", "\"known\":2101", "known"},       {"\"films\":60", "\"films\":20", "ascending"},
        {"\"pathe\":900", "\"pathe\":-1", "pathe"},          {"\"other\":0", "\"others\":0", "other"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_version(cases[i].replace, cases[i].with);
        memset(&err, 0, sizeof err);
        ck_assert_msg(drift_window_new(&window, bundle, &err) == MRC_EFORMAT, "%s", cases[i].with);
        ck_assert_msg(strstr(err.msg, "reference.json") != NULL && strstr(err.msg, cases[i].says) != NULL, "%s",
                      err.msg);
        bundle_close(bundle);
        bundle = NULL;
        ck_assert_ok(folder_remove(demo.folder, &err), &err);
    }
}
END_TEST

START_TEST(a_version_without_a_reference_has_no_figures)
{
    demo.parts.n_files = 1;
    ck_assert_ok(bundle_build(demo.folder, &demo.parts, &err), &err);
    ck_assert_ok(bundle_open(&bundle, demo.folder, &err), &err);
    ck_assert_int_eq(drift_window_new(&window, bundle, &err), MRC_ENOTFOUND);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("drift");
    TCase *t = tcase_create("windows");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_same_films_do_not_drift_and_few_say_nothing);
    tcase_add_test(t, a_shift_shows_by_its_size);
    tcase_add_test(t, unknown_and_unseen_are_counted);
    tcase_add_test(t, the_model_that_answers_most_is_compared);
    tcase_add_test(t, false_alarms_are_as_rare_as_said);
    tcase_add_test(t, a_reference_that_does_not_fit_is_refused);
    tcase_add_test(t, a_version_without_a_reference_has_no_figures);
    suite_add_tcase(s, t);
    return check_main(s);
}
