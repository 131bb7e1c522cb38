/* Calendar tables: days, periods, months, their ends, and what is refused. */
#include "tests/unit/check_main.h"

#include "common/base/csv.h"
#include "common/base/date.h"
#include "common/base/file.h"
#include "common/forecast/calendar.h"

#include <math.h>

static const char text[] =
    "{\"format\":1,"
    "\"school_holidays\":{\"from\":\"2020-01-01\",\"to\":\"2020-03-31\",\"zones\":{"
    "\"A\":[[\"2020-02-03\",\"2020-02-04\"]],\"B\":[[\"2020-02-04\",\"2020-02-04\"]],\"C\":[]}},"
    "\"periods\":{\"covid\":{\"from\":\"1900-01-01\",\"to\":null,\"spans\":[[\"2020-03-14\",\"2020-06-21\",3],"
    "[\"2020-06-22\",\"2020-10-29\",2]]},"
    "\"war\":{\"from\":\"2020-01-01\",\"to\":\"2020-12-31\",\"spans\":[]}},"
    "\"months\":{\"cinema\":["
    "[\"2019-01\",10,\"2019-02-03\"],[\"2019-02\",20,\"2019-03-03\"],[\"2019-03\",30,\"2019-04-03\"],"
    "[\"2020-01\",20,\"2020-02-03\"],[\"2020-02\",40,\"2020-03-03\"],[\"2020-03\",60,\"2020-04-03\"]]}}";

static struct calendar *calendar;

static void setup(void)
{
    struct mrc_err err = {0};
    ck_assert_ok(calendar_read(&calendar, str_of(text), &err), &err);
}

static void teardown(void)
{
    calendar_free(calendar);
}

static int32_t day(int year, int month, int of_month)
{
    return date_from_civil(year, month, of_month);
}

START_TEST(zones)
{
    ck_assert_uint_eq(calendar_zones(STR("A")), 1);
    ck_assert_uint_eq(calendar_zones(STR("CA")), 5);
    ck_assert_uint_eq(calendar_zones(STR("ABCDEFGH")), 255);
    ck_assert_uint_eq(calendar_zones(STR("AA")), 0);
    ck_assert_uint_eq(calendar_zones(STR("I")), 0);
    ck_assert_uint_eq(calendar_zones(STR("a")), 0);
    ck_assert_uint_eq(calendar_zones(STR("")), 0);
}
END_TEST

START_TEST(school_holidays)
{
    unsigned all = calendar_zones(STR("ABC"));
    ck_assert_double_eq(calendar_school(calendar, all, day(2020, 2, 3), 7), 3 / 21.0);
    ck_assert_double_eq(calendar_school(calendar, 1, day(2020, 2, 4), 1), 1);
    ck_assert_double_eq(calendar_school(calendar, 1, day(2020, 2, 5), 7), 0);
    ck_assert_double_eq(calendar_school(calendar, 4, day(2020, 2, 3), 7), 0);
    /* The last day is known, the one behind it is not, and no part of it is "no holiday". */
    ck_assert_double_eq(calendar_school(calendar, all, day(2020, 3, 25), 7), 0);
    ck_assert(isnan(calendar_school(calendar, all, day(2020, 3, 26), 7)));
    ck_assert(isnan(calendar_school(calendar, all, day(2019, 12, 31), 7)));
    ck_assert(isnan(calendar_school(calendar, all, INT32_MAX - 3, 7)));
    ck_assert(isnan(calendar_school(calendar, 8, day(2020, 2, 3), 7))); /* zone D has no table */
    ck_assert_int_eq(calendar_school_end(calendar), day(2020, 3, 31));
}
END_TEST

START_TEST(public_holidays)
{
    ck_assert_double_eq(calendar_public(day(2019, 12, 25), 8), 2);
    ck_assert_double_eq(calendar_public(day(2022, 4, 18), 1), 1); /* Easter Monday */
    ck_assert_double_eq(calendar_public(day(2022, 4, 17), 1), 0); /* Easter Sunday is a Sunday anyway */
    ck_assert_double_eq(calendar_public(day(2022, 5, 26), 1), 1); /* Ascension */
    ck_assert_double_eq(calendar_public(day(2022, 6, 6), 1), 1);  /* Whit Monday */
    ck_assert_double_eq(calendar_public(day(2022, 1, 1), 365), 11);
    ck_assert_double_eq(calendar_public(day(2008, 5, 1), 1), 1); /* 1 May and Ascension: one day */
    ck_assert_double_eq(calendar_public(day(2008, 1, 1), 366), 10);
}
END_TEST

START_TEST(periods)
{
    ck_assert_double_eq(calendar_period(calendar, STR("covid"), day(2020, 3, 13)), 0);
    ck_assert_double_eq(calendar_period(calendar, STR("covid"), day(2020, 3, 14)), 3);
    ck_assert_double_eq(calendar_period(calendar, STR("covid"), day(2020, 6, 21)), 3);
    ck_assert_double_eq(calendar_period(calendar, STR("covid"), day(2020, 10, 29)), 2);
    ck_assert_double_eq(calendar_period(calendar, STR("covid"), day(2090, 1, 1)), 0); /* it still holds */
    ck_assert(isnan(calendar_period(calendar, STR("covid"), day(1899, 12, 31))));
    ck_assert_double_eq(calendar_period(calendar, STR("war"), day(2020, 12, 31)), 0);
    ck_assert(isnan(calendar_period(calendar, STR("war"), day(2021, 1, 1))));
    ck_assert(isnan(calendar_period(calendar, STR("peace"), day(2020, 6, 1))));
}
END_TEST

START_TEST(months)
{
    struct str name = STR("cinema");
    int32_t d = day(2020, 4, 15);
    ck_assert_double_eq(calendar_months_change(calendar, name, d, d - 7, 3), log10(2));
    /* A day before the last note only January and February are known: 2019-12 is not, so nothing is. */
    ck_assert(isnan(calendar_months_change(calendar, name, d, day(2020, 4, 2), 3)));
    ck_assert_double_eq(calendar_months_change(calendar, name, d, day(2020, 4, 2), 2), log10(2));
    ck_assert_double_eq(calendar_months_sum(calendar, name, d, d, 3), 120);
    ck_assert_double_eq(calendar_months_sum(calendar, name, d, d, 4), 160); /* three of four, scaled up */
    ck_assert(isnan(calendar_months_sum(calendar, name, d, d, 5)));
    /* Four months old at most. */
    ck_assert(!isnan(calendar_months_sum(calendar, name, day(2020, 7, 31), d, 3)));
    ck_assert(isnan(calendar_months_sum(calendar, name, day(2020, 8, 1), d, 3)));
    ck_assert(isnan(calendar_months_sum(calendar, STR("theatre"), d, d, 3)));
    ck_assert(isnan(calendar_months_sum(calendar, name, d, day(2019, 1, 1), 3)));
}
END_TEST

static const struct {
    const char *json, *message;
} refused[] = {
    {"[]", "format"},
    {"{}", "format"},
    {"{\"format\":2}", "format"},
    {"{\"format\":1,\"holidays\":{}}", "no \"holidays\""},
    {"{\"format\":1,\"school_holidays\":{}}", "school holidays: a date"},
    {"{\"format\":1,\"school_holidays\":{\"from\":\"2020-01-02\",\"to\":\"2020-01-01\",\"zones\":{}}}", "days"},
    {"{\"format\":1,\"school_holidays\":{\"from\":\"0001-01-01\",\"to\":\"9999-01-01\",\"zones\":{}}}", "days"},
    {"{\"format\":1,\"school_holidays\":{\"from\":\"2020-01-01\",\"to\":\"2020-01-02\",\"zones\":[]}}", "zones"},
    {"{\"format\":1,\"school_holidays\":{\"from\":\"2020-01-01\",\"to\":\"2020-01-02\",\"zones\":{\"AB\":[]}}}", "AB"},
    {"{\"format\":1,\"school_holidays\":{\"from\":\"2020-01-01\",\"to\":\"2020-01-02\",\"zones\":{\"A\":3}}}", "list"},
    {"{\"format\":1,\"school_holidays\":{\"from\":\"2020-01-01\",\"to\":\"2020-01-02\","
     "\"zones\":{\"A\":[[\"2020-01-02\",\"2020-01-03\"]]}}}",
     "leave"},
    {"{\"format\":1,\"periods\":{\"p\":{\"from\":\"x\",\"spans\":[]}}}", "period \"p\": a date"},
    {"{\"format\":1,\"periods\":{\"p\":{\"from\":\"2020-01-01\",\"spans\":[[\"2020-01-01\",\"2020-01-02\"]]}}}",
     "value"},
    {"{\"format\":1,\"periods\":{\"p\":{\"from\":\"2020-01-01\",\"spans\":[[\"2020-01-03\",\"2020-01-02\",1]]}}}",
     "before it begins"},
    {"{\"format\":1,\"periods\":{\"p\":{\"from\":\"2020-01-01\",\"spans\":[[\"2020-01-01\",\"2020-01-02\",1],"
     "[\"2020-01-02\",\"2020-01-02\",1]]}}}",
     "not meet"},
    {"{\"format\":1,\"months\":{\"m\":{}}}", "months \"m\": must be a list"},
    {"{\"format\":1,\"months\":{\"m\":[[\"2020-13\",1,\"2020-01-01\"]]}}", "2020-13"},
    {"{\"format\":1,\"months\":{\"m\":[[\"2020-01\",-1,\"2020-01-01\"]]}}", "no value"},
    {"{\"format\":1,\"months\":{\"m\":[[\"2020-01\",1,\"\"]]}}", "a date"},
    {"{\"format\":1,\"months\":{\"m\":[[\"2020-02\",1,\"2020-01-01\"],[\"2020-01\",1,\"2020-01-01\"]]}}", "ascend"},
    {"{\"format\":1,", "line"},
};

START_TEST(refusals)
{
    struct calendar *c = NULL;
    struct mrc_err err = {0};
    int rc = calendar_read(&c, str_of(refused[_i].json), &err);
    ck_assert_msg(rc < 0 && c == NULL, "%s", refused[_i].json);
    ck_assert_msg(strstr(err.msg, refused[_i].message) || err.line > 0, "%s: %s", refused[_i].json, err.msg);
    ck_assert_int_eq(calendar_read(&c, str_of(refused[_i].json), NULL), rc);
}
END_TEST

START_TEST(no_tables)
{
    struct calendar *c;
    struct mrc_err err = {0};
    ck_assert_ok(calendar_read(&c, STR("{\"format\":1}"), &err), &err);
    ck_assert(isnan(calendar_school(c, 1, 0, 1)));
    ck_assert_int_eq(calendar_school_end(c), DATE_NONE);
    ck_assert(isnan(calendar_period(c, STR("covid"), 0)));
    calendar_free(c);
    calendar_free(NULL);
}
END_TEST

static struct calendar *read_shipped(void)
{
    struct calendar *c;
    struct mrc_err err = {0};
    char *own;
    size_t n;
    ck_assert_ok(file_read("data/calendar.json", 1 << 20, &own, &n, &err), &err);
    ck_assert_ok(calendar_read(&c, (struct str){own, n}, &err), &err);
    free(own);
    return c;
}

START_TEST(shipped)
{
    struct calendar *c = read_shipped();
    unsigned all = calendar_zones(STR("ABC"));
    ck_assert_int_ge(calendar_school_end(c), day(2026, 12, 31));
    ck_assert_double_eq(calendar_school(c, all, day(2026, 8, 5), 7), 1);
    ck_assert_double_eq(calendar_period(c, STR("covid"), day(2021, 1, 13)), 3);
    ck_assert_double_eq(calendar_period(c, STR("covid"), day(2024, 1, 3)), 0);
    /* The months are the user's to add (data/months.py): until then they are unknown. */
    ck_assert(isnan(calendar_months_sum(c, STR("cinema_admissions"), day(2025, 4, 16), day(2025, 4, 9), 12)));
    calendar_free(c);
}
END_TEST

/* Every day of the source against the shipped table. */
START_TEST(shipped_is_the_source)
{
    char path[300];
    if (!check_data("data/calendar-fr/vacances_scolaires.csv", path, sizeof path)) {
        return;
    }
    struct calendar *c = read_shipped();
    struct csv *csv;
    const struct str *names;
    const struct csv_cell *cells;
    uint32_t n;
    struct mrc_err err = {0};
    ck_assert_ok(csv_open(&csv, path, &csv_limits_file, &err), &err);
    ck_assert_ok(csv_header(csv, &names, &n, &err), &err);
    size_t days = 0;
    int rc;
    while ((rc = csv_next(csv, &cells, &n, &err)) == 1) {
        int32_t d = date_parse(cells[0].text, NULL);
        for (unsigned z = 0; z < 3 && d >= day(1990, 9, 1); z++, days++) {
            ck_assert_double_eq(calendar_school(c, 1U << z, d, 1), str_is(cells[1 + z].text, "True"));
        }
    }
    ck_assert_ok(rc, &err);
    ck_assert_uint_gt(days, 30000);
    csv_close(csv);
    calendar_free(c);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("calendar");
    TCase *t = tcase_create("calendar");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, zones);
    tcase_add_test(t, school_holidays);
    tcase_add_test(t, public_holidays);
    tcase_add_test(t, periods);
    tcase_add_test(t, months);
    tcase_add_loop_test(t, refusals, 0, sizeof refused / sizeof refused[0]);
    tcase_add_test(t, no_tables);
    tcase_add_test(t, shipped);
    tcase_add_test(t, shipped_is_the_source);
    suite_add_tcase(s, t);
    return check_main(s);
}
