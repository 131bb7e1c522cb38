/* Histories of a film file, and the films of a week, for features that draw on the past. */
#ifndef MRC_TRAIN_FILM_HISTORY_H
#define MRC_TRAIN_FILM_HISTORY_H

#include "common/forecast/film_data.h"

/* Teach films[0..n) with known entries that are not to be ignored; sealed. Whoever asks about a film is told only of
 * those released HISTORY_KNOWN_DAYS before it, so one history serves training, calibration and back-test. */
int film_history_make(struct history **out, const struct schema *schema, const struct film *films, size_t n,
                      struct mrc_err *err) MRC_CHECKED;

/* The listed films around a day, for the rivals of the films released on it. */
int film_rivals(struct rivals *out, const struct film_data *d, const struct history *h, int32_t day, struct arena *a,
                struct mrc_err *err) MRC_CHECKED;

#endif
