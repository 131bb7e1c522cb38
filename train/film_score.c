/* Scores of film forecasts. */
#include "train/film_score.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof(*v), ascending);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static double log_tickets(double v)
{
    return v > 1 ? log10(v) : 0;
}

/* Places of an interval's ends in forecast_quantile_levels. */
static const struct {
    int low, high;
} intervals[INTERVAL__COUNT] = {[INTERVAL_50] = {2, 4}, [INTERVAL_80] = {1, 5}, [INTERVAL_90] = {0, 6}};

struct film_outcome film_outcome_of(double truth, const struct forecast *y)
{
    struct film_outcome o = {.truth = truth, .forecast = y->admissions, .has_quantiles = true};
    for (int i = 0; i < FORECAST_QUANTILES; i++) {
        o.quantiles[i] = y->quantiles[i];
    }
    return o;
}

static void score_intervals(const struct film_outcome *o, size_t n, struct film_score *out)
{
    double films = (double)n;
    for (size_t i = 0; i < n; i++) {
        double y = log_tickets(o[i].truth);
        double truth = o[i].truth > 1 ? o[i].truth : 1;
        for (int k = 0; k < INTERVAL__COUNT; k++) {
            double low = o[i].quantiles[intervals[k].low], high = o[i].quantiles[intervals[k].high];
            double a = log_tickets(low), b = log_tickets(high);
            double alpha =
                1 - (forecast_quantile_levels[intervals[k].high] - forecast_quantile_levels[intervals[k].low]);
            struct interval_score *x = &out->intervals[k];
            x->cover += (truth >= low && truth <= high) / films;
            x->width += (b - a) / films;
            x->score += (b - a + 2 / alpha * (fmax(0, a - y) + fmax(0, y - b))) / films;
        }
        for (int k = 0; k < FORECAST_QUANTILES; k++) {
            double d = y - log_tickets(o[i].quantiles[k]), p = forecast_quantile_levels[k];
            out->pinball += (d > 0 ? p * d : (p - 1) * d) / (films * FORECAST_QUANTILES);
        }
    }
}

struct ranked_value {
    double value;
    size_t index;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked_value *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

/* Ranks of n values, equal ones sharing their mean rank. */
static void rank(const double *v, size_t n, struct ranked_value *work, double *ranks)
{
    for (size_t i = 0; i < n; i++) {
        work[i] = (struct ranked_value){v[i], i};
    }
    qsort(work, n, sizeof(*work), by_value);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && work[end].value == work[i].value; end++) {
        }
        for (size_t k = i; k < end; k++) {
            ranks[work[k].index] = (double)(i + end - 1) / 2;
        }
    }
}

static int rank_correlation(const struct film_outcome *o, size_t n, double *out, struct mrc_err *err)
{
    double *v = malloc(3 * n * sizeof(*v)), middle = (double)(n - 1) / 2, xy = 0, xx = 0, yy = 0;
    struct ranked_value *work = malloc(n * sizeof(*work));
    if (!v || !work) {
        free(v);
        free(work);
        return mrc_fail(err, MRC_ENOMEM, "no memory");
    }
    double *x = v + n, *y = v + 2 * n;
    for (size_t i = 0; i < n; i++) {
        v[i] = o[i].forecast;
    }
    rank(v, n, work, x);
    for (size_t i = 0; i < n; i++) {
        v[i] = o[i].truth;
    }
    rank(v, n, work, y);
    for (size_t i = 0; i < n; i++) {
        xy += (x[i] - middle) * (y[i] - middle);
        xx += (x[i] - middle) * (x[i] - middle);
        yy += (y[i] - middle) * (y[i] - middle);
    }
    *out = xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
    free(v);
    free(work);
    return MRC_OK;
}

int film_score(const struct film_outcome *o, size_t n, struct film_score *out, struct mrc_err *err)
{
    if (n == 0) {
        return mrc_fail(err, MRC_EFORMAT, "no films with known entries to judge");
    }
    double spearman = NAN;
    MRC_TRY(rank_correlation(o, n, &spearman, err));
    double *ape = malloc(n * sizeof(*ape));
    if (!ape) {
        return mrc_fail(err, MRC_ENOMEM, "no memory");
    }
    double mean = 0, truth_sum = 0;
    for (size_t i = 0; i < n; i++) {
        mean += log_tickets(o[i].truth) / (double)n;
    }
    double sse = 0, sst = 0, bias = 0, abs_sum = 0;
    size_t near = 0, with_quantiles = 0;
    for (size_t i = 0; i < n; i++) {
        double truth = o[i].truth > 1 ? o[i].truth : 1;
        double forecast = o[i].forecast > 1 ? o[i].forecast : 1;
        double y = log10(truth), p = log10(forecast);
        sse += (p - y) * (p - y);
        sst += (y - mean) * (y - mean);
        bias += p - y;
        abs_sum += fabs(forecast - truth);
        truth_sum += truth;
        ape[i] = fabs(forecast - truth) / truth;
        near += forecast <= 2 * truth && truth <= 2 * forecast;
        with_quantiles += o[i].has_quantiles;
    }
    double films = (double)n;
    *out = (struct film_score){.films = n,
                               .r2_log = sst > 0 ? 1 - sse / sst : NAN,
                               .rmse_log = sqrt(sse / films),
                               .bias_log = bias / films,
                               .mae = abs_sum / films,
                               .median_ape = median(ape, n),
                               .within_2 = (double)near / films,
                               .wape = abs_sum / truth_sum,
                               .spearman = spearman};
    if (with_quantiles == n) {
        score_intervals(o, n, out);
    } else {
        for (int k = 0; k < INTERVAL__COUNT; k++) {
            out->intervals[k] = (struct interval_score){NAN, NAN, NAN};
        }
        out->pinball = NAN;
    }
    free(ape);
    return MRC_OK;
}

void film_score_number(struct buf *b, double v, int decimals, int width)
{
    char text[48];
    size_t n = 0;
    if (isnan(v)) {
        text[n++] = '-';
    } else {
        double unit = pow(10, decimals);
        long long scaled = llround(fabs(v) * unit), one = (long long)unit;
        char digits[32];
        size_t k = 0;
        long long whole = scaled / one, rest = scaled % one;
        for (int i = 0; i < decimals; i++, rest /= 10) {
            digits[k++] = (char)('0' + rest % 10);
        }
        if (decimals) {
            digits[k++] = '.';
        }
        do {
            digits[k++] = (char)('0' + whole % 10);
            whole /= 10;
        } while (whole > 0 && k < sizeof(digits) - 2);
        if (v < 0 && scaled > 0) {
            digits[k++] = '-';
        }
        while (k > 0) {
            text[n++] = digits[--k];
        }
    }
    for (int i = (int)n; i < width; i++) {
        buf_char(b, ' ');
    }
    buf_add(b, text, n);
}

static const struct {
    const char *name;
    int decimals, width;
} columns[] = {{"log10 R2", 3, 9}, {"RMSE", 3, 7}, {"bias", 3, 7},    {"MAE", 0, 9},    {"med.APE", 3, 9},
               {"x2", 3, 7},       {"wAPE", 3, 7}, {"in 80 %", 3, 9}, {"in 90 %", 3, 9}};

void film_score_heading(struct buf *b)
{
    buf_printf(b, "%-28s %6s", "", "films");
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        buf_printf(b, "%*s", columns[i].width, columns[i].name);
    }
    buf_char(b, '\n');
}

void film_score_line(struct buf *b, const char *name, const struct film_score *s)
{
    double v[] = {s->r2_log,
                  s->rmse_log,
                  s->bias_log,
                  s->mae,
                  s->median_ape,
                  s->within_2,
                  s->wape,
                  s->intervals[INTERVAL_80].cover,
                  s->intervals[INTERVAL_90].cover};
    buf_printf(b, "%-28s %6zu", name, s->films);
    for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        film_score_number(b, v[i], columns[i].decimals, columns[i].width);
    }
    buf_char(b, '\n');
}

/* All figures but the count, by the keys of JSON and CSV. */
static const struct {
    const char *key;
    size_t place;
} figures[] = {
    {"r2_log10", offsetof(struct film_score, r2_log)},
    {"rmse_log10", offsetof(struct film_score, rmse_log)},
    {"bias_log10", offsetof(struct film_score, bias_log)},
    {"mae", offsetof(struct film_score, mae)},
    {"median_ape", offsetof(struct film_score, median_ape)},
    {"within_2", offsetof(struct film_score, within_2)},
    {"wape", offsetof(struct film_score, wape)},
    {"spearman", offsetof(struct film_score, spearman)},
    {"pinball_log10", offsetof(struct film_score, pinball)},
    {"coverage_50", offsetof(struct film_score, intervals[INTERVAL_50].cover)},
    {"width_50", offsetof(struct film_score, intervals[INTERVAL_50].width)},
    {"interval_score_50", offsetof(struct film_score, intervals[INTERVAL_50].score)},
    {"coverage_80", offsetof(struct film_score, intervals[INTERVAL_80].cover)},
    {"width_80", offsetof(struct film_score, intervals[INTERVAL_80].width)},
    {"interval_score_80", offsetof(struct film_score, intervals[INTERVAL_80].score)},
    {"coverage_90", offsetof(struct film_score, intervals[INTERVAL_90].cover)},
    {"width_90", offsetof(struct film_score, intervals[INTERVAL_90].width)},
    {"interval_score_90", offsetof(struct film_score, intervals[INTERVAL_90].score)},
};
enum { FIGURES = sizeof(figures) / sizeof(figures[0]) };

static double figure(const struct film_score *s, size_t i)
{
    double v;
    memcpy(&v, (const char *)s + figures[i].place, sizeof(v));
    return v;
}

void film_score_json(struct json_out *w, const struct film_score *s)
{
    json_pair_i64(w, "films", (int64_t)s->films);
    for (size_t i = 0; i < FIGURES; i++) {
        json_pair_double(w, figures[i].key, figure(s, i));
    }
}

void film_score_csv_heading(struct buf *b)
{
    buf_puts(b, "films");
    for (size_t i = 0; i < FIGURES; i++) {
        buf_printf(b, ",%s", figures[i].key);
    }
}

void film_score_csv(struct buf *b, const struct film_score *s)
{
    buf_printf(b, "%zu", s->films);
    for (size_t i = 0; i < FIGURES; i++) {
        buf_char(b, ',');
        if (!isnan(figure(s, i))) {
            buf_double(b, figure(s, i));
        }
    }
}
