/* What the alias names is noted in models_dir/<model>/.shadow.json. A version that is there already is used as it is;
 * one that was fetched for this alone is removed when the alias goes on. */
#include "fcgi/shadow_follow.h"

#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/forecast/mlflow_fetch.h"
#include "common/forecast/mlflow_publish.h"
#include "fcgi/process.h"
#include "fcgi/registry.h"
#include "fcgi/shared.h"
#include "fcgi/versions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4700, NOTE_MAX = 4096, BAD_PAUSE_MS = 5 * 60 * 1000 };

struct note {
    char version[SHADOW_VERSION_MAX], number[MLFLOW_VERSION_MAX], digest[SHA256_HEX];
    bool fetched; /* for the shadow alone */
};
struct shadow_follow {
    struct mlflow *m;
    struct shared *shared;                     /* may be NULL */
    char bad[MLFLOW_VERSION_MAX + SHA256_HEX]; /* number and digest of the version that failed last */
    int64_t bad_until_ms;
};
/* What the alias names. */
struct wanted {
    char number[MLFLOW_VERSION_MAX], status[32], digest[SHA256_HEX];
};

bool shadow_followed(const struct settings *config)
{
    return registry_used(config) && setting_text(config, CONFIG_MLFLOW_SHADOW_ALIAS).n > 0;
}

/* ---- the note -------------------------------------------------------------------------------------------------- */

static bool note_path(const struct settings *config, char path[PATH_BYTES])
{
    char folder[PATH_BYTES];
    return registry_folder(config, folder, sizeof(folder), NULL) == MRC_OK &&
           snprintf(path, PATH_BYTES, "%s/.shadow.json", folder) < PATH_BYTES;
}

static void text_of(const struct json *object, const char *key, char *out, size_t size)
{
    struct str s = {"", 0};
    (void)json_str(json_find(object, key), &s);
    (void)snprintf(out, size, "%.*s", STR_ARG(s));
}

static struct note read_note(const struct settings *config)
{
    struct note n = {.fetched = false};
    char path[PATH_BYTES], *text;
    size_t size;
    struct json_doc *doc = NULL;
    if (!note_path(config, path) || file_read(path, NOTE_MAX, &text, &size, NULL) < 0) {
        return n;
    }
    if (json_read(&doc, (struct str){text, size}, &json_limits_file, NULL, NULL) == MRC_OK) {
        text_of(json_root(doc), "version", n.version, sizeof(n.version));
        text_of(json_root(doc), "mlflow_version", n.number, sizeof(n.number));
        text_of(json_root(doc), "sha256", n.digest, sizeof(n.digest));
        (void)json_bool(json_find(json_root(doc), "fetched"), &n.fetched);
        json_free(doc);
    }
    free(text);
    return n;
}

static int write_note(const struct settings *config, const struct note *n, struct mrc_err *err)
{
    char path[PATH_BYTES];
    struct buf b;
    struct json_out w;
    if (!note_path(config, path)) {
        return mrc_fail(err, MRC_ELIMIT, "the path of models_dir is too long");
    }
    buf_init(&b, NULL, NOTE_MAX);
    json_out_init(&w, &b);
    json_open_object(&w);
    json_pair_cstr(&w, "version", n->version);
    json_pair_cstr(&w, "mlflow_version", n->number);
    json_pair_cstr(&w, "sha256", n->digest);
    json_pair_bool(&w, "fetched", n->fetched);
    json_close_object(&w);
    int rc = buf_ok(&b, err);
    rc = rc < 0 ? rc : file_replace(path, buf_text(&b), 0644, err);
    buf_release(&b);
    return rc;
}

void shadow_noted(const struct settings *config, char version[SHADOW_VERSION_MAX])
{
    struct note n = read_note(config);
    (void)snprintf(version, SHADOW_VERSION_MAX, "%s", n.version);
}

/* ---- versions -------------------------------------------------------------------------------------------------- */

bool shadow_fetched(const struct settings *config, const char *version)
{
    struct note n = read_note(config);
    return n.fetched && strcmp(n.version, version) == 0;
}

/* Is what was noted what is wished for, and there? */
static bool stands(const struct settings *config, const char *digest)
{
    struct note n = read_note(config);
    struct arena a;
    struct version v;
    arena_init(&a, 16 << 20);
    bool same = digest[0] != '\0' && strcmp(n.digest, digest) == 0 &&
                versions_get(config, str_of(n.version), &a, &v, NULL) == MRC_OK && strcmp(v.digest, digest) == 0;
    arena_release(&a);
    return same;
}

/* A version that was fetched for the shadow, and that nothing else needs. */
static void remove_fetched(const struct settings *config, const struct note *n)
{
    char folder[PATH_BYTES], path[PATH_BYTES];
    struct arena a;
    struct version v;
    struct mrc_err why = {0};
    struct registry_version *known = calloc(REGISTRY_VERSIONS_MAX, sizeof(*known));
    if (known == NULL || registry_folder(config, folder, sizeof(folder), NULL) < 0) {
        free(known);
        return;
    }
    arena_init(&a, 16 << 20);
    bool needed = versions_get(config, str_of(n->version), &a, &v, NULL) < 0 || v.current || v.previous;
    size_t n_known = registry_versions_read(folder, known);
    for (size_t i = 0; i < n_known; i++) {
        needed = needed || strcmp(known[i].folder, n->version) == 0;
    }
    if (!needed && snprintf(path, sizeof(path), "%s/%s", folder, n->version) < (int)sizeof(path)) {
        if (folder_remove(path, &why) < 0) {
            log_err(LOG_WARN, "an old shadow version stays", &why);
        } else {
            log_event(LOG_INFO, "old shadow version removed", LOG_CSTR("version", n->version));
        }
    }
    arena_release(&a);
    free(known);
}

/* Another version, or none, from now on. */
static int note_other(const struct settings *config, const struct note *now, struct mrc_err *err)
{
    struct note before = read_note(config);
    if (strcmp(before.version, now->version) == 0 && strcmp(before.digest, now->digest) == 0 &&
        before.fetched == now->fetched) {
        return MRC_OK;
    }
    MRC_TRY(write_note(config, now, err));
    if (now->version[0] == '\0') {
        log_event(LOG_INFO, "MLflow's alias of the shadow version names none",
                  LOG_CSTR("alias", setting_cstr(config, CONFIG_MLFLOW_SHADOW_ALIAS)));
    } else {
        log_event(LOG_INFO, "shadow version follows MLflow", LOG_CSTR("version", now->version),
                  LOG_CSTR("mlflow_version", now->number));
    }
    if (before.fetched && strcmp(before.version, now->version) != 0) {
        remove_fetched(config, &before);
    }
    return MRC_OK;
}

/* ---- following ------------------------------------------------------------------------------------------------- */

static int read_wanted(struct shadow_follow *f, const struct settings *config, struct wanted *out, struct mrc_err *err)
{
    struct json_doc *doc;
    MRC_TRY(
        mlflow_alias_read(f->m, registry_model(config), setting_cstr(config, CONFIG_MLFLOW_SHADOW_ALIAS), &doc, err));
    const struct json *v = json_find(json_root(doc), "model_version");
    struct str digest = mlflow_tag(v, PUBLISH_TAG_DIGEST);
    int rc = mlflow_text(v, "version", out->number, sizeof(out->number), err);
    if (mlflow_text(v, "status", out->status, sizeof(out->status), NULL) < 0) {
        (void)snprintf(out->status, sizeof(out->status), "READY");
    }
    (void)snprintf(out->digest, sizeof(out->digest), "%.*s", STR_ARG(digest));
    json_free(doc);
    return rc;
}

static int fetch(struct shadow_follow *f, const struct settings *config, const struct wanted *w, struct note *out,
                 struct mrc_err *err)
{
    char folder[PATH_BYTES], uri[MLFLOW_URI_MAX], version[FETCH_FOLDER_MAX];
    if (w->digest[0] == '\0') {
        return mrc_fail(err, MRC_EFORMAT, "it has no tag " PUBLISH_TAG_DIGEST ": mercredi-train publish sets it");
    }
    if (versions_find(config, w->digest, out->version, sizeof(out->version))) {
        out->fetched = shadow_fetched(config, out->version);
        return MRC_OK;
    }
    MRC_TRY(registry_folder(config, folder, sizeof(folder), err));
    MRC_TRY(mlflow_version_uri(f->m, registry_model(config), w->number, uri, err));
    MRC_TRY(fetch_bundle(f->m, uri, str_of(w->digest), folder, (uint64_t)setting_int(config, CONFIG_MLFLOW_BUNDLE_MAX),
                         version, err));
    (void)snprintf(out->version, sizeof(out->version), "%.127s", version);
    out->fetched = true;
    return MRC_OK;
}

static bool transient(int rc)
{
    return rc == MRC_EBUSY || rc == MRC_EIO || rc == MRC_ENOMEM || rc == MRC_EDENIED;
}

/* A version that is no good is wished for all the same: it shows as one that cannot be loaded. */
static int follow_alias(struct shadow_follow *f, const struct settings *config, struct mrc_err *err)
{
    struct wanted w;
    struct note now = {.fetched = false};
    char key[sizeof(f->bad)];
    struct mrc_err why = {0};
    int rc = read_wanted(f, config, &w, &why);
    if (rc == MRC_ENOTFOUND) {
        return note_other(config, &now, err);
    }
    if (rc < 0) {
        return mrc_fail(err, rc, "%s", why.msg);
    }
    (void)snprintf(key, sizeof(key), "%s %s", w.number, w.digest);
    bool again = strcmp(key, f->bad) == 0;
    if (strcmp(w.status, "READY") != 0 || stands(config, w.digest) || (again && monotonic_ms() < f->bad_until_ms)) {
        return MRC_OK;
    }
    (void)snprintf(now.number, sizeof(now.number), "%s", w.number);
    (void)snprintf(now.digest, sizeof(now.digest), "%s", w.digest);
    rc = fetch(f, config, &w, &now, &why);
    bool missing = rc == MRC_EBUSY && mlflow_status(f->m) == 500; /* 2.x: a file that is not there */
    if (rc < 0 && transient(rc) && !missing) {
        return mrc_fail(err, rc, "%s", why.msg);
    }
    if (rc < 0) {
        (void)snprintf(now.version, sizeof(now.version), "mlflow:%s", w.number);
        now.fetched = false;
        f->bad_until_ms = monotonic_ms() + BAD_PAUSE_MS;
        shared_count(f->shared, "mercredi_shadow_failures_total{reason=\"fetch\"}", 1);
        if (!again) {
            log_event(LOG_ERROR, "alert: MLflow's alias of the shadow version names one that cannot be fetched",
                      LOG_CSTR("mlflow_version", w.number), LOG_CSTR("err", why.msg));
        }
    }
    (void)snprintf(f->bad, sizeof(f->bad), "%s", rc < 0 ? key : "");
    return note_other(config, &now, err);
}

/* ---- the task -------------------------------------------------------------------------------------------------- */

static int begin(struct agent *a, void **memory, struct mrc_err *err)
{
    const struct settings *config = agent_config(a);
    struct shadow_follow *f = calloc(1, sizeof(*f));
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
    *memory = f;
    return MRC_OK;
}

int shadow_follow_run(struct agent *a, void **memory, struct mrc_err *err)
{
    const struct settings *config = agent_config(a);
    if (!shadow_followed(config)) {
        return MRC_OK;
    }
    if (*memory == NULL) {
        MRC_TRY(begin(a, memory, err));
    }
    return follow_alias(*memory, config, err);
}

void shadow_follow_release(void *memory)
{
    struct shadow_follow *f = memory;
    mlflow_close(f->m);
    shared_close(f->shared);
    free(f);
}
