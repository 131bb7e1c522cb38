/* Past films in the leaves of a new one: what a table may hold, who is near, in which order. */
#include "tests/unit/demo_bundle.h"

#include "common/forecast/similar.h"

/* The demo's fields and a day. */
static const char schema_text[] =
    "{\"name\":\"demo\",\"version\":1,\"target\":\"entries\",\"fields\":["
    "{\"name\":\"title\",\"type\":\"text\",\"known\":\"before\",\"required\":true,\"length_max\":200,\"example\":"
    "\"A\"," DEMO_WORDS "},"
    "{\"name\":\"release_date\",\"type\":\"date\",\"known\":\"before\",\"required\":true,\"example\":"
    "\"2022-03-02\"," DEMO_WORDS "},"
    "{\"name\":\"budget\",\"type\":\"number\",\"known\":\"before\",\"min\":0,\"exclusive_min\":true,\"example\":"
    "5e6," DEMO_WORDS "},"
    "{\"name\":\"house\",\"type\":\"category\",\"known\":\"before\",\"length_max\":60,\"example\":\"Pathé\"," DEMO_WORDS
    "},"
    "{\"name\":\"minutes\",\"type\":\"integer\",\"known\":\"before\",\"min\":1,\"max\":999,\"example\":90," DEMO_WORDS
    "},"
    "{\"name\":\"screens\",\"type\":\"integer\",\"known\":\"near\",\"min\":1,\"max\":2500,\"example\":412," DEMO_WORDS
    "},"
    "{\"name\":\"entries\",\"type\":\"integer\",\"known\":\"after\",\"min\":0,\"max\":1000000,\"example\":1," DEMO_WORDS
    "}]}";

/* Three trees that ask whether the budget is above 10^5, 10^6, 10^7: leaves tell how large it is. */
static mrc_model *three_trees(void)
{
    mrc_model *m = demo_model(4, 5);
    struct mrc_err err = {0};
    struct arena *a = &m->arena;
    float *borders = ARENA_ARRAY(a, 3, float);
    m->n_trees = m->n_tree_splits = 3;
    m->n_leaf_values = m->n_leaf_weights = 6;
    m->tree_sizes = ARENA_ARRAY(a, 3, uint32_t);
    m->tree_starts = ARENA_ARRAY(a, 3, uint32_t);
    m->tree_splits = ARENA_ARRAY(a, 3, uint32_t);
    m->leaf_values = ARENA_ARRAY(a, 6, double);
    m->leaf_weights = ARENA_ARRAY(a, 6, double);
    for (uint32_t i = 0; i < 3; i++) {
        borders[i] = (float)(5 + i);
        m->tree_sizes[i] = 1;
        m->tree_starts[i] = m->tree_splits[i] = i;
        m->leaf_values[2 * i + 1] = 1;
        m->leaf_weights[2 * i] = m->leaf_weights[2 * i + 1] = 2;
    }
    m->float_features[0].n_borders = 3;
    m->float_features[0].borders = borders;
    ck_assert_ok(model_finish(m, &err), &err);
    return m;
}

static struct demo demo;
static struct bundle *bundle;
static struct arena arena;

static void setup(void)
{
    static const char table[] =
        "{\"format\":1,\"trees\":[0,1,2],"
        "\"titles\":[\"small\",\"middle\",\"large\",\"largest\",\"again\",\"middle too\",\"of the year\",\"to come\"],"
        "\"years\":[2015,2016,2017,2018,2019,2020,2022,2023],"
        "\"leaves\":[\"000000\",\"010000\",\"010100\",\"010101\",\"010100\",\"010000\",\"010100\",\"010100\"]}";
    struct mrc_err err = {0};
    demo_init(&demo);
    mrc_model_free(demo.ahead);
    demo.models[1].model = demo.ahead = three_trees();
    demo.parts.schema = str_of(schema_text);
    struct bundle_file files[] = {demo.files[0], {"tables/similar.json", STR(table)}};
    demo.parts.files = files;
    demo.parts.n_files = 2;
    demo.parts.selftest_rows = STR("[{\"title\":\"A\",\"release_date\":\"2022-03-02\"},"
                                   "{\"title\":\"A\",\"release_date\":\"2022-03-02\",\"screens\":9}]");
    ck_assert_ok(bundle_build(demo.folder, &demo.parts, &err), &err);
    ck_assert_ok(bundle_open(&bundle, demo.folder, &err), &err);
    arena_init(&arena, 0);
}

static void teardown(void)
{
    arena_release(&arena);
    bundle_close(bundle);
    demo_release(&demo);
}

static uint32_t find(const char *json, struct similar_film out[SIMILAR_SHOWN])
{
    struct row row;
    struct row_report report = {0};
    struct mrc_err err = {0};
    struct json_doc *doc;
    uint32_t n;
    ck_assert_ok(json_read(&doc, str_of(json), &json_limits_file, NULL, &err), &err);
    int rc = row_from_json(&row, bundle->schema, json_root(doc), &(struct row_options){false}, &arena, &report, &err);
    ck_assert_msg(rc == MRC_OK && report.n_errors == 0, "the row is wrong");
    ck_assert_ok(similar_find(bundle, &row, &arena, out, &n, &err), &err);
    json_free(doc);
    return n;
}

START_TEST(nearest_first)
{
    struct similar_film s[SIMILAR_SHOWN];
    /* Leaves 01 01 00: three films share all trees, none of them later than the film; of as near ones the later first,
     * then two trees. */
    static const struct {
        const char *title;
        int year;
        uint32_t shared;
    } want[SIMILAR_SHOWN] = {{"of the year", 2022, 3},
                             {"again", 2019, 3},
                             {"large", 2017, 3},
                             {"middle too", 2020, 2},
                             {"largest", 2018, 2}};
    ck_assert_uint_eq(find("{\"title\":\"New\",\"release_date\":\"2022-03-02\",\"budget\":5e6}", s), SIMILAR_SHOWN);
    for (int i = 0; i < SIMILAR_SHOWN; i++) {
        ck_assert_text(s[i].title, want[i].title);
        ck_assert_int_eq(s[i].year, want[i].year);
        ck_assert_uint_eq(s[i].shared, want[i].shared);
    }
}
END_TEST

START_TEST(past_films_of_other_titles)
{
    struct similar_film s[SIMILAR_SHOWN];
    /* A film is not like itself, but like an earlier one of its title. */
    ck_assert_uint_eq(find("{\"title\":\"of the year\",\"release_date\":\"2022-03-02\",\"budget\":5e6}", s), 5);
    ck_assert_text(s[0].title, "again");
    ck_assert_uint_eq(find("{\"title\":\"again\",\"release_date\":\"2022-03-02\",\"budget\":5e6}", s), 5);
    ck_assert_text(s[1].title, "again");
    /* Nothing of the years after it; fewer than five when there are no more. */
    ck_assert_uint_eq(find("{\"title\":\"New\",\"release_date\":\"2016-03-02\",\"budget\":5e6}", s), 2);
    ck_assert_text(s[0].title, "middle");
    ck_assert_uint_eq(find("{\"title\":\"New\",\"release_date\":\"2014-03-05\",\"budget\":5e6}", s), 0);
    /* Without a budget: the leaves of small films. */
    ck_assert_uint_eq(find("{\"title\":\"New\",\"release_date\":\"2022-03-02\"}", s), 5);
    ck_assert_text(s[0].title, "small");
    ck_assert_uint_eq(s[0].shared, 3);
}
END_TEST

START_TEST(bundle_without_table)
{
    struct similar_film s[SIMILAR_SHOWN];
    struct similar *kept = bundle->similar;
    bundle->similar = NULL;
    ck_assert_uint_eq(find("{\"title\":\"New\",\"release_date\":\"2022-03-02\"}", s), 0);
    bundle->similar = kept;
}
END_TEST

#define HEAD "{\"format\":1,\"trees\":[0,2],"
static const struct {
    const char *text, *why;
} wrong[] = {
    {"[]", "must be an object"},
    {"{\"format\":2}", "format"},
    {"{\"format\":1,\"trees\":[]}", "\"trees\" is empty"},
    {"{\"format\":1,\"trees\":[3]}", "trees of the model"},
    {"{\"format\":1,\"trees\":[-1]}", "trees of the model"},
    {"{\"format\":1,\"trees\":[0.5]}", "trees of the model"},
    {HEAD "\"titles\":[\"a\"],\"years\":[],\"leaves\":[\"0000\"]}", "must be as many"},
    {HEAD "\"titles\":[\"a\"],\"years\":[2020],\"leaves\":[\"000\"]}", "film 0 needs"},
    {HEAD "\"titles\":[\"a\"],\"years\":[2020],\"leaves\":[\"000G\"]}", "film 0 needs"},
    {HEAD "\"titles\":[\"a\",\"b\"],\"years\":[2020,10000],\"leaves\":[\"0000\",\"0000\"]}", "film 1 needs"},
    {HEAD "\"titles\":[1],\"years\":[2020],\"leaves\":[\"0000\"]}", "film 0 needs"},
    {HEAD "\"titles\":[],\"years\":[]}", "leaves"},
};

START_TEST(wrong_tables)
{
    struct similar *s;
    struct mrc_err err = {0};
    int rc = similar_read(&s, &arena, str_of(wrong[_i].text), demo.ahead, &err);
    ck_assert_msg(rc == MRC_EFORMAT, "%s is taken", wrong[_i].text);
    ck_assert_msg(strstr(err.msg, wrong[_i].why) != NULL, "%s: %s", wrong[_i].text, err.msg);
}
END_TEST

START_TEST(too_many_trees)
{
    struct similar *s;
    struct mrc_err err = {0};
    struct buf b;
    buf_init(&b, NULL, 1 << 16);
    buf_puts(&b, "{\"format\":1,\"trees\":[0");
    for (int i = 1; i < SIMILAR_TREES_MAX; i++) {
        buf_puts(&b, ",0");
    }
    size_t full = b.n;
    buf_puts(&b, "],\"titles\":[],\"years\":[],\"leaves\":[]}");
    ck_assert_ok(similar_read(&s, &arena, buf_text(&b), demo.ahead, &err), &err);
    ck_assert_uint_eq(s->n_trees, SIMILAR_TREES_MAX);
    b.n = full;
    buf_puts(&b, ",0],\"titles\":[],\"years\":[],\"leaves\":[]}");
    ck_assert_fails(similar_read(&s, &arena, buf_text(&b), demo.ahead, &err), &err, MRC_EFORMAT, "up to 64 trees");
    buf_release(&b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("similar");
    TCase *t = tcase_create("similar");
    tcase_add_unchecked_fixture(t, setup, teardown);
    tcase_add_test(t, nearest_first);
    tcase_add_test(t, past_films_of_other_titles);
    tcase_add_test(t, bundle_without_table);
    tcase_add_loop_test(t, wrong_tables, 0, sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_test(t, too_many_trees);
    suite_add_tcase(s, t);
    return check_main(s);
}
