/* Public prediction: checks the call, walks the rows block by block, and turns raw scores into the wanted type. */
#include "common/trees/evaluate.h"
#include "common/trees/loss_kind.h"

#include <math.h>
#include <string.h>

/* Class labels in the model make a classifier of an unknown loss. */
static enum loss_kind kind_of(const mrc_model *m)
{
    enum loss_kind k = loss_kind_of(m->loss);
    if (k == LOSS_UNKNOWN && m->n_class_labels > 0) {
        return m->dim == 1 ? LOSS_BINARY : LOSS_SOFTMAX;
    }
    return k;
}

size_t mrc_prediction_dim(const mrc_model *m, enum mrc_prediction type)
{
    if (!m) {
        return 0;
    }
    if (type == MRC_RAW) {
        return m->dim;
    }
    enum loss_kind k = kind_of(m);
    bool probabilities = k != LOSS_REGRESSION && k != LOSS_UNCERTAINTY;
    switch (type) {
    case MRC_EXPONENT:
        return m->dim;
    case MRC_RMSE_WITH_UNCERTAINTY:
        return m->dim == 2 && (k == LOSS_UNCERTAINTY || k == LOSS_UNKNOWN) ? 2 : 0;
    case MRC_PROBABILITY:
    case MRC_LOG_PROBABILITY:
        return !probabilities ? 0 : m->dim == 1 ? 2 : m->dim;
    case MRC_CLASS:
        return !probabilities ? 0 : k == LOSS_MULTI_LABEL ? m->dim : 1;
    case MRC_MULTI_PROBABILITY:
        return probabilities && m->dim > 1 ? m->dim : 0;
    case MRC_RAW:
    default:
        return 0;
    }
}

/* ---- transformations ----------------------------------------------------------------------------------------------
 */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double log_sigmoid(double x)
{
    return x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x));
}

static double largest(const double *x, uint32_t n)
{
    double top = x[0];
    for (uint32_t i = 1; i < n; i++) {
        top = x[i] > top ? x[i] : top;
    }
    return top;
}

static void softmax(const double *x, uint32_t n, bool want_log, double *out)
{
    double top = largest(x, n), sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = want_log ? x[i] - top : exp(x[i] - top);
        sum += want_log ? exp(out[i]) : out[i];
    }
    double log_sum = want_log ? log(sum) : 0;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = want_log ? out[i] - log_sum : out[i] / sum;
    }
}

static void probabilities(const double *x, uint32_t n, enum loss_kind kind, bool want_log, double *out)
{
    if (n == 1) {
        out[0] = want_log ? log_sigmoid(-x[0]) : 1 - sigmoid(x[0]);
        out[1] = want_log ? log_sigmoid(x[0]) : sigmoid(x[0]);
    } else if (kind == LOSS_SIGMOIDS || kind == LOSS_MULTI_LABEL) {
        for (uint32_t i = 0; i < n; i++) {
            out[i] = want_log ? log_sigmoid(x[i]) : sigmoid(x[i]);
        }
    } else {
        softmax(x, n, want_log, out);
    }
}

static void classes(const mrc_model *m, const double *x, enum loss_kind kind, double *out)
{
    if (m->dim == 1) {
        out[0] = x[0] > m->class_border;
    } else if (kind == LOSS_MULTI_LABEL) {
        for (uint32_t i = 0; i < m->dim; i++) {
            out[i] = x[i] > m->class_border;
        }
    } else {
        uint32_t best = 0;
        for (uint32_t i = 1; i < m->dim; i++) {
            best = x[i] > x[best] ? i : best;
        }
        out[0] = best;
    }
}

static void transform(const mrc_model *m, const double *x, enum mrc_prediction type, enum loss_kind kind, double *out)
{
    switch (type) {
    case MRC_EXPONENT:
        for (uint32_t i = 0; i < m->dim; i++) {
            out[i] = exp(x[i]);
        }
        break;
    case MRC_RMSE_WITH_UNCERTAINTY:
        out[0] = x[0];
        out[1] = exp(2 * x[1]);
        break;
    case MRC_PROBABILITY:
        probabilities(x, m->dim, kind, false, out);
        break;
    case MRC_LOG_PROBABILITY:
        probabilities(x, m->dim, kind, true, out);
        break;
    case MRC_MULTI_PROBABILITY:
        probabilities(x, m->dim, LOSS_SIGMOIDS, false, out);
        break;
    case MRC_CLASS:
        classes(m, x, kind, out);
        break;
    case MRC_RAW: /* copied as it is */
    default:
        memcpy(out, x, m->dim * sizeof *out);
        break;
    }
}

/* ---- the call -----------------------------------------------------------------------------------------------------
 */

static int check_call(const mrc_model *m, const struct mrc_input *in, size_t n_rows, const void *scratch,
                      const void *out, struct mrc_err *err)
{
    if (!m || !m->evaluator) {
        return mrc_fail(err, MRC_EINVAL, "no model");
    }
    if (n_rows == 0) {
        return MRC_OK;
    }
    if (!in || !scratch || !out) {
        return mrc_fail(err, MRC_EINVAL, "input, scratch and out must not be NULL");
    }
    if ((uintptr_t)scratch % MRC_SCRATCH_ALIGN != 0) {
        return mrc_fail(err, MRC_EINVAL, "scratch must be aligned to %d bytes", MRC_SCRATCH_ALIGN);
    }
    if (m->evaluator->n_floats > 0 && !in->floats) {
        return mrc_fail(err, MRC_EINVAL, "the model reads %u float features, but the input has none",
                        m->evaluator->n_floats);
    }
    if (m->evaluator->n_cats > 0 && !in->cats == !in->cat_hashes) {
        return mrc_fail(err, MRC_EINVAL,
                        "the model reads %u categorical features: give either their texts or their hashes",
                        m->evaluator->n_cats);
    }
    return MRC_OK;
}

size_t mrc_scratch_size(const mrc_model *m, size_t n_rows)
{
    return m && m->evaluator ? block_bytes(m, n_rows) : 0;
}

/* Raw scores of a block into its sums. */
static void raw_block(const mrc_model *m, struct block *b, uint32_t begin, uint32_t end)
{
    evaluate_bins(m, b);
    evaluate_trees(m, b, begin, end);
    if (!m->evaluator->needs_link) {
        return;
    }
    for (uint32_t r = 0; r < b->n_rows; r++) {
        for (uint32_t d = 0; d < m->dim; d++) {
            double *x = &b->sums[(size_t)r * m->dim + d];
            *x = *x * m->scale + (begin == 0 ? m->bias[d] : 0);
        }
    }
}

int mrc_predict(const mrc_model *m, const struct mrc_input *in, size_t n_rows, enum mrc_prediction type, void *scratch,
                double *out, struct mrc_err *err)
{
    MRC_TRY(check_call(m, in, n_rows, scratch, out, err));
    size_t columns = mrc_prediction_dim(m, type);
    if (columns == 0) {
        return mrc_fail(err, MRC_EINVAL, "prediction type %d does not apply to a model of loss \"%s\" with %u outputs",
                        (int)type, mrc_model_loss(m), m->dim);
    }
    enum loss_kind kind = type == MRC_RAW ? LOSS_UNKNOWN : kind_of(m); /* a look-up by name: dear for one row */
    for (size_t row = 0, n = 0; row < n_rows; row += n) {
        n = block_rows(n_rows - row);
        struct block b;
        block_init(m, &b, in, row, n, scratch);
        raw_block(m, &b, 0, m->n_trees);
        if (type == MRC_RAW) {
            memcpy(out + row * columns, b.sums, n * columns * sizeof *out);
            continue;
        }
        for (size_t r = 0; r < n; r++) {
            transform(m, b.sums + r * m->dim, type, kind, out + (row + r) * columns);
        }
    }
    return MRC_OK;
}

int mrc_predict_range(const mrc_model *m, const struct mrc_input *in, size_t n_rows, size_t begin, size_t end,
                      void *scratch, double *out, struct mrc_err *err)
{
    MRC_TRY(check_call(m, in, n_rows, scratch, out, err));
    end = end == 0 ? m->n_trees : end;
    if (begin > end || end > m->n_trees) {
        return mrc_fail(err, MRC_EINVAL, "no trees [%zu, %zu) in a model of %u", begin, end, m->n_trees);
    }
    for (size_t row = 0, n = 0; row < n_rows; row += n) {
        n = block_rows(n_rows - row);
        struct block b;
        block_init(m, &b, in, row, n, scratch);
        raw_block(m, &b, (uint32_t)begin, (uint32_t)end);
        memcpy(out + row * m->dim, b.sums, n * m->dim * sizeof *out);
    }
    return MRC_OK;
}

int mrc_leaf_indexes(const mrc_model *m, const struct mrc_input *in, size_t n_rows, void *scratch, uint32_t *out,
                     struct mrc_err *err)
{
    MRC_TRY(check_call(m, in, n_rows, scratch, out, err));
    for (size_t row = 0, n = 0; row < n_rows; row += n) {
        n = block_rows(n_rows - row);
        struct block b;
        block_init(m, &b, in, row, n, scratch);
        evaluate_bins(m, &b);
        for (size_t r = 0; r < n; r++) {
            for (uint32_t t = 0; t < m->n_trees; t++) {
                out[(row + r) * m->n_trees + t] = evaluate_leaf(m, &b, t, (uint32_t)r);
            }
        }
    }
    return MRC_OK;
}
