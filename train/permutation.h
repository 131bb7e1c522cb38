/* Random orders of rows: as CatBoost shuffles them, in blocks or in groups. */
#ifndef MRC_TRAIN_PERMUTATION_H
#define MRC_TRAIN_PERMUTATION_H

#include "common/base/err.h"
#include "train/random.h"

/* Shuffle blocks of `block` consecutive rows (block >= 1; the last may be shorter), rows keep their order in a block.
 * *out: [n] the caller's to free. MRC_ENOMEM. */
int permute_blocks(struct random *r, size_t n, size_t block, uint32_t **out, struct mrc_err *err) MRC_CHECKED;
/* Shuffle groups, and the rows of each: a group's rows stay together. group[k]: dense group of data row k; row i is
 * data row order[i] (NULL: i). MRC_ENOMEM. */
int permute_groups(struct random *r, const uint32_t *group, const uint32_t *order, size_t n, uint32_t **out,
                   struct mrc_err *err) MRC_CHECKED;

#endif
