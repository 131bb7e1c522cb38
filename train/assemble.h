/* From trained trees to a model: only what the trees use is kept, numbered as CatBoost numbers it. */
#ifndef MRC_TRAIN_ASSEMBLE_H
#define MRC_TRAIN_ASSEMBLE_H

#include "train/labels.h"
#include "train/tree.h"

struct trained_tree {
    struct tree tree;
    double *values;  /* [2^depth][dim] with the learning rate */
    double *weights; /* [2^depth] */
};

struct assembly {
    const struct dataset *learn;
    const struct pool *pool;
    const struct target_stats *stats; /* may be NULL */
    const struct params *params;      /* resolved */
    const struct labels *labels;
    uint32_t dim, n_trees;
    const double *bias; /* [dim] */
    const struct trained_tree *trees;
};

/* MRC_ENOMEM, or MRC_EBUG when the result does not pass model_finish. */
int assemble_model(const struct assembly *a, mrc_model **out, struct mrc_err *err) MRC_CHECKED;

#endif
