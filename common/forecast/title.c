/* Franchise keys of a title (title.h). */
#include "common/forecast/title.h"

#include "common/forecast/fold.h"

#include <string.h>

enum { HEAD_LETTERS_MIN = 4, PAIR_LETTERS_MIN = 8, WORDS_MAX = 512 };

static const char *const articles[] = {"le", "la", "les", "l",   "un", "une", "des", "the", "a",  "an",
                                       "de", "du", "d",   "mon", "ma", "mes", "my",  "et",  "and"};
static const char *const romans[] = {"ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"};
static const char *const sequels[] = {"retour", "returns", "suite", "chapitre", "chapter",  "episode",    "partie",
                                      "part",   "volume",  "vol",   "again",    "reloaded", "revolutions"};

static bool is_one_of(struct str word, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_is(word, list[i])) {
            return true;
        }
    }
    return false;
}

#define IS_ONE_OF(word, list) is_one_of((word), (list), sizeof(list) / sizeof((list)[0]))

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of the blank at p, 0 when there is none: ASCII's, and the no-break and typographic ones of French titles. */
static size_t blank_at(const char *p, size_t n)
{
    if (n > 0 && (*p == ' ' || (*p >= '\t' && *p <= '\r'))) {
        return 1;
    }
    if (n > 1 && memcmp(p, "\xc2\xa0", 2) == 0) { /* U+00A0 */
        return 2;
    }
    /* U+2000 to U+200A, U+202F */
    if (n > 2 && memcmp(p, "\xe2\x80", 2) == 0 && ((unsigned char)p[2] <= 0x8a || (unsigned char)p[2] == 0xaf)) {
        return 3;
    }
    return 0;
}

/* The title without a year at its end: "(1999)". */
static struct str without_year(struct str t)
{
    struct str s = str_trim(t);
    if (s.n < 6 || s.p[s.n - 1] != ')' || s.p[s.n - 6] != '(') {
        return t;
    }
    const char *y = s.p + s.n - 5;
    bool century = memcmp(y, "19", 2) == 0 || memcmp(y, "20", 2) == 0;
    return century && is_digit(y[2]) && is_digit(y[3]) ? (struct str){s.p, s.n - 6} : t;
}

/* What stands before the first colon, dash or comma that separates a subtitle; a hyphen needs blanks around it. */
static struct str head_of(struct str t)
{
    bool blank_before = false;
    for (size_t i = 0; i < t.n;) {
        size_t blank = blank_at(t.p + i, t.n - i);
        if (blank) {
            blank_before = true;
            i += blank;
            continue;
        }
        size_t rest = t.n - i - 1;
        bool dash = t.n - i > 2 && (memcmp(t.p + i, "\xe2\x80\x93", 3) == 0 || memcmp(t.p + i, "\xe2\x80\x94", 3) == 0);
        bool blank_after = blank_at(t.p + i + 1, rest) > 0;
        if (t.p[i] == ':' || dash || (t.p[i] == '-' && blank_before && blank_after) || (t.p[i] == ',' && blank_after)) {
            return (struct str){t.p, i};
        }
        blank_before = false;
        i++;
    }
    return t;
}

/* Words of a folded text. */
static uint32_t split(struct str folded, struct str words[WORDS_MAX])
{
    uint32_t n = 0;
    for (size_t i = 0; i < folded.n && n < WORDS_MAX;) {
        const char *blank = memchr(folded.p + i, ' ', folded.n - i);
        size_t end = blank ? (size_t)(blank - folded.p) : folded.n;
        words[n++] = (struct str){folded.p + i, end - i};
        i = end + 1;
    }
    return n;
}

/* A word that sequels add, or an article left behind. */
static bool is_trailing(struct str w)
{
    bool number = w.n < 3;
    for (size_t i = 0; i < w.n; i++) {
        number = number && is_digit(w.p[i]);
    }
    return number || IS_ONE_OF(w, romans) || IS_ONE_OF(w, sequels) || IS_ONE_OF(w, articles);
}

static bool add_key(struct arena *a, const char *prefix, char kind, struct str first, struct str second,
                    struct str keys[TITLE_KEYS_MAX], uint32_t *n)
{
    struct buf b;
    buf_init(&b, a, 0);
    buf_puts(&b, prefix);
    buf_char(&b, kind);
    buf_char(&b, ':');
    buf_str(&b, first);
    if (second.n > 0) {
        buf_char(&b, ' ');
        buf_str(&b, second);
    }
    keys[*n] = buf_text(&b);
    *n += 1;
    return b.failed == MRC_OK;
}

bool title_keys(struct str title, const char *prefix, struct arena *a, struct str keys[TITLE_KEYS_MAX], uint32_t *n)
{
    struct str t = without_year(title), head, full, words[WORDS_MAX];
    *n = 0;
    if (!text_fold(a, head_of(t), &head) || !text_fold(a, t, &full)) {
        return false;
    }
    uint32_t count = split(head, words);
    while (count > 1 && is_trailing(words[count - 1])) {
        count--;
    }
    if (count > 0) {
        head.n = (size_t)(words[count - 1].p - head.p) + words[count - 1].n;
    }
    if (head.n >= HEAD_LETTERS_MIN && !add_key(a, prefix, 'h', head, STR(""), keys, n)) {
        return false;
    }
    uint32_t n_full = split(full, words), strong = 0;
    for (uint32_t i = 0; i < n_full; i++) {
        if (!IS_ONE_OF(words[i], articles)) {
            words[strong++] = words[i];
        }
    }
    bool pair = strong >= 3 || (strong >= 2 && n_full > 2);
    if (pair && words[0].n + 1 + words[1].n >= PAIR_LETTERS_MIN) {
        return add_key(a, prefix, 't', words[0], words[1], keys, n);
    }
    return true;
}
