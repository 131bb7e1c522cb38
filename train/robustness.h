/* What it costs a forecast when the caller does not know a field.
 *
 * Each optional field is taken from films that have it, then all that callers often lack at once (not genres and
 * countries), then all: how good are the models then, beside
 * models that have learnt without the field? Much worse means that they take a hole for a sign of a small film. */
#ifndef MRC_TRAIN_ROBUSTNESS_H
#define MRC_TRAIN_ROBUSTNESS_H

#include "train/backtest.h"
#include "train/film_table.h"

enum { ROBUSTNESS_LINES = FILM_OPTIONALS + 2 };

struct robustness {
    struct robustness_line {
        const char *field; /* or "often unknown", "all" */
        size_t films;      /* judged: those that have it */
        struct robustness_score {
            double r2, bias;       /* of log10; bias > 0: too high */
        } given, blanked, without; /* as they are; without the field; likewise by models that learnt without it */
    } lines[ROBUSTNESS_LINES];
};
/* The plan's films and refits in one setting; its blanks and champion are not used. Trains a dozen models a refit. */
int robustness_run(struct robustness *out, const struct film_recipe *recipe, enum film_setting setting,
                   const struct film_data *data, const struct backtest_plan *plan, struct mrc_err *err) MRC_CHECKED;

#endif
