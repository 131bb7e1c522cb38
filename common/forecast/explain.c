/* SHAP values per column → factors per raw field. */
#include "common/forecast/explain.h"

#include <math.h>
#include <stdlib.h>

static int shap_values(const struct bundle_model *m, const struct row *filled, struct arena *a, double **values,
                       struct mrc_err *err)
{
    uint32_t n = features_count(m->features), n_floats = features_floats(m->features);
    uint32_t n_cats = features_cats(m->features);
    float *floats = ARENA_ARRAY(a, n_floats, float);
    struct mrc_str *cats = ARENA_ARRAY(a, n_cats, struct mrc_str);
    void *scratch = arena_alloc(a, mrc_shap_scratch_size(m->explainer), MRC_SCRATCH_ALIGN);
    *values = ARENA_ARRAY(a, n + 1, double);
    if (!floats || !cats || !scratch || !*values) {
        return arena_fail(a, err);
    }
    MRC_TRY(features_compute(m->features, filled, a, floats, cats, NULL, err));
    struct mrc_input in = {.floats = floats,
                           .float_row_stride = n_floats,
                           .float_column_stride = 1,
                           .cats = n_cats ? cats : NULL,
                           .cat_row_stride = n_cats,
                           .cat_column_stride = 1};
    return mrc_shap(m->explainer, &in, 1, scratch, *values, err);
}

static int furthest_first(const void *x, const void *y)
{
    const struct explain_factor *a = x, *b = y;
    double p = fabs(log(a->factor)), q = fabs(log(b->factor));
    return p > q ? -1 : p < q ? 1 : (a->field > b->field) - (a->field < b->field);
}

int forecast_explain(const struct bundle *b, const struct row *row, const struct forecast *f, struct arena *a,
                     struct explanation *out, struct mrc_err *err)
{
    const struct bundle_model *m = f->model;
    double *values, sums[EXPLAIN_FACTORS_MAX] = {0}, product = 1;
    bool owns[EXPLAIN_FACTORS_MAX] = {false};
    struct row filled;
    if (!m->explainer) {
        return mrc_fail(err, MRC_EUNSUPPORTED, "this version cannot explain model \"%.*s\"", STR_ARG(m->name));
    }
    MRC_TRY(bundle_fill(b, row, a, &filled, err));
    MRC_TRY(shap_values(m, &filled, a, &values, err));
    for (uint32_t i = 0; i < features_count(m->features); i++) {
        int64_t owner = features_at(m->features, i)->owner;
        size_t slot = owner < 0 ? SCHEMA_FIELDS_MAX : (size_t)owner;
        sums[slot] += values[i];
        owns[slot] = true;
    }
    if (m->per >= 0) {
        sums[m->per] += log10(row->values[m->per].number / EXPLAIN_SCREENS);
        owns[m->per] = true;
    }
    out->n = 0;
    for (size_t slot = 0; slot < EXPLAIN_FACTORS_MAX; slot++) {
        if (owns[slot]) {
            struct explain_factor *x = &out->factors[out->n++];
            x->field = slot == SCHEMA_FIELDS_MAX ? -1 : (int64_t)slot;
            x->factor = pow(10, sums[slot]);
            x->given = x->field < 0 || row->values[x->field].present;
            product *= x->factor;
        }
    }
    qsort(out->factors, out->n, sizeof out->factors[0], furthest_first);
    /* The last rounding and the median's offset are the base's. */
    out->base = f->admissions / product;
    return MRC_OK;
}
