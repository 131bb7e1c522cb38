/* Accounts and predictions in SQLite and PostgreSQL: contracts, errors, migrations, many processes on one database,
 * lost connections. Cases that hold for both run on both (_i: 0 SQLite, 1 PostgreSQL). */
#include "tests/unit/store_backends.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
    struct store *s = opened_on(_i, STORE_STATE);
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
    struct store *s = opened_on(_i, STORE_STATE);
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
    struct store *s = opened_on(_i, STORE_STATE);
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
    struct store *s = opened_on(_i, STORE_LOG);
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
    struct store *s = opened_on(_i, STORE_LOG);
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
    struct store *s = opened_on(_i, STORE_LOG);
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
    /* everybody's, oldest first, both ends excluded */
    ck_assert_int_eq(store_predictions_range(s, str_of(ids[3]), str_of(ids[10]), 4, &arena, &list, &n, &err), MRC_OK);
    ck_assert_uint_eq(n, 4);
    ck_assert(str_is(list[0].id, ids[4]));
    ck_assert_int_eq(store_predictions_range(s, list[3].id, str_of(ids[10]), 4, &arena, &list, &n, &err), MRC_OK);
    ck_assert_uint_eq(n, 2);
    ck_assert(str_is(list[1].id, ids[9]));
    ck_assert_int_eq(store_predictions_range(s, STR(""), STR("1"), 0, &arena, &list, &n, &err), MRC_EINVAL);
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
    ck_assert_int_eq(store_open(&s, STORE_STATE, "mysql://h/db", &err), MRC_EUNSUPPORTED);
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
    const char *path = _i == 0 ? path_of("many.db") : pg.url;
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

static const struct {
    const char *url, *says;
    int status;
} addresses[] = {
    {"postgresql://u:secret@h/db", "holds a password", MRC_EINVAL},
    {"postgresql://u@h/db?password=secret", "holds a password", MRC_EINVAL},
    {"postgresql://u@h/db?nonsense=secret", "address is not", MRC_EINVAL},
    {"postgresql://[secret", "address is not", MRC_EINVAL},
    {"postgresql://u@/db?host=/nonexistent/folder", "/nonexistent/folder", MRC_EBUSY},
};

START_TEST(pg_address_refused)
{
    struct mrc_err err = {0};
    struct store *s = NULL;
    ck_assert_int_eq(store_open(&s, STORE_STATE, addresses[_i].url, &err), addresses[_i].status);
    ck_assert_msg(strstr(err.msg, addresses[_i].says) != NULL, "%s", err.msg);
    ck_assert_msg(strstr(err.msg, "secret") == NULL, "%s", err.msg);
    ck_assert_ptr_null(s);
}
END_TEST

START_TEST(pg_refuses_a_newer_schema)
{
    struct mrc_err err = {0};
    struct store *s = NULL;
    store_close(opened(STORE_STATE, pg.url));
    store_close(opened(STORE_LOG, pg.url)); /* one database can hold both */
    ck_assert(pg_server_sql(&pg, "insert into schema_migrations values ('state', 999, 0)"));
    ck_assert_int_eq(store_open(&s, STORE_STATE, pg.url, &err), MRC_EUNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.msg, "999"));
    store_close(opened(STORE_LOG, pg.url));
}
END_TEST

/* A server that was restarted is met by the next statement, reading or writing, without a failure. */
START_TEST(pg_connects_again)
{
    struct store *s = opened(STORE_STATE, pg.url), *log = opened(STORE_LOG, pg.url);
    struct mrc_err err = {0};
    struct account a = account("id-1", "ann"), b = account("id-2", "bob"), got;
    ck_assert_int_eq(store_account_add(s, &a, &err), MRC_OK);
    ck_assert(pg_server_restart(&pg));
    ck_assert_msg(store_account_by_name(s, STR("ann"), &arena, &got, &err) == MRC_OK, "%s", err.msg);
    ck_assert(pg_server_restart(&pg));
    ck_assert_msg(store_account_add(s, &b, &err) == MRC_OK, "%s", err.msg);
    ck_assert_int_eq(store_account_add(s, &b, &err), MRC_ECONFLICT);
    struct prediction p = prediction("a", "u");
    ck_assert_msg(store_predictions_add(log, &p, 1, &err) == MRC_OK, "%s", err.msg);
    ck_assert(pg_server_restart(&pg));
    ck_assert_int_eq(store_ping(s, &err), MRC_OK);
    ck_assert_int_eq(store_probe(log, &err), MRC_OK);
    store_close(log);
    store_close(s);
}
END_TEST

/* While the server is away everything is MRC_EBUSY, quickly; when it is back, so are we. */
START_TEST(pg_server_away)
{
    struct store *s = opened(STORE_STATE, pg.url);
    struct mrc_err err = {0};
    struct account a = account("id-1", "ann"), got;
    ck_assert(pg_server_run(&pg, "pg_ctl", "-D data -m fast stop"));
    ck_assert_int_eq(store_account_by_name(s, STR("ann"), &arena, &got, &err), MRC_EBUSY);
    ck_assert_int_eq(store_account_add(s, &a, &err), MRC_EBUSY);
    ck_assert_ptr_nonnull(strstr(err.msg, "next try in"));
    ck_assert_int_eq(store_ping(s, &err), MRC_EBUSY);
    ck_assert(pg_server_restart(&pg));
    int rc = MRC_EBUSY;
    for (int i = 0; i < 100 && rc == MRC_EBUSY; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        rc = store_account_add(s, &a, &err);
    }
    ck_assert_msg(rc == MRC_OK, "%s", err.msg);
    store_close(s);
}
END_TEST

/* Rows lie in the partition of their month; one that is made late takes its rows from the table of the others. */
START_TEST(pg_log_by_month)
{
    struct store *s = opened(STORE_LOG, pg.url);
    struct mrc_err err = {0};
    struct prediction *list;
    size_t n;
    struct prediction rows[] = {
        prediction("0192e9a8-1c00-7000-8000-000000000001", "u"), /* 2024-11-02 */
        prediction("01938400-0000-7000-8000-000000000001", "u"), /* 2024-12-02 */
        prediction("01fb4a80-0000-7000-8000-000000000001", "u"), /* 2039 */
    };
    ck_assert_msg(store_predictions_add(s, rows, 3, &err) == MRC_OK, "%s", err.msg);
    ck_assert(pg_server_sql(&pg, "do \\$\\$ begin assert (select count(*) = 3 from predictions_other); end \\$\\$"));
    ck_assert(
        pg_server_sql(&pg, "select predictions_make_month(1730541600000), predictions_make_month(1730541600000)"));
    ck_assert(pg_server_sql(&pg, "do \\$\\$ begin assert (select count(*) = 1 from predictions_202411); "
                                 "assert (select count(*) = 2 from predictions_other); end \\$\\$"));
    ck_assert_int_eq(store_predictions_add(s, rows, 3, &err), MRC_OK);
    ck_assert_int_eq(store_predictions_list(s, STR("u"), STR(""), 10, &arena, &list, &n, &err), MRC_OK);
    ck_assert_uint_eq(n, 3);
    ck_assert(str_eq(list[0].id, rows[2].id) && str_eq(list[2].id, rows[0].id));
    ck_assert(pg_server_sql(&pg, "do \\$\\$ begin assert (select count(*) >= 3 from pg_inherits where inhparent = "
                                 "'predictions'::regclass); end \\$\\$"));
    store_close(s);
}
END_TEST

START_TEST(pg_takes_what_it_can_hold)
{
    struct store *s = opened(STORE_STATE, pg.url);
    struct mrc_err err = {0};
    struct account a = account("id-1", "ann");
    a.username = (struct str){"a\0b", 3};
    ck_assert_int_eq(store_account_add(s, &a, &err), MRC_EINVAL);
    a.username = STR("a\xff");
    ck_assert_int_eq(store_account_add(s, &a, &err), MRC_EINVAL);
    a.username = STR("ann");
    ck_assert_int_eq(store_account_add(s, &a, &err), MRC_OK);
    store_close(s);
}
END_TEST

int main(void)
{
    int backends = pg_server_start(&pg) ? 2 : 1;
    Suite *suite = suite_create("store");
    TCase *t = tcase_create("store");
    tcase_add_checked_fixture(t, begin, end);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, accounts_round_trip, 0, backends);
    tcase_add_loop_test(t, accounts_errors, 0, backends);
    tcase_add_loop_test(t, accounts_each_in_order_and_stoppable, 0, backends);
    tcase_add_loop_test(t, predictions_round_trip_to_the_bit, 0, backends);
    tcase_add_loop_test(t, predictions_are_idempotent_and_all_or_nothing, 0, backends);
    tcase_add_loop_test(t, predictions_page_by_cursor, 0, backends);
    tcase_add_test(t, file_is_private_and_survives);
    tcase_add_test(t, open_refuses);
    tcase_add_loop_test(t, many_open_a_new_file, 0, backends);
    tcase_add_loop_test(t, pg_address_refused, 0, (int)(sizeof(addresses) / sizeof(addresses[0])));
    if (backends == 2) {
        tcase_add_test(t, pg_refuses_a_newer_schema);
        tcase_add_test(t, pg_connects_again);
        tcase_add_test(t, pg_server_away);
        tcase_add_test(t, pg_log_by_month);
        tcase_add_test(t, pg_takes_what_it_can_hold);
    }
    suite_add_tcase(suite, t);
    return store_backends_run(suite);
}
