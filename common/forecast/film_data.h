/* Films for training and judging: CSV → validated rows in time order → feature matrices.
 *
 * Beside the raw schema a file may carry `use` (train, history, ignore; empty = train) and `panel` (1, 0; empty = 1).
 * Rows are sorted by (release_date, film_id), so that equal files in another order give equal models. */
#ifndef MRC_FORECAST_FILM_DATA_H
#define MRC_FORECAST_FILM_DATA_H

#include "common/forecast/features.h"

enum film_use { FILM_TRAIN, FILM_HISTORY, FILM_IGNORE };

struct film {
    struct row row;
    struct str id;  /* film_id, or "line N" */
    int32_t date;   /* release */
    double entries; /* the target; NaN = unknown */
    enum film_use use;
    bool panel;
    uint32_t line;
};

struct film_data {
    struct arena arena;
    const struct schema *schema; /* borrowed */
    struct film *films;          /* [n], by (date, id) */
    size_t n;
    uint64_t n_bad;  /* rows left out under max_bad */
    char digest[65]; /* sha256 of the file; "" for stdin */
};

struct film_data_options {
    uint64_t max_bad; /* this many wrong rows are left out and counted; one more stops the reading */
    bool need_target; /* the target's column must be there */
    void (*unused)(const char *path, struct str column); /* told of columns unknown to the schema; NULL: stderr */
};

/* Read a file. MRC_EFORMAT names file, line, column, value and rule of what is wrong; columns unknown to the schema are
 * named once. `schema` must outlive the result. */
int film_data_read(struct film_data **out, const struct schema *schema, const char *path,
                   const struct film_data_options *options, struct mrc_err *err) MRC_CHECKED;
void film_data_free(struct film_data *d); /* NULL is fine */

/* First film with date > d: films [0, k) came out on d or before. */
size_t film_data_until(const struct film_data *d, int32_t date);

/* Value of a number field of a film, NaN when absent or field < 0. */
double film_number(const struct film *f, int64_t field);
/* log10 of the target (at least one ticket). NaN when unknown. */
double film_log_entries(const struct film *f);

/* Numbers and categories of some films, in the order given. */
struct film_matrix {
    size_t n, n_floats, n_cats;
    float *floats;        /* [n][n_floats] */
    struct mrc_str *cats; /* [n][n_cats] */
};
/* Compute features of rows[0..n). Text and arrays live in a. contexts: one a row, or NULL for what f is bound to. */
int film_matrix_build(struct film_matrix *m, const struct features *f, const struct features_context *contexts,
                      const struct row *const *rows, size_t n, struct arena *a, struct mrc_err *err) MRC_CHECKED;

#endif
