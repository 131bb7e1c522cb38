/* What the master tells and takes from a service manager, and what it takes from its workers: limits, and an end for
 * those that nobody else would end. */
#include "fcgi/supervisor.h"

#include "tests/unit/service_fixture.h"

static char notify_path[160];
static int notify_fd, handed_fd;

/* ---- the service manager --------------------------------------------------------------------------------------- */

static void open_notify(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(notify_path, sizeof(notify_path), "%s/notify", demo.root);
    memcpy(a.sun_path, notify_path, strlen(notify_path) + 1);
    notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(notify_fd, (struct sockaddr *)&a, sizeof(a)), 0);
}

/* Until a datagram that begins with text; the others are passed over. */
static void until_notified(const char *text)
{
    char got[600] = "";
    for (int i = 0; i < 1000; i++) {
        struct pollfd p = {.fd = notify_fd, .events = POLLIN};
        ck_assert_msg(poll(&p, 1, 5000) == 1, "no datagram, the last one was: %s", got);
        ssize_t n = recv(notify_fd, got, sizeof(got) - 1, 0);
        ck_assert_int_gt(n, 0);
        got[n] = '\0';
        if (strncmp(got, text, strlen(text)) == 0) {
            return;
        }
    }
    ck_abort_msg("never heard %s", text);
}

static void be_supervised(void)
{
    char pid[24];
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    setenv("NOTIFY_SOCKET", notify_path, 1);
    setenv("WATCHDOG_USEC", "100000", 1);
    setenv("WATCHDOG_PID", pid, 1);
}

START_TEST(a_service_manager_is_told)
{
    make_version("0001");
    use_version("0001");
    open_notify();
    service_in_child = be_supervised;
    start_service(NULL, NULL);
    until_notified("READY=1\nSTATUS=serving version 0001");
    for (int i = 0; i < 3; i++) {
        until_notified("WATCHDOG=1");
    }
    kill(master_pid, SIGHUP);
    until_notified("RELOADING=1\nMONOTONIC_USEC=");
    until_notified("READY=1");
    kill(master_pid, SIGSTOP); /* what a watchdog is for: then nothing comes any more */
    pause_ms(100);
    while (recv(notify_fd, (char[600]){0}, 600, MSG_DONTWAIT) > 0) {
    }
    struct pollfd p = {.fd = notify_fd, .events = POLLIN};
    ck_assert_int_eq(poll(&p, 1, 300), 0);
    kill(master_pid, SIGCONT);
    kill(master_pid, SIGTERM);
    until_notified("STOPPING=1");
    ck_assert_int_eq(until_gone(), 0);
    close(notify_fd);
}
END_TEST

static void be_handed_a_socket(void)
{
    char pid[24];
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    ck_assert_int_eq(dup2(handed_fd, 3), 3);
}

/* The manager keeps the socket: it is there before, and after, and what waits in it is served by the next master. */
START_TEST(a_socket_is_taken_over)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    make_version("0001");
    use_version("0001");
    memcpy(a.sun_path, socket_path, strlen(socket_path) + 1);
    handed_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(handed_fd, (struct sockaddr *)&a, sizeof(a)), 0);
    ck_assert_int_eq(listen(handed_fd, 16), 0);
    service_in_child = be_handed_a_socket;
    int waiting = request_begin("GET", "/livez", NULL);
    ck_assert(send_body(waiting, STR("")));
    start_service(NULL, NULL);
    static char answer[ANSWER_MAX];
    ck_assert_int_eq(request_end(waiting, answer), 200);
    until_logged("msg=serving version=0001 workers=3");
    kill(master_pid, SIGTERM);
    ck_assert_int_eq(until_gone(), 0);
    ck_assert_int_eq(access(socket_path, F_OK), 0);
    waiting = request_begin("GET", "/livez", NULL);
    ck_assert(send_body(waiting, STR("")));
    start_service(NULL, NULL);
    ck_assert_int_eq(request_end(waiting, answer), 200);
    close(handed_fd);
}
END_TEST

static void be_handed_a_file(void)
{
    char pid[24];
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    ck_assert_int_eq(dup2(open("/dev/null", O_RDWR), 3), 3);
}

START_TEST(something_else_than_a_socket_is_refused)
{
    service_in_child = be_handed_a_file;
    start_service(NULL, NULL);
    ck_assert_int_ne(until_gone(), 0);
    ck_assert(log_has("is no listening stream socket"));
}
END_TEST

START_TEST(variables_for_another_process_are_not_ours)
{
    int fd = 7;
    struct mrc_err err = {0};
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_PID", "1", 1);
    setenv("WATCHDOG_USEC", "3000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    ck_assert_ok(supervisor_socket(&fd, &err), &err);
    ck_assert_int_eq(fd, -1);
    ck_assert_int_eq(supervisor_watchdog_ms(), 0);
    unsetenv("WATCHDOG_PID");
    ck_assert_int_eq(supervisor_watchdog_ms(), 1500);
    setenv("WATCHDOG_USEC", "soon", 1);
    ck_assert_int_eq(supervisor_watchdog_ms(), 0);
    char pid[24];
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2", 1);
    ck_assert_int_eq(supervisor_socket(&fd, &err), MRC_EINVAL);
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("WATCHDOG_USEC");
    setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
    supervisor_notify("READY=1"); /* nobody listens: no harm */
    unsetenv("NOTIFY_SOCKET");
}
END_TEST

/* ---- workers --------------------------------------------------------------------------------------------------- */

/* Soft limit of a process by its name in /proc/…/limits; -1: unlimited. */
static long long limit_of(pid_t pid, const char *name)
{
    char path[64], *text = NULL;
    size_t n;
    snprintf(path, sizeof(path), "/proc/%ld/limits", (long)pid);
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    text = calloc(1, 8192);
    n = fread(text, 1, 8191, f);
    fclose(f);
    text[n] = '\0';
    const char *line = strstr(text, name);
    ck_assert_ptr_nonnull(line);
    line += strlen(name);
    line += strspn(line, " ");
    long long value = strncmp(line, "unlimited", 9) == 0 ? -1 : strtoll(line, NULL, 10);
    free(text);
    return value;
}

START_TEST(workers_have_limits)
{
    pid_t pids[PIDS_MAX];
    make_version("0001");
    use_version("0001");
    start_service("--worker-cpu-max", "7s");
    until_logged("msg=serving version=0001 workers=3");
    until_named("mrc-worker", WORKERS, pids);
    for (int i = 0; i < 30; i++) {
        ck_assert_int_eq(get("/livez"), 200);
    }
    int with_cpu = 0;
    for (int i = 0; i < WORKERS; i++) {
        long long cpu = limit_of(pids[i], "Max cpu time"), memory = limit_of(pids[i], "Max data size");
        with_cpu += cpu >= 7 && cpu <= 12; /* those that had a request, with what they have used */
        ck_assert_msg(memory == 1LL << 30 || log_has("worker_memory_max is less than"), "%lld", memory);
    }
    ck_assert_int_ge(with_cpu, 1);
    until_named("mrc-scribe", 1, pids);
    ck_assert_int_eq(limit_of(pids[0], "Max cpu time"), -1);
    /* What the kernel does to a worker that takes more. */
    until_named("mrc-worker", WORKERS, pids);
    kill(pids[0], SIGXCPU);
    until_logged("worker took more CPU time than worker_cpu_max");
    until_named("mrc-worker", WORKERS, pids);
    ck_assert_int_eq(get("/livez"), 200);
}
END_TEST

/* Nobody but the master can end a worker that hangs and whose template is gone. */
START_TEST(a_stopped_worker_of_a_killed_template_is_ended)
{
    pid_t pids[PIDS_MAX], templates[PIDS_MAX];
    make_version("0001");
    use_version("0001");
    start_service("--drain-timeout", "300ms");
    until_logged("msg=serving version=0001 workers=3");
    until_named("mrc-worker", WORKERS, pids);
    until_named("mrc-template", 1, templates);
    pid_t hung = pids[1];
    kill(hung, SIGSTOP);
    kill(templates[0], SIGKILL);
    for (int i = 0; i < 500 && kill(hung, 0) == 0; i++) {
        pause_ms(10);
    }
    ck_assert_int_eq(kill(hung, 0), -1);
    until_named("mrc-worker", WORKERS, pids);
    ck_assert_int_eq(get("/livez"), 200);
    /* The same when the master is told to end at that moment. */
    until_named("mrc-template", 1, templates);
    hung = pids[0];
    kill(hung, SIGSTOP);
    kill(templates[0], SIGKILL);
    kill(master_pid, SIGTERM);
    ck_assert_int_eq(until_gone(), 0);
    ck_assert_int_eq(kill(hung, 0), -1);
}
END_TEST

/* A worker that is stopped holds its own request only; the others answer, and it answers too once it goes on. */
START_TEST(a_stopped_worker_holds_nobody_else)
{
    static char answer[ANSWER_MAX];
    pid_t pids[PIDS_MAX];
    start_demo();
    until_named("mrc-worker", WORKERS, pids);
    kill(pids[0], SIGSTOP);
    int fds[WORKERS * 4], late = 0;
    for (int i = 0; i < WORKERS * 4; i++) {
        fds[i] = request_begin("GET", "/livez", NULL);
        ck_assert(send_body(fds[i], STR("")));
    }
    for (int i = 0; i < WORKERS * 4; i++) {
        struct pollfd p = {.fd = fds[i], .events = POLLIN};
        late += poll(&p, 1, 3000) == 0;
    }
    ck_assert_int_le(late, 1);
    kill(pids[0], SIGCONT);
    for (int i = 0; i < WORKERS * 4; i++) {
        ck_assert_int_eq(request_end(fds[i], answer), 200);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("supervisor");
    TCase *t = tcase_create("supervisor");
    tcase_add_checked_fixture(t, begin, end);
    tcase_set_timeout(t, 90);
    tcase_add_test(t, a_service_manager_is_told);
    tcase_add_test(t, a_socket_is_taken_over);
    tcase_add_test(t, something_else_than_a_socket_is_refused);
    tcase_add_test(t, variables_for_another_process_are_not_ours);
    tcase_add_test(t, workers_have_limits);
    tcase_add_test(t, a_stopped_worker_of_a_killed_template_is_ended);
    tcase_add_test(t, a_stopped_worker_holds_nobody_else);
    suite_add_tcase(suite, t);
    return check_main(suite);
}
