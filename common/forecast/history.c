/* Histories (history.h): films and entities while they are taught, lists in time order once sealed, and means. */
#include "common/forecast/history_state.h"

#include "common/base/date.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- entities by name ------------------------------------------------------------------------------------------ */

static uint32_t hash_key(enum entity kind, struct str key)
{
    uint32_t h = 2166136261u ^ (uint32_t)kind * 0x9e3779b9u;
    for (size_t i = 0; i < key.n; i++) {
        h = (h ^ (unsigned char)key.p[i]) * 16777619u; /* FNV-1a */
    }
    return h ^ h >> 15;
}

/* The slot of the key: holding it, or free. There is always a free one. */
static uint32_t *find_slot(const struct history *h, enum entity kind, struct str key)
{
    uint32_t mask = h->n_slots - 1, i = hash_key(kind, key) & mask;
    for (; h->slots[i] != 0; i = (i + 1) & mask) {
        const struct history_entity *e = &h->entities[h->slots[i] - 1];
        if (e->kind == (uint8_t)kind && str_eq(e->key, key)) {
            break;
        }
    }
    return &h->slots[i];
}

static int grow_slots(struct history *h, struct mrc_err *err)
{
    uint32_t n = h->n_slots ? h->n_slots * 2 : 1024;
    uint32_t *old = h->slots;
    h->slots = calloc(n, sizeof *h->slots);
    if (!h->slots) {
        h->slots = old;
        return mrc_fail(err, MRC_ENOMEM, "no memory for %u names", n);
    }
    h->n_slots = n;
    for (uint32_t i = 0; i < h->n_entities; i++) {
        *find_slot(h, (enum entity)h->entities[i].kind, h->entities[i].key) = i + 1;
    }
    free(old);
    return MRC_OK;
}

int history_entity(struct history *h, enum entity kind, struct str key, uint32_t *out, struct mrc_err *err)
{
    if (h->n_entities >= h->n_slots / 2) {
        MRC_TRY(grow_slots(h, err));
    }
    uint32_t *slot = find_slot(h, kind, key);
    if (*slot == 0) {
        if (h->n_entities == h->cap_entities) {
            uint32_t cap = h->cap_entities ? h->cap_entities * 2 : 1024;
            struct history_entity *p = cap <= ENTITIES_MAX ? realloc(h->entities, (size_t)cap * sizeof *p) : NULL;
            if (!p) {
                return mrc_fail(err, cap <= ENTITIES_MAX ? MRC_ENOMEM : MRC_ELIMIT, "%u names are too many", cap);
            }
            h->entities = p;
            h->cap_entities = cap;
        }
        struct history_entity *e = &h->entities[h->n_entities];
        *e = (struct history_entity){.kind = (uint8_t)kind};
        if (!str_copy(&h->arena, key, &e->key)) {
            return arena_fail(&h->arena, err);
        }
        *slot = ++h->n_entities;
    }
    *out = *slot - 1;
    return MRC_OK;
}

/* ---- teaching -------------------------------------------------------------------------------------------------- */

int history_new(struct history **out, struct mrc_err *err)
{
    struct history *h = calloc(1, sizeof *h);
    if (!h) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for histories");
    }
    arena_init(&h->arena, 0);
    h->as_of = h->complete = h->complete_given = DATE_NONE;
    *out = h;
    return MRC_OK;
}

void history_free(struct history *h)
{
    if (h) {
        free(h->taught);
        free(h->entities);
        free(h->slots);
        free(h->films);
        free(h->lists);
        arena_release(&h->arena);
        free(h);
    }
}

void history_set_complete(struct history *h, int32_t until)
{
    h->complete_given = until;
    h->sealed = h->sealed && h->published;
}

int history_add(struct history *h, const struct taught *film, struct mrc_err *err)
{
    if (h->n_taught == h->cap_taught) {
        uint32_t cap = h->cap_taught ? h->cap_taught * 2 : 1024;
        struct taught *p = cap <= HISTORY_FILMS_MAX ? realloc(h->taught, (size_t)cap * sizeof *p) : NULL;
        if (!p) {
            return mrc_fail(err, cap <= HISTORY_FILMS_MAX ? MRC_ENOMEM : MRC_ELIMIT, "%u films are too many", cap);
        }
        h->taught = p;
        h->cap_taught = cap;
    }
    h->taught[h->n_taught] = *film;
    h->taught[h->n_taught].order = h->n_taught;
    h->n_taught++;
    h->sealed = false;
    return MRC_OK;
}

static int teach_keys(struct history *h, const struct film_keys *k, struct arena *scratch, struct taught *film,
                      struct mrc_err *err)
{
    uint32_t keys[KEYS_MAX];
    for (int kind = 0; kind < ENTITY__COUNT; kind++) {
        uint32_t n = film->panel || !entity_kinds[kind].panel ? film_keys_taught(k, (enum entity)kind) : 0;
        for (uint32_t i = 0; i < n && film->n_keys < KEYS_MAX; i++) {
            struct str key;
            bool has;
            if (!film_key(k, (enum entity)kind, i, scratch, &key, &has)) {
                return arena_fail(scratch, err);
            }
            if (has) {
                MRC_TRY(history_entity(h, (enum entity)kind, key, &keys[film->n_keys], err));
                film->n_keys++;
            }
        }
    }
    uint32_t *own = ARENA_ARRAY(&h->arena, film->n_keys, uint32_t);
    if (!own) {
        return arena_fail(&h->arena, err);
    }
    memcpy(own, keys, film->n_keys * sizeof *own);
    film->keys = own;
    return MRC_OK;
}

int history_learn(struct history *h, const struct film_fields *fields, const struct row *row, struct str id,
                  double entries, bool panel, struct mrc_err *err)
{
    if (h->published || !(entries >= 0) || !isfinite(entries)) {
        return mrc_fail(err, MRC_EINVAL, "%s",
                        h->published ? "published histories cannot be taught"
                                     : "a film without a number of entries teaches nothing");
    }
    struct arena scratch;
    struct film_keys k;
    struct taught film = {.entries = fmax(1, entries), .panel = panel};
    arena_init(&scratch, 0);
    int rc = film_keys_read(&k, fields, row, &scratch) ? MRC_OK : arena_fail(&scratch, err);
    if (rc == MRC_OK && k.date == DATE_NONE) {
        rc = mrc_fail(err, MRC_EINVAL, "a film without a release date teaches nothing");
    }
    if (rc == MRC_OK) {
        film.date = k.date;
        film.screens = k.screens > 0 ? k.screens : NAN;
        rc = teach_keys(h, &k, &scratch, &film, err);
    }
    arena_release(&scratch);
    if (rc == MRC_OK && !str_copy(&h->arena, id, &film.id)) {
        rc = arena_fail(&h->arena, err);
    }
    return rc < 0 ? rc : history_add(h, &film, err);
}

/* ---- sealing --------------------------------------------------------------------------------------------------- */

static int compare_numbers(double a, double b)
{
    return (a > b) - (a < b);
}

static int by_id(const void *a, const void *b)
{
    const struct taught *x = a, *y = b;
    int c = str_cmp(x->id, y->id);
    return c ? c : (x->order > y->order) - (x->order < y->order);
}

static int by_date(const void *a, const void *b)
{
    const struct taught *x = a, *y = b;
    int c = (x->date > y->date) - (x->date < y->date);
    c = c ? c : str_cmp(x->id, y->id);
    c = c ? c : compare_numbers(x->entries, y->entries);
    c = c ? c : compare_numbers(x->screens, y->screens);
    return c ? c : (x->order > y->order) - (x->order < y->order);
}

/* One film an id, the one taught last; in time order. */
static void put_in_order(struct history *h)
{
    uint32_t kept = 0;
    qsort(h->taught, h->n_taught, sizeof *h->taught, by_id);
    for (uint32_t i = 0; i < h->n_taught; i++) {
        bool replaced = h->taught[i].id.n > 0 && i + 1 < h->n_taught && str_eq(h->taught[i].id, h->taught[i + 1].id);
        if (!replaced) {
            h->taught[kept++] = h->taught[i];
        }
    }
    h->n_taught = kept;
    qsort(h->taught, kept, sizeof *h->taught, by_date);
    for (uint32_t i = 0; i < kept; i++) {
        h->taught[i].order = i;
    }
}

static struct history_film describe(const struct taught *t)
{
    int iso_year, week;
    date_iso_week(t->date, &iso_year, &week);
    return (struct history_film){.date = t->date,
                                 .week = (uint8_t)week,
                                 .year = (int16_t)date_to_civil(t->date).year,
                                 .entries = t->entries,
                                 .e = log10(t->entries),
                                 .s = log10(t->screens)};
}

/* Each entity's films, one behind the other. */
static int make_lists(struct history *h, struct mrc_err *err)
{
    size_t total = 0;
    for (uint32_t i = 0; i < h->n_entities; i++) {
        h->entities[i].n = 0;
    }
    for (uint32_t i = 0; i < h->n_taught; i++) {
        for (uint32_t k = 0; k < h->taught[i].n_keys; k++) {
            h->entities[h->taught[i].keys[k]].n++;
        }
        total += h->taught[i].n_keys;
    }
    free(h->films);
    free(h->lists);
    h->films = calloc((size_t)h->n_taught + 1, sizeof *h->films);
    h->lists = calloc(total + 1, sizeof *h->lists);
    if (!h->films || !h->lists) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for the histories of %u films", h->n_taught);
    }
    size_t next = 0;
    for (uint32_t i = 0; i < h->n_entities; i++) {
        h->entities[i].first = next;
        next += h->entities[i].n;
        h->entities[i].n = 0;
    }
    for (uint32_t i = 0; i < h->n_taught; i++) {
        h->films[i] = describe(&h->taught[i]);
        for (uint32_t k = 0; k < h->taught[i].n_keys; k++) {
            struct history_entity *e = &h->entities[h->taught[i].keys[k]];
            h->lists[e->first + e->n++] = i;
        }
    }
    return MRC_OK;
}

int history_seal(struct history *h, struct mrc_err *err)
{
    if (h->sealed || h->published) {
        return MRC_OK;
    }
    if (h->n_slots == 0) {
        MRC_TRY(grow_slots(h, err));
    }
    if (h->n_taught > 0) {
        put_in_order(h);
    }
    MRC_TRY(make_lists(h, err));
    h->as_of = h->n_taught > 0 ? h->taught[h->n_taught - 1].date : DATE_NONE;
    h->complete = h->complete_given;
    for (uint32_t i = h->n_taught; h->complete == DATE_NONE && i-- > 0;) {
        h->complete = h->taught[i].panel ? h->taught[i].date : DATE_NONE;
    }
    h->sealed = true;
    return MRC_OK;
}

/* ---- questions ------------------------------------------------------------------------------------------------- */

bool history_is_published(const struct history *h)
{
    return h->published;
}

int32_t history_as_of(const struct history *h)
{
    return h->as_of;
}

int32_t history_complete(const struct history *h)
{
    return h->complete;
}

size_t history_films(const struct history *h)
{
    return h->published ? 0 : h->n_taught;
}

uint32_t history_known(const struct history *h, int32_t day)
{
    uint32_t low = 0, high = h->published ? 0 : h->n_taught;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (h->films[mid].date <= day) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

const struct history_film *history_film(const struct history *h, uint32_t i)
{
    return &h->films[i];
}

int history_names(const struct history *h, enum entity kind, int (*cb)(struct str name, void *arg), void *arg)
{
    for (uint32_t i = 0; i < h->n_entities; i++) {
        int rc = h->entities[i].kind == kind ? cb(h->entities[i].key, arg) : 0;
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

struct history_list history_find(const struct history *h, enum entity kind, struct str key, uint32_t known)
{
    uint32_t slot = h->n_slots ? *find_slot(h, kind, key) : 0;
    if (slot == 0) {
        return (struct history_list){0};
    }
    const struct history_entity *e = &h->entities[slot - 1];
    if (h->published) {
        return (struct history_list){.n = e->n, .mean = e->mean, .weight = e->weight};
    }
    const uint32_t *films = h->lists + e->first;
    uint32_t low = 0, high = e->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (films[mid] < known) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return (struct history_list){.films = films, .n = low};
}

/* ---- means ----------------------------------------------------------------------------------------------------- */

struct history_mean history_decayed(const struct history *h, struct history_list list, int32_t day, double prior,
                                    double shrink, double half_life)
{
    double weights = 0, sum = 0;
    for (uint32_t i = 0; i < list.n && list.films; i++) {
        const struct history_film *f = &h->films[list.films[i]];
        double w = pow(0.5, (day - f->date) / half_life);
        weights += w;
        sum += w * f->e;
    }
    return weights > 0 ? (struct history_mean){(sum + shrink * prior) / (weights + shrink), weights}
                       : (struct history_mean){prior, 0};
}

double history_round(double v)
{
    return round(v * 100) / 100;
}

struct history_mean history_mean(const struct history *h, enum entity kind, struct history_list list, int32_t day,
                                 double prior, bool as_published)
{
    const struct entity_kind *k = &entity_kinds[kind];
    if (!h->published && !as_published) {
        return history_decayed(h, list, day, prior, k->shrink, k->half_life);
    }
    double mean = list.mean, weight = list.weight;
    if (!h->published) {
        struct history_mean own = history_decayed(h, list, day, 0, 0, k->half_life);
        mean = history_round(own.mean);
        weight = history_round(own.weight);
    } else if (list.n > 0) {
        weight *= pow(0.5, (day - h->as_of) / k->half_life);
    }
    if (list.n < HISTORY_FILMS_MIN || !(weight > 0)) {
        return (struct history_mean){prior, 0};
    }
    return (struct history_mean){(weight * mean + k->shrink * prior) / (weight + k->shrink), weight};
}

uint32_t history_from(const struct history *h, struct history_list list, int32_t day)
{
    uint32_t low = 0, high = list.n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (history_film(h, list.films[mid])->date < day) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

uint32_t history_level_from(const struct history *h, struct history_list market, int32_t day)
{
    enum { DAYS = 378, FILMS_MIN = 50, FILMS = 300 };
    uint32_t first = history_from(h, market, day - DAYS);
    return market.n - first >= FILMS_MIN ? first : market.n > FILMS ? market.n - FILMS : 0;
}

/* The error of a sum by halves grows with log n, and it is the sum that NumPy computes. */
static double sum_pairwise(const double *x, size_t n)
{
    if (n < 8) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += x[i];
        }
        return sum;
    }
    if (n > 128) {
        size_t half = n / 2;
        half -= half % 8;
        return sum_pairwise(x, half) + sum_pairwise(x + half, n - half);
    }
    double r[8];
    size_t i;
    for (i = 0; i < 8; i++) {
        r[i] = x[i];
    }
    for (; i + 8 <= n; i += 8) {
        for (size_t k = 0; k < 8; k++) {
            r[k] += x[i + k];
        }
    }
    double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; i < n; i++) {
        sum += x[i];
    }
    return sum;
}

double mean_of(const double *x, size_t n)
{
    return n ? sum_pairwise(x, n) / (double)n : NAN;
}
