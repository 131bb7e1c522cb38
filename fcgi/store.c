/* Accounts and predictions over a database driver: values in, values out, transactions around what belongs together. */
#include "fcgi/store_parts.h"
#include "fcgi/store_pg.h"
#include "fcgi/store_sqlite.h"
#include "queries.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int open_store(struct store **out, enum store_file which, const char *url, bool patiently, struct mrc_err *err)
{
    if (url == NULL || url[0] == '\0') {
        return mrc_fail(err, MRC_EINVAL, "a database needs a path");
    }
    bool server = store_pg_url(url);
    if (!server && strstr(url, "://") != NULL) {
        return mrc_fail(err, MRC_EUNSUPPORTED, "database %.*s…: the path of an SQLite file or postgresql://… is meant",
                        (int)(strstr(url, "://") - url + 3), url);
    }
    struct store *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a database connection");
    }
    s->driver = server ? &store_pg : &store_sqlite;
    s->which = which;
    int rc = s->driver->open(&s->db, which, url, patiently, err);
    if (rc < 0) {
        free(s);
        return rc;
    }
    *out = s;
    return MRC_OK;
}

int store_open(struct store **out, enum store_file which, const char *url, struct mrc_err *err)
{
    return open_store(out, which, url, false, err);
}

int store_open_patiently(struct store **out, enum store_file which, const char *url, struct mrc_err *err)
{
    return open_store(out, which, url, true, err);
}

void store_close(struct store *s)
{
    if (s != NULL) {
        s->driver->close(s->db);
        free(s);
    }
}

int store_ping(struct store *s, struct mrc_err *err)
{
    return s->driver->ping(s->db, false, err);
}

int store_probe(struct store *s, struct mrc_err *err)
{
    return s->driver->ping(s->db, true, err);
}

/* ---- accounts -------------------------------------------------------------------------------------------------- */

enum { ACCOUNT_COLUMNS = 7 };

int store_account_add(struct store *s, const struct account *a, struct mrc_err *err)
{
    struct sql_value args[ACCOUNT_COLUMNS] = {sql_text(a->id),
                                              sql_text(a->username),
                                              sql_text(a->password_hash),
                                              sql_integer(a->scopes),
                                              sql_integer(a->disabled),
                                              sql_integer(a->created_ms),
                                              sql_integer(a->tokens_valid_from_ms)};
    int rc = s->driver->query(s->db, Q_account_add, args, ACCOUNT_COLUMNS, NULL, NULL, NULL, err);
    if (rc == MRC_ECONFLICT) {
        return mrc_fail(err, rc, "an account named %.*s exists", (int)(a->username.n < 100 ? a->username.n : 100),
                        a->username.p);
    }
    return rc;
}

/* A row as it stands in the result, not copied. */
static struct account account_of(const struct sql_value *c)
{
    return (struct account){.id = c[0].text,
                            .username = c[1].text,
                            .password_hash = c[2].text,
                            .scopes = (unsigned)c[3].integer,
                            .disabled = c[4].integer != 0,
                            .created_ms = c[5].integer,
                            .tokens_valid_from_ms = c[6].integer};
}

static void read_account(struct copier *c, const struct sql_value *v, void *out)
{
    struct account *a = out;
    *a = account_of(v);
    a->id = copy_column(c, &v[0]);
    a->username = copy_column(c, &v[1]);
    a->password_hash = copy_column(c, &v[2]);
}

static int find_account(struct store *s, int q, struct str key, struct arena *a, struct account *out,
                        struct mrc_err *err)
{
    struct sql_value arg = sql_text(key);
    return store_find(s, q, &arg, 1, read_account, out, a, "account", err);
}

int store_account_by_name(struct store *s, struct str username, struct arena *a, struct account *out,
                          struct mrc_err *err)
{
    return find_account(s, Q_account_by_name, username, a, out, err);
}

int store_account_by_id(struct store *s, struct str id, struct arena *a, struct account *out, struct mrc_err *err)
{
    return find_account(s, Q_account_by_id, id, a, out, err);
}

/* UPDATE … SET one value WHERE id. */
static int update_account(struct store *s, int q, struct sql_value value, struct str id, struct mrc_err *err)
{
    struct sql_value args[] = {value, sql_text(id)};
    return store_run_on_one(s, q, args, 2, "account", err);
}

int store_account_set_password(struct store *s, struct str id, struct str password_hash, struct mrc_err *err)
{
    return update_account(s, Q_account_set_password, sql_text(password_hash), id, err);
}

int store_account_set_disabled(struct store *s, struct str id, bool disabled, struct mrc_err *err)
{
    return update_account(s, Q_account_set_disabled, sql_integer(disabled), id, err);
}

int store_account_set_tokens_valid_from(struct store *s, struct str id, int64_t from_ms, struct mrc_err *err)
{
    return update_account(s, Q_account_set_tokens_valid_from, sql_integer(from_ms), id, err);
}

struct account_visit {
    int (*cb)(const struct account *a, void *arg);
    void *arg;
};

static int visit_account(const struct sql_value *columns, size_t n, void *arg)
{
    struct account_visit *v = arg;
    (void)n;
    struct account a = account_of(columns);
    return v->cb(&a, v->arg);
}

int store_account_each(struct store *s, int (*cb)(const struct account *a, void *arg), void *arg, struct mrc_err *err)
{
    struct account_visit v = {.cb = cb, .arg = arg};
    return s->driver->query(s->db, Q_account_each, NULL, 0, visit_account, &v, NULL, err);
}

/* ---- predictions ----------------------------------------------------------------------------------------------- */

enum { PREDICTION_COLUMNS = 14 };

static int add_prediction(struct store *s, const struct prediction *p, struct mrc_err *err)
{
    /* SQLite would store NULL for NaN: say it in our words. */
    if (!isfinite(p->score) || !isfinite(p->admissions) || !isfinite(p->low80) || !isfinite(p->high80)) {
        return mrc_fail(err, MRC_EINVAL, "prediction %.*s has a number that is not finite", STR_ARG(p->id));
    }
    struct sql_value args[PREDICTION_COLUMNS] = {sql_text(p->id),
                                                 sql_integer(p->time_ms),
                                                 sql_text(p->user_id),
                                                 sql_text(p->request_id),
                                                 sql_text(p->trace_id),
                                                 sql_text(p->model_name),
                                                 sql_text(p->model_version),
                                                 sql_text(p->row_json),
                                                 sql_real(p->score),
                                                 sql_real(p->admissions),
                                                 sql_real(p->low80),
                                                 sql_real(p->high80),
                                                 sql_text(p->quantiles_json),
                                                 sql_integer(p->latency_us)};
    return s->driver->query(s->db, Q_prediction_add, args, PREDICTION_COLUMNS, NULL, NULL, NULL, err);
}

int store_predictions_add(struct store *s, const struct prediction *rows, size_t n, struct mrc_err *err)
{
    if (n == 0) {
        return MRC_OK;
    }
    MRC_TRY(s->driver->begin(s->db, err));
    for (size_t i = 0; i < n; i++) {
        int rc = add_prediction(s, &rows[i], err);
        if (rc < 0) {
            s->driver->rollback(s->db);
            return rc;
        }
    }
    return s->driver->commit(s->db, err);
}

static void read_prediction(struct copier *c, const struct sql_value *v, void *out)
{
    *(struct prediction *)out = (struct prediction){.id = copy_column(c, &v[0]),
                                                    .time_ms = v[1].integer,
                                                    .user_id = copy_column(c, &v[2]),
                                                    .request_id = copy_column(c, &v[3]),
                                                    .trace_id = copy_column(c, &v[4]),
                                                    .model_name = copy_column(c, &v[5]),
                                                    .model_version = copy_column(c, &v[6]),
                                                    .row_json = copy_column(c, &v[7]),
                                                    .score = v[8].real,
                                                    .admissions = v[9].real,
                                                    .low80 = v[10].real,
                                                    .high80 = v[11].real,
                                                    .quantiles_json = copy_column(c, &v[12]),
                                                    .latency_us = v[13].integer};
}

int store_predictions_list(struct store *s, struct str user_id, struct str cursor, uint32_t limit, struct arena *a,
                           struct prediction **out, size_t *n, struct mrc_err *err)
{
    void *rows = NULL;
    if (limit < 1 || limit > 1000) {
        return mrc_fail(err, MRC_EINVAL, "limit %u is outside 1-1000", limit);
    }
    struct sql_value args[] = {sql_text(user_id), sql_text(cursor.n > 0 ? cursor : STR(AFTER_ALL_IDS)),
                               sql_integer(limit)};
    MRC_TRY(store_list(s, Q_predictions_list, args, 3, read_prediction, sizeof(**out), limit, a, &rows, n, err));
    *out = rows;
    return MRC_OK;
}

int store_predictions_find(struct store *s, struct str user_id, struct str cursor, struct str from_id,
                           struct str version, uint32_t limit, struct arena *a, struct prediction **out, size_t *n,
                           struct mrc_err *err)
{
    void *rows = NULL;
    if (limit < 1 || limit > 1000) {
        return mrc_fail(err, MRC_EINVAL, "limit %u is outside 1-1000", limit);
    }
    struct sql_value args[] = {sql_text(user_id), sql_text(cursor.n > 0 ? cursor : STR(AFTER_ALL_IDS)),
                               sql_text(from_id), sql_text(version), sql_integer(limit)};
    MRC_TRY(store_list(s, Q_predictions_find, args, 5, read_prediction, sizeof(**out), limit, a, &rows, n, err));
    *out = rows;
    return MRC_OK;
}

int store_predictions_range(struct store *s, struct str after, struct str before, uint32_t limit, struct arena *a,
                            struct prediction **out, size_t *n, struct mrc_err *err)
{
    void *rows = NULL;
    if (limit < 1 || limit > 1000) {
        return mrc_fail(err, MRC_EINVAL, "limit %u is outside 1-1000", limit);
    }
    struct sql_value args[] = {sql_text(after), sql_text(before), sql_integer(limit)};
    MRC_TRY(store_list(s, Q_predictions_range, args, 3, read_prediction, sizeof(**out), limit, a, &rows, n, err));
    *out = rows;
    return MRC_OK;
}

int store_prediction_get(struct store *s, struct str user_id, struct str id, struct arena *a, struct prediction *out,
                         struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(id), sql_text(user_id)};
    return store_find(s, Q_prediction_get, args, 2, read_prediction, out, a, "prediction", err);
}
