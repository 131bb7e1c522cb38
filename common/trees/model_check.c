/* What must hold for a model before anything evaluates, explains or writes it. A file is trusted no further than this.
 */
#include "common/trees/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const ctr_type_names[CTR__COUNT] = {
    [CTR_BORDERS] = "Borders",
    [CTR_BUCKETS] = "Buckets",
    [CTR_BINARIZED_TARGET_MEAN] = "BinarizedTargetMeanValue",
    [CTR_FLOAT_TARGET_MEAN] = "FloatTargetMeanValue",
    [CTR_COUNTER] = "Counter",
    [CTR_FEATURE_FREQ] = "FeatureFreq",
};

const char *ctr_type_name(enum ctr_type t)
{
    return (unsigned)t < CTR__COUNT ? ctr_type_names[t] : "?";
}

enum ctr_type ctr_type_find(struct str name)
{
    for (unsigned t = 0; t < CTR__COUNT; t++) {
        if (str_is(name, ctr_type_names[t])) {
            return (enum ctr_type)t;
        }
    }
    return CTR__COUNT;
}

/* ---- order ----------------------------------------------------------------------------------------------------- */

static int cmp_i32(int32_t a, int32_t b)
{
    return (a > b) - (a < b);
}

static int cmp_f32(float a, float b)
{
    return (a > b) - (a < b);
}

int projection_cmp(const struct projection *a, const struct projection *b)
{
    for (uint32_t i = 0; i < a->n_cats && i < b->n_cats; i++) {
        if (a->cats[i] != b->cats[i]) {
            return cmp_i32(a->cats[i], b->cats[i]);
        }
    }
    if (a->n_cats != b->n_cats) {
        return a->n_cats < b->n_cats ? -1 : 1;
    }
    for (uint32_t i = 0; i < a->n_floats && i < b->n_floats; i++) {
        int c = cmp_i32(a->floats[i].index, b->floats[i].index);
        c = c ? c : cmp_f32(a->floats[i].border, b->floats[i].border);
        if (c) {
            return c;
        }
    }
    if (a->n_floats != b->n_floats) {
        return a->n_floats < b->n_floats ? -1 : 1;
    }
    for (uint32_t i = 0; i < a->n_one_hots && i < b->n_one_hots; i++) {
        int c = cmp_i32(a->one_hots[i].index, b->one_hots[i].index);
        c = c ? c : cmp_i32(a->one_hots[i].value, b->one_hots[i].value);
        if (c) {
            return c;
        }
    }
    return (a->n_one_hots > b->n_one_hots) - (a->n_one_hots < b->n_one_hots);
}

bool projection_equal(const struct projection *a, const struct projection *b)
{
    return projection_cmp(a, b) == 0;
}

int ctr_feature_cmp(const struct ctr_feature *a, const struct ctr_feature *b)
{
    int c = projection_cmp(&a->projection, &b->projection);
    c = c ? c : cmp_i32((int32_t)a->type, (int32_t)b->type);
    c = c ? c : cmp_i32(a->target_classifier, b->target_classifier);
    c = c ? c : cmp_i32(a->target_border, b->target_border);
    c = c ? c : cmp_f32(a->prior_num, b->prior_num);
    c = c ? c : cmp_f32(a->prior_denom, b->prior_denom);
    c = c ? c : cmp_f32(a->shift, b->shift);
    return c ? c : cmp_f32(a->scale, b->scale);
}

uint32_t ctr_table_stride(const struct ctr_table *t)
{
    return t->type == CTR_BORDERS || t->type == CTR_BUCKETS ? (uint32_t)t->target_classes : 1;
}

/* ---- finding ---------------------------------------------------------------------------------------------------- */

int64_t model_find_float(const mrc_model *m, int32_t index)
{
    uint32_t lo = 0, hi = m->n_float_features;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (m->float_features[mid].index < index) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < m->n_float_features && m->float_features[lo].index == index ? (int64_t)lo : -1;
}

int64_t model_find_cat(const mrc_model *m, int32_t index)
{
    uint32_t lo = 0, hi = m->n_cat_features;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (m->cat_features[mid].index < index) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < m->n_cat_features && m->cat_features[lo].index == index ? (int64_t)lo : -1;
}

int64_t model_find_one_hot(const mrc_model *m, int32_t cat_index)
{
    for (uint32_t i = 0; i < m->n_one_hot_features; i++) {
        if (m->one_hot_features[i].cat_index == cat_index) {
            return i;
        }
    }
    return -1;
}

int64_t float_feature_find_border(const struct float_feature *f, float border)
{
    uint32_t lo = 0, hi = f->n_borders;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (f->borders[mid] < border) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < f->n_borders && f->borders[lo] == border ? (int64_t)lo : -1;
}

/* ---- features --------------------------------------------------------------------------------------------------- */

static int check_borders(const char *kind, uint32_t item, const float *borders, uint32_t n, struct mrc_err *err)
{
    for (uint32_t k = 0; k < n; k++) {
        bool ascends = k == 0 || borders[k - 1] < borders[k];
        if (ascends && !isnan(borders[k])) {
            continue;
        }
        char here[NUMBER_TEXT_MAX], before[NUMBER_TEXT_MAX];
        format_float(borders[k], here);
        if (isnan(borders[k])) {
            return mrc_fail(err, MRC_EFORMAT, "%s[%u].Borders[%u] is %s; a border is a number", kind, item, k, here);
        }
        format_float(borders[k - 1], before);
        return mrc_fail(err, MRC_EFORMAT, "%s[%u].Borders[%u] = %s after %s; borders must ascend", kind, item, k, here,
                        before);
    }
    return MRC_OK;
}

/* Index and FlatIndex of one list must ascend, so that a position identifies a feature. */
static int check_indexes(const char *kind, uint32_t i, int32_t index, int32_t flat, const int32_t *before,
                         struct mrc_err *err)
{
    if (index < 0 || index > FLAT_INDEX_MAX || flat < 0 || flat > FLAT_INDEX_MAX) {
        return mrc_fail(err, MRC_EFORMAT, "%s[%u] has Index %d and FlatIndex %d; both must lie in 0..%d", kind, i,
                        index, flat, FLAT_INDEX_MAX);
    }
    if (i > 0 && (index <= before[0] || flat <= before[1])) {
        return mrc_fail(err, MRC_EFORMAT, "%s[%u] has Index %d, FlatIndex %d after %d, %d; both must ascend", kind, i,
                        index, flat, before[0], before[1]);
    }
    return MRC_OK;
}

static int check_float_features(mrc_model *m, struct mrc_err *err)
{
    int32_t before[2] = {0, 0};
    for (uint32_t i = 0; i < m->n_float_features; i++) {
        struct float_feature *f = &m->float_features[i];
        MRC_TRY(check_indexes("FloatFeatures", i, f->index, f->flat_index, before, err));
        if ((unsigned)f->nan_treatment > NAN_AS_TRUE) {
            return mrc_fail(err, MRC_EFORMAT, "FloatFeatures[%u].NanValueTreatment is %d; known are 0, 1, 2", i,
                            (int)f->nan_treatment);
        }
        MRC_TRY(check_borders("FloatFeatures", i, f->borders, f->n_borders, err));
        before[0] = f->index;
        before[1] = f->flat_index;
        m->n_float_columns = (uint32_t)f->index + 1;
    }
    return MRC_OK;
}

/* Cat features ascend as well, and share no flat position with a float feature. */
static int check_cat_features(mrc_model *m, struct mrc_err *err)
{
    int32_t before[2] = {0, 0};
    uint32_t k = 0;
    for (uint32_t i = 0; i < m->n_cat_features; i++) {
        struct cat_feature *f = &m->cat_features[i];
        MRC_TRY(check_indexes("CatFeatures", i, f->index, f->flat_index, before, err));
        while (k < m->n_float_features && m->float_features[k].flat_index < f->flat_index) {
            k++;
        }
        if (k < m->n_float_features && m->float_features[k].flat_index == f->flat_index) {
            return mrc_fail(err, MRC_EFORMAT, "CatFeatures[%u] and FloatFeatures[%u] share FlatIndex %d", i, k,
                            f->flat_index);
        }
        before[0] = f->index;
        before[1] = f->flat_index;
        m->n_cat_columns = (uint32_t)f->index + 1;
    }
    uint32_t flat = 0;
    if (m->n_float_features) {
        flat = (uint32_t)m->float_features[m->n_float_features - 1].flat_index + 1;
    }
    if (m->n_cat_features && (uint32_t)before[1] + 1 > flat) {
        flat = (uint32_t)before[1] + 1;
    }
    m->n_flat_features = flat;
    return MRC_OK;
}

static int compare_i32(const void *a, const void *b)
{
    return cmp_i32(*(const int32_t *)a, *(const int32_t *)b);
}

static int check_distinct(const char *kind, uint32_t item, const int32_t *values, uint32_t n, struct arena *a,
                          struct mrc_err *err)
{
    struct arena_mark mark = arena_mark(a);
    int32_t *sorted = ARENA_ARRAY(a, n, int32_t);
    if (!sorted) {
        return arena_fail(a, err);
    }
    if (n) {
        memcpy(sorted, values, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, compare_i32);
    }
    int rc = MRC_OK;
    for (uint32_t k = 1; k < n && rc == MRC_OK; k++) {
        if (sorted[k] == sorted[k - 1]) {
            rc = mrc_fail(err, MRC_EFORMAT, "%s[%u] has the value %d twice", kind, item, sorted[k]);
        }
    }
    arena_rewind(a, mark);
    return rc;
}

static int check_one_hot_features(mrc_model *m, struct mrc_err *err)
{
    struct arena_mark mark = arena_mark(&m->arena);
    bool *seen = ARENA_ARRAY(&m->arena, m->n_cat_features, bool);
    if (!seen) {
        return arena_fail(&m->arena, err);
    }
    for (uint32_t i = 0; i < m->n_one_hot_features; i++) {
        const struct one_hot_feature *f = &m->one_hot_features[i];
        int64_t cat = model_find_cat(m, f->cat_index);
        if (cat < 0) {
            return mrc_fail(err, MRC_EFORMAT, "OneHotFeatures[%u].Index is %d, which is no categorical feature", i,
                            f->cat_index);
        }
        if (seen[cat]) {
            return mrc_fail(err, MRC_EFORMAT, "OneHotFeatures[%u] repeats categorical feature %d", i, f->cat_index);
        }
        seen[cat] = true;
        MRC_TRY(check_distinct("OneHotFeatures", i, f->values, f->n_values, &m->arena, err));
    }
    arena_rewind(&m->arena, mark);
    return MRC_OK;
}

/* ---- CTRs ------------------------------------------------------------------------------------------------------- */

static int check_projection(const mrc_model *m, const char *kind, uint32_t item, const struct projection *p,
                            struct mrc_err *err)
{
    if (p->n_cats + (uint64_t)p->n_floats + p->n_one_hots == 0) {
        return mrc_fail(err, MRC_EFORMAT, "%s[%u] has an empty projection", kind, item);
    }
    for (uint32_t i = 0; i < p->n_cats; i++) {
        int64_t cat = model_find_cat(m, p->cats[i]);
        if (cat < 0) {
            return mrc_fail(err, MRC_EFORMAT, "%s[%u] reads categorical feature %d, which the model does not have",
                            kind, item, p->cats[i]);
        }
        if (!m->cat_features[cat].used_in_model) {
            return mrc_fail(err, MRC_EFORMAT, "%s[%u] reads categorical feature %d, which is marked as not used", kind,
                            item, p->cats[i]);
        }
    }
    for (uint32_t i = 0; i < p->n_floats; i++) {
        int64_t f = model_find_float(m, p->floats[i].index);
        if (f < 0) {
            return mrc_fail(err, MRC_EFORMAT, "%s[%u] reads float feature %d, which the model does not have", kind,
                            item, p->floats[i].index);
        }
        if (float_feature_find_border(&m->float_features[f], p->floats[i].border) < 0) {
            char text[NUMBER_TEXT_MAX];
            format_float(p->floats[i].border, text);
            return mrc_fail(err, MRC_EFORMAT, "%s[%u] splits float feature %d at %s, which is none of its borders",
                            kind, item, p->floats[i].index, text);
        }
    }
    for (uint32_t i = 0; i < p->n_one_hots; i++) {
        if (model_find_cat(m, p->one_hots[i].index) < 0) {
            return mrc_fail(err, MRC_EFORMAT, "%s[%u] compares categorical feature %d, which the model does not have",
                            kind, item, p->one_hots[i].index);
        }
    }
    return MRC_OK;
}

static int check_table(const mrc_model *m, uint32_t i, struct mrc_err *err)
{
    const struct ctr_table *t = &m->ctr_tables[i];
    if ((unsigned)t->type >= CTR__COUNT) {
        return mrc_fail(err, MRC_EFORMAT, "CtrTables[%u] has the unknown type %d", i, (int)t->type);
    }
    MRC_TRY(check_projection(m, "CtrTables", i, &t->projection, err));
    int32_t classes_min = t->type == CTR_BORDERS ? 2 : t->type == CTR_BUCKETS ? 1 : 0;
    if (classes_min > 0 && (t->target_classes < classes_min || t->target_classes > TARGET_CLASSES_MAX)) {
        return mrc_fail(err, MRC_EFORMAT, "CtrTables[%u].TargetClassesCount is %d; %s needs %d..%d", i,
                        t->target_classes, ctr_type_name(t->type), classes_min, TARGET_CLASSES_MAX);
    }
    if (t->counter_denominator < 0) {
        return mrc_fail(err, MRC_EFORMAT, "CtrTables[%u].CounterDenominator is %d", i, t->counter_denominator);
    }
    size_t n = (size_t)t->n_keys * ctr_table_stride(t);
    for (size_t k = 0; k < n; k++) {
        if (t->counts[k] < 0) {
            return mrc_fail(err, MRC_EFORMAT, "CtrTables[%u] has the count %d in row %zu", i, t->counts[k],
                            k / ctr_table_stride(t));
        }
    }
    for (uint32_t k = 0; t->sums && k < t->n_keys; k++) {
        if (!isfinite(t->sums[k])) {
            return mrc_fail(err, MRC_EFORMAT, "CtrTables[%u] has a sum in row %u that is not finite", i, k);
        }
    }
    return MRC_OK;
}

static int check_ctr_feature(const mrc_model *m, uint32_t i, struct mrc_err *err)
{
    const struct ctr_feature *f = &m->ctr_features[i];
    if ((unsigned)f->type >= CTR__COUNT) {
        return mrc_fail(err, MRC_EFORMAT, "CtrFeatures[%u] has the unknown type %d", i, (int)f->type);
    }
    MRC_TRY(check_projection(m, "CtrFeatures", i, &f->projection, err));
    if (!isfinite(f->prior_num) || !isfinite(f->prior_denom) || !isfinite(f->shift) || !isfinite(f->scale)) {
        return mrc_fail(err, MRC_EFORMAT, "CtrFeatures[%u]: prior, shift and scale must be finite", i);
    }
    return check_borders("CtrFeatures", i, f->borders, f->n_borders, err);
}

static int table_order(const struct projection *pa, enum ctr_type ta, int32_t ca, const struct projection *pb,
                       enum ctr_type tb, int32_t cb)
{
    int c = projection_cmp(pa, pb);
    c = c ? c : cmp_i32((int32_t)ta, (int32_t)tb);
    return c ? c : cmp_i32(ca, cb);
}

static int compare_tables(const void *a, const void *b)
{
    const struct ctr_table *x = *(const struct ctr_table *const *)a, *y = *(const struct ctr_table *const *)b;
    return table_order(&x->projection, x->type, x->target_classifier, &y->projection, y->type, y->target_classifier);
}

static int find_table(const mrc_model *m, const struct ctr_table *const *sorted, struct ctr_feature *f, uint32_t i,
                      struct mrc_err *err)
{
    uint32_t lo = 0, hi = m->n_ctr_tables;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        const struct ctr_table *t = sorted[mid];
        int c =
            table_order(&f->projection, f->type, f->target_classifier, &t->projection, t->type, t->target_classifier);
        if (c == 0) {
            f->table = (uint32_t)(t - m->ctr_tables);
            int32_t borders = t->type == CTR_BORDERS   ? t->target_classes - 1
                              : t->type == CTR_BUCKETS ? t->target_classes
                                                       : INT32_MAX;
            if (f->target_border < 0 || f->target_border >= borders) {
                return mrc_fail(err, MRC_EFORMAT, "CtrFeatures[%u].TargetBorderIdx is %d; its table has %d", i,
                                f->target_border, borders);
            }
            return MRC_OK;
        }
        if (c < 0) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return mrc_fail(err, MRC_EFORMAT, "CtrFeatures[%u] (%s) has no table", i, ctr_type_name(f->type));
}

static int check_ctrs(mrc_model *m, struct mrc_err *err)
{
    for (uint32_t i = 0; i < m->n_ctr_tables; i++) {
        MRC_TRY(check_table(m, i, err));
    }
    for (uint32_t i = 0; i < m->n_ctr_features; i++) {
        MRC_TRY(check_ctr_feature(m, i, err));
    }
    struct arena_mark mark = arena_mark(&m->arena);
    const struct ctr_table **sorted = ARENA_ARRAY(&m->arena, m->n_ctr_tables, const struct ctr_table *);
    if (!sorted) {
        return arena_fail(&m->arena, err);
    }
    for (uint32_t i = 0; i < m->n_ctr_tables; i++) {
        sorted[i] = &m->ctr_tables[i];
    }
    if (m->n_ctr_tables) {
        qsort(sorted, m->n_ctr_tables, sizeof *sorted, compare_tables);
    }
    for (uint32_t i = 1; i < m->n_ctr_tables; i++) {
        if (compare_tables(&sorted[i - 1], &sorted[i]) == 0) {
            return mrc_fail(err, MRC_EFORMAT, "CtrTables[%td] and [%td] are for the same CTR",
                            sorted[i - 1] - m->ctr_tables, sorted[i] - m->ctr_tables);
        }
    }
    for (uint32_t i = 0; i < m->n_ctr_features; i++) {
        MRC_TRY(find_table(m, sorted, &m->ctr_features[i], i, err));
    }
    arena_rewind(&m->arena, mark);
    return MRC_OK;
}

/* ---- trees ------------------------------------------------------------------------------------------------------ */

int model_number_splits(mrc_model *m, struct mrc_err *err)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < m->n_float_features; i++) {
        m->float_features[i].split_base = (uint32_t)n;
        n += m->float_features[i].n_borders;
    }
    for (uint32_t i = 0; i < m->n_one_hot_features; i++) {
        m->one_hot_features[i].split_base = (uint32_t)n;
        n += m->one_hot_features[i].n_values;
    }
    for (uint32_t i = 0; i < m->n_ctr_features; i++) {
        m->ctr_features[i].split_base = (uint32_t)n;
        n += m->ctr_features[i].n_borders;
    }
    if (n > INT32_MAX) {
        return mrc_fail(err, MRC_ELIMIT, "the features have %llu splits; the limit is %d", (unsigned long long)n,
                        INT32_MAX);
    }
    m->n_splits = (uint32_t)n;
    return MRC_OK;
}

struct split_place model_place_split(const mrc_model *m, uint32_t split)
{
    uint32_t lo = 0, hi = m->n_float_features + m->n_one_hot_features + m->n_ctr_features;
    uint32_t floats = m->n_float_features, one_hots = floats + m->n_one_hot_features;
    struct split_place place = {SPLIT_FLOAT, 0, 0};
    /* The last feature, over the three lists in a row, whose base is not above split; features without splits share
     * their base with the next one and are passed by. */
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        uint32_t base = mid < floats     ? m->float_features[mid].split_base
                        : mid < one_hots ? m->one_hot_features[mid - floats].split_base
                                         : m->ctr_features[mid - one_hots].split_base;
        if (base <= split) {
            place.kind = mid < floats ? SPLIT_FLOAT : mid < one_hots ? SPLIT_ONE_HOT : SPLIT_CTR;
            place.feature = mid - (mid < floats ? 0 : mid < one_hots ? floats : one_hots);
            place.k = split - base;
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return place;
}

static int check_symmetric(mrc_model *m, struct mrc_err *err)
{
    uint64_t leaves = 0;
    for (uint32_t t = 0; t < m->n_trees; t++) {
        uint32_t depth = m->tree_sizes[t];
        if (depth > TREE_DEPTH_MAX) {
            return mrc_fail(err, MRC_EFORMAT, "TreeSizes[%u] is %u; the depth is at most %d", t, depth, TREE_DEPTH_MAX);
        }
        for (uint32_t d = 0; d < depth; d++) {
            uint32_t split = m->tree_splits[m->tree_starts[t] + d];
            if (split >= m->n_splits) {
                return mrc_fail(err, MRC_EFORMAT, "TreeSplits[%u] is %u; the model has %u splits",
                                m->tree_starts[t] + d, split, m->n_splits);
            }
        }
        m->tree_leaf_offsets[t] = (size_t)(leaves * m->dim);
        leaves += (uint64_t)1 << depth;
    }
    if (leaves * m->dim != m->n_leaf_values) {
        return mrc_fail(err, MRC_EFORMAT, "LeafValues has %zu values; the trees have %llu leaves of %u",
                        m->n_leaf_values, (unsigned long long)leaves, m->dim);
    }
    return MRC_OK;
}

/* One node: both children inside the tree and reached from here only, so that the nodes are a tree. */
static int check_node(mrc_model *m, uint32_t t, uint32_t i, uint8_t *depth, struct mrc_err *err)
{
    uint32_t at = m->tree_starts[t] + i;
    const uint16_t steps[2] = {m->step_nodes[at].left, m->step_nodes[at].right};
    if (depth[i] == 0) {
        return mrc_fail(err, MRC_EFORMAT, "NonSymmetricStepNodes[%u] of tree %u is reached from nowhere", at, t);
    }
    for (unsigned side = 0; side < 2; side++) {
        if (steps[side] == 0) {
            continue;
        }
        uint64_t child = (uint64_t)i + steps[side];
        if (child >= m->tree_sizes[t] || depth[child] != 0) {
            return mrc_fail(err, MRC_EFORMAT, "NonSymmetricStepNodes[%u] of tree %u steps by %u, %s", at, t,
                            steps[side],
                            child >= m->tree_sizes[t] ? "out of the tree" : "to a node that another one reaches");
        }
        if (depth[i] >= NODE_DEPTH_MAX) {
            return mrc_fail(err, MRC_EFORMAT, "tree %u is deeper than %d", t, NODE_DEPTH_MAX);
        }
        depth[child] = (uint8_t)(depth[i] + 1);
    }
    if (steps[0] != 0 || steps[1] != 0) {
        if (m->tree_splits[at] >= m->n_splits) {
            return mrc_fail(err, MRC_EFORMAT, "TreeSplits[%u] is %u; the model has %u splits", at, m->tree_splits[at],
                            m->n_splits);
        }
    }
    if (steps[0] == 0 || steps[1] == 0) {
        uint64_t leaf = m->node_leaf[at];
        if (leaf % m->dim != 0 || leaf + m->dim > m->n_leaf_values) {
            return mrc_fail(err, MRC_EFORMAT, "NonSymmetricNodeIdToLeafId[%u] is %llu; LeafValues has %zu values of %u",
                            at, (unsigned long long)leaf, m->n_leaf_values, m->dim);
        }
        if (leaf < m->tree_leaf_offsets[t]) {
            m->tree_leaf_offsets[t] = (size_t)leaf;
        }
    }
    return MRC_OK;
}

static int check_nodes(mrc_model *m, struct mrc_err *err)
{
    if (m->n_leaf_values % m->dim != 0) {
        return mrc_fail(err, MRC_EFORMAT, "LeafValues has %zu values, no multiple of the %u outputs", m->n_leaf_values,
                        m->dim);
    }
    for (uint32_t t = 0; t < m->n_trees; t++) {
        uint32_t size = m->tree_sizes[t];
        if (size == 0) {
            return mrc_fail(err, MRC_EFORMAT, "TreeSizes[%u] is 0; a non-symmetric tree has at least one node", t);
        }
        struct arena_mark mark = arena_mark(&m->arena);
        uint8_t *depth = ARENA_ARRAY(&m->arena, size, uint8_t);
        if (!depth) {
            return arena_fail(&m->arena, err);
        }
        depth[0] = 1;
        m->tree_leaf_offsets[t] = SIZE_MAX;
        for (uint32_t i = 0; i < size; i++) {
            MRC_TRY(check_node(m, t, i, depth, err));
        }
        arena_rewind(&m->arena, mark);
    }
    return MRC_OK;
}

static int check_tree_starts(const mrc_model *m, struct mrc_err *err)
{
    uint64_t sum = 0;
    for (uint32_t t = 0; t < m->n_trees; t++) {
        if (m->tree_starts[t] != sum) {
            return mrc_fail(err, MRC_EFORMAT, "TreeStartOffsets[%u] is %u; the trees before it have %llu", t,
                            m->tree_starts[t], (unsigned long long)sum);
        }
        sum += m->tree_sizes[t];
        if (sum > m->n_tree_splits) {
            break;
        }
    }
    if (sum != m->n_tree_splits) {
        return mrc_fail(err, MRC_EFORMAT, "TreeSplits has %u entries; TreeSizes add up to %llu", m->n_tree_splits,
                        (unsigned long long)sum);
    }
    return MRC_OK;
}

static int check_leaves(const mrc_model *m, struct mrc_err *err)
{
    for (size_t i = 0; i < m->n_leaf_values; i++) {
        if (!isfinite(m->leaf_values[i])) {
            return mrc_fail(err, MRC_EFORMAT, "LeafValues[%zu] is not finite", i);
        }
    }
    if (m->n_leaf_weights != 0 && m->n_leaf_weights != m->n_leaf_values / m->dim) {
        return mrc_fail(err, MRC_EFORMAT, "LeafWeights has %zu values; there are %zu leaves", m->n_leaf_weights,
                        m->n_leaf_values / m->dim);
    }
    for (size_t i = 0; i < m->n_leaf_weights; i++) {
        if (!isfinite(m->leaf_weights[i]) || m->leaf_weights[i] < 0) {
            return mrc_fail(err, MRC_EFORMAT, "LeafWeights[%zu] is negative or not finite", i);
        }
    }
    return MRC_OK;
}

static int compare_keys(const void *a, const void *b)
{
    return str_cmp((*(const struct meta_pair *const *)a)->key, (*(const struct meta_pair *const *)b)->key);
}

/* Metadata is a map. */
static int check_meta(mrc_model *m, struct mrc_err *err)
{
    struct arena_mark mark = arena_mark(&m->arena);
    const struct meta_pair **sorted = ARENA_ARRAY(&m->arena, m->n_meta, const struct meta_pair *);
    if (!sorted) {
        return arena_fail(&m->arena, err);
    }
    for (uint32_t i = 0; i < m->n_meta; i++) {
        sorted[i] = &m->meta[i];
    }
    if (m->n_meta) {
        qsort(sorted, m->n_meta, sizeof *sorted, compare_keys);
    }
    for (uint32_t i = 1; i < m->n_meta; i++) {
        if (str_eq(sorted[i - 1]->key, sorted[i]->key)) {
            return mrc_fail(err, MRC_EFORMAT, "InfoMap[%td] and [%td] have the same key", sorted[i - 1] - m->meta,
                            sorted[i] - m->meta);
        }
    }
    arena_rewind(&m->arena, mark);
    return MRC_OK;
}

int model_check(mrc_model *m, struct mrc_err *err)
{
    if (m->dim == 0 || m->dim > MODEL_DIM_MAX) {
        return mrc_fail(err, MRC_EFORMAT, "ApproxDimension is %u; it must lie in 1..%d", m->dim, MODEL_DIM_MAX);
    }
    if (!isfinite(m->scale)) {
        return mrc_fail(err, MRC_EFORMAT, "Scale is not finite");
    }
    for (uint32_t d = 0; d < m->dim; d++) {
        if (!isfinite(m->bias[d])) {
            return mrc_fail(err, MRC_EFORMAT, "MultiBias[%u] is not finite", d);
        }
    }
    MRC_TRY(check_meta(m, err));
    MRC_TRY(check_float_features(m, err));
    MRC_TRY(check_cat_features(m, err));
    MRC_TRY(check_one_hot_features(m, err));
    MRC_TRY(check_ctrs(m, err));
    MRC_TRY(model_number_splits(m, err));
    MRC_TRY(check_tree_starts(m, err));
    m->tree_leaf_offsets = ARENA_ARRAY(&m->arena, m->n_trees, size_t);
    if (!m->tree_leaf_offsets) {
        return arena_fail(&m->arena, err);
    }
    MRC_TRY(m->symmetric ? check_symmetric(m, err) : check_nodes(m, err));
    return check_leaves(m, err);
}
