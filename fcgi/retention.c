/* Retention: a round opens the databases, takes the job, drops, and gives it back. */
#include "fcgi/retention.h"

#include "common/base/log.h"
#include "fcgi/process.h"
#include "fcgi/store_admin.h"
#include "fcgi/store_idempotency.h"
#include "fcgi/store_jobs.h"
#include "fcgi/store_shadow.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    ROWS_AT_ONCE = 1000,
    PAUSE_MS = 20, /* for the scribe, between two deletions */
    LEASE_MS = 10 * 60 * 1000
};

/* Some at a time, until all are gone or it is not to go on. */
static int prune(struct store *s,
                 int (*some)(struct store *s, int64_t before_ms, int64_t limit, int64_t *dropped, bool *more,
                             struct mrc_err *err),
                 int64_t before_ms, bool (*go_on)(void *arg), void *arg, int64_t *dropped, struct mrc_err *err)
{
    bool more = true;
    *dropped = 0;
    while (more && (go_on == NULL || go_on(arg))) {
        int64_t n = 0;
        MRC_TRY(some(s, before_ms, ROWS_AT_ONCE, &n, &more, err));
        *dropped += n;
        if (more) {
            nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
        }
    }
    return MRC_OK;
}

int retention_prune(struct store *log, int64_t before_ms, bool (*go_on)(void *arg), void *arg, int64_t *dropped,
                    struct mrc_err *err)
{
    return prune(log, store_predictions_prune, before_ms, go_on, arg, dropped, err);
}

int retention_prune_shadow(struct store *state, int64_t before_ms, bool (*go_on)(void *arg), void *arg,
                           int64_t *dropped, struct mrc_err *err)
{
    return prune(state, store_shadow_prune, before_ms, go_on, arg, dropped, err);
}

/* While it works, the lease goes on. */
struct leased {
    struct store *state;
    struct job *job;
    bool (*go_on)(void *arg);
    void *arg;
    int64_t renewed_ms; /* monotonic */
    int64_t now_ms, started_ms;
    bool lost;
};

static bool hold(void *arg)
{
    struct leased *l = arg;
    int64_t now = monotonic_ms();
    if (now - l->renewed_ms > LEASE_MS / 4) {
        l->renewed_ms = now;
        l->lost = store_job_renew(l->state, l->job, l->now_ms + now - l->started_ms, LEASE_MS, NULL) < 0;
    }
    return !l->lost && (l->go_on == NULL || l->go_on(l->arg));
}

static int prune_log(const struct settings *config, struct leased *l, struct mrc_err *err)
{
    struct store *log = NULL;
    int64_t age_ms = setting_int(config, CONFIG_LOG_RETENTION), dropped = 0;
    if (age_ms == 0 || setting_int(config, CONFIG_LOG) == CONFIG_LOG_OFF) {
        return MRC_OK;
    }
    MRC_TRY(store_open(&log, STORE_LOG, setting_cstr(config, CONFIG_LOG_DATABASE), err));
    int rc = retention_prune(log, l->now_ms - age_ms, hold, l, &dropped, err);
    store_close(log);
    if (dropped > 0) {
        log_event(LOG_INFO, "predictions left the log", LOG_INT("rows", dropped));
    }
    return rc < 0 ? rc : retention_prune_shadow(l->state, l->now_ms - age_ms, hold, l, &dropped, err);
}

static int run_leased(const struct settings *config, struct leased *l, struct mrc_err *err)
{
    MRC_TRY(store_idempotency_prune(l->state, l->now_ms, err));
    MRC_TRY(prune_log(config, l, err));
    return l->lost ? mrc_fail(err, MRC_EBUSY, "the lease of the job was lost") : MRC_OK;
}

static int run_with(const struct settings *config, struct store *state, int64_t now_ms, bool (*go_on)(void *arg),
                    void *arg, struct arena *a, struct mrc_err *err)
{
    char holder[HOLDER_MAX];
    struct job job;
    process_holder(holder);
    int taken = store_job_take(state, STR("retention"), str_of(holder), now_ms, LEASE_MS, a, &job, err);
    if (taken <= 0) {
        return taken;
    }
    int64_t now = monotonic_ms();
    struct leased l = {.state = state,
                       .job = &job,
                       .go_on = go_on,
                       .arg = arg,
                       .renewed_ms = now,
                       .started_ms = now,
                       .now_ms = now_ms};
    struct mrc_err why = {0};
    int rc = run_leased(config, &l, &why);
    if (rc < 0) {
        /* Should even this fail, the lease ends by itself. */
        return store_job_failed(state, &job, str_of(why.msg), err) < 0 ? rc : mrc_fail(err, rc, "%s", why.msg);
    }
    return store_job_done(state, &job, now_ms + monotonic_ms() - l.started_ms, STR(""), err);
}

int retention_run(const struct settings *config, int64_t now_ms, bool (*go_on)(void *arg), void *arg,
                  struct mrc_err *err)
{
    struct store *state = NULL;
    struct arena a;
    MRC_TRY(store_open(&state, STORE_STATE, setting_cstr(config, CONFIG_DATABASE), err));
    arena_init(&a, 1 << 20);
    int rc = run_with(config, state, now_ms, go_on, arg, &a, err);
    arena_release(&a);
    store_close(state);
    return rc;
}
