/* The boosting loop: folds, one tree at a time, early stopping, the best model. */
#include "train/boost.h"
#include "train/assemble.h"
#include "train/fit_memory.h"
#include "train/leaves.h"
#include "train/metric.h"
#include "train/permutation.h"
#include "train/sampling.h"
#include "train/stopping.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Below so many cells of the table that a level looks at, a further thread costs more than it brings. */
enum { CELLS_PER_THREAD = 100000 };

/* One order of the rows with its own approximations. The last fold is the averaging fold, whose leaf values are the
 * model's; the others are there to find structures. */
struct fold {
    uint32_t *rows; /* NULL = 0, 1, 2, … */
    uint32_t order; /* in the target statistics */
    double *approx; /* [dim][n] */
};

struct trainer {
    const struct dataset *learn_data, *eval_data;
    struct params params; /* resolved */
    struct labels labels;
    uint32_t dim;
    int threads;
    struct random random;
    double started;

    struct grid *grids;
    uint32_t *row_order; /* pool row -> data row, NULL = the same */
    struct pool learn, eval;
    bool has_statistics;
    struct target_stats stats;
    const uint32_t **orders;
    uint32_t *fold_orders; /* [folds + 1] their numbers, then that of the eval set */
    uint32_t n_learning;   /* folds that find structures; fold n_learning is the averaging one */
    struct fold *folds;    /* [n_learning + 1]; all the same when they share approximations */
    bool shared;           /* one fold is both */

    struct tree_search *search;
    double *bias, *d1, *eval_approx;
    double *squares; /* [chunks of d1] sums of squares */
    float *sample;
    struct row_leaves leaves, eval_leaves;
    uint32_t structure_fold;       /* the one that found this tree */
    double *values, *leaf_weights; /* [leaves][dim] and [leaves] of a learning fold */
    double l2, leaf_size;

    uint32_t n_trees, tree_capacity;
    struct trained_tree *trees;
    double *learn_loss, *eval_loss, *eval_metric; /* eval_metric NULL: it is the loss */
    struct stopping stopping;
};

static int no_memory(struct mrc_err *err)
{
    return mrc_fail(err, MRC_ENOMEM, "no memory to train");
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double *new_doubles(size_t n)
{
    return calloc(n > 0 ? n : 1, sizeof(double));
}

/* ---- data ------------------------------------------------------------------------------------------------------ */

struct timed {
    int64_t time;
    uint32_t row;
};

static int compare_timed(const void *a, const void *b)
{
    const struct timed *x = a, *y = b;
    if (x->time != y->time) {
        return x->time < y->time ? -1 : 1;
    }
    return (x->row > y->row) - (x->row < y->row);
}

static int order_by_time(struct trainer *t, struct mrc_err *err)
{
    const struct dataset *d = t->learn_data;
    struct timed *timed = malloc(d->n_rows * sizeof(*timed));
    t->row_order = malloc(d->n_rows * sizeof(*t->row_order));
    if (!timed || !t->row_order) {
        free(timed);
        return no_memory(err);
    }
    for (size_t i = 0; i < d->n_rows; i++) {
        timed[i] = (struct timed){d->timestamp[i], (uint32_t)i};
    }
    qsort(timed, d->n_rows, sizeof(*timed), compare_timed);
    for (size_t i = 0; i < d->n_rows; i++) {
        t->row_order[i] = timed[i].row;
    }
    free(timed);
    return MRC_OK;
}

/* Learning order: by time when asked for, shuffled when there are categories, else as the rows come. */
static int order_rows(struct trainer *t, struct mrc_err *err)
{
    const struct dataset *d = t->learn_data;
    bool by_time = t->params.has_time && d->timestamp;
    bool shuffled = !t->params.has_time && d->n_cats > 0;
    if (!by_time && !shuffled) {
        return MRC_OK;
    }
    if (by_time) {
        return order_by_time(t, err);
    }
    return d->group ? permute_groups(&t->random, d->group, NULL, d->n_rows, &t->row_order, err)
                    : permute_blocks(&t->random, d->n_rows, 1, &t->row_order, err);
}

static int check_target(const struct trainer *t, const struct pool *pool, const char *which, struct mrc_err *err)
{
    const struct objective *o = objective_of(t->params.loss.type);
    for (size_t i = 0; i < pool->n; i++) {
        const char *rule = o->target_rule(pool->target[i]);
        if (rule) {
            char text[NUMBER_TEXT_MAX];
            format_float(pool->target[i], text);
            return mrc_fail(err, MRC_EFORMAT, "%s: target %s is not %s, as %s needs", which, text, rule, o->name);
        }
    }
    return MRC_OK;
}

static bool is_constant(const float *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (v[i] != v[0]) {
            return false;
        }
    }
    return true;
}

static int check_data(const struct trainer *t, struct mrc_err *err)
{
    const struct dataset *learn = t->learn_data, *eval = t->eval_data;
    if (!learn->target) {
        return mrc_fail(err, MRC_EFORMAT, "the learn set has no target");
    }
    if (eval && !eval->target) {
        return mrc_fail(err, MRC_EFORMAT, "the eval set has no target");
    }
    if (learn->n_features == 0) {
        return mrc_fail(err, MRC_EFORMAT, "the learn set has no feature columns");
    }
    if (is_constant(learn->target, learn->n_rows) && !t->params.allow_const_label) {
        char text[NUMBER_TEXT_MAX];
        format_float(learn->target[0], text);
        return mrc_fail(err, MRC_EFORMAT, "the target is constant (%s): there is nothing to learn", text);
    }
    if (eval && dataset_check_alike(learn, eval, err) < 0) {
        return err_wrap(err, "eval set");
    }
    return MRC_OK;
}

static int prepare_data(struct trainer *t, struct mrc_err *err)
{
    struct params_facts facts = {.n_rows = t->learn_data->n_rows,
                                 .n_eval_rows = t->eval_data ? t->eval_data->n_rows : 0,
                                 .n_features = t->learn_data->n_features,
                                 .has_baseline = t->learn_data->n_baselines > 0};
    MRC_TRY(check_data(t, err));
    facts.eval_target_constant = t->eval_data && is_constant(t->eval_data->target, t->eval_data->n_rows);
    MRC_TRY(params_resolve(&t->params, &facts, err));
    MRC_TRY(labels_find(&t->labels, t->learn_data, &t->params, err));
    t->dim = objective_dim(&t->params.loss, t->labels.n);
    if (t->learn_data->n_baselines > 0 && t->learn_data->n_baselines != t->dim) {
        return mrc_fail(err, MRC_EFORMAT, "%u baseline columns; %s takes one for each of its %u outputs",
                        t->learn_data->n_baselines, loss_name(t->params.loss.type), t->dim);
    }
    const char *misfit = metric_misfit(&t->params.eval_metric, &t->params.loss, t->dim, t->labels.n);
    if (misfit) {
        return mrc_fail(err, MRC_EINVAL, "parameter eval_metric: %s does not fit %s: %s",
                        metric_name(&t->params.eval_metric), loss_name(t->params.loss.type), misfit);
    }
    MRC_TRY(fit_memory_check(t->learn_data, t->eval_data, &t->params, t->dim, err));
    random_init(&t->random, t->params.random_seed);
    MRC_TRY(order_rows(t, err));
    t->grids = calloc((size_t)t->learn_data->n_floats + 1, sizeof(*t->grids));
    if (!t->grids) {
        return no_memory(err);
    }
    MRC_TRY(pool_learn(&t->learn, t->grids, t->learn_data, &t->params, t->row_order, t->threads, err));
    MRC_TRY(labels_apply(&t->labels, t->learn_data, t->learn.target, t->learn.n, err));
    MRC_TRY(check_target(t, &t->learn, "learn set", err));
    if (t->params.auto_class_weights != CLASS_WEIGHTS_NONE) {
        MRC_TRY(labels_weigh(&t->labels, &t->learn, (enum auto_class_weights)t->params.auto_class_weights, err));
    }
    if (t->eval_data) {
        MRC_TRY(pool_eval(&t->eval, &t->learn, t->eval_data, &t->params, err));
        if (labels_apply(&t->labels, t->eval_data, t->eval.target, t->eval.n, err) < 0) {
            return err_wrap(err, "eval set");
        }
        MRC_TRY(check_target(t, &t->eval, "eval set", err));
    }
    return MRC_OK;
}

/* ---- folds ----------------------------------------------------------------------------------------------------- */

static int shuffle_rows(struct trainer *t, uint32_t **out, struct mrc_err *err)
{
    const uint32_t *group = t->learn_data->group;
    return group ? permute_groups(&t->random, group, t->row_order, t->learn.n, out, err)
                 : permute_blocks(&t->random, t->learn.n, (size_t)t->params.fold_permutation_block, out, err);
}

static bool needs_statistics(const struct trainer *t)
{
    for (uint32_t k = 0; k < t->learn.n_cats; k++) {
        if (t->learn.cats[k].n_ids > 1 && !t->learn.cats[k].bins.u8) {
            return t->params.max_ctr_complexity > 0;
        }
    }
    return false;
}

static int prepare_folds(struct trainer *t, struct mrc_err *err)
{
    t->has_statistics = needs_statistics(t);
    bool permuted = t->has_statistics && !t->params.has_time;
    int64_t learning = permuted ? t->params.permutation_count - 1 : 1;
    t->n_learning = (uint32_t)(learning > 1 ? learning : 1);
    t->shared = !permuted;
    uint32_t n_folds = t->n_learning + 1;
    t->folds = calloc(n_folds, sizeof(*t->folds));
    t->orders = calloc((size_t)n_folds + 1, sizeof(*t->orders));
    t->fold_orders = calloc((size_t)n_folds + 1, sizeof(*t->fold_orders));
    if (!t->folds || !t->orders || !t->fold_orders) {
        return no_memory(err);
    }
    uint32_t n_orders = 1; /* order 0: as the rows come */
    for (uint32_t f = 1; f < n_folds; f++) {
        if (permuted) {
            MRC_TRY(shuffle_rows(t, &t->folds[f].rows, err));
            t->folds[f].order = n_orders;
            t->orders[n_orders++] = t->folds[f].rows;
        }
    }
    for (uint32_t f = t->shared ? t->n_learning : 0; f < n_folds; f++) {
        t->folds[f].approx = new_doubles(t->learn.n * t->dim);
        if (!t->folds[f].approx) {
            return no_memory(err);
        }
    }
    if (!t->has_statistics) {
        return MRC_OK;
    }
    uint32_t n_classes = objective_of(t->params.loss.type)->is_classes ? t->labels.n : 0;
    return stats_init(&t->stats, &t->learn, t->eval_data ? &t->eval : NULL, &t->params, n_classes,
                      (const uint32_t *const *)t->orders, n_orders, err);
}

/* Where output d of a row starts: the baseline's score, or the same value for all. */
static void start_rows(double *approx, size_t n, const float *baseline, const uint32_t *order, double bias)
{
    for (size_t i = 0; i < n; i++) {
        approx[i] = baseline ? (double)baseline[order ? order[i] : i] : bias;
    }
}

static int start_values(struct trainer *t, struct mrc_err *err)
{
    const struct objective *o = objective_of(t->params.loss.type);
    const struct dataset *learn = t->learn_data, *eval = t->eval_data;
    if ((t->params.boost_from_average || o->always_start) && learn->n_baselines == 0) {
        MRC_TRY(objective_start(&t->params.loss, t->dim, t->learn.n, t->learn.target, t->learn.weight, t->bias, err));
    }
    for (uint32_t d = 0; d < t->dim; d++) {
        if (!isfinite(t->bias[d])) {
            return mrc_fail(err, MRC_EFORMAT, "the target is constant: there is no finite start value");
        }
        bool has_baseline = learn->n_baselines > 0;
        for (uint32_t f = t->shared ? t->n_learning : 0; f <= t->n_learning; f++) {
            start_rows(t->folds[f].approx + d * t->learn.n, t->learn.n, has_baseline ? learn->baselines[d] : NULL,
                       t->row_order, t->bias[d]);
        }
        if (eval) {
            start_rows(t->eval_approx + d * t->eval.n, t->eval.n, has_baseline ? eval->baselines[d] : NULL, NULL,
                       t->bias[d]);
        }
    }
    return MRC_OK;
}

static bool has_splits(const struct trainer *t)
{
    for (uint32_t k = 0; k < t->learn.n_floats; k++) {
        if (t->grids[k].n_borders > 0) {
            return true;
        }
    }
    for (uint32_t k = 0; k < t->learn.n_cats; k++) {
        if (t->learn.cats[k].n_ids > 1) {
            return true;
        }
    }
    return false;
}

static int prepare(struct trainer *t, struct mrc_err *err)
{
    MRC_TRY(prepare_data(t, err));
    if (!has_splits(t)) {
        return mrc_fail(err, MRC_EFORMAT, "all feature columns are constant: there is nothing to split");
    }
    MRC_TRY(prepare_folds(t, err));
    size_t n = t->learn.n, iterations = (size_t)t->params.iterations;
    size_t leaves = (size_t)1 << t->params.depth;
    bool has_metric = true;
    t->bias = new_doubles(t->dim);
    t->d1 = new_doubles(n * t->dim);
    t->squares = new_doubles(n * t->dim / LOSS_CHUNK + 1);
    t->sample = malloc(n * sizeof(*t->sample));
    t->values = new_doubles(leaves * t->dim);
    t->leaf_weights = new_doubles(leaves);
    t->learn_loss = new_doubles(iterations);
    t->eval_loss = new_doubles(iterations);
    if (t->eval_data && !metric_is_loss(&t->params.eval_metric, &t->params.loss)) {
        t->eval_metric = new_doubles(iterations);
        has_metric = t->eval_metric != NULL;
    }
    t->eval_approx = new_doubles(t->eval.n * t->dim);
    uint32_t depth = (uint32_t)t->params.depth;
    if (!t->bias || !t->d1 || !t->squares || !t->sample || !t->values || !t->leaf_weights || !t->learn_loss ||
        !t->eval_loss || !has_metric || !t->eval_approx || !row_leaves_init(&t->leaves, n, depth) ||
        !row_leaves_init(&t->eval_leaves, t->eval.n, depth)) {
        return no_memory(err);
    }
    MRC_TRY(stopping_init(&t->stopping, &t->params, err));
    MRC_TRY(start_values(t, err));
    double weight = 0;
    for (size_t i = 0; i < n; i++) {
        weight += t->learn.weight ? (double)t->learn.weight[i] : 1.0;
    }
    t->l2 = t->params.l2_leaf_reg * (weight / (double)n);
    t->leaf_size = -1;
    return tree_search_new(&t->search, &t->learn, t->has_statistics ? &t->stats : NULL, &t->params, t->dim, t->threads,
                           err);
}

/* ---- one tree -------------------------------------------------------------------------------------------------- */

static double sum_of_squares(const double *v, size_t n)
{
    enum { LANES = 4 }; /* sums in turn, so that one addition need not wait for the one before */
    double sums[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t k = 0; k < LANES; k++) {
            sums[k] += v[i + k] * v[i + k];
        }
    }
    for (; i < n; i++) {
        sums[0] += v[i] * v[i];
    }
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

static double noise_size(struct trainer *t, uint32_t iteration)
{
    size_t all = t->learn.n * t->dim, chunks = (all + LOSS_CHUNK - 1) / LOSS_CHUNK;
    double n = (double)t->learn.n, square = 0;
#pragma omp parallel for num_threads(t->threads) schedule(static) if (t->threads > 1 && chunks > 1)
    for (size_t c = 0; c < chunks; c++) {
        size_t begin = c * LOSS_CHUNK, count = all - begin < LOSS_CHUNK ? all - begin : LOSS_CHUNK;
        t->squares[c] = sum_of_squares(t->d1 + begin, count);
    }
    for (size_t c = 0; c < chunks; c++) {
        square += t->squares[c];
    }
    double left = exp(log(n) - (double)iteration * t->params.learning_rate);
    return t->params.random_strength * sqrt(square / n) * (left / (1 + left));
}

static int find_structure(struct trainer *t, uint32_t iteration, struct tree *tree, struct mrc_err *err)
{
    uint32_t f = (uint32_t)(random_next(&t->random) % t->n_learning);
    const struct fold *fold = &t->folds[f];
    t->structure_fold = f;
    const double *approx = t->shared ? t->folds[t->n_learning].approx : fold->approx;
    random_next(&t->random); /* CatBoost's seed for derivatives that need one */
    objective_derivatives(&t->params.loss, t->dim, t->learn.n, approx, t->learn.target, t->learn.weight, t->d1,
                          t->threads);
    struct tree_task task = {.order = fold->order, .d1 = t->d1, .random = &t->random};
    task.noise = t->params.random_strength > 0 ? noise_size(t, iteration) : 0;
    struct sampling_task sampling = {.params = &t->params,
                                     .n = t->learn.n,
                                     .rows = fold->rows,
                                     .dim = t->dim,
                                     .d1 = t->d1,
                                     .leaf_size = t->leaf_size,
                                     .random = &t->random,
                                     .threads = t->threads};
    enum sampled sampled;
    MRC_TRY(sampling_draw(&sampling, t->sample, &sampled, err));
    task.sample = sampled != SAMPLED_ALL ? t->sample : NULL;
    task.weighed = sampled == SAMPLED_WEIGHED;
    return tree_search_run(t->search, &task, tree, err);
}

/* All statistics that are needed to find the leaves of this tree's rows. */
static int compute_columns(struct trainer *t, const struct tree *tree, struct mrc_err *err)
{
    for (uint32_t f = 0; f <= t->n_learning; f++) {
        t->fold_orders[f] = t->folds[f].order;
    }
    t->fold_orders[t->n_learning + 1] = STATS_EVAL;
    return tree_compute_columns(tree, &t->stats, t->fold_orders, t->n_learning + 1 + (t->eval_data != NULL), t->threads,
                                err);
}

/* Leaves of the learn rows by a fold's order; the search knows them for the fold it worked on. */
static const struct row_leaves *learn_leaves(struct trainer *t, const struct tree *tree, uint32_t f)
{
    const struct row_leaves *leaves = t->shared || f == t->structure_fold ? tree_search_leaves(t->search) : NULL;
    if (leaves) {
        return leaves;
    }
    tree_leaves(tree, &t->learn, &t->stats, t->folds[f].order, &t->leaves, t->threads);
    return &t->leaves;
}

static int estimate(struct trainer *t, const struct fold *fold, const struct tree *tree,
                    const struct row_leaves *leaves, double *values, double *weights, uint32_t *steps,
                    struct mrc_err *err)
{
    leaves_weigh(leaves, t->learn.weight, t->learn.n, 1u << tree->depth, weights);
    struct leaf_task task = {.loss = &t->params.loss,
                             .leaf_weights = weights,
                             .dim = t->dim,
                             .n_leaves = 1u << tree->depth,
                             .n = t->learn.n,
                             .leaves = leaves->leaf,
                             .approx = fold->approx,
                             .target = t->learn.target,
                             .weight = t->learn.weight,
                             .method = (enum leaf_method)t->params.leaf_method,
                             .iterations = (uint32_t)t->params.leaf_estimation_iterations,
                             .backtracking = t->params.backtracking == BACKTRACKING_ANY_IMPROVEMENT,
                             .l2 = t->l2,
                             .threads = t->threads};
    MRC_TRY(leaves_estimate(&task, values, steps, err));
    for (size_t i = 0; i < (size_t)task.n_leaves * t->dim; i++) {
        values[i] *= t->params.learning_rate;
    }
    return MRC_OK;
}

/* Learning folds get leaf values of their own. */
static int update_learning_folds(struct trainer *t, const struct tree *tree, struct mrc_err *err)
{
    uint32_t steps;
    for (uint32_t f = 0; !t->shared && f < t->n_learning; f++) {
        struct fold *fold = &t->folds[f];
        const struct row_leaves *leaves = learn_leaves(t, tree, f);
        MRC_TRY(estimate(t, fold, tree, leaves, t->values, t->leaf_weights, &steps, err));
        leaves_add(leaves->leaf, t->values, t->learn.n, t->dim, fold->approx, t->threads);
    }
    return MRC_OK;
}

static void measure_leaves(struct trainer *t, const struct trained_tree *tree)
{
    uint32_t n = 1u << tree->tree.depth;
    double sum = 0;
    for (uint32_t leaf = 0; leaf < n; leaf++) {
        double square = 0;
        for (uint32_t d = 0; d < t->dim; d++) {
            double v = tree->values[(size_t)leaf * t->dim + d];
            square += v * v;
        }
        sum += sqrt(square);
    }
    t->leaf_size = sum / n;
}

static int new_tree(struct trainer *t, const struct tree *tree, struct trained_tree **out, struct mrc_err *err)
{
    if (t->n_trees == t->tree_capacity) {
        uint32_t capacity = t->tree_capacity ? 2 * t->tree_capacity : 256;
        struct trained_tree *more = realloc(t->trees, capacity * sizeof(*more));
        if (!more) {
            return no_memory(err);
        }
        t->trees = more;
        t->tree_capacity = capacity;
    }
    size_t leaves = (size_t)1 << tree->depth;
    struct trained_tree *tt = &t->trees[t->n_trees++];
    *tt = (struct trained_tree){.tree = *tree, .values = new_doubles(leaves * t->dim), .weights = new_doubles(leaves)};
    *out = tt;
    return tt->values && tt->weights ? MRC_OK : no_memory(err);
}

static bool all_finite(const double *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(v[i])) {
            return false;
        }
    }
    return true;
}

static int add_tree(struct trainer *t, const struct tree *tree, bool *finite, struct mrc_err *err)
{
    struct trained_tree *tt = NULL;
    struct fold *averaging = &t->folds[t->n_learning];
    size_t n_values = ((size_t)1 << tree->depth) * t->dim;
    uint32_t steps;
    random_next(&t->random); /* seeds of the learning folds */
    MRC_TRY(new_tree(t, tree, &tt, err));
    MRC_TRY(compute_columns(t, tree, err));
    MRC_TRY(update_learning_folds(t, tree, err));
    const struct row_leaves *leaves = learn_leaves(t, tree, t->n_learning);
    MRC_TRY(estimate(t, averaging, tree, leaves, tt->values, tt->weights, &steps, err));
    if (t->dim == 1 && t->params.leaf_method != LEAF_EXACT) {
        for (uint32_t i = 0; i < steps; i++) {
            random_next(&t->random);
        }
    }
    *finite = all_finite(tt->values, n_values);
    if (!*finite) {
        return MRC_OK;
    }
    leaves_add(leaves->leaf, tt->values, t->learn.n, t->dim, averaging->approx, t->threads);
    measure_leaves(t, tt);
    if (t->eval_data) {
        tree_leaves(tree, &t->eval, &t->stats, STATS_EVAL, &t->eval_leaves, t->threads);
        leaves_add(t->eval_leaves.leaf, tt->values, t->eval.n, t->dim, t->eval_approx, t->threads);
    }
    if (t->has_statistics) {
        stats_forget_columns(&t->stats);
    }
    return MRC_OK;
}

/* ---- stopping -------------------------------------------------------------------------------------------------- */

/* Losses after tree i; *stop: training should end. */
static int judge(struct trainer *t, uint32_t i, bool *stop, struct mrc_err *err)
{
    t->learn_loss[i] = objective_metric(&t->params.loss, t->dim, t->learn.n, t->folds[t->n_learning].approx,
                                        t->learn.target, t->learn.weight, t->threads);
    *stop = false;
    if (!t->eval_data) {
        t->stopping.best_iteration = i;
        return MRC_OK;
    }
    double value = t->eval_loss[i] = objective_metric(&t->params.loss, t->dim, t->eval.n, t->eval_approx,
                                                      t->eval.target, t->eval.weight, t->threads);
    if (t->eval_metric) {
        MRC_TRY(metric_value(&t->params.eval_metric, t->dim, t->eval.n, t->eval_approx, t->eval.target, t->eval.weight,
                             t->threads, &value, err));
        t->eval_metric[i] = value;
    }
    *stop = stopping_add(&t->stopping, i, value);
    return MRC_OK;
}

static int loop(struct trainer *t, const struct boost_progress *progress, struct boost_report *report,
                struct mrc_err *err)
{
    uint32_t iterations = (uint32_t)t->params.iterations;
    for (uint32_t i = 0; i < iterations; i++) {
        struct tree tree;
        bool finite = true;
        MRC_TRY(find_structure(t, i, &tree, err));
        MRC_TRY(add_tree(t, &tree, &finite, err));
        if (!finite) {
            struct trained_tree *last = &t->trees[--t->n_trees];
            free(last->values);
            free(last->weights);
            report->stopped_early = true;
            break;
        }
        MRC_TRY(judge(t, i, &report->stopped_early, err));
        struct boost_step step = {.iteration = i,
                                  .iterations = iterations,
                                  .learn_loss = t->learn_loss[i],
                                  .eval_loss = t->eval_data ? t->eval_loss[i] : NAN,
                                  .eval_metric = t->eval_metric ? t->eval_metric[i] : NAN,
                                  .best_iteration = t->stopping.best_iteration,
                                  .seconds = now() - t->started};
        if (progress && progress->step && !progress->step(&step, progress->arg)) {
            report->cancelled = true;
            break;
        }
        if (report->stopped_early) {
            break;
        }
    }
    report->n_iterations = t->n_trees;
    report->best_iteration = t->stopping.best_iteration;
    return MRC_OK;
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

static void release(struct trainer *t)
{
    tree_search_free(t->search);
    for (uint32_t i = 0; i < t->n_trees; i++) {
        free(t->trees[i].values);
        free(t->trees[i].weights);
    }
    free(t->trees);
    stats_release(&t->stats);
    for (uint32_t f = 0; t->folds && f <= t->n_learning; f++) {
        free(t->folds[f].rows);
        free(t->folds[f].approx);
    }
    free(t->folds);
    free(t->orders);
    free(t->fold_orders);
    pool_release(&t->learn);
    pool_release(&t->eval);
    for (uint32_t k = 0; t->grids && k < t->learn_data->n_floats; k++) {
        grid_release(&t->grids[k]);
    }
    free(t->grids);
    free(t->row_order);
    labels_release(&t->labels);
    free(t->bias);
    free(t->d1);
    free(t->squares);
    free(t->sample);
    row_leaves_release(&t->leaves);
    free(t->values);
    free(t->leaf_weights);
    free(t->learn_loss);
    free(t->eval_loss);
    free(t->eval_metric);
    stopping_release(&t->stopping);
    free(t->eval_approx);
    row_leaves_release(&t->eval_leaves);
}

void boost_report_release(struct boost_report *r)
{
    free(r->learn_loss);
    free(r->eval_loss);
    free(r->eval_metric);
    *r = (struct boost_report){0};
}

static int finish(struct trainer *t, struct boost_report *report, mrc_model **model, struct mrc_err *err)
{
    uint32_t n_trees = t->n_trees;
    if (t->params.use_best_model && n_trees > 0) {
        uint32_t best = t->stopping.best_iteration + 1;
        best = best < t->params.best_model_min_trees ? (uint32_t)t->params.best_model_min_trees : best;
        n_trees = best < n_trees ? best : n_trees;
    }
    struct assembly a = {.learn = t->learn_data,
                         .pool = &t->learn,
                         .stats = t->has_statistics ? &t->stats : NULL,
                         .params = &t->params,
                         .labels = &t->labels,
                         .dim = t->dim,
                         .n_trees = n_trees,
                         .bias = t->bias,
                         .trees = t->trees};
    MRC_TRY(assemble_model(&a, model, err));
    report->n_trees = n_trees;
    report->seconds = now() - t->started;
    report->learn_loss = t->learn_loss;
    t->learn_loss = NULL;
    if (t->eval_data) {
        report->eval_loss = t->eval_loss;
        report->eval_metric = t->eval_metric;
        t->eval_loss = t->eval_metric = NULL;
    }
    return MRC_OK;
}

int boost_fit(const struct dataset *learn, const struct dataset *eval, const struct params *params,
              const struct boost_progress *progress, mrc_model **model, struct boost_report *report,
              struct mrc_err *err)
{
    struct trainer *t = calloc(1, sizeof(*t));
    if (!t) {
        return no_memory(err);
    }
    t->learn_data = learn;
    t->eval_data = eval;
    t->params = *params;
    t->started = now();
    int64_t threads = params->thread_count > 0 ? params->thread_count : omp_get_num_procs();
    double cells = (double)learn->n_rows * learn->n_features * t->params.rsm;
    int64_t useful = 1 + (int64_t)(cells / CELLS_PER_THREAD);
    threads = threads > useful ? useful : threads;
    t->threads = (int)(threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads);
    struct boost_report own = {0};
    int rc = prepare(t, err);
    if (rc == MRC_OK && progress && progress->quantised) {
        progress->quantised(progress->arg);
    }
    rc = rc == MRC_OK ? loop(t, progress, &own, err) : rc;
    rc = rc == MRC_OK ? finish(t, &own, model, err) : rc;
    release(t);
    free(t);
    if (rc == MRC_OK && report) {
        *report = own;
    } else {
        boost_report_release(&own);
    }
    return rc;
}
