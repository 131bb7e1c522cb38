/* Reads CatBoost's JSON model, exactly: decimals are rounded correctly, 64-bit hashes never pass through a double.
 *
 * A split's split_index alone says what it tests; border, value and feature beside it are checked against it, so that a
 * file that contradicts itself is refused and not half believed. */
#include "common/base/json.h"
#include "common/trees/json_slice.h"
#include "common/trees/model.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct reader {
    mrc_model *m;
    struct mrc_err *err;
    char where[120]; /* path of what is being read */
};

/* ---- helpers ----------------------------------------------------------------------------------------------------- */

static void at_path(struct reader *r, const char *fmt, ...) MRC_PRINTF(2, 3);
static void at_path(struct reader *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->where, sizeof r->where, fmt, ap);
    va_end(ap);
}

static int no_memory(struct reader *r)
{
    return arena_fail(&r->m->arena, r->err);
}

static int bad(struct reader *r, const char *key, const char *want)
{
    return mrc_fail(r->err, MRC_EFORMAT, "%s.%s must be %s", r->where, key, want);
}

/* An integer member; absent gives `absent` when it lies in the range, an error otherwise. */
static int get_int(struct reader *r, const struct json *o, const char *key, int64_t min, int64_t max, int64_t absent,
                   int64_t *out)
{
    const struct json *v = json_find(o, key);
    *out = absent;
    if ((v && !json_i64(v, out)) || *out < min || *out > max) {
        char want[80];
        snprintf(want, sizeof want, "an integer in %lld..%lld", (long long)min, (long long)max);
        return bad(r, key, want);
    }
    return MRC_OK;
}

static int get_float(struct reader *r, const struct json *o, const char *key, float absent, float *out)
{
    double d = absent;
    const struct json *v = json_find(o, key);
    if (v && !json_double(v, &d)) {
        return bad(r, key, "a number");
    }
    *out = (float)d;
    return MRC_OK;
}

static int get_name(struct reader *r, const struct json *o, struct str *out)
{
    struct str s = STR("");
    if (!json_str(json_find(o, "feature_id"), &s)) {
        json_str(json_find(o, "feature_name"), &s);
    }
    return str_copy(&r->m->arena, s, out) ? MRC_OK : no_memory(r);
}

/* An array member, or NULL when absent or null. */
static int get_array(struct reader *r, const struct json *o, const char *key, const struct json **out, uint32_t *n)
{
    const struct json *v = json_find(o, key);
    *out = NULL;
    *n = 0;
    if (!v || json_type(v) == JSON_NULL) {
        return MRC_OK;
    }
    if (json_type(v) != JSON_ARRAY || json_count(v) > INT32_MAX) {
        return bad(r, key, "an array");
    }
    *out = v;
    *n = (uint32_t)json_count(v);
    return MRC_OK;
}

static int get_floats(struct reader *r, const struct json *o, const char *key, uint32_t *n, const float **out)
{
    const struct json *list = NULL;
    MRC_TRY(get_array(r, o, key, &list, n));
    float *p = ARENA_ARRAY(&r->m->arena, *n, float);
    if (!p) {
        return no_memory(r);
    }
    uint32_t i = 0;
    for (const struct json *v = json_first(list); v; v = json_next(v), i++) {
        double d = 0;
        if (!json_double(v, &d)) {
            return bad(r, key, "an array of numbers");
        }
        p[i] = (float)d;
    }
    *out = p;
    return MRC_OK;
}

/* A category hash: 32 bits, written signed by CatBoost, taken unsigned as well. */
static bool hash32(const struct json *v, int32_t *out)
{
    int64_t i = 0;
    if (!json_i64(v, &i) || i < INT32_MIN || i > (int64_t)UINT32_MAX) {
        return false;
    }
    *out = (int32_t)(uint32_t)i;
    return true;
}

/* ---- features ---------------------------------------------------------------------------------------------------- */

static int read_float_feature(struct reader *r, const struct json *o, uint32_t i, struct float_feature *f)
{
    int64_t index = 0, flat = 0;
    MRC_TRY(get_int(r, o, "feature_index", 0, FLAT_INDEX_MAX, i, &index));
    MRC_TRY(get_int(r, o, "flat_feature_index", 0, FLAT_INDEX_MAX, -1, &flat));
    f->index = (int32_t)index;
    f->flat_index = (int32_t)flat;
    const struct json *nans = json_find(o, "has_nans");
    if (nans && !json_bool(nans, &f->has_nans)) {
        return bad(r, "has_nans", "true or false");
    }
    struct str treatment = STR("AsIs");
    const struct json *t = json_find(o, "nan_value_treatment");
    if ((t && !json_str(t, &treatment)) ||
        !(str_is(treatment, "AsIs") || str_is(treatment, "AsFalse") || str_is(treatment, "AsTrue"))) {
        return bad(r, "nan_value_treatment", "AsIs, AsFalse or AsTrue");
    }
    f->nan_treatment = str_is(treatment, "AsIs")      ? NAN_AS_IS
                       : str_is(treatment, "AsFalse") ? NAN_AS_FALSE
                                                      : NAN_AS_TRUE;
    MRC_TRY(get_floats(r, o, "borders", &f->n_borders, &f->borders));
    return get_name(r, o, &f->name);
}

static int read_float_features(struct reader *r, const struct json *info)
{
    mrc_model *m = r->m;
    const struct json *list = NULL;
    at_path(r, "features_info");
    MRC_TRY(get_array(r, info, "float_features", &list, &m->n_float_features));
    m->float_features = ARENA_ARRAY(&m->arena, m->n_float_features, struct float_feature);
    if (!m->float_features) {
        return no_memory(r);
    }
    uint32_t i = 0;
    for (const struct json *o = json_first(list); o; o = json_next(o), i++) {
        at_path(r, "features_info.float_features[%u]", i);
        MRC_TRY(read_float_feature(r, o, i, &m->float_features[i]));
    }
    return MRC_OK;
}

static int read_one_hot(struct reader *r, const struct json *o, const struct json *values, uint32_t n,
                        struct one_hot_feature *f)
{
    mrc_model *m = r->m;
    int32_t *hashes = ARENA_ARRAY(&m->arena, n, int32_t);
    if (!hashes) {
        return no_memory(r);
    }
    uint32_t i = 0;
    for (const struct json *v = json_first(values); v; v = json_next(v), i++) {
        if (!hash32(v, &hashes[i])) {
            return bad(r, "values", "an array of 32-bit hashes");
        }
    }
    f->n_values = n;
    f->values = hashes;
    const struct json *texts = NULL;
    uint32_t n_texts = 0;
    MRC_TRY(get_array(r, o, "string_values", &texts, &n_texts));
    if (n_texts == 0) {
        return MRC_OK;
    }
    struct str *strings = ARENA_ARRAY(&m->arena, n, struct str);
    if (!strings) {
        return no_memory(r);
    }
    if (n_texts != n) {
        return bad(r, "string_values", "as long as values");
    }
    i = 0;
    for (const struct json *v = json_first(texts); v; v = json_next(v), i++) {
        struct str s = STR("");
        if (!json_str(v, &s)) {
            return bad(r, "string_values", "an array of strings");
        }
        if (!str_copy(&m->arena, s, &strings[i])) {
            return no_memory(r);
        }
    }
    f->strings = strings;
    return MRC_OK;
}

/* A categorical feature with values is a one-hot feature as well; their order is the order of the list. */
static int read_cat_features(struct reader *r, const struct json *info)
{
    mrc_model *m = r->m;
    const struct json *list = NULL;
    at_path(r, "features_info");
    MRC_TRY(get_array(r, info, "categorical_features", &list, &m->n_cat_features));
    m->cat_features = ARENA_ARRAY(&m->arena, m->n_cat_features, struct cat_feature);
    m->one_hot_features = ARENA_ARRAY(&m->arena, m->n_cat_features, struct one_hot_feature);
    if (!m->cat_features || !m->one_hot_features) {
        return no_memory(r);
    }
    uint32_t i = 0;
    for (const struct json *o = json_first(list); o; o = json_next(o), i++) {
        struct cat_feature *f = &m->cat_features[i];
        int64_t index = 0, flat = 0;
        at_path(r, "features_info.categorical_features[%u]", i);
        MRC_TRY(get_int(r, o, "feature_index", 0, FLAT_INDEX_MAX, i, &index));
        MRC_TRY(get_int(r, o, "flat_feature_index", 0, FLAT_INDEX_MAX, -1, &flat));
        f->index = (int32_t)index;
        f->flat_index = (int32_t)flat;
        f->used_in_model = true;
        MRC_TRY(get_name(r, o, &f->name));
        const struct json *values = NULL;
        uint32_t n = 0;
        MRC_TRY(get_array(r, o, "values", &values, &n));
        if (n > 0) {
            struct one_hot_feature *h = &m->one_hot_features[m->n_one_hot_features++];
            h->cat_index = f->index;
            MRC_TRY(read_one_hot(r, o, values, n, h));
        }
    }
    return MRC_OK;
}

/* ---- CTRs -------------------------------------------------------------------------------------------------------- */

struct element_counts {
    uint32_t cats, floats, values;
};

static int count_elements(struct reader *r, const struct json *list, struct element_counts *n)
{
    for (const struct json *e = json_first(list); e; e = json_next(e)) {
        struct str kind = STR("");
        json_str(json_find(e, "combination_element"), &kind);
        if (str_is(kind, "cat_feature_value")) {
            n->cats++;
        } else if (str_is(kind, "float_feature")) {
            n->floats++;
        } else if (str_is(kind, "cat_feature_exact_value")) {
            n->values++;
        } else {
            return bad(r, "combination_element", "cat_feature_value, float_feature or cat_feature_exact_value");
        }
    }
    return MRC_OK;
}

/* elements[] of a CTR: each kind keeps its order, which is the order of hashing. */
static int read_elements(struct reader *r, const struct json *list, struct projection *p)
{
    struct element_counts n = {0};
    if (json_type(list) != JSON_ARRAY) {
        return bad(r, "elements", "an array");
    }
    MRC_TRY(count_elements(r, list, &n));
    int32_t *cats = ARENA_ARRAY(&r->m->arena, n.cats, int32_t);
    struct float_split *floats = ARENA_ARRAY(&r->m->arena, n.floats, struct float_split);
    struct one_hot_split *values = ARENA_ARRAY(&r->m->arena, n.values, struct one_hot_split);
    if (!cats || !floats || !values) {
        return no_memory(r);
    }
    *p = (struct projection){.cats = cats, .floats = floats, .one_hots = values};
    for (const struct json *e = json_first(list); e; e = json_next(e)) {
        struct str kind = STR("");
        int64_t index = 0;
        json_str(json_find(e, "combination_element"), &kind);
        bool is_float = str_is(kind, "float_feature");
        MRC_TRY(get_int(r, e, is_float ? "float_feature_index" : "cat_feature_index", 0, FLAT_INDEX_MAX, -1, &index));
        if (is_float) {
            struct float_split *s = &floats[p->n_floats++];
            s->index = (int32_t)index;
            MRC_TRY(get_float(r, e, "border", NAN, &s->border));
            if (isnan(s->border)) {
                return bad(r, "border", "a number");
            }
        } else if (str_is(kind, "cat_feature_value")) {
            cats[p->n_cats++] = (int32_t)index;
        } else {
            struct one_hot_split *s = &values[p->n_one_hots++];
            s->index = (int32_t)index;
            if (!hash32(json_find(e, "value"), &s->value)) {
                return bad(r, "value", "a 32-bit hash");
            }
        }
    }
    return MRC_OK;
}

static int read_type(struct reader *r, const struct json *o, const char *key, enum ctr_type *out)
{
    struct str name = STR("");
    json_str(json_find(o, key), &name);
    *out = ctr_type_find(name);
    return *out == CTR__COUNT ? bad(r, key, "a CTR type") : MRC_OK;
}

static int read_ctr_features(struct reader *r, const struct json *info)
{
    mrc_model *m = r->m;
    const struct json *list = NULL;
    at_path(r, "features_info");
    MRC_TRY(get_array(r, info, "ctrs", &list, &m->n_ctr_features));
    m->ctr_features = ARENA_ARRAY(&m->arena, m->n_ctr_features, struct ctr_feature);
    if (!m->ctr_features) {
        return no_memory(r);
    }
    uint32_t i = 0;
    for (const struct json *o = json_first(list); o; o = json_next(o), i++) {
        struct ctr_feature *f = &m->ctr_features[i];
        int64_t border = 0;
        at_path(r, "features_info.ctrs[%u]", i);
        MRC_TRY(read_elements(r, json_find(o, "elements"), &f->projection));
        MRC_TRY(read_type(r, o, "ctr_type", &f->type));
        MRC_TRY(get_int(r, o, "target_border_idx", 0, INT32_MAX, 0, &border));
        f->target_border = (int32_t)border;
        MRC_TRY(get_float(r, o, "prior_numerator", 0, &f->prior_num));
        MRC_TRY(get_float(r, o, "prior_denomerator", 1, &f->prior_denom)); /* CatBoost's spelling */
        MRC_TRY(get_float(r, o, "shift", 0, &f->shift));
        MRC_TRY(get_float(r, o, "scale", 1, &f->scale));
        MRC_TRY(get_floats(r, o, "borders", &f->n_borders, &f->borders));
    }
    return MRC_OK;
}

/* The numbers of one row behind its hash. */
static int read_row(struct reader *r, const struct json *v, struct ctr_table *t, uint32_t key, int32_t *counts,
                    float *sums)
{
    uint32_t stride = sums ? 2 : ctr_table_stride(t);
    for (uint32_t c = 0; c < stride; c++, v = json_next(v)) {
        double d = 0;
        int64_t i = 0;
        if (sums && c == 0) {
            if (!json_double(v, &d)) {
                return bad(r, "hash_map", "hashes followed by numbers");
            }
            sums[key] = (float)d;
        } else if (!json_i64(v, &i) || i < 0 || i > INT32_MAX) {
            return bad(r, "hash_map", "hashes followed by counts");
        } else {
            counts[sums ? key : (size_t)key * stride + c] = (int32_t)i;
        }
    }
    return MRC_OK;
}

static int read_hash_map(struct reader *r, const struct json *map, uint32_t stride, struct ctr_table *t)
{
    mrc_model *m = r->m;
    bool means = t->type == CTR_BINARIZED_TARGET_MEAN || t->type == CTR_FLOAT_TARGET_MEAN;
    size_t n_rows = json_count(map) / stride;
    uint64_t *keys = ARENA_ARRAY(&m->arena, n_rows, uint64_t);
    int32_t *counts = arena_array(&m->arena, n_rows, ctr_table_stride(t) * sizeof(int32_t), sizeof(int32_t));
    float *sums = means ? ARENA_ARRAY(&m->arena, n_rows, float) : NULL;
    if (!keys || !counts || (means && !sums)) {
        return no_memory(r);
    }
    for (const struct json *v = json_first(map); v;) {
        struct str text = STR("");
        uint64_t hash = 0;
        if (!json_str(v, &text) || !parse_u64(text, &hash)) {
            return bad(r, "hash_map", "rows that begin with a 64-bit hash as a string");
        }
        v = json_next(v);
        if (hash != UINT64_MAX) { /* what CatBoost's exporter writes for empty buckets */
            MRC_TRY(read_row(r, v, t, t->n_keys, counts, sums));
            keys[t->n_keys++] = hash;
        }
        for (uint32_t c = 1; c < stride; c++) {
            v = json_next(v);
        }
    }
    t->keys = keys;
    t->counts = counts;
    t->sums = sums;
    return MRC_OK;
}

/* The key of a table is JSON in a string: {"identifier":[elements],"type":"Borders"}. */
static int read_identifier(struct reader *r, struct str key, struct ctr_table *t)
{
    struct json_doc *doc = NULL;
    int rc = json_read(&doc, key, &json_limits_file, NULL, r->err);
    if (rc == MRC_OK) {
        rc = read_elements(r, json_find(json_root(doc), "identifier"), &t->projection);
    } else if (rc == MRC_EFORMAT) {
        rc = mrc_fail(r->err, rc, "%s: its key is not JSON", r->where);
    }
    if (rc == MRC_OK) {
        rc = read_type(r, json_root(doc), "type", &t->type);
    }
    json_free(doc);
    return rc;
}

static int read_ctr_table(struct reader *r, const struct json *o, struct ctr_table *t)
{
    int64_t stride = 0, denominator = 0;
    MRC_TRY(read_identifier(r, json_key(o), t));
    MRC_TRY(get_int(r, o, "hash_stride", 1, 1 << 20, -1, &stride));
    MRC_TRY(get_int(r, o, "counter_denominator", 0, INT32_MAX, 0, &denominator));
    t->counter_denominator = (int32_t)denominator;
    bool classes = t->type == CTR_BORDERS || t->type == CTR_BUCKETS;
    bool means = t->type == CTR_BINARIZED_TARGET_MEAN || t->type == CTR_FLOAT_TARGET_MEAN;
    if (stride < 2 || (!classes && stride != (means ? 3 : 2))) {
        return bad(r, "hash_stride", "1 + classes (Borders, Buckets), 2 (Counter, FeatureFreq) or 3 (means)");
    }
    t->target_classes = classes ? (int32_t)stride - 1 : 0;
    const struct json *map = NULL;
    uint32_t n = 0;
    MRC_TRY(get_array(r, o, "hash_map", &map, &n));
    if (n % stride != 0) {
        return bad(r, "hash_map", "a multiple of hash_stride long");
    }
    return read_hash_map(r, map, (uint32_t)stride, t);
}

static int read_ctr_tables(struct reader *r, const struct json *root)
{
    mrc_model *m = r->m;
    const struct json *data = json_find(root, "ctr_data");
    if (data && json_type(data) != JSON_OBJECT && json_type(data) != JSON_NULL) {
        return mrc_fail(r->err, MRC_EFORMAT, "ctr_data must be an object");
    }
    m->ctr_tables = ARENA_ARRAY(&m->arena, json_count(data), struct ctr_table);
    if (!m->ctr_tables) {
        return no_memory(r);
    }
    for (const struct json *o = json_first(data); o; o = json_next(o)) {
        at_path(r, "ctr_data[%u]", m->n_ctr_tables);
        MRC_TRY(read_ctr_table(r, o, &m->ctr_tables[m->n_ctr_tables++]));
    }
    return MRC_OK;
}

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
               (!value || (hash32(value, &hash) && hash == f->values[at.k]));
    }
    const struct ctr_feature *f = &m->ctr_features[at.feature];
    return same_kind(type, "OnlineCtr") && same_float(border, f->borders[at.k]) &&
           same_int(json_find(o, "ctr_target_border_idx"), f->target_border);
}

static int read_split(struct reader *r, const struct json *o, uint32_t *out)
{
    int64_t split = 0;
    MRC_TRY(get_int(r, o, "split_index", 0, (int64_t)r->m->n_splits - 1, -1, &split));
    if (!agrees(r->m, o, model_place_split(r->m, (uint32_t)split))) {
        return mrc_fail(r->err, MRC_EFORMAT, "%s contradicts its split_index %lld", r->where, (long long)split);
    }
    *out = (uint32_t)split;
    return MRC_OK;
}

/* ---- symmetric trees --------------------------------------------------------------------------------------------- */

static int read_doubles(struct reader *r, const struct json *list, const char *key, double *out)
{
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        if (!json_double(v, out++)) {
            return bad(r, key, "an array of numbers");
        }
    }
    return MRC_OK;
}

/* Counts of everything, to allocate it in one go. The first tree says how many outputs there are. */
static int measure_symmetric(struct reader *r, const struct json *trees)
{
    mrc_model *m = r->m;
    bool weights = true;
    uint64_t splits = 0, values = 0;
    uint32_t t = 0;
    for (const struct json *o = json_first(trees); o; o = json_next(o), t++) {
        const struct json *list = NULL;
        uint32_t n_splits = 0, n_values = 0, n_weights = 0;
        at_path(r, "oblivious_trees[%u]", t);
        MRC_TRY(get_array(r, o, "splits", &list, &n_splits));
        MRC_TRY(get_array(r, o, "leaf_values", &list, &n_values));
        MRC_TRY(get_array(r, o, "leaf_weights", &list, &n_weights));
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
                                                                                                  : no_memory(r);
}

static int read_symmetric(struct reader *r, const struct json *trees)
{
    mrc_model *m = r->m;
    MRC_TRY(measure_symmetric(r, trees));
    uint32_t t = 0, split = 0;
    size_t value = 0, leaf = 0;
    for (const struct json *o = json_first(trees); o; o = json_next(o), t++) {
        m->tree_starts[t] = split;
        uint32_t d = 0;
        for (const struct json *s = json_first(json_find(o, "splits")); s; s = json_next(s), d++) {
            at_path(r, "oblivious_trees[%u].splits[%u]", t, d);
            MRC_TRY(read_split(r, s, &m->tree_splits[split++]));
        }
        m->tree_sizes[t] = d;
        at_path(r, "oblivious_trees[%u]", t);
        MRC_TRY(read_doubles(r, json_find(o, "leaf_values"), "leaf_values", m->leaf_values + value));
        value += (size_t)m->dim << d;
        if (m->n_leaf_weights > 0) {
            MRC_TRY(read_doubles(r, json_find(o, "leaf_weights"), "leaf_weights", m->leaf_weights + leaf));
            leaf += (size_t)1 << d;
        }
    }
    return MRC_OK;
}

/* ---- non-symmetric trees ----------------------------------------------------------------------------------------- */

struct node_counts {
    uint64_t nodes, leaves, weights;
};

static int measure_node(struct reader *r, const struct json *o, unsigned depth, struct node_counts *n)
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

static int read_leaf(struct reader *r, const struct json *o, uint32_t node, struct node_cursor *c)
{
    mrc_model *m = r->m;
    const struct json *value = json_find(o, "value");
    double *out = m->leaf_values + (size_t)c->leaf * m->dim;
    m->node_leaf[node] = c->leaf * m->dim;
    if (json_type(value) == JSON_ARRAY) {
        MRC_TRY(read_doubles(r, value, "value", out));
    } else if (!json_double(value, out)) {
        return bad(r, "value", "a number or an array of numbers");
    }
    if (m->n_leaf_weights > 0 && !json_double(json_find(o, "weight"), &m->leaf_weights[c->leaf])) {
        return bad(r, "weight", "a number");
    }
    c->leaf++;
    return MRC_OK;
}

/* Nodes in the order parent, left subtree, right subtree. */
static int read_node(struct reader *r, const struct json *o, struct node_cursor *c)
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

static int read_nodes(struct reader *r, const struct json *trees)
{
    mrc_model *m = r->m;
    struct node_counts n = {0};
    m->symmetric = false;
    m->tree_sizes = ARENA_ARRAY(&m->arena, m->n_trees, uint32_t);
    m->tree_starts = ARENA_ARRAY(&m->arena, m->n_trees, uint32_t);
    if (!m->tree_sizes || !m->tree_starts) {
        return no_memory(r);
    }
    uint32_t t = 0;
    for (const struct json *o = json_first(trees); o; o = json_next(o), t++) {
        at_path(r, "trees[%u]", t);
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
        return no_memory(r);
    }
    struct node_cursor c = {0};
    t = 0;
    for (const struct json *o = json_first(trees); o; o = json_next(o), t++) {
        at_path(r, "trees[%u]", t);
        MRC_TRY(read_node(r, o, &c));
    }
    return MRC_OK;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* [scale, [bias, …]], in older files [scale, bias]; absent: 1 and 0. A model without trees has as many outputs as
 * biases. */
static int read_scale_and_bias(struct reader *r, const struct json *root)
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
        return no_memory(r);
    }
    m->bias[0] = single;
    at_path(r, "scale_and_bias");
    return read_doubles(r, n > 0 ? bias : NULL, "1", m->bias);
}

/* Strings are kept as they are. What is embedded as JSON is kept as the text that stands in the file, so that 64-bit
 * numbers survive; text spread over lines, as CatBoost prints it, loses its blanks. */
static int read_meta(struct reader *r, const struct json *root, struct str text)
{
    mrc_model *m = r->m;
    const struct json *info = json_find(root, "model_info");
    if (info && json_type(info) != JSON_OBJECT) {
        return mrc_fail(r->err, MRC_EFORMAT, "model_info must be an object");
    }
    m->meta = ARENA_ARRAY(&m->arena, json_count(info), struct meta_pair);
    if (!m->meta) {
        return no_memory(r);
    }
    struct str slice = json_slice_member(text, "model_info");
    struct json_slices walk = json_slices_of(slice);
    for (const struct json *v = json_first(info); v; v = json_next(v)) {
        struct meta_pair *pair = &m->meta[m->n_meta++];
        struct str raw = json_slices_next(&walk), s = STR("");
        if (!str_copy(&m->arena, json_key(v), &pair->key)) {
            return no_memory(r);
        }
        bool spread = raw.n > 0 && memchr(raw.p, '\n', raw.n) != NULL;
        bool ok = json_str(v, &s) ? str_copy(&m->arena, s, &pair->value)
                  : spread        ? json_slice_compact(&m->arena, raw, &pair->value)
                                  : str_copy(&m->arena, raw, &pair->value);
        if (!ok) {
            return no_memory(r);
        }
    }
    return MRC_OK;
}

static int read_trees(struct reader *r, const struct json *root)
{
    mrc_model *m = r->m;
    const struct json *symmetric = NULL, *free_form = NULL;
    uint32_t n_symmetric = 0, n_free_form = 0;
    MRC_TRY(model_number_splits(m, r->err));
    at_path(r, "model");
    MRC_TRY(get_array(r, root, "oblivious_trees", &symmetric, &n_symmetric));
    MRC_TRY(get_array(r, root, "trees", &free_form, &n_free_form));
    if (n_symmetric > 0 && n_free_form > 0) {
        return mrc_fail(r->err, MRC_EFORMAT, "the model has both oblivious_trees and trees");
    }
    if (!symmetric && !free_form) {
        return mrc_fail(r->err, MRC_EFORMAT, "the model has neither oblivious_trees nor trees");
    }
    m->n_trees = n_symmetric + n_free_form;
    return n_free_form > 0 ? read_nodes(r, free_form) : read_symmetric(r, symmetric);
}

static int read_root(struct reader *r, const struct json *root, struct str text)
{
    const struct json *info = json_find(root, "features_info");
    MRC_TRY(read_float_features(r, info));
    MRC_TRY(read_cat_features(r, info));
    MRC_TRY(read_ctr_features(r, info));
    MRC_TRY(read_ctr_tables(r, root));
    MRC_TRY(read_trees(r, root));
    MRC_TRY(read_scale_and_bias(r, root));
    return read_meta(r, root, text);
}

int model_read_json(mrc_model *m, struct str text, struct mrc_err *err)
{
    struct reader r = {.m = m, .err = err};
    struct json_doc *doc = NULL;
    MRC_TRY(json_read(&doc, text, &json_limits_file, NULL, err));
    int rc = read_root(&r, json_root(doc), text);
    json_free(doc);
    return rc;
}
