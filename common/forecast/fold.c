/* Folding of names (fold.h): one pass over the bytes, a table for everything beyond ASCII. */
#include "common/forecast/fold.h"

#include "common/forecast/fold_table.h"

#include <string.h>

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

static const struct fold_run *find_run(uint32_t c)
{
    unsigned low = 0, high = fold_runs_count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        const struct fold_run *run = &fold_runs[middle];
        if (c < run->first) {
            high = middle;
        } else if (c - run->first >= run->count) {
            low = middle + 1;
        } else {
            return run;
        }
    }
    return NULL;
}

/* Folds as a stream: a blank is only written when a letter follows and another came before. */
struct folder {
    struct str rest;
    const char *pending; /* what the current character still gives */
    size_t n_pending;
    char own[1];
    bool any;   /* something was given */
    bool blank; /* a blank is due before the next letter */
};

static void fold_char(struct folder *f)
{
    size_t length;
    uint32_t c = next_char(f->rest, &length);
    f->rest.p += length;
    f->rest.n -= length;
    if (c < 0x80) {
        bool upper = c >= 'A' && c <= 'Z';
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        f->own[0] = upper ? (char)(c - 'A' + 'a') : plain ? (char)c : ' ';
        f->pending = f->own;
        f->n_pending = 1;
        return;
    }
    const struct fold_run *run = find_run(c);
    if (!run) {
        f->own[0] = ' ';
        f->pending = f->own;
        f->n_pending = 1;
    } else if (run->step) {
        f->own[0] = (char)(run->text[0] + (int)(c - run->first));
        f->pending = f->own;
        f->n_pending = 1;
    } else {
        f->pending = run->text;
        f->n_pending = strlen(run->text);
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
