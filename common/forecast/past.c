/* Statistics of a film's past (past.h). The table at the end is the vocabulary. */
#include "common/forecast/past.h"

#include "common/base/date.h"

#include <math.h>
#include <stdlib.h>

enum {
    LAST_FILMS = 25, /* of a distributor, for median, spread and screens */
    SPREAD_FILMS_MIN = 4,
    RECENT_DAYS = 379,
    RECENT_FILMS_MAX = 80,
    PERSON_SCREENS_FILMS = 4,
    SEASON_YEARS = 6,
    SEASON_YEAR_FILMS_MIN = 50,
    SEASON_SHRINK = 10
};
#define YEAR_DAYS        365.25
#define LEVEL_OF_NOTHING 4.8 /* before any film: about 63,000 tickets */

void past_open(struct past *p, const struct history *h, const struct film_keys *keys, int32_t day, int32_t known_until,
               bool as_published, struct arena *a)
{
    int32_t until = day - HISTORY_KNOWN_DAYS;
    if (known_until != DATE_NONE && known_until < until) {
        until = known_until;
    }
    *p = (struct past){.h = h,
                       .keys = keys,
                       .a = a,
                       .day = day,
                       .until = until,
                       .known = history_known(h, until),
                       .as_published = as_published || history_is_published(h)};
}

static struct history_list find(struct past *p, enum entity kind, uint32_t item)
{
    struct str key;
    bool has;
    if (!film_key(p->keys, kind, item, p->a, &key, &has)) {
        p->failed = true;
        has = false;
    }
    struct history_list list = has ? history_find(p->h, kind, key, p->known) : (struct history_list){0};
    return p->as_published && list.n < HISTORY_FILMS_MIN ? (struct history_list){0} : list;
}

static const struct history_film *film(const struct past *p, struct history_list list, uint32_t i)
{
    return history_film(p->h, list.films[i]);
}

static double *room(struct past *p, size_t n)
{
    double *x = ARENA_ARRAY(p->a, n, double);
    p->failed = p->failed || !x;
    return x;
}

/* ---- the market ------------------------------------------------------------------------------------------------ */

static struct history_list market(struct past *p)
{
    return find(p, ENTITY_MARKET, 0);
}

/* Published, the level is that of the day when the histories ended. */
static double level_now(struct past *p)
{
    struct history_list all = market(p);
    if (all.n == 0) {
        return LEVEL_OF_NOTHING;
    }
    if (history_is_published(p->h)) {
        return all.mean;
    }
    uint32_t first = history_level_from(p->h, all, p->as_published ? p->until + HISTORY_KNOWN_DAYS : p->day);
    double *e = room(p, all.n - first);
    for (uint32_t i = first; e && i < all.n; i++) {
        e[i - first] = film(p, all, i)->e;
    }
    double mean = e ? mean_of(e, all.n - first) : LEVEL_OF_NOTHING;
    return p->as_published ? history_round(mean) : mean;
}

double past_level(struct past *p)
{
    if (!p->has_level) {
        p->level = level_now(p);
        p->has_level = true;
    }
    return p->level;
}

static double level(struct past *p, enum entity kind)
{
    (void)kind;
    return past_level(p);
}

/* Tickets of the film weeks that began `newest` to `newest` + n - 1 weeks before the film's own; NaN when the newest of
 * them is not complete: a sum over half a week would be small, not unknown. */
static double sum_weeks(struct past *p, int newest, int n)
{
    struct history_list all = market(p);
    int32_t own = date_film_week(p->day), begin = own - 7 * newest;
    int32_t complete = history_complete(p->h);
    if (begin > p->until || complete == DATE_NONE || begin > complete) {
        return NAN;
    }
    double sum = 0;
    for (int k = 0; k < n; k++, begin -= 7) {
        double week = 0;
        for (uint32_t i = history_from(p->h, all, begin), end = history_from(p->h, all, begin + 7); i < end; i++) {
            week += film(p, all, i)->entries;
        }
        sum += week;
    }
    return sum;
}

static double sum_year(struct past *p, enum entity kind)
{
    (void)kind;
    return log10(sum_weeks(p, 2, 52) + 1);
}

static double change_8_weeks(struct past *p, enum entity kind)
{
    (void)kind;
    double now = sum_weeks(p, 2, 8), before = sum_weeks(p, 54, 8);
    return now > 0 && before > 0 ? log10((now + 1) / (before + 1)) : NAN;
}

/* Films of the six years before, by year: places in the list, and means. */
struct season_year {
    uint32_t begin, end;
    double mean;
};

static double season(struct past *p, enum entity kind)
{
    struct history_list all = market(p);
    struct season_year years[SEASON_YEARS];
    int iso_year, week, year = date_to_civil(p->day).year;
    (void)kind;
    date_iso_week(p->day, &iso_year, &week);
    for (int y = 0; y < SEASON_YEARS; y++) {
        struct season_year *s = &years[y];
        s->begin = history_from(p->h, all, date_from_civil(year - SEASON_YEARS + y, 1, 1));
        s->end = history_from(p->h, all, date_from_civil(year - SEASON_YEARS + y + 1, 1, 1));
        double *e = room(p, s->end - s->begin);
        for (uint32_t i = s->begin; e && i < s->end; i++) {
            e[i - s->begin] = film(p, all, i)->e;
        }
        s->mean = e ? mean_of(e, s->end - s->begin) : NAN;
    }
    double sum = 0;
    size_t n = 0;
    for (int around = -1; around <= 1; around++) {
        int wanted = (week + around - 1 + 52) % 52 + 1;
        for (int y = 0; y < SEASON_YEARS; y++) {
            const struct season_year *s = &years[y];
            for (uint32_t i = s->begin; s->end - s->begin > SEASON_YEAR_FILMS_MIN && i < s->end; i++) {
                if (film(p, all, i)->week == wanted) {
                    sum += film(p, all, i)->e - s->mean;
                    n++;
                }
            }
        }
    }
    return n > 0 ? sum / (double)(n + SEASON_SHRINK) : 0;
}

/* Years that the tables end too early. */
static double age(struct past *p, enum entity kind)
{
    int32_t end = history_as_of(p->h), best = p->day - HISTORY_KNOWN_DAYS;
    (void)kind;
    if (end == DATE_NONE) {
        return NAN;
    }
    end = p->until < end ? p->until : end;
    return end < best ? (best - end) / YEAR_DAYS : 0;
}

/* ---- one entity ------------------------------------------------------------------------------------------------ */

/* Whether the film says what the kind is about. A film without genre belongs to the films without genre. */
static bool is_given(const struct past *p, enum entity kind)
{
    switch (kind) {
    case ENTITY_DISTRIBUTOR:
    case ENTITY_DISTRIBUTOR_COUNTRY:
    case ENTITY_DISTRIBUTOR_GENRE:
        return p->keys->distributor.n > 0;
    case ENTITY_COUNTRY:
        return p->keys->country.n > 0;
    default:
        return true;
    }
}

static void ask_single(struct past *p, enum entity kind);

static double single_prior(struct past *p, enum entity kind)
{
    enum entity wider = kind == ENTITY_GENRE_MONTH ? ENTITY_GENRE_COUNTRY : ENTITY_DISTRIBUTOR;
    switch (kind) {
    case ENTITY_DISTRIBUTOR:
        return past_level(p) - 0.5;
    case ENTITY_DISTRIBUTOR_COUNTRY:
    case ENTITY_DISTRIBUTOR_GENRE:
    case ENTITY_GENRE_MONTH:
        ask_single(p, wider);
        return p->single[wider].mean.mean;
    default:
        return past_level(p);
    }
}

static void ask_single(struct past *p, enum entity kind)
{
    if (!p->single[kind].done) {
        struct history_list list = find(p, kind, 0);
        p->single[kind].list = list;
        p->single[kind].mean = history_mean(p->h, kind, list, p->day, single_prior(p, kind), p->as_published);
        p->single[kind].done = true;
    }
}

static double mean(struct past *p, enum entity kind)
{
    ask_single(p, kind);
    return is_given(p, kind) ? p->single[kind].mean.mean : NAN;
}

static double weight(struct past *p, enum entity kind)
{
    ask_single(p, kind);
    return is_given(p, kind) ? p->single[kind].mean.weight : NAN;
}

/* ---- a distributor's last films -------------------------------------------------------------------------------- */

/* The last of its films, at most LAST_FILMS; empty when it is not given. */
static struct history_list last_films(struct past *p, enum entity kind)
{
    ask_single(p, kind);
    struct history_list list = p->single[kind].list;
    if (!is_given(p, kind)) {
        return (struct history_list){0};
    }
    uint32_t skip = list.n > LAST_FILMS ? list.n - LAST_FILMS : 0;
    return skip ? (struct history_list){.films = list.films + skip, .n = LAST_FILMS} : list;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static uint32_t last_entries(struct past *p, enum entity kind, double e[LAST_FILMS], bool sorted)
{
    struct history_list list = last_films(p, kind);
    for (uint32_t i = 0; i < list.n; i++) {
        e[i] = film(p, list, i)->e;
    }
    if (sorted) {
        qsort(e, list.n, sizeof *e, ascending);
    }
    return list.n;
}

static double median(struct past *p, enum entity kind)
{
    double e[LAST_FILMS];
    uint32_t n = last_entries(p, kind, e, true);
    return n == 0 ? NAN : n % 2 ? e[n / 2] : (e[n / 2 - 1] + e[n / 2]) / 2;
}

/* Quantile 0.9 with linear interpolation. */
static double high(struct past *p, enum entity kind)
{
    double e[LAST_FILMS];
    uint32_t n = last_entries(p, kind, e, true);
    if (n < SPREAD_FILMS_MIN) {
        return NAN;
    }
    double at = (n - 1) * 0.9, part = at - floor(at);
    uint32_t i = (uint32_t)at, next = i + 1 < n ? i + 1 : i;
    double step = e[next] - e[i];
    return part >= 0.5 ? e[next] - step * (1 - part) : e[i] + step * part;
}

/* Standard deviation of the population. */
static double spread(struct past *p, enum entity kind)
{
    double e[LAST_FILMS];
    uint32_t n = last_entries(p, kind, e, false);
    if (n < SPREAD_FILMS_MIN) {
        return NAN;
    }
    double m = mean_of(e, n);
    for (uint32_t i = 0; i < n; i++) {
        e[i] = (e[i] - m) * (e[i] - m);
    }
    return sqrt(mean_of(e, n));
}

/* Films of the last year. */
static double recent(struct past *p, enum entity kind)
{
    ask_single(p, kind);
    struct history_list list = p->single[kind].list;
    if (!is_given(p, kind)) {
        return NAN;
    }
    uint32_t n = list.n - history_from(p->h, list, p->day - RECENT_DAYS);
    return n < RECENT_FILMS_MAX ? n : RECENT_FILMS_MAX;
}

static double last_screens(struct past *p, enum entity kind, bool per_screen)
{
    struct history_list list = last_films(p, kind);
    double sum = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < list.n; i++) {
        const struct history_film *f = film(p, list, i);
        if (!isnan(f->s)) {
            sum += per_screen ? f->e - f->s : f->s;
            n++;
        }
    }
    return n ? sum / n : NAN;
}

static double per_screen(struct past *p, enum entity kind)
{
    return last_screens(p, kind, true);
}

/* ---- people and series ----------------------------------------------------------------------------------------- */

/* How many of its people count, in billing order. */
static uint32_t group_size(const struct past *p, enum entity kind)
{
    switch (kind) {
    case ENTITY_DIRECTOR:
        return p->keys->n_directors < 3 ? p->keys->n_directors : 3;
    case ENTITY_ACTOR:
        return p->keys->n_actors < PAST_ITEMS_MAX ? p->keys->n_actors : PAST_ITEMS_MAX;
    case ENTITY_LEAD:
        return p->keys->n_actors < KEYS_LEADS ? p->keys->n_actors : KEYS_LEADS;
    default:
        return p->keys->n_titles;
    }
}

static const struct past_group *group(struct past *p, enum entity kind)
{
    struct past_group *g = &p->groups[kind];
    if (!g->done) {
        double prior = past_level(p);
        g->n = group_size(p, kind);
        for (uint32_t i = 0; i < g->n; i++) {
            g->lists[i] = find(p, kind, i);
            g->means[i] = history_mean(p->h, kind, g->lists[i], p->day, prior, p->as_published).mean;
        }
        g->done = true;
    }
    return g;
}

static double best_mean(struct past *p, enum entity kind)
{
    const struct past_group *g = group(p, kind);
    double best = NAN;
    for (uint32_t i = 0; i < g->n; i++) {
        best = fmax(best, g->means[i]);
    }
    return best;
}

static double mean_of_3(struct past *p, enum entity kind)
{
    const struct past_group *g = group(p, kind);
    uint32_t n = g->n < 3 ? g->n : 3;
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += g->means[i];
    }
    return n ? sum / n : NAN;
}

static double first_mean(struct past *p, enum entity kind)
{
    const struct past_group *g = group(p, kind);
    return g->n ? g->means[0] : NAN;
}

static double best_since(struct past *p, enum entity kind, double days)
{
    const struct past_group *g = group(p, kind);
    double best = NAN;
    for (uint32_t i = 0; i < g->n; i++) {
        for (uint32_t k = 0; k < g->lists[i].n; k++) {
            const struct history_film *f = film(p, g->lists[i], k);
            if (p->day - f->date < days) {
                best = fmax(best, f->e);
            }
        }
    }
    return best;
}

static double best(struct past *p, enum entity kind)
{
    return best_since(p, kind, INFINITY);
}

static double best_5_years(struct past *p, enum entity kind)
{
    return best_since(p, kind, 5 * YEAR_DAYS);
}

/* The latest film of any of them; of one day, the larger. NULL: none. */
static const struct history_film *latest(struct past *p, enum entity kind)
{
    const struct past_group *g = group(p, kind);
    const struct history_film *found = NULL;
    for (uint32_t i = 0; i < g->n; i++) {
        struct history_list list = g->lists[i];
        /* A person's last film is the one taught last; of a series all films of the day count. */
        for (uint32_t k = list.n; k-- > 0;) {
            const struct history_film *f = film(p, list, k);
            if (!found || f->date > found->date || (f->date == found->date && f->e > found->e)) {
                found = f;
            }
            if (kind != ENTITY_SERIES || film(p, list, k)->date < found->date) {
                break;
            }
        }
    }
    return found;
}

static double last(struct past *p, enum entity kind)
{
    if (kind == ENTITY_DISTRIBUTOR) {
        struct history_list list = last_films(p, kind);
        return list.n ? film(p, list, list.n - 1)->e : NAN;
    }
    const struct history_film *f = latest(p, kind);
    return f ? f->e : NAN;
}

static double last_over_level(struct past *p, enum entity kind)
{
    return last(p, kind) - past_level(p);
}

static double years_since(struct past *p, enum entity kind)
{
    const struct history_film *f = latest(p, kind);
    return f ? (p->day - f->date) / YEAR_DAYS : NAN;
}

struct day_value {
    int32_t date;
    double e;
};

static int by_day(const void *a, const void *b)
{
    const struct day_value *x = a, *y = b;
    int c = (x->date > y->date) - (x->date < y->date);
    return c ? c : (x->e > y->e) - (x->e < y->e);
}

/* Films that share any key with this one, each once. */
static double count_series(struct past *p)
{
    const struct past_group *g = group(p, ENTITY_SERIES);
    size_t n = 0, distinct = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        n += g->lists[i].n;
    }
    struct day_value *all = ARENA_ARRAY(p->a, n, struct day_value);
    if (!all) {
        p->failed = true;
        return NAN;
    }
    n = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        for (uint32_t k = 0; k < g->lists[i].n; k++) {
            const struct history_film *f = film(p, g->lists[i], k);
            all[n++] = (struct day_value){f->date, f->e};
        }
    }
    qsort(all, n, sizeof *all, by_day);
    for (size_t i = 0; i < n; i++) {
        distinct += i == 0 || by_day(&all[i], &all[i - 1]) != 0;
    }
    return (double)distinct;
}

/* Films of the entity; of people: of the one with most. */
static double count(struct past *p, enum entity kind)
{
    if (kind == ENTITY_SERIES && !p->as_published) {
        return count_series(p);
    }
    if (kind >= ENTITY_DISTRIBUTOR) {
        ask_single(p, kind);
        return is_given(p, kind) ? p->single[kind].list.n : NAN;
    }
    const struct past_group *g = group(p, kind);
    double most = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        most = fmax(most, g->lists[i].n);
    }
    return g->n > 0 || kind == ENTITY_SERIES ? most : NAN;
}

/* Mean log10 of screens over the last films of each. */
static double screens(struct past *p, enum entity kind)
{
    if (kind == ENTITY_DISTRIBUTOR) {
        return last_screens(p, kind, false);
    }
    const struct past_group *g = group(p, kind);
    double sum = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        struct history_list list = g->lists[i];
        uint32_t first = list.n > PERSON_SCREENS_FILMS ? list.n - PERSON_SCREENS_FILMS : 0;
        for (uint32_t k = first; k < list.n; k++) {
            double s = film(p, list, k)->s;
            if (!isnan(s)) {
                sum += s;
                n++;
            }
        }
    }
    return n ? sum / n : NAN;
}

/* This film's screens over them. */
static double screens_over(struct past *p, enum entity kind)
{
    return p->keys->screens > 0 ? log10(p->keys->screens) - screens(p, kind) : NAN;
}

/* ---- a guess --------------------------------------------------------------------------------------------------- */

static double best_of(struct past *p, enum entity kind, uint32_t n, double prior, double shrink)
{
    double best = NAN;
    for (uint32_t i = 0; i < n; i++) {
        best = fmax(best, history_decayed(p->h, find(p, kind, i), p->day, prior, shrink, 2192).mean);
    }
    return best;
}

double past_guess(struct past *p, double level_of_day)
{
    const struct film_keys *k = p->keys;
    double house = level_of_day - 0.3;
    p->level = level_of_day;
    p->has_level = true;
    if (k->has_distributor) {
        house = history_decayed(p->h, find(p, ENTITY_DISTRIBUTOR, 0), p->day, level_of_day, 3, 1461).mean;
        house = history_decayed(p->h, find(p, ENTITY_DISTRIBUTOR_COUNTRY, 0), p->day, house, 3, 1461).mean;
    }
    double sum = house;
    unsigned n = 1;
    if (k->n_directors > 0) {
        sum += best_of(p, ENTITY_DIRECTOR, k->n_directors < 2 ? k->n_directors : 2, house, 1.5);
        n++;
    }
    if (k->n_actors > 0) {
        sum += best_of(p, ENTITY_ACTOR, k->n_actors < 3 ? k->n_actors : 3, house, 3);
        n++;
    }
    double guess = sum / n;
    const struct history_film *earlier = latest(p, ENTITY_SERIES);
    return earlier ? 0.4 * guess + 0.6 * earlier->e : guess;
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

#define K(kind) (1U << ENTITY_##kind)
enum {
    PEOPLE = K(DIRECTOR) | K(ACTOR) | K(LEAD),
    SINGLES =
        K(DISTRIBUTOR) | K(DISTRIBUTOR_COUNTRY) | K(DISTRIBUTOR_GENRE) | K(GENRE_COUNTRY) | K(GENRE_MONTH) | K(COUNTRY)
};

static const struct past_stat stats[] = {
    {"mean", SINGLES, true, mean},
    {"weight", SINGLES, true, weight},
    {"count", SINGLES | PEOPLE | K(SERIES), true, count},
    {"best_mean", PEOPLE | K(SERIES), true, best_mean},
    {"mean_of_3", PEOPLE, true, mean_of_3},
    {"first_mean", PEOPLE, true, first_mean},
    {"best", PEOPLE | K(SERIES), false, best},
    {"best_5_years", PEOPLE, false, best_5_years},
    {"last", PEOPLE | K(SERIES) | K(DISTRIBUTOR), false, last},
    {"last_over_level", K(SERIES), false, last_over_level},
    {"years_since", PEOPLE | K(SERIES), false, years_since},
    {"screens", K(DIRECTOR) | K(ACTOR) | K(DISTRIBUTOR), false, screens},
    {"screens_over", K(DIRECTOR) | K(ACTOR) | K(DISTRIBUTOR), false, screens_over},
    {"per_screen", K(DISTRIBUTOR), false, per_screen},
    {"median", K(DISTRIBUTOR), false, median},
    {"high", K(DISTRIBUTOR), false, high},
    {"spread", K(DISTRIBUTOR), false, spread},
    {"recent", K(DISTRIBUTOR), false, recent},
    {"level", K(MARKET), true, level},
    {"sum_year", K(MARKET), false, sum_year},
    {"change_8_weeks", K(MARKET), false, change_8_weeks},
    {"season", K(MARKET), false, season},
    {"age", K(MARKET), true, age},
};

const struct past_stat *past_stat_find(struct str name)
{
    for (size_t i = 0; i < sizeof stats / sizeof stats[0]; i++) {
        if (str_is(name, stats[i].name)) {
            return &stats[i];
        }
    }
    return NULL;
}
