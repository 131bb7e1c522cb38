/* Every kernel against a plain reading of the model: random models of every depth, number of outputs and of borders;
 * rows with missing, infinite and border values and their neighbours; every size of batch. Bits must be the same. */
#include "tests/unit/check_main.h"

#include "common/trees/evaluate.h"

#include <math.h>

enum { FEATURES = 7, ROWS = 700, TREES = 150 };

static uint64_t state;

static uint32_t draw(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 16) % n);
}

static const struct {
    unsigned depth_min, depth_max, dim, borders_max;
} shapes[] = {
    {0, 1, 1, 1},   {6, 6, 1, 15},  {1, 6, 1, 255},  {3, 6, 3, 64},   {7, 7, 1, 31},   {0, 8, 1, 127},
    {8, 8, 2, 600}, {5, 8, 8, 254}, {4, 6, 9, 100},  {9, 9, 1, 40},   {2, 12, 2, 255}, {6, 6, 1, 253},
    {6, 6, 8, 3},   {0, 0, 1, 2},   {6, 6, 1, 9000}, {7, 8, 2, 9000}, /* more columns than two registers hold */
};

/* Borders ascending: steps of a grid, so that neighbours of a border can be borders too. */
static const float *random_borders(struct arena *a, uint32_t n)
{
    float *b = ARENA_ARRAY(a, n, float);
    float at = -(float)(n / 2);
    for (uint32_t i = 0; i < n; i++) {
        b[i] = at;
        at = draw(3) ? at + (float)(1 + draw(4)) / 8 : nextafterf(at, INFINITY);
    }
    if (n > 1 && draw(4) == 0) {
        b[0] = -INFINITY;
    }
    if (n > 1 && draw(4) == 0) {
        b[n - 1] = INFINITY;
    }
    return b;
}

static mrc_model *random_model(int shape)
{
    mrc_model *m = model_new(0);
    struct arena *a = &m->arena;
    m->dim = shapes[shape].dim;
    m->bias = ARENA_ARRAY(a, m->dim, double);
    m->bias[0] = draw(2) ? 0.3 : 0;
    m->scale = draw(2) ? 1 : 1.7;
    m->n_float_features = FEATURES;
    m->float_features = ARENA_ARRAY(a, FEATURES, struct float_feature);
    uint32_t n_splits = 0;
    for (int32_t i = 0; i < FEATURES; i++) {
        struct float_feature *f = &m->float_features[i];
        *f = (struct float_feature){
            .index = i, .flat_index = i, .has_nans = draw(2), .n_borders = 1 + draw(shapes[shape].borders_max)};
        f->nan_treatment = (enum nan_treatment)draw(3);
        f->borders = random_borders(a, f->n_borders);
        n_splits += f->n_borders;
    }
    m->n_trees = TREES;
    m->tree_sizes = ARENA_ARRAY(a, TREES, uint32_t);
    m->tree_starts = ARENA_ARRAY(a, TREES, uint32_t);
    for (uint32_t t = 0; t < TREES; t++) {
        m->tree_sizes[t] = shapes[shape].depth_min + draw(shapes[shape].depth_max - shapes[shape].depth_min + 1);
        m->tree_starts[t] = m->n_tree_splits;
        m->n_tree_splits += m->tree_sizes[t];
        m->n_leaf_values += (size_t)m->dim << m->tree_sizes[t];
    }
    m->tree_splits = ARENA_ARRAY(a, m->n_tree_splits, uint32_t);
    m->leaf_values = ARENA_ARRAY(a, m->n_leaf_values, double);
    for (uint32_t i = 0; i < m->n_tree_splits; i++) {
        m->tree_splits[i] = draw(n_splits);
    }
    for (size_t i = 0; i < m->n_leaf_values; i++) {
        m->leaf_values[i] = ((double)draw(1u << 30) - (1 << 29)) * pow(2, -(double)draw(60));
    }
    struct mrc_err err;
    ck_assert_ok(model_finish(m, &err), &err);
    return m;
}

static float random_value(const mrc_model *m, uint32_t feature)
{
    static const float special[] = {NAN, INFINITY, -INFINITY, 0, -0.f, 1e-42f, 3.4028234e38f, -3.4028234e38f};
    const struct float_feature *f = &m->float_features[feature];
    float border = f->borders[draw(f->n_borders)];
    switch (draw(5)) {
    case 0:
        return special[draw(sizeof special / sizeof special[0])];
    case 1:
        return border;
    case 2:
        return nextafterf(border, INFINITY);
    case 3:
        return nextafterf(border, -INFINITY);
    default:
        return (float)draw(1000) / 7 - 70;
    }
}

/* The model read literally. */
static void expect(const mrc_model *m, const float *row, double *out)
{
    for (uint32_t d = 0; d < m->dim; d++) {
        out[d] = 0;
    }
    for (uint32_t t = 0; t < m->n_trees; t++) {
        uint32_t leaf = 0;
        for (uint32_t d = 0; d < m->tree_sizes[t]; d++) {
            struct split_place p = model_place_split(m, m->tree_splits[m->tree_starts[t] + d]);
            const struct float_feature *f = &m->float_features[p.feature];
            float x = row[f->index];
            if (isnan(x) && f->has_nans && f->nan_treatment == NAN_AS_TRUE) {
                x = INFINITY;
            }
            leaf |= (uint32_t)(x > f->borders[p.k]) << d;
        }
        for (uint32_t d = 0; d < m->dim; d++) {
            out[d] += m->leaf_values[m->tree_leaf_offsets[t] + (size_t)leaf * m->dim + d];
        }
    }
    bool link = m->scale != 1 || m->bias[0] != 0;
    for (uint32_t d = 0; d < m->dim && link; d++) {
        out[d] = out[d] * m->scale;
        out[d] = out[d] + m->bias[d];
    }
}

static void check_kernel(const mrc_model *m, const float *rows, const double *want, const char *what)
{
    static const size_t sizes[] = {1, 2, 8, 9, 16, 17, 63, 64, 65, 100, 127, 128, 129, 511, 512, 513, 520, 700};
    struct mrc_err err;
    size_t bytes = (mrc_scratch_size(m, ROWS) / MRC_SCRATCH_ALIGN + 1) * MRC_SCRATCH_ALIGN;
    double *out = calloc((size_t)ROWS * m->dim, sizeof *out);
    float *columns = calloc((size_t)ROWS * FEATURES, sizeof *columns);
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t c = 0; c < FEATURES; c++) {
            columns[c * ROWS + r] = rows[r * FEATURES + c];
        }
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct mrc_input by_row = {.floats = rows, .float_row_stride = FEATURES, .float_column_stride = 1};
        struct mrc_input by_column = {.floats = columns, .float_row_stride = 1, .float_column_stride = ROWS};
        size_t exact = (mrc_scratch_size(m, sizes[i]) + MRC_SCRATCH_ALIGN - 1) / MRC_SCRATCH_ALIGN * MRC_SCRATCH_ALIGN;
        void *scratch = aligned_alloc(MRC_SCRATCH_ALIGN, exact ? exact : bytes);
        for (int layout = 0; layout < 2; layout++) {
            const struct mrc_input *in = layout ? &by_column : &by_row;
            memset(out, 0x55, (size_t)ROWS * m->dim * sizeof *out);
            ck_assert_ok(mrc_predict(m, in, sizes[i], MRC_RAW, scratch, out, &err), &err);
            for (size_t k = 0; k < sizes[i] * m->dim; k++) {
                ck_assert_msg(memcmp(&out[k], &want[k], sizeof *out) == 0, "%s, %zu rows: value %zu is %a, expected %a",
                              what, sizes[i], k, out[k], want[k]);
            }
        }
        free(scratch);
    }
    free(out);
    free(columns);
}

START_TEST(kernels_agree)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        state = seed * 0x9e3779b97f4a7c15u + (uint64_t)_i;
        mrc_model *m = random_model(_i);
        float *rows = calloc((size_t)ROWS * FEATURES, sizeof *rows);
        double *want = calloc((size_t)ROWS * m->dim, sizeof *want);
        for (size_t r = 0; r < ROWS; r++) {
            for (uint32_t c = 0; c < FEATURES; c++) {
                rows[r * FEATURES + c] = random_value(m, c);
            }
            expect(m, rows + r * FEATURES, want + r * m->dim);
        }
        const char *kernel;
        for (size_t k = 0; (kernel = mrc_kernel_name(k)) != NULL; k++) {
            char what[80];
            struct mrc_err err;
            snprintf(what, sizeof what, "%s, shape %d, seed %d", kernel, _i, (int)seed);
            ck_assert_ok(evaluator_use(m, kernel, &err), &err);
            check_kernel(m, rows, want, what);
        }
        free(rows);
        free(want);
        mrc_model_free(m);
    }
}
END_TEST

START_TEST(kernels_have_names)
{
    size_t n = 0;
    while (mrc_kernel_name(n)) {
        n++;
    }
    ck_assert_uint_ge(n, 1);
    ck_assert_str_eq(mrc_kernel_name(n - 1), "scalar"); /* best first: plain C last */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("kernels");
    TCase *t = tcase_create("kernels");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, kernels_agree, 0, sizeof shapes / sizeof shapes[0]);
    tcase_add_test(t, kernels_have_names);
    suite_add_tcase(s, t);
    return check_main(s);
}
