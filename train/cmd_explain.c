/* explain: exact SHAP values of a plain model for the rows of a CSV, as CatBoost's "Regular" ShapValues. */
#include "common/base/number.h"
#include "train/command.h"
#include "train/model_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = 256, TABLE_BYTES_MAX = 1 << 28 };

enum option { MODEL, DATA, COLUMNS, SHAP, FLOAT, OUT, OPTION__COUNT };
static const struct setting_spec options[OPTION__COUNT] = {
    [MODEL] = {"model", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'm', NULL, "Model file (.cbm or .json)"},
    [DATA] = {"data", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'd', NULL,
              "CSV with a header; - reads stdin"},
    [COLUMNS] = {"columns", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                 "JSON list of {name, kind} of the CSV's columns; without it they are the model's features in order"},
    [SHAP] = {"shap", SETTING_BOOL, "true", 0, 0, NULL, 0, 0, NULL, "Exact SHAP values (the only explanation so far)"},
    [FLOAT] = {"float", SETTING_CHOICE, "shortest", 0, 0, "shortest|hex", 0, 0, NULL, "How numbers are written"},
    [OUT] = {"out", SETTING_PATH, "-", 1, 4096, NULL, 0, 'o', NULL, "CSV to write; - is stdout"},
};

struct explain {
    const mrc_model *model;
    const mrc_explainer *explainer;
    size_t dim, width; /* outputs; flat features + 1 */
    bool hex;
    void *scratch;
    double *values; /* [BLOCK_ROWS][dim][width] */
};

static int put_header(const struct explain *x, struct output *o, struct mrc_err *err)
{
    if (x->dim > 1) {
        buf_puts(&o->text, "output");
    }
    for (size_t i = 0; i + 1 < x->width; i++) {
        struct mrc_feature f;
        MRC_TRY(mrc_model_feature(x->model, i, &f, err));
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        csv_put(&o->text, str_of(f.name[0] != '\0' ? f.name : number), i == 0 && x->dim == 1);
    }
    csv_put(&o->text, STR("base"), x->width == 1 && x->dim == 1);
    buf_char(&o->text, '\n');
    return MRC_OK;
}

static void put_row(const struct explain *x, const double *values, struct output *o)
{
    char number[NUMBER_TEXT_MAX];
    for (size_t d = 0; d < x->dim; d++) {
        if (x->dim > 1) {
            buf_printf(&o->text, "%zu,", d);
        }
        for (size_t i = 0; i < x->width; i++) {
            double v = values[d * x->width + i];
            size_t n = x->hex ? format_hex(v, number) : format_double(v, number);
            if (i > 0) {
                buf_char(&o->text, ',');
            }
            buf_add(&o->text, number, n);
        }
        buf_char(&o->text, '\n');
    }
}

static int stream(const struct explain *x, struct model_rows *rows, struct output *o, struct mrc_err *err)
{
    MRC_TRY(put_header(x, o, err));
    for (;;) {
        struct model_block block;
        int rc = model_rows_next(rows, &block, err);
        if (rc <= 0) {
            return rc;
        }
        MRC_TRY(mrc_shap(x->explainer, &block.input, block.n, x->scratch, x->values, err));
        for (size_t i = 0; i < block.n; i++) {
            put_row(x, x->values + i * x->dim * x->width, o);
            MRC_TRY(output_flush(o, err));
        }
    }
}

static int explain_rows(struct explain *x, const struct settings *s, struct mrc_err *err)
{
    struct model_rows *rows = NULL;
    struct output o = {.fd = -1};
    MRC_TRY(model_rows_open(&rows, x->model, setting_cstr(s, DATA), setting_cstr(s, COLUMNS), BLOCK_ROWS, err));
    x->dim = mrc_explainer_dim(x->explainer);
    x->width = mrc_model_features(x->model) + 1;
    size_t bytes = mrc_shap_scratch_size(x->explainer);
    x->scratch =
        aligned_alloc(MRC_SCRATCH_ALIGN, (bytes + MRC_SCRATCH_ALIGN - 1) / MRC_SCRATCH_ALIGN * MRC_SCRATCH_ALIGN);
    x->values = calloc(x->dim * x->width, sizeof(*x->values) * BLOCK_ROWS);
    int rc =
        x->scratch && x->values ? output_open(&o, setting_cstr(s, OUT), err) : mrc_fail(err, MRC_ENOMEM, "no memory");
    if (rc == MRC_OK) {
        rc = stream(x, rows, &o, err);
    }
    if (rc == MRC_OK) {
        rc = output_close(&o, err);
    }
    output_abandon(&o);
    free(x->scratch);
    free(x->values);
    model_rows_close(rows);
    return rc;
}

static int run(const struct settings *s, struct mrc_err *err)
{
    if (!setting_bool(s, SHAP)) {
        return mrc_fail(err, MRC_EINVAL, "shap: SHAP values are the only explanation there is");
    }
    mrc_model *m;
    MRC_TRY(mrc_model_open(&m, setting_cstr(s, MODEL), err));
    mrc_explainer *e = NULL;
    int rc = mrc_explainer_new(&e, m, TABLE_BYTES_MAX, err);
    if (rc == MRC_OK) {
        struct explain x = {.model = m, .explainer = e, .hex = setting_int(s, FLOAT) == 1};
        rc = explain_rows(&x, s, err);
    }
    mrc_explainer_free(e);
    mrc_model_free(m);
    return rc;
}

int cmd_explain(int argc, char **argv)
{
    static const struct command command = {
        "explain",
        "--model FILE --data CSV --shap [--columns FILE] [--float hex|shortest] [--out CSV]",
        "Header: feature names, then base; with several outputs an `output` column first and a line for each output.\n"
        "The values of a line add up to the raw prediction.",
        options,
        OPTION__COUNT,
        run};
    return command_run(&command, argc, argv);
}
