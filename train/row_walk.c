/* Walking rows on any processor. */
#include "train/row_walk.h"

static inline void walk_depth(const struct row_walk *w, uint32_t depth, size_t begin, size_t end,
                              uint16_t *restrict leaf)
{
    const struct row_walk steps = *w; /* not what leaf may point to */
    for (size_t i = begin; i < end; i++) {
        uint32_t at = 0;
#pragma GCC unroll 16
        for (uint32_t d = depth; d-- > 0;) {
            const struct row_step *step = &steps.steps[d];
            at = 2 * at + (step->bins[i * step->stride] > step->bin);
        }
        leaf[i] = (uint16_t)at;
    }
}

/* A loop for each usual depth, unrolled. */
void walk_rows_plain(const struct row_walk *w, size_t begin, size_t end, uint16_t *leaf)
{
    switch (w->depth) {
    case 4:
        walk_depth(w, 4, begin, end, leaf);
        break;
    case 5:
        walk_depth(w, 5, begin, end, leaf);
        break;
    case 6:
        walk_depth(w, 6, begin, end, leaf);
        break;
    case 7:
        walk_depth(w, 7, begin, end, leaf);
        break;
    case 8:
        walk_depth(w, 8, begin, end, leaf);
        break;
    default:
        walk_depth(w, w->depth, begin, end, leaf);
    }
}

row_walker *row_walker_choose(const struct row_walk *w)
{
    enum { NARROW = 8 };
    bool narrow = w->depth > 0 && w->depth <= NARROW;
    for (uint32_t d = 0; d < w->depth; d++) {
        narrow = narrow && w->steps[d].stride <= NARROW;
    }
#if defined(__x86_64__)
    if (narrow && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("bmi2")) {
        return walk_rows_avx512;
    }
#endif
    return walk_rows_plain;
}
