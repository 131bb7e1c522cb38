/* Films, outcomes, cinemas and jobs in SQLite and PostgreSQL (_i: 0 SQLite, 1 PostgreSQL). */
#include "common/base/file.h"
#include "fcgi/key_watch.h"
#include "fcgi/store_access.h"
#include "fcgi/store_admin.h"
#include "fcgi/store_cinemas.h"
#include "fcgi/store_films.h"
#include "fcgi/store_jobs.h"
#include "fcgi/store_outcomes.h"
#include "tests/unit/store_backends.h"

#include <sys/wait.h>

enum { NOW = 1790000000 };

static struct store *s;
static struct mrc_err err;

#define ok(call) ck_assert_msg((call) == MRC_OK, "%s", err.msg)

static void open_state(int backend)
{
    err = (struct mrc_err){0};
    s = opened_on(backend, STORE_STATE);
}

/* ---- films ----------------------------------------------------------------------------------------------------- */

static struct kept_film film(const char *id, const char *user, const char *film_id, const char *title, const char *date)
{
    struct kept_film f = {.id = str_of(id),
                          .user_id = str_of(user),
                          .film_id = str_of(film_id),
                          .title = str_of(title),
                          .title_key = film_title_key(&arena, str_of(title)),
                          .release_date = str_of(date),
                          .row_json = STR("{}"),
                          .created_ms = NOW,
                          .changed_ms = NOW};
    f.own_key = film_own_key(&arena, f.film_id, f.title_key, f.release_date);
    return f;
}

static int put(const struct kept_film *f, int64_t max, struct kept_film *kept)
{
    MRC_TRY(store_begin(s, &err));
    return store_settle(s, store_film_put(s, f, max, &arena, kept, &err), &err);
}

START_TEST(films_replace_themselves)
{
    open_state(_i);
    struct kept_film kept, first = film("1", "u", "", "L'Été", "2026-12-02"),
                           again = film("2", "u", "", "L ETE", "2026-12-02");
    again.changed_ms = NOW + 5;
    ok(put(&first, 10, &kept));
    ok(put(&again, 10, &kept));
    ck_assert(str_is(kept.id, "1") && str_is(kept.title, "L ETE"));
    ck_assert_int_eq(kept.created_ms, NOW);
    ck_assert_int_eq(kept.changed_ms, NOW + 5);
    /* another date, another id, another user: other films */
    struct kept_film others[] = {film("3", "u", "", "L'Été", "2026-12-09"), film("4", "u", "x", "L'Été", "2026-12-02"),
                                 film("5", "v", "", "L'Été", "2026-12-02")};
    for (size_t i = 0; i < 3; i++) {
        ok(put(&others[i], 10, &kept));
        ck_assert(str_eq(kept.id, others[i].id));
    }
    /* a film_id makes it the same whatever else changes */
    struct kept_film moved = film("6", "u", "x", "Un autre titre", "2027-01-06");
    ok(put(&moved, 10, &kept));
    ck_assert(str_is(kept.id, "4") && str_is(kept.release_date, "2027-01-06"));
    struct kept_film *list;
    size_t n;
    ok(store_films_by_title(s, STR("u"), first.title_key, 10, &arena, &list, &n, &err));
    ck_assert_uint_eq(n, 2);
    store_close(s);
}
END_TEST

START_TEST(films_are_their_users)
{
    open_state(_i);
    struct kept_film kept, one = film("1", "u", "", "A", "2026-12-02"), *list;
    size_t n;
    ok(put(&one, 10, &kept));
    ck_assert_int_eq(store_film_get(s, STR("v"), STR("1"), &arena, &kept, &err), MRC_ENOTFOUND);
    ck_assert_int_eq(store_film_delete(s, STR("v"), STR("1"), &err), MRC_ENOTFOUND);
    ok(store_films_list(s, STR("v"), STR(""), STR("0"), STR("9"), 10, &arena, &list, &n, &err));
    ck_assert_uint_eq(n, 0);
    ok(store_film_get(s, STR("u"), STR("1"), &arena, &kept, &err));
    ok(store_film_delete(s, STR("u"), STR("1"), &err));
    ck_assert_int_eq(store_film_delete(s, STR("u"), STR("1"), &err), MRC_ENOTFOUND);
    store_close(s);
}
END_TEST

START_TEST(films_have_a_ceiling_and_pages)
{
    open_state(_i);
    struct kept_film kept, *list;
    size_t n;
    const char *dates[] = {"2026-12-02", "2026-12-09", "2026-12-16", "2026-12-23"};
    char id[2] = "1";
    for (size_t i = 0; i < 4; i++, id[0]++) {
        struct kept_film f = film(arena_copy(&arena, id, 1), "u", "", "A", dates[i]);
        ok(put(&f, 4, &kept));
    }
    struct kept_film more = film("9", "u", "", "B", dates[0]), same = film("8", "u", "", "A", dates[0]),
                     theirs = film("7", "v", "", "B", dates[0]);
    ck_assert_int_eq(put(&more, 4, &kept), MRC_ELIMIT);
    ok(put(&same, 4, &kept));
    ok(put(&theirs, 4, &kept));
    ok(store_films_list(s, STR("u"), STR(""), STR("2026-12-09"), STR("2026-12-16"), 10, &arena, &list, &n, &err));
    ck_assert_uint_eq(n, 2);
    ck_assert(str_is(list[0].id, "3") && str_is(list[1].id, "2"));
    ok(store_films_list(s, STR("u"), STR("3"), STR("0"), STR("9"), 1, &arena, &list, &n, &err));
    ck_assert(n == 1 && str_is(list[0].id, "2"));
    store_close(s);
}
END_TEST

START_TEST(title_keys)
{
    ck_assert(str_is(film_title_key(&arena, STR("L'Été  meurtrier")), "l ete meurtrier"));
    ck_assert(str_is(film_title_key(&arena, STR(" ??? ")), "???"));
    ck_assert(str_is(film_title_key(&arena, STR("千と千尋")), "千と千尋"));
    ck_assert(!str_eq(film_own_key(&arena, STR("title:2026-12-02 a"), STR(""), STR("")),
                      film_own_key(&arena, STR(""), STR("a"), STR("2026-12-02"))));
}
END_TEST

/* ---- outcomes -------------------------------------------------------------------------------------------------- */

static struct outcome outcome(const char *id, const char *title, int64_t entries, int64_t revision)
{
    return (struct outcome){.id = str_of(id),
                            .title_key = str_of(title),
                            .release_date = STR("2026-12-02"),
                            .week = STR("2026-12-02"),
                            .title = str_of(title),
                            .film_id = STR("x"),
                            .entries = entries,
                            .source = STR("CNC"),
                            .plausibility = STR("plausible"),
                            .row_json = STR("{}"),
                            .revision = revision,
                            .user_id = STR("u"),
                            .request_id = STR("r"),
                            .reported_ms = NOW + revision};
}

START_TEST(corrections_keep_history)
{
    open_state(_i);
    struct outcome first = outcome("1", "a", 1000, 1), second = outcome("1", "a", 1200, 2),
                   late = outcome("1", "a", 1300, 2), twice = outcome("2", "a", 5, 1), got, *list;
    size_t n;
    second.source = STR("distributor");
    ok(store_begin(s, &err));
    ok(store_settle(s, store_outcome_add(s, &first, &err), &err));
    ok(store_begin(s, &err));
    ok(store_settle(s, store_outcome_correct(s, &second, &err), &err));
    /* who saw revision 1 and comes late changes nothing; the same week cannot begin twice */
    ok(store_begin(s, &err));
    ck_assert_int_eq(store_settle(s, store_outcome_correct(s, &late, &err), &err), MRC_ENOTFOUND);
    ok(store_begin(s, &err));
    ck_assert_int_eq(store_settle(s, store_outcome_add(s, &twice, &err), &err), MRC_ECONFLICT);
    ok(store_outcome_find(s, STR("a"), STR("2026-12-02"), STR("2026-12-02"), &arena, &got, &err));
    ck_assert_int_eq(got.entries, 1200);
    ck_assert_int_eq(got.revision, 2);
    ok(store_outcome_reports(s, STR("1"), 10, &arena, &list, &n, &err));
    ck_assert_uint_eq(n, 2);
    ck_assert_int_eq(list[0].entries, 1200);
    ck_assert(str_is(list[0].source, "distributor"));
    ck_assert_int_eq(list[1].entries, 1000);
    ck_assert_int_eq(list[1].reported_ms, NOW + 1);
    ok(store_outcomes_by_own_id(s, STR("u"), STR("x"), 10, &arena, &list, &n, &err));
    ck_assert_uint_eq(n, 1);
    ok(store_outcomes_by_own_id(s, STR("v"), STR("x"), 10, &arena, &list, &n, &err));
    ck_assert_uint_eq(n, 0);
    ok(store_outcomes_list(s, STR(""), STR("2026-12-03"), STR("9"), 10, &arena, &list, &n, &err));
    ck_assert_uint_eq(n, 0);
    ok(store_outcomes_list(s, STR(""), STR("2026-12-02"), STR("2026-12-02"), 10, &arena, &list, &n, &err));
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(store_outcome_get(s, STR("2"), &arena, &got, &err), MRC_ENOTFOUND);
    store_close(s);
}
END_TEST

START_TEST(the_database_refuses_nonsense)
{
    open_state(_i);
    struct outcome bad[] = {outcome("1", "a", -1, 1), outcome("2", "b", 1, 0), outcome("3", "c", 1, 1),
                            outcome("4", "d", 1, 1)};
    bad[2].source = STR("");
    bad[3].plausibility = STR("perhaps");
    for (size_t i = 0; i < 4; i++) {
        ok(store_begin(s, &err));
        ck_assert_int_eq(store_settle(s, store_outcome_add(s, &bad[i], &err), &err), MRC_EINVAL);
    }
    store_close(s);
}
END_TEST

/* ---- cinemas --------------------------------------------------------------------------------------------------- */

static struct cinema_member member(const char *cinema, const char *user, enum cinema_role role)
{
    return (struct cinema_member){
        .cinema_id = str_of(cinema), .user_id = str_of(user), .username = str_of(user), .role = role, .since_ms = NOW};
}

static void add_cinema(const char *id, const char *owner)
{
    const struct cinema c = {.id = str_of(id), .name = STR("Le Rex"), .profile_json = STR("{}")};
    const struct cinema_member m = member(id, owner, CINEMA_OWNER);
    ok(store_cinema_add(s, &c, &m, 10, &err));
}

static int take_in(const char *by, const char *user, enum cinema_role role)
{
    const struct cinema_member m = member("c", user, role);
    ok(store_begin(s, &err));
    return store_settle(s, store_cinema_member_put(s, str_of(by), &m, &arena, &err), &err);
}

static int send_away(const char *by, const char *user)
{
    ok(store_begin(s, &err));
    return store_settle(s, store_cinema_member_end(s, str_of(by), str_of(by), STR("c"), str_of(user), &arena, &err),
                        &err);
}

static int end_cinema(const char *by)
{
    ok(store_begin(s, &err));
    return store_settle(s, store_cinema_delete(s, str_of(by), STR("c"), &arena, &err), &err);
}

static void write_keys(const char *text)
{
    ck_assert_int_eq(file_replace(path_of("token.key"), str_of(text), 0600, &err), MRC_OK);
}

/* What is done to the key file by hand is on record, once, whichever host finds it; the keys themselves nowhere. */
START_TEST(changes_of_the_key_file)
{
    static const char one[] = "0123456789abcdef0123456789abcdef\n",
                      two[] = "fedcba9876543210fedcba9876543210\n0123456789abcdef0123456789abcdef\n";
    struct audit *rows;
    size_t n;
    open_state(_i);
    ok(key_watch(s, path_of("token.key"), "a", NOW, &err)); /* no file yet, and none is made */
    ck_assert(!file_exists(path_of("token.key")));
    write_keys(one);
    ok(key_watch(s, path_of("token.key"), "a", NOW + 1, &err));
    ok(key_watch(s, path_of("token.key"), "a", NOW + 2, &err));
    ok(store_audit_list(s, STR(""), 10, &arena, &rows, &n, &err));
    ck_assert_uint_eq(n, 0);
    write_keys(two);
    ok(key_watch(s, path_of("token.key"), "b", NOW + 3, &err));
    ok(key_watch(s, path_of("token.key"), "a", NOW + 4, &err));
    ok(store_audit_list(s, STR(""), 10, &arena, &rows, &n, &err));
    ck_assert_uint_eq(n, 1);
    ck_assert(str_is(rows[0].act, "token keys change") && str_starts(rows[0].detail, "from "));
    ck_assert_ptr_nonnull(strstr(rows[0].detail.p, rows[0].subject.p));
    ck_assert_ptr_null(strstr(rows[0].detail.p, "0123456789abcdef"));
    ck_assert_ptr_null(strstr(rows[0].detail.p, "fedcba9876543210"));
    write_keys("short\n");
    ck_assert_int_eq(key_watch(s, path_of("token.key"), "a", NOW + 5, &err), MRC_EFORMAT);
    store_close(s);
}
END_TEST

START_TEST(roles_of_members)
{
    open_state(_i);
    add_cinema("c", "o");
    add_cinema("d", "p");
    struct cinema c, change = {.id = STR("c"), .name = STR("Rex"), .profile_json = STR("{\"rooms\":[]}")}, *list;
    struct cinema_member *members;
    size_t n;
    /* to strangers there is nothing */
    ck_assert_int_eq(store_cinema_get(s, STR("x"), STR("c"), &arena, &c, &err), MRC_ENOTFOUND);
    ck_assert_int_eq(store_cinema_change(s, STR("p"), &change, &arena, &err), MRC_ENOTFOUND);
    ck_assert_int_eq(end_cinema("p"), MRC_ENOTFOUND);
    ck_assert_int_eq(store_cinema_members(s, STR("p"), STR("c"), &arena, &members, &n, &err), MRC_ENOTFOUND);
    ck_assert_int_eq(take_in("p", "p", CINEMA_OWNER), MRC_ENOTFOUND);
    ck_assert_int_eq(send_away("p", "o"), MRC_ENOTFOUND);
    ok(take_in("o", "v", CINEMA_VIEWER));
    ok(take_in("o", "m", CINEMA_MANAGER));
    /* each role what it may */
    ck_assert_int_eq(store_cinema_change(s, STR("v"), &change, &arena, &err), MRC_EDENIED);
    ok(store_cinema_change(s, STR("m"), &change, &arena, &err));
    ck_assert_int_eq(take_in("m", "v", CINEMA_OWNER), MRC_EDENIED);
    ck_assert_int_eq(send_away("m", "v"), MRC_EDENIED);
    ck_assert_int_eq(end_cinema("m"), MRC_EDENIED);
    ok(store_cinema_get(s, STR("v"), STR("c"), &arena, &c, &err));
    ck_assert(str_is(c.name, "Rex") && c.role == CINEMA_VIEWER);
    ok(store_cinema_members(s, STR("v"), STR("c"), &arena, &members, &n, &err));
    ck_assert(n == 3 && str_is(members[0].username, "m") && members[0].role == CINEMA_MANAGER);
    /* the last owner stays */
    ck_assert_int_eq(send_away("o", "o"), MRC_ECONFLICT);
    ck_assert_int_eq(take_in("o", "o", CINEMA_VIEWER), MRC_ECONFLICT);
    ok(take_in("o", "m", CINEMA_OWNER));
    ok(send_away("o", "o"));
    ck_assert_int_eq(store_cinema_get(s, STR("o"), STR("c"), &arena, &c, &err), MRC_ENOTFOUND);
    ok(send_away("v", "v")); /* anybody may leave */
    ck_assert_int_eq(send_away("m", "nobody"), MRC_ENOTFOUND);
    ok(store_cinemas_list(s, STR("m"), 10, &arena, &list, &n, &err));
    ck_assert_uint_eq(n, 1);
    ok(end_cinema("m"));
    ok(store_cinemas_list(s, STR("m"), 10, &arena, &list, &n, &err));
    ck_assert_uint_eq(n, 0);
    store_close(s);
}
END_TEST

START_TEST(cinemas_have_ceilings)
{
    open_state(_i);
    const struct cinema c = {.id = STR("z"), .name = STR("Z"), .profile_json = STR("{}")};
    const struct cinema_member owner = member("z", "o", CINEMA_OWNER);
    add_cinema("c", "o");
    ck_assert_int_eq(store_cinema_add(s, &c, &owner, 1, &err), MRC_ELIMIT);
    for (int i = 1; i < CINEMA_MEMBERS_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "m%03d", i);
        ok(take_in("o", name, CINEMA_VIEWER));
    }
    ck_assert_int_eq(take_in("o", "one-more", CINEMA_VIEWER), MRC_ELIMIT);
    ok(take_in("o", "m001", CINEMA_MANAGER)); /* a change of role is no new member */
    store_close(s);
}
END_TEST

/* ---- jobs ------------------------------------------------------------------------------------------------------ */

static int take(const char *holder, int64_t now_ms, struct job *job)
{
    int rc = store_job_take(s, STR("retention"), str_of(holder), now_ms, 100, &arena, job, &err);
    ck_assert_msg(rc >= 0, "%s", err.msg);
    return rc;
}

START_TEST(a_job_is_held_by_one)
{
    open_state(_i);
    struct job a, b;
    ck_assert_int_eq(store_job_get(s, STR("retention"), &arena, &a, &err), MRC_ENOTFOUND);
    ck_assert_int_eq(take("a", NOW, &a), 1);
    ck_assert_int_eq(take("b", NOW + 99, &b), 0);
    ck_assert_int_eq(take("a", NOW + 99, &b), 0); /* another process of the same host */
    ok(store_job_renew(s, &a, NOW + 99, 100, &err));
    ck_assert_int_eq(take("b", NOW + 198, &b), 0);
    /* the lease ends: another takes it, and the first can neither renew nor finish */
    ck_assert_int_eq(take("b", NOW + 199, &b), 1);
    ck_assert_int_eq(b.epoch, a.epoch + 1);
    ck_assert_int_eq(store_job_renew(s, &a, NOW + 199, 100, &err), MRC_ECONFLICT);
    ck_assert_int_eq(store_job_done(s, &a, NOW + 199, STR("wrong"), &err), MRC_ECONFLICT);
    ck_assert_int_eq(store_job_failed(s, &a, STR("wrong"), &err), MRC_ECONFLICT);
    ok(store_job_failed(s, &b, STR("no disk"), &err));
    ck_assert_int_eq(take("a", NOW + 200, &a), 1); /* given back: free at once */
    ck_assert_int_eq(a.failures, 1);
    ck_assert(str_is(a.error, "no disk"));
    ok(store_job_done(s, &a, NOW + 201, STR("until 2026-12"), &err));
    ck_assert_int_eq(store_job_renew(s, &a, NOW + 201, 100, &err), MRC_ECONFLICT);
    ok(store_job_get(s, STR("retention"), &arena, &b, &err));
    ck_assert(str_is(b.memo, "until 2026-12") && b.holder.n == 0 && b.failures == 0 && b.done_ms == NOW + 201);
    ck_assert_int_eq(store_job_take(s, STR("other"), STR(""), NOW, 1, &arena, &b, &err), MRC_EINVAL);
    store_close(s);
}
END_TEST

/* An expired lease cannot be renewed even when nobody else took it. */
START_TEST(an_ended_lease_is_lost)
{
    open_state(_i);
    struct job a;
    ck_assert_int_eq(take("a", NOW, &a), 1);
    ck_assert_int_eq(store_job_renew(s, &a, NOW + 100, 100, &err), MRC_ECONFLICT);
    store_close(s);
}
END_TEST

START_TEST(of_many_one_takes_it)
{
    enum { PROCESSES = 10 };
    const char *path = _i == 0 ? path_of("state.db") : pg.url;
    store_close(opened(STORE_STATE, path));
    pid_t pids[PROCESSES];
    int taken = 0;
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            char name[8] = {'p', (char)('0' + i)};
            struct job job;
            s = opened(STORE_STATE, path);
            _exit(store_job_take(s, STR("j"), str_of(name), NOW, 1000, &arena, &job, NULL) == 1 ? 1 : 0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        taken += WIFEXITED(status) && WEXITSTATUS(status) == 1;
    }
    ck_assert_int_eq(taken, 1);
}
END_TEST

/* ---- age ------------------------------------------------------------------------------------------------------- */

static void log_one(struct store *log, int64_t time_ms, const char *user)
{
    char id[UUID_TEXT];
    uuid7(time_ms, id);
    const struct prediction p = {.id = str_of(id),
                                 .time_ms = time_ms,
                                 .user_id = str_of(user),
                                 .row_json = STR("{}"),
                                 .quantiles_json = STR("{}")};
    ok(store_predictions_add(log, &p, 1, &err));
}

START_TEST(old_predictions_leave)
{
    const int64_t now = 1790000000000, year = (int64_t)366 * 86400 * 1000;
    struct store *log = opened_on(_i, STORE_LOG);
    struct prediction *rows;
    char id[UUID_TEXT], before[UUID_TEXT];
    size_t n;
    int64_t dropped;
    err = (struct mrc_err){0};
    ok(digest_start(&err));
    for (int i = 0; i < 25; i++) {
        log_one(log, now - year - i, "u");
    }
    log_one(log, now, "u");
    ok(store_predictions_range(log, STR(""), STR("~"), 1000, &arena, &rows, &n, &err));
    ck_assert_uint_eq(n, 26);
    ck_assert_int_eq(rows[25].time_ms, now);
    store_first_id(now, id);
    store_first_id(now + 1, before);
    ok(store_predictions_range(log, str_of(id), str_of(before), 1000, &arena, &rows, &n, &err));
    ck_assert_uint_eq(n, 1);
    bool more = true;
    int64_t all = 0;
    while (more) {
        ok(store_predictions_prune(log, now - year + 1, 10, &dropped, &more, &err));
        ck_assert(_i == 1 || dropped <= 10);
        all += dropped;
    }
    ck_assert_int_eq(all, 25);
    ok(store_predictions_range(log, STR(""), STR("~"), 1000, &arena, &rows, &n, &err));
    ck_assert_uint_eq(n, 1);
    ok(store_check(log, &err));
    ck_assert_int_eq(store_backup(log, path_of("copy.db"), &err), _i == 0 ? MRC_OK : MRC_EUNSUPPORTED);
    ck_assert(_i == 0 || strstr(err.msg, "pg_dump") != NULL);
    store_close(log);
}
END_TEST

int main(void)
{
    int backends = pg_server_start(&pg) ? 2 : 1;
    Suite *suite = suite_create("domain");
    TCase *t = tcase_create("domain");
    tcase_add_checked_fixture(t, begin, end);
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, films_replace_themselves, 0, backends);
    tcase_add_loop_test(t, films_are_their_users, 0, backends);
    tcase_add_loop_test(t, films_have_a_ceiling_and_pages, 0, backends);
    tcase_add_test(t, title_keys);
    tcase_add_loop_test(t, corrections_keep_history, 0, backends);
    tcase_add_loop_test(t, the_database_refuses_nonsense, 0, backends);
    tcase_add_loop_test(t, roles_of_members, 0, backends);
    tcase_add_loop_test(t, changes_of_the_key_file, 0, backends);
    tcase_add_loop_test(t, cinemas_have_ceilings, 0, backends);
    tcase_add_loop_test(t, a_job_is_held_by_one, 0, backends);
    tcase_add_loop_test(t, an_ended_lease_is_lost, 0, backends);
    tcase_add_loop_test(t, of_many_one_takes_it, 0, backends);
    tcase_add_loop_test(t, old_predictions_leave, 0, backends);
    suite_add_tcase(suite, t);
    return store_backends_run(suite);
}
