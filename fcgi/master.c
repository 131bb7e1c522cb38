/* The master's loop. Versions: `serving` is the template whose workers answer; `candidate` loads another version and
 * then takes over worker by worker; `retiring` ones let their last requests finish.
 *
 *   candidate ready → its target 1 → up 1 → serving's target n-1, candidate's 2 → … → serving retires, candidate serves
 *
 * A candidate that is refused or crashes changes nothing but the log. */
#define _GNU_SOURCE /* SOCK_CLOEXEC with socketpair, NOTIFY_SOCKET's abstract names */
#include "fcgi/master.h"

#include "common/base/file.h"
#include "common/base/log.h"
#include "fcgi/agent.h"
#include "fcgi/cmd.h"
#include "fcgi/current.h"
#include "fcgi/listener.h"
#include "fcgi/scribe.h"
#include "fcgi/supervisor.h"
#include "fcgi/template.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    RETIRING_MAX = 8,
    TEMPLATES_MAX = RETIRING_MAX + 2,
    REPEAT_MS = 200,
    FORGIVE_MS = 5000,
    LOCK_RETRY_MS = 1000, /* for a scribe's socket that another service holds */
    SCRIBE_PATIENCE_MS = 10000,
    AGENT_PATIENCE_MS = 3000, /* whatever it does can be lost */
    CHILDREN_MAX = 1024
};

enum role { UNUSED, CANDIDATE, SERVING, RETIRING };

struct template_child {
    enum role role;
    pid_t pid;
    int control;
    bool ready;
    uint32_t target, up;
    struct current version;
    int64_t kill_at_ms;
};

/* A helper process: scribe or agent. */
struct helper {
    const char *name;
    pid_t pid; /* 0: not running */
    int ready_fd;
    bool worked_once; /* since the master began: a later end is no crash loop */
    unsigned in_a_row;
    int64_t start_at_ms;
};

struct master {
    struct settings *config;
    int argc;
    char *const *argv;
    char *const *environment;
    const struct process_title *title;
    struct listener listener, scribe_listener;
    int signal_fd;
    struct template_child templates[TEMPLATES_MAX];
    struct helper scribe, agent;
    struct crashes crashes;
    unsigned in_a_row;   /* early ends of templates */
    int64_t start_at_ms; /* no template before */
    int64_t look_at_ms, repeat_at_ms, scribe_lock_at_ms;
    struct current wanted;    /* the link as seen last */
    struct current refused;   /* not tried again until the link changes */
    int64_t forgive_at_ms;    /* without any version, what was refused is tried again: it may have been incomplete */
    bool replace;             /* HUP: the same version with new settings */
    bool stopping, announced; /* announced: the service manager knows what serves */
    int64_t watchdog_ms, watchdog_at_ms;         /* 0: nobody watches */
    int64_t stop_scribe_by_ms, stop_agent_by_ms; /* 0: not yet asked to end */
    int64_t orphans_until_ms; /* workers of a template that was killed may finish until then; 0: none */
    int status;
};

static struct template_child *find(struct master *m, enum role role)
{
    for (size_t i = 0; i < TEMPLATES_MAX; i++) {
        if (m->templates[i].role == role) {
            return &m->templates[i];
        }
    }
    return NULL;
}

static uint32_t n_workers(const struct master *m)
{
    return (uint32_t)setting_int(m->config, CONFIG_WORKERS);
}

static void begin_stop(struct master *m, int status)
{
    if (!m->stopping) {
        m->stopping = true;
        m->status = status;
        m->repeat_at_ms = 0;
        log_event(LOG_INFO, "stopping", LOG_INT("status", status));
        supervisor_notify("STOPPING=1");
    } else if (status != EXIT_DONE) {
        m->status = status;
    }
}

/* What no child of the master needs. The lock files need not be closed: locks are not inherited. */
static void close_inherited(struct master *m)
{
    close(m->signal_fd);
    for (size_t i = 0; i < TEMPLATES_MAX; i++) {
        if (m->templates[i].role != UNUSED) {
            close(m->templates[i].control);
        }
    }
    if (m->scribe.ready_fd >= 0) {
        close(m->scribe.ready_fd);
    }
}

/* ---- templates ------------------------------------------------------------------------------------------------- */

static _Noreturn void become_template(struct master *m, const struct current *version, int control)
{
    close_inherited(m);
    const struct template_parts parts = {.config = m->config,
                                         .title = m->title,
                                         .version = *version,
                                         .listen_fd = m->listener.fd,
                                         .control_fd = control};
    if (m->scribe_listener.fd >= 0) {
        close(m->scribe_listener.fd);
    }
    _exit(template_run(&parts));
}

static void start_candidate(struct master *m, const struct current *version)
{
    struct template_child *t = find(m, UNUSED);
    int pair[2];
    struct mrc_err err = {0};
    if (t == NULL) {
        return; /* too many still retire: later */
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        (void)mrc_fail_errno(&err, MRC_EIO, errno, "socketpair");
        log_err(LOG_ERROR, "template cannot be started", &err);
        m->start_at_ms = monotonic_ms() + crashes_delay_ms(++m->in_a_row);
        return;
    }
    pid_t pid = process_fork(&err);
    if (pid == 0) {
        close(pair[0]);
        become_template(m, version, pair[1]);
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        log_err(LOG_ERROR, "template cannot be started", &err);
        m->start_at_ms = monotonic_ms() + crashes_delay_ms(++m->in_a_row);
        return;
    }
    *t = (struct template_child){.role = CANDIDATE, .pid = pid, .control = pair[0], .version = *version};
    m->replace = false;
}

static void set_target(struct template_child *t, uint32_t target)
{
    struct template_message msg = {.kind = TEMPLATE_TARGET, .count = target};
    t->target = target;
    /* A template that is gone is noticed when it is reaped. */
    (void)send(t->control, &msg, sizeof(msg), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void retire(struct master *m, struct template_child *t)
{
    t->role = RETIRING;
    t->kill_at_ms = monotonic_ms() + setting_int(m->config, CONFIG_DRAIN_TIMEOUT) + 2000;
    m->repeat_at_ms = 0;
    (void)kill(t->pid, SIGTERM);
}

static void announce(struct master *m, const struct template_child *t)
{
    const char *version = t->version.path[0] == '\0' ? "none" : t->version.version;
    log_event(LOG_INFO, "serving", LOG_CSTR("version", version), LOG_INT("workers", t->up));
    if (!m->announced) {
        char text[512];
        m->announced = true;
        (void)snprintf(text, sizeof(text), "READY=1\nSTATUS=serving version %s", version);
        supervisor_notify(text);
    }
}

/* Move the swap one step on, as far as what is up allows. */
static void advance(struct master *m)
{
    struct template_child *c = find(m, CANDIDATE), *s = find(m, SERVING);
    uint32_t all = n_workers(m);
    if (c == NULL || !c->ready || m->stopping) {
        return;
    }
    if (s == NULL) {
        c->role = SERVING;
        set_target(c, all);
        return;
    }
    if (c->target == 0) {
        set_target(c, 1);
    } else if (c->up >= all) {
        retire(m, s);
        c->role = SERVING;
        announce(m, c);
    } else if (c->up >= c->target) {
        uint32_t remain = s->target > 0 ? s->target - 1 : 0;
        set_target(s, remain);
        set_target(c, c->target + 1);
    }
}

static void listen_to(struct master *m, struct template_child *t)
{
    struct template_message msg;
    while (recv(t->control, &msg, sizeof(msg), MSG_DONTWAIT) == (ssize_t)sizeof(msg)) {
        if (msg.kind == TEMPLATE_READY) {
            t->ready = true;
            m->in_a_row = 0;
        } else if (msg.kind == TEMPLATE_UP) {
            bool first = t->role == SERVING && t->up < t->target && msg.count >= t->target;
            t->up = msg.count;
            if (first && !m->stopping) {
                announce(m, t);
            }
        }
        advance(m);
    }
}

/* The version it was to bring stays out until the link changes; whoever serves goes on with all its workers. */
static void candidate_failed(struct master *m, const struct template_child *t)
{
    struct template_child *s = find(m, SERVING);
    m->refused = t->version;
    m->forgive_at_ms = monotonic_ms() + FORGIVE_MS;
    if (s != NULL) {
        set_target(s, n_workers(m));
        log_event(LOG_ERROR, "version not taken, the old one stays", LOG_CSTR("version", t->version.version),
                  LOG_CSTR("serving", s->version.version));
        return;
    }
    log_event(LOG_ERROR, "version not taken, serving none", LOG_CSTR("version", t->version.version));
    struct current none = {.path = ""};
    start_candidate(m, &none);
}

/* An end before the version was loaded, and not by its refusal. While others serve it is tried again and again. */
static void early_end(struct master *m, bool alone)
{
    int64_t now = monotonic_ms();
    m->start_at_ms = now + crashes_delay_ms(++m->in_a_row);
    if (alone && crashes_note(&m->crashes, now)) {
        log_event(LOG_ERROR, "templates end before they begin, giving up", LOG_INT("ends", m->in_a_row));
        begin_stop(m, EXIT_BUG);
    }
}

static void template_ended(struct master *m, struct template_child *t, int status)
{
    struct template_child was = *t;
    close(t->control);
    *t = (struct template_child){.role = UNUSED};
    m->repeat_at_ms = 0;
    if (WIFSIGNALED(status)) {
        m->orphans_until_ms = monotonic_ms() + setting_int(m->config, CONFIG_DRAIN_TIMEOUT);
    }
    if (was.role == RETIRING || m->stopping) {
        return;
    }
    int exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    log_event(LOG_WARN, "template ended", LOG_CSTR("version", was.version.version), LOG_INT("pid", was.pid),
              LOG_INT(exit_status >= 0 ? "status" : "signal", exit_status >= 0 ? exit_status : WTERMSIG(status)));
    if (was.role == CANDIDATE) {
        bool alone = find(m, SERVING) == NULL;
        /* Unreadable: better to answer 503 and to try again (look) than to end; but without a version only a loop ends.
         */
        bool unreadable = alone && exit_status == EXIT_IO && was.version.path[0] != '\0';
        if (exit_status == TEMPLATE_REFUSED || unreadable || (exit_status == EXIT_BUG && !alone)) {
            candidate_failed(m, &was);
        } else {
            if (!alone) {
                set_target(find(m, SERVING), n_workers(m));
            }
            early_end(m, alone);
        }
    } else if (exit_status == EXIT_BUG) {
        begin_stop(m, EXIT_BUG);
    } else {
        /* Killed while serving: bring the same version back; if there is a better one, it is noticed afterwards. */
        struct template_child *c = find(m, CANDIDATE);
        if (c != NULL) {
            advance(m);
        } else {
            start_candidate(m, &was.version);
        }
    }
}

/* Is there another version to serve, or the same to serve anew? */
static void look(struct master *m)
{
    int64_t now = monotonic_ms();
    if (now >= m->look_at_ms) {
        m->look_at_ms = now + setting_int(m->config, CONFIG_MODELS_POLL);
        current_read(&m->wanted, m->config);
    }
    const struct template_child *s = find(m, SERVING);
    if (find(m, CANDIDATE) != NULL || now < m->start_at_ms) {
        return;
    }
    if (s != NULL && s->version.path[0] == '\0' && now >= m->forgive_at_ms) {
        m->refused = (struct current){.path = ""};
    }
    bool refused = m->wanted.path[0] != '\0' && current_same(&m->wanted, &m->refused);
    if (s == NULL) {
        struct current none = {.path = ""};
        start_candidate(m, refused ? &none : &m->wanted);
    } else if (m->replace) {
        start_candidate(m, refused || m->wanted.path[0] == '\0' ? &s->version : &m->wanted);
    } else if (m->wanted.path[0] != '\0' && !refused && !current_same(&m->wanted, &s->version)) {
        start_candidate(m, &m->wanted);
    }
}

/* ---- scribe and agent ------------------------------------------------------------------------------------------ */

static bool scribe_wanted(const struct master *m)
{
    return setting_int(m->config, CONFIG_LOG) != CONFIG_LOG_OFF;
}

/* Bind $RUN/scribe.sock once, and keep it: while a scribe is replaced, rows wait in its queue. */
static void bind_scribe(struct master *m)
{
    char path[256];
    struct mrc_err err = {0};
    int64_t now = monotonic_ms();
    if (m->scribe_listener.fd >= 0 || now < m->scribe_lock_at_ms) {
        return;
    }
    m->scribe_lock_at_ms = now + LOCK_RETRY_MS;
    (void)snprintf(path, sizeof(path), "%s/scribe.sock", setting_cstr(m->config, CONFIG_RUN_DIR));
    int rc = listener_open(&m->scribe_listener, path, 0600, 1024, &err);
    if (rc == MRC_EBUSY) {
        log_event(LOG_DEBUG, "a scribe of another service is used", LOG_CSTR("why", err.msg));
    } else if (rc < 0) {
        log_err(LOG_ERROR, "scribe's socket", &err);
    }
}

static _Noreturn void become_scribe(struct master *m, int ready_fd)
{
    struct mrc_err err = {0};
    close_inherited(m);
    if (m->listener.fd >= 0) {
        close(m->listener.fd);
    }
    process_name(m->title, "mrc-scribe", "");
    int status = scribe_run(m->scribe_listener.fd, setting_cstr(m->config, CONFIG_LOG_DATABASE), ready_fd, &err);
    if (status != EXIT_DONE) {
        log_err(LOG_ERROR, "scribe ends", &err);
    }
    _exit(status);
}

static _Noreturn void become_agent(struct master *m)
{
    struct mrc_err err = {0};
    close_inherited(m);
    if (m->listener.fd >= 0) {
        close(m->listener.fd);
    }
    if (m->scribe_listener.fd >= 0) {
        close(m->scribe_listener.fd);
    }
    process_name(m->title, "mrc-agent", "");
    int status = agent_run(m->config, &err);
    if (status != EXIT_DONE) {
        log_err(LOG_ERROR, "agent ends", &err);
    }
    _exit(status);
}

static void start_helper(struct master *m, struct helper *h)
{
    int ready[2];
    struct mrc_err err = {0};
    h->start_at_ms = monotonic_ms() + crashes_delay_ms(h->in_a_row + 1);
    if (pipe(ready) != 0) {
        return;
    }
    pid_t pid = process_fork(&err);
    if (pid == 0) {
        close(ready[0]);
        if (h == &m->scribe) {
            become_scribe(m, ready[1]);
        }
        close(ready[1]);
        become_agent(m);
    }
    close(ready[1]);
    if (pid < 0 || h != &m->scribe) {
        close(ready[0]);
    } else {
        h->ready_fd = ready[0];
    }
    if (pid < 0) {
        log_err(LOG_ERROR, "helper cannot be started", &err);
    } else {
        h->pid = pid;
    }
}

static void start_helpers(struct master *m)
{
    int64_t now = monotonic_ms();
    if (scribe_wanted(m) && m->scribe.pid == 0) {
        bind_scribe(m);
        if (m->scribe_listener.fd >= 0 && now >= m->scribe.start_at_ms) {
            start_helper(m, &m->scribe);
        }
    }
    if (m->agent.pid == 0 && now >= m->agent.start_at_ms && !m->stopping) {
        start_helper(m, &m->agent);
    }
}

static void note_scribe(struct master *m)
{
    char c;
    if (m->scribe.ready_fd < 0) {
        return;
    }
    if (read(m->scribe.ready_fd, &c, 1) == 1) {
        m->scribe.worked_once = true;
        m->scribe.in_a_row = 0;
    }
    close(m->scribe.ready_fd);
    m->scribe.ready_fd = -1;
}

static void helper_ended(struct master *m, struct helper *h, int status)
{
    bool expected = m->stopping || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (h->ready_fd >= 0) {
        note_scribe(m); /* what it said before it ended */
    }
    h->pid = 0;
    h->in_a_row++;
    int64_t now = monotonic_ms();
    h->start_at_ms = h->worked_once ? now : now + crashes_delay_ms(h->in_a_row);
    if (expected) {
        return;
    }
    log_event(
        LOG_WARN, "process ended", LOG_CSTR("name", h->name),
        LOG_INT(WIFEXITED(status) ? "status" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status)));
    /* Without its log a service that requires it never worked: say so by ending. Everything else can wait. */
    if (h == &m->scribe && !h->worked_once && setting_int(m->config, CONFIG_LOG) == CONFIG_LOG_REQUIRED &&
        crashes_note(&m->crashes, now)) {
        log_event(LOG_ERROR, "scribe ends before it begins, giving up", LOG_INT("ends", h->in_a_row));
        begin_stop(m, EXIT_BUG);
    }
}

/* ---- signals --------------------------------------------------------------------------------------------------- */

static bool text_same(const struct settings *a, const struct settings *b, enum config which)
{
    return setting_is_set(a, which) == setting_is_set(b, which) &&
           str_eq(setting_text(a, which), setting_text(b, which));
}

/* HUP. The sockets stay; everything else follows from new processes. */
static void reload(struct master *m)
{
    static const enum config fixed[] = {CONFIG_SOCKET, CONFIG_SOCKET_MODE, CONFIG_RUN_DIR, CONFIG_BACKLOG};
    struct settings next;
    struct mrc_err err = {0};
    supervisor_reloading();
    if (config_load(&next, m->argc, m->argv, m->environment, &err) < 0) {
        log_err(LOG_ERROR, "settings refused, the old ones stay", &err);
        supervisor_notify("READY=1");
        return;
    }
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        if (!text_same(m->config, &next, fixed[i])) {
            log_event(LOG_WARN, "setting needs a restart", LOG_CSTR("name", config_specs[fixed[i]].name));
        }
    }
    if (m->scribe.pid > 0 &&
        (!text_same(m->config, &next, CONFIG_LOG_DATABASE) || !text_same(m->config, &next, CONFIG_LOG) ||
         !text_same(m->config, &next, CONFIG_LOG_LEVEL))) {
        (void)kill(m->scribe.pid, SIGTERM);
    }
    if (m->agent.pid > 0) {
        (void)kill(m->agent.pid, SIGTERM);
    }
    settings_release(m->config);
    *m->config = next;
    log_setup("mercredi-fcgi", (enum log_level)setting_int(m->config, CONFIG_LOG_LEVEL), 2);
    m->replace = true;
    m->announced = false;
    m->refused = (struct current){.path = ""};
    m->look_at_ms = 0;
    log_event(LOG_INFO, "settings read again", LOG_INT("workers", n_workers(m)));
}

static void reap(struct master *m)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == m->scribe.pid) {
            helper_ended(m, &m->scribe, status);
        } else if (pid == m->agent.pid) {
            helper_ended(m, &m->agent, status);
        }
        for (size_t i = 0; i < TEMPLATES_MAX; i++) {
            struct template_child *t = &m->templates[i];
            if (t->role != UNUSED && t->pid == pid) {
                listen_to(m, t);
                template_ended(m, t, status);
            }
        }
    }
}

static void take_signals(struct master *m)
{
    for (int sig; (sig = process_signal_next(m->signal_fd)) != 0;) {
        if (sig == SIGHUP && !m->stopping) {
            reload(m);
        } else if (sig == SIGTERM || sig == SIGINT) {
            begin_stop(m, EXIT_DONE);
        }
    }
}

/* Workers whose template was killed were told to end by that, and are ours now. One that does not end, because it hangs
 * or is stopped, is ended here. Returns whether any is left. */
static bool press_orphans(struct master *m, int64_t now)
{
    static pid_t pids[CHILDREN_MAX];
    bool any = false;
    size_t n = process_children(getpid(), pids, CHILDREN_MAX);
    for (size_t i = 0; i < n; i++) {
        bool known = pids[i] == m->scribe.pid || pids[i] == m->agent.pid;
        for (size_t k = 0; k < TEMPLATES_MAX; k++) {
            known = known || (m->templates[k].role != UNUSED && m->templates[k].pid == pids[i]);
        }
        if (!known) {
            any = true;
            (void)kill(pids[i], now >= m->orphans_until_ms ? SIGKILL : SIGTERM);
        }
    }
    return any;
}

/* Ask those who are to end, again and again: a signal may come at a moment when nobody can act on it. */
static void press(struct master *m)
{
    int64_t now = monotonic_ms();
    if (now < m->repeat_at_ms) {
        return;
    }
    m->repeat_at_ms = now + REPEAT_MS;
    for (size_t i = 0; i < TEMPLATES_MAX; i++) {
        struct template_child *t = &m->templates[i];
        if (m->stopping && (t->role == SERVING || t->role == CANDIDATE)) {
            retire(m, t);
            m->repeat_at_ms = now + REPEAT_MS;
        } else if (t->role == RETIRING) {
            (void)kill(t->pid, now >= t->kill_at_ms ? SIGKILL : SIGTERM);
        }
    }
    if (m->orphans_until_ms > 0 && !press_orphans(m, now)) {
        m->orphans_until_ms = 0;
    }
    if (m->stopping && m->agent.pid > 0) {
        if (m->stop_agent_by_ms == 0) {
            m->stop_agent_by_ms = now + AGENT_PATIENCE_MS;
        }
        (void)kill(m->agent.pid, now >= m->stop_agent_by_ms ? SIGKILL : SIGTERM);
    }
    /* The scribe last: workers that finish a request still need it. */
    bool templates_gone = m->orphans_until_ms == 0;
    for (size_t i = 0; i < TEMPLATES_MAX; i++) {
        templates_gone = templates_gone && m->templates[i].role == UNUSED;
    }
    if (m->stopping && templates_gone && m->scribe.pid > 0) {
        if (m->stop_scribe_by_ms == 0) {
            m->stop_scribe_by_ms = now + SCRIBE_PATIENCE_MS;
        }
        (void)kill(m->scribe.pid, now >= m->stop_scribe_by_ms ? SIGKILL : SIGTERM);
    }
}

/* ---- the loop -------------------------------------------------------------------------------------------------- */

static bool anybody_left(struct master *m)
{
    for (size_t i = 0; i < TEMPLATES_MAX; i++) {
        if (m->templates[i].role != UNUSED) {
            return true;
        }
    }
    return m->scribe.pid > 0 || m->agent.pid > 0 || m->orphans_until_ms > 0;
}

static int64_t next_deadline(struct master *m)
{
    int64_t at = m->look_at_ms;
    if (m->watchdog_ms > 0 && m->watchdog_at_ms < at) {
        at = m->watchdog_at_ms;
    }
    if (m->stopping || m->orphans_until_ms > 0 || find(m, RETIRING) != NULL) {
        at = m->repeat_at_ms < at ? m->repeat_at_ms : at;
    }
    if (!m->stopping && m->start_at_ms > 0 && find(m, SERVING) == NULL && find(m, CANDIDATE) == NULL) {
        at = m->start_at_ms < at ? m->start_at_ms : at;
    }
    if (m->scribe.pid == 0 && m->scribe_listener.fd >= 0 && m->scribe.start_at_ms < at && !m->stopping) {
        at = m->scribe.start_at_ms;
    }
    return at;
}

static void wait_for_something(struct master *m)
{
    struct pollfd p[TEMPLATES_MAX + 2];
    nfds_t n = 0;
    p[n++] = (struct pollfd){.fd = m->signal_fd, .events = POLLIN};
    p[n++] = (struct pollfd){.fd = m->scribe.ready_fd, .events = POLLIN};
    for (size_t i = 0; i < TEMPLATES_MAX; i++) {
        /* A control socket whose other end is gone would wake us for ever: its end is reaped by SIGCHLD. */
        struct template_child *t = &m->templates[i];
        p[n++] = (struct pollfd){.fd = t->role == CANDIDATE || t->role == SERVING ? t->control : -1, .events = POLLIN};
    }
    (void)poll(p, n, poll_timeout(next_deadline(m)));
    if (p[1].revents != 0) {
        note_scribe(m);
    }
}

/* That this loop goes round is what a watchdog can know: everything else it watches itself. */
static void please_watchdog(struct master *m)
{
    int64_t now = monotonic_ms();
    if (m->watchdog_ms > 0 && now >= m->watchdog_at_ms) {
        m->watchdog_at_ms = now + m->watchdog_ms;
        supervisor_notify("WATCHDOG=1");
    }
}

static void loop(struct master *m)
{
    while (!m->stopping || anybody_left(m)) {
        please_watchdog(m);
        if (!m->stopping) {
            look(m);
        }
        if (!m->stopping || find(m, RETIRING) != NULL) {
            start_helpers(m);
        }
        wait_for_something(m);
        take_signals(m);
        for (size_t i = 0; i < TEMPLATES_MAX; i++) {
            if (m->templates[i].role != UNUSED) {
                listen_to(m, &m->templates[i]);
            }
        }
        reap(m);
        press(m);
    }
}

static unsigned octal(struct str s)
{
    unsigned v = 0;
    for (size_t i = 0; i < s.n; i++) {
        v = v * 8 + (unsigned)(s.p[i] - '0');
    }
    return v;
}

/* From the service manager, on descriptor 0, or bound here; in this order. */
static int open_socket(struct master *m, const char *run_dir, const char **name, struct mrc_err *err)
{
    static char path[256];
    int fd;
    MRC_TRY(supervisor_socket(&fd, err));
    const char *address = setting_cstr(m->config, CONFIG_SOCKET);
    if (address == NULL) {
        (void)snprintf(path, sizeof(path), "%s/fcgi.sock", run_dir);
        address = is_listening(0) ? "" : path;
    }
    *name = fd >= 0 ? "service manager's" : address[0] == '\0' ? "fd 0" : address;
    if (fd >= 0 || address[0] == '\0') {
        return listener_take(&m->listener, fd >= 0 ? fd : 0, err);
    }
    return listener_open(&m->listener, address, octal(setting_text(m->config, CONFIG_SOCKET_MODE)),
                         (int)setting_int(m->config, CONFIG_BACKLOG), err);
}

static int start(struct master *m, struct mrc_err *err)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0};
    const char *run_dir = setting_cstr(m->config, CONFIG_RUN_DIR), *address;
    MRC_TRY(folder_create(run_dir, 0750, err));
    MRC_TRY(folder_create(setting_cstr(m->config, CONFIG_STATE_DIR), 0750, err));
    MRC_TRY(open_socket(m, run_dir, &address, err));
    MRC_TRY(process_signals(signals, &m->signal_fd, err));
    process_adopt_orphans();
    m->watchdog_ms = supervisor_watchdog_ms();
    log_event(LOG_INFO, "listening", LOG_CSTR("socket", address), LOG_INT("workers", n_workers(m)));
    process_name(m->title, "mrc-master", address);
    return MRC_OK;
}

int master_run(struct settings *config, int argc, char *const *argv, char *const *environment,
               const struct process_title *title, struct mrc_err *err)
{
    struct master *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        settings_release(config);
        return exit_of(mrc_fail(err, MRC_ENOMEM, "no memory for the master"));
    }
    m->config = config;
    m->argc = argc;
    m->argv = argv;
    m->environment = environment;
    m->title = title;
    m->listener = m->scribe_listener = (struct listener){.fd = -1, .lock_fd = -1};
    m->signal_fd = m->scribe.ready_fd = m->agent.ready_fd = -1;
    m->scribe.name = "mrc-scribe";
    m->agent.name = "mrc-agent";
    int rc = start(m, err);
    if (rc == MRC_OK) {
        loop(m);
        log_event(LOG_INFO, "stopped", LOG_INT("status", m->status));
    } else {
        m->status = exit_of(rc);
    }
    int status = m->status;
    listener_close(&m->scribe_listener, true);
    listener_close(&m->listener, true);
    if (m->signal_fd >= 0) {
        close(m->signal_fd);
    }
    settings_release(config);
    free(m);
    return status;
}
