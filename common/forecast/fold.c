/* Folding of names (fold.h): one pass over the bytes; what is beyond Latin-1 is decomposed by utf8proc. */
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

/* What an ASCII character folds to. */
static const char ascii[] = "                                "
                            "                0123456789      "
                            " abcdefghijklmnopqrstuvwxyz     "
                            " abcdefghijklmnopqrstuvwxyz     ";

/* What U+00C0 to U+00FF fold to, as utf8proc says: nearly all of a French title's letters beyond ASCII. */
static const char latin[64][3] = {
    "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", " ",  "n", "o", "o", "o", "o",
    "o", " ", " ", "u", "u", "u", "u",  "y", " ", " ", "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e",
    "i", "i", "i", "i", " ", "n", "o",  "o", "o", "o", "o", " ", " ", "u", "u", "u", "u",  "y", " ", "y",
};

static void give(struct folder *f, char c)
{
    f->own[f->n_pending++] = ascii[(unsigned char)c];
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
    if (c >= 0xc0 && c <= 0xff) {
        f->pending = latin[c - 0xc0];
        f->n_pending = f->pending[1] != '\0' ? 2 : 1;
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

/* The folded text's length; as much of it as fits goes to out. */
static size_t fold_all(char *out, size_t cap, struct str s)
{
    struct folder f = {.rest = s};
    bool blank = false;
    size_t n = 0;
    while (f.rest.n > 0) {
        unsigned char first = (unsigned char)*f.rest.p;
        if (first < 0x80) {
            f.pending = &ascii[first];
            f.n_pending = 1;
            f.rest.p++;
            f.rest.n--;
        } else {
            fold_char(&f);
        }
        for (size_t i = 0; i < f.n_pending; i++) {
            if (f.pending[i] == ' ') {
                blank = n > 0;
                continue;
            }
            if (blank && n++ < cap) {
                out[n - 1] = ' ';
            }
            blank = false;
            if (n++ < cap) {
                out[n - 1] = f.pending[i];
            }
        }
    }
    return n;
}

size_t text_fold_into(char *out, size_t cap, struct str s)
{
    size_t n = fold_all(out, cap, s);
    return n <= cap ? n : SIZE_MAX;
}

bool text_fold(struct arena *a, struct str s, struct str *out)
{
    size_t cap = s.n, n = 0; /* few characters fold to more bytes than they have */
    char *p = arena_alloc(a, cap + 1, 1);
    if (p && (n = fold_all(p, cap, s)) > cap) {
        p = arena_alloc(a, n + 1, 1);
        n = p ? fold_all(p, n, s) : 0;
    }
    if (!p) {
        return false;
    }
    p[n] = '\0';
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
