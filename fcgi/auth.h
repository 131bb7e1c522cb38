/* Who asks: password hashes (argon2id), scopes as text, and the Bearer token of a request. */
#ifndef MRC_FCGI_AUTH_H
#define MRC_FCGI_AUTH_H

#include "fcgi/app.h"

/* A hash costs 19 MiB and two passes (about 13 ms): OWASP's choice for argon2id. */
enum { PASSWORD_HASH_TEXT = 128 /* with NUL */, PASSWORD_MIN = 8, PASSWORD_MAX = 1024, USERNAME_MAX = 64 };

/* PHC string of a password of PASSWORD_MIN to PASSWORD_MAX bytes. MRC_EINVAL with the bound, MRC_ENOMEM. */
int password_hash(struct str password, char out[PASSWORD_HASH_TEXT], struct mrc_err *err) MRC_CHECKED;
/* Does the password fit the hash? hash empty: no such account; the same work is done and the answer is false. */
bool password_verify(struct str hash, struct str password);
/* Overwrite a secret in the arena before it is given back. */
void secret_wipe(struct str secret);

/* 1-64 characters of A-Z a-z 0-9 . _ @ + -: names for logs, tables and command lines. */
bool username_valid(struct str name);

/* Scope names separated by blanks → bits; false at an unknown name. An empty text is no scope. */
bool scopes_parse(struct str text, unsigned *bits);
void scopes_write(unsigned bits, struct buf *out); /* "predict outcome" */

/* Fill c->caller from the Authorization header and require the scope. false: c->res is the answer (401, 403, 5xx). */
bool auth_check(struct context *c, enum scope scope);

#endif
