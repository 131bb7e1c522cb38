/* Numbers to and from text: exact, and the same in every locale. Thread-safe. */
#ifndef MRC_BASE_NUMBER_H
#define MRC_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed run of bytes; not NUL-terminated unless said. p may be NULL only when n is 0. text.h has its functions. */
struct str {
    const char *p;
    size_t n;
};

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
size_t format_u64(uint64_t v, char *out);
size_t format_i64(int64_t v, char *out);
/* The same for a float: the shortest text whose nearest float is v. */
size_t format_float(float v, char *out);
/* As C's %a of glibc: "0x1.91eb851eb851fp+1", "-0x0p+0", "inf", "nan". */
size_t format_hex(double v, char *out);

#endif
