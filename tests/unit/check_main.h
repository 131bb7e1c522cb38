/* What every unit test shares: a main for one suite, assertions about mrc_err, and the way to the real data. */
#ifndef MRC_TESTS_CHECK_MAIN_H
#define MRC_TESTS_CHECK_MAIN_H

#include "common/base/err.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The call returns MRC_OK (or a count); otherwise the test fails with the message of err. */
#define ck_assert_ok(call, err)                                                                                        \
    do {                                                                                                               \
        int rc_ = (call);                                                                                              \
        ck_assert_msg(rc_ >= 0, "%s: %s (%d)", #call, (err)->msg, rc_);                                                \
    } while (0)

/* The call returns status, and the message contains text. */
#define ck_assert_fails(call, err, status, text)                                                                       \
    do {                                                                                                               \
        int rc_ = (call);                                                                                              \
        ck_assert_msg(rc_ == (status), "%s: %s, expected %s (%s)", #call, err_name(rc_), err_name(status),             \
                      rc_ < 0 ? (err)->msg : "no error");                                                              \
        ck_assert_msg(strstr((err)->msg, (text)) != NULL, "%s: message \"%s\" lacks \"%s\"", #call, (err)->msg,        \
                      (text));                                                                                         \
    } while (0)

/* A struct str against a C string. */
#define ck_assert_text(s, expected)                                                                                    \
    do {                                                                                                               \
        struct str s_ = (s);                                                                                           \
        const char *e_ = (expected);                                                                                   \
        ck_assert_msg(str_is(s_, e_), "%s: \"%.*s\", expected \"%s\"", #s, (int)s_.n, s_.p == NULL ? "" : s_.p, e_);   \
    } while (0)

/* "$MERCREDI_DATA/name" in buf, or NULL, saying so, when the variable is not set: the test then returns. */
static inline const char *check_data(const char *name, char *buf, size_t size)
{
    const char *folder = getenv("MERCREDI_DATA");
    if (folder == NULL || folder[0] == '\0') {
        printf("SKIP: %s: MERCREDI_DATA is not set\n", name);
        return NULL;
    }
    int n = snprintf(buf, size, "%s/%s", folder, name);
    ck_assert_msg(n > 0 && (size_t)n < size, "path too long: %s", name);
    return buf;
}

/* Run one suite. CK_FORK, CK_VERBOSITY, CK_RUN_CASE act as Check defines them. Exit status 1 when a test failed. */
static inline int check_main(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
