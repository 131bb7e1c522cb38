/* Borders of numeric columns, and columns as bins.
 *
 * Bin of a value = number of borders strictly below it. Border selection follows CatBoost's rules, ties included (its
 * greedy types take equal scores in the order of a binary heap). Thread-safe: no shared state. */
#ifndef MRC_TRAIN_BINNING_H
#define MRC_TRAIN_BINNING_H

#include "common/trees/model.h"
#include "train/params.h"

enum { BORDERS_MAX = 65535 };

/* Choose at most max_borders (1 … BORDERS_MAX) borders for n values, sorted ascending, without NaN. out has room for
 * max_borders; *n_out are written, ascending, all different. None for a constant column or n 0.
 * MRC_ENOMEM. */
int borders_select(enum border_type type, const float *sorted, size_t n, uint32_t max_borders, float *out,
                   uint32_t *n_out, struct mrc_err *err) MRC_CHECKED;

/* A numeric column's grid. */
struct grid {
    float *borders; /* [n_borders], owned */
    uint32_t n_borders;
    bool has_nans; /* the learn column has missing values */
    enum nan_treatment nan_treatment;
};
void grid_release(struct grid *g);

/* Grid of a learn column: at most 200,000 of its values are looked at (a fixed sample beyond that). With missing values
 * (mode Min or Max) one border less is chosen and -FLT_MAX or FLT_MAX is added, so that "is it missing?" is a split.
 * MRC_EFORMAT: missing values and mode Forbidden. MRC_ENOMEM. */
int grid_choose(struct grid *g, const float *values, size_t n, enum border_type type, enum nan_mode mode,
                uint32_t border_count, struct mrc_err *err) MRC_CHECKED;

/* Bins of n values; value i is values[order[i]] (order NULL: values[i]). _u8 needs n_borders <= 255 and writes value i
 * to bins[i * stride]. */
void grid_bins_u8(const struct grid *g, const float *values, const uint32_t *order, size_t n, uint8_t *bins,
                  size_t stride);
void grid_bins_u16(const struct grid *g, const float *values, const uint32_t *order, size_t n, uint16_t *bins);

/* Sort floats without NaN ascending; scratch has n elements too. -0 and 0 are equal in value but keep their sign. */
void sort_floats(float *values, float *scratch, size_t n);

#endif
