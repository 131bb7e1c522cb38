/* Around a handler: hold the key, keep a success, give anything else back to the next try. */
#include "fcgi/idempotency.h"

#include "fcgi/store_idempotency.h"

#include "common/base/log.h"

enum { ANSWER_MAX = 4 << 20 }; /* larger ones are given, but not kept */

/* The text between the quotes of a structured field's string, or the bare value. false: neither. */
static bool read_key(const struct context *c, struct str *key)
{
    struct str s = str_trim(c->req->idempotency_key);
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"') {
        s = (struct str){s.p + 1, s.n - 2};
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\') {
            return false;
        }
    }
    *key = s;
    return s.n > 0 && s.n <= IDEMPOTENCY_KEY_MAX;
}

static int make_key(struct context *c, struct str key, struct idempotency_key *out, struct mrc_err *err)
{
    struct buf route, print;
    buf_init(&route, c->arena, 256);
    buf_init(&print, c->arena, 0);
    buf_printf(&route, "%s %s", http_method_name(c->route->method), c->route->path);
    const struct str parts[] = {c->req->path, c->req->query, c->req->content_type, c->req->accept, c->req->body};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        buf_printf(&print, "%zu:", parts[i].n); /* or two requests could have one text */
        buf_str(&print, parts[i]);
    }
    MRC_TRY(buf_ok(&print, err));
    return store_idempotency_key(out, c->caller.user_id, buf_text(&route), key, buf_text(&print), c->now_ms, err);
}

static void settle(struct context *c, const struct idempotency_key *key)
{
    struct mrc_err err = {0};
    const struct http_response *res = c->res;
    bool good = res->status >= 200 && res->status < 300 && res->content_type != NULL &&
                buf_ok(&res->body, NULL) == MRC_OK && res->body.n <= ANSWER_MAX;
    const struct idempotency_answer answer = {
        .status = res->status, .content_type = str_of(res->content_type), .body = buf_text(&res->body)};
    int rc = good ? store_idempotency_finish(c->parts->store, key, &answer,
                                             c->now_ms + setting_int(c->parts->config, CONFIG_IDEMPOTENCY), &err)
                  : store_idempotency_forget(c->parts->store, key, &err);
    if (rc < 0) { /* what was done is done and is answered; only a second try would do it again */
        log_err(LOG_WARN, "idempotency key not kept", &err);
    }
}

static void replay(struct context *c, const struct idempotency_answer *answer)
{
    buf_reset(&c->res->body);
    buf_str(&c->res->body, answer->body);
    c->res->status = answer->status;
    c->res->content_type = arena_copy(c->arena, answer->content_type.p, answer->content_type.n);
    http_header(c->res, "Idempotency-Replayed", STR("true"));
}

void idempotency_run(struct context *c)
{
    struct mrc_err err = {0};
    struct idempotency_key key;
    struct idempotency_answer answer = {0};
    struct str text;
    if (c->req->idempotency_key.n == 0 || (c->route->flags & ROUTE_IDEMPOTENT) == 0) {
        c->route->handle(c);
        return;
    }
    if (!read_key(c, &text)) {
        answer_detail(c, 400, "Idempotency-Key has 1 to 255 visible characters, in quotes or not");
        return;
    }
    int rc = make_key(c, text, &key, &err);
    if (rc == MRC_OK) {
        rc = store_idempotency_begin(c->parts->store, &key, c->now_ms, c->arena, &answer, &err);
    }
    switch (rc) {
    case IDEMPOTENCY_OURS:
        c->route->handle(c);
        settle(c, &key);
        break;
    case IDEMPOTENCY_RUNNING:
        http_header(c->res, "Retry-After", STR("1"));
        answer_detail(c, 409, "The first request with this Idempotency-Key is still running");
        break;
    case IDEMPOTENCY_DONE:
        replay(c, &answer);
        break;
    case IDEMPOTENCY_OTHER:
        answer_detail(c, 422, "This Idempotency-Key came with another request");
        break;
    default:
        answer_err(c, &err);
    }
}
