/* Folding of names (fold.h): one pass over the bytes; what is beyond ASCII is decomposed by utf8proc. */
#include "common/forecast/fold.h"

#include <string.h>
#include <utf8proc.h>

/* The next character: its code point and length. A byte that begins no valid sequence is a character of its own,
 * U+FFFD. Longer sequences are checked as a whole by utf8_valid, which knows surrogates and overlong forms. */
static uint32_t next_char(struct str s, size_t *length)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    *length = 1;
    if (n == 1) {
        return p[0];
    }
    if (n > s.n || utf8_valid((struct str){s.p, n}) != n) {
        return 0xfffd;
    }
    *length = n;
    uint32_t c = p[0] & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        c = c << 6 | (p[i] & 0x3fU);
    }
    return c;
}

enum { DECOMPOSED_MAX = 32 }; /* the longest NFKD of one character has 18 */

/* Folds as a stream: a blank is only written when a letter follows and another came before. */
struct folder {
    struct str rest;
    const char *pending; /* what the current character still gives */
    size_t n_pending;
    char own[2 * DECOMPOSED_MAX];
    bool any;   /* something was given */
    bool blank; /* a blank is due before the next letter */
};

static void give(struct folder *f, char c)
{
    bool upper = c >= 'A' && c <= 'Z';
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    f->own[f->n_pending++] = upper ? (char)(c - 'A' + 'a') : plain ? c : ' ';
}

/* One character of the decomposition: nothing for a combining mark, two letters for a ligature. */
static void give_decomposed(struct folder *f, utf8proc_int32_t c)
{
    if (utf8proc_get_property(c)->combining_class != 0) {
        return;
    }
    utf8proc_int32_t lower = utf8proc_tolower(c);
    if (lower == 0x153 || lower == 0xe6) {
        give(f, lower == 0x153 ? 'o' : 'a');
        give(f, 'e');
        return;
    }
    give(f, lower < 0x80 ? (char)lower : ' ');
}

static void fold_char(struct folder *f)
{
    size_t length;
    uint32_t c = next_char(f->rest, &length);
    f->rest.p += length;
    f->rest.n -= length;
    f->pending = f->own;
    f->n_pending = 0;
    if (c < 0x80) {
        give(f, (char)c);
        return;
    }
    utf8proc_int32_t parts[DECOMPOSED_MAX];
    int class_before = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, parts, DECOMPOSED_MAX,
                                                 UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &class_before);
    for (utf8proc_ssize_t i = 0; i < n && i < DECOMPOSED_MAX; i++) {
        give_decomposed(f, parts[i]);
    }
}

/* The next character of the folded text, or 0 at the end. */
static char fold_next(struct folder *f)
{
    for (;;) {
        while (f->n_pending == 0) {
            if (f->rest.n == 0) {
                return 0;
            }
            fold_char(f);
        }
        char c = f->pending[0];
        if (c != ' ' && f->blank) {
            f->blank = false;
            return ' ';
        }
        f->pending++;
        f->n_pending--;
        if (c != ' ') {
            f->any = true;
            return c;
        }
        f->blank = f->any;
    }
}

size_t text_fold_into(char *out, size_t cap, struct str s)
{
    struct folder f = {.rest = s};
    size_t n = 0;
    for (char c; (c = fold_next(&f)) != 0; n++) {
        if (n == cap) {
            return SIZE_MAX;
        }
        out[n] = c;
    }
    return n;
}

bool text_fold(struct arena *a, struct str s, struct str *out)
{
    size_t n = 0;
    struct folder f = {.rest = s};
    while (fold_next(&f)) {
        n++;
    }
    char *p = arena_alloc(a, n + 1, 1);
    if (!p) {
        return false;
    }
    text_fold_into(p, n, s);
    *out = (struct str){p, n};
    return true;
}

bool text_fold_equal(struct str a, struct str b)
{
    struct folder fa = {.rest = a}, fb = {.rest = b};
    bool any = false;
    for (;;) {
        char ca = fold_next(&fa), cb = fold_next(&fb);
        if (ca != cb) {
            return false;
        }
        if (ca == 0) {
            return any || str_eq(a, b);
        }
        any = true;
    }
}
