/* Names of refreshed versions. */
#include "tests/unit/check_main.h"

#include "common/base/date.h"
#include "fcgi/weekly.h"

START_TEST(names)
{
    static const struct {
        const char *base;
        int year, month, day;
        unsigned k;
        const char *name;
    } cases[] = {
        {"0001", 2026, 11, 18, 1, "0001-2026w47"},
        {"0001-2026w46", 2026, 11, 18, 1, "0001-2026w47"},
        {"0001-2026w46.3", 2026, 11, 18, 1, "0001-2026w47"},
        {"0001-2026w47", 2026, 11, 18, 2, "0001-2026w47.2"},
        {"0001", 2021, 1, 1, 1, "0001-2020w53"}, /* ISO 8601's year */
        {"0001-b", 2026, 1, 7, 1, "0001-b-2026w02"},
        {"0001-2026w4", 2026, 1, 7, 1, "0001-2026w4-2026w02"}, /* no week of ours */
        {"0001-2026w46.", 2026, 1, 7, 1, "0001-2026w46.-2026w02"},
        {"0001-2026w46.3.4a1b2c3d", 2026, 1, 7, 12, "0001-2026w46.3.4a1b2c3d-2026w02.12"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[WEEKLY_NAME_MAX];
        int32_t day = date_from_civil(cases[i].year, cases[i].month, cases[i].day);
        ck_assert(weekly_name(str_of(cases[i].base), day, cases[i].k, out));
        ck_assert_str_eq(out, cases[i].name);
    }
    char long_one[WEEKLY_NAME_MAX], out[WEEKLY_NAME_MAX];
    memset(long_one, 'v', sizeof long_one);
    long_one[WEEKLY_NAME_MAX - 8] = '\0'; /* eight for the week, and the NUL: one too many */
    ck_assert(!weekly_name(str_of(long_one), date_from_civil(2026, 1, 7), 1, out));
    ck_assert(weekly_name(str_of(long_one + 1), date_from_civil(2026, 1, 7), 1, out));
    ck_assert(!weekly_name(str_of(long_one + 1), date_from_civil(2026, 1, 7), 2, out));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("weekly");
    TCase *t = tcase_create("names");
    tcase_add_test(t, names);
    suite_add_tcase(s, t);
    return check_main(s);
}
