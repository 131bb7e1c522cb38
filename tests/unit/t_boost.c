/* Boosting: CatBoost's own trees on small data, determinism, early stopping, weights, what is refused. */
#include "tests/unit/check_main.h"

#include "common/base/file.h"
#include "common/base/json.h"
#include "common/trees/model.h"
#include "train/boost.h"
#include "train/fit_memory.h"
#include "train/random.h"

#include <math.h>

enum { PATH_MAX_ = 1024, TEXT_MAX = 64 << 20 };

/* ---- CatBoost's trees ------------------------------------------------------------------------------------------ */

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

/* ---- data of our own ------------------------------------------------------------------------------------------- */

enum { ROWS = 600 };

struct table {
    double y[ROWS], w[ROWS];
    float x[3][ROWS];
    char text[ROWS][8];
    struct str cats[ROWS];
};

static void fill(struct table *t, uint64_t seed)
{
    struct random r;
    random_init(&r, seed);
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < 3; k++) {
            t->x[k][i] = (float)random_normal(&r);
        }
        t->x[1][i] = i % 9 ? floorf(t->x[1][i] * 3) : NAN;
        int group = (int)random_below(&r, 20);
        snprintf(t->text[i], sizeof(t->text[i]), "g%d", group);
        t->cats[i] = str_of(t->text[i]);
        t->y[i] = (double)t->x[0][i] * 2 + group % 4 + random_normal(&r);
        t->w[i] = 0.5 + random_real(&r);
    }
}

static struct dataset *build(const struct table *t, bool cats, bool weights)
{
    struct mrc_err err = {0};
    struct dataset *d;
    ck_assert_ok(dataset_new(&d, ROWS, &err), &err);
    for (int k = 0; k < 3; k++) {
        char name[2] = {(char)('a' + k), 0};
        ck_assert_ok(dataset_add_float(d, str_of(name), t->x[k], &err), &err);
    }
    if (cats) {
        ck_assert_ok(dataset_add_cat(d, STR("group"), t->cats, &err), &err);
    }
    ck_assert_ok(dataset_set_target(d, t->y, &err), &err);
    ck_assert_ok(dataset_set_weight(d, weights ? t->w : NULL, &err), &err);
    return d;
}

static void set_params(struct params *p, const char *const *pairs)
{
    struct mrc_err err = {0};
    params_init(p);
    for (; pairs[0]; pairs += 2) {
        ck_assert_ok(params_set(p, str_of(pairs[0]), str_of(pairs[1]), &err), &err);
    }
}

static const char *const small[] = {"iterations", "25", "learning_rate", "0.2", "depth", "4", NULL};

/* ---- determinism ----------------------------------------------------------------------------------------------- */

static const char *const settings[][12] = {
    {"iterations", "4", "learning_rate", "0.2", "depth", "5", NULL},
    {"iterations", "4", "learning_rate", "0.2", "bootstrap_type", "Bayesian", "rsm", "0.5", NULL},
    {"iterations", "2", "learning_rate", "0.2", "max_ctr_complexity", "3", NULL},
    {"iterations", "2", "loss_function", "MultiQuantile:alpha=0.2,0.5,0.8", "border_count", "300", NULL},
    {"iterations", "3", "loss_function", "LogCosh", "leaf_estimation_method", "Newton", "leaf_estimation_iterations",
     "4", NULL},
};

enum { MANY_ROWS = 30000, MANY_COLUMNS = 24 }; /* enough for seven threads: small tables are left to fewer */

static struct dataset *build_large(void)
{
    struct mrc_err err = {0};
    struct dataset *d;
    struct random r;
    float *values = malloc(MANY_ROWS * sizeof(*values));
    uint32_t *hashes = malloc(MANY_ROWS * sizeof(*hashes));
    double *target = calloc(MANY_ROWS, sizeof(*target)), *weight = malloc(MANY_ROWS * sizeof(*weight));
    random_init(&r, 11);
    ck_assert_ok(dataset_new(&d, MANY_ROWS, &err), &err);
    for (int k = 0; k < MANY_COLUMNS; k++) {
        for (int i = 0; i < MANY_ROWS; i++) {
            values[i] = (float)random_normal(&r);
            target[i] += (double)values[i] / (1 + k);
            hashes[i] = (uint32_t)random_below(&r, 50 * ((uint64_t)k + 1));
            target[i] += k < 2 ? hashes[i] % 5 * 0.3 : 0;
            weight[i] = 0.5 + random_real(&r);
        }
        ck_assert_ok(dataset_add_float(d, STR(""), values, &err), &err);
        if (k < 2) {
            ck_assert_ok(dataset_add_hashes(d, STR(""), hashes, &err), &err);
        }
    }
    ck_assert_ok(dataset_set_target(d, target, &err), &err);
    ck_assert_ok(dataset_set_weight(d, weight, &err), &err);
    free(values);
    free(hashes);
    free(target);
    free(weight);
    return d;
}

/* The same bytes for any number of threads. */
START_TEST(threads_do_not_matter)
{
    static const int64_t threads[] = {1, 2, 3, 7, 12};
    struct mrc_err err = {0};
    struct dataset *learn = build_large();
    void *first = NULL;
    size_t n_first = 0;
    for (size_t k = 0; k < sizeof(threads) / sizeof(threads[0]); k++) {
        struct params p;
        set_params(&p, settings[_i]);
        p.thread_count = threads[k];
        mrc_model *m;
        void *bytes;
        size_t n;
        ck_assert_ok(boost_fit(learn, NULL, &p, NULL, &m, NULL, &err), &err);
        ck_assert_ok(mrc_model_write(m, MRC_FORMAT_CBM, &bytes, &n, &err), &err);
        mrc_model_free(m);
        if (k == 0) {
            first = bytes;
            n_first = n;
        } else {
            ck_assert_uint_eq(n, n_first);
            ck_assert_mem_eq(bytes, first, n);
            free(bytes);
        }
    }
    free(first);
    dataset_free(learn);
}
END_TEST

/* The model predicts on the learn set what training says its loss is. */
START_TEST(model_and_report_agree)
{
    static struct table t;
    static double out[ROWS];
    struct mrc_err err = {0};
    fill(&t, 2);
    struct dataset *learn = build(&t, false, true);
    struct params p;
    set_params(&p, small);
    mrc_model *m;
    struct boost_report report;
    ck_assert_ok(boost_fit(learn, NULL, &p, NULL, &m, &report, &err), &err);
    ck_assert_uint_eq(mrc_model_features(m), 3);
    struct mrc_feature f;
    ck_assert_ok(mrc_model_feature(m, 2, &f, &err), &err);
    ck_assert_str_eq(f.name, "c");
    ck_assert_str_eq(mrc_model_loss(m), "RMSE");
    struct mrc_input in = {.floats = t.x[0], .float_row_stride = 1, .float_column_stride = ROWS};
    void *scratch = aligned_alloc(MRC_SCRATCH_ALIGN, (mrc_scratch_size(m, ROWS) + 63) / 64 * 64);
    ck_assert_ok(mrc_predict(m, &in, ROWS, MRC_RAW, scratch, out, &err), &err);
    double sum = 0, weight = 0;
    for (int i = 0; i < ROWS; i++) {
        double d = (double)(float)t.y[i] - out[i], w = (double)(float)t.w[i];
        sum += w * d * d;
        weight += w;
    }
    ck_assert_double_eq_tol(sqrt(sum / weight), report.learn_loss[report.n_trees - 1], 1e-12);
    ck_assert_uint_eq(report.n_trees, 25);
    ck_assert_uint_eq(report.best_iteration, 24);
    ck_assert(report.eval_loss == NULL && !report.cancelled && !report.stopped_early);
    free(scratch);
    boost_report_release(&report);
    mrc_model_free(m);
    dataset_free(learn);
}
END_TEST

/* A row of weight 2 is two rows of weight 1, where nothing is drawn and borders are the same. */
START_TEST(weights_count_like_copies)
{
    static struct table t;
    static const char *const plain[] = {
        "iterations",      "10", "learning_rate", "0.3", "depth", "3", "bootstrap_type", "No",
        "random_strength", "0",  "l2_leaf_reg",   "0",   NULL};
    struct mrc_err err = {0};
    fill(&t, 3);
    for (int i = 0; i < ROWS; i++) { /* few distinct values: the borders do not depend on how often they occur */
        t.x[0][i] = floorf(t.x[0][i] * 4);
        t.x[2][i] = floorf(t.x[2][i] * 4);
        t.w[i] = 1;
        if (i >= ROWS / 2) {
            t.y[i] = t.y[i - ROWS / 2];
            for (int k = 0; k < 3; k++) {
                t.x[k][i] = t.x[k][i - ROWS / 2];
            }
        }
    }
    struct dataset *twice = build(&t, false, true), *heavy;
    for (int i = 0; i < ROWS; i++) {
        t.w[i] = i < ROWS / 2 ? 2 : 0;
    }
    heavy = build(&t, false, true);
    struct params p;
    set_params(&p, plain);
    mrc_model *a, *b;
    ck_assert_ok(boost_fit(twice, NULL, &p, NULL, &a, NULL, &err), &err);
    ck_assert_ok(boost_fit(heavy, NULL, &p, NULL, &b, NULL, &err), &err);
    ck_assert_uint_eq(a->n_leaf_values, b->n_leaf_values);
    for (size_t i = 0; i < a->n_leaf_values; i++) {
        ck_assert_double_eq_tol(a->leaf_values[i], b->leaf_values[i], 1e-9);
    }
    mrc_model_free(a);
    mrc_model_free(b);
    dataset_free(twice);
    dataset_free(heavy);
}
END_TEST

START_TEST(stops_early_and_keeps_the_best)
{
    static struct table t, e;
    static const char *const pairs[] = {"iterations", "500",  "learning_rate", "0.5", "depth", "6",
                                        "od_type",    "Iter", "od_wait",       "7",   NULL};
    struct mrc_err err = {0};
    fill(&t, 4);
    fill(&e, 5);
    struct dataset *learn = build(&t, true, false), *eval = build(&e, true, false);
    struct params p;
    set_params(&p, pairs);
    mrc_model *m;
    struct boost_report r;
    ck_assert_ok(boost_fit(learn, eval, &p, NULL, &m, &r, &err), &err);
    ck_assert(r.stopped_early);
    ck_assert_uint_lt(r.n_iterations, 500);
    ck_assert_uint_eq(r.n_iterations, r.best_iteration + 1 + 7);
    ck_assert_uint_eq(r.n_trees, r.best_iteration + 1);
    ck_assert_uint_eq(mrc_model_trees(m), r.n_trees);
    for (uint32_t i = 0; i < r.n_iterations; i++) {
        ck_assert(r.eval_loss[i] >= r.eval_loss[r.best_iteration]);
    }
    boost_report_release(&r);
    mrc_model_free(m);
    dataset_free(learn);
    dataset_free(eval);
}
END_TEST

/* An eval set judged by another metric than the loss: the best iteration is where it is highest. */
START_TEST(metric_chooses_the_best)
{
    static struct table t, e;
    static const char *const pairs[] = {"iterations", "60", "learning_rate", "0.5", "eval_metric", "R2", NULL};
    struct mrc_err err = {0};
    fill(&t, 4);
    fill(&e, 5);
    struct dataset *learn = build(&t, false, false), *eval = build(&e, false, false);
    struct params p;
    set_params(&p, pairs);
    mrc_model *m;
    struct boost_report r;
    ck_assert_ok(boost_fit(learn, eval, &p, NULL, &m, &r, &err), &err);
    ck_assert_ptr_nonnull(r.eval_metric);
    double mean = 0, spread = 0;
    for (int i = 0; i < ROWS; i++) {
        mean += (double)eval->target[i] / ROWS;
    }
    for (int i = 0; i < ROWS; i++) {
        spread += ((double)eval->target[i] - mean) * ((double)eval->target[i] - mean) / ROWS;
    }
    for (uint32_t i = 0; i < r.n_iterations; i++) {
        ck_assert(r.eval_metric[i] <= r.eval_metric[r.best_iteration]);
        ck_assert_double_eq_tol(r.eval_metric[i], 1 - r.eval_loss[i] * r.eval_loss[i] / spread, 1e-9);
    }
    ck_assert_uint_eq(r.n_trees, r.best_iteration + 1);
    boost_report_release(&r);
    mrc_model_free(m);
    dataset_free(learn);
    dataset_free(eval);
}
END_TEST

/* A baseline is where rows start: trees are those of the rest, and the model does not hold it. */
START_TEST(baseline_is_left_out_of_the_model)
{
    static struct table t;
    static const char *const pairs[] = {"iterations",
                                        "12",
                                        "learning_rate",
                                        "0.25",
                                        "bootstrap_type",
                                        "No",
                                        "random_strength",
                                        "0",
                                        "boost_from_average",
                                        "false",
                                        NULL};
    static float start[ROWS];
    static double rest[ROWS];
    struct mrc_err err = {0};
    fill(&t, 12);
    for (int i = 0; i < ROWS; i++) {
        t.y[i] = floor(t.y[i] * 64) / 64; /* so that differences are exact */
        start[i] = (float)(i % 32) / 4;
        rest[i] = t.y[i] - (double)start[i];
    }
    struct dataset *with = build(&t, false, false), *without = build(&t, false, false);
    ck_assert_ok(dataset_add_baseline(with, start, &err), &err);
    ck_assert_ok(dataset_set_target(without, rest, &err), &err);
    struct params p;
    set_params(&p, pairs);
    mrc_model *a, *b;
    ck_assert_ok(boost_fit(with, NULL, &p, NULL, &a, NULL, &err), &err);
    ck_assert_ok(boost_fit(without, NULL, &p, NULL, &b, NULL, &err), &err);
    ck_assert_uint_eq(a->n_leaf_values, b->n_leaf_values);
    for (size_t i = 0; i < a->n_leaf_values; i++) {
        ck_assert_double_eq_tol(a->leaf_values[i], b->leaf_values[i], 1e-12);
    }
    ck_assert_double_eq(a->bias[0], 0);
    mrc_model_free(a);
    mrc_model_free(b);
    p.boost_from_average = true;
    ck_assert_fails(boost_fit(with, NULL, &p, NULL, &a, NULL, &err), &err, MRC_EINVAL, "baseline");
    ck_assert_fails(boost_fit(with, without, &p, NULL, &a, NULL, &err), &err, MRC_EFORMAT, "0 baseline columns");
    dataset_free(with);
    dataset_free(without);
}
END_TEST

/* What training takes is told before it starts. */
START_TEST(memory_limit_is_checked_first)
{
    static struct table t;
    struct mrc_err err = {0};
    fill(&t, 13);
    struct dataset *learn = build(&t, true, true);
    struct params p;
    set_params(&p, small);
    ck_assert_ok(params_set(&p, STR("used_ram_limit"), STR("100 KB"), &err), &err);
    ck_assert_uint_eq(p.memory_max, 102400);
    mrc_model *m = NULL;
    ck_assert_fails(boost_fit(learn, NULL, &p, NULL, &m, NULL, &err), &err, MRC_ENOMEM, "allowed are 0");
    ck_assert_ok(params_set(&p, STR("used_ram_limit"), STR("1.5gb"), &err), &err);
    ck_assert_ok(boost_fit(learn, NULL, &p, NULL, &m, NULL, &err), &err);
    mrc_model_free(m);
    double few = fit_memory(learn, NULL, &p, 1);
    p.depth = 16;
    ck_assert(fit_memory(learn, NULL, &p, 1) > 100 * few);
    dataset_free(learn);
}
END_TEST

static bool stop_at_three(const struct boost_step *step, void *arg)
{
    uint32_t *seen = arg;
    *seen = step->iteration + 1;
    return step->iteration < 2;
}

START_TEST(progress_can_cancel)
{
    static struct table t;
    struct mrc_err err = {0};
    fill(&t, 6);
    struct dataset *learn = build(&t, false, false);
    struct params p;
    set_params(&p, small);
    uint32_t seen = 0;
    struct boost_progress progress = {.step = stop_at_three, .arg = &seen};
    mrc_model *m;
    struct boost_report r;
    ck_assert_ok(boost_fit(learn, NULL, &p, &progress, &m, &r, &err), &err);
    ck_assert(r.cancelled);
    ck_assert_uint_eq(seen, 3);
    ck_assert_uint_eq(mrc_model_trees(m), 3);
    boost_report_release(&r);
    mrc_model_free(m);
    dataset_free(learn);
}
END_TEST

/* ---- what is refused ------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *value;
    int status;
    const char *says;
} bad_params[] = {
    {"iteratoins", "10", MRC_EINVAL, "no parameter \"iteratoins\""},
    {"iterations", "0", MRC_EINVAL, "from 1 to 1000000"},
    {"iterations", "ten", MRC_EINVAL, "\"ten\" is not an integer"},
    {"used_ram_limit", "much", MRC_EINVAL, "no size such as"},
    {"eval_metric", "AUCC", MRC_EINVAL, "neither R2, AUC, Accuracy nor a loss"},
    {"depth", "17", MRC_EINVAL, "from 1 to 16"},
    {"learning_rate", "nan", MRC_EINVAL, "learning_rate"},
    {"rsm", "1.5", MRC_EINVAL, "to 1"},
    {"border_count", "70000", MRC_EINVAL, "65535"},
    {"loss_function", "RSME", MRC_EINVAL, "\"RSME\" is none of RMSE, Logloss"},
    {"loss_function", "Quantile:alpha=1.5", MRC_EINVAL, "between 0 and 1"},
    {"loss_function", "Quantile:beta=0.5", MRC_EINVAL, "no parameter \"beta\""},
    {"loss_function", "MultiQuantile:alpha=0.5,0.1", MRC_EINVAL, "ascend"},
    {"loss_function", "Tweedie", MRC_EINVAL, "variance_power"},
    {"score_function", "Sine", MRC_EINVAL, "none of Cosine|L2"},
    {"score_function", "NewtonL2", MRC_EUNSUPPORTED, "use Cosine|L2"},
    {"boosting_type", "Ordered", MRC_EUNSUPPORTED, "not supported"},
    {"grow_policy", "Lossguide", MRC_EUNSUPPORTED, "SymmetricTree"},
    {"task_type", "GPU", MRC_EUNSUPPORTED, "CPU"},
    {"has_time", "maybe", MRC_EINVAL, "neither true nor false"},
    {"simple_ctr", "Bordes", MRC_EINVAL, "none of Borders"},
    {"simple_ctr", "Borders:Prior=1/2", MRC_EINVAL, "denominator"},
};

START_TEST(wrong_parameters_are_named)
{
    struct params p;
    struct mrc_err err = {0};
    params_init(&p);
    ck_assert_fails(params_set(&p, str_of(bad_params[_i].name), str_of(bad_params[_i].value), &err), &err,
                    bad_params[_i].status, bad_params[_i].says);
}
END_TEST

static const struct {
    const char *pairs[6];
    int status;
    const char *says;
} disagreements[] = {
    {{"loss_function", "MAE", "leaf_estimation_method", "Newton"}, MRC_EINVAL, "no second derivative"},
    {{"loss_function", "RMSE", "leaf_estimation_method", "Exact"}, MRC_EINVAL, "Exact is not for RMSE"},
    {{"loss_function", "Poisson"}, MRC_EFORMAT, "is not a number >= 0"},
    {{"loss_function", "CrossEntropy"}, MRC_EFORMAT, "probability"},
    {{"loss_function", "Logloss"}, MRC_EFORMAT, "takes two"},
    {{"boost_from_average", "true", "loss_function", "Huber:delta=1"}, MRC_EINVAL, "boost_from_average"},
    {{"bootstrap_type", "No", "subsample", "0.5"}, MRC_EINVAL, "subsample"},
    {{"eval_metric", "MultiQuantile:alpha=0.1,0.2"}, MRC_EINVAL, "eval_metric"},
    {{"eval_metric", "AUC"}, MRC_EINVAL, "AUC does not fit RMSE"},
    {{"auto_class_weights", "Balanced"}, MRC_EINVAL, "auto_class_weights"},
};

START_TEST(parameters_must_agree_with_data)
{
    static struct table t;
    struct mrc_err err = {0};
    fill(&t, 7);
    struct dataset *learn = build(&t, false, false);
    struct params p;
    set_params(&p, disagreements[_i].pairs);
    mrc_model *m = NULL;
    ck_assert_fails(boost_fit(learn, NULL, &p, NULL, &m, NULL, &err), &err, disagreements[_i].status,
                    disagreements[_i].says);
    ck_assert_ptr_null(m);
    dataset_free(learn);
}
END_TEST

START_TEST(wrong_data_are_refused)
{
    static struct table t;
    struct mrc_err err = {0};
    mrc_model *m;
    struct params p;
    fill(&t, 8);
    struct dataset *d = build(&t, false, false), *other = build(&t, true, false);
    set_params(&p, small);
    ck_assert_fails(boost_fit(d, other, &p, NULL, &m, NULL, &err), &err, MRC_EFORMAT, "feature columns");
    t.y[17] = NAN;
    ck_assert_fails(dataset_set_target(d, t.y, &err), &err, MRC_EFORMAT, "row 17");
    t.y[17] = 1e39; /* finite, but not as float32 */
    ck_assert_fails(dataset_set_target(d, t.y, &err), &err, MRC_EFORMAT, "row 17");
    t.w[3] = -1;
    ck_assert_fails(dataset_set_weight(d, t.w, &err), &err, MRC_EFORMAT, "weight of row 3");
    memset(t.w, 0, sizeof(t.w));
    ck_assert_fails(dataset_set_weight(d, t.w, &err), &err, MRC_EFORMAT, "all weights are 0");
    for (int i = 0; i < ROWS; i++) {
        t.y[i] = 2.5;
    }
    ck_assert_ok(dataset_set_target(d, t.y, &err), &err);
    ck_assert_fails(boost_fit(d, NULL, &p, NULL, &m, NULL, &err), &err, MRC_EFORMAT, "constant (2.5)");
    struct dataset *empty;
    ck_assert_fails(dataset_new(&empty, 0, &err), &err, MRC_EINVAL, "rows");
    dataset_free(d);
    dataset_free(other);
}
END_TEST

START_TEST(classes_may_be_text)
{
    static struct table t;
    static struct str labels[ROWS];
    static const char *const pairs[] = {"loss_function", "MultiClass", "iterations", "5", NULL};
    struct mrc_err err = {0};
    fill(&t, 9);
    for (int i = 0; i < ROWS; i++) {
        labels[i] = t.y[i] < 0 ? STR("low") : t.y[i] < 2 ? STR("mid") : STR("high");
    }
    struct dataset *d = build(&t, false, false);
    ck_assert_ok(dataset_set_target_text(d, labels, &err), &err);
    struct params p;
    set_params(&p, pairs);
    mrc_model *m;
    ck_assert_ok(boost_fit(d, NULL, &p, NULL, &m, NULL, &err), &err);
    ck_assert_uint_eq(mrc_model_dim(m), 3);
    ck_assert_str_eq(mrc_model_class_label(m, 0), "high");
    ck_assert_str_eq(mrc_model_class_label(m, 2), "mid");
    mrc_model_free(m);
    set_params(&p, small);
    ck_assert_fails(boost_fit(d, NULL, &p, NULL, &m, NULL, &err), &err, MRC_EFORMAT, "must be numbers");
    dataset_free(d);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("boost");
    TCase *c = tcase_create("catboost");
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, trees_are_catboosts, 0, (int)(sizeof(folders) / sizeof(folders[0])));
    suite_add_tcase(s, c);
    c = tcase_create("own");
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, threads_do_not_matter, 0, (int)(sizeof(settings) / sizeof(settings[0])));
    tcase_add_test(c, model_and_report_agree);
    tcase_add_test(c, weights_count_like_copies);
    tcase_add_test(c, stops_early_and_keeps_the_best);
    tcase_add_test(c, metric_chooses_the_best);
    tcase_add_test(c, baseline_is_left_out_of_the_model);
    tcase_add_test(c, memory_limit_is_checked_first);
    tcase_add_test(c, progress_can_cancel);
    tcase_add_loop_test(c, wrong_parameters_are_named, 0, (int)(sizeof(bad_params) / sizeof(bad_params[0])));
    tcase_add_loop_test(c, parameters_must_agree_with_data, 0, (int)(sizeof(disagreements) / sizeof(disagreements[0])));
    tcase_add_test(c, wrong_data_are_refused);
    tcase_add_test(c, classes_may_be_text);
    suite_add_tcase(s, c);
    return check_main(s);
}
