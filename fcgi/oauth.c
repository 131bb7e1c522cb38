/* OAuth 2.0's form, errors and client authentication. Secrets are never echoed, never logged, and wiped from the
 * request's memory. */
#include "fcgi/oauth.h"

#include "fcgi/auth.h"
#include "fcgi/metrics.h"

#include "common/base/digest.h"
#include "common/base/log.h"

#include <string.h>

void oauth_error(struct context *c, int status, const char *error, const char *detail)
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

/* Negative: not a form; 1: a parameter stands twice, which RFC 6749 forbids. */
static int read_pairs(struct context *c, struct oauth_form *f)
{
    const struct {
        const char *name;
        struct str *value;
    } fields[] = {{"grant_type", &f->grant_type},       {"username", &f->username},
                  {"password", &f->password},           {"scope", &f->scope},
                  {"client_id", &f->client_id},         {"client_secret", &f->client_secret},
                  {"refresh_token", &f->refresh_token}, {"token", &f->token}};
    enum { N = sizeof fields / sizeof fields[0] };
    bool seen[N] = {false}, twice = false;
    struct str rest = c->req->body, key, value;
    int rc;
    while ((rc = http_form_next(&rest, c->arena, &key, &value, NULL)) == 1) {
        for (size_t i = 0; i < N; i++) {
            if (str_is(key, fields[i].name)) {
                twice = twice || seen[i];
                seen[i] = true;
                *fields[i].value = value;
            }
        }
    }
    return rc < 0 ? rc : twice ? 1 : 0;
}

bool oauth_form_read(struct context *c, struct oauth_form *f)
{
    *f = (struct oauth_form){.scope = {"", 0}};
    http_header(c->res, "Cache-Control", STR("no-store"));
    http_header(c->res, "Pragma", STR("no-cache"));
    if (!body_complete(c, (size_t)setting_int(c->parts->config, CONFIG_TOKEN_BODY_MAX))) {
        return false;
    }
    if (c->req->body.n > 0 && !http_media_type_is(c->req->content_type, "application/x-www-form-urlencoded")) {
        answer_detail(c, 415, "Content-Type must be application/x-www-form-urlencoded");
        return false;
    }
    int rc = read_pairs(c, f);
    if (rc != 0) {
        oauth_error(c, 400, "invalid_request",
                    rc < 0 ? "The form is not percent-encoded UTF-8 text" : "A parameter stands twice");
    }
    return rc == 0;
}

void oauth_form_wipe(struct context *c, struct oauth_form *f)
{
    secret_wipe(f->password);
    secret_wipe(f->client_secret);
    secret_wipe(f->refresh_token);
    secret_wipe(f->token);
    secret_wipe(c->req->body);
}

/* ---- clients --------------------------------------------------------------------------------------------------- */

static int refuse_client(struct context *c, const char *reason)
{
    log_event(LOG_WARN, "client refused", LOG_STR("req", c->req->request_id), LOG_STR("address", c->req->address),
              LOG_CSTR("reason", reason));
    metrics_auth_failure(c, reason);
    http_header(c->res, "WWW-Authenticate", STR("Basic realm=\"mercredi\""));
    oauth_error(c, 401, "invalid_client", "No client with these credentials is known");
    return -1;
}

int oauth_client(struct context *c, const struct oauth_form *f, struct client *out)
{
    struct mrc_err err = {0};
    struct str id = f->client_id, secret = f->client_secret, basic_id, basic_secret;
    int basic = basic_credentials(c->req->authorization, c->arena, &basic_id, &basic_secret);
    if (basic < 0) {
        return refuse_client(c, "malformed Basic credentials");
    }
    if (basic == 1 && secret.n > 0) {
        oauth_error(c, 400, "invalid_request", "A client says who it is in one way, not in two");
        return -1;
    }
    if (basic == 1) {
        id = basic_id;
        secret = basic_secret;
    }
    if (secret.n == 0 && basic == 0) {
        return 0;
    }
    int rc = c->parts->store == NULL ? mrc_fail(&err, MRC_EBUSY, "no state database")
                                     : store_client_get(c->parts->store, id, c->arena, out, &err);
    bool fits =
        rc == MRC_OK || rc == MRC_ENOTFOUND ? secret_fits(rc == MRC_OK ? out->secret_hash : STR(""), secret) : false;
    if (basic == 1) {
        secret_wipe(basic_secret);
    }
    if (rc < 0 && rc != MRC_ENOTFOUND) {
        answer_err(c, &err);
        return -1;
    }
    if (!fits || out->disabled) {
        return refuse_client(c, rc != MRC_OK ? "no such client" : fits ? "disabled" : "wrong secret");
    }
    return 1;
}

/* ---- guessing -------------------------------------------------------------------------------------------------- */

/* What is limited: everything from an address, an account from an address, an account. Never the same key for two of
 * them, whatever the name. */
static uint64_t login_key(struct context *c, const char *what, struct str address, struct str username)
{
    struct buf name;
    unsigned char digest[SHA256_BYTES];
    uint64_t key;
    buf_init(&name, c->arena, 16 * 1024);
    buf_puts(&name, what);
    buf_char(&name, ' ');
    buf_str(&name, address);
    buf_char(&name, ' ');
    buf_str(&name, username);
    sha256(buf_text(&name), digest);
    memcpy(&key, digest, sizeof key);
    return key | 1;
}

/* Guessing one account from one address soon waits for minutes. From many addresses only seconds: whoever knows a name
 * must not be able to lock its owner out. */
static const struct {
    const char *name;
    bool by_address;
    unsigned free;
    int64_t longest_ms; /* at most the setting's */
} backoffs[] = {{"backoff", true, 5, INT64_MAX}, {"backoff of account", false, 50, 5000}};
enum { N_BACKOFFS = sizeof backoffs / sizeof backoffs[0] };

static uint64_t backoff_key(struct context *c, size_t i, struct str username)
{
    return login_key(c, backoffs[i].name, backoffs[i].by_address ? c->req->address : STR("any"), username);
}

static int64_t backoff_wait(struct context *c, struct str username)
{
    int64_t longest = 0;
    for (size_t i = 0; i < N_BACKOFFS && setting_int(c->parts->config, CONFIG_LOGIN_BACKOFF) > 0; i++) {
        int64_t wait = shared_backoff_wait(c->parts->shared, backoff_key(c, i, username), c->now_ms);
        longest = wait > longest ? wait : longest;
    }
    return longest;
}

void oauth_login_ended(struct context *c, struct str username, bool good)
{
    int64_t most = setting_int(c->parts->config, CONFIG_LOGIN_BACKOFF);
    for (size_t i = 0; i < N_BACKOFFS && most > 0; i++) {
        uint64_t key = backoff_key(c, i, username);
        if (good) {
            shared_backoff_clear(c->parts->shared, key);
        } else {
            shared_backoff_fail(c->parts->shared, key, c->now_ms, backoffs[i].free,
                                most < backoffs[i].longest_ms ? most : backoffs[i].longest_ms);
        }
    }
}

/* Milliseconds until the rate allows another login; 0: now. */
static int64_t rate_wait(struct context *c, struct str username)
{
    int64_t per_minute = setting_int(c->parts->config, CONFIG_LOGINS_PER_MINUTE);
    if (per_minute == 0) {
        return 0;
    }
    uint64_t all = login_key(c, "login", c->req->address, STR("")),
             one = login_key(c, "login", c->req->address, username);
    int64_t wait = shared_rate(c->parts->shared, all, c->now_ms, 60000 / (10 * per_minute), 10 * per_minute);
    return wait > 0 ? wait : shared_rate(c->parts->shared, one, c->now_ms, 60000 / per_minute, per_minute);
}

bool oauth_rate_allows(struct context *c, struct str username)
{
    int64_t wait = backoff_wait(c, username);
    wait = wait > 0 ? wait : rate_wait(c, username);
    if (wait > 0) {
        struct buf seconds;
        buf_init(&seconds, c->arena, 32);
        buf_printf(&seconds, "%lld", (long long)((wait + 999) / 1000));
        log_event(LOG_WARN, "logins too fast", LOG_STR("req", c->req->request_id), LOG_STR("address", c->req->address));
        metrics_rate_limited(c);
        http_header(c->res, "Retry-After", buf_text(&seconds));
        oauth_error(c, 429, "temporarily_unavailable", "Too many logins, try again later");
    }
    return wait == 0;
}

int oauth_password(struct context *c, struct str hash, struct str password, struct mrc_err *err)
{
    if (password.n > PASSWORD_MAX) {
        return mrc_fail(err, MRC_EDENIED, "password longer than %d bytes", PASSWORD_MAX);
    }
    int entered = gate_enter(c->parts->hash_gate);
    if (entered < 0) {
        return mrc_fail(err, entered, "the gate of password hashes");
    }
    bool fits = password_verify(hash, password);
    gate_leave(c->parts->hash_gate);
    return fits ? MRC_OK : mrc_fail(err, MRC_EDENIED, "wrong password");
}
