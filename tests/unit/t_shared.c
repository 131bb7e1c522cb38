/* Counters, rate limits and gates between processes, also ones that are killed. */
#include "fcgi/shared.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

static void begin(void)
{
    strcpy(folder, "/tmp/mrc-shared-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static const char *gate_path(void)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/gate", folder);
    return path;
}

START_TEST(counts_add_up_over_processes)
{
    enum { PROCESSES = 8, ROUNDS = 1000 };
    for (int i = 0; i < PROCESSES; i++) {
        if (fork() == 0) {
            struct shared *s = NULL;
            if (shared_open(&s, folder, NULL) != MRC_OK) {
                _exit(1);
            }
            for (int k = 0; k < ROUNDS; k++) {
                shared_add(s, 7, 2);
            }
            shared_generation_next(s);
            _exit(0); /* without shared_close: as if killed */
        }
    }
    int status;
    while (wait(&status) > 0) {
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    struct shared *s = NULL, *second = NULL;
    struct mrc_err err = {0};
    ck_assert_msg(shared_open(&s, folder, &err) == MRC_OK, "%s", err.msg);
    ck_assert_int_eq(shared_open(&second, folder, &err), MRC_OK);
    ck_assert_uint_eq(shared_sum(s, 7), PROCESSES * ROUNDS * 2);
    ck_assert_uint_eq(shared_sum(s, 6), 0);
    ck_assert_uint_eq(shared_generation(s), PROCESSES);
    shared_add(s, 6, 1);
    shared_add(second, 6, 1);
    ck_assert_uint_eq(shared_sum(second, 6), 2);
    shared_add(s, SHARED_CELLS, 1); /* out of range: ignored */
    ck_assert_uint_eq(shared_sum(s, SHARED_CELLS), 0);
    shared_close(second);
    shared_close(s);
    shared_add(NULL, 0, 1);
    ck_assert_uint_eq(shared_sum(NULL, 0), 0);
}
END_TEST

START_TEST(refuses_a_missing_folder)
{
    struct shared *s = NULL;
    struct gate *g = NULL;
    struct mrc_err err = {0};
    ck_assert_int_eq(shared_open(&s, "/nonexistent", &err), MRC_EIO);
    ck_assert_ptr_nonnull(strstr(err.msg, "/nonexistent"));
    ck_assert_int_eq(gate_open(&g, "/nonexistent/gate", 1, &err), MRC_EIO);
    ck_assert_int_eq(gate_open(&g, gate_path(), 0, &err), MRC_EINVAL);
    ck_assert_int_eq(gate_open(&g, gate_path(), 257, &err), MRC_EINVAL);
}
END_TEST

START_TEST(gate_lets_in_its_number)
{
    struct gate *g[3] = {NULL};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(gate_open(&g[i], gate_path(), 2, NULL), MRC_OK);
    }
    ck_assert_int_eq(gate_enter(g[0]), MRC_OK);
    ck_assert_int_eq(gate_enter(g[0]), MRC_EBUG);
    ck_assert_int_eq(gate_enter(g[1]), MRC_OK);
    ck_assert_int_eq(gate_enter(g[2]), MRC_EBUSY);
    gate_leave(g[0]);
    gate_leave(g[0]);
    ck_assert_int_eq(gate_enter(g[2]), MRC_OK);
    ck_assert_int_eq(gate_enter(g[0]), MRC_EBUSY);
    gate_close(g[1]); /* closing leaves */
    ck_assert_int_eq(gate_enter(g[0]), MRC_OK);
    gate_close(g[0]);
    gate_close(g[2]);
    ck_assert_int_eq(gate_enter(NULL), MRC_OK);
    gate_leave(NULL);
}
END_TEST

START_TEST(gate_slot_of_a_killed_process_is_free)
{
    int ready[2];
    ck_assert_int_eq(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct gate *g = NULL;
        bool in = gate_open(&g, gate_path(), 1, NULL) == MRC_OK && gate_enter(g) == MRC_OK;
        ssize_t n = write(ready[1], in ? "y" : "n", 1);
        (void)n;
        pause();
        _exit(0);
    }
    char c = 0;
    ck_assert_int_eq(read(ready[0], &c, 1), 1);
    ck_assert_int_eq(c, 'y');
    struct gate *g = NULL;
    ck_assert_int_eq(gate_open(&g, gate_path(), 1, NULL), MRC_OK);
    ck_assert_int_eq(gate_enter(g), MRC_EBUSY);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    ck_assert_int_eq(gate_enter(g), MRC_OK);
    gate_close(g);
}
END_TEST

START_TEST(rate_is_a_token_bucket)
{
    struct shared *s = NULL;
    ck_assert_int_eq(shared_open(&s, folder, NULL), MRC_OK);
    int64_t now = 1700000000000;
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(shared_rate(s, 42, now, 1000, 5), 0);
    }
    ck_assert_int_eq(shared_rate(s, 42, now, 1000, 5), 1000);
    ck_assert_int_eq(shared_rate(s, 42, now + 999, 1000, 5), 1);
    ck_assert_int_eq(shared_rate(s, 42, now + 1000, 1000, 5), 0);
    ck_assert_int_eq(shared_rate(s, 42, now + 1000, 1000, 5), 1000);
    ck_assert_int_eq(shared_rate(s, 43, now, 1000, 5), 0); /* another key */
    for (int i = 0; i < 5; i++) {                          /* full again after a rest, and not fuller */
        ck_assert_int_eq(shared_rate(s, 42, now + 100000, 1000, 5), 0);
    }
    ck_assert_int_gt(shared_rate(s, 42, now + 100000, 1000, 5), 0);
    /* The clock was set back by a year: nobody waits longer than for one full bucket. */
    ck_assert_int_le(shared_rate(s, 42, now - 31536000000, 1000, 5), 5000);
    ck_assert_int_eq(shared_rate(NULL, 42, now, 1000, 5), 0);
    shared_close(s);
}
END_TEST

/* With more keys than places nobody is refused who did nothing. */
START_TEST(rate_forgets_rather_than_refuses)
{
    struct shared *s = NULL;
    ck_assert_int_eq(shared_open(&s, folder, NULL), MRC_OK);
    for (uint64_t key = 1; key <= 100000; key++) {
        ck_assert_int_eq(shared_rate(s, key * 0x9E3779B97F4A7C15U, 1700000000000, 60000, 1), 0);
    }
    shared_close(s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shared");
    TCase *t = tcase_create("shared");
    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, counts_add_up_over_processes);
    tcase_add_test(t, refuses_a_missing_folder);
    tcase_add_test(t, gate_lets_in_its_number);
    tcase_add_test(t, gate_slot_of_a_killed_process_is_free);
    tcase_add_test(t, rate_is_a_token_bucket);
    tcase_add_test(t, rate_forgets_rather_than_refuses);
    suite_add_tcase(suite, t);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
