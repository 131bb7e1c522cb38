/* The grants of POST /token: password (RFC 6749 §4.3), client_credentials (§4.4), refresh_token (§6).
 *
 * Unknown, disabled and wrong password do the same work and get the same answer. A refresh token is used once: each use
 * gives the next one, and a used one that comes again means that two hold it, so its whole family ends. */
#include "fcgi/app_state.h"
#include "fcgi/auth.h"
#include "fcgi/metrics.h"
#include "fcgi/oauth.h"
#include "fcgi/token.h"

#include "common/base/log.h"

#include <string.h>

enum { REFRESH_TEXT = 4 + SECRET_TEXT }; /* "mrr_" and the secret */

void refresh_hash(struct str token, char out[65])
{
    _Static_assert(SHA256_HEX == 65, "room for a hash");
    sha256_hex(token, out);
}

/* A new refresh token and its hash. */
static void refresh_new(char text[REFRESH_TEXT], char hash[SHA256_HEX])
{
    memcpy(text, "mrr_", 4);
    secret_new(text + 4);
    refresh_hash((struct str){text, REFRESH_TEXT - 1}, hash);
}

/* refresh: NULL for none. */
static void answer_token(struct context *c, struct str subject, unsigned scopes, const char *refresh)
{
    struct mrc_err err = {0};
    struct str token;
    struct buf scope;
    struct json_out w;
    int64_t lifetime_s = setting_int(c->parts->config, CONFIG_TOKEN_LIFETIME) / 1000;
    buf_init(&scope, c->arena, 128);
    scopes_write(scopes, &scope);
    if (token_make(c->app->tokens, subject, buf_text(&scope), c->now_ms / 1000, c->arena, &token, &err) < 0) {
        answer_err(c, &err);
        return;
    }
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_pair_str(&w, "access_token", token);
    if (refresh != NULL) {
        json_pair_cstr(&w, "refresh_token", refresh);
    }
    json_pair_cstr(&w, "token_type", "bearer");
    json_pair_i64(&w, "expires_in", lifetime_s);
    json_pair_str(&w, "scope", buf_text(&scope));
    json_close_object(&w);
    answer_json(c, 200);
}

/* Scopes of the token to be made: those asked for, or all there are. false: answered. */
static bool choose_scopes(struct context *c, struct str asked, unsigned granted, unsigned *out)
{
    unsigned wanted;
    if (!scopes_parse(asked, &wanted) || (wanted & ~granted) != 0) {
        oauth_error(c, 400, "invalid_scope", "A scope is unknown or not granted");
        return false;
    }
    *out = wanted == 0 ? granted : wanted;
    return true;
}

static void answer_denied(struct context *c, const char *what, const char *reason, const char *detail)
{
    log_event(LOG_WARN, what, LOG_STR("req", c->req->request_id), LOG_STR("address", c->req->address),
              LOG_CSTR("reason", reason));
    metrics_auth_failure(c, reason);
    http_header(c->res, "WWW-Authenticate", STR("Bearer"));
    oauth_error(c, 401, "invalid_grant", detail);
}

/* ---- password -------------------------------------------------------------------------------------------------- */

static bool password_form_valid(struct context *c, const struct oauth_form *f)
{
    struct problems problems = {0};
    struct mrc_err err = {0};
    const struct {
        const char *name;
        struct str value;
    } required[] = {{"username", f->username}, {"password", f->password}};
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        struct problem problem = {.type = "missing", .where = "body", .index = -1, .message = STR("Field required")};
        problem.field = str_of(required[i].name);
        if (required[i].value.n == 0 && problems_add(c, &problems, &problem, &err) < 0) {
            answer_err(c, &err);
            return false;
        }
    }
    if (problems.n > 0) {
        answer_problems(c, &problems);
    }
    return problems.n == 0;
}

/* A hash made with weaker parameters than today's is made anew now that the password is known. What fails is tried
 * again at the next login. */
static void renew_hash(struct context *c, const struct account *account, struct str password)
{
    char hash[PASSWORD_HASH_TEXT];
    struct mrc_err err = {0};
    if (!password_outdated(account->password_hash) || gate_enter(c->parts->hash_gate) < 0) {
        return;
    }
    int rc = password_hash(password, hash, &err);
    gate_leave(c->parts->hash_gate);
    if (rc == MRC_OK) {
        rc = store_account_set_password(c->parts->store, account->id, str_of(hash), &err);
    }
    if (rc < 0) {
        log_err(LOG_WARN, "password not hashed anew", &err);
    } else {
        log_event(LOG_INFO, "password hashed anew", LOG_STR("req", c->req->request_id), LOG_STR("user", account->id));
    }
}

static int log_in(struct context *c, const struct oauth_form *f, struct account *account, struct mrc_err *err)
{
    if (c->parts->store == NULL) {
        return mrc_fail(err, MRC_EBUSY, "no state database");
    }
    int rc = username_valid(f->username) ? store_account_by_name(c->parts->store, f->username, c->arena, account, err)
                                         : MRC_ENOTFOUND;
    if (rc < 0 && rc != MRC_ENOTFOUND) {
        return rc;
    }
    MRC_TRY(oauth_password(c, rc == MRC_OK ? account->password_hash : STR(""), f->password, err));
    if (account->disabled) {
        return mrc_fail(err, MRC_EDENIED, "disabled");
    }
    renew_hash(c, account, f->password);
    return MRC_OK;
}

/* First refresh token of a login; none when they are turned off. */
static int begin_family(struct context *c, struct str account_id, unsigned scopes, char text[REFRESH_TEXT], bool *made,
                        struct mrc_err *err)
{
    char hash[SHA256_HEX], family[UUID_TEXT];
    int64_t idle = setting_int(c->parts->config, CONFIG_REFRESH_IDLE);
    int64_t life = setting_int(c->parts->config, CONFIG_REFRESH_LIFETIME);
    *made = idle > 0;
    if (!*made) {
        return MRC_OK;
    }
    refresh_new(text, hash);
    uuid7(c->now_ms, family);
    struct refresh r = {.hash = str_of(hash),
                        .family = str_of(family),
                        .account_id = account_id,
                        .scopes = scopes,
                        .family_ms = c->now_ms,
                        .issued_ms = c->now_ms,
                        .expires_ms = c->now_ms + (idle < life ? idle : life)};
    return store_refresh_begin(c->parts->store, &r, setting_int(c->parts->config, CONFIG_SESSIONS_MAX), err);
}

void grant_password(struct context *c, const struct oauth_form *f)
{
    struct mrc_err err = {0};
    struct account account = {0};
    unsigned scopes;
    char refresh[REFRESH_TEXT];
    bool made;
    if (!password_form_valid(c, f) || !oauth_rate_allows(c, f->username)) {
        return;
    }
    int rc = log_in(c, f, &account, &err);
    if (rc == MRC_OK || rc == MRC_EDENIED) {
        oauth_login_ended(c, f->username, rc == MRC_OK);
    }
    if (rc == MRC_EDENIED) {
        answer_denied(c, "login refused", err.msg, "Incorrect username or password");
    } else if (rc == MRC_EBUSY) {
        http_header(c->res, "Retry-After", STR("1"));
        oauth_error(c, 503, "temporarily_unavailable", "Too many logins at once, try again");
    } else if (rc < 0) {
        answer_err(c, &err);
    } else if (choose_scopes(c, f->scope, account.scopes, &scopes)) {
        if (begin_family(c, account.id, scopes, refresh, &made, &err) < 0) {
            answer_err(c, &err);
            return;
        }
        answer_token(c, account.id, scopes, made ? refresh : NULL);
    }
}

/* ---- client_credentials ---------------------------------------------------------------------------------------- */

void grant_client(struct context *c, const struct oauth_form *f)
{
    struct client client = {0};
    struct buf subject;
    unsigned scopes;
    int rc = oauth_client(c, f, &client);
    if (rc == 0) {
        http_header(c->res, "WWW-Authenticate", STR("Basic realm=\"mercredi\""));
        oauth_error(c, 401, "invalid_client", "This grant needs a client's id and secret");
    }
    if (rc == 1 && choose_scopes(c, f->scope, client.scopes, &scopes)) {
        buf_init(&subject, c->arena, TOKEN_NAME_MAX);
        buf_puts(&subject, CLIENT_SUBJECT);
        buf_str(&subject, client.id);
        answer_token(c, buf_text(&subject), scopes, NULL);
    }
}

/* ---- refresh_token --------------------------------------------------------------------------------------------- */

/* A token that was used comes again: whoever holds the family's newest one may be a thief. */
static int end_family(struct context *c, const struct refresh *r, struct mrc_err *err)
{
    log_event(LOG_WARN, "refresh token used twice, its family ends", LOG_STR("req", c->req->request_id),
              LOG_STR("address", c->req->address), LOG_STR("user", r->account_id));
    MRC_TRY(store_refresh_end(c->parts->store, r->family, err));
    return mrc_fail(err, MRC_EDENIED, "used before");
}

/* The token and its account, both still good. */
static int find_refresh(struct context *c, struct str token, struct refresh *r, struct account *account,
                        struct mrc_err *err)
{
    char hash[SHA256_HEX];
    if (c->parts->store == NULL) {
        return mrc_fail(err, MRC_EBUSY, "no state database");
    }
    refresh_hash(token, hash);
    int rc = store_refresh_find(c->parts->store, str_of(hash), c->arena, r, err);
    if (rc == MRC_ENOTFOUND) {
        return mrc_fail(err, MRC_EDENIED, "unknown");
    }
    MRC_TRY(rc);
    if (r->used_ms != 0) {
        return end_family(c, r, err);
    }
    if (r->expires_ms <= c->now_ms) {
        return mrc_fail(err, MRC_EDENIED, "expired");
    }
    MRC_TRY(store_account_by_id(c->parts->store, r->account_id, c->arena, account, err));
    if (account->disabled || r->issued_ms < account->tokens_valid_from_ms) {
        return mrc_fail(err, MRC_EDENIED, account->disabled ? "disabled" : "issued before tokens_valid_from");
    }
    return MRC_OK;
}

/* The successor. Its scopes are the family's: a narrower access token does not narrow the login. */
static int rotate(struct context *c, const struct refresh *r, char text[REFRESH_TEXT], struct mrc_err *err)
{
    char hash[SHA256_HEX];
    int64_t idle = setting_int(c->parts->config, CONFIG_REFRESH_IDLE);
    int64_t end = r->family_ms + setting_int(c->parts->config, CONFIG_REFRESH_LIFETIME);
    struct refresh next = *r;
    refresh_new(text, hash);
    next.hash = str_of(hash);
    next.issued_ms = c->now_ms;
    next.expires_ms = c->now_ms + idle < end ? c->now_ms + idle : end;
    int rc = store_refresh_rotate(c->parts->store, r->hash, c->now_ms, &next, err);
    return rc == MRC_ECONFLICT ? end_family(c, r, err) : rc;
}

void grant_refresh(struct context *c, const struct oauth_form *f)
{
    struct mrc_err err = {0};
    struct refresh r = {.scopes = 0};
    struct account account = {0};
    char text[REFRESH_TEXT];
    unsigned scopes = 0;
    if (f->refresh_token.n == 0) {
        oauth_error(c, 400, "invalid_request", "refresh_token is missing");
        return;
    }
    int rc = find_refresh(c, f->refresh_token, &r, &account, &err);
    if (rc == MRC_OK && !choose_scopes(c, f->scope, r.scopes & account.scopes, &scopes)) {
        return;
    }
    if (rc == MRC_OK) {
        rc = rotate(c, &r, text, &err);
    }
    if (rc == MRC_EDENIED) {
        answer_denied(c, "refresh refused", err.msg, "The refresh token is not valid");
    } else if (rc < 0) {
        answer_err(c, &err);
    } else {
        answer_token(c, account.id, scopes, text);
    }
}
