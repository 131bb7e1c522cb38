/* How far the films of a window are from what a version learnt from, feature by feature: reference.json against them.
 *
 * Whether: Kolmogorov and Smirnov's test for numbers, chi-square for categories and for numbers of few values, all
 * adjusted together. How much: Wasserstein distance over the reference's deviation, or Jensen-Shannon distance in base
 * 2 for categories, less what films drawn at random from the reference would show. The reference knows a number by up
 * to 199 quantiles, so shares are good to half a per cent. The same films in any order give the same figures. */
#ifndef MRC_FORECAST_DRIFT_H
#define MRC_FORECAST_DRIFT_H

#include "common/forecast/bundle.h"

enum { DRIFT_FILMS_LEAST = 30, DRIFT_FILMS_MAX = 100000 };

enum drift_state {
    DRIFT_INSUFFICIENT, /* fewer than DRIFT_FILMS_LEAST films that have it, on either side */
    DRIFT_STABLE,       /* adjusted p above 0.05 */
    DRIFT_WATCH,        /* p is small, the distance is not large */
    DRIFT_DRIFT,        /* p up to 0.05, excess of at least 0.1, and beyond 95 of 100 random windows */
    DRIFT_STRONG,       /* the same with 0.25 */
    DRIFT__COUNT
};
extern const char *const drift_state_names[DRIFT__COUNT];

struct drift_figure {
    const struct feature *feature;     /* the bundle's */
    double importance;                 /* per cent, of the model */
    bool dated;                        /* of the release date or the market: what a window's dates alone explain */
    size_t reference, known;           /* films that have it */
    double missing_reference, missing; /* shares of films without it */
    const char *test;                  /* "ks", "chi2"; NULL: none was made */
    double statistic, p, p_adjusted;   /* NaN without a test */
    double effect, e0, q95;            /* distance; its mean and 95th percentile for random films of the reference */
    enum drift_state state;
};
/* effect less e0, not below 0. NaN without a test. */
double drift_excess(const struct drift_figure *f);

struct drift_report {
    const struct bundle_model *model; /* that answers most of the films; of equals the first */
    size_t films;                     /* that it answers */
    size_t unseen;                    /* of them, with a value that the model has not learnt */
    struct drift_figure *figures;     /* [n], in the order of the model's features */
    size_t n;
    /* Of the features that are not `dated`: importance of those that drift over that of those tested (NaN: none was),
     * how many drift, and the share of cells that are unknown. */
    double share;
    size_t drifting, tested;
    double missing;
};

struct drift_window;
/* b must stay open. MRC_ENOTFOUND: the version has no reference. MRC_EFORMAT: a reference that does not fit. */
int drift_window_new(struct drift_window **out, const struct bundle *b, struct mrc_err *err) MRC_CHECKED;
void drift_window_free(struct drift_window *w); /* NULL is fine */
/* A film, its row read with the bundle's schema, judged as it would be answered. MRC_ELIMIT: DRIFT_FILMS_MAX are there.
 */
int drift_window_add(struct drift_window *w, const struct row *row, struct mrc_err *err) MRC_CHECKED;
/* The figures, in the arena. MRC_ENOTFOUND: no film was added. */
int drift_window_compare(struct drift_window *w, struct arena *a, struct drift_report *out,
                         struct mrc_err *err) MRC_CHECKED;

#endif
