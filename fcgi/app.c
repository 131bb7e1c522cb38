/* From a request to a response: route, authorise, handle, finish with the headers every answer has. */
#include "common/base/log.h"
#include "fcgi/app_state.h"
#include "fcgi/assets.h"
#include "fcgi/auth.h"
#include "fcgi/cors.h"
#include "fcgi/idempotency.h"
#include "fcgi/issuer.h"
#include "fcgi/metrics.h"
#include "fcgi/process.h"
#include "fcgi/token.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char csp_page[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";
static const char csp_data[] = "default-src 'none'; frame-ancestors 'none'";

static const char *const scope_names[SCOPE__COUNT] = {"", "predict", "outcome", "monitor", "admin"};

const char *scope_name(enum scope s)
{
    return scope_names[s];
}

static int64_t system_ms(void *arg)
{
    (void)arg;
    return wall_ms();
}

static int64_t steady_us(void *arg)
{
    (void)arg;
    return monotonic_us();
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

/* Every scope the table gives must be one of ours: a typing error must not pass silently. */
static int check_scopes(struct str map, struct mrc_err *err)
{
    struct str rest = map;
    while (rest.n > 0) {
        const char *blank = memchr(rest.p, ' ', rest.n);
        size_t n = blank == NULL ? rest.n : (size_t)(blank - rest.p), at = n;
        unsigned bits;
        while (at > 0 && rest.p[at - 1] != '=') {
            at--;
        }
        if (n > 0 && !scopes_parse((struct str){rest.p + at, n - at}, &bits)) {
            return mrc_fail(err, MRC_EFORMAT,
                            "trusted_scopes: \"%.*s\" is no scope; there are predict, outcome, monitor, admin",
                            (int)(n - at), rest.p + at);
        }
        rest = blank == NULL ? (struct str){"", 0} : (struct str){blank + 1, rest.n - n - 1};
    }
    return MRC_OK;
}

static int open_issuer(struct app *a, struct mrc_err *err)
{
    const struct settings *config = a->parts.config;
    if (setting_text(config, CONFIG_TRUSTED_ISSUER).n == 0) {
        return MRC_OK;
    }
    const struct issuer_rules rules = {
        .issuer = setting_text(config, CONFIG_TRUSTED_ISSUER),
        .audience = setting_text(config, CONFIG_TRUSTED_AUDIENCE),
        .scopes = setting_text(config, CONFIG_TRUSTED_SCOPES),
        .keys_dir = setting_cstr(config, CONFIG_TRUSTED_KEYS_DIR),
    };
    MRC_TRY(check_scopes(rules.scopes, err));
    return issuer_open(&a->issuer, &rules, err);
}

int app_open(struct app **out, const struct app_parts *parts, struct mrc_err *err)
{
    struct app *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for the application");
    }
    a->parts = *parts;
    if (a->parts.clock_ms == NULL) {
        a->parts.clock_ms = system_ms;
    }
    if (a->parts.ticks_us == NULL) {
        a->parts.ticks_us = steady_us;
    }
    a->opened_ms = a->parts.clock_ms(a->parts.clock_arg);
    arena_init(&a->arena, (size_t)setting_int(parts->config, CONFIG_REQUEST_MEMORY_MAX));
    arena_init(&a->kept, 0);
    int rc = cors_check(setting_text(parts->config, CONFIG_CORS_ORIGINS), err);
    if (rc == MRC_OK) {
        rc = open_issuer(a, err);
    }
    struct token_rules rules = {
        .outside = a->issuer,
        .issuer = setting_text(parts->config, CONFIG_TOKEN_ISSUER),
        .audience = setting_text(parts->config, CONFIG_TOKEN_AUDIENCE),
        .lifetime_s = setting_int(parts->config, CONFIG_TOKEN_LIFETIME) / 1000,
        .size_max = (size_t)setting_int(parts->config, CONFIG_TOKEN_MAX),
    };
    if (rc == MRC_OK) {
        rc = tokens_open(&a->tokens, setting_cstr(parts->config, CONFIG_TOKEN_KEY_FILE), &rules, err);
    }
    if (rc == MRC_OK) {
        rc = assets_open(&a->assets, setting_cstr(parts->config, CONFIG_WWW_DIR), err);
    }
    if (rc == MRC_OK && parts->bundle != NULL) {
        rc = forecast_scratch_new(&a->scratch, parts->bundle, err);
    }
    if (rc < 0) {
        app_close(a);
        return rc;
    }
    shared_busy(parts->shared, false);
    *out = a;
    return MRC_OK;
}

void app_close(struct app *a)
{
    if (a == NULL) {
        return;
    }
    app_finish(a);
    forecast_scratch_free(a->scratch);
    assets_close(a->assets);
    tokens_close(a->tokens);
    issuer_close(a->issuer);
    arena_release(&a->kept);
    arena_release(&a->arena);
    free(a);
}

struct arena *app_arena(struct app *a)
{
    return &a->arena;
}

void app_finish(struct app *a)
{
    buf_release(&a->file);
    arena_reset(&a->arena);
}

/* ---- routing --------------------------------------------------------------------------------------------------- */

/* Does this path match the route's pattern? "{name}" takes one segment, "{name...}" the rest; not nothing. */
static bool path_matches(const char *pattern, struct str path, struct str arguments[ROUTE_ARGUMENTS_MAX])
{
    for (size_t taken = 0;; taken++) {
        const char *brace = strchr(pattern, '{');
        if (brace == NULL) {
            return str_is(path, pattern);
        }
        size_t fixed = (size_t)(brace - pattern);
        if (taken == ROUTE_ARGUMENTS_MAX || path.n <= fixed || memcmp(path.p, pattern, fixed) != 0) {
            return false;
        }
        const char *end = strchr(brace, '}');
        bool all = end - brace > 3 && memcmp(end - 3, "...", 3) == 0;
        struct str rest = {path.p + fixed, path.n - fixed};
        const char *slash = memchr(rest.p, '/', rest.n);
        size_t n = all || slash == NULL ? rest.n : (size_t)(slash - rest.p);
        if (n == 0) {
            return false;
        }
        arguments[taken] = (struct str){rest.p, n};
        path = (struct str){rest.p + n, rest.n - n};
        pattern = end + 1;
    }
}

/* Is there a route for exactly this path? Then patterns that would take it too ("/users/{username}" and "/users/me") do
 * not count: a path is one resource. */
static bool is_literal_route(struct str path)
{
    for (size_t i = 0; i < n_routes; i++) {
        if (strchr(routes[i].path, '{') == NULL && str_is(path, routes[i].path)) {
            return true;
        }
    }
    return false;
}

/* The route of a path and method, or NULL; *methods: bit set of the methods the path has. HEAD is GET. */
static const struct route *find_route(struct str path, enum http_method method,
                                      struct str arguments[ROUTE_ARGUMENTS_MAX], unsigned *methods)
{
    const struct route *found = NULL;
    bool literal = is_literal_route(path);
    *methods = 0;
    for (size_t i = 0; i < n_routes; i++) {
        struct str taken[ROUTE_ARGUMENTS_MAX] = {{"", 0}, {"", 0}};
        bool pattern = strchr(routes[i].path, '{') != NULL;
        if ((literal && pattern) || !path_matches(routes[i].path, path, taken)) {
            continue;
        }
        *methods |= 1U << routes[i].method;
        if (found == NULL && (routes[i].method == method || (routes[i].method == HTTP_GET && method == HTTP_HEAD))) {
            found = &routes[i];
            memcpy(arguments, taken, sizeof taken);
        }
    }
    return found;
}

static struct str allow_header(struct context *c, unsigned methods)
{
    struct buf b;
    buf_init(&b, c->arena, 128);
    for (int m = HTTP_GET; m < HTTP_OPTIONS; m++) {
        bool has = (methods >> m & 1) != 0 || (m == HTTP_HEAD && (methods >> HTTP_GET & 1) != 0);
        if (has) {
            buf_puts(&b, http_method_name((enum http_method)m));
            buf_puts(&b, ", ");
        }
    }
    buf_puts(&b, "OPTIONS");
    http_header(c->res, "Allow", buf_text(&b));
    return buf_text(&b);
}

/* FastAPI's answer to a trailing slash: 307 to the path without it, method and body kept. */
static bool redirect_slash(struct context *c)
{
    struct str path = c->req->path, arguments[ROUTE_ARGUMENTS_MAX];
    unsigned methods;
    if (path.n < 2 || path.p[path.n - 1] != '/') {
        return false;
    }
    path.n--;
    (void)find_route(path, c->req->method, arguments, &methods);
    if (methods == 0) {
        return false;
    }
    struct buf b;
    buf_init(&b, c->arena, 3 * (path.n + c->req->query.n) + 8);
    for (size_t i = 0; i < path.n; i++) {
        unsigned char ch = (unsigned char)path.p[i];
        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
            (ch < 0x80 && strchr("/-._~", ch) != NULL)) {
            buf_char(&b, (char)ch);
        } else {
            buf_printf(&b, "%%%02X", ch);
        }
    }
    if (c->req->query.n > 0) {
        buf_char(&b, '?');
        buf_str(&b, c->req->query);
    }
    http_header(c->res, "Location", buf_text(&b));
    c->res->status = 307;
    return true;
}

static bool query_valid(const struct context *c)
{
    struct str rest = c->req->query, key, value;
    int rc = 1;
    while (rc == 1) {
        rc = http_form_next(&rest, c->arena, &key, &value, NULL);
    }
    return rc == 0;
}

bool query_find(const struct context *c, const char *name, struct str *value)
{
    struct str rest = c->req->query, key, text;
    bool found = false;
    while (http_form_next(&rest, c->arena, &key, &text, NULL) == 1) {
        if (str_is(key, name)) {
            *value = text;
            found = true;
        }
    }
    return found;
}

static void dispatch(struct context *c)
{
    const struct http_request *req = c->req;
    struct str arguments[ROUTE_ARGUMENTS_MAX] = {{"", 0}, {"", 0}};
    unsigned methods;
    if (req->too_long) {
        answer_detail(c, 431, "A request header is too long");
        return;
    }
    if (req->path.n == 0) {
        answer_detail(c, 400, "The request target is not a valid path");
        return;
    }
    c->route = find_route(req->path, req->method, arguments, &methods);
    c->argument = arguments[0];
    c->argument2 = arguments[1];
    if (methods == 0) {
        if (!redirect_slash(c)) {
            answer_detail(c, 404, "Not Found");
        }
    } else if (req->method == HTTP_OPTIONS) {
        cors_preflight(c, allow_header(c, methods));
        c->res->status = 204;
    } else if (c->route == NULL) {
        (void)allow_header(c, methods);
        answer_detail(c, 405, "Method Not Allowed");
    } else if (!query_valid(c)) {
        answer_detail(c, 400, "The query is not percent-encoded UTF-8 text");
    } else if (c->route->scope == SCOPE_NONE || (auth_check(c, c->route->scope) && rate_charge(c, 1))) {
        idempotency_run(c);
    }
}

static int64_t ticks(const struct context *c)
{
    return c->parts->ticks_us(c->parts->clock_arg);
}

bool request_expired(struct context *c)
{
    if (ticks(c) - c->start_us <= setting_int(c->parts->config, CONFIG_REQUEST_TIMEOUT) * 1000) {
        return false;
    }
    log_event(LOG_WARN, "request takes too long", LOG_STR("req", c->req->request_id),
              LOG_CSTR("route", c->route == NULL ? "-" : c->route->path));
    http_header(c->res, "Retry-After", STR("1"));
    answer_detail(c, 503, "The request takes too long; send fewer films at once");
    return true;
}

/* ---- finishing ------------------------------------------------------------------------------------------------- */

/* What the body could not become (ceiling, memory) is a 500 that needs no memory. */
static void check_body(struct context *c)
{
    struct mrc_err err = {0};
    if (buf_ok(&c->res->body, &err) == MRC_OK) {
        return;
    }
    err_wrap(&err, "response");
    log_err(LOG_ERROR, "response dropped", &err);
    static const char text[] = "{\"detail\":\"Internal Server Error\"}";
    _Static_assert(sizeof text <= sizeof c->app->last_resort, "fits");
    memcpy(c->app->last_resort, text, sizeof text);
    c->res->body = (struct buf){.p = c->app->last_resort, .n = sizeof text - 1, .cap = sizeof text, .max = sizeof text};
    c->res->status = 500;
    c->res->content_type = "application/json";
    c->res->n_headers = 0;
}

/* A caller that traces gets to know our part of its trace: its trace, a span of ours. What it sent beside (tracestate)
 * goes no further: nothing is called on the way to an answer. */
static void trace_header(struct context *c)
{
    unsigned char span[8];
    struct buf b;
    if (c->req->trace_id.n == 0) {
        return;
    }
    random_bytes(span, sizeof span);
    span[0] |= 1; /* never all zero */
    buf_init(&b, c->arena, 64);
    buf_puts(&b, "00-");
    buf_str(&b, c->req->trace_id);
    buf_char(&b, '-');
    for (size_t i = 0; i < sizeof span; i++) {
        buf_printf(&b, "%02x", span[i]);
    }
    buf_puts(&b, "-00");
    http_header(c->res, "traceresponse", buf_text(&b));
}

static void common_headers(struct context *c)
{
    struct http_response *res = c->res;
    cors_headers(c);
    trace_header(c);
    bool page = res->content_type != NULL && strncmp(res->content_type, "text/html", 9) == 0;
    http_header(res, "X-Request-Id", c->req->request_id);
    http_header(res, "X-Content-Type-Options", STR("nosniff"));
    http_header(res, "Referrer-Policy", STR("same-origin"));
    http_header(res, "Cross-Origin-Resource-Policy", STR("same-origin"));
    if (!http_has_header(res, "Content-Security-Policy")) {
        http_header(res, "Content-Security-Policy", str_of(page ? csp_page : csp_data));
    }
    if (page) {
        http_header(res, "Cross-Origin-Opener-Policy", STR("same-origin"));
        http_header(res, "Permissions-Policy", STR("camera=(), microphone=(), geolocation=()"));
    }
    if (!http_has_header(res, "Cache-Control")) {
        http_header(res, "Cache-Control", STR("no-store"));
    }
}

static struct str version_of(const struct context *c)
{
    return c->parts->bundle == NULL ? (struct str){"", 0} : c->parts->bundle->version;
}

void app_handle(struct app *a, const struct http_request *req, struct http_response *res)
{
    http_response_init(res, &a->arena, (size_t)setting_int(a->parts.config, CONFIG_RESPONSE_MAX));
    struct context c = {
        .app = a,
        .parts = &a->parts,
        .req = req,
        .res = res,
        .arena = &a->arena,
        .scratch = a->scratch,
        .now_ms = a->parts.clock_ms(a->parts.clock_arg),
        .start_us = a->parts.ticks_us(a->parts.clock_arg),
        .argument = {"", 0},
        .argument2 = {"", 0},
    };
    shared_busy(a->parts.shared, true);
    dispatch(&c);
    check_body(&c);
    common_headers(&c);
    metrics_request(&c, ticks(&c) - c.start_us);
    if (log_enabled(LOG_INFO)) {
        log_event(LOG_INFO, "request", LOG_STR("req", req->request_id),
                  LOG_CSTR("method", http_method_name(req->method)),
                  LOG_CSTR("route", c.route == NULL ? "-" : c.route->path), LOG_INT("status", res->status),
                  LOG_INT("us", ticks(&c) - c.start_us), LOG_STR("user", c.caller.user_id),
                  LOG_STR("version", version_of(&c)), LOG_STR("trace", req->trace_id));
    }
    shared_busy(a->parts.shared, false);
}
