/* Offsets of an interval from scores: (truth - forecast) / scale, in log10, of films that the model had not seen.
 *
 * The offset of level p is the order statistic of rank (n + 1) p, rounded outwards (split conformal prediction; with
 * the film's own scale this is CQR's "scaled" form): when the next film is like those scored, it lies below the offset
 * of level p with probability at least p for p > 0.5, at most p below. Only the newest SCORES_MAX count, so that
 * intervals follow the times as outcomes arrive. */
#ifndef MRC_FORECAST_CALIBRATE_H
#define MRC_FORECAST_CALIBRATE_H

#include "common/base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { CALIBRATE_LEVELS = 23, CALIBRATE_RESIDUALS_MIN = 20, SCORES_MAX = 500, SCORES_SPREAD = 100 };
extern const double calibrate_levels[CALIBRATE_LEVELS]; /* ascending, 0.01 to 0.99; 0.5 among them */

/* residuals: n scores, reordered. offsets ascend and are rounded to 1/10,000. MRC_EFORMAT below
 * CALIBRATE_RESIDUALS_MIN. */
int calibrate_offsets(double *residuals, size_t n, double offsets[CALIBRATE_LEVELS], struct mrc_err *err) MRC_CHECKED;

/* The newest scores, in the order they became known. */
struct scores {
    struct score {
        int32_t date; /* the film's release */
        double value;
    } kept[SCORES_MAX];
    uint32_t n;
};
/* Add one as the newest; the oldest beyond SCORES_MAX goes. */
void scores_add(struct scores *s, int32_t date, double value);
/* Offsets of the scores. MRC_EFORMAT below CALIBRATE_RESIDUALS_MIN. */
int scores_offsets(const struct scores *s, double offsets[CALIBRATE_LEVELS], struct mrc_err *err) MRC_CHECKED;
/* What a model made anew keeps of scores that older models gave: their spread. It has learnt from the films scored, and
 * with them the level of the time, which the older models missed; measured, a median of such scores moves its forecasts
 * twice. So the median is taken away, in the offsets too, and SCORES_SPREAD order statistics stand for all scores: those
 * of films that the new model has not seen soon outweigh them and bring the level back. */
int scores_settle(struct scores *s, double offsets[CALIBRATE_LEVELS], struct mrc_err *err) MRC_CHECKED;

#endif
