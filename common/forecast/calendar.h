/* What is known about days long before they come: school and public holidays, periods, monthly figures.
 *
 * Read from tables/calendar.json (models/FORMAT.md). Each table says for which days it holds; a question beyond is
 * answered "unknown" (NaN), never "no holiday". Public holidays are computed. Immutable after reading; thread-safe. */
#ifndef MRC_FORECAST_CALENDAR_H
#define MRC_FORECAST_CALENDAR_H

#include "common/base/text.h"

struct calendar;

/* MRC_EFORMAT says which table, and what is wrong with it. The text is not referred to afterwards. */
int calendar_read(struct calendar **out, struct str json, struct mrc_err *err) MRC_CHECKED;
void calendar_free(struct calendar *c); /* NULL is fine */

/* Zones "A", "ABC", … as a set for the functions below; 0 when a letter is not 'A' to 'H' or stands twice. */
unsigned calendar_zones(struct str letters);
/* Share of zone-days of school holidays in [first, first + days). NaN outside the table, or without one of the zones.
 */
double calendar_school(const struct calendar *c, unsigned zones, int32_t first, int32_t days);
/* The last day the school holidays are known for; DATE_NONE without a table. */
int32_t calendar_school_end(const struct calendar *c);

/* Number of French public holidays in [first, first + days). */
double calendar_public(int32_t first, int32_t days);

/* Value of the named period table on a day; 0 between its periods, NaN without such a table or outside of it. */
double calendar_period(const struct calendar *c, struct str name, int32_t day);

/* Monthly figures as they were published by `asof`, for a film released on `day`. Unknown when the newest month
 * published is over 4 months old. `change`: log10 of the newest `months` months over the same a year before, all
 * published; `sum`: of the newest `months` ones, scaled up when up to a quarter of them are missing. */
double calendar_months_change(const struct calendar *c, struct str name, int32_t day, int32_t asof, uint32_t months);
double calendar_months_sum(const struct calendar *c, struct str name, int32_t day, int32_t asof, uint32_t months);

#endif
