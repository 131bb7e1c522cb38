/* SHAP values of non-symmetric trees: the same expectations, walked node by node. CatBoost's own values for such trees
 * do not add up to the prediction; these do. */
#include "common/trees/shap.h"

#include <string.h>

/* One side of a node: a leaf (offset into leaf values), or another node. */
struct side {
    bool leaf;
    uint32_t at;
};

static bool is_leaf(const mrc_model *m, uint32_t node)
{
    return m->step_nodes[node].left == 0 && m->step_nodes[node].right == 0;
}

static struct side side_of(const mrc_model *m, uint32_t node, bool right)
{
    uint32_t step = right ? m->step_nodes[node].right : m->step_nodes[node].left;
    if (step == 0) {
        return (struct side){true, m->node_leaf[node]};
    }
    uint32_t child = node + step;
    return is_leaf(m, child) ? (struct side){true, m->node_leaf[child]} : (struct side){false, child};
}

static struct side root_of(const mrc_model *m, uint32_t tree)
{
    uint32_t root = m->tree_starts[tree];
    return is_leaf(m, root) ? (struct side){true, m->node_leaf[root]} : (struct side){false, root};
}

static double weight_of(const struct mrc_explainer *e, struct side s)
{
    return s.leaf ? e->model->leaf_weights[s.at / e->model->dim] : e->node_weights[s.at];
}

/* Weights of the inner nodes of a tree; returns the tree's depth. Nodes come before their children. */
static uint32_t weigh_tree(struct mrc_explainer *e, uint32_t tree, uint32_t *depth)
{
    const mrc_model *m = e->model;
    uint32_t start = m->tree_starts[tree];
    uint32_t deepest = 0;
    for (uint32_t i = m->tree_sizes[tree]; i-- > 0;) {
        uint32_t node = start + i;
        depth[i] = 0;
        if (is_leaf(m, node)) {
            continue;
        }
        e->node_weights[node] = 0;
        for (int right = 0; right < 2; right++) {
            struct side s = side_of(m, node, right != 0);
            e->node_weights[node] += weight_of(e, s);
            uint32_t below = s.leaf ? 0 : depth[s.at - start];
            depth[i] = below + 1 > depth[i] ? below + 1 : depth[i];
        }
        deepest = depth[i] > deepest ? depth[i] : deepest;
    }
    return deepest;
}

/* Add share * (leaf values below s) / weight, each leaf by its weight: the tree's mean. */
static void add_mean(struct mrc_explainer *e, struct side s, double total)
{
    const mrc_model *m = e->model;
    if (s.leaf) {
        for (uint32_t d = 0; d < e->dim; d++) {
            e->base[d] += m->leaf_weights[s.at / m->dim] / total * e->leaves[s.at + d];
        }
        return;
    }
    add_mean(e, side_of(m, s.at, false), total);
    add_mean(e, side_of(m, s.at, true), total);
}

int shap_prepare_nodes(struct mrc_explainer *e, struct mrc_err *err)
{
    const mrc_model *m = e->model;
    uint32_t largest = 1;
    for (uint32_t t = 0; t < m->n_trees; t++) {
        largest = m->tree_sizes[t] > largest ? m->tree_sizes[t] : largest;
    }
    e->node_weights = ARENA_ARRAY(&e->arena, (size_t)m->n_tree_splits + 1, double);
    uint32_t *depth = ARENA_ARRAY(&e->arena, largest, uint32_t);
    if (e->node_weights == NULL || depth == NULL) {
        return arena_fail(&e->arena, err);
    }
    for (uint32_t t = 0; t < m->n_trees; t++) {
        uint32_t deepest = weigh_tree(e, t, depth);
        if (deepest > SHAP_DEPTH_MAX) {
            return mrc_fail(err, MRC_EUNSUPPORTED, "tree %u has depth %u; SHAP values go to depth %d", t, deepest,
                            SHAP_DEPTH_MAX);
        }
        double total = m->tree_sizes[t] == 0 ? 0 : weight_of(e, root_of(m, t));
        if (total > 0) {
            add_mean(e, root_of(m, t), total);
        }
    }
    return MRC_OK;
}

struct node_walk {
    const struct mrc_explainer *e;
    const struct block *block;
    double *values; /* [n_credits][dim] */
};

static void add_leaf(const struct node_walk *w, uint32_t leaf, const struct step *path, uint32_t n)
{
    for (uint32_t i = 1; i <= n; i++) {
        double share = path_unwound_sum(path, n, i) * (path[i].one - path[i].zero);
        double *to = w->values + (size_t)path[i].credit * w->e->dim;
        for (uint32_t d = 0; d < w->e->dim; d++) {
            to[d] += share * w->e->leaves[leaf + d];
        }
    }
}

static void visit(const struct node_walk *w, struct side s, const struct step *parent, uint32_t n, int32_t credit,
                  double zero, double one)
{
    struct step path[SHAP_DEPTH_MAX + 2];
    if (n > 0) {
        memcpy(path, parent, n * sizeof *path);
    }
    path_extend(path, n, credit, zero, one);
    if (s.leaf) {
        add_leaf(w, s.at, path, n);
        return;
    }
    const mrc_model *m = w->e->model;
    int32_t mine = (int32_t)w->e->split_credit[m->tree_splits[s.at]];
    double zero_before;
    double one_before;
    uint32_t last = path_merge(path, n, mine, &zero_before, &one_before);
    bin_test test = m->evaluator->tree_tests[s.at];
    bool row_right = w->block->bins[TEST_COLUMN(test)] >= TEST_THRESHOLD(test);
    double whole = weight_of(w->e, s);
    for (int side = 0; side < 2; side++) {
        bool hot = side == 0;
        struct side next = side_of(m, s.at, hot == row_right);
        double weight = weight_of(w->e, next);
        if (weight > 0) {
            visit(w, next, path, last + 1, mine, zero_before * weight / whole, hot ? one_before : 0.0);
        }
    }
}

void shap_row_nodes(const struct mrc_explainer *e, const struct block *b, double *values)
{
    struct node_walk w = {.e = e, .block = b, .values = values};
    for (uint32_t t = 0; t < e->model->n_trees; t++) {
        struct side root;
        if (e->model->tree_sizes[t] > 0 && (root = root_of(e->model, t), weight_of(e, root) > 0)) {
            visit(&w, root, NULL, 0, SHAP_NO_CREDIT, 1.0, 1.0);
        }
    }
}
