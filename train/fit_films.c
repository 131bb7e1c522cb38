/* The film trainer: two calibrated models, their metrics and self-test rows, written as one bundle. */
#include "train/fit_films.h"
#include "common/base/date.h"
#include "common/base/file.h"
#include "train/command.h"
#include "train/film_report.h"
#include "train/publish.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TEXT_MAX = 16 << 20, HISTORY_TEXT_MAX = BUNDLE_FILE_BYTES_MAX };

enum option {
    SCHEMA,
    DATA,
    OUT,
    UNTIL,
    FEATURES,
    FEATURES_SCREENS,
    KIND,
    CALENDAR,
    PARAMS,
    MASK,
    FILL,
    SEED,
    THREADS,
    MAX_BAD,
    NAME,
    VERSION,
    QUIET,
    JSON,
    MLFLOW,
    EXPERIMENT,
    MODEL,
    ALIAS,
    OPTION__COUNT
};
static const struct setting_spec options[OPTION__COUNT] = {
    [SCHEMA] = {"schema", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 0, NULL,
                "Fields of a film (data/schema.json)"},
    [DATA] = {"data", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'd', NULL,
              "CSV of films: the schema's fields with first_week_entries, and maybe use and panel"},
    [OUT] = {"out", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'o', NULL,
             "Bundle folder to make, e.g. models/first-week/0002; must not exist"},
    [UNTIL] = {"until", SETTING_TEXT, NULL, 10, 10, NULL, 0, 0, NULL, "Learn from films released up to this date only"},
    [FEATURES] = {"features", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                  "Features for weeks ahead; without it the list that came with the program"},
    [FEATURES_SCREENS] = {"features_screens", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                          "Features when screens are known; likewise"},
    [KIND] = {"kind", SETTING_CHOICE, "plain", 0, 0, FILM_KINDS, 0, 0, NULL,
              "What the models know of past films: nothing; all of it (a private bundle holds every film's figure); or "
              "rounded means of names with three films or more (a published one holds no film)"},
    [CALENDAR] = {"calendar", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                  "School holidays and other tables of days; without it those that came with the program"},
    [PARAMS] = {"params", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                "params.json with CatBoost's names, over the recipe's own"},
    [MASK] =
        {"mask", SETTING_NUMBER, "0.3", 0, 1, NULL, 0, 0, NULL,
         "How likely each optional field of a film's altered copy is blanked; 0 learns films as they are only, and "
         "then an empty cell means a small film"},
    [FILL] =
        {"fill", SETTING_BOOL, "true", 0, 0, NULL, 0, 0, NULL,
         "Estimate unknown budgets by a model of their own. In past files mostly small films lack one; today hardly "
         "any film's is told beforehand. Measured on real films, weeks ahead: without filling, R2 is 0.01 better "
         "on a file with such holes, but films whose budget is merely not told are forecast a third too low"},
    [SEED] = {"seed", SETTING_INT, "1", 0, 1e15, NULL, 0, 0, NULL, "Seed of masking and training"},
    [THREADS] =
        {"threads", SETTING_INT, "1", 0, 256, NULL, 0, 0, NULL,
         "Threads; 0 = one a CPU. A film file is small: more pay on an idle machine only; none changes the result"},
    [MAX_BAD] = {"max_bad", SETTING_INT, "0", 0, 1e9, NULL, 0, 0, NULL,
                 "Leave out and count up to this many wrong rows"},
    [NAME] = {"name", SETTING_TEXT, NULL, 1, 64, NULL, 0, 0, NULL,
              "Name of the model; without it the folder above --out"},
    [VERSION] = {"model_version", SETTING_TEXT, NULL, 1, 64, NULL, 0, 0, NULL,
                 "Version; without it the last part of --out"},
    [QUIET] = {"quiet", SETTING_BOOL, "false", 0, 0, NULL, 0, 'q', NULL, "No progress line on a terminal"},
    [JSON] = {"json", SETTING_BOOL, "false", 0, 0, NULL, 0, 0, NULL, "One JSON object at the end instead of the table"},
    [MLFLOW] = {"mlflow", SETTING_TEXT, NULL, 1, 2000, NULL, 0, 0, NULL,
                "Address of an MLflow server to publish the bundle in, as the command publish does"},
    [EXPERIMENT] = {"experiment", SETTING_TEXT, NULL, 1, 500, NULL, 0, 0, NULL, "Its experiment"},
    [MODEL] = {"registered_model", SETTING_TEXT, NULL, 1, 250, NULL, 0, 0, NULL, "Its registered model"},
    [ALIAS] = {"alias", SETTING_TEXT, NULL, 1, 255, NULL, 0, 0, NULL, "Alias to move to the version in the end"},
};

/* Films that do not exist, for the self-test: each exercises another part of the models. */
static const char selftest_rows[] =
    "[{\"title\":\"Un titre seul\",\"release_date\":\"2024-01-10\"},"
    "{\"title\":\"La Comédie de l'été\",\"original_title\":\"La Comédie de l'été\",\"release_date\":\"2024-07-17\","
    "\"genres\":[\"Comédie\"],\"countries\":[\"FR\"],\"distributor\":\"Pathé\",\"directors\":[\"Réalisatrice Une\"],"
    "\"actors\":[\"Acteur Un\",\"Actrice "
    "Deux\"],\"duration_min\":98,\"age_rating\":\"tous_publics\",\"budget\":9500000},"
    "{\"title\":\"La Comédie de l'été 2\",\"release_date\":\"2024-12-18\",\"genres\":[\"Comédie\",\"Famille\"],"
    "\"countries\":[\"FR\",\"BE\"],\"distributor\":\"Gaumont\",\"duration_min\":104,\"screens\":640},"
    "{\"title\":\"Orbit: The Long Way\",\"original_title\":\"Orbit: The Long Way\",\"release_date\":\"2024-02-14\","
    "\"genres\":[\"Science-fiction\",\"Action\"],\"countries\":[\"US\"],\"distributor\":\"Warner Bros.\","
    "\"duration_min\":141,\"age_rating\":\"avertissement\",\"budget\":150000000,\"budget_currency\":\"USD\","
    "\"screens\":810},"
    "{\"title\":\"Carnets d'une rivière\",\"release_date\":\"2023-11-08\",\"genres\":[\"Documentaire\"],"
    "\"countries\":[\"FR\"],\"duration_min\":82,\"screens\":21},"
    "{\"title\":\"Nuits d'hiver\",\"original_title\":\"Winternachten\",\"release_date\":\"2022-03-09\","
    "\"genres\":[\"Drame\",\"Romance\"],\"countries\":[\"DE\",\"FR\"],\"distributor\":\"Distributeur inconnu\","
    "\"age_rating\":\"12\",\"screens\":74},"
    "{\"title\":\"Le Petit Renard\",\"release_date\":\"2025-10-22\",\"genres\":[\"Animation\",\"Famille\"],"
    "\"countries\":[\"JP\"],\"budget\":4000000,\"screens\":1},"
    "{\"title\":\"La Maison noire\",\"release_date\":\"2030-06-05\",\"genres\":[\"Horreur\",\"Thriller\"],"
    "\"countries\":[\"KR\"],\"age_rating\":\"16\",\"duration_min\":400,\"screens\":2500}]";

/* What the run is about, gathered once. */
struct fit {
    const struct settings *settings;
    struct film_job job;
    struct film_filler filler;
    struct film_model models[FILM__SETTINGS];
    size_t n; /* films up to --until */
    int32_t until;
    char name[72], version[72], created[STAMP_TEXT];
};

/* ---- names and dates ------------------------------------------------------------------------------------------- */

/* models/first-week/0002 → first-week, 0002. */
static int name_version(struct fit *f, struct mrc_err *err)
{
    const struct settings *s = f->settings;
    struct str out = setting_text(s, OUT), name = setting_text(s, NAME), version = setting_text(s, VERSION);
    while (out.n > 1 && out.p[out.n - 1] == '/') {
        out.n--;
    }
    size_t base = out.n;
    while (base > 0 && out.p[base - 1] != '/') {
        base--;
    }
    if (version.n == 0) {
        version = (struct str){out.p + base, out.n - base};
    }
    if (name.n == 0 && base > 1) {
        size_t end = base - 1, begin = end;
        while (begin > 0 && out.p[begin - 1] != '/') {
            begin--;
        }
        name = (struct str){out.p + begin, end - begin};
    }
    if (name.n == 0 || str_is(name, ".") || str_is(name, "..")) {
        name = schema_name(f->job.schema);
    }
    if (name.n >= sizeof(f->name) || version.n >= sizeof(f->version) || version.n == 0) {
        return mrc_fail(err, MRC_EINVAL, "name \"%.*s\" and version \"%.*s\" must have 1 to %zu bytes", STR_ARG(name),
                        STR_ARG(version), sizeof(f->name) - 1);
    }
    snprintf(f->name, sizeof(f->name), "%.*s", STR_ARG(name));
    snprintf(f->version, sizeof(f->version), "%.*s", STR_ARG(version));
    return MRC_OK;
}

/* SOURCE_DATE_EPOCH (reproducible-builds.org) makes two equal runs equal to the byte. */
static int set_created(struct fit *f, struct mrc_err *err)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (epoch) {
        int64_t seconds;
        if (!parse_i64(str_of(epoch), &seconds) || seconds < 0 || seconds > 253402300799) {
            return mrc_fail(err, MRC_EINVAL, "SOURCE_DATE_EPOCH \"%s\" is no Unix time", epoch);
        }
        ms = seconds * 1000;
    }
    stamp_format(ms, f->created);
    return MRC_OK;
}

static int set_until(struct fit *f, struct mrc_err *err)
{
    const struct film_data *d = f->job.data;
    f->n = d->n;
    f->until = DATE_NONE;
    if (setting_is_set(f->settings, UNTIL)) {
        f->until = date_parse(setting_text(f->settings, UNTIL), NULL);
        if (f->until == DATE_NONE) {
            return mrc_fail(err, MRC_EINVAL, "--until %s is no date like 2019-12-31", setting_cstr(f->settings, UNTIL));
        }
        f->n = film_data_until(d, f->until);
    }
    return MRC_OK;
}

/* ---- texts of the bundle --------------------------------------------------------------------------------------- */

static const char *const names[FILM__SETTINGS] = {"ahead", "screens"};

/* To 1/parts: figures for people, not for arithmetic. */
static double round_to(double v, double parts)
{
    return round(v * parts) / parts;
}

static void put_metrics(struct json_out *w, const struct fit *f)
{
    char date[DATE_TEXT];
    json_open_object(w);
    for (int k = 0; k < FILM__SETTINGS; k++) {
        const struct film_model *m = &f->models[k];
        date_format(m->newest, date);
        json_put_key(w, names[k]);
        json_open_object(w);
        json_pair_cstr(w, "setting", film_setting_letters[k]);
        json_pair_i64(w, "films", (int64_t)m->n_films);
        json_pair_cstr(w, "newest", date);
        json_pair_i64(w, "trees", (int64_t)m->n_trees);
        json_put_key(w, "out_of_time");
        json_open_object(w);
        json_pair_i64(w, "films", (int64_t)m->n_residuals);
        json_pair_double(w, "r2", round_to(m->r2_log, 1e4)); /* of log10 entries */
        if (k == FILM_SCREENS) {
            json_pair_double(w, "r2_per_screen", round_to(m->r2_target, 1e4));
        }
        json_pair_double(w, "rmse_log10", round_to(m->rmse_log, 1e4));
        json_pair_double(w, "bias_log10", round_to(m->bias_log, 1e4));
        json_pair_double(w, "coverage_80", round_to(m->cover80, 1e4));
        json_pair_double(w, "coverage_90", round_to(m->cover90, 1e4));
        json_close_object(w);
        json_close_object(w);
    }
    json_close_object(w);
}

static void put_parameters(struct json_out *w, const struct fit *f)
{
    const struct film_recipe *r = &f->job.recipe;
    json_open_object(w);
    json_pair_double(w, "mask", r->mask);
    json_pair_double(w, "bare_share", r->bare_share);
    json_pair_bool(w, "fill", r->fill);
    json_pair_double(w, "half_life_years", r->half_life);
    json_pair_double(w, "stale_share", r->stale_share);
    json_pair_double(w, "altered_weight", r->altered_weight);
    if (f->until != DATE_NONE) {
        char date[DATE_TEXT];
        date_format(f->until, date);
        json_pair_cstr(w, "until", date);
    }
    for (int k = 0; k < FILM__SETTINGS; k++) {
        const char *params = mrc_model_meta(f->models[k].model, "params");
        json_put_key(w, names[k]);
        json_put_raw(w, params ? str_of(params) : STR("{}"));
    }
    json_close_object(w);
}

/* reference.json: what each model learnt from. */
static void put_reference(struct json_out *w, const struct fit *f)
{
    json_open_object(w);
    json_pair_i64(w, "format", 1);
    json_put_key(w, "models");
    json_open_object(w);
    for (int k = 0; k < FILM__SETTINGS; k++) {
        json_put_key(w, names[k]);
        json_put_raw(w, f->models[k].reference);
    }
    json_close_object(w);
    json_close_object(w);
}

/* report.json: what the training found. */
static void put_report(struct json_out *w, const struct fit *f)
{
    static const char *const cannot_know[] = {
        "Reviews, word of mouth, trailers, advertising and news around a film.",
        "The other films of the week: an answer depends on the film alone.",
        "Closed cinemas, strikes and weather.",
        "How a film that nobody expected to succeed will surprise: it falls outside its interval more often.",
    };
    json_open_object(w);
    json_pair_i64(w, "format", 1);
    json_pair_cstr(w, "name", f->name);
    json_pair_cstr(w, "version", f->version);
    json_pair_cstr(w, "created", f->created);
    json_pair_str(w, "kind", setting_text(f->settings, KIND));
    json_put_key(w, "parameters");
    put_parameters(w, f);
    json_put_key(w, "models");
    json_open_object(w);
    for (int k = 0; k < FILM__SETTINGS; k++) {
        json_put_key(w, names[k]);
        json_put_raw(w, f->models[k].report);
    }
    json_close_object(w);
    json_put_key(w, "cannot_know");
    json_open_array(w);
    for (size_t i = 0; i < sizeof(cannot_know) / sizeof(cannot_know[0]); i++) {
        json_put_cstr(w, cannot_know[i]);
    }
    json_close_array(w);
    json_close_object(w);
}

/* Text from one of the writers above. */
static int make_text(struct buf *b, void (*put)(struct json_out *, const struct fit *), const struct fit *f,
                     struct mrc_err *err)
{
    struct json_out w;
    json_out_init(&w, b);
    put(&w, f);
    return buf_ok(b, err);
}

/* tables/history.json in the form that the bundle is for. */
static int make_history(const struct fit *f, struct buf *out, struct mrc_err *err)
{
    const struct film_job *job = &f->job;
    if (!job->recipe.context.as_published) {
        return history_write(job->history, out, err);
    }
    struct history *published;
    MRC_TRY(history_publish(&published, job->history, err));
    int rc = history_write(published, out, err);
    history_free(published);
    return rc;
}

static int write_bundle(struct fit *f, struct str metrics, struct str parameters, struct str history,
                        struct str reference, struct str report, struct str card, struct mrc_err *err)
{
    struct bundle_file files[6];
    size_t n_files = 0;
    if (f->job.calendar) {
        files[n_files++] = (struct bundle_file){"tables/calendar.json", f->job.calendar_text};
    }
    if (f->job.history) {
        files[n_files++] = (struct bundle_file){"tables/history.json", history};
    }
    files[n_files++] = (struct bundle_file){"reference.json", reference};
    files[n_files++] = (struct bundle_file){"report.json", report};
    files[n_files++] = (struct bundle_file){"report.md", card};
    files[n_files++] = (struct bundle_file){"tables/similar.json", f->models[FILM_AHEAD].similar};
    static const char *const screens_needed[] = {"screens"};
    struct film_model *s = &f->models[FILM_SCREENS], *n = &f->models[FILM_AHEAD];
    /* An error beside a release date is almost a film's figure. */
    bool with_films = f->job.history && !f->job.recipe.context.as_published;
    const struct bundle_part_model models[] = {
        {.name = "screens",
         .file = "model_screens.cbm",
         .features_file = "features_screens.json",
         .features = s->features_text,
         .model = s->model,
         .needs = screens_needed,
         .n_needs = 1,
         .per = "screens",
         .levels = calibrate_levels,
         .offsets = s->offsets,
         .n_levels = CALIBRATE_LEVELS,
         .scale = s->scale,
         .scale_file = "scale_screens.cbm",
         .scores = with_films ? &s->scores : NULL},
        {.name = "ahead",
         .file = "model.cbm",
         .features_file = "features.json",
         .features = n->features_text,
         .model = n->model,
         .levels = calibrate_levels,
         .offsets = n->offsets,
         .n_levels = CALIBRATE_LEVELS,
         .scale = n->scale,
         .scale_file = "scale.cbm",
         .scores = with_films ? &n->scores : NULL},
    };
    const struct bundle_part_filler filler = {.field = FILM_FILLER_FIELD,
                                              .unit = f->filler.face.unit >= 0 ? FILM_FILLER_UNIT : NULL,
                                              .least = f->filler.face.least,
                                              .file = "model_budget.cbm",
                                              .features_file = "features_budget.json",
                                              .features = f->filler.features_text,
                                              .model = f->filler.face.model};
    const struct bundle_parts parts = {.name = f->name,
                                       .version = f->version,
                                       .created = f->created,
                                       .schema = f->job.schema_text,
                                       .models = models,
                                       .n_models = 2,
                                       .fillers = &filler,
                                       .n_fillers = f->filler.n_films > 0,
                                       .metrics = metrics,
                                       .parameters = parameters,
                                       .seed = (int64_t)f->job.recipe.seed,
                                       .data_digest = f->job.data->digest,
                                       .rows_train = n->n_films,
                                       .rows_history = f->job.history ? history_films(f->job.history) : 0,
                                       .histories_as_of = f->job.history ? history_as_of(f->job.history) : n->newest,
                                       .files = files,
                                       .n_files = n_files,
                                       .selftest_rows = STR(selftest_rows)};
    return bundle_build(setting_cstr(f->settings, OUT), &parts, err);
}

/* ---- the end of the run ---------------------------------------------------------------------------------------- */

static void print_table(const struct fit *f, struct buf *b)
{
    buf_printf(b, "%s: %s %s\n", setting_cstr(f->settings, OUT), f->name, f->version);
    if (f->job.data->n_bad > 0) {
        buf_printf(b, "%llu wrong rows left out\n", (unsigned long long)f->job.data->n_bad);
    }
    for (int k = 0; k < FILM__SETTINGS; k++) {
        const struct film_model *m = &f->models[k];
        buf_printf(b, "%-8s %zu films, %zu trees; on %zu later films: R2 ", names[k], m->n_films, m->n_trees,
                   m->n_residuals);
        buf_double(b, round_to(m->r2_log, 1e3));
        buf_puts(b, ", RMSE ");
        buf_double(b, round_to(m->rmse_log, 1e3));
        buf_puts(b, " (log10 entries)");
        buf_puts(b, ", held by the 80 % interval ");
        buf_double(b, round_to(m->cover80, 1e3));
        buf_char(b, '\n');
    }
}

static void print_json(const struct fit *f, struct str metrics, struct buf *b)
{
    struct json_out w;
    json_out_init(&w, b);
    json_open_object(&w);
    json_pair_cstr(&w, "bundle", setting_cstr(f->settings, OUT));
    json_pair_cstr(&w, "name", f->name);
    json_pair_cstr(&w, "version", f->version);
    json_pair_i64(&w, "rows_left_out", (int64_t)f->job.data->n_bad);
    json_put_key(&w, "metrics");
    json_put_raw(&w, metrics);
    json_close_object(&w);
    buf_char(b, '\n');
}

static int finish(struct fit *f, struct mrc_err *err)
{
    struct buf metrics, parameters, history, report, reference, findings, card;
    buf_init(&metrics, NULL, TEXT_MAX);
    buf_init(&parameters, NULL, TEXT_MAX);
    buf_init(&report, NULL, TEXT_MAX);
    buf_init(&history, NULL, HISTORY_TEXT_MAX);
    buf_init(&reference, NULL, HISTORY_TEXT_MAX);
    buf_init(&findings, NULL, TEXT_MAX);
    buf_init(&card, NULL, TEXT_MAX);
    int rc = make_text(&metrics, put_metrics, f, err);
    if (rc == MRC_OK) {
        rc = make_text(&reference, put_reference, f, err);
    }
    if (rc == MRC_OK) {
        rc = make_text(&findings, put_report, f, err);
    }
    if (rc == MRC_OK) {
        rc = film_report_card(buf_text(&findings), &card, err);
    }
    if (rc == MRC_OK) {
        rc = make_text(&parameters, put_parameters, f, err);
    }
    if (rc == MRC_OK) {
        rc = f->job.history ? make_history(f, &history, err) : MRC_OK;
    }
    if (rc == MRC_OK) {
        rc = write_bundle(f, buf_text(&metrics), buf_text(&parameters), buf_text(&history), buf_text(&reference),
                          buf_text(&findings), buf_text(&card), err);
    }
    if (rc == MRC_OK) {
        if (setting_bool(f->settings, JSON)) {
            print_json(f, buf_text(&metrics), &report);
        } else {
            print_table(f, &report);
        }
        rc = buf_ok(&report, err);
    }
    if (rc == MRC_OK) {
        rc = output_text("-", buf_text(&report), err);
    }
    buf_release(&metrics);
    buf_release(&parameters);
    buf_release(&history);
    buf_release(&reference);
    buf_release(&findings);
    buf_release(&card);
    buf_release(&report);
    return rc;
}

static int fit_all(struct fit *f, struct mrc_err *err)
{
    MRC_TRY(set_created(f, err));
    MRC_TRY(set_until(f, err));
    MRC_TRY(name_version(f, err));
    MRC_TRY(film_job_learn(&f->job, f->n, err));
    MRC_TRY(film_filler_fit(&f->filler, &f->job.recipe, f->job.data->films, f->n, err));
    for (int k = 0; k < FILM__SETTINGS; k++) {
        int rc = film_model_fit(&f->models[k], &f->job.recipe, (enum film_setting)k, &f->filler, f->job.data->films,
                                f->n, err);
        if (rc < 0) {
            return err_wrap(err, "model \"%s\"", names[k]);
        }
    }
    return finish(f, err);
}

/* The bundle is there whatever comes of this: the command publish does the same later. */
static int publish(const struct settings *s, int64_t started_ms, struct mrc_err *err)
{
    const struct publish_job job = {.bundle = setting_cstr(s, OUT),
                                    .url = setting_cstr(s, MLFLOW),
                                    .experiment = setting_cstr(s, EXPERIMENT),
                                    .model = setting_cstr(s, MODEL),
                                    .alias = setting_cstr(s, ALIAS),
                                    .started_ms = started_ms,
                                    .quiet = setting_bool(s, QUIET)};
    int rc = publish_run(&job, err);
    return rc < 0 ? err_wrap(err, "%s is made, but not published", setting_cstr(s, OUT)) : rc;
}

static int run(const struct settings *s, struct mrc_err *err)
{
    int64_t started_ms = (int64_t)time(NULL) * 1000;
    /* Before minutes of training, not after. */
    if (file_exists(setting_cstr(s, OUT))) {
        return mrc_fail(err, MRC_ECONFLICT, "%s exists; a version never changes: choose the next",
                        setting_cstr(s, OUT));
    }
    struct fit f = {.settings = s};
    struct film_job_options o = {.schema = setting_cstr(s, SCHEMA),
                                 .features = setting_cstr(s, FEATURES),
                                 .features_screens = setting_cstr(s, FEATURES_SCREENS),
                                 .list = film_kind(setting_text(s, KIND)),
                                 .calendar = setting_cstr(s, CALENDAR),
                                 .params = setting_cstr(s, PARAMS),
                                 .data = setting_cstr(s, DATA),
                                 .reading = {.max_bad = (uint64_t)setting_int(s, MAX_BAD), .need_target = true},
                                 .mask = setting_number(s, MASK),
                                 .fill = setting_bool(s, FILL),
                                 .seed = (uint64_t)setting_int(s, SEED),
                                 .threads = setting_int(s, THREADS),
                                 .quiet = setting_bool(s, QUIET)};
    int rc = film_job_open(&f.job, &o, err);
    f.job.recipe.describe = true;
    if (rc == MRC_OK) {
        rc = fit_all(&f, err);
    }
    for (int k = 0; k < FILM__SETTINGS; k++) {
        film_model_release(&f.models[k]);
    }
    film_filler_release(&f.filler);
    film_job_close(&f.job);
    return rc == MRC_OK && setting_is_set(s, MLFLOW) ? publish(s, started_ms, err) : rc;
}

int fit_films(int argc, char **argv)
{
    static const struct command command = {
        "fit",
        "--schema FILE --data FILMS.csv [--until DATE] --out BUNDLE",
        "Trains the forecast of a film's first week: one model for weeks ahead, one per screen for when screens are\n"
        "known. Films are put in time order; blocks of later films are judged by models of those before, their errors\n"
        "calibrate the intervals, and the models kept learn from all. The bundle is read back and tested before it "
        "appears.\n"
        "Data stay on this machine; but for --kind private the bundle holds no film, only names that at least three "
        "films\n"
        "share.",
        options,
        OPTION__COUNT,
        run};
    return command_run(&command, argc, argv);
}
