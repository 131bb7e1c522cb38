/* The calls to MLflow's tracking server and registry: JSON in, JSON out. Each "get" finds before it makes and finds
 * again when making was interrupted, so that the same work twice leaves one thing. */
#include "common/forecast/mlflow.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BODY_MAX = 950000, PATH_MAX_BYTES = 6000, PAGES_MAX = 1000, TRIES = 3 };

/* ---- texts ----------------------------------------------------------------------------------------------------- */

void mlflow_escape(struct buf *out, struct str s, bool keep_slash)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        bool plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '-' ||
                     ch == '.' || ch == '_' || ch == '~' || (ch == '/' && keep_slash);
        if (plain) {
            buf_char(out, (char)ch);
        } else {
            buf_char(out, '%');
            buf_char(out, hex[ch >> 4]);
            buf_char(out, hex[ch & 15]);
        }
    }
}

void mlflow_key(struct buf *out, struct str key)
{
    size_t begin = out->n;
    for (size_t i = 0; i < key.n && out->n - begin < 240; i++) {
        char ch = key.p[i];
        bool plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' ||
                     ch == '-' || ch == '.';
        bool slash = ch == '/' && out->n > begin && out->p[out->n - 1] != '/' && i + 1 < key.n;
        buf_char(out, plain || slash ? ch : '_');
    }
}

/* GET path?key=value&… */
static int get(struct mlflow *m, const char *call, const struct mlflow_pair *query, size_t n, struct json_doc **reply,
               struct mrc_err *err)
{
    struct buf path;
    buf_init(&path, NULL, PATH_MAX_BYTES);
    buf_puts(&path, call);
    for (size_t i = 0; i < n; i++) {
        buf_printf(&path, "%c%s=", i == 0 ? '?' : '&', query[i].key);
        mlflow_escape(&path, query[i].value, false);
    }
    int rc = buf_ok(&path, err);
    if (rc == MRC_OK) {
        rc = mlflow_call(m, MLFLOW_GET, path.p, STR(""), MLFLOW_REPEATABLE, reply, err);
    }
    buf_release(&path);
    return rc;
}

static int post(struct mlflow *m, enum mlflow_method method, const char *call, struct buf *body,
                enum mlflow_repeat repeat, struct json_doc **reply, struct mrc_err *err)
{
    int rc = buf_ok(body, err);
    if (rc == MRC_OK) {
        rc = mlflow_call(m, method, call, buf_text(body), repeat, reply, err);
    }
    buf_release(body);
    return rc;
}

static void begin(struct buf *body, struct json_out *w)
{
    buf_init(body, NULL, BODY_MAX);
    json_out_init(w, body);
    json_open_object(w);
}

/* An object of texts, of a call that may be repeated. */
static int send_texts(struct mlflow *m, enum mlflow_method method, const char *call, const struct mlflow_pair *texts,
                      size_t n, struct json_doc **reply, struct mrc_err *err)
{
    struct buf body;
    struct json_out w;
    begin(&body, &w);
    for (size_t i = 0; i < n; i++) {
        json_pair_str(&w, texts[i].key, texts[i].value);
    }
    json_close_object(&w);
    return post(m, method, call, &body, MLFLOW_REPEATABLE, reply, err);
}

static void put_pairs(struct json_out *w, const char *key, const struct mlflow_pair *pairs, size_t n,
                      const struct mlflow_pair *more, size_t n_more)
{
    json_put_key(w, key);
    json_open_array(w);
    for (size_t i = 0; i < n + n_more; i++) {
        const struct mlflow_pair *p = i < n ? &pairs[i] : &more[i - n];
        struct str value = p->value;
        value.n = value.n > MLFLOW_VALUE_MAX ? utf8_valid((struct str){value.p, MLFLOW_VALUE_MAX}) : value.n;
        json_open_object(w);
        json_pair_cstr(w, "key", p->key);
        json_pair_str(w, "value", value);
        json_close_object(w);
    }
    json_close_array(w);
}

static int text_of(const struct json *object, const char *key, char *out, size_t size)
{
    struct str s;
    int64_t v;
    const struct json *member = json_find(object, key);
    if (json_str(member, &s)) {
        if (s.n >= size) {
            return MRC_ELIMIT;
        }
        memcpy(out, s.p, s.n);
        out[s.n] = '\0';
        return MRC_OK;
    }
    if (json_i64(member, &v) && snprintf(out, size, "%lld", (long long)v) < (int)size) {
        return MRC_OK;
    }
    return MRC_ENOTFOUND;
}

int mlflow_text(const struct json *object, const char *key, char *out, size_t size, struct mrc_err *err)
{
    int rc = text_of(object, key, out, size);
    return rc == MRC_OK ? rc
                        : mrc_fail(err, MRC_EFORMAT, "MLflow's answer %s \"%s\"",
                                   rc == MRC_ELIMIT ? "has too long a" : "lacks", key);
}

static void text_or_empty(const struct json *object, const char *key, char *out, size_t size)
{
    if (text_of(object, key, out, size) < 0) {
        out[0] = '\0';
    }
}

struct str mlflow_tag(const struct json *object, const char *key)
{
    struct str k, v;
    for (const struct json *t = json_first(json_find(object, "tags")); t != NULL; t = json_next(t)) {
        if (json_str(json_find(t, "key"), &k) && str_is(k, key) && json_str(json_find(t, "value"), &v)) {
            return v;
        }
    }
    return STR("");
}

/* name = 'value' of a filter. */
static int put_condition(struct buf *out, const char *name, struct str value, struct mrc_err *err)
{
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\'' || value.p[i] == '"' || value.p[i] == '`' || value.p[i] == '\\' || value.p[i] == '%') {
            return mrc_fail(err, MRC_EINVAL,
                            "MLflow cannot look for \"%.*s\": a name without quotes, \\ and %% is meant",
                            STR_ARG(value));
        }
    }
    buf_printf(out, "%s%s = '", out->n > 0 ? " and " : "", name);
    buf_str(out, value);
    buf_char(out, '\'');
    return MRC_OK;
}

/* ---- experiments ----------------------------------------------------------------------------------------------- */

static int experiment_find(struct mlflow *m, const char *name, char id[MLFLOW_ID_MAX], bool *deleted,
                           struct mrc_err *err)
{
    struct json_doc *doc;
    char stage[24];
    MRC_TRY(get(m, "experiments/get-by-name", &(struct mlflow_pair){"experiment_name", str_of(name)}, 1, &doc, err));
    const struct json *e = json_find(json_root(doc), "experiment");
    int rc = mlflow_text(e, "experiment_id", id, MLFLOW_ID_MAX, err);
    text_or_empty(e, "lifecycle_stage", stage, sizeof(stage));
    *deleted = strcmp(stage, "deleted") == 0;
    json_free(doc);
    return rc;
}

static int experiment_make(struct mlflow *m, const char *name, const char *note, struct mrc_err *err)
{
    /* Without the kind, pages of 3.x take it for one of a language model's. */
    const struct mlflow_pair tags[] = {{"mlflow.experimentKind", STR("custom_model_development")},
                                       {"mlflow.note.content", str_of(note)}};
    struct buf body;
    struct json_out w;
    begin(&body, &w);
    json_pair_cstr(&w, "name", name);
    put_pairs(&w, "tags", tags, note == NULL ? 1 : 2, NULL, 0);
    json_close_object(&w);
    return post(m, MLFLOW_POST, "experiments/create", &body, MLFLOW_REPEATABLE, NULL, err);
}

static int with_id(struct mlflow *m, const char *call, const char *key, const char *id, struct mrc_err *err)
{
    const struct mlflow_pair body = {key, str_of(id)};
    return send_texts(m, MLFLOW_POST, call, &body, 1, NULL, err);
}

int mlflow_experiment(struct mlflow *m, const char *name, const char *note, char id[MLFLOW_ID_MAX], bool *restored,
                      struct mrc_err *err)
{
    bool deleted = false;
    struct mrc_err problem = {0};
    int rc = experiment_find(m, name, id, &deleted, &problem);
    if (rc == MRC_ENOTFOUND) {
        rc = experiment_make(m, name, note, &problem);
        if (rc == MRC_OK || rc == MRC_ECONFLICT) { /* somebody else was faster, or our first try arrived */
            rc = experiment_find(m, name, id, &deleted, &problem);
        }
    }
    if (rc == MRC_OK && deleted) {
        rc = with_id(m, "experiments/restore", "experiment_id", id, &problem);
    }
    if (restored != NULL) {
        *restored = rc == MRC_OK && deleted;
    }
    if (rc < 0 && err != NULL) {
        *err = problem;
    }
    return rc;
}

/* ---- runs ------------------------------------------------------------------------------------------------------ */

static int read_run(const struct json *run, struct mlflow_run *out, struct mrc_err *err)
{
    const struct json *info = json_find(run, "info");
    char start[24];
    MRC_TRY(mlflow_text(info, "run_id", out->id, sizeof(out->id), err));
    MRC_TRY(mlflow_text(info, "artifact_uri", out->artifact_uri, sizeof(out->artifact_uri), err));
    text_or_empty(info, "status", out->status, sizeof(out->status));
    text_or_empty(info, "start_time", start, sizeof(start));
    out->start_ms = 0;
    (void)parse_i64(str_of(start), &out->start_ms);
    return MRC_OK;
}

int mlflow_run_find(struct mlflow *m, const char *experiment, const struct mlflow_pair *tags, size_t n,
                    struct mlflow_run *out, struct mrc_err *err)
{
    struct buf filter, body;
    struct json_out w;
    struct json_doc *doc;
    int rc = MRC_OK;
    buf_init(&filter, NULL, PATH_MAX_BYTES);
    for (size_t i = 0; i < n && rc == MRC_OK; i++) {
        char name[128];
        (void)snprintf(name, sizeof(name), "tags.%s", tags[i].key);
        rc = put_condition(&filter, name, tags[i].value, err);
    }
    if (rc == MRC_OK) {
        begin(&body, &w);
        json_put_key(&w, "experiment_ids");
        json_open_array(&w);
        json_put_cstr(&w, experiment);
        json_close_array(&w);
        json_pair_str(&w, "filter", buf_text(&filter));
        json_pair_cstr(&w, "run_view_type", "ACTIVE_ONLY");
        json_pair_i64(&w, "max_results", 1);
        json_put_key(&w, "order_by");
        json_open_array(&w);
        json_put_cstr(&w, "attributes.start_time ASC");
        json_close_array(&w);
        json_close_object(&w);
        rc = post(m, MLFLOW_POST, "runs/search", &body, MLFLOW_REPEATABLE, &doc, err);
    }
    if (rc == MRC_OK) {
        const struct json *run = json_first(json_find(json_root(doc), "runs"));
        rc = run == NULL ? mrc_fail(err, MRC_ENOTFOUND, "no such run") : read_run(run, out, err);
        json_free(doc);
    }
    buf_release(&filter);
    return rc;
}

int mlflow_run_get(struct mlflow *m, const char *experiment, const char *name, int64_t start_ms,
                   const struct mlflow_pair *tags, size_t n, const struct mlflow_pair *more, size_t n_more,
                   struct mlflow_run *out, struct mrc_err *err)
{
    struct mrc_err problem = {0};
    int rc = MRC_EBUSY;
    for (int i = 0; i < TRIES && rc == MRC_EBUSY; i++) {
        rc = mlflow_run_find(m, experiment, tags, n, out, &problem);
        if (rc == MRC_ENOTFOUND) {
            struct buf body;
            struct json_out w;
            struct json_doc *doc;
            begin(&body, &w);
            json_pair_cstr(&w, "experiment_id", experiment);
            json_pair_cstr(&w, "run_name", name);
            json_pair_i64(&w, "start_time", start_ms);
            put_pairs(&w, "tags", tags, n, more, n_more);
            json_close_object(&w);
            rc = post(m, MLFLOW_POST, "runs/create", &body, MLFLOW_ONCE, &doc, &problem);
            if (rc == MRC_OK) {
                rc = read_run(json_find(json_root(doc), "run"), out, &problem);
                json_free(doc);
            }
        }
    }
    if (rc < 0 && err != NULL) {
        *err = problem;
    }
    return rc;
}

int mlflow_run_update(struct mlflow *m, const char *run, const char *status, int64_t end_ms, struct mrc_err *err)
{
    struct buf body;
    struct json_out w;
    struct json_doc *doc;
    char now[24];
    begin(&body, &w);
    json_pair_cstr(&w, "run_id", run);
    json_pair_cstr(&w, "status", status);
    if (end_ms > 0) {
        json_pair_i64(&w, "end_time", end_ms);
    }
    json_close_object(&w);
    MRC_TRY(post(m, MLFLOW_POST, "runs/update", &body, MLFLOW_REPEATABLE, &doc, err));
    int rc = mlflow_text(json_find(json_root(doc), "run_info"), "status", now, sizeof(now), err);
    json_free(doc);
    MRC_TRY(rc);
    return strcmp(now, status) == 0
               ? MRC_OK
               : mrc_fail(err, MRC_EFORMAT, "runs/update: the status is %s and not %s as asked for", now, status);
}

int mlflow_run_tag(struct mlflow *m, const char *run, const char *key, struct str value, struct mrc_err *err)
{
    const struct mlflow_pair body[] = {{"run_id", str_of(run)}, {"key", str_of(key)}, {"value", value}};
    return send_texts(m, MLFLOW_POST, "runs/set-tag", body, 3, NULL, err);
}

int mlflow_run_read(struct mlflow *m, const char *run, struct json_doc **reply, struct mrc_err *err)
{
    return get(m, "runs/get", &(struct mlflow_pair){"run_id", str_of(run)}, 1, reply, err);
}

void mlflow_batch(struct buf *out, const char *run, const struct mlflow_pair *params, size_t n_params,
                  const struct mlflow_metric *metrics, size_t n_metrics, const struct mlflow_pair *tags, size_t n_tags,
                  const char *model_id)
{
    struct json_out w;
    json_out_init(&w, out);
    json_open_object(&w);
    json_pair_cstr(&w, "run_id", run);
    json_put_key(&w, "metrics");
    json_open_array(&w);
    for (size_t i = 0; i < n_metrics; i++) {
        if (!isfinite(metrics[i].value)) {
            continue; /* MLflow would keep 0 or refuse the whole */
        }
        json_open_object(&w);
        json_pair_cstr(&w, "key", metrics[i].key);
        json_pair_double(&w, "value", metrics[i].value);
        json_pair_i64(&w, "timestamp", metrics[i].time_ms);
        json_pair_i64(&w, "step", metrics[i].step);
        if (model_id != NULL) {
            json_pair_cstr(&w, "model_id", model_id);
        }
        json_close_object(&w);
    }
    json_close_array(&w);
    put_pairs(&w, "params", params, n_params, NULL, 0);
    put_pairs(&w, "tags", tags, n_tags, NULL, 0);
    json_close_object(&w);
}

static size_t part(size_t at, size_t n, size_t most)
{
    return at >= n ? 0 : n - at < most ? n - at : most;
}

int mlflow_log(struct mlflow *m, const char *run, const struct mlflow_pair *params, size_t n_params,
               const struct mlflow_metric *metrics, size_t n_metrics, const struct mlflow_pair *tags, size_t n_tags,
               const char *model_id, struct mrc_err *err)
{
    size_t i = 0, p = 0;
    /* A parameter may be as long as a batch is large: ten to a batch always fit. */
    enum { PARAMS = 50, TAGS_AT_ONCE = 50 };
    if (n_tags > TAGS_AT_ONCE) {
        return mrc_fail(err, MRC_EINVAL, "%zu tags at once, at most %d", n_tags, TAGS_AT_ONCE);
    }
    do {
        size_t ni = part(i, n_metrics, MLFLOW_BATCH_METRICS), np = part(p, n_params, PARAMS);
        bool last = i + ni == n_metrics && p + np == n_params;
        struct buf body;
        buf_init(&body, NULL, BODY_MAX);
        mlflow_batch(&body, run, np > 0 ? params + p : NULL, np, ni > 0 ? metrics + i : NULL, ni, tags,
                     last ? n_tags : 0, model_id);
        MRC_TRY(post(m, MLFLOW_POST, "runs/log-batch", &body, MLFLOW_REPEATABLE, NULL, err));
        i += ni;
        p += np;
    } while (i < n_metrics || p < n_params);
    return MRC_OK;
}

int mlflow_inputs(struct mlflow *m, const char *run, const struct mlflow_dataset *d, const char *model_id,
                  struct mrc_err *err)
{
    struct buf body;
    struct json_out w;
    begin(&body, &w);
    json_pair_cstr(&w, "run_id", run);
    json_put_key(&w, "datasets");
    json_open_array(&w);
    if (d != NULL) {
        json_open_object(&w);
        put_pairs(&w, "tags", &(struct mlflow_pair){"mlflow.data.context", str_of(d->context)}, 1, NULL, 0);
        json_put_key(&w, "dataset");
        json_open_object(&w);
        json_pair_cstr(&w, "name", d->name);
        json_pair_str(&w, "digest", d->digest);
        json_pair_str(&w, "source_type", d->source_type);
        json_pair_str(&w, "source", d->source);
        json_pair_str(&w, "schema", d->schema);
        json_pair_str(&w, "profile", d->profile);
        json_close_object(&w);
        json_close_object(&w);
    }
    json_close_array(&w);
    if (model_id != NULL) {
        json_put_key(&w, "models");
        json_open_array(&w);
        json_open_object(&w);
        json_pair_cstr(&w, "model_id", model_id);
        json_close_object(&w);
        json_close_array(&w);
    }
    json_close_object(&w);
    return post(m, MLFLOW_POST, "runs/log-inputs", &body, MLFLOW_REPEATABLE, NULL, err);
}

/* ---- logged models --------------------------------------------------------------------------------------------- */

static int read_logged(const struct json *model, struct mlflow_logged *out, struct mrc_err *err)
{
    const struct json *info = json_find(model, "info");
    text_or_empty(info, "status", out->status, sizeof(out->status));
    MRC_TRY(mlflow_text(info, "model_id", out->id, sizeof(out->id), err));
    return mlflow_text(info, "artifact_uri", out->artifact_uri, sizeof(out->artifact_uri), err);
}

static int logged_find(struct mlflow *m, const char *experiment, const char *run, struct mlflow_logged *out,
                       struct mrc_err *err)
{
    struct buf filter, body;
    struct json_out w;
    struct json_doc *doc;
    buf_init(&filter, NULL, PATH_MAX_BYTES);
    int rc = put_condition(&filter, "source_run_id", str_of(run), err);
    if (rc == MRC_OK) {
        begin(&body, &w);
        json_put_key(&w, "experiment_ids");
        json_open_array(&w);
        json_put_cstr(&w, experiment);
        json_close_array(&w);
        json_pair_str(&w, "filter", buf_text(&filter));
        json_pair_i64(&w, "max_results", 1);
        json_close_object(&w);
        rc = post(m, MLFLOW_POST, "logged-models/search", &body, MLFLOW_REPEATABLE, &doc, err);
    }
    buf_release(&filter);
    MRC_TRY(rc);
    const struct json *model = json_first(json_find(json_root(doc), "models"));
    rc = model == NULL ? mrc_fail(err, MRC_ECONFLICT, "no logged model") : read_logged(model, out, err);
    json_free(doc);
    return rc;
}

static int logged_make(struct mlflow *m, const char *experiment, const char *run, const char *name,
                       const struct mlflow_pair *params, size_t n_params, const struct mlflow_pair *tags, size_t n_tags,
                       struct mlflow_logged *out, struct mrc_err *err)
{
    struct buf body, plain;
    struct json_out w;
    struct json_doc *doc;
    buf_init(&plain, NULL, 256);
    mlflow_key(&plain, str_of(name)); /* '.', '/' and ':' are refused here only */
    for (size_t i = 0; i < plain.n; i++) {
        plain.p[i] = plain.p[i] == '.' || plain.p[i] == '/' ? '_' : plain.p[i];
    }
    begin(&body, &w);
    json_pair_cstr(&w, "experiment_id", experiment);
    json_pair_str(&w, "name", buf_text(&plain));
    json_pair_cstr(&w, "model_type", "catboost");
    json_pair_cstr(&w, "source_run_id", run);
    put_pairs(&w, "params", params, n_params, NULL, 0);
    put_pairs(&w, "tags", tags, n_tags, NULL, 0);
    json_close_object(&w);
    buf_release(&plain);
    MRC_TRY(post(m, MLFLOW_POST, "logged-models", &body, MLFLOW_ONCE, &doc, err));
    int rc = read_logged(json_find(json_root(doc), "model"), out, err);
    json_free(doc);
    return rc;
}

/* Say that the run made that model. The server refuses to be told twice. */
static int name_output(struct mlflow *m, const char *run, const char *model_id, struct mrc_err *err)
{
    struct buf body;
    struct json_out w;
    struct json_doc *doc;
    struct str id;
    bool there = false;
    MRC_TRY(mlflow_run_read(m, run, &doc, err));
    const struct json *outputs = json_find(json_find(json_root(doc), "run"), "outputs");
    for (const struct json *o = json_first(json_find(outputs, "model_outputs")); o != NULL; o = json_next(o)) {
        there = there || (json_str(json_find(o, "model_id"), &id) && str_is(id, model_id));
    }
    json_free(doc);
    if (there) {
        return MRC_OK;
    }
    begin(&body, &w);
    json_pair_cstr(&w, "run_id", run);
    json_put_key(&w, "models");
    json_open_array(&w);
    json_open_object(&w);
    json_pair_cstr(&w, "model_id", model_id);
    json_pair_i64(&w, "step", 0);
    json_close_object(&w);
    json_close_array(&w);
    json_close_object(&w);
    return post(m, MLFLOW_POST, "runs/outputs", &body, MLFLOW_ONCE, NULL, err);
}

int mlflow_logged_get(struct mlflow *m, const char *experiment, const char *run, const char *name,
                      const struct mlflow_pair *params, size_t n_params, const struct mlflow_pair *tags, size_t n_tags,
                      struct mlflow_logged *out, struct mrc_err *err)
{
    struct mrc_err problem = {0};
    int rc = MRC_EBUSY;
    for (int i = 0; i < TRIES && rc == MRC_EBUSY; i++) {
        rc = logged_find(m, experiment, run, out, &problem);
        if (rc == MRC_ECONFLICT) {
            rc = logged_make(m, experiment, run, name, params, n_params, tags, n_tags, out, &problem);
        }
    }
    if (rc < 0) {
        if (err != NULL) {
            *err = problem;
        }
        return rc;
    }
    return name_output(m, run, out->id, err);
}

int mlflow_logged_ready(struct mlflow *m, const char *id, struct mrc_err *err)
{
    char call[MLFLOW_ID_MAX + 32], status[40];
    struct json_doc *doc;
    (void)snprintf(call, sizeof(call), "logged-models/%s", id);
    const struct mlflow_pair body[] = {{"model_id", str_of(id)}, {"status", STR("LOGGED_MODEL_READY")}};
    MRC_TRY(send_texts(m, MLFLOW_PATCH, call, body, 2, &doc, err));
    text_or_empty(json_find(json_find(json_root(doc), "model"), "info"), "status", status, sizeof(status));
    json_free(doc);
    return strcmp(status, "LOGGED_MODEL_READY") == 0
               ? MRC_OK
               : mrc_fail(err, MRC_EFORMAT, "%s: the status is \"%s\" and not LOGGED_MODEL_READY as asked for", call,
                          status);
}

/* ---- registry -------------------------------------------------------------------------------------------------- */

int mlflow_model(struct mlflow *m, const char *name, const char *description, struct mrc_err *err)
{
    struct mrc_err problem = {0};
    const struct mlflow_pair body[] = {{"name", str_of(name)}, {"description", str_of(description)}};
    int rc = send_texts(m, MLFLOW_POST, "registered-models/create", body, 2, NULL, &problem);
    if (rc == MRC_ECONFLICT) {
        return MRC_OK;
    }
    if (rc < 0 && err != NULL) {
        *err = problem;
    }
    return rc;
}

int mlflow_alias_read(struct mlflow *m, const char *name, const char *alias, struct json_doc **reply,
                      struct mrc_err *err)
{
    const struct mlflow_pair query[] = {{"name", str_of(name)}, {"alias", str_of(alias)}};
    struct mrc_err problem = {0};
    int rc = get(m, "registered-models/alias", query, 2, reply, &problem);
    if (rc == MRC_EINVAL && mlflow_status(m) == 400) { /* how MLflow says that an alias is not set */
        problem.code = rc = MRC_ENOTFOUND;
    }
    if (rc == MRC_OK && json_type(json_find(json_root(*reply), "model_version")) != JSON_OBJECT) {
        json_free(*reply);
        *reply = NULL;
        return mrc_fail(err, MRC_EFORMAT, "registered-models/alias: the answer has no \"model_version\"; is %s MLflow?",
                        mlflow_url(m));
    }
    if (rc < 0 && err != NULL) {
        *err = problem;
    }
    return rc;
}

int mlflow_alias_set(struct mlflow *m, const char *name, const char *alias, const char *version, struct mrc_err *err)
{
    const struct mlflow_pair body[] = {{"name", str_of(name)}, {"alias", str_of(alias)}, {"version", str_of(version)}};
    return send_texts(m, MLFLOW_POST, "registered-models/alias", body, 3, NULL, err);
}

/* Does this version have the tag, and is it older than *out? */
static int consider(const struct json *v, const char *tag, struct str value, struct mlflow_version *out, int64_t *first,
                    struct mrc_err *err)
{
    struct mlflow_version found;
    int64_t number;
    if (!str_eq(mlflow_tag(v, tag), value)) {
        return MRC_OK;
    }
    MRC_TRY(mlflow_text(v, "version", found.number, sizeof(found.number), err));
    text_or_empty(v, "status", found.status, sizeof(found.status));
    text_or_empty(v, "run_id", found.run, sizeof(found.run));
    if (!parse_i64(str_of(found.number), &number) || number < 1) {
        return mrc_fail(err, MRC_EFORMAT, "a version of the model is \"%s\", a number is meant", found.number);
    }
    if (*first == 0 || number < *first) {
        *first = number;
        *out = found;
    }
    return MRC_OK;
}

/* All versions are looked at, page by page: a filter by tags is newer than the servers we speak to. */
int mlflow_version_find(struct mlflow *m, const char *name, const char *tag, struct str value,
                        struct mlflow_version *out, struct mrc_err *err)
{
    struct buf filter;
    char token[1024] = "";
    int64_t first = 0;
    buf_init(&filter, NULL, PATH_MAX_BYTES);
    int rc = put_condition(&filter, "name", str_of(name), err);
    for (int page = 0; rc == MRC_OK && (page == 0 || token[0] != '\0'); page++) {
        struct json_doc *doc;
        const struct mlflow_pair query[] = {
            {"filter", buf_text(&filter)}, {"max_results", STR("200")}, {"page_token", str_of(token)}};
        if (page == PAGES_MAX) {
            rc = mrc_fail(err, MRC_ELIMIT, "more than %d pages of versions of \"%s\"", PAGES_MAX, name);
            break;
        }
        if ((rc = get(m, "model-versions/search", query, token[0] == '\0' ? 2 : 3, &doc, err)) < 0) {
            break;
        }
        const struct json *v = json_first(json_find(json_root(doc), "model_versions"));
        for (; v != NULL && rc == MRC_OK; v = json_next(v)) {
            rc = consider(v, tag, value, out, &first, err);
        }
        text_or_empty(json_root(doc), "next_page_token", token, sizeof(token));
        json_free(doc);
    }
    buf_release(&filter);
    return rc < 0 || first > 0
               ? rc
               : mrc_fail(err, MRC_ENOTFOUND, "no version of \"%s\" in MLflow has %s %.*s", name, tag, STR_ARG(value));
}

static int version_make(struct mlflow *m, const char *name, const char *source, const char *run, const char *model_id,
                        const char *description, const struct mlflow_pair *key, const struct mlflow_pair *tags,
                        size_t n_tags, struct mlflow_version *out, struct mrc_err *err)
{
    struct buf body;
    struct json_out w;
    struct json_doc *doc;
    begin(&body, &w);
    json_pair_cstr(&w, "name", name);
    json_pair_cstr(&w, "source", source);
    json_pair_cstr(&w, "run_id", run);
    if (model_id != NULL) {
        json_pair_cstr(&w, "model_id", model_id);
    }
    json_pair_cstr(&w, "description", description);
    put_pairs(&w, "tags", key, 1, tags, n_tags);
    json_close_object(&w);
    MRC_TRY(post(m, MLFLOW_POST, "model-versions/create", &body, MLFLOW_ONCE, &doc, err));
    const struct json *v = json_find(json_root(doc), "model_version");
    int rc = mlflow_text(v, "version", out->number, sizeof(out->number), err);
    text_or_empty(v, "status", out->status, sizeof(out->status));
    (void)snprintf(out->run, sizeof(out->run), "%s", run);
    json_free(doc);
    return rc;
}

/* Who looked at the same time made one too. Numbers grow, so all see the same first one: the others go. */
static int keep_first(struct mlflow *m, const char *name, const char *tag, struct str value,
                      struct mlflow_version *made, struct mrc_err *err)
{
    struct mlflow_version first;
    MRC_TRY(mlflow_version_find(m, name, tag, value, &first, err));
    if (strcmp(first.number, made->number) == 0) {
        return MRC_OK;
    }
    const struct mlflow_pair body[] = {{"name", str_of(name)}, {"version", str_of(made->number)}};
    MRC_TRY(send_texts(m, MLFLOW_DELETE, "model-versions/delete", body, 2, NULL, err));
    *made = first;
    return MRC_OK;
}

int mlflow_version_get(struct mlflow *m, const char *name, const char *source, const char *run, const char *model_id,
                       const char *description, const char *tag, struct str value, const struct mlflow_pair *tags,
                       size_t n_tags, struct mlflow_version *out, struct mrc_err *err)
{
    const struct mlflow_pair key = {tag, value};
    struct mrc_err problem = {0};
    int rc = MRC_EBUSY;
    for (int i = 0; i < TRIES && rc == MRC_EBUSY; i++) {
        rc = mlflow_version_find(m, name, tag, value, out, &problem);
        if (rc == MRC_ENOTFOUND) {
            rc = version_make(m, name, source, run, model_id, description, &key, tags, n_tags, out, &problem);
            rc = rc < 0 ? rc : keep_first(m, name, tag, value, out, &problem);
        }
    }
    if (rc < 0 && err != NULL) {
        *err = problem;
    }
    return rc;
}

int mlflow_version_uri(struct mlflow *m, const char *name, const char *version, char uri[MLFLOW_URI_MAX],
                       struct mrc_err *err)
{
    const struct mlflow_pair query[] = {{"name", str_of(name)}, {"version", str_of(version)}};
    struct json_doc *doc;
    MRC_TRY(get(m, "model-versions/get-download-uri", query, 2, &doc, err));
    int rc = mlflow_text(json_root(doc), "artifact_uri", uri, MLFLOW_URI_MAX, err);
    json_free(doc);
    return rc;
}

int mlflow_version_tag(struct mlflow *m, const char *name, const char *version, const char *key, struct str value,
                       struct mrc_err *err)
{
    const struct mlflow_pair body[] = {
        {"name", str_of(name)}, {"version", str_of(version)}, {"key", str_of(key)}, {"value", value}};
    return send_texts(m, MLFLOW_POST, "model-versions/set-tag", body, 4, NULL, err);
}
