/* POST /predict and the history through app_handle: figures, every kind of nonsense, the log. */
#include "tests/unit/app_answer.h"

static struct fixture f;
static char anna[4200]; /* "Bearer …" of an account with scopes predict and outcome */

static void setup(void)
{
    fixture_open(&f, false);
    (void)snprintf(anna, sizeof anna, "%s", fixture_token(&f, "anna", ""));
}

static void teardown(void)
{
    fixture_close(&f);
}

static struct json_doc *document(void)
{
    return document_of(&f);
}

static const char json[] = "application/json";
static const char film[] = "{\"title\":\"Été\",\"release_date\":\"2026-03-11\",\"duration_min\":100}";

static int predict(const char *body)
{
    return fixture_call(&f, "POST", "/predict", anna, json, body);
}

/* ---- predicting ------------------------------------------------------------------------------------------------ */

START_TEST(one_film)
{
    ck_assert_int_eq(predict(film), 200);
    ck_assert_str_eq(f.res.content_type, "application/json");
    struct json_doc *doc = document();
    const struct json *answer = json_root(doc), *interval = json_find(answer, "interval");
    const struct json *model = json_find(answer, "model"), *quantiles = json_find(answer, "quantiles");
    struct str id;
    double score;
    ck_assert(json_str(json_find(answer, "prediction_id"), &id) && uuid_valid(id));
    ck_assert_int_eq(number(answer, "admissions"), 100000);
    ck_assert(json_double(json_find(answer, "score"), &score) && score == 5.0);
    ck_assert_int_eq(number(interval, "low"), 35481);   /* 10^(5-0.45) */
    ck_assert_int_eq(number(interval, "high"), 281838); /* 10^(5+0.45) */
    ck_assert_int_eq(number(quantiles, "0.05"), 25119);
    ck_assert_int_eq(number(quantiles, "0.5"), 100000);
    ck_assert_int_eq(number(quantiles, "0.95"), 398107);
    ck_assert_uint_eq(json_count(quantiles), FORECAST_QUANTILES);
    ck_assert_str_eq(member(answer, "histories_as_of"), "2026-02-16");
    ck_assert_str_eq(member(model, "name"), "first-week");
    ck_assert_str_eq(member(model, "version"), "0001");
    ck_assert_int_eq(json_type(json_find(answer, "warnings")), JSON_ARRAY);
    ck_assert_ptr_null(json_find(answer, "explanation"));
    json_free(doc);
}
END_TEST

START_TEST(levels)
{
    static const struct {
        const char *query;
        int status;
        int64_t low;
    } cases[] = {{"", 200, 35481},
                 {"?level=0.8", 200, 35481},
                 {"?level=0.80", 200, 35481},
                 {"?level=0.9", 200, 25119},
                 {"?level=0.5", 200, 63096},
                 {"?level=0.5&level=0.9", 200, 25119},
                 {"?level=0.85", 200, 30533},
                 {"?level=0.99", 422, 0},
                 {"?level=1", 422, 0},
                 {"?level=0", 422, 0},
                 {"?level=nan", 422, 0},
                 {"?level=", 422, 0},
                 {"?level=high", 422, 0},
                 {"?explain=maybe", 422, 0},
                 {"?explain=TRUE", 200, 35481},
                 {"?explain=0", 200, 35481},
                 {"?other=1", 200, 35481}};
    char target[64];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(target, sizeof target, "/predict%s", cases[i].query);
        int status = fixture_call(&f, "POST", target, anna, json, film);
        ck_assert_msg(status == cases[i].status, "%s: %d %s", target, status, fixture_body(&f));
        struct json_doc *doc = document();
        if (status == 200) {
            ck_assert_int_eq(number(json_find(json_root(doc), "interval"), "low"), cases[i].low);
        } else {
            ck_assert_ptr_nonnull(strstr(fixture_body(&f), "[\"query\","));
        }
        json_free(doc);
    }
    fixture_call(&f, "POST", "/predict?explain=true", anna, json, film);
    struct json_doc *doc = document();
    const struct json *why;
    ck_assert_int_eq(json_get(json_root(doc), "explanation", JSON_ARRAY, &why, NULL), MRC_OK);
    double product = 1, base = 0, factor = 0;
    ck_assert_int_eq(json_get_double(json_root(doc), "base", &base, NULL), MRC_OK);
    for (const struct json *x = json_first(why); x; x = json_next(x)) {
        ck_assert_int_eq(json_get_double(x, "factor", &factor, NULL), MRC_OK);
        product *= factor;
    }
    ck_assert_int_gt((int)json_count(why), 0);
    ck_assert_double_eq_tol(base * product, number(json_root(doc), "admissions"), 0.5);
    json_free(doc);
}
END_TEST

START_TEST(batches)
{
    ck_assert_int_eq(predict("{\"films\":[{\"title\":\"a\",\"release_date\":\"2026-03-11\",\"duration_min\":90},"
                             "{\"title\":\"b\",\"release_date\":\"2026-03-12\",\"duration_min\":120,\"x\":1}]}"),
                     200);
    struct json_doc *doc = document();
    const struct json *list = json_find(json_root(doc), "predictions");
    ck_assert_uint_eq(json_count(list), 2);
    ck_assert_int_eq(number(json_at(list, 0), "admissions"), 100000);
    ck_assert_int_eq(number(json_at(list, 1), "admissions"), 177828);
    const struct json *warnings = json_find(json_at(list, 1), "warnings");
    ck_assert_uint_eq(json_count(warnings), 2);
    ck_assert_str_eq(member(json_at(warnings, 0), "code"), "unknown_field");
    ck_assert_str_eq(member(json_at(warnings, 1), "code"), "not_a_wednesday");
    json_free(doc);
}
END_TEST

START_TEST(a_film_is_answered_the_same_in_a_batch)
{
    char alone[2048];
    ck_assert_int_eq(predict(film), 200);
    const char *figures = strstr(fixture_body(&f), "\"admissions\"");
    ck_assert_ptr_nonnull(figures);
    (void)snprintf(alone, sizeof alone, "%s", figures);
    ck_assert_int_eq(predict("{\"films\":[{\"title\":\"x\",\"release_date\":\"2026-01-07\",\"duration_min\":300},"
                             "{\"title\":\"Été\",\"release_date\":\"2026-03-11\",\"duration_min\":100}]}"),
                     200);
    figures = strstr(fixture_body(&f), "\"admissions\"");
    figures = strstr(figures + 1, "\"admissions\"");
    ck_assert_int_eq(strncmp(alone, figures, strlen(alone)), 0);
}
END_TEST

START_TEST(bad_films)
{
    static const struct {
        const char *body;
        int status;
        const char *contains;
    } cases[] = {
        {"{}", 422, "{\"type\":\"missing\",\"loc\":[\"body\",\"title\"],\"msg\":\"Field required\",\"input\":{}}"},
        {"{}", 422, "[\"body\",\"release_date\"]"},
        {"[]", 422, "model_attributes_type\",\"loc\":[\"body\"]"},
        {"null", 422, "model_attributes_type"},
        {"12", 422, "model_attributes_type"},
        {"\"text\"", 422, "model_attributes_type"},
        {"", 422, "{\"type\":\"missing\",\"loc\":[\"body\"],\"msg\":\"Field required\",\"input\":null}"},
        {"{", 422, "\"json_invalid\",\"loc\":[\"body\",1]"},
        {"{\"title\":}", 422, "json_invalid"},
        {"{\"é\":x}", 422, "\"json_invalid\",\"loc\":[\"body\",5]"}, /* characters, not bytes */
        {"{\"title\":\"a\",\"title\":\"b\"}", 422, "json_invalid"},
        {"{\"a\":NaN}", 422, "json_invalid"},
        {"{\"a\":1e999}", 422, "json_invalid"},
        {"{} {}", 422, "json_invalid"},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", 422, "model_attributes_type"}, /* 32 levels */
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", 422, "deeper than 32"},
        {"{\"a\":\"\\u0000\"}", 422, "json_invalid"},
        {"{\"a\":\"\\ud800\"}", 422, "json_invalid"},
        {"\xff", 400, "There was an error parsing the body"},
        {"{\"title\":\"\xc3\"}", 400, "There was an error parsing the body"},
        {"{\"title\":12,\"release_date\":\"2026-03-11\"}", 422,
         "\"string_type\",\"loc\":[\"body\",\"title\"],\"msg\":\"Input should be a valid string\",\"input\":12"},
        {"{\"title\":\"\",\"release_date\":\"2026-03-11\"}", 422, "string_too_short"},
        {"{\"title\":\"123456789012345678901\",\"release_date\":\"2026-03-11\"}", 422, "string_too_long"},
        {"{\"title\":null,\"release_date\":\"2026-03-11\"}", 422, "string_type"},
        {"{\"title\":\"a\",\"release_date\":\"2026-02-30\"}", 422, "date_from_datetime_parsing"},
        {"{\"title\":\"a\",\"release_date\":\"11/03/2026\"}", 422, "date_from_datetime_parsing"},
        {"{\"title\":\"a\",\"release_date\":20260311}", 422, "date_type"},
        {"{\"title\":\"a\",\"release_date\":\"2026-03-11\",\"duration_min\":\"100\"}", 422, "int_type"},
        {"{\"title\":\"a\",\"release_date\":\"2026-03-11\",\"duration_min\":100.5}", 422, "int_from_float"},
        {"{\"title\":\"a\",\"release_date\":\"2026-03-11\",\"duration_min\":39}", 422, "\"ctx\":{\"ge\":40}"},
        {"{\"title\":\"a\",\"release_date\":\"2026-03-11\",\"duration_min\":401}", 422, "\"ctx\":{\"le\":400}"},
        {"{\"title\":\"a\",\"release_date\":\"2026-03-11\",\"duration_min\":true}", 422, "int_type"},
        {"{\"title\":\"a\",\"release_date\":\"2026-03-11\",\"budget\":0}", 422, "\"ctx\":{\"gt\":0.0}"},
        {"{\"title\":\"a\",\"release_date\":\"2026-03-11\",\"age_rating\":\"18\"}", 422, "literal_error"},
        {"{\"title\":\"a\",\"release_date\":\"2026-03-11\",\"genres\":\"Drame\"}", 422, "list_type"},
        {"{\"title\":\"a\",\"release_date\":\"2026-03-11\",\"genres\":[\"a\",2]}", 422, "[\"body\",\"genres\",1]"},
        {"{\"title\":\"a\",\"release_date\":\"2026-03-11\",\"genres\":[\"a\",\"b\",\"c\",\"d\"]}", 422, "too_long"},
        {"{\"films\":{}}", 422, "\"list_type\",\"loc\":[\"body\",\"films\"]"},
        {"{\"films\":null}", 422, "list_type"},
        {"{\"films\":[]}", 422, "\"too_short\",\"loc\":[\"body\",\"films\"]"},
        {"{\"films\":[1]}", 422, "\"model_attributes_type\",\"loc\":[\"body\",\"films\",0]"},
        {"{\"films\":[{\"title\":\"a\",\"release_date\":\"2026-03-11\"},{\"title\":\"b\",\"genres\":[3]}]}", 422,
         "[\"body\",\"films\",1,\"genres\",0]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = predict(cases[i].body);
        ck_assert_msg(status == cases[i].status, "%s: %d %s", cases[i].body, status, fixture_body(&f));
        ck_assert_msg(strstr(fixture_body(&f), cases[i].contains) != NULL, "%s: %s", cases[i].body, fixture_body(&f));
        json_free(document());
    }
}
END_TEST

START_TEST(all_errors_at_once)
{
    ck_assert_int_eq(fixture_call(&f, "POST", "/predict?level=3", anna, json,
                                  "{\"films\":[{\"duration_min\":1},{\"title\":1,\"release_date\":\"x\"}]}"),
                     422);
    struct json_doc *doc = document();
    ck_assert_uint_eq(json_count(json_find(json_root(doc), "detail")), 6);
    json_free(doc);
}
END_TEST

START_TEST(row_bounds)
{
    static char body[200000];
    for (size_t n = 999; n <= 1001; n++) {
        struct mrc_err err = {0};
        struct buf b;
        buf_init(&b, NULL, sizeof body - 1);
        buf_puts(&b, "{\"films\":[");
        for (size_t i = 0; i < n; i++) {
            buf_puts(&b, i == 0 ? "" : ",");
            buf_puts(&b, film);
        }
        buf_puts(&b, "]}");
        ck_assert_ok(buf_ok(&b, &err), &err);
        int status = predict(b.p);
        ck_assert_msg(status == (n > 1000 ? 422 : 200), "%zu: %d %.200s", n, status, fixture_body(&f));
        buf_release(&b);
    }
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "\"max_length\":1000,\"actual_length\":1001"));
}
END_TEST

START_TEST(many_wrong_rows_stay_bounded)
{
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    buf_puts(&b, "{\"films\":[{}");
    for (size_t i = 1; i < 1000; i++) {
        buf_puts(&b, ",{\"duration_min\":1,\"genres\":[1,2,3]}");
    }
    buf_puts(&b, "]}");
    ck_assert_int_eq(predict(b.p), 422);
    struct json_doc *doc = document();
    ck_assert_uint_eq(json_count(json_find(json_root(doc), "detail")), PROBLEMS_MAX);
    json_free(doc);
    buf_release(&b);
}
END_TEST

START_TEST(bodies)
{
    char authorization[4300];
    (void)snprintf(authorization, sizeof authorization, "HTTP_AUTHORIZATION=%s", anna);
    const char *parameters[] = {
        "REQUEST_METHOD=POST", "REQUEST_URI=/predict", "CONTENT_TYPE=application/json", authorization, NULL, NULL};
    struct http_request req;
    static const int states[] = {BODY_TOO_LARGE, BODY_SHORT, BODY_LENGTH_BAD};
    static const int statuses[] = {413, 400, 400};
    for (size_t i = 0; i < 3; i++) {
        app_finish(f.app);
        ck_assert_int_eq(
            http_request_read(&req, fixture_parameter, (void *)(uintptr_t)parameters, 8192, app_arena(f.app), NULL), 0);
        memcpy(&req.body_state, &states[i], sizeof states[i]);
        app_handle(f.app, &req, &f.res);
        ck_assert_int_eq(f.res.status, statuses[i]);
    }
    parameters[4] = "HTTP_CONTENT_ENCODING=gzip";
    ck_assert_int_eq(fixture_send(&f, parameters, STR("x")), 415);
    parameters[4] = "HTTP_CONTENT_ENCODING=identity";
    ck_assert_int_eq(fixture_send(&f, parameters, STR(film)), 200);
    static const struct {
        const char *type;
        int status;
    } types[] = {{"application/json", 200},
                 {"Application/JSON; charset=utf-8", 200},
                 {"application/vnd.api+json", 200},
                 {"text/plain", 415},
                 {NULL, 415},
                 {"application/x-www-form-urlencoded", 415},
                 {"application/jsonp", 415},
                 {"+json", 415},
                 {"application/+json", 415}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        int status = fixture_call(&f, "POST", "/predict", anna, types[i].type, film);
        ck_assert_msg(status == types[i].status, "%s: %d", types[i].type, status);
    }
}
END_TEST

START_TEST(csv_in_and_out)
{
    static const struct {
        const char *body;
        int status;
        const char *contains;
    } cases[] = {
        {"title,release_date,duration_min,note\na,2026-03-11,90,x\n\"b, c\",2026-03-18,,\n", 200, "\"predictions\":[{"},
        {"title,release_date\na,2026-03-11\n", 200, "\"admissions\":100000"},
        {"title,release_date\na,11/03/2026\n", 422, "[\"body\",\"films\",0,\"release_date\"]"},
        {"title,release_date\n", 422, "csv_invalid"},
        {"title,title\na,b\n", 422, "csv_invalid"},
        {"title,release_date\n\"a,2026-03-11\n", 422, "csv_invalid"},
        {"title,release_date\na\n", 422, "csv_invalid"},
        {"\xff\n", 422, "csv_invalid"},
        {"", 422, "missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = fixture_call(&f, "POST", "/predict", anna, "text/csv; charset=utf-8", cases[i].body);
        ck_assert_msg(status == cases[i].status, "%s: %d %s", cases[i].body, status, fixture_body(&f));
        ck_assert_msg(strstr(fixture_body(&f), cases[i].contains) != NULL, "%s: %s", cases[i].body, fixture_body(&f));
    }
    char authorization[4300];
    (void)snprintf(authorization, sizeof authorization, "HTTP_AUTHORIZATION=%s", anna);
    const char *parameters[] = {"REQUEST_METHOD=POST",  "REQUEST_URI=/predict", "CONTENT_TYPE=text/csv",
                                "HTTP_ACCEPT=text/csv", authorization,          NULL};
    ck_assert_int_eq(fixture_send(&f, parameters, STR("film_id,title,release_date\nid1,\"b, c\",2026-03-11\n")), 200);
    ck_assert_str_eq(f.res.content_type, "text/csv; charset=utf-8");
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), ",id1,\"b, c\",100000,0.8,35481,281838,25119,"));
}
END_TEST

/* ---- the log --------------------------------------------------------------------------------------------------- */

static int failing_append(struct log_sink *sink, const struct prediction *rows, size_t n, struct mrc_err *err)
{
    (void)sink;
    (void)rows;
    (void)n;
    return mrc_fail(err, MRC_EIO, "disk full at /secret/path");
}

START_TEST(log_modes)
{
    struct log_sink broken = {.append = failing_append};
    static const struct {
        const char *mode;
        bool sink;
        int status;
    } cases[] = {{"required", true, 503},     {"required", false, 503}, {"best_effort", true, 200},
                 {"best_effort", false, 200}, {"off", true, 200},       {"off", false, 200}};
    log_setup("test", LOG_ERROR, -1); /* the failures are meant */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_set(&f, "log", cases[i].mode);
        f.parts.log = cases[i].sink ? &broken : NULL;
        fixture_reopen(&f);
        ck_assert_int_eq(predict(film), cases[i].status);
        if (cases[i].status == 503) {
            ck_assert_ptr_nonnull(fixture_header(&f, "Retry-After"));
            ck_assert_ptr_null(strstr(fixture_body(&f), "secret"));
            ck_assert_ptr_null(strstr(fixture_body(&f), "admissions"));
        }
    }
}
END_TEST

START_TEST(what_is_logged)
{
    char authorization[4300];
    struct mrc_err err = {0};
    struct prediction *rows;
    struct arena arena;
    size_t n;
    (void)snprintf(authorization, sizeof authorization, "HTTP_AUTHORIZATION=%s", anna);
    const char *parameters[] = {"REQUEST_METHOD=POST",
                                "REQUEST_URI=/predict?level=0.5",
                                "CONTENT_TYPE=application/json",
                                authorization,
                                "HTTP_X_REQUEST_ID=req-7",
                                "HTTP_TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                NULL};
    ck_assert_int_eq(fixture_send(&f, parameters, STR(film)), 200);
    arena_init(&arena, 1 << 20);
    ck_assert_ok(store_predictions_list(f.log_store, STR("u-1"), STR(""), 10, &arena, &rows, &n, &err), &err);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(rows[0].time_ms, f.now_ms);
    ck_assert_text(rows[0].request_id, "req-7");
    ck_assert_text(rows[0].trace_id, "0af7651916cd43dd8448eb211c80319c");
    ck_assert_text(rows[0].model_version, "0001");
    ck_assert_text(rows[0].row_json, film);
    ck_assert(rows[0].score == 5.0 && rows[0].admissions == 100000);
    ck_assert(rows[0].low80 == 35481 && rows[0].high80 == 281838); /* whatever level was asked for */
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), rows[0].id.p));
    arena_release(&arena);
}
END_TEST

START_TEST(trace_parents)
{
    static const struct {
        const char *header, *id;
    } cases[] = {
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"},
        {"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", "0af7651916cd43dd8448eb211c80319c"},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", ""},
        {"00-00000000000000000000000000000000-b7ad6b7169203331-01", ""},
        {"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", ""},
        {"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", ""},
        {"00-0af7651916cd43dd8448eb211c80319c", ""},
        {"", ""},
    };
    char authorization[4300], trace[128];
    struct arena arena;
    struct mrc_err err = {0};
    struct prediction *rows;
    size_t n;
    (void)snprintf(authorization, sizeof authorization, "HTTP_AUTHORIZATION=%s", anna);
    arena_init(&arena, 4 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(trace, sizeof trace, "HTTP_TRACEPARENT=%s", cases[i].header);
        const char *parameters[] = {
            "REQUEST_METHOD=POST", "REQUEST_URI=/predict", "CONTENT_TYPE=application/json", authorization, trace, NULL};
        f.now_ms += 1000;
        ck_assert_int_eq(fixture_send(&f, parameters, STR(film)), 200);
        ck_assert_ok(store_predictions_list(f.log_store, STR("u-1"), STR(""), 1, &arena, &rows, &n, &err), &err);
        ck_assert_text(rows[0].trace_id, cases[i].id);
    }
    arena_release(&arena);
}
END_TEST

START_TEST(history)
{
    char ids[25][512], seen[25] = {0}, target[640], dora[4200];
    (void)snprintf(dora, sizeof dora, "%s", fixture_token(&f, "dora", ""));
    for (int i = 0; i < 25; i++) {
        f.now_ms += 10;
        ck_assert_int_eq(predict(film), 200);
        struct json_doc *doc = document();
        (void)snprintf(ids[i], sizeof ids[i], "%s", member(json_root(doc), "prediction_id"));
        json_free(doc);
    }
    char cursor[512] = "";
    int pages = 0, last = 25;
    do {
        (void)snprintf(target, sizeof target, "/predictions?limit=10%s%s", cursor[0] != '\0' ? "&cursor=" : "", cursor);
        ck_assert_int_eq(fixture_call(&f, "GET", target, anna, NULL, NULL), 200);
        struct json_doc *doc = document();
        const struct json *items = json_find(json_root(doc), "items");
        for (const struct json *item = json_first(items); item != NULL; item = json_next(item)) {
            for (int i = 0; i < 25; i++) {
                if (strcmp(ids[i], member(item, "prediction_id")) == 0) {
                    ck_assert_int_eq(i, last - 1); /* newest first */
                    last = i;
                    seen[i]++;
                }
            }
            ck_assert_int_eq(number(item, "admissions"), 100000);
            ck_assert_str_eq(member(json_find(item, "film"), "title"), "Été");
        }
        (void)snprintf(cursor, sizeof cursor, "%s", member(json_root(doc), "next"));
        json_free(doc);
        pages++;
    } while (cursor[0] != '\0' && pages < 10);
    ck_assert_int_eq(pages, 3);
    for (int i = 0; i < 25; i++) {
        ck_assert_int_eq(seen[i], 1);
    }
    /* one's own only */
    ck_assert_int_eq(fixture_call(&f, "GET", "/predictions", dora, NULL, NULL), 200);
    ck_assert_str_eq(fixture_body(&f), "{\"items\":[],\"next\":null}");
    (void)snprintf(target, sizeof target, "/predictions/%s", ids[3]);
    ck_assert_int_eq(fixture_call(&f, "GET", target, dora, NULL, NULL), 404);
    ck_assert_int_eq(fixture_call(&f, "GET", target, anna, NULL, NULL), 200);
    struct json_doc *doc = document();
    ck_assert_str_eq(member(json_root(doc), "prediction_id"), ids[3]);
    ck_assert_int_eq(number(json_find(json_root(doc), "interval"), "low"), 35481);
    json_free(doc);
}
END_TEST

START_TEST(history_queries)
{
    static const struct {
        const char *target;
        int status;
    } cases[] = {{"/predictions?limit=1", 200},
                 {"/predictions?limit=1000", 200},
                 {"/predictions?limit=0", 422},
                 {"/predictions?limit=1001", 422},
                 {"/predictions?limit=-1", 422},
                 {"/predictions?limit=x", 422},
                 {"/predictions?limit=", 422},
                 {"/predictions?limit=99999999999999999999", 422},
                 {"/predictions?cursor=x", 422},
                 {"/predictions?cursor='%20OR%201=1", 422},
                 {"/predictions?cursor=01990000-0000-7000-8000-000000000000", 200},
                 {"/predictions/x", 404},
                 {"/predictions/01990000-0000-7000-8000-000000000000", 404}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = fixture_call(&f, "GET", cases[i].target, anna, NULL, NULL);
        ck_assert_msg(status == cases[i].status, "%s: %d %s", cases[i].target, status, fixture_body(&f));
    }
}
END_TEST

/* ---- running out ----------------------------------------------------------------------------------------------- */

START_TEST(memory_ceiling)
{
    fixture_set(&f, "request_memory_max", "1MiB");
    fixture_set(&f, "response_max", "64KiB");
    log_setup("test", LOG_ERROR, -1);
    fixture_reopen(&f);
    ck_assert_int_eq(predict(film), 200);
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    buf_puts(&b, "{\"films\":[");
    for (size_t i = 0; i < 400; i++) {
        buf_puts(&b, i == 0 ? "" : ",");
        buf_puts(&b, film);
    }
    buf_puts(&b, "]}");
    int status = predict(b.p);
    ck_assert_msg(status == 413 || status == 500, "%d", status);
    json_free(document());
    buf_release(&b);
    ck_assert_int_eq(predict(film), 200);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("predict");
    const struct {
        const char *name;
        const TTest *test;
    } tests[] = {
        {"one film", one_film},
        {"levels", levels},
        {"batches", batches},
        {"same in a batch", a_film_is_answered_the_same_in_a_batch},
        {"bad films", bad_films},
        {"all errors", all_errors_at_once},
        {"row bounds", row_bounds},
        {"wrong rows", many_wrong_rows_stay_bounded},
        {"bodies", bodies},
        {"csv", csv_in_and_out},
        {"log modes", log_modes},
        {"logged", what_is_logged},
        {"trace", trace_parents},
        {"history", history},
        {"history queries", history_queries},
        {"memory", memory_ceiling},
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        TCase *tc = tcase_create(tests[i].name);
        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_set_timeout(tc, 60);
        tcase_add_test(tc, tests[i].test);
        suite_add_tcase(suite, tc);
    }
    return check_main(suite);
}
