/* Keys of a film's entities (film_keys.h). */
#include "common/forecast/film_keys.h"

#include "common/base/date.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define YEARS 365.25

/* Shrinkage and half-life as measured on the real data. */
const struct entity_kind entity_kinds[ENTITY__COUNT] = {
    [ENTITY_DIRECTOR] = {"director", false, 1.5, 6 * YEARS},
    [ENTITY_ACTOR] = {"actor", false, 2.5, 6 * YEARS},
    [ENTITY_LEAD] = {"lead", false, 1.5, 5 * YEARS},
    [ENTITY_SERIES] = {"series", false, 1, 10 * YEARS},
    [ENTITY_DISTRIBUTOR] = {"distributor", true, 3, 3 * YEARS},
    [ENTITY_DISTRIBUTOR_COUNTRY] = {"distributor_country", true, 3, 4 * YEARS},
    [ENTITY_DISTRIBUTOR_GENRE] = {"distributor_genre", true, 3, 4 * YEARS},
    [ENTITY_GENRE_COUNTRY] = {"genre_country", true, 10, 4 * YEARS},
    [ENTITY_GENRE_MONTH] = {"genre_month", true, 5, 8 * YEARS},
    [ENTITY_COUNTRY] = {"country", true, 5, 4 * YEARS},
    [ENTITY_MARKET] = {"market", true, 0, 1 * YEARS},
};

int entity_find(struct str name)
{
    for (int i = 0; i < ENTITY__COUNT; i++) {
        if (str_is(name, entity_kinds[i].name)) {
            return i;
        }
    }
    return -1;
}

struct film_fields film_fields_of(const struct schema *s)
{
    struct film_fields f;
    const struct {
        const char *name;
        unsigned types;
        int64_t *field;
    } wanted[] = {
        {"title", 1U << FIELD_TEXT, &f.title},
        {"original_title", 1U << FIELD_TEXT, &f.original_title},
        {"release_date", 1U << FIELD_DATE, &f.date},
        {"genres", 1U << FIELD_LIST, &f.genres},
        {"countries", 1U << FIELD_LIST, &f.countries},
        {"distributor", 1U << FIELD_CATEGORY | 1U << FIELD_TEXT, &f.distributor},
        {"directors", 1U << FIELD_LIST, &f.directors},
        {"actors", 1U << FIELD_LIST, &f.actors},
        {"screens", 1U << FIELD_INTEGER | 1U << FIELD_NUMBER, &f.screens},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        int64_t k = schema_find(s, str_of(wanted[i].name));
        *wanted[i].field = k >= 0 && wanted[i].types & 1U << schema_field(s, (uint32_t)k)->type ? k : -1;
    }
    return f;
}

static const struct value *given(const struct row *row, int64_t field)
{
    return field >= 0 && row->values[field].present ? &row->values[field] : NULL;
}

/* ---- people ---------------------------------------------------------------------------------------------------- */

/* "Downey, Jr." and the like: what follows the comma belongs to the name, it is no first name. */
static bool is_suffix(struct str s)
{
    static const char *const suffixes[] = {"jr", "sr", "ii", "iii", "iv"};
    char folded[8];
    size_t n = text_fold_into(folded, sizeof folded, s);
    for (size_t i = 0; n != SIZE_MAX && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (str_is((struct str){folded, n}, suffixes[i])) {
            return true;
        }
    }
    return false;
}

bool person_key(struct str name, struct arena *a, struct str *out)
{
    const char *comma = name.n ? memchr(name.p, ',', name.n) : NULL;
    if (comma) {
        struct str last = {name.p, (size_t)(comma - name.p)};
        struct str first = {comma + 1, name.n - last.n - 1};
        bool one = memchr(first.p, ',', first.n) == NULL;
        if (one && str_trim(first).n > 0 && str_trim(last).n > 0 && !is_suffix(first)) {
            struct buf b;
            buf_init(&b, a, 0);
            buf_str(&b, first);
            buf_char(&b, ' ');
            buf_str(&b, last);
            return b.failed == MRC_OK && text_fold(a, buf_text(&b), out);
        }
    }
    return text_fold(a, name, out);
}

static bool read_people(const struct value *v, uint32_t max, struct arena *a, struct str *keys, uint32_t *n)
{
    *n = 0;
    for (uint32_t i = 0; v && i < v->n_items && i < max; i++) {
        if (!person_key(v->items[i], a, &keys[i])) {
            return false;
        }
        *n += 1;
    }
    return true;
}

/* ---- genre and country ----------------------------------------------------------------------------------------- */

/* Values that say "not told": a list may begin with them when only what is not the main one is known. */
static bool says_nothing(struct str s)
{
    return str_is(s, "Divers") || str_is(s, "ZZ");
}

static bool read_main(const struct value *v, struct arena *a, struct str *out)
{
    *out = STR("");
    return !v || v->n_items == 0 || says_nothing(v->items[0]) || text_fold(a, v->items[0], out);
}

static const char *country_group(struct str folded)
{
    static const char *const own[] = {"fr", "us", "gb", "be"};
    static const char *const europe[] = {"it", "de", "es", "dk", "se", "no", "ch", "nl", "pl"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (str_is(folded, own[i])) {
            return own[i];
        }
    }
    for (size_t i = 0; i < sizeof europe / sizeof europe[0]; i++) {
        if (str_is(folded, europe[i])) {
            return "eu";
        }
    }
    return folded.n > 0 ? "xx" : "";
}

/* ---- a film ---------------------------------------------------------------------------------------------------- */

static bool read_titles(struct film_keys *k, const struct value *title, const struct value *original, struct arena *a)
{
    uint32_t n = 0;
    if (title && !title_keys(title->text, "", a, k->titles, &k->n_own_titles)) {
        return false;
    }
    if (original && !title_keys(original->text, "o", a, k->titles + k->n_own_titles, &n)) {
        return false;
    }
    k->n_titles = k->n_own_titles + n;
    k->same_title = title && original && text_fold_equal(title->text, original->text);
    return true;
}

bool film_keys_read(struct film_keys *k, const struct film_fields *f, const struct row *row, struct arena *a)
{
    const struct value *date = given(row, f->date), *screens = given(row, f->screens);
    const struct value *house = given(row, f->distributor);
    *k = (struct film_keys){.date = date ? date->date : DATE_NONE,
                            .screens = screens ? screens->number : NAN,
                            .has_distributor = house != NULL,
                            .distributor = STR("")};
    if ((house && !text_fold(a, house->text, &k->distributor)) || !read_main(given(row, f->genres), a, &k->genre) ||
        !read_main(given(row, f->countries), a, &k->country)) {
        return false;
    }
    k->group = country_group(k->country);
    return read_people(given(row, f->directors), KEYS_DIRECTORS_MAX, a, k->directors, &k->n_directors) &&
           read_people(given(row, f->actors), KEYS_ACTORS_MAX, a, k->actors, &k->n_actors) &&
           read_titles(k, given(row, f->title), given(row, f->original_title), a);
}

static bool pair(struct str first, struct str second, struct arena *a, struct str *out)
{
    struct buf b;
    buf_init(&b, a, 0);
    buf_str(&b, first);
    buf_char(&b, '|'); /* in no folded text */
    buf_str(&b, second);
    *out = buf_text(&b);
    return b.failed == MRC_OK;
}

bool film_key(const struct film_keys *k, enum entity kind, uint32_t item, struct arena *a, struct str *out, bool *has)
{
    char month[4];
    *out = STR("");
    *has = true;
    switch (kind) {
    case ENTITY_DIRECTOR:
        *has = item < k->n_directors;
        *out = *has ? k->directors[item] : *out;
        return true;
    case ENTITY_ACTOR:
    case ENTITY_LEAD:
        *has = item < k->n_actors && (kind == ENTITY_ACTOR || item < KEYS_LEADS);
        *out = *has ? k->actors[item] : *out;
        return true;
    case ENTITY_SERIES:
        *has = item < k->n_titles;
        *out = *has ? k->titles[item] : *out;
        return true;
    case ENTITY_DISTRIBUTOR:
        *has = k->has_distributor;
        *out = k->distributor;
        return true;
    case ENTITY_DISTRIBUTOR_COUNTRY:
        *has = k->has_distributor;
        return pair(k->distributor, str_of(k->group), a, out);
    case ENTITY_DISTRIBUTOR_GENRE:
        *has = k->has_distributor;
        return pair(k->distributor, k->genre, a, out);
    case ENTITY_GENRE_COUNTRY:
        return pair(k->genre, str_of(k->group), a, out);
    case ENTITY_GENRE_MONTH:
        *has = k->date != DATE_NONE;
        snprintf(month, sizeof month, "%02u", (unsigned)date_to_civil(k->date).month % 100);
        return pair(k->genre, str_of(month), a, out);
    case ENTITY_COUNTRY:
        *out = k->country;
        return true;
    case ENTITY_MARKET:
    case ENTITY__COUNT:
        break;
    }
    return true;
}

uint32_t film_keys_taught(const struct film_keys *k, enum entity kind)
{
    switch (kind) {
    case ENTITY_DIRECTOR:
        return k->n_directors;
    case ENTITY_ACTOR:
        return k->n_actors;
    case ENTITY_LEAD:
        return k->n_actors < KEYS_LEADS ? k->n_actors : KEYS_LEADS;
    case ENTITY_SERIES: /* an original title that is the title teaches nothing of its own */
        return k->same_title ? k->n_own_titles : k->n_titles;
    case ENTITY_DISTRIBUTOR:
    case ENTITY_DISTRIBUTOR_COUNTRY:
    case ENTITY_DISTRIBUTOR_GENRE:
        return k->has_distributor;
    default:
        return 1;
    }
}
