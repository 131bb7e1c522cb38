/* Rows of the model's features, and their raw scores. */
#include "fcgi/scores.h"

#include "fcgi/metrics.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { BLOCK_ROWS = 256 };

/* ---- rows ------------------------------------------------------------------------------------------------------ */

bool scores_reserve(struct context *c, struct scores_rows *rows, size_t n)
{
    const struct bundle *b = c->parts->bundle;
    struct mrc_err err = {0};
    size_t rows_max = (size_t)setting_int(c->parts->config, CONFIG_ROWS_MAX);
    if (b == NULL) {
        http_header(c->res, "Retry-After", STR("10"));
        answer_detail(c, 503, "No version of the model is loaded");
        return false;
    }
    if (n > rows_max) {
        struct buf text;
        buf_init(&text, c->arena, 128);
        buf_printf(&text, "At most %zu rows in one request", rows_max);
        answer_detail(c, 413, text.p);
        return false;
    }
    *rows = (struct scores_rows){.model = &b->models[b->n_models - 1], .n = n};
    const struct features *f = rows->model->features;
    rows->floats = ARENA_ARRAY(c->arena, n * features_floats(f) + 1, float);
    rows->cats = ARENA_ARRAY(c->arena, n * features_cats(f) + 1, struct mrc_str);
    size_t *place = ARENA_ARRAY(c->arena, features_count(f) + 1, size_t), of_kind[2] = {0, 0};
    if (rows->floats == NULL || rows->cats == NULL || place == NULL) {
        (void)arena_fail(c->arena, &err);
        answer_err(c, &err);
        return false;
    }
    for (uint32_t i = 0; i < features_count(f); i++) {
        place[i] = of_kind[features_at(f, i)->categorical]++;
    }
    rows->place = place;
    for (size_t i = 0; i < n * features_floats(f); i++) {
        rows->floats[i] = NAN;
    }
    for (size_t i = 0; i < n * features_cats(f); i++) {
        rows->cats[i] = (struct mrc_str){"", 0};
    }
    return true;
}

uint32_t scores_columns(const struct scores_rows *rows)
{
    return features_count(rows->model->features);
}

const struct feature *scores_column(const struct scores_rows *rows, uint32_t i)
{
    return features_at(rows->model->features, i);
}

int64_t scores_find(const struct scores_rows *rows, struct str name)
{
    for (uint32_t i = 0; i < scores_columns(rows); i++) {
        if (str_eq(scores_column(rows, i)->name, name)) {
            return i;
        }
    }
    return -1;
}

const char *scores_set_number(struct scores_rows *rows, size_t row, uint32_t column, double v)
{
    if (scores_column(rows, column)->categorical) {
        return "string_type";
    }
    if (!isnan(v) && fabs(v) > FLT_MAX) {
        return "finite_number";
    }
    rows->floats[row * features_floats(rows->model->features) + rows->place[column]] = (float)v;
    return NULL;
}

static void set_category(struct scores_rows *rows, size_t row, uint32_t column, struct str text)
{
    rows->cats[row * features_cats(rows->model->features) + rows->place[column]] = (struct mrc_str){text.p, text.n};
}

const char *scores_set_json(struct scores_rows *rows, size_t row, uint32_t column, const struct json *v)
{
    struct str text;
    double number;
    if (json_type(v) == JSON_NULL) {
        return NULL; /* unknown, as it was made */
    }
    if (scores_column(rows, column)->categorical) {
        if (!json_str(v, &text)) {
            return "string_type";
        }
        set_category(rows, row, column, text);
        return NULL;
    }
    return json_double(v, &number) ? scores_set_number(rows, row, column, number) : "float_type";
}

const char *scores_set_text(struct context *c, struct scores_rows *rows, size_t row, uint32_t column, struct str text)
{
    struct str copy;
    double number;
    if (scores_column(rows, column)->categorical) {
        if (!str_copy(c->arena, text, &copy)) {
            return "no_memory";
        }
        set_category(rows, row, column, copy);
        return NULL;
    }
    if (text.n == 0 || str_is(text, "nan") || str_is(text, "NaN")) {
        return NULL;
    }
    return parse_double(text, &number) && isfinite(number) ? scores_set_number(rows, row, column, number)
                                                           : "float_parsing";
}

const char *scores_message(const char *type)
{
    static const struct {
        const char *type, *message;
    } messages[] = {
        {"missing", "Field required"},
        {"string_type", "Input should be a valid string"},
        {"float_type", "Input should be a valid number"},
        {"float_parsing", "Input should be a valid number, unable to parse string as a number"},
        {"finite_number", "Input should be a finite number"},
    };
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        if (strcmp(messages[i].type, type) == 0) {
            return messages[i].message;
        }
    }
    return "The request needs more memory than it may take";
}

/* ---- scores ---------------------------------------------------------------------------------------------------- */

static int score(struct context *c, const struct scores_rows *rows, double *out, struct mrc_err *err)
{
    const mrc_model *m = rows->model->model;
    size_t floats = features_floats(rows->model->features), cats = features_cats(rows->model->features);
    void *scratch = arena_alloc(c->arena, mrc_scratch_size(m, BLOCK_ROWS), MRC_SCRATCH_ALIGN);
    if (scratch == NULL) {
        return arena_fail(c->arena, err);
    }
    for (size_t done = 0; done < rows->n; done += BLOCK_ROWS) {
        size_t n = rows->n - done < BLOCK_ROWS ? rows->n - done : BLOCK_ROWS;
        struct mrc_input in = {
            .floats = rows->floats + done * floats,
            .float_row_stride = floats,
            .float_column_stride = 1,
            .cats = rows->cats + done * cats,
            .cat_row_stride = cats,
            .cat_column_stride = 1,
        };
        MRC_TRY(mrc_predict(m, &in, n, MRC_RAW, scratch, out + done, err));
    }
    return MRC_OK;
}

bool scores_run(struct context *c, const struct scores_rows *rows, double **out)
{
    struct mrc_err err = {0};
    if (rows->n > 1 && !rate_charge(c, (int64_t)rows->n - 1)) {
        return false;
    }
    *out = ARENA_ARRAY(c->arena, rows->n + 1, double);
    int rc = *out == NULL ? arena_fail(c->arena, &err) : score(c, rows, *out, &err);
    if (rc < 0) {
        answer_err(c, &err);
        return false;
    }
    metrics_scores(c, rows->n);
    return true;
}
