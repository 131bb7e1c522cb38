/* Rows of a CSV for a plain model, in blocks. */
#include "train/model_rows.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "train/command.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_FILE_MAX = 64 << 20, BLOCK_BYTES = 32 << 20, TARGET_BYTES = 32 << 20, THREADS_MAX = 256 };

enum column_use { USE_FLOAT, USE_CAT, USE_TARGET, USE_WEIGHT, USE_SKIP };

struct column {
    enum column_use use;
    size_t index; /* FLOAT, CAT: column of mrc_input */
};

struct model_rows {
    struct arena arena; /* columns, blocks */
    struct arena texts; /* target cells of the current block */
    struct csv *csv;
    const char *path;
    struct column *columns;
    uint32_t n_columns;
    size_t rows_max, n_floats, n_cats;
    bool has_target;
    uint64_t rows;
    float *floats;
    uint32_t *hashes;
    struct str *targets;
    double *weights;
};

/* ---- columns --------------------------------------------------------------------------------------------------- */

enum column_kind { KIND_NUM, KIND_CAT, KIND_TEXT, KIND_EMBEDDING, KIND_TARGET, KIND_WEIGHT, KIND_OTHER, KIND__COUNT };
static const struct {
    const char *name;
    enum column_kind kind;
} kinds[] = {{"num", KIND_NUM},       {"cat", KIND_CAT},       {"text", KIND_TEXT},       {"embedding", KIND_EMBEDDING},
             {"target", KIND_TARGET}, {"weight", KIND_WEIGHT}, {"timestamp", KIND_OTHER}, {"group", KIND_OTHER},
             {"ignore", KIND_OTHER},  {"baseline", KIND_OTHER}};

static enum column_kind kind_find(struct str name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (str_is(name, kinds[i].name)) {
            return kinds[i].kind;
        }
    }
    return KIND__COUNT;
}

/* Flat feature `flat` of the model stands in column c, which is declared as kind (KIND__COUNT: whatever the model
 * says). */
static int bind_feature(const mrc_model *m, size_t flat, enum column_kind kind, struct str name, struct column *c,
                        struct mrc_err *err)
{
    c->use = USE_SKIP;
    if (flat >= mrc_model_features(m)) {
        return MRC_OK;
    }
    struct mrc_feature f;
    MRC_TRY(mrc_model_feature(m, flat, &f, err));
    if (f.kind == MRC_FEATURE_UNUSED) {
        return MRC_OK;
    }
    enum column_kind wanted = f.kind == MRC_FEATURE_FLOAT ? KIND_NUM : KIND_CAT;
    if (kind != KIND__COUNT && kind != wanted) {
        if (!f.used) {
            return MRC_OK;
        }
        return mrc_fail(err, MRC_EFORMAT, "column \"%.*s\" (feature %zu) is declared %s, the model takes it as %s",
                        STR_ARG(name), flat, kinds[kind].name, kinds[wanted].name);
    }
    c->use = wanted == KIND_NUM ? USE_FLOAT : USE_CAT;
    c->index = f.index;
    return MRC_OK;
}

/* Every feature that the model uses must have found a column. */
static int check_complete(const mrc_model *m, size_t n_flat, struct mrc_err *err)
{
    for (size_t i = n_flat; i < mrc_model_features(m); i++) {
        struct mrc_feature f;
        MRC_TRY(mrc_model_feature(m, i, &f, err));
        if (f.kind != MRC_FEATURE_UNUSED && f.used) {
            return mrc_fail(err, MRC_EFORMAT, "the model uses feature %zu (\"%s\"), the data have %zu feature columns",
                            i, f.name, n_flat);
        }
    }
    return MRC_OK;
}

static int columns_from_model(struct model_rows *r, const mrc_model *m, const struct str *names, struct mrc_err *err)
{
    for (uint32_t i = 0; i < r->n_columns; i++) {
        MRC_TRY(bind_feature(m, i, KIND__COUNT, names[i], &r->columns[i], err));
    }
    return check_complete(m, r->n_columns, err);
}

static int bind_declared(struct model_rows *r, const mrc_model *m, const struct json *item, struct str header,
                         struct column *c, size_t *flat, struct mrc_err *err)
{
    struct str name, kind_name;
    MRC_TRY(json_get_str(item, "name", &name, err));
    MRC_TRY(json_get_str(item, "kind", &kind_name, err));
    if (!str_eq(name, header)) {
        return mrc_fail(err, MRC_EFORMAT, "column \"%.*s\" is called \"%.*s\" in the data", STR_ARG(name),
                        STR_ARG(header));
    }
    enum column_kind kind = kind_find(kind_name);
    switch (kind) {
    case KIND_NUM:
    case KIND_CAT:
    case KIND_TEXT:
    case KIND_EMBEDDING:
        return bind_feature(m, (*flat)++, kind, name, c, err);
    case KIND_TARGET:
        if (r->has_target) {
            return mrc_fail(err, MRC_EFORMAT, "column \"%.*s\" is a second target", STR_ARG(name));
        }
        r->has_target = true;
        c->use = USE_TARGET;
        return MRC_OK;
    case KIND_WEIGHT:
        c->use = USE_WEIGHT;
        return MRC_OK;
    case KIND_OTHER:
        c->use = USE_SKIP;
        return MRC_OK;
    default:
        return mrc_fail(err, MRC_EFORMAT,
                        "column \"%.*s\" has kind \"%.*s\"; kinds are num, cat, text, embedding, "
                        "target, weight, timestamp, group, ignore, baseline",
                        STR_ARG(name), STR_ARG(kind_name));
    }
}

static int columns_from_file(struct model_rows *r, const mrc_model *m, const struct str *names, const char *path,
                             struct mrc_err *err)
{
    char *text;
    size_t n;
    MRC_TRY(file_read(path, COLUMNS_FILE_MAX, &text, &n, err));
    struct json_doc *doc = NULL;
    int rc = json_read(&doc, (struct str){text, n}, &json_limits_file, NULL, err);
    free(text);
    if (rc < 0) {
        return command_where(err, path);
    }
    const struct json *list = json_root(doc);
    if (json_type(list) != JSON_ARRAY || json_count(list) != r->n_columns) {
        rc = mrc_fail(err, MRC_EFORMAT, "%s must be a list of the data's %u columns, it has %zu", path, r->n_columns,
                      json_count(list));
    }
    size_t flat = 0;
    uint32_t i = 0;
    for (const struct json *item = json_first(list); rc == MRC_OK && item; item = json_next(item), i++) {
        rc = bind_declared(r, m, item, names[i], &r->columns[i], &flat, err);
        if (rc < 0) {
            err_wrap(err, "%s", path);
        }
    }
    if (rc == MRC_OK) {
        rc = check_complete(m, flat, err);
    }
    json_free(doc);
    return rc;
}

static int allocate_block(struct model_rows *r, const mrc_model *m, size_t rows_max, struct mrc_err *err)
{
    r->n_floats = mrc_model_float_features(m);
    r->n_cats = mrc_model_cat_features(m);
    size_t width = r->n_floats * sizeof(float) + r->n_cats * sizeof(uint32_t) + 1;
    size_t fit = BLOCK_BYTES / width;
    r->rows_max = fit < rows_max ? (fit ? fit : 1) : rows_max;
    r->floats = ARENA_ARRAY(&r->arena, r->rows_max * r->n_floats + 1, float);
    r->hashes = ARENA_ARRAY(&r->arena, r->rows_max * r->n_cats + 1, uint32_t);
    r->targets = ARENA_ARRAY(&r->arena, r->rows_max, struct str);
    r->weights = ARENA_ARRAY(&r->arena, r->rows_max, double);
    return r->floats && r->hashes && r->targets && r->weights ? MRC_OK : arena_fail(&r->arena, err);
}

int model_rows_open(struct model_rows **out, const mrc_model *m, const char *csv, const char *columns, size_t rows_max,
                    struct mrc_err *err)
{
    struct model_rows *r = calloc(1, sizeof(*r));
    if (!r) {
        return mrc_fail(err, MRC_ENOMEM, "no memory");
    }
    arena_init(&r->arena, 0);
    arena_init(&r->texts, 0);
    r->path = csv;
    const struct str *names = NULL;
    int rc = csv_open(&r->csv, csv, &csv_limits_file, err);
    if (rc == MRC_OK) {
        rc = csv_header(r->csv, &names, &r->n_columns, err);
        if (rc < 0) {
            command_where(err, csv);
        }
    }
    if (rc >= 0 && names) {
        r->columns = ARENA_ARRAY(&r->arena, r->n_columns, struct column);
        rc = !r->columns ? arena_fail(&r->arena, err)
             : columns   ? columns_from_file(r, m, names, columns, err)
                         : columns_from_model(r, m, names, err);
    }
    if (rc >= 0) {
        rc = allocate_block(r, m, rows_max, err);
    }
    if (rc < 0) {
        model_rows_close(r);
        return rc;
    }
    *out = r;
    return MRC_OK;
}

void model_rows_close(struct model_rows *r)
{
    if (!r) {
        return;
    }
    csv_close(r->csv);
    arena_release(&r->arena);
    arena_release(&r->texts);
    free(r);
}

bool model_rows_has_target(const struct model_rows *r)
{
    return r->has_target;
}

/* ---- cells ----------------------------------------------------------------------------------------------------- */

bool model_cell(struct str text, float *out)
{
    /* The spellings CatBoost's own reader takes for "unknown". */
    static const char *const unknown[] = {"-",    "NA",   "Na",       "na",      "nan",      "NaN",    "NAN",    "#NA",
                                          "N/A",  "n/a",  "#N/A",     "-NaN",    "-nan",     "NULL",   "null",   "Null",
                                          "none", "None", "#N/A N/A", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN"};
    if (text.n == 0) {
        *out = NAN;
        return true;
    }
    char first = text.p[text.p[0] == '-' && text.n > 1];
    if (first >= '0' && first <= '9' && parse_float(text, out)) {
        return true;
    }
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        if (str_is(text, unknown[i])) {
            *out = NAN;
            return true;
        }
    }
    return parse_float(text, out);
}

enum { CELL_ECHO = 60 };

static int bad_cell(const struct model_rows *r, const struct csv_cell *cell, const char *rule, struct mrc_err *err)
{
    struct str shown = {cell->text.p, cell->text.n < CELL_ECHO ? cell->text.n : CELL_ECHO};
    shown.n = utf8_valid(shown);
    mrc_fail_at(err, MRC_EFORMAT, cell->line, cell->col, "\"%.*s\" %s", STR_ARG(shown), rule);
    return command_where(err, r->path);
}

static int read_row(struct model_rows *r, const struct csv_cell *cells, size_t row, struct mrc_err *err)
{
    for (uint32_t i = 0; i < r->n_columns; i++) {
        const struct column *c = &r->columns[i];
        float weight;
        switch (c->use) {
        case USE_FLOAT:
            if (!model_cell(cells[i].text, &r->floats[row * r->n_floats + c->index])) {
                return bad_cell(r, &cells[i], "is not a number", err);
            }
            break;
        case USE_CAT:
            r->hashes[row * r->n_cats + c->index] = mrc_cat_hash(cells[i].text.p, cells[i].text.n);
            break;
        case USE_TARGET:
            if (!str_copy(&r->texts, cells[i].text, &r->targets[row])) {
                return arena_fail(&r->texts, err);
            }
            break;
        case USE_WEIGHT:
            if (!parse_float(cells[i].text, &weight) || !(weight >= 0) || isinf(weight)) {
                return bad_cell(r, &cells[i], "is not a weight (a number >= 0)", err);
            }
            r->weights[row] = (double)weight;
            break;
        case USE_SKIP:
            break;
        }
    }
    return MRC_OK;
}

int model_rows_next(struct model_rows *r, struct model_block *block, struct mrc_err *err)
{
    arena_reset(&r->texts);
    size_t row = 0;
    while (row < r->rows_max && r->texts.used < TARGET_BYTES) {
        const struct csv_cell *cells;
        uint32_t n;
        int rc = csv_next(r->csv, &cells, &n, err);
        if (rc < 0) {
            return command_where(err, r->path);
        }
        if (rc == 0) {
            break;
        }
        for (size_t i = 0; i < r->n_floats; i++) {
            r->floats[row * r->n_floats + i] = NAN;
        }
        for (size_t i = 0; i < r->n_cats; i++) {
            r->hashes[row * r->n_cats + i] = 0;
        }
        r->weights[row] = 1;
        r->targets[row] = (struct str){NULL, 0};
        MRC_TRY(read_row(r, cells, row, err));
        row++;
    }
    *block = (struct model_block){
        .input = {.floats = r->floats,
                  .float_row_stride = r->n_floats,
                  .float_column_stride = 1,
                  .cat_hashes = r->n_cats ? r->hashes : NULL,
                  .cat_row_stride = r->n_cats,
                  .cat_column_stride = 1},
        .n = row,
        .first = r->rows,
        .targets = r->targets,
        .weights = r->weights,
    };
    r->rows += row;
    return row > 0;
}

/* ---- threads --------------------------------------------------------------------------------------------------- */

int model_threads(int64_t option)
{
    int n = option > 0 ? (int)option : omp_get_num_procs();
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : n;
}

int model_rows_each(size_t n, int threads, model_rows_work work, void *arg, struct mrc_err *err)
{
    int parts = (size_t)threads < n ? threads : (n ? (int)n : 1);
    int first_bad = parts;
    int rc = MRC_OK;
#pragma omp parallel for num_threads(parts) schedule(static, 1)
    for (int i = 0; i < parts; i++) {
        struct mrc_err e = {0};
        int r = work(n * (size_t)i / (size_t)parts, n * ((size_t)i + 1) / (size_t)parts, i, arg, &e);
        if (r < 0) {
#pragma omp critical(model_rows_failure)
            if (i < first_bad) {
                first_bad = i;
                rc = r;
                if (err) {
                    *err = e;
                }
            }
        }
    }
    return rc;
}
