/* Inside a history: shared by history.c, which teaches and answers, and history_file.c, which writes and reads. */
#ifndef MRC_FORECAST_HISTORY_STATE_H
#define MRC_FORECAST_HISTORY_STATE_H

#include "common/forecast/history.h"

enum { ENTITIES_MAX = 16 << 20 };

struct history_entity {
    struct str key;
    uint8_t kind;
    uint32_t n;          /* films; published: the count */
    size_t first;        /* place of its list */
    double mean, weight; /* published */
};

/* A film as it was taught. */
struct taught {
    struct str id;
    int32_t date;
    double entries, screens; /* screens: NaN unknown */
    const uint32_t *keys;    /* [n_keys] entities */
    uint32_t n_keys;
    uint32_t order; /* of teaching: the latest with an id holds */
    bool panel;
};

struct history {
    struct arena arena; /* names, ids, keys */
    struct taught *taught;
    uint32_t n_taught, cap_taught;
    struct history_entity *entities;
    uint32_t n_entities, cap_entities;
    uint32_t *slots; /* [n_slots] a power of two: entity + 1, 0 = free */
    uint32_t n_slots;
    struct history_film *films; /* [n_taught], sealed */
    uint32_t *lists;
    int32_t as_of, complete, complete_given;
    bool sealed, published;
};

/* The entity of a name, made when there is none. */
int history_entity(struct history *h, enum entity kind, struct str key, uint32_t *out, struct mrc_err *err) MRC_CHECKED;
/* Add a film; its keys and id live in the arena. */
int history_add(struct history *h, const struct taught *film, struct mrc_err *err) MRC_CHECKED;

#endif
