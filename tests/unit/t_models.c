/* Versions through the API: the list, one of them, promotion, rollback, and what is refused. */
#include "fcgi/store_access.h"
#include "tests/unit/app_answer.h"

#include <unistd.h>

static struct fixture f;
static char anna[4200], root[4200]; /* "Bearer …" of a user, and of an administrator */

static void setup(void)
{
    struct mrc_err err = {0};
    fixture_open(&f, false);
    fixture_account(&f, "u-9", "root", 1U << SCOPE_PREDICT | 1U << SCOPE_ADMIN, false);
    (void)snprintf(anna, sizeof anna, "%s", fixture_token(&f, "anna", ""));
    (void)snprintf(root, sizeof root, "%s", fixture_token(&f, "root", ""));
    ck_assert_ok(bundle_set_current(fixture_path(&f, "models/first-week"), "0001", &err), &err);
}

static void teardown(void)
{
    fixture_close(&f);
}

/* A version with the files of 0001 under another name; harm: a file to leave out, or NULL. */
static void copy_version(const char *version, const char *harm)
{
    char command[400], manifest[64];
    struct mrc_err err = {0};
    (void)snprintf(command, sizeof command, "cd %s/models/first-week && cp -R 0001 %s && rm -f %s/%s", f.folder,
                   version, version, harm == NULL ? "none" : harm);
    ck_assert_int_eq(system(command), 0);
    /* The manifest names its version; nothing else in it changes. */
    (void)snprintf(manifest, sizeof manifest, "models/first-week/%.4s/manifest.json", version);
    char *text = NULL;
    size_t n = 0;
    ck_assert_ok(file_read(fixture_path(&f, manifest), 1 << 20, &text, &n, &err), &err);
    char *at = strstr(text, "0001");
    ck_assert_ptr_nonnull(at);
    memcpy(at, version, 4);
    ck_assert_ok(file_replace(fixture_path(&f, manifest), str_of(text), 0600, &err), &err);
    free(text);
}

static int post(const char *target, const char *token)
{
    return fixture_call(&f, "POST", target, token, NULL, NULL);
}

static const char *link_of(const char *name)
{
    static char target[64];
    char path[64];
    (void)snprintf(path, sizeof path, "models/first-week/%.20s", name);
    ssize_t n = readlink(fixture_path(&f, path), target, sizeof target - 1);
    target[n < 0 ? 0 : n] = '\0';
    return target;
}

START_TEST(listed)
{
    struct mrc_err err = {0};
    copy_version("0002", NULL);
    ck_assert_ok(folder_create(fixture_path(&f, "models/first-week/0003.tmp"), 0700, &err), &err);
    ck_assert_ok(folder_create(fixture_path(&f, "models/first-week/0004"), 0700, &err), &err);
    ck_assert_int_eq(fixture_call(&f, "GET", "/models", anna, NULL, NULL), 200);
    ck_assert_str_eq(fixture_header(&f, "Cache-Control"), "private, no-cache");
    struct json_doc *doc = document_of(&f);
    const struct json *models = json_find(json_root(doc), "models");
    bool yes = false;
    ck_assert_uint_eq(json_count(models), 3);
    ck_assert_str_eq(member(json_at(models, 0), "version"), "0004");
    ck_assert(json_bool(json_find(json_at(models, 0), "readable"), &yes) && !yes);
    ck_assert_str_eq(member(json_at(models, 1), "version"), "0002");
    ck_assert(json_bool(json_find(json_at(models, 1), "current"), &yes) && !yes);
    ck_assert_str_eq(member(json_at(models, 2), "version"), "0001");
    ck_assert(json_bool(json_find(json_at(models, 2), "current"), &yes) && yes);
    ck_assert(json_bool(json_find(json_at(models, 2), "active"), &yes) && yes);
    ck_assert_str_eq(member(json_at(models, 2), "digest"), f.bundle->digest);
    json_free(doc);
}
END_TEST

START_TEST(one)
{
    char match[1100];
    ck_assert_int_eq(fixture_call(&f, "GET", "/models/0001", anna, NULL, NULL), 200);
    struct json_doc *doc = document_of(&f);
    ck_assert_str_eq(member(json_find(json_root(doc), "manifest"), "version"), "0001");
    ck_assert_int_eq(json_type(json_find(json_root(doc), "report")), JSON_NULL);
    ck_assert_int_eq(json_type(json_find(json_root(doc), "metrics")), JSON_OBJECT);
    json_free(doc);
    (void)snprintf(match, sizeof match, "HTTP_IF_NONE_MATCH=%s", fixture_header(&f, "ETag"));
    char authorization[4300];
    (void)snprintf(authorization, sizeof authorization, "HTTP_AUTHORIZATION=%s", anna);
    const char *parameters[] = {"REQUEST_METHOD=GET", "REQUEST_URI=/models/0001", authorization, match, NULL};
    ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 304);
    ck_assert_uint_eq(f.res.body.n, 0);
    parameters[1] = "REQUEST_URI=/models"; /* another text, another validator */
    ck_assert_int_eq(fixture_send(&f, parameters, STR("")), 200);
    static const char *const none[] = {"/models/0002",     "/models/current",   "/models/.hidden",
                                       "/models/0001.tmp", "/models/..%2f0001", "/models/a%00b"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        int status = fixture_call(&f, "GET", none[i], anna, NULL, NULL);
        ck_assert_msg(status == 404 || status == 400, "%s: %d", none[i], status);
    }
}
END_TEST

START_TEST(promoted_and_back)
{
    struct audit *rows;
    size_t n;
    struct arena a;
    struct mrc_err err = {0};
    copy_version("0002", NULL);
    ck_assert_int_eq(post("/models/0002/promote", anna), 403);
    ck_assert_int_eq(post("/models/rollback", root), 409); /* nothing was current before */
    ck_assert_str_eq(link_of("current"), "0001");
    ck_assert_int_eq(post("/models/0002/promote", root), 200);
    ck_assert_str_eq(fixture_body(&f), "{\"name\":\"first-week\",\"version\":\"0002\",\"previous\":\"0001\"}");
    ck_assert_str_eq(link_of("current"), "0002");
    ck_assert_int_eq(post("/models/rollback", anna), 403);
    f.now_ms += 5;
    ck_assert_int_eq(post("/models/rollback", root), 200);
    ck_assert_str_eq(fixture_body(&f), "{\"name\":\"first-week\",\"version\":\"0001\",\"previous\":\"0002\"}");
    ck_assert_str_eq(link_of("current"), "0001");
    arena_init(&a, 0);
    ck_assert_ok(store_audit_list(f.store, STR(""), 10, &a, &rows, &n, &err), &err);
    ck_assert_uint_eq(n, 2);
    ck_assert_text(rows[0].act, "model rollback");
    ck_assert_text(rows[0].subject, "0001");
    ck_assert_text(rows[0].detail, "from 0002");
    ck_assert_text(rows[1].act, "model promote");
    ck_assert_text(rows[1].actor, "root");
    ck_assert_text(rows[1].subject, "0002");
    arena_release(&a);
}
END_TEST

/* What does not load is refused with the reason, without a path of this host, and nothing changes. */
START_TEST(bad_versions_are_refused)
{
    struct mrc_err err = {0};
    copy_version("0002", "model.cbm");
    ck_assert_int_eq(post("/models/0002/promote", root), 409);
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "Version 0002 is refused: "));
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "model.cbm"));
    ck_assert_ptr_null(strstr(fixture_body(&f), f.folder));
    copy_version("0003", NULL);
    ck_assert_ok(file_replace(fixture_path(&f, "models/first-week/0003/forecast.json"), STR("{}"), 0600, &err), &err);
    ck_assert_int_eq(post("/models/0003/promote", root), 409);
    ck_assert_ptr_nonnull(strstr(fixture_body(&f), "forecast.json"));
    ck_assert_int_eq(rename(fixture_path(&f, "models/first-week/0003"), fixture_path(&f, "models/first-week/0005")), 0);
    ck_assert_int_eq(post("/models/0005/promote", root), 409); /* another version's folder under a new name */
    ck_assert_int_eq(post("/models/0004/promote", root), 404);
    ck_assert_int_eq(post("/models/current/promote", root), 404);
    ck_assert_str_eq(link_of("current"), "0001");
    struct audit *rows;
    size_t n;
    struct arena a;
    arena_init(&a, 0);
    ck_assert_ok(store_audit_list(f.store, STR(""), 10, &a, &rows, &n, &err), &err);
    ck_assert_uint_eq(n, 0);
    arena_release(&a);
}
END_TEST

/* A link that cannot be made leaves no record behind. */
START_TEST(no_record_without_the_switch)
{
    struct audit *rows;
    size_t n;
    struct arena a;
    struct mrc_err err = {0};
    copy_version("0002", NULL);
    ck_assert_int_eq(unlink(fixture_path(&f, "models/first-week/current")), 0);
    ck_assert_ok(folder_create(fixture_path(&f, "models/first-week/current/in the way"), 0700, &err), &err);
    ck_assert_int_eq(post("/models/0002/promote", root), 500);
    arena_init(&a, 0);
    ck_assert_ok(store_audit_list(f.store, STR(""), 10, &a, &rows, &n, &err), &err);
    ck_assert_uint_eq(n, 0);
    arena_release(&a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("models");
    TCase *tc = tcase_create("models");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, listed);
    tcase_add_test(tc, one);
    tcase_add_test(tc, promoted_and_back);
    tcase_add_test(tc, bad_versions_are_refused);
    tcase_add_test(tc, no_record_without_the_switch);
    suite_add_tcase(suite, tc);
    return check_main(suite);
}
