/* What the checks of our own tokens (token.c) and of an outside issuer's (issuer.c) share: a JWT's parts, read
 * strictly. Knows no key and no signature. */
#ifndef MRC_FCGI_TOKEN_PARTS_H
#define MRC_FCGI_TOKEN_PARTS_H

#include "common/base/json.h"
#include "fcgi/token.h"

/* header.claims.signature, none empty, nothing else. */
bool token_split(struct str token, struct str part[3]);
/* RFC 4648 §5 without padding; left-over bits must be zero, so that one value has one text. false: none, or no memory.
 */
bool base64url_decode(struct str s, struct arena *a, struct str *out);
/* A part as a JSON object; NULL when it is none. */
struct json_doc *token_part(struct str part, struct arena *a);

bool claim_text(const struct json *object, const char *name, struct str *out);
/* Is `aud` this text, or a list with it? */
bool claim_audience(const struct json *claims, struct str ours);
/* exp, iat and nbf against now; the reason, or NULL and the times. */
const char *claim_times(const struct json *claims, int64_t now_s, struct token_claims *out);

#endif
