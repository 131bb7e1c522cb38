/* Which entities a film belongs to, by folded names: people, distributor, genre, country, series, and their pairs. */
#ifndef MRC_FORECAST_FILM_KEYS_H
#define MRC_FORECAST_FILM_KEYS_H

#include "common/forecast/row.h"
#include "common/forecast/title.h"

/* Kinds of entities. Names stand in tables and feature lists and never change their meaning. */
enum entity {
    ENTITY_DIRECTOR,
    ENTITY_ACTOR, /* of the first KEYS_ACTORS_MAX */
    ENTITY_LEAD,  /* billed first or second */
    ENTITY_SERIES,
    ENTITY_DISTRIBUTOR,
    ENTITY_DISTRIBUTOR_COUNTRY, /* with the main country's group */
    ENTITY_DISTRIBUTOR_GENRE,
    ENTITY_GENRE_COUNTRY,
    ENTITY_GENRE_MONTH,
    ENTITY_COUNTRY,
    ENTITY_MARKET, /* all listed films */
    ENTITY__COUNT
};

struct entity_kind {
    const char *name;
    bool panel;       /* taught by listed films only */
    double shrink;    /* films that the prior counts for */
    double half_life; /* days after which a film counts half */
};
extern const struct entity_kind entity_kinds[ENTITY__COUNT];
int entity_find(struct str name); /* or -1 */

/* Where a schema has what keys are made of; -1: nowhere. Found by the fields' names. */
struct film_fields {
    int64_t title, original_title, date, genres, countries, distributor, directors, actors, screens;
};
struct film_fields film_fields_of(const struct schema *s);

enum { KEYS_DIRECTORS_MAX = 10, KEYS_ACTORS_MAX = 6, KEYS_LEADS = 2, KEYS_MAX = 32 };

struct film_keys {
    int32_t date; /* DATE_NONE: unknown */
    double screens;
    struct str genre, country; /* main ones, folded; empty: unknown */
    const char *group;         /* of the main country: fr us gb be eu xx, or "" */
    bool has_distributor;      /* given, though its name may fold to nothing */
    struct str distributor;
    struct str directors[KEYS_DIRECTORS_MAX], actors[KEYS_ACTORS_MAX];
    uint32_t n_directors, n_actors;
    struct str titles[2 * TITLE_KEYS_MAX]; /* series; those of the original title last */
    uint32_t n_titles, n_own_titles;
    bool same_title; /* the original title folds to the title */
};
/* Keys of a row in the arena. False without memory. */
bool film_keys_read(struct film_keys *k, const struct film_fields *f, const struct row *row, struct arena *a);

/* One key of a kind: `item` is the place of the person or title key. Empty with *has false when the film has none. */
bool film_key(const struct film_keys *k, enum entity kind, uint32_t item, struct arena *a, struct str *out, bool *has);
/* How many keys of the kind the film teaches. */
uint32_t film_keys_taught(const struct film_keys *k, enum entity kind);

/* A person's key: folded, with "Last, First" turned round. */
bool person_key(struct str name, struct arena *a, struct str *out);

#endif
