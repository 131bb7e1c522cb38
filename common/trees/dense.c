/* Dictionaries of categories and dense CTR tables. Work and memory are bounded by the number of keys in the file. */
#include "common/trees/dense.h"

#include <stdlib.h>
#include <string.h>

enum {
    TESTS_INVERTED_MAX = 6, /* 2^6 ways to undo the tests of a key */
    ENTRIES_MAX = 1 << 20,  /* of one table */
    ENTRIES_PER_KEY = 32,   /* sparser tables keep hashing */
    ENTRIES_FREE = 4096,    /* whatever the number of keys */
    DENSE_PADDING = 4       /* a kernel may load a whole word at the last byte */
};

/* ---- dictionaries ------------------------------------------------------------------------------------------------ */

/* 1 / a modulo 2^64, a odd, by Newton's iteration: each step doubles the number of right bits. */
static uint64_t inverse(uint64_t a)
{
    uint64_t x = a;
    for (int i = 0; i < 6; i++) {
        x *= 2 - a * x;
    }
    return x;
}

/* The category hash whose key this is, under some outcome of the tests. */
static bool invert_key(uint64_t key, uint32_t n_tests, uint32_t *cat)
{
    const uint64_t a = projection_mix(0, 1);    /* A * A: one step from 0 multiplies by it */
    const uint64_t step = projection_mix(1, 0); /* A */
    const uint64_t back = inverse(step), back_cat = inverse(a);
    for (uint32_t outcome = 0; outcome < 1u << n_tests; outcome++) {
        uint64_t h = key;
        for (uint32_t t = n_tests; t-- > 0;) {
            h = back * h - (outcome >> t & 1) * step;
        }
        uint64_t x = back_cat * h;
        if (hash_of_cat((uint32_t)x) == x) {
            *cat = (uint32_t)x;
            return true;
        }
    }
    return false;
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static size_t gather_cats(const mrc_model *m, const struct evaluator *ev, uint32_t slot, uint32_t *out)
{
    size_t n = 0;
    for (uint32_t i = 0; i < ev->n_ctrs; i++) {
        const struct ctr_source *c = &ev->ctrs[i];
        if (c->n_cats != 1 || c->cat_slots[0] != slot || c->n_tests + c->n_values > TESTS_INVERTED_MAX) {
            continue;
        }
        const struct ctr_table *t = &m->ctr_tables[c->table];
        for (uint32_t k = 0; k < t->n_keys; k++) {
            n += invert_key(t->keys[k], c->n_tests + c->n_values, &out[n]);
        }
    }
    return n;
}

static size_t keys_of_slot(const mrc_model *m, const struct evaluator *ev, uint32_t slot)
{
    size_t n = 0;
    for (uint32_t i = 0; i < ev->n_ctrs; i++) {
        if (ev->ctrs[i].n_cats == 1 && ev->ctrs[i].cat_slots[0] == slot) {
            n += m->ctr_tables[ev->ctrs[i].table].n_keys;
        }
    }
    return n;
}

static bool build_dictionary(mrc_model *m, uint32_t slot, struct dictionary *d)
{
    struct arena *a = &m->arena;
    uint32_t *list = ARENA_ARRAY(a, keys_of_slot(m, m->evaluator, slot) + 1, uint32_t);
    if (!list) {
        return false;
    }
    size_t n = gather_cats(m, m->evaluator, slot, list);
    if (n > 0) {
        qsort(list, n, sizeof *list, compare_u32);
    }
    uint32_t distinct = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || list[i] != list[i - 1]) {
            list[distinct++] = list[i];
        }
    }
    size_t buckets = 2;
    while (buckets < 2 * (size_t)distinct) {
        buckets *= 2;
    }
    d->buckets = ARENA_ARRAY(a, buckets, struct dictionary_bucket);
    if (!d->buckets) {
        return false;
    }
    d->values = list;
    d->n = distinct;
    d->mask = (uint32_t)buckets - 1;
    for (size_t i = 0; i < buckets; i++) {
        d->buckets[i].id = distinct; /* what an unseen value gets: probing ends here */
    }
    for (uint32_t id = 0; id < distinct; id++) {
        uint32_t i = list[id] & d->mask;
        while (d->buckets[i].id != distinct) {
            i = (i + 1) & d->mask;
        }
        d->buckets[i] = (struct dictionary_bucket){list[id], id};
    }
    return true;
}

static uint32_t dictionary_find(const struct dictionary *d, uint32_t value)
{
    for (uint32_t i = value & d->mask;; i = (i + 1) & d->mask) {
        if (d->buckets[i].id == d->n || d->buckets[i].value == value) {
            return d->buckets[i].id;
        }
    }
}

void number_categories(const struct evaluator *ev, struct block *b)
{
    for (uint32_t s = 0; ev->dictionaries && s < ev->n_cats; s++) {
        const uint32_t *hashes = b->hashes + (size_t)s * b->stride;
        uint32_t *ids = b->ids + (size_t)s * b->stride;
        for (uint32_t r = 0; r < b->stride; r++) {
            ids[r] = dictionary_find(&ev->dictionaries[s], hashes[r]);
        }
    }
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* Entries of a dense table: one digit per category (unseen included), then one bit per test. 0: too many. */
static uint64_t count_entries(const struct evaluator *ev, const struct ctr_source *c)
{
    uint64_t n = 1, max = (uint64_t)c->n_keys * ENTRIES_PER_KEY + ENTRIES_FREE;
    max = max < ENTRIES_MAX ? max : ENTRIES_MAX;
    for (uint32_t i = 0; i < c->n_cats && n <= max; i++) {
        n *= ev->dictionaries[c->cat_slots[i]].n + 1;
    }
    for (uint32_t i = 0; i < c->n_tests + c->n_values && n <= max; i++) {
        n *= 2;
    }
    return n <= max && n * c->n_columns <= INT32_MAX ? n : 0; /* kernels index with 32 bits */
}

/* Row of the table for one entry, CTR_EMPTY when a category is unseen or the combination is. */
static uint32_t row_of_entry(const struct evaluator *ev, const struct ctr_source *c, uint64_t entry)
{
    uint32_t n_bits = c->n_tests + c->n_values;
    uint64_t digits = entry >> n_bits, weight = 1, h = 0;
    for (uint32_t i = 0; i < c->n_cats; i++) {
        weight *= ev->dictionaries[c->cat_slots[i]].n + 1;
    }
    for (uint32_t i = 0; i < c->n_cats; i++) {
        const struct dictionary *d = &ev->dictionaries[c->cat_slots[i]];
        weight /= d->n + 1;
        uint64_t id = digits / weight;
        digits %= weight;
        if (id == d->n) {
            return CTR_EMPTY;
        }
        h = projection_mix(h, hash_of_cat(d->values[id]));
    }
    for (uint32_t t = n_bits; t-- > 0;) {
        h = projection_mix(h, entry >> t & 1);
    }
    return ctr_index_find(&c->index, h);
}

static void make_dense(mrc_model *m, struct ctr_source *c)
{
    const struct evaluator *ev = m->evaluator;
    uint64_t entries = count_entries(ev, c);
    if (entries == 0) {
        return;
    }
    struct arena_mark before = arena_mark(&m->arena);
    uint8_t *dense = arena_alloc(&m->arena, (size_t)entries * c->n_columns + DENSE_PADDING, 64);
    struct arena_mark kept = arena_mark(&m->arena);
    bool *reached = ARENA_ARRAY(&m->arena, c->n_keys, bool);
    uint32_t hits = 0;
    for (uint64_t e = 0; dense && reached && e < entries; e++) {
        uint32_t row = row_of_entry(ev, c, e);
        if (row != CTR_EMPTY && !reached[row]) {
            reached[row] = true;
            hits++;
        }
        memcpy(dense + e * c->n_columns, c->bins + (size_t)(row == CTR_EMPTY ? c->n_keys : row) * c->n_columns,
               c->n_columns);
    }
    if (!dense || !reached || hits != c->n_keys) {
        arena_rewind(&m->arena, before);
        return;
    }
    arena_rewind(&m->arena, kept);
    c->dense = dense;
}

void dense_prepare(mrc_model *m)
{
    struct evaluator *ev = m->evaluator;
    if (ev->n_ctrs == 0) {
        return;
    }
    struct arena_mark mark = arena_mark(&m->arena);
    struct dictionary *d = ARENA_ARRAY(&m->arena, ev->n_cats, struct dictionary);
    bool built = d != NULL;
    for (uint32_t s = 0; built && s < ev->n_cats; s++) {
        built = build_dictionary(m, s, &d[s]);
    }
    if (!built) {
        arena_rewind(&m->arena, mark);
        return;
    }
    ev->dictionaries = d;
    for (uint32_t i = 0; i < ev->n_ctrs; i++) {
        make_dense(m, &ev->ctrs[i]);
    }
}
