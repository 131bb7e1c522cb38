/* The self-test of a bundle: rows with the columns and scores they must give.
 *
 * Columns are compared within 1e-6, because they pass through the host's libm; scores of the stored columns are
 * compared by bits, because evaluation is the same everywhere. */
#include "common/forecast/bundle_files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SELFTEST_ROWS_MAX = 10000 };

/* Columns of one row for one model, and what mrc_predict needs. */
struct bench {
    float *floats;
    struct mrc_str *cats;
    void *scratch;
};

static void bench_release(struct bench *t)
{
    free(t->floats);
    free(t->cats);
    free(t->scratch);
}

/* To be released whether it succeeds or not. */
static int bench_init(struct bench *t, const struct bundle_model *m, struct mrc_err *err)
{
    size_t bytes = mrc_scratch_size(m->model, 1), scale = m->scale ? mrc_scratch_size(m->scale, 1) : 0;
    bytes = (scale > bytes ? scale : bytes) + MRC_SCRATCH_ALIGN;
    t->floats = calloc(features_floats(m->features) + 1, sizeof *t->floats);
    t->cats = calloc(features_cats(m->features) + 1, sizeof *t->cats);
    t->scratch = aligned_alloc(MRC_SCRATCH_ALIGN, bytes / MRC_SCRATCH_ALIGN * MRC_SCRATCH_ALIGN);
    return t->floats && t->cats && t->scratch ? MRC_OK : mrc_fail(err, MRC_ENOMEM, "no memory for the self-test");
}

/* Of the model, whose score becomes the last column, or of its scale. */
static int score(const struct bundle_model *m, const mrc_model *model, struct bench *t, double *out,
                 struct mrc_err *err)
{
    uint32_t n = features_floats(m->features);
    struct mrc_input in = {
        .floats = t->floats,
        .float_row_stride = n + 1,
        .float_column_stride = 1,
        .cats = t->cats,
        .cat_row_stride = features_cats(m->features),
        .cat_column_stride = 1,
    };
    MRC_TRY(mrc_predict(model, &in, 1, MRC_RAW, t->scratch, out, err));
    if (model == m->model) {
        t->floats[n] = (float)*out;
    }
    return MRC_OK;
}

static bool has_needs(const struct bundle_model *m, const struct row *row)
{
    for (uint32_t i = 0; i < m->n_needs; i++) {
        if (!row->values[m->needs[i]].present) {
            return false;
        }
    }
    return true;
}

static int read_raw(const struct bundle *b, const struct json *raw, struct arena *a, struct row *row,
                    struct mrc_err *err)
{
    struct row_report report;
    MRC_TRY(row_from_json(row, b->schema, raw, &(struct row_options){.target = false}, a, &report, err));
    if (report.n_errors > 0) {
        return mrc_fail(err, MRC_EFORMAT, "%.*s: %.*s", STR_ARG(report.errors[0].field),
                        STR_ARG(report.errors[0].message));
    }
    return MRC_OK;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static void put_hex(struct json_out *w, double v)
{
    char text[NUMBER_TEXT_MAX];
    size_t n = format_hex(v, text);
    json_put_str(w, (struct str){text, n});
}

static int write_model(const struct bundle_model *m, const struct row *row, struct arena *a, struct json_out *w,
                       struct mrc_err *err)
{
    struct bench t = {0};
    double y = 0, scale = 0;
    int rc = bench_init(&t, m, err);
    if (rc == MRC_OK) {
        rc = features_compute(m->features, row, a, t.floats, t.cats, NULL, err);
    }
    if (rc == MRC_OK) {
        rc = score(m, m->model, &t, &y, err);
    }
    if (rc == MRC_OK && m->scale) {
        rc = score(m, m->scale, &t, &scale, err);
    }
    if (rc == MRC_OK) {
        json_put_key_str(w, m->name);
        json_open_object(w);
        json_put_key(w, "floats");
        json_open_array(w);
        for (uint32_t i = 0; i < features_floats(m->features); i++) {
            put_hex(w, t.floats[i]);
        }
        json_close_array(w);
        json_put_key(w, "cats");
        json_open_array(w);
        for (uint32_t i = 0; i < features_cats(m->features); i++) {
            json_put_str(w, (struct str){t.cats[i].p, t.cats[i].n});
        }
        json_close_array(w);
        json_put_key(w, "score");
        put_hex(w, y);
        if (m->scale) {
            json_put_key(w, "scale");
            put_hex(w, scale);
        }
        json_close_object(w);
    }
    bench_release(&t);
    return rc;
}

static int write_row(const struct bundle *b, const struct json *raw, struct json_out *w, struct mrc_err *err)
{
    struct arena a;
    struct row row;
    arena_init(&a, 0);
    int rc = read_raw(b, raw, &a, &row, err);
    if (rc == MRC_OK) {
        rc = bundle_fill(b, &row, &a, &row, err);
        json_open_object(w);
        json_put_key(w, "row");
        json_put_value(w, raw);
        json_put_key(w, "models");
        json_open_object(w);
        for (uint32_t i = 0; rc == MRC_OK && i < b->n_models; i++) {
            if (has_needs(&b->models[i], &row)) {
                rc = write_model(&b->models[i], &row, &a, w, err);
            }
        }
        json_close_object(w);
        json_close_object(w);
    }
    arena_release(&a);
    return rc;
}

int selftest_write(const struct bundle *b, struct str rows, struct buf *out, struct mrc_err *err)
{
    struct json_doc *doc;
    struct json_out w;
    MRC_TRY(bundle_json(&doc, rows, "self-test rows", JSON_ARRAY, err));
    json_out_init(&w, out);
    json_open_object(&w);
    json_pair_i64(&w, "format", 1);
    json_put_key(&w, "rows");
    json_open_array(&w);
    int rc = MRC_OK;
    size_t i = 0;
    for (const struct json *raw = json_first(json_root(doc)); raw && rc == MRC_OK; raw = json_next(raw), i++) {
        rc = write_row(b, raw, &w, err);
        if (rc < 0 && err) {
            err_wrap(err, "self-test row %zu", i);
        }
    }
    json_free(doc);
    MRC_TRY(rc);
    json_close_array(&w);
    json_close_object(&w);
    return buf_ok(out, err);
}

/* One synthetic row: the examples of all fields but `without` (a field number; -1: none), or of required ones only. */
static void put_example_row(const struct schema *s, int64_t without, bool only_required, struct json_out *w)
{
    json_open_object(w);
    for (uint32_t i = 0; i < schema_count(s); i++) {
        const struct field *f = schema_field(s, i);
        if (f->known != KNOWN_AFTER && (f->required || (!only_required && i != without))) {
            json_put_key_str(w, f->name);
            json_put_raw(w, f->example);
        }
    }
    json_close_object(w);
}

int selftest_rows(const struct schema *s, struct buf *out, struct mrc_err *err)
{
    struct json_out w;
    json_out_init(&w, out);
    json_open_array(&w);
    put_example_row(s, -1, false, &w);
    put_example_row(s, -1, true, &w);
    for (uint32_t i = 0; i < schema_count(s); i++) {
        const struct field *f = schema_field(s, i);
        if (!f->required && f->known != KNOWN_AFTER) {
            put_example_row(s, i, false, &w);
        }
    }
    json_close_array(&w);
    return buf_ok(out, err);
}

/* ---- running --------------------------------------------------------------------------------------------------- */

static bool near(float a, float b)
{
    return (isnan(a) && isnan(b)) || a == b || fabs((double)a - b) <= 1e-6 * fmax(1, fabs((double)b));
}

/* The stored columns, which replace the computed ones after the comparison. */
static int compare_floats(const struct bundle_model *m, const struct json *list, struct bench *t, struct mrc_err *err)
{
    uint32_t n = features_floats(m->features), i = 0;
    if (json_type(list) != JSON_ARRAY || json_count(list) != n) {
        return mrc_fail(err, MRC_EFORMAT, "\"floats\" must hold %u numbers", n);
    }
    for (const struct json *item = json_first(list); item; item = json_next(item), i++) {
        struct str text;
        float stored;
        if (!json_str(item, &text) || !parse_float(text, &stored)) {
            return mrc_fail(err, MRC_EFORMAT, "number %u is no hexadecimal number", i);
        }
        if (!near(t->floats[i], stored)) {
            char here[NUMBER_TEXT_MAX], there[NUMBER_TEXT_MAX];
            format_float(t->floats[i], here);
            format_float(stored, there);
            return mrc_fail(err, MRC_EFORMAT, "number %u is %s here, %s where the bundle was made", i, here, there);
        }
        t->floats[i] = stored;
    }
    return MRC_OK;
}

static int compare_cats(const struct bundle_model *m, const struct json *list, struct bench *t, struct mrc_err *err)
{
    uint32_t n = features_cats(m->features), i = 0;
    if (json_type(list) != JSON_ARRAY || json_count(list) != n) {
        return mrc_fail(err, MRC_EFORMAT, "\"cats\" must hold %u texts", n);
    }
    for (const struct json *item = json_first(list); item; item = json_next(item), i++) {
        struct str text, ours = {t->cats[i].p, t->cats[i].n};
        if (!json_str(item, &text) || !str_eq(text, ours)) {
            return mrc_fail(err, MRC_EFORMAT, "category %u is \"%.*s\" here, something else where the bundle was made",
                            i, STR_ARG(ours));
        }
    }
    return MRC_OK;
}

/* The stored columns give the stored score, to the bit. */
static int compare_score(const struct bundle_model *m, const mrc_model *model, const char *what,
                         const struct json *expected, struct bench *t, struct mrc_err *err)
{
    struct str text;
    double y, stored;
    uint64_t here_bits, stored_bits;
    MRC_TRY(json_get_str(expected, what, &text, err));
    if (!parse_double(text, &stored)) {
        return mrc_fail(err, MRC_EFORMAT, "\"%s\" is no hexadecimal number", what);
    }
    MRC_TRY(score(m, model, t, &y, err));
    memcpy(&here_bits, &y, sizeof y);
    memcpy(&stored_bits, &stored, sizeof stored);
    if (here_bits != stored_bits) {
        char here[NUMBER_TEXT_MAX];
        format_hex(y, here);
        return mrc_fail(err, MRC_EFORMAT, "the %s is %s here, %.*s where the bundle was made", what, here,
                        STR_ARG(text));
    }
    return MRC_OK;
}

static int run_model(const struct bundle_model *m, const struct row *row, const struct json *expected, struct arena *a,
                     struct mrc_err *err)
{
    struct bench t = {0};
    int rc = bench_init(&t, m, err);
    if (rc == MRC_OK) {
        rc = features_compute(m->features, row, a, t.floats, t.cats, NULL, err);
    }
    if (rc == MRC_OK) {
        rc = compare_floats(m, json_find(expected, "floats"), &t, err);
    }
    if (rc == MRC_OK) {
        rc = compare_cats(m, json_find(expected, "cats"), &t, err);
    }
    if (rc == MRC_OK) {
        rc = compare_score(m, m->model, "score", expected, &t, err);
    }
    if (rc == MRC_OK && m->scale) {
        rc = compare_score(m, m->scale, "scale", expected, &t, err);
    }
    bench_release(&t);
    return rc;
}

static int run_row(const struct bundle *b, const struct json *entry, bool *covered, struct mrc_err *err)
{
    const struct json *raw, *models;
    struct arena a;
    struct row row;
    MRC_TRY(json_get(entry, "row", JSON_OBJECT, &raw, err));
    MRC_TRY(json_get(entry, "models", JSON_OBJECT, &models, err));
    arena_init(&a, 0);
    int rc = read_raw(b, raw, &a, &row, err);
    if (rc == MRC_OK) {
        rc = bundle_fill(b, &row, &a, &row, err);
    }
    for (uint32_t i = 0; rc == MRC_OK && i < b->n_models; i++) {
        const struct bundle_model *m = &b->models[i];
        const struct json *expected = json_find(models, m->name.p);
        if ((expected != NULL) != has_needs(m, &row)) {
            rc = mrc_fail(err, MRC_EFORMAT, "model \"%.*s\": its needs and what is expected of it differ",
                          STR_ARG(m->name));
        } else if (expected) {
            covered[i] = true;
            rc = run_model(m, &row, expected, &a, err);
            if (rc < 0 && err) {
                err_wrap(err, "model \"%.*s\"", STR_ARG(m->name));
            }
        }
    }
    arena_release(&a);
    return rc;
}

static int run_rows(const struct bundle *b, const struct json *root, struct mrc_err *err)
{
    const struct json *rows;
    bool covered[BUNDLE_MODELS_MAX] = {false};
    int64_t format;
    MRC_TRY(json_get_i64(root, "format", 1, 1, &format, err));
    MRC_TRY(json_get(root, "rows", JSON_ARRAY, &rows, err));
    if (json_count(rows) > SELFTEST_ROWS_MAX) {
        return mrc_fail(err, MRC_ELIMIT, "%zu rows, at most %d", json_count(rows), SELFTEST_ROWS_MAX);
    }
    size_t i = 0;
    for (const struct json *entry = json_first(rows); entry; entry = json_next(entry), i++) {
        int rc = run_row(b, entry, covered, err);
        if (rc < 0) {
            return err ? err_wrap(err, "row %zu", i) : rc;
        }
    }
    for (uint32_t k = 0; k < b->n_models; k++) {
        if (!covered[k]) {
            return mrc_fail(err, MRC_EFORMAT, "no row tests model \"%.*s\"", STR_ARG(b->models[k].name));
        }
    }
    return MRC_OK;
}

int selftest_run(const struct bundle *b, struct str selftest, struct mrc_err *err)
{
    struct json_doc *doc;
    MRC_TRY(bundle_json(&doc, selftest, "selftest.json", JSON_OBJECT, err));
    int rc = run_rows(b, json_root(doc), err);
    json_free(doc);
    return rc < 0 && err ? err_wrap(err, "selftest.json") : rc;
}
