/* report.json: what a training found, in aggregates; and report.md, the model's card, from it.
 *
 * Pages are drawn from the JSON (mercredi-train report, the models page). No group has fewer than REPORT_FILMS_MIN
 * films. */
#ifndef MRC_TRAIN_FILM_REPORT_H
#define MRC_TRAIN_FILM_REPORT_H

#include "train/film_table.h"

enum { REPORT_FILMS_MIN = 20 };

/* One setting's object: errors of the films [first, n) of t as they are (truth - score in log10, films not seen), the
 * model's curve, intervals, importance per field and dependence on the main columns. */
int film_report_write(const struct film_model *m, const struct film_table *t, size_t first, const double *errors,
                      struct buf *out, struct mrc_err *err) MRC_CHECKED;
/* The card of a whole report.json. */
int film_report_card(struct str report, struct buf *out, struct mrc_err *err) MRC_CHECKED;

#endif
