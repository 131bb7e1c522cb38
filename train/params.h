/* Training parameters: one table with CatBoost's names, defaults and ranges.
 *
 *     struct params p;
 *     params_init(&p);
 *     params_set(&p, STR("loss_function"), STR("RMSE"), err);
 *     params_set(&p, STR("iterations"), STR("800"), err);
 *
 * A value that the caller did not set keeps CatBoost's default, which for some depends on the data; boost_fit works on
 * a copy completed by params_resolve. An unknown name or a value out of range is MRC_EINVAL naming it and what is
 * allowed; a known one that this version does not do is MRC_EUNSUPPORTED. A struct params holds no memory: copy it
 * freely. */
#ifndef MRC_TRAIN_PARAMS_H
#define MRC_TRAIN_PARAMS_H

#include "common/base/json.h"
#include "common/trees/model.h"

enum loss_type {
    LOSS_RMSE,
    LOSS_LOGLOSS,
    LOSS_CROSS_ENTROPY,
    LOSS_MAE,
    LOSS_QUANTILE,
    LOSS_POISSON,
    LOSS_MULTICLASS,
    LOSS_MULTI_QUANTILE,
    LOSS_TWEEDIE,
    LOSS_HUBER,
    LOSS_EXPECTILE,
    LOSS_LOGCOSH,
    LOSS_MAPE,
    LOSS_RMSE_WITH_UNCERTAINTY,
    LOSS__COUNT
};

enum { LOSS_ALPHAS_MAX = 32 };

/* A loss with its own parameters: "Quantile:alpha=0.9", "MultiQuantile:alpha=0.1,0.5,0.9",
 * "Tweedie:variance_power=1.7". */
struct loss {
    enum loss_type type;
    uint32_t n_alphas;
    double alphas[LOSS_ALPHAS_MAX]; /* Quantile, Expectile: one; MultiQuantile: as given */
    double delta;                   /* Quantile family: half width of the flat zone (1e-6); Huber: the corner */
    double power;                   /* Tweedie: variance power */
};

/* What judges the eval set: a loss, or a metric of its own. */
enum metric_type { METRIC_LOSS, METRIC_R2, METRIC_AUC, METRIC_ACCURACY, METRIC__COUNT };
struct metric {
    enum metric_type type;
    struct loss loss; /* METRIC_LOSS: which */
};

enum score_function { SCORE_COSINE, SCORE_L2 };
enum bootstrap_type { BOOTSTRAP_NO, BOOTSTRAP_BERNOULLI, BOOTSTRAP_BAYESIAN, BOOTSTRAP_MVS };
enum leaf_method { LEAF_NEWTON, LEAF_GRADIENT, LEAF_EXACT };
enum border_type {
    BORDER_GREEDY_LOG_SUM,
    BORDER_MEDIAN,
    BORDER_UNIFORM,
    BORDER_UNIFORM_AND_QUANTILES,
    BORDER_MIN_ENTROPY,
    BORDER_MAX_LOG_SUM,
    BORDER_GREEDY_MIN_ENTROPY
};
enum nan_mode { NAN_MODE_MIN, NAN_MODE_MAX, NAN_MODE_FORBIDDEN };
enum boosting_type { BOOSTING_PLAIN, BOOSTING_ORDERED };
enum grow_policy { GROW_SYMMETRIC, GROW_DEPTHWISE, GROW_LOSSGUIDE };
enum od_type { OD_NONE, OD_ITER, OD_INC_TO_DEC };
enum backtracking { BACKTRACKING_NO, BACKTRACKING_ANY_IMPROVEMENT };
enum counter_method { COUNTER_SKIP_TEST, COUNTER_FULL };
enum auto_class_weights { CLASS_WEIGHTS_NONE, CLASS_WEIGHTS_BALANCED, CLASS_WEIGHTS_SQRT_BALANCED };

enum { CTR_PRIORS_MAX = 8, CTR_DESCRIPTIONS_MAX = 8 };
struct ctr_description {
    enum ctr_type type; /* Borders, Buckets, BinarizedTargetMeanValue, Counter */
    uint32_t n_priors;
    float priors[CTR_PRIORS_MAX];
    uint32_t border_count;   /* bins - 1 of the statistic: 1 … 255, default 15 */
    uint32_t target_borders; /* borders of the target: 1 … 255; 0 = target_border_count */
};

/* Every row of the table in params.c has a number, to ask whether the caller set it. */
enum param_id {
    PARAM_LOSS_FUNCTION,
    PARAM_EVAL_METRIC,
    PARAM_ITERATIONS,
    PARAM_LEARNING_RATE,
    PARAM_DEPTH,
    PARAM_L2_LEAF_REG,
    PARAM_RANDOM_SEED,
    PARAM_RANDOM_STRENGTH,
    PARAM_RSM,
    PARAM_BORDER_COUNT,
    PARAM_FEATURE_BORDER_TYPE,
    PARAM_NAN_MODE,
    PARAM_SCORE_FUNCTION,
    PARAM_GROW_POLICY,
    PARAM_BOOSTING_TYPE,
    PARAM_BOOTSTRAP_TYPE,
    PARAM_SUBSAMPLE,
    PARAM_BAGGING_TEMPERATURE,
    PARAM_MVS_REG,
    PARAM_LEAF_ESTIMATION_METHOD,
    PARAM_LEAF_ESTIMATION_ITERATIONS,
    PARAM_LEAF_ESTIMATION_BACKTRACKING,
    PARAM_BOOST_FROM_AVERAGE,
    PARAM_HAS_TIME,
    PARAM_ONE_HOT_MAX_SIZE,
    PARAM_MAX_CTR_COMPLEXITY,
    PARAM_SIMPLE_CTR,
    PARAM_COMBINATIONS_CTR,
    PARAM_COUNTER_CALC_METHOD,
    PARAM_MODEL_SIZE_REG,
    PARAM_PERMUTATION_COUNT,
    PARAM_FOLD_PERMUTATION_BLOCK,
    PARAM_TARGET_BORDER_COUNT,
    PARAM_USE_BEST_MODEL,
    PARAM_BEST_MODEL_MIN_TREES,
    PARAM_OD_TYPE,
    PARAM_OD_WAIT,
    PARAM_OD_PVAL,
    PARAM_EARLY_STOPPING_ROUNDS,
    PARAM_CLASSES_COUNT,
    PARAM_AUTO_CLASS_WEIGHTS,
    PARAM_ALLOW_CONST_LABEL,
    PARAM_SAMPLING_FREQUENCY,
    PARAM_MODEL_SHRINK_RATE,
    PARAM_THREAD_COUNT,
    PARAM_USED_RAM_LIMIT,
    PARAM_IGNORED, /* accepted for CatBoost's sake, without effect on the model: verbose, train_dir, … */
    PARAM__COUNT
};

struct params {
    struct loss loss;
    struct metric eval_metric; /* judges the eval set; unset: the loss */
    int64_t iterations, depth, border_count, leaf_estimation_iterations, one_hot_max_size, max_ctr_complexity;
    int64_t permutation_count, fold_permutation_block, target_border_count, best_model_min_trees, od_wait;
    int64_t early_stopping_rounds, classes_count;
    int64_t thread_count; /* 0 or -1 = as many as there are CPUs; the result does not depend on it */
    uint64_t random_seed;
    uint64_t memory_max;  /* bytes that data and training may take together; 0 = any amount */
    double learning_rate; /* used as float32 */
    double l2_leaf_reg, random_strength, rsm, subsample, bagging_temperature, mvs_reg, model_size_reg, od_pval;
    double model_shrink_rate;
    int64_t border_type, nan_mode, score_function, grow_policy, boosting_type, bootstrap_type, leaf_method;
    int64_t backtracking, counter_method, od_type, auto_class_weights, sampling_frequency; /* the enums above */
    bool boost_from_average, has_time, use_best_model, allow_const_label;
    uint32_t n_simple_ctrs, n_combination_ctrs;
    struct ctr_description simple_ctrs[CTR_DESCRIPTIONS_MAX], combination_ctrs[CTR_DESCRIPTIONS_MAX];
    bool is_set[PARAM__COUNT];
};

/* CatBoost's defaults, nothing set. */
void params_init(struct params *p);
/* Set one by CatBoost's name or alias (n_estimators, eta, …) from text. */
int params_set(struct params *p, struct str name, struct str value, struct mrc_err *err) MRC_CHECKED;
/* The i-th parameter, for a command line; false beyond the last. */
struct param_option {
    const char *names; /* its name, then aliases, separated by '|' */
    const char *help;  /* NULL: not worth showing */
    bool is_flag;      /* true or false */
};
bool params_option(size_t i, struct param_option *out);
/* Set from a JSON object {name: value} (the argument of CatBoost's Python constructor), or such a file. */
int params_set_json(struct params *p, const struct json *object, struct mrc_err *err) MRC_CHECKED;
int params_read(struct params *p, const char *path, struct mrc_err *err) MRC_CHECKED;

/* What the defaults that depend on the data need to know. */
struct params_facts {
    size_t n_rows, n_eval_rows; /* n_eval_rows 0: no eval set */
    uint32_t n_features;
    bool eval_target_constant, has_baseline;
};
/* Complete the unset values as CatBoost does (learning rate, leaf estimation, sampling, …) and check that all of them
 * agree. MRC_EINVAL, MRC_EUNSUPPORTED. */
int params_resolve(struct params *p, const struct params_facts *facts, struct mrc_err *err) MRC_CHECKED;
/* Write resolved params as CatBoost's nested "params" object of a model. No thread count, no time: equal runs give
 * equal text. */
void params_write(const struct params *p, struct json_out *w);

/* "RMSE", "Quantile", …; "?" for none. */
const char *loss_name(enum loss_type type);
/* Read "Name:key=value;key=value". MRC_EINVAL names the unknown loss or key. */
int loss_parse(struct loss *loss, struct str text, struct mrc_err *err) MRC_CHECKED;

#endif
