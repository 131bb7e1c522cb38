/* Quantised data: what the tree search reads. Columns of bins in learning order, target and weights beside them. */
#ifndef MRC_TRAIN_POOL_H
#define MRC_TRAIN_POOL_H

#include "train/binning.h"
#include "train/dataset.h"

/* A column of small integers; exactly one of the two pointers is set. Byte columns may lie side by side, the bytes of
 * one row together (a block): histograms of several columns are then made in one walk over the rows. */
struct column {
    uint8_t *u8;
    uint16_t *u16;
    uint32_t stride; /* bytes from a row to the next; u8 only */
};

enum { BLOCK_COLUMNS = 8 }; /* columns of a block at most */

static inline uint32_t column_at(const struct column *c, size_t i)
{
    return c->u8 ? c->u8[i * c->stride] : c->u16[i];
}

/* One yes/no question about a row. */
struct split {
    enum split_kind kind;
    uint32_t feature; /* FLOAT: float column; ONE_HOT: categorical column; CTR: projection of the statistics */
    uint32_t ctr;     /* CTR: which statistic of the projection */
    uint32_t bin;     /* ONE_HOT: is it this id? Otherwise: is the bin above this one? */
};

static inline bool split_test(const struct split *s, uint32_t value)
{
    return s->kind == SPLIT_ONE_HOT ? value == s->bin : value > s->bin;
}

/* A categorical column by the ids of the learn set; rows of an eval set with an unknown category have UNSEEN. */
#define UNSEEN UINT32_MAX
struct cat_column {
    uint32_t *ids;      /* [n] */
    uint32_t n_ids;     /* distinct in the learn set */
    uint32_t *hashes;   /* [n_ids]; NULL in an eval set */
    struct column bins; /* ids as bins when n_ids <= one_hot_max_size (an unseen id is 255); else unset */
};

struct pool {
    size_t n;
    uint32_t n_floats, n_cats;
    const struct grid *grids; /* [n_floats] of the learn set */
    struct column *floats;    /* [n_floats]; unset where the grid has no borders */
    uint32_t n_blocks;
    uint8_t **blocks;        /* [n_blocks] memory of the float columns that are bytes */
    struct cat_column *cats; /* [n_cats] */
    float *target, *weight;  /* [n]; weight NULL = all 1 */
};

/* Grids and bins of a learn set; row i of the pool is row order[i] of the data (NULL: the same order). */
int pool_learn(struct pool *pool, struct grid *grids, const struct dataset *data, const struct params *params,
               const uint32_t *order, int threads, struct mrc_err *err) MRC_CHECKED;
/* An eval set on the grids and categories of the learn set. */
int pool_eval(struct pool *pool, const struct pool *learn, const struct dataset *data, const struct params *params,
              struct mrc_err *err) MRC_CHECKED;
void pool_release(struct pool *pool); /* not the grids */

#endif
