/* Reading a film from JSON and from cells: every error type, every warning, limits at, below and above. */
#include "tests/unit/check_main.h"

#include "common/base/file.h"
#include "common/forecast/row.h"

#include <unistd.h>

#define WORDS "\"label\":{\"fr\":\"f\",\"en\":\"e\"},\"help\":{\"fr\":\"f\",\"en\":\"e\"}"

static const char schema_text[] =
    "{\"name\":\"demo\",\"version\":1,\"target\":\"y\",\"fields\":["
    "{\"name\":\"title\",\"type\":\"text\",\"known\":\"before\",\"required\":true,\"length_max\":5,\"example\":"
    "\"t\"," WORDS "},"
    "{\"name\":\"day\",\"type\":\"date\",\"known\":\"before\",\"weekday\":\"wednesday\",\"example\":\"2026-11-"
    "25\"," WORDS "},"
    "{\"name\":\"kinds\",\"type\":\"list\",\"known\":\"before\",\"length_max\":8,\"items_max\":3,"
    "\"values\":[{\"value\":\"Drame\",\"aliases\":[\"drama\"]},{\"value\":\"Comédie\"}],\"example\":[\"Drame\"]," WORDS
    "},"
    "{\"name\":\"money\",\"type\":\"number\",\"known\":\"before\",\"min\":0,\"exclusive_min\":true,\"example\":2."
    "5," WORDS "},"
    "{\"name\":\"size\",\"type\":\"integer\",\"known\":\"near\",\"min\":40,\"max\":400,\"example\":90," WORDS "},"
    "{\"name\":\"share\",\"type\":\"number\",\"known\":\"near\",\"min\":-1.5,\"max\":1,\"example\":0," WORDS "},"
    "{\"name\":\"rating\",\"type\":\"category\",\"known\":\"near\",\"length_max\":9,\"closed\":true,"
    "\"values\":[{\"value\":\"tp\"},{\"value\":\"12\",\"aliases\":[\"douze\"]},{\"value\":\"16\"}],\"example\":"
    "\"tp\"," WORDS "},"
    "{\"name\":\"house\",\"type\":\"category\",\"known\":\"before\",\"length_max\":6,\"example\":\"h\"," WORDS "},"
    "{\"name\":\"y\",\"type\":\"integer\",\"known\":\"after\",\"min\":0,\"max\":1000,\"example\":1," WORDS "}"
    "]}";

static struct schema *schema;
static struct arena arena;
static struct json_doc *doc;
static struct row row;
static struct row_report report;

static void setup(void)
{
    struct mrc_err err = {0};
    ck_assert_ok(schema_read(&schema, str_of(schema_text), &err), &err);
    arena_init(&arena, 0);
    doc = NULL;
}

static void teardown(void)
{
    json_free(doc);
    arena_release(&arena);
    schema_free(schema);
}

static void read_json(const char *json, bool target)
{
    struct mrc_err err = {0};
    json_free(doc);
    doc = NULL;
    ck_assert_ok(json_read(&doc, str_of(json), &json_limits_file, NULL, &err), &err);
    ck_assert_ok(row_from_json(&row, schema, json_root(doc), &(struct row_options){target}, &arena, &report, &err),
                 &err);
}

/* Read one record: names and cells are joined by ';'. */
static void read_cells(const char *names, const char *cells, bool target)
{
    struct mrc_err err = {0};
    struct str header[16];
    struct csv_cell record[16];
    int64_t *columns;
    uint32_t n = 0, col = 1;
    for (const char *p = names;; n++) {
        size_t length = strcspn(p, ";");
        header[n] = (struct str){p, length};
        p += length;
        if (!*p++) {
            break;
        }
    }
    n++;
    for (uint32_t i = 0; i < n; i++) {
        size_t length = strcspn(cells, ";");
        record[i] = (struct csv_cell){.text = {cells, length}, .line = 7, .col = col};
        col += (uint32_t)length + 1;
        cells += length + (cells[length] != 0);
    }
    ck_assert_ok(row_columns(schema, header, n, &arena, &columns, &err), &err);
    ck_assert_ok(row_from_cells(&row, schema, columns, record, n, &(struct row_options){target}, &arena, &report, &err),
                 &err);
}

static const struct value *value(const char *name)
{
    return &row.values[schema_find(schema, str_of(name))];
}

static const char *written(void)
{
    struct buf b;
    struct json_out w;
    buf_init(&b, &arena, 1 << 20);
    json_out_init(&w, &b);
    row_to_json(&row, &w);
    ck_assert_int_eq(buf_ok(&b, NULL), MRC_OK);
    return buf_text(&b).p;
}

START_TEST(good_row)
{
    read_json(
        "{\"house\":\"Pathé \",\"kinds\":[\"DRAMA\",\"comedie\",\"drame\"],\"title\":\"été\",\"day\":\"2026-11-25\","
        "\"money\":1e6,\"size\":90.0,\"rating\":\"Douze\",\"share\":-0.0}",
        false);
    ck_assert_uint_eq(report.n_errors, 0);
    ck_assert_uint_eq(report.n_warnings, 0);
    ck_assert_uint_eq(value("kinds")->n_items, 2);
    ck_assert_text(value("kinds")->items[1], "Comédie");
    ck_assert_double_eq(value("size")->number, 90);
    ck_assert(!value("y")->present);
    ck_assert_str_eq(written(), "{\"title\":\"été\",\"day\":\"2026-11-25\",\"kinds\":[\"Drame\",\"Comédie\"],"
                                "\"money\":1000000,\"size\":90,\"share\":0,\"rating\":\"12\",\"house\":\"Pathé\"}");
}
END_TEST

START_TEST(absent_values)
{
    read_json("{\"title\":\" \",\"money\":null,\"kinds\":[],\"house\":\"\",\"day\":null,\"rating\":\"\"}", false);
    ck_assert_uint_eq(report.n_errors, 0);
    ck_assert_str_eq(written(), "{\"title\":\" \"}");
    read_cells("title;money;kinds;house;day;size", "abc;; | ;;  ;", false);
    ck_assert_uint_eq(report.n_errors, 0);
    ck_assert_str_eq(written(), "{\"title\":\"abc\"}");
}
END_TEST

/* One wrong value each: type, field, item, message, context, input. */
static const struct {
    const char *json, *type, *field;
    int item;
    const char *message, *context, *input;
} wrong[] = {
    {"{}", "missing", "title", -1, "Field required", "", "{}"},
    {"{\"title\":null}", "string_type", "title", -1, "Input should be a valid string", "", "null"},
    {"{\"title\":\"\"}", "string_too_short", "title", -1, "String should have at least 1 character",
     "{\"min_length\":1}", "\"\""},
    {"{\"title\":\"ééééé\"}", NULL, NULL, 0, NULL, NULL, NULL},
    {"{\"title\":\"éééééé\"}", "string_too_long", "title", -1, "String should have at most 5 characters",
     "{\"max_length\":5}", "\"éééééé\""},
    {"{\"title\":[1]}", "string_type", "title", -1, "Input should be a valid string", "", "[1]"},
    {"{\"title\":\"t\",\"day\":20261125}", "date_type", "day", -1, "Input should be a valid date", "", "20261125"},
    {"{\"title\":\"t\",\"day\":\"2026-13-25\"}", "date_from_datetime_parsing", "day", -1,
     "Input should be a valid date or datetime, month value is outside expected range of 1-12",
     "{\"error\":\"month value is outside expected range of 1-12\"}", "\"2026-13-25\""},
    {"{\"title\":\"t\",\"day\":\"2026-02-29\"}", "date_from_datetime_parsing", "day", -1,
     "Input should be a valid date or datetime, day value is outside expected range",
     "{\"error\":\"day value is outside expected range\"}", "\"2026-02-29\""},
    {"{\"title\":\"t\",\"day\":\"soon\"}", "date_from_datetime_parsing", "day", -1,
     "Input should be a valid date or datetime, input is too short", "{\"error\":\"input is too short\"}", "\"soon\""},
    {"{\"title\":\"t\",\"kinds\":\"Drame\"}", "list_type", "kinds", -1, "Input should be a valid list", "",
     "\"Drame\""},
    {"{\"title\":\"t\",\"kinds\":[\"Drame\",3]}", "string_type", "kinds", 1, "Input should be a valid string", "", "3"},
    {"{\"title\":\"t\",\"kinds\":[\"a\",\"a\",\"a\"]}", NULL, NULL, 0, NULL, NULL, NULL},
    {"{\"title\":\"t\",\"kinds\":[\"a\",\"a\",\"a\",\"a\"]}", "too_long", "kinds", -1,
     "List should have at most 3 items after validation, not 4",
     "{\"field_type\":\"List\",\"max_length\":3,\"actual_length\":4}", "[\"a\",\"a\",\"a\",\"a\"]"},
    {"{\"title\":\"t\",\"kinds\":[\"a\",\"123456789\"]}", "string_too_long", "kinds", 1,
     "String should have at most 8 characters", "{\"max_length\":8}", "\"123456789\""},
    {"{\"title\":\"t\",\"money\":\"12\"}", "float_type", "money", -1, "Input should be a valid number", "", "\"12\""},
    {"{\"title\":\"t\",\"money\":true}", "float_type", "money", -1, "Input should be a valid number", "", "true"},
    {"{\"title\":\"t\",\"money\":0}", "greater_than", "money", -1, "Input should be greater than 0", "{\"gt\":0.0}",
     "0"},
    {"{\"title\":\"t\",\"money\":1e-300}", NULL, NULL, 0, NULL, NULL, NULL},
    {"{\"title\":\"t\",\"size\":\"90\"}", "int_type", "size", -1, "Input should be a valid integer", "", "\"90\""},
    {"{\"title\":\"t\",\"size\":90.5}", "int_from_float", "size", -1,
     "Input should be a valid integer, got a number with a fractional part", "", "90.5"},
    {"{\"title\":\"t\",\"size\":39}", "greater_than_equal", "size", -1, "Input should be greater than or equal to 40",
     "{\"ge\":40}", "39"},
    {"{\"title\":\"t\",\"size\":40}", NULL, NULL, 0, NULL, NULL, NULL},
    {"{\"title\":\"t\",\"size\":400}", NULL, NULL, 0, NULL, NULL, NULL},
    {"{\"title\":\"t\",\"size\":401}", "less_than_equal", "size", -1, "Input should be less than or equal to 400",
     "{\"le\":400}", "401"},
    {"{\"title\":\"t\",\"size\":1e300}", "less_than_equal", "size", -1, "Input should be less than or equal to 400",
     "{\"le\":400}", "1e+300"},
    {"{\"title\":\"t\",\"share\":-1.6}", "greater_than_equal", "share", -1,
     "Input should be greater than or equal to -1.5", "{\"ge\":-1.5}", "-1.6"},
    {"{\"title\":\"t\",\"share\":1.5}", "less_than_equal", "share", -1, "Input should be less than or equal to 1",
     "{\"le\":1.0}", "1.5"},
    {"{\"title\":\"t\",\"rating\":\"13\"}", "literal_error", "rating", -1, "Input should be 'tp', '12' or '16'",
     "{\"expected\":\"'tp', '12' or '16'\"}", "\"13\""},
    {"{\"title\":\"t\",\"rating\":12}", "string_type", "rating", -1, "Input should be a valid string", "", "12"},
    {"{\"title\":\"t\",\"house\":{\"a\":1}}", "string_type", "house", -1, "Input should be a valid string", "",
     "{\"a\":1}"},
    {"{\"title\":\"t\",\"y\":\"many\"}", NULL, NULL, 0, NULL, NULL, NULL},
    {"[]", "model_attributes_type", "", -1, "Input should be a valid dictionary or object to extract fields from", "",
     "[]"},
    {"null", "model_attributes_type", "", -1, "Input should be a valid dictionary or object to extract fields from", "",
     "null"},
};

START_TEST(wrong_values)
{
    read_json(wrong[_i].json, false);
    if (!wrong[_i].type) {
        ck_assert_msg(report.n_errors == 0, "%s: %s", wrong[_i].json, report.errors ? report.errors[0].type : "");
        return;
    }
    ck_assert_msg(report.n_errors == 1, "%s: %u errors", wrong[_i].json, report.n_errors);
    const struct field_error *e = &report.errors[0];
    ck_assert_str_eq(e->type, wrong[_i].type);
    ck_assert_text(e->field, wrong[_i].field);
    ck_assert_int_eq(e->item, wrong[_i].item);
    ck_assert_text(e->message, wrong[_i].message);
    ck_assert_text(e->context, wrong[_i].context);
    ck_assert_text(e->input, wrong[_i].input);
    ck_assert_uint_eq(e->line, 0);
}
END_TEST

START_TEST(all_errors_at_once)
{
    read_json("{\"size\":1,\"money\":\"x\",\"day\":3,\"kinds\":[1,\"Drame\",true],\"extra\":1,\"rating\":\"0\"}",
              false);
    static const char *const expected[] = {"day", "kinds", "kinds", "money", "size", "rating", "title"};
    ck_assert_uint_eq(report.n_errors, 7);
    for (uint32_t i = 0; i < 7; i++) {
        ck_assert_text(report.errors[i].field, expected[i]);
    }
    ck_assert_int_eq(report.errors[2].item, 2);
    ck_assert_uint_eq(report.n_warnings, 1);
}
END_TEST

START_TEST(warnings)
{
    read_json("{\"title\":\"t\",\"day\":\"2026-11-24\",\"kinds\":[\"Western\",\"drama\"],\"y\":5,\"z\":1,\"Title\":2}",
              false);
    ck_assert_uint_eq(report.n_errors, 0);
    static const struct {
        const char *code, *field, *value;
    } expected[] = {
        {"unknown_field", "z", ""},           {"unknown_field", "Title", ""}, {"not_a_wednesday", "day", "2026-11-24"},
        {"unseen_value", "kinds", "Western"}, {"ignored_field", "y", ""},
    };
    ck_assert_uint_eq(report.n_warnings, 5);
    for (uint32_t i = 0; i < 5; i++) {
        ck_assert_str_eq(report.warnings[i].code, expected[i].code);
        ck_assert_text(report.warnings[i].field, expected[i].field);
        ck_assert_text(report.warnings[i].value, expected[i].value);
    }
    ck_assert(!value("y")->present);
    read_json("{\"title\":\"t\",\"y\":5}", true);
    ck_assert_uint_eq(report.n_warnings, 0);
    ck_assert_double_eq(value("y")->number, 5);
}
END_TEST

START_TEST(good_cells)
{
    read_cells("title;day;kinds;money;size;rating;house;use;y",
               " abc ;2026-11-25; drama | comedie|drame;1.5e3;90.0;DOUZE;Pathé;train;12", true);
    ck_assert_uint_eq(report.n_errors, 0);
    ck_assert_uint_eq(report.n_warnings, 0);
    ck_assert_str_eq(written(), "{\"title\":\"abc\",\"day\":\"2026-11-25\",\"kinds\":[\"Drame\",\"Comédie\"],"
                                "\"money\":1500,\"size\":90,\"rating\":\"12\",\"house\":\"Pathé\",\"y\":12}");
}
END_TEST

static const struct {
    const char *name, *cell, *type;
    uint32_t col;
    int item;
    const char *input;
} wrong_cells[] = {
    {"money", "1,5", "float_parsing", 3, -1, "\"1,5\""},
    {"money", "0x10", "float_parsing", 3, -1, "\"0x10\""},
    {"money", "1e999", "finite_number", 3, -1, "\"1e999\""},
    {"money", "nan", "finite_number", 3, -1, "\"nan\""},
    {"money", "-inf", "finite_number", 3, -1, "\"-inf\""},
    {"money", "1 000", "float_parsing", 3, -1, "\"1 000\""},
    {"size", "ninety", "int_parsing", 3, -1, "\"ninety\""},
    {"size", "90.5", "int_from_float", 3, -1, "\"90.5\""},
    {"size", "4000", "less_than_equal", 3, -1, "\"4000\""},
    {"day", "25/11/2026", "date_from_datetime_parsing", 3, -1, "\"25/11/2026\""},
    {"kinds", "a|b|123456789", "string_too_long", 3, 2, "\"123456789\""},
    {"kinds", "a|b|c|d", "too_long", 3, -1, "\"a|b|c|d\""},
    {"rating", "13", "literal_error", 3, -1, "\"13\""},
    {"house", "1234567", "string_too_long", 3, -1, "\"1234567\""},
};

START_TEST(wrong_cell)
{
    char names[32], cells[64];
    snprintf(names, sizeof names, "title;%s", wrong_cells[_i].name);
    snprintf(cells, sizeof cells, "t;%s", wrong_cells[_i].cell);
    read_cells(names, cells, true);
    ck_assert_msg(report.n_errors == 1, "%s: %u errors", cells, report.n_errors);
    const struct field_error *e = &report.errors[0];
    ck_assert_str_eq(e->type, wrong_cells[_i].type);
    ck_assert_text(e->input, wrong_cells[_i].input);
    ck_assert_int_eq(e->item, wrong_cells[_i].item);
    ck_assert_uint_eq(e->line, 7);
    ck_assert_uint_eq(e->col, wrong_cells[_i].col);
}
END_TEST

START_TEST(missing_cell)
{
    read_cells("size;y", "90;5", false);
    ck_assert_uint_eq(report.n_errors, 1);
    ck_assert_str_eq(report.errors[0].type, "missing");
    ck_assert_text(report.errors[0].input, "null");
    ck_assert_uint_eq(report.errors[0].line, 7);
    ck_assert_uint_eq(report.n_warnings, 1);
    ck_assert_str_eq(report.warnings[0].code, "ignored_field");
}
END_TEST

/* What is echoed stays bounded and valid JSON, whatever was sent. */
START_TEST(bounded_echo)
{
    static const char *const shapes[] = {"\"%s\"", "[\"%s\"]", "{\"a\":\"%s\"}"};
    static const char *const fillers[] = {"a", "é", "\\u0001", "\\\""};
    for (int shape = 0; shape < 3; shape++) {
        for (int filler = 0; filler < 4; filler++) {
            struct buf b;
            buf_init(&b, &arena, 1 << 20);
            buf_puts(&b, "{\"title\":\"t\",\"money\":");
            buf_add(&b, shapes[shape], strcspn(shapes[shape], "%"));
            for (int i = 0; i < 1000; i++) {
                buf_puts(&b, fillers[filler]);
            }
            buf_puts(&b, strchr(shapes[shape], 's') + 1);
            buf_puts(&b, "}");
            read_json(buf_text(&b).p, false);
            ck_assert_uint_eq(report.n_errors, 1);
            struct str input = report.errors[0].input;
            ck_assert_uint_le(input.n, ROW_INPUT_ECHO_MAX);
            ck_assert_uint_ge(input.n, shape == 0 ? 70 : 5);
            struct json_doc *echo;
            struct mrc_err err = {0};
            ck_assert_ok(json_read(&echo, input, &json_limits_file, NULL, &err), &err);
            ck_assert_int_eq(json_type(json_root(echo)), JSON_STRING);
            json_free(echo);
        }
    }
}
END_TEST

START_TEST(bounded_report)
{
    struct buf b;
    buf_init(&b, &arena, 1 << 20);
    buf_puts(&b, "{\"title\":\"t\"");
    for (int i = 0; i < 500; i++) {
        buf_printf(&b, ",\"f%d\":1", i);
    }
    buf_puts(&b, "}");
    read_json(buf_text(&b).p, false);
    ck_assert_uint_eq(report.n_warnings, ROW_WARNINGS_MAX);
    ck_assert_text(report.warnings[ROW_WARNINGS_MAX - 1].field, "f63");
    ck_assert_uint_eq(report.n_errors, 0);
    /* The same warning once. */
    struct row_report own = {0};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(row_warn(&own, &arena, "unseen_value", STR("house"), STR("x"), NULL), MRC_OK);
    }
    ck_assert_uint_eq(own.n_warnings, 1);
}
END_TEST

START_TEST(memory_runs_out)
{
    static const char json[] = "{\"title\":\"t\",\"kinds\":[\"Western\",\"b\"],\"money\":\"x\",\"zz\":1}";
    struct mrc_err err = {0};
    bool done = false;
    ck_assert_ok(json_read(&doc, str_of(json), &json_limits_file, NULL, &err), &err);
    for (size_t max = 64; !done && max < 1 << 20; max += 64) {
        struct arena small;
        arena_init(&small, max);
        int rc = row_from_json(&row, schema, json_root(doc), &(struct row_options){false}, &small, &report, &err);
        ck_assert(rc == MRC_OK || rc == MRC_ELIMIT);
        done = rc == MRC_OK && report.n_errors == 1;
        arena_release(&small);
    }
    ck_assert(done);
}
END_TEST

/* ---- the schema that ships ------------------------------------------------------------------------------------- */

static struct schema *shipped(void)
{
    struct mrc_err err = {0};
    struct schema *s;
    char *text;
    size_t n;
    if (!file_exists("data/schema.json")) {
        printf("SKIP: data/schema.json: not run from the top of the checkout\n");
        return NULL;
    }
    ck_assert_ok(file_read("data/schema.json", 1 << 22, &text, &n, &err), &err);
    ck_assert_ok(schema_read(&s, (struct str){text, n}, &err), &err);
    free(text);
    return s;
}

/* A film as a caller sends it: fields we do not know are named, French names become codes. */
START_TEST(film_of_the_page)
{
    static const char film[] =
        "{\"title\":\"Les Lumières de la Ville Basse\",\"release_date\":\"2026-03-11\","
        "\"genres\":[\"Comédie dramatique\",\"Romance\"],\"duration_min\":112,\"budget\":8500000,"
        "\"distributor\":\"Pathé\",\"directors\":[\"Cédric Klapisch\"],\"actors\":[\"Romain Duris\"],"
        "\"countries\":[\"France\",\"Belgique\"],\"languages\":[\"Français\"],\"screens\":412,\"sequel\":false,"
        "\"remake\":false,\"age_rating\":\"tous_publics\",\"production_year\":2025}";
    static const char *const unknown[] = {"languages", "sequel", "remake", "production_year"};
    struct schema *demo = schema, *s = shipped();
    if (!s) {
        return;
    }
    schema = s;
    read_json(film, false);
    ck_assert_uint_eq(report.n_errors, 0);
    ck_assert_uint_eq(report.n_warnings, 4);
    for (uint32_t i = 0; i < 4; i++) {
        ck_assert_str_eq(report.warnings[i].code, "unknown_field");
        ck_assert_text(report.warnings[i].field, unknown[i]);
    }
    ck_assert_text(value("countries")->items[1], "BE");
    ck_assert_ptr_nonnull(strstr(written(), "\"countries\":[\"FR\",\"BE\"]"));
    read_json("{}", false);
    ck_assert_uint_eq(report.n_errors, 2);
    ck_assert_text(report.errors[0].field, "title");
    ck_assert_text(report.errors[1].field, "release_date");
    ck_assert_str_eq(report.errors[1].type, "missing");
    schema_free(s);
    schema = demo;
}
END_TEST

/* Every film of the real data, mapped by data/prepare.py, is a valid row. */
START_TEST(real_films)
{
    char data[512], command[1200], csv_path[] = "/tmp/mrc_films_XXXXXX";
    const char *python = getenv("MERCREDI_PY");
    if (!check_data("data/fr-first-week/clean.csv", data, sizeof data)) {
        return;
    }
    int fd = mkstemp(csv_path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    snprintf(command, sizeof command, "'%s' data/prepare.py '%s' '%s' 2>/dev/null", python ? python : "python3", data,
             csv_path);
    struct schema *s = shipped();
    if (!s || system(command) != 0) {
        printf("SKIP: real films: cannot run data/prepare.py\n");
        schema_free(s);
        unlink(csv_path);
        return;
    }
    struct mrc_err err = {0};
    struct csv *csv;
    const struct str *names;
    const struct csv_cell *cells;
    int64_t *columns;
    uint32_t n;
    int rc, films = 0, unseen = 0;
    ck_assert_ok(csv_open(&csv, csv_path, &csv_limits_file, &err), &err);
    ck_assert_ok(csv_header(csv, &names, &n, &err), &err);
    ck_assert_ok(row_columns(s, names, n, &arena, &columns, &err), &err);
    struct arena_mark mark = arena_mark(&arena);
    for (; (rc = csv_next(csv, &cells, &n, &err)) > 0; films++) {
        ck_assert_ok(row_from_cells(&row, s, columns, cells, n, &(struct row_options){true}, &arena, &report, &err),
                     &err);
        ck_assert_msg(report.n_errors == 0, "line %u: %s", csv_line(csv),
                      report.n_errors ? report.errors[0].message.p : "");
        for (uint32_t i = 0; i < report.n_warnings; i++) {
            unseen += strcmp(report.warnings[i].code, "unseen_value") == 0;
        }
        arena_rewind(&arena, mark);
    }
    ck_assert_ok(rc, &err);
    ck_assert_int_eq(films, 12686);
    ck_assert_int_eq(unseen, 0);
    csv_close(csv);
    schema_free(s);
    unlink(csv_path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("row");
    TCase *c = tcase_create("row");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, good_row);
    tcase_add_test(c, absent_values);
    tcase_add_loop_test(c, wrong_values, 0, (int)(sizeof wrong / sizeof wrong[0]));
    tcase_add_test(c, all_errors_at_once);
    tcase_add_test(c, warnings);
    tcase_add_test(c, good_cells);
    tcase_add_loop_test(c, wrong_cell, 0, (int)(sizeof wrong_cells / sizeof wrong_cells[0]));
    tcase_add_test(c, missing_cell);
    tcase_add_test(c, bounded_echo);
    tcase_add_test(c, bounded_report);
    tcase_add_test(c, memory_runs_out);
    tcase_add_test(c, film_of_the_page);
    tcase_add_test(c, real_films);
    suite_add_tcase(suite, c);
    return check_main(suite);
}
