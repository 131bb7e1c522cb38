/* The best iteration by the eval set, and when to stop looking for a better one. */
#ifndef MRC_TRAIN_STOPPING_H
#define MRC_TRAIN_STOPPING_H

#include "train/params.h"

struct stopping {
    enum od_type type;
    uint32_t wait;
    double pval;
    bool rises; /* higher is better */
    uint32_t best_iteration;
    double best; /* of scores: higher is better */
    double *recent, error;
};

/* Memory for as many iterations as the resolved params ask for. MRC_ENOMEM. */
int stopping_init(struct stopping *s, const struct params *p, struct mrc_err *err) MRC_CHECKED;
void stopping_release(struct stopping *s);
/* The metric after iteration i (0, 1, 2, …); true when training should stop. */
bool stopping_add(struct stopping *s, uint32_t i, double metric);

#endif
