/* POST /predict's body → validated rows: one film object, {"films":[…]}, or CSV. Everything wrong in all of them is
 * reported in one answer. */
#include "fcgi/predict.h"

#include <stdio.h>
#include <string.h>

/* application/json, or another subtype that ends with +json. */
static bool is_json(struct str content_type)
{
    static const char prefix[] = "application/", suffix[] = "+json";
    const char *end = content_type.n == 0 ? NULL : memchr(content_type.p, ';', content_type.n);
    struct str type = {content_type.p, end == NULL ? content_type.n : (size_t)(end - content_type.p)};
    type = str_trim(type);
    return http_media_type_is(content_type, "application/json") ||
           (str_starts(type, prefix) && type.n > sizeof prefix - 1 + sizeof suffix - 1 &&
            memcmp(type.p + type.n - (sizeof suffix - 1), suffix, sizeof suffix - 1) == 0);
}

static bool fail(struct context *c, const struct mrc_err *err)
{
    answer_err(c, err);
    return false;
}

/* Add one problem of the whole body and answer. */
static bool refuse(struct context *c, struct problems *problems, const struct problem *problem)
{
    struct mrc_err err = {0};
    if (problems_add(c, problems, problem, &err) < 0) {
        return fail(c, &err);
    }
    answer_problems(c, problems);
    return false;
}

static bool reserve(struct context *c, struct predict_rows *out, size_t n)
{
    struct mrc_err err = {0};
    out->rows = ARENA_ARRAY(c->arena, n, struct row);
    out->reports = ARENA_ARRAY(c->arena, n, struct row_report);
    if (out->rows == NULL || out->reports == NULL) {
        (void)arena_fail(c->arena, &err);
        return fail(c, &err);
    }
    return true;
}

static bool settle(struct context *c, const struct problems *problems)
{
    if (problems->n > 0) {
        answer_problems(c, problems);
    }
    return problems->n == 0;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

/* FastAPI's json_invalid: loc ends with the offset in characters, ctx.error says what is wrong. */
static bool refuse_syntax(struct context *c, struct problems *problems, size_t offset, const struct mrc_err *why)
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
    return refuse(c, problems, &problem);
}

static bool refuse_count(struct context *c, struct problems *problems, size_t n, size_t rows_max)
{
    struct problem problem = {.where = "body", .list = "films", .list_index = -1, .index = -1};
    if (n == 0) {
        problem.type = "too_short";
        problem.message = STR("List should have at least 1 item after validation, not 0");
        problem.input = STR("[]");
        problem.context = STR("{\"field_type\":\"List\",\"min_length\":1,\"actual_length\":0}");
    } else {
        struct buf message, context;
        buf_init(&message, c->arena, 128);
        buf_init(&context, c->arena, 128);
        buf_printf(&message, "List should have at most %zu items after validation, not %zu", rows_max, n);
        buf_printf(&context, "{\"field_type\":\"List\",\"max_length\":%zu,\"actual_length\":%zu}", rows_max, n);
        problem.type = "too_long";
        problem.message = buf_text(&message);
        problem.context = buf_text(&context);
    }
    return refuse(c, problems, &problem);
}

/* The films of a batch, or the body itself. */
static bool find_films(struct context *c, struct problems *problems, const struct json *root, const struct json **first,
                       struct predict_rows *out)
{
    size_t rows_max = (size_t)setting_int(c->parts->config, CONFIG_ROWS_MAX);
    const struct json *films = json_type(root) == JSON_OBJECT ? json_find(root, "films") : NULL;
    if (films == NULL) {
        *first = root;
        out->n = 1;
        return true;
    }
    out->batch = true;
    out->n = json_count(films);
    *first = json_first(films);
    if (json_type(films) != JSON_ARRAY) {
        struct problem problem = {.type = "list_type",
                                  .where = "body",
                                  .list = "films",
                                  .list_index = -1,
                                  .index = -1,
                                  .message = STR("Input should be a valid list")};
        return refuse(c, problems, &problem);
    }
    if (out->n < 1 || out->n > rows_max) {
        return refuse_count(c, problems, out->n, rows_max);
    }
    return true;
}

static bool read_films(struct context *c, struct problems *problems, const struct json *root, struct predict_rows *out)
{
    static const struct row_options options = {.target = false};
    struct mrc_err err = {0};
    const struct json *film = NULL;
    if (!find_films(c, problems, root, &film, out) || !reserve(c, out, out->n)) {
        return false;
    }
    for (size_t i = 0; i < out->n; i++) {
        if (row_from_json(&out->rows[i], c->parts->bundle->schema, film, &options, c->arena, &out->reports[i], &err) <
                0 ||
            problems_add_row(c, problems, &out->reports[i], out->batch ? (int64_t)i : -1, &err) < 0) {
            return fail(c, &err);
        }
        film = json_next(film);
    }
    return settle(c, problems);
}

static bool read_json(struct context *c, struct problems *problems, struct predict_rows *out)
{
    struct json_limits limits = {
        .bytes_max = (size_t)setting_int(c->parts->config, CONFIG_BODY_MAX),
        .depth_max = (unsigned)setting_int(c->parts->config, CONFIG_JSON_DEPTH_MAX),
        .values_max = (size_t)setting_int(c->parts->config, CONFIG_JSON_VALUES_MAX),
    };
    struct json_doc *doc = NULL;
    struct mrc_err err = {0};
    size_t offset = 0;
    if (utf8_valid(c->req->body) != c->req->body.n) {
        answer_detail(c, 400, "There was an error parsing the body");
        return false;
    }
    int rc = json_read(&doc, c->req->body, &limits, &offset, &err);
    if (rc == MRC_EFORMAT || rc == MRC_ELIMIT) {
        return refuse_syntax(c, problems, offset, &err);
    }
    if (rc < 0) {
        return fail(c, &err);
    }
    bool ok = read_films(c, problems, json_root(doc), out); /* rows keep copies of all text */
    json_free(doc);
    return ok;
}

/* ---- CSV ------------------------------------------------------------------------------------------------------- */

static bool refuse_csv(struct context *c, struct problems *problems, const struct mrc_err *why)
{
    if (why->code != MRC_EFORMAT && why->code != MRC_ELIMIT) {
        return fail(c, why);
    }
    struct problem problem = {
        .type = "csv_invalid", .where = "body", .index = (int64_t)why->line, .message = str_of(why->msg)};
    return refuse(c, problems, &problem);
}

/* Every record to a row; 0, or negative with err. */
static int read_records(struct context *c, struct csv *csv, struct problems *problems, struct predict_rows *out,
                        size_t rows_max, struct mrc_err *err)
{
    static const struct row_options options = {.target = false};
    const struct schema *schema = c->parts->bundle->schema;
    const struct str *names;
    const struct csv_cell *cells;
    uint32_t n_names, n_cells;
    int64_t *columns;
    MRC_TRY(csv_header(csv, &names, &n_names, err));
    MRC_TRY(row_columns(schema, names, n_names, c->arena, &columns, err));
    int rc;
    while ((rc = csv_next(csv, &cells, &n_cells, err)) == 1) {
        if (out->n == rows_max) {
            return mrc_fail_at(err, MRC_ELIMIT, csv_line(csv), 0, "more than %zu films", rows_max);
        }
        struct row_report *report = &out->reports[out->n];
        MRC_TRY(row_from_cells(&out->rows[out->n], schema, columns, cells, n_cells, &options, c->arena, report, err));
        for (uint32_t i = 0; out->n == 0 && i < n_names; i++) {
            if (columns[i] < 0) {
                MRC_TRY(row_warn(report, c->arena, "unknown_field", names[i], STR(""), err));
            }
        }
        MRC_TRY(problems_add_row(c, problems, report, (int64_t)out->n, err));
        out->n++;
    }
    return rc < 0 ? rc : out->n > 0 ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "no film below the header");
}

static bool read_csv(struct context *c, struct problems *problems, struct predict_rows *out)
{
    struct csv_limits limits = {.record_max = c->req->body.n + 1, .cells_max = 1024};
    size_t rows_max = (size_t)setting_int(c->parts->config, CONFIG_ROWS_MAX);
    struct mrc_err err = {0};
    struct csv *csv = NULL;
    out->batch = true;
    if (!reserve(c, out, rows_max)) {
        return false;
    }
    int rc = csv_open_mem(&csv, c->req->body, &limits, &err);
    if (rc == MRC_OK) {
        rc = read_records(c, csv, problems, out, rows_max, &err);
    }
    csv_close(csv);
    return rc < 0 ? refuse_csv(c, problems, &err) : settle(c, problems);
}

bool predict_read(struct context *c, struct problems *problems, struct predict_rows *out)
{
    *out = (struct predict_rows){0};
    if (!body_complete(c, (size_t)setting_int(c->parts->config, CONFIG_BODY_MAX))) {
        return false;
    }
    bool csv = http_media_type_is(c->req->content_type, "text/csv");
    if (!csv && !is_json(c->req->content_type)) {
        http_header(c->res, "Accept", STR("application/json, text/csv"));
        answer_detail(c, 415, "Content-Type must be application/json or text/csv");
        return false;
    }
    if (c->req->body.n == 0) {
        struct problem problem = {.type = "missing", .where = "body", .index = -1, .message = STR("Field required")};
        return refuse(c, problems, &problem);
    }
    return csv ? read_csv(c, problems, out) : read_json(c, problems, out);
}
