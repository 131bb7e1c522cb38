/* One film's raw values, validated once: from a JSON object (strict types) or from text cells (parsed).
 *
 * Everything wrong is reported at once, as data. Unknown fields are accepted and named in warnings. The row and all its
 * text live in the caller's arena. */
#ifndef MRC_FORECAST_ROW_H
#define MRC_FORECAST_ROW_H

#include "common/base/csv.h"
#include "common/forecast/schema.h"

struct value {
    bool present;
    double number;           /* NUMBER; INTEGER too (exact) */
    int32_t date;            /* DATE */
    struct str text;         /* CATEGORY (canonical value when the vocabulary knows it), TEXT */
    const struct str *items; /* LIST, canonical likewise, without duplicates */
    uint32_t n_items;
};

struct row {
    const struct schema *schema;
    struct value *values; /* [schema_count] */
};

/* A problem with one field: pydantic's vocabulary, so that FastAPI clients understand it. */
struct field_error {
    const char *type;   /* "missing", "int_type", "less_than_equal", … (static) */
    struct str field;   /* "" for the whole row */
    int64_t item;       /* index in a list, or -1 */
    struct str message; /* English, pydantic's wording */
    struct str context; /* JSON object for `ctx`, or empty */
    struct str input;   /* JSON text of the offending value (bounded), "null" when there is none */
    uint32_t line, col; /* of the cell, when read from CSV; 0 otherwise */
};
struct row_warning {
    const char *code; /* "unknown_field", "unseen_value", "not_a_wednesday", … (static) */
    struct str field;
    struct str value; /* short, may be empty */
};
struct row_report {
    struct field_error *errors;
    uint32_t n_errors;
    struct row_warning *warnings;
    uint32_t n_warnings;
};

enum { ROW_ERRORS_MAX = 256, ROW_WARNINGS_MAX = 64, ROW_INPUT_ECHO_MAX = 256 };

/* Add a warning (the same one only once, at most ROW_WARNINGS_MAX); text is copied to the arena, cut when long. */
int row_warn(struct row_report *report, struct arena *a, const char *code, struct str field, struct str value,
             struct mrc_err *err) MRC_CHECKED;

/* Fields that a request may not carry as a forecast input (KNOWN_AFTER) are accepted and ignored with a warning when
 * `target` is false; with target true (training, outcomes) they are read. */
struct row_options {
    bool target;
};

/* Read one object. row and report need no preparation. A null member is absent, but for a required field; an empty text
 * likewise. Lists lose empty items and repeats. MRC_OK with report->n_errors possibly > 0 (then row must not be used);
 * negative only for memory. */
int row_from_json(struct row *row, const struct schema *s, const struct json *object, const struct row_options *options,
                  struct arena *a, struct row_report *report, struct mrc_err *err) MRC_CHECKED;

/* Which schema field each CSV column is. Columns the schema does not know are -1 (and named in warnings once). */
int row_columns(const struct schema *s, const struct str *names, uint32_t n, struct arena *a, int64_t **columns,
                struct mrc_err *err) MRC_CHECKED;
/* Read one record: an empty cell is absent; numbers and dates are parsed; list items are separated by '|'. */
int row_from_cells(struct row *row, const struct schema *s, const int64_t *columns, const struct csv_cell *cells,
                   uint32_t n, const struct row_options *options, struct arena *a, struct row_report *report,
                   struct mrc_err *err) MRC_CHECKED;

/* One value as JSON; null when it is absent. */
void row_put_value(const struct field *f, const struct value *v, struct json_out *out);
/* The validated row as a JSON object of canonical values, fields in schema order: what the prediction log keeps. */
void row_to_json(const struct row *row, struct json_out *out);

#endif
