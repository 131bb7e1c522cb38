/* The connection to MLflow, on libcurl: one easy handle, kept alive, with everything switched off that could send a
 * request or a credential elsewhere. The calls are in mlflow_calls.c and mlflow_files.c. */
#include "common/forecast/mlflow.h"

#include "common/base/digest.h"
#include "common/forecast/mlflow_wire.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum {
    REPLY_MAX = 8 << 20,      /* of a JSON answer */
    ERROR_BODY_MAX = 1 << 16, /* of what accompanies a refusal to give a file */
    URL_MAX = 2000,
    WAIT_MAX_MS = 30000,
    SLOW_BYTES = 1000 /* a second, of a file: less is none */
};

struct mlflow {
    CURL *curl;
    struct arena arena; /* texts of the options */
    char *base;         /* without credentials and final slash */
    const char *user, *password, *token;
    struct mlflow_options o;
    int major;   /* 0: not asked yet */
    long status; /* of the last answer */
    int64_t ahead_ms;
    char problem[CURL_ERROR_SIZE];
};

/* ---- options --------------------------------------------------------------------------------------------------- */

static const char *set_or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

static int number_of(const char *name, int64_t most, int64_t unit, int64_t *out, struct mrc_err *err)
{
    const char *text = set_or_null(getenv(name));
    int64_t v;
    if (text == NULL) {
        return MRC_OK;
    }
    if (!parse_i64(str_of(text), &v) || v < 0 || v > most) {
        return mrc_fail(err, MRC_EINVAL, "%s=%s: a whole number from 0 to %lld is meant", name, text, (long long)most);
    }
    *out = v * unit;
    return MRC_OK;
}

int mlflow_options_environment(struct mlflow_options *o, struct mrc_err *err)
{
    if (o->url == NULL) {
        o->url = getenv("MLFLOW_TRACKING_URI");
    }
    o->username = getenv("MLFLOW_TRACKING_USERNAME");
    o->password = getenv("MLFLOW_TRACKING_PASSWORD");
    o->token = getenv("MLFLOW_TRACKING_TOKEN");
    o->ca_file = getenv("MLFLOW_TRACKING_SERVER_CERT_PATH");
    o->client_cert = getenv("MLFLOW_TRACKING_CLIENT_CERT_PATH");
    const char *insecure = getenv("MLFLOW_TRACKING_INSECURE_TLS");
    o->insecure = insecure != NULL && (strcasecmp(insecure, "true") == 0 || strcmp(insecure, "1") == 0);
    int64_t retries = o->retries;
    MRC_TRY(number_of("MLFLOW_HTTP_REQUEST_TIMEOUT", 3600, 1000, &o->timeout_ms, err));
    MRC_TRY(number_of("MLFLOW_HTTP_REQUEST_MAX_RETRIES", 9, 1, &retries, err));
    o->retries = (unsigned)retries;
    return MRC_OK;
}

static bool hostile(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == '\\' || *s == '?' || *s == '#') {
            return true;
        }
    }
    return false;
}

static int decode(struct mlflow *m, const char *p, size_t n, const char **out, struct mrc_err *err)
{
    int length = 0;
    char *text = curl_easy_unescape(m->curl, p, (int)n, &length);
    if (text == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for MLflow's address");
    }
    *out = arena_copy(&m->arena, text, (size_t)length);
    curl_free(text);
    return *out == NULL ? arena_fail(&m->arena, err) : MRC_OK;
}

/* scheme://[user:password@]host[:port][/prefix] → base and credentials. Never repeats the text: it may hold a password.
 */
static int take_url(struct mlflow *m, const char *url, struct mrc_err *err)
{
    static const char meant[] = "http://host[:port][/prefix] or https://… is meant";
    size_t scheme = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;
    if (scheme == 0) {
        return mrc_fail(err, MRC_EINVAL, "MLflow's address is not one of a server: %s", meant);
    }
    if (strlen(url) > URL_MAX || hostile(url)) {
        return mrc_fail(err, MRC_EINVAL, "MLflow's address is too long or has blanks, '?', '#' or '\\' in it: %s",
                        meant);
    }
    const char *host = url + scheme, *slash = strchr(host, '/');
    size_t n_host = slash == NULL ? strlen(host) : (size_t)(slash - host);
    const char *at = NULL;
    for (size_t i = 0; i < n_host; i++) {
        at = host[i] == '@' ? host + i : at;
    }
    if (at != NULL) {
        const char *colon = memchr(host, ':', (size_t)(at - host));
        const char *end = colon == NULL ? at : colon;
        MRC_TRY(decode(m, host, (size_t)(end - host), &m->user, err));
        MRC_TRY(
            decode(m, colon == NULL ? at : colon + 1, colon == NULL ? 0 : (size_t)(at - colon - 1), &m->password, err));
        host = at + 1;
    }
    size_t n = strlen(host);
    while (n > 0 && host[n - 1] == '/') {
        n--;
    }
    if (n == 0 || host[0] == '/' || host[0] == ':') {
        return mrc_fail(err, MRC_EINVAL, "MLflow's address names no host: %s", meant);
    }
    m->base = arena_alloc(&m->arena, scheme + n + 1, 1);
    if (m->base == NULL) {
        return arena_fail(&m->arena, err);
    }
    memcpy(m->base, url, scheme);
    memcpy(m->base + scheme, host, n);
    return MRC_OK;
}

static int keep(struct mlflow *m, const char **text, struct mrc_err *err)
{
    if (set_or_null(*text) == NULL) {
        *text = NULL;
        return MRC_OK;
    }
    *text = arena_copy(&m->arena, *text, strlen(*text));
    return *text == NULL ? arena_fail(&m->arena, err) : MRC_OK;
}

static int take_options(struct mlflow *m, const struct mlflow_options *o, struct mrc_err *err)
{
    m->o = *o;
    if (set_or_null(o->url) == NULL) {
        return mrc_fail(err, MRC_EINVAL, "no address of an MLflow server is given");
    }
    MRC_TRY(take_url(m, o->url, err));
    MRC_TRY(keep(m, &m->o.username, err));
    MRC_TRY(keep(m, &m->o.password, err));
    MRC_TRY(keep(m, &m->o.token, err));
    MRC_TRY(keep(m, &m->o.ca_file, err));
    MRC_TRY(keep(m, &m->o.client_cert, err));
    MRC_TRY(keep(m, &m->o.agent, err));
    if (m->o.username != NULL) {
        m->user = m->o.username;
        m->password = m->o.password == NULL ? "" : m->o.password;
    }
    if (m->o.token != NULL && hostile(m->o.token)) {
        return mrc_fail(err, MRC_EINVAL, "MLflow's token has a blank or control character in it");
    }
    if (m->o.insecure && m->o.ca_file != NULL) {
        return mrc_fail(err, MRC_EINVAL, "both a file of certificates to trust and no check of certificates");
    }
    m->token = m->user == NULL ? m->o.token : NULL;
    m->o.connect_timeout_ms = o->connect_timeout_ms > 0 ? o->connect_timeout_ms : 2000;
    m->o.timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : 30000;
    m->o.backoff_ms = o->backoff_ms > 0 ? o->backoff_ms : 500;
    return MRC_OK;
}

int mlflow_open(struct mlflow **out, const struct mlflow_options *o, struct mrc_err *err)
{
    struct mlflow *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a connection to MLflow");
    }
    arena_init(&m->arena, 1 << 16);
    m->curl = curl_easy_init();
    int rc = m->curl == NULL ? mrc_fail(err, MRC_ENOMEM, "libcurl does not start") : take_options(m, o, err);
    if (rc < 0) {
        mlflow_close(m);
        return rc;
    }
    *out = m;
    return MRC_OK;
}

void mlflow_close(struct mlflow *m)
{
    if (m != NULL) {
        if (m->curl != NULL) {
            curl_easy_cleanup(m->curl);
        }
        arena_release(&m->arena);
        free(m);
    }
}

const char *mlflow_url(const struct mlflow *m)
{
    return m->base;
}

int mlflow_status(const struct mlflow *m)
{
    return (int)m->status;
}

int64_t mlflow_ahead_ms(const struct mlflow *m)
{
    return m->ahead_ms;
}

/* ---- one request ----------------------------------------------------------------------------------------------- */

/* Where an answer's body goes. A refusal's body is kept as text, whatever the sink. */
struct transfer {
    struct mlflow *m;
    const struct mlflow_request *r;
    struct buf *text; /* answer, or words of a refusal */
    uint64_t received;
    struct sha256_stream digest;
    bool too_large, cannot_write;
    int64_t retry_after_ms;
    char location[120];
    char content_type[64];
};

static bool is_file(const struct transfer *t)
{
    long status = 0;
    (void)curl_easy_getinfo(t->m->curl, CURLINFO_RESPONSE_CODE, &status);
    return t->r->to_file && status >= 200 && status < 300;
}

static size_t receive(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    n *= size;
    if (!is_file(t)) {
        if (t->r->to_file && t->text->n + n > ERROR_BODY_MAX) {
            return n; /* enough words */
        }
        buf_add(t->text, p, n);
        t->too_large = t->text->failed == MRC_ELIMIT;
        return t->text->failed ? 0 : n;
    }
    if (t->received + n > t->r->bytes_max) {
        t->too_large = true;
        return 0;
    }
    t->received += n;
    sha256_add(&t->digest, p, n);
    struct mrc_err ignored;
    if (t->r->fd >= 0 && file_write_fd(t->r->fd, (struct str){p, n}, &ignored) < 0) {
        t->cannot_write = true;
        return 0;
    }
    return n;
}

static size_t send_part(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    ssize_t got;
    do {
        got = read(t->r->fd, p, size * n);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static void keep_header(const char *line, size_t n, const char *name, char *out, size_t size)
{
    size_t name_n = strlen(name), k = 0;
    if (n <= name_n || strncasecmp(line, name, name_n) != 0) {
        return;
    }
    for (size_t i = name_n; i < n && k + 1 < size; i++) {
        if ((k > 0 || line[i] != ' ') && line[i] >= ' ' && line[i] < 0x7f) {
            out[k++] = line[i];
        }
    }
    out[k] = '\0';
}

static size_t read_header(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    char wait[24] = "", date[48] = "";
    double seconds;
    n *= size;
    keep_header(p, n, "location:", t->location, sizeof(t->location));
    keep_header(p, n, "content-type:", t->content_type, sizeof(t->content_type));
    keep_header(p, n, "retry-after:", wait, sizeof(wait));
    keep_header(p, n, "date:", date, sizeof(date));
    time_t there = date[0] == '\0' ? -1 : curl_getdate(date, NULL);
    if (there > 0) {
        t->m->ahead_ms = ((int64_t)time(NULL) - (int64_t)there) * 1000;
    }
    if (parse_double(str_of(wait), &seconds) && seconds >= 0) {
        t->retry_after_ms = seconds * 1000 < WAIT_MAX_MS ? (int64_t)(seconds * 1000) : WAIT_MAX_MS;
    }
    return n;
}

static int progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct transfer *t = arg;
    (void)a, (void)b, (void)c, (void)d;
    return t->m->o.cancelled != NULL && t->m->o.cancelled(t->m->o.arg);
}

static void set_transport(struct mlflow *m)
{
    CURL *c = m->curl; /* without CURLOPT_NOSIGNAL libcurl ignores SIGPIPE while it works */
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_PROXY, ""); /* and with it http_proxy and its kin in the environment */
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, m->o.agent == NULL ? "mercredi" : m->o.agent);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)m->o.connect_timeout_ms);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, m->o.insecure ? 0L : 1L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, m->o.insecure ? 0L : 2L);
    if (m->o.ca_file != NULL) {
        curl_easy_setopt(c, CURLOPT_CAINFO, m->o.ca_file);
    }
    if (m->o.client_cert != NULL) {
        curl_easy_setopt(c, CURLOPT_SSLCERT, m->o.client_cert);
        curl_easy_setopt(c, CURLOPT_SSLKEY, m->o.client_cert);
    }
    if (m->user != NULL) {
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(c, CURLOPT_USERNAME, m->user);
        curl_easy_setopt(c, CURLOPT_PASSWORD, m->password);
    } else if (m->token != NULL) {
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, m->token);
    }
}

static void set_request(struct mlflow *m, const char *url, struct transfer *t)
{
    static const char *const names[] = {"GET", "POST", "PATCH", "PUT", "DELETE"};
    CURL *c = m->curl;
    const struct mlflow_request *r = t->r;
    curl_easy_reset(c); /* keeps the connection */
    set_transport(m);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, m->problem);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, read_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
    if (r->to_file || r->from_file) { /* as long as it takes, when bytes keep coming */
        curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
        curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)((m->o.timeout_ms + 999) / 1000));
    } else {
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)m->o.timeout_ms);
    }
    if (r->from_file) {
        curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(c, CURLOPT_READFUNCTION, send_part);
        curl_easy_setopt(c, CURLOPT_READDATA, t);
        curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->bytes);
    } else if (r->method != MLFLOW_GET) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->body.n == 0 ? "" : r->body.p);
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
    }
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, names[r->method]);
}

/* ---- what came of it ------------------------------------------------------------------------------------------- */

static const struct {
    long status;
    const char *name; /* MLflow's error_code, NULL: any */
    int code;
} meanings[] = {
    {0, "RESOURCE_ALREADY_EXISTS", MRC_ECONFLICT},
    {0, "RESOURCE_DOES_NOT_EXIST", MRC_ENOTFOUND},
    {401, NULL, MRC_EDENIED},
    {403, NULL, MRC_EDENIED},
    {404, NULL, MRC_ENOTFOUND},
    {405, NULL, MRC_EUNSUPPORTED},
    {408, NULL, MRC_EBUSY},
    {409, NULL, MRC_ECONFLICT},
    {413, NULL, MRC_ELIMIT},
    {429, NULL, MRC_EBUSY},
    {501, NULL, MRC_EUNSUPPORTED},
};

static int meaning(long status, struct str name)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].name != NULL ? str_is(name, meanings[i].name) : meanings[i].status == status) {
            return meanings[i].code;
        }
    }
    return status >= 500 ? MRC_EBUSY : status >= 400 ? MRC_EINVAL : MRC_EUNSUPPORTED;
}

/* The first line of what a server said, without what a terminal would act upon. */
static void one_line(struct str s, char *out, size_t size)
{
    size_t n = 0;
    s = str_trim(s);
    s.n = utf8_valid(s);
    for (size_t i = 0; i < s.n && n + 1 < size; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        if (ch == '\n' || ch == '\r') {
            break;
        }
        out[n++] = ch < ' ' || ch == 0x7f ? ' ' : (char)ch;
    }
    n = utf8_valid((struct str){out, n});
    out[n] = '\0';
}

/* A refusal in MLflow's words, whatever form they came in. */
static int refused(struct mlflow *m, const struct transfer *t, struct mrc_err *err)
{
    char words[160] = "", name[64] = "";
    struct str body = buf_text(t->text), text;
    struct json_doc *doc = NULL;
    const struct json_limits limits = {REPLY_MAX, 32, 0};
    if (json_read(&doc, body, &limits, NULL, NULL) == MRC_OK) {
        const struct json *root = json_root(doc);
        if (json_str(json_find(root, "error_code"), &text)) {
            one_line(text, name, sizeof(name));
        }
        if (json_str(json_find(root, "message"), &text)) {
            one_line(text, words, sizeof(words));
        }
        json_free(doc);
    } else if (body.n > 0 && body.p[0] != '<') {
        one_line(body, words, sizeof(words));
    }
    int code = meaning(m->status, str_of(name));
    if (m->status >= 300 && m->status < 400) {
        return mrc_fail(err, code, "%s: %ld, a redirect to \"%s\": not followed; give MLflow's own address", t->r->what,
                        m->status, t->location);
    }
    if (m->status == 403 && strstr(words, "Host header") != NULL) {
        return mrc_fail(err, code, "%s: 403 %s; start MLflow with --allowed-hosts naming the host of this address",
                        t->r->what, words);
    }
    return mrc_fail(err, code, "%s: %ld%s%s%s%s", t->r->what, m->status, name[0] ? " " : "", name, words[0] ? ": " : "",
                    words);
}

static int broken(struct mlflow *m, const struct transfer *t, CURLcode curl, struct mrc_err *err)
{
    const char *why = m->problem[0] != '\0' ? m->problem : curl_easy_strerror(curl);
    if (t->too_large) {
        return mrc_fail(err, MRC_ELIMIT, "%s: more than %llu bytes", t->r->what,
                        (unsigned long long)(t->r->to_file ? t->r->bytes_max : REPLY_MAX));
    }
    if (t->cannot_write) {
        return mrc_fail(err, MRC_EIO, "%s: what comes cannot be written here", t->r->what);
    }
    switch (curl) {
    case CURLE_OUT_OF_MEMORY:
        return mrc_fail(err, MRC_ENOMEM, "%s: no memory", t->r->what);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
        return mrc_fail(err, MRC_EDENIED, "%s: %s: %s", m->base, t->r->what, why);
    case CURLE_ABORTED_BY_CALLBACK:
        return mrc_fail(err, MRC_EBUSY, "%s: given up, this process is to end", t->r->what);
    case CURLE_URL_MALFORMAT:
        return mrc_fail(err, MRC_EINVAL, "%s: %s: %s", m->base, t->r->what, why);
    default:
        return mrc_fail(err, MRC_EBUSY, "%s: %s: %s", m->base, t->r->what, why);
    }
}

static int perform(struct mlflow *m, const char *url, struct transfer *t, struct mrc_err *err)
{
    struct curl_slist *headers = NULL, *more;
    const char *lines[] = {"Expect:", "Accept: application/json",
                           t->r->method == MLFLOW_PUT ? "Content-Type: application/octet-stream"
                                                      : "Content-Type: application/json"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if ((more = curl_slist_append(headers, lines[i])) == NULL) {
            curl_slist_free_all(headers);
            return mrc_fail(err, MRC_ENOMEM, "no memory for a request to MLflow");
        }
        headers = more;
    }
    set_request(m, url, t);
    curl_easy_setopt(m->curl, CURLOPT_HTTPHEADER, headers);
    m->problem[0] = '\0';
    m->status = 0;
    CURLcode rc = curl_easy_perform(m->curl);
    curl_slist_free_all(headers);
    if (rc == CURLE_OK || rc == CURLE_WRITE_ERROR || rc == CURLE_PARTIAL_FILE) {
        (void)curl_easy_getinfo(m->curl, CURLINFO_RESPONSE_CODE, &m->status);
    }
    if (rc == CURLE_OK) {
        return m->status >= 200 && m->status < 300 ? MRC_OK : refused(m, t, err);
    }
    return broken(m, t, rc, err);
}

/* ---- again ----------------------------------------------------------------------------------------------------- */

/* May the same be sent again? What may have been done already only when that does no harm. */
static bool again(const struct mlflow *m, const struct mlflow_request *r, int rc)
{
    if (rc != MRC_EBUSY || (m->o.cancelled != NULL && m->o.cancelled(m->o.arg))) {
        return false;
    }
    return r->repeat == MLFLOW_REPEATABLE || m->status == 429 || m->status == 503;
}

static int64_t wait_of(const struct mlflow *m, unsigned attempt, const struct transfer *t)
{
    int64_t wait = m->o.backoff_ms;
    uint16_t random;
    for (unsigned i = 0; i < attempt && wait < WAIT_MAX_MS; i++) {
        wait *= 2;
    }
    wait = wait < WAIT_MAX_MS ? wait : WAIT_MAX_MS;
    random_bytes(&random, sizeof(random));
    wait = wait / 2 + wait * random / 65536;
    return wait > t->retry_after_ms ? wait : t->retry_after_ms;
}

static void pause_ms(struct mlflow *m, int64_t ms)
{
    while (ms > 0 && !(m->o.cancelled != NULL && m->o.cancelled(m->o.arg))) {
        int64_t step = ms < 500 ? ms : 500;
        struct timespec t = {.tv_sec = step / 1000, .tv_nsec = (long)(step % 1000) * 1000000};
        (void)nanosleep(&t, NULL);
        ms -= step;
    }
}

static bool rewind_file(const struct mlflow_request *r)
{
    if (!r->from_file && !(r->to_file && r->fd >= 0)) {
        return true;
    }
    return lseek(r->fd, 0, SEEK_SET) == 0 && (!r->to_file || ftruncate(r->fd, 0) == 0);
}

int mlflow_send(struct mlflow *m, struct mlflow_request *r, struct buf *text, struct mrc_err *err)
{
    struct buf url;
    buf_init(&url, NULL, 16384);
    buf_puts(&url, m->base);
    buf_puts(&url, r->path);
    int rc = buf_ok(&url, err);
    for (unsigned attempt = 0; rc == MRC_OK; attempt++) {
        struct mrc_err problem = {0};
        struct transfer t = {.m = m, .r = r, .text = text};
        buf_reset(text);
        sha256_begin(&t.digest);
        rc = rewind_file(r) ? perform(m, url.p, &t, &problem)
                            : mrc_fail_errno(&problem, MRC_EIO, errno, "%s: the file here", r->what);
        if (rc == MRC_OK) {
            sha256_end(&t.digest, r->digest);
            r->received = t.received;
            memcpy(r->content_type, t.content_type, sizeof(r->content_type));
            break;
        }
        if (attempt < m->o.retries && again(m, r, rc)) {
            int64_t wait = wait_of(m, attempt, &t);
            if (m->o.retrying != NULL) {
                m->o.retrying(problem.msg, wait, m->o.arg);
            }
            pause_ms(m, wait);
            rc = MRC_OK;
        } else if (err != NULL) {
            *err = problem;
        }
    }
    buf_release(&url);
    return rc;
}

int mlflow_call(struct mlflow *m, enum mlflow_method method, const char *path, struct str body,
                enum mlflow_repeat repeat, struct json_doc **reply, struct mrc_err *err)
{
    char what[80], full[8192];
    size_t query = strcspn(path, "?");
    (void)snprintf(what, sizeof(what), "%.*s", (int)(query < sizeof(what) ? query : sizeof(what) - 1), path);
    if (snprintf(full, sizeof(full), "/api/2.0/mlflow/%s", path) >= (int)sizeof(full)) {
        return mrc_fail(err, MRC_ELIMIT, "%s: an address of more than %zu bytes", what, sizeof(full));
    }
    struct mlflow_request r = {.method = method, .path = full, .what = what, .body = body, .repeat = repeat};
    struct buf text;
    buf_init(&text, NULL, REPLY_MAX);
    int rc = mlflow_send(m, &r, &text, err);
    if (rc == MRC_OK && reply != NULL) {
        const struct json_limits limits = {REPLY_MAX, 64, 0};
        struct mrc_err problem = {0};
        if (json_read(reply, buf_text(&text), &limits, NULL, &problem) < 0) {
            rc = mrc_fail(err, MRC_EFORMAT, "%s: %ld, but the answer (%s) is not JSON: %s; is %s MLflow?", what,
                          m->status, r.content_type, problem.msg, m->base);
        } else if (json_type(json_root(*reply)) != JSON_OBJECT) {
            json_free(*reply);
            *reply = NULL;
            rc = mrc_fail(err, MRC_EFORMAT, "%s: %ld, but the answer is no JSON object", what, m->status);
        }
    }
    buf_release(&text);
    return rc;
}

int mlflow_major(struct mlflow *m, int *major, struct mrc_err *err)
{
    if (m->major == 0) {
        struct mlflow_request r = {
            .method = MLFLOW_GET, .path = "/version", .what = "version", .repeat = MLFLOW_REPEATABLE};
        struct buf text;
        buf_init(&text, NULL, REPLY_MAX);
        int rc = mlflow_send(m, &r, &text, err);
        int64_t v = 0;
        struct str s = str_trim(buf_text(&text));
        const char *dot = s.n == 0 ? NULL : memchr(s.p, '.', s.n);
        if (rc == MRC_OK &&
            (dot == NULL || !parse_i64((struct str){s.p, (size_t)(dot - s.p)}, &v) || v < 1 || v > 99)) {
            rc = mrc_fail(err, MRC_EFORMAT, "version: the answer is no version of MLflow; is %s MLflow?", m->base);
        }
        buf_release(&text);
        MRC_TRY(rc);
        m->major = (int)v;
    }
    *major = m->major;
    return MRC_OK;
}
