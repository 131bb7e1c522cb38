/* What a back-test found: scores of each rule on all films and by year, genre, size …, and how sure its differences
 * are. */
#ifndef MRC_TRAIN_BACKTEST_GROUPS_H
#define MRC_TRAIN_BACKTEST_GROUPS_H

#include "train/backtest.h"

extern const struct backtest_rule_name {
    const char *key;  /* in JSON and CSV */
    const char *name; /* for people */
} backtest_rule_names[BACKTEST__RULES];

/* One rule on the films of one group. */
struct backtest_line {
    const char *by;   /* all, setting, year, genre, country, screens, forecast, top */
    struct str group; /* "2018", "Drame" … */
    enum backtest_rule rule;
    struct film_score score;
};

/* How much better the served forecast is than another rule: negative differences are in its favour, but for r2. The
 * interval of 95 % comes from drawing release weeks again, films of a week staying together. */
struct backtest_difference {
    enum backtest_rule against;
    size_t films; /* judged by both */
    struct difference {
        double value, low, high;
    } r2, rmse, mae, wape;
};

struct backtest_groups {
    struct arena arena;
    struct backtest_line *lines; /* [n_lines] */
    size_t n_lines;
    struct backtest_difference differences[BACKTEST__RULES];
    size_t n_differences;
};

/* Borrows b. A rule has no line in a group of which it knows no film. */
int backtest_groups_make(struct backtest_groups *out, const struct backtest *b, struct mrc_err *err) MRC_CHECKED;
void backtest_groups_release(struct backtest_groups *g); /* a zeroed struct is fine */
/* The line of a rule on all films; NULL when it knows none. */
const struct backtest_line *backtest_groups_all(const struct backtest_groups *g, enum backtest_rule rule);

/* Table for people; members of a JSON object that the caller opened; CSV with heading. */
void backtest_groups_text(const struct backtest_groups *g, struct buf *b);
void backtest_groups_json(const struct backtest_groups *g, struct json_out *w);
void backtest_groups_csv(const struct backtest_groups *g, struct buf *b);

#endif
