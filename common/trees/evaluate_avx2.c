/* Kernel for processors with AVX2: bins 8 rows at a time, leaf numbers 32 rows at a time, leaves loaded one by one; the
 * bits of the scalar kernel, which single rows and unusual trees go to. */
#include "common/trees/evaluate_avx2.h"

#if defined(__x86_64__)

struct image2 {
    const struct heap *heaps;
    bool trees; /* all are symmetric and shallow enough */
};

static bool supported(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2");
}

static int prepare(mrc_model *m, struct mrc_err *err)
{
    struct image2 *image = ARENA_NEW(&m->arena, struct image2);
    if (!image || !(image->heaps = border_heaps(m))) {
        return arena_fail(&m->arena, err);
    }
    image->trees = m->symmetric;
    for (uint32_t t = 0; t < m->n_trees; t++) {
        image->trees = image->trees && m->tree_sizes[t] <= AVX2_DEPTH_MAX;
    }
    m->evaluator->image = image;
    return MRC_OK;
}

static size_t work_bytes(const mrc_model *m, size_t stride)
{
    (void)m;
    return stride == 1 ? 0 : AVX2_STAGE_COLUMNS * AVX2_STAGE_ROWS * sizeof(float);
}

static void quantize(const mrc_model *m, struct block *b)
{
    const struct image2 *image = m->evaluator->image;
    if (b->stride == 1) {
        scalar_quantize(m, b);
    } else {
        avx2_quantize_rows(m->evaluator, image->heaps, b);
    }
}

static void trees(const mrc_model *m, struct block *b, uint32_t begin, uint32_t end)
{
    const struct image2 *image = m->evaluator->image;
    if (b->stride == 1 || !image->trees) {
        scalar_trees(m, b, begin, end);
    } else {
        avx2_trees_of_rows(m, b, begin, end);
    }
}

const struct kernel kernel_avx2 = {
    .name = "avx2",
    .supported = supported,
    .prepare = prepare,
    .work_bytes = work_bytes,
    .quantize = quantize,
    .trees = trees,
};

#else

static bool never(void)
{
    return false;
}

const struct kernel kernel_avx2 = {.name = "avx2", .supported = never};

#endif
