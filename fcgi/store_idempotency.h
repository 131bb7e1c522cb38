/* Requests that may come twice: whoever brings an Idempotency-Key first answers; who brings it again gets that answer.
 *
 * A key belongs to one caller and one route. It is held while its request runs, at most for HOLD_MS (a process may die
 * with it), and the answer is kept until the time given to store_idempotency_finish. */
#ifndef MRC_FCGI_STORE_IDEMPOTENCY_H
#define MRC_FCGI_STORE_IDEMPOTENCY_H

#include "common/base/digest.h"
#include "fcgi/store.h"

enum { IDEMPOTENCY_HOLD_MS = 60 * 1000, IDEMPOTENCY_KEY_MAX = 255 };

struct idempotency_key { /* filled by store_idempotency_key, for the calls of one request */
    char hash[SHA256_HEX], fingerprint[SHA256_HEX];
    char holder[UUID_TEXT];
};
/* Who asks (struct caller's user_id), at which route ("POST /outcomes"), under which key (1 to IDEMPOTENCY_KEY_MAX
 * bytes, as the client sent it without quotes), and for what: fingerprint may be any text that differs when the request
 * does, say target, Content-Type and body one after another. Only digests are kept. MRC_EINVAL: length of the key. */
int store_idempotency_key(struct idempotency_key *k, struct str user_id, struct str route, struct str key,
                          struct str fingerprint, int64_t now_ms, struct mrc_err *err) MRC_CHECKED;

enum idempotency_state {
    IDEMPOTENCY_OURS,    /* nobody had it: handle the request, then finish or forget */
    IDEMPOTENCY_RUNNING, /* the first request still runs: 409 */
    IDEMPOTENCY_DONE,    /* answered before: *answer */
    IDEMPOTENCY_OTHER    /* the key came with another request: 422 */
};
struct idempotency_answer {
    int status; /* 200-599 */
    struct str content_type, body;
};
/* Returns enum idempotency_state, or a negative status. The answer's texts are in the arena. */
int store_idempotency_begin(struct store *s, const struct idempotency_key *k, int64_t now_ms, struct arena *a,
                            struct idempotency_answer *answer, struct mrc_err *err) MRC_CHECKED;
/* Keep the answer until expires_ms. MRC_ENOTFOUND: the hold ended meanwhile and may be another's; nothing was kept. */
int store_idempotency_finish(struct store *s, const struct idempotency_key *k, const struct idempotency_answer *answer,
                             int64_t expires_ms, struct mrc_err *err) MRC_CHECKED;
/* Nothing happened that must not happen twice (the request was refused, or failed): let the next one try. */
int store_idempotency_forget(struct store *s, const struct idempotency_key *k, struct mrc_err *err) MRC_CHECKED;
/* Drop what has expired. Expired keys are as good as gone; this only gives the room back. */
int store_idempotency_prune(struct store *s, int64_t now_ms, struct mrc_err *err) MRC_CHECKED;

#endif
