/* State: accounts (and, in another file, the prediction log). One typed function per named query of sql/queries.sql.
 *
 * Drivers (store_sqlite.c, store_pg.c) know SQL libraries and nothing else. Open after fork: a connection belongs
 * to one process. Ids are UUIDv7 texts, times Unix milliseconds. Results are copied into the caller's arena. */
#ifndef MRC_FCGI_STORE_H
#define MRC_FCGI_STORE_H

#include "common/base/text.h"

struct store;

enum store_file { STORE_STATE, STORE_LOG }; /* two databases: accounts and everything small; the prediction log */

/* url: path of the SQLite file, or postgresql://… without a password (store_pg.h). Creates and migrates when absent or
 * older; MRC_EUNSUPPORTED when newer than this program, MRC_EBUSY when a server cannot be reached. */
int store_open(struct store **out, enum store_file which, const char *url, struct mrc_err *err) MRC_CHECKED;
/* The same for who serves: a database that is out of reach just now (MRC_EBUSY) is opened by what first needs it. */
int store_open_patiently(struct store **out, enum store_file which, const char *url, struct mrc_err *err) MRC_CHECKED;
void store_close(struct store *s);
/* Can it be read, is it writable and not locked? Cheap: nothing reaches the disk. */
int store_ping(struct store *s, struct mrc_err *err) MRC_CHECKED;
/* As store_ping, and commits: proves that the disk takes a write, at the price of a sync. */
int store_probe(struct store *s, struct mrc_err *err) MRC_CHECKED;

struct account {
    struct str id, username, password_hash; /* argon2id PHC string */
    unsigned scopes;                        /* bits of enum scope */
    bool disabled;
    int64_t created_ms, tokens_valid_from_ms;
};
int store_account_add(struct store *s, const struct account *a,
                      struct mrc_err *err) MRC_CHECKED; /* MRC_ECONFLICT: name taken */
int store_account_by_name(struct store *s, struct str username, struct arena *a, struct account *out,
                          struct mrc_err *err) MRC_CHECKED; /* MRC_ENOTFOUND */
int store_account_by_id(struct store *s, struct str id, struct arena *a, struct account *out,
                        struct mrc_err *err) MRC_CHECKED;
int store_account_set_password(struct store *s, struct str id, struct str password_hash,
                               struct mrc_err *err) MRC_CHECKED;
int store_account_set_disabled(struct store *s, struct str id, bool disabled, struct mrc_err *err) MRC_CHECKED;
/* Tokens issued before from_ms are no longer valid (sign out everywhere, change of password). */
int store_account_set_tokens_valid_from(struct store *s, struct str id, int64_t from_ms,
                                        struct mrc_err *err) MRC_CHECKED;
/* In order of username; texts live until cb returns. A non-zero return of cb ends the walk and is returned.
 * cb must not call the store. */
int store_account_each(struct store *s, int (*cb)(const struct account *a, void *arg), void *arg,
                       struct mrc_err *err) MRC_CHECKED;

struct prediction { /* one row of the log */
    struct str id;  /* UUIDv7: retrying the same id is harmless */
    int64_t time_ms;
    struct str user_id, request_id, trace_id;
    struct str model_name, model_version;
    struct str row_json; /* the validated raw row */
    double score, admissions, low80, high80;
    struct str quantiles_json;
    int64_t latency_us;
};
/* All rows in one transaction, synchronous=FULL. Rows whose id is there already are skipped. */
int store_predictions_add(struct store *s, const struct prediction *rows, size_t n, struct mrc_err *err) MRC_CHECKED;
/* Newest first, at most limit (1-1000), of one user, older than cursor (an id; empty = from the newest). */
int store_predictions_list(struct store *s, struct str user_id, struct str cursor, uint32_t limit, struct arena *a,
                           struct prediction **out, size_t *n, struct mrc_err *err) MRC_CHECKED;
/* Oldest first, at most limit (1-1000), of everybody: ids greater than after and less than before. */
int store_predictions_range(struct store *s, struct str after, struct str before, uint32_t limit, struct arena *a,
                            struct prediction **out, size_t *n, struct mrc_err *err) MRC_CHECKED;
/* The same, of those at least from_id and of one version (each empty: all). */
int store_predictions_find(struct store *s, struct str user_id, struct str cursor, struct str from_id,
                           struct str version, uint32_t limit, struct arena *a, struct prediction **out, size_t *n,
                           struct mrc_err *err) MRC_CHECKED;
int store_prediction_get(struct store *s, struct str user_id, struct str id, struct arena *a, struct prediction *out,
                         struct mrc_err *err) MRC_CHECKED;

#endif
