/* fit for any table: a CSV, its columns, CatBoost's parameters; out comes a CatBoost model. */
#include "train/fit_table.h"
#include "common/base/json.h"
#include "train/boost.h"
#include "train/command.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { DATA, COLUMNS, CD, PARAMS, SET, EVAL, THREADS, MODEL_OUT, JSON, QUIET };

static const struct setting_spec options[] = {
    [DATA] = {.name = "data",
              .type = SETTING_PATH,
              .flags = SETTING_FLAG_ONLY | SETTING_REQUIRED,
              .help = "CSV to learn from, with a header; - is standard input."},
    [COLUMNS] = {.name = "columns",
                 .type = SETTING_PATH,
                 .flags = SETTING_FLAG_ONLY,
                 .help =
                     "Columns of the CSV: [{\"name\",\"kind\"}], kinds num, cat, target, weight, timestamp, ignore."},
    [CD] = {.name = "cd",
            .type = SETTING_PATH,
            .flags = SETTING_FLAG_ONLY,
            .help = "The same as CatBoost's column description."},
    [PARAMS] = {.name = "params",
                .type = SETTING_PATH,
                .flags = SETTING_FLAG_ONLY,
                .help = "Parameters by CatBoost's names: {\"loss_function\":\"RMSE\",\"iterations\":500,…}."},
    [SET] = {.name = "set",
             .type = SETTING_TEXT,
             .max = 4096,
             .flags = SETTING_FLAG_ONLY,
             .help = "More parameters: name=value, separated by blanks; they win over the file."},
    [EVAL] = {.name = "eval",
              .type = SETTING_PATH,
              .flags = SETTING_FLAG_ONLY,
              .help = "CSV with the same columns, for early stopping and the best model."},
    [THREADS] = {.name = "threads",
                 .type = SETTING_INT,
                 .value = "0",
                 .min = 0,
                 .max = 256,
                 .flags = SETTING_FLAG_ONLY,
                 .help = "0 = as many as there are CPUs. The model does not depend on it."},
    [MODEL_OUT] = {.name = "model_out",
                   .type = SETTING_PATH,
                   .flags = SETTING_FLAG_ONLY | SETTING_REQUIRED,
                   .help = "Model to write; .json gives CatBoost's JSON, anything else .cbm."},
    [JSON] = {.name = "json",
              .type = SETTING_BOOL,
              .value = "false",
              .flags = SETTING_FLAG_ONLY,
              .help = "End with one line of JSON: times, memory, losses."},
    [QUIET] = {.name = "quiet",
               .type = SETTING_BOOL,
               .value = "false",
               .flags = SETTING_FLAG_ONLY,
               .help = "No progress on a terminal."},
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double peak_mb(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) == 0 ? (double)u.ru_maxrss / 1024 : 0;
}

/* ---- interruption and progress --------------------------------------------------------------------------------- */

/* The first SIGINT ends training after the current tree and the model is written; the second one kills. */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    interrupted = 1;
    (void)signal_number;
}

static bool show_step(const struct boost_step *step, void *arg)
{
    const bool *show = arg;
    if (*show && (step->iteration % 10 == 9 || step->iteration + 1 == step->iterations)) {
        fprintf(stderr, "\r%u/%u  learn %.6g", step->iteration + 1, step->iterations, step->learn_loss);
        if (step->eval_loss == step->eval_loss) {
            fprintf(stderr, "  eval %.6g  best %u", step->eval_loss, step->best_iteration);
        }
        fprintf(stderr, "  %.1f s ", step->seconds);
        if (step->iteration + 1 == step->iterations) {
            fputc('\n', stderr);
        }
    }
    return !interrupted;
}

/* ---- input ----------------------------------------------------------------------------------------------------- */

static int read_params(const struct settings *s, struct params *p, struct mrc_err *err)
{
    params_init(p);
    if (setting_is_set(s, PARAMS)) {
        MRC_TRY(params_read(p, setting_cstr(s, PARAMS), err));
    }
    struct str rest = setting_is_set(s, SET) ? str_trim(setting_text(s, SET)) : (struct str){"", 0};
    while (rest.n > 0) {
        const char *blank = memchr(rest.p, ' ', rest.n);
        struct str pair = {rest.p, blank ? (size_t)(blank - rest.p) : rest.n};
        const char *equal = memchr(pair.p, '=', pair.n);
        if (!equal) {
            return mrc_fail(err, MRC_EINVAL, "--set: \"%.*s\" is not name=value", STR_ARG(pair));
        }
        struct str name = {pair.p, (size_t)(equal - pair.p)};
        MRC_TRY(params_set(p, name, (struct str){equal + 1, pair.n - name.n - 1}, err));
        rest = str_trim((struct str){rest.p + pair.n, rest.n - pair.n});
    }
    if (setting_int(s, THREADS) > 0) {
        p->thread_count = setting_int(s, THREADS);
    }
    return MRC_OK;
}

static int read_data(const struct settings *s, struct dataset **learn, struct dataset **eval, struct mrc_err *err)
{
    struct column_roles roles;
    if (setting_is_set(s, COLUMNS) == setting_is_set(s, CD)) {
        return mrc_fail(err, MRC_EINVAL, "give one of --columns (any table), --cd (any table) or --schema (films)");
    }
    MRC_TRY(setting_is_set(s, COLUMNS) ? roles_read_json(&roles, setting_cstr(s, COLUMNS), err)
                                       : roles_read_cd(&roles, setting_cstr(s, CD), err));
    int rc = dataset_read_csv(learn, setting_cstr(s, DATA), &roles, err);
    if (rc == MRC_OK && setting_is_set(s, EVAL)) {
        rc = dataset_read_csv(eval, setting_cstr(s, EVAL), &roles, err);
    }
    roles_release(&roles);
    return rc;
}

/* ---- output ---------------------------------------------------------------------------------------------------- */

static int save(const mrc_model *m, const char *path, struct mrc_err *err)
{
    size_t n = strlen(path);
    bool json = n >= 5 && !strcmp(path + n - 5, ".json");
    return mrc_model_save(m, path, json ? MRC_FORMAT_JSON : MRC_FORMAT_CBM, err);
}

static void put_losses(struct json_out *w, const char *key, const double *v, uint32_t n)
{
    json_put_key(w, key);
    json_open_array(w);
    for (uint32_t i = 0; v && i < n; i++) {
        json_put_double(w, v[i]);
    }
    json_close_array(w);
}

static int print_json(const struct boost_report *r, double load_s, double rss_before, struct mrc_err *err)
{
    struct buf text;
    struct json_out w;
    buf_init(&text, NULL, 256 << 20);
    json_out_init(&w, &text);
    json_open_object(&w);
    json_pair_double(&w, "load_s", load_s);
    json_pair_double(&w, "fit_s", r->seconds);
    json_pair_double(&w, "peak_rss_mb", peak_mb());
    json_pair_double(&w, "rss_before_fit_mb", rss_before);
    json_pair_i64(&w, "trees", r->n_trees);
    json_pair_i64(&w, "best_iteration", r->best_iteration);
    put_losses(&w, "learn_loss", r->learn_loss, r->n_iterations);
    put_losses(&w, "eval_loss", r->eval_loss, r->n_iterations);
    json_close_object(&w);
    buf_char(&text, '\n');
    int rc = buf_ok(&text, err);
    if (rc == MRC_OK) {
        rc = output_text("-", buf_text(&text), err);
    }
    buf_release(&text);
    return rc;
}

static int run(const struct settings *s, struct mrc_err *err)
{
    struct params params;
    struct dataset *learn = NULL, *eval = NULL;
    mrc_model *model = NULL;
    struct boost_report report = {0};
    double started = seconds();
    MRC_TRY(read_params(s, &params, err));
    int rc = read_data(s, &learn, &eval, err);
    double load_s = seconds() - started, rss_before = peak_mb();
    if (rc == MRC_OK) {
        bool show = isatty(STDERR_FILENO) && !setting_bool(s, QUIET);
        struct boost_progress progress = {.step = show_step, .arg = &show};
        struct sigaction act = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
        sigemptyset(&act.sa_mask);
        sigaction(SIGINT, &act, NULL);
        rc = boost_fit(learn, eval, &params, &progress, &model, &report, err);
    }
    if (rc == MRC_OK) {
        rc = save(model, setting_cstr(s, MODEL_OUT), err);
    }
    if (rc == MRC_OK && setting_bool(s, JSON)) {
        rc = print_json(&report, load_s, rss_before, err);
    } else if (rc == MRC_OK) {
        fprintf(stderr, "%u trees in %.2f s, learn loss %.6g, written to %s\n", report.n_trees, report.seconds,
                report.learn_loss[report.n_trees - 1], setting_cstr(s, MODEL_OUT));
    }
    boost_report_release(&report);
    mrc_model_free(model);
    dataset_free(learn);
    dataset_free(eval);
    return rc;
}

int fit_table(int argc, char **argv)
{
    static const struct command command = {
        .name = "fit",
        .usage = "--data CSV (--columns F | --cd F) [--params F] [--eval CSV] --model-out FILE.cbm|.json [options]\n"
                 "   or: mercredi-train fit --schema data/schema.json --data FILMS.csv --out BUNDLE [options]",
        .about =
            "Trains gradient-boosted oblivious trees on any table, as CatBoost does, and writes a model that CatBoost\n"
            "loads. The same data and parameters give the same file, byte for byte, for any number of threads.\n"
            "Ctrl-C ends after the current tree and writes the model; a second one kills.\n"
            "With --schema it trains the film model: see fit --schema --help.",
        .options = options,
        .n_options = sizeof(options) / sizeof(options[0]),
        .run = run,
    };
    return command_run(&command, argc, argv);
}
