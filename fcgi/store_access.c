/* Clients, keys, refresh tokens, revocations and the audit record over a database driver. */
#include "fcgi/store_access.h"

#include "fcgi/store_parts.h"
#include "queries.h"

int store_begin(struct store *s, struct mrc_err *err)
{
    return s->driver->begin(s->db, err);
}

int store_commit(struct store *s, struct mrc_err *err)
{
    return s->driver->commit(s->db, err);
}

void store_rollback(struct store *s)
{
    s->driver->rollback(s->db);
}

int store_account_set_scopes(struct store *s, struct str id, unsigned scopes, struct mrc_err *err)
{
    struct sql_value args[] = {sql_integer(scopes), sql_text(id)};
    return store_run_on_one(s, Q_account_set_scopes, args, 2, "account", err);
}

/* ---- clients --------------------------------------------------------------------------------------------------- */

int store_client_add(struct store *s, const struct client *c, struct mrc_err *err)
{
    struct sql_value args[] = {
        sql_text(c->id),          sql_text(c->secret_hash),   sql_integer(c->scopes),
        sql_integer(c->disabled), sql_integer(c->created_ms), sql_integer(c->tokens_valid_from_ms)};
    int rc = store_run(s, Q_client_add, args, 6, err);
    return rc == MRC_ECONFLICT ? mrc_fail(err, rc, "a client named %.*s exists", STR_ARG(c->id)) : rc;
}

static struct client client_of(const struct sql_value *v)
{
    return (struct client){.id = v[0].text,
                           .secret_hash = v[1].text,
                           .scopes = (unsigned)v[2].integer,
                           .disabled = v[3].integer != 0,
                           .created_ms = v[4].integer,
                           .tokens_valid_from_ms = v[5].integer};
}

static void read_client(struct copier *c, const struct sql_value *v, void *out)
{
    struct client *client = out;
    *client = client_of(v);
    client->id = copy_column(c, &v[0]);
    client->secret_hash = copy_column(c, &v[1]);
}

int store_client_get(struct store *s, struct str id, struct arena *a, struct client *out, struct mrc_err *err)
{
    struct sql_value arg = sql_text(id);
    return store_find(s, Q_client_by_id, &arg, 1, read_client, out, a, "client", err);
}

int store_client_set_disabled(struct store *s, struct str id, bool disabled, int64_t from_ms, struct mrc_err *err)
{
    struct sql_value args[] = {sql_integer(disabled), sql_integer(from_ms), sql_text(id)};
    return store_run_on_one(s, Q_client_set_disabled, args, 3, "client", err);
}

struct client_visit {
    int (*cb)(const struct client *c, void *arg);
    void *arg;
};

static int visit_client(const struct sql_value *columns, size_t n, void *arg)
{
    struct client_visit *v = arg;
    struct client c = client_of(columns);
    (void)n;
    return v->cb(&c, v->arg);
}

int store_client_each(struct store *s, int (*cb)(const struct client *c, void *arg), void *arg, struct mrc_err *err)
{
    struct client_visit v = {.cb = cb, .arg = arg};
    return s->driver->query(s->db, Q_client_each, NULL, 0, visit_client, &v, NULL, err);
}

/* ---- API keys -------------------------------------------------------------------------------------------------- */

int store_key_add(struct store *s, const struct api_key *k, struct mrc_err *err)
{
    struct sql_value args[] = {
        sql_text(k->id),        sql_text(k->account_id),    sql_text(k->label),         sql_text(k->secret_hash),
        sql_integer(k->scopes), sql_integer(k->created_ms), sql_integer(k->expires_ms), sql_integer(k->revoked_ms)};
    return store_run(s, Q_key_add, args, 8, err);
}

static struct api_key key_of(const struct sql_value *v)
{
    return (struct api_key){.id = v[0].text,
                            .account_id = v[1].text,
                            .label = v[2].text,
                            .secret_hash = v[3].text,
                            .scopes = (unsigned)v[4].integer,
                            .created_ms = v[5].integer,
                            .expires_ms = v[6].integer,
                            .revoked_ms = v[7].integer};
}

static void read_key(struct copier *c, const struct sql_value *v, void *out)
{
    struct api_key *key = out;
    *key = key_of(v);
    key->id = copy_column(c, &v[0]);
    key->account_id = copy_column(c, &v[1]);
    key->label = copy_column(c, &v[2]);
    key->secret_hash = copy_column(c, &v[3]);
}

int store_key_get(struct store *s, struct str id, struct arena *a, struct api_key *out, struct mrc_err *err)
{
    struct sql_value arg = sql_text(id);
    return store_find(s, Q_key_by_id, &arg, 1, read_key, out, a, "key", err);
}

int store_key_revoke(struct store *s, struct str id, int64_t now_ms, struct mrc_err *err)
{
    struct sql_value args[] = {sql_integer(now_ms), sql_text(id)};
    return store_run_on_one(s, Q_key_revoke, args, 2, "key", err);
}

struct key_visit {
    int (*cb)(const struct api_key *k, void *arg);
    void *arg;
};

static int visit_key(const struct sql_value *columns, size_t n, void *arg)
{
    struct key_visit *v = arg;
    struct api_key k = key_of(columns);
    (void)n;
    return v->cb(&k, v->arg);
}

int store_key_each(struct store *s, int (*cb)(const struct api_key *k, void *arg), void *arg, struct mrc_err *err)
{
    struct key_visit v = {.cb = cb, .arg = arg};
    return s->driver->query(s->db, Q_key_each, NULL, 0, visit_key, &v, NULL, err);
}

/* ---- refresh tokens -------------------------------------------------------------------------------------------- */

static int add_refresh(struct store *s, const struct refresh *r, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(r->hash),         sql_text(r->family),       sql_text(r->account_id),
                               sql_integer(r->scopes),    sql_integer(r->family_ms), sql_integer(r->issued_ms),
                               sql_integer(r->expires_ms)};
    return store_run(s, Q_refresh_add, args, 7, err);
}

static int begin_family(struct store *s, const struct refresh *r, int64_t families_max, struct mrc_err *err)
{
    struct sql_value now = sql_integer(r->issued_ms);
    struct sql_value oldest[] = {sql_text(r->account_id), sql_integer(families_max)};
    MRC_TRY(store_run(s, Q_refresh_end_expired, &now, 1, err));
    MRC_TRY(add_refresh(s, r, err));
    return store_run(s, Q_refresh_end_oldest, oldest, 2, err);
}

int store_refresh_begin(struct store *s, const struct refresh *r, int64_t families_max, struct mrc_err *err)
{
    MRC_TRY(store_begin(s, err));
    return store_settle(s, begin_family(s, r, families_max, err), err);
}

static void read_refresh(struct copier *c, const struct sql_value *v, void *out)
{
    *(struct refresh *)out = (struct refresh){.hash = copy_column(c, &v[0]),
                                              .family = copy_column(c, &v[1]),
                                              .account_id = copy_column(c, &v[2]),
                                              .scopes = (unsigned)v[3].integer,
                                              .family_ms = v[4].integer,
                                              .issued_ms = v[5].integer,
                                              .expires_ms = v[6].integer,
                                              .used_ms = v[7].integer};
}

int store_refresh_find(struct store *s, struct str hash, struct arena *a, struct refresh *out, struct mrc_err *err)
{
    struct sql_value arg = sql_text(hash);
    return store_find(s, Q_refresh_by_hash, &arg, 1, read_refresh, out, a, "refresh token", err);
}

static int rotate(struct store *s, struct str used_hash, int64_t now_ms, const struct refresh *next,
                  struct mrc_err *err)
{
    struct sql_value args[] = {sql_integer(now_ms), sql_text(used_hash)};
    int rc = store_run_on_one(s, Q_refresh_use, args, 2, "unused refresh token", err);
    if (rc == MRC_ENOTFOUND) {
        return mrc_fail(err, MRC_ECONFLICT, "the refresh token was used already");
    }
    return rc < 0 ? rc : add_refresh(s, next, err);
}

int store_refresh_rotate(struct store *s, struct str used_hash, int64_t now_ms, const struct refresh *next,
                         struct mrc_err *err)
{
    MRC_TRY(store_begin(s, err));
    return store_settle(s, rotate(s, used_hash, now_ms, next, err), err);
}

int store_refresh_end(struct store *s, struct str family, struct mrc_err *err)
{
    struct sql_value arg = sql_text(family);
    return store_run(s, Q_refresh_end_family, &arg, 1, err);
}

/* ---- revoked access tokens ------------------------------------------------------------------------------------- */

static int revoke_token(struct store *s, struct str id, int64_t expires_ms, int64_t now_ms, struct mrc_err *err)
{
    struct sql_value now = sql_integer(now_ms), args[] = {sql_text(id), sql_integer(expires_ms)};
    MRC_TRY(store_run(s, Q_revoked_end_expired, &now, 1, err));
    return store_run(s, Q_revoked_add, args, 2, err);
}

int store_revoke_token(struct store *s, struct str id, int64_t expires_ms, int64_t now_ms, struct mrc_err *err)
{
    MRC_TRY(store_begin(s, err));
    return store_settle(s, revoke_token(s, id, expires_ms, now_ms, err), err);
}

static int note_row(const struct sql_value *columns, size_t n, void *arg)
{
    (void)columns;
    (void)n;
    *(bool *)arg = true;
    return MRC_OK;
}

int store_token_revoked(struct store *s, struct str id, struct mrc_err *err)
{
    struct sql_value arg = sql_text(id);
    bool found = false;
    MRC_TRY(s->driver->query(s->db, Q_revoked_find, &arg, 1, note_row, &found, NULL, err));
    return found ? 1 : 0;
}

/* ---- administrative acts --------------------------------------------------------------------------------------- */

int store_audit_add(struct store *s, const struct audit *a, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(a->id),      sql_integer(a->time_ms), sql_text(a->actor),     sql_text(a->act),
                               sql_text(a->subject), sql_text(a->detail),     sql_text(a->request_id)};
    return store_run(s, Q_audit_add, args, 7, err);
}

static void read_audit(struct copier *c, const struct sql_value *v, void *out)
{
    *(struct audit *)out = (struct audit){.id = copy_column(c, &v[0]),
                                          .time_ms = v[1].integer,
                                          .actor = copy_column(c, &v[2]),
                                          .act = copy_column(c, &v[3]),
                                          .subject = copy_column(c, &v[4]),
                                          .detail = copy_column(c, &v[5]),
                                          .request_id = copy_column(c, &v[6])};
}

int store_audit_list(struct store *s, struct str cursor, uint32_t limit, struct arena *a, struct audit **out, size_t *n,
                     struct mrc_err *err)
{
    void *rows = NULL;
    if (limit < 1 || limit > 1000) {
        return mrc_fail(err, MRC_EINVAL, "limit %u is outside 1-1000", limit);
    }
    struct sql_value args[] = {sql_text(cursor.n > 0 ? cursor : STR(AFTER_ALL_IDS)), sql_integer(limit)};
    MRC_TRY(store_list(s, Q_audit_list, args, 2, read_audit, sizeof(**out), limit, a, &rows, n, err));
    *out = rows;
    return MRC_OK;
}
