/* Trees of many rows with AVX-512: leaf numbers of a tile of trees, then their leaves, 64 rows at a time.
 *
 * Trees share splits. For blocks of MASK_ROWS rows every different split is therefore tested once, giving one bit a
 * row; the masks of a tree's splits become leaf numbers by a transposition of bits. Smaller blocks do so by FEW_ROWS
 * rows when trees share enough, otherwise they compare bytes tree by tree. Both transposition and look-up leave rows in
 * a fixed order of their own, undone when sums are stored. */
#include "common/trees/evaluate_avx512.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

/* ---- leaf numbers ------------------------------------------------------------------------------------------------ */

/* masks[MASK_ROWS / 8 bytes] for every different split and MASK_ROWS rows. */
static void test_splits(const struct image *image, const struct block *b, uint32_t row, uint8_t *masks)
{
    for (uint32_t i = 0; i < image->n_masks; i++, masks += MASK_ROWS / 8) {
        const uint8_t *column = b->bins + (size_t)TEST_COLUMN(image->mask_tests[i]) * b->stride + row;
        __m512i threshold = _mm512_set1_epi8((char)TEST_THRESHOLD(image->mask_tests[i]));
        for (unsigned j = 0; j < 8; j++) {
            __mmask64 holds = _mm512_cmple_epu8_mask(threshold, _mm512_loadu_si512(column + j * GROUP));
            _store_mask64((__mmask64 *)(void *)(masks + 8 * j), holds);
        }
    }
}

/* Eight levels' bytes side by side, level 7 lowest, for gf2p8affineqb: with the identity as its first operand it
 * transposes 8 x 8 bits. */
INLINE void store_transposed(uint8_t *leaves, unsigned k, __m512i high, __m512i low)
{
    const __m512i identity = _mm512_set1_epi64((long long)0x8040201008040201u);
    _mm512_store_si512(leaves + (2 * k) * GROUP,
                       _mm512_gf2p8affine_epi64_epi8(identity, _mm512_unpacklo_epi32(high, low), 0));
    _mm512_store_si512(leaves + (2 * k + 1) * GROUP,
                       _mm512_gf2p8affine_epi64_epi8(identity, _mm512_unpackhi_epi32(high, low), 0));
}

/* Leaf numbers of one tree for MASK_ROWS rows. */
INLINE void leaves_of_masks(const uint32_t *tree, unsigned depth, const uint8_t *masks, uint8_t *leaves)
{
    __m512i level[8];
    for (unsigned d = 0; d < 8; d++) {
        level[d] = d < depth ? _mm512_load_si512(masks + (size_t)tree[d] * (MASK_ROWS / 8)) : _mm512_setzero_si512();
    }
    __m512i l76 = _mm512_unpacklo_epi8(level[7], level[6]), h76 = _mm512_unpackhi_epi8(level[7], level[6]);
    __m512i l54 = _mm512_unpacklo_epi8(level[5], level[4]), h54 = _mm512_unpackhi_epi8(level[5], level[4]);
    __m512i l32 = _mm512_unpacklo_epi8(level[3], level[2]), h32 = _mm512_unpackhi_epi8(level[3], level[2]);
    __m512i l10 = _mm512_unpacklo_epi8(level[1], level[0]), h10 = _mm512_unpackhi_epi8(level[1], level[0]);
    store_transposed(leaves, 0, _mm512_unpacklo_epi16(l76, l54), _mm512_unpacklo_epi16(l32, l10));
    store_transposed(leaves, 1, _mm512_unpackhi_epi16(l76, l54), _mm512_unpackhi_epi16(l32, l10));
    store_transposed(leaves, 2, _mm512_unpacklo_epi16(h76, h54), _mm512_unpacklo_epi16(h32, h10));
    store_transposed(leaves, 3, _mm512_unpackhi_epi16(h76, h54), _mm512_unpackhi_epi16(h32, h10));
}

/* The same for FEW_ROWS rows: masks[FEW_ROWS / 8 bytes] for every different split. Rows stay in order. */
static void test_splits_of_few(const struct image *image, const struct block *b, uint32_t row, uint8_t *masks)
{
    bool two = row + GROUP < b->stride;
    for (uint32_t i = 0; i < image->n_masks; i++, masks += FEW_ROWS / 8) {
        const uint8_t *column = b->bins + (size_t)TEST_COLUMN(image->mask_tests[i]) * b->stride + row;
        __m512i threshold = _mm512_set1_epi8((char)TEST_THRESHOLD(image->mask_tests[i]));
        __mmask64 low = _mm512_cmple_epu8_mask(threshold, _mm512_loadu_si512(column)), high = 0;
        if (two) {
            high = _mm512_cmple_epu8_mask(threshold, _mm512_loadu_si512(column + GROUP));
        }
        _store_mask64((__mmask64 *)(void *)masks, low);
        _store_mask64((__mmask64 *)(void *)(masks + 8), high);
    }
}

INLINE void store_transposed_few(uint8_t *leaves, unsigned k, __m128i high, __m128i low)
{
    const __m128i identity = _mm_set1_epi64x((long long)0x8040201008040201u);
    __m128i *to = (__m128i *)(void *)(leaves + (size_t)k * 32);
    _mm_store_si128(to, _mm_gf2p8affine_epi64_epi8(identity, _mm_unpacklo_epi32(high, low), 0));
    _mm_store_si128(to + 1, _mm_gf2p8affine_epi64_epi8(identity, _mm_unpackhi_epi32(high, low), 0));
}

INLINE void leaves_of_few_masks(const uint32_t *tree, unsigned depth, const uint8_t *masks, uint8_t *leaves)
{
    __m128i level[8];
    for (unsigned d = 0; d < 8; d++) {
        const __m128i *at = (const __m128i *)(const void *)(masks + (d < depth ? tree[d] * (size_t)(FEW_ROWS / 8) : 0));
        level[d] = d < depth ? _mm_load_si128(at) : _mm_setzero_si128();
    }
    __m128i l76 = _mm_unpacklo_epi8(level[7], level[6]), h76 = _mm_unpackhi_epi8(level[7], level[6]);
    __m128i l54 = _mm_unpacklo_epi8(level[5], level[4]), h54 = _mm_unpackhi_epi8(level[5], level[4]);
    __m128i l32 = _mm_unpacklo_epi8(level[3], level[2]), h32 = _mm_unpackhi_epi8(level[3], level[2]);
    __m128i l10 = _mm_unpacklo_epi8(level[1], level[0]), h10 = _mm_unpackhi_epi8(level[1], level[0]);
    store_transposed_few(leaves, 0, _mm_unpacklo_epi16(l76, l54), _mm_unpacklo_epi16(l32, l10));
    store_transposed_few(leaves, 1, _mm_unpackhi_epi16(l76, l54), _mm_unpackhi_epi16(l32, l10));
    store_transposed_few(leaves, 2, _mm_unpacklo_epi16(h76, h54), _mm_unpacklo_epi16(h32, h10));
    store_transposed_few(leaves, 3, _mm_unpackhi_epi16(h76, h54), _mm_unpackhi_epi16(h32, h10));
}

/* Leaf numbers of one tree for 128 rows, or 64. */
INLINE void leaves_of_bins(const bin_test *tests, unsigned depth, const uint8_t *bins, size_t stride, bool two,
                           uint8_t *leaves)
{
    __m512i a = _mm512_setzero_si512(), b = a;
    for (unsigned d = 0; d < depth; d++) {
        const uint8_t *column = bins + (size_t)TEST_COLUMN(tests[d]) * stride;
        __m512i threshold = _mm512_set1_epi8((char)TEST_THRESHOLD(tests[d]));
        __m512i bit = _mm512_set1_epi8((char)(1u << d));
        a = _mm512_mask_add_epi8(a, _mm512_cmple_epu8_mask(threshold, _mm512_loadu_si512(column)), a, bit);
        if (two) {
            b = _mm512_mask_add_epi8(b, _mm512_cmple_epu8_mask(threshold, _mm512_loadu_si512(column + GROUP)), b, bit);
        }
    }
    _mm512_store_si512(leaves, a);
    if (two) {
        _mm512_store_si512(leaves + GROUP, b);
    }
}

/* ---- leaves ------------------------------------------------------------------------------------------------------ */

struct sums {
    __m512d r0, r1, r2, r3, r4, r5, r6, r7;
};

INLINE __m512d add_pieces(__m512d sum, __m512i pieces)
{
    return _mm512_add_pd(sum, _mm512_castsi512_pd(pieces));
}

/* Add the doubles of 64 rows from word planes: even rows' leaf numbers stand in the low bits of 16-bit lanes, odd rows'
 * are shifted there. */
INLINE void add_words(const uint8_t *planes, __m512i even, struct sums *s)
{
    __m512i odd = _mm512_srli_epi16(even, 8);
    __m512i t0 = _mm512_load_si512(planes), t1 = _mm512_load_si512(planes + 64);
    __m512i e0 = _mm512_permutex2var_epi16(t0, even, t1), o0 = _mm512_permutex2var_epi16(t0, odd, t1);
    t0 = _mm512_load_si512(planes + 128), t1 = _mm512_load_si512(planes + 192);
    __m512i e1 = _mm512_permutex2var_epi16(t0, even, t1), o1 = _mm512_permutex2var_epi16(t0, odd, t1);
    t0 = _mm512_load_si512(planes + 256), t1 = _mm512_load_si512(planes + 320);
    __m512i e2 = _mm512_permutex2var_epi16(t0, even, t1), o2 = _mm512_permutex2var_epi16(t0, odd, t1);
    t0 = _mm512_load_si512(planes + 384), t1 = _mm512_load_si512(planes + 448);
    __m512i e3 = _mm512_permutex2var_epi16(t0, even, t1), o3 = _mm512_permutex2var_epi16(t0, odd, t1);

    __m512i a = _mm512_unpacklo_epi16(e0, e1), b = _mm512_unpackhi_epi16(e0, e1);
    __m512i c = _mm512_unpacklo_epi16(e2, e3), d = _mm512_unpackhi_epi16(e2, e3);
    s->r0 = add_pieces(s->r0, _mm512_unpacklo_epi32(a, c));
    s->r1 = add_pieces(s->r1, _mm512_unpackhi_epi32(a, c));
    s->r2 = add_pieces(s->r2, _mm512_unpacklo_epi32(b, d));
    s->r3 = add_pieces(s->r3, _mm512_unpackhi_epi32(b, d));
    a = _mm512_unpacklo_epi16(o0, o1), b = _mm512_unpackhi_epi16(o0, o1);
    c = _mm512_unpacklo_epi16(o2, o3), d = _mm512_unpackhi_epi16(o2, o3);
    s->r4 = add_pieces(s->r4, _mm512_unpacklo_epi32(a, c));
    s->r5 = add_pieces(s->r5, _mm512_unpackhi_epi32(a, c));
    s->r6 = add_pieces(s->r6, _mm512_unpacklo_epi32(b, d));
    s->r7 = add_pieces(s->r7, _mm512_unpackhi_epi32(b, d));
}

INLINE __m512i plane_byte(const uint8_t *at, __m512i leaf, __mmask64 upper)
{
    __m512i low = _mm512_permutex2var_epi8(_mm512_load_si512(at), leaf, _mm512_load_si512(at + 64));
    __m512i high = _mm512_permutex2var_epi8(_mm512_load_si512(at + 128), leaf, _mm512_load_si512(at + 192));
    return _mm512_mask_blend_epi8(upper, low, high);
}

/* The same from byte planes. */
INLINE void add_bytes(const uint8_t *planes, __m512i leaf, struct sums *s)
{
    __mmask64 upper = _mm512_movepi8_mask(leaf);
    __m512i p = plane_byte(planes, leaf, upper), q = plane_byte(planes + 256, leaf, upper);
    __m512i l0 = _mm512_unpacklo_epi8(p, q), h0 = _mm512_unpackhi_epi8(p, q);
    p = plane_byte(planes + 512, leaf, upper), q = plane_byte(planes + 768, leaf, upper);
    __m512i l1 = _mm512_unpacklo_epi8(p, q), h1 = _mm512_unpackhi_epi8(p, q);
    p = plane_byte(planes + 1024, leaf, upper), q = plane_byte(planes + 1280, leaf, upper);
    __m512i l2 = _mm512_unpacklo_epi8(p, q), h2 = _mm512_unpackhi_epi8(p, q);
    p = plane_byte(planes + 1536, leaf, upper), q = plane_byte(planes + 1792, leaf, upper);
    __m512i l3 = _mm512_unpacklo_epi8(p, q), h3 = _mm512_unpackhi_epi8(p, q);

    __m512i a = _mm512_unpacklo_epi16(l0, l1), b = _mm512_unpackhi_epi16(l0, l1);
    __m512i c = _mm512_unpacklo_epi16(l2, l3), d = _mm512_unpackhi_epi16(l2, l3);
    s->r0 = add_pieces(s->r0, _mm512_unpacklo_epi32(a, c));
    s->r1 = add_pieces(s->r1, _mm512_unpackhi_epi32(a, c));
    s->r2 = add_pieces(s->r2, _mm512_unpacklo_epi32(b, d));
    s->r3 = add_pieces(s->r3, _mm512_unpackhi_epi32(b, d));
    a = _mm512_unpacklo_epi16(h0, h1), b = _mm512_unpackhi_epi16(h0, h1);
    c = _mm512_unpacklo_epi16(h2, h3), d = _mm512_unpackhi_epi16(h2, h3);
    s->r4 = add_pieces(s->r4, _mm512_unpacklo_epi32(a, c));
    s->r5 = add_pieces(s->r5, _mm512_unpackhi_epi32(a, c));
    s->r6 = add_pieces(s->r6, _mm512_unpacklo_epi32(b, d));
    s->r7 = add_pieces(s->r7, _mm512_unpackhi_epi32(b, d));
}

/* Byte of the leaf numbers whose sum stands in lane i of register j. */
static unsigned byte_of(bool words, unsigned j, unsigned i)
{
    unsigned lane = i / 2 * 16, k = 2 * (j % 4) + i % 2;
    return words ? lane + 2 * k + j / 4 : lane + 8 * (j / 4) + k;
}

/* ---- tiles ------------------------------------------------------------------------------------------------------- */

/* Trees [first, first + n) of one output, and what comes after them. */
struct tile {
    uint32_t n;
    const uint8_t *planes, *next; /* next: asked for early */
    const uint8_t *leaves;        /* [n][MASK_ROWS] */
};

/* Add the leaves of a tile for one group of rows. While it does, the g-th of n_groups asks for its share of the next
 * tile's planes. */
INLINE void add_tile(const struct tile *t, unsigned depth, unsigned group, double *to)
{
    struct sums s = {_mm512_load_pd(to),      _mm512_load_pd(to + 8),  _mm512_load_pd(to + 16),
                     _mm512_load_pd(to + 24), _mm512_load_pd(to + 32), _mm512_load_pd(to + 40),
                     _mm512_load_pd(to + 48), _mm512_load_pd(to + 56)};
    size_t bytes = depth == DEPTH_WORDS ? WORD_PLANES : BYTE_PLANES;
    const uint8_t *planes = t->planes, *leaves = t->leaves + (size_t)group * GROUP;
    const uint8_t *next = t->next + (size_t)group * (bytes / 8);
    for (uint32_t i = 0; i < t->n; i++, planes += bytes, next += bytes, leaves += MASK_ROWS) {
        __m512i leaf = _mm512_load_si512(leaves);
        for (size_t k = 0; k < bytes / 8; k += 64) {
            _mm_prefetch((const char *)next + k, _MM_HINT_T1);
        }
        if (depth == DEPTH_WORDS) {
            add_words(planes, leaf, &s);
        } else {
            add_bytes(planes, leaf, &s);
        }
    }
    _mm512_store_pd(to, s.r0);
    _mm512_store_pd(to + 8, s.r1);
    _mm512_store_pd(to + 16, s.r2);
    _mm512_store_pd(to + 24, s.r3);
    _mm512_store_pd(to + 32, s.r4);
    _mm512_store_pd(to + 40, s.r5);
    _mm512_store_pd(to + 48, s.r6);
    _mm512_store_pd(to + 56, s.r7);
}

/* Scratch: masks of every MASK_ROWS rows (large blocks) or FEW_ROWS (where trees share tests), leaf numbers of a tile,
 * sums [dim][stride] in the kernel's order. */
struct work {
    uint8_t *masks;
    uint8_t *leaves;
    double *sums;
};

static size_t mask_bytes(const struct image *image, size_t stride)
{
    if (stride >= MASK_ROWS) {
        return stride / MASK_ROWS * image->n_masks * (MASK_ROWS / 8);
    }
    size_t few = (stride + FEW_ROWS - 1) / FEW_ROWS * image->n_masks * (FEW_ROWS / 8);
    return image->shares_tests ? (few + 63) & ~(size_t)63 : 0;
}

size_t avx512_rows_bytes(const mrc_model *m, size_t stride)
{
    return mask_bytes(m->evaluator->image, stride) + WORD_TILE * MASK_ROWS + stride * m->dim * sizeof(double);
}

INLINE void tile_leaves(const mrc_model *m, const struct block *b, const struct work *w, uint32_t first, uint32_t n,
                        uint32_t row, uint32_t n_groups, unsigned depth)
{
    const struct image *image = m->evaluator->image;
    if (b->stride >= MASK_ROWS) {
        const uint8_t *masks = w->masks + mask_bytes(image, row);
        const uint32_t *tree = image->tree_masks + (size_t)first * depth;
        for (uint32_t i = 0; i < n; i++, tree += depth) {
            leaves_of_masks(tree, depth, masks, w->leaves + (size_t)i * MASK_ROWS);
        }
        return;
    }
    if (image->shares_tests) {
        for (uint32_t g = 0; g < n_groups; g += FEW_ROWS / GROUP) {
            const uint8_t *masks = w->masks + (size_t)g * GROUP / FEW_ROWS * image->n_masks * (FEW_ROWS / 8);
            const uint32_t *tree = image->tree_masks + (size_t)first * depth;
            for (uint32_t i = 0; i < n; i++, tree += depth) {
                leaves_of_few_masks(tree, depth, masks, w->leaves + (size_t)i * MASK_ROWS + (size_t)g * GROUP);
            }
        }
        return;
    }
    const bin_test *tests = image->tests + (size_t)first * depth;
    for (uint32_t i = 0; i < n; i++, tests += depth) {
        uint8_t *leaves = w->leaves + (size_t)i * MASK_ROWS;
        uint32_t g = 0;
        for (; g + 2 <= n_groups; g += 2) {
            leaves_of_bins(tests, depth, b->bins + (size_t)g * GROUP, b->stride, true, leaves + (size_t)g * GROUP);
        }
        if (g < n_groups) {
            leaves_of_bins(tests, depth, b->bins + (size_t)g * GROUP, b->stride, false, leaves + (size_t)g * GROUP);
        }
    }
}

INLINE void add_trees(const mrc_model *m, const struct block *b, const struct work *w, uint32_t begin, uint32_t end,
                      unsigned depth)
{
    const struct image *image = m->evaluator->image;
    size_t bytes = depth == DEPTH_WORDS ? WORD_PLANES : BYTE_PLANES;
    uint32_t size = depth == DEPTH_WORDS ? WORD_TILE : BYTE_TILE;
    for (uint32_t t = begin; t < end; t += size) {
        uint32_t n = end - t < size ? end - t : size;
        for (uint32_t row = 0; row < b->stride; row += MASK_ROWS) {
            uint32_t n_groups = b->stride - row < MASK_ROWS ? (b->stride - row) / GROUP : MASK_ROWS / GROUP;
            tile_leaves(m, b, w, t, n, row, n_groups, depth);
            for (uint32_t d = 0; d < m->dim; d++) {
                const uint8_t *planes = image->planes + ((size_t)d * m->n_trees + t) * bytes;
                struct tile tile = {n, planes, end - t > 2 * size ? planes + size * bytes : planes, w->leaves};
                for (uint32_t g = 0; g < n_groups; g++) {
                    add_tile(&tile, depth, g, w->sums + (size_t)d * b->stride + row + (size_t)g * GROUP);
                }
            }
        }
    }
}

/* Sums to the rows they belong to. Byte p of register k of the leaf numbers from masks is row 128 (p / 16) + 16 k +
 * p % 16 of MASK_ROWS. */
static void store_sums(const mrc_model *m, struct block *b, const double *sums, bool words)
{
    bool masks = b->stride >= MASK_ROWS;
    uint16_t order[GROUP];
    for (unsigned at = 0; at < GROUP; at++) {
        unsigned p = byte_of(words, at / 8, at % 8);
        order[at] = (uint16_t)(masks ? p / 16 * 128 + p % 16 : p);
    }
    for (uint32_t d = 0; d < m->dim; d++) {
        for (uint32_t row = 0; row < b->stride; row += GROUP, sums += GROUP) {
            uint32_t base = masks ? row / MASK_ROWS * MASK_ROWS + row % MASK_ROWS / GROUP * 16 : row;
            double *to = b->sums + (size_t)base * m->dim + d;
            for (unsigned at = 0; at < GROUP; at++) {
                to[(size_t)order[at] * m->dim] = sums[at];
            }
        }
    }
}

void avx512_trees_of_rows(const mrc_model *m, struct block *b, uint32_t begin, uint32_t end)
{
    const struct image *image = m->evaluator->image;
    struct work w = {.masks = b->work};
    w.leaves = w.masks + mask_bytes(image, b->stride);
    w.sums = (double *)(void *)(w.leaves + WORD_TILE * MASK_ROWS);
    for (uint32_t row = 0; row + MASK_ROWS <= b->stride; row += MASK_ROWS) {
        test_splits(image, b, row, w.masks + mask_bytes(image, row));
    }
    for (uint32_t row = 0; b->stride < MASK_ROWS && image->shares_tests && row < b->stride; row += FEW_ROWS) {
        test_splits_of_few(image, b, row, w.masks + (size_t)row / FEW_ROWS * image->n_masks * (FEW_ROWS / 8));
    }
    for (size_t i = 0; i < (size_t)b->stride * m->dim; i++) {
        w.sums[i] = 0;
    }
    if (image->depth == DEPTH_WORDS) {
        add_trees(m, b, &w, begin, end, DEPTH_WORDS);
    } else {
        add_trees(m, b, &w, begin, end, DEPTH_BYTES);
    }
    store_sums(m, b, w.sums, image->depth == DEPTH_WORDS);
}

#endif
