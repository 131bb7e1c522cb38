/* Passwords and secrets by libsodium; Bearer tokens and API keys against accounts and clients. Whoever asks is looked
 * up on every request, so that disabling, revoking or changing a password or scopes works at once. */
#include "fcgi/auth.h"

#include "common/base/digest.h"
#include "common/base/log.h"
#include "fcgi/app_state.h"
#include "fcgi/metrics.h"
#include "fcgi/store_access.h"
#include "fcgi/token.h"

#include <sodium.h>

#include <string.h>

enum { ARGON2_PASSES = 2, ARGON2_BYTES = 19 * 1024 * 1024 };

_Static_assert(PASSWORD_HASH_TEXT == crypto_pwhash_STRBYTES, "room for a PHC string");

/* ---- passwords ------------------------------------------------------------------------------------------------- */

int password_hash(struct str password, char out[PASSWORD_HASH_TEXT], struct mrc_err *err)
{
    if (password.n < PASSWORD_MIN || password.n > PASSWORD_MAX) {
        return mrc_fail(err, MRC_EINVAL, "a password has %d to %d bytes, this one %zu", PASSWORD_MIN, PASSWORD_MAX,
                        password.n);
    }
    if (crypto_pwhash_str(out, password.p, password.n, ARGON2_PASSES, ARGON2_BYTES) != 0) {
        return mrc_fail(err, MRC_ENOMEM, "no memory to hash a password");
    }
    return MRC_OK;
}

bool password_verify(struct str hash, struct str password)
{
    /* Hash of nothing anybody knows, with the parameters above: an unknown name costs what a known one does. */
    static const char nobody[] = "$argon2id$v=19$m=19456,t=2,p=1$bpLehe5L0dwpVhWrLP5Zxg$"
                                 "pfCcbPan2dlz2Q5M+eFM8EEN4HZm08l9eaPUl/QLMRk";
    char text[PASSWORD_HASH_TEXT] = {0};
    bool known = hash.n > 0 && hash.n < sizeof text;
    memcpy(text, known ? hash.p : nobody, known ? hash.n : sizeof nobody - 1);
    bool fits = crypto_pwhash_str_verify(text, password.p, password.n) == 0;
    return fits && known;
}

bool password_outdated(struct str hash)
{
    char text[PASSWORD_HASH_TEXT] = {0};
    if (hash.n == 0 || hash.n >= sizeof text) {
        return false;
    }
    memcpy(text, hash.p, hash.n);
    return crypto_pwhash_str_needs_rehash(text, ARGON2_PASSES, ARGON2_BYTES) != 0;
}

/* ---- secrets --------------------------------------------------------------------------------------------------- */

void secret_new(char out[SECRET_TEXT])
{
    unsigned char bytes[(SECRET_TEXT - 1) / 2];
    random_bytes(bytes, sizeof bytes);
    sodium_bin2hex(out, SECRET_TEXT, bytes, sizeof bytes);
    sodium_memzero(bytes, sizeof bytes);
}

bool secret_fits(struct str hash, struct str secret)
{
    char ours[SHA256_HEX], theirs[SHA256_HEX] = {0};
    bool known = hash.n == sizeof ours - 1;
    sha256_hex(secret, ours);
    memcpy(theirs, known ? hash.p : ours, sizeof ours - 1);
    bool same = sodium_memcmp(ours, theirs, sizeof ours - 1) == 0;
    return same && known;
}

int basic_credentials(struct str authorization, struct arena *a, struct str *name, struct str *secret)
{
    struct str pair = http_credentials(authorization, "basic");
    size_t n = 0;
    if (pair.n == 0 || str_is(pair, "Og==")) {
        return 0;
    }
    char *text = arena_alloc(a, pair.n + 1, 1);
    if (text == NULL || sodium_base642bin((unsigned char *)text, pair.n, pair.p, pair.n, NULL, &n, NULL,
                                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        return -1;
    }
    const char *colon = memchr(text, ':', n);
    if (colon == NULL) {
        return -1;
    }
    size_t left = (size_t)(colon - text);
    bool good = http_decode((struct str){text, left}, true, a, name) &&
                http_decode((struct str){colon + 1, n - left - 1}, true, a, secret);
    sodium_memzero(text, n);
    return good ? 1 : -1;
}

static bool is_hex(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f'))) {
            return false;
        }
    }
    return true;
}

bool key_split(struct str key, struct str *id, struct str *secret)
{
    if (key.n != KEY_TEXT - 1 || !str_starts(key, "mrc_") || key.p[4 + KEY_ID] != '_') {
        return false;
    }
    *id = (struct str){key.p + 4, KEY_ID};
    *secret = (struct str){key.p + 4 + KEY_ID + 1, SECRET_TEXT - 1};
    return is_hex(*id) && is_hex(*secret);
}

void secret_wipe(struct str secret)
{
    if (secret.n > 0) {
        sodium_memzero((void *)(uintptr_t)secret.p, secret.n); /* slices are const; the arena beneath is not */
    }
}

bool username_valid(struct str name)
{
    if (name.n == 0 || name.n > USERNAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        char ch = name.p[i];
        bool fine = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '.' ||
                    ch == '_' || ch == '@' || ch == '+' || ch == '-';
        if (!fine) {
            return false;
        }
    }
    return true;
}

/* ---- scopes ---------------------------------------------------------------------------------------------------- */

bool scopes_parse(struct str text, unsigned *bits)
{
    unsigned found = 0;
    size_t i = 0;
    while (i < text.n) {
        size_t begin = i;
        while (i < text.n && text.p[i] != ' ') {
            i++;
        }
        struct str name = {text.p + begin, i - begin};
        i++;
        if (name.n == 0) {
            continue;
        }
        int s = SCOPE_NONE + 1;
        while (s < SCOPE__COUNT && !str_is(name, scope_name((enum scope)s))) {
            s++;
        }
        if (s == SCOPE__COUNT) {
            return false;
        }
        found |= 1U << s;
    }
    *bits = found;
    return true;
}

void scopes_write(unsigned bits, struct buf *out)
{
    bool first = true;
    for (int s = SCOPE_NONE + 1; s < SCOPE__COUNT; s++) {
        if ((bits >> s & 1) != 0) {
            buf_puts(out, first ? "" : " ");
            buf_puts(out, scope_name((enum scope)s));
            first = false;
        }
    }
}

/* ---- Bearer tokens --------------------------------------------------------------------------------------------- */

static void refuse(struct context *c, const char *reason)
{
    log_event(LOG_INFO, "token refused", LOG_STR("req", c->req->request_id), LOG_CSTR("reason", reason));
    metrics_auth_failure(c, str_starts(str_of(reason), "token of ") ? "token too long" : reason);
    http_header(c->res, "WWW-Authenticate", STR("Bearer error=\"invalid_token\""));
    answer_detail(c, 401, "Could not validate credentials");
}

/* Who is behind a token or key, before scopes are asked for. */
struct identity {
    struct str id, name;
    unsigned scopes;
    enum caller_kind kind;
    bool disabled;
    int64_t tokens_valid_from_ms;
};

/* 0 found, 1 refused (answered), negative: err. */
static int find_account(struct context *c, struct str id, struct identity *who, struct mrc_err *err)
{
    struct account account = {0};
    int rc = store_account_by_id(c->parts->store, id, c->arena, &account, err);
    if (rc == MRC_ENOTFOUND) {
        refuse(c, "no such account");
        return 1;
    }
    *who = (struct identity){.id = account.id,
                             .name = account.username,
                             .scopes = account.scopes,
                             .kind = CALLER_USER,
                             .disabled = account.disabled,
                             .tokens_valid_from_ms = account.tokens_valid_from_ms};
    return rc;
}

static int find_client(struct context *c, struct str subject, struct identity *who, struct mrc_err *err)
{
    size_t skip = sizeof CLIENT_SUBJECT - 1;
    struct client client = {0};
    struct str id = {subject.p + skip, subject.n - skip};
    int rc = store_client_get(c->parts->store, id, c->arena, &client, err);
    if (rc == MRC_ENOTFOUND) {
        refuse(c, "no such client");
        return 1;
    }
    *who = (struct identity){.id = subject,
                             .name = client.id,
                             .scopes = client.scopes,
                             .kind = CALLER_CLIENT,
                             .disabled = client.disabled,
                             .tokens_valid_from_ms = client.tokens_valid_from_ms};
    return rc;
}

/* A signed access token. 0 good, 1 refused (answered), negative: err. */
static int check_token(struct context *c, struct str token, struct identity *who, struct mrc_err *err)
{
    struct token_claims claims;
    unsigned granted;
    int rc = token_check(c->app->tokens, token, c->now_ms / 1000, c->arena, &claims, err);
    if (rc == MRC_EDENIED) {
        refuse(c, err->msg);
        return 1;
    }
    if (rc == MRC_OK) {
        rc = store_token_revoked(c->parts->store, claims.id, err);
    }
    if (rc > 0) {
        refuse(c, "revoked");
        return 1;
    }
    if (rc == MRC_OK && claims.outside) { /* the issuer vouches: there is no account here */
        *who = (struct identity){.id = claims.subject, .name = claims.name, .scopes = ~0U, .kind = CALLER_OUTSIDE};
    } else if (rc == MRC_OK) {
        rc = str_starts(claims.subject, CLIENT_SUBJECT) ? find_client(c, claims.subject, who, err)
                                                        : find_account(c, claims.subject, who, err);
    }
    if (rc != MRC_OK) {
        return rc;
    }
    /* iat counts whole seconds: a token made earlier in the second of the change still passes. */
    if (!who->disabled && claims.issued_s < who->tokens_valid_from_ms / 1000) {
        refuse(c, "issued before tokens_valid_from");
        return 1;
    }
    if (!scopes_parse(claims.scope, &granted)) {
        refuse(c, "unknown scope");
        return 1;
    }
    who->scopes &= granted;
    return MRC_OK;
}

/* An API key, as check_token. An unknown id costs what a wrong secret does. */
static int check_key(struct context *c, struct str text, struct identity *who, struct mrc_err *err)
{
    struct str id, secret;
    struct api_key key = {.secret_hash = {"", 0}};
    if (!key_split(text, &id, &secret)) {
        refuse(c, "not an API key");
        return 1;
    }
    int rc = store_key_get(c->parts->store, id, c->arena, &key, err);
    if (rc < 0 && rc != MRC_ENOTFOUND) {
        return rc;
    }
    if (!secret_fits(rc == MRC_OK ? key.secret_hash : STR(""), secret)) {
        refuse(c, "no such API key");
        return 1;
    }
    if (key.revoked_ms != 0 || (key.expires_ms != 0 && key.expires_ms <= c->now_ms)) {
        refuse(c, key.revoked_ms != 0 ? "API key revoked" : "API key expired");
        return 1;
    }
    rc = find_account(c, key.account_id, who, err);
    who->kind = CALLER_KEY;
    who->scopes &= key.scopes;
    return rc;
}

static void answer_scope(struct context *c, enum scope scope)
{
    struct buf b;
    metrics_auth_failure(c, "scope");
    buf_init(&b, c->arena, 128);
    buf_printf(&b, "Bearer error=\"insufficient_scope\", scope=\"%s\"", scope_name(scope));
    http_header(c->res, "WWW-Authenticate", buf_text(&b));
    answer_detail(c, 403, "Not enough permissions");
}

bool auth_check(struct context *c, enum scope scope)
{
    struct mrc_err err = {0};
    struct identity who = {.disabled = true};
    struct str token = http_credentials(c->req->authorization, "bearer");
    if (token.n == 0) {
        metrics_auth_failure(c, "no credentials");
        http_header(c->res, "WWW-Authenticate", STR("Bearer"));
        answer_detail(c, 401, "Not authenticated");
        return false;
    }
    int rc = c->parts->store == NULL     ? mrc_fail(&err, MRC_EBUSY, "no state database")
             : str_starts(token, "mrc_") ? check_key(c, token, &who, &err)
                                         : check_token(c, token, &who, &err);
    if (rc < 0) {
        answer_err(c, &err);
    } else if (rc == 0 && who.disabled) {
        refuse(c, "account is disabled");
    }
    if (rc != 0 || who.disabled) {
        return false;
    }
    c->caller = (struct caller){who.id, who.name, who.scopes, who.kind};
    if (scope != SCOPE_ANY && (c->caller.scopes >> scope & 1) == 0) {
        answer_scope(c, scope);
        return false;
    }
    return true;
}
