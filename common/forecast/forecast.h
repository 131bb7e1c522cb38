/* Raw row → admissions, interval, quantiles, warnings: what both programs show for a film.
 *
 * A film's answer depends on that film and the bundle only: alone or in a batch, the same bits. */
#ifndef MRC_FORECAST_FORECAST_H
#define MRC_FORECAST_FORECAST_H

#include "common/forecast/bundle.h"

enum { FORECAST_QUANTILES = 7, FORECAST_DOUBTS_MAX = 16 };
extern const double forecast_quantile_levels[FORECAST_QUANTILES];     /* .05 .10 .25 .50 .75 .90 .95 */
extern const char *const forecast_quantile_names[FORECAST_QUANTILES]; /* the same as format_double writes them */

/* Why a forecast is less reliable. */
struct doubt {
    const char *code; /* missing, unseen: a field; out_of_domain, old_histories, wide_interval */
    int64_t field;    /* or -1 */
};

struct forecast {
    const struct bundle_model *model;
    double score;                         /* raw score of the model: the bits that tests compare */
    double log10_base;                    /* score, in log10 of tickets before any offset (log10 of `per` added) */
    double scale;                         /* that offsets are multiplied by: how far off such films are */
    double admissions;                    /* tickets, median */
    double quantiles[FORECAST_QUANTILES]; /* tickets, ascending */
    const char *reliability;              /* "good", "fair", "poor": see forecast_row */
    struct doubt doubts[FORECAST_DOUBTS_MAX];
    uint32_t n_doubts;
};

/* The model that answers a row: the first whose needs are present. */
const struct bundle_model *forecast_choose(const struct bundle *b, const struct row *row);

/* Working memory for forecast_rows; one per thread. */
struct forecast_scratch;
int forecast_scratch_new(struct forecast_scratch **out, const struct bundle *b, struct mrc_err *err) MRC_CHECKED;
void forecast_scratch_free(struct forecast_scratch *s);

/* Predict one validated row with the first model whose needs are present. report (may be NULL) gains warnings.
 * Reliability is the share of the optional raw fields behind the model's features that are absent or hold a value the
 * model has not learnt: good up to a quarter, fair up to a half, poor beyond; and one step worse when more than a tenth
 * of its numbers lie outside what the model learnt from, when its tables are older than a year, or when the interval of
 * level 0.8 spans more than a factor of 16. MRC_EINVAL: row of another schema. */
int forecast_row(const struct bundle *b, const struct row *row, struct forecast_scratch *s, struct arena *a,
                 struct forecast *out, struct row_report *report, struct mrc_err *err) MRC_CHECKED;
/* A scale model's raw score as a scale: its exponential, between e^-4 and e. */
double forecast_scale(double score);
/* Tickets at quantile p in (0,1): between calibrated levels by interpolation on the log scale along the normal
 * distribution's quantiles, beyond them along the last two. Tickets stay within 0.001 and 1e9. */
double forecast_quantile(const struct forecast *f, double p);
/* Interval [low, high] of a level in (0,1): quantiles (1-level)/2 and (1+level)/2, low <= admissions <= high. */
void forecast_interval(const struct forecast *f, double level, double *low, double *high);

#endif
