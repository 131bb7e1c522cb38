/* A prediction prepared once and run many times: model, type and scratch together. */
#include "common/trees/evaluate.h"

#include <stdlib.h>

struct mrc_predictor {
    const mrc_model *model;
    enum mrc_prediction type;
    size_t columns, rows_max;
    void *scratch;
};

int mrc_predictor_new(mrc_predictor **out, const mrc_model *m, enum mrc_prediction type, size_t rows_max,
                      struct mrc_err *err)
{
    if (!out || !m || rows_max == 0) {
        return mrc_fail(err, MRC_EINVAL, "out and model must not be NULL, and rows_max not 0");
    }
    size_t columns = mrc_prediction_dim(m, type);
    if (columns == 0) {
        return mrc_fail(err, MRC_EINVAL, "prediction type %d does not apply to a model of loss \"%s\" with %u outputs",
                        (int)type, mrc_model_loss(m), m->dim);
    }
    rows_max = rows_max < BLOCK_ROWS_MAX ? rows_max : BLOCK_ROWS_MAX;
    mrc_predictor *p = malloc(sizeof *p);
    size_t bytes = mrc_scratch_size(m, rows_max) + MRC_SCRATCH_ALIGN;
    void *scratch = aligned_alloc(MRC_SCRATCH_ALIGN, bytes - bytes % MRC_SCRATCH_ALIGN);
    if (!p || !scratch) {
        free(p);
        free(scratch);
        return mrc_fail(err, MRC_ENOMEM, "no memory for %zu bytes of scratch", bytes);
    }
    *p = (mrc_predictor){m, type, columns, rows_max, scratch};
    *out = p;
    return MRC_OK;
}

void mrc_predictor_free(mrc_predictor *p)
{
    if (p) {
        free(p->scratch);
        free(p);
    }
}

size_t mrc_predictor_columns(const mrc_predictor *p)
{
    return p ? p->columns : 0;
}

/* The input from a row on. */
static struct mrc_input rows_from(const struct mrc_input *in, size_t row)
{
    struct mrc_input part = *in;
    part.floats = in->floats ? in->floats + row * in->float_row_stride : NULL;
    part.cats = in->cats ? in->cats + row * in->cat_row_stride : NULL;
    part.cat_hashes = in->cat_hashes ? in->cat_hashes + row * in->cat_row_stride : NULL;
    return part;
}

int mrc_predictor_run(mrc_predictor *p, const struct mrc_input *in, size_t n_rows, double *out, struct mrc_err *err)
{
    if (!p || !in) {
        return mrc_fail(err, MRC_EINVAL, "predictor and input must not be NULL");
    }
    if (n_rows <= p->rows_max) {
        return mrc_predict(p->model, in, n_rows, p->type, p->scratch, out, err);
    }
    for (size_t row = 0; row < n_rows; row += p->rows_max) {
        size_t n = n_rows - row < p->rows_max ? n_rows - row : p->rows_max;
        struct mrc_input part = rows_from(in, row);
        MRC_TRY(mrc_predict(p->model, &part, n, p->type, p->scratch, out + row * p->columns, err));
    }
    return MRC_OK;
}
