/* Reading answers in the tests of the app. */
#ifndef MRC_TESTS_APP_ANSWER_H
#define MRC_TESTS_APP_ANSWER_H

#include "tests/unit/app_fixture.h"
#include "tests/unit/check_main.h"

/* The body as JSON; the test fails when it is none. */
static inline struct json_doc *document_of(const struct fixture *f)
{
    struct json_doc *doc;
    struct mrc_err err = {0};
    ck_assert_msg(json_read(&doc, buf_text(&f->res.body), &json_limits_file, NULL, &err) == MRC_OK, "%s: %.500s",
                  err.msg, fixture_body(f));
    return doc;
}

/* Text of a member, "" when absent. */
static inline const char *member(const struct json *object, const char *name)
{
    static char text[512];
    struct str s = {"", 0};
    (void)json_str(json_find(object, name), &s);
    (void)snprintf(text, sizeof text, "%.*s", STR_ARG(s));
    return text;
}

/* An integer member; INT64_MIN when absent. */
static inline int64_t number(const struct json *object, const char *name)
{
    int64_t v = INT64_MIN;
    (void)json_i64(json_find(object, name), &v);
    return v;
}

#endif
