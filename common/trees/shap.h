/* The explainer's parts, shared by shap.c (oblivious trees, the public calls) and shap_nodes.c (non-symmetric trees).
 */
#ifndef MRC_TREES_SHAP_H
#define MRC_TREES_SHAP_H

#include "common/trees/evaluate.h"
#include "common/trees/shap_path.h"

/* A set of flat features that share the credit of a split. */
struct credit {
    uint32_t first, n; /* in members[] */
};

/* Values of one tree: the credits its splits can give, and, when tabled, [leaf][credit][output]. */
struct tree_shap {
    uint32_t n_credits;
    const uint32_t *credits; /* [n_credits] distinct credit numbers of this tree */
    const uint8_t *slot;     /* [depth] split -> position in credits */
    const double *weights;   /* [2^(depth+1)] sub-cube weights, heap order: node 1 is the root */
    double *table;           /* or NULL */
};

struct mrc_explainer {
    struct arena arena;
    const mrc_model *model;
    uint32_t dim; /* outputs explained */
    uint32_t n_flat;
    uint32_t n_credits;
    struct credit *credits;
    uint32_t *members;
    struct tree_shap *trees;
    double *base;           /* [dim] */
    double *leaves;         /* [n_leaf_values] leaf values as explained (class mean removed) */
    uint32_t *split_credit; /* [n_splits] credit of every global split */
    double *node_weights;   /* non-symmetric trees: [n_tree_splits] weight of the leaves below each node */
};

/* Non-symmetric trees: weights of nodes, and each tree's mean added to the base. MRC_EUNSUPPORTED: deeper than
 * SHAP_DEPTH_MAX. */
int shap_prepare_nodes(struct mrc_explainer *e, struct mrc_err *err) MRC_CHECKED;
/* Add the values of every tree for the row whose bins are in b (stride 1): values[n_credits][dim]. */
void shap_row_nodes(const struct mrc_explainer *e, const struct block *b, double *values);

#endif
