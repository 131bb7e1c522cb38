/* Loading the sampled rows of a tree, and moving them apart at every split. */
#include "train/leaf_rows.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

/* SLACK: rows beyond the end that may be looked at in advance, or written and given up again. */
enum { SLACK = 64, PARALLEL_MIN = 20000, COPIES_MAX = 8 };

int leaf_rows_copies(size_t n_all, int threads)
{
    return n_all <= PARALLEL_MIN ? 1 : threads < COPIES_MAX ? threads : COPIES_MAX;
}

static bool copy_init(struct leaf_copy *c, size_t n, size_t width, size_t leaves)
{
    size_t room = n + SLACK;
    c->rows = calloc(room, sizeof(*c->rows));
    c->apart = malloc(room * sizeof(*c->apart));
    c->gradients = malloc(room * width * sizeof(double));
    c->g_apart = malloc(room * width * sizeof(double));
    c->segments = calloc(leaves, sizeof(*c->segments));
    return c->rows && c->apart && c->gradients && c->g_apart && c->segments;
}

bool leaf_rows_init(struct leaf_rows *r, size_t n, uint32_t dim, size_t leaves, int threads)
{
    *r = (struct leaf_rows){.n_all = n, .dim = dim, .movers = row_movers_choose()};
    r->n_copies = leaf_rows_copies(n, threads);
    r->answers = calloc(bits_size(n), 1);
    r->copies = calloc((size_t)r->n_copies, sizeof(*r->copies));
    bool ok = r->answers && r->copies;
    for (int c = 0; ok && c < r->n_copies; c++) {
        ok = copy_init(&r->copies[c], n, (size_t)dim + 1, leaves);
    }
    return ok;
}

void leaf_rows_release(struct leaf_rows *r)
{
    for (int c = 0; r->copies && c < r->n_copies; c++) {
        free(r->copies[c].rows);
        free(r->copies[c].apart);
        free(r->copies[c].gradients);
        free(r->copies[c].g_apart);
        free(r->copies[c].segments);
    }
    free(r->copies);
    free(r->answers);
    *r = (struct leaf_rows){0};
}

/* ---- loading --------------------------------------------------------------------------------------------------- */

static bool is_sampled(float sample)
{
    return (double)sample > (double)FLT_EPSILON;
}

/* One output and no weights: every row is written, and those left out are written over. */
static size_t load_narrow(struct leaf_copy *c, const struct row_source *from, size_t n)
{
    const uint32_t *restrict order = from->order;
    const double *restrict d1 = from->d1;
    const float *restrict sample = from->sample;
    uint32_t *restrict rows = c->rows;
    double *restrict gradients = c->gradients;
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        size_t row = order ? order[i] : i;
        rows[k] = (uint32_t)row;
        gradients[k] = d1[row];
        k += !sample || is_sampled(sample[row]);
    }
    return k;
}

static size_t load_wide(struct leaf_copy *c, const struct leaf_rows *r, const struct row_source *from)
{
    size_t k = 0;
    for (size_t i = 0; i < r->n_all; i++) {
        size_t row = from->order ? from->order[i] : i;
        float sample = from->sample ? from->sample[row] : 1;
        if (!is_sampled(sample)) {
            continue;
        }
        double *g = c->gradients + k * r->width;
        for (uint32_t d = 0; d < r->dim; d++) {
            g[d] = from->d1[d * r->n_all + row] * (double)sample;
        }
        if (r->width > r->dim) {
            g[r->dim] = (from->weight ? (double)from->weight[row] : 1.0) * (double)sample;
        }
        c->rows[k++] = (uint32_t)row;
    }
    return k;
}

void leaf_rows_load(struct leaf_rows *r, const struct row_source *from)
{
    r->width = r->dim + (from->weight || from->weighed);
#pragma omp parallel for num_threads(r->n_copies) schedule(static) if (r->n_copies > 1)
    for (int k = 0; k < r->n_copies; k++) {
        struct leaf_copy *c = &r->copies[k];
        c->n = r->width == 1 ? load_narrow(c, from, r->n_all) : load_wide(c, r, from);
        c->segments[0] = (struct segment){0, c->n};
    }
}

/* ---- splitting ------------------------------------------------------------------------------------------------- */

/* Answers of the rows of some bytes of r->answers. */
static void answer(struct leaf_rows *r, const struct split *split, const struct column *column, size_t begin,
                   size_t end)
{
    uint8_t *answers = r->answers + begin;
    size_t first = 8 * begin, last = 8 * end < r->n_all ? 8 * end : r->n_all;
    if (column->u8 && split->kind != SPLIT_ONE_HOT) {
        const uint8_t *bins = column->u8 + first * column->stride;
        r->movers->compare(bins, column->stride, split->bin, last - first, answers);
        return;
    }
    for (size_t i = first; i < last; i += 8) {
        uint32_t bits = 0, count = last - i < 8 ? (uint32_t)(last - i) : 8;
        for (uint32_t k = 0; k < count; k++) {
            bits |= (uint32_t)split_test(split, column_at(column, i + k)) << k;
        }
        *answers++ = (uint8_t)bits;
    }
}

/* Rows with weights or several outputs. */
static size_t part_wide(struct leaf_copy *c, const struct leaf_rows *r, struct segment s)
{
    size_t width = r->width, no = s.begin, yes = 0;
    for (size_t k = s.begin; k < s.end; k++) {
        bool a = bit_at(r->answers, c->rows[k]);
        uint32_t *row = a ? &c->apart[yes] : &c->rows[no];
        double *g = a ? &c->g_apart[yes * width] : &c->gradients[no * width];
        *row = c->rows[k];
        for (size_t d = 0; d < width; d++) {
            g[d] = c->gradients[k * width + d];
        }
        yes += a;
        no += !a;
    }
    return no;
}

static void split_copy(struct leaf_copy *c, const struct leaf_rows *r, uint32_t level)
{
    for (uint32_t leaf = 0, leaves = 1u << level; leaf < leaves; leaf++) {
        struct segment s = c->segments[leaf];
        struct row_moves moves = {.rows = c->rows + s.begin,
                                  .gradients = c->gradients + s.begin,
                                  .n = s.end - s.begin,
                                  .answers = r->answers,
                                  .apart = c->apart,
                                  .g_apart = c->g_apart};
        size_t middle = r->width > 1 ? part_wide(c, r, s) : s.begin + r->movers->part(&moves), yes = s.end - middle;
        memcpy(c->rows + middle, c->apart, yes * sizeof(*c->rows));
        memcpy(c->gradients + middle * r->width, c->g_apart, yes * r->width * sizeof(*c->gradients));
        c->segments[leaf] = (struct segment){s.begin, middle};
        c->segments[leaf + leaves] = (struct segment){middle, s.end};
    }
}

void leaf_rows_split(struct leaf_rows *r, const struct split *split, const struct column *column, uint32_t level)
{
    enum { LINE = 64 }; /* bytes that no two threads should write */
    size_t bytes = (r->n_all + 7) / 8, part = (bytes / (size_t)r->n_copies + LINE) / LINE * LINE;
#pragma omp parallel num_threads(r->n_copies) if (r->n_copies > 1)
    {
#pragma omp for schedule(static)
        for (int k = 0; k < r->n_copies; k++) {
            size_t begin = part * (size_t)k, end = begin + part < bytes ? begin + part : bytes;
            if (begin < end) {
                answer(r, split, column, begin, end);
            }
        }
#pragma omp for schedule(static)
        for (int k = 0; k < r->n_copies; k++) {
            split_copy(&r->copies[k], r, level);
        }
    }
}
