/* Every limit of a request: below, at and above it. (Time: t_protocol. Rate and hashes at once: t_accounts, t_app. A
 * token's length: t_token. Rows of /invocations: t_scores.) */
#include "tests/unit/app_answer.h"

static struct fixture f;
static char anna[4200];
static char body[300000];

static void setup(void)
{
    fixture_open(&f, false);
    (void)snprintf(anna, sizeof anna, "%s", fixture_token(&f, "anna", ""));
}

static void teardown(void)
{
    fixture_close(&f);
}

static int predict(void)
{
    return fixture_call(&f, "POST", "/predict", anna, "application/json", body);
}

/* body = film with `what` in it, where %s of `form` stands for n repetitions of it. */
static void film_with(const char *before, const char *each, size_t n, const char *after)
{
    size_t at = (size_t)snprintf(body, sizeof body, "{\"title\":\"x\",\"release_date\":\"2026-03-11\",%s", before);
    size_t length = strlen(each);
    for (size_t i = 0; i < n; i++, at += length) {
        memcpy(body + at, each, length);
    }
    (void)snprintf(body + at, sizeof body - at, "%s}", after);
}

static void at_limit(size_t limit, const char *before, const char *each, const char *after, int refused,
                     const char *says)
{
    for (size_t n = limit - 1; n <= limit + 1; n++) {
        film_with(before, each, n, after);
        int status = predict();
        ck_assert_msg(status == (n <= limit ? 200 : refused), "%s %zu of %zu: %d %s", before, n, limit, status,
                      fixture_body(&f));
        ck_assert_msg(n <= limit || strstr(fixture_body(&f), says) != NULL, "%s: %s", before, fixture_body(&f));
    }
}

START_TEST(texts_and_lists)
{
    at_limit(64, "\"film_id\":\"", "i", "\"", 422, "String should have at most 64 characters");
    at_limit(64, "\"film_id\":\"", "é", "\"", 422, "at most 64"); /* characters, not bytes */
    at_limit(2, "\"genres\":[\"Drame\"", ",\"g\"", "]", 422, "List should have at most 3 items"); /* and the first */
    at_limit(30, "\"genres\":[\"", "g", "\"]", 422, "at most 30 characters");
}
END_TEST

START_TEST(numbers)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {{"39", 422}, {"40", 200}, {"41", 200}, {"399", 200}, {"400", 200}, {"401", 422}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        film_with("\"duration_min\":", cases[i].text, 1, "");
        ck_assert_msg(predict() == cases[i].status, "%s", cases[i].text);
    }
}
END_TEST

START_TEST(depth)
{
    fixture_set(&f, "json_depth_max", "5");
    fixture_reopen(&f);
    for (size_t n = 3; n <= 5; n++) { /* the film itself is one */
        char text[64];
        (void)snprintf(text, sizeof text, "%.*s%.*s", (int)n, "[[[[[[", (int)n, "]]]]]]");
        film_with("\"other\":", text, 1, "");
        ck_assert_int_eq(predict(), n + 1 <= 5 ? 200 : 422);
    }
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "json_invalid"));
}
END_TEST

START_TEST(values)
{
    fixture_set(&f, "json_values_max", "100");
    fixture_reopen(&f);
    /* the film, its title, its date, the list and the first of it are five */
    at_limit(95, "\"other\":[0", ",1", "]", 422, "json_invalid");
}
END_TEST

START_TEST(films)
{
    fixture_set(&f, "rows_max", "4");
    fixture_reopen(&f);
    for (size_t n = 3; n <= 5; n++) {
        size_t at = (size_t)snprintf(body, sizeof body, "{\"films\":[");
        for (size_t i = 0; i < n; i++) {
            at += (size_t)snprintf(body + at, sizeof body - at, "%s{\"title\":\"x\",\"release_date\":\"2026-03-11\"}",
                                   i == 0 ? "" : ",");
        }
        (void)snprintf(body + at, sizeof body - at, "]}");
        ck_assert_int_eq(predict(), n <= 4 ? 200 : 422);
        at = (size_t)snprintf(body, sizeof body, "title,release_date\n");
        for (size_t i = 0; i < n; i++) {
            at += (size_t)snprintf(body + at, sizeof body - at, "x,2026-03-11\n");
        }
        ck_assert_int_eq(fixture_call(&f, "POST", "/predict", anna, "text/csv", body), n <= 4 ? 200 : 422);
    }
}
END_TEST

START_TEST(bodies)
{
    fixture_set(&f, "body_max", "1KiB");
    fixture_set(&f, "token_body_max", "1KiB");
    fixture_reopen(&f);
    for (size_t n = 1023; n <= 1025; n++) {
        film_with("", "\"duration_min\":100", 1, "");
        size_t length = strlen(body);
        memset(body + length, ' ', n - length);
        body[n] = '\0';
        ck_assert_int_eq(predict(), n <= 1024 ? 200 : 413);
    }
}
END_TEST

/* Of a header and of the target alike. */
START_TEST(headers)
{
    static char header[400], target[400];
    fixture_set(&f, "header_max", "256");
    fixture_reopen(&f);
    for (size_t n = 255; n <= 257; n++) {
        memset(header, 'a', sizeof header);
        memcpy(header, "HTTP_ACCEPT=", 12);
        header[12 + n] = '\0';
        const char *parameters[] = {"REQUEST_METHOD=GET", "REQUEST_URI=/livez", header, NULL};
        ck_assert_int_eq(fixture_send(&f, parameters, STR("")), n <= 256 ? 200 : 431);
        memset(target, 'a', sizeof target);
        memcpy(target, "REQUEST_URI=/livez?", 19);
        target[12 + n] = '\0';
        parameters[1] = target;
        parameters[2] = NULL;
        ck_assert_int_eq(fixture_send(&f, parameters, STR("")), n <= 256 ? 200 : 431);
    }
}
END_TEST

/* An answer that would be larger is a 500 that says nothing, and nothing of it leaves. */
START_TEST(answers)
{
    fixture_set(&f, "response_max", "64KiB");
    fixture_reopen(&f);
    size_t at = (size_t)snprintf(body, sizeof body, "{\"films\":[");
    for (size_t i = 0; i < 500; i++) {
        at += (size_t)snprintf(body + at, sizeof body - at, "%s{\"title\":\"x\",\"release_date\":\"2026-03-11\"}",
                               i == 0 ? "" : ",");
    }
    (void)snprintf(body + at, sizeof body - at, "]}");
    ck_assert_int_eq(predict(), 500);
    ck_assert_str_eq(fixture_body(&f), "{\"detail\":\"Internal Server Error\"}");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *tc = tcase_create("limits");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, texts_and_lists);
    tcase_add_test(tc, numbers);
    tcase_add_test(tc, depth);
    tcase_add_test(tc, values);
    tcase_add_test(tc, films);
    tcase_add_test(tc, bodies);
    tcase_add_test(tc, headers);
    tcase_add_test(tc, answers);
    suite_add_tcase(suite, tc);
    return check_main(suite);
}
