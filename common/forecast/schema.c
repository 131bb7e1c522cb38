/* The raw schema: reading and proving schema.json. Everything lives in one arena. */
#include "common/forecast/schema.h"

#include "common/forecast/row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDED_MAX = 256, NAME_MAX_LENGTH = 64, ALIASES_MAX = 64, TEXT_MAX_LENGTH = 10000 };

struct field_key {
    struct str folded;
    uint32_t value;
};

struct schema {
    struct arena arena;
    struct str name, source;
    int64_t version, target;
    struct field *fields;
    uint32_t n;
};

static const char *const type_names[] = {
    [FIELD_NUMBER] = "number", [FIELD_INTEGER] = "integer", [FIELD_CATEGORY] = "category",
    [FIELD_LIST] = "list",     [FIELD_DATE] = "date",       [FIELD_TEXT] = "text",
};
_Static_assert(sizeof(type_names) / sizeof(type_names[0]) == FIELD__COUNT, "a name for every type");

static const char *const known_names[] = {
    [KNOWN_BEFORE] = "before",
    [KNOWN_NEAR] = "near",
    [KNOWN_AFTER] = "after",
};
_Static_assert(sizeof(known_names) / sizeof(known_names[0]) == KNOWN__COUNT, "a name for every time");

static const char *const weekday_names[] = {"monday", "tuesday",  "wednesday", "thursday",
                                            "friday", "saturday", "sunday"};

const char *field_type_name(enum field_type t)
{
    return type_names[t];
}

const char *field_known_name(enum field_known k)
{
    return known_names[k];
}

/* Index of text in a table of names, or -1. */
static int find_name(const char *const *names, int n, struct str text)
{
    for (int i = 0; i < n; i++) {
        if (str_is(text, names[i])) {
            return i;
        }
    }
    return -1;
}

/* ---- vocabulary ------------------------------------------------------------------------------------------------ */

static int key_order(const void *a, const void *b)
{
    const struct field_key *ka = a, *kb = b;
    return str_cmp(ka->folded, kb->folded);
}

int64_t field_value_find(const struct field *f, struct str text)
{
    char folded[FOLDED_MAX];
    size_t n = text_fold_into(folded, sizeof folded, text);
    if (n == SIZE_MAX) {
        return -1; /* longer than any key */
    }
    struct str key = {folded, n};
    uint32_t low = 0, high = f->n_keys;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = str_cmp(f->keys[middle].folded, key);
        if (order == 0) {
            return f->keys[middle].value;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return -1;
}

static int add_key(struct schema *s, struct field *f, struct field_key *keys, struct str text, uint32_t value,
                   struct mrc_err *err)
{
    struct field_key *key = &keys[f->n_keys];
    if (!text_fold(&s->arena, text, &key->folded)) {
        return arena_fail(&s->arena, err);
    }
    if (key->folded.n == 0 || key->folded.n > FOLDED_MAX) {
        return mrc_fail(err, MRC_EFORMAT, "\"%.*s\" needs 1 to %d letters or digits to be found by", STR_ARG(text),
                        FOLDED_MAX);
    }
    key->value = value;
    f->n_keys++;
    return MRC_OK;
}

/* Sort the keys, drop repeats of one value, refuse one key with two values. */
static int settle_keys(struct field *f, struct field_key *keys, struct mrc_err *err)
{
    if (f->n_keys == 0) {
        return MRC_OK;
    }
    qsort(keys, f->n_keys, sizeof keys[0], key_order);
    uint32_t n = 1;
    for (uint32_t i = 1; i < f->n_keys; i++) {
        if (!str_eq(keys[i].folded, keys[n - 1].folded)) {
            keys[n++] = keys[i];
        } else if (keys[i].value != keys[n - 1].value) {
            return mrc_fail(err, MRC_EFORMAT, "\"%.*s\" means both \"%.*s\" and \"%.*s\"", STR_ARG(keys[i].folded),
                            STR_ARG(f->values[keys[n - 1].value].value), STR_ARG(f->values[keys[i].value].value));
        }
    }
    f->n_keys = n;
    f->keys = keys;
    return MRC_OK;
}

/* ---- reading a field ------------------------------------------------------------------------------------------- */

/* Refuse keys that no version of this reader knows: a misspelt "requird" must not pass for an optional field. */
static int known_keys(const struct json *object, const char *const *names, int n, struct mrc_err *err)
{
    for (const struct json *m = json_first(object); m; m = json_next(m)) {
        if (find_name(names, n, json_key(m)) < 0) {
            return mrc_fail(err, MRC_EFORMAT, "unknown key \"%.*s\"", STR_ARG(json_key(m)));
        }
    }
    return MRC_OK;
}

static int copy_str(struct schema *s, const struct json *object, const char *key, bool required, struct str *out,
                    struct mrc_err *err)
{
    struct str text;
    *out = (struct str){"", 0};
    if (!required && !json_find(object, key)) {
        return MRC_OK;
    }
    MRC_TRY(json_get_str(object, key, &text, err));
    if (required && text.n == 0) {
        return mrc_fail(err, MRC_EFORMAT, "\"%s\" is empty", key);
    }
    if (!str_copy(&s->arena, text, out)) {
        return arena_fail(&s->arena, err);
    }
    return MRC_OK;
}

/* {"fr": …, "en": …}: both, so that no page is half translated. */
static int read_languages(struct schema *s, const struct json *object, const char *key, struct str *fr, struct str *en,
                          struct mrc_err *err)
{
    static const char *const languages[] = {"fr", "en"};
    const struct json *texts;
    MRC_TRY(json_get(object, key, JSON_OBJECT, &texts, err));
    if (known_keys(texts, languages, 2, err) < 0 || copy_str(s, texts, "fr", true, fr, err) < 0 ||
        copy_str(s, texts, "en", true, en, err) < 0) {
        return err ? err_wrap(err, "\"%s\"", key) : MRC_EFORMAT;
    }
    return MRC_OK;
}

static int read_bool(const struct json *object, const char *key, bool *out, struct mrc_err *err)
{
    const struct json *v = json_find(object, key);
    if (v && !json_bool(v, out)) {
        return mrc_fail(err, MRC_EFORMAT, "\"%s\" is a %s, not true or false", key, json_type_name(json_type(v)));
    }
    return MRC_OK;
}

/* One bound of a range; integers have whole bounds within the exact range of a double. */
static int read_bound(const struct json *object, const char *key, const struct field *f, bool *has, double *out,
                      struct mrc_err *err)
{
    if (!json_find(object, key)) {
        return MRC_OK;
    }
    if (f->type != FIELD_NUMBER && f->type != FIELD_INTEGER) {
        return mrc_fail(err, MRC_EFORMAT, "a %s has no \"%s\"", field_type_name(f->type), key);
    }
    MRC_TRY(json_get_double(object, key, out, err));
    if (f->type == FIELD_INTEGER && (floor(*out) != *out || fabs(*out) > 9007199254740992.0)) {
        return mrc_fail(err, MRC_EFORMAT, "\"%s\" of an integer must be a whole number up to 2^53", key);
    }
    *has = true;
    return MRC_OK;
}

static int read_range(const struct json *object, struct field *f, struct mrc_err *err)
{
    MRC_TRY(read_bound(object, "min", f, &f->has_min, &f->min, err));
    MRC_TRY(read_bound(object, "max", f, &f->has_max, &f->max, err));
    MRC_TRY(read_bool(object, "exclusive_min", &f->exclusive_min, err));
    if (f->exclusive_min && !f->has_min) {
        return mrc_fail(err, MRC_EFORMAT, "\"exclusive_min\" needs a \"min\"");
    }
    if (f->type == FIELD_INTEGER && !(f->has_min && f->has_max)) {
        return mrc_fail(err, MRC_EFORMAT, "an integer needs \"min\" and \"max\"");
    }
    if (f->has_min && f->has_max && (f->min > f->max || (f->exclusive_min && f->min == f->max))) {
        return mrc_fail(err, MRC_EFORMAT, "no number lies between \"min\" and \"max\"");
    }
    return MRC_OK;
}

/* Ceilings of texts and lists are part of the field: nothing unbounded comes in. */
static int read_lengths(const struct json *object, struct field *f, struct mrc_err *err)
{
    bool text = f->type == FIELD_TEXT || f->type == FIELD_CATEGORY || f->type == FIELD_LIST;
    bool list = f->type == FIELD_LIST;
    int64_t n = 0;
    if (text != (json_find(object, "length_max") != NULL)) {
        return mrc_fail(err, MRC_EFORMAT, text ? "\"length_max\" is missing" : "only texts have a \"length_max\"");
    }
    if (text) {
        MRC_TRY(json_get_i64(object, "length_max", 1, TEXT_MAX_LENGTH, &n, err));
        f->length_max = (uint32_t)n;
    }
    if (list != (json_find(object, "items_max") != NULL)) {
        return mrc_fail(err, MRC_EFORMAT, list ? "\"items_max\" is missing" : "only lists have \"items_max\"");
    }
    if (list) {
        MRC_TRY(json_get_i64(object, "items_max", 1, 1000, &n, err));
        f->items_max = (uint32_t)n;
    }
    return MRC_OK;
}

static int read_weekday(const struct json *object, struct field *f, struct mrc_err *err)
{
    struct str name;
    f->weekday = -1;
    if (!json_find(object, "weekday")) {
        return MRC_OK;
    }
    MRC_TRY(json_get_str(object, "weekday", &name, err));
    f->weekday = find_name(weekday_names, 7, name);
    if (f->type != FIELD_DATE || f->weekday < 0) {
        return mrc_fail(err, MRC_EFORMAT, "\"weekday\" must be monday … sunday, of a date");
    }
    return MRC_OK;
}

static int read_aliases(struct schema *s, const struct json *object, struct field_value *v, struct mrc_err *err)
{
    const struct json *list = json_find(object, "aliases");
    if (!list) {
        return MRC_OK;
    }
    MRC_TRY(json_get(object, "aliases", JSON_ARRAY, &list, err));
    size_t n = json_count(list);
    if (n > ALIASES_MAX) {
        return mrc_fail(err, MRC_ELIMIT, "%zu aliases, at most %d", n, ALIASES_MAX);
    }
    struct str *aliases = ARENA_ARRAY(&s->arena, n, struct str);
    if (!aliases) {
        return arena_fail(&s->arena, err);
    }
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        struct str text;
        if (!json_str(item, &text)) {
            return mrc_fail(err, MRC_EFORMAT, "an alias is a %s, not a string", json_type_name(json_type(item)));
        }
        if (!str_copy(&s->arena, text, &aliases[v->n_aliases++])) {
            return arena_fail(&s->arena, err);
        }
    }
    v->aliases = aliases;
    return MRC_OK;
}

static int read_value(struct schema *s, const struct json *item, struct field *f, struct field_value *v,
                      struct mrc_err *err)
{
    static const char *const names[] = {"value", "label", "aliases"};
    if (json_type(item) != JSON_OBJECT) {
        return mrc_fail(err, MRC_EFORMAT, "a value is a %s, not an object", json_type_name(json_type(item)));
    }
    MRC_TRY(known_keys(item, names, 3, err));
    MRC_TRY(copy_str(s, item, "value", true, &v->value, err));
    if (utf8_length(v->value) > f->length_max) {
        return mrc_fail(err, MRC_EFORMAT, "value \"%.*s\" is longer than \"length_max\"", STR_ARG(v->value));
    }
    v->label_fr = v->label_en = v->value;
    if (json_find(item, "label")) {
        MRC_TRY(read_languages(s, item, "label", &v->label_fr, &v->label_en, err));
    }
    return read_aliases(s, item, v, err);
}

static int read_values(struct schema *s, const struct json *object, struct field *f, struct mrc_err *err)
{
    MRC_TRY(read_bool(object, "closed", &f->closed, err));
    const struct json *list = json_find(object, "values");
    if (!list) {
        return f->closed ? mrc_fail(err, MRC_EFORMAT, "\"closed\" needs \"values\"") : MRC_OK;
    }
    MRC_TRY(json_get(object, "values", JSON_ARRAY, &list, err));
    if (f->type != FIELD_CATEGORY && f->type != FIELD_LIST) {
        return mrc_fail(err, MRC_EFORMAT, "a %s has no \"values\"", field_type_name(f->type));
    }
    size_t n = json_count(list), n_keys = 0;
    if (n == 0 || n > SCHEMA_VALUES_MAX) {
        return mrc_fail(err, MRC_EFORMAT, "%zu values, not 1 to %d", n, SCHEMA_VALUES_MAX);
    }
    struct field_value *values = ARENA_ARRAY(&s->arena, n, struct field_value);
    if (!values) {
        return arena_fail(&s->arena, err);
    }
    f->values = values;
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        struct field_value *v = &values[f->n_values++];
        MRC_TRY(read_value(s, item, f, v, err));
        n_keys += 3 + v->n_aliases;
    }
    struct field_key *keys = ARENA_ARRAY(&s->arena, n_keys, struct field_key);
    if (!keys) {
        return arena_fail(&s->arena, err);
    }
    for (uint32_t i = 0; i < f->n_values; i++) {
        const struct field_value *v = &values[i];
        MRC_TRY(add_key(s, f, keys, v->value, i, err));
        MRC_TRY(add_key(s, f, keys, v->label_fr, i, err));
        MRC_TRY(add_key(s, f, keys, v->label_en, i, err));
        for (uint32_t k = 0; k < v->n_aliases; k++) {
            MRC_TRY(add_key(s, f, keys, v->aliases[k], i, err));
        }
    }
    return settle_keys(f, keys, err);
}

/* A JSON member kept as JSON text. */
static int copy_json(struct schema *s, const struct json *object, const char *key, struct str *out, struct mrc_err *err)
{
    struct buf b;
    struct json_out w;
    buf_init(&b, &s->arena, SCHEMA_BYTES_MAX);
    json_out_init(&w, &b);
    json_put_value(&w, json_find(object, key));
    MRC_TRY(buf_ok(&b, err));
    *out = buf_text(&b);
    return MRC_OK;
}

static bool valid_name(struct str name)
{
    bool ok = name.n > 0 && name.n <= NAME_MAX_LENGTH && name.p[0] >= 'a' && name.p[0] <= 'z';
    for (size_t i = 0; ok && i < name.n; i++) {
        char c = name.p[i];
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    return ok;
}

static int read_kind(const struct json *object, struct field *f, struct mrc_err *err)
{
    struct str text;
    MRC_TRY(json_get_str(object, "type", &text, err));
    int type = find_name(type_names, FIELD__COUNT, text);
    if (type < 0) {
        return mrc_fail(err, MRC_EFORMAT, "type \"%.*s\" is not number, integer, category, list, date or text",
                        STR_ARG(text));
    }
    f->type = (enum field_type)type;
    MRC_TRY(json_get_str(object, "known", &text, err));
    int known = find_name(known_names, KNOWN__COUNT, text);
    if (known < 0) {
        return mrc_fail(err, MRC_EFORMAT, "known \"%.*s\" is not before, near or after", STR_ARG(text));
    }
    f->known = (enum field_known)known;
    MRC_TRY(read_bool(object, "required", &f->required, err));
    if (f->required && f->known == KNOWN_AFTER) {
        return mrc_fail(err, MRC_EFORMAT, "what is known only after release cannot be required");
    }
    return MRC_OK;
}

static int read_field(struct schema *s, const struct json *object, struct field *f, struct mrc_err *err)
{
    static const char *const names[] = {
        "name",   "type",   "known",   "required", "min",   "max",  "exclusive_min", "length_max", "items_max",
        "closed", "values", "weekday", "unit",     "label", "help", "example",       "absent",
    };
    MRC_TRY(known_keys(object, names, sizeof names / sizeof names[0], err));
    MRC_TRY(read_kind(object, f, err));
    MRC_TRY(read_range(object, f, err));
    MRC_TRY(read_lengths(object, f, err));
    MRC_TRY(read_weekday(object, f, err));
    MRC_TRY(read_values(s, object, f, err));
    MRC_TRY(copy_str(s, object, "unit", false, &f->unit, err));
    MRC_TRY(read_languages(s, object, "label", &f->label_fr, &f->label_en, err));
    MRC_TRY(read_languages(s, object, "help", &f->help_fr, &f->help_en, err));
    if (!json_find(object, "example")) {
        return mrc_fail(err, MRC_EFORMAT, "\"example\" is missing");
    }
    MRC_TRY(copy_json(s, object, "example", &f->example, err));
    f->absent = (struct str){"", 0};
    if (json_find(object, "absent")) {
        MRC_TRY(copy_json(s, object, "absent", &f->absent, err));
    }
    return MRC_OK;
}

/* ---- reading the whole ----------------------------------------------------------------------------------------- */

static int read_fields(struct schema *s, const struct json *list, struct mrc_err *err)
{
    size_t n = json_count(list);
    if (n == 0 || n > SCHEMA_FIELDS_MAX) {
        return mrc_fail(err, MRC_EFORMAT, "%zu fields, not 1 to %d", n, SCHEMA_FIELDS_MAX);
    }
    s->fields = ARENA_ARRAY(&s->arena, n, struct field);
    if (!s->fields) {
        return arena_fail(&s->arena, err);
    }
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        struct field *f = &s->fields[s->n];
        struct str name;
        if (json_type(item) != JSON_OBJECT) {
            return mrc_fail(err, MRC_EFORMAT, "field %u is a %s, not an object", s->n + 1,
                            json_type_name(json_type(item)));
        }
        MRC_TRY(json_get_str(item, "name", &name, err));
        if (!valid_name(name)) {
            return mrc_fail(err, MRC_EFORMAT, "field name \"%.*s\" is not [a-z][a-z0-9_]* of up to %d characters",
                            STR_ARG(name), NAME_MAX_LENGTH);
        }
        if (schema_find(s, name) >= 0) {
            return mrc_fail(err, MRC_EFORMAT, "field \"%.*s\" stands twice", STR_ARG(name));
        }
        int rc = str_copy(&s->arena, name, &f->name) ? read_field(s, item, f, err) : arena_fail(&s->arena, err);
        if (rc < 0) {
            return err ? err_wrap(err, "field \"%.*s\"", STR_ARG(name)) : rc;
        }
        s->n++;
    }
    return MRC_OK;
}

static int read_target(struct schema *s, const struct json *root, struct mrc_err *err)
{
    struct str name;
    s->target = -1;
    if (!json_find(root, "target")) {
        return MRC_OK;
    }
    MRC_TRY(json_get_str(root, "target", &name, err));
    s->target = schema_find(s, name);
    if (s->target < 0) {
        return mrc_fail(err, MRC_EFORMAT, "target \"%.*s\" is no field", STR_ARG(name));
    }
    const struct field *f = &s->fields[s->target];
    if ((f->type != FIELD_NUMBER && f->type != FIELD_INTEGER) || f->known != KNOWN_AFTER) {
        return mrc_fail(err, MRC_EFORMAT, "target \"%.*s\" must be a number known after release", STR_ARG(name));
    }
    return MRC_OK;
}

/* Every example (and meaning of absence) passes the validation it illustrates, without a warning: read them as one
 * film. */
static int check_examples(struct schema *s, bool absent, struct arena *scratch, struct mrc_err *err)
{
    struct buf b;
    struct json_out w;
    buf_init(&b, scratch, (size_t)2 * SCHEMA_BYTES_MAX);
    json_out_init(&w, &b);
    json_open_object(&w);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct field *f = &s->fields[i];
        bool given = absent && f->absent.n > 0;
        json_put_key_str(&w, f->name);
        json_put_raw(&w, given ? f->absent : f->example);
    }
    json_close_object(&w);
    MRC_TRY(buf_ok(&b, err));
    struct json_doc *doc;
    MRC_TRY(json_read(&doc, buf_text(&b), &json_limits_file, NULL, err));
    struct row row;
    struct row_report report;
    int rc = row_from_json(&row, s, json_root(doc), &(struct row_options){.target = true}, scratch, &report, err);
    if (rc == MRC_OK && report.n_errors) {
        const struct field_error *e = &report.errors[0];
        rc = mrc_fail(err, MRC_EFORMAT, "field \"%.*s\": example: %.*s", STR_ARG(e->field), STR_ARG(e->message));
    } else if (rc == MRC_OK && report.n_warnings) {
        const struct row_warning *x = &report.warnings[0];
        rc = mrc_fail(err, MRC_EFORMAT, "field \"%.*s\": example: %s", STR_ARG(x->field), x->code);
    }
    for (uint32_t i = 0; rc == MRC_OK && i < s->n; i++) {
        if (!row.values[i].present) {
            rc = mrc_fail(err, MRC_EFORMAT, "field \"%.*s\": the example is no value", STR_ARG(s->fields[i].name));
        }
    }
    json_free(doc);
    return rc;
}

static int read_root(struct schema *s, const struct json *root, struct mrc_err *err)
{
    static const char *const names[] = {"name", "version", "target", "fields"};
    const struct json *fields;
    if (json_type(root) != JSON_OBJECT) {
        return mrc_fail(err, MRC_EFORMAT, "a schema is an object, not a %s", json_type_name(json_type(root)));
    }
    MRC_TRY(known_keys(root, names, 4, err));
    MRC_TRY(copy_str(s, root, "name", true, &s->name, err));
    MRC_TRY(json_get_i64(root, "version", 1, INT32_MAX, &s->version, err));
    MRC_TRY(json_get(root, "fields", JSON_ARRAY, &fields, err));
    MRC_TRY(read_fields(s, fields, err));
    MRC_TRY(read_target(s, root, err));
    struct arena scratch;
    arena_init(&scratch, 0);
    int rc = check_examples(s, false, &scratch, err);
    if (rc == MRC_OK) {
        rc = check_examples(s, true, &scratch, err);
    }
    arena_release(&scratch);
    return rc;
}

int schema_read(struct schema **out, struct str json, struct mrc_err *err)
{
    struct json_limits limits = json_limits_file;
    limits.bytes_max = SCHEMA_BYTES_MAX;
    struct json_doc *doc;
    MRC_TRY(json_read(&doc, json, &limits, NULL, err));
    struct schema *s = calloc(1, sizeof *s);
    int rc = MRC_OK;
    if (!s) {
        rc = mrc_fail(err, MRC_ENOMEM, "no memory for a schema");
        goto out;
    }
    arena_init(&s->arena, 0);
    rc = str_copy(&s->arena, json, &s->source) ? read_root(s, json_root(doc), err) : arena_fail(&s->arena, err);
    if (rc < 0) {
        schema_free(s);
        goto out;
    }
    *out = s;
out:
    json_free(doc);
    return rc;
}

void schema_free(struct schema *s)
{
    if (s) {
        arena_release(&s->arena);
        free(s);
    }
}

struct str schema_name(const struct schema *s)
{
    return s->name;
}

int64_t schema_version(const struct schema *s)
{
    return s->version;
}

struct str schema_source(const struct schema *s)
{
    return s->source;
}

uint32_t schema_count(const struct schema *s)
{
    return s->n;
}

const struct field *schema_field(const struct schema *s, uint32_t i)
{
    return &s->fields[i];
}

int64_t schema_find(const struct schema *s, struct str name)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (str_eq(s->fields[i].name, name)) {
            return i;
        }
    }
    return -1;
}

int64_t schema_target(const struct schema *s)
{
    return s->target;
}
