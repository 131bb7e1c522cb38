/* CatBoost's random generator: its own vectors. */
#include "tests/unit/check_main.h"

#include "train/random.h"

#include <math.h>

static const struct {
    uint64_t seed, out[3];
} streams[] = {
    {0, {UINT64_C(0xaa78313f8e31824e), UINT64_C(0x35fa56a61ed6a259), UINT64_C(0x1426275b1c2abc6d)}},
    {42, {UINT64_C(0x8fc37f06af1212d0), UINT64_C(0x255c18d8f7209b98), UINT64_C(0xb2d9cbc74a5f02ef)}},
};

START_TEST(stream_is_catboosts)
{
    struct random r;
    random_init(&r, streams[_i].seed);
    for (int k = 0; k < 3; k++) {
        ck_assert_uint_eq(random_next(&r), streams[_i].out[k]);
    }
    ck_assert_uint_eq(r.calls, 3);
    random_init_skip(&r, streams[_i].seed, 2);
    ck_assert_uint_eq(random_next(&r), streams[_i].out[2]);
}
END_TEST

START_TEST(shuffle_is_catboosts)
{
    static const uint32_t expected[10] = {8, 6, 5, 0, 3, 1, 7, 4, 9, 2};
    uint32_t v[10];
    for (uint32_t i = 0; i < 10; i++) {
        v[i] = i;
    }
    struct random r;
    random_init(&r, 0);
    random_shuffle(&r, v, 10);
    ck_assert_mem_eq(v, expected, sizeof(v));
}
END_TEST

START_TEST(reals_and_normals_have_their_moments)
{
    struct random r;
    random_init(&r, 5);
    double sum = 0, normal = 0, square = 0;
    enum { N = 100000 };
    for (int i = 0; i < N; i++) {
        double u = random_real(&r);
        ck_assert(u >= 0 && u <= 1);
        sum += u;
        double z = random_normal(&r);
        normal += z;
        square += z * z;
        ck_assert_uint_lt(random_below(&r, 7), 7);
    }
    ck_assert_double_eq_tol(sum / N, 0.5, 0.005);
    ck_assert_double_eq_tol(normal / N, 0, 0.015);
    ck_assert_double_eq_tol(square / N, 1, 0.02);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("random");
    TCase *c = tcase_create("random");
    tcase_add_loop_test(c, stream_is_catboosts, 0, (int)(sizeof(streams) / sizeof(streams[0])));
    tcase_add_test(c, shuffle_is_catboosts);
    tcase_add_test(c, reals_and_normals_have_their_moments);
    suite_add_tcase(s, c);
    return check_main(s);
}
