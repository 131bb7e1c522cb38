/* JSON: a strict bounded reader. The writer, json_out.h, comes with it.
 *
 * The reader accepts RFC 8259 only: one value, nothing behind it; UTF-8 without a byte-order mark; no control
 * characters in strings; numbers by the grammar and finite as doubles; strings without NUL (\u0000) and without lone
 * surrogates; no key twice in one object. cJSON builds the tree after our own pass over the bytes has refused what
 * cJSON would let through. A document is read-only and belongs to its reader. */
#ifndef MRC_BASE_JSON_H
#define MRC_BASE_JSON_H

#include "common/base/json_out.h"
#include "common/base/text.h"

struct json_doc;
struct json; /* one value inside a document; NULL stands for "absent" in every accessor */

enum json_type { JSON_ABSENT, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_limits {
    size_t bytes_max;   /* longest text */
    unsigned depth_max; /* deepest nesting of arrays and objects, at most 256 */
    size_t values_max;  /* most values (scalars, arrays, objects); 0 = no bound but bytes_max */
};
/* 1 GiB, depth 256, no count: for files of ours. Requests have their own settings. */
extern const struct json_limits json_limits_file;

/* Read text (n bytes, need not be NUL-terminated). MRC_EFORMAT with line and column (in bytes), MRC_ELIMIT, MRC_ENOMEM.
 * *offset (may be NULL): byte offset of the problem. What Python's json module refuses too has its message and position
 * ("Expecting ',' delimiter", "Extra data", …), for FastAPI's json_invalid. The text is not referred to afterwards. */
int json_read(struct json_doc **out, struct str text, const struct json_limits *limits, size_t *offset,
              struct mrc_err *err) MRC_CHECKED;
void json_free(struct json_doc *doc); /* NULL is fine */
/* For a program that reads many documents: a document's values are allocated and freed together, and its memory is kept
 * for the thread's next one (of at most four documents, 1 MiB each). Sets cJSON's hooks, so not for a library; before the
 * first document. */
void json_use_arenas(void);
const struct json *json_root(const struct json_doc *doc);

enum json_type json_type(const struct json *v);
const char *json_type_name(enum json_type t); /* "object", "string", … for messages */

/* Members and items. All O(1) per step when walked by first/next; json_find and json_at walk. */
size_t json_count(const struct json *v);                                  /* members or items; 0 for anything else */
const struct json *json_find(const struct json *object, const char *key); /* NULL: absent or not an object */
const struct json *json_at(const struct json *array, size_t i);
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *item);
struct str json_key(const struct json *member); /* name inside its object; NUL-terminated */

/* Scalars: true when v has that type (and range); *out untouched otherwise. */
bool json_bool(const struct json *v, bool *out);
bool json_double(const struct json *v, double *out);  /* any JSON number, correctly rounded */
bool json_i64(const struct json *v, int64_t *out);    /* a number without fraction, |v| <= 2^53 */
bool json_str(const struct json *v, struct str *out); /* decoded UTF-8, NUL-terminated, lives with the document */

/* Required member of an object read from a file of ours: MRC_EFORMAT naming key and expected type otherwise. */
int json_get(const struct json *object, const char *key, enum json_type type, const struct json **out,
             struct mrc_err *err) MRC_CHECKED;
int json_get_str(const struct json *object, const char *key, struct str *out, struct mrc_err *err) MRC_CHECKED;
int json_get_double(const struct json *object, const char *key, double *out, struct mrc_err *err) MRC_CHECKED;
int json_get_i64(const struct json *object, const char *key, int64_t min, int64_t max, int64_t *out,
                 struct mrc_err *err) MRC_CHECKED;

#endif
