/* CatBoost's losses by what their raw scores mean. */
#include "common/trees/loss_kind.h"

static const struct {
    const char *name;
    enum loss_kind kind;
} losses[] = {
    {"Logloss", LOSS_BINARY},
    {"CrossEntropy", LOSS_BINARY},
    {"Focal", LOSS_BINARY},
    {"MultiClass", LOSS_SOFTMAX},
    {"MultiClassOneVsAll", LOSS_SIGMOIDS},
    {"MultiLogloss", LOSS_MULTI_LABEL},
    {"MultiCrossEntropy", LOSS_MULTI_LABEL},
    {"RMSEWithUncertainty", LOSS_UNCERTAINTY},
    {"RMSE", LOSS_REGRESSION},
    {"MAE", LOSS_REGRESSION},
    {"MAPE", LOSS_REGRESSION},
    {"Quantile", LOSS_REGRESSION},
    {"MultiQuantile", LOSS_REGRESSION},
    {"GroupQuantile", LOSS_REGRESSION},
    {"LogLinQuantile", LOSS_REGRESSION},
    {"Expectile", LOSS_REGRESSION},
    {"Huber", LOSS_REGRESSION},
    {"LogCosh", LOSS_REGRESSION},
    {"Lq", LOSS_REGRESSION},
    {"Poisson", LOSS_REGRESSION},
    {"Tweedie", LOSS_REGRESSION},
    {"Cox", LOSS_REGRESSION},
    {"SurvivalAft", LOSS_REGRESSION},
    {"MultiRMSE", LOSS_REGRESSION},
    {"MultiRMSEWithMissingValues", LOSS_REGRESSION},
};

enum loss_kind loss_kind_of(struct str loss)
{
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        if (str_is(loss, losses[i].name)) {
            return losses[i].kind;
        }
    }
    return LOSS_UNKNOWN;
}

bool loss_is_classifier(struct str loss)
{
    enum loss_kind k = loss_kind_of(loss);
    return k == LOSS_BINARY || k == LOSS_SOFTMAX || k == LOSS_SIGMOIDS || k == LOSS_MULTI_LABEL;
}
