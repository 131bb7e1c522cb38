/* Databases from the command line: migrate, check, backup, restore, export, prune. */
#include "fcgi/cmd.h"

#include "common/base/csv.h"
#include "common/base/date.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "fcgi/audit.h"
#include "fcgi/config.h"
#include "fcgi/process.h"
#include "fcgi/retention.h"
#include "fcgi/store_admin.h"
#include "fcgi/store_outcomes.h"
#include "fcgi/store_shadow.h"

#include <stdio.h>
#include <string.h>

enum { EXPORT_ROWS = 500, DAY_MS = 86400000 };

static const char usage[] =
    "usage: mercredi-fcgi db migrate [settings]              make the databases, or bring them to this program's "
    "schema\n"
    "       mercredi-fcgi db check [settings]                is all they hold sound, and do they take a write?\n"
    "       mercredi-fcgi db backup FOLDER [settings]        copies of one moment, while the server runs\n"
    "       mercredi-fcgi db restore FOLDER [settings]       such copies in the place of the databases; server "
    "stopped\n"
    "       mercredi-fcgi db export [--format jsonl|csv] [--from DAY] [--until DAY] [settings]\n"
    "                                                        the prediction log to standard output, oldest first\n"
    "       mercredi-fcgi db outcomes [--format jsonl|csv] [--from DAY] [--until DAY] [settings]\n"
    "                                                        first weeks as they stand, by week, newest first\n"
    "       mercredi-fcgi db shadow [--format jsonl|csv] [--from DAY] [--until DAY] [settings]\n"
    "                                                        what shadow versions said of predictions, oldest first\n"
    "       mercredi-fcgi db prune [--before DAY] [settings] drop older predictions; without --before: as "
    "log_retention\n"
    "                                                        says; by whole months on PostgreSQL\n"
    "Days are UTC, as 2026-12-02; --until is not included. PostgreSQL is backed up with its own tools (pg_dump).\n"
    "Settings are the server's, for instance --config FILE, --state-dir FOLDER.\n";

struct command {
    const char *action, *folder, *format, *from, *until, *before;
    struct settings config;
    int64_t now_ms;
};

/* First millisecond of a day; absent stays as it is. */
static int read_day(const char *flag, const char *text, int64_t *ms, struct mrc_err *err)
{
    if (text == NULL) {
        return MRC_OK;
    }
    int32_t day = date_parse(str_of(text), NULL);
    if (day == DATE_NONE) {
        return mrc_fail(err, MRC_EINVAL, "%s %.40s: a day is meant, as 2026-12-02", flag, text);
    }
    *ms = (int64_t)day * DAY_MS;
    return MRC_OK;
}

/* ---- actions --------------------------------------------------------------------------------------------------- */

static const struct database {
    enum store_file file;
    enum config setting;
    const char *copy; /* name of its copy in a backup */
} databases[] = {{STORE_STATE, CONFIG_DATABASE, "mercredi.db"}, {STORE_LOG, CONFIG_LOG_DATABASE, "predictions.db"}};
enum { N_DATABASES = sizeof databases / sizeof databases[0] };

/* do_it with each database, opened; stops at the first failure. */
static int with_each(const struct command *c,
                     int (*do_it)(const struct command *c, const struct database *d, struct store *s,
                                  struct mrc_err *err),
                     struct mrc_err *err)
{
    for (size_t i = 0; i < N_DATABASES; i++) {
        struct store *s = NULL;
        MRC_TRY(store_open(&s, databases[i].file, setting_cstr(&c->config, databases[i].setting), err));
        int rc = do_it(c, &databases[i], s, err);
        store_close(s);
        MRC_TRY(rc);
    }
    return MRC_OK;
}

static int say_ready(const struct command *c, const struct database *d, struct store *s, struct mrc_err *err)
{
    MRC_TRY(store_probe(s, err));
    printf("%s: ready\n", setting_cstr(&c->config, d->setting));
    return MRC_OK;
}

static int migrate(const struct command *c, struct mrc_err *err)
{
    MRC_TRY(folder_create(setting_cstr(&c->config, CONFIG_STATE_DIR), 0750, err));
    return with_each(c, say_ready, err);
}

static int say_sound(const struct command *c, const struct database *d, struct store *s, struct mrc_err *err)
{
    MRC_TRY(store_check(s, err));
    printf("%s: sound\n", setting_cstr(&c->config, d->setting));
    return MRC_OK;
}

static int check(const struct command *c, struct mrc_err *err)
{
    return with_each(c, say_sound, err);
}

static int copy_name(const struct command *c, const struct database *d, char *out, size_t size, struct mrc_err *err)
{
    int n = snprintf(out, size, "%s/%s", c->folder, d->copy);
    return n >= 0 && (size_t)n < size ? MRC_OK : mrc_fail(err, MRC_EINVAL, "%.100s…: too long a path", c->folder);
}

static int copy_out(const struct command *c, const struct database *d, struct store *s, struct mrc_err *err)
{
    char path[4200];
    MRC_TRY(copy_name(c, d, path, sizeof path, err));
    MRC_TRY(store_backup(s, path, err));
    printf("%s: copied to %s\n", setting_cstr(&c->config, d->setting), path);
    return MRC_OK;
}

static int backup(const struct command *c, struct mrc_err *err)
{
    MRC_TRY(folder_create(c->folder, 0700, err));
    return with_each(c, copy_out, err);
}

/* What was done stands, whether or not its record can be written. */
static void record(const struct command *c, const char *act, const char *subject, const char *detail)
{
    struct mrc_err why = {0};
    if (audit_command(&c->config, act, str_of(subject), str_of(detail), &why) < 0) {
        fprintf(stderr, "mercredi-fcgi: what was done is not on record: %s\n", why.msg);
    }
}

/* Looks at both copies before it touches anything. */
static int restore(const struct command *c, struct mrc_err *err)
{
    char path[N_DATABASES][4200];
    for (size_t i = 0; i < N_DATABASES; i++) {
        MRC_TRY(copy_name(c, &databases[i], path[i], sizeof path[i], err));
        if (!file_exists(path[i])) {
            return mrc_fail(err, MRC_ENOTFOUND, "%.180s is missing: nothing was changed", path[i]);
        }
        MRC_TRY(store_restore(databases[i].file, NULL, path[i], err));
    }
    for (size_t i = 0; i < N_DATABASES; i++) {
        const char *url = setting_cstr(&c->config, databases[i].setting);
        MRC_TRY(store_restore(databases[i].file, url, path[i], err));
        printf("%s: restored\n", url);
    }
    record(c, "db restore", "databases", c->folder);
    return MRC_OK;
}

/* ---- export ---------------------------------------------------------------------------------------------------- */

static const char *const csv_names[] = {"prediction_id", "created_at",    "user_id",   "request_id", "trace_id",
                                        "model",         "model_version", "film",      "score",      "admissions",
                                        "low80",         "high80",        "quantiles", "latency_us"};

static void put_json(struct buf *out, const struct prediction *p, const char *stamp)
{
    struct json_out w;
    json_out_init(&w, out);
    json_open_object(&w);
    json_pair_str(&w, csv_names[0], p->id);
    json_pair_cstr(&w, csv_names[1], stamp);
    json_pair_str(&w, csv_names[2], p->user_id);
    json_pair_str(&w, csv_names[3], p->request_id);
    json_pair_str(&w, csv_names[4], p->trace_id);
    json_pair_str(&w, csv_names[5], p->model_name);
    json_pair_str(&w, csv_names[6], p->model_version);
    json_put_key(&w, csv_names[7]);
    json_put_raw(&w, p->row_json);
    json_pair_double(&w, csv_names[8], p->score);
    json_pair_double(&w, csv_names[9], p->admissions);
    json_pair_double(&w, csv_names[10], p->low80);
    json_pair_double(&w, csv_names[11], p->high80);
    json_put_key(&w, csv_names[12]);
    json_put_raw(&w, p->quantiles_json);
    json_pair_i64(&w, csv_names[13], p->latency_us);
    json_close_object(&w);
    buf_char(out, '\n');
}

static void put_number(struct buf *out, double v)
{
    buf_char(out, ',');
    buf_double(out, v);
}

static void put_csv(struct buf *out, const struct prediction *p, const char *stamp)
{
    const struct str texts[] = {p->id,       str_of(stamp), p->user_id,       p->request_id,
                                p->trace_id, p->model_name, p->model_version, p->row_json};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        csv_put(out, texts[i], i == 0);
    }
    put_number(out, p->score);
    put_number(out, p->admissions);
    put_number(out, p->low80);
    put_number(out, p->high80);
    csv_put(out, p->quantiles_json, false);
    buf_printf(out, ",%lld\n", (long long)p->latency_us);
}

/* Rows of one kind, page after page. */
struct export
{
    const struct command *c;
    struct store *store;
    const char *const *names; /* of the columns */
    size_t n_names;
    struct str from, to;
    bool csv;
    struct arena *arena; /* of this page: of two, so that a row of the page before is still there */
    struct buf out;
    char last[UUID_TEXT]; /* id that the next page begins behind; empty at first */
    struct shadow_row last_shadow;
};

static int write_out(struct buf *out, struct mrc_err *err)
{
    MRC_TRY(buf_ok(out, err));
    if (out->n > 0 && fwrite(out->p, 1, out->n, stdout) != out->n) {
        return mrc_fail(err, MRC_EIO, "standard output takes no more");
    }
    buf_reset(out);
    return MRC_OK;
}

/* put_page writes at most EXPORT_ROWS rows to x->out and sets *n, and x->last when there was one. */
static int export_pages(struct export *x, int (*put_page)(struct export *x, size_t *n, struct mrc_err *err),
                        enum store_file file, enum config setting, struct mrc_err *err)
{
    struct arena pages[2];
    size_t n = EXPORT_ROWS;
    MRC_TRY(store_open(&x->store, file, setting_cstr(&x->c->config, setting), err));
    arena_init(&pages[0], 0);
    arena_init(&pages[1], 0);
    buf_init(&x->out, NULL, 1 << 30);
    for (size_t i = 0; x->csv && i < x->n_names; i++) {
        buf_printf(&x->out, "%s%s", x->names[i], i + 1 < x->n_names ? "," : "\n");
    }
    int rc = MRC_OK;
    for (unsigned turn = 0; rc == MRC_OK && n == EXPORT_ROWS; turn++) {
        x->arena = &pages[turn % 2];
        arena_reset(x->arena);
        rc = put_page(x, &n, err);
        rc = rc == MRC_OK ? write_out(&x->out, err) : rc;
    }
    buf_release(&x->out);
    arena_release(&pages[0]);
    arena_release(&pages[1]);
    store_close(x->store);
    return rc;
}

static void note_last(struct export *x, struct str id)
{
    (void)snprintf(x->last, sizeof x->last, "%.*s", STR_ARG(id));
}

/* The options that all kinds have; the days' milliseconds where they are given. */
static int read_options(struct export *x, int64_t *from_ms, int64_t *until_ms, struct mrc_err *err)
{
    const char *format = x->c->format;
    x->csv = format != NULL && strcmp(format, "csv") == 0;
    if (format != NULL && !x->csv && strcmp(format, "jsonl") != 0) {
        return mrc_fail(err, MRC_EINVAL, "--format %.40s: jsonl or csv is meant", format);
    }
    MRC_TRY(read_day("--from", x->c->from, from_ms, err));
    return read_day("--until", x->c->until, until_ms, err);
}

static int put_predictions(struct export *x, size_t *n, struct mrc_err *err)
{
    struct prediction *rows = NULL;
    char stamp[STAMP_TEXT];
    struct str after = x->last[0] != '\0' ? str_of(x->last) : x->from;
    MRC_TRY(store_predictions_range(x->store, after, x->to, EXPORT_ROWS, x->arena, &rows, n, err));
    for (size_t i = 0; i < *n; i++) {
        stamp_format(rows[i].time_ms, stamp);
        (x->csv ? put_csv : put_json)(&x->out, &rows[i], stamp);
        note_last(x, rows[i].id);
    }
    return MRC_OK;
}

/* The same, --from and --until as ids of predictions. */
static int read_ids(struct export *x, char from[UUID_TEXT], char until[UUID_TEXT], struct mrc_err *err)
{
    int64_t from_ms, until_ms;
    MRC_TRY(read_options(x, &from_ms, &until_ms, err));
    (void)snprintf(from, UUID_TEXT, "%s", "");
    (void)snprintf(until, UUID_TEXT, "%s", "~");
    if (x->c->from != NULL) {
        store_first_id(from_ms, from);
    }
    if (x->c->until != NULL) {
        store_first_id(until_ms, until);
    }
    x->from = str_of(from);
    x->to = str_of(until);
    return MRC_OK;
}

static int export_log(const struct command *c, struct mrc_err *err)
{
    char from[UUID_TEXT], until[UUID_TEXT];
    struct export x = {.c = c, .names = csv_names, .n_names = sizeof csv_names / sizeof csv_names[0]};
    MRC_TRY(read_ids(&x, from, until, err));
    return export_pages(&x, put_predictions, STORE_LOG, CONFIG_LOG_DATABASE, err);
}

/* ---- outcomes -------------------------------------------------------------------------------------------------- */

static const char *const outcome_names[] = {"outcome_id",   "week",     "film_id",     "title",
                                            "release_date", "entries",  "provisional", "source",
                                            "plausibility", "revision", "reported_at", "film"};

static void put_outcome_json(struct buf *out, const struct outcome *o, const char *stamp)
{
    struct json_out w;
    json_out_init(&w, out);
    json_open_object(&w);
    json_pair_str(&w, outcome_names[0], o->id);
    json_pair_str(&w, outcome_names[1], o->week);
    json_pair_str(&w, outcome_names[2], o->film_id);
    json_pair_str(&w, outcome_names[3], o->title);
    json_pair_str(&w, outcome_names[4], o->release_date);
    json_pair_i64(&w, outcome_names[5], o->entries);
    json_pair_bool(&w, outcome_names[6], o->provisional);
    json_pair_str(&w, outcome_names[7], o->source);
    json_pair_str(&w, outcome_names[8], o->plausibility);
    json_pair_i64(&w, outcome_names[9], o->revision);
    json_pair_cstr(&w, outcome_names[10], stamp);
    json_put_key(&w, outcome_names[11]);
    if (o->row_json.n > 0) {
        json_put_raw(&w, o->row_json);
    } else {
        json_put_null(&w); /* nobody described the film */
    }
    json_close_object(&w);
    buf_char(out, '\n');
}

static void put_outcome_csv(struct buf *out, const struct outcome *o, const char *stamp)
{
    const struct str first[] = {o->id, o->week, o->film_id, o->title, o->release_date},
                     then[] = {o->source, o->plausibility};
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        csv_put(out, first[i], i == 0);
    }
    buf_printf(out, ",%lld,%s", (long long)o->entries, o->provisional ? "true" : "false");
    for (size_t i = 0; i < sizeof then / sizeof then[0]; i++) {
        csv_put(out, then[i], false);
    }
    buf_printf(out, ",%lld,%s", (long long)o->revision, stamp);
    csv_put(out, o->row_json, false);
    buf_char(out, '\n');
}

static int put_outcomes(struct export *x, size_t *n, struct mrc_err *err)
{
    struct outcome *rows = NULL;
    char stamp[STAMP_TEXT];
    MRC_TRY(store_outcomes_list(x->store, str_of(x->last), x->from, x->to, EXPORT_ROWS, x->arena, &rows, n, err));
    for (size_t i = 0; i < *n; i++) {
        stamp_format(rows[i].reported_ms, stamp);
        (x->csv ? put_outcome_csv : put_outcome_json)(&x->out, &rows[i], stamp);
        note_last(x, rows[i].id);
    }
    return MRC_OK;
}

static int export_outcomes(const struct command *c, struct mrc_err *err)
{
    int64_t from_ms, until_ms;
    char to[DATE_TEXT] = "9999-99-99";
    struct export x = {.c = c, .names = outcome_names, .n_names = sizeof outcome_names / sizeof outcome_names[0]};
    MRC_TRY(read_options(&x, &from_ms, &until_ms, err));
    if (c->until != NULL) {
        date_format((int32_t)(until_ms / DAY_MS) - 1, to);
    }
    x.from = c->from == NULL ? STR("0") : str_of(c->from);
    x.to = str_of(to);
    return export_pages(&x, put_outcomes, STORE_STATE, CONFIG_DATABASE, err);
}

/* ---- shadow versions ------------------------------------------------------------------------------------------- */

static const char *const shadow_names[] = {
    "prediction_id", "created_at",    "model", "version",    "served_version", "title_key", "release_date",
    "early",         "refused",       "score", "admissions", "low80",          "high80",    "served_admissions",
    "served_low80",  "served_high80",
};
enum { SHADOW_TEXTS = 7, SHADOW_TRUTHS = 2, SHADOW_NUMBERS = 7 };

static void put_shadow(struct buf *out, bool csv, const struct shadow_row *r)
{
    char stamp[STAMP_TEXT];
    struct json_out w;
    stamp_format(r->time_ms, stamp);
    const struct str texts[SHADOW_TEXTS] = {r->prediction_id,  str_of(stamp), r->model_name,  r->version,
                                            r->served_version, r->title_key,  r->release_date};
    const bool truths[SHADOW_TRUTHS] = {r->early, r->refused};
    const double numbers[SHADOW_NUMBERS] = {r->score,        r->said.admissions,   r->said.low80,
                                            r->said.high80,  r->served.admissions, r->served.low80,
                                            r->served.high80};
    json_out_init(&w, out);
    if (!csv) {
        json_open_object(&w);
    }
    for (size_t i = 0; i < SHADOW_TEXTS; i++) {
        if (csv) {
            csv_put(out, texts[i], i == 0);
        } else {
            json_pair_str(&w, shadow_names[i], texts[i]);
        }
    }
    for (size_t i = 0; i < SHADOW_TRUTHS; i++) {
        if (csv) {
            csv_put(out, truths[i] ? STR("true") : STR("false"), false);
        } else {
            json_pair_bool(&w, shadow_names[SHADOW_TEXTS + i], truths[i]);
        }
    }
    for (size_t i = 0; i < SHADOW_NUMBERS; i++) {
        if (csv) {
            put_number(out, numbers[i]);
        } else {
            json_pair_double(&w, shadow_names[SHADOW_TEXTS + SHADOW_TRUTHS + i], numbers[i]);
        }
    }
    if (!csv) {
        json_close_object(&w);
    }
    buf_char(out, '\n');
}

/* A row of these has no id of its own: the last one of a page says where the next begins. */
static int put_shadows(struct export *x, size_t *n, struct mrc_err *err)
{
    struct shadow_row *rows = NULL;
    MRC_TRY(store_shadow_range(x->store, &x->last_shadow, x->to, EXPORT_ROWS, x->arena, &rows, n, err));
    for (size_t i = 0; i < *n; i++) {
        put_shadow(&x->out, x->csv, &rows[i]);
        x->last_shadow = rows[i];
    }
    return MRC_OK;
}

static int export_shadow(const struct command *c, struct mrc_err *err)
{
    char from[UUID_TEXT], until[UUID_TEXT];
    struct export x = {.c = c, .names = shadow_names, .n_names = sizeof shadow_names / sizeof shadow_names[0]};
    MRC_TRY(read_ids(&x, from, until, err));
    x.last_shadow = (struct shadow_row){.prediction_id = x.from, .model_name = STR(""), .version = STR("")};
    return export_pages(&x, put_shadows, STORE_STATE, CONFIG_DATABASE, err);
}

/* What shadow versions said goes with the predictions. */
static int prune_shadow(const struct command *c, int64_t before_ms, struct mrc_err *err)
{
    struct store *state = NULL;
    int64_t dropped;
    MRC_TRY(store_open(&state, STORE_STATE, setting_cstr(&c->config, CONFIG_DATABASE), err));
    int rc = retention_prune_shadow(state, before_ms, NULL, NULL, &dropped, err);
    store_close(state);
    return rc;
}

static int prune(const struct command *c, struct mrc_err *err)
{
    struct store *log = NULL;
    char stamp[STAMP_TEXT], detail[80];
    int64_t age_ms = setting_int(&c->config, CONFIG_LOG_RETENTION), before_ms = c->now_ms - age_ms, dropped = 0;
    if (c->before == NULL && age_ms == 0) {
        return mrc_fail(err, MRC_EINVAL, "log_retention is 0, for ever: say which with --before DAY");
    }
    MRC_TRY(read_day("--before", c->before, &before_ms, err));
    if (before_ms > c->now_ms) {
        return mrc_fail(err, MRC_EINVAL, "--before %.40s is in the future", c->before);
    }
    MRC_TRY(store_open(&log, STORE_LOG, setting_cstr(&c->config, CONFIG_LOG_DATABASE), err));
    int rc = retention_prune(log, before_ms, NULL, NULL, &dropped, err);
    store_close(log);
    printf("%lld predictions dropped\n", (long long)dropped);
    stamp_format(before_ms, stamp);
    (void)snprintf(detail, sizeof detail, "%lld before %s", (long long)dropped, stamp);
    record(c, "db prune", "predictions", detail);
    return rc < 0 ? rc : prune_shadow(c, before_ms, err);
}

static const struct {
    const char *name;
    bool folder;
    int (*run)(const struct command *c, struct mrc_err *err);
} actions[] = {
    {"migrate", false, migrate},          {"check", false, check},          {"backup", true, backup},
    {"restore", true, restore},           {"export", false, export_log},    {"prune", false, prune},
    {"outcomes", false, export_outcomes}, {"shadow", false, export_shadow},
};

int cmd_db(int argc, char **argv)
{
    struct command c = {.action = NULL};
    struct mrc_err err = {0};
    size_t i = 0;
    c.now_ms = wall_ms();
    struct cmd_arguments arguments;
    const struct cmd_flag flags[] = {{"--format", &c.format, NULL},
                                     {"--from", &c.from, NULL},
                                     {"--until", &c.until, NULL},
                                     {"--before", &c.before, NULL}};
    bool read = cmd_arguments_read(&arguments, argc, argv, flags, sizeof flags / sizeof flags[0]);
    /* migrate: as it was before there was anything else */
    c.action = arguments.words[0] == NULL ? "migrate" : arguments.words[0];
    c.folder = arguments.words[1];
    while (i < sizeof actions / sizeof actions[0] && strcmp(actions[i].name, c.action) != 0) {
        i++;
    }
    for (int k = 1; k < argc; k++) {
        if (strcmp(argv[k], "--help") == 0 || strcmp(argv[k], "-h") == 0) {
            fputs(usage, stdout);
            return fflush(stdout) == 0 ? EXIT_DONE : EXIT_IO;
        }
    }
    if (!read || i == sizeof actions / sizeof actions[0] || actions[i].folder != (c.folder != NULL)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    int status = cmd_begin(&c.config, arguments.n_settings, arguments.settings, 1, "");
    if (status >= 0) {
        return status;
    }
    int rc = actions[i].run(&c, &err);
    settings_release(&c.config);
    return rc < 0 ? cmd_fail(&err) : fflush(stdout) == 0 ? EXIT_DONE : EXIT_IO;
}
