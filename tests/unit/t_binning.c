/* Borders and bins: rules by hand, limits, missing values. */
#include "tests/unit/check_main.h"

#include "train/binning.h"

#include <float.h>
#include <math.h>

/* Few enough to find every border by hand. */
static const float values[] = {-3, -1, -1, 0, 0, 0, 1, 2, 2, 5, 8, 13};
enum { N = sizeof(values) / sizeof(values[0]) };

static const struct {
    enum border_type type;
    uint32_t max, n;
    float borders[8];
} rules[] = {
    /* room for every border: all midpoints */
    {BORDER_MIN_ENTROPY, 20, 7, {-2, -0.5f, 0.5f, 1.5f, 3.5f, 6.5f, 10.5f}},
    {BORDER_MAX_LOG_SUM, 20, 7, {-2, -0.5f, 0.5f, 1.5f, 3.5f, 6.5f, 10.5f}},
    {BORDER_GREEDY_LOG_SUM, 20, 7, {-2, -0.5f, 0.5f, 1.5f, 3.5f, 6.5f, 10.5f}},
    {BORDER_GREEDY_MIN_ENTROPY, 20, 7, {-2, -0.5f, 0.5f, 1.5f, 3.5f, 6.5f, 10.5f}},
    /* one border: the most even cut, 6 | 6 */
    {BORDER_MIN_ENTROPY, 1, 1, {0.5f}},
    {BORDER_MAX_LOG_SUM, 1, 1, {0.5f}},
    {BORDER_GREEDY_LOG_SUM, 1, 1, {0.5f}},
    /* position 6 holds 1, the largest smaller value is 0 */
    {BORDER_MEDIAN, 1, 1, {0.5f}},
    /* -3 + i * 16 / 4 */
    {BORDER_UNIFORM, 3, 3, {1, 5, 9}},
    /* a uniform 5 moved into its gap (2, 5), and the median */
    {BORDER_UNIFORM_AND_QUANTILES, 2, 2, {0.5f, 3.5f}},
};

START_TEST(borders_follow_the_rule)
{
    float out[32];
    uint32_t n = 99;
    struct mrc_err err = {0};
    ck_assert_ok(borders_select(rules[_i].type, values, N, rules[_i].max, out, &n, &err), &err);
    ck_assert_uint_eq(n, rules[_i].n);
    for (uint32_t k = 0; k < n; k++) {
        ck_assert_msg(out[k] == rules[_i].borders[k], "border %u is %g, expected %g", k, (double)out[k],
                      (double)rules[_i].borders[k]);
    }
}
END_TEST

START_TEST(constant_columns_have_no_borders)
{
    const float same[4] = {2, 2, 2, 2};
    float out[8];
    uint32_t n = 9;
    struct mrc_err err = {0};
    for (int type = BORDER_GREEDY_LOG_SUM; type <= BORDER_GREEDY_MIN_ENTROPY; type++) {
        ck_assert_ok(borders_select((enum border_type)type, same, 4, 8, out, &n, &err), &err);
        ck_assert_uint_eq(n, 0);
        ck_assert_ok(borders_select((enum border_type)type, same, 0, 8, out, &n, &err), &err);
        ck_assert_uint_eq(n, 0);
    }
}
END_TEST

/* Every type: at most as many as asked for, ascending, within the values, no negative zero. */
START_TEST(borders_are_sound)
{
    enum { M = 3000 };
    static float v[M], scratch[M], out[300];
    struct mrc_err err = {0};
    uint32_t x = 12345;
    for (int i = 0; i < M; i++) {
        x = x * 1664525u + 1013904223u;
        float u = (float)(x >> 8) / 16777216.0f;
        v[i] = i % 3 ? u * u * 100 - 20 : floorf(u * 7) - 3;
    }
    sort_floats(v, scratch, M);
    for (int i = 1; i < M; i++) {
        ck_assert(v[i - 1] <= v[i]);
    }
    static const uint32_t counts[] = {1, 2, 7, 32, 254};
    for (int type = BORDER_GREEDY_LOG_SUM; type <= BORDER_GREEDY_MIN_ENTROPY; type++) {
        for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
            uint32_t n;
            ck_assert_ok(borders_select((enum border_type)type, v, M, counts[c], out, &n, &err), &err);
            ck_assert_uint_ge(n, 1);
            ck_assert_uint_le(n, counts[c]);
            for (uint32_t k = 0; k < n; k++) {
                ck_assert(k == 0 || out[k] > out[k - 1]);
                ck_assert(out[k] >= v[0] && out[k] < v[M - 1]);
                ck_assert(out[k] != 0 || !signbit(out[k]));
            }
        }
    }
}
END_TEST

START_TEST(missing_values_have_a_side)
{
    const float column[6] = {1, NAN, 2, 3, NAN, 4};
    struct mrc_err err = {0};
    struct grid g;
    uint8_t bins[6];
    ck_assert_ok(grid_choose(&g, column, 6, BORDER_GREEDY_LOG_SUM, NAN_MODE_MIN, 10, &err), &err);
    ck_assert(g.has_nans && g.nan_treatment == NAN_AS_FALSE && g.n_borders == 4);
    ck_assert(g.borders[0] == -FLT_MAX);
    grid_bins_u8(&g, column, NULL, 6, bins, 1);
    static const uint8_t low[6] = {1, 0, 2, 3, 0, 4};
    ck_assert_mem_eq(bins, low, 6);
    grid_release(&g);
    ck_assert_ok(grid_choose(&g, column, 6, BORDER_GREEDY_LOG_SUM, NAN_MODE_MAX, 10, &err), &err);
    ck_assert(g.has_nans && g.nan_treatment == NAN_AS_TRUE && g.borders[g.n_borders - 1] == FLT_MAX);
    grid_bins_u8(&g, column, NULL, 6, bins, 1);
    static const uint8_t high[6] = {0, 4, 1, 2, 4, 3};
    ck_assert_mem_eq(bins, high, 6);
    grid_release(&g);
    ck_assert_fails(grid_choose(&g, column, 6, BORDER_GREEDY_LOG_SUM, NAN_MODE_FORBIDDEN, 10, &err), &err, MRC_EFORMAT,
                    "Forbidden");
    ck_assert_ok(grid_choose(&g, column, 1, BORDER_GREEDY_LOG_SUM, NAN_MODE_MIN, 10, &err), &err);
    ck_assert(!g.has_nans && g.n_borders == 0 && g.nan_treatment == NAN_AS_IS);
    grid_release(&g);
}
END_TEST

/* Bin = number of borders strictly below, for both widths and any order of rows. */
START_TEST(bins_count_borders_below)
{
    enum { M = 700 };
    static float column[M];
    static uint16_t wide[M];
    static uint32_t order[M];
    struct mrc_err err = {0};
    for (uint32_t i = 0; i < M; i++) {
        column[i] = (float)((i * 389u) % M) * 0.5f;
        order[i] = M - 1 - i;
    }
    column[5] = INFINITY;
    column[6] = -INFINITY;
    struct grid g;
    ck_assert_ok(grid_choose(&g, column, M, BORDER_GREEDY_LOG_SUM, NAN_MODE_MIN, 400, &err), &err);
    ck_assert_uint_gt(g.n_borders, 255);
    grid_bins_u16(&g, column, order, M, wide);
    for (uint32_t i = 0; i < M; i++) {
        uint32_t below = 0;
        for (uint32_t b = 0; b < g.n_borders; b++) {
            below += g.borders[b] < column[order[i]];
        }
        ck_assert_uint_eq(wide[i], below);
    }
    grid_release(&g);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("binning");
    TCase *c = tcase_create("binning");
    tcase_add_loop_test(c, borders_follow_the_rule, 0, (int)(sizeof(rules) / sizeof(rules[0])));
    tcase_add_test(c, constant_columns_have_no_borders);
    tcase_add_test(c, borders_are_sound);
    tcase_add_test(c, missing_values_have_a_side);
    tcase_add_test(c, bins_count_borders_below);
    suite_add_tcase(s, c);
    return check_main(s);
}
