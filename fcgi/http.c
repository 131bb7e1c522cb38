/* Requests from CGI parameters and responses to CGI form. What is malformed is refused here, so that no handler ever
 * sees an undecoded path, a header with a line end in it, or text that is not UTF-8. */
#include "fcgi/http.h"

#include "common/base/digest.h"

#include <string.h>

static const char *const method_names[] = {
    [HTTP_GET] = "GET",     [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",       [HTTP_PUT] = "PUT",
    [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS", [HTTP_OTHER] = "OTHER",
};

const char *http_method_name(enum http_method m)
{
    return method_names[m];
}

static enum http_method method_of(struct str text)
{
    for (int m = HTTP_GET; m < HTTP_OTHER; m++) {
        if (str_is(text, method_names[m])) {
            return (enum http_method)m;
        }
    }
    return HTTP_OTHER;
}

/* ---- small character rules ------------------------------------------------------------------------------------- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_ignoring_case(struct str a, const char *b)
{
    size_t n = strlen(b);
    if (a.n != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (lower(a.p[i]) != lower(b[i])) {
            return false;
        }
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
}

/* Text up to the next separator; *rest moves behind it. */
static struct str cut(struct str *rest, char separator)
{
    if (rest->n == 0) {
        return (struct str){"", 0};
    }
    const char *end = memchr(rest->p, separator, rest->n);
    struct str part = {rest->p, end == NULL ? rest->n : (size_t)(end - rest->p)};
    size_t taken = end == NULL ? part.n : part.n + 1;
    rest->p += taken;
    rest->n -= taken;
    return part;
}

/* ---- decoding -------------------------------------------------------------------------------------------------- */

bool http_decode(struct str s, bool plus, struct arena *a, struct str *out)
{
    char *text = arena_alloc(a, s.n + 1, 1);
    if (text == NULL) {
        return false;
    }
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '+' && plus) {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
            int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0') {
            return false;
        }
        text[n++] = c;
    }
    *out = (struct str){text, n};
    return utf8_valid(*out) == n;
}

int http_form_next(struct str *rest, struct arena *a, struct str *key, struct str *value, struct mrc_err *err)
{
    while (rest->n > 0) {
        struct str pair = cut(rest, '&');
        if (pair.n == 0) {
            continue;
        }
        struct str name = cut(&pair, '=');
        if (!http_decode(name, true, a, key) || !http_decode(pair, true, a, value)) {
            return mrc_fail(err, MRC_EFORMAT, "a name or value is not percent-encoded UTF-8 text");
        }
        return 1;
    }
    return 0;
}

/* No empty, "." or ".." segment, no backslash and no control character. A slash at the end is allowed. */
static bool path_clean(struct str path)
{
    if (path.n == 0 || path.p[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < path.n; i++) {
        if ((unsigned char)path.p[i] < 0x20 || path.p[i] == 0x7f || path.p[i] == '\\') {
            return false;
        }
    }
    struct str rest = {path.p + 1, path.n - 1};
    while (rest.n > 0) {
        struct str segment = cut(&rest, '/');
        if (segment.n == 0 || str_is(segment, ".") || str_is(segment, "..")) {
            return false;
        }
    }
    return true;
}

/* ---- reading a request ----------------------------------------------------------------------------------------- */

struct reading {
    http_parameter parameter;
    void *arg;
    size_t max;
    struct arena *arena;
    bool too_long, no_memory;
};

/* A parameter copied to the arena; empty when absent, too long, or with control characters in it. */
static struct str read_parameter(struct reading *g, const char *name)
{
    const char *value = g->parameter(name, g->arg);
    struct str out = {"", 0};
    if (value == NULL) {
        return out;
    }
    size_t n = strnlen(value, g->max + 1);
    if (n > g->max) {
        g->too_long = true;
        return out;
    }
    for (size_t i = 0; i < n; i++) {
        if (((unsigned char)value[i] < 0x20 && value[i] != '\t') || value[i] == 0x7f) {
            return out;
        }
    }
    if (!str_copy(g->arena, (struct str){value, n}, &out)) {
        g->no_memory = true;
        return (struct str){"", 0};
    }
    return out;
}

/* Path and query of a request target in origin form, or in absolute form ("http://host/path"). */
static void read_target(struct http_request *r, struct str target, struct arena *a)
{
    r->path = (struct str){"", 0};
    r->query = (struct str){"", 0};
    struct str rest = target;
    target = cut(&rest, '#');
    if (str_starts(target, "http://") || str_starts(target, "https://")) {
        size_t skip = str_starts(target, "https://") ? 8 : 7;
        while (skip < target.n && target.p[skip] != '/') {
            skip++;
        }
        target = (struct str){target.p + skip, target.n - skip};
    }
    rest = target;
    struct str raw = cut(&rest, '?'), path;
    if (!http_decode(raw, false, a, &path) || !path_clean(path)) {
        return;
    }
    r->path = path;
    r->query = rest;
}

static bool request_id_valid(struct str id)
{
    if (id.n == 0 || id.n > 64) {
        return false;
    }
    for (size_t i = 0; i < id.n; i++) {
        if (!token_char(id.p[i])) {
            return false;
        }
    }
    return true;
}

/* Characters of a name, an IPv4 address, an IPv6 address in brackets, a port. */
static bool host_valid(struct str host)
{
    for (size_t i = 0; i < host.n; i++) {
        if (!token_char(host.p[i]) && host.p[i] != ':' && host.p[i] != '[' && host.p[i] != ']') {
            return false;
        }
    }
    return host.n <= 255;
}

static struct str request_id_new(struct reading *g)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    char *text = arena_alloc(g->arena, 2 * sizeof bytes + 1, 1);
    if (text == NULL) {
        g->no_memory = true;
        return STR("-");
    }
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return (struct str){text, 2 * sizeof bytes};
}

struct str http_trace_id(struct str parent)
{
    static const struct str none = {"", 0};
    bool zero_trace = true, zero_span = true;
    if (parent.n < 55 || parent.p[2] != '-' || parent.p[35] != '-' || parent.p[52] != '-' ||
        (parent.n > 55 && (str_starts(parent, "00") || parent.p[55] != '-')) || str_starts(parent, "ff")) {
        return none;
    }
    for (size_t i = 0; i < 55; i++) {
        char ch = parent.p[i];
        bool hex = (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f');
        if (!hex && i != 2 && i != 35 && i != 52) {
            return none;
        }
        zero_trace = zero_trace && (i < 3 || i >= 35 || ch == '0');
        zero_span = zero_span && (i < 36 || i >= 52 || ch == '0');
    }
    return zero_trace || zero_span ? none : (struct str){parent.p + 3, 32};
}

int http_request_read(struct http_request *r, http_parameter parameter, void *arg, size_t header_max, struct arena *a,
                      struct mrc_err *err)
{
    struct reading g = {.parameter = parameter, .arg = arg, .max = header_max, .arena = a};
    *r = (struct http_request){.path = {"", 0}, .body = {"", 0}};
    r->method_text = read_parameter(&g, "REQUEST_METHOD");
    r->method = method_of(r->method_text);
    r->content_type = read_parameter(&g, "CONTENT_TYPE");
    r->accept = read_parameter(&g, "HTTP_ACCEPT");
    r->accept_language = read_parameter(&g, "HTTP_ACCEPT_LANGUAGE");
    r->accept_encoding = read_parameter(&g, "HTTP_ACCEPT_ENCODING");
    r->authorization = read_parameter(&g, "HTTP_AUTHORIZATION");
    r->if_none_match = read_parameter(&g, "HTTP_IF_NONE_MATCH");
    r->origin = read_parameter(&g, "HTTP_ORIGIN");
    r->user_agent = read_parameter(&g, "HTTP_USER_AGENT");
    r->host = read_parameter(&g, "HTTP_HOST");
    if (!host_valid(r->host)) {
        r->host = (struct str){"", 0};
    }
    r->traceparent = read_parameter(&g, "HTTP_TRACEPARENT");
    r->tracestate = read_parameter(&g, "HTTP_TRACESTATE");
    r->trace_id = http_trace_id(r->traceparent);
    if (r->trace_id.n == 0) {
        r->tracestate = (struct str){"", 0};
    }
    r->access_control_request_method = read_parameter(&g, "HTTP_ACCESS_CONTROL_REQUEST_METHOD");
    r->idempotency_key = read_parameter(&g, "HTTP_IDEMPOTENCY_KEY");
    r->content_encoding = read_parameter(&g, "HTTP_CONTENT_ENCODING");
    r->address = read_parameter(&g, "REMOTE_ADDR");
    struct str https = read_parameter(&g, "HTTPS");
    r->https = https.n > 0 && !same_ignoring_case(https, "off");
    r->request_id = read_parameter(&g, "HTTP_X_REQUEST_ID");
    if (!request_id_valid(r->request_id)) {
        r->request_id = request_id_new(&g);
    }
    struct str target = read_parameter(&g, "REQUEST_URI");
    if (g.too_long) {
        r->too_long = true;
        r->query = (struct str){"", 0};
        return mrc_fail(err, MRC_ELIMIT, "a request header is longer than %zu bytes", header_max);
    }
    read_target(r, target, a);
    return g.no_memory ? arena_fail(a, err) : MRC_OK;
}

/* ---- responses ------------------------------------------------------------------------------------------------- */

void http_response_init(struct http_response *r, struct arena *a, size_t body_max)
{
    *r = (struct http_response){.status = 500};
    buf_init(&r->body, a, body_max);
}

void http_header(struct http_response *r, const char *name, struct str value)
{
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\r' || value.p[i] == '\n' || value.p[i] == '\0') {
            return;
        }
    }
    if (r->n_headers < HTTP_HEADERS_MAX) {
        r->headers[r->n_headers++] = (struct http_header){name, value};
    }
}

bool http_has_header(const struct http_response *r, const char *name)
{
    for (uint32_t i = 0; i < r->n_headers; i++) {
        if (strcmp(r->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {409, "Conflict"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Unknown";
}

void http_response_head(const struct http_response *r, bool head_request, struct buf *out)
{
    (void)head_request; /* a HEAD answer has the headers of the GET, its length included */
    buf_printf(out, "Status: %d %s\r\n", r->status, http_reason(r->status));
    if (r->status != 204 && r->status != 304) {
        if (r->content_type != NULL) {
            buf_printf(out, "Content-Type: %s\r\n", r->content_type);
        }
        buf_printf(out, "Content-Length: %zu\r\n", r->body.n);
    }
    for (uint32_t i = 0; i < r->n_headers; i++) {
        buf_puts(out, r->headers[i].name);
        buf_add(out, ": ", 2);
        buf_str(out, r->headers[i].value);
        buf_add(out, "\r\n", 2);
    }
    buf_add(out, "\r\n", 2);
}

/* ---- header values --------------------------------------------------------------------------------------------- */

/* Quality of one list member's parameters in thousandths: q absent is 1000, malformed is 0. */
static int quality(struct str parameters)
{
    while (parameters.n > 0) {
        struct str parameter = str_trim(cut(&parameters, ';'));
        struct str name = str_trim(cut(&parameter, '='));
        if (!same_ignoring_case(name, "q")) {
            continue;
        }
        double q;
        struct str value = str_trim(parameter);
        if (value.n == 0 || value.n > 5 || !parse_double(value, &q) || !(q >= 0 && q <= 1)) {
            return 0;
        }
        return (int)(q * 1000 + 0.5);
    }
    return 1000;
}

bool http_accepts(struct str accept, const char *type)
{
    int ours = 0, best = 0;
    while (accept.n > 0) {
        struct str member = cut(&accept, ',');
        struct str name = str_trim(cut(&member, ';'));
        int q = quality(member);
        if (same_ignoring_case(name, type)) {
            ours = q > ours ? q : ours;
        }
        best = q > best ? q : best;
    }
    return ours > 0 && ours == best;
}

bool http_accepts_coding(struct str accept_encoding, const char *coding)
{
    while (accept_encoding.n > 0) {
        struct str member = cut(&accept_encoding, ',');
        struct str name = str_trim(cut(&member, ';'));
        if (same_ignoring_case(name, coding)) {
            return quality(member) > 0;
        }
    }
    return false;
}

struct str http_credentials(struct str authorization, const char *scheme)
{
    struct str name = cut(&authorization, ' ');
    return same_ignoring_case(name, scheme) ? str_trim(authorization) : (struct str){"", 0};
}

bool http_etag_matches(struct str if_none_match, struct str etag)
{
    while (if_none_match.n > 0) {
        struct str member = str_trim(cut(&if_none_match, ','));
        if (str_starts(member, "W/")) {
            member = (struct str){member.p + 2, member.n - 2};
        }
        if (str_is(member, "*") || str_eq(member, etag)) {
            return true;
        }
    }
    return false;
}

bool http_media_type_is(struct str content_type, const char *type)
{
    return same_ignoring_case(str_trim(cut(&content_type, ';')), type);
}
