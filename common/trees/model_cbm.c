/* Reads CatBoost's binary model: "CBM1", a sized FlatBuffer with everything but CTR tables, then those (when the core
 * names the part static_provider_v1), each again a sized FlatBuffer.
 *
 * A size is a u32; 0xffffffff says that a u64 follows. Every number of the file is checked here against the bytes that
 * are there; what the numbers mean together is proved by model_check.c. */
#include "common/trees/flatbuf.h"
#include "common/trees/model.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKET_BYTES = 12 };
static const uint64_t empty_hash = UINT64_MAX;

struct reader {
    mrc_model *m;
    struct mrc_err *err;
};

/* ---- helpers ----------------------------------------------------------------------------------------------------- */

static int no_memory(struct reader *r)
{
    return arena_fail(&r->m->arena, r->err);
}

static int copy_str(struct reader *r, struct str s, struct str *out)
{
    return str_copy(&r->m->arena, s, out) ? MRC_OK : no_memory(r);
}

static int copy_f32(struct reader *r, struct fb_vector v, uint32_t *n, const float **out)
{
    float *p = ARENA_ARRAY(&r->m->arena, v.n, float);
    if (!p) {
        return no_memory(r);
    }
    for (uint32_t i = 0; i < v.n; i++) {
        p[i] = le_f32(v.p + 4 * (size_t)i);
    }
    *n = v.n;
    *out = p;
    return MRC_OK;
}

static int copy_i32(struct reader *r, struct fb_vector v, uint32_t *n, int32_t **out)
{
    int32_t *p = ARENA_ARRAY(&r->m->arena, v.n, int32_t);
    if (!p) {
        return no_memory(r);
    }
    for (uint32_t i = 0; i < v.n; i++) {
        p[i] = (int32_t)le_u32(v.p + 4 * (size_t)i);
    }
    *n = v.n;
    *out = p;
    return MRC_OK;
}

static int copy_f64(struct reader *r, struct fb_vector v, size_t *n, double **out)
{
    double *p = ARENA_ARRAY(&r->m->arena, v.n, double);
    if (!p) {
        return no_memory(r);
    }
    for (uint32_t i = 0; i < v.n; i++) {
        p[i] = le_f64(v.p + 8 * (size_t)i);
    }
    *n = v.n;
    *out = p;
    return MRC_OK;
}

/* Integers that must not be negative. */
static int copy_u32(struct reader *r, struct fb *b, struct fb_vector v, const char *name, uint32_t *n, uint32_t **out)
{
    int32_t *p = NULL;
    MRC_TRY(copy_i32(r, v, n, &p));
    for (uint32_t i = 0; i < *n; i++) {
        if (p[i] < 0) {
            fb_fail(b, v.pos + 4 * (size_t)i, "%s[%u] is %d", name, i, p[i]);
            return b->rc;
        }
    }
    *out = (uint32_t *)p;
    return MRC_OK;
}

/* ---- features ---------------------------------------------------------------------------------------------------- */

static int read_float_features(struct reader *r, struct fb *b, const struct fb_table *trees)
{
    mrc_model *m = r->m;
    struct fb_vector v = fb_vec(b, trees, 5, "FloatFeatures", 4, 4);
    m->float_features = ARENA_ARRAY(&m->arena, v.n, struct float_feature);
    if (!m->float_features) {
        return no_memory(r);
    }
    m->n_float_features = v.n;
    for (uint32_t i = 0; i < v.n; i++) {
        struct float_feature *f = &m->float_features[i];
        fb_where(b, "FloatFeatures[%u]", i);
        struct fb_table t = fb_vec_table(b, &v, i);
        f->has_nans = fb_u8(b, &t, 0, "HasNans", 0) != 0;
        f->index = fb_i32(b, &t, 1, "Index", -1);
        f->flat_index = fb_i32(b, &t, 2, "FlatIndex", -1);
        struct fb_vector borders = fb_vec(b, &t, 3, "Borders", 4, 4);
        struct str name = fb_str(b, &t, 4, "FeatureId");
        uint32_t treatment = fb_u8(b, &t, 5, "NanValueTreatment", NAN_AS_IS);
        if (treatment > NAN_AS_TRUE) {
            fb_fail(b, t.pos, "NanValueTreatment is %u; known are 0, 1, 2", treatment);
        }
        MRC_TRY(b->rc);
        f->nan_treatment = (enum nan_treatment)treatment;
        MRC_TRY(copy_f32(r, borders, &f->n_borders, &f->borders));
        MRC_TRY(copy_str(r, name, &f->name));
    }
    return b->rc;
}

static int read_cat_features(struct reader *r, struct fb *b, const struct fb_table *trees)
{
    mrc_model *m = r->m;
    fb_where(b, "ModelTrees");
    struct fb_vector v = fb_vec(b, trees, 4, "CatFeatures", 4, 4);
    m->cat_features = ARENA_ARRAY(&m->arena, v.n, struct cat_feature);
    if (!m->cat_features) {
        return no_memory(r);
    }
    m->n_cat_features = v.n;
    for (uint32_t i = 0; i < v.n; i++) {
        struct cat_feature *f = &m->cat_features[i];
        fb_where(b, "CatFeatures[%u]", i);
        struct fb_table t = fb_vec_table(b, &v, i);
        f->index = fb_i32(b, &t, 0, "Index", -1);
        f->flat_index = fb_i32(b, &t, 1, "FlatIndex", -1);
        struct str name = fb_str(b, &t, 2, "FeatureId");
        f->used_in_model = fb_u8(b, &t, 3, "UsedInModel", 1) != 0;
        MRC_TRY(b->rc);
        MRC_TRY(copy_str(r, name, &f->name));
    }
    return b->rc;
}

static int read_one_hot_strings(struct reader *r, struct fb *b, const struct fb_table *t, struct one_hot_feature *f)
{
    struct fb_vector v = fb_vec(b, t, 2, "StringValues", 4, 4);
    if (v.n == 0) {
        return b->rc;
    }
    if (v.n != f->n_values) {
        fb_fail(b, v.pos, "StringValues has %u entries, Values %u", v.n, f->n_values);
        return b->rc;
    }
    struct str *strings = ARENA_ARRAY(&r->m->arena, v.n, struct str);
    if (!strings) {
        return no_memory(r);
    }
    for (uint32_t k = 0; k < v.n; k++) {
        struct str s = fb_vec_str(b, &v, k);
        MRC_TRY(b->rc);
        MRC_TRY(copy_str(r, s, &strings[k]));
    }
    f->strings = strings;
    return MRC_OK;
}

static int read_one_hot_features(struct reader *r, struct fb *b, const struct fb_table *trees)
{
    mrc_model *m = r->m;
    fb_where(b, "ModelTrees");
    struct fb_vector v = fb_vec(b, trees, 6, "OneHotFeatures", 4, 4);
    m->one_hot_features = ARENA_ARRAY(&m->arena, v.n, struct one_hot_feature);
    if (!m->one_hot_features) {
        return no_memory(r);
    }
    m->n_one_hot_features = v.n;
    for (uint32_t i = 0; i < v.n; i++) {
        struct one_hot_feature *f = &m->one_hot_features[i];
        fb_where(b, "OneHotFeatures[%u]", i);
        struct fb_table t = fb_vec_table(b, &v, i);
        f->cat_index = fb_i32(b, &t, 0, "Index", -1);
        int32_t *values = NULL;
        MRC_TRY(copy_i32(r, fb_vec(b, &t, 1, "Values", 4, 4), &f->n_values, &values));
        f->values = values;
        MRC_TRY(read_one_hot_strings(r, b, &t, f));
    }
    return b->rc;
}

/* Text and embedding features that trees or estimators use cannot be evaluated: one error that names them. */
static int refuse_other_features(struct reader *r, struct fb *b, const struct fb_table *trees)
{
    static const struct {
        unsigned id, used_id;
        const char *name, *kind;
    } others[] = {{12, 3, "TextFeatures", "text"}, {18, 4, "EmbeddingFeatures", "embedding"}};
    char list[160];
    size_t used = 0;
    list[0] = '\0';
    for (unsigned k = 0; k < 2; k++) {
        fb_where(b, "ModelTrees");
        struct fb_vector v = fb_vec(b, trees, others[k].id, others[k].name, 4, 4);
        for (uint32_t i = 0; i < v.n && used < 100; i++) {
            fb_where(b, "%s[%u]", others[k].name, i);
            struct fb_table t = fb_vec_table(b, &v, i);
            struct str name = fb_str(b, &t, 2, "FeatureId");
            int32_t flat = fb_i32(b, &t, 1, "FlatIndex", -1);
            MRC_TRY(b->rc);
            struct buf text;
            buf_init(&text, &r->m->arena, 60);
            buf_printf(&text, "%s%s feature %d", used ? ", " : "", others[k].kind, flat);
            if (name.n > 0) {
                buf_printf(&text, " \"%.*s\"", (int)utf8_valid((struct str){name.p, name.n < 24 ? name.n : 24}),
                           name.p);
            }
            memcpy(list + used, buf_text(&text).p, buf_text(&text).n + 1);
            used += buf_text(&text).n;
        }
    }
    MRC_TRY(b->rc);
    if (used > 0) {
        return mrc_fail(r->err, MRC_EUNSUPPORTED,
                        "the model uses %s: only numeric and categorical features are supported", list);
    }
    fb_where(b, "ModelTrees");
    if (fb_vec(b, trees, 13, "EstimatedFeatures", 4, 4).n > 0) {
        return mrc_fail(r->err, MRC_EUNSUPPORTED,
                        "the model has features estimated from text or embeddings, which are not "
                        "supported");
    }
    return b->rc;
}

/* ---- CTRs -------------------------------------------------------------------------------------------------------- */

static int read_projection(struct reader *r, struct fb *b, const struct fb_table *base, struct projection *p)
{
    struct fb_table t = fb_sub(b, base, 0, "FeatureCombination");
    int32_t *cats = NULL;
    MRC_TRY(copy_i32(r, fb_vec(b, &t, 0, "CatFeatures", 4, 4), &p->n_cats, &cats));
    struct fb_vector floats = fb_vec(b, &t, 1, "FloatSplits", 8, 4);
    struct fb_vector values = fb_vec(b, &t, 2, "OneHotSplits", 8, 4);
    MRC_TRY(b->rc);
    struct float_split *fs = ARENA_ARRAY(&r->m->arena, floats.n, struct float_split);
    struct one_hot_split *vs = ARENA_ARRAY(&r->m->arena, values.n, struct one_hot_split);
    if (!fs || !vs) {
        return no_memory(r);
    }
    for (uint32_t i = 0; i < floats.n; i++) {
        const uint8_t *at = floats.p + 8 * (size_t)i;
        fs[i] = (struct float_split){(int32_t)le_u32(at), le_f32(at + 4)};
        if (isnan(fs[i].border)) {
            fb_fail(b, floats.pos + 8 * (size_t)i, "FloatSplits[%u].Border is NaN", i);
        }
    }
    for (uint32_t i = 0; i < values.n; i++) {
        const uint8_t *at = values.p + 8 * (size_t)i;
        vs[i] = (struct one_hot_split){(int32_t)le_u32(at), (int32_t)le_u32(at + 4)};
    }
    p->cats = cats;
    p->n_floats = floats.n;
    p->floats = fs;
    p->n_one_hots = values.n;
    p->one_hots = vs;
    return b->rc;
}

/* TModelCtrBase: what CTR features and tables share. */
static int read_ctr_base(struct reader *r, struct fb *b, const struct fb_table *parent, struct projection *p,
                         enum ctr_type *type, int32_t *classifier)
{
    struct fb_table base = fb_sub(b, parent, 0, "Base");
    MRC_TRY(read_projection(r, b, &base, p));
    uint32_t t = fb_u8(b, &base, 1, "CtrType", CTR_BORDERS);
    *classifier = fb_i32(b, &base, 2, "TargetBorderClassifierIdx", 0);
    if (t >= CTR__COUNT) {
        fb_fail(b, base.pos, "CtrType is %u; known are 0 to %d", t, CTR__COUNT - 1);
    }
    *type = (enum ctr_type)t;
    return b->rc;
}

static int read_ctr_features(struct reader *r, struct fb *b, const struct fb_table *trees)
{
    mrc_model *m = r->m;
    fb_where(b, "ModelTrees");
    struct fb_vector v = fb_vec(b, trees, 7, "CtrFeatures", 4, 4);
    m->ctr_features = ARENA_ARRAY(&m->arena, v.n, struct ctr_feature);
    if (!m->ctr_features) {
        return no_memory(r);
    }
    m->n_ctr_features = v.n;
    for (uint32_t i = 0; i < v.n; i++) {
        struct ctr_feature *f = &m->ctr_features[i];
        fb_where(b, "CtrFeatures[%u]", i);
        struct fb_table t = fb_vec_table(b, &v, i);
        struct fb_table ctr = fb_sub(b, &t, 0, "Ctr");
        MRC_TRY(read_ctr_base(r, b, &ctr, &f->projection, &f->type, &f->target_classifier));
        f->target_border = fb_i32(b, &ctr, 1, "TargetBorderIdx", 0);
        f->prior_num = fb_f32(b, &ctr, 2, "PriorNum", 0);
        f->prior_denom = fb_f32(b, &ctr, 3, "PriorDenom", 1);
        f->shift = fb_f32(b, &ctr, 4, "Shift", 0);
        f->scale = fb_f32(b, &ctr, 5, "Scale", 1);
        MRC_TRY(copy_f32(r, fb_vec(b, &t, 1, "Borders", 4, 4), &f->n_borders, &f->borders));
    }
    return b->rc;
}

struct bucket {
    uint64_t hash;
    uint32_t row;
};

static int compare_buckets(const void *a, const void *b)
{
    const struct bucket *x = a, *y = b;
    if (x->row != y->row) {
        return x->row < y->row ? -1 : 1;
    }
    return (x->hash > y->hash) - (x->hash < y->hash);
}

/* Occupied buckets of the packed hash table, in row order. */
static int read_buckets(struct reader *r, struct fb *b, struct fb_vector raw, uint64_t n_rows, struct bucket **out,
                        uint32_t *n)
{
    uint32_t n_buckets = raw.n / BUCKET_BYTES;
    *n = 0;
    for (uint32_t i = 0; i < n_buckets; i++) {
        *n += le_u64(raw.p + (size_t)i * BUCKET_BYTES) != empty_hash;
    }
    if (*n == n_buckets && n_buckets > 0) {
        fb_fail(b, raw.pos, "IndexHashRaw has no empty bucket among %u", n_buckets);
        return b->rc;
    }
    struct bucket *buckets = ARENA_ARRAY(&r->m->arena, *n, struct bucket);
    if (!buckets) {
        return no_memory(r);
    }
    uint32_t k = 0;
    for (uint32_t i = 0; i < n_buckets; i++) {
        const uint8_t *at = raw.p + (size_t)i * BUCKET_BYTES;
        if (le_u64(at) == empty_hash) {
            continue;
        }
        buckets[k] = (struct bucket){le_u64(at), le_u32(at + 8)};
        if (buckets[k].row >= n_rows) {
            fb_fail(b, raw.pos + (size_t)i * BUCKET_BYTES + 8,
                    "bucket %u has IndexValue %u; CTRBlob has %" PRIu64 " rows", i, buckets[k].row, n_rows);
            return b->rc;
        }
        k++;
    }
    qsort(buckets, *n, sizeof *buckets, compare_buckets);
    *out = buckets;
    return MRC_OK;
}

/* Keys and for each a copy of its row of the blob: several keys may share one. */
static int read_rows(struct reader *r, struct fb *b, struct fb_vector raw, struct fb_vector blob, struct ctr_table *t)
{
    struct arena *a = &r->m->arena;
    bool means = t->type == CTR_BINARIZED_TARGET_MEAN || t->type == CTR_FLOAT_TARGET_MEAN;
    size_t stride = ctr_table_stride(t), row_bytes = means ? 8 : 4 * stride;
    struct bucket *buckets = NULL;
    MRC_TRY(read_buckets(r, b, raw, blob.n / row_bytes, &buckets, &t->n_keys));
    uint64_t *keys = ARENA_ARRAY(a, t->n_keys, uint64_t);
    int32_t *counts = arena_array(a, t->n_keys, stride * sizeof(int32_t), sizeof(int32_t));
    float *sums = means ? ARENA_ARRAY(a, t->n_keys, float) : NULL;
    if (!keys || !counts || (means && !sums)) {
        return no_memory(r);
    }
    for (uint32_t k = 0; k < t->n_keys; k++) {
        const uint8_t *from = blob.p + (size_t)buckets[k].row * row_bytes;
        keys[k] = buckets[k].hash;
        if (means) {
            sums[k] = le_f32(from);
            counts[k] = (int32_t)le_u32(from + 4);
        }
        for (size_t c = 0; c < stride && !means; c++) {
            counts[k * stride + c] = (int32_t)le_u32(from + 4 * c);
        }
    }
    t->keys = keys;
    t->counts = counts;
    t->sums = sums;
    return MRC_OK;
}

static int read_ctr_table(struct reader *r, struct fb *b, struct ctr_table *t)
{
    struct fb_table root = fb_root(b);
    MRC_TRY(read_ctr_base(r, b, &root, &t->projection, &t->type, &t->target_classifier));
    struct fb_vector raw = fb_vec(b, &root, 1, "IndexHashRaw", 1, 1);
    struct fb_vector blob = fb_vec(b, &root, 2, "CTRBlob", 1, 1);
    t->counter_denominator = fb_i32(b, &root, 3, "CounterDenominator", 0);
    t->target_classes = fb_i32(b, &root, 4, "TargetClassesCount", 0);
    MRC_TRY(b->rc);
    uint32_t n_buckets = raw.n / BUCKET_BYTES;
    if (raw.n % BUCKET_BYTES != 0 || (n_buckets & (n_buckets - 1)) != 0) {
        fb_fail(b, raw.pos, "IndexHashRaw has %u bytes, which are no power of two of %d-byte buckets", raw.n,
                BUCKET_BYTES);
        return b->rc;
    }
    bool classes = t->type == CTR_BORDERS || t->type == CTR_BUCKETS;
    if (classes && (t->target_classes < 1 || t->target_classes > TARGET_CLASSES_MAX)) {
        fb_fail(b, root.pos, "TargetClassesCount is %d; it must lie in 1..%d", t->target_classes, TARGET_CLASSES_MAX);
        return b->rc;
    }
    return read_rows(r, b, raw, blob, t);
}

/* A size at *at of the file; *at moves behind it. */
static int read_size(struct reader *r, const uint8_t *p, size_t n, size_t *at, const char *what, uint64_t *out)
{
    size_t bytes = n - *at >= 4 && le_u32(p + *at) == UINT32_MAX ? 12 : 4;
    if (n - *at < bytes) {
        return mrc_fail(r->err, MRC_EFORMAT, "the file ends inside the size of %s (byte %zu)", what, *at);
    }
    *out = bytes == 4 ? le_u32(p + *at) : le_u64(p + *at + 4);
    *at += bytes;
    return MRC_OK;
}

static int read_ctr_part(struct reader *r, const uint8_t *p, size_t n, size_t *at)
{
    mrc_model *m = r->m;
    uint64_t tables = 0;
    MRC_TRY(read_size(r, p, n, at, "the CTR part", &tables));
    if (tables > (n - *at) / 4) {
        return mrc_fail(r->err, MRC_EFORMAT, "static_provider_v1 has %" PRIu64 " tables in %zu bytes (byte %zu)",
                        tables, n - *at, *at);
    }
    m->ctr_tables = ARENA_ARRAY(&m->arena, tables, struct ctr_table);
    if (!m->ctr_tables) {
        return no_memory(r);
    }
    m->n_ctr_tables = (uint32_t)tables;
    for (uint32_t i = 0; i < m->n_ctr_tables; i++) {
        uint64_t size = 0;
        MRC_TRY(read_size(r, p, n, at, "a CTR table", &size));
        if (size > n - *at) {
            return mrc_fail(r->err, MRC_EFORMAT, "CtrTables[%u] has %" PRIu64 " bytes, %zu are left (byte %zu)", i,
                            size, n - *at, *at);
        }
        struct fb b;
        fb_init(&b, p + *at, (size_t)size, *at, r->err);
        fb_where(&b, "CtrTables[%u]", i);
        MRC_TRY(read_ctr_table(r, &b, &m->ctr_tables[i]));
        *at += (size_t)size;
    }
    return MRC_OK;
}

/* ---- trees ------------------------------------------------------------------------------------------------------- */

static int read_tree_starts(struct reader *r, struct fb *b, const struct fb_table *trees)
{
    mrc_model *m = r->m;
    struct fb_vector v = fb_vec(b, trees, 3, "TreeStartOffsets", 4, 4);
    uint32_t n = 0;
    MRC_TRY(copy_u32(r, b, v, "TreeStartOffsets", &n, &m->tree_starts));
    if (n != m->n_trees) {
        fb_fail(b, v.pos, "TreeStartOffsets has %u entries, TreeSizes %u", n, m->n_trees);
    }
    return b->rc;
}

static int read_step_nodes(struct reader *r, struct fb *b, const struct fb_table *trees)
{
    mrc_model *m = r->m;
    struct fb_vector steps = fb_vec(b, trees, 10, "NonSymmetricStepNodes", 4, 2);
    struct fb_vector leaves = fb_vec(b, trees, 11, "NonSymmetricNodeIdToLeafId", 4, 4);
    MRC_TRY(b->rc);
    m->symmetric = steps.n == 0;
    if (m->symmetric) {
        return MRC_OK;
    }
    if (steps.n != m->n_tree_splits || leaves.n != m->n_tree_splits) {
        fb_fail(b, steps.pos, "NonSymmetricStepNodes has %u entries, NonSymmetricNodeIdToLeafId %u, TreeSplits %u",
                steps.n, leaves.n, m->n_tree_splits);
        return b->rc;
    }
    m->step_nodes = ARENA_ARRAY(&m->arena, steps.n, struct step_node);
    m->node_leaf = ARENA_ARRAY(&m->arena, steps.n, uint32_t);
    if (!m->step_nodes || !m->node_leaf) {
        return no_memory(r);
    }
    for (uint32_t i = 0; i < steps.n; i++) {
        const uint8_t *at = steps.p + 4 * (size_t)i;
        m->step_nodes[i] = (struct step_node){(uint16_t)le_u16(at), (uint16_t)le_u16(at + 2)};
        m->node_leaf[i] = le_u32(leaves.p + 4 * (size_t)i);
    }
    return MRC_OK;
}

static int read_bias(struct reader *r, struct fb *b, const struct fb_table *trees)
{
    mrc_model *m = r->m;
    m->scale = fb_f64(b, trees, 14, "Scale", 1);
    double bias = fb_f64(b, trees, 15, "Bias", 0);
    struct fb_vector multi = fb_vec(b, trees, 16, "MultiBias", 8, 8);
    MRC_TRY(b->rc);
    if (multi.n > 0) {
        if (multi.n != m->dim) {
            fb_fail(b, multi.pos, "MultiBias has %u values; ApproxDimension is %u", multi.n, m->dim);
            return b->rc;
        }
        size_t n = 0;
        return copy_f64(r, multi, &n, &m->bias);
    }
    if (bias != 0 && m->dim != 1) {
        fb_fail(b, trees->pos, "Bias is set, but a model of %u outputs wants MultiBias", m->dim);
        return b->rc;
    }
    m->bias = ARENA_ARRAY(&m->arena, m->dim, double);
    if (!m->bias) {
        return no_memory(r);
    }
    m->bias[0] = bias;
    return MRC_OK;
}

static int read_trees(struct reader *r, struct fb *b, const struct fb_table *trees)
{
    mrc_model *m = r->m;
    fb_where(b, "ModelTrees");
    int32_t dim = fb_i32(b, trees, 0, "ApproxDimension", 0);
    if (dim < 1 || dim > MODEL_DIM_MAX) {
        fb_fail(b, trees->pos, "ApproxDimension is %d; it must lie in 1..%d", dim, MODEL_DIM_MAX);
    }
    MRC_TRY(b->rc);
    m->dim = (uint32_t)dim;
    MRC_TRY(copy_u32(r, b, fb_vec(b, trees, 1, "TreeSplits", 4, 4), "TreeSplits", &m->n_tree_splits, &m->tree_splits));
    MRC_TRY(copy_u32(r, b, fb_vec(b, trees, 2, "TreeSizes", 4, 4), "TreeSizes", &m->n_trees, &m->tree_sizes));
    MRC_TRY(read_tree_starts(r, b, trees));
    MRC_TRY(copy_f64(r, fb_vec(b, trees, 8, "LeafValues", 8, 8), &m->n_leaf_values, &m->leaf_values));
    MRC_TRY(copy_f64(r, fb_vec(b, trees, 9, "LeafWeights", 8, 8), &m->n_leaf_weights, &m->leaf_weights));
    MRC_TRY(read_step_nodes(r, b, trees));
    return read_bias(r, b, trees);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int read_meta(struct reader *r, struct fb *b, const struct fb_table *core)
{
    mrc_model *m = r->m;
    struct fb_vector v = fb_vec(b, core, 2, "InfoMap", 4, 4);
    m->meta = ARENA_ARRAY(&m->arena, v.n, struct meta_pair);
    if (!m->meta) {
        return no_memory(r);
    }
    m->n_meta = v.n;
    for (uint32_t i = 0; i < v.n; i++) {
        fb_where(b, "InfoMap[%u]", i);
        struct fb_table t = fb_vec_table(b, &v, i);
        struct str key = fb_str(b, &t, 0, "Key");
        struct str value = fb_str(b, &t, 1, "Value");
        MRC_TRY(b->rc);
        MRC_TRY(copy_str(r, key, &m->meta[i].key));
        MRC_TRY(copy_str(r, value, &m->meta[i].value));
    }
    return b->rc;
}

static int read_core(struct reader *r, struct fb *b, bool *has_ctrs)
{
    struct fb_table core = fb_root(b);
    struct str version = fb_str(b, &core, 0, "FormatVersion");
    MRC_TRY(b->rc);
    if (!str_is(version, "FlabuffersModel_v1")) {
        return mrc_fail(r->err, MRC_EUNSUPPORTED, "FormatVersion is \"%.*s\"; known is FlabuffersModel_v1",
                        (int)(version.n < 40 ? version.n : 40), version.p ? version.p : "");
    }
    struct fb_table trees = fb_sub(b, &core, 1, "ModelTrees");
    MRC_TRY(b->rc);
    if (trees.pos == 0) {
        fb_fail(b, core.pos, "ModelTrees is absent");
        return b->rc;
    }
    MRC_TRY(refuse_other_features(r, b, &trees));
    MRC_TRY(read_trees(r, b, &trees));
    MRC_TRY(read_float_features(r, b, &trees));
    MRC_TRY(read_cat_features(r, b, &trees));
    MRC_TRY(read_one_hot_features(r, b, &trees));
    MRC_TRY(read_ctr_features(r, b, &trees));
    fb_where(b, "core");
    MRC_TRY(read_meta(r, b, &core));
    fb_where(b, "core");
    struct fb_vector parts = fb_vec(b, &core, 3, "ModelPartIds", 4, 4);
    for (uint32_t i = 0; i < parts.n; i++) {
        struct str id = fb_vec_str(b, &parts, i);
        MRC_TRY(b->rc);
        if (!str_is(id, "static_provider_v1") || i > 0) {
            return mrc_fail(r->err, MRC_EUNSUPPORTED, "ModelPartIds[%u] is \"%.*s\"; known is one static_provider_v1",
                            i, (int)(id.n < 40 ? id.n : 40), id.p);
        }
        *has_ctrs = true;
    }
    return b->rc;
}

int model_read_cbm(mrc_model *m, const uint8_t *bytes, size_t n, struct mrc_err *err)
{
    struct reader r = {.m = m, .err = err};
    size_t at = 4;
    if (n < 4 || memcmp(bytes, "CBM1", 4) != 0) {
        return mrc_fail(err, MRC_EFORMAT, "not a .cbm file: it does not begin with CBM1");
    }
    uint64_t size = 0;
    MRC_TRY(read_size(&r, bytes, n, &at, "the core", &size));
    if (size > n - at) {
        return mrc_fail(err, MRC_EFORMAT, "the core has %" PRIu64 " bytes, %zu are left (byte %zu)", size, n - at, at);
    }
    struct fb b;
    fb_init(&b, bytes + at, (size_t)size, at, err);
    bool has_ctrs = false;
    MRC_TRY(read_core(&r, &b, &has_ctrs));
    at += (size_t)size;
    return has_ctrs ? read_ctr_part(&r, bytes, n, &at) : MRC_OK;
}
