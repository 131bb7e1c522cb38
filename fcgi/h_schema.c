/* GET /schema and /openapi.json: made once from the active version, served with an ETag. */
#include "fcgi/app_state.h"
#include "fcgi/handlers.h"
#include "fcgi/openapi.h"

#include "common/base/date.h"

#include <stdio.h>

/* ---- /schema --------------------------------------------------------------------------------------------------- */

static void pair_text(struct json_out *w, const char *key, struct str text)
{
    if (text.n > 0) {
        json_pair_str(w, key, text);
    }
}

static void pair_raw(struct json_out *w, const char *key, struct str json)
{
    if (json.n > 0) {
        json_put_key(w, key);
        json_put_raw(w, json);
    }
}

static void put_values(struct json_out *w, const struct field *f)
{
    if (f->n_values == 0) {
        return;
    }
    json_put_key(w, "values");
    json_open_array(w);
    for (uint32_t i = 0; i < f->n_values; i++) {
        json_open_object(w);
        json_pair_str(w, "value", f->values[i].value);
        pair_text(w, "label_fr", f->values[i].label_fr);
        pair_text(w, "label_en", f->values[i].label_en);
        json_close_object(w);
    }
    json_close_array(w);
}

static void put_limits(struct json_out *w, const struct field *f)
{
    static const char *const weekdays[] = {"monday", "tuesday",  "wednesday", "thursday",
                                           "friday", "saturday", "sunday"};
    bool textual = f->type == FIELD_TEXT || f->type == FIELD_CATEGORY || f->type == FIELD_LIST;
    if (f->has_min) {
        json_pair_double(w, "min", f->min);
        json_pair_bool(w, "exclusive_min", f->exclusive_min);
    }
    if (f->has_max) {
        json_pair_double(w, "max", f->max);
    }
    if (textual) {
        json_pair_i64(w, "length_max", f->length_max);
        json_pair_bool(w, "closed", f->closed);
    }
    if (f->type == FIELD_LIST) {
        json_pair_i64(w, "items_max", f->items_max);
    }
    if (f->type == FIELD_DATE && f->weekday >= 0) {
        json_pair_cstr(w, "weekday", weekdays[f->weekday]);
    }
}

static void put_field(struct json_out *w, const struct field *f)
{
    json_open_object(w);
    json_pair_str(w, "name", f->name);
    json_pair_cstr(w, "type", field_type_name(f->type));
    json_pair_bool(w, "required", f->required);
    json_pair_cstr(w, "known", field_known_name(f->known));
    pair_raw(w, "example", f->example);
    pair_raw(w, "absent", f->absent);
    pair_text(w, "unit", f->unit);
    put_limits(w, f);
    put_values(w, f);
    pair_text(w, "label_fr", f->label_fr);
    pair_text(w, "label_en", f->label_en);
    pair_text(w, "help_fr", f->help_fr);
    pair_text(w, "help_en", f->help_en);
    json_close_object(w);
}

static void write_schema(struct json_out *w, const struct schema *s)
{
    json_open_object(w);
    json_pair_str(w, "name", schema_name(s));
    json_pair_i64(w, "version", schema_version(s));
    json_put_key(w, "fields");
    json_open_array(w);
    for (uint32_t i = 0; i < schema_count(s); i++) {
        put_field(w, schema_field(s, i));
    }
    json_close_array(w);
    json_close_object(w);
}

/* ---- serving --------------------------------------------------------------------------------------------------- */

/* Keep what was written: a copy that lives with the app, and its validator. */
static int keep(struct app *a, struct document *d, const struct buf *text, struct mrc_err *err)
{
    char hex[SHA256_HEX];
    struct str copy;
    MRC_TRY(buf_ok(text, err));
    if (!str_copy(&a->kept, buf_text(text), &copy)) {
        return arena_fail(&a->kept, err);
    }
    sha256_hex(copy, hex);
    snprintf(d->etag, sizeof d->etag, "\"%.32s\"", hex);
    d->text = copy;
    return MRC_OK;
}

static void serve(struct context *c, const struct document *d)
{
    http_header(c->res, "ETag", str_of(d->etag));
    http_header(c->res, "Cache-Control", STR("no-cache"));
    if (http_etag_matches(c->req->if_none_match, str_of(d->etag))) {
        c->res->status = 304;
        return;
    }
    buf_str(&c->res->body, d->text);
    answer_json(c, 200);
}

/* Make the document on its first request and serve it. */
static void serve_made(struct context *c, struct document *d, void (*make)(struct json_out *w, const struct context *c))
{
    struct mrc_err err = {0};
    if (d->text.n == 0) {
        struct buf text;
        struct json_out w;
        buf_init(&text, NULL, 16 << 20);
        json_out_init(&w, &text);
        make(&w, c);
        int rc = keep(c->app, d, &text, &err);
        buf_release(&text);
        if (rc < 0) {
            answer_err(c, &err);
            return;
        }
    }
    serve(c, d);
}

static void make_schema(struct json_out *w, const struct context *c)
{
    write_schema(w, c->parts->bundle->schema);
}

static void make_openapi(struct json_out *w, const struct context *c)
{
    openapi_write(w, c->parts->bundle, c->parts->config);
}

void h_schema(struct context *c)
{
    if (c->parts->bundle == NULL) {
        http_header(c->res, "Retry-After", STR("10"));
        answer_detail(c, 503, "No version of the model is loaded");
        return;
    }
    serve_made(c, &c->app->schema, make_schema);
}

void h_openapi(struct context *c)
{
    serve_made(c, &c->app->openapi, make_openapi);
}
