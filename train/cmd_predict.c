/* predict: each row of a CSV through a plain model (CatBoost's prediction types) or a bundle (tickets and intervals).
 */
#include "common/base/file.h"
#include "common/forecast/forecast.h"
#include "train/command.h"
#include "train/model_rows.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = 8192, FILM_BLOCK_ROWS = 1024, TEXT_MAX = 1 << 30 };

enum option { MODEL, DATA, COLUMNS, TYPE, FLOAT, THREADS, OUT, OPTION__COUNT };
static const struct setting_spec options[OPTION__COUNT] = {
    [MODEL] = {"model", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'm', NULL,
               "Model file (.cbm or .json) or bundle folder"},
    [DATA] = {"data", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'd', NULL,
              "CSV with a header; - reads stdin"},
    [COLUMNS] = {"columns", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                 "JSON list of {name, kind} of the CSV's columns; without it they are the model's features in order"},
    [TYPE] = {"type", SETTING_CHOICE, NULL, 0, 0,
              "RawFormulaVal|Exponent|RMSEWithUncertainty|Probability|Class|MultiProbability|LogProbability", 0, 0,
              NULL, "What to print; a bundle without it prints tickets"},
    [FLOAT] = {"float", SETTING_CHOICE, "shortest", 0, 0, "hex|shortest", 0, 0, NULL,
               "How numbers are printed; both read back as the same bits"},
    [THREADS] = {"threads", SETTING_INT, "0", 0, 256, NULL, 0, 0, NULL, "Threads; 0 = one a CPU"},
    [OUT] = {"out", SETTING_PATH, "-", 1, 4096, NULL, 0, 'o', NULL, "CSV to write; - is stdout"},
};
/* Order of the choices of --type. */
static const enum mrc_prediction types[] = {
    MRC_RAW,   MRC_EXPONENT,          MRC_RMSE_WITH_UNCERTAINTY, MRC_PROBABILITY,
    MRC_CLASS, MRC_MULTI_PROBABILITY, MRC_LOG_PROBABILITY};

/* ---- threads' memory ------------------------------------------------------------------------------------------- */

struct lane { /* what one thread has for itself */
    void *scratch;
    struct buf text;
    struct forecast_scratch *forecast;
    struct arena arena;
};

static void lanes_free(struct lane *lanes, int n)
{
    for (int i = 0; lanes && i < n; i++) {
        free(lanes[i].scratch);
        buf_release(&lanes[i].text);
        forecast_scratch_free(lanes[i].forecast);
        arena_release(&lanes[i].arena);
    }
    free(lanes);
}

static struct lane *lanes_new(int n, size_t scratch_bytes)
{
    struct lane *lanes = calloc((size_t)n, sizeof(*lanes));
    for (int i = 0; lanes && i < n; i++) {
        buf_init(&lanes[i].text, NULL, TEXT_MAX);
        arena_init(&lanes[i].arena, 0);
    }
    for (int i = 0; lanes && scratch_bytes && i < n; i++) {
        size_t bytes = (scratch_bytes + MRC_SCRATCH_ALIGN - 1) / MRC_SCRATCH_ALIGN * MRC_SCRATCH_ALIGN;
        lanes[i].scratch = aligned_alloc(MRC_SCRATCH_ALIGN, bytes);
        if (!lanes[i].scratch) {
            lanes_free(lanes, n);
            return NULL;
        }
    }
    return lanes;
}

static void put_number(struct buf *b, double v, bool hex)
{
    char text[NUMBER_TEXT_MAX];
    buf_add(b, text, hex ? format_hex(v, text) : format_double(v, text));
}

/* Write the lanes' texts in order and empty them. */
static int gather(struct output *o, struct lane *lanes, int n, struct mrc_err *err)
{
    for (int i = 0; i < n; i++) {
        MRC_TRY(buf_ok(&lanes[i].text, err));
        buf_str(&o->text, buf_text(&lanes[i].text));
        buf_reset(&lanes[i].text);
        MRC_TRY(output_flush(o, err));
    }
    return MRC_OK;
}

/* ---- plain model ----------------------------------------------------------------------------------------------- */

struct plain {
    const mrc_model *model;
    enum mrc_prediction type;
    size_t dim;
    bool hex;
    const struct model_block *block;
    struct lane *lanes;
    double *out; /* [BLOCK_ROWS][dim] */
};

static void put_class(struct buf *b, const struct plain *p, double v)
{
    const char *label = v >= 0 ? mrc_model_class_label(p->model, (size_t)v) : NULL;
    if (label) {
        csv_put(b, str_of(label), true);
    } else {
        put_number(b, v, false);
    }
}

static int plain_rows(size_t begin, size_t end, int thread, void *arg, struct mrc_err *err)
{
    struct plain *p = arg;
    struct lane *lane = &p->lanes[thread];
    struct mrc_input in = p->block->input;
    in.floats += begin * in.float_row_stride;
    if (in.cat_hashes) {
        in.cat_hashes += begin * in.cat_row_stride;
    }
    double *out = p->out + begin * p->dim;
    MRC_TRY(mrc_predict(p->model, &in, end - begin, p->type, lane->scratch, out, err));
    for (size_t i = 0; i < end - begin; i++) {
        for (size_t k = 0; k < p->dim; k++) {
            if (k) {
                buf_char(&lane->text, ',');
            }
            if (p->type == MRC_CLASS) {
                put_class(&lane->text, p, out[i * p->dim + k]);
            } else {
                put_number(&lane->text, out[i * p->dim + k], p->hex);
            }
        }
        buf_char(&lane->text, '\n');
    }
    return buf_ok(&lane->text, err);
}

static int plain_stream(struct plain *p, struct model_rows *rows, int threads, struct output *o, struct mrc_err *err)
{
    for (size_t k = 0; k < p->dim; k++) {
        buf_printf(&o->text, k ? ",%zu" : "%zu", k);
    }
    buf_char(&o->text, '\n');
    for (;;) {
        struct model_block block;
        int rc = model_rows_next(rows, &block, err);
        if (rc <= 0) {
            return rc;
        }
        p->block = &block;
        MRC_TRY(model_rows_each(block.n, threads, plain_rows, p, err));
        MRC_TRY(gather(o, p->lanes, threads, err));
    }
}

static int predict_plain(const mrc_model *m, const struct settings *s, struct mrc_err *err)
{
    struct plain p = {.model = m, .hex = str_is(setting_text(s, FLOAT), "hex")};
    p.type = setting_is_set(s, TYPE) ? types[setting_int(s, TYPE)] : MRC_RAW;
    p.dim = mrc_prediction_dim(m, p.type);
    if (p.dim == 0) {
        return mrc_fail(err, MRC_EINVAL, "prediction type %s does not apply to a model with loss \"%s\"",
                        setting_cstr(s, TYPE), mrc_model_loss(m));
    }
    int threads = model_threads(setting_int(s, THREADS));
    struct model_rows *rows = NULL;
    struct output o = {.fd = -1};
    int rc = model_rows_open(&rows, m, setting_cstr(s, DATA), setting_cstr(s, COLUMNS), BLOCK_ROWS, err);
    if (rc == MRC_OK) {
        p.lanes = lanes_new(threads, mrc_scratch_size(m, BLOCK_ROWS));
        p.out = malloc(sizeof(double) * BLOCK_ROWS * p.dim);
        rc = p.lanes && p.out ? output_open(&o, setting_cstr(s, OUT), err) : mrc_fail(err, MRC_ENOMEM, "no memory");
    }
    if (rc == MRC_OK) {
        rc = plain_stream(&p, rows, threads, &o, err);
    }
    if (rc == MRC_OK) {
        rc = output_close(&o, err);
    }
    output_abandon(&o);
    lanes_free(p.lanes, threads);
    free(p.out);
    model_rows_close(rows);
    return rc;
}

/* ---- bundle ---------------------------------------------------------------------------------------------------- */

struct films {
    const struct bundle *bundle;
    struct csv *csv;
    const char *path;
    int64_t *columns;
    bool raw, hex;
    struct lane *lanes;
    struct arena arena; /* rows of a block */
    struct row *rows;   /* [FILM_BLOCK_ROWS] */
};

static void put_forecast(struct buf *b, const struct films *f, const struct forecast *y)
{
    if (f->raw) {
        put_number(b, y->score, f->hex);
        buf_char(b, '\n');
        return;
    }
    double cells[5] = {y->admissions};
    forecast_interval(y, 0.8, &cells[1], &cells[2]);
    forecast_interval(y, 0.9, &cells[3], &cells[4]);
    for (size_t i = 0; i < 5; i++) {
        put_number(b, cells[i], f->hex);
        buf_char(b, ',');
    }
    for (size_t i = 0; i < FORECAST_QUANTILES; i++) {
        put_number(b, y->quantiles[i], f->hex);
        buf_char(b, i + 1 < FORECAST_QUANTILES ? ',' : '\n');
    }
}

static int film_rows(size_t begin, size_t end, int thread, void *arg, struct mrc_err *err)
{
    struct films *f = arg;
    struct lane *lane = &f->lanes[thread];
    for (size_t i = begin; i < end; i++) {
        struct forecast y;
        arena_reset(&lane->arena);
        MRC_TRY(forecast_row(f->bundle, &f->rows[i], lane->forecast, &lane->arena, &y, NULL, err));
        put_forecast(&lane->text, f, &y);
    }
    return buf_ok(&lane->text, err);
}

static int film_error(const struct films *f, const struct row_report *report, struct mrc_err *err)
{
    const struct field_error *e = &report->errors[0];
    mrc_fail_at(err, MRC_EFORMAT, e->line ? e->line : csv_line(f->csv), e->col, "%.*s: %.*s (value %.*s)%s",
                STR_ARG(e->field), STR_ARG(e->message), STR_ARG(e->input),
                report->n_errors > 1 ? ", and more in this row" : "");
    return command_where(err, f->path);
}

/* Read up to a block of rows: their number. */
static int film_block(struct films *f, struct mrc_err *err)
{
    struct row_options read = {.target = false};
    arena_reset(&f->arena);
    int n = 0;
    while (n < FILM_BLOCK_ROWS) {
        const struct csv_cell *cells;
        uint32_t n_cells;
        int rc = csv_next(f->csv, &cells, &n_cells, err);
        if (rc < 0) {
            return command_where(err, f->path);
        }
        if (rc == 0) {
            break;
        }
        struct row_report report = {0};
        MRC_TRY(
            row_from_cells(&f->rows[n], f->bundle->schema, f->columns, cells, n_cells, &read, &f->arena, &report, err));
        if (report.n_errors > 0) {
            return film_error(f, &report, err);
        }
        n++;
    }
    return n;
}

static int films_stream(struct films *f, int threads, struct output *o, struct mrc_err *err)
{
    buf_puts(&o->text, f->raw ? "0" : "admissions,low80,high80,low90,high90");
    for (size_t i = 0; !f->raw && i < FORECAST_QUANTILES; i++) {
        buf_printf(&o->text, ",q%02d", (int)(forecast_quantile_levels[i] * 100 + 0.5));
    }
    buf_char(&o->text, '\n');
    for (;;) {
        int n = film_block(f, err);
        if (n <= 0) {
            return n;
        }
        MRC_TRY(model_rows_each((size_t)n, threads, film_rows, f, err));
        MRC_TRY(gather(o, f->lanes, threads, err));
    }
}

static int films_open(struct films *f, int threads, struct arena *keep, struct mrc_err *err)
{
    const struct str *names;
    uint32_t n;
    MRC_TRY(csv_open(&f->csv, f->path, &csv_limits_file, err));
    if (csv_header(f->csv, &names, &n, err) < 0) {
        return command_where(err, f->path);
    }
    MRC_TRY(row_columns(f->bundle->schema, names, n, keep, &f->columns, err));
    f->rows = ARENA_ARRAY(keep, FILM_BLOCK_ROWS, struct row);
    f->lanes = lanes_new(threads, 0);
    if (!f->rows || !f->lanes) {
        return mrc_fail(err, MRC_ENOMEM, "no memory");
    }
    for (int i = 0; i < threads; i++) {
        MRC_TRY(forecast_scratch_new(&f->lanes[i].forecast, f->bundle, err));
    }
    return MRC_OK;
}

static int predict_films(const struct bundle *b, const struct settings *s, struct mrc_err *err)
{
    struct films f = {.bundle = b, .path = setting_cstr(s, DATA), .hex = str_is(setting_text(s, FLOAT), "hex")};
    if (setting_is_set(s, TYPE)) {
        if (types[setting_int(s, TYPE)] != MRC_RAW) {
            return mrc_fail(err, MRC_EINVAL, "a bundle prints tickets, or raw scores with --type RawFormulaVal");
        }
        f.raw = true;
    }
    if (setting_is_set(s, COLUMNS)) {
        return mrc_fail(err, MRC_EINVAL, "--columns is for plain models; a bundle knows its columns by name");
    }
    int threads = model_threads(setting_int(s, THREADS));
    struct arena keep;
    arena_init(&keep, 0);
    arena_init(&f.arena, 0);
    struct output o = {.fd = -1};
    int rc = films_open(&f, threads, &keep, err);
    if (rc == MRC_OK) {
        rc = output_open(&o, setting_cstr(s, OUT), err);
    }
    if (rc == MRC_OK) {
        rc = films_stream(&f, threads, &o, err);
    }
    if (rc == MRC_OK) {
        rc = output_close(&o, err);
    }
    output_abandon(&o);
    lanes_free(f.lanes, threads);
    csv_close(f.csv);
    arena_release(&f.arena);
    arena_release(&keep);
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
        rc = predict_films(b, s, err);
        bundle_close(b);
    } else {
        mrc_model *m;
        MRC_TRY(mrc_model_open(&m, path, err));
        rc = predict_plain(m, s, err);
        mrc_model_free(m);
    }
    return rc;
}

int cmd_predict(int argc, char **argv)
{
    static const struct command command = {
        "predict",
        "--model FILE|BUNDLE --data CSV [--columns FILE] [--type T] [--out CSV]",
        "A plain model prints one column per output, headed 0, 1, …; a bundle prints the columns admissions, low80,\n"
        "high80, low90, high90 and the quantiles q05 to q95 in tickets. One line per row, in order. Rows are read and\n"
        "written in blocks: memory does not grow with the file.",
        options,
        OPTION__COUNT,
        run};
    return command_run(&command, argc, argv);
}
