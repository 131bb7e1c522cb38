/* The films of a week: how many rivals a film has, and how large they may be. For analysis only: a request brings one
 * film or part of a week, so no served model reads these. */
#ifndef MRC_FORECAST_RIVALS_H
#define MRC_FORECAST_RIVALS_H

#include "common/base/date.h"
#include "common/forecast/past.h"

struct rival {
    const struct value *values; /* of its row: tells the film itself */
    struct str genre;           /* main genre, folded */
    double screens;             /* NaN unknown */
    double guess;               /* log10, as guessed on the day the week was made for */
};

enum { RIVALS_BEFORE, RIVALS_SAME, RIVALS_AFTER, RIVALS__WEEKS };

/* Films released seven days before a day, on it, and seven days after. */
struct rivals {
    const struct rival *films[RIVALS__WEEKS];
    uint32_t n[RIVALS__WEEKS];
};

/* Describe listed films of the three days as they were on `day`; rows must outlive the result. h private, sealed. */
int rivals_make(struct rivals *out, const struct history *h, const struct film_fields *fields, int32_t day,
                const struct row *const *rows[RIVALS__WEEKS], const uint32_t n[RIVALS__WEEKS], struct arena *a,
                struct mrc_err *err) MRC_CHECKED;

/* The vocabulary: statistics of one of the weeks, the film itself left out. */
struct rival_stat {
    const char *name;
    double (*ask)(const struct rivals *r, int week, const struct row *row, const struct film_keys *keys);
};
const struct rival_stat *rival_stat_find(struct str name); /* NULL: none */

#endif
