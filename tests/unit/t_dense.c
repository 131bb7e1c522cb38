/* Dense CTR tables against hashing: the same bins for known and unseen categories, with every kernel. */
#include "tests/unit/fixture.h"

#include "common/trees/dense.h"

static const struct {
    const char *name;
    uint32_t dense_min; /* tables that must have become dense */
} models[] = {{"handmade_ctr", 1}, {"lossguide", 1}, {"multiclass", 1}};

enum { ROWS = 500 };

static uint32_t draw(uint64_t *state, uint32_t n)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 20) % n;
}

static double *predict(const mrc_model *m, const struct mrc_input *in, size_t n)
{
    struct mrc_err err;
    size_t bytes = (mrc_scratch_size(m, n) / MRC_SCRATCH_ALIGN + 1) * MRC_SCRATCH_ALIGN;
    void *scratch = aligned_alloc(MRC_SCRATCH_ALIGN, bytes);
    double *out = calloc(n * mrc_model_dim(m), sizeof *out);
    ck_assert_ok(mrc_predict(m, in, n, MRC_RAW, scratch, out, &err), &err);
    free(scratch);
    return out;
}

/* Every combination of a few floats and of categories: the fixture's own, and ones that no table knows. */
START_TEST(dense_is_hashing)
{
    char folder[200], path[260];
    struct mrc_err err;
    struct fixture f;
    snprintf(folder, sizeof folder, "tests/golden/catboost/%s", models[_i].name);
    snprintf(path, sizeof path, "%s/model.cbm", folder);
    fixture_open(&f, folder);
    uint64_t state = 88172645463325252u;
    float *floats = calloc(ROWS * f.n_floats + 1, sizeof *floats);
    uint32_t *hashes = calloc(ROWS * f.n_cats, sizeof *hashes);
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t c = 0; c < f.n_floats; c++) {
            floats[r * f.n_floats + c] = f.floats[draw(&state, (uint32_t)f.n_rows) * f.n_floats + c];
        }
        for (size_t c = 0; c < f.n_cats; c++) {
            struct mrc_str s = f.cats[draw(&state, (uint32_t)f.n_rows) * f.n_cats + c];
            hashes[r * f.n_cats + c] = draw(&state, 5) ? mrc_cat_hash(s.p, s.n) : draw(&state, UINT32_MAX);
        }
    }
    struct mrc_input in = {.floats = floats,
                           .float_row_stride = f.n_floats,
                           .float_column_stride = 1,
                           .cat_hashes = hashes,
                           .cat_row_stride = f.n_cats,
                           .cat_column_stride = 1};
    const char *kernel;
    for (size_t k = 0; (kernel = mrc_kernel_name(k)) != NULL; k++) {
        mrc_model *m = NULL;
        ck_assert_ok(mrc_model_open_kernel(&m, path, kernel, &err), &err);
        double *dense = predict(m, &in, ROWS);
        uint32_t n = 0;
        for (uint32_t i = 0; i < m->evaluator->n_ctrs; i++) {
            n += m->evaluator->ctrs[i].dense != NULL;
            m->evaluator->ctrs[i].dense = NULL;
        }
        ck_assert_uint_ge(n, models[_i].dense_min);
        double *hashed = predict(m, &in, ROWS);
        ck_assert(memcmp(dense, hashed, ROWS * mrc_model_dim(m) * sizeof *dense) == 0);
        free(dense);
        free(hashed);
        mrc_model_free(m);
    }
    free(floats);
    free(hashes);
    fixture_close(&f);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dense");
    TCase *t = tcase_create("dense");
    tcase_add_loop_test(t, dense_is_hashing, 0, sizeof models / sizeof models[0]);
    suite_add_tcase(s, t);
    return check_main(s);
}
