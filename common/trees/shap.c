/* Exact Tree SHAP (Lundberg, Erion, Lee: Consistent individualized feature attribution for tree
 * ensembles, 2018, algorithm 2), with CatBoost's conventions: path-dependent expectations from the leaf weights, the
 * last split of a tree at its root, CTR credit divided equally among the categorical features of its projection, and
 * for MultiClass the mean over classes taken out of every leaf.
 *
 * Here: the public calls and oblivious trees. An oblivious tree's contribution depends on the leaf alone, so a table
 * leaf -> values per tree turns explaining a row into one look-up a tree. The tables are made when the explainer is,
 * for every tree that fits the caller's budget. */
#include "common/trees/shap.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 16, PATH_MAX = DEPTH_MAX + 1 };

struct walk {
    const struct mrc_explainer *e;
    const struct tree_shap *tree;
    const double *leaves; /* of this tree */
    uint32_t depth;
    uint32_t row_leaf;
    double *out; /* [n_credits][dim] of this tree */
};

static void add_leaf(const struct walk *w, uint32_t leaf, const struct step *path, uint32_t n)
{
    uint32_t dim = w->e->dim;
    const double *value = w->leaves + (size_t)leaf * w->e->model->dim;
    for (uint32_t i = 1; i <= n; i++) {
        double share = path_unwound_sum(path, n, i) * (path[i].one - path[i].zero);
        double *out = w->out + (size_t)path[i].credit * dim;
        for (uint32_t d = 0; d < dim; d++) {
            out[d] += share * value[d];
        }
    }
}

/* Visit heap node `node` at `level` splits below the root, having come by a step (credit, zero, one). */
static void visit(const struct walk *w, uint32_t node, uint32_t level, const struct step *parent, uint32_t n,
                  int32_t credit, double zero, double one)
{
    struct step path[PATH_MAX + 1];
    if (n > 0) {
        memcpy(path, parent, n * sizeof *path);
    }
    path_extend(path, n, credit, zero, one);
    if (level == w->depth) {
        add_leaf(w, node - (1U << w->depth), path, n);
        return;
    }
    uint32_t split = w->depth - 1 - level;
    int32_t mine = w->tree->slot[split];
    double zero_before;
    double one_before;
    uint32_t last = path_merge(path, n, mine, &zero_before, &one_before);
    const double *weights = w->tree->weights;
    uint32_t hot = 2 * node + ((w->row_leaf >> split) & 1U);
    uint32_t cold = hot ^ 1U;
    if (weights[hot] > 0.0) {
        visit(w, hot, level + 1, path, last + 1, mine, zero_before * weights[hot] / weights[node], one_before);
    }
    if (weights[cold] > 0.0) {
        visit(w, cold, level + 1, path, last + 1, mine, zero_before * weights[cold] / weights[node], 0.0);
    }
}

/* SHAP values of one tree for rows in row_leaf: out[n_credits][dim], added to. */
static void tree_values(const struct mrc_explainer *e, uint32_t tree, uint32_t row_leaf, double *out)
{
    const mrc_model *m = e->model;
    const struct tree_shap *t = &e->trees[tree];
    if (m->tree_sizes[tree] == 0 || !(t->weights[1] > 0.0)) {
        return;
    }
    struct walk w = {.e = e,
                     .tree = t,
                     .leaves = e->leaves + m->tree_leaf_offsets[tree],
                     .depth = m->tree_sizes[tree],
                     .row_leaf = row_leaf,
                     .out = out};
    visit(&w, 1, 0, NULL, 0, SHAP_NO_CREDIT, 1.0, 1.0);
}

/* ---- tables ---------------------------------------------------------------------------------------------------- */

/* All rows of a tree's table at once. What a coalition of credits expects of a row is a walk in which each split goes
 * the row's way (0 or 1) or both ways by weight (2): 3^depth walks in all, each from two of the level below. A row's
 * values then are Shapley's sum over the coalitions, most of which many rows share. */
enum { TABLE_DEPTH_MAX = 8, WALKS_MAX = 6561 /* 3^8 */, COALITIONS_MAX = 1 << TABLE_DEPTH_MAX, ABREAST = 8 };

struct table_scratch {
    double walks[2][WALKS_MAX];
    double expected[COALITIONS_MAX][ABREAST]; /* of the leaves being computed */
    uint32_t walk_of[COALITIONS_MAX][ABREAST];
    double share[COALITIONS_MAX]; /* of a coalition of k among n credits: k! (n-k-1)! / n! */
    uint32_t share_n;             /* the n that share is for; 0: none yet */
};

/* Expectations of all walks from the root, for output d; digit s (of base 3) of a walk's number is its way at split s.
 * Weightless branches are never gone. */
static const double *all_walks(const struct mrc_explainer *e, uint32_t tree, uint32_t d, struct table_scratch *scratch)
{
    const mrc_model *m = e->model;
    uint32_t depth = m->tree_sizes[tree], n_walks = 1;
    const double *weights = e->trees[tree].weights, *values = e->leaves + m->tree_leaf_offsets[tree];
    double *below = scratch->walks[0], *here = scratch->walks[1];
    for (uint32_t leaf = 0; leaf < 1U << depth; leaf++) {
        below[leaf] = values[(size_t)leaf * m->dim + d];
    }
    for (uint32_t level = depth; level-- > 0; n_walks *= 3) {
        for (uint32_t j = 0; j < 1U << level; j++) {
            uint32_t node = (1U << level) + j;
            double left = weights[2 * node], right = weights[2 * node + 1], both = weights[node];
            const double *from = below + (size_t)2 * j * n_walks;
            double *to = here + (size_t)3 * j * n_walks;
            for (uint32_t k = 0; k < n_walks; k++) {
                double a = left > 0.0 ? from[k] : 0.0, b = right > 0.0 ? from[n_walks + k] : 0.0;
                to[k] = a;
                to[n_walks + k] = b;
                to[2 * n_walks + k] = both > 0.0 ? (left * a + right * b) / both : 0.0;
            }
        }
        double *swap = below;
        below = here;
        here = swap;
    }
    return below;
}

static void find_shares(struct table_scratch *scratch, uint32_t n)
{
    double of_size[TABLE_DEPTH_MAX];
    uint32_t size[COALITIONS_MAX] = {0};
    if (scratch->share_n == n) {
        return;
    }
    of_size[0] = 1.0 / n;
    for (uint32_t k = 1; k < n; k++) {
        of_size[k] = of_size[k - 1] * k / (n - k);
    }
    scratch->share[0] = of_size[0];
    for (uint32_t c = 1; c + 1 < 1U << n; c++) { /* all but the one of everybody, which nobody can join */
        size[c] = size[c & (c - 1)] + 1;
        scratch->share[c] = of_size[size[c]];
    }
    scratch->share_n = n;
}

/* The rows of ABREAST leaves from `first` on, side by side; what lies beyond the tree is computed, but not kept. */
static void table_rows(const struct tree_shap *t, uint32_t depth, uint32_t first, const double *walks,
                       struct table_scratch *scratch, double *out, uint32_t stride)
{
    uint32_t known[TABLE_DEPTH_MAX][ABREAST] = {{0}}, unknown = 0, n_coalitions = 1U << t->n_credits;
    for (uint32_t s = 0, power = 1; s < depth; s++, power *= 3) {
        for (uint32_t l = 0; l < ABREAST; l++) {
            known[t->slot[s]][l] += power * (2 - ((first + l) >> s & 1U));
        }
        unknown += 2 * power;
    }
    for (uint32_t l = 0; l < ABREAST; l++) {
        scratch->walk_of[0][l] = unknown;
        scratch->expected[0][l] = walks[unknown];
    }
    for (uint32_t c = 1; c < n_coalitions; c++) {
        const uint32_t *before = scratch->walk_of[c & (c - 1)], *less = known[__builtin_ctz(c)];
        for (uint32_t l = 0; l < ABREAST; l++) {
            scratch->walk_of[c][l] = before[l] - less[l];
            scratch->expected[c][l] = walks[scratch->walk_of[c][l]];
        }
    }
    for (uint32_t i = 0; i < t->n_credits; i++) {
        double sum[ABREAST] = {0.0};
        for (uint32_t c = 0; c < n_coalitions; c += 1 + ((c + 1) & 1U << i)) { /* those without i */
            const double *with = scratch->expected[c | 1U << i], *without = scratch->expected[c];
            for (uint32_t l = 0; l < ABREAST; l++) {
                sum[l] += scratch->share[c] * (with[l] - without[l]);
            }
        }
        for (uint32_t l = 0; l < ABREAST && first + l < 1U << depth; l++) {
            out[((size_t)l * t->n_credits + i) * stride] = sum[l];
        }
    }
}

static void fill_table(const struct mrc_explainer *e, uint32_t tree, struct table_scratch *scratch, double *table)
{
    const struct tree_shap *t = &e->trees[tree];
    uint32_t depth = e->model->tree_sizes[tree], n = t->n_credits;
    if (depth > TABLE_DEPTH_MAX || !(t->weights[1] > 0.0)) {
        for (uint32_t leaf = 0; leaf < 1U << depth; leaf++) {
            tree_values(e, tree, leaf, table + (size_t)leaf * n * e->dim);
        }
        return;
    }
    find_shares(scratch, n);
    for (uint32_t d = 0; d < e->dim; d++) {
        const double *walks = all_walks(e, tree, d, scratch);
        for (uint32_t leaf = 0; leaf < 1U << depth; leaf += ABREAST) {
            table_rows(t, depth, leaf, walks, scratch, table + (size_t)leaf * n * e->dim + d, e->dim);
        }
    }
}

/* ---- preparation ----------------------------------------------------------------------------------------------- */

/* Number of the credit that is exactly these flat features (ascending), added when new. members has room. */
static uint32_t credit_find(struct mrc_explainer *e, const uint32_t *flat, uint32_t n, uint32_t *n_members)
{
    for (uint32_t i = 0; i < e->n_credits; i++) {
        if (e->credits[i].n == n && memcmp(e->members + e->credits[i].first, flat, n * sizeof *flat) == 0) {
            return i;
        }
    }
    e->credits[e->n_credits] = (struct credit){.first = *n_members, .n = n};
    memcpy(e->members + *n_members, flat, n * sizeof *flat);
    *n_members += n;
    return e->n_credits++;
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t cat_flat(const mrc_model *m, int32_t index)
{
    return (uint32_t)m->cat_features[model_find_cat(m, index)].flat_index;
}

/* Which credit every global split belongs to: split_credit[n_splits]. */
static int find_credits(struct mrc_explainer *e, uint32_t *split_credit, struct mrc_err *err)
{
    const mrc_model *m = e->model;
    size_t credits_max = (size_t)m->n_float_features + m->n_one_hot_features + m->n_ctr_features;
    size_t members_max = (size_t)m->n_float_features + m->n_one_hot_features;
    uint32_t widest = 1;
    for (uint32_t i = 0; i < m->n_ctr_features; i++) {
        uint32_t n = m->ctr_features[i].projection.n_cats;
        members_max += n;
        widest = n > widest ? n : widest;
    }
    e->credits = ARENA_ARRAY(&e->arena, credits_max + 1, struct credit);
    e->members = ARENA_ARRAY(&e->arena, members_max + 1, uint32_t);
    uint32_t *flat = ARENA_ARRAY(&e->arena, widest, uint32_t);
    if (e->credits == NULL || e->members == NULL || flat == NULL) {
        return arena_fail(&e->arena, err);
    }
    uint32_t used = 0;
    for (uint32_t i = 0; i < m->n_float_features; i++) {
        const struct float_feature *f = &m->float_features[i];
        flat[0] = (uint32_t)f->flat_index;
        for (uint32_t b = 0, c = f->n_borders > 0 ? credit_find(e, flat, 1, &used) : 0; b < f->n_borders; b++) {
            split_credit[f->split_base + b] = c;
        }
    }
    for (uint32_t i = 0; i < m->n_one_hot_features; i++) {
        const struct one_hot_feature *f = &m->one_hot_features[i];
        flat[0] = cat_flat(m, f->cat_index);
        for (uint32_t b = 0, c = f->n_values > 0 ? credit_find(e, flat, 1, &used) : 0; b < f->n_values; b++) {
            split_credit[f->split_base + b] = c;
        }
    }
    for (uint32_t i = 0; i < m->n_ctr_features; i++) {
        const struct ctr_feature *f = &m->ctr_features[i];
        for (uint32_t k = 0; k < f->projection.n_cats; k++) {
            flat[k] = cat_flat(m, f->projection.cats[k]);
        }
        qsort(flat, f->projection.n_cats, sizeof *flat, compare_u32);
        uint32_t c = credit_find(e, flat, f->projection.n_cats, &used);
        for (uint32_t b = 0; b < f->n_borders; b++) {
            split_credit[f->split_base + b] = c;
        }
    }
    return MRC_OK;
}

/* Leaf values as explained, and the base: bias + sum over trees of the weighted mean leaf. */
static int prepare_leaves(struct mrc_explainer *e, struct mrc_err *err)
{
    const mrc_model *m = e->model;
    e->leaves = ARENA_ARRAY(&e->arena, m->n_leaf_values + 1, double);
    e->base = ARENA_ARRAY(&e->arena, m->dim, double);
    if (e->leaves == NULL || e->base == NULL) {
        return arena_fail(&e->arena, err);
    }
    bool centre = m->dim > 1 && strcmp(mrc_model_loss(m), "MultiClass") == 0;
    for (size_t leaf = 0; leaf < m->n_leaf_values / m->dim; leaf++) {
        const double *from = m->leaf_values + leaf * m->dim;
        double *to = e->leaves + leaf * m->dim;
        double mean = 0.0;
        for (uint32_t d = 0; centre && d < m->dim; d++) {
            mean += from[d] / m->dim;
        }
        for (uint32_t d = 0; d < m->dim; d++) {
            to[d] = (from[d] - mean) * m->scale;
        }
    }
    double bias_mean = 0.0;
    for (uint32_t d = 0; centre && d < m->dim; d++) {
        bias_mean += m->bias[d] / m->dim;
    }
    for (uint32_t d = 0; d < e->dim; d++) {
        e->base[d] = m->bias[d] - bias_mean;
    }
    for (uint32_t t = 0; m->symmetric && t < m->n_trees; t++) {
        uint32_t n_leaves = 1U << m->tree_sizes[t];
        const double *values = e->leaves + m->tree_leaf_offsets[t];
        const double *weights = m->leaf_weights + m->tree_leaf_offsets[t] / m->dim;
        double total = 0.0;
        for (uint32_t leaf = 0; leaf < n_leaves; leaf++) {
            total += weights[leaf];
        }
        for (uint32_t d = 0; d < e->dim; d++) {
            double sum = 0.0;
            for (uint32_t leaf = 0; leaf < n_leaves; leaf++) {
                sum += weights[leaf] * values[(size_t)leaf * m->dim + d];
            }
            e->base[d] += total > 0.0 ? sum / total : 0.0;
        }
    }
    return MRC_OK;
}

static int prepare_tree(struct mrc_explainer *e, uint32_t t, const uint32_t *split_credit, struct mrc_err *err)
{
    const mrc_model *m = e->model;
    uint32_t depth = m->tree_sizes[t];
    uint32_t n_leaves = 1U << depth;
    uint32_t *credits = ARENA_ARRAY(&e->arena, depth + 1, uint32_t);
    uint8_t *slot = ARENA_ARRAY(&e->arena, depth + 1, uint8_t);
    double *weights = ARENA_ARRAY(&e->arena, 2 * (size_t)n_leaves, double);
    if (credits == NULL || slot == NULL || weights == NULL) {
        return arena_fail(&e->arena, err);
    }
    uint32_t n = 0;
    for (uint32_t k = 0; k < depth; k++) {
        uint32_t c = split_credit[m->tree_splits[m->tree_starts[t] + k]];
        uint32_t i = 0;
        while (i < n && credits[i] != c) {
            i++;
        }
        credits[i] = c;
        n += i == n;
        slot[k] = (uint8_t)i;
    }
    /* Leaf number = heap position from the left, because the root asks the last split, the most significant bit. */
    memcpy(weights + n_leaves, m->leaf_weights + m->tree_leaf_offsets[t] / m->dim, n_leaves * sizeof *weights);
    for (uint32_t node = n_leaves; node-- > 1;) {
        weights[node] = weights[2 * node] + weights[2 * node + 1];
    }
    e->trees[t] = (struct tree_shap){.n_credits = n, .credits = credits, .slot = slot, .weights = weights};
    return MRC_OK;
}

static int make_tables(struct mrc_explainer *e, size_t bytes_max, struct mrc_err *err)
{
    const mrc_model *m = e->model;
    size_t bytes = 0;
    struct table_scratch *scratch = malloc(sizeof *scratch);
    if (scratch == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for an explainer");
    }
    scratch->share_n = 0;
    for (uint32_t t = 0; t < m->n_trees; t++) {
        struct tree_shap *tree = &e->trees[t];
        size_t per_leaf = (size_t)tree->n_credits * e->dim;
        size_t n_leaves = (size_t)1 << m->tree_sizes[t];
        if (per_leaf == 0 || n_leaves * per_leaf * sizeof(double) > bytes_max - bytes) {
            continue;
        }
        bytes += n_leaves * per_leaf * sizeof(double);
        double *table = ARENA_ARRAY(&e->arena, n_leaves * per_leaf, double);
        if (table == NULL) {
            free(scratch);
            return arena_fail(&e->arena, err);
        }
        fill_table(e, t, scratch, table);
        tree->table = table;
    }
    free(scratch);
    return MRC_OK;
}

static int prepare(struct mrc_explainer *e, size_t table_bytes_max, struct mrc_err *err)
{
    const mrc_model *m = e->model;
    e->split_credit = ARENA_ARRAY(&e->arena, (size_t)m->n_splits + 1, uint32_t);
    e->trees = ARENA_ARRAY(&e->arena, (size_t)m->n_trees + 1, struct tree_shap);
    if (e->split_credit == NULL || e->trees == NULL) {
        return arena_fail(&e->arena, err);
    }
    MRC_TRY(find_credits(e, e->split_credit, err));
    MRC_TRY(prepare_leaves(e, err));
    if (!m->symmetric) {
        return shap_prepare_nodes(e, err);
    }
    for (uint32_t t = 0; t < m->n_trees; t++) {
        MRC_TRY(prepare_tree(e, t, e->split_credit, err));
    }
    return make_tables(e, table_bytes_max, err);
}

int mrc_explainer_new(mrc_explainer **out, const mrc_model *m, size_t table_bytes_max, struct mrc_err *err)
{
    if (m->n_leaf_weights == 0 && m->n_leaf_values > 0) {
        return mrc_fail(err, MRC_EUNSUPPORTED, "the model has no leaf weights, which SHAP values need");
    }
    struct mrc_explainer *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for an explainer");
    }
    arena_init(&e->arena, 0);
    e->model = m;
    e->dim = strcmp(mrc_model_loss(m), "RMSEWithUncertainty") == 0 ? 1 : m->dim;
    e->n_flat = m->n_flat_features;
    int rc = prepare(e, table_bytes_max, err);
    if (rc < 0) {
        mrc_explainer_free(e);
        return rc;
    }
    *out = e;
    return MRC_OK;
}

void mrc_explainer_free(mrc_explainer *e)
{
    if (e != NULL) {
        arena_release(&e->arena);
        free(e);
    }
}

size_t mrc_explainer_dim(const mrc_explainer *e)
{
    return e->dim;
}

/* ---- explaining ------------------------------------------------------------------------------------------------ */

/* Add values[n][dim] of n credits to a row: [dim][n_flat + 1]. credits: their numbers, NULL: 0 … n-1. */
static void credit_features(const struct mrc_explainer *e, const uint32_t *credits, uint32_t n, const double *values,
                            double *row)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct credit *c = &e->credits[credits == NULL ? i : credits[i]];
        for (uint32_t d = 0; d < e->dim; d++) {
            double share = values[(size_t)i * e->dim + d] / c->n;
            for (uint32_t k = 0; k < c->n; k++) {
                row[(size_t)d * (e->n_flat + 1) + e->members[c->first + k]] += share;
            }
        }
    }
}

static size_t align_up(size_t n)
{
    return (n + MRC_SCRATCH_ALIGN - 1) / MRC_SCRATCH_ALIGN * MRC_SCRATCH_ALIGN;
}

static size_t values_bytes(const struct mrc_explainer *e)
{
    uint32_t credits = e->model->symmetric ? DEPTH_MAX : e->n_credits;
    return align_up((size_t)credits * e->dim * sizeof(double));
}

size_t mrc_shap_scratch_size(const mrc_explainer *e)
{
    return align_up(mrc_scratch_size(e->model, 1)) + align_up((size_t)e->model->n_trees * sizeof(uint32_t)) +
           values_bytes(e);
}

static void shap_row_symmetric(const struct mrc_explainer *e, const uint32_t *leaves, double *values, double *row)
{
    for (uint32_t t = 0; t < e->model->n_trees; t++) {
        const struct tree_shap *tree = &e->trees[t];
        const double *found = values;
        if (tree->table != NULL) {
            found = tree->table + (size_t)leaves[t] * tree->n_credits * e->dim;
        } else {
            memset(values, 0, (size_t)tree->n_credits * e->dim * sizeof *values);
            tree_values(e, t, leaves[t], values);
        }
        credit_features(e, tree->credits, tree->n_credits, found, row);
    }
}

int mrc_shap(const mrc_explainer *e, const struct mrc_input *in, size_t n_rows, void *scratch, double *out,
             struct mrc_err *err)
{
    const mrc_model *m = e->model;
    unsigned char *at = scratch;
    void *row_scratch = at;
    at += align_up(mrc_scratch_size(m, 1));
    uint32_t *leaves = (uint32_t *)(void *)at;
    at += align_up((size_t)m->n_trees * sizeof(uint32_t));
    double *values = (double *)(void *)at;
    size_t row_size = (size_t)e->dim * (e->n_flat + 1);
    for (size_t row = 0; row < n_rows; row++) {
        struct mrc_input one = *in;
        one.floats = in->floats == NULL ? NULL : in->floats + row * in->float_row_stride;
        one.cats = in->cats == NULL ? NULL : in->cats + row * in->cat_row_stride;
        one.cat_hashes = in->cat_hashes == NULL ? NULL : in->cat_hashes + row * in->cat_row_stride;
        MRC_TRY(mrc_leaf_indexes(m, &one, 1, row_scratch, leaves, err));
        double *to = out + row * row_size;
        memset(to, 0, row_size * sizeof *to);
        if (m->symmetric) {
            shap_row_symmetric(e, leaves, values, to);
        } else {
            struct block b;
            block_init(m, &b, &one, 0, 1, row_scratch);
            evaluate_bins(m, &b);
            memset(values, 0, values_bytes(e));
            shap_row_nodes(e, &b, values);
            credit_features(e, NULL, e->n_credits, values, to);
        }
        for (uint32_t d = 0; d < e->dim; d++) {
            to[(size_t)d * (e->n_flat + 1) + e->n_flat] = e->base[d];
        }
    }
    return MRC_OK;
}
