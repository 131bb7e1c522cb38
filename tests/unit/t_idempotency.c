/* Idempotency keys in SQLite and PostgreSQL: who is first answers, who comes again gets that answer, keys expire. */
#include "fcgi/store_idempotency.h"
#include "tests/unit/store_backends.h"

#include <sys/wait.h>

enum { NOW = 1790000000, DAY_MS = 86400 * 1000 };

static struct store *s;

static void open_state(int backend)
{
    struct mrc_err err = {0};
    ck_assert_int_eq(digest_start(&err), MRC_OK);
    s = opened_on(backend, STORE_STATE);
}

static struct idempotency_key key_of(const char *user, const char *route, const char *key, const char *request)
{
    struct idempotency_key k;
    struct mrc_err err = {0};
    ck_assert_int_eq(store_idempotency_key(&k, str_of(user), str_of(route), str_of(key), str_of(request), NOW, &err),
                     MRC_OK);
    return k;
}

static struct idempotency_answer answer;

static int start(const struct idempotency_key *k, int64_t now_ms)
{
    struct mrc_err err = {0};
    int rc = store_idempotency_begin(s, k, now_ms, &arena, &answer, &err);
    ck_assert_msg(rc >= 0, "%s", err.msg);
    return rc;
}

START_TEST(first_answers_later_ones_get_it)
{
    struct mrc_err err = {0};
    struct idempotency_key first = key_of("u", "POST /outcomes", "k", "body"),
                           again = key_of("u", "POST /outcomes", "k", "body"),
                           other = key_of("u", "POST /outcomes", "k", "another body");
    const struct idempotency_answer given = {201, STR("application/json"), STR("{\"n\":\"é\"}")};
    open_state(_i);
    ck_assert_int_eq(start(&first, NOW), IDEMPOTENCY_OURS);
    ck_assert_int_eq(start(&again, NOW), IDEMPOTENCY_RUNNING);
    ck_assert_int_eq(start(&other, NOW), IDEMPOTENCY_OTHER);
    /* only who holds it can answer or give it back */
    ck_assert_int_eq(store_idempotency_finish(s, &again, &given, NOW + DAY_MS, &err), MRC_ENOTFOUND);
    ck_assert_int_eq(store_idempotency_forget(s, &again, &err), MRC_OK);
    ck_assert_int_eq(store_idempotency_finish(s, &first, &given, NOW + DAY_MS, &err), MRC_OK);
    ck_assert_int_eq(start(&again, NOW + 1), IDEMPOTENCY_DONE);
    ck_assert_int_eq(answer.status, 201);
    ck_assert(str_eq(answer.content_type, given.content_type) && str_eq(answer.body, given.body));
    ck_assert_int_eq(start(&other, NOW + 1), IDEMPOTENCY_OTHER);
    /* until it expires */
    ck_assert_int_eq(start(&again, NOW + DAY_MS - 1), IDEMPOTENCY_DONE);
    ck_assert_int_eq(start(&other, NOW + DAY_MS), IDEMPOTENCY_OURS);
    ck_assert_int_eq(store_idempotency_finish(s, &first, &given, NOW + DAY_MS, &err), MRC_ENOTFOUND);
    store_close(s);
}
END_TEST

START_TEST(a_key_is_of_one_caller_and_route)
{
    open_state(_i);
    const struct idempotency_key keys[] = {
        key_of("u", "POST /outcomes", "k", "b"), key_of("v", "POST /outcomes", "k", "b"),
        key_of("u", "POST /films", "k", "b"),    key_of("u", "POST /outcomes", "l", "b"),
        key_of("uP", "OST /outcomes", "k", "b"),
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        ck_assert_int_eq(start(&keys[i], NOW), IDEMPOTENCY_OURS);
    }
    store_close(s);
}
END_TEST

START_TEST(a_key_comes_free)
{
    struct mrc_err err = {0};
    struct idempotency_key a = key_of("u", "r", "a", "x"), a2 = key_of("u", "r", "a", "x"),
                           b = key_of("u", "r", "b", "x");
    open_state(_i);
    /* when the request is refused */
    ck_assert_int_eq(start(&a, NOW), IDEMPOTENCY_OURS);
    ck_assert_int_eq(store_idempotency_forget(s, &a, &err), MRC_OK);
    ck_assert_int_eq(start(&a2, NOW), IDEMPOTENCY_OURS);
    /* when its process died */
    ck_assert_int_eq(start(&a, NOW + IDEMPOTENCY_HOLD_MS - 1), IDEMPOTENCY_RUNNING);
    ck_assert_int_eq(start(&a, NOW + IDEMPOTENCY_HOLD_MS), IDEMPOTENCY_OURS);
    /* and expired ones are dropped, only those */
    ck_assert_int_eq(start(&b, NOW), IDEMPOTENCY_OURS);
    ck_assert_int_eq(store_idempotency_prune(s, NOW + IDEMPOTENCY_HOLD_MS, &err), MRC_OK);
    ck_assert_int_eq(store_idempotency_finish(s, &b, &answer, NOW, &err), MRC_ENOTFOUND);
    ck_assert_int_eq(start(&a2, NOW), IDEMPOTENCY_RUNNING);
    store_close(s);
}
END_TEST

START_TEST(lengths_of_keys)
{
    struct idempotency_key k;
    struct mrc_err err = {0};
    char text[IDEMPOTENCY_KEY_MAX + 1];
    memset(text, 'k', sizeof(text));
    ck_assert_int_eq(store_idempotency_key(&k, STR("u"), STR("r"), STR(""), STR("x"), NOW, &err), MRC_EINVAL);
    struct str key = {text, IDEMPOTENCY_KEY_MAX};
    ck_assert_int_eq(store_idempotency_key(&k, STR("u"), STR("r"), key, STR("x"), NOW, &err), MRC_OK);
    key.n++;
    ck_assert_int_eq(store_idempotency_key(&k, STR("u"), STR("r"), key, STR("x"), NOW, &err), MRC_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.msg, "256 bytes"));
}
END_TEST

/* Of many processes that bring one key at once, one is first. */
START_TEST(one_is_first)
{
    enum { PROCESSES = 10 };
    const char *path = _i == 0 ? path_of("state.db") : pg.url;
    struct mrc_err err = {0};
    ck_assert_int_eq(digest_start(&err), MRC_OK);
    store_close(opened(STORE_STATE, path));
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct idempotency_key k = key_of("u", "r", "k", "x");
            s = opened(STORE_STATE, path);
            _exit(store_idempotency_begin(s, &k, NOW, &arena, &answer, NULL));
        }
    }
    int ours = 0, running = 0;
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ours += WIFEXITED(status) && WEXITSTATUS(status) == IDEMPOTENCY_OURS;
        running += WIFEXITED(status) && WEXITSTATUS(status) == IDEMPOTENCY_RUNNING;
    }
    ck_assert_int_eq(ours, 1);
    ck_assert_int_eq(running, PROCESSES - 1);
}
END_TEST

int main(void)
{
    int backends = pg_server_start(&pg) ? 2 : 1;
    Suite *suite = suite_create("idempotency");
    TCase *t = tcase_create("idempotency");
    tcase_add_checked_fixture(t, begin, end);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, first_answers_later_ones_get_it, 0, backends);
    tcase_add_loop_test(t, a_key_is_of_one_caller_and_route, 0, backends);
    tcase_add_loop_test(t, a_key_comes_free, 0, backends);
    tcase_add_test(t, lengths_of_keys);
    tcase_add_loop_test(t, one_is_first, 0, backends);
    suite_add_tcase(suite, t);
    return store_backends_run(suite);
}
