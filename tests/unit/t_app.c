/* The API through app_handle: routing, headers, access, documents and pages. */
#include "tests/unit/app_answer.h"

#include <unistd.h>

static struct fixture f;
static char anna[4200]; /* "Bearer …" of an account with scopes predict and outcome */

static void setup(void)
{
    fixture_open(&f, false);
    (void)snprintf(anna, sizeof anna, "%s", fixture_token(&f, "anna", ""));
}

static void teardown(void)
{
    fixture_close(&f);
}

static struct json_doc *document(void)
{
    return document_of(&f);
}

static const char json[] = "application/json";
static const char form[] = "application/x-www-form-urlencoded";
static const char film[] = "{\"title\":\"Été\",\"release_date\":\"2026-03-11\",\"duration_min\":100}";

static int predict(const char *body)
{
    return fixture_call(&f, "POST", "/predict", anna, json, body);
}

/* ---- routing and headers --------------------------------------------------------------------------------------- */

START_TEST(statuses_without_a_body)
{
    static const struct {
        const char *method, *target;
        int status;
    } cases[] = {
        {"GET", "/livez", 200},
        {"HEAD", "/livez", 200},
        {"GET", "/readyz", 200},
        {"GET", "/readyz?verbose", 200},
        {"GET", "/health", 200},
        {"GET", "/ping", 200},
        {"GET", "/metrics", 200},
        {"GET", "/schema", 200},
        {"GET", "/openapi.json", 200},
        {"GET", "/.well-known/oauth-authorization-server", 200},
        {"POST", "/revoke", 400},
        {"GET", "/revoke", 405},
        {"GET", "/predictions", 401},
        {"GET", "/predictions/01990000-0000-7000-8000-000000000000", 401},
        {"GET", "/models", 401},
        {"POST", "/invocations", 401},
        {"GET", "/v2", 200},
        {"GET", "/v2/health/live", 200},
        {"GET", "/v2/health/ready", 200},
        {"GET", "/v2/models/first-week", 401},
        {"GET", "/v2/models/first-week/ready", 401},
        {"GET", "/v2/models/first-week/versions/0001", 401},
        {"GET", "/v2/models/first-week/versions/0001/ready", 401},
        {"POST", "/v2/models/first-week/infer", 401},
        {"POST", "/v2/models/first-week/versions/0001/infer", 401},
        {"GET", "/v2/models/first-week/versions", 404},
        {"GET", "/models/0001", 401},
        {"POST", "/models/0001/promote", 401},
        {"POST", "/models/rollback", 401},
        {"GET", "/models/rollback", 405},
        {"GET", "/films", 401},
        {"POST", "/films", 401},
        {"GET", "/films/01990000-0000-7000-8000-000000000000", 401},
        {"DELETE", "/films/01990000-0000-7000-8000-000000000000", 401},
        {"PUT", "/films/x", 405},
        {"GET", "/suggest", 401},
        {"GET", "/outcomes", 401},
        {"POST", "/outcomes", 401},
        {"GET", "/outcomes/x", 401},
        {"GET", "/cinemas", 401},
        {"POST", "/cinemas", 401},
        {"GET", "/cinemas/x", 401},
        {"PUT", "/cinemas/x", 401},
        {"DELETE", "/cinemas/x", 401},
        {"GET", "/cinemas/x/members", 401},
        {"PUT", "/cinemas/x/members/y", 401},
        {"DELETE", "/cinemas/x/members/y", 401},
        {"GET", "/cinemas/x/members/y", 405},
        {"DELETE", "/cinemas/x/members/y/z", 404},
        {"DELETE", "/cinemas/x/members", 405},
        {"GET", "/users/me", 401},
        {"GET", "/users", 401},
        {"POST", "/users", 401},
        {"PATCH", "/users/anna", 401},
        {"POST", "/users/me/password", 401},
        {"POST", "/predict", 401},
        {"GET", "/", 404}, /* no www_dir */
        {"GET", "/docs", 404},
        {"GET", "/redoc", 404},
        {"GET", "/app/x", 404},
        {"GET", "/assets/app.css", 404},
        {"GET", "/vendor/x.js", 404},
        {"GET", "/nothing", 404},
        {"GET", "/predictions/a/b", 404},
        {"GET", "/LIVEZ", 404},
        {"OPTIONS", "/predict", 204},
        {"OPTIONS", "/nothing", 404},
        {"GET", "/predict", 405},
        {"GET", "/token", 405},
        {"PUT", "/predict", 405},
        {"DELETE", "/predictions", 405},
        {"POST", "/livez", 405},
        {"BREW", "/livez", 405},
        {"GET", "/livez/", 307},
        {"POST", "/predict/", 307},
        {"GET", "/nothing/", 404},
        {"GET", "//livez", 400},
        {"GET", "/../etc/passwd", 400},
        {"GET", "/livez?a=%zz", 400},
        {"GET", "*", 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = fixture_call(&f, cases[i].method, cases[i].target, NULL, NULL, NULL);
        ck_assert_msg(status == cases[i].status, "%s %s: %d, expected %d", cases[i].method, cases[i].target, status,
                      cases[i].status);
        ck_assert_ptr_nonnull(fixture_header(&f, "X-Request-Id"));
        ck_assert_str_eq(fixture_header(&f, "X-Content-Type-Options"), "nosniff");
        ck_assert_ptr_nonnull(fixture_header(&f, "Referrer-Policy"));
        ck_assert_ptr_nonnull(fixture_header(&f, "Content-Security-Policy"));
        ck_assert_ptr_nonnull(fixture_header(&f, "Cache-Control"));
    }
}
END_TEST

/* A route without a case somewhere in this file is a route nobody tests. */
START_TEST(every_route_has_a_case)
{
    static const char *const tested[] = {"/token",
                                         "/revoke",
                                         "/.well-known/oauth-authorization-server",
                                         "/users/me",
                                         "/metrics",
                                         "/users/me/password",
                                         "/users",
                                         "/users/{username}",
                                         "/predict",
                                         "/predictions",
                                         "/predictions/{id}",
                                         "/films",
                                         "/films/{id}",
                                         "/suggest",
                                         "/outcomes",
                                         "/outcomes/{id}",
                                         "/cinemas",
                                         "/cinemas/{id}",
                                         "/cinemas/{id}/members",
                                         "/cinemas/{id}/members/{username}",
                                         "/models",
                                         "/invocations",
                                         "/v2",
                                         "/v2/health/live",
                                         "/v2/health/ready",
                                         "/v2/models/{model}",
                                         "/v2/models/{model}/ready",
                                         "/v2/models/{model}/infer",
                                         "/v2/models/{model}/versions/{version}",
                                         "/v2/models/{model}/versions/{version}/ready",
                                         "/v2/models/{model}/versions/{version}/infer",
                                         "/models/{version}",
                                         "/models/{version}/shadow",
                                         "/models/{version}/promote",
                                         "/models/rollback",
                                         "/schema",
                                         "/openapi.json",
                                         "/livez",
                                         "/readyz",
                                         "/health",
                                         "/ping",
                                         "/",
                                         "/app/{page}",
                                         "/docs",
                                         "/redoc",
                                         "/assets/{file...}",
                                         "/vendor/{file...}"};
    for (size_t i = 0; i < n_routes; i++) {
        bool found = false;
        for (size_t k = 0; k < sizeof tested / sizeof tested[0]; k++) {
            found = found || strcmp(routes[i].path, tested[k]) == 0;
        }
        ck_assert_msg(found, "%s has no case", routes[i].path);
    }
}
END_TEST

START_TEST(headers_of_answers)
{
    fixture_call(&f, "OPTIONS", "/predict", NULL, NULL, NULL);
    ck_assert_str_eq(fixture_header(&f, "Allow"), "POST, OPTIONS");
    fixture_call(&f, "PUT", "/livez", NULL, NULL, NULL);
    ck_assert_str_eq(fixture_header(&f, "Allow"), "GET, HEAD, OPTIONS");
    ck_assert_str_eq(fixture_body(&f), "{\"detail\":\"Method Not Allowed\"}");
    fixture_call(&f, "GET", "/nothing", NULL, NULL, NULL);
    ck_assert_str_eq(fixture_body(&f), "{\"detail\":\"Not Found\"}");
    fixture_call(&f, "POST", "/predict/?level=0.9&x=%20", NULL, NULL, NULL);
    ck_assert_str_eq(fixture_header(&f, "Location"), "/predict?level=0.9&x=%20");
    fixture_call(&f, "POST", "/predict", NULL, NULL, NULL);
    ck_assert_str_eq(fixture_header(&f, "WWW-Authenticate"), "Bearer");
    ck_assert_str_eq(fixture_body(&f), "{\"detail\":\"Not authenticated\"}");
    const char *parameters[] = {"REQUEST_METHOD=GET", "REQUEST_URI=/livez", "HTTP_X_REQUEST_ID=abc.1", NULL};
    fixture_send(&f, parameters, STR(""));
    ck_assert_str_eq(fixture_header(&f, "X-Request-Id"), "abc.1");
    ck_assert_str_eq(fixture_body(&f), "ok\n");
    /* "/users/me" is one resource, whatever "/users/{username}" would take. */
    ck_assert_int_eq(fixture_call(&f, "OPTIONS", "/users/me", NULL, NULL, NULL), 204);
    ck_assert_str_eq(fixture_header(&f, "Allow"), "GET, HEAD, OPTIONS");
}
END_TEST

START_TEST(a_long_header)
{
    static char agent[9000];
    memset(agent, 'a', sizeof agent - 1);
    memcpy(agent, "HTTP_USER_AGENT=", 16);
    const char *parameters[] = {"REQUEST_METHOD=GET", "REQUEST_URI=/livez", agent, NULL};
    ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 431);
}
END_TEST

START_TEST(problem_details)
{
    const char *parameters[] = {"REQUEST_METHOD=POST",
                                "REQUEST_URI=/predict?level=2",
                                "CONTENT_TYPE=application/json",
                                "HTTP_ACCEPT=application/problem+json, application/json",
                                NULL,
                                NULL};
    char authorization[4300];
    ck_assert_int_eq(fixture_send(&f, parameters, STR("{}")), 401);
    ck_assert_str_eq(f.res.content_type, "application/problem+json");
    struct json_doc *doc = document();
    ck_assert_str_eq(member(json_root(doc), "title"), "Unauthorized");
    ck_assert_int_eq(number(json_root(doc), "status"), 401);
    json_free(doc);
    (void)snprintf(authorization, sizeof authorization, "HTTP_AUTHORIZATION=%s", anna);
    parameters[4] = authorization;
    ck_assert_int_eq(fixture_send(&f, parameters, STR("{\"title\":\"x\",\"release_date\":\"x\",\"genres\":[1]}")), 422);
    doc = document();
    const struct json *errors = json_find(json_root(doc), "errors");
    ck_assert_uint_eq(json_count(errors), 3);
    ck_assert_str_eq(member(json_at(errors, 0), "parameter"), "level");
    ck_assert_str_eq(member(json_at(errors, 1), "pointer"), "#/release_date");
    ck_assert_str_eq(member(json_at(errors, 2), "pointer"), "#/genres/0");
    json_free(doc);
}
END_TEST

/* ---- access ---------------------------------------------------------------------------------------------------- */

START_TEST(token_requests)
{
    static const struct {
        const char *type, *body;
        int status;
        const char *contains;
    } cases[] = {
        {form, "username=anna&password=correct+horse", 200,
         "\"token_type\":\"bearer\",\"expires_in\":1800,\"scope\":\"predict outcome\""},
        {form, "grant_type=password&scope=&username=anna&password=correct%20horse&client_id=x", 200, "access_token"},
        {form, "grant_type=&username=anna&password=correct+horse&scope=predict", 200, "\"scope\":\"predict\"}"},
        {"application/x-www-form-urlencoded; charset=UTF-8", "username=anna&password=correct+horse", 200,
         "access_token"},
        {form, "username=anna&password=correct+horse&scope=admin", 400, "invalid_scope"},
        {form, "username=anna&password=correct+horse&scope=predict+everything", 400, "invalid_scope"},
        {form, "username=anna&password=wrong", 401,
         "\"detail\":\"Incorrect username or password\",\"error\":\"invalid_grant\""},
        {form, "username=nobody&password=correct+horse", 401, "Incorrect username or password"},
        {form, "username=carl&password=correct+horse", 401, "Incorrect username or password"},
        {form, "username=ANNA&password=correct+horse", 401, "Incorrect username or password"},
        {form, "username=a%0ab&password=correct+horse", 401, "Incorrect username or password"},
        {form, "username=anna", 422,
         "{\"type\":\"missing\",\"loc\":[\"body\",\"password\"],\"msg\":\"Field required\",\"input\":null}"},
        {form, "password=very-secret", 422, "[\"body\",\"username\"]"},
        {form, "", 422, "[\"body\",\"username\"]"},
        {NULL, NULL, 422, "[\"body\",\"password\"]"},
        {form, "username=&password=", 422, "[\"body\",\"username\"]"},
        {form, "grant_type=implicit&username=a&password=b", 400, "unsupported_grant_type"},
        {form, "username=anna&username=anna&password=correct+horse", 400, "invalid_request"},
        {form, "username=%zz&password=correct+horse", 400, "invalid_request"},
        {form, "username=anna&password=correct+horse&client_secret=s", 401, "invalid_client"},
        {json, "{\"username\":\"anna\",\"password\":\"correct horse\"}", 415, "x-www-form-urlencoded"},
        {"multipart/form-data; boundary=x", "--x--", 415, "x-www-form-urlencoded"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = fixture_call(&f, "POST", "/token", NULL, cases[i].type, cases[i].body);
        ck_assert_msg(status == cases[i].status, "%s: %d %s", cases[i].body, status, fixture_body(&f));
        ck_assert_msg(strstr(fixture_body(&f), cases[i].contains) != NULL, "%s: %s", cases[i].body, fixture_body(&f));
        ck_assert_msg(strstr(fixture_body(&f), "secret") == NULL, "%s", fixture_body(&f));
        ck_assert_str_eq(fixture_header(&f, "Cache-Control"), "no-store");
    }
}
END_TEST

START_TEST(token_client_header)
{
    static const struct {
        const char *authorization;
        int status;
    } cases[] = {{"Basic Og==", 200}, {"basic Og==", 200}, {"Basic ", 200},
                 {"Bearer old", 200}, {"Basic YTpi", 401}, {"BASIC YTpi", 401}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = fixture_call(&f, "POST", "/token", cases[i].authorization, form,
                                  "grant_type=password&username=anna&password=correct+horse");
        ck_assert_msg(status == cases[i].status, "%s: %d", cases[i].authorization, status);
    }
}
END_TEST

START_TEST(token_body_bounds)
{
    static char body[9000];
    for (size_t n = 8191; n <= 8193; n++) {
        memset(body, 'a', n);
        memcpy(body, "username=anna&password=", 23);
        body[n] = '\0';
        ck_assert_int_eq(fixture_call(&f, "POST", "/token", NULL, form, body), n > 8192 ? 413 : 401);
    }
}
END_TEST

static int refuse_entry(struct fixture *g, const char *path)
{
    struct mrc_err err = {0};
    struct gate *other;
    fixture_need(gate_open(&g->parts.hash_gate, path, 1, &err), &err, "gate");
    fixture_need(gate_open(&other, path, 1, &err), &err, "gate");
    ck_assert_ok(gate_enter(other), &err);
    fixture_reopen(g);
    int status = fixture_call(g, "POST", "/token", NULL, form, "username=anna&password=correct+horse");
    gate_close(other);
    return status;
}

START_TEST(too_many_hashes)
{
    ck_assert_int_eq(refuse_entry(&f, fixture_path(&f, "gate")), 503);
    ck_assert_str_eq(fixture_header(&f, "Retry-After"), "1");
    ck_assert_int_eq(fixture_call(&f, "POST", "/token", NULL, form, "username=anna&password=correct+horse"), 200);
    gate_close(f.parts.hash_gate);
}
END_TEST

START_TEST(logins_are_limited)
{
    static const char good[] = "username=anna&password=correct+horse", bad[] = "username=dora&password=x";
    struct mrc_err err = {0};
    struct shared *shared;
    fixture_set(&f, "logins_per_minute", "3");
    ck_assert_ok(shared_open(&shared, f.folder, &err), &err);
    f.parts.shared = shared;
    fixture_reopen(&f);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(fixture_call(&f, "POST", "/token", NULL, form, bad), 401);
    }
    ck_assert_int_eq(fixture_call(&f, "POST", "/token", NULL, form, bad), 429);
    ck_assert_str_eq(fixture_header(&f, "Retry-After"), "20");
    ck_assert_int_eq(fixture_call(&f, "POST", "/token", NULL, form, "username=dora&password=correct+horse"), 429);
    ck_assert_int_eq(fixture_call(&f, "POST", "/token", NULL, form, good), 200); /* another account */
    f.now_ms += 20000;
    ck_assert_int_eq(fixture_call(&f, "POST", "/token", NULL, form, "username=dora&password=correct+horse"), 200);
    int status = 401;
    char body[64];
    for (int i = 0; i < 40 && status != 429; i++) { /* many names from one address */
        (void)snprintf(body, sizeof body, "username=n%d&password=x", i);
        status = fixture_call(&f, "POST", "/token", NULL, form, body);
    }
    ck_assert_int_eq(status, 429);
    fixture_set(&f, "logins_per_minute", "0");
    ck_assert_int_eq(fixture_call(&f, "POST", "/token", NULL, form, good), 200);
    f.parts.shared = NULL;
    fixture_reopen(&f);
    shared_close(shared);
}
END_TEST

START_TEST(bearer_tokens)
{
    static const struct {
        const char *authorization;
        const char *detail;
    } cases[] = {
        {"", "Not authenticated"},
        {"Bearer", "Not authenticated"},
        {"Bearer ", "Not authenticated"},
        {"Basic Og==", "Not authenticated"},
        {"Token abc", "Not authenticated"},
        {"Bearer abc", "Could not validate credentials"},
        {"bearer a.b.c", "Could not validate credentials"},
        /* alg none, empty signature */
        {"Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ1LTEifQ.", "Could not validate credentials"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_int_eq(fixture_call(&f, "POST", "/predict", cases[i].authorization, json, film), 401);
        ck_assert_msg(strstr(fixture_body(&f), cases[i].detail) != NULL, "%s: %s", cases[i].authorization,
                      fixture_body(&f));
        ck_assert_int_eq(strncmp(fixture_header(&f, "WWW-Authenticate"), "Bearer", 6), 0);
    }
    anna[0] = 'b'; /* the scheme's case does not matter */
    ck_assert_int_eq(predict(film), 200);
}
END_TEST

START_TEST(tokens_end)
{
    struct mrc_err err = {0};
    ck_assert_int_eq(predict(film), 200);
    f.now_ms += 1799 * 1000;
    ck_assert_int_eq(predict(film), 200);
    f.now_ms += 1000;
    ck_assert_int_eq(predict(film), 401);
    f.now_ms = 1790000000000;
    /* signed out everywhere */
    ck_assert_ok(store_account_set_tokens_valid_from(f.store, STR("u-1"), f.now_ms + 1000, &err), &err);
    ck_assert_int_eq(predict(film), 401);
    f.now_ms += 1000;
    (void)snprintf(anna, sizeof anna, "%s", fixture_token(&f, "anna", ""));
    ck_assert_int_eq(predict(film), 200);
    /* disabled at once */
    ck_assert_ok(store_account_set_disabled(f.store, STR("u-1"), true, &err), &err);
    ck_assert_int_eq(predict(film), 401);
}
END_TEST

START_TEST(scopes)
{
    const char *bob = fixture_token(&f, "bob", "");
    ck_assert_int_eq(fixture_call(&f, "POST", "/predict", bob, json, film), 403);
    ck_assert_str_eq(fixture_header(&f, "WWW-Authenticate"), "Bearer error=\"insufficient_scope\", scope=\"predict\"");
    const char *narrow = fixture_token(&f, "anna", "outcome");
    ck_assert_int_eq(fixture_call(&f, "POST", "/predict", narrow, json, film), 403);
    ck_assert_int_eq(fixture_call(&f, "GET", "/users/me", anna, NULL, NULL), 200);
    ck_assert_str_eq(fixture_body(&f),
                     "{\"username\":\"anna\",\"scopes\":[\"predict\",\"outcome\"],\"disabled\":false}");
}
END_TEST

/* ---- the active version ---------------------------------------------------------------------------------------- */

START_TEST(schema_document)
{
    ck_assert_int_eq(fixture_call(&f, "GET", "/schema", NULL, NULL, NULL), 200);
    struct json_doc *doc = document();
    const struct json *fields = json_find(json_root(doc), "fields");
    ck_assert_str_eq(member(json_root(doc), "name"), "first-week");
    ck_assert_int_eq(number(json_root(doc), "version"), 3);
    ck_assert_uint_eq(json_count(fields), 8);
    const struct json *genres = json_at(fields, 3), *rating = json_at(fields, 6);
    ck_assert_str_eq(member(genres, "name"), "genres");
    ck_assert_str_eq(member(genres, "type"), "list");
    ck_assert_int_eq(number(genres, "items_max"), 3);
    ck_assert_str_eq(member(json_at(json_find(genres, "values"), 0), "label_en"), "Drama");
    ck_assert_str_eq(member(json_at(fields, 2), "weekday"), "wednesday");
    ck_assert_str_eq(member(json_at(fields, 7), "known"), "after");
    ck_assert_str_eq(member(rating, "example"), "12");
    json_free(doc);
}
END_TEST

/* The examples of /schema, taken as a film, are accepted without a warning. */
START_TEST(examples_are_valid)
{
    struct buf body;
    struct json_out w;
    ck_assert_int_eq(fixture_call(&f, "GET", "/schema", NULL, NULL, NULL), 200);
    struct json_doc *doc = document();
    buf_init(&body, NULL, 1 << 16);
    json_out_init(&w, &body);
    json_open_object(&w);
    for (const struct json *field = json_first(json_find(json_root(doc), "fields")); field != NULL;
         field = json_next(field)) {
        if (strcmp(member(field, "known"), "after") != 0) {
            json_put_key(&w, member(field, "name"));
            json_put_value(&w, json_find(field, "example"));
        }
    }
    json_close_object(&w);
    json_free(doc);
    ck_assert_int_eq(predict(body.p), 200);
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "\"warnings\":[]"));
    buf_release(&body);
}
END_TEST

START_TEST(documents_are_cached)
{
    static const char *const targets[] = {"REQUEST_URI=/schema", "REQUEST_URI=/openapi.json"};
    for (size_t i = 0; i < 2; i++) {
        char match[1100];
        const char *parameters[] = {"REQUEST_METHOD=GET", targets[i], NULL, NULL};
        ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 200);
        ck_assert_uint_gt(f.res.body.n, 0);
        (void)snprintf(match, sizeof match, "HTTP_IF_NONE_MATCH=%s", fixture_header(&f, "ETag"));
        parameters[2] = match;
        ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 304);
        ck_assert_uint_eq(f.res.body.n, 0);
        ck_assert_ptr_nonnull(fixture_header(&f, "ETag"));
        parameters[2] = "HTTP_IF_NONE_MATCH=\"other\"";
        ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 200);
    }
}
END_TEST

START_TEST(models_listed)
{
    ck_assert_int_eq(fixture_call(&f, "GET", "/models", anna, NULL, NULL), 200);
    struct json_doc *doc = document();
    const struct json *model = json_at(json_find(json_root(doc), "models"), 0);
    ck_assert_str_eq(member(model, "version"), "0001");
    ck_assert_uint_eq(strlen(member(model, "digest")), 64);
    json_free(doc);
}
END_TEST

START_TEST(without_a_version)
{
    static const struct {
        const char *method, *target;
        int status;
    } cases[] = {{"GET", "/livez", 200},  {"GET", "/readyz", 503},       {"GET", "/readyz?exclude=model", 200},
                 {"GET", "/schema", 503}, {"GET", "/openapi.json", 200}, {"POST", "/predict", 503},
                 {"GET", "/models", 200}};
    f.parts.bundle = NULL;
    fixture_reopen(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = fixture_call(&f, cases[i].method, cases[i].target, anna, json, film);
        ck_assert_msg(status == cases[i].status, "%s %s: %d", cases[i].method, cases[i].target, status);
    }
}
END_TEST

START_TEST(readiness_names_what_is_wrong)
{
    f.parts.store = NULL;
    f.parts.log = NULL;
    fixture_reopen(&f);
    ck_assert_int_eq(fixture_call(&f, "GET", "/readyz?verbose", NULL, NULL, NULL), 503);
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "[+]model ok\n"));
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "[-]state failed"));
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "[-]log failed"));
    ck_assert_int_eq(fixture_call(&f, "POST", "/predict", anna, json, film), 503);
    ck_assert_int_eq(fixture_call(&f, "POST", "/token", NULL, form, "username=a&password=b"), 503);
    f.parts.log_store = NULL;
    f.parts.store = f.store;
    fixture_reopen(&f);
    ck_assert_int_eq(fixture_call(&f, "GET", "/predictions", anna, NULL, NULL), 503);
    fixture_set(&f, "log", "off");
    fixture_reopen(&f);
    ck_assert_int_eq(fixture_call(&f, "GET", "/readyz", NULL, NULL, NULL), 200);
}
END_TEST

/* ---- pages ----------------------------------------------------------------------------------------------------- */

static void put_file(const char *name, const char *text)
{
    struct mrc_err err = {0};
    ck_assert_ok(file_replace(fixture_path(&f, name), str_of(text), 0600, &err), &err);
}

static void make_www(void)
{
    struct mrc_err err = {0};
    ck_assert_ok(folder_create(fixture_path(&f, "www/assets/pages"), 0700, &err), &err);
    ck_assert_ok(folder_create(fixture_path(&f, "www/vendor/swagger-ui-1"), 0700, &err), &err);
    put_file("www/index.html", "index");
    put_file("www/film.html", "film");
    put_file("www/docs.html", "docs");
    put_file("www/docs-plain.html", "plain");
    put_file("www/package.json", "{}");
    put_file("www/.hidden.html", "hidden");
    put_file("www/assets/app.css", "css");
    put_file("www/assets/app.css.gz", "gzipped");
    put_file("www/assets/pages/a.mjs", "module");
    put_file("www/assets/notes.bak", "backup");
    put_file("www/vendor/swagger-ui-1/ui.js", "swagger");
    fixture_set(&f, "www_dir", fixture_path(&f, "www"));
    fixture_reopen(&f);
}

START_TEST(pages)
{
    static const struct {
        const char *target;
        int status;
        const char *type, *body;
    } cases[] = {
        {"/", 200, "text/html; charset=utf-8", "index"},
        {"/app/film", 200, "text/html; charset=utf-8", "film"},
        {"/docs", 200, "text/html; charset=utf-8", "docs"},
        {"/redoc", 200, "text/html; charset=utf-8", "plain"},
        {"/assets/app.css", 200, "text/css; charset=utf-8", "css"},
        {"/assets/pages/a.mjs", 200, "text/javascript; charset=utf-8", "module"},
        {"/vendor/swagger-ui-1/ui.js", 200, "text/javascript; charset=utf-8", "swagger"},
        {"/app/index", 404, NULL, NULL},
        {"/app/docs", 404, NULL, NULL},
        {"/app/.hidden", 404, NULL, NULL},
        {"/app/assets", 404, NULL, NULL},
        {"/index.html", 404, NULL, NULL},
        {"/package.json", 404, NULL, NULL},
        {"/assets/notes.bak", 404, NULL, NULL},
        {"/assets/app.css.gz", 404, NULL, NULL},
        {"/assets/", 404, NULL, NULL},
        {"/assets/%2e%2e/index.html", 400, NULL, NULL},
        {"/assets/..%2findex.html", 400, NULL, NULL},
        {"/vendor/../../token.key", 400, NULL, NULL},
    };
    make_www();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = fixture_call(&f, "GET", cases[i].target, NULL, NULL, NULL);
        ck_assert_msg(status == cases[i].status, "%s: %d", cases[i].target, status);
        if (status == 200) {
            ck_assert_str_eq(f.res.content_type, cases[i].type);
            ck_assert_uint_eq(f.res.body.n, strlen(cases[i].body));
            ck_assert_int_eq(strncmp(f.res.body.p, cases[i].body, f.res.body.n), 0);
            ck_assert_ptr_nonnull(fixture_header(&f, "ETag"));
        }
    }
}
END_TEST

START_TEST(page_headers)
{
    make_www();
    fixture_call(&f, "GET", "/", NULL, NULL, NULL);
    ck_assert_str_eq(fixture_header(&f, "Content-Security-Policy"),
                     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
                     "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors "
                     "'none'; require-trusted-types-for 'script'; trusted-types 'none'");
    ck_assert_str_eq(fixture_header(&f, "Cross-Origin-Opener-Policy"), "same-origin");
    ck_assert_str_eq(fixture_header(&f, "Cache-Control"), "no-cache");
    fixture_call(&f, "GET", "/docs", NULL, NULL, NULL);
    ck_assert_str_eq(fixture_header(&f, "Content-Security-Policy"),
                     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
                     "'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'");
    fixture_call(&f, "GET", "/vendor/swagger-ui-1/ui.js", NULL, NULL, NULL);
    ck_assert_str_eq(fixture_header(&f, "Cache-Control"), "public, max-age=31536000, immutable");
    fixture_call(&f, "GET", "/livez", NULL, NULL, NULL);
    ck_assert_str_eq(fixture_header(&f, "Content-Security-Policy"), "default-src 'none'; frame-ancestors 'none'");
}
END_TEST

START_TEST(files_in_variants)
{
    const char *parameters[] = {"REQUEST_METHOD=GET", "REQUEST_URI=/assets/app.css", "HTTP_ACCEPT_ENCODING=gzip, br",
                                NULL, NULL};
    char match[1100];
    make_www();
    ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 200);
    ck_assert_str_eq(fixture_header(&f, "Content-Encoding"), "gzip");
    ck_assert_str_eq(fixture_header(&f, "Vary"), "Accept-Encoding");
    ck_assert_uint_eq(f.res.body.n, 7);
    (void)snprintf(match, sizeof match, "HTTP_IF_NONE_MATCH=%s", fixture_header(&f, "ETag"));
    parameters[3] = match;
    ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 304);
    ck_assert_ptr_null(fixture_header(&f, "Content-Encoding"));
    parameters[2] = "HTTP_ACCEPT_ENCODING=identity";
    ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 200); /* another variant, another tag */
    ck_assert_ptr_null(fixture_header(&f, "Content-Encoding"));
    /* an edited file is served anew */
    put_file("www/assets/app.css", "other");
    ck_assert_int_eq(fixture_call(&f, "GET", "/assets/app.css", NULL, NULL, NULL), 200);
    ck_assert_uint_eq(f.res.body.n, 5);
    ck_assert_int_eq(unlink(fixture_path(&f, "www/assets/app.css")), 0);
    ck_assert_int_eq(fixture_call(&f, "GET", "/assets/app.css", NULL, NULL, NULL), 404);
}
END_TEST

/* A browser lays the headers of a 304 over the page it kept: a data policy there would block the page's own scripts. */
START_TEST(unchanged_page_keeps_its_policy)
{
    const char *parameters[] = {"REQUEST_METHOD=GET", "REQUEST_URI=/", NULL, NULL};
    char match[1100];
    char policy[1024];
    make_www();
    ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 200);
    (void)snprintf(policy, sizeof policy, "%s", fixture_header(&f, "Content-Security-Policy"));
    ck_assert_ptr_nonnull(strstr(policy, "script-src 'self'"));
    (void)snprintf(match, sizeof match, "HTTP_IF_NONE_MATCH=%s", fixture_header(&f, "ETag"));
    parameters[2] = match;
    ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 304);
    ck_assert_str_eq(fixture_header(&f, "Content-Security-Policy"), policy);
}
END_TEST

START_TEST(docs_without_swagger)
{
    struct mrc_err err = {0};
    make_www();
    ck_assert_ok(folder_remove(fixture_path(&f, "www/vendor"), &err), &err);
    fixture_reopen(&f);
    ck_assert_int_eq(fixture_call(&f, "GET", "/docs", NULL, NULL, NULL), 200);
    ck_assert_uint_eq(f.res.body.n, 5);
    ck_assert_int_eq(strncmp(f.res.body.p, "plain", 5), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("app");
    const struct {
        const char *name;
        const TTest *test;
    } tests[] = {
        {"statuses", statuses_without_a_body},
        {"routes", every_route_has_a_case},
        {"headers", headers_of_answers},
        {"long header", a_long_header},
        {"problem details", problem_details},
        {"token", token_requests},
        {"token client", token_client_header},
        {"token body", token_body_bounds},
        {"hash gate", too_many_hashes},
        {"login limit", logins_are_limited},
        {"bearer", bearer_tokens},
        {"token ends", tokens_end},
        {"scopes", scopes},
        {"schema", schema_document},
        {"examples", examples_are_valid},
        {"cached", documents_are_cached},
        {"models", models_listed},
        {"no version", without_a_version},
        {"readiness", readiness_names_what_is_wrong},
        {"pages", pages},
        {"page headers", page_headers},
        {"variants", files_in_variants},
        {"unchanged page", unchanged_page_keeps_its_policy},
        {"plain docs", docs_without_swagger},
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        TCase *tc = tcase_create(tests[i].name);
        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_set_timeout(tc, 60);
        tcase_add_test(tc, tests[i].test);
        suite_add_tcase(suite, tc);
    }
    return check_main(suite);
}
