/* Any bytes as a model file, .cbm or JSON: refused with a message, or a model that predicts, and whose own files open
 * again and predict the same bits. */
#include "common/trees/mercredi.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 40, OUTPUTS_MAX = 1 << 14 };

/* Rows whose every column is the same cell: strides of 0 serve any number of columns. */
static int predict_rows(const mrc_model *m, double *out)
{
    static const float values[ROWS] = {0, 1, -1, 0.5f, 1.5f, NAN, INFINITY, -INFINITY, 3.4e38f, -3.4e38f, 1e-40f};
    struct mrc_str cats[ROWS] = {{"a", 1}, {"", 0}, {"v1", 2}, {"3.0", 3}};
    struct mrc_input in = {.floats = values, .float_row_stride = 1, .cats = cats, .cat_row_stride = 1};
    size_t bytes = mrc_scratch_size(m, ROWS), dim = mrc_model_dim(m), trees = mrc_model_trees(m);
    void *scratch = aligned_alloc(MRC_SCRATCH_ALIGN, bytes + MRC_SCRATCH_ALIGN - bytes % MRC_SCRATCH_ALIGN);
    if (!scratch || dim * ROWS > OUTPUTS_MAX || trees * ROWS > OUTPUTS_MAX) {
        free(scratch);
        return 0;
    }
    struct mrc_err err;
    static double single[OUTPUTS_MAX];
    static uint32_t leaves[OUTPUTS_MAX];
    if (mrc_predict(m, &in, ROWS, MRC_RAW, scratch, out, &err) < 0 ||
        mrc_leaf_indexes(m, &in, 2, scratch, leaves, &err) < 0) {
        abort();
    }
    for (size_t r = 0; r < ROWS; r += 7) { /* the same row alone */
        struct mrc_input one = in;
        one.floats += r;
        one.cats += r;
        if (mrc_predict(m, &one, 1, MRC_RAW, scratch, single, &err) < 0 ||
            memcmp(single, out + r * dim, dim * sizeof *single) != 0) {
            abort();
        }
    }
    for (int type = MRC_EXPONENT; type <= MRC_LOG_PROBABILITY; type++) {
        size_t columns = mrc_prediction_dim(m, (enum mrc_prediction)type);
        if (columns > 0 && mrc_predict(m, &in, 1, (enum mrc_prediction)type, scratch, single, &err) < 0) {
            abort();
        }
    }
    free(scratch);
    return 1;
}

static void rewrite(const mrc_model *m, enum mrc_format format, const double *want, int predicted)
{
    static double got[OUTPUTS_MAX];
    void *bytes = NULL;
    size_t n = 0;
    struct mrc_err err = {0};
    int rc = mrc_model_write(m, format, &bytes, &n, &err);
    if (rc < 0) {
        if (format == MRC_FORMAT_CBM || rc != MRC_EUNSUPPORTED) {
            fprintf(stderr, "not written: %s\n", err.msg);
            abort();
        }
        return;
    }
    mrc_model *again = NULL;
    rc = mrc_model_open_mem(&again, bytes, n, &err);
    if (rc < 0 && rc != MRC_ELIMIT && rc != MRC_ENOMEM) {
        fprintf(stderr, "own file refused: %s\n", err.msg);
        abort();
    }
    if (rc == MRC_OK && predicted) {
        if (!predict_rows(again, got) || memcmp(got, want, ROWS * mrc_model_dim(m) * sizeof *got) != 0) {
            abort();
        }
    }
    mrc_model_free(again);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static double out[OUTPUTS_MAX];
    struct mrc_err err = {0};
    mrc_model *m = NULL;
    if (mrc_model_open_mem(&m, data, size, &err) < 0) {
        if (m || err.msg[0] == '\0') {
            abort();
        }
        return 0;
    }
    struct mrc_feature f;
    for (size_t i = 0; i < mrc_model_features(m) && i < 100; i++) {
        if (mrc_model_feature(m, i, &f, &err) < 0 || !f.name) {
            abort();
        }
    }
    int predicted = predict_rows(m, out);
    rewrite(m, MRC_FORMAT_CBM, out, predicted);
    rewrite(m, MRC_FORMAT_JSON, out, predicted);
    mrc_model_free(m);
    return 0;
}
