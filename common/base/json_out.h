/* JSON writer: streaming, compact or indented, unable to produce malformed nesting. */
#ifndef MRC_BASE_JSON_OUT_H
#define MRC_BASE_JSON_OUT_H

#include "common/base/text.h"

struct json; /* a value that was read: json.h */

enum { JSON_WRITE_DEPTH_MAX = 64 };

/* Writes compact UTF-8 JSON into a buf. Misuse (value without key in an object, unbalanced close, too deep) is a bug of
 * the caller: it sets buf.failed = MRC_EBUG. Check once, with buf_ok, at the end. */
struct json_out {
    struct buf *b;
    unsigned depth;
    bool pretty; /* two-space indent and line ends, for files people read */
    bool need_comma, have_key;
    char kind[JSON_WRITE_DEPTH_MAX]; /* '{' or '[' per level */
};
void json_out_init(struct json_out *w, struct buf *b);
void json_open_object(struct json_out *w);
void json_close_object(struct json_out *w);
void json_open_array(struct json_out *w);
void json_close_array(struct json_out *w);
void json_put_key(struct json_out *w, const char *key);
void json_put_key_str(struct json_out *w, struct str key);
void json_put_str(struct json_out *w, struct str s); /* invalid UTF-8 bytes become U+FFFD: output is always valid */
void json_put_cstr(struct json_out *w, const char *s);
void json_put_double(struct json_out *w, double v); /* shortest exact; NaN and infinities become null */
void json_put_i64(struct json_out *w, int64_t v);
void json_put_u64(struct json_out *w, uint64_t v);
void json_put_bool(struct json_out *w, bool v);
void json_put_null(struct json_out *w);
void json_put_raw(struct json_out *w, struct str json);        /* already JSON: copied as it is */
void json_put_value(struct json_out *w, const struct json *v); /* deep copy of a read value; NULL writes null */
/* "key": value in one call, for objects. */
void json_pair_str(struct json_out *w, const char *key, struct str v);
void json_pair_cstr(struct json_out *w, const char *key, const char *v);
void json_pair_double(struct json_out *w, const char *key, double v);
void json_pair_i64(struct json_out *w, const char *key, int64_t v);
void json_pair_bool(struct json_out *w, const char *key, bool v);

#endif
