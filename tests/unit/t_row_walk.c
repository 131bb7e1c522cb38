/* Every kernel leads every row to the same leaf. */
#include "tests/unit/check_main.h"
#include "train/row_walk.h"

#include <stdlib.h>

enum { ROWS = 300 };

START_TEST(rows_come_to_their_leaves)
{
    uint32_t depth = (uint32_t)_i;
    uint8_t *columns[TREE_DEPTH_MAX];
    for (size_t wide = 0; wide < 2; wide++) {
        struct row_walk w = {.depth = depth, .n = ROWS};
        for (uint32_t d = 0; d < depth; d++) {
            size_t stride = wide && d == depth / 2 ? 12 : 1 + d % 8, size = (ROWS - 1) * stride + 1;
            columns[d] = malloc(size);
            for (size_t i = 0; i < size; i++) {
                columns[d][i] = (uint8_t)(i * (37 + 2 * d) + i / 5);
            }
            w.steps[d] = (struct row_step){columns[d], stride, 30 * d % 256};
        }
        row_walker *walkers[] = {walk_rows_plain, row_walker_choose(&w)};
        for (size_t begin = 0; begin < ROWS; begin += 67) {
            for (size_t end = begin; end <= ROWS; end += end + 20 < ROWS ? 11 : 1) {
                for (int k = 0; k < 2; k++) {
                    uint16_t leaf[ROWS + 1];
                    leaf[end] = 0xa5a5;
                    walkers[k](&w, begin, end, leaf);
                    for (size_t i = begin; i < end; i++) {
                        uint32_t wanted = 0;
                        for (uint32_t d = 0; d < depth; d++) {
                            wanted |= (uint32_t)(columns[d][i * w.steps[d].stride] > w.steps[d].bin) << d;
                        }
                        ck_assert_uint_eq(leaf[i], wanted);
                    }
                    ck_assert_uint_eq(leaf[end], 0xa5a5);
                }
            }
        }
        for (uint32_t d = 0; d < depth; d++) {
            free(columns[d]);
        }
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
