/* Reading a film from the cells of a CSV record: text is parsed, an empty cell is absent, lists are joined by '|'. */
#include "common/forecast/row_check.h"

#include <string.h>

/* Only plain decimals: no hexadecimal, and nan or inf are reported as what they are. */
static bool plain_number(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit && c != '+' && c != '-' && c != '.' && c != 'e' && c != 'E') {
            return false;
        }
    }
    return s.n > 0;
}

static void read_number(struct row_reader *r, const struct field *f, const struct row_source *from, struct value *v)
{
    double number;
    struct str text = str_trim(from->text);
    bool parsed = parse_double(text, &number);
    if (parsed && (plain_number(text) || number != number || number - number != 0)) {
        row_check_number(r, f, from, number, v);
    } else if (f->type == FIELD_INTEGER) {
        row_error(r, from, "int_parsing", STR(""),
                  "Input should be a valid integer, unable to parse string as an integer");
    } else {
        row_error(r, from, "float_parsing", STR(""),
                  "Input should be a valid number, unable to parse string as a number");
    }
}

static void read_list(struct row_reader *r, const struct field *f, const struct row_source *from, struct value *v)
{
    size_t n = 1;
    for (size_t i = 0; i < from->text.n; i++) {
        n += from->text.p[i] == '|';
    }
    row_begin_list(r, f, from, n, v);
    struct str rest = from->text;
    for (int64_t i = 0; v->items && i < (int64_t)n; i++) {
        const char *bar = rest.n ? memchr(rest.p, '|', rest.n) : NULL;
        struct str part = {rest.p, bar ? (size_t)(bar - rest.p) : rest.n};
        struct row_source source = {.field = f->name, .item = i, .text = part, .line = from->line, .col = from->col};
        row_add_item(r, f, &source, str_trim(part), v);
        if (bar) {
            rest.n -= part.n + 1;
            rest.p = bar + 1;
        }
    }
}

static void read_cell(struct row_reader *r, const struct field *f, const struct csv_cell *cell, struct value *v)
{
    struct row_source from = {.field = f->name, .item = -1, .text = cell->text, .line = cell->line, .col = cell->col};
    switch (f->type) {
    case FIELD_NUMBER:
    case FIELD_INTEGER:
        read_number(r, f, &from, v);
        break;
    case FIELD_CATEGORY:
    case FIELD_TEXT:
        row_check_text(r, f, &from, str_trim(cell->text), v);
        break;
    case FIELD_DATE:
        row_check_date(r, f, &from, str_trim(cell->text), v);
        break;
    case FIELD_LIST:
        read_list(r, f, &from, v);
        break;
    case FIELD__COUNT:
        break;
    }
}

int row_columns(const struct schema *s, const struct str *names, uint32_t n, struct arena *a, int64_t **columns,
                struct mrc_err *err)
{
    int64_t *found = ARENA_ARRAY(a, n, int64_t);
    if (!found) {
        return arena_fail(a, err);
    }
    for (uint32_t i = 0; i < n; i++) {
        found[i] = schema_find(s, names[i]);
    }
    *columns = found;
    return MRC_OK;
}

int row_from_cells(struct row *row, const struct schema *s, const int64_t *columns, const struct csv_cell *cells,
                   uint32_t n, const struct row_options *options, struct arena *a, struct row_report *report,
                   struct mrc_err *err)
{
    struct row_reader r;
    MRC_TRY(row_begin(&r, row, s, options, a, report, err));
    bool *given = ARENA_ARRAY(a, schema_count(s), bool);
    if (!given) {
        return arena_fail(a, err);
    }
    for (uint32_t i = 0; i < n && r.rc == MRC_OK; i++) {
        if (columns[i] < 0 || str_trim(cells[i].text).n == 0) {
            continue;
        }
        const struct field *f = schema_field(s, (uint32_t)columns[i]);
        given[columns[i]] = true;
        if (f->known == KNOWN_AFTER && !options->target) {
            row_add_warning(&r, "ignored_field", f->name, STR(""));
        } else {
            read_cell(&r, f, &cells[i], &row->values[columns[i]]);
        }
    }
    struct row_source whole = {.field = STR(""), .item = -1, .line = n ? cells[0].line : 0};
    row_check_missing(&r, &whole, given);
    return r.rc;
}
