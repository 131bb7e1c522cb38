/* Histories: against sums by hand, in any order, written and read, refreshed, stale, published; and what is refused. */
#include "tests/unit/check_main.h"

#include "common/base/date.h"
#include "common/base/file.h"
#include "train/film_history.h"

#include <math.h>

static struct schema *schema;
static struct film_data *sample;
static struct calendar *calendar;
static struct arena arena;

static struct str read_file(const char *path)
{
    char *p;
    size_t n;
    struct mrc_err err = {0};
    struct str copy = STR("");
    ck_assert_ok(file_read(path, 1 << 24, &p, &n, &err), &err);
    ck_assert(str_copy(&arena, (struct str){p, n}, &copy));
    free(p);
    return copy;
}

static void setup(void)
{
    struct mrc_err err = {0};
    struct film_data_options o = {.need_target = true};
    arena_init(&arena, 0);
    ck_assert_ok(schema_read(&schema, read_file("data/schema.json"), &err), &err);
    ck_assert_ok(film_data_read(&sample, schema, "data/sample.csv", &o, &err), &err);
    ck_assert_ok(calendar_read(&calendar, read_file("data/calendar.json"), &err), &err);
}

static void teardown(void)
{
    calendar_free(calendar);
    film_data_free(sample);
    schema_free(schema);
    arena_release(&arena);
}

static struct history *teach(const struct film *films, size_t n)
{
    struct history *h;
    struct mrc_err err = {0};
    ck_assert_ok(film_history_make(&h, schema, films, n, &err), &err);
    return h;
}

static struct str written(const struct history *h)
{
    struct buf b;
    struct mrc_err err = {0};
    buf_init(&b, &arena, 0);
    ck_assert_ok(history_write(h, &b, &err), &err);
    return buf_text(&b);
}

static struct history *read_back(struct str text)
{
    struct history *h = NULL;
    struct mrc_err err = {0};
    ck_assert_ok(history_read(&h, text, &err), &err);
    return h;
}

static struct features *read_list(const char *path)
{
    struct features *f;
    struct mrc_err err = {0};
    struct buf b;
    buf_init(&b, &arena, 0);
    ck_assert_ok(features_learn(schema, read_file(path), NULL, 0, &b, &err), &err);
    ck_assert_ok(features_read(&f, schema, buf_text(&b), NULL, NULL, &err), &err);
    return f;
}

enum { COLUMNS_MAX = 128 };

static void compute(const struct features *f, const struct history *h, const struct row *row, int32_t known_until,
                    bool as_published, float x[COLUMNS_MAX])
{
    struct mrc_str cats[8];
    struct mrc_err err = {0};
    struct features_context c = {
        .history = h, .calendar = calendar, .known_until = known_until, .as_published = as_published};
    ck_assert_uint_le(features_floats(f), COLUMNS_MAX);
    struct arena_mark before = arena_mark(&arena);
    ck_assert_ok(features_compute_with(f, &c, row, &arena, x, cats, NULL, &err), &err);
    arena_rewind(&arena, before);
}

/* Bits of every column of every film of the sample. */
static void check_equal(const char *list, const struct history *a, const struct history *b)
{
    struct features *f = read_list(list);
    for (size_t i = 0; i < sample->n; i++) {
        float x[COLUMNS_MAX], y[COLUMNS_MAX];
        compute(f, a, &sample->films[i].row, DATE_NONE, false, x);
        compute(f, b, &sample->films[i].row, DATE_NONE, false, y);
        ck_assert_msg(memcmp(x, y, features_floats(f) * sizeof x[0]) == 0, "film %.*s", STR_ARG(sample->films[i].id));
    }
    features_free(f);
}

static double column(const struct features *f, const float *x, const char *name)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < features_count(f); i++) {
        if (str_is(features_at(f, i)->name, name)) {
            return (double)x[k];
        }
        k += !features_at(f, i)->categorical;
    }
    ck_abort_msg("no column %s", name);
    return NAN;
}

static struct str text_of(const struct film *f, const char *field)
{
    const struct value *v = &f->row.values[schema_find(schema, str_of(field))];
    return v->present ? v->items ? v->items[0] : v->text : STR("");
}

/* The distributor's decayed mean of films [0, end), as the header promises it, from the rows themselves. */
static double by_hand(size_t i, double level, double *n_films)
{
    double weights = 0, sum = 0;
    const struct film *own = &sample->films[i];
    *n_films = 0;
    for (size_t k = 0; k < sample->n && sample->films[k].date + 14 <= own->date; k++) {
        const struct film *f = &sample->films[k];
        if (text_fold_equal(text_of(f, "distributor"), text_of(own, "distributor"))) {
            double w = pow(0.5, (own->date - f->date) / (3 * 365.25));
            weights += w;
            sum += w * log10(fmax(1, f->entries));
            *n_films += 1;
        }
    }
    return (sum + 3 * (level - 0.5)) / (weights + 3);
}

START_TEST(mean_by_hand)
{
    struct history *h = teach(sample->films, sample->n);
    struct features *f = read_list("data/features_published.json");
    size_t checked = 0;
    for (size_t i = 0; i < sample->n; i++) {
        float x[COLUMNS_MAX];
        double n, level;
        compute(f, h, &sample->films[i].row, DATE_NONE, false, x);
        if (text_of(&sample->films[i], "distributor").n > 0) {
            level = column(f, x, "mk_level");
            ck_assert_double_eq_tol(column(f, x, "di_mean"), by_hand(i, level, &n), 1e-6);
            ck_assert_double_eq(column(f, x, "di_n"), n);
            checked++;
        } else {
            ck_assert(isnan(column(f, x, "di_mean")) && isnan(column(f, x, "di_w")));
        }
    }
    ck_assert_uint_gt(checked, 200);
    features_free(f);
    history_free(h);
}
END_TEST

/* A film with the others' future cut off is described as with the future there: nothing of it is looked at. */
START_TEST(future_is_not_seen)
{
    struct mrc_err err = {0};
    struct history *all = teach(sample->films, sample->n);
    struct features *f = read_list("data/features_private_screens.json");
    for (size_t i = 0; i < sample->n; i += 7) {
        float x[COLUMNS_MAX], y[COLUMNS_MAX];
        int32_t known = sample->films[i].date - HISTORY_KNOWN_DAYS;
        struct history *past = teach(sample->films, film_data_until(sample, known));
        /* Whether the last week is complete is known of the whole file only. */
        history_set_complete(past, history_complete(all));
        ck_assert_ok(history_seal(past, &err), &err);
        compute(f, all, &sample->films[i].row, DATE_NONE, false, x);
        compute(f, past, &sample->films[i].row, DATE_NONE, false, y);
        for (uint32_t k = 0; k < features_floats(f); k++) {
            if (!str_is(features_at(f, k)->name, "hist_age")) {
                ck_assert_msg(memcmp(&x[k], &y[k], sizeof x[k]) == 0, "film %zu: %.*s is %a, not %a", i,
                              STR_ARG(features_at(f, k)->name), (double)y[k], (double)x[k]);
            }
        }
        history_free(past);
    }
    features_free(f);
    history_free(all);
}
END_TEST

START_TEST(written_and_read)
{
    struct history *h = teach(sample->films, sample->n);
    struct str text = written(h);
    struct history *back = read_back(text);
    ck_assert_uint_eq(history_films(back), history_films(h));
    ck_assert_int_eq(history_as_of(back), history_as_of(h));
    ck_assert_int_eq(history_complete(back), history_complete(h));
    ck_assert(str_eq(written(back), text));
    check_equal("data/features_private_screens.json", h, back);
    history_free(back);
    history_free(h);
}
END_TEST

START_TEST(any_order)
{
    struct film *shuffled = calloc(sample->n, sizeof *shuffled);
    ck_assert_ptr_nonnull(shuffled);
    for (size_t i = 0; i < sample->n; i++) {
        shuffled[i * 7 % sample->n] = sample->films[i];
    }
    ck_assert_uint_ne(sample->n % 7, 0);
    struct history *h = teach(sample->films, sample->n), *other = teach(shuffled, sample->n);
    ck_assert(str_eq(written(h), written(other)));
    check_equal("data/features_private.json", h, other);
    history_free(other);
    history_free(h);
    free(shuffled);
}
END_TEST

static void learn(struct history *h, const struct film *f, double entries)
{
    struct mrc_err err = {0};
    struct film_fields fields = film_fields_of(schema);
    ck_assert_ok(history_learn(h, &fields, &f->row, f->id, entries, f->panel, &err), &err);
}

/* Tables of the first half, taught the second half week by week, are those of everything at once. */
START_TEST(refreshed)
{
    struct mrc_err err = {0};
    struct history *h = teach(sample->films, sample->n / 2), *all = teach(sample->films, sample->n);
    for (size_t i = sample->n / 2; i < sample->n; i++) {
        if (!isnan(sample->films[i].entries)) {
            learn(h, &sample->films[i], sample->films[i].entries);
        }
        if (i % 50 == 0) {
            ck_assert_ok(history_seal(h, &err), &err);
            struct history *next = read_back(written(h));
            history_set_complete(next, DATE_NONE);
            history_free(h);
            h = next;
        }
    }
    ck_assert_ok(history_seal(h, &err), &err);
    ck_assert(str_eq(written(h), written(all)));
    check_equal("data/features_private.json", h, all);
    history_free(all);
    history_free(h);
}
END_TEST

START_TEST(taught_again)
{
    struct mrc_err err = {0};
    struct history *h = teach(sample->films, sample->n);
    struct str before = written(h);
    learn(h, &sample->films[10], 123456);
    ck_assert_ok(history_seal(h, &err), &err);
    ck_assert_uint_eq(history_films(h), sample->n);
    ck_assert(!str_eq(written(h), before));
    learn(h, &sample->films[10], sample->films[10].entries);
    ck_assert_ok(history_seal(h, &err), &err);
    ck_assert(str_eq(written(h), before));
    history_free(h);
}
END_TEST

/* ---- one distributor, days and ages ---------------------------------------------------------------------------- */

static struct row read_row(const char *json)
{
    struct mrc_err err = {0};
    struct json_doc *doc;
    struct row row;
    struct row_report report;
    ck_assert_ok(json_read(&doc, str_of(json), &json_limits_file, NULL, &err), &err);
    ck_assert_ok(row_from_json(&row, schema, json_root(doc), &(struct row_options){true}, &arena, &report, &err), &err);
    ck_assert_msg(report.n_errors == 0, "%s", json);
    json_free(doc);
    return row;
}

static struct row film_on(int32_t day, const char *director)
{
    char json[300], text[DATE_TEXT];
    date_format(day, text);
    snprintf(json, sizeof json,
             "{\"title\":\"T\",\"release_date\":\"%s\",\"distributor\":\"D\",\"directors\":[\"%s\"],\"screens\":10}",
             text, director);
    return read_row(json);
}

START_TEST(days)
{
    struct mrc_err err = {0};
    struct history *h;
    struct film_fields fields = film_fields_of(schema);
    int32_t day = date_from_civil(2020, 1, 1);
    struct row first = film_on(day, "Cl\xc3\xa9ment, Ren\xc3\xa9");
    ck_assert_ok(history_new(&h, &err), &err);
    ck_assert_ok(history_learn(h, &fields, &first, STR("a"), 1000, true, &err), &err);
    ck_assert_ok(history_seal(h, &err), &err);
    struct features *f = read_list("data/features_private.json");
    static const struct {
        int days;
        double count;
    } cases[] = {{-7, 0}, {0, 0}, {7, 0}, {13, 0}, {14, 1}, {400, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float x[COLUMNS_MAX];
        struct row row = film_on(day + cases[i].days, "Rene CLEMENT"); /* the same man */
        compute(f, h, &row, DATE_NONE, false, x);
        ck_assert_double_eq(column(f, x, "dr_n"), cases[i].count);
        ck_assert_double_eq(column(f, x, "di_n1y"), cases[i].days == 14);
        ck_assert(isnan(column(f, x, "dr_last")) == (cases[i].count == 0));
        if (cases[i].count > 0) {
            ck_assert_double_eq(column(f, x, "dr_last"), 3);
            ck_assert_double_eq(column(f, x, "dr_screens"), 1);
            ck_assert_double_eq_tol(column(f, x, "dr_since"), cases[i].days / 365.25, 1e-6);
        }
        /* Tables that end a day before the film know nothing of it. */
        compute(f, h, &row, day - 1, false, x);
        ck_assert_double_eq(column(f, x, "dr_n"), 0);
    }
    features_free(f);
    history_free(h);
}
END_TEST

START_TEST(calendar_end_is_told)
{
    static const struct {
        int year, month, day;
        uint32_t warnings;
    } cases[] = {{2026, 12, 16, 0}, {2026, 12, 23, 1}, {2027, 6, 2, 1}, {1990, 5, 2, 0}};
    struct mrc_err err = {0};
    struct history *h = teach(sample->films, sample->n);
    struct features *f = read_list("data/features_private.json");
    struct features_context c = {.history = h, .calendar = calendar, .known_until = DATE_NONE};
    ck_assert_int_eq(calendar_school_end(calendar), date_from_civil(2026, 12, 31));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float x[COLUMNS_MAX];
        struct mrc_str cats[8];
        struct row_report report = {0};
        struct row row = film_on(date_from_civil(cases[i].year, cases[i].month, cases[i].day), "X");
        ck_assert_ok(features_compute_with(f, &c, &row, &arena, x, cats, &report, &err), &err);
        ck_assert_uint_eq(report.n_warnings, cases[i].warnings);
        ck_assert(isnan(column(f, x, "hol_w2")) == (cases[i].warnings > 0 || cases[i].year == 1990));
        if (report.n_warnings > 0) {
            ck_assert_str_eq(report.warnings[0].code, "calendar_ended");
            ck_assert_text(report.warnings[0].field, "release_date");
            ck_assert_text(report.warnings[0].value, "2026-12-31");
        }
    }
    features_free(f);
    history_free(h);
}
END_TEST

START_TEST(sums_and_age)
{
    struct mrc_err err = {0};
    struct history *h;
    struct film_fields fields = film_fields_of(schema);
    struct features *f = read_list("data/features_private.json");
    int32_t day = date_from_civil(2020, 1, 1);
    ck_assert_ok(history_new(&h, &err), &err);
    for (int i = 0; i < 70; i++) {
        struct row row = film_on(day + 7 * i, "X");
        ck_assert_ok(history_learn(h, &fields, &row, STR(""), 1000, true, &err), &err);
    }
    ck_assert_ok(history_seal(h, &err), &err);
    int32_t last = day + 7 * 69;
    float x[COLUMNS_MAX];
    struct row row = film_on(last + 14, "X");
    compute(f, h, &row, DATE_NONE, false, x);
    ck_assert_double_eq_tol(column(f, x, "mk_sum52"), log10(52001), 1e-6);
    ck_assert_double_eq_tol(column(f, x, "mk_8_vs_year_ago"), 0, 1e-9);
    ck_assert_double_eq(column(f, x, "hist_age"), 0);
    ck_assert_double_eq_tol(column(f, x, "mk_level"), 3, 1e-6);
    /* A week later the newest week of the sum is not in the tables: unknown, not small. */
    row = film_on(last + 21, "X");
    compute(f, h, &row, DATE_NONE, false, x);
    ck_assert(isnan(column(f, x, "mk_sum52")) && isnan(column(f, x, "mk_8_vs_year_ago")));
    ck_assert_double_eq_tol(column(f, x, "hist_age"), 7 / 365.25, 1e-6);
    /* Nor when the week is there but not complete. */
    history_set_complete(h, last - 7);
    ck_assert_ok(history_seal(h, &err), &err);
    struct history *half = read_back(written(h));
    row = film_on(last + 14, "X");
    compute(f, half, &row, DATE_NONE, false, x);
    ck_assert(isnan(column(f, x, "mk_sum52")));
    ck_assert_double_eq(column(f, x, "dr_n"), 70); /* the film itself is known */
    history_free(half);
    /* Years of staleness. */
    compute(f, h, &row, row.values[schema_find(schema, STR("release_date"))].date - 14 - 365, false, x);
    ck_assert_double_eq_tol(column(f, x, "hist_age"), 365 / 365.25, 1e-6);
    history_free(h);
    features_free(f);
}
END_TEST

/* ---- published ------------------------------------------------------------------------------------------------- */

START_TEST(published)
{
    struct mrc_err err = {0};
    struct history *h = teach(sample->films, sample->n), *p = NULL;
    ck_assert_ok(history_publish(&p, h, &err), &err);
    struct str text = written(p);
    struct history *back = read_back(text);
    ck_assert(str_eq(written(back), text));
    ck_assert(history_is_published(back) && history_films(back) == 0);
    ck_assert_int_eq(history_as_of(back), history_as_of(h));
    /* No film and nobody with fewer than three. */
    struct json_doc *doc;
    ck_assert_ok(json_read(&doc, text, &json_limits_file, NULL, &err), &err);
    ck_assert_ptr_null(json_find(json_root(doc), "films"));
    size_t n = 0;
    for (const struct json *k = json_first(json_find(json_root(doc), "entities")); k; k = json_next(k)) {
        for (const struct json *e = json_first(k); e; e = json_next(e), n++) {
            int64_t films;
            double mean;
            ck_assert(json_i64(json_at(e, 1), &films) && films >= HISTORY_FILMS_MIN);
            ck_assert(json_double(json_at(e, 2), &mean) && round(mean * 100) / 100 == mean);
        }
    }
    ck_assert_uint_gt(n, 20);
    json_free(doc);
    /* Trained on what a private history says as if it were published; served from the tables. */
    struct features *f = read_list("data/features_published.json");
    struct row row = sample->films[sample->n / 2].row;
    struct value values[SCHEMA_FIELDS_MAX];
    memcpy(values, row.values, schema_count(schema) * sizeof values[0]);
    row.values = values;
    values[schema_find(schema, STR("release_date"))].date = history_as_of(h) + 14;
    float x[COLUMNS_MAX], y[COLUMNS_MAX];
    compute(f, h, &row, DATE_NONE, true, x);
    compute(f, back, &row, DATE_NONE, false, y);
    for (uint32_t k = 0; k < features_floats(f); k++) {
        ck_assert_msg((isnan(x[k]) && isnan(y[k])) || fabs((double)x[k] - (double)y[k]) < 0.02, "%.*s: %g, not %g",
                      STR_ARG(features_at(f, k)->name), (double)y[k], (double)x[k]);
    }
    /* The market's level is the same in both, and what private histories say then. */
    ck_assert_double_eq(column(f, x, "mk_level"), column(f, y, "mk_level"));
    compute(f, h, &row, DATE_NONE, false, x);
    ck_assert_double_eq_tol(column(f, x, "mk_level"), column(f, y, "mk_level"), 0.0051);
    /* What is not kept is refused when a list is bound, and nothing can be taught. */
    struct features *full = read_list("data/features_private.json");
    struct features_context c = {.history = back, .calendar = calendar, .known_until = DATE_NONE};
    ck_assert_fails(features_bind(full, &c, &err), &err, MRC_EFORMAT, "more than published");
    ck_assert_ok(features_bind(f, &c, &err), &err);
    struct film_fields fields = film_fields_of(schema);
    ck_assert_fails(history_learn(back, &fields, &row, STR("x"), 5, true, &err), &err, MRC_EINVAL, "published");
    features_free(full);
    features_free(f);
    history_free(back);
    history_free(p);
    history_free(h);
}
END_TEST

/* ---- what is refused ------------------------------------------------------------------------------------------- */

START_TEST(refused_films)
{
    struct mrc_err err = {0};
    struct history *h;
    struct film_fields fields = film_fields_of(schema);
    struct row row = film_on(0, "X");
    ck_assert_ok(history_new(&h, &err), &err);
    ck_assert_fails(history_learn(h, &fields, &row, STR("x"), -1, true, &err), &err, MRC_EINVAL, "entries");
    ck_assert_fails(history_learn(h, &fields, &row, STR("x"), NAN, true, &err), &err, MRC_EINVAL, "entries");
    ck_assert_fails(history_learn(h, &fields, &row, STR("x"), INFINITY, true, &err), &err, MRC_EINVAL, "entries");
    ck_assert_ok(history_seal(h, &err), &err);
    ck_assert_uint_eq(history_films(h), 0);
    ck_assert_int_eq(history_as_of(h), DATE_NONE);
    /* An empty history answers with its priors. */
    struct features *f = read_list("data/features_private.json");
    float x[COLUMNS_MAX];
    compute(f, h, &row, DATE_NONE, false, x);
    ck_assert_double_eq_tol(column(f, x, "mk_level"), 4.8, 1e-6);
    ck_assert_double_eq_tol(column(f, x, "di_mean"), 4.3, 1e-6);
    ck_assert(isnan(column(f, x, "hist_age")) && isnan(column(f, x, "mk_sum52")));
    struct history *back = read_back(written(h));
    history_free(back);
    features_free(f);
    history_free(h);
}
END_TEST

/* A written history with one part replaced. */
static struct str broken(struct str text, const char *from, const char *to)
{
    const char *at = strstr(text.p, from);
    ck_assert_msg(at != NULL, "the text has no %s", from);
    struct buf b;
    buf_init(&b, &arena, 0);
    buf_add(&b, text.p, (size_t)(at - text.p));
    buf_puts(&b, to);
    buf_puts(&b, at + strlen(from));
    return buf_text(&b);
}

START_TEST(refused_tables)
{
    static const struct {
        const char *from, *to, *message;
        int status;
    } cases[] = {
        {"\"format\":1", "\"format\":2", "format", MRC_EFORMAT},
        {"\"private\"", "\"secret\"", "secret", MRC_EFORMAT},
        {"\"private\"", "\"published\"", "no string", MRC_EFORMAT},
        {"\"as_of\":\"", "\"as_of\":\"1", "date", MRC_EFORMAT},
        {"\"as_of\":\"2", "\"as_of\":\"1", "newest", MRC_EFORMAT},
        {"\"director\":[1.5,", "\"director\":[1.6,", "half-life", MRC_EUNSUPPORTED},
        {"\"entities\":{\"director\"", "\"entities\":{\"regisseur\"", "director", MRC_EFORMAT},
        {"\"films\":[[", "\"films\":[[1,", "six", MRC_EFORMAT},
        {"\"films\":[[\"", "\"films\":[[3],[\"", "film 0", MRC_EFORMAT},
        {"\"films\":", "\"movies\":", "films", MRC_EFORMAT},
        {",1,[", ",2,[", "0 or 1", MRC_EFORMAT},
        {",1,[", ",1,[999999,", "entities", MRC_EFORMAT},
        {",1,[", ",1,[-1,", "entities", MRC_EFORMAT},
        {",1,[", ",1,[0.5,", "entities", MRC_EFORMAT},
    };
    struct history *h = teach(sample->films, sample->n);
    struct str text = written(h);
    history_free(h);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct history *out = NULL;
        struct mrc_err err = {0};
        ck_assert_fails(history_read(&out, broken(text, cases[i].from, cases[i].to), &err), &err, cases[i].status,
                        cases[i].message);
        ck_assert_ptr_null(out);
    }
    for (size_t n = 0; n < text.n - 1; n += text.n / 61 + 1) {
        struct history *out = NULL;
        ck_assert_int_lt(history_read(&out, (struct str){text.p, n}, NULL), 0);
    }
}
END_TEST

START_TEST(people)
{
    static const struct {
        const char *name, *key;
    } cases[] = {{"Tom Cruise", "tom cruise"},
                 {"CRUISE, Tom", "tom cruise"},
                 {"Downey, Jr.", "downey jr"},
                 {"A, B, C", "a b c"},
                 {"Nom,", "nom"},
                 {", Nom", "nom"},
                 {"\xe5\xae\xab\xe5\xb4\x8e", ""},
                 {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str key;
        ck_assert(person_key(str_of(cases[i].name), &arena, &key));
        ck_assert_text(key, cases[i].key);
    }
}
END_TEST

START_TEST(means)
{
    double x[300];
    for (size_t i = 0; i < 300; i++) {
        x[i] = (double)i;
    }
    ck_assert(isnan(mean_of(x, 0)));
    for (size_t n = 1; n <= 300; n++) {
        ck_assert_double_eq(mean_of(x, n), (double)(n - 1) / 2);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("history");
    TCase *t = tcase_create("history");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, mean_by_hand);
    tcase_add_test(t, future_is_not_seen);
    tcase_add_test(t, written_and_read);
    tcase_add_test(t, any_order);
    tcase_add_test(t, refreshed);
    tcase_add_test(t, taught_again);
    tcase_add_test(t, days);
    tcase_add_test(t, calendar_end_is_told);
    tcase_add_test(t, sums_and_age);
    tcase_add_test(t, published);
    tcase_add_test(t, refused_films);
    tcase_add_test(t, refused_tables);
    tcase_add_test(t, people);
    tcase_add_test(t, means);
    suite_add_tcase(s, t);
    return check_main(s);
}
