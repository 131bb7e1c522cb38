/* Logloss by vectors: every kernel gives the same bits, and those are near the mathematics. */
#include "tests/unit/check_main.h"
#include "train/logit_rows.h"

#include <math.h>
#include <string.h>

enum { N = 4099 };

static const struct logit_kernels *kernels[3];
static size_t n_kernels;

static void find_kernels(void)
{
    n_kernels = 0;
    kernels[n_kernels++] = &logit_plain;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        kernels[n_kernels++] = &logit_avx2;
    }
    if (logit_kernels() == &logit_avx512) {
        kernels[n_kernels++] = &logit_avx512;
    }
#endif
}

START_TEST(exponentials_are_exact_to_the_last_place)
{
    static double x[N], out[N], other[N];
    for (size_t i = 0; i < N; i++) {
        double at = 2.0 * (double)i / (N - 1) - 1;
        x[i] = i % 3 == 0 ? at : i % 3 == 1 ? 30 * at : 708 * at;
    }
    x[0] = 0;
    kernels[0]->exponents(x, N, out);
    ck_assert(out[0] == 1);
    for (size_t i = 0; i < N; i++) {
        ck_assert_double_le(fabs(out[i] - exp(x[i])), exp(x[i]) * 0x1p-52);
    }
    for (size_t k = 1; k < n_kernels; k++) {
        for (size_t n = N - 20; n <= N; n++) { /* every remainder */
            memset(other, 0, sizeof(other));
            kernels[k]->exponents(x, n, other);
            ck_assert_mem_eq(out, other, n * sizeof(*out));
        }
    }
}
END_TEST

START_TEST(exponentials_stay_finite)
{
    double x[] = {1e9, -1e9, INFINITY, -INFINITY, 708, -708}, out[6];
    for (size_t k = 0; k < n_kernels; k++) {
        kernels[k]->exponents(x, 6, out);
        for (size_t i = 0; i < 6; i += 2) {
            ck_assert(out[i] == out[4] && isfinite(out[i]));
            ck_assert(out[i + 1] == out[5] && out[i + 1] > 0);
        }
    }
}
END_TEST

START_TEST(sums_are_those_of_the_formulas)
{
    enum { M = 4096 };
    static double e[M];
    static float t[M];
    double first = 0, second = 0, logs = 0, f = 1.25;
    for (size_t i = 0; i < M; i++) {
        e[i] = exp(i % 17 * 2.5 - 20);
        t[i] = (float)(i % 3 == 0);
        double p = 1 - 1 / (1 + e[i] * f);
        first += (double)t[i] - p;
        second -= p * (1 - p);
        logs += log1p(e[i] * f);
    }
    struct logit_sums sums, other;
    kernels[0]->sums(e, t, M, f, &sums);
    ck_assert_double_eq_tol(sums.first, first, 1e-9);
    ck_assert_double_eq_tol(sums.second, second, 1e-9);
    ck_assert_double_eq_tol(sums.logs, logs, 1e-8);
    for (size_t k = 1; k < n_kernels; k++) {
        kernels[k]->sums(e, t, M, f, &other);
        ck_assert_mem_eq(&sums, &other, sizeof(sums));
    }
    memset(e, 0, sizeof(e));
    memset(t, 0, sizeof(t));
    kernels[0]->sums(e, t, M, f, &sums);
    ck_assert(sums.first == 0 && sums.second == 0 && sums.logs == 0);
}
END_TEST

/* Rows sorted by leaf give what walking them gives. */
START_TEST(sorted_rows_give_the_same_sums)
{
    enum { ROWS = LOSS_CHUNK + 777, LEAVES = 5 };
    static double approx[ROWS];
    static float target[ROWS];
    static uint16_t leaves[ROWS];
    double values[LEAVES] = {0.1, -0.4, 2, 0, -3}, factors[LEAVES], sums[2 * LEAVES], total[2 * LEAVES] = {0};
    double expected[2 * LEAVES] = {0}, error = 0, expected_error = 0;
    for (size_t i = 0; i < ROWS; i++) {
        approx[i] = sin((double)i) * 3;
        target[i] = (float)(i % 2);
        leaves[i] = (uint16_t)(i * i % 7 % LEAVES); /* leaf 3 has none */
        double a = approx[i] + values[leaves[i]], p = 1 / (1 + exp(-a));
        expected[2 * leaves[i]] += (double)target[i] - p;
        expected[2 * leaves[i] + 1] -= p * (1 - p);
        expected_error += log1p(exp(a)) - (double)target[i] * a;
    }
    for (size_t k = 0; k < LEAVES; k++) {
        factors[k] = exp(values[k]);
    }
    struct loss loss = {.type = LOSS_LOGLOSS};
    struct leaf_task task = {.loss = &loss,
                             .dim = 1,
                             .n_leaves = LEAVES,
                             .n = ROWS,
                             .leaves = leaves,
                             .approx = approx,
                             .target = target,
                             .method = LEAF_NEWTON,
                             .iterations = 2,
                             .threads = 1};
    struct logit_rows rows;
    ck_assert(logit_rows_suit(&task));
    ck_assert(logit_rows_init(&rows, &task));
    ck_assert_uint_eq(rows.chunks, 2);
    for (size_t c = 0; c < rows.chunks; c++) {
        error += logit_rows_sum(&rows, c, values, factors, sums);
        for (size_t k = 0; k < 2 * LEAVES; k++) {
            total[k] += sums[k];
        }
    }
    logit_rows_release(&rows);
    for (size_t k = 0; k < 2 * LEAVES; k++) {
        ck_assert_double_eq_tol(total[k], expected[k], 1e-9);
    }
    ck_assert_double_eq_tol(error, expected_error, 1e-8);
    task.weight = target;
    ck_assert(!logit_rows_suit(&task));
}
END_TEST

int main(void)
{
    find_kernels();
    Suite *s = suite_create("logit");
    TCase *t = tcase_create("logit");
    tcase_add_test(t, exponentials_are_exact_to_the_last_place);
    tcase_add_test(t, exponentials_stay_finite);
    tcase_add_test(t, sums_are_those_of_the_formulas);
    tcase_add_test(t, sorted_rows_give_the_same_sums);
    suite_add_tcase(s, t);
    return check_main(s);
}
