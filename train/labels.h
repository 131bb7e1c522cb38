/* Class labels of a target: found in the learn set, applied to any pool. */
#ifndef MRC_TRAIN_LABELS_H
#define MRC_TRAIN_LABELS_H

#include "train/pool.h"

struct labels {
    uint32_t n;             /* classes; 0 = the loss has none */
    float *values;          /* [n] ascending, numeric labels; NULL when they are text */
    const struct str *text; /* [n] borrowed from the learn set */
    bool is_integer;
};

/* Find the labels that the loss needs. MRC_EFORMAT: too few or too many, or text for a loss of numbers; MRC_ENOMEM. */
int labels_find(struct labels *l, const struct dataset *learn, const struct params *params,
                struct mrc_err *err) MRC_CHECKED;
void labels_release(struct labels *l);
/* Replace targets of a pool by class numbers. data: where the pool's labels come from. MRC_EFORMAT: unknown label. */
int labels_apply(const struct labels *l, const struct dataset *data, float *target, size_t n,
                 struct mrc_err *err) MRC_CHECKED;
/* Multiply the weights of a pool whose targets are class numbers, so that classes count alike. MRC_ENOMEM. */
int labels_weigh(const struct labels *l, struct pool *pool, enum auto_class_weights how,
                 struct mrc_err *err) MRC_CHECKED;
/* CatBoost's class_params: names and numbers of the classes. */
void labels_write(const struct labels *l, struct json_out *w);

#endif
