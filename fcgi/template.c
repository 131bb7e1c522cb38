/* The template process and its workers. */
#include "fcgi/template.h"

#include "common/base/log.h"
#include "common/forecast/bundle.h"
#include "fcgi/cmd.h"
#include "fcgi/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS_MAX = 1024, REPEAT_MS = 200 };

struct child {
    pid_t pid;
    bool up; /* accepts, or has accepted, requests */
    bool stopping;
    int64_t kill_at_ms; /* when stopping: patience ends here */
};

struct template
{
    const struct template_parts *parts;
    struct bundle *bundle; /* NULL: none */
    int signal_fd, ready_pipe[2];
    struct child children[WORKERS_MAX];
    size_t n; /* children, stopping ones included */
    uint32_t target;
    uint32_t told_up; /* last TEMPLATE_UP */
    bool stopping, loop;
    struct crashes crashes;
    unsigned in_a_row;    /* early ends since the last worker came up */
    int64_t spawn_at_ms;  /* not before */
    int64_t repeat_at_ms; /* TERM again */
};

bool crashes_note(struct crashes *c, int64_t now_ms)
{
    enum { N = CRASHES_MAX + 1 };
    c->times_ms[c->n++ % N] = now_ms;
    return c->n >= N && now_ms - c->times_ms[c->n % N] <= CRASHES_WINDOW_MS;
}

int64_t crashes_delay_ms(unsigned in_a_row)
{
    if (in_a_row == 0) {
        return 0;
    }
    int64_t delay = 100;
    for (unsigned i = 1; i < in_a_row && delay < 2000; i++) {
        delay *= 2;
    }
    return delay > 2000 ? 2000 : delay;
}

static bool tell(const struct template *t, int kind, uint32_t count)
{
    struct template_message m = {.kind = kind, .count = count};
    return send(t->parts->control_fd, &m, sizeof(m), MSG_NOSIGNAL) == (ssize_t)sizeof(m);
}

/* ---- children -------------------------------------------------------------------------------------------------- */

static size_t count(const struct template *t, bool only_up)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        n += !t->children[i].stopping && (t->children[i].up || !only_up);
    }
    return n;
}

static _Noreturn void become_worker(struct template *t)
{
    struct mrc_err err = {0};
    close(t->signal_fd);
    close(t->ready_pipe[0]);
    close(t->parts->control_fd);
    process_name(t->parts->title, "mrc-worker", t->parts->version.version);
    const struct worker_parts parts = {.config = t->parts->config,
                                       .bundle = t->bundle,
                                       .listen_fd = t->parts->listen_fd,
                                       .ready_fd = t->ready_pipe[1]};
    int status = worker_run(&parts, &err);
    if (status != EXIT_DONE) {
        log_err(LOG_ERROR, "worker ends", &err);
    }
    _exit(status);
}

static void spawn(struct template *t)
{
    struct mrc_err err = {0};
    pid_t pid = process_fork(&err);
    if (pid < 0) {
        log_err(LOG_ERROR, "worker cannot be started", &err);
        t->spawn_at_ms = monotonic_ms() + crashes_delay_ms(++t->in_a_row);
        return;
    }
    if (pid == 0) {
        become_worker(t);
    }
    t->children[t->n++] = (struct child){.pid = pid};
}

static void stop_child(const struct template *t, struct child *c)
{
    if (!c->stopping) {
        c->stopping = true;
        c->kill_at_ms = monotonic_ms() + setting_int(t->parts->config, CONFIG_DRAIN_TIMEOUT);
    }
    (void)kill(c->pid, SIGTERM);
}

/* As many as asked for: start what is missing, send away what is too much (those that are not up yet first). */
static void adjust(struct template *t)
{
    while (!t->stopping && count(t, false) < t->target && t->n < WORKERS_MAX && monotonic_ms() >= t->spawn_at_ms) {
        size_t before = t->n;
        spawn(t);
        if (t->n == before) {
            break;
        }
    }
    for (int only_up = 0; only_up <= 1; only_up++) {
        for (size_t i = 0; i < t->n && count(t, false) > t->target; i++) {
            if (!t->children[i].stopping && t->children[i].up == (only_up == 1)) {
                stop_child(t, &t->children[i]);
            }
        }
    }
}

static void note_end(struct template *t, struct child c, int status)
{
    if (c.stopping) {
        return;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
        log_event(LOG_WARN, "worker took more CPU time than worker_cpu_max", LOG_INT("pid", c.pid));
    } else if (WIFSIGNALED(status)) {
        log_event(LOG_WARN, "worker was killed", LOG_INT("pid", c.pid), LOG_INT("signal", WTERMSIG(status)));
    } else if (WEXITSTATUS(status) != 0) {
        log_event(LOG_WARN, "worker ended", LOG_INT("pid", c.pid), LOG_INT("status", WEXITSTATUS(status)));
    }
    if (c.up) {
        return; /* it has worked: replace it at once */
    }
    int64_t now = monotonic_ms();
    t->spawn_at_ms = now + crashes_delay_ms(++t->in_a_row);
    if (crashes_note(&t->crashes, now)) {
        log_event(LOG_ERROR, "workers end before they begin, giving up", LOG_INT("ends", t->in_a_row));
        t->loop = t->stopping = true;
    }
}

static void note_ready(struct template *t)
{
    pid_t pids[64];
    ssize_t n;
    while ((n = read(t->ready_pipe[0], pids, sizeof(pids))) > 0) {
        for (size_t k = 0; k < (size_t)n / sizeof(pids[0]); k++) {
            for (size_t i = 0; i < t->n; i++) {
                if (t->children[i].pid == pids[k]) {
                    t->children[i].up = true;
                    t->in_a_row = 0;
                }
            }
        }
    }
}

static void reap(struct template *t)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        note_ready(t); /* what it said before it ended */
        for (size_t i = 0; i < t->n; i++) {
            if (t->children[i].pid == pid) {
                struct child c = t->children[i];
                t->children[i] = t->children[--t->n];
                note_end(t, c, status);
                break;
            }
        }
    }
}

/* A signal may have come to a child at a moment when it could not act on it; and patience has an end. */
static void press(struct template *t)
{
    int64_t now = monotonic_ms();
    if (now < t->repeat_at_ms) {
        return;
    }
    t->repeat_at_ms = now + REPEAT_MS;
    for (size_t i = 0; i < t->n; i++) {
        struct child *c = &t->children[i];
        if (c->stopping || t->stopping) {
            stop_child(t, c);
            if (now >= c->kill_at_ms) {
                log_event(LOG_WARN, "worker does not end, killing it", LOG_INT("pid", c->pid));
                (void)kill(c->pid, SIGKILL);
            }
        }
    }
}

/* ---- the loop -------------------------------------------------------------------------------------------------- */

static void obey(struct template *t)
{
    struct template_message m;
    for (;;) {
        ssize_t n = recv(t->parts->control_fd, &m, sizeof(m), MSG_DONTWAIT);
        if (n == (ssize_t)sizeof(m) && m.kind == TEMPLATE_TARGET) {
            t->target = m.count > WORKERS_MAX / 2 ? WORKERS_MAX / 2 : m.count;
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else {
            /* The end of the master is our end. */
            t->stopping = t->stopping || n == 0 || (n < 0 && errno != EAGAIN);
            return;
        }
    }
}

static int64_t next_deadline(const struct template *t)
{
    int64_t at = INT64_MAX;
    if (t->stopping || count(t, false) < t->n) {
        at = t->repeat_at_ms;
    }
    if (!t->stopping && count(t, false) < t->target && t->spawn_at_ms < at) {
        at = t->spawn_at_ms;
    }
    return at;
}

static void serve(struct template *t)
{
    while (!t->stopping || t->n > 0) {
        struct pollfd p[] = {{.fd = t->signal_fd, .events = POLLIN},
                             {.fd = t->ready_pipe[0], .events = POLLIN},
                             {.fd = t->stopping ? -1 : t->parts->control_fd, .events = POLLIN}};
        (void)poll(p, 3, poll_timeout(next_deadline(t)));
        bool was_stopping = t->stopping;
        for (int sig; (sig = process_signal_next(t->signal_fd)) != 0;) {
            t->stopping = t->stopping || sig == SIGTERM || sig == SIGINT;
        }
        note_ready(t);
        reap(t);
        if (!t->stopping) {
            obey(t);
            adjust(t);
        }
        if (t->stopping && !was_stopping) {
            t->repeat_at_ms = 0;
        }
        press(t);
        uint32_t up = (uint32_t)count(t, true);
        if (up != t->told_up && !t->stopping) {
            t->told_up = up;
            t->stopping = !tell(t, TEMPLATE_UP, up);
        }
    }
}

static int start(struct template *t, struct mrc_err *err)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0};
    MRC_TRY(process_signals(signals, &t->signal_fd, err));
    if (pipe(t->ready_pipe) != 0 || fcntl(t->ready_pipe[0], F_SETFL, O_NONBLOCK) != 0) {
        return mrc_fail_errno(err, MRC_EIO, errno, "pipe");
    }
    return MRC_OK;
}

static int load(struct template *t, struct mrc_err *err)
{
    const struct current *v = &t->parts->version;
    if (v->path[0] == '\0') {
        log_event(LOG_WARN, "serving without a version",
                  LOG_CSTR("models", setting_cstr(t->parts->config, CONFIG_MODELS_DIR)));
        return MRC_OK;
    }
    int64_t begin = monotonic_ms();
    MRC_TRY(bundle_open(&t->bundle, v->path, err));
    log_event(LOG_INFO, "version loaded and tested", LOG_CSTR("version", v->version),
              LOG_INT("ms", monotonic_ms() - begin));
    return MRC_OK;
}

int template_run(const struct template_parts *parts)
{
    struct mrc_err err = {0};
    struct template *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return EXIT_IO;
    }
    *t = (struct template){.parts = parts, .signal_fd = -1, .ready_pipe = {-1, -1}};
    process_name(parts->title, "mrc-template", parts->version.version);
    int status = EXIT_DONE;
    if (start(t, &err) < 0) {
        status = EXIT_IO;
        log_err(LOG_ERROR, "template cannot start", &err);
    } else if (load(t, &err) < 0) {
        /* Want of memory or descriptors is no fault of the version's. */
        status = err.code == MRC_ENOMEM || err.code == MRC_EIO ? EXIT_IO : TEMPLATE_REFUSED;
        log_err(LOG_ERROR, status == EXIT_IO ? "version not loaded" : "version refused", &err);
    } else if (tell(t, TEMPLATE_READY, 0)) {
        serve(t);
        status = t->loop ? EXIT_BUG : EXIT_DONE;
    }
    bundle_close(t->bundle);
    for (int i = 0; i < 2; i++) {
        if (t->ready_pipe[i] >= 0) {
            close(t->ready_pipe[i]);
        }
    }
    if (t->signal_fd >= 0) {
        close(t->signal_fd);
    }
    free(t);
    return status;
}
