/* The agent's loop and its table of tasks. Tasks run one after the other in this one process: none may need another to
 * run at the same time. */
#include "fcgi/agent.h"

#include "common/base/file.h"
#include "common/base/log.h"
#include "fcgi/cmd.h"
#include "fcgi/current.h"
#include "fcgi/follow.h"
#include "fcgi/key_watch.h"
#include "fcgi/process.h"
#include "fcgi/retention.h"
#include "fcgi/shadow_follow.h"
#include "fcgi/track.h"
#include "fcgi/weekly.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { RETRY_FIRST_MS = 1000, RETRY_MAX_MS = 3600 * 1000 };

/* ---- tasks ----------------------------------------------------------------------------------------------------- */

/* Say when another version became current, and warn of a link that leads nowhere before anybody needs it. */
static int watch_current(struct agent *a, void **memory, struct mrc_err *err)
{
    const struct settings *config = agent_config(a);
    struct current c, *seen = *memory;
    bool first = seen == NULL;
    if (first && (seen = *memory = calloc(1, sizeof(*seen))) == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory to watch versions");
    }
    current_read(&c, config);
    if (!first && current_same(&c, seen)) {
        return MRC_OK;
    }
    *seen = c;
    if (c.path[0] == '\0') {
        log_event(LOG_WARN, "there is no current version", LOG_CSTR("models", setting_cstr(config, CONFIG_MODELS_DIR)));
    } else if (!file_is_folder(c.path)) {
        log_event(LOG_WARN, "the current version is missing", LOG_CSTR("folder", c.path));
    } else {
        log_event(LOG_INFO, "current version", LOG_CSTR("version", c.version));
    }
    return MRC_OK;
}

static bool may_go_on(void *arg)
{
    return !agent_stopping(arg);
}

static int drop_old(struct agent *a, void **memory, struct mrc_err *err)
{
    (void)memory;
    return retention_run(agent_config(a), wall_ms(), may_go_on, a, err);
}

static const struct agent_task tasks[] = {
    {.name = "retention", .period_ms = 3600 * 1000, .run = drop_old},
    {.name = "watch_keys", .period_ms = 60 * 1000, .run = key_watch_run},
    {.name = "watch_current", .period_ms = 2000, .run = watch_current, .release = free},
    {.name = "follow_mlflow", .period = CONFIG_MLFLOW_POLL, .run = follow_run, .release = follow_release},
    {.name = "follow_shadow", .period = CONFIG_MLFLOW_POLL, .run = shadow_follow_run, .release = shadow_follow_release},
    {.name = "shadow", .period_ms = 1000, .run = shadow_run, .release = shadow_release},
    {.name = "refresh", .period = CONFIG_REFRESH_CHECK, .run = weekly_run, .release = weekly_release},
    {.name = "track_mlflow", .period = CONFIG_MLFLOW_TRACK, .run = track_run, .release = track_release},
};
enum { N_TASKS = sizeof(tasks) / sizeof(tasks[0]) };

/* ---- the loop -------------------------------------------------------------------------------------------------- */

struct task_state {
    void *memory;
    int64_t due_ms; /* INT64_MAX: off */
    unsigned failures;
};

struct agent {
    const struct settings *config;
    int signal_fd;
    bool stopping;
    struct task_state states[N_TASKS];
};

const struct settings *agent_config(const struct agent *a)
{
    return a->config;
}

bool agent_stopping(struct agent *a)
{
    for (int sig; (sig = process_signal_next(a->signal_fd)) != 0;) {
        a->stopping = a->stopping || sig == SIGTERM || sig == SIGINT;
    }
    return a->stopping;
}

int64_t agent_next_ms(int64_t now_ms, int64_t period_ms, unsigned failures)
{
    if (failures == 0) {
        return now_ms + period_ms;
    }
    int64_t most = period_ms < RETRY_MAX_MS ? period_ms : RETRY_MAX_MS, wait = RETRY_FIRST_MS;
    for (unsigned i = 1; i < failures && wait < most; i++) {
        wait *= 2;
    }
    return now_ms + (wait < most ? wait : most);
}

static int64_t period_of(const struct agent *a, const struct agent_task *task)
{
    return task->period_ms > 0 ? task->period_ms : setting_int(a->config, task->period);
}

static void run_task(struct agent *a, size_t i)
{
    struct mrc_err err = {0};
    struct task_state *state = &a->states[i];
    int64_t period = period_of(a, &tasks[i]);
    if (period <= 0) {
        state->due_ms = INT64_MAX;
        return;
    }
    int rc = tasks[i].run(a, &state->memory, &err);
    if (rc < 0) {
        if (state->failures++ == 0) {
            log_event(LOG_WARN, "task failed, it is tried again", LOG_CSTR("task", tasks[i].name),
                      LOG_CSTR("err", err.msg));
        }
    } else if (state->failures > 0) {
        log_event(LOG_INFO, "task works again", LOG_CSTR("task", tasks[i].name), LOG_INT("failures", state->failures));
        state->failures = 0;
    }
    state->due_ms = agent_next_ms(monotonic_ms(), period, state->failures);
}

static void loop(struct agent *a)
{
    while (!agent_stopping(a)) {
        int64_t next = INT64_MAX;
        for (size_t i = 0; i < N_TASKS && !agent_stopping(a); i++) {
            if (monotonic_ms() >= a->states[i].due_ms) {
                run_task(a, i);
            }
            next = a->states[i].due_ms < next ? a->states[i].due_ms : next;
        }
        struct pollfd p = {.fd = a->signal_fd, .events = POLLIN};
        if (!a->stopping) {
            (void)poll(&p, 1, poll_timeout(next));
        }
    }
}

int agent_run(const struct settings *config, struct mrc_err *err)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, 0};
    struct agent a = {.config = config, .signal_fd = -1};
    if (process_signals(signals, &a.signal_fd, err) < 0) {
        return EXIT_IO;
    }
    loop(&a);
    for (size_t i = 0; i < N_TASKS; i++) {
        if (tasks[i].release != NULL && a.states[i].memory != NULL) {
            tasks[i].release(a.states[i].memory);
        }
    }
    close(a.signal_fd);
    return EXIT_DONE;
}
