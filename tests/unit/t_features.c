/* Derivations one by one, what features.json is refused for, and learning of vocabularies. */
#include "tests/unit/check_main.h"

#include "common/forecast/features.h"

#include <math.h>

#define WORDS "\"label\":{\"fr\":\"f\",\"en\":\"e\"},\"help\":{\"fr\":\"f\",\"en\":\"e\"}"

static const char schema_text[] =
    "{\"name\":\"demo\",\"version\":1,\"target\":\"y\",\"fields\":["
    "{\"name\":\"title\",\"type\":\"text\",\"known\":\"before\",\"length_max\":200,\"example\":\"t\"," WORDS "},"
    "{\"name\":\"original\",\"type\":\"text\",\"known\":\"before\",\"length_max\":200,\"example\":\"t\"," WORDS "},"
    "{\"name\":\"day\",\"type\":\"date\",\"known\":\"before\",\"example\":\"2026-11-25\"," WORDS "},"
    "{\"name\":\"kinds\",\"type\":\"list\",\"known\":\"before\",\"length_max\":20,\"items_max\":3,"
    "\"values\":[{\"value\":\"Drame\",\"aliases\":[\"drama\"]},{\"value\":\"Action\"},{\"value\":\"Aventure\"}],"
    "\"example\":[\"Drame\"]," WORDS "},"
    "{\"name\":\"money\",\"type\":\"number\",\"known\":\"before\",\"example\":2.5," WORDS "},"
    "{\"name\":\"currency\",\"type\":\"category\",\"known\":\"before\",\"length_max\":3,\"closed\":true,"
    "\"values\":[{\"value\":\"EUR\"},{\"value\":\"USD\"}],\"example\":\"USD\",\"absent\":\"EUR\"," WORDS "},"
    "{\"name\":\"size\",\"type\":\"integer\",\"known\":\"near\",\"min\":0,\"max\":400,\"example\":90," WORDS "},"
    "{\"name\":\"house\",\"type\":\"category\",\"known\":\"before\",\"length_max\":60,\"example\":\"h\"," WORDS "},"
    "{\"name\":\"y\",\"type\":\"integer\",\"known\":\"after\",\"min\":0,\"max\":1000,\"example\":1," WORDS "}"
    "]}";

static struct schema *schema;
static struct arena arena;

static void setup(void)
{
    struct mrc_err err = {0};
    ck_assert_ok(schema_read(&schema, str_of(schema_text), &err), &err);
    arena_init(&arena, 0);
}

static void teardown(void)
{
    arena_release(&arena);
    schema_free(schema);
}

static struct row read_row(const char *json)
{
    struct mrc_err err = {0};
    struct json_doc *doc;
    struct row row;
    struct row_report report;
    ck_assert_ok(json_read(&doc, str_of(json), &json_limits_file, NULL, &err), &err);
    ck_assert_ok(row_from_json(&row, schema, json_root(doc), &(struct row_options){true}, &arena, &report, &err), &err);
    ck_assert_msg(report.n_errors == 0, "%s: %s", json, report.n_errors ? report.errors[0].message.p : "");
    json_free(doc);
    return row;
}

static struct str one_feature(const char *feature)
{
    struct buf b;
    buf_init(&b, &arena, 1 << 16);
    buf_printf(&b, "{\"format\":1,\"features\":[{\"name\":\"x\",%s}]}", feature);
    return buf_text(&b);
}

static const struct {
    const char *feature, *row;
    double expected;
} numbers[] = {
    {"\"derive\":\"copy\",\"field\":\"size\"", "{\"size\":112}", 112},
    {"\"derive\":\"copy\",\"field\":\"size\"", "{}", NAN},
    {"\"derive\":\"copy\",\"field\":\"size\",\"absent\":-1", "{}", -1},
    {"\"derive\":\"log1p\",\"field\":\"size\"", "{\"size\":0}", 0},
    {"\"derive\":\"log1p\",\"field\":\"money\"", "{\"money\":1.5}", 0.9162907318741551},
    {"\"derive\":\"log1p\",\"field\":\"money\"", "{\"money\":-1}", NAN},
    {"\"derive\":\"log10\",\"field\":\"size\"", "{\"size\":100}", 2},
    {"\"derive\":\"log10\",\"field\":\"size\"", "{\"size\":0}", NAN},
    {"\"derive\":\"log10_euros\",\"field\":\"money\",\"currency\":\"currency\",\"usd\":0.88,\"least\":1000",
     "{\"money\":1000000}", 6},
    {"\"derive\":\"log10_euros\",\"field\":\"money\",\"currency\":\"currency\",\"usd\":0.88,\"least\":1000",
     "{\"money\":1000000,\"currency\":\"USD\"}", 5.944482672150168},
    {"\"derive\":\"log10_euros\",\"field\":\"money\",\"currency\":\"currency\",\"usd\":0.88,\"least\":1000",
     "{\"money\":999.9}", NAN},
    {"\"derive\":\"log10_euros\",\"field\":\"money\",\"currency\":\"currency\",\"usd\":0.88,\"least\":1000",
     "{\"money\":1000}", 3},
    {"\"derive\":\"year\",\"field\":\"day\"", "{\"day\":\"2020-12-31\"}", 2020 + 365 / 365.25},
    {"\"derive\":\"iso_week\",\"field\":\"day\"", "{\"day\":\"2021-01-03\"}", 53},
    {"\"derive\":\"month\",\"field\":\"day\"", "{\"day\":\"2021-01-03\"}", 1},
    {"\"derive\":\"day_of_year\",\"field\":\"day\"", "{\"day\":\"2020-12-31\"}", 366},
    {"\"derive\":\"day_of_year\",\"field\":\"day\"", "{}", NAN},
    {"\"derive\":\"count\",\"field\":\"kinds\"", "{\"kinds\":[\"Drame\",\"Western\"]}", 2},
    {"\"derive\":\"count\",\"field\":\"kinds\"", "{\"kinds\":[]}", NAN},
    {"\"derive\":\"contains\",\"field\":\"kinds\",\"any\":[\"Action\",\"Western\"]", "{\"kinds\":[\"x\",\"Western\"]}",
     1},
    {"\"derive\":\"contains\",\"field\":\"kinds\",\"any\":[\"Action\",\"Western\"]", "{\"kinds\":[\"drama\"]}", 0},
    {"\"derive\":\"contains\",\"field\":\"kinds\",\"any\":[\"Action\"],\"absent\":0", "{}", 0},
    {"\"derive\":\"contains\",\"field\":\"kinds\",\"item\":0,\"any\":[\"Action\"]", "{\"kinds\":[\"Action\",\"x\"]}",
     1},
    {"\"derive\":\"contains\",\"field\":\"kinds\",\"item\":0,\"any\":[\"Action\"]", "{\"kinds\":[\"x\",\"Action\"]}",
     0},
    {"\"derive\":\"contains\",\"field\":\"kinds\",\"item\":2,\"any\":[\"Action\"]", "{\"kinds\":[\"x\",\"Action\"]}",
     0},
    {"\"derive\":\"contains\",\"field\":\"currency\",\"any\":[\"USD\"]", "{\"currency\":\"usd\"}", 1},
    {"\"derive\":\"missing\",\"field\":\"kinds\"", "{}", 1},
    {"\"derive\":\"missing\",\"field\":\"title\"", "{\"title\":\"x\"}", 0},
    {"\"derive\":\"number_of\",\"field\":\"currency\",\"map\":{\"USD\":2,\"EUR\":1.5}", "{\"currency\":\"USD\"}", 2},
    {"\"derive\":\"number_of\",\"field\":\"currency\",\"map\":{\"EUR\":1.5}", "{\"currency\":\"USD\"}", NAN},
    {"\"derive\":\"number_of\",\"field\":\"currency\",\"map\":{}", "{\"currency\":\"USD\"}", NAN},
    {"\"derive\":\"length\",\"field\":\"title\"", "{\"title\":\"été à 3\"}", 7},
    {"\"derive\":\"words\",\"field\":\"title\"", "{\"title\":\" L'été -- à 3 !\"}", 4},
    {"\"derive\":\"words\",\"field\":\"title\"", "{\"title\":\"中国\"}", 0},
    {"\"derive\":\"has_digit\",\"field\":\"title\"", "{\"title\":\"Se7en\"}", 1},
    {"\"derive\":\"has_digit\",\"field\":\"title\"", "{\"title\":\"Seven\"}", 0},
    {"\"derive\":\"has_numeral\",\"field\":\"title\"", "{\"title\":\"Rocky IV\"}", 1},
    {"\"derive\":\"has_numeral\",\"field\":\"title\"", "{\"title\":\"Taxi 2\"}", 1},
    {"\"derive\":\"has_numeral\",\"field\":\"title\"", "{\"title\":\"Malcolm X\"}", 0},
    {"\"derive\":\"has_numeral\",\"field\":\"title\"", "{\"title\":\"2 jours à Paris\"}", 0},
    {"\"derive\":\"has_numeral\",\"field\":\"title\"", "{\"title\":\"Blade Runner 2049\"}", 0},
    {"\"derive\":\"has_text\",\"field\":\"title\",\"text\":\": \"", "{\"title\":\"Star Wars: I\"}", 1},
    {"\"derive\":\"has_text\",\"field\":\"title\",\"text\":\": \"", "{\"title\":\"a:\"}", 0},
    {"\"derive\":\"same_text\",\"field\":\"title\",\"other\":\"original\"", "{\"title\":\"Été\",\"original\":\"ete!\"}",
     1},
    {"\"derive\":\"same_text\",\"field\":\"title\",\"other\":\"original\"", "{\"title\":\"Été\",\"original\":\"x\"}",
     0},
    {"\"derive\":\"same_text\",\"field\":\"title\",\"other\":\"original\"", "{\"title\":\"Été\"}", NAN},
    {"\"derive\":\"public_holidays\",\"field\":\"day\",\"days\":7", "{\"day\":\"2026-05-01\"}", 1},
    {"\"derive\":\"public_holidays\",\"field\":\"day\",\"days\":8", "{\"day\":\"2026-05-01\"}", 2},
    {"\"derive\":\"public_holidays\",\"field\":\"day\",\"days\":7,\"from\":-7", "{\"day\":\"2026-05-01\"}", 0},
    {"\"derive\":\"public_holidays\",\"field\":\"day\",\"days\":7", "{}", NAN},
    /* Tables and weeks that are not there: unknown. */
    {"\"derive\":\"school_holidays\",\"field\":\"day\",\"days\":7,\"zones\":\"A\"", "{\"day\":\"2026-05-01\"}", NAN},
    {"\"derive\":\"period\",\"field\":\"day\",\"table\":\"covid\"", "{\"day\":\"2020-05-01\"}", NAN},
    {"\"derive\":\"months_sum\",\"field\":\"day\",\"table\":\"t\",\"months\":3", "{\"day\":\"2020-05-01\"}", NAN},
    {"\"derive\":\"history\",\"field\":\"house\",\"of\":\"distributor\",\"stat\":\"mean\"", "{\"house\":\"a\"}", NAN},
    {"\"derive\":\"rivals\",\"field\":\"day\",\"stat\":\"count\"", "{\"day\":\"2026-05-01\"}", NAN},
};

START_TEST(number)
{
    struct mrc_err err = {0};
    struct features *f;
    float x = -77;
    ck_assert_ok(features_read(&f, schema, one_feature(numbers[_i].feature), NULL, NULL, &err), &err);
    ck_assert_uint_eq(features_count(f), 1);
    ck_assert_uint_eq(features_floats(f), 1);
    ck_assert_uint_eq(features_cats(f), 0);
    struct row row = read_row(numbers[_i].row);
    ck_assert_ok(features_compute(f, &row, &arena, &x, NULL, NULL, &err), &err);
    double expected = numbers[_i].expected;
    ck_assert_msg((isnan(x) && isnan(expected)) || fabs(x - expected) <= 1e-6 * fmax(1, fabs(expected)),
                  "%s of %s: %.9g, expected %.9g", numbers[_i].feature, numbers[_i].row, (double)x, expected);
    features_free(f);
}
END_TEST

static const struct {
    const char *feature, *row, *expected;
    bool unseen;
} categories[] = {
    {"\"derive\":\"category\",\"field\":\"house\"", "{\"house\":\"Pathé\"}", "Pathé", false},
    {"\"derive\":\"category\",\"field\":\"house\"", "{}", "", false},
    {"\"derive\":\"category\",\"field\":\"house\",\"fold\":true", "{\"house\":\"Pathé!\"}", "pathe", false},
    {"\"derive\":\"category\",\"field\":\"house\",\"fold\":true,\"values\":[\"pathe\",\"gaumont\"]",
     "{\"house\":\"PATHE\"}", "pathe", false},
    {"\"derive\":\"category\",\"field\":\"house\",\"fold\":true,\"values\":[\"pathe\",\"gaumont\"]",
     "{\"house\":\"UGC\"}", "", true},
    {"\"derive\":\"category\",\"field\":\"house\",\"values\":[],\"unseen\":\"?\"", "{\"house\":\"UGC\"}", "?", true},
    {"\"derive\":\"category\",\"field\":\"house\",\"values\":[],\"unseen\":\"?\"", "{}", "", false},
    {"\"derive\":\"category\",\"field\":\"house\",\"table\":\"houses\"", "{\"house\":\"UGC\"}", "UGC", false},
    {"\"derive\":\"category\",\"field\":\"house\",\"table\":\"houses\"", "{\"house\":\"MK2\"}", "", true},
    {"\"derive\":\"item\",\"field\":\"kinds\"", "{\"kinds\":[\"drama\",\"x\"]}", "Drame", false},
    {"\"derive\":\"item\",\"field\":\"kinds\",\"item\":1", "{\"kinds\":[\"drama\",\"x\"]}", "x", false},
    {"\"derive\":\"item\",\"field\":\"kinds\",\"item\":2", "{\"kinds\":[\"drama\",\"x\"]}", "", false},
    {"\"derive\":\"item\",\"field\":\"kinds\",\"item\":2,\"values\":[\"a\"]", "{\"kinds\":[\"drama\",\"x\"]}", "",
     false},
    {"\"derive\":\"item\",\"field\":\"kinds\",\"names\":{\"Action\":\"Aventure - Action\",\"Aventure\":\"Aventure - "
     "Action\"},"
     "\"values\":[\"Aventure - Action\"]",
     "{\"kinds\":[\"aventure\"]}", "Aventure - Action", false},
};

static struct str houses(const char *name, void *arg)
{
    (void)arg;
    return strcmp(name, "houses") == 0 ? STR("[\"UGC\",\"Diaphana\"]") : STR("");
}

START_TEST(category)
{
    struct mrc_err err = {0};
    struct features *f;
    struct mrc_str x;
    struct row_report report = {0};
    ck_assert_ok(features_read(&f, schema, one_feature(categories[_i].feature), houses, NULL, &err), &err);
    ck_assert_uint_eq(features_cats(f), 1);
    struct row row = read_row(categories[_i].row);
    ck_assert_ok(features_compute(f, &row, &arena, NULL, &x, &report, &err), &err);
    struct str text = {x.p, x.n};
    ck_assert_text(text, categories[_i].expected);
    ck_assert_uint_eq(report.n_warnings, categories[_i].unseen);
    if (categories[_i].unseen) {
        ck_assert_str_eq(report.warnings[0].code, "unseen_value");
        ck_assert_text(report.warnings[0].field, "house");
    }
    ck_assert_ok(features_compute(f, &row, &arena, NULL, &x, NULL, &err), &err);
    features_free(f);
}
END_TEST

static const struct {
    const char *feature, *why;
    int status;
} refused[] = {
    {"\"field\":\"size\"", "derive", MRC_EFORMAT},
    {"\"derive\":\"cube\",\"field\":\"size\"", "feature \"x\": there is no derivation \"cube\"", MRC_EUNSUPPORTED},
    {"\"derive\":\"copy\"", "field", MRC_EFORMAT},
    {"\"derive\":\"copy\",\"field\":\"weight\"", "no field \"weight\"", MRC_EFORMAT},
    {"\"derive\":\"copy\",\"field\":\"y\"", "known only after release", MRC_EFORMAT},
    {"\"derive\":\"copy\",\"field\":\"title\"", "\"title\" is of type text", MRC_EFORMAT},
    {"\"derive\":\"copy\",\"field\":\"size\",\"item\":1", "copy takes no \"item\"", MRC_EFORMAT},
    {"\"derive\":\"copy\",\"field\":\"size\",\"absent\":\"0\"", "absent", MRC_EFORMAT},
    {"\"derive\":\"contains\",\"field\":\"kinds\"", "\"any\" must be a list", MRC_EFORMAT},
    {"\"derive\":\"contains\",\"field\":\"kinds\",\"any\":[3]", "item 1 is a number", MRC_EFORMAT},
    {"\"derive\":\"contains\",\"field\":\"kinds\",\"any\":[\"a\",\"a\"]", "stands twice", MRC_EFORMAT},
    {"\"derive\":\"contains\",\"field\":\"kinds\",\"any\":[\"drama\"]", "not how \"kinds\" writes", MRC_EFORMAT},
    {"\"derive\":\"contains\",\"field\":\"currency\",\"any\":[\"GBP\"]", "not how \"currency\" writes", MRC_EFORMAT},
    {"\"derive\":\"number_of\",\"field\":\"currency\",\"map\":{\"USD\":\"2\"}", "no number", MRC_EFORMAT},
    {"\"derive\":\"log10_euros\",\"field\":\"money\",\"currency\":\"currency\",\"usd\":0", "above 0", MRC_EFORMAT},
    {"\"derive\":\"log10_euros\",\"field\":\"money\",\"currency\":\"title\",\"usd\":1", "is of type text", MRC_EFORMAT},
    {"\"derive\":\"has_text\",\"field\":\"title\",\"text\":\"\"", "empty", MRC_EFORMAT},
    {"\"derive\":\"same_text\",\"field\":\"title\",\"other\":\"size\"", "is of type integer", MRC_EFORMAT},
    {"\"derive\":\"item\",\"field\":\"kinds\",\"item\":-1", "item", MRC_EFORMAT},
    {"\"derive\":\"category\",\"field\":\"house\",\"min_count\":3", "have not been learnt", MRC_EFORMAT},
    {"\"derive\":\"category\",\"field\":\"house\",\"table\":\"homes\"", "no table \"homes\"", MRC_EFORMAT},
    {"\"derive\":\"category\",\"field\":\"house\",\"table\":\"houses\",\"values\":[]", "exclude each other",
     MRC_EFORMAT},
    {"\"derive\":\"category\",\"field\":\"house\",\"fold\":1", "true or false", MRC_EFORMAT},
    {"\"derive\":\"school_holidays\",\"field\":\"day\",\"days\":7", "zones", MRC_EFORMAT},
    {"\"derive\":\"school_holidays\",\"field\":\"day\",\"days\":7,\"zones\":\"AA\"", "A to H", MRC_EFORMAT},
    {"\"derive\":\"school_holidays\",\"field\":\"day\",\"zones\":\"A\"", "days", MRC_EFORMAT},
    {"\"derive\":\"public_holidays\",\"field\":\"day\",\"days\":0", "days", MRC_EFORMAT},
    {"\"derive\":\"public_holidays\",\"field\":\"day\",\"days\":7,\"from\":-367", "from", MRC_EFORMAT},
    {"\"derive\":\"public_holidays\",\"field\":\"title\",\"days\":7", "is of type text", MRC_EFORMAT},
    {"\"derive\":\"period\",\"field\":\"day\",\"table\":\"\"", "empty", MRC_EFORMAT},
    {"\"derive\":\"months_sum\",\"field\":\"day\",\"table\":\"t\"", "months", MRC_EFORMAT},
    {"\"derive\":\"months_change\",\"field\":\"day\",\"months\":3", "table", MRC_EFORMAT},
    {"\"derive\":\"history\",\"field\":\"house\",\"of\":\"dog\",\"stat\":\"mean\"", "\"mean\" of \"dog\"",
     MRC_EUNSUPPORTED},
    {"\"derive\":\"history\",\"field\":\"house\",\"of\":\"distributor\",\"stat\":\"smell\"", "\"smell\"", MRC_EFORMAT},
    {"\"derive\":\"history\",\"field\":\"house\",\"of\":\"country\",\"stat\":\"median\"", "\"median\" of \"country\"",
     MRC_EFORMAT},
    {"\"derive\":\"history\",\"field\":\"house\",\"of\":\"country\"", "stat", MRC_EFORMAT},
    {"\"derive\":\"rivals\",\"field\":\"day\",\"stat\":\"count\",\"week\":2", "week", MRC_EFORMAT},
    {"\"derive\":\"rivals\",\"field\":\"day\",\"stat\":\"smell\"", "smell", MRC_EFORMAT},
};

START_TEST(refuses)
{
    struct mrc_err err = {0};
    struct features *f = NULL;
    int rc = features_read(&f, schema, one_feature(refused[_i].feature), houses, NULL, &err);
    ck_assert_fails(rc, &err, refused[_i].status, refused[_i].why);
    ck_assert_ptr_null(f);
    ck_assert_int_eq(features_read(&f, schema, one_feature(refused[_i].feature), NULL, NULL, NULL), refused[_i].status);
}
END_TEST

START_TEST(refuses_the_whole)
{
    static const struct {
        const char *json, *why;
    } cases[] = {
        {"3", "is an object"},
        {"{\"format\":2,\"features\":[]}", "format"},
        {"{\"format\":1,\"features\":[]}", "0 features"},
        {"{\"format\":1,\"features\":[3]}", "feature 1 is a number"},
        {"{\"format\":1,\"features\":[{\"name\":\"\"}]}", "feature 1"},
        {"{\"format\":1,\"features\":[{\"name\":\"a\",\"derive\":\"copy\",\"field\":\"size\"}],\"more\":1}",
         "nothing else"},
        {"{\"format\":1,\"features\":[{\"name\":\"a\",\"derive\":\"copy\",\"field\":\"size\"},"
         "{\"name\":\"a\",\"derive\":\"copy\",\"field\":\"size\"}]}",
         "\"a\" stands twice"},
    };
    struct mrc_err err = {0};
    struct features *f;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_fails(features_read(&f, schema, str_of(cases[i].json), NULL, NULL, &err), &err, MRC_EFORMAT,
                        cases[i].why);
    }
}
END_TEST

START_TEST(order_and_owners)
{
    static const char json[] =
        "{\"format\":1,\"features\":[{\"name\":\"a\",\"derive\":\"category\",\"field\":\"house\"},"
        "{\"name\":\"b\",\"derive\":\"copy\",\"field\":\"size\"},"
        "{\"name\":\"c\",\"derive\":\"item\",\"field\":\"kinds\"},{\"name\":\"d\",\"derive\":\"month\",\"field\":"
        "\"day\"}]}";
    struct mrc_err err = {0};
    struct features *f;
    float floats[2];
    struct mrc_str cats[2];
    ck_assert_ok(features_read(&f, schema, str_of(json), NULL, NULL, &err), &err);
    ck_assert(str_is(features_source(f), json));
    struct row row = read_row("{\"house\":\"h\",\"size\":7,\"kinds\":[\"Action\"],\"day\":\"2026-11-25\"}");
    ck_assert_ok(features_compute(f, &row, &arena, floats, cats, NULL, &err), &err);
    ck_assert_float_eq(floats[0], 7);
    ck_assert_float_eq(floats[1], 11);
    ck_assert_int_eq(cats[0].p[0], 'h');
    ck_assert_int_eq(cats[1].p[0], 'A');
    ck_assert_int_eq(features_at(f, 2)->owner, schema_find(schema, STR("kinds")));
    ck_assert(features_at(f, 2)->categorical && !features_at(f, 3)->categorical);
    ck_assert_text(features_at(f, 3)->name, "d");
    struct schema *other;
    ck_assert_ok(schema_read(&other, str_of(schema_text), &err), &err);
    row.schema = other;
    ck_assert_fails(features_compute(f, &row, &arena, floats, cats, NULL, &err), &err, MRC_EINVAL, "another schema");
    schema_free(other);
    features_free(f);
}
END_TEST

START_TEST(learns_vocabularies)
{
    static const char json[] =
        "{\"format\":1,\"features\":["
        "{\"name\":\"house\",\"derive\":\"category\",\"field\":\"house\",\"fold\":true,\"min_count\":2},"
        "{\"name\":\"kept\",\"derive\":\"category\",\"field\":\"house\",\"min_count\":2,\"values\":[\"z\"]},"
        "{\"name\":\"kind\",\"derive\":\"item\",\"field\":\"kinds\",\"min_count\":3,\"names\":{\"Aventure\":\"Action\"}"
        "},"
        "{\"name\":\"tabled\",\"derive\":\"category\",\"field\":\"house\",\"min_count\":2,\"table\":\"houses\"}]}";
    static const char *const films[] = {
        "{\"house\":\"UGC\",\"kinds\":[\"Action\"]}",  "{\"house\":\"Pathé\",\"kinds\":[\"Aventure\",\"Drame\"]}",
        "{\"house\":\"PATHE\",\"kinds\":[\"Drame\"]}", "{\"house\":\"ugc \",\"kinds\":[\"Action\"]}",
        "{\"house\":\"Once\",\"kinds\":[\"Drame\"]}",  "{}",
    };
    struct mrc_err err = {0};
    struct row rows[6];
    struct buf learnt, again;
    struct features *f;
    for (int i = 0; i < 6; i++) {
        rows[i] = read_row(films[i]);
    }
    buf_init(&learnt, &arena, 1 << 20);
    ck_assert_ok(features_learn(schema, str_of(json), rows, 6, &learnt, &err), &err);
    struct json_doc *doc;
    ck_assert_ok(json_read(&doc, buf_text(&learnt), &json_limits_file, NULL, &err), &err);
    static const char *const expected[] = {"[\"pathe\",\"ugc\"]", "[\"z\"]", "[\"Action\"]", "null"};
    const struct json *feature = json_first(json_find(json_root(doc), "features"));
    for (int i = 0; i < 4; i++, feature = json_next(feature)) {
        struct buf b;
        struct json_out w;
        buf_init(&b, &arena, 1 << 10);
        json_out_init(&w, &b);
        json_put_value(&w, json_find(feature, "values"));
        ck_assert_str_eq(buf_text(&b).p, expected[i]);
    }
    json_free(doc);
    ck_assert_ok(features_read(&f, schema, buf_text(&learnt), houses, NULL, &err), &err);
    features_free(f);
    buf_init(&again, &arena, 1 << 20);
    ck_assert_ok(features_learn(schema, buf_text(&learnt), rows, 3, &again, &err), &err);
    ck_assert(str_eq(buf_text(&learnt), buf_text(&again)));
    buf_init(&again, &arena, 10);
    ck_assert_int_eq(features_learn(schema, str_of(json), rows, 6, &again, &err), MRC_ELIMIT);
}
END_TEST

/* The lists that ship fit the schema that ships. */
START_TEST(shipped_lists)
{
    static const struct {
        const char *path;
        unsigned needs;
    } lists[] = {
        {"data/features.json", 0},
        {"data/features_screens.json", 0},
        {"data/features_recipe.json", NEEDS_CALENDAR | NEEDS_HISTORY | NEEDS_FULL_HISTORY | NEEDS_RIVALS},
        {"data/features_recipe_screens.json", NEEDS_CALENDAR | NEEDS_HISTORY | NEEDS_FULL_HISTORY | NEEDS_RIVALS},
        {"data/features_private.json", NEEDS_CALENDAR | NEEDS_HISTORY | NEEDS_FULL_HISTORY},
        {"data/features_private_screens.json", NEEDS_CALENDAR | NEEDS_HISTORY | NEEDS_FULL_HISTORY},
        {"data/features_published.json", NEEDS_CALENDAR | NEEDS_HISTORY},
        {"data/features_published_screens.json", NEEDS_CALENDAR | NEEDS_HISTORY},
    };
    struct mrc_err err = {0};
    char *text = malloc(1 << 20);
    ck_assert_ptr_nonnull(text);
    FILE *file = fopen("data/schema.json", "rb");
    if (!file) {
        printf("SKIP: data/features.json: not run from the top of the checkout\n");
        free(text);
        return;
    }
    struct schema *s;
    ck_assert_ok(schema_read(&s, (struct str){text, fread(text, 1, 1 << 20, file)}, &err), &err);
    fclose(file);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct buf learnt;
        struct features *f;
        file = fopen(lists[i].path, "rb");
        ck_assert_ptr_nonnull(file);
        size_t n = fread(text, 1, 1 << 20, file);
        fclose(file);
        buf_init(&learnt, &arena, 1 << 20);
        ck_assert_ok(features_learn(s, (struct str){text, n}, NULL, 0, &learnt, &err), &err);
        ck_assert_ok(features_read(&f, s, buf_text(&learnt), NULL, NULL, &err), &err);
        ck_assert_uint_gt(features_count(f), 10);
        ck_assert_msg(features_needs(f) == lists[i].needs, "%s needs %x", lists[i].path, features_needs(f));
        struct features_context none = FEATURES_CONTEXT_NONE;
        if (lists[i].needs) {
            ck_assert_fails(features_bind(f, &none, &err), &err, MRC_EFORMAT, "needs a calendar");
        } else {
            ck_assert_ok(features_bind(f, &none, &err), &err);
        }
        features_free(f);
    }
    schema_free(s);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("features");
    TCase *c = tcase_create("features");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, number, 0, (int)(sizeof numbers / sizeof numbers[0]));
    tcase_add_loop_test(c, category, 0, (int)(sizeof categories / sizeof categories[0]));
    tcase_add_loop_test(c, refuses, 0, (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(c, refuses_the_whole);
    tcase_add_test(c, order_and_owners);
    tcase_add_test(c, learns_vocabularies);
    tcase_add_test(c, shipped_lists);
    suite_add_tcase(suite, c);
    return check_main(suite);
}
