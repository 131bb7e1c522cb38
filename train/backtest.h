/* Back-testing by date: each film predicted by a model that learnt only from films whose first week was over a week
 * before, beside the naive rule "the median of the distributor's films". */
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
    bool ahead, screens; /* settings wanted; both: each film by the one it would be served by */
};

struct backtest_film {
    const struct film *film;
    enum film_setting setting;
    double point, naive; /* tickets: mean of logs; the rule */
    double median;       /* tickets: what is served */
    double score;        /* its error in log10, in units of its scale */
    double low80, high80, low90, high90;
};

struct backtest {
    struct arena arena;
    struct backtest_film *films; /* in time order */
    size_t n;
    size_t n_models; /* trained on the way */
};

/* Films judged are `train` films with known entries, in setting S only those with known screens. MRC_EINVAL for a plan
 * out of order, MRC_EFORMAT when no film is left to judge or too few to learn from. */
int backtest_run(struct backtest *out, const struct film_recipe *recipe, const struct film_data *data,
                 const struct backtest_plan *plan, struct mrc_err *err) MRC_CHECKED;
void backtest_release(struct backtest *b); /* a zeroed struct is fine */

/* Which forecast of each film to score. */
enum backtest_rule { BACKTEST_MEDIAN, BACKTEST_POINT, BACKTEST_NAIVE };
int backtest_score(const struct backtest *b, enum backtest_rule rule, struct film_score *out,
                   struct mrc_err *err) MRC_CHECKED;

#endif
