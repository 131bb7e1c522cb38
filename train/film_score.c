/* Scores of film forecasts. */
#include "train/film_score.h"

#include <math.h>
#include <stdlib.h>

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

/* Width of an interval in log10, and 2 / alpha times what the truth is outside it. */
static double interval_score(double low, double high, double truth, double alpha)
{
    double a = log_tickets(low), b = log_tickets(high);
    return b - a + 2 / alpha * (fmax(0, a - truth) + fmax(0, truth - b));
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
    double score80 = 0, score90 = 0;
    size_t near = 0, in80 = 0, in90 = 0;
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
        in80 += truth >= o[i].low80 && truth <= o[i].high80;
        in90 += truth >= o[i].low90 && truth <= o[i].high90;
        score80 += interval_score(o[i].low80, o[i].high80, y, 0.2);
        score90 += interval_score(o[i].low90, o[i].high90, y, 0.1);
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
                               .cover80 = isnan(o[0].low80) ? NAN : (double)in80 / films,
                               .cover90 = isnan(o[0].low90) ? NAN : (double)in90 / films,
                               .score80 = isnan(o[0].low80) ? NAN : score80 / films,
                               .score90 = isnan(o[0].low90) ? NAN : score90 / films,
                               .spearman = spearman};
    free(ape);
    return MRC_OK;
}

/* Fixed decimals without a locale. */
static void put_fixed(struct buf *b, double v, int decimals, int width)
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
    double v[] = {s->r2_log,   s->rmse_log, s->bias_log, s->mae,    s->median_ape,
                  s->within_2, s->wape,     s->cover80,  s->cover90};
    buf_printf(b, "%-28s %6zu", name, s->films);
    for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        put_fixed(b, v[i], columns[i].decimals, columns[i].width);
    }
    buf_char(b, '\n');
}

void film_score_json(struct json_out *w, const struct film_score *s)
{
    json_pair_i64(w, "films", (int64_t)s->films);
    json_pair_double(w, "r2_log10", s->r2_log);
    json_pair_double(w, "rmse_log10", s->rmse_log);
    json_pair_double(w, "bias_log10", s->bias_log);
    json_pair_double(w, "mae", s->mae);
    json_pair_double(w, "median_ape", s->median_ape);
    json_pair_double(w, "within_2", s->within_2);
    json_pair_double(w, "wape", s->wape);
    json_pair_double(w, "coverage_80", s->cover80);
    json_pair_double(w, "coverage_90", s->cover90);
    json_pair_double(w, "interval_score_80", s->score80);
    json_pair_double(w, "interval_score_90", s->score90);
    json_pair_double(w, "spearman", s->spearman);
}
