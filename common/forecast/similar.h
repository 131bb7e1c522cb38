/* Past films that the model treats like a new one: those that fall into the same leaves of most of its trees.
 *
 * tables/similar.json holds titles, years and leaf numbers of some trees of the model for weeks ahead, and no figure.
 */
#ifndef MRC_FORECAST_SIMILAR_H
#define MRC_FORECAST_SIMILAR_H

#include "common/forecast/bundle.h"

enum { SIMILAR_SHOWN = 5, SIMILAR_TREES_MAX = 64, SIMILAR_FILMS_MAX = 100000 };

struct similar {
    uint32_t n_trees, n;
    uint32_t trees[SIMILAR_TREES_MAX];
    struct str *titles; /* [n] in time order */
    int16_t *years;     /* [n] */
    uint8_t *leaves;    /* [n][n_trees] */
};
struct similar_film {
    struct str title;
    int year;
    uint32_t shared; /* trees in which both fall into the same leaf */
};

/* Read the table, if the bundle has one, into its arena. */
int similar_read(struct similar **out, struct arena *a, struct str json, const mrc_model *ahead,
                 struct mrc_err *err) MRC_CHECKED;
/* The nearest films of other titles, the nearest first, of two as near the later; *n of at most SIMILAR_SHOWN. 0 when
 * the bundle has no table. Temporary memory comes from a. */
int similar_find(const struct bundle *b, const struct row *row, struct arena *a, struct similar_film out[SIMILAR_SHOWN],
                 uint32_t *n, struct mrc_err *err) MRC_CHECKED;

#endif
