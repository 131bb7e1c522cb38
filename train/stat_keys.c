/* Numbering the keys of projections, one member after the other. */
#include "train/stat_keys.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(struct mrc_err *err)
{
    return mrc_fail(err, MRC_ENOMEM, "no memory for keys of categories");
}

/* ---- members --------------------------------------------------------------------------------------------------- */

static bool has_cat(const struct key_members *m, uint32_t cat)
{
    for (uint32_t i = 0; i < m->n_cats; i++) {
        if (m->cats[i] == cat) {
            return true;
        }
    }
    return false;
}

static bool has_split(const struct key_members *m, const struct split *split)
{
    for (uint32_t i = 0; i < m->n_splits; i++) {
        const struct split *s = &m->splits[i];
        if (s->kind == split->kind && s->feature == split->feature && s->bin == split->bin) {
            return true;
        }
    }
    return false;
}

bool key_members_within(const struct key_members *a, const struct key_members *b)
{
    if (a->n_cats > b->n_cats || a->n_splits > b->n_splits) {
        return false;
    }
    for (uint32_t i = 0; i < a->n_cats; i++) {
        if (!has_cat(b, a->cats[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < a->n_splits; i++) {
        if (!has_split(b, &a->splits[i])) {
            return false;
        }
    }
    return true;
}

bool key_members_same(const struct key_members *a, const struct key_members *b)
{
    return a->n_cats == b->n_cats && a->n_splits == b->n_splits && key_members_within(a, b);
}

/* One member: a categorical column or a split. */
struct member {
    const uint32_t *cat_ids; /* or NULL */
    const struct split *split;
    const struct pool *pool;
};

uint32_t key_split_value(const struct split *split, const struct pool *pool, size_t row)
{
    if (split->kind == SPLIT_ONE_HOT) {
        return pool->cats[split->feature].ids[row] == split->bin;
    }
    return column_at(&pool->floats[split->feature], row) > split->bin;
}

static void member_values(const struct member *m, size_t begin, size_t n, uint32_t *restrict values)
{
    if (m->cat_ids) {
        memcpy(values, m->cat_ids + begin, n * sizeof(*values));
        return;
    }
    const struct column *c = m->split->kind == SPLIT_ONE_HOT ? NULL : &m->pool->floats[m->split->feature];
    if (c && c->u8) {
        const uint8_t *bins = c->u8 + begin * c->stride;
        for (size_t i = 0; i < n; i++, bins += c->stride) {
            values[i] = *bins > m->split->bin;
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = key_split_value(m->split, m->pool, begin + i);
    }
}

/* ---- numbers of pairs (number so far, value of the next member) -------------------------------------------------- */

struct slot {
    uint64_t pair; /* and 1; 0 = empty */
    uint32_t id;
};

/* All pairs have a place of their own where they are few enough, else they share a table by hashing. */
struct numbers {
    uint32_t *places; /* [pairs] UNSEEN until met; or NULL */
    struct slot *slots;
    size_t capacity; /* of slots, a power of two, at least twice as many as there can be */
    uint64_t n_values;
    uint32_t used;
};

enum { AT_ONCE = 256 }; /* rows whose places are asked for before the first is needed */

static bool numbers_init(struct numbers *t, uint64_t n_from, uint64_t n_values, size_t n_rows)
{
    uint64_t pairs = n_from * n_values, most = pairs < n_rows ? pairs : n_rows;
    *t = (struct numbers){.n_values = n_values};
    if (pairs <= 4 * (uint64_t)n_rows + 65536) {
        t->places = malloc((pairs + 1) * sizeof(*t->places));
        if (t->places) {
            memset(t->places, 0xff, (pairs + 1) * sizeof(*t->places));
        }
        return t->places;
    }
    t->capacity = 64;
    while (t->capacity < 2 * most) {
        t->capacity *= 2;
    }
    t->slots = calloc(t->capacity, sizeof(*t->slots));
    return t->slots;
}

static void numbers_release(struct numbers *t)
{
    free(t->places);
    free(t->slots);
}

static size_t hash_of(const struct numbers *t, uint64_t pair)
{
    return (size_t)((pair * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (t->capacity - 1);
}

static struct slot *slot_of(const struct numbers *t, uint64_t pair)
{
    size_t at = hash_of(t, pair);
    while (t->slots[at].pair != 0 && t->slots[at].pair != pair + 1) {
        at = (at + 1) & (t->capacity - 1);
    }
    return &t->slots[at];
}

/* Numbers of pairs[n], new ones for those not met before. */
static void number_pairs(struct numbers *t, const uint64_t *pairs, size_t n, uint32_t *ids)
{
    if (t->places) {
        for (size_t i = 0; i < n; i++) {
            uint32_t *id = &t->places[pairs[i]];
            if (*id == UNSEEN) {
                *id = t->used++;
            }
            ids[i] = *id;
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        __builtin_prefetch(&t->slots[hash_of(t, pairs[i])], 1);
    }
    for (size_t i = 0; i < n; i++) {
        struct slot *s = slot_of(t, pairs[i]);
        if (s->pair == 0) {
            *s = (struct slot){pairs[i] + 1, t->used++};
        }
        ids[i] = s->id;
    }
}

/* The number of a pair of the eval set. */
static uint32_t known_number(const struct numbers *t, uint32_t from, uint32_t value)
{
    if (from == UNSEEN || value >= t->n_values) {
        return UNSEEN;
    }
    uint64_t pair = from * t->n_values + value;
    if (t->places) {
        return t->places[pair];
    }
    const struct slot *s = slot_of(t, pair);
    return s->pair == 0 ? UNSEEN : s->id;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

/* keys <- numbers of (from, member); they may be the same. */
static int refine(struct stat_keys *keys, const struct stat_keys *from, uint64_t n_values, const struct member *learn,
                  const struct member *eval, struct mrc_err *err)
{
    struct numbers t;
    if (!numbers_init(&t, from->n, n_values, learn->pool->n)) {
        return no_memory(err);
    }
    uint32_t values[AT_ONCE];
    for (size_t begin = 0; begin < learn->pool->n; begin += AT_ONCE) {
        size_t n = learn->pool->n - begin < AT_ONCE ? learn->pool->n - begin : AT_ONCE;
        uint64_t pairs[AT_ONCE];
        member_values(learn, begin, n, values);
        for (size_t i = 0; i < n; i++) {
            pairs[i] = from->ids[begin + i] * n_values + values[i];
        }
        number_pairs(&t, pairs, n, keys->ids + begin);
    }
    for (size_t begin = 0; eval && begin < eval->pool->n; begin += AT_ONCE) {
        size_t n = eval->pool->n - begin < AT_ONCE ? eval->pool->n - begin : AT_ONCE;
        member_values(eval, begin, n, values);
        for (size_t i = 0; i < n; i++) {
            keys->eval_ids[begin + i] = known_number(&t, from->eval_ids[begin + i], values[i]);
        }
    }
    keys->n = t.used;
    numbers_release(&t);
    return MRC_OK;
}

static struct stat_keys column_keys(const struct pool *learn, const struct pool *eval, uint32_t cat)
{
    return (struct stat_keys){
        .n = learn->cats[cat].n_ids, .ids = learn->cats[cat].ids, .eval_ids = eval ? eval->cats[cat].ids : NULL};
}

/* Add the members that base lacks; base is where the first of them starts from. */
static int add_members(struct stat_keys *out, const struct key_members *members, struct stat_keys base,
                       const struct key_members *base_members, const struct pool *learn, const struct pool *eval,
                       struct mrc_err *err)
{
    for (uint32_t k = 0; k < members->n_cats; k++) {
        const struct cat_column *c = &learn->cats[members->cats[k]];
        if (!has_cat(base_members, members->cats[k])) {
            struct member m = {.cat_ids = c->ids, .pool = learn};
            struct member e = {.cat_ids = eval ? eval->cats[members->cats[k]].ids : NULL, .pool = eval};
            MRC_TRY(refine(out, &base, c->n_ids, &m, eval ? &e : NULL, err));
            base = *out;
        }
    }
    for (uint32_t k = 0; k < members->n_splits; k++) {
        if (!has_split(base_members, &members->splits[k])) {
            struct member m = {.split = &members->splits[k], .pool = learn};
            struct member e = {.split = &members->splits[k], .pool = eval};
            MRC_TRY(refine(out, &base, 2, &m, eval ? &e : NULL, err));
            base = *out;
        }
    }
    return MRC_OK;
}

int stat_keys_find(struct stat_keys *out, const struct key_members *members, const struct stat_keys *base,
                   const struct key_members *base_members, const struct pool *learn, const struct pool *eval,
                   struct mrc_err *err)
{
    struct stat_keys first = column_keys(learn, eval, members->cats[0]);
    struct key_members first_members = {.n_cats = 1, .cats = members->cats};
    if (members->n_cats + members->n_splits == 1) {
        *out = first;
        return MRC_OK;
    }
    *out = (struct stat_keys){.owns_ids = true};
    out->ids = malloc(learn->n * sizeof(*out->ids));
    out->eval_ids = eval ? malloc((eval->n + 1) * sizeof(*out->eval_ids)) : NULL;
    int rc = out->ids && (!eval || out->eval_ids) ? MRC_OK : no_memory(err);
    if (rc == MRC_OK) {
        rc = base ? add_members(out, members, *base, base_members, learn, eval, err)
                  : add_members(out, members, first, &first_members, learn, eval, err);
    }
    if (rc < 0) {
        stat_keys_release(out);
    }
    return rc;
}

void stat_keys_release(struct stat_keys *k)
{
    if (k->owns_ids) {
        free(k->ids);
        free(k->eval_ids);
    }
    *k = (struct stat_keys){.n = k->n};
}
