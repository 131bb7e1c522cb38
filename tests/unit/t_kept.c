/* What users keep and report, through app_handle, on SQLite and PostgreSQL (_i): films, suggestions, outcomes, cinemas;
 * and that nobody reaches what is another's, on any route. */
#include "fcgi/store_access.h"
#include "tests/unit/app_answer.h"
#include "tests/unit/pg_server.h"

static struct fixture f;
static struct pg_server pg;
static char anna[4200], dora[4200], bob[4200]; /* anna: predict outcome; dora: predict; bob: outcome */
static int backend;

static void setup(void)
{
    ck_assert(pg.folder[0] == '\0' || pg_server_clear(&pg));
    fixture_state_url = fixture_log_url = backend == 1 ? pg.url : NULL;
    fixture_open(&f, backend == 0);
    (void)snprintf(anna, sizeof anna, "%s", fixture_token(&f, "anna", ""));
    (void)snprintf(dora, sizeof dora, "%s", fixture_token(&f, "dora", ""));
    (void)snprintf(bob, sizeof bob, "%s", fixture_token(&f, "bob", ""));
}

static void teardown(void)
{
    fixture_close(&f);
}

static const char json[] = "application/json";

/* A call with a JSON body, that must answer so. */
static void call(int status, const char *method, const char *target, const char *who, const char *body)
{
    f.now_ms++; /* what is recorded is in the order of time */
    int got = fixture_call(&f, method, target, who, body == NULL ? NULL : json, body);
    ck_assert_msg(got == status, "%s %s: %d, not %d: %.600s", method, target, got, status, fixture_body(&f));
}

/* The answer has this text in it. */
static void says(const char *text)
{
    ck_assert_msg(strstr(fixture_body(&f), text) != NULL, "%s not in %.1000s", text, fixture_body(&f));
}

/* A text member of the answer, copied. */
static const char *answered(const char *name)
{
    static char text[4][512];
    static int turn;
    struct json_doc *doc = document_of(&f);
    turn = (turn + 1) % 4;
    (void)snprintf(text[turn], sizeof text[turn], "%s", member(json_root(doc), name));
    json_free(doc);
    return text[turn];
}

static size_t count_of(const char *list)
{
    struct json_doc *doc = document_of(&f);
    size_t n = json_count(json_find(json_root(doc), list));
    json_free(doc);
    return n;
}

static const char *at(const char *format, const char *id)
{
    static char target[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    const char *hole = strchr(format, '*');
    (void)snprintf(target[turn], sizeof target[turn], "%.*s%s%s", (int)(hole - format), format, id, hole + 1);
    return target[turn];
}

/* ---- films ----------------------------------------------------------------------------------------------------- */

/* The record of administrative acts, newest first, as "actor act: detail" lines. */
static const char *acts(const char *subject)
{
    static char text[2000];
    struct arena a;
    struct audit *rows;
    struct mrc_err err = {0};
    size_t n, used = 0;
    arena_init(&a, 0);
    ck_assert_ok(store_audit_list(f.store, STR(""), 100, &a, &rows, &n, &err), &err);
    text[0] = '\0';
    for (size_t i = 0; i < n && used < sizeof text; i++) {
        ck_assert(rows[i].request_id.n > 0);
        if (str_is(rows[i].subject, subject)) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%.*s %.*s: %.*s\n", STR_ARG(rows[i].actor),
                                     STR_ARG(rows[i].act), STR_ARG(rows[i].detail));
        }
    }
    arena_release(&a);
    return text;
}

START_TEST(films_are_kept)
{
    char id[64];
    call(200, "POST", "/films", anna, "{\"film_id\":\"a\",\"title\":\"Été\",\"release_date\":\"2026-12-02\"}");
    (void)snprintf(id, sizeof id, "%s", answered("id"));
    says("\"film\":{\"film_id\":\"a\",\"title\":\"Été\",\"release_date\":\"2026-12-02\"}");
    f.now_ms += 1000;
    call(200, "POST", "/films", anna,
         "{\"films\":[{\"film_id\":\"a\",\"title\":\"Hiver\",\"release_date\":\"2026-12-09\"},"
         "{\"title\":\"Noël\",\"release_date\":\"2026-12-16\"}]}");
    ck_assert_uint_eq(count_of("films"), 2);
    call(200, "GET", at("/films/*", id), anna, NULL);
    says("Hiver");
    call(200, "GET", "/films", anna, NULL);
    ck_assert_uint_eq(count_of("items"), 2);
    call(200, "GET", "/films?from=2026-12-10&to=2026-12-31", anna, NULL);
    ck_assert_uint_eq(count_of("items"), 1);
    says("Noël");
    call(200, "GET", "/films?limit=1", anna, NULL);
    call(200, "GET", at("/films?limit=1&cursor=*", answered("next")), anna, NULL);
    ck_assert_uint_eq(count_of("items"), 1);
    says("Hiver");
    call(204, "DELETE", at("/films/*", id), anna, NULL);
    ck_assert_uint_eq(f.res.body.n, 0);
    call(404, "GET", at("/films/*", id), anna, NULL);
    call(404, "DELETE", at("/films/*", id), anna, NULL);
    /* a film that could not be predicted is not kept */
    call(422, "POST", "/films", anna, "{\"title\":\"Été\",\"release_date\":\"2026-12-32\"}");
    call(422, "GET", "/films?from=2026-13-01", anna, NULL);
    call(422, "GET", "/films?limit=0", anna, NULL);
    call(403, "GET", "/films", bob, NULL);
    fixture_set(&f, "films_max", "1");
    fixture_reopen(&f);
    call(409, "POST", "/films", anna, "{\"title\":\"Été\",\"release_date\":\"2026-12-02\"}");
    ck_assert_int_eq(fixture_call(&f, "POST", "/films", anna, "text/csv", "title,release_date\nNoël,2026-12-16\n"),
                     200); /* replaces itself */
}
END_TEST

/* ---- suggestions ----------------------------------------------------------------------------------------------- */

START_TEST(suggestions)
{
    call(200, "GET", "/suggest?field=genres&q=dra", anna, NULL);
    ck_assert_str_eq(fixture_body(&f), "{\"suggestions\":[{\"value\":\"Drame\",\"match\":\"begins\"}]}");
    call(200, "GET", "/suggest?field=genres&q=Darme", anna, NULL); /* did you mean */
    ck_assert_str_eq(fixture_body(&f), "{\"suggestions\":[{\"value\":\"Drame\",\"match\":\"similar\"}]}");
    call(200, "GET", "/suggest?field=genres&q=ram", anna, NULL);
    says("\"match\":\"inside\"");
    call(200, "GET", "/suggest?field=genres&q=zzzz", anna, NULL);
    ck_assert_uint_eq(count_of("suggestions"), 0);
    call(200, "GET", "/suggest?field=actors&q=dra", anna, NULL); /* this version knows no actors */
    call(200, "GET", "/suggest?field=genres&q=%3F%3F", anna, NULL);
    ck_assert_uint_eq(count_of("suggestions"), 0);
    call(422, "GET", "/suggest?field=title&q=dra", anna, NULL);
    call(422, "GET", "/suggest?q=dra", anna, NULL);
    call(422, "GET", "/suggest?field=genres", anna, NULL);
    call(422, "GET", "/suggest?field=genres&q=d", anna, NULL);
    call(422, "GET",
         "/suggest?field=genres&q="
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         anna, NULL);
}
END_TEST

/* ---- outcomes -------------------------------------------------------------------------------------------------- */

#define FILM_A "\"title\":\"Été\",\"release_date\":\"2026-03-11\""

START_TEST(outcomes_are_idempotent_and_corrected)
{
    char id[64];
    call(200, "POST", "/outcomes", bob, "{" FILM_A ",\"first_week_entries\":90000,\"source\":\"CNC\"}");
    ck_assert_str_eq(answered("result"), "recorded");
    ck_assert_str_eq(answered("week"), "2026-03-11");
    ck_assert_str_eq(answered("plausibility"), "plausible");
    (void)snprintf(id, sizeof id, "%s", answered("outcome_id"));
    call(200, "POST", "/outcomes", bob, "{" FILM_A ",\"first_week_entries\":90000,\"source\":\"CNC\"}");
    ck_assert_str_eq(answered("result"), "unchanged");
    f.now_ms += 1000;
    call(200, "POST", "/outcomes", anna,
         "{\"title\":\"ETE\",\"release_date\":\"2026-03-11\",\"first_week_entries\":95000,\"source\":\"CNC\"}");
    ck_assert_str_eq(answered("result"), "corrected");
    ck_assert_str_eq(answered("outcome_id"), id);
    call(200, "GET", at("/outcomes/*", id), bob, NULL);
    ck_assert_uint_eq(count_of("history"), 2);
    says("\"entries\":95000,\"provisional\":false,\"source\":\"CNC\",\"plausibility\":\"plausible\",\"revision\":2");
    says("\"entries\":90000,\"provisional\":false,\"source\":\"CNC\",\"plausibility\":\"plausible\",\"revision\":1");
    ck_assert_str_eq(acts(id), "anna outcome correct: revision 2: 95000\n");
    call(200, "GET", "/outcomes", bob, NULL);
    ck_assert_uint_eq(count_of("items"), 1);
    call(200, "GET", "/outcomes?from=2026-03-12", bob, NULL);
    ck_assert_uint_eq(count_of("items"), 0);
    call(404, "GET", "/outcomes/01990000-0000-7000-8000-000000000000", bob, NULL);
    call(404, "GET", "/outcomes/x", bob, NULL);
    call(403, "POST", "/outcomes", dora, "{}");
    call(403, "GET", "/outcomes", dora, NULL);
}
END_TEST

START_TEST(outcomes_by_own_id)
{
    call(409, "POST", "/outcomes", anna, "{\"film_id\":\"a\",\"first_week_entries\":90000,\"source\":\"CNC\"}");
    says("unknown_film");
    call(200, "POST", "/films", anna, "{\"film_id\":\"a\"," FILM_A ",\"duration_min\":100}");
    call(200, "POST", "/outcomes", anna, "{\"film_id\":\"a\",\"first_week_entries\":90000,\"source\":\"CNC\"}");
    ck_assert_str_eq(answered("result"), "recorded");
    ck_assert_str_eq(answered("plausibility"), "plausible"); /* the kept film was forecast */
    /* bob's "a" is another's id: he does not see it either */
    call(409, "POST", "/outcomes", bob, "{\"film_id\":\"a\",\"first_week_entries\":90000,\"source\":\"CNC\"}");
    says("unknown_film");
    call(200, "GET", "/outcomes", bob, NULL);
    says("\"film_id\":null");
    /* what is kept under the id says otherwise */
    call(409, "POST", "/outcomes", anna,
         "{\"film_id\":\"a\",\"title\":\"Hiver\",\"release_date\":\"2026-03-18\",\"first_week_entries\":90000,"
         "\"source\":\"CNC\"}");
    says("film_differs");
    says("\"candidates\":[{\"film_id\":\"a\",\"title\":\"Été\",\"release_date\":\"2026-03-11\"}]");
    /* no longer kept, but reported once under this id */
    call(200, "GET", "/films", anna, NULL);
    struct json_doc *doc = document_of(&f);
    char id[64];
    (void)snprintf(id, sizeof id, "%.60s", member(json_at(json_find(json_root(doc), "items"), 0), "id"));
    json_free(doc);
    call(204, "DELETE", at("/films/*", id), anna, NULL);
    call(200, "POST", "/outcomes", anna, "{\"film_id\":\"a\",\"first_week_entries\":91000,\"source\":\"CNC\"}");
    ck_assert_str_eq(answered("result"), "corrected");
    ck_assert_str_eq(answered("plausibility"), "unchecked");
}
END_TEST

START_TEST(ambiguity_lists_candidates)
{
    call(200, "POST", "/films", anna, "{\"film_id\":\"a\"," FILM_A "}");
    call(200, "POST", "/films", anna, "{\"film_id\":\"b\"," FILM_A "}");
    call(409, "POST", "/outcomes", anna, "{" FILM_A ",\"first_week_entries\":90000,\"source\":\"CNC\"}");
    says("ambiguous_film");
    says("{\"film_id\":\"a\"");
    says("{\"film_id\":\"b\"");
    call(200, "POST", "/outcomes", anna,
         "{\"film_id\":\"b\"," FILM_A ",\"first_week_entries\":90000,\"source\":\"CNC\"}");
    /* the same title a week later: the date may be wrong */
    const char later[] = "{\"title\":\"Été\",\"release_date\":\"2026-03-18\",\"first_week_entries\":90000,"
                         "\"source\":\"CNC\"%s}";
    char body[256];
    (void)snprintf(body, sizeof body, later, "");
    call(409, "POST", "/outcomes", bob, body);
    says("ambiguous_film");
    says("\"release_date\":\"2026-03-11\"");
    ck_assert_ptr_null(strstr(fixture_body(&f), "\"film_id\":\"b\"")); /* anna's ids are hers */
    (void)snprintf(body, sizeof body, later, ",\"confirm\":true");
    call(200, "POST", "/outcomes", bob, body);
    /* a year later it is another film */
    call(200, "POST", "/outcomes", bob,
         "{\"title\":\"Été\",\"release_date\":\"2025-03-12\",\"first_week_entries\":90000,\"source\":\"CNC\"}");
}
END_TEST

START_TEST(figures_that_cannot_be)
{
    static const struct {
        const char *body, *says;
    } refused[] = {
        {"{" FILM_A ",\"first_week_entries\":12,\"source\":\"CNC\"}", "implausible"},
        {"{" FILM_A ",\"first_week_entries\":9000000,\"source\":\"CNC\"}", "implausible"},
        {"{" FILM_A ",\"first_week_entries\":90000,\"source\":\"CNC\",\"week\":\"2026-03-18\"}", "not_first_week"},
        {"{\"title\":\"A\",\"release_date\":\"2027-03-10\",\"first_week_entries\":90000,\"source\":\"CNC\"}",
         "not_released"},
        {"{\"title\":\"A\",\"release_date\":\"2026-09-16\",\"first_week_entries\":90000,\"source\":\"CNC\"}",
         "week_not_over"}, /* now is 2026-09-21 */
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        call(409, "POST", "/outcomes", bob, refused[i].body);
        says(refused[i].says);
    }
    call(200, "GET", "/outcomes", bob, NULL);
    ck_assert_uint_eq(count_of("items"), 0);
    call(200, "POST", "/outcomes", bob, "{" FILM_A ",\"first_week_entries\":12,\"source\":\"CNC\",\"confirm\":true}");
    ck_assert_str_eq(answered("plausibility"), "confirmed");
    call(409, "POST", "/outcomes", bob, "{" FILM_A ",\"first_week_entries\":90000,\"source\":\"CNC\"}");
    says("in the place of 12");
    call(200, "POST", "/outcomes", bob,
         "{\"title\":\"A\",\"release_date\":\"2026-09-16\",\"first_week_entries\":90000,\"source\":\"CNC\","
         "\"provisional\":true}");
    f.now_ms += (int64_t)3 * 86400000;
    (void)snprintf(bob, sizeof bob, "%s", fixture_token(&f, "bob", ""));
    call(200, "POST", "/outcomes", bob,
         "{\"title\":\"A\",\"release_date\":\"2026-09-16\",\"first_week_entries\":91000,\"source\":\"CNC\"}");
    ck_assert_str_eq(answered("result"), "corrected");
    call(409, "POST", "/outcomes", bob,
         "{\"title\":\"A\",\"release_date\":\"2026-09-16\",\"first_week_entries\":92000,\"source\":\"CNC\","
         "\"provisional\":true}");
    says("final_stands");
}
END_TEST

START_TEST(outcome_bodies)
{
    static const struct {
        const char *body, *says;
    } wrong[] = {
        {"[]", "model_attributes_type"},
        {"{", "json_invalid"},
        {"{}", "\"loc\":[\"body\",\"title\"]"},
        {"{}", "\"loc\":[\"body\",\"source\"]"},
        {"{" FILM_A ",\"source\":\"CNC\"}", "\"loc\":[\"body\",\"first_week_entries\"]"},
        {"{\"film_id\":\"a\",\"source\":\"CNC\"}", "\"loc\":[\"body\",\"first_week_entries\"]"},
        {"{\"film_id\":\" \",\"first_week_entries\":1,\"source\":\"CNC\"}", "\"loc\":[\"body\",\"title\"]"},
        {"{\"film_id\":\"a\",\"title\":\"x\",\"first_week_entries\":-1,\"source\":\"CNC\"}", "greater_than_equal"},
        {"{" FILM_A ",\"first_week_entries\":\"90000\",\"source\":\"CNC\"}", "int_type"},
        {"{" FILM_A ",\"first_week_entries\":1,\"source\":3}", "string_type"},
        {"{" FILM_A ",\"first_week_entries\":1,\"source\":\" \"}", "string_pattern_mismatch"},
        {"{" FILM_A ",\"first_week_entries\":1,\"source\":\"C\",\"week\":\"2026\"}", "date_from_datetime_parsing"},
        {"{" FILM_A ",\"first_week_entries\":1,\"source\":\"C\",\"confirm\":\"yes\"}", "bool_type"},
        {"{" FILM_A ",\"first_week_entries\":1,\"source\":\"C\",\"week\":\"\"}", "date_from_datetime_parsing"},
        {"{" FILM_A ",\"first_week_entries\":1,\"source\":\"C\",\"week\":3}", "date_type"},
        {"{\"outcomes\":{}}", "list_type"},
        {"{\"outcomes\":[]}", "too_short"},
        {"{\"outcomes\":[{" FILM_A ",\"first_week_entries\":1,\"source\":\"C\"},3]}",
         "\"loc\":[\"body\",\"outcomes\",1]"},
        {"{\"outcomes\":[{" FILM_A ",\"first_week_entries\":1,\"source\":\"C\",\"provisional\":1}]}",
         "\"loc\":[\"body\",\"outcomes\",0,\"provisional\"]"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        call(422, "POST", "/outcomes", bob, wrong[i].body);
        says(wrong[i].says);
    }
    ck_assert_int_eq(fixture_call(&f, "POST", "/outcomes", bob, "text/plain", "x"), 415);
    ck_assert_int_eq(fixture_call(&f, "POST", "/outcomes", bob, json, ""), 422);
}
END_TEST

START_TEST(outcomes_all_or_none)
{
    call(409, "POST", "/outcomes", bob,
         "{\"outcomes\":[{" FILM_A ",\"first_week_entries\":90000,\"source\":\"CNC\"},"
         "{\"title\":\"B\",\"release_date\":\"2026-03-11\",\"first_week_entries\":1,\"source\":\"CNC\"},"
         "{\"film_id\":\"z\",\"first_week_entries\":1,\"source\":\"CNC\"}]}");
    says("\"loc\":[\"body\",\"outcomes\",1],\"type\":\"implausible\"");
    says("\"loc\":[\"body\",\"outcomes\",2],\"type\":\"unknown_film\"");
    call(200, "GET", "/outcomes", bob, NULL);
    ck_assert_uint_eq(count_of("items"), 0);
    static const char csv[] = "title,release_date,first_week_entries,source,confirm,remark\n"
                              "Été,2026-03-11,90000,CNC,,x\n"
                              "B,2026-03-11,1,CNC,true,y\n";
    ck_assert_int_eq(fixture_call(&f, "POST", "/outcomes", bob, "text/csv", csv), 200);
    ck_assert_uint_eq(count_of("outcomes"), 2);
    ck_assert_int_eq(fixture_call(&f, "POST", "/outcomes", bob, "text/csv", csv), 200);
    says("unchanged");
    ck_assert_ptr_null(strstr(fixture_body(&f), "corrected"));
    ck_assert_int_eq(fixture_call(&f, "POST", "/outcomes", bob, "text/csv",
                                  "title,release_date,first_week_entries,source,confirm\nÉté,2026-03-11,x,,maybe\n"),
                     422);
    says("int_parsing");
    says("bool_parsing");
    says("\"source\"");
    ck_assert_int_eq(fixture_call(&f, "POST", "/outcomes", bob, "text/csv", "title,release_date\n"), 422);
    ck_assert_int_eq(fixture_call(&f, "POST", "/outcomes", bob, "text/csv", "title,title\nx,y\n"), 422);
    says("csv_invalid");
}
END_TEST

/* ---- cinemas --------------------------------------------------------------------------------------------------- */

START_TEST(cinemas_and_members)
{
    char id[64];
    call(200, "POST", "/cinemas", anna,
         "{\"name\":\"Le Rex \",\"annual_admissions\":120000,\"rooms\":[{\"id\":\"1\",\"seats\":310},"
         "{\"id\":\"2\",\"seats\":80}]}");
    (void)snprintf(id, sizeof id, "%s", answered("id"));
    ck_assert_str_eq(answered("name"), "Le Rex");
    ck_assert_str_eq(answered("role"), "owner");
    says("\"profile\":{\"annual_admissions\":120000,\"rooms\":[{\"id\":\"1\",\"seats\":310},{\"id\":\"2\",\"seats\":80}"
         "]}");
    call(200, "PUT", at("/cinemas/*", id), anna, "{\"name\":\"Rex\"}");
    says("\"profile\":{}");
    call(404, "GET", at("/cinemas/*", id), dora, NULL);
    call(200, "PUT", at("/cinemas/*/members/dora", id), anna, "{\"role\":\"viewer\"}");
    ck_assert_uint_eq(count_of("members"), 2);
    call(200, "GET", at("/cinemas/*", id), dora, NULL);
    ck_assert_str_eq(answered("role"), "viewer");
    call(200, "GET", "/cinemas", dora, NULL);
    ck_assert_uint_eq(count_of("cinemas"), 1);
    call(200, "GET", at("/cinemas/*/members", id), dora, NULL);
    call(403, "PUT", at("/cinemas/*", id), dora, "{\"name\":\"Mine\"}");
    call(403, "DELETE", at("/cinemas/*", id), dora, NULL);
    call(403, "PUT", at("/cinemas/*/members/dora", id), dora, "{\"role\":\"owner\"}");
    call(403, "DELETE", at("/cinemas/*/members/anna", id), dora, NULL);
    call(200, "PUT", at("/cinemas/*/members/dora", id), anna, "{\"role\":\"manager\"}");
    call(200, "PUT", at("/cinemas/*", id), dora, "{\"name\":\"Rex 2\"}");
    call(409, "DELETE", at("/cinemas/*/members/anna", id), anna, NULL);
    call(404, "PUT", at("/cinemas/*/members/nobody", id), anna, "{\"role\":\"viewer\"}");
    call(404, "PUT", at("/cinemas/*/members/%25", id), anna, "{\"role\":\"viewer\"}");
    call(422, "PUT", at("/cinemas/*/members/dora", id), anna, "{\"role\":\"king\"}");
    call(422, "PUT", at("/cinemas/*/members/dora", id), anna, "{}");
    call(204, "DELETE", at("/cinemas/*/members/dora", id), dora, NULL);
    call(404, "GET", at("/cinemas/*", id), dora, NULL);
    call(204, "DELETE", at("/cinemas/*", id), anna, NULL);
    call(404, "GET", at("/cinemas/*", id), anna, NULL);
    /* what was done is on record, what was refused is not */
    ck_assert_str_eq(acts(id), "anna cinema delete: \ndora cinema member: dora: gone\n"
                               "anna cinema member: dora: manager\nanna cinema member: dora: viewer\n");
    fixture_set(&f, "cinemas_max", "1");
    fixture_reopen(&f);
    call(200, "POST", "/cinemas", anna, "{\"name\":\"A\"}");
    call(409, "POST", "/cinemas", anna, "{\"name\":\"B\"}");
}
END_TEST

START_TEST(cinema_bodies)
{
    static const struct {
        const char *body, *says;
    } wrong[] = {
        {"{}", "missing"},
        {"{\"name\":\" \"}", "string_pattern_mismatch"},
        {"{\"name\":\"\"}", "string_too_short"},
        {"{\"name\":3}", "string_type"},
        {"{\"name\":null}", "string_type"},
        {"{\"name\":\"A\",\"annual_admissions\":-1}", "greater_than_equal"},
        {"{\"name\":\"A\",\"annual_admissions\":1.5}", "int_from_float"},
        {"{\"name\":\"A\",\"annual_admissions\":1e300}", "less_than_equal"},
        {"{\"name\":\"A\",\"annual_admissions\":\"1\"}", "int_type"},
        {"{\"name\":\"A\",\"rooms\":3}", "list_type"},
        {"{\"name\":\"A\",\"rooms\":[3]}", "\"loc\":[\"body\",\"rooms\",0]"},
        {"{\"name\":\"A\",\"rooms\":[{}]}", "\"loc\":[\"body\",\"rooms\",0,\"seats\"]"},
        {"{\"name\":\"A\",\"rooms\":[{\"id\":\"123456789012345678901\",\"seats\":1}]}", "\"rooms\",0,\"id\""},
        {"{\"name\":\"A\",\"rooms\":[{\"id\":\"1\",\"seats\":0}]}", "\"rooms\",0,\"seats\""},
        {"{\"name\":\"A\",\"rooms\":[{\"id\":\"1\",\"seats\":5001}]}", "\"rooms\",0,\"seats\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        call(422, "POST", "/cinemas", anna, wrong[i].body);
        says(wrong[i].says);
    }
    call(409, "POST", "/cinemas", anna,
         "{\"name\":\"A\",\"rooms\":[{\"id\":\"1\",\"seats\":5},{\"id\":\"1\",\"seats\":6}]}");
    call(200, "GET", "/cinemas", anna, NULL);
    ck_assert_uint_eq(count_of("cinemas"), 0);
}
END_TEST

/* ---- two accounts ---------------------------------------------------------------------------------------------- */

/* For every route with an {id} of somebody's: what anna owns, and a body that would be fine. A route that is in neither
 * list fails the test, so that nobody adds one without deciding whose it is. */
START_TEST(nobody_reaches_what_is_anothers)
{
    enum { PREDICTION, FILM, CINEMA, N_KINDS };
    static const struct {
        const char *path;
        int kind;
        const char *body;
    } owned[] = {
        {"/predictions/{id}", PREDICTION, NULL},
        {"/films/{id}", FILM, NULL},
        {"/cinemas/{id}", CINEMA, "{\"name\":\"Taken\"}"},
        {"/cinemas/{id}/members", CINEMA, NULL},
        {"/cinemas/{id}/members/{username}", CINEMA, "{\"role\":\"owner\"}"},
    };
    static const char *const nobodys[] = {"/users/{username}",         "/outcomes/{id}",          "/app/{page}",
                                          "/assets/{file...}",         "/vendor/{file...}",       "/models/{version}",
                                          "/models/{version}/promote", "/models/{version}/shadow"};
    char ids[N_KINDS][64];
    call(200, "POST", "/predict", anna, "{" FILM_A "}");
    (void)snprintf(ids[PREDICTION], sizeof ids[0], "%s", answered("prediction_id"));
    call(200, "POST", "/films", anna, "{" FILM_A "}");
    (void)snprintf(ids[FILM], sizeof ids[0], "%s", answered("id"));
    call(200, "POST", "/cinemas", anna, "{\"name\":\"Le Rex\"}");
    (void)snprintf(ids[CINEMA], sizeof ids[0], "%s", answered("id"));
    size_t walked = 0;
    for (size_t i = 0; i < n_routes; i++) {
        const char *path = routes[i].path;
        size_t k = 0;
        bool known = strchr(path, '{') == NULL;
        for (size_t j = 0; j < sizeof nobodys / sizeof nobodys[0]; j++) {
            known = known || strcmp(path, nobodys[j]) == 0;
        }
        if (known || strncmp(path, "/v2/", 4) == 0) {
            continue;
        }
        while (k < sizeof owned / sizeof owned[0] && strcmp(owned[k].path, path) != 0) {
            k++;
        }
        ck_assert_msg(k < sizeof owned / sizeof owned[0], "%s: whose is it?", path);
        char target[256];
        const char *rest = strchr(path, '}') + 1;
        (void)snprintf(target, sizeof target, "%.*s%s%.*s%s", (int)(strchr(path, '{') - path), path, ids[owned[k].kind],
                       (int)strcspn(rest, "{"), rest, strchr(rest, '{') != NULL ? "dora" : "");
        bool writes = routes[i].method == HTTP_PUT || routes[i].method == HTTP_POST || routes[i].method == HTTP_PATCH;
        const char *method = http_method_name(routes[i].method);
        call(404, method, target, dora, writes ? owned[k].body : NULL);
        call(401, method, target, NULL, writes ? owned[k].body : NULL);
        walked++;
    }
    ck_assert_uint_ge(walked, 9);
    /* lists show nothing of hers either */
    static const char *const lists[] = {"/predictions", "/films", "/cinemas"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        call(200, "GET", lists[i], dora, NULL);
        for (size_t k = 0; k < N_KINDS; k++) {
            ck_assert_ptr_null(strstr(fixture_body(&f), ids[k]));
        }
    }
    /* and hers is as it was */
    call(200, "GET", at("/predictions/*", ids[PREDICTION]), anna, NULL);
    call(200, "GET", at("/films/*", ids[FILM]), anna, NULL);
    call(200, "GET", at("/cinemas/*", ids[CINEMA]), anna, NULL);
    says("\"name\":\"Le Rex\"");
    call(200, "GET", at("/cinemas/*/members", ids[CINEMA]), anna, NULL);
    ck_assert_uint_eq(count_of("members"), 1);
}
END_TEST

/* The record of a prediction carries what the log promises. */
START_TEST(predictions_carry_their_trace)
{
    char authorization[4300];
    (void)snprintf(authorization, sizeof authorization, "HTTP_AUTHORIZATION=%s", anna);
    const char *parameters[] = {"REQUEST_METHOD=POST",
                                "REQUEST_URI=/predict",
                                "CONTENT_TYPE=application/json",
                                "HTTP_TRACEPARENT=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                "HTTP_X_REQUEST_ID=req-1",
                                authorization,
                                NULL};
    struct prediction *rows;
    size_t n;
    struct mrc_err err = {0};
    struct arena a;
    arena_init(&a, 0);
    ck_assert_int_eq(fixture_send(&f, parameters, STR("{" FILM_A ",\"duration_min\":90}")), 200);
    ck_assert_ok(store_predictions_list(f.log_store, STR("u-1"), STR(""), 10, &a, &rows, &n, &err), &err);
    ck_assert_uint_eq(n, 1);
    ck_assert(str_is(rows[0].trace_id, "4bf92f3577b34da6a3ce929d0e0e4736"));
    ck_assert(str_is(rows[0].request_id, "req-1") && str_is(rows[0].model_version, "0001"));
    ck_assert(str_is(rows[0].row_json, "{\"title\":\"Été\",\"release_date\":\"2026-03-11\",\"duration_min\":90}"));
    ck_assert(rows[0].latency_us > 0 && rows[0].quantiles_json.n > 20 && rows[0].time_ms == f.now_ms);
    arena_release(&a);
}
END_TEST

int main(void)
{
    int backends = pg_server_start(&pg) ? 2 : 1;
    int failed = 0;
    for (backend = 0; backend < backends; backend++) {
        Suite *suite = suite_create(backend == 0 ? "kept (SQLite)" : "kept (PostgreSQL)");
        TCase *t = tcase_create("kept");
        tcase_add_checked_fixture(t, setup, teardown);
        tcase_set_timeout(t, 120);
        tcase_add_test(t, films_are_kept);
        tcase_add_test(t, suggestions);
        tcase_add_test(t, outcomes_are_idempotent_and_corrected);
        tcase_add_test(t, outcomes_by_own_id);
        tcase_add_test(t, ambiguity_lists_candidates);
        tcase_add_test(t, figures_that_cannot_be);
        tcase_add_test(t, outcome_bodies);
        tcase_add_test(t, outcomes_all_or_none);
        tcase_add_test(t, cinemas_and_members);
        tcase_add_test(t, cinema_bodies);
        tcase_add_test(t, nobody_reaches_what_is_anothers);
        tcase_add_test(t, predictions_carry_their_trace);
        suite_add_tcase(suite, t);
        failed += check_main(suite) != 0;
    }
    pg_server_stop(&pg);
    return failed == 0 ? 0 : 1;
}
