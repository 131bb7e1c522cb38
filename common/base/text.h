/* Text: slices, UTF-8 and a growing buffer; with number.h, numbers to and from text. */
#ifndef MRC_BASE_TEXT_H
#define MRC_BASE_TEXT_H

#include "common/base/arena.h"
#include "common/base/number.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_INIT(literal) {(literal), sizeof(literal) - 1} /* the same as an initialiser of static data */
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

/* ---- growing buffer -------------------------------------------------------------------------------------------- */

/* Text under construction, with a ceiling. After any failure the buffer stays valid and remembers it: a chain of
 * appends needs one check at the end (buf_ok). Memory comes from an arena when there is one, else from malloc. */
struct buf {
    char *p;      /* NUL-terminated whenever n > 0 or cap > 0 */
    size_t n, cap, max;
    struct arena *arena; /* NULL: malloc, and buf_release must be called */
    int failed;   /* MRC_OK, MRC_ELIMIT, MRC_ENOMEM, or MRC_EBUG (a json_out misused) */
};
void buf_init(struct buf *b, struct arena *arena, size_t max); /* max: largest length, without the NUL; 0 = none */
void buf_release(struct buf *b);
void buf_reset(struct buf *b);                      /* empty it, clear failed, keep the memory */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, struct str s);
void buf_puts(struct buf *b, const char *cstring);
void buf_char(struct buf *b, char c);
/* n more bytes, for the caller to write at once; NULL when they have no place. */
char *buf_extend(struct buf *b, size_t n);
void buf_printf(struct buf *b, const char *fmt, ...) MRC_PRINTF(2, 3); /* not for floating point: locale */
void buf_double(struct buf *b, double v);           /* format_double */
int buf_ok(const struct buf *b, struct mrc_err *err); /* MRC_OK, or the failure with the ceiling named */
struct str buf_text(const struct buf *b);

#endif
