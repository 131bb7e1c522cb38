/* Access beyond the password, through app_handle: clients, refresh tokens, revocation, API keys, accounts. */
#include "fcgi/store_access.h"
#include "tests/unit/app_answer.h"

static struct fixture f;

static const char json[] = "application/json";
static const char form[] = "application/x-www-form-urlencoded";
static const char film[] = "{\"title\":\"Été\",\"release_date\":\"2026-03-11\",\"duration_min\":100}";
static const char secret[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static void add_client(const char *id, unsigned scopes, bool disabled)
{
    char hash[SHA256_HEX];
    struct mrc_err err = {0};
    sha256_hex(str_of(secret), hash);
    struct client client = {.id = str_of(id),
                            .secret_hash = str_of(hash),
                            .scopes = scopes,
                            .disabled = disabled,
                            .created_ms = f.now_ms,
                            .tokens_valid_from_ms = f.now_ms};
    ck_assert_ok(store_client_add(f.store, &client, &err), &err);
}

static void add_key(const char *id, const char *account, unsigned scopes, int64_t expires_ms)
{
    char hash[SHA256_HEX];
    struct mrc_err err = {0};
    sha256_hex(str_of(secret), hash);
    struct api_key key = {.id = str_of(id),
                          .account_id = str_of(account),
                          .label = STR("till"),
                          .secret_hash = str_of(hash),
                          .scopes = scopes,
                          .created_ms = f.now_ms,
                          .expires_ms = expires_ms};
    ck_assert_ok(store_key_add(f.store, &key, &err), &err);
}

static void setup(void)
{
    fixture_open(&f, true);
    add_client("till", 1U << SCOPE_PREDICT | 1U << SCOPE_MONITOR, false);
    add_client("gone", 1U << SCOPE_PREDICT, true);
}

static void teardown(void)
{
    fixture_close(&f);
}

/* POST /token or /revoke. */
static int post(const char *path, const char *authorization, const char *body)
{
    return fixture_call(&f, "POST", path, authorization, form, body);
}

static int predict(const char *authorization)
{
    return fixture_call(&f, "POST", "/predict", authorization, json, film);
}

/* A text member of the answer. Several live at once. */
static const char *answered(const char *name)
{
    static char texts[6][2048];
    static unsigned turn;
    struct str s = {"", 0};
    struct json_doc *doc = document_of(&f);
    char *text = texts[turn++ % 6];
    (void)json_str(json_find(json_root(doc), name), &s);
    (void)snprintf(text, sizeof texts[0], "%.*s", STR_ARG(s));
    json_free(doc);
    return text;
}

static const char *bearer(const char *token)
{
    static char text[2100];
    (void)snprintf(text, sizeof text, "Bearer %s", token);
    return text;
}

/* ---- clients --------------------------------------------------------------------------------------------------- */

START_TEST(client_grant)
{
    static const struct {
        const char *authorization, *body;
        int status;
        const char *contains;
    } cases[] = {
        {NULL, "grant_type=client_credentials&client_id=till&client_secret=SECRET", 200,
         "\"token_type\":\"bearer\",\"expires_in\":1800,\"scope\":\"predict monitor\""},
        {NULL, "grant_type=client_credentials&client_id=till&client_secret=SECRET&scope=predict", 200,
         "\"scope\":\"predict\""},
        {NULL, "grant_type=client_credentials&client_id=till&client_secret=SECRET&scope=admin", 400, "invalid_scope"},
        {NULL, "grant_type=client_credentials&client_id=till&client_secret=wrong", 401, "invalid_client"},
        {NULL, "grant_type=client_credentials&client_id=nobody&client_secret=SECRET", 401, "invalid_client"},
        {NULL, "grant_type=client_credentials&client_id=gone&client_secret=SECRET", 401, "invalid_client"},
        {NULL, "grant_type=client_credentials&client_id=till", 401, "invalid_client"},
        {NULL, "grant_type=client_credentials", 401, "invalid_client"},
        {"Basic Og==", "grant_type=client_credentials", 401, "invalid_client"},
        {"Basic !", "grant_type=client_credentials", 401, "invalid_client"},
        {"Basic dGlsbA==", "grant_type=client_credentials", 401, "invalid_client"}, /* no colon */
        {"Basic dGlsbDp4", "grant_type=client_credentials", 401, "invalid_client"}, /* till:x */
        {"Basic dGlsbDp4", "grant_type=client_credentials&client_id=till&client_secret=SECRET", 400, "invalid_request"},
        {"BASIC dGlsbDowMDExMjIzMzQ0NTU2Njc3ODg5OWFhYmJjY2RkZWVmZjAwMTEyMjMzNDQ1NTY2Nzc4ODk5YWFiYmNjZGRlZWZm",
         "grant_type=client_credentials", 200, "access_token"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[512];
        const char *at = strstr(cases[i].body, "SECRET");
        (void)snprintf(body, sizeof body, "%.*s%s%s",
                       (int)(at == NULL ? strlen(cases[i].body) : (size_t)(at - cases[i].body)), cases[i].body,
                       at == NULL ? "" : secret, at == NULL ? "" : at + 6);
        int status = post("/token", cases[i].authorization, body);
        ck_assert_msg(status == cases[i].status, "%zu %s: %d %s", i, cases[i].body, status, fixture_body(&f));
        ck_assert_msg(strstr(fixture_body(&f), cases[i].contains) != NULL, "%zu: %s", i, fixture_body(&f));
        ck_assert_ptr_null(strstr(fixture_body(&f), secret));
        ck_assert_ptr_null(strstr(fixture_body(&f), "refresh_token\""));
        ck_assert_str_eq(fixture_header(&f, "Cache-Control"), "no-store");
        if (status == 401) {
            ck_assert_int_eq(strncmp(fixture_header(&f, "WWW-Authenticate"), "Basic", 5), 0);
        }
    }
}
END_TEST

START_TEST(client_token)
{
    char body[200];
    struct mrc_err err = {0};
    (void)snprintf(body, sizeof body, "grant_type=client_credentials&client_id=till&client_secret=%s", secret);
    ck_assert_int_eq(post("/token", NULL, body), 200);
    const char *token = answered("access_token");
    ck_assert_int_eq(predict(bearer(token)), 200);
    ck_assert_int_eq(fixture_call(&f, "GET", "/users/me", bearer(token), NULL, NULL), 200);
    ck_assert_str_eq(answered("username"), "till");
    ck_assert_int_eq(fixture_call(&f, "GET", "/predictions", bearer(token), NULL, NULL), 200);
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "prediction_id"));
    /* disabled, at once; enabled again, old tokens stay ended */
    ck_assert_ok(store_client_set_disabled(f.store, STR("till"), true, f.now_ms + 1000, &err), &err);
    ck_assert_int_eq(predict(bearer(token)), 401);
    f.now_ms += 2000;
    ck_assert_ok(store_client_set_disabled(f.store, STR("till"), false, f.now_ms, &err), &err);
    ck_assert_int_eq(predict(bearer(token)), 401);
    ck_assert_int_eq(store_client_set_disabled(f.store, STR("nobody"), true, 1, &err), MRC_ENOTFOUND);
}
END_TEST

/* ---- refresh tokens -------------------------------------------------------------------------------------------- */

static const char *log_in(void)
{
    ck_assert_int_eq(post("/token", NULL, "username=anna&password=correct+horse"), 200);
    const char *token = answered("refresh_token");
    ck_assert_uint_eq(strlen(token), 68);
    ck_assert_int_eq(strncmp(token, "mrr_", 4), 0);
    return token;
}

static int refresh(const char *token, const char *scope)
{
    char body[256];
    (void)snprintf(body, sizeof body, "grant_type=refresh_token&refresh_token=%s&scope=%s", token, scope);
    return post("/token", NULL, body);
}

START_TEST(refresh_rotates)
{
    const char *first = log_in();
    ck_assert_int_eq(refresh(first, "predict"), 200);
    ck_assert_str_eq(answered("scope"), "predict");
    const char *second = answered("refresh_token");
    ck_assert_str_ne(first, second);
    ck_assert_int_eq(predict(bearer((refresh(second, ""), answered("access_token")))), 200);
    ck_assert_int_eq(refresh("mrr_nothing", ""), 401);
    ck_assert_str_eq(answered("error"), "invalid_grant");
    ck_assert_int_eq(post("/token", NULL, "grant_type=refresh_token"), 400);
    ck_assert_int_eq(refresh(log_in(), "admin"), 400);
}
END_TEST

START_TEST(reuse_ends_the_family)
{
    const char *other = log_in(), *first = log_in();
    ck_assert_int_eq(refresh(first, ""), 200);
    const char *second = answered("refresh_token");
    ck_assert_int_eq(refresh(first, ""), 401);
    ck_assert_int_eq(refresh(second, ""), 401);
    ck_assert_int_eq(refresh(other, ""), 200); /* another login goes on */
}
END_TEST

START_TEST(refresh_ends)
{
    struct mrc_err err = {0};
    fixture_set(&f, "refresh_idle", "1h");
    fixture_set(&f, "refresh_lifetime", "90min");
    fixture_set(&f, "sessions_max", "2");
    const char *token = log_in();
    f.now_ms += 3600000; /* idle for too long */
    ck_assert_int_eq(refresh(token, ""), 401);
    token = log_in();
    f.now_ms += 3599999;
    ck_assert_int_eq(refresh(token, ""), 200);
    token = answered("refresh_token");
    f.now_ms += 1800001; /* 90 minutes after the login */
    ck_assert_int_eq(refresh(token, ""), 401);
    /* two logins at once, the third ends the first */
    const char *a = log_in();
    f.now_ms += 10;
    const char *b = log_in();
    f.now_ms += 10;
    const char *d = log_in();
    ck_assert_int_eq(refresh(a, ""), 401);
    ck_assert_int_eq(refresh(b, ""), 200);
    /* signed out everywhere, disabled */
    f.now_ms += 10;
    ck_assert_ok(store_account_set_tokens_valid_from(f.store, STR("u-1"), f.now_ms, &err), &err);
    ck_assert_int_eq(refresh(d, ""), 401);
    token = log_in();
    ck_assert_ok(store_account_set_disabled(f.store, STR("u-1"), true, &err), &err);
    ck_assert_int_eq(refresh(token, ""), 401);
    ck_assert_ok(store_account_set_disabled(f.store, STR("u-1"), false, &err), &err);
    fixture_set(&f, "refresh_idle", "0");
    ck_assert_int_eq(post("/token", NULL, "username=anna&password=correct+horse"), 200);
    ck_assert_ptr_null(strstr(fixture_body(&f), "refresh_token"));
}
END_TEST

/* ---- revocation ------------------------------------------------------------------------------------------------ */

static int revoke(const char *token)
{
    char body[2200];
    (void)snprintf(body, sizeof body, "token=%s&token_type_hint=any", token);
    return post("/revoke", NULL, body);
}

START_TEST(revocation)
{
    char key[100];
    add_key("0123456789abcdef", "u-1", 1U << SCOPE_PREDICT, 0);
    (void)snprintf(key, sizeof key, "mrc_0123456789abcdef_%s", secret);
    ck_assert_int_eq(post("/token", NULL, "username=anna&password=correct+horse"), 200);
    const char *access = answered("access_token"), *token = answered("refresh_token");
    ck_assert_int_eq(predict(bearer(access)), 200);
    ck_assert_int_eq(predict(bearer(key)), 200);
    ck_assert_int_eq(revoke(access), 200);
    ck_assert_int_eq(predict(bearer(access)), 401);
    ck_assert_int_eq(revoke(access), 200); /* again: done already */
    ck_assert_int_eq(revoke(token), 200);
    ck_assert_int_eq(refresh(token, ""), 401);
    key[30] ^= 1; /* a wrong secret ends nothing */
    ck_assert_int_eq(revoke(key), 200);
    key[30] ^= 1;
    ck_assert_int_eq(predict(bearer(key)), 200);
    ck_assert_int_eq(revoke(key), 200);
    ck_assert_int_eq(predict(bearer(key)), 401);
    ck_assert_int_eq(revoke("nonsense"), 200);
    ck_assert_int_eq(post("/revoke", NULL, ""), 400);
    ck_assert_int_eq(post("/revoke", "Basic dGlsbDp4", "token=x"), 401);
    ck_assert_int_eq(fixture_call(&f, "POST", "/revoke", NULL, json, "{}"), 415);
}
END_TEST

/* ---- API keys -------------------------------------------------------------------------------------------------- */

START_TEST(api_keys)
{
    static const struct {
        const char *id;
        int status;
    } cases[] = {
        {"00000000000000a1", 200}, {"00000000000000a2", 403}, {"00000000000000a3", 401}, {"00000000000000a4", 401},
        {"00000000000000ff", 401}, {"00000000000000A1", 401}, {"0000000000000a1", 401},  {"", 401}};
    char key[120];
    add_key("00000000000000a1", "u-1", 1U << SCOPE_PREDICT | 1U << SCOPE_ADMIN, f.now_ms + 1000);
    add_key("00000000000000a2", "u-1", 1U << SCOPE_OUTCOME, 0);
    add_key("00000000000000a3", "u-3", 1U << SCOPE_PREDICT, 0); /* of a disabled account */
    add_key("00000000000000a4", "u-1", 1U << SCOPE_PREDICT, f.now_ms);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(key, sizeof key, "Bearer mrc_%s_%s", cases[i].id, secret);
        int status = predict(key);
        ck_assert_msg(status == cases[i].status, "%s: %d", cases[i].id, status);
    }
    (void)snprintf(key, sizeof key, "Bearer mrc_00000000000000a1_%s", secret);
    key[40] ^= 1;
    ck_assert_int_eq(predict(key), 401);
    key[40] ^= 1;
    /* a key does not widen its account */
    ck_assert_int_eq(fixture_call(&f, "GET", "/users/me", key, NULL, NULL), 200);
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "\"scopes\":[\"predict\"]"));
    f.now_ms += 1000;
    ck_assert_int_eq(predict(key), 401);
}
END_TEST

START_TEST(metadata)
{
    const char *parameters[] = {"REQUEST_METHOD=GET", "REQUEST_URI=/.well-known/oauth-authorization-server",
                                "HTTP_HOST=films.example:8443", "HTTPS=on", NULL};
    ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 200);
    ck_assert_str_eq(answered("issuer"), "https://films.example:8443");
    ck_assert_str_eq(answered("token_endpoint"), "https://films.example:8443/token");
    parameters[2] = "HTTP_HOST=a/b\"";
    ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 200);
    ck_assert_str_eq(answered("issuer"), "https://localhost");
    fixture_set(&f, "public_url", "https://api.example/");
    ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 200);
    ck_assert_str_eq(answered("revocation_endpoint"), "https://api.example/revoke");
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "[\"password\",\"client_credentials\",\"refresh_token\"]"));
}
END_TEST

START_TEST(weak_hashes_are_renewed)
{
    /* "correct horse" with one pass and 8 KiB, as an import might bring it */
    struct arena a;
    struct account account;
    struct mrc_err err = {0};
    arena_init(&a, 0);
    ck_assert(!password_outdated(STR("")));
    ck_assert_ok(store_account_by_name(f.store, STR("anna"), &a, &account, &err), &err);
    ck_assert(!password_outdated(account.password_hash));
    ck_assert(password_outdated(STR("$argon2id$v=19$m=8,t=1,p=1$bpLehe5L0dwpVhWrLP5Zxg$"
                                    "pfCcbPan2dlz2Q5M+eFM8EEN4HZm08l9eaPUl/QLMRk")));
    arena_release(&a);
}
END_TEST

/* ---- accounts -------------------------------------------------------------------------------------------------- */

static const char *token_of(const char *username, const char *password)
{
    char body[200];
    (void)snprintf(body, sizeof body, "username=%s&password=%s", username, password);
    int status = post("/token", NULL, body);
    return status == 200 ? answered("access_token") : "";
}

static int ask(const char *method, const char *path, const char *token, const char *body)
{
    return fixture_call(&f, method, path, bearer(token), json, body);
}

START_TEST(own_password)
{
    static const struct {
        const char *body;
        int status;
    } cases[] = {
        {"{\"current_password\":\"wrong\",\"new_password\":\"12345678\"}", 403},
        {"{\"current_password\":\"correct horse\",\"new_password\":\"1234567\"}", 422},
        {"{\"current_password\":\"correct horse\"}", 422},
        {"{\"new_password\":\"12345678\"}", 422},
        {"{\"current_password\":7,\"new_password\":\"12345678\"}", 422},
        {"[]", 422},
        {"{", 422},
        {"{\"current_password\":\"correct horse\",\"new_password\":\"12345678\"}", 200},
    };
    const char *bob = token_of("bob", "correct+horse"); /* without predict */
    ck_assert_int_eq(fixture_call(&f, "GET", "/users/me", bearer(bob), NULL, NULL), 200);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = ask("POST", "/users/me/password", bob, cases[i].body);
        ck_assert_msg(status == cases[i].status, "%s: %d %s", cases[i].body, status, fixture_body(&f));
        ck_assert_ptr_null(strstr(fixture_body(&f), "correct horse"));
        ck_assert_ptr_null(strstr(fixture_body(&f), "1234567"));
    }
    f.now_ms += 1000;
    ck_assert_str_eq(token_of("bob", "correct+horse"), "");
    ck_assert_str_ne(token_of("bob", "12345678"), "");
    ck_assert_int_eq(fixture_call(&f, "POST", "/users/me/password", bearer(bob), form, "a=b"), 415);
    char body[200];
    (void)snprintf(body, sizeof body, "grant_type=client_credentials&client_id=till&client_secret=%s", secret);
    ck_assert_int_eq(post("/token", NULL, body), 200); /* a client has no password */
    ck_assert_int_eq(ask("POST", "/users/me/password", answered("access_token"), cases[7].body), 403);
}
END_TEST

START_TEST(administration)
{
    static const struct {
        const char *method, *path, *body;
        int status;
        const char *contains;
    } cases[] = {
        {"GET", "/users", NULL, 200, "{\"users\":[{\"username\":\"anna\""},
        {"POST", "/users", "{\"username\":\"eve\",\"password\":\"12345678\",\"scopes\":[\"predict\"]}", 200,
         "{\"username\":\"eve\",\"scopes\":[\"predict\"],\"disabled\":false}"},
        {"POST", "/users", "{\"username\":\"eve\",\"password\":\"12345678\",\"scopes\":[]}", 409, "exists"},
        {"POST", "/users", "{\"username\":\"e v\",\"password\":\"1\",\"scopes\":[\"all\"],\"disabled\":1}", 422,
         "literal_error"},
        {"POST", "/users", "{}", 422, "missing"},
        {"PATCH", "/users/eve", "{\"scopes\":[\"predict\",\"monitor\"]}", 200, "[\"predict\",\"monitor\"]"},
        {"PATCH", "/users/eve", "{\"disabled\":true}", 200, "\"disabled\":true"},
        {"PATCH", "/users/eve", "{\"disabled\":false,\"password\":\"87654321\"}", 200, "\"disabled\":false"},
        {"PATCH", "/users/eve", "{}", 200, "eve"},
        {"PATCH", "/users/nobody", "{}", 404, "no such account"},
        {"PATCH", "/users/root", "{\"disabled\":true}", 409, "another one can"},
        {"PATCH", "/users/root", "{\"scopes\":[\"predict\"]}", 409, "another one can"},
    };
    struct arena a;
    struct audit *rows;
    size_t n;
    struct mrc_err err = {0};
    fixture_account(&f, "u-9", "root", 1U << SCOPE_ADMIN, false);
    const char *root = token_of("root", "correct+horse");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = ask(cases[i].method, cases[i].path, root, cases[i].body);
        ck_assert_msg(status == cases[i].status, "%zu: %d %s", i, status, fixture_body(&f));
        ck_assert_msg(strstr(fixture_body(&f), cases[i].contains) != NULL, "%zu: %s", i, fixture_body(&f));
    }
    ck_assert_str_ne(token_of("eve", "87654321"), "");
    ck_assert_int_eq(ask("GET", "/users", token_of("anna", "correct+horse"), NULL), 403);
    /* what was done is on record, what was refused is not */
    arena_init(&a, 0);
    ck_assert_ok(store_audit_list(f.store, STR(""), 100, &a, &rows, &n, &err), &err);
    ck_assert_uint_eq(n, 5);
    for (size_t i = 0; i < n; i++) {
        ck_assert(str_is(rows[i].actor, "root") && str_is(rows[i].subject, "eve") && rows[i].request_id.n > 0);
    }
    ck_assert_int_eq(store_audit_list(f.store, STR(""), 1001, &a, &rows, &n, &err), MRC_EINVAL);
    arena_release(&a);
}
END_TEST

/* ---- metrics --------------------------------------------------------------------------------------------------- */

static void counted(const char *sample)
{
    ck_assert_msg(strstr(fixture_body(&f), sample) != NULL, "%s is not in\n%s", sample, fixture_body(&f));
}

START_TEST(metrics)
{
    struct mrc_err err = {0};
    struct shared *shared, *other;
    const char *token = token_of("anna", "correct+horse");
    ck_assert_ok(shared_open(&shared, f.folder, &err), &err);
    ck_assert_ok(shared_open(&other, f.folder, &err), &err); /* another process */
    f.parts.shared = shared;
    fixture_reopen(&f);
    ck_assert_int_eq(predict(bearer(token)), 200);
    ck_assert_int_eq(predict(NULL), 401);
    ck_assert_int_eq(ask("POST", "/predict", token, "{\"title\":\"x\",\"b\\\"d\":1}"), 422);
    ck_assert_str_eq(token_of("anna", "wrong"), "");
    f.parts.shared = other;
    fixture_reopen(&f);
    ck_assert_int_eq(predict(bearer(token)), 200);
    ck_assert_int_eq(fixture_call(&f, "GET", "/nowhere/\"x", NULL, NULL, NULL), 404);
    ck_assert_int_eq(fixture_call(&f, "GET", "/metrics", NULL, NULL, NULL), 200);
    ck_assert_str_eq(f.res.content_type, "text/plain; version=0.0.4; charset=utf-8");
    counted("mercredi_http_requests_total{method=\"POST\",route=\"/predict\",code=\"200\"} 2\n");
    counted("mercredi_http_requests_total{method=\"POST\",route=\"/predict\",code=\"401\"} 1\n");
    counted("mercredi_http_requests_total{method=\"GET\",route=\"other\",code=\"404\"} 1\n");
    counted("mercredi_predictions_total{version=\"0001\"} 2\n");
    counted("mercredi_validation_errors_total{field=\"release_date\",type=\"missing\"} 1\n");
    counted("mercredi_auth_failures_total{reason=\"no credentials\"} 1\n");
    counted("mercredi_auth_failures_total{reason=\"wrong password\"} 1\n");
    counted("mercredi_http_request_duration_seconds_bucket{le=\"+Inf\"} 6\n");
    counted("mercredi_http_request_duration_seconds_count 6\n");
    counted("# TYPE mercredi_http_request_duration_seconds histogram\n");
    counted("mercredi_log_failures_total 0\n");
    counted("mercredi_model_info{name=\"first-week\",version=\"0001\",digest=\"");
    counted("mercredi_model_load_timestamp_seconds 1790000000\n");
    counted("mercredi_workers 2\n");
    counted("mercredi_http_requests_in_flight 1\n");
    counted("mercredi_prediction_batch_size_bucket{le=\"1\"} 2\n");
    counted("mercredi_prediction_batch_size_sum 2\n");
    counted("mercredi_prediction_value_bucket{le=\"30000\"} 0\n");
    counted("mercredi_prediction_value_bucket{le=\"100000\"} 2\n");
    counted("mercredi_prediction_value_bucket{le=\"+Inf\"} 2\n");
    counted("mercredi_prediction_value_sum 200000\n");
    counted("mercredi_prediction_value_count 2\n");
    ck_assert_int_eq(f.res.body.p[f.res.body.n - 1], '\n');
    fixture_set(&f, "metrics", "monitor");
    ck_assert_int_eq(fixture_call(&f, "GET", "/metrics", NULL, NULL, NULL), 401);
    ck_assert_int_eq(fixture_call(&f, "GET", "/metrics", bearer(token), NULL, NULL), 403);
    fixture_set(&f, "metrics", "off");
    ck_assert_int_eq(fixture_call(&f, "GET", "/metrics", bearer(token), NULL, NULL), 404);
    f.parts.shared = NULL;
    fixture_reopen(&f);
    shared_close(shared);
    shared_close(other);
}
END_TEST

/* ---- rates ----------------------------------------------------------------------------------------------------- */

START_TEST(requests_are_limited)
{
    static const char batch[] = "{\"films\":[{\"title\":\"a\",\"release_date\":\"2026-03-11\"},"
                                "{\"title\":\"b\",\"release_date\":\"2026-03-11\"},"
                                "{\"title\":\"c\",\"release_date\":\"2026-03-11\"}]}";
    struct mrc_err err = {0};
    struct shared *shared;
    char anna[2100], dora[2100];
    (void)snprintf(anna, sizeof anna, "Bearer %s", token_of("anna", "correct+horse"));
    (void)snprintf(dora, sizeof dora, "Bearer %s", token_of("dora", "correct+horse"));
    ck_assert_ok(shared_open(&shared, f.folder, &err), &err);
    f.parts.shared = shared;
    fixture_set(&f, "rate_per_minute", "6");
    fixture_reopen(&f);
    ck_assert_int_eq(predict(anna), 200);
    ck_assert_str_eq(fixture_header(&f, "RateLimit-Policy"), "\"default\";q=6;w=60");
    ck_assert_str_eq(fixture_header(&f, "RateLimit"), "\"default\";r=5;t=10");
    ck_assert_int_eq(fixture_call(&f, "POST", "/predict", anna, json, batch), 200); /* as three */
    ck_assert_str_eq(fixture_header(&f, "RateLimit"), "\"default\";r=2;t=40");
    ck_assert_int_eq(fixture_call(&f, "POST", "/predict", anna, json, batch), 429); /* charged as one */
    ck_assert_str_eq(fixture_header(&f, "Retry-After"), "10");
    ck_assert_str_eq(fixture_body(&f), "{\"detail\":\"Too Many Requests\"}");
    ck_assert_int_eq(predict(anna), 200);
    ck_assert_int_eq(predict(anna), 429);
    ck_assert_str_eq(fixture_header(&f, "RateLimit"), "\"default\";r=0;t=60");
    ck_assert_int_eq(predict(dora), 200); /* another caller */
    ck_assert_int_eq(fixture_call(&f, "GET", "/livez", NULL, NULL, NULL), 200);
    ck_assert_ptr_null(fixture_header(&f, "RateLimit"));
    f.now_ms += 9999;
    ck_assert_int_eq(predict(anna), 429);
    f.now_ms += 1;
    ck_assert_int_eq(predict(anna), 200);
    /* a batch larger than the quota passes when all of it is there, and takes all of it */
    fixture_set(&f, "rate_per_minute", "2");
    f.now_ms += 60000;
    ck_assert_int_eq(fixture_call(&f, "POST", "/predict", anna, json, batch), 200);
    ck_assert_int_eq(predict(anna), 429);
    ck_assert_str_eq(fixture_header(&f, "Retry-After"), "30");
    ck_assert_int_eq(shared_charge(NULL, 77, f.now_ms, 2, 1).wait_ms, 0);
    ck_assert_int_eq(fixture_call(&f, "GET", "/metrics", NULL, NULL, NULL), 200);
    counted("mercredi_rate_limited_total 4\n");
    fixture_set(&f, "rate_per_minute", "0");
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(predict(anna), 200);
    }
    f.parts.shared = NULL;
    fixture_reopen(&f);
    shared_close(shared);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("accounts");
    TCase *tc = tcase_create("accounts");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, client_grant);
    tcase_add_test(tc, client_token);
    tcase_add_test(tc, refresh_rotates);
    tcase_add_test(tc, reuse_ends_the_family);
    tcase_add_test(tc, refresh_ends);
    tcase_add_test(tc, revocation);
    tcase_add_test(tc, api_keys);
    tcase_add_test(tc, metadata);
    tcase_add_test(tc, weak_hashes_are_renewed);
    tcase_add_test(tc, own_password);
    tcase_add_test(tc, administration);
    tcase_add_test(tc, metrics);
    tcase_add_test(tc, requests_are_limited);
    suite_add_tcase(suite, tc);
    return check_main(suite);
}
