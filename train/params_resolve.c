/* Defaults that depend on the data, agreement between parameters, and the parameters as CatBoost writes them. */
#include "train/metric.h"
#include "train/params.h"

#include <math.h>

/* ---- learning rate --------------------------------------------------------------------------------------------- */

/* CatBoost's fitted table for the CPU: rate = exp(a ln N + b) * exp(c ln I + d) / exp(c ln 1000 + d), at most 0.5. */
static const struct {
    enum loss_type loss;
    bool best_model, from_average;
    double a, b, c, d;
} rates[] = {
    {LOSS_LOGLOSS, true, true, 0.246, -5.127, -0.451, 0.978},
    {LOSS_LOGLOSS, false, true, 0.408, -7.299, -0.928, 2.701},
    {LOSS_LOGLOSS, true, false, 0.247, -5.158, -0.435, 0.934},
    {LOSS_LOGLOSS, false, false, 0.427, -7.525, -0.917, 2.63},
    {LOSS_MULTICLASS, true, false, 0.02, -2.364, -0.382, 0.924},
    {LOSS_MULTICLASS, false, false, 0.051, -2.889, -0.845, 2.928},
    {LOSS_RMSE, true, true, 0.157, -4.062, -0.61, 1.557},
    {LOSS_RMSE, false, true, 0.158, -4.287, -0.813, 2.571},
    {LOSS_RMSE, true, false, 0.189, -4.383, -0.623, 1.439},
    {LOSS_RMSE, false, false, 0.178, -4.473, -0.76, 2.133},
};

static double automatic_rate(const struct params *p, size_t n_rows)
{
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        if (rates[i].loss == p->loss.type && rates[i].best_model == p->use_best_model &&
            rates[i].from_average == p->boost_from_average) {
            double rate = exp(rates[i].a * log((double)n_rows) + rates[i].b) *
                          exp(rates[i].c * log((double)p->iterations) + rates[i].d) /
                          exp(rates[i].c * log(1000.0) + rates[i].d);
            return round(fmin(rate, 0.5) * 1e6) / 1e6;
        }
    }
    return 0.03;
}

/* ---- completion ------------------------------------------------------------------------------------------------ */

static int resolve_leaves(struct params *p, const struct params_facts *facts, struct mrc_err *err)
{
    const struct objective *o = objective_of(p->loss.type);
    if (!p->is_set[PARAM_LEAF_ESTIMATION_METHOD]) {
        p->leaf_method = o->method;
    }
    if (p->leaf_method == LEAF_NEWTON && !o->has_newton) {
        return mrc_fail(err, MRC_EINVAL, "parameter leaf_estimation_method: %s has no second derivative; use %s",
                        o->name, o->has_exact ? "Exact or Gradient" : "Gradient");
    }
    if (p->leaf_method == LEAF_EXACT && !o->has_exact) {
        return mrc_fail(err, MRC_EINVAL,
                        "parameter leaf_estimation_method: Exact is not for %s; use Newton or Gradient", o->name);
    }
    if (!p->is_set[PARAM_LEAF_ESTIMATION_ITERATIONS]) {
        p->leaf_estimation_iterations = p->leaf_method == LEAF_NEWTON     ? o->newton_iterations
                                        : p->leaf_method == LEAF_GRADIENT ? o->gradient_iterations
                                                                          : 1;
        if (p->iterations < 200 && facts->n_features < 20) {
            p->leaf_estimation_iterations = 1;
        }
    }
    if (p->leaf_method == LEAF_EXACT && p->leaf_estimation_iterations > 1) {
        return mrc_fail(err, MRC_EINVAL, "parameter leaf_estimation_iterations: Exact takes one iteration");
    }
    return MRC_OK;
}

static int resolve_sampling(struct params *p, const struct params_facts *facts, struct mrc_err *err)
{
    if (!p->is_set[PARAM_BOOTSTRAP_TYPE]) {
        p->bootstrap_type = p->loss.type == LOSS_MULTICLASS ? BOOTSTRAP_BAYESIAN : BOOTSTRAP_MVS;
    }
    if (p->is_set[PARAM_SUBSAMPLE] && (p->bootstrap_type == BOOTSTRAP_NO || p->bootstrap_type == BOOTSTRAP_BAYESIAN)) {
        return mrc_fail(err, MRC_EINVAL, "parameter subsample: only with bootstrap_type Bernoulli or MVS");
    }
    if (p->is_set[PARAM_BAGGING_TEMPERATURE] && p->bootstrap_type != BOOTSTRAP_BAYESIAN) {
        return mrc_fail(err, MRC_EINVAL, "parameter bagging_temperature: only with bootstrap_type Bayesian");
    }
    if (p->is_set[PARAM_MVS_REG] && p->bootstrap_type != BOOTSTRAP_MVS) {
        return mrc_fail(err, MRC_EINVAL, "parameter mvs_reg: only with bootstrap_type MVS");
    }
    if (!p->is_set[PARAM_SUBSAMPLE]) {
        p->subsample = p->bootstrap_type == BOOTSTRAP_BERNOULLI ? 0.66 : facts->n_rows < 100 ? 1 : 0.8;
    }
    return MRC_OK;
}

static int resolve_stopping(struct params *p, const struct params_facts *facts, struct mrc_err *err)
{
    if (p->is_set[PARAM_EARLY_STOPPING_ROUNDS]) {
        if (p->is_set[PARAM_OD_WAIT] && p->od_wait != p->early_stopping_rounds) {
            return mrc_fail(err, MRC_EINVAL, "parameters early_stopping_rounds and od_wait differ");
        }
        p->od_wait = p->early_stopping_rounds;
    }
    if (!p->is_set[PARAM_OD_TYPE]) {
        bool wait = p->is_set[PARAM_EARLY_STOPPING_ROUNDS] || p->is_set[PARAM_OD_WAIT];
        p->od_type = p->is_set[PARAM_EARLY_STOPPING_ROUNDS]       ? OD_ITER
                     : p->is_set[PARAM_OD_PVAL] && p->od_pval > 0 ? OD_INC_TO_DEC
                     : wait                                       ? OD_ITER
                                                                  : OD_NONE;
    }
    if (p->od_type == OD_INC_TO_DEC && !(p->od_pval > 0)) {
        p->od_type = OD_NONE; /* inactive, as in CatBoost */
    }
    if (facts->n_eval_rows == 0) {
        p->od_type = OD_NONE;
        p->use_best_model = false;
    } else if (!p->is_set[PARAM_USE_BEST_MODEL]) {
        p->use_best_model = !facts->eval_target_constant;
    }
    return MRC_OK;
}

static double to_float(double v)
{
    return (double)(float)v;
}

int params_resolve(struct params *p, const struct params_facts *facts, struct mrc_err *err)
{
    const struct objective *o = objective_of(p->loss.type);
    MRC_TRY(resolve_stopping(p, facts, err));
    if (facts->has_baseline && p->is_set[PARAM_BOOST_FROM_AVERAGE] && p->boost_from_average) {
        return mrc_fail(err, MRC_EINVAL, "parameter boost_from_average: not with a baseline column");
    }
    if (!p->is_set[PARAM_BOOST_FROM_AVERAGE]) {
        p->boost_from_average = o->from_average && !facts->has_baseline;
    } else if (p->boost_from_average && !o->has_start) {
        return mrc_fail(err, MRC_EINVAL, "parameter boost_from_average: not for %s", o->name);
    }
    bool automatic = !p->is_set[PARAM_LEARNING_RATE] && !p->is_set[PARAM_LEAF_ESTIMATION_METHOD] &&
                     !p->is_set[PARAM_LEAF_ESTIMATION_ITERATIONS] && !p->is_set[PARAM_L2_LEAF_REG];
    if (automatic) {
        p->learning_rate = automatic_rate(p, facts->n_rows);
    }
    MRC_TRY(resolve_leaves(p, facts, err));
    MRC_TRY(resolve_sampling(p, facts, err));
    if (p->iterations < 200 && !p->is_set[PARAM_MAX_CTR_COMPLEXITY]) {
        p->max_ctr_complexity = 1;
    }
    if (p->auto_class_weights != CLASS_WEIGHTS_NONE && !o->is_classes && !o->is_binary) {
        return mrc_fail(err, MRC_EINVAL, "parameter auto_class_weights: only for Logloss and MultiClass");
    }
    if (!p->is_set[PARAM_EVAL_METRIC]) {
        p->eval_metric = (struct metric){.type = METRIC_LOSS, .loss = p->loss};
    }
    if (p->has_time) {
        p->permutation_count = 1;
    }
    if (p->fold_permutation_block == 0) {
        size_t block = facts->n_rows / 1000 + 1;
        p->fold_permutation_block = (int64_t)(block < 256 ? block : 256);
    }
    /* CatBoost keeps these as float32. */
    p->learning_rate = to_float(p->learning_rate);
    p->l2_leaf_reg = p->l2_leaf_reg > 0 ? to_float(p->l2_leaf_reg) : 1e-20;
    p->random_strength = to_float(p->random_strength);
    p->rsm = to_float(p->rsm);
    p->subsample = to_float(p->subsample);
    p->bagging_temperature = to_float(p->bagging_temperature);
    p->model_size_reg = to_float(p->model_size_reg);
    return MRC_OK;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static const char *const border_names[] = {"GreedyLogSum", "Median",    "Uniform",         "UniformAndQuantiles",
                                           "MinEntropy",   "MaxLogSum", "GreedyMinEntropy"};
static const char *const nan_names[] = {"Min", "Max", "Forbidden"};
static const char *const score_names[] = {"Cosine", "L2"};
static const char *const bootstrap_names[] = {"No", "Bernoulli", "Bayesian", "MVS"};
static const char *const method_names[] = {"Newton", "Gradient", "Exact"};
static const char *const od_names[] = {"None", "Iter", "IncToDec"};
static const char *const weight_names[] = {"None", "Balanced", "SqrtBalanced"};

static void write_loss(const struct loss *loss, struct json_out *w)
{
    json_open_object(w);
    json_pair_cstr(w, "type", loss_name(loss->type));
    json_put_key(w, "params");
    json_open_object(w);
    char text[NUMBER_TEXT_MAX];
    bool alpha = loss->type == LOSS_QUANTILE || loss->type == LOSS_EXPECTILE || loss->type == LOSS_MULTI_QUANTILE;
    if (alpha) {
        struct buf list;
        buf_init(&list, NULL, 4096);
        for (uint32_t i = 0; i < loss->n_alphas; i++) {
            buf_puts(&list, i ? "," : "");
            buf_double(&list, loss->alphas[i]);
        }
        json_pair_str(w, "alpha", buf_text(&list));
        buf_release(&list);
    }
    if (loss->type == LOSS_HUBER) {
        format_double(loss->delta, text);
        json_pair_cstr(w, "delta", text);
    }
    if (loss->type == LOSS_TWEEDIE) {
        format_double(loss->power, text);
        json_pair_cstr(w, "variance_power", text);
    }
    json_close_object(w);
    json_close_object(w);
}

static void write_boosting(const struct params *p, struct json_out *w)
{
    json_put_key(w, "boosting_options");
    json_open_object(w);
    json_pair_bool(w, "boost_from_average", p->boost_from_average);
    json_pair_cstr(w, "boosting_type", "Plain");
    json_pair_i64(w, "fold_permutation_block", p->is_set[PARAM_FOLD_PERMUTATION_BLOCK] ? p->fold_permutation_block : 0);
    json_pair_i64(w, "iterations", p->iterations);
    json_pair_double(w, "learning_rate", p->learning_rate);
    json_put_key(w, "od_config");
    json_open_object(w);
    json_pair_double(w, "stop_pvalue", p->od_pval);
    json_pair_cstr(w, "type", od_names[p->od_type]);
    json_pair_i64(w, "wait_iterations", p->od_wait);
    json_close_object(w);
    json_pair_i64(w, "permutation_count", p->permutation_count);
    json_close_object(w);
}

static void write_ctrs(const struct ctr_description *d, uint32_t n, struct json_out *w)
{
    json_open_array(w);
    for (uint32_t i = 0; i < n; i++) {
        json_open_object(w);
        json_put_key(w, "ctr_binarization");
        json_open_object(w);
        json_pair_i64(w, "border_count", d[i].border_count);
        json_pair_cstr(w, "border_type", "Uniform");
        json_close_object(w);
        json_pair_cstr(w, "ctr_type", ctr_type_name(d[i].type));
        json_put_key(w, "priors");
        json_open_array(w);
        for (uint32_t k = 0; k < d[i].n_priors; k++) {
            json_open_array(w);
            json_put_double(w, (double)d[i].priors[k]);
            json_put_i64(w, 1);
            json_close_array(w);
        }
        json_close_array(w);
        json_close_object(w);
    }
    json_close_array(w);
}

static void write_categories(const struct params *p, struct json_out *w)
{
    json_put_key(w, "cat_feature_params");
    json_open_object(w);
    json_put_key(w, "combinations_ctrs");
    write_ctrs(p->combination_ctrs, p->n_combination_ctrs, w);
    json_pair_cstr(w, "counter_calc_method", "SkipTest");
    json_pair_i64(w, "max_ctr_complexity", p->max_ctr_complexity);
    json_pair_i64(w, "one_hot_max_size", p->one_hot_max_size);
    json_put_key(w, "simple_ctrs");
    write_ctrs(p->simple_ctrs, p->n_simple_ctrs, w);
    json_put_key(w, "target_binarization");
    json_open_object(w);
    json_pair_i64(w, "border_count", p->target_border_count);
    json_pair_cstr(w, "border_type", "MinEntropy");
    json_close_object(w);
    json_close_object(w);
}

static void write_data(const struct params *p, struct json_out *w)
{
    json_put_key(w, "data_processing_options");
    json_open_object(w);
    json_pair_bool(w, "allow_const_label", p->allow_const_label);
    json_pair_cstr(w, "auto_class_weights", weight_names[p->auto_class_weights]);
    json_pair_i64(w, "classes_count", p->classes_count);
    json_put_key(w, "float_features_binarization");
    json_open_object(w);
    json_pair_i64(w, "border_count", p->border_count);
    json_pair_cstr(w, "border_type", border_names[p->border_type]);
    json_pair_cstr(w, "nan_mode", nan_names[p->nan_mode]);
    json_close_object(w);
    json_pair_bool(w, "has_time", p->has_time);
    json_close_object(w);
}

static void write_trees(const struct params *p, struct json_out *w)
{
    json_put_key(w, "tree_learner_options");
    json_open_object(w);
    json_put_key(w, "bootstrap");
    json_open_object(w);
    if (p->bootstrap_type == BOOTSTRAP_BAYESIAN) {
        json_pair_double(w, "bagging_temperature", p->bagging_temperature);
    } else if (p->bootstrap_type != BOOTSTRAP_NO) {
        json_pair_double(w, "subsample", p->subsample);
    }
    json_pair_cstr(w, "type", bootstrap_names[p->bootstrap_type]);
    json_close_object(w);
    json_pair_i64(w, "depth", p->depth);
    json_pair_cstr(w, "grow_policy", "SymmetricTree");
    json_pair_double(w, "l2_leaf_reg", p->l2_leaf_reg);
    json_pair_cstr(w, "leaf_estimation_backtracking", p->backtracking == BACKTRACKING_NO ? "No" : "AnyImprovement");
    json_pair_i64(w, "leaf_estimation_iterations", p->leaf_estimation_iterations);
    json_pair_cstr(w, "leaf_estimation_method", method_names[p->leaf_method]);
    json_pair_double(w, "model_size_reg", p->model_size_reg);
    json_pair_double(w, "random_strength", p->random_strength);
    json_pair_double(w, "rsm", p->rsm);
    json_pair_cstr(w, "score_function", score_names[p->score_function]);
    json_close_object(w);
}

void params_write(const struct params *p, struct json_out *w)
{
    json_open_object(w);
    write_boosting(p, w);
    write_categories(p, w);
    write_data(p, w);
    json_put_key(w, "flat_params"); /* CatBoost's Python warns about a model without it */
    json_open_object(w);
    json_pair_i64(w, "depth", p->depth);
    json_pair_i64(w, "iterations", p->iterations);
    json_pair_double(w, "learning_rate", p->learning_rate);
    json_close_object(w);
    json_put_key(w, "loss_function");
    write_loss(&p->loss, w);
    json_put_key(w, "metrics");
    json_open_object(w);
    json_put_key(w, "eval_metric");
    if (p->eval_metric.type == METRIC_LOSS) {
        write_loss(&p->eval_metric.loss, w);
    } else {
        json_open_object(w);
        json_pair_cstr(w, "type", metric_name(&p->eval_metric));
        json_put_key(w, "params");
        json_open_object(w);
        json_close_object(w);
        json_close_object(w);
    }
    json_close_object(w);
    json_put_key(w, "random_seed");
    json_put_u64(w, p->random_seed);
    json_pair_cstr(w, "task_type", "CPU");
    write_trees(p, w);
    json_close_object(w);
}
