/* Rules of thumb that a forecast must beat: the median of the distributor's past films, and the same per screen. */
#ifndef MRC_TRAIN_NAIVE_H
#define MRC_TRAIN_NAIVE_H

#include "common/forecast/film_data.h"

enum naive_rule { NAIVE_ENTRIES, NAIVE_PER_SCREEN, NAIVE__RULES };

struct naive {
    struct past_films {
        struct past_film {
            struct str distributor; /* folded; "" unknown */
            double value;
        } * films; /* [n] by distributor, then value */
        size_t n;
        double overall; /* median of all; NaN without films */
    } rules[NAIVE__RULES];
};
enum { NAIVE_FILMS_MIN = 3 }; /* of fewer of a distributor's films the rule knows nothing */

/* From films[0..n) that teach and have known entries; those with known screens for the rule per screen. Memory comes
 * from a. */
int naive_learn(struct naive *v, const struct film *films, size_t n, struct arena *a, struct mrc_err *err) MRC_CHECKED;
/* Tickets by a rule; NaN where it has none: per screen of a film of unknown screens. Temporary memory comes from a. */
int naive_guess(const struct naive *v, enum naive_rule rule, const struct film *f, struct arena *a, double *out,
                struct mrc_err *err) MRC_CHECKED;

#endif
