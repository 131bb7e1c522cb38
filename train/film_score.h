/* How good forecasts of films were: figures on the log10 scale and in tickets. */
#ifndef MRC_TRAIN_FILM_SCORE_H
#define MRC_TRAIN_FILM_SCORE_H

#include "common/base/json.h"
#include "common/forecast/forecast.h"

/* One film judged, in tickets. */
struct film_outcome {
    double truth, forecast;
    bool has_quantiles;
    double quantiles[FORECAST_QUANTILES]; /* at forecast_quantile_levels, ascending */
};

enum film_interval { INTERVAL_50, INTERVAL_80, INTERVAL_90, INTERVAL__COUNT };
struct interval_score {
    double cover; /* share of films inside */
    double width; /* mean, in log10 */
    double score; /* mean, in log10: width + 2 / alpha * what was missed by; lower is better */
};

struct film_score {
    size_t films;
    double r2_log, rmse_log, bias_log; /* log10; bias > 0: forecasts too high; r2 NaN when all truths are equal */
    double mae, median_ape, within_2, wape;
    double spearman; /* rank correlation of forecasts and truths */
    /* NaN unless every film has quantiles */
    struct interval_score intervals[INTERVAL__COUNT];
    double pinball; /* mean over films and forecast_quantile_levels, in log10 */
};

/* A forecast with its quantiles. Of a rule without: {.truth, .forecast}. */
struct film_outcome film_outcome_of(double truth, const struct forecast *y);

/* n >= 1, otherwise MRC_EFORMAT. Truth and forecast count as at least one ticket. */
int film_score(const struct film_outcome *outcomes, size_t n, struct film_score *out, struct mrc_err *err) MRC_CHECKED;
/* Members of an object that the caller opened. */
void film_score_json(struct json_out *w, const struct film_score *s);
/* The same figures as CSV cells, without line end; empty = unknown. */
void film_score_csv_heading(struct buf *b);
void film_score_csv(struct buf *b, const struct film_score *s);
/* A number with fixed decimals, right in a column of a width; "-" for NaN. No locale. */
void film_score_number(struct buf *b, double v, int decimals, int width);
/* Heading and one line of a table for people, columns aligned. */
void film_score_heading(struct buf *b);
void film_score_line(struct buf *b, const char *name, const struct film_score *s);

#endif
