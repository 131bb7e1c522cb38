/* POST /invocations: MLflow's scoring protocol. One of dataframe_split, dataframe_records, instances and inputs, or
 * CSV; columns are the model's features, what it does not know is left out, as MLflow does; the answer is its raw
 * score. */
#include "fcgi/handlers.h"
#include "fcgi/reading.h"
#include "fcgi/scores.h"

#include "common/base/csv.h"

#include <string.h>

struct reading {
    struct context *c;
    struct scores_rows rows;
    struct problems problems;
    const char *form;
    int rc; /* negative: err */
    struct mrc_err err;
};

static void complain(struct reading *r, const char *type, int64_t row, struct str field)
{
    struct problem problem = {.type = type,
                              .where = "body",
                              .list = r->form,
                              .list_index = row,
                              .field = field,
                              .index = -1,
                              .message = str_of(scores_message(type))};
    if (r->rc == MRC_OK) {
        r->rc = strcmp(type, "no_memory") == 0 ? arena_fail(r->c->arena, &r->err)
                                               : problems_add(r->c, &r->problems, &problem, &r->err);
    }
}

/* Something about the whole of it. false. */
static bool refuse(struct reading *r, const char *type, const char *message)
{
    struct problem problem = {
        .type = type, .where = "body", .list = r->form, .list_index = -1, .index = -1, .message = str_of(message)};
    if (problems_add(r->c, &r->problems, &problem, &r->err) < 0) {
        answer_err(r->c, &r->err);
    } else {
        answer_problems(r->c, &r->problems);
    }
    return false;
}

static bool settle(struct reading *r)
{
    if (r->rc < 0) {
        answer_err(r->c, &r->err);
        return false;
    }
    if (r->problems.n > 0) {
        answer_problems(r->c, &r->problems);
        return false;
    }
    return true;
}

static void set(struct reading *r, size_t row, uint32_t column, const struct json *v)
{
    const char *wrong = v == NULL ? "missing" : scores_set_json(&r->rows, row, column, v);
    if (wrong != NULL) {
        complain(r, wrong, (int64_t)row, scores_column(&r->rows, column)->name);
    }
}

/* ---- forms of JSON --------------------------------------------------------------------------------------------- */

/* A list of objects, or of lists in the order of the features. */
static bool read_records(struct reading *r, const struct json *list)
{
    if (json_type(list) != JSON_ARRAY) {
        return refuse(r, "list_type", "Input should be a valid list");
    }
    if (!scores_reserve(r->c, &r->rows, json_count(list))) {
        return false;
    }
    size_t row = 0;
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item), row++) {
        const struct json *v = json_type(item) == JSON_ARRAY ? json_first(item) : NULL;
        if (json_type(item) == JSON_ARRAY && json_count(item) != scores_columns(&r->rows)) {
            return refuse(r, "value_error", "Value error, a row has one value for each feature of the model, in order");
        }
        if (json_type(item) != JSON_ARRAY && json_type(item) != JSON_OBJECT) {
            return refuse(r, "model_attributes_type", "Input should be a list of objects, or of lists");
        }
        for (uint32_t i = 0; i < scores_columns(&r->rows); i++) {
            set(r, row, i, json_type(item) == JSON_ARRAY ? v : json_find(item, scores_column(&r->rows, i)->name.p));
            v = v == NULL ? NULL : json_next(v);
        }
    }
    return settle(r);
}

/* {"feature": [values …], …}; one value that is no list stands for a list of one. */
static bool read_columns(struct reading *r, const struct json *object)
{
    const struct json *first = json_first(object);
    size_t n = json_type(first) == JSON_ARRAY ? json_count(first) : first != NULL;
    if (!scores_reserve(r->c, &r->rows, n)) {
        return false;
    }
    for (uint32_t i = 0; i < scores_columns(&r->rows); i++) {
        const struct json *v = json_find(object, scores_column(&r->rows, i)->name.p);
        if (v == NULL) {
            complain(r, "missing", -1, scores_column(&r->rows, i)->name);
            continue;
        }
        if ((json_type(v) == JSON_ARRAY ? json_count(v) : 1) != n) {
            return refuse(r, "value_error", "Value error, the columns are of different lengths");
        }
        v = json_type(v) == JSON_ARRAY ? json_first(v) : v;
        for (size_t row = 0; row < n; row++) {
            set(r, row, i, v);
            v = n == 1 ? NULL : json_next(v);
        }
    }
    return settle(r);
}

/* {"columns": [names …], "data": [[values …] …]}, pandas' orient "split"; "index" is not looked at. */
static bool read_split(struct reading *r, const struct json *split)
{
    const struct json *columns = json_find(split, "columns"), *data = json_find(split, "data");
    if (json_type(columns) != JSON_ARRAY || json_type(data) != JSON_ARRAY) {
        return refuse(r, "value_error", "Value error, lists \"columns\" and \"data\" are meant");
    }
    if (!scores_reserve(r->c, &r->rows, json_count(data))) {
        return false;
    }
    size_t width = json_count(columns), at = 0;
    int64_t *feature = ARENA_ARRAY(r->c->arena, width + 1, int64_t);
    bool *has = ARENA_ARRAY(r->c->arena, scores_columns(&r->rows) + 1, bool);
    if (feature == NULL || has == NULL) {
        r->rc = arena_fail(r->c->arena, &r->err);
        return settle(r);
    }
    for (const struct json *name = json_first(columns); name != NULL; name = json_next(name), at++) {
        struct str text = {"", 0};
        feature[at] = json_str(name, &text) ? scores_find(&r->rows, text) : -1;
        if (feature[at] >= 0 && has[feature[at]]) {
            return refuse(r, "value_error", "Value error, a column stands twice");
        }
        has[feature[at] >= 0 ? feature[at] : (int64_t)scores_columns(&r->rows)] = true;
    }
    for (uint32_t i = 0; i < scores_columns(&r->rows); i++) {
        if (!has[i]) {
            complain(r, "missing", -1, scores_column(&r->rows, i)->name);
        }
    }
    size_t row = 0;
    for (const struct json *item = json_first(data); item != NULL; item = json_next(item), row++) {
        if (json_type(item) != JSON_ARRAY || json_count(item) != width) {
            return refuse(r, "value_error", "Value error, a row of \"data\" has one value for each of \"columns\"");
        }
        at = 0;
        for (const struct json *v = json_first(item); v != NULL; v = json_next(v), at++) {
            if (feature[at] >= 0) {
                set(r, row, (uint32_t)feature[at], v);
            }
        }
    }
    return settle(r);
}

static bool read_either(struct reading *r, const struct json *v)
{
    return json_type(v) == JSON_OBJECT ? read_columns(r, v) : read_records(r, v);
}

static const struct {
    const char *name;
    bool (*read)(struct reading *r, const struct json *v);
} forms[] = {{"dataframe_split", read_split},
             {"dataframe_records", read_records},
             {"instances", read_either},
             {"inputs", read_either}};
enum { N_FORMS = sizeof forms / sizeof forms[0] };

static bool read_form(struct reading *r, const struct json *root)
{
    size_t found = N_FORMS, n = 0;
    for (size_t i = 0; i < N_FORMS; i++) {
        if (json_find(root, forms[i].name) != NULL) {
            found = i;
            n++;
        }
    }
    if (n != 1) {
        return refuse(r, "value_error",
                      "Value error, exactly one of dataframe_split, dataframe_records, instances and inputs is meant");
    }
    r->form = forms[found].name;
    return forms[found].read(r, json_find(root, forms[found].name));
}

/* ---- CSV ------------------------------------------------------------------------------------------------------- */

static int read_cells(struct reading *r, struct csv *csv, const int64_t *column, size_t n_features)
{
    const struct csv_cell *cells;
    uint32_t n;
    int rc;
    for (size_t row = 0; (rc = csv_next(csv, &cells, &n, &r->err)) == 1; row++) {
        if (row == r->rows.n) {
            return mrc_fail(&r->err, MRC_EBUG, "more records than lines");
        }
        for (uint32_t i = 0; i < n_features && column[i] >= 0; i++) {
            const char *wrong = scores_set_text(r->c, &r->rows, row, i, cells[column[i]].text);
            if (wrong != NULL) {
                complain(r, wrong, (int64_t)row, scores_column(&r->rows, i)->name);
            }
        }
    }
    return rc;
}

/* Records below the header. */
static int count_records(struct context *c, const struct csv_limits *limits, size_t *n, struct mrc_err *err)
{
    struct csv *csv = NULL;
    const struct csv_cell *cells;
    const struct str *names;
    uint32_t width;
    MRC_TRY(csv_open_mem(&csv, c->req->body, limits, err));
    int rc = csv_header(csv, &names, &width, err);
    for (*n = 0; rc >= 0 && (rc = csv_next(csv, &cells, &width, err)) == 1; (*n)++) {
    }
    csv_close(csv);
    return rc < 0 ? rc : MRC_OK;
}

static int read_table(struct reading *r, const struct csv_limits *limits)
{
    struct csv *csv = NULL;
    const struct str *names;
    uint32_t width;
    size_t n_features = scores_columns(&r->rows);
    int64_t *column = ARENA_ARRAY(r->c->arena, n_features + 1, int64_t);
    if (column == NULL) {
        return arena_fail(r->c->arena, &r->err);
    }
    MRC_TRY(csv_open_mem(&csv, r->c->req->body, limits, &r->err));
    int rc = csv_header(csv, &names, &width, &r->err);
    for (uint32_t i = 0; rc >= 0 && i < n_features; i++) {
        column[i] = csv_column(csv, scores_column(&r->rows, i)->name);
        if (column[i] < 0) {
            complain(r, "missing", -1, scores_column(&r->rows, i)->name);
        }
    }
    if (rc >= 0 && r->problems.n == 0) {
        rc = read_cells(r, csv, column, n_features);
    }
    csv_close(csv);
    return rc < 0 ? rc : MRC_OK;
}

static bool read_csv(struct reading *r)
{
    struct csv_limits limits = {.record_max = r->c->req->body.n + 1, .cells_max = 4096};
    size_t n = 0;
    r->form = NULL;
    r->rc = count_records(r->c, &limits, &n, &r->err);
    if (r->rc == MRC_OK) {
        if (!scores_reserve(r->c, &r->rows, n)) {
            return false;
        }
        r->rc = read_table(r, &limits);
    }
    if (r->rc == MRC_EFORMAT) {
        return refuse(r, "csv_invalid", r->err.msg);
    }
    return settle(r);
}

/* ---- the route ------------------------------------------------------------------------------------------------- */

static void answer(struct reading *r)
{
    struct json_out w;
    double *scores;
    if (!scores_run(r->c, &r->rows, &scores)) {
        return;
    }
    json_out_init(&w, &r->c->res->body);
    json_open_object(&w);
    json_put_key(&w, "predictions");
    json_open_array(&w);
    for (size_t i = 0; i < r->rows.n; i++) {
        json_put_double(&w, scores[i]);
    }
    json_close_array(&w);
    json_close_object(&w);
    answer_json(r->c, 200);
}

void h_invocations(struct context *c)
{
    struct reading r = {.c = c};
    struct json_doc *doc = NULL;
    if (http_media_type_is(c->req->content_type, "text/csv")) {
        if (body_complete(c, (size_t)setting_int(c->parts->config, CONFIG_BODY_MAX)) && read_csv(&r)) {
            answer(&r);
        }
        return;
    }
    if (!read_json_object(c, &doc)) {
        return;
    }
    if (read_form(&r, json_root(doc))) {
        answer(&r); /* categories are the document's text */
    }
    json_free(doc);
}
