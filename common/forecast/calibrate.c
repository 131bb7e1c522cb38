/* Order statistics of scores as interval offsets. */
#include "common/forecast/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const double calibrate_levels[CALIBRATE_LEVELS] = {0.01, 0.025, 0.05, 0.10, 0.15, 0.20,  0.25, 0.30,
                                                   0.35, 0.40,  0.45, 0.50, 0.55, 0.60,  0.65, 0.70,
                                                   0.75, 0.80,  0.85, 0.90, 0.95, 0.975, 0.99};

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double order_statistic(const double *sorted, size_t n, double p)
{
    double rank = (double)(n + 1) * p;
    if (fabs(p - 0.5) < 1e-9) {
        return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    }
    /* The slack keeps (n + 1) p = 90.00000000000001 from counting as 91. */
    rank = p < 0.5 ? floor(rank + 1e-9) : ceil(rank - 1e-9);
    size_t k = rank < 1 ? 1 : rank > (double)n ? n : (size_t)rank;
    return sorted[k - 1];
}

int calibrate_offsets(double *residuals, size_t n, double offsets[CALIBRATE_LEVELS], struct mrc_err *err)
{
    if (n < CALIBRATE_RESIDUALS_MIN) {
        return mrc_fail(err, MRC_EFORMAT, "%zu films to calibrate intervals on, at least %d are needed", n,
                        CALIBRATE_RESIDUALS_MIN);
    }
    qsort(residuals, n, sizeof(*residuals), ascending);
    for (size_t i = 0; i < CALIBRATE_LEVELS; i++) {
        double v = round(order_statistic(residuals, n, calibrate_levels[i]) * 1e4) / 1e4;
        offsets[i] = i > 0 && v < offsets[i - 1] ? offsets[i - 1] : v;
    }
    return MRC_OK;
}

void scores_add(struct scores *s, int32_t date, double value)
{
    if (s->n == SCORES_MAX) {
        memmove(s->kept, s->kept + 1, (SCORES_MAX - 1) * sizeof(*s->kept));
        s->n--;
    }
    s->kept[s->n++] = (struct score){date, value};
}

int scores_offsets(const struct scores *s, double offsets[CALIBRATE_LEVELS], struct mrc_err *err)
{
    double values[SCORES_MAX];
    for (uint32_t i = 0; i < s->n; i++) {
        values[i] = s->kept[i].value;
    }
    return calibrate_offsets(values, s->n, offsets, err);
}

int scores_settle(struct scores *s, double offsets[CALIBRATE_LEVELS], struct mrc_err *err)
{
    double sorted[SCORES_MAX];
    uint32_t n = s->n, kept = n < SCORES_SPREAD ? n : SCORES_SPREAD;
    if (n == 0) {
        return scores_offsets(s, offsets, err);
    }
    for (uint32_t i = 0; i < n; i++) {
        sorted[i] = s->kept[i].value;
    }
    qsort(sorted, n, sizeof(*sorted), ascending);
    double median = order_statistic(sorted, n, 0.5);
    int32_t newest = s->kept[n - 1].date;
    for (uint32_t i = 0; i < n; i++) {
        s->kept[i].value -= median;
    }
    MRC_TRY(scores_offsets(s, offsets, err));
    for (uint32_t i = 0; i < kept; i++) { /* the middle of each part of as many */
        s->kept[i] = (struct score){newest, sorted[(2 * (size_t)i + 1) * n / (2 * (size_t)kept)] - median};
    }
    s->n = kept;
    return MRC_OK;
}
