/* What a model says about itself: metadata, loss, class labels, features. */
#include "common/base/json.h"
#include "common/trees/evaluate.h"
#include "common/trees/loss_kind.h"
#include "common/trees/model.h"

#include <math.h>
#include <string.h>

/* ---- metadata -----------------------------------------------------------------------------------------------------
 */

static const struct str *meta_find(const mrc_model *m, const char *key)
{
    for (uint32_t i = 0; i < m->n_meta; i++) {
        if (str_is(m->meta[i].key, key)) {
            return &m->meta[i].value;
        }
    }
    return NULL;
}

const char *mrc_model_meta(const mrc_model *m, const char *key)
{
    const struct str *value = m && key ? meta_find(m, key) : NULL;
    return value ? value->p : NULL;
}

const char *mrc_model_meta_at(const mrc_model *m, size_t i, const char **value)
{
    if (!m || i >= m->n_meta) {
        return NULL;
    }
    if (value) {
        *value = m->meta[i].value.p;
    }
    return m->meta[i].key.p;
}

/* ---- loss and labels ----------------------------------------------------------------------------------------------
 */

/* A metadata value as JSON; NULL when absent or no JSON (then it simply tells nothing). */
static int meta_json(const mrc_model *m, const char *key, struct json_doc **out, struct mrc_err *err)
{
    const struct str *value = meta_find(m, key);
    *out = NULL;
    if (!value) {
        return MRC_OK;
    }
    int rc = json_read(out, *value, &json_limits_file, NULL, err);
    return rc == MRC_ENOMEM ? rc : MRC_OK;
}

static int set_text(mrc_model *m, struct str s, struct str *out, struct mrc_err *err)
{
    return str_copy(&m->arena, s, out) ? MRC_OK : arena_fail(&m->arena, err);
}

/* Label of one element of class_names. Labels of type Float keep the point that CatBoost's users see: 1 is "1.0". */
static int label_text(mrc_model *m, const struct json *v, bool floats, struct str *out, struct mrc_err *err)
{
    struct str s = STR("");
    char number[NUMBER_TEXT_MAX + 2];
    double d = 0;
    bool truth = false;
    if (json_str(v, &s)) {
        return set_text(m, s, out, err);
    }
    if (json_bool(v, &truth)) {
        return set_text(m, truth ? STR("True") : STR("False"), out, err);
    }
    if (json_double(v, &d)) {
        s = (struct str){number, format_double(d, number)};
        if (floats && d == floor(d) && fabs(d) < 1e15) {
            memcpy(number + s.n, ".0", 3);
            s.n += 2;
        }
    }
    return set_text(m, s, out, err);
}

static int labels_from(mrc_model *m, const struct json *names, bool floats, struct mrc_err *err)
{
    size_t n = json_count(names);
    if (json_type(names) != JSON_ARRAY || n == 0) {
        return MRC_OK;
    }
    struct str *labels = ARENA_ARRAY(&m->arena, n, struct str);
    if (!labels) {
        return arena_fail(&m->arena, err);
    }
    size_t i = 0;
    for (const struct json *v = json_first(names); v; v = json_next(v)) {
        MRC_TRY(label_text(m, v, floats, &labels[i++], err));
    }
    m->class_labels = labels;
    m->n_class_labels = (uint32_t)n;
    return MRC_OK;
}

static int labels_numbered(mrc_model *m, uint32_t n, struct mrc_err *err)
{
    m->class_labels = ARENA_ARRAY(&m->arena, n, struct str);
    if (!m->class_labels) {
        return arena_fail(&m->arena, err);
    }
    m->n_class_labels = n;
    for (uint32_t k = 0; k < n; k++) {
        struct buf b;
        buf_init(&b, &m->arena, 16);
        buf_printf(&b, "%u", k);
        MRC_TRY(buf_ok(&b, err));
        m->class_labels[k] = buf_text(&b);
    }
    return MRC_OK;
}

static uint32_t class_count(const mrc_model *m)
{
    return m->dim == 1 ? 2 : m->dim;
}

/* Names, else the labels of training targets, else numbers: where CatBoost looks, in its order. */
static int read_class_labels(mrc_model *m, const struct json *class_params, const struct json *params,
                             struct mrc_err *err)
{
    struct str type = STR("");
    json_str(json_find(class_params, "class_label_type"), &type);
    bool floats = str_is(type, "Float");
    MRC_TRY(labels_from(m, json_find(class_params, "class_names"), floats, err));
    int64_t count = 0;
    json_i64(json_find(class_params, "classes_count"), &count);
    if (m->n_class_labels == 0 && count <= 0) {
        MRC_TRY(labels_from(m, json_find(class_params, "class_to_label"), floats, err));
    }
    if (m->n_class_labels == 0) {
        const struct json *options = json_find(params, "data_processing_options");
        MRC_TRY(labels_from(m, json_find(options, "class_names"), floats, err));
    }
    if (m->n_class_labels != class_count(m)) {
        m->n_class_labels = 0;
        MRC_TRY(labels_numbered(m, class_count(m), err));
    }
    return MRC_OK;
}

/* The loss stands in params.loss_function.type, else in the key loss_function (plain text, or JSON). */
static int read_loss(mrc_model *m, const struct json *params, struct mrc_err *err)
{
    struct str loss = STR("");
    if (json_str(json_find(json_find(params, "loss_function"), "type"), &loss)) {
        return set_text(m, loss, &m->loss, err);
    }
    struct json_doc *doc = NULL;
    MRC_TRY(meta_json(m, "loss_function", &doc, err));
    const struct str *plain = meta_find(m, "loss_function");
    if (!json_str(json_find(json_root(doc), "type"), &loss) && !json_str(json_root(doc), &loss) && plain) {
        size_t colon = 0; /* "Quantile:alpha=0.5" */
        while (colon < plain->n && plain->p[colon] != ':') {
            colon++;
        }
        loss = (struct str){plain->p, colon};
    }
    int rc = set_text(m, loss, &m->loss, err);
    json_free(doc);
    return rc;
}

static void read_class_border(mrc_model *m)
{
    const struct str *text = meta_find(m, "binclass_probability_threshold");
    double p = 0.5;
    if (text && parse_double(str_trim(*text), &p) && p > 0 && p < 1) {
        m->class_border = p == 0.5 ? 0 : log(p / (1 - p));
    }
}

int model_read_labels(mrc_model *m, struct mrc_err *err)
{
    struct json_doc *params = NULL, *class_params = NULL;
    int rc = meta_json(m, "params", &params, err);
    if (rc == MRC_OK) {
        rc = meta_json(m, meta_find(m, "class_params") ? "class_params" : "multiclass_params", &class_params, err);
    }
    if (rc == MRC_OK) {
        rc = read_loss(m, json_root(params), err);
    }
    if (rc == MRC_OK && (class_params || loss_is_classifier(m->loss))) {
        rc = read_class_labels(m, json_root(class_params), json_root(params), err);
    }
    read_class_border(m);
    json_free(params);
    json_free(class_params);
    return rc;
}

const char *mrc_model_loss(const mrc_model *m)
{
    return m && m->loss.p ? m->loss.p : "";
}

const char *mrc_model_class_label(const mrc_model *m, size_t k)
{
    return m && k < m->n_class_labels ? m->class_labels[k].p : NULL;
}

/* ---- sizes and features -------------------------------------------------------------------------------------------
 */

size_t mrc_model_dim(const mrc_model *m)
{
    return m ? m->dim : 0;
}

size_t mrc_model_trees(const mrc_model *m)
{
    return m ? m->n_trees : 0;
}

size_t mrc_model_features(const mrc_model *m)
{
    return m ? m->n_flat_features : 0;
}

size_t mrc_model_float_features(const mrc_model *m)
{
    return m ? m->n_float_columns : 0;
}

size_t mrc_model_cat_features(const mrc_model *m)
{
    return m ? m->n_cat_columns : 0;
}

static const struct float_feature *float_at(const mrc_model *m, int32_t flat)
{
    uint32_t lo = 0, hi = m->n_float_features;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (m->float_features[mid].flat_index < flat) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < m->n_float_features && m->float_features[lo].flat_index == flat ? &m->float_features[lo] : NULL;
}

static const struct cat_feature *cat_at(const mrc_model *m, int32_t flat)
{
    uint32_t lo = 0, hi = m->n_cat_features;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (m->cat_features[mid].flat_index < flat) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < m->n_cat_features && m->cat_features[lo].flat_index == flat ? &m->cat_features[lo] : NULL;
}

int mrc_model_feature(const mrc_model *m, size_t flat, struct mrc_feature *out, struct mrc_err *err)
{
    if (!m || !out || flat >= m->n_flat_features) {
        return mrc_fail(err, MRC_EINVAL, "no feature %zu; the model has %zu", flat, mrc_model_features(m));
    }
    *out = (struct mrc_feature){.kind = MRC_FEATURE_UNUSED, .name = ""};
    const struct float_feature *f = float_at(m, (int32_t)flat);
    const struct cat_feature *c = f ? NULL : cat_at(m, (int32_t)flat);
    if (f) {
        *out = (struct mrc_feature){MRC_FEATURE_FLOAT, (size_t)f->index, f->name.p ? f->name.p : "",
                                    m->evaluator->float_used[f - m->float_features]};
    } else if (c) {
        *out = (struct mrc_feature){MRC_FEATURE_CAT, (size_t)c->index, c->name.p ? c->name.p : "",
                                    m->evaluator->cat_used[c - m->cat_features]};
    }
    return MRC_OK;
}
