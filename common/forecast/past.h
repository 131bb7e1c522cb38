/* One film's view of the past: the statistics of its people, distributor, genre, country, series and market, as they
 * were known on a day. What several features share is computed once. */
#ifndef MRC_FORECAST_PAST_H
#define MRC_FORECAST_PAST_H

#include "common/forecast/history.h"

enum { PAST_ITEMS_MAX = 5 };

struct past_group {
    bool done;
    uint32_t n; /* people or title keys the film has */
    struct history_list lists[PAST_ITEMS_MAX];
    double means[PAST_ITEMS_MAX];
};

struct past {
    const struct history *h;
    const struct film_keys *keys;
    struct arena *a;
    int32_t day;
    uint32_t known;    /* films that are not the future */
    int32_t until;     /* the day the tables end; at most HISTORY_KNOWN_DAYS before day */
    bool as_published; /* answer as a published history would */
    bool failed;       /* no memory: answers are worthless */
    bool has_level;
    double level;
    struct past_group groups[ENTITY__COUNT];
    struct {
        bool done;
        struct history_list list;
        struct history_mean mean;
    } single[ENTITY__COUNT];
};

/* keys: of the film, for which statistics are asked as on `day`. known_until: the day the tables end (DATE_NONE: the
 * newest film taught); films released less than HISTORY_KNOWN_DAYS before `day` are never known. Temporary memory comes
 * from a; `failed` is to be looked at in the end. */
void past_open(struct past *p, const struct history *h, const struct film_keys *keys, int32_t day, int32_t known_until,
               bool as_published, struct arena *a);

/* The statistics: what a feature list may ask of a kind of entity. */
struct past_stat {
    const char *name;
    unsigned kinds; /* 1 << enum entity */
    bool published; /* a published history can answer it */
    double (*ask)(struct past *p, enum entity kind);
};
const struct past_stat *past_stat_find(struct str name); /* NULL: none */

/* Mean log10 first week of the market's films of the last year. */
double past_level(struct past *p);
/* What a planner would guess of a film before any model, log10; level: past_level of the day. Private only. */
double past_guess(struct past *p, double level);

#endif
