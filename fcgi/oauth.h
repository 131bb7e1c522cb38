/* What the routes of OAuth 2.0 share (POST /token, POST /revoke): the form, RFC 6749's errors, clients that prove who
 * they are, and limits on guessing. */
#ifndef MRC_FCGI_OAUTH_H
#define MRC_FCGI_OAUTH_H

#include "fcgi/app.h"
#include "fcgi/store_access.h"

struct oauth_form { /* absent: empty */
    struct str grant_type, username, password, scope, client_id, client_secret, refresh_token, token;
};

/* Read the body as a form; sets the answer's cache headers. false: answered (4xx). Call oauth_form_wipe in any case. */
bool oauth_form_read(struct context *c, struct oauth_form *f);
/* Overwrite the secrets of the form and the body. */
void oauth_form_wipe(struct context *c, struct oauth_form *f);

/* RFC 6749 §5.2 and FastAPI's `detail` in one body. */
void oauth_error(struct context *c, int status, const char *error, const char *detail);

/* The client that the Authorization header or the form names and proves. 1: it is in *out; 0: none is named;
 * -1: answered (400, 401, 5xx). A client_id without a secret names nobody. */
int oauth_client(struct context *c, const struct oauth_form *f, struct client *out);

/* Guessing passwords is slowed down before it costs a hash. The account's limit counts per address, so that nobody can
 * lock out somebody else. false: answered (429). */
bool oauth_rate_allows(struct context *c, struct str username);
/* A password fitted, or did not: wrong ones make the next tries wait, longer and longer. */
void oauth_login_ended(struct context *c, struct str username, bool good);

/* Does the password fit? Same work for an unknown account (hash empty). MRC_EDENIED, MRC_EBUSY when too many hash. */
int oauth_password(struct context *c, struct str hash, struct str password, struct mrc_err *err) MRC_CHECKED;

/* POST /token's grants, one each; called with a form whose grant_type it is. In grant.c. */
void grant_password(struct context *c, const struct oauth_form *f);
void grant_client(struct context *c, const struct oauth_form *f);
void grant_refresh(struct context *c, const struct oauth_form *f);

/* SHA-256 of a refresh token, as the store has it. */
void refresh_hash(struct str token, char out[65]);

#endif
