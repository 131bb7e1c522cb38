/* Reading features.json into plans, learning its vocabularies, and computing a row. */
#include "common/forecast/features.h"

#include "common/base/date.h"
#include "common/forecast/derive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES_MAX = 1024, FEATURES_BYTES_MAX = 16 << 20, LIST_VALUES_MAX = 100000 };

struct features {
    struct arena arena;
    const struct schema *schema;
    struct str source;
    struct plan *plans;
    uint32_t n, n_floats, n_cats;
    unsigned needs; /* enum features_need */
    struct film_fields fields;
    struct features_context context;
};

/* What one reading needs everywhere. */
struct reader {
    struct features *f;
    features_table table;
    void *table_arg;
    bool learn; /* vocabularies may still be missing */
    struct mrc_err *err;
};

/* ---- arguments ------------------------------------------------------------------------------------------------- */

static int read_field_name(struct reader *r, const struct json *object, const char *key, unsigned types, uint32_t *out)
{
    struct str name;
    MRC_TRY(json_get_str(object, key, &name, r->err));
    int64_t i = schema_find(r->f->schema, name);
    if (i < 0) {
        return mrc_fail(r->err, MRC_EFORMAT, "\"%s\": the schema has no field \"%.*s\"", key, STR_ARG(name));
    }
    const struct field *field = schema_field(r->f->schema, (uint32_t)i);
    if (field->known == KNOWN_AFTER) {
        return mrc_fail(r->err, MRC_EFORMAT, "\"%.*s\" is known only after release and cannot be a feature",
                        STR_ARG(name));
    }
    if (!(types & 1U << field->type)) {
        return mrc_fail(r->err, MRC_EFORMAT, "\"%.*s\" is of type %s: not for this derivation", STR_ARG(name),
                        field_type_name(field->type));
    }
    *out = (uint32_t)i;
    return MRC_OK;
}

static int copy_text(struct reader *r, struct str text, struct str *out)
{
    return str_copy(&r->f->arena, text, out) ? MRC_OK : arena_fail(&r->f->arena, r->err);
}

/* A JSON array of strings, sorted; each must be there once. */
static int read_texts(struct reader *r, const struct json *list, const char *what, const struct str **out, uint32_t *n)
{
    size_t count = json_count(list);
    if (json_type(list) != JSON_ARRAY || count > LIST_VALUES_MAX) {
        return mrc_fail(r->err, MRC_EFORMAT, "%s must be a list of at most %d strings", what, LIST_VALUES_MAX);
    }
    struct str *texts = ARENA_ARRAY(&r->f->arena, count, struct str);
    if (!texts) {
        return arena_fail(&r->f->arena, r->err);
    }
    uint32_t i = 0;
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        struct str text;
        if (!json_str(item, &text)) {
            return mrc_fail(r->err, MRC_EFORMAT, "%s: item %u is a %s, not a string", what, i + 1,
                            json_type_name(json_type(item)));
        }
        MRC_TRY(copy_text(r, text, &texts[i++]));
    }
    qsort(texts, i, sizeof texts[0], str_order);
    for (uint32_t k = 1; k < i; k++) {
        if (str_eq(texts[k], texts[k - 1])) {
            return mrc_fail(r->err, MRC_EFORMAT, "%s: \"%.*s\" stands twice", what, STR_ARG(texts[k]));
        }
    }
    *out = texts;
    *n = i;
    return MRC_OK;
}

/* "any" and the keys of "map" and "names" are values of the field as rows hold them: a closed vocabulary knows all. */
static int check_canonical(struct reader *r, const struct plan *p, struct str value)
{
    const struct field *field = schema_field(r->f->schema, p->field);
    int64_t i = field_value_find(field, value);
    if ((i < 0 && field->closed) || (i >= 0 && !str_eq(field->values[i].value, value))) {
        return mrc_fail(r->err, MRC_EFORMAT, "\"%.*s\" is not how \"%.*s\" writes a value", STR_ARG(value),
                        STR_ARG(field->name));
    }
    return MRC_OK;
}

static int read_any(struct reader *r, const struct json *object, struct plan *p)
{
    MRC_TRY(read_texts(r, json_find(object, "any"), "\"any\"", &p->any, &p->n_any));
    for (uint32_t i = 0; i < p->n_any; i++) {
        MRC_TRY(check_canonical(r, p, p->any[i]));
    }
    return MRC_OK;
}

static int read_map(struct reader *r, const struct json *object, struct plan *p)
{
    const struct json *map;
    MRC_TRY(json_get(object, "map", JSON_OBJECT, &map, r->err));
    struct number_pair *pairs = ARENA_ARRAY(&r->f->arena, json_count(map), struct number_pair);
    if (!pairs) {
        return arena_fail(&r->f->arena, r->err);
    }
    for (const struct json *m = json_first(map); m; m = json_next(m)) {
        struct number_pair *pair = &pairs[p->n_map++];
        MRC_TRY(copy_text(r, json_key(m), &pair->from));
        MRC_TRY(check_canonical(r, p, pair->from));
        if (!json_double(m, &pair->to)) {
            return mrc_fail(r->err, MRC_EFORMAT, "\"map\": \"%.*s\" is no number", STR_ARG(pair->from));
        }
    }
    qsort(pairs, p->n_map, sizeof pairs[0], str_order);
    p->map = pairs;
    return MRC_OK;
}

static int read_names(struct reader *r, const struct json *object, struct plan *p)
{
    const struct json *names = json_find(object, "names");
    if (!names) {
        return MRC_OK;
    }
    MRC_TRY(json_get(object, "names", JSON_OBJECT, &names, r->err));
    struct text_pair *pairs = ARENA_ARRAY(&r->f->arena, json_count(names), struct text_pair);
    if (!pairs) {
        return arena_fail(&r->f->arena, r->err);
    }
    for (const struct json *m = json_first(names); m; m = json_next(m)) {
        struct text_pair *pair = &pairs[p->n_names++];
        struct str to;
        MRC_TRY(copy_text(r, json_key(m), &pair->from));
        MRC_TRY(check_canonical(r, p, pair->from));
        if (!json_str(m, &to)) {
            return mrc_fail(r->err, MRC_EFORMAT, "\"names\": \"%.*s\" is no string", STR_ARG(pair->from));
        }
        MRC_TRY(copy_text(r, to, &pair->to));
    }
    qsort(pairs, p->n_names, sizeof pairs[0], str_order);
    p->names = pairs;
    return MRC_OK;
}

/* "table": the vocabulary stands in a file of its own. */
static int read_table(struct reader *r, const struct json *object, struct plan *p)
{
    struct str name;
    MRC_TRY(json_get_str(object, "table", &name, r->err));
    p->has_values = true;
    if (r->learn) {
        return MRC_OK; /* what is learnt already is not looked at */
    }
    struct str text = r->table ? r->table(name.p, r->table_arg) : STR("");
    if (text.n == 0) {
        return mrc_fail(r->err, MRC_EFORMAT, "there is no table \"%.*s\"", STR_ARG(name));
    }
    struct json_doc *doc;
    MRC_TRY(json_read(&doc, text, &json_limits_file, NULL, r->err));
    int rc = read_texts(r, json_root(doc), "the table", &p->values, &p->n_values);
    json_free(doc);
    return rc;
}

static int read_vocabulary(struct reader *r, const struct json *object, struct plan *p)
{
    MRC_TRY(read_names(r, object, p));
    p->unseen = STR("");
    if (json_find(object, "unseen")) {
        struct str text;
        MRC_TRY(json_get_str(object, "unseen", &text, r->err));
        MRC_TRY(copy_text(r, text, &p->unseen));
    }
    if (json_find(object, "min_count")) {
        int64_t n;
        MRC_TRY(json_get_i64(object, "min_count", 1, 1000000, &n, r->err));
        p->min_count = (uint32_t)n;
    }
    if (json_find(object, "table")) {
        return json_find(object, "values")
                   ? mrc_fail(r->err, MRC_EFORMAT, "\"values\" and \"table\" exclude each other")
                   : read_table(r, object, p);
    }
    if (json_find(object, "values")) {
        p->has_values = true;
        return read_texts(r, json_find(object, "values"), "\"values\"", &p->values, &p->n_values);
    }
    if (p->min_count && !r->learn) {
        return mrc_fail(r->err, MRC_EFORMAT, "\"values\" have not been learnt yet");
    }
    return MRC_OK;
}

static int read_euros(struct reader *r, const struct json *object, struct plan *p)
{
    MRC_TRY(read_field_name(r, object, "currency", 1U << FIELD_CATEGORY, &p->second));
    MRC_TRY(json_get_double(object, "usd", &p->usd, r->err));
    if (p->usd <= 0) {
        return mrc_fail(r->err, MRC_EFORMAT, "\"usd\", euros for a dollar, must be above 0");
    }
    if (json_find(object, "least")) {
        MRC_TRY(json_get_double(object, "least", &p->least, r->err));
    }
    return MRC_OK;
}

static int read_item(struct reader *r, const struct json *object, struct plan *p)
{
    if (json_find(object, "item")) {
        int64_t n;
        MRC_TRY(json_get_i64(object, "item", 0, 999, &n, r->err));
        p->item = (uint32_t)n;
        p->has_item = true;
    }
    return MRC_OK;
}

static int read_absent(struct reader *r, const struct json *object, struct plan *p)
{
    p->absent = NAN;
    return json_find(object, "absent") ? json_get_double(object, "absent", &p->absent, r->err) : MRC_OK;
}

static int read_fold(struct reader *r, const struct json *object, struct plan *p)
{
    const struct json *v = json_find(object, "fold");
    if (v && !json_bool(v, &p->fold)) {
        return mrc_fail(r->err, MRC_EFORMAT, "\"fold\" must be true or false");
    }
    return MRC_OK;
}

static int read_text(struct reader *r, const struct json *object, struct plan *p)
{
    struct str text;
    MRC_TRY(json_get_str(object, "text", &text, r->err));
    if (text.n == 0) {
        return mrc_fail(r->err, MRC_EFORMAT, "\"text\" is empty");
    }
    return copy_text(r, text, &p->text);
}

static int read_other(struct reader *r, const struct json *object, struct plan *p)
{
    return read_field_name(r, object, "other", 1U << FIELD_TEXT, &p->second);
}

static int read_span(struct reader *r, const struct json *object, struct plan *p)
{
    int64_t from = 0, days;
    if (json_find(object, "from")) {
        MRC_TRY(json_get_i64(object, "from", -366, 366, &from, r->err));
    }
    MRC_TRY(json_get_i64(object, "days", 1, 366, &days, r->err));
    p->from = (int32_t)from;
    p->days = (int32_t)days;
    return MRC_OK;
}

static int read_zones(struct reader *r, const struct json *object, struct plan *p)
{
    struct str zones;
    MRC_TRY(json_get_str(object, "zones", &zones, r->err));
    p->zones = calendar_zones(zones);
    return p->zones ? MRC_OK : mrc_fail(r->err, MRC_EFORMAT, "\"zones\" is not of the letters A to H, each once");
}

static int read_calendar_table(struct reader *r, const struct json *object, struct plan *p)
{
    struct str name;
    MRC_TRY(json_get_str(object, "table", &name, r->err));
    return name.n > 0 ? copy_text(r, name, &p->text) : mrc_fail(r->err, MRC_EFORMAT, "\"table\" is empty");
}

static int read_months(struct reader *r, const struct json *object, struct plan *p)
{
    int64_t months;
    MRC_TRY(json_get_i64(object, "months", 1, 120, &months, r->err));
    p->months = (uint32_t)months;
    return MRC_OK;
}

static int read_history(struct reader *r, const struct json *object, struct plan *p)
{
    struct str of, stat;
    MRC_TRY(json_get_str(object, "of", &of, r->err));
    MRC_TRY(json_get_str(object, "stat", &stat, r->err));
    int kind = entity_find(of);
    p->ask = past_stat_find(stat);
    if (kind < 0 || !p->ask || !(p->ask->kinds & 1U << kind)) {
        return mrc_fail(r->err, kind < 0 ? MRC_EUNSUPPORTED : MRC_EFORMAT, "there is no history \"%.*s\" of \"%.*s\"",
                        STR_ARG(stat), STR_ARG(of));
    }
    p->of = (enum entity)kind;
    if (p->of == ENTITY_MARKET) {
        p->face.owner = -1;
    }
    r->f->needs |= p->ask->published ? 0 : NEEDS_FULL_HISTORY;
    return MRC_OK;
}

static int read_rivals(struct reader *r, const struct json *object, struct plan *p)
{
    struct str stat;
    int64_t week = 0;
    MRC_TRY(json_get_str(object, "stat", &stat, r->err));
    if (json_find(object, "week")) {
        MRC_TRY(json_get_i64(object, "week", -1, 1, &week, r->err));
    }
    p->week = RIVALS_SAME + (int)week;
    p->ask_rivals = rival_stat_find(stat);
    p->face.owner = -1;
    return p->ask_rivals ? MRC_OK : mrc_fail(r->err, MRC_EFORMAT, "there is no \"%.*s\" of rivals", STR_ARG(stat));
}

/* Which keys belong to which argument, and who reads them. */
static const struct argument {
    unsigned bit;
    const char *keys[6];
    int (*read)(struct reader *r, const struct json *object, struct plan *p);
} arguments[] = {
    {ARG_ITEM, {"item"}, read_item},
    {ARG_FOLD, {"fold"}, read_fold},
    {ARG_ABSENT, {"absent"}, read_absent},
    {ARG_EUROS, {"currency", "usd", "least"}, read_euros},
    {ARG_OTHER, {"other"}, read_other},
    {ARG_TEXT, {"text"}, read_text},
    {ARG_ANY, {"any"}, read_any},
    {ARG_MAP, {"map"}, read_map},
    {ARG_VOCABULARY, {"names", "min_count", "values", "table", "unseen"}, read_vocabulary},
    {ARG_SPAN, {"from", "days"}, read_span},
    {ARG_ZONES, {"zones"}, read_zones},
    {ARG_TABLE, {"table"}, read_calendar_table},
    {ARG_MONTHS, {"months"}, read_months},
    {ARG_HISTORY, {"of", "stat"}, read_history},
    {ARG_RIVALS, {"stat", "week"}, read_rivals},
};
enum { N_ARGUMENTS = sizeof arguments / sizeof arguments[0] };

static bool key_allowed(const struct derivation *how, struct str key)
{
    if (str_is(key, "name") || str_is(key, "derive") || str_is(key, "field")) {
        return true;
    }
    for (size_t i = 0; i < N_ARGUMENTS; i++) {
        for (size_t k = 0; how->arguments & arguments[i].bit && arguments[i].keys[k]; k++) {
            if (str_is(key, arguments[i].keys[k])) {
                return true;
            }
        }
    }
    return false;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static int read_plan(struct reader *r, const struct json *object, struct plan *p)
{
    struct str name;
    MRC_TRY(json_get_str(object, "derive", &name, r->err));
    p->how = derivation_find(name);
    if (!p->how) {
        return mrc_fail(r->err, MRC_EUNSUPPORTED, "there is no derivation \"%.*s\"", STR_ARG(name));
    }
    for (const struct json *m = json_first(object); m; m = json_next(m)) {
        if (!key_allowed(p->how, json_key(m))) {
            return mrc_fail(r->err, MRC_EFORMAT, "%s takes no \"%.*s\"", p->how->name, STR_ARG(json_key(m)));
        }
    }
    MRC_TRY(read_field_name(r, object, "field", p->how->types, &p->field));
    p->face.owner = p->field;
    p->face.categorical = p->how->category != NULL;
    r->f->needs |= p->how->needs;
    for (size_t i = 0; i < N_ARGUMENTS; i++) {
        if (p->how->arguments & arguments[i].bit) {
            MRC_TRY(arguments[i].read(r, object, p));
        }
    }
    return MRC_OK;
}

static int read_feature(struct reader *r, const struct json *object, struct plan *p)
{
    struct features *f = r->f;
    if (json_type(object) != JSON_OBJECT) {
        return mrc_fail(r->err, MRC_EFORMAT, "feature %u is a %s, not an object", f->n + 1,
                        json_type_name(json_type(object)));
    }
    struct str name;
    MRC_TRY(json_get_str(object, "name", &name, r->err));
    if (name.n == 0 || name.n > 120) {
        return mrc_fail(r->err, MRC_EFORMAT, "the name of feature %u has not 1 to 120 bytes", f->n + 1);
    }
    for (uint32_t i = 0; i < f->n; i++) {
        if (str_eq(f->plans[i].face.name, name)) {
            return mrc_fail(r->err, MRC_EFORMAT, "feature \"%.*s\" stands twice", STR_ARG(name));
        }
    }
    MRC_TRY(copy_text(r, name, &p->face.name));
    int rc = read_plan(r, object, p);
    return rc < 0 && r->err ? err_wrap(r->err, "feature \"%.*s\"", STR_ARG(name)) : rc;
}

static int read_root(struct reader *r, const struct json *root)
{
    struct features *f = r->f;
    const struct json *list;
    int64_t format;
    if (json_type(root) != JSON_OBJECT) {
        return mrc_fail(r->err, MRC_EFORMAT, "a feature list is an object, not a %s", json_type_name(json_type(root)));
    }
    MRC_TRY(json_get_i64(root, "format", 1, 1, &format, r->err));
    MRC_TRY(json_get(root, "features", JSON_ARRAY, &list, r->err));
    size_t n = json_count(list);
    if (json_count(root) != 2) {
        return mrc_fail(r->err, MRC_EFORMAT, "a feature list has \"format\" and \"features\", nothing else");
    }
    if (n == 0 || n > FEATURES_MAX) {
        return mrc_fail(r->err, MRC_EFORMAT, "%zu features, not 1 to %d", n, FEATURES_MAX);
    }
    f->plans = ARENA_ARRAY(&f->arena, n, struct plan);
    if (!f->plans) {
        return arena_fail(&f->arena, r->err);
    }
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        struct plan *p = &f->plans[f->n];
        MRC_TRY(read_feature(r, item, p));
        f->n++;
        f->n_cats += p->face.categorical;
        f->n_floats += !p->face.categorical;
    }
    return MRC_OK;
}

static int read_document(struct features **out, const struct schema *s, struct str json, const struct json *root,
                         bool learn, features_table table, void *arg, struct mrc_err *err)
{
    struct features *f = calloc(1, sizeof *f);
    if (!f) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a feature list");
    }
    arena_init(&f->arena, 0);
    f->schema = s;
    f->fields = film_fields_of(s);
    f->context = FEATURES_CONTEXT_NONE;
    struct reader r = {.f = f, .table = table, .table_arg = arg, .learn = learn, .err = err};
    int rc = copy_text(&r, json, &f->source);
    if (rc == MRC_OK) {
        rc = read_root(&r, root);
    }
    if (rc < 0) {
        features_free(f);
        return rc;
    }
    *out = f;
    return MRC_OK;
}

static int open_document(struct json_doc **doc, struct str json, struct mrc_err *err)
{
    struct json_limits limits = json_limits_file;
    limits.bytes_max = FEATURES_BYTES_MAX;
    return json_read(doc, json, &limits, NULL, err);
}

int features_read(struct features **out, const struct schema *s, struct str json, features_table table, void *arg,
                  struct mrc_err *err)
{
    struct json_doc *doc;
    MRC_TRY(open_document(&doc, json, err));
    int rc = read_document(out, s, json, json_root(doc), false, table, arg, err);
    json_free(doc);
    return rc;
}

void features_free(struct features *f)
{
    if (f) {
        arena_release(&f->arena);
        free(f);
    }
}

/* ---- learning vocabularies ------------------------------------------------------------------------------------- */

/* The values that at least min_count rows have, in order, as a JSON array. */
static int learn_values(const struct plan *p, const struct row *rows, size_t n, struct json_out *w, struct mrc_err *err)
{
    struct arena scratch;
    arena_init(&scratch, 0);
    int rc = MRC_OK;
    struct str *texts = ARENA_ARRAY(&scratch, n, struct str);
    size_t given = 0;
    for (size_t i = 0; texts && i < n; i++) {
        bool unseen;
        if (!derive_category(p, &rows[i], true, &scratch, &texts[given], &unseen)) {
            texts = NULL;
        } else if (texts[given].n > 0) {
            given++;
        }
    }
    if (!texts) {
        rc = arena_fail(&scratch, err);
        goto out;
    }
    qsort(texts, given, sizeof texts[0], str_order);
    json_open_array(w);
    for (size_t i = 0, end; i < given; i = end) {
        for (end = i; end < given && str_eq(texts[i], texts[end]); end++) {
        }
        if (end - i >= p->min_count) {
            json_put_str(w, texts[i]);
        }
    }
    json_close_array(w);
out:
    arena_release(&scratch);
    return rc;
}

static int write_learnt(const struct features *f, const struct json *root, const struct row *rows, size_t n,
                        struct json_out *w, struct mrc_err *err)
{
    json_open_object(w);
    json_pair_i64(w, "format", 1);
    json_put_key(w, "features");
    json_open_array(w);
    uint32_t i = 0;
    for (const struct json *item = json_first(json_find(root, "features")); item; item = json_next(item), i++) {
        const struct plan *p = &f->plans[i];
        json_open_object(w);
        for (const struct json *m = json_first(item); m; m = json_next(m)) {
            json_put_key_str(w, json_key(m));
            json_put_value(w, m);
        }
        if (p->min_count && !p->has_values) {
            json_put_key(w, "values");
            MRC_TRY(learn_values(p, rows, n, w, err));
        }
        json_close_object(w);
    }
    json_close_array(w);
    json_close_object(w);
    return buf_ok(w->b, err);
}

int features_learn(const struct schema *s, struct str json, const struct row *rows, size_t n, struct buf *out,
                   struct mrc_err *err)
{
    struct json_doc *doc;
    struct features *f = NULL;
    MRC_TRY(open_document(&doc, json, err));
    int rc = read_document(&f, s, json, json_root(doc), true, NULL, NULL, err);
    if (rc == MRC_OK) {
        struct json_out w;
        json_out_init(&w, out);
        w.pretty = true;
        rc = write_learnt(f, json_root(doc), rows, n, &w, err);
    }
    features_free(f);
    json_free(doc);
    return rc;
}

/* ---- computing ------------------------------------------------------------------------------------------------- */

uint32_t features_count(const struct features *f)
{
    return f->n;
}

uint32_t features_floats(const struct features *f)
{
    return f->n_floats;
}

uint32_t features_cats(const struct features *f)
{
    return f->n_cats;
}

const struct feature *features_at(const struct features *f, uint32_t i)
{
    return &f->plans[i].face;
}

struct str features_source(const struct features *f)
{
    return f->source;
}

int features_words(const struct features *f, uint32_t field, int (*cb)(struct str word, void *arg), void *arg)
{
    for (uint32_t i = 0; i < f->n; i++) {
        const struct plan *p = &f->plans[i];
        for (uint32_t k = 0; k < p->n_values && p->has_values && p->field == field; k++) {
            int rc = cb(p->values[k], arg);
            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}

static int compute_category(const struct plan *p, const struct row *row, struct arena *a, struct mrc_str *out,
                            struct row_report *report, struct mrc_err *err)
{
    struct str text;
    bool unseen;
    if (!derive_category(p, row, false, a, &text, &unseen)) {
        return arena_fail(a, err);
    }
    *out = (struct mrc_str){text.p, text.n};
    if (unseen && report) {
        const struct value *v = &row->values[p->field];
        struct str value = v->items ? v->items[p->item] : v->text;
        return row_warn(report, a, "unseen_value", schema_field(row->schema, p->field)->name, value, err);
    }
    return MRC_OK;
}

unsigned features_needs(const struct features *f)
{
    return f->needs;
}

int features_needs_of(const struct schema *s, struct str json, unsigned *needs, struct mrc_err *err)
{
    struct json_doc *doc;
    struct features *f;
    MRC_TRY(open_document(&doc, json, err));
    int rc = read_document(&f, s, json, json_root(doc), true, NULL, NULL, err);
    json_free(doc);
    if (rc == MRC_OK) {
        *needs = f->needs;
        features_free(f);
    }
    return rc;
}

int features_bind(struct features *f, const struct features_context *context, struct mrc_err *err)
{
    if (f->needs & NEEDS_CALENDAR && !context->calendar) {
        return mrc_fail(err, MRC_EFORMAT, "the feature list needs a calendar");
    }
    if (f->needs & NEEDS_HISTORY && !context->history) {
        return mrc_fail(err, MRC_EFORMAT, "the feature list needs histories");
    }
    if (f->needs & NEEDS_FULL_HISTORY && (context->as_published || history_is_published(context->history))) {
        return mrc_fail(err, MRC_EFORMAT, "the feature list asks for more than published histories keep");
    }
    f->context = *context;
    return MRC_OK;
}

static int warn_of_calendar(const struct features *f, const struct calendar *c, const struct row *row, struct arena *a,
                            struct row_report *report, struct mrc_err *err)
{
    char text[DATE_TEXT];
    date_format(calendar_school_end(c), text);
    int64_t field = f->fields.date;
    struct str name = field >= 0 ? schema_field(row->schema, (uint32_t)field)->name : STR("");
    return row_warn(report, a, "calendar_ended", name, str_of(text), err);
}

int features_compute(const struct features *f, const struct row *row, struct arena *a, float *floats,
                     struct mrc_str *cats, struct row_report *report, struct mrc_err *err)
{
    return features_compute_with(f, &f->context, row, a, floats, cats, report, err);
}

int features_compute_with(const struct features *f, const struct features_context *context, const struct row *row,
                          struct arena *a, float *floats, struct mrc_str *cats, struct row_report *report,
                          struct mrc_err *err)
{
    if (row->schema != f->schema) {
        return mrc_fail(err, MRC_EINVAL, "the row was read with another schema than the features");
    }
    struct scene scene;
    scene_open(&scene, context, &f->fields, row, a);
    for (uint32_t i = 0; i < f->n; i++) {
        const struct plan *p = &f->plans[i];
        if (p->face.categorical) {
            MRC_TRY(compute_category(p, row, a, cats++, report, err));
        } else {
            *floats++ = (float)derive_number(p, row, &scene);
        }
    }
    if (scene.failed) {
        return arena_fail(a, err);
    }
    return scene.calendar_ended && report ? warn_of_calendar(f, context->calendar, row, a, report, err) : MRC_OK;
}
