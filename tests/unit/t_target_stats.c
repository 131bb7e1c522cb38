/* Target statistics: a column and a table worked out by hand. */
#include "tests/unit/check_main.h"

#include "common/trees/categorical.h"
#include "train/target_stats.h"

#include <math.h>

enum { N = 6 };
static const char *const names[N] = {"a", "b", "a", "a", "b", "c"};
static const double target[N] = {1, 0, 0, 1, 1, 0};

struct fixture {
    struct dataset *learn, *eval;
    struct params params;
    struct pool learn_pool, eval_pool;
    struct grid grids[1];
    const uint32_t *orders[2];
    struct target_stats stats;
    struct mrc_err err;
};

static struct dataset *make(const char *const *cats, size_t n, const double *y, struct mrc_err *err)
{
    struct str text[N];
    struct dataset *d;
    for (size_t i = 0; i < n; i++) {
        text[i] = str_of(cats[i]);
    }
    ck_assert_ok(dataset_new(&d, n, err), err);
    ck_assert_ok(dataset_add_cat(d, STR("c"), text, err), err);
    ck_assert_ok(dataset_set_target(d, y, err), err);
    return d;
}

static const uint32_t backwards[N] = {5, 4, 3, 2, 1, 0};

static void set_up(struct fixture *f, const char *simple_ctr)
{
    static const char *const eval_names[2] = {"a", "unseen"};
    memset(f, 0, sizeof(*f));
    f->learn = make(names, N, target, &f->err);
    f->eval = make(eval_names, 2, target, &f->err);
    params_init(&f->params);
    ck_assert_ok(params_set(&f->params, STR("simple_ctr"), str_of(simple_ctr), &f->err), &f->err);
    ck_assert_ok(pool_learn(&f->learn_pool, f->grids, f->learn, &f->params, NULL, 1, &f->err), &f->err);
    ck_assert_ok(pool_eval(&f->eval_pool, &f->learn_pool, f->eval, &f->params, &f->err), &f->err);
    f->orders[1] = backwards;
    ck_assert_ok(stats_init(&f->stats, &f->learn_pool, &f->eval_pool, &f->params, 0, (const uint32_t *const *)f->orders,
                            2, &f->err),
                 &f->err);
}

static void tear_down(struct fixture *f)
{
    stats_release(&f->stats);
    pool_release(&f->learn_pool);
    pool_release(&f->eval_pool);
    dataset_free(f->learn);
    dataset_free(f->eval);
}

/* bin = floor(15 (good + prior) / (total + 1)) of the rows before */
static const struct {
    const char *simple_ctr;
    uint8_t forward[N], backward[N], eval[2];
} columns[] = {
    {"Borders:Prior=0/1", {0, 0, 7, 5, 0, 0}, {5, 7, 7, 0, 0, 0}, {7, 0}},
    {"Borders:Prior=0.5/1", {7, 7, 11, 7, 3, 7}, {7, 11, 11, 7, 7, 7}, {9, 7}},
    {"Buckets:Prior=0/1", {0, 0, 0, 5, 7, 0}, {5, 0, 0, 0, 0, 0}, {3, 0}},
    {"BinarizedTargetMeanValue:Prior=0/1", {0, 0, 7, 5, 0, 0}, {5, 7, 7, 0, 0, 0}, {7, 0}},
    /* counts 3, 2, 1 over the most + 1 = 4, whatever the order */
    {"Counter:Prior=0/1", {11, 7, 11, 11, 7, 3}, {11, 7, 11, 11, 7, 3}, {11, 0}},
};

START_TEST(columns_see_only_what_came_before)
{
    struct fixture f;
    set_up(&f, columns[_i].simple_ctr);
    uint32_t cat = 0, p;
    ck_assert_ok(stats_projection(&f.stats, &(struct key_members){.n_cats = 1, .cats = &cat}, &p, &f.err), &f.err);
    struct stat_need needs[] = {{p, 0}, {p, 1}, {p, STATS_EVAL}, {p, 1}};
    ck_assert_ok(stats_compute(&f.stats, needs, 4, 2, &f.err), &f.err);
    struct column forward = stats_column(&f.stats, p, 0, 0), backward = stats_column(&f.stats, p, 0, 1);
    for (unsigned i = 0; i < N; i++) {
        ck_assert_msg(column_at(&forward, i) == columns[_i].forward[i], "row %d forward: %u", i,
                      column_at(&forward, i));
        ck_assert_msg(column_at(&backward, i) == columns[_i].backward[i], "row %d backward: %u", i,
                      column_at(&backward, i));
    }
    struct column eval = stats_column(&f.stats, p, 0, STATS_EVAL);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_uint_eq(column_at(&eval, i), columns[_i].eval[i]);
    }
    tear_down(&f);
}
END_TEST

START_TEST(tables_count_the_whole_learn_set)
{
    struct fixture f;
    set_up(&f, "Borders:Prior=0/1,Counter:Prior=0/1");
    uint32_t cat = 0, p;
    ck_assert_ok(stats_projection(&f.stats, &(struct key_members){.n_cats = 1, .cats = &cat}, &p, &f.err), &f.err);
    struct arena a;
    arena_init(&a, 0);
    struct ctr_table borders = {.n_keys = 0}, counter = {.n_keys = 0};
    ck_assert_ok(stats_table(&f.stats, p, &f.stats.simple.stats[0], &a, &borders, &f.err), &f.err);
    ck_assert_ok(stats_table(&f.stats, p, &f.stats.simple.stats[1], &a, &counter, &f.err), &f.err);
    ck_assert_uint_eq(borders.n_keys, 3);
    ck_assert_int_eq(borders.target_classes, 2);
    ck_assert_int_eq(borders.target_classifier, 1);
    ck_assert_int_eq(counter.target_classifier, 0);
    ck_assert_int_eq(counter.counter_denominator, 3);
    static const int32_t classes[3][2] = {{1, 2}, {1, 1}, {1, 0}};
    static const char *const keys[3] = {"a", "b", "c"};
    for (int k = 0; k < 3; k++) {
        ck_assert_uint_eq(borders.keys[k], projection_mix(0, hash_of_cat(mrc_cat_hash(keys[k], 1))));
        ck_assert_int_eq(borders.counts[2 * k], classes[k][0]);
        ck_assert_int_eq(borders.counts[2 * k + 1], classes[k][1]);
        ck_assert_int_eq(counter.counts[k], classes[k][0] + classes[k][1]);
    }
    arena_release(&a);
    tear_down(&f);
}
END_TEST

/* The same members give the same projection; a split refines the keys; what no tree uses gives up its place. */
START_TEST(projections_are_found_again)
{
    struct fixture f;
    set_up(&f, "Counter");
    uint32_t cat = 0, p, q, r;
    struct split one_hot = {.kind = SPLIT_ONE_HOT, .feature = 0, .bin = 0}, other = one_hot;
    struct key_members plain = {.n_cats = 1, .cats = &cat}, refined = {1, 1, &cat, &one_hot};
    other.bin = 1;
    ck_assert_ok(stats_projection(&f.stats, &plain, &p, &f.err), &f.err);
    ck_assert_ok(stats_projection(&f.stats, &refined, &q, &f.err), &f.err);
    ck_assert_ok(stats_projection(&f.stats, &plain, &r, &f.err), &f.err);
    ck_assert_uint_eq(p, r);
    ck_assert_uint_ne(p, q);
    ck_assert_ok(stats_compute(&f.stats, &(struct stat_need){q, 0}, 1, 1, &f.err), &f.err);
    ck_assert_uint_eq(f.stats.projections[q].keys.n, 3);
    ck_assert_uint_eq(f.stats.projections[q].keys.eval_ids[1], UNSEEN);
    stats_forget_columns(&f.stats);
    refined.splits = &other;
    ck_assert_ok(stats_projection(&f.stats, &refined, &r, &f.err), &f.err);
    ck_assert_uint_eq(q, r);
    ck_assert_ptr_null(f.stats.projections[r].keys.ids);
    tear_down(&f);
}
END_TEST

/* Rows by what they have in three columns: numbered by first appearance, from any base, with few pairs or with many. */
START_TEST(keys_are_numbered_by_first_appearance)
{
    enum { ROWS = 5000, CATS = 3 };
    struct mrc_err err;
    uint32_t *ids[CATS], cats[CATS] = {0, 1, 2}, state = 7;
    uint32_t n_ids = _i == 0 ? 3 : 700;
    struct cat_column cat_columns[CATS];
    for (uint32_t c = 0; c < CATS; c++) {
        ids[c] = malloc(ROWS * sizeof(uint32_t));
        for (uint32_t i = 0; i < ROWS; i++) {
            state = state * 1664525 + 1013904223;
            ids[c][i] = (state >> 8) % n_ids;
        }
        cat_columns[c] = (struct cat_column){.ids = ids[c], .n_ids = n_ids};
    }
    struct pool pool = {.n = ROWS, .n_cats = CATS, .cats = cat_columns};
    struct key_members all = {.n_cats = 3, .cats = cats},
                       ends[] = {{.n_cats = 2, .cats = cats}, {.n_cats = 2, .cats = cats + 1}};
    struct stat_keys whole, base, from_base;
    ck_assert_ok(stat_keys_find(&whole, &all, NULL, NULL, &pool, NULL, &err), &err);
    uint32_t next = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        ck_assert_uint_le(whole.ids[i], next);
        next += whole.ids[i] == next;
        uint32_t j = i > 0 ? (uint32_t)(state = state * 1664525 + 1013904223) % i : 0;
        bool same = ids[0][i] == ids[0][j] && ids[1][i] == ids[1][j] && ids[2][i] == ids[2][j];
        ck_assert_int_eq(same, whole.ids[i] == whole.ids[j]);
    }
    ck_assert_uint_eq(whole.n, next);
    for (int k = 0; k < 2; k++) {
        ck_assert_ok(stat_keys_find(&base, &ends[k], NULL, NULL, &pool, NULL, &err), &err);
        ck_assert_ok(stat_keys_find(&from_base, &all, &base, &ends[k], &pool, NULL, &err), &err);
        ck_assert_uint_eq(from_base.n, whole.n);
        ck_assert_mem_eq(from_base.ids, whole.ids, ROWS * sizeof(uint32_t));
        stat_keys_release(&base);
        stat_keys_release(&from_base);
    }
    stat_keys_release(&whole);
    for (uint32_t c = 0; c < CATS; c++) {
        free(ids[c]);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("target_stats");
    TCase *c = tcase_create("target_stats");
    tcase_add_loop_test(c, columns_see_only_what_came_before, 0, (int)(sizeof(columns) / sizeof(columns[0])));
    tcase_add_test(c, tables_count_the_whole_learn_set);
    tcase_add_test(c, projections_are_found_again);
    tcase_add_loop_test(c, keys_are_numbered_by_first_appearance, 0, 2);
    suite_add_tcase(s, c);
    return check_main(s);
}
