/* What the routes have in common beyond their own answers: Idempotency-Key, CORS, W3C trace context, compressed bodies,
 * HEAD, back-off of logins, the time a request may take. */
#include "tests/unit/app_answer.h"

#include "fcgi/store_idempotency.h"

#include <time.h>

static struct fixture f;
static char anna[4300], dora[4300]; /* HTTP_AUTHORIZATION=… */
static int64_t ticks, tick;

static void setup(void)
{
    fixture_open(&f, false);
    (void)snprintf(anna, sizeof anna, "HTTP_AUTHORIZATION=%s", fixture_token(&f, "anna", ""));
    (void)snprintf(dora, sizeof dora, "HTTP_AUTHORIZATION=%s", fixture_token(&f, "dora", ""));
}

static void teardown(void)
{
    fixture_close(&f);
}

static const char film[] = "{\"title\":\"x\",\"release_date\":\"2026-03-11\"}";
static const char other[] = "{\"title\":\"y\",\"release_date\":\"2026-03-11\"}";

/* POST /predict with one more header; the body of the answer stays in f.res. */
static int predict(const char *who, const char *target, const char *header, const char *body)
{
    const char *parameters[] = {"REQUEST_METHOD=POST", target, "CONTENT_TYPE=application/json", who, header, NULL};
    return fixture_send(&f, parameters, str_of(body));
}
#define PREDICT "REQUEST_URI=/predict"

static size_t logged(const char *user)
{
    struct arena a;
    struct prediction *rows;
    size_t n;
    struct mrc_err err = {0};
    arena_init(&a, 0);
    ck_assert_ok(store_predictions_list(f.log_store, str_of(user), STR(""), 100, &a, &rows, &n, &err), &err);
    arena_release(&a);
    return n;
}

/* ---- Idempotency-Key ------------------------------------------------------------------------------------------- */

START_TEST(answered_once)
{
    char first[2000];
    ck_assert_int_eq(predict(anna, PREDICT, "HTTP_IDEMPOTENCY_KEY=\"8e03978e-40d5\"", film), 200);
    (void)snprintf(first, sizeof first, "%s", fixture_body(&f));
    ck_assert_ptr_null(fixture_header(&f, "Idempotency-Replayed"));
    /* again, with and without quotes: the same answer to the byte, and one row in the log */
    f.now_ms += 1000;
    ck_assert_int_eq(predict(anna, PREDICT, "HTTP_IDEMPOTENCY_KEY=\"8e03978e-40d5\"", film), 200);
    ck_assert_str_eq(fixture_body(&f), first);
    ck_assert_str_eq(fixture_header(&f, "Idempotency-Replayed"), "true");
    ck_assert_str_eq(f.res.content_type, "application/json");
    ck_assert_int_eq(predict(anna, PREDICT, "HTTP_IDEMPOTENCY_KEY=8e03978e-40d5", film), 200);
    ck_assert_str_eq(fixture_body(&f), first);
    ck_assert_uint_eq(logged("u-1"), 1);
    /* another request under the key */
    ck_assert_int_eq(predict(anna, PREDICT, "HTTP_IDEMPOTENCY_KEY=8e03978e-40d5", other), 422);
    ck_assert_int_eq(predict(anna, "REQUEST_URI=/predict?level=0.9", "HTTP_IDEMPOTENCY_KEY=8e03978e-40d5", film), 422);
    ck_assert_uint_eq(logged("u-1"), 1);
    /* somebody else's key of the same text is another one */
    ck_assert_int_eq(predict(dora, PREDICT, "HTTP_IDEMPOTENCY_KEY=8e03978e-40d5", other), 200);
    ck_assert_str_ne(fixture_body(&f), first);
    /* and a day later it is forgotten */
    f.now_ms += 86400 * 1000LL;
    (void)snprintf(anna, sizeof anna, "HTTP_AUTHORIZATION=%s", fixture_token(&f, "anna", ""));
    ck_assert_int_eq(predict(anna, PREDICT, "HTTP_IDEMPOTENCY_KEY=8e03978e-40d5", other), 200);
    ck_assert_uint_eq(logged("u-1"), 2);
}
END_TEST

START_TEST(refusals_hold_no_key)
{
    ck_assert_int_eq(predict(anna, PREDICT, "HTTP_IDEMPOTENCY_KEY=k", "{}"), 422);
    ck_assert_int_eq(predict(anna, PREDICT, "HTTP_IDEMPOTENCY_KEY=k", film), 200);
    ck_assert_int_eq(predict("X=", PREDICT, "HTTP_IDEMPOTENCY_KEY=k", film), 401);
}
END_TEST

START_TEST(running_and_malformed_keys)
{
    static const struct {
        const char *header;
        int status;
    } cases[] = {{"HTTP_IDEMPOTENCY_KEY=\"\"", 400},     {"HTTP_IDEMPOTENCY_KEY=a b", 400},
                 {"HTTP_IDEMPOTENCY_KEY=\"a\"b\"", 400}, {"HTTP_IDEMPOTENCY_KEY=é", 400},
                 {"HTTP_IDEMPOTENCY_KEY=a\\b", 400},     {"HTTP_IDEMPOTENCY_KEY=", 200},
                 {"HTTP_IDEMPOTENCY_KEY= \"x!~\" ", 200}};
    struct idempotency_key k;
    struct idempotency_answer answer;
    struct mrc_err err = {0};
    struct arena a;
    char longest[300];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = predict(anna, PREDICT, cases[i].header, film);
        ck_assert_msg(status == cases[i].status, "%s: %d", cases[i].header, status);
    }
    for (int n = 254; n <= 256; n++) { /* below, at and above the limit */
        memset(longest, 'k', sizeof longest);
        memcpy(longest, "HTTP_IDEMPOTENCY_KEY=", 21);
        longest[21 + n] = '\0';
        ck_assert_int_eq(predict(anna, PREDICT, longest, film), n <= 255 ? 200 : 400);
    }
    /* held by a request that runs in another process */
    struct str print[] = {STR("/predict"), STR(""), STR("application/json"), STR(""), STR(film)};
    struct buf b;
    arena_init(&a, 0);
    buf_init(&b, &a, 0);
    for (size_t i = 0; i < 5; i++) {
        buf_printf(&b, "%zu:", print[i].n);
        buf_str(&b, print[i]);
    }
    ck_assert_ok(store_idempotency_key(&k, STR("u-1"), STR("POST /predict"), STR("held"), buf_text(&b), f.now_ms, &err),
                 &err);
    ck_assert_int_eq(store_idempotency_begin(f.store, &k, f.now_ms, &a, &answer, &err), IDEMPOTENCY_OURS);
    ck_assert_int_eq(predict(anna, PREDICT, "HTTP_IDEMPOTENCY_KEY=held", film), 409);
    ck_assert_str_eq(fixture_header(&f, "Retry-After"), "1");
    f.now_ms += IDEMPOTENCY_HOLD_MS + 1; /* it died */
    ck_assert_int_eq(predict(anna, PREDICT, "HTTP_IDEMPOTENCY_KEY=held", film), 200);
    arena_release(&a);
}
END_TEST

/* ---- CORS ------------------------------------------------------------------------------------------------------ */

START_TEST(cors)
{
    static const struct {
        const char *origin;
        bool allowed;
    } cases[] = {{"HTTP_ORIGIN=https://till.example", true},
                 {"HTTP_ORIGIN=http://127.0.0.1:3000", true},
                 {"HTTP_ORIGIN=https://till.example:8443", false},
                 {"HTTP_ORIGIN=http://till.example", false},
                 {"HTTP_ORIGIN=https://evil.example", false},
                 {"HTTP_ORIGIN=https://till.example.evil", false},
                 {"HTTP_ORIGIN=null", false},
                 {"HTTP_ORIGIN=", false}};
    const char *parameters[] = {"REQUEST_METHOD=OPTIONS", PREDICT, "HTTP_ORIGIN=https://till.example",
                                "HTTP_ACCESS_CONTROL_REQUEST_METHOD=POST", NULL};
    ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 204); /* off by default */
    ck_assert_ptr_null(fixture_header(&f, "Access-Control-Allow-Origin"));
    ck_assert_ptr_null(fixture_header(&f, "Vary"));
    fixture_set(&f, "cors_origins", "https://till.example  http://127.0.0.1:3000");
    fixture_reopen(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        parameters[2] = cases[i].origin;
        ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 204); /* never 401 */
        ck_assert_str_eq(fixture_header(&f, "Vary"), "Origin");
        if (cases[i].allowed) {
            ck_assert_str_eq(fixture_header(&f, "Access-Control-Allow-Origin"), cases[i].origin + 12);
            ck_assert_str_eq(fixture_header(&f, "Access-Control-Allow-Methods"), "POST, OPTIONS");
            ck_assert_ptr_nonnull(strstr(fixture_header(&f, "Access-Control-Allow-Headers"), "idempotency-key"));
        } else {
            ck_assert_msg(fixture_header(&f, "Access-Control-Allow-Origin") == NULL, "%s", cases[i].origin);
            ck_assert_ptr_null(fixture_header(&f, "Access-Control-Allow-Methods"));
        }
        ck_assert_ptr_null(fixture_header(&f, "Access-Control-Allow-Credentials"));
    }
    /* errors can be read by an allowed page, too */
    ck_assert_int_eq(predict("HTTP_ORIGIN=https://till.example", PREDICT, "X=", film), 401);
    ck_assert_str_eq(fixture_header(&f, "Access-Control-Allow-Origin"), "https://till.example");
    ck_assert_ptr_nonnull(strstr(fixture_header(&f, "Access-Control-Expose-Headers"), "RateLimit"));
}
END_TEST

START_TEST(origins_are_checked)
{
    static const char *const bad[] = {"*",
                                      "null",
                                      "till.example",
                                      "https://",
                                      "https://till.example/",
                                      "https://Till.example",
                                      "https://a.example,https://b.example",
                                      "ftp://a.example",
                                      "https://*.example"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct mrc_err err = {0};
        fixture_set(&f, "cors_origins", bad[i]);
        app_close(f.app);
        f.app = NULL;
        ck_assert_fails(app_open(&f.app, &f.parts, &err), &err, MRC_EINVAL, "is no origin");
    }
}
END_TEST

/* ---- trace context --------------------------------------------------------------------------------------------- */

START_TEST(traces)
{
    static const struct {
        const char *parent;
        bool valid;
    } cases[] = {
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true},
        {"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true},
        {"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false},
        {"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more", false},
        {"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        {"00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
        {"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", false},
        {"00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01", false},
        {"00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char header[120];
        (void)snprintf(header, sizeof header, "HTTP_TRACEPARENT=%s", cases[i].parent);
        ck_assert_int_eq(predict(anna, PREDICT, header, film), 200);
        const char *ours = fixture_header(&f, "traceresponse");
        ck_assert_msg((ours != NULL) == cases[i].valid, "%s", cases[i].parent);
        if (ours != NULL) {
            ck_assert_uint_eq(strlen(ours), 55);
            ck_assert_int_eq(strncmp(ours, "00-0af7651916cd43dd8448eb211c80319c-", 36), 0);
            ck_assert_int_ne(strncmp(ours + 36, "b7ad6b7169203331", 16), 0);
            ck_assert(http_trace_id(str_of(ours)).n == 32);
        }
        /* the log of predictions has the trace of this one */
        struct json_doc *doc = document_of(&f);
        struct arena a;
        struct prediction row;
        struct mrc_err err = {0};
        arena_init(&a, 0);
        ck_assert_ok(store_prediction_get(f.log_store, STR("u-1"), str_of(member(json_root(doc), "prediction_id")), &a,
                                          &row, &err),
                     &err);
        ck_assert_text(row.trace_id, cases[i].valid ? "0af7651916cd43dd8448eb211c80319c" : "");
        arena_release(&a);
        json_free(doc);
    }
}
END_TEST

/* ---- bodies, HEAD ---------------------------------------------------------------------------------------------- */

START_TEST(compressed_bodies_are_refused)
{
    static const char *const codings[] = {"gzip", "deflate", "br", "zstd", "x-gzip", "gzip, identity"};
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
        char header[80];
        (void)snprintf(header, sizeof header, "HTTP_CONTENT_ENCODING=%s", codings[i]);
        ck_assert_int_eq(predict(anna, PREDICT, header, film), 415);
        ck_assert_str_eq(fixture_header(&f, "Accept-Encoding"), "identity");
        ck_assert_ptr_nonnull(strstr(fixture_body(&f), "must not be compressed"));
    }
    ck_assert_int_eq(predict(anna, PREDICT, "HTTP_CONTENT_ENCODING=identity", film), 200);
}
END_TEST

START_TEST(head_is_get)
{
    static const char *const targets[] = {"REQUEST_URI=/livez",        "REQUEST_URI=/schema",
                                          "REQUEST_URI=/openapi.json", "REQUEST_URI=/models",
                                          "REQUEST_URI=/predictions",  "REQUEST_URI=/v2/models/first-week",
                                          "REQUEST_URI=/users/me"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        const char *parameters[] = {"REQUEST_METHOD=GET", targets[i], anna, NULL};
        char etag[1100];
        ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 200);
        size_t n = f.res.body.n;
        (void)snprintf(etag, sizeof etag, "%s", fixture_header(&f, "ETag") == NULL ? "" : fixture_header(&f, "ETag"));
        parameters[0] = "REQUEST_METHOD=HEAD";
        ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 200);
        ck_assert_uint_eq(f.res.body.n, n); /* the length is said; http_response_head and worker.c send no body */
        ck_assert_str_eq(etag, fixture_header(&f, "ETag") == NULL ? "" : fixture_header(&f, "ETag"));
    }
}
END_TEST

/* ---- own predictions ------------------------------------------------------------------------------------------- */

static int get(const char *target, const char *header)
{
    char uri[300];
    (void)snprintf(uri, sizeof uri, "REQUEST_URI=%s", target);
    const char *parameters[] = {"REQUEST_METHOD=GET", uri, anna, header, NULL};
    return fixture_send(&f, parameters, STR(""));
}

START_TEST(predictions_by_day_and_version)
{
    static const struct {
        const char *target;
        int status;
        size_t n;
    } cases[] = {{"/predictions", 200, 6},
                 {"/predictions?from=2026-09-22", 200, 6},
                 {"/predictions?from=2026-09-23", 200, 4},
                 {"/predictions?to=2026-09-23", 200, 4},
                 {"/predictions?from=2026-09-23&to=2026-09-23", 200, 2},
                 {"/predictions?from=2026-09-25", 200, 0},
                 {"/predictions?to=2026-09-21", 200, 0},
                 {"/predictions?to=1969-12-31", 200, 0},
                 {"/predictions?from=0001-01-01&to=9999-12-31", 200, 6},
                 {"/predictions?from=2026-09-24&to=2026-09-22", 200, 0},
                 {"/predictions?version=0001", 200, 6},
                 {"/predictions?version=0002", 200, 0},
                 {"/predictions?version='%20OR%20''='", 200, 0},
                 {"/predictions?from=yesterday", 422, 0},
                 {"/predictions?to=2026-02-30", 422, 0},
                 {"/predictions?from=2026-09-23T00:00:00", 422, 0}};
    f.now_ms = 1790000000000 - 1790000000000 % 86400000 + 86400000; /* 2026-09-22 */
    for (int day = 0; day < 3; day++, f.now_ms += 86400000) {
        f.now_ms += day == 0 ? 0 : 1;
        (void)snprintf(anna, sizeof anna, "HTTP_AUTHORIZATION=%s", fixture_token(&f, "anna", ""));
        ck_assert_int_eq(predict(anna, PREDICT, "X=", film), 200); /* in the day's first milliseconds */
        f.now_ms += 86399990;
        (void)snprintf(anna, sizeof anna, "HTTP_AUTHORIZATION=%s", fixture_token(&f, "anna", ""));
        ck_assert_int_eq(predict(anna, PREDICT, "X=", film), 200); /* and in its last ones */
        f.now_ms -= 86399990 + (day == 0 ? 0 : 1);
    }
    (void)snprintf(anna, sizeof anna, "HTTP_AUTHORIZATION=%s", fixture_token(&f, "anna", ""));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = get(cases[i].target, "X=");
        ck_assert_msg(status == cases[i].status, "%s: %d", cases[i].target, status);
        if (status == 200) {
            struct json_doc *doc = document_of(&f);
            ck_assert_msg(json_count(json_find(json_root(doc), "items")) == cases[i].n, "%s: %s", cases[i].target,
                          fixture_body(&f));
            json_free(doc);
        }
    }
    /* pages of CSV, each with the way to the next */
    size_t lines = 0;
    char next[300] = "/predictions?limit=2&from=2026-09-23&version=0001";
    for (int page = 0; next[0] != '\0'; page++) {
        ck_assert_int_lt(page, 4);
        ck_assert_int_eq(get(next, "HTTP_ACCEPT=text/csv"), 200);
        ck_assert_str_eq(f.res.content_type, "text/csv; charset=utf-8");
        ck_assert_int_eq(strncmp(fixture_body(&f),
                                 "prediction_id,created_at,film_id,title,release_date,admissions,low80,"
                                 "high80,score,model,version\n",
                                 93),
                         0);
        for (const char *p = fixture_body(&f); (p = strchr(p, '\n')) != NULL; p++) {
            lines++;
        }
        lines--; /* the header */
        const char *link = fixture_header(&f, "Link");
        next[0] = '\0';
        if (link != NULL) {
            (void)snprintf(next, sizeof next, "%.*s", (int)(strchr(link, '>') - link - 1), link + 1);
        }
    }
    ck_assert_uint_eq(lines, 4);
    ck_assert_ptr_nonnull(strstr(get("/predictions?limit=1", "HTTP_ACCEPT=text/csv") == 200 ? fixture_body(&f) : "",
                                 ",,x,2026-03-11,100000,"));
    /* unchanged: 304 */
    char match[1100];
    ck_assert_int_eq(get("/predictions", "X="), 200);
    (void)snprintf(match, sizeof match, "HTTP_IF_NONE_MATCH=%s", fixture_header(&f, "ETag"));
    ck_assert_int_eq(get("/predictions", match), 304);
    ck_assert_int_eq(predict(anna, PREDICT, "X=", film), 200);
    ck_assert_int_eq(get("/predictions", match), 200);
}
END_TEST

/* ---- logins ---------------------------------------------------------------------------------------------------- */

static int login(const char *address, const char *username, const char *password)
{
    char remote[60], body[100];
    (void)snprintf(remote, sizeof remote, "REMOTE_ADDR=%s", address);
    (void)snprintf(body, sizeof body, "username=%s&password=%s", username, password);
    const char *parameters[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/token",
                                "CONTENT_TYPE=application/x-www-form-urlencoded", remote, NULL};
    return fixture_send(&f, parameters, str_of(body));
}

START_TEST(wrong_passwords_wait)
{
    static const int waits[] = {1, 2, 4, 8, 16, 30, 30};
    struct mrc_err err = {0};
    struct shared *shared;
    fixture_set(&f, "logins_per_minute", "0");
    fixture_set(&f, "login_backoff", "30s");
    ck_assert_ok(shared_open(&shared, f.folder, &err), &err);
    f.parts.shared = shared;
    fixture_reopen(&f);
    /* an account and a name that is none are treated alike */
    static const char *const names[] = {"anna", "nobody"};
    for (size_t k = 0; k < 2; k++) {
        for (int i = 0; i < 5; i++) {
            ck_assert_int_eq(login("10.0.0.1", names[k], "wrong"), 401);
        }
        for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
            char seconds[12];
            (void)snprintf(seconds, sizeof seconds, "%d", waits[i]);
            ck_assert_int_eq(login("10.0.0.1", names[k], "wrong"), 401); /* once its time has come */
            ck_assert_int_eq(login("10.0.0.1", names[k], "correct+horse"), 429);
            ck_assert_str_eq(fixture_header(&f, "Retry-After"), seconds);
            ck_assert_int_eq(login("10.0.0.1", "dora", "correct+horse"), 200); /* another account */
            ck_assert_int_eq(login("10.0.0.2", "anna", "correct+horse"), 200); /* from elsewhere */
            f.now_ms += waits[i] * 1000;
        }
    }
    /* the right one ends it */
    ck_assert_int_eq(login("10.0.0.1", "anna", "correct+horse"), 200);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(login("10.0.0.1", "anna", "wrong"), 401);
    }
    ck_assert_int_eq(login("10.0.0.1", "anna", "correct+horse"), 200);
    /* a clock that was set back does not lock anybody out */
    for (int i = 0; i < 9; i++) {
        (void)login("10.0.0.1", "anna", "wrong");
        f.now_ms += 30000;
    }
    (void)login("10.0.0.1", "anna", "wrong");
    f.now_ms -= 3600 * 1000;
    ck_assert_int_ne(login("10.0.0.9", "dora", "correct+horse"), 429);
    /* from many addresses: seconds at most, so that nobody locks the owner out */
    int last = 0;
    for (int i = 0; i < 80; i++) {
        char address[20];
        (void)snprintf(address, sizeof address, "10.1.0.%d", i);
        last = login(address, "carl", "wrong");
        f.now_ms += 10;
    }
    ck_assert_int_eq(last, 429);
    f.now_ms += 5000;
    ck_assert_int_eq(login("10.2.0.1", "carl", "wrong"), 401);
    fixture_set(&f, "login_backoff", "0");
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(login("10.0.0.3", "anna", "wrong"), 401);
    }
    f.parts.shared = NULL;
    fixture_reopen(&f);
    shared_close(shared);
}
END_TEST

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Whether a name exists, is disabled or is no name at all costs the same work: one hash. */
START_TEST(names_are_not_told_by_time)
{
    static const char *const names[] = {"anna", "nobody", "carl", "%0a%0a"};
    int64_t least[4];
    fixture_set(&f, "login_backoff", "0");
    for (int k = 0; k < 4; k++) {
        least[k] = INT64_MAX;
    }
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < 4; k++) {
            int64_t begin = now_us();
            ck_assert_int_eq(login("10.0.0.1", names[k], "wrong"), 401);
            int64_t took = now_us() - begin;
            least[k] = took < least[k] ? took : least[k];
        }
    }
    for (int k = 1; k < 4; k++) {
        ck_assert_msg(least[k] > least[0] / 2 && least[k] < least[0] * 2, "%s: %lld us, a known one %lld", names[k],
                      (long long)least[k], (long long)least[0]);
    }
}
END_TEST

/* ---- time ------------------------------------------------------------------------------------------------------ */

static int64_t slow_ticks(void *arg)
{
    (void)arg;
    return ticks += tick;
}

/* The clock is asked at the start, and before each film but the first: the limit of 10 ms is met below, at and above.
 */
START_TEST(long_requests_end)
{
    static const struct {
        int64_t us;
        int status;
    } cases[] = {{4999, 200}, {5000, 200}, {5001, 503}};
    static const char body[] = "{\"films\":[{\"title\":\"a\",\"release_date\":\"2026-03-11\"},"
                               "{\"title\":\"b\",\"release_date\":\"2026-03-11\"},{\"title\":\"c\",\"release_date\":"
                               "\"2026-03-11\"}]}";
    fixture_set(&f, "request_timeout", "10ms");
    f.parts.ticks_us = slow_ticks;
    fixture_reopen(&f);
    for (size_t i = 0; i < 3; i++) {
        size_t before = logged("u-1");
        tick = cases[i].us;
        ck_assert_int_eq(predict(anna, PREDICT, "X=", body), cases[i].status);
        ck_assert_uint_eq(logged("u-1"), before + (cases[i].status == 200 ? 3 : 0));
    }
    ck_assert_str_eq(fixture_header(&f, "Retry-After"), "1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("protocol");
    const struct {
        const char *name;
        const TTest *test;
    } tests[] = {
        {"answered once", answered_once},
        {"no key", refusals_hold_no_key},
        {"keys", running_and_malformed_keys},
        {"cors", cors},
        {"origins", origins_are_checked},
        {"traces", traces},
        {"compressed", compressed_bodies_are_refused},
        {"by day", predictions_by_day_and_version},
        {"head", head_is_get},
        {"back-off", wrong_passwords_wait},
        {"constant work", names_are_not_told_by_time},
        {"time", long_requests_end},
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        TCase *tc = tcase_create(tests[i].name);
        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_set_timeout(tc, 120);
        tcase_add_test(tc, tests[i].test);
        suite_add_tcase(suite, tc);
    }
    return check_main(suite);
}
