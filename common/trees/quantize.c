/* Rows to bins. Column by column, so that one feature's borders stay in the first cache while a block passes. */
#include "common/trees/quantize.h"

#include <math.h>
#include <string.h>

uint32_t borders_below(const float *borders, uint32_t n, float x)
{
    const float *base = borders;
    while (n > 1) {
        uint32_t half = n / 2;
        base += half & (0u - (uint32_t)(base[half - 1] < x)); /* no branch: its outcome is a coin's */
        n -= half;
    }
    return (uint32_t)(base - borders) + (n == 1 && *base < x ? 1 : 0);
}

/* Lanes past the last row take the first row's values. */
static void repeat_first(uint8_t *column, uint32_t from, uint32_t to)
{
    if (from < to) {
        memset(column + from, column[0], to - from);
    }
}

void quantize_floats(const struct evaluator *ev, struct block *b)
{
    for (uint32_t i = 0; i < ev->n_floats; i++) {
        const struct float_source *f = &ev->floats[i];
        const float *x =
            b->in->floats + b->first_row * b->in->float_row_stride + f->input_column * b->in->float_column_stride;
        uint8_t *bins = b->bins + (size_t)f->first_column * b->stride;
        for (uint32_t r = 0; r < b->n_rows; r++) {
            float v = x[r * b->in->float_row_stride];
            if (f->nan_is_high && isnan(v)) {
                v = INFINITY;
            }
            uint32_t below = borders_below(f->borders, f->n_borders, v);
            if (f->n_columns == 1) {
                bins[r] = (uint8_t)below;
                continue;
            }
            for (uint32_t k = 0; k < f->n_columns; k++) {
                bins[(size_t)k * b->stride + r] = bin_of_column(below, k);
            }
        }
        for (uint32_t k = 0; k < f->n_columns; k++) {
            repeat_first(bins + (size_t)k * b->stride, b->n_rows, b->stride);
        }
    }
}

void hash_categories(const struct evaluator *ev, struct block *b)
{
    const struct mrc_input *in = b->in;
    for (uint32_t s = 0; s < ev->n_cats; s++) {
        size_t at = b->first_row * in->cat_row_stride + ev->cat_columns[s] * in->cat_column_stride;
        uint32_t *hashes = b->hashes + (size_t)s * b->stride;
        for (uint32_t r = 0; r < b->n_rows; r++, at += in->cat_row_stride) {
            hashes[r] = in->cat_hashes ? in->cat_hashes[at] : mrc_cat_hash(in->cats[at].p, in->cats[at].n);
        }
        for (uint32_t r = b->n_rows; r < b->stride; r++) {
            hashes[r] = hashes[0];
        }
    }
}

/* Position of a value among ascending ones, n when absent. */
static uint32_t find_value(const uint32_t *values, uint32_t n, uint32_t value)
{
    uint32_t lo = 0, hi = n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (values[mid] < value) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < n && values[lo] == value ? lo : n;
}

void quantize_one_hots(const struct evaluator *ev, struct block *b)
{
    for (uint32_t i = 0; i < ev->n_one_hots; i++) {
        const struct one_hot_source *f = &ev->one_hots[i];
        const uint32_t *hashes = b->hashes + (size_t)f->cat_slot * b->stride;
        uint8_t *bins = b->bins + (size_t)f->first_column * b->stride;
        memset(bins, 0, (size_t)f->n_values * b->stride);
        for (uint32_t r = 0; r < b->stride; r++) {
            uint32_t k = find_value(f->values, f->n_values, hashes[r]);
            if (k < f->n_values) {
                bins[(size_t)k * b->stride + r] = 1;
            }
        }
    }
}

static uint64_t projection_hash(const struct ctr_source *c, const struct block *b, uint32_t lane)
{
    uint64_t h = 0;
    for (uint32_t i = 0; i < c->n_cats; i++) {
        h = projection_mix(h, hash_of_cat(b->hashes[(size_t)c->cat_slots[i] * b->stride + lane]));
    }
    for (uint32_t i = 0; i < c->n_tests; i++) {
        bin_test t = c->tests[i];
        h = projection_mix(h, b->bins[(size_t)TEST_COLUMN(t) * b->stride + lane] >= TEST_THRESHOLD(t));
    }
    for (uint32_t i = 0; i < c->n_values; i++) {
        h = projection_mix(h, b->hashes[(size_t)c->values[i].cat_slot * b->stride + lane] == c->values[i].value);
    }
    return h;
}

static uint32_t dense_entry(const struct evaluator *ev, const struct ctr_source *c, const struct block *b,
                            uint32_t lane)
{
    uint32_t e = 0;
    for (uint32_t i = 0; i < c->n_cats; i++) {
        uint32_t slot = c->cat_slots[i];
        e = e * (ev->dictionaries[slot].n + 1) + b->ids[(size_t)slot * b->stride + lane];
    }
    for (uint32_t i = 0; i < c->n_tests; i++) {
        bin_test t = c->tests[i];
        e = 2 * e + (b->bins[(size_t)TEST_COLUMN(t) * b->stride + lane] >= TEST_THRESHOLD(t));
    }
    for (uint32_t i = 0; i < c->n_values; i++) {
        e = 2 * e + (b->hashes[(size_t)c->values[i].cat_slot * b->stride + lane] == c->values[i].value);
    }
    return e;
}

/* Bins of a table's columns for one lane. */
static const uint8_t *ctr_bins(const struct evaluator *ev, const struct ctr_source *c, const struct block *b,
                               uint32_t lane)
{
    if (c->dense) {
        return c->dense + (size_t)dense_entry(ev, c, b, lane) * c->n_columns;
    }
    uint32_t row = ctr_index_find(&c->index, projection_hash(c, b, lane));
    return c->bins + (size_t)(row == CTR_EMPTY ? c->n_keys : row) * c->n_columns;
}

void quantize_ctr(const struct evaluator *ev, const struct ctr_source *c, struct block *b)
{
    uint8_t *bins = b->bins + (size_t)c->first_column * b->stride;
    for (uint32_t r = 0; r < b->n_rows; r++) {
        const uint8_t *from = ctr_bins(ev, c, b, r);
        for (uint32_t k = 0; k < c->n_columns; k++) {
            bins[(size_t)k * b->stride + r] = from[k];
        }
    }
    for (uint32_t k = 0; k < c->n_columns; k++) {
        repeat_first(bins + (size_t)k * b->stride, b->n_rows, b->stride);
    }
}

void quantize_ctrs(const struct evaluator *ev, struct block *b)
{
    for (uint32_t i = 0; i < ev->n_ctrs; i++) {
        quantize_ctr(ev, &ev->ctrs[i], b);
    }
}
