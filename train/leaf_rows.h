/* The sampled rows of a tree under construction, sorted by leaf, with their gradients.
 *
 * They are held in shards, each of a range of rows and worked on by one thread: the rows of a leaf, ascending, are
 * those of the first shard, then those of the second, and so on, for any number of shards. */
#ifndef MRC_TRAIN_LEAF_ROWS_H
#define MRC_TRAIN_LEAF_ROWS_H

#include "train/pool.h"
#include "train/row_moves.h"

/* With more than one shard, as many of them belong to each of the parts of the rows, which are the same for any number
 * of threads. */
enum { LEAF_ROWS_PARTS = 2 };

struct segment {
    size_t begin, end;
};

struct leaf_shard {
    size_t begin, end;           /* of rows */
    uint32_t *rows, *apart;      /* by leaf; room for those that are moved */
    double *gradients, *g_apart; /* [][width] beside rows: derivatives, and the weight unless all are 1 */
    struct segment *segments;    /* [leaves] */
};

struct leaf_rows {
    size_t n_all; /* rows of the pool */
    uint32_t dim, width;
    int n_shards, n_threads;
    struct leaf_shard *shards;
    uint8_t *answers; /* bits of all rows: to the last split */
    const struct row_movers *movers;
};

/* Where the rows of a tree come from. */
struct row_source {
    const double *d1;    /* [dim][n_all] */
    const float *sample; /* [n_all] or NULL: all 1 */
    const float *weight; /* [n_all] or NULL: all 1 */
    bool weighed;        /* sample has others than 0 and 1 */
};

/* Memory for n_all rows and up to this many leaves; false: no memory (leaf_rows_release frees what there is). */
bool leaf_rows_init(struct leaf_rows *r, size_t n_all, uint32_t dim, size_t leaves, int threads) MRC_CHECKED;
void leaf_rows_release(struct leaf_rows *r);
/* Start a tree: all sampled rows in leaf 0. */
void leaf_rows_load(struct leaf_rows *r, const struct row_source *from);
/* Split the 2^level leaves: rows that answer yes go from leaf k to leaf k + 2^level. */
void leaf_rows_split(struct leaf_rows *r, const struct split *split, const struct column *column, uint32_t level);
/* Sampled rows of a leaf. */
uint32_t leaf_rows_count(const struct leaf_rows *r, uint32_t leaf);

#endif
