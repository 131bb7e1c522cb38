/* POST /token: OAuth 2.0's grants, as FastAPI's clients and Swagger's "Authorize" button send them; errors carry both
 * FastAPI's `detail` and RFC 6749's `error`. POST /revoke (RFC 7009), and the document that lists what there is (RFC
 * 8414). */
#include "fcgi/app_state.h"
#include "fcgi/auth.h"
#include "fcgi/handlers.h"
#include "fcgi/oauth.h"
#include "fcgi/token.h"

#include "common/base/log.h"

static const struct {
    const char *name;
    void (*run)(struct context *c, const struct oauth_form *f);
} grants[] = {{"password", grant_password}, {"client_credentials", grant_client}, {"refresh_token", grant_refresh}};
enum { N_GRANTS = sizeof grants / sizeof grants[0] };

static void run_grant(struct context *c, const struct oauth_form *f)
{
    struct client client = {0};
    size_t i = 0;
    while (f->grant_type.n > 0 && i < N_GRANTS && !str_is(f->grant_type, grants[i].name)) {
        i++;
    }
    if (i == N_GRANTS) {
        oauth_error(c, 400, "unsupported_grant_type",
                    "grant_type must be password, client_credentials or refresh_token");
    } else if (grants[i].run == grant_client || oauth_client(c, f, &client) >= 0) { /* who names a client proves it */
        grants[i].run(c, f);
    }
}

void h_token(struct context *c)
{
    struct oauth_form f;
    if (oauth_form_read(c, &f)) {
        run_grant(c, &f);
    }
    oauth_form_wipe(c, &f);
}

/* ---- revocation ------------------------------------------------------------------------------------------------ */

/* End what the text is: a refresh token's family, an API key, an access token. Whoever has it may end it. Unknown: done
 * already. */
static int revoke(struct context *c, struct str token, struct mrc_err *err)
{
    struct str id, secret;
    char hash[65];
    if (c->parts->store == NULL) {
        return mrc_fail(err, MRC_EBUSY, "no state database");
    }
    if (str_starts(token, "mrr_")) {
        struct refresh r = {.scopes = 0};
        refresh_hash(token, hash);
        int rc = store_refresh_find(c->parts->store, str_of(hash), c->arena, &r, err);
        return rc == MRC_OK ? store_refresh_end(c->parts->store, r.family, err) : rc;
    }
    if (key_split(token, &id, &secret)) {
        struct api_key key = {.secret_hash = {"", 0}};
        int rc = store_key_get(c->parts->store, id, c->arena, &key, err);
        if (rc < 0 && rc != MRC_ENOTFOUND) {
            return rc;
        }
        bool fits = secret_fits(rc == MRC_OK ? key.secret_hash : STR(""), secret);
        return fits ? store_key_revoke(c->parts->store, id, c->now_ms, err) : MRC_OK;
    }
    struct token_claims claims;
    MRC_TRY(token_check(c->app->tokens, token, c->now_ms / 1000, c->arena, &claims, err));
    return store_revoke_token(c->parts->store, claims.id, claims.expires_s * 1000, c->now_ms, err);
}

void h_revoke(struct context *c)
{
    struct oauth_form f;
    struct client client = {0};
    struct mrc_err err = {0};
    if (oauth_form_read(c, &f) && oauth_client(c, &f, &client) >= 0) {
        int rc = f.token.n == 0 ? MRC_EINVAL : revoke(c, f.token, &err);
        if (f.token.n == 0) {
            oauth_error(c, 400, "invalid_request", "token is missing");
        } else if (rc < 0 && rc != MRC_EDENIED && rc != MRC_ENOTFOUND) {
            answer_err(c, &err);
        } else {
            log_event(LOG_INFO, "token revoked", LOG_STR("req", c->req->request_id),
                      LOG_CSTR("known", rc == MRC_OK ? "yes" : "no"));
            buf_puts(&c->res->body, "{}");
            answer_json(c, 200);
        }
    }
    oauth_form_wipe(c, &f);
}

/* ---- metadata -------------------------------------------------------------------------------------------------- */

/* Where clients reach us: the setting, else what this request was sent to. */
static void put_base(struct context *c, struct buf *b)
{
    struct str url = setting_text(c->parts->config, CONFIG_PUBLIC_URL);
    if (url.n > 0) {
        buf_str(b, (struct str){url.p, url.p[url.n - 1] == '/' ? url.n - 1 : url.n});
        return;
    }
    buf_puts(b, c->req->https ? "https://" : "http://");
    buf_str(b, c->req->host.n > 0 ? c->req->host : STR("localhost"));
}

static void put_list(struct json_out *w, const char *key, const char *const *names, size_t n)
{
    json_put_key(w, key);
    json_open_array(w);
    for (size_t i = 0; i < n; i++) {
        json_put_cstr(w, names[i]);
    }
    json_close_array(w);
}

static void put_endpoint(struct json_out *w, const char *key, struct buf *base, const char *path)
{
    size_t n = base->n;
    buf_puts(base, path);
    json_pair_str(w, key, buf_text(base));
    base->n = n;
}

void h_oauth_metadata(struct context *c)
{
    static const char *const methods[] = {"client_secret_basic", "client_secret_post", "none"};
    const char *names[SCOPE__COUNT], *grant_names[N_GRANTS];
    struct json_out w;
    struct buf base;
    size_t n = 0;
    buf_init(&base, c->arena, 2048);
    put_base(c, &base);
    for (int s = SCOPE_NONE + 1; s < SCOPE__COUNT; s++) {
        names[n++] = scope_name((enum scope)s);
    }
    for (size_t i = 0; i < N_GRANTS; i++) {
        grant_names[i] = grants[i].name;
    }
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    put_endpoint(&w, "issuer", &base, "");
    put_endpoint(&w, "token_endpoint", &base, "/token");
    put_endpoint(&w, "revocation_endpoint", &base, "/revoke");
    put_endpoint(&w, "service_documentation", &base, "/docs");
    put_list(&w, "scopes_supported", names, n);
    put_list(&w, "response_types_supported", NULL, 0);
    put_list(&w, "grant_types_supported", grant_names, N_GRANTS);
    put_list(&w, "token_endpoint_auth_methods_supported", methods, 3);
    put_list(&w, "revocation_endpoint_auth_methods_supported", methods, 3);
    json_close_object(&w);
    answer_json(c, 200);
}
