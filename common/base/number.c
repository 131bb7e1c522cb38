/* Numbers from text and to text.
 *
 * They never meet the locale: what is read goes to strtod without a decimal point, of what snprintf prints only the
 * digits are taken. Both directions are exact. */
#include "common/base/text.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers from text ----------------------------------------------------------------------------------------- */

__extension__ typedef unsigned __int128 uint128;

/* An IEEE 754 format: bits of the significand, exponents of the largest and the smallest normal number. */
struct format {
    int bits, exp_max, exp_min;
};
static const struct format format_binary64 = {53, 1023, -1022}, format_binary32 = {24, 127, -126};

/* (m + s) * 2^e with m > 0, where s in [0, 1) is 0 unless sticky, rounded to nearest even in the given format. */
static double round_binary(uint64_t m, bool sticky, int64_t e, const struct format *f)
{
    int zeros = __builtin_clzll(m);
    m <<= zeros; /* a sticky part stays below the last bit: callers give at least 56 bits when there is one */
    e -= zeros;
    int64_t exponent = e + 63; /* of the leading bit */
    if (exponent > f->exp_max) {
        return (double)INFINITY;
    }
    int64_t drop = 64 - f->bits;
    if (exponent < f->exp_min) {
        drop += f->exp_min - exponent;
    }
    if (drop > 64) {
        return 0.0;
    }
    uint64_t kept = drop == 64 ? 0 : m >> drop;
    uint64_t rest = drop == 64 ? m : m & ((UINT64_C(1) << drop) - 1), half = UINT64_C(1) << (drop - 1);
    if (rest > half || (rest == half && (sticky || (kept & 1) != 0))) {
        kept++;
    }
    double v = ldexp((double)kept, (int)(e + drop)); /* exact: kept has at most f->bits bits */
    return exponent == f->exp_max && v >= ldexp(1.0, f->exp_max) * 2 ? (double)INFINITY : v;
}

enum { DIGITS_KEPT = 800 }; /* 768 decide any double; a non-zero digit behind them is kept as a last '1' */

/* A decimal number as it was written: d * 10^exponent. */
struct decimal {
    bool negative;
    bool is_long; /* more than 19 significant digits: d does not hold them */
    uint64_t d;
    int64_t exponent;
    struct str whole, fraction; /* digits before and behind the point, for the long way */
    int64_t written_exponent;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Exponent after 'e' or 'p' at s[*i]: optional sign, digits. Larger ones than any number needs are cut. */
static bool scan_exponent(struct str s, size_t *i, int64_t *out)
{
    size_t at = *i;
    bool negative = false;
    if (at < s.n && (s.p[at] == '+' || s.p[at] == '-')) {
        negative = s.p[at++] == '-';
    }
    if (at >= s.n || !is_digit(s.p[at])) {
        return false;
    }
    const int64_t clamp = INT64_C(1) << 40; /* longer than any text has digits */
    int64_t e = 0;
    for (; at < s.n && is_digit(s.p[at]); at++) {
        if (e < clamp) {
            e = e * 10 + (s.p[at] - '0');
        }
    }
    *out = negative ? -e : e;
    *i = at;
    return true;
}

/* Scan "12.5e3" (the sign is already taken). False when s is no decimal number from end to end. */
static bool scan_decimal(struct str s, struct decimal *out)
{
    size_t i = 0;
    uint64_t d = 0;
    size_t significant = 0;
    while (i < s.n && is_digit(s.p[i])) {
        significant += significant > 0 || s.p[i] != '0';
        d = d * 10 + (uint64_t)(s.p[i++] - '0'); /* may wrap: not used then */
    }
    out->whole = (struct str){s.p, i};
    out->fraction = (struct str){s.p, 0};
    if (i < s.n && s.p[i] == '.') {
        size_t begin = ++i;
        while (i < s.n && is_digit(s.p[i])) {
            significant += significant > 0 || s.p[i] != '0';
            d = d * 10 + (uint64_t)(s.p[i++] - '0');
        }
        out->fraction = (struct str){s.p + begin, i - begin};
    }
    if (out->whole.n + out->fraction.n == 0) {
        return false;
    }
    out->written_exponent = 0;
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (!scan_exponent(s, &i, &out->written_exponent)) {
            return false;
        }
    }
    out->d = d;
    out->is_long = significant > 19;
    out->exponent = out->written_exponent - (int64_t)out->fraction.n;
    return i == s.n;
}

/* 10^0 … 10^27 without the factors of two: 5^27 < 2^63. */
/* clang-format off */
static const uint64_t powers_of_5[28] = {
    UINT64_C(1), UINT64_C(5), UINT64_C(25), UINT64_C(125), UINT64_C(625), UINT64_C(3125), UINT64_C(15625),
    UINT64_C(78125), UINT64_C(390625), UINT64_C(1953125), UINT64_C(9765625), UINT64_C(48828125), UINT64_C(244140625),
    UINT64_C(1220703125), UINT64_C(6103515625), UINT64_C(30517578125), UINT64_C(152587890625), UINT64_C(762939453125),
    UINT64_C(3814697265625), UINT64_C(19073486328125), UINT64_C(95367431640625), UINT64_C(476837158203125),
    UINT64_C(2384185791015625), UINT64_C(11920928955078125), UINT64_C(59604644775390625),
    UINT64_C(298023223876953125), UINT64_C(1490116119384765625), UINT64_C(7450580596923828125)
};
/* clang-format on */

#if FLT_EVAL_METHOD == 0
static const double exact_powers[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
#endif

/* d * 10^e for d > 0 and |e| <= 27, exactly rounded: integers all the way. */
static double scale_exactly(uint64_t d, int e, const struct format *f)
{
    if (e >= 0) {
        uint128 product = (uint128)d * powers_of_5[e];
        uint64_t high = (uint64_t)(product >> 64);
        if (high == 0) {
            return round_binary((uint64_t)product, false, e, f);
        }
        int shift = 64 - __builtin_clzll(high); /* bits above 64 */
        uint64_t low = (uint64_t)product & (shift == 64 ? UINT64_MAX : (UINT64_C(1) << shift) - 1);
        return round_binary((uint64_t)(product >> shift), low != 0, (int64_t)e + shift, f);
    }
    /* Both normalised: the quotient has 63 or 64 bits, the remainder is the sticky part. */
    uint64_t divisor = powers_of_5[-e];
    int d_zeros = __builtin_clzll(d), divisor_zeros = __builtin_clzll(divisor);
    uint128 dividend = (uint128)(d << d_zeros) << 63;
    divisor <<= divisor_zeros;
    uint64_t quotient = (uint64_t)(dividend / divisor);
    bool sticky = (uint64_t)dividend != quotient * divisor; /* equal modulo 2^64 only when equal: remainder < 2^64 */
    return round_binary(quotient, sticky, (int64_t)e - d_zeros - 63 + divisor_zeros, f);
}

/* Any decimal by strtod or strtof, as digits and an exponent: without a decimal point they do not look at the locale.
 */
static double scale_long(const struct decimal *n, const struct format *f)
{
    char text[DIGITS_KEPT + 32];
    size_t kept = 0;
    int64_t exponent = n->written_exponent;
    bool dropped = false;
    for (int part = 0; part < 2; part++) {
        struct str digits = part == 0 ? n->whole : n->fraction;
        exponent -= part == 0 ? 0 : (int64_t)digits.n;
        for (size_t i = 0; i < digits.n; i++) {
            if (kept == 0 && digits.p[i] == '0') {
                continue;
            }
            if (kept < DIGITS_KEPT) {
                text[kept++] = digits.p[i];
            } else {
                dropped = dropped || digits.p[i] != '0';
                exponent++;
            }
        }
    }
    if (dropped) {
        text[kept++] = '1';
        exponent--;
    }
    /* Far outside any format: the clamp keeps the result (inf or 0) and the buffer small. */
    exponent = exponent > 99999 ? 99999 : exponent < -99999 ? -99999 : exponent;
    snprintf(text + kept, sizeof(text) - kept, "e%d", (int)exponent);
    int saved = errno; /* ERANGE is not our way of telling */
    double v = f->bits == 24 ? (double)strtof(text, NULL) : strtod(text, NULL);
    errno = saved;
    return v;
}

static double decimal_value(const struct decimal *n, const struct format *f)
{
    if (!n->is_long && n->d == 0) {
        return 0.0;
    }
#if FLT_EVAL_METHOD == 0
    /* Both factors exact, so there is one rounding (Clinger 1990): most numbers of a table go this way. */
    if (f->bits == 53 && !n->is_long && n->d <= UINT64_C(1) << 53 && n->exponent >= -22 && n->exponent <= 22) {
        double d = (double)n->d;
        return n->exponent < 0 ? d / exact_powers[-n->exponent] : d * exact_powers[n->exponent];
    }
#endif
    if (!n->is_long && n->exponent >= -27 && n->exponent <= 27) {
        return scale_exactly(n->d, (int)n->exponent, f);
    }
    return scale_long(n, f);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* "1.8p+3", what follows "0x". */
static bool parse_hex(struct str s, double *out)
{
    uint64_t m = 0;
    int64_t e = 0;
    bool sticky = false, point = false;
    size_t i = 0, digits = 0;
    for (; i < s.n; i++) {
        if (s.p[i] == '.' && !point) {
            point = true;
            continue;
        }
        int digit = hex_digit(s.p[i]);
        if (digit < 0) {
            break;
        }
        digits++;
        if (m >> 60 == 0) {
            m = m << 4 | (uint64_t)digit;
            e -= point ? 4 : 0;
        } else {
            sticky = sticky || digit != 0;
            e += point ? 0 : 4;
        }
    }
    if (digits == 0) {
        return false;
    }
    int64_t p = 0;
    if (i < s.n && (s.p[i] == 'p' || s.p[i] == 'P')) {
        i++;
        if (!scan_exponent(s, &i, &p)) {
            return false;
        }
    }
    if (i != s.n) {
        return false;
    }
    *out = m == 0 ? 0.0 : round_binary(m, sticky, e + p, &format_binary64);
    return true;
}

static bool is_word(struct str s, const char *lower)
{
    size_t i = 0;
    for (; i < s.n && lower[i] != '\0'; i++) {
        char c = s.p[i];
        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        if (c != lower[i]) {
            return false;
        }
    }
    return i == s.n && lower[i] == '\0';
}

bool parse_double(struct str s, double *out)
{
    bool negative = false;
    if (s.n > 0 && (s.p[0] == '+' || s.p[0] == '-')) {
        negative = s.p[0] == '-';
        s.p++;
        s.n--;
    }
    double v;
    struct decimal n;
    if (s.n == 0) {
        return false;
    }
    if (s.n > 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X')) {
        if (!parse_hex((struct str){s.p + 2, s.n - 2}, &v)) {
            return false;
        }
    } else if (scan_decimal(s, &n)) {
        v = decimal_value(&n, &format_binary64);
    } else if (is_word(s, "inf") || is_word(s, "infinity")) {
        v = (double)INFINITY;
    } else if (is_word(s, "nan")) {
        v = (double)NAN;
    } else {
        return false;
    }
    *out = negative ? -v : v;
    return true;
}

bool parse_float(struct str s, float *out)
{
    double v;
    if (!parse_double(s, &v)) {
        return false;
    }
    *out = (float)v;
    return true;
}

bool parse_u64(struct str s, uint64_t *out)
{
    size_t i = s.n > 0 && s.p[0] == '+';
    uint64_t v = 0;
    if (i == s.n) {
        return false;
    }
    for (; i < s.n; i++) {
        if (!is_digit(s.p[i])) {
            return false;
        }
        uint64_t digit = (uint64_t)(s.p[i] - '0');
        if (v > (UINT64_MAX - digit) / 10) {
            return false;
        }
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

bool parse_i64(struct str s, int64_t *out)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    if (negative) {
        s.p++;
        s.n--;
        if (s.n > 0 && s.p[0] == '+') {
            return false;
        }
    }
    uint64_t v;
    if (!parse_u64(s, &v) || v > (uint64_t)INT64_MAX + negative) {
        return false;
    }
    *out = negative ? (int64_t)(-v) : (int64_t)v; /* two's complement, also for INT64_MIN */
    return true;
}

/* ---- numbers to text ------------------------------------------------------------------------------------------- */

/* v > 0 rounded to `precision` significant digits, without a point: digits[0] . digits[1…] * 10^returned. */
static int print_digits(double v, int precision, char digits[18])
{
    char text[64];
    snprintf(text, sizeof(text), "%.*e", precision - 1, v);
    size_t n = 0;
    const char *p = text;
    for (; *p != 'e'; p++) { /* the locale's decimal point is skipped, whatever it is */
        if (is_digit(*p)) {
            digits[n++] = *p;
        }
    }
    digits[n] = '\0';
    int exponent = 0;
    bool negative = p[1] == '-';
    for (p += 2; is_digit(*p); p++) {
        exponent = exponent * 10 + (*p - '0');
    }
    return negative ? -exponent : exponent;
}

/* Add one to the last digit. False when that would need another digit. */
static bool next_digits(char *digits)
{
    for (size_t i = strlen(digits); i > 0; i--) {
        if (digits[i - 1] != '9') {
            digits[i - 1]++;
            return true;
        }
        digits[i - 1] = '0';
    }
    return false;
}

static double digits_value(const char *digits, int exponent, const struct format *f)
{
    struct decimal n = {
        .whole = {digits, 1}, .fraction = {digits + 1, strlen(digits + 1)}, .written_exponent = exponent};
    for (const char *p = digits; *p != '\0'; p++) {
        n.d = n.d * 10 + (uint64_t)(*p - '0');
    }
    n.exponent = exponent - (int64_t)n.fraction.n;
    return decimal_value(&n, f);
}

/* Does the text read back as v? For a float also when it is read as a double first, as parse_float does. */
static bool reads_back(const char *digits, int exponent, double v, const struct format *f)
{
    if (digits_value(digits, exponent, f) != v) {
        return false;
    }
    return f->bits == 53 || (double)(float)digits_value(digits, exponent, &format_binary64) == v;
}

/* The fewest digits whose nearest number in the format is v > 0. Any decimal of 15 (6) digits survives a double
 * (float), so a shorter text shows as trailing zeros there; subnormal numbers hold fewer digits and are tried from one.
 */
static int shortest_digits(double v, char *digits, const struct format *f)
{
    int sure = f->bits == 53 ? 15 : 6, last = f->bits == 53 ? 17 : 9;
    bool subnormal = v < ldexp(1.0, f->exp_min);
    for (int precision = subnormal ? 1 : sure; precision < last; precision++) {
        int exponent = print_digits(v, precision, digits);
        if (reads_back(digits, exponent, v, f)) {
            return exponent;
        }
        /* A power of two lies nearer to its lower neighbour: the nearest text may be outside below while the next one
         * above is inside. */
        int power;
        if (frexp(v, &power) == 0.5 && next_digits(digits) && reads_back(digits, exponent, v, f)) {
            return exponent;
        }
    }
    return print_digits(v, last, digits);
}

/* digits * 10^exponent (exponent of the first digit) as people write it: positional from 0.0001 up to 16 digits. */
static size_t lay_out(const char *digits, int exponent, char *out)
{
    size_t n = strlen(digits), at = 0;
    while (n > 1 && digits[n - 1] == '0') {
        n--;
    }
    if (exponent < -4 || exponent >= 16) {
        out[at++] = digits[0];
        if (n > 1) {
            out[at++] = '.';
            memcpy(out + at, digits + 1, n - 1);
            at += n - 1;
        }
        return at + (size_t)snprintf(out + at, 8, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    }
    if (exponent < 0) {
        memcpy(out, "0.000", 5);
        at = (size_t)(1 - exponent);
        memcpy(out + at, digits, n);
        at += n;
    } else {
        for (size_t i = 0; i < n || i <= (size_t)exponent; i++) {
            if (i == (size_t)exponent + 1) {
                out[at++] = '.';
            }
            out[at++] = i < n ? digits[i] : '0';
        }
    }
    out[at] = '\0';
    return at;
}

size_t format_u64(uint64_t v, char *out)
{
    char reversed[20];
    size_t n = 0;
    do {
        reversed[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    for (size_t i = 0; i < n; i++) {
        out[i] = reversed[n - 1 - i];
    }
    out[n] = '\0';
    return n;
}

size_t format_i64(int64_t v, char *out)
{
    if (v >= 0) {
        return format_u64((uint64_t)v, out);
    }
    out[0] = '-';
    return 1 + format_u64(0 - (uint64_t)v, out + 1);
}

/* Most numbers people write have few decimals: m / 10^k with m below 10^15, which no other decimal of 15 digits shares.
 * One exact division proves it. The smallest k is the shortest text. False: the general way. */
static bool few_decimals(double v, char *digits, int *exponent)
{
#if FLT_EVAL_METHOD == 0
    enum { DECIMALS_MAX = 6 };
    for (int k = 1; v >= 1e-4 && v < 1e9 && k <= DECIMALS_MAX; k++) {
        uint64_t m = (uint64_t)(v * exact_powers[k] + 0.5);
        if ((double)m / exact_powers[k] == v) {
            *exponent = (int)format_u64(m, digits) - 1 - k;
            return true;
        }
    }
#else
    (void)v;
    (void)digits;
    (void)exponent;
#endif
    return false;
}

static size_t format_shortest(double v, char *out, const struct format *f)
{
    if (isnan(v)) {
        memcpy(out, "nan", 4);
        return 3;
    }
    size_t at = 0;
    if (signbit(v)) {
        out[at++] = '-';
        v = -v;
    }
    if (isinf(v)) {
        memcpy(out + at, "inf", 4);
        return at + 3;
    }
    if (v < (f->bits == 53 ? 1e15 : 1e7) && v == (double)(uint64_t)v) {
        return at + format_u64((uint64_t)v, out + at);
    }
    char digits[24];
    int exponent;
    if (f->bits != 53 || !few_decimals(v, digits, &exponent)) {
        exponent = shortest_digits(v, digits, f);
    }
    return at + lay_out(digits, exponent, out + at);
}

size_t format_double(double v, char *out)
{
    return format_shortest(v, out, &format_binary64);
}

size_t format_float(float v, char *out)
{
    return format_shortest((double)v, out, &format_binary32);
}

size_t format_hex(double v, char *out)
{
    if (!isfinite(v)) {
        return format_double(v, out);
    }
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int exponent = (int)(bits >> 52 & 0x7ff);
    size_t at = 0;
    if (bits >> 63 != 0) {
        out[at++] = '-';
    }
    memcpy(out + at, exponent == 0 ? "0x0" : "0x1", 3);
    at += 3;
    if (fraction != 0) {
        out[at++] = '.';
        for (; fraction != 0; fraction = fraction << 4 & ((UINT64_C(1) << 52) - 1)) {
            out[at++] = "0123456789abcdef"[fraction >> 48];
        }
    }
    int p = exponent != 0 ? exponent - 1023 : v == 0 ? 0 : -1022;
    return at + (size_t)snprintf(out + at, 8, "p%+d", p);
}
