/* Bodies and queries of the routes that keep things. */
#include "fcgi/reading.h"

#include "common/base/date.h"
#include "common/base/digest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- problems -------------------------------------------------------------------------------------------------- */

/* A value of the body for `input`: scalars as they came (texts cut), anything larger as null. */
static struct str json_echo(struct context *c, const struct json *v)
{
    struct str text;
    double number;
    bool truth;
    struct buf b;
    struct json_out w;
    if (json_str(v, &text)) {
        return json_text(c, text);
    }
    buf_init(&b, c->arena, 64);
    json_out_init(&w, &b);
    if (json_double(v, &number)) {
        json_put_double(&w, number);
    } else if (json_bool(v, &truth)) {
        json_put_bool(&w, truth);
    } else {
        return (struct str){"", 0};
    }
    return buf_text(&b);
}

int problem_in_body(struct context *c, struct problems *problems, const char *type, const char *field,
                    const char *message, const struct json *input, struct mrc_err *err)
{
    struct problem problem = {.type = type,
                              .where = "body",
                              .field = str_of(field),
                              .index = -1,
                              .message = str_of(message),
                              .input = json_echo(c, input)};
    return problems_add(c, problems, &problem, err);
}

int problem_in_query(struct context *c, struct problems *problems, const char *type, const char *name,
                     const char *message, struct str input, struct mrc_err *err)
{
    struct problem problem = {.type = type,
                              .where = "query",
                              .field = str_of(name),
                              .index = -1,
                              .message = str_of(message),
                              .input = json_text(c, input)};
    return problems_add(c, problems, &problem, err);
}

/* ---- bodies ---------------------------------------------------------------------------------------------------- */

static bool refuse(struct context *c, struct problem *problem)
{
    struct problems problems = {0};
    struct mrc_err err = {0};
    if (problems_add(c, &problems, problem, &err) < 0) {
        answer_err(c, &err);
    } else {
        answer_problems(c, &problems);
    }
    return false;
}

/* FastAPI's json_invalid: loc ends with the offset in characters, ctx.error says what is wrong. */
static bool refuse_syntax(struct context *c, size_t offset, const struct mrc_err *why)
{
    struct buf b;
    struct json_out w;
    buf_init(&b, c->arena, 512);
    json_out_init(&w, &b);
    json_open_object(&w);
    json_pair_cstr(&w, "error", why->msg);
    json_close_object(&w);
    struct str before = {c->req->body.p, offset < c->req->body.n ? offset : c->req->body.n};
    struct problem problem = {.type = "json_invalid",
                              .where = "body",
                              .index = (int64_t)utf8_length(before),
                              .message = STR("JSON decode error"),
                              .input = STR("{}"),
                              .context = buf_text(&b)};
    return refuse(c, &problem);
}

bool read_json_body(struct context *c, struct json_doc **doc)
{
    const struct json_limits limits = {
        .bytes_max = (size_t)setting_int(c->parts->config, CONFIG_BODY_MAX),
        .depth_max = (unsigned)setting_int(c->parts->config, CONFIG_JSON_DEPTH_MAX),
        .values_max = (size_t)setting_int(c->parts->config, CONFIG_JSON_VALUES_MAX),
    };
    struct mrc_err err = {0};
    size_t offset = 0;
    if (!body_complete(c, limits.bytes_max)) {
        return false;
    }
    if (!http_media_type_is(c->req->content_type, "application/json")) {
        answer_detail(c, 415, "Content-Type must be application/json");
        return false;
    }
    if (utf8_valid(c->req->body) != c->req->body.n) {
        answer_detail(c, 400, "There was an error parsing the body");
        return false;
    }
    if (c->req->body.n == 0) {
        struct problem problem = {.type = "missing", .where = "body", .index = -1, .message = STR("Field required")};
        return refuse(c, &problem);
    }
    int rc = json_read(doc, c->req->body, &limits, &offset, &err);
    if (rc == MRC_EFORMAT || rc == MRC_ELIMIT) {
        return refuse_syntax(c, offset, &err);
    }
    if (rc < 0) {
        answer_err(c, &err);
    }
    return rc == MRC_OK;
}

bool read_json_object(struct context *c, struct json_doc **doc)
{
    if (!read_json_body(c, doc)) {
        return false;
    }
    if (json_type(json_root(*doc)) == JSON_OBJECT) {
        return true;
    }
    struct problem problem = {.type = "model_attributes_type",
                              .where = "body",
                              .index = -1,
                              .message = STR("Input should be a valid dictionary or object to extract fields from"),
                              .input = json_echo(c, json_root(*doc))};
    json_free(*doc);
    *doc = NULL;
    return refuse(c, &problem);
}

static bool absent(const struct json *v)
{
    return v == NULL || json_type(v) == JSON_NULL;
}

bool text_begins(struct str text)
{
    return text.n > 0 && (unsigned char)text.p[0] > ' ';
}

int read_text_member(struct context *c, struct problems *problems, const struct json *object, const char *field,
                     bool needed, size_t min, size_t max, struct str *out, struct mrc_err *err)
{
    const struct json *v = json_find(object, field);
    struct str text = {"", 0};
    char message[96];
    *out = text;
    if (v == NULL || (absent(v) && !needed)) {
        return needed ? problem_in_body(c, problems, "missing", field, "Field required", NULL, err) : MRC_OK;
    }
    if (!json_str(v, &text)) {
        return problem_in_body(c, problems, "string_type", field, "Input should be a valid string", v, err);
    }
    if (min > 0 && text.n > 0 && !text_begins(text)) {
        return problem_in_body(c, problems, "string_pattern_mismatch", field,
                               "String should begin with something to see", v, err);
    }
    text = str_trim(text);
    size_t n = utf8_length(text);
    if (n < min || n > max) {
        (void)snprintf(message, sizeof message, "String should have %s %zu character%s",
                       n < min ? "at least" : "at most", n < min ? min : max, (n < min ? min : max) == 1 ? "" : "s");
        return problem_in_body(c, problems, n < min ? "string_too_short" : "string_too_long", field,
                               arena_copy(c->arena, message, strlen(message)), v, err);
    }
    return str_copy(c->arena, text, out) ? MRC_OK : arena_fail(c->arena, err);
}

int read_integer_member(struct context *c, struct problems *problems, const struct json *object, const char *field,
                        int64_t min, int64_t max, bool *has, int64_t *out, struct mrc_err *err)
{
    const struct json *v = json_find(object, field);
    char message[96];
    double number;
    *has = false;
    if (absent(v)) {
        return MRC_OK;
    }
    if (!json_double(v, &number)) {
        return problem_in_body(c, problems, "int_type", field, "Input should be a valid integer", v, err);
    }
    if (number != floor(number)) {
        return problem_in_body(c, problems, "int_from_float", field,
                               "Input should be a valid integer, got a number with a fractional part", v, err);
    }
    if (number < (double)min || number > (double)max) {
        bool low = number < (double)min;
        (void)snprintf(message, sizeof message, "Input should be %s than or equal to %lld", low ? "greater" : "less",
                       (long long)(low ? min : max));
        return problem_in_body(c, problems, low ? "greater_than_equal" : "less_than_equal", field,
                               arena_copy(c->arena, message, strlen(message)), v, err);
    }
    *has = json_i64(v, out); /* the bounds are narrower than what a double holds exactly */
    return MRC_OK;
}

/* ---- queries --------------------------------------------------------------------------------------------------- */

bool parse_truth(struct str text, bool *out)
{
    static const char *const words[2][6] = {{"false", "0", "no", "off", "f", "n"},
                                            {"true", "1", "yes", "on", "t", "y"}};
    char lower[8] = {0};
    for (size_t i = 0; i < text.n && i < sizeof lower - 1; i++) {
        lower[i] = (char)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] - 'A' + 'a' : text.p[i]);
    }
    for (int value = 0; value < 2; value++) {
        for (size_t i = 0; text.n < sizeof lower && i < sizeof words[0] / sizeof words[0][0]; i++) {
            if (strcmp(lower, words[value][i]) == 0) {
                *out = value == 1;
                return true;
            }
        }
    }
    return false;
}

int read_page(struct context *c, struct page *page, struct problems *problems, struct mrc_err *err)
{
    struct str text;
    int64_t limit;
    *page = (struct page){.limit = PAGE_DEFAULT, .cursor = {"", 0}};
    if (query_find(c, "limit", &text)) {
        struct problem problem = {.where = "query", .field = STR("limit"), .index = -1};
        problem.input = json_text(c, text);
        if (!parse_i64(text, &limit)) {
            problem.type = "int_parsing";
            problem.message = STR("Input should be a valid integer, unable to parse string as an integer");
        } else if (limit < 1) {
            problem.type = "greater_than_equal";
            problem.message = STR("Input should be greater than or equal to 1");
            problem.context = STR("{\"ge\":1}");
        } else if (limit > PAGE_MAX) {
            problem.type = "less_than_equal";
            problem.message = STR("Input should be less than or equal to 1000");
            problem.context = STR("{\"le\":1000}");
        } else {
            page->limit = (uint32_t)limit;
        }
        if (problem.type != NULL) {
            MRC_TRY(problems_add(c, problems, &problem, err));
        }
    }
    if (query_find(c, "cursor", &page->cursor) && !uuid_valid(page->cursor)) {
        return problem_in_query(c, problems, "uuid_parsing", "cursor",
                                "Input should be a valid UUID, as given in `next`", page->cursor, err);
    }
    return MRC_OK;
}

int read_query_date(struct context *c, const char *name, struct str absent_value, struct str *out,
                    struct problems *problems, struct mrc_err *err)
{
    struct str text;
    *out = absent_value;
    if (!query_find(c, name, &text)) {
        return MRC_OK;
    }
    if (date_parse(text, NULL) == DATE_NONE) {
        return problem_in_query(c, problems, "date_from_datetime_parsing", name,
                                "Input should be a valid date, as 2026-12-02", text, err);
    }
    *out = text;
    return MRC_OK;
}

bool read_page_of_days(struct context *c, struct page *page, struct str *from, struct str *to)
{
    struct problems problems = {0};
    struct mrc_err err = {0};
    if (read_page(c, page, &problems, &err) < 0 ||
        read_query_date(c, "from", STR("0000-00-00"), from, &problems, &err) < 0 ||
        read_query_date(c, "to", STR("9999-99-99"), to, &problems, &err) < 0) {
        answer_err(c, &err);
        return false;
    }
    if (problems.n > 0) {
        answer_problems(c, &problems);
    }
    return problems.n == 0;
}

void open_list(struct context *c, struct json_out *w, const char *name)
{
    json_out_init(w, &c->res->body);
    json_open_object(w);
    json_put_key(w, name);
    json_open_array(w);
}

void answer_list(struct context *c, struct json_out *w)
{
    json_close_array(w);
    json_close_object(w);
    answer_json(c, 200);
}

void open_page(struct context *c, struct json_out *w)
{
    open_list(c, w, "items");
}

void close_page(struct json_out *w, const struct page *page, size_t n, struct str last_id)
{
    json_close_array(w);
    json_put_key(w, "next");
    if (n == page->limit) { /* there may be more; the last page can be empty */
        json_put_str(w, last_id);
    } else {
        json_put_null(w);
    }
    json_close_object(w);
}
