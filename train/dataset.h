/* Training data in memory: float columns, categorical columns as dense ids, target, weights, time.
 *
 * Built column by column from arrays, or from a CSV by the roles of its columns. The order in which feature columns are
 * added is the flat feature order of the model trained on them. Values are copied; nothing is referred to afterwards.
 * Numbers are rounded to float32 (-0 becomes 0), as CatBoost does. Not thread-safe while it is built, shareable after.
 */
#ifndef MRC_TRAIN_DATASET_H
#define MRC_TRAIN_DATASET_H

#include "common/base/arena.h"
#include "common/base/text.h"

#include <stdbool.h>

enum dataset_kind { DATASET_FLOAT, DATASET_CAT };

struct dataset_float {
    float *values; /* [n_rows]; NaN = missing, infinities are legal */
};

struct dataset_cat {
    uint32_t *ids;          /* [n_rows] dense, numbered by first appearance */
    uint32_t n_ids;         /* distinct categories */
    const uint32_t *hashes; /* [n_ids] mrc_cat_hash of each; all different */
};

struct dataset_feature {
    struct str name; /* "" allowed; NUL-terminated */
    enum dataset_kind kind;
    uint32_t index; /* in floats or cats */
};

struct dataset {
    struct arena arena; /* owns what is below, except values and ids of the columns */
    size_t n_rows;
    uint32_t n_features, n_floats, n_cats;
    struct dataset_feature *features; /* [n_features] flat order */
    struct dataset_float *floats;     /* [n_floats] */
    struct dataset_cat *cats;         /* [n_cats] */
    const float *target;              /* [n_rows], NULL until set */
    const float *weight;              /* [n_rows] finite and >= 0, sum > 0; NULL = all 1 */
    const int64_t *timestamp;         /* [n_rows] or NULL; orders the rows when params has_time is set */
    const uint32_t *group;            /* [n_rows] or NULL; dense ids: rows of a group stay together when shuffled */
    uint32_t n_baselines;             /* 0, or as many as the model has outputs */
    const float *const *baselines;    /* [n_baselines][n_rows] raw scores to start from, no part of the model */
    uint32_t n_labels;                /* > 0: the target was text; target[i] = index into labels */
    const struct str *labels;         /* [n_labels] in byte order */
    uint32_t feature_capacity;        /* private */
};

/* An empty data set of n_rows rows (1 … 2^31 - 1). MRC_EINVAL, MRC_ENOMEM. The caller frees it. */
int dataset_new(struct dataset **out, size_t n_rows, struct mrc_err *err) MRC_CHECKED;
void dataset_free(struct dataset *d); /* NULL is fine */
/* Free the values of all feature columns; the rest stays. For a caller who needs them no more. */
void dataset_drop_values(struct dataset *d);

/* Append a feature column; values has n_rows elements. At most 65,535 features. */
int dataset_add_float(struct dataset *d, struct str name, const float *values, struct mrc_err *err) MRC_CHECKED;
/* The same without values yet: *values is to be filled by the caller (-0 as 0). */
int dataset_new_float(struct dataset *d, struct str name, float **values, struct mrc_err *err) MRC_CHECKED;
int dataset_add_double(struct dataset *d, struct str name, const double *values, struct mrc_err *err) MRC_CHECKED;
/* Categories are byte strings; "" is an ordinary category. */
int dataset_add_cat(struct dataset *d, struct str name, const struct str *values, struct mrc_err *err) MRC_CHECKED;
/* The same from mrc_cat_hash values. */
int dataset_add_hashes(struct dataset *d, struct str name, const uint32_t *hashes, struct mrc_err *err) MRC_CHECKED;

/* Target: finite numbers, otherwise MRC_EFORMAT naming the first row (from 0) that has none. */
int dataset_set_target(struct dataset *d, const double *target, struct mrc_err *err) MRC_CHECKED;
/* Target as class labels. When every one is a number they are taken as numbers, else as text (labels is filled). */
int dataset_set_target_text(struct dataset *d, const struct str *target, struct mrc_err *err) MRC_CHECKED;
/* Weights: finite and >= 0, not all zero, otherwise MRC_EFORMAT naming the row. NULL: all 1. */
int dataset_set_weight(struct dataset *d, const double *weight, struct mrc_err *err) MRC_CHECKED;
int dataset_set_timestamp(struct dataset *d, const int64_t *timestamp, struct mrc_err *err) MRC_CHECKED;
/* Groups by hashes of their names. */
int dataset_set_group(struct dataset *d, const uint32_t *hashes, struct mrc_err *err) MRC_CHECKED;
/* One more output's scores to start from: finite, otherwise MRC_EFORMAT naming the row. At most 4096. */
int dataset_add_baseline(struct dataset *d, const float *scores, struct mrc_err *err) MRC_CHECKED;

/* Same number, kinds and order of feature columns? MRC_EFORMAT names the first difference; names may differ only when
 * one of them is "". */
int dataset_check_alike(const struct dataset *a, const struct dataset *b, struct mrc_err *err) MRC_CHECKED;

/* ---- CSV ------------------------------------------------------------------------------------------------------- */

enum column_role {
    ROLE_NUM,
    ROLE_CAT,
    ROLE_TARGET,
    ROLE_WEIGHT,
    ROLE_TIMESTAMP,
    ROLE_IGNORE,
    ROLE_GROUP,
    ROLE_BASELINE,
    ROLE_TEXT, /* from here on known, not trained on: MRC_EUNSUPPORTED when a table is read by them */
    ROLE_EMBEDDING,
    ROLE_GROUP_WEIGHT,
    ROLE__COUNT
};
const char *role_name(enum column_role role); /* "num", "cat", … */

struct column_roles_row {
    struct str name; /* "" = not given */
    enum column_role role;
};
struct column_roles {
    struct arena arena;
    uint32_t n;
    struct column_roles_row *columns; /* [n] in the order of the CSV's columns */
};

/* columns.json: [{"name","kind"}], one entry a column of the CSV. MRC_EFORMAT names the entry. */
int roles_read_json(struct column_roles *r, const char *path, struct mrc_err *err) MRC_CHECKED;
/* CatBoost's column description: lines "index TAB type [TAB name]"; columns not mentioned are Num. */
int roles_read_cd(struct column_roles *r, const char *path, struct mrc_err *err) MRC_CHECKED;
/* The same from memory. */
int roles_parse_json(struct column_roles *r, struct str text, struct mrc_err *err) MRC_CHECKED;
int roles_parse_cd(struct column_roles *r, struct str text, struct mrc_err *err) MRC_CHECKED;
void roles_release(struct column_roles *r);

/* Which rows are set aside to judge by. */
enum split_by { SPLIT_BY_NOTHING, SPLIT_BY_TIME, SPLIT_BY_CHANCE };
struct table_split {
    enum split_by by;
    struct str column; /* TIME: rows whose cell in it is at or after `from` are set aside; any role */
    int64_t from;      /* as moment_parse has it */
    double share;      /* CHANCE: of the rows, or of the groups when there is a group column; in (0, 1) */
    uint64_t seed;
};
/* "time:COLUMN@DATE" or "random:SHARE". column points into text. MRC_EINVAL. */
int split_parse(struct table_split *s, struct str text, uint64_t seed, struct mrc_err *err) MRC_CHECKED;
/* An integer as it stands, or YYYY-MM-DD[ HH:MM[:SS]] (T and Z are fine) as seconds since 1970. False: neither. */
bool moment_parse(struct str text, int64_t *out);

struct table_options {
    int threads;              /* < 2: one */
    struct table_split split; /* zeroed: none */
    size_t memory_max;        /* bytes that the table may take while it is read; 0 = any */
};
/* Read a CSV with a header row; "-" is standard input. Names given by the roles must be those of the header. Cells of
 * num columns: model_cell's spellings; an empty cell is NaN. Errors carry file, line and column in the message.
 * *rest: the rows set aside, NULL without a split. MRC_EFORMAT when either part is empty; MRC_ENOMEM also when the
 * memory allowed will not do, told from the size of the file before most of it is read. */
int dataset_read_table(struct dataset **out, struct dataset **rest, const char *path, const struct column_roles *roles,
                       const struct table_options *options, struct mrc_err *err) MRC_CHECKED;
/* The same without a split, by one thread; from a file or from memory. */
int dataset_read_csv(struct dataset **out, const char *path, const struct column_roles *roles,
                     struct mrc_err *err) MRC_CHECKED;
int dataset_read_text(struct dataset **out, struct str text, const struct column_roles *roles,
                      struct mrc_err *err) MRC_CHECKED;

#endif
