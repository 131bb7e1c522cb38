/* Accounts: whose token this is, a new password of one's own, and for administrators the list, new accounts and
 * changes. Every change is recorded with who made it. */
#include "fcgi/audit.h"
#include "fcgi/auth.h"
#include "fcgi/handlers.h"
#include "fcgi/oauth.h"

#include "common/base/digest.h"
#include "common/base/log.h"

/* ---- answers --------------------------------------------------------------------------------------------------- */

static void put_user(struct json_out *w, struct str username, unsigned scopes, bool disabled)
{
    json_open_object(w);
    json_pair_str(w, "username", username);
    json_put_key(w, "scopes");
    json_open_array(w);
    for (int s = SCOPE_NONE + 1; s < SCOPE__COUNT; s++) {
        if ((scopes >> s & 1) != 0) {
            json_put_cstr(w, scope_name((enum scope)s));
        }
    }
    json_close_array(w);
    json_pair_bool(w, "disabled", disabled);
    json_close_object(w);
}

static void answer_user(struct context *c, struct str username, unsigned scopes, bool disabled)
{
    struct json_out w;
    json_out_init(&w, &c->res->body);
    put_user(&w, username, scopes, disabled);
    answer_json(c, 200);
}

void h_me(struct context *c)
{
    answer_user(c, c->caller.username, c->caller.scopes, false); /* a disabled account has no valid token */
}

static int put_account(const struct account *a, void *arg)
{
    put_user(arg, a->username, a->scopes, a->disabled);
    return MRC_OK;
}

void h_users(struct context *c)
{
    struct json_out w;
    struct mrc_err err = {0};
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_put_key(&w, "users");
    json_open_array(&w);
    if (store_account_each(c->parts->store, put_account, &w, &err) < 0) {
        answer_err(c, &err);
        return;
    }
    json_close_array(&w);
    json_close_object(&w);
    answer_json(c, 200);
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

struct user_body { /* absent: empty, or has_… false */
    struct str username, password, current_password, new_password;
    unsigned scopes;
    bool has_scopes, disabled, has_disabled;
};

enum { NEEDS_USERNAME = 1, NEEDS_PASSWORD = 2, NEEDS_SCOPES = 4, NEEDS_CURRENT = 8 };

static int complain(struct context *c, struct problems *problems, const char *type, const char *field,
                    const char *message, struct mrc_err *err)
{
    struct problem problem = {
        .type = type, .where = "body", .field = str_of(field), .index = -1, .message = str_of(message)};
    return problems_add(c, problems, &problem, err); /* no input: it may be a password */
}

static int read_text(struct context *c, struct problems *problems, const struct json *root, const char *field,
                     bool needed, struct str *out, struct mrc_err *err)
{
    const struct json *v = json_find(root, field);
    struct str text;
    if (v == NULL) {
        return needed ? complain(c, problems, "missing", field, "Field required", err) : MRC_OK;
    }
    if (!json_str(v, &text)) {
        return complain(c, problems, "string_type", field, "Input should be a valid string", err);
    }
    return str_copy(c->arena, text, out) ? MRC_OK : arena_fail(c->arena, err);
}

static int read_password(struct context *c, struct problems *problems, const struct json *root, const char *field,
                         bool needed, struct str *out, struct mrc_err *err)
{
    size_t before = problems->n;
    MRC_TRY(read_text(c, problems, root, field, needed, out, err));
    if (problems->n > before || (out->n == 0 && json_find(root, field) == NULL)) {
        return MRC_OK;
    }
    if (out->n < PASSWORD_MIN) {
        return complain(c, problems, "string_too_short", field, "A password has at least 8 bytes", err);
    }
    return out->n > PASSWORD_MAX
               ? complain(c, problems, "string_too_long", field, "A password has at most 1024 bytes", err)
               : MRC_OK;
}

static int read_scopes(struct context *c, struct problems *problems, const struct json *root, bool needed,
                       struct user_body *out, struct mrc_err *err)
{
    const struct json *list = json_find(root, "scopes");
    if (list == NULL) {
        return needed ? complain(c, problems, "missing", "scopes", "Field required", err) : MRC_OK;
    }
    if (json_type(list) != JSON_ARRAY) {
        return complain(c, problems, "list_type", "scopes", "Input should be a valid list", err);
    }
    out->has_scopes = true;
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        struct str name = {"", 0};
        unsigned bit = 0;
        if (!json_str(item, &name) || !scopes_parse(name, &bit) || bit == 0 || (bit & (bit - 1)) != 0) {
            return complain(c, problems, "literal_error", "scopes",
                            "Input should be 'predict', 'outcome', 'monitor' or 'admin'", err);
        }
        out->scopes |= bit;
    }
    return MRC_OK;
}

static int read_members(struct context *c, struct problems *problems, const struct json *root, unsigned needs,
                        struct user_body *out, struct mrc_err *err)
{
    const struct json *disabled = json_find(root, "disabled");
    if (json_type(root) != JSON_OBJECT) {
        return complain(c, problems, "model_attributes_type", "",
                        "Input should be a valid dictionary or object to extract fields from", err);
    }
    if ((needs & NEEDS_CURRENT) != 0) {
        MRC_TRY(read_text(c, problems, root, "current_password", true, &out->current_password, err));
        return read_password(c, problems, root, "new_password", true, &out->new_password, err);
    }
    size_t before = problems->n;
    if ((needs & NEEDS_USERNAME) != 0) {
        MRC_TRY(read_text(c, problems, root, "username", true, &out->username, err));
        if (problems->n == before && !username_valid(out->username)) {
            MRC_TRY(complain(c, problems, "string_pattern_mismatch", "username",
                             "A name has 1 to 64 characters of A-Z a-z 0-9 . _ @ + -", err));
        }
    }
    MRC_TRY(read_password(c, problems, root, "password", (needs & NEEDS_PASSWORD) != 0, &out->password, err));
    MRC_TRY(read_scopes(c, problems, root, (needs & NEEDS_SCOPES) != 0, out, err));
    out->has_disabled = json_bool(disabled, &out->disabled);
    if (disabled != NULL && !out->has_disabled) {
        MRC_TRY(complain(c, problems, "bool_type", "disabled", "Input should be a valid boolean", err));
    }
    return MRC_OK;
}

static bool read_body(struct context *c, unsigned needs, struct user_body *out)
{
    const struct json_limits limits = {
        .bytes_max = (size_t)setting_int(c->parts->config, CONFIG_TOKEN_BODY_MAX),
        .depth_max = (unsigned)setting_int(c->parts->config, CONFIG_JSON_DEPTH_MAX),
        .values_max = (size_t)setting_int(c->parts->config, CONFIG_JSON_VALUES_MAX),
    };
    struct problems problems = {0};
    struct mrc_err err = {0};
    struct json_doc *doc = NULL;
    *out = (struct user_body){.scopes = 0};
    if (!body_complete(c, (size_t)setting_int(c->parts->config, CONFIG_TOKEN_BODY_MAX))) {
        return false;
    }
    if (!http_media_type_is(c->req->content_type, "application/json")) {
        answer_detail(c, 415, "Content-Type must be application/json");
        return false;
    }
    int rc = json_read(&doc, c->req->body, &limits, NULL, &err);
    if (rc == MRC_EFORMAT || rc == MRC_ELIMIT) {
        rc = complain(c, &problems, "json_invalid", "", "JSON decode error", &err);
    } else if (rc == MRC_OK) {
        rc = read_members(c, &problems, json_root(doc), needs, out, &err);
    }
    json_free(doc);
    if (rc < 0) {
        answer_err(c, &err);
    } else if (problems.n > 0) {
        answer_problems(c, &problems);
    }
    return rc == MRC_OK && problems.n == 0;
}

static void wipe_body(struct context *c, const struct user_body *b)
{
    secret_wipe(b->password);
    secret_wipe(b->current_password);
    secret_wipe(b->new_password);
    secret_wipe(c->req->body);
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

static int hash_password(struct context *c, struct str password, char hash[PASSWORD_HASH_TEXT], struct mrc_err *err)
{
    int rc = gate_enter(c->parts->hash_gate);
    if (rc < 0) {
        return mrc_fail(err, rc, "the gate of password hashes");
    }
    rc = password_hash(password, hash, err);
    gate_leave(c->parts->hash_gate);
    return rc;
}

/* A new password ends every token made before. */
static int set_password(struct context *c, struct str id, const char *hash, struct mrc_err *err)
{
    MRC_TRY(store_account_set_password(c->parts->store, id, str_of(hash), err));
    return store_account_set_tokens_valid_from(c->parts->store, id, c->now_ms, err);
}

static int change_own_password(struct context *c, const struct user_body *b, struct mrc_err *err)
{
    char hash[PASSWORD_HASH_TEXT];
    struct account account = {0};
    MRC_TRY(store_account_by_id(c->parts->store, c->caller.user_id, c->arena, &account, err));
    int rc = oauth_password(c, account.password_hash, b->current_password, err);
    if (rc == MRC_OK || rc == MRC_EDENIED) {
        oauth_login_ended(c, account.username, rc == MRC_OK);
    }
    if (rc == MRC_EDENIED) {
        return mrc_fail(err, rc, "The current password is wrong");
    }
    MRC_TRY(rc);
    MRC_TRY(hash_password(c, b->new_password, hash, err));
    MRC_TRY(store_begin(c->parts->store, err));
    return audit_settle(c, set_password(c, account.id, hash, err), "password change", account.username, STR(""), err);
}

void h_my_password(struct context *c)
{
    struct user_body b;
    struct mrc_err err = {0};
    if (!read_body(c, NEEDS_CURRENT, &b)) {
        /* answered */
    } else if (c->caller.kind != CALLER_USER) {
        answer_detail(c, 403, "Only a user who logged in with a password can change it");
    } else if (oauth_rate_allows(c, c->caller.username)) {
        if (change_own_password(c, &b, &err) < 0) {
            answer_err(c, &err);
        } else {
            answer_user(c, c->caller.username, c->caller.scopes, false);
        }
    }
    wipe_body(c, &b);
}

static struct str scopes_text(struct context *c, unsigned scopes)
{
    struct buf b;
    buf_init(&b, c->arena, 128);
    scopes_write(scopes, &b);
    return buf_text(&b);
}

static int add_user(struct context *c, const struct user_body *b, struct mrc_err *err)
{
    char id[UUID_TEXT], hash[PASSWORD_HASH_TEXT];
    MRC_TRY(hash_password(c, b->password, hash, err));
    uuid7(c->now_ms, id);
    const struct account account = {.id = str_of(id),
                                    .username = b->username,
                                    .password_hash = str_of(hash),
                                    .scopes = b->scopes,
                                    .disabled = b->disabled,
                                    .created_ms = c->now_ms,
                                    .tokens_valid_from_ms = c->now_ms};
    MRC_TRY(store_begin(c->parts->store, err));
    return audit_settle(c, store_account_add(c->parts->store, &account, err), "user add", b->username,
                        scopes_text(c, b->scopes), err);
}

void h_user_add(struct context *c)
{
    struct user_body b;
    struct mrc_err err = {0};
    if (read_body(c, NEEDS_USERNAME | NEEDS_PASSWORD | NEEDS_SCOPES, &b)) {
        if (add_user(c, &b, &err) < 0) {
            answer_err(c, &err);
        } else {
            answer_user(c, b.username, b.scopes, b.disabled);
        }
    }
    wipe_body(c, &b);
}

static int apply(struct context *c, const struct account *a, const struct user_body *b, const char *hash,
                 struct mrc_err *err)
{
    struct store *s = c->parts->store;
    if (b->has_scopes) {
        MRC_TRY(store_account_set_scopes(s, a->id, b->scopes, err));
    }
    if (b->password.n > 0) {
        MRC_TRY(set_password(c, a->id, hash, err));
    }
    if (b->has_disabled) {
        MRC_TRY(store_account_set_disabled(s, a->id, b->disabled, err));
    }
    /* Tokens made before now end, too: they must not come to life again with the account. */
    return b->has_disabled && b->disabled ? store_account_set_tokens_valid_from(s, a->id, c->now_ms, err) : MRC_OK;
}

static int change_user(struct context *c, struct account *a, const struct user_body *b, struct mrc_err *err)
{
    char hash[PASSWORD_HASH_TEXT];
    struct buf detail;
    MRC_TRY(store_account_by_name(c->parts->store, c->argument, c->arena, a, err));
    bool demotes = b->has_scopes && (b->scopes >> SCOPE_ADMIN & 1) == 0;
    if (str_eq(a->id, c->caller.user_id) && (demotes || (b->has_disabled && b->disabled))) {
        return mrc_fail(err, MRC_ECONFLICT, "An administrator cannot take this from itself; another one can");
    }
    if (b->password.n > 0) {
        MRC_TRY(hash_password(c, b->password, hash, err));
    }
    buf_init(&detail, c->arena, 256);
    if (b->has_scopes) {
        buf_puts(&detail, "scopes: ");
        buf_str(&detail, scopes_text(c, b->scopes));
        buf_puts(&detail, "; ");
    }
    buf_puts(&detail, b->password.n > 0 ? "password; " : "");
    buf_puts(&detail, !b->has_disabled ? "" : b->disabled ? "disabled; " : "enabled; ");
    MRC_TRY(store_begin(c->parts->store, err));
    MRC_TRY(audit_settle(c, apply(c, a, b, hash, err), "user change", a->username, buf_text(&detail), err));
    a->scopes = b->has_scopes ? b->scopes : a->scopes;
    a->disabled = b->has_disabled ? b->disabled : a->disabled;
    return MRC_OK;
}

void h_user_change(struct context *c)
{
    struct user_body b;
    struct account account = {0};
    struct mrc_err err = {0};
    if (read_body(c, 0, &b)) {
        if (change_user(c, &account, &b, &err) < 0) {
            answer_err(c, &err);
        } else {
            answer_user(c, account.username, account.scopes, account.disabled);
        }
    }
    wipe_body(c, &b);
}
