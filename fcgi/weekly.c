/* What is known by whom: the job's memo holds the digest of the file that was learnt last and the version it was learnt
 * on to; a version's manifest holds the digest of the file it was refreshed with. */
#include "fcgi/weekly.h"

#include "common/base/date.h"
#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/forecast/bundle_files.h"
#include "common/forecast/history.h"
#include "common/forecast/mlflow_publish.h"
#include "common/forecast/refresh.h"
#include "fcgi/current.h"
#include "fcgi/process.h"
#include "fcgi/registry.h"
#include "fcgi/shared.h"
#include "fcgi/store_jobs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LEASE_MS = 5 * 60 * 1000,
    SETTLED_MS = 1000, /* a file that changed less long ago may still be being written */
    SAME_WEEK_MAX = 99,
    PATH_BYTES = 4900
};
#define DAY_MS ((int64_t)86400000)

struct weekly {
    struct store *state;
    struct mlflow *m; /* NULL without MLflow */
    struct shared *shared;
    char job_name[160], holder[HOLDER_MAX];
    struct stat file; /* as it was when there was nothing left to do about it */
    struct current current;
    bool settled, missing;
};

/* One round under the lease. */
struct round {
    struct weekly *w;
    const struct settings *config;
    struct job job;
    struct bundle *base;
    struct film_data *films;
    char folder[PATH_BYTES], name[WEEKLY_NAME_MAX], path[PATH_BYTES];
    bool promote, made; /* made: the version is on the disk, the rest depends on others */
};

static int keep_lease(struct round *r, struct mrc_err *err)
{
    int rc = store_job_renew(r->w->state, &r->job, wall_ms(), LEASE_MS, err);
    return rc == MRC_ECONFLICT ? mrc_fail(err, MRC_EBUSY, "the lease of the refresh was lost") : rc;
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

static size_t digits(struct str s, size_t from)
{
    size_t i = from;
    while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9') {
        i++;
    }
    return i - from;
}

struct str weekly_root(struct str version)
{
    for (size_t i = 1; i + 8 <= version.n; i++) {
        if (version.p[i] != '-' || digits(version, i + 1) != 4 || version.p[i + 5] != 'w' ||
            digits(version, i + 6) != 2) {
            continue;
        }
        size_t end = i + 8;
        if (end == version.n ||
            (version.p[end] == '.' && end + 1 < version.n && end + 1 + digits(version, end + 1) == version.n)) {
            return (struct str){version.p, i};
        }
    }
    return version;
}

bool weekly_name(struct str base, int32_t newest, unsigned k, char out[WEEKLY_NAME_MAX])
{
    struct str root = weekly_root(base);
    int year, week, n;
    date_iso_week(newest, &year, &week);
    n = snprintf(out, WEEKLY_NAME_MAX, "%.*s-%04dw%02d", STR_ARG(root), year, week);
    if (n > 0 && n < WEEKLY_NAME_MAX && k > 1) {
        n += snprintf(out + n, (size_t)(WEEKLY_NAME_MAX - n), ".%u", k);
    }
    return n > 0 && n < WEEKLY_NAME_MAX;
}

/* Was this version refreshed with that file? */
static bool refreshed_with(struct str manifest, const char *digest)
{
    const struct json_limits limits = {BUNDLE_FILE_BYTES_MAX, 64, 0};
    struct json_doc *doc;
    struct str found = {"", 0};
    if (json_read(&doc, manifest, &limits, NULL, NULL) < 0) {
        return false;
    }
    (void)json_str(json_find(json_find(json_root(doc), "data"), "refreshed_with"), &found);
    bool same = str_is(found, digest);
    json_free(doc);
    return same;
}

/* A name that is free, or that an interrupted round gave what is to be made now. */
static int choose_name(struct round *r, int32_t newest, bool *made, struct mrc_err *err)
{
    for (unsigned k = 1; k <= SAME_WEEK_MAX; k++) {
        char *text, manifest[PATH_BYTES + 20];
        size_t n;
        if (!weekly_name(r->base->version, newest, k, r->name) ||
            snprintf(r->path, sizeof(r->path), "%s/%s", r->folder, r->name) >= (int)sizeof(r->path)) {
            return mrc_fail(err, MRC_ELIMIT, "the name of a version after %.*s is too long", STR_ARG(r->base->version));
        }
        *made = file_exists(r->path);
        if (!*made) {
            return MRC_OK;
        }
        (void)snprintf(manifest, sizeof(manifest), "%s/manifest.json", r->path);
        MRC_TRY(file_read(manifest, BUNDLE_FILE_BYTES_MAX, &text, &n, err));
        bool same = refreshed_with((struct str){text, n}, r->films->digest);
        free(text);
        if (same) {
            return MRC_OK;
        }
    }
    return mrc_fail(err, MRC_ECONFLICT, "%s: there are %d versions of that week", r->folder, SAME_WEEK_MAX);
}

/* ---- is there anything to learn? ------------------------------------------------------------------------------- */

static int32_t newest_known(const struct film_data *d)
{
    for (size_t i = d->n; i-- > 0;) {
        if (!isnan(d->films[i].entries) && d->films[i].use != FILM_IGNORE) {
            return d->films[i].date;
        }
    }
    return DATE_NONE;
}

static bool is_needed(const struct round *r, int32_t newest)
{
    char learnt[SHA256_HEX + WEEKLY_NAME_MAX + 2];
    struct str root = weekly_root(r->base->version), memo = r->job.memo;
    int n = snprintf(learnt, sizeof(learnt), "%s %.*s", r->films->digest, (int)(root.n < 120 ? root.n : 120), root.p);
    bool same_root = memo.n == (size_t)n && memcmp(memo.p + SHA256_HEX, learnt + SHA256_HEX, memo.n - SHA256_HEX) == 0;
    if (newest == DATE_NONE || str_is(memo, learnt) || refreshed_with(r->base->manifest, r->films->digest)) {
        return false;
    }
    return newest > r->base->histories_as_of || same_root; /* the same weeks again: corrected */
}

static void note_unused(const char *path, struct str column)
{
    log_event(LOG_WARN, "a column is not in the schema and is not used", LOG_CSTR("file", path),
              LOG_STR("column", column));
}

static int read_films(struct round *r, const char *path, struct mrc_err *err)
{
    const struct film_data_options options = {.need_target = true, .unused = note_unused};
    if (r->base->history == NULL || history_is_published(r->base->history)) {
        return mrc_fail(err, MRC_EUNSUPPORTED,
                        "version %.*s is not private: it keeps too little of past films to add newer ones",
                        STR_ARG(r->base->version));
    }
    return film_data_read(&r->films, r->base->schema, path, &options, err);
}

/* ---- making, publishing, promoting ------------------------------------------------------------------------------ */

/* The end of the newest film's first week: what is made does not tell by when or where it was made. */
static int make(struct round *r, int32_t newest, struct mrc_err *err)
{
    char created[STAMP_TEXT];
    const struct refresh_options options = {.complete = setting_bool(r->config, CONFIG_REFRESH_COMPLETE),
                                            .created = created};
    bool made;
    MRC_TRY(choose_name(r, newest, &made, err));
    if (made) {
        return MRC_OK;
    }
    stamp_format((int64_t)(newest + 7) * DAY_MS, created);
    MRC_TRY(bundle_refresh(r->base, r->path, r->films, &options, err));
    log_event(LOG_INFO, "version refreshed", LOG_CSTR("version", r->name), LOG_STR("from", r->base->version),
              LOG_INT("films", r->films->n));
    return MRC_OK;
}

/* The alias is moved from the version that was refreshed only: what somebody chose meanwhile stays. */
static int alias_is_on_base(struct round *r, const char *made, bool *is, struct mrc_err *err)
{
    struct json_doc *doc;
    struct mrc_err why = {0};
    int rc =
        mlflow_alias_read(r->w->m, registry_model(r->config), setting_cstr(r->config, CONFIG_MLFLOW_ALIAS), &doc, &why);
    *is = rc == MRC_ENOTFOUND;
    if (rc == MRC_OK) {
        struct str digest = mlflow_tag(json_find(json_root(doc), "model_version"), PUBLISH_TAG_DIGEST);
        *is = str_is(digest, r->base->digest) || str_is(digest, made);
        json_free(doc);
    } else if (rc != MRC_ENOTFOUND && err != NULL) {
        *err = why;
    }
    return rc == MRC_ENOTFOUND ? MRC_OK : rc;
}

static void hold_on(const char *what, void *arg)
{
    (void)what;
    struct round *r = arg;
    if (keep_lease(r, NULL) < 0) {
        log_event(LOG_WARN, "the lease of the refresh is lost", LOG_CSTR("version", r->name));
    }
}

static int publish(struct round *r, struct mrc_err *err)
{
    const struct publish_options o = {
        .model = registry_model(r->config), .source = "mercredi-fcgi", .step = hold_on, .arg = r};
    const char *alias = setting_cstr(r->config, CONFIG_MLFLOW_ALIAS);
    struct bundle *made;
    struct published done;
    bool on_base = false, moved = false;
    MRC_TRY(bundle_open(&made, r->path, err));
    int rc = publish_bundle(r->w->m, made, &o, &done, err);
    rc = rc < 0 ? rc : keep_lease(r, err);
    if (rc == MRC_OK && r->promote) {
        rc = alias_is_on_base(r, made->digest, &on_base, err);
        rc = rc == MRC_OK && on_base ? publish_alias(r->w->m, o.model, alias, done.version, &moved, err) : rc;
    }
    bundle_close(made);
    MRC_TRY(rc);
    log_event(LOG_INFO, "refreshed version is in MLflow", LOG_CSTR("version", r->name),
              LOG_CSTR("mlflow_version", done.version), LOG_CSTR("alias", moved ? alias : ""));
    if (r->promote && !on_base) {
        log_event(LOG_WARN, "the alias was moved meanwhile and stays", LOG_CSTR("alias", alias));
    }
    return MRC_OK;
}

static int refresh(struct round *r, int32_t newest, struct mrc_err *err)
{
    MRC_TRY(make(r, newest, err));
    r->made = true;
    MRC_TRY(keep_lease(r, err));
    if (r->w->m != NULL) {
        MRC_TRY(publish(r, err));
    } else if (r->promote) {
        MRC_TRY(bundle_set_current(r->folder, r->name, err));
        shared_count(r->w->shared, "mercredi_model_swaps_total{by=\"refresh\"}", 1);
    }
    shared_count(r->w->shared, "mercredi_refreshes_total{result=\"made\"}", 1);
    return MRC_OK;
}

/* ---- a round --------------------------------------------------------------------------------------------------- */

/* memo: what the job is to remember. */
static int under_lease(struct round *r, const struct current *now, struct buf *memo, struct mrc_err *err)
{
    MRC_TRY(registry_folder(r->config, r->folder, sizeof(r->folder), err));
    MRC_TRY(bundle_open(&r->base, now->path, err));
    MRC_TRY(read_films(r, setting_cstr(r->config, CONFIG_REFRESH_FILE), err));
    struct str root = weekly_root(r->base->version);
    int32_t newest = newest_known(r->films);
    bool needed = is_needed(r, newest);
    if (needed) {
        MRC_TRY(refresh(r, newest, err));
    }
    buf_printf(memo, "%s %.*s", r->films->digest, (int)(root.n < 120 ? root.n : 120), root.p);
    return buf_ok(memo, err);
}

/* Trying again will not help before the file or the version changes. */
static bool is_final(const struct round *r, int rc)
{
    return !r->made &&
           (rc == MRC_EFORMAT || rc == MRC_EINVAL || rc == MRC_EUNSUPPORTED || rc == MRC_ELIMIT || rc == MRC_ECONFLICT);
}

static int run_round(struct weekly *w, const struct settings *config, const struct current *now, struct arena *a,
                     struct mrc_err *err)
{
    struct round *r = calloc(1, sizeof(*r));
    struct mrc_err why = {0};
    struct buf memo;
    if (r == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory to refresh");
    }
    r->w = w;
    r->config = config;
    r->promote = setting_bool(config, CONFIG_REFRESH_PROMOTE);
    int rc = store_job_take(w->state, str_of(w->job_name), str_of(w->holder), wall_ms(), LEASE_MS, a, &r->job, err);
    if (rc <= 0) {
        free(r);
        return rc;
    }
    buf_init(&memo, a, 400);
    rc = under_lease(r, now, &memo, &why);
    w->settled = rc == MRC_OK || is_final(r, rc);
    if (rc == MRC_OK) {
        rc = store_job_done(w->state, &r->job, wall_ms(), buf_text(&memo), &why);
    } else if (store_job_failed(w->state, &r->job, str_of(why.msg), NULL) < 0) {
        log_event(LOG_WARN, "the job is not given back", LOG_CSTR("job", w->job_name));
    }
    if (rc < 0 && is_final(r, rc)) {
        shared_count(w->shared, "mercredi_refreshes_total{result=\"failed\"}", 1);
        log_event(LOG_ERROR, "alert: the version is not refreshed; the present one goes on",
                  LOG_CSTR("file", setting_cstr(config, CONFIG_REFRESH_FILE)), LOG_CSTR("err", why.msg));
        rc = MRC_OK;
    }
    film_data_free(r->films);
    bundle_close(r->base);
    free(r);
    if (rc < 0 && err != NULL) {
        *err = why;
    }
    return rc;
}

/* ---- the task -------------------------------------------------------------------------------------------------- */

void weekly_release(void *memory)
{
    struct weekly *w = memory;
    mlflow_close(w->m);
    store_close(w->state);
    shared_close(w->shared);
    free(w);
}

/* Without MLflow each host makes its own, equal, version: nobody would bring it one. */
static int begin(struct agent *a, void **memory, struct mrc_err *err)
{
    const struct settings *config = agent_config(a);
    char host[HOST_MAX];
    struct weekly *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory to refresh");
    }
    process_host(host);
    process_holder(w->holder);
    (void)snprintf(w->job_name, sizeof(w->job_name), registry_used(config) ? "refresh" : "refresh:%s", host);
    int rc = digest_start(err);
    rc = rc == MRC_OK && registry_used(config) ? registry_open(config, a, &w->m, err) : rc;
    rc = rc < 0 ? rc : store_open(&w->state, STORE_STATE, setting_cstr(config, CONFIG_DATABASE), err);
    if (rc < 0) {
        weekly_release(w);
        return rc;
    }
    w->shared = shared_open_or_none(setting_cstr(config, CONFIG_RUN_DIR));
    *memory = w;
    return MRC_OK;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A promotion that waits for MLflow comes first: what is refreshed must be what is wanted. */
static bool promotion_waits(const struct settings *config)
{
    struct arena a;
    struct str version;
    arena_init(&a, 4096);
    bool waits = registry_used(config) && registry_noted(config, &a, &version, NULL) == MRC_OK;
    arena_release(&a);
    return waits;
}

int weekly_run(struct agent *agent, void **memory, struct mrc_err *err)
{
    const struct settings *config = agent_config(agent);
    struct stat file;
    struct current now;
    struct arena a;
    if (!setting_is_set(config, CONFIG_REFRESH_FILE)) {
        return MRC_OK;
    }
    if (*memory == NULL) {
        MRC_TRY(begin(agent, memory, err));
    }
    struct weekly *w = *memory;
    const char *path = setting_cstr(config, CONFIG_REFRESH_FILE);
    bool missing = stat(path, &file) != 0 || !S_ISREG(file.st_mode);
    if (missing && !w->missing) {
        log_event(LOG_WARN, "refresh_file is not there yet", LOG_CSTR("file", path));
    }
    w->missing = missing;
    current_read(&now, config);
    if (missing || now.path[0] == '\0' || promotion_waits(config)) {
        return MRC_OK;
    }
    int64_t age_ms = wall_ms() - ((int64_t)file.st_mtim.tv_sec * 1000 + file.st_mtim.tv_nsec / 1000000);
    bool done = w->settled && same_file(&file, &w->file) && current_same(&now, &w->current);
    if (done || (age_ms >= 0 && age_ms < SETTLED_MS)) {
        return MRC_OK;
    }
    w->settled = false;
    w->file = file;
    w->current = now;
    arena_init(&a, 1 << 20);
    int rc = run_round(w, config, &now, &a, err);
    arena_release(&a);
    return rc;
}
