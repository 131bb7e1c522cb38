/* The whole server below the socket: app_handle(app, request, response).
 *
 * Tests, fuzzers and benchmarks call it without a socket. One request at a time; an app belongs to one process. */
#ifndef MRC_FCGI_APP_H
#define MRC_FCGI_APP_H

#include "common/forecast/forecast.h"
#include "fcgi/config.h"
#include "fcgi/http.h"
#include "fcgi/scribe.h"
#include "fcgi/shared.h"
#include "fcgi/store.h"

struct app;

/* What an app is made of. Everything is borrowed and must outlive it. */
struct app_parts {
    const struct settings *config;  /* config_specs' rows */
    int64_t (*ticks_us)(void *arg); /* monotonic microseconds, with clock_arg; NULL: the system's */
    const struct bundle *bundle;    /* NULL: no version yet; /readyz 503, /predict 503 */
    struct store *store;            /* accounts */
    struct store *log_store;        /* the prediction log, for reading; NULL: none */
    struct shared *shared;          /* counters and rate limits of all processes; NULL: none */
    struct gate *hash_gate;         /* entered while a password is hashed; NULL: no limit */
    struct log_sink *log;           /* prediction log; NULL: none (then `log = required` answers 503) */
    int64_t (*clock_ms)(void *arg); /* Unix milliseconds; NULL: the system's */
    void *clock_arg;
};
/* Reads or makes the token key, opens scratch memory, lists the pages of www_dir. MRC_EIO, MRC_EFORMAT (key file). */
int app_open(struct app **out, const struct app_parts *parts, struct mrc_err *err) MRC_CHECKED;
void app_close(struct app *a);

/* Arena of the current request: worker.c reads the request into it. Reset by app_finish. */
struct arena *app_arena(struct app *a);
/* Answer. Always fills *res, whatever the request, and writes the access line to the log. Needs no http_response_init.
 */
void app_handle(struct app *a, const struct http_request *req, struct http_response *res);
/* The response has left: forget the request. */
void app_finish(struct app *a);

/* ---- for handlers (h_*.c) -------------------------------------------------------------------------------------- */

enum scope {
    SCOPE_NONE,
    SCOPE_PREDICT,
    SCOPE_OUTCOME,
    SCOPE_MONITOR,
    SCOPE_ADMIN,
    SCOPE__COUNT,
    SCOPE_ANY /* of a route: who asks must be known, whatever the scopes; never a bit */
};
const char *scope_name(enum scope s); /* "predict", …; not of SCOPE_ANY */

enum caller_kind { /* with a password's token, an account's key, a client, a token of the outside issuer */
                   CALLER_USER,
                   CALLER_KEY,
                   CALLER_CLIENT,
                   CALLER_OUTSIDE
};

struct caller {                   /* who asks, from the verified token or key */
    struct str user_id, username; /* of a client: "client:" and its id; its id. From outside: "ext:" and a
                                    digest of issuer and subject; "ext:" and the subject */
    unsigned scopes;              /* bit set, 1 << enum scope */
    enum caller_kind kind;
};

struct route;
struct context { /* one request's surroundings */
    struct app *app;
    const struct app_parts *parts;
    const struct http_request *req;
    struct http_response *res;
    struct arena *arena;
    const struct route *route;
    struct caller caller;
    struct forecast_scratch *scratch;
    int64_t now_ms, start_us; /* Unix time; monotonic time for durations */
    struct str argument;      /* text that {…} in the route matched, decoded; of several, the first */
    struct str argument2;     /* the second, or empty */
};
typedef void (*handler)(struct context *c);

/* Statuses of a route beyond those that follow from its method and scope, for OpenAPI. */
enum route_flag {
    ROUTE_HIDDEN = 1,       /* pages and the document itself: not in OpenAPI */
    ROUTE_CACHED = 2,       /* answers with an ETag, so 304 can come */
    ROUTE_NEEDS_MODEL = 4,  /* 503 without a bundle */
    ROUTE_CHECKS_QUERY = 8, /* a wrong query parameter is 422 */
    ROUTE_ANY_JSON = 16,    /* the answer is an object of no fixed shape */
    ROUTE_CONFLICTS = 32,   /* 409 when the state forbids it */
    ROUTE_NO_CONTENT = 64,  /* success is 204, without a body */
    ROUTE_IDEMPOTENT = 256, /* takes an Idempotency-Key (idempotency.h) */
    ROUTE_INFERENCE = 128   /* errors have `error`, too (Open Inference Protocol) */
};

/* One row of the table that dispatch, authorisation, OpenAPI and the tests follow. */
struct route {
    enum http_method method;
    const char *path; /* "/predict", "/predictions/{id}" (one segment), "/assets/{file...}" (the rest); at most 2 */
    handler handle;
    enum scope scope;
    const char *name;    /* operation: "predict" gives operationId predict_predict_post */
    const char *tag;     /* group in the documentation */
    const char *summary; /* English / French, for OpenAPI */
    const char *answer;  /* component of the 200 answer; NULL: text/plain */
    unsigned flags;      /* enum route_flag */
};
extern const struct route routes[];
extern const size_t n_routes;

enum { ROUTE_ARGUMENTS_MAX = 2 };

/* Last value of a query parameter, decoded. The query as a whole was checked before the handler ran. */
bool query_find(const struct context *c, const char *name, struct str *value);

/* Answers every handler shares. */
void answer_json(struct context *c, int status); /* body was written to c->res->body */
/* The same, 200, with a validator made of the body: 304 when the client has it already. */
void answer_json_cached(struct context *c);
void answer_cached(struct context *c, const char *content_type);       /* of another type */
void answer_text(struct context *c, int status, struct str text);      /* text/plain */
void answer_nothing(struct context *c);                                /* 204 */
void answer_detail(struct context *c, int status, const char *detail); /* {"detail":…}, or RFC 9457 when asked for */
void answer_err(struct context *c, const struct mrc_err *err);         /* status from the code; 5xx say nothing */

/* One item of a 422 answer, FastAPI's shape. loc is [where, list, list_index, field, index] without what is absent. */
struct problem {
    const char *type;  /* "missing", "int_parsing", … */
    const char *where; /* "body", "query" */
    const char *list;  /* "films" for an item of a batch; NULL: none */
    int64_t list_index;
    struct str field; /* empty: none */
    int64_t index;    /* item of a list, or offset of a syntax error; -1: none */
    struct str message;
    struct str input;   /* JSON text of what was sent; empty: null */
    struct str context; /* JSON object for ctx; empty: none */
};
/* Text as a JSON string, cut to its beginning, for `input`. */
struct str json_text(struct context *c, struct str text);

/* Problems found so far, in the request's arena. Beyond PROBLEMS_MAX they are only counted: a wrong batch gets no
 * larger answer than a right one. */
enum { PROBLEMS_MAX = 1000 };
struct problems {
    struct problem *items;
    size_t n, cap;
};
int problems_add(struct context *c, struct problems *list, const struct problem *problem,
                 struct mrc_err *err) MRC_CHECKED;
/* Those of one row; film: its index in {"films":[…]}, or -1. */
int problems_add_row(struct context *c, struct problems *list, const struct row_report *report, int64_t film,
                     struct mrc_err *err) MRC_CHECKED;
void answer_problems(struct context *c, const struct problems *list); /* 422 */

/* Has this request taken longer than it may? Then it is answered (503). For loops that can be long. */
bool request_expired(struct context *c);

/* Charge the caller `cost` requests against the setting rate_per_minute and say in headers what is left. false:
 * answered (429). */
bool rate_charge(struct context *c, int64_t cost);

/* Is there a whole, uncompressed body of at most max bytes? false: answered (400, 413, 415). */
bool body_complete(struct context *c, size_t max);

#endif
