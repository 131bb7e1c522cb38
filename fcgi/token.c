/* Access tokens by libjwt 1.x, which checks a signature and nothing else: it takes the algorithm from the token's own
 * header, no key means no verification, and an expired token decodes. It writes "typ":"JWT" whatever is asked for and
 * refuses RFC 9068's "at+jwt", so the kind of token is a claim, token_use. Everything is decided here: the header
 * before libjwt sees the token, the claims after it. Header and claims are read with our strict JSON reader, which
 * refuses the double keys that jansson would let the last win. */
#include "fcgi/issuer.h"
#include "fcgi/token_parts.h"

#include "common/base/digest.h"
#include "common/base/file.h"

#include <jwt.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_FILE_MAX = 4096, KEY_MAX = 1024, KID_TEXT = 13 };

struct key {
    unsigned char bytes[KEY_MAX];
    size_t n;
    char id[KID_TEXT];
};

struct tokens {
    struct token_rules rules;
    struct key keys[TOKEN_KEYS_MAX];
    size_t n_keys;
};

/* A memset that the compiler keeps: libsodium's belongs to digest.c and auth.c. */
static void wipe(void *p, size_t n)
{
    volatile unsigned char *bytes = p;
    for (size_t i = 0; i < n; i++) {
        bytes[i] = 0;
    }
}

/* ---- keys ------------------------------------------------------------------------------------------------------ */

/* The id names a key without telling it: part of a hash with a prefix of its own. */
static void key_id(struct key *k)
{
    static const char prefix[] = "mercredi token key id\n";
    char text[sizeof prefix - 1 + KEY_MAX], hex[SHA256_HEX];
    memcpy(text, prefix, sizeof prefix - 1);
    memcpy(text + sizeof prefix - 1, k->bytes, k->n);
    sha256_hex((struct str){text, sizeof prefix - 1 + k->n}, hex);
    memcpy(k->id, hex, KID_TEXT - 1);
    k->id[KID_TEXT - 1] = '\0';
    wipe(text, sizeof text);
}

static int add_key(struct tokens *t, struct str line, uint32_t number, struct mrc_err *err)
{
    if (line.n < TOKEN_KEY_MIN || line.n > KEY_MAX) {
        return mrc_fail_at(err, MRC_EFORMAT, number, 0, "a key of %zu characters; a key has %d to %d", line.n,
                           TOKEN_KEY_MIN, KEY_MAX);
    }
    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] <= ' ' || line.p[i] > '~') {
            return mrc_fail_at(err, MRC_EFORMAT, number, (uint32_t)i + 1,
                               "a key is printable ASCII without blanks (openssl rand -hex 32)");
        }
    }
    if (t->n_keys == TOKEN_KEYS_MAX) {
        return mrc_fail_at(err, MRC_EFORMAT, number, 0, "more than %d keys", TOKEN_KEYS_MAX);
    }
    struct key *k = &t->keys[t->n_keys];
    memcpy(k->bytes, line.p, line.n);
    k->n = line.n;
    key_id(k);
    for (size_t i = 0; i < t->n_keys; i++) {
        if (strcmp(t->keys[i].id, k->id) == 0) {
            return mrc_fail_at(err, MRC_EFORMAT, number, 0, "the same key stands twice");
        }
    }
    t->n_keys++;
    return MRC_OK;
}

static int read_keys(struct tokens *t, struct str text, struct mrc_err *err)
{
    uint32_t number = 0;
    while (text.n > 0) {
        const char *end = memchr(text.p, '\n', text.n);
        struct str line = {text.p, end == NULL ? text.n : (size_t)(end - text.p)};
        size_t taken = end == NULL ? text.n : line.n + 1;
        text = (struct str){text.p + taken, text.n - taken};
        line = str_trim(line);
        number++;
        if (line.n > 0 && line.p[0] != '#') {
            MRC_TRY(add_key(t, line, number, err));
        }
    }
    return t->n_keys > 0 ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "no key in the file");
}

/* A group may read the file (service credentials); nobody else may, and only the owner may write. */
static int check_mode(const char *path, struct mrc_err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return mrc_fail_errno(err, errno == ENOENT ? MRC_ENOTFOUND : MRC_EIO, errno, "token key");
    }
    if ((st.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) != 0) {
        return mrc_fail(err, MRC_EDENIED, "mode %04o lets others at the token key; it must be 0600, 0400 or 0440",
                        (unsigned)(st.st_mode & 07777));
    }
    return MRC_OK;
}

/* A new file under its own name, then link: of several processes that start at once one wins and all read its key. */
static int make_key_file(const char *path, struct mrc_err *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[TOKEN_KEY_MIN];
    char text[2 * TOKEN_KEY_MIN + 1], temporary[PATH_MAX];
    int n = snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof temporary) {
        return mrc_fail(err, MRC_ELIMIT, "path longer than %d bytes", PATH_MAX - 1);
    }
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[sizeof text - 1] = '\n';
    int rc = file_create(temporary, (struct str){text, sizeof text}, 0600, err);
    wipe(bytes, sizeof bytes);
    wipe(text, sizeof text);
    if (rc < 0) {
        return rc;
    }
    if (link(temporary, path) != 0 && errno != EEXIST) {
        rc = mrc_fail_errno(err, MRC_EIO, errno, "token key");
    }
    (void)unlink(temporary);
    return rc;
}

int tokens_open(struct tokens **out, const char *key_file, const struct token_rules *rules, struct mrc_err *err)
{
    char *text = NULL;
    size_t n = 0;
    struct tokens *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for token keys");
    }
    t->rules = *rules;
    int rc = MRC_OK;
    if (!file_exists(key_file)) {
        rc = make_key_file(key_file, err);
    }
    if (rc == MRC_OK) {
        rc = check_mode(key_file, err);
    }
    if (rc == MRC_OK) {
        rc = file_read(key_file, KEY_FILE_MAX, &text, &n, err);
    }
    if (rc == MRC_OK) {
        rc = read_keys(t, (struct str){text, n}, err);
        wipe(text, n);
        free(text);
    }
    if (rc < 0) {
        tokens_close(t);
        return err_wrap(err, "%s", key_file);
    }
    *out = t;
    return MRC_OK;
}

void tokens_close(struct tokens *t)
{
    if (t != NULL) {
        wipe(t, sizeof *t);
        free(t);
    }
}

/* ---- making ---------------------------------------------------------------------------------------------------- */

static const char *cstring(struct arena *a, struct str s)
{
    return arena_copy(a, s.p, s.n);
}

static int fill(jwt_t *jwt, const struct tokens *t, struct str subject, struct str scope, int64_t now_s,
                struct arena *a)
{
    char id[UUID_TEXT];
    uuid7(now_s * 1000, id);
    const char *issuer = cstring(a, t->rules.issuer), *audience = cstring(a, t->rules.audience);
    const char *sub = cstring(a, subject), *scopes = cstring(a, scope);
    if (issuer == NULL || audience == NULL || sub == NULL || scopes == NULL) {
        return ENOMEM;
    }
    int failed = jwt_add_header(jwt, "kid", t->keys[0].id);
    failed = failed != 0 ? failed : jwt_add_grant(jwt, "token_use", "access");
    failed = failed != 0 ? failed : jwt_add_grant(jwt, "iss", issuer);
    failed = failed != 0 ? failed : jwt_add_grant(jwt, "aud", audience);
    failed = failed != 0 ? failed : jwt_add_grant(jwt, "sub", sub);
    failed = failed != 0 ? failed : jwt_add_grant(jwt, "jti", id);
    failed = failed != 0 ? failed : jwt_add_grant(jwt, "scope", scopes);
    failed = failed != 0 ? failed : jwt_add_grant_int(jwt, "iat", (long)now_s);
    failed = failed != 0 ? failed : jwt_add_grant_int(jwt, "nbf", (long)now_s);
    failed = failed != 0 ? failed : jwt_add_grant_int(jwt, "exp", (long)(now_s + t->rules.lifetime_s));
    failed = failed != 0 ? failed : jwt_set_alg(jwt, JWT_ALG_HS256, t->keys[0].bytes, (int)t->keys[0].n);
    return failed;
}

void tokens_ids(const struct tokens *t, struct buf *out)
{
    for (size_t i = 0; i < t->n_keys; i++) {
        buf_printf(out, "%s%s", i > 0 ? " " : "", t->keys[i].id);
    }
}

int token_make(const struct tokens *t, struct str subject, struct str scope, int64_t now_s, struct arena *a,
               struct str *out, struct mrc_err *err)
{
    jwt_t *jwt = NULL;
    if (jwt_new(&jwt) != 0) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a token");
    }
    int failed = fill(jwt, t, subject, scope, now_s, a);
    char *text = failed == 0 ? jwt_encode_str(jwt) : NULL;
    jwt_free(jwt);
    if (text == NULL) {
        return mrc_fail_errno(err, MRC_ENOMEM, failed != 0 ? failed : errno, "token");
    }
    int rc = str_copy(a, str_of(text), out) ? MRC_OK : arena_fail(a, err);
    free(text);
    return rc;
}

/* ---- checking -------------------------------------------------------------------------------------------------- */

/* The key a header asks for; NULL with the reason when the header is not one of ours. */
static const struct key *check_header(const struct tokens *t, const struct json *header, const char **reason)
{
    struct str alg, typ, kid;
    if (!claim_text(header, "alg", &alg) || !str_is(alg, "HS256")) {
        *reason = "alg is not HS256";
    } else if (!claim_text(header, "typ", &typ) || !str_is(typ, "JWT")) {
        *reason = "typ is not JWT";
    } else if (json_find(header, "crit") != NULL) {
        *reason = "crit asks for an extension";
    } else if (!claim_text(header, "kid", &kid)) {
        *reason = "no kid";
    } else {
        for (size_t i = 0; i < t->n_keys; i++) {
            if (str_is(kid, t->keys[i].id)) {
                return &t->keys[i];
            }
        }
        *reason = "unknown kid";
    }
    return NULL;
}

static bool name_of(const struct json *claims, const char *name, struct str *out)
{
    return claim_text(claims, name, out) && out->n > 0 && out->n <= TOKEN_NAME_MAX;
}

/* The reason why these claims are not good enough, or NULL. *out refers to the document. */
static const char *check_claims(const struct tokens *t, const struct json *claims, int64_t now_s,
                                struct token_claims *out)
{
    struct str issuer, use;
    if (!claim_text(claims, "token_use", &use) || !str_is(use, "access")) {
        return "token_use is not access";
    }
    if (!claim_text(claims, "iss", &issuer) || !str_eq(issuer, t->rules.issuer)) {
        return "iss is not ours";
    }
    if (!claim_audience(claims, t->rules.audience)) {
        return "aud does not name us";
    }
    const char *reason = claim_times(claims, now_s, out);
    if (reason != NULL) {
        return reason;
    }
    if (!name_of(claims, "sub", &out->subject)) {
        return "no sub";
    }
    if (!name_of(claims, "jti", &out->id)) {
        return "no jti";
    }
    out->scope = (struct str){"", 0};
    if (json_find(claims, "scope") != NULL && !claim_text(claims, "scope", &out->scope)) {
        return "scope is not text";
    }
    return NULL;
}

static const char *verify_signature(const char *token, const void *key, size_t n, jwt_alg_t alg)
{
    jwt_t *jwt = NULL;
    const char *reason = NULL;
    if (jwt_decode(&jwt, token, key, (int)n) != 0) {
        return "bad signature";
    }
    if (jwt_get_alg(jwt) != alg) {
        reason = "alg is not the key's";
    }
    jwt_free(jwt);
    return reason;
}

/* A token in its parts. text: the whole of it, NUL-terminated. */
struct opened {
    const char *text;
    struct str whole, part[3];
    const struct json *header;
};

/* The reason, or NULL and the claims, which refer to *doc. */
static const char *check_ours(const struct tokens *t, const struct opened *o, int64_t now_s, struct arena *a,
                              struct json_doc **doc, struct token_claims *out)
{
    const char *reason = NULL;
    const struct key *key = check_header(t, o->header, &reason);
    if (key == NULL) {
        return reason;
    }
    reason = verify_signature(o->text, key->bytes, key->n, JWT_ALG_HS256);
    if (reason != NULL) {
        return reason;
    }
    *doc = token_part(o->part[1], a);
    return *doc == NULL ? "claims are not a JSON object" : check_claims(t, json_root(*doc), now_s, out);
}

static const char *check_outside(const struct tokens *t, const struct opened *o, int64_t now_s, struct arena *a,
                                 struct json_doc **doc, struct token_claims *out)
{
    const char *reason = NULL;
    const struct issuer_key *key = issuer_key(t->rules.outside, o->header, &reason);
    if (key == NULL) {
        return reason;
    }
    reason = verify_signature(o->text, key->pem, key->n, key->alg == ISSUER_RS256 ? JWT_ALG_RS256 : JWT_ALG_ES256);
    if (reason != NULL) {
        return reason;
    }
    *doc = token_part(o->part[1], a);
    return *doc == NULL ? "claims are not a JSON object"
                        : issuer_claims(t->rules.outside, json_root(*doc), o->whole, now_s, a, out);
}

/* Which of the two is meant: the algorithms of one are never those of the other. */
static bool is_for_outside(const struct tokens *t, const struct json *header)
{
    struct str alg;
    return t->rules.outside != NULL && claim_text(header, "alg", &alg) &&
           (str_is(alg, "RS256") || str_is(alg, "ES256"));
}

int token_check(const struct tokens *t, struct str token, int64_t now_s, struct arena *a, struct token_claims *out,
                struct mrc_err *err)
{
    struct opened o = {.text = NULL, .whole = token};
    struct str signature;
    struct json_doc *header = NULL, *claims = NULL;
    struct token_claims found = {.name = {"", 0}};
    const char *reason = NULL;
    int rc = MRC_OK;
    if (token.n > t->rules.size_max) {
        return mrc_fail(err, MRC_EDENIED, "token of %zu bytes, longer than %zu", token.n, t->rules.size_max);
    }
    o.text = arena_copy(a, token.p, token.n);
    if (o.text == NULL) {
        return arena_fail(a, err);
    }
    if (!token_split(token, o.part) || !base64url_decode(o.part[2], a, &signature) ||
        (header = token_part(o.part[0], a)) == NULL) {
        reason = "not a JWT";
    } else {
        o.header = json_root(header);
        reason = is_for_outside(t, o.header) ? check_outside(t, &o, now_s, a, &claims, &found)
                                             : check_ours(t, &o, now_s, a, &claims, &found);
    }
    if (reason != NULL) {
        rc = mrc_fail(err, MRC_EDENIED, "%s", reason);
    } else if (!str_copy(a, found.subject, &found.subject) || !str_copy(a, found.scope, &found.scope) ||
               !str_copy(a, found.id, &found.id) || !str_copy(a, found.name, &found.name)) {
        rc = arena_fail(a, err);
    } else {
        *out = found;
    }
    json_free(header);
    json_free(claims);
    return rc;
}
