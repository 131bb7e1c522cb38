/* The connection to MLflow against a server that answers what we like: hostile, half, late, elsewhere. */
#define _GNU_SOURCE /* strcasestr */
#include "tests/unit/demo_bundle.h"
#include "tests/unit/fake_http.h"

#include "common/forecast/mlflow_fetch.h"
#include "common/forecast/mlflow_publish.h"

#include <time.h>

static struct fake fake;
static struct mlflow *m;
static struct mrc_err err;
static struct json_doc *doc;
static int64_t waited_ms;

static void count_wait(const char *why, int64_t wait_ms, void *arg)
{
    (void)why, (void)arg;
    waited_ms += wait_ms;
}

static struct mlflow_options options(void)
{
    return (struct mlflow_options){
        .url = fake.url, .timeout_ms = 2000, .retries = 2, .backoff_ms = 1, .retrying = count_wait};
}

static void start(fake_function answer)
{
    struct mlflow_options o;
    memset(&err, 0, sizeof err);
    doc = NULL;
    waited_ms = 0;
    ck_assert_ok(digest_start(&err), &err);
    fake_start(&fake, answer);
    o = options();
    ck_assert_ok(mlflow_open(&m, &o, &err), &err);
}

static void stop(void)
{
    json_free(doc);
    mlflow_close(m);
    m = NULL;
    fake_stop(&fake);
}

/* ---- what is sent, and how an answer is read ------------------------------------------------------------------- */

static void champion_seven(int fd, const struct fake_request *r, struct fake_shared *s)
{
    (void)r, (void)s;
    fake_text(fd, 200,
              "{\"model_version\": {\"name\": \"x\", \"version\": 7, \"status\": \"READY\", \"tags\": "
              "[{\"key\": \"a\", \"value\": \"b\"}]}}");
}

START_TEST(sends_credentials_and_escapes)
{
    char number[MLFLOW_VERSION_MAX], url[100];
    start(champion_seven);
    mlflow_close(m);
    snprintf(url, sizeof url, "http://u%%40x:p%%3Aw@127.0.0.1:%d/pre/", fake.port);
    struct mlflow_options o = options();
    o.url = url;
    ck_assert_ok(mlflow_open(&m, &o, &err), &err);
    ck_assert_str_eq(strrchr(mlflow_url(m), '/'), "/pre");
    ck_assert_ok(mlflow_alias_read(m, "été/Ü&x=1", "champion", &doc, &err), &err);
    const struct json *v = json_find(json_root(doc), "model_version");
    ck_assert_ok(mlflow_text(v, "version", number, sizeof number, &err), &err);
    ck_assert_str_eq(number, "7");
    ck_assert_text(mlflow_tag(v, "a"), "b");
    ck_assert_uint_eq(mlflow_tag(v, "c").n, 0);
    const struct fake_request *r = &fake.shared->requests[0];
    ck_assert_str_eq(r->path, "/pre/api/2.0/mlflow/registered-models/alias?name=%C3%A9t%C3%A9%2F%C3%9C%26x%3D1&alias="
                              "champion");
    ck_assert_str_eq(r->authorization, "Basic dUB4OnA6dw=="); /* u@x:p:w */
    stop();
}
END_TEST

START_TEST(a_token_is_a_bearer)
{
    start(champion_seven);
    mlflow_close(m);
    struct mlflow_options o = options();
    o.token = "t0ken";
    ck_assert_ok(mlflow_open(&m, &o, &err), &err);
    ck_assert_ok(mlflow_alias_read(m, "x", "y", &doc, &err), &err);
    ck_assert_str_eq(fake.shared->requests[0].authorization, "Bearer t0ken");
    stop();
}
END_TEST

START_TEST(proxies_of_the_environment_are_not_used)
{
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("HTTP_PROXY", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    start(champion_seven);
    ck_assert_ok(mlflow_alias_read(m, "x", "y", &doc, &err), &err);
    ck_assert_int_eq(fake.shared->n, 1);
    stop();
}
END_TEST

static const struct {
    const char *url, *message;
} bad_urls[] = {
    {"", "no address"},       {"ftp://h/", "http://host"}, {"sqlite:///x", "http://host"},
    {"http://", "no host"},   {"http:///x", "no host"},    {"http://u:secret@/x", "no host"},
    {"http://h/?x=1", "'?'"}, {"http://h /x", "blanks"},   {"http://h\r\nX: 1", "blanks"},
};

START_TEST(refuses_addresses)
{
    struct mlflow_options o = {.url = bad_urls[_i].url};
    memset(&err, 0, sizeof err);
    m = NULL;
    ck_assert_fails(mlflow_open(&m, &o, &err), &err, MRC_EINVAL, bad_urls[_i].message);
    ck_assert_ptr_null(strstr(err.msg, "secret"));
}
END_TEST

/* ---- refusals -------------------------------------------------------------------------------------------------- */

enum { CASE_STATUS, CASE_COUNT };
static const struct {
    int status;
    const char *headers, *body;
    int code, requests;
    const char *message;
} refusals[] = {
    {400, "", "{\"error_code\": \"INVALID_PARAMETER_VALUE\", \"message\": \"Registered model alias c not found.\"}",
     MRC_ENOTFOUND, 1, "400 INVALID_PARAMETER_VALUE: Registered model alias c not found."},
    {404, "", "{\"error_code\": \"RESOURCE_DOES_NOT_EXIST\", \"message\": \"a\\nb\"}", MRC_ENOTFOUND, 1, "EXIST: a"},
    {401, "", "You are not authenticated.", MRC_EDENIED, 1, "401: You are not authenticated."},
    {403, "", "Invalid Host header - possible DNS rebinding attack detected", MRC_EDENIED, 1, "--allowed-hosts"},
    {500, "", "<html>x</html>", MRC_EBUSY, 3, "alias: 500"},
    {503, "", "\x1b[31mred", MRC_EBUSY, 3, "503:  [31mred"},
    {429, "Retry-After: 0.2\r\n", "", MRC_EBUSY, 3, "429"},
    {302, "Location: http://evil.example/\x1b\r\n", "", MRC_EUNSUPPORTED, 1, "redirect to \"http://evil.example/\""},
    {308, "Location: //evil.example\r\n", "", MRC_EUNSUPPORTED, 1, "not followed"},
    {200, "Content-Type: text/html\r\n", "<html>log in</html>", MRC_EFORMAT, 1, "(text/html) is not JSON"},
    {200, "", "[]", MRC_EFORMAT, 1, "no JSON object"},
    {200, "", "{}", MRC_EFORMAT, 1, "no \"model_version\""},
    {200, "", "", MRC_EFORMAT, 1, "is not JSON"},
    {413, "", "", MRC_ELIMIT, 1, "413"},
};

static int refusal;
static void refuse(int fd, const struct fake_request *r, struct fake_shared *s)
{
    (void)r, (void)s;
    fake_answer(fd, refusals[refusal].status, refusals[refusal].headers, refusals[refusal].body,
                strlen(refusals[refusal].body), -1);
}

START_TEST(says_what_was_refused)
{
    refusal = _i;
    start(refuse);
    ck_assert_fails(mlflow_alias_read(m, "x", "c", &doc, &err), &err, refusals[_i].code, refusals[_i].message);
    ck_assert_int_eq(fake.shared->n, refusals[_i].requests);
    ck_assert_msg(strpbrk(err.msg, "\x1b\n\r") == NULL, "control characters: %s", err.msg);
    if (refusals[_i].status == 429) {
        ck_assert_int_ge(waited_ms, 400); /* twice what Retry-After says */
    }
    stop();
}
END_TEST

START_TEST(a_server_that_is_not_there)
{
    start(champion_seven);
    fake_stop(&fake);
    ck_assert_fails(mlflow_alias_read(m, "x", "c", &doc, &err), &err, MRC_EBUSY, "alias");
    ck_assert_int_eq(mlflow_status(m), 0);
    mlflow_close(m);
}
END_TEST

static void say_nothing(int fd, const struct fake_request *r, struct fake_shared *s)
{
    (void)fd, (void)r, (void)s;
    sleep(20);
}

START_TEST(a_server_that_hangs)
{
    start(say_nothing);
    mlflow_close(m);
    struct mlflow_options o = options();
    o.timeout_ms = 300;
    o.retries = 0;
    ck_assert_ok(mlflow_open(&m, &o, &err), &err);
    ck_assert_fails(mlflow_alias_read(m, "x", "c", &doc, &err), &err, MRC_EBUSY, "timed out");
    stop();
}
END_TEST

/* A few bytes now and then: alive, but never done. */
static void drip(int fd, const struct fake_request *r, struct fake_shared *s)
{
    (void)r, (void)s;
    fake_answer(fd, 200, "", "", 0, 1000000);
    for (int i = 0; i < 100; i++) {
        fake_write(fd, "0123456789", 10);
        usleep(100000);
    }
}

START_TEST(a_file_that_drips_is_given_up)
{
    char digest[65];
    uint64_t bytes;
    start(drip);
    mlflow_close(m);
    struct mlflow_options o = options();
    o.timeout_ms = 2000;
    o.retries = 0;
    ck_assert_ok(mlflow_open(&m, &o, &err), &err);
    int64_t begun = (int64_t)time(NULL);
    ck_assert_fails(mlflow_download(m, "mlflow-artifacts:/a", "x", -1, 1 << 20, digest, &bytes, &err), &err, MRC_EBUSY,
                    "too slow");
    ck_assert_int_lt((int64_t)time(NULL) - begun, 8);
    stop();
}
END_TEST

static void an_hour_behind(int fd, const struct fake_request *r, struct fake_shared *s)
{
    static const char body[] = "{\"model_version\": {\"version\": 7}}";
    char date[80];
    time_t now = time(NULL) - 3600;
    struct tm tm;
    (void)r;
    strftime(date, sizeof date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&now, &tm));
    fake_answer(fd, 200, s->state[0] == 0 ? date : "Date: yesterday\r\n", body, strlen(body), -1);
}

START_TEST(the_servers_clock_is_known)
{
    start(an_hour_behind);
    ck_assert_int_eq(mlflow_ahead_ms(m), 0);
    ck_assert_ok(mlflow_alias_read(m, "x", "c", &doc, &err), &err);
    json_free(doc);
    ck_assert_int_ge(mlflow_ahead_ms(m), 3600 * 1000);
    ck_assert_int_le(mlflow_ahead_ms(m), 3620 * 1000);
    fake.shared->state[0] = 1; /* what is no date says nothing */
    ck_assert_ok(mlflow_alias_read(m, "x", "c", &doc, &err), &err);
    ck_assert_int_ge(mlflow_ahead_ms(m), 3600 * 1000);
    stop();
}
END_TEST

static bool at_once(void *arg)
{
    (void)arg;
    return true;
}

START_TEST(can_be_cancelled)
{
    start(say_nothing);
    mlflow_close(m);
    struct mlflow_options o = options();
    o.timeout_ms = 15000;
    o.cancelled = at_once;
    ck_assert_ok(mlflow_open(&m, &o, &err), &err);
    ck_assert_fails(mlflow_alias_read(m, "x", "c", &doc, &err), &err, MRC_EBUSY, "given up");
    stop();
}
END_TEST

/* ---- once and again -------------------------------------------------------------------------------------------- */

/* runs/create arrives, but its answer does not; a search then finds the run. */
static void drop_first_create(int fd, const struct fake_request *r, struct fake_shared *s)
{
    static const char run[] =
        "{\"info\": {\"run_id\": \"abc\", \"artifact_uri\": \"mlflow-artifacts:/1/abc/artifacts\", "
        "\"status\": \"RUNNING\", \"start_time\": 5}}";
    char text[400];
    if (strstr(r->path, "runs/create") != NULL) {
        s->state[0]++;
        return;
    }
    snprintf(text, sizeof text, s->state[0] > 0 ? "{\"runs\": [%s]}" : "{}", run);
    fake_text(fd, 200, text);
}

START_TEST(a_run_whose_answer_was_lost_is_found)
{
    struct mlflow_run run;
    const struct mlflow_pair tag = {"k", STR_INIT("v")};
    start(drop_first_create);
    ck_assert_ok(mlflow_run_get(m, "1", "n", 5, &tag, 1, NULL, 0, &run, &err), &err);
    ck_assert_str_eq(run.id, "abc");
    ck_assert_int_eq(run.start_ms, 5);
    ck_assert_int_eq(fake.shared->state[0], 1);
    ck_assert_int_eq(fake.shared->n, 3);
    ck_assert_ptr_nonnull(strstr(fake.shared->requests[0].body, "\"filter\":\"tags.k = 'v'\""));
    stop();
}
END_TEST

static void two_pages(int fd, const struct fake_request *r, struct fake_shared *s)
{
    (void)s;
    if (strstr(r->path, "page_token=p%2F2") != NULL) {
        fake_text(fd, 200,
                  "{\"model_versions\": [{\"version\": \"2\", \"run_id\": \"r2\", \"tags\": [{\"key\": \"d\", "
                  "\"value\": \"x\"}]}]}");
    } else {
        fake_text(fd, 200,
                  "{\"model_versions\": [{\"version\": \"12\", \"tags\": [{\"key\": \"d\", \"value\": \"y\"}]}, "
                  "{\"version\": \"3\", \"tags\": [{\"key\": \"d\", \"value\": \"x\"}]}], "
                  "\"next_page_token\": \"p/2\"}");
    }
}

START_TEST(versions_are_looked_for_on_all_pages)
{
    struct mlflow_version v;
    start(two_pages);
    ck_assert_ok(mlflow_version_find(m, "n", "d", STR("x"), &v, &err), &err);
    ck_assert_str_eq(v.number, "2");
    ck_assert_str_eq(v.run, "r2");
    ck_assert_int_eq(fake.shared->n, 2);
    ck_assert_fails(mlflow_version_find(m, "n", "d", STR("z"), &v, &err), &err, MRC_ENOTFOUND, "d z");
    ck_assert_fails(mlflow_version_find(m, "a'b", "d", STR("z"), &v, &err), &err, MRC_EINVAL, "without quotes");
    stop();
}
END_TEST

/* Another publisher's version 5 came to be between our search and our creation of 6. */
static void meanwhile_five(int fd, const struct fake_request *r, struct fake_shared *s)
{
    if (strstr(r->path, "versions/create") != NULL) {
        s->state[0] = 1;
        fake_text(fd, 200, "{\"model_version\": {\"version\": \"6\", \"status\": \"READY\"}}");
    } else if (strstr(r->path, "versions/search") != NULL && s->state[0] == 1) {
        fake_text(
            fd, 200,
            "{\"model_versions\": [{\"version\": \"6\", \"run_id\": \"r6\", \"tags\": [{\"key\": \"d\", \"value\": "
            "\"x\"}]}, {\"version\": \"5\", \"run_id\": \"r5\", \"tags\": [{\"key\": \"d\", \"value\": \"x\"}]}]}");
    } else {
        fake_text(fd, 200, "{}");
    }
}

START_TEST(of_two_who_make_a_version_the_first_ones_stays)
{
    struct mlflow_version v;
    start(meanwhile_five);
    ck_assert_ok(mlflow_version_get(m, "n", "mlflow-artifacts:/1/r", "r6", NULL, "", "d", STR("x"), NULL, 0, &v, &err),
                 &err);
    ck_assert_str_eq(v.number, "5");
    ck_assert_str_eq(v.run, "r5");
    const struct fake_request *last = &fake.shared->requests[fake.shared->n - 1];
    ck_assert_str_eq(last->method, "DELETE");
    ck_assert_str_eq(last->path, "/api/2.0/mlflow/model-versions/delete");
    ck_assert_str_eq(last->body, "{\"name\":\"n\",\"version\":\"6\"}");
    stop();
}
END_TEST

static void ignore_status(int fd, const struct fake_request *r, struct fake_shared *s)
{
    (void)r, (void)s;
    fake_text(fd, 200, "{\"run_info\": {\"status\": \"RUNNING\"}}");
}

START_TEST(a_status_that_was_not_taken_is_noticed)
{
    start(ignore_status);
    ck_assert_fails(mlflow_run_update(m, "r", "FINISHED", 5, &err), &err, MRC_EFORMAT, "RUNNING and not FINISHED");
    stop();
}
END_TEST

static void accept_all(int fd, const struct fake_request *r, struct fake_shared *s)
{
    (void)r, (void)s;
    fake_text(fd, 200, "{}");
}

START_TEST(logs_in_batches)
{
    enum { N = 2000, P = 120 };
    static struct mlflow_metric metrics[N];
    static struct mlflow_pair params[P];
    const struct mlflow_pair tag = {"t", STR_INIT("v")};
    for (int i = 0; i < N; i++) {
        metrics[i] = (struct mlflow_metric){"loss", i == 3 ? (double)NAN : i, 5, i};
    }
    for (int i = 0; i < P; i++) {
        params[i] = (struct mlflow_pair){"p", STR("v")};
    }
    start(accept_all);
    ck_assert_ok(mlflow_log(m, "r", params, P, metrics, N, &tag, 1, "m-1", &err), &err);
    ck_assert_int_eq(fake.shared->n, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_lt(fake.shared->requests[i].length, 1000000);
        ck_assert_ptr_null(strstr(fake.shared->requests[i].body, "null")); /* NaN is left out */
    }
    stop();
}
END_TEST

START_TEST(keys_are_made_acceptable)
{
    static const char *const cases[][2] = {{"a/b.c-d_e", "a/b.c-d_e"},
                                           {"p<0.5", "p_0.5"},
                                           {"/a//b/", "_a/_b_"},
                                           {"été", "__t__"},
                                           {"mae(log)", "mae_log_"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf b;
        buf_init(&b, NULL, 100);
        mlflow_key(&b, str_of(cases[i][0]));
        ck_assert_text(buf_text(&b), cases[i][1]);
        buf_release(&b);
    }
}
END_TEST

/* ---- artifacts ------------------------------------------------------------------------------------------------- */

static const char *const elsewhere[] = {"s3://bucket/x",
                                        "file:///etc",
                                        "/etc",
                                        "runs:/abc/model",
                                        "mlflow-artifacts://evil.example:1/a/b",
                                        "http://evil.example/api/2.0/mlflow-artifacts/artifacts/a",
                                        "mlflow-artifacts:/a/../b",
                                        "mlflow-artifacts:/a//b",
                                        "mlflow-artifacts:/a/%2e%2e/b",
                                        "mlflow-artifacts:/a\\b",
                                        "mlflow-artifacts:/a?b",
                                        "mlflow-artifacts:a",
                                        "mlflow-artifacts:/",
                                        ""};

START_TEST(reads_files_from_the_proxy_only)
{
    char digest[65];
    uint64_t bytes;
    start(accept_all);
    ck_assert_fails(mlflow_download(m, elsewhere[_i], "x", -1, 10, digest, &bytes, &err), &err, MRC_EUNSUPPORTED, "");
    ck_assert_int_eq(fake.shared->n, 0);
    stop();
}
END_TEST

static const char *const bad_names[] = {"../x", "a/../b", "/x", "x/", "", "a\\b", "a//b", ".", "a\nb"};

START_TEST(names_of_files_stay_inside)
{
    char digest[65];
    uint64_t bytes;
    start(accept_all);
    ck_assert_fails(mlflow_download(m, "mlflow-artifacts:/a", bad_names[_i], -1, 10, digest, &bytes, &err), &err,
                    MRC_EINVAL, "no plain name");
    ck_assert_fails(mlflow_upload_text(m, "mlflow-artifacts:/a", bad_names[_i], STR("x"), &err), &err, MRC_EINVAL, "");
    ck_assert_int_eq(fake.shared->n, 0);
    stop();
}
END_TEST

static void ten_bytes(int fd, const struct fake_request *r, struct fake_shared *s)
{
    if (strcmp(r->method, "PUT") == 0) {
        fake_answer(fd, 200, "", "", 0, -1);
    } else if (strstr(r->path, "cut") != NULL) {
        fake_answer(fd, 200, "", "0123456789", 10, 20);
    } else if (strstr(r->path, "late") != NULL && s->state[0]++ == 0) {
        fake_text(fd, 503, "");
    } else {
        fake_answer(fd, 200, "", "0123456789", 10, -1);
    }
}

START_TEST(files_come_whole_or_not_at_all)
{
    char digest[65], *text, uri[100];
    uint64_t bytes;
    size_t n;
    start(ten_bytes);
    snprintf(uri, sizeof uri, "mlflow-artifacts://127.0.0.1:%d/a é/b", fake.port);
    ck_assert_ok(mlflow_download(m, uri, "c/d", -1, 10, digest, &bytes, &err), &err);
    ck_assert_uint_eq(bytes, 10);
    ck_assert_str_eq(digest, "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882");
    ck_assert_str_eq(fake.shared->requests[0].path, "/api/2.0/mlflow-artifacts/artifacts/a%20%C3%A9/b/c/d");
    ck_assert_fails(mlflow_download(m, uri, "d", -1, 9, digest, &bytes, &err), &err, MRC_ELIMIT, "more than 9 bytes");
    ck_assert_fails(mlflow_download(m, uri, "cut", -1, 100, digest, &bytes, &err), &err, MRC_EBUSY, "artifact cut");
    ck_assert_ok(mlflow_download_text(m, uri, "d", 10, &text, &n, &err), &err);
    ck_assert_str_eq(text, "0123456789");
    free(text);
    ck_assert_fails(mlflow_download_text(m, uri, "d", 9, &text, &n, &err), &err, MRC_ELIMIT, "");
    /* a second try begins the file anew */
    FILE *f = tmpfile();
    ck_assert_ptr_nonnull(f);
    fake.shared->state[0] = 0;
    ck_assert_ok(mlflow_download(m, uri, "late", fileno(f), 10, digest, &bytes, &err), &err);
    ck_assert_int_eq((int)lseek(fileno(f), 0, SEEK_END), 10);
    fclose(f);
    stop();
}
END_TEST

START_TEST(a_file_is_sent_as_it_is)
{
    char path[] = "/tmp/mrc_upload_XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    for (int i = 0; i < 30; i++) {
        fake_write(fd, "0123456789ABCDEF", 16);
    }
    close(fd);
    start(ten_bytes);
    ck_assert_ok(mlflow_upload(m, "mlflow-artifacts:/1/r/artifacts", "model/x", path, &err), &err);
    const struct fake_request *r = &fake.shared->requests[0];
    ck_assert_str_eq(r->method, "PUT");
    ck_assert_int_eq(r->length, 480);
    ck_assert_int_eq(strncmp(r->body, "0123456789ABCDEF0123", 20), 0);
    ck_assert_fails(mlflow_upload(m, "mlflow-artifacts:/1", "x", "/nowhere/at/all", &err), &err, MRC_ENOTFOUND,
                    "nowhere");
    unlink(path);
    stop();
}
END_TEST

/* ---- fetching a bundle ----------------------------------------------------------------------------------------- */

static struct demo demo;
static char fetched[96];
static int damage; /* 0 none, 1 wrong bytes, 2 too long, 3 missing, 4 dies after two files */

static void from_folder(int fd, const struct fake_request *r, struct fake_shared *s)
{
    static const char prefix[] = "/api/2.0/mlflow-artifacts/artifacts/b/";
    char path[700], *text;
    size_t n;
    if (strncmp(r->path, prefix, sizeof prefix - 1) != 0) {
        fake_text(fd, 404, "");
        return;
    }
    const char *name = r->path + sizeof prefix - 1;
    snprintf(path, sizeof path, "%.90s/%.500s", demo.folder, name);
    bool cbm = strstr(name, "model.cbm") != NULL;
    if ((damage == 3 && cbm) || file_read(path, 1 << 24, &text, &n, NULL) < 0) {
        fake_text(fd, 404, "{\"error_code\": \"RESOURCE_DOES_NOT_EXIST\", \"message\": \"No such artifact\"}");
        return;
    }
    if (damage == 4 && s->state[0]++ >= 3) {
        free(text);
        return;
    }
    if (damage == 1 && cbm) {
        text[n / 2] ^= 1;
    }
    fake_answer(fd, 200, "", text, damage == 2 && cbm ? n + 1 : n, -1);
    free(text);
}

static void start_fetch(int how, char digest[65])
{
    char path[128];
    damage = how;
    memset(&err, 0, sizeof err);
    demo_init(&demo);
    ck_assert_ok(bundle_build(demo.folder, &demo.parts, &err), &err);
    snprintf(path, sizeof path, "%s/manifest.json", demo.folder);
    ck_assert_ok(sha256_file(path, digest, &err), &err);
    snprintf(fetched, sizeof fetched, "%.60s/fetched", demo.root);
    start(from_folder);
}

static size_t n_entries(void)
{
    struct arena a;
    struct str *names;
    size_t n = 0;
    arena_init(&a, 0);
    ck_assert_ok(folder_list(fetched, &a, &names, &n, &err), &err);
    arena_release(&a);
    return n;
}

START_TEST(fetches_a_bundle)
{
    char digest[65], folder[FETCH_FOLDER_MAX];
    start_fetch(0, digest);
    ck_assert_ok(fetch_bundle(m, "mlflow-artifacts:/b", str_of(digest), fetched, 1 << 30, folder, &err), &err);
    ck_assert_str_eq(folder, "0001");
    ck_assert_uint_eq(n_entries(), 1);
    int requests = fake.shared->n;
    ck_assert_ok(fetch_bundle(m, "mlflow-artifacts:/b", str_of(digest), fetched, 1 << 30, folder, &err), &err);
    ck_assert_str_eq(folder, "0001");
    ck_assert_int_eq(fake.shared->n, requests); /* it is there */
    char path[128];
    snprintf(path, sizeof path, "%s/0001/model.cbm", fetched);
    ck_assert_int_eq(truncate(path, 20), 0);
    ck_assert_int_lt(fetch_bundle(m, "mlflow-artifacts:/b", str_of(digest), fetched, 1 << 30, folder, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.msg, "model.cbm"));
    ck_assert_ptr_nonnull(strstr(err.msg, "damaged"));
    stop();
    demo_release(&demo);
}
END_TEST

START_TEST(another_bundle_of_the_name_stands_beside)
{
    char digest[65], folder[FETCH_FOLDER_MAX], expected[32];
    start_fetch(0, digest);
    demo.parts.seed = 8;
    snprintf(folder, sizeof folder, "%s/0001", fetched);
    ck_assert_ok(folder_create(fetched, 0755, &err), &err);
    ck_assert_ok(bundle_build(folder, &demo.parts, &err), &err);
    ck_assert_ok(fetch_bundle(m, "mlflow-artifacts:/b", str_of(digest), fetched, 1 << 30, folder, &err), &err);
    snprintf(expected, sizeof expected, "0001.%.8s", digest);
    ck_assert_str_eq(folder, expected);
    stop();
    demo_release(&demo);
}
END_TEST

static const struct {
    int damage, code;
    const char *message;
} damages[] = {
    {1, MRC_EFORMAT, "the manifest says"},
    {2, MRC_ELIMIT, "more than"},
    {3, MRC_ENOTFOUND, "404"},
};

START_TEST(a_damaged_bundle_never_appears)
{
    char digest[65], folder[FETCH_FOLDER_MAX];
    start_fetch(damages[_i].damage, digest);
    ck_assert_fails(fetch_bundle(m, "mlflow-artifacts:/b", str_of(digest), fetched, 1 << 30, folder, &err), &err,
                    damages[_i].code, damages[_i].message);
    ck_assert_uint_eq(n_entries(), 1); /* what was fetched, hidden */
    fetch_clean(fetched, STR(""));
    ck_assert_uint_eq(n_entries(), 0);
    stop();
    demo_release(&demo);
}
END_TEST

START_TEST(the_digest_and_the_size_decide)
{
    char digest[65], folder[FETCH_FOLDER_MAX];
    start_fetch(0, digest);
    ck_assert_fails(fetch_bundle(m, "mlflow-artifacts:/b", str_of(digest), fetched, 1000, folder, &err), &err,
                    MRC_ELIMIT, "at most 1000");
    digest[5] = digest[5] == 'a' ? 'b' : 'a';
    ck_assert_fails(fetch_bundle(m, "mlflow-artifacts:/b", str_of(digest), fetched, 1 << 30, folder, &err), &err,
                    MRC_EFORMAT, "the version's tag says");
    ck_assert_fails(fetch_bundle(m, "mlflow-artifacts:/b", STR(""), fetched, 1 << 30, folder, &err), &err, MRC_EFORMAT,
                    "64 hexadecimal digits");
    ck_assert_fails(fetch_bundle(m, "mlflow-artifacts:/none", str_of(digest), fetched, 1 << 30, folder, &err), &err,
                    MRC_ENOTFOUND, "404");
    stop();
    demo_release(&demo);
}
END_TEST

START_TEST(an_interrupted_fetch_goes_on)
{
    char digest[65], folder[FETCH_FOLDER_MAX];
    start_fetch(4, digest);
    ck_assert_int_eq(fetch_bundle(m, "mlflow-artifacts:/b", str_of(digest), fetched, 1 << 30, folder, &err), MRC_EBUSY);
    fetch_clean(fetched, str_of(digest)); /* keeps this one */
    int before = fake.shared->n;
    fake.shared->state[0] = -1000;
    ck_assert_ok(fetch_bundle(m, "mlflow-artifacts:/b", str_of(digest), fetched, 1 << 30, folder, &err), &err);
    for (int i = before + 1; i < fake.shared->n; i++) { /* but for the manifest nothing comes twice */
        for (int k = 1; k < 3; k++) {
            ck_assert_str_ne(fake.shared->requests[i].path, fake.shared->requests[k].path);
        }
    }
    stop();
    demo_release(&demo);
}
END_TEST

static const char *const bad_manifests[] = {
    "{\"files\": {\"../x\": {\"sha256\": \"%s\", \"bytes\": 1}}}",
    "{\"files\": {\"a/../../x\": {\"sha256\": \"%s\", \"bytes\": 1}}}",
    "{\"files\": {\"/etc/x\": {\"sha256\": \"%s\", \"bytes\": 1}}}",
    "{\"files\": {\".hidden\": {\"sha256\": \"%s\", \"bytes\": 1}}}",
    "{\"files\": {\"manifest.json\": {\"sha256\": \"%s\", \"bytes\": 1}}}",
    "{\"files\": {\"x\": {\"sha256\": \"%s\", \"bytes\": -1}}}",
    "{\"files\": {\"x\": {\"sha256\": \"short\", \"bytes\": 1}}, \"y\": \"%s\"}",
    "{\"files\": {}, \"y\": \"%s\"}",
    "{\"y\": \"%s\"}",
};

START_TEST(a_hostile_manifest_writes_nothing)
{
    char digest[65], folder[FETCH_FOLDER_MAX], path[128], text[400];
    start_fetch(0, digest);
    snprintf(path, sizeof path, "%s/manifest.json", demo.folder);
    const char *place = strstr(bad_manifests[_i], "%s");
    int n =
        snprintf(text, sizeof text, "%.*s%s%s", (int)(place - bad_manifests[_i]), bad_manifests[_i], digest, place + 2);
    ck_assert_ok(file_replace(path, (struct str){text, (size_t)n}, 0644, &err), &err);
    sha256_hex((struct str){text, (size_t)n}, digest);
    ck_assert_fails(fetch_bundle(m, "mlflow-artifacts:/b", str_of(digest), fetched, 1 << 30, folder, &err), &err,
                    MRC_EFORMAT, "");
    ck_assert_int_eq(fake.shared->n, 1);
    stop();
    demo_release(&demo);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mlflow");
    TCase *t = tcase_create("connection");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, sends_credentials_and_escapes);
    tcase_add_test(t, a_token_is_a_bearer);
    tcase_add_test(t, proxies_of_the_environment_are_not_used);
    tcase_add_loop_test(t, refuses_addresses, 0, sizeof bad_urls / sizeof bad_urls[0]);
    tcase_add_loop_test(t, says_what_was_refused, 0, sizeof refusals / sizeof refusals[0]);
    tcase_add_test(t, a_server_that_is_not_there);
    tcase_add_test(t, a_server_that_hangs);
    tcase_add_test(t, a_file_that_drips_is_given_up);
    tcase_add_test(t, the_servers_clock_is_known);
    tcase_add_test(t, can_be_cancelled);
    suite_add_tcase(s, t);
    t = tcase_create("calls");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, a_run_whose_answer_was_lost_is_found);
    tcase_add_test(t, versions_are_looked_for_on_all_pages);
    tcase_add_test(t, of_two_who_make_a_version_the_first_ones_stays);
    tcase_add_test(t, a_status_that_was_not_taken_is_noticed);
    tcase_add_test(t, logs_in_batches);
    tcase_add_test(t, keys_are_made_acceptable);
    suite_add_tcase(s, t);
    t = tcase_create("files");
    tcase_set_timeout(t, 30);
    tcase_add_loop_test(t, reads_files_from_the_proxy_only, 0, sizeof elsewhere / sizeof elsewhere[0]);
    tcase_add_loop_test(t, names_of_files_stay_inside, 0, sizeof bad_names / sizeof bad_names[0]);
    tcase_add_test(t, files_come_whole_or_not_at_all);
    tcase_add_test(t, a_file_is_sent_as_it_is);
    suite_add_tcase(s, t);
    t = tcase_create("fetch");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, fetches_a_bundle);
    tcase_add_test(t, another_bundle_of_the_name_stands_beside);
    tcase_add_loop_test(t, a_damaged_bundle_never_appears, 0, sizeof damages / sizeof damages[0]);
    tcase_add_test(t, the_digest_and_the_size_decide);
    tcase_add_test(t, an_interrupted_fetch_goes_on);
    tcase_add_loop_test(t, a_hostile_manifest_writes_nothing, 0, sizeof bad_manifests / sizeof bad_manifests[0]);
    suite_add_tcase(s, t);
    return check_main(s);
}
