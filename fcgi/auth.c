/* Passwords by libsodium, and Bearer tokens against the accounts. An account is looked up on every request, so that
 * disabling it or changing its password or scopes works at once. */
#include "fcgi/auth.h"

#include "common/base/log.h"
#include "fcgi/app_state.h"
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
    http_header(c->res, "WWW-Authenticate", STR("Bearer error=\"invalid_token\""));
    answer_detail(c, 401, "Could not validate credentials");
}

/* The account behind verified claims. 0 found, 1 refused (answered), negative: err. */
static int find_account(struct context *c, const struct token_claims *claims, struct account *account,
                        struct mrc_err *err)
{
    if (c->parts->store == NULL) {
        return mrc_fail(err, MRC_EBUSY, "no state database");
    }
    int rc = store_account_by_id(c->parts->store, claims->subject, c->arena, account, err);
    if (rc == MRC_ENOTFOUND) {
        refuse(c, "no such account");
        return 1;
    }
    if (rc < 0) {
        return rc;
    }
    if (account->disabled) {
        refuse(c, "account is disabled");
        return 1;
    }
    /* iat counts whole seconds: a token made earlier in the second of the change still passes. */
    if (claims->issued_s < account->tokens_valid_from_ms / 1000) {
        refuse(c, "issued before tokens_valid_from");
        return 1;
    }
    return 0;
}

static void answer_scope(struct context *c, enum scope scope)
{
    struct buf b;
    buf_init(&b, c->arena, 128);
    buf_printf(&b, "Bearer error=\"insufficient_scope\", scope=\"%s\"", scope_name(scope));
    http_header(c->res, "WWW-Authenticate", buf_text(&b));
    answer_detail(c, 403, "Not enough permissions");
}

bool auth_check(struct context *c, enum scope scope)
{
    struct mrc_err err = {0};
    struct token_claims claims;
    struct account account = {0};
    unsigned granted;
    struct str token = http_credentials(c->req->authorization, "bearer");
    if (token.n == 0) {
        http_header(c->res, "WWW-Authenticate", STR("Bearer"));
        answer_detail(c, 401, "Not authenticated");
        return false;
    }
    int rc = token_check(c->app->tokens, token, c->now_ms / 1000, c->arena, &claims, &err);
    if (rc == MRC_EDENIED) {
        refuse(c, err.msg);
        return false;
    }
    rc = rc < 0 ? rc : find_account(c, &claims, &account, &err);
    if (rc < 0) {
        answer_err(c, &err);
    }
    if (rc != 0) {
        return false;
    }
    if (!scopes_parse(claims.scope, &granted)) {
        refuse(c, "unknown scope");
        return false;
    }
    c->caller = (struct caller){account.id, account.username, granted & account.scopes};
    if ((c->caller.scopes >> scope & 1) == 0) {
        answer_scope(c, scope);
        return false;
    }
    return true;
}
