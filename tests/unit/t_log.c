/* Events: one line each whatever the values hold, levels, quoting, ceilings. */
#include "common/base/log.h"

#include "tests/unit/check_main.h"

#include <errno.h>
#include <unistd.h>

static int ends[2];

static void open_pipe(void)
{
    ck_assert_int_eq(pipe(ends), 0);
    log_setup("test", LOG_INFO, ends[1]);
}

static void close_pipe(void)
{
    close(ends[0]);
    close(ends[1]);
}

static size_t line(char *out, size_t size)
{
    ssize_t n = read(ends[0], out, size - 1);
    ck_assert_int_gt(n, 0);
    out[n] = '\0';
    ck_assert_int_eq(out[n - 1], '\n');
    ck_assert_ptr_eq(strchr(out, '\n'), out + n - 1);
    return (size_t)n;
}

START_TEST(pairs)
{
    char out[8192];
    log_event(LOG_INFO, "listening here", LOG_CSTR("socket", "/run/x.sock"), LOG_INT("workers", -3),
              LOG_NUM("load", 0.1));
    line(out, sizeof out);
    ck_assert_ptr_nonnull(strstr(out, " lvl=info prog=test pid="));
    ck_assert_ptr_nonnull(strstr(out, " msg=\"listening here\" socket=/run/x.sock workers=-3 load=0.1\n"));
    ck_assert_int_eq(strncmp(out, "ts=2", 4), 0);
}
END_TEST

START_TEST(no_value_ends_a_line)
{
    char out[8192];
    log_event(LOG_WARN, "x", LOG_STR("v", STR("a\nlvl=error \"b\" \\ \x01 caf\xc3\xa9 \xff")), LOG_CSTR("empty", ""));
    line(out, sizeof out);
    ck_assert_ptr_nonnull(strstr(out, " v=\"a\\nlvl=error \\\"b\\\" \\\\ \\x01 caf\xc3\xa9 \\xff\" empty=\"\"\n"));
}
END_TEST

START_TEST(terminals_get_no_control)
{
    char out[8192];
    log_event(LOG_WARN, "x", LOG_STR("v", STR("\x1b[2J \xc2\x85 \xe2\x80\xa8 \xe2\x82\xac \xc3\xa9\xc3")),
              LOG_CSTR("w", "a=b"));
    line(out, sizeof out);
    ck_assert_ptr_nonnull(
        strstr(out, " v=\"\\x1b[2J \\xc2\\x85 \\xe2\\x80\\xa8 \xe2\x82\xac \xc3\xa9\\xc3\" w=\"a=b\"\n"));
}
END_TEST

START_TEST(long_values_are_cut_whole)
{
    for (size_t lead = 0; lead < 4; lead++) {
        char value[6000];
        memset(value, 'v', sizeof value);
        for (size_t i = lead; i + 3 <= sizeof value; i += 3) {
            memcpy(value + i, "\xe2\x82\xac", 3);
        }
        char out[8192];
        struct str v = {value, sizeof value};
        log_event(LOG_ERROR, "x", LOG_STR("a", v), LOG_INT("n", 1));
        line(out, sizeof out);
        ck_assert_ptr_nonnull(strstr(out, "...\" n=1\n"));
        ck_assert_uint_eq(utf8_valid(str_of(out)), strlen(out));
        ck_assert_ptr_null(strstr(out, "\\x")); /* half a character is dropped, not escaped */
        /* More than a line holds: quotes are closed, the end is marked, the line still ends. */
        log_event(LOG_ERROR, "x", LOG_STR("a", v), LOG_STR("b", v), LOG_STR("c", v), LOG_STR("d", v), LOG_STR("e", v));
        size_t n = line(out, sizeof out);
        ck_assert_uint_le(n, 4096);
        ck_assert_str_eq(out + n - 6, "\" ...\n");
        ck_assert_uint_eq(utf8_valid(str_of(out)), n);
        size_t quotes = 0;
        for (size_t i = 0; i < n; i++) {
            quotes += out[i] == '"';
        }
        ck_assert_uint_eq(quotes % 2, 0);
    }
    /* A line that fills up in a name or a plain value. */
    struct log_field many[400];
    for (size_t i = 0; i < 400; i++) {
        many[i] = i % 2 == 0 ? LOG_CSTR("some_name", "plain") : LOG_INT("number", i);
    }
    char out[8192];
    log_write(LOG_ERROR, "x", many, 400);
    size_t n = line(out, sizeof out);
    ck_assert_uint_le(n, 4096);
    ck_assert_str_eq(out + n - 5, " ...\n");
}
END_TEST

START_TEST(errno_is_kept)
{
    log_setup("test", LOG_INFO, -1); /* nowhere to write */
    errno = ENOSPC;
    log_event(LOG_ERROR, "x", LOG_INT("n", 1));
    ck_assert_int_eq(errno, ENOSPC);
    log_setup("test", LOG_INFO, ends[1]);
}
END_TEST

START_TEST(levels)
{
    enum log_level level;
    ck_assert(log_level_parse(STR("warn"), &level) && level == LOG_WARN);
    ck_assert(!log_level_parse(STR("loud"), &level));
    ck_assert(!log_enabled(LOG_DEBUG));
    log_event(LOG_DEBUG, "hidden", LOG_INT("n", 1));
    struct mrc_err err;
    mrc_fail_at(&err, MRC_EFORMAT, 3, 7, "bad cell");
    log_err(LOG_ERROR, "not read", &err);
    char out[8192];
    line(out, sizeof out);
    ck_assert_ptr_null(strstr(out, "hidden"));
    ck_assert_ptr_nonnull(strstr(out, "err=\"line 3, column 7: bad cell\""));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tc = tcase_create("log");
    tcase_add_checked_fixture(tc, open_pipe, close_pipe);
    tcase_add_test(tc, pairs);
    tcase_add_test(tc, no_value_ends_a_line);
    tcase_add_test(tc, terminals_get_no_control);
    tcase_add_test(tc, long_values_are_cut_whole);
    tcase_add_test(tc, errno_is_kept);
    tcase_add_test(tc, levels);
    suite_add_tcase(suite, tc);
    return check_main(suite);
}
