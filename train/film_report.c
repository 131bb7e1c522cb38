/* Figures of a training for people. */
#include "train/film_report.h"

#include "common/base/date.h"
#include "common/base/number.h"

#include <math.h>
#include <stdlib.h>

enum { CURVE_POINTS = 80, SIZES = 5, COLUMNS = 10, BINS = 10, DEPENDENCE_FILMS = 1000, EXPLAINER_BYTES = 16 << 20 };

struct reporting {
    const struct film_model *m;
    const struct film_table *t;
    size_t first;
    const double *errors;
    struct arena *a;
    struct json_out *w;
    struct mrc_err *err;
};

static double rounded(double v)
{
    return round(v * 1e4) / 1e4;
}

/* ---- where it errs --------------------------------------------------------------------------------------------- */

struct judged {
    double truth, score, error; /* log10 of what the model learns; error: truth - score */
    double entries;             /* log10 of the first week: the truth, or that per screen times screens */
    int year;
    struct str genre;
};

static void put_group(struct reporting *x, const char *name, const struct judged *films, size_t n)
{
    double mean = 0, mean_entries = 0, sst = 0, sst_entries = 0, sse = 0, bias = 0;
    size_t near = 0;
    for (size_t i = 0; i < n; i++) {
        mean += films[i].truth / (double)n;
        mean_entries += films[i].entries / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        sst += (films[i].truth - mean) * (films[i].truth - mean);
        sst_entries += (films[i].entries - mean_entries) * (films[i].entries - mean_entries);
        sse += films[i].error * films[i].error;
        bias -= films[i].error / (double)n;
        near += fabs(films[i].error) <= log10(2);
    }
    json_open_object(x->w);
    json_pair_cstr(x->w, "group", name);
    json_pair_i64(x->w, "films", (int64_t)n);
    json_pair_double(x->w, "r2", sst_entries > 0 ? rounded(1 - sse / sst_entries) : 0);
    if (x->m->setting == FILM_SCREENS) {
        json_pair_double(x->w, "r2_per_screen", sst > 0 ? rounded(1 - sse / sst) : 0);
    }
    json_pair_double(x->w, "rmse_log10", rounded(sqrt(sse / (double)n)));
    json_pair_double(x->w, "bias_log10", rounded(bias));
    json_pair_double(x->w, "within_2", rounded((double)near / (double)n));
    json_close_object(x->w);
}

static int by_year(const void *a, const void *b)
{
    const struct judged *x = a, *y = b;
    return (x->year > y->year) - (x->year < y->year);
}

static int by_score(const void *a, const void *b)
{
    const struct judged *x = a, *y = b;
    return (x->score > y->score) - (x->score < y->score);
}

static int by_genre(const void *a, const void *b)
{
    const struct judged *x = a, *y = b;
    return str_cmp(x->genre, y->genre);
}

static void put_years(struct reporting *x, struct judged *films, size_t n)
{
    qsort(films, n, sizeof(*films), by_year);
    json_put_key(x->w, "by_year");
    json_open_array(x->w);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && films[end].year == films[i].year; end++) {
        }
        if (end - i >= REPORT_FILMS_MIN) {
            char name[NUMBER_TEXT_MAX];
            name[format_i64(films[i].year, name)] = '\0';
            put_group(x, name, films + i, end - i);
        }
    }
    json_close_array(x->w);
}

/* Fifths by what was forecast: what turned out cannot be chosen beforehand. */
static void put_sizes(struct reporting *x, struct judged *films, size_t n)
{
    static const char *const names[SIZES] = {"smallest fifth", "second", "middle", "fourth", "largest fifth"};
    qsort(films, n, sizeof(*films), by_score);
    json_put_key(x->w, "by_forecast");
    json_open_array(x->w);
    for (size_t k = 0; k < SIZES && n >= SIZES * REPORT_FILMS_MIN; k++) {
        size_t begin = k * n / SIZES;
        put_group(x, names[k], films + begin, (k + 1) * n / SIZES - begin);
    }
    json_close_array(x->w);
}

static void put_genres(struct reporting *x, struct judged *films, size_t n)
{
    qsort(films, n, sizeof(*films), by_genre);
    json_put_key(x->w, "by_genre");
    json_open_array(x->w);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && str_eq(films[end].genre, films[i].genre); end++) {
        }
        if (end - i >= REPORT_FILMS_MIN && films[i].genre.n > 0) {
            put_group(x, films[i].genre.p, films + i, end - i);
        }
    }
    json_close_array(x->w);
}

static int put_errors(struct reporting *x)
{
    const struct film_table *t = x->t;
    const struct schema *s = t->recipe->schema;
    int64_t genres = schema_find(s, STR("genres"));
    size_t n = t->n - x->first;
    struct judged *films = ARENA_ARRAY(x->a, n, struct judged);
    if (!films) {
        return arena_fail(x->a, x->err);
    }
    for (size_t i = 0; i < n; i++) {
        const struct film *f = t->films[x->first + i];
        const struct value *g = genres >= 0 ? &f->row.values[genres] : NULL;
        double y = film_target(f, s, x->m->setting), e = x->errors[t->per * i];
        films[i] = (struct judged){.truth = y,
                                   .score = y - e,
                                   .error = e,
                                   .entries = film_log_entries(f),
                                   .year = date_to_civil(f->date).year,
                                   .genre = g && g->present && g->n_items > 0 ? g->items[0] : STR("")};
    }
    json_put_key(x->w, "all");
    put_group(x, "all", films, n);
    put_years(x, films, n);
    put_sizes(x, films, n);
    put_genres(x, films, n);
    return MRC_OK;
}

/* ---- intervals and the curve ----------------------------------------------------------------------------------- */

/* Offsets of the earlier half of the scores, judged on the later half. */
static int put_intervals(struct reporting *x)
{
    static const int levels[][2] = {{6, 16}, {3, 19}, {2, 20}, {1, 21}}; /* 50, 80, 90, 95 % in calibrate_levels */
    struct scores early = x->m->scores;
    double offsets[CALIBRATE_LEVELS];
    early.n /= 2;
    json_put_key(x->w, "intervals");
    json_open_array(x->w);
    if (early.n >= CALIBRATE_RESIDUALS_MIN) {
        MRC_TRY(scores_offsets(&early, offsets, x->err));
        for (size_t k = 0; k < sizeof(levels) / sizeof(levels[0]); k++) {
            double low = offsets[levels[k][0]], high = offsets[levels[k][1]];
            size_t held = 0, n = x->m->scores.n - early.n;
            for (size_t i = early.n; i < x->m->scores.n; i++) {
                held += x->m->scores.kept[i].value >= low && x->m->scores.kept[i].value <= high;
            }
            json_open_object(x->w);
            json_pair_double(x->w, "level", rounded(calibrate_levels[levels[k][1]] - calibrate_levels[levels[k][0]]));
            json_pair_double(x->w, "held", rounded((double)held / (double)n));
            json_pair_i64(x->w, "films", (int64_t)n);
            json_close_object(x->w);
        }
    }
    json_close_array(x->w);
    return MRC_OK;
}

static void put_curve(struct reporting *x)
{
    size_t n = x->m->n_trees, step = n / CURVE_POINTS + 1;
    json_put_key(x->w, "learning_curve");
    json_open_array(x->w);
    for (size_t i = 0; i < n; i += step) {
        json_open_array(x->w);
        json_put_i64(x->w, (int64_t)i + 1);
        json_put_double(x->w, rounded(x->m->learn_loss[i]));
        json_close_array(x->w);
    }
    json_close_array(x->w);
}

/* ---- importance and dependence --------------------------------------------------------------------------------- */

struct ranked {
    uint32_t index;
    double share;
};

static int largest_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->share != y->share ? (x->share < y->share ? 1 : -1) : (x->index > y->index) - (x->index < y->index);
}

static void put_fields(struct reporting *x, const double *importance)
{
    const struct schema *s = x->t->recipe->schema;
    struct ranked fields[SCHEMA_FIELDS_MAX + 1] = {0};
    uint32_t n = schema_count(s);
    for (uint32_t i = 0; i <= n; i++) {
        fields[i].index = i;
    }
    for (uint32_t i = 0; i < features_count(x->m->features); i++) {
        int64_t owner = features_at(x->m->features, i)->owner;
        fields[owner < 0 ? n : (uint32_t)owner].share += importance[i];
    }
    qsort(fields, n + 1, sizeof(fields[0]), largest_first);
    json_put_key(x->w, "importance");
    json_open_array(x->w);
    for (uint32_t i = 0; i <= n && fields[i].share > 0; i++) {
        json_open_object(x->w);
        json_pair_str(x->w, "field", fields[i].index == n ? STR("market") : schema_field(s, fields[i].index)->name);
        json_pair_double(x->w, "percent", rounded(fields[i].share));
        json_close_object(x->w);
    }
    json_close_array(x->w);
}

struct point {
    double x, shap;
};

static int by_x(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    return (x->x > y->x) - (x->x < y->x);
}

/* Mean factor in tenths of the films by the column's value. */
static int put_column(struct reporting *x, struct str name, struct point *points, size_t n)
{
    qsort(points, n, sizeof(*points), by_x);
    json_open_object(x->w);
    json_pair_str(x->w, "column", name);
    json_put_key(x->w, "points");
    json_open_array(x->w);
    for (size_t k = 0; k < BINS && n >= BINS * REPORT_FILMS_MIN; k++) {
        size_t begin = k * n / BINS, end = (k + 1) * n / BINS;
        double at = 0, shap = 0;
        for (size_t i = begin; i < end; i++) {
            at += points[i].x / (double)(end - begin);
            shap += points[i].shap / (double)(end - begin);
        }
        json_open_array(x->w);
        json_put_double(x->w, rounded(at));
        json_put_double(x->w, rounded(pow(10, shap)));
        json_close_array(x->w);
    }
    json_close_array(x->w);
    json_close_object(x->w);
    return MRC_OK;
}

static int put_columns(struct reporting *x, const struct film_matrix *m, const double *shap, const double *importance)
{
    uint32_t n = features_count(x->m->features), next = 0, shown = 0;
    struct ranked *columns = ARENA_ARRAY(x->a, n, struct ranked);
    uint32_t *place = ARENA_ARRAY(x->a, n, uint32_t);
    struct point *points = ARENA_ARRAY(x->a, m->n, struct point);
    if (!columns || !place || !points) {
        return arena_fail(x->a, x->err);
    }
    for (uint32_t i = 0; i < n; i++) {
        place[i] = features_at(x->m->features, i)->categorical ? UINT32_MAX : next++;
        columns[i] = (struct ranked){i, importance[i]};
    }
    qsort(columns, n, sizeof(*columns), largest_first);
    for (uint32_t k = 0; k < n && shown < COLUMNS; k++) {
        uint32_t column = columns[k].index;
        size_t known = 0;
        for (size_t i = 0; i < m->n && place[column] != UINT32_MAX; i++) {
            float v = m->floats[i * m->n_floats + place[column]];
            if (!isnan(v)) {
                points[known++] = (struct point){v, shap[i * (n + 1) + column]};
            }
        }
        if (known >= BINS * REPORT_FILMS_MIN) {
            MRC_TRY(put_column(x, features_at(x->m->features, column)->name, points, known));
            shown++;
        }
    }
    return MRC_OK;
}

static int explain_films(struct reporting *x, const double *importance)
{
    const struct film_table *t = x->t;
    size_t n = t->n < DEPENDENCE_FILMS ? t->n : DEPENDENCE_FILMS, first = t->n - n;
    uint32_t columns = features_count(x->m->features);
    const struct row **rows = ARENA_ARRAY(x->a, n, const struct row *);
    struct features_context *contexts = ARENA_ARRAY(x->a, n, struct features_context);
    double *shap = ARENA_ARRAY(x->a, n * (columns + 1), double);
    struct film_matrix m;
    mrc_explainer *e;
    if (!rows || !contexts || !shap) {
        return arena_fail(x->a, x->err);
    }
    for (size_t i = 0; i < n; i++) {
        rows[i] = &t->rows[t->per * (first + i)];
        contexts[i] = t->contexts[t->per * (first + i)];
    }
    MRC_TRY(film_matrix_build(&m, x->m->features, contexts, rows, n, x->a, x->err));
    MRC_TRY(mrc_explainer_new(&e, x->m->model, EXPLAINER_BYTES, x->err));
    void *scratch = arena_alloc(x->a, mrc_shap_scratch_size(e), MRC_SCRATCH_ALIGN);
    struct mrc_input in = {.floats = m.floats,
                           .float_row_stride = m.n_floats,
                           .float_column_stride = 1,
                           .cats = m.n_cats ? m.cats : NULL,
                           .cat_row_stride = m.n_cats,
                           .cat_column_stride = 1};
    int rc = scratch ? mrc_shap(e, &in, n, scratch, shap, x->err) : arena_fail(x->a, x->err);
    mrc_explainer_free(e);
    return rc < 0 ? rc : put_columns(x, &m, shap, importance);
}

static int put_dependence(struct reporting *x)
{
    double *importance = ARENA_ARRAY(x->a, features_count(x->m->features), double);
    if (!importance) {
        return arena_fail(x->a, x->err);
    }
    MRC_TRY(mrc_importance(x->m->model, importance, x->err));
    put_fields(x, importance);
    json_put_key(x->w, "dependence");
    json_open_array(x->w);
    MRC_TRY(explain_films(x, importance));
    json_close_array(x->w);
    return MRC_OK;
}

static int report(struct reporting *x)
{
    char date[DATE_TEXT];
    json_open_object(x->w);
    json_pair_i64(x->w, "films", (int64_t)x->t->n);
    date_format(x->t->films[0]->date, date);
    json_pair_cstr(x->w, "first_release", date);
    date_format(x->t->films[x->t->n - 1]->date, date);
    json_pair_cstr(x->w, "last_release", date);
    json_pair_i64(x->w, "trees", (int64_t)x->m->n_trees);
    MRC_TRY(put_errors(x));
    MRC_TRY(put_intervals(x));
    put_curve(x);
    MRC_TRY(put_dependence(x));
    json_close_object(x->w);
    return MRC_OK;
}

int film_report_write(const struct film_model *m, const struct film_table *t, size_t first, const double *errors,
                      struct buf *out, struct mrc_err *err)
{
    struct arena a;
    struct json_out w;
    struct reporting x = {.m = m, .t = t, .first = first, .errors = errors, .a = &a, .w = &w, .err = err};
    json_out_init(&w, out);
    arena_init(&a, 0);
    int rc = report(&x);
    arena_release(&a);
    return rc < 0 ? rc : buf_ok(out, err);
}
