/* The whole server below the socket: app_handle(app, request, response).
 *
 * Tests, fuzzers and benchmarks call it without a socket. One request at a time; an app belongs to one process. */
#ifndef MRC_FCGI_APP_H
#define MRC_FCGI_APP_H

#include "common/forecast/forecast.h"
#include "fcgi/config.h"
#include "fcgi/http.h"
#include "fcgi/scribe.h"
#include "fcgi/store.h"

struct app;

/* What an app is made of. Everything is borrowed and must outlive it. */
struct app_parts {
    const struct settings *config;  /* config_specs' rows */
    const struct bundle *bundle;    /* NULL: no version yet; /readyz 503, /predict 503 */
    struct store *store;            /* accounts */
    struct log_sink *log;           /* prediction log; NULL: none (then `log = required` answers 503) */
    int64_t (*clock_ms)(void *arg); /* Unix milliseconds; NULL: the system's */
    void *clock_arg;
};
int app_open(struct app **out, const struct app_parts *parts, struct mrc_err *err) MRC_CHECKED;
void app_close(struct app *a);

/* Arena of the current request: worker.c reads the request into it. Reset by app_finish. */
struct arena *app_arena(struct app *a);
/* Answer. Always fills *res, whatever the request. */
void app_handle(struct app *a, const struct http_request *req, struct http_response *res);
/* The response has left: forget the request. */
void app_finish(struct app *a);

/* ---- for handlers (h_*.c) -------------------------------------------------------------------------------------- */

enum scope { SCOPE_NONE, SCOPE_PREDICT, SCOPE_OUTCOME, SCOPE_MONITOR, SCOPE_ADMIN, SCOPE__COUNT };
const char *scope_name(enum scope s); /* "predict", … */

struct caller { /* who asks, from the verified token */
    struct str user_id, username;
    unsigned scopes; /* bit set, 1 << enum scope */
};

struct context { /* one request's surroundings */
    struct app *app;
    const struct app_parts *parts;
    const struct http_request *req;
    struct http_response *res;
    struct arena *arena;
    struct caller caller;
    struct forecast_scratch *scratch;
    int64_t now_ms;
    struct str argument; /* text that {…} in the route matched, decoded */
};
typedef void (*handler)(struct context *c);

struct route {
    enum http_method method;
    const char *path;       /* "/predict", "/predictions/{id}" */
    handler handle;
    enum scope scope;
    const char *summary;    /* English / French, for OpenAPI */
};
extern const struct route routes[];
extern const size_t n_routes;

/* Answers every handler shares. */
void answer_json(struct context *c, int status);                       /* body was written to c->res->body */
void answer_detail(struct context *c, int status, const char *detail); /* {"detail":…}, or RFC 9457 when asked for */
void answer_err(struct context *c, const struct mrc_err *err);         /* status from the code; 5xx say nothing */

#endif
