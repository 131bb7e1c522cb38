/* The table of past films for "films like this one": titles, years and leaves, no figure. */
#ifndef MRC_TRAIN_FILM_SIMILAR_H
#define MRC_TRAIN_FILM_SIMILAR_H

#include "train/film_table.h"

/* tables/similar.json of the films of a table's last years under a model of these columns. */
int film_similar_write(const struct film_table *t, const struct features *features, const mrc_model *model,
                       struct buf *out, struct mrc_err *err) MRC_CHECKED;

#endif
