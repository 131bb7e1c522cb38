/* Predictions against CatBoost's own: raw scores bit for bit, from both formats, after every conversion, with every
 * kernel, and whatever the size of the batch. */
#include "tests/unit/fixture.h"

#include "common/trees/mercredi.h"

#include <dirent.h>

static uint64_t bits(double v)
{
    uint64_t u;
    memcpy(&u, &v, sizeof u);
    return u;
}

static void *scratch_for(const mrc_model *m, size_t n_rows)
{
    size_t size = mrc_scratch_size(m, n_rows);
    void *p = aligned_alloc(MRC_SCRATCH_ALIGN, (size + MRC_SCRATCH_ALIGN) / MRC_SCRATCH_ALIGN * MRC_SCRATCH_ALIGN);
    ck_assert_ptr_nonnull(p);
    return p;
}

/* ---- one model against one fixture ------------------------------------------------------------------------------- */

static double *predict(const mrc_model *m, const struct mrc_input *in, size_t n, enum mrc_prediction type)
{
    struct mrc_err err;
    size_t columns = mrc_prediction_dim(m, type);
    ck_assert_uint_gt(columns, 0);
    double *out = calloc(n * columns + 1, sizeof *out);
    void *scratch = scratch_for(m, n);
    ck_assert_ok(mrc_predict(m, in, n, type, scratch, out, &err), &err);
    free(scratch);
    return out;
}

static void check_same(const double *got, const double *want, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        ck_assert_msg(bits(got[i]) == bits(want[i]), "%s: value %zu is %a, expected %a", what, i, got[i], want[i]);
    }
}

/* Expected raw scores as an array. */
static double *expected_raw(const struct fixture *f, size_t dim)
{
    const struct json *rows = json_find(json_root(f->expected), "raw");
    ck_assert_uint_eq(json_count(rows), f->n_rows);
    double *want = calloc(f->n_rows * dim + 1, sizeof *want);
    size_t i = 0;
    for (const struct json *row = json_first(rows); row; row = json_next(row)) {
        ck_assert_uint_eq(json_count(row), dim);
        for (const struct json *v = json_first(row); v; v = json_next(v)) {
            want[i++] = fixture_value(v);
        }
    }
    return want;
}

/* Batches of one size, rows taken round and round: every answer equals the single row's. */
static void check_batches(const mrc_model *m, const struct fixture *f, const double *want, const char *what)
{
    static const size_t sizes[] = {0, 1, 2, 4, 5, 7, 31, 32, 33, 63, 64, 65, 127, 128, 129, 257, 600, 1000, 1025};
    enum { MOST = 1025 };
    size_t dim = mrc_model_dim(m);
    float *floats = calloc(MOST * f->n_floats + 1, sizeof *floats);
    struct mrc_str *cats = calloc(MOST * f->n_cats + 1, sizeof *cats);
    double *expected = calloc(MOST * dim, sizeof *expected);
    for (size_t r = 0; r < MOST; r++) {
        size_t from = r % f->n_rows;
        memcpy(floats + r * f->n_floats, f->floats + from * f->n_floats, f->n_floats * sizeof *floats);
        memcpy(cats + r * f->n_cats, f->cats + from * f->n_cats, f->n_cats * sizeof *cats);
        memcpy(expected + r * dim, want + from * dim, dim * sizeof *expected);
    }
    struct mrc_input in = fixture_input(f);
    in.floats = floats;
    in.cats = f->n_cats ? cats : NULL;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        double *got = predict(m, &in, sizes[i], MRC_RAW);
        check_same(got, expected, sizes[i] * dim, what);
        free(got);
    }
    free(floats);
    free(cats);
    free(expected);
}

/* Column-major floats and hashed categories give the same. */
static void check_layouts(const mrc_model *m, const struct fixture *f, const double *want, const char *what)
{
    size_t n = f->n_rows;
    float *floats = calloc(n * f->n_floats + 1, sizeof *floats);
    uint32_t *hashes = calloc(n * f->n_cats + 1, sizeof *hashes);
    for (size_t r = 0; r < n; r++) {
        for (size_t c = 0; c < f->n_floats; c++) {
            floats[c * n + r] = f->floats[r * f->n_floats + c];
        }
        for (size_t c = 0; c < f->n_cats; c++) {
            struct mrc_str s = f->cats[r * f->n_cats + c];
            hashes[c * n + r] = mrc_cat_hash(s.p, s.n);
        }
    }
    struct mrc_input in = {.floats = floats,
                           .float_row_stride = 1,
                           .float_column_stride = n,
                           .cat_hashes = f->n_cats ? hashes : NULL,
                           .cat_row_stride = 1,
                           .cat_column_stride = n};
    double *got = predict(m, &in, n, MRC_RAW);
    check_same(got, want, n * mrc_model_dim(m), what);
    free(got);
    free(floats);
    free(hashes);
}

/* A prepared prediction, in passes of any size. */
static void check_predictor(const mrc_model *m, const struct fixture *f, const double *want, const char *what)
{
    static const size_t sizes[] = {1, 9, 4096};
    struct mrc_input in = fixture_input(f);
    struct mrc_err err;
    size_t dim = mrc_model_dim(m);
    double *out = calloc(f->n_rows * dim + 1, sizeof *out);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        mrc_predictor *p = NULL;
        ck_assert_ok(mrc_predictor_new(&p, m, MRC_RAW, sizes[i], &err), &err);
        ck_assert_uint_eq(mrc_predictor_columns(p), dim);
        for (int again = 0; again < 2; again++) {
            memset(out, 0x55, f->n_rows * dim * sizeof *out);
            ck_assert_ok(mrc_predictor_run(p, &in, f->n_rows, out, &err), &err);
            check_same(out, want, f->n_rows * dim, what);
        }
        mrc_predictor_free(p);
    }
    free(out);
}

static void check_close(double got, double want, const char *what)
{
    double tolerance = 1e-13 * (fabs(want) > 1e-300 ? fabs(want) : 1e-300);
    ck_assert_msg(fabs(got - want) <= tolerance, "%s: %.17g, expected %.17g", what, got, want);
}

static void check_transformed(const mrc_model *m, const struct fixture *f, const char *what)
{
    static const struct {
        const char *key;
        enum mrc_prediction type;
    } types[] = {{"Probability", MRC_PROBABILITY},
                 {"LogProbability", MRC_LOG_PROBABILITY},
                 {"Exponent", MRC_EXPONENT},
                 {"RMSEWithUncertainty", MRC_RMSE_WITH_UNCERTAINTY}};
    struct mrc_input in = fixture_input(f);
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        const struct json *rows = json_find(json_root(f->expected), types[t].key);
        if (!rows) {
            continue;
        }
        double *got = predict(m, &in, f->n_rows, types[t].type), *at = got;
        for (const struct json *row = json_first(rows); row; row = json_next(row)) {
            for (const struct json *v = json_first(row); v; v = json_next(v)) {
                check_close(*at++, fixture_value(v), what);
            }
        }
        ck_assert_uint_eq((size_t)(at - got), f->n_rows * mrc_prediction_dim(m, types[t].type));
        free(got);
    }
}

static void check_classes(const mrc_model *m, const struct fixture *f, const char *what)
{
    const struct json *rows = json_find(json_root(f->expected), "Class");
    if (!rows) {
        return;
    }
    struct mrc_input in = fixture_input(f);
    double *got = predict(m, &in, f->n_rows, MRC_CLASS), *at = got;
    for (const struct json *row = json_first(rows); row; row = json_next(row)) {
        const char *label = mrc_model_class_label(m, (size_t)*at++);
        ck_assert_ptr_nonnull(label);
        struct str text = STR("");
        double number = 0;
        char digits[NUMBER_TEXT_MAX];
        if (!json_str(json_at(row, 0), &text)) {
            ck_assert(json_double(json_at(row, 0), &number));
            text = (struct str){digits, format_double(number, digits)};
        }
        ck_assert_msg(str_is(text, label), "%s: class %s, expected %.*s", what, label, STR_ARG(text));
    }
    free(got);
}

/* ---- ranges and leaves ------------------------------------------------------------------------------------------- */

static void check_range(const mrc_model *m, const struct fixture *f, size_t begin, size_t end, double *sums,
                        const struct json *rows, const char *what)
{
    struct mrc_err err;
    struct mrc_input in = fixture_input(f);
    size_t dim = mrc_model_dim(m), i = 0;
    double *out = calloc(f->n_rows * dim, sizeof *out);
    void *scratch = scratch_for(m, f->n_rows);
    ck_assert_ok(mrc_predict_range(m, &in, f->n_rows, begin, end, scratch, out, &err), &err);
    for (const struct json *row = json_first(rows); row; row = json_next(row)) {
        for (const struct json *v = json_first(row); v; v = json_next(v), i++) {
            sums[i] += out[i];
            ck_assert_msg(bits(sums[i]) == bits(fixture_value(v)), "%s: trees [%zu, %zu): value %zu", what, begin, end,
                          i);
        }
    }
    ck_assert_uint_eq(i, f->n_rows * dim);
    free(out);
    free(scratch);
}

/* CatBoost makes staged predictions by adding the answers of consecutive ranges; "range" entries are one range. */
static void check_staged(const mrc_model *m, const struct fixture *f, const char *what)
{
    struct json_doc *doc = fixture_json(f->folder, "staged.json");
    for (const struct json *s = json_first(json_root(doc)); s; s = json_next(s)) {
        int64_t begin = 0, end = 0, period = 1;
        bool range = false;
        ck_assert(json_i64(json_find(s, "ntree_start"), &begin) && json_i64(json_find(s, "ntree_end"), &end));
        json_i64(json_find(s, "eval_period"), &period);
        json_bool(json_find(s, "range"), &range);
        const struct json *values = json_find(s, "values");
        end = end ? end : (int64_t)mrc_model_trees(m);
        double *sums = calloc(f->n_rows * mrc_model_dim(m), sizeof *sums);
        if (range) {
            check_range(m, f, (size_t)begin, (size_t)end, sums, values, what);
        }
        for (const struct json *stage = json_first(values); stage && !range; stage = json_next(stage)) {
            int64_t stop = begin + period < end ? begin + period : end;
            check_range(m, f, (size_t)begin, (size_t)stop, sums, stage, what);
            begin = stop;
        }
        free(sums);
    }
    json_free(doc);
}

static void check_leaves(const mrc_model *m, const struct fixture *f, const char *what)
{
    struct json_doc *doc = fixture_json(f->folder, "leaf_indexes.json");
    if (!doc) {
        return;
    }
    struct mrc_err err;
    struct mrc_input in = fixture_input(f);
    size_t trees = mrc_model_trees(m), i = 0;
    uint32_t *out = calloc(f->n_rows * trees, sizeof *out);
    void *scratch = scratch_for(m, f->n_rows);
    ck_assert_ok(mrc_leaf_indexes(m, &in, f->n_rows, scratch, out, &err), &err);
    for (const struct json *row = json_first(json_find(json_root(doc), "values")); row; row = json_next(row)) {
        for (const struct json *v = json_first(row); v; v = json_next(v), i++) {
            int64_t want = -1;
            ck_assert(json_i64(v, &want));
            ck_assert_msg(out[i] == want, "%s: row %zu tree %zu: leaf %u, expected %d", what, i / trees, i % trees,
                          out[i], (int)want);
        }
    }
    ck_assert_uint_eq(i, f->n_rows * trees);
    free(scratch);
    free(out);
    json_free(doc);
}

/* ---- one folder -------------------------------------------------------------------------------------------------- */

/* leaf_numbers: JSON does not keep the numbers that non-symmetric trees give their leaves. */
static void check_model(const mrc_model *m, const struct fixture *f, bool leaf_numbers, const char *what)
{
    double *want = expected_raw(f, mrc_model_dim(m));
    check_batches(m, f, want, what);
    check_layouts(m, f, want, what);
    check_predictor(m, f, want, what);
    check_transformed(m, f, what);
    check_classes(m, f, what);
    check_staged(m, f, what);
    if (leaf_numbers) {
        check_leaves(m, f, what);
    }
    free(want);
}

static void check_meta(const mrc_model *a, const mrc_model *b, const char *what)
{
    const char *va = NULL, *key;
    for (size_t i = 0; (key = mrc_model_meta_at(a, i, &va)) != NULL; i++) {
        const char *vb = mrc_model_meta(b, key);
        ck_assert_msg(vb != NULL && strcmp(va, vb) == 0, "%s: metadata %s is lost or changed", what, key);
    }
    for (size_t i = 0; i < mrc_model_features(a); i++) {
        struct mrc_feature fa, fb;
        struct mrc_err err;
        ck_assert_ok(mrc_model_feature(a, i, &fa, &err), &err);
        ck_assert_ok(mrc_model_feature(b, i, &fb, &err), &err);
        ck_assert_msg(fa.kind == fb.kind && fa.index == fb.index && fa.used == fb.used && strcmp(fa.name, fb.name) == 0,
                      "%s: feature %zu", what, i);
    }
    ck_assert_str_eq(mrc_model_loss(a), mrc_model_loss(b));
}

/* Write and read again; the bytes of a second writing must be the first's. */
static mrc_model *convert(const mrc_model *m, enum mrc_format format)
{
    struct mrc_err err;
    void *bytes = NULL, *again = NULL;
    size_t n = 0, n_again = 0;
    mrc_model *out = NULL;
    ck_assert_ok(mrc_model_write(m, format, &bytes, &n, &err), &err);
    ck_assert_ok(mrc_model_open_mem(&out, bytes, n, &err), &err);
    ck_assert_ok(mrc_model_write(out, format, &again, &n_again, &err), &err);
    ck_assert_uint_eq(n, n_again);
    ck_assert(memcmp(bytes, again, n) == 0);
    free(bytes);
    free(again);
    return out;
}

static void check_conversions(const mrc_model *m, const struct fixture *f, bool from_json, const char *what)
{
    char name[500];
    enum mrc_format first = from_json ? MRC_FORMAT_CBM : MRC_FORMAT_JSON;
    enum mrc_format second = from_json ? MRC_FORMAT_JSON : MRC_FORMAT_CBM;
    mrc_model *same = convert(m, second), *other = convert(m, first);
    mrc_model *back = convert(other, second);
    snprintf(name, sizeof name, "%s rewritten", what);
    check_model(same, f, !from_json, name);
    check_meta(m, same, name);
    snprintf(name, sizeof name, "%s converted", what);
    check_model(other, f, false, name);
    check_meta(m, other, name);
    snprintf(name, sizeof name, "%s converted and back", what);
    check_model(back, f, false, name);
    check_meta(m, back, name);
    mrc_model_free(same);
    mrc_model_free(other);
    mrc_model_free(back);
}

static void check_file(const struct fixture *f, const char *file)
{
    char path[400];
    struct mrc_err err;
    snprintf(path, sizeof path, "%s/%s", f->folder, file);
    if (!file_exists(path)) {
        return;
    }
    bool json = strcmp(file, "model.json") == 0;
    const char *kernel;
    for (size_t k = 0; (kernel = mrc_kernel_name(k)) != NULL; k++) {
        char what[500];
        mrc_model *m = NULL;
        snprintf(what, sizeof what, "%s (%s)", path, kernel);
        ck_assert_ok(mrc_model_open_kernel(&m, path, kernel, &err), &err);
        check_model(m, f, !json, what);
        mrc_model_free(m);
    }
    ck_assert_ptr_nonnull(mrc_kernel_name(0));
    mrc_model *m = NULL;
    ck_assert_ok(mrc_model_open(&m, path, &err), &err);
    check_conversions(m, f, json, path);
    mrc_model_free(m);
}

static unsigned check_folders(const char *parent)
{
    DIR *dir = opendir(parent);
    ck_assert_msg(dir != NULL, "no folder %s", parent);
    unsigned n = 0;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char folder[300], path[400];
        snprintf(folder, sizeof folder, "%s/%s", parent, entry->d_name);
        snprintf(path, sizeof path, "%s/expected.json", folder);
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "text_feature") == 0 || !file_exists(path)) {
            continue;
        }
        struct fixture f;
        fixture_open(&f, folder);
        check_file(&f, "model.cbm");
        check_file(&f, "model.json");
        fixture_close(&f);
        n++;
    }
    closedir(dir);
    return n;
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

START_TEST(golden_models)
{
    ck_assert_uint_ge(check_folders("tests/golden/catboost"), 9);
}
END_TEST

START_TEST(all_models)
{
    char path[300];
    if (check_data("fixtures/catboost", path, sizeof path)) {
        ck_assert_uint_ge(check_folders(path), 22);
    }
}
END_TEST

START_TEST(text_features_are_refused_by_name)
{
    struct mrc_err err;
    mrc_model *m = NULL;
    ck_assert_fails(mrc_model_open(&m, "tests/golden/catboost/text_feature/model.cbm", &err), &err, MRC_EUNSUPPORTED,
                    "text feature 1 \"résumé\"");
    ck_assert_ptr_null(m);
}
END_TEST

/* A category may hold any bytes: what counts is their hash. One known value, to see that answers differ at all. */
START_TEST(categories_are_bytes)
{
    static const struct mrc_str odd[] = {{"", 0}, {"\0", 1}, {"a\0b", 3}, {"\xff\xfe", 2}, {"\xc3", 1}, {"3.0", 3}};
    struct mrc_err err;
    mrc_model *m = NULL;
    ck_assert_ok(mrc_model_open(&m, "tests/golden/catboost/one_hot/model.cbm", &err), &err);
    float number = 0.5f;
    void *scratch = scratch_for(m, 1);
    double scores[sizeof odd / sizeof odd[0]];
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        uint32_t hash = mrc_cat_hash(odd[i].p, odd[i].n);
        double hashed;
        struct mrc_input in = {.floats = &number, .float_row_stride = 1, .cats = &odd[i], .cat_row_stride = 1};
        ck_assert_ok(mrc_predict(m, &in, 1, MRC_RAW, scratch, &scores[i], &err), &err); /* every category is this one */
        in.cats = NULL;
        in.cat_hashes = &hash;
        ck_assert_ok(mrc_predict(m, &in, 1, MRC_RAW, scratch, &hashed, &err), &err);
        ck_assert_uint_eq(bits(hashed), bits(scores[i]));
    }
    ck_assert_uint_eq(bits(scores[1]), bits(scores[3])); /* both unseen */
    ck_assert_uint_ne(bits(scores[1]), bits(scores[5]));
    free(scratch);
    mrc_model_free(m);
}
END_TEST

START_TEST(wrong_calls)
{
    struct mrc_err err;
    mrc_model *m = NULL;
    ck_assert_ok(mrc_model_open(&m, "tests/golden/catboost/one_hot/model.cbm", &err), &err);
    struct fixture f;
    fixture_open(&f, "tests/golden/catboost/one_hot");
    struct mrc_input in = fixture_input(&f);
    uint32_t hashes[8] = {0};
    double out[4];
    char *scratch = scratch_for(m, 1);
    ck_assert_fails(mrc_predict(m, &in, 1, MRC_PROBABILITY, scratch, out, &err), &err, MRC_EINVAL, "RMSE");
    ck_assert_fails(mrc_predict(m, &in, 1, (enum mrc_prediction)99, scratch, out, &err), &err, MRC_EINVAL, "99");
    ck_assert_fails(mrc_predict(m, &in, 1, MRC_RAW, scratch + 1, out, &err), &err, MRC_EINVAL, "aligned");
    ck_assert_fails(mrc_predict(m, &in, 1, MRC_RAW, NULL, out, &err), &err, MRC_EINVAL, "NULL");
    ck_assert_fails(mrc_predict(NULL, &in, 1, MRC_RAW, scratch, out, &err), &err, MRC_EINVAL, "model");
    ck_assert_fails(mrc_predict_range(m, &in, 1, 5, 3, scratch, out, &err), &err, MRC_EINVAL, "[5, 3)");
    ck_assert_fails(mrc_predict_range(m, &in, 1, 0, 61, scratch, out, &err), &err, MRC_EINVAL, "60");
    mrc_predictor *p = NULL;
    ck_assert_fails(mrc_predictor_new(&p, m, MRC_CLASS, 1, &err), &err, MRC_EINVAL, "RMSE");
    ck_assert_fails(mrc_predictor_new(&p, m, MRC_RAW, 0, &err), &err, MRC_EINVAL, "rows_max");
    ck_assert_fails(mrc_predictor_new(&p, NULL, MRC_RAW, 1, &err), &err, MRC_EINVAL, "model");
    ck_assert_fails(mrc_predictor_run(NULL, &in, 1, out, &err), &err, MRC_EINVAL, "predictor");
    ck_assert_ptr_null(p);
    mrc_predictor_free(NULL);
    in.cat_hashes = hashes;
    ck_assert_fails(mrc_predict(m, &in, 1, MRC_RAW, scratch, out, &err), &err, MRC_EINVAL, "either");
    in.cat_hashes = NULL;
    in.cats = NULL;
    ck_assert_fails(mrc_predict(m, &in, 1, MRC_RAW, scratch, out, &err), &err, MRC_EINVAL, "categorical");
    in = fixture_input(&f);
    in.floats = NULL;
    ck_assert_fails(mrc_predict(m, &in, 1, MRC_RAW, scratch, out, &err), &err, MRC_EINVAL, "float");
    ck_assert_ok(mrc_predict(m, NULL, 0, MRC_RAW, NULL, NULL, &err), &err);
    mrc_model *other = NULL;
    ck_assert_fails(mrc_model_open_kernel(&other, "tests/golden/catboost/one_hot/model.cbm", "abacus", &err), &err,
                    MRC_ENOTFOUND, "abacus");
    free(scratch);
    fixture_close(&f);
    mrc_model_free(m);
}
END_TEST

START_TEST(scratch_is_bounded)
{
    struct mrc_err err;
    mrc_model *m = NULL;
    ck_assert_ok(mrc_model_open(&m, "tests/golden/catboost/multiclass/model.cbm", &err), &err);
    size_t before = 0;
    for (size_t n = 0; n < 5000; n++) {
        size_t size = mrc_scratch_size(m, n);
        ck_assert_uint_ge(size, before);
        before = size;
    }
    ck_assert_uint_eq(mrc_scratch_size(m, SIZE_MAX), before);
    ck_assert_uint_lt(before, 1 << 20);
    mrc_model_free(m);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("evaluate");
    TCase *t = tcase_create("evaluate");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, golden_models);
    tcase_add_test(t, all_models);
    tcase_add_test(t, text_features_are_refused_by_name);
    tcase_add_test(t, categories_are_bytes);
    tcase_add_test(t, wrong_calls);
    tcase_add_test(t, scratch_is_bounded);
    suite_add_tcase(s, t);
    return check_main(s);
}
