/* The table of training parameters, and reading values by it. Defaults that depend on the data: params_resolve.c. */
#include "train/params.h"
#include "common/base/file.h"
#include "train/metric.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PARAMS_FILE_MAX = 4 << 20, ECHO_MAX = 40 };

/* ---- losses ---------------------------------------------------------------------------------------------------- */

const char *loss_name(enum loss_type type)
{
    return type < LOSS__COUNT ? objective_of(type)->name : "?";
}

static int loss_alphas(struct loss *loss, struct str list, struct mrc_err *err)
{
    loss->n_alphas = 0;
    double previous = 0;
    while (list.n > 0) {
        const char *comma = memchr(list.p, ',', list.n);
        struct str one = {list.p, comma ? (size_t)(comma - list.p) : list.n};
        double v;
        if (!parse_double(str_trim(one), &v) || !(v > 0 && v < 1)) {
            return mrc_fail(err, MRC_EINVAL, "alpha \"%.*s\" is not a number between 0 and 1", STR_ARG(one));
        }
        if (loss->n_alphas == LOSS_ALPHAS_MAX) {
            return mrc_fail(err, MRC_EINVAL, "more than %d alphas", LOSS_ALPHAS_MAX);
        }
        if (v <= previous && loss->n_alphas > 0) {
            return mrc_fail(err, MRC_EINVAL, "alphas must ascend");
        }
        previous = loss->alphas[loss->n_alphas++] = v;
        size_t skip = comma ? one.n + 1 : one.n;
        list = (struct str){list.p + skip, list.n - skip};
    }
    if (loss->n_alphas == 0 || (loss->type != LOSS_MULTI_QUANTILE && loss->n_alphas != 1)) {
        return mrc_fail(err, MRC_EINVAL, "%s takes %s", loss_name(loss->type),
                        loss->type == LOSS_MULTI_QUANTILE ? "a list alpha=0.1,0.5,0.9" : "one alpha");
    }
    return MRC_OK;
}

static int loss_number(struct str key, struct str value, double min, double max, double *out, struct mrc_err *err)
{
    double v;
    if (!parse_double(value, &v) || !(v >= min && v <= max)) {
        char low[NUMBER_TEXT_MAX], high[NUMBER_TEXT_MAX];
        format_double(min, low);
        format_double(max, high);
        return mrc_fail(err, MRC_EINVAL, "%.*s must be a number from %s to %s, not \"%.*s\"", STR_ARG(key), low, high,
                        STR_ARG(value));
    }
    *out = v;
    return MRC_OK;
}

static int loss_key(struct loss *loss, struct str key, struct str value, struct mrc_err *err)
{
    bool quantile = loss->type == LOSS_QUANTILE || loss->type == LOSS_MULTI_QUANTILE;
    if (str_is(key, "alpha") && (quantile || loss->type == LOSS_EXPECTILE)) {
        return loss_alphas(loss, value, err);
    }
    if (str_is(key, "delta") && (quantile || loss->type == LOSS_HUBER)) {
        return loss_number(key, value, 0, 1e30, &loss->delta, err);
    }
    if (str_is(key, "variance_power") && loss->type == LOSS_TWEEDIE) {
        return loss_number(key, value, 1.0001, 1.9999, &loss->power, err);
    }
    return mrc_fail(err, MRC_EINVAL, "%s has no parameter \"%.*s\"", loss_name(loss->type), STR_ARG(key));
}

static int loss_complete(const struct loss *loss, bool has_delta, struct mrc_err *err)
{
    if (loss->type == LOSS_TWEEDIE && !(loss->power > 1)) {
        return mrc_fail(err, MRC_EINVAL, "Tweedie needs variance_power, between 1 and 2");
    }
    if (loss->type == LOSS_HUBER && !has_delta) {
        return mrc_fail(err, MRC_EINVAL, "Huber needs delta");
    }
    return MRC_OK;
}

int loss_parse(struct loss *loss, struct str text, struct mrc_err *err)
{
    const char *colon = memchr(text.p ? text.p : "", ':', text.n);
    struct str name = {text.p, colon ? (size_t)(colon - text.p) : text.n};
    struct loss out = {.type = LOSS__COUNT, .n_alphas = 1, .alphas = {0.5}, .delta = 1e-6};
    for (int i = 0; i < LOSS__COUNT; i++) {
        if (str_is(name, loss_name((enum loss_type)i))) {
            out.type = (enum loss_type)i;
        }
    }
    if (out.type == LOSS__COUNT) {
        struct buf list;
        buf_init(&list, NULL, 4096);
        for (int i = 0; i < LOSS__COUNT; i++) {
            buf_printf(&list, "%s%s", i ? ", " : "", loss_name((enum loss_type)i));
        }
        name.n = name.n < ECHO_MAX ? name.n : ECHO_MAX;
        mrc_fail(err, MRC_EINVAL, "\"%.*s\" is none of %.*s", STR_ARG(name), STR_ARG(buf_text(&list)));
        buf_release(&list);
        return MRC_EINVAL;
    }
    struct str rest = colon ? (struct str){colon + 1, text.n - name.n - 1} : (struct str){"", 0};
    bool has_delta = false;
    while (rest.n > 0) {
        const char *end = memchr(rest.p, ';', rest.n);
        struct str pair = {rest.p, end ? (size_t)(end - rest.p) : rest.n};
        const char *equal = memchr(pair.p, '=', pair.n);
        if (!equal) {
            return mrc_fail(err, MRC_EINVAL, "\"%.*s\" is not key=value", STR_ARG(pair));
        }
        struct str key = {pair.p, (size_t)(equal - pair.p)}, value = {equal + 1, pair.n - key.n - 1};
        MRC_TRY(loss_key(&out, key, value, err));
        has_delta = has_delta || str_is(key, "delta");
        size_t skip = end ? pair.n + 1 : pair.n;
        rest = (struct str){rest.p + skip, rest.n - skip};
    }
    MRC_TRY(loss_complete(&out, has_delta, err));
    *loss = out;
    return MRC_OK;
}

/* ---- target statistics ----------------------------------------------------------------------------------------- */

static int ctr_prior(struct ctr_description *d, struct str value, const char *param, struct mrc_err *err)
{
    const char *slash = memchr(value.p, '/', value.n);
    struct str num = {value.p, slash ? (size_t)(slash - value.p) : value.n};
    struct str denom = slash ? (struct str){slash + 1, value.n - num.n - 1} : STR("1");
    double n, d1;
    if (!parse_double(num, &n) || !parse_double(denom, &d1) || !isfinite(n)) {
        return mrc_fail(err, MRC_EINVAL, "%s: prior \"%.*s\" is not a number or number/1", param, STR_ARG(value));
    }
    if (d1 != 1) {
        return mrc_fail(err, MRC_EINVAL, "%s: the denominator of prior \"%.*s\" must be 1", param, STR_ARG(value));
    }
    if (d->n_priors == CTR_PRIORS_MAX) {
        return mrc_fail(err, MRC_EINVAL, "%s: more than %d priors", param, CTR_PRIORS_MAX);
    }
    d->priors[d->n_priors++] = (float)n;
    return MRC_OK;
}

static int ctr_count(struct str key, struct str value, const char *param, uint32_t *out, struct mrc_err *err)
{
    int64_t v;
    if (!parse_i64(value, &v) || v < 1 || v > 255) {
        return mrc_fail(err, MRC_EINVAL, "%s: %.*s must be 1 to 255, not \"%.*s\"", param, STR_ARG(key),
                        STR_ARG(value));
    }
    *out = (uint32_t)v;
    return MRC_OK;
}

static int ctr_option(struct ctr_description *d, struct str part, const char *param, struct mrc_err *err)
{
    const char *equal = memchr(part.p, '=', part.n);
    struct str key = {part.p, equal ? (size_t)(equal - part.p) : part.n};
    struct str value = equal ? (struct str){equal + 1, part.n - key.n - 1} : (struct str){"", 0};
    if (str_is(key, "Prior")) {
        return ctr_prior(d, value, param, err);
    }
    if (str_is(key, "CtrBorderCount")) {
        return ctr_count(key, value, param, &d->border_count, err);
    }
    if (str_is(key, "TargetBorderCount")) {
        return ctr_count(key, value, param, &d->target_borders, err);
    }
    if ((str_is(key, "CtrBorderType") && str_is(value, "Uniform")) ||
        (str_is(key, "TargetBorderType") && str_is(value, "MinEntropy"))) {
        return MRC_OK;
    }
    return mrc_fail(err, MRC_EUNSUPPORTED,
                    "%s: \"%.*s\" is none of Prior, CtrBorderCount, CtrBorderType=Uniform, TargetBorderCount, "
                    "TargetBorderType=MinEntropy",
                    param, STR_ARG(part));
}

/* "Borders:Prior=0/1:Prior=0.5/1,Counter:Prior=0/1" */
static int ctrs_parse(struct str text, const char *param, struct ctr_description *out, uint32_t *n_out,
                      struct mrc_err *err)
{
    uint32_t n = 0;
    while (text.n > 0) {
        const char *comma = memchr(text.p, ',', text.n);
        struct str one = {text.p, comma ? (size_t)(comma - text.p) : text.n};
        size_t skip = comma ? one.n + 1 : one.n;
        text = (struct str){text.p + skip, text.n - skip};
        if (n == CTR_DESCRIPTIONS_MAX) {
            return mrc_fail(err, MRC_EINVAL, "%s: more than %d statistics", param, CTR_DESCRIPTIONS_MAX);
        }
        const char *colon = memchr(one.p, ':', one.n);
        struct str name = {one.p, colon ? (size_t)(colon - one.p) : one.n};
        struct ctr_description *d = &out[n++];
        *d = (struct ctr_description){.type = ctr_type_find(name), .border_count = 15};
        if (d->type != CTR_BORDERS && d->type != CTR_BUCKETS && d->type != CTR_BINARIZED_TARGET_MEAN &&
            d->type != CTR_COUNTER) {
            return mrc_fail(err, MRC_EINVAL,
                            "%s: \"%.*s\" is none of Borders, Buckets, BinarizedTargetMeanValue, Counter", param,
                            STR_ARG(name));
        }
        size_t at = colon ? name.n + 1 : one.n;
        while (at < one.n) {
            const char *end = memchr(one.p + at, ':', one.n - at);
            struct str part = {one.p + at, end ? (size_t)(end - one.p) - at : one.n - at};
            MRC_TRY(ctr_option(d, part, param, err));
            at += part.n + 1;
        }
        if (d->n_priors == 0) {
            static const float usual[] = {0, 0.5f, 1};
            d->n_priors = d->type == CTR_COUNTER ? 1 : 3;
            memcpy(d->priors, usual, d->n_priors * sizeof(usual[0]));
        }
    }
    *n_out = n;
    return MRC_OK;
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

enum value_type {
    VALUE_INT,
    VALUE_UINT,
    VALUE_BYTES, /* "2gb", "500 MB", "1000000" */
    VALUE_NUMBER,
    VALUE_BOOL,
    VALUE_CHOICE, /* index among choices */
    VALUE_LOSS,
    VALUE_METRIC,
    VALUE_CTRS,
    VALUE_IGNORED,
    VALUE_ONLY /* only the values in choices, which is what this version does anyway */
};

struct row {
    const char *names; /* CatBoost's name, then aliases, separated by '|' */
    enum param_id id;
    enum value_type type;
    size_t offset;
    double min, max;
    const char *choices;
    const char *later; /* choices that are CatBoost's but not ours yet */
    const char *help;  /* for --help; NULL: not shown there */
};

#define AT(field) offsetof(struct params, field)

static const struct row rows[] = {
    {"loss_function|objective|loss", PARAM_LOSS_FUNCTION, VALUE_LOSS, AT(loss), 0, 0, NULL, NULL,
     "What is minimised: RMSE, MAE, Quantile:alpha=0.9, MultiQuantile:alpha=0.1,0.5,0.9, Poisson, Logloss, MultiClass, "
     "... Default RMSE."},
    {"eval_metric", PARAM_EVAL_METRIC, VALUE_METRIC, AT(eval_metric), 0, 0, NULL, NULL,
     "What judges the eval set: a loss, R2, AUC or Accuracy. Default: the loss."},
    {"iterations|num_boost_round|n_estimators|num_trees", PARAM_ITERATIONS, VALUE_INT, AT(iterations), 1, 1000000, NULL,
     NULL, "Trees at most. Default 1000."},
    {"learning_rate|eta", PARAM_LEARNING_RATE, VALUE_NUMBER, AT(learning_rate), 1e-9, 1e6, NULL, NULL,
     "Default 0.03, or by size of the data for RMSE, Logloss and MultiClass."},
    {"depth|max_depth", PARAM_DEPTH, VALUE_INT, AT(depth), 1, 16, NULL, NULL, "Splits of a tree, up to 16. Default 6."},
    {"l2_leaf_reg|reg_lambda", PARAM_L2_LEAF_REG, VALUE_NUMBER, AT(l2_leaf_reg), 0, 1e30, NULL, NULL,
     "Draws leaf values towards 0. Default 3."},
    {"random_seed|random_state", PARAM_RANDOM_SEED, VALUE_UINT, AT(random_seed), 0, 0, NULL, NULL, "Default 0."},
    {"random_strength", PARAM_RANDOM_STRENGTH, VALUE_NUMBER, AT(random_strength), 0, 1e30, NULL, NULL,
     "Noise when splits are compared. Default 1."},
    {"rsm|colsample_bylevel", PARAM_RSM, VALUE_NUMBER, AT(rsm), 1e-6, 1, NULL, NULL,
     "Share of the columns looked at for each split. Default 1."},
    {"border_count|max_bin", PARAM_BORDER_COUNT, VALUE_INT, AT(border_count), 1, 65535, NULL, NULL,
     "Borders of a numeric column, up to 65535. Default 254."},
    {"feature_border_type", PARAM_FEATURE_BORDER_TYPE, VALUE_CHOICE, AT(border_type), 0, 0,
     "GreedyLogSum|Median|Uniform|UniformAndQuantiles|MinEntropy|MaxLogSum|GreedyMinEntropy", NULL,
     "How borders are chosen: GreedyLogSum (default), Median, Uniform, UniformAndQuantiles, MinEntropy, MaxLogSum, "
     "GreedyMinEntropy."},
    {"nan_mode", PARAM_NAN_MODE, VALUE_CHOICE, AT(nan_mode), 0, 0, "Min|Max|Forbidden", NULL,
     "Missing numbers are below all (Min, default), above all (Max) or an error (Forbidden)."},
    {"score_function", PARAM_SCORE_FUNCTION, VALUE_CHOICE, AT(score_function), 0, 0, "Cosine|L2",
     "NewtonCosine|NewtonL2|SolarL2|LOOL2|SatL2", "Cosine (default) or L2."},
    {"grow_policy", PARAM_GROW_POLICY, VALUE_CHOICE, AT(grow_policy), 0, 0, "SymmetricTree",
     "Depthwise|Lossguide|Region", NULL},
    {"boosting_type", PARAM_BOOSTING_TYPE, VALUE_CHOICE, AT(boosting_type), 0, 0, "Plain", "Ordered", NULL},
    {"bootstrap_type", PARAM_BOOTSTRAP_TYPE, VALUE_CHOICE, AT(bootstrap_type), 0, 0, "No|Bernoulli|Bayesian|MVS",
     "Poisson", "Rows of a tree: MVS (default), Bernoulli, Bayesian (default of MultiClass), No."},
    {"subsample", PARAM_SUBSAMPLE, VALUE_NUMBER, AT(subsample), 1e-9, 1, NULL, NULL,
     "Share of the rows for Bernoulli (default 0.66) and MVS (0.8)."},
    {"bagging_temperature", PARAM_BAGGING_TEMPERATURE, VALUE_NUMBER, AT(bagging_temperature), 0, 1e30, NULL, NULL,
     "Spread of the weights for Bayesian. Default 1."},
    {"mvs_reg", PARAM_MVS_REG, VALUE_NUMBER, AT(mvs_reg), 0, 1e30, NULL, NULL,
     "Regularisation of MVS. Default: from the tree before."},
    {"leaf_estimation_method", PARAM_LEAF_ESTIMATION_METHOD, VALUE_CHOICE, AT(leaf_method), 0, 0,
     "Newton|Gradient|Exact", "Simple", "Newton, Gradient or Exact. Default by loss."},
    {"leaf_estimation_iterations", PARAM_LEAF_ESTIMATION_ITERATIONS, VALUE_INT, AT(leaf_estimation_iterations), 1, 1000,
     NULL, NULL, "Steps for each tree's leaf values. Default by loss."},
    {"leaf_estimation_backtracking", PARAM_LEAF_ESTIMATION_BACKTRACKING, VALUE_CHOICE, AT(backtracking), 0, 0,
     "No|AnyImprovement", "Armijo", "AnyImprovement (default) halves a step that makes the loss worse, No does not."},
    {"boost_from_average", PARAM_BOOST_FROM_AVERAGE, VALUE_BOOL, AT(boost_from_average), 0, 0, NULL, NULL,
     "Start from the best constant. Default by loss."},
    {"has_time", PARAM_HAS_TIME, VALUE_BOOL, AT(has_time), 0, 0, NULL, NULL,
     "Rows are in the order of time, or of the timestamp column: nothing is shuffled. Default false."},
    {"one_hot_max_size", PARAM_ONE_HOT_MAX_SIZE, VALUE_INT, AT(one_hot_max_size), 0, 255, NULL, NULL,
     "Categories up to which a column is split by value, without statistics. Default 2."},
    {"max_ctr_complexity", PARAM_MAX_CTR_COMPLEXITY, VALUE_INT, AT(max_ctr_complexity), 0, 8, NULL, NULL,
     "Columns combined in one statistic. Default 4, 1 below 200 iterations."},
    {"simple_ctr", PARAM_SIMPLE_CTR, VALUE_CTRS, AT(simple_ctrs), 0, 0, NULL, NULL,
     "Statistics of a category: Borders:Prior=0/1:Prior=0.5/1:Prior=1/1,Counter:Prior=0/1; also Buckets, "
     "BinarizedTargetMeanValue."},
    {"combinations_ctr", PARAM_COMBINATIONS_CTR, VALUE_CTRS, AT(combination_ctrs), 0, 0, NULL, NULL,
     "The same for combinations."},
    {"counter_calc_method", PARAM_COUNTER_CALC_METHOD, VALUE_CHOICE, AT(counter_method), 0, 0, "SkipTest", "Full",
     NULL},
    {"model_size_reg", PARAM_MODEL_SIZE_REG, VALUE_NUMBER, AT(model_size_reg), 0, 1e30, NULL, NULL,
     "Holds back statistics with many values. Default 0.5."},
    {"permutation_count|fold_count", PARAM_PERMUTATION_COUNT, VALUE_INT, AT(permutation_count), 1, 64, NULL, NULL,
     "Orders of the rows for statistics. Default 4."},
    {"fold_permutation_block|fold_permutation_block_size", PARAM_FOLD_PERMUTATION_BLOCK, VALUE_INT,
     AT(fold_permutation_block), 0, 1 << 20, NULL, NULL, "Rows that stay together when shuffled. Default by size."},
    {"target_border_count|ctr_target_border_count", PARAM_TARGET_BORDER_COUNT, VALUE_INT, AT(target_border_count), 1,
     255, NULL, NULL, "Classes - 1 of the target for statistics. Default 1."},
    {"use_best_model", PARAM_USE_BEST_MODEL, VALUE_BOOL, AT(use_best_model), 0, 0, NULL, NULL,
     "Keep the trees up to the best by the eval set. Default true with one."},
    {"best_model_min_trees", PARAM_BEST_MODEL_MIN_TREES, VALUE_INT, AT(best_model_min_trees), 1, 1000000, NULL, NULL,
     "But at least so many. Default 1."},
    {"od_type", PARAM_OD_TYPE, VALUE_CHOICE, AT(od_type), 0, 0, "None|Iter|IncToDec", "Wilcoxon",
     "Stop early: None, Iter or IncToDec."},
    {"od_wait", PARAM_OD_WAIT, VALUE_INT, AT(od_wait), 1, 1000000, NULL, NULL,
     "Iterations to wait after the best one. Default 20."},
    {"od_pval", PARAM_OD_PVAL, VALUE_NUMBER, AT(od_pval), 0, 1, NULL, NULL, "Threshold of IncToDec."},
    {"early_stopping_rounds", PARAM_EARLY_STOPPING_ROUNDS, VALUE_INT, AT(early_stopping_rounds), 1, 1000000, NULL, NULL,
     "od_type=Iter with this od_wait."},
    {"classes_count", PARAM_CLASSES_COUNT, VALUE_INT, AT(classes_count), 0, 4096, NULL, NULL,
     "Labels are 0 to this - 1. Default: those in the data."},
    {"auto_class_weights", PARAM_AUTO_CLASS_WEIGHTS, VALUE_CHOICE, AT(auto_class_weights), 0, 0,
     "None|Balanced|SqrtBalanced", NULL, "None (default), Balanced or SqrtBalanced."},
    {"allow_const_label", PARAM_ALLOW_CONST_LABEL, VALUE_BOOL, AT(allow_const_label), 0, 0, NULL, NULL,
     "Accept a target of one value. Default false."},
    {"thread_count", PARAM_THREAD_COUNT, VALUE_INT, AT(thread_count), -1, 256, NULL, NULL, NULL},
    {"used_ram_limit", PARAM_USED_RAM_LIMIT, VALUE_BYTES, AT(memory_max), 0, 0, NULL, NULL,
     "Refuse to start when more memory is needed: 2gb, 500mb."},
    {"sampling_frequency", PARAM_SAMPLING_FREQUENCY, VALUE_CHOICE, AT(sampling_frequency), 0, 0, "PerTree",
     "PerTreeLevel", NULL},
    {"model_shrink_rate", PARAM_MODEL_SHRINK_RATE, VALUE_NUMBER, AT(model_shrink_rate), 0, 0, NULL, NULL, NULL},
    {"task_type", PARAM_IGNORED, VALUE_ONLY, 0, 0, 0, "CPU", "GPU", NULL},
    {"random_score_type", PARAM_IGNORED, VALUE_ONLY, 0, 0, 0, "NormalWithModelSizeDecrease", "Gumbel", NULL},
    {"model_shrink_mode", PARAM_IGNORED, VALUE_ONLY, 0, 0, 0, "Constant", "Decreasing", NULL},
    {"approx_on_full_history|langevin|posterior_sampling|store_all_simple_ctr", PARAM_IGNORED, VALUE_ONLY, 0, 0, 0,
     "false|False|0", "true", NULL},
    {"final_ctr_computation_mode", PARAM_IGNORED, VALUE_ONLY, 0, 0, 0, "Default", "Skip", NULL},
    {"min_data_in_leaf|min_child_samples", PARAM_IGNORED, VALUE_ONLY, 0, 0, 0, "1", NULL, NULL},
    /* Where CatBoost writes and how much it says: no effect on the model. */
    {"verbose|logging_level|silent|verbose_eval|metric_period|allow_writing_files|train_dir|save_snapshot|name|"
     "snapshot_file|snapshot_interval|custom_metric|custom_loss|detailed_profile|metadata|"
     "fold_len_multiplier|max_leaves|num_leaves|roc_file",
     PARAM_IGNORED, VALUE_IGNORED, 0, 0, 0, NULL, NULL, NULL},
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

/* Is s one of the words of a list separated by '|'? Its index, or -1. */
static int word_index(const char *list, struct str s)
{
    for (int i = 0; list; i++) {
        const char *bar = strchr(list, '|');
        struct str word = {list, bar ? (size_t)(bar - list) : strlen(list)};
        if (str_eq(word, s)) {
            return i;
        }
        list = bar ? bar + 1 : NULL;
    }
    return -1;
}

static int bad_value(const struct row *row, struct str name, struct str value, struct mrc_err *err)
{
    struct str shown = {value.p, value.n < ECHO_MAX ? value.n : ECHO_MAX};
    if (row->type == VALUE_CHOICE || row->type == VALUE_ONLY) {
        if (row->later && word_index(row->later, value) >= 0) {
            return mrc_fail(err, MRC_EUNSUPPORTED, "parameter %.*s: \"%.*s\" is not supported; use %s", STR_ARG(name),
                            STR_ARG(shown), row->choices);
        }
        return mrc_fail(err, MRC_EINVAL, "parameter %.*s: \"%.*s\" is none of %s", STR_ARG(name), STR_ARG(shown),
                        row->choices);
    }
    if (row->type == VALUE_BOOL) {
        return mrc_fail(err, MRC_EINVAL, "parameter %.*s: \"%.*s\" is neither true nor false", STR_ARG(name),
                        STR_ARG(shown));
    }
    if (row->type == VALUE_BYTES) {
        return mrc_fail(err, MRC_EINVAL, "parameter %.*s: \"%.*s\" is no size such as 2gb or 500mb", STR_ARG(name),
                        STR_ARG(shown));
    }
    if (row->type == VALUE_UINT) {
        return mrc_fail(err, MRC_EINVAL, "parameter %.*s: \"%.*s\" is not an integer from 0 to 2^64 - 1", STR_ARG(name),
                        STR_ARG(shown));
    }
    char low[NUMBER_TEXT_MAX], high[NUMBER_TEXT_MAX];
    format_double(row->min, low);
    format_double(row->max, high);
    return mrc_fail(err, MRC_EINVAL, "parameter %.*s: \"%.*s\" is not %s from %s to %s", STR_ARG(name), STR_ARG(shown),
                    row->type == VALUE_INT ? "an integer" : "a number", low, high);
}

static bool parse_bool(struct str s, bool *out)
{
    bool yes = str_is(s, "true") || str_is(s, "True") || str_is(s, "1");
    *out = yes;
    return yes || str_is(s, "false") || str_is(s, "False") || str_is(s, "0");
}

/* "100.0" is an integer too: JSON writers of other languages produce it. */
static bool parse_whole(struct str s, int64_t *out)
{
    double v;
    if (parse_i64(s, out)) {
        return true;
    }
    if (!parse_double(s, &v) || !(fabs(v) < 9e15) || v != floor(v)) {
        return false;
    }
    *out = (int64_t)v;
    return true;
}

/* Powers of 1024, as CatBoost has them. "none" is no limit. */
static bool parse_bytes(struct str s, uint64_t *out)
{
    static const struct {
        const char *name;
        double factor;
    } units[] = {{"tb", 1099511627776.0}, {"gb", 1073741824.0}, {"mb", 1048576.0}, {"kb", 1024.0}, {"b", 1}, {"", 1}};
    char text[32];
    if (s.n >= sizeof(text)) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        text[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
    }
    struct str lower = {text, s.n};
    *out = 0;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t n = strlen(units[i].name);
        double v;
        if (lower.n > n && !memcmp(text + lower.n - n, units[i].name, n)) {
            bool ok =
                parse_double(str_trim((struct str){text, lower.n - n}), &v) && v >= 0 && v * units[i].factor < 9e18;
            *out = ok ? (uint64_t)(v * units[i].factor) : 0;
            return ok || str_is(lower, "none");
        }
    }
    return false;
}

static int set_value(const struct row *row, void *field, struct str name, struct str value, struct mrc_err *err)
{
    int64_t *integer = field;
    double *number = field;
    int64_t i;
    double d;
    switch (row->type) {
    case VALUE_INT:
        if (!parse_whole(value, &i) || !((double)i >= row->min && (double)i <= row->max)) {
            return bad_value(row, name, value, err);
        }
        *integer = i;
        return MRC_OK;
    case VALUE_UINT:
        return parse_u64(value, field) ? MRC_OK : bad_value(row, name, value, err);
    case VALUE_BYTES:
        return parse_bytes(value, field) ? MRC_OK : bad_value(row, name, value, err);
    case VALUE_NUMBER:
        if (!parse_double(value, &d) || !(d >= row->min && d <= row->max)) {
            return bad_value(row, name, value, err);
        }
        *number = d;
        return MRC_OK;
    case VALUE_BOOL:
        return parse_bool(value, field) ? MRC_OK : bad_value(row, name, value, err);
    case VALUE_CHOICE:
        i = word_index(row->choices, value);
        if (i < 0) {
            return bad_value(row, name, value, err);
        }
        *integer = i;
        return MRC_OK;
    case VALUE_LOSS:
    case VALUE_METRIC:
        if ((row->type == VALUE_LOSS ? loss_parse(field, value, err) : metric_parse(field, value, err)) < 0) {
            return err_wrap(err, "parameter %.*s", STR_ARG(name));
        }
        return MRC_OK;
    case VALUE_ONLY:
        return word_index(row->choices, value) >= 0 ? MRC_OK : bad_value(row, name, value, err);
    default:
        return MRC_OK;
    }
}

int params_set(struct params *p, struct str name, struct str value, struct mrc_err *err)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        const struct row *row = &rows[i];
        if (word_index(row->names, name) < 0) {
            continue;
        }
        if (row->type == VALUE_CTRS) {
            bool simple = row->id == PARAM_SIMPLE_CTR;
            MRC_TRY(ctrs_parse(value, simple ? "simple_ctr" : "combinations_ctr",
                               simple ? p->simple_ctrs : p->combination_ctrs,
                               simple ? &p->n_simple_ctrs : &p->n_combination_ctrs, err));
        } else {
            MRC_TRY(set_value(row, (char *)p + row->offset, name, value, err));
        }
        p->is_set[row->id] = true;
        return MRC_OK;
    }
    struct str shown = {name.p, name.n < ECHO_MAX ? name.n : ECHO_MAX};
    return mrc_fail(err, MRC_EINVAL, "no parameter \"%.*s\"", STR_ARG(shown));
}

bool params_option(size_t i, struct param_option *out)
{
    if (i >= N_ROWS) {
        return false;
    }
    *out = (struct param_option){.names = rows[i].names, .help = rows[i].help, .is_flag = rows[i].type == VALUE_BOOL};
    return true;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

/* A JSON value as the text that params_set takes; lists are joined with commas. */
static int value_text(const struct json *v, struct buf *out, struct mrc_err *err)
{
    struct str s;
    double d;
    bool b;
    switch (json_type(v)) {
    case JSON_STRING:
        if (json_str(v, &s)) {
            buf_str(out, s);
        }
        return MRC_OK;
    case JSON_NUMBER:
        if (json_double(v, &d)) {
            if (fabs(d) < 9e15 && d == floor(d)) {
                buf_printf(out, "%lld", (long long)d);
            } else {
                buf_double(out, d);
            }
        }
        return MRC_OK;
    case JSON_BOOL:
        if (json_bool(v, &b)) {
            buf_puts(out, b ? "true" : "false");
        }
        return MRC_OK;
    case JSON_ARRAY:
        for (const struct json *i = json_first(v); i; i = json_next(i)) {
            if (json_type(i) == JSON_ARRAY || json_type(i) == JSON_OBJECT) {
                return mrc_fail(err, MRC_EUNSUPPORTED, "lists inside lists are not supported");
            }
            if (i != json_first(v)) {
                buf_char(out, ',');
            }
            MRC_TRY(value_text(i, out, err));
        }
        return MRC_OK;
    default:
        return mrc_fail(err, MRC_EUNSUPPORTED, "a value of type %s is not supported", json_type_name(json_type(v)));
    }
}

int params_set_json(struct params *p, const struct json *object, struct mrc_err *err)
{
    if (json_type(object) != JSON_OBJECT) {
        return mrc_fail(err, MRC_EFORMAT, "parameters must be an object {\"name\": value}, not %s",
                        json_type_name(json_type(object)));
    }
    struct buf text;
    buf_init(&text, NULL, 1 << 20);
    int rc = MRC_OK;
    for (const struct json *m = json_first(object); m && rc == MRC_OK; m = json_next(m)) {
        if (json_type(m) == JSON_NULL) { /* None: as if it were not there */
            continue;
        }
        struct str name = json_key(m);
        buf_reset(&text);
        rc = value_text(m, &text, err);
        if (rc < 0) {
            err_wrap(err, "parameter %.*s", STR_ARG(name));
        } else {
            rc = buf_ok(&text, err);
        }
        if (rc == MRC_OK) {
            rc = params_set(p, name, buf_text(&text), err);
        }
    }
    buf_release(&text);
    return rc;
}

int params_read(struct params *p, const char *path, struct mrc_err *err)
{
    char *text;
    size_t n;
    MRC_TRY(file_read(path, PARAMS_FILE_MAX, &text, &n, err));
    struct json_doc *doc = NULL;
    int rc = json_read(&doc, (struct str){text, n}, &json_limits_file, NULL, err);
    free(text);
    if (rc == MRC_OK) {
        rc = params_set_json(p, json_root(doc), err);
        json_free(doc);
    }
    if (rc < 0) {
        err_wrap(err, "%s", path);
    }
    return rc;
}

/* ---- defaults -------------------------------------------------------------------------------------------------- */

void params_init(struct params *p)
{
    static const struct ctr_description borders = {CTR_BORDERS, 3, {0, 0.5f, 1}, 15, 0};
    static const struct ctr_description counter = {CTR_COUNTER, 1, {0}, 15, 0};
    *p = (struct params){.loss = {.type = LOSS_RMSE, .n_alphas = 1, .alphas = {0.5}, .delta = 1e-6},
                         .iterations = 1000,
                         .learning_rate = 0.03,
                         .depth = 6,
                         .l2_leaf_reg = 3,
                         .random_strength = 1,
                         .rsm = 1,
                         .border_count = 254,
                         .subsample = 0.8,
                         .bagging_temperature = 1,
                         .mvs_reg = -1,
                         .leaf_estimation_iterations = 1,
                         .backtracking = BACKTRACKING_ANY_IMPROVEMENT,
                         .bootstrap_type = BOOTSTRAP_MVS,
                         .one_hot_max_size = 2,
                         .max_ctr_complexity = 4,
                         .model_size_reg = 0.5,
                         .permutation_count = 4,
                         .target_border_count = 1,
                         .best_model_min_trees = 1,
                         .od_wait = 20,
                         .n_simple_ctrs = 2,
                         .n_combination_ctrs = 2};
    p->simple_ctrs[0] = p->combination_ctrs[0] = borders;
    p->simple_ctrs[1] = p->combination_ctrs[1] = counter;
    p->eval_metric.loss = p->loss;
}
