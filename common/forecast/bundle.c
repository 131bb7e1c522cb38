/* Opening a bundle: digests, parsing, consistency, self-test. */
#include "common/forecast/bundle.h"

#include "common/base/date.h"
#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/forecast/bundle_files.h"
#include "common/forecast/quantile.h"
#include "common/forecast/similar.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXPLAINER_BYTES_MAX = 4 << 20 };

/* A file of the manifest, in memory while the bundle is opened. */
struct loaded {
    struct str name;
    struct str text; /* malloc'd */
};

struct opening {
    struct bundle *b;
    const char *folder;
    struct json_doc *manifest;
    struct loaded *files;
    uint32_t n_files;
    struct mrc_err *err;
};

/* ---- names and files ------------------------------------------------------------------------------------------- */

static bool part_valid(struct str part)
{
    for (size_t i = 0; i < part.n; i++) {
        char c = part.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '_' && c != '-' && c != '.') {
            return false;
        }
    }
    return part.n > 0 && part.p[0] != '.';
}

bool bundle_name_valid(struct str name)
{
    unsigned parts = 0;
    for (size_t i = 0; i <= name.n && name.n <= BUNDLE_NAME_MAX; parts++) {
        const char *slash = i < name.n ? memchr(name.p + i, '/', name.n - i) : NULL;
        size_t end = slash ? (size_t)(slash - name.p) : name.n;
        if (!part_valid((struct str){name.p + i, end - i})) {
            return false;
        }
        i = end + 1;
    }
    return parts > 0 && parts <= 4;
}

bool bundle_version_valid(struct str version)
{
    return version.n <= 64 && part_valid(version) && !str_is(version, "current") && !str_is(version, "previous");
}

int bundle_json(struct json_doc **doc, struct str text, const char *name, enum json_type type, struct mrc_err *err)
{
    int rc = json_read(doc, text, &json_limits_file, NULL, err);
    if (rc == MRC_OK && json_type(json_root(*doc)) != type) {
        json_free(*doc);
        rc = mrc_fail(err, MRC_EFORMAT, "must be an %s", json_type_name(type));
    }
    if (rc < 0 && err) {
        err_wrap(err, "%s", name);
    }
    return rc;
}

/* Neither the file nor a folder on the way to it may be a link: what the manifest names is in the version's folder. */
static int check_path(struct opening *o, struct str name, uint64_t bytes)
{
    struct buf path;
    struct stat st = {0};
    buf_init(&path, &o->b->arena, 4096);
    buf_puts(&path, o->folder);
    for (size_t i = 0, end; i < name.n; i = end + 1) {
        const char *slash = memchr(name.p + i, '/', name.n - i);
        end = slash ? (size_t)(slash - name.p) : name.n;
        buf_char(&path, '/');
        buf_add(&path, name.p + i, end - i);
        MRC_TRY(buf_ok(&path, o->err));
        if (lstat(path.p, &st) < 0) {
            return mrc_fail_errno(o->err, errno == ENOENT ? MRC_EFORMAT : MRC_EIO, errno, "%.*s", STR_ARG(name));
        }
        if (slash ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode)) {
            return mrc_fail(o->err, MRC_EFORMAT, "%.*s: not a plain file in plain folders", STR_ARG(name));
        }
    }
    if ((uint64_t)st.st_size != bytes) {
        return mrc_fail(o->err, MRC_EFORMAT, "%.*s has %lld bytes, its manifest says %llu", STR_ARG(name),
                        (long long)st.st_size, (unsigned long long)bytes);
    }
    return MRC_OK;
}

static int load_file(struct opening *o, const struct json *entry, uint64_t *total)
{
    struct str name = json_key(entry), digest;
    int64_t bytes;
    if (!bundle_name_valid(name)) {
        return mrc_fail(o->err, MRC_EFORMAT, "manifest.json: file name \"%.*s\" may leave the folder", STR_ARG(name));
    }
    MRC_TRY(json_get_str(entry, "sha256", &digest, o->err));
    MRC_TRY(json_get_i64(entry, "bytes", 0, BUNDLE_FILE_BYTES_MAX, &bytes, o->err));
    *total += (uint64_t)bytes;
    if (*total > BUNDLE_BYTES_MAX) {
        return mrc_fail(o->err, MRC_ELIMIT, "the files are larger than %d bytes together", BUNDLE_BYTES_MAX);
    }
    MRC_TRY(check_path(o, name, (uint64_t)bytes));
    struct loaded *file = &o->files[o->n_files];
    char *path = path_join(&o->b->arena, o->folder, name.p), *text, found[SHA256_HEX];
    size_t n;
    if (!path) {
        return arena_fail(&o->b->arena, o->err);
    }
    MRC_TRY(file_read(path, BUNDLE_FILE_BYTES_MAX, &text, &n, o->err));
    *file = (struct loaded){name, {text, n}};
    o->n_files++;
    sha256_hex(file->text, found);
    if (!str_is(digest, found)) {
        return mrc_fail(o->err, MRC_EFORMAT, "%.*s: its content has another sha256 than manifest.json says",
                        STR_ARG(name));
    }
    return MRC_OK;
}

static struct str find_file(const struct opening *o, struct str name)
{
    for (uint32_t i = 0; i < o->n_files; i++) {
        if (str_eq(o->files[i].name, name)) {
            return o->files[i].text;
        }
    }
    return (struct str){NULL, 0};
}

static int need_file(const struct opening *o, struct str name, struct str *text)
{
    *text = find_file(o, name);
    return text->p ? MRC_OK : mrc_fail(o->err, MRC_EFORMAT, "manifest.json names no %.*s", STR_ARG(name));
}

/* ---- manifest -------------------------------------------------------------------------------------------------- */

static int keep(struct opening *o, struct str text, struct str *out)
{
    return str_copy(&o->b->arena, text, out) ? MRC_OK : arena_fail(&o->b->arena, o->err);
}

static int read_facts(struct opening *o, const struct json *root)
{
    struct bundle *b = o->b;
    struct str text;
    int64_t format;
    MRC_TRY(json_get_i64(root, "format", 1, INT32_MAX, &format, o->err));
    if (format != 1) {
        return mrc_fail(o->err, MRC_EUNSUPPORTED, "bundle format %lld: this version reads format 1", (long long)format);
    }
    MRC_TRY(json_get_str(root, "name", &text, o->err));
    MRC_TRY(keep(o, text, &b->name));
    MRC_TRY(json_get_str(root, "version", &text, o->err));
    MRC_TRY(keep(o, text, &b->version));
    if (!bundle_version_valid(b->name) || !bundle_version_valid(b->version)) {
        return mrc_fail(o->err, MRC_EFORMAT, "name \"%.*s\" or version \"%.*s\" is not of [A-Za-z0-9._-]",
                        STR_ARG(b->name), STR_ARG(b->version));
    }
    MRC_TRY(json_get_str(root, "histories_as_of", &text, o->err));
    b->histories_as_of = date_parse(text, NULL);
    if (b->histories_as_of == DATE_NONE) {
        return mrc_fail(o->err, MRC_EFORMAT, "\"histories_as_of\" is no date: \"%.*s\"", STR_ARG(text));
    }
    return MRC_OK;
}

static int load_files(struct opening *o, const struct json *root)
{
    const struct json *files;
    MRC_TRY(json_get(root, "files", JSON_OBJECT, &files, o->err));
    size_t n = json_count(files);
    if (n > BUNDLE_FILES_MAX) {
        return mrc_fail(o->err, MRC_ELIMIT, "%zu files, at most %d", n, BUNDLE_FILES_MAX);
    }
    o->files = calloc(n + 1, sizeof *o->files);
    if (!o->files) {
        return mrc_fail(o->err, MRC_ENOMEM, "no memory for %zu files", n);
    }
    uint64_t total = 0;
    for (const struct json *entry = json_first(files); entry; entry = json_next(entry)) {
        MRC_TRY(load_file(o, entry, &total));
    }
    return MRC_OK;
}

static int open_manifest(struct opening *o)
{
    struct bundle *b = o->b;
    char *path = path_join(&b->arena, o->folder, "manifest.json"), *text;
    size_t n;
    if (!path) {
        return arena_fail(&b->arena, o->err);
    }
    MRC_TRY(file_read(path, MANIFEST_BYTES_MAX, &text, &n, o->err));
    int rc = keep(o, (struct str){text, n}, &b->manifest);
    free(text);
    MRC_TRY(rc);
    sha256_hex(b->manifest, b->digest);
    MRC_TRY(bundle_json(&o->manifest, b->manifest, "manifest.json", JSON_OBJECT, o->err));
    rc = read_facts(o, json_root(o->manifest));
    if (rc < 0) {
        return o->err ? err_wrap(o->err, "manifest.json") : rc;
    }
    return load_files(o, json_root(o->manifest));
}

/* Files and folders at the top that the manifest knows nothing of (a registry adds its own). */
static int list_strangers(struct opening *o)
{
    struct str *names = NULL;
    size_t n = 0;
    MRC_TRY(folder_list(o->folder, &o->b->arena, &names, &n, o->err));
    uint32_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool known = str_is(names[i], "manifest.json");
        for (uint32_t k = 0; k < o->n_files && !known; k++) {
            struct str file = o->files[k].name;
            known = file.n >= names[i].n && memcmp(file.p, names[i].p, names[i].n) == 0 &&
                    (file.n == names[i].n || file.p[names[i].n] == '/');
        }
        if (!known) {
            names[kept++] = names[i];
        }
    }
    o->b->strangers = names;
    o->b->n_strangers = kept;
    return MRC_OK;
}

/* ---- models ---------------------------------------------------------------------------------------------------- */

/* n: columns that the model has, its list's and perhaps more behind them. */
static int check_columns(const mrc_model *model, const struct features *features, uint32_t n, struct mrc_err *err)
{
    uint32_t columns[2] = {0, 0};
    if (mrc_model_dim(model) != 1) {
        return mrc_fail(err, MRC_EFORMAT, "the model has %zu outputs, not 1", mrc_model_dim(model));
    }
    if (mrc_model_features(model) != n) {
        return mrc_fail(err, MRC_EFORMAT, "the model has %zu features, its feature list %u", mrc_model_features(model),
                        n);
    }
    for (uint32_t i = 0; i < features_count(features); i++) {
        const struct feature *ours = features_at(features, i);
        struct mrc_feature theirs;
        MRC_TRY(mrc_model_feature(model, i, &theirs, err));
        enum mrc_feature_kind kind = ours->categorical ? MRC_FEATURE_CAT : MRC_FEATURE_FLOAT;
        if (theirs.kind != kind || theirs.index != columns[ours->categorical]++) {
            return mrc_fail(err, MRC_EFORMAT, "feature %u, \"%.*s\", is not %s in the model", i, STR_ARG(ours->name),
                            ours->categorical ? "a category" : "a number");
        }
        if (!str_is(ours->name, theirs.name)) {
            return mrc_fail(err, MRC_EFORMAT, "feature %u is \"%.*s\", in the model \"%s\"", i, STR_ARG(ours->name),
                            theirs.name);
        }
    }
    return MRC_OK;
}

int bundle_check_model(const mrc_model *model, const struct features *features, struct mrc_err *err)
{
    return check_columns(model, features, features_count(features), err);
}

int bundle_check_scale(const mrc_model *scale, const struct features *features, struct mrc_err *err)
{
    uint32_t n = features_count(features);
    struct mrc_feature last;
    if (mrc_model_features(scale) != n + 1) {
        return bundle_check_model(scale, features, err);
    }
    MRC_TRY(check_columns(scale, features, n + 1, err));
    MRC_TRY(mrc_model_feature(scale, n, &last, err));
    if (last.kind != MRC_FEATURE_FLOAT || strcmp(last.name, BUNDLE_SCORE_COLUMN) != 0) {
        return mrc_fail(err, MRC_EFORMAT, "feature %u, \"%s\", is not in the feature list and is no number \"%s\"", n,
                        last.name, BUNDLE_SCORE_COLUMN);
    }
    return MRC_OK;
}

int bundle_check_levels(const double *levels, const double *offsets, uint32_t n, double *z, struct mrc_err *err)
{
    if (n < 2 || n > BUNDLE_LEVELS_MAX) {
        return mrc_fail(err, MRC_EFORMAT, "%u levels, not 2 to %d", n, BUNDLE_LEVELS_MAX);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!(levels[i] > 0 && levels[i] < 1) || !isfinite(offsets[i])) {
            return mrc_fail(err, MRC_EFORMAT, "level %u is not between 0 and 1, or its offset is not finite", i + 1);
        }
        if (i > 0 && (levels[i] <= levels[i - 1] || offsets[i] < offsets[i - 1])) {
            return mrc_fail(err, MRC_EFORMAT, "level %u: levels must ascend and offsets not descend", i + 1);
        }
        z[i] = normal_quantile(levels[i]);
    }
    if (levels[0] > 0.5 || levels[n - 1] < 0.5) {
        return mrc_fail(err, MRC_EFORMAT, "the levels do not enclose 0.5");
    }
    return MRC_OK;
}

static int read_doubles(struct opening *o, const struct json *object, const char *key, double **out, uint32_t *n)
{
    const struct json *list;
    MRC_TRY(json_get(object, key, JSON_ARRAY, &list, o->err));
    size_t count = json_count(list);
    if (count > BUNDLE_LEVELS_MAX) {
        return mrc_fail(o->err, MRC_ELIMIT, "%zu %s, at most %d", count, key, BUNDLE_LEVELS_MAX);
    }
    double *numbers = ARENA_ARRAY(&o->b->arena, count, double);
    if (!numbers) {
        return arena_fail(&o->b->arena, o->err);
    }
    size_t i = 0;
    for (const struct json *item = json_first(list); item; item = json_next(item), i++) {
        if (!json_double(item, &numbers[i])) {
            return mrc_fail(o->err, MRC_EFORMAT, "\"%s\" holds a %s", key, json_type_name(json_type(item)));
        }
    }
    *out = numbers;
    *n = (uint32_t)count;
    return MRC_OK;
}

/* [["2022-11-30", -0.312], …], oldest first. */
static int read_scores(struct opening *o, const struct json *own, struct bundle_model *m)
{
    const struct json *list;
    if (!json_find(own, "scores")) {
        return MRC_OK;
    }
    MRC_TRY(json_get(own, "scores", JSON_ARRAY, &list, o->err));
    struct scores *s = ARENA_NEW(&o->b->arena, struct scores);
    if (!s) {
        return arena_fail(&o->b->arena, o->err);
    }
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        struct str text;
        double value = NAN;
        const struct json *day = json_type(item) == JSON_ARRAY && json_count(item) == 2 ? json_first(item) : NULL;
        int32_t date = day && json_str(day, &text) ? date_parse(text, NULL) : DATE_NONE;
        if (date == DATE_NONE || !json_double(json_next(day), &value) || !isfinite(value) || s->n == SCORES_MAX) {
            return mrc_fail(o->err, MRC_EFORMAT,
                            "interval.json: \"scores\" must hold up to %d pairs of a date and a number", SCORES_MAX);
        }
        scores_add(s, date, value);
    }
    m->scores = s;
    return MRC_OK;
}

static int read_interval(struct opening *o, const struct json *interval, struct bundle_model *m)
{
    const struct json *models, *own;
    double *levels = NULL, *offsets = NULL;
    uint32_t n = 0;
    MRC_TRY(json_get(interval, "models", JSON_OBJECT, &models, o->err));
    MRC_TRY(json_get(models, m->name.p, JSON_OBJECT, &own, o->err));
    MRC_TRY(read_doubles(o, own, "levels", &levels, &m->n_levels));
    MRC_TRY(read_doubles(o, own, "offsets", &offsets, &n));
    if (n != m->n_levels) {
        return mrc_fail(o->err, MRC_EFORMAT, "%u levels but %u offsets", m->n_levels, n);
    }
    double *z = ARENA_ARRAY(&o->b->arena, n, double);
    if (!z) {
        return arena_fail(&o->b->arena, o->err);
    }
    m->levels = levels;
    m->offsets = offsets;
    m->z = z;
    MRC_TRY(read_scores(o, own, m));
    return bundle_check_levels(levels, offsets, n, z, o->err);
}

static int read_raw_field(struct opening *o, struct str name, int64_t *out)
{
    *out = schema_find(o->b->schema, name);
    if (*out < 0 || schema_field(o->b->schema, (uint32_t)*out)->known == KNOWN_AFTER) {
        return mrc_fail(o->err, MRC_EFORMAT, "the schema has no field \"%.*s\" known before release", STR_ARG(name));
    }
    return MRC_OK;
}

static int read_needs(struct opening *o, const struct json *entry, struct bundle_model *m)
{
    const struct json *list;
    MRC_TRY(json_get(entry, "needs", JSON_ARRAY, &list, o->err));
    size_t n = json_count(list);
    int64_t *needs = n <= SCHEMA_FIELDS_MAX ? ARENA_ARRAY(&o->b->arena, n, int64_t) : NULL;
    if (!needs) {
        return n > SCHEMA_FIELDS_MAX ? mrc_fail(o->err, MRC_ELIMIT, "%zu needs", n) : arena_fail(&o->b->arena, o->err);
    }
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        struct str name;
        if (!json_str(item, &name)) {
            return mrc_fail(o->err, MRC_EFORMAT, "\"needs\" must hold field names");
        }
        MRC_TRY(read_raw_field(o, name, &needs[m->n_needs++]));
    }
    m->needs = needs;
    return MRC_OK;
}

/* "per": a needed number that is never 0. */
static int read_per(struct opening *o, const struct json *entry, struct bundle_model *m)
{
    struct str name;
    m->per = -1;
    if (!json_find(entry, "per")) {
        return MRC_OK;
    }
    MRC_TRY(json_get_str(entry, "per", &name, o->err));
    MRC_TRY(read_raw_field(o, name, &m->per));
    const struct field *f = schema_field(o->b->schema, (uint32_t)m->per);
    bool number = f->type == FIELD_NUMBER || f->type == FIELD_INTEGER;
    bool positive = f->has_min && (f->min > 0 || (f->min == 0 && f->exclusive_min));
    bool needed = f->required;
    for (uint32_t i = 0; i < m->n_needs; i++) {
        needed = needed || m->needs[i] == m->per;
    }
    if (!number || !positive || !needed) {
        return mrc_fail(o->err, MRC_EFORMAT, "\"per\": \"%.*s\" must be a needed number above 0", STR_ARG(name));
    }
    return MRC_OK;
}

/* The text of tables/NAME.json for features.c. */
static struct str find_table(const char *name, void *arg)
{
    const struct opening *o = arg;
    char path[BUNDLE_NAME_MAX];
    int n = snprintf(path, sizeof path, "tables/%s.json", name);
    return n < (int)sizeof path ? find_file(o, str_of(path)) : (struct str){NULL, 0};
}

typedef int (*model_check)(const mrc_model *model, const struct features *features, struct mrc_err *err);

static int open_model(struct opening *o, struct str file, const struct features *features, model_check check,
                      mrc_model **out)
{
    struct str text;
    MRC_TRY(need_file(o, file, &text));
    int rc = mrc_model_open_mem(out, text.p, text.n, o->err);
    if (rc == MRC_OK) {
        rc = check(*out, features, o->err);
    }
    return rc < 0 && o->err ? err_wrap(o->err, "%.*s", STR_ARG(file)) : rc;
}

/* Forecasts do not need it: a model that cannot be explained still serves. */
static int prepare_reasons(struct opening *o, struct bundle_model *m)
{
    struct mrc_err why = {0};
    int rc = mrc_explainer_new(&m->explainer, m->model, EXPLAINER_BYTES_MAX, &why);
    if (rc == MRC_EUNSUPPORTED) {
        m->explainer = NULL;
        return MRC_OK;
    }
    return rc < 0 ? mrc_fail(o->err, rc, "%s", why.msg) : MRC_OK;
}

static int read_model(struct opening *o, const struct json *entry, const struct json *interval, struct bundle_model *m)
{
    struct str text, file, features;
    MRC_TRY(json_get_str(entry, "file", &file, o->err));
    MRC_TRY(json_get_str(entry, "features", &features, o->err));
    MRC_TRY(read_needs(o, entry, m));
    MRC_TRY(read_per(o, entry, m));
    MRC_TRY(read_interval(o, interval, m));
    MRC_TRY(keep(o, file, &m->file));
    MRC_TRY(keep(o, features, &m->features_file));
    MRC_TRY(need_file(o, features, &text));
    int rc = features_read(&m->features, o->b->schema, text, find_table, o, o->err);
    if (rc == MRC_OK) {
        rc = bundle_bind(o->b, m->features, o->err);
    }
    if (rc < 0) {
        return o->err ? err_wrap(o->err, "%.*s", STR_ARG(features)) : rc;
    }
    rc = open_model(o, file, m->features, bundle_check_model, &m->model);
    rc = rc < 0 ? rc : prepare_reasons(o, m);
    if (rc == MRC_OK && json_find(entry, "scale")) {
        MRC_TRY(json_get_str(entry, "scale", &file, o->err));
        MRC_TRY(keep(o, file, &m->scale_file));
        rc = open_model(o, file, m->features, bundle_check_scale, &m->scale);
    }
    return rc;
}

/* A filler estimates a number that no film must have. */
static int check_filled(struct opening *o, const struct bundle_filler *f, struct str name)
{
    const struct field *field = schema_field(o->b->schema, (uint32_t)f->field);
    const struct field *unit = f->unit >= 0 ? schema_field(o->b->schema, (uint32_t)f->unit) : NULL;
    if (field->type != FIELD_NUMBER || field->required) {
        return mrc_fail(o->err, MRC_EFORMAT, "forecast.json: \"%.*s\" is filled but no optional number", STR_ARG(name));
    }
    if (unit && (unit->type != FIELD_CATEGORY || unit->required)) {
        return mrc_fail(o->err, MRC_EFORMAT, "forecast.json: the unit of \"%.*s\" is no optional category",
                        STR_ARG(name));
    }
    return MRC_OK;
}

static int read_filler(struct opening *o, const struct json *entry, struct bundle_filler *f)
{
    struct str name, unit, file, features, text;
    MRC_TRY(json_get_str(entry, "field", &name, o->err));
    MRC_TRY(json_get_str(entry, "file", &file, o->err));
    MRC_TRY(json_get_str(entry, "features", &features, o->err));
    MRC_TRY(json_get_double(entry, "least", &f->least, o->err));
    MRC_TRY(read_raw_field(o, name, &f->field));
    f->unit = -1;
    if (json_find(entry, "unit")) {
        MRC_TRY(json_get_str(entry, "unit", &unit, o->err));
        MRC_TRY(read_raw_field(o, unit, &f->unit));
    }
    MRC_TRY(check_filled(o, f, name));
    MRC_TRY(keep(o, file, &f->file));
    MRC_TRY(keep(o, features, &f->features_file));
    MRC_TRY(need_file(o, features, &text));
    int rc = features_read(&f->features, o->b->schema, text, find_table, o, o->err);
    if (rc == MRC_OK) {
        rc = bundle_bind(o->b, f->features, o->err);
    }
    if (rc < 0) {
        return o->err ? err_wrap(o->err, "%.*s", STR_ARG(features)) : rc;
    }
    return open_model(o, file, f->features, bundle_check_model, &f->model);
}

static int read_fillers(struct opening *o, const struct json *forecast)
{
    struct bundle *b = o->b;
    const struct json *list = json_find(forecast, "fill");
    if (!list) {
        return MRC_OK;
    }
    MRC_TRY(json_get(forecast, "fill", JSON_ARRAY, &list, o->err));
    size_t n = json_count(list);
    if (n > BUNDLE_FILLERS_MAX) {
        return mrc_fail(o->err, MRC_ELIMIT, "forecast.json: %zu fillers, at most %d", n, BUNDLE_FILLERS_MAX);
    }
    b->fillers = ARENA_ARRAY(&b->arena, n, struct bundle_filler);
    if (!b->fillers) {
        return arena_fail(&b->arena, o->err);
    }
    for (const struct json *entry = json_first(list); entry; entry = json_next(entry)) {
        MRC_TRY(read_filler(o, entry, &b->fillers[b->n_fillers++]));
    }
    return MRC_OK;
}

/* The usual range of each number, from reference.json when the version has one: its first and last points. */
static int read_domain(struct opening *o, const struct json *reference, struct bundle_model *m)
{
    const struct json *models = json_find(reference, "models");
    const struct json *own = models && json_type(models) == JSON_OBJECT ? json_find(models, m->name.p) : NULL;
    const struct json *list = own && json_type(own) == JSON_OBJECT ? json_find(own, "features") : NULL;
    if (!list || json_type(list) != JSON_ARRAY || json_count(list) != features_count(m->features)) {
        return mrc_fail(o->err, MRC_EFORMAT, "reference.json: \"models\" do not describe the features of \"%.*s\"",
                        STR_ARG(m->name));
    }
    float *domain = ARENA_ARRAY(&o->b->arena, (size_t)2 * features_floats(m->features), float);
    if (!domain) {
        return arena_fail(&o->b->arena, o->err);
    }
    uint32_t next = 0, i = 0;
    for (const struct json *x = json_first(list); x; x = json_next(x), i++) {
        if (features_at(m->features, i)->categorical) {
            continue;
        }
        const struct json *points = json_type(x) == JSON_OBJECT ? json_find(x, "points") : NULL;
        double low = -INFINITY, high = INFINITY;
        for (const struct json *p = points && json_type(points) == JSON_ARRAY ? json_first(points) : NULL; p;
             p = json_next(p)) {
            double v;
            if (!json_double(p, &v)) {
                return mrc_fail(o->err, MRC_EFORMAT, "reference.json: \"points\" must be numbers");
            }
            low = p == json_first(points) ? v : low;
            high = v;
        }
        domain[next++] = (float)low;
        domain[next++] = (float)high;
    }
    m->domain = domain;
    return MRC_OK;
}

static int read_domains(struct opening *o)
{
    struct str text = find_file(o, STR("reference.json"));
    struct json_doc *doc;
    if (!text.p) {
        return MRC_OK;
    }
    MRC_TRY(bundle_json(&doc, text, "reference.json", JSON_OBJECT, o->err));
    int rc = MRC_OK;
    for (uint32_t i = 0; rc == MRC_OK && i < o->b->n_models; i++) {
        rc = read_domain(o, json_root(doc), &o->b->models[i]);
    }
    json_free(doc);
    return rc;
}

static int read_models(struct opening *o, const struct json *forecast, const struct json *interval)
{
    struct bundle *b = o->b;
    const struct json *list;
    MRC_TRY(json_get(forecast, "models", JSON_ARRAY, &list, o->err));
    size_t n = json_count(list);
    if (n == 0 || n > BUNDLE_MODELS_MAX) {
        return mrc_fail(o->err, MRC_EFORMAT, "forecast.json: %zu models, not 1 to %d", n, BUNDLE_MODELS_MAX);
    }
    b->models = ARENA_ARRAY(&b->arena, n, struct bundle_model);
    if (!b->models) {
        return arena_fail(&b->arena, o->err);
    }
    for (const struct json *entry = json_first(list); entry; entry = json_next(entry)) {
        struct bundle_model *m = &b->models[b->n_models++];
        struct str name;
        MRC_TRY(json_get_str(entry, "name", &name, o->err));
        MRC_TRY(keep(o, name, &m->name));
        int rc = read_model(o, entry, interval, m);
        if (rc < 0) {
            return o->err ? err_wrap(o->err, "model \"%.*s\"", STR_ARG(m->name)) : rc;
        }
    }
    if (b->models[n - 1].n_needs > 0) {
        return mrc_fail(o->err, MRC_EFORMAT, "forecast.json: the last model must need nothing");
    }
    return MRC_OK;
}

static int read_contents(struct opening *o)
{
    struct str schema, forecast, interval, text;
    struct json_doc *forecast_doc = NULL, *interval_doc = NULL;
    MRC_TRY(need_file(o, STR("schema.json"), &schema));
    MRC_TRY(need_file(o, STR("forecast.json"), &forecast));
    MRC_TRY(need_file(o, STR("interval.json"), &interval));
    int rc = schema_read(&o->b->schema, schema, o->err);
    if (rc < 0) {
        return o->err ? err_wrap(o->err, "schema.json") : rc;
    }
    MRC_TRY(bundle_read_tables(o->b, find_table, o, o->err));
    if (o->b->history && history_as_of(o->b->history) != o->b->histories_as_of) {
        return mrc_fail(o->err, MRC_EFORMAT, "tables/history.json ends on another day than \"histories_as_of\" says");
    }
    if ((rc = bundle_json(&forecast_doc, forecast, "forecast.json", JSON_OBJECT, o->err)) == MRC_OK &&
        (rc = bundle_json(&interval_doc, interval, "interval.json", JSON_OBJECT, o->err)) == MRC_OK) {
        rc = read_fillers(o, json_root(forecast_doc));
        rc = rc < 0 ? rc : read_models(o, json_root(forecast_doc), json_root(interval_doc));
        json_free(interval_doc);
    }
    json_free(forecast_doc);
    MRC_TRY(rc);
    MRC_TRY(read_domains(o));
    text = find_file(o, STR("tables/similar.json"));
    rc = text.p ? similar_read(&o->b->similar, &o->b->arena, text, o->b->models[o->b->n_models - 1].model, o->err)
                : MRC_OK;
    return rc < 0 && o->err ? err_wrap(o->err, "tables/similar.json") : rc;
}

/* ---- opening --------------------------------------------------------------------------------------------------- */

static int open_steps(struct opening *o, bool selftest)
{
    struct str text;
    MRC_TRY(keep(o, str_of(o->folder), &o->b->path));
    MRC_TRY(open_manifest(o));
    MRC_TRY(list_strangers(o));
    MRC_TRY(read_contents(o));
    if (!selftest) {
        return MRC_OK;
    }
    MRC_TRY(need_file(o, STR("selftest.json"), &text));
    return selftest_run(o->b, text, o->err);
}

static int open_bundle(struct bundle **out, const char *folder, bool selftest, struct mrc_err *err)
{
    struct bundle *b = calloc(1, sizeof *b);
    if (!b) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a bundle");
    }
    arena_init(&b->arena, 0);
    struct opening o = {.b = b, .folder = folder, .err = err};
    int rc = open_steps(&o, selftest);
    for (uint32_t i = 0; i < o.n_files; i++) {
        free((char *)(uintptr_t)o.files[i].text.p);
    }
    free(o.files);
    json_free(o.manifest);
    if (rc < 0) {
        bundle_close(b);
        if (err) {
            err_wrap(err, "%s", folder);
        }
        return rc;
    }
    *out = b;
    return MRC_OK;
}

int bundle_open(struct bundle **out, const char *folder, struct mrc_err *err)
{
    return open_bundle(out, folder, true, err);
}

int bundle_open_unchecked(struct bundle **out, const char *folder, struct mrc_err *err)
{
    return open_bundle(out, folder, false, err);
}

void bundle_close(struct bundle *b)
{
    if (!b) {
        return;
    }
    for (uint32_t i = 0; i < b->n_models; i++) {
        mrc_explainer_free(b->models[i].explainer);
        mrc_model_free(b->models[i].model);
        mrc_model_free(b->models[i].scale);
        features_free(b->models[i].features);
    }
    for (uint32_t i = 0; i < b->n_fillers; i++) {
        mrc_model_free(b->fillers[i].model);
        features_free(b->fillers[i].features);
    }
    bundle_free_tables(b);
    schema_free(b->schema);
    arena_release(&b->arena);
    free(b);
}
