/* A service of master, template, workers, scribe and agent in a folder of its own, with a small FastCGI client: what
 * t_master and t_supervisor share. */
#ifndef MRC_TESTS_SERVICE_FIXTURE_H
#define MRC_TESTS_SERVICE_FIXTURE_H

#include "common/base/log.h"
#include "fcgi/agent.h"
#include "fcgi/cmd.h"
#include "fcgi/listener.h"
#include "fcgi/master.h"
#include "fcgi/store.h"
#include "fcgi/template.h"
#include "fcgi/worker.h"
#include "tests/unit/demo_bundle.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

enum { WORKERS = 3, PIDS_MAX = 64, ANSWER_MAX = 64 * 1024 };

static struct demo demo;
static char run_dir[128], state_dir[128], models_dir[128], socket_path[160], log_path[160], version_folder[200];
static pid_t master_pid;
static void (*service_in_child)(void); /* called in the master's process before it begins; NULL: nothing */

static inline void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* ---- a small FastCGI client ------------------------------------------------------------------------------------ */

static inline void record(struct buf *b, int type, struct str content)
{
    const unsigned char head[8] = {
        1, (unsigned char)type, 0, 1, (unsigned char)(content.n >> 8), (unsigned char)content.n, 0, 0};
    buf_add(b, head, sizeof(head));
    buf_str(b, content);
}

static inline void parameter(struct buf *b, const char *name, const char *value)
{
    buf_char(b, (char)strlen(name));
    buf_char(b, (char)strlen(value));
    buf_puts(b, name);
    buf_puts(b, value);
}

/* Begin a request; length NULL: say none. */
static inline int request_begin(const char *method, const char *uri, const char *length)
{
    static const char begin_body[8] = {0, 1, 0, 0, 0, 0, 0, 0};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, socket_path, strlen(socket_path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        close(fd);
        return -1;
    }
    struct buf params, all;
    buf_init(&params, NULL, 4096);
    buf_init(&all, NULL, 8192);
    parameter(&params, "REQUEST_METHOD", method);
    parameter(&params, "REQUEST_URI", uri);
    parameter(&params, "CONTENT_TYPE", "application/json");
    if (length != NULL) {
        parameter(&params, "CONTENT_LENGTH", length);
    }
    record(&all, 1, (struct str){begin_body, sizeof(begin_body)});
    record(&all, 4, buf_text(&params));
    record(&all, 4, STR(""));
    ck_assert_int_eq(send(fd, all.p, all.n, MSG_NOSIGNAL), (ssize_t)all.n);
    buf_release(&all);
    buf_release(&params);
    return fd;
}

static inline bool send_body(int fd, struct str part)
{
    struct buf b;
    buf_init(&b, NULL, 128 * 1024);
    record(&b, 5, part);
    bool sent = send(fd, b.p, b.n, MSG_NOSIGNAL) == (ssize_t)b.n;
    buf_release(&b);
    return sent;
}

/* Status of the answer, 0 when there is none or it is not whole; its text in answer. */
static inline int request_end(int fd, char answer[ANSWER_MAX])
{
    unsigned char head[8];
    size_t n = 0;
    int status = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 20000) != 1 || recv(fd, head, sizeof(head), MSG_WAITALL) != (ssize_t)sizeof(head)) {
            break;
        }
        static char content[65536 + 256];
        size_t length = (size_t)head[4] << 8 | head[5], padded = length + head[6];
        if (padded > 0 && recv(fd, content, padded, MSG_WAITALL) != (ssize_t)padded) {
            break;
        }
        if (head[1] == 6 && n + length < ANSWER_MAX) {
            memcpy(answer + n, content, length);
            n += length;
        }
        if (head[1] == 3) {
            answer[n] = '\0';
            status = n > 8 && memcmp(answer, "Status: ", 8) == 0 ? (int)strtol(answer + 8, NULL, 10) : 0;
            const char *length_line = strstr(answer, "Content-Length: "), *body = strstr(answer, "\r\n\r\n");
            ck_assert_ptr_nonnull(body);
            if (length_line != NULL) {
                ck_assert_uint_eq(strtoul(length_line + 16, NULL, 10), strlen(body + 4));
            }
            break;
        }
    }
    close(fd);
    return status;
}

static inline int get(const char *uri)
{
    static char answer[ANSWER_MAX];
    int fd = request_begin("GET", uri, NULL);
    return fd < 0 || !send_body(fd, STR("")) ? 0 : request_end(fd, answer);
}

/* ---- processes ------------------------------------------------------------------------------------------------- */

/* Parent and name of a process from /proc; false when it is gone. */
static inline bool process_of(pid_t pid, pid_t *parent, char name[32])
{
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        return false;
    }
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    const char *open = strchr(text, '('), *end = strrchr(text, ')');
    if (open == NULL || end == NULL || end[2] == 'Z') {
        return false;
    }
    snprintf(name, 32, "%.*s", (int)(end - open - 1), open + 1);
    *parent = (pid_t)strtol(end + 4, NULL, 10);
    return true;
}

/* Processes of that name below the master. */
static inline size_t named(const char *name, pid_t pids[PIDS_MAX])
{
    DIR *d = opendir("/proc");
    size_t n = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10), parent, grand;
        char found[32], other[32];
        if (!isdigit((unsigned char)e->d_name[0]) || !process_of(pid, &parent, found) || strcmp(found, name) != 0) {
            continue;
        }
        bool below = parent == master_pid || (process_of(parent, &grand, other) && grand == master_pid);
        if (below && n < PIDS_MAX) {
            pids[n++] = pid;
        }
    }
    closedir(d);
    return n;
}

static inline bool log_has(const char *text)
{
    char *all = NULL;
    size_t n;
    if (file_read(log_path, 1 << 24, &all, &n, NULL) < 0) {
        return false;
    }
    bool found = strstr(all, text) != NULL;
    free(all);
    return found;
}

static inline void until_logged(const char *text)
{
    for (int i = 0; i < 500 && !log_has(text); i++) {
        pause_ms(10);
    }
    ck_assert_msg(log_has(text), "log lacks: %s", text);
}

/* Until exactly n processes of that name are there. */
static inline void until_named(const char *name, size_t n, pid_t pids[PIDS_MAX])
{
    size_t have = 0;
    for (int i = 0; i < 500 && (have = named(name, pids)) != n; i++) {
        pause_ms(10);
    }
    ck_assert_msg(have == n, "%zu %s, expected %zu", have, name, n);
}

static inline int until_gone(void)
{
    int status = -1;
    ck_assert_int_eq(waitpid(master_pid, &status, 0), master_pid);
    master_pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- a service ------------------------------------------------------------------------------------------------- */

static inline void make_version(const char *version)
{
    struct mrc_err err = {0};
    demo.parts.version = version;
    snprintf(version_folder, sizeof(version_folder), "%s/demo/%s", models_dir, version);
    ck_assert_ok(bundle_build(version_folder, &demo.parts, &err), &err);
}

static inline void use_version(const char *version)
{
    char folder[160];
    struct mrc_err err = {0};
    snprintf(folder, sizeof(folder), "%s/demo", models_dir);
    ck_assert_ok(bundle_set_current(folder, version, &err), &err);
}

static inline void begin(void)
{
    service_in_child = NULL;
    demo_init(&demo);
    struct mrc_err err = {0};
    snprintf(run_dir, sizeof(run_dir), "%s/run", demo.root);
    snprintf(state_dir, sizeof(state_dir), "%s/state", demo.root);
    snprintf(models_dir, sizeof(models_dir), "%s/models", demo.root);
    snprintf(socket_path, sizeof(socket_path), "%s/f.sock", demo.root);
    snprintf(log_path, sizeof(log_path), "%s/log", demo.root);
    char folder[160];
    snprintf(folder, sizeof(folder), "%s/demo", models_dir);
    ck_assert_ok(folder_create(folder, 0700, &err), &err);
}

static inline void end(void)
{
    if (master_pid > 0) {
        kill(master_pid, SIGTERM);
        (void)until_gone();
    }
    demo_release(&demo);
}

/* Fork a master; extra: one more flag and its value, or NULL. */
static inline void start_service(const char *flag, const char *value)
{
    char workers[8];
    snprintf(workers, sizeof(workers), "%d", WORKERS);
    char *argv[] = {(char[]){"--socket"},
                    socket_path,
                    (char[]){"--run-dir"},
                    run_dir,
                    (char[]){"--state-dir"},
                    state_dir,
                    (char[]){"--models-dir"},
                    models_dir,
                    (char[]){"--model"},
                    (char[]){"demo"},
                    (char[]){"--workers"},
                    workers,
                    (char[]){"--models-poll"},
                    (char[]){"20ms"},
                    NULL,
                    NULL,
                    NULL};
    int argc = 14;
    char f[64], v[160];
    if (flag != NULL) {
        snprintf(f, sizeof(f), "%s", flag);
        snprintf(v, sizeof(v), "%s", value);
        argv[argc++] = f;
        argv[argc++] = v;
    }
    char *environment[] = {NULL};
    master_pid = fork();
    if (master_pid == 0) {
        struct settings config;
        struct mrc_err err = {0};
        int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, 2);
        if (config_load(&config, argc, argv, environment, &err) < 0) {
            fprintf(stderr, "%s\n", err.msg);
            _exit(78);
        }
        log_setup("t_master", LOG_DEBUG, 2);
        if (service_in_child != NULL) {
            service_in_child();
        }
        int status = master_run(&config, argc, argv, environment, NULL, &err);
        fprintf(stderr, "end %d %s\n", status, err.msg);
        _exit(status);
    }
}

static inline void start_demo(void)
{
    make_version("0001");
    use_version("0001");
    start_service(NULL, NULL);
    until_logged("msg=serving version=0001 workers=3");
}

#endif
