/* evaluate: how good a model or bundle is on a CSV whose truth is known. */
#include "common/base/file.h"
#include "train/command.h"
#include "common/forecast/film_data.h"
#include "train/film_score.h"
#include "train/model_rows.h"

#include "common/forecast/forecast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = 4096, TEXT_MAX = 1 << 20 };

enum option { MODEL, DATA, COLUMNS, MAX_BAD, JSON, OPTION__COUNT };
static const struct setting_spec options[OPTION__COUNT] = {
    [MODEL] = {"model", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'm', NULL,
               "Model file (.cbm or .json) or bundle folder"},
    [DATA] = {"data", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'd', NULL,
              "CSV with the truth; - reads stdin"},
    [COLUMNS] = {"columns", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                 "For a plain model: JSON list of {name, kind} with one target, maybe a weight"},
    [MAX_BAD] = {"max_bad", SETTING_INT, "0", 0, 1e9, NULL, 0, 0, NULL,
                 "For a bundle: leave out up to this many wrong rows"},
    [JSON] = {"json", SETTING_BOOL, "false", 0, 0, NULL, 0, 0, NULL, "One JSON object"},
};

/* ---- plain models ---------------------------------------------------------------------------------------------- */

/* Weighted sums; what they mean depends on the model's kind. */
struct sums {
    double rows, weight;
    double y, yy, sse, abs; /* regression */
    double log_loss, right; /* classes */
};

static const double probability_least = 1e-15;

static int add_regression(struct sums *t, struct str cell, double w, double score, struct mrc_err *err)
{
    float y;
    if (!model_cell(cell, &y) || isnan(y) || isinf(y)) {
        return mrc_fail(err, MRC_EFORMAT, "target \"%.*s\" is not a number", STR_ARG(cell));
    }
    double d = score - (double)y;
    t->y += w * (double)y;
    t->yy += w * (double)y * (double)y;
    t->sse += w * d * d;
    t->abs += w * fabs(d);
    return MRC_OK;
}

/* Labels are text; a number also fits its other spellings ("1" and "1.0"). */
static bool same_label(struct str cell, const char *label)
{
    double a, b;
    return str_is(cell, label) || (parse_double(cell, &a) && parse_double(str_of(label), &b) && a == b);
}

static int add_class(struct sums *t, const mrc_model *m, struct str cell, double w, const double *p, size_t n,
                     struct mrc_err *err)
{
    size_t truth = SIZE_MAX, best = 0;
    for (size_t k = 0; k < n; k++) {
        const char *label = mrc_model_class_label(m, k);
        if (label && same_label(cell, label)) {
            truth = k;
        }
        best = p[k] > p[best] ? k : best;
    }
    if (truth == SIZE_MAX) {
        return mrc_fail(err, MRC_EFORMAT, "target \"%.*s\" is none of the model's classes", STR_ARG(cell));
    }
    double q = p[truth] < probability_least ? probability_least : p[truth];
    t->log_loss -= w * log(q);
    t->right += w * (best == truth);
    return MRC_OK;
}

static int sum_rows(const mrc_model *m, struct model_rows *rows, bool classes, size_t dim, void *scratch, double *out,
                    struct sums *t, struct mrc_err *err)
{
    for (;;) {
        struct model_block b;
        int rc = model_rows_next(rows, &b, err);
        if (rc <= 0) {
            return rc;
        }
        MRC_TRY(mrc_predict(m, &b.input, b.n, classes ? MRC_PROBABILITY : MRC_RAW, scratch, out, err));
        for (size_t i = 0; i < b.n; i++) {
            rc = classes ? add_class(t, m, b.targets[i], b.weights[i], out + i * dim, dim, err)
                         : add_regression(t, b.targets[i], b.weights[i], out[i], err);
            if (rc < 0) {
                return err_wrap(err, "row %llu", (unsigned long long)b.first + i + 1);
            }
            t->rows += 1;
            t->weight += b.weights[i];
        }
    }
}

static int print_plain(const struct sums *t, bool classes, const char *loss, bool json, struct mrc_err *err)
{
    double sst = t->yy - t->y * t->y / t->weight;
    const struct {
        const char *name;
        double value;
    } lines[2][3] = {
        {{"rmse", sqrt(t->sse / t->weight)}, {"mae", t->abs / t->weight}, {"r2", sst > 0 ? 1 - t->sse / sst : NAN}},
        {{"logloss", t->log_loss / t->weight}, {"accuracy", t->right / t->weight}, {NULL, 0}}};
    struct buf b;
    buf_init(&b, NULL, TEXT_MAX);
    struct json_out w;
    json_out_init(&w, &b);
    if (json) {
        json_open_object(&w);
        json_pair_i64(&w, "rows", (int64_t)t->rows);
        json_pair_cstr(&w, "loss", loss);
    } else {
        buf_printf(&b, "rows     %lld\nloss     %s\n", (long long)t->rows, loss);
    }
    for (size_t i = 0; i < 3 && lines[classes][i].name; i++) {
        if (json) {
            json_pair_double(&w, lines[classes][i].name, lines[classes][i].value);
        } else {
            buf_printf(&b, "%-8s ", lines[classes][i].name);
            buf_double(&b, lines[classes][i].value);
            buf_char(&b, '\n');
        }
    }
    if (json) {
        json_close_object(&w);
        buf_char(&b, '\n');
    }
    int rc = buf_ok(&b, err);
    if (rc == MRC_OK) {
        rc = output_text("-", buf_text(&b), err);
    }
    buf_release(&b);
    return rc;
}

static int evaluate_plain(const mrc_model *m, const struct settings *s, struct mrc_err *err)
{
    bool classes = mrc_model_class_label(m, 0) != NULL;
    size_t dim = mrc_prediction_dim(m, classes ? MRC_PROBABILITY : MRC_RAW);
    if (dim == 0 || (!classes && dim != 1)) {
        return mrc_fail(err, MRC_EUNSUPPORTED,
                        "a model with loss \"%s\" and %zu outputs has no measure here; use predict", mrc_model_loss(m),
                        mrc_model_dim(m));
    }
    struct model_rows *rows;
    MRC_TRY(model_rows_open(&rows, m, setting_cstr(s, DATA), setting_cstr(s, COLUMNS), BLOCK_ROWS, err));
    struct sums t = {0};
    size_t bytes = (mrc_scratch_size(m, BLOCK_ROWS) / MRC_SCRATCH_ALIGN + 1) * MRC_SCRATCH_ALIGN;
    void *scratch = aligned_alloc(MRC_SCRATCH_ALIGN, bytes);
    double *out = malloc(sizeof(double) * BLOCK_ROWS * dim);
    int rc = MRC_OK;
    if (!model_rows_has_target(rows)) {
        rc = mrc_fail(err, MRC_EINVAL, "--columns must name the target column");
    } else if (!scratch || !out) {
        rc = mrc_fail(err, MRC_ENOMEM, "no memory");
    } else {
        rc = sum_rows(m, rows, classes, dim, scratch, out, &t, err);
    }
    free(scratch);
    free(out);
    model_rows_close(rows);
    if (rc == MRC_OK && !(t.weight > 0)) {
        rc = mrc_fail(err, MRC_EFORMAT, "no rows with weight");
    }
    return rc < 0 ? rc : print_plain(&t, classes, mrc_model_loss(m), setting_bool(s, JSON), err);
}

/* ---- bundles --------------------------------------------------------------------------------------------------- */

static int judge_films(const struct bundle *b, const struct film_data *d, struct film_outcome *o, size_t *n,
                       struct mrc_err *err)
{
    struct forecast_scratch *scratch;
    MRC_TRY(forecast_scratch_new(&scratch, b, err));
    struct arena a;
    arena_init(&a, 0);
    int rc = MRC_OK;
    for (size_t i = 0; rc == MRC_OK && i < d->n; i++) {
        if (d->films[i].use != FILM_TRAIN || isnan(d->films[i].entries)) {
            continue;
        }
        struct forecast y;
        arena_reset(&a);
        rc = forecast_row(b, &d->films[i].row, scratch, &a, &y, NULL, err);
        if (rc == MRC_OK) {
            o[(*n)++] = film_outcome_of(d->films[i].entries, &y);
        }
    }
    arena_release(&a);
    forecast_scratch_free(scratch);
    return rc;
}

static int print_films(const struct bundle *b, const struct film_outcome *o, size_t n, bool json, struct mrc_err *err)
{
    struct film_score score;
    MRC_TRY(film_score(o, n, &score, err));
    struct buf text;
    buf_init(&text, NULL, TEXT_MAX);
    if (json) {
        struct json_out w;
        json_out_init(&w, &text);
        json_open_object(&w);
        json_pair_str(&w, "name", b->name);
        json_pair_str(&w, "version", b->version);
        film_score_json(&w, &score);
        json_close_object(&w);
        buf_char(&text, '\n');
    } else {
        char name[96];
        film_score_heading(&text);
        size_t k = b->version.n < sizeof(name) - 1 ? b->version.n : sizeof(name) - 1;
        memcpy(name, b->version.p, k);
        name[k] = '\0';
        film_score_line(&text, name, &score);
    }
    int rc = buf_ok(&text, err);
    if (rc == MRC_OK) {
        rc = output_text("-", buf_text(&text), err);
    }
    buf_release(&text);
    return rc;
}

static int evaluate_films(const struct bundle *b, const struct settings *s, struct mrc_err *err)
{
    struct film_data_options reading = {.max_bad = (uint64_t)setting_int(s, MAX_BAD), .need_target = true};
    struct film_data *d;
    if (setting_is_set(s, COLUMNS)) {
        return mrc_fail(err, MRC_EINVAL, "--columns is for plain models; a bundle knows its columns by name");
    }
    MRC_TRY(film_data_read(&d, b->schema, setting_cstr(s, DATA), &reading, err));
    struct film_outcome *o = malloc((d->n + 1) * sizeof(*o));
    size_t n = 0;
    int rc = o ? judge_films(b, d, o, &n, err) : mrc_fail(err, MRC_ENOMEM, "no memory");
    if (rc == MRC_OK) {
        rc = print_films(b, o, n, setting_bool(s, JSON), err);
    }
    free(o);
    film_data_free(d);
    return rc;
}

/* ---- the command ----------------------------------------------------------------------------------------------- */

static int run(const struct settings *s, struct mrc_err *err)
{
    const char *path = setting_cstr(s, MODEL);
    int rc;
    if (file_is_folder(path)) {
        struct bundle *b;
        MRC_TRY(bundle_open(&b, path, err));
        rc = evaluate_films(b, s, err);
        bundle_close(b);
    } else {
        mrc_model *m;
        MRC_TRY(mrc_model_open(&m, path, err));
        rc = evaluate_plain(m, s, err);
        mrc_model_free(m);
    }
    return rc;
}

int cmd_evaluate(int argc, char **argv)
{
    static const struct command command = {
        "evaluate",
        "--model FILE|BUNDLE --data CSV [--columns FILE] [--json]",
        "A plain model: RMSE, MAE and R2, or log-loss and accuracy for classes, weighted. A bundle: the scores of\n"
        "backtest on films with known entries. Films the bundle learnt from flatter it: see backtest for an honest "
        "figure.",
        options,
        OPTION__COUNT,
        run};
    return command_run(&command, argc, argv);
}
