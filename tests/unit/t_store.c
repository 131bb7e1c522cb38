/* Accounts and predictions in SQLite: contracts, errors, migrations, two processes on one file. */
#include "fcgi/store.h"

#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static struct arena arena;

static void begin(void)
{
    strcpy(folder, "/tmp/mrc-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    arena_init(&arena, 0);
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
    arena_release(&arena);
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static struct store *opened(enum store_file which, const char *url)
{
    struct store *s = NULL;
    struct mrc_err err = {0};
    int rc = store_open(&s, which, url, &err);
    ck_assert_msg(rc == MRC_OK, "%s", err.msg);
    return s;
}

static struct account account(const char *id, const char *name)
{
    return (struct account){.id = str_of(id),
                            .username = str_of(name),
                            .password_hash = STR("$argon2id$v=19$m=19456,t=2,p=1$x$y"),
                            .scopes = 5,
                            .created_ms = 1700000000123,
                            .tokens_valid_from_ms = 1700000000000};
}

START_TEST(accounts_round_trip)
{
    struct store *s = opened(STORE_STATE, ":memory:");
    struct mrc_err err = {0};
    struct account a = account("id-1", "émile"), got;
    ck_assert_int_eq(store_account_add(s, &a, &err), MRC_OK);
    ck_assert_int_eq(store_account_by_name(s, STR("émile"), &arena, &got, &err), MRC_OK);
    ck_assert(str_eq(got.id, a.id) && str_eq(got.username, a.username) && str_eq(got.password_hash, a.password_hash));
    ck_assert_uint_eq(got.scopes, 5);
    ck_assert(!got.disabled);
    ck_assert_int_eq(got.created_ms, a.created_ms);
    ck_assert_int_eq(got.tokens_valid_from_ms, a.tokens_valid_from_ms);
    ck_assert_int_eq(store_account_set_password(s, a.id, STR("new"), &err), MRC_OK);
    ck_assert_int_eq(store_account_set_disabled(s, a.id, true, &err), MRC_OK);
    ck_assert_int_eq(store_account_set_tokens_valid_from(s, a.id, 99, &err), MRC_OK);
    ck_assert_int_eq(store_account_by_id(s, a.id, &arena, &got, &err), MRC_OK);
    ck_assert(str_is(got.password_hash, "new") && got.disabled);
    ck_assert_int_eq(got.tokens_valid_from_ms, 99);
    ck_assert_int_eq(err.code, 0);
    store_close(s);
}
END_TEST

START_TEST(accounts_errors)
{
    struct store *s = opened(STORE_STATE, ":memory:");
    struct mrc_err err = {0};
    struct account a = account("id-1", "ann"), same_name = account("id-2", "ann"), nameless = account("id-3", ""), got;
    ck_assert_int_eq(store_account_add(s, &a, &err), MRC_OK);
    ck_assert_int_eq(store_account_add(s, &same_name, &err), MRC_ECONFLICT);
    ck_assert_str_eq(err.msg, "an account named ann exists");
    ck_assert_int_eq(store_account_add(s, &nameless, &err), MRC_EINVAL);
    ck_assert_int_eq(store_account_by_name(s, STR("Ann"), &arena, &got, &err), MRC_ENOTFOUND);
    ck_assert_int_eq(store_account_by_name(s, STR("ann' OR '1'='1"), &arena, &got, &err), MRC_ENOTFOUND);
    ck_assert_int_eq(store_account_by_id(s, (struct str){NULL, 0}, &arena, &got, &err), MRC_ENOTFOUND);
    ck_assert_int_eq(store_account_set_password(s, STR("none"), STR("x"), &err), MRC_ENOTFOUND);
    ck_assert_int_eq(store_account_set_disabled(s, STR("none"), true, &err), MRC_ENOTFOUND);
    struct arena tiny;
    arena_init(&tiny, 8);
    ck_assert_int_eq(store_account_by_name(s, STR("ann"), &tiny, &got, &err), MRC_ELIMIT);
    arena_release(&tiny);
    /* A failed statement must not leave the connection stuck. */
    ck_assert_int_eq(store_account_by_name(s, STR("ann"), &arena, &got, &err), MRC_OK);
    store_close(s);
}
END_TEST

static int collect_names(const struct account *a, void *arg)
{
    strncat(arg, a->username.p, a->username.n);
    return a->username.p[0] == 'c' ? 7 : 0;
}

START_TEST(accounts_each_in_order_and_stoppable)
{
    struct store *s = opened(STORE_STATE, ":memory:");
    const char *names[] = {"d", "b", "c", "a"};
    for (size_t i = 0; i < 4; i++) {
        struct account a = account(names[i], names[i]);
        ck_assert_int_eq(store_account_add(s, &a, NULL), MRC_OK);
    }
    char seen[16] = "";
    ck_assert_int_eq(store_account_each(s, collect_names, seen, NULL), 7);
    ck_assert_str_eq(seen, "abc");
    store_close(s);
}
END_TEST

static struct prediction prediction(const char *id, const char *user)
{
    return (struct prediction){.id = str_of(id),
                               .time_ms = 1700000000123,
                               .user_id = str_of(user),
                               .request_id = STR("r"),
                               .model_name = STR("first-week"),
                               .model_version = STR("0001"),
                               .row_json = STR("{\"title\":\"Nuit\"}"),
                               .score = 0.1,
                               .admissions = 182000.5,
                               .low80 = -0.0,
                               .high80 = 5e-324,
                               .quantiles_json = STR("{}"),
                               .latency_us = 42};
}

START_TEST(predictions_round_trip_to_the_bit)
{
    struct store *s = opened(STORE_LOG, ":memory:");
    struct mrc_err err = {0};
    struct prediction p = prediction("00000000-0000-7000-8000-000000000001", "u"), got;
    ck_assert_int_eq(store_predictions_add(s, &p, 1, &err), MRC_OK);
    ck_assert_int_eq(store_prediction_get(s, STR("u"), p.id, &arena, &got, &err), MRC_OK);
    ck_assert(str_eq(got.row_json, p.row_json) && str_eq(got.trace_id, STR("")));
    ck_assert(memcmp(&got.score, &p.score, sizeof(double)) == 0);
    ck_assert(memcmp(&got.high80, &p.high80, sizeof(double)) == 0);
    ck_assert(got.admissions == p.admissions && got.low80 == 0.0);
    ck_assert_int_eq(got.latency_us, 42);
    ck_assert_int_eq(store_prediction_get(s, STR("other"), p.id, &arena, &got, &err), MRC_ENOTFOUND);
    store_close(s);
}
END_TEST

START_TEST(predictions_are_idempotent_and_all_or_nothing)
{
    struct store *s = opened(STORE_LOG, ":memory:");
    struct mrc_err err = {0};
    struct prediction rows[3] = {prediction("a", "u"), prediction("b", "u"), prediction("c", "u")}, *list;
    size_t n;
    ck_assert_int_eq(store_predictions_add(s, rows, 2, &err), MRC_OK);
    rows[0].admissions = 1; /* a retry does not overwrite */
    ck_assert_int_eq(store_predictions_add(s, rows, 3, &err), MRC_OK);
    ck_assert_int_eq(store_predictions_list(s, STR("u"), STR(""), 1000, &arena, &list, &n, &err), MRC_OK);
    ck_assert_uint_eq(n, 3);
    ck_assert(list[2].admissions == 182000.5);
    struct prediction bad[2] = {prediction("d", "u"), prediction("e", "u")};
    const double values[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        bad[1].score = values[i];
        ck_assert_int_eq(store_predictions_add(s, bad, 2, &err), MRC_EINVAL);
        ck_assert_ptr_nonnull(strstr(err.msg, "e has a number"));
    }
    ck_assert_int_eq(store_predictions_list(s, STR("u"), STR(""), 1000, &arena, &list, &n, &err), MRC_OK);
    ck_assert_uint_eq(n, 3);
    ck_assert_int_eq(store_predictions_add(s, NULL, 0, &err), MRC_OK);
    store_close(s);
}
END_TEST

START_TEST(predictions_page_by_cursor)
{
    struct store *s = opened(STORE_LOG, ":memory:");
    struct mrc_err err = {0};
    enum { ROWS = 25 };
    char ids[ROWS][40];
    for (int i = 0; i < ROWS; i++) {
        snprintf(ids[i], sizeof(ids[i]), "019aa%03d-0000-7000-8000-000000000000", i);
        struct prediction p = prediction(ids[i], i % 5 == 0 ? "other" : "u");
        ck_assert_int_eq(store_predictions_add(s, &p, 1, &err), MRC_OK);
    }
    struct str cursor = STR("");
    size_t seen = 0, n;
    struct prediction *list;
    do {
        ck_assert_int_eq(store_predictions_list(s, STR("u"), cursor, 7, &arena, &list, &n, &err), MRC_OK);
        for (size_t i = 0; i < n; i++) {
            ck_assert(cursor.n == 0 || str_cmp(list[i].id, cursor) < 0);
            cursor = list[i].id;
            seen++;
        }
    } while (n == 7);
    ck_assert_uint_eq(seen, 20);
    ck_assert_int_eq(store_predictions_list(s, STR("u"), STR(""), 0, &arena, &list, &n, &err), MRC_EINVAL);
    ck_assert_int_eq(store_predictions_list(s, STR("u"), STR(""), 1001, &arena, &list, &n, &err), MRC_EINVAL);
    ck_assert_int_eq(store_predictions_list(s, STR("u"), STR(""), 1000, &arena, &list, &n, &err), MRC_OK);
    struct arena tiny;
    arena_init(&tiny, 5000);
    ck_assert_int_eq(store_predictions_list(s, STR("u"), STR(""), 20, &tiny, &list, &n, &err), MRC_ELIMIT);
    arena_release(&tiny);
    store_close(s);
}
END_TEST

START_TEST(file_is_private_and_survives)
{
    const char *path = path_of("s.db");
    struct store *s = opened(STORE_STATE, path);
    struct account a = account("id-1", "ann"), got;
    ck_assert_int_eq(store_account_add(s, &a, NULL), MRC_OK);
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    char wal[160];
    snprintf(wal, sizeof(wal), "%s-wal", path);
    ck_assert_int_eq(stat(wal, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    store_close(s);
    s = opened(STORE_STATE, path);
    ck_assert_int_eq(store_account_by_name(s, STR("ann"), &arena, &got, NULL), MRC_OK);
    ck_assert_int_eq(store_ping(s, NULL), MRC_OK);
    ck_assert_int_eq(store_probe(s, NULL), MRC_OK);
    store_close(s);
}
END_TEST

static void sqlite3_tool(const char *path, const char *statement)
{
    char command[512];
    snprintf(command, sizeof(command), "sqlite3 '%s' \"%s\"", path, statement);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(open_refuses)
{
    struct mrc_err err = {0};
    struct store *s = NULL;
    ck_assert_int_eq(store_open(&s, STORE_STATE, "", &err), MRC_EINVAL);
    ck_assert_int_eq(store_open(&s, STORE_STATE, "postgresql://h/db", &err), MRC_EUNSUPPORTED);
    ck_assert_int_eq(store_open(&s, STORE_STATE, path_of("absent/s.db"), &err), MRC_EIO);
    ck_assert_ptr_nonnull(strstr(err.msg, "absent/s.db"));

    FILE *f = fopen(path_of("junk.db"), "w");
    for (int i = 0; i < 5000; i++) {
        fputs("not a database ", f);
    }
    fclose(f);
    ck_assert_int_eq(store_open(&s, STORE_STATE, path_of("junk.db"), &err), MRC_EFORMAT);

    store_close(opened(STORE_LOG, path_of("log.db")));
    ck_assert_int_eq(store_open(&s, STORE_STATE, path_of("log.db"), &err), MRC_EFORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, "is a log database, not a state database"));

    store_close(opened(STORE_STATE, path_of("newer.db")));
    if (system("command -v sqlite3 >/dev/null") == 0) {
        sqlite3_tool(path_of("newer.db"), "insert into schema_migrations values ('state', 999, 0)");
        ck_assert_int_eq(store_open(&s, STORE_STATE, path_of("newer.db"), &err), MRC_EUNSUPPORTED);
        ck_assert_ptr_nonnull(strstr(err.msg, "999"));
    }
    ck_assert_ptr_null(s);
}
END_TEST

/* Many processes open one new file at once: one migrates, all write. */
START_TEST(many_open_a_new_file)
{
    enum { PROCESSES = 12, ROWS = 20 };
    const char *path = path_of("many.db");
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct store *s = NULL;
            struct mrc_err err = {0};
            int rc = store_open(&s, STORE_LOG, path, &err);
            for (int k = 0; k < ROWS && rc == MRC_OK; k++) {
                char id[40];
                snprintf(id, sizeof(id), "p%d-%d", i, k);
                struct prediction p = prediction(id, "u");
                rc = store_predictions_add(s, &p, 1, &err);
            }
            if (rc < 0) {
                fprintf(stderr, "%s\n", err.msg);
            }
            store_close(s);
            _exit(rc == MRC_OK ? 0 : 1);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    struct store *s = opened(STORE_LOG, path);
    struct prediction *list;
    size_t n;
    ck_assert_int_eq(store_predictions_list(s, STR("u"), STR(""), 1000, &arena, &list, &n, NULL), MRC_OK);
    ck_assert_uint_eq(n, PROCESSES * ROWS);
    store_close(s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store");
    TCase *t = tcase_create("store");
    tcase_add_checked_fixture(t, begin, end);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, accounts_round_trip);
    tcase_add_test(t, accounts_errors);
    tcase_add_test(t, accounts_each_in_order_and_stoppable);
    tcase_add_test(t, predictions_round_trip_to_the_bit);
    tcase_add_test(t, predictions_are_idempotent_and_all_or_nothing);
    tcase_add_test(t, predictions_page_by_cursor);
    tcase_add_test(t, file_is_private_and_survives);
    tcase_add_test(t, open_refuses);
    tcase_add_test(t, many_open_a_new_file);
    suite_add_tcase(suite, t);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
