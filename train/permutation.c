/* Shuffling rows by blocks and by groups. */
#include "train/permutation.h"

#include <stdlib.h>

int permute_blocks(struct random *r, size_t n, size_t block, uint32_t **out, struct mrc_err *err)
{
    size_t n_blocks = (n + block - 1) / block;
    uint32_t *rows = malloc(n * sizeof(*rows)), *blocks = malloc(n_blocks * sizeof(*blocks));
    if (!rows || !blocks) {
        free(rows);
        free(blocks);
        return mrc_fail(err, MRC_ENOMEM, "no memory to shuffle %zu rows", n);
    }
    for (size_t i = 0; i < n_blocks; i++) {
        blocks[i] = (uint32_t)i;
    }
    random_shuffle(r, blocks, n_blocks);
    size_t k = 0;
    for (size_t i = 0; i < n_blocks; i++) {
        size_t begin = blocks[i] * block, end = begin + block < n ? begin + block : n;
        for (size_t row = begin; row < end; row++) {
            rows[k++] = (uint32_t)row;
        }
    }
    free(blocks);
    *out = rows;
    return MRC_OK;
}

int permute_groups(struct random *r, const uint32_t *group, const uint32_t *order, size_t n, uint32_t **out,
                   struct mrc_err *err)
{
    uint32_t n_groups = 0;
    for (size_t i = 0; i < n; i++) {
        n_groups = group[i] >= n_groups ? group[i] + 1 : n_groups;
    }
    size_t *ends = calloc((size_t)n_groups + 1, sizeof(*ends)); /* of each group among the rows by group */
    uint32_t *by_group = malloc(n * sizeof(*by_group)), *groups = malloc(n_groups * sizeof(*groups));
    uint32_t *rows = malloc(n * sizeof(*rows));
    if (!ends || !by_group || !groups || !rows) {
        free(ends);
        free(by_group);
        free(groups);
        free(rows);
        return mrc_fail(err, MRC_ENOMEM, "no memory to shuffle %zu rows", n);
    }
    for (size_t i = 0; i < n; i++) {
        ends[group[order ? order[i] : i]]++;
    }
    size_t sum = 0;
    for (uint32_t g = 0; g < n_groups; g++) {
        size_t size = ends[g];
        ends[g] = sum; /* its begin, until the rows are in place */
        sum += size;
        groups[g] = g;
    }
    for (size_t i = 0; i < n; i++) {
        by_group[ends[group[order ? order[i] : i]]++] = (uint32_t)i;
    }
    random_shuffle(r, groups, n_groups);
    size_t k = 0;
    for (uint32_t i = 0; i < n_groups; i++) {
        size_t begin = groups[i] > 0 ? ends[groups[i] - 1] : 0, end = ends[groups[i]];
        random_shuffle(r, by_group + begin, end - begin);
        for (size_t j = begin; j < end; j++) {
            rows[k++] = by_group[j];
        }
    }
    free(ends);
    free(by_group);
    free(groups);
    *out = rows;
    return MRC_OK;
}
