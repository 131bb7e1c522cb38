/* /invocations and /v2 on the fixture's model: one numeric feature, duration; 5 up to 100 minutes or unknown, 5.25
 * above. */
#include "tests/unit/app_answer.h"

static struct fixture f;
static char anna[4200];

static void setup(void)
{
    fixture_open(&f, false);
    (void)snprintf(anna, sizeof anna, "%s", fixture_token(&f, "anna", ""));
}

static void teardown(void)
{
    fixture_close(&f);
}

static int post(const char *target, const char *type, const char *body)
{
    return fixture_call(&f, "POST", target, anna, type, body);
}

START_TEST(invocations)
{
    static const struct {
        const char *type, *body;
        int status;
        const char *contains;
    } cases[] = {
        {"application/json",
         "{\"dataframe_split\":{\"columns\":[\"x\",\"duration\"],\"data\":[[\"a\",90],[null,101]]}}", 200,
         "{\"predictions\":[5,5.25]}"},
        {"application/json", "{\"dataframe_records\":[{\"duration\":101,\"x\":[1]},{\"duration\":null}],\"params\":{}}",
         200, "{\"predictions\":[5.25,5]}"},
        {"application/json", "{\"instances\":[{\"duration\":101.5}]}", 200, "[5.25]"},
        {"application/json", "{\"instances\":[[101],[99]]}", 200, "[5.25,5]"},
        {"application/json", "{\"inputs\":{\"duration\":[101,99]}}", 200, "[5.25,5]"},
        {"application/json", "{\"inputs\":{\"duration\":101}}", 200, "[5.25]"},
        {"application/json", "{\"inputs\":[[101]]}", 200, "[5.25]"},
        {"application/json", "{\"dataframe_records\":[]}", 200, "{\"predictions\":[]}"},
        {"text/csv", "duration,x\n101,a\n,\"b\"\nNaN,c\n99,\n", 200, "[5.25,5,5,5]"},
        {"text/csv; charset=utf-8", "\"duration\"\r\n101\r\n", 200, "[5.25]"},
        {"application/json", "{}", 422, "exactly one of"},
        {"application/json", "{\"instances\":[],\"inputs\":[]}", 422, "exactly one of"},
        {"application/json", "[]", 422, "model_attributes_type"},
        {"application/json", "{", 422, "json_invalid"},
        {"application/json", "{\"dataframe_records\":{\"duration\":1}}", 422, "list_type"},
        {"application/json", "{\"dataframe_records\":[1]}", 422, "list of objects"},
        {"application/json", "{\"dataframe_records\":[{\"duration\":\"101\"},{\"duration\":true},{}]}", 422,
         "{\"type\":\"float_type\",\"loc\":[\"body\",\"dataframe_records\",1,\"duration\"]"},
        {"application/json", "{\"dataframe_records\":[{\"duration\":101},{}]}", 422,
         "{\"type\":\"missing\",\"loc\":[\"body\",\"dataframe_records\",1,\"duration\"]"},
        {"application/json", "{\"dataframe_records\":[{\"duration\":1e39}]}", 422, "finite_number"},
        {"application/json", "{\"instances\":[[101,1]]}", 422, "one value for each feature"},
        {"application/json", "{\"instances\":[[]]}", 422, "one value for each feature"},
        {"application/json", "{\"inputs\":{\"x\":[1,2]}}", 422, "\"missing\""},
        {"application/json", "{\"inputs\":{\"x\":[1],\"duration\":[1,2]}}", 422, "different lengths"},
        {"application/json", "{\"dataframe_split\":{\"data\":[[1]]}}", 422, "columns"},
        {"application/json", "{\"dataframe_split\":{\"columns\":[\"x\"],\"data\":[[1]]}}", 422, "\"missing\""},
        {"application/json", "{\"dataframe_split\":{\"columns\":[\"duration\",\"duration\"],\"data\":[[1,1]]}}", 422,
         "twice"},
        {"application/json", "{\"dataframe_split\":{\"columns\":[\"duration\"],\"data\":[[1,2]]}}", 422,
         "one value for each"},
        {"application/json", "{\"dataframe_split\":{\"columns\":[\"duration\"],\"data\":[5]}}", 422,
         "one value for each"},
        {"text/csv", "x\n1\n", 422, "\"missing\""},
        {"text/csv", "duration\nlong\n", 422, "float_parsing"},
        {"text/csv", "duration\ninf\n", 422, "float_parsing"},
        {"text/csv", "duration\n\"1\n", 422, "csv_invalid"},
        {"text/csv", "duration,duration\n1,1\n", 422, "csv_invalid"},
        {"text/csv", "", 422, "csv_invalid"},
        {"text/plain", "duration\n1\n", 415, "Content-Type"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = post("/invocations", cases[i].type, cases[i].body);
        ck_assert_msg(status == cases[i].status && strstr(fixture_body(&f), cases[i].contains) != NULL, "%s: %d %s",
                      cases[i].body, status, fixture_body(&f));
    }
}
END_TEST

START_TEST(rows_are_bounded)
{
    static const struct {
        const char *body;
        int status;
    } cases[] = {
        {"{\"instances\":[[1]]}", 200}, {"{\"instances\":[[1],[2]]}", 200}, {"{\"instances\":[[1],[2],[3]]}", 413}};
    fixture_set(&f, "rows_max", "2");
    fixture_reopen(&f);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(post("/invocations", "application/json", cases[i].body), cases[i].status);
    }
    ck_assert_int_eq(post("/invocations", "text/csv", "duration\n1\n2\n"), 200);
    ck_assert_int_eq(post("/invocations", "text/csv", "duration\n1\n2\n3\n"), 413);
}
END_TEST

#define TENSOR(name, type, shape, data)                                                                                \
    "{\"name\":\"" name "\",\"datatype\":\"" type "\",\"shape\":" shape ",\"data\":" data "}"

START_TEST(infer)
{
    static const struct {
        const char *body;
        int status;
        const char *contains;
    } cases[] = {
        {"{\"id\":\"a\",\"inputs\":[" TENSOR("duration", "FP64", "[2]", "[101,null]") "]}", 200,
         "{\"model_name\":\"first-week\",\"model_version\":\"0001\",\"id\":\"a\",\"outputs\":[{\"name\":\"score\","
         "\"datatype\":\"FP64\",\"shape\":[2],\"data\":[5.25,5]}]}"},
        {"{\"inputs\":[" TENSOR("duration", "INT32", "[2,1]", "[[101],[99]]") "]}", 200, "[5.25,5]"},
        {"{\"inputs\":[" TENSOR("any", "FP32", "[2,1]", "[101,99]") "]}", 200, "[5.25,5]"}, /* a matrix */
        {"{\"inputs\":[" TENSOR("duration", "FP64", "[0]", "[]") "]}", 200, "\"shape\":[0],\"data\":[]"},
        {"{\"inputs\":[" TENSOR("x", "BYTES", "[1]", "[\"t\"]") "," TENSOR("duration", "UINT8", "[1]", "[101]") "]}",
         200, "[5.25]"},
        {"{\"inputs\":[" TENSOR("duration", "BOOL", "[1]", "[true]") "],\"outputs\":[{\"name\":\"score\"}]}", 200,
         "[5]"},
        {"{\"inputs\":[]}", 400, "\"error\":\"inputs is a list of tensors\""},
        {"{}", 400, "inputs"},
        {"{\"id\":5,\"inputs\":[" TENSOR("duration", "FP64", "[1]", "[1]") "]}", 400, "id is text"},
        {"{\"inputs\":[{\"datatype\":\"FP64\"}]}", 400, "has a name"},
        {"{\"inputs\":[" TENSOR("duration", "FP65", "[1]", "[1]") "]}", 400, "datatype"},
        {"{\"inputs\":[" TENSOR("duration", "FP64", "[]", "[1]") "]}", 400, "shape"},
        {"{\"inputs\":[" TENSOR("duration", "FP64", "[1,1,1]", "[1]") "]}", 400, "shape"},
        {"{\"inputs\":[" TENSOR("duration", "FP64", "[-1]", "[1]") "]}", 400, "shape"},
        {"{\"inputs\":[" TENSOR("duration", "FP64", "[1e300]", "[1]") "]}", 400, "shape"},
        {"{\"inputs\":[" TENSOR("duration", "FP64", "[2]", "[1]") "]}", 400, "as many elements"},
        {"{\"inputs\":[" TENSOR("duration", "FP64", "[2]", "[[1],[2]]") "]}", 400, "as many elements"},
        {"{\"inputs\":[" TENSOR("duration", "FP64", "[2,1]", "[[1],[2,3]]") "]}", 400, "as many elements"},
        {"{\"inputs\":[" TENSOR("duration", "FP64", "[1]", "[\"1\"]") "]}", 400, "of the datatype"},
        {"{\"inputs\":[" TENSOR("duration", "FP64", "[1]", "[true]") "]}", 400, "of the datatype"},
        {"{\"inputs\":[" TENSOR("duration", "INT8", "[1]", "[1.5]") "]}", 400, "of the datatype"},
        {"{\"inputs\":[" TENSOR("duration", "UINT8", "[1]", "[-1]") "]}", 400, "of the datatype"},
        {"{\"inputs\":[" TENSOR("duration", "BYTES", "[1]", "[1]") "]}", 400, "of the datatype"},
        {"{\"inputs\":[" TENSOR("duration", "BYTES", "[1]", "[\"1\"]") "]}", 409, "takes numbers"},
        {"{\"inputs\":[" TENSOR("duration", "FP64", "[1]", "[1e39]") "]}", 409, "takes numbers"},
        {"{\"inputs\":[" TENSOR("x", "FP64", "[1]", "[1]") "]}", 409, "duration is missing"},
        {"{\"inputs\":[" TENSOR("x", "FP64", "[1,2]", "[1,2]") "]}", 409, "a column for each feature"},
        {"{\"inputs\":[" TENSOR("duration", "FP64", "[1]", "[1]") "," TENSOR("duration", "FP64", "[1]", "[1]") "]}",
         409, "stands twice"},
        {"{\"inputs\":[" TENSOR("duration", "FP64", "[1]", "[1]") "," TENSOR("x", "FP64", "[2]", "[1,2]") "]}", 409,
         "the same n"},
        {"{\"inputs\":[" TENSOR("duration", "FP64", "[1]", "[1]") "],\"outputs\":[{\"name\":\"leaf\"}]}", 409,
         "no output leaf"},
        {"{\"inputs\":[" TENSOR("duration", "FP64", "[1]", "[1]") "],\"outputs\":5}", 400, "outputs is a list"},
        {"{", 422, "\"error\":"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = post("/v2/models/first-week/infer", "application/json", cases[i].body);
        ck_assert_msg(status == cases[i].status && strstr(fixture_body(&f), cases[i].contains) != NULL, "%s: %d %s",
                      cases[i].body, status, fixture_body(&f));
    }
}
END_TEST

START_TEST(models)
{
    static const struct {
        const char *target;
        int status;
        const char *body;
    } cases[] = {
        {"/v2", 200, "{\"name\":\"mercredi\",\"version\":\""},
        {"/v2/health/live", 200, "{\"live\":true}"},
        {"/v2/health/ready", 200, "{\"ready\":true}"},
        {"/v2/models/first-week", 200,
         "{\"name\":\"first-week\",\"versions\":[\"0001\"],\"platform\":\"catboost_cbm\",\"inputs\":[{\"name\":"
         "\"duration\","
         "\"datatype\":\"FP64\",\"shape\":[-1]}],\"outputs\":[{\"name\":\"score\",\"datatype\":\"FP64\",\"shape\":[-1]}"
         "]}"},
        {"/v2/models/first-week/ready", 200, "{\"name\":\"first-week\",\"ready\":true}"},
        {"/v2/models/first-week/versions/0001", 200, "\"0001\""},
        {"/v2/models/first-week/versions/0001/ready", 200, "true"},
        {"/v2/models/first-week/versions/0002", 404, "\"error\":\"This version does not serve\""},
        {"/v2/models/other/ready", 404, "\"error\":\"There is no such model\""},
        {"/v2/models/", 404, "Not Found"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = fixture_call(&f, "GET", cases[i].target, anna, NULL, NULL);
        ck_assert_msg(status == cases[i].status && strstr(fixture_body(&f), cases[i].body) != NULL, "%s: %d %s",
                      cases[i].target, status, fixture_body(&f));
    }
    f.parts.bundle = NULL;
    fixture_reopen(&f);
    ck_assert_int_eq(fixture_call(&f, "GET", "/v2/health/ready", NULL, NULL, NULL), 503);
    ck_assert_str_eq(fixture_body(&f), "{\"ready\":false}");
    ck_assert_int_eq(fixture_call(&f, "GET", "/v2/models/first-week/ready", anna, NULL, NULL), 503);
    ck_assert_int_eq(post("/v2/models/first-week/infer", "application/json", "{}"), 503);
    ck_assert_int_eq(post("/invocations", "application/json", "{\"instances\":[]}"), 503);
    ck_assert_int_eq(post("/invocations", "text/csv", "duration\n1\n"), 503);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scores");
    TCase *tc = tcase_create("scores");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, invocations);
    tcase_add_test(tc, rows_are_bounded);
    tcase_add_test(tc, infer);
    tcase_add_test(tc, models);
    suite_add_tcase(suite, tc);
    return check_main(suite);
}
