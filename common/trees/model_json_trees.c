/* Trees of CatBoost's JSON model.
 *
 * A split's split_index alone says what it tests; border, value and feature beside it are checked against it, so that a
 * file that contradicts itself is refused and not half believed. */
#include "common/trees/model_json.h"

/* ---- splits ------------------------------------------------------------------------------------------------------ */

static bool same_float(const struct json *v, float want)
{
    double d = 0;
    return !v || (json_double(v, &d) && (float)d == want);
}

static bool same_int(const struct json *v, int64_t want)
{
    int64_t i = 0;
    return !v || (json_i64(v, &i) && i == want);
}

static bool same_kind(const struct json *v, const char *want)
{
    struct str s = STR("");
    return !v || (json_str(v, &s) && str_is(s, want));
}

static bool agrees(const mrc_model *m, const struct json *o, struct split_place at)
{
    const struct json *type = json_find(o, "split_type"), *border = json_find(o, "border");
    if (at.kind == SPLIT_FLOAT) {
        const struct float_feature *f = &m->float_features[at.feature];
        return same_kind(type, "FloatFeature") && same_float(border, f->borders[at.k]) &&
               same_int(json_find(o, "float_feature_index"), f->index);
    }
    if (at.kind == SPLIT_ONE_HOT) {
        const struct one_hot_feature *f = &m->one_hot_features[at.feature];
        int32_t hash = f->values[at.k];
        const struct json *value = json_find(o, "value");
        return same_kind(type, "OneHotFeature") && same_int(json_find(o, "cat_feature_index"), f->cat_index) &&
               (!value || (jr_hash32(value, &hash) && hash == f->values[at.k]));
    }
    const struct ctr_feature *f = &m->ctr_features[at.feature];
    return same_kind(type, "OnlineCtr") && same_float(border, f->borders[at.k]) &&
           same_int(json_find(o, "ctr_target_border_idx"), f->target_border);
}

static int read_split(struct json_reader *r, const struct json *o, uint32_t *out)
{
    int64_t split = 0;
    MRC_TRY(jr_int(r, o, "split_index", 0, (int64_t)r->m->n_splits - 1, -1, &split));
    if (!agrees(r->m, o, model_place_split(r->m, (uint32_t)split))) {
        return mrc_fail(r->err, MRC_EFORMAT, "%s contradicts its split_index %lld", r->where, (long long)split);
    }
    *out = (uint32_t)split;
    return MRC_OK;
}

/* ---- symmetric trees --------------------------------------------------------------------------------------------- */

static int jr_doubles(struct json_reader *r, const struct json *list, const char *key, double *out)
{
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        if (!json_double(v, out++)) {
            return jr_bad(r, key, "an array of numbers");
        }
    }
    return MRC_OK;
}

/* Counts of everything, to allocate it in one go. The first tree says how many outputs there are. */
static int measure_symmetric(struct json_reader *r, const struct json *trees)
{
    mrc_model *m = r->m;
    bool weights = true;
    uint64_t splits = 0, values = 0;
    uint32_t t = 0;
    for (const struct json *o = json_first(trees); o; o = json_next(o), t++) {
        const struct json *list = NULL;
        uint32_t n_splits = 0, n_values = 0, n_weights = 0;
        jr_at(r, "oblivious_trees[%u]", t);
        MRC_TRY(jr_array(r, o, "splits", &list, &n_splits));
        MRC_TRY(jr_array(r, o, "leaf_values", &list, &n_values));
        MRC_TRY(jr_array(r, o, "leaf_weights", &list, &n_weights));
        if (n_splits > TREE_DEPTH_MAX) {
            return mrc_fail(r->err, MRC_EFORMAT, "%s has %u splits; the limit is %d", r->where, n_splits,
                            TREE_DEPTH_MAX);
        }
        uint32_t leaves = 1u << n_splits;
        if (n_values == 0 || n_values % leaves != 0 || (t > 0 && n_values / leaves != m->dim)) {
            return mrc_fail(r->err, MRC_EFORMAT, "%s.leaf_values has %u values for %u leaves", r->where, n_values,
                            leaves);
        }
        if (n_weights != 0 && n_weights != leaves) {
            return mrc_fail(r->err, MRC_EFORMAT, "%s.leaf_weights has %u values for %u leaves", r->where, n_weights,
                            leaves);
        }
        m->dim = n_values / leaves;
        weights = weights && n_weights > 0;
        splits += n_splits;
        values += n_values;
    }
    m->n_tree_splits = (uint32_t)splits;
    m->n_leaf_values = (size_t)values;
    m->n_leaf_weights = weights ? (size_t)values / m->dim : 0;
    m->tree_sizes = ARENA_ARRAY(&m->arena, m->n_trees, uint32_t);
    m->tree_starts = ARENA_ARRAY(&m->arena, m->n_trees, uint32_t);
    m->tree_splits = ARENA_ARRAY(&m->arena, splits, uint32_t);
    m->leaf_values = ARENA_ARRAY(&m->arena, m->n_leaf_values, double);
    m->leaf_weights = ARENA_ARRAY(&m->arena, m->n_leaf_weights, double);
    return m->tree_sizes && m->tree_starts && m->tree_splits && m->leaf_values && m->leaf_weights ? MRC_OK
                                                                                                  : jr_no_memory(r);
}

static int read_symmetric(struct json_reader *r, const struct json *trees)
{
    mrc_model *m = r->m;
    MRC_TRY(measure_symmetric(r, trees));
    uint32_t t = 0, split = 0;
    size_t value = 0, leaf = 0;
    for (const struct json *o = json_first(trees); o; o = json_next(o), t++) {
        m->tree_starts[t] = split;
        uint32_t d = 0;
        for (const struct json *s = json_first(json_find(o, "splits")); s; s = json_next(s), d++) {
            jr_at(r, "oblivious_trees[%u].splits[%u]", t, d);
            MRC_TRY(read_split(r, s, &m->tree_splits[split++]));
        }
        m->tree_sizes[t] = d;
        jr_at(r, "oblivious_trees[%u]", t);
        MRC_TRY(jr_doubles(r, json_find(o, "leaf_values"), "leaf_values", m->leaf_values + value));
        value += (size_t)m->dim << d;
        if (m->n_leaf_weights > 0) {
            MRC_TRY(jr_doubles(r, json_find(o, "leaf_weights"), "leaf_weights", m->leaf_weights + leaf));
            leaf += (size_t)1 << d;
        }
    }
    return MRC_OK;
}

/* ---- non-symmetric trees ----------------------------------------------------------------------------------------- */

struct node_counts {
    uint64_t nodes, leaves, weights;
};

static int measure_node(struct json_reader *r, const struct json *o, unsigned depth, struct node_counts *n)
{
    if (depth > NODE_DEPTH_MAX) {
        return mrc_fail(r->err, MRC_EFORMAT, "%s is deeper than %d", r->where, NODE_DEPTH_MAX);
    }
    n->nodes++;
    const struct json *left = json_find(o, "left"), *right = json_find(o, "right"), *value = json_find(o, "value");
    if (json_find(o, "split")) {
        if (!left || !right || value) {
            return mrc_fail(r->err, MRC_EFORMAT, "%s: a node with split has left and right and no value", r->where);
        }
        MRC_TRY(measure_node(r, left, depth + 1, n));
        return measure_node(r, right, depth + 1, n);
    }
    size_t dim = json_type(value) == JSON_ARRAY ? json_count(value) : 1;
    if (!value || left || right || dim == 0 || dim > MODEL_DIM_MAX || (n->leaves > 0 && dim != r->m->dim)) {
        return mrc_fail(r->err, MRC_EFORMAT, "%s: a leaf has one value per output and nothing below it", r->where);
    }
    r->m->dim = (uint32_t)dim;
    n->leaves++;
    n->weights += json_find(o, "weight") != NULL;
    return MRC_OK;
}

struct node_cursor {
    uint32_t node, leaf;
};

static int read_leaf(struct json_reader *r, const struct json *o, uint32_t node, struct node_cursor *c)
{
    mrc_model *m = r->m;
    const struct json *value = json_find(o, "value");
    double *out = m->leaf_values + (size_t)c->leaf * m->dim;
    m->node_leaf[node] = c->leaf * m->dim;
    if (json_type(value) == JSON_ARRAY) {
        MRC_TRY(jr_doubles(r, value, "value", out));
    } else if (!json_double(value, out)) {
        return jr_bad(r, "value", "a number or an array of numbers");
    }
    if (m->n_leaf_weights > 0 && !json_double(json_find(o, "weight"), &m->leaf_weights[c->leaf])) {
        return jr_bad(r, "weight", "a number");
    }
    c->leaf++;
    return MRC_OK;
}

/* Nodes in the order parent, left subtree, right subtree. */
static int read_node(struct json_reader *r, const struct json *o, struct node_cursor *c)
{
    mrc_model *m = r->m;
    uint32_t node = c->node++;
    const struct json *split = json_find(o, "split");
    if (!split) {
        return read_leaf(r, o, node, c);
    }
    m->node_leaf[node] = UINT32_MAX;
    MRC_TRY(read_split(r, split, &m->tree_splits[node]));
    m->step_nodes[node].left = 1;
    MRC_TRY(read_node(r, json_find(o, "left"), c));
    uint32_t step = c->node - node;
    if (step > UINT16_MAX) {
        return mrc_fail(r->err, MRC_ELIMIT, "%s has more than %d nodes below one side", r->where, UINT16_MAX);
    }
    m->step_nodes[node].right = (uint16_t)step;
    return read_node(r, json_find(o, "right"), c);
}

static int read_nodes(struct json_reader *r, const struct json *trees)
{
    mrc_model *m = r->m;
    struct node_counts n = {0};
    m->symmetric = false;
    m->tree_sizes = ARENA_ARRAY(&m->arena, m->n_trees, uint32_t);
    m->tree_starts = ARENA_ARRAY(&m->arena, m->n_trees, uint32_t);
    if (!m->tree_sizes || !m->tree_starts) {
        return jr_no_memory(r);
    }
    uint32_t t = 0;
    for (const struct json *o = json_first(trees); o; o = json_next(o), t++) {
        jr_at(r, "trees[%u]", t);
        m->tree_starts[t] = (uint32_t)n.nodes;
        MRC_TRY(measure_node(r, o, 1, &n));
        m->tree_sizes[t] = (uint32_t)n.nodes - m->tree_starts[t];
    }
    if (n.nodes > INT32_MAX || n.leaves * m->dim >= UINT32_MAX) {
        return mrc_fail(r->err, MRC_ELIMIT, "trees have %llu nodes", (unsigned long long)n.nodes);
    }
    m->n_tree_splits = (uint32_t)n.nodes;
    m->n_leaf_values = (size_t)n.leaves * m->dim;
    m->n_leaf_weights = n.weights == n.leaves ? (size_t)n.leaves : 0;
    m->tree_splits = ARENA_ARRAY(&m->arena, n.nodes, uint32_t);
    m->step_nodes = ARENA_ARRAY(&m->arena, n.nodes, struct step_node);
    m->node_leaf = ARENA_ARRAY(&m->arena, n.nodes, uint32_t);
    m->leaf_values = ARENA_ARRAY(&m->arena, m->n_leaf_values, double);
    m->leaf_weights = ARENA_ARRAY(&m->arena, m->n_leaf_weights, double);
    if (!m->tree_splits || !m->step_nodes || !m->node_leaf || !m->leaf_values || !m->leaf_weights) {
        return jr_no_memory(r);
    }
    struct node_cursor c = {0};
    t = 0;
    for (const struct json *o = json_first(trees); o; o = json_next(o), t++) {
        jr_at(r, "trees[%u]", t);
        MRC_TRY(read_node(r, o, &c));
    }
    return MRC_OK;
}

/* ---- scale and bias ---------------------------------------------------------------------------------------------- */

/* [scale, [bias, …]], in older files [scale, bias]; absent: 1 and 0. A model without trees has as many outputs as
 * biases. */
int jr_scale_and_bias(struct json_reader *r, const struct json *root)
{
    mrc_model *m = r->m;
    const struct json *pair = json_find(root, "scale_and_bias"), *bias = json_at(pair, 1);
    double single = 0;
    if (pair && (json_count(pair) != 2 || !json_double(json_at(pair, 0), &m->scale))) {
        return mrc_fail(r->err, MRC_EFORMAT, "scale_and_bias must be [scale, [bias, ...]]");
    }
    size_t n = json_count(bias);
    bool is_single = json_double(bias, &single);
    if (pair && !is_single && json_type(bias) != JSON_ARRAY) {
        return mrc_fail(r->err, MRC_EFORMAT, "scale_and_bias must be [scale, [bias, ...]]");
    }
    if (m->n_trees == 0 && n > 0 && n <= MODEL_DIM_MAX) {
        m->dim = (uint32_t)n;
    }
    if ((n > 0 && n != m->dim) || (is_single && single != 0 && m->dim != 1)) {
        return mrc_fail(r->err, MRC_EFORMAT, "scale_and_bias has %zu biases; the model has %u outputs",
                        is_single ? 1 : n, m->dim);
    }
    m->bias = ARENA_ARRAY(&m->arena, m->dim, double);
    if (!m->bias) {
        return jr_no_memory(r);
    }
    m->bias[0] = single;
    jr_at(r, "scale_and_bias");
    return jr_doubles(r, n > 0 ? bias : NULL, "1", m->bias);
}

int jr_trees(struct json_reader *r, const struct json *root)
{
    mrc_model *m = r->m;
    const struct json *symmetric = NULL, *free_form = NULL;
    uint32_t n_symmetric = 0, n_free_form = 0;
    MRC_TRY(model_number_splits(m, r->err));
    jr_at(r, "model");
    MRC_TRY(jr_array(r, root, "oblivious_trees", &symmetric, &n_symmetric));
    MRC_TRY(jr_array(r, root, "trees", &free_form, &n_free_form));
    if (n_symmetric > 0 && n_free_form > 0) {
        return mrc_fail(r->err, MRC_EFORMAT, "the model has both oblivious_trees and trees");
    }
    if (!symmetric && !free_form) {
        return mrc_fail(r->err, MRC_EFORMAT, "the model has neither oblivious_trees nor trees");
    }
    m->n_trees = n_symmetric + n_free_form;
    return n_free_form > 0 ? read_nodes(r, free_form) : read_symmetric(r, symmetric);
}
