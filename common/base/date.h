/* Civil dates as day numbers (proleptic Gregorian), and the film week, which begins on Wednesday. No time zones except
 * Unix time to a UTC stamp. */
#ifndef MRC_BASE_DATE_H
#define MRC_BASE_DATE_H

#include "common/base/text.h"

/* A date is an int32_t: days since 1970-01-01; range 0001-01-01 to 9999-12-31. */
#define DATE_NONE INT32_MIN

struct civil {
    int year, month, day; /* 1-12, 1-31 */
};

int32_t date_from_civil(int year, int month, int day); /* DATE_NONE when no such day */
struct civil date_to_civil(int32_t date);              /* {0, 0, 0} out of range */
int date_weekday(int32_t date);                        /* 0 Monday … 6 Sunday */
int date_day_of_year(int32_t date);                    /* 1-366 */
/* ISO 8601 week and its year (2021-01-03 is week 53 of 2020). */
void date_iso_week(int32_t date, int *iso_year, int *week);
int32_t date_film_week(int32_t date); /* the Wednesday on or before, or DATE_NONE */
int32_t date_easter(int year);        /* Western Easter Sunday (Meeus/Jones/Butcher), or DATE_NONE */

enum date_problem { DATE_OK, DATE_SHORT, DATE_SEPARATOR, DATE_YEAR, DATE_MONTH, DATE_DAY, DATE_TRAILING };
/* Exactly YYYY-MM-DD. *why (may be NULL) says what is wrong. DATE_NONE on any problem. */
int32_t date_parse(struct str s, enum date_problem *why);
enum { DATE_TEXT = 11 /* with NUL */, STAMP_TEXT = 25 /* 2026-11-24T09:30:00.123Z with NUL */ };
void date_format(int32_t date, char out[DATE_TEXT]);      /* DATE_NONE and days out of range give "" */
void stamp_format(int64_t unix_ms, char out[STAMP_TEXT]); /* UTC, RFC 3339; cut to the range of dates */

#endif
