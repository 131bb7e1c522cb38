/* Assembly of a model: used borders and values, statistics with their tables, trees by global split number, metadata.
 */
#include "train/assemble.h"

#include <stdlib.h>
#include <string.h>

/* What is used, and where it went. */
struct plan {
    struct arena arena;
    bool **bins;     /* [n_floats][n_borders]: border is used */
    uint32_t **rank; /* [n_floats][n_borders]: position among the used ones */
    bool **values;   /* [n_cats][n_ids] or NULL: one-hot value is used */
    uint32_t **value_rank;
    bool *cat_used; /* [n_cats] by a one-hot split or a statistic */
    uint32_t n_ctrs;
    struct used_ctr {
        uint32_t projection, stat;
        bool bins[256];
        uint32_t rank[256];
        struct ctr_feature feature;
    } * ctrs; /* sorted as the model wants them */
};

static struct used_ctr *find_ctr(const struct plan *p, uint32_t projection, uint32_t stat)
{
    for (uint32_t i = 0; i < p->n_ctrs; i++) {
        if (p->ctrs[i].projection == projection && p->ctrs[i].stat == stat) {
            return &p->ctrs[i];
        }
    }
    return NULL;
}

static void mark_plain(struct plan *p, const struct split *s)
{
    if (s->kind == SPLIT_FLOAT) {
        p->bins[s->feature][s->bin] = true;
    } else {
        p->values[s->feature][s->bin] = true;
        p->cat_used[s->feature] = true;
    }
}

/* At most as many different ones as there are splits on statistics. */
static size_t count_ctrs(const struct assembly *a)
{
    size_t n = 0, all = 0;
    for (uint32_t t = 0; t < a->n_trees; t++) {
        for (uint32_t d = 0; d < a->trees[t].tree.depth; d++) {
            n += a->trees[t].tree.splits[d].kind == SPLIT_CTR;
        }
    }
    for (uint32_t i = 0; i < a->stats->n_projections; i++) {
        all += a->stats->projections[i].used_types ? a->stats->projections[i].list->n : 0;
    }
    return n < all ? n : all;
}

static int mark_used(const struct assembly *a, struct plan *p, struct mrc_err *err)
{
    p->ctrs = a->stats ? ARENA_ARRAY(&p->arena, count_ctrs(a), struct used_ctr) : NULL;
    if (a->stats && !p->ctrs) {
        return arena_fail(&p->arena, err);
    }
    for (uint32_t t = 0; t < a->n_trees; t++) {
        for (uint32_t d = 0; d < a->trees[t].tree.depth; d++) {
            const struct split *s = &a->trees[t].tree.splits[d];
            if (s->kind != SPLIT_CTR) {
                mark_plain(p, s);
                continue;
            }
            struct used_ctr *c = find_ctr(p, s->feature, s->ctr);
            if (!c) {
                c = &p->ctrs[p->n_ctrs++];
                c->projection = s->feature;
                c->stat = s->ctr;
            }
            c->bins[s->bin] = true;
            const struct key_members *members = &a->stats->projections[s->feature].members;
            for (uint32_t k = 0; k < members->n_cats; k++) {
                p->cat_used[members->cats[k]] = true;
            }
            for (uint32_t k = 0; k < members->n_splits; k++) {
                mark_plain(p, &members->splits[k]);
            }
        }
    }
    return MRC_OK;
}

static int plan_init(struct plan *p, const struct pool *pool, struct mrc_err *err)
{
    *p = (struct plan){0};
    arena_init(&p->arena, 0);
    p->bins = ARENA_ARRAY(&p->arena, (size_t)pool->n_floats + 1, bool *);
    p->rank = ARENA_ARRAY(&p->arena, (size_t)pool->n_floats + 1, uint32_t *);
    p->values = ARENA_ARRAY(&p->arena, (size_t)pool->n_cats + 1, bool *);
    p->value_rank = ARENA_ARRAY(&p->arena, (size_t)pool->n_cats + 1, uint32_t *);
    p->cat_used = ARENA_ARRAY(&p->arena, (size_t)pool->n_cats + 1, bool);
    bool ok = p->bins && p->rank && p->values && p->value_rank && p->cat_used;
    for (uint32_t k = 0; ok && k < pool->n_floats; k++) {
        p->bins[k] = ARENA_ARRAY(&p->arena, pool->grids[k].n_borders, bool);
        p->rank[k] = ARENA_ARRAY(&p->arena, pool->grids[k].n_borders, uint32_t);
        ok = p->bins[k] && p->rank[k];
    }
    for (uint32_t k = 0; ok && k < pool->n_cats; k++) {
        if (pool->cats[k].bins.u8) {
            p->values[k] = ARENA_ARRAY(&p->arena, pool->cats[k].n_ids, bool);
            p->value_rank[k] = ARENA_ARRAY(&p->arena, pool->cats[k].n_ids, uint32_t);
            ok = p->values[k] && p->value_rank[k];
        }
    }
    return ok ? MRC_OK : arena_fail(&p->arena, err);
}

/* ---- features -------------------------------------------------------------------------------------------------- */

static int put_float(const struct assembly *a, const struct plan *p, mrc_model *m, uint32_t flat, uint32_t k,
                     struct mrc_err *err)
{
    const struct grid *g = &a->pool->grids[k];
    struct float_feature *f = &m->float_features[k];
    float *borders = ARENA_ARRAY(&m->arena, g->n_borders, float);
    if (!borders || !str_copy(&m->arena, a->learn->features[flat].name, &f->name)) {
        return arena_fail(&m->arena, err);
    }
    for (uint32_t b = 0; b < g->n_borders; b++) {
        if (p->bins[k][b]) {
            p->rank[k][b] = f->n_borders;
            borders[f->n_borders++] = g->borders[b];
        }
    }
    f->index = (int32_t)k;
    f->flat_index = (int32_t)flat;
    f->has_nans = g->has_nans;
    f->nan_treatment = g->nan_treatment;
    f->borders = borders;
    return MRC_OK;
}

struct hashed {
    int32_t hash;
    uint32_t id;
};

static int compare_hashed(const void *a, const void *b)
{
    int32_t x = ((const struct hashed *)a)->hash, y = ((const struct hashed *)b)->hash;
    return (x > y) - (x < y);
}

/* Used values of a one-hot column, ascending as signed numbers. */
static int put_one_hot(const struct assembly *a, struct plan *p, mrc_model *m, uint32_t k, struct mrc_err *err)
{
    const struct cat_column *c = &a->pool->cats[k];
    struct hashed used[256];
    uint32_t n = 0;
    for (uint32_t id = 0; c->bins.u8 && id < c->n_ids; id++) {
        if (p->values[k][id]) {
            used[n++] = (struct hashed){(int32_t)c->hashes[id], id};
        }
    }
    if (n == 0) {
        return MRC_OK;
    }
    qsort(used, n, sizeof(used[0]), compare_hashed);
    int32_t *values = ARENA_ARRAY(&m->arena, n, int32_t);
    if (!values) {
        return arena_fail(&m->arena, err);
    }
    for (uint32_t i = 0; i < n; i++) {
        values[i] = used[i].hash;
        p->value_rank[k][used[i].id] = i;
    }
    m->one_hot_features[m->n_one_hot_features++] =
        (struct one_hot_feature){.cat_index = (int32_t)k, .n_values = n, .values = values};
    return MRC_OK;
}

static int put_features(const struct assembly *a, struct plan *p, mrc_model *m, struct mrc_err *err)
{
    const struct dataset *d = a->learn;
    m->float_features = ARENA_ARRAY(&m->arena, d->n_floats, struct float_feature);
    m->cat_features = ARENA_ARRAY(&m->arena, d->n_cats, struct cat_feature);
    m->one_hot_features = ARENA_ARRAY(&m->arena, d->n_cats, struct one_hot_feature);
    if (!m->float_features || !m->cat_features || !m->one_hot_features) {
        return arena_fail(&m->arena, err);
    }
    m->n_float_features = d->n_floats;
    m->n_cat_features = d->n_cats;
    for (uint32_t i = 0; i < d->n_features; i++) {
        uint32_t k = d->features[i].index;
        if (d->features[i].kind == DATASET_FLOAT) {
            MRC_TRY(put_float(a, p, m, i, k, err));
            continue;
        }
        struct cat_feature *c = &m->cat_features[k];
        *c = (struct cat_feature){.index = (int32_t)k, .flat_index = (int32_t)i, .used_in_model = p->cat_used[k]};
        if (!str_copy(&m->arena, d->features[i].name, &c->name)) {
            return arena_fail(&m->arena, err);
        }
        MRC_TRY(put_one_hot(a, p, m, k, err));
    }
    return MRC_OK;
}

/* ---- statistics ------------------------------------------------------------------------------------------------ */

static int compare_one_hots(const void *a, const void *b)
{
    const struct one_hot_split *x = a, *y = b;
    if (x->index != y->index) {
        return x->index < y->index ? -1 : 1;
    }
    return (x->value > y->value) - (x->value < y->value);
}

static int put_projection(const struct assembly *a, mrc_model *m, const struct key_members *p, struct projection *out,
                          struct mrc_err *err)
{
    int32_t *cats = ARENA_ARRAY(&m->arena, p->n_cats, int32_t);
    struct float_split *floats = ARENA_ARRAY(&m->arena, p->n_splits, struct float_split);
    struct one_hot_split *one_hots = ARENA_ARRAY(&m->arena, p->n_splits, struct one_hot_split);
    if (!cats || !floats || !one_hots) {
        return arena_fail(&m->arena, err);
    }
    *out = (struct projection){.n_cats = p->n_cats, .cats = cats, .floats = floats, .one_hots = one_hots};
    for (uint32_t k = 0; k < p->n_cats; k++) {
        cats[k] = (int32_t)p->cats[k];
    }
    for (uint32_t k = 0; k < p->n_splits; k++) {
        const struct split *s = &p->splits[k];
        if (s->kind == SPLIT_FLOAT) {
            floats[out->n_floats++] =
                (struct float_split){(int32_t)s->feature, a->pool->grids[s->feature].borders[s->bin]};
        } else {
            one_hots[out->n_one_hots++] =
                (struct one_hot_split){(int32_t)s->feature, (int32_t)a->pool->cats[s->feature].hashes[s->bin]};
        }
    }
    qsort(one_hots, out->n_one_hots, sizeof(*one_hots), compare_one_hots);
    return MRC_OK;
}

static int compare_ctrs(const void *a, const void *b)
{
    return ctr_feature_cmp(&((const struct used_ctr *)a)->feature, &((const struct used_ctr *)b)->feature);
}

static int put_ctr(const struct assembly *a, mrc_model *m, struct used_ctr *c, struct mrc_err *err)
{
    const struct stat_projection *p = &a->stats->projections[c->projection];
    const struct stat *t = &p->list->stats[c->stat];
    float *borders = ARENA_ARRAY(&m->arena, t->border_count, float);
    if (!borders) {
        return arena_fail(&m->arena, err);
    }
    c->feature = (struct ctr_feature){.type = t->type,
                                      .target_classifier = (int32_t)t->classifier,
                                      .target_border = (int32_t)t->target_border,
                                      .prior_num = t->prior,
                                      .prior_denom = 1,
                                      .shift = t->shift,
                                      .scale = (float)t->border_count / t->norm,
                                      .borders = borders};
    for (uint32_t b = 0; b < t->border_count; b++) {
        if (c->bins[b]) {
            c->rank[b] = c->feature.n_borders;
            borders[c->feature.n_borders++] = (float)b + 0.999999f;
        }
    }
    return put_projection(a, m, &p->members, &c->feature.projection, err);
}

/* One table for all features of the same projection, type and classifier. */
static int put_table(const struct assembly *a, mrc_model *m, const struct used_ctr *c, struct mrc_err *err)
{
    for (uint32_t i = 0; i < m->n_ctr_tables; i++) {
        const struct ctr_table *t = &m->ctr_tables[i];
        if (t->type == c->feature.type && t->target_classifier == c->feature.target_classifier &&
            projection_equal(&t->projection, &c->feature.projection)) {
            return MRC_OK;
        }
    }
    struct ctr_table *t = &m->ctr_tables[m->n_ctr_tables++];
    t->projection = c->feature.projection;
    const struct stat *stat = &a->stats->projections[c->projection].list->stats[c->stat];
    return stats_table(a->stats, c->projection, stat, &m->arena, t, err);
}

static int put_statistics(const struct assembly *a, struct plan *p, mrc_model *m, struct mrc_err *err)
{
    m->ctr_features = ARENA_ARRAY(&m->arena, p->n_ctrs, struct ctr_feature);
    m->ctr_tables = ARENA_ARRAY(&m->arena, p->n_ctrs, struct ctr_table);
    if (!m->ctr_features || !m->ctr_tables) {
        return arena_fail(&m->arena, err);
    }
    for (uint32_t i = 0; i < p->n_ctrs; i++) {
        MRC_TRY(put_ctr(a, m, &p->ctrs[i], err));
    }
    if (p->n_ctrs > 1) {
        qsort(p->ctrs, p->n_ctrs, sizeof(*p->ctrs), compare_ctrs);
    }
    for (uint32_t i = 0; i < p->n_ctrs; i++) {
        m->ctr_features[i] = p->ctrs[i].feature;
        MRC_TRY(put_table(a, m, &p->ctrs[i], err));
    }
    m->n_ctr_features = p->n_ctrs;
    return MRC_OK;
}

/* ---- trees ----------------------------------------------------------------------------------------------------- */

/* Global numbers: borders of floats, then one-hot values, then borders of statistics. */
static void number_splits(mrc_model *m)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < m->n_float_features; i++) {
        m->float_features[i].split_base = next;
        next += m->float_features[i].n_borders;
    }
    for (uint32_t i = 0; i < m->n_one_hot_features; i++) {
        m->one_hot_features[i].split_base = next;
        next += m->one_hot_features[i].n_values;
    }
    for (uint32_t i = 0; i < m->n_ctr_features; i++) {
        m->ctr_features[i].split_base = next;
        next += m->ctr_features[i].n_borders;
    }
}

static uint32_t global_split(const struct plan *p, const mrc_model *m, const struct split *s)
{
    if (s->kind == SPLIT_FLOAT) {
        return m->float_features[s->feature].split_base + p->rank[s->feature][s->bin];
    }
    if (s->kind == SPLIT_CTR) {
        const struct used_ctr *c = find_ctr(p, s->feature, s->ctr);
        return m->ctr_features[c - p->ctrs].split_base + c->rank[s->bin];
    }
    uint32_t i = 0;
    while (m->one_hot_features[i].cat_index != (int32_t)s->feature) {
        i++;
    }
    return m->one_hot_features[i].split_base + p->value_rank[s->feature][s->bin];
}

static int put_trees(const struct assembly *a, const struct plan *p, mrc_model *m, struct mrc_err *err)
{
    /* CatBoost cannot apply a model without trees: a constant one has one tree of one leaf. */
    static const struct trained_tree constant = {.tree = {.depth = 0}};
    uint32_t n_trees = a->n_trees > 0 ? a->n_trees : 1;
    size_t splits = 0, leaves = 0;
    for (uint32_t t = 0; t < n_trees; t++) {
        const struct trained_tree *tree = a->n_trees > 0 ? &a->trees[t] : &constant;
        splits += tree->tree.depth;
        leaves += (size_t)1 << tree->tree.depth;
    }
    m->tree_sizes = ARENA_ARRAY(&m->arena, n_trees, uint32_t);
    m->tree_starts = ARENA_ARRAY(&m->arena, n_trees, uint32_t);
    m->tree_splits = ARENA_ARRAY(&m->arena, splits, uint32_t);
    m->leaf_values = ARENA_ARRAY(&m->arena, leaves * a->dim, double);
    m->leaf_weights = ARENA_ARRAY(&m->arena, leaves, double);
    m->bias = ARENA_ARRAY(&m->arena, a->dim, double);
    if (!m->tree_sizes || !m->tree_starts || !m->tree_splits || !m->leaf_values || !m->leaf_weights || !m->bias) {
        return arena_fail(&m->arena, err);
    }
    memcpy(m->bias, a->bias, a->dim * sizeof(double));
    m->dim = a->dim;
    m->n_trees = n_trees;
    m->symmetric = true;
    m->n_leaf_values = leaves * a->dim;
    m->n_leaf_weights = leaves;
    size_t leaf = 0;
    for (uint32_t t = 0; t < a->n_trees; t++) {
        const struct trained_tree *tree = &a->trees[t];
        size_t n = (size_t)1 << tree->tree.depth;
        m->tree_sizes[t] = tree->tree.depth;
        m->tree_starts[t] = m->n_tree_splits;
        for (uint32_t d = 0; d < tree->tree.depth; d++) {
            m->tree_splits[m->n_tree_splits++] = global_split(p, m, &tree->tree.splits[d]);
        }
        memcpy(m->leaf_values + leaf * a->dim, tree->values, n * a->dim * sizeof(double));
        memcpy(m->leaf_weights + leaf, tree->weights, n * sizeof(double));
        leaf += n;
    }
    return MRC_OK;
}

/* ---- metadata -------------------------------------------------------------------------------------------------- */

static int put_meta(mrc_model *m, const char *key, struct buf *text, struct mrc_err *err)
{
    struct meta_pair *pair = &m->meta[m->n_meta++];
    MRC_TRY(buf_ok(text, err));
    if (!str_copy(&m->arena, str_of(key), &pair->key) || !str_copy(&m->arena, buf_text(text), &pair->value)) {
        return arena_fail(&m->arena, err);
    }
    return MRC_OK;
}

static int put_metadata(const struct assembly *a, mrc_model *m, struct mrc_err *err)
{
    m->meta = ARENA_ARRAY(&m->arena, 2, struct meta_pair);
    if (!m->meta) {
        return arena_fail(&m->arena, err);
    }
    struct buf text;
    struct json_out w;
    buf_init(&text, NULL, 4 << 20);
    int rc = MRC_OK;
    if (a->labels->n > 0) {
        json_out_init(&w, &text);
        labels_write(a->labels, &w);
        rc = put_meta(m, "class_params", &text, err);
        buf_reset(&text);
    }
    if (rc == MRC_OK) {
        json_out_init(&w, &text);
        params_write(a->params, &w);
        rc = put_meta(m, "params", &text, err);
    }
    buf_release(&text);
    return rc;
}

int assemble_model(const struct assembly *a, mrc_model **out, struct mrc_err *err)
{
    mrc_model *m = model_new(0);
    if (!m) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for the model");
    }
    struct plan p;
    int rc = plan_init(&p, a->pool, err);
    rc = rc == MRC_OK ? mark_used(a, &p, err) : rc;
    rc = rc == MRC_OK ? put_features(a, &p, m, err) : rc;
    rc = rc == MRC_OK ? put_statistics(a, &p, m, err) : rc;
    if (rc == MRC_OK) {
        number_splits(m);
        rc = put_trees(a, &p, m, err);
    }
    rc = rc == MRC_OK ? put_metadata(a, m, err) : rc;
    arena_release(&p.arena);
    if (rc == MRC_OK) {
        rc = model_finish(m, err);
        if (rc == MRC_EFORMAT) { /* ours, not the caller's */
            err_wrap(err, "assembled model");
            rc = MRC_EBUG;
        }
    }
    if (rc < 0) {
        mrc_model_free(m);
        return rc;
    }
    *out = m;
    return MRC_OK;
}
