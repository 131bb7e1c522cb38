/* JSON: any bytes are read or refused with a place; what was read is written, read again and written the same. */
#include "common/base/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static struct str write_out(struct buf *b, const struct json *v, bool pretty)
{
    struct json_out w;
    buf_init(b, NULL, 0);
    json_out_init(&w, b);
    w.pretty = pretty;
    json_put_value(&w, v);
    require(buf_ok(b, NULL) == MRC_OK);
    return buf_text(b);
}

/* Every accessor on every value; counts agree with walking. */
static size_t visit(const struct json *v)
{
    size_t n = 0, values = 1;
    struct str s = {"", 0};
    double d = 0;
    if (json_str(v, &s)) {
        require(strlen(s.p) == s.n && utf8_valid(s) == s.n);
    }
    if (json_double(v, &d)) {
        require(d - d == 0); /* finite */
    }
    for (const struct json *i = json_first(v); i != NULL; i = json_next(i)) {
        values += visit(i);
        n++;
        if (json_type(v) == JSON_OBJECT) {
            require(json_find(v, json_key(i).p) == i); /* no key twice */
        }
    }
    require(n == json_count(v));
    return values;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_limits limits = {.bytes_max = 1 << 16, .depth_max = 32, .values_max = 5000};
    struct str text = {(const char *)data, size};
    struct json_doc *doc = NULL, *again = NULL;
    struct mrc_err err = {0};
    size_t offset = SIZE_MAX;
    int rc = json_read(&doc, text, &limits, &offset, &err);
    if (rc < 0) {
        require(rc == MRC_EFORMAT || rc == MRC_ELIMIT);
        require(doc == NULL && offset <= size && err.code == rc && err.msg[0] != '\0');
        require(size > limits.bytes_max || (err.line > 0 && err.col > 0 && err.col <= size + 1));
        return 0;
    }
    size_t values = visit(json_root(doc));
    require(values <= limits.values_max);
    for (int pretty = 0; pretty < 2; pretty++) {
        struct buf first, second;
        struct json_limits roomy = {.bytes_max = 1 << 22, .depth_max = 32};
        struct str written = write_out(&first, json_root(doc), pretty == 1);
        require(json_read(&again, written, &roomy, NULL, &err) == MRC_OK);
        require(visit(json_root(again)) == values);
        require(str_eq(write_out(&second, json_root(again), pretty == 1), written));
        json_free(again);
        buf_release(&first);
        buf_release(&second);
    }
    json_free(doc);
    return 0;
}
