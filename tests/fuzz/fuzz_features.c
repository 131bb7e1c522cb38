/* Fuzz a feature list against a small schema: what is accepted computes every row and survives learning. */
#include "common/forecast/features.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS "\"label\":{\"fr\":\"f\",\"en\":\"e\"},\"help\":{\"fr\":\"f\",\"en\":\"e\"}"

static const char schema_text[] =
    "{\"name\":\"fuzz\",\"version\":1,\"target\":\"y\",\"fields\":["
    "{\"name\":\"t\",\"type\":\"text\",\"known\":\"before\",\"length_max\":20,\"example\":\"t\"," WORDS "},"
    "{\"name\":\"o\",\"type\":\"text\",\"known\":\"before\",\"length_max\":20,\"example\":\"t\"," WORDS "},"
    "{\"name\":\"d\",\"type\":\"date\",\"known\":\"before\",\"example\":\"2026-11-25\"," WORDS "},"
    "{\"name\":\"l\",\"type\":\"list\",\"known\":\"before\",\"length_max\":8,\"items_max\":3,"
    "\"values\":[{\"value\":\"Drame\"},{\"value\":\"Action\"}],\"example\":[\"Drame\"]," WORDS "},"
    "{\"name\":\"n\",\"type\":\"number\",\"known\":\"before\",\"example\":2.5," WORDS "},"
    "{\"name\":\"i\",\"type\":\"integer\",\"known\":\"near\",\"min\":-9,\"max\":400,\"example\":90," WORDS "},"
    "{\"name\":\"c\",\"type\":\"category\",\"known\":\"near\",\"length_max\":9,\"closed\":true,"
    "\"values\":[{\"value\":\"EUR\"},{\"value\":\"USD\"}],\"example\":\"EUR\"," WORDS "},"
    "{\"name\":\"y\",\"type\":\"integer\",\"known\":\"after\",\"min\":0,\"max\":1000,\"example\":1," WORDS "}]}";

static const char *const films[] = {
    "{}",
    "{\"t\":\"Rocky IV: 2\",\"o\":\"rocky iv 2\",\"d\":\"2020-12-31\",\"l\":[\"drame\",\"x\"],\"n\":-1,\"c\":\"usd\"}",
    "{\"t\":\" \",\"d\":\"0001-01-01\",\"l\":[\"Action\"],\"n\":1e308,\"i\":400,\"c\":\"EUR\"}",
};
enum { FILMS = sizeof films / sizeof films[0] };

static struct str table(const char *name, void *arg)
{
    (void)arg;
    return name[0] == 't' ? STR("[\"a\",\"Drame\"]") : STR("");
}

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void compute_all(const struct features *f, const struct row *rows, struct arena *a)
{
    float *floats = ARENA_ARRAY(a, features_floats(f), float);
    struct mrc_str *cats = ARENA_ARRAY(a, features_cats(f), struct mrc_str);
    check(floats && cats && features_floats(f) + features_cats(f) == features_count(f));
    for (int i = 0; i < FILMS; i++) {
        struct row_report report = {0};
        check(features_compute(f, &rows[i], a, floats, cats, &report, NULL) == MRC_OK);
        for (uint32_t k = 0; k < features_cats(f); k++) {
            check(cats[k].p != NULL);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schema *s;
    struct arena a;
    struct row rows[FILMS];
    struct features *f;
    struct buf learnt;
    struct str text = {(const char *)data, size};
    check(schema_read(&s, STR(schema_text), NULL) == MRC_OK);
    arena_init(&a, 0);
    for (int i = 0; i < FILMS; i++) {
        struct json_doc *doc;
        struct row_report report;
        check(json_read(&doc, str_of(films[i]), &json_limits_file, NULL, NULL) == MRC_OK);
        check(row_from_json(&rows[i], s, json_root(doc), &(struct row_options){true}, &a, &report, NULL) == MRC_OK);
        check(report.n_errors == 0);
        json_free(doc);
    }
    if (features_read(&f, s, text, table, NULL, NULL) == MRC_OK) {
        compute_all(f, rows, &a);
        features_free(f);
    }
    buf_init(&learnt, &a, 1 << 24);
    if (features_learn(s, text, rows, FILMS, &learnt, NULL) == MRC_OK &&
        features_read(&f, s, buf_text(&learnt), table, NULL, NULL) == MRC_OK) {
        compute_all(f, rows, &a);
        features_free(f);
    }
    arena_release(&a);
    schema_free(s);
    return 0;
}
