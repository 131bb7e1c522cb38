/* Bytes as a bearer token: nothing but a token signed by us may pass, and a token built from the bytes with the right
 * signature must be judged by its claims without harm. */
#include "fcgi/token.h"

#include "common/base/digest.h"
#include "common/base/file.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char key[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
enum { NOW = 1790000000 };

static struct tokens *open_once(void)
{
    static struct tokens *t;
    static const struct token_rules rules = {
        .issuer = {"mercredi", 8}, .audience = {"mercredi", 8}, .lifetime_s = 1800, .size_max = 4096};
    char path[] = "/tmp/mrc-fuzz-token-XXXXXX";
    if (t == NULL) {
        int fd = mkstemp(path);
        if (fd < 0 || digest_start(NULL) < 0 || file_write_fd(fd, STR(key), NULL) < 0 ||
            tokens_open(&t, path, &rules, NULL) < 0) {
            abort();
        }
        close(fd);
        unlink(path);
    }
    return t;
}

static void put_base64(struct buf *b, const void *p, size_t n)
{
    char text[6000];
    if (sodium_base64_encoded_len(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING) <= sizeof text) {
        sodium_bin2base64(text, sizeof text, p, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        buf_puts(b, text);
    }
}

/* The bytes up to the first line end are the header, the rest the claims; signed with the right key. */
static struct str sign(struct arena *a, const uint8_t *data, size_t size)
{
    struct buf b;
    unsigned char mac[32];
    crypto_auth_hmacsha256_state state;
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
    size_t n = end == NULL ? size : (size_t)(end - data), rest = end == NULL ? size : n + 1;
    buf_init(&b, a, 1 << 16);
    put_base64(&b, data, n);
    buf_char(&b, '.');
    put_base64(&b, data + rest, size - rest);
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key, sizeof key - 1);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)b.p, b.n);
    crypto_auth_hmacsha256_final(&state, mac);
    buf_char(&b, '.');
    put_base64(&b, mac, sizeof mac);
    return buf_text(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tokens *t = open_once();
    struct token_claims claims;
    struct arena a;
    if (size > 4000) {
        return 0;
    }
    arena_init(&a, 1 << 20);
    if (token_check(t, (struct str){(const char *)data, size}, NOW, &a, &claims, NULL) == MRC_OK) {
        abort(); /* a forged signature */
    }
    if (token_check(t, sign(&a, data, size), NOW, &a, &claims, NULL) == MRC_OK &&
        (claims.subject.n == 0 || claims.expires_s < NOW || claims.issued_s > NOW + TOKEN_LEEWAY_S)) {
        abort();
    }
    arena_release(&a);
    return 0;
}
