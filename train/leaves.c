/* Leaf estimation: derivative sums by leaf and steps from them, backtracking, and exact values by order statistics. */
#include "train/leaves.h"
#include "train/logit_rows.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_VALUES = 4096, TURN_LEAVES = 256 };

static int no_memory(struct mrc_err *err)
{
    return mrc_fail(err, MRC_ENOMEM, "no memory for leaf values");
}

void leaves_weigh(const struct row_leaves *leaves, const float *weight, size_t n, uint32_t n_leaves, double *weights)
{
    for (uint32_t k = 0; k < n_leaves; k++) {
        weights[k] = weight ? 0 : leaves->counts[k];
    }
    for (size_t i = 0; weight && i < n; i++) {
        weights[leaves->leaf[i]] += (double)weight[i];
    }
}

void leaves_add(const uint16_t *leaves, const double *values, size_t n, uint32_t dim, double *approx, int threads)
{
    int chunks = (int)((n + LOSS_CHUNK - 1) / LOSS_CHUNK);
#pragma omp parallel for num_threads(threads) schedule(static) if (chunks > 1 && threads > 1)
    for (int c = 0; c < chunks; c++) {
        size_t begin = (size_t)c * LOSS_CHUNK, end = begin + LOSS_CHUNK < n ? begin + LOSS_CHUNK : n;
        for (uint32_t d = 0; d < dim; d++) {
            for (size_t i = begin; i < end; i++) {
                approx[d * n + i] += values[(size_t)leaves[i] * dim + d];
            }
        }
    }
}

/* ---- sums over rows -------------------------------------------------------------------------------------------- */

struct sums {
    size_t second, width; /* offsets of a leaf's sums and their number */
    bool wants_second, is_full;
};

static struct sums sums_of(const struct leaf_task *t)
{
    struct sums s = {.second = t->dim};
    s.wants_second = t->method == LEAF_NEWTON;
    s.is_full = objective_of(t->loss->type)->hessian == HESSIAN_FULL;
    size_t n_second = !s.wants_second ? 0 : s.is_full ? (size_t)t->dim * (t->dim + 1) / 2 : t->dim;
    s.width = t->dim + n_second;
    return s;
}

/* Memory of one thread: approximations and derivatives of a block of rows. */
struct block {
    size_t rows;
    double *approx, *exponent, *d1, *d2;
};

/* What repeated passes need, so that none takes an exponential of every row: e^(a + v) = e^a e^v. */
struct exponents {
    double *rows;   /* [n] e^approx, or NULL: not used, or in struct logit_rows */
    double *leaves; /* [n_leaves] e^value of the current values, or NULL: not used */
};

static struct loss_rows block_rows(const struct leaf_task *t, const struct exponents *e, const double *values,
                                   struct block *b, size_t begin, size_t end)
{
    size_t n = end - begin;
    if (t->dim == 1) {
        const double *restrict approx = t->approx + begin;
        const uint16_t *restrict leaves = t->leaves + begin;
        double *restrict out = b->approx;
        for (size_t i = 0; i < n; i++) {
            out[i] = approx[i] + values[leaves[i]];
        }
    }
    for (uint32_t d = 0; t->dim > 1 && d < t->dim; d++) {
        for (size_t i = 0; i < n; i++) {
            b->approx[d * b->rows + i] =
                t->approx[d * t->n + begin + i] + values[(size_t)t->leaves[begin + i] * t->dim + d];
        }
    }
    if (e->rows) {
        const double *restrict rows = e->rows + begin, *restrict factors = e->leaves;
        const uint16_t *restrict leaves = t->leaves + begin;
        double *restrict out = b->exponent;
        for (size_t i = 0; i < n; i++) {
            out[i] = rows[i] * factors[leaves[i]];
        }
    }
    return (struct loss_rows){.n = n,
                              .stride = b->rows,
                              .dim = t->dim,
                              .approx = b->approx,
                              .exponent = e->rows ? b->exponent : NULL,
                              .target = t->target + begin,
                              .weight = t->weight ? t->weight + begin : NULL};
}

static void add_row(const struct leaf_task *t, const struct sums *s, const struct block *b, size_t i, double weight,
                    double *sum)
{
    for (uint32_t d = 0; d < t->dim; d++) {
        sum[d] += b->d1[d * b->rows + i];
    }
    if (!s->wants_second) {
        return;
    }
    double *h = sum + s->second;
    for (uint32_t d = 0; d < t->dim && !s->is_full; d++) {
        h[d] += b->d2[d * b->rows + i];
    }
    for (uint32_t d = 0; d < t->dim && s->is_full; d++) { /* d2 holds probabilities */
        double p = b->d2[d * b->rows + i];
        for (uint32_t e = 0; e < d; e++) {
            *h++ += weight * p * b->d2[e * b->rows + i];
        }
        *h++ += weight * p * (p - 1);
    }
}

struct work {
    struct sums sums;
    size_t chunks;
    double *partial;      /* [chunks][n_leaves][width]; the first becomes the total */
    double *errors;       /* [chunks] */
    struct block *blocks; /* [threads] */
    double *step, *trial; /* [n_leaves][dim] */
    struct exponents exponents;
    struct logit_rows logit;
    bool is_logit;
};

/* One output's derivatives, added to as one. */
typedef double pair __attribute__((vector_size(16)));

/* One output: the sums of all rows of a block. Two sums in turn, so that rows of one leaf that follow each other need
 * not wait for each other. */
static void add_rows(const struct sums *s, const struct block *b, const uint16_t *restrict leaves, size_t n,
                     uint32_t n_leaves, double *restrict sums)
{
    const double *restrict d1 = b->d1, *restrict d2 = b->d2;
    if (s->wants_second) {
        pair *restrict pairs = (pair *)(void *)sums, turns[TURN_LEAVES];
        size_t i = 0, in_turn = n_leaves <= TURN_LEAVES ? n & ~(size_t)1 : 0;
        memset(turns, 0, n_leaves * sizeof(*turns) * (in_turn > 0));
        for (; i < in_turn; i += 2) {
            pairs[leaves[i]] += (pair){d1[i], d2[i]};
            turns[leaves[i + 1]] += (pair){d1[i + 1], d2[i + 1]};
        }
        for (; i < n; i++) {
            pairs[leaves[i]] += (pair){d1[i], d2[i]};
        }
        for (uint32_t k = 0; in_turn > 0 && k < n_leaves; k++) {
            pairs[k] += turns[k];
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        sums[leaves[i]] += d1[i];
    }
}

static void sum_chunk(const struct leaf_task *t, struct work *w, const double *values, size_t chunk, bool with_error,
                      struct block *b)
{
    const struct objective *o = objective_of(t->loss->type);
    const struct sums *s = &w->sums;
    size_t begin = chunk * LOSS_CHUNK, end = begin + LOSS_CHUNK < t->n ? begin + LOSS_CHUNK : t->n;
    double *out = w->partial + chunk * t->n_leaves * s->width;
    if (w->is_logit) {
        w->errors[chunk] = logit_rows_sum(&w->logit, chunk, values, w->exponents.leaves, out);
        return;
    }
    memset(out, 0, t->n_leaves * s->width * sizeof(*out));
    w->errors[chunk] = 0;
    for (size_t at = begin; at < end; at += b->rows) {
        size_t stop = at + b->rows < end ? at + b->rows : end;
        struct loss_rows rows = block_rows(t, &w->exponents, values, b, at, stop);
        o->derivatives(t->loss, &rows, b->d1, s->wants_second ? b->d2 : NULL, b->rows);
        if (t->dim == 1 && !s->is_full) {
            add_rows(s, b, t->leaves + at, rows.n, t->n_leaves, out);
        }
        for (size_t i = 0; (t->dim > 1 || s->is_full) && i < rows.n; i++) {
            add_row(t, s, b, i, rows.weight ? (double)rows.weight[i] : 1.0, out + t->leaves[at + i] * s->width);
        }
        if (with_error) {
            w->errors[chunk] += o->error(t->loss, &rows);
        }
    }
}

static void work_release(struct work *w, int threads)
{
    for (int i = 0; w->blocks && i < threads; i++) {
        free(w->blocks[i].approx);
        free(w->blocks[i].exponent);
        free(w->blocks[i].d1);
        free(w->blocks[i].d2);
    }
    free(w->blocks);
    free(w->partial);
    free(w->errors);
    free(w->step);
    free(w->trial);
    free(w->exponents.rows);
    free(w->exponents.leaves);
    logit_rows_release(&w->logit);
}

static bool take_exponents(struct work *w, const struct leaf_task *t)
{
    const struct logit_kernels *kernels = logit_kernels();
    w->exponents.leaves = malloc(t->n_leaves * sizeof(double));
    w->is_logit = logit_rows_suit(t);
    if (w->is_logit) {
        return w->exponents.leaves && logit_rows_init(&w->logit, t);
    }
    w->exponents.rows = malloc(t->n * sizeof(double));
    if (!w->exponents.rows || !w->exponents.leaves) {
        return false;
    }
    int chunks = (int)w->chunks;
#pragma omp parallel for num_threads(t->threads) schedule(static) if (chunks > 1 && t->threads > 1)
    for (int c = 0; c < chunks; c++) {
        size_t begin = (size_t)c * LOSS_CHUNK, n = t->n - begin < LOSS_CHUNK ? t->n - begin : LOSS_CHUNK;
        kernels->exponents(t->approx + begin, n, w->exponents.rows + begin);
    }
    return true;
}

static int work_init(struct work *w, const struct leaf_task *t, struct mrc_err *err)
{
    *w = (struct work){.sums = sums_of(t), .chunks = (t->n + LOSS_CHUNK - 1) / LOSS_CHUNK};
    size_t rows = BLOCK_VALUES / t->dim, values = (size_t)t->n_leaves * t->dim;
    rows = rows > 0 ? rows : 1;
    w->partial = malloc(w->chunks * t->n_leaves * w->sums.width * sizeof(double));
    w->errors = malloc(w->chunks * sizeof(double));
    w->step = malloc(values * sizeof(double));
    w->trial = malloc(values * sizeof(double));
    w->blocks = calloc((size_t)t->threads, sizeof(*w->blocks));
    bool ok = w->partial && w->errors && w->step && w->trial && w->blocks;
    for (int i = 0; ok && i < t->threads; i++) {
        size_t bytes = rows * t->dim * sizeof(double);
        struct block *b = &w->blocks[i];
        *b = (struct block){.rows = rows, .approx = malloc(bytes), .d1 = malloc(bytes), .d2 = malloc(bytes)};
        b->exponent = malloc(bytes);
        ok = b->approx && b->d1 && b->d2 && b->exponent;
    }
    if (ok && t->iterations > 1 && objective_of(t->loss->type)->uses_exponent) {
        ok = take_exponents(w, t);
    }
    return ok ? MRC_OK : no_memory(err);
}

/* Derivative sums with these leaf values added; returns the sum of weighted losses there, 0 when it is not asked for.
 */
static double sum_all(const struct leaf_task *t, struct work *w, const double *values, bool with_error)
{
    size_t size = t->n_leaves * w->sums.width;
    int chunks = (int)w->chunks;
    for (uint32_t leaf = 0; w->exponents.leaves && leaf < t->n_leaves; leaf++) {
        w->exponents.leaves[leaf] = exp(values[leaf]);
    }
#pragma omp parallel for num_threads(t->threads) schedule(static) if (chunks > 1 && t->threads > 1)
    for (int c = 0; c < chunks; c++) {
        sum_chunk(t, w, values, (size_t)c, with_error, &w->blocks[omp_get_thread_num()]);
    }
    double error = w->errors[0];
    for (size_t c = 1; c < w->chunks; c++) {
        error += w->errors[c];
        for (size_t i = 0; i < size; i++) {
            w->partial[i] += w->partial[c * size + i];
        }
    }
    return error;
}

/* ---- steps ----------------------------------------------------------------------------------------------------- */

/* Solve (-H + l2 I) x = g by Cholesky; h is the lower triangle by rows. The matrix is overwritten. */
static void solve_full(double *h, const double *g, uint32_t dim, double l2, double *x)
{
    double largest = 0;
    for (uint32_t i = 0, at = 0; i < dim; at += ++i) {
        largest = fmax(largest, fabs(h[at + i]));
    }
    double ridge = fmax(l2, (double)FLT_EPSILON * largest);
    for (uint32_t i = 0; i < dim; i++) {
        double *row = h + (size_t)i * (i + 1) / 2;
        for (uint32_t j = 0; j <= i; j++) {
            const double *other = h + (size_t)j * (j + 1) / 2;
            double v = -row[j] + (i == j ? ridge : 0);
            for (uint32_t k = 0; k < j; k++) {
                v -= row[k] * other[k];
            }
            row[j] = i == j ? sqrt(fmax(v, 1e-300)) : v / other[j];
        }
    }
    for (uint32_t i = 0; i < dim; i++) {
        const double *row = h + (size_t)i * (i + 1) / 2;
        double v = g[i];
        for (uint32_t k = 0; k < i; k++) {
            v -= row[k] * x[k];
        }
        x[i] = v / row[i];
    }
    for (uint32_t i = dim; i-- > 0;) {
        double v = x[i];
        for (uint32_t k = i + 1; k < dim; k++) {
            v -= h[(size_t)k * (k + 1) / 2 + i] * x[k];
        }
        x[i] = v / h[(size_t)i * (i + 1) / 2 + i];
    }
}

static void steps_from_sums(const struct leaf_task *t, struct work *w)
{
    const struct sums *s = &w->sums;
    for (uint32_t leaf = 0; leaf < t->n_leaves; leaf++) {
        double *sum = w->partial + leaf * s->width, *step = w->step + (size_t)leaf * t->dim;
        bool empty = !(t->leaf_weights[leaf] > 0);
        if (!empty && s->wants_second && s->is_full) {
            solve_full(sum + s->second, sum, t->dim, t->l2, step);
            continue;
        }
        for (uint32_t d = 0; d < t->dim; d++) {
            double divisor = (s->wants_second ? -sum[s->second + d] : t->leaf_weights[leaf]) + t->l2;
            step[d] = empty ? 0 : sum[d] / divisor;
        }
    }
}

/* Try the full step, half of it, a quarter, …; each failure uses up an iteration. The pass that judges a trial leaves
 * the derivative sums for the step after it. */
static void backtrack(const struct leaf_task *t, struct work *w, double *values, double *best, uint32_t *used)
{
    size_t n = (size_t)t->n_leaves * t->dim;
    for (double scale = 1; *used < t->iterations; scale /= 2) {
        for (size_t i = 0; i < n; i++) {
            w->trial[i] = values[i] + scale * w->step[i];
        }
        double error = sum_all(t, w, w->trial, true);
        ++*used;
        if (error < *best) {
            *best = error;
            memcpy(values, w->trial, n * sizeof(*values));
            return;
        }
    }
}

static int estimate_by_steps(const struct leaf_task *t, double *values, uint32_t *steps, struct mrc_err *err)
{
    struct work w;
    int rc = work_init(&w, t, err);
    bool careful = t->backtracking && t->iterations > 1;
    double best = rc == MRC_OK && careful ? sum_all(t, &w, values, true) : 0;
    *steps = 0;
    for (uint32_t used = 0; rc == MRC_OK && used < t->iterations;) {
        if (!careful) {
            sum_all(t, &w, values, false);
        }
        steps_from_sums(t, &w);
        ++*steps;
        if (careful) {
            backtrack(t, &w, values, &best, &used);
            continue;
        }
        for (size_t i = 0; i < (size_t)t->n_leaves * t->dim; i++) {
            values[i] += w.step[i];
        }
        used++;
    }
    work_release(&w, t->threads);
    return rc;
}

/* ---- exact ----------------------------------------------------------------------------------------------------- */

/* Root of sum w tanh(x - r) by halving, as CatBoost: at most 100 steps or to a width of 1e-9; the lower end. */
static double logcosh_centre(const float *r, size_t n)
{
    double low = (double)r[0], high = low;
    for (size_t i = 1; i < n; i++) {
        low = fmin(low, (double)r[i]);
        high = fmax(high, (double)r[i]);
    }
    for (int k = 0; k < 100 && high - low > 1e-9; k++) {
        double middle = (low + high) / 2, sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += tanh(middle - (double)r[i]);
        }
        if (sum > 0) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return (double)(float)low;
}

static int exact_leaf(const struct leaf_task *t, uint32_t d, const float *residuals, float *weights, size_t n,
                      double *value, struct mrc_err *err)
{
    switch (t->loss->type) {
    case LOSS_MAPE:
        for (size_t i = 0; i < n; i++) {
            weights[i] = 1 / (fabsf(residuals[i]) > 1 ? fabsf(residuals[i]) : 1);
        }
        return weighted_quantile(residuals, weights, n, 0.5, 0, value, err);
    case LOSS_LOGCOSH:
        *value = logcosh_centre(residuals, n);
        return MRC_OK;
    case LOSS_MULTI_QUANTILE:
        return weighted_quantile(residuals, weights, n, t->loss->alphas[d], t->loss->delta, value, err);
    default: /* with one output CatBoost leaves the weights out here */
        return weighted_quantile(residuals, NULL, n, t->loss->alphas[0], t->loss->delta, value, err);
    }
}

static int estimate_exactly(const struct leaf_task *t, double *values, struct mrc_err *err)
{
    uint32_t *starts = calloc((size_t)t->n_leaves + 2, sizeof(*starts)), *rows = malloc(t->n * sizeof(*rows));
    float *residuals = malloc(t->n * sizeof(*residuals)), *weights = malloc(t->n * sizeof(*weights));
    int rc = starts && rows && residuals && weights ? MRC_OK : no_memory(err);
    if (rc == MRC_OK) { /* rows by leaf, in their order */
        for (size_t i = 0; i < t->n; i++) {
            starts[t->leaves[i] + 2]++;
        }
        for (uint32_t leaf = 1; leaf <= t->n_leaves; leaf++) {
            starts[leaf + 1] += starts[leaf];
        }
        for (size_t i = 0; i < t->n; i++) {
            rows[starts[t->leaves[i] + 1]++] = (uint32_t)i;
        }
    }
    int n_leaves = (int)t->n_leaves;
    for (uint32_t d = 0; rc == MRC_OK && d < t->dim; d++) {
        const double *approx = t->approx + d * t->n;
#pragma omp parallel for num_threads(t->threads) schedule(dynamic, 1) if (t->threads > 1 && t->n > 20000)
        for (int leaf = 0; leaf < n_leaves; leaf++) {
            size_t begin = starts[leaf], end = starts[leaf + 1];
            for (size_t k = begin; k < end; k++) {
                residuals[k] = (float)((double)t->target[rows[k]] - approx[rows[k]]);
                weights[k] = t->weight ? t->weight[rows[k]] : 1.0f;
            }
            double *value = &values[(size_t)leaf * t->dim + d];
            *value = 0;
            if (end > begin &&
                exact_leaf(t, d, residuals + begin, weights + begin, end - begin, value, NULL) != MRC_OK) {
#pragma omp atomic write
                rc = MRC_ENOMEM;
            }
        }
    }
    free(starts);
    free(rows);
    free(residuals);
    free(weights);
    return rc == MRC_OK ? rc : no_memory(err);
}

int leaves_estimate(const struct leaf_task *t, double *values, uint32_t *steps, struct mrc_err *err)
{
    *steps = 0;
    memset(values, 0, (size_t)t->n_leaves * t->dim * sizeof(*values));
    return t->method == LEAF_EXACT ? estimate_exactly(t, values, err) : estimate_by_steps(t, values, steps, err);
}
