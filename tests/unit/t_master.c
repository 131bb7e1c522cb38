/* The processes of `serve` as a web server sees them, over a small FastCGI client: killed, stopped, told to reload,
 * given another version or a broken one. */
#include "tests/unit/service_fixture.h"

START_TEST(serves_and_ends)
{
    pid_t pids[PIDS_MAX];
    start_demo();
    ck_assert_int_eq(get("/livez"), 200);
    ck_assert_int_eq(get("/readyz"), 200);
    ck_assert_int_eq(get("/nowhere"), 404);
    ck_assert_int_eq(get("/../etc/passwd"), 400);
    until_named("mrc-template", 1, pids);
    until_named("mrc-worker", WORKERS, pids);
    until_named("mrc-scribe", 1, pids);
    until_named("mrc-agent", 1, pids);
    pid_t worker = pids[0];
    kill(master_pid, SIGTERM);
    ck_assert_int_eq(until_gone(), 0);
    ck_assert_int_eq(kill(worker, 0), -1);
    ck_assert_int_eq(access(socket_path, F_OK), -1);
}
END_TEST

START_TEST(without_a_version_it_serves_503_until_one_comes)
{
    start_service(NULL, NULL);
    until_logged("msg=serving version=none workers=3");
    ck_assert_int_eq(get("/livez"), 200);
    ck_assert_int_eq(get("/readyz"), 503);
    make_version("0001");
    use_version("0001");
    until_logged("msg=serving version=0001 workers=3");
    pid_t pids[PIDS_MAX];
    until_named("mrc-template", 1, pids); /* the last old worker may have been asked to end only now */
    ck_assert_int_eq(get("/readyz"), 200);
}
END_TEST

START_TEST(killed_processes_are_replaced)
{
    pid_t pids[PIDS_MAX], again[PIDS_MAX];
    static const char *const names[] = {"mrc-worker", "mrc-scribe", "mrc-agent", "mrc-template"};
    start_demo();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (int times = 0; times < (i == 0 ? 15 : 3); times++) { /* idle workers too: no crash loop */
            size_t n = i == 0 ? WORKERS : 1;
            until_named(names[i], n, pids);
            kill(pids[0], SIGKILL);
            for (int k = 0; k < 5000 && kill(pids[0], 0) == 0; k++) {
                pause_ms(1); /* a process that is being killed may still accept */
            }
            int status = get("/livez");
            ck_assert_msg(status == 200, "%s, time %d: %d", names[i], times, status);
            for (int k = 0; k < 300; k++) {
                size_t have = named(names[i], again);
                bool gone = true;
                for (size_t j = 0; j < have; j++) {
                    gone = gone && again[j] != pids[0];
                }
                if (gone && have == n) {
                    break;
                }
                pause_ms(10);
            }
        }
        until_named("mrc-worker", WORKERS, pids);
        ck_assert_int_eq(get("/readyz"), 200);
    }
    until_named("mrc-template", 1, pids);
}
END_TEST

START_TEST(children_end_with_their_master)
{
    pid_t pids[PIDS_MAX], workers[PIDS_MAX];
    start_demo();
    until_named("mrc-worker", WORKERS, workers);
    until_named("mrc-scribe", 1, pids);
    kill(master_pid, SIGKILL);
    ck_assert_int_eq(until_gone(), -1);
    pid_t parent;
    char name[32];
    bool alive = true;
    for (int i = 0; i < 300 && alive; i++) {
        alive = process_of(pids[0], &parent, name);
        for (size_t k = 0; k < WORKERS; k++) {
            alive = alive || process_of(workers[k], &parent, name);
        }
        pause_ms(10);
    }
    ck_assert(!alive);
    start_service(NULL, NULL); /* its lock and its socket are free */
    pause_ms(200);
    until_named("mrc-worker", WORKERS, workers);
    ck_assert_int_eq(get("/livez"), 200);
}
END_TEST

/* The link came before the files: what was refused is tried again as long as nothing serves. */
START_TEST(an_incomplete_version_is_tried_again)
{
    char hidden[256];
    make_version("0001");
    use_version("0001");
    snprintf(hidden, sizeof(hidden), "%s.away", version_folder);
    ck_assert_int_eq(rename(version_folder, hidden), 0);
    start_service(NULL, NULL);
    until_logged("msg=serving version=none workers=3");
    ck_assert_int_eq(get("/readyz"), 503);
    ck_assert_int_eq(rename(hidden, version_folder), 0);
    for (int i = 0; i < 1000 && !log_has("msg=serving version=0001 workers=3"); i++) {
        pause_ms(10);
    }
    ck_assert(log_has("msg=serving version=0001 workers=3"));
}
END_TEST

/* A client in the background: GET until told to stop; number of failed requests in the exit status. */
static pid_t start_load(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        int bad = 0;
        char stop[200];
        snprintf(stop, sizeof(stop), "%s/stop", demo.root);
        while (access(stop, F_OK) != 0) {
            bad += get("/readyz") != 200;
        }
        _exit(bad > 250 ? 250 : bad);
    }
    return pid;
}

static void end_load(pid_t pid)
{
    char stop[200];
    int status;
    snprintf(stop, sizeof(stop), "%s/stop", demo.root);
    close(open(stop, O_CREAT | O_WRONLY, 0600));
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d requests failed", WEXITSTATUS(status));
    unlink(stop);
}

START_TEST(another_version_takes_over_under_load)
{
    pid_t before[PIDS_MAX], after[PIDS_MAX];
    start_demo();
    until_named("mrc-worker", WORKERS, before);
    make_version("0002");
    pid_t load = start_load();
    use_version("0002");
    until_logged("msg=serving version=0002 workers=3");
    until_named("mrc-template", 1, after);
    until_named("mrc-worker", WORKERS, after);
    end_load(load);
    for (size_t i = 0; i < WORKERS; i++) {
        for (size_t k = 0; k < WORKERS; k++) {
            ck_assert_int_ne(before[i], after[k]);
        }
    }
    use_version("0001"); /* and back */
    for (int i = 0; i < 300 && named("mrc-template", before) == 1 && before[0] == after[0]; i++) {
        pause_ms(10);
    }
    until_named("mrc-worker", WORKERS, before);
    ck_assert_int_eq(get("/readyz"), 200);
}
END_TEST

START_TEST(a_broken_version_changes_nothing)
{
    pid_t before[PIDS_MAX], after[PIDS_MAX];
    char file[256];
    start_demo();
    until_named("mrc-worker", WORKERS, before);
    make_version("0002");
    snprintf(file, sizeof(file), "%s/model.cbm", version_folder);
    ck_assert_int_eq(truncate(file, 20), 0);
    pid_t load = start_load();
    use_version("0002");
    until_logged("the old one stays");
    pause_ms(300);
    end_load(load);
    until_named("mrc-template", 1, after);
    until_named("mrc-worker", WORKERS, after);
    for (size_t i = 0; i < WORKERS; i++) {
        bool same = false;
        for (size_t k = 0; k < WORKERS; k++) {
            same = same || before[i] == after[k];
        }
        ck_assert(same);
    }
    make_version("0003");
    use_version("0003");
    until_logged("msg=serving version=0003 workers=3");
}
END_TEST

START_TEST(hup_replaces_workers_and_refuses_bad_settings)
{
    pid_t before[PIDS_MAX], after[PIDS_MAX];
    char file[160], text[64];
    struct mrc_err err = {0};
    snprintf(file, sizeof(file), "%s/m.conf", demo.root);
    snprintf(text, sizeof(text), "rows_max = 10\n");
    ck_assert_ok(file_replace(file, str_of(text), 0600, &err), &err);
    make_version("0001");
    use_version("0001");
    start_service("--config", file);
    until_logged("msg=serving version=0001 workers=3");
    until_named("mrc-worker", WORKERS, before);
    pid_t load = start_load();
    kill(master_pid, SIGHUP);
    until_logged("settings read again");
    for (int i = 0; i < 300; i++) {
        size_t n = named("mrc-worker", after);
        bool old = n != WORKERS;
        for (size_t k = 0; k < n; k++) {
            for (size_t j = 0; j < WORKERS; j++) {
                old = old || after[k] == before[j];
            }
        }
        if (!old) {
            break;
        }
        pause_ms(10);
    }
    until_named("mrc-worker", WORKERS, after);
    ck_assert_int_ne(before[0], after[0]);
    ck_assert_ok(file_replace(file, STR("rows_max = none\n"), 0600, &err), &err);
    kill(master_pid, SIGHUP);
    until_logged("settings refused, the old ones stay");
    end_load(load);
    until_named("mrc-worker", WORKERS, before);
}
END_TEST

/* A request whose body is on its way when TERM comes is read to its end and answered; the master waits for it. */
START_TEST(a_request_in_flight_is_finished)
{
    static char answer[ANSWER_MAX];
    start_demo();
    int fd = request_begin("POST", "/token", "40");
    ck_assert(send_body(fd, STR("12345678901234567890")));
    pause_ms(100);
    kill(master_pid, SIGTERM);
    pause_ms(700); /* several repeated TERMs */
    ck_assert_int_eq(waitpid(master_pid, NULL, WNOHANG), 0);
    ck_assert(send_body(fd, STR("12345678901234567890")));
    ck_assert(send_body(fd, STR("")));
    int status = request_end(fd, answer);
    ck_assert_msg(status >= 400 && status < 500, "%d", status);
    ck_assert_int_eq(until_gone(), 0);
}
END_TEST

START_TEST(patience_with_a_request_has_an_end)
{
    make_version("0001");
    use_version("0001");
    start_service("--drain-timeout", "300ms");
    until_logged("msg=serving version=0001 workers=3");
    int fd = request_begin("POST", "/token", "40");
    pause_ms(100);
    kill(master_pid, SIGTERM);
    ck_assert_int_eq(until_gone(), 0);
    ck_assert(log_has("worker does not end, killing it"));
    close(fd);
}
END_TEST

/* Bodies at, above and far above body_max; without a length; shorter than announced. */
START_TEST(bodies)
{
    static char answer[ANSWER_MAX], chunk[60000];
    enum { MAX = 1 << 20 };
    static const struct {
        size_t bytes;
        const char *length;
        int low, high;
    } cases[] = {
        {MAX, "1048576", 400, 404},
        {MAX + 1, "1048577", 413, 413},
        {20 << 20, "20971520", 413, 413},
        {MAX, NULL, 400, 404},
        {MAX + 1, NULL, 413, 413},
        {0, "18446744073709551616", 400, 400},
        {0, "12x", 400, 400},
        {10, "11", 400, 400},
        {0, "0", 400, 404},
        {5, "18446744073709551615", 413, 413},
    };
    memset(chunk, ' ', sizeof(chunk));
    start_demo();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* The token route is smaller than body_max: 413 there, too; unknown routes refuse the method first. */
        int fd = request_begin("POST", "/predict", cases[i].length);
        for (size_t left = cases[i].bytes; left > 0;) {
            size_t n = left < sizeof(chunk) ? left : sizeof(chunk);
            ck_assert_msg(send_body(fd, (struct str){chunk, n}), "case %zu: body not taken", i);
            left -= n;
        }
        ck_assert(send_body(fd, STR("")));
        int status = request_end(fd, answer);
        ck_assert_msg(status == 401 || (status >= cases[i].low && status <= cases[i].high), "case %zu: %d", i, status);
    }
    ck_assert_int_eq(get("/livez"), 200);
}
END_TEST

START_TEST(workers_are_replaced_after_their_share)
{
    make_version("0001");
    use_version("0001");
    start_service("--worker-requests-max", "5");
    until_logged("msg=serving version=0001 workers=3");
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(get("/livez"), 200);
    }
    ck_assert(log_has("worker has served its share"));
    ck_assert(!log_has("crash"));
}
END_TEST

/* Workers that cannot begin: their database is no database. */
START_TEST(a_crash_loop_ends_the_master)
{
    char file[160];
    struct mrc_err err = {0};
    ck_assert_ok(folder_create(state_dir, 0700, &err), &err);
    snprintf(file, sizeof(file), "%s/mercredi.db", state_dir);
    struct buf b;
    buf_init(&b, NULL, 1 << 16);
    for (int i = 0; i < 1000; i++) {
        buf_puts(&b, "this is no database ");
    }
    ck_assert_ok(file_replace(file, buf_text(&b), 0600, &err), &err);
    buf_release(&b);
    make_version("0001");
    use_version("0001");
    start_service(NULL, NULL);
    ck_assert_int_eq(until_gone(), EXIT_BUG);
    ck_assert(log_has("workers end before they begin, giving up"));
    ck_assert(log_has("mercredi.db"));
}
END_TEST

START_TEST(two_masters_on_one_socket)
{
    start_demo();
    pid_t first = master_pid;
    start_service(NULL, NULL);
    ck_assert_int_eq(until_gone(), EXIT_UNAVAILABLE);
    master_pid = first;
    ck_assert(log_has("another server uses this socket"));
    ck_assert_int_eq(get("/livez"), 200);
}
END_TEST

/* One worker without a master, as mod_fcgid starts it: loads the version itself and follows the link. */
START_TEST(a_worker_alone)
{
    make_version("0001");
    use_version("0001");
    struct listener l;
    struct mrc_err err = {0};
    ck_assert_ok(folder_create(run_dir, 0700, &err), &err);
    ck_assert_ok(folder_create(state_dir, 0700, &err), &err);
    ck_assert_ok(listener_open(&l, socket_path, 0600, 16, &err), &err);
    char *argv[] = {(char[]){"--run-dir"},
                    run_dir,
                    (char[]){"--state-dir"},
                    state_dir,
                    (char[]){"--models-dir"},
                    models_dir,
                    (char[]){"--model"},
                    (char[]){"demo"},
                    NULL};
    char *environment[] = {NULL};
    pid_t pid = fork();
    if (pid == 0) {
        struct settings config;
        int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, 2);
        if (config_load(&config, 8, argv, environment, &err) < 0) {
            _exit(78);
        }
        log_setup("t_master", LOG_INFO, 2);
        const struct worker_parts parts = {.config = &config, .listen_fd = l.fd, .ready_fd = -1, .alone = true};
        int status = worker_run(&parts, &err);
        fprintf(stderr, "%s\n", err.msg);
        settings_release(&config);
        _exit(status);
    }
    ck_assert_int_eq(get("/readyz"), 200);
    make_version("0002");
    use_version("0002");
    for (int i = 0; i < 100 && !log_has("msg=serving version=0002"); i++) {
        ck_assert_int_eq(get("/readyz"), 200);
        pause_ms(20);
    }
    ck_assert(log_has("msg=serving version=0002"));
    kill(pid, SIGTERM);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    listener_close(&l, true);
}
END_TEST

START_TEST(crash_counting)
{
    struct crashes c = {.n = 0};
    for (int i = 0; i < CRASHES_MAX; i++) {
        ck_assert(!crashes_note(&c, 1000 + i));
    }
    ck_assert(crashes_note(&c, 1000 + CRASHES_WINDOW_MS));
    ck_assert(!crashes_note(&c, 1002 + CRASHES_WINDOW_MS)); /* the first one is out of the window */
    struct crashes slow = {.n = 0};
    for (int i = 0; i < 100; i++) {
        ck_assert(!crashes_note(&slow, (int64_t)i * 2001));
    }
    ck_assert_int_eq(crashes_delay_ms(0), 0);
    ck_assert_int_eq(crashes_delay_ms(1), 100);
    ck_assert_int_eq(crashes_delay_ms(3), 400);
    ck_assert_int_eq(crashes_delay_ms(1000000), 2000);
}
END_TEST

START_TEST(tasks_of_the_agent_back_off)
{
    ck_assert_int_eq(agent_next_ms(5000, 60000, 0), 65000);
    ck_assert_int_eq(agent_next_ms(5000, 60000, 1), 6000);
    ck_assert_int_eq(agent_next_ms(5000, 60000, 4), 13000);
    ck_assert_int_eq(agent_next_ms(5000, 60000, 7), 65000); /* never later than without a failure */
    ck_assert_int_eq(agent_next_ms(0, 7 * 86400000LL, 4000000), 3600000);
    ck_assert_int_eq(agent_next_ms(0, 200, 1), 200);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("master");
    TCase *t = tcase_create("master");
    tcase_add_checked_fixture(t, begin, end);
    tcase_set_timeout(t, 90);
    tcase_add_test(t, serves_and_ends);
    tcase_add_test(t, without_a_version_it_serves_503_until_one_comes);
    tcase_add_test(t, an_incomplete_version_is_tried_again);
    tcase_add_test(t, killed_processes_are_replaced);
    tcase_add_test(t, children_end_with_their_master);
    tcase_add_test(t, another_version_takes_over_under_load);
    tcase_add_test(t, a_broken_version_changes_nothing);
    tcase_add_test(t, hup_replaces_workers_and_refuses_bad_settings);
    tcase_add_test(t, a_request_in_flight_is_finished);
    tcase_add_test(t, patience_with_a_request_has_an_end);
    tcase_add_test(t, bodies);
    tcase_add_test(t, workers_are_replaced_after_their_share);
    tcase_add_test(t, a_crash_loop_ends_the_master);
    tcase_add_test(t, two_masters_on_one_socket);
    tcase_add_test(t, a_worker_alone);
    tcase_add_test(t, crash_counting);
    tcase_add_test(t, tasks_of_the_agent_back_off);
    suite_add_tcase(suite, t);
    return check_main(suite);
}
