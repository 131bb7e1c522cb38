/* Dates: every day of eight thousand years round-trips; weeks, Easter and messages against known values. */
#include "common/base/date.h"

#include "tests/unit/check_main.h"

START_TEST(every_day_round_trips)
{
    int32_t day = date_from_civil(1, 1, 1);
    int year = 0;
    int weekday = date_weekday(day);
    for (int32_t d = day; d <= date_from_civil(9999, 12, 31); d++) {
        struct civil c = date_to_civil(d);
        ck_assert_int_eq(date_from_civil(c.year, c.month, c.day), d);
        ck_assert_int_eq(date_weekday(d), weekday);
        weekday = (weekday + 1) % 7;
        ck_assert(c.year == year || (c.year == year + 1 && c.month == 1 && c.day == 1));
        year = c.year;
    }
    ck_assert_int_eq(year, 9999);
}
END_TEST

START_TEST(known_days)
{
    ck_assert_int_eq(date_from_civil(1970, 1, 1), 0);
    ck_assert_int_eq(date_from_civil(2000, 3, 1), 11017);
    ck_assert_int_eq(date_from_civil(1969, 12, 31), -1);
    ck_assert_int_eq(date_weekday(date_from_civil(2026, 11, 25)), 2);
    ck_assert_int_eq(date_film_week(date_from_civil(2026, 11, 24)), date_from_civil(2026, 11, 18));
    ck_assert_int_eq(date_film_week(date_from_civil(2026, 11, 25)), date_from_civil(2026, 11, 25));
    ck_assert_int_eq(date_day_of_year(date_from_civil(2024, 12, 31)), 366);
    ck_assert_int_eq(date_easter(2024), date_from_civil(2024, 3, 31));
    ck_assert_int_eq(date_easter(2038), date_from_civil(2038, 4, 25));
    ck_assert_int_eq(date_easter(1818), date_from_civil(1818, 3, 22));
    ck_assert_int_eq(date_from_civil(2023, 2, 29), DATE_NONE);
    ck_assert_int_eq(date_from_civil(0, 1, 1), DATE_NONE);
    ck_assert_int_eq(date_from_civil(10000, 1, 1), DATE_NONE);
}
END_TEST

START_TEST(iso_weeks)
{
    static const struct {
        int y, m, d, iso_year, week;
    } cases[] = {{2021, 1, 3, 2020, 53},
                 {2021, 1, 4, 2021, 1},
                 {2018, 12, 31, 2019, 1},
                 {2026, 12, 31, 2026, 53},
                 {2010, 1, 3, 2009, 53}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int year;
        int week;
        date_iso_week(date_from_civil(cases[i].y, cases[i].m, cases[i].d), &year, &week);
        ck_assert_int_eq(year, cases[i].iso_year);
        ck_assert_int_eq(week, cases[i].week);
    }
}
END_TEST

START_TEST(texts)
{
    static const struct {
        const char *text;
        enum date_problem problem;
    } cases[] = {{"2026-11-25", DATE_OK},          {"2026-11-2", DATE_SHORT},  {"", DATE_SHORT},
                 {"2026/11/25", DATE_SEPARATOR},   {"x026-11-25", DATE_YEAR},  {"0000-11-25", DATE_YEAR},
                 {"2026-13-25", DATE_MONTH},       {"2026-00-25", DATE_MONTH}, {"2026-02-30", DATE_DAY},
                 {"2026-11-25T00", DATE_TRAILING}, {"2026-11-+5", DATE_DAY}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum date_problem why;
        int32_t date = date_parse(str_of(cases[i].text), &why);
        ck_assert_msg(why == cases[i].problem, "%s: %d", cases[i].text, why);
        ck_assert_int_eq(date == DATE_NONE, why != DATE_OK);
    }
    char out[STAMP_TEXT];
    date_format(date_from_civil(33, 4, 5), out);
    ck_assert_str_eq(out, "0033-04-05");
    stamp_format(1795599000123, out);
    ck_assert_str_eq(out, "2026-11-25T09:30:00.123Z");
    stamp_format(-1, out);
    ck_assert_str_eq(out, "1969-12-31T23:59:59.999Z");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("date");
    TCase *tc = tcase_create("date");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, every_day_round_trips);
    tcase_add_test(tc, known_days);
    tcase_add_test(tc, iso_weeks);
    tcase_add_test(tc, texts);
    suite_add_tcase(suite, tc);
    return check_main(suite);
}
