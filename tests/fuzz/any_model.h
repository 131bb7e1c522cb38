/* What a fuzzer of model files asks of any bytes: refused with a message, or a model that predicts with the same bits
 * from every kernel and in any batch, explains itself, and whose own files open again and predict the same. */
#ifndef MRC_TESTS_ANY_MODEL_H
#define MRC_TESTS_ANY_MODEL_H

#include "common/trees/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Some rows fill a group of lanes; every 16th input, by its size, also a block that kernels treat as filled. */
enum { SOME_ROWS = 12, MANY_ROWS = FILLED_ROWS_MIN + 1, OUTPUTS_MAX = 1 << 13, MANY_EVERY = 16 };

struct answers {
    size_t rows;
    double raw[OUTPUTS_MAX];
};

/* Rows repeat the first few; every column of a row is the same cell: strides of 0 serve any number of columns. */
static inline struct mrc_input any_rows(void)
{
    static const float special[SOME_ROWS] = {0,        1,         -1,      0.5f,     1.5f,   NAN,
                                             INFINITY, -INFINITY, 3.4e38f, -3.4e38f, 1e-40f, 2};
    static const struct mrc_str words[4] = {{"a", 1}, {"", 0}, {"v1", 2}, {"3.0", 3}};
    static float floats[MANY_ROWS];
    static struct mrc_str cats[MANY_ROWS];
    for (size_t r = 0; r < MANY_ROWS; r++) {
        floats[r] = special[r % SOME_ROWS];
        cats[r] = words[r % 4];
    }
    return (struct mrc_input){.floats = floats, .float_row_stride = 1, .cats = cats, .cat_row_stride = 1};
}

static inline void *any_scratch(size_t bytes)
{
    void *p = aligned_alloc(MRC_SCRATCH_ALIGN, bytes + MRC_SCRATCH_ALIGN - bytes % MRC_SCRATCH_ALIGN);
    if (!p) {
        fprintf(stderr, "no memory for %zu bytes of scratch\n", bytes);
        abort();
    }
    return p;
}

static inline void must(int rc, const struct mrc_err *err)
{
    if (rc < 0) {
        fprintf(stderr, "refused: %s\n", err->msg);
        abort();
    }
}

/* Models of very many outputs or trees are opened and written, not predicted. */
static inline bool is_small(const mrc_model *m, size_t rows)
{
    return mrc_model_dim(m) * rows <= OUTPUTS_MAX && mrc_model_trees(m) * 2 <= OUTPUTS_MAX &&
           mrc_scratch_size(m, rows) <= (size_t)1 << 22;
}

static inline void predict_any(const mrc_model *m, size_t rows, double *out)
{
    struct mrc_input in = any_rows();
    struct mrc_err err = {0};
    void *scratch = any_scratch(mrc_scratch_size(m, rows));
    must(mrc_predict(m, &in, rows, MRC_RAW, scratch, out, &err), &err);
    free(scratch);
}

static inline void same_or_abort(const double *a, const double *b, size_t n, const char *what)
{
    if (memcmp(a, b, n * sizeof *a) != 0) {
        fprintf(stderr, "%s: other bits\n", what);
        abort();
    }
}

/* Every kernel, alone and in a batch. The best comes last and stays. */
static inline void compare_kernels(mrc_model *m, struct answers *want)
{
    static double got[OUTPUTS_MAX];
    size_t dim = mrc_model_dim(m), n_kernels = 0;
    while (mrc_kernel_name(n_kernels)) {
        n_kernels++;
    }
    for (size_t k = n_kernels; k-- > 0;) {
        const char *name = mrc_kernel_name(k);
        if (evaluator_use(m, name, NULL) < 0) {
            continue; /* its image does not fit the memory that such a file may take */
        }
        bool first = strcmp(name, "scalar") == 0;
        predict_any(m, want->rows, first ? want->raw : got);
        if (!first) {
            same_or_abort(got, want->raw, want->rows * dim, name);
        }
        struct mrc_input in = any_rows();
        struct mrc_err err = {0};
        void *scratch = any_scratch(mrc_scratch_size(m, 1));
        for (size_t r = 0; r < SOME_ROWS; r += 5) {
            struct mrc_input one = in;
            one.floats += r;
            one.cats += r;
            must(mrc_predict(m, &one, 1, MRC_RAW, scratch, got, &err), &err);
            same_or_abort(got, want->raw + r * dim, dim, name);
        }
        free(scratch);
    }
    must(evaluator_use(m, "auto", NULL), &(struct mrc_err){.msg = "no kernel at all"});
}

static inline void other_calls(const mrc_model *m)
{
    static double out[OUTPUTS_MAX];
    static uint32_t leaves[OUTPUTS_MAX];
    struct mrc_input in = any_rows();
    struct mrc_err err = {0};
    void *scratch = any_scratch(mrc_scratch_size(m, 2));
    must(mrc_leaf_indexes(m, &in, 2, scratch, leaves, &err), &err);
    for (int type = MRC_EXPONENT; type <= MRC_LOG_PROBABILITY; type++) {
        if (mrc_prediction_dim(m, (enum mrc_prediction)type) > 0) {
            must(mrc_predict(m, &in, 2, (enum mrc_prediction)type, scratch, out, &err), &err);
        }
    }
    free(scratch);
    struct mrc_feature f;
    for (size_t i = 0; i < mrc_model_features(m) && i < 100; i++) {
        must(mrc_model_feature(m, i, &f, &err), &err);
    }
    for (size_t i = 0; i <= mrc_model_dim(m) && i < 100; i++) {
        (void)mrc_model_class_label(m, i);
    }
    if (mrc_model_features(m) < 1000) {
        struct mrc_interaction pairs[4];
        size_t n;
        (void)!mrc_importance(m, out, &err);
        (void)!mrc_interactions(m, pairs, 4, &n, &err);
    }
}

static inline void explain_any(const mrc_model *m)
{
    static double out[OUTPUTS_MAX];
    struct mrc_explainer *e = NULL;
    struct mrc_err err = {0};
    struct mrc_input in = any_rows();
    if (mrc_model_dim(m) * (mrc_model_features(m) + 1) * 2 > OUTPUTS_MAX || mrc_explainer_new(&e, m, 4096, &err) < 0) {
        return;
    }
    void *scratch = any_scratch(mrc_shap_scratch_size(e));
    must(mrc_shap(e, &in, 2, scratch, out, &err), &err);
    free(scratch);
    mrc_explainer_free(e);
}

static inline void rewrite(const mrc_model *m, enum mrc_format format, const struct answers *want)
{
    static double got[OUTPUTS_MAX];
    void *bytes = NULL;
    size_t n = 0;
    struct mrc_err err = {0};
    int rc = mrc_model_write(m, format, &bytes, &n, &err);
    if (rc < 0) {
        if (format == MRC_FORMAT_CBM || rc != MRC_EUNSUPPORTED) {
            must(rc, &err);
        }
        return;
    }
    mrc_model *again = NULL;
    rc = mrc_model_open_mem(&again, bytes, n, &err);
    if (rc < 0 && rc != MRC_ELIMIT && rc != MRC_ENOMEM) {
        must(rc, &err);
    }
    if (rc == MRC_OK && want->rows > 0) {
        predict_any(again, want->rows, got);
        same_or_abort(got, want->raw, want->rows * mrc_model_dim(m), "own file");
    }
    mrc_model_free(again);
    free(bytes);
}

static inline void try_model(const uint8_t *data, size_t size)
{
    static struct answers want;
    struct mrc_err err = {0};
    mrc_model *m = NULL;
    if (mrc_model_open_mem(&m, data, size, &err) < 0) {
        if (m || err.msg[0] == '\0') {
            abort();
        }
        return;
    }
    size_t rows = size % MANY_EVERY == 0 ? MANY_ROWS : SOME_ROWS;
    want.rows = is_small(m, rows) ? rows : 0;
    if (want.rows > 0) {
        compare_kernels(m, &want);
        other_calls(m);
        explain_any(m);
    }
    rewrite(m, MRC_FORMAT_CBM, &want);
    rewrite(m, MRC_FORMAT_JSON, &want);
    mrc_model_free(m);
}

#endif
