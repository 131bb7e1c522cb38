/* POST /token: OAuth 2.0's password grant (RFC 6749 §4.3) as FastAPI's clients and Swagger's "Authorize" button send
 * it.
 *
 * Errors carry both FastAPI's `detail` and RFC 6749's `error`. A password is never echoed, never logged, and wiped from
 * the request's memory. Unknown, disabled and wrong password do the same work and get the same answer. */
#include "fcgi/app_state.h"
#include "fcgi/auth.h"
#include "fcgi/handlers.h"
#include "fcgi/shared.h"
#include "fcgi/token.h"

#include "common/base/digest.h"

#include "common/base/log.h"

#include <string.h>

struct form {
    struct str grant_type, username, password, scope, client_id, client_secret;
    bool twice; /* a parameter stands twice: RFC 6749 forbids it */
};

static void answer_error(struct context *c, int status, const char *error, const char *detail)
{
    struct json_out w;
    buf_reset(&c->res->body);
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_pair_cstr(&w, "detail", detail);
    json_pair_cstr(&w, "error", error);
    json_pair_cstr(&w, "error_description", detail);
    json_close_object(&w);
    answer_json(c, status);
}

static bool read_form(struct context *c, struct form *f)
{
    const struct {
        const char *name;
        struct str *value;
    } fields[] = {{"grant_type", &f->grant_type}, {"username", &f->username},   {"password", &f->password},
                  {"scope", &f->scope},           {"client_id", &f->client_id}, {"client_secret", &f->client_secret}};
    enum { N = sizeof fields / sizeof fields[0] };
    bool seen[N] = {false};
    struct str rest = c->req->body, key, value;
    *f = (struct form){.twice = false};
    int rc;
    while ((rc = http_form_next(&rest, c->arena, &key, &value, NULL)) == 1) {
        for (size_t i = 0; i < N; i++) {
            if (str_is(key, fields[i].name)) {
                f->twice = f->twice || seen[i];
                seen[i] = true;
                *fields[i].value = value;
            }
        }
    }
    return rc == 0;
}

/* A Basic header with id and secret both empty ("Og==") is what Swagger UI sends for "no client". */
static bool has_client(struct str authorization)
{
    struct str pair = http_credentials(authorization, "basic");
    return pair.n > 0 && !str_is(pair, "Og==");
}

/* The checks that need no account. true: go on. */
static bool form_valid(struct context *c, const struct form *f)
{
    struct problems problems = {0};
    struct mrc_err err = {0};
    if (f->twice) {
        answer_error(c, 400, "invalid_request", "A parameter stands twice");
        return false;
    }
    if (f->grant_type.n > 0 && !str_is(f->grant_type, "password")) {
        answer_error(c, 400, "unsupported_grant_type", "grant_type must be password");
        return false;
    }
    if (has_client(c->req->authorization) || f->client_secret.n > 0) {
        http_header(c->res, "WWW-Authenticate", STR("Basic realm=\"mercredi\""));
        answer_error(c, 401, "invalid_client", "No client with these credentials is known");
        return false;
    }
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

/* Account with this name and password. MRC_EDENIED when they do not fit, MRC_EBUSY when too many hash at once. */
static int log_in(struct context *c, const struct form *f, struct account *account, struct mrc_err *err)
{
    if (c->parts->store == NULL) {
        return mrc_fail(err, MRC_EBUSY, "no state database");
    }
    int rc = username_valid(f->username) ? store_account_by_name(c->parts->store, f->username, c->arena, account, err)
                                         : MRC_ENOTFOUND;
    if (rc < 0 && rc != MRC_ENOTFOUND) {
        return rc;
    }
    if (f->password.n > PASSWORD_MAX) {
        return mrc_fail(err, MRC_EDENIED, "password longer than %d bytes", PASSWORD_MAX);
    }
    int entered = gate_enter(c->parts->hash_gate);
    if (entered < 0) {
        return mrc_fail(err, entered, "the gate of password hashes");
    }
    bool fits = password_verify(rc == MRC_OK ? account->password_hash : (struct str){"", 0}, f->password);
    gate_leave(c->parts->hash_gate);
    if (!fits || account->disabled) {
        return mrc_fail(err, MRC_EDENIED, "%s",
                        rc != MRC_OK ? "no such account"
                        : fits       ? "disabled"
                                     : "wrong password");
    }
    return MRC_OK;
}

/* Milliseconds until this address may try again for all accounts (no name) or this one; 0: now. */
static int64_t rate_wait(struct context *c, struct str username, int64_t per_minute)
{
    struct buf name;
    unsigned char digest[SHA256_BYTES];
    uint64_t key;
    buf_init(&name, c->arena, 16 * 1024);
    buf_puts(&name, "login ");
    buf_str(&name, c->req->address);
    buf_char(&name, ' ');
    buf_str(&name, username);
    sha256(buf_text(&name), digest);
    memcpy(&key, digest, sizeof key);
    return shared_rate(c->parts->shared, key | 1, c->now_ms, 60000 / per_minute, per_minute);
}

/* Guessing is slowed down before it costs a hash. The account's limit counts per address, so that nobody can lock out
 * somebody else. false: answered. */
static bool rate_allows(struct context *c, const struct form *f)
{
    int64_t per_minute = setting_int(c->parts->config, CONFIG_LOGINS_PER_MINUTE);
    if (per_minute == 0) {
        return true;
    }
    int64_t wait = rate_wait(c, STR(""), 10 * per_minute);
    wait = wait > 0 ? wait : rate_wait(c, f->username, per_minute);
    if (wait > 0) {
        struct buf seconds;
        buf_init(&seconds, c->arena, 32);
        buf_printf(&seconds, "%lld", (long long)((wait + 999) / 1000));
        log_event(LOG_WARN, "logins too fast", LOG_STR("req", c->req->request_id), LOG_STR("address", c->req->address));
        http_header(c->res, "Retry-After", buf_text(&seconds));
        answer_error(c, 429, "temporarily_unavailable", "Too many logins, try again later");
    }
    return wait == 0;
}

static void answer_token(struct context *c, const struct account *account, unsigned scopes)
{
    struct mrc_err err = {0};
    struct str token;
    struct buf scope;
    struct json_out w;
    int64_t lifetime_s = setting_int(c->parts->config, CONFIG_TOKEN_LIFETIME) / 1000;
    buf_init(&scope, c->arena, 128);
    scopes_write(scopes, &scope);
    if (token_make(c->app->tokens, account->id, buf_text(&scope), c->now_ms / 1000, c->arena, &token, &err) < 0) {
        answer_err(c, &err);
        return;
    }
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_pair_str(&w, "access_token", token);
    json_pair_cstr(&w, "token_type", "bearer");
    json_pair_i64(&w, "expires_in", lifetime_s);
    json_pair_str(&w, "scope", buf_text(&scope));
    json_close_object(&w);
    answer_json(c, 200);
}

static void grant(struct context *c, const struct form *f)
{
    struct mrc_err err = {0};
    struct account account = {0};
    unsigned wanted;
    int rc = log_in(c, f, &account, &err);
    if (rc == MRC_EDENIED) {
        log_event(LOG_WARN, "login refused", LOG_STR("req", c->req->request_id), LOG_STR("address", c->req->address),
                  LOG_CSTR("reason", err.msg));
        http_header(c->res, "WWW-Authenticate", STR("Bearer"));
        answer_error(c, 401, "invalid_grant", "Incorrect username or password");
    } else if (rc == MRC_EBUSY) {
        http_header(c->res, "Retry-After", STR("1"));
        answer_error(c, 503, "temporarily_unavailable", "Too many logins at once, try again");
    } else if (rc < 0) {
        answer_err(c, &err);
    } else if (!scopes_parse(f->scope, &wanted) || (wanted & ~account.scopes) != 0) {
        answer_error(c, 400, "invalid_scope", "A scope is unknown or not granted to this account");
    } else {
        answer_token(c, &account, wanted == 0 ? account.scopes : wanted);
    }
}

void h_token(struct context *c)
{
    struct form f;
    http_header(c->res, "Cache-Control", STR("no-store"));
    http_header(c->res, "Pragma", STR("no-cache"));
    if (!body_complete(c, (size_t)setting_int(c->parts->config, CONFIG_TOKEN_BODY_MAX))) {
        return;
    }
    if (c->req->body.n > 0 && !http_media_type_is(c->req->content_type, "application/x-www-form-urlencoded")) {
        answer_detail(c, 415, "Content-Type must be application/x-www-form-urlencoded");
        return;
    }
    if (!read_form(c, &f)) {
        answer_error(c, 400, "invalid_request", "The form is not percent-encoded UTF-8 text");
    } else if (form_valid(c, &f) && rate_allows(c, &f)) {
        grant(c, &f);
    }
    secret_wipe(f.password);
    secret_wipe(c->req->body);
}
