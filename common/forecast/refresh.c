/* Refreshing a bundle (refresh.h): teach, judge, write. */
#include "common/forecast/refresh.h"

#include "common/base/date.h"
#include "common/base/file.h"
#include "common/forecast/bundle_files.h"
#include "common/forecast/forecast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = BUNDLE_FILE_BYTES_MAX };

/* A film whose first week is over, or not yet. */
struct refresh_film {
    const struct row *row;
    struct str id;  /* "" is nobody's */
    double entries; /* NaN: not known yet, teaches nothing */
    bool panel;     /* listed: teaches distributor, genre, country, market */
    bool judged;    /* its error counts for intervals */
};

struct refreshing {
    const struct bundle *b;
    const char *digest; /* of the films' file */
    struct arena arena;
    struct history *history;
    struct scores scores[BUNDLE_MODELS_MAX];
    double offsets[BUNDLE_MODELS_MAX][CALIBRATE_LEVELS];
    struct bundle_file files[BUNDLE_FILES_MAX];
    size_t n_files;
    struct json_doc *manifest;
    struct mrc_err *err;
};

/* ---- what the films teach -------------------------------------------------------------------------------------- */

/* The bundle's own tables, to be taught. */
static int copy_history(struct refreshing *r)
{
    struct buf text;
    if (!r->b->history || history_is_published(r->b->history)) {
        return mrc_fail(r->err, MRC_EUNSUPPORTED,
                        "%.*s is no private bundle: it keeps too little of past films to add newer ones; refresh or "
                        "train a private one",
                        STR_ARG(r->b->path));
    }
    buf_init(&text, NULL, TEXT_MAX);
    int rc = history_write(r->b->history, &text, r->err);
    if (rc == MRC_OK) {
        rc = history_read(&r->history, buf_text(&text), r->err);
    }
    buf_release(&text);
    return rc;
}

static int teach(struct refreshing *r, const struct refresh_film *films, size_t n, bool complete)
{
    struct film_fields fields = film_fields_of(r->b->schema);
    int32_t before = history_complete(r->b->history);
    size_t taught = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isnan(films[i].entries)) {
            MRC_TRY(history_learn(r->history, &fields, films[i].row, films[i].id, films[i].entries, films[i].panel,
                                  r->err));
            taught++;
        }
    }
    if (taught == 0) {
        return mrc_fail(r->err, MRC_EINVAL, "no film has known entries: there is nothing to learn");
    }
    history_set_complete(r->history, complete ? DATE_NONE : before);
    return history_seal(r->history, r->err);
}

/* ---- what their errors say ------------------------------------------------------------------------------------- */

/* A film's errors under the bundle as it was, by every model that can judge it. */
static int judge_film(struct refreshing *r, const struct refresh_film *f, struct forecast_scratch *scratch,
                      struct arena *a)
{
    const struct bundle *b = r->b;
    int64_t date = schema_find(b->schema, STR("release_date"));
    struct row row = *f->row;
    uint32_t n = schema_count(b->schema);
    struct value *values = ARENA_ARRAY(a, n, struct value);
    if (!values) {
        return arena_fail(a, r->err);
    }
    memcpy(values, row.values, n * sizeof *values);
    row.values = values;
    for (;;) {
        struct forecast y;
        MRC_TRY(forecast_row(b, &row, scratch, a, &y, NULL, r->err));
        double error = (log10(fmax(1, f->entries)) - y.log10_base) / y.scale;
        scores_add(&r->scores[y.model - b->models], row.values[date].date, error);
        if (y.model->n_needs == 0) {
            return MRC_OK;
        }
        values[y.model->needs[0]] = (struct value){.date = DATE_NONE}; /* the next one down */
    }
}

static int judge_films(struct refreshing *r, const struct refresh_film *films, size_t n)
{
    struct forecast_scratch *scratch;
    struct arena a;
    MRC_TRY(forecast_scratch_new(&scratch, r->b, r->err));
    arena_init(&a, 0);
    int rc = MRC_OK;
    for (size_t i = 0; rc == MRC_OK && i < n; i++) {
        if (films[i].judged && !isnan(films[i].entries)) {
            arena_reset(&a);
            rc = judge_film(r, &films[i], scratch, &a);
        }
    }
    arena_release(&a);
    forecast_scratch_free(scratch);
    return rc;
}

/* Offsets of the scores as they are now; a bundle that kept none keeps its offsets. */
static bool has_scores(const struct bundle_model *m)
{
    return m->scores && m->scores->n >= CALIBRATE_RESIDUALS_MIN && m->n_levels == CALIBRATE_LEVELS;
}

static int roll(struct refreshing *r, const struct refresh_film *films, size_t n)
{
    for (uint32_t i = 0; i < r->b->n_models; i++) {
        if (r->b->models[i].scores) {
            r->scores[i] = *r->b->models[i].scores;
        }
    }
    MRC_TRY(judge_films(r, films, n));
    for (uint32_t i = 0; i < r->b->n_models; i++) {
        if (has_scores(&r->b->models[i])) {
            MRC_TRY(scores_offsets(&r->scores[i], r->offsets[i], r->err));
        }
    }
    return MRC_OK;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* Made anew by bundle_build, or here. */
static bool made_anew(const struct bundle *b, struct str name)
{
    static const char *const own[] = {"schema.json",        "forecast.json", "interval.json",      "selftest.json",
                                      "metrics.json",       "MLmodel",       "requirements.txt",   "python_env.yaml",
                                      "input_example.json", "conda.yaml",    "tables/history.json"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (str_is(name, own[i])) {
            return true;
        }
    }
    for (uint32_t i = 0; i < b->n_models; i++) {
        const struct bundle_model *m = &b->models[i];
        if (str_eq(name, m->file) || str_eq(name, m->features_file) || (m->scale && str_eq(name, m->scale_file))) {
            return true;
        }
    }
    for (uint32_t i = 0; i < b->n_fillers; i++) {
        if (str_eq(name, b->fillers[i].file) || str_eq(name, b->fillers[i].features_file)) {
            return true;
        }
    }
    return false;
}

static int add_file(struct refreshing *r, const char *name, struct str text)
{
    if (r->n_files == BUNDLE_FILES_MAX) {
        return mrc_fail(r->err, MRC_ELIMIT, "more than %d files", BUNDLE_FILES_MAX);
    }
    r->files[r->n_files++] = (struct bundle_file){name, text};
    return MRC_OK;
}

static int read_file(struct refreshing *r, const char *name, struct str *out)
{
    char *path = path_join(&r->arena, r->b->path.p, name), *text;
    size_t n;
    if (!path) {
        return arena_fail(&r->arena, r->err);
    }
    MRC_TRY(file_read(path, BUNDLE_FILE_BYTES_MAX, &text, &n, r->err));
    bool copied = str_copy(&r->arena, (struct str){text, n}, out);
    free(text);
    return copied ? MRC_OK : arena_fail(&r->arena, r->err);
}

static int take_files(struct refreshing *r)
{
    const struct json *files;
    struct buf history;
    MRC_TRY(json_get(json_root(r->manifest), "files", JSON_OBJECT, &files, r->err));
    for (const struct json *f = json_first(files); f; f = json_next(f)) {
        struct str text;
        if (!made_anew(r->b, json_key(f))) {
            MRC_TRY(read_file(r, json_key(f).p, &text));
            MRC_TRY(add_file(r, json_key(f).p, text));
        }
    }
    buf_init(&history, &r->arena, TEXT_MAX);
    MRC_TRY(history_write(r->history, &history, r->err));
    return add_file(r, "tables/history.json", buf_text(&history));
}

static int take_text(struct refreshing *r, const char *key, struct str *out)
{
    struct buf b;
    struct json_out w;
    const struct json *value = json_find(json_root(r->manifest), key);
    buf_init(&b, &r->arena, TEXT_MAX);
    json_out_init(&w, &b);
    if (value) {
        json_put_value(&w, value);
    }
    *out = buf_text(&b);
    return buf_ok(&b, r->err);
}

static int take_models(struct refreshing *r, struct bundle_part_model *out)
{
    const struct bundle *b = r->b;
    for (uint32_t i = 0; i < b->n_models; i++) {
        const struct bundle_model *m = &b->models[i];
        const char **needs = ARENA_ARRAY(&r->arena, m->n_needs, const char *);
        if (!needs) {
            return arena_fail(&r->arena, r->err);
        }
        for (uint32_t k = 0; k < m->n_needs; k++) {
            needs[k] = schema_field(b->schema, (uint32_t)m->needs[k])->name.p;
        }
        out[i] =
            (struct bundle_part_model){.name = m->name.p,
                                       .file = m->file.p,
                                       .features_file = m->features_file.p,
                                       .features = features_source(m->features),
                                       .model = m->model,
                                       .needs = needs,
                                       .n_needs = m->n_needs,
                                       .per = m->per >= 0 ? schema_field(b->schema, (uint32_t)m->per)->name.p : NULL,
                                       .levels = m->levels,
                                       .offsets = has_scores(m) ? r->offsets[i] : m->offsets,
                                       .n_levels = m->n_levels,
                                       .scale = m->scale,
                                       .scale_file = m->scale_file.p,
                                       .scores = m->scores ? &r->scores[i] : NULL};
    }
    return MRC_OK;
}

/* The rows that selftest.json tests with. */
static int take_selftest(struct refreshing *r, struct str *out)
{
    struct str text;
    struct json_doc *doc;
    struct json_out w;
    struct buf b;
    const struct json *rows;
    MRC_TRY(read_file(r, "selftest.json", &text));
    MRC_TRY(bundle_json(&doc, text, "selftest.json", JSON_OBJECT, r->err));
    buf_init(&b, &r->arena, TEXT_MAX);
    json_out_init(&w, &b);
    json_open_array(&w);
    int rc = json_get(json_root(doc), "rows", JSON_ARRAY, &rows, r->err);
    for (const struct json *x = rc == MRC_OK ? json_first(rows) : NULL; x; x = json_next(x)) {
        json_put_value(&w, json_find(x, "row"));
    }
    json_close_array(&w);
    json_free(doc);
    *out = buf_text(&b);
    return rc < 0 ? rc : buf_ok(&b, r->err);
}

static int write_version(struct refreshing *r, const char *to, const char *created)
{
    const struct bundle *b = r->b;
    struct bundle_part_model models[BUNDLE_MODELS_MAX];
    struct bundle_part_filler fillers[BUNDLE_FILLERS_MAX];
    struct str version = str_of(to), digest;
    const struct json *data;
    int64_t seed, rows_train;
    while (version.n > 1 && version.p[version.n - 1] == '/') {
        version.n--;
    }
    for (size_t i = version.n; i-- > 0;) {
        if (version.p[i] == '/') {
            version = (struct str){version.p + i + 1, version.n - i - 1};
            break;
        }
    }
    struct bundle_parts parts = {.name = b->name.p, .created = created, .models = models, .n_models = b->n_models};
    MRC_TRY(str_copy(&r->arena, version, &version) ? MRC_OK : arena_fail(&r->arena, r->err));
    parts.version = version.p;
    MRC_TRY(take_files(r));
    MRC_TRY(take_models(r, models));
    for (uint32_t i = 0; i < b->n_fillers; i++) {
        const struct bundle_filler *f = &b->fillers[i];
        fillers[i] = (struct bundle_part_filler){
            .field = schema_field(b->schema, (uint32_t)f->field)->name.p,
            .unit = f->unit >= 0 ? schema_field(b->schema, (uint32_t)f->unit)->name.p : NULL,
            .least = f->least,
            .file = f->file.p,
            .features_file = f->features_file.p,
            .features = features_source(f->features),
            .model = f->model};
    }
    parts.fillers = fillers;
    parts.n_fillers = b->n_fillers;
    MRC_TRY(read_file(r, "schema.json", &parts.schema));
    MRC_TRY(take_text(r, "metrics", &parts.metrics));
    MRC_TRY(take_text(r, "parameters", &parts.parameters));
    MRC_TRY(take_selftest(r, &parts.selftest_rows));
    MRC_TRY(json_get_i64(json_root(r->manifest), "seed", 0, INT64_MAX, &seed, r->err));
    MRC_TRY(json_get(json_root(r->manifest), "data", JSON_OBJECT, &data, r->err));
    MRC_TRY(json_get_str(data, "sha256", &digest, r->err));
    MRC_TRY(json_get_i64(data, "rows_train", 0, INT64_MAX, &rows_train, r->err));
    parts.seed = seed;
    parts.data_digest = digest.p;
    parts.refreshed_with = r->digest;
    parts.rows_train = (uint64_t)rows_train;
    parts.rows_history = history_films(r->history);
    parts.histories_as_of = history_as_of(r->history);
    parts.files = r->files;
    parts.n_files = r->n_files;
    return bundle_build(to, &parts, r->err);
}

static int refresh(struct refreshing *r, const char *to, const struct film_data *d,
                   const struct refresh_options *options)
{
    int64_t id = schema_find(r->b->schema, STR("film_id"));
    struct refresh_film *films = ARENA_ARRAY(&r->arena, d->n, struct refresh_film);
    size_t n = 0;
    if (!films) {
        return arena_fail(&r->arena, r->err);
    }
    for (size_t i = 0; i < d->n; i++) {
        const struct film *f = &d->films[i];
        bool named = id >= 0 && f->row.values[id].present;
        if (f->use != FILM_IGNORE) {
            films[n++] = (struct refresh_film){.row = &f->row,
                                               .id = named ? f->id : STR(""),
                                               .entries = f->entries,
                                               .panel = f->panel,
                                               .judged = f->use == FILM_TRAIN};
        }
    }
    MRC_TRY(copy_history(r));
    MRC_TRY(teach(r, films, n, options->complete));
    MRC_TRY(roll(r, films, n));
    MRC_TRY(bundle_json(&r->manifest, r->b->manifest, "manifest.json", JSON_OBJECT, r->err));
    return write_version(r, to, options->created);
}

int bundle_refresh(const struct bundle *b, const char *to, const struct film_data *films,
                   const struct refresh_options *options, struct mrc_err *err)
{
    struct refreshing *r = calloc(1, sizeof *r);
    if (!r) {
        return mrc_fail(err, MRC_ENOMEM, "no memory to refresh");
    }
    r->b = b;
    r->digest = films->digest;
    r->err = err;
    arena_init(&r->arena, 0);
    int rc = refresh(r, to, films, options);
    json_free(r->manifest);
    history_free(r->history);
    arena_release(&r->arena);
    free(r);
    return rc;
}
