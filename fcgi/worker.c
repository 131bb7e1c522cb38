/* A worker process: the only place that knows libfcgi. */
#define _GNU_SOURCE /* accept4 */
#include "fcgi/worker.h"

#include "common/base/digest.h"
#include "common/base/log.h"
#include "fcgi/app.h"
#include "fcgi/cmd.h"
#include "fcgi/current.h"
#include "fcgi/process.h"

#include <fcgiapp.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
    DRAIN_BYTES_MAX = 64 << 20, /* of a body that is too large, before the answer */
    DRAIN_MS_MAX = 10000,
    HEAD_MAX = 64 * 1024,
    LOOK_MS = 500,  /* a worker that is alone looks for a new version at most that often */
    PATIENCE_S = 60 /* with a web server that neither sends nor reads */
};

struct worker {
    const struct worker_parts *parts;
    struct store *store, *log_store;
    struct shared *shared;
    struct gate *gate;
    struct log_sink *log;
    struct app *app;
    /* of a worker that is alone */
    struct bundle *bundle;
    struct current current;
    int64_t look_at_ms;
    sigset_t stop_signals;
    bool tcp; /* the web server may be on another host */
    int64_t cpu_max_s, cpu_renew_ms;
};

/* ---- opening --------------------------------------------------------------------------------------------------- */

static int join(char *out, size_t size, const char *folder, const char *name, struct mrc_err *err)
{
    int n = snprintf(out, size, "%s/%s", folder, name);
    return n >= 0 && (size_t)n < size ? MRC_OK : mrc_fail(err, MRC_EINVAL, "path too long: %.100s/%s", folder, name);
}

static int open_log(struct worker *w, struct mrc_err *err)
{
    const struct settings *config = w->parts->config;
    if (setting_int(config, CONFIG_LOG) == CONFIG_LOG_OFF) {
        return MRC_OK;
    }
    char path[4200];
    const char *url = setting_cstr(config, CONFIG_LOG_DATABASE);
    int timeout = (int)setting_int(config, CONFIG_LOG_TIMEOUT);
    MRC_TRY(join(path, sizeof(path), setting_cstr(config, CONFIG_RUN_DIR), "scribe.sock", err));
    MRC_TRY(store_open_patiently(&w->log_store, STORE_LOG, url, err));
    return w->parts->alone ? log_sink_either(&w->log, path, timeout, url, err)
                           : log_sink_scribe(&w->log, path, timeout, err);
}

static int open_shared(struct worker *w, struct mrc_err *err)
{
    char path[4200];
    const char *run_dir = setting_cstr(w->parts->config, CONFIG_RUN_DIR);
    MRC_TRY(join(path, sizeof(path), run_dir, "password.gate", err));
    MRC_TRY(gate_open(&w->gate, path, (unsigned)setting_int(w->parts->config, CONFIG_PASSWORD_HASHES_MAX), err));
    return shared_open(&w->shared, run_dir, err);
}

static int open_app(struct worker *w, const struct bundle *bundle, struct app **out, struct mrc_err *err)
{
    const struct app_parts parts = {.config = w->parts->config,
                                    .bundle = bundle,
                                    .store = w->store,
                                    .log_store = w->log_store,
                                    .shared = w->shared,
                                    .hash_gate = w->gate,
                                    .log = w->log};
    return app_open(out, &parts, err);
}

static int open_all(struct worker *w, struct mrc_err *err)
{
    const struct settings *config = w->parts->config;
    MRC_TRY(digest_start(err));
    MRC_TRY(store_open_patiently(&w->store, STORE_STATE, setting_cstr(config, CONFIG_DATABASE), err));
    MRC_TRY(open_log(w, err));
    MRC_TRY(open_shared(w, err));
    if (w->parts->alone) {
        struct mrc_err why = {0};
        current_read(&w->current, config);
        if (w->current.path[0] == '\0') {
            log_event(LOG_WARN, "there is no current version",
                      LOG_CSTR("models", setting_cstr(config, CONFIG_MODELS_DIR)));
        } else if (bundle_open(&w->bundle, w->current.path, &why) < 0) {
            log_err(LOG_ERROR, "version refused", &why);
        }
    }
    return open_app(w, w->parts->alone ? w->bundle : w->parts->bundle, &w->app, err);
}

static void close_all(struct worker *w)
{
    app_close(w->app);
    if (w->log != NULL) {
        w->log->close(w->log);
    }
    shared_close(w->shared);
    gate_close(w->gate);
    store_close(w->log_store);
    store_close(w->store);
    bundle_close(w->bundle);
}

/* Alone: take up another version when the link has changed. What fails is logged once, and the old one stays. */
static void look_for_version(struct worker *w)
{
    int64_t now = monotonic_ms();
    if (!w->parts->alone || now < w->look_at_ms) {
        return;
    }
    w->look_at_ms = now + LOOK_MS;
    struct current c;
    current_read(&c, w->parts->config);
    if (c.path[0] == '\0' || current_same(&c, &w->current)) {
        return;
    }
    w->current = c;
    struct bundle *bundle = NULL;
    struct app *app = NULL;
    struct mrc_err err = {0};
    int rc = bundle_open(&bundle, c.path, &err);
    if (rc == MRC_OK) {
        rc = open_app(w, bundle, &app, &err);
    }
    if (rc < 0) {
        log_err(LOG_ERROR, "version refused, the old one stays", &err);
        bundle_close(bundle);
        return;
    }
    app_close(w->app);
    bundle_close(w->bundle);
    w->app = app;
    w->bundle = bundle;
    log_event(LOG_INFO, "serving", LOG_CSTR("version", c.version));
}

/* ---- signals --------------------------------------------------------------------------------------------------- */

/* The worker waits in accept(0, …), and nowhere else do TERM and USR1 reach it: they are blocked while a request is
 * read, answered and closed, because libfcgi gives up a connection whose select or read a signal interrupts. accept is
 * made to end by taking its socket away: descriptor 0 becomes something that is no socket, so accept, which is
 * restarted, fails now or, when the signal came just before it, as soon as it is called. No signal is missed, none
 * needs repeating. */
static void on_stop(int sig)
{
    int e = errno;
    (void)sig;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null > 0) {
        (void)dup2(null, 0);
        close(null);
    } else if (null < 0) {
        close(0);
    }
    errno = e;
}

/* After FCGX_Init, which installs handlers of its own. */
static int catch_signals(struct worker *w, struct mrc_err *err)
{
    sigemptyset(&w->stop_signals);
    sigaddset(&w->stop_signals, SIGTERM);
    sigaddset(&w->stop_signals, SIGUSR1);
    struct sigaction stop = {.sa_handler = on_stop, .sa_mask = w->stop_signals, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGTERM, &stop, NULL) != 0 || sigaction(SIGUSR1, &stop, NULL) != 0 ||
        sigaction(SIGINT, &ignore, NULL) != 0 || sigaction(SIGHUP, &ignore, NULL) != 0 ||
        sigaction(SIGPIPE, &ignore, NULL) != 0) {
        return mrc_fail_errno(err, MRC_EIO, errno, "sigaction");
    }
    return MRC_OK;
}

/* ---- limits ---------------------------------------------------------------------------------------------------- */

/* Memory that only this process uses; the shared pages of the version do not count. A limit below what is in use
 * already would leave a worker that can do nothing: it is said and not set (AddressSanitizer's own maps are such a
 * case). */
static void limit_memory(const struct worker *w)
{
    int64_t max = setting_int(w->parts->config, CONFIG_WORKER_MEMORY_MAX);
    struct rlimit limit;
    if (max == 0 || getrlimit(RLIMIT_DATA, &limit) != 0) {
        return;
    }
    struct rlimit lower = {.rlim_cur = (rlim_t)max < limit.rlim_max ? (rlim_t)max : limit.rlim_max,
                           .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_DATA, &lower) != 0) {
        return;
    }
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        (void)setrlimit(RLIMIT_DATA, &limit);
        log_event(LOG_WARN, "worker_memory_max is less than a worker uses idle, so it is not set",
                  LOG_INT("bytes", max));
    } else {
        (void)munmap(page, 4096);
    }
}

/* The kernel counts the CPU time of a whole life, in seconds: the limit moves on before a request, once a second at
 * most. A request that is still at work then gets SIGXCPU. */
static void renew_cpu_limit(struct worker *w)
{
    int64_t now = monotonic_ms();
    struct timespec used;
    struct rlimit limit;
    if (w->cpu_max_s == 0 || now < w->cpu_renew_ms || clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0 ||
        getrlimit(RLIMIT_CPU, &limit) != 0) {
        return;
    }
    w->cpu_renew_ms = now + 1000;
    limit.rlim_cur = (rlim_t)(used.tv_sec + w->cpu_max_s + 2);
    (void)setrlimit(RLIMIT_CPU, &limit);
}

/* ---- a request ------------------------------------------------------------------------------------------------- */

static const char *parameter(const char *name, void *arg)
{
    return FCGX_GetParam(name, arg);
}

/* The web server may send before it reads: take what it still has, within bounds, or closing would cost it the answer.
 */
static void drain(FCGX_Stream *in)
{
    char bin[16 * 1024];
    int64_t deadline = monotonic_ms() + DRAIN_MS_MAX;
    for (size_t done = 0; done < DRAIN_BYTES_MAX && monotonic_ms() < deadline;) {
        int n = FCGX_GetStr(bin, sizeof(bin), in);
        if (n <= 0) {
            return;
        }
        done += (size_t)n;
    }
}

/* A body whose length was announced, and the end that follows it: web servers may send that on its own. */
static void read_announced(struct http_request *r, FCGX_Stream *in, uint64_t length, size_t max, struct arena *a)
{
    char *p = length <= max ? arena_alloc(a, (size_t)length + 1, 1) : NULL;
    if (p == NULL) {
        r->body_state = BODY_TOO_LARGE;
        return;
    }
    size_t n = 0;
    while (n < length) {
        int got = FCGX_GetStr(p + n, (int)((size_t)length - n), in);
        if (got <= 0) {
            r->body_state = BODY_SHORT;
            break;
        }
        n += (size_t)got;
    }
    char beyond;
    if (r->body_state == BODY_OK) {
        (void)FCGX_GetStr(&beyond, 1, in);
    }
    r->body = (struct str){p, n};
}

/* A body of unknown length: until its end. */
static void read_to_end(struct http_request *r, FCGX_Stream *in, size_t max, struct arena *a)
{
    struct buf b;
    char part[16 * 1024];
    int n;
    buf_init(&b, a, max);
    while (buf_ok(&b, NULL) == MRC_OK && (n = FCGX_GetStr(part, sizeof(part), in)) > 0) {
        buf_add(&b, part, (size_t)n);
    }
    if (buf_ok(&b, NULL) != MRC_OK) {
        r->body_state = BODY_TOO_LARGE;
        return;
    }
    r->body = buf_text(&b);
}

static void read_body(struct http_request *r, const FCGX_Request *q, size_t max, struct arena *a)
{
    const char *text = FCGX_GetParam("CONTENT_LENGTH", q->envp);
    uint64_t length = 0;
    r->body_state = BODY_OK;
    r->body = (struct str){"", 0};
    if (text == NULL || text[0] == '\0') {
        read_to_end(r, q->in, max, a);
    } else if (parse_u64(str_of(text), &length)) {
        read_announced(r, q->in, length, max, a);
    } else {
        r->body_state = BODY_LENGTH_BAD;
    }
    if (r->body_state != BODY_OK) {
        drain(q->in);
    }
}

static void put(FCGX_Stream *out, struct str s)
{
    while (s.n > 0) {
        int part = s.n > 1 << 20 ? 1 << 20 : (int)s.n;
        if (FCGX_PutStr(s.p, part, out) != part) {
            return; /* nobody reads any more */
        }
        s.p += part;
        s.n -= (size_t)part;
    }
}

static void respond(FCGX_Stream *out, const struct http_request *r, const struct http_response *res, struct arena *a)
{
    bool head = r->method == HTTP_HEAD;
    struct buf b;
    buf_init(&b, a, HEAD_MAX);
    http_response_head(res, head, &b);
    if (buf_ok(&b, NULL) != MRC_OK) {
        put(out, STR("Status: 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"));
        return;
    }
    put(out, buf_text(&b));
    if (!head && res->status != 204 && res->status != 304) {
        put(out, buf_text(&res->body));
    }
}

/* A kept connection would hold this worker while others wait, whatever its web server asks for. libfcgi closes one by
 * waiting until the other side has closed too: over TCP a reset could overtake the answer. On a UNIX socket what was
 * sent can be read after the close; once the request has been read to its end nothing is reset either, nor can the web
 * server fail to send the rest, and the worker need not fall asleep and wake up once more for each request. */
static void finish(const struct worker *w, FCGX_Request *q)
{
    char next;
    int fd = q->ipcFd;
    bool whole = FCGX_HasSeenEOF(q->in) != 0 && FCGX_GetError(q->in) == 0;
    bool at_once = !w->tcp && whole && recv(fd, &next, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
    q->keepConnection = at_once;
    FCGX_Finish_r(q);
    if (at_once && q->ipcFd == fd) { /* else libfcgi has given it up */
        close(fd);
        q->ipcFd = -1;
    }
}

static void serve_one(struct worker *w, FCGX_Request *q)
{
    const struct settings *config = w->parts->config;
    struct arena *a = app_arena(w->app);
    struct http_request r = {.method = HTTP_OTHER};
    struct http_response res = {.status = 0};
    struct mrc_err err = {0};
    int rc = http_request_read(&r, parameter, q->envp, (size_t)setting_int(config, CONFIG_HEADER_MAX), a, &err);
    if (rc < 0 && rc != MRC_ELIMIT) {
        log_err(LOG_ERROR, "request not read", &err);
        put(q->out, STR("Status: 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"));
    } else {
        read_body(&r, q, (size_t)setting_int(config, CONFIG_BODY_MAX), a);
        app_handle(w->app, &r, &res);
        respond(q->out, &r, &res, a);
    }
    finish(w, q);
    app_finish(w->app);
}

/* ---- the loop -------------------------------------------------------------------------------------------------- */

/* Give a connection of ours to libfcgi and read the beginning of a request from it. libfcgi's own accept is never used:
 * it has been given a descriptor that is no socket, so that a connection that brings no request fails here. Setting
 * ipcFd and keepConnection is what libfcgi does itself to go on with a kept connection; there is no call for it. */
static bool begin_request(const struct worker *w, FCGX_Request *q, int fd)
{
    int on = 1;
    static const struct timeval patience = {.tv_sec = PATIENCE_S};
    /* Nobody may hold a worker by saying nothing, or by not reading. */
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (w->tcp) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    q->ipcFd = fd;
    q->keepConnection = 1;
    return FCGX_Accept_r(q) == 0;
}

/* 1: served, or a connection that brought no request; 0: on_stop; negative: this worker cannot go on. */
static int accept_and_serve(struct worker *w, FCGX_Request *q, struct mrc_err *err)
{
    int fd = accept4(0, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        switch (errno) {
        case ENOTSOCK:
        case EBADF:
            return 0;
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case EINVAL:
            return mrc_fail_errno(err, MRC_EIO, errno, "accept");
        default: /* the peer gave up, or its network did */
            return 1;
        }
    }
    (void)sigprocmask(SIG_BLOCK, &w->stop_signals, NULL);
    if (begin_request(w, q, fd)) {
        renew_cpu_limit(w);
        look_for_version(w);
        serve_one(w, q);
    }
    (void)sigprocmask(SIG_UNBLOCK, &w->stop_signals, NULL);
    return 1;
}

static int serve(struct worker *w, struct mrc_err *err)
{
    FCGX_Request q;
    int no_socket = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (no_socket < 0 || FCGX_InitRequest(&q, no_socket, FCGI_FAIL_ACCEPT_ON_INTR) != 0) {
        return mrc_fail(err, MRC_EIO, "FastCGI request cannot be made");
    }
    int64_t share = setting_int(w->parts->config, CONFIG_WORKER_REQUESTS_MAX);
    int rc = 1;
    for (int64_t served = 0; rc > 0 && (share == 0 || served < share); served++) {
        rc = accept_and_serve(w, &q, err);
    }
    if (rc > 0) {
        log_event(LOG_DEBUG, "worker has served its share", LOG_INT("requests", share));
    }
    FCGX_Free(&q, 1);
    close(no_socket);
    return rc < 0 ? rc : MRC_OK;
}

static int take_socket(struct worker *w, struct mrc_err *err)
{
    const struct worker_parts *parts = w->parts;
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t n = sizeof(address);
    if (parts->listen_fd != 0 && dup2(parts->listen_fd, 0) < 0) {
        return mrc_fail_errno(err, MRC_EIO, errno, "dup2");
    }
    if (parts->listen_fd > 0) {
        close(parts->listen_fd);
    }
    w->tcp = getsockname(0, (struct sockaddr *)&address, &n) == 0 && address.ss_family != AF_UNIX;
    return MRC_OK;
}

int worker_run(const struct worker_parts *parts, struct mrc_err *err)
{
    struct worker w = {.parts = parts};
    int rc = take_socket(&w, err);
    if (rc == MRC_OK && FCGX_Init() != 0) {
        rc = mrc_fail(err, MRC_EIO, "libfcgi cannot be started");
    }
    if (rc == MRC_OK) {
        rc = catch_signals(&w, err);
    }
    if (rc == MRC_OK) {
        rc = open_all(&w, err);
    }
    limit_memory(&w);
    w.cpu_max_s = (setting_int(parts->config, CONFIG_WORKER_CPU_MAX) + 999) / 1000;
    if (rc == MRC_OK && parts->ready_fd >= 0) {
        pid_t self = getpid();
        if (write(parts->ready_fd, &self, sizeof(self)) != (ssize_t)sizeof(self)) {
            rc = mrc_fail(err, MRC_EIO, "nobody waits for this worker");
        }
    }
    if (rc == MRC_OK) {
        rc = serve(&w, err);
    }
    close_all(&w);
    return exit_of(rc);
}
