/* A small version of a forecast for tests: a schema of four fields, a model for known screens and one for weeks ahead,
 * both of one split, built in memory. */
#ifndef MRC_TESTS_DEMO_BUNDLE_H
#define MRC_TESTS_DEMO_BUNDLE_H

#include "tests/unit/check_main.h"

#include "common/base/date.h"
#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/forecast/forecast.h"
#include "common/trees/model.h"

#include <unistd.h>

#define DEMO_WORDS "\"label\":{\"fr\":\"f\",\"en\":\"e\"},\"help\":{\"fr\":\"f\",\"en\":\"e\"}"

static const char demo_schema[] =
    "{\"name\":\"demo\",\"version\":1,\"target\":\"entries\",\"fields\":["
    "{\"name\":\"title\",\"type\":\"text\",\"known\":\"before\",\"required\":true,\"length_max\":200,\"example\":\"L'"
    "été\"," DEMO_WORDS "},"
    "{\"name\":\"budget\",\"type\":\"number\",\"known\":\"before\",\"min\":0,\"exclusive_min\":true,\"example\":"
    "5e6," DEMO_WORDS "},"
    "{\"name\":\"house\",\"type\":\"category\",\"known\":\"before\",\"length_max\":60,\"example\":\"Pathé\"," DEMO_WORDS
    "},"
    "{\"name\":\"minutes\",\"type\":\"integer\",\"known\":\"before\",\"min\":1,\"max\":999,\"example\":90," DEMO_WORDS
    "},"
    "{\"name\":\"screens\",\"type\":\"integer\",\"known\":\"near\",\"min\":1,\"max\":2500,\"example\":412," DEMO_WORDS
    "},"
    "{\"name\":\"entries\",\"type\":\"integer\",\"known\":\"after\",\"min\":0,\"max\":1000000,\"example\":1," DEMO_WORDS
    "}"
    "]}";

/* Flat order: number, category, number. */
static const char demo_features[] =
    "{\"format\":1,\"features\":["
    "{\"name\":\"budget\",\"derive\":\"log10\",\"field\":\"budget\"},"
    "{\"name\":\"house\",\"derive\":\"category\",\"field\":\"house\",\"fold\":true,\"table\":\"houses\"},"
    "{\"name\":\"minutes\",\"derive\":\"copy\",\"field\":\"minutes\"}]}";

static const char demo_table[] = "[\"pathe\",\"ugc\"]";

/* One split: budget (log10) above 6 gives `high`, otherwise (also unknown) `low`. With `last`: a number of that name
 * behind the others, above 4.5, gives `high`. */
static inline mrc_model *demo_model_of(const char *last, double low, double high)
{
    mrc_model *m = model_new(0);
    struct mrc_err err = {0};
    ck_assert_ptr_nonnull(m);
    struct arena *a = &m->arena;
    float *border = ARENA_ARRAY(a, 1, float);
    border[0] = last ? 4.5F : 6;
    m->n_float_features = last ? 3 : 2;
    m->float_features = ARENA_ARRAY(a, 3, struct float_feature);
    m->float_features[0] = (struct float_feature){.index = 0,
                                                  .flat_index = 0,
                                                  .has_nans = true,
                                                  .nan_treatment = NAN_AS_FALSE,
                                                  .name = STR("budget"),
                                                  .n_borders = last ? 0 : 1,
                                                  .borders = border};
    m->float_features[1] = (struct float_feature){.index = 1, .flat_index = 2, .name = STR("minutes")};
    if (last) {
        m->float_features[2] = (struct float_feature){
            .index = 2, .flat_index = 3, .name = str_of(last), .n_borders = 1, .borders = border};
    }
    m->n_cat_features = 1;
    m->cat_features = ARENA_ARRAY(a, 1, struct cat_feature);
    m->cat_features[0] = (struct cat_feature){.index = 0, .flat_index = 1, .name = STR("house")};
    m->n_trees = 1;
    m->n_tree_splits = 1;
    m->tree_sizes = ARENA_ARRAY(a, 1, uint32_t);
    m->tree_starts = ARENA_ARRAY(a, 1, uint32_t);
    m->tree_splits = ARENA_ARRAY(a, 1, uint32_t);
    m->tree_sizes[0] = 1;
    m->n_leaf_values = 2;
    m->leaf_values = ARENA_ARRAY(a, 2, double);
    m->leaf_values[0] = low;
    m->leaf_values[1] = high;
    m->n_leaf_weights = 2;
    m->leaf_weights = ARENA_ARRAY(a, 2, double);
    m->leaf_weights[0] = 3; /* three films in four were small */
    m->leaf_weights[1] = 1;
    ck_assert_ok(model_finish(m, &err), &err);
    return m;
}

static inline mrc_model *demo_model(double low, double high)
{
    return demo_model_of(NULL, low, high);
}

struct demo {
    mrc_model *screens, *ahead;
    struct bundle_part_model models[2];
    struct bundle_file files[1];
    struct bundle_parts parts;
    char root[64];   /* scratch folder */
    char folder[96]; /* root/0001 */
};

static inline void demo_init(struct demo *d)
{
    static const double levels[] = {0.1, 0.5, 0.9};
    static const double wide[] = {-0.5, 0.1, 0.6}, narrow[] = {-0.2, 0, 0.2};
    static const char *const needs[] = {"screens"};
    struct mrc_err err = {0};
    ck_assert_ok(digest_start(&err), &err);
    memset(d, 0, sizeof *d);
    d->screens = demo_model(2, 2.5);
    d->ahead = demo_model(4, 5);
    d->models[0] = (struct bundle_part_model){.name = "screens",
                                              .file = "model_screens.cbm",
                                              .features_file = "features.json",
                                              .features = str_of(demo_features),
                                              .model = d->screens,
                                              .needs = needs,
                                              .n_needs = 1,
                                              .per = "screens",
                                              .levels = levels,
                                              .offsets = narrow,
                                              .n_levels = 3};
    d->models[1] = (struct bundle_part_model){.name = "ahead",
                                              .file = "model.cbm",
                                              .features_file = "features.json",
                                              .features = str_of(demo_features),
                                              .model = d->ahead,
                                              .levels = levels,
                                              .offsets = wide,
                                              .n_levels = 3};
    d->files[0] = (struct bundle_file){"tables/houses.json", str_of(demo_table)};
    d->parts = (struct bundle_parts){
        .name = "demo",
        .version = "0001",
        .created = "2026-11-24T09:30:00.123Z",
        .schema = str_of(demo_schema),
        .models = d->models,
        .n_models = 2,
        .metrics = STR("{\"rmse\":0.4}"),
        .seed = 7,
        .data_digest = "00",
        .rows_train = 12,
        .histories_as_of = date_from_civil(2022, 12, 28),
        .files = d->files,
        .n_files = 1,
    };
    const char *tmp = getenv("TMPDIR");
    snprintf(d->root, sizeof d->root, "%.40s/mrc_bundle_XXXXXX", tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(d->root));
    snprintf(d->folder, sizeof d->folder, "%s/0001", d->root);
}

static inline void demo_release(struct demo *d)
{
    struct mrc_err err = {0};
    ck_assert_ok(folder_remove(d->root, &err), &err);
    mrc_model_free(d->screens);
    mrc_model_free(d->ahead);
}

#endif
