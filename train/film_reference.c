/* The reference of a model's columns. */
#include "train/film_reference.h"

#include "common/forecast/stats.h"

#include <math.h>
#include <stdlib.h>

enum {
    POINTS = 199, /* at most: 0.5 %, 1 %, … 99.5 % */
    DRAWS = 300,
    BASE_MAX = 2000, /* films that parts are compared with */
    VALUES_MAX = 60, /* categories named */
    CATEGORY_FILMS_LEAST = 3
};
#define SIGMA_LEAST 0.001
static const size_t part_sizes[] = {30, 60, 120, 180, 240, 365, 720};

struct describing {
    const struct film_table *t;
    const struct features *features;
    struct film_matrix m;
    const double *importance; /* [features] */
    struct arena *a;
    struct json_out *w;
    struct mrc_err *err;
};

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double rounded(double v)
{
    return round(v * 1e4) / 1e4;
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Distances of DRAWS random parts of size k from all of `base`: mean and 95th percentile of W1 / sigma. */
static void null_distance(const double *base, size_t n, size_t k, double sigma, uint64_t *random, double *work,
                          double *e0, double *q95)
{
    double distances[DRAWS], deviation;
    for (int d = 0; d < DRAWS; d++) {
        for (size_t i = 0; i < n; i++) {
            work[i] = base[i];
        }
        for (size_t i = 0; i < k; i++) { /* Fisher and Yates, as far as it is needed */
            size_t j = i + (size_t)(next_random(random) % (n - i));
            double v = work[i];
            work[i] = work[j];
            work[j] = v;
        }
        qsort(work, k, sizeof(*work), ascending);
        distances[d] = stats_wasserstein(base, n, work, k) / sigma;
    }
    stats_moments(distances, DRAWS, e0, &deviation);
    qsort(distances, DRAWS, sizeof(*distances), ascending);
    *q95 = stats_quantile(distances, DRAWS, 0.95);
}

static int put_null(struct describing *x, const double *sorted, size_t n, double sigma)
{
    size_t kept = n < BASE_MAX ? n : BASE_MAX;
    double *base = ARENA_ARRAY(x->a, kept, double), *work = ARENA_ARRAY(x->a, kept, double);
    if (!base || !work) {
        return arena_fail(x->a, x->err);
    }
    for (size_t i = 0; i < kept; i++) {
        base[i] = sorted[i * n / kept];
    }
    uint64_t random = x->t->recipe->seed;
    json_put_key(x->w, "null");
    json_open_array(x->w);
    for (size_t i = 0; i < sizeof(part_sizes) / sizeof(part_sizes[0]) && 2 * part_sizes[i] <= kept; i++) {
        double e0, q95;
        null_distance(base, kept, part_sizes[i], fmax(sigma, SIGMA_LEAST), &random, work, &e0, &q95);
        json_open_object(x->w);
        json_pair_i64(x->w, "films", (int64_t)part_sizes[i]);
        json_pair_double(x->w, "e0", rounded(e0));
        json_pair_double(x->w, "q95", rounded(q95));
        json_close_object(x->w);
    }
    json_close_array(x->w);
    return MRC_OK;
}

static int put_number(struct describing *x, size_t column)
{
    double *known = ARENA_ARRAY(x->a, x->m.n, double), mean, sigma;
    size_t n = 0;
    if (!known) {
        return arena_fail(x->a, x->err);
    }
    for (size_t i = 0; i < x->m.n; i++) {
        float v = x->m.floats[i * x->m.n_floats + column];
        if (isfinite(v)) {
            known[n++] = v;
        }
    }
    json_pair_i64(x->w, "known", (int64_t)n);
    if (n < CATEGORY_FILMS_LEAST * 10) { /* too few to tell of */
        return MRC_OK;
    }
    qsort(known, n, sizeof(*known), ascending);
    stats_moments(known, n, &mean, &sigma);
    json_pair_double(x->w, "mean", rounded(mean));
    json_pair_double(x->w, "deviation", rounded(sigma));
    json_put_key(x->w, "points");
    json_open_array(x->w);
    size_t points = n / CATEGORY_FILMS_LEAST - 1; /* so many films between two, or more */
    points = points < POINTS ? points : POINTS;
    for (size_t i = 1; i <= points; i++) {
        json_put_double(x->w, rounded(stats_quantile(known, n, (double)i / (double)(points + 1))));
    }
    json_close_array(x->w);
    return put_null(x, known, n, sigma);
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

struct counted {
    struct str value;
    size_t films;
};

static int most_first(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    return x->films != y->films ? (x->films < y->films ? 1 : -1) : str_cmp(x->value, y->value);
}

static int put_category(struct describing *x, size_t column)
{
    struct str *all = ARENA_ARRAY(x->a, x->m.n, struct str);
    struct counted *values = ARENA_ARRAY(x->a, x->m.n, struct counted);
    size_t n = 0, other = 0, unknown = 0;
    if (!all || !values) {
        return arena_fail(x->a, x->err);
    }
    for (size_t i = 0; i < x->m.n; i++) {
        const struct mrc_str *s = &x->m.cats[i * x->m.n_cats + column];
        all[i] = (struct str){s->p, s->n};
    }
    qsort(all, x->m.n, sizeof(*all), by_text);
    for (size_t i = 0, end; i < x->m.n; i = end) {
        for (end = i; end < x->m.n && str_eq(all[i], all[end]); end++) {
        }
        if (all[i].n == 0) {
            unknown = end - i;
        } else if (end - i < CATEGORY_FILMS_LEAST) {
            other += end - i;
        } else {
            values[n++] = (struct counted){all[i], end - i};
        }
    }
    qsort(values, n, sizeof(*values), most_first);
    for (size_t i = VALUES_MAX; i < n; i++) {
        other += values[i].films;
    }
    json_pair_i64(x->w, "known", (int64_t)(x->m.n - unknown));
    json_put_key(x->w, "values");
    json_open_object(x->w);
    for (size_t i = 0; i < n && i < VALUES_MAX; i++) {
        json_put_key_str(x->w, values[i].value);
        json_put_i64(x->w, (int64_t)values[i].films);
    }
    json_close_object(x->w);
    json_pair_i64(x->w, "other", (int64_t)other);
    return MRC_OK;
}

static int put_features(struct describing *x)
{
    size_t next_float = 0, next_cat = 0;
    for (uint32_t k = 0; k < features_count(x->features); k++) {
        const struct feature *f = features_at(x->features, k);
        struct arena_mark before = arena_mark(x->a);
        json_open_object(x->w);
        json_pair_str(x->w, "name", f->name);
        json_pair_cstr(x->w, "kind", f->categorical ? "category" : "number");
        json_pair_double(x->w, "importance", rounded(x->importance[k]));
        MRC_TRY(f->categorical ? put_category(x, next_cat++) : put_number(x, next_float++));
        json_close_object(x->w);
        arena_rewind(x->a, before);
    }
    return MRC_OK;
}

static int describe(struct describing *x, const mrc_model *model, struct mrc_err *err)
{
    const struct film_table *t = x->t;
    const struct row **rows = ARENA_ARRAY(x->a, t->n, const struct row *);
    struct features_context *contexts = ARENA_ARRAY(x->a, t->n, struct features_context);
    double *importance = ARENA_ARRAY(x->a, features_count(x->features), double);
    if (!rows || !contexts || !importance) {
        return arena_fail(x->a, err);
    }
    for (size_t i = 0; i < t->n; i++) {
        rows[i] = &t->rows[t->per * i];
        contexts[i] = t->contexts[t->per * i];
    }
    MRC_TRY(film_matrix_build(&x->m, x->features, contexts, rows, t->n, x->a, err));
    MRC_TRY(mrc_importance(model, importance, err));
    x->importance = importance;
    json_open_object(x->w);
    json_pair_i64(x->w, "films", (int64_t)t->n);
    json_put_key(x->w, "features");
    json_open_array(x->w);
    MRC_TRY(put_features(x));
    json_close_array(x->w);
    json_close_object(x->w);
    return MRC_OK;
}

int film_reference_write(const struct film_table *t, const struct features *features, const mrc_model *model,
                         struct buf *out, struct mrc_err *err)
{
    struct arena a;
    struct json_out w;
    struct describing x = {.t = t, .features = features, .a = &a, .w = &w, .err = err};
    json_out_init(&w, out);
    arena_init(&a, 0);
    int rc = describe(&x, model, err);
    arena_release(&a);
    return rc < 0 ? rc : buf_ok(out, err);
}
