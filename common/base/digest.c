/* SHA-256, random bytes, UUIDs (digest.h), on libsodium. */
#include "common/base/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

int digest_start(struct mrc_err *err)
{
    return sodium_init() < 0 ? mrc_fail(err, MRC_EBUG, "libsodium does not start") : MRC_OK;
}

void sha256(struct str text, unsigned char out[SHA256_BYTES])
{
    crypto_hash_sha256(out, (const unsigned char *)text.p, text.n);
}

static void to_hex(const unsigned char digest[SHA256_BYTES], char out[SHA256_HEX])
{
    sodium_bin2hex(out, SHA256_HEX, digest, SHA256_BYTES);
}

void sha256_hex(struct str text, char out[SHA256_HEX])
{
    unsigned char digest[SHA256_BYTES];
    sha256(text, digest);
    to_hex(digest, out);
}

/* Feed what fd gives; the result of the last read(2). */
static ssize_t hash_all(int fd, crypto_hash_sha256_state *state)
{
    unsigned char block[65536];
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n;
        }
        crypto_hash_sha256_update(state, block, (unsigned long long)n);
    }
}

int sha256_file(const char *path, char out[SHA256_HEX], struct mrc_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return mrc_fail_errno(err, errno == ENOENT ? MRC_ENOTFOUND : MRC_EIO, errno, "%s", path);
    }
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    ssize_t end = hash_all(fd, &state);
    int number = errno;
    close(fd);
    if (end < 0) {
        return mrc_fail_errno(err, MRC_EIO, number, "%s", path);
    }
    unsigned char digest[SHA256_BYTES];
    crypto_hash_sha256_final(&state, digest);
    to_hex(digest, out);
    return MRC_OK;
}

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct sha256_stream), "room for libsodium's state");

/* libsodium's state is copied in and out: the two types share no alias. */
void sha256_begin(struct sha256_stream *s)
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    memcpy(s->state, &state, sizeof state);
}

void sha256_add(struct sha256_stream *s, const void *p, size_t n)
{
    crypto_hash_sha256_state state;
    memcpy(&state, s->state, sizeof state);
    crypto_hash_sha256_update(&state, p, (unsigned long long)n);
    memcpy(s->state, &state, sizeof state);
}

void sha256_end(struct sha256_stream *s, char out[SHA256_HEX])
{
    crypto_hash_sha256_state state;
    unsigned char digest[SHA256_BYTES];
    memcpy(&state, s->state, sizeof state);
    crypto_hash_sha256_final(&state, digest);
    to_hex(digest, out);
}

void random_bytes(void *out, size_t n)
{
    randombytes_buf(out, n);
}

/* b: random; its first bytes are replaced by what an id says. */
static void uuid7_text(int64_t unix_ms, unsigned char b[16], char out[UUID_TEXT])
{
    for (int i = 0; i < 6; i++) {
        b[i] = (unsigned char)((uint64_t)unix_ms >> (40 - 8 * i));
    }
    b[6] = (unsigned char)(0x70 | (b[6] & 0x0f)); /* version 7 */
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f)); /* variant of RFC 9562 */
    static const char hex[] = "0123456789abcdef";
    char *p = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }
        *p++ = hex[b[i] >> 4];
        *p++ = hex[b[i] & 15];
    }
    *p = '\0';
}

void uuid7(int64_t unix_ms, char out[UUID_TEXT])
{
    unsigned char b[16];
    random_bytes(b, sizeof b);
    uuid7_text(unix_ms, b, out);
}

/* RFC 9562, 6.2, method 1: the twelve bits behind the version count. Random bytes come many at a time: each call is one
 * of the system. */
void uuid7_series(int64_t unix_ms, size_t n, char (*out)[UUID_TEXT])
{
    enum { BLOCK = 64, COUNTED = 2048 };
    unsigned char b[BLOCK][16];
    size_t first = 0, spread = n > COUNTED ? n : COUNTED;
    for (size_t i = 0; i < n; i++) {
        unsigned char *own = b[i % BLOCK];
        if (i % BLOCK == 0) {
            random_bytes(b, (n - i < BLOCK ? n - i : BLOCK) * sizeof b[0]);
        }
        if (i == 0) {
            first = (own[6] << 8 | own[7]) % COUNTED;
        }
        size_t number = first + (size_t)((double)i * COUNTED / (double)spread);
        own[6] = (unsigned char)(number >> 8);
        own[7] = (unsigned char)number;
        uuid7_text(unix_ms, own, out[i]);
    }
}

bool uuid_valid(struct str s)
{
    if (s.n != UUID_TEXT - 1) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f');
        if (dash ? s.p[i] != '-' : !hex) {
            return false;
        }
    }
    return true;
}
