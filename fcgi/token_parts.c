/* A JWT's parts. Header and claims are read with our strict JSON reader, which refuses double keys. */
#include "fcgi/token_parts.h"

#include <string.h>

static int base64url_digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool base64url_decode(struct str s, struct arena *a, struct str *out)
{
    char *bytes = arena_alloc(a, s.n + 1, 1);
    if (bytes == NULL || s.n % 4 == 1) {
        return false;
    }
    uint32_t bits = 0;
    unsigned n_bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int digit = base64url_digit(s.p[i]);
        if (digit < 0) {
            return false;
        }
        bits = (bits << 6 | (uint32_t)digit) & 0xffff;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            bytes[n++] = (char)(bits >> n_bits & 0xff);
        }
    }
    *out = (struct str){bytes, n};
    return (bits & ((1U << n_bits) - 1)) == 0;
}

bool token_split(struct str token, struct str part[3])
{
    for (int i = 0; i < 3; i++) {
        const char *dot = token.n == 0 ? NULL : memchr(token.p, '.', token.n);
        if (i < 2 ? dot == NULL : dot != NULL) {
            return false;
        }
        part[i] = (struct str){token.p, i < 2 ? (size_t)(dot - token.p) : token.n};
        if (part[i].n == 0) {
            return false;
        }
        size_t taken = part[i].n + (i < 2 ? 1 : 0);
        token = (struct str){token.p + taken, token.n - taken};
    }
    return true;
}

struct json_doc *token_part(struct str part, struct arena *a)
{
    static const struct json_limits limits = {.bytes_max = 64 * 1024, .depth_max = 3, .values_max = 64};
    struct json_doc *doc = NULL;
    struct str text;
    if (!base64url_decode(part, a, &text) || json_read(&doc, text, &limits, NULL, NULL) < 0) {
        return NULL;
    }
    if (json_type(json_root(doc)) != JSON_OBJECT) {
        json_free(doc);
        return NULL;
    }
    return doc;
}

bool claim_text(const struct json *object, const char *name, struct str *out)
{
    return json_str(json_find(object, name), out);
}

bool claim_audience(const struct json *claims, struct str ours)
{
    struct str text;
    const struct json *aud = json_find(claims, "aud");
    if (json_str(aud, &text)) {
        return str_eq(text, ours);
    }
    for (const struct json *item = json_type(aud) == JSON_ARRAY ? json_first(aud) : NULL; item != NULL;
         item = json_next(item)) {
        if (json_str(item, &text) && str_eq(text, ours)) {
            return true;
        }
    }
    return false;
}

/* NumericDate: seconds, possibly with a fraction. */
static bool date_of(const struct json *object, const char *name, double *out)
{
    return json_double(json_find(object, name), out) && *out >= 0 && *out <= 9007199254740992.0;
}

const char *claim_times(const struct json *claims, int64_t now_s, struct token_claims *out)
{
    double exp, iat, nbf, now = (double)now_s;
    if (!date_of(claims, "exp", &exp)) {
        return "no exp";
    }
    if (!(exp > now)) {
        return "expired";
    }
    if (!date_of(claims, "iat", &iat)) {
        return "no iat";
    }
    if (iat > now + TOKEN_LEEWAY_S) {
        return "iat is in the future";
    }
    if (json_find(claims, "nbf") != NULL && (!date_of(claims, "nbf", &nbf) || nbf > now + TOKEN_LEEWAY_S)) {
        return "nbf is in the future";
    }
    out->issued_s = (int64_t)iat;
    out->expires_s = (int64_t)exp;
    return NULL;
}
