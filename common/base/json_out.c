/* JSON writer: text goes straight into the buffer; a stack of brackets refuses what would not nest. */
#include "common/base/json.h"

#include <math.h>
#include <string.h>

static void misuse(struct json_out *w)
{
    if (w->b->failed == MRC_OK) {
        w->b->failed = MRC_EBUG;
    }
}

static void new_line(struct json_out *w)
{
    if (w->pretty) {
        buf_char(w->b, '\n');
        for (unsigned i = 0; i < w->depth; i++) {
            buf_add(w->b, "  ", 2);
        }
    }
}

/* Comma and line end before an item, or nothing before a member's value, whose key has done that. */
static bool begin_value(struct json_out *w)
{
    bool in_object = w->depth > 0 && w->kind[w->depth - 1] == '{';
    if (in_object != w->have_key || (w->depth == 0 && w->need_comma)) {
        misuse(w);
        return false;
    }
    if (w->depth > 0 && !in_object) {
        if (w->need_comma) {
            buf_char(w->b, ',');
        }
        new_line(w);
    }
    w->have_key = false;
    w->need_comma = true;
    return true;
}

void json_out_init(struct json_out *w, struct buf *b)
{
    *w = (struct json_out){.b = b};
}

static void open_container(struct json_out *w, char kind)
{
    if (w->depth == JSON_WRITE_DEPTH_MAX) {
        misuse(w);
        return;
    }
    if (begin_value(w)) {
        buf_char(w->b, kind);
        w->kind[w->depth++] = kind;
        w->need_comma = false;
    }
}

static void close_container(struct json_out *w, char kind)
{
    if (w->depth == 0 || w->kind[w->depth - 1] != kind || w->have_key) {
        misuse(w);
        return;
    }
    w->depth--;
    if (w->need_comma) {
        new_line(w);
    }
    buf_char(w->b, kind == '{' ? '}' : ']');
    w->need_comma = true;
}

void json_open_object(struct json_out *w)
{
    open_container(w, '{');
}

void json_close_object(struct json_out *w)
{
    close_container(w, '{');
}

void json_open_array(struct json_out *w)
{
    open_container(w, '[');
}

void json_close_array(struct json_out *w)
{
    close_container(w, '[');
}

static void put_escaped(struct buf *b, unsigned char c)
{
    static const char names[] = "btn\0fr"; /* U+0008 … U+000D; U+000B has none */
    if (c == '"' || c == '\\') {
        buf_char(b, '\\');
        buf_char(b, (char)c);
    } else if (c >= '\b' && c <= '\r' && names[c - '\b'] != '\0') {
        buf_char(b, '\\');
        buf_char(b, names[c - '\b']);
    } else {
        buf_printf(b, "\\u%04x", (unsigned)c);
    }
}

/* The string in quotes: runs of plain bytes are copied as they are. Most strings, and all keys, are one such run. */
static void put_quoted(struct buf *b, struct str s)
{
    size_t plain = 0;
    while (plain < s.n && s.p[plain] >= 0x20 && s.p[plain] < 0x7f && s.p[plain] != '"' && s.p[plain] != '\\') {
        plain++;
    }
    if (plain == s.n) {
        char *p = buf_extend(b, plain + 2);
        if (p != NULL) {
            p[0] = p[plain + 1] = '"';
        }
        if (p != NULL && plain > 0) {
            memcpy(p + 1, s.p, plain);
        }
        return;
    }
    buf_char(b, '"');
    buf_add(b, s.p, plain);
    s.p += plain;
    s.n -= plain;
    while (s.n > 0) {
        size_t valid = utf8_valid(s), run = 0;
        for (size_t i = 0; i < valid; i++) {
            unsigned char c = (unsigned char)s.p[i];
            if (c < 0x20 || c == '"' || c == '\\') {
                buf_add(b, s.p + run, i - run);
                put_escaped(b, c);
                run = i + 1;
            }
        }
        buf_add(b, s.p + run, valid - run);
        s.p += valid;
        s.n -= valid;
        if (s.n > 0) {
            buf_add(b, "\xef\xbf\xbd", 3);
            s.p++;
            s.n--;
        }
    }
    buf_char(b, '"');
}

void json_put_key(struct json_out *w, const char *key)
{
    json_put_key_str(w, str_of(key));
}

void json_put_key_str(struct json_out *w, struct str key)
{
    if (w->depth == 0 || w->kind[w->depth - 1] != '{' || w->have_key) {
        misuse(w);
        return;
    }
    if (w->need_comma) {
        buf_char(w->b, ',');
    }
    new_line(w);
    put_quoted(w->b, key);
    buf_add(w->b, ": ", w->pretty ? 2 : 1);
    w->have_key = true;
}

void json_put_str(struct json_out *w, struct str s)
{
    if (begin_value(w)) {
        put_quoted(w->b, s);
    }
}

void json_put_cstr(struct json_out *w, const char *s)
{
    json_put_str(w, str_of(s));
}

void json_put_double(struct json_out *w, double v)
{
    if (!isfinite(v)) {
        json_put_null(w);
    } else if (begin_value(w)) {
        buf_double(w->b, v);
        if (v == 0 && signbit(v)) {
            buf_puts(w->b, ".0"); /* many readers take -0 for the integer 0 */
        }
    }
}

void json_put_i64(struct json_out *w, int64_t v)
{
    if (begin_value(w)) {
        char text[NUMBER_TEXT_MAX];
        buf_add(w->b, text, format_i64(v, text));
    }
}

void json_put_u64(struct json_out *w, uint64_t v)
{
    if (begin_value(w)) {
        char text[NUMBER_TEXT_MAX];
        buf_add(w->b, text, format_u64(v, text));
    }
}

void json_put_bool(struct json_out *w, bool v)
{
    json_put_raw(w, v ? STR("true") : STR("false"));
}

void json_put_null(struct json_out *w)
{
    json_put_raw(w, STR("null"));
}

void json_put_raw(struct json_out *w, struct str json)
{
    if (json.n == 0) {
        misuse(w);
    } else if (begin_value(w)) {
        buf_str(w->b, json);
    }
}

/* Recursion is bounded: a container that cannot be opened (too deep) is not entered. */
void json_put_value(struct json_out *w, const struct json *v)
{
    struct str s;
    double d;
    bool b;
    enum json_type t = json_type(v);
    if (json_str(v, &s)) {
        json_put_str(w, s);
    } else if (json_double(v, &d)) {
        json_put_double(w, d);
    } else if (json_bool(v, &b)) {
        json_put_bool(w, b);
    } else if (t != JSON_ARRAY && t != JSON_OBJECT) {
        json_put_null(w);
    } else {
        open_container(w, t == JSON_ARRAY ? '[' : '{');
        for (const struct json *i = json_first(v); i != NULL && w->b->failed == MRC_OK; i = json_next(i)) {
            if (t == JSON_OBJECT) {
                json_put_key_str(w, json_key(i));
            }
            json_put_value(w, i);
        }
        close_container(w, t == JSON_ARRAY ? '[' : '{');
    }
}

void json_pair_str(struct json_out *w, const char *key, struct str v)
{
    json_put_key(w, key);
    json_put_str(w, v);
}

void json_pair_cstr(struct json_out *w, const char *key, const char *v)
{
    json_put_key(w, key);
    json_put_cstr(w, v);
}

void json_pair_double(struct json_out *w, const char *key, double v)
{
    json_put_key(w, key);
    json_put_double(w, v);
}

void json_pair_i64(struct json_out *w, const char *key, int64_t v)
{
    json_put_key(w, key);
    json_put_i64(w, v);
}

void json_pair_bool(struct json_out *w, const char *key, bool v)
{
    json_put_key(w, key);
    json_put_bool(w, v);
}
