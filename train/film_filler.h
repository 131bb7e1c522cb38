/* The model that estimates a film's budget where it is not known.
 *
 * In past files budgets are missing for small films; a form's hole says nothing. A small model of all other numbers,
 * learnt from films with a budget, fills every hole, in training and in service, so that models of the first week never
 * see one. It knows nothing of entries but through histories. */
#ifndef MRC_TRAIN_FILM_FILLER_H
#define MRC_TRAIN_FILM_FILLER_H

#include "train/film_table.h"

struct film_filler {
    struct bundle_filler face; /* as a bundle holds it; features and model are owned */
    struct str features_text;
    size_t n_films; /* learnt from; 0: there is no filler */
    struct arena arena;
};
#define FILM_FILLER_FIELD "budget"
#define FILM_FILLER_UNIT  "budget_currency"

/* films: n in time order. Without enough films of known budget, or when the recipe does not fill: no filler, MRC_OK. */
int film_filler_fit(struct film_filler *out, const struct film_recipe *r, const struct film *films, size_t n,
                    struct mrc_err *err) MRC_CHECKED;
void film_filler_release(struct film_filler *f); /* a zeroed struct is fine */
/* Fill the lessons of a table. */
int film_filler_apply(const struct film_filler *f, struct film_table *t, struct arena *a,
                      struct mrc_err *err) MRC_CHECKED;

#endif
