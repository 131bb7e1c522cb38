/* Requests from CGI parameters, header values, responses to CGI form. */
#include "common/base/digest.h"
#include "fcgi/http.h"
#include "tests/unit/check_main.h"

static struct arena arena;

static void setup(void)
{
    struct mrc_err err = {0};
    ck_assert_ok(digest_start(&err), &err);
    arena_init(&arena, 1 << 20);
}

static void teardown(void)
{
    arena_release(&arena);
}

/* Parameters as "NAME=value" texts, NULL at the end. */
static const char *lookup(const char *name, void *arg)
{
    size_t n = strlen(name);
    for (const char *const *p = arg; *p != NULL; p++) {
        if (strncmp(*p, name, n) == 0 && (*p)[n] == '=') {
            return *p + n + 1;
        }
    }
    return NULL;
}

static struct http_request request_of(const char *const *parameters)
{
    struct http_request r;
    struct mrc_err err = {0};
    ck_assert_ok(http_request_read(&r, lookup, (void *)(uintptr_t)parameters, 8192, &arena, &err), &err);
    return r;
}

static struct http_request request_to(const char *target)
{
    char uri[512];
    const char *parameters[] = {"REQUEST_METHOD=GET", uri, NULL};
    (void)snprintf(uri, sizeof uri, "REQUEST_URI=%s", target);
    return request_of(parameters);
}

START_TEST(targets)
{
    static const struct {
        const char *target, *path, *query;
    } cases[] = {
        {"/", "/", ""},
        {"/predict", "/predict", ""},
        {"/predict?level=0.9", "/predict", "level=0.9"},
        {"/predict?", "/predict", ""},
        {"/predict?a=1?b=2", "/predict", "a=1?b=2"},
        {"/predict#x", "/predict", ""},
        {"/a%20b", "/a b", ""},
        {"/%70redict", "/predict", ""},
        {"/films/%C3%A9t%C3%A9", "/films/été", ""},
        {"/docs/", "/docs/", ""},
        {"http://example.org/predict?x", "/predict", "x"},
        {"https://example.org/", "/", ""},
        /* refused */
        {"", "", ""},
        {"*", "", ""},
        {"predict", "", ""},
        {"http://example.org", "", ""},
        {"//predict", "", ""},
        {"/a//b", "", ""},
        {"/a/../b", "", ""},
        {"/..", "", ""},
        {"/./a", "", ""},
        {"/%2e%2e/etc/passwd", "", ""},
        {"/assets/..%2f..%2fetc", "", ""},
        {"/a%00b", "", ""},
        {"/a%0ab", "", ""},
        {"/a%5cb", "", ""},
        {"/a%", "", ""},
        {"/a%4", "", ""},
        {"/a%zz", "", ""},
        {"/%ff", "", ""},
        {"/%c0%af", "", ""},
        {"/%ed%a0%80", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request r = request_to(cases[i].target);
        ck_assert_msg(str_is(r.path, cases[i].path), "%s: path \"%.*s\"", cases[i].target, STR_ARG(r.path));
        ck_assert_msg(str_is(r.query, cases[i].query), "%s: query \"%.*s\"", cases[i].target, STR_ARG(r.query));
    }
}
END_TEST

START_TEST(parameters)
{
    const char *all[] = {"REQUEST_METHOD=POST",
                         "REQUEST_URI=/token",
                         "CONTENT_TYPE=application/json; charset=utf-8",
                         "HTTP_ACCEPT=text/csv",
                         "HTTP_AUTHORIZATION=Bearer abc",
                         "HTTP_X_REQUEST_ID=my-id_1.2",
                         "HTTP_USER_AGENT=agent\x01with control",
                         "REMOTE_ADDR=192.0.2.1",
                         "HTTPS=on",
                         NULL};
    struct http_request r = request_of(all);
    ck_assert_int_eq(r.method, HTTP_POST);
    ck_assert_text(r.content_type, "application/json; charset=utf-8");
    ck_assert_text(r.accept, "text/csv");
    ck_assert_text(r.authorization, "Bearer abc");
    ck_assert_text(r.request_id, "my-id_1.2");
    ck_assert_text(r.user_agent, "");
    ck_assert_text(r.address, "192.0.2.1");
    ck_assert(r.https);
}
END_TEST

START_TEST(methods)
{
    static const struct {
        const char *text;
        enum http_method method;
    } cases[] = {{"REQUEST_METHOD=GET", HTTP_GET},         {"REQUEST_METHOD=HEAD", HTTP_HEAD},
                 {"REQUEST_METHOD=OPTIONS", HTTP_OPTIONS}, {"REQUEST_METHOD=DELETE", HTTP_DELETE},
                 {"REQUEST_METHOD=get", HTTP_OTHER},       {"REQUEST_METHOD=", HTTP_OTHER},
                 {"REQUEST_METHOD=BREW", HTTP_OTHER}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *all[] = {cases[i].text, "REQUEST_URI=/", NULL};
        ck_assert_int_eq(request_of(all).method, cases[i].method);
    }
}
END_TEST

START_TEST(request_ids)
{
    static const char *const refused[] = {
        "HTTP_X_REQUEST_ID=", "HTTP_X_REQUEST_ID=a b", "HTTP_X_REQUEST_ID=a\"b",
        "HTTP_X_REQUEST_ID=0123456789012345678901234567890123456789012345678901234567890123X"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const char *all[] = {refused[i], "REQUEST_URI=/", NULL};
        struct http_request a = request_of(all), b = request_of(all);
        ck_assert_uint_eq(a.request_id.n, 32);
        ck_assert(!str_eq(a.request_id, b.request_id));
    }
}
END_TEST

START_TEST(too_long)
{
    char agent[64 + 17];
    struct http_request r;
    struct mrc_err err = {0};
    for (size_t n = 31; n <= 33; n++) {
        memcpy(agent, "HTTP_USER_AGENT=", 16);
        memset(agent + 16, 'a', n);
        agent[16 + n] = '\0';
        const char *all[] = {"REQUEST_METHOD=GET", "REQUEST_URI=/livez", agent, NULL};
        int rc = http_request_read(&r, lookup, (void *)(uintptr_t)all, 32, &arena, &err);
        ck_assert_int_eq(rc, n > 32 ? MRC_ELIMIT : MRC_OK);
        ck_assert(r.too_long == (n > 32));
        ck_assert_text(r.path, n > 32 ? "" : "/livez");
        ck_assert_uint_eq(r.user_agent.n, n > 32 ? 0 : n);
    }
}
END_TEST

START_TEST(forms)
{
    struct str rest = STR("a=1&b=x+y%21&&c&=d&e==f&g=%C3%A9"), key, value;
    static const char *const expected[][2] = {{"a", "1"}, {"b", "x y!"}, {"c", ""}, {"", "d"}, {"e", "=f"}, {"g", "é"}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        ck_assert_int_eq(http_form_next(&rest, &arena, &key, &value, NULL), 1);
        ck_assert_text(key, expected[i][0]);
        ck_assert_text(value, expected[i][1]);
    }
    ck_assert_int_eq(http_form_next(&rest, &arena, &key, &value, NULL), 0);
    static const char *const bad[] = {"a=%", "a=%4", "a=%gg", "%ff=1", "a=%00"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct mrc_err err = {0};
        rest = str_of(bad[i]);
        ck_assert_fails(http_form_next(&rest, &arena, &key, &value, &err), &err, MRC_EFORMAT, "percent-encoded");
    }
}
END_TEST

START_TEST(accepts)
{
    static const struct {
        const char *accept, *type;
        bool yes;
    } cases[] = {
        {"", "text/csv", false},
        {"*/*", "text/csv", false},
        {"text/*", "text/csv", false},
        {"text/csv", "text/csv", true},
        {"TEXT/CSV; q=0.5", "text/csv", true},
        {"text/csv;q=0", "text/csv", false},
        {"text/csv;q=abc", "text/csv", false},
        {"text/csv;q=2", "text/csv", false},
        {"text/csv;q=0.8, application/json", "text/csv", false},
        {"text/csv, application/json;q=0.9", "text/csv", true},
        {"text/csv, */*", "text/csv", true},
        {"application/json, application/problem+json", "application/problem+json", true},
        {" application/problem+json ; charset=x ; q=1.0 ", "application/problem+json", true},
        {",,;;q=1", "text/csv", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_msg(http_accepts(str_of(cases[i].accept), cases[i].type) == cases[i].yes, "%s", cases[i].accept);
    }
    ck_assert(http_accepts_coding(STR("gzip, br"), "br"));
    ck_assert(!http_accepts_coding(STR("gzip, br;q=0"), "br"));
    ck_assert(!http_accepts_coding(STR("*"), "br"));
    ck_assert_text(http_credentials(STR("BEARER  abc "), "bearer"), "abc");
    ck_assert_text(http_credentials(STR("Bearer"), "bearer"), "");
    ck_assert_text(http_credentials(STR("Bearerabc"), "bearer"), "");
    ck_assert_text(http_credentials(STR("Basic abc"), "bearer"), "");
    ck_assert_text(http_credentials(STR(""), "bearer"), "");
    ck_assert(http_media_type_is(STR("Application/JSON ; charset=utf-8"), "application/json"));
    ck_assert(!http_media_type_is(STR("application/jsonx"), "application/json"));
    ck_assert(!http_media_type_is(STR(""), "application/json"));
}
END_TEST

START_TEST(etags)
{
    static const struct {
        const char *header;
        bool yes;
    } cases[] = {{"", false},      {"*", true},  {"\"a\"", true}, {"\"b\", \"a\"", true}, {"W/\"a\"", true},
                 {"\"b\"", false}, {"a", false}, {"\"a", false},  {"\"b\",W/\"a\"", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_msg(http_etag_matches(str_of(cases[i].header), STR("\"a\"")) == cases[i].yes, "%s", cases[i].header);
    }
}
END_TEST

static const char *head_of(struct http_response *r, struct buf *b)
{
    buf_init(b, &arena, 4096);
    http_response_head(r, false, b);
    ck_assert_int_eq(buf_ok(b, NULL), MRC_OK);
    return b->p;
}

START_TEST(response_heads)
{
    struct http_response r;
    struct buf b;
    http_response_init(&r, &arena, 100);
    r.status = 200;
    r.content_type = "text/plain";
    buf_puts(&r.body, "hello");
    http_header(&r, "X-One", STR("1"));
    http_header(&r, "X-Split", STR("a\r\nX-Two: 2"));
    http_header(&r, "X-Nul", (struct str){"a\0b", 3});
    ck_assert_str_eq(head_of(&r, &b),
                     "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nX-One: 1\r\n\r\n");
    ck_assert(http_has_header(&r, "X-One"));
    ck_assert(!http_has_header(&r, "X-Split"));
    r.status = 304;
    ck_assert_str_eq(head_of(&r, &b), "Status: 304 Not Modified\r\nX-One: 1\r\n\r\n");
    http_response_init(&r, &arena, 100);
    r.status = 204;
    ck_assert_str_eq(head_of(&r, &b), "Status: 204 No Content\r\n\r\n");
    for (int i = 0; i < HTTP_HEADERS_MAX + 5; i++) {
        http_header(&r, "X-Many", STR("v"));
    }
    ck_assert_uint_eq(r.n_headers, HTTP_HEADERS_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http");
    TCase *tc = tcase_create("http");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, targets);
    tcase_add_test(tc, parameters);
    tcase_add_test(tc, methods);
    tcase_add_test(tc, request_ids);
    tcase_add_test(tc, too_long);
    tcase_add_test(tc, forms);
    tcase_add_test(tc, accepts);
    tcase_add_test(tc, etags);
    tcase_add_test(tc, response_heads);
    suite_add_tcase(suite, tc);
    return check_main(suite);
}
