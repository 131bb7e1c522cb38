/* From a validated row to tickets and their quantiles, with one model of the bundle. */
#include "common/forecast/forecast.h"

#include "common/base/date.h"

#include "common/forecast/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OLD_DAYS = 366 };
#define WIDE 1.2 /* log10 */

const double forecast_quantile_levels[FORECAST_QUANTILES] = {0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95};
const char *const forecast_quantile_names[FORECAST_QUANTILES] = {"0.05", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95"};

/* normal_quantile of the levels above, so that no answer waits for it. */
static const double quantile_z[FORECAST_QUANTILES] = {
    -1.6448536269514729, -1.2815515655446004, -0.67448975019608171, 0,
    0.67448975019608171, 1.2815515655446004,  1.6448536269514722,
};

struct forecast_scratch {
    float *floats; /* a row's and, behind them, its score */
    struct mrc_str *cats;
    void *model; /* mrc_predict's, for the largest model */
};

void forecast_scratch_free(struct forecast_scratch *s)
{
    if (s) {
        free(s->floats);
        free(s->cats);
        free(s->model);
        free(s);
    }
}

int forecast_scratch_new(struct forecast_scratch **out, const struct bundle *b, struct mrc_err *err)
{
    size_t floats = 1, cats = 1, bytes = MRC_SCRATCH_ALIGN;
    for (uint32_t i = 0; i < b->n_models; i++) {
        const struct bundle_model *m = &b->models[i];
        size_t need = mrc_scratch_size(m->model, 1);
        floats = features_floats(m->features) + 1 > floats ? features_floats(m->features) + 1 : floats;
        cats = features_cats(m->features) > cats ? features_cats(m->features) : cats;
        bytes = need > bytes ? need : bytes;
        need = m->scale ? mrc_scratch_size(m->scale, 1) : 0;
        bytes = need > bytes ? need : bytes;
    }
    bytes = (bytes + MRC_SCRATCH_ALIGN - 1) / MRC_SCRATCH_ALIGN * MRC_SCRATCH_ALIGN;
    struct forecast_scratch *s = calloc(1, sizeof *s);
    if (s) {
        s->floats = calloc(floats, sizeof *s->floats);
        s->cats = calloc(cats, sizeof *s->cats);
        s->model = aligned_alloc(MRC_SCRATCH_ALIGN, bytes);
    }
    if (!s || !s->floats || !s->cats || !s->model) {
        forecast_scratch_free(s);
        return mrc_fail(err, MRC_ENOMEM, "no memory to forecast with");
    }
    *out = s;
    return MRC_OK;
}

const struct bundle_model *forecast_choose(const struct bundle *b, const struct row *row)
{
    for (uint32_t i = 0; i + 1 < b->n_models; i++) {
        const struct bundle_model *m = &b->models[i];
        bool has = true;
        for (uint32_t k = 0; k < m->n_needs; k++) {
            has = has && row->values[m->needs[k]].present;
        }
        if (has) {
            return m;
        }
    }
    return &b->models[b->n_models - 1]; /* needs nothing */
}

double forecast_scale(double score)
{
    return exp(fmin(fmax(score, -4), 1));
}

static double tickets(double log10_tickets)
{
    return pow(10, fmin(fmax(log10_tickets, -3), 9));
}

static double tickets_at(const struct forecast *f, double z)
{
    const struct bundle_model *m = f->model;
    return tickets(f->log10_base + f->scale * offset_at(m->z, m->offsets, m->n_levels, z));
}

double forecast_quantile(const struct forecast *f, double p)
{
    return tickets_at(f, normal_quantile(p));
}

void forecast_interval(const struct forecast *f, double level, double *low, double *high)
{
    *low = fmin(forecast_quantile(f, (1 - level) / 2), f->admissions);
    *high = fmax(forecast_quantile(f, (1 + level) / 2), f->admissions);
}

static bool unseen_in(const struct row_report *r, struct str field)
{
    for (uint32_t i = 0; i < r->n_warnings; i++) {
        if (strcmp(r->warnings[i].code, "unseen_value") == 0 && str_eq(r->warnings[i].field, field)) {
            return true;
        }
    }
    return false;
}

static void add_doubt(struct forecast *f, const char *code, int64_t field)
{
    if (f->n_doubts < FORECAST_DOUBTS_MAX) {
        f->doubts[f->n_doubts++] = (struct doubt){code, field};
    }
}

/* Optional fields behind the model's features that the film lacks or the model does not know: 0 few, 1 many, 2 most of
 * them. Each raw field counts once, however many features it owns. */
static int lacking_fields(struct forecast *f, const struct row *row, const struct row_report *found)
{
    bool seen[SCHEMA_FIELDS_MAX] = {false};
    unsigned optional = 0, lacking = 0;
    const struct features *features = f->model->features;
    for (uint32_t i = 0; i < features_count(features); i++) {
        int64_t owner = features_at(features, i)->owner;
        if (owner < 0 || seen[owner]) {
            continue;
        }
        seen[owner] = true;
        const struct field *field = schema_field(row->schema, (uint32_t)owner);
        if (!field->required) {
            bool missing = !row->values[owner].present, unseen = unseen_in(found, field->name);
            optional++;
            lacking += missing || unseen;
            if (missing || unseen) {
                add_doubt(f, missing ? "missing" : "unseen", owner);
            }
        }
    }
    return 4 * lacking <= optional ? 0 : 2 * lacking <= optional ? 1 : 2;
}

/* Are many of its numbers beyond what the model has learnt from? */
static bool out_of_domain(const struct bundle_model *m, const float *floats)
{
    uint32_t n = features_floats(m->features), known = 0, outside = 0;
    for (uint32_t i = 0; m->domain && i < n; i++) {
        known += !isnan(floats[i]);
        outside += floats[i] < m->domain[2 * i] || floats[i] > m->domain[2 * i + 1];
    }
    return outside * 10 > known;
}

/* More than a year between what the tables know and the release. */
static bool tables_are_old(const struct bundle *b, const struct row *row)
{
    int64_t date = schema_find(row->schema, STR("release_date"));
    return date >= 0 && b->histories_as_of != DATE_NONE && row->values[date].present &&
           row->values[date].date - HISTORY_KNOWN_DAYS - b->histories_as_of > OLD_DAYS;
}

/* See forecast_row in the header. */
static void judge(const struct bundle *b, const struct row *row, const float *floats, struct forecast *f,
                  const struct row_report *found)
{
    static const char *const grades[] = {"good", "fair", "poor"};
    uint32_t before;
    int grade = lacking_fields(f, row, found);
    before = f->n_doubts;
    if (out_of_domain(f->model, floats)) {
        add_doubt(f, "out_of_domain", -1);
    }
    if (tables_are_old(b, row)) {
        add_doubt(f, "old_histories", -1);
    }
    if (f->scale * (offset_at(f->model->z, f->model->offsets, f->model->n_levels, quantile_z[5]) -
                    offset_at(f->model->z, f->model->offsets, f->model->n_levels, quantile_z[1])) >
        WIDE) {
        add_doubt(f, "wide_interval", -1);
    }
    grade += f->n_doubts > before;
    f->reliability = grades[grade > 2 ? 2 : grade];
}

/* The model's raw score of the row and its scale; warnings of its features go to found. */
static int score_row(const struct bundle_model *m, const struct row *row, struct forecast_scratch *s, struct arena *a,
                     struct forecast *f, struct row_report *found, struct mrc_err *err)
{
    MRC_TRY(features_compute(m->features, row, a, s->floats, s->cats, found, err));
    struct mrc_input in = {
        .floats = s->floats,
        .float_row_stride = features_floats(m->features) + 1,
        .float_column_stride = 1,
        .cats = s->cats,
        .cat_row_stride = features_cats(m->features),
        .cat_column_stride = 1,
    };
    MRC_TRY(mrc_predict(m->model, &in, 1, MRC_RAW, s->model, &f->score, err));
    f->scale = 1;
    s->floats[features_floats(m->features)] = (float)f->score;
    if (m->scale) {
        MRC_TRY(mrc_predict(m->scale, &in, 1, MRC_RAW, s->model, &f->scale, err));
        f->scale = forecast_scale(f->scale);
    }
    if (!isfinite(f->score) || !isfinite(f->scale)) {
        return mrc_fail(err, MRC_EFORMAT, "model \"%.*s\" gives no finite score", STR_ARG(m->name));
    }
    return MRC_OK;
}

int forecast_row(const struct bundle *b, const struct row *row, struct forecast_scratch *s, struct arena *a,
                 struct forecast *out, struct row_report *report, struct mrc_err *err)
{
    if (row->schema != b->schema) {
        return mrc_fail(err, MRC_EINVAL, "the row was read with another schema than the bundle's");
    }
    struct row_report found = {0};
    struct forecast f = {.model = forecast_choose(b, row)};
    struct row filled;
    MRC_TRY(bundle_fill(b, row, a, &filled, err));
    MRC_TRY(score_row(f.model, &filled, s, a, &f, &found, err));
    f.log10_base = f.score;
    if (f.model->per >= 0) {
        f.log10_base += log10(row->values[f.model->per].number);
    }
    for (int i = 0; i < FORECAST_QUANTILES; i++) {
        f.quantiles[i] = tickets_at(&f, quantile_z[i]);
    }
    f.admissions = tickets_at(&f, 0);
    judge(b, row, s->floats, &f, &found);
    if (report && tables_are_old(b, row)) {
        char as_of[DATE_TEXT];
        date_format(b->histories_as_of, as_of);
        MRC_TRY(row_warn(&found, a, "old_histories", STR("release_date"), str_of(as_of), err));
    }
    for (uint32_t i = 0; report && i < found.n_warnings; i++) {
        const struct row_warning *w = &found.warnings[i];
        MRC_TRY(row_warn(report, a, w->code, w->field, w->value, err));
    }
    *out = f;
    return MRC_OK;
}
