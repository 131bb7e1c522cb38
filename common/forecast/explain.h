/* Why a forecast is what it is: factors of the raw fields, and past films like it.
 *
 * SHAP values of the model's columns, summed per raw field, are factors: their product with the base is the forecast.
 * The base is what the model says when it knows nothing of the film; with screens known, for EXPLAIN_SCREENS cinemas.
 */
#ifndef MRC_FORECAST_EXPLAIN_H
#define MRC_FORECAST_EXPLAIN_H

#include "common/forecast/forecast.h"

enum { EXPLAIN_SCREENS = 100, EXPLAIN_FACTORS_MAX = SCHEMA_FIELDS_MAX + 1 };

struct explain_factor {
    int64_t field; /* raw field, or -1: the market at the time */
    double factor; /* above 1 raises the forecast */
    bool given;    /* the film has it; otherwise its absence counts, or an estimate stands for it */
};
struct explanation {
    double base; /* tickets */
    struct explain_factor factors[EXPLAIN_FACTORS_MAX];
    uint32_t n; /* by weight: the factor that is furthest from 1 first */
};

/* Explain a forecast that forecast_row gave for this very row. Temporary memory comes from a. MRC_EUNSUPPORTED: a
 * model without leaf weights. */
int forecast_explain(const struct bundle *b, const struct row *row, const struct forecast *f, struct arena *a,
                     struct explanation *out, struct mrc_err *err) MRC_CHECKED;

#endif
