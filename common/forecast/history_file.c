/* tables/history.json: histories written and read back, and the published form made (history.h, models/FORMAT.md). */
#include "common/forecast/history_state.h"

#include "common/base/date.h"
#include "common/base/json.h"

#include <math.h>
#include <stdlib.h>

enum { NAME_MAX_BYTES = 2048, ENTRIES_MAX = 1000000000, SCREENS_MAX = 1000000 };

/* ---- writing --------------------------------------------------------------------------------------------------- */

static void put_date(struct json_out *w, const char *key, int32_t date)
{
    char text[DATE_TEXT];
    json_put_key(w, key);
    if (date == DATE_NONE) {
        json_put_null(w);
    } else {
        date_format(date, text);
        json_put_cstr(w, text);
    }
}

/* What the figures were computed with: another program must use the same. */
static void put_kinds(struct json_out *w)
{
    json_put_key(w, "kinds");
    json_open_object(w);
    for (int k = 0; k < ENTITY__COUNT; k++) {
        json_put_key(w, entity_kinds[k].name);
        json_open_array(w);
        json_put_double(w, entity_kinds[k].shrink);
        json_put_double(w, entity_kinds[k].half_life);
        json_close_array(w);
    }
    json_close_object(w);
}

struct named {
    struct str key;
    uint32_t entity;
};

static int by_key(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    return str_cmp(x->key, y->key);
}

/* Entities kind by kind, by name: the order does not tell who was taught first. number: [n_entities] their places. */
static int put_entities(const struct history *h, struct json_out *w, uint32_t *number, struct mrc_err *err)
{
    struct named *order = calloc((size_t)h->n_entities + 1, sizeof *order);
    if (!order) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for %u names", h->n_entities);
    }
    uint32_t next = 0;
    json_put_key(w, "entities");
    json_open_object(w);
    for (int kind = 0; kind < ENTITY__COUNT; kind++) {
        size_t n = 0;
        for (uint32_t i = 0; i < h->n_entities; i++) {
            if (h->entities[i].kind == kind && h->entities[i].n > 0) {
                order[n++] = (struct named){h->entities[i].key, i};
            }
        }
        qsort(order, n, sizeof *order, by_key);
        json_put_key(w, entity_kinds[kind].name);
        json_open_array(w);
        for (size_t i = 0; i < n; i++) {
            const struct history_entity *e = &h->entities[order[i].entity];
            if (h->published) {
                json_open_array(w);
                json_put_str(w, e->key);
                json_put_u64(w, e->n);
                json_put_double(w, e->mean);
                json_put_double(w, e->weight);
                json_close_array(w);
            } else {
                json_put_str(w, e->key);
            }
            number[order[i].entity] = next++;
        }
        json_close_array(w);
    }
    json_close_object(w);
    free(order);
    return MRC_OK;
}

/* [id, date, entries, screens, panel, entities] */
static void put_films(const struct history *h, struct json_out *w, const uint32_t *number)
{
    char date[DATE_TEXT];
    json_put_key(w, "films");
    json_open_array(w);
    for (uint32_t i = 0; i < h->n_taught; i++) {
        const struct taught *t = &h->taught[i];
        json_open_array(w);
        json_put_str(w, t->id);
        date_format(t->date, date);
        json_put_cstr(w, date);
        json_put_double(w, t->entries);
        json_put_double(w, t->screens); /* NaN becomes null */
        json_put_i64(w, t->panel);
        json_open_array(w);
        for (uint32_t k = 0; k < t->n_keys; k++) {
            json_put_u64(w, number[t->keys[k]]);
        }
        json_close_array(w);
        json_close_array(w);
    }
    json_close_array(w);
}

int history_write(const struct history *h, struct buf *out, struct mrc_err *err)
{
    if (!h->sealed) {
        return mrc_fail(err, MRC_EBUG, "histories are written before they are sealed");
    }
    uint32_t *number = calloc((size_t)h->n_entities + 1, sizeof *number);
    if (!number) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for %u names", h->n_entities);
    }
    struct json_out w;
    json_out_init(&w, out);
    json_open_object(&w);
    json_pair_i64(&w, "format", 1);
    json_pair_cstr(&w, "form", h->published ? "published" : "private");
    put_date(&w, "as_of", h->as_of);
    put_date(&w, "complete", h->complete);
    put_kinds(&w);
    int rc = put_entities(h, &w, number, err);
    if (rc == MRC_OK && !h->published) {
        put_films(h, &w, number);
    }
    json_close_object(&w);
    buf_char(out, '\n');
    free(number);
    return rc < 0 ? rc : buf_ok(out, err);
}

/* ---- the published form ---------------------------------------------------------------------------------------- */

/* What is published of an entity's films. */
static int publish_figures(const struct history *h, const struct history_entity *from, struct history_entity *to,
                           struct mrc_err *err)
{
    struct history_list list = {.films = h->lists + from->first, .n = from->n};
    struct history_mean m = history_decayed(h, list, h->as_of, 0, 0, entity_kinds[from->kind].half_life);
    if (from->kind == ENTITY_MARKET) { /* its level follows the years sooner than a mean of all of them */
        uint32_t first = history_level_from(h, list, h->as_of + HISTORY_KNOWN_DAYS);
        double *e = malloc((list.n - first) * sizeof *e);
        if (!e) {
            return mrc_fail(err, MRC_ENOMEM, "no memory to publish histories");
        }
        for (uint32_t i = first; i < list.n; i++) {
            e[i - first] = history_film(h, list.films[i])->e;
        }
        m.mean = mean_of(e, list.n - first);
        free(e);
    }
    to->n = from->n;
    to->mean = history_round(m.mean);
    to->weight = history_round(m.weight);
    return MRC_OK;
}

int history_publish(struct history **out, const struct history *h, struct mrc_err *err)
{
    struct history *p;
    if (!h->sealed || h->published) {
        return mrc_fail(err, MRC_EBUG, "only sealed private histories are published");
    }
    MRC_TRY(history_new(&p, err));
    p->as_of = h->as_of;
    p->complete = h->complete;
    int rc = MRC_OK;
    for (uint32_t i = 0; rc == MRC_OK && i < h->n_entities; i++) {
        const struct history_entity *e = &h->entities[i];
        if (e->n < HISTORY_FILMS_MIN) {
            continue;
        }
        uint32_t k;
        rc = history_entity(p, (enum entity)e->kind, e->key, &k, err);
        rc = rc == MRC_OK ? publish_figures(h, e, &p->entities[k], err) : rc;
    }
    p->sealed = p->published = true;
    if (rc < 0) {
        history_free(p);
        return rc;
    }
    *out = p;
    return MRC_OK;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static int read_date(const struct json *v, int32_t *out, struct mrc_err *err)
{
    struct str text;
    *out = DATE_NONE;
    if (json_type(v) == JSON_NULL) {
        return MRC_OK;
    }
    *out = json_str(v, &text) ? date_parse(text, NULL) : DATE_NONE;
    return *out != DATE_NONE ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "a date like \"2026-12-31\" is missing");
}

static int check_kinds(const struct json *root, struct mrc_err *err)
{
    const struct json *kinds;
    MRC_TRY(json_get(root, "kinds", JSON_OBJECT, &kinds, err));
    for (int k = 0; k < ENTITY__COUNT; k++) {
        const struct json *pair = json_find(kinds, entity_kinds[k].name);
        double shrink, half_life;
        if (!json_double(json_at(pair, 0), &shrink) || !json_double(json_at(pair, 1), &half_life) ||
            shrink != entity_kinds[k].shrink || half_life != entity_kinds[k].half_life) {
            return mrc_fail(err, MRC_EUNSUPPORTED, "kind \"%s\" has another shrinkage or half-life than this version's",
                            entity_kinds[k].name);
        }
    }
    return MRC_OK;
}

static int read_figures(const struct json *item, struct history_entity *e, struct mrc_err *err)
{
    int64_t n;
    if (json_count(item) != 4 || !json_i64(json_at(item, 1), &n) || n < 1 || n > HISTORY_FILMS_MAX ||
        !json_double(json_at(item, 2), &e->mean) || !json_double(json_at(item, 3), &e->weight) || e->weight < 0 ||
        fabs(e->mean) > 12 || e->weight > HISTORY_FILMS_MAX) {
        return mrc_fail(err, MRC_EFORMAT, "\"%.*s\" is not [name, films, mean, weight]", STR_ARG(e->key));
    }
    e->n = (uint32_t)n;
    return MRC_OK;
}

static int read_entity(struct history *h, enum entity kind, const struct json *item, struct mrc_err *err)
{
    struct str key;
    uint32_t k, before = h->n_entities;
    const struct json *name = h->published ? json_at(item, 0) : item;
    if (!json_str(name, &key) || key.n > NAME_MAX_BYTES) {
        return mrc_fail(err, MRC_EFORMAT, "a name is no string, or longer than %d bytes", NAME_MAX_BYTES);
    }
    MRC_TRY(history_entity(h, kind, key, &k, err));
    if (k != before) {
        return mrc_fail(err, MRC_EFORMAT, "\"%.*s\" stands twice", STR_ARG(key));
    }
    return h->published ? read_figures(item, &h->entities[k], err) : MRC_OK;
}

static int read_entities(struct history *h, const struct json *root, struct mrc_err *err)
{
    const struct json *entities;
    MRC_TRY(json_get(root, "entities", JSON_OBJECT, &entities, err));
    for (int kind = 0; kind < ENTITY__COUNT; kind++) {
        const struct json *list;
        MRC_TRY(json_get(entities, entity_kinds[kind].name, JSON_ARRAY, &list, err));
        for (const struct json *item = json_first(list); item; item = json_next(item)) {
            int rc = read_entity(h, (enum entity)kind, item, err);
            if (rc < 0) {
                return err ? err_wrap(err, "%s", entity_kinds[kind].name) : rc;
            }
        }
    }
    return MRC_OK;
}

static int read_keys(struct history *h, const struct json *list, struct taught *t, struct mrc_err *err)
{
    size_t n = json_count(list);
    uint32_t *keys = json_type(list) == JSON_ARRAY && n <= KEYS_MAX ? ARENA_ARRAY(&h->arena, n, uint32_t) : NULL;
    if (!keys) {
        return n > KEYS_MAX || json_type(list) != JSON_ARRAY
                   ? mrc_fail(err, MRC_EFORMAT, "its entities are no list of at most %d numbers", KEYS_MAX)
                   : arena_fail(&h->arena, err);
    }
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        int64_t k;
        if (!json_i64(item, &k) || k < 0 || k >= h->n_entities) {
            return mrc_fail(err, MRC_EFORMAT, "one of its entities is not 0 to %u", h->n_entities);
        }
        keys[t->n_keys++] = (uint32_t)k;
    }
    t->keys = keys;
    return MRC_OK;
}

/* item: the first of six values. */
static int read_film(struct history *h, const struct json *v, struct mrc_err *err)
{
    struct taught t = {.screens = NAN};
    struct str id;
    int64_t panel;
    if (!json_str(v, &id) || id.n > NAME_MAX_BYTES) {
        return mrc_fail(err, MRC_EFORMAT, "its id is no string");
    }
    v = json_next(v);
    MRC_TRY(read_date(v, &t.date, err));
    v = json_next(v);
    if (t.date == DATE_NONE || !json_double(v, &t.entries) || !(t.entries >= 1 && t.entries <= ENTRIES_MAX)) {
        return mrc_fail(err, MRC_EFORMAT, "its date or its entries are missing or out of range");
    }
    v = json_next(v);
    if (json_type(v) != JSON_NULL && (!json_double(v, &t.screens) || !(t.screens > 0 && t.screens <= SCREENS_MAX))) {
        return mrc_fail(err, MRC_EFORMAT, "its screens are out of range");
    }
    v = json_next(v);
    if (!json_i64(v, &panel) || panel < 0 || panel > 1) {
        return mrc_fail(err, MRC_EFORMAT, "its fifth value is not 0 or 1");
    }
    t.panel = panel == 1;
    MRC_TRY(read_keys(h, json_next(v), &t, err));
    return str_copy(&h->arena, id, &t.id) ? history_add(h, &t, err) : arena_fail(&h->arena, err);
}

static int read_films(struct history *h, const struct json *root, struct mrc_err *err)
{
    const struct json *films;
    MRC_TRY(json_get(root, "films", JSON_ARRAY, &films, err));
    for (const struct json *item = json_first(films); item; item = json_next(item)) {
        int rc = json_count(item) == 6 ? read_film(h, json_first(item), err)
                                       : mrc_fail(err, MRC_EFORMAT, "a film is a list of six values");
        if (rc < 0) {
            return err ? err_wrap(err, "film %u", h->n_taught) : rc;
        }
    }
    return MRC_OK;
}

static int read_root(struct history *h, const struct json *root, struct mrc_err *err)
{
    int64_t format;
    struct str form;
    int32_t as_of, complete;
    MRC_TRY(json_get_i64(root, "format", 1, 1, &format, err));
    MRC_TRY(json_get_str(root, "form", &form, err));
    if (!str_is(form, "private") && !str_is(form, "published")) {
        return mrc_fail(err, MRC_EFORMAT, "\"form\" is private or published, not \"%.*s\"", STR_ARG(form));
    }
    MRC_TRY(read_date(json_find(root, "as_of"), &as_of, err));
    MRC_TRY(read_date(json_find(root, "complete"), &complete, err));
    MRC_TRY(check_kinds(root, err));
    h->published = str_is(form, "published");
    MRC_TRY(read_entities(h, root, err));
    if (!h->published) {
        MRC_TRY(read_films(h, root, err));
        history_set_complete(h, complete);
        MRC_TRY(history_seal(h, err));
        return h->as_of == as_of ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "\"as_of\" is not the newest film's date");
    }
    h->as_of = as_of;
    h->complete = complete;
    h->sealed = true;
    return as_of != DATE_NONE ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "\"as_of\" is no date");
}

int history_read(struct history **out, struct str json, struct mrc_err *err)
{
    struct json_doc *doc;
    struct history *h = NULL;
    MRC_TRY(json_read(&doc, json, &json_limits_file, NULL, err));
    int rc = history_new(&h, err);
    if (rc == MRC_OK) {
        rc = read_root(h, json_root(doc), err);
    }
    json_free(doc);
    if (rc < 0) {
        history_free(h);
        return rc;
    }
    *out = h;
    return MRC_OK;
}
