/* A day of the log as figures. Everything follows from the rows alone: the same day gives the same bytes. */
#include "common/base/date.h"
#include "fcgi/track.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 500, ROWS_MAX = 20 << 20, SAMPLE_BYTES_MAX = 4 << 20 };
#define DAY_MS ((int64_t)86400000)

/* ---- reading --------------------------------------------------------------------------------------------------- */

void track_id_from(int64_t ms, char out[16])
{
    unsigned long long v = (unsigned long long)ms;
    (void)snprintf(out, 16, "%08llx-%04llx", (v >> 16) & 0xffffffff, v & 0xffff);
}

static uint64_t hash(struct str s)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < s.n; i++) {
        h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
    }
    return h;
}

static struct track_version *version_of(struct track_day *d, struct str version)
{
    for (size_t i = 0; i < d->n; i++) {
        if (str_is(version, d->versions[i].version)) {
            return &d->versions[i];
        }
    }
    if (d->n == TRACK_VERSIONS_MAX || version.n >= sizeof(d->versions[0].version)) {
        return NULL;
    }
    struct track_version *v = &d->versions[d->n++];
    (void)snprintf(v->version, sizeof(v->version), "%.*s", STR_ARG(version));
    buf_init(&v->sample, NULL, SAMPLE_BYTES_MAX);
    return v;
}

static bool grow(struct track_version *v)
{
    if (v->n < v->cap) {
        return true;
    }
    size_t cap = v->cap == 0 ? 1024 : 2 * v->cap;
    double **columns[] = {&v->admissions, &v->width, &v->latency_ms};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        double *p = realloc(*columns[i], cap * sizeof(*p));
        if (p == NULL) {
            return false;
        }
        *columns[i] = p;
    }
    uint64_t *films = realloc(v->films, cap * sizeof(*films));
    if (films == NULL) {
        return false;
    }
    v->films = films;
    v->cap = cap;
    return true;
}

/* A row of the sample: what was asked and answered, not who asked. */
static void add_sample(struct track_version *v, const struct prediction *p)
{
    struct json_out w;
    char stamp[STAMP_TEXT];
    stamp_format(p->time_ms, stamp);
    if (v->n_sample > 0) {
        buf_char(&v->sample, ',');
    }
    json_out_init(&w, &v->sample);
    json_open_array(&w);
    json_put_str(&w, p->id);
    json_put_cstr(&w, stamp);
    json_put_str(&w, p->row_json);
    json_put_double(&w, p->admissions);
    json_put_double(&w, p->low80);
    json_put_double(&w, p->high80);
    json_close_array(&w);
    v->n_sample++;
}

static bool knows_screens(struct str row)
{
    struct json_doc *doc;
    const struct json_limits limits = {1 << 20, 32, 0};
    double screens;
    if (json_read(&doc, row, &limits, NULL, NULL) < 0) {
        return false;
    }
    bool known = json_double(json_find(json_root(doc), "screens"), &screens);
    json_free(doc);
    return known;
}

static int add(struct track_day *d, const struct prediction *p, size_t sample, struct mrc_err *err)
{
    struct track_version *v = version_of(d, p->model_version);
    if (v == NULL) {
        return mrc_fail(err, MRC_ELIMIT, "more than %d versions answered on one day", TRACK_VERSIONS_MAX);
    }
    if (v->n == ROWS_MAX) {
        return mrc_fail(err, MRC_ELIMIT, "more than %d predictions of one version on one day", ROWS_MAX);
    }
    if (!grow(v)) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a day of predictions");
    }
    v->admissions[v->n] = p->admissions;
    v->width[v->n] = p->low80 > 0 && p->high80 > 0 ? log10(p->high80 / p->low80) : 0;
    v->latency_ms[v->n] = (double)p->latency_us / 1000;
    v->films[v->n] = hash(p->row_json);
    v->near += knows_screens(p->row_json);
    v->n++;
    if (v->n_sample < sample) {
        add_sample(v, p);
    }
    return MRC_OK;
}

int track_rows(struct store *log, int64_t from_ms, int64_t until_ms, const struct track_hold *hold,
               int (*each)(const struct prediction *p, struct arena *page, void *arg, struct mrc_err *err), void *arg,
               size_t *n, struct mrc_err *err)
{
    char after[40], before[16];
    struct arena page;
    size_t got = PAGE, total = 0;
    int rc = MRC_OK;
    track_id_from(from_ms, after);
    track_id_from(until_ms, before);
    arena_init(&page, 256 << 20);
    while (rc == MRC_OK && got == PAGE) {
        struct prediction *rows;
        rc = hold != NULL ? hold->hold(hold->arg, err) : MRC_OK;
        rc = rc < 0 ? rc : store_predictions_range(log, str_of(after), str_of(before), PAGE, &page, &rows, &got, err);
        for (size_t i = 0; rc == MRC_OK && i < got; i++) {
            rc = each(&rows[i], &page, arg, err);
        }
        if (rc == MRC_OK && got > 0) {
            total += got;
            (void)snprintf(after, sizeof(after), "%.*s", STR_ARG(rows[got - 1].id));
        }
        arena_reset(&page);
    }
    arena_release(&page);
    if (n != NULL) {
        *n = total;
    }
    return rc;
}

struct reading_day {
    struct track_day *day;
    const char *name;
    size_t sample;
};

static int add_row(const struct prediction *p, struct arena *page, void *arg, struct mrc_err *err)
{
    struct reading_day *r = arg;
    (void)page;
    return str_is(p->model_name, r->name) ? add(r->day, p, r->sample, err) : MRC_OK;
}

int track_day_read(struct store *log, const char *name, int32_t day, size_t sample, const struct track_hold *hold,
                   struct track_day *out, struct mrc_err *err)
{
    struct reading_day r = {out, name, sample};
    memset(out, 0, sizeof(*out));
    out->day = day;
    int rc = track_rows(log, (int64_t)day * DAY_MS, (int64_t)(day + 1) * DAY_MS, hold, add_row, &r, NULL, err);
    if (rc < 0) {
        track_day_release(out);
    }
    return rc;
}

void track_day_release(struct track_day *d)
{
    for (size_t i = 0; i < d->n; i++) {
        struct track_version *v = &d->versions[i];
        free(v->admissions);
        free(v->width);
        free(v->latency_ms);
        free(v->films);
        buf_release(&v->sample);
    }
    d->n = 0;
}

/* ---- figures --------------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double mean(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum / (double)n;
}

/* Of sorted values, between neighbours. */
static double quantile(const double *x, size_t n, double p)
{
    double at = p * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 < n ? x[i] + (at - (double)i) * (x[i + 1] - x[i]) : x[n - 1];
}

size_t track_figures(struct track_version *v, int32_t day, int64_t step, struct mlflow_metric *out)
{
    size_t films = 0;
    if (v->n == 0) {
        return 0;
    }
    qsort(v->films, v->n, sizeof(*v->films), by_hash);
    for (size_t i = 0; i < v->n; i++) {
        films += i == 0 || v->films[i] != v->films[i - 1];
    }
    /* Sorted first: the sum is then the same in whatever order the rows came. */
    qsort(v->admissions, v->n, sizeof(double), by_value);
    qsort(v->width, v->n, sizeof(double), by_value);
    qsort(v->latency_ms, v->n, sizeof(double), by_value);
    const struct {
        const char *key;
        double value;
    } figures[] = {
        {"predictions/count", (double)v->n},
        {"predictions/films", (double)films},
        {"predictions/share_with_screens", (double)v->near / (double)v->n},
        {"prediction/mean", mean(v->admissions, v->n)},
        {"prediction/p10", quantile(v->admissions, v->n, 0.1)},
        {"prediction/p50", quantile(v->admissions, v->n, 0.5)},
        {"prediction/p90", quantile(v->admissions, v->n, 0.9)},
        {"interval/mean_width_log10", mean(v->width, v->n)},
        {"latency_ms/p50", quantile(v->latency_ms, v->n, 0.5)},
        {"latency_ms/p99", quantile(v->latency_ms, v->n, 0.99)},
    };
    size_t n = sizeof figures / sizeof figures[0];
    for (size_t i = 0; i < n; i++) {
        out[i] = (struct mlflow_metric){figures[i].key, figures[i].value, (int64_t)day * DAY_MS, step};
    }
    return n;
}

/* ---- table and picture ----------------------------------------------------------------------------------------- */

/* Four bins to a power of ten, from 100 tickets on; the outermost two are open. */
static size_t bin_of(double admissions)
{
    double at = floor(4 * (log10(admissions > 1 ? admissions : 1) - 2)) + 1;
    return at < 0 ? 0 : at >= TRACK_BINS ? TRACK_BINS - 1 : (size_t)at;
}

static void fill_bins(const struct track_version *v, size_t bins[TRACK_BINS])
{
    memset(bins, 0, TRACK_BINS * sizeof(*bins));
    for (size_t i = 0; i < v->n; i++) {
        bins[bin_of(v->admissions[i])]++;
    }
}

static double bin_from(size_t i)
{
    return i == 0 ? 0 : round(pow(10, 2 + (double)(i - 1) / 4));
}

void track_table(const struct track_version *v, struct buf *out)
{
    size_t bins[TRACK_BINS];
    struct json_out w;
    fill_bins(v, bins);
    json_out_init(&w, out);
    json_open_object(&w);
    json_put_key(&w, "columns");
    json_put_raw(&w, STR("[\"admissions from\",\"admissions below\",\"predictions\"]"));
    json_put_key(&w, "data");
    json_open_array(&w);
    for (size_t i = 0; i < TRACK_BINS; i++) {
        json_open_array(&w);
        json_put_double(&w, bin_from(i));
        if (i + 1 < TRACK_BINS) {
            json_put_double(&w, bin_from(i + 1));
        } else {
            json_put_null(&w);
        }
        json_put_u64(&w, bins[i]);
        json_close_array(&w);
    }
    json_close_array(&w);
    json_close_object(&w);
}

void track_picture(const struct track_version *v, int32_t day, struct buf *out)
{
    enum { WIDTH = 640, HEIGHT = 260, LEFT = 40, BASE = 210, TOP = 40 };
    size_t bins[TRACK_BINS], most = 1;
    char date[DATE_TEXT];
    date_format(day, date);
    fill_bins(v, bins);
    for (size_t i = 0; i < TRACK_BINS; i++) {
        most = bins[i] > most ? bins[i] : most;
    }
    buf_printf(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" "
               "font-size=\"11\"><rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>"
               "<text x=\"%d\" y=\"20\" font-size=\"14\">%s: %zu predictions by admissions</text>",
               WIDTH, HEIGHT, LEFT, date, v->n);
    int step = (WIDTH - 2 * LEFT) / TRACK_BINS;
    for (size_t i = 0; i < TRACK_BINS; i++) {
        int x = LEFT + (int)i * step, height = (int)((BASE - TOP) * bins[i] / most);
        buf_printf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#26547c\"/>", x, BASE - height,
                   step - 3, height);
        if (bins[i] > 0) {
            buf_printf(out, "<text x=\"%d\" y=\"%d\">%zu</text>", x, BASE - height - 4, bins[i]);
        }
        if (i % 4 == 1) {
            buf_printf(out, "<text x=\"%d\" y=\"%d\">%.0f</text>", x, BASE + 16, bin_from(i));
        }
    }
    buf_puts(out, "</svg>\n");
}
