/* Keys of projections: rows that agree in all members have the same number.
 *
 * Numbers go by first appearance in the learn set, whatever the order in which members are added; those of a single
 * column are the column's ids. */
#ifndef MRC_TRAIN_STAT_KEYS_H
#define MRC_TRAIN_STAT_KEYS_H

#include "train/pool.h"

struct key_members {
    uint32_t n_cats, n_splits;
    uint32_t *cats;       /* ascending; at least one */
    struct split *splits; /* floats by (feature, bin), then one-hots by (feature, id) */
};

struct stat_keys {
    uint32_t n;         /* distinct in the learn set */
    uint32_t *ids;      /* [learn rows] */
    uint32_t *eval_ids; /* [eval rows] UNSEEN for what the learn set lacks; NULL without eval set */
    bool owns_ids;      /* false: they are a column of the pool */
};

/* Are all members of a members of b? */
bool key_members_within(const struct key_members *a, const struct key_members *b);
bool key_members_same(const struct key_members *a, const struct key_members *b);

/* Keys of members. base: those of some of the members, or NULL; the more they are, the less is left to do. eval may be
 * NULL. MRC_ENOMEM. */
int stat_keys_find(struct stat_keys *out, const struct key_members *members, const struct stat_keys *base,
                   const struct key_members *base_members, const struct pool *learn, const struct pool *eval,
                   struct mrc_err *err) MRC_CHECKED;
void stat_keys_release(struct stat_keys *k);

/* What a split of a projection says of a row. */
uint32_t key_split_value(const struct split *split, const struct pool *pool, size_t row);

#endif
