/* Tables for training: roles of columns, reading in pieces, splits, groups, baselines, what is refused and where. */
#include "tests/unit/check_main.h"

#include "common/base/file.h"
#include "train/dataset.h"
#include "train/permutation.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static struct mrc_err err;

static struct dataset *read_text(const char *columns, const char *text)
{
    struct column_roles roles;
    struct dataset *d;
    ck_assert_ok(roles_parse_json(&roles, str_of(columns), &err), &err);
    ck_assert_ok(dataset_read_text(&d, str_of(text), &roles, &err), &err);
    roles_release(&roles);
    return d;
}

static const char every_role[] =
    "[{\"name\":\"y\",\"kind\":\"target\"},{\"name\":\"a\",\"kind\":\"num\"},{\"name\":\"c\",\"kind\":\"cat\"},"
    "{\"name\":\"w\",\"kind\":\"weight\"},{\"name\":\"t\",\"kind\":\"timestamp\"},{\"name\":\"g\",\"kind\":\"group\"},"
    "{\"name\":\"b\",\"kind\":\"baseline\"},{\"name\":\"i\",\"kind\":\"ignore\"}]";

START_TEST(every_role_is_read)
{
    struct dataset *d = read_text(every_role, "y,a,c,w,t,g,b,i\n"
                                              "1,-0,\"x, \"\"y\"\"\",2,2020-01-02,u,0.5,any\n"
                                              "2,,z,0,2020-01-02 10:30,v,-1,thing\n"
                                              "3,NA,z,1,7,u,0,\n");
    ck_assert_uint_eq(d->n_rows, 3);
    ck_assert_uint_eq(d->n_features, 2);
    ck_assert(d->floats[0].values[0] == 0 && !signbit(d->floats[0].values[0]));
    ck_assert(isnan(d->floats[0].values[1]) && isnan(d->floats[0].values[2]));
    ck_assert_uint_eq(d->cats[0].n_ids, 2);
    ck_assert(d->cats[0].ids[0] == 0 && d->cats[0].ids[1] == 1 && d->cats[0].ids[2] == 1);
    ck_assert(d->target[2] == 3 && d->weight[0] == 2 && d->weight[1] == 0);
    ck_assert_int_eq(d->timestamp[0], INT64_C(18263) * 86400);
    ck_assert_int_eq(d->timestamp[1], INT64_C(18263) * 86400 + 37800);
    ck_assert_int_eq(d->timestamp[2], 7);
    ck_assert(d->group[0] == d->group[2] && d->group[0] != d->group[1]);
    ck_assert_uint_eq(d->n_baselines, 1);
    ck_assert(d->baselines[0][0] == 0.5f && d->baselines[0][1] == -1);
    dataset_drop_values(d);
    ck_assert_ptr_null(d->floats[0].values);
    ck_assert_uint_eq(d->n_features, 2);
    dataset_free(d);
}
END_TEST

START_TEST(column_descriptions)
{
    struct column_roles r;
    ck_assert_ok(roles_parse_cd(&r, STR("2\tCateg\tkind\n\n0\tLabel\r\n4\tGroupId\n3\tBaseline"), &err), &err);
    ck_assert_uint_eq(r.n, 5);
    ck_assert(r.columns[0].role == ROLE_TARGET && r.columns[1].role == ROLE_NUM && r.columns[2].role == ROLE_CAT);
    ck_assert(r.columns[3].role == ROLE_BASELINE && r.columns[4].role == ROLE_GROUP);
    ck_assert(str_is(r.columns[2].name, "kind"));
    roles_release(&r);
    ck_assert_fails(roles_parse_cd(&r, STR("0\tLabel\n1\tNumber"), &err), &err, MRC_EFORMAT, "\"Number\"");
    ck_assert_uint_eq(err.line, 2);
    ck_assert_fails(roles_parse_cd(&r, STR("-1\tLabel"), &err), &err, MRC_EFORMAT, "column number");
    ck_assert_fails(roles_parse_json(&r, STR("[{\"name\":\"a\",\"kind\":\"target?\"}]"), &err), &err, MRC_EFORMAT,
                    "\"target?\"");
    ck_assert_fails(roles_parse_json(&r, STR("{}"), &err), &err, MRC_EFORMAT, "list");
}
END_TEST

static const struct {
    const char *columns, *text;
    int status;
    const char *says;
} refused[] = {
    {"[{\"name\":\"y\",\"kind\":\"target\"}]", "y,a\n1,2\n,3\n", MRC_EFORMAT, "the table:3:1: \"\" is no target"},
    {"[{\"name\":\"y\",\"kind\":\"target\"}]", "y,a\n1,2\n2,two\n", MRC_EFORMAT, ":3:3: \"two\" is not a number"},
    {"[{\"name\":\"y\",\"kind\":\"target\"}]", "y,a\n1,2\n2\n", MRC_EFORMAT, ":3: 1 cells, expected 2"},
    {"[{\"name\":\"y\",\"kind\":\"target\"}]", "y,a\n1,2\n\n2,\"3\n", MRC_EFORMAT, ":4:3: the quote"},
    {"[{\"name\":\"y\",\"kind\":\"target\"}]", "y,a\n", MRC_EFORMAT, "no rows"},
    {"[{\"name\":\"y\",\"kind\":\"target\"}]", "", MRC_EFORMAT, "empty"},
    {"[{\"name\":\"y\",\"kind\":\"target\"}]", "y,a\nnan,1\n1,2\n", MRC_EFORMAT, "target of row 0"},
    {"[{\"name\":\"y\",\"kind\":\"num\"}]", "y,a\n1,2\n", MRC_EFORMAT, "no column is described as the target"},
    {"[{\"name\":\"z\",\"kind\":\"target\"}]", "y,a\n1,2\n", MRC_EFORMAT, "described as \"z\""},
    {"[{\"name\":\"y\",\"kind\":\"target\"},{\"name\":\"a\",\"kind\":\"target\"}]", "y,a\n1,2\n", MRC_EFORMAT,
     "second target"},
    {"[{\"name\":\"y\",\"kind\":\"target\"},{\"name\":\"a\",\"kind\":\"text\"}]", "y,a\n1,2\n", MRC_EUNSUPPORTED,
     "training on text columns"},
    {"[{\"name\":\"y\",\"kind\":\"target\"},{\"name\":\"a\",\"kind\":\"weight\"}]", "y,a\n1,-2\n", MRC_EFORMAT,
     ":2:3: \"-2\" is not a weight"},
    {"[{\"name\":\"y\",\"kind\":\"target\"},{\"name\":\"a\",\"kind\":\"weight\"}]", "y,a\n1,0\n2,0\n", MRC_EFORMAT,
     "all weights are 0"},
    {"[{\"name\":\"y\",\"kind\":\"target\"},{\"name\":\"a\",\"kind\":\"timestamp\"}]", "y,a\n1,2020-02-30\n",
     MRC_EFORMAT, "neither an integer time nor a date"},
    {"[{\"name\":\"y\",\"kind\":\"target\"},{\"name\":\"a\",\"kind\":\"baseline\"}]", "y,a\n1,inf\n", MRC_EFORMAT,
     "is not a baseline"},
    {"[{\"name\":\"y\",\"kind\":\"target\"},{\"name\":\"a\",\"kind\":\"num\"},{\"name\":\"b\",\"kind\":\"num\"}]",
     "y,a\n1,2\n", MRC_EFORMAT, "has 2 columns, 3 are described"},
};

START_TEST(wrong_tables_say_where)
{
    struct column_roles roles;
    struct dataset *d = NULL;
    ck_assert_ok(roles_parse_json(&roles, str_of(refused[_i].columns), &err), &err);
    ck_assert_fails(dataset_read_text(&d, str_of(refused[_i].text), &roles, &err), &err, refused[_i].status,
                    refused[_i].says);
    ck_assert_ptr_null(d);
    roles_release(&roles);
}
END_TEST

/* ---- long files ------------------------------------------------------------------------------------------------ */

enum { LONG_ROWS = 150000 }; /* several blocks of one thread, and of seven */
static char path[64];
static struct column_roles long_roles;

/* quoted: line ends, commas and quotes in cells. bad_row: its number is none. */
static void write_long(bool quoted, const char *line_end, int bad_row)
{
    struct buf b;
    buf_init(&b, NULL, 0);
    buf_printf(&b, "y,a,c,t%s", line_end);
    for (int i = 0; i < LONG_ROWS; i++) {
        buf_printf(&b, "%d,%s%d.5,", i % 17, i == bad_row ? "x" : "", i);
        if (quoted && i % 5 == 0) {
            buf_printf(&b, "\"two\nlines, \"\"%d\"\"\"", i % 1000);
        } else {
            buf_printf(&b, "plain %d", i % 1000);
        }
        buf_printf(&b, ",%d%s", i, line_end);
    }
    snprintf(path, sizeof(path), "/tmp/mercredi-t-dataset.%ld", (long)getpid());
    ck_assert_ok(file_replace(path, buf_text(&b), 0600, &err), &err);
    buf_release(&b);
    ck_assert_ok(
        roles_parse_json(&long_roles,
                         STR("[{\"name\":\"y\",\"kind\":\"target\"},{\"name\":\"a\",\"kind\":\"num\"},{\"name\":"
                             "\"c\",\"kind\":\"cat\"},{\"name\":\"t\",\"kind\":\"timestamp\"}]"),
                         &err),
        &err);
}

static void remove_long(void)
{
    unlink(path);
    roles_release(&long_roles);
}

static void require_same(const struct dataset *a, const struct dataset *b)
{
    ck_assert_uint_eq(a->n_rows, b->n_rows);
    ck_assert_uint_eq(a->cats[0].n_ids, b->cats[0].n_ids);
    ck_assert_mem_eq(a->cats[0].hashes, b->cats[0].hashes, a->cats[0].n_ids * sizeof(uint32_t));
    ck_assert_mem_eq(a->cats[0].ids, b->cats[0].ids, a->n_rows * sizeof(uint32_t));
    ck_assert_mem_eq(a->floats[0].values, b->floats[0].values, a->n_rows * sizeof(float));
    ck_assert_mem_eq(a->target, b->target, a->n_rows * sizeof(float));
    ck_assert_mem_eq(a->timestamp, b->timestamp, a->n_rows * sizeof(int64_t));
}

START_TEST(threads_read_the_same)
{
    static const char *const ends[] = {"\n", "\r\n", "\n", "\r"};
    static const int threads[] = {1, 2, 7};
    struct dataset *d[3];
    write_long(_i >= 2, ends[_i], -1);
    for (int k = 0; k < 3; k++) {
        struct table_options options = {.threads = threads[k]};
        ck_assert_ok(dataset_read_table(&d[k], NULL, path, &long_roles, &options, &err), &err);
    }
    ck_assert_uint_eq(d[0]->n_rows, LONG_ROWS);
    ck_assert_uint_eq(d[0]->cats[0].n_ids, 1000);
    for (int i = 0; i < LONG_ROWS; i++) {
        ck_assert(d[0]->floats[0].values[i] == (float)i + 0.5f && d[0]->timestamp[i] == i);
    }
    require_same(d[0], d[1]);
    require_same(d[0], d[2]);
    for (int k = 0; k < 3; k++) {
        dataset_free(d[k]);
    }
    remove_long();
}
END_TEST

START_TEST(threads_name_the_same_line)
{
    enum { BAD = 120003 };
    static const int threads[] = {1, 2, 7};
    write_long(_i == 1, "\n", BAD);
    char place[32];
    int line = 2 + BAD + (_i == 1 ? (BAD + 4) / 5 : 0);
    snprintf(place, sizeof(place), ":%d:", line);
    for (int k = 0; k < 3; k++) {
        struct table_options options = {.threads = threads[k]};
        struct dataset *d = NULL;
        ck_assert_fails(dataset_read_table(&d, NULL, path, &long_roles, &options, &err), &err, MRC_EFORMAT, place);
    }
    remove_long();
}
END_TEST

START_TEST(memory_is_told_from_the_size_of_the_file)
{
    write_long(false, "\n", -1);
    struct dataset *d = NULL;
    struct table_options options = {.memory_max = 1 << 20};
    ck_assert_fails(dataset_read_table(&d, NULL, path, &long_roles, &options, &err), &err, MRC_ENOMEM, "allowed are 1");
    options.memory_max = (size_t)8 << 20;
    ck_assert_ok(dataset_read_table(&d, NULL, path, &long_roles, &options, &err), &err);
    dataset_free(d);
    remove_long();
}
END_TEST

/* ---- splits ---------------------------------------------------------------------------------------------------- */

START_TEST(splits_are_read)
{
    struct table_split s;
    ck_assert_ok(split_parse(&s, STR("time:day@x@2020-01-02"), 1, &err), &err);
    ck_assert(s.by == SPLIT_BY_TIME && str_is(s.column, "day@x") && s.from == INT64_C(18263) * 86400);
    ck_assert_ok(split_parse(&s, STR("time:year@2021"), 1, &err), &err);
    ck_assert_int_eq(s.from, 2021);
    ck_assert_ok(split_parse(&s, STR("random:0.25"), 7, &err), &err);
    ck_assert(s.by == SPLIT_BY_CHANCE && s.share == 0.25 && s.seed == 7);
    static const char *const wrong[] = {
        "random:0", "random:1", "random:", "time:@2020-01-01", "time:a", "time:a@", "time:a@yesterday", "rows:5", ""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_fails(split_parse(&s, str_of(wrong[i]), 1, &err), &err, MRC_EINVAL, "is no split");
    }
}
END_TEST

static void split_long(const char *how, uint64_t seed, struct dataset **learn, struct dataset **rest)
{
    struct table_options options = {.threads = 2};
    ck_assert_ok(split_parse(&options.split, str_of(how), seed, &err), &err);
    ck_assert_ok(dataset_read_table(learn, rest, path, &long_roles, &options, &err), &err);
}

START_TEST(splits_by_time_and_chance)
{
    struct dataset *learn, *rest, *again, *other;
    write_long(false, "\n", -1);
    split_long("time:t@100000", 0, &learn, &rest);
    ck_assert_uint_eq(learn->n_rows, 100000);
    ck_assert_uint_eq(rest->n_rows, 50000);
    ck_assert(rest->floats[0].values[0] == 100000.5f && rest->target[49999] == (LONG_ROWS - 1) % 17);
    dataset_free(learn);
    dataset_free(rest);
    split_long("random:0.2", 5, &learn, &rest);
    ck_assert_uint_eq(learn->n_rows + rest->n_rows, LONG_ROWS);
    ck_assert(rest->n_rows > LONG_ROWS / 5 - 700 && rest->n_rows < LONG_ROWS / 5 + 700); /* 4.5 sigma */
    split_long("random:0.2", 5, &again, &other);
    require_same(rest, other);
    dataset_free(other);
    dataset_free(again);
    split_long("random:0.2", 6, &again, &other);
    ck_assert(other->n_rows != rest->n_rows || memcmp(other->timestamp, rest->timestamp, 8 * rest->n_rows) != 0);
    dataset_free(other);
    dataset_free(again);
    dataset_free(learn);
    dataset_free(rest);
    struct table_options options = {0};
    ck_assert_ok(split_parse(&options.split, STR("time:t@999999"), 0, &err), &err);
    ck_assert_fails(dataset_read_table(&learn, &rest, path, &long_roles, &options, &err), &err, MRC_EFORMAT,
                    "no rows to judge by");
    ck_assert_ok(split_parse(&options.split, STR("time:when@999999"), 0, &err), &err);
    ck_assert_fails(dataset_read_table(&learn, &rest, path, &long_roles, &options, &err), &err, MRC_EINVAL,
                    "no column \"when\"");
    ck_assert_ok(split_parse(&options.split, STR("time:c@999999"), 0, &err), &err);
    ck_assert_fails(dataset_read_table(&learn, &rest, path, &long_roles, &options, &err), &err, MRC_EFORMAT,
                    "cannot be split by");
    remove_long();
}
END_TEST

/* ---- orders ---------------------------------------------------------------------------------------------------- */

START_TEST(groups_stay_together)
{
    enum { N = 1000 };
    uint32_t group[N], *rows, seen[N] = {0};
    struct random r;
    random_init(&r, 3);
    for (uint32_t i = 0; i < N; i++) {
        group[i] = i * 7 % 90;
    }
    ck_assert_ok(permute_groups(&r, group, NULL, N, &rows, &err), &err);
    uint32_t changes = 0;
    for (uint32_t i = 0; i < N; i++) {
        seen[rows[i]]++;
        changes += i > 0 && group[rows[i]] != group[rows[i - 1]];
    }
    for (uint32_t i = 0; i < N; i++) {
        ck_assert_uint_eq(seen[i], 1);
    }
    ck_assert_uint_eq(changes, 89);
    free(rows);
    ck_assert_ok(permute_blocks(&r, N, 7, &rows, &err), &err);
    memset(seen, 0, sizeof(seen));
    for (uint32_t i = 0; i < N; i++) {
        seen[rows[i]]++;
        ck_assert(i == 0 || rows[i] % 7 == 0 || rows[i] == rows[i - 1] + 1);
    }
    for (uint32_t i = 0; i < N; i++) {
        ck_assert_uint_eq(seen[i], 1);
    }
    free(rows);
}
END_TEST

START_TEST(a_stream_can_be_entered_anywhere)
{
    static const uint64_t places[] = {0, 1, 2, 63, 64, 1000, 12345};
    static const double limits[] = {-1, 0, 1e-300, 0.1, 0.5, 0.8, 0.9999999999999999, 1, 2, NAN};
    enum { N = 200 };
    for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
        struct random walked, skipped;
        struct random hit;
        uint8_t hits[N];
        random_init(&walked, 9);
        skipped = walked;
        for (uint64_t i = 0; i < places[p]; i++) {
            random_next(&walked);
        }
        random_skip(&skipped, places[p]);
        ck_assert_mem_eq(&walked, &skipped, sizeof(walked));
        for (size_t l = 0; l < sizeof(limits) / sizeof(limits[0]); l++) {
            struct random again = walked;
            hit = skipped;
            random_hits(&hit, N, limits[l], hits);
            for (size_t i = 0; i < N; i++) {
                ck_assert_uint_eq(hits[i], random_real(&again) < limits[l]);
            }
            ck_assert_mem_eq(&again, &hit, sizeof(hit));
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dataset");
    TCase *t = tcase_create("dataset");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_role_is_read);
    tcase_add_test(t, column_descriptions);
    tcase_add_loop_test(t, wrong_tables_say_where, 0, (int)(sizeof(refused) / sizeof(refused[0])));
    tcase_add_loop_test(t, threads_read_the_same, 0, 4);
    tcase_add_loop_test(t, threads_name_the_same_line, 0, 2);
    tcase_add_test(t, memory_is_told_from_the_size_of_the_file);
    tcase_add_test(t, splits_are_read);
    tcase_add_test(t, splits_by_time_and_chance);
    tcase_add_test(t, groups_stay_together);
    tcase_add_test(t, a_stream_can_be_entered_anywhere);
    suite_add_tcase(s, t);
    return check_main(s);
}
