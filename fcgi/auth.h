/* Who asks: password hashes (argon2id), secrets, scopes as text, and the Bearer token or API key of a request. */
#ifndef MRC_FCGI_AUTH_H
#define MRC_FCGI_AUTH_H

#include "fcgi/app.h"

/* A hash costs 19 MiB and two passes (about 13 ms): OWASP's choice for argon2id. */
enum { PASSWORD_HASH_TEXT = 128 /* with NUL */, PASSWORD_MIN = 8, PASSWORD_MAX = 1024, USERNAME_MAX = 64 };

/* PHC string of a password of PASSWORD_MIN to PASSWORD_MAX bytes. MRC_EINVAL with the bound, MRC_ENOMEM. */
int password_hash(struct str password, char out[PASSWORD_HASH_TEXT], struct mrc_err *err) MRC_CHECKED;
/* Does the password fit the hash? hash empty: no such account; the same work is done and the answer is false. */
bool password_verify(struct str hash, struct str password);
/* Was the hash made with other parameters than password_hash uses now? */
bool password_outdated(struct str hash);

/* Secrets that a generator made (of clients, API keys, refresh tokens): 256 bits as 64 hexadecimal digits, kept as their
 * SHA-256 in hexadecimal, which is enough for what nobody can guess. */
enum { SECRET_TEXT = 65 /* with NUL */ };
void secret_new(char out[SECRET_TEXT]);
/* Does the secret have this hash? hash empty: nothing of that name is known; the same work is done, the answer false. */
bool secret_fits(struct str hash, struct str secret);
/* Overwrite a secret in the arena before it is given back. */
void secret_wipe(struct str secret);

/* 1-64 characters of A-Z a-z 0-9 . _ @ + -: names for logs, tables and command lines. */
bool username_valid(struct str name);

/* Scope names separated by blanks → bits; false at an unknown name. An empty text is no scope. */
bool scopes_parse(struct str text, unsigned *bits);
void scopes_write(unsigned bits, struct buf *out); /* "predict outcome" */

/* Name and secret of an Authorization header with the Basic scheme, as RFC 6749 §2.3.1 has them (each percent-encoded
 * in itself). 1: both in the arena; 0: another scheme, or an empty pair ("Og==", Swagger UI's "no client"); negative:
 * malformed. */
int basic_credentials(struct str authorization, struct arena *a, struct str *name, struct str *secret);

/* An API key is "mrc_", its id (16 hexadecimal digits), "_" and its secret. */
enum { KEY_ID = 16, KEY_TEXT = 4 + KEY_ID + 1 + SECRET_TEXT };
/* The parts of a key; false: not of that form. */
bool key_split(struct str key, struct str *id, struct str *secret);

/* Subjects of tokens that clients get are their ids behind this; accounts' are their ids alone. */
#define CLIENT_SUBJECT "client:"

/* Fill c->caller from the Authorization header and require the scope. false: c->res is the answer (401, 403, 5xx). */
bool auth_check(struct context *c, enum scope scope);

#endif
