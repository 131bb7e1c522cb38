/* Feature importance of a model from its leaf values and weights alone: CatBoost's PredictionValuesChange and
 * Interaction. A CTR's credit is divided equally among the members of its projection. */
#include "common/trees/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Split features are numbered: float features, then one-hot features, then CTR features. */
static uint32_t n_split_features(const mrc_model *m)
{
    return m->n_float_features + m->n_one_hot_features + m->n_ctr_features;
}

static void number_splits(const mrc_model *m, uint32_t *feature_of_split)
{
    uint32_t id = 0;
    for (uint32_t i = 0; i < m->n_float_features; i++, id++) {
        const struct float_feature *f = &m->float_features[i];
        for (uint32_t k = 0; k < f->n_borders; k++) {
            feature_of_split[f->split_base + k] = id;
        }
    }
    for (uint32_t i = 0; i < m->n_one_hot_features; i++, id++) {
        const struct one_hot_feature *f = &m->one_hot_features[i];
        for (uint32_t k = 0; k < f->n_values; k++) {
            feature_of_split[f->split_base + k] = id;
        }
    }
    for (uint32_t i = 0; i < m->n_ctr_features; i++, id++) {
        const struct ctr_feature *f = &m->ctr_features[i];
        for (uint32_t k = 0; k < f->n_borders; k++) {
            feature_of_split[f->split_base + k] = id;
        }
    }
}

/* Flat positions by index of the kind, which may have gaps. */
static uint32_t flat_of_cat(const mrc_model *m, int32_t index)
{
    return (uint32_t)m->cat_features[model_find_cat(m, index)].flat_index;
}

static uint32_t flat_of_float(const mrc_model *m, int32_t index)
{
    return (uint32_t)m->float_features[model_find_float(m, index)].flat_index;
}

/* Flat features that share the credit of a split feature, with multiplicity. flat has room for flat_members_max. */
static uint32_t flat_members(const mrc_model *m, uint32_t id, uint32_t *flat)
{
    if (id < m->n_float_features) {
        flat[0] = (uint32_t)m->float_features[id].flat_index;
        return 1;
    }
    id -= m->n_float_features;
    if (id < m->n_one_hot_features) {
        flat[0] = flat_of_cat(m, m->one_hot_features[id].cat_index);
        return 1;
    }
    const struct projection *p = &m->ctr_features[id - m->n_one_hot_features].projection;
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_cats; i++) {
        flat[n++] = flat_of_cat(m, p->cats[i]);
    }
    for (uint32_t i = 0; i < p->n_floats; i++) {
        flat[n++] = flat_of_float(m, p->floats[i].index);
    }
    for (uint32_t i = 0; i < p->n_one_hots; i++) {
        flat[n++] = flat_of_cat(m, p->one_hots[i].index);
    }
    return n;
}

static size_t flat_members_max(const mrc_model *m)
{
    size_t most = 1;
    for (uint32_t i = 0; i < m->n_ctr_features; i++) {
        const struct projection *p = &m->ctr_features[i].projection;
        size_t n = (size_t)p->n_cats + p->n_floats + p->n_one_hots;
        most = n > most ? n : most;
    }
    return most;
}

/* ---- PredictionValuesChange ------------------------------------------------------------------------------------ */

/* Weighted squared distance of two values from their mean, over outputs. */
static double change(const double *v1, double w1, const double *v2, double w2, uint32_t dim)
{
    if (!(w1 > 0.0) || !(w2 > 0.0)) {
        return 0.0;
    }
    double sum = 0.0;
    for (uint32_t d = 0; d < dim; d++) {
        double mean = (v1[d] * w1 + v2[d] * w2) / (w1 + w2);
        sum += (v1[d] - mean) * (v1[d] - mean) * w1 + (v2[d] - mean) * (v2[d] - mean) * w2;
    }
    return sum;
}

static void symmetric_change(const mrc_model *m, uint32_t tree, const uint32_t *feature_of_split, double *effect)
{
    uint32_t depth = m->tree_sizes[tree];
    const double *values = m->leaf_values + m->tree_leaf_offsets[tree];
    const double *weights = m->leaf_weights + m->tree_leaf_offsets[tree] / m->dim;
    for (uint32_t k = 0; k < depth; k++) {
        double sum = 0.0;
        for (uint32_t leaf = 0; leaf < 1U << depth; leaf++) {
            uint32_t other = leaf | 1U << k;
            if (other != leaf) {
                sum += change(values + (size_t)leaf * m->dim, weights[leaf], values + (size_t)other * m->dim,
                              weights[other], m->dim);
            }
        }
        effect[feature_of_split[m->tree_splits[m->tree_starts[tree] + k]]] += sum;
    }
}

/* Non-symmetric trees: a node's two sides are compared by the weighted means of the leaves below them. The nodes are
 * stored parents first, so a backward pass has both sides ready. mean: [nodes][dim], weight: [nodes]. */
static void side(const mrc_model *m, uint32_t node, uint16_t step, const double *means, const double *weights,
                 uint32_t start, const double **mean, double *weight)
{
    if (step != 0) {
        uint32_t child = node + step - start;
        *mean = means + (size_t)child * m->dim;
        *weight = weights[child];
        return;
    }
    uint32_t leaf = m->node_leaf[node];
    *mean = m->leaf_values + leaf;
    *weight = m->leaf_weights[leaf / m->dim];
}

static void tree_change(const mrc_model *m, uint32_t tree, const uint32_t *feature_of_split, double *means,
                        double *weights, double *effect)
{
    uint32_t start = m->tree_starts[tree];
    for (uint32_t i = m->tree_sizes[tree]; i-- > 0;) {
        uint32_t node = start + i;
        const struct step_node *step = &m->step_nodes[node];
        const double *mean[2];
        double weight[2];
        side(m, node, step->left, means, weights, start, &mean[0], &weight[0]);
        side(m, node, step->right, means, weights, start, &mean[1], &weight[1]);
        if (step->left == 0 && step->right == 0) {
            memcpy(means + (size_t)i * m->dim, mean[0], m->dim * sizeof *means);
            weights[i] = weight[0];
            continue;
        }
        effect[feature_of_split[m->tree_splits[node]]] += change(mean[0], weight[0], mean[1], weight[1], m->dim);
        weights[i] = weight[0] + weight[1];
        for (uint32_t d = 0; d < m->dim; d++) {
            means[(size_t)i * m->dim + d] =
                weights[i] > 0.0 ? (mean[0][d] * weight[0] + mean[1][d] * weight[1]) / weights[i] : 0.0;
        }
    }
}

int mrc_importance(const mrc_model *m, double *out, struct mrc_err *err)
{
    if (m->n_leaf_weights == 0 && m->n_leaf_values > 0) {
        return mrc_fail(err, MRC_EUNSUPPORTED, "the model has no leaf weights, which importance needs");
    }
    struct arena a;
    arena_init(&a, 0);
    uint32_t largest = 1;
    for (uint32_t t = 0; t < m->n_trees; t++) {
        largest = m->tree_sizes[t] > largest ? m->tree_sizes[t] : largest;
    }
    uint32_t n = n_split_features(m);
    uint32_t *feature_of_split = ARENA_ARRAY(&a, (size_t)m->n_splits + 1, uint32_t);
    double *effect = ARENA_ARRAY(&a, (size_t)n + 1, double);
    uint32_t *flat = ARENA_ARRAY(&a, flat_members_max(m), uint32_t);
    double *means = ARENA_ARRAY(&a, (size_t)largest * m->dim, double);
    double *weights = ARENA_ARRAY(&a, largest, double);
    if (feature_of_split == NULL || effect == NULL || flat == NULL || means == NULL || weights == NULL) {
        int rc = arena_fail(&a, err);
        arena_release(&a);
        return rc;
    }
    number_splits(m, feature_of_split);
    for (uint32_t t = 0; t < m->n_trees; t++) {
        if (m->symmetric) {
            symmetric_change(m, t, feature_of_split, effect);
        } else {
            tree_change(m, t, feature_of_split, means, weights, effect);
        }
    }
    memset(out, 0, m->n_flat_features * sizeof *out);
    double total = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t members = flat_members(m, i, flat);
        total += effect[i];
        for (uint32_t k = 0; k < members; k++) {
            out[flat[k]] += effect[i] / members;
        }
    }
    for (uint32_t i = 0; total > 0.0 && i < m->n_flat_features; i++) {
        out[i] *= 100.0 / total;
    }
    arena_release(&a);
    return MRC_OK;
}

/* ---- Interaction ----------------------------------------------------------------------------------------------- */

/* |sum over leaves and outputs of +-value| for bits a and b of an oblivious tree: + where the two agree. */
static double pair_effect(const mrc_model *m, uint32_t tree, uint32_t a, uint32_t b)
{
    const double *value = m->leaf_values + m->tree_leaf_offsets[tree];
    double sum = 0.0;
    for (uint32_t leaf = 0; leaf < 1U << m->tree_sizes[tree]; leaf++) {
        for (uint32_t d = 0; d < m->dim; d++, value++) {
            sum += (leaf >> a & 1U) == (leaf >> b & 1U) ? *value : -*value;
        }
    }
    return fabs(sum);
}

struct pair {
    uint32_t first, second;
    double score;
};

/* Flat features that a pair's effect is credited to: a projection's float features, then its categories. CatBoost
 * credits no one-hot split, neither alone nor inside a projection: such an effect counts in the total only. */
static uint32_t pair_members(const mrc_model *m, uint32_t id, uint32_t *flat)
{
    if (id < m->n_float_features) {
        return flat_members(m, id, flat);
    }
    if (id < m->n_float_features + m->n_one_hot_features) {
        return 0;
    }
    const struct projection *p = &m->ctr_features[id - m->n_float_features - m->n_one_hot_features].projection;
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_floats; i++) {
        flat[n++] = flat_of_float(m, p->floats[i].index);
    }
    for (uint32_t i = 0; i < p->n_cats; i++) {
        flat[n++] = flat_of_cat(m, p->cats[i]);
    }
    return n;
}

/* Credit a pair's effect to pairs of flat features. CatBoost orders each pair by swapping the outer feature with the
 * inner one and does not swap back, so after a smaller inner feature the outer one stays that one. Its figures follow
 * from this, and so must ours. */
static size_t credit_pair(struct pair *out, const uint32_t *first, uint32_t n1, const uint32_t *second, uint32_t n2,
                          double score)
{
    size_t n = 0;
    for (uint32_t x = 0; x < n1; x++) {
        uint32_t outer = first[x];
        for (uint32_t y = 0; y < n2; y++) {
            uint32_t inner = second[y];
            if (inner == outer) {
                continue;
            }
            if (inner < outer) {
                uint32_t swap = outer;
                outer = inner;
                inner = swap;
            }
            out[n++] = (struct pair){outer, inner, score / (double)((size_t)n1 * n2)};
        }
    }
    return n;
}

static int compare_pair(const void *x, const void *y)
{
    const struct pair *a = x;
    const struct pair *b = y;
    if (a->first != b->first) {
        return a->first < b->first ? -1 : 1;
    }
    return a->second < b->second ? -1 : a->second > b->second;
}

static int compare_score(const void *x, const void *y)
{
    const struct mrc_interaction *a = x;
    const struct mrc_interaction *b = y;
    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    if (a->first != b->first) {
        return a->first < b->first ? -1 : 1;
    }
    return a->second < b->second ? -1 : a->second > b->second;
}

/* Sort by features and add up equal pairs; returns how many are left. */
static size_t merge_pairs(struct pair *pairs, size_t n)
{
    qsort(pairs, n, sizeof *pairs, compare_pair);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && compare_pair(&pairs[kept - 1], &pairs[i]) == 0) {
            pairs[kept - 1].score += pairs[i].score;
        } else {
            pairs[kept++] = pairs[i];
        }
    }
    return kept;
}

static size_t count_pairs(const mrc_model *m)
{
    size_t n = 0;
    for (uint32_t t = 0; t < m->n_trees; t++) {
        n += (size_t)m->tree_sizes[t] * (m->tree_sizes[t] - (m->tree_sizes[t] > 0)) / 2;
    }
    return n;
}

/* Number split features by their first appearance in the trees, the order in which CatBoost pairs them: rank[n]. */
static void rank_features(const mrc_model *m, const uint32_t *feature_of_split, uint32_t *rank)
{
    uint32_t next = 1;
    for (uint32_t i = 0; i < m->n_tree_splits; i++) {
        uint32_t *r = &rank[feature_of_split[m->tree_splits[i]]];
        *r = *r == 0 ? next++ : *r;
    }
}

static size_t tree_pairs(const mrc_model *m, const uint32_t *feature_of_split, const uint32_t *rank, struct pair *pairs)
{
    size_t n = 0;
    for (uint32_t t = 0; t < m->n_trees; t++) {
        const uint32_t *splits = m->tree_splits + m->tree_starts[t];
        for (uint32_t i = 0; i < m->tree_sizes[t]; i++) {
            for (uint32_t k = i + 1; k < m->tree_sizes[t]; k++) {
                uint32_t x = feature_of_split[splits[i]];
                uint32_t y = feature_of_split[splits[k]];
                bool ordered = rank[x] < rank[y];
                if (x != y) {
                    pairs[n++] = (struct pair){ordered ? x : y, ordered ? y : x, pair_effect(m, t, i, k)};
                }
            }
        }
    }
    return merge_pairs(pairs, n);
}

/* Pairs of flat features with their shares; *total: the effect of all pairs of split features. */
static int find_pairs(const mrc_model *m, struct arena *a, struct pair **out, size_t *n_out, double *total,
                      struct mrc_err *err)
{
    size_t members_max = flat_members_max(m);
    uint32_t *feature_of_split = ARENA_ARRAY(a, (size_t)m->n_splits + 1, uint32_t);
    uint32_t *rank = ARENA_ARRAY(a, (size_t)n_split_features(m) + 1, uint32_t);
    struct pair *pairs = ARENA_ARRAY(a, count_pairs(m) + 1, struct pair);
    uint32_t *first = ARENA_ARRAY(a, members_max, uint32_t);
    uint32_t *second = ARENA_ARRAY(a, members_max, uint32_t);
    if (feature_of_split == NULL || rank == NULL || pairs == NULL || first == NULL || second == NULL) {
        return arena_fail(a, err);
    }
    number_splits(m, feature_of_split);
    rank_features(m, feature_of_split, rank);
    size_t n = tree_pairs(m, feature_of_split, rank, pairs);
    size_t credits_max = 1;
    *total = 0.0;
    for (size_t i = 0; i < n; i++) {
        *total += pairs[i].score;
        credits_max += (size_t)pair_members(m, pairs[i].first, first) * pair_members(m, pairs[i].second, second);
    }
    struct pair *credits = ARENA_ARRAY(a, credits_max, struct pair);
    if (credits == NULL) {
        return arena_fail(a, err);
    }
    size_t n_credits = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t n1 = pair_members(m, pairs[i].first, first);
        uint32_t n2 = pair_members(m, pairs[i].second, second);
        n_credits += credit_pair(credits + n_credits, first, n1, second, n2, pairs[i].score);
    }
    *out = credits;
    *n_out = merge_pairs(credits, n_credits);
    return MRC_OK;
}

int mrc_interactions(const mrc_model *m, struct mrc_interaction *out, size_t max, size_t *n, struct mrc_err *err)
{
    if (!m->symmetric) {
        return mrc_fail(err, MRC_EUNSUPPORTED, "interaction strength of non-symmetric trees is not available");
    }
    struct arena a;
    arena_init(&a, 0);
    struct pair *pairs = NULL;
    size_t n_pairs = 0;
    struct mrc_interaction *all = NULL;
    double total = 0.0;
    int rc = find_pairs(m, &a, &pairs, &n_pairs, &total, err);
    if (rc == MRC_OK && (all = ARENA_ARRAY(&a, n_pairs + 1, struct mrc_interaction)) == NULL) {
        rc = arena_fail(&a, err);
    }
    if (rc < 0) {
        arena_release(&a);
        return rc;
    }
    /* Pairs of a feature with itself (through projections) count in the total and are not reported, as in CatBoost. */
    size_t kept = 0;
    for (size_t i = 0; i < n_pairs; i++) {
        if (pairs[i].score > 0.0) {
            all[kept++] = (struct mrc_interaction){pairs[i].first, pairs[i].second, pairs[i].score / total * 100.0};
        }
    }
    qsort(all, kept, sizeof *all, compare_score);
    *n = kept;
    memcpy(out, all, (kept < max ? kept : max) * sizeof *out);
    arena_release(&a);
    return MRC_OK;
}
