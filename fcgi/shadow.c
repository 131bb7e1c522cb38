/* The agent's task: which version, is it loaded, some pages of the log, and a note of how it stands. */
#include "fcgi/shadow.h"

#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/forecast/forecast.h"
#include "fcgi/current.h"
#include "fcgi/process.h"
#include "fcgi/shadow_follow.h"
#include "fcgi/shared.h"
#include "fcgi/versions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ROUND_MS = 250,  /* of each second, at most: requests have the processors first, and other tasks their turn */
    SLACK_MS = 5000, /* between the clocks of hosts */
    BAD_PAUSE_MS = 10 * 1000,
    PATH_BYTES = 4700
};

const char *const shadow_state_texts[SHADOW__COUNT] = {
    [SHADOW_OFF] = "none",
    [SHADOW_OK] = "ok",
    [SHADOW_UNKNOWN] = "not looked at yet",
    [SHADOW_BAD_VERSION] = "the version cannot be loaded",
    [SHADOW_CURRENT] = "the version serves, so there is nothing to compare it with",
    [SHADOW_NO_LOG] = "log = off, so there is nothing to compare",
};

struct shadow {
    struct shadow_job job;
    struct bundle *bundle; /* NULL: none is loaded */
    struct shared *shared; /* may be NULL */
    char version[SHADOW_VERSION_MAX], bad[SHADOW_VERSION_MAX], holder[HOLDER_MAX];
    int64_t bad_until_ms; /* when `bad` is tried again */
    int64_t round_ends_ms;
    struct agent *agent;
};

/* ---- what is wished for, and how it stands --------------------------------------------------------------------- */

void shadow_wanted(const struct settings *config, char version[SHADOW_VERSION_MAX])
{
    if (shadow_followed(config)) {
        shadow_noted(config, version);
    } else {
        (void)snprintf(version, SHADOW_VERSION_MAX, "%.*s", STR_ARG(setting_text(config, CONFIG_SHADOW)));
    }
}

static bool status_path(const struct settings *config, char path[PATH_BYTES])
{
    return snprintf(path, PATH_BYTES, "%s/shadow.json", setting_cstr(config, CONFIG_RUN_DIR)) < PATH_BYTES;
}

enum shadow_state shadow_state_read(const struct settings *config, char version[SHADOW_VERSION_MAX])
{
    char path[PATH_BYTES], *text;
    size_t n;
    struct json_doc *doc = NULL;
    struct str name;
    int64_t state = SHADOW_UNKNOWN;
    shadow_wanted(config, version);
    if (version[0] == '\0') {
        return SHADOW_OFF;
    }
    if (!status_path(config, path) || file_read(path, 4096, &text, &n, NULL) < 0) {
        return SHADOW_UNKNOWN;
    }
    if (json_read(&doc, (struct str){text, n}, &json_limits_file, NULL, NULL) == MRC_OK) {
        bool same = json_str(json_find(json_root(doc), "version"), &name) && str_is(name, version);
        if (!same || !json_i64(json_find(json_root(doc), "state"), &state) || state < 0 || state >= SHADOW__COUNT) {
            state = SHADOW_UNKNOWN;
        }
        json_free(doc);
    }
    free(text);
    return (enum shadow_state)state;
}

static void write_state(const struct settings *config, const char *version, enum shadow_state state)
{
    char path[PATH_BYTES], was[SHADOW_VERSION_MAX];
    struct buf b;
    struct json_out w;
    struct mrc_err err = {0};
    if (shadow_state_read(config, was) == state || !status_path(config, path)) {
        return;
    }
    buf_init(&b, NULL, 4096);
    json_out_init(&w, &b);
    json_open_object(&w);
    json_pair_i64(&w, "state", state);
    json_pair_cstr(&w, "text", shadow_state_texts[state]);
    json_pair_cstr(&w, "version", version);
    json_close_object(&w);
    if (buf_ok(&b, &err) < 0 || file_replace(path, buf_text(&b), 0640, &err) < 0) {
        log_err(LOG_WARN, "the state of the shadow version is not noted", &err);
    }
    buf_release(&b);
}

/* ---- the version ----------------------------------------------------------------------------------------------- */

static void unload(struct shadow *s)
{
    if (s->bundle != NULL) {
        log_event(LOG_INFO, "shadow version is compared no longer", LOG_CSTR("version", s->version));
    }
    forecast_scratch_free(s->job.scratch);
    bundle_close(s->bundle);
    s->bundle = NULL;
    s->job.bundle = NULL;
    s->job.scratch = NULL;
    s->job.cursor[0] = '\0';
    s->version[0] = '\0';
}

static int open_version(struct shadow *s, const struct settings *config, const char *version, struct mrc_err *err)
{
    struct arena a;
    arena_init(&a, 16 << 20);
    int rc = versions_open(config, str_of(version), &a, &s->bundle, err);
    arena_release(&a);
    if (rc == MRC_OK) {
        rc = forecast_scratch_new(&s->job.scratch, s->bundle, err);
    }
    if (rc < 0) {
        bundle_close(s->bundle);
        s->bundle = NULL;
    }
    return rc;
}

/* false: it cannot be loaded. It is tried again after a while, and then said again only when it is another one. */
static bool load(struct shadow *s, const struct settings *config, const char *version)
{
    struct mrc_err why = {0};
    if (s->bundle != NULL && strcmp(s->version, version) == 0) {
        return true;
    }
    unload(s);
    bool again = strcmp(s->bad, version) == 0;
    if (again && monotonic_ms() < s->bad_until_ms) {
        return false;
    }
    if (open_version(s, config, version, &why) < 0) {
        s->bad_until_ms = monotonic_ms() + BAD_PAUSE_MS;
        shared_count(s->shared, "mercredi_shadow_failures_total{reason=\"version\"}", 1);
        if (!again) {
            (void)snprintf(s->bad, sizeof(s->bad), "%s", version);
            log_event(LOG_ERROR, "alert: the shadow version cannot be loaded; what serves is unaffected",
                      LOG_CSTR("version", version), LOG_CSTR("err", why.msg));
        }
        return false;
    }
    s->bad[0] = '\0';
    s->job.bundle = s->bundle;
    (void)snprintf(s->version, sizeof(s->version), "%s", version);
    log_event(LOG_INFO, "shadow version is compared", LOG_CSTR("version", version));
    return true;
}

/* ---- the task -------------------------------------------------------------------------------------------------- */

void shadow_release(void *memory)
{
    struct shadow *s = memory;
    forecast_scratch_free(s->job.scratch);
    bundle_close(s->bundle);
    store_close(s->job.state);
    store_close(s->job.log);
    shared_close(s->shared);
    free(s);
}

static bool round_goes_on(void *arg)
{
    struct shadow *s = arg;
    return monotonic_ms() < s->round_ends_ms && !agent_stopping(s->agent);
}

static int begin(struct agent *a, void **memory, struct mrc_err *err)
{
    const struct settings *config = agent_config(a);
    struct shadow *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a shadow version");
    }
    process_holder(s->holder);
    s->job.holder = s->holder;
    s->job.go_on = round_goes_on;
    s->job.arg = s;
    s->agent = a;
    int rc = digest_start(err);
    if (rc < 0) {
        free(s);
        return rc;
    }
    s->shared = shared_open_or_none(setting_cstr(config, CONFIG_RUN_DIR));
    *memory = s;
    return MRC_OK;
}

static int open_stores(struct shadow *s, const struct settings *config, struct mrc_err *err)
{
    if (s->job.state == NULL) {
        MRC_TRY(store_open(&s->job.state, STORE_STATE, setting_cstr(config, CONFIG_DATABASE), err));
    }
    return s->job.log != NULL ? MRC_OK
                              : store_open(&s->job.log, STORE_LOG, setting_cstr(config, CONFIG_LOG_DATABASE), err);
}

static void count(struct shadow *s, const char *result, int64_t n)
{
    char sample[SHARED_NAME_MAX];
    if (n > 0 && snprintf(sample, sizeof(sample), "mercredi_shadow_predictions_total{version=\"%s\",result=\"%s\"}",
                          s->version, result) < (int)sizeof(sample)) {
        shared_count(s->shared, sample, (uint64_t)n);
    }
}

/* Predictions of the last moments are left: a slow request's row may still come, with an earlier id. */
static int64_t lag_ms(const struct settings *config)
{
    return setting_int(config, CONFIG_REQUEST_TIMEOUT) + setting_int(config, CONFIG_LOG_TIMEOUT) + SLACK_MS;
}

static int follow_log(struct shadow *s, const struct settings *config, struct mrc_err *err)
{
    int rc;
    s->round_ends_ms = monotonic_ms() + ROUND_MS;
    MRC_TRY(open_stores(s, config, err));
    do {
        int64_t now_ms = wall_ms();
        s->job.compared = s->job.refused = 0;
        rc = shadow_page(&s->job, now_ms, now_ms - lag_ms(config), err);
        count(s, "compared", s->job.compared);
        count(s, "refused", s->job.refused);
    } while (rc == 1 && round_goes_on(s));
    if (rc < 0) {
        shared_count(s->shared, "mercredi_shadow_failures_total{reason=\"database\"}", 1);
    }
    return rc < 0 ? rc : MRC_OK;
}

int shadow_run(struct agent *a, void **memory, struct mrc_err *err)
{
    const struct settings *config = agent_config(a);
    char version[SHADOW_VERSION_MAX];
    struct current current;
    shadow_wanted(config, version);
    if (*memory == NULL) {
        if (version[0] == '\0') {
            return MRC_OK;
        }
        MRC_TRY(begin(a, memory, err));
    }
    struct shadow *s = *memory;
    current_read(&current, config);
    enum shadow_state state = version[0] == '\0'                                  ? SHADOW_OFF
                              : setting_int(config, CONFIG_LOG) == CONFIG_LOG_OFF ? SHADOW_NO_LOG
                              : strcmp(current.version, version) == 0             ? SHADOW_CURRENT
                              : load(s, config, version)                          ? SHADOW_OK
                                                                                  : SHADOW_BAD_VERSION;
    write_state(config, version, state);
    if (state != SHADOW_OK) {
        unload(s);
        return MRC_OK;
    }
    return follow_log(s, config, err);
}
