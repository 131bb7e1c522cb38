/* What a model learnt from, described: the reference that later films are compared with.
 *
 * Of each number quantile points, of each category counts, of both the share of unknowns, the importance, and what the
 * distance of a random part of the same films from all of them is: E0 (mean) and q95 for parts of several sizes. No
 * single film can be read off: points begin at 0.5 %, and categories of fewer than three films are counted together. */
#ifndef MRC_TRAIN_FILM_REFERENCE_H
#define MRC_TRAIN_FILM_REFERENCE_H

#include "train/film_table.h"

/* One JSON object for the films of a table as they are, and the columns of a model. */
int film_reference_write(const struct film_table *t, const struct features *features, const mrc_model *model,
                         struct buf *out, struct mrc_err *err) MRC_CHECKED;

#endif
