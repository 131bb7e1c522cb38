/* The prediction log's writer and its clients: durable before acknowledged, once only, whatever dies or lies. */
#include "fcgi/scribe.h"

#include "common/base/digest.h"
#include "common/base/log.h"
#include "fcgi/listener.h"
#include "fcgi/process.h"
#include "fcgi/scribe_frame.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char folder[64], socket_path[96], database[96];
static struct listener listener;
static pid_t scribe_pid;

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Fork a scribe on the listening socket; file_max (0 = none): the largest file it may write. */
static void start_scribe(rlim_t file_max)
{
    int ready[2];
    char c;
    ck_assert_int_eq(pipe(ready), 0);
    scribe_pid = fork();
    if (scribe_pid == 0) {
        close(ready[0]);
        log_setup("t_scribe", LOG_ERROR, open("/dev/null", O_WRONLY));
        if (file_max > 0) {
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &(struct rlimit){file_max, RLIM_INFINITY});
        }
        _exit(scribe_run(listener.fd, database, ready[1], NULL));
    }
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &c, 1), 1);
    close(ready[0]);
}

static int end_scribe(int sig)
{
    int status = 0;
    kill(scribe_pid, sig);
    ck_assert_int_eq(waitpid(scribe_pid, &status, 0), scribe_pid);
    scribe_pid = 0;
    return status;
}

static void begin(void)
{
    ck_assert_int_eq(digest_start(NULL), MRC_OK);
    strcpy(folder, "/tmp/mrc-scribe-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(socket_path, sizeof(socket_path), "%s/s.sock", folder);
    snprintf(database, sizeof(database), "%s/log.db", folder);
    ck_assert_int_eq(listener_open(&listener, socket_path, 0600, 64, NULL), MRC_OK);
}

static void end(void)
{
    if (scribe_pid > 0) {
        end_scribe(SIGKILL);
    }
    listener_close(&listener, true);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static struct prediction prediction(char id[UUID_TEXT], const char *row)
{
    uuid7(1700000000000, id);
    return (struct prediction){.id = str_of(id),
                               .time_ms = 1700000000123,
                               .user_id = STR("u"),
                               .request_id = STR("r"),
                               .model_name = STR("m"),
                               .model_version = STR("1"),
                               .row_json = str_of(row),
                               .score = 1,
                               .admissions = 2,
                               .low80 = 1,
                               .high80 = 3,
                               .quantiles_json = STR("{}")};
}

static int append_one(struct log_sink *sink, const char *row, struct mrc_err *err)
{
    char id[UUID_TEXT];
    struct prediction p = prediction(id, row);
    return sink->append(sink, &p, 1, err);
}

static size_t rows_in_log(void)
{
    struct store *s = NULL;
    struct arena a;
    struct prediction *list;
    struct str cursor = STR("");
    size_t total = 0, n;
    arena_init(&a, 0);
    ck_assert_int_eq(store_open(&s, STORE_LOG, database, NULL), MRC_OK);
    do {
        ck_assert_int_eq(store_predictions_list(s, STR("u"), cursor, 1000, &a, &list, &n, NULL), MRC_OK);
        total += n;
        cursor = n > 0 ? list[n - 1].id : cursor;
    } while (n == 1000);
    store_close(s);
    arena_release(&a);
    return total;
}

static struct log_sink *connected(int timeout_ms)
{
    struct log_sink *sink = NULL;
    ck_assert_int_eq(log_sink_scribe(&sink, socket_path, timeout_ms, NULL), MRC_OK);
    return sink;
}

START_TEST(rows_are_there_when_acknowledged)
{
    start_scribe(0);
    struct log_sink *sink = connected(5000);
    struct mrc_err err = {0};
    for (int i = 0; i < 20; i++) {
        ck_assert_msg(append_one(sink, "{}", &err) == MRC_OK, "%s", err.msg);
        ck_assert_uint_eq(rows_in_log(), (size_t)i + 1);
    }
    ck_assert_int_eq(sink->append(sink, NULL, 0, &err), MRC_OK);
    ck_assert_int_eq(sink->ping(sink, &err), MRC_OK);
    sink->close(sink);
    int status = end_scribe(SIGTERM);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

START_TEST(large_batches_travel_in_several_frames)
{
    enum { ROWS = 90, SIZE = 100000 };
    static char row[SIZE + 1], ids[ROWS][UUID_TEXT];
    static struct prediction rows[ROWS];
    start_scribe(0);
    struct log_sink *sink = connected(20000);
    struct mrc_err err = {0};
    memset(row, 'x', SIZE);
    for (int i = 0; i < ROWS; i++) {
        rows[i] = prediction(ids[i], row);
    }
    ck_assert_msg(sink->append(sink, rows, ROWS, &err) == MRC_OK, "%s", err.msg);
    ck_assert_uint_eq(rows_in_log(), ROWS);
    /* A row that fits into no frame is refused, and the sink goes on. */
    char *huge = malloc(SCRIBE_BODY_MAX + 1);
    memset(huge, 'x', SCRIBE_BODY_MAX);
    huge[SCRIBE_BODY_MAX] = '\0';
    ck_assert_int_eq(append_one(sink, huge, &err), MRC_ELIMIT);
    free(huge);
    ck_assert_int_eq(append_one(sink, "{}", &err), MRC_OK);
    sink->close(sink);
}
END_TEST

/* A client process: appends `rows` rows, each with patience for a scribe that is being replaced. 0 when all were taken.
 */
static int client(int rows)
{
    struct log_sink *sink = NULL;
    int bad = log_sink_scribe(&sink, socket_path, 10000, NULL) != MRC_OK;
    for (int i = 0; i < rows && !bad; i++) {
        struct mrc_err err = {0};
        char id[UUID_TEXT];
        struct prediction p = prediction(id, "{}");
        int rc = MRC_EBUSY;
        for (int tries = 0; tries < 20 && rc != MRC_OK; tries++) { /* the same id every time */
            rc = sink->append(sink, &p, 1, &err);
        }
        if (rc != MRC_OK) {
            fprintf(stderr, "client: %s\n", err.msg);
        }
        bad = rc != MRC_OK;
    }
    if (sink != NULL) {
        sink->close(sink);
    }
    return bad;
}

START_TEST(many_clients_while_scribes_are_killed)
{
    enum { CLIENTS = 16, ROWS = 60 };
    pid_t pids[CLIENTS];
    start_scribe(0);
    for (int i = 0; i < CLIENTS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            _exit(client(ROWS));
        }
    }
    for (int i = 0; i < 8; i++) {
        pause_ms(15);
        end_scribe(SIGKILL);
        start_scribe(0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        int status;
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    ck_assert_uint_eq(rows_in_log(), CLIENTS * ROWS);
}
END_TEST

START_TEST(without_a_scribe)
{
    struct mrc_err err = {0};
    struct log_sink *sink = connected(150);
    /* The socket listens but nobody accepts: not for longer than the timeout. */
    int64_t begin_ms = monotonic_ms();
    ck_assert_int_eq(append_one(sink, "{}", &err), MRC_EBUSY);
    ck_assert_ptr_nonnull(strstr(err.msg, "150 ms"));
    ck_assert_int_ge(monotonic_ms() - begin_ms, 140);
    ck_assert_int_le(monotonic_ms() - begin_ms, 2000);
    listener_close(&listener, true);
    ck_assert_int_eq(append_one(sink, "{}", &err), MRC_EBUSY);
    ck_assert_int_eq(err.code, MRC_EBUSY);
    ck_assert_int_eq(sink->ping(sink, &err), MRC_EBUSY);
    sink->close(sink);
    char path[200];
    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    ck_assert_int_eq(log_sink_scribe(&sink, path, 100, &err), MRC_EINVAL);
}
END_TEST

START_TEST(either_takes_the_database_when_nobody_listens)
{
    struct mrc_err err = {0};
    struct log_sink *sink = NULL;
    start_scribe(0);
    ck_assert_int_eq(log_sink_either(&sink, socket_path, 3000, database, &err), MRC_OK);
    ck_assert_int_eq(append_one(sink, "{}", &err), MRC_OK);
    end_scribe(SIGKILL);
    listener_close(&listener, true);
    ck_assert_int_eq(append_one(sink, "{}", &err), MRC_OK);
    ck_assert_int_eq(sink->ping(sink, &err), MRC_OK);
    ck_assert_int_eq(err.code, 0); /* untouched by the detour */
    ck_assert_int_eq(listener_open(&listener, socket_path, 0600, 64, NULL), MRC_OK);
    start_scribe(0);
    ck_assert_int_eq(append_one(sink, "{}", &err), MRC_OK);
    ck_assert_uint_eq(rows_in_log(), 3);
    sink->close(sink);
}
END_TEST

START_TEST(a_full_disk_is_said_and_passes)
{
    enum { SIZE = 60000 };
    static char row[SIZE + 1];
    memset(row, 'x', SIZE);
    start_scribe(400 * 1024);
    struct log_sink *sink = connected(5000);
    struct mrc_err err = {0};
    size_t taken = 0;
    int rc = MRC_OK;
    for (int i = 0; i < 40 && (rc = append_one(sink, row, &err)) == MRC_OK; i++) {
        taken++;
    }
    ck_assert_msg(rc == MRC_EIO, "%d %s", rc, err.msg);
    ck_assert_uint_gt(taken, 0);
    ck_assert_int_eq(append_one(sink, row, &err), MRC_EIO); /* the connection is still good */
    /* Only a commit tells: the ping after a failure makes one. There may be room for that one or not. */
    (void)sink->ping(sink, &err);
    end_scribe(SIGKILL);
    start_scribe(0); /* space again */
    ck_assert_int_eq(append_one(sink, row, &err), MRC_OK);
    ck_assert_uint_eq(rows_in_log(), taken + 1);
    sink->close(sink);
}
END_TEST

START_TEST(a_bad_row_harms_only_itself)
{
    start_scribe(0);
    struct log_sink *sink = connected(5000);
    struct mrc_err err = {0};
    char id[UUID_TEXT];
    struct prediction bad = prediction(id, "{}");
    bad.score = NAN;
    ck_assert_int_eq(sink->append(sink, &bad, 1, &err), MRC_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.msg, "not finite"));
    ck_assert_int_eq(append_one(sink, "{}", &err), MRC_OK);
    ck_assert_uint_eq(rows_in_log(), 1);
    sink->close(sink);
}
END_TEST

/* ---- hostile peers --------------------------------------------------------------------------------------------- */

static int raw_connect(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, socket_path, strlen(socket_path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

/* Does the peer close within two seconds, without an answer? */
static bool is_closed(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char c;
    return poll(&p, 1, 2000) == 1 && recv(fd, &c, 1, 0) <= 0;
}

/* A valid frame of one row, to be damaged. */
static void valid_frame(struct buf *b)
{
    static char id[UUID_TEXT];
    struct prediction p = prediction(id, "{}");
    size_t taken;
    buf_init(b, NULL, 4096);
    ck_assert_int_eq(scribe_rows_write(b, 7, &p, 1, &taken, NULL), MRC_OK);
}

static void poke32(struct buf *b, size_t at, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        b->p[at + (size_t)i] = (char)(v >> (8 * i));
    }
}

static const struct {
    const char *what;
    size_t at;
    uint32_t value;
    bool whole_word;
} damages[] = {
    {"other version", 4, 2, false},
    {"unknown kind", 5, 9, false},
    {"kind answer", 5, SCRIBE_ANSWER, false},
    {"kind 0", 5, 0, false},
    {"reserved set", 6, 1, false},
    {"too long a body", 0, SCRIBE_BODY_MAX + 1, true},
    {"longest u32 as length", 0, UINT32_MAX, true},
    {"shorter body than its rows", 0, 60, true},
    {"no body", 0, 0, true},
    {"no row", SCRIBE_HEADER, 0, true},
    {"more rows than fit", SCRIBE_HEADER, 2, true},
    {"all rows there are", SCRIBE_HEADER, UINT32_MAX, true},
    {"text longer than the body", SCRIBE_HEADER + 4 + 48, UINT32_MAX, true},
    {"text a byte too short", SCRIBE_HEADER + 4 + 48, 35, true},
    {"id is no UUID", SCRIBE_HEADER + 4 + 48 + 4, 0, true},
};

START_TEST(malformed_frames_close_their_connection_only)
{
    start_scribe(0);
    struct log_sink *sink = connected(5000);
    ck_assert_int_eq(append_one(sink, "{}", NULL), MRC_OK);
    struct buf b;
    valid_frame(&b);
    if (damages[_i].whole_word) {
        poke32(&b, damages[_i].at, damages[_i].value);
    } else {
        b.p[damages[_i].at] = (char)damages[_i].value;
    }
    int fd = raw_connect();
    ck_assert_int_eq(send(fd, b.p, b.n, MSG_NOSIGNAL), (ssize_t)b.n);
    ck_assert_msg(is_closed(fd), "%s: still open", damages[_i].what);
    close(fd);
    buf_release(&b);
    ck_assert_int_eq(append_one(sink, "{}", NULL), MRC_OK);
    ck_assert_uint_eq(rows_in_log(), 2);
    sink->close(sink);
}
END_TEST

START_TEST(a_frame_in_single_bytes_and_a_frame_cut)
{
    start_scribe(0);
    struct buf b;
    valid_frame(&b);
    int fd = raw_connect(), cut = raw_connect();
    for (size_t i = 0; i < b.n; i++) {
        ck_assert_int_eq(send(fd, b.p + i, 1, MSG_NOSIGNAL), 1);
    }
    unsigned char answer[SCRIBE_HEADER + 4];
    ck_assert_int_eq(recv(fd, answer, sizeof(answer), MSG_WAITALL), (ssize_t)sizeof(answer));
    ck_assert_int_eq(answer[5], SCRIBE_ANSWER);
    ck_assert_int_eq(answer[8], 7);
    /* Twice in one write: both are answered. */
    struct buf two;
    buf_init(&two, NULL, 8192);
    buf_add(&two, b.p, b.n);
    buf_add(&two, b.p, b.n);
    ck_assert_int_eq(send(fd, two.p, two.n, MSG_NOSIGNAL), (ssize_t)two.n);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(recv(fd, answer, sizeof(answer), MSG_WAITALL), (ssize_t)sizeof(answer));
    }
    ck_assert_int_eq(send(cut, b.p, b.n - 1, MSG_NOSIGNAL), (ssize_t)b.n - 1);
    close(cut);
    close(fd);
    buf_release(&two);
    buf_release(&b);
    pause_ms(50);
    ck_assert_uint_eq(rows_in_log(), 1); /* one id, three times; the cut one never */
}
END_TEST

/* A scribe that answers nonsense must not make a client believe that its row is safe. */
START_TEST(a_lying_scribe_is_not_believed)
{
    unsigned char reply[SCRIBE_HEADER + SCRIBE_ANSWER_MAX];
    size_t n = scribe_answer_write(reply, _i == 0 ? 99 : 1, MRC_OK, "");
    if (_i == 1) {
        reply[4] = 9;
    } else if (_i == 2) {
        reply[5] = SCRIBE_ROWS;
    } else if (_i == 3) {
        reply[SCRIBE_HEADER] = 1; /* a positive status */
    }
    pid_t pid = fork();
    if (pid == 0) {
        for (;;) {
            char in[4096];
            int fd = accept(listener.fd, NULL, NULL);
            if (recv(fd, in, sizeof(in), 0) > 0 && _i < 4) {
                ssize_t sent = send(fd, reply, n, MSG_NOSIGNAL);
                (void)sent;
                pause_ms(50);
            }
            close(fd);
        }
    }
    struct log_sink *sink = connected(1000);
    struct mrc_err err = {0};
    int rc = append_one(sink, "{}", &err);
    ck_assert_msg(rc == (_i < 4 ? MRC_EFORMAT : MRC_EBUSY), "%d %s", rc, err.msg);
    sink->close(sink);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(term_lets_open_connections_finish)
{
    start_scribe(0);
    struct log_sink *sink = connected(5000);
    ck_assert_int_eq(append_one(sink, "{}", NULL), MRC_OK);
    kill(scribe_pid, SIGTERM);
    pause_ms(50);
    ck_assert_int_eq(append_one(sink, "{}", NULL), MRC_OK);
    sink->close(sink);
    int status;
    ck_assert_int_eq(waitpid(scribe_pid, &status, 0), scribe_pid); /* ends by itself, no longer waits */
    scribe_pid = 0;
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert_uint_eq(rows_in_log(), 2);
}
END_TEST

START_TEST(a_second_server_is_refused)
{
    struct listener second;
    struct mrc_err err = {0};
    pid_t pid = fork(); /* locks are by process */
    if (pid == 0) {
        _exit(listener_open(&second, socket_path, 0600, 8, &err) == MRC_EBUSY ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    char file[128];
    snprintf(file, sizeof(file), "%s/file", folder);
    close(open(file, O_CREAT | O_WRONLY, 0600));
    ck_assert_int_eq(listener_open(&second, file, 0600, 8, &err), MRC_ECONFLICT); /* never removes what is no socket */
    ck_assert_int_eq(access(file, F_OK), 0);
    ck_assert_int_eq(listener_open(&second, "nonsense", 0600, 8, &err), MRC_EINVAL);
    ck_assert_int_eq(listener_open(&second, "1.2.3.4:http:x", 0600, 8, &err), MRC_EINVAL);
    ck_assert_int_eq(listener_open(&second, "127.0.0.1:0", 0600, 8, &err), MRC_OK);
    ck_assert(is_listening(second.fd));
    listener_close(&second, true);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scribe");
    TCase *t = tcase_create("scribe");
    tcase_add_checked_fixture(t, begin, end);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, rows_are_there_when_acknowledged);
    tcase_add_test(t, large_batches_travel_in_several_frames);
    tcase_add_test(t, many_clients_while_scribes_are_killed);
    tcase_add_test(t, without_a_scribe);
    tcase_add_test(t, either_takes_the_database_when_nobody_listens);
    tcase_add_test(t, a_full_disk_is_said_and_passes);
    tcase_add_test(t, a_bad_row_harms_only_itself);
    tcase_add_loop_test(t, malformed_frames_close_their_connection_only, 0, sizeof(damages) / sizeof(damages[0]));
    tcase_add_test(t, a_frame_in_single_bytes_and_a_frame_cut);
    tcase_add_loop_test(t, a_lying_scribe_is_not_believed, 0, 5);
    tcase_add_test(t, term_lets_open_connections_finish);
    tcase_add_test(t, a_second_server_is_refused);
    suite_add_tcase(suite, t);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
