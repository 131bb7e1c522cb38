/* JSON reader, in three steps: scan() proves the text against RFC 8259 and our limits, reads every number exactly and
 * makes a copy in which each number is a plain 0; cJSON builds the tree from that copy; dress() puts the exact numbers
 * into the tree and looks for keys that stand twice. So nothing that cJSON 1.7 reads differently from the RFC reaches
 * it: text behind the value, a byte-order mark, raw control characters, 01 and 1., bad UTF-8, \u0000, numbers beyond
 * its 63-byte buffer, out of range or spoiled by a locale. */
#include "common/base/json.h"

#include <cjson/cJSON.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 256, DOCS_KEPT_MAX = 4 };

const struct json_limits json_limits_file = {.bytes_max = (size_t)1 << 30, .depth_max = DEPTH_MAX, .values_max = 0};

/* A value is a cJSON node of which two unused members are put to use: valueint of a member is its number among all
 * keys of the document (from 0, in order), valuedouble of an array or object is its count. */
struct json_doc {
    cJSON *root;
    bool in_arena;
    struct arena arena;    /* holds the tree when in_arena */
    struct json_doc *next; /* among those kept */
};

/* ---- where trees live ------------------------------------------------------------------------------------------ */

static bool use_arenas;
static _Thread_local struct arena *growing; /* of the tree that cJSON is building; NULL: the heap */
static _Thread_local struct json_doc *kept; /* that were freed, with their memory: as many as are in use at a time */
static _Thread_local unsigned n_kept;

static void *tree_alloc(size_t size)
{
    return growing != NULL ? arena_alloc(growing, size, _Alignof(max_align_t)) : malloc(size);
}

static void tree_free(void *p)
{
    if (growing == NULL) {
        free(p);
    }
}

void json_use_arenas(void)
{
    cJSON_Hooks hooks = {.malloc_fn = tree_alloc, .free_fn = tree_free};
    cJSON_InitHooks(&hooks);
    use_arenas = true;
}

static struct json_doc *doc_new(void)
{
    struct json_doc *doc = kept;
    if (doc != NULL) {
        kept = doc->next;
        n_kept--;
    } else if ((doc = calloc(1, sizeof(*doc))) != NULL) {
        doc->in_arena = use_arenas;
        arena_init(&doc->arena, 0);
    }
    return doc;
}

void json_free(struct json_doc *doc)
{
    if (doc == NULL) {
        return;
    }
    if (!doc->in_arena) {
        cJSON_Delete(doc->root);
    }
    doc->root = NULL;
    if (doc->in_arena && n_kept < DOCS_KEPT_MAX) {
        arena_reset(&doc->arena);
        doc->next = kept;
        kept = doc;
        n_kept++;
        return;
    }
    arena_release(&doc->arena);
    free(doc);
}

/* ---- scanning -------------------------------------------------------------------------------------------------- */

struct scan {
    struct str text;
    size_t i;
    struct json_limits limits;
    char *copy;      /* [text.n] every number replaced by 0 and blanks */
    double *numbers; /* in order of appearance */
    size_t n_numbers, numbers_cap;
    size_t values;
    size_t keys;       /* seen so far */
    size_t wanted_key; /* stop at this one, SIZE_MAX = none: finds the place of a key that stands twice */
    size_t at;         /* byte offset of the problem */
    unsigned depth;
    char open[DEPTH_MAX]; /* '{' or '[' per level */
    struct mrc_err *err;
};

static int fail_at(struct scan *s, int code, size_t at, const char *why)
{
    uint32_t line = 1;
    size_t line_start = 0;
    for (size_t i = 0; i < at; i++) {
        if (s->text.p[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    size_t col = at - line_start + 1;
    s->at = at;
    return mrc_fail_at(s->err, code, line, col > UINT32_MAX ? UINT32_MAX : (uint32_t)col, "%s", why);
}

static int wrong(struct scan *s, size_t at, const char *why)
{
    return fail_at(s, MRC_EFORMAT, at, why);
}

static void skip_blanks(struct scan *s)
{
    const char *p = s->text.p;
    while (s->i < s->text.n && (p[s->i] == ' ' || p[s->i] == '\n' || p[s->i] == '\t' || p[s->i] == '\r')) {
        s->i++;
    }
}

static int peek(const struct scan *s)
{
    return s->i < s->text.n ? (unsigned char)s->text.p[s->i] : -1;
}

/* Four hexadecimal digits at i, or -1. */
static int32_t hex4(struct str text, size_t i)
{
    int32_t v = 0;
    if (text.n - i < 4) {
        return -1;
    }
    for (size_t end = i + 4; i < end; i++) {
        char c = text.p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) {
            return -1;
        }
        v = v * 16 + digit;
    }
    return v;
}

/* s->i is behind a backslash. */
static int scan_escape(struct scan *s, size_t string_start)
{
    size_t escape = s->i - 1;
    int c = peek(s);
    if (c < 0) {
        return wrong(s, string_start, "Unterminated string starting at");
    }
    if (c != 'u') {
        if (strchr("\"\\/bfnrt", c) == NULL || c == '\0') {
            return wrong(s, escape, "Invalid \\escape");
        }
        s->i++;
        return MRC_OK;
    }
    int32_t unit = hex4(s->text, s->i + 1);
    if (unit < 0) {
        return wrong(s, escape + 1, "Invalid \\uXXXX escape"); /* Python's json points at the u */
    }
    if (unit == 0) {
        return wrong(s, escape, "\\u0000 is not accepted in strings");
    }
    s->i += 5;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        bool pair = s->text.n - s->i >= 6 && s->text.p[s->i] == '\\' && s->text.p[s->i + 1] == 'u';
        int32_t low = pair ? hex4(s->text, s->i + 2) : -1;
        if (low < 0xdc00 || low > 0xdfff) {
            return wrong(s, escape, "Lone surrogate in \\uXXXX escape");
        }
        s->i += 6;
    } else if (unit >= 0xdc00 && unit <= 0xdfff) {
        return wrong(s, escape, "Lone surrogate in \\uXXXX escape");
    }
    return MRC_OK;
}

/* s->i is on the opening quote. UTF-8 was checked for the whole text before. */
static int scan_string(struct scan *s)
{
    size_t start = s->i++;
    const unsigned char *p = (const unsigned char *)s->text.p;
    for (;;) {
        while (s->i < s->text.n && p[s->i] >= 0x20 && p[s->i] != '"' && p[s->i] != '\\') {
            s->i++;
        }
        if (s->i == s->text.n) {
            return wrong(s, start, "Unterminated string starting at");
        }
        unsigned char c = p[s->i];
        if (c < 0x20) {
            return wrong(s, s->i, "Invalid control character at");
        }
        s->i++;
        if (c == '"') {
            return MRC_OK;
        }
        MRC_TRY(scan_escape(s, start));
    }
}

static size_t digits_from(const struct scan *s, size_t i)
{
    while (i < s->text.n && s->text.p[i] >= '0' && s->text.p[i] <= '9') {
        i++;
    }
    return i;
}

/* End of the longest number at s->i by RFC 8259's grammar; s->i itself when there is none. What follows the number
 * (the 1 of 01, the point of 1.) is then wrong in its place. */
static size_t number_end(const struct scan *s)
{
    const char *p = s->text.p;
    size_t n = s->text.n, i = s->i;
    i += p[i] == '-';
    size_t whole = digits_from(s, i);
    if (whole == i) {
        return s->i;
    }
    size_t end = p[i] == '0' ? i + 1 : whole;
    if (end < n && p[end] == '.') {
        size_t fraction = digits_from(s, end + 1);
        if (fraction == end + 1) {
            return end;
        }
        end = fraction;
    }
    if (end < n && (p[end] == 'e' || p[end] == 'E')) {
        size_t sign = end + 1;
        sign += sign < n && (p[sign] == '+' || p[sign] == '-');
        size_t exponent = digits_from(s, sign);
        end = exponent == sign ? end : exponent;
    }
    return end;
}

static bool keep_number(struct scan *s, double v)
{
    if (s->n_numbers == s->numbers_cap) {
        size_t cap = s->numbers_cap < 64 ? 64 : s->numbers_cap + s->numbers_cap / 2;
        double *numbers = realloc(s->numbers, cap * sizeof(*numbers));
        if (numbers == NULL) {
            return false;
        }
        s->numbers = numbers;
        s->numbers_cap = cap;
    }
    s->numbers[s->n_numbers++] = v;
    return true;
}

static int scan_number(struct scan *s)
{
    size_t start = s->i, end = number_end(s);
    double v = 0;
    struct str digits = {s->text.p + start, end - start};
    if (end == start || !parse_double(digits, &v)) {
        return wrong(s, start, "Expecting value");
    }
    if (!isfinite(v)) {
        char why[96];
        snprintf(why, sizeof(why), "number %.*s%s is out of range", digits.n > 40 ? 40 : (int)digits.n, digits.p,
                 digits.n > 40 ? "..." : "");
        return wrong(s, start, why);
    }
    if (s->copy != NULL) {
        if (!keep_number(s, v)) {
            return mrc_fail(s->err, MRC_ENOMEM, "out of memory (%zu numbers)", s->n_numbers);
        }
        memset(s->copy + start, ' ', end - start);
        s->copy[start] = '0';
    }
    s->i = end;
    return MRC_OK;
}

static int scan_word(struct scan *s, const char *word)
{
    size_t n = strlen(word);
    if (s->text.n - s->i < n || memcmp(s->text.p + s->i, word, n) != 0) {
        return wrong(s, s->i, "Expecting value");
    }
    s->i += n;
    return MRC_OK;
}

/* Key and colon; s->i is where the key must begin. */
static int scan_key(struct scan *s)
{
    if (peek(s) != '"') {
        return wrong(s, s->i, "Expecting property name enclosed in double quotes");
    }
    if (s->keys++ == s->wanted_key) {
        s->at = s->i;
        return MRC_ECONFLICT;
    }
    MRC_TRY(scan_string(s));
    skip_blanks(s);
    if (peek(s) != ':') {
        return wrong(s, s->i, "Expecting ':' delimiter");
    }
    s->i++;
    skip_blanks(s);
    return MRC_OK;
}

static int open_level(struct scan *s, char kind)
{
    if (s->depth >= s->limits.depth_max) {
        char why[64];
        snprintf(why, sizeof(why), "nested deeper than %u levels", s->limits.depth_max);
        return fail_at(s, MRC_ELIMIT, s->i, why);
    }
    s->open[s->depth++] = kind;
    s->i++;
    skip_blanks(s);
    return MRC_OK;
}

/* One value, or the opening of one: *complete tells. */
static int scan_value(struct scan *s, bool *complete)
{
    *complete = true;
    if (++s->values > s->limits.values_max && s->limits.values_max != 0) {
        char why[64];
        snprintf(why, sizeof(why), "more than %zu values", s->limits.values_max);
        return fail_at(s, MRC_ELIMIT, s->i, why);
    }
    int c = peek(s);
    switch (c) {
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    case '[':
    case '{':
        MRC_TRY(open_level(s, (char)c));
        if (peek(s) == (c == '[' ? ']' : '}')) {
            s->depth--;
            s->i++;
            return MRC_OK;
        }
        *complete = false;
        return c == '{' ? scan_key(s) : MRC_OK;
    default:
        if (c == '-' || (c >= '0' && c <= '9')) {
            return scan_number(s);
        }
        return wrong(s, s->i, "Expecting value");
    }
}

/* Behind a complete value: close levels until a comma asks for the next value, or the root is complete. */
static int scan_after_value(struct scan *s, bool *more)
{
    for (;;) {
        skip_blanks(s);
        if (s->depth == 0) {
            *more = false;
            return s->i == s->text.n ? MRC_OK : wrong(s, s->i, "Extra data");
        }
        char kind = s->open[s->depth - 1];
        int c = peek(s);
        if (c == ',') {
            s->i++;
            skip_blanks(s);
            *more = true;
            return kind == '{' ? scan_key(s) : MRC_OK;
        }
        if (c != (kind == '[' ? ']' : '}')) {
            return wrong(s, s->i, "Expecting ',' delimiter");
        }
        s->depth--;
        s->i++;
    }
}

static int scan_text(struct scan *s)
{
    skip_blanks(s);
    bool more = true;
    while (more) {
        bool complete;
        MRC_TRY(scan_value(s, &complete));
        if (complete) {
            MRC_TRY(scan_after_value(s, &more));
        }
    }
    return MRC_OK;
}

/* What concerns the text as a whole. */
static int check_bytes(struct scan *s)
{
    char why[96];
    if (s->text.n > s->limits.bytes_max) {
        snprintf(why, sizeof(why), "text of %zu bytes, at most %zu are accepted", s->text.n, s->limits.bytes_max);
        s->at = 0;
        return mrc_fail(s->err, MRC_ELIMIT, "%s", why);
    }
    if (s->text.n >= 3 && memcmp(s->text.p, "\xef\xbb\xbf", 3) == 0) {
        return wrong(s, 0, "Unexpected UTF-8 byte-order mark");
    }
    size_t valid = utf8_valid(s->text);
    if (valid < s->text.n) {
        snprintf(why, sizeof(why), "byte 0x%02x is not valid UTF-8", (unsigned)(unsigned char)s->text.p[valid]);
        return wrong(s, valid, why);
    }
    return MRC_OK;
}

/* ---- tree ------------------------------------------------------------------------------------------------------ */

enum { FEW_MEMBERS = 12 }; /* up to here comparing all pairs is faster than sorting */

static int by_key(const void *a, const void *b)
{
    const cJSON *x = *(const cJSON *const *)a, *y = *(const cJSON *const *)b;
    int c = strcmp(x->string, y->string);
    return c != 0 ? c : (x->valueint > y->valueint) - (x->valueint < y->valueint);
}

/* The member of an object that repeats an earlier key, NULL when none does; the first in the text when several do.
 * Sorting keeps hostile objects from taking quadratic time. */
static int find_repeated(const cJSON *object, size_t count, const cJSON **out, struct mrc_err *err)
{
    *out = NULL;
    if (count <= FEW_MEMBERS) {
        for (const cJSON *m = object->child; m != NULL; m = m->next) {
            for (const cJSON *earlier = object->child; earlier != m; earlier = earlier->next) {
                if (strcmp(earlier->string, m->string) == 0) {
                    *out = m;
                    return MRC_OK;
                }
            }
        }
        return MRC_OK;
    }
    const cJSON **members = malloc(count * sizeof(*members));
    if (members == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "out of memory (object of %zu members)", count);
    }
    size_t n = 0;
    for (const cJSON *m = object->child; m != NULL; m = m->next) {
        members[n++] = m;
    }
    qsort(members, n, sizeof(*members), by_key);
    for (size_t i = 1; i < n; i++) {
        bool same = strcmp(members[i - 1]->string, members[i]->string) == 0;
        if (same && (*out == NULL || members[i]->valueint < (*out)->valueint)) {
            *out = members[i];
        }
    }
    free(members);
    return MRC_OK;
}

/* Walk the tree in the order of the text: exact numbers, counts, numbers of keys. Then repeated keys are found, at the
 * close of each object. *repeated: a member whose key stands twice, or NULL. */
static int dress(cJSON *root, const double *numbers, size_t n_numbers, const cJSON **repeated, struct mrc_err *err)
{
    cJSON *parents[DEPTH_MAX];
    size_t counts[DEPTH_MAX];
    unsigned depth = 0;
    size_t used = 0;
    int keys = 0;
    *repeated = NULL;
    cJSON *v = root;
    while (v != NULL) {
        if (depth > 0) {
            counts[depth - 1]++;
            if (v->string != NULL) {
                v->valueint = keys++;
            }
        }
        if (cJSON_IsNumber(v)) {
            if (used == n_numbers) {
                return mrc_fail(err, MRC_EBUG, "JSON tree has more numbers than the text");
            }
            v->valuedouble = numbers[used++];
        }
        if (v->child != NULL) {
            if (depth == DEPTH_MAX) {
                return mrc_fail(err, MRC_EBUG, "JSON tree is deeper than the text");
            }
            counts[depth] = 0;
            parents[depth++] = v;
            v = v->child;
            continue;
        }
        while (depth > 0 && v->next == NULL) {
            v = parents[--depth];
            v->valuedouble = (double)counts[depth];
            if (cJSON_IsObject(v)) {
                MRC_TRY(find_repeated(v, counts[depth], repeated, err));
                if (*repeated != NULL) {
                    return MRC_OK;
                }
            }
        }
        v = depth > 0 ? v->next : NULL;
    }
    return used == n_numbers ? MRC_OK : mrc_fail(err, MRC_EBUG, "JSON tree has fewer numbers than the text");
}

/* Say where a repeated key stands: scan again up to it. */
static int fail_repeated(struct scan *s, const cJSON *member)
{
    struct scan again = {.text = s->text, .limits = s->limits, .wanted_key = (size_t)member->valueint, .err = s->err};
    char why[160];
    size_t n = strlen(member->string), shown = n;
    if (n > 100) {
        for (shown = 100; ((unsigned char)member->string[shown] & 0xc0) == 0x80; shown--) {
        }
    }
    snprintf(why, sizeof(why), "duplicate key \"%.*s%s\"", (int)shown, member->string, shown < n ? "..." : "");
    if (scan_text(&again) != MRC_ECONFLICT) {
        return mrc_fail(s->err, MRC_EBUG, "%s, but not in the text", why);
    }
    return wrong(s, again.at, why);
}

static int build(struct scan *s, struct json_doc *doc)
{
    MRC_TRY(check_bytes(s));
    s->copy = malloc(s->text.n + 1);
    if (s->copy == NULL) {
        return mrc_fail(s->err, MRC_ENOMEM, "out of memory (JSON text of %zu bytes)", s->text.n);
    }
    if (s->text.n > 0) {
        memcpy(s->copy, s->text.p, s->text.n);
    }
    MRC_TRY(scan_text(s));
    growing = doc->in_arena ? &doc->arena : NULL;
    doc->root = cJSON_ParseWithLength(s->copy, s->text.n);
    growing = NULL;
    if (doc->root == NULL) {
        return mrc_fail(s->err, MRC_ENOMEM, "out of memory (%zu JSON values)", s->values);
    }
    const cJSON *repeated;
    MRC_TRY(dress(doc->root, s->numbers, s->n_numbers, &repeated, s->err));
    return repeated == NULL ? MRC_OK : fail_repeated(s, repeated);
}

int json_read(struct json_doc **out, struct str text, const struct json_limits *limits, size_t *offset,
              struct mrc_err *err)
{
    struct scan s = {.text = text, .limits = *limits, .wanted_key = SIZE_MAX, .err = err};
    if (s.limits.depth_max > DEPTH_MAX) {
        s.limits.depth_max = DEPTH_MAX;
    }
    if (s.limits.bytes_max > INT32_MAX) {
        s.limits.bytes_max = INT32_MAX; /* keys and counts are ints inside the tree */
    }
    struct json_doc *doc = doc_new();
    if (doc == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "out of memory");
    }
    int rc = build(&s, doc);
    free(s.copy);
    free(s.numbers);
    if (rc < 0) {
        json_free(doc);
        if (offset != NULL) {
            *offset = s.at;
        }
        return rc;
    }
    *out = doc;
    return MRC_OK;
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

static const cJSON *node(const struct json *v)
{
    return (const cJSON *)(const void *)v;
}

static const struct json *value(const cJSON *n)
{
    return (const struct json *)(const void *)n;
}

const struct json *json_root(const struct json_doc *doc)
{
    return doc == NULL ? NULL : value(doc->root);
}

enum json_type json_type(const struct json *v)
{
    switch (v == NULL ? cJSON_Invalid : node(v)->type & 0xff) {
    case cJSON_NULL:
        return JSON_NULL;
    case cJSON_False:
    case cJSON_True:
        return JSON_BOOL;
    case cJSON_Number:
        return JSON_NUMBER;
    case cJSON_String:
        return JSON_STRING;
    case cJSON_Array:
        return JSON_ARRAY;
    case cJSON_Object:
        return JSON_OBJECT;
    default:
        return JSON_ABSENT;
    }
}

const char *json_type_name(enum json_type t)
{
    static const char *const names[] = {
        [JSON_ABSENT] = "absent", [JSON_NULL] = "null",   [JSON_BOOL] = "boolean", [JSON_NUMBER] = "number",
        [JSON_STRING] = "string", [JSON_ARRAY] = "array", [JSON_OBJECT] = "object"};
    return (size_t)t < sizeof(names) / sizeof(names[0]) ? names[t] : "absent";
}

static bool is_container(const struct json *v)
{
    enum json_type t = json_type(v);
    return t == JSON_ARRAY || t == JSON_OBJECT;
}

size_t json_count(const struct json *v)
{
    return is_container(v) ? (size_t)node(v)->valuedouble : 0;
}

const struct json *json_find(const struct json *object, const char *key)
{
    if (json_type(object) != JSON_OBJECT) {
        return NULL;
    }
    for (const cJSON *m = node(object)->child; m != NULL; m = m->next) {
        if (strcmp(m->string, key) == 0) {
            return value(m);
        }
    }
    return NULL;
}

const struct json *json_at(const struct json *array, size_t i)
{
    const struct json *item = json_type(array) == JSON_ARRAY ? json_first(array) : NULL;
    for (; item != NULL && i > 0; i--) {
        item = json_next(item);
    }
    return item;
}

const struct json *json_first(const struct json *container)
{
    return is_container(container) ? value(node(container)->child) : NULL;
}

const struct json *json_next(const struct json *item)
{
    return item == NULL ? NULL : value(node(item)->next);
}

struct str json_key(const struct json *member)
{
    return member == NULL || node(member)->string == NULL ? STR("") : str_of(node(member)->string);
}

bool json_bool(const struct json *v, bool *out)
{
    if (json_type(v) != JSON_BOOL) {
        return false;
    }
    *out = cJSON_IsTrue(node(v));
    return true;
}

bool json_double(const struct json *v, double *out)
{
    if (json_type(v) != JSON_NUMBER) {
        return false;
    }
    *out = node(v)->valuedouble;
    return true;
}

bool json_i64(const struct json *v, int64_t *out)
{
    double d;
    const double exact = 9007199254740992.0; /* 2^53 */
    if (!json_double(v, &d) || !(d >= -exact && d <= exact) || d != floor(d)) {
        return false;
    }
    *out = (int64_t)d;
    return true;
}

bool json_str(const struct json *v, struct str *out)
{
    if (json_type(v) != JSON_STRING) {
        return false;
    }
    *out = str_of(node(v)->valuestring);
    return true;
}

int json_get(const struct json *object, const char *key, enum json_type type, const struct json **out,
             struct mrc_err *err)
{
    if (json_type(object) != JSON_OBJECT) {
        return mrc_fail(err, MRC_EFORMAT, "\"%s\" is looked for in an object, not in %s", key,
                        json_type_name(json_type(object)));
    }
    const struct json *v = json_find(object, key);
    if (v == NULL) {
        return mrc_fail(err, MRC_EFORMAT, "key \"%s\" (%s) is missing", key, json_type_name(type));
    }
    if (json_type(v) != type) {
        return mrc_fail(err, MRC_EFORMAT, "key \"%s\" is of type %s, expected %s", key, json_type_name(json_type(v)),
                        json_type_name(type));
    }
    *out = v;
    return MRC_OK;
}

int json_get_str(const struct json *object, const char *key, struct str *out, struct mrc_err *err)
{
    const struct json *v = NULL;
    MRC_TRY(json_get(object, key, JSON_STRING, &v, err));
    json_str(v, out);
    return MRC_OK;
}

int json_get_double(const struct json *object, const char *key, double *out, struct mrc_err *err)
{
    const struct json *v = NULL;
    MRC_TRY(json_get(object, key, JSON_NUMBER, &v, err));
    json_double(v, out);
    return MRC_OK;
}

int json_get_i64(const struct json *object, const char *key, int64_t min, int64_t max, int64_t *out,
                 struct mrc_err *err)
{
    const struct json *v = NULL;
    int64_t i = 0;
    MRC_TRY(json_get(object, key, JSON_NUMBER, &v, err));
    if (!json_i64(v, &i) || i < min || i > max) {
        char text[NUMBER_TEXT_MAX];
        format_double(node(v)->valuedouble, text);
        return mrc_fail(err, MRC_EFORMAT, "key \"%s\" is %s, expected an integer from %lld to %lld", key, text,
                        (long long)min, (long long)max);
    }
    *out = i;
    return MRC_OK;
}
