/* The outside issuer's keys and claims. Verifying a signature is token.c's. */
#include "fcgi/issuer.h"

#include "common/base/digest.h"
#include "common/base/file.h"
#include "fcgi/token_parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PEM_MAX = 16 * 1024, SUBJECT_MAX = 255, LIFETIME_MAX_S = 24 * 3600, USER_HEX = 40, NAME_MAX_BYTES = 60 };

struct mapping {
    struct str theirs, ours; /* of the settings' text */
};

struct issuer {
    struct issuer_rules rules;
    struct issuer_key keys[ISSUER_KEYS_MAX];
    size_t n_keys;
    struct mapping map[ISSUER_SCOPES_MAX];
    size_t n_map;
};

/* ---- keys ------------------------------------------------------------------------------------------------------ */

/* The bytes between the lines of a PEM public key. */
static bool pem_bytes(struct str pem, struct arena *a, struct str *der)
{
    static const char begin[] = "-----BEGIN PUBLIC KEY-----", end[] = "-----END PUBLIC KEY-----";
    struct buf digits;
    pem = str_trim(pem);
    size_t head = sizeof begin - 1, tail = sizeof end - 1;
    if (pem.n < head + tail || memcmp(pem.p, begin, head) != 0 || memcmp(pem.p + pem.n - tail, end, tail) != 0) {
        return false;
    }
    buf_init(&digits, a, PEM_MAX);
    for (size_t i = head; i < pem.n - tail; i++) {
        char ch = pem.p[i];
        if (ch == '\n' || ch == '\r' || ch == '=') {
            continue;
        }
        if (ch == '-' || ch == '_') {
            return false;
        }
        buf_char(&digits, ch == '+' ? '-' : ch == '/' ? '_' : ch);
    }
    return buf_ok(&digits, NULL) == MRC_OK && digits.n > 0 && base64url_decode(buf_text(&digits), a, der);
}

/* RFC 5280's SubjectPublicKeyInfo of the two kinds, told by the bytes it begins with. */
static bool key_kind(struct str der, enum issuer_alg *alg)
{
    static const unsigned char ec[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                       0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                       0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    static const unsigned char rsa[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                        0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82};
    enum { EC_BYTES = 91, RSA_2048_BYTES = 292, RSA_AT = 4 };
    if (der.n == EC_BYTES && memcmp(der.p, ec, sizeof ec) == 0) {
        *alg = ISSUER_ES256;
        return true;
    }
    *alg = ISSUER_RS256;
    return der.n >= RSA_2048_BYTES && (unsigned char)der.p[0] == 0x30 && (unsigned char)der.p[1] == 0x82 &&
           memcmp(der.p + RSA_AT, rsa, sizeof rsa) == 0;
}

static int check_mode(const char *path, struct mrc_err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return mrc_fail(err, MRC_EIO, "cannot be looked at");
    }
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return mrc_fail(err, MRC_EDENIED, "mode %04o lets others change the key; it must be 0644 or less",
                        (unsigned)(st.st_mode & 07777));
    }
    return MRC_OK;
}

static int add_key(struct issuer *is, const char *path, struct str kid, struct arena *a, struct mrc_err *err)
{
    char *pem = NULL;
    size_t n = 0;
    struct str der;
    if (is->n_keys == ISSUER_KEYS_MAX) {
        return mrc_fail(err, MRC_EFORMAT, "more than %d keys", ISSUER_KEYS_MAX);
    }
    struct issuer_key *k = &is->keys[is->n_keys];
    if (kid.n == 0 || kid.n >= sizeof k->kid) {
        return mrc_fail(err, MRC_EFORMAT, "a key id has 1 to %zu bytes", sizeof k->kid - 1);
    }
    MRC_TRY(check_mode(path, err));
    MRC_TRY(file_read(path, PEM_MAX, &pem, &n, err));
    if (!pem_bytes((struct str){pem, n}, a, &der) || !key_kind(der, &k->alg)) {
        free(pem);
        return mrc_fail(err, MRC_EFORMAT,
                        "a PEM public key is meant (BEGIN PUBLIC KEY), RSA of at least 2048 bits or EC P-256");
    }
    memcpy(k->kid, kid.p, kid.n);
    k->kid[kid.n] = '\0';
    k->pem = pem;
    k->n = n;
    is->n_keys++;
    return MRC_OK;
}

static int read_keys(struct issuer *is, struct arena *a, struct mrc_err *err)
{
    static const char suffix[] = ".pem";
    struct str *names = NULL;
    size_t n = 0, tail = sizeof suffix - 1;
    MRC_TRY(check_mode(is->rules.keys_dir, err));
    MRC_TRY(folder_list(is->rules.keys_dir, a, &names, &n, err));
    for (size_t i = 0; i < n; i++) {
        if (names[i].n <= tail || memcmp(names[i].p + names[i].n - tail, suffix, tail) != 0 || names[i].p[0] == '.') {
            continue;
        }
        const char *path = path_join(a, is->rules.keys_dir, names[i].p);
        if (path == NULL) {
            return arena_fail(a, err);
        }
        int rc = add_key(is, path, (struct str){names[i].p, names[i].n - tail}, a, err);
        if (rc < 0) {
            return err_wrap(err, "%s", names[i].p);
        }
    }
    return is->n_keys > 0 ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "no <kid>.pem in it");
}

/* ---- scopes ---------------------------------------------------------------------------------------------------- */

static struct str next_word(struct str *rest)
{
    *rest = str_trim(*rest);
    size_t n = 0;
    while (n < rest->n && rest->p[n] != ' ') {
        n++;
    }
    struct str word = {rest->p, n};
    *rest = (struct str){rest->p + n, rest->n - n};
    return word;
}

static int read_scopes(struct issuer *is, struct mrc_err *err)
{
    struct str rest = is->rules.scopes;
    for (struct str word = next_word(&rest); word.n > 0; word = next_word(&rest)) {
        size_t at = word.n; /* the last '=': their names may hold one */
        while (at > 0 && word.p[at - 1] != '=') {
            at--;
        }
        if (at < 2 || at == word.n) {
            return mrc_fail(err, MRC_EFORMAT, "trusted_scopes: \"%.*s\": theirs=ours is meant", STR_ARG(word));
        }
        if (is->n_map == ISSUER_SCOPES_MAX) {
            return mrc_fail(err, MRC_EFORMAT, "trusted_scopes: more than %d", ISSUER_SCOPES_MAX);
        }
        is->map[is->n_map++] = (struct mapping){{word.p, at - 1}, {word.p + at, word.n - at}};
    }
    return is->n_map > 0 ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "trusted_scopes is empty");
}

/* Those of ours that a text of theirs gives. */
static void map_scopes(const struct issuer *is, struct str theirs, bool given[ISSUER_SCOPES_MAX])
{
    for (struct str word = next_word(&theirs); word.n > 0; word = next_word(&theirs)) {
        for (size_t i = 0; i < is->n_map; i++) {
            given[i] = given[i] || str_eq(word, is->map[i].theirs);
        }
    }
}

/* false: `scope` and `scp` are there and neither text nor a list of texts. */
static bool claim_scopes(const struct issuer *is, const struct json *claims, struct buf *out)
{
    static const char *const names[] = {"scope", "scp"};
    bool given[ISSUER_SCOPES_MAX] = {false};
    struct str text;
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        const struct json *v = json_find(claims, names[n]);
        if (json_str(v, &text)) {
            map_scopes(is, text, given);
        } else if (json_type(v) == JSON_ARRAY) {
            for (const struct json *item = json_first(v); item != NULL; item = json_next(item)) {
                if (!json_str(item, &text)) {
                    return false;
                }
                map_scopes(is, text, given);
            }
        } else if (v != NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < is->n_map; i++) {
        if (given[i]) {
            buf_puts(out, out->n > 0 ? " " : "");
            buf_str(out, is->map[i].ours);
        }
    }
    return true;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

int issuer_open(struct issuer **out, const struct issuer_rules *rules, struct mrc_err *err)
{
    struct arena a;
    struct issuer *is = calloc(1, sizeof *is);
    if (is == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for an issuer");
    }
    is->rules = *rules;
    arena_init(&a, 4 << 20);
    int rc = read_scopes(is, err);
    if (rc == MRC_OK) {
        rc = read_keys(is, &a, err);
        rc = rc < 0 ? err_wrap(err, "%s", rules->keys_dir) : rc;
    }
    arena_release(&a);
    if (rc < 0) {
        issuer_close(is);
        return rc;
    }
    *out = is;
    return MRC_OK;
}

void issuer_close(struct issuer *is)
{
    for (size_t i = 0; is != NULL && i < is->n_keys; i++) {
        free(is->keys[i].pem);
    }
    free(is);
}

/* ---- checking -------------------------------------------------------------------------------------------------- */

const struct issuer_key *issuer_key(const struct issuer *is, const struct json *header, const char **reason)
{
    struct str alg, typ, kid;
    if (!claim_text(header, "alg", &alg) || !(str_is(alg, "RS256") || str_is(alg, "ES256"))) {
        *reason = "alg is none of the issuer's";
    } else if (json_find(header, "typ") != NULL && (!claim_text(header, "typ", &typ) || !str_is(typ, "JWT"))) {
        *reason = "typ is not JWT";
    } else if (json_find(header, "crit") != NULL) {
        *reason = "crit asks for an extension";
    } else if (!claim_text(header, "kid", &kid)) {
        *reason = "no kid";
    } else {
        for (size_t i = 0; i < is->n_keys; i++) {
            if (str_is(kid, is->keys[i].kid)) {
                if (str_is(alg, is->keys[i].alg == ISSUER_RS256 ? "RS256" : "ES256")) {
                    return &is->keys[i];
                }
                *reason = "alg is not the key's";
                return NULL;
            }
        }
        *reason = "unknown kid";
    }
    return NULL;
}

/* Of ID tokens, and of what Keycloak and Cognito write beside the standard. */
static bool is_other_kind(const struct json *claims)
{
    struct str text;
    return json_find(claims, "nonce") != NULL || json_find(claims, "at_hash") != NULL ||
           (json_find(claims, "token_use") != NULL &&
            (!claim_text(claims, "token_use", &text) || !str_is(text, "access"))) ||
           (json_find(claims, "typ") != NULL && (!claim_text(claims, "typ", &text) || !str_is(text, "Bearer")));
}

static bool plain_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
              (ch > ' ' && ch < 0x7f && strchr("._@+-|", ch) != NULL))) {
            return false;
        }
    }
    return s.n > 0 && s.n <= NAME_MAX_BYTES;
}

/* Who this is here: an id that no account, client or other issuer has, and a name that says it is from outside. */
static bool name_caller(const struct issuer *is, struct str sub, struct arena *a, struct token_claims *out)
{
    struct buf both, id, name;
    char hex[SHA256_HEX];
    buf_init(&both, a, 2048);
    buf_str(&both, is->rules.issuer);
    buf_char(&both, '\n');
    buf_str(&both, sub);
    sha256_hex(buf_text(&both), hex);
    buf_init(&id, a, TOKEN_NAME_MAX);
    buf_printf(&id, "ext:%.*s", USER_HEX, hex);
    buf_init(&name, a, TOKEN_NAME_MAX);
    buf_puts(&name, "ext:");
    buf_str(&name, plain_name(sub) ? sub : (struct str){id.p + 4, USER_HEX});
    out->subject = buf_text(&id);
    out->name = buf_text(&name);
    return buf_ok(&both, NULL) == MRC_OK && buf_ok(&id, NULL) == MRC_OK && buf_ok(&name, NULL) == MRC_OK;
}

const char *issuer_claims(const struct issuer *is, const struct json *claims, struct str token, int64_t now_s,
                          struct arena *a, struct token_claims *out)
{
    struct str issuer, sub, id;
    struct buf scopes, jti;
    char hex[SHA256_HEX];
    if (!claim_text(claims, "iss", &issuer) || !str_eq(issuer, is->rules.issuer)) {
        return "iss is not the trusted issuer";
    }
    if (!claim_audience(claims, is->rules.audience)) {
        return "aud does not name us";
    }
    if (is_other_kind(claims)) {
        return "not an access token";
    }
    const char *reason = claim_times(claims, now_s, out);
    if (reason != NULL) {
        return reason;
    }
    if (out->expires_s - out->issued_s > LIFETIME_MAX_S) {
        return "valid for more than a day";
    }
    if (!claim_text(claims, "sub", &sub) || sub.n == 0 || sub.n > SUBJECT_MAX) {
        return "no sub";
    }
    buf_init(&scopes, a, 1024);
    if (!claim_scopes(is, claims, &scopes)) {
        return "scope is not text";
    }
    /* Their jti may be anything: ours is a digest, of it or of the token. */
    bool has_id = claim_text(claims, "jti", &id) && id.n > 0;
    sha256_hex(has_id ? id : token, hex);
    buf_init(&jti, a, TOKEN_NAME_MAX);
    buf_printf(&jti, "ext:%.*s", USER_HEX, hex);
    out->scope = buf_text(&scopes);
    out->id = buf_text(&jti);
    out->outside = true;
    return name_caller(is, sub, a, out) && buf_ok(&scopes, NULL) == MRC_OK && buf_ok(&jti, NULL) == MRC_OK
               ? NULL
               : "no memory";
}
