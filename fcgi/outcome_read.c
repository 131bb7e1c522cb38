/* Bodies of POST /outcomes: the raw fields of a film with the target, as training files have them, and beside them
 * source, week, provisional and confirm. A film that is kept may be named by its film_id alone. */
#include "fcgi/outcome_request.h"
#include "fcgi/reading.h"

#include "common/base/date.h"

#include <stdio.h>
#include <string.h>

/* One item's values by name, from an object or a record. */
struct input {
    const struct json *object; /* NULL: a record */
    const struct str *names;
    const struct csv_cell *cells;
    uint32_t n_names;
    const int64_t *columns;
    int64_t index; /* in the batch, or -1 */
};

static int complain(struct context *c, struct problems *problems, const struct input *in, const char *type,
                    const char *field, const char *message, struct str echo, struct mrc_err *err)
{
    struct problem problem = {.type = type,
                              .where = "body",
                              .list = in->index >= 0 ? "outcomes" : NULL,
                              .list_index = in->index,
                              .field = str_of(field),
                              .index = -1,
                              .message = str_of(message),
                              .input = echo};
    return problems_add(c, problems, &problem, err);
}

static struct str cell_of(const struct input *in, const char *name)
{
    for (uint32_t i = 0; i < in->n_names; i++) {
        if (str_is(in->names[i], name)) {
            return str_trim(in->cells[i].text);
        }
    }
    return STR("");
}

/* A text, empty when absent. *type_ok false: there is something else. */
static struct str text_of(const struct input *in, const char *name, bool *type_ok)
{
    struct str text = {"", 0};
    *type_ok = true;
    if (in->object == NULL) {
        return cell_of(in, name);
    }
    const struct json *v = json_find(in->object, name);
    *type_ok = v == NULL || json_type(v) == JSON_NULL || json_str(v, &text);
    return text;
}

static bool is_there(const struct input *in, const char *name)
{
    const struct json *v = in->object == NULL ? NULL : json_find(in->object, name);
    return in->object == NULL ? cell_of(in, name).n > 0 : v != NULL && json_type(v) != JSON_NULL;
}

static int read_bool(struct context *c, struct problems *problems, const struct input *in, const char *name, bool *out,
                     struct mrc_err *err)
{
    *out = false;
    if (!is_there(in, name)) {
        return MRC_OK;
    }
    struct str cell = in->object == NULL ? cell_of(in, name) : STR("");
    if (in->object == NULL ? parse_truth(cell, out) : json_bool(json_find(in->object, name), out)) {
        return MRC_OK;
    }
    return in->object == NULL
               ? complain(c, problems, in, "bool_parsing", name,
                          "Input should be a valid boolean, unable to interpret input", json_text(c, cell), err)
               : complain(c, problems, in, "bool_type", name, "Input should be a valid boolean", STR(""), err);
}

/* What an outcome has beside the film. */
static int read_report(struct context *c, struct problems *problems, const struct input *in, struct outcome_item *item,
                       struct mrc_err *err)
{
    bool type_ok;
    struct str week = text_of(in, "week", &type_ok);
    item->week = week.n > 0 ? date_parse(week, NULL) : DATE_NONE;
    if (item->week == DATE_NONE && is_there(in, "week")) {
        MRC_TRY(complain(c, problems, in, type_ok ? "date_from_datetime_parsing" : "date_type", "week",
                         "Input should be a valid date, the Wednesday the week begins with", json_text(c, week), err));
    }
    struct str source = text_of(in, "source", &type_ok);
    size_t n = utf8_length(source);
    if (!type_ok) {
        MRC_TRY(complain(c, problems, in, "string_type", "source", "Input should be a valid string", STR(""), err));
    } else if (n == 0) {
        MRC_TRY(complain(c, problems, in, "missing", "source", "Field required: where the figure comes from", STR(""),
                         err));
    } else if (!text_begins(source)) {
        MRC_TRY(complain(c, problems, in, "string_pattern_mismatch", "source",
                         "String should begin with something to see", json_text(c, source), err));
    } else if (n > OUTCOME_SOURCE_MAX) {
        MRC_TRY(complain(c, problems, in, "string_too_long", "source", "String should have at most 120 characters",
                         json_text(c, source), err));
    } else if (!str_copy(c->arena, str_trim(source), &item->source)) {
        return arena_fail(c->arena, err);
    }
    MRC_TRY(read_bool(c, problems, in, "provisional", &item->provisional, err));
    return read_bool(c, problems, in, "confirm", &item->confirm, err);
}

/* ---- the film -------------------------------------------------------------------------------------------------- */

static int add_row_problems(struct context *c, struct problems *problems, const struct input *in,
                            const struct row_report *report, struct mrc_err *err)
{
    for (uint32_t i = 0; i < report->n_errors; i++) {
        const struct field_error *e = &report->errors[i];
        struct problem problem = {.type = e->type,
                                  .where = "body",
                                  .list = in->index >= 0 ? "outcomes" : NULL,
                                  .list_index = in->index,
                                  .field = e->field,
                                  .index = e->item,
                                  .message = e->message,
                                  .input = e->input,
                                  .context = e->context};
        MRC_TRY(problems_add(c, problems, &problem, err));
    }
    return MRC_OK;
}

static int read_row(struct context *c, const struct input *in, struct row *row, struct row_report *report,
                    struct mrc_err *err)
{
    static const struct row_options options = {.target = true};
    const struct schema *schema = c->parts->bundle->schema;
    return in->object != NULL
               ? row_from_json(row, schema, in->object, &options, c->arena, report, err)
               : row_from_cells(row, schema, in->columns, in->cells, in->n_names, &options, c->arena, report, err);
}

/* By the schema, in full; or, where a film_id stands alone, without the two fields that are then found elsewhere. */
static int read_film(struct context *c, struct problems *problems, const struct input *in, struct outcome_item *item,
                     struct mrc_err *err)
{
    struct row_report report;
    const struct schema *schema = c->parts->bundle->schema;
    int64_t target = schema_target(schema), id = schema_find(schema, STR("film_id"));
    bool text;
    bool alone = text_begins(text_of(in, "film_id", &text)) && !(is_there(in, "title") && is_there(in, "release_date"));
    MRC_TRY(read_row(c, in, &item->row, &report, err));
    uint32_t kept = 0;
    for (uint32_t i = 0; i < report.n_errors; i++) {
        bool found_elsewhere = alone && strcmp(report.errors[i].type, "missing") == 0;
        if (!found_elsewhere) {
            report.errors[kept++] = report.errors[i];
        }
    }
    report.n_errors = kept;
    MRC_TRY(add_row_problems(c, problems, in, &report, err));
    if (kept > 0) {
        return MRC_OK;
    }
    const struct value *entries = &item->row.values[target];
    if (!entries->present) {
        return complain(c, problems, in, "missing", schema_field(schema, (uint32_t)target)->name.p, "Field required",
                        STR(""), err);
    }
    item->entries = (int64_t)entries->number;
    item->has_row = !alone;
    if (item->has_row) {
        return film_identity_of(&item->row, c->arena, &item->film, err);
    }
    item->film = (struct film_identity){.date = DATE_NONE};
    return str_copy(c->arena, str_trim(item->row.values[id].text), &item->film.film_id) ? MRC_OK
                                                                                        : arena_fail(c->arena, err);
}

static int read_item(struct context *c, struct problems *problems, const struct input *in, struct outcome_item *item,
                     struct mrc_err *err)
{
    *item = (struct outcome_item){.week = DATE_NONE};
    MRC_TRY(read_film(c, problems, in, item, err));
    return read_report(c, problems, in, item, err);
}

/* ---- bodies ---------------------------------------------------------------------------------------------------- */

static int reserve(struct context *c, struct outcome_items *out, size_t n, struct mrc_err *err)
{
    out->items = ARENA_ARRAY(c->arena, n, struct outcome_item);
    return out->items == NULL ? arena_fail(c->arena, err) : MRC_OK;
}

/* A problem of the list as a whole. */
static int refuse_list(struct context *c, struct problems *problems, const char *type, const char *message,
                       struct mrc_err *err)
{
    struct problem problem = {
        .type = type, .where = "body", .list = "outcomes", .list_index = -1, .index = -1, .message = str_of(message)};
    return problems_add(c, problems, &problem, err);
}

static int read_json(struct context *c, struct problems *problems, const struct json *root, struct outcome_items *out,
                     struct mrc_err *err)
{
    size_t rows_max = (size_t)setting_int(c->parts->config, CONFIG_ROWS_MAX);
    const struct json *list = json_find(root, "outcomes"), *item = root;
    out->n = 1;
    if (list != NULL) {
        out->batch = true;
        out->n = json_count(list);
        item = json_first(list);
        if (json_type(list) != JSON_ARRAY) {
            return refuse_list(c, problems, "list_type", "Input should be a valid list", err);
        }
        if (out->n < 1 || out->n > rows_max) {
            char text[96];
            (void)snprintf(text, sizeof text, "List should have 1 to %zu items after validation, not %zu", rows_max,
                           out->n);
            return refuse_list(c, problems, out->n < 1 ? "too_short" : "too_long",
                               arena_copy(c->arena, text, strlen(text)), err);
        }
    }
    MRC_TRY(reserve(c, out, out->n, err));
    for (size_t i = 0; i < out->n; i++, item = json_next(item)) {
        struct input in = {.object = item, .index = out->batch ? (int64_t)i : -1};
        if (json_type(item) != JSON_OBJECT) {
            MRC_TRY(complain(c, problems, &in, "model_attributes_type", "",
                             "Input should be a valid dictionary or object to extract fields from", STR(""), err));
            continue;
        }
        MRC_TRY(read_item(c, problems, &in, &out->items[i], err));
    }
    return MRC_OK;
}

static int read_records(struct context *c, struct problems *problems, struct csv *csv, struct outcome_items *out,
                        struct mrc_err *err)
{
    size_t rows_max = (size_t)setting_int(c->parts->config, CONFIG_ROWS_MAX);
    struct input in = {.index = -1};
    const struct csv_cell *cells;
    uint32_t n;
    int64_t *columns;
    int rc;
    MRC_TRY(csv_header(csv, &in.names, &in.n_names, err));
    MRC_TRY(row_columns(c->parts->bundle->schema, in.names, in.n_names, c->arena, &columns, err));
    in.columns = columns;
    MRC_TRY(reserve(c, out, rows_max, err));
    while ((rc = csv_next(csv, &cells, &n, err)) == 1) {
        if (out->n == rows_max) {
            return mrc_fail_at(err, MRC_ELIMIT, csv_line(csv), 0, "more than %zu films", rows_max);
        }
        in.cells = cells;
        in.index = (int64_t)out->n;
        MRC_TRY(read_item(c, problems, &in, &out->items[out->n++], err));
    }
    return rc < 0 ? rc : out->n > 0 ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "no film below the header");
}

static int read_csv(struct context *c, struct problems *problems, struct outcome_items *out, struct mrc_err *err)
{
    struct csv_limits limits = {.record_max = c->req->body.n + 1, .cells_max = 1024};
    struct csv *csv = NULL;
    out->batch = true;
    int rc = csv_open_mem(&csv, c->req->body, &limits, err);
    if (rc == MRC_OK) {
        rc = read_records(c, problems, csv, out, err);
    }
    csv_close(csv);
    if (rc == MRC_EFORMAT || (rc == MRC_ELIMIT && err->line > 0)) {
        struct problem problem = {.type = "csv_invalid",
                                  .where = "body",
                                  .index = (int64_t)err->line,
                                  .message = str_of(arena_copy(c->arena, err->msg, strlen(err->msg)))};
        return problems_add(c, problems, &problem, err);
    }
    return rc;
}

bool outcomes_read(struct context *c, struct outcome_items *out)
{
    struct problems problems = {0};
    struct mrc_err err = {0};
    struct json_doc *doc = NULL;
    int rc;
    *out = (struct outcome_items){.n = 0};
    if (http_media_type_is(c->req->content_type, "text/csv")) {
        if (!body_complete(c, (size_t)setting_int(c->parts->config, CONFIG_BODY_MAX))) {
            return false;
        }
        rc = read_csv(c, &problems, out, &err);
    } else if (read_json_object(c, &doc)) {
        rc = read_json(c, &problems, json_root(doc), out, &err);
        json_free(doc); /* items keep copies of all text */
    } else {
        return false;
    }
    if (rc < 0) {
        answer_err(c, &err);
    } else if (problems.n > 0) {
        answer_problems(c, &problems);
    }
    return rc == MRC_OK && problems.n == 0;
}
