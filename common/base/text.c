/* Slices, UTF-8 and the growing buffer. */
#include "common/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct str str_of(const char *cstring)
{
    return (struct str){cstring, cstring == NULL ? 0 : strlen(cstring)};
}

bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Byte by byte: most comparisons with a list of words end at the first one. */
bool str_is(struct str a, const char *cstring)
{
    for (size_t i = 0; i < a.n; i++) {
        if (cstring[i] != a.p[i] || cstring[i] == '\0') {
            return false;
        }
    }
    return cstring[a.n] == '\0';
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n == 0 ? 0 : memcmp(a.p, b.p, n);
    return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct str s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.n >= n && (n == 0 || memcmp(s.p, prefix, n) == 0);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.n > 0 && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_blank(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

bool str_copy(struct arena *a, struct str s, struct str *out)
{
    char *p = arena_copy(a, s.p, s.n);
    if (p == NULL) {
        return false;
    }
    *out = (struct str){p, s.n};
    return true;
}

/* Length of the valid sequence at p (end - p >= 1), 0 when there is none. RFC 3629, table in section 4. */
static size_t utf8_sequence(const unsigned char *p, const unsigned char *end)
{
    size_t left = (size_t)(end - p);
    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 0;
    }
    if (left < 2) {
        return 0;
    }
    unsigned char low = 0x80, high = 0xbf; /* of the second byte */
    switch (p[0]) {
    case 0xe0:
        low = 0xa0; /* overlong */
        break;
    case 0xed:
        high = 0x9f; /* surrogates */
        break;
    case 0xf0:
        low = 0x90; /* overlong */
        break;
    case 0xf4:
        high = 0x8f; /* beyond U+10FFFF */
        break;
    default:
        break;
    }
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    size_t n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (left < n) {
        return 0;
    }
    for (size_t i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return n;
}

size_t utf8_valid(struct str s)
{
    if (s.n == 0) {
        return 0;
    }
    const unsigned char *begin = (const unsigned char *)s.p, *p = begin, *end = begin + s.n;
    while (p < end) {
        uint64_t word;
        while (end - p >= 8 && (memcpy(&word, p, 8), (word & UINT64_C(0x8080808080808080)) == 0)) {
            p += 8;
        }
        if (p == end) {
            break;
        }
        size_t n = utf8_sequence(p, end);
        if (n == 0) {
            break;
        }
        p += n;
    }
    return (size_t)(p - begin);
}

size_t utf8_length(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    }
    return n;
}

/* ---- growing buffer -------------------------------------------------------------------------------------------- */

void buf_init(struct buf *b, struct arena *arena, size_t max)
{
    *b = (struct buf){.max = max == 0 || max == SIZE_MAX ? SIZE_MAX - 1 : max, .arena = arena};
}

void buf_release(struct buf *b)
{
    if (b->arena == NULL) {
        free(b->p);
    }
    b->p = NULL;
    b->n = b->cap = 0;
    b->failed = MRC_OK;
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->failed = MRC_OK;
    if (b->cap > 0) {
        b->p[0] = '\0';
    }
}

/* Room for `more` bytes and the NUL; false leaves the reason in b->failed. */
static bool reserve(struct buf *b, size_t more)
{
    if (b->failed != MRC_OK) {
        return false;
    }
    if (more > b->max - b->n) {
        b->failed = MRC_ELIMIT;
        return false;
    }
    size_t need = b->n + more + 1;
    if (need <= b->cap) {
        return true;
    }
    size_t cap = b->cap > SIZE_MAX / 2 ? need : b->cap * 2;
    cap = cap < need ? need : cap;
    cap = cap < 64 ? 64 : cap;
    cap = cap > b->max ? b->max + 1 : cap;
    char *p = b->arena != NULL ? arena_grow(b->arena, b->p, b->cap, cap, 1) : realloc(b->p, cap);
    if (p == NULL) {
        b->failed = b->arena != NULL ? arena_fail(b->arena, NULL) : MRC_ENOMEM;
        return false;
    }
    if (b->cap == 0) {
        p[0] = '\0';
    }
    b->p = p;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    bool room = n < b->cap && b->n < b->cap - n && b->failed == MRC_OK;
    if (n == 0 || (!room && !reserve(b, n))) {
        return;
    }
    memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

void buf_puts(struct buf *b, const char *cstring)
{
    buf_add(b, cstring, strlen(cstring));
}

char *buf_extend(struct buf *b, size_t n)
{
    bool room = n < b->cap && b->n < b->cap - n && b->failed == MRC_OK;
    if (!room && !reserve(b, n)) {
        return NULL;
    }
    char *p = b->p + b->n;
    b->n += n;
    b->p[b->n] = '\0';
    return p;
}

void buf_char(struct buf *b, char c)
{
    if (b->failed != MRC_OK || b->n + 1 >= b->cap) {
        buf_add(b, &c, 1);
        return;
    }
    b->p[b->n++] = c;
    b->p[b->n] = '\0';
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    char small[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->failed = b->failed != MRC_OK ? b->failed : MRC_EBUG;
        return;
    }
    if ((size_t)n < sizeof(small)) {
        buf_add(b, small, (size_t)n);
        return;
    }
    if (!reserve(b, (size_t)n)) {
        return;
    }
    va_start(ap, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

void buf_double(struct buf *b, double v)
{
    char text[NUMBER_TEXT_MAX];
    buf_add(b, text, format_double(v, text));
}

int buf_ok(const struct buf *b, struct mrc_err *err)
{
    switch (b->failed) {
    case MRC_OK:
        return MRC_OK;
    case MRC_ELIMIT:
        if (b->arena != NULL && b->n < b->max && b->arena->max < b->max) {
            return arena_fail(b->arena, err);
        }
        return mrc_fail(err, MRC_ELIMIT, "text is longer than the %zu bytes allowed here", b->max);
    case MRC_ENOMEM:
        return mrc_fail(err, MRC_ENOMEM, "out of memory (text of %zu bytes)", b->n);
    default:
        return mrc_fail(err, MRC_EBUG, "output was built in the wrong order (after %zu bytes)", b->n);
    }
}

struct str buf_text(const struct buf *b)
{
    return (struct str){b->n == 0 ? "" : b->p, b->n};
}
