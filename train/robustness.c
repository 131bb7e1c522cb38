/* Forecasts of films whose fields are blanked. */
#include "train/robustness.h"

#include <math.h>

/* Behind the fields one by one: those often unknown, and all. */
enum { LINE_OFTEN = FILM_OPTIONALS, LINE_ALL };

static uint32_t fields_of(size_t line)
{
    uint32_t fields = 0;
    for (size_t i = 0; i < FILM_OPTIONALS; i++) {
        bool in = line == LINE_ALL || line == i || (line == LINE_OFTEN && film_optionals[i].often);
        fields |= (uint32_t)in << i;
    }
    return fields;
}

static const char *line_name(size_t line)
{
    return line == LINE_OFTEN ? "often unknown" : line == LINE_ALL ? "all" : film_optionals[line].field;
}

static bool has_any(const struct film *f, uint32_t fields)
{
    for (int i = 0; i < FILM_OPTIONALS; i++) {
        int64_t k = schema_find(f->row.schema, str_of(film_optionals[i].field));
        if (fields >> i & 1 && k >= 0 && f->row.values[k].present) {
            return true;
        }
    }
    return false;
}

/* The same films, none of which has the fields. */
static int films_without(struct film_data *out, const struct film_data *data, uint32_t fields, struct arena *a,
                         struct mrc_err *err)
{
    *out = *data;
    out->films = ARENA_ARRAY(a, data->n, struct film);
    if (!out->films) {
        return arena_fail(a, err);
    }
    for (size_t i = 0; i < data->n; i++) {
        out->films[i] = data->films[i];
        MRC_TRY(film_row_copy(&data->films[i].row, a, &out->films[i].row, err));
        for (int k = 0; k < FILM_OPTIONALS; k++) {
            if (fields >> k & 1) {
                film_row_blank(&out->films[i].row, film_optionals[k].field);
            }
        }
    }
    return MRC_OK;
}

static double own_point(const struct backtest_film *f)
{
    return log10(f->outcomes[BACKTEST_POINT].forecast);
}

/* Of the films of base that have the fields; points: [base->n] log10, by the film's place. */
static struct robustness_score score(const struct backtest *base, const double *points, uint32_t fields)
{
    double n = 0, mean = 0, sst = 0, sse = 0, bias = 0;
    for (size_t i = 0; i < base->n; i++) {
        if (has_any(base->films[i].film, fields)) {
            n += 1;
            mean += film_log_entries(base->films[i].film);
        }
    }
    mean /= n;
    for (size_t i = 0; i < base->n; i++) {
        if (has_any(base->films[i].film, fields)) {
            double y = film_log_entries(base->films[i].film);
            sst += (y - mean) * (y - mean);
            sse += (points[i] - y) * (points[i] - y);
            bias += (points[i] - y) / n;
        }
    }
    return (struct robustness_score){sst > 0 ? 1 - sse / sst : NAN, n > 0 ? bias : NAN};
}

static int judge_line(struct robustness_line *line, size_t which, const struct film_recipe *r,
                      const struct film_data *data, const struct backtest_plan *plan, const struct backtest *base,
                      struct mrc_err *err)
{
    struct arena a;
    struct film_data blanked;
    struct backtest b = {0};
    uint32_t fields = fields_of(which);
    arena_init(&a, 0);
    double *points = ARENA_ARRAY(&a, base->n, double);
    int rc = points ? films_without(&blanked, data, fields, &a, err) : arena_fail(&a, err);
    *line = (struct robustness_line){.field = line_name(which)};
    if (rc == MRC_OK) {
        rc = backtest_run(&b, r, &blanked, plan, err);
    }
    for (size_t i = 0; rc == MRC_OK && i < base->n; i++) {
        line->films += has_any(base->films[i].film, fields);
        points[i] = own_point(&base->films[i]);
    }
    if (rc == MRC_OK) {
        line->given = score(base, points, fields);
        for (size_t i = 0; i < base->n; i++) {
            points[i] = base->films[i].blanked[which];
        }
        line->blanked = score(base, points, fields);
        for (size_t i = 0; i < base->n; i++) {
            points[i] = own_point(&b.films[i]);
        }
        line->without = score(base, points, fields);
    }
    backtest_release(&b);
    arena_release(&a);
    return rc;
}

int robustness_run(struct robustness *out, const struct film_recipe *recipe, enum film_setting setting,
                   const struct film_data *data, const struct backtest_plan *plan, struct mrc_err *err)
{
    struct film_recipe r = *recipe;
    struct backtest_plan p = *plan;
    struct backtest base = {0};
    uint32_t blanks[ROBUSTNESS_LINES];
    for (size_t i = 0; i < ROBUSTNESS_LINES; i++) {
        blanks[i] = fields_of(i);
    }
    r.points = true;
    p.champion = NULL;
    p.ahead = setting == FILM_AHEAD;
    p.screens = setting == FILM_SCREENS;
    p.blanks = blanks;
    p.n_blanks = ROBUSTNESS_LINES;
    int rc = backtest_run(&base, &r, data, &p, err);
    p.n_blanks = 0;
    for (size_t i = 0; rc == MRC_OK && i < ROBUSTNESS_LINES; i++) {
        rc = judge_line(&out->lines[i], i, &r, data, &p, &base, err);
    }
    backtest_release(&base);
    return rc;
}
