/* Back-testing by date: each film predicted by a model that learnt only from films whose first week was over a week
 * before, beside naive rules and a bundle that exists already, on the same films. */
#ifndef MRC_TRAIN_BACKTEST_H
#define MRC_TRAIN_BACKTEST_H

#include "train/film_model.h"
#include "train/film_score.h"

/* A past film released on r is known for a decision about day D when r + BACKTEST_KNOWN_DAYS <= D: its first week ended
 * a week before. */
enum { BACKTEST_KNOWN_DAYS = 14, BACKTEST_REFITS_MAX = 1000 };

struct backtest_plan {
    int32_t train_until;   /* the first models learn from films released up to here */
    int32_t from, to;      /* films judged; from > train_until */
    const int32_t *refits; /* [n_refits] ascending, in (from, to]: days on which new models are made */
    size_t n_refits;
    int32_t skip_from, skip_to; /* films of these days are not judged; DATE_NONE: all are */
    int32_t tables_days;        /* each film is asked of histories that end so many days earlier than they could */
    bool ahead, screens;        /* settings wanted; both: each film by the one it would be served by */
    /* A bundle to judge beside, and the films as read by its own schema; NULL: none. It must not have learnt from films
     * judged. */
    const struct bundle *champion;
    const struct film_data *champion_films;
    /* Each film is judged again without these of film_optionals, by the models it was judged by (bit i: that one). */
    const uint32_t *blanks;
    size_t n_blanks;
};

enum backtest_rule {
    BACKTEST_MEDIAN,     /* what is served */
    BACKTEST_POINT,      /* mean of logs */
    BACKTEST_NAIVE,      /* the distributor's median */
    BACKTEST_PER_SCREEN, /* the same per screen, times screens */
    BACKTEST_CHAMPION,
    BACKTEST__RULES
};

struct backtest_film {
    const struct film *film;
    enum film_setting setting;
    struct film_outcome outcomes[BACKTEST__RULES]; /* forecast NaN where a rule has none */
    double score;                                  /* its error in log10, in units of its scale */
    double *blanked;                               /* [n_blanks] log10 of the point without the fields */
};

struct backtest {
    struct arena arena;
    struct backtest_film *films; /* in time order */
    size_t n;
    size_t n_models; /* trained on the way */
};

/* Films judged are `train` films with known entries, in setting S only those with known screens. In setting N nobody
 * sees screens, the naive rule excepted. MRC_EINVAL for a plan out of order, MRC_EFORMAT when no film is left to judge
 * or too few to learn from. */
int backtest_run(struct backtest *out, const struct film_recipe *recipe, const struct film_data *data,
                 const struct backtest_plan *plan, struct mrc_err *err) MRC_CHECKED;
void backtest_release(struct backtest *b); /* a zeroed struct is fine */

#endif
