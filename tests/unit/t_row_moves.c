/* Answers are the column's, rows are moved apart in their order, and nothing else is touched, by every kernel. */
#include "tests/unit/check_main.h"
#include "train/row_moves.h"

#include <stdlib.h>
#include <string.h>

enum { N = 200, GUARD = 16 };

static const struct row_movers *movers_of(int k)
{
    return k == 0 ? &row_movers_plain : row_movers_choose();
}

static void set_bit(uint8_t *bits, size_t i)
{
    bits[i / 8] = (uint8_t)(bits[i / 8] | 1u << (i % 8));
}

/* Moves n rows, every (step)th of which answers yes. */
static void check_moves(const struct row_movers *movers, size_t n, size_t step)
{
    enum { ROOM = N + 7 + GUARD };
    uint32_t rows[N], apart[ROOM], stay[N], leave[N], guard[GUARD];
    double gradients[N], g_apart[ROOM], g_stay[N], g_leave[N];
    uint8_t answers[7 * N / 8 + 8] = {0};
    size_t yes = 0, no = 0;
    memset(apart, 0xa5, sizeof(apart));
    memset(guard, 0xa5, sizeof(guard));
    for (size_t i = 0; i < n; i++) {
        rows[i] = (uint32_t)(7 * (i * 31 % N));
        gradients[i] = (double)i + 0.5;
        if (step > 0 && i % step == 0) {
            set_bit(answers, rows[i]);
            leave[yes] = rows[i];
            g_leave[yes++] = gradients[i];
        } else {
            stay[no] = rows[i];
            g_stay[no++] = gradients[i];
        }
    }
    ck_assert_uint_eq(movers->part(&(struct row_moves){rows, gradients, n, answers, apart, g_apart}), no);
    ck_assert_mem_eq(rows, stay, no * sizeof(*rows));
    ck_assert_mem_eq(gradients, g_stay, no * sizeof(*gradients));
    ck_assert_mem_eq(apart, leave, yes * sizeof(*apart));
    ck_assert_mem_eq(g_apart, g_leave, yes * sizeof(*g_apart));
    ck_assert_mem_eq(apart + n + 7, guard, sizeof(guard));
}

START_TEST(rows_keep_their_order)
{
    for (int k = 0; k < 2; k++) {
        for (size_t n = 0; n <= N; n++) {
            for (size_t step = 0; step < 12; step++) {
                check_moves(movers_of(k), n, step);
            }
        }
    }
}
END_TEST

/* The column's last byte is the last of its memory, so that a tool sees who reads beyond. */
START_TEST(a_column_answers)
{
    static const uint32_t bins[] = {0, 1, 127, 128, 254, 255};
    for (size_t n = 0; n <= N; n += n < 70 ? 1 : 13) {
        for (size_t stride = 1; stride <= 20; stride += stride < 9 ? 1 : 11) {
            size_t size = n > 0 ? (n - 1) * stride + 1 : 0;
            uint8_t *column = malloc(size + (size == 0));
            for (size_t i = 0; i < size; i++) {
                column[i] = (uint8_t)(i * 37 + i / 5);
            }
            for (size_t b = 0; b < sizeof(bins) / sizeof(bins[0]); b++) {
                for (int k = 0; k < 2; k++) {
                    uint8_t answers[N / 8 + 8], wanted[N / 8 + 8];
                    memset(answers, 0xa5, sizeof(answers));
                    memset(wanted, 0xa5, sizeof(wanted));
                    memset(wanted, 0, (n + 7) / 8);
                    for (size_t i = 0; i < n; i++) {
                        if (column[i * stride] > bins[b]) {
                            set_bit(wanted, i);
                        }
                    }
                    movers_of(k)->compare(column, stride, bins[b], n, answers);
                    ck_assert_mem_eq(answers, wanted, sizeof(wanted));
                }
            }
            free(column);
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("row_moves");
    TCase *t = tcase_create("row_moves");
    tcase_add_test(t, rows_keep_their_order);
    tcase_add_test(t, a_column_answers);
    suite_add_tcase(s, t);
    return check_main(s);
}
