/* The Open Inference Protocol, version 2 (KServe, Triton, MLServer): the active version's model.cbm on its own
 * features, one tensor for each feature or, of a model with numbers only, one matrix. Errors have `error` beside
 * `detail`. */
#include "fcgi/handlers.h"
#include "fcgi/reading.h"
#include "fcgi/scores.h"

#include "common/trees/mercredi.h"

#include <math.h>
#include <string.h>

static const char output_name[] = "score";

/* ---- server and model ------------------------------------------------------------------------------------------ */

void h_v2(struct context *c)
{
    struct json_out w;
    struct buf version;
    buf_init(&version, c->arena, 64);
    buf_printf(&version, "%d.%d.%d", MRC_VERSION_MAJOR, MRC_VERSION_MINOR, MRC_VERSION_PATCH);
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_pair_cstr(&w, "name", "mercredi");
    json_pair_str(&w, "version", buf_text(&version));
    json_put_key(&w, "extensions");
    json_open_array(&w);
    json_close_array(&w);
    json_close_object(&w);
    answer_json(c, 200);
}

static void answer_flag(struct context *c, int status, const char *name, bool value)
{
    struct json_out w;
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_pair_bool(&w, name, value);
    json_close_object(&w);
    answer_json(c, status);
}

void h_v2_live(struct context *c)
{
    answer_flag(c, 200, "live", true);
}

void h_v2_ready(struct context *c)
{
    bool ready = health_ready(c);
    if (!ready) {
        http_header(c->res, "Retry-After", STR("1"));
    }
    answer_flag(c, ready ? 200 : 503, "ready", ready);
}

/* Is it the model, and the version, that serves? false: answered. */
static bool model_asked(struct context *c)
{
    const struct bundle *b = c->parts->bundle;
    if (!str_is(c->argument, setting_cstr(c->parts->config, CONFIG_MODEL))) {
        answer_detail(c, 404, "There is no such model");
    } else if (b == NULL) {
        http_header(c->res, "Retry-After", STR("10"));
        answer_detail(c, 503, "No version of the model is loaded");
    } else if (c->argument2.n > 0 && !str_eq(c->argument2, b->version)) {
        answer_detail(c, 404, "This version does not serve");
    } else {
        return true;
    }
    return false;
}

static void put_tensor(struct json_out *w, struct str name, bool text)
{
    json_open_object(w);
    json_pair_str(w, "name", name);
    json_pair_cstr(w, "datatype", text ? "BYTES" : "FP64");
    json_put_key(w, "shape");
    json_open_array(w);
    json_put_i64(w, -1);
    json_close_array(w);
    json_close_object(w);
}

void h_v2_model(struct context *c)
{
    const struct bundle *b = c->parts->bundle;
    struct json_out w;
    if (!model_asked(c)) {
        return;
    }
    const struct features *f = b->models[b->n_models - 1].features;
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_pair_str(&w, "name", b->name);
    json_put_key(&w, "versions");
    json_open_array(&w);
    json_put_str(&w, b->version);
    json_close_array(&w);
    json_pair_cstr(&w, "platform", "catboost_cbm");
    json_put_key(&w, "inputs");
    json_open_array(&w);
    for (uint32_t i = 0; i < features_count(f); i++) {
        put_tensor(&w, features_at(f, i)->name, features_at(f, i)->categorical);
    }
    json_close_array(&w);
    json_put_key(&w, "outputs");
    json_open_array(&w);
    put_tensor(&w, str_of(output_name), false);
    json_close_array(&w);
    json_close_object(&w);
    answer_json_cached(c);
}

void h_v2_model_ready(struct context *c)
{
    struct json_out w;
    if (!model_asked(c)) {
        return;
    }
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_pair_str(&w, "name", c->parts->bundle->name);
    json_pair_bool(&w, "ready", true);
    json_close_object(&w);
    answer_json(c, 200);
}

/* ---- infer ----------------------------------------------------------------------------------------------------- */

enum { RANK_MAX = 2, ELEMENTS_MAX = 10000000 };

enum element { ELEMENT_NUMBER, ELEMENT_INTEGER, ELEMENT_NATURAL, ELEMENT_BOOL, ELEMENT_TEXT };

struct tensor {
    struct str name;
    enum element element;
    size_t shape[RANK_MAX], rank;
    const struct json *data;
};

struct walk { /* over a tensor's elements in row-major order, flat or nested */
    const struct json *row, *item;
    bool nested;
};

static bool refuse_with(struct context *c, int status, const char *before, struct str name, const char *after)
{
    struct buf b;
    buf_init(&b, c->arena, 512);
    buf_puts(&b, before);
    buf_str(&b, (struct str){name.p, name.n <= 100 ? name.n : utf8_valid((struct str){name.p, 100})});
    buf_puts(&b, after);
    answer_detail(c, status, buf_ok(&b, NULL) == MRC_OK ? b.p : http_reason(status));
    return false;
}

/* It breaks the protocol. */
static bool refuse(struct context *c, struct str name, const char *what)
{
    return refuse_with(c, 400, "Input ", name, what);
}

/* The protocol allows it, but it does not fit the version that serves, which another version may do differently. */
static bool misfit(struct context *c, struct str name, const char *what)
{
    return refuse_with(c, 409, "Input ", name, what);
}

static bool read_datatype(struct str s, enum element *out)
{
    static const struct {
        const char *name;
        enum element element;
    } types[] = {{"BOOL", ELEMENT_BOOL},      {"UINT8", ELEMENT_NATURAL},  {"UINT16", ELEMENT_NATURAL},
                 {"UINT32", ELEMENT_NATURAL}, {"UINT64", ELEMENT_NATURAL}, {"INT8", ELEMENT_INTEGER},
                 {"INT16", ELEMENT_INTEGER},  {"INT32", ELEMENT_INTEGER},  {"INT64", ELEMENT_INTEGER},
                 {"FP16", ELEMENT_NUMBER},    {"FP32", ELEMENT_NUMBER},    {"FP64", ELEMENT_NUMBER},
                 {"BYTES", ELEMENT_TEXT}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (str_is(s, types[i].name)) {
            *out = types[i].element;
            return true;
        }
    }
    return false;
}

/* Is v what the datatype says? null is unknown, of every type. */
static bool element_fits(enum element element, const struct json *v)
{
    struct str text;
    bool truth;
    double number = 0;
    if (json_type(v) == JSON_NULL) {
        return true;
    }
    switch (element) {
    case ELEMENT_TEXT:
        return json_str(v, &text);
    case ELEMENT_BOOL:
        return json_bool(v, &truth);
    case ELEMENT_NUMBER:
        return json_double(v, &number);
    case ELEMENT_INTEGER:
    case ELEMENT_NATURAL:
        break;
    }
    return json_double(v, &number) && number == floor(number) && (element == ELEMENT_INTEGER || number >= 0);
}

static bool read_shape(const struct json *list, struct tensor *t)
{
    t->rank = json_count(list);
    if (json_type(list) != JSON_ARRAY || t->rank < 1 || t->rank > RANK_MAX) {
        return false;
    }
    t->shape[1] = 1;
    for (size_t i = 0; i < t->rank; i++) {
        int64_t size;
        if (!json_i64(json_at(list, i), &size) || size < 0 || size > ELEMENTS_MAX) {
            return false;
        }
        t->shape[i] = (size_t)size;
    }
    return true;
}

/* Data are flat, or lists of a row's elements when the tensor has two dimensions. */
static bool data_fits(const struct tensor *t)
{
    size_t n = t->shape[0] * t->shape[1];
    if (json_type(t->data) != JSON_ARRAY) {
        return false;
    }
    if (json_type(json_first(t->data)) != JSON_ARRAY) {
        return json_count(t->data) == n;
    }
    if (t->rank != 2 || json_count(t->data) != t->shape[0]) {
        return false;
    }
    for (const struct json *row = json_first(t->data); row != NULL; row = json_next(row)) {
        if (json_type(row) != JSON_ARRAY || json_count(row) != t->shape[1]) {
            return false;
        }
    }
    return true;
}

static struct walk walk_begin(const struct tensor *t)
{
    const struct json *first = json_first(t->data);
    bool nested = json_type(first) == JSON_ARRAY;
    return (struct walk){.row = nested ? first : NULL, .item = nested ? json_first(first) : first, .nested = nested};
}

static const struct json *walk_next(struct walk *w)
{
    const struct json *v = w->item;
    while (v == NULL && w->nested && w->row != NULL) {
        w->row = json_next(w->row);
        v = json_first(w->row);
    }
    w->item = json_next(v);
    return v;
}

static bool elements_fit(const struct tensor *t)
{
    struct walk w = walk_begin(t);
    for (size_t i = 0; i < t->shape[0] * t->shape[1]; i++) {
        if (!element_fits(t->element, walk_next(&w))) {
            return false;
        }
    }
    return true;
}

static bool read_tensor(struct context *c, const struct json *v, struct tensor *t)
{
    struct str datatype;
    *t = (struct tensor){.name = {"", 0}};
    if (!json_str(json_find(v, "name"), &t->name) || t->name.n == 0) {
        answer_detail(c, 400, "An input has a name");
        return false;
    }
    if (!json_str(json_find(v, "datatype"), &datatype) || !read_datatype(datatype, &t->element)) {
        return refuse(c, t->name, ": datatype is one of BOOL, UINT8 to UINT64, INT8 to INT64, FP16, FP32, FP64, BYTES");
    }
    if (!read_shape(json_find(v, "shape"), t)) {
        return refuse(c, t->name, ": shape is a list of one or two sizes");
    }
    t->data = json_find(v, "data");
    if (!data_fits(t)) {
        return refuse(c, t->name, ": data does not have as many elements as shape says");
    }
    return elements_fit(t) ? true : refuse(c, t->name, ": an element is not of the datatype");
}

static const char *set_element(struct scores_rows *rows, size_t row, uint32_t column, const struct json *v)
{
    bool truth;
    return json_bool(v, &truth) ? scores_set_number(rows, row, column, truth ? 1 : 0)
                                : scores_set_json(rows, row, column, v);
}

/* Columns first, first + 1, … of the rows from one tensor. */
static bool read_elements(struct context *c, struct scores_rows *rows, const struct tensor *t, uint32_t first)
{
    struct walk w = walk_begin(t);
    for (size_t row = 0; row < t->shape[0]; row++) {
        for (size_t k = 0; k < t->shape[1]; k++) {
            const char *wrong = set_element(rows, row, first + (uint32_t)k, walk_next(&w));
            if (wrong != NULL) {
                return misfit(c, t->name,
                              strcmp(wrong, "string_type") == 0 ? ": the model takes texts (BYTES)"
                                                                : ": the model takes numbers that fit 32 bits");
            }
        }
    }
    return true;
}

/* One tensor for each feature; what the model does not know is left out. */
static bool read_tensors(struct context *c, const struct json *inputs, struct scores_rows *rows)
{
    bool *has = ARENA_ARRAY(c->arena, scores_columns(rows) + 1, bool);
    struct mrc_err err = {0};
    if (has == NULL) {
        (void)arena_fail(c->arena, &err);
        answer_err(c, &err);
        return false;
    }
    for (const struct json *v = json_first(inputs); v != NULL; v = json_next(v)) {
        struct tensor t;
        if (!read_tensor(c, v, &t)) {
            return false;
        }
        int64_t column = scores_find(rows, t.name);
        if (t.shape[0] != rows->n || t.shape[1] != 1) {
            return misfit(c, t.name, ": a feature's shape is [n] or [n, 1], with the same n for all");
        }
        if (column < 0) {
            continue;
        }
        if (has[column]) {
            return misfit(c, t.name, " stands twice");
        }
        has[column] = true;
        if (!read_elements(c, rows, &t, (uint32_t)column)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < scores_columns(rows); i++) {
        if (!has[i]) {
            return misfit(c, scores_column(rows, i)->name, " is missing");
        }
    }
    return true;
}

/* inputs is a list that is not empty. */
static bool read_inputs(struct context *c, const struct json *inputs, struct scores_rows *rows)
{
    struct tensor first;
    if (!read_tensor(c, json_first(inputs), &first) || !scores_reserve(c, rows, first.shape[0])) {
        return false;
    }
    bool matrix = json_count(inputs) == 1 && first.rank == 2 && scores_find(rows, first.name) < 0;
    if (!matrix) {
        return read_tensors(c, inputs, rows);
    }
    for (uint32_t i = 0; i < scores_columns(rows); i++) {
        if (scores_column(rows, i)->categorical) {
            return misfit(c, scores_column(rows, i)->name,
                          " is a category: the model takes one input for each feature");
        }
    }
    if (first.shape[1] != scores_columns(rows)) {
        return misfit(c, first.name, ": a matrix has a column for each feature of the model");
    }
    return read_elements(c, rows, &first, 0);
}

/* The one output there is, or none named. */
static bool outputs_known(struct context *c, const struct json *root)
{
    const struct json *outputs = json_find(root, "outputs");
    struct str name = {"", 0};
    for (const struct json *v = json_first(outputs); v != NULL; v = json_next(v)) {
        if (!json_str(json_find(v, "name"), &name)) {
            answer_detail(c, 400, "An output has a name");
            return false;
        }
        if (!str_is(name, output_name)) {
            return refuse_with(c, 409, "There is no output ", name, "; the model's is score");
        }
    }
    if (outputs != NULL && json_type(outputs) != JSON_ARRAY) {
        answer_detail(c, 400, "outputs is a list");
        return false;
    }
    return true;
}

static void answer_scores(struct context *c, const struct scores_rows *rows, const double *scores, struct str id)
{
    struct json_out w;
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_pair_str(&w, "model_name", c->parts->bundle->name);
    json_pair_str(&w, "model_version", c->parts->bundle->version);
    if (id.n > 0) {
        json_pair_str(&w, "id", id);
    }
    json_put_key(&w, "outputs");
    json_open_array(&w);
    json_open_object(&w);
    json_pair_cstr(&w, "name", output_name);
    json_pair_cstr(&w, "datatype", "FP64");
    json_put_key(&w, "shape");
    json_open_array(&w);
    json_put_u64(&w, rows->n);
    json_close_array(&w);
    json_put_key(&w, "data");
    json_open_array(&w);
    for (size_t i = 0; i < rows->n; i++) {
        json_put_double(&w, scores[i]);
    }
    json_close_array(&w);
    json_close_object(&w);
    json_close_array(&w);
    json_close_object(&w);
    answer_json(c, 200);
}

static void infer(struct context *c, const struct json *root)
{
    const struct json *inputs = json_find(root, "inputs");
    struct scores_rows rows;
    struct str id = {"", 0};
    double *scores;
    if (json_find(root, "id") != NULL && !json_str(json_find(root, "id"), &id)) {
        answer_detail(c, 400, "id is text");
    } else if (json_type(inputs) != JSON_ARRAY || json_count(inputs) == 0) {
        answer_detail(c, 400, "inputs is a list of tensors");
    } else if (outputs_known(c, root) && read_inputs(c, inputs, &rows) && scores_run(c, &rows, &scores)) {
        answer_scores(c, &rows, scores, id);
    }
}

void h_v2_infer(struct context *c)
{
    struct json_doc *doc = NULL;
    if (model_asked(c) && read_json_object(c, &doc)) {
        infer(c, json_root(doc));
        json_free(doc);
    }
}
