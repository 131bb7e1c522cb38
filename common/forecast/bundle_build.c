/* From what a trainer knows to every text of a version, ours and MLflow's. */
#include "common/base/date.h"
#include "common/base/digest.h"
#include "common/forecast/bundle_files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The library whose format model.cbm has, and the oldest MLflow that reads the folder. */
#define CATBOOST_VERSION "1.2.8"
#define MLFLOW_VERSION   "2.22.0"
#define PYTHON_VERSION   "3.11.9"

enum { TEXT_MAX = 64 << 20 };

struct building {
    const struct bundle_parts *parts;
    struct bundle *b; /* the version in memory: schema, features, models (borrowed) */
    struct arena *arena;
    struct bundle_file files[BUNDLE_FILES_MAX];
    size_t n_files;
    void *model_bytes[2 * BUNDLE_MODELS_MAX + BUNDLE_FILLERS_MAX];
    size_t n_model_bytes;
    struct mrc_err *err;
};

static int add_file(struct building *g, const char *name, struct str text)
{
    if (g->n_files == BUNDLE_FILES_MAX) {
        return mrc_fail(g->err, MRC_EINVAL, "more than %d files", BUNDLE_FILES_MAX);
    }
    g->files[g->n_files++] = (struct bundle_file){name, text};
    return MRC_OK;
}

static int add_buf(struct building *g, const char *name, const struct buf *b)
{
    MRC_TRY(buf_ok(b, g->err));
    return add_file(g, name, buf_text(b));
}

/* A JSON document under construction, for people to read. */
static void begin(struct building *g, struct buf *b, struct json_out *w)
{
    buf_init(b, g->arena, TEXT_MAX);
    json_out_init(w, b);
    w->pretty = true;
    json_open_object(w);
}

static int end(struct building *g, const char *name, struct buf *b, struct json_out *w)
{
    json_close_object(w);
    buf_char(b, '\n');
    return add_buf(g, name, b);
}

/* ---- the version in memory ------------------------------------------------------------------------------------- */

static struct str find_table(const char *name, void *arg)
{
    const struct bundle_parts *parts = arg;
    for (size_t i = 0; i < parts->n_files; i++) {
        struct str file = str_of(parts->files[i].name);
        size_t n = strlen(name);
        if (str_starts(file, "tables/") && file.n == n + 12 && memcmp(file.p + 7, name, n) == 0 &&
            strcmp(file.p + 7 + n, ".json") == 0) {
            return parts->files[i].text;
        }
    }
    return (struct str){NULL, 0};
}

/* mrc_model is never changed here; bundles hold models without const because an opened one owns them. */
static mrc_model *borrowed(const mrc_model *m)
{
    return (mrc_model *)(uintptr_t)m;
}

static int take_filler(struct building *g, const struct bundle_part_filler *part, struct bundle_filler *f)
{
    const struct schema *s = g->b->schema;
    f->field = schema_find(s, str_of(part->field));
    f->unit = part->unit ? schema_find(s, str_of(part->unit)) : -1;
    if (f->field < 0 || (part->unit && f->unit < 0)) {
        return mrc_fail(g->err, MRC_EINVAL, "it fills a field that the schema does not have");
    }
    f->least = part->least;
    f->model = borrowed(part->model);
    MRC_TRY(features_read(&f->features, s, part->features, find_table, (void *)(uintptr_t)g->parts, g->err));
    MRC_TRY(bundle_bind(g->b, f->features, g->err));
    return bundle_check_model(part->model, f->features, g->err);
}

static int take_fillers(struct building *g)
{
    const struct bundle_parts *parts = g->parts;
    if (parts->n_fillers > BUNDLE_FILLERS_MAX) {
        return mrc_fail(g->err, MRC_EINVAL, "%zu fillers, at most %d", parts->n_fillers, BUNDLE_FILLERS_MAX);
    }
    g->b->fillers = ARENA_ARRAY(g->arena, parts->n_fillers, struct bundle_filler);
    if (!g->b->fillers) {
        return arena_fail(g->arena, g->err);
    }
    for (size_t i = 0; i < parts->n_fillers; i++) {
        g->b->n_fillers++;
        int rc = take_filler(g, &parts->fillers[i], &g->b->fillers[i]);
        if (rc < 0) {
            return g->err ? err_wrap(g->err, "filler of \"%s\"", parts->fillers[i].field) : rc;
        }
    }
    return MRC_OK;
}

static int take_model(struct building *g, const struct bundle_part_model *part, struct bundle_model *m)
{
    struct schema *s = g->b->schema;
    m->name = str_of(part->name);
    m->per = -1;
    m->model = borrowed(part->model);
    m->scale = borrowed(part->scale);
    int64_t *needs = ARENA_ARRAY(g->arena, part->n_needs, int64_t);
    double *z = ARENA_ARRAY(g->arena, part->n_levels, double);
    if (!needs || !z) {
        return arena_fail(g->arena, g->err);
    }
    for (size_t i = 0; i < part->n_needs; i++) {
        needs[i] = schema_find(s, str_of(part->needs[i]));
        if (needs[i] < 0) {
            return mrc_fail(g->err, MRC_EINVAL, "it needs \"%s\", which the schema does not have", part->needs[i]);
        }
    }
    m->needs = needs;
    m->n_needs = (uint32_t)part->n_needs;
    MRC_TRY(features_read(&m->features, s, part->features, find_table, (void *)(uintptr_t)g->parts, g->err));
    MRC_TRY(bundle_bind(g->b, m->features, g->err));
    MRC_TRY(bundle_check_model(m->model, m->features, g->err));
    if (m->scale) {
        MRC_TRY(bundle_check_scale(m->scale, m->features, g->err));
    }
    return bundle_check_levels(part->levels, part->offsets, part->n_levels, z, g->err);
}

static int take_models(struct building *g)
{
    const struct bundle_parts *parts = g->parts;
    if (parts->n_models == 0 || parts->n_models > BUNDLE_MODELS_MAX) {
        return mrc_fail(g->err, MRC_EINVAL, "%zu models, not 1 to %d", parts->n_models, BUNDLE_MODELS_MAX);
    }
    const struct bundle_part_model *last = &parts->models[parts->n_models - 1];
    if (last->n_needs > 0 || strcmp(last->file, "model.cbm") != 0) {
        return mrc_fail(g->err, MRC_EINVAL, "the last model must need nothing and be model.cbm");
    }
    MRC_TRY(schema_read(&g->b->schema, parts->schema, g->err));
    MRC_TRY(bundle_read_tables(g->b, find_table, (void *)(uintptr_t)parts, g->err));
    MRC_TRY(take_fillers(g));
    g->b->models = ARENA_ARRAY(g->arena, parts->n_models, struct bundle_model);
    if (!g->b->models) {
        return arena_fail(g->arena, g->err);
    }
    for (size_t i = 0; i < parts->n_models; i++) {
        g->b->n_models++;
        int rc = take_model(g, &parts->models[i], &g->b->models[i]);
        if (rc < 0) {
            return g->err ? err_wrap(g->err, "model \"%s\"", parts->models[i].name) : rc;
        }
    }
    return MRC_OK;
}

/* ---- our texts ------------------------------------------------------------------------------------------------- */

static int add_model_file(struct building *g, const char *name, const mrc_model *m)
{
    size_t n;
    void **bytes = &g->model_bytes[g->n_model_bytes];
    MRC_TRY(mrc_model_write(m, MRC_FORMAT_CBM, bytes, &n, g->err));
    g->n_model_bytes++;
    return add_file(g, name, (struct str){*bytes, n});
}

static int add_models(struct building *g)
{
    for (size_t i = 0; i < g->parts->n_fillers; i++) {
        const struct bundle_part_filler *part = &g->parts->fillers[i];
        MRC_TRY(add_model_file(g, part->file, part->model));
        MRC_TRY(add_file(g, part->features_file, part->features));
    }
    for (size_t i = 0; i < g->parts->n_models; i++) {
        const struct bundle_part_model *part = &g->parts->models[i];
        MRC_TRY(add_model_file(g, part->file, part->model));
        if (part->scale) {
            MRC_TRY(add_model_file(g, part->scale_file, part->scale));
        }
        bool shared = false;
        for (size_t k = 0; k < i && !shared; k++) {
            const struct bundle_part_model *other = &g->parts->models[k];
            shared = strcmp(other->features_file, part->features_file) == 0;
            if (shared && !str_eq(other->features, part->features)) {
                return mrc_fail(g->err, MRC_EINVAL, "two texts for %s", part->features_file);
            }
        }
        if (!shared) {
            MRC_TRY(add_file(g, part->features_file, part->features));
        }
    }
    return MRC_OK;
}

static void put_fillers(const struct building *g, struct json_out *w)
{
    if (g->parts->n_fillers == 0) {
        return;
    }
    json_put_key(w, "fill");
    json_open_array(w);
    for (size_t i = 0; i < g->parts->n_fillers; i++) {
        const struct bundle_part_filler *part = &g->parts->fillers[i];
        json_open_object(w);
        json_pair_cstr(w, "field", part->field);
        if (part->unit) {
            json_pair_cstr(w, "unit", part->unit);
        }
        json_pair_double(w, "least", part->least);
        json_pair_cstr(w, "file", part->file);
        json_pair_cstr(w, "features", part->features_file);
        json_close_object(w);
    }
    json_close_array(w);
}

static int add_forecast(struct building *g)
{
    struct buf b;
    struct json_out w;
    begin(g, &b, &w);
    json_pair_i64(&w, "format", 1);
    put_fillers(g, &w);
    json_put_key(&w, "models");
    json_open_array(&w);
    for (size_t i = 0; i < g->parts->n_models; i++) {
        const struct bundle_part_model *part = &g->parts->models[i];
        json_open_object(&w);
        json_pair_cstr(&w, "name", part->name);
        json_pair_cstr(&w, "file", part->file);
        json_pair_cstr(&w, "features", part->features_file);
        json_put_key(&w, "needs");
        json_open_array(&w);
        for (size_t k = 0; k < part->n_needs; k++) {
            json_put_cstr(&w, part->needs[k]);
        }
        json_close_array(&w);
        if (part->per) {
            json_pair_cstr(&w, "per", part->per);
        }
        if (part->scale) {
            json_pair_cstr(&w, "scale", part->scale_file);
        }
        json_close_object(&w);
    }
    json_close_array(&w);
    return end(g, "forecast.json", &b, &w);
}

static void put_numbers(struct json_out *w, const char *key, const double *numbers, uint32_t n)
{
    json_put_key(w, key);
    json_open_array(w);
    for (uint32_t i = 0; i < n; i++) {
        json_put_double(w, numbers[i]);
    }
    json_close_array(w);
}

/* In the fewest digits that read back to the same bits. */
static void put_scores(struct json_out *w, const struct scores *s)
{
    bool pretty = w->pretty;
    json_put_key(w, "scores");
    json_open_array(w);
    w->pretty = false;
    for (uint32_t i = 0; i < s->n; i++) {
        char date[DATE_TEXT];
        date_format(s->kept[i].date, date);
        json_open_array(w);
        json_put_cstr(w, date);
        json_put_double(w, s->kept[i].value);
        json_close_array(w);
    }
    w->pretty = pretty;
    json_close_array(w);
}

static int add_interval(struct building *g)
{
    struct buf b;
    struct json_out w;
    begin(g, &b, &w);
    json_pair_i64(&w, "format", 1);
    json_put_key(&w, "models");
    json_open_object(&w);
    for (size_t i = 0; i < g->parts->n_models; i++) {
        const struct bundle_part_model *part = &g->parts->models[i];
        json_put_key(&w, part->name);
        json_open_object(&w);
        put_numbers(&w, "levels", part->levels, part->n_levels);
        put_numbers(&w, "offsets", part->offsets, part->n_levels);
        if (part->scores) {
            put_scores(&w, part->scores);
        }
        json_close_object(&w);
    }
    json_close_object(&w);
    return end(g, "interval.json", &b, &w);
}

/* The rows the self-test is made of: the caller's, or synthetic ones. */
static int choose_rows(struct building *g, struct str *rows)
{
    *rows = g->parts->selftest_rows;
    if (rows->n > 0) {
        return MRC_OK;
    }
    struct buf b;
    buf_init(&b, g->arena, TEXT_MAX);
    MRC_TRY(selftest_rows(g->b->schema, &b, g->err));
    *rows = buf_text(&b);
    return MRC_OK;
}

static int add_selftest(struct building *g, struct str rows)
{
    struct buf b;
    buf_init(&b, g->arena, TEXT_MAX);
    MRC_TRY(selftest_write(g->b, rows, &b, g->err));
    buf_char(&b, '\n');
    return add_buf(g, "selftest.json", &b);
}

/* A caller's JSON object, checked; "" is the empty one. */
static int check_object(struct building *g, const char *name, struct str json, struct str *out)
{
    struct json_doc *doc;
    *out = json.n ? json : STR("{}");
    MRC_TRY(bundle_json(&doc, *out, name, JSON_OBJECT, g->err));
    json_free(doc);
    return MRC_OK;
}

static int make_manifest(struct building *g, struct buf *b)
{
    const struct bundle_parts *parts = g->parts;
    struct json_out w;
    struct str metrics, parameters;
    char as_of[DATE_TEXT];
    MRC_TRY(check_object(g, "metrics", parts->metrics, &metrics));
    MRC_TRY(check_object(g, "parameters", parts->parameters, &parameters));
    date_format(parts->histories_as_of, as_of);
    begin(g, b, &w);
    json_pair_i64(&w, "format", 1);
    json_pair_cstr(&w, "name", parts->name);
    json_pair_cstr(&w, "version", parts->version);
    json_pair_cstr(&w, "created", parts->created);
    json_put_key(&w, "tool");
    json_open_object(&w);
    json_pair_cstr(&w, "name", "mercredi");
    json_pair_cstr(&w, "version", mrc_version());
    json_close_object(&w);
    json_put_key(&w, "schema");
    json_open_object(&w);
    json_pair_str(&w, "name", schema_name(g->b->schema));
    json_pair_i64(&w, "version", schema_version(g->b->schema));
    json_close_object(&w);
    json_pair_cstr(&w, "histories_as_of", as_of);
    json_put_key(&w, "data");
    json_open_object(&w);
    json_pair_cstr(&w, "sha256", parts->data_digest);
    json_pair_i64(&w, "rows_train", (int64_t)parts->rows_train);
    json_pair_i64(&w, "rows_history", (int64_t)parts->rows_history);
    if (parts->refreshed_with && *parts->refreshed_with) {
        json_pair_cstr(&w, "refreshed_with", parts->refreshed_with);
    }
    json_close_object(&w);
    json_pair_i64(&w, "seed", parts->seed);
    json_put_key(&w, "parameters");
    json_put_raw(&w, parameters);
    json_put_key(&w, "metrics");
    json_put_raw(&w, metrics);
    json_close_object(&w);
    return buf_ok(b, g->err);
}

/* ---- MLflow's texts -------------------------------------------------------------------------------------------- */

/* The signature's columns: the features of model.cbm, numbers may be NaN. */
static void put_signature(const struct features *f, struct json_out *w)
{
    json_open_array(w);
    for (uint32_t i = 0; i < features_count(f); i++) {
        const struct feature *x = features_at(f, i);
        json_open_object(w);
        json_pair_cstr(w, "type", x->categorical ? "string" : "double");
        json_pair_str(w, "name", x->name);
        json_pair_bool(w, "required", true);
        json_close_object(w);
    }
    json_close_array(w);
}

/* YAML's single-quoted form: quotes are doubled. */
static void put_quoted(struct buf *b, struct str s)
{
    buf_char(b, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\'') {
            buf_char(b, '\'');
        }
        buf_char(b, s.p[i]);
    }
    buf_char(b, '\'');
}

/* The bytes of model.cbm. */
static struct str main_model(const struct building *g)
{
    size_t i = 0;
    while (strcmp(g->files[i].name, "model.cbm") != 0) {
        i++;
    }
    return g->files[i].text;
}

static int add_mlmodel(struct building *g)
{
    const struct bundle_parts *parts = g->parts;
    struct buf b, inputs;
    struct json_out w;
    char digest[SHA256_HEX], created[STAMP_TEXT];
    struct str stamp = str_of(parts->created);
    if (stamp.n != STAMP_TEXT - 1 || stamp.p[10] != 'T' || stamp.p[23] != 'Z') {
        return mrc_fail(g->err, MRC_EINVAL, "created \"%s\" is not like 2026-11-24T09:30:00.123Z", parts->created);
    }
    memcpy(created, stamp.p, STAMP_TEXT);
    created[10] = ' ';
    created[23] = '\0';
    sha256_hex(main_model(g), digest);
    buf_init(&inputs, g->arena, TEXT_MAX);
    json_out_init(&w, &inputs);
    put_signature(g->b->models[g->b->n_models - 1].features, &w);
    MRC_TRY(buf_ok(&inputs, g->err));

    buf_init(&b, g->arena, TEXT_MAX);
    buf_puts(&b, "artifact_path: model\n"
                 "flavors:\n"
                 "  catboost:\n"
                 "    catboost_version: " CATBOOST_VERSION "\n"
                 "    code: null\n"
                 "    data: model.cbm\n"
                 "    model_type: CatBoostRegressor\n"
                 "    save_format: cbm\n"
                 "  python_function:\n"
                 "    data: model.cbm\n"
                 "    env:\n"
                 "      conda: conda.yaml\n"
                 "      virtualenv: python_env.yaml\n"
                 "    loader_module: mlflow.catboost\n"
                 "    python_version: " PYTHON_VERSION "\n"
                 "metadata:\n"
                 "  bundle: ");
    put_quoted(&b, str_of(parts->name));
    buf_puts(&b, "\n  bundle_version: ");
    put_quoted(&b, str_of(parts->version));
    buf_puts(&b, "\n  output: log10 of first-week admissions, before calibration\n"
                 "mlflow_version: " MLFLOW_VERSION "\n");
    buf_printf(&b, "model_uuid: '%.32s'\n", digest);
    buf_puts(&b, "saved_input_example_info:\n"
                 "  artifact_path: input_example.json\n"
                 "  pandas_orient: split\n"
                 "  type: dataframe\n"
                 "signature:\n"
                 "  inputs: ");
    put_quoted(&b, buf_text(&inputs));
    buf_puts(&b, "\n  outputs: '[{\"type\": \"tensor\", \"tensor-spec\": {\"dtype\": \"float64\", \"shape\": [-1]}}]'\n"
                 "  params: null\n"
                 "utc_time_created: ");
    put_quoted(&b, str_of(created));
    buf_char(&b, '\n');
    return add_buf(g, "MLmodel", &b);
}

static int add_environment(struct building *g)
{
    MRC_TRY(add_file(g, "requirements.txt", STR("mlflow>=" MLFLOW_VERSION "\ncatboost>=" CATBOOST_VERSION ",<2\n")));
    MRC_TRY(add_file(g, "python_env.yaml",
                     STR("python: '" PYTHON_VERSION "'\n"
                         "build_dependencies: [pip, setuptools, wheel]\n"
                         "dependencies: ['-r requirements.txt']\n")));
    return add_file(g, "conda.yaml",
                    STR("name: mlflow-env\n"
                        "channels: [conda-forge]\n"
                        "dependencies:\n"
                        "- python=" PYTHON_VERSION "\n"
                        "- pip\n"
                        "- pip: ['mlflow>=" MLFLOW_VERSION "', 'catboost>=" CATBOOST_VERSION ",<2']\n"));
}

/* One row of model.cbm's columns. */
static int put_example(struct building *g, const struct json *raw, struct json_out *w)
{
    const struct bundle_model *m = &g->b->models[g->b->n_models - 1];
    struct row row;
    struct row_report report;
    float *floats = ARENA_ARRAY(g->arena, features_floats(m->features), float);
    struct mrc_str *cats = ARENA_ARRAY(g->arena, features_cats(m->features), struct mrc_str);
    if (!floats || !cats) {
        return arena_fail(g->arena, g->err);
    }
    MRC_TRY(row_from_json(&row, g->b->schema, raw, &(struct row_options){.target = false}, g->arena, &report, g->err));
    MRC_TRY(bundle_fill(g->b, &row, g->arena, &row, g->err));
    MRC_TRY(features_compute(m->features, &row, g->arena, floats, cats, NULL, g->err));
    for (uint32_t i = 0; i < features_count(m->features); i++) {
        char text[NUMBER_TEXT_MAX];
        if (features_at(m->features, i)->categorical) {
            json_put_str(w, (struct str){cats->p, cats->n});
            cats++;
        } else if (isfinite(*floats)) {
            size_t n = format_float(*floats++, text);
            json_put_raw(w, (struct str){text, n});
        } else {
            json_put_null(w);
            floats++;
        }
    }
    return MRC_OK;
}

static int add_input_example(struct building *g, struct str rows)
{
    const struct features *f = g->b->models[g->b->n_models - 1].features;
    struct json_doc *doc;
    struct buf b;
    struct json_out w;
    MRC_TRY(bundle_json(&doc, rows, "self-test rows", JSON_ARRAY, g->err));
    buf_init(&b, g->arena, TEXT_MAX);
    json_out_init(&w, &b);
    json_open_object(&w);
    json_put_key(&w, "columns");
    json_open_array(&w);
    for (uint32_t i = 0; i < features_count(f); i++) {
        json_put_str(&w, features_at(f, i)->name);
    }
    json_close_array(&w);
    json_put_key(&w, "data");
    json_open_array(&w);
    json_open_array(&w);
    int rc = put_example(g, json_first(json_root(doc)), &w);
    json_close_array(&w);
    json_close_array(&w);
    json_free(doc);
    return rc < 0 ? rc : end(g, "input_example.json", &b, &w);
}

/* ---- all together ---------------------------------------------------------------------------------------------- */

static int build(struct building *g, const char *folder)
{
    const struct bundle_parts *parts = g->parts;
    struct str rows, metrics;
    struct buf manifest;
    if (!bundle_version_valid(str_of(parts->name)) || !bundle_version_valid(str_of(parts->version))) {
        return mrc_fail(g->err, MRC_EINVAL, "name \"%s\" and version \"%s\" must be of [A-Za-z0-9._-]", parts->name,
                        parts->version);
    }
    MRC_TRY(take_models(g));
    MRC_TRY(add_models(g));
    MRC_TRY(choose_rows(g, &rows));
    MRC_TRY(add_selftest(g, rows));
    MRC_TRY(add_file(g, "schema.json", parts->schema));
    MRC_TRY(add_forecast(g));
    MRC_TRY(add_interval(g));
    MRC_TRY(check_object(g, "metrics", parts->metrics, &metrics));
    MRC_TRY(add_file(g, "metrics.json", metrics));
    MRC_TRY(add_mlmodel(g));
    MRC_TRY(add_environment(g));
    MRC_TRY(add_input_example(g, rows));
    for (size_t i = 0; i < parts->n_files; i++) {
        MRC_TRY(add_file(g, parts->files[i].name, parts->files[i].text));
    }
    MRC_TRY(make_manifest(g, &manifest));
    return bundle_write(folder, g->files, g->n_files, buf_text(&manifest), g->err);
}

int bundle_build(const char *folder, const struct bundle_parts *parts, struct mrc_err *err)
{
    struct arena a;
    struct bundle in_memory = {0};
    struct building g = {.parts = parts, .b = &in_memory, .arena = &a, .err = err};
    arena_init(&a, 0);
    int rc = build(&g, folder);
    for (uint32_t i = 0; i < in_memory.n_models; i++) {
        features_free(in_memory.models[i].features);
    }
    for (uint32_t i = 0; i < in_memory.n_fillers; i++) {
        features_free(in_memory.fillers[i].features);
    }
    for (size_t i = 0; i < g.n_model_bytes; i++) {
        free(g.model_bytes[i]);
    }
    bundle_free_tables(&in_memory);
    schema_free(in_memory.schema);
    arena_release(&a);
    return rc;
}
