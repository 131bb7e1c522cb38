/* Naive rules, the checks of a plan, groups and differences; whole back-tests run in tests/cli. Includes the source for
 * its statics. */
#include "train/backtest.c"

#include "tests/unit/check_main.h"

#include "train/backtest_groups.h"

#include "common/base/digest.h"
#include "common/base/file.h"
#include "train/film_table.h"

#include <unistd.h>

static struct schema *schema;
static struct film_data *data;

static void setup(void)
{
    static const char films[] =
        "film_id,title,release_date,first_week_entries,distributor,use,screens,genres,countries\n"
        "1,A,2020-01-01,100,Pathé,,10,Drame,FR\n"
        "2,B,2020-01-08,300,PATHE,,10,Drame,US\n"
        "3,C,2020-01-15,200,Pathe,,40,Comédie,FR|US\n"
        "4,D,2020-01-22,9000,Gaumont,,100,,\n"
        "5,E,2020-01-29,7000,Gaumont,,,Comédie,\n"
        "6,F,2020-02-05,5,,,5,,BE\n"
        "7,G,2020-02-05,1000000,Pathé,history,1,,\n"
        "8,H,2020-02-12,,Pathé,,7,,\n";
    char path[64];
    char *text;
    size_t n;
    struct mrc_err err = {0};
    ck_assert_ok(digest_start(&err), &err);
    ck_assert_ok(file_read("data/schema.json", 1 << 20, &text, &n, &err), &err);
    ck_assert_ok(schema_read(&schema, (struct str){text, n}, &err), &err);
    free(text);
    snprintf(path, sizeof(path), "/tmp/t_backtest.%ld.csv", (long)getpid());
    ck_assert_ok(file_replace(path, STR(films), 0600, &err), &err);
    struct film_data_options o = {.need_target = true};
    ck_assert_ok(film_data_read(&data, schema, path, &o, &err), &err);
    unlink(path);
}

static void teardown(void)
{
    film_data_free(data);
    schema_free(schema);
}

static double guess(const struct naive *v, enum naive_rule rule, size_t film)
{
    double out;
    struct mrc_err err = {0};
    ck_assert_ok(naive_guess(v, rule, &data->films[film], &data->arena, &out, &err), &err);
    return out;
}

START_TEST(naive_rule)
{
    struct naive v;
    struct mrc_err err = {0};
    ck_assert_ok(naive_learn(&v, data->films, data->n, &data->arena, &err), &err);
    ck_assert_uint_eq(v.rules[NAIVE_ENTRIES].n, 6); /* neither history nor films without a figure */
    ck_assert_double_eq(guess(&v, NAIVE_ENTRIES, 7), 200);
    ck_assert_double_eq(v.rules[NAIVE_ENTRIES].overall, 250);
    ck_assert_double_eq(guess(&v, NAIVE_ENTRIES, 4), 250); /* two films are too few */
    ck_assert_double_eq(guess(&v, NAIVE_ENTRIES, 5), 250); /* no distributor */
    /* Per screen: Pathé 10, 30, 5, all 10, 30, 5, 90, 1. */
    ck_assert_uint_eq(v.rules[NAIVE_PER_SCREEN].n, 5);
    ck_assert_double_eq(guess(&v, NAIVE_PER_SCREEN, 7), 70);
    ck_assert_double_eq(guess(&v, NAIVE_PER_SCREEN, 3), 1000);
    ck_assert(isnan(guess(&v, NAIVE_PER_SCREEN, 4))); /* screens unknown */
    /* Only what came before counts. */
    ck_assert_ok(naive_learn(&v, data->films, 2, &data->arena, &err), &err);
    ck_assert_double_eq(guess(&v, NAIVE_ENTRIES, 7), 200);
    ck_assert_double_eq(v.rules[NAIVE_ENTRIES].overall, 200);
    ck_assert_ok(naive_learn(&v, data->films, 0, &data->arena, &err), &err);
    ck_assert(isnan(guess(&v, NAIVE_ENTRIES, 7)));
}
END_TEST

/* Six films, forecast by the served rule exactly, by the naive one tenfold, by the one per screen where screens are
 * known; the largest by forecast is the fourth. */
static void judge_by_hand(struct backtest *b)
{
    *b = (struct backtest){.n = 6};
    arena_init(&b->arena, 0);
    b->films = ARENA_ARRAY(&b->arena, 6, struct backtest_film);
    for (size_t i = 0; i < 6; i++) {
        struct backtest_film *f = &b->films[i];
        double truth = data->films[i].entries;
        f->film = &data->films[i];
        f->setting = i == 4 ? FILM_AHEAD : FILM_SCREENS;
        for (int k = 0; k < BACKTEST__RULES; k++) {
            f->outcomes[k] = (struct film_outcome){.truth = truth, .forecast = truth};
        }
        f->outcomes[BACKTEST_NAIVE].forecast = 10 * truth;
        f->outcomes[BACKTEST_PER_SCREEN].forecast = i == 4 ? NAN : truth / 5;
        f->outcomes[BACKTEST_CHAMPION].forecast = NAN;
    }
}

static const struct backtest_line *line_of(const struct backtest_groups *g, const char *by, const char *group,
                                           enum backtest_rule rule)
{
    for (size_t i = 0; i < g->n_lines; i++) {
        if (str_is(str_of(g->lines[i].by), by) && str_is(g->lines[i].group, group) && g->lines[i].rule == rule) {
            return &g->lines[i];
        }
    }
    return NULL;
}

START_TEST(groups)
{
    struct backtest b;
    struct backtest_groups g;
    struct mrc_err err = {0};
    judge_by_hand(&b);
    ck_assert_ok(backtest_groups_make(&g, &b, &err), &err);
    static const struct {
        const char *by, *group;
        size_t films;
    } cases[] = {{"all", "all", 6},
                 {"setting", "N", 1},
                 {"setting", "S", 5},
                 {"year", "2020", 6},
                 {"genre", "Drame", 2},
                 {"genre", "Comédie", 2},
                 {"genre", "unknown", 2},
                 {"country", "FR", 2},
                 {"country", "other", 2},
                 {"country", "unknown", 2},
                 {"screens", "known", 5},
                 {"screens", "unknown", 1},
                 {"forecast", "1 smallest fifth", 2},
                 {"forecast", "5 largest fifth", 1},
                 {"top", "others", 6}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct backtest_line *line = line_of(&g, cases[i].by, cases[i].group, BACKTEST_MEDIAN);
        ck_assert_msg(line != NULL, "no %s %s", cases[i].by, cases[i].group);
        ck_assert_uint_eq(line->score.films, cases[i].films);
    }
    ck_assert_double_eq_tol(backtest_groups_all(&g, BACKTEST_NAIVE)->score.bias_log, 1, 1e-12);
    ck_assert_uint_eq(backtest_groups_all(&g, BACKTEST_PER_SCREEN)->score.films, 5);
    ck_assert_ptr_null(backtest_groups_all(&g, BACKTEST_CHAMPION));
    ck_assert_ptr_null(line_of(&g, "setting", "N", BACKTEST_PER_SCREEN));
    /* Each draw of weeks finds the same: the rule is ten times too high everywhere. */
    ck_assert_uint_eq(g.n_differences, 2);
    ck_assert_int_eq(g.differences[0].against, BACKTEST_NAIVE);
    ck_assert_double_eq_tol(g.differences[0].rmse.value, -1, 1e-12);
    ck_assert_double_eq_tol(g.differences[0].rmse.low, -1, 1e-12);
    ck_assert_double_eq_tol(g.differences[0].rmse.high, -1, 1e-12);
    ck_assert_double_eq_tol(g.differences[0].wape.value, -9, 1e-9);
    ck_assert_double_lt(g.differences[0].mae.low, g.differences[0].mae.value);
    ck_assert_double_gt(g.differences[0].mae.high, g.differences[0].mae.value);
    ck_assert_uint_eq(g.differences[1].films, 5); /* only films that both have judged */
    ck_assert_double_eq_tol(g.differences[1].rmse.value, -log10(5), 1e-12);
    struct buf text;
    buf_init(&text, NULL, 1 << 16);
    backtest_groups_csv(&g, &text);
    ck_assert(strstr(text.p, "by,group,rule,films,r2_log10,") == text.p);
    ck_assert(strstr(text.p, "\ngenre,Comédie,naive,2,") != NULL);
    buf_release(&text);
    backtest_groups_release(&g);
    backtest_release(&b);
}
END_TEST

START_TEST(plans)
{
    int32_t day = date_from_civil(2020, 1, 1);
    int32_t refits[] = {day + 20, day + 10};
    struct mrc_err err = {0};
    struct backtest_plan good = {.train_until = day, .from = day + 1, .to = day + 30, .ahead = true};
    ck_assert_ok(check_plan(&good, &err), &err);
    struct backtest_plan p = good;
    p.to = day;
    ck_assert_fails(check_plan(&p, &err), &err, MRC_EINVAL, "ends before");
    p = good;
    p.from = day;
    ck_assert_fails(check_plan(&p, &err), &err, MRC_EINVAL, "begin after");
    p = good;
    p.refits = refits;
    p.n_refits = 1;
    ck_assert_ok(check_plan(&p, &err), &err);
    p.n_refits = 2;
    ck_assert_fails(check_plan(&p, &err), &err, MRC_EINVAL, "in order");
    refits[0] = p.from;
    p.n_refits = 1;
    ck_assert_fails(check_plan(&p, &err), &err, MRC_EINVAL, "inside the test");
    p = good;
    struct bundle champion = {.histories_as_of = day + 1};
    p.champion = &champion;
    ck_assert_fails(check_plan(&p, &err), &err, MRC_EINVAL, "learnt from films up to 2020-01-02");
    champion.histories_as_of = day;
    ck_assert_ok(check_plan(&p, &err), &err);
    p = good;
    p.ahead = false;
    ck_assert_fails(check_plan(&p, &err), &err, MRC_EINVAL, "no setting");
}
END_TEST

static bool any_film(const struct film *f, const struct film_recipe *r, void *arg)
{
    (void)f;
    (void)r;
    (void)arg;
    return true;
}

/* Altered copies with every often unknown field blanked at once: as many as asked for, the filled one too; what is
 * blanked rarely stays. */
START_TEST(bare_copies)
{
    struct film_recipe r = {
        .schema = schema, .context = FEATURES_CONTEXT_NONE, .mask = 1e-9, .spared = "distributor", .seed = 1};
    struct film_table t;
    struct arena a;
    struct mrc_err err = {0};
    size_t distributor = (size_t)schema_find(schema, STR("distributor"));
    size_t genres = (size_t)schema_find(schema, STR("genres"));
    arena_init(&a, 0);
    for (int bare = 0; bare < 2; bare++) {
        r.bare_share = bare;
        ck_assert_ok(film_table_make(&t, &r, data->films, data->n, any_film, NULL, &a, &err), &err);
        ck_assert_uint_eq(t.per, 2);
        for (size_t i = 0; i < t.n; i++) {
            const struct value *own = t.rows[2 * i].values, *altered = t.rows[2 * i + 1].values;
            ck_assert_int_eq(own[distributor].present, t.films[i]->row.values[distributor].present);
            ck_assert_int_eq(altered[distributor].present, bare ? false : own[distributor].present);
            ck_assert_int_eq(altered[genres].present, own[genres].present);
        }
    }
    arena_release(&a);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("backtest");
    TCase *t = tcase_create("backtest");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, naive_rule);
    tcase_add_test(t, groups);
    tcase_add_test(t, plans);
    tcase_add_test(t, bare_copies);
    suite_add_tcase(s, t);
    return check_main(s);
}
