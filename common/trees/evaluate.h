/* The prepared layout that predictions run on, and the kernels that run on it.
 *
 * Everything a tree asks is "byte column >= threshold". A block of rows therefore becomes bytes, column by column, and
 * trees compare bytes:
 *
 *     floats ----- binary search in the borders -----------------> bins  [column][lane]
 *     categories - hash --> one column of 0/1 per one-hot value --> bins
 *                       \-> key of a CTR table -> its row of bins > bins   (values were binned when the model was
 * opened) trees: leaf = sum of (bins[column] >= threshold) << level; sums[lane][output] += leaf values, in tree order
 *
 * A feature with more than BORDERS_PER_COLUMN borders takes several columns, each counting its own stretch of borders.
 * Threshold 255 never holds. Lanes beyond the last row repeat the first, so kernels have no tail code. */
#ifndef MRC_TREES_EVALUATE_H
#define MRC_TREES_EVALUATE_H

#include "common/trees/categorical.h"
#include "common/trees/model.h"

enum { BORDERS_PER_COLUMN = 254, LANES = 64, BLOCK_ROWS_MAX = 1024, FILLED_ROWS_MIN = 400, ROW_BY_ROW_MAX = 8 };

/* "bins[column] >= threshold": column << 8 | threshold. */
typedef uint32_t bin_test;
#define TEST_COLUMN(t)    ((t) >> 8)
#define TEST_THRESHOLD(t) ((uint8_t)((t)&255))
#define TEST_NEVER        255u

struct float_source { /* a float feature that some split reads */
    uint32_t input_column;
    uint32_t first_column, n_columns;
    uint32_t n_borders;
    bool nan_is_high; /* missing compares as +infinity; otherwise below every border */
    const float *borders;
};

struct one_hot_source { /* a categorical feature compared with values: one 0/1 column per value that is used */
    uint32_t cat_slot;
    uint32_t n_values;
    const uint32_t *values; /* ascending; the k-th has column first_column + k */
    uint32_t first_column;
};

struct value_test { /* one-hot split inside a projection */
    uint32_t cat_slot, value;
};

struct ctr_source { /* a CTR table and the columns that come from it */
    uint32_t n_cats, n_tests, n_values;
    const uint32_t *cat_slots;
    const bin_test *tests;
    const struct value_test *values;
    struct ctr_index index;
    uint32_t table; /* of the model */
    uint32_t n_keys;
    uint32_t first_column, n_columns;
    const uint8_t *bins;  /* [n_keys + 1][n_columns]; the last row is for unseen keys */
    const uint8_t *dense; /* NULL: look the hash up. Otherwise [entries][n_columns], the entry made of the categories'
                             numbers as digits and then a bit per test and per value */
};

struct dictionary_bucket {
    uint32_t value, id;
};
struct dictionary { /* category hashes that the dense tables of a slot know */
    uint32_t n;     /* an unseen value has this number */
    uint32_t mask;
    const uint32_t *values; /* [n] */
    struct dictionary_bucket *buckets;
};

struct evaluator {
    uint32_t n_columns;
    uint32_t n_floats, n_one_hots, n_ctrs;
    struct float_source *floats;
    struct one_hot_source *one_hots;
    struct ctr_source *ctrs;
    uint32_t n_cats;                 /* categorical features that are read: slots */
    uint32_t *cat_columns;           /* [n_cats] column of mrc_input */
    struct dictionary *dictionaries; /* [n_cats], or NULL: all tables are hashed */
    bool *float_used, *cat_used;     /* [n_float_features], [n_cat_features] */
    bin_test *split_tests;           /* [n_splits]; UINT32_MAX for a split that nothing reads */
    bin_test *tree_tests;            /* [n_tree_splits]; leaves of non-symmetric trees have none */
    bool needs_link;                 /* scale or bias do something */
    const struct kernel *kernel;
    void *image; /* the kernel's own arrays */
};

/* One block of rows and its scratch. stride is the distance between columns in bins: lanes, or 1 for a single row. */
struct block {
    const struct mrc_input *in;
    size_t first_row;
    uint32_t n_rows, stride;
    uint8_t *bins;    /* [n_columns][stride] */
    uint32_t *hashes; /* [n_cats][stride] */
    uint32_t *ids;    /* [n_cats][stride], with dictionaries */
    void *work;       /* kernel->work_bytes, 64-byte aligned */
    double *sums;     /* [stride][dim] */
};

/* A kernel sets block->sums to the sums of trees [begin, end). All kernels give the same bits. */
struct kernel {
    const char *name;
    bool (*supported)(void);
    /* Build evaluator->image in the model's arena; NULL when the kernel needs none. */
    int (*prepare)(mrc_model *m, struct mrc_err *err);
    size_t (*work_bytes)(const mrc_model *m, size_t stride); /* NULL: none */
    void (*quantize)(const mrc_model *m, struct block *b);
    void (*trees)(const mrc_model *m, struct block *b, uint32_t begin, uint32_t end);
};

/* Build m->evaluator and choose the best kernel. */
int evaluator_prepare(mrc_model *m, struct mrc_err *err) MRC_CHECKED;
/* Change the kernel of a model that nobody else sees yet; "auto" is the best. MRC_ENOTFOUND. */
int evaluator_use(mrc_model *m, const char *kernel, struct mrc_err *err) MRC_CHECKED;

/* Bytes of scratch for a block of this many rows, and its parts; scratch is MRC_SCRATCH_ALIGN aligned. */
size_t block_bytes(const mrc_model *m, size_t n_rows);
void block_init(const mrc_model *m, struct block *b, const struct mrc_input *in, size_t first_row, size_t n_rows,
                void *scratch);
/* Rows of the next block when `left` remain: BLOCK_ROWS_MAX, half of that, what is left, or 1 when few are. */
size_t block_rows(size_t left);

/* Fill the bins of a block with the model's kernel, and its sums of trees [begin, end). */
void evaluate_bins(const mrc_model *m, struct block *b);
void evaluate_trees(const mrc_model *m, struct block *b, uint32_t begin, uint32_t end);
/* Leaf of tree t for one lane of a block with bins: symmetric: its number in the tree; otherwise the same, counted from
 * the tree's first leaf. */
uint32_t evaluate_leaf(const mrc_model *m, const struct block *b, uint32_t t, uint32_t lane);

extern const struct kernel kernel_scalar, kernel_avx2, kernel_avx512;
/* Its two pieces, for kernels that leave a case to plain C. */
void scalar_quantize(const mrc_model *m, struct block *b);
void scalar_trees(const mrc_model *m, struct block *b, uint32_t begin, uint32_t end);

#endif
