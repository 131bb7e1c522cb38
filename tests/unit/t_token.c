/* Tokens: what is made is accepted, and every trick of RFC 8725 is not. Tokens are forged here with libsodium, so that
 * the signature is right and only the trick is wrong. */
#include "fcgi/token.h"

#include "common/base/digest.h"
#include "common/base/file.h"
#include "tests/unit/check_main.h"

#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

static const char key_a[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static const char key_b[] = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
enum { NOW = 1790000000 };

static struct arena arena;
static char folder[] = "/tmp/mrc-token-XXXXXX";
static char key_file[64];
static const struct token_rules rules = {
    .issuer = {"mercredi", 8}, .audience = {"mercredi", 8}, .lifetime_s = 1800, .size_max = 4096};

static void setup(void)
{
    struct mrc_err err = {0};
    ck_assert_ok(digest_start(&err), &err);
    arena_init(&arena, 8 << 20);
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(key_file, sizeof key_file, "%s/token.key", folder);
}

static void teardown(void)
{
    arena_release(&arena);
    ck_assert_int_eq(folder_remove(folder, NULL), MRC_OK);
}

static struct tokens *open_keys(const char *text)
{
    struct tokens *t;
    struct mrc_err err = {0};
    if (text != NULL) {
        ck_assert_ok(file_replace(key_file, str_of(text), 0600, &err), &err);
    }
    ck_assert_ok(tokens_open(&t, key_file, &rules, &err), &err);
    return t;
}

/* The id token.c gives a key; checked against a made token in `round_trip`. */
static const char *kid_of(const char *key)
{
    static char id[13];
    char text[256], hex[SHA256_HEX];
    int n = snprintf(text, sizeof text, "mercredi token key id\n%s", key);
    sha256_hex((struct str){text, (size_t)n}, hex);
    memcpy(id, hex, 12);
    return id;
}

static struct str encode(const void *p, size_t n)
{
    size_t cap = sodium_base64_encoded_len(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *out = arena_alloc(&arena, cap, 1);
    sodium_bin2base64(out, cap, p, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return str_of(out);
}

/* header.claims.signature, signed with key by HMAC-SHA-256. */
static struct str forge(const char *header, const char *claims, const char *key)
{
    struct buf b;
    unsigned char mac[32];
    crypto_auth_hmacsha256_state state;
    buf_init(&b, &arena, 1 << 20);
    buf_str(&b, encode(header, strlen(header)));
    buf_char(&b, '.');
    buf_str(&b, encode(claims, strlen(claims)));
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key, strlen(key));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)b.p, b.n);
    crypto_auth_hmacsha256_final(&state, mac);
    buf_char(&b, '.');
    buf_str(&b, encode(mac, sizeof mac));
    return buf_text(&b);
}

/* "%s" in the pattern becomes the kid of key_a. */
static const char *header_of(const char *pattern)
{
    struct buf b;
    buf_init(&b, &arena, 4096);
    for (const char *p = pattern; *p != '\0'; p++) {
        if (p[0] == '%' && p[1] == 's') {
            buf_puts(&b, kid_of(key_a));
            p++;
        } else {
            buf_char(&b, *p);
        }
    }
    return b.n == 0 ? "" : b.p;
}

static const char good_header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}";
static const char good_claims[] =
    "{\"token_use\":\"access\",\"iss\":\"mercredi\",\"aud\":\"mercredi\",\"sub\":\"u1\",\"jti\":\"j1\","
    "\"scope\":\"predict\",\"iat\":1790000000,\"nbf\":1790000000,\"exp\":1790000600}";

static int check(struct tokens *t, struct str token, struct token_claims *out, struct mrc_err *err)
{
    return token_check(t, token, NOW, &arena, out, err);
}

START_TEST(round_trip)
{
    struct tokens *t = open_keys(key_a);
    struct token_claims claims;
    struct mrc_err err = {0};
    struct str token;
    ck_assert_ok(token_make(t, STR("user-1"), STR("predict outcome"), NOW, &arena, &token, &err), &err);
    ck_assert_ok(check(t, token, &claims, &err), &err);
    ck_assert_text(claims.subject, "user-1");
    ck_assert_text(claims.scope, "predict outcome");
    ck_assert(uuid_valid(claims.id));
    ck_assert_int_eq(claims.issued_s, NOW);
    ck_assert_int_eq(claims.expires_s, NOW + 1800);
    ck_assert_ok(token_check(t, token, NOW + 1799, &arena, &claims, &err), &err);
    ck_assert_fails(token_check(t, token, NOW + 1800, &arena, &claims, &err), &err, MRC_EDENIED, "expired");
    ck_assert_ok(token_check(t, token, NOW - 60, &arena, &claims, &err), &err);
    ck_assert_fails(token_check(t, token, NOW - 61, &arena, &claims, &err), &err, MRC_EDENIED, "future");
    /* and the forger makes tokens that pass: otherwise the cases below would prove nothing */
    ck_assert_ok(check(t, forge(header_of(good_header), good_claims, key_a), &claims, &err), &err);
    ck_assert_text(claims.subject, "u1");
    tokens_close(t);
}
END_TEST

START_TEST(every_bit_of_a_token_counts)
{
    struct tokens *t = open_keys(key_a);
    struct token_claims claims;
    struct mrc_err err = {0};
    struct str token = forge(header_of(good_header), good_claims, key_a);
    for (size_t i = 0; i < token.n; i++) {
        char *copy = arena_copy(&arena, token.p, token.n);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        ck_assert_int_eq(check(t, (struct str){copy, token.n}, &claims, &err), MRC_EDENIED);
        struct arena_mark m = arena_mark(&arena);
        arena_rewind(&arena, m);
        ck_assert_int_eq(check(t, (struct str){token.p, i}, &claims, &err), MRC_EDENIED);
    }
    tokens_close(t);
}
END_TEST

START_TEST(headers)
{
    static const struct {
        const char *header, *reason; /* reason NULL: accepted */
    } cases[] = {
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"jku\":\"http://evil\",\"jwk\":{\"k\":\"\"}}", NULL},
        {"{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "alg"},
        {"{\"alg\":\"NONE\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "alg"},
        {"{\"alg\":\"nOnE\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "alg"},
        {"{\"alg\":\"hs256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "alg"},
        {"{\"alg\":\"HS384\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "alg"},
        {"{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "alg"},
        {"{\"alg\":\"\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "alg"},
        {"{\"alg\":256,\"typ\":\"JWT\",\"kid\":\"%s\"}", "alg"},
        {"{\"alg\":null,\"typ\":\"JWT\",\"kid\":\"%s\"}", "alg"},
        {"{\"alg\":[\"HS256\"],\"typ\":\"JWT\",\"kid\":\"%s\"}", "alg"},
        {"{\"typ\":\"JWT\",\"kid\":\"%s\"}", "alg"},
        {"{\"alg\":\"HS256\",\"kid\":\"%s\"}", "typ"},
        {"{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", "typ"},
        {"{\"alg\":\"HS256\",\"typ\":\"jwt\",\"kid\":\"%s\"}", "typ"},
        {"{\"alg\":\"HS256\",\"typ\":\"refresh\",\"kid\":\"%s\"}", "typ"},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"crit\":[\"exp\"]}", "crit"},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "kid"},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"\"}", "kid"},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":0}", "kid"},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"../../../../dev/null\"}", "kid"},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"x' UNION SELECT 'k\"}", "kid"},
        {"{\"alg\":\"HS256\",\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "not a JWT"},
        {"{\"alg\":\"none\",\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "not a JWT"},
        {"[]", "not a JWT"},
        {"null", "not a JWT"},
        {"{", "not a JWT"},
        {"", "not a JWT"},
    };
    struct tokens *t = open_keys(key_a);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct token_claims claims;
        struct mrc_err err = {0};
        int rc = check(t, forge(header_of(cases[i].header), good_claims, key_a), &claims, &err);
        ck_assert_msg(rc == (cases[i].reason == NULL ? MRC_OK : MRC_EDENIED), "%s: %d %s", cases[i].header, rc,
                      err.msg);
        ck_assert_msg(cases[i].reason == NULL || strstr(err.msg, cases[i].reason) != NULL, "%s: %s", cases[i].header,
                      err.msg);
    }
    tokens_close(t);
}
END_TEST

/* Claims of a good token with one replaced. */
#define CLAIMS(iss, aud, sub, jti, rest) "{\"token_use\":\"access\"," iss aud sub jti rest "}"
#define ISS                              "\"iss\":\"mercredi\","
#define AUD                              "\"aud\":\"mercredi\","
#define SUB                              "\"sub\":\"u1\","
#define JTI                              "\"jti\":\"j1\","
#define TIMES                            "\"iat\":1790000000,\"exp\":1790000600"

START_TEST(claim_rules)
{
    static const struct {
        const char *claims, *reason;
    } cases[] = {
        {CLAIMS(ISS, AUD, SUB, JTI, TIMES), NULL},
        {CLAIMS(ISS, "\"aud\":[\"other\",\"mercredi\"],", SUB, JTI, TIMES), NULL},
        {CLAIMS(ISS, AUD, SUB, JTI, "\"iat\":1790000000.5,\"exp\":1790000000.9"), NULL},
        {CLAIMS(ISS, AUD, SUB, JTI, "\"iat\":1790000060,\"nbf\":1790000060,\"exp\":1790000600"), NULL},
        {CLAIMS("", AUD, SUB, JTI, TIMES), "iss"},
        {CLAIMS("\"iss\":\"Mercredi\",", AUD, SUB, JTI, TIMES), "iss"},
        {CLAIMS("\"iss\":[\"mercredi\"],", AUD, SUB, JTI, TIMES), "iss"},
        {CLAIMS(ISS, "", SUB, JTI, TIMES), "aud"},
        {CLAIMS(ISS, "\"aud\":\"mlflow\",", SUB, JTI, TIMES), "aud"},
        {CLAIMS(ISS, "\"aud\":[],", SUB, JTI, TIMES), "aud"},
        {CLAIMS(ISS, "\"aud\":{\"mercredi\":1},", SUB, JTI, TIMES), "aud"},
        {CLAIMS(ISS, AUD, "", JTI, TIMES), "sub"},
        {CLAIMS(ISS, AUD, "\"sub\":\"\",", JTI, TIMES), "sub"},
        {CLAIMS(ISS, AUD, "\"sub\":1,", JTI, TIMES), "sub"},
        {CLAIMS(ISS, AUD, "\"sub\":\"0123456789012345678901234567890123456789012345678901234567890123X\",", JTI, TIMES),
         "sub"},
        {CLAIMS(ISS, AUD, SUB, "", TIMES), "jti"},
        {CLAIMS(ISS, AUD, SUB, "\"jti\":\"\",", TIMES), "jti"},
        {CLAIMS(ISS, AUD, SUB, JTI, "\"iat\":1790000000"), "exp"},
        {CLAIMS(ISS, AUD, SUB, JTI, "\"iat\":1790000000,\"exp\":\"1790000600\""), "exp"},
        {CLAIMS(ISS, AUD, SUB, JTI, "\"iat\":1790000000,\"exp\":1e300"), "exp"},
        {CLAIMS(ISS, AUD, SUB, JTI, "\"iat\":1790000000,\"exp\":-1"), "exp"},
        {CLAIMS(ISS, AUD, SUB, JTI, "\"iat\":1790000000,\"exp\":1790000000"), "expired"},
        {CLAIMS(ISS, AUD, SUB, JTI, "\"exp\":1790000600"), "iat"},
        {CLAIMS(ISS, AUD, SUB, JTI, "\"iat\":1790000061,\"exp\":1790000600"), "iat"},
        {CLAIMS(ISS, AUD, SUB, JTI, TIMES ",\"nbf\":1790000061"), "nbf"},
        {CLAIMS(ISS, AUD, SUB, JTI, TIMES ",\"nbf\":\"now\""), "nbf"},
        {CLAIMS(ISS, AUD, SUB, JTI, TIMES ",\"scope\":[\"admin\"]"), "scope"},
        {CLAIMS(ISS, AUD, SUB, JTI, TIMES ",\"exp\":1790099999"), "claims"},
        {CLAIMS(ISS, AUD, SUB, JTI, TIMES ",\"sub\":\"admin\""), "claims"},
        {"{" ISS AUD SUB JTI TIMES "}", "token_use"},
        {"{\"token_use\":\"refresh\"," ISS AUD SUB JTI TIMES "}", "token_use"},
        {"[]", "claims"},
        {"\"text\"", ""},
    };
    struct tokens *t = open_keys(key_a);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct token_claims claims;
        struct mrc_err err = {0};
        int rc = check(t, forge(header_of(good_header), cases[i].claims, key_a), &claims, &err);
        ck_assert_msg(rc == (cases[i].reason == NULL ? MRC_OK : MRC_EDENIED), "%s: %d %s", cases[i].claims, rc,
                      err.msg);
        ck_assert_msg(cases[i].reason == NULL || strstr(err.msg, cases[i].reason) != NULL, "%s: %s", cases[i].claims,
                      err.msg);
    }
    tokens_close(t);
}
END_TEST

START_TEST(shapes)
{
    static const char *const refused[] = {"",       ".",      "..",    "...",     "a.b.c",  "a.b",      "a.b.c.d",
                                          "!!.b.c", "a.b.c ", "é.b.c", "{}.{}.x", "Bearer", "eyJ.e30.", "e30.e30.e30"};
    struct tokens *t = open_keys(key_a);
    struct token_claims claims;
    struct mrc_err err = {0};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        ck_assert_int_eq(check(t, str_of(refused[i]), &claims, &err), MRC_EDENIED);
    }
    struct str good = forge(header_of(good_header), good_claims, key_a);
    struct buf b;
    buf_init(&b, &arena, 8192);
    buf_str(&b, good);
    buf_char(&b, '='); /* padding */
    ck_assert_int_eq(check(t, buf_text(&b), &claims, &err), MRC_EDENIED);
    /* the signature cut off, as "alg none" tokens have it */
    size_t n = good.n;
    while (good.p[n - 1] != '.') {
        n--;
    }
    ck_assert_int_eq(check(t, (struct str){good.p, n}, &claims, &err), MRC_EDENIED);
    char *huge = arena_alloc(&arena, 5000, 1);
    memset(huge, 'a', 5000);
    ck_assert_fails(check(t, (struct str){huge, 4097}, &claims, &err), &err, MRC_EDENIED, "4096");
    tokens_close(t);
}
END_TEST

START_TEST(keys_rotate)
{
    char both[160];
    struct token_claims claims;
    struct mrc_err err = {0};
    struct str token;
    struct tokens *old = open_keys(key_a);
    ck_assert_ok(token_make(old, STR("u1"), STR(""), NOW, &arena, &token, &err), &err);
    (void)snprintf(both, sizeof both, "# new\n%s\n\n%s\n", key_b, key_a);
    struct tokens *t = open_keys(both);
    ck_assert_ok(check(t, token, &claims, &err), &err);
    ck_assert_ok(token_make(t, STR("u1"), STR(""), NOW, &arena, &token, &err), &err);
    ck_assert_fails(check(old, token, &claims, &err), &err, MRC_EDENIED, "kid");
    tokens_close(t);
    t = open_keys(key_b);
    ck_assert_ok(check(t, token, &claims, &err), &err);
    /* the right kid, the wrong key */
    ck_assert_fails(check(old, forge(header_of(good_header), good_claims, key_b), &claims, &err), &err, MRC_EDENIED,
                    "signature");
    tokens_close(t);
    tokens_close(old);
}
END_TEST

START_TEST(key_files)
{
    static const struct {
        const char *text;
        int status;
        const char *message;
    } cases[] = {
        {"", MRC_EFORMAT, "no key"},
        {"# only a comment\n\n", MRC_EFORMAT, "no key"},
        {"0123456789abcdef0123456789abcde\n", MRC_EFORMAT, "31 characters"},
        {"a passphrase of thirty-two bytes!\n", MRC_EFORMAT, "without blanks"},
        {"0123456789abcdef0123456789abcdef\n0123456789abcdef0123456789abcdef\n", MRC_EFORMAT, "twice"},
        {"0123456789abcdef0123456789abcde1\n0123456789abcdef0123456789abcde2\n0123456789abcdef0123456789abcde3\n"
         "0123456789abcdef0123456789abcde4\n0123456789abcdef0123456789abcde5\n",
         MRC_EFORMAT, "more than 4"},
    };
    struct tokens *t;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mrc_err err = {0};
        ck_assert_ok(file_replace(key_file, str_of(cases[i].text), 0600, &err), &err);
        ck_assert_fails(tokens_open(&t, key_file, &rules, &err), &err, cases[i].status, cases[i].message);
        ck_assert_msg(strstr(err.msg, key_file) != NULL, "%s", err.msg);
    }
}
END_TEST

START_TEST(key_file_modes)
{
    static const struct {
        mode_t mode;
        bool fine;
    } cases[] = {{0600, true}, {0400, true}, {0440, true}, {0640, true}, {0660, false}, {0644, false}, {0604, false}};
    struct tokens *t = NULL;
    tokens_close(open_keys(key_a));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mrc_err err = {0};
        ck_assert_int_eq(chmod(key_file, cases[i].mode), 0);
        int rc = tokens_open(&t, key_file, &rules, &err);
        ck_assert_msg(rc == (cases[i].fine ? MRC_OK : MRC_EDENIED), "%o: %d %s", (unsigned)cases[i].mode, rc, err.msg);
        tokens_close(rc == MRC_OK ? t : NULL);
    }
}
END_TEST

START_TEST(key_file_is_made_once)
{
    struct tokens *one = open_keys(NULL), *two = open_keys(NULL);
    struct token_claims claims;
    struct mrc_err err = {0};
    struct stat st;
    struct str token, *names;
    size_t n;
    ck_assert_int_eq(stat(key_file, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_ok(token_make(one, STR("u"), STR(""), NOW, &arena, &token, &err), &err);
    ck_assert_ok(check(two, token, &claims, &err), &err);
    ck_assert_ok(folder_list(folder, &arena, &names, &n, &err), &err);
    ck_assert_uint_eq(n, 1); /* no temporary file stays */
    tokens_close(one);
    tokens_close(two);
    (void)snprintf(key_file, sizeof key_file, "%s/absent/token.key", folder);
    ck_assert_fails(tokens_open(&one, key_file, &rules, &err), &err, MRC_ENOTFOUND, "absent");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("token");
    TCase *tc = tcase_create("token");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, round_trip);
    tcase_add_test(tc, every_bit_of_a_token_counts);
    tcase_add_test(tc, headers);
    tcase_add_test(tc, claim_rules);
    tcase_add_test(tc, shapes);
    tcase_add_test(tc, keys_rotate);
    tcase_add_test(tc, key_files);
    tcase_add_test(tc, key_file_modes);
    tcase_add_test(tc, key_file_is_made_once);
    suite_add_tcase(suite, tc);
    return check_main(suite);
}
