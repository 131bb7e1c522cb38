/* Windows of films against reference.json (drift.h). */
#include "common/forecast/drift.h"

#include "common/base/file.h"
#include "common/forecast/bundle_files.h"
#include "common/forecast/forecast.h"
#include "common/forecast/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    POINTS_MAX = 1000,
    NULLS_MAX = 32,
    VALUES_MAX = 1000,
    FEW_VALUES = 10,       /* numbers of so many distinct values are counted, not ordered */
    DRAWS = 300,           /* random windows of a category */
    DRAWN_FILMS_MAX = 2000 /* in one; larger ones follow the square root */
};
#define SIGMA_LEAST 0.001
#define P_LARGEST   0.05
#define EXCESS      0.10
#define STRONG      0.25

const char *const drift_state_names[DRIFT__COUNT] = {"insufficient", "stable", "watch", "drift", "strong"};

struct null_point {
    double films, e0, q95;
};

/* One feature of reference.json. */
struct reference {
    double importance, deviation;
    size_t films, known;
    double *points; /* [n_points] equally spaced quantiles, ascending */
    size_t n_points;
    struct null_point *nulls; /* [n_nulls] by films */
    size_t n_nulls;
    struct str *values; /* [n_values] of a category; behind them, the others */
    double *counts;     /* [n_values + 1] */
    size_t n_values;
};

/* What a model was asked, by columns of its features. */
struct asked {
    const struct bundle_model *model;
    struct reference *references; /* [features_count] */
    size_t n, cap, unseen;
    float *floats;  /* [n][features_floats] */
    uint32_t *cats; /* [n][features_cats] 0: unknown, then 1 + place in values, others last */
};

struct drift_window {
    const struct bundle *b;
    struct arena arena; /* the references */
    size_t films;
    struct asked asked[BUNDLE_MODELS_MAX];
};

/* ---- reference.json -------------------------------------------------------------------------------------------- */

static int read_points(struct drift_window *w, const struct json *feature, struct reference *r, struct mrc_err *err)
{
    const struct json *list = json_find(feature, "points"), *x;
    size_t n = json_count(list);
    if (list == NULL || n == 0) {
        return MRC_OK; /* of too few films */
    }
    MRC_TRY(json_get_double(feature, "deviation", &r->deviation, err));
    r->points = n <= POINTS_MAX ? ARENA_ARRAY(&w->arena, n, double) : NULL;
    if (r->points == NULL) {
        return n > POINTS_MAX ? mrc_fail(err, MRC_ELIMIT, "%zu points", n) : arena_fail(&w->arena, err);
    }
    for (x = json_first(list); x != NULL; x = json_next(x)) {
        double *p = &r->points[r->n_points++];
        if (!json_double(x, p) || (r->n_points > 1 && *p < p[-1])) {
            return mrc_fail(err, MRC_EFORMAT, "\"points\" must be ascending numbers");
        }
    }
    return MRC_OK;
}

static int read_nulls(struct drift_window *w, const struct json *feature, struct reference *r, struct mrc_err *err)
{
    const struct json *list = json_find(feature, "null");
    size_t n = json_count(list) < NULLS_MAX ? json_count(list) : NULLS_MAX;
    r->nulls = ARENA_ARRAY(&w->arena, n, struct null_point);
    if (r->nulls == NULL) {
        return arena_fail(&w->arena, err);
    }
    for (const struct json *x = json_first(list); x != NULL && r->n_nulls < n; x = json_next(x)) {
        struct null_point *p = &r->nulls[r->n_nulls++];
        MRC_TRY(json_get_double(x, "films", &p->films, err));
        MRC_TRY(json_get_double(x, "e0", &p->e0, err));
        MRC_TRY(json_get_double(x, "q95", &p->q95, err));
        if (!(p->films >= 1) || (r->n_nulls > 1 && p->films <= p[-1].films)) {
            return mrc_fail(err, MRC_EFORMAT, "\"null\" must be ascending in \"films\"");
        }
    }
    return MRC_OK;
}

static int read_values(struct drift_window *w, const struct json *feature, struct reference *r, struct mrc_err *err)
{
    const struct json *list;
    int64_t films;
    MRC_TRY(json_get(feature, "values", JSON_OBJECT, &list, err));
    size_t n = json_count(list);
    if (n > VALUES_MAX) {
        return mrc_fail(err, MRC_ELIMIT, "%zu values", n);
    }
    r->values = ARENA_ARRAY(&w->arena, n, struct str);
    r->counts = ARENA_ARRAY(&w->arena, n + 1, double);
    if (r->values == NULL || r->counts == NULL) {
        return arena_fail(&w->arena, err);
    }
    for (const struct json *x = json_first(list); x != NULL; x = json_next(x), r->n_values++) {
        if (!json_i64(x, &films) || films < 0) {
            return mrc_fail(err, MRC_EFORMAT, "\"values\": \"%.60s\" must have a count", json_key(x).p);
        }
        r->counts[r->n_values] = (double)films;
        if (!str_copy(&w->arena, json_key(x), &r->values[r->n_values])) {
            return arena_fail(&w->arena, err);
        }
    }
    MRC_TRY(json_get_i64(feature, "other", 0, INT64_MAX, &films, err));
    r->counts[n] = (double)films;
    return MRC_OK;
}

static int read_model(struct drift_window *w, const struct json *reference, struct asked *q, struct mrc_err *err)
{
    const struct features *features = q->model->features;
    const struct json *own = json_find(json_find(reference, "models"), q->model->name.p), *list;
    int64_t films, known;
    uint32_t k = 0;
    if (own == NULL) {
        return mrc_fail(err, MRC_EFORMAT, "no model \"%.*s\"", STR_ARG(q->model->name));
    }
    MRC_TRY(json_get_i64(own, "films", 0, INT64_MAX, &films, err));
    MRC_TRY(json_get(own, "features", JSON_ARRAY, &list, err));
    q->references = ARENA_ARRAY(&w->arena, features_count(features), struct reference);
    if (q->references == NULL) {
        return arena_fail(&w->arena, err);
    }
    for (const struct json *x = json_first(list); x != NULL; x = json_next(x), k++) {
        const struct feature *f = k < features_count(features) ? features_at(features, k) : NULL;
        struct str name;
        MRC_TRY(json_get_str(x, "name", &name, err));
        if (f == NULL || !str_eq(name, f->name)) {
            return mrc_fail(err, MRC_EFORMAT, "\"%.*s\" is not feature %u", STR_ARG(name), k + 1);
        }
        struct reference *r = &q->references[k];
        MRC_TRY(json_get_i64(x, "known", 0, films, &known, err));
        MRC_TRY(json_get_double(x, "importance", &r->importance, err));
        r->films = (size_t)films;
        r->known = (size_t)known;
        int rc = f->categorical ? read_values(w, x, r, err) : read_points(w, x, r, err);
        rc = rc == MRC_OK && !f->categorical ? read_nulls(w, x, r, err) : rc;
        if (rc < 0) {
            return err != NULL ? err_wrap(err, "\"%.*s\"", STR_ARG(name)) : rc;
        }
    }
    return k == features_count(features) ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "features are missing");
}

static int read_reference(struct drift_window *w, struct mrc_err *err)
{
    char *path = path_join(&w->arena, w->b->path.p, "reference.json"), *text;
    struct json_doc *doc;
    size_t n;
    if (path == NULL) {
        return arena_fail(&w->arena, err);
    }
    MRC_TRY(file_read(path, BUNDLE_FILE_BYTES_MAX, &text, &n, err));
    int rc = bundle_json(&doc, (struct str){text, n}, "reference.json", JSON_OBJECT, err);
    free(text);
    MRC_TRY(rc);
    for (uint32_t i = 0; i < w->b->n_models && rc == MRC_OK; i++) {
        w->asked[i].model = &w->b->models[i];
        rc = read_model(w, json_root(doc), &w->asked[i], err);
    }
    json_free(doc);
    return rc < 0 && err != NULL ? err_wrap(err, "reference.json") : rc;
}

int drift_window_new(struct drift_window **out, const struct bundle *b, struct mrc_err *err)
{
    struct drift_window *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a window of films");
    }
    w->b = b;
    arena_init(&w->arena, 0);
    int rc = read_reference(w, err);
    if (rc < 0) {
        drift_window_free(w);
        return rc;
    }
    *out = w;
    return MRC_OK;
}

void drift_window_free(struct drift_window *w)
{
    if (w != NULL) {
        for (size_t i = 0; i < BUNDLE_MODELS_MAX; i++) {
            free(w->asked[i].floats);
            free(w->asked[i].cats);
        }
        arena_release(&w->arena);
        free(w);
    }
}

/* ---- the window ------------------------------------------------------------------------------------------------ */

static bool grow(struct asked *q)
{
    size_t n_floats = features_floats(q->model->features), n_cats = features_cats(q->model->features);
    if (q->n < q->cap) {
        return true;
    }
    size_t cap = q->cap == 0 ? 64 : 2 * q->cap;
    float *floats = realloc(q->floats, (cap * n_floats + 1) * sizeof *floats);
    if (floats == NULL) {
        return false;
    }
    q->floats = floats;
    uint32_t *cats = realloc(q->cats, (cap * n_cats + 1) * sizeof *cats);
    if (cats == NULL) {
        return false;
    }
    q->cats = cats;
    q->cap = cap;
    return true;
}

/* 0: unknown; n_values + 1: none of those named. */
static uint32_t place_of(const struct reference *r, struct mrc_str value)
{
    if (value.n == 0) {
        return 0;
    }
    uint32_t i = 0;
    while (i < r->n_values && !str_eq(r->values[i], (struct str){value.p, value.n})) {
        i++;
    }
    return i + 1;
}

static int add_row(struct asked *q, const struct row *row, struct arena *a, struct mrc_err *err)
{
    const struct features *f = q->model->features;
    uint32_t n_floats = features_floats(f), n_cats = features_cats(f), next = 0;
    float *floats = q->floats + q->n * n_floats;
    struct mrc_str *cats = ARENA_ARRAY(a, n_cats, struct mrc_str);
    struct row_report found = {0};
    if (cats == NULL) {
        return arena_fail(a, err);
    }
    MRC_TRY(features_compute(f, row, a, floats, cats, &found, err));
    for (uint32_t i = 0; i < n_floats; i++) { /* as the reference's points are */
        floats[i] = (float)(round((double)floats[i] * 1e4) / 1e4);
    }
    for (uint32_t k = 0; k < features_count(f); k++) {
        if (features_at(f, k)->categorical) {
            q->cats[q->n * n_cats + next] = place_of(&q->references[k], cats[next]);
            next++;
        }
    }
    bool unseen = false;
    for (uint32_t i = 0; i < found.n_warnings; i++) {
        unseen = unseen || strcmp(found.warnings[i].code, "unseen_value") == 0;
    }
    q->unseen += unseen;
    q->n++;
    return MRC_OK;
}

int drift_window_add(struct drift_window *w, const struct row *row, struct mrc_err *err)
{
    struct arena a;
    struct row filled;
    if (w->films == DRIFT_FILMS_MAX) {
        return mrc_fail(err, MRC_ELIMIT, "more than %d films in a window", DRIFT_FILMS_MAX);
    }
    struct asked *q = &w->asked[forecast_choose(w->b, row) - w->b->models];
    if (!grow(q)) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a window of films");
    }
    arena_init(&a, 0);
    int rc = bundle_fill(w->b, row, &a, &filled, err);
    rc = rc == MRC_OK ? add_row(q, &filled, &a, err) : rc;
    arena_release(&a);
    w->films += rc == MRC_OK;
    return rc;
}

/* ---- distances ------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Jensen-Shannon distance of m films drawn from counts to these: mean and 95th percentile. */
static int null_of_counts(const double *counts, size_t k, size_t m, struct drift_figure *f, struct arena *a,
                          struct mrc_err *err)
{
    double distances[DRAWS], deviation, total = 0;
    double *up_to = ARENA_ARRAY(a, k, double), *drawn = ARENA_ARRAY(a, k, double);
    size_t films = m < DRAWN_FILMS_MAX ? m : DRAWN_FILMS_MAX;
    uint64_t random = 1;
    if (up_to == NULL || drawn == NULL) {
        return arena_fail(a, err);
    }
    for (size_t i = 0; i < k; i++) {
        up_to[i] = total += counts[i];
    }
    for (int d = 0; d < DRAWS; d++) {
        memset(drawn, 0, k * sizeof *drawn);
        for (size_t j = 0; j < films; j++) {
            double at = (double)(next_random(&random) >> 11) * 0x1p-53 * total;
            size_t low = 0, high = k - 1;
            while (low < high) {
                size_t mid = (low + high) / 2;
                if (up_to[mid] <= at) {
                    low = mid + 1;
                } else {
                    high = mid;
                }
            }
            drawn[low]++;
        }
        distances[d] = stats_jensen_shannon(counts, drawn, k);
    }
    qsort(distances, DRAWS, sizeof *distances, ascending);
    stats_moments(distances, DRAWS, &f->e0, &deviation);
    f->q95 = stats_quantile(distances, DRAWS, 0.95);
    double shrink = sqrt((double)films / (double)m);
    f->e0 *= shrink;
    f->q95 *= shrink;
    return MRC_OK;
}

/* Between the sizes that the reference has, linear in the root of 1/m + 1/n; beyond the largest, in proportion to it.
 */
static void null_of_points(const struct reference *r, size_t m, struct drift_figure *f)
{
    double n = (double)r->known, x = sqrt(1 / (double)m + 1 / n);
    size_t i = 0;
    while (i < r->n_nulls && r->nulls[i].films < (double)m) {
        i++;
    }
    const struct null_point *above = &r->nulls[i < r->n_nulls ? i : r->n_nulls - 1], *below = i > 0 ? above - 1 : above;
    double x_above = sqrt(1 / above->films + 1 / n), x_below = sqrt(1 / below->films + 1 / n);
    if (i == r->n_nulls) {
        f->e0 = above->e0 * x / x_above;
        f->q95 = above->q95 * x / x_above;
        return;
    }
    double t = x_below > x_above ? (x - x_above) / (x_below - x_above) : 0;
    f->e0 = above->e0 + t * (below->e0 - above->e0);
    f->q95 = above->q95 + t * (below->q95 - above->q95);
}

/* ---- one feature ----------------------------------------------------------------------------------------------- */

static void test_counts(const double *reference, const double *window, size_t k, struct drift_figure *f)
{
    struct stats_chi2 c = stats_chi2_test(reference, window, k);
    f->test = "chi2";
    f->statistic = c.statistic;
    f->p = c.p;
}

static double share_of(const double *sorted, size_t n, double value)
{
    size_t i = 0, j = 0;
    while (i < n && sorted[i] < value) {
        i++;
    }
    for (j = i; j < n && sorted[j] == value; j++) {
    }
    return (double)(j - i) / (double)n;
}

/* Numbers of few values: each is a category. Their distinct values, ascending; 0: there are more than FEW_VALUES. */
static size_t few_values(const struct reference *r, const double *x, size_t m, double out[FEW_VALUES])
{
    size_t i = 0, j = 0, n = 0;
    while (i < r->n_points || j < m) {
        double v = j == m || (i < r->n_points && r->points[i] <= x[j]) ? r->points[i] : x[j];
        if (n == FEW_VALUES) {
            return 0;
        }
        out[n++] = v;
        while (i < r->n_points && r->points[i] == v) {
            i++;
        }
        while (j < m && x[j] == v) {
            j++;
        }
    }
    return n;
}

static int compare_numbers(const struct reference *r, const double *x, size_t m, struct drift_figure *f,
                           struct arena *a, struct mrc_err *err)
{
    double values[FEW_VALUES], reference[FEW_VALUES], window[FEW_VALUES], few[2], own[2];
    if (r->points[0] == r->points[r->n_points - 1]) { /* one value, so far: it, or another */
        double same = share_of(x, m, r->points[0]);
        few[0] = (double)r->known;
        few[1] = 0;
        own[0] = same * (double)m;
        own[1] = (1 - same) * (double)m;
        test_counts(few, own, 2, f);
        f->effect = stats_jensen_shannon(few, own, 2);
        return null_of_counts(few, 2, m, f, a, err);
    }
    size_t n = few_values(r, x, m, values);
    for (size_t i = 0; i < n; i++) {
        reference[i] = share_of(r->points, r->n_points, values[i]) * (double)r->known;
        window[i] = share_of(x, m, values[i]) * (double)m;
    }
    if (n > 0) {
        test_counts(reference, window, n, f);
    } else {
        f->test = "ks";
        f->statistic = stats_ks_distance(r->points, r->n_points, x, m);
        MRC_TRY(stats_ks_probability(f->statistic, r->known, m, &f->p, err));
    }
    f->effect = stats_wasserstein(r->points, r->n_points, x, m) / fmax(r->deviation, SIGMA_LEAST);
    null_of_points(r, m, f);
    return MRC_OK;
}

static int compare_number(const struct asked *q, const struct reference *r, uint32_t column, struct drift_figure *f,
                          struct arena *a, struct mrc_err *err)
{
    uint32_t n_floats = features_floats(q->model->features);
    double *x = ARENA_ARRAY(a, q->n, double);
    if (x == NULL) {
        return arena_fail(a, err);
    }
    for (size_t i = 0; i < q->n; i++) {
        float v = q->floats[i * n_floats + column];
        if (isfinite(v)) {
            x[f->known++] = (double)v;
        }
    }
    if (f->known < DRIFT_FILMS_LEAST || r->known < DRIFT_FILMS_LEAST || r->n_points == 0 || r->n_nulls == 0) {
        return MRC_OK;
    }
    qsort(x, f->known, sizeof *x, ascending);
    return compare_numbers(r, x, f->known, f, a, err);
}

static int compare_category(const struct asked *q, const struct reference *r, uint32_t column, struct drift_figure *f,
                            struct arena *a, struct mrc_err *err)
{
    uint32_t n_cats = features_cats(q->model->features);
    double *counts = ARENA_ARRAY(a, r->n_values + 1, double);
    if (counts == NULL) {
        return arena_fail(a, err);
    }
    for (size_t i = 0; i < q->n; i++) {
        uint32_t place = q->cats[i * n_cats + column];
        if (place > 0) {
            counts[place - 1]++;
            f->known++;
        }
    }
    if (f->known < DRIFT_FILMS_LEAST || r->known < DRIFT_FILMS_LEAST) {
        return MRC_OK;
    }
    test_counts(r->counts, counts, r->n_values + 1, f);
    f->effect = stats_jensen_shannon(r->counts, counts, r->n_values + 1);
    return null_of_counts(r->counts, r->n_values + 1, f->known, f, a, err);
}

/* ---- all of them ----------------------------------------------------------------------------------------------- */

double drift_excess(const struct drift_figure *f)
{
    return f->test == NULL ? NAN : fmax(0, f->effect - f->e0);
}

static void judge(struct drift_figure *f)
{
    double excess = drift_excess(f);
    if (f->test == NULL) {
        f->state = DRIFT_INSUFFICIENT;
    } else if (f->p_adjusted > P_LARGEST) {
        f->state = DRIFT_STABLE;
    } else if (excess < EXCESS || f->effect <= f->q95) {
        f->state = DRIFT_WATCH;
    } else {
        f->state = excess < STRONG ? DRIFT_DRIFT : DRIFT_STRONG;
    }
}

/* Adjust, judge, and sum up what the window's dates do not explain. */
static int sum_up(struct drift_report *r, struct arena *a, struct mrc_err *err)
{
    double *p = ARENA_ARRAY(a, 2 * r->n, double), drifting = 0, tested = 0, missing = 0;
    size_t n = 0, cells = 0;
    if (p == NULL) {
        return arena_fail(a, err);
    }
    for (size_t k = 0; k < r->n; k++) {
        if (r->figures[k].test != NULL) {
            p[n++] = r->figures[k].p;
        }
    }
    stats_adjust(p, n, p + n);
    for (size_t k = 0, next = 0; k < r->n; k++) {
        struct drift_figure *f = &r->figures[k];
        f->p_adjusted = f->test != NULL ? p[n + next++] : NAN;
        judge(f);
        if (f->dated) {
            continue;
        }
        missing += f->missing;
        cells++;
        if (f->test != NULL) {
            bool drifts = f->state >= DRIFT_DRIFT;
            tested += f->importance;
            drifting += drifts ? f->importance : 0;
            r->tested++;
            r->drifting += drifts;
        }
    }
    r->missing = cells > 0 ? missing / (double)cells : 0;
    r->share = tested > 0 ? drifting / tested : NAN;
    return MRC_OK;
}

int drift_window_compare(struct drift_window *w, struct arena *a, struct drift_report *out, struct mrc_err *err)
{
    const struct asked *q = &w->asked[0];
    int64_t date = schema_find(w->b->schema, STR("release_date"));
    uint32_t next_float = 0, next_cat = 0;
    for (uint32_t i = 1; i < w->b->n_models; i++) {
        q = w->asked[i].n > q->n ? &w->asked[i] : q;
    }
    if (q->n == 0) {
        return mrc_fail(err, MRC_ENOTFOUND, "no films to compare");
    }
    *out = (struct drift_report){.model = q->model, .films = q->n, .unseen = q->unseen};
    out->n = features_count(q->model->features);
    out->figures = ARENA_ARRAY(a, out->n, struct drift_figure);
    if (out->figures == NULL) {
        return arena_fail(a, err);
    }
    for (uint32_t k = 0; k < out->n; k++) {
        const struct reference *r = &q->references[k];
        struct drift_figure *f = &out->figures[k];
        struct arena work;
        *f = (struct drift_figure){.feature = features_at(q->model->features, k),
                                   .importance = r->importance,
                                   .reference = r->known,
                                   .statistic = NAN,
                                   .p = NAN,
                                   .effect = NAN,
                                   .e0 = NAN,
                                   .q95 = NAN};
        f->dated = f->feature->owner < 0 || f->feature->owner == date;
        arena_init(&work, 0);
        int rc = f->feature->categorical ? compare_category(q, r, next_cat++, f, &work, err)
                                         : compare_number(q, r, next_float++, f, &work, err);
        arena_release(&work);
        MRC_TRY(rc);
        f->missing = 1 - (double)f->known / (double)q->n;
        f->missing_reference = r->films > 0 ? 1 - (double)r->known / (double)r->films : 0;
    }
    return sum_up(out, a, err);
}
