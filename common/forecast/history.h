/* Histories: what past films say about a director, an actor, a distributor, a genre, a country, a series, the market.
 *
 * One state for training and service. Films are taught in any order and put in time order by history_seal; every
 * question then names how many of them are known (history_known), so the same sealed state streams through the past in
 * training, answers with tables gone stale, and serves. Two forms: private keeps every film; published keeps decayed
 * mean, weight and count of entities with at least HISTORY_FILMS_MIN films, rounded, and nothing else. A private
 * history can be asked what it would answer if it were published (history_publish).
 *
 * Sealed it is immutable and may be shared by threads and forked workers. */
#ifndef MRC_FORECAST_HISTORY_H
#define MRC_FORECAST_HISTORY_H

#include "common/forecast/film_keys.h"

enum { HISTORY_KNOWN_DAYS = 14, HISTORY_FILMS_MIN = 3, HISTORY_FILMS_MAX = 4 << 20 };

struct history;

/* An empty private history. */
int history_new(struct history **out, struct mrc_err *err) MRC_CHECKED;
void history_free(struct history *h); /* NULL is fine */

/* Teach a film: its keys and screens come from the row, entries are its first week (0 counts as 1). panel: listed ones,
 * which also teach distributor, genre, country and market. A film with the id of an earlier one replaces it; an empty
 * id is nobody's. Ids are copied. MRC_EINVAL: entries negative or no number, or a published history. */
int history_learn(struct history *h, const struct film_fields *fields, const struct row *row, struct str id,
                  double entries, bool panel, struct mrc_err *err) MRC_CHECKED;
/* Weeks up to this day are complete: sums over later ones are unknown. DATE_NONE, or without it: the newest listed
 * film's. To be sealed again. */
void history_set_complete(struct history *h, int32_t until);
/* Put in order, ready for questions. Needed again after more was taught. Equal films in any order give equal bits. */
int history_seal(struct history *h, struct mrc_err *err) MRC_CHECKED;

/* ---- as tables ------------------------------------------------------------------------------------------------- */

/* tables/history.json (models/FORMAT.md) of a sealed history; a private one reads back to the same bits. */
int history_write(const struct history *h, struct buf *out, struct mrc_err *err) MRC_CHECKED;
/* Read such a text: sealed. MRC_EFORMAT, MRC_EUNSUPPORTED. */
int history_read(struct history **out, struct str json, struct mrc_err *err) MRC_CHECKED;
/* The published form of a sealed private history, as of its newest film. */
int history_publish(struct history **out, const struct history *h, struct mrc_err *err) MRC_CHECKED;

/* ---- questions, to a sealed history ---------------------------------------------------------------------------- */

bool history_is_published(const struct history *h);
int32_t history_as_of(const struct history *h);    /* release of the newest film; DATE_NONE: no film */
int32_t history_complete(const struct history *h); /* weeks up to here are complete */
size_t history_films(const struct history *h);     /* 0 when published */
/* How many films came out on day or before: the others are the future. */
uint32_t history_known(const struct history *h, int32_t day);

struct history_film {
    int32_t date;
    uint8_t week;   /* ISO week */
    int16_t year;   /* calendar year */
    double entries; /* at least 1 */
    double e, s;    /* log10 of entries, of screens (NaN unknown) */
};
const struct history_film *history_film(const struct history *h, uint32_t i); /* in time order */

/* The keys (folded names) of all entities of a kind, in no particular order. As features_words otherwise. */
int history_names(const struct history *h, enum entity kind, int (*cb)(struct str name, void *arg), void *arg);

/* The films of one entity, ascending; or what a published history keeps of it. */
struct history_list {
    const uint32_t *films; /* [n] */
    uint32_t n;            /* films; published: the count */
    double mean, weight;   /* published: as of history_as_of */
};
/* The entity's films among the first `known` ones; n = 0 for an entity never seen. */
struct history_list history_find(const struct history *h, enum entity kind, struct str key, uint32_t known);

/* Decayed mean shrunk towards prior, as seen on day, and the weight behind it, with the kind's own shrinkage and
 * half-life. as_published: as a published history would have it, from a private one too. */
struct history_mean {
    double mean, weight;
};
struct history_mean history_mean(const struct history *h, enum entity kind, struct history_list list, int32_t day,
                                 double prior, bool as_published);
/* The first film of a private list that came out on day or later; n: none. */
uint32_t history_from(const struct history *h, struct history_list list, int32_t day);
/* The first of the market's films (a private list) whose mean is its level on day: those of the last 378 days, or the
 * last 300 where they are fewer than 50. */
uint32_t history_level_from(const struct history *h, struct history_list market, int32_t day);
/* The same with other constants; private only. */
struct history_mean history_decayed(const struct history *h, struct history_list list, int32_t day, double prior,
                                    double shrink, double half_life);

double history_round(double v); /* to a hundredth: what a published figure keeps */
/* Mean by pairwise summation; NaN for n = 0. */
double mean_of(const double *x, size_t n);

#endif
