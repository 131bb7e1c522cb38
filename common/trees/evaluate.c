/* Prepares a model for evaluation, lays out scratch, and evaluates in plain C: the reference for every other kernel. */
#include "common/trees/evaluate.h"

#include "common/trees/dense.h"
#include "common/trees/quantize.h"

#include <stdlib.h>
#include <string.h>

/* ---- preparing --------------------------------------------------------------------------------------------------- */

#define TEST_NONE UINT32_MAX
enum { COLUMNS_MAX = 1 << 24 };

/* What is under construction: which splits, features and tables are read at all. */
struct plan {
    mrc_model *m;
    struct evaluator *ev;
    struct mrc_err *err;
    bool *split_used;        /* [n_splits] */
    uint32_t *cat_slots;     /* [n_cat_features], UINT32_MAX: not read */
    uint32_t *float_columns; /* [n_float_features] first bin column */
    uint64_t n_columns;
};

static void mark_tree_splits(struct plan *p)
{
    const mrc_model *m = p->m;
    for (uint32_t i = 0; i < m->n_tree_splits; i++) {
        bool leaf = !m->symmetric && m->step_nodes[i].left == 0 && m->step_nodes[i].right == 0;
        if (!leaf) {
            p->split_used[m->tree_splits[i]] = true;
        }
    }
}

static bool any_used(const struct plan *p, uint32_t base, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        if (p->split_used[base + k]) {
            return true;
        }
    }
    return false;
}

static void mark_projection(struct plan *p, const struct projection *pr)
{
    for (uint32_t i = 0; i < pr->n_cats; i++) {
        p->ev->cat_used[model_find_cat(p->m, pr->cats[i])] = true;
    }
    for (uint32_t i = 0; i < pr->n_floats; i++) {
        p->ev->float_used[model_find_float(p->m, pr->floats[i].index)] = true;
    }
    for (uint32_t i = 0; i < pr->n_one_hots; i++) {
        p->ev->cat_used[model_find_cat(p->m, pr->one_hots[i].index)] = true;
    }
}

static void mark_features(struct plan *p)
{
    const mrc_model *m = p->m;
    for (uint32_t i = 0; i < m->n_float_features; i++) {
        const struct float_feature *f = &m->float_features[i];
        p->ev->float_used[i] = any_used(p, f->split_base, f->n_borders);
    }
    for (uint32_t i = 0; i < m->n_one_hot_features; i++) {
        const struct one_hot_feature *f = &m->one_hot_features[i];
        if (any_used(p, f->split_base, f->n_values)) {
            p->ev->cat_used[model_find_cat(m, f->cat_index)] = true;
            p->ev->n_one_hots++;
        }
    }
    for (uint32_t i = 0; i < m->n_ctr_features; i++) {
        const struct ctr_feature *f = &m->ctr_features[i];
        if (any_used(p, f->split_base, f->n_borders)) {
            mark_projection(p, &f->projection);
        }
    }
    for (uint32_t i = 0; i < m->n_float_features; i++) {
        p->ev->n_floats += p->ev->float_used[i];
    }
    for (uint32_t i = 0; i < m->n_cat_features; i++) {
        p->cat_slots[i] = p->ev->cat_used[i] ? p->ev->n_cats++ : UINT32_MAX;
    }
}

static bin_test test_of(uint64_t column, uint32_t threshold)
{
    return (bin_test)(column << 8 | threshold);
}

static void number_borders(const struct plan *p, uint64_t first_column, uint32_t base, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        p->ev->split_tests[base + k] = test_of(first_column + k / BORDERS_PER_COLUMN, k % BORDERS_PER_COLUMN + 1);
    }
}

static uint32_t columns_of(uint32_t n_borders)
{
    return n_borders == 0 ? 1 : (n_borders + BORDERS_PER_COLUMN - 1) / BORDERS_PER_COLUMN;
}

static int plan_floats(struct plan *p)
{
    const mrc_model *m = p->m;
    struct evaluator *ev = p->ev;
    ev->floats = ARENA_ARRAY(&p->m->arena, ev->n_floats, struct float_source);
    if (!ev->floats) {
        return arena_fail(&m->arena, p->err);
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n_float_features; i++) {
        const struct float_feature *f = &m->float_features[i];
        if (!ev->float_used[i]) {
            continue;
        }
        uint32_t columns = columns_of(f->n_borders);
        ev->floats[n++] = (struct float_source){
            .input_column = (uint32_t)f->index,
            .first_column = (uint32_t)p->n_columns,
            .n_columns = columns,
            .n_borders = f->n_borders,
            .nan_is_high = f->has_nans && f->nan_treatment == NAN_AS_TRUE,
            .borders = f->borders,
        };
        p->float_columns[i] = (uint32_t)p->n_columns;
        number_borders(p, p->n_columns, f->split_base, f->n_borders);
        p->n_columns += columns;
    }
    return MRC_OK;
}

struct used_value {
    uint32_t value, split;
};

static int compare_values(const void *a, const void *b)
{
    uint32_t x = ((const struct used_value *)a)->value, y = ((const struct used_value *)b)->value;
    return (x > y) - (x < y);
}

static int plan_one_hot(struct plan *p, const struct one_hot_feature *f, struct one_hot_source *out)
{
    struct arena *a = &p->m->arena;
    uint32_t *values = ARENA_ARRAY(a, f->n_values, uint32_t);
    struct arena_mark mark = arena_mark(a);
    struct used_value *used = ARENA_ARRAY(a, f->n_values, struct used_value);
    if (!values || !used) {
        return arena_fail(a, p->err);
    }
    uint32_t n = 0;
    for (uint32_t k = 0; k < f->n_values; k++) {
        if (p->split_used[f->split_base + k]) {
            used[n++] = (struct used_value){(uint32_t)f->values[k], f->split_base + k};
        }
    }
    qsort(used, n, sizeof *used, compare_values);
    for (uint32_t k = 0; k < n; k++) {
        values[k] = used[k].value;
        p->ev->split_tests[used[k].split] = test_of(p->n_columns + k, 1);
    }
    arena_rewind(a, mark);
    *out = (struct one_hot_source){
        .cat_slot = p->cat_slots[model_find_cat(p->m, f->cat_index)],
        .n_values = n,
        .values = values,
        .first_column = (uint32_t)p->n_columns,
    };
    p->n_columns += n;
    return MRC_OK;
}

static int plan_one_hots(struct plan *p)
{
    const mrc_model *m = p->m;
    p->ev->one_hots = ARENA_ARRAY(&p->m->arena, p->ev->n_one_hots, struct one_hot_source);
    if (!p->ev->one_hots) {
        return arena_fail(&m->arena, p->err);
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n_one_hot_features; i++) {
        const struct one_hot_feature *f = &m->one_hot_features[i];
        if (any_used(p, f->split_base, f->n_values)) {
            MRC_TRY(plan_one_hot(p, f, &p->ev->one_hots[n++]));
        }
    }
    return MRC_OK;
}

/* The key of a table: which hashes and tests are mixed. Tests read columns of float features, which are planned. */
static int plan_key(struct plan *p, const struct projection *pr, struct ctr_source *c)
{
    mrc_model *m = p->m;
    uint32_t *cats = ARENA_ARRAY(&m->arena, pr->n_cats, uint32_t);
    bin_test *tests = ARENA_ARRAY(&m->arena, pr->n_floats, bin_test);
    struct value_test *values = ARENA_ARRAY(&m->arena, pr->n_one_hots, struct value_test);
    if (!cats || !tests || !values) {
        return arena_fail(&m->arena, p->err);
    }
    for (uint32_t i = 0; i < pr->n_cats; i++) {
        cats[i] = p->cat_slots[model_find_cat(m, pr->cats[i])];
    }
    for (uint32_t i = 0; i < pr->n_floats; i++) {
        int64_t f = model_find_float(m, pr->floats[i].index);
        uint32_t k = (uint32_t)float_feature_find_border(&m->float_features[f], pr->floats[i].border);
        tests[i] = test_of(p->float_columns[f] + k / BORDERS_PER_COLUMN, k % BORDERS_PER_COLUMN + 1);
    }
    for (uint32_t i = 0; i < pr->n_one_hots; i++) {
        values[i].cat_slot = p->cat_slots[model_find_cat(m, pr->one_hots[i].index)];
        values[i].value = (uint32_t)pr->one_hots[i].value;
    }
    c->n_cats = pr->n_cats;
    c->n_tests = pr->n_floats;
    c->n_values = pr->n_one_hots;
    c->cat_slots = cats;
    c->tests = tests;
    c->values = values;
    return MRC_OK;
}

/* The bins of every row of a table for one of its CTR features: a CTR value depends on nothing but its row. */
static void bin_rows(const struct ctr_feature *f, const struct ctr_table *t, uint8_t *bins, uint32_t row_columns)
{
    uint32_t columns = columns_of(f->n_borders);
    for (uint32_t row = 0; row <= t->n_keys; row++) {
        uint32_t below = borders_below(f->borders, f->n_borders, ctr_value(f, t, row));
        for (uint32_t k = 0; k < columns; k++) {
            bins[(size_t)row * row_columns + k] = bin_of_column(below, k);
        }
    }
}

/* One table with the CTR features list[0 … n) that read it. */
static int plan_table(struct plan *p, uint32_t table, const uint32_t *list, uint32_t n, struct ctr_source *c)
{
    mrc_model *m = p->m;
    const struct ctr_table *t = &m->ctr_tables[table];
    MRC_TRY(plan_key(p, &t->projection, c));
    MRC_TRY(ctr_index_build(&c->index, t->keys, t->n_keys, table, &m->arena, p->err));
    c->table = table;
    c->n_keys = t->n_keys;
    c->first_column = (uint32_t)p->n_columns;
    for (uint32_t i = 0; i < n; i++) {
        c->n_columns += columns_of(m->ctr_features[list[i]].n_borders);
    }
    uint8_t *bins = arena_array(&m->arena, (size_t)t->n_keys + 1, c->n_columns, 1);
    if (!bins) {
        return arena_fail(&m->arena, p->err);
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct ctr_feature *f = &m->ctr_features[list[i]];
        bin_rows(f, t, bins + at, c->n_columns);
        number_borders(p, p->n_columns + at, f->split_base, f->n_borders);
        at += columns_of(f->n_borders);
    }
    c->bins = bins;
    p->n_columns += c->n_columns;
    return MRC_OK;
}

static int plan_ctrs(struct plan *p)
{
    mrc_model *m = p->m;
    struct arena *a = &m->arena;
    uint32_t *first = ARENA_ARRAY(a, (size_t)m->n_ctr_tables + 1, uint32_t); /* a table's stretch of `list` */
    uint32_t *fill = ARENA_ARRAY(a, m->n_ctr_tables, uint32_t);
    uint32_t *list = ARENA_ARRAY(a, m->n_ctr_features, uint32_t);
    if (!first || !fill || !list) {
        return arena_fail(a, p->err);
    }
    for (uint32_t i = 0; i < m->n_ctr_features; i++) {
        const struct ctr_feature *f = &m->ctr_features[i];
        first[f->table + 1] += any_used(p, f->split_base, f->n_borders);
    }
    for (uint32_t t = 0; t < m->n_ctr_tables; t++) {
        p->ev->n_ctrs += first[t + 1] > 0;
        first[t + 1] += first[t];
    }
    for (uint32_t i = 0; i < m->n_ctr_features; i++) {
        const struct ctr_feature *f = &m->ctr_features[i];
        if (any_used(p, f->split_base, f->n_borders)) {
            list[first[f->table] + fill[f->table]++] = i;
        }
    }
    p->ev->ctrs = ARENA_ARRAY(a, p->ev->n_ctrs, struct ctr_source);
    if (!p->ev->ctrs) {
        return arena_fail(a, p->err);
    }
    uint32_t n = 0;
    for (uint32_t t = 0; t < m->n_ctr_tables; t++) {
        if (fill[t] > 0) {
            MRC_TRY(plan_table(p, t, list + first[t], fill[t], &p->ev->ctrs[n++]));
        }
        if (p->n_columns > COLUMNS_MAX) {
            break;
        }
    }
    return MRC_OK;
}

static int plan_trees(struct plan *p)
{
    const mrc_model *m = p->m;
    struct evaluator *ev = p->ev;
    ev->n_columns = (uint32_t)p->n_columns;
    for (uint32_t i = 0; i < m->n_splits; i++) {
        if (!p->split_used[i]) {
            ev->split_tests[i] = TEST_NONE;
        }
    }
    for (uint32_t i = 0; i < m->n_tree_splits; i++) {
        bool leaf = !m->symmetric && m->step_nodes[i].left == 0 && m->step_nodes[i].right == 0;
        ev->tree_tests[i] = leaf ? TEST_NEVER : ev->split_tests[m->tree_splits[i]];
    }
    ev->needs_link = m->scale != 1;
    for (uint32_t d = 0; d < m->dim; d++) {
        ev->needs_link = ev->needs_link || m->bias[d] != 0;
    }
    return MRC_OK;
}

int evaluator_prepare(mrc_model *m, struct mrc_err *err)
{
    struct arena *a = &m->arena;
    struct evaluator *ev = ARENA_NEW(a, struct evaluator);
    if (!ev) {
        return arena_fail(a, err);
    }
    struct plan p = {.m = m, .ev = ev, .err = err};
    ev->cat_columns = ARENA_ARRAY(a, m->n_cat_features, uint32_t);
    ev->float_used = ARENA_ARRAY(a, m->n_float_features, bool);
    ev->cat_used = ARENA_ARRAY(a, m->n_cat_features, bool);
    ev->split_tests = ARENA_ARRAY(a, m->n_splits, bin_test);
    ev->tree_tests = ARENA_ARRAY(a, m->n_tree_splits, bin_test);
    p.split_used = ARENA_ARRAY(a, m->n_splits, bool);
    p.cat_slots = ARENA_ARRAY(a, m->n_cat_features, uint32_t);
    p.float_columns = ARENA_ARRAY(a, m->n_float_features, uint32_t);
    if (!ev->cat_columns || !ev->float_used || !ev->cat_used || !ev->split_tests || !ev->tree_tests || !p.split_used ||
        !p.cat_slots || !p.float_columns) {
        return arena_fail(a, err);
    }
    mark_tree_splits(&p);
    mark_features(&p);
    for (uint32_t i = 0; i < m->n_cat_features; i++) {
        if (p.cat_slots[i] != UINT32_MAX) {
            ev->cat_columns[p.cat_slots[i]] = (uint32_t)m->cat_features[i].index;
        }
    }
    MRC_TRY(plan_floats(&p));
    MRC_TRY(plan_one_hots(&p));
    MRC_TRY(plan_ctrs(&p));
    if (p.n_columns > COLUMNS_MAX) {
        return mrc_fail(err, MRC_ELIMIT, "the model needs %llu columns of bins; the limit is %d",
                        (unsigned long long)p.n_columns, COLUMNS_MAX);
    }
    MRC_TRY(plan_trees(&p));
    m->evaluator = ev;
    dense_prepare(m);
    return evaluator_use(m, "auto", err);
}

/* ---- kernels ----------------------------------------------------------------------------------------------------- */

static const struct kernel *const kernels[] = {&kernel_avx512, &kernel_avx2, &kernel_scalar}; /* best first */
enum { N_KERNELS = sizeof kernels / sizeof kernels[0] };

const char *mrc_kernel_name(size_t i)
{
    for (size_t k = 0; k < N_KERNELS; k++) {
        if (kernels[k]->supported() && i-- == 0) {
            return kernels[k]->name;
        }
    }
    return NULL;
}

int evaluator_use(mrc_model *m, const char *kernel, struct mrc_err *err)
{
    bool best = strcmp(kernel, "auto") == 0;
    for (size_t k = 0; k < N_KERNELS; k++) {
        if ((!best && strcmp(kernel, kernels[k]->name) != 0) || !kernels[k]->supported()) {
            continue;
        }
        bool spare = best && k + 1 < N_KERNELS; /* the next kernel needs less memory */
        struct arena_mark mark = arena_mark(&m->arena);
        int rc = kernels[k]->prepare ? kernels[k]->prepare(m, spare ? NULL : err) : MRC_OK;
        if (rc < 0 && spare) {
            arena_rewind(&m->arena, mark);
            continue;
        }
        m->evaluator->kernel = kernels[k];
        return rc;
    }
    return mrc_fail(err, MRC_ENOTFOUND, "no kernel \"%s\" on this processor", kernel);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static size_t align_up(size_t n)
{
    return (n + MRC_SCRATCH_ALIGN - 1) & ~(size_t)(MRC_SCRATCH_ALIGN - 1);
}

/* A single row is laid out without padding; few rows in whole groups of lanes; from FILLED_ROWS_MIN on, kernels prefer
 * whole blocks. Grows with n_rows. */
static uint32_t stride_of(size_t n_rows)
{
    if (n_rows <= ROW_BY_ROW_MAX) {
        return 1;
    }
    if (n_rows >= FILLED_ROWS_MIN) {
        return n_rows < BLOCK_ROWS_MAX ? BLOCK_ROWS_MAX / 2 : BLOCK_ROWS_MAX;
    }
    return (uint32_t)((n_rows + LANES - 1) / LANES * LANES);
}

size_t block_rows(size_t left)
{
    if (left <= ROW_BY_ROW_MAX) {
        return left ? 1 : 0;
    }
    if (left < BLOCK_ROWS_MAX / 2) {
        return left;
    }
    return left < BLOCK_ROWS_MAX ? BLOCK_ROWS_MAX / 2 : BLOCK_ROWS_MAX;
}

static size_t work_bytes(const mrc_model *m, size_t stride)
{
    const struct kernel *k = m->evaluator->kernel;
    return k->work_bytes ? align_up(k->work_bytes(m, stride)) : 0;
}

/* Kernels load whole registers: room for 128 bytes from any multiple of 128. */
static size_t bins_bytes(const struct evaluator *ev, size_t stride)
{
    return (ev->n_columns * stride + 127) & ~(size_t)127;
}

size_t block_bytes(const mrc_model *m, size_t n_rows)
{
    const struct evaluator *ev = m->evaluator;
    size_t stride = stride_of(n_rows);
    return bins_bytes(ev, stride) + 2 * align_up(ev->n_cats * stride * sizeof(uint32_t)) + work_bytes(m, stride) +
           align_up(stride * m->dim * sizeof(double));
}

void block_init(const mrc_model *m, struct block *b, const struct mrc_input *in, size_t first_row, size_t n_rows,
                void *scratch)
{
    const struct evaluator *ev = m->evaluator;
    size_t stride = stride_of(n_rows);
    uint8_t *p = scratch;
    *b = (struct block){.in = in, .first_row = first_row, .n_rows = (uint32_t)n_rows, .stride = (uint32_t)stride};
    b->bins = p;
    p += bins_bytes(ev, stride);
    b->hashes = (uint32_t *)(void *)p;
    p += align_up(ev->n_cats * stride * sizeof(uint32_t));
    b->ids = (uint32_t *)(void *)p;
    p += align_up(ev->n_cats * stride * sizeof(uint32_t));
    b->work = p;
    p += work_bytes(m, stride);
    b->sums = (double *)(void *)p;
}

void evaluate_bins(const mrc_model *m, struct block *b)
{
    m->evaluator->kernel->quantize(m, b);
}

void evaluate_trees(const mrc_model *m, struct block *b, uint32_t begin, uint32_t end)
{
    m->evaluator->kernel->trees(m, b, begin, end);
}

/* ---- the scalar kernel ------------------------------------------------------------------------------------------- */

static bool always(void)
{
    return true;
}

void scalar_quantize(const mrc_model *m, struct block *b)
{
    const struct evaluator *ev = m->evaluator;
    quantize_floats(ev, b);
    hash_categories(ev, b);
    quantize_one_hots(ev, b);
    number_categories(ev, b);
    quantize_ctrs(ev, b);
}

static bool holds(bin_test t, const struct block *b, uint32_t lane)
{
    return b->bins[(size_t)TEST_COLUMN(t) * b->stride + lane] >= TEST_THRESHOLD(t);
}

/* Offset into leaf_values that one lane reaches in tree t. */
static size_t leaf_offset(const mrc_model *m, const struct block *b, uint32_t t, uint32_t lane)
{
    const bin_test *tests = m->evaluator->tree_tests + m->tree_starts[t];
    if (m->symmetric) {
        uint32_t leaf = 0;
        for (uint32_t d = 0; d < m->tree_sizes[t]; d++) {
            leaf |= (uint32_t)holds(tests[d], b, lane) << d;
        }
        return m->tree_leaf_offsets[t] + (size_t)leaf * m->dim;
    }
    const struct step_node *nodes = m->step_nodes + m->tree_starts[t];
    uint32_t i = 0;
    for (;;) {
        uint32_t step = 0;
        if (nodes[i].left != nodes[i].right) {
            step = holds(tests[i], b, lane) ? nodes[i].right : nodes[i].left;
        }
        if (step == 0) {
            return m->node_leaf[m->tree_starts[t] + i];
        }
        i += step;
    }
}

uint32_t evaluate_leaf(const mrc_model *m, const struct block *b, uint32_t t, uint32_t lane)
{
    return (uint32_t)((leaf_offset(m, b, t, lane) - m->tree_leaf_offsets[t]) / m->dim);
}

static void add_leaf(double *sums, const double *leaf, uint32_t dim)
{
    for (uint32_t d = 0; d < dim; d++) {
        sums[d] += leaf[d];
    }
}

/* bits[l] |= bit where the test holds. A loop of fixed length over bytes: compilers make vector code of it. */
static void test_lanes(const uint8_t *restrict column, uint8_t threshold, uint8_t bit, uint8_t *restrict bits)
{
    for (uint32_t l = 0; l < LANES; l++) {
        bits[l] |= (uint8_t)((column[l] >= threshold ? 255 : 0) & bit);
    }
}

/* Leaf numbers of LANES lanes for one symmetric tree. */
static void leaves_of_lanes(const bin_test *tests, uint32_t depth, const uint8_t *bins, uint32_t stride,
                            uint16_t *leaves)
{
    uint8_t low[LANES] = {0}, high[LANES] = {0};
    for (uint32_t d = 0; d < depth; d++) {
        const uint8_t *column = bins + (size_t)TEST_COLUMN(tests[d]) * stride;
        test_lanes(column, TEST_THRESHOLD(tests[d]), (uint8_t)(1u << (d & 7)), d < 8 ? low : high);
    }
    for (uint32_t l = 0; l < LANES; l++) {
        leaves[l] = (uint16_t)(low[l] | high[l] << 8);
    }
}

/* The leaf one row falls into: bins are one byte a column, so a test is a load, a comparison and a shift. */
static inline uint32_t leaf_of_row(const bin_test *tests, uint32_t depth, const uint8_t *bins)
{
    uint32_t leaf = 0;
    for (uint32_t d = 0; d < depth; d++) {
        leaf |= (uint32_t)(bins[TEST_COLUMN(tests[d])] >= TEST_THRESHOLD(tests[d])) << d;
    }
    return leaf;
}

/* One row, symmetric trees. The leaves of a group of trees are asked for before the first is added: those of a large
 * model lie beyond the second cache, and additions in order would wait for one at a time. */
static void add_row(const mrc_model *m, const uint8_t *bins, uint32_t begin, uint32_t end, double *sums)
{
    enum { GROUP = 64, USUAL_DEPTH = 6 };
    const bin_test *tests = m->evaluator->tree_tests + m->tree_starts[begin];
    const double *values = m->leaf_values + m->tree_leaf_offsets[begin], *leaves[GROUP];
    double sum = sums[0];
    for (uint32_t first = begin; first < end; first += GROUP) {
        uint32_t n = end - first < GROUP ? end - first : GROUP;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t depth = m->tree_sizes[first + i];
            /* Known to the compiler, the usual depth has no loop. */
            uint32_t leaf =
                depth == USUAL_DEPTH ? leaf_of_row(tests, USUAL_DEPTH, bins) : leaf_of_row(tests, depth, bins);
            leaves[i] = values + (size_t)leaf * m->dim;
            __builtin_prefetch(leaves[i]);
            tests += depth;
            values += (size_t)m->dim << depth;
        }
        for (uint32_t i = 0; i < n; i++) {
            if (m->dim == 1) {
                sum += *leaves[i];
            } else {
                add_leaf(sums, leaves[i], m->dim);
            }
        }
    }
    if (m->dim == 1) {
        sums[0] = sum;
    }
}

/* A block, symmetric trees: all lanes of one tree, then the next, so that a tree's leaves stay in the first cache. */
static void add_block(const mrc_model *m, struct block *b, uint32_t begin, uint32_t end)
{
    for (uint32_t t = begin; t < end; t++) {
        const bin_test *tests = m->evaluator->tree_tests + m->tree_starts[t];
        const double *values = m->leaf_values + m->tree_leaf_offsets[t];
        for (uint32_t first = 0; first < b->n_rows; first += LANES) {
            uint16_t leaves[LANES];
            double *sums = b->sums + (size_t)first * m->dim;
            leaves_of_lanes(tests, m->tree_sizes[t], b->bins + first, b->stride, leaves);
            if (m->dim == 1) {
                for (uint32_t l = 0; l < LANES; l++) {
                    sums[l] += values[leaves[l]];
                }
                continue;
            }
            for (uint32_t l = 0; l < LANES; l++) {
                add_leaf(sums + (size_t)l * m->dim, values + (size_t)leaves[l] * m->dim, m->dim);
            }
        }
    }
}

static void add_nodes(const mrc_model *m, struct block *b, uint32_t begin, uint32_t end)
{
    for (uint32_t t = begin; t < end; t++) {
        for (uint32_t r = 0; r < b->n_rows; r++) {
            add_leaf(b->sums + (size_t)r * m->dim, m->leaf_values + leaf_offset(m, b, t, r), m->dim);
        }
    }
}

void scalar_trees(const mrc_model *m, struct block *b, uint32_t begin, uint32_t end)
{
    for (size_t i = 0; i < (size_t)b->stride * m->dim; i++) {
        b->sums[i] = 0;
    }
    if (begin >= end) {
        return;
    }
    if (!m->symmetric) {
        add_nodes(m, b, begin, end);
    } else if (b->stride == 1) {
        add_row(m, b->bins, begin, end, b->sums);
    } else {
        add_block(m, b, begin, end);
    }
}

const struct kernel kernel_scalar = {
    .name = "scalar",
    .supported = always,
    .quantize = scalar_quantize,
    .trees = scalar_trees,
};
