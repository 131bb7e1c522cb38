/* SHAP values, importance and interactions against CatBoost's own, and the sums they must keep. */
#include "common/base/csv.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/number.h"
#include "common/trees/mercredi.h"
#include "train/model_rows.h"

#include "tests/unit/check_main.h"
#include "tests/unit/small_model.h"

#include <math.h>

enum { ROWS_MAX = 64 };

static struct mrc_err err;

static struct json_doc *read_json(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *text;
    size_t n;
    if (file_read(path, 1 << 26, &text, &n, &err) < 0) {
        return NULL;
    }
    struct json_doc *doc;
    ck_assert_ok(json_read(&doc, (struct str){text, n}, &json_limits_file, NULL, &err), &err);
    free(text);
    return doc;
}

static double hex(const struct json *v)
{
    struct str s;
    double out;
    ck_assert(json_str(v, &s) && parse_double(s, &out));
    return out;
}

/* One row of one output: [features + 1] values against ours, relative to the largest. Returns the largest error. */
static double compare(const struct json *want, const double *got, size_t n)
{
    double scale = 0;
    double worst = 0;
    ck_assert_uint_eq(json_count(want), n);
    size_t i = 0;
    for (const struct json *v = json_first(want); v != NULL; v = json_next(v), i++) {
        scale = fmax(scale, fabs(hex(v)));
        worst = fmax(worst, fabs(hex(v) - got[i]));
    }
    return scale > 0 ? worst / scale : worst;
}

static void each_fixture(void (*check)(const char *folder, const char *name, const mrc_model *m))
{
    static const char *const names[] = {
        "borders_1024", "constant",        "ctr_borders_priors", "ctr_combinations", "ctr_types",
        "depth_1",      "depth_10",        "depthwise",          "handmade_ctr",     "logloss_labels",
        "lossguide",    "multiclass",      "multiquantile",      "names_unused",     "nan_forbidden",
        "nan_max",      "nan_min",         "numeric_rmse",       "one_hot",          "ordered_has_time",
        "poisson",      "rmse_uncertainty"};
    char root[400];
    if (check_data("fixtures/catboost", root, sizeof root) == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char folder[480];
        char path[512];
        snprintf(folder, sizeof folder, "%s/%s", root, names[i]);
        snprintf(path, sizeof path, "%s/model.cbm", folder);
        mrc_model *m;
        ck_assert_ok(mrc_model_open(&m, path, &err), &err);
        check(folder, names[i], m);
        mrc_model_free(m);
    }
}

static void check_shap_with(const char *folder, const char *name, const mrc_model *m, const struct json *want,
                            size_t tables)
{
    mrc_explainer *e;
    ck_assert_ok(mrc_explainer_new(&e, m, tables, &err), &err);
    char data[512];
    char columns[512];
    snprintf(data, sizeof data, "%s/input.csv", folder);
    snprintf(columns, sizeof columns, "%s/columns.json", folder);
    struct model_rows *rows;
    struct model_block block;
    ck_assert_ok(model_rows_open(&rows, m, data, columns, ROWS_MAX, &err), &err);
    ck_assert_ok(model_rows_next(rows, &block, &err), &err);
    size_t dim = mrc_explainer_dim(e);
    size_t width = mrc_model_features(m) + 1;
    size_t n = json_count(want);
    ck_assert_uint_le(n, block.n);
    double *out = calloc(n * dim * width, sizeof *out);
    double *raw = calloc(n * mrc_model_dim(m), sizeof *raw);
    size_t bytes = mrc_shap_scratch_size(e) + mrc_scratch_size(m, n) + 2 * MRC_SCRATCH_ALIGN;
    void *scratch = aligned_alloc(MRC_SCRATCH_ALIGN, bytes / MRC_SCRATCH_ALIGN * MRC_SCRATCH_ALIGN);
    ck_assert(out != NULL && raw != NULL && scratch != NULL);
    ck_assert_ok(mrc_shap(e, &block.input, n, scratch, out, &err), &err);
    ck_assert_ok(mrc_predict(m, &block.input, n, MRC_RAW, scratch, raw, &err), &err);
    double worst = 0;
    size_t row = 0;
    for (const struct json *r = json_first(want); r != NULL; r = json_next(r), row++) {
        const double *mine = out + row * dim * width;
        bool several = json_type(json_first(r)) == JSON_ARRAY;
        size_t d = 0;
        for (const struct json *o = several ? json_first(r) : r; o != NULL && d < dim;
             o = several ? json_next(o) : NULL, d++) {
            worst = fmax(worst, compare(o, mine + d * width, width));
        }
        double sum = 0;
        for (size_t k = 0; k < width; k++) {
            sum += mine[k];
        }
        if (strcmp(name, "multiclass") != 0) {
            ck_assert_msg(fabs(sum - raw[row * mrc_model_dim(m)]) < 1e-9 * fmax(1, fabs(sum)),
                          "%s row %zu: values do not add up", name, row);
        }
    }
    ck_assert_msg(worst < 1e-9, "%s: SHAP differs by %g", name, worst);
    model_rows_close(rows);
    mrc_explainer_free(e);
    free(out);
    free(raw);
    free(scratch);
}

/* Without CatBoost's figures: the values and the base add up to the raw prediction. */
static void check_sums(const char *folder, const char *name, const mrc_model *m)
{
    if (strcmp(name, "depthwise") != 0 && strcmp(name, "lossguide") != 0) {
        return;
    }
    char data[512];
    char columns[512];
    snprintf(data, sizeof data, "%s/input.csv", folder);
    snprintf(columns, sizeof columns, "%s/columns.json", folder);
    struct model_rows *rows;
    struct model_block block;
    mrc_explainer *e;
    ck_assert_ok(mrc_explainer_new(&e, m, 0, &err), &err);
    ck_assert_ok(model_rows_open(&rows, m, data, columns, ROWS_MAX, &err), &err);
    ck_assert_ok(model_rows_next(rows, &block, &err), &err);
    size_t width = mrc_model_features(m) + 1;
    double out[ROWS_MAX][16];
    double raw[ROWS_MAX];
    ck_assert_uint_le(width, 16);
    size_t bytes = mrc_shap_scratch_size(e) + mrc_scratch_size(m, ROWS_MAX);
    void *scratch = aligned_alloc(MRC_SCRATCH_ALIGN, (bytes / MRC_SCRATCH_ALIGN + 1) * MRC_SCRATCH_ALIGN);
    ck_assert_ptr_nonnull(scratch);
    ck_assert_ok(mrc_predict(m, &block.input, block.n, MRC_RAW, scratch, raw, &err), &err);
    double moved = 0;
    for (size_t r = 0; r < block.n; r++) {
        struct mrc_input one = block.input;
        one.floats += r * one.float_row_stride;
        one.cats = one.cats == NULL ? NULL : one.cats + r * one.cat_row_stride;
        one.cat_hashes = one.cat_hashes == NULL ? NULL : one.cat_hashes + r * one.cat_row_stride;
        ck_assert_ok(mrc_shap(e, &one, 1, scratch, out[r], &err), &err);
        double sum = 0;
        for (size_t k = 0; k < width; k++) {
            sum += out[r][k];
            moved = k + 1 < width ? fmax(moved, fabs(out[r][k])) : moved;
        }
        ck_assert_msg(fabs(sum - raw[r]) < 1e-12 * fmax(1, fabs(raw[r])), "%s row %zu: %g, expected %g", name, r, sum,
                      raw[r]);
    }
    ck_assert_msg(moved > 0.1, "%s: no feature moves anything", name);
    free(scratch);
    model_rows_close(rows);
    mrc_explainer_free(e);
}

START_TEST(shap_of_nodes_adds_up)
{
    each_fixture(check_sums);
}
END_TEST

static void check_shap(const char *folder, const char *name, const mrc_model *m)
{
    struct json_doc *doc = read_json(folder, "shap.json");
    if (doc == NULL) {
        return;
    }
    const struct json *values = json_find(json_root(doc), "values");
    check_shap_with(folder, name, m, values, 0);
    check_shap_with(folder, name, m, values, 4096);
    check_shap_with(folder, name, m, values, SIZE_MAX / 2);
    json_free(doc);
}

START_TEST(shap_is_catboosts)
{
    each_fixture(check_shap);
}
END_TEST

static void check_importance(const char *folder, const char *name, const mrc_model *m)
{
    struct json_doc *doc = read_json(folder, "importance.json");
    if (doc == NULL) {
        return;
    }
    const struct json *change = json_find(json_root(doc), "PredictionValuesChange");
    double out[64];
    ck_assert_uint_le(mrc_model_features(m), 64);
    if (change != NULL) {
        ck_assert_ok(mrc_importance(m, out, &err), &err);
        double worst = compare(change, out, mrc_model_features(m));
        ck_assert_msg(worst < 1e-9, "%s: importance differs by %g", name, worst);
    }
    const struct json *pairs = json_find(json_root(doc), "Interaction");
    if (pairs != NULL && (strcmp(name, "depthwise") == 0 || strcmp(name, "lossguide") == 0)) {
        ck_assert_fails(mrc_interactions(m, NULL, 0, &(size_t){0}, &err), &err, MRC_EUNSUPPORTED, "non-symmetric");
    } else if (pairs != NULL) {
        struct mrc_interaction mine[64];
        size_t n;
        ck_assert_ok(mrc_interactions(m, mine, 64, &n, &err), &err);
        ck_assert_msg(n == json_count(pairs), "%s: %zu pairs, expected %zu", name, n, json_count(pairs));
        size_t i = 0;
        for (const struct json *p = json_first(pairs); p != NULL; p = json_next(p), i++) {
            int64_t a;
            int64_t b;
            ck_assert(json_i64(json_at(p, 0), &a) && json_i64(json_at(p, 1), &b));
            ck_assert_msg((size_t)a == mine[i].first && (size_t)b == mine[i].second, "%s: pair %zu is %zu, %zu", name,
                          i, mine[i].first, mine[i].second);
            ck_assert_msg(fabs(hex(json_at(p, 2)) - mine[i].score) < 1e-7, "%s: pair %zu scores %.12g", name, i,
                          mine[i].score);
        }
    }
    json_free(doc);
}

START_TEST(importance_is_catboosts)
{
    each_fixture(check_importance);
}
END_TEST

/* [rows][k][…] of an expected.json list against ours, 1e-12 relative. */
static void compare_all(const struct json *want, const double *got, size_t *at)
{
    if (json_type(want) != JSON_ARRAY) {
        double v = hex(want);
        ck_assert_msg(fabs(v - got[*at]) <= 1e-12 * fmax(1e-3, fabs(v)), "value %zu: %.17g, expected %.17g", *at,
                      got[*at], v);
        (*at)++;
        return;
    }
    for (const struct json *item = json_first(want); item != NULL; item = json_next(item)) {
        compare_all(item, got, at);
    }
}

static void check_ensembles(const char *folder, const char *name, const mrc_model *m)
{
    struct json_doc *doc = read_json(folder, "expected.json");
    const struct json *v = doc == NULL ? NULL : json_find(json_root(doc), "virtual_ensembles");
    if (v == NULL) {
        json_free(doc);
        return;
    }
    int64_t count;
    ck_assert_msg(json_i64(json_find(v, "count"), &count), "%s: no count", name);
    char data[512];
    char columns[512];
    snprintf(data, sizeof data, "%s/input.csv", folder);
    snprintf(columns, sizeof columns, "%s/columns.json", folder);
    struct model_rows *rows;
    struct model_block block;
    ck_assert_ok(model_rows_open(&rows, m, data, columns, 1024, &err), &err);
    ck_assert_ok(model_rows_next(rows, &block, &err), &err);
    size_t n = block.n;
    size_t dim = mrc_model_dim(m);
    double *raw = calloc(n * dim, sizeof *raw);
    double *members = calloc(n * dim * (size_t)count, sizeof *members);
    double *total = calloc(n * 3, sizeof *total);
    size_t bytes = mrc_scratch_size(m, n) + MRC_SCRATCH_ALIGN;
    void *scratch = aligned_alloc(MRC_SCRATCH_ALIGN, bytes / MRC_SCRATCH_ALIGN * MRC_SCRATCH_ALIGN);
    ck_assert(raw != NULL && members != NULL && total != NULL && scratch != NULL);
    ck_assert_ok(mrc_virtual_ensembles(m, &block.input, n, (size_t)count, scratch, raw, members, &err), &err);
    size_t at = 0;
    compare_all(json_find(v, "VirtEnsembles"), members, &at);
    ck_assert_uint_eq(at, n * dim * (size_t)count);
    ck_assert_ok(mrc_uncertainty(m, members, n, (size_t)count, total, &err), &err);
    at = 0;
    compare_all(json_find(v, "TotalUncertainty"), total, &at);
    ck_assert_uint_eq(at, n * mrc_uncertainty_dim(m));
    size_t trees = mrc_model_trees(m);
    ck_assert_fails(mrc_virtual_ensembles(m, &block.input, n, trees, scratch, raw, members, &err), &err, MRC_EINVAL,
                    "need at least");
    free(raw);
    free(members);
    free(total);
    free(scratch);
    model_rows_close(rows);
    json_free(doc);
}

START_TEST(ensembles_are_catboosts)
{
    each_fixture(check_ensembles);
}
END_TEST

/* Indexes of a kind need not be positions: a file may leave some out. */
START_TEST(indexes_with_gaps)
{
    double plain[3], gaps[3];
    struct mrc_interaction pairs[2][8];
    size_t n[2];
    for (int gap = 0; gap < 2; gap++) {
        struct small_model s;
        small_model_init(&s);
        s.leaves[3] = 7; /* so that the two splits of a tree interact */
        if (gap) {
            s.floats[0].index = s.projection_floats[0].index = 70000;
            s.floats[1].index = 80000;
            s.cats[0].index = s.one_hots[0].cat_index = s.projection_cats[0] = 90000;
        }
        mrc_model *m = small_model_make(&s);
        ck_assert_ok(model_finish(m, &err), &err);
        ck_assert_ok(mrc_importance(m, gap ? gaps : plain, &err), &err);
        ck_assert_ok(mrc_interactions(m, pairs[gap], 8, &n[gap], &err), &err);
        mrc_explainer *e;
        ck_assert_ok(mrc_explainer_new(&e, m, 4096, &err), &err);
        ck_assert_uint_eq(mrc_explainer_dim(e), 1);
        mrc_explainer_free(e);
        mrc_model_free(m);
    }
    ck_assert_double_gt(plain[0], 0);
    ck_assert_double_gt(plain[1], 0);
    ck_assert_mem_eq(plain, gaps, sizeof plain);
    ck_assert_uint_gt(n[0], 0);
    ck_assert_uint_eq(n[0], n[1]);
    for (size_t i = 0; i < n[0]; i++) {
        ck_assert(pairs[0][i].first == pairs[1][i].first && pairs[0][i].second == pairs[1][i].second);
        ck_assert_double_eq(pairs[0][i].score, pairs[1][i].score);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("explain");
    TCase *tc = tcase_create("explain");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, shap_is_catboosts);
    tcase_add_test(tc, shap_of_nodes_adds_up);
    tcase_add_test(tc, importance_is_catboosts);
    tcase_add_test(tc, ensembles_are_catboosts);
    tcase_add_test(tc, indexes_with_gaps);
    suite_add_tcase(suite, tc);
    return check_main(suite);
}
