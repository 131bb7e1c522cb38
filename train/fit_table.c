/* fit for any table: a CSV, its columns, CatBoost's parameters; out comes a CatBoost model. */
#include "train/fit_table.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "train/boost.h"
#include "train/command.h"
#include "train/metric.h"
#include "train/model_rows.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { DATA, COLUMNS, CD, EVAL, SPLIT, PARAMS, SET, THREADS, MEMORY_MAX, MODEL_OUT, CURVES, JSON, QUIET, N_OWN };

/* The command's own options; the training parameters follow them (all_options). */
static const struct setting_spec own_options[N_OWN] = {
    [DATA] = {.name = "data",
              .type = SETTING_PATH,
              .flags = SETTING_FLAG_ONLY | SETTING_REQUIRED,
              .help = "CSV to learn from, with a header; - is standard input."},
    [COLUMNS] = {.name = "columns",
                 .type = SETTING_PATH,
                 .flags = SETTING_FLAG_ONLY,
                 .help = "Columns of the CSV: [{\"name\",\"kind\"}], kinds num, cat, target, weight, timestamp, group, "
                         "baseline, ignore."},
    [CD] = {.name = "cd",
            .type = SETTING_PATH,
            .flags = SETTING_FLAG_ONLY,
            .help = "The same as CatBoost's column description."},
    [EVAL] = {.name = "eval",
              .type = SETTING_PATH,
              .flags = SETTING_FLAG_ONLY,
              .help = "CSV with the same columns, for early stopping and the best model."},
    [SPLIT] = {.name = "split",
               .type = SETTING_TEXT,
               .max = 4096,
               .flags = SETTING_FLAG_ONLY,
               .help = "Take the eval set from --data: time:COLUMN@DATE (rows from that date or number on), or "
                       "random:0.2 (a share of the rows, groups as wholes)."},
    [PARAMS] = {.name = "params",
                .type = SETTING_PATH,
                .flags = SETTING_FLAG_ONLY,
                .help = "Parameters by CatBoost's names: {\"loss_function\":\"RMSE\",\"iterations\":500,...}."},
    [SET] = {.name = "set",
             .type = SETTING_TEXT,
             .max = 4096,
             .flags = SETTING_FLAG_ONLY,
             .help = "More parameters: name=value, separated by blanks; they win over the file, the flags below over "
                     "both."},
    [THREADS] = {.name = "threads",
                 .type = SETTING_INT,
                 .value = "0",
                 .min = 0,
                 .max = 256,
                 .flags = SETTING_FLAG_ONLY,
                 .help = "0 = as many as there are CPUs. The model does not depend on it."},
    [MEMORY_MAX] = {.name = "memory_max",
                    .type = SETTING_BYTES,
                    .min = 1 << 20,
                    .max = 1e15,
                    .flags = SETTING_FLAG_ONLY,
                    .help = "Refuse to start when table and training would take more than this."},
    [MODEL_OUT] = {.name = "model_out",
                   .type = SETTING_PATH,
                   .flags = SETTING_FLAG_ONLY | SETTING_REQUIRED,
                   .help = "Model to write; .json gives CatBoost's JSON, anything else .cbm."},
    [CURVES] = {.name = "curves",
                .type = SETTING_PATH,
                .flags = SETTING_FLAG_ONLY,
                .help = "Learning curves to write as CSV: iteration, learn loss, eval loss, eval metric."},
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

enum { OPTIONS_MAX = 256, NAMES_BYTES = 8192 };

/* Own options and a flag for each parameter and alias; those after the first name are not shown. Made once. */
static struct {
    size_t n;
    struct setting_spec specs[OPTIONS_MAX];
    const char *name[OPTIONS_MAX]; /* of the parameter */
    char text[NAMES_BYTES];
} all;

static bool is_own(struct str name)
{
    for (size_t i = 0; i < N_OWN; i++) {
        if (str_is(name, own_options[i].name)) {
            return true;
        }
    }
    return false;
}

static void all_options(void)
{
    struct param_option p;
    size_t used = 0;
    memcpy(all.specs, own_options, sizeof(own_options));
    all.n = N_OWN;
    for (size_t i = 0; params_option(i, &p); i++) {
        unsigned hidden = p.help ? 0 : SETTING_HIDDEN;
        for (const char *at = p.names, *bar; at; at = bar ? bar + 1 : NULL, hidden = SETTING_HIDDEN) {
            bar = strchr(at, '|');
            struct str name = {at, bar ? (size_t)(bar - at) : strlen(at)};
            if (is_own(name) || all.n == OPTIONS_MAX || used + name.n + 1 > NAMES_BYTES) {
                continue;
            }
            char *copy = all.text + used;
            memcpy(copy, name.p, name.n);
            used += name.n + 1;
            all.name[all.n] = copy;
            all.specs[all.n++] = (struct setting_spec){.name = copy,
                                                       .type = p.is_flag ? SETTING_BOOL : SETTING_TEXT,
                                                       .flags = SETTING_FLAG_ONLY | hidden,
                                                       .help = p.help ? p.help : ""};
        }
    }
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* CPU time of this process, all threads. */
static double cpu_seconds(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0) {
        return 0;
    }
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
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

struct watch {
    bool show;
    double shown; /* seconds at the last line */
    struct dataset *learn, *eval;
};

static void give_back(void *arg)
{
    struct watch *w = arg;
    dataset_drop_values(w->learn);
    if (w->eval) {
        dataset_drop_values(w->eval);
    }
}

/* One line that is written over and over: iteration, losses, time gone and time left at this pace. */
static bool show_step(const struct boost_step *step, void *arg)
{
    struct watch *w = arg;
    bool last = step->iteration + 1 == step->iterations || interrupted;
    if (!w->show || (!last && step->seconds - w->shown < 0.2)) {
        return !interrupted;
    }
    w->shown = step->seconds;
    fprintf(stderr, "\r%u/%u  learn %.6g", step->iteration + 1, step->iterations, step->learn_loss);
    if (!isnan(step->eval_loss)) {
        fprintf(stderr, "  eval %.6g", step->eval_loss);
        if (!isnan(step->eval_metric)) {
            fprintf(stderr, "  metric %.6g", step->eval_metric);
        }
        fprintf(stderr, "  best %u", step->best_iteration + 1);
    }
    double left = step->seconds / (step->iteration + 1.0) * (step->iterations - step->iteration - 1.0);
    fprintf(stderr, "  %.1f s, %.0f s left   ", step->seconds, left);
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
    for (size_t i = N_OWN; i < all.n; i++) {
        if (setting_is_set(s, i)) {
            bool flag = all.specs[i].type == SETTING_BOOL;
            struct str value = !flag ? setting_text(s, i) : setting_bool(s, i) ? STR("true") : STR("false");
            MRC_TRY(params_set(p, str_of(all.name[i]), value, err));
        }
    }
    if (setting_int(s, THREADS) > 0) {
        p->thread_count = setting_int(s, THREADS);
    }
    if (setting_is_set(s, MEMORY_MAX)) {
        p->memory_max = (uint64_t)setting_int(s, MEMORY_MAX);
    }
    return MRC_OK;
}

static int check_options(const struct settings *s, const struct params *p, struct table_options *reading,
                         struct mrc_err *err)
{
    if (setting_is_set(s, COLUMNS) == setting_is_set(s, CD)) {
        return mrc_fail(err, MRC_EINVAL, "give one of --columns (any table), --cd (any table) or --schema (films)");
    }
    if (setting_is_set(s, EVAL) && setting_is_set(s, SPLIT)) {
        return mrc_fail(err, MRC_EINVAL, "give --eval or --split, not both: each is the eval set");
    }
    if (setting_is_set(s, EVAL) && !strcmp(setting_cstr(s, EVAL), "-") && !strcmp(setting_cstr(s, DATA), "-")) {
        return mrc_fail(err, MRC_EINVAL, "--data and --eval cannot both be standard input");
    }
    if (setting_bool(s, JSON) && !strcmp(setting_cstr(s, MODEL_OUT), "-")) {
        return mrc_fail(err, MRC_EINVAL, "--json and --model-out - both write to standard output");
    }
    *reading = (struct table_options){.threads = model_threads(p->thread_count), .memory_max = p->memory_max};
    if (setting_is_set(s, SPLIT) && split_parse(&reading->split, setting_text(s, SPLIT), p->random_seed, err) < 0) {
        return err_wrap(err, "--split");
    }
    return MRC_OK;
}

static int read_data(const struct settings *s, struct table_options *reading, struct dataset **learn,
                     struct dataset **eval, struct mrc_err *err)
{
    struct column_roles roles;
    MRC_TRY(setting_is_set(s, COLUMNS) ? roles_read_json(&roles, setting_cstr(s, COLUMNS), err)
                                       : roles_read_cd(&roles, setting_cstr(s, CD), err));
    int rc = dataset_read_table(learn, eval, setting_cstr(s, DATA), &roles, reading, err);
    if (rc == MRC_OK && setting_is_set(s, EVAL)) {
        rc = dataset_read_table(eval, NULL, setting_cstr(s, EVAL), &roles, reading, err);
    }
    roles_release(&roles);
    return rc;
}

/* ---- output ---------------------------------------------------------------------------------------------------- */

static int save(const mrc_model *m, const char *path, struct mrc_err *err)
{
    size_t n = strlen(path);
    bool json = n >= 5 && !strcmp(path + n - 5, ".json");
    void *bytes = NULL;
    MRC_TRY(mrc_model_write(m, json ? MRC_FORMAT_JSON : MRC_FORMAT_CBM, &bytes, &n, err));
    struct output o;
    int rc = output_open(&o, path, err);
    rc = rc == MRC_OK ? file_write_fd(o.fd, (struct str){bytes, n}, err) : rc;
    if (rc == MRC_OK) {
        rc = output_close(&o, err);
    } else {
        output_abandon(&o);
    }
    free(bytes);
    return rc;
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

static int write_curves(const struct boost_report *r, const struct params *p, const char *path, struct mrc_err *err)
{
    struct output o;
    MRC_TRY(output_open(&o, path, err));
    const double *columns[] = {r->learn_loss, r->eval_loss, r->eval_metric};
    const char *names[] = {"learn", "eval", "eval"};
    buf_puts(&o.text, "iteration");
    for (size_t k = 0; k < 3; k++) {
        if (columns[k]) {
            buf_printf(&o.text, ",%s_%s", names[k], k < 2 ? loss_name(p->loss.type) : metric_name(&p->eval_metric));
        }
    }
    buf_char(&o.text, '\n');
    for (uint32_t i = 0; i < r->n_iterations; i++) {
        buf_printf(&o.text, "%u", i);
        for (size_t k = 0; k < 3; k++) {
            if (columns[k]) {
                buf_char(&o.text, ',');
                buf_double(&o.text, columns[k][i]);
            }
        }
        buf_char(&o.text, '\n');
        if (output_flush(&o, err) < 0) {
            output_abandon(&o);
            return MRC_EIO;
        }
    }
    return output_close(&o, err);
}

/* Measured around the fit, for --json. */
struct costs {
    double load_s, fit_cpu_s, rss_before_mb;
};

static int print_json(const struct boost_report *r, const struct costs *costs, struct mrc_err *err)
{
    struct buf text;
    struct json_out w;
    buf_init(&text, NULL, 256 << 20);
    json_out_init(&w, &text);
    json_open_object(&w);
    json_pair_double(&w, "load_s", costs->load_s);
    json_pair_double(&w, "fit_s", r->seconds);
    json_pair_double(&w, "fit_cpu_s", costs->fit_cpu_s);
    json_pair_double(&w, "peak_rss_mb", peak_mb());
    json_pair_double(&w, "rss_before_fit_mb", costs->rss_before_mb);
    json_pair_i64(&w, "trees", r->n_trees);
    json_pair_i64(&w, "best_iteration", r->best_iteration);
    put_losses(&w, "learn_loss", r->learn_loss, r->n_iterations);
    put_losses(&w, "eval_loss", r->eval_loss, r->n_iterations);
    if (r->eval_metric) {
        put_losses(&w, "eval_metric", r->eval_metric, r->n_iterations);
    }
    json_pair_bool(&w, "stopped_early", r->stopped_early);
    json_pair_bool(&w, "interrupted", r->cancelled);
    json_close_object(&w);
    buf_char(&text, '\n');
    int rc = buf_ok(&text, err);
    if (rc == MRC_OK) {
        rc = output_text("-", buf_text(&text), err);
    }
    buf_release(&text);
    return rc;
}

static int train(const struct settings *s, const struct params *p, struct dataset *learn, struct dataset *eval,
                 mrc_model **model, struct boost_report *report, struct mrc_err *err)
{
    struct watch w = {.show = isatty(STDERR_FILENO) && !setting_bool(s, QUIET), .learn = learn, .eval = eval};
    struct boost_progress progress = {.step = show_step, .arg = &w, .quantised = give_back};
    struct sigaction act = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, NULL);
    int rc = boost_fit(learn, eval, p, &progress, model, report, err);
    if (w.shown > 0) {
        fputc('\n', stderr);
    }
    return rc;
}

/* What was done, for people. */
static void tell(const struct boost_report *r, const char *path)
{
    fprintf(stderr, "%u trees in %.2f s, learn loss %.6g", r->n_trees, r->seconds, r->learn_loss[r->n_trees - 1]);
    if (r->eval_loss) {
        fprintf(stderr, ", eval loss %.6g", r->eval_loss[r->n_trees - 1]);
    }
    if (r->eval_metric) {
        fprintf(stderr, ", eval metric %.6g", r->eval_metric[r->n_trees - 1]);
    }
    fprintf(stderr, "%s, written to %s\n",
            r->cancelled       ? "; interrupted"
            : r->stopped_early ? "; stopped early"
                               : "",
            path);
}

static int write_results(const struct settings *s, const struct params *p, const mrc_model *model,
                         const struct boost_report *report, struct mrc_err *err)
{
    MRC_TRY(save(model, setting_cstr(s, MODEL_OUT), err));
    return setting_is_set(s, CURVES) ? write_curves(report, p, setting_cstr(s, CURVES), err) : MRC_OK;
}

static int run(const struct settings *s, struct mrc_err *err)
{
    struct params params;
    struct table_options reading;
    struct dataset *learn = NULL, *eval = NULL;
    mrc_model *model = NULL;
    struct boost_report report = {0};
    double started = seconds();
    MRC_TRY(read_params(s, &params, err));
    MRC_TRY(check_options(s, &params, &reading, err));
    int rc = read_data(s, &reading, &learn, &eval, err);
    struct costs costs = {.load_s = seconds() - started, .rss_before_mb = peak_mb()};
    if (rc == MRC_OK) {
        double cpu = cpu_seconds();
        rc = train(s, &params, learn, eval, &model, &report, err);
        costs.fit_cpu_s = cpu_seconds() - cpu;
    }
    if (rc == MRC_OK) {
        rc = write_results(s, &params, model, &report, err);
    }
    if (rc == MRC_OK && setting_bool(s, JSON)) {
        rc = print_json(&report, &costs, err);
    } else if (rc == MRC_OK) {
        tell(&report, setting_cstr(s, MODEL_OUT));
    }
    boost_report_release(&report);
    mrc_model_free(model);
    dataset_free(learn);
    dataset_free(eval);
    return rc;
}

int fit_table(int argc, char **argv)
{
    all_options();
    struct command command = {
        .name = "fit",
        .usage = "--data CSV (--columns F | --cd F) [--params F] [--eval CSV | --split HOW] --model-out FILE.cbm|.json "
                 "[options]\n"
                 "   or: mercredi-train fit --schema data/schema.json --data FILMS.csv --out BUNDLE [options]",
        .about =
            "Trains gradient-boosted oblivious trees on any table, as CatBoost does, and writes a model that CatBoost\n"
            "loads. The same data and parameters give the same file, byte for byte, for any number of threads.\n"
            "Parameters have CatBoost's names: in a file, by --set, or each as a flag (--iterations 500).\n"
            "Ctrl-C ends after the current tree and writes the model, the best so far with an eval set; a second one\n"
            "kills. With --schema it trains the film model: see fit --schema --help.",
        .options = all.specs,
        .n_options = all.n,
        .run = run,
    };
    return command_run(&command, argc, argv);
}
