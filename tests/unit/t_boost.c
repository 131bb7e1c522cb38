/* Boosting: CatBoost's own trees on small data, determinism, early stopping, weights, what is refused. */
#include "tests/unit/check_main.h"

#include "common/base/file.h"
#include "common/base/json.h"
#include "common/trees/model.h"
#include "train/boost.h"

#include <math.h>

enum { PATH_MAX_ = 1024, TEXT_MAX = 64 << 20 };

/* ---- CatBoost's trees ----------------------------------------------------------------------------------------------
 */

enum level { EXACT, GENERATOR };
static const struct {
    const char *name;
    enum level level;
    double loss_tolerance;
} folders[] = {
    {"rmse_l2", EXACT, 1e-12},         {"rmse_cosine", EXACT, 1e-12}, {"weights_median", EXACT, 1e-12},
    {"nan_uniform", EXACT, 1e-12},     {"one_hot", EXACT, 1e-12},     {"logloss_newton", EXACT, 2e-4},
    {"logloss_gradient", EXACT, 2e-4}, {"ctr_simple", EXACT, 2e-4},   {"default_rmse", GENERATOR, 1e-12},
};

static struct json_doc *read_json(const char *folder, const char *name)
{
    struct mrc_err err = {0};
    char path[PATH_MAX_ + 64], *text;
    size_t n;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    ck_assert_ok(file_read(path, TEXT_MAX, &text, &n, &err), &err);
    struct json_doc *doc;
    ck_assert_ok(json_read(&doc, (struct str){text, n}, &json_limits_file, NULL, &err), &err);
    free(text);
    return doc;
}

/* Border or hash that a split compares with. */
static double split_value(const mrc_model *m, struct split_place p)
{
    return p.kind == SPLIT_FLOAT     ? (double)m->float_features[p.feature].borders[p.k]
           : p.kind == SPLIT_ONE_HOT ? (double)m->one_hot_features[p.feature].values[p.k]
                                     : (double)m->ctr_features[p.feature].borders[p.k];
}

static void compare_trees(const mrc_model *ours, const mrc_model *theirs)
{
    ck_assert_uint_eq(ours->n_trees, theirs->n_trees);
    size_t leaf = 0;
    for (uint32_t t = 0; t < ours->n_trees; t++) {
        ck_assert_msg(ours->tree_sizes[t] == theirs->tree_sizes[t], "tree %u has %u splits, expected %u", t,
                      ours->tree_sizes[t], theirs->tree_sizes[t]);
        for (uint32_t d = 0; d < ours->tree_sizes[t]; d++) {
            uint32_t a = ours->tree_splits[ours->tree_starts[t] + d],
                     b = theirs->tree_splits[theirs->tree_starts[t] + d];
            struct split_place x = model_place_split(ours, a), y = model_place_split(theirs, b);
            ck_assert_msg(x.kind == y.kind && x.feature == y.feature,
                          "tree %u split %u: kind %d feature %u, expected "
                          "kind %d feature %u",
                          t, d, (int)x.kind, x.feature, (int)y.kind, y.feature);
            double p = split_value(ours, x), q = split_value(theirs, y);
            ck_assert_msg(p == q, "tree %u split %u: border %.9g, expected %.9g", t, d, p, q);
        }
        for (size_t i = 0; i < (size_t)ours->dim << ours->tree_sizes[t]; i++, leaf++) {
            double p = ours->leaf_values[leaf], q = theirs->leaf_values[leaf];
            ck_assert_msg(fabs(p - q) <= 1e-14 * fmax(1, fabs(q)), "tree %u leaf %zu: %.17g, expected %.17g", t, i, p,
                          q);
        }
    }
    ck_assert_double_eq(ours->bias[0], theirs->bias[0]);
    ck_assert_mem_eq(ours->leaf_weights, theirs->leaf_weights, ours->n_leaf_weights * sizeof(double));
}

START_TEST(trees_are_catboosts)
{
    char folder[PATH_MAX_], name[128], path[PATH_MAX_ + 64];
    snprintf(name, sizeof(name), "fixtures/train/%s", folders[_i].name);
    if (!check_data(name, folder, sizeof(folder))) {
        return;
    }
    struct mrc_err err = {0};
    struct column_roles roles;
    snprintf(path, sizeof(path), "%s/columns.json", folder);
    ck_assert_ok(roles_read_json(&roles, path, &err), &err);
    struct dataset *learn;
    snprintf(path, sizeof(path), "%s/train.csv", folder);
    ck_assert_ok(dataset_read_csv(&learn, path, &roles, &err), &err);
    struct params params;
    params_init(&params);
    snprintf(path, sizeof(path), "%s/params.json", folder);
    ck_assert_ok(params_read(&params, path, &err), &err);
    mrc_model *ours, *theirs;
    struct boost_report report;
    ck_assert_ok(boost_fit(learn, NULL, &params, NULL, &ours, &report, &err), &err);
    snprintf(path, sizeof(path), "%s/model.cbm", folder);
    ck_assert_ok(mrc_model_open(&theirs, path, &err), &err);
    compare_trees(ours, theirs);
    struct json_doc *expected = read_json(folder, "expected.json");
    uint32_t i = 0;
    for (const struct json *v = json_first(json_find(json_root(expected), "learn_loss")); v; v = json_next(v), i++) {
        struct str text;
        double loss;
        ck_assert(json_str(v, &text) && parse_double(text, &loss));
        ck_assert_msg(fabs(report.learn_loss[i] - loss) <= folders[_i].loss_tolerance * fmax(1, fabs(loss)),
                      "iteration %u: loss %.17g, expected %.17g", i, report.learn_loss[i], loss);
    }
    ck_assert_uint_eq(i, report.n_iterations);
    json_free(expected);
    boost_report_release(&report);
    mrc_model_free(ours);
    mrc_model_free(theirs);
    dataset_free(learn);
    roles_release(&roles);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("boost");
    TCase *c = tcase_create("catboost");
    tcase_add_loop_test(c, trees_are_catboosts, 0, (int)(sizeof(folders) / sizeof(folders[0])));
    suite_add_tcase(s, c);
    return check_main(s);
}
