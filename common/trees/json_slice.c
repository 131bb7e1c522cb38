/* Finds values in JSON text that is known to be valid, by counting brackets and skipping strings. */
#include "common/trees/json_slice.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* s without its first n bytes and the blanks that follow. */
static struct str after(struct str s, size_t n)
{
    while (n < s.n && is_blank(s.p[n])) {
        n++;
    }
    return n < s.n ? (struct str){s.p + n, s.n - n} : (struct str){s.p + s.n, 0};
}

/* Bytes of the string at the start of s, with its quotes. */
static size_t string_length(struct str s)
{
    size_t i = 1;
    while (i < s.n && s.p[i] != '"') {
        i += s.p[i] == '\\' ? 2 : 1;
    }
    return i < s.n ? i + 1 : s.n;
}

/* Bytes of the value at the start of s. */
static size_t value_length(struct str s)
{
    size_t depth = 0, i = 0;
    while (i < s.n) {
        char c = s.p[i];
        if (c == '"') {
            i += string_length((struct str){s.p + i, s.n - i});
        } else if (c == '{' || c == '[') {
            depth++;
            i++;
        } else if (depth > 0) {
            depth -= c == '}' || c == ']';
            i++;
        } else {
            while (i < s.n && s.p[i] != ',' && s.p[i] != '}' && s.p[i] != ']' && !is_blank(s.p[i])) {
                i++; /* number or word */
            }
        }
        if (depth == 0) {
            return i;
        }
    }
    return s.n;
}

struct json_slices json_slices_of(struct str object)
{
    struct str s = after(object, 0);
    return (struct json_slices){s.n > 0 && s.p[0] == '{' ? after(s, 1) : (struct str){s.p, 0}};
}

/* Key (with quotes) and value of the next member; false at the end. */
static bool next_member(struct json_slices *w, struct str *key, struct str *value)
{
    struct str s = w->rest;
    if (s.n > 0 && s.p[0] == ',') {
        s = after(s, 1);
    }
    if (s.n == 0 || s.p[0] != '"') {
        return false;
    }
    *key = (struct str){s.p, string_length(s)};
    s = after(s, key->n);
    s = after(s, s.n > 0 ? 1 : 0); /* the colon */
    *value = (struct str){s.p, value_length(s)};
    w->rest = after(s, value->n);
    return true;
}

struct str json_slices_next(struct json_slices *w)
{
    struct str key, value = {w->rest.p, 0};
    return next_member(w, &key, &value) ? value : (struct str){w->rest.p, 0};
}

struct str json_slice_member(struct str object, const char *key)
{
    struct json_slices w = json_slices_of(object);
    struct str name, value;
    while (next_member(&w, &name, &value)) {
        if (name.n >= 2 && str_is((struct str){name.p + 1, name.n - 2}, key)) {
            return value;
        }
    }
    return (struct str){object.p, 0};
}

bool json_slice_compact(struct arena *a, struct str value, struct str *out)
{
    char *p = arena_alloc(a, value.n + 1, 1);
    if (!p) {
        return false;
    }
    size_t n = 0;
    for (size_t i = 0; i < value.n;) {
        if (is_blank(value.p[i])) {
            i++;
            continue;
        }
        size_t run = value.p[i] == '"' ? string_length((struct str){value.p + i, value.n - i}) : 1;
        memcpy(p + n, value.p + i, run);
        n += run;
        i += run;
    }
    *out = (struct str){p, n};
    return true;
}
