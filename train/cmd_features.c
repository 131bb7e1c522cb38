/* features: the columns that a film model reads, per film in time order, to compare and to train elsewhere. */
#include "common/base/date.h"
#include "common/base/file.h"
#include "train/command.h"
#include "train/fit_films.h"

#include <math.h>

enum option {
    DATA,
    OUT,
    MODEL,
    SETTING,
    OUTCOMES,
    SCHEMA,
    FEATURES,
    FEATURES_SCREENS,
    CALENDAR,
    MAX_BAD,
    OPTION__COUNT
};
static const struct setting_spec options[OPTION__COUNT] = {
    [DATA] = {"data", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'd', NULL, "CSV of films, as for fit"},
    [OUT] = {"out", SETTING_PATH, "-", 1, 4096, NULL, 0, 'o', NULL, "CSV to write; - is stdout"},
    [MODEL] = {"model", SETTING_PATH, NULL, 1, 4096, NULL, 0, 'm', NULL,
               "Bundle whose features to compute; without it vocabularies and histories are learnt from these films"},
    [SETTING] = {"setting", SETTING_CHOICE, "S", 0, 0, "N|S", 0, 0, NULL,
                 "N: the columns for weeks ahead; S: those with screens"},
    [OUTCOMES] = {"outcomes", SETTING_BOOL, "false", 0, 0, NULL, 0, 0, NULL,
                  "After film_id also release_date and first_week_entries, empty = unknown"},
    [SCHEMA] = {"schema", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                "Without it the one that came with the program"},
    [FEATURES] = {"features", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                  "Features for weeks ahead; without it the whole recipe"},
    [FEATURES_SCREENS] = {"features_screens", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                          "Features when screens are known; likewise"},
    [CALENDAR] = {"calendar", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                  "School holidays and other tables of days; likewise"},
    [MAX_BAD] = {"max_bad", SETTING_INT, "0", 0, 1e9, NULL, 0, 0, NULL,
                 "Leave out and count up to this many wrong rows"},
};

enum { TEXT_MAX = 256 << 20 };

/* A list with the films it is to be computed for; context NULL: what the list is bound to. */
struct table {
    const struct features *f;
    const struct film_data *d;
    const struct features_context *context;
    const struct bundle *bundle; /* whose fillers come first, or NULL */
    bool outcomes;               /* date and target of each film are written too */
};

static void put_outcome(struct buf *b, const struct film *film)
{
    char day[DATE_TEXT];
    date_format(film->date, day);
    buf_printf(b, ",%s,", day);
    if (!isnan(film->entries)) {
        buf_double(b, film->entries);
    }
}

static int write_film(struct output *o, const struct table *t, const struct features_context *context,
                      const struct film *film, struct arena *a, struct mrc_err *err)
{
    const struct features *f = t->f;
    struct row own = film->row;
    const struct row *row = &own;
    struct film_matrix m;
    if (t->bundle) {
        MRC_TRY(bundle_fill(t->bundle, row, a, &own, err));
    }
    MRC_TRY(film_matrix_build(&m, f, context, &row, 1, a, err));
    csv_put(&o->text, film->id, true);
    if (t->outcomes) {
        put_outcome(&o->text, film);
    }
    size_t next_float = 0, next_cat = 0;
    for (uint32_t k = 0; k < features_count(f); k++) {
        if (features_at(f, k)->categorical) {
            csv_put(&o->text, (struct str){m.cats[next_cat].p, m.cats[next_cat].n}, false);
            next_cat++;
            continue;
        }
        char text[NUMBER_TEXT_MAX];
        float v = m.floats[next_float++];
        buf_char(&o->text, ',');
        if (!isnan(v)) { /* nine digits at most, and exact */
            buf_add(&o->text, text, format_float(v, text));
        }
    }
    buf_char(&o->text, '\n');
    return output_flush(o, err);
}

/* Films [begin, end) of one day: their rivals are described once. */
static int write_day(struct output *o, const struct table *t, size_t begin, size_t end, struct arena *a,
                     struct mrc_err *err)
{
    struct features_context day;
    struct rivals rivals;
    if (t->context) {
        day = *t->context;
        if (features_needs(t->f) & NEEDS_RIVALS) {
            MRC_TRY(film_rivals(&rivals, t->d, day.history, t->d->films[begin].date, a, err));
            day.rivals = &rivals;
        }
    }
    for (size_t i = begin; i < end; i++) {
        if (t->d->films[i].use == FILM_TRAIN) {
            struct arena_mark before = arena_mark(a);
            MRC_TRY(write_film(o, t, t->context ? &day : NULL, &t->d->films[i], a, err));
            arena_rewind(a, before);
        }
    }
    return MRC_OK;
}

static int write_films(struct output *o, const struct table *t, struct mrc_err *err)
{
    const struct features *f = t->f;
    const struct film_data *d = t->d;
    buf_puts(&o->text, t->outcomes ? "film_id,release_date,first_week_entries" : "film_id");
    for (uint32_t k = 0; k < features_count(f); k++) {
        csv_put(&o->text, features_at(f, k)->name, false);
    }
    buf_char(&o->text, '\n');
    struct arena a;
    arena_init(&a, 0);
    int rc = MRC_OK;
    for (size_t i = 0, end; rc == MRC_OK && i < d->n; i = end) {
        for (end = i + 1; end < d->n && d->films[end].date == d->films[i].date; end++) {
        }
        arena_reset(&a);
        rc = write_day(o, t, i, end, &a, err);
    }
    arena_release(&a);
    return rc;
}

static int write_csv(const char *path, const struct table *t, struct mrc_err *err)
{
    struct output o;
    int rc = output_open(&o, path, err);
    if (rc == MRC_OK) {
        rc = write_films(&o, t, err);
    }
    if (rc == MRC_OK) {
        rc = output_close(&o, err);
    }
    output_abandon(&o);
    return rc;
}

/* By the lists of a bundle: the schema and vocabularies that it serves with. */
static int from_bundle(const struct settings *s, const struct film_data_options *reading, struct mrc_err *err)
{
    struct bundle *b;
    MRC_TRY(bundle_open_unchecked(&b, setting_cstr(s, MODEL), err));
    bool screens = str_is(setting_text(s, SETTING), "S");
    const struct bundle_model *m = NULL;
    for (uint32_t i = 0; i < b->n_models; i++) {
        if (b->models[i].n_needs == 0 ? !screens : screens) {
            m = &b->models[i];
        }
    }
    struct film_data *d = NULL;
    int rc = m ? film_data_read(&d, b->schema, setting_cstr(s, DATA), reading, err)
               : mrc_fail(err, MRC_ENOTFOUND, "%s has no model for setting %s", setting_cstr(s, MODEL),
                          setting_cstr(s, SETTING));
    if (rc == MRC_OK && m) {
        struct table t = {.f = m->features, .d = d, .bundle = b, .outcomes = setting_bool(s, OUTCOMES)};
        rc = write_csv(setting_cstr(s, OUT), &t, err);
    }
    film_data_free(d);
    bundle_close(b);
    return rc;
}

static int learn_list(const struct film_job *job, enum film_setting setting, struct features **out, struct mrc_err *err)
{
    const struct film_data *d = job->data;
    struct arena a;
    arena_init(&a, 0);
    struct row *rows = ARENA_ARRAY(&a, d->n, struct row);
    size_t n = 0;
    for (size_t i = 0; rows && i < d->n; i++) {
        if (d->films[i].use == FILM_TRAIN) {
            rows[n++] = d->films[i].row;
        }
    }
    struct buf text;
    buf_init(&text, NULL, TEXT_MAX);
    int rc =
        rows ? features_learn(job->schema, job->recipe.features[setting], rows, n, &text, err) : arena_fail(&a, err);
    if (rc == MRC_OK) {
        rc = features_read(out, job->schema, buf_text(&text), NULL, NULL, err);
    }
    buf_release(&text);
    arena_release(&a);
    return rc;
}

static int from_lists(const struct settings *s, const struct film_data_options *reading, struct mrc_err *err)
{
    struct film_job job;
    struct film_job_options o = {.schema = setting_cstr(s, SCHEMA),
                                 .features = setting_cstr(s, FEATURES),
                                 .features_screens = setting_cstr(s, FEATURES_SCREENS),
                                 .mask = 0,
                                 .calendar = setting_cstr(s, CALENDAR),
                                 .list = LIST_RECIPE,
                                 .data = setting_cstr(s, DATA),
                                 .reading = *reading,
                                 .quiet = true};
    struct features *f = NULL;
    int rc = film_job_open(&job, &o, err);
    if (rc == MRC_OK) {
        rc = film_job_learn(&job, job.data->n, err);
    }
    if (rc == MRC_OK) {
        rc = learn_list(&job, str_is(setting_text(s, SETTING), "S") ? FILM_SCREENS : FILM_AHEAD, &f, err);
    }
    if (rc == MRC_OK) {
        struct table t = {.f = f, .d = job.data, .context = &job.recipe.context, .outcomes = setting_bool(s, OUTCOMES)};
        rc = write_csv(setting_cstr(s, OUT), &t, err);
    }
    features_free(f);
    film_job_close(&job);
    return rc;
}

static int run(const struct settings *s, struct mrc_err *err)
{
    struct film_data_options reading = {.max_bad = (uint64_t)setting_int(s, MAX_BAD)};
    return setting_is_set(s, MODEL) ? from_bundle(s, &reading, err) : from_lists(s, &reading, err);
}

int cmd_features(int argc, char **argv)
{
    static const struct command command = {
        "features",
        "--data FILMS.csv [--model BUNDLE] [--setting N|S] [--outcomes] [--out CSV]",
        "One line per film with use = train, by release date and film_id: film_id, then the columns of the list in "
        "its\n"
        "order. Numbers are the float32 the model compares, empty = unknown; categories after folding and vocabulary.\n"
        "A film's past is what was known two weeks before its release.",
        options,
        OPTION__COUNT,
        run};
    return command_run(&command, argc, argv);
}
