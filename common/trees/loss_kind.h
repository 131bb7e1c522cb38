/* CatBoost's losses by what their raw scores mean. */
#ifndef MRC_TREES_LOSS_KIND_H
#define MRC_TREES_LOSS_KIND_H

#include "common/trees/model.h"

/* How a loss's raw scores become probabilities. */
enum loss_kind {
    LOSS_UNKNOWN,     /* custom or unnamed: every transformation that fits the dimension is allowed */
    LOSS_REGRESSION,  /* no probabilities */
    LOSS_BINARY,      /* one output: sigmoid */
    LOSS_SOFTMAX,     /* one class of several */
    LOSS_SIGMOIDS,    /* one against the rest: a sigmoid each, one class */
    LOSS_MULTI_LABEL, /* a sigmoid each, any number of labels */
    LOSS_UNCERTAINTY  /* mean and log of the standard deviation */
};
enum loss_kind loss_kind_of(struct str loss);
/* Does it predict classes? */
bool loss_is_classifier(struct str loss);

#endif
