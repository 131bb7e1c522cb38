/* HTTP as the application sees it: a request whose parts are slices in the request's arena, and a response that is
 * complete in memory before its first byte leaves. Knows no FastCGI: worker.c fills a request from parameters. */
#ifndef MRC_FCGI_HTTP_H
#define MRC_FCGI_HTTP_H

#include "common/base/json.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS, HTTP_OTHER };
const char *http_method_name(enum http_method m);

struct http_request {
    enum http_method method;
    struct str method_text;
    struct str path;  /* of REQUEST_URI: percent-decoded, UTF-8, begins with '/', no "//", ".", "..", NUL */
    struct str query; /* raw, without '?' */
    struct str content_type, accept, accept_language, accept_encoding, authorization, if_none_match, origin, user_agent;
    struct str request_id; /* from X-Request-Id when [A-Za-z0-9._-]{1,64}, else made here */
    struct str host;       /* of the Host header, where it is a name or address with or without a port; else empty */
    struct str traceparent, tracestate, idempotency_key, content_encoding, access_control_request_method;
    struct str trace_id; /* of a valid traceparent (W3C Trace Context); else empty, and tracestate too */
    struct str address;  /* of the peer as the web server saw it */
    bool https;
    bool too_long; /* a parameter was longer than header_max (→ 431); path is then "" */
    struct str body;
    enum { BODY_OK, BODY_TOO_LARGE, BODY_SHORT, BODY_LENGTH_BAD } body_state;
};

/* Value of a CGI parameter ("REQUEST_URI", "HTTP_ACCEPT", …) or NULL. */
typedef const char *(*http_parameter)(const char *name, void *arg);
/* Fill everything but body and body_state. A path that breaks the rules above gives path "" (→ 400). MRC_ELIMIT when a
 * parameter is longer than header_max; *r then is still a request that app_handle answers (431). MRC_ENOMEM. */
int http_request_read(struct http_request *r, http_parameter parameter, void *arg, size_t header_max, struct arena *a,
                      struct mrc_err *err) MRC_CHECKED;

enum { HTTP_HEADERS_MAX = 24 };
struct http_header {
    const char *name;
    struct str value; /* no CR, LF, NUL: http_header refuses others */
};
struct http_response {
    int status;
    const char *content_type; /* NULL: no body */
    struct http_header headers[HTTP_HEADERS_MAX];
    uint32_t n_headers;
    struct buf body; /* in the request's arena */
};
void http_response_init(struct http_response *r, struct arena *a, size_t body_max);
/* Add a header; name is static, value is borrowed until the response has left. Values with CR, LF or NUL are dropped.
 */
void http_header(struct http_response *r, const char *name, struct str value);
bool http_has_header(const struct http_response *r, const char *name); /* exact name */
const char *http_reason(int status);
/* CGI form: Status, Content-Type, Content-Length, headers, blank line; then the body is sent unless HEAD, 204, 304. */
void http_response_head(const struct http_response *r, bool head_request, struct buf *out);

/* Percent-decode; plus: '+' is a blank (forms). false: bad escape, NUL or not UTF-8. */
bool http_decode(struct str s, bool plus, struct arena *a, struct str *out);
/* Next pair of a query or form body. 1 = pair, 0 = end, negative = bad escape. */
int http_form_next(struct str *rest, struct arena *a, struct str *key, struct str *value,
                   struct mrc_err *err) MRC_CHECKED;
/* Does an Accept header prefer this type: is it listed by name (no wildcard), with q > 0 and no other type above it?
 * Empty Accept: false. */
bool http_accepts(struct str accept, const char *type);
/* Does an Accept-Encoding header allow this coding ("gzip", "br") by name, with q > 0? */
bool http_accepts_coding(struct str accept_encoding, const char *coding);
/* Credentials of an Authorization header of this scheme ("bearer"; any case), trimmed; empty when it has another. */
struct str http_credentials(struct str authorization, const char *scheme);
/* Does an If-None-Match list contain this entity tag (quoted, weakly compared), or "*"? */
bool http_etag_matches(struct str if_none_match, struct str etag);
/* The trace id (32 hexadecimal digits) of a valid W3C traceparent of any version, or nothing. */
struct str http_trace_id(struct str traceparent);
/* Media type of a Content-Type value equals type, parameters ignored, case-insensitive. */
bool http_media_type_is(struct str content_type, const char *type);

#endif
