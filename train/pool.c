/* Quantising a data set: floats by their grids, categories by the learn set's ids. */
#include "train/pool.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct mrc_err *err)
{
    return mrc_fail(err, MRC_ENOMEM, "no memory for the quantised data");
}

static bool is_bytes(const struct grid *g)
{
    return g->n_borders > 0 && g->n_borders <= 255;
}

/* Memory for the float columns. Byte columns lie in blocks of one stride and nearly the same number of columns, so that
 * threads share the work evenly and columns of several blocks can be walked together; where they lie has no influence
 * on results. */
static int lay_out(struct pool *pool, int threads, struct mrc_err *err)
{
    uint32_t n_bytes = 0;
    for (uint32_t k = 0; k < pool->n_floats; k++) {
        n_bytes += is_bytes(&pool->grids[k]);
    }
    uint32_t n_blocks = (n_bytes + BLOCK_COLUMNS - 1) / BLOCK_COLUMNS, parts = (uint32_t)threads;
    n_blocks = (n_blocks + parts - 1) / parts * parts;
    n_blocks = n_blocks < n_bytes ? n_blocks : n_bytes;
    uint32_t stride = n_blocks > 0 ? (n_bytes + n_blocks - 1) / n_blocks : 0;
    pool->blocks = calloc((size_t)n_blocks + 1, sizeof(*pool->blocks));
    if (!pool->blocks) {
        return no_memory(err);
    }
    pool->n_blocks = n_blocks;
    for (uint32_t b = 0; b < n_blocks; b++) {
        pool->blocks[b] = malloc(pool->n * stride);
        if (!pool->blocks[b]) {
            return no_memory(err);
        }
    }
    uint32_t at = 0, block = 0, begin = 0; /* block holds byte columns from begin on */
    for (uint32_t k = 0; k < pool->n_floats; k++) {
        struct column *c = &pool->floats[k];
        if (is_bytes(&pool->grids[k])) {
            if (at == (uint32_t)((uint64_t)n_bytes * (block + 1) / n_blocks)) {
                begin = at;
                block++;
            }
            *c = (struct column){.u8 = pool->blocks[block] + (at++ - begin), .stride = stride};
        } else if (pool->grids[k].n_borders > 0) {
            c->u16 = malloc(pool->n * sizeof(*c->u16));
            if (!c->u16) {
                return no_memory(err);
            }
        }
    }
    return MRC_OK;
}

/* Bins of the float columns, some rows at a time: the lines of a block are written while they are near. */
static void quantise(struct pool *pool, const struct dataset *data, const uint32_t *order, int threads)
{
    enum { ROWS = 4096 };
    int parts = (int)((pool->n + ROWS - 1) / ROWS);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1 && parts > 1)
    for (int part = 0; part < parts; part++) {
        size_t begin = (size_t)part * ROWS, end = begin + ROWS < pool->n ? begin + ROWS : pool->n;
        for (uint32_t k = 0; k < pool->n_floats; k++) {
            const struct column *c = &pool->floats[k];
            const float *values = data->floats[k].values + (order ? 0 : begin);
            const uint32_t *rows = order ? order + begin : NULL;
            if (c->u8) {
                grid_bins_u8(&pool->grids[k], values, rows, end - begin, c->u8 + begin * c->stride, c->stride);
            } else if (c->u16) {
                grid_bins_u16(&pool->grids[k], values, rows, end - begin, c->u16 + begin);
            }
        }
    }
}

static int start(struct pool *pool, const struct dataset *data, const uint32_t *order, struct mrc_err *err)
{
    *pool = (struct pool){.n = data->n_rows, .n_floats = data->n_floats, .n_cats = data->n_cats};
    pool->floats = calloc((size_t)data->n_floats + 1, sizeof(*pool->floats));
    pool->cats = calloc((size_t)data->n_cats + 1, sizeof(*pool->cats));
    pool->target = malloc(pool->n * sizeof(float));
    pool->weight = data->weight ? malloc(pool->n * sizeof(float)) : NULL;
    if (!pool->floats || !pool->cats || !pool->target || (data->weight && !pool->weight)) {
        return no_memory(err);
    }
    for (size_t i = 0; i < pool->n; i++) {
        size_t row = order ? order[i] : i;
        pool->target[i] = data->target[row];
        if (pool->weight) {
            pool->weight[i] = data->weight[row];
        }
    }
    return MRC_OK;
}

/* Ids as bins for one-hot splits. */
static int one_hot_bins(struct cat_column *c, size_t n, struct mrc_err *err)
{
    uint8_t *bins = malloc(n);
    if (!bins) {
        return no_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        bins[i] = (uint8_t)(c->ids[i] < c->n_ids ? c->ids[i] : 255);
    }
    c->bins = (struct column){.u8 = bins, .stride = 1};
    return MRC_OK;
}

/* Name of the k-th float column, for messages. */
static struct str float_name(const struct dataset *data, uint32_t k)
{
    for (uint32_t i = 0; i < data->n_features; i++) {
        if (data->features[i].kind == DATASET_FLOAT && data->features[i].index == k) {
            return data->features[i].name;
        }
    }
    return STR("");
}

static int learn_floats(struct pool *pool, struct grid *grids, const struct dataset *data, const struct params *p,
                        const uint32_t *order, int threads, struct mrc_err *err)
{
    int n = (int)data->n_floats, first_bad = n, rc = MRC_OK;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (threads > 1 && data->n_rows > 4096)
    for (int k = 0; k < n; k++) {
        struct mrc_err e = {0};
        int r = grid_choose(&grids[k], data->floats[k].values, data->n_rows, (enum border_type)p->border_type,
                            (enum nan_mode)p->nan_mode, (uint32_t)p->border_count, &e);
        if (r < 0) {
#pragma omp critical(pool_failure)
            if (k < first_bad) {
                first_bad = k;
                rc = r;
                if (err) {
                    *err = e;
                }
            }
        }
    }
    if (rc == MRC_EFORMAT) {
        err_wrap(err, "column \"%.*s\"", STR_ARG(float_name(data, (uint32_t)first_bad)));
    }
    MRC_TRY(rc);
    MRC_TRY(lay_out(pool, threads, err));
    quantise(pool, data, order, threads);
    return MRC_OK;
}

/* New numbers of a column's ids: by first appearance in learning order, then the most frequent (the first of several)
 * changes places with 0. CatBoost numbers them so, and the number decides which noise a one-hot split gets. */
static void number_ids(const struct dataset_cat *from, const uint32_t *order, size_t n, uint32_t *number,
                       uint32_t *counts)
{
    uint32_t next = 0, top = 0;
    for (uint32_t id = 0; id < from->n_ids; id++) {
        number[id] = UNSEEN;
        counts[id] = 0;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t id = from->ids[order ? order[i] : i];
        if (number[id] == UNSEEN) {
            number[id] = next++;
        }
        counts[number[id]]++;
    }
    for (uint32_t k = 1; k < next; k++) {
        top = counts[k] > counts[top] ? k : top;
    }
    for (uint32_t id = 0; id < from->n_ids; id++) {
        number[id] = number[id] == top ? 0 : number[id] == 0 ? top : number[id];
    }
}

static int learn_cat(struct cat_column *c, const struct dataset_cat *from, const uint32_t *order, size_t n,
                     uint32_t one_hot_max, struct mrc_err *err)
{
    uint32_t *number = malloc(((size_t)from->n_ids + 1) * sizeof(*number));
    c->ids = malloc(n * sizeof(*c->ids));
    c->hashes = malloc(((size_t)from->n_ids + 1) * sizeof(*c->hashes));
    if (!number || !c->ids || !c->hashes) {
        free(number);
        return no_memory(err);
    }
    number_ids(from, order, n, number, c->hashes);
    c->n_ids = from->n_ids;
    for (size_t i = 0; i < n; i++) {
        c->ids[i] = number[from->ids[order ? order[i] : i]];
    }
    for (uint32_t id = 0; id < from->n_ids; id++) {
        c->hashes[number[id]] = from->hashes[id];
    }
    free(number);
    return c->n_ids > 1 && c->n_ids <= one_hot_max ? one_hot_bins(c, n, err) : MRC_OK;
}

int pool_learn(struct pool *pool, struct grid *grids, const struct dataset *data, const struct params *p,
               const uint32_t *order, int threads, struct mrc_err *err)
{
    MRC_TRY(start(pool, data, order, err));
    pool->grids = grids;
    MRC_TRY(learn_floats(pool, grids, data, p, order, threads, err));
    for (uint32_t k = 0; k < data->n_cats; k++) {
        MRC_TRY(learn_cat(&pool->cats[k], &data->cats[k], order, pool->n, (uint32_t)p->one_hot_max_size, err));
    }
    return MRC_OK;
}

struct known {
    uint32_t hash, id;
};

static int compare_known(const void *a, const void *b)
{
    uint32_t x = ((const struct known *)a)->hash, y = ((const struct known *)b)->hash;
    return (x > y) - (x < y);
}

/* map[id of b] = id of a, UNSEEN when a has no such category. */
static int map_categories(const struct cat_column *a, const struct dataset_cat *b, uint32_t *map, struct mrc_err *err)
{
    struct known *known = malloc(((size_t)a->n_ids + 1) * sizeof(*known));
    if (!known) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < a->n_ids; i++) {
        known[i] = (struct known){a->hashes[i], i};
    }
    qsort(known, a->n_ids, sizeof(*known), compare_known);
    for (uint32_t i = 0; i < b->n_ids; i++) {
        struct known key = {b->hashes[i], 0};
        const struct known *at = bsearch(&key, known, a->n_ids, sizeof(*known), compare_known);
        map[i] = at ? at->id : UNSEEN;
    }
    free(known);
    return MRC_OK;
}

int pool_eval(struct pool *pool, const struct pool *learn, const struct dataset *data, const struct params *p,
              struct mrc_err *err)
{
    MRC_TRY(start(pool, data, NULL, err));
    pool->grids = learn->grids;
    MRC_TRY(lay_out(pool, 1, err));
    quantise(pool, data, NULL, 1);
    for (uint32_t k = 0; k < data->n_cats; k++) {
        struct cat_column *c = &pool->cats[k];
        uint32_t *ids = malloc(pool->n * sizeof(*ids));
        uint32_t *map = malloc(((size_t)data->cats[k].n_ids + 1) * sizeof(*map));
        int rc = ids && map ? map_categories(&learn->cats[k], &data->cats[k], map, err) : no_memory(err);
        for (size_t i = 0; rc == MRC_OK && i < pool->n; i++) {
            ids[i] = map[data->cats[k].ids[i]];
        }
        free(map);
        c->ids = ids;
        MRC_TRY(rc);
        c->n_ids = learn->cats[k].n_ids;
        if (c->n_ids > 1 && c->n_ids <= (uint32_t)p->one_hot_max_size) {
            MRC_TRY(one_hot_bins(c, pool->n, err));
        }
    }
    return MRC_OK;
}

void pool_release(struct pool *pool)
{
    for (uint32_t k = 0; pool->floats && k < pool->n_floats; k++) {
        free(pool->floats[k].u16);
    }
    for (uint32_t k = 0; k < pool->n_blocks; k++) {
        free(pool->blocks[k]);
    }
    free(pool->blocks);
    for (uint32_t k = 0; pool->cats && k < pool->n_cats; k++) {
        free(pool->cats[k].ids);
        free(pool->cats[k].hashes);
        free(pool->cats[k].bins.u8);
    }
    free(pool->floats);
    free(pool->cats);
    free(pool->target);
    free(pool->weight);
    *pool = (struct pool){0};
}
