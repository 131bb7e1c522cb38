/* One round: a promotion that waits is carried to the alias; then the alias is read, and `current` made what it names.
 *
 * The registry's word is taken only for which version is wanted. Whether it can be served is decided here: digests, a
 * parse with bounds, the self-test. A version that fails is left alone for some minutes, unless its tags change. */
#include "fcgi/follow.h"

#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/forecast/bundle.h"
#include "common/forecast/mlflow_fetch.h"
#include "common/forecast/mlflow_publish.h"
#include "fcgi/current.h"
#include "fcgi/process.h"
#include "fcgi/registry.h"
#include "fcgi/shadow_follow.h"
#include "fcgi/shared.h"
#include "fcgi/store_jobs.h"
#include "fcgi/versions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATH_BYTES = 4700, BAD_PAUSE_MS = 5 * 60 * 1000, LEASE_MS = 2 * 60 * 1000 };

struct follow {
    struct mlflow *m;
    struct shared *shared; /* may be NULL */
    struct registry_status status;
    struct current seen; /* the link whose digest is known */
    char digest[SHA256_HEX];
    char noted[MLFLOW_VERSION_MAX + SHA256_HEX]; /* number and digest of what was current and is in the list */
    char bad[MLFLOW_VERSION_MAX + SHA256_HEX];   /* number and digest of the version that failed last */
    int64_t bad_until_ms;
    bool cleaned;
};

/* What an alias names. */
struct wanted {
    char number[MLFLOW_VERSION_MAX], status[32], run[MLFLOW_ID_MAX], model_id[MLFLOW_ID_MAX], digest[SHA256_HEX];
};

static void count(const struct follow *f, const char *sample)
{
    shared_count(f->shared, sample, 1);
}

/* sha256 of the manifest of what is current; "" when there is none. */
static const char *current_digest(struct follow *f, const struct settings *config)
{
    struct current now;
    char path[PATH_BYTES];
    current_read(&now, config);
    if (!current_same(&now, &f->seen) || f->digest[0] == '\0') {
        f->seen = now;
        f->digest[0] = '\0';
        if (now.path[0] != '\0' && snprintf(path, sizeof(path), "%s/manifest.json", now.path) < (int)sizeof(path) &&
            sha256_file(path, f->digest, NULL) < 0) {
            f->digest[0] = '\0';
        }
    }
    return f->digest;
}

/* ---- the list of versions that came from MLflow ------------------------------------------------------------------ */

/* Put this one first; forget and remove the oldest. */
static int remember(const struct settings *config, const char *folder, const struct registry_version *now,
                    struct mrc_err *err)
{
    struct registry_version *v = calloc(REGISTRY_VERSIONS_MAX + 1, sizeof(*v));
    struct arena a;
    struct str current = {"", 0}, previous = {"", 0};
    int rc = MRC_OK;
    if (v == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for the list of versions");
    }
    arena_init(&a, 1 << 16);
    size_t n = registry_versions_read(folder, v + 1) + 1, kept = 0;
    int64_t keep = setting_int(config, CONFIG_MLFLOW_KEEP);
    v[0] = *now;
    (void)(bundle_current(folder, &a, &current, NULL) < 0 || bundle_previous(folder, &a, &previous, NULL) < 0);
    for (size_t i = 0; i < n; i++) {
        bool same = i > 0 && strcmp(v[i].folder, now->folder) == 0;
        if (i > 0 && strcmp(v[i].number, now->number) == 0) {
            v[i].number[0] = '\0'; /* of a registry that was made anew, and counts from 1 again */
        }
        bool used = str_is(current, v[i].folder) || str_is(previous, v[i].folder);
        if (same) {
            v[0].fetched = v[0].fetched || v[i].fetched;
            if (v[0].model_id[0] == '\0' && strcmp(v[i].digest, now->digest) == 0) {
                (void)snprintf(v[0].model_id, sizeof(v[0].model_id), "%s", v[i].model_id);
            }
        } else if (used || (int64_t)kept < keep) {
            v[kept++] = v[i];
        } else if (v[i].fetched) {
            char path[PATH_BYTES];
            struct mrc_err why = {0};
            if (snprintf(path, sizeof(path), "%s/%s", folder, v[i].folder) < (int)sizeof(path) &&
                strchr(v[i].folder, '/') == NULL && v[i].folder[0] != '.' && folder_remove(path, &why) < 0) {
                log_err(LOG_WARN, "an old version stays", &why);
            } else {
                log_event(LOG_INFO, "old version removed", LOG_CSTR("version", v[i].folder));
            }
        }
    }
    rc = registry_versions_write(folder, v, kept < REGISTRY_VERSIONS_MAX ? kept : REGISTRY_VERSIONS_MAX, err);
    arena_release(&a);
    free(v);
    return rc;
}

/* ---- following --------------------------------------------------------------------------------------------------- */

/* The logged model (3.x) that a version is of, from its source models:/m-…; "" when it is of none. */
static void read_model_id(const struct json *v, char out[MLFLOW_ID_MAX])
{
    static const char scheme[] = "models:/";
    char source[MLFLOW_ID_MAX];
    const char *id = source + sizeof(scheme) - 1;
    out[0] = '\0';
    if (mlflow_text(v, "source", source, sizeof(source), NULL) == MRC_OK &&
        strncmp(source, scheme, sizeof(scheme) - 1) == 0 && strncmp(id, "m-", 2) == 0 &&
        id[2 + strspn(id + 2, "0123456789abcdefghijklmnopqrstuvwxyz")] == '\0') {
        (void)snprintf(out, MLFLOW_ID_MAX, "%s", id);
    }
}

static int read_wanted(struct follow *f, const struct settings *config, struct wanted *out, struct mrc_err *err)
{
    struct json_doc *doc;
    MRC_TRY(mlflow_alias_read(f->m, registry_model(config), setting_cstr(config, CONFIG_MLFLOW_ALIAS), &doc, err));
    const struct json *v = json_find(json_root(doc), "model_version");
    struct str digest = mlflow_tag(v, PUBLISH_TAG_DIGEST);
    int rc = mlflow_text(v, "version", out->number, sizeof(out->number), err);
    if (mlflow_text(v, "status", out->status, sizeof(out->status), NULL) < 0) {
        (void)snprintf(out->status, sizeof(out->status), "READY");
    }
    if (mlflow_text(v, "run_id", out->run, sizeof(out->run), NULL) < 0) {
        out->run[0] = '\0';
    }
    (void)snprintf(out->digest, sizeof(out->digest), "%.*s", STR_ARG(digest));
    read_model_id(v, out->model_id);
    json_free(doc);
    return rc;
}

static bool transient(int rc)
{
    return rc == MRC_EBUSY || rc == MRC_EIO || rc == MRC_ENOMEM || rc == MRC_EDENIED;
}

static struct registry_version entry_of(const struct wanted *w, const char *version, bool fetched)
{
    struct registry_version r = {.fetched = fetched};
    (void)snprintf(r.folder, sizeof(r.folder), "%.127s", version);
    (void)snprintf(r.number, sizeof(r.number), "%s", w->number);
    (void)snprintf(r.run, sizeof(r.run), "%s", w->run);
    (void)snprintf(r.model_id, sizeof(r.model_id), "%s", w->model_id);
    (void)snprintf(r.digest, sizeof(r.digest), "%s", w->digest);
    return r;
}

/* What the alias names is current already, perhaps because it was made here: its number there is to be known here. */
static int note_current(struct follow *f, const struct settings *config, const struct wanted *w, struct mrc_err *err)
{
    char key[sizeof(f->noted)], folder[PATH_BYTES];
    (void)snprintf(key, sizeof(key), "%s %s", w->number, w->digest);
    if (strcmp(key, f->noted) == 0) {
        return MRC_OK;
    }
    struct registry_version r = entry_of(w, f->seen.version, false);
    MRC_TRY(registry_folder(config, folder, sizeof(folder), err));
    MRC_TRY(remember(config, folder, &r, err));
    (void)snprintf(f->noted, sizeof(f->noted), "%s", key);
    return MRC_OK;
}

static int make_current(struct follow *f, const struct settings *config, const struct wanted *w, const char *folder,
                        const char *version, bool fetched, struct mrc_err *err)
{
    struct registry_version r = entry_of(w, version, fetched);
    MRC_TRY(bundle_set_current(folder, version, err));
    count(f, "mercredi_model_swaps_total{by=\"mlflow\"}");
    log_event(LOG_INFO, "current follows MLflow", LOG_CSTR("version", version), LOG_CSTR("mlflow_version", w->number),
              LOG_CSTR("alias", setting_cstr(config, CONFIG_MLFLOW_ALIAS)));
    return remember(config, folder, &r, err);
}

/* Fetch and switch. A failure that is the version's own is noted in `bad`. */
static int take_version(struct follow *f, const struct settings *config, const struct wanted *w, struct mrc_err *err)
{
    char folder[PATH_BYTES], uri[MLFLOW_URI_MAX], version[FETCH_FOLDER_MAX];
    struct mrc_err why = {0};
    MRC_TRY(registry_folder(config, folder, sizeof(folder), err));
    /* What was shipped, or made here, is nobody's to remove. */
    bool fetched = !versions_find(config, w->digest, version, sizeof(version)) || shadow_fetched(config, version);
    int rc = w->digest[0] != '\0'
                 ? mlflow_version_uri(f->m, registry_model(config), w->number, uri, &why)
                 : mrc_fail(&why, MRC_EFORMAT, "it has no tag " PUBLISH_TAG_DIGEST ": mercredi-train publish sets it");
    if (rc == MRC_OK) {
        rc = fetch_bundle(f->m, uri, str_of(w->digest), folder, (uint64_t)setting_int(config, CONFIG_MLFLOW_BUNDLE_MAX),
                          version, &why);
    }
    /* 2.x answers 500 for a file that is not there: the server itself is well, it has just answered for the alias. */
    bool missing = rc == MRC_EBUSY && mlflow_status(f->m) == 500;
    if (rc < 0 && (missing || !transient(rc))) {
        (void)snprintf(f->bad, sizeof(f->bad), "%s %s", w->number, w->digest);
        f->bad_until_ms = monotonic_ms() + BAD_PAUSE_MS;
        f->status.state = REGISTRY_BAD_VERSION;
        count(f, "mercredi_model_swap_failures_total{by=\"mlflow\"}");
        log_event(LOG_ERROR, "alert: MLflow's alias names a version that cannot be served; the present one goes on",
                  LOG_CSTR("mlflow_version", w->number), LOG_CSTR("err", why.msg));
        return MRC_OK;
    }
    if (rc < 0) {
        if (err != NULL) {
            *err = why;
        }
        return rc;
    }
    rc = make_current(f, config, w, folder, version, fetched, err);
    (void)snprintf(f->status.version, sizeof(f->status.version), "%.120s", version);
    f->status.state = REGISTRY_OK;
    f->bad[0] = '\0';
    return rc;
}

static int follow_alias(struct follow *f, const struct settings *config, struct mrc_err *err)
{
    struct wanted w;
    struct mrc_err why = {0};
    char key[sizeof(f->bad)];
    int rc = read_wanted(f, config, &w, &why);
    if (rc == MRC_ENOTFOUND) {
        if (f->status.state != REGISTRY_UNSET) {
            log_event(LOG_WARN, "alert: MLflow's alias names no version; the present one goes on",
                      LOG_CSTR("alias", setting_cstr(config, CONFIG_MLFLOW_ALIAS)), LOG_CSTR("err", why.msg));
        }
        f->status.state = REGISTRY_UNSET;
        return MRC_OK;
    }
    if (rc < 0) {
        if (err != NULL) {
            *err = why;
        }
        return rc;
    }
    (void)snprintf(f->status.number, sizeof(f->status.number), "%s", w.number);
    if (w.digest[0] != '\0' && strcmp(w.digest, current_digest(f, config)) == 0) {
        (void)snprintf(f->status.version, sizeof(f->status.version), "%s", f->seen.version);
        f->status.state = REGISTRY_OK;
        return note_current(f, config, &w, err);
    }
    (void)snprintf(key, sizeof(key), "%s %s", w.number, w.digest);
    if (strcmp(w.status, "READY") != 0 || (strcmp(key, f->bad) == 0 && monotonic_ms() < f->bad_until_ms)) {
        f->status.state = REGISTRY_BAD_VERSION;
        return MRC_OK;
    }
    return take_version(f, config, &w, err);
}

/* ---- promotions ------------------------------------------------------------------------------------------------ */

/* Under a lease: the same version may be promoted on two hosts at once. */
struct publication_lease {
    struct store *state;
    struct job job;
};

static void hold_publication(const char *what, void *arg)
{
    struct publication_lease *l = arg;
    (void)what;
    if (store_job_renew(l->state, &l->job, wall_ms(), LEASE_MS, NULL) < 0) {
        log_event(LOG_WARN, "the lease of the publication is lost", LOG_STR("job", l->job.name));
    }
}

/* MRC_EBUSY: another host publishes. */
static int publish_leased(struct follow *f, const struct settings *config, const struct bundle *b,
                          struct published *done, struct mrc_err *err)
{
    struct publication_lease l = {.state = NULL};
    const struct publish_options o = {
        .model = registry_model(config), .source = "mercredi-fcgi", .step = hold_publication, .arg = &l};
    char holder[HOLDER_MAX];
    struct arena a;
    struct mrc_err why = {0};
    process_holder(holder);
    if (store_open(&l.state, STORE_STATE, setting_cstr(config, CONFIG_DATABASE), &why) < 0) {
        return mrc_fail(err, MRC_EBUSY, "no lease to publish: %s", why.msg);
    }
    arena_init(&a, 1 << 20);
    int rc = store_job_take(l.state, STR("mlflow_publication"), str_of(holder), wall_ms(), LEASE_MS, &a, &l.job, &why);
    if (rc == 0) {
        rc = mrc_fail(err, MRC_EBUSY, "another host publishes; its version will be found");
    } else if (rc < 0) {
        rc = mrc_fail(err, MRC_EBUSY, "no lease to publish: %s", why.msg);
    } else {
        rc = publish_bundle(f->m, b, &o, done, err);
        int given = rc == MRC_OK ? store_job_done(l.state, &l.job, wall_ms(), l.job.memo, NULL)
                                 : store_job_failed(l.state, &l.job, str_of(err->msg), NULL);
        if (given < 0) {
            log_event(LOG_WARN, "the job is not given back", LOG_STR("job", l.job.name));
        }
    }
    arena_release(&a);
    store_close(l.state);
    return rc;
}

/* MLflow's number of one of our folders; a version that MLflow does not have is published first. */
static int number_of(struct follow *f, const struct settings *config, const char *folder, struct str version,
                     struct registry_version *out, struct mrc_err *err)
{
    char path[PATH_BYTES];
    struct bundle *b;
    struct mlflow_version known;
    struct published done;
    struct mrc_err why = {0};
    memset(out, 0, sizeof(*out));
    if (snprintf(path, sizeof(path), "%s/%.*s", folder, STR_ARG(version)) >= (int)sizeof(path)) {
        return mrc_fail(err, MRC_ELIMIT, "the path of version %.*s is too long", STR_ARG(version));
    }
    MRC_TRY(bundle_open(&b, path, err));
    int rc = mlflow_version_find(f->m, registry_model(config), PUBLISH_TAG_DIGEST, str_of(b->digest), &known, &why);
    if (rc == MRC_OK) {
        (void)snprintf(out->number, sizeof(out->number), "%s", known.number);
        (void)snprintf(out->run, sizeof(out->run), "%s", known.run);
    } else if (rc == MRC_ENOTFOUND && (rc = publish_leased(f, config, b, &done, &why)) == MRC_OK) {
        (void)snprintf(out->number, sizeof(out->number), "%s", done.version);
        (void)snprintf(out->run, sizeof(out->run), "%s", done.run);
        (void)snprintf(out->model_id, sizeof(out->model_id), "%s", done.model_id);
    }
    (void)snprintf(out->folder, sizeof(out->folder), "%.*s", STR_ARG(version));
    (void)snprintf(out->digest, sizeof(out->digest), "%s", b->digest);
    bundle_close(b);
    if (rc < 0 && err != NULL) {
        *err = why;
    }
    return rc;
}

static int promote(struct follow *f, const struct settings *config, struct str version, struct mrc_err *err)
{
    char folder[PATH_BYTES];
    struct registry_version r;
    bool moved;
    MRC_TRY(registry_folder(config, folder, sizeof(folder), err));
    MRC_TRY(number_of(f, config, folder, version, &r, err));
    MRC_TRY(
        publish_alias(f->m, registry_model(config), setting_cstr(config, CONFIG_MLFLOW_ALIAS), r.number, &moved, err));
    log_event(LOG_INFO, "promotion carried to MLflow", LOG_CSTR("version", r.folder),
              LOG_CSTR("mlflow_version", r.number));
    return remember(config, folder, &r, err);
}

/* MRC_OK: nothing waits any more. */
static int carry_promotion(struct follow *f, const struct settings *config, struct mrc_err *err)
{
    struct arena a;
    struct str version;
    struct mrc_err why = {0};
    arena_init(&a, 4096);
    int rc = registry_noted(config, &a, &version, &why);
    if (rc == MRC_OK) {
        rc = promote(f, config, version, &why);
        if (rc == MRC_EBUSY) {
            f->status.state = REGISTRY_PENDING;
        } else {
            registry_note_done(config, version);
        }
        if (rc < 0 && rc != MRC_EBUSY) {
            log_event(LOG_ERROR, "alert: a promotion cannot be carried to MLflow; the alias decides",
                      LOG_STR("version", version), LOG_CSTR("err", why.msg));
            rc = MRC_OK;
        }
    } else if (rc == MRC_ENOTFOUND) {
        rc = MRC_OK;
    }
    arena_release(&a);
    if (rc < 0 && err != NULL) {
        *err = why;
    }
    return rc;
}

/* ---- the task -------------------------------------------------------------------------------------------------- */

static int begin(struct agent *a, void **memory, struct mrc_err *err)
{
    const struct settings *config = agent_config(a);
    struct follow *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory to follow MLflow");
    }
    int rc = digest_start(err);
    rc = rc < 0 ? rc : registry_open(config, a, &f->m, err);
    if (rc < 0) {
        free(f);
        return rc;
    }
    f->shared = shared_open_or_none(setting_cstr(config, CONFIG_RUN_DIR));
    f->status.state = REGISTRY_UNKNOWN;
    *memory = f;
    return MRC_OK;
}

static void clean_once(struct follow *f, const struct settings *config)
{
    char folder[PATH_BYTES];
    if (!f->cleaned && f->status.state == REGISTRY_OK &&
        registry_folder(config, folder, sizeof(folder), NULL) == MRC_OK) {
        fetch_clean(folder, STR(""));
        f->cleaned = true;
    }
}

int follow_run(struct agent *a, void **memory, struct mrc_err *err)
{
    const struct settings *config = agent_config(a);
    struct mrc_err why = {0};
    if (!registry_used(config)) {
        return MRC_OK;
    }
    if (*memory == NULL) {
        MRC_TRY(begin(a, memory, err));
    }
    struct follow *f = *memory;
    int rc = carry_promotion(f, config, &why);
    rc = rc < 0 ? rc : follow_alias(f, config, &why);
    if (rc < 0 && f->status.state != REGISTRY_PENDING) {
        /* Denied without an answer: the two did not come to speak. */
        f->status.state = rc == MRC_EIO || rc == MRC_ENOMEM ? REGISTRY_UNSTORED
                          : rc != MRC_EDENIED               ? REGISTRY_UNREACHABLE
                          : mlflow_status(f->m) == 0        ? REGISTRY_UNTRUSTED
                                                            : REGISTRY_DENIED;
    }
    count(f, rc < 0 ? "mercredi_mlflow_polls_total{result=\"failed\"}" : "mercredi_mlflow_polls_total{result=\"ok\"}");
    f->status.success_ms = (int64_t)time(NULL) * 1000;
    registry_status_write(config, &f->status);
    clean_once(f, config);
    if (rc < 0 && err != NULL) {
        *err = why;
    }
    return rc;
}

void follow_release(void *memory)
{
    struct follow *f = memory;
    mlflow_close(f->m);
    shared_close(f->shared);
    free(f);
}
