/* How good forecasts of films were: figures on the log10 scale and in tickets. */
#ifndef MRC_TRAIN_FILM_SCORE_H
#define MRC_TRAIN_FILM_SCORE_H

#include "common/base/json.h"

/* One film judged. Tickets; low/high NaN when the rule gives no interval. */
struct film_outcome {
    double truth, forecast;
    double low80, high80, low90, high90;
};

struct film_score {
    size_t films;
    double r2_log, rmse_log, bias_log; /* log10; bias > 0: forecasts too high; r2 NaN when all truths are equal */
    double mae, median_ape, within_2, wape;
    double cover80, cover90; /* NaN without intervals */
    double score80, score90; /* mean interval score in log10: width + 2 / alpha * what it missed by; lower is better */
    double spearman;         /* rank correlation of forecasts and truths */
};

/* n >= 1, otherwise MRC_EFORMAT. Truth and forecast count as at least one ticket. */
int film_score(const struct film_outcome *outcomes, size_t n, struct film_score *out, struct mrc_err *err) MRC_CHECKED;
/* Members of an object that the caller opened. */
void film_score_json(struct json_out *w, const struct film_score *s);
/* Heading and one line of a table for people, columns aligned. */
void film_score_heading(struct buf *b);
void film_score_line(struct buf *b, const char *name, const struct film_score *s);

#endif
