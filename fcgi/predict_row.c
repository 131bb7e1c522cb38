/* What a version says of a film, in whole tickets: the one path, for requests and for a shadow version. */
#include "fcgi/predict.h"

#include <math.h>

int predict_row(const struct bundle *b, const struct row *row, struct forecast_scratch *scratch, struct arena *a,
                struct row_report *report, struct predicted *p, struct mrc_err *err)
{
    double low80, high80;
    MRC_TRY(forecast_row(b, row, scratch, a, &p->forecast, report, err));
    forecast_interval(&p->forecast, 0.8, &low80, &high80);
    if (!isfinite(p->forecast.score) || !isfinite(p->forecast.admissions) || !isfinite(high80)) {
        return mrc_fail(err, MRC_EBUG, "the model gave a figure that is not finite");
    }
    p->admissions = whole_tickets(p->forecast.admissions);
    p->low80 = whole_tickets(low80);
    p->high80 = whole_tickets(high80);
    for (int i = 0; i < FORECAST_QUANTILES; i++) {
        p->quantiles[i] = whole_tickets(p->forecast.quantiles[i]);
    }
    return MRC_OK;
}
