/* Loading the sampled rows of a tree, and moving them apart at every split. */
#include "train/leaf_rows.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

/* SLACK: rows beyond the end that may be looked at in advance, or written and given up again. */
enum { SLACK = 64, PARALLEL_MIN = 20000, SHARDS_MAX = 16 };
/* Shards begin at multiples of this: no two threads write to one cache line of answers. */
enum { SHARD_UNIT = 8 * 64 };

static bool shard_init(struct leaf_shard *s, size_t begin, size_t end, size_t width, size_t leaves)
{
    size_t room = end - begin + SLACK;
    s->begin = begin;
    s->end = end;
    s->rows = calloc(room, sizeof(*s->rows));
    s->apart = malloc(room * sizeof(*s->apart));
    s->gradients = malloc(room * width * sizeof(double));
    s->g_apart = malloc(room * width * sizeof(double));
    s->segments = calloc(leaves, sizeof(*s->segments));
    return s->rows && s->apart && s->gradients && s->g_apart && s->segments;
}

/* Shard k of n_shards begins at this row of a table of n. */
static size_t shard_begin(int k, int n_shards, size_t n)
{
    if (n_shards == 1 || k == n_shards) {
        return k > 0 ? n : 0;
    }
    size_t per_part = (size_t)n_shards / LEAF_ROWS_PARTS, at = (size_t)k % per_part;
    size_t part = (n / LEAF_ROWS_PARTS + SHARD_UNIT - 1) / SHARD_UNIT * SHARD_UNIT;
    size_t shard = (part / per_part + SHARD_UNIT - 1) / SHARD_UNIT * SHARD_UNIT;
    size_t begin = (size_t)k / per_part * part + (at * shard < part ? at * shard : part);
    return begin < n ? begin : n;
}

bool leaf_rows_init(struct leaf_rows *r, size_t n, uint32_t dim, size_t leaves, int threads)
{
    int even = threads % LEAF_ROWS_PARTS == 0 ? threads : LEAF_ROWS_PARTS * threads;
    int shards = n <= PARALLEL_MIN ? 1 : even < SHARDS_MAX ? even : SHARDS_MAX;
    *r = (struct leaf_rows){.n_all = n, .dim = dim, .n_shards = shards, .movers = row_movers_choose()};
    r->n_threads = threads < shards ? threads : shards;
    r->answers = calloc(bits_size(n), 1);
    r->shards = calloc((size_t)shards, sizeof(*r->shards));
    bool ok = r->answers && r->shards;
    for (int k = 0; ok && k < shards; k++) {
        ok = shard_init(&r->shards[k], shard_begin(k, shards, n), shard_begin(k + 1, shards, n), (size_t)dim + 1,
                        leaves);
    }
    return ok;
}

void leaf_rows_release(struct leaf_rows *r)
{
    for (int k = 0; r->shards && k < r->n_shards; k++) {
        free(r->shards[k].rows);
        free(r->shards[k].apart);
        free(r->shards[k].gradients);
        free(r->shards[k].g_apart);
        free(r->shards[k].segments);
    }
    free(r->shards);
    free(r->answers);
    *r = (struct leaf_rows){0};
}

uint32_t leaf_rows_count(const struct leaf_rows *r, uint32_t leaf)
{
    size_t n = 0;
    for (int k = 0; k < r->n_shards; k++) {
        n += r->shards[k].segments[leaf].end - r->shards[k].segments[leaf].begin;
    }
    return (uint32_t)n;
}

/* ---- loading --------------------------------------------------------------------------------------------------- */

static bool is_sampled(float sample)
{
    return (double)sample > (double)FLT_EPSILON;
}

/* One output and no weights: every row is written, and those left out are written over. */
static size_t load_narrow(struct leaf_shard *s, const struct row_source *from)
{
    const double *restrict d1 = from->d1;
    const float *restrict sample = from->sample;
    uint32_t *restrict rows = s->rows;
    double *restrict gradients = s->gradients;
    size_t k = 0;
    for (size_t row = s->begin; row < s->end; row++) {
        rows[k] = (uint32_t)row;
        gradients[k] = d1[row];
        k += !sample || is_sampled(sample[row]);
    }
    return k;
}

/* One output with weights, in the same way. */
static size_t load_pairs(struct leaf_shard *s, const struct row_source *from)
{
    const double *restrict d1 = from->d1;
    const float *restrict samples = from->sample, *restrict weight = from->weight;
    uint32_t *restrict rows = s->rows;
    double *restrict gradients = s->gradients;
    size_t k = 0;
    for (size_t row = s->begin; row < s->end; row++) {
        float sample = samples ? samples[row] : 1;
        rows[k] = (uint32_t)row;
        gradients[2 * k] = d1[row] * (double)sample;
        gradients[2 * k + 1] = (weight ? (double)weight[row] : 1.0) * (double)sample;
        k += is_sampled(sample);
    }
    return k;
}

static size_t load_wide(struct leaf_shard *s, const struct leaf_rows *r, const struct row_source *from)
{
    size_t k = 0;
    for (size_t row = s->begin; row < s->end; row++) {
        float sample = from->sample ? from->sample[row] : 1;
        if (!is_sampled(sample)) {
            continue;
        }
        double *g = s->gradients + k * r->width;
        for (uint32_t d = 0; d < r->dim; d++) {
            g[d] = from->d1[d * r->n_all + row] * (double)sample;
        }
        if (r->width > r->dim) {
            g[r->dim] = (from->weight ? (double)from->weight[row] : 1.0) * (double)sample;
        }
        s->rows[k++] = (uint32_t)row;
    }
    return k;
}

static size_t load_shard(struct leaf_shard *s, const struct leaf_rows *r, const struct row_source *from)
{
    if (r->width == 1) {
        return load_narrow(s, from);
    }
    return r->dim == 1 ? load_pairs(s, from) : load_wide(s, r, from);
}

void leaf_rows_load(struct leaf_rows *r, const struct row_source *from)
{
    r->width = r->dim + (from->weight || from->weighed);
#pragma omp parallel for num_threads(r->n_threads) schedule(static) if (r->n_threads > 1)
    for (int k = 0; k < r->n_shards; k++) {
        struct leaf_shard *s = &r->shards[k];
        s->segments[0] = (struct segment){0, load_shard(s, r, from)};
    }
}

/* ---- splitting ------------------------------------------------------------------------------------------------- */

/* Answers of a shard's rows. */
static void answer(const struct leaf_shard *s, struct leaf_rows *r, const struct split *split,
                   const struct column *column)
{
    uint8_t *answers = r->answers + s->begin / 8;
    if (column->u8 && split->kind != SPLIT_ONE_HOT) {
        const uint8_t *bins = column->u8 + s->begin * column->stride;
        r->movers->compare(bins, column->stride, split->bin, s->end - s->begin, answers);
        return;
    }
    for (size_t row = s->begin; row < s->end; row += 8) {
        uint32_t bits = 0, count = s->end - row < 8 ? (uint32_t)(s->end - row) : 8;
        for (uint32_t k = 0; k < count; k++) {
            bits |= (uint32_t)split_test(split, column_at(column, row + k)) << k;
        }
        *answers++ = (uint8_t)bits;
    }
}

/* A derivative and a weight, moved as one. */
typedef double pair __attribute__((vector_size(16), aligned(8), may_alias));

/* As row_movers.part, with pairs beside the rows. */
static size_t part_pairs(struct leaf_shard *s, const struct leaf_rows *r, struct segment from)
{
    uint32_t *rows = s->rows + from.begin, *restrict apart = s->apart;
    pair *pairs = (pair *)(void *)(s->gradients + 2 * from.begin), *restrict p_apart = (pair *)(void *)s->g_apart;
    size_t no = 0, yes = 0;
    for (size_t k = 0, n = from.end - from.begin; k < n; k++) {
        uint32_t row = rows[k], a = bit_at(r->answers, row);
        pair p = pairs[k];
        rows[no] = apart[yes] = row; /* one of the two is written over by the next */
        pairs[no] = p_apart[yes] = p;
        yes += a;
        no += 1 - a;
    }
    return no;
}

/* The same for several outputs. */
static size_t part_wide(struct leaf_shard *s, const struct leaf_rows *r, struct segment from)
{
    size_t width = r->width, no = from.begin, yes = 0;
    for (size_t k = from.begin; k < from.end; k++) {
        bool a = bit_at(r->answers, s->rows[k]);
        uint32_t *row = a ? &s->apart[yes] : &s->rows[no];
        double *g = a ? &s->g_apart[yes * width] : &s->gradients[no * width];
        *row = s->rows[k];
        for (size_t d = 0; d < width; d++) {
            g[d] = s->gradients[k * width + d];
        }
        yes += a;
        no += !a;
    }
    return no - from.begin;
}

/* Stable partition of a leaf's rows: those that answer no come first. Where the others begin. */
static size_t split_leaf(struct leaf_shard *s, const struct leaf_rows *r, struct segment from)
{
    size_t n = from.end - from.begin, width = r->width, no;
    if (width > 1) {
        no = width == 2 ? part_pairs(s, r, from) : part_wide(s, r, from);
    } else {
        no = r->movers->part(&(struct row_moves){.rows = s->rows + from.begin,
                                                 .gradients = s->gradients + from.begin,
                                                 .n = n,
                                                 .answers = r->answers,
                                                 .apart = s->apart,
                                                 .g_apart = s->g_apart});
    }
    size_t middle = from.begin + no;
    memcpy(s->rows + middle, s->apart, (n - no) * sizeof(*s->rows));
    memcpy(s->gradients + middle * width, s->g_apart, (n - no) * width * sizeof(*s->gradients));
    return middle;
}

void leaf_rows_split(struct leaf_rows *r, const struct split *split, const struct column *column, uint32_t level)
{
#pragma omp parallel for num_threads(r->n_threads) schedule(static) if (r->n_threads > 1)
    for (int k = 0; k < r->n_shards; k++) {
        struct leaf_shard *s = &r->shards[k];
        answer(s, r, split, column);
        for (uint32_t leaf = 0, leaves = 1u << level; leaf < leaves; leaf++) {
            struct segment from = s->segments[leaf];
            size_t middle = split_leaf(s, r, from);
            s->segments[leaf] = (struct segment){from.begin, middle};
            s->segments[leaf + leaves] = (struct segment){middle, from.end};
        }
    }
}
