/* Which rows a tree is searched on, and with what weight: CatBoost's bootstrap types. */
#ifndef MRC_TRAIN_SAMPLING_H
#define MRC_TRAIN_SAMPLING_H

#include "train/params.h"
#include "train/random.h"

struct sampling_task {
    const struct params *params;
    size_t n;
    const uint32_t *rows; /* the fold's order, in which numbers are drawn; NULL = 0, 1, 2, … */
    uint32_t dim;
    const double *d1; /* [dim][n] for MVS */
    double leaf_size; /* mean norm of the previous tree's leaf values; < 0: there is none */
    struct random *random;
    int threads; /* without influence on the weights */
};

enum sampled {
    SAMPLED_ALL,     /* every row counts 1; weights were not filled */
    SAMPLED_SOME,    /* each 0 or 1 */
    SAMPLED_WEIGHED, /* any */
};

/* Fill weights[n], by row. MRC_ENOMEM. */
int sampling_draw(const struct sampling_task *task, float *weights, enum sampled *out, struct mrc_err *err) MRC_CHECKED;

#endif
