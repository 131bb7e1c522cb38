/* SHA-256, random bytes and their texts (libsodium). digest_start must succeed once per process before anything else.
 */
#ifndef MRC_BASE_DIGEST_H
#define MRC_BASE_DIGEST_H

#include "common/base/text.h"

enum { SHA256_BYTES = 32, SHA256_HEX = 65 /* with NUL */, UUID_TEXT = 37 /* with NUL */ };

int digest_start(struct mrc_err *err) MRC_CHECKED;

void sha256(struct str text, unsigned char out[SHA256_BYTES]);
void sha256_hex(struct str text, char out[SHA256_HEX]);                                   /* lower case */
int sha256_file(const char *path, char out[SHA256_HEX], struct mrc_err *err) MRC_CHECKED; /* streams */

/* The same piece by piece: begin, add as often as needed, end once. */
struct sha256_stream {
    _Alignas(16) unsigned char state[128];
};
void sha256_begin(struct sha256_stream *s);
void sha256_add(struct sha256_stream *s, const void *p, size_t n);
void sha256_end(struct sha256_stream *s, char out[SHA256_HEX]);

void random_bytes(void *out, size_t n);
/* UUID version 7 (RFC 9562): 48 bits of Unix milliseconds, then random bits; text order is time order. Two ids of one
 * millisecond are not ordered. */
void uuid7(int64_t unix_ms, char out[UUID_TEXT]);
/* n of them that belong together. The first 2048 ascend (a counter begins at a random number); of more, several share a
 * number and are not ordered among themselves. */
void uuid7_series(int64_t unix_ms, size_t n, char (*out)[UUID_TEXT]);
bool uuid_valid(struct str s); /* 8-4-4-4-12 hexadecimal digits, lower case */

#endif
