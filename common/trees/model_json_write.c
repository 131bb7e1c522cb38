/* Writes CatBoost's JSON model. Numbers are the shortest decimals that read back as the same bits; hashes are strings.
 * Equal models give equal bytes. */
#include "common/base/json.h"
#include "common/trees/model.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what JSON cannot hold --------------------------------------------------------------------------------------- */

static int check_finite(const char *kind, uint32_t item, const float *borders, uint32_t n, struct mrc_err *err)
{
    for (uint32_t k = 0; k < n; k++) {
        if (!isfinite(borders[k])) {
            return mrc_fail(err, MRC_EUNSUPPORTED, "%s[%u] has an infinite border, which JSON cannot hold; write .cbm",
                            kind, item);
        }
    }
    return MRC_OK;
}

static int compare_tables(const void *a, const void *b)
{
    const struct ctr_table *x = *(const struct ctr_table *const *)a, *y = *(const struct ctr_table *const *)b;
    int c = projection_cmp(&x->projection, &y->projection);
    return c ? c : (x->type > y->type) - (x->type < y->type);
}

/* The format does not name the target classifier of a table: two on one projection and type would be one key. */
static int check_classifiers(const mrc_model *m, struct mrc_err *err)
{
    if (m->n_ctr_tables == 0) {
        return MRC_OK;
    }
    const struct ctr_table **sorted = calloc(m->n_ctr_tables, sizeof *sorted);
    if (!sorted) {
        return mrc_fail(err, MRC_ENOMEM, "no memory to sort %u CTR tables", m->n_ctr_tables);
    }
    for (uint32_t i = 0; i < m->n_ctr_tables; i++) {
        sorted[i] = &m->ctr_tables[i];
    }
    qsort(sorted, m->n_ctr_tables, sizeof *sorted, compare_tables);
    int rc = MRC_OK;
    for (uint32_t i = 1; i < m->n_ctr_tables && rc == MRC_OK; i++) {
        if (compare_tables(&sorted[i - 1], &sorted[i]) == 0) {
            rc = mrc_fail(err, MRC_EUNSUPPORTED,
                          "CtrTables[%td] has a second target classifier, which JSON cannot hold; write .cbm",
                          sorted[i] - m->ctr_tables);
        }
    }
    free(sorted);
    return rc;
}

/* Text goes out as it is or not at all: replaced bytes would change names and keys. */
static int check_text(const char *kind, uint32_t item, struct str s, struct mrc_err *err)
{
    if (utf8_valid(s) != s.n || (s.n > 0 && memchr(s.p, 0, s.n) != NULL)) {
        return mrc_fail(err, MRC_EUNSUPPORTED,
                        "%s[%u] has text that is not UTF-8 or has a NUL, which JSON cannot hold; write .cbm", kind, item);
    }
    return MRC_OK;
}

static int check_texts(const mrc_model *m, struct mrc_err *err)
{
    for (uint32_t i = 0; i < m->n_float_features; i++) {
        MRC_TRY(check_text("FloatFeatures", i, m->float_features[i].name, err));
    }
    for (uint32_t i = 0; i < m->n_cat_features; i++) {
        MRC_TRY(check_text("CatFeatures", i, m->cat_features[i].name, err));
    }
    for (uint32_t i = 0; i < m->n_one_hot_features; i++) {
        const struct one_hot_feature *f = &m->one_hot_features[i];
        for (uint32_t k = 0; f->strings && k < f->n_values; k++) {
            MRC_TRY(check_text("OneHotFeatures", i, f->strings[k], err));
        }
    }
    for (uint32_t i = 0; i < m->n_meta; i++) {
        MRC_TRY(check_text("InfoMap", i, m->meta[i].key, err));
        MRC_TRY(check_text("InfoMap", i, m->meta[i].value, err));
    }
    return MRC_OK;
}

static int check_writable(const mrc_model *m, struct mrc_err *err)
{
    for (uint32_t i = 0; i < m->n_float_features; i++) {
        MRC_TRY(check_finite("FloatFeatures", i, m->float_features[i].borders, m->float_features[i].n_borders, err));
    }
    for (uint32_t i = 0; i < m->n_ctr_features; i++) {
        MRC_TRY(check_finite("CtrFeatures", i, m->ctr_features[i].borders, m->ctr_features[i].n_borders, err));
    }
    if (m->n_trees == 0 && m->dim > 1) {
        return mrc_fail(err, MRC_EUNSUPPORTED, "a model of %u outputs without trees cannot be held by JSON; write .cbm",
                        m->dim);
    }
    MRC_TRY(check_texts(m, err));
    return check_classifiers(m, err);
}

/* ---- features ---------------------------------------------------------------------------------------------------- */

static void put_floats(struct json_out *w, const char *key, const float *v, uint32_t n)
{
    json_put_key(w, key);
    json_open_array(w);
    for (uint32_t k = 0; k < n; k++) {
        json_put_double(w, v[k]);
    }
    json_close_array(w);
}

static void put_float_features(struct json_out *w, const mrc_model *m)
{
    static const char *const treatments[] = {"AsIs", "AsFalse", "AsTrue"};
    json_put_key(w, "float_features");
    json_open_array(w);
    for (uint32_t i = 0; i < m->n_float_features; i++) {
        const struct float_feature *f = &m->float_features[i];
        json_open_object(w);
        put_floats(w, "borders", f->borders, f->n_borders);
        json_pair_str(w, "feature_id", f->name);
        json_pair_i64(w, "feature_index", f->index);
        json_pair_i64(w, "flat_feature_index", f->flat_index);
        json_pair_bool(w, "has_nans", f->has_nans);
        json_pair_cstr(w, "nan_value_treatment", treatments[f->nan_treatment]);
        json_close_object(w);
    }
    json_close_array(w);
}

static void put_one_hot(struct json_out *w, const struct one_hot_feature *f)
{
    if (f->strings) {
        json_put_key(w, "string_values");
        json_open_array(w);
        for (uint32_t k = 0; k < f->n_values; k++) {
            json_put_str(w, f->strings[k]);
        }
        json_close_array(w);
    }
    json_put_key(w, "values");
    json_open_array(w);
    for (uint32_t k = 0; k < f->n_values; k++) {
        json_put_i64(w, f->values[k]);
    }
    json_close_array(w);
}

static void put_cat_features(struct json_out *w, const mrc_model *m)
{
    json_put_key(w, "categorical_features");
    json_open_array(w);
    for (uint32_t i = 0; i < m->n_cat_features; i++) {
        const struct cat_feature *f = &m->cat_features[i];
        json_open_object(w);
        json_pair_str(w, "feature_id", f->name);
        json_pair_i64(w, "feature_index", f->index);
        json_pair_i64(w, "flat_feature_index", f->flat_index);
        int64_t h = model_find_one_hot(m, f->index);
        if (h >= 0 && m->one_hot_features[h].n_values > 0) {
            put_one_hot(w, &m->one_hot_features[h]);
        }
        json_close_object(w);
    }
    json_close_array(w);
}

/* ---- CTRs -------------------------------------------------------------------------------------------------------- */

static void put_elements(struct json_out *w, const char *key, const struct projection *p)
{
    json_put_key(w, key);
    json_open_array(w);
    for (uint32_t i = 0; i < p->n_cats; i++) {
        json_open_object(w);
        json_pair_i64(w, "cat_feature_index", p->cats[i]);
        json_pair_cstr(w, "combination_element", "cat_feature_value");
        json_close_object(w);
    }
    for (uint32_t i = 0; i < p->n_floats; i++) {
        json_open_object(w);
        json_pair_double(w, "border", p->floats[i].border);
        json_pair_cstr(w, "combination_element", "float_feature");
        json_pair_i64(w, "float_feature_index", p->floats[i].index);
        json_close_object(w);
    }
    for (uint32_t i = 0; i < p->n_one_hots; i++) {
        json_open_object(w);
        json_pair_i64(w, "cat_feature_index", p->one_hots[i].index);
        json_pair_cstr(w, "combination_element", "cat_feature_exact_value");
        json_pair_i64(w, "value", p->one_hots[i].value);
        json_close_object(w);
    }
    json_close_array(w);
}

/* The text that names a table: what CTR features carry as identifier and ctr_data has as key. */
static void identify(struct buf *b, const struct projection *p, enum ctr_type type)
{
    struct json_out w;
    buf_reset(b);
    json_out_init(&w, b);
    json_open_object(&w);
    put_elements(&w, "identifier", p);
    json_pair_cstr(&w, "type", ctr_type_name(type));
    json_close_object(&w);
}

static void put_ctr_features(struct json_out *w, const mrc_model *m, struct buf *name)
{
    json_put_key(w, "ctrs");
    json_open_array(w);
    for (uint32_t i = 0; i < m->n_ctr_features; i++) {
        const struct ctr_feature *f = &m->ctr_features[i];
        identify(name, &f->projection, f->type);
        json_open_object(w);
        put_floats(w, "borders", f->borders, f->n_borders);
        json_pair_cstr(w, "ctr_type", ctr_type_name(f->type));
        put_elements(w, "elements", &f->projection);
        json_pair_str(w, "identifier", buf_text(name));
        json_pair_double(w, "prior_denomerator", f->prior_denom); /* CatBoost's spelling */
        json_pair_double(w, "prior_numerator", f->prior_num);
        json_pair_double(w, "scale", f->scale);
        json_pair_double(w, "shift", f->shift);
        json_pair_i64(w, "target_border_idx", f->target_border);
        json_close_object(w);
    }
    json_close_array(w);
}

static void put_table(struct json_out *w, const struct ctr_table *t)
{
    uint32_t stride = ctr_table_stride(t);
    json_open_object(w);
    json_pair_i64(w, "counter_denominator", t->counter_denominator);
    json_put_key(w, "hash_map");
    json_open_array(w);
    for (uint32_t k = 0; k < t->n_keys; k++) {
        char hash[24];
        snprintf(hash, sizeof hash, "%" PRIu64, t->keys[k]);
        json_put_cstr(w, hash);
        if (t->sums) {
            json_put_double(w, t->sums[k]);
        }
        for (uint32_t c = 0; c < stride; c++) {
            json_put_i64(w, t->counts[(size_t)k * stride + c]);
        }
    }
    json_close_array(w);
    json_pair_i64(w, "hash_stride", 1 + (int64_t)stride + (t->sums ? 1 : 0));
    json_close_object(w);
}

static void put_ctr_data(struct json_out *w, const mrc_model *m, struct buf *name)
{
    json_put_key(w, "ctr_data");
    json_open_object(w);
    for (uint32_t i = 0; i < m->n_ctr_tables; i++) {
        identify(name, &m->ctr_tables[i].projection, m->ctr_tables[i].type);
        json_put_key_str(w, buf_text(name));
        put_table(w, &m->ctr_tables[i]);
    }
    json_close_object(w);
}

/* ---- trees ------------------------------------------------------------------------------------------------------- */

static void put_split(struct json_out *w, const mrc_model *m, uint32_t split)
{
    struct split_place at = model_place_split(m, split);
    json_open_object(w);
    if (at.kind == SPLIT_FLOAT) {
        const struct float_feature *f = &m->float_features[at.feature];
        json_pair_double(w, "border", f->borders[at.k]);
        json_pair_i64(w, "float_feature_index", f->index);
        json_pair_i64(w, "split_index", split);
        json_pair_cstr(w, "split_type", "FloatFeature");
    } else if (at.kind == SPLIT_ONE_HOT) {
        const struct one_hot_feature *f = &m->one_hot_features[at.feature];
        json_pair_i64(w, "cat_feature_index", f->cat_index);
        json_pair_i64(w, "split_index", split);
        json_pair_cstr(w, "split_type", "OneHotFeature");
        json_pair_i64(w, "value", f->values[at.k]);
    } else {
        const struct ctr_feature *f = &m->ctr_features[at.feature];
        json_pair_double(w, "border", f->borders[at.k]);
        json_pair_i64(w, "ctr_target_border_idx", f->target_border);
        json_pair_i64(w, "split_index", split);
        json_pair_cstr(w, "split_type", "OnlineCtr");
    }
    json_close_object(w);
}

static void put_doubles(struct json_out *w, const char *key, const double *v, size_t n)
{
    json_put_key(w, key);
    json_open_array(w);
    for (size_t i = 0; i < n; i++) {
        json_put_double(w, v[i]);
    }
    json_close_array(w);
}

static void put_symmetric(struct json_out *w, const mrc_model *m)
{
    json_put_key(w, "oblivious_trees");
    json_open_array(w);
    for (uint32_t t = 0; t < m->n_trees; t++) {
        size_t leaves = (size_t)1 << m->tree_sizes[t];
        json_open_object(w);
        put_doubles(w, "leaf_values", m->leaf_values + m->tree_leaf_offsets[t], leaves * m->dim);
        if (m->n_leaf_weights > 0) {
            put_doubles(w, "leaf_weights", m->leaf_weights + m->tree_leaf_offsets[t] / m->dim, leaves);
        }
        json_put_key(w, "splits");
        json_open_array(w);
        for (uint32_t d = 0; d < m->tree_sizes[t]; d++) {
            put_split(w, m, m->tree_splits[m->tree_starts[t] + d]);
        }
        json_close_array(w);
        json_close_object(w);
    }
    json_close_array(w);
}

static void put_leaf(struct json_out *w, const mrc_model *m, uint32_t node)
{
    const double *value = m->leaf_values + m->node_leaf[node];
    json_open_object(w);
    if (m->dim == 1) {
        json_pair_double(w, "value", value[0]);
    } else {
        put_doubles(w, "value", value, m->dim);
    }
    if (m->n_leaf_weights > 0) {
        json_pair_double(w, "weight", m->leaf_weights[m->node_leaf[node] / m->dim]);
    }
    json_close_object(w);
}

/* Recursion is as deep as the tree: NODE_DEPTH_MAX. */
static void put_node(struct json_out *w, const mrc_model *m, uint32_t node)
{
    struct step_node step = m->step_nodes[node];
    if (step.left == 0 && step.right == 0) {
        put_leaf(w, m, node);
        return;
    }
    json_open_object(w);
    json_put_key(w, "left");
    if (step.left) {
        put_node(w, m, node + step.left);
    } else {
        put_leaf(w, m, node);
    }
    json_put_key(w, "right");
    if (step.right) {
        put_node(w, m, node + step.right);
    } else {
        put_leaf(w, m, node);
    }
    json_put_key(w, "split");
    put_split(w, m, m->tree_splits[node]);
    json_close_object(w);
}

static void put_free_form(struct json_out *w, const mrc_model *m)
{
    json_put_key(w, "trees");
    json_open_array(w);
    for (uint32_t t = 0; t < m->n_trees; t++) {
        put_node(w, m, m->tree_starts[t]);
    }
    json_close_array(w);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static bool ends_with(struct str s, struct str tail)
{
    return s.n >= tail.n && str_eq((struct str){s.p + s.n - tail.n, tail.n}, tail);
}

/* Values of keys that end in "params" are JSON and are embedded, as CatBoost does; all others are strings. */
static int put_meta(struct json_out *w, const mrc_model *m, struct mrc_err *err)
{
    json_put_key(w, "model_info");
    json_open_object(w);
    for (uint32_t i = 0; i < m->n_meta; i++) {
        const struct meta_pair *pair = &m->meta[i];
        struct json_doc *doc = NULL;
        bool embed = false;
        if (ends_with(pair->key, STR("params"))) {
            int rc = json_read(&doc, pair->value, &json_limits_file, NULL, err);
            if (rc == MRC_ENOMEM) {
                return rc;
            }
            embed = rc == MRC_OK && json_type(json_root(doc)) == JSON_OBJECT;
            json_free(doc);
        }
        json_put_key_str(w, pair->key);
        if (embed) {
            json_put_raw(w, pair->value);
        } else {
            json_put_str(w, pair->value);
        }
    }
    json_close_object(w);
    return MRC_OK;
}

int model_write_json(const mrc_model *m, struct buf *b, struct mrc_err *err)
{
    MRC_TRY(check_writable(m, err));
    struct json_out w;
    struct buf name;
    json_out_init(&w, b);
    buf_init(&name, NULL, (size_t)1 << 30);
    json_open_object(&w);
    if (m->n_ctr_tables > 0) {
        put_ctr_data(&w, m, &name);
    }
    json_put_key(&w, "features_info");
    json_open_object(&w);
    put_cat_features(&w, m);
    if (m->n_ctr_features > 0) {
        put_ctr_features(&w, m, &name);
    }
    put_float_features(&w, m);
    json_close_object(&w);
    int rc = name.failed != MRC_OK ? buf_ok(&name, err) : put_meta(&w, m, err);
    buf_release(&name);
    MRC_TRY(rc);
    if (m->symmetric) {
        put_symmetric(&w, m);
    } else {
        put_free_form(&w, m);
    }
    json_put_key(&w, "scale_and_bias");
    json_open_array(&w);
    json_put_double(&w, m->scale);
    json_open_array(&w);
    for (uint32_t d = 0; d < m->dim; d++) {
        json_put_double(&w, m->bias[d]);
    }
    json_close_array(&w);
    json_close_array(&w);
    json_close_object(&w);
    return buf_ok(b, err);
}
