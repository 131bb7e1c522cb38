/* What the two readers of a row share (row_json.c, row_text.c): reporting problems in pydantic's words, and the checks
 * of a value whose type is already right. Private to the row. */
#ifndef MRC_FORECAST_ROW_CHECK_H
#define MRC_FORECAST_ROW_CHECK_H

#include "common/forecast/row.h"

/* One row being read. rc is the first failure of memory; once negative nothing more is done. */
struct row_reader {
    struct row *row;
    const struct schema *schema;
    const struct row_options *options;
    struct arena *arena;
    struct row_report *report;
    struct mrc_err *err;
    int rc;
};

/* Where a value came from, for its errors: JSON, or the text of a cell. */
struct row_source {
    struct str field;
    int64_t item;            /* index in a list, or -1 */
    const struct json *json; /* the value, NULL for a cell */
    struct str text;         /* the cell, or the part of it between '|' */
    uint32_t line, col;
};

/* Empty row (every value absent) and report. */
int row_begin(struct row_reader *r, struct row *row, const struct schema *s, const struct row_options *options,
              struct arena *a, struct row_report *report, struct mrc_err *err) MRC_CHECKED;

/* Report an error. message is printf-like; context: JSON object or empty. */
void row_error(struct row_reader *r, const struct row_source *from, const char *type, struct str context,
               const char *message, ...) MRC_PRINTF(5, 6);
/* {"key":number}; whole numbers of a float field print as 5.0. */
struct str row_context_number(struct row_reader *r, const char *key, double number, bool whole);
struct str row_context_text(struct row_reader *r, const char *key, struct str text);
void row_add_warning(struct row_reader *r, const char *code, struct str field, struct str value);

/* Checks of a typed value; on success *v holds it. */
void row_check_number(struct row_reader *r, const struct field *f, const struct row_source *from, double number,
                      struct value *v);
void row_check_date(struct row_reader *r, const struct field *f, const struct row_source *from, struct str text,
                    struct value *v);
/* CATEGORY, TEXT. Empty text of an optional field is absent. */
void row_check_text(struct row_reader *r, const struct field *f, const struct row_source *from, struct str text,
                    struct value *v);
/* LIST: begin with room for n items, add each, empty ones are skipped. */
void row_begin_list(struct row_reader *r, const struct field *f, const struct row_source *from, size_t n,
                    struct value *v);
void row_add_item(struct row_reader *r, const struct field *f, const struct row_source *from, struct str text,
                  struct value *v);

/* Required fields that neither have a value nor an error of their own. given[i]: the input names field i. `from`
 * carries position and the enclosing object. */
void row_check_missing(struct row_reader *r, const struct row_source *from, const bool *given);

#endif
