/* Moving rows one at a time, on any processor. */
#include "train/row_moves.h"

void move_rows_plain(const struct row_moves *m)
{
    const uint32_t *restrict rows = m->rows;
    const uint8_t *restrict answers = m->answers;
    const double *restrict gradients = m->gradients;
    uint32_t *restrict to_rows = m->to_rows;
    double *restrict to = m->to_gradients;
    size_t no = m->no, yes = m->yes;
    for (size_t k = 0; k < m->n; k++) {
        size_t a = answers[k], at = a ? yes : no;
        to_rows[at] = rows[k];
        to[at] = gradients[k];
        yes += a;
        no += 1 - a;
    }
}

row_mover *row_mover_choose(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
        return move_rows_avx512;
    }
#endif
    return move_rows_plain;
}
