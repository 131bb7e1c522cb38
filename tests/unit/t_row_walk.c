/* Every kernel leads every row to the same leaf. */
#include "tests/unit/check_main.h"
#include "train/row_walk.h"

#include <stdbool.h>
#include <stdlib.h>

enum { ROWS = 300 };

/* Columns end with their last row's byte, so that a tool sees who reads beyond. */
static void check_walk(uint32_t depth, size_t n, size_t least, bool wide)
{
    uint8_t *columns[TREE_DEPTH_MAX];
    struct row_walk w = {.depth = depth, .n = n};
    for (uint32_t d = 0; d < depth; d++) {
        size_t stride = wide && d == depth / 2 ? 12 : least + d % (9 - least), size = (n - 1) * stride + 1;
        columns[d] = malloc(size);
        for (size_t i = 0; i < size; i++) {
            columns[d][i] = (uint8_t)(i * (37 + 2 * d) + i / 5);
        }
        w.steps[d] = (struct row_step){columns[d], stride, 30 * d % 256};
    }
    uint16_t wanted[ROWS] = {0};
    for (size_t i = 0; i < n; i++) {
        for (uint32_t d = 0; d < depth; d++) {
            wanted[i] |= (uint16_t)((columns[d][i * w.steps[d].stride] > w.steps[d].bin) << d);
        }
    }
    row_walker *walkers[] = {walk_rows_plain, row_walker_choose(&w)};
    for (size_t begin = 0; begin < n; begin += 67) {
        for (size_t end = begin; end <= n; end += end + 20 < n ? 11 : 1) {
            for (int k = 0; k < 2; k++) {
                uint16_t leaf[ROWS + 1];
                leaf[end] = 0xa5a5;
                walkers[k](&w, begin, end, leaf);
                ck_assert_mem_eq(leaf + begin, wanted + begin, (end - begin) * sizeof(*leaf));
                ck_assert_uint_eq(leaf[end], 0xa5a5);
            }
        }
    }
    for (uint32_t d = 0; d < depth; d++) {
        free(columns[d]);
    }
}

START_TEST(rows_come_to_their_leaves)
{
    for (size_t n = ROWS - 8; n <= ROWS; n++) {
        for (size_t least = 1; least <= 8; least++) {
            check_walk((uint32_t)_i, n, least, false);
        }
        check_walk((uint32_t)_i, n, 1, true);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("row_walk");
    TCase *t = tcase_create("row_walk");
    tcase_add_loop_test(t, rows_come_to_their_leaves, 0, 13);
    suite_add_tcase(s, t);
    return check_main(s);
}
