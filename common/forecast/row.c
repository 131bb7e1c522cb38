/* Checks of one film's values and the report of what is wrong with them, in pydantic's words (row_check.h). */
#include "common/forecast/row.h"

#include "common/base/date.h"
#include "common/forecast/row_check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ECHO_WORK_MAX = 4096 };

/* ---- report ---------------------------------------------------------------------------------------------------- */

/* Room for one more element of a list that doubles at every power of two; NULL without memory. Lists live in the arena
 * and are short, so the copies left behind do not matter. */
static void *grow(struct arena *a, void *list, uint32_t n, size_t size)
{
    if (n > 0 && (n & (n - 1)) != 0) {
        return list;
    }
    void *wider = arena_array(a, n ? 2 * (size_t)n : 1, size, _Alignof(max_align_t));
    if (wider && n) {
        memcpy(wider, list, n * size);
    }
    return wider;
}

/* The longest part of valid UTF-8 in the first max bytes. */
static struct str cut(struct str s, size_t max)
{
    if (s.n <= max) {
        return s;
    }
    return (struct str){s.p, utf8_valid((struct str){s.p, max})};
}

static bool put_cut_string(struct buf *b, struct str s, size_t max)
{
    struct json_out w;
    buf_reset(b);
    json_out_init(&w, b);
    if (s.n > max) {
        struct buf shorter;
        buf_init(&shorter, b->arena, max + 4);
        buf_str(&shorter, cut(s, max));
        buf_puts(&shorter, "…");
        s = buf_text(&shorter);
    }
    json_put_str(&w, s);
    return buf_ok(b, NULL) == MRC_OK;
}

/* The offending value as bounded JSON: as it is, or the beginning of its text as a string. */
static struct str echo(struct row_reader *r, const struct row_source *from)
{
    struct buf b;
    struct json_out w;
    struct str text = from->text;
    buf_init(&b, r->arena, ECHO_WORK_MAX);
    json_out_init(&w, &b);
    if (from->json) {
        json_put_value(&w, from->json);
        if (buf_ok(&b, NULL) == MRC_OK && b.n <= ROW_INPUT_ECHO_MAX) {
            return buf_text(&b);
        }
        if (!json_str(from->json, &text)) {
            text = buf_text(&b); /* what fitted of a list or object */
        }
        struct str kept = cut(text, ROW_INPUT_ECHO_MAX);
        if (!str_copy(r->arena, kept, &text)) {
            return STR("null");
        }
    } else if (from->text.p == NULL) {
        return STR("null");
    }
    buf_init(&b, r->arena, ROW_INPUT_ECHO_MAX);
    /* An escaped character takes up to six bytes: the second try always fits. */
    if (put_cut_string(&b, text, 200) || put_cut_string(&b, text, 36)) {
        return buf_text(&b);
    }
    return STR("null");
}

void row_error(struct row_reader *r, const struct row_source *from, const char *type, struct str context,
               const char *message, ...)
{
    if (r->rc < 0 || r->report->n_errors >= ROW_ERRORS_MAX) {
        return;
    }
    char text[1024];
    va_list args;
    va_start(args, message);
    vsnprintf(text, sizeof text, message, args);
    va_end(args);
    struct str whole = str_of(text), copy;
    whole.n = utf8_valid(whole); /* a cut may have split a character */
    struct field_error *errors = grow(r->arena, r->report->errors, r->report->n_errors, sizeof *errors);
    if (!errors || !str_copy(r->arena, whole, &copy)) {
        r->rc = arena_fail(r->arena, r->err);
        return;
    }
    r->report->errors = errors;
    errors[r->report->n_errors++] = (struct field_error){
        .type = type,
        .field = from->field,
        .item = from->item,
        .message = copy,
        .context = context,
        .input = echo(r, from),
        .line = from->line,
        .col = from->col,
    };
}

int row_warn(struct row_report *report, struct arena *a, const char *code, struct str field, struct str value,
             struct mrc_err *err)
{
    if (report->n_warnings >= ROW_WARNINGS_MAX) {
        return MRC_OK;
    }
    for (uint32_t i = 0; i < report->n_warnings; i++) {
        const struct row_warning *w = &report->warnings[i];
        if (strcmp(w->code, code) == 0 && str_eq(w->field, field) && str_eq(w->value, value)) {
            return MRC_OK;
        }
    }
    struct row_warning *warnings = grow(a, report->warnings, report->n_warnings, sizeof *warnings);
    struct str kept_field, kept_value;
    if (!warnings || !str_copy(a, cut(field, ROW_INPUT_ECHO_MAX), &kept_field) ||
        !str_copy(a, cut(value, ROW_INPUT_ECHO_MAX), &kept_value)) {
        return arena_fail(a, err);
    }
    report->warnings = warnings;
    warnings[report->n_warnings++] = (struct row_warning){.code = code, .field = kept_field, .value = kept_value};
    return MRC_OK;
}

void row_add_warning(struct row_reader *r, const char *code, struct str field, struct str value)
{
    if (r->rc == MRC_OK) {
        r->rc = row_warn(r->report, r->arena, code, field, value, r->err);
    }
}

struct str row_context_number(struct row_reader *r, const char *key, double number, bool whole)
{
    struct buf b;
    struct json_out w;
    char text[NUMBER_TEXT_MAX + 2];
    size_t n = format_double(number, text);
    if (!whole && !memchr(text, '.', n) && !memchr(text, 'e', n)) {
        text[n++] = '.';
        text[n++] = '0';
    }
    buf_init(&b, r->arena, 256);
    json_out_init(&w, &b);
    json_open_object(&w);
    json_put_key(&w, key);
    json_put_raw(&w, (struct str){text, n});
    json_close_object(&w);
    return buf_text(&b);
}

struct str row_context_text(struct row_reader *r, const char *key, struct str text)
{
    struct buf b;
    struct json_out w;
    buf_init(&b, r->arena, 64 + 6 * text.n);
    json_out_init(&w, &b);
    json_open_object(&w);
    json_pair_str(&w, key, text);
    json_close_object(&w);
    return buf_text(&b);
}

int row_begin(struct row_reader *r, struct row *row, const struct schema *s, const struct row_options *options,
              struct arena *a, struct row_report *report, struct mrc_err *err)
{
    *report = (struct row_report){0};
    *row = (struct row){.schema = s, .values = ARENA_ARRAY(a, schema_count(s), struct value)};
    *r = (struct row_reader){
        .row = row, .schema = s, .options = options, .arena = a, .report = report, .err = err, .rc = MRC_OK};
    return row->values ? MRC_OK : arena_fail(a, err);
}

/* ---- checks ---------------------------------------------------------------------------------------------------- */

static void outside(struct row_reader *r, const struct field *f, const struct row_source *from, const char *type,
                    const char *key, const char *words, double bound)
{
    char text[NUMBER_TEXT_MAX];
    format_double(bound, text);
    struct str context = row_context_number(r, key, bound, f->type == FIELD_INTEGER);
    row_error(r, from, type, context, "Input should be %s %s", words, text);
}

void row_check_number(struct row_reader *r, const struct field *f, const struct row_source *from, double number,
                      struct value *v)
{
    if (!isfinite(number)) {
        row_error(r, from, "finite_number", STR(""), "Input should be a finite number");
    } else if (f->type == FIELD_INTEGER && floor(number) != number) {
        row_error(r, from, "int_from_float", STR(""),
                  "Input should be a valid integer, got a number with a fractional part");
    } else if (f->has_min && f->exclusive_min && number <= f->min) {
        outside(r, f, from, "greater_than", "gt", "greater than", f->min);
    } else if (f->has_min && number < f->min) {
        outside(r, f, from, "greater_than_equal", "ge", "greater than or equal to", f->min);
    } else if (f->has_max && number > f->max) {
        outside(r, f, from, "less_than_equal", "le", "less than or equal to", f->max);
    } else {
        v->present = true;
        v->number = number == 0 ? 0 : number; /* no negative zero in logs and answers */
    }
}

static const char *date_words(enum date_problem why)
{
    switch (why) {
    case DATE_OK:
        break;
    case DATE_SHORT:
        return "input is too short";
    case DATE_SEPARATOR:
        return "invalid date separator, expected `-`";
    case DATE_YEAR:
        return "invalid character in year";
    case DATE_MONTH:
        return "month value is outside expected range of 1-12";
    case DATE_DAY:
        return "day value is outside expected range";
    case DATE_TRAILING:
        return "unexpected extra characters at the end of the input";
    }
    return "invalid date";
}

void row_check_date(struct row_reader *r, const struct field *f, const struct row_source *from, struct str text,
                    struct value *v)
{
    static const char *const codes[] = {"not_a_monday", "not_a_tuesday",  "not_a_wednesday", "not_a_thursday",
                                        "not_a_friday", "not_a_saturday", "not_a_sunday"};
    enum date_problem why = DATE_OK;
    int32_t date = date_parse(text, &why);
    if (date == DATE_NONE) {
        const char *words = date_words(why);
        row_error(r, from, "date_from_datetime_parsing", row_context_text(r, "error", str_of(words)),
                  "Input should be a valid date or datetime, %s", words);
        return;
    }
    v->present = true;
    v->date = date;
    if (f->weekday >= 0 && date_weekday(date) != f->weekday) {
        row_add_warning(r, codes[f->weekday], f->name, text);
    }
}

/* "'a', 'b' or 'c'": the values of a closed vocabulary. */
static struct str expected_values(struct row_reader *r, const struct field *f)
{
    struct buf b;
    buf_init(&b, r->arena, 768);
    for (uint32_t i = 0; i < f->n_values; i++) {
        buf_puts(&b, i == 0 ? "'" : i + 1 < f->n_values ? "', '" : "' or '");
        buf_str(&b, f->values[i].value);
    }
    buf_puts(&b, "'");
    return buf_ok(&b, NULL) == MRC_OK ? buf_text(&b) : STR("a value of the schema");
}

/* One text of a category, list item or text field: length, vocabulary. Returns false after an error. */
static bool settle_text(struct row_reader *r, const struct field *f, const struct row_source *from, struct str text,
                        struct str *out)
{
    if (utf8_length(text) > f->length_max) {
        row_error(r, from, "string_too_long", row_context_number(r, "max_length", f->length_max, true),
                  "String should have at most %u character%s", f->length_max, f->length_max == 1 ? "" : "s");
        return false;
    }
    int64_t known = f->n_values ? field_value_find(f, text) : -1;
    if (known >= 0) {
        *out = f->values[known].value;
        return true;
    }
    if (f->closed) {
        struct str expected = expected_values(r, f);
        row_error(r, from, "literal_error", row_context_text(r, "expected", expected), "Input should be %.*s",
                  STR_ARG(expected));
        return false;
    }
    if (f->n_values) {
        row_add_warning(r, "unseen_value", f->name, text);
    }
    if (!str_copy(r->arena, text, out)) {
        r->rc = arena_fail(r->arena, r->err);
        return false;
    }
    return true;
}

void row_check_text(struct row_reader *r, const struct field *f, const struct row_source *from, struct str text,
                    struct value *v)
{
    if (text.n == 0 && f->required) {
        row_error(r, from, "string_too_short", row_context_number(r, "min_length", 1, true),
                  "String should have at least 1 character");
        return;
    }
    if (text.n > 0 && settle_text(r, f, from, text, &v->text)) {
        struct str trimmed = str_trim(v->text);
        v->text = trimmed.n > 0 ? trimmed : v->text; /* a required text of blanks stays what it is */
        v->present = trimmed.n > 0 || f->required;
    }
}

void row_begin_list(struct row_reader *r, const struct field *f, const struct row_source *from, size_t n,
                    struct value *v)
{
    if (n > f->items_max) {
        struct buf b;
        buf_init(&b, r->arena, 256);
        buf_printf(&b, "{\"field_type\":\"List\",\"max_length\":%u,\"actual_length\":%zu}", f->items_max, n);
        row_error(r, from, "too_long", buf_text(&b), "List should have at most %u item%s after validation, not %zu",
                  f->items_max, f->items_max == 1 ? "" : "s", n);
        return;
    }
    v->items = ARENA_ARRAY(r->arena, n, struct str);
    if (!v->items) {
        r->rc = arena_fail(r->arena, r->err);
    }
}

void row_add_item(struct row_reader *r, const struct field *f, const struct row_source *from, struct str text,
                  struct value *v)
{
    struct str item;
    if (!v->items || str_trim(text).n == 0 || !settle_text(r, f, from, text, &item)) {
        return;
    }
    item = str_trim(item);
    for (uint32_t i = 0; i < v->n_items; i++) {
        if (text_fold_equal(v->items[i], item)) {
            return;
        }
    }
    struct str *items = (struct str *)(uintptr_t)v->items; /* ours until the row is finished */
    items[v->n_items++] = item;
    v->present = true;
}

void row_check_missing(struct row_reader *r, const struct row_source *from, const bool *given)
{
    for (uint32_t i = 0; i < schema_count(r->schema); i++) {
        const struct field *f = schema_field(r->schema, i);
        if (f->required && !given[i]) {
            struct row_source source = *from;
            source.field = f->name;
            row_error(r, &source, "missing", STR(""), "Field required");
        }
    }
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static void put_value(const struct field *f, const struct value *v, struct json_out *out)
{
    char date[DATE_TEXT];
    switch (f->type) {
    case FIELD_INTEGER:
        json_put_i64(out, (int64_t)v->number);
        break;
    case FIELD_DATE:
        date_format(v->date, date);
        json_put_cstr(out, date);
        break;
    case FIELD_CATEGORY:
    case FIELD_TEXT:
        json_put_str(out, v->text);
        break;
    case FIELD_LIST:
        json_open_array(out);
        for (uint32_t i = 0; i < v->n_items; i++) {
            json_put_str(out, v->items[i]);
        }
        json_close_array(out);
        break;
    case FIELD_NUMBER:
    case FIELD__COUNT:
        json_put_double(out, v->number);
        break;
    }
}

void row_put_value(const struct field *f, const struct value *v, struct json_out *out)
{
    if (v->present) {
        put_value(f, v, out);
    } else {
        json_put_null(out);
    }
}

void row_to_json(const struct row *row, struct json_out *out)
{
    json_open_object(out);
    for (uint32_t i = 0; i < schema_count(row->schema); i++) {
        if (row->values[i].present) {
            const struct field *f = schema_field(row->schema, i);
            json_put_key_str(out, f->name);
            put_value(f, &row->values[i], out);
        }
    }
    json_close_object(out);
}
