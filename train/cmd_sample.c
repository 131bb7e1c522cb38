/* sample: a synthetic film file, plausible in shape and free of any real film, person or company. Made with integers
 * and a fixed generator, so the same options give the same bytes. */
#include "common/base/csv.h"
#include "common/base/date.h"
#include "train/command.h"

#include <math.h>

enum option { FILMS, SEED, FROM, WEEKS, OUT, OPTION__COUNT };
static const struct setting_spec options[OPTION__COUNT] = {
    [FILMS] = {"films", SETTING_INT, "400", 1, 1000000, NULL, 0, 'n', NULL, "Number of films"},
    [SEED] = {"seed", SETTING_INT, "1", 0, 1e15, NULL, 0, 0, NULL, "Seed of the generator"},
    [FROM] = {"from", SETTING_TEXT, "2016-01-06", 10, 10, NULL, 0, 0, NULL, "Week of the first films"},
    [WEEKS] = {"weeks", SETTING_INT, "468", 1, 5200, NULL, 0, 0, NULL, "Weeks over which they come out"},
    [OUT] = {"out", SETTING_PATH, "-", 1, 4096, NULL, 0, 'o', NULL, "CSV to write; - is stdout"},
};

/* ---- random numbers -------------------------------------------------------------------------------------------- */

struct dice {
    uint64_t state;
};

/* splitmix64 (public domain, S. Vigna). */
static uint64_t dice_next(struct dice *d)
{
    uint64_t z = (d->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static unsigned dice_below(struct dice *d, unsigned n)
{
    return (unsigned)((dice_next(d) >> 32) * n >> 32);
}

static double dice_unit(struct dice *d)
{
    return (double)(dice_next(d) >> 11) * 0x1p-53;
}

/* Nearly normal, mean 0, deviation 1: twelve uniform numbers, so that no libm is involved. */
static double dice_normal(struct dice *d)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        sum += dice_unit(d);
    }
    return sum;
}

/* A number in [0, n) that prefers small ones, as names prefer a few companies. */
static unsigned dice_small(struct dice *d, unsigned n)
{
    double u = dice_unit(d);
    unsigned k = (unsigned)(u * u * n);
    return k < n ? k : n - 1;
}

/* The lasting strength of entity k of a kind: the same in every film of one seed. */
static double strength(uint64_t seed, unsigned kind, unsigned k)
{
    struct dice d = {seed * 1000003u + kind * 7919u + k};
    return dice_normal(&d);
}

/* ---- films ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *second;
    double level;
} genres[] = {
    {"Comédie", "Romance", 0.15},        {"Drame", "", -0.25},
    {"Animation", "Famille", 0.45},      {"Thriller", "Drame", 0.05},
    {"Action", "Aventure", 0.4},         {"Documentaire", "", -0.85},
    {"Science-fiction", "Action", 0.35}, {"Comédie dramatique", "", -0.1},
    {"Horreur", "Thriller", 0.0},        {"Historique", "Drame", -0.05},
};
static const struct {
    const char *name, *second;
    double level;
} countries[] = {{"FR", "", 0.0},    {"FR", "BE", 0.05}, {"US", "", 0.45}, {"US", "GB", 0.4},
                 {"IT", "FR", -0.3}, {"JP", "", -0.25},  {"GB", "", 0.0}};
static const char *const nouns[] = {"Le Jardin",    "L'Été",    "La Maison d'à côté", "Œuvre",     "Les Élèves",
                                    "Nuit blanche", "Un train", "Le Phare",           "Ça tourne", "La Forêt"};
static const char *const endings[] = {" n° %u",  " (%u)", ", chapitre %u", " : la suite %u",
                                      " \"%u\"", " %u",   " – %u",         " & Cie %u"};
static const char *const ratings[] = {"tous_publics", "tous_publics", "tous_publics", "avertissement", "12", "16"};

enum {
    N_GENRES = sizeof(genres) / sizeof(genres[0]),
    N_COUNTRIES = sizeof(countries) / sizeof(countries[0]),
    N_NOUNS = sizeof(nouns) / sizeof(nouns[0]),
    N_ENDINGS = sizeof(endings) / sizeof(endings[0]),
    N_RATINGS = sizeof(ratings) / sizeof(ratings[0]),
    N_DISTRIBUTORS = 24,
    N_DIRECTORS = 70,
    N_ACTORS = 120
};
enum { KIND_DISTRIBUTOR = 1, KIND_DIRECTOR, KIND_ACTOR };

static const char header[] = "film_id,title,original_title,release_date,genres,countries,distributor,directors,actors,"
                             "duration_min,age_rating,budget,budget_currency,screens,first_week_entries,use,panel\n";

struct film {
    unsigned number, genre, country, distributor, director, actors[3], n_actors;
    int32_t date;
    double budget; /* log10 */
    long screens, entries;
};

static void draw_film(struct dice *d, uint64_t seed, unsigned i, int32_t date, struct film *f)
{
    *f = (struct film){.number = i + 1, .date = date};
    f->genre = dice_below(d, N_GENRES);
    f->country = dice_small(d, N_COUNTRIES);
    f->distributor = dice_small(d, N_DISTRIBUTORS);
    f->director = dice_small(d, N_DIRECTORS);
    f->n_actors = dice_below(d, 4);
    for (unsigned k = 0; k < f->n_actors; k++) { /* distinct: each from a third of its own */
        f->actors[k] = k * (N_ACTORS / 3) + dice_small(d, N_ACTORS / 3);
    }
    double worth = genres[f->genre].level + countries[f->country].level +
                   0.3 * strength(seed, KIND_DISTRIBUTOR, f->distributor) +
                   0.2 * strength(seed, KIND_DIRECTOR, f->director);
    for (unsigned k = 0; k < f->n_actors; k++) {
        worth += 0.08 * strength(seed, KIND_ACTOR, f->actors[k]);
    }
    f->budget = 6.6 + 0.5 * worth + 0.3 * dice_normal(d);
    struct civil c = date_to_civil(date);
    double season = c.month == 2 || c.month == 10 || c.month == 12 ? 0.1 : c.month >= 6 && c.month <= 8 ? -0.1 : 0;
    double size = worth + 0.35 * (f->budget - 6.6) + 0.25 * dice_normal(d);
    double log_screens = 2.15 + 0.55 * size;
    log_screens = log_screens > 3.1 ? 3.1 : log_screens < 0.5 ? 0.5 : log_screens;
    f->screens = lround(pow(10, log_screens));
    f->entries = lround(pow(10, log_screens + 2.2 + 0.25 * size + season + 0.17 * dice_normal(d)));
}

static void put_list(struct buf *cell, const char *first, const char *second)
{
    buf_puts(cell, first);
    if (second[0]) {
        buf_char(cell, '|');
        buf_puts(cell, second);
    }
}

/* Finish the cell under construction and begin the next. */
static void end_cell(struct buf *row, struct buf *cell, bool first)
{
    csv_put(row, buf_text(cell), first);
    buf_reset(cell);
}

static void put_title(struct buf *cell, const struct film *f)
{
    unsigned number = f->number % 97 + 2;
    const char *ending = endings[f->number % N_ENDINGS];
    buf_puts(cell, nouns[f->number / 3 % N_NOUNS]);
    for (const char *p = ending; *p; p++) { /* "%u" stands once in each ending */
        if (p[0] == '%') {
            buf_printf(cell, "%u", number);
            p++;
        } else {
            buf_char(cell, *p);
        }
    }
}

static void put_film(struct buf *b, struct buf *cell, struct dice *d, const struct film *f)
{
    char date[DATE_TEXT];
    date_format(f->date, date);
    buf_printf(cell, "s%06u", f->number);
    end_cell(b, cell, true);
    put_title(cell, f);
    end_cell(b, cell, false);
    if (dice_below(d, 3)) {
        put_title(cell, f);
    }
    end_cell(b, cell, false);
    buf_puts(cell, date);
    end_cell(b, cell, false);
    put_list(cell, genres[f->genre].name, dice_below(d, 2) ? genres[f->genre].second : "");
    end_cell(b, cell, false);
    put_list(cell, countries[f->country].name, countries[f->country].second);
    end_cell(b, cell, false);
    if (dice_below(d, 25)) {
        buf_printf(cell, "Distributeur %u", f->distributor + 1);
        buf_puts(cell, f->distributor % 7 == 3 ? ", S.A." : ""); /* a comma in a name */
    }
    end_cell(b, cell, false);
    if (dice_below(d, 20)) {
        buf_printf(cell, "Réalisateur %u", f->director + 1);
    }
    end_cell(b, cell, false);
    for (unsigned k = 0; k < f->n_actors; k++) {
        buf_printf(cell, "%sActeur %u", k ? "|" : "", f->actors[k] + 1);
    }
    end_cell(b, cell, false);
    if (dice_below(d, 12)) {
        buf_printf(cell, "%u", 80 + dice_below(d, 60));
    }
    end_cell(b, cell, false);
    buf_puts(cell, dice_below(d, 15) ? ratings[dice_below(d, N_RATINGS)] : "");
    end_cell(b, cell, false);
    bool has_budget = dice_below(d, 3) > 0;
    if (has_budget) {
        buf_printf(cell, "%ld", lround(pow(10, f->budget - 4)) * 10000);
    }
    end_cell(b, cell, false);
    buf_puts(cell, has_budget ? (f->country == 2 ? "USD" : "EUR") : "");
    end_cell(b, cell, false);
    if (dice_below(d, 10)) {
        buf_printf(cell, "%ld", f->screens);
    }
    end_cell(b, cell, false);
    buf_printf(b, ",%ld,train,1\n", f->entries);
}

static int write_films(const struct settings *s, struct output *o, struct mrc_err *err)
{
    int32_t from = date_parse(setting_text(s, FROM), NULL);
    if (from == DATE_NONE) {
        return mrc_fail(err, MRC_EINVAL, "--from %s is no date like 2016-01-06", setting_cstr(s, FROM));
    }
    from = date_film_week(from);
    int64_t films = setting_int(s, FILMS), weeks = setting_int(s, WEEKS);
    if (from > date_from_civil(9999, 12, 31) - weeks * 7) {
        return mrc_fail(err, MRC_EINVAL, "--from %s and %lld weeks end after the year 9999", setting_cstr(s, FROM),
                        (long long)weeks);
    }
    uint64_t seed = (uint64_t)setting_int(s, SEED);
    struct dice d = {seed};
    struct buf cell;
    buf_init(&cell, NULL, 4096);
    buf_puts(&o->text, header);
    int rc = MRC_OK;
    for (int64_t i = 0; rc == MRC_OK && i < films; i++) {
        struct film f;
        draw_film(&d, seed, (unsigned)i, from + (int32_t)(i * weeks / films) * 7, &f);
        put_film(&o->text, &cell, &d, &f);
        rc = output_flush(o, err);
    }
    buf_release(&cell);
    return rc;
}

static int run(const struct settings *s, struct mrc_err *err)
{
    struct output o;
    int rc = output_open(&o, setting_cstr(s, OUT), err);
    if (rc == MRC_OK) {
        rc = write_films(s, &o, err);
    }
    if (rc == MRC_OK) {
        rc = output_close(&o, err);
    }
    output_abandon(&o);
    return rc;
}

int cmd_sample(int argc, char **argv)
{
    static const struct command command = {
        "sample",
        "[--films N] [--seed S] [--from DATE] [--weeks N] [--out CSV]",
        "Invents films to try everything on: no film, person or company of it exists. Each distributor, director and\n"
        "actor has a lasting strength; genre, country, season, budget and these make a size, from which screens and\n"
        "first-week entries are drawn with noise. Awkward on purpose: titles with commas, quotes, colons and accents, "
        "a\n"
        "distributor with a comma in its name, and empty cells: a third of the budgets and original titles, a tenth "
        "of\n"
        "the screens, some distributors, directors, casts, durations and ratings. Holes fall at random: unlike in "
        "real\n"
        "files an empty cell tells nothing about a film's size. The same options give the same bytes.\n"
        "data/sample.csv is `mercredi-train sample --films 400 --seed 1`.",
        options,
        OPTION__COUNT,
        run};
    return command_run(&command, argc, argv);
}
