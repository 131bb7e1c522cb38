/* Writes CatBoost's binary model. CatBoost 1.2 loads the result and predicts the same bits; caches that it recomputes
 * on loading (RepackedBins) are left out. Equal models give equal bytes. */
#include "common/trees/flatbuf.h"
#include "common/trees/model.h"

#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "arrays are copied to the file as they stand in memory: little-endian hosts only"
#endif

enum { KIND_U8 = 1, KIND_32 = 4, KIND_64 = 8 };

static struct fbw_field absent(void)
{
    return (struct fbw_field){0};
}
static struct fbw_field field_u8(unsigned v)
{
    return (struct fbw_field){.size = KIND_U8, .bits = v};
}
static struct fbw_field field_i32(int32_t v)
{
    return (struct fbw_field){.size = KIND_32, .bits = (uint32_t)v};
}
static struct fbw_field field_f32(float v)
{
    return (struct fbw_field){.size = KIND_32, .bits = le_bits_f32(v)};
}
static struct fbw_field field_f64(double v)
{
    return (struct fbw_field){.size = KIND_64, .bits = le_bits_f64(v)};
}
static struct fbw_field field_ref(bool present)
{
    return present ? (struct fbw_field){.size = KIND_32} : absent();
}

/* ---- features ---------------------------------------------------------------------------------------------------- */

static void write_float_features(struct fbw *w, size_t ref, const mrc_model *m)
{
    size_t slots = fbw_vec(w, ref, NULL, m->n_float_features, 4, 4);
    for (uint32_t i = 0; i < m->n_float_features; i++) {
        const struct float_feature *f = &m->float_features[i];
        struct fbw_field t[] = {field_u8(f->has_nans), field_i32(f->index),      field_i32(f->flat_index),
                                field_ref(true),       field_ref(f->name.n > 0), field_u8((unsigned)f->nan_treatment)};
        fbw_table(w, slots + 4 * (size_t)i, t, 6);
        fbw_vec(w, t[3].at, f->borders, f->n_borders, 4, 4);
        if (f->name.n > 0) {
            fbw_str(w, t[4].at, f->name);
        }
    }
}

static void write_cat_features(struct fbw *w, size_t ref, const mrc_model *m)
{
    size_t slots = fbw_vec(w, ref, NULL, m->n_cat_features, 4, 4);
    for (uint32_t i = 0; i < m->n_cat_features; i++) {
        const struct cat_feature *f = &m->cat_features[i];
        struct fbw_field t[] = {field_i32(f->index), field_i32(f->flat_index), field_ref(f->name.n > 0),
                                field_u8(f->used_in_model)};
        fbw_table(w, slots + 4 * (size_t)i, t, 4);
        if (f->name.n > 0) {
            fbw_str(w, t[2].at, f->name);
        }
    }
}

static void write_one_hot_features(struct fbw *w, size_t ref, const mrc_model *m)
{
    size_t slots = fbw_vec(w, ref, NULL, m->n_one_hot_features, 4, 4);
    for (uint32_t i = 0; i < m->n_one_hot_features; i++) {
        const struct one_hot_feature *f = &m->one_hot_features[i];
        struct fbw_field t[] = {field_i32(f->cat_index), field_ref(true), field_ref(f->strings != NULL)};
        fbw_table(w, slots + 4 * (size_t)i, t, 3);
        fbw_vec(w, t[1].at, f->values, f->n_values, 4, 4);
        if (f->strings) {
            size_t texts = fbw_vec(w, t[2].at, NULL, f->n_values, 4, 4);
            for (uint32_t k = 0; k < f->n_values; k++) {
                fbw_str(w, texts + 4 * (size_t)k, f->strings[k]);
            }
        }
    }
}

/* TModelCtrBase with its TFeatureCombination. */
static void write_ctr_base(struct fbw *w, size_t ref, const struct projection *p, enum ctr_type type,
                           int32_t classifier)
{
    struct fbw_field base[] = {field_ref(true), field_u8((unsigned)type), field_i32(classifier)};
    fbw_table(w, ref, base, 3);
    struct fbw_field t[] = {field_ref(true), field_ref(true), field_ref(true)};
    fbw_table(w, base[0].at, t, 3);
    fbw_vec(w, t[0].at, p->cats, p->n_cats, 4, 4);
    fbw_vec(w, t[1].at, p->floats, p->n_floats, sizeof *p->floats, 4);
    fbw_vec(w, t[2].at, p->one_hots, p->n_one_hots, sizeof *p->one_hots, 4);
}

static void write_ctr_features(struct fbw *w, size_t ref, const mrc_model *m)
{
    size_t slots = fbw_vec(w, ref, NULL, m->n_ctr_features, 4, 4);
    for (uint32_t i = 0; i < m->n_ctr_features; i++) {
        const struct ctr_feature *f = &m->ctr_features[i];
        struct fbw_field t[] = {field_ref(true), field_ref(true)};
        fbw_table(w, slots + 4 * (size_t)i, t, 2);
        struct fbw_field ctr[] = {field_ref(true),           field_i32(f->target_border), field_f32(f->prior_num),
                                  field_f32(f->prior_denom), field_f32(f->shift),         field_f32(f->scale)};
        fbw_table(w, t[0].at, ctr, 6);
        write_ctr_base(w, ctr[0].at, &f->projection, f->type, f->target_classifier);
        fbw_vec(w, t[1].at, f->borders, f->n_borders, 4, 4);
    }
}

/* ---- core -------------------------------------------------------------------------------------------------------- */

static void write_trees(struct fbw *w, size_t ref, const mrc_model *m)
{
    bool free_form = !m->symmetric;
    struct fbw_field t[17] = {
        [0] = field_i32((int32_t)m->dim),
        [1] = field_ref(true),
        [2] = field_ref(true),
        [3] = field_ref(true),
        [4] = field_ref(true),
        [5] = field_ref(true),
        [6] = field_ref(true),
        [7] = field_ref(true),
        [8] = field_ref(true),
        [9] = field_ref(true),
        [10] = field_ref(free_form),
        [11] = field_ref(free_form),
        [14] = m->scale != 1 ? field_f64(m->scale) : absent(),
        [16] = field_ref(true),
    };
    fbw_table(w, ref, t, 17);
    fbw_vec(w, t[1].at, m->tree_splits, m->n_tree_splits, 4, 4);
    fbw_vec(w, t[2].at, m->tree_sizes, m->n_trees, 4, 4);
    fbw_vec(w, t[3].at, m->tree_starts, m->n_trees, 4, 4);
    write_cat_features(w, t[4].at, m);
    write_float_features(w, t[5].at, m);
    write_one_hot_features(w, t[6].at, m);
    write_ctr_features(w, t[7].at, m);
    fbw_vec(w, t[8].at, m->leaf_values, m->n_leaf_values, 8, 8);
    fbw_vec(w, t[9].at, m->leaf_weights, m->n_leaf_weights, 8, 8);
    if (free_form) {
        fbw_vec(w, t[10].at, m->step_nodes, m->n_tree_splits, sizeof *m->step_nodes, 2);
        fbw_vec(w, t[11].at, m->node_leaf, m->n_tree_splits, 4, 4);
    }
    fbw_vec(w, t[16].at, m->bias, m->dim, 8, 8);
}

static void write_core(struct buf *b, const mrc_model *m)
{
    struct fbw w;
    fbw_init(&w, b);
    bool tables = m->n_ctr_tables > 0;
    struct fbw_field core[] = {field_ref(true), field_ref(true), field_ref(m->n_meta > 0), field_ref(tables)};
    fbw_table(&w, 0, core, 4);
    fbw_str(&w, core[0].at, STR("FlabuffersModel_v1"));
    write_trees(&w, core[1].at, m);
    if (m->n_meta > 0) {
        size_t slots = fbw_vec(&w, core[2].at, NULL, m->n_meta, 4, 4);
        for (uint32_t i = 0; i < m->n_meta; i++) {
            struct fbw_field t[] = {field_ref(true), field_ref(true)};
            fbw_table(&w, slots + 4 * (size_t)i, t, 2);
            fbw_str(&w, t[0].at, m->meta[i].key);
            fbw_str(&w, t[1].at, m->meta[i].value);
        }
    }
    if (tables) {
        size_t slot = fbw_vec(&w, core[3].at, NULL, 1, 4, 4);
        fbw_str(&w, slot, STR("static_provider_v1"));
    }
}

/* ---- CTR tables -------------------------------------------------------------------------------------------------- */

enum { BUCKET_BYTES = 12 };

/* Open addressing as CatBoost reads it: at least half of the buckets stay empty, one at the very least. */
static void write_index(struct fbw *w, size_t ref, const struct ctr_table *t)
{
    size_t n_buckets = 2;
    while (n_buckets < 2 * (size_t)t->n_keys) {
        n_buckets *= 2;
    }
    size_t pos = fbw_vec(w, ref, NULL, n_buckets * BUCKET_BYTES, 1, 1);
    if (w->b->failed != MRC_OK) {
        return;
    }
    uint8_t *buckets = (uint8_t *)w->b->p + w->start + pos;
    for (size_t i = 0; i < n_buckets; i++) {
        memset(buckets + i * BUCKET_BYTES, 0xff, 8);
    }
    for (uint32_t k = 0; k < t->n_keys; k++) {
        size_t i = t->keys[k] & (n_buckets - 1);
        while (le_u64(buckets + i * BUCKET_BYTES) != UINT64_MAX) {
            i = (i + 1) & (n_buckets - 1);
        }
        le_put(buckets + i * BUCKET_BYTES, t->keys[k], 8);
        le_put(buckets + i * BUCKET_BYTES + 8, k, 4);
    }
}

static void write_blob(struct fbw *w, size_t ref, const struct ctr_table *t)
{
    size_t n = (size_t)t->n_keys * ctr_table_stride(t);
    if (!t->sums) {
        fbw_vec(w, ref, t->counts, n * 4, 1, 4);
        return;
    }
    size_t pos = fbw_vec(w, ref, NULL, n * 8, 1, 4);
    for (size_t k = 0; k < n && w->b->failed == MRC_OK; k++) {
        uint8_t *row = (uint8_t *)w->b->p + w->start + pos + 8 * k;
        le_put(row, le_bits_f32(t->sums[k]), 4);
        le_put(row + 4, (uint32_t)t->counts[k], 4);
    }
}

static void write_table(struct buf *b, const struct ctr_table *t)
{
    struct fbw w;
    fbw_init(&w, b);
    struct fbw_field f[] = {field_ref(true), field_ref(true), field_ref(true), field_i32(t->counter_denominator),
                            field_i32(t->target_classes)};
    fbw_table(&w, 0, f, 5);
    write_ctr_base(&w, f[0].at, &t->projection, t->type, t->target_classifier);
    write_index(&w, f[1].at, t);
    write_blob(&w, f[2].at, t);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* Sizes are u32; longer sections would need the escape 0xffffffff and a u64, but a core beyond 4 GiB cannot exist (its
 * offsets have 32 bits), so a plain u32 always does. */
static size_t open_section(struct buf *b)
{
    buf_add(b, "\0\0\0", 4);
    return b->n;
}

static void close_section(struct buf *b, size_t start)
{
    if (b->failed == MRC_OK) {
        size_t size = b->n - start;
        if (size >= UINT32_MAX) {
            b->failed = MRC_ELIMIT;
            return;
        }
        le_put((uint8_t *)b->p + start - 4, size, 4);
    }
}

int model_write_cbm(const mrc_model *m, struct buf *b, struct mrc_err *err)
{
    buf_puts(b, "CBM1");
    size_t start = open_section(b);
    write_core(b, m);
    close_section(b, start);
    if (m->n_ctr_tables > 0) {
        uint8_t count[4];
        le_put(count, m->n_ctr_tables, 4);
        buf_add(b, count, 4);
        for (uint32_t i = 0; i < m->n_ctr_tables; i++) {
            start = open_section(b);
            write_table(b, &m->ctr_tables[i]);
            close_section(b, start);
        }
    }
    return buf_ok(b, err);
}
