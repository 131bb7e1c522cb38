/* Events: one line each whatever the values hold, levels, quoting, ceilings. */
#include "common/base/log.h"

#include "tests/unit/check_main.h"

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

START_TEST(long_values_are_cut)
{
    char value[6000];
    memset(value, 'v', sizeof value);
    char out[8192];
    log_event(LOG_ERROR, "x", LOG_STR("a", ((struct str){value, sizeof value})),
              LOG_STR("b", ((struct str){value, sizeof value})), LOG_STR("c", ((struct str){value, sizeof value})),
              LOG_STR("d", ((struct str){value, sizeof value})));
    ck_assert_uint_le(line(out, sizeof out), 4096);
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
    tcase_add_test(tc, long_values_are_cut);
    tcase_add_test(tc, levels);
    suite_add_tcase(suite, tc);
    return check_main(suite);
}
