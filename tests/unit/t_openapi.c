/* The OpenAPI document agrees with the table of routes, with itself, and with the server. */
#include "tests/unit/app_answer.h"

static struct fixture f;
static struct json_doc *doc;

static void setup(void)
{
    fixture_open(&f, false);
    ck_assert_int_eq(fixture_call(&f, "GET", "/openapi.json", NULL, NULL, NULL), 200);
    doc = document_of(&f);
}

static void teardown(void)
{
    json_free(doc);
    fixture_close(&f);
}

static const struct json *at(const struct json *v, const char *const *keys)
{
    for (size_t i = 0; keys[i] != NULL; i++) {
        v = json_find(v, keys[i]);
    }
    return v;
}

static const struct json *component(const char *name)
{
    const char *keys[] = {"components", "schemas", name, NULL};
    return at(json_root(doc), keys);
}

static const char *const methods[] = {"get", "head", "post", "put", "patch", "delete", "options", "other"};

START_TEST(every_route_once)
{
    const struct json *paths = json_find(json_root(doc), "paths");
    size_t documented = 0, listed = 0;
    for (size_t i = 0; i < n_routes; i++) {
        const struct json *operation = json_find(json_find(paths, routes[i].path), methods[routes[i].method]);
        bool hidden = (routes[i].flags & ROUTE_HIDDEN) != 0;
        ck_assert_msg((operation == NULL) == hidden, "%s", routes[i].path);
        documented += hidden ? 0 : 1;
        if (!hidden) {
            bool secured = json_find(operation, "security") != NULL;
            ck_assert_msg(secured == (routes[i].scope != SCOPE_NONE), "%s: security", routes[i].path);
            const char *success = (routes[i].flags & ROUTE_NO_CONTENT) != 0 ? "204" : "200";
            ck_assert_msg(json_find(json_find(operation, "responses"), success) != NULL, "%s: %s", routes[i].path,
                          success);
            ck_assert_uint_gt(strlen(member(operation, "summary")), 0);
        }
    }
    for (const struct json *path = json_first(paths); path != NULL; path = json_next(path)) {
        listed += json_count(path);
    }
    ck_assert_uint_eq(listed, documented);
}
END_TEST

START_TEST(operation_ids)
{
    static const char *const cases[][3] = {{"/token", "post", "login_token_post"},
                                           {"/predict", "post", "predict_predict_post"},
                                           {"/predictions/{id}", "get", "prediction_predictions__id__get"},
                                           {"/openapi.json", "get", "openapi_openapi_json_get"},
                                           {"/users/me", "get", "me_users_me_get"}};
    const struct json *paths = json_find(json_root(doc), "paths");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_str_eq(member(json_find(json_find(paths, cases[i][0]), cases[i][1]), "operationId"), cases[i][2]);
    }
}
END_TEST

/* Every $ref below v names a component. Returns how many there are. */
static size_t check_references(const struct json *v)
{
    size_t n = 0;
    struct str target;
    static const char prefix[] = "#/components/schemas/";
    if (json_type(v) == JSON_OBJECT && json_str(json_find(v, "$ref"), &target)) {
        ck_assert_msg(str_starts(target, prefix) && component(target.p + sizeof prefix - 1) != NULL, "%s", target.p);
        n = 1;
    }
    for (const struct json *item = json_first(v); item != NULL; item = json_next(item)) {
        n += check_references(item);
    }
    return n;
}

START_TEST(references_resolve)
{
    ck_assert_uint_gt(check_references(json_root(doc)), 50);
}
END_TEST

START_TEST(film_follows_the_schema)
{
    const struct json *film = component("Film"), *properties = json_find(film, "properties");
    const struct json *required = json_find(film, "required");
    ck_assert_uint_eq(json_count(properties), 8);
    ck_assert_uint_eq(json_count(required), 2);
    ck_assert_int_eq(number(json_find(properties, "title"), "maxLength"), 20);
    ck_assert_int_eq(number(json_find(properties, "title"), "minLength"), 1);
    ck_assert_str_eq(member(json_find(properties, "release_date"), "format"), "date");
    const struct json *duration = json_at(json_find(json_find(properties, "duration_min"), "anyOf"), 0);
    ck_assert_str_eq(member(duration, "type"), "integer");
    ck_assert_int_eq(number(duration, "minimum"), 40);
    ck_assert_int_eq(number(duration, "maximum"), 400);
    const struct json *budget = json_at(json_find(json_find(properties, "budget"), "anyOf"), 0);
    ck_assert_int_eq(number(budget, "exclusiveMinimum"), 0);
    const struct json *rating = json_at(json_find(json_find(properties, "age_rating"), "anyOf"), 0);
    ck_assert_uint_eq(json_count(json_find(rating, "enum")), 2);
    const struct json *genres = json_at(json_find(json_find(properties, "genres"), "anyOf"), 0);
    ck_assert_int_eq(number(genres, "maxItems"), 3);
    ck_assert_int_eq(number(json_find(genres, "items"), "maxLength"), 30);
    const char *batch[] = {"properties", "films", NULL};
    ck_assert_int_eq(number(at(component("FilmBatch"), batch), "maxItems"), 1000);
}
END_TEST

START_TEST(examples_are_accepted)
{
    static const char *const names[] = {"film", "batch"};
    char token[4200];
    (void)snprintf(token, sizeof token, "%s", fixture_token(&f, "anna", ""));
    for (size_t i = 0; i < 2; i++) {
        const char *keys[] = {"paths",    "/predict", "post",  "requestBody", "content", "application/json",
                              "examples", names[i],   "value", NULL};
        struct buf body;
        struct json_out w;
        buf_init(&body, NULL, 1 << 16);
        json_out_init(&w, &body);
        json_put_value(&w, at(json_root(doc), keys));
        ck_assert_int_eq(fixture_call(&f, "POST", "/predict", token, "application/json", body.p), 200);
        ck_assert_ptr_nonnull(strstr(fixture_body(&f), "\"warnings\":[]"));
        buf_release(&body);
    }
}
END_TEST

START_TEST(statuses_are_documented)
{
    static const struct {
        const char *path, *method;
        const char *statuses[14];
    } cases[] = {
        {"/predict", "post", {"200", "400", "401", "403", "409", "413", "415", "422", "429", "431", "500", "503"}},
        {"/token", "post", {"200", "400", "401", "413", "415", "422", "429", "431", "500", "503"}},
        {"/predictions", "get", {"200", "304", "400", "401", "403", "422", "429", "431", "500", "503"}},
        {"/predictions/{id}", "get", {"200", "304", "400", "401", "403", "404", "429", "431", "500", "503"}},
        {"/schema", "get", {"200", "304", "400", "431", "500", "503"}},
        {"/openapi.json", "get", {"200", "304", "400", "431", "500"}},
        {"/livez", "get", {"200", "400", "431", "500"}},
        {"/readyz", "get", {"200", "400", "431", "500", "503"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *keys[] = {"paths", cases[i].path, cases[i].method, "responses", NULL};
        const struct json *responses = at(json_root(doc), keys);
        size_t n = 0;
        for (; n < 12 && cases[i].statuses[n] != NULL; n++) {
            ck_assert_msg(json_find(responses, cases[i].statuses[n]) != NULL, "%s: %s", cases[i].path,
                          cases[i].statuses[n]);
        }
        ck_assert_uint_eq(json_count(responses), n);
    }
}
END_TEST

START_TEST(without_a_version)
{
    f.parts.bundle = NULL;
    fixture_reopen(&f);
    ck_assert_int_eq(fixture_call(&f, "GET", "/openapi.json", NULL, NULL, NULL), 200);
    struct json_doc *bare = document_of(&f);
    ck_assert_str_eq(member(json_root(bare), "openapi"), "3.1.0");
    const char *keys[] = {"components", "schemas", "Film", "properties", NULL};
    ck_assert_int_eq(json_type(at(json_root(bare), keys)), JSON_OBJECT);
    ck_assert_uint_eq(json_count(at(json_root(bare), keys)), 0);
    json_free(bare);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("openapi");
    TCase *tc = tcase_create("openapi");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, every_route_once);
    tcase_add_test(tc, operation_ids);
    tcase_add_test(tc, references_resolve);
    tcase_add_test(tc, film_follows_the_schema);
    tcase_add_test(tc, examples_are_accepted);
    tcase_add_test(tc, statuses_are_documented);
    tcase_add_test(tc, without_a_version);
    suite_add_tcase(suite, tc);
    return check_main(suite);
}
