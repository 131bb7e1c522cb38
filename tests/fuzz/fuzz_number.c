/* Numbers: what parse_double accepts strtod reads as the same bits, what it refuses strtod does not take whole; what is
 * printed reads back. The first eight bytes are also taken as a double. */
#include "common/base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof(a)) == 0;
}

/* glibc 2.36 cuts bits of subnormal hexadecimal numbers before it rounds: 0x1.ffffffffffffd8p-1023 lies three quarters
 * of the way to 0x0.fffffffffffffp-1022 and comes out below. One unit either way is forgiven there, nowhere else. */
static bool strtod_may_err(struct str text, double v, double expected)
{
    bool hexadecimal = memchr(text.p, 'x', text.n) != NULL || memchr(text.p, 'X', text.n) != NULL;
    return hexadecimal && fabs(expected) <= 0x1p-1022 && fabs(v - expected) <= 0x1p-1074;
}

static void check_text(struct str text)
{
    char *copy = malloc(text.n + 1);
    require(copy != NULL);
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    char *end;
    double expected = strtod(copy, &end), v = 0;
    bool whole = text.n > 0 && end == copy + text.n;
    if (parse_double(text, &v)) {
        require(whole && (same(v, expected) || strtod_may_err(text, v, expected)));
    } else if (whole) {
        /* What only strtod takes: blanks before the number, nan(…). */
        require(strchr(" \t\n\v\f\r", copy[0]) != NULL || strchr(copy, '(') != NULL);
    }
    int64_t i = 0;
    if (parse_i64(text, &i)) {
        require(whole && (double)i == expected);
    }
    free(copy);
}

static void check_double(double v)
{
    char text[NUMBER_TEXT_MAX];
    double back = 0;
    float narrow = (float)v, narrow_back = 0;
    size_t n = format_double(v, text);
    require(n < NUMBER_TEXT_MAX && text[n] == '\0' && parse_double((struct str){text, n}, &back) && same(v, back));
    n = format_hex(v, text);
    require(n < NUMBER_TEXT_MAX && text[n] == '\0' && parse_double((struct str){text, n}, &back) && same(v, back));
    n = format_float(narrow, text);
    require(n < NUMBER_TEXT_MAX && text[n] == '\0' && parse_float((struct str){text, n}, &narrow_back));
    require(same(narrow, narrow_back));
    require(isnan(narrow) || strtof(text, NULL) == narrow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double v;
    if (size >= sizeof(v)) {
        memcpy(&v, data, sizeof(v));
        check_double(v);
    }
    check_text((struct str){(const char *)data, size});
    return 0;
}
