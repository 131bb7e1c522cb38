/* Scores by group and bootstrapped differences. */
#include "train/backtest_groups.h"

#include "common/base/csv.h"
#include "common/base/date.h"
#include "common/base/number.h"

#include <math.h>
#include <stdlib.h>

enum { DRAWS = 1000, SIZES = 5, TOP_SHARE = 10, SHOWN_FILMS_MIN = 20 };

const struct backtest_rule_name backtest_rule_names[BACKTEST__RULES] = {
    [BACKTEST_MEDIAN] = {"median", "Mercredi, median"},   [BACKTEST_POINT] = {"point", "Mercredi, mean of logs"},
    [BACKTEST_NAIVE] = {"naive", "distributor's median"}, [BACKTEST_PER_SCREEN] = {"per_screen", "the same per screen"},
    [BACKTEST_CHAMPION] = {"champion", "champion"},
};

/* ---- groups ---------------------------------------------------------------------------------------------------- */

struct place {
    const struct backtest_film *film;
    size_t rank, of; /* by the served forecast, 0 the smallest */
};

static struct value value_of(const struct film *f, const char *field)
{
    int64_t i = schema_find(f->row.schema, str_of(field));
    return i < 0 ? (struct value){.date = DATE_NONE} : f->row.values[i];
}

static struct str first_item(const struct film *f, const char *field)
{
    struct value v = value_of(f, field);
    return v.present && v.n_items > 0 ? v.items[0] : STR("unknown");
}

static struct str in_all(const struct place *p, struct arena *a)
{
    (void)p;
    (void)a;
    return STR("all");
}

static struct str in_setting(const struct place *p, struct arena *a)
{
    (void)a;
    return str_of(film_setting_letters[p->film->setting]);
}

static struct str in_year(const struct place *p, struct arena *a)
{
    char text[NUMBER_TEXT_MAX];
    struct str out;
    size_t n = format_i64(date_to_civil(p->film->film->date).year, text);
    return str_copy(a, (struct str){text, n}, &out) ? out : STR("");
}

static struct str in_genre(const struct place *p, struct arena *a)
{
    (void)a;
    return first_item(p->film->film, "genres");
}

static struct str in_country(const struct place *p, struct arena *a)
{
    (void)a;
    struct str country = first_item(p->film->film, "countries");
    return str_is(country, "FR") || str_is(country, "unknown") ? country : STR("other");
}

static struct str in_screens(const struct place *p, struct arena *a)
{
    (void)a;
    return value_of(p->film->film, "screens").present ? STR("known") : STR("unknown");
}

/* By what was forecast: what turned out cannot be chosen beforehand. */
static struct str in_size(const struct place *p, struct arena *a)
{
    static const char *const names[SIZES] = {"1 smallest fifth", "2", "3", "4", "5 largest fifth"};
    (void)a;
    return str_of(names[p->rank * SIZES / p->of]);
}

static struct str in_top(const struct place *p, struct arena *a)
{
    (void)a;
    return p->rank >= p->of - p->of / TOP_SHARE ? STR("largest tenth") : STR("others");
}

static const struct {
    const char *by;
    struct str (*name)(const struct place *p, struct arena *a); /* "": no memory */
} kinds[] = {{"all", in_all},         {"setting", in_setting}, {"year", in_year},     {"genre", in_genre},
             {"country", in_country}, {"screens", in_screens}, {"forecast", in_size}, {"top", in_top}};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

struct member {
    struct str group;
    const struct backtest_film *film;
};

static int by_group(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int c = str_cmp(x->group, y->group);
    return c ? c : (x->film > y->film) - (x->film < y->film);
}

static int add_lines(struct backtest_groups *g, const char *by, const struct member *m, size_t n,
                     struct film_outcome *work, struct mrc_err *err)
{
    for (int rule = 0; rule < BACKTEST__RULES; rule++) {
        size_t known = 0;
        for (size_t i = 0; i < n; i++) {
            const struct film_outcome *o = &m[i].film->outcomes[rule];
            if (!isnan(o->forecast)) {
                work[known++] = *o;
            }
        }
        if (known > 0) {
            struct backtest_line *line = &g->lines[g->n_lines++];
            *line = (struct backtest_line){.by = by, .group = m[0].group, .rule = (enum backtest_rule)rule};
            MRC_TRY(film_score(work, known, &line->score, err));
        }
    }
    return MRC_OK;
}

static int by_forecast(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    double p = x->film->outcomes[BACKTEST_MEDIAN].forecast, q = y->film->outcomes[BACKTEST_MEDIAN].forecast;
    return p != q ? (p > q) - (p < q) : (x->film > y->film) - (x->film < y->film);
}

/* The films by each kind of group: members[k * b->n .. ) sorted by group. */
static int find_members(struct backtest_groups *g, const struct backtest *b, struct member *members,
                        struct mrc_err *err)
{
    struct place *places = ARENA_ARRAY(&g->arena, b->n, struct place);
    if (!places) {
        return arena_fail(&g->arena, err);
    }
    for (size_t i = 0; i < b->n; i++) {
        places[i] = (struct place){.film = &b->films[i], .of = b->n};
    }
    qsort(places, b->n, sizeof(*places), by_forecast);
    for (size_t i = 0; i < b->n; i++) {
        places[i].rank = i;
    }
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t i = 0; i < b->n; i++) {
            struct member *m = &members[k * b->n + i];
            *m = (struct member){kinds[k].name(&places[i], &g->arena), places[i].film};
            if (m->group.n == 0) {
                return arena_fail(&g->arena, err);
            }
        }
        qsort(members + k * b->n, b->n, sizeof(*members), by_group);
    }
    return MRC_OK;
}

/* The end of the group that begins at i of n members. */
static size_t group_end(const struct member *m, size_t i, size_t n)
{
    size_t end = i;
    while (end < n && str_eq(m[end].group, m[i].group)) {
        end++;
    }
    return end;
}

static int make_lines(struct backtest_groups *g, const struct backtest *b, struct mrc_err *err)
{
    struct member *members = ARENA_ARRAY(&g->arena, KINDS * b->n, struct member);
    struct film_outcome *work = ARENA_ARRAY(&g->arena, b->n, struct film_outcome);
    size_t n_groups = 0;
    if (!members || !work) {
        return arena_fail(&g->arena, err);
    }
    MRC_TRY(find_members(g, b, members, err));
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t i = 0; i < b->n; i = group_end(members + k * b->n, i, b->n)) {
            n_groups++;
        }
    }
    g->lines = ARENA_ARRAY(&g->arena, n_groups * BACKTEST__RULES, struct backtest_line);
    if (!g->lines) {
        return arena_fail(&g->arena, err);
    }
    for (size_t k = 0; k < KINDS; k++) {
        const struct member *m = members + k * b->n;
        for (size_t i = 0, end; i < b->n; i = end) {
            end = group_end(m, i, b->n);
            MRC_TRY(add_lines(g, kinds[k].by, m + i, end - i, work, err));
        }
    }
    return MRC_OK;
}

/* ---- differences ----------------------------------------------------------------------------------------------- */

/* Sums over films of a release week, which are drawn together. */
struct week {
    double films, y, yy, truth;
    double sse[2], abs[2]; /* of the served forecast, of the other rule */
};

static void add_week(struct week *to, const struct week *w)
{
    to->films += w->films;
    to->y += w->y;
    to->yy += w->yy;
    to->truth += w->truth;
    for (int k = 0; k < 2; k++) {
        to->sse[k] += w->sse[k];
        to->abs[k] += w->abs[k];
    }
}

static void differences_of(const struct week *t, double out[4])
{
    double sst = t->yy - t->y * t->y / t->films;
    out[0] = sst > 0 ? (t->sse[1] - t->sse[0]) / sst : 0;
    out[1] = sqrt(t->sse[0] / t->films) - sqrt(t->sse[1] / t->films);
    out[2] = (t->abs[0] - t->abs[1]) / t->films;
    out[3] = (t->abs[0] - t->abs[1]) / t->truth;
}

static double at_least_one(double tickets)
{
    return tickets > 1 ? tickets : 1;
}

static size_t collect_weeks(const struct backtest *b, enum backtest_rule against, struct week *weeks)
{
    size_t n = 0;
    int32_t last = DATE_NONE;
    for (size_t i = 0; i < b->n; i++) {
        const struct film_outcome *o[2] = {&b->films[i].outcomes[BACKTEST_MEDIAN], &b->films[i].outcomes[against]};
        if (isnan(o[1]->forecast)) {
            continue;
        }
        int32_t week = date_film_week(b->films[i].film->date);
        if (n == 0 || week != last) {
            weeks[n++] = (struct week){0};
            last = week;
        }
        struct week *w = &weeks[n - 1];
        double truth = at_least_one(o[0]->truth), y = log10(truth);
        w->films += 1;
        w->y += y;
        w->yy += y * y;
        w->truth += truth;
        for (int k = 0; k < 2; k++) {
            double forecast = at_least_one(o[k]->forecast), d = log10(forecast) - y;
            w->sse[k] += d * d;
            w->abs[k] += fabs(forecast - truth);
        }
    }
    return n;
}

static uint64_t next_number(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int make_difference(struct backtest_groups *g, const struct backtest *b, enum backtest_rule against,
                           struct mrc_err *err)
{
    struct week *weeks = ARENA_ARRAY(&g->arena, b->n, struct week), all = {0};
    double *drawn = ARENA_ARRAY(&g->arena, 4 * DRAWS, double); /* of each figure in turn */
    if (!weeks || !drawn) {
        return arena_fail(&g->arena, err);
    }
    size_t n = collect_weeks(b, against, weeks);
    if (n == 0) {
        return MRC_OK;
    }
    double value[4];
    uint64_t state = 1;
    for (size_t i = 0; i < n; i++) {
        add_week(&all, &weeks[i]);
    }
    differences_of(&all, value);
    for (size_t k = 0; k < DRAWS; k++) {
        struct week t = {0};
        double d[4];
        for (size_t i = 0; i < n; i++) {
            add_week(&t, &weeks[next_number(&state) % n]);
        }
        differences_of(&t, d);
        for (int m = 0; m < 4; m++) {
            drawn[m * DRAWS + k] = d[m];
        }
    }
    struct backtest_difference *out = &g->differences[g->n_differences++];
    struct difference *to[4] = {&out->r2, &out->rmse, &out->mae, &out->wape};
    out->against = against;
    out->films = (size_t)all.films;
    for (int m = 0; m < 4; m++) {
        double *d = drawn + m * DRAWS;
        qsort(d, DRAWS, sizeof(*d), ascending);
        *to[m] = (struct difference){value[m], d[DRAWS / 40], d[DRAWS - 1 - DRAWS / 40]};
    }
    return MRC_OK;
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

int backtest_groups_make(struct backtest_groups *out, const struct backtest *b, struct mrc_err *err)
{
    *out = (struct backtest_groups){0};
    arena_init(&out->arena, 0);
    int rc = make_lines(out, b, err);
    for (int rule = BACKTEST_NAIVE; rc == MRC_OK && rule < BACKTEST__RULES; rule++) {
        rc = make_difference(out, b, (enum backtest_rule)rule, err);
    }
    if (rc < 0) {
        backtest_groups_release(out);
    }
    return rc;
}

void backtest_groups_release(struct backtest_groups *g)
{
    arena_release(&g->arena);
    *g = (struct backtest_groups){0};
}

const struct backtest_line *backtest_groups_all(const struct backtest_groups *g, enum backtest_rule rule)
{
    for (size_t i = 0; i < g->n_lines; i++) {
        if (g->lines[i].rule == rule && str_is(str_of(g->lines[i].by), "all")) {
            return &g->lines[i];
        }
    }
    return NULL;
}

/* ---- text ------------------------------------------------------------------------------------------------------ */

static void put_label(struct buf *b, const struct backtest_line *line)
{
    struct buf name;
    buf_init(&name, NULL, 256);
    buf_printf(&name, "  %s %.*s", line->by, STR_ARG(line->group));
    film_score_line(b, name.p, &line->score);
    buf_release(&name);
}

static void put_difference(struct buf *b, const char *name, struct difference d)
{
    buf_printf(b, "  %s ", name);
    film_score_number(b, d.value, 4, 0);
    buf_puts(b, " (");
    film_score_number(b, d.low, 4, 0);
    buf_puts(b, " to ");
    film_score_number(b, d.high, 4, 0);
    buf_puts(b, ")");
}

void backtest_groups_text(const struct backtest_groups *g, struct buf *b)
{
    film_score_heading(b);
    for (int rule = 0; rule < BACKTEST__RULES; rule++) {
        const struct backtest_line *all = backtest_groups_all(g, (enum backtest_rule)rule);
        if (all) {
            film_score_line(b, backtest_rule_names[rule].name, &all->score);
        }
    }
    for (size_t i = 0; i < g->n_lines; i++) {
        const struct backtest_line *line = &g->lines[i];
        if (line->rule == BACKTEST_MEDIAN && line->score.films >= SHOWN_FILMS_MIN && !str_is(str_of(line->by), "all")) {
            put_label(b, line);
        }
    }
    buf_puts(b, "Differences of the median to other rules on the same films, with their interval of 95 %:\n");
    for (size_t i = 0; i < g->n_differences; i++) {
        const struct backtest_difference *d = &g->differences[i];
        buf_printf(b, "%-22s %6zu", backtest_rule_names[d->against].name, d->films);
        put_difference(b, "R2", d->r2);
        put_difference(b, "RMSE", d->rmse);
        put_difference(b, "wAPE", d->wape);
        buf_char(b, '\n');
    }
}

static void difference_json(struct json_out *w, const char *key, struct difference d)
{
    json_put_key(w, key);
    json_open_object(w);
    json_pair_double(w, "value", d.value);
    json_pair_double(w, "low_95", d.low);
    json_pair_double(w, "high_95", d.high);
    json_close_object(w);
}

void backtest_groups_json(const struct backtest_groups *g, struct json_out *w)
{
    for (int rule = 0; rule < BACKTEST__RULES; rule++) {
        const struct backtest_line *all = backtest_groups_all(g, (enum backtest_rule)rule);
        if (all) {
            json_put_key(w, backtest_rule_names[rule].key);
            json_open_object(w);
            film_score_json(w, &all->score);
            json_close_object(w);
        }
    }
    json_put_key(w, "groups");
    json_open_array(w);
    for (size_t i = 0; i < g->n_lines; i++) {
        const struct backtest_line *line = &g->lines[i];
        if (!str_is(str_of(line->by), "all")) {
            json_open_object(w);
            json_pair_cstr(w, "by", line->by);
            json_pair_str(w, "group", line->group);
            json_pair_cstr(w, "rule", backtest_rule_names[line->rule].key);
            film_score_json(w, &line->score);
            json_close_object(w);
        }
    }
    json_close_array(w);
    json_put_key(w, "differences");
    json_open_array(w);
    for (size_t i = 0; i < g->n_differences; i++) {
        const struct backtest_difference *d = &g->differences[i];
        json_open_object(w);
        json_pair_cstr(w, "of", backtest_rule_names[BACKTEST_MEDIAN].key);
        json_pair_cstr(w, "against", backtest_rule_names[d->against].key);
        json_pair_i64(w, "films", (int64_t)d->films);
        difference_json(w, "r2_log10", d->r2);
        difference_json(w, "rmse_log10", d->rmse);
        difference_json(w, "mae", d->mae);
        difference_json(w, "wape", d->wape);
        json_close_object(w);
    }
    json_close_array(w);
}

void backtest_groups_csv(const struct backtest_groups *g, struct buf *b)
{
    buf_puts(b, "by,group,rule,");
    film_score_csv_heading(b);
    buf_char(b, '\n');
    for (size_t i = 0; i < g->n_lines; i++) {
        csv_put(b, str_of(g->lines[i].by), true);
        csv_put(b, g->lines[i].group, false);
        csv_put(b, str_of(backtest_rule_names[g->lines[i].rule].key), false);
        buf_char(b, ',');
        film_score_csv(b, &g->lines[i].score);
        buf_char(b, '\n');
    }
}
