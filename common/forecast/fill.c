/* Fields that a film lacks, estimated by the bundle's small models before anything else is computed. */
#include "common/base/date.h"
#include "common/forecast/bundle.h"

#include <math.h>

bool filler_needed(const struct bundle_filler *f, const struct row *row)
{
    const struct value *v = &row->values[f->field];
    return !v->present || !(v->number >= f->least);
}

int filler_set(const struct bundle_filler *f, double score, struct row *row, struct arena *a, struct mrc_err *err)
{
    uint32_t n = schema_count(row->schema);
    struct value *values = ARENA_ARRAY(a, n, struct value);
    if (!values) {
        return arena_fail(a, err);
    }
    for (uint32_t i = 0; i < n; i++) {
        values[i] = row->values[i];
    }
    /* Beyond these no field of a film has a meaning, and the number stays finite. */
    values[f->field] = (struct value){.present = true, .number = pow(10, fmin(fmax(score, -9), 15)), .date = DATE_NONE};
    if (f->unit >= 0) {
        values[f->unit] = (struct value){.date = DATE_NONE}; /* estimates are in the field's own unit */
    }
    row->values = values;
    return MRC_OK;
}

/* A filler's raw score. Unseen categories are the forecast's to warn of. */
static int estimate(const struct bundle_filler *f, const struct row *row, struct arena *a, double *score,
                    struct mrc_err *err)
{
    uint32_t n_floats = features_floats(f->features), n_cats = features_cats(f->features);
    float *floats = ARENA_ARRAY(a, n_floats, float);
    struct mrc_str *cats = ARENA_ARRAY(a, n_cats, struct mrc_str);
    void *scratch = arena_alloc(a, mrc_scratch_size(f->model, 1), MRC_SCRATCH_ALIGN);
    if (!floats || !cats || !scratch) {
        return arena_fail(a, err);
    }
    MRC_TRY(features_compute(f->features, row, a, floats, cats, NULL, err));
    struct mrc_input in = {.floats = floats,
                           .float_row_stride = n_floats,
                           .float_column_stride = 1,
                           .cats = n_cats ? cats : NULL,
                           .cat_row_stride = n_cats,
                           .cat_column_stride = 1};
    return mrc_predict(f->model, &in, 1, MRC_RAW, scratch, score, err);
}

int bundle_fill(const struct bundle *b, const struct row *row, struct arena *a, struct row *out, struct mrc_err *err)
{
    const struct row given = *row;
    *out = given;
    for (uint32_t i = 0; i < b->n_fillers; i++) {
        const struct bundle_filler *f = &b->fillers[i];
        if (filler_needed(f, &given)) {
            double score = 0;
            MRC_TRY(estimate(f, &given, a, &score, err));
            MRC_TRY(filler_set(f, score, out, a, err));
        }
    }
    return MRC_OK;
}
