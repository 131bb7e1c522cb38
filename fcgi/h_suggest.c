/* GET /suggest: names the active version knows that may be meant. Only names: no count, no figure, no order by either.
 *
 * Best first: the name begins so, a word of it begins so, it contains it, it is nearly it ("did you mean"). */
#include "fcgi/handlers.h"
#include "fcgi/reading.h"

#include "common/forecast/history.h"

#include <string.h>

enum { SHOWN_MAX = 10, NAME_MAX = 120, QUERY_MIN = 2, QUERY_MAX = 80 };

enum match { MATCH_BEGINS, MATCH_WORD, MATCH_INSIDE, MATCH_SIMILAR, MATCH__NONE };
static const char *const match_names[MATCH__NONE] = {"begins", "word", "inside", "similar"};

/* What can be suggested, and the history's entities that carry such names. */
static const struct suggested {
    const char *field;
    int kinds[2]; /* enum entity, or -1 */
} suggested_fields[] = {
    {"distributor", {ENTITY_DISTRIBUTOR, -1}},
    {"directors", {ENTITY_DIRECTOR, -1}},
    {"actors", {ENTITY_ACTOR, ENTITY_LEAD}},
    {"genres", {-1, -1}},
    {"countries", {-1, -1}},
};
static const char expected[] = "Input should be 'distributor', 'directors', 'actors', 'genres' or 'countries'";

struct suggestion {
    struct str key, value; /* folded; as shown */
    enum match match;
    unsigned distance; /* edits, of MATCH_SIMILAR */
};

struct search {
    struct context *c;
    struct str query; /* folded */
    unsigned edits_max;
    struct suggestion best[SHOWN_MAX]; /* [n], best first */
    size_t n;
    bool no_memory;
};

/* ---- comparing ------------------------------------------------------------------------------------------------- */

/* Insertions, deletions, changes and swaps of neighbours that make b of a; anything above max is max + 1. */
static unsigned edits(struct str a, struct str b, unsigned max)
{
    unsigned rows[3][NAME_MAX + 1];
    if (b.n > NAME_MAX || a.n > b.n + max || b.n > a.n + max) {
        return max + 1;
    }
    for (size_t j = 0; j <= b.n; j++) {
        rows[0][j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a.n; i++) {
        unsigned *now = rows[i % 3], *before = rows[(i + 2) % 3], *two_before = rows[(i + 1) % 3], least;
        now[0] = least = (unsigned)i;
        for (size_t j = 1; j <= b.n; j++) {
            unsigned cost = before[j - 1] + (a.p[i - 1] != b.p[j - 1]);
            cost = before[j] + 1 < cost ? before[j] + 1 : cost;
            cost = now[j - 1] + 1 < cost ? now[j - 1] + 1 : cost;
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
                two_before[j - 2] + 1 < cost) {
                cost = two_before[j - 2] + 1;
            }
            now[j] = cost;
            least = cost < least ? cost : least;
        }
        if (least > max) {
            return max + 1;
        }
    }
    return rows[a.n % 3][b.n];
}

/* Edits between the query and the name, or a word of it. */
static unsigned distance_of(const struct search *s, struct str name)
{
    unsigned least = edits(s->query, name, s->edits_max);
    for (size_t start = 0; start < name.n && memchr(s->query.p, ' ', s->query.n) == NULL;) {
        const char *blank = memchr(name.p + start, ' ', name.n - start);
        size_t end = blank == NULL ? name.n : (size_t)(blank - name.p);
        unsigned one = edits(s->query, (struct str){name.p + start, end - start}, s->edits_max);
        least = one < least ? one : least;
        start = end + 1;
    }
    return least;
}

static enum match match_of(const struct search *s, struct str name, unsigned *distance)
{
    struct str q = s->query;
    enum match found = MATCH__NONE;
    *distance = 0;
    for (size_t i = 0; i + q.n <= name.n && found != MATCH_WORD; i++) {
        if (memcmp(name.p + i, q.p, q.n) == 0) {
            if (i == 0) {
                return MATCH_BEGINS;
            }
            found = name.p[i - 1] == ' ' ? MATCH_WORD : MATCH_INSIDE;
        }
    }
    if (found == MATCH__NONE && s->edits_max > 0) {
        *distance = distance_of(s, name);
        found = *distance <= s->edits_max ? MATCH_SIMILAR : found;
    }
    return found;
}

/* ---- collecting ------------------------------------------------------------------------------------------------ */

/* Shorter names first: they are nearer to what was typed. */
static bool better(const struct suggestion *a, const struct suggestion *b)
{
    if (a->match != b->match) {
        return a->match < b->match;
    }
    if (a->distance != b->distance) {
        return a->distance < b->distance;
    }
    return a->key.n != b->key.n ? a->key.n < b->key.n : str_cmp(a->key, b->key) < 0;
}

/* "christopher nolan" was folded: show it with capitals. Names match however they are written. */
static struct str capitals(struct search *s, struct str key)
{
    char *text = arena_copy(s->c->arena, key.p, key.n);
    if (text == NULL) {
        s->no_memory = true;
        return (struct str){"", 0};
    }
    for (size_t i = 0; i < key.n; i++) {
        if ((i == 0 || text[i - 1] == ' ') && text[i] >= 'a' && text[i] <= 'z') {
            text[i] = (char)(text[i] - 'a' + 'A');
        }
    }
    return (struct str){text, key.n};
}

/* value empty: shown as the key with capitals. */
static void offer(struct search *s, struct str key, struct str value)
{
    struct suggestion one = {.key = key, .value = value};
    one.match = match_of(s, key, &one.distance);
    if (one.match == MATCH__NONE || key.n == 0) {
        return;
    }
    for (size_t i = 0; i < s->n; i++) { /* the same name again, or another name of one value */
        if (!str_eq(s->best[i].key, key) && (value.n == 0 || !str_eq(s->best[i].value, value))) {
            continue;
        }
        if (!better(&one, &s->best[i])) {
            return;
        }
        memmove(&s->best[i], &s->best[i + 1], (s->n - i - 1) * sizeof one);
        s->n--;
        break;
    }
    size_t place = 0;
    while (place < s->n && !better(&one, &s->best[place])) {
        place++;
    }
    if (place == SHOWN_MAX) {
        return;
    }
    if (value.n == 0) {
        one.value = capitals(s, key);
    }
    size_t keep = s->n < SHOWN_MAX ? s->n : SHOWN_MAX - 1;
    memmove(&s->best[place + 1], &s->best[place], (keep - place) * sizeof one);
    s->best[place] = one;
    s->n = keep + 1;
}

static int offer_name(struct str name, void *arg)
{
    offer(arg, name, STR(""));
    return 0;
}

/* Of a vocabulary: folded or not. */
static int offer_word(struct str word, void *arg)
{
    struct search *s = arg;
    struct str key;
    if (!text_fold(s->c->arena, word, &key)) {
        s->no_memory = true;
        return 1;
    }
    offer(s, key, str_eq(key, word) ? STR("") : word);
    return 0;
}

static void offer_values(struct search *s, const struct field *f)
{
    for (uint32_t i = 0; i < f->n_values; i++) {
        const struct str texts[] = {f->values[i].value, f->values[i].label_fr, f->values[i].label_en};
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            struct str key;
            if (!text_fold(s->c->arena, texts[k], &key)) {
                s->no_memory = true;
                return;
            }
            offer(s, key, f->values[i].value);
        }
    }
}

static void collect(struct search *s, const struct suggested *what)
{
    const struct bundle *b = s->c->parts->bundle;
    int64_t field = schema_find(b->schema, str_of(what->field));
    if (field < 0) {
        return;
    }
    offer_values(s, schema_field(b->schema, (uint32_t)field));
    for (uint32_t i = 0; i < b->n_models; i++) {
        (void)features_words(b->models[i].features, (uint32_t)field, offer_word, s);
    }
    for (size_t i = 0; i < sizeof what->kinds / sizeof what->kinds[0] && b->history != NULL; i++) {
        if (what->kinds[i] >= 0) {
            (void)history_names(b->history, (enum entity)what->kinds[i], offer_name, s);
        }
    }
}

/* ---- the route ------------------------------------------------------------------------------------------------- */

static int read_query(struct context *c, const struct suggested **what, struct search *s, struct problems *problems,
                      struct mrc_err *err)
{
    struct str field = {"", 0}, q = {"", 0};
    *what = NULL;
    if (!query_find(c, "field", &field)) {
        MRC_TRY(problem_in_query(c, problems, "missing", "field", "Field required", field, err));
    } else {
        for (size_t i = 0; i < sizeof suggested_fields / sizeof suggested_fields[0]; i++) {
            *what = str_is(field, suggested_fields[i].field) ? &suggested_fields[i] : *what;
        }
        if (*what == NULL) {
            MRC_TRY(problem_in_query(c, problems, "literal_error", "field", expected, field, err));
        }
    }
    if (!query_find(c, "q", &q)) {
        return problem_in_query(c, problems, "missing", "q", "Field required", q, err);
    }
    if (utf8_length(q) < QUERY_MIN) {
        return problem_in_query(c, problems, "string_too_short", "q", "String should have at least 2 characters", q,
                                err);
    }
    if (utf8_length(q) > QUERY_MAX) {
        return problem_in_query(c, problems, "string_too_long", "q", "String should have at most 80 characters", q,
                                err);
    }
    if (!text_fold(c->arena, q, &s->query)) {
        return arena_fail(c->arena, err);
    }
    s->edits_max = s->query.n < 4 ? 0 : s->query.n < 8 ? 1 : 2;
    return MRC_OK;
}

void h_suggest(struct context *c)
{
    struct search s = {.c = c};
    struct problems problems = {0};
    struct mrc_err err = {0};
    const struct suggested *what;
    struct json_out w;
    if (c->parts->bundle == NULL) {
        http_header(c->res, "Retry-After", STR("10"));
        answer_detail(c, 503, "No version of the model is loaded");
        return;
    }
    if (read_query(c, &what, &s, &problems, &err) < 0) {
        answer_err(c, &err);
        return;
    }
    if (problems.n > 0) {
        answer_problems(c, &problems);
        return;
    }
    if (s.query.n > 0) { /* "??" folds to nothing and means nobody */
        collect(&s, what);
    }
    if (s.no_memory) {
        (void)arena_fail(c->arena, &err);
        answer_err(c, &err);
        return;
    }
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_put_key(&w, "suggestions");
    json_open_array(&w);
    for (size_t i = 0; i < s.n; i++) {
        json_open_object(&w);
        json_pair_str(&w, "value", s.best[i].value);
        json_pair_cstr(&w, "match", match_names[s.best[i].match]);
        json_close_object(&w);
    }
    json_close_array(&w);
    json_close_object(&w);
    answer_json(c, 200);
}
