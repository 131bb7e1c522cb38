/* Errors: codes, positions, one line of valid UTF-8 whatever the arguments hold. */
#include "tests/unit/check_main.h"

#include "common/base/text.h"

#include <errno.h>

START_TEST(fail_fills_and_returns)
{
    struct mrc_err e = {0};
    ck_assert_int_eq(mrc_fail(&e, MRC_ELIMIT, "%d rows, at most %d", 7, 5), MRC_ELIMIT);
    ck_assert_int_eq(e.code, MRC_ELIMIT);
    ck_assert_uint_eq(e.line, 0);
    ck_assert_str_eq(e.msg, "7 rows, at most 5");
    ck_assert_int_eq(mrc_fail(NULL, MRC_EIO, "nobody listens"), MRC_EIO);
    ck_assert_int_eq(mrc_fail_at(&e, MRC_EFORMAT, 3, 9, "odd"), MRC_EFORMAT);
    ck_assert_uint_eq(e.line, 3);
    ck_assert_uint_eq(e.col, 9);
    /* An argument may be the old message. */
    mrc_fail(&e, MRC_EFORMAT, "again: %s", e.msg);
    ck_assert_str_eq(e.msg, "again: odd");
    ck_assert_uint_eq(e.line, 0);
}
END_TEST

START_TEST(messages_are_one_valid_line)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"a\nb\tc\x1b[31m\x7f", "a?b?c?[31m?"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"x\xff\xc3(", "x?"
                       "?("},
        {"\xed\xa0\x80", "???"},
        {"\xf0\x9f\x8e\xac", "\xf0\x9f\x8e\xac"},
        {"end \xc3", "end ?"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mrc_err e;
        mrc_fail(&e, MRC_EFORMAT, "%s", cases[i].in);
        ck_assert_str_eq(e.msg, cases[i].out);
    }
}
END_TEST

START_TEST(long_messages_are_cut_at_a_character)
{
    for (size_t lead = 0; lead < 4; lead++) {
        char text[400];
        memset(text, 'a', lead);
        for (size_t i = lead; i + 4 < sizeof(text); i += 4) {
            memcpy(text + i, "\xf0\x9f\x8e\xac", 5);
        }
        struct mrc_err e;
        mrc_fail(&e, MRC_EFORMAT, "%s", text);
        size_t n = strlen(e.msg);
        ck_assert_uint_eq(utf8_valid(str_of(e.msg)), n);
        ck_assert_uint_ge(n, sizeof(e.msg) - 4);
        ck_assert_int_eq(e.msg[n - 1], '\xac');
        char small[21];
        err_format(&e, small, sizeof(small));
        ck_assert_uint_eq(utf8_valid(str_of(small)), strlen(small));
    }
}
END_TEST

START_TEST(errno_text_survives_a_long_name)
{
    struct mrc_err e;
    errno = 0;
    ck_assert_int_eq(mrc_fail_errno(&e, MRC_EIO, ENOSPC, "%s", "out.csv"), MRC_EIO);
    ck_assert_str_eq(e.msg, "out.csv: No space left on device");
    char name[500];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    mrc_fail_errno(&e, MRC_EIO, ENOSPC, "%s", name);
    ck_assert_ptr_nonnull(strstr(e.msg, "nn: No space left on device"));
    ck_assert_int_eq(mrc_fail_errno(NULL, MRC_EIO, ENOSPC, "x"), MRC_EIO);
}
END_TEST

START_TEST(wrap_keeps_code_and_position)
{
    struct mrc_err e;
    mrc_fail_at(&e, MRC_EFORMAT, 4, 2, "odd");
    ck_assert_int_eq(err_wrap(&e, "%s", "films.csv"), MRC_EFORMAT);
    ck_assert_str_eq(e.msg, "films.csv: odd");
    ck_assert_uint_eq(e.line, 4);
    ck_assert_uint_eq(e.col, 2);
    ck_assert_int_eq(err_wrap(NULL, "x"), MRC_EBUG);
}
END_TEST

START_TEST(format_shows_positions)
{
    struct mrc_err e;
    char buf[64];
    mrc_fail_at(&e, MRC_EFORMAT, 4, 2, "odd");
    err_format(&e, buf, sizeof(buf));
    ck_assert_str_eq(buf, "line 4, column 2: odd");
    e.col = 0;
    err_format(&e, buf, sizeof(buf));
    ck_assert_str_eq(buf, "line 4: odd");
    e.line = 0;
    err_format(&e, buf, sizeof(buf));
    ck_assert_str_eq(buf, "odd");
    err_format(&e, buf, 3);
    ck_assert_str_eq(buf, "od");
    err_format(&e, buf, 0);
    ck_assert_str_eq(buf, "od");
}
END_TEST

START_TEST(every_status_has_a_name)
{
    static const int codes[] = {MRC_OK,      MRC_EINVAL, MRC_EFORMAT, MRC_EUNSUPPORTED, MRC_ENOTFOUND, MRC_ECONFLICT,
                                MRC_EDENIED, MRC_ELIMIT, MRC_EBUSY,   MRC_EIO,          MRC_ENOMEM,    MRC_EBUG};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        ck_assert_str_ne(err_name(codes[i]), "unknown");
        for (size_t j = 0; j < i; j++) {
            ck_assert_str_ne(err_name(codes[i]), err_name(codes[j]));
        }
    }
    ck_assert_str_eq(err_name(-999), "unknown");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("err");
    TCase *t = tcase_create("err");
    tcase_add_test(t, fail_fills_and_returns);
    tcase_add_test(t, messages_are_one_valid_line);
    tcase_add_test(t, long_messages_are_cut_at_a_character);
    tcase_add_test(t, errno_text_survives_a_long_name);
    tcase_add_test(t, wrap_keeps_code_and_position);
    tcase_add_test(t, format_shows_positions);
    tcase_add_test(t, every_status_has_a_name);
    suite_add_tcase(s, t);
    return check_main(s);
}
