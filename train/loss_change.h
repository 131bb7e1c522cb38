/* LossFunctionChange: how much worse a model's own loss becomes on a data set when a feature's SHAP values are taken out
 * of its predictions (CatBoost's importance of the same name). */
#ifndef MRC_TRAIN_LOSS_CHANGE_H
#define MRC_TRAIN_LOSS_CHANGE_H

#include "common/trees/mercredi.h"

/* out[mrc_model_features]: metric without the feature less metric with it; larger is more important. csv and columns as
 * for model_rows_open, with a target column. Streams: memory does not grow with rows. MRC_EUNSUPPORTED: a loss whose
 * metric we do not have. */
int loss_change(const mrc_model *m, const char *csv, const char *columns, double *out, struct mrc_err *err);

#endif
