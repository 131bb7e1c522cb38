/* Databases that are locked, gone, damaged, stopped, killed and back, below the API: no request waits long, what needs
 * state answers 503 with Retry-After, and all is well again without a restart. */
#include "tests/unit/app_answer.h"
#include "tests/unit/pg_server.h"

#include "fcgi/store_access.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 12000 }; /* of one request, on a machine that has other things to do */

static struct fixture f;
static struct pg_server pg;
static char anna[4200];
static bool on_server;

static void setup(void)
{
    ck_assert(pg.folder[0] == '\0' || pg_server_clear(&pg));
    fixture_state_url = fixture_log_url = on_server ? pg.url : NULL;
    fixture_open(&f, false);
    log_setup("test", LOG_ERROR, open("/dev/null", O_WRONLY)); /* every refusal says why */
    (void)snprintf(anna, sizeof anna, "%s", fixture_token(&f, "anna", ""));
}

static void teardown(void)
{
    fixture_close(&f);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char film[] = "{\"title\":\"Été\",\"release_date\":\"2026-03-11\"}";

/* A request that must answer so, in time; a 503 says when to come again, and nothing of the inside. */
static void answers(int status, const char *method, const char *target)
{
    int64_t start = now_ms();
    int got = fixture_call(&f, method, target, anna, "application/json", strcmp(method, "POST") == 0 ? film : NULL);
    int64_t took = now_ms() - start;
    ck_assert_msg(got == status, "%s %s: %d, not %d: %.300s", method, target, got, status, fixture_body(&f));
    ck_assert_msg(took < PATIENCE_MS, "%s %s took %lld ms", method, target, (long long)took);
    if (status == 503) {
        ck_assert_ptr_nonnull(fixture_header(&f, "Retry-After"));
        ck_assert_ptr_null(strstr(fixture_body(&f), f.folder));
        ck_assert_ptr_null(strstr(fixture_body(&f), "SQL"));
    }
}

/* The same until it answers so: back-off is allowed, not for ever. */
static void comes_back(const char *method, const char *target)
{
    int64_t start = now_ms();
    while (fixture_call(&f, method, target, anna, "application/json", strcmp(method, "POST") == 0 ? film : NULL) !=
           200) {
        ck_assert_msg(now_ms() - start < 20000, "%s %s does not come back: %.300s", method, target, fixture_body(&f));
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
}

/* ---- SQLite ---------------------------------------------------------------------------------------------------- */

/* Another process writes into both databases for 30 seconds: reading and its answers go on, writing is refused soon. */
START_TEST(locked_for_long)
{
    int gate[2];
    char byte;
    ck_assert_int_eq(pipe(gate), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct store *s = NULL, *log = NULL;
        struct mrc_err err = {0};
        fixture_need(store_open(&s, STORE_STATE, fixture_path(&f, "state.db"), &err), &err, "state");
        fixture_need(store_open(&log, STORE_LOG, fixture_path(&f, "log.db"), &err), &err, "log");
        fixture_need(store_begin(s, &err), &err, "lock");
        fixture_need(store_begin(log, &err), &err, "lock");
        ck_assert_int_eq(write(gate[1], "x", 1), 1);
        sleep(30);
        _exit(0);
    }
    ck_assert_int_eq(read(gate[0], &byte, 1), 1);
    int64_t start = now_ms();
    for (int i = 0; i < 2; i++) {
        answers(503, "POST", "/films");
        answers(200, "GET", "/films");
        answers(503, "POST", "/predict"); /* log = required */
        answers(200, "GET", "/predictions");
        answers(503, "GET", "/readyz");
        answers(200, "GET", "/livez");
    }
    ck_assert_int_lt(now_ms() - start, 30000);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    answers(200, "POST", "/films");
    answers(200, "POST", "/predict");
    close(gate[0]);
    close(gate[1]);
}
END_TEST

static void move(const char *from, const char *to)
{
    char a[96], b[96];
    const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(a, sizeof a, "%s%s", fixture_path(&f, from), ends[i]);
        (void)snprintf(b, sizeof b, "%s%s", fixture_path(&f, to), ends[i]);
        ck_assert(rename(a, b) == 0 || i > 0);
    }
}

START_TEST(gone_and_back)
{
    struct prediction *rows;
    size_t n;
    struct mrc_err err = {0};
    struct arena a;
    answers(200, "POST", "/predict");
    move("log.db", "log.away");
    answers(503, "POST", "/predict"); /* not into a file that nobody will find */
    answers(503, "GET", "/predictions");
    answers(200, "GET", "/films");
    move("log.away", "log.db");
    answers(200, "POST", "/predict");
    move("state.db", "state.away");
    answers(503, "GET", "/films");
    answers(503, "POST", "/films");
    answers(503, "GET", "/readyz");
    move("state.away", "state.db");
    answers(200, "POST", "/films");
    answers(200, "GET", "/readyz");
    /* what was acknowledged is in the file by that name */
    struct store *log = NULL;
    arena_init(&a, 0);
    ck_assert_ok(store_open(&log, STORE_LOG, fixture_path(&f, "log.db"), &err), &err);
    ck_assert_ok(store_predictions_list(log, STR("u-1"), STR(""), 10, &a, &rows, &n, &err), &err);
    ck_assert_uint_eq(n, 2);
    store_close(log);
    arena_release(&a);
}
END_TEST

/* Garbage in the file's place: refused as long as it lies there, and never answered as the client's fault. */
START_TEST(damaged)
{
    struct mrc_err err = {0};
    char junk[8192];
    move("state.db", "state.away");
    memset(junk, 'x', sizeof junk);
    ck_assert_ok(file_replace(fixture_path(&f, "state.db"), (struct str){junk, sizeof junk}, 0600, &err), &err);
    answers(503, "GET", "/films");
    answers(503, "POST", "/films");
    ck_assert_int_eq(unlink(fixture_path(&f, "state.db")), 0);
    move("state.away", "state.db");
    answers(200, "POST", "/films");
}
END_TEST

/* ---- PostgreSQL ------------------------------------------------------------------------------------------------ */

START_TEST(server_stopped)
{
    answers(200, "POST", "/films");
    pg_server_signal(&pg, SIGSTOP);
    answers(503, "POST", "/films"); /* waits for its answer, not for ever */
    int64_t start = now_ms();
    answers(503, "GET", "/films"); /* and then not each for itself */
    answers(503, "POST", "/predict");
    ck_assert_int_lt(now_ms() - start, PATIENCE_MS);
    answers(200, "GET", "/livez");
    pg_server_signal(&pg, SIGCONT);
    comes_back("POST", "/films");
    comes_back("POST", "/predict");
}
END_TEST

START_TEST(server_killed)
{
    answers(200, "POST", "/predict");
    pg_server_signal(&pg, SIGKILL);
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    for (int i = 0; i < 5; i++) {
        answers(503, "GET", "/films");
        answers(503, "POST", "/predict");
        answers(503, "GET", "/readyz");
        answers(200, "GET", "/livez");
    }
    ck_assert(pg_server_again(&pg));
    comes_back("GET", "/films");
    comes_back("POST", "/predict");
    comes_back("GET", "/readyz");
}
END_TEST

/* A worker that starts while the server is away serves what it can, and all of it once the server is there. */
START_TEST(server_away_at_start)
{
    struct mrc_err err = {0};
    store_close(f.store);
    store_close(f.log_store);
    f.log->close(f.log);
    ck_assert(pg_server_clear(&pg)); /* there is no schema either */
    pg_server_signal(&pg, SIGKILL);
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    ck_assert_int_eq(store_open(&f.store, STORE_STATE, pg.url, &err), MRC_EBUSY);
    ck_assert_ok(store_open_patiently(&f.store, STORE_STATE, pg.url, &err), &err);
    ck_assert_ok(store_open_patiently(&f.log_store, STORE_LOG, pg.url, &err), &err);
    ck_assert_ok(log_sink_store(&f.log, f.log_store, &err), &err);
    f.parts.store = f.store;
    f.parts.log_store = f.log_store;
    f.parts.log = f.log;
    fixture_reopen(&f);
    answers(503, "GET", "/films");
    answers(503, "GET", "/readyz");
    answers(200, "GET", "/livez");
    ck_assert(pg_server_again(&pg));
    comes_back("GET", "/readyz");
    fixture_account(&f, "u-1", "anna", 1U << SCOPE_PREDICT | 1U << SCOPE_OUTCOME, false);
    comes_back("POST", "/films");
    comes_back("POST", "/predict");
}
END_TEST

/* Somebody holds a lock for long: the statement is cancelled, the request refused. */
START_TEST(server_locked)
{
    char command[1024];
    (void)snprintf(command, sizeof command,
                   "'%spsql' -qXAt '%s' -c 'BEGIN; LOCK TABLE film IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(20)' "
                   ">/dev/null 2>&1 &",
                   pg.bin, pg.url);
    ck_assert_int_eq(system(command), 0);
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    answers(503, "POST", "/films");
    answers(503, "GET", "/films");
    answers(200, "GET", "/cinemas");
    ck_assert(pg_server_sql(&pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' "
                                 "AND pid <> pg_backend_pid()"));
    comes_back("POST", "/films");
}
END_TEST

static int run(const char *name, const TTest *const *tests)
{
    Suite *suite = suite_create(name);
    TCase *t = tcase_create("faults");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 180);
    for (size_t i = 0; tests[i] != NULL; i++) {
        tcase_add_test(t, tests[i]);
    }
    suite_add_tcase(suite, t);
    return check_main(suite);
}

int main(void)
{
    const TTest *const of_files[] = {locked_for_long, gone_and_back, damaged, NULL}, *const of_servers[] = {
                                                                                         server_stopped, server_killed,
                                                                                         server_away_at_start,
                                                                                         server_locked, NULL};
    int failed = run("faults of files", of_files);
    on_server = pg_server_start(&pg);
    if (on_server) {
        failed += run("faults of servers", of_servers);
    }
    pg_server_stop(&pg);
    return failed == 0 ? 0 : 1;
}
