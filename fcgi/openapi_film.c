/* The raw schema as JSON Schema: what POST /predict takes, field by field, as row.c checks it. */
#include "fcgi/openapi.h"
#include "fcgi/openapi_tables.h"

#include "common/base/json.h"

static void put_bounds(struct json_out *w, const struct field *f)
{
    if (f->has_min) {
        json_pair_double(w, f->exclusive_min ? "exclusiveMinimum" : "minimum", f->min);
    }
    if (f->has_max) {
        json_pair_double(w, "maximum", f->max);
    }
}

/* One text: a closed vocabulary is an enumeration (aliases are taken too); no text holds NUL. */
static void put_text_rules(struct json_out *w, const struct field *f, bool required)
{
    json_pair_cstr(w, "type", "string");
    if (f->closed) {
        json_put_key(w, "enum");
        json_open_array(w);
        for (uint32_t i = 0; i < f->n_values; i++) {
            json_put_str(w, f->values[i].value);
        }
        json_close_array(w);
        return;
    }
    if (required) {
        json_pair_i64(w, "minLength", 1);
    }
    json_pair_i64(w, "maxLength", f->length_max);
    json_pair_cstr(w, "pattern", "^[^\\u0000]*$");
}

static void put_rules(struct json_out *w, const struct field *f)
{
    switch (f->type) {
    case FIELD_NUMBER:
    case FIELD_INTEGER:
        json_pair_cstr(w, "type", f->type == FIELD_NUMBER ? "number" : "integer");
        put_bounds(w, f);
        break;
    case FIELD_DATE:
        json_pair_cstr(w, "type", "string");
        json_pair_cstr(w, "format", "date");
        break;
    case FIELD_LIST:
        json_pair_cstr(w, "type", "array");
        json_pair_i64(w, "maxItems", f->items_max);
        json_put_key(w, "items");
        json_open_object(w);
        put_text_rules(w, f, false);
        json_close_object(w);
        break;
    case FIELD_CATEGORY:
    case FIELD_TEXT:
    case FIELD__COUNT:
        put_text_rules(w, f, f->required);
        break;
    }
}

static void put_description(struct json_out *w, const struct field *f)
{
    struct buf b;
    buf_init(&b, NULL, 64 * 1024);
    buf_str(&b, f->help_en);
    if (f->unit.n > 0) {
        buf_puts(&b, b.n > 0 ? " " : "");
        buf_printf(&b, "Unit: %.*s.", STR_ARG(f->unit));
    }
    if (f->absent.n > 0) {
        buf_puts(&b, b.n > 0 ? " " : "");
        buf_printf(&b, "Absent means %.*s.", STR_ARG(f->absent));
    }
    if (f->help_fr.n > 0) {
        buf_puts(&b, b.n > 0 ? "\n\n" : "");
        buf_str(&b, f->help_fr);
    }
    json_pair_str(w, "description", buf_text(&b));
    buf_release(&b);
}

static void put_property(struct json_out *w, const struct field *f)
{
    json_put_key_str(w, f->name);
    json_open_object(w);
    json_pair_str(w, "title", f->label_en.n > 0 ? f->label_en : f->name);
    if (f->known == KNOWN_AFTER) {
        json_pair_cstr(w, "description", "Known only after the release: ignored here, with a warning.");
        json_close_object(w);
        return;
    }
    put_description(w, f);
    if (f->required) {
        put_rules(w, f);
    } else {
        json_put_key(w, "anyOf");
        json_open_array(w);
        json_open_object(w);
        put_rules(w, f);
        json_close_object(w);
        openapi_put(w, "{'type':'null'}");
        json_close_array(w);
    }
    if (f->example.n > 0) {
        json_put_key(w, "examples");
        json_open_array(w);
        json_put_raw(w, f->example);
        json_close_array(w);
    }
    json_close_object(w);
}

void openapi_film_example(struct json_out *w, const struct schema *schema)
{
    json_open_object(w);
    for (uint32_t i = 0; schema != NULL && i < schema_count(schema); i++) {
        const struct field *f = schema_field(schema, i);
        if (f->known != KNOWN_AFTER && f->example.n > 0) {
            json_put_key_str(w, f->name);
            json_put_raw(w, f->example);
        }
    }
    json_close_object(w);
}

void openapi_unknown(struct json_out *w)
{
    json_put_key(w, "propertyNames");
    openapi_put(w, "{'pattern':'^[^\\\\u0000]*$'}");
    json_put_key(w, "patternProperties"); /* of every member; generators of clients do not follow it */
    openapi_put(w, "{'':{'$ref':'#/components/schemas/Value'}}");
}

void openapi_film(struct json_out *w, const struct schema *schema)
{
    json_open_object(w);
    json_pair_cstr(w, "type", "object");
    json_pair_cstr(w, "title", "Film");
    json_pair_cstr(w, "description",
                   "What is known about a film. Fields that are not listed are accepted and named in `warnings`. Names "
                   "of a vocabulary are matched without case and accents, and by their aliases in French and English.");
    json_put_key(w, "required");
    json_open_array(w);
    for (uint32_t i = 0; schema != NULL && i < schema_count(schema); i++) {
        if (schema_field(schema, i)->required && schema_field(schema, i)->known != KNOWN_AFTER) {
            json_put_str(w, schema_field(schema, i)->name);
        }
    }
    json_close_array(w);
    json_put_key(w, "properties");
    json_open_object(w);
    for (uint32_t i = 0; schema != NULL && i < schema_count(schema); i++) {
        put_property(w, schema_field(schema, i));
    }
    json_close_object(w);
    openapi_unknown(w);
    json_put_key(w, "not"); /* an object with `films` is a batch */
    openapi_put(w, "{'required':['films']}");
    json_put_key(w, "examples");
    json_open_array(w);
    openapi_film_example(w, schema);
    json_close_array(w);
    json_close_object(w);
}

/* A film_id alone names a film: it must then be one. */
static void put_film_choice(struct json_out *w)
{
    json_put_key(w, "anyOf");
    openapi_put(w,
                "[{'required':['title','release_date']},"
                "{'required':['film_id'],'properties':{'film_id':{'type':'string','pattern':" VISIBLE_PATTERN "}}}]");
}

void openapi_outcome(struct json_out *w, const struct schema *schema)
{
    int64_t target = schema == NULL ? -1 : schema_target(schema);
    json_open_object(w);
    json_pair_cstr(w, "type", "object");
    json_pair_cstr(w, "title", "OutcomeIn");
    json_pair_cstr(w, "description",
                   "A film, by its raw fields or by the film_id you keep it under, and its first week in France.");
    json_put_key(w, "required");
    json_open_array(w);
    if (target >= 0) {
        json_put_str(w, schema_field(schema, (uint32_t)target)->name);
    }
    json_put_cstr(w, "source");
    json_close_array(w);
    json_put_key(w, "properties");
    json_open_object(w);
    for (uint32_t i = 0; schema != NULL && i < schema_count(schema); i++) {
        const struct field *f = schema_field(schema, i);
        if (i != target) {
            put_property(w, f);
            continue;
        }
        json_put_key_str(w, f->name);
        json_open_object(w);
        put_description(w, f);
        put_rules(w, f);
        json_close_object(w);
    }
    json_put_key(w, "source");
    openapi_put(w, VISIBLE_TEXT("120"));
    json_put_key(w, "week");
    openapi_put(w, "{'anyOf':[{'type':'string','format':'date'},{'type':'null'}],"
                   "'description':'The Wednesday on or before release_date, which is meant when absent.'}");
    json_put_key(w, "provisional");
    openapi_put(w, "{'anyOf':[{'type':'boolean'},{'type':'null'}],'description':'An estimate before the count.'}");
    json_put_key(w, "confirm");
    openapi_put(w, "{'anyOf':[{'type':'boolean'},{'type':'null'}],"
                   "'description':'It is right although it looks wrong.'}");
    json_close_object(w);
    put_film_choice(w);
    openapi_unknown(w);
    json_put_key(w, "not"); /* an object with `outcomes` is a batch */
    openapi_put(w, "{'required':['outcomes']}");
    json_close_object(w);
}
