/* Idempotency keys over a database driver. One statement takes a key that nobody holds, so that of two requests at the
 * same time one is first. */
#include "fcgi/store_idempotency.h"

#include "fcgi/store_parts.h"
#include "queries.h"

int store_idempotency_key(struct idempotency_key *k, struct str user_id, struct str route, struct str key,
                          struct str fingerprint, int64_t now_ms, struct mrc_err *err)
{
    char parts[3][SHA256_HEX];
    if (key.n < 1 || key.n > IDEMPOTENCY_KEY_MAX) {
        return mrc_fail(err, MRC_EINVAL, "an idempotency key of %zu bytes, 1 to %d are meant", key.n,
                        IDEMPOTENCY_KEY_MAX);
    }
    /* The digest of digests, each of one length: no caller's name can end where a route begins. */
    sha256_hex(user_id, parts[0]);
    sha256_hex(route, parts[1]);
    sha256_hex(key, parts[2]);
    sha256_hex((struct str){parts[0], sizeof(parts)}, k->hash);
    sha256_hex(fingerprint, k->fingerprint);
    uuid7(now_ms, k->holder);
    return MRC_OK;
}

struct kept {
    struct str fingerprint;
    struct idempotency_answer answer;
};

static void read_kept(struct copier *c, const struct sql_value *v, void *out)
{
    *(struct kept *)out = (struct kept){
        .fingerprint = copy_column(c, &v[0]),
        .answer = {.status = (int)v[1].integer, .content_type = copy_column(c, &v[2]), .body = copy_column(c, &v[3])}};
}

int store_idempotency_begin(struct store *s, const struct idempotency_key *k, int64_t now_ms, struct arena *a,
                            struct idempotency_answer *answer, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(str_of(k->hash)), sql_text(str_of(k->fingerprint)), sql_text(str_of(k->holder)),
                               sql_integer(now_ms + IDEMPOTENCY_HOLD_MS), sql_integer(now_ms)};
    struct kept kept;
    int64_t taken = 0;
    MRC_TRY(store_run_counted(s, Q_idempotency_begin, args, 5, &taken, err));
    if (taken > 0) {
        return IDEMPOTENCY_OURS;
    }
    int rc = store_find(s, Q_idempotency_find, args, 1, read_kept, &kept, a, "idempotency key", err);
    if (rc == MRC_ENOTFOUND) { /* forgotten between the two statements */
        return IDEMPOTENCY_RUNNING;
    }
    MRC_TRY(rc);
    if (!str_is(kept.fingerprint, k->fingerprint)) {
        return IDEMPOTENCY_OTHER;
    }
    *answer = kept.answer;
    return kept.answer.status == 0 ? IDEMPOTENCY_RUNNING : IDEMPOTENCY_DONE;
}

int store_idempotency_finish(struct store *s, const struct idempotency_key *k, const struct idempotency_answer *answer,
                             int64_t expires_ms, struct mrc_err *err)
{
    struct sql_value args[] = {sql_integer(answer->status), sql_text(answer->content_type),
                               sql_text(answer->body),      sql_integer(expires_ms),
                               sql_text(str_of(k->hash)),   sql_text(str_of(k->holder))};
    return store_run_on_one(s, Q_idempotency_finish, args, 6, "idempotency key of this request", err);
}

int store_idempotency_forget(struct store *s, const struct idempotency_key *k, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(str_of(k->hash)), sql_text(str_of(k->holder))};
    return store_run(s, Q_idempotency_forget, args, 2, err);
}

int store_idempotency_prune(struct store *s, int64_t now_ms, struct mrc_err *err)
{
    struct sql_value arg = sql_integer(now_ms);
    return store_run(s, Q_idempotency_end_expired, &arg, 1, err);
}
