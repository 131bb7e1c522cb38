/* Slices, UTF-8 and the growing buffer. */
#include "tests/unit/check_main.h"

#include "common/base/text.h"

START_TEST(slices)
{
    ck_assert(str_eq(str_of(NULL), STR("")));
    ck_assert(str_eq((struct str){NULL, 0}, (struct str){NULL, 0}));
    ck_assert(str_is(STR("abc"), "abc"));
    ck_assert(!str_is(STR("abc"), "ab"));
    ck_assert(!str_is((struct str){"ab\0c", 4}, "ab"));
    ck_assert_int_lt(str_cmp(STR("ab"), STR("abc")), 0);
    ck_assert_int_gt(str_cmp(STR("b"), STR("abc")), 0);
    ck_assert_int_gt(str_cmp(STR("\xc3\xa9"), STR("z")), 0);
    ck_assert_int_eq(str_cmp(STR(""), (struct str){NULL, 0}), 0);
    ck_assert(str_starts(STR("abc"), "ab"));
    ck_assert(str_starts(STR("abc"), ""));
    ck_assert(!str_starts(STR("a"), "ab"));
    ck_assert_text(str_trim(STR(" \t\r\n a b \v\f")), "a b");
    ck_assert_text(str_trim(STR(" \n ")), "");
    struct arena a;
    struct str copy;
    arena_init(&a, 100);
    ck_assert(str_copy(&a, STR("caf\xc3\xa9"), &copy));
    ck_assert_str_eq(copy.p, "caf\xc3\xa9");
    ck_assert(str_copy(&a, (struct str){NULL, 0}, &copy));
    ck_assert_str_eq(copy.p, "");
    char big[200] = {0};
    ck_assert(!str_copy(&a, (struct str){big, sizeof(big)}, &copy));
    arena_release(&a);
}
END_TEST

START_TEST(utf8)
{
    static const struct {
        const char *text;
        size_t valid;
    } cases[] = {
        {"", 0},
        {"plain ASCII, longer than one word of eight", 42},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xac", 9},
        {"12345678\xff", 8},
        {"1234567\xc3", 7},
        {"\xc0\x80", 0}, /* overlong NUL */
        {"\xc1\xbf", 0},
        {"a\xe0\x9f\xbf", 1}, /* overlong */
        {"a\xe0\xa0\x80", 4},
        {"\xed\x9f\xbf", 3},
        {"\xed\xa0\x80", 0}, /* surrogate */
        {"\xee\x80\x80", 3},
        {"\xf0\x8f\xbf\xbf", 0}, /* overlong */
        {"\xf0\x90\x80\x80", 4},
        {"\xf4\x8f\xbf\xbf", 4}, /* U+10FFFF */
        {"\xf4\x90\x80\x80", 0},
        {"\xf5\x80\x80\x80", 0},
        {"\x80", 0},
        {"a\xe2\x82", 1},
        {"a\xe2(\xac", 1},
        {"a\xf0\x9f\x8e(", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_msg(utf8_valid(str_of(cases[i].text)) == cases[i].valid, "case %zu", i);
    }
    ck_assert_uint_eq(utf8_valid((struct str){NULL, 0}), 0);
    ck_assert_uint_eq(utf8_valid((struct str){"a\0b", 3}), 3);
    ck_assert_uint_eq(utf8_length(STR("caf\xc3\xa9 \xf0\x9f\x8e\xac")), 6);
}
END_TEST

START_TEST(utf8_every_code_point)
{
    for (uint32_t c = 0; c < 0x120000; c++) {
        unsigned char s[4];
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        static const unsigned char lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
        uint32_t rest = c;
        for (size_t i = n - 1; i > 0; i--) {
            s[i] = (unsigned char)(0x80 | (rest & 0x3f));
            rest >>= 6;
        }
        s[0] = (unsigned char)(lead[n] | rest);
        bool good = c < 0x110000 && (c < 0xd800 || c > 0xdfff);
        if (utf8_valid((struct str){(const char *)s, n}) != (good ? n : 0)) {
            ck_abort_msg("U+%04X", (unsigned)c);
        }
    }
}
END_TEST

static void fill(struct buf *b)
{
    buf_puts(b, "films: ");
    buf_str(b, STR("caf\xc3\xa9"));
    buf_char(b, ' ');
    buf_printf(b, "%d %s", 42, "x");
    buf_char(b, ' ');
    buf_double(b, 0.1);
}

START_TEST(buffer_on_heap_and_arena)
{
    struct arena a;
    arena_init(&a, 0);
    for (int kind = 0; kind < 2; kind++) {
        struct buf b;
        struct mrc_err e;
        buf_init(&b, kind == 0 ? NULL : &a, 0);
        ck_assert_text(buf_text(&b), "");
        fill(&b);
        ck_assert_text(buf_text(&b), "films: caf\xc3\xa9 42 x 0.1");
        ck_assert_str_eq(b.p, "films: caf\xc3\xa9 42 x 0.1");
        ck_assert_int_eq(buf_ok(&b, &e), MRC_OK);
        char *more = buf_extend(&b, 100); /* needs to grow */
        ck_assert_ptr_nonnull(more);
        memset(more, 'z', 100);
        ck_assert_uint_eq(b.n, 121);
        ck_assert_str_eq(b.p + 119, "zz");
        buf_reset(&b);
        ck_assert_uint_eq(b.n, 0);
        for (int i = 0; i < 50000; i++) {
            buf_printf(&b, "%05d", i);
        }
        ck_assert_uint_eq(b.n, 250000);
        ck_assert_int_eq(memcmp(b.p + 249995, "49999", 6), 0);
        char pattern[1000];
        memset(pattern, 'y', sizeof(pattern) - 1);
        pattern[sizeof(pattern) - 1] = '\0';
        buf_printf(&b, "[%s]", pattern); /* longer than the small buffer */
        ck_assert_uint_eq(b.n, 251001);
        ck_assert_int_eq(b.p[251000], ']');
        buf_release(&b);
        ck_assert_ptr_null(b.p);
    }
    arena_release(&a);
}
END_TEST

START_TEST(buffer_remembers_its_ceiling)
{
    struct buf b;
    struct mrc_err e;
    buf_init(&b, NULL, 10);
    buf_puts(&b, "0123456789");
    ck_assert_int_eq(buf_ok(&b, &e), MRC_OK);
    buf_puts(&b, "");
    ck_assert_int_eq(buf_ok(&b, &e), MRC_OK);
    buf_char(&b, 'x');
    ck_assert_fails(buf_ok(&b, &e), &e, MRC_ELIMIT, "10 bytes");
    ck_assert_ptr_null(buf_extend(&b, 1));
    buf_printf(&b, "%d", 1);
    ck_assert_text(buf_text(&b), "0123456789");
    buf_reset(&b);
    buf_puts(&b, "again");
    ck_assert_int_eq(buf_ok(&b, &e), MRC_OK);
    buf_release(&b);

    struct arena a;
    arena_init(&a, 1000);
    buf_init(&b, &a, 0);
    for (int i = 0; i < 300; i++) {
        buf_puts(&b, "0123456789");
    }
    ck_assert_fails(buf_ok(&b, &e), &e, MRC_ELIMIT, "1000 bytes");
    ck_assert_uint_gt(b.n, 0);
    b.failed = MRC_EBUG;
    ck_assert_fails(buf_ok(&b, &e), &e, MRC_EBUG, "order");
    b.failed = MRC_ENOMEM;
    ck_assert_fails(buf_ok(&b, &e), &e, MRC_ENOMEM, "memory");
    arena_release(&a);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("text");
    TCase *t = tcase_create("text");
    tcase_add_test(t, slices);
    tcase_add_test(t, utf8);
    tcase_add_test(t, utf8_every_code_point);
    tcase_add_test(t, buffer_on_heap_and_arena);
    tcase_add_test(t, buffer_remembers_its_ceiling);
    suite_add_tcase(s, t);
    return check_main(s);
}
