/* Tokens of an outside issuer: signed here by libjwt with keys that openssl makes for the run, so that the signature is
 * right and only the trick is wrong. */
#include "tests/unit/app_answer.h"

#include <jwt.h>
#include <sodium.h>
#include <sys/stat.h>

static struct fixture f;
static char *rsa, *ec, *rsa_public;

static char *text_of_file(const char *name)
{
    char *text = NULL;
    size_t n = 0;
    struct mrc_err err = {0};
    ck_assert_ok(file_read(fixture_path(&f, name), 1 << 16, &text, &n, &err), &err);
    return text;
}

static void run(const char *command)
{
    char text[600];
    (void)snprintf(text, sizeof text, "cd %s && %s", f.folder, command);
    ck_assert_msg(system(text) == 0, "%s", text);
}

static void make_keys(void)
{
    run("mkdir -m 700 keys other");
    run("openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key 2>/dev/null || "
        "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key 2>/dev/null");
    run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.key 2>/dev/null");
    run("openssl pkey -in rsa.key -pubout -out keys/rsa-1.pem && openssl pkey -in ec.key -pubout -out keys/ec-1.pem");
    run("echo not a key >keys/readme.txt");
    rsa = text_of_file("rsa.key");
    ec = text_of_file("ec.key");
    rsa_public = text_of_file("keys/rsa-1.pem");
}

static void setup(void)
{
    fixture_open(&f, false);
    make_keys();
    fixture_set(&f, "trusted_issuer", "https://id.example/realms/films");
    fixture_set(&f, "trusted_audience", "mercredi-api");
    fixture_set(&f, "trusted_keys_dir", fixture_path(&f, "keys"));
    fixture_set(&f, "trusted_scopes", "films.predict=predict  urn:x=y=outcome boss=admin");
    fixture_reopen(&f);
}

static void teardown(void)
{
    free(rsa);
    free(ec);
    free(rsa_public);
    fixture_close(&f);
}

#define CLAIMS                                                                                                         \
    "\"iss\":\"https://id.example/realms/films\",\"aud\":[\"account\",\"mercredi-api\"],\"sub\":\"marie\","            \
    "\"iat\":1790000000,\"exp\":1790000300"
static const char good[] = "{" CLAIMS ",\"scope\":\"openid films.predict\"}";

struct made {
    const char *kid, *header, *value; /* header: one more, with its text */
    jwt_alg_t alg;
    const char *claims;
};

/* "Bearer …" */
static const char *make(const struct made *m)
{
    static char bearer[4400];
    jwt_t *jwt = NULL;
    const char *key = m->alg == JWT_ALG_ES256 || m->alg == JWT_ALG_ES384 ? ec : rsa;
    ck_assert_int_eq(jwt_new(&jwt), 0);
    ck_assert_int_eq(jwt_add_grants_json(jwt, m->claims), 0);
    if (m->kid != NULL) {
        ck_assert_int_eq(jwt_add_header(jwt, "kid", m->kid), 0);
    }
    if (m->header != NULL) {
        ck_assert_int_eq(jwt_add_header(jwt, m->header, m->value), 0);
    }
    ck_assert_int_eq(jwt_set_alg(jwt, m->alg, (const unsigned char *)key, (int)strlen(key)), 0);
    char *text = jwt_encode_str(jwt);
    ck_assert_ptr_nonnull(text);
    (void)snprintf(bearer, sizeof bearer, "Bearer %s", text);
    free(text);
    jwt_free(jwt);
    return bearer;
}

static int me(const char *bearer)
{
    return fixture_call(&f, "GET", "/users/me", bearer, NULL, NULL);
}

static const char film[] = "{\"title\":\"x\",\"release_date\":\"2026-03-11\"}";

START_TEST(taken)
{
    static const struct made cases[] = {{"rsa-1", NULL, NULL, JWT_ALG_RS256, good},
                                        {"ec-1", NULL, NULL, JWT_ALG_ES256, good},
                                        /* never looked at */
                                        {"ec-1", "jku", "https://evil.example/keys", JWT_ALG_ES256, good}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char token[4400];
        (void)snprintf(token, sizeof token, "%s", make(&cases[i]));
        ck_assert_int_eq(me(token), 200);
        ck_assert_str_eq(fixture_body(&f), "{\"username\":\"ext:marie\",\"scopes\":[\"predict\"],\"disabled\":false}");
        ck_assert_int_eq(fixture_call(&f, "POST", "/predict", token, "application/json", film), 200);
        ck_assert_int_eq(fixture_call(&f, "GET", "/users", token, NULL, NULL), 403);
        /* no password here to change */
        ck_assert_int_eq(fixture_call(&f, "POST", "/users/me/password", token, "application/json",
                                      "{\"current_password\":\"correct horse\",\"new_password\":\"another one\"}"),
                         403);
    }
    /* what one predicted is one's own, and not an account's of this name */
    struct mrc_err err = {0};
    struct arena a;
    struct prediction *rows;
    size_t n;
    arena_init(&a, 0);
    fixture_call(&f, "GET", "/predictions", make(&cases[0]), NULL, NULL);
    struct json_doc *doc = document_of(&f);
    ck_assert_uint_eq(json_count(json_find(json_root(doc), "items")), 3);
    json_free(doc);
    ck_assert_ok(store_predictions_list(f.log_store, STR("marie"), STR(""), 10, &a, &rows, &n, &err), &err);
    ck_assert_uint_eq(n, 0);
    arena_release(&a);
}
END_TEST

START_TEST(scopes_are_translated)
{
    static const struct {
        const char *claims, *scopes;
    } cases[] = {
        {"{" CLAIMS ",\"scp\":[\"films.predict\",\"boss\"]}", "[\"predict\",\"admin\"]"},
        {"{" CLAIMS ",\"scp\":\"urn:x=y\"}", "[\"outcome\"]"},
        {"{" CLAIMS ",\"scope\":\"predict admin\"}", "[]"}, /* our names mean nothing there */
        {"{" CLAIMS "}", "[]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct made m = {"rsa-1", NULL, NULL, JWT_ALG_RS256, cases[i].claims};
        ck_assert_int_eq(me(make(&m)), 200);
        ck_assert_msg(strstr(fixture_body(&f), cases[i].scopes) != NULL, "%s: %s", cases[i].claims, fixture_body(&f));
    }
}
END_TEST

START_TEST(refused)
{
    static const struct made cases[] = {
        {NULL, NULL, NULL, JWT_ALG_RS256, good},
        {"rsa-2", NULL, NULL, JWT_ALG_RS256, good},
        {"../keys/rsa-1", NULL, NULL, JWT_ALG_RS256, good},
        {"rsa-1.pem", NULL, NULL, JWT_ALG_RS256, good},
        {"rsa-1", "crit", "exp", JWT_ALG_RS256, good},
        {"ec-1", NULL, NULL, JWT_ALG_RS256, good}, /* the key of the other kind */
        {"rsa-1", NULL, NULL, JWT_ALG_ES256, good},
        {"rsa-1", NULL, NULL, JWT_ALG_RS384, good},
        {"rsa-1", NULL, NULL, JWT_ALG_RS512, good},
        {"rsa-1", NULL, NULL, JWT_ALG_RS256, "{}"},
        {"rsa-1", NULL, NULL, JWT_ALG_RS256,
         "{\"iss\":\"https://other.example\",\"aud\":\"mercredi-api\",\"sub\":\"m\",\"iat\":1790000000,\"exp\":"
         "1790000300}"},
        {"rsa-1", NULL, NULL, JWT_ALG_RS256,
         "{\"iss\":\"mercredi\",\"aud\":\"mercredi\",\"sub\":\"u-1\",\"jti\":\"x\",\"token_use\":\"access\",\"iat\":"
         "1790000000,\"exp\":1790000300}"}, /* ours, signed by them */
        {"rsa-1", NULL, NULL, JWT_ALG_RS256,
         "{\"iss\":\"https://id.example/realms/films\",\"aud\":\"other\",\"sub\":\"m\",\"iat\":1790000000,\"exp\":"
         "1790000300}"},
        {"rsa-1", NULL, NULL, JWT_ALG_RS256, "{" CLAIMS ",\"nonce\":\"n\"}"},
        {"rsa-1", NULL, NULL, JWT_ALG_RS256, "{" CLAIMS ",\"at_hash\":\"n\"}"},
        {"rsa-1", NULL, NULL, JWT_ALG_RS256, "{" CLAIMS ",\"typ\":\"Refresh\"}"},
        {"rsa-1", NULL, NULL, JWT_ALG_RS256, "{" CLAIMS ",\"token_use\":\"id\"}"},
        {"rsa-1", NULL, NULL, JWT_ALG_RS256, "{" CLAIMS ",\"scope\":{\"a\":1}}"},
        {"rsa-1", NULL, NULL, JWT_ALG_RS256, "{" CLAIMS ",\"scp\":[1]}"},
        {"rsa-1", NULL, NULL, JWT_ALG_RS256, "{" CLAIMS ",\"nbf\":1790000061}"},
        {"rsa-1", NULL, NULL, JWT_ALG_RS256,
         "{\"iss\":\"https://id.example/realms/"
         "films\",\"aud\":\"mercredi-api\",\"sub\":\"\",\"iat\":1790000000,\"exp\":"
         "1790000300}"},
        {"rsa-1", NULL, NULL, JWT_ALG_RS256,
         "{\"iss\":\"https://id.example/realms/"
         "films\",\"aud\":\"mercredi-api\",\"sub\":\"m\",\"iat\":1789990000,\"exp\":"
         "1790000000}"},
        {"rsa-1", NULL, NULL, JWT_ALG_RS256,
         "{\"iss\":\"https://id.example/realms/"
         "films\",\"aud\":\"mercredi-api\",\"sub\":\"m\",\"iat\":1789990000,\"exp\":"
         "1790100000}"}, /* longer than a day */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = me(make(&cases[i]));
        ck_assert_msg(status == 401, "case %zu: %d %s", i, status, fixture_body(&f));
        ck_assert_str_eq(fixture_body(&f), "{\"detail\":\"Could not validate credentials\"}");
    }
}
END_TEST

static void put_base64(struct buf *b, const void *bytes, size_t n)
{
    char text[4096];
    sodium_bin2base64(text, sizeof text, bytes, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    buf_puts(b, text);
}

/* The public key as an HMAC secret, and no signature at all: RFC 8725 §2.1. */
START_TEST(confusion)
{
    static const char *const headers[] = {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"rsa-1\"}",
                                          "{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"rsa-1\"}",
                                          "{\"alg\":\"rs256\",\"typ\":\"JWT\",\"kid\":\"rsa-1\"}",
                                          "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"rsa-1\"}",
                                          "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"ec-1\"}",
                                          "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"kid\":\"rsa-1\"}"};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct buf b;
        unsigned char mac[crypto_auth_hmacsha256_BYTES];
        crypto_auth_hmacsha256_state state;
        buf_init(&b, NULL, 8192);
        put_base64(&b, headers[i], strlen(headers[i]));
        buf_char(&b, '.');
        put_base64(&b, good, sizeof good - 1);
        crypto_auth_hmacsha256_init(&state, (const unsigned char *)rsa_public, strlen(rsa_public));
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)b.p, b.n);
        crypto_auth_hmacsha256_final(&state, mac);
        buf_char(&b, '.');
        put_base64(&b, mac, sizeof mac);
        char bearer[4400];
        (void)snprintf(bearer, sizeof bearer, "Bearer %s", b.p);
        ck_assert_msg(me(bearer) == 401, "%s", headers[i]);
        buf_release(&b);
    }
    /* one bit of a good one */
    const struct made m = {"ec-1", NULL, NULL, JWT_ALG_ES256, good};
    char token[4400];
    (void)snprintf(token, sizeof token, "%s", make(&m));
    char *last = token + strlen(token) - 3;
    *last = *last == 'A' ? 'B' : 'A';
    ck_assert_int_eq(me(token), 401);
}
END_TEST

START_TEST(revoked_before_their_time)
{
    const struct made m = {"ec-1", NULL, NULL, JWT_ALG_ES256, good};
    char token[4400], body[4500];
    (void)snprintf(token, sizeof token, "%s", make(&m));
    ck_assert_int_eq(me(token), 200);
    (void)snprintf(body, sizeof body, "token=%s", token + 7);
    ck_assert_int_eq(fixture_call(&f, "POST", "/revoke", NULL, "application/x-www-form-urlencoded", body), 200);
    ck_assert_int_eq(me(token), 401);
}
END_TEST

START_TEST(off_by_default)
{
    const struct made m = {"rsa-1", NULL, NULL, JWT_ALG_RS256, good};
    fixture_set(&f, "trusted_issuer", "");
    fixture_reopen(&f);
    ck_assert_int_eq(me(make(&m)), 401);
}
END_TEST

START_TEST(bad_settings)
{
    static const struct {
        const char *prepare, *setting, *value, *message;
        int status;
    } cases[] = {
        {"true", "trusted_scopes", "predict", "theirs=ours", MRC_EFORMAT},
        {"true", "trusted_scopes", "a=predict b=everything", "everything", MRC_EFORMAT},
        {"true", "trusted_scopes", "=predict", "theirs=ours", MRC_EFORMAT},
        {"rm keys/*.pem", "trusted_scopes", "a=predict", "no <kid>.pem", MRC_EFORMAT},
        {"cp rsa.key keys/secret.pem", "trusted_scopes", "a=predict", "secret.pem: a PEM public key", MRC_EFORMAT},
        {"rm keys/secret.pem; : >keys/empty.pem", "trusted_scopes", "a=predict", "empty.pem: a PEM public key",
         MRC_EFORMAT},
        {"rm keys/empty.pem; openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 2>/dev/null | openssl pkey "
         "-pubout -out keys/weak.pem",
         "trusted_scopes", "a=predict", "weak.pem", MRC_EFORMAT},
        {"rm keys/weak.pem; openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 2>/dev/null | openssl pkey "
         "-pubout -out keys/p384.pem",
         "trusted_scopes", "a=predict", "p384.pem", MRC_EFORMAT},
        {"rm keys/p384.pem; openssl pkey -in ec.key -pubout -out keys/ec-1.pem; chmod 666 keys/ec-1.pem",
         "trusted_scopes", "a=predict", "mode 0666", MRC_EDENIED},
        {"chmod 644 keys/ec-1.pem; chmod 777 keys", "trusted_scopes", "a=predict", "mode 0777", MRC_EDENIED},
        {"true", "trusted_keys_dir", "/nonexistent", "nonexistent", MRC_EIO},
    };
    app_close(f.app);
    f.app = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mrc_err err = {0};
        run(cases[i].prepare);
        fixture_set(&f, cases[i].setting, cases[i].value);
        int rc = app_open(&f.app, &f.parts, &err);
        ck_assert_msg(rc == cases[i].status && strstr(err.msg, cases[i].message) != NULL, "case %zu: %d %s", i, rc,
                      err.msg);
        fixture_set(&f, "trusted_scopes", "a=predict");
    }
    run("chmod 700 keys");
    fixture_set(&f, "trusted_keys_dir", fixture_path(&f, "keys"));
    fixture_reopen(&f);
}
END_TEST

int main(void)
{
    if (system("openssl version >/dev/null 2>&1") != 0) {
        puts("SKIP: issuer: no openssl to make keys with");
        return 0;
    }
    Suite *suite = suite_create("issuer");
    TCase *tc = tcase_create("issuer");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, taken);
    tcase_add_test(tc, scopes_are_translated);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, confusion);
    tcase_add_test(tc, revoked_before_their_time);
    tcase_add_test(tc, off_by_default);
    tcase_add_test(tc, bad_settings);
    suite_add_tcase(suite, tc);
    return check_main(suite);
}
