/* Rows of a CSV for a plain model: columns by kind, cells checked, handed on in blocks of bounded memory.
 *
 * Columns come from a columns file, [{"name","kind"}] in the order of the CSV; the flat index of a feature is its rank
 * among the feature columns (num, cat, text, embedding). Without one the CSV's columns are the model's features, by
 * position. */
#ifndef MRC_TRAIN_MODEL_ROWS_H
#define MRC_TRAIN_MODEL_ROWS_H

#include "common/base/csv.h"
#include "common/trees/mercredi.h"

struct model_rows;

/* One block; valid until the next call. */
struct model_block {
    struct mrc_input input;
    size_t n;
    uint64_t first;            /* number of the block's first row, from 0 */
    const struct str *targets; /* [n] cell of the target column, "" without one */
    const double *weights;     /* [n]; 1 without a weight column */
};

/* csv: file or "-". columns: file or NULL. rows_max: most rows in a block (fewer when rows are wide).
 * MRC_EINVAL/MRC_EFORMAT when the columns do not give the model what it needs; m must outlive the result. */
int model_rows_open(struct model_rows **out, const mrc_model *m, const char *csv, const char *columns, size_t rows_max,
                    struct mrc_err *err) MRC_CHECKED;
void model_rows_close(struct model_rows *r); /* NULL is fine */
/* Next block: 1, or 0 at the end (block->n 0), or negative: file, line, column and cell are in the message. */
int model_rows_next(struct model_rows *r, struct model_block *block, struct mrc_err *err) MRC_CHECKED;
bool model_rows_has_target(const struct model_rows *r);

/* Numeric cell as CatBoost's tools read it: empty and the usual spellings of "unknown" are NaN, others a double rounded
 * to float. False: not a number. */
bool model_cell(struct str text, float *out);

/* Run work(begin, end, thread, arg) over [0, n) in equal runs, on up to `threads` threads; the first failure by
 * position wins. */
typedef int (*model_rows_work)(size_t begin, size_t end, int thread, void *arg, struct mrc_err *err);
int model_rows_each(size_t n, int threads, model_rows_work work, void *arg, struct mrc_err *err) MRC_CHECKED;
/* Threads to use for an option's value: 0 = as many as there are CPUs. */
int model_threads(int64_t option);

#endif
