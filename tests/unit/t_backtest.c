/* The naive rule and the checks of a plan; whole back-tests run in tests/cli. Includes the source for its statics. */
#include "train/backtest.c"

#include "tests/unit/check_main.h"

#include "common/base/digest.h"
#include "common/base/file.h"

#include <unistd.h>

static struct schema *schema;
static struct film_data *data;

static void setup(void)
{
    static const char films[] = "film_id,title,release_date,first_week_entries,distributor,use\n"
                                "1,A,2020-01-01,100,Pathé,\n"
                                "2,B,2020-01-08,300,PATHE,\n"
                                "3,C,2020-01-15,200,Pathe,\n"
                                "4,D,2020-01-22,9000,Gaumont,\n"
                                "5,E,2020-01-29,7000,Gaumont,\n"
                                "6,F,2020-02-05,5,,\n"
                                "7,G,2020-02-05,1000000,Pathé,history\n"
                                "8,H,2020-02-12,,Pathé,\n";
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

START_TEST(naive_rule)
{
    struct naive v = {0};
    struct mrc_err err = {0};
    ck_assert_ok(naive_learn(&v, data->films, data->n, &data->arena, &err), &err);
    ck_assert_uint_eq(v.n, 6); /* neither history nor films without a figure */
    ck_assert_double_eq(naive_guess(&v, STR("pathe")), 200);
    ck_assert_double_eq(v.overall, 250);
    ck_assert_double_eq(naive_guess(&v, STR("gaumont")), 250); /* two films are too few */
    ck_assert_double_eq(naive_guess(&v, STR("nobody")), 250);
    ck_assert_double_eq(naive_guess(&v, STR("")), 250);
    /* Only what came before counts. */
    ck_assert_ok(naive_learn(&v, data->films, 2, &data->arena, &err), &err);
    ck_assert_double_eq(naive_guess(&v, STR("pathe")), 200);
    ck_assert_double_eq(v.overall, 200);
    struct str name;
    ck_assert_ok(distributor_of(&data->films[0], &data->arena, &name, &err), &err);
    ck_assert_text(name, "pathe");
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
    p.ahead = false;
    ck_assert_fails(check_plan(&p, &err), &err, MRC_EINVAL, "no setting");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("backtest");
    TCase *t = tcase_create("backtest");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, naive_rule);
    tcase_add_test(t, plans);
    suite_add_tcase(s, t);
    return check_main(s);
}
