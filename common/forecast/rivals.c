/* A film's rivals (rivals.h). */
#include "common/forecast/rivals.h"

#include <math.h>

/* Share and rank of screens say something only when most rivals' are known. */
#define SCREENS_KNOWN_MIN 0.6

static int describe(struct rival *out, const struct history *h, const struct film_fields *fields, int32_t day,
                    const struct row *row, double *level, struct arena *a, struct mrc_err *err)
{
    struct film_keys *keys = ARENA_NEW(a, struct film_keys);
    struct past *p = ARENA_NEW(a, struct past);
    if (!keys || !p || !film_keys_read(keys, fields, row, a)) {
        return arena_fail(a, err);
    }
    past_open(p, h, keys, day, DATE_NONE, false, a);
    if (isnan(*level)) {
        *level = past_level(p);
    }
    *out = (struct rival){
        .values = row->values, .genre = keys->genre, .screens = keys->screens, .guess = past_guess(p, *level)};
    return p->failed ? arena_fail(a, err) : MRC_OK;
}

int rivals_make(struct rivals *out, const struct history *h, const struct film_fields *fields, int32_t day,
                const struct row *const *rows[RIVALS__WEEKS], const uint32_t n[RIVALS__WEEKS], struct arena *a,
                struct mrc_err *err)
{
    double level = NAN;
    if (history_is_published(h)) {
        return mrc_fail(err, MRC_EINVAL, "published histories cannot guess a rival's size");
    }
    *out = (struct rivals){0};
    for (int w = 0; w < RIVALS__WEEKS; w++) {
        struct rival *films = ARENA_ARRAY(a, n[w], struct rival);
        if (!films) {
            return arena_fail(a, err);
        }
        for (uint32_t i = 0; i < n[w]; i++) {
            MRC_TRY(describe(&films[i], h, fields, day, rows[w][i], &level, a, err));
        }
        out->films[w] = films;
        out->n[w] = n[w];
    }
    return MRC_OK;
}

static bool is_other(const struct rival *x, const struct row *row)
{
    return x->values != row->values;
}

static double count(const struct rivals *r, int week, const struct row *row, const struct film_keys *keys)
{
    double n = 0;
    (void)keys;
    for (uint32_t i = 0; i < r->n[week]; i++) {
        n += is_other(&r->films[week][i], row);
    }
    return n;
}

static double same_genre(const struct rivals *r, int week, const struct row *row, const struct film_keys *keys)
{
    double n = 0;
    for (uint32_t i = 0; i < r->n[week]; i++) {
        n += is_other(&r->films[week][i], row) && str_eq(r->films[week][i].genre, keys->genre);
    }
    return n;
}

static double largest(const struct rivals *r, int week, const struct row *row, const struct film_keys *keys)
{
    double most = NAN;
    (void)keys;
    for (uint32_t i = 0; i < r->n[week]; i++) {
        if (is_other(&r->films[week][i], row)) {
            most = fmax(most, r->films[week][i].guess);
        }
    }
    return most;
}

/* Log10 of all of them together, 0 without any. */
static double sum(const struct rivals *r, int week, const struct row *row, const struct film_keys *keys)
{
    double tickets = 0;
    (void)keys;
    for (uint32_t i = 0; i < r->n[week]; i++) {
        if (is_other(&r->films[week][i], row)) {
            tickets += pow(10, r->films[week][i].guess);
        }
    }
    return log10(tickets + 1);
}

/* Screens of the rivals together, and how many have more than this film; false when too few are known. */
static bool look_at_screens(const struct rivals *r, int week, const struct row *row, const struct film_keys *keys,
                            double *together, double *more)
{
    double rivals = count(r, week, row, keys), known = 0;
    *together = *more = 0;
    for (uint32_t i = 0; i < r->n[week]; i++) {
        const struct rival *x = &r->films[week][i];
        if (is_other(x, row) && !isnan(x->screens)) {
            known++;
            *together += x->screens;
            *more += x->screens > keys->screens;
        }
    }
    return keys->screens > 0 && known >= SCREENS_KNOWN_MIN * fmax(1, rivals);
}

static double screen_share(const struct rivals *r, int week, const struct row *row, const struct film_keys *keys)
{
    double together, more;
    return look_at_screens(r, week, row, keys, &together, &more) ? keys->screens / (keys->screens + together) : NAN;
}

static double screen_rank(const struct rivals *r, int week, const struct row *row, const struct film_keys *keys)
{
    double together, more;
    return look_at_screens(r, week, row, keys, &together, &more) ? more : NAN;
}

static const struct rival_stat stats[] = {
    {"count", count}, {"same_genre", same_genre},     {"largest", largest},
    {"sum", sum},     {"screen_share", screen_share}, {"screen_rank", screen_rank},
};

const struct rival_stat *rival_stat_find(struct str name)
{
    for (size_t i = 0; i < sizeof stats / sizeof stats[0]; i++) {
        if (str_is(name, stats[i].name)) {
            return &stats[i];
        }
    }
    return NULL;
}
