/* The model in memory: CatBoost's tables as flat arrays, owned by one arena.
 *
 * Readers (model_cbm.c, model_json.c) and the trainer fill a struct mrc_model field by field from model_new(), then
 * call model_finish(), which proves every invariant below and prepares evaluation. After that the model never changes.
 * Field meanings are those of CatBoost's TModelTrees, and so are the names that errors use.
 *
 * Global split numbering: borders of float features in order, then values of one-hot features, then borders of CTR
 * features. Each feature stores the number of its first split (split_base), computed by model_finish. */
#ifndef MRC_TREES_MODEL_H
#define MRC_TREES_MODEL_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/text.h"
#include "common/trees/mercredi.h"

#include <stdbool.h>

enum nan_treatment { NAN_AS_IS = 0, NAN_AS_FALSE = 1, NAN_AS_TRUE = 2 };

enum ctr_type {
    CTR_BORDERS = 0,
    CTR_BUCKETS = 1,
    CTR_BINARIZED_TARGET_MEAN = 2,
    CTR_FLOAT_TARGET_MEAN = 3,
    CTR_COUNTER = 4,
    CTR_FEATURE_FREQ = 5,
    CTR__COUNT
};
/* "Borders", "Buckets", "BinarizedTargetMeanValue", … and back (CTR__COUNT: unknown). */
const char *ctr_type_name(enum ctr_type t);
enum ctr_type ctr_type_find(struct str name);

struct float_feature {
    int32_t index, flat_index;
    bool has_nans;
    enum nan_treatment nan_treatment;
    struct str name;
    uint32_t n_borders;
    const float *borders; /* ascending, no NaN; infinities may occur */
    uint32_t split_base;
};

struct cat_feature {
    int32_t index, flat_index;
    bool used_in_model;
    struct str name;
};

struct one_hot_feature {
    int32_t cat_index;
    uint32_t n_values;
    const int32_t *values;     /* category hashes as signed, ascending in files CatBoost writes */
    const struct str *strings; /* [n_values] or NULL */
    uint32_t split_base;
};

struct float_split {
    int32_t index; /* float feature */
    float border;
};
struct one_hot_split {
    int32_t index; /* cat feature */
    int32_t value;
};

/* What a CTR's key is made of. Hash order is the stored order: cats, then floats, then one-hots. */
struct projection {
    uint32_t n_cats, n_floats, n_one_hots;
    const int32_t *cats;
    const struct float_split *floats;
    const struct one_hot_split *one_hots;
};
bool projection_equal(const struct projection *a, const struct projection *b);
/* CatBoost's order: cats, then float splits, then one-hots, each list compared lexicographically. <0, 0, >0. */
int projection_cmp(const struct projection *a, const struct projection *b);

struct ctr_table { /* one per (projection, type, classifier) */
    struct projection projection;
    enum ctr_type type;
    int32_t target_classifier;
    int32_t counter_denominator; /* Counter, FeatureFreq */
    int32_t target_classes;      /* Borders, Buckets */
    uint32_t n_keys;
    const uint64_t *keys; /* [n_keys] projection hashes, in row order */
    const int32_t
        *counts; /* Borders, Buckets: [n_keys][target_classes]; Counter, FeatureFreq: [n_keys]; means: [n_keys] Count */
    const float *sums; /* means: [n_keys] Sum; otherwise NULL */
};

struct ctr_feature {
    struct projection projection;
    enum ctr_type type;
    int32_t target_classifier, target_border;
    float prior_num, prior_denom, shift, scale;
    uint32_t n_borders;
    const float *borders;
    uint32_t split_base;
    uint32_t table; /* index into ctr_tables, found by model_finish */
};

/* The order CatBoost wants CTR features in: projection, type, classifier, target border, prior, shift, scale. */
int ctr_feature_cmp(const struct ctr_feature *a, const struct ctr_feature *b);
/* Outputs of one table row: target classes, or 1. */
uint32_t ctr_table_stride(const struct ctr_table *t);

struct step_node { /* non-symmetric trees: distance to each child, 0 = this side is a leaf */
    uint16_t left, right;
};

struct meta_pair {
    struct str key, value; /* NUL-terminated */
};

struct evaluator; /* prepared layout, private to evaluate.c and its kernels */

struct mrc_model {
    struct arena arena; /* owns everything below, and the struct's arrays */
    uint32_t dim;
    double scale;
    double *bias; /* [dim] */

    uint32_t n_float_features, n_cat_features, n_one_hot_features, n_ctr_features, n_ctr_tables;
    struct float_feature *float_features; /* by flat index */
    struct cat_feature *cat_features;     /* by flat index */
    struct one_hot_feature *one_hot_features;
    struct ctr_feature *ctr_features; /* ordered as CatBoost orders them */
    struct ctr_table *ctr_tables;

    uint32_t n_trees;
    bool symmetric;
    uint32_t n_tree_splits;       /* symmetric: sum of depths; otherwise number of nodes */
    uint32_t *tree_sizes;         /* [n_trees] splits, or nodes */
    uint32_t *tree_starts;        /* [n_trees] first in tree_splits */
    uint32_t *tree_splits;        /* [n_tree_splits] global split numbers; first split of a tree = bit 0 of the leaf */
    struct step_node *step_nodes; /* [n_tree_splits], non-symmetric only */
    uint32_t *node_leaf; /* [n_tree_splits] offset into leaf_values of the leaf's first output; UINT32_MAX none */
    size_t n_leaf_values;
    double *leaf_values;   /* tree after tree, leaf-major, output-minor; learning rate included */
    size_t n_leaf_weights; /* 0, or n_leaf_values / dim */
    double *leaf_weights;

    uint32_t n_meta;
    struct meta_pair *meta;

    /* Computed by model_finish. */
    uint32_t n_splits;         /* global splits */
    size_t *tree_leaf_offsets; /* [n_trees] first leaf value of each tree; non-symmetric: the tree's smallest */
    uint32_t n_flat_features;  /* 1 + largest flat index */
    uint32_t n_float_columns, n_cat_columns; /* 1 + largest index of the kind: columns of mrc_input */
    struct str loss;                         /* NUL-terminated, "" unknown */
    uint32_t n_class_labels;                 /* 0: no classifier */
    struct str *class_labels;                /* NUL-terminated */
    double class_border;                     /* binary: class 1 when raw > this */
    struct evaluator *evaluator;
};

enum {
    TREE_DEPTH_MAX = 16,           /* symmetric: CatBoost's own limit */
    NODE_DEPTH_MAX = 48,           /* non-symmetric */
    MODEL_DIM_MAX = 65536,         /* outputs */
    TARGET_CLASSES_MAX = 65536,    /* of a CTR */
    FLAT_INDEX_MAX = (1 << 24) - 1 /* feature positions */
};

/* An empty model: dim 1, scale 1, bias 0, symmetric, no trees. NULL without memory. max: ceiling of its arena, 0 =
 * none. */
mrc_model *model_new(size_t memory_max);
/* Prove the invariants (counts, ranges, order, no NaN border, leaf sizes, depth <= 16, acyclic non-symmetric trees,
 * a table for every CTR), number the splits and prepare evaluation. MRC_EFORMAT says what is wrong and where. */
int model_finish(mrc_model *m, struct mrc_err *err) MRC_CHECKED;

/* The parts of model_finish. model_check.c: invariants, split numbers, leaf offsets, tables; model_meta.c: loss,
 * labels. */
int model_check(mrc_model *m, struct mrc_err *err) MRC_CHECKED;
int model_read_labels(mrc_model *m, struct mrc_err *err) MRC_CHECKED;

/* Features by index of their kind: position in float_features, cat_features, one_hot_features; -1 absent. Valid once
 * model_check has proved the order. */
int64_t model_find_float(const mrc_model *m, int32_t index);
int64_t model_find_cat(const mrc_model *m, int32_t index);
int64_t model_find_one_hot(const mrc_model *m, int32_t cat_index);
/* Position of this very border in a feature, -1 absent. */
int64_t float_feature_find_border(const struct float_feature *f, float border);

/* Which feature a global split number belongs to. Valid once the splits are numbered. */
enum split_kind { SPLIT_FLOAT, SPLIT_ONE_HOT, SPLIT_CTR };
struct split_place {
    enum split_kind kind;
    uint32_t feature; /* position in float_features, one_hot_features or ctr_features */
    uint32_t k;       /* border or value */
};
struct split_place model_place_split(const mrc_model *m, uint32_t split); /* split < n_splits */
/* Part of model_check that needs nothing but the counts of borders and values. */
int model_number_splits(mrc_model *m, struct mrc_err *err) MRC_CHECKED;

/* Readers fill a fresh model (without model_finish) from n bytes; writers append to b. Errors name field and position.
 */
int model_read_cbm(mrc_model *m, const uint8_t *bytes, size_t n, struct mrc_err *err) MRC_CHECKED;
int model_read_json(mrc_model *m, struct str text, struct mrc_err *err) MRC_CHECKED;
int model_write_cbm(const mrc_model *m, struct buf *b, struct mrc_err *err) MRC_CHECKED;
int model_write_json(const mrc_model *m, struct buf *b, struct mrc_err *err) MRC_CHECKED;

#endif
