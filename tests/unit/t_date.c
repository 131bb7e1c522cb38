/* Dates: every day of the range there and back, weeks, Easter, texts. */
#include "tests/unit/check_main.h"

#include "common/base/date.h"

START_TEST(every_day_there_and_back)
{
    int32_t date = date_from_civil(1, 1, 1);
    ck_assert_int_eq(date, -719162);
    ck_assert_int_eq(date_weekday(date), 0);
    int day_of_year = 0, weekday = 6;
    for (int year = 1; year <= 9999; year++) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        day_of_year = 0;
        for (int month = 1; month <= 12; month++) {
            int days = month == 2 ? 28 + leap : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
            for (int day = 1; day <= days; day++, date++) {
                struct civil c = date_to_civil(date);
                weekday = (weekday + 1) % 7;
                day_of_year++;
                if (date_from_civil(year, month, day) != date || c.year != year || c.month != month || c.day != day ||
                    date_weekday(date) != weekday || date_day_of_year(date) != day_of_year) {
                    ck_abort_msg("%04d-%02d-%02d", year, month, day);
                }
            }
            ck_assert_int_eq(date_from_civil(year, month, days + 1), DATE_NONE);
        }
    }
    ck_assert_int_eq(date - 1, date_from_civil(9999, 12, 31));
    ck_assert_int_eq(date_to_civil(date).year, 0);
    ck_assert_int_eq(date_from_civil(1970, 1, 1), 0);
}
END_TEST

START_TEST(no_such_day)
{
    static const int bad[][3] = {{0, 1, 1},     {10000, 1, 1}, {2026, 0, 1}, {2026, 13, 1}, {2026, 1, 0},
                                 {2026, 2, 29}, {1900, 2, 29}, {-4, 2, 29},  {2026, 1, -1}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(date_from_civil(bad[i][0], bad[i][1], bad[i][2]), DATE_NONE);
    }
    ck_assert_int_ne(date_from_civil(2000, 2, 29), DATE_NONE);
    ck_assert_int_eq(date_to_civil(DATE_NONE).month, 0);
    ck_assert_int_eq(date_to_civil(INT32_MAX).month, 0);
    ck_assert_int_eq(date_day_of_year(DATE_NONE), 0);
    ck_assert_int_eq(date_film_week(DATE_NONE), DATE_NONE);
    ck_assert_int_eq(date_film_week(date_from_civil(1, 1, 1)), DATE_NONE);
    ck_assert_int_ge(date_weekday(DATE_NONE), 0);
    int year, week;
    date_iso_week(DATE_NONE, &year, &week);
    ck_assert_int_eq(year, 0);
    ck_assert_int_eq(week, 0);
}
END_TEST

START_TEST(iso_weeks)
{
    static const struct {
        const char *date;
        int year, week;
    } cases[] = {{"2021-01-03", 2020, 53}, {"2021-01-04", 2021, 1},  {"2024-12-30", 2025, 1},  {"2024-12-29", 2024, 52},
                 {"2026-11-24", 2026, 48}, {"2009-12-31", 2009, 53}, {"2010-01-03", 2009, 53}, {"2000-01-01", 1999, 52},
                 {"0001-01-01", 1, 1},     {"9999-12-31", 9999, 52}, {"1970-01-01", 1970, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int year, week;
        date_iso_week(date_parse(str_of(cases[i].date), NULL), &year, &week);
        ck_assert_msg(year == cases[i].year && week == cases[i].week, "%s: %d-W%02d", cases[i].date, year, week);
    }
}
END_TEST

START_TEST(film_weeks_begin_on_wednesday)
{
    int32_t wednesday = date_from_civil(2026, 11, 25);
    ck_assert_int_eq(date_weekday(wednesday), 2);
    for (int32_t d = wednesday; d < wednesday + 7; d++) {
        ck_assert_int_eq(date_film_week(d), wednesday);
    }
    ck_assert_int_eq(date_film_week(wednesday - 1), wednesday - 7);
    ck_assert_int_eq(date_film_week(date_from_civil(1, 1, 3)), date_from_civil(1, 1, 3));
}
END_TEST

START_TEST(easter_sundays)
{
    static const int days[][3] = {{1818, 3, 22}, {1943, 4, 25}, {2000, 4, 23}, {2008, 3, 23},
                                  {2019, 4, 21}, {2024, 3, 31}, {2025, 4, 20}, {2026, 4, 5},
                                  {2027, 3, 28}, {2038, 4, 25}, {2285, 3, 22}};
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        ck_assert_int_eq(date_easter(days[i][0]), date_from_civil(days[i][0], days[i][1], days[i][2]));
    }
    for (int year = 1583; year < 9999; year++) {
        int32_t easter = date_easter(year);
        ck_assert_int_eq(date_weekday(easter), 6);
        ck_assert_int_ge(easter, date_from_civil(year, 3, 22));
        ck_assert_int_le(easter, date_from_civil(year, 4, 25));
    }
    ck_assert_int_eq(date_easter(0), DATE_NONE);
    ck_assert_int_eq(date_easter(10000), DATE_NONE);
}
END_TEST

START_TEST(texts)
{
    static const struct {
        const char *text;
        enum date_problem why;
    } cases[] = {{"2026-11-24", DATE_OK},
                 {"0001-01-01", DATE_OK},
                 {"9999-12-31", DATE_OK},
                 {"2024-02-29", DATE_OK},
                 {"", DATE_SHORT},
                 {"2026-11-2", DATE_SHORT},
                 {"26-11-2400", DATE_YEAR},
                 {"0000-11-24", DATE_YEAR},
                 {"+026-11-24", DATE_YEAR},
                 {"2026/11/24", DATE_SEPARATOR},
                 {"2026-11/24", DATE_SEPARATOR},
                 {"2026-1-024", DATE_MONTH},
                 {"2026-00-24", DATE_MONTH},
                 {"2026-13-24", DATE_MONTH},
                 {"2026-11-00", DATE_DAY},
                 {"2026-11-31", DATE_DAY},
                 {"2026-02-29", DATE_DAY},
                 {"2026-11-2x", DATE_DAY},
                 {"2026-11-24 ", DATE_TRAILING},
                 {"2026-11-24T00:00:00Z", DATE_TRAILING},
                 {" 2026-11-24", DATE_YEAR}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum date_problem why = (enum date_problem)99;
        int32_t date = date_parse(str_of(cases[i].text), &why);
        ck_assert_msg(why == cases[i].why, "\"%s\": %d", cases[i].text, (int)why);
        ck_assert_int_eq(date == DATE_NONE, why != DATE_OK);
        ck_assert_int_eq(date_parse(str_of(cases[i].text), NULL), date);
        if (why == DATE_OK) {
            char text[DATE_TEXT];
            date_format(date, text);
            ck_assert_str_eq(text, cases[i].text);
        }
    }
    char text[DATE_TEXT] = "x";
    date_format(DATE_NONE, text);
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(stamps)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{0, "1970-01-01T00:00:00.000Z"},         {1795512600123, "2026-11-24T09:30:00.123Z"},
                 {-1, "1969-12-31T23:59:59.999Z"},        {951782399999, "2000-02-28T23:59:59.999Z"},
                 {INT64_MAX, "9999-12-31T23:59:59.999Z"}, {INT64_MIN, "0001-01-01T00:00:00.000Z"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[STAMP_TEXT];
        stamp_format(cases[i].ms, text);
        ck_assert_str_eq(text, cases[i].text);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("date");
    TCase *t = tcase_create("date");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_day_there_and_back);
    tcase_add_test(t, no_such_day);
    tcase_add_test(t, iso_weeks);
    tcase_add_test(t, film_weeks_begin_on_wednesday);
    tcase_add_test(t, easter_sundays);
    tcase_add_test(t, texts);
    tcase_add_test(t, stamps);
    suite_add_tcase(s, t);
    return check_main(s);
}
