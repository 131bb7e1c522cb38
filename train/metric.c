/* The table of metrics that are no losses: R2, AUC, Accuracy. */
#include "train/metric.h"

#include <stdlib.h>
#include <string.h>

struct metric_rows {
    uint32_t dim;
    size_t n;
    const double *approx;
    const float *target, *weight;
};

static double weight_of(const struct metric_rows *r, size_t i)
{
    return r->weight ? (double)r->weight[i] : 1.0;
}

/* ---- the metrics ----------------------------------------------------------------------------------------------- */

/* 1 - squared error over the target's own spread; 1 for a constant target that is met, else 0. */
static int r2_value(const struct metric_rows *r, double *out, struct mrc_err *err)
{
    double mean = 0, total = 0, error = 0, spread = 0;
    (void)err;
    for (size_t i = 0; i < r->n; i++) {
        mean += weight_of(r, i) * (double)r->target[i];
        total += weight_of(r, i);
    }
    mean = total > 0 ? mean / total : 0;
    for (size_t i = 0; i < r->n; i++) {
        double t = (double)r->target[i];
        error += weight_of(r, i) * (t - r->approx[i]) * (t - r->approx[i]);
        spread += weight_of(r, i) * (t - mean) * (t - mean);
    }
    *out = spread > 0 ? 1 - error / spread : error > 0 ? 0 : 1;
    return MRC_OK;
}

struct ranked {
    double score, weight;
    bool positive;
};

static int compare_ranked(const void *a, const void *b)
{
    double x = ((const struct ranked *)a)->score, y = ((const struct ranked *)b)->score;
    return (x > y) - (x < y);
}

/* Weighted share of pairs of a positive and a negative row that are in order; equal scores count half. */
static int auc_value(const struct metric_rows *r, double *out, struct mrc_err *err)
{
    struct ranked *rows = malloc((r->n + 1) * sizeof(*rows));
    if (!rows) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for AUC over %zu rows", r->n);
    }
    for (size_t i = 0; i < r->n; i++) {
        rows[i] = (struct ranked){r->approx[i], weight_of(r, i), r->target[i] > 0.5f};
    }
    qsort(rows, r->n, sizeof(*rows), compare_ranked);
    double below = 0, positive = 0, pairs = 0;
    for (size_t begin = 0, end; begin < r->n; begin = end) {
        double sums[2] = {0, 0};
        for (end = begin; end < r->n && rows[end].score <= rows[begin].score; end++) {
            sums[rows[end].positive] += rows[end].weight;
        }
        pairs += sums[1] * (below + sums[0] / 2);
        below += sums[0];
        positive += sums[1];
    }
    free(rows);
    *out = below > 0 && positive > 0 ? pairs / (below * positive) : 0;
    return MRC_OK;
}

static bool is_right(const struct metric_rows *r, size_t i)
{
    uint32_t best = 0;
    if (r->dim == 1) {
        return (r->approx[i] > 0) == (r->target[i] > 0.5f);
    }
    for (uint32_t k = 1; k < r->dim; k++) {
        best = r->approx[k * r->n + i] > r->approx[best * r->n + i] ? k : best;
    }
    return best == (uint32_t)r->target[i];
}

static int accuracy_value(const struct metric_rows *r, double *out, struct mrc_err *err)
{
    double right = 0, total = 0;
    (void)err;
    for (size_t i = 0; i < r->n; i++) {
        right += is_right(r, i) ? weight_of(r, i) : 0;
        total += weight_of(r, i);
    }
    *out = total > 0 ? right / total : 0;
    return MRC_OK;
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    bool rises;                            /* higher is better */
    bool of_classes, of_binary, of_number; /* what it can judge: MultiClass; Logloss; other losses of one output */
    int (*value)(const struct metric_rows *rows, double *out, struct mrc_err *err);
} table[METRIC__COUNT] = {
    [METRIC_R2] = {"R2", .rises = true, .of_number = true, .value = r2_value},
    [METRIC_AUC] = {"AUC", .rises = true, .of_binary = true, .value = auc_value},
    [METRIC_ACCURACY] = {"Accuracy", .rises = true, .of_classes = true, .of_binary = true, .value = accuracy_value},
};

const char *metric_name(const struct metric *m)
{
    return m->type == METRIC_LOSS ? loss_name(m->loss.type) : m->type < METRIC__COUNT ? table[m->type].name : "?";
}

int metric_parse(struct metric *m, struct str text, struct mrc_err *err)
{
    for (int i = METRIC_LOSS + 1; i < METRIC__COUNT; i++) {
        if (str_is(text, table[i].name)) {
            *m = (struct metric){.type = (enum metric_type)i};
            return MRC_OK;
        }
    }
    struct loss loss;
    if (loss_parse(&loss, text, err) < 0) {
        return err_wrap(err, "neither R2, AUC, Accuracy nor a loss");
    }
    *m = (struct metric){.type = METRIC_LOSS, .loss = loss};
    return MRC_OK;
}

const char *metric_misfit(const struct metric *m, const struct loss *loss, uint32_t outputs, uint32_t n_classes)
{
    const struct objective *o = objective_of(loss->type);
    if (m->type == METRIC_LOSS) {
        const struct objective *judge = objective_of(m->loss.type);
        return objective_dim(&m->loss, n_classes) != outputs ? "it judges another number of outputs"
               : judge->is_classes != o->is_classes          ? "only one of them is of classes"
                                                             : NULL;
    }
    bool fits = o->is_classes  ? table[m->type].of_classes
                : o->is_binary ? table[m->type].of_binary
                               : outputs == 1 && table[m->type].of_number;
    return fits ? NULL : "it does not judge what that loss predicts";
}

static bool same_loss(const struct loss *a, const struct loss *b)
{
    bool same = a->type == b->type && a->n_alphas == b->n_alphas && a->delta == b->delta && a->power == b->power;
    for (uint32_t i = 0; same && i < a->n_alphas; i++) {
        same = a->alphas[i] == b->alphas[i];
    }
    return same;
}

bool metric_is_loss(const struct metric *m, const struct loss *loss)
{
    return m->type == METRIC_LOSS && same_loss(&m->loss, loss);
}

bool metric_rises(const struct metric *m)
{
    return m->type != METRIC_LOSS && table[m->type].rises;
}

int metric_value(const struct metric *m, uint32_t dim, size_t n, const double *approx, const float *target,
                 const float *weight, int threads, double *out, struct mrc_err *err)
{
    if (m->type == METRIC_LOSS) {
        *out = objective_metric(&m->loss, dim, n, approx, target, weight, threads);
        return MRC_OK;
    }
    struct metric_rows rows = {.dim = dim, .n = n, .approx = approx, .target = target, .weight = weight};
    return table[m->type].value(&rows, out, err);
}
