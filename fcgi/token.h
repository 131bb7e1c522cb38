/* Access tokens: JWT with one pinned algorithm for each key and RFC 8725's advice. Ours are HS256. Header: alg HS256,
 * typ JWT, kid. Claims, all required: iss, aud, sub, jti, iat, exp, token_use "access"; optional: nbf, scope.
 *
 * The key file holds one key a line, at least 32 characters each, made by a random generator (`openssl rand -hex 32`).
 * The first line signs; every line verifies: to change the key put a new line on top, and drop the old one when the
 * last token made with it has expired. A key's id (`kid`) is derived from it and only ever compared. */
#ifndef MRC_FCGI_TOKEN_H
#define MRC_FCGI_TOKEN_H

#include "common/base/text.h"

struct tokens;
struct issuer;

struct token_rules {
    struct str issuer, audience; /* exact values of iss and aud; outlive the tokens object */
    int64_t lifetime_s;
    size_t size_max;              /* longest token looked at */
    const struct issuer *outside; /* another issuer whose tokens are taken too (issuer.h); NULL: none. Borrowed. */
};

enum { TOKEN_KEYS_MAX = 4, TOKEN_KEY_MIN = 32, TOKEN_LEEWAY_S = 60, TOKEN_NAME_MAX = 64 };

/* Read the key file; make it (mode 0600, one random key) when absent, safely when several processes do so at once.
 * MRC_EFORMAT: no key, a short one, too many. MRC_EDENIED: others can read or change the file. MRC_EIO. */
int tokens_open(struct tokens **out, const char *key_file, const struct token_rules *rules,
                struct mrc_err *err) MRC_CHECKED;
void tokens_close(struct tokens *t); /* wipes the keys; NULL is fine */
/* The ids (kid) of its keys, the signing one first, a blank between; not secret, every token carries one. */
void tokens_ids(const struct tokens *t, struct buf *out);

struct token_claims {
    struct str subject; /* user id, 1-64 bytes */
    struct str scope;   /* names separated by one blank; may be empty */
    struct str id;      /* jti */
    int64_t issued_s, expires_s;
    bool outside;    /* of the outside issuer: subject is no account's id, scope has our names */
    struct str name; /* of an outside subject, for logs and answers */
};

/* Sign a new token for subject and scope, valid from now for the lifetime. *out is in the arena. */
int token_make(const struct tokens *t, struct str subject, struct str scope, int64_t now_s, struct arena *a,
               struct str *out, struct mrc_err *err) MRC_CHECKED;

/* Verify a token: algorithm, type and key id before the signature, then every claim. MRC_EDENIED with the reason, which
 * is for the log and never for the client; MRC_ENOMEM or MRC_ELIMIT from the arena. *out is filled on success only. */
int token_check(const struct tokens *t, struct str token, int64_t now_s, struct arena *a, struct token_claims *out,
                struct mrc_err *err) MRC_CHECKED;

#endif
