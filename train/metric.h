/* Metrics that judge an eval set: every loss, and a few more, one table row each. Thread-safe. */
#ifndef MRC_TRAIN_METRIC_H
#define MRC_TRAIN_METRIC_H

#include "train/objective.h"

/* "RMSE", "AUC", …; "?" for none. */
const char *metric_name(const struct metric *m);
/* Read a metric's name, or a loss as loss_parse has it. MRC_EINVAL names what there is. */
int metric_parse(struct metric *m, struct str text, struct mrc_err *err) MRC_CHECKED;
/* Does it make sense for what this loss trains? outputs: of the model. NULL when it does, else why not. */
const char *metric_misfit(const struct metric *m, const struct loss *loss, uint32_t outputs, uint32_t n_classes);
bool metric_is_loss(const struct metric *m, const struct loss *loss); /* the very loss itself? */
bool metric_rises(const struct metric *m);                            /* is higher better? */
/* Over n rows, output d of row i being approx[d * n + i]. MRC_ENOMEM. */
int metric_value(const struct metric *m, uint32_t dim, size_t n, const double *approx, const float *target,
                 const float *weight, int threads, double *out, struct mrc_err *err) MRC_CHECKED;

#endif
