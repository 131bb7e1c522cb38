/* The sequence of publishing. What is sent follows from the bundle alone, so that a second try sends the same. */
#include "common/forecast/mlflow_publish.h"

#include "common/base/date.h"
#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/forecast/bundle_files.h"
#include "common/forecast/report_picture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    PAIRS_MAX = 600,
    METRICS_MAX = 6000,
    KEY_MAX = 240,
    POINTS_MAX = 500,
    VERSION_METRICS_MAX = 30,
    TAGS_MAX = 45,
    LOGGED_PARAMS_MAX = 100, /* of a logged model, when it is made; and bytes of each */
    LOGGED_VALUE_MAX = 500,
    REPORT_BYTES_MAX = 4 << 20
};

struct pairs {
    struct mlflow_pair *p;
    size_t n;
};

struct publication {
    struct mlflow *m;
    const struct bundle *b;
    const struct publish_options *o;
    struct published *out;
    struct arena arena;
    struct json_doc *manifest, *report; /* report NULL: the bundle has none */
    const char *model, *experiment;
    int64_t created_ms, started_ms;
    struct pairs params, run_tags, version_tags;
    struct mlflow_metric *metrics;
    size_t n_metrics, n_figures; /* figures: metrics without the learning curves behind them */
    char uri[MLFLOW_URI_MAX];    /* where the files go */
    struct json_doc *listing;    /* what is there, of the folder `listed` */
    char listed[BUNDLE_NAME_MAX + 1];
    struct mrc_err *err;
};

static void tell(const struct publication *p, const char *what)
{
    if (p->o->step != NULL) {
        p->o->step(what, p->o->arg);
    }
}

static int no_room(const struct publication *p)
{
    return arena_fail(&p->arena, p->err);
}

static int add(struct publication *p, struct pairs *pairs, const char *key, struct str value)
{
    if (pairs->n == PAIRS_MAX || value.n == 0) {
        return MRC_OK; /* the bundle has them all */
    }
    pairs->p[pairs->n].key = arena_copy(&p->arena, key, strlen(key));
    if (pairs->p[pairs->n].key == NULL || !str_copy(&p->arena, value, &pairs->p[pairs->n].value)) {
        return no_room(p);
    }
    pairs->n++;
    return MRC_OK;
}

/* ---- facts of the bundle --------------------------------------------------------------------------------------- */

/* prefix + separator + name, as a key of MLflow. */
static const char *key_below(struct publication *p, const char *prefix, char separator, struct str name)
{
    struct buf raw, key;
    buf_init(&raw, &p->arena, 1000);
    buf_init(&key, &p->arena, 1000);
    if (prefix[0] != '\0') {
        buf_puts(&raw, prefix);
        buf_char(&raw, separator);
    }
    buf_str(&raw, name);
    mlflow_key(&key, buf_text(&raw));
    return buf_ok(&key, NULL) == MRC_OK && key.n > 0 && buf_ok(&raw, NULL) == MRC_OK ? key.p : NULL;
}

static int add_params(struct publication *p, const char *prefix, const struct json *v)
{
    struct str text;
    if (json_type(v) == JSON_OBJECT) {
        for (const struct json *member = json_first(v); member != NULL; member = json_next(member)) {
            const char *key = key_below(p, prefix, '.', json_key(member));
            if (key != NULL) {
                MRC_TRY(add_params(p, key, member));
            }
        }
        return MRC_OK;
    }
    if (!json_str(v, &text)) {
        struct buf b;
        struct json_out w;
        buf_init(&b, &p->arena, 1 << 20);
        json_out_init(&w, &b);
        json_put_value(&w, v);
        if (buf_ok(&b, NULL) < 0) {
            return MRC_OK;
        }
        text = buf_text(&b);
    }
    return add(p, &p->params, prefix, text);
}

static void add_metric(struct publication *p, const char *key, double value, int64_t step)
{
    if (p->n_metrics < METRICS_MAX && isfinite(value)) {
        p->metrics[p->n_metrics++] = (struct mlflow_metric){key, value, p->created_ms, step};
    }
}

/* Numbers become metrics; an array of numbers becomes one metric with steps, thinned when it is long (a learning
 * curve); an array of objects is numbered. */
static int add_metrics(struct publication *p, const char *prefix, const struct json *v)
{
    double number;
    if (json_double(v, &number)) {
        add_metric(p, prefix, number, 0);
    } else if (json_type(v) == JSON_OBJECT) {
        for (const struct json *member = json_first(v); member != NULL; member = json_next(member)) {
            const char *key = key_below(p, prefix, '/', json_key(member));
            if (key != NULL) {
                MRC_TRY(add_metrics(p, key, member));
            }
        }
    } else if (json_type(v) == JSON_ARRAY && json_double(json_first(v), &number)) {
        int64_t n = (int64_t)json_count(v), every = (n + POINTS_MAX - 1) / POINTS_MAX, step = 0;
        for (const struct json *item = json_first(v); item != NULL; item = json_next(item), step++) {
            if (json_double(item, &number) && (step % every == 0 || step + 1 == n)) {
                add_metric(p, prefix, number, step);
            }
        }
    }
    return MRC_OK;
}

/* {"models": {M: {"learning_curve": [[trees, loss], …]}}} → one metric M/learn_loss, its step the number of trees. */
static int add_curves(struct publication *p)
{
    const struct json *model = json_first(json_find(json_root(p->report), "models"));
    for (; model != NULL; model = json_next(model)) {
        const char *prefix = key_below(p, "", '/', json_key(model));
        const char *key = prefix == NULL ? NULL : key_below(p, prefix, '/', STR("learn_loss"));
        if (key == NULL) {
            return no_room(p);
        }
        const struct json *point = json_first(json_find(model, "learning_curve"));
        for (; point != NULL; point = json_next(point)) {
            int64_t trees;
            double loss;
            if (json_i64(json_at(point, 0), &trees) && json_double(json_at(point, 1), &loss)) {
                add_metric(p, key, loss, trees);
            }
        }
    }
    return MRC_OK;
}

/* report.json of the bundle, when it has one. */
static int read_report(struct publication *p)
{
    char path[4700], *text;
    size_t n;
    if (json_find(json_find(json_root(p->manifest), "files"), "report.json") == NULL) {
        return MRC_OK;
    }
    if (snprintf(path, sizeof(path), "%.*s/report.json", STR_ARG(p->b->path)) >= (int)sizeof(path)) {
        return mrc_fail(p->err, MRC_ELIMIT, "report.json: the path is too long");
    }
    MRC_TRY(file_read(path, REPORT_BYTES_MAX, &text, &n, p->err));
    int rc = bundle_json(&p->report, (struct str){text, n}, "report.json", JSON_OBJECT, p->err);
    free(text);
    return rc;
}

static int64_t stamp_ms(struct str s)
{
    int64_t hour, minute, second, ms;
    int32_t day = s.n == STAMP_TEXT - 1 ? date_parse((struct str){s.p, 10}, NULL) : DATE_NONE;
    if (day == DATE_NONE || !parse_i64((struct str){s.p + 11, 2}, &hour) ||
        !parse_i64((struct str){s.p + 14, 2}, &minute) || !parse_i64((struct str){s.p + 17, 2}, &second) ||
        !parse_i64((struct str){s.p + 20, 3}, &ms)) {
        return 0;
    }
    return (((int64_t)day * 24 + hour) * 60 + minute) * 60000 + second * 1000 + ms;
}

/* Text of a member, numbers as text; empty when there is none. */
static struct str member_text(struct publication *p, const struct json *object, const char *key)
{
    struct str s = STR("");
    int64_t v;
    const struct json *member = json_find(object, key);
    if (!json_str(member, &s) && json_i64(member, &v)) {
        struct buf b;
        buf_init(&b, &p->arena, 32);
        buf_printf(&b, "%lld", (long long)v);
        s = buf_text(&b);
    }
    return s;
}

static int gather_tags(struct publication *p)
{
    const struct json *root = json_root(p->manifest), *data = json_find(root, "data");
    struct str digest = str_of(p->b->digest);
    struct buf note;
    char date[DATE_TEXT];
    date_format(p->b->histories_as_of, date);
    buf_init(&note, &p->arena, 1000);
    buf_printf(&note, "Bundle **%.*s %.*s**, learnt from films up to %s.", STR_ARG(p->b->name), STR_ARG(p->b->version),
               date);
    MRC_TRY(buf_ok(&note, p->err));
    const struct {
        const char *key;
        struct str value;
    } both[] = {
        {PUBLISH_TAG_NAME, p->b->name},
        {PUBLISH_TAG_VERSION, p->b->version},
        {"histories_as_of", str_of(date)},
        {"data_sha256", member_text(p, data, "sha256")},
        {"rows_train", member_text(p, data, "rows_train")},
        {"refreshed_with", member_text(p, data, "refreshed_with")},
        {"seed", member_text(p, root, "seed")},
        {"tool_version", member_text(p, json_find(root, "tool"), "version")},
        {"schema_version", member_text(p, json_find(root, "schema"), "version")},
        {"git_commit", str_of(p->o->git_commit)},
    };
    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
        MRC_TRY(add(p, &p->run_tags, both[i].key, both[i].value));
        MRC_TRY(add(p, &p->version_tags, both[i].key, both[i].value));
    }
    MRC_TRY(add(p, &p->run_tags, PUBLISH_TAG_DIGEST, digest));
    MRC_TRY(add(p, &p->run_tags, "mlflow.user", str_of(p->o->user)));
    MRC_TRY(add(p, &p->run_tags, "mlflow.source.name", str_of(p->o->source)));
    MRC_TRY(add(p, &p->run_tags, "mlflow.source.type", STR("LOCAL")));
    MRC_TRY(add(p, &p->run_tags, "mlflow.source.git.commit", str_of(p->o->git_commit)));
    MRC_TRY(add(p, &p->run_tags, "mlflow.note.content", buf_text(&note)));
    /* The version's page shows tags and no metrics. */
    for (size_t i = 0, n = 0; i < p->n_figures && n < VERSION_METRICS_MAX; i++) {
        char text[NUMBER_TEXT_MAX];
        if (p->metrics[i].step == 0) {
            (void)format_double(p->metrics[i].value, text);
            MRC_TRY(add(p, &p->version_tags, p->metrics[i].key, str_of(text)));
            n++;
        }
    }
    return MRC_OK;
}

static int gather(struct publication *p)
{
    const struct json_limits limits = {MANIFEST_BYTES_MAX, 64, 0};
    p->params.p = ARENA_ARRAY(&p->arena, PAIRS_MAX, struct mlflow_pair);
    p->run_tags.p = ARENA_ARRAY(&p->arena, PAIRS_MAX, struct mlflow_pair);
    p->version_tags.p = ARENA_ARRAY(&p->arena, PAIRS_MAX, struct mlflow_pair);
    p->metrics = ARENA_ARRAY(&p->arena, METRICS_MAX, struct mlflow_metric);
    if (p->params.p == NULL || p->run_tags.p == NULL || p->version_tags.p == NULL || p->metrics == NULL) {
        return no_room(p);
    }
    MRC_TRY(json_read(&p->manifest, p->b->manifest, &limits, NULL, p->err));
    const struct json *root = json_root(p->manifest);
    p->created_ms = stamp_ms(member_text(p, root, "created"));
    p->started_ms = p->o->started_ms > 0 && p->o->started_ms < p->created_ms ? p->o->started_ms : p->created_ms;
    MRC_TRY(add_params(p, "", json_find(root, "parameters")));
    MRC_TRY(add_metrics(p, "", json_find(root, "metrics")));
    p->n_figures = p->n_metrics;
    MRC_TRY(read_report(p));
    MRC_TRY(add_curves(p));
    return gather_tags(p);
}

/* ---- the run --------------------------------------------------------------------------------------------------- */

static int begin_run(struct publication *p, const char *known_run)
{
    const struct mlflow_pair tags[] = {
        {"kind", STR("training")}, {"model_name", str_of(p->model)}, {PUBLISH_TAG_DIGEST, str_of(p->b->digest)}};
    struct mlflow_run run;
    char name[300];
    if (known_run[0] != '\0') {
        (void)snprintf(p->out->run, sizeof(p->out->run), "%s", known_run);
        return MRC_OK;
    }
    (void)snprintf(name, sizeof(name), "%.*s %.*s", STR_ARG(p->b->name), STR_ARG(p->b->version));
    MRC_TRY(mlflow_run_get(p->m, p->out->experiment, name, p->started_ms, tags, 3, NULL, 0, &run, p->err));
    (void)snprintf(p->out->run, sizeof(p->out->run), "%s", run.id);
    return snprintf(p->uri, sizeof(p->uri), "%s/model", run.artifact_uri) < (int)sizeof(p->uri)
               ? MRC_OK
               : mrc_fail(p->err, MRC_ELIMIT, "run %s: the address of its files is too long", run.id);
}

static int log_data(struct publication *p)
{
    const struct json *data = json_find(json_root(p->manifest), "data");
    struct str digest = member_text(p, data, "sha256"), rows = member_text(p, data, "rows_train");
    struct buf schema, profile, source;
    struct json_out w;
    if (digest.n == 0) {
        return MRC_OK;
    }
    buf_init(&schema, &p->arena, 500000);
    json_out_init(&w, &schema);
    json_open_object(&w);
    json_put_key(&w, "mlflow_colspec");
    json_open_array(&w);
    for (uint32_t i = 0; i < schema_count(p->b->schema); i++) {
        const struct field *f = schema_field(p->b->schema, i);
        json_open_object(&w);
        json_pair_cstr(&w, "type", f->type == FIELD_NUMBER ? "double" : f->type == FIELD_INTEGER ? "long" : "string");
        json_pair_str(&w, "name", f->name);
        json_pair_bool(&w, "required", f->required);
        json_close_object(&w);
    }
    json_close_array(&w);
    json_close_object(&w);
    buf_init(&profile, &p->arena, 1000);
    buf_printf(&profile, "{\"num_rows\": %.*s, \"num_columns\": %u}", STR_ARG(rows.n > 0 ? rows : STR("0")),
               schema_count(p->b->schema));
    buf_init(&source, &p->arena, 1000);
    buf_printf(&source, "{\"sha256\": \"%.*s\"}", STR_ARG(digest));
    MRC_TRY(buf_ok(&schema, p->err));
    MRC_TRY(buf_ok(&source, p->err));
    const struct mlflow_dataset d = {.name = "films",
                                     .context = "training",
                                     .digest = {digest.p, digest.n < 32 ? digest.n : 32},
                                     .source_type = STR("local"),
                                     .source = buf_text(&source),
                                     .schema = buf_text(&schema),
                                     .profile = buf_text(&profile)};
    return mlflow_inputs(p->m, p->out->run, &d, NULL, p->err);
}

static int begin_logged_model(struct publication *p)
{
    struct mlflow_logged model;
    struct mrc_err problem = {0};
    int major = 0;
    MRC_TRY(mlflow_major(p->m, &major, p->err));
    if (major < 3) {
        return MRC_OK;
    }
    struct pairs short_params = {.p = ARENA_ARRAY(&p->arena, LOGGED_PARAMS_MAX, struct mlflow_pair)};
    if (short_params.p == NULL) {
        return no_room(p);
    }
    for (size_t i = 0; i < p->params.n && short_params.n < LOGGED_PARAMS_MAX; i++) {
        if (p->params.p[i].value.n <= LOGGED_VALUE_MAX) {
            short_params.p[short_params.n++] = p->params.p[i];
        }
    }
    int rc = mlflow_logged_get(p->m, p->out->experiment, p->out->run, p->model, short_params.p, short_params.n,
                               p->run_tags.p, p->run_tags.n < TAGS_MAX ? p->run_tags.n : TAGS_MAX, &model, &problem);
    if (rc < 0) {
        if (p->err != NULL) {
            *p->err = problem;
        }
        return rc;
    }
    (void)snprintf(p->out->model_id, sizeof(p->out->model_id), "%s", model.id);
    (void)snprintf(p->uri, sizeof(p->uri), "%s", model.artifact_uri);
    return MRC_OK;
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

/* Size of a file that is there already; MRC_ENOTFOUND. One listing serves all files of a folder. */
static int size_there(struct publication *p, const char *name, uint64_t *bytes, struct mrc_err *err)
{
    char folder[BUNDLE_NAME_MAX + 1] = "";
    const char *slash = strrchr(name, '/');
    if (slash != NULL) {
        (void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - name), name);
    }
    if (p->listing == NULL || strcmp(folder, p->listed) != 0) {
        json_free(p->listing);
        p->listing = NULL;
        MRC_TRY(mlflow_list(p->m, p->uri, folder, &p->listing, err));
        memcpy(p->listed, folder, sizeof(folder));
    }
    return mlflow_size(p->listing, slash == NULL ? name : slash + 1, bytes)
               ? MRC_OK
               : mrc_fail(err, MRC_ENOTFOUND, "artifact %s is not there", name);
}

static int has_same(struct publication *p, const char *name, uint64_t size, struct str digest, bool *same)
{
    char found[SHA256_HEX];
    uint64_t bytes = 0;
    struct mrc_err problem = {0};
    *same = false;
    int rc = size_there(p, name, &bytes, &problem);
    if (rc == MRC_OK && bytes == size) {
        rc = mlflow_download(p->m, p->uri, name, -1, size, found, &bytes, &problem);
        *same = rc == MRC_OK && bytes == size && str_is(digest, found);
    }
    if (rc == MRC_ENOTFOUND || rc == MRC_ELIMIT || rc == MRC_OK) {
        return MRC_OK;
    }
    if (p->err != NULL) {
        *p->err = problem;
    }
    return rc;
}

/* Send a file unless it is there already, and read it back: MLflow checks nothing. */
static int send_file(struct publication *p, const char *name, uint64_t size, struct str digest)
{
    char path[4700], found[SHA256_HEX];
    uint64_t bytes;
    bool same;
    if (snprintf(path, sizeof(path), "%.*s/%s", STR_ARG(p->b->path), name) >= (int)sizeof(path)) {
        return mrc_fail(p->err, MRC_ELIMIT, "%s: the path is too long", name);
    }
    MRC_TRY(has_same(p, name, size, digest, &same));
    if (same) {
        return MRC_OK;
    }
    tell(p, name);
    MRC_TRY(mlflow_upload(p->m, p->uri, name, path, p->err));
    MRC_TRY(mlflow_download(p->m, p->uri, name, -1, size + 1, found, &bytes, p->err));
    return bytes == size && str_is(digest, found)
               ? MRC_OK
               : mrc_fail(p->err, MRC_EFORMAT,
                          "artifact %s: MLflow gave back other bytes than it was sent (%llu of %llu, sha256 %.12s…)",
                          name, (unsigned long long)bytes, (unsigned long long)size, found);
}

/* manifest.json last: it is what says that the folder is whole. */
static int send_files(struct publication *p)
{
    const struct json *files = json_find(json_root(p->manifest), "files");
    for (const struct json *f = json_first(files); f != NULL; f = json_next(f)) {
        struct str digest;
        int64_t bytes;
        MRC_TRY(json_get_str(f, "sha256", &digest, p->err));
        MRC_TRY(json_get_i64(f, "bytes", 0, BUNDLE_FILE_BYTES_MAX, &bytes, p->err));
        MRC_TRY(send_file(p, json_key(f).p, (uint64_t)bytes, digest));
    }
    return send_file(p, "manifest.json", p->b->manifest.n, str_of(p->b->digest));
}

/* A picture of each model that the report speaks of. */
static int send_pictures(struct publication *p, const char *uri)
{
    const struct json *model = json_first(json_find(json_root(p->report), "models"));
    for (; model != NULL; model = json_next(model)) {
        struct buf title, picture;
        const char *key = key_below(p, "", '/', json_key(model));
        char name[KEY_MAX + 20];
        if (key == NULL) {
            return no_room(p);
        }
        (void)snprintf(name, sizeof(name), "plots/%s.svg", key);
        buf_init(&title, &p->arena, 2000);
        buf_init(&picture, NULL, REPORT_BYTES_MAX);
        buf_printf(&title, "%.*s %.*s, model %.*s", STR_ARG(p->b->name), STR_ARG(p->b->version),
                   STR_ARG(json_key(model)));
        report_picture(model, buf_text(&title), &picture);
        int rc = buf_ok(&picture, p->err);
        rc = rc < 0 ? rc : mlflow_upload_text(p->m, uri, name, buf_text(&picture), p->err);
        buf_release(&picture);
        MRC_TRY(rc);
    }
    return MRC_OK;
}

/* What people look at, in the run's own folder too, where its page shows it. */
static int send_reports(struct publication *p)
{
    static const char *const names[] = {"report.md", "report.json", "metrics.json"};
    struct json_doc *doc;
    char uri[MLFLOW_URI_MAX], path[4700];
    MRC_TRY(mlflow_run_read(p->m, p->out->run, &doc, p->err));
    int rc = mlflow_text(json_find(json_find(json_root(doc), "run"), "info"), "artifact_uri", uri, sizeof(uri), p->err);
    json_free(doc);
    for (size_t i = 0; i < sizeof names / sizeof names[0] && rc == MRC_OK; i++) {
        if (json_find(json_find(json_root(p->manifest), "files"), names[i]) != NULL &&
            snprintf(path, sizeof(path), "%.*s/%s", STR_ARG(p->b->path), names[i]) < (int)sizeof(path)) {
            char name[64];
            (void)snprintf(name, sizeof(name), "report/%s", names[i]);
            rc = mlflow_upload(p->m, uri, name, path, p->err);
        }
    }
    return rc < 0 ? rc : send_pictures(p, uri);
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

/* Did what was sent arrive? MLflow answers 200 to what it read only half. */
static int check_run(struct publication *p)
{
    struct json_doc *doc;
    MRC_TRY(mlflow_run_read(p->m, p->out->run, &doc, p->err));
    const struct json *data = json_find(json_find(json_root(doc), "run"), "data");
    size_t params = json_count(json_find(data, "params")), keys = 0;
    for (size_t i = 0; i < p->n_metrics; i++) {
        keys += i == 0 || p->metrics[i].key != p->metrics[i - 1].key;
    }
    size_t metrics = json_count(json_find(data, "metrics"));
    json_free(doc);
    if (params < p->params.n || metrics < keys) {
        return mrc_fail(p->err, MRC_EFORMAT, "run %s: MLflow keeps %zu parameters and %zu metrics of %zu and %zu",
                        p->out->run, params, metrics, p->params.n, keys);
    }
    return MRC_OK;
}

/* The registered version leads to the files that were checked. */
static int check_version(struct publication *p)
{
    char uri[MLFLOW_URI_MAX], found[SHA256_HEX];
    uint64_t bytes;
    MRC_TRY(mlflow_version_uri(p->m, p->model, p->out->version, uri, p->err));
    MRC_TRY(mlflow_download(p->m, uri, "manifest.json", -1, MANIFEST_BYTES_MAX, found, &bytes, p->err));
    return strcmp(found, p->b->digest) == 0
               ? MRC_OK
               : mrc_fail(p->err, MRC_ECONFLICT,
                          "version %s of \"%s\" leads to another bundle (manifest sha256 %.12s…)", p->out->version,
                          p->model, found);
}

static int register_version(struct publication *p)
{
    char source[MLFLOW_URI_MAX + 16], date[DATE_TEXT];
    struct buf text;
    struct mlflow_version v;
    bool logged = p->out->model_id[0] != '\0';
    (void)snprintf(source, sizeof(source), "%s%s", logged ? "models:/" : "", logged ? p->out->model_id : p->uri);
    date_format(p->b->histories_as_of, date);
    buf_init(&text, &p->arena, 2000);
    buf_printf(&text,
               "Bundle %.*s %.*s, learnt from films up to %s. As an MLflow model it takes the features of `model.cbm` "
               "(`mercredi-train features`) and gives its raw score; films go to the server's `/predict`.",
               STR_ARG(p->b->name), STR_ARG(p->b->version), date);
    MRC_TRY(buf_ok(&text, p->err));
    MRC_TRY(mlflow_model(p->m, p->model, "First-week admissions of films, published by mercredi-train.", p->err));
    MRC_TRY(mlflow_version_get(p->m, p->model, source, p->out->run, logged ? p->out->model_id : NULL, text.p,
                               PUBLISH_TAG_DIGEST, str_of(p->b->digest), p->version_tags.p,
                               p->version_tags.n < TAGS_MAX ? p->version_tags.n : TAGS_MAX, &v, p->err));
    (void)snprintf(p->out->version, sizeof(p->out->version), "%s", v.number);
    if (v.run[0] != '\0') {
        (void)snprintf(p->out->run, sizeof(p->out->run), "%s", v.run);
    }
    return MRC_OK;
}

/* A version of that digest that was registered before: its run and the place of its files. */
static int find_registered(struct publication *p, char run[MLFLOW_ID_MAX], bool *found)
{
    struct mlflow_version v;
    struct mrc_err problem = {0};
    int rc = mlflow_version_find(p->m, p->model, PUBLISH_TAG_DIGEST, str_of(p->b->digest), &v, &problem);
    *found = rc == MRC_OK;
    run[0] = '\0';
    if (rc == MRC_OK) {
        (void)snprintf(run, MLFLOW_ID_MAX, "%s", v.run);
        return mlflow_version_uri(p->m, p->model, v.number, p->uri, p->err);
    }
    if (rc != MRC_ENOTFOUND && p->err != NULL) {
        *p->err = problem;
    }
    return rc == MRC_ENOTFOUND ? MRC_OK : rc;
}

static int run_sequence(struct publication *p)
{
    char run[MLFLOW_ID_MAX], registered_uri[MLFLOW_URI_MAX] = "";
    bool registered = false, restored = false;
    MRC_TRY(find_registered(p, run, &registered));
    memcpy(registered_uri, p->uri, sizeof(registered_uri));
    tell(p, "run");
    MRC_TRY(mlflow_experiment(p->m, p->experiment, "Training runs of mercredi-train: one per bundle.",
                              p->out->experiment, &restored, p->err));
    if (restored) {
        tell(p, "the experiment had been deleted and is restored");
    }
    MRC_TRY(begin_run(p, run));
    MRC_TRY(mlflow_log(p->m, p->out->run, p->params.p, p->params.n, p->metrics, p->n_metrics, p->run_tags.p,
                       p->run_tags.n < TAGS_MAX ? p->run_tags.n : TAGS_MAX, NULL, p->err));
    MRC_TRY(log_data(p));
    if (registered) {
        memcpy(p->uri, registered_uri, sizeof(p->uri));
    } else {
        MRC_TRY(begin_logged_model(p));
    }
    if (p->out->model_id[0] != '\0') {
        /* The model's page has a row for each point: no curves there. */
        MRC_TRY(mlflow_log(p->m, p->out->run, NULL, 0, p->metrics, p->n_figures, NULL, 0, p->out->model_id, p->err));
    }
    MRC_TRY(send_files(p));
    MRC_TRY(send_reports(p));
    if (p->out->model_id[0] != '\0') {
        MRC_TRY(mlflow_logged_ready(p->m, p->out->model_id, p->err));
    }
    MRC_TRY(check_run(p));
    MRC_TRY(mlflow_run_update(p->m, p->out->run, "FINISHED", p->created_ms, p->err));
    tell(p, "version");
    MRC_TRY(register_version(p));
    return check_version(p);
}

int publish_bundle(struct mlflow *m, const struct bundle *b, const struct publish_options *o, struct published *out,
                   struct mrc_err *err)
{
    char name[BUNDLE_NAME_MAX + 1];
    struct publication p = {.m = m, .b = b, .o = o, .out = out, .err = err};
    (void)snprintf(name, sizeof(name), "%.*s", STR_ARG(b->name));
    p.model = o->model != NULL ? o->model : name;
    p.experiment = o->experiment != NULL ? o->experiment : p.model;
    memset(out, 0, sizeof(*out));
    arena_init(&p.arena, 64 << 20);
    int rc = gather(&p);
    if (rc == MRC_OK) {
        rc = run_sequence(&p);
    }
    if (rc == MRC_EINVAL && out->run[0] != '\0' && (strchr(p.model, '/') != NULL || strchr(p.model, ':') != NULL)) {
        err_wrap(err, "MLflow 3 takes no '/' or ':' in a model's name");
    }
    json_free(p.listing);
    json_free(p.report);
    json_free(p.manifest);
    arena_release(&p.arena);
    return rc;
}

int publish_alias(struct mlflow *m, const char *model, const char *alias, const char *version, bool *moved,
                  struct mrc_err *err)
{
    struct json_doc *doc;
    struct mrc_err problem = {0};
    char now[MLFLOW_VERSION_MAX] = "";
    int rc = mlflow_alias_read(m, model, alias, &doc, &problem);
    if (rc == MRC_OK) {
        rc = mlflow_text(json_find(json_root(doc), "model_version"), "version", now, sizeof(now), &problem);
        json_free(doc);
    }
    if (rc < 0 && rc != MRC_ENOTFOUND) {
        if (err != NULL) {
            *err = problem;
        }
        return rc;
    }
    bool there = strcmp(now, version) == 0;
    if (moved != NULL) {
        *moved = !there;
    }
    if (there) {
        return MRC_OK;
    }
    if (now[0] != '\0' && strcmp(alias, "champion") == 0) {
        MRC_TRY(mlflow_alias_set(m, model, "previous", now, err));
    }
    return mlflow_alias_set(m, model, alias, version, err);
}
