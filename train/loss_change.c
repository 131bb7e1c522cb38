/* LossFunctionChange (loss_change.h). Metrics are sums over rows, so one pass over the data keeps one sum a feature. */
#include "train/loss_change.h"

#include "common/base/json.h"
#include "train/model_rows.h"
#include "train/objective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = 256, TABLE_BYTES_MAX = 1 << 28 };

struct change {
    const mrc_model *model;
    mrc_explainer *explainer;
    struct loss loss;
    const struct objective *objective;
    size_t dim, features;
    void *scratch;
    double *raw;    /* [BLOCK_ROWS][dim] */
    double *shap;   /* [BLOCK_ROWS][dim][features + 1] */
    double *approx; /* [dim][BLOCK_ROWS] */
    float *target, *weight;
    double *sums; /* [features + 1]; the last: with every feature */
    double total_weight;
};

/* "Name:key=value;…" from the model's parameters. */
static int find_loss(const mrc_model *m, struct loss *loss, struct mrc_err *err)
{
    const char *params = mrc_model_meta(m, "params");
    struct json_doc *doc;
    if (params == NULL) {
        return mrc_fail(err, MRC_EUNSUPPORTED, "the model does not say which loss it was trained with");
    }
    MRC_TRY(json_read(&doc, str_of(params), &json_limits_file, NULL, err));
    const struct json *described = json_find(json_root(doc), "loss_function");
    struct buf text;
    struct str name;
    struct str value;
    buf_init(&text, NULL, 4096);
    if (json_str(json_find(described, "type"), &name)) {
        buf_str(&text, name);
    }
    char separator = ':';
    const struct json *options = json_find(described, "params");
    for (const struct json *o = json_first(options); o != NULL; o = json_next(o)) {
        /* "__params_key_order" is bookkeeping of CatBoost's, no parameter. */
        if (json_str(o, &value) && !str_starts(json_key(o), "__")) {
            buf_char(&text, separator);
            buf_str(&text, json_key(o));
            buf_char(&text, '=');
            buf_str(&text, value);
            separator = ';';
        }
    }
    int rc = buf_ok(&text, err);
    if (rc == MRC_OK && loss_parse(loss, buf_text(&text), err) < 0) {
        rc = MRC_EUNSUPPORTED;
        if (err != NULL) {
            err->code = rc;
        }
    }
    buf_release(&text);
    json_free(doc);
    return rc;
}

/* A target cell: a number, or the number of its class. */
static int read_target(const struct change *c, struct str cell, float *out, struct mrc_err *err)
{
    if (c->objective->is_classes || c->objective->is_binary) {
        const char *label;
        double value;
        double known;
        for (size_t k = 0; (label = mrc_model_class_label(c->model, k)) != NULL; k++) {
            bool same_number = parse_double(cell, &value) && parse_double(str_of(label), &known) && value == known;
            if (str_is(cell, label) || same_number) {
                *out = (float)k;
                return MRC_OK;
            }
        }
        return mrc_fail(err, MRC_EFORMAT, "target \"%.*s\" is no class of the model", STR_ARG(cell));
    }
    if (!model_cell(cell, out) || !isfinite(*out)) {
        return mrc_fail(err, MRC_EFORMAT, "target \"%.*s\" is not a number", STR_ARG(cell));
    }
    return MRC_OK;
}

/* Error sum of a block, without the SHAP values of `feature` (or of none, when it is c->features). */
static double error_without(const struct change *c, size_t n, size_t feature)
{
    size_t width = c->features + 1;
    for (size_t d = 0; d < c->dim; d++) {
        for (size_t i = 0; i < n; i++) {
            double part = feature == c->features || d >= mrc_explainer_dim(c->explainer)
                              ? 0.0
                              : c->shap[(i * mrc_explainer_dim(c->explainer) + d) * width + feature];
            c->approx[d * BLOCK_ROWS + i] = c->raw[i * c->dim + d] - part;
        }
    }
    struct loss_rows rows = {.n = n,
                             .stride = BLOCK_ROWS,
                             .dim = (uint32_t)c->dim,
                             .approx = c->approx,
                             .target = c->target,
                             .weight = c->weight};
    return c->objective->error(&c->loss, &rows);
}

static int add_block(struct change *c, const struct model_block *block, struct mrc_err *err)
{
    for (size_t i = 0; i < block->n; i++) {
        MRC_TRY(read_target(c, block->targets[i], &c->target[i], err));
        c->weight[i] = (float)block->weights[i];
        c->total_weight += block->weights[i];
    }
    MRC_TRY(mrc_predict(c->model, &block->input, block->n, MRC_RAW, c->scratch, c->raw, err));
    MRC_TRY(mrc_shap(c->explainer, &block->input, block->n, c->scratch, c->shap, err));
    for (size_t f = 0; f <= c->features; f++) {
        c->sums[f] += error_without(c, block->n, f);
    }
    return MRC_OK;
}

static int open_change(struct change *c, struct mrc_err *err)
{
    MRC_TRY(find_loss(c->model, &c->loss, err));
    c->objective = objective_of(c->loss.type);
    MRC_TRY(mrc_explainer_new(&c->explainer, c->model, TABLE_BYTES_MAX, err));
    c->dim = mrc_model_dim(c->model);
    c->features = mrc_model_features(c->model);
    size_t bytes = mrc_scratch_size(c->model, BLOCK_ROWS) + mrc_shap_scratch_size(c->explainer);
    c->scratch = aligned_alloc(MRC_SCRATCH_ALIGN, (bytes / MRC_SCRATCH_ALIGN + 1) * MRC_SCRATCH_ALIGN);
    c->raw = calloc(BLOCK_ROWS * c->dim, sizeof *c->raw);
    c->shap = calloc(BLOCK_ROWS * c->dim * (c->features + 1), sizeof *c->shap);
    c->approx = calloc(BLOCK_ROWS * c->dim, sizeof *c->approx);
    c->target = calloc(BLOCK_ROWS, sizeof *c->target);
    c->weight = calloc(BLOCK_ROWS, sizeof *c->weight);
    c->sums = calloc(c->features + 1, sizeof *c->sums);
    bool all = c->scratch && c->raw && c->shap && c->approx && c->target && c->weight && c->sums;
    return all ? MRC_OK : mrc_fail(err, MRC_ENOMEM, "no memory for importance on data");
}

static void close_change(struct change *c)
{
    mrc_explainer_free(c->explainer);
    free(c->scratch);
    free(c->raw);
    free(c->shap);
    free(c->approx);
    free(c->target);
    free(c->weight);
    free(c->sums);
}

static int add_rows(struct change *c, const char *csv, const char *columns, struct mrc_err *err)
{
    struct model_rows *rows = NULL;
    MRC_TRY(model_rows_open(&rows, c->model, csv, columns, BLOCK_ROWS, err));
    int rc = model_rows_has_target(rows)
                 ? MRC_OK
                 : mrc_fail(err, MRC_EINVAL, "importance on data needs a target column: --columns");
    struct model_block block;
    while (rc == MRC_OK && (rc = model_rows_next(rows, &block, err)) == 1) {
        rc = add_block(c, &block, err);
    }
    model_rows_close(rows);
    if (rc == MRC_OK && !(c->total_weight > 0)) {
        rc = mrc_fail(err, MRC_EFORMAT, "%s: no rows with weight", csv);
    }
    return rc;
}

static double metric(const struct change *c, double sum)
{
    double mean = sum / c->total_weight;
    return c->objective->root ? sqrt(mean) : mean;
}

int loss_change(const mrc_model *m, const char *csv, const char *columns, double *out, struct mrc_err *err)
{
    struct change c = {.model = m};
    int rc = open_change(&c, err);
    if (rc == MRC_OK) {
        rc = add_rows(&c, csv, columns, err);
    }
    for (size_t f = 0; rc == MRC_OK && f < c.features; f++) {
        out[f] = metric(&c, c.sums[f]) - metric(&c, c.sums[c.features]);
    }
    close_change(&c);
    return rc;
}
