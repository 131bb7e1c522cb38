/* The answers every handler shares: JSON, FastAPI's {"detail":…} and its 422 list, or RFC 9457 when a client prefers
 * it. Nothing of the inside (paths, SQL, messages of a 5xx) ever reaches a client. */
#include "common/base/digest.h"
#include "common/base/log.h"
#include "fcgi/metrics.h"

#include <string.h>

static bool wants_rfc9457(const struct context *c)
{
    return http_accepts(c->req->accept, "application/problem+json");
}

static bool is_inference(const struct context *c)
{
    return c->route != NULL && (c->route->flags & ROUTE_INFERENCE) != 0;
}

void answer_json(struct context *c, int status)
{
    c->res->status = status;
    c->res->content_type = "application/json";
}

void answer_json_cached(struct context *c)
{
    answer_cached(c, "application/json");
}

void answer_cached(struct context *c, const char *content_type)
{
    char hex[SHA256_HEX];
    struct buf etag;
    c->res->status = 200;
    c->res->content_type = content_type;
    if (buf_ok(&c->res->body, NULL) < 0) {
        return; /* app.c answers 500 */
    }
    sha256_hex(buf_text(&c->res->body), hex);
    buf_init(&etag, c->arena, 64);
    buf_printf(&etag, "\"%.32s\"", hex);
    http_header(c->res, "ETag", buf_text(&etag));
    http_header(c->res, "Cache-Control", STR("private, no-cache"));
    http_header(c->res, "Vary", STR("Accept, Authorization"));
    if (http_etag_matches(c->req->if_none_match, buf_text(&etag))) {
        buf_reset(&c->res->body);
        c->res->status = 304;
        c->res->content_type = NULL;
    }
}

void answer_text(struct context *c, int status, struct str text)
{
    buf_reset(&c->res->body);
    buf_str(&c->res->body, text);
    c->res->status = status;
    c->res->content_type = "text/plain; charset=utf-8";
}

void answer_nothing(struct context *c)
{
    buf_reset(&c->res->body);
    c->res->status = 204;
    c->res->content_type = NULL;
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
    if (is_inference(c)) {
        json_pair_cstr(&w, "error", detail);
    }
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

static void put_loc(struct json_out *w, const struct problem *p)
{
    json_put_key(w, "loc");
    json_open_array(w);
    json_put_cstr(w, p->where);
    if (p->list != NULL) {
        json_put_cstr(w, p->list);
        if (p->list_index >= 0) {
            json_put_i64(w, p->list_index);
        }
    }
    if (p->field.n > 0) {
        json_put_str(w, p->field);
    }
    if (p->index >= 0) {
        json_put_i64(w, p->index);
    }
    json_close_array(w);
}

/* JSON Pointer (RFC 6901) as a URI fragment, for RFC 9457's `errors`; a query parameter by its name. */
static void put_place(struct json_out *w, const struct problem *p, struct arena *a)
{
    struct buf b;
    if (strcmp(p->where, "body") != 0) {
        json_pair_str(w, "parameter", p->field);
        return;
    }
    buf_init(&b, a, 4096);
    buf_char(&b, '#');
    if (p->list != NULL) {
        buf_printf(&b, "/%s", p->list);
        if (p->list_index >= 0) {
            buf_printf(&b, "/%lld", (long long)p->list_index);
        }
    }
    if (p->field.n > 0) {
        buf_char(&b, '/');
    }
    for (size_t i = 0; i < p->field.n; i++) {
        char ch = p->field.p[i];
        if (ch == '~' || ch == '/') {
            buf_puts(&b, ch == '~' ? "~0" : "~1");
        } else {
            buf_char(&b, ch);
        }
    }
    if (p->field.n > 0 && p->index >= 0) {
        buf_printf(&b, "/%lld", (long long)p->index);
    }
    json_pair_str(w, "pointer", buf_text(&b));
}

static void put_problem(struct context *c, struct json_out *w, const struct problem *p, bool rfc9457)
{
    json_open_object(w);
    json_pair_cstr(w, "type", p->type);
    if (rfc9457) {
        json_pair_str(w, "detail", p->message);
        put_place(w, p, c->arena);
    } else {
        put_loc(w, p);
        json_pair_str(w, "msg", p->message);
        json_put_key(w, "input");
        json_put_raw(w, p->input.n > 0 ? p->input : STR("null"));
    }
    if (p->context.n > 0) {
        json_put_key(w, "ctx");
        json_put_raw(w, p->context);
    }
    json_close_object(w);
}

struct str json_text(struct context *c, struct str text)
{
    struct buf b;
    struct json_out w;
    struct str start = {text.p, text.n <= 64 ? text.n : utf8_valid((struct str){text.p, 64})};
    buf_init(&b, c->arena, 512);
    json_out_init(&w, &b);
    json_put_str(&w, start);
    return buf_text(&b);
}

int problems_add(struct context *c, struct problems *list, const struct problem *problem, struct mrc_err *err)
{
    if (list->n == list->cap && list->n < PROBLEMS_MAX) {
        size_t cap = list->cap == 0 ? 8 : 2 * list->cap;
        struct problem *wider = ARENA_ARRAY(c->arena, cap, struct problem);
        if (wider == NULL) {
            return arena_fail(c->arena, err);
        }
        if (list->n > 0) {
            memcpy(wider, list->items, list->n * sizeof *wider);
        }
        list->items = wider;
        list->cap = cap;
    }
    if (list->n < PROBLEMS_MAX) {
        list->items[list->n++] = *problem;
    }
    return MRC_OK;
}

int problems_add_row(struct context *c, struct problems *list, const struct row_report *report, int64_t film,
                     struct mrc_err *err)
{
    for (uint32_t i = 0; i < report->n_errors; i++) {
        const struct field_error *e = &report->errors[i];
        struct problem problem = {
            .type = e->type,
            .where = "body",
            .list = film >= 0 ? "films" : NULL,
            .list_index = film,
            .field = e->field,
            .index = e->item,
            .message = e->message,
            .input = e->input,
            .context = e->context,
        };
        MRC_TRY(problems_add(c, list, &problem, err));
    }
    return MRC_OK;
}

void answer_problems(struct context *c, const struct problems *list)
{
    struct json_out w;
    bool rfc9457 = wants_rfc9457(c);
    buf_reset(&c->res->body);
    json_out_init(&w, &c->res->body);
    if (rfc9457) {
        open_rfc9457(c, &w, 422, "The request is well-formed, but values in it are wrong");
        json_put_key(&w, "errors");
    } else {
        answer_json(c, 422);
        json_open_object(&w);
        if (is_inference(c)) {
            json_pair_cstr(&w, "error", "The body is not valid");
        }
        json_put_key(&w, "detail");
    }
    json_open_array(&w);
    for (size_t i = 0; i < list->n; i++) {
        metrics_validation_error(c, &list->items[i]);
        put_problem(c, &w, &list->items[i], rfc9457);
    }
    json_close_array(&w);
    json_close_object(&w);
}

/* ---- bodies ---------------------------------------------------------------------------------------------------- */

bool body_complete(struct context *c, size_t max)
{
    const struct http_request *req = c->req;
    if (req->body_state == BODY_TOO_LARGE || req->body.n > max) {
        answer_detail(c, 413, "The body is too large");
    } else if (req->body_state == BODY_SHORT) {
        answer_detail(c, 400, "The body is shorter than Content-Length");
    } else if (req->body_state == BODY_LENGTH_BAD) {
        answer_detail(c, 400, "Content-Length is not a number");
    } else if (req->content_encoding.n > 0 && !http_media_type_is(req->content_encoding, "identity")) {
        http_header(c->res, "Accept-Encoding", STR("identity"));
        answer_detail(c, 415, "The body must not be compressed");
    } else {
        return true;
    }
    return false;
}
