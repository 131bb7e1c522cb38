/* Films from CSV: order, marks, every kind of mistake with its place, and the matrix. */
#include "tests/unit/check_main.h"

#include "common/base/date.h"
#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/forecast/film_data.h"

#include <math.h>
#include <unistd.h>

static struct schema *schema;
static char path[64];

static void setup(void)
{
    char *text;
    size_t n;
    struct mrc_err err = {0};
    ck_assert_ok(digest_start(&err), &err);
    ck_assert_ok(file_read("data/schema.json", 1 << 20, &text, &n, &err), &err);
    ck_assert_ok(schema_read(&schema, (struct str){text, n}, &err), &err);
    free(text);
    snprintf(path, sizeof(path), "/tmp/t_film_data.%ld.csv", (long)getpid());
}

static void teardown(void)
{
    schema_free(schema);
    unlink(path);
}

static int read_text(struct film_data **d, const char *text, uint64_t max_bad, struct mrc_err *err)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    struct film_data_options o = {.max_bad = max_bad, .need_target = true};
    return film_data_read(d, schema, path, &o, err);
}

START_TEST(order_and_marks)
{
    struct film_data *d;
    struct mrc_err err = {0};
    ck_assert_ok(read_text(&d,
                           "film_id,title,release_date,first_week_entries,use,panel\n"
                           "b,B,2020-01-08,0,,\n"
                           "c,C,2020-01-01,7,history,0\n"
                           "a,A,2020-01-08,,ignore,1\n",
                           0, &err),
                 &err);
    ck_assert_uint_eq(d->n, 3);
    ck_assert_text(d->films[0].id, "c");
    ck_assert_text(d->films[1].id, "a");
    ck_assert_text(d->films[2].id, "b");
    ck_assert_int_eq(d->films[0].use, FILM_HISTORY);
    ck_assert(!d->films[0].panel && d->films[1].panel && d->films[2].panel);
    ck_assert_int_eq(d->films[1].use, FILM_IGNORE);
    ck_assert(isnan(d->films[1].entries) && isnan(film_log_entries(&d->films[1])));
    ck_assert_double_eq(film_log_entries(&d->films[2]), 0); /* nobody counts as one */
    ck_assert_double_eq_tol(film_log_entries(&d->films[0]), log10(7), 1e-15);
    ck_assert_uint_eq(film_data_until(d, date_from_civil(2020, 1, 7)), 1);
    ck_assert_uint_eq(film_data_until(d, date_from_civil(2020, 1, 8)), 3);
    ck_assert_uint_eq(film_data_until(d, date_from_civil(2019, 1, 8)), 0);
    ck_assert_uint_eq(strlen(d->digest), 64);
    film_data_free(d);
}
END_TEST

START_TEST(mistakes)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "empty"},
        {"title,release_date,first_week_entries\n", "no films"},
        {"title,first_week_entries\nA,3\n", "no column \"release_date\""},
        {"title,release_date\nA,2020-01-01\n", "no column \"first_week_entries\""},
        {"title,title,release_date,first_week_entries\n", "twice"},
        {"title,release_date,first_week_entries\nA,2020-01-01,many\n", ".csv:2:14: first_week_entries"},
        {"title,release_date,first_week_entries\nA,2020-01-01,3\nB,2020-02-30,4\n", ".csv:3:3: release_date"},
        {"title,release_date,first_week_entries\n,2020-01-01,3\n", ".csv:2"},
        {"title,release_date,first_week_entries,screens\nA,2020-01-01,3,9999\n", "2500"},
        {"title,release_date,first_week_entries,use\nA,2020-01-01,3,test\n", ".csv:2:16: use"},
        {"title,release_date,first_week_entries,panel\nA,2020-01-01,3,2\n", "panel"},
        {"title,release_date,first_week_entries\n\"A,2020-01-01,3\n", "never closed"},
        {"title,release_date,first_week_entries\n\xff,2020-01-01,3\n", "UTF-8"},
        {"title,release_date,first_week_entries\nA,2020-01-01\n", ".csv:2"},
        {"film_id,title,release_date,first_week_entries\nx,A,2020-01-01,3\ny,A,2020-01-01,3\nx,A,2020-01-08,3\n",
         ".csv:4: film_id \"x\" already stands in line 2"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct film_data *d = NULL;
        struct mrc_err err = {0};
        ck_assert_fails(read_text(&d, cases[i].text, 0, &err), &err, MRC_EFORMAT, cases[i].message);
        ck_assert_ptr_null(d);
    }
}
END_TEST

START_TEST(bad_rows_left_out)
{
    static const char text[] = "film_id,title,release_date,first_week_entries\n"
                               "a,A,2020-01-01,3\nb,B,2020-13-01,3\nc,C,2020-01-01,-3\nd,D,2020-01-01,5\n";
    struct film_data *d = NULL;
    struct mrc_err err = {0};
    ck_assert_fails(read_text(&d, text, 1, &err), &err, MRC_EFORMAT, ".csv:4:");
    ck_assert_ok(read_text(&d, text, 2, &err), &err);
    ck_assert_uint_eq(d->n, 2);
    ck_assert_uint_eq(d->n_bad, 2);
    ck_assert_text(d->films[1].id, "d");
    film_data_free(d);
}
END_TEST

START_TEST(matrix)
{
    static const char list[] = "{\"format\":1,\"features\":["
                               "{\"name\":\"dist\",\"derive\":\"category\",\"field\":\"distributor\",\"fold\":true},"
                               "{\"name\":\"s\",\"derive\":\"log10\",\"field\":\"screens\"}]}";
    struct film_data *d;
    struct features *f;
    struct film_matrix m;
    struct mrc_err err = {0};
    ck_assert_ok(read_text(&d,
                           "title,release_date,first_week_entries,distributor,screens\n"
                           "A,2020-01-01,3,Pathé,100\nB,2020-01-08,4,,\n",
                           0, &err),
                 &err);
    ck_assert_ok(features_read(&f, schema, (struct str){list, sizeof(list) - 1}, NULL, NULL, &err), &err);
    const struct row *rows[] = {&d->films[1].row, &d->films[0].row};
    ck_assert_ok(film_matrix_build(&m, f, NULL, rows, 2, &d->arena, &err), &err);
    ck_assert_uint_eq(m.n_floats, 1);
    ck_assert_uint_eq(m.n_cats, 1);
    ck_assert(isnan(m.floats[0]));
    ck_assert_double_eq((double)m.floats[1], 2);
    ck_assert_uint_eq(m.cats[0].n, 0);
    ck_assert_text(((struct str){m.cats[1].p, m.cats[1].n}), "pathe");
    features_free(f);
    film_data_free(d);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("film_data");
    TCase *t = tcase_create("film_data");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, order_and_marks);
    tcase_add_test(t, mistakes);
    tcase_add_test(t, bad_rows_left_out);
    tcase_add_test(t, matrix);
    suite_add_tcase(s, t);
    return check_main(s);
}
