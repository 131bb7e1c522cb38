#include "fcgi/cors.h"

#include <string.h>

static struct str next_origin(struct str *rest)
{
    *rest = str_trim(*rest);
    if (rest->n == 0) {
        return *rest; /* which may point nowhere */
    }
    size_t n = 0;
    while (n < rest->n && rest->p[n] != ' ') {
        n++;
    }
    struct str origin = {rest->p, n};
    *rest = (struct str){rest->p + n, rest->n - n};
    return origin;
}

/* scheme://host[:port] as browsers write it: lower case, no path, no default beyond it. */
static bool is_origin(struct str s)
{
    size_t skip = str_starts(s, "https://") ? 8 : str_starts(s, "http://") ? 7 : 0;
    if (skip == 0 || s.n == skip) {
        return false;
    }
    for (size_t i = skip; i < s.n; i++) {
        char ch = s.p[i];
        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '.' || ch == '-' || ch == ':' ||
              ch == '[' || ch == ']')) {
            return false;
        }
    }
    return true;
}

int cors_check(struct str origins, struct mrc_err *err)
{
    for (struct str origin = next_origin(&origins); origin.n > 0; origin = next_origin(&origins)) {
        if (!is_origin(origin)) {
            return mrc_fail(err, MRC_EINVAL,
                            "cors_origins: \"%.*s\" is no origin; https://host or https://host:port in lower case is "
                            "meant, without a path",
                            STR_ARG(origin));
        }
    }
    return MRC_OK;
}

static bool allowed(const struct context *c)
{
    struct str rest = setting_text(c->parts->config, CONFIG_CORS_ORIGINS);
    if (c->req->origin.n == 0) {
        return false;
    }
    for (struct str origin = next_origin(&rest); origin.n > 0; origin = next_origin(&rest)) {
        if (str_eq(origin, c->req->origin)) {
            return true;
        }
    }
    return false;
}

void cors_headers(struct context *c)
{
    if (setting_text(c->parts->config, CONFIG_CORS_ORIGINS).n == 0) {
        return;
    }
    http_header(c->res, "Vary", STR("Origin")); /* also where the origin is not allowed: caches must not mix them */
    if (allowed(c)) {
        http_header(c->res, "Access-Control-Allow-Origin", c->req->origin);
        http_header(c->res, "Access-Control-Expose-Headers",
                    STR("RateLimit, RateLimit-Policy, Retry-After, ETag, X-Request-Id, Location, WWW-Authenticate"));
    }
}

void cors_preflight(struct context *c, struct str methods)
{
    if (c->req->access_control_request_method.n > 0 && allowed(c)) {
        http_header(c->res, "Access-Control-Allow-Methods", methods);
        http_header(c->res, "Access-Control-Allow-Headers",
                    STR("authorization, content-type, accept, x-requested-with, idempotency-key, if-none-match, "
                        "traceparent, tracestate, x-request-id"));
        http_header(c->res, "Access-Control-Max-Age", STR("600"));
    }
}
