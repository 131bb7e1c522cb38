/* The ids of the keys against those of the last time; row and memory are one transaction. */
#include "fcgi/key_watch.h"

#include "common/base/digest.h"
#include "common/base/file.h"
#include "fcgi/audit.h"
#include "fcgi/process.h"
#include "fcgi/store_jobs.h"
#include "fcgi/token.h"

#include <stdio.h>
#include <unistd.h>

enum { LEASE_MS = 30 * 1000 };

static int read_ids(const char *key_file, struct buf *out, struct mrc_err *err)
{
    struct tokens *t = NULL;
    static const struct token_rules none = {.lifetime_s = 1, .size_max = 1}; /* nothing is signed */
    MRC_TRY(tokens_open(&t, key_file, &none, err));
    tokens_ids(t, out);
    tokens_close(t);
    return buf_ok(out, err);
}

static int note(struct store *state, const struct job *job, struct str ids, int64_t now_ms, struct mrc_err *err)
{
    char detail[200];
    int rc = MRC_OK;
    MRC_TRY(store_begin(state, err));
    if (job->memo.n > 0 && !str_eq(job->memo, ids)) {
        (void)snprintf(detail, sizeof(detail), "from %.*s to %.*s", STR_ARG(job->memo), STR_ARG(ids));
        rc = audit_act(state, now_ms, STR("token key file"), "token keys change", ids, str_of(detail), STR(""), err);
    }
    return store_settle(state, rc < 0 ? rc : store_job_done(state, job, now_ms, ids, err), err);
}

int key_watch(struct store *state, const char *key_file, const char *holder, int64_t now_ms, struct mrc_err *err)
{
    struct arena a;
    struct buf ids;
    struct job job;
    struct mrc_err why = {0};
    if (!file_exists(key_file)) {
        return MRC_OK;
    }
    arena_init(&a, 1 << 16);
    buf_init(&ids, &a, 400);
    int rc = read_ids(key_file, &ids, err);
    if (rc == MRC_OK && store_job_get(state, STR("token_keys"), &a, &job, &why) == MRC_OK &&
        str_eq(job.memo, buf_text(&ids))) { /* nearly always: nothing is written */
        arena_release(&a);
        return MRC_OK;
    }
    rc = rc < 0 ? rc : store_job_take(state, STR("token_keys"), str_of(holder), now_ms, LEASE_MS, &a, &job, err);
    if (rc == 1 && (rc = note(state, &job, buf_text(&ids), now_ms, &why)) < 0) {
        rc = store_job_failed(state, &job, str_of(why.msg), NULL) < 0 ? rc : mrc_fail(err, rc, "%s", why.msg);
    }
    arena_release(&a);
    return rc < 0 ? rc : MRC_OK;
}

int key_watch_run(struct agent *a, void **memory, struct mrc_err *err)
{
    const struct settings *config = agent_config(a);
    struct store *state = NULL;
    char holder[HOLDER_MAX];
    (void)memory;
    process_holder(holder);
    MRC_TRY(digest_start(err));
    MRC_TRY(store_open(&state, STORE_STATE, setting_cstr(config, CONFIG_DATABASE), err));
    int rc = key_watch(state, setting_cstr(config, CONFIG_TOKEN_KEY_FILE), holder, wall_ms(), err);
    store_close(state);
    return rc;
}
