/* Small files, each replaced as a whole, written by few and read by many. */
#include "fcgi/registry.h"

#include "common/base/file.h"
#include "common/base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4700, TEXT_MAX = 1 << 18, SECRET_MAX = 4096 };

const char *const registry_state_texts[REGISTRY__COUNT] = {
    [REGISTRY_OK] = "ok",
    [REGISTRY_UNKNOWN] = "not asked yet",
    [REGISTRY_UNREACHABLE] = "MLflow does not answer",
    [REGISTRY_DENIED] = "MLflow refuses our credentials",
    [REGISTRY_UNSET] = "the alias names no version",
    [REGISTRY_BAD_VERSION] = "the alias names a version that cannot be served",
    [REGISTRY_PENDING] = "a promotion has not reached MLflow yet",
    [REGISTRY_UNTRUSTED] = "MLflow's certificate is not trusted",
    [REGISTRY_UNSTORED] = "the version cannot be stored here",
};

bool registry_used(const struct settings *config)
{
    return setting_is_set(config, CONFIG_MLFLOW_URL) && setting_text(config, CONFIG_MLFLOW_URL).n > 0;
}

const char *registry_model(const struct settings *config)
{
    return setting_is_set(config, CONFIG_MLFLOW_MODEL) ? setting_cstr(config, CONFIG_MLFLOW_MODEL)
                                                       : setting_cstr(config, CONFIG_MODEL);
}

static int path_of(char *out, size_t size, const char *folder, const char *name, struct mrc_err *err)
{
    return snprintf(out, size, "%s/%s", folder, name) < (int)size
               ? MRC_OK
               : mrc_fail(err, MRC_ELIMIT, "%s/%s: the path is too long", folder, name);
}

int registry_folder(const struct settings *config, char *out, size_t size, struct mrc_err *err)
{
    return path_of(out, size, setting_cstr(config, CONFIG_MODELS_DIR), setting_cstr(config, CONFIG_MODEL), err);
}

/* ---- connection ------------------------------------------------------------------------------------------------ */

/* First line of a file that others may not read. */
static int read_secret(const struct settings *config, enum config which, char out[SECRET_MAX], struct mrc_err *err)
{
    char *text;
    size_t n;
    struct stat st;
    out[0] = '\0';
    if (!setting_is_set(config, which)) {
        return MRC_OK;
    }
    const char *path = setting_cstr(config, which);
    if (stat(path, &st) == 0 && (st.st_mode & 0007) != 0) {
        return mrc_fail(err, MRC_EDENIED, "%s %s: everybody may read it; chmod o= it", config_specs[which].name, path);
    }
    if (file_read(path, SECRET_MAX - 1, &text, &n, err) < 0) {
        return err_wrap(err, "%s", config_specs[which].name);
    }
    text[strcspn(text, "\r\n")] = '\0';
    (void)snprintf(out, SECRET_MAX, "%s", text);
    memset(text, 0, n);
    free(text);
    return MRC_OK;
}

static bool agent_ends(void *arg)
{
    return agent_stopping(arg);
}

int registry_open(const struct settings *config, struct agent *agent, struct mlflow **out, struct mrc_err *err)
{
    char password[SECRET_MAX], token[SECRET_MAX];
    MRC_TRY(read_secret(config, CONFIG_MLFLOW_PASSWORD_FILE, password, err));
    MRC_TRY(read_secret(config, CONFIG_MLFLOW_TOKEN_FILE, token, err));
    const struct mlflow_options o = {.url = setting_cstr(config, CONFIG_MLFLOW_URL),
                                     .username = setting_cstr(config, CONFIG_MLFLOW_USERNAME),
                                     .password = password,
                                     .token = token,
                                     .ca_file = setting_cstr(config, CONFIG_MLFLOW_CA_FILE),
                                     .client_cert = setting_cstr(config, CONFIG_MLFLOW_CLIENT_CERT),
                                     .timeout_ms = setting_int(config, CONFIG_MLFLOW_TIMEOUT),
                                     .agent = "mercredi-fcgi",
                                     .cancelled = agent_ends,
                                     .arg = agent};
    int rc = mlflow_open(out, &o, err);
    memset(password, 0, sizeof(password));
    memset(token, 0, sizeof(token));
    return rc;
}

/* ---- small JSON files ------------------------------------------------------------------------------------------ */

static struct json_doc *read_object(const char *path)
{
    char *text;
    size_t n;
    struct json_doc *doc = NULL;
    const struct json_limits limits = {TEXT_MAX, 8, 0};
    if (file_read(path, TEXT_MAX, &text, &n, NULL) < 0) {
        return NULL;
    }
    if (json_read(&doc, (struct str){text, n}, &limits, NULL, NULL) < 0) {
        doc = NULL;
    }
    free(text);
    return doc;
}

static void text_of(const struct json *object, const char *key, char *out, size_t size)
{
    struct str s = {"", 0};
    (void)json_str(json_find(object, key), &s);
    (void)snprintf(out, size, "%.*s", STR_ARG(s));
}

void registry_status_read(const struct settings *config, struct registry_status *out)
{
    char path[PATH_BYTES];
    int64_t state;
    struct stat st;
    *out = (struct registry_status){.state = REGISTRY_UNKNOWN};
    if (path_of(path, sizeof(path), setting_cstr(config, CONFIG_RUN_DIR), "mlflow.json", NULL) < 0) {
        return;
    }
    struct json_doc *doc = read_object(path);
    const struct json *root = json_root(doc);
    if (doc != NULL && json_i64(json_find(root, "state"), &state) && state >= 0 && state < REGISTRY__COUNT) {
        out->state = (enum registry_state)state;
        text_of(root, "version", out->version, sizeof(out->version));
        text_of(root, "number", out->number, sizeof(out->number));
        (void)json_i64(json_find(root, "success_ms"), &out->success_ms);
        if (out->state == REGISTRY_OK && stat(path, &st) == 0) {
            out->success_ms = (int64_t)st.st_mtim.tv_sec * 1000;
        }
    }
    json_free(doc);
}

/* Once a round: unless something else is to be said, only the file's time changes, which writes nothing to a disk. */
void registry_status_write(const struct settings *config, const struct registry_status *s)
{
    char path[PATH_BYTES];
    struct registry_status old;
    struct mrc_err err = {0};
    if (path_of(path, sizeof(path), setting_cstr(config, CONFIG_RUN_DIR), "mlflow.json", NULL) < 0) {
        return;
    }
    registry_status_read(config, &old);
    if (old.state == s->state && strcmp(old.version, s->version) == 0 && strcmp(old.number, s->number) == 0) {
        if (s->state == REGISTRY_OK) {
            (void)utimensat(AT_FDCWD, path, NULL, 0);
        }
        return;
    }
    struct buf b;
    struct json_out w;
    buf_init(&b, NULL, TEXT_MAX);
    json_out_init(&w, &b);
    json_open_object(&w);
    json_pair_i64(&w, "state", s->state);
    json_pair_cstr(&w, "text", registry_state_texts[s->state]);
    json_pair_cstr(&w, "version", s->version);
    json_pair_cstr(&w, "number", s->number);
    json_pair_i64(&w, "success_ms", s->state == REGISTRY_OK ? s->success_ms : old.success_ms);
    json_close_object(&w);
    if (buf_ok(&b, &err) < 0 || file_replace(path, buf_text(&b), 0640, &err) < 0) {
        log_err(LOG_WARN, "the state of MLflow is not noted", &err);
    }
    buf_release(&b);
}

/* ---- versions -------------------------------------------------------------------------------------------------- */

size_t registry_versions_read(const char *folder, struct registry_version *out)
{
    char path[PATH_BYTES];
    size_t n = 0;
    if (path_of(path, sizeof(path), folder, ".mlflow.json", NULL) < 0) {
        return 0;
    }
    struct json_doc *doc = read_object(path);
    const struct json *v = doc == NULL ? NULL : json_first(json_find(json_root(doc), "versions"));
    for (; v != NULL && n < REGISTRY_VERSIONS_MAX; v = json_next(v)) {
        struct registry_version *r = &out[n++];
        text_of(v, "folder", r->folder, sizeof(r->folder));
        text_of(v, "mlflow_version", r->number, sizeof(r->number));
        text_of(v, "run_id", r->run, sizeof(r->run));
        text_of(v, "model_id", r->model_id, sizeof(r->model_id));
        text_of(v, "sha256", r->digest, sizeof(r->digest));
        r->fetched = false;
        (void)json_bool(json_find(v, "fetched"), &r->fetched);
    }
    json_free(doc);
    return n;
}

int registry_versions_write(const char *folder, const struct registry_version *v, size_t n, struct mrc_err *err)
{
    char path[PATH_BYTES];
    struct buf b;
    struct json_out w;
    MRC_TRY(path_of(path, sizeof(path), folder, ".mlflow.json", err));
    buf_init(&b, NULL, TEXT_MAX);
    json_out_init(&w, &b);
    w.pretty = true;
    json_open_object(&w);
    json_put_key(&w, "versions");
    json_open_array(&w);
    for (size_t i = 0; i < n; i++) {
        json_open_object(&w);
        json_pair_cstr(&w, "folder", v[i].folder);
        json_pair_cstr(&w, "mlflow_version", v[i].number);
        json_pair_cstr(&w, "run_id", v[i].run);
        json_pair_cstr(&w, "model_id", v[i].model_id);
        json_pair_cstr(&w, "sha256", v[i].digest);
        json_pair_bool(&w, "fetched", v[i].fetched);
        json_close_object(&w);
    }
    json_close_array(&w);
    json_close_object(&w);
    int rc = buf_ok(&b, err);
    rc = rc < 0 ? rc : file_replace(path, buf_text(&b), 0644, err);
    buf_release(&b);
    return rc;
}

/* ---- promotions ------------------------------------------------------------------------------------------------ */

static int note_path(const struct settings *config, char out[PATH_BYTES], struct mrc_err *err)
{
    return path_of(out, PATH_BYTES, setting_cstr(config, CONFIG_STATE_DIR), "mlflow.promote", err);
}

int registry_note(const struct settings *config, struct str version, struct mrc_err *err)
{
    char path[PATH_BYTES];
    if (!registry_used(config)) {
        return MRC_OK;
    }
    MRC_TRY(note_path(config, path, err));
    return file_replace(path, version, 0640, err);
}

int registry_noted(const struct settings *config, struct arena *a, struct str *version, struct mrc_err *err)
{
    char path[PATH_BYTES], *text;
    size_t n;
    MRC_TRY(note_path(config, path, err));
    MRC_TRY(file_read(path, 200, &text, &n, err));
    bool copied = str_copy(a, str_trim((struct str){text, n}), version);
    free(text);
    return copied ? MRC_OK : arena_fail(a, err);
}

void registry_note_done(const struct settings *config, struct str version)
{
    char path[PATH_BYTES];
    struct arena a;
    struct str now;
    arena_init(&a, 4096);
    if (registry_noted(config, &a, &now, NULL) == MRC_OK && str_eq(now, version) &&
        note_path(config, path, NULL) == MRC_OK) {
        (void)unlink(path);
    }
    arena_release(&a);
}
