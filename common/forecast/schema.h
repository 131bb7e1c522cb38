/* The raw schema: what is known about a film, one object per field, read from schema.json.
 *
 * Validation, OpenAPI, the form, the CSV header and the dictionary all follow it; nothing about a field is written
 * anywhere else. The schema lives in the bundle, so it changes and rolls back with the model. Immutable after reading.
 */
#ifndef MRC_FORECAST_SCHEMA_H
#define MRC_FORECAST_SCHEMA_H

#include "common/base/json.h"
#include "common/forecast/fold.h" /* text_fold: how names match */

enum field_type { FIELD_NUMBER, FIELD_INTEGER, FIELD_CATEGORY, FIELD_LIST, FIELD_DATE, FIELD_TEXT, FIELD__COUNT };
const char *field_type_name(enum field_type t); /* "number", "integer", … */

enum field_known { KNOWN_BEFORE, KNOWN_NEAR, KNOWN_AFTER, KNOWN__COUNT }; /* weeks before release, days before, after */
const char *field_known_name(enum field_known k);                         /* "before", "near", "after" */

enum { SCHEMA_FIELDS_MAX = 128, SCHEMA_VALUES_MAX = 4096, SCHEMA_BYTES_MAX = 4 << 20 };

/* A value of a closed or suggested vocabulary. Labels and aliases match after text_fold (case, accents, punctuation).
 */
struct field_value {
    struct str value, label_fr, label_en;
    const struct str *aliases;
    uint32_t n_aliases;
};

struct field_key;

struct field {
    struct str name;
    enum field_type type;
    enum field_known known;
    bool required;
    bool has_min, has_max, exclusive_min; /* NUMBER, INTEGER */
    double min, max;
    uint32_t length_max; /* CATEGORY, TEXT and each item of a LIST: characters */
    uint32_t items_max;  /* LIST */
    bool closed;         /* only `values` (and aliases) are allowed; otherwise others pass with a warning */
    const struct field_value *values;
    uint32_t n_values;
    const struct field_key *keys; /* folded values, labels and aliases, sorted; private to schema.c */
    uint32_t n_keys;
    int weekday;        /* DATE: 0 Monday … 6; another day is a warning. -1: any */
    struct str unit;    /* "min", "EUR", "" */
    struct str example; /* JSON text of a valid value */
    struct str absent;  /* JSON text of what absence means, e.g. "EUR"; empty: unknown */
    struct str label_fr, label_en, help_fr, help_en;
};

struct schema;

/* Read and check schema.json (models/FORMAT.md): unique names, known keys only, sane ranges, no alias with two
 * meanings, valid examples. MRC_EFORMAT names the field. */
int schema_read(struct schema **out, struct str json, struct mrc_err *err) MRC_CHECKED;
void schema_free(struct schema *s);

struct str schema_name(const struct schema *s); /* "first-week" */
int64_t schema_version(const struct schema *s);
struct str schema_source(const struct schema *s); /* the JSON text it was read from */
uint32_t schema_count(const struct schema *s);
const struct field *schema_field(const struct schema *s, uint32_t i);
int64_t schema_find(const struct schema *s, struct str name); /* index, or -1 */
int64_t schema_target(const struct schema *s); /* index of first_week_entries or whatever `target` names, or -1 */

/* Value of the field's vocabulary that text means (value, label or alias, all compared folded), or -1. */
int64_t field_value_find(const struct field *f, struct str text);

#endif
