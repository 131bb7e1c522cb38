/* Access tokens of an outside issuer (an identity provider): RS256 or ES256, checked with public keys that lie as PEM
 * files in a folder, <kid>.pem. A key is of one kind, RSA of at least 2048 bits or EC P-256, and verifies with that
 * kind's algorithm only. A token's `kid` is compared with the names that were read at the start and opens nothing;
 * `jku`, `jwk`, `x5u` and `x5c` are never looked at.
 *
 * Claims: iss and aud exact, sub, exp and iat required, nbf checked; scopes in `scope` (text) or `scp` (text or list),
 * translated by a table of the settings. What says it is no access token (an ID token's nonce or at_hash, `token_use`
 * or `typ` of another kind) is refused. */
#ifndef MRC_FCGI_ISSUER_H
#define MRC_FCGI_ISSUER_H

#include "common/base/json.h"
#include "fcgi/token.h"

struct issuer;

struct issuer_rules {
    struct str issuer, audience; /* outlive the issuer object */
    struct str scopes;           /* "theirs=ours theirs2=ours …"; several may give one of ours */
    const char *keys_dir;
};

enum { ISSUER_KEYS_MAX = 16, ISSUER_SCOPES_MAX = 32 };

/* Read the keys. MRC_EFORMAT: no key, too many, one that is none of the two kinds, or a bad table of scopes;
 * MRC_EDENIED: others can change a key. */
int issuer_open(struct issuer **out, const struct issuer_rules *rules, struct mrc_err *err) MRC_CHECKED;
void issuer_close(struct issuer *i); /* NULL is fine */

enum issuer_alg { ISSUER_RS256, ISSUER_ES256 };
struct issuer_key {
    char kid[128];
    enum issuer_alg alg;
    char *pem;
    size_t n;
};
/* The key a header asks for, which must fit its `alg`; NULL with the reason. */
const struct issuer_key *issuer_key(const struct issuer *i, const struct json *header, const char **reason);
/* Claims whose signature was verified → subject, name, scopes of ours, times, id. The reason of a refusal, or NULL.
 * Texts are in the arena. token: the whole of it, for an id where there is no jti. */
const char *issuer_claims(const struct issuer *i, const struct json *claims, struct str token, int64_t now_s,
                          struct arena *a, struct token_claims *out);

#endif
