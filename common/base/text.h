/* Text: slices, a growing buffer, and numbers to and from text exactly and without a locale. */
#ifndef MRC_BASE_TEXT_H
#define MRC_BASE_TEXT_H

#include "common/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed run of bytes; not NUL-terminated unless said. p may be NULL only when n is 0. */
struct str {
    const char *p;
    size_t n;
};
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_ARG(s) (int)(s).n, (s).p /* for printf's %.*s */

struct str str_of(const char *cstring); /* NULL gives the empty slice */
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *cstring);
int str_cmp(struct str a, struct str b); /* byte order */
bool str_starts(struct str s, const char *prefix);
struct str str_trim(struct str s);       /* ASCII blanks at both ends */
bool str_copy(struct arena *a, struct str s, struct str *out); /* NUL-terminated copy; false: arena_fail */

/* Number of valid UTF-8 bytes from the start (RFC 3629: no surrogates, no overlong forms); == s.n when all is valid. */
size_t utf8_valid(struct str s);
/* Number of characters (code points) of valid UTF-8. */
size_t utf8_length(struct str s);

/* ---- numbers -------------------------------------------------------------------------------------------------- */

/* Whole slice → double, correctly rounded. Decimal with optional sign, fraction and exponent, or C hexadecimal
 * ("0x1.8p+3"), or inf, infinity, nan (any case). No blanks. Overflow gives ±inf and underflow 0, as strtod; the
 * caller decides. Returns false when the text is no such number. */
bool parse_double(struct str s, double *out);
/* As parse_double, then rounded to float (double rounding on purpose: CatBoost's tools do the same). */
bool parse_float(struct str s, float *out);
/* Whole slice → integer, optional sign, decimal digits only; false also when out of range. */
bool parse_i64(struct str s, int64_t *out);
bool parse_u64(struct str s, uint64_t *out);

enum { NUMBER_TEXT_MAX = 40 };
/* Shortest decimal that reads back as the same bits ("0.1", "1e+300", "-0.0" prints "-0"), "nan", "inf", "-inf".
 * out has NUMBER_TEXT_MAX bytes; returns the length; NUL-terminated. */
size_t format_double(double v, char *out);
/* The same for a float: the shortest text whose nearest float is v. */
size_t format_float(float v, char *out);
/* As C's %a of glibc: "0x1.91eb851eb851fp+1", "-0x0p+0", "inf", "nan". */
size_t format_hex(double v, char *out);

/* ---- growing buffer -------------------------------------------------------------------------------------------- */

/* Text under construction, with a ceiling. After any failure the buffer stays valid and remembers it: a chain of
 * appends needs one check at the end (buf_ok). Memory comes from an arena when there is one, else from malloc. */
struct buf {
    char *p;      /* NUL-terminated whenever n > 0 or cap > 0 */
    size_t n, cap, max;
    struct arena *arena; /* NULL: malloc, and buf_release must be called */
    int failed;   /* MRC_OK, MRC_ELIMIT or MRC_ENOMEM */
};
void buf_init(struct buf *b, struct arena *arena, size_t max); /* max: largest length, without the NUL */
void buf_release(struct buf *b);
void buf_reset(struct buf *b);                      /* empty it, clear failed, keep the memory */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, struct str s);
void buf_puts(struct buf *b, const char *cstring);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) MRC_PRINTF(2, 3); /* not for floating point: locale */
void buf_double(struct buf *b, double v);           /* format_double */
int buf_ok(const struct buf *b, struct mrc_err *err); /* MRC_OK, or the failure with the ceiling named */
struct str buf_text(const struct buf *b);

#endif
