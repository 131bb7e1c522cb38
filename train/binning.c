/* Border selection as CatBoost does it, and quantisation.
 *
 * Greedy types split the sorted values again and again where it gains most; exact types minimise the same penalty over
 * all partitions by dynamic programming (divide and conquer over the monotone optimum). */
#include "train/binning.h"
#include "train/random.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE_MAX = 200000 };
static const uint64_t SAMPLE_SEED = 0;

/* ---- sorting --------------------------------------------------------------------------------------------------- */

/* Order-preserving integer of a float: negative ones are complemented, others get the top bit. */
static uint32_t key_of(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

void sort_floats(float *values, float *scratch, size_t n)
{
    enum { DIGITS = 3, WIDTH = 11, BUCKETS = 1 << WIDTH };
    float *from = values, *to = scratch;
    for (int d = 0; d < DIGITS; d++) {
        size_t start[BUCKETS] = {0};
        for (size_t i = 0; i < n; i++) {
            start[key_of(from[i]) >> (d * WIDTH) & (BUCKETS - 1)]++;
        }
        size_t sum = 0;
        for (int b = 0; b < BUCKETS; b++) {
            size_t count = start[b];
            start[b] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++) {
            to[start[key_of(from[i]) >> (d * WIDTH) & (BUCKETS - 1)]++] = from[i];
        }
        float *t = from;
        from = to;
        to = t;
    }
    memcpy(values, scratch, n * sizeof(*values)); /* three passes end in scratch */
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float midpoint(float low, float high)
{
    return 0.5f * low + 0.5f * high;
}

/* Sort, drop NaN (midpoint of two infinities) and doubles, make -0 zero. */
static uint32_t tidy(float *borders, uint32_t n)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!isnan(borders[i])) {
            borders[kept++] = borders[i] == 0 ? 0.0f : borders[i];
        }
    }
    qsort(borders, kept, sizeof(*borders), compare_floats);
    uint32_t unique = 0;
    for (uint32_t i = 0; i < kept; i++) {
        if (unique == 0 || borders[i] > borders[unique - 1]) {
            borders[unique++] = borders[i];
        }
    }
    return unique;
}

/* ---- greedy ---------------------------------------------------------------------------------------------------- */

enum penalty { PENALTY_LOG_SUM, PENALTY_ENTROPY };

static double penalty_of(enum penalty p, double weight)
{
    return p == PENALTY_ENTROPY ? weight * log(weight + 1e-8) : -log(weight + 1e-8);
}

struct greedy_bin {
    size_t begin, end, cut;
    double score;
};

static double cut_score(enum penalty p, const struct greedy_bin *b, size_t cut)
{
    size_t left = cut - b->begin, right = b->end - cut;
    if (left == 0 || right == 0) {
        return -INFINITY;
    }
    return -penalty_of(p, (double)left) - penalty_of(p, (double)right) + penalty_of(p, (double)(left + right));
}

static struct greedy_bin greedy_bin(enum penalty p, const float *v, size_t begin, size_t end)
{
    struct greedy_bin b = {begin, end, begin, -INFINITY};
    size_t middle = begin + (end - begin) / 2;
    float value = v[middle];
    size_t low = begin, high = middle; /* first not below the value in the left half */
    while (low < high) {
        size_t m = low + (high - low) / 2;
        if (v[m] < value) {
            low = m + 1;
        } else {
            high = m;
        }
    }
    size_t first = low;
    low = middle;
    high = end; /* first above the value in the right half */
    while (low < high) {
        size_t m = low + (high - low) / 2;
        if (v[m] > value) {
            high = m;
        } else {
            low = m + 1;
        }
    }
    double score_first = cut_score(p, &b, first), score_last = cut_score(p, &b, low);
    b.cut = score_first >= score_last ? first : low;
    b.score = score_first >= score_last ? score_first : score_last;
    return b;
}

/* Binary max-heap whose behaviour on equal scores decides borders in practice: up while the parent is strictly less,
 * down to the right child only when the left one is strictly less, stop when the child is strictly less. */
static void heap_push(struct greedy_bin *heap, size_t n, struct greedy_bin item)
{
    size_t i = n;
    while (i > 0 && heap[(i - 1) / 2].score < item.score) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = item;
}

static struct greedy_bin heap_pop(struct greedy_bin *heap, size_t n)
{
    struct greedy_bin top = heap[0], item = heap[n - 1];
    n--;
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && heap[child].score < heap[child + 1].score) {
            child++;
        }
        if (heap[child].score < item.score) {
            break;
        }
        heap[i] = heap[child];
    }
    heap[i] = item;
    return top;
}

static int select_greedy(enum penalty p, const float *v, size_t n, uint32_t max, float *out, uint32_t *n_out,
                         struct mrc_err *err)
{
    struct greedy_bin *heap = malloc(((size_t)max + 2) * sizeof(*heap));
    if (!heap) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for borders");
    }
    size_t size = 1;
    heap[0] = greedy_bin(p, v, 0, n);
    while (size <= max && heap[0].score > -INFINITY) {
        struct greedy_bin top = heap_pop(heap, size--);
        heap_push(heap, size++, greedy_bin(p, v, top.begin, top.cut));
        heap_push(heap, size++, greedy_bin(p, v, top.cut, top.end));
    }
    uint32_t k = 0;
    for (size_t i = 0; i < size; i++) {
        if (heap[i].begin > 0) {
            out[k++] = midpoint(v[heap[i].begin - 1], v[heap[i].begin]);
        }
    }
    free(heap);
    *n_out = k;
    return MRC_OK;
}

/* ---- exact ----------------------------------------------------------------------------------------------------- */

struct exact {
    enum penalty penalty;
    const double *weight;   /* [m + 1] values up to the j-th distinct one */
    const double *previous; /* best error of the first j distinct values with one bin less */
    double *current;
    uint32_t *choice; /* where the last bin begins */
};

static double exact_error(const struct exact *e, size_t begin, size_t end)
{
    return e->previous[begin] + penalty_of(e->penalty, e->weight[end] - e->weight[begin]);
}

/* Fill current[low … high], the best begin being within [from, to]; ties take the largest begin. */
static void exact_layer(const struct exact *e, size_t low, size_t high, size_t from, size_t to)
{
    while (low <= high) {
        size_t j = low + (high - low) / 2;
        size_t last = to < j - 1 ? to : j - 1, best = from;
        double least = INFINITY;
        for (size_t t = from; t <= last; t++) {
            double error = exact_error(e, t, j);
            if (error <= least) {
                least = error;
                best = t;
            }
        }
        e->current[j] = least;
        e->choice[j] = (uint32_t)best;
        if (j > low) {
            exact_layer(e, low, j - 1, from, best);
        }
        low = j + 1;
        from = best;
    }
}

/* Distinct values of v into out, running weights into weight[1 …]; returns their number. */
static size_t distinct(const float *v, size_t n, float *out, double *weight)
{
    size_t m = 0;
    weight[0] = 0;
    for (size_t i = 0; i < n; i++) {
        if (m == 0 || v[i] != out[m - 1]) {
            out[m] = v[i];
            weight[m + 1] = weight[m];
            m++;
        }
        weight[m]++;
    }
    return m;
}

static void exact_run(struct exact *e, size_t m, uint32_t max, double *errors[2], uint32_t *choices,
                      const float *values, float *out)
{
    size_t bins = (size_t)max + 1;
    for (size_t j = 1; j <= m; j++) {
        errors[0][j] = penalty_of(e->penalty, e->weight[j]);
    }
    for (size_t k = 2; k < bins; k++) {
        e->previous = errors[k % 2];
        e->current = errors[(k + 1) % 2];
        e->choice = choices + (k - 2) * (m + 1);
        exact_layer(e, k, m, k - 1, m - 1);
    }
    e->previous = errors[bins % 2];
    size_t best = bins - 1;
    double least = INFINITY;
    for (size_t t = bins - 1; t < m; t++) { /* the last layer takes the smallest on ties */
        double error = exact_error(e, t, m);
        if (error < least) {
            least = error;
            best = t;
        }
    }
    for (size_t k = bins; k >= 2; k--) {
        out[k - 2] = midpoint(values[best - 1], values[best]);
        if (k > 2) {
            best = choices[(k - 3) * (m + 1) + best];
        }
    }
}

static int select_exact(enum penalty p, const float *v, size_t n, uint32_t max, float *out, uint32_t *n_out,
                        struct mrc_err *err)
{
    float *values = malloc(n * sizeof(*values));
    double *weight = malloc((n + 1) * sizeof(*weight));
    double *errors[2] = {NULL, NULL};
    uint32_t *choices = NULL;
    int rc = MRC_OK;
    if (!values || !weight) {
        rc = mrc_fail(err, MRC_ENOMEM, "no memory for borders");
        goto out;
    }
    size_t m = distinct(v, n, values, weight);
    if (m <= (size_t)max + 1) {
        for (size_t i = 1; i < m; i++) {
            out[i - 1] = midpoint(values[i - 1], values[i]);
        }
        *n_out = (uint32_t)(m - 1);
        goto out;
    }
    errors[0] = malloc((m + 1) * sizeof(double));
    errors[1] = malloc((m + 1) * sizeof(double));
    choices = malloc((m + 1) * (max > 1 ? max - 1 : 1) * sizeof(*choices));
    if (!errors[0] || !errors[1] || !choices) {
        rc = mrc_fail(err, MRC_ENOMEM, "no memory to choose %u borders among %zu values exactly", max, m);
        goto out;
    }
    struct exact e = {.penalty = p, .weight = weight};
    exact_run(&e, m, max, errors, choices, values, out);
    *n_out = max;
out:
    free(values);
    free(weight);
    free(errors[0]);
    free(errors[1]);
    free(choices);
    return rc;
}

/* ---- by position ----------------------------------------------------------------------------------------------- */

/* First position in v[0 … n) that is not below value. */
static size_t lower_bound(const float *v, size_t n, float value)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t m = low + (high - low) / 2;
        if (v[m] < value) {
            low = m + 1;
        } else {
            high = m;
        }
    }
    return low;
}

static uint32_t select_median(const float *v, size_t n, uint32_t max, float *out)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < max; i++) {
        size_t position = (size_t)(((uint64_t)i + 1) * n / ((uint64_t)max + 1));
        position = position < n ? position : n - 1;
        size_t first = lower_bound(v, n, v[position]);
        if (first > 0) {
            out[k++] = midpoint(v[first - 1], v[first]);
        }
    }
    return k;
}

static uint32_t select_uniform(const float *v, size_t n, uint32_t max, float *out)
{
    float low = v[0], range = v[n - 1] - low;
    for (uint32_t i = 0; i < max; i++) {
        out[i] = low + (float)(i + 1) * range / (float)(max + 1);
    }
    return max;
}

static uint32_t select_mixed(const float *v, size_t n, uint32_t max, float *out)
{
    uint32_t uniform = max / 2;
    uint32_t k = 0;
    uint32_t m = uniform > 0 ? select_uniform(v, n, uniform, out) : 0;
    for (uint32_t i = 0; i < m; i++) { /* move each to the middle of its gap */
        size_t above = lower_bound(v, n, out[i]);
        if (above > 0 && above < n) {
            out[k++] = midpoint(v[above - 1], v[above]);
        }
    }
    return k + select_median(v, n, max - uniform, out + k);
}

int borders_select(enum border_type type, const float *sorted, size_t n, uint32_t max_borders, float *out,
                   uint32_t *n_out, struct mrc_err *err)
{
    *n_out = 0;
    if (n == 0 || max_borders == 0 || sorted[0] == sorted[n - 1]) {
        return MRC_OK;
    }
    switch (type) {
    case BORDER_GREEDY_LOG_SUM:
        MRC_TRY(select_greedy(PENALTY_LOG_SUM, sorted, n, max_borders, out, n_out, err));
        break;
    case BORDER_GREEDY_MIN_ENTROPY:
        MRC_TRY(select_greedy(PENALTY_ENTROPY, sorted, n, max_borders, out, n_out, err));
        break;
    case BORDER_MIN_ENTROPY:
        MRC_TRY(select_exact(PENALTY_ENTROPY, sorted, n, max_borders, out, n_out, err));
        break;
    case BORDER_MAX_LOG_SUM:
        MRC_TRY(select_exact(PENALTY_LOG_SUM, sorted, n, max_borders, out, n_out, err));
        break;
    case BORDER_MEDIAN:
        *n_out = select_median(sorted, n, max_borders, out);
        break;
    case BORDER_UNIFORM:
        *n_out = select_uniform(sorted, n, max_borders, out);
        break;
    case BORDER_UNIFORM_AND_QUANTILES:
        *n_out = select_mixed(sorted, n, max_borders, out);
        break;
    }
    *n_out = tidy(out, *n_out);
    return MRC_OK;
}

/* ---- grids ----------------------------------------------------------------------------------------------------- */

void grid_release(struct grid *g)
{
    free(g->borders);
    *g = (struct grid){0};
}

/* Values that are no NaN into out, at most SAMPLE_MAX of them: beyond that each is kept with equal chance, so that as
 * many as are still wanted remain. The sample is the same in every run. */
static size_t sample(const float *values, size_t n, float *out, bool *has_nans)
{
    struct random r;
    random_init(&r, SAMPLE_SEED);
    size_t k = 0, wanted = n < SAMPLE_MAX ? n : SAMPLE_MAX;
    for (size_t i = 0; i < n; i++) {
        bool take = n - i == wanted || (wanted > 0 && random_below(&r, n - i) < wanted);
        if (isnan(values[i])) {
            *has_nans = true;
        } else if (take) {
            out[k++] = values[i];
        }
        wanted -= take;
    }
    return k;
}

int grid_choose(struct grid *g, const float *values, size_t n, enum border_type type, enum nan_mode mode,
                uint32_t border_count, struct mrc_err *err)
{
    *g = (struct grid){.nan_treatment = NAN_AS_IS};
    size_t room = n < SAMPLE_MAX ? n : SAMPLE_MAX;
    float *sorted = malloc((2 * room + 1) * sizeof(*sorted));
    float *borders = malloc(((size_t)border_count + 1) * sizeof(*borders));
    int rc = sorted && borders ? MRC_OK : mrc_fail(err, MRC_ENOMEM, "no memory for borders");
    if (rc == MRC_OK) {
        size_t k = sample(values, n, sorted, &g->has_nans);
        sort_floats(sorted, sorted + room, k);
        if (g->has_nans && mode == NAN_MODE_FORBIDDEN) {
            rc = mrc_fail(err, MRC_EFORMAT, "it has missing values, which nan_mode Forbidden does not allow");
        } else {
            rc = borders_select(type, sorted, k, border_count - g->has_nans, borders, &g->n_borders, err);
        }
    }
    free(sorted);
    if (rc < 0) {
        free(borders);
        return rc;
    }
    if (g->has_nans && mode == NAN_MODE_MIN) {
        /* -inf borders are legal and stay in front */
        uint32_t at = 0;
        while (at < g->n_borders && borders[at] < -FLT_MAX) {
            at++;
        }
        memmove(borders + at + 1, borders + at, (g->n_borders - at) * sizeof(*borders));
        borders[at] = -FLT_MAX;
        g->n_borders++;
        g->nan_treatment = NAN_AS_FALSE;
    } else if (g->has_nans) {
        uint32_t at = g->n_borders;
        while (at > 0 && borders[at - 1] > FLT_MAX) {
            at--;
        }
        memmove(borders + at + 1, borders + at, (g->n_borders - at) * sizeof(*borders));
        borders[at] = FLT_MAX;
        g->n_borders++;
        g->nan_treatment = NAN_AS_TRUE;
    }
    g->borders = borders;
    return MRC_OK;
}

enum { LANES = 16 };

/* Borders strictly below each of LANES values, by halving: side by side, so that no value waits for another. NaN
 * compares false and ends at 0. */
static void search_borders(const struct grid *g, const float *values, uint32_t *found)
{
    const float *borders = g->borders;
    for (int k = 0; k < LANES; k++) {
        found[k] = 0;
    }
    uint32_t n = g->n_borders;
    for (; n > 1; n -= n / 2) {
        uint32_t half = n / 2;
        for (int k = 0; k < LANES; k++) {
            found[k] += borders[found[k] + half - 1] < values[k] ? half : 0;
        }
    }
    for (int k = 0; n == 1 && k < LANES; k++) {
        found[k] += borders[found[k]] < values[k];
    }
}

/* Bins of up to LANES values. */
static uint32_t take_lanes(const struct grid *g, const float *values, const uint32_t *order, size_t n, uint32_t *bins)
{
    float lanes[LANES] = {0};
    uint32_t count = n < LANES ? (uint32_t)n : LANES;
    for (uint32_t k = 0; k < count; k++) {
        lanes[k] = values[order ? order[k] : k];
    }
    search_borders(g, lanes, bins);
    for (uint32_t k = 0; g->nan_treatment == NAN_AS_TRUE && k < count; k++) {
        bins[k] = isnan(lanes[k]) ? g->n_borders : bins[k];
    }
    return count;
}

void grid_bins_u8(const struct grid *g, const float *values, const uint32_t *order, size_t n, uint8_t *bins,
                  size_t stride)
{
    uint32_t found[LANES];
    for (size_t i = 0, count; i < n; i += count) {
        count = take_lanes(g, order ? values : values + i, order ? order + i : NULL, n - i, found);
        for (size_t k = 0; k < count; k++) {
            bins[(i + k) * stride] = (uint8_t)found[k];
        }
    }
}

void grid_bins_u16(const struct grid *g, const float *values, const uint32_t *order, size_t n, uint16_t *bins)
{
    uint32_t found[LANES];
    for (size_t i = 0, count; i < n; i += count) {
        count = take_lanes(g, order ? values : values + i, order ? order + i : NULL, n - i, found);
        for (size_t k = 0; k < count; k++) {
            bins[i + k] = (uint16_t)found[k];
        }
    }
}
