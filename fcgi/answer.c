/* The answers every handler shares: JSON, FastAPI's {"detail":…} and its 422 list, or RFC 9457 when a client prefers it.
 * Nothing of the inside (paths, SQL, messages of a 5xx) ever reaches a client. */
#include "common/base/log.h"
#include "fcgi/app.h"

#include <string.h>

/* Items of one 422 answer: a batch of wrong rows must not make an answer larger than any right one. */
enum { PROBLEMS_MAX = 1000 };

static bool wants_rfc9457(const struct context *c)
{
    return http_accepts(c->req->accept, "application/problem+json");
}

void answer_json(struct context *c, int status)
{
    c->res->status = status;
    c->res->content_type = "application/json";
}

void answer_text(struct context *c, int status, struct str text)
{
    buf_reset(&c->res->body);
    buf_str(&c->res->body, text);
    c->res->status = status;
    c->res->content_type = "text/plain; charset=utf-8";
}

/* The members every RFC 9457 answer begins with; the object stays open. */
static void open_rfc9457(struct context *c, struct json_out *w, int status, const char *detail)
{
    json_open_object(w);
    json_pair_cstr(w, "type", "about:blank");
    json_pair_cstr(w, "title", http_reason(status));
    json_pair_i64(w, "status", status);
    json_pair_cstr(w, "detail", detail);
    json_pair_str(w, "request_id", c->req->request_id);
    c->res->status = status;
    c->res->content_type = "application/problem+json";
}

void answer_detail(struct context *c, int status, const char *detail)
{
    struct json_out w;
    buf_reset(&c->res->body);
    json_out_init(&w, &c->res->body);
    if (wants_rfc9457(c)) {
        open_rfc9457(c, &w, status, detail);
        json_close_object(&w);
        return;
    }
    json_open_object(&w);
    json_pair_cstr(&w, "detail", detail);
    json_close_object(&w);
    answer_json(c, status);
}

static int status_of(int code)
{
    switch (code) {
    case MRC_EINVAL:
    case MRC_EFORMAT:
    case MRC_EUNSUPPORTED:
        return 400;
    case MRC_EDENIED:
        return 403;
    case MRC_ENOTFOUND:
        return 404;
    case MRC_ECONFLICT:
        return 409;
    case MRC_ELIMIT:
        return 413;
    case MRC_EBUSY:
        return 503;
    default:
        return 500;
    }
}

void answer_err(struct context *c, const struct mrc_err *err)
{
    int status = status_of(err->code);
    if (status < 500) {
        answer_detail(c, status, err->msg);
        return;
    }
    char text[sizeof err->msg + 64];
    err_format(err, text, sizeof text);
    log_event(LOG_ERROR, "request failed", LOG_STR("req", c->req->request_id),
              LOG_CSTR("route", c->route == NULL ? "-" : c->route->path), LOG_CSTR("code", err_name(err->code)),
              LOG_CSTR("err", text));
    if (status == 503) {
        http_header(c->res, "Retry-After", STR("1"));
    }
    answer_detail(c, status, http_reason(status));
}

/* ---- 422 ------------------------------------------------------------------------------------------------------- */

/* Where one problem is: `where`, then up to three steps. */
struct location {
    const char *where;
    const char *list;   /* "films", or NULL */
    int64_t list_index; /* used with list */
    struct str field;   /* empty: none */
    int64_t index;      /* -1: none */
};

static void put_loc(struct json_out *w, const struct location *l)
{
    json_put_key(w, "loc");
    json_open_array(w);
    json_put_cstr(w, l->where);
    if (l->list != NULL) {
        json_put_cstr(w, l->list);
        json_put_i64(w, l->list_index);
    }
    if (l->field.n > 0) {
        json_put_str(w, l->field);
    }
    if (l->index >= 0) {
        json_put_i64(w, l->index);
    }
    json_close_array(w);
}

/* JSON Pointer (RFC 6901) as a URI fragment, for RFC 9457's `errors`. */
static void put_pointer(struct json_out *w, const struct location *l, struct arena *a)
{
    struct buf b;
    buf_init(&b, a, 4096);
    buf_char(&b, '#');
    if (l->list != NULL) {
        buf_printf(&b, "/%s/%lld", l->list, (long long)l->list_index);
    }
    if (l->field.n > 0) {
        buf_char(&b, '/');
        for (size_t i = 0; i < l->field.n; i++) {
            char ch = l->field.p[i];
            if (ch == '~' || ch == '/') {
                buf_puts(&b, ch == '~' ? "~0" : "~1");
            } else {
                buf_char(&b, ch);
            }
        }
    }
    if (l->index >= 0) {
        buf_printf(&b, "/%lld", (long long)l->index);
    }
    json_pair_str(w, strcmp(l->where, "body") == 0 ? "pointer" : "parameter", buf_text(&b));
}

struct item {
    const char *type;
    struct location location;
    struct str message, input, context;
};

static void put_item(struct context *c, struct json_out *w, const struct item *item, bool rfc9457)
{
    json_open_object(w);
    json_pair_cstr(w, "type", item->type);
    if (rfc9457) {
        json_pair_str(w, "detail", item->message);
        put_pointer(w, &item->location, c->arena);
    } else {
        put_loc(w, &item->location);
        json_pair_str(w, "msg", item->message);
        json_put_key(w, "input");
        json_put_raw(w, item->input.n > 0 ? item->input : STR("null"));
    }
    if (item->context.n > 0) {
        json_put_key(w, "ctx");
        json_put_raw(w, item->context);
    }
    json_close_object(w);
}

static void open_list(struct context *c, struct json_out *w, bool rfc9457)
{
    buf_reset(&c->res->body);
    json_out_init(w, &c->res->body);
    if (rfc9457) {
        open_rfc9457(c, w, 422, "The request is well-formed, but values in it are wrong");
        json_put_key(w, "errors");
    } else {
        answer_json(c, 422);
        json_open_object(w);
        json_put_key(w, "detail");
    }
    json_open_array(w);
}

static void close_list(struct json_out *w)
{
    json_close_array(w);
    json_close_object(w);
}

void answer_problems(struct context *c, const struct problem *problems, size_t n)
{
    struct json_out w;
    bool rfc9457 = wants_rfc9457(c);
    open_list(c, &w, rfc9457);
    for (size_t i = 0; i < n && i < PROBLEMS_MAX; i++) {
        const struct problem *p = &problems[i];
        struct item item = {p->type, {p->where, NULL, 0, p->field, p->offset}, str_of(p->message), p->input, p->context};
        put_item(c, &w, &item, rfc9457);
    }
    close_list(&w);
}

void answer_row_errors(struct context *c, const struct row_report *reports, size_t n, bool batch)
{
    struct json_out w;
    bool rfc9457 = wants_rfc9457(c);
    size_t written = 0;
    open_list(c, &w, rfc9457);
    for (size_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < reports[i].n_errors && written < PROBLEMS_MAX; k++, written++) {
            const struct field_error *e = &reports[i].errors[k];
            struct item item = {e->type,
                                {"body", batch ? "films" : NULL, (int64_t)i, e->field, e->item},
                                e->message,
                                e->input,
                                e->context};
            put_item(c, &w, &item, rfc9457);
        }
    }
    close_list(&w);
}
