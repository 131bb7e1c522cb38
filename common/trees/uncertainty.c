/* Virtual ensembles (Malinin, Prokhorenkova, Ustimenko: Uncertainty in gradient boosting via ensembles, 2021), as
 * CatBoost cuts them: prefixes of one model's trees stand for the members of an ensemble, and their disagreement for
 * what the model does not know. */
#include "common/trees/loss_kind.h"
#include "common/trees/model.h"

#include <math.h>
#include <string.h>

static enum loss_kind kind_of(const mrc_model *m)
{
    enum loss_kind kind = loss_kind_of(m->loss);
    if (kind == LOSS_UNKNOWN && m->n_class_labels > 0) {
        return m->dim == 1 ? LOSS_BINARY : LOSS_SOFTMAX;
    }
    return kind;
}

int mrc_virtual_ensembles(const mrc_model *m, const struct mrc_input *in, size_t n_rows, size_t count, void *scratch,
                          double *raw, double *out, struct mrc_err *err)
{
    size_t trees = mrc_model_trees(m);
    size_t period = count == 0 ? 0 : trees / (2 * count);
    if (period == 0) {
        return mrc_fail(err, MRC_EINVAL, "%zu virtual ensembles need at least %zu trees, the model has %zu", count,
                        2 * count, trees);
    }
    bool variance = kind_of(m) == LOSS_UNCERTAINTY && m->dim == 2;
    size_t first = trees - period * count;
    for (size_t k = 0; k < count; k++) {
        MRC_TRY(mrc_predict_range(m, in, n_rows, 0, first + (k + 1) * period, scratch, raw, err));
        for (size_t row = 0; row < n_rows; row++) {
            double *to = out + (row * count + k) * m->dim;
            memcpy(to, raw + row * m->dim, m->dim * sizeof *to);
            if (variance) {
                to[1] = exp(2 * to[1]);
            }
        }
    }
    return MRC_OK;
}

size_t mrc_uncertainty_dim(const mrc_model *m)
{
    enum loss_kind kind = kind_of(m);
    if (kind == LOSS_UNCERTAINTY && m->dim == 2) {
        return 3;
    }
    return kind == LOSS_BINARY || kind == LOSS_SOFTMAX || m->dim == 1 ? 2 : 0;
}

/* Mean and population variance of one output over the members. */
static void spread(const double *members, size_t count, size_t dim, size_t output, double *mean, double *variance)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++) {
        sum += members[k * dim + output];
    }
    *mean = sum / (double)count;
    double squares = 0;
    for (size_t k = 0; k < count; k++) {
        double d = members[k * dim + output] - *mean;
        squares += d * d;
    }
    *variance = squares / (double)count;
}

static double entropy_term(double p)
{
    return p > 0 ? -p * log(p) : 0;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* Probability of class c from a member's raw outputs. */
static double class_probability(const double *raw, size_t dim, size_t c)
{
    if (dim == 1) {
        return c == 1 ? sigmoid(raw[0]) : sigmoid(-raw[0]);
    }
    double top = raw[0];
    for (size_t i = 1; i < dim; i++) {
        top = raw[i] > top ? raw[i] : top;
    }
    double sum = 0;
    for (size_t i = 0; i < dim; i++) {
        sum += exp(raw[i] - top);
    }
    return exp(raw[c] - top) / sum;
}

/* Data uncertainty: the members' mean entropy; total: the entropy of their mean. */
static void entropies(const double *members, size_t count, size_t dim, double *data, double *total)
{
    size_t classes = dim == 1 ? 2 : dim;
    *data = 0;
    *total = 0;
    for (size_t c = 0; c < classes; c++) {
        double mean = 0;
        for (size_t k = 0; k < count; k++) {
            double p = class_probability(members + k * dim, dim, c);
            mean += p / (double)count;
            *data += entropy_term(p) / (double)count;
        }
        *total += entropy_term(mean);
    }
}

int mrc_uncertainty(const mrc_model *m, const double *ensembles, size_t n_rows, size_t count, double *out,
                    struct mrc_err *err)
{
    size_t width = mrc_uncertainty_dim(m);
    if (width == 0 || count == 0) {
        return mrc_fail(err, MRC_EINVAL, "uncertainty is not defined for loss %s with %u outputs", mrc_model_loss(m),
                        m->dim);
    }
    enum loss_kind kind = kind_of(m);
    for (size_t row = 0; row < n_rows; row++) {
        const double *members = ensembles + row * count * m->dim;
        double *to = out + row * width;
        if (kind == LOSS_BINARY || kind == LOSS_SOFTMAX) {
            entropies(members, count, m->dim, &to[0], &to[1]);
            continue;
        }
        spread(members, count, m->dim, 0, &to[0], &to[1]);
        if (width == 3) {
            double unused;
            spread(members, count, m->dim, 1, &to[2], &unused);
        }
    }
    return MRC_OK;
}
