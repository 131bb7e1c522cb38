/* Arranges borders for the searches of the vector kernels. */
#include "common/trees/border_heaps.h"

#include <math.h>

/* Borders ascending to heap order: the root splits in the middle; nodes without a border are +infinity, which nothing
 * exceeds. */
static bool build_heap(struct arena *a, const float *borders, uint32_t n, struct heap *h)
{
    h->levels = 1;
    while ((1u << h->levels) - 1 < n) {
        h->levels++;
    }
    uint32_t size = 1u << h->levels;
    float *nodes = arena_array(a, size < 16 ? 16 : size, sizeof *nodes, 64);
    if (!nodes) {
        return false;
    }
    for (uint32_t level = 0; level < h->levels; level++) {
        uint32_t span = 1u << (h->levels - level);
        for (uint32_t i = 0; i < 1u << level; i++) {
            uint32_t at = i * span + span / 2 - 1;
            nodes[(1u << level) + i] = at < n ? borders[at] : INFINITY;
        }
    }
    h->nodes = nodes;
    return true;
}

/* Borders in runs of 16 for a search with two comparisons. */
static bool build_runs(struct arena *a, const float *borders, uint32_t n, struct heap *h)
{
    h->n_runs = n == 0 ? 1 : (n + 15) / 16;
    float *p = arena_array(a, 16 * ((size_t)h->n_runs + 1), sizeof *p, 64);
    if (!p) {
        return false;
    }
    for (uint32_t i = 0; i < 16 * h->n_runs; i++) {
        p[16 + i] = i < n ? borders[i] : INFINITY;
    }
    for (uint32_t i = 0; i < 16; i++) {
        p[i] = 16 * i + 15 < n ? borders[16 * i + 15] : INFINITY;
    }
    h->pivots = p;
    return true;
}

struct heap *border_heaps(mrc_model *m)
{
    const struct evaluator *ev = m->evaluator;
    size_t n = 0;
    for (uint32_t i = 0; i < ev->n_floats; i++) {
        n += ev->floats[i].n_columns;
    }
    struct heap *heaps = ARENA_ARRAY(&m->arena, n, struct heap);
    struct heap *h = heaps;
    for (uint32_t i = 0; h && i < ev->n_floats; i++) {
        const struct float_source *f = &ev->floats[i];
        for (uint32_t k = 0; k < f->n_columns; k++, h++) {
            uint32_t from = k * BORDERS_PER_COLUMN, left = f->n_borders - from;
            left = left < BORDERS_PER_COLUMN ? left : BORDERS_PER_COLUMN;
            if (!build_heap(&m->arena, f->borders + from, left, h) ||
                !build_runs(&m->arena, f->borders + from, left, h)) {
                return NULL;
            }
        }
    }
    return heaps;
}
