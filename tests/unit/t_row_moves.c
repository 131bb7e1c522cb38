/* Rows are moved apart in their order, and nothing else is touched, by every kernel. */
#include "tests/unit/check_main.h"
#include "train/row_moves.h"

#include <stdbool.h>
#include <string.h>

enum { N = 200, GUARD = 16 };

/* Moves n rows, every (step)th of which answers yes, and compares all memory with what should be there. */
static bool moves_well(row_mover *move, size_t n, size_t step)
{
    enum { ALL = N + 2 * GUARD };
    uint32_t rows[N], to_rows[ALL], wanted_rows[ALL];
    double gradients[N], to[ALL], wanted[ALL];
    uint8_t answers[N];
    size_t yes = 0, no = 0;
    memset(to_rows, 0xa5, sizeof(to_rows));
    memset(wanted_rows, 0xa5, sizeof(wanted_rows));
    memset(to, 0xa5, sizeof(to));
    memset(wanted, 0xa5, sizeof(wanted));
    for (size_t i = 0; i < n; i++) {
        rows[i] = (uint32_t)(7 * i);
        gradients[i] = (double)i + 0.5;
        answers[i] = step > 0 && i % step == 0;
        yes += answers[i];
    }
    size_t middle = GUARD + n - yes;
    move(&(struct row_moves){rows, gradients, answers, n, to_rows, to, GUARD, middle, GUARD + n});
    yes = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = answers[i] ? middle + yes++ : GUARD + no++;
        wanted_rows[at] = rows[i];
        wanted[at] = gradients[i];
    }
    return memcmp(to_rows, wanted_rows, sizeof(to_rows)) == 0 && memcmp(to, wanted, sizeof(to)) == 0;
}

START_TEST(rows_keep_their_order)
{
    row_mover *movers[] = {move_rows_plain, row_mover_choose()};
    for (size_t k = 0; k < 2; k++) {
        for (size_t n = 0; n <= N; n++) {
            for (size_t step = 0; step < 12; step++) {
                ck_assert(moves_well(movers[k], n, step));
            }
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("row_moves");
    TCase *t = tcase_create("row_moves");
    tcase_add_test(t, rows_keep_their_order);
    suite_add_tcase(s, t);
    return check_main(s);
}
