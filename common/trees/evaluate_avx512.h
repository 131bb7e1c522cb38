/* What the parts of the AVX-512 kernel share. evaluate_avx512.c arranges a model's arrays and is compiled as everything
 * else; the other parts use the instructions and may be called only when its supported() said yes. */
#ifndef MRC_TREES_EVALUATE_AVX512_H
#define MRC_TREES_EVALUATE_AVX512_H

#include "common/trees/border_heaps.h"

enum {
    GROUP = 64,      /* rows in a register of bytes; trees evaluated at once for a single row */
    MASK_ROWS = 512, /* rows in a split mask of one register */
    FEW_ROWS = 128,  /* rows in a split mask of a quarter of one */
    DEPTH_WORDS = 6, /* leaves of such a tree as planes of 16 bits fit registers */
    DEPTH_BYTES = 8, /* as planes of 8 bits */
    OUTPUTS_MAX = 8, /* with more, trees go to plain C */
    WORD_PLANES = 4 * 128,
    BYTE_PLANES = 8 * 256,
    WORD_TILE = 32, /* trees whose planes and leaf numbers stay in the first cache while groups pass */
    BYTE_TILE = 12,
    CHUNK = 128,     /* columns of one row that two registers hold */
    CHUNKS_MAX = 32, /* of more columns, one row goes to plain C */
    STAGE_COLUMNS = 16,
    STAGE_ROWS = 256,
    SMALL_TABLE = 256 /* entries of a dense CTR table that registers hold */
};

/* A dense CTR table whose entries have numbers below SMALL_TABLE. */
struct small_table {
    uint32_t entries;     /* 64, 128, 256, or 0: not small */
    const uint8_t *bytes; /* [n_columns][entries], 64-byte aligned */
};

struct image {
    struct heap *heaps;         /* one per column of float features, in order */
    struct small_table *smalls; /* [n_ctrs] */
    unsigned depth;             /* levels of every tree here: DEPTH_WORDS or DEPTH_BYTES; 0: trees go to plain C */
    bin_test *tests;            /* [n_trees][depth]; levels a tree lacks never hold */
    uint32_t n_masks;           /* different tests */
    bool shares_tests;          /* so few of them that masks pay for less than MASK_ROWS rows too */
    bin_test *mask_tests;       /* [n_masks], the first never holds */
    uint32_t *tree_masks;       /* [n_trees][depth] */
    uint8_t *planes;            /* [dim][n_trees][WORD_PLANES or BYTE_PLANES], 64-byte aligned */
    uint8_t *row_tests;         /* [groups of trees][depth][3][GROUP]: column in its chunk, chunk, threshold; or NULL */
    uint32_t n_chunks;
    bool prefetch_leaves; /* more leaves than the second cache holds */
};

static inline size_t plane_bytes_of(const struct image *image)
{
    return image->depth == DEPTH_WORDS ? WORD_PLANES : BYTE_PLANES;
}

/* Bins of a block; of one row. work: STAGE_COLUMNS x STAGE_ROWS floats and n_cats x stride bytes. */
void avx512_quantize_rows(const mrc_model *m, struct block *b);
void avx512_quantize_row(const mrc_model *m, struct block *b);
/* Sums of trees [begin, end). Work: avx512_rows_bytes. */
void avx512_trees_of_rows(const mrc_model *m, struct block *b, uint32_t begin, uint32_t end);
size_t avx512_rows_bytes(const mrc_model *m, size_t stride);
/* The same for one row and trees from the first on; needs row_tests. */
void avx512_trees_of_row(const mrc_model *m, struct block *b, uint32_t end);

#endif
