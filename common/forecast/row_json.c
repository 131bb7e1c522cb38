/* Reading a film from a JSON object: types are strict, "12" is no number. Null is absent, except where a value is
 * required. */
#include "common/forecast/row_check.h"

#include <math.h>

static void wrong_type(struct row_reader *r, const struct field *f, const struct row_source *from)
{
    switch (f->type) {
    case FIELD_NUMBER:
        row_error(r, from, "float_type", STR(""), "Input should be a valid number");
        break;
    case FIELD_INTEGER:
        row_error(r, from, "int_type", STR(""), "Input should be a valid integer");
        break;
    case FIELD_LIST:
        row_error(r, from, "list_type", STR(""), "Input should be a valid list");
        break;
    case FIELD_DATE:
        row_error(r, from, "date_type", STR(""), "Input should be a valid date");
        break;
    case FIELD_CATEGORY:
    case FIELD_TEXT:
    case FIELD__COUNT:
        row_error(r, from, "string_type", STR(""), "Input should be a valid string");
        break;
    }
}

static void read_list(struct row_reader *r, const struct field *f, const struct row_source *from, struct value *v)
{
    row_begin_list(r, f, from, json_count(from->json), v);
    int64_t i = 0;
    for (const struct json *item = json_first(from->json); item && v->items; item = json_next(item), i++) {
        struct row_source source = {.field = f->name, .item = i, .json = item};
        struct str text;
        if (json_str(item, &text)) {
            row_add_item(r, f, &source, text, v);
        } else {
            row_error(r, &source, "string_type", STR(""), "Input should be a valid string");
        }
    }
}

static void read_value(struct row_reader *r, const struct field *f, const struct json *json, struct value *v)
{
    struct row_source from = {.field = f->name, .item = -1, .json = json};
    double number;
    struct str text;
    if (json_type(json) == JSON_NULL && !f->required) {
        return;
    }
    switch (f->type) {
    case FIELD_NUMBER:
    case FIELD_INTEGER:
        if (json_double(json, &number)) {
            row_check_number(r, f, &from, number, v);
            return;
        }
        break;
    case FIELD_CATEGORY:
    case FIELD_TEXT:
        if (json_str(json, &text)) {
            row_check_text(r, f, &from, text, v);
            return;
        }
        break;
    case FIELD_DATE:
        if (json_str(json, &text)) {
            row_check_date(r, f, &from, text, v);
            return;
        }
        break;
    case FIELD_LIST:
        if (json_type(json) == JSON_ARRAY) {
            read_list(r, f, &from, v);
            return;
        }
        break;
    case FIELD__COUNT:
        break;
    }
    wrong_type(r, f, &from);
}

int row_from_json(struct row *row, const struct schema *s, const struct json *object, const struct row_options *options,
                  struct arena *a, struct row_report *report, struct mrc_err *err)
{
    struct row_reader r;
    MRC_TRY(row_begin(&r, row, s, options, a, report, err));
    struct row_source whole = {.field = STR(""), .item = -1, .json = object};
    if (json_type(object) != JSON_OBJECT) {
        row_error(&r, &whole, "model_attributes_type", STR(""),
                  "Input should be a valid dictionary or object to extract fields from");
        return r.rc;
    }
    uint32_t n = schema_count(s);
    const struct json **members = ARENA_ARRAY(a, n, const struct json *);
    bool *given = ARENA_ARRAY(a, n, bool);
    if (!members || !given) {
        return arena_fail(a, err);
    }
    for (const struct json *m = json_first(object); m; m = json_next(m)) {
        int64_t i = schema_find(s, json_key(m));
        if (i >= 0) {
            members[i] = m;
            given[i] = true;
        } else {
            row_add_warning(&r, "unknown_field", json_key(m), STR(""));
        }
    }
    for (uint32_t i = 0; i < n && r.rc == MRC_OK; i++) {
        const struct field *f = schema_field(s, i);
        if (given[i] && f->known == KNOWN_AFTER && !options->target) {
            row_add_warning(&r, "ignored_field", f->name, STR(""));
        } else if (given[i]) {
            read_value(&r, f, members[i], &row->values[i]);
        }
    }
    row_check_missing(&r, &whole, given);
    return r.rc;
}
