/* Numbers: exact in both directions, in any locale. */
#include "tests/unit/check_main.h"

#include "common/base/text.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <unistd.h>

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits;
}

static double of_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

/* Marsaglia's xorshift: the same numbers in every run. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static const char *const good_numbers[] = {
    "0",
    "-0",
    "+0",
    "1",
    "-1",
    "00012",
    "0.1",
    ".5",
    "5.",
    "-.5e1",
    "1e0",
    "1E+2",
    "1e-2",
    "123456789012345678",
    "9007199254740993",
    "9007199254740992.999999999999999999999999999999",
    "9007199254740993.0000000000000000000000001",
    "1.7976931348623157e308",
    "1.7976931348623158e308",
    "1.7976931348623159e308",
    "1e309",
    "-1e400",
    "2.2250738585072014e-308",
    "2.2250738585072011e-308",
    "4.9e-324",
    "2.4703282292062327e-324",
    "2.4703282292062328e-324",
    "1e-400",
    "5e-324",
    "0.000000000000000000000000000000000000000000000000000000000001e60",
    "1e23",
    "8.5e22",
    "9e27",
    "9e28",
    "1e-27",
    "1e-28",
    "18446744073709551615",
    "18446744073709551616",
    "9999999999999999999e27",
    "9999999999999999999e-27",
    "10000000000000000000000000000000000000000e-40",
    "0e999999999999999999999",
    "1e-999999999999999999999",
    "6929495644600919.5",
    "3.518437208883201171875e13",
    "1448997445238699",
    "0.500000000000000166533453693773481063544750213623046875",
    "0.50000000000000016653345369377348106354475021362304687499999",
    "7.2057594037927933e16",
    "1e22",
    "1e15",
    "123e-5",
    "0x1",
    "-0x1.8p+1",
    "0X.8P0",
    "0x1.fffffffffffff8p+1023",
    "0x1.fffffffffffff7ffp+1023",
    "0x1p-1074",
    "0x1p-1075",
    "0x1.0000000000001p-1075",
    "0x1p1024",
    "0x123456789abcdef012345p-20",
    "0x1.00000000000008p0",
    "0x1.00000000000008001p0",
    "0x1.00000000000018p0",
    "0x0p99999999999",
    "0x0.0000000000001p-1022",
    "inf",
    "-INFINITY",
    "+Inf",
};

static void check_against_strtod(const char *text)
{
    double v;
    ck_assert_msg(parse_double(str_of(text), &v), "%s is refused", text);
    double expected = strtod(text, NULL);
    ck_assert_msg(bits_of(v) == bits_of(expected), "%s: %a, expected %a", text, v, expected);
}

START_TEST(decimal_and_hexadecimal_as_strtod)
{
    for (size_t i = 0; i < sizeof(good_numbers) / sizeof(good_numbers[0]); i++) {
        check_against_strtod(good_numbers[i]);
    }
    double v;
    /* Three quarters of a unit: up. (glibc 2.36 rounds this one down, so it is no oracle here.) */
    ck_assert(parse_double(STR("-0x1.ffffffffffffd8p-1023"), &v) && v == -0x0.fffffffffffffp-1022);
    ck_assert(parse_double(STR("NaN"), &v) && isnan(v));
    ck_assert(parse_double(STR("-nan"), &v) && isnan(v));
}
END_TEST

START_TEST(random_numbers_as_strtod)
{
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < 200000; i++) {
        char text[64];
        uint64_t r = next_random(&state);
        uint64_t digits = next_random(&state) >> (r & 63);
        int exponent = (int)(r >> 8 & 127) - 64;
        snprintf(text, sizeof(text), "%llue%d", (unsigned long long)digits, exponent);
        check_against_strtod(text);
        double v = of_bits(r);
        if (isfinite(v)) {
            snprintf(text, sizeof(text), "%.*e", (int)(state & 31), v);
            check_against_strtod(text);
        }
    }
}
END_TEST

START_TEST(halfway_cases_as_strtod)
{
    /* The exact middle of two doubles, and one digit more or less in a far place. */
    uint64_t state = 4101842887655102017u;
    for (int i = 0; i < 5000; i++) {
        uint64_t bits = next_random(&state) & ~(UINT64_C(1) << 63);
        int exponent = (int)(bits >> 52);
        if (exponent > 1023 + 200 || exponent < 1023 - 200) {
            bits = (bits & ((UINT64_C(1) << 52) - 1)) | (uint64_t)(1023 + exponent % 200 - 100) << 52;
        }
        char text[1200];
        long double half = ((long double)of_bits(bits) + (long double)of_bits(bits + 1)) / 2;
        snprintf(text, sizeof(text), "%.400Lf", half);
        check_against_strtod(text);
        size_t n = strlen(text);
        text[n - 1] = '1';
        check_against_strtod(text);
    }
}
END_TEST

START_TEST(very_long_numbers)
{
    size_t n = 100000;
    char *text = malloc(n + 32);
    memset(text, '0', n);
    text[0] = '1';
    snprintf(text + n, 32, "e-%zu", n - 1);
    double v;
    ck_assert(parse_double(str_of(text), &v));
    ck_assert_double_eq(v, 1.0);
    memset(text, '0', n);
    memcpy(text, "0.", 2);
    snprintf(text + n, 32, "1e%zu", n - 1);
    ck_assert(parse_double(str_of(text), &v));
    ck_assert_double_eq(v, 1.0);
    /* 1 + 2^-53 + a digit in the 50,000th place rounds up; without it, to even. */
    memset(text, '0', n);
    const char *middle = "1.00000000000000011102230246251565404236316680908203125";
    memcpy(text, middle, strlen(middle));
    text[n] = '\0';
    ck_assert(parse_double(str_of(text), &v));
    ck_assert_double_eq(v, 1.0);
    text[50000] = '7';
    ck_assert(parse_double(str_of(text), &v));
    ck_assert_double_eq(v, 1.0 + DBL_EPSILON);
    free(text);
}
END_TEST

START_TEST(what_is_no_number)
{
    static const char *const bad[] = {"",     " ",       " 1", "1 ",        "+",      "-",       "--1", "+-1",
                                      ".",    "e5",      "1e", "1e+",       "1.2.3",  "1,5",     "0x",  "0x.p1",
                                      "0x1p", "0x1.2.3", "x1", "infin",     "nan(1)", "1_000",   "1f",  "0x1g",
                                      "NULL", "in",      "na", "infinityx", "1e5.0",  "\xd9\xa1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        double v = 7;
        float f = 7;
        ck_assert_msg(!parse_double(str_of(bad[i]), &v), "\"%s\" is accepted", bad[i]);
        ck_assert(!parse_float(str_of(bad[i]), &f));
        ck_assert(v == 7 && f == 7);
    }
    double v;
    ck_assert(!parse_double((struct str){"1\0002", 3}, &v));
    ck_assert(parse_double((struct str){"123junk", 3}, &v) && v == 123);
}
END_TEST

START_TEST(floats_round_twice_like_the_tools)
{
    float f;
    ck_assert(parse_float(STR("0.1"), &f) && f == 0.1f);
    ck_assert(parse_float(STR("1e39"), &f) && isinf(f));
    /* A hair above the middle of 1 and 1 + 2^-23: as a double it is the middle, then it goes to even. */
    ck_assert(parse_float(STR("1.00000005960464477540"), &f));
    ck_assert_float_eq(f, (float)strtod("1.00000005960464477540", NULL));
}
END_TEST

START_TEST(integers_and_their_limits)
{
    int64_t i = 5;
    uint64_t u = 5;
    ck_assert(parse_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
    ck_assert(parse_i64(STR("9223372036854775807"), &i) && i == INT64_MAX);
    ck_assert(parse_i64(STR("+007"), &i) && i == 7);
    ck_assert(parse_i64(STR("-0"), &i) && i == 0);
    ck_assert(parse_u64(STR("18446744073709551615"), &u) && u == UINT64_MAX);
    static const char *const bad[] = {"",
                                      "-",
                                      "+",
                                      "-+1",
                                      "+-1",
                                      "1.0",
                                      "1e3",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999"};
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        ck_assert_msg(!parse_i64(str_of(bad[k]), &i), "\"%s\" is accepted", bad[k]);
    }
    ck_assert(!parse_u64(STR("18446744073709551616"), &u));
    ck_assert(!parse_u64(STR("-1"), &u));
    ck_assert(i == 0 && u == UINT64_MAX);
}
END_TEST

START_TEST(shortest_text_of_doubles)
{
    static const struct {
        double v;
        const char *text;
    } cases[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e15, "1000000000000000"},
        {123456789012345.0, "123456789012345"},
        {1e16, "1e+16"},
        {1e300, "1e+300"},
        {0.0001, "0.0001"},
        {0.00012345, "0.00012345"},
        {0.00001, "1e-05"},
        {5e-324, "5e-324"},
        {1e-323, "1e-323"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {9007199254740993.0, "9007199254740992"},
        {1234567890123456.7, "1234567890123456.8"},
        {100.25, "100.25"},
        {1e22, "1e+22"},
        {1e23, "1e+23"},
        {2e-44, "2e-44"},
        {9.5367431640625e-07, "9.5367431640625e-07"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {9.109383632044565e-31, "9.109383632044565e-31"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[NUMBER_TEXT_MAX];
        ck_assert_uint_eq(format_double(cases[i].v, text), strlen(text));
        ck_assert_str_eq(text, cases[i].text);
    }
    char text[NUMBER_TEXT_MAX];
    ck_assert_uint_eq(format_double(NAN, text), 3);
    ck_assert_str_eq(text, "nan");
    format_double(-NAN, text);
    ck_assert_str_eq(text, "nan");
}
END_TEST

static size_t digit_count(const char *text)
{
    size_t n = 0, zeros = 0;
    for (const char *p = text; *p != '\0' && *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9' && (n > 0 || *p != '0')) {
            n++;
            zeros = *p == '0' ? zeros + 1 : 0;
        }
    }
    return n - zeros;
}

/* The shortest length by trying: for tests only. Neighbours cover the asymmetry at powers of two. */
static size_t shortest_by_trial(double v)
{
    for (int precision = 1; precision < 17; precision++) {
        char text[64];
        snprintf(text, sizeof(text), "%.*e", precision - 1, v);
        if (strtod(text, NULL) == v) {
            return digit_count(text);
        }
    }
    return 17;
}

START_TEST(doubles_come_back)
{
    uint64_t state = 1181783497276652981u;
    for (int i = 0; i < 100000; i++) {
        uint64_t r = next_random(&state);
        double v = i % 4 == 0   ? of_bits(r & ~(UINT64_C(0x7ff) << 52)) /* subnormal */
                   : i % 4 == 1 ? (double)(int64_t)(r % 2000000000) / 1000
                   : i % 4 == 2 ? of_bits(r & ~((UINT64_C(1) << 52) - 1)) /* a power of two */
                                : of_bits(r);
        if (!isfinite(v)) {
            continue;
        }
        char text[NUMBER_TEXT_MAX];
        size_t n = format_double(v, text);
        ck_assert_uint_lt(n, NUMBER_TEXT_MAX);
        double back;
        ck_assert(parse_double((struct str){text, n}, &back));
        ck_assert_msg(bits_of(back) == bits_of(v), "%a → %s → %a", v, text, back);
        ck_assert_msg(digit_count(text) <= shortest_by_trial(v), "%s is not the shortest", text);
    }
}
END_TEST

START_TEST(floats_come_back)
{
    static const struct {
        float v;
        const char *text;
    } cases[] = {{0.1f, "0.1"},
                 {16777216.0f, "16777216"},
                 {1e10f, "10000000000"},
                 {370305204224.0f, "370305200000"},
                 {9999999.0f, "9999999"},
                 {FLT_MAX, "3.4028235e+38"},
                 {1e-45f, "1e-45"},
                 {-0.0f, "-0"},
                 {0.3f, "0.3"},
                 {3.14159274f, "3.1415927"},
                 {FLT_MIN, "1.1754944e-38"}};
    char text[NUMBER_TEXT_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        format_float(cases[i].v, text);
        ck_assert_str_eq(text, cases[i].text);
    }
    uint64_t state = 2685821657736338717u;
    for (int i = 0; i < 100000; i++) {
        uint32_t bits = (uint32_t)next_random(&state);
        bits = i % 3 == 0 ? bits & ~UINT32_C(0x7f800000) : i % 3 == 1 ? bits & ~UINT32_C(0x7fffff) : bits;
        float v, back;
        memcpy(&v, &bits, sizeof(v));
        if (!isfinite(v)) {
            continue;
        }
        size_t n = format_float(v, text);
        ck_assert_float_eq(strtof(text, NULL), v);
        ck_assert(parse_float((struct str){text, n}, &back));
        ck_assert_msg(back == v && signbit(back) == signbit(v), "%a → %s", (double)v, text);
    }
}
END_TEST

START_TEST(hexadecimal_as_glibc)
{
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < 50000; i++) {
        uint64_t r = next_random(&state);
        double v = i == 0       ? 0.0
                   : i == 1     ? -0.0
                   : i % 3 == 0 ? of_bits(r & ~(UINT64_C(0x7ff) << 52))
                   : i % 3 == 1 ? (double)(r >> 48)
                                : of_bits(r);
        char text[NUMBER_TEXT_MAX], expected[64];
        ck_assert_uint_eq(format_hex(v, text), strlen(text));
        snprintf(expected, sizeof(expected), "%a", v);
        if (isnan(v)) {
            ck_assert_str_eq(text, "nan");
            continue;
        }
        ck_assert_str_eq(text, expected);
        double back;
        ck_assert(parse_double(str_of(text), &back));
        ck_assert_uint_eq(bits_of(back), bits_of(v));
    }
    char text[NUMBER_TEXT_MAX];
    format_hex(-INFINITY, text);
    ck_assert_str_eq(text, "-inf");
}
END_TEST

/* A locale whose decimal point is a comma: an installed one, or one made here from the system's definitions. */
static bool set_comma_locale(void)
{
    static const char *const names[] = {"fr_FR.UTF-8", "fr_FR.utf8", "de_DE.UTF-8", "de_DE.utf8"};
    for (int attempt = 0; attempt < 2; attempt++) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (setlocale(LC_ALL, names[i]) != NULL && strcmp(localeconv()->decimal_point, ",") == 0) {
                return true;
            }
        }
        char folder[] = "mrc-locale-XXXXXX", command[256], path[512], here[400];
        if (attempt == 1 || mkdtemp(folder) == NULL || getcwd(here, sizeof(here)) == NULL) {
            break;
        }
        snprintf(command, sizeof(command), "localedef -i fr_FR -f UTF-8 %s/fr_FR.UTF-8 >/dev/null 2>&1", folder);
        snprintf(path, sizeof(path), "%s/%s", here, folder);
        setenv("LOCPATH", path, 1);
        bool made = system(command) == 0 && setlocale(LC_ALL, "fr_FR.UTF-8") != NULL;
        snprintf(command, sizeof(command), "rm -rf %s", folder);
        if (system(command) == 0 && made) {
            return strcmp(localeconv()->decimal_point, ",") == 0;
        }
    }
    return false;
}

START_TEST(a_comma_locale_changes_nothing)
{
    double expected[sizeof(good_numbers) / sizeof(good_numbers[0])];
    for (size_t i = 0; i < sizeof(good_numbers) / sizeof(good_numbers[0]); i++) {
        expected[i] = strtod(good_numbers[i], NULL);
    }
    if (!set_comma_locale()) {
        printf("SKIP: a_comma_locale_changes_nothing: no locale with a decimal comma\n");
        return;
    }
    for (size_t i = 0; i < sizeof(good_numbers) / sizeof(good_numbers[0]); i++) {
        double v;
        ck_assert(parse_double(str_of(good_numbers[i]), &v));
        ck_assert_uint_eq(bits_of(v), bits_of(expected[i]));
    }
    char text[NUMBER_TEXT_MAX];
    format_double(1234.5678, text);
    ck_assert_str_eq(text, "1234.5678");
    format_double(1.5e-300, text);
    ck_assert_str_eq(text, "1.5e-300");
    format_float(0.1f, text);
    ck_assert_str_eq(text, "0.1");
    format_hex(1.5, text);
    ck_assert_str_eq(text, "0x1.8p+0");
    double v;
    ck_assert(!parse_double(STR("1,5"), &v));
    setlocale(LC_ALL, "C");
}
END_TEST

/* Numbers of few decimals take a short way: it must give what the long one gives. */
START_TEST(few_decimals)
{
    char text[NUMBER_TEXT_MAX], want[64];
    uint64_t state = 88172645463325252U;
    for (int i = 0; i < 200000; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        int decimals = 1 + (int)(state % 8);
        double v = (double)(state >> 20 & 0xffffffff) / pow(10, decimals);
        snprintf(want, sizeof(want), "%.*f", decimals, v);
        size_t n = strlen(want);
        while (want[n - 1] == '0') {
            n--;
        }
        want[want[n - 1] == '.' ? n - 1 : n] = '\0';
        format_double(v, text);
        ck_assert_msg(v < 1e-4 || strcmp(text, want) == 0, "%s, expected %s", text, want);
    }
    ck_assert_uint_eq(format_i64(INT64_MIN, text), 20);
    ck_assert_str_eq(text, "-9223372036854775808");
    ck_assert_uint_eq(format_u64(UINT64_MAX, text), 20);
    ck_assert_str_eq(text, "18446744073709551615");
    ck_assert_uint_eq(format_i64(0, text), 1);
    ck_assert_str_eq(text, "0");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("number");
    TCase *t = tcase_create("number");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, decimal_and_hexadecimal_as_strtod);
    tcase_add_test(t, random_numbers_as_strtod);
    tcase_add_test(t, halfway_cases_as_strtod);
    tcase_add_test(t, very_long_numbers);
    tcase_add_test(t, what_is_no_number);
    tcase_add_test(t, floats_round_twice_like_the_tools);
    tcase_add_test(t, integers_and_their_limits);
    tcase_add_test(t, shortest_text_of_doubles);
    tcase_add_test(t, doubles_come_back);
    tcase_add_test(t, floats_come_back);
    tcase_add_test(t, hexadecimal_as_glibc);
    tcase_add_test(t, a_comma_locale_changes_nothing);
    tcase_add_test(t, few_decimals);
    suite_add_tcase(s, t);
    return check_main(s);
}
