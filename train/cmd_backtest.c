/* backtest: how good the recipe would have been on films of the past, beside the naive rule. */
#include "common/base/date.h"
#include "train/backtest.h"
#include "train/command.h"
#include "train/fit_films.h"

#include <string.h>

enum { TEXT_MAX = 256 << 20 };

enum option {
    DATA,
    TRAIN_UNTIL,
    TEST,
    REFIT,
    SETTING,
    PREDICTIONS,
    SCHEMA,
    FEATURES,
    FEATURES_SCREENS,
    KIND,
    CALENDAR,
    HISTORIES_UNTIL,
    PARAMS,
    MASK,
    FILL,
    SEED,
    THREADS,
    MAX_BAD,
    QUIET,
    JSON,
    OPTION__COUNT
};
static const struct setting_spec options[OPTION__COUNT] = {
    [DATA] = {"data", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'd', NULL, "CSV of films, as for fit"},
    [TRAIN_UNTIL] = {"train_until", SETTING_TEXT, NULL, 10, 10, NULL, SETTING_REQUIRED, 0, NULL,
                     "The first models learn from films released up to this date"},
    [TEST] = {"test", SETTING_TEXT, NULL, 22, 22, NULL, SETTING_REQUIRED, 0, NULL,
              "Films to judge by release, FROM..TO, e.g. 2018-01-01..2019-12-31"},
    [REFIT] = {"refit", SETTING_TEXT, "never", 1, 11000, NULL, 0, 0, NULL,
               "never, yearly (each 1 January), or dates with commas between"},
    [SETTING] = {"setting", SETTING_CHOICE, "auto", 0, 0, "N|S|auto", 0, 0, NULL,
                 "N: weeks ahead, screens never seen; S: films with known screens; auto: S where known, else N"},
    [PREDICTIONS] = {"predictions", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                     "CSV to write: one line a film, in tickets"},
    [SCHEMA] = {"schema", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                "Without it the one that came with the program"},
    [FEATURES] = {"features", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL, "Features for weeks ahead; likewise"},
    [FEATURES_SCREENS] = {"features_screens", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                          "Features when screens are known; likewise"},
    [KIND] = {"kind", SETTING_CHOICE, "plain", 0, 0, FILM_KINDS, 0, 0, NULL,
              "What the models know of past films: nothing; all of it (a private bundle holds every film's figure); or "
              "rounded means of names with three films or more (a published one holds no film)"},
    [CALENDAR] = {"calendar", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                  "School holidays and other tables of days; likewise"},
    [HISTORIES_UNTIL] = {"histories_until", SETTING_TEXT, NULL, 10, 10, NULL, 0, 0, NULL,
                         "Histories end here and grow old, as in a bundle that nobody refreshes"},
    [PARAMS] = {"params", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                "params.json with CatBoost's names, over the recipe's own"},
    [MASK] = {"mask", SETTING_NUMBER, "0.3", 0, 1, NULL, 0, 0, NULL, "As for fit"},
    [FILL] = {"fill", SETTING_BOOL, "false", 0, 0, NULL, 0, 0, NULL, "As for fit"},
    [SEED] = {"seed", SETTING_INT, "1", 0, 1e15, NULL, 0, 0, NULL, "Seed of masking and training"},
    [THREADS] =
        {"threads", SETTING_INT, "1", 0, 256, NULL, 0, 0, NULL,
         "Threads; 0 = one a CPU. A film file is small: more pay on an idle machine only; none changes the result"},
    [MAX_BAD] = {"max_bad", SETTING_INT, "0", 0, 1e9, NULL, 0, 0, NULL,
                 "Leave out and count up to this many wrong rows"},
    [QUIET] = {"quiet", SETTING_BOOL, "false", 0, 0, NULL, 0, 'q', NULL, "No progress line on a terminal"},
    [JSON] = {"json", SETTING_BOOL, "false", 0, 0, NULL, 0, 0, NULL, "One JSON object instead of the table"},
};

/* ---- the plan -------------------------------------------------------------------------------------------------- */

static int read_date(struct str text, const char *what, int32_t *out, struct mrc_err *err)
{
    *out = date_parse(text, NULL);
    return *out != DATE_NONE
               ? MRC_OK
               : mrc_fail(err, MRC_EINVAL, "%s: \"%.*s\" is no date like 2019-12-31", what, STR_ARG(text));
}

static int read_refits(struct str text, const struct backtest_plan *p, int32_t *days, size_t *n, struct mrc_err *err)
{
    *n = 0;
    if (str_is(text, "never")) {
        return MRC_OK;
    }
    if (str_is(text, "yearly")) {
        for (int year = date_to_civil(p->from).year + 1; *n < BACKTEST_REFITS_MAX; year++) {
            int32_t day = date_from_civil(year, 1, 1);
            if (day == DATE_NONE || day > p->to) {
                break;
            }
            days[(*n)++] = day;
        }
        return MRC_OK;
    }
    while (text.n > 0) {
        const char *comma = memchr(text.p, ',', text.n);
        struct str part = {text.p, comma ? (size_t)(comma - text.p) : text.n};
        if (*n == BACKTEST_REFITS_MAX) {
            return mrc_fail(err, MRC_ELIMIT, "--refit: more than %d dates", BACKTEST_REFITS_MAX);
        }
        MRC_TRY(read_date(part, "--refit", &days[(*n)++], err));
        text.p += part.n + (comma != NULL);
        text.n -= part.n + (comma != NULL);
    }
    return MRC_OK;
}

static int read_plan(const struct settings *s, struct backtest_plan *p, int32_t *days, struct mrc_err *err)
{
    struct str test = setting_text(s, TEST);
    MRC_TRY(read_date(setting_text(s, TRAIN_UNTIL), "--train-until", &p->train_until, err));
    if (test.n != 22 || memcmp(test.p + 10, "..", 2) != 0) {
        return mrc_fail(err, MRC_EINVAL, "--test %.*s is not FROM..TO", STR_ARG(test));
    }
    MRC_TRY(read_date((struct str){test.p, 10}, "--test", &p->from, err));
    MRC_TRY(read_date((struct str){test.p + 12, 10}, "--test", &p->to, err));
    p->ahead = !str_is(setting_text(s, SETTING), "S");
    p->screens = !str_is(setting_text(s, SETTING), "N");
    p->refits = days;
    return read_refits(setting_text(s, REFIT), p, days, &p->n_refits, err);
}

/* ---- output ---------------------------------------------------------------------------------------------------- */

static int write_predictions(const struct backtest *b, const char *path, struct mrc_err *err)
{
    struct output o;
    int rc = output_open(&o, path, err);
    if (rc == MRC_OK) {
        buf_puts(&o.text, "film_id,setting,point,median,low80,high80,low90,high90\n");
    }
    for (size_t i = 0; rc == MRC_OK && i < b->n; i++) {
        const struct backtest_film *f = &b->films[i];
        const double cells[] = {f->point, f->median, f->low80, f->high80, f->low90, f->high90};
        csv_put(&o.text, f->film->id, true);
        csv_put(&o.text, str_of(film_setting_letters[f->setting]), false);
        for (size_t k = 0; k < sizeof(cells) / sizeof(cells[0]); k++) {
            buf_char(&o.text, ',');
            buf_double(&o.text, cells[k]);
        }
        buf_char(&o.text, '\n');
        rc = output_flush(&o, err);
    }
    if (rc == MRC_OK) {
        rc = output_close(&o, err);
    }
    output_abandon(&o);
    return rc;
}

static const struct {
    enum backtest_rule rule;
    const char *key, *name;
} rules[] = {{BACKTEST_MEDIAN, "median", "Mercredi, median"},
             {BACKTEST_POINT, "point", "Mercredi, mean of logs"},
             {BACKTEST_NAIVE, "naive", "distributor's median"}};
enum { N_RULES = sizeof(rules) / sizeof(rules[0]) };

static size_t count_setting(const struct backtest *b, enum film_setting setting)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        n += b->films[i].setting == setting;
    }
    return n;
}

static int print_scores(const struct backtest *b, bool json, struct mrc_err *err)
{
    struct film_score scores[N_RULES];
    for (size_t i = 0; i < N_RULES; i++) {
        MRC_TRY(backtest_score(b, rules[i].rule, &scores[i], err));
    }
    struct buf text;
    buf_init(&text, NULL, TEXT_MAX);
    if (json) {
        struct json_out w;
        json_out_init(&w, &text);
        json_open_object(&w);
        json_pair_i64(&w, "films_N", (int64_t)count_setting(b, FILM_AHEAD));
        json_pair_i64(&w, "films_S", (int64_t)count_setting(b, FILM_SCREENS));
        json_pair_i64(&w, "models_trained", (int64_t)b->n_models);
        for (size_t i = 0; i < N_RULES; i++) {
            json_put_key(&w, rules[i].key);
            json_open_object(&w);
            film_score_json(&w, &scores[i]);
            json_close_object(&w);
        }
        json_close_object(&w);
        buf_char(&text, '\n');
    } else {
        film_score_heading(&text);
        for (size_t i = 0; i < N_RULES; i++) {
            film_score_line(&text, rules[i].name, &scores[i]);
        }
        buf_printf(&text, "%zu films weeks ahead, %zu with screens known; %zu models trained\n",
                   count_setting(b, FILM_AHEAD), count_setting(b, FILM_SCREENS), b->n_models);
    }
    int rc = buf_ok(&text, err);
    if (rc == MRC_OK) {
        rc = output_text("-", buf_text(&text), err);
    }
    buf_release(&text);
    return rc;
}

/* ---- the command ----------------------------------------------------------------------------------------------- */

static int run(const struct settings *s, struct mrc_err *err)
{
    struct backtest_plan plan = {0};
    int32_t days[BACKTEST_REFITS_MAX];
    MRC_TRY(read_plan(s, &plan, days, err));
    struct film_job job;
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
    struct backtest b = {0};
    int rc = film_job_open(&job, &o, err);
    if (rc == MRC_OK) {
        rc = film_job_learn(&job, job.data->n, err);
    }
    if (rc == MRC_OK && setting_is_set(s, HISTORIES_UNTIL)) {
        rc = read_date(setting_text(s, HISTORIES_UNTIL), "--histories-until", &job.recipe.context.known_until, err);
    }
    if (rc == MRC_OK) {
        rc = backtest_run(&b, &job.recipe, job.data, &plan, err);
    }
    if (rc == MRC_OK && setting_is_set(s, PREDICTIONS)) {
        rc = write_predictions(&b, setting_cstr(s, PREDICTIONS), err);
    }
    if (rc == MRC_OK) {
        rc = print_scores(&b, setting_bool(s, JSON), err);
    }
    backtest_release(&b);
    film_job_close(&job);
    return rc;
}

int cmd_backtest(int argc, char **argv)
{
    static const struct command command = {
        "backtest",
        "--data FILMS.csv --train-until DATE --test FROM..TO [--refit R] [--setting N|S|auto] [--predictions CSV] "
        "[--json]",
        "Trains as fit does on films up to a date, forecasts later ones and prints R2 of log10, mean error, median "
        "share\n"
        "of error, the share within a factor of 2 and how many films each interval held, beside the median of the\n"
        "distributor's past films. Nobody learns from a film released less than 14 days before the first film judged\n"
        "by the model: its first week was not over a week before.",
        options,
        OPTION__COUNT,
        run};
    return command_run(&command, argc, argv);
}
