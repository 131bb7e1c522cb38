/* JSON: what is accepted, what is refused and where, limits, values and the writer. */
#include "tests/unit/check_main.h"

#include "common/base/json.h"

#include <math.h>
#include <time.h>

static int read_text(struct json_doc **doc, struct str text, size_t *offset, struct mrc_err *err)
{
    static const struct json_limits limits = {.bytes_max = 1 << 20, .depth_max = 8, .values_max = 100000};
    return json_read(doc, text, &limits, offset, err);
}

/* Compact rewriting of what was read. */
static void check_accepted(const char *text, const char *rewritten)
{
    struct json_doc *doc = NULL;
    struct mrc_err err = {0};
    ck_assert_msg(read_text(&doc, str_of(text), NULL, &err) == MRC_OK, "%s: %s", text, err.msg);
    struct buf b;
    struct json_out w;
    buf_init(&b, NULL, 0);
    json_out_init(&w, &b);
    json_put_value(&w, json_root(doc));
    ck_assert_int_eq(buf_ok(&b, &err), MRC_OK);
    ck_assert_text(buf_text(&b), rewritten);
    buf_release(&b);
    json_free(doc);
}

START_TEST(accepted_texts)
{
    static const struct {
        const char *text, *rewritten;
    } cases[] = {
        {"null", "null"},
        {" \t\r\n true \n", "true"},
        {"false", "false"},
        {"0", "0"},
        {"-0", "-0.0"},
        {"-0.0e-0", "-0.0"},
        {"1E+2", "100"},
        {"1.5e-3", "0.0015"},
        {"9007199254740993", "9007199254740992"},
        {"1e-400", "0"},
        {"5e-324", "5e-324"},
        {"1.7976931348623157e308", "1.7976931348623157e+308"},
        /* longer than cJSON's number buffer of 63 bytes */
        {"[0.1000000000000000055511151231257827021181583404541015625000000000000000000000,2]", "[0.1,2]"},
        {"100000000000000000000000000000000000000000000000000000000000000000000000000000", "1e+77"},
        {"\"\"", "\"\""},
        {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"a\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {"\"\\u0041\\u00e9\\u20AC\\ud83c\\udfac\"", "\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xac\""},
        {"\"\\u0001\\u000b\\u001f\x7f\"", "\"\\u0001\\u000b\\u001f\x7f\""},
        {"\"\xef\xbf\xbf\xf4\x8f\xbf\xbf\"", "\"\xef\xbf\xbf\xf4\x8f\xbf\xbf\""},
        {"[]", "[]"},
        {" [ ] ", "[]"},
        {"{}", "{}"},
        {"{ }", "{}"},
        {"[1,[2,[]],{}]", "[1,[2,[]],{}]"},
        {"{\"a\":1,\"b\":{\"a\":2},\"\":[{\"a\":3},{\"a\":4}]}",
         "{\"a\":1,\"b\":{\"a\":2},\"\":[{\"a\":3},{\"a\":4}]}"},
        {"{\"A\":1,\"a\":2}", "{\"A\":1,\"a\":2}"},
        {"[[[[[[[[1]]]]]]]]", "[[[[[[[[1]]]]]]]]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_accepted(cases[i].text, cases[i].rewritten);
    }
}
END_TEST

#define KEY_REPEATED "duplicate key \"a\""

START_TEST(refused_texts_with_place_and_reason)
{
    static const struct {
        struct str text;
        const char *why;
        size_t offset;
        uint32_t line, col;
    } cases[] = {
        {STR_INIT(""), "Expecting value", 0, 1, 1},
        {STR_INIT("  \n "), "Expecting value", 4, 2, 2},
        {STR_INIT("\xef\xbb\xbf{}"), "byte-order mark", 0, 1, 1},
        {STR_INIT("1 2"), "Extra data", 2, 1, 3},
        {STR_INIT("{}\n\n}"), "Extra data", 4, 3, 1},
        {STR_INIT("{}\0"), "Extra data", 2, 1, 3},
        {STR_INIT("nul"), "Expecting value", 0, 1, 1},
        {STR_INIT("nulll"), "Extra data", 4, 1, 5},
        {STR_INIT("True"), "Expecting value", 0, 1, 1},
        {STR_INIT("NaN"), "Expecting value", 0, 1, 1},
        {STR_INIT("-Infinity"), "Expecting value", 0, 1, 1},
        {STR_INIT("+1"), "Expecting value", 0, 1, 1},
        {STR_INIT("-"), "Expecting value", 0, 1, 1},
        {STR_INIT(".5"), "Expecting value", 0, 1, 1},
        {STR_INIT("01"), "Extra data", 1, 1, 2},
        {STR_INIT("[-01]"), "Expecting ',' delimiter", 3, 1, 4},
        {STR_INIT("1."), "Extra data", 1, 1, 2},
        {STR_INIT("1.e5"), "Extra data", 1, 1, 2},
        {STR_INIT("1e"), "Extra data", 1, 1, 2},
        {STR_INIT("1e+"), "Extra data", 1, 1, 2},
        {STR_INIT("0x10"), "Extra data", 1, 1, 2},
        {STR_INIT("[1e400]"), "number 1e400 is out of range", 1, 1, 2},
        {STR_INIT("-1e400"), "number -1e400 is out of range", 0, 1, 1},
        {STR_INIT("[1,]"), "Expecting value", 3, 1, 4},
        {STR_INIT("[,1]"), "Expecting value", 1, 1, 2},
        {STR_INIT("[1 2]"), "Expecting ',' delimiter", 3, 1, 4},
        {STR_INIT("[1"), "Expecting ',' delimiter", 2, 1, 3},
        {STR_INIT("["), "Expecting value", 1, 1, 2},
        {STR_INIT("[}"), "Expecting value", 1, 1, 2},
        {STR_INIT("[1}"), "Expecting ',' delimiter", 2, 1, 3},
        {STR_INIT("{"), "Expecting property name enclosed in double quotes", 1, 1, 2},
        {STR_INIT("{]"), "Expecting property name", 1, 1, 2},
        {STR_INIT("{a:1}"), "Expecting property name", 1, 1, 2},
        {STR_INIT("{'a':1}"), "Expecting property name", 1, 1, 2},
        {STR_INIT("{\"a\":1,}"), "Expecting property name", 7, 1, 8},
        {STR_INIT("{\"a\" 1}"), "Expecting ':' delimiter", 5, 1, 6},
        {STR_INIT("{\"a\"}"), "Expecting ':' delimiter", 4, 1, 5},
        {STR_INIT("{\"a\":}"), "Expecting value", 5, 1, 6},
        {STR_INIT("{\"a\":1 \"b\":2}"), "Expecting ',' delimiter", 7, 1, 8},
        {STR_INIT("{\"a\":1]"), "Expecting ',' delimiter", 6, 1, 7},
        {STR_INIT("// x\n1"), "Expecting value", 0, 1, 1},
        {STR_INIT("\"abc"), "Unterminated string starting at", 0, 1, 1},
        {STR_INIT("[\"abc]"), "Unterminated string starting at", 1, 1, 2},
        {STR_INIT("\"abc\\"), "Unterminated string starting at", 0, 1, 1},
        {STR_INIT("\"abc\\\""), "Unterminated string starting at", 0, 1, 1},
        {STR_INIT("\"a\nb\""), "Invalid control character at", 2, 1, 3},
        {STR_INIT("\"a\tb\""), "Invalid control character at", 2, 1, 3},
        {STR_INIT("\"a\0b\""), "Invalid control character at", 2, 1, 3},
        {STR_INIT("\"\\x41\""), "Invalid \\escape", 1, 1, 2},
        {STR_INIT("\"\\\0\""), "Invalid \\escape", 1, 1, 2},
        {STR_INIT("\"\\u12\""), "Invalid \\uXXXX escape", 2, 1, 3},
        {STR_INIT("\"\\u12g4\""), "Invalid \\uXXXX escape", 2, 1, 3},
        {STR_INIT("\"\\u"), "Invalid \\uXXXX escape", 2, 1, 3},
        {STR_INIT("\"\\u0000\""), "\\u0000", 1, 1, 2},
        {STR_INIT("{\"a\\u0000b\":1}"), "\\u0000", 3, 1, 4},
        {STR_INIT("\"\\ud800\""), "Lone surrogate", 1, 1, 2},
        {STR_INIT("\"\\ud800\\u0041\""), "Lone surrogate", 1, 1, 2},
        {STR_INIT("\"\\udc00\""), "Lone surrogate", 1, 1, 2},
        {STR_INIT("\"\\ud800\\"), "Lone surrogate", 1, 1, 2},
        {STR_INIT("[1,\n\"\xff\"]"), "byte 0xff is not valid UTF-8", 5, 2, 2},
        {STR_INIT("\"\xed\xa0\x80\""), "byte 0xed is not valid UTF-8", 1, 1, 2},
        {STR_INIT("\"\xc0\xaf\""), "byte 0xc0 is not valid UTF-8", 1, 1, 2},
        {STR_INIT("\xff\xfe{\0}\0"), "byte 0xff is not valid UTF-8", 0, 1, 1},
        {STR_INIT("{\"a\":1,\n \"a\":2}"), KEY_REPEATED, 9, 2, 2},
        {STR_INIT("{\"a\":1,\"\\u0061\":2}"), KEY_REPEATED, 7, 1, 8},
        {STR_INIT("{\"x\":{\"y\":0},\"z\":[{\"a\":1,\"b\":[{\"a\":1}],\"a\":2}]}"), KEY_REPEATED, 39, 1, 40},
        {STR_INIT("{\"\":1,\"\":2}"), "duplicate key \"\"", 6, 1, 7},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_doc *doc = NULL;
        struct mrc_err err = {0};
        size_t offset = 12345;
        int rc = read_text(&doc, cases[i].text, &offset, &err);
        ck_assert_msg(rc == MRC_EFORMAT, "case %zu: %.*s: %d", i, STR_ARG(cases[i].text), rc);
        ck_assert_ptr_null(doc);
        ck_assert_msg(strstr(err.msg, cases[i].why) != NULL, "case %zu: \"%s\", expected \"%s\"", i, err.msg,
                      cases[i].why);
        ck_assert_msg(offset == cases[i].offset && err.line == cases[i].line && err.col == cases[i].col,
                      "case %zu: %s at %zu, %u:%u", i, err.msg, offset, err.line, err.col);
        ck_assert_int_eq(read_text(&doc, cases[i].text, NULL, NULL), MRC_EFORMAT);
    }
}
END_TEST

/* Every proper prefix of a valid object is refused, whatever is cut. */
START_TEST(every_cut_is_refused)
{
    const char *text = "{\"a\":[1.5e3,true,null,\"x\\u00e9\\ud83c\\udfac\xc3\xa9\"],\"b\":{\"c\":-0}}";
    size_t n = strlen(text);
    for (size_t i = 0; i <= n; i++) {
        char *copy = malloc(i + 1); /* exact size: a read behind the end shows under AddressSanitizer */
        memcpy(copy, text, i);
        struct json_doc *doc = NULL;
        struct mrc_err err = {0};
        size_t offset = SIZE_MAX;
        int rc = read_text(&doc, (struct str){copy, i}, &offset, &err);
        ck_assert_int_eq(rc, i == n ? MRC_OK : MRC_EFORMAT);
        ck_assert(i == n || offset <= i);
        json_free(doc);
        free(copy);
    }
}
END_TEST

START_TEST(limits_below_at_above)
{
    struct json_doc *doc = NULL;
    struct mrc_err err = {0};
    size_t offset = 0;
    struct json_limits l = {.bytes_max = 9, .depth_max = 3, .values_max = 4};
    ck_assert_ok(json_read(&doc, STR("[[[1   ]]"), &(struct json_limits){100, 0, 0}, &offset, &err) == MRC_ELIMIT ? 0
                                                                                                                  : -1,
                 &err);
    ck_assert_ok(json_read(&doc, STR("[[[ 1 ]]]"), &l, NULL, &err), &err);
    json_free(doc);
    doc = NULL;
    ck_assert_fails(json_read(&doc, STR("[[[ 1  ]]]"), &l, &offset, &err), &err, MRC_ELIMIT,
                    "text of 10 bytes, at most 9");
    ck_assert_fails(json_read(&doc, STR("[[[[1]]]]"), &l, &offset, &err), &err, MRC_ELIMIT, "deeper than 3");
    ck_assert_uint_eq(offset, 3);
    ck_assert_uint_eq(err.col, 4);
    ck_assert_fails(json_read(&doc, STR("[1,2,3,4]"), &l, &offset, &err), &err, MRC_ELIMIT, "more than 4 values");
    ck_assert_uint_eq(offset, 7);
    ck_assert_ok(json_read(&doc, STR("[1,2,3]"), &l, NULL, &err), &err);
    json_free(doc);
    doc = NULL;
    /* The deepest any caller gets is 256. */
    char deep[514];
    for (unsigned n = 255; n <= 257; n++) {
        memset(deep, '[', n);
        memset(deep + n, ']', n);
        l = (struct json_limits){.bytes_max = 1000, .depth_max = 100000};
        int rc = json_read(&doc, (struct str){deep, 2 * (size_t)n}, &l, NULL, &err);
        ck_assert_int_eq(rc, n <= 256 ? MRC_OK : MRC_ELIMIT);
        json_free(doc);
        doc = NULL;
    }
}
END_TEST

START_TEST(values_are_typed)
{
    struct json_doc *doc;
    struct mrc_err err;
    ck_assert_ok(
        read_text(&doc,
                  STR("{\"s\":\"caf\xc3\xa9\",\"n\":1.5,\"i\":-9007199254740992,\"big\":9007199254740994,\"t\":true,"
                      "\"z\":null,\"a\":[10,20,30],\"o\":{},\"e\":[]}"),
                  NULL, &err),
        &err);
    const struct json *root = json_root(doc);
    struct str s = STR("untouched");
    double d = 7;
    int64_t i = 7;
    bool b = false;
    ck_assert_uint_eq(json_count(root), 9);
    ck_assert(json_str(json_find(root, "s"), &s));
    ck_assert_text(s, "caf\xc3\xa9");
    ck_assert_int_eq(s.p[s.n], '\0');
    ck_assert(!json_str(json_find(root, "n"), &s) && s.n == 5);
    ck_assert(json_double(json_find(root, "n"), &d) && d == 1.5);
    ck_assert(!json_i64(json_find(root, "n"), &i) && i == 7);
    ck_assert(json_i64(json_find(root, "i"), &i) && i == -9007199254740992);
    ck_assert(!json_i64(json_find(root, "big"), &i));
    ck_assert(!json_double(json_find(root, "s"), &d) && d == 1.5);
    ck_assert(json_bool(json_find(root, "t"), &b) && b);
    ck_assert(!json_bool(json_find(root, "z"), &b));
    ck_assert_int_eq(json_type(json_find(root, "z")), JSON_NULL);
    ck_assert_int_eq(json_type(json_find(root, "S")), JSON_ABSENT);
    const struct json *a = json_find(root, "a");
    ck_assert_uint_eq(json_count(a), 3);
    ck_assert(json_i64(json_at(a, 2), &i) && i == 30);
    ck_assert_ptr_null(json_at(a, 3));
    ck_assert_ptr_null(json_find(a, "x"));
    ck_assert_ptr_null(json_at(root, 0));
    ck_assert_ptr_null(json_first(json_find(root, "o")));
    ck_assert_ptr_null(json_first(json_find(root, "s")));
    ck_assert_uint_eq(json_count(json_find(root, "e")), 0);
    const char *keys[] = {"s", "n", "i", "big", "t", "z", "a", "o", "e"};
    size_t k = 0;
    for (const struct json *m = json_first(root); m != NULL; m = json_next(m)) {
        ck_assert_text(json_key(m), keys[k++]);
    }
    ck_assert_uint_eq(k, 9);
    ck_assert_text(json_key(json_first(a)), "");
    /* NULL stands for "absent" everywhere. */
    ck_assert_int_eq(json_type(NULL), JSON_ABSENT);
    ck_assert_uint_eq(json_count(NULL), 0);
    ck_assert_ptr_null(json_find(NULL, "x"));
    ck_assert_ptr_null(json_at(NULL, 0));
    ck_assert_ptr_null(json_first(NULL));
    ck_assert_ptr_null(json_next(NULL));
    ck_assert_text(json_key(NULL), "");
    ck_assert(!json_bool(NULL, &b) && !json_double(NULL, &d) && !json_i64(NULL, &i) && !json_str(NULL, &s));
    ck_assert_ptr_null(json_root(NULL));
    json_free(doc);
    json_free(NULL);
    ck_assert_str_eq(json_type_name(JSON_OBJECT), "object");
    ck_assert_str_eq(json_type_name((enum json_type)99), "absent");
}
END_TEST

START_TEST(required_members)
{
    struct json_doc *doc;
    struct mrc_err err;
    ck_assert_ok(read_text(&doc, STR("{\"s\":\"x\",\"n\":1.5,\"i\":12,\"o\":{}}"), NULL, &err), &err);
    const struct json *root = json_root(doc), *v;
    struct str s;
    double d;
    int64_t i;
    ck_assert_ok(json_get(root, "o", JSON_OBJECT, &v, &err), &err);
    ck_assert_ok(json_get_str(root, "s", &s, &err), &err);
    ck_assert_text(s, "x");
    ck_assert_ok(json_get_double(root, "n", &d, &err), &err);
    ck_assert(d == 1.5);
    ck_assert_ok(json_get_i64(root, "i", 12, 12, &i, &err), &err);
    ck_assert_int_eq(i, 12);
    ck_assert_fails(json_get(root, "q", JSON_ARRAY, &v, &err), &err, MRC_EFORMAT, "key \"q\" (array) is missing");
    ck_assert_fails(json_get_str(root, "n", &s, &err), &err, MRC_EFORMAT,
                    "key \"n\" is of type number, expected string");
    ck_assert_fails(json_get_double(root, "s", &d, &err), &err, MRC_EFORMAT, "expected number");
    ck_assert_fails(json_get_i64(root, "n", 0, 9, &i, &err), &err, MRC_EFORMAT,
                    "key \"n\" is 1.5, expected an integer from 0 to 9");
    ck_assert_fails(json_get_i64(root, "i", 0, 11, &i, &err), &err, MRC_EFORMAT, "from 0 to 11");
    ck_assert_fails(json_get_i64(root, "i", 13, 14, &i, &err), &err, MRC_EFORMAT, "is 12");
    ck_assert_fails(json_get(json_find(root, "s"), "q", JSON_ARRAY, &v, &err), &err, MRC_EFORMAT, "not in string");
    ck_assert_fails(json_get(NULL, "q", JSON_ARRAY, &v, &err), &err, MRC_EFORMAT, "not in absent");
    json_free(doc);
}
END_TEST

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

START_TEST(many_keys_are_not_quadratic)
{
    enum { KEYS = 200000 };
    struct buf b;
    struct json_out w;
    struct mrc_err err;
    buf_init(&b, NULL, 0);
    json_out_init(&w, &b);
    json_open_object(&w);
    for (int i = 0; i < KEYS; i++) {
        char key[32];
        snprintf(key, sizeof(key), "same-beginning-%d", i);
        json_pair_i64(&w, key, i);
    }
    json_pair_i64(&w, "same-beginning-777", 0);
    json_close_object(&w);
    ck_assert_int_eq(buf_ok(&b, &err), MRC_OK);
    struct json_doc *doc = NULL;
    size_t offset;
    double start = seconds();
    ck_assert_fails(json_read(&doc, buf_text(&b), &json_limits_file, &offset, &err), &err, MRC_EFORMAT,
                    "duplicate key \"same-beginning-777\"");
    ck_assert_int_eq(memcmp(b.p + offset, "\"same-beginning-777\":0}", 22), 0);
    ck_assert_double_lt(seconds() - start, 20.0); /* all pairs would take minutes */
    buf_release(&b);
}
END_TEST

START_TEST(first_of_several_repeated_keys)
{
    const char *text =
        "{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0,\"j\":0,\"k\":0,\"l\":0,"
        "\"z\":1,\"z\":2,\"a\":3,\"z\":4}";
    struct json_doc *doc = NULL;
    struct mrc_err err;
    size_t offset;
    ck_assert_fails(read_text(&doc, str_of(text), &offset, &err), &err, MRC_EFORMAT, "duplicate key \"z\"");
    ck_assert_uint_eq(offset, 79);
    /* A long key is cut at a character. */
    char longer[1000] = "{\"";
    for (int i = 0; i < 100; i++) {
        strcat(longer, "\xc3\xa9");
    }
    size_t n = strlen(longer);
    memcpy(longer + n, "\":1,", 5);
    n += 4;
    memcpy(longer + n, longer + 1, n - 2);
    longer[2 * n - 2] = '}';
    ck_assert_fails(read_text(&doc, (struct str){longer, 2 * n - 1}, &offset, &err), &err, MRC_EFORMAT,
                    "\xc3\xa9...\"");
    ck_assert_ptr_null(strchr(err.msg, '?'));
}
END_TEST

START_TEST(writer_compact_and_pretty)
{
    static const char *const expected[2] = {
        "{\"s\":\"a\\\"\\u0000\xef\xbf\xbd\",\"n\":0.1,\"bad\":null,\"i\":-5,\"u\":18446744073709551615,\"t\":true,"
        "\"c\":\"d\","
        "\"e\":{},\"l\":[1,[],\"x\",null,{\"raw\":1}]}",
        "{\n  \"s\": \"a\\\"\\u0000\xef\xbf\xbd\",\n  \"n\": 0.1,\n  \"bad\": null,\n  \"i\": -5,\n"
        "  \"u\": 18446744073709551615,\n  \"t\": true,\n  \"c\": \"d\",\n  \"e\": {},\n  \"l\": [\n    1,\n    [],\n  "
        "  \"x\",\n"
        "    null,\n    {\"raw\":1}\n  ]\n}"};
    for (int pretty = 0; pretty < 2; pretty++) {
        struct buf b;
        struct json_out w;
        struct mrc_err err;
        buf_init(&b, NULL, 0);
        json_out_init(&w, &b);
        w.pretty = pretty == 1;
        json_open_object(&w);
        json_pair_str(&w, "s", (struct str){"a\"\0\xff", 4});
        json_pair_double(&w, "n", 0.1);
        json_pair_double(&w, "bad", (double)NAN);
        json_pair_i64(&w, "i", -5);
        json_put_key(&w, "u");
        json_put_u64(&w, UINT64_MAX);
        json_pair_bool(&w, "t", true);
        json_pair_cstr(&w, "c", "d");
        json_put_key(&w, "e");
        json_open_object(&w);
        json_close_object(&w);
        json_put_key_str(&w, STR("l"));
        json_open_array(&w);
        json_put_i64(&w, 1);
        json_open_array(&w);
        json_close_array(&w);
        json_put_cstr(&w, "x");
        json_put_value(&w, NULL);
        json_put_raw(&w, STR("{\"raw\":1}"));
        json_close_array(&w);
        json_close_object(&w);
        ck_assert_ok(buf_ok(&b, &err), &err);
        ck_assert_text(buf_text(&b), expected[pretty]);
        struct json_doc *doc;
        ck_assert_fails(read_text(&doc, buf_text(&b), NULL, &err), &err, MRC_EFORMAT, "\\u0000");
        buf_release(&b);
    }
}
END_TEST

enum misuse {
    NO_KEY,
    KEY_IN_ARRAY,
    TWO_KEYS,
    TWO_ROOTS,
    WRONG_CLOSE,
    CLOSE_AFTER_KEY,
    CLOSE_TOO_MUCH,
    TOO_DEEP,
    EMPTY_RAW,
    KEY_AT_ROOT,
    MISUSE__COUNT
};

static void do_misuse(struct json_out *w, enum misuse m)
{
    switch (m) {
    case NO_KEY:
        json_open_object(w);
        json_put_i64(w, 1);
        break;
    case KEY_IN_ARRAY:
        json_open_array(w);
        json_put_key(w, "a");
        break;
    case TWO_KEYS:
        json_open_object(w);
        json_put_key(w, "a");
        json_put_key(w, "b");
        break;
    case TWO_ROOTS:
        json_put_i64(w, 1);
        json_put_i64(w, 2);
        break;
    case WRONG_CLOSE:
        json_open_object(w);
        json_close_array(w);
        break;
    case CLOSE_AFTER_KEY:
        json_open_object(w);
        json_put_key(w, "a");
        json_close_object(w);
        break;
    case CLOSE_TOO_MUCH:
        json_close_array(w);
        break;
    case TOO_DEEP:
        for (int i = 0; i <= JSON_WRITE_DEPTH_MAX; i++) {
            json_open_array(w);
        }
        break;
    case EMPTY_RAW:
        json_put_raw(w, STR(""));
        break;
    case KEY_AT_ROOT:
        json_put_key(w, "a");
        break;
    default:
        break;
    }
}

START_TEST(writer_misuse_is_remembered)
{
    for (int m = 0; m < MISUSE__COUNT; m++) {
        struct buf b;
        struct json_out w;
        struct mrc_err err;
        buf_init(&b, NULL, 0);
        json_out_init(&w, &b);
        do_misuse(&w, (enum misuse)m);
        ck_assert_msg(buf_ok(&b, &err) == MRC_EBUG, "misuse %d is not noticed", m);
        buf_release(&b);
    }
    /* The deepest that fits. */
    struct buf b;
    struct json_out w;
    struct mrc_err err;
    buf_init(&b, NULL, 0);
    json_out_init(&w, &b);
    for (int i = 0; i < JSON_WRITE_DEPTH_MAX; i++) {
        json_open_array(&w);
    }
    for (int i = 0; i < JSON_WRITE_DEPTH_MAX; i++) {
        json_close_array(&w);
    }
    ck_assert_ok(buf_ok(&b, &err), &err);
    ck_assert_uint_eq(b.n, 2 * JSON_WRITE_DEPTH_MAX);
    /* A copied value deeper than the writer goes is an error, not a crash. */
    char deep[400];
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    struct json_doc *doc;
    ck_assert_ok(json_read(&doc, (struct str){deep, 400}, &json_limits_file, NULL, &err), &err);
    buf_reset(&b);
    json_out_init(&w, &b);
    json_put_value(&w, json_root(doc));
    ck_assert_int_eq(buf_ok(&b, &err), MRC_EBUG);
    json_free(doc);
    buf_release(&b);
}
END_TEST

START_TEST(memory_of_a_document_is_used_again)
{
    struct json_doc *first = NULL, *second = NULL, *third = NULL;
    struct mrc_err err = {0};
    struct str text;
    ck_assert_ok(read_text(&first, STR("{\"a\":[1,\"x\"]}"), NULL, &err), &err);
    ck_assert_ok(read_text(&second, STR("[\"y\"]"), NULL, &err), &err); /* two at a time */
    ck_assert(json_str(json_first(json_root(second)), &text));
    ck_assert_text(text, "y");
    const void *place = json_root(first);
    json_free(first);
    ck_assert_fails(read_text(&third, STR("[\"z\",{\"a\":1,\"a\":2}]"), NULL, &err), &err, MRC_EFORMAT,
                    "duplicate key");
    ck_assert_ok(read_text(&third, STR("[\"z\"]"), NULL, &err), &err);
    ck_assert_ptr_eq(json_root(third), place);
    ck_assert(json_str(json_first(json_root(second)), &text));
    ck_assert_text(text, "y");
    json_free(second);
    json_free(third);
}
END_TEST

/* All of them as a library reads, and as a program that has asked for arenas. */
static TCase *all_tests(const char *name)
{
    TCase *t = tcase_create(name);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, accepted_texts);
    tcase_add_test(t, refused_texts_with_place_and_reason);
    tcase_add_test(t, every_cut_is_refused);
    tcase_add_test(t, limits_below_at_above);
    tcase_add_test(t, values_are_typed);
    tcase_add_test(t, required_members);
    tcase_add_test(t, many_keys_are_not_quadratic);
    tcase_add_test(t, first_of_several_repeated_keys);
    tcase_add_test(t, writer_compact_and_pretty);
    tcase_add_test(t, writer_misuse_is_remembered);
    return t;
}

int main(void)
{
    Suite *s = suite_create("json");
    suite_add_tcase(s, all_tests("json"));
    TCase *t = all_tests("json in arenas");
    tcase_add_unchecked_fixture(t, json_use_arenas, NULL);
    tcase_add_test(t, memory_of_a_document_is_used_again);
    suite_add_tcase(s, t);
    return check_main(s);
}
