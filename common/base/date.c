/* Civil dates as day numbers (date.h). The conversions count days from 0000-03-01, so that a leap day ends its year. */
#include "common/base/date.h"

#include <stdio.h>
#include <string.h>

enum { DAYS_0000_03_01_TO_1970 = 719468, DAYS_PER_ERA = 146097 };

static bool leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_length(int year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return lengths[month - 1] + (month == 2 && leap(year));
}

int32_t date_from_civil(int year, int month, int day)
{
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > month_length(year, month)) {
        return DATE_NONE;
    }
    int y = month <= 2 ? year - 1 : year;
    int era = y / 400;
    int year_of_era = y % 400;
    int day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_0000_03_01_TO_1970;
}

struct civil date_to_civil(int32_t date)
{
    int32_t days = date + DAYS_0000_03_01_TO_1970; /* not negative from 0001-01-01 on */
    int era = days / DAYS_PER_ERA;
    int day_of_era = days % DAYS_PER_ERA;
    int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month = (5 * day_of_year + 2) / 153;
    struct civil c = {.year = era * 400 + year_of_era,
                      .month = month < 10 ? month + 3 : month - 9,
                      .day = day_of_year - (153 * month + 2) / 5 + 1};
    c.year += c.month <= 2;
    return c;
}

static int32_t floor_mod(int32_t a, int32_t n)
{
    return ((a % n) + n) % n;
}

int date_weekday(int32_t date)
{
    return floor_mod(date + 3, 7); /* 1970-01-01 was a Thursday */
}

int date_day_of_year(int32_t date)
{
    return date - date_from_civil(date_to_civil(date).year, 1, 1) + 1;
}

void date_iso_week(int32_t date, int *iso_year, int *week)
{
    int32_t thursday = date - date_weekday(date) + 3; /* a week belongs to the year of its Thursday */
    struct civil c = date_to_civil(thursday);
    *iso_year = c.year;
    *week = (thursday - date_from_civil(c.year, 1, 1)) / 7 + 1;
}

int32_t date_film_week(int32_t date)
{
    return date - floor_mod(date_weekday(date) - 2, 7);
}

int32_t date_easter(int year)
{
    int a = year % 19;
    int b = year / 100;
    int c = year % 100;
    int d = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    int e = (32 + 2 * (b % 4) + 2 * (c / 4) - d - c % 4) % 7;
    int f = d + e - 7 * ((a + 11 * d + 22 * e) / 451) + 114;
    return date_from_civil(year, f / 31, f % 31 + 1);
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

static enum date_problem parse(struct str s, int32_t *out)
{
    int year;
    int month;
    int day;
    if (s.n < 10) {
        return DATE_SHORT;
    }
    if (!digits(s.p, 4, &year) || year == 0) {
        return DATE_YEAR;
    }
    if (s.p[4] != '-' || s.p[7] != '-') {
        return DATE_SEPARATOR;
    }
    if (!digits(s.p + 5, 2, &month) || month < 1 || month > 12) {
        return DATE_MONTH;
    }
    if (!digits(s.p + 8, 2, &day) || day < 1 || day > month_length(year, month)) {
        return DATE_DAY;
    }
    if (s.n > 10) {
        return DATE_TRAILING;
    }
    *out = date_from_civil(year, month, day);
    return DATE_OK;
}

int32_t date_parse(struct str s, enum date_problem *why)
{
    int32_t date = DATE_NONE;
    enum date_problem problem = parse(s, &date);
    if (why != NULL) {
        *why = problem;
    }
    return date;
}

void date_format(int32_t date, char out[DATE_TEXT])
{
    struct civil c = date_to_civil(date);
    char text[40];
    snprintf(text, sizeof text, "%04d-%02d-%02d", c.year, c.month, c.day);
    memcpy(out, text, DATE_TEXT - 1);
    out[DATE_TEXT - 1] = '\0';
}

void stamp_format(int64_t unix_ms, char out[STAMP_TEXT])
{
    int64_t day = unix_ms / 86400000;
    int64_t ms = unix_ms % 86400000;
    if (ms < 0) {
        day--;
        ms += 86400000;
    }
    struct civil c = date_to_civil((int32_t)day);
    char text[96];
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day, (int)(ms / 3600000),
             (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
    memcpy(out, text, STAMP_TEXT - 1);
    out[STAMP_TEXT - 1] = '\0';
}
