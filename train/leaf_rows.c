/* Loading the sampled rows of a tree, and moving them apart at every split. */
#include "train/leaf_rows.h"

#include <float.h>
#include <stdlib.h>

enum { SLACK = 64 }; /* rows beyond the end that may be looked at in advance */

bool leaf_rows_init(struct leaf_rows *r, size_t n, uint32_t dim, size_t leaves)
{
    size_t width = (size_t)dim + 1;
    *r = (struct leaf_rows){.n_all = n, .dim = dim, .move = row_mover_choose()};
    r->rows = calloc(n + SLACK, sizeof(*r->rows));
    r->rows_spare = calloc(n + SLACK, sizeof(*r->rows_spare));
    r->gradients = malloc(n * width * sizeof(double));
    r->gradients_spare = malloc(n * width * sizeof(double));
    r->segments = calloc(leaves, sizeof(*r->segments));
    r->answers = malloc(n);
    r->answers_by_leaf = malloc(n);
    return r->rows && r->rows_spare && r->gradients && r->gradients_spare && r->segments && r->answers &&
           r->answers_by_leaf;
}

void leaf_rows_release(struct leaf_rows *r)
{
    free(r->rows);
    free(r->rows_spare);
    free(r->gradients);
    free(r->gradients_spare);
    free(r->segments);
    free(r->answers);
    free(r->answers_by_leaf);
    *r = (struct leaf_rows){0};
}

/* ---- loading --------------------------------------------------------------------------------------------------- */

static bool is_sampled(float sample)
{
    return (double)sample > (double)FLT_EPSILON;
}

/* Does a row weigh other than 1? */
static bool is_weighed(const struct row_source *from, size_t n)
{
    if (from->weight || !from->sample) {
        return from->weight;
    }
    bool other = false;
    for (size_t i = 0; i < n; i++) {
        other |= is_sampled(from->sample[i]) && from->sample[i] != 1.0f;
    }
    return other;
}

void leaf_rows_load(struct leaf_rows *r, const struct row_source *from)
{
    size_t n = r->n_all, k = 0;
    r->width = r->dim + is_weighed(from, n);
    for (size_t i = 0; i < n; i++) {
        size_t row = from->order ? from->order[i] : i;
        float sample = from->sample ? from->sample[row] : 1;
        if (!is_sampled(sample)) {
            continue;
        }
        double *g = r->gradients + k * r->width;
        for (uint32_t d = 0; d < r->dim; d++) {
            g[d] = from->d1[d * n + row] * (double)sample;
        }
        if (r->width > r->dim) {
            g[r->dim] = (from->weight ? (double)from->weight[row] : 1.0) * (double)sample;
        }
        r->rows[k++] = (uint32_t)row;
    }
    r->n = k;
    r->segments[0] = (struct segment){0, k};
}

/* ---- splitting ------------------------------------------------------------------------------------------------- */

/* Answers of all rows, from the front of the column to its end. */
static void answer(struct leaf_rows *r, const struct split *split, const struct column *column)
{
    if (column->u8 && split->kind != SPLIT_ONE_HOT) {
        const uint8_t *bins = column->u8;
        for (size_t i = 0; i < r->n_all; i++, bins += column->stride) {
            r->answers[i] = *bins > split->bin;
        }
        return;
    }
    for (size_t i = 0; i < r->n_all; i++) {
        r->answers[i] = split_test(split, column_at(column, i));
    }
}

/* Bring the answers beside the rows of a segment; how many are no. bins NULL: answers are known by row. */
static size_t gather_answers(struct leaf_rows *r, struct segment s, const uint8_t *bins, size_t stride, uint32_t bin)
{
    size_t yes = 0;
    for (size_t k = s.begin; k < s.end; k++) {
        uint8_t a = bins ? bins[r->rows[k] * stride] > bin : r->answers[r->rows[k]];
        r->answers_by_leaf[k] = a;
        yes += a;
    }
    return s.end - s.begin - yes;
}

static void move_wide(struct leaf_rows *r, struct segment s, size_t no, size_t yes)
{
    size_t width = r->width;
    for (size_t k = s.begin; k < s.end; k++) {
        size_t *at = r->answers_by_leaf[k] ? &yes : &no;
        r->rows_spare[*at] = r->rows[k];
        for (size_t d = 0; d < width; d++) {
            r->gradients_spare[*at * width + d] = r->gradients[k * width + d];
        }
        ++*at;
    }
}

/* Stable partition of a leaf's rows: those that answer no come first, up to middle. */
static void move_rows(struct leaf_rows *r, struct segment s, size_t middle)
{
    if (r->width > 1) {
        move_wide(r, s, s.begin, middle);
        return;
    }
    struct row_moves moves = {.rows = r->rows + s.begin,
                              .gradients = r->gradients + s.begin,
                              .answers = r->answers_by_leaf + s.begin,
                              .n = s.end - s.begin,
                              .to_rows = r->rows_spare,
                              .to_gradients = r->gradients_spare,
                              .no = s.begin,
                              .yes = middle,
                              .end = s.end};
    r->move(&moves);
}

void leaf_rows_split(struct leaf_rows *r, const struct split *split, const struct column *column, uint32_t level)
{
    enum { NEAR_BYTES = 2 << 20 };
    /* A column that a core's cache holds is read leaf by leaf; a larger one once, from front to end. */
    bool near = column->u8 && split->kind != SPLIT_ONE_HOT && r->n_all * column->stride <= NEAR_BYTES;
    if (!near) {
        answer(r, split, column);
    }
    for (uint32_t leaf = 0, leaves = 1u << level; leaf < leaves; leaf++) {
        struct segment s = r->segments[leaf];
        size_t no = gather_answers(r, s, near ? column->u8 : NULL, column->stride, split->bin), middle = s.begin + no;
        move_rows(r, s, middle);
        r->segments[leaf] = (struct segment){s.begin, middle};
        r->segments[leaf + leaves] = (struct segment){middle, s.end};
    }
    uint32_t *rows = r->rows;
    double *gradients = r->gradients;
    r->rows = r->rows_spare;
    r->gradients = r->gradients_spare;
    r->rows_spare = rows;
    r->gradients_spare = gradients;
}
