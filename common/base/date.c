/* Civil dates by arithmetic on day numbers, counted from 0000-03-01 so that the leap day ends a year. */
#include "common/base/date.h"

enum { DAYS_PER_ERA = 146097 /* 400 years */, EPOCH_SHIFT = 719468 /* 0000-03-01 to 1970-01-01 */ };

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int year, int month)
{
    static const unsigned char days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month] + (month == 2 && is_leap(year));
}

/* Days before the month's first in a year that begins in March. */
static int days_before_month(int month_from_march)
{
    return (153 * month_from_march + 2) / 5;
}

int32_t date_from_civil(int year, int month, int day)
{
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
        return DATE_NONE;
    }
    int y = month <= 2 ? year - 1 : year; /* >= 0 */
    int day_of_year = days_before_month((month + 9) % 12) + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - EPOCH_SHIFT;
}

static bool in_range(int32_t date)
{
    return date >= -719162 && date <= 2932896; /* 0001-01-01 to 9999-12-31 */
}

struct civil date_to_civil(int32_t date)
{
    if (!in_range(date)) {
        return (struct civil){0, 0, 0};
    }
    int days = date + EPOCH_SHIFT, era = days / DAYS_PER_ERA, in_era = days % DAYS_PER_ERA;
    int year_in_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int day_of_year = in_era - (365 * year_in_era + year_in_era / 4 - year_in_era / 100);
    int month_from_march = (5 * day_of_year + 2) / 153;
    int month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    int year = era * 400 + year_in_era + (month <= 2);
    return (struct civil){year, month, day_of_year - days_before_month(month_from_march) + 1};
}

int date_weekday(int32_t date)
{
    /* 1970-01-01 was a Thursday (3). */
    int w = (int)(((int64_t)date + 3) % 7);
    return w < 0 ? w + 7 : w;
}

int date_day_of_year(int32_t date)
{
    struct civil c = date_to_civil(date);
    return c.year == 0 ? 0 : date - date_from_civil(c.year, 1, 1) + 1;
}

void date_iso_week(int32_t date, int *iso_year, int *week)
{
    /* A week belongs to the year of its Thursday. At the ends of the range that Thursday exists too: 0001-01-01 is a
     * Monday and 9999-12-31 a Friday. */
    int32_t thursday = in_range(date) ? date - date_weekday(date) + 3 : DATE_NONE;
    struct civil c = date_to_civil(thursday);
    *iso_year = c.year;
    *week = c.year == 0 ? 0 : (date_day_of_year(thursday) - 1) / 7 + 1;
}

int32_t date_film_week(int32_t date)
{
    if (!in_range(date)) {
        return DATE_NONE;
    }
    int32_t wednesday = date - (date_weekday(date) + 5) % 7;
    return in_range(wednesday) ? wednesday : DATE_NONE;
}

int32_t date_easter(int year)
{
    /* Jean Meeus, Astronomical Algorithms, chapter 8. */
    int a = year % 19, b = year / 100, c = year % 100;
    int d = b / 4, e = b % 4, f = (b + 8) / 25, g = (b - f + 1) / 3;
    int h = (19 * a + b - d - g + 15) % 30;
    int i = c / 4, k = c % 4;
    int l = (32 + 2 * e + 2 * i - h - k) % 7;
    int m = (a + 11 * h + 22 * l) / 451;
    int n = h + l - 7 * m + 114;
    return date_from_civil(year, n / 31, n % 31 + 1);
}

static bool digits(const char *p, int n, int *out)
{
    int v = 0;
    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return false;
        }
        v = v * 10 + (p[i] - '0');
    }
    *out = v;
    return true;
}

static enum date_problem parse(struct str s, struct civil *c)
{
    if (s.n < 10) {
        return DATE_SHORT;
    }
    if (!digits(s.p, 4, &c->year) || c->year == 0) {
        return DATE_YEAR;
    }
    if (s.p[4] != '-') {
        return DATE_SEPARATOR;
    }
    if (!digits(s.p + 5, 2, &c->month) || c->month < 1 || c->month > 12) {
        return DATE_MONTH;
    }
    if (s.p[7] != '-') {
        return DATE_SEPARATOR;
    }
    if (!digits(s.p + 8, 2, &c->day) || c->day < 1 || c->day > days_in_month(c->year, c->month)) {
        return DATE_DAY;
    }
    return s.n > 10 ? DATE_TRAILING : DATE_OK;
}

int32_t date_parse(struct str s, enum date_problem *why)
{
    struct civil c;
    enum date_problem problem = parse(s, &c);
    if (why != NULL) {
        *why = problem;
    }
    return problem == DATE_OK ? date_from_civil(c.year, c.month, c.day) : DATE_NONE;
}

/* The last n decimal digits of v. */
static char *put_digits(char *p, int v, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        p[i] = (char)('0' + v % 10);
        v /= 10;
    }
    return p + n;
}

void date_format(int32_t date, char out[DATE_TEXT])
{
    struct civil c = date_to_civil(date);
    if (c.year == 0) {
        out[0] = '\0';
        return;
    }
    char *p = put_digits(out, c.year, 4);
    *p++ = '-';
    p = put_digits(p, c.month, 2);
    *p++ = '-';
    *put_digits(p, c.day, 2) = '\0';
}

void stamp_format(int64_t unix_ms, char out[STAMP_TEXT])
{
    const int64_t day_ms = 86400000, min = -719162 * day_ms, max = 2932897 * day_ms - 1;
    unix_ms = unix_ms < min ? min : unix_ms > max ? max : unix_ms;
    int64_t day = unix_ms / day_ms, rest = unix_ms % day_ms;
    if (rest < 0) {
        day--;
        rest += day_ms;
    }
    date_format((int32_t)day, out);
    char *p = out + DATE_TEXT - 1;
    *p++ = 'T';
    p = put_digits(p, (int)(rest / 3600000), 2);
    *p++ = ':';
    p = put_digits(p, (int)(rest / 60000 % 60), 2);
    *p++ = ':';
    p = put_digits(p, (int)(rest / 1000 % 60), 2);
    *p++ = '.';
    p = put_digits(p, (int)(rest % 1000), 3);
    *p++ = 'Z';
    *p = '\0';
}
