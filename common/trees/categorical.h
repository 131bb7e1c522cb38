/* Categories: the hash of their bytes, the hash of a projection, and what a CTR table says about a key. */
#ifndef MRC_TREES_CATEGORICAL_H
#define MRC_TREES_CATEGORICAL_H

#include "common/trees/model.h"

/* CityHash64, version 1.0 of 2011 (later versions give other numbers). */
uint64_t city_hash64(const void *bytes, size_t n);

/* One step of a projection's hash; start with 0. x: a category hash through hash_of_cat, or 0/1 for a split. */
static inline uint64_t projection_mix(uint64_t h, uint64_t x)
{
    const uint64_t a = 0x4906ba494954cb65u;
    return a * (h + a * x);
}
/* Category hashes enter as signed 32-bit numbers. */
static inline uint64_t hash_of_cat(uint32_t cat)
{
    return (uint64_t)(int64_t)(int32_t)cat;
}

/* Value of a CTR for row `key` of its table, or for an unseen key (key == n_keys). All in float, as CatBoost. */
float ctr_value(const struct ctr_feature *f, const struct ctr_table *t, uint32_t key);

/* Open addressing over the keys of one table: bucket count a power of two, at least one bucket empty. */
struct ctr_bucket {
    uint64_t hash;
    uint32_t row; /* CTR_EMPTY: unoccupied */
    uint32_t unused;
};
#define CTR_EMPTY UINT32_MAX

struct ctr_index {
    struct ctr_bucket *buckets;
    uint64_t mask;
};
/* Index n distinct keys in the arena. MRC_EFORMAT when a key stands twice (names `table`), arena_fail. */
int ctr_index_build(struct ctr_index *ix, const uint64_t *keys, uint32_t n, uint32_t table, struct arena *a,
                    struct mrc_err *err) MRC_CHECKED;

/* Row of a projection hash, or CTR_EMPTY. */
static inline uint32_t ctr_index_find(const struct ctr_index *ix, uint64_t hash)
{
    for (uint64_t i = hash & ix->mask;; i = (i + 1) & ix->mask) {
        const struct ctr_bucket *b = &ix->buckets[i];
        if (b->row == CTR_EMPTY || b->hash == hash) {
            return b->row;
        }
    }
}

#endif
