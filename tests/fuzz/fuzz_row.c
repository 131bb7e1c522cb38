/* Fuzz the way from bytes to a film: a schema, then one film as JSON and as CSV.
 *
 * The input is split at NUL bytes: schema, film as JSON, films as CSV. An empty schema stands for a small built-in one,
 * so that the film's text is explored even while the schema's is broken. What was read is written and must read the
 * same. */
#include "common/base/csv.h"
#include "common/forecast/row.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS "\"label\":{\"fr\":\"f\",\"en\":\"e\"},\"help\":{\"fr\":\"f\",\"en\":\"e\"}"

static const char built_in[] =
    "{\"name\":\"fuzz\",\"version\":1,\"target\":\"y\",\"fields\":["
    "{\"name\":\"t\",\"type\":\"text\",\"known\":\"before\",\"required\":true,\"length_max\":5,\"example\":\"t\"," WORDS
    "},"
    "{\"name\":\"d\",\"type\":\"date\",\"known\":\"before\",\"weekday\":\"wednesday\",\"example\":\"2026-11-25\"," WORDS
    "},"
    "{\"name\":\"l\",\"type\":\"list\",\"known\":\"before\",\"length_max\":8,\"items_max\":3,\"values\":[{\"value\":"
    "\"Drame\","
    "\"aliases\":[\"drama\"]},{\"value\":\"Action\"}],\"example\":[\"Drame\"]," WORDS "},"
    "{\"name\":\"n\",\"type\":\"number\",\"known\":\"before\",\"min\":0,\"exclusive_min\":true,\"example\":2.5," WORDS
    "},"
    "{\"name\":\"i\",\"type\":\"integer\",\"known\":\"near\",\"min\":40,\"max\":400,\"example\":90," WORDS "},"
    "{\"name\":\"c\",\"type\":\"category\",\"known\":\"near\",\"length_max\":9,\"closed\":true,\"values\":[{\"value\":"
    "\"a\"},"
    "{\"value\":\"12\"}],\"example\":\"a\"," WORDS "},"
    "{\"name\":\"y\",\"type\":\"integer\",\"known\":\"after\",\"min\":0,\"max\":1000,\"example\":1," WORDS "}]}";

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_report(const struct row_report *report)
{
    check(report->n_errors <= ROW_ERRORS_MAX && report->n_warnings <= ROW_WARNINGS_MAX);
    for (uint32_t i = 0; i < report->n_errors; i++) {
        const struct field_error *e = &report->errors[i];
        struct json_doc *doc;
        check(e->input.n <= ROW_INPUT_ECHO_MAX && e->message.n > 0 && utf8_valid(e->message) == e->message.n);
        check(json_read(&doc, e->input, &json_limits_file, NULL, NULL) == MRC_OK);
        json_free(doc);
        if (e->context.n > 0) {
            check(json_read(&doc, e->context, &json_limits_file, NULL, NULL) == MRC_OK);
            json_free(doc);
        }
    }
}

static struct str write_row(const struct row *row, struct arena *a)
{
    struct buf b;
    struct json_out w;
    buf_init(&b, a, 1 << 24);
    json_out_init(&w, &b);
    row_to_json(row, &w);
    check(buf_ok(&b, NULL) == MRC_OK);
    return buf_text(&b);
}

/* What a valid row is written as reads back as the same row, without errors. */
static void check_row(const struct schema *s, const struct row *row, struct arena *a)
{
    struct row again;
    struct row_report report;
    struct json_doc *doc;
    struct str text = write_row(row, a);
    check(json_read(&doc, text, &json_limits_file, NULL, NULL) == MRC_OK);
    check(row_from_json(&again, s, json_root(doc), &(struct row_options){true}, a, &report, NULL) == MRC_OK);
    check(report.n_errors == 0 && str_eq(text, write_row(&again, a)));
    json_free(doc);
}

static void fuzz_json(const struct schema *s, struct str text)
{
    struct json_doc *doc;
    struct json_limits limits = {.bytes_max = 1 << 20, .depth_max = 16};
    if (json_read(&doc, text, &limits, NULL, NULL) < 0) {
        return;
    }
    for (int target = 0; target < 2; target++) {
        struct arena a;
        struct row row;
        struct row_report report;
        arena_init(&a, 64 << 20);
        check(row_from_json(&row, s, json_root(doc), &(struct row_options){target}, &a, &report, NULL) == MRC_OK);
        check_report(&report);
        if (report.n_errors == 0) {
            check_row(s, &row, &a);
        }
        arena_release(&a);
    }
    json_free(doc);
}

static void fuzz_csv(const struct schema *s, struct str text)
{
    struct csv *csv;
    struct arena a;
    const struct str *names;
    const struct csv_cell *cells;
    int64_t *columns;
    uint32_t n;
    struct csv_limits limits = {.record_max = 1 << 16, .cells_max = 64};
    if (csv_open_mem(&csv, text, &limits, NULL) < 0) {
        return;
    }
    arena_init(&a, 64 << 20);
    if (csv_header(csv, &names, &n, NULL) == MRC_OK && row_columns(s, names, n, &a, &columns, NULL) == MRC_OK) {
        struct arena_mark mark = arena_mark(&a);
        while (csv_next(csv, &cells, &n, NULL) > 0) {
            struct row row;
            struct row_report report;
            check(row_from_cells(&row, s, columns, cells, n, &(struct row_options){true}, &a, &report, NULL) == MRC_OK);
            check_report(&report);
            if (report.n_errors == 0) {
                check_row(s, &row, &a);
            }
            arena_rewind(&a, mark);
        }
    }
    arena_release(&a);
    csv_close(csv);
}

static struct str next_part(struct str *rest)
{
    const char *end = rest->n ? memchr(rest->p, '\0', rest->n) : NULL;
    struct str part = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    rest->p += end ? part.n + 1 : part.n;
    rest->n -= end ? part.n + 1 : part.n;
    return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char none[1] = "";
    struct str rest = {size ? (const char *)data : none, size};
    struct str schema_text = next_part(&rest), json = next_part(&rest);
    struct schema *s;
    if (schema_read(&s, schema_text.n ? schema_text : STR(built_in), NULL) < 0) {
        return 0;
    }
    fuzz_json(s, json);
    fuzz_csv(s, rest);
    schema_free(s);
    return 0;
}
