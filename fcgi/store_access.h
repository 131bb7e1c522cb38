/* State of access beyond the password: clients, API keys, refresh tokens, revoked access tokens, the record of
 * administrative acts. As store.h: one typed function per query, results in the caller's arena,
 * MRC_ENOTFOUND and MRC_ECONFLICT by name, other errors from the database. Secrets come here as hashes only. */
#ifndef MRC_FCGI_STORE_ACCESS_H
#define MRC_FCGI_STORE_ACCESS_H

#include "fcgi/store.h"

int store_account_set_scopes(struct store *s, struct str id, unsigned scopes, struct mrc_err *err) MRC_CHECKED;

struct client { /* a program with an identity of its own */
    struct str id, secret_hash;
    unsigned scopes; /* bits of enum scope */
    bool disabled;
    int64_t created_ms, tokens_valid_from_ms;
};
int store_client_add(struct store *s, const struct client *c, struct mrc_err *err) MRC_CHECKED; /* MRC_ECONFLICT */
int store_client_get(struct store *s, struct str id, struct arena *a, struct client *out,
                     struct mrc_err *err) MRC_CHECKED; /* MRC_ENOTFOUND */
/* Tokens issued before from_ms end. */
int store_client_set_disabled(struct store *s, struct str id, bool disabled, int64_t from_ms,
                              struct mrc_err *err) MRC_CHECKED;
/* In order of id; texts live until cb returns, which must not call the store. */
int store_client_each(struct store *s, int (*cb)(const struct client *c, void *arg), void *arg,
                      struct mrc_err *err) MRC_CHECKED;

struct api_key { /* of an account, for its scripts */
    struct str id, account_id, label, secret_hash;
    unsigned scopes;
    int64_t created_ms, expires_ms, revoked_ms; /* 0: never */
};
int store_key_add(struct store *s, const struct api_key *k, struct mrc_err *err) MRC_CHECKED;
int store_key_get(struct store *s, struct str id, struct arena *a, struct api_key *out,
                  struct mrc_err *err) MRC_CHECKED;
int store_key_revoke(struct store *s, struct str id, int64_t now_ms,
                     struct mrc_err *err) MRC_CHECKED; /* MRC_ENOTFOUND: unknown, or revoked before */
int store_key_each(struct store *s, int (*cb)(const struct api_key *k, void *arg), void *arg,
                   struct mrc_err *err) MRC_CHECKED;

struct refresh {
    struct str hash, family, account_id;
    unsigned scopes;
    int64_t family_ms, issued_ms, expires_ms, used_ms; /* family_ms: of the login; used_ms 0: not yet */
};
/* A new family's first token. Forgets expired tokens of everybody, and of this account the oldest families beyond
 * families_max (1-1000). */
int store_refresh_begin(struct store *s, const struct refresh *r, int64_t families_max,
                        struct mrc_err *err) MRC_CHECKED;
int store_refresh_find(struct store *s, struct str hash, struct arena *a, struct refresh *out,
                       struct mrc_err *err) MRC_CHECKED; /* MRC_ENOTFOUND */
/* Mark the token used and add its successor, or neither. MRC_ECONFLICT: it was used already, also at this moment by
 * another process. */
int store_refresh_rotate(struct store *s, struct str used_hash, int64_t now_ms, const struct refresh *next,
                         struct mrc_err *err) MRC_CHECKED;
int store_refresh_end(struct store *s, struct str family, struct mrc_err *err) MRC_CHECKED; /* unknown: MRC_OK */

/* An access token that ends before its time; forgets those that have expired by now_ms. */
int store_revoke_token(struct store *s, struct str id, int64_t expires_ms, int64_t now_ms,
                       struct mrc_err *err) MRC_CHECKED;
/* 1: revoked, 0: not. */
int store_token_revoked(struct store *s, struct str id, struct mrc_err *err) MRC_CHECKED;

struct audit {
    struct str id; /* UUIDv7 */
    int64_t time_ms;
    struct str actor, act, subject, detail, request_id; /* nothing secret in any of them */
};
int store_audit_add(struct store *s, const struct audit *a, struct mrc_err *err) MRC_CHECKED;
/* Newest first, at most limit (1-1000), older than cursor (an id; empty: from the newest). */
int store_audit_list(struct store *s, struct str cursor, uint32_t limit, struct arena *a, struct audit **out, size_t *n,
                     struct mrc_err *err) MRC_CHECKED;

/* Several of the above as one: MRC_EBUSY from begin when others write for long; commit undoes all when it fails. */
int store_begin(struct store *s, struct mrc_err *err) MRC_CHECKED;
int store_commit(struct store *s, struct mrc_err *err) MRC_CHECKED;
void store_rollback(struct store *s);
/* Commit when rc is MRC_OK, else undo. Returns rc, or the commit's status. */
int store_settle(struct store *s, int rc, struct mrc_err *err) MRC_CHECKED;

#endif
