/* A small model with every kind of feature, put together by hand; its parts can be changed before it is finished. */
#ifndef MRC_TESTS_SMALL_MODEL_H
#define MRC_TESTS_SMALL_MODEL_H

#include "common/trees/model.h"
#include "tests/unit/check_main.h"

/* Splits: 0, 1 float a (0.5, 1.5) · 2, 3 float b (-1, 2), missing is low · 4, 5 category c is -5, 7 · 6, 7 CTR of
 * (c, a > 1.5), borders 0.3, 0.6. Trees: {0, 6}, {}, {4}. */
struct small_model {
    double bias[1];
    float a_borders[2], b_borders[2], ctr_borders[2];
    struct float_feature floats[2];
    struct cat_feature cats[1];
    int32_t values[2];
    struct one_hot_feature one_hots[1];
    int32_t projection_cats[1];
    struct float_split projection_floats[1];
    struct ctr_feature ctrs[1];
    uint64_t keys[3];
    int32_t counts[6];
    struct ctr_table tables[1];
    uint32_t sizes[3], starts[3], splits[20];
    double leaves[7], weights[7];
    struct step_node steps[3];
    uint32_t node_leaf[3];
    struct meta_pair meta[2];
    struct mrc_model model; /* copied into the real one; counts and flags can be changed here */
};

static inline void small_model_init(struct small_model *s)
{
    *s = (struct small_model){
        .bias = {0.25},
        .a_borders = {0.5f, 1.5f},
        .b_borders = {-1, 2},
        .ctr_borders = {0.3f, 0.6f},
        .values = {-5, 7},
        .projection_cats = {0},
        .projection_floats = {{0, 1.5f}},
        .counts = {3, 1, 0, 4, 2, 2},
        .sizes = {2, 0, 1},
        .starts = {0, 2, 2},
        .splits = {0, 6, 4},
        .leaves = {1, 2, 3, 4, 10, 100, 200},
        .weights = {1, 1, 1, 1, 4, 2, 2},
    };
    for (int i = 0; i < 2; i++) {
        s->floats[i] = (struct float_feature){.index = i,
                                              .flat_index = 2 * i,
                                              .name = i ? STR("b") : STR("a"),
                                              .has_nans = i == 1,
                                              .nan_treatment = i ? NAN_AS_FALSE : NAN_AS_IS,
                                              .n_borders = 2,
                                              .borders = i ? s->b_borders : s->a_borders};
    }
    s->cats[0] = (struct cat_feature){.index = 0, .flat_index = 1, .used_in_model = true, .name = STR("c")};
    s->one_hots[0] = (struct one_hot_feature){.cat_index = 0, .n_values = 2, .values = s->values};
    struct projection p = {.n_cats = 1, .n_floats = 1, .cats = s->projection_cats, .floats = s->projection_floats};
    s->ctrs[0] = (struct ctr_feature){.projection = p,
                                      .type = CTR_BORDERS,
                                      .target_classifier = 1,
                                      .prior_num = 0.5f,
                                      .prior_denom = 1,
                                      .scale = 1,
                                      .n_borders = 2,
                                      .borders = s->ctr_borders};
    for (uint64_t i = 0; i < 3; i++) {
        s->keys[i] = 1000 + i;
    }
    s->tables[0] = (struct ctr_table){.projection = p,
                                      .type = CTR_BORDERS,
                                      .target_classifier = 1,
                                      .target_classes = 2,
                                      .n_keys = 3,
                                      .keys = s->keys,
                                      .counts = s->counts};
    s->meta[0] = (struct meta_pair){STR("params"), STR("{\"loss_function\":{\"type\":\"RMSE\",\"params\":{}}}")};
    s->meta[1] = (struct meta_pair){STR("anything"), STR("kept \xc3\xa9")};
    s->model = (struct mrc_model){
        .dim = 1,
        .scale = 1,
        .bias = s->bias,
        .symmetric = true,
        .n_float_features = 2,
        .n_cat_features = 1,
        .n_one_hot_features = 1,
        .n_ctr_features = 1,
        .n_ctr_tables = 1,
        .float_features = s->floats,
        .cat_features = s->cats,
        .one_hot_features = s->one_hots,
        .ctr_features = s->ctrs,
        .ctr_tables = s->tables,
        .n_trees = 3,
        .n_tree_splits = 3,
        .tree_sizes = s->sizes,
        .tree_starts = s->starts,
        .tree_splits = s->splits,
        .step_nodes = s->steps,
        .node_leaf = s->node_leaf,
        .n_leaf_values = 7,
        .leaf_values = s->leaves,
        .n_leaf_weights = 7,
        .leaf_weights = s->weights,
        .n_meta = 2,
        .meta = s->meta,
    };
}

/* An unfinished model of these parts. It refers to s, which must outlive it. */
static inline mrc_model *small_model_make(struct small_model *s)
{
    mrc_model *m = model_new(0);
    ck_assert_ptr_nonnull(m);
    struct arena arena = m->arena;
    *m = s->model;
    m->arena = arena;
    return m;
}

/* One non-symmetric tree in place of the trees: root (split 1), left a leaf of its own, right a node (split 4). */
static inline void small_model_free_form(struct small_model *s)
{
    s->model.symmetric = false;
    s->model.n_trees = 1;
    s->sizes[0] = 3;
    s->splits[0] = 1;
    s->splits[1] = 4;
    s->splits[2] = 0;
    s->steps[0] = (struct step_node){0, 1}; /* left: the root's own leaf */
    s->steps[1] = (struct step_node){1, 0};
    s->steps[2] = (struct step_node){0, 0};
    s->node_leaf[0] = 0;
    s->node_leaf[1] = 2;
    s->node_leaf[2] = 1;
    s->model.n_leaf_values = 3;
    s->model.n_leaf_weights = 3;
}

#endif
