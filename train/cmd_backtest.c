/* backtest: how good the recipe would have been on films of the past, beside the naive rule. */
#include "common/base/csv.h"
#include "common/base/date.h"
#include "train/backtest_groups.h"
#include "train/command.h"
#include "train/fit_films.h"
#include "train/robustness.h"

#include <stddef.h>
#include <string.h>

enum { TEXT_MAX = 256 << 20 };
/* Places in forecast_quantile_levels. */
enum { LOW_90 = 0, LOW_80 = 1, HIGH_80 = 5, HIGH_90 = 6 };

enum option {
    DATA,
    TRAIN_UNTIL,
    TEST,
    SKIP,
    REFIT,
    SETTING,
    CHAMPION,
    PREDICTIONS,
    SCORES,
    ROBUSTNESS,
    POINTS,
    SCHEMA,
    FEATURES,
    FEATURES_SCREENS,
    KIND,
    CALENDAR,
    HISTORIES_UNTIL,
    HISTORIES_AGE,
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
    [SKIP] = {"skip", SETTING_TEXT, NULL, 22, 22, NULL, 0, 0, NULL,
              "Days whose films are not judged, FROM..TO, e.g. while cinemas were closed"},
    [REFIT] = {"refit", SETTING_TEXT, "never", 1, 11000, NULL, 0, 0, NULL,
               "never, yearly (each 1 January), or dates with commas between"},
    [SETTING] = {"setting", SETTING_CHOICE, "auto", 0, 0, "N|S|auto", 0, 0, NULL,
                 "N: weeks ahead, screens never seen; S: films with known screens; auto: S where known, else N"},
    [CHAMPION] = {"champion", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                  "Bundle folder to judge beside, on the same films; it must not have learnt from any of them"},
    [PREDICTIONS] = {"predictions", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                     "CSV to write: one line a film, in tickets"},
    [SCORES] = {"scores", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                "CSV to write: every figure of each rule on all films and by setting, year, genre, country, screens "
                "known, size"},
    [ROBUSTNESS] = {"robustness", SETTING_BOOL, "false", 0, 0, NULL, 0, 0, NULL,
                    "Instead: R2 and bias of films that have an optional field, with it, without it, and by models "
                    "that learnt without it; each field and all at once. Trains a dozen models a refit"},
    [POINTS] = {"points", SETTING_BOOL, "false", 0, 0, NULL, 0, 0, NULL,
                "No intervals, and the mean of logs as the median too: a tenth of the time"},
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
    [HISTORIES_AGE] = {"histories_age", SETTING_NUMBER, "0", 0, 20, NULL, 0, 0, NULL,
                       "Histories that each film is asked of are so many years older than they could be"},
    [PARAMS] = {"params", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                "params.json with CatBoost's names, over the recipe's own"},
    [MASK] = {"mask", SETTING_NUMBER, "0.3", 0, 1, NULL, 0, 0, NULL, "As for fit"},
    [FILL] = {"fill", SETTING_BOOL, "true", 0, 0, NULL, 0, 0, NULL, "As for fit"},
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

static int read_days(struct str text, const char *what, int32_t *from, int32_t *to, struct mrc_err *err)
{
    if (text.n != 22 || memcmp(text.p + 10, "..", 2) != 0) {
        return mrc_fail(err, MRC_EINVAL, "%s %.*s is not FROM..TO", what, STR_ARG(text));
    }
    MRC_TRY(read_date((struct str){text.p, 10}, what, from, err));
    MRC_TRY(read_date((struct str){text.p + 12, 10}, what, to, err));
    return *from <= *to ? MRC_OK : mrc_fail(err, MRC_EINVAL, "%s %.*s ends before it begins", what, STR_ARG(text));
}

static int read_plan(const struct settings *s, struct backtest_plan *p, int32_t *days, struct mrc_err *err)
{
    MRC_TRY(read_date(setting_text(s, TRAIN_UNTIL), "--train-until", &p->train_until, err));
    MRC_TRY(read_days(setting_text(s, TEST), "--test", &p->from, &p->to, err));
    p->skip_from = p->skip_to = DATE_NONE;
    if (setting_is_set(s, SKIP)) {
        MRC_TRY(read_days(setting_text(s, SKIP), "--skip", &p->skip_from, &p->skip_to, err));
    }
    p->ahead = !str_is(setting_text(s, SETTING), "S");
    p->screens = !str_is(setting_text(s, SETTING), "N");
    p->tables_days = (int32_t)(365.25 * setting_number(s, HISTORIES_AGE));
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
        const double *q = f->outcomes[BACKTEST_MEDIAN].quantiles;
        const double cells[] = {f->outcomes[BACKTEST_POINT].forecast,
                                f->outcomes[BACKTEST_MEDIAN].forecast,
                                q[LOW_80],
                                q[HIGH_80],
                                q[LOW_90],
                                q[HIGH_90]};
        csv_put(&o.text, f->film->id, true);
        csv_put(&o.text, str_of(film_setting_letters[f->setting]), false);
        for (size_t k = 0; k < sizeof(cells) / sizeof(cells[0]); k++) {
            buf_char(&o.text, ',');
            if (k < 2 || f->outcomes[BACKTEST_MEDIAN].has_quantiles) {
                buf_double(&o.text, cells[k]);
            }
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

static size_t count_setting(const struct backtest *b, enum film_setting setting)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        n += b->films[i].setting == setting;
    }
    return n;
}

static void put_scores(const struct backtest *b, const struct backtest_groups *g, bool json, struct buf *out)
{
    if (!json) {
        backtest_groups_text(g, out);
        buf_printf(out, "%zu films weeks ahead, %zu with screens known; %zu models trained\n",
                   count_setting(b, FILM_AHEAD), count_setting(b, FILM_SCREENS), b->n_models);
        return;
    }
    struct json_out w;
    json_out_init(&w, out);
    json_open_object(&w);
    json_pair_i64(&w, "films_N", (int64_t)count_setting(b, FILM_AHEAD));
    json_pair_i64(&w, "films_S", (int64_t)count_setting(b, FILM_SCREENS));
    json_pair_i64(&w, "models_trained", (int64_t)b->n_models);
    backtest_groups_json(g, &w);
    json_close_object(&w);
    buf_char(out, '\n');
}

/* What was found, to --scores and to stdout. */
static int write_scores(const struct settings *s, const struct backtest *b, struct mrc_err *err)
{
    struct backtest_groups g;
    struct buf text;
    MRC_TRY(backtest_groups_make(&g, b, err));
    buf_init(&text, NULL, TEXT_MAX);
    int rc = MRC_OK;
    if (setting_is_set(s, SCORES)) {
        backtest_groups_csv(&g, &text);
        rc = buf_ok(&text, err);
        rc = rc < 0 ? rc : output_text(setting_cstr(s, SCORES), buf_text(&text), err);
        buf_reset(&text);
    }
    if (rc == MRC_OK) {
        put_scores(b, &g, setting_bool(s, JSON), &text);
        rc = buf_ok(&text, err);
    }
    rc = rc < 0 ? rc : output_text("-", buf_text(&text), err);
    buf_release(&text);
    backtest_groups_release(&g);
    return rc;
}

static const struct {
    const char *key;
    size_t place;
} robustness_scores[] = {{"given", offsetof(struct robustness_line, given)},
                         {"blanked", offsetof(struct robustness_line, blanked)},
                         {"learnt_without", offsetof(struct robustness_line, without)}};
enum { ROBUSTNESS_SCORES = sizeof(robustness_scores) / sizeof(robustness_scores[0]) };

static const struct robustness_score *robustness_score_of(const struct robustness_line *line, int k)
{
    return (const void *)((const char *)line + robustness_scores[k].place);
}

static void put_robustness(const struct robustness *r, const char *setting, struct buf *b)
{
    buf_printf(b, "%-16s %6s", setting, "films");
    for (int k = 0; k < ROBUSTNESS_SCORES; k++) {
        buf_printf(b, "  %14s: R2, bias", robustness_scores[k].key);
    }
    buf_char(b, '\n');
    for (size_t i = 0; i < ROBUSTNESS_LINES; i++) {
        buf_printf(b, "%-16s %6zu", r->lines[i].field, r->lines[i].films);
        for (int k = 0; k < ROBUSTNESS_SCORES; k++) {
            film_score_number(b, robustness_score_of(&r->lines[i], k)->r2, 3, 17);
            film_score_number(b, robustness_score_of(&r->lines[i], k)->bias, 3, 9);
        }
        buf_char(b, '\n');
    }
}

static void robustness_json(const struct robustness *r, const char *setting, struct json_out *w)
{
    json_put_key(w, setting);
    json_open_array(w);
    for (size_t i = 0; i < ROBUSTNESS_LINES; i++) {
        json_open_object(w);
        json_pair_cstr(w, "field", r->lines[i].field);
        json_pair_i64(w, "films", (int64_t)r->lines[i].films);
        for (int k = 0; k < ROBUSTNESS_SCORES; k++) {
            json_put_key(w, robustness_scores[k].key);
            json_open_object(w);
            json_pair_double(w, "r2_log10", robustness_score_of(&r->lines[i], k)->r2);
            json_pair_double(w, "bias_log10", robustness_score_of(&r->lines[i], k)->bias);
            json_close_object(w);
        }
        json_close_object(w);
    }
    json_close_array(w);
}

static int judge_robustness(const struct settings *s, const struct film_job *job, const struct backtest_plan *plan,
                            struct mrc_err *err)
{
    const bool wanted[FILM__SETTINGS] = {[FILM_AHEAD] = plan->ahead, [FILM_SCREENS] = plan->screens};
    struct buf text;
    struct json_out w;
    int rc = MRC_OK;
    buf_init(&text, NULL, TEXT_MAX);
    json_out_init(&w, &text);
    if (setting_bool(s, JSON)) {
        json_open_object(&w);
    }
    for (int k = 0; rc == MRC_OK && k < FILM__SETTINGS; k++) {
        struct robustness r;
        if (!wanted[k]) {
            continue;
        }
        rc = robustness_run(&r, &job->recipe, (enum film_setting)k, job->data, plan, err);
        if (rc == MRC_OK && setting_bool(s, JSON)) {
            robustness_json(&r, film_setting_letters[k], &w);
        } else if (rc == MRC_OK) {
            put_robustness(&r, film_setting_letters[k], &text);
        }
    }
    if (setting_bool(s, JSON)) {
        json_close_object(&w);
        buf_char(&text, '\n');
    }
    rc = rc < 0 ? rc : buf_ok(&text, err);
    rc = rc < 0 ? rc : output_text("-", buf_text(&text), err);
    buf_release(&text);
    return rc;
}

/* ---- the command ----------------------------------------------------------------------------------------------- */

/* The bundle to judge beside, and the films as its own schema reads them: the same ones in the same order. */
static int open_champion(const struct settings *s, const struct film_job *job, const struct film_data_options *reading,
                         struct bundle **bundle, struct film_data **films, struct backtest_plan *plan,
                         struct mrc_err *err)
{
    if (!setting_is_set(s, CHAMPION)) {
        return MRC_OK;
    }
    if (str_is(setting_text(s, DATA), "-")) {
        return mrc_fail(err, MRC_EINVAL, "--champion reads the films a second time: --data must be a file");
    }
    MRC_TRY(bundle_open(bundle, setting_cstr(s, CHAMPION), err));
    MRC_TRY(film_data_read(films, (*bundle)->schema, setting_cstr(s, DATA), reading, err));
    bool same = (*films)->n == job->data->n;
    for (size_t i = 0; same && i < job->data->n; i++) {
        same = (*films)->films[i].line == job->data->films[i].line;
    }
    if (!same) {
        return mrc_fail(err, MRC_EINVAL, "--champion: its schema accepts other films of the file");
    }
    plan->champion = *bundle;
    plan->champion_films = *films;
    return MRC_OK;
}

static int judge(const struct settings *s, const struct film_job *job, const struct backtest_plan *plan,
                 struct mrc_err *err)
{
    struct backtest b = {0};
    int rc = backtest_run(&b, &job->recipe, job->data, plan, err);
    if (rc == MRC_OK && setting_is_set(s, PREDICTIONS)) {
        rc = write_predictions(&b, setting_cstr(s, PREDICTIONS), err);
    }
    rc = rc < 0 ? rc : write_scores(s, &b, err);
    backtest_release(&b);
    return rc;
}

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
    struct bundle *champion = NULL;
    struct film_data *champion_films = NULL;
    int rc = film_job_open(&job, &o, err);
    if (rc == MRC_OK) {
        rc = film_job_learn(&job, job.data->n, err);
    }
    job.recipe.points = setting_bool(s, POINTS);
    if (rc == MRC_OK && setting_is_set(s, HISTORIES_UNTIL)) {
        rc = read_date(setting_text(s, HISTORIES_UNTIL), "--histories-until", &job.recipe.context.known_until, err);
    }
    if (rc == MRC_OK) {
        rc = open_champion(s, &job, &o.reading, &champion, &champion_films, &plan, err);
    }
    if (rc == MRC_OK) {
        rc = setting_bool(s, ROBUSTNESS) ? judge_robustness(s, &job, &plan, err) : judge(s, &job, &plan, err);
    }
    film_data_free(champion_films);
    bundle_close(champion);
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
        "of error, the share within a factor of 2 and how many films each interval held: of the forecast, of naive "
        "rules\n"
        "(the distributor's median; per screen) and of a champion, on the same films, by year, genre, country, size; "
        "and\n"
        "how sure their differences are. Nobody learns from a film released less than 14 days before the first film\n"
        "judged by the model: its first week was not over a week before.",
        options,
        OPTION__COUNT,
        run};
    return command_run(&command, argc, argv);
}
