/* Reads CatBoost's JSON model, exactly: decimals are rounded correctly, 64-bit hashes never pass through a double.
 *
@@
 * file that contradicts itself is refused and not half believed. */
#include "common/trees/model_json.h"
#include "common/base/json.h"
#include "common/trees/json_slice.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- helpers ----------------------------------------------------------------------------------------------------- */

void jr_at(struct json_reader *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->where, sizeof r->where, fmt, ap);
    va_end(ap);
}

int jr_no_memory(struct json_reader *r)
{
    return arena_fail(&r->m->arena, r->err);
}

int jr_bad(struct json_reader *r, const char *key, const char *want)
{
    return mrc_fail(r->err, MRC_EFORMAT, "%s.%s must be %s", r->where, key, want);
}

int jr_int(struct json_reader *r, const struct json *o, const char *key, int64_t min, int64_t max, int64_t absent,
           int64_t *out)
{
    const struct json *v = json_find(o, key);
    *out = absent;
    if ((v && !json_i64(v, out)) || *out < min || *out > max) {
        char want[80];
        snprintf(want, sizeof want, "an integer in %lld..%lld", (long long)min, (long long)max);
        return jr_bad(r, key, want);
    }
    return MRC_OK;
}

static int get_float(struct json_reader *r, const struct json *o, const char *key, float absent, float *out)
{
    double d = absent;
    const struct json *v = json_find(o, key);
    if (v && !json_double(v, &d)) {
        return jr_bad(r, key, "a number");
    }
    *out = (float)d;
    return MRC_OK;
}

static int get_name(struct json_reader *r, const struct json *o, struct str *out)
{
    struct str s = STR("");
    if (!json_str(json_find(o, "feature_id"), &s)) {
        json_str(json_find(o, "feature_name"), &s);
    }
    return str_copy(&r->m->arena, s, out) ? MRC_OK : jr_no_memory(r);
}

int jr_array(struct json_reader *r, const struct json *o, const char *key, const struct json **out, uint32_t *n)
{
    const struct json *v = json_find(o, key);
    *out = NULL;
    *n = 0;
    if (!v || json_type(v) == JSON_NULL) {
        return MRC_OK;
    }
    if (json_type(v) != JSON_ARRAY || json_count(v) > INT32_MAX) {
        return jr_bad(r, key, "an array");
    }
    *out = v;
    *n = (uint32_t)json_count(v);
    return MRC_OK;
}

static int get_floats(struct json_reader *r, const struct json *o, const char *key, uint32_t *n, const float **out)
{
    const struct json *list = NULL;
    MRC_TRY(jr_array(r, o, key, &list, n));
    float *p = ARENA_ARRAY(&r->m->arena, *n, float);
    if (!p) {
        return jr_no_memory(r);
    }
    uint32_t i = 0;
    for (const struct json *v = json_first(list); v; v = json_next(v), i++) {
        double d = 0;
        if (!json_double(v, &d)) {
            return jr_bad(r, key, "an array of numbers");
        }
        p[i] = (float)d;
    }
    *out = p;
    return MRC_OK;
}

bool jr_hash32(const struct json *v, int32_t *out)
{
    int64_t i = 0;
    if (!json_i64(v, &i) || i < INT32_MIN || i > (int64_t)UINT32_MAX) {
        return false;
    }
    *out = (int32_t)(uint32_t)i;
    return true;
}

/* ---- features ---------------------------------------------------------------------------------------------------- */

static int read_float_feature(struct json_reader *r, const struct json *o, uint32_t i, struct float_feature *f)
{
    int64_t index = 0, flat = 0;
    MRC_TRY(jr_int(r, o, "feature_index", 0, FLAT_INDEX_MAX, i, &index));
    MRC_TRY(jr_int(r, o, "flat_feature_index", 0, FLAT_INDEX_MAX, -1, &flat));
    f->index = (int32_t)index;
    f->flat_index = (int32_t)flat;
    const struct json *nans = json_find(o, "has_nans");
    if (nans && !json_bool(nans, &f->has_nans)) {
        return jr_bad(r, "has_nans", "true or false");
    }
    struct str treatment = STR("AsIs");
    const struct json *t = json_find(o, "nan_value_treatment");
    if ((t && !json_str(t, &treatment)) ||
        !(str_is(treatment, "AsIs") || str_is(treatment, "AsFalse") || str_is(treatment, "AsTrue"))) {
        return jr_bad(r, "nan_value_treatment", "AsIs, AsFalse or AsTrue");
    }
    f->nan_treatment = str_is(treatment, "AsIs")      ? NAN_AS_IS
                       : str_is(treatment, "AsFalse") ? NAN_AS_FALSE
                                                      : NAN_AS_TRUE;
    MRC_TRY(get_floats(r, o, "borders", &f->n_borders, &f->borders));
    return get_name(r, o, &f->name);
}

static int read_float_features(struct json_reader *r, const struct json *info)
{
    mrc_model *m = r->m;
    const struct json *list = NULL;
    jr_at(r, "features_info");
    MRC_TRY(jr_array(r, info, "float_features", &list, &m->n_float_features));
    m->float_features = ARENA_ARRAY(&m->arena, m->n_float_features, struct float_feature);
    if (!m->float_features) {
        return jr_no_memory(r);
    }
    uint32_t i = 0;
    for (const struct json *o = json_first(list); o; o = json_next(o), i++) {
        jr_at(r, "features_info.float_features[%u]", i);
        MRC_TRY(read_float_feature(r, o, i, &m->float_features[i]));
    }
    return MRC_OK;
}

static int read_one_hot(struct json_reader *r, const struct json *o, const struct json *values, uint32_t n,
                        struct one_hot_feature *f)
{
    mrc_model *m = r->m;
    int32_t *hashes = ARENA_ARRAY(&m->arena, n, int32_t);
    if (!hashes) {
        return jr_no_memory(r);
    }
    uint32_t i = 0;
    for (const struct json *v = json_first(values); v; v = json_next(v), i++) {
        if (!jr_hash32(v, &hashes[i])) {
            return jr_bad(r, "values", "an array of 32-bit hashes");
        }
    }
    f->n_values = n;
    f->values = hashes;
    const struct json *texts = NULL;
    uint32_t n_texts = 0;
    MRC_TRY(jr_array(r, o, "string_values", &texts, &n_texts));
    if (n_texts == 0) {
        return MRC_OK;
    }
    struct str *strings = ARENA_ARRAY(&m->arena, n, struct str);
    if (!strings) {
        return jr_no_memory(r);
    }
    if (n_texts != n) {
        return jr_bad(r, "string_values", "as long as values");
    }
    i = 0;
    for (const struct json *v = json_first(texts); v; v = json_next(v), i++) {
        struct str s = STR("");
        if (!json_str(v, &s)) {
            return jr_bad(r, "string_values", "an array of strings");
        }
        if (!str_copy(&m->arena, s, &strings[i])) {
            return jr_no_memory(r);
        }
    }
    f->strings = strings;
    return MRC_OK;
}

/* A categorical feature with values is a one-hot feature as well; their order is the order of the list. */
static int read_cat_features(struct json_reader *r, const struct json *info)
{
    mrc_model *m = r->m;
    const struct json *list = NULL;
    jr_at(r, "features_info");
    MRC_TRY(jr_array(r, info, "categorical_features", &list, &m->n_cat_features));
    m->cat_features = ARENA_ARRAY(&m->arena, m->n_cat_features, struct cat_feature);
    m->one_hot_features = ARENA_ARRAY(&m->arena, m->n_cat_features, struct one_hot_feature);
    if (!m->cat_features || !m->one_hot_features) {
        return jr_no_memory(r);
    }
    uint32_t i = 0;
    for (const struct json *o = json_first(list); o; o = json_next(o), i++) {
        struct cat_feature *f = &m->cat_features[i];
        int64_t index = 0, flat = 0;
        jr_at(r, "features_info.categorical_features[%u]", i);
        MRC_TRY(jr_int(r, o, "feature_index", 0, FLAT_INDEX_MAX, i, &index));
        MRC_TRY(jr_int(r, o, "flat_feature_index", 0, FLAT_INDEX_MAX, -1, &flat));
        f->index = (int32_t)index;
        f->flat_index = (int32_t)flat;
        f->used_in_model = true;
        MRC_TRY(get_name(r, o, &f->name));
        const struct json *values = NULL;
        uint32_t n = 0;
        MRC_TRY(jr_array(r, o, "values", &values, &n));
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

static int count_elements(struct json_reader *r, const struct json *list, struct element_counts *n)
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
            return jr_bad(r, "combination_element", "cat_feature_value, float_feature or cat_feature_exact_value");
        }
    }
    return MRC_OK;
}

/* elements[] of a CTR: each kind keeps its order, which is the order of hashing. */
static int read_elements(struct json_reader *r, const struct json *list, struct projection *p)
{
    struct element_counts n = {0};
    if (json_type(list) != JSON_ARRAY) {
        return jr_bad(r, "elements", "an array");
    }
    MRC_TRY(count_elements(r, list, &n));
    int32_t *cats = ARENA_ARRAY(&r->m->arena, n.cats, int32_t);
    struct float_split *floats = ARENA_ARRAY(&r->m->arena, n.floats, struct float_split);
    struct one_hot_split *values = ARENA_ARRAY(&r->m->arena, n.values, struct one_hot_split);
    if (!cats || !floats || !values) {
        return jr_no_memory(r);
    }
    *p = (struct projection){.cats = cats, .floats = floats, .one_hots = values};
    for (const struct json *e = json_first(list); e; e = json_next(e)) {
        struct str kind = STR("");
        int64_t index = 0;
        json_str(json_find(e, "combination_element"), &kind);
        bool is_float = str_is(kind, "float_feature");
        MRC_TRY(jr_int(r, e, is_float ? "float_feature_index" : "cat_feature_index", 0, FLAT_INDEX_MAX, -1, &index));
        if (is_float) {
            struct float_split *s = &floats[p->n_floats++];
            s->index = (int32_t)index;
            MRC_TRY(get_float(r, e, "border", NAN, &s->border));
            if (isnan(s->border)) {
                return jr_bad(r, "border", "a number");
            }
        } else if (str_is(kind, "cat_feature_value")) {
            cats[p->n_cats++] = (int32_t)index;
        } else {
            struct one_hot_split *s = &values[p->n_one_hots++];
            s->index = (int32_t)index;
            if (!jr_hash32(json_find(e, "value"), &s->value)) {
                return jr_bad(r, "value", "a 32-bit hash");
            }
        }
    }
    return MRC_OK;
}

static int read_type(struct json_reader *r, const struct json *o, const char *key, enum ctr_type *out)
{
    struct str name = STR("");
    json_str(json_find(o, key), &name);
    *out = ctr_type_find(name);
    return *out == CTR__COUNT ? jr_bad(r, key, "a CTR type") : MRC_OK;
}

static int read_ctr_features(struct json_reader *r, const struct json *info)
{
    mrc_model *m = r->m;
    const struct json *list = NULL;
    jr_at(r, "features_info");
    MRC_TRY(jr_array(r, info, "ctrs", &list, &m->n_ctr_features));
    m->ctr_features = ARENA_ARRAY(&m->arena, m->n_ctr_features, struct ctr_feature);
    if (!m->ctr_features) {
        return jr_no_memory(r);
    }
    uint32_t i = 0;
    for (const struct json *o = json_first(list); o; o = json_next(o), i++) {
        struct ctr_feature *f = &m->ctr_features[i];
        int64_t border = 0;
        jr_at(r, "features_info.ctrs[%u]", i);
        MRC_TRY(read_elements(r, json_find(o, "elements"), &f->projection));
        MRC_TRY(read_type(r, o, "ctr_type", &f->type));
        MRC_TRY(jr_int(r, o, "target_border_idx", 0, INT32_MAX, 0, &border));
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
static int read_row(struct json_reader *r, const struct json *v, struct ctr_table *t, uint32_t key, int32_t *counts,
                    float *sums)
{
    uint32_t stride = sums ? 2 : ctr_table_stride(t);
    for (uint32_t c = 0; c < stride; c++, v = json_next(v)) {
        double d = 0;
        int64_t i = 0;
        if (sums && c == 0) {
            if (!json_double(v, &d)) {
                return jr_bad(r, "hash_map", "hashes followed by numbers");
            }
            sums[key] = (float)d;
        } else if (!json_i64(v, &i) || i < 0 || i > INT32_MAX) {
            return jr_bad(r, "hash_map", "hashes followed by counts");
        } else {
            counts[sums ? key : (size_t)key * stride + c] = (int32_t)i;
        }
    }
    return MRC_OK;
}

static int read_hash_map(struct json_reader *r, const struct json *map, uint32_t stride, struct ctr_table *t)
{
    mrc_model *m = r->m;
    bool means = t->type == CTR_BINARIZED_TARGET_MEAN || t->type == CTR_FLOAT_TARGET_MEAN;
    size_t n_rows = json_count(map) / stride;
    uint64_t *keys = ARENA_ARRAY(&m->arena, n_rows, uint64_t);
    int32_t *counts = arena_array(&m->arena, n_rows, ctr_table_stride(t) * sizeof(int32_t), sizeof(int32_t));
    float *sums = means ? ARENA_ARRAY(&m->arena, n_rows, float) : NULL;
    if (!keys || !counts || (means && !sums)) {
        return jr_no_memory(r);
    }
    for (const struct json *v = json_first(map); v;) {
        struct str text = STR("");
        uint64_t hash = 0;
        if (!json_str(v, &text) || !parse_u64(text, &hash)) {
            return jr_bad(r, "hash_map", "rows that begin with a 64-bit hash as a string");
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
static int read_identifier(struct json_reader *r, struct str key, struct ctr_table *t)
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

static int read_ctr_table(struct json_reader *r, const struct json *o, struct ctr_table *t)
{
    int64_t stride = 0, denominator = 0;
    MRC_TRY(read_identifier(r, json_key(o), t));
    MRC_TRY(jr_int(r, o, "hash_stride", 1, 1 + TARGET_CLASSES_MAX, -1, &stride));
    MRC_TRY(jr_int(r, o, "counter_denominator", 0, INT32_MAX, 0, &denominator));
    t->counter_denominator = (int32_t)denominator;
    bool classes = t->type == CTR_BORDERS || t->type == CTR_BUCKETS;
    bool means = t->type == CTR_BINARIZED_TARGET_MEAN || t->type == CTR_FLOAT_TARGET_MEAN;
    if (stride < 2 || (!classes && stride != (means ? 3 : 2))) {
        return jr_bad(r, "hash_stride", "1 + classes (Borders, Buckets), 2 (Counter, FeatureFreq) or 3 (means)");
    }
    t->target_classes = classes ? (int32_t)stride - 1 : 0;
    const struct json *map = NULL;
    uint32_t n = 0;
    MRC_TRY(jr_array(r, o, "hash_map", &map, &n));
    if (n % stride != 0) {
        return jr_bad(r, "hash_map", "a multiple of hash_stride long");
    }
    return read_hash_map(r, map, (uint32_t)stride, t);
}

static int read_ctr_tables(struct json_reader *r, const struct json *root)
{
    mrc_model *m = r->m;
    const struct json *data = json_find(root, "ctr_data");
    if (data && json_type(data) != JSON_OBJECT && json_type(data) != JSON_NULL) {
        return mrc_fail(r->err, MRC_EFORMAT, "ctr_data must be an object");
    }
    m->ctr_tables = ARENA_ARRAY(&m->arena, json_count(data), struct ctr_table);
    if (!m->ctr_tables) {
        return jr_no_memory(r);
    }
    for (const struct json *o = json_first(data); o; o = json_next(o)) {
        jr_at(r, "ctr_data[%u]", m->n_ctr_tables);
        MRC_TRY(read_ctr_table(r, o, &m->ctr_tables[m->n_ctr_tables++]));
    }
    return MRC_OK;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------
 */

/* Strings are kept as they are. What is embedded as JSON is kept as the text that stands in the file, so that 64-bit
 * numbers survive; text spread over lines, as CatBoost prints it, loses its blanks. */
static int read_meta(struct json_reader *r, const struct json *root, struct str text)
{
    mrc_model *m = r->m;
    const struct json *info = json_find(root, "model_info");
    if (info && json_type(info) != JSON_OBJECT) {
        return mrc_fail(r->err, MRC_EFORMAT, "model_info must be an object");
    }
    m->meta = ARENA_ARRAY(&m->arena, json_count(info), struct meta_pair);
    if (!m->meta) {
        return jr_no_memory(r);
    }
    struct str slice = json_slice_member(text, "model_info");
    struct json_slices walk = json_slices_of(slice);
    for (const struct json *v = json_first(info); v; v = json_next(v)) {
        struct meta_pair *pair = &m->meta[m->n_meta++];
        struct str raw = json_slices_next(&walk), s = STR("");
        if (!str_copy(&m->arena, json_key(v), &pair->key)) {
            return jr_no_memory(r);
        }
        bool spread = raw.n > 0 && memchr(raw.p, '\n', raw.n) != NULL;
        bool ok = json_str(v, &s) ? str_copy(&m->arena, s, &pair->value)
                  : spread        ? json_slice_compact(&m->arena, raw, &pair->value)
                                  : str_copy(&m->arena, raw, &pair->value);
        if (!ok) {
            return jr_no_memory(r);
        }
    }
    return MRC_OK;
}

static int read_root(struct json_reader *r, const struct json *root, struct str text)
{
    const struct json *info = json_find(root, "features_info");
    MRC_TRY(read_float_features(r, info));
    MRC_TRY(read_cat_features(r, info));
    MRC_TRY(read_ctr_features(r, info));
    MRC_TRY(read_ctr_tables(r, root));
    MRC_TRY(jr_trees(r, root));
    MRC_TRY(jr_scale_and_bias(r, root));
    return read_meta(r, root, text);
}

int model_read_json(mrc_model *m, struct str text, struct mrc_err *err)
{
    struct json_reader r = {.m = m, .err = err};
    struct json_doc *doc = NULL;
    MRC_TRY(json_read(&doc, text, &json_limits_file, NULL, err));
    int rc = read_root(&r, json_root(doc), text);
    json_free(doc);
    return rc;
}
