/* Films from a CSV, checked by the same row reader that the server uses. */
#include "common/forecast/film_data.h"

#include "common/base/csv.h"
#include "common/base/date.h"
#include "common/base/digest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILMS_MAX = 50000000 };

struct reader {
    struct film_data *d;
    struct csv *csv;
    const char *path;
    const struct film_data_options *options;
    int64_t *columns;         /* schema field of each CSV column, or -1 */
    int64_t use, panel;       /* CSV columns, or -1 */
    int64_t id, date, target; /* schema fields, or -1 */
    size_t cap;
};

/* ---- header ---------------------------------------------------------------------------------------------------- */

static bool column_of(const int64_t *columns, uint32_t n, int64_t field)
{
    for (uint32_t i = 0; i < n; i++) {
        if (columns[i] == field) {
            return true;
        }
    }
    return false;
}

static void note_unused(const struct reader *r, struct str column)
{
    if (r->options->unused != NULL) {
        r->options->unused(r->path, column);
    } else {
        fprintf(stderr, "%s: column \"%.*s\" is not in the schema and is not used\n", r->path, STR_ARG(column));
    }
}

static int check_header(struct reader *r, const struct str *names, uint32_t n, struct mrc_err *err)
{
    const struct schema *s = r->d->schema;
    for (uint32_t i = 0; i < schema_count(s); i++) {
        const struct field *f = schema_field(s, i);
        bool needed = f->required || (r->options->need_target && (int64_t)i == r->target);
        if (needed && !column_of(r->columns, n, i)) {
            return mrc_fail(err, MRC_EFORMAT, "%s: no column \"%.*s\", which is required", r->path, STR_ARG(f->name));
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        if (r->columns[i] < 0 && (int64_t)i != r->use && (int64_t)i != r->panel) {
            note_unused(r, names[i]);
        }
    }
    return MRC_OK;
}

static int open_reader(struct reader *r, struct mrc_err *err)
{
    struct film_data *d = r->d;
    const struct str *names;
    uint32_t n;
    MRC_TRY(csv_open(&r->csv, r->path, &csv_limits_file, err));
    if (csv_header(r->csv, &names, &n, err) < 0) {
        return err_place(err, r->path);
    }
    MRC_TRY(row_columns(d->schema, names, n, &d->arena, &r->columns, err));
    r->use = csv_column(r->csv, STR("use"));
    r->panel = csv_column(r->csv, STR("panel"));
    r->id = schema_find(d->schema, STR("film_id"));
    r->date = schema_find(d->schema, STR("release_date"));
    r->target = schema_target(d->schema);
    if (r->date < 0 || schema_field(d->schema, (uint32_t)r->date)->type != FIELD_DATE || r->target < 0) {
        return mrc_fail(err, MRC_EFORMAT, "the schema needs a date field release_date and a target");
    }
    return check_header(r, names, n, err);
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

static int report_error(const struct reader *r, const struct row_report *report, struct mrc_err *err)
{
    const struct field_error *e = &report->errors[0];
    mrc_fail_at(err, MRC_EFORMAT, e->line ? e->line : csv_line(r->csv), e->col, "%.*s: %.*s (value %.*s)%s",
                STR_ARG(e->field), STR_ARG(e->message), STR_ARG(e->input),
                report->n_errors > 1 ? ", and more in this row" : "");
    return err_place(err, r->path);
}

static int word_error(const struct reader *r, const struct csv_cell *c, const char *name, const char *rule,
                      struct mrc_err *err)
{
    struct str shown = {c->text.p, c->text.n < 40 ? c->text.n : 40};
    shown.n = utf8_valid(shown);
    mrc_fail_at(err, MRC_EFORMAT, c->line, c->col, "%s: %s (value \"%.*s\")", name, rule, STR_ARG(shown));
    return err_place(err, r->path);
}

/* The two columns that are no film's property. */
static int read_marks(const struct reader *r, const struct csv_cell *cells, struct film *f, struct mrc_err *err)
{
    static const char *const uses[] = {[FILM_TRAIN] = "train", [FILM_HISTORY] = "history", [FILM_IGNORE] = "ignore"};
    f->use = FILM_TRAIN;
    f->panel = true;
    if (r->use >= 0 && cells[r->use].text.n > 0) {
        size_t k = 0;
        while (k < 3 && !str_is(cells[r->use].text, uses[k])) {
            k++;
        }
        if (k == 3) {
            return word_error(r, &cells[r->use], "use", "must be train, history or ignore", err);
        }
        f->use = (enum film_use)k;
    }
    if (r->panel >= 0 && cells[r->panel].text.n > 0) {
        struct str t = cells[r->panel].text;
        if (!str_is(t, "0") && !str_is(t, "1")) {
            return word_error(r, &cells[r->panel], "panel", "must be 0 or 1", err);
        }
        f->panel = str_is(t, "1");
    }
    return MRC_OK;
}

static int read_film(struct reader *r, const struct csv_cell *cells, uint32_t n, struct film *f, struct mrc_err *err)
{
    struct film_data *d = r->d;
    struct row_options options = {.target = true};
    struct row_report report = {0};
    *f = (struct film){.line = csv_line(r->csv), .entries = NAN};
    if (n > 0) {
        f->line = cells[0].line;
    }
    MRC_TRY(read_marks(r, cells, f, err));
    MRC_TRY(row_from_cells(&f->row, d->schema, r->columns, cells, n, &options, &d->arena, &report, err));
    if (report.n_errors > 0) {
        return report_error(r, &report, err);
    }
    f->date = f->row.values[r->date].date;
    f->entries = film_number(f, r->target);
    if (r->id >= 0 && f->row.values[r->id].present) {
        f->id = f->row.values[r->id].text;
        return MRC_OK;
    }
    char text[32];
    int k = snprintf(text, sizeof(text), "line %u", f->line);
    return str_copy(&d->arena, (struct str){text, (size_t)k}, &f->id) ? MRC_OK : arena_fail(&d->arena, err);
}

static int grow(struct reader *r, struct mrc_err *err)
{
    if (r->d->n < r->cap) {
        return MRC_OK;
    }
    size_t cap = r->cap ? r->cap * 2 : 1024;
    if (cap > FILMS_MAX) {
        return mrc_fail(err, MRC_ELIMIT, "%s: more than %d films", r->path, FILMS_MAX / 2);
    }
    struct film *p = realloc(r->d->films, cap * sizeof(*p));
    if (!p) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for %zu films", cap);
    }
    r->d->films = p;
    r->cap = cap;
    return MRC_OK;
}

static int read_all(struct reader *r, struct mrc_err *err)
{
    for (;;) {
        const struct csv_cell *cells;
        uint32_t n;
        int rc = csv_next(r->csv, &cells, &n, err);
        if (rc < 0) {
            return err_place(err, r->path);
        }
        if (rc == 0) {
            return MRC_OK;
        }
        MRC_TRY(grow(r, err));
        struct arena_mark before = arena_mark(&r->d->arena);
        rc = read_film(r, cells, n, &r->d->films[r->d->n], err);
        if (rc == MRC_EFORMAT && r->d->n_bad < r->options->max_bad) {
            arena_rewind(&r->d->arena, before);
            r->d->n_bad++;
        } else if (rc < 0) {
            return rc;
        } else {
            r->d->n++;
        }
    }
}

/* ---- order ----------------------------------------------------------------------------------------------------- */

static int by_date(const void *a, const void *b)
{
    const struct film *x = a, *y = b;
    if (x->date != y->date) {
        return x->date < y->date ? -1 : 1;
    }
    int c = str_cmp(x->id, y->id);
    return c ? c : (x->line > y->line) - (x->line < y->line);
}

struct id_line {
    struct str id;
    uint32_t line;
};

static int by_id(const void *a, const void *b)
{
    const struct id_line *x = a, *y = b;
    int c = str_cmp(x->id, y->id);
    return c ? c : (x->line > y->line) - (x->line < y->line);
}

static int check_unique(const struct film_data *d, const char *path, struct mrc_err *err)
{
    struct id_line *order = calloc(d->n + 1, sizeof(*order));
    if (!order) {
        return mrc_fail(err, MRC_ENOMEM, "no memory");
    }
    for (size_t i = 0; i < d->n; i++) {
        order[i] = (struct id_line){d->films[i].id, d->films[i].line};
    }
    qsort(order, d->n, sizeof(*order), by_id);
    int rc = MRC_OK;
    for (size_t i = 1; rc == MRC_OK && i < d->n; i++) {
        if (str_eq(order[i].id, order[i - 1].id)) {
            rc = mrc_fail(err, MRC_EFORMAT, "%s:%u: film_id \"%.*s\" already stands in line %u", path, order[i].line,
                          STR_ARG(order[i].id), order[i - 1].line);
        }
    }
    free(order);
    return rc;
}

/* ---- the data -------------------------------------------------------------------------------------------------- */

int film_data_read(struct film_data **out, const struct schema *schema, const char *path,
                   const struct film_data_options *options, struct mrc_err *err)
{
    struct film_data *d = calloc(1, sizeof(*d));
    if (!d) {
        return mrc_fail(err, MRC_ENOMEM, "no memory");
    }
    arena_init(&d->arena, 0);
    d->schema = schema;
    struct reader r = {.d = d, .path = path, .options = options};
    int rc = open_reader(&r, err);
    if (rc == MRC_OK) {
        rc = read_all(&r, err);
    }
    csv_close(r.csv);
    if (rc == MRC_OK && d->n == 0) {
        rc = mrc_fail(err, MRC_EFORMAT, "%s: no films behind the header", path);
    }
    if (rc == MRC_OK) {
        rc = check_unique(d, path, err);
    }
    if (rc == MRC_OK && strcmp(path, "-") != 0) {
        rc = sha256_file(path, d->digest, err);
    }
    if (rc < 0) {
        film_data_free(d);
        return rc;
    }
    qsort(d->films, d->n, sizeof(*d->films), by_date);
    *out = d;
    return MRC_OK;
}

void film_data_free(struct film_data *d)
{
    if (d) {
        free(d->films);
        arena_release(&d->arena);
        free(d);
    }
}

size_t film_data_until(const struct film_data *d, int32_t date)
{
    size_t low = 0, high = d->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (d->films[mid].date <= date) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

double film_number(const struct film *f, int64_t field)
{
    return field >= 0 && f->row.values[field].present ? f->row.values[field].number : NAN;
}

double film_log_entries(const struct film *f)
{
    return f->entries < 1 ? 0 : log10(f->entries); /* NaN stays NaN */
}

int film_matrix_build(struct film_matrix *m, const struct features *f, const struct features_context *contexts,
                      const struct row *const *rows, size_t n, struct arena *a, struct mrc_err *err)
{
    *m = (struct film_matrix){.n = n, .n_floats = features_floats(f), .n_cats = features_cats(f)};
    m->floats = arena_array(a, n * (m->n_floats ? m->n_floats : 1), sizeof(float), _Alignof(float));
    m->cats = arena_array(a, n * (m->n_cats ? m->n_cats : 1), sizeof(struct mrc_str), _Alignof(struct mrc_str));
    if (!m->floats || !m->cats) {
        return arena_fail(a, err);
    }
    for (size_t i = 0; i < n; i++) {
        float *floats = m->floats + i * m->n_floats;
        struct mrc_str *cats = m->cats + i * m->n_cats;
        MRC_TRY(contexts ? features_compute_with(f, &contexts[i], rows[i], a, floats, cats, NULL, err)
                         : features_compute(f, rows[i], a, floats, cats, NULL, err));
    }
    return MRC_OK;
}
