/* Interval offsets from out-of-time residuals (split conformal prediction): score + offset[i] is the quantile level[i].
 */
#ifndef MRC_TRAIN_CALIBRATE_H
#define MRC_TRAIN_CALIBRATE_H

#include "common/base/err.h"

#include <stddef.h>

enum { CALIBRATE_LEVELS = 23, CALIBRATE_RESIDUALS_MIN = 20 };
extern const double calibrate_levels[CALIBRATE_LEVELS]; /* .01 .025 .05 .10 … .90 .95 .975 .99 */

/* residuals: truth - score of films that the model had not seen, n of them, in any order (sorted in place). Below the
 * middle the floor((n + 1) p)-th smallest, above it the ceil((n + 1) p)-th, so that the interval between p and 1 - p
 * holds a new film at least that often when films are exchangeable; at the ends of few residuals the extreme one.
 * Offsets are rounded to 1e-4 and never descend. MRC_EFORMAT when n < CALIBRATE_RESIDUALS_MIN. */
int calibrate_offsets(double *residuals, size_t n, double offsets[CALIBRATE_LEVELS], struct mrc_err *err) MRC_CHECKED;

#endif
