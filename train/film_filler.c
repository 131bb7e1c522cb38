/* The budget's filler. */
#include "train/film_filler.h"

#include <math.h>

enum { LIST_TEXT_MAX = 4 << 20 };
#define LEAST_BUDGET  1000 /* smaller figures of the past are mistakes */
#define EUROS_FOR_USD 0.88

static const struct {
    const char *name, *value;
} filler_params[] = {
    {"loss_function", "RMSE"},  {"iterations", "250"}, {"learning_rate", "0.06"},       {"depth", "5"},
    {"l2_leaf_reg", "5"},       {"rsm", "0.4"},        {"bootstrap_type", "Bernoulli"}, {"subsample", "0.8"},
    {"boosting_type", "Plain"}, {"has_time", "true"}};

/* The numbers of a feature list that another field than the filled one and its unit owns. */
static int other_numbers(struct str list, struct buf *out, struct mrc_err *err)
{
    struct json_doc *doc;
    struct json_out w;
    const struct json *features;
    MRC_TRY(json_read(&doc, list, &json_limits_file, NULL, err));
    json_out_init(&w, out);
    json_open_object(&w);
    json_pair_i64(&w, "format", 1);
    json_put_key(&w, "features");
    json_open_array(&w);
    int rc = json_get(json_root(doc), "features", JSON_ARRAY, &features, err);
    for (const struct json *x = rc == MRC_OK ? json_first(features) : NULL; x && rc == MRC_OK; x = json_next(x)) {
        struct str field, derive;
        rc = json_get_str(x, "field", &field, err);
        if (rc == MRC_OK) {
            rc = json_get_str(x, "derive", &derive, err);
        }
        if (rc == MRC_OK && !str_is(field, FILM_FILLER_FIELD) && !str_is(field, FILM_FILLER_UNIT) &&
            !str_is(derive, "category") && !str_is(derive, "item")) {
            json_put_value(&w, x);
        }
    }
    json_close_array(&w);
    json_close_object(&w);
    json_free(doc);
    return rc < 0 ? rc : buf_ok(out, err);
}

static double euros(const struct film *f, const struct schema *s)
{
    double budget = film_number(f, schema_find(s, STR(FILM_FILLER_FIELD)));
    int64_t unit = schema_find(s, STR(FILM_FILLER_UNIT));
    bool usd = unit >= 0 && f->row.values[unit].present && str_is(f->row.values[unit].text, "USD");
    return budget >= LEAST_BUDGET ? budget * (usd ? EUROS_FOR_USD : 1) : NAN;
}

static bool has_budget(const struct film *f, const struct film_recipe *r, void *arg)
{
    (void)arg;
    return f->use == FILM_TRAIN && !isnan(euros(f, r->schema));
}

static double log_budget(const struct film *f, const struct film_recipe *r, void *arg)
{
    (void)arg;
    return log10(euros(f, r->schema));
}

static int fit(struct film_filler *out, const struct film_table *t, struct mrc_err *err)
{
    const struct film_recipe *r = t->recipe;
    struct params p;
    struct buf list;
    struct fitted f = {0};
    params_init(&p);
    for (size_t i = 0; i < sizeof(filler_params) / sizeof(filler_params[0]); i++) {
        MRC_TRY(params_set(&p, str_of(filler_params[i].name), str_of(filler_params[i].value), err));
    }
    p.thread_count = r->params[FILM_AHEAD].thread_count;
    buf_init(&list, NULL, LIST_TEXT_MAX);
    int rc = other_numbers(r->features[FILM_AHEAD], &list, err);
    if (rc == MRC_OK) {
        struct film_fit how = {
            .features = buf_text(&list), .params = &p, .target = log_budget, .what = "estimating budgets"};
        rc = film_fit(&f, t, t->n, &how, err);
    }
    buf_release(&list);
    if (rc == MRC_OK && !str_copy(&out->arena, buf_text(&f.text), &out->features_text)) {
        rc = arena_fail(&out->arena, err);
    }
    if (rc == MRC_OK) {
        out->face.features = f.features;
        out->face.model = f.model;
        out->n_films = t->n;
        f.features = NULL;
        f.model = NULL;
    }
    fitted_release(&f);
    return rc;
}

int film_filler_fit(struct film_filler *out, const struct film_recipe *r, const struct film *films, size_t n,
                    struct mrc_err *err)
{
    *out = (struct film_filler){0};
    arena_init(&out->arena, 0);
    int64_t field = schema_find(r->schema, STR(FILM_FILLER_FIELD));
    if (!r->fill || field < 0) {
        return MRC_OK;
    }
    out->face.field = field;
    out->face.unit = schema_find(r->schema, STR(FILM_FILLER_UNIT));
    out->face.least = LEAST_BUDGET;
    struct film_table t;
    struct arena a;
    arena_init(&a, 0);
    int rc = film_table_make(&t, r, films, n, has_budget, NULL, &a, err);
    if (rc == MRC_OK && t.n >= FILM_MODEL_FILMS_MIN) {
        rc = fit(out, &t, err);
    }
    arena_release(&a);
    return rc;
}

void film_filler_release(struct film_filler *f)
{
    features_free(f->face.features);
    mrc_model_free(f->face.model);
    arena_release(&f->arena);
    *f = (struct film_filler){0};
}

int film_filler_apply(const struct film_filler *f, struct film_table *t, struct arena *a, struct mrc_err *err)
{
    if (f->n_films == 0) {
        return MRC_OK;
    }
    double *scores = ARENA_ARRAY(a, t->per * t->n, double);
    if (!scores) {
        return arena_fail(a, err);
    }
    MRC_TRY(film_score_lessons(t, 0, t->n, f->face.features, NULL, f->face.model, scores, err));
    for (size_t i = 0; i < t->per * t->n; i++) {
        if (filler_needed(&f->face, &t->rows[i])) {
            MRC_TRY(filler_set(&f->face, scores[i], &t->rows[i], a, err));
        }
    }
    return MRC_OK;
}
