/* Moving rows one at a time, on any processor. */
#include "train/row_moves.h"

#include <stdbool.h>

static void compare(const uint8_t *bins, size_t stride, uint32_t bin, size_t n, uint8_t *answers)
{
    for (size_t i = 0; i < n; i += 8) {
        uint32_t bits = 0, count = n - i < 8 ? (uint32_t)(n - i) : 8;
        for (uint32_t k = 0; k < count; k++, bins += stride) {
            bits |= (uint32_t)(*bins > bin) << k;
        }
        answers[i / 8] = (uint8_t)bits;
    }
}

static size_t part(const struct row_moves *m)
{
    const uint8_t *restrict answers = m->answers;
    uint32_t *rows = m->rows, *restrict apart = m->apart;
    double *gradients = m->gradients, *restrict g_apart = m->g_apart;
    size_t no = 0, yes = 0;
    for (size_t k = 0; k < m->n; k++) {
        uint32_t row = rows[k];
        double g = gradients[k];
        size_t a = bit_at(answers, row);
        rows[no] = apart[yes] = row; /* one of the two is written over by the next */
        gradients[no] = g_apart[yes] = g;
        yes += a;
        no += 1 - a;
    }
    return no;
}

const struct row_movers row_movers_plain = {.compare = compare, .part = part};

const struct row_movers *row_movers_choose(void)
{
#if defined(__x86_64__)
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("bmi2");
    return wide ? &row_movers_avx512 : &row_movers_plain;
#else
    return &row_movers_plain;
#endif
}
