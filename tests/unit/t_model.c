/* Models as objects and files: what is refused and how it is said, what survives writing, and damaged files. */
#include "tests/unit/small_model.h"

#include "common/base/file.h"

#include <float.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- invariants -------------------------------------------------------------------------------------------------- */

typedef void breaker(struct small_model *s);

static void nan_border(struct small_model *s)
{
    s->b_borders[1] = NAN;
}
static void unsorted_borders(struct small_model *s)
{
    s->a_borders[1] = 0.25f;
}
static void equal_borders(struct small_model *s)
{
    s->ctr_borders[1] = 0.3f;
}
static void float_order(struct small_model *s)
{
    s->floats[1].index = 0;
}
static void flat_order(struct small_model *s)
{
    s->floats[0].flat_index = 5;
}
static void negative_index(struct small_model *s)
{
    s->floats[0].index = -1;
}
static void huge_flat(struct small_model *s)
{
    s->floats[1].flat_index = INT32_MAX;
}
static void shared_flat(struct small_model *s)
{
    s->cats[0].flat_index = 2;
}
static void one_hot_of_nothing(struct small_model *s)
{
    s->one_hots[0].cat_index = 3;
}
static void value_twice(struct small_model *s)
{
    s->values[1] = -5;
}
static void no_such_cat(struct small_model *s)
{
    s->projection_cats[0] = 9;
}
static void unused_cat(struct small_model *s)
{
    s->cats[0].used_in_model = false;
}
static void foreign_border(struct small_model *s)
{
    s->projection_floats[0].border = 1.25f;
}
static void no_such_float(struct small_model *s)
{
    s->projection_floats[0].index = 4;
}
static void empty_projection(struct small_model *s)
{
    s->ctrs[0].projection.n_cats = s->ctrs[0].projection.n_floats = 0;
}
static void no_table(struct small_model *s)
{
    s->tables[0].target_classifier = 2;
}
static void key_twice(struct small_model *s)
{
    s->keys[2] = 1001;
}
static void negative_count(struct small_model *s)
{
    s->counts[3] = -1;
}
static void target_border(struct small_model *s)
{
    s->ctrs[0].target_border = 1;
}
static void one_class(struct small_model *s)
{
    s->tables[0].target_classes = 1;
}
static void nan_prior(struct small_model *s)
{
    s->ctrs[0].prior_num = NAN;
}
static void deep(struct small_model *s)
{
    s->sizes[0] = 17;
    s->starts[1] = s->starts[2] = 17;
    s->model.n_tree_splits = 18;
}
static void split_range(struct small_model *s)
{
    s->splits[2] = 8;
}
static void starts(struct small_model *s)
{
    s->starts[2] = 1;
}
static void split_sum(struct small_model *s)
{
    s->sizes[2] = 0;
}
static void leaf_count(struct small_model *s)
{
    s->model.n_leaf_values = 6;
}
static void leaf_nan(struct small_model *s)
{
    s->leaves[3] = NAN;
}
static void weight_count(struct small_model *s)
{
    s->model.n_leaf_weights = 5;
}
static void weight_negative(struct small_model *s)
{
    s->weights[4] = -1;
}
static void bias_inf(struct small_model *s)
{
    s->bias[0] = INFINITY;
}
static void scale_nan(struct small_model *s)
{
    s->model.scale = NAN;
}
static void key_of_meta_twice(struct small_model *s)
{
    s->meta[1].key = s->meta[0].key;
}
static void node_out(struct small_model *s)
{
    small_model_free_form(s);
    s->steps[1].left = 2;
}
static void node_shared(struct small_model *s)
{
    small_model_free_form(s);
    s->steps[0] = (struct step_node){1, 1};
}
static void node_lost(struct small_model *s)
{
    small_model_free_form(s);
    s->steps[1].left = 0;
}
static void node_leaf_out(struct small_model *s)
{
    small_model_free_form(s);
    s->node_leaf[2] = 3;
}
static void node_leaf_none(struct small_model *s)
{
    small_model_free_form(s);
    s->node_leaf[0] = UINT32_MAX;
}
static void node_split(struct small_model *s)
{
    small_model_free_form(s);
    s->splits[0] = 77;
}

static const struct {
    breaker *break_it;
    const char *message;
} broken[] = {
    {nan_border, "FloatFeatures[1].Borders[1] is nan"},
    {unsorted_borders, "FloatFeatures[0].Borders[1] = 0.25 after 0.5"},
    {equal_borders, "CtrFeatures[0].Borders[1]"},
    {float_order, "FloatFeatures[1] has Index 0"},
    {flat_order, "FloatFeatures[1] has Index 1, FlatIndex 2 after 0, 5"},
    {negative_index, "FloatFeatures[0] has Index -1"},
    {huge_flat, "FlatIndex 2147483647"},
    {shared_flat, "share FlatIndex 2"},
    {one_hot_of_nothing, "OneHotFeatures[0].Index is 3"},
    {value_twice, "OneHotFeatures[0] has the value -5 twice"},
    {no_such_cat, "categorical feature 9"},
    {unused_cat, "marked as not used"},
    {foreign_border, "splits float feature 0 at 1.25"},
    {no_such_float, "float feature 4"},
    {empty_projection, "CtrFeatures[0] has an empty projection"},
    {no_table, "CtrFeatures[0] (Borders) has no table"},
    {key_twice, "CtrTables[0] has the key 1001 twice"},
    {negative_count, "CtrTables[0] has the count -1 in row 1"},
    {target_border, "CtrFeatures[0].TargetBorderIdx is 1"},
    {one_class, "CtrTables[0].TargetClassesCount is 1"},
    {nan_prior, "prior, shift and scale"},
    {deep, "TreeSizes[0] is 17"},
    {split_range, "TreeSplits[2] is 8; the model has 8 splits"},
    {starts, "TreeStartOffsets[2] is 1"},
    {split_sum, "TreeSizes add up to 2"},
    {leaf_count, "LeafValues has 6 values"},
    {leaf_nan, "LeafValues[3] is not finite"},
    {weight_count, "LeafWeights has 5 values"},
    {weight_negative, "LeafWeights[4]"},
    {bias_inf, "MultiBias[0] is not finite"},
    {scale_nan, "Scale is not finite"},
    {key_of_meta_twice, "InfoMap[0] and [1]"},
    {node_out, "steps by 2, out of the tree"},
    {node_shared, "another one reaches"},
    {node_lost, "NonSymmetricStepNodes[2] of tree 0 is reached from nowhere"},
    {node_leaf_out, "NonSymmetricNodeIdToLeafId[2] is 3"},
    {node_leaf_none, "NonSymmetricNodeIdToLeafId[0] is 4294967295"},
    {node_split, "TreeSplits[0] is 77"},
};
enum { N_BROKEN = sizeof broken / sizeof broken[0] };

/* Refused when assembled, and the same from a .cbm that says so. */
START_TEST(broken_models)
{
    struct small_model s;
    struct mrc_err err;
    small_model_init(&s);
    broken[_i].break_it(&s);
    mrc_model *m = small_model_make(&s);
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    ck_assert_ok(model_write_cbm(m, &b, &err), &err);
    mrc_model *read = NULL;
    ck_assert_fails(mrc_model_open_mem(&read, b.p, b.n, &err), &err, MRC_EFORMAT, broken[_i].message);
    ck_assert_ptr_null(read);
    buf_release(&b);
    ck_assert_fails(model_finish(m, &err), &err, MRC_EFORMAT, broken[_i].message);
    mrc_model_free(m);
}
END_TEST

/* ---- a good model ------------------------------------------------------------------------------------------------ */

static double score(const mrc_model *m, float a, float b, const char *c)
{
    struct mrc_err err;
    float row[2] = {a, b};
    struct mrc_str cat = {c, strlen(c)};
    struct mrc_input in = {
        .floats = row, .float_row_stride = 2, .float_column_stride = 1, .cats = &cat, .cat_column_stride = 1};
    _Alignas(64) char scratch[8192];
    double y = 0;
    ck_assert_uint_le(mrc_scratch_size(m, 1), sizeof scratch);
    ck_assert_ok(mrc_predict(m, &in, 1, MRC_RAW, scratch, &y, &err), &err);
    return y;
}

START_TEST(small_model_answers)
{
    struct small_model s;
    struct mrc_err err;
    small_model_init(&s);
    mrc_model *m = small_model_make(&s);
    ck_assert_ok(model_finish(m, &err), &err);
    /* An unseen key: prior 0.5, so split 6 (> 0.3) holds and 7 does not. */
    ck_assert_double_eq(score(m, 0.4f, 0, "zzz"), 3 + 10 + 100 + 0.25);
    ck_assert_double_eq(score(m, 0.6f, NAN, "zzz"), 4 + 10 + 100 + 0.25);
    ck_assert_double_eq(score(m, 0.5f, 0, "zzz"), 3 + 10 + 100 + 0.25);
    ck_assert_double_eq(score(m, NAN, 0, ""), 3 + 10 + 100 + 0.25);
    ck_assert_uint_eq(mrc_model_features(m), 3);
    ck_assert_uint_eq(mrc_model_trees(m), 3);
    ck_assert_str_eq(mrc_model_loss(m), "RMSE");
    ck_assert_ptr_null(mrc_model_class_label(m, 0));
    ck_assert_str_eq(mrc_model_meta(m, "anything"), "kept \xc3\xa9");
    ck_assert_ptr_null(mrc_model_meta(m, "nothing"));
    ck_assert_ptr_null(mrc_model_meta_at(m, 2, NULL));
    struct mrc_feature f;
    ck_assert_ok(mrc_model_feature(m, 2, &f, &err), &err);
    ck_assert(f.kind == MRC_FEATURE_FLOAT && f.index == 1 && strcmp(f.name, "b") == 0 && !f.used);
    ck_assert_ok(mrc_model_feature(m, 1, &f, &err), &err);
    ck_assert(f.kind == MRC_FEATURE_CAT && f.index == 0 && strcmp(f.name, "c") == 0 && f.used);
    ck_assert_fails(mrc_model_feature(m, 3, &f, &err), &err, MRC_EINVAL, "no feature 3");
    mrc_model_free(m);
}
END_TEST

START_TEST(small_free_form_model)
{
    struct small_model s;
    struct mrc_err err;
    small_model_init(&s);
    small_model_free_form(&s);
    s.model.n_tree_splits = 3;
    mrc_model *m = small_model_make(&s);
    ck_assert_ok(model_finish(m, &err), &err);
    ck_assert_double_eq(score(m, 1, 0, "x"), 1.25);
    ck_assert_double_eq(score(m, 2, 0, "x"), 2.25);
    void *json = NULL;
    size_t n = 0;
    mrc_model *again = NULL;
    ck_assert_ok(mrc_model_write(m, MRC_FORMAT_JSON, &json, &n, &err), &err);
    ck_assert_ok(mrc_model_open_mem(&again, json, n, &err), &err);
    ck_assert_double_eq(score(again, 1, 0, "x"), 1.25);
    ck_assert_double_eq(score(again, 2, 0, "x"), 2.25);
    free(json);
    mrc_model_free(again);
    mrc_model_free(m);
}
END_TEST

START_TEST(no_trees)
{
    struct small_model s;
    struct mrc_err err;
    small_model_init(&s);
    s.model.n_trees = s.model.n_tree_splits = 0;
    s.model.n_leaf_values = s.model.n_leaf_weights = 0;
    mrc_model *m = small_model_make(&s);
    ck_assert_ok(model_finish(m, &err), &err);
    for (int format = MRC_FORMAT_CBM; format <= MRC_FORMAT_JSON; format++) {
        void *bytes = NULL;
        size_t n = 0;
        mrc_model *again = NULL;
        ck_assert_ok(mrc_model_write(m, (enum mrc_format)format, &bytes, &n, &err), &err);
        ck_assert_ok(mrc_model_open_mem(&again, bytes, n, &err), &err);
        struct mrc_input nothing = {0};
        double y = 0;
        _Alignas(64) char scratch[8192];
        ck_assert_ok(mrc_predict(again, &nothing, 1, MRC_RAW, scratch, &y, &err), &err);
        ck_assert_double_eq(y, 0.25);
        free(bytes);
        mrc_model_free(again);
    }
    mrc_model_free(m);
}
END_TEST

START_TEST(empty_model)
{
    struct mrc_err err;
    mrc_model *m = model_new(0);
    ck_assert_ok(model_finish(m, &err), &err);
    ck_assert_uint_eq(mrc_model_dim(m), 1);
    ck_assert_uint_eq(mrc_model_features(m), 0);
    mrc_model_free(m);
    mrc_model_free(NULL);
}
END_TEST

/* ---- what JSON cannot hold --------------------------------------------------------------------------------------- */

START_TEST(json_refuses)
{
    struct small_model s;
    struct mrc_err err;
    void *bytes = NULL;
    size_t n = 0;
    small_model_init(&s);
    s.a_borders[0] = -INFINITY;
    mrc_model *m = small_model_make(&s);
    ck_assert_ok(model_finish(m, &err), &err);
    ck_assert_fails(mrc_model_write(m, MRC_FORMAT_JSON, &bytes, &n, &err), &err, MRC_EUNSUPPORTED, "FloatFeatures[0]");
    ck_assert_ok(mrc_model_write(m, MRC_FORMAT_CBM, &bytes, &n, &err), &err);
    free(bytes);
    mrc_model_free(m);

    small_model_init(&s);
    struct ctr_table two[2] = {s.tables[0], s.tables[0]};
    two[1].target_classifier = 2;
    s.model.ctr_tables = two;
    s.model.n_ctr_tables = 2;
    m = small_model_make(&s);
    ck_assert_ok(model_finish(m, &err), &err);
    ck_assert_fails(mrc_model_write(m, MRC_FORMAT_JSON, &bytes, &n, &err), &err, MRC_EUNSUPPORTED, "classifier");
    mrc_model_free(m);

    static const struct str bad_texts[] = {{"a\0b", 3}, {"\xe9t\xe9", 3}};
    for (size_t i = 0; i < 2; i++) {
        small_model_init(&s);
        s.meta[1].value = bad_texts[i];
        m = small_model_make(&s);
        ck_assert_ok(model_finish(m, &err), &err);
        ck_assert_fails(mrc_model_write(m, MRC_FORMAT_JSON, &bytes, &n, &err), &err, MRC_EUNSUPPORTED, "InfoMap[1]");
        mrc_model_free(m);
    }
}
END_TEST

/* ---- JSON text --------------------------------------------------------------------------------------------------- */

#define TREE "\"oblivious_trees\":[{\"splits\":[{\"split_index\":0}],\"leaf_values\":[1,2]}]"
#define FEATURE                                                                                                        \
    "\"features_info\":{\"float_features\":[{\"flat_feature_index\":0,\"borders\":[0.5],\"nan_value_treatment\":"      \
    "\"AsIs\"}]}"

static const struct {
    const char *text, *message;
} bad_json[] = {
    {"{}", "neither oblivious_trees nor trees"},
    {"{" TREE "}", "split_index must be an integer"},
    {"{" FEATURE ",\"oblivious_trees\":[{\"splits\":[{}],\"leaf_values\":[1,2]}]}", "splits[0].split_index"},
    {"{" FEATURE ",\"oblivious_trees\":[{\"splits\":[{\"split_index\":1}],\"leaf_values\":[1,2]}]}", "0..0"},
    {"{" FEATURE ",\"oblivious_trees\":[{\"splits\":[{\"split_index\":0,\"border\":0.75}],\"leaf_values\":[1,2]}]}",
     "oblivious_trees[0].splits[0] contradicts its split_index 0"},
    {"{" FEATURE ",\"oblivious_trees\":[{\"splits\":[{\"split_index\":0,\"split_type\":\"OnlineCtr\"}],"
     "\"leaf_values\":[1,2]}]}",
     "contradicts"},
    {"{" FEATURE ",\"oblivious_trees\":[{\"splits\":[{\"split_index\":0}],\"leaf_values\":[1]}]}",
     "leaf_values has 1 values for 2 leaves"},
    {"{" FEATURE ",\"oblivious_trees\":[{\"splits\":[{\"split_index\":0}],\"leaf_values\":[1,\"2\"]}]}",
     "leaf_values must be an array of numbers"},
    {"{" FEATURE "," TREE ",\"scale_and_bias\":[1,[0,0]]}", "2 biases"},
    {"{" FEATURE "," TREE ",\"scale_and_bias\":[1]}", "scale_and_bias"},
    {"{" FEATURE "," TREE ",\"scale_and_bias\":[1,\"0\"]}", "scale_and_bias"},
    {"{" FEATURE "," TREE ",\"model_info\":[]}", "model_info"},
    {"{" FEATURE "," TREE ",\"ctr_data\":7}", "ctr_data"},
    {"{" FEATURE "," TREE ",\"ctr_data\":{\"x\":{}}}", "ctr_data[0]: its key is not JSON"},
    {"{" FEATURE "," TREE ",\"trees\":[{\"value\":1}]}", "both"},
    {"{" FEATURE ",\"trees\":[{\"split\":{\"split_index\":0},\"left\":{\"value\":1}}]}", "trees[0]"},
    {"{" FEATURE ",\"trees\":[{\"split\":{\"split_index\":0},\"left\":{\"value\":1},\"right\":{\"value\":[1,2]}}]}",
     "one value per output"},
    {"{\"features_info\":{\"float_features\":[{\"borders\":[1]}]}," TREE "}", "flat_feature_index"},
    {"{\"features_info\":{\"float_features\":[{\"flat_feature_index\":0,\"borders\":[2,1]}]}," TREE "}",
     "FloatFeatures[0].Borders[1]"},
    {"{\"features_info\":{\"float_features\":[{\"flat_feature_index\":0,\"borders\":[1],"
     "\"nan_value_treatment\":\"Maybe\"}]}," TREE "}",
     "nan_value_treatment"},
    {"{\"features_info\":{\"ctrs\":[{\"elements\":[{\"combination_element\":\"x\"}]}]}," TREE "}",
     "combination_element"},
    {"[1]", "not a model"},
    {"", "not a model"},
    {"{\"a\":1", ""},
};

START_TEST(json_errors)
{
    struct mrc_err err;
    mrc_model *m = NULL;
    ck_assert_fails(mrc_model_open_mem(&m, bad_json[_i].text, strlen(bad_json[_i].text), &err), &err, MRC_EFORMAT,
                    bad_json[_i].message);
    ck_assert_ptr_null(m);
}
END_TEST

START_TEST(minimal_json)
{
    static const char text[] = " {" FEATURE "," TREE ",\"scale_and_bias\":[2,0.5],\"model_info\":{\"params\":"
                               "{\n \"random_seed\": 18446744073709551615, \"name\" : \"a \\\" b\" },\"loss_function\":"
                               "\"Quantile:alpha=0.1\",\"odd\": [1, 2]}}";
    struct mrc_err err;
    mrc_model *m = NULL;
    ck_assert_ok(mrc_model_open_mem(&m, text, strlen(text), &err), &err);
    ck_assert_double_eq(score(m, 0.6f, 0, ""), 4.5);
    ck_assert_str_eq(mrc_model_meta(m, "params"), "{\"random_seed\":18446744073709551615,\"name\":\"a \\\" b\"}");
    ck_assert_str_eq(mrc_model_meta(m, "odd"), "[1, 2]");
    ck_assert_str_eq(mrc_model_loss(m), "Quantile");
    mrc_model_free(m);
}
END_TEST

/* ---- labels ------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *params, *class_params, *threshold;
    const char *label0, *label1;
    double raw_of_class_1; /* the smallest of -1, 0.5, 2 that is class 1 */
} labelled[] = {
    {"{\"loss_function\":{\"type\":\"Logloss\"}}", NULL, NULL, "0", "1", 0.5},
    {"{\"loss_function\":{\"type\":\"Logloss\"}}", "{\"class_names\":[\"no\",\"yes\"]}", NULL, "no", "yes", 0.5},
    {"{}", "{\"class_label_type\":\"Float\",\"class_names\":[1,2.5]}", NULL, "1.0", "2.5", 0.5},
    {"{}", "{\"class_label_type\":\"Integer\",\"class_names\":[3,-7]}", NULL, "3", "-7", 0.5},
    {"{}", "{\"class_to_label\":[4,5],\"class_names\":[]}", NULL, "4", "5", 0.5},
    {"{}", "{\"classes_count\":2,\"class_to_label\":[4,5]}", NULL, "0", "1", 0.5},
    {"{\"loss_function\":{\"type\":\"CrossEntropy\"},\"data_processing_options\":{\"class_names\":[\"x\",\"y\"]}}",
     NULL, NULL, "x", "y", 0.5},
    {"{\"loss_function\":{\"type\":\"Logloss\"}}", NULL, "0.8", "0", "1", 2},
    {"{\"loss_function\":{\"type\":\"Logloss\"}}", NULL, "0.2", "0", "1", -1},
    {"{\"loss_function\":{\"type\":\"Logloss\"}}", NULL, "none", "0", "1", 0.5},
    {"not json", "{\"class_names\":[\"no\",\"yes\"]}", NULL, "no", "yes", 0.5},
};

START_TEST(class_labels)
{
    struct small_model s;
    struct mrc_err err;
    struct meta_pair meta[3];
    small_model_init(&s);
    uint32_t n = 0;
    meta[n++] = (struct meta_pair){STR("params"), str_of(labelled[_i].params)};
    if (labelled[_i].class_params) {
        meta[n++] = (struct meta_pair){STR("class_params"), str_of(labelled[_i].class_params)};
    }
    if (labelled[_i].threshold) {
        meta[n++] = (struct meta_pair){STR("binclass_probability_threshold"), str_of(labelled[_i].threshold)};
    }
    s.model.meta = meta;
    s.model.n_meta = n;
    s.model.n_trees = s.model.n_tree_splits = 0;
    s.model.n_leaf_values = s.model.n_leaf_weights = 0;
    static const double raws[] = {-1, 0.5, 2};
    for (size_t k = 0; k < 3; k++) {
        s.bias[0] = raws[k];
        mrc_model *m = small_model_make(&s);
        ck_assert_ok(model_finish(m, &err), &err);
        ck_assert_str_eq(mrc_model_class_label(m, 0), labelled[_i].label0);
        ck_assert_str_eq(mrc_model_class_label(m, 1), labelled[_i].label1);
        ck_assert_ptr_null(mrc_model_class_label(m, 2));
        ck_assert_uint_eq(mrc_prediction_dim(m, MRC_PROBABILITY), 2);
        struct mrc_input nothing = {0};
        _Alignas(64) char scratch[8192];
        double y = -1;
        ck_assert_ok(mrc_predict(m, &nothing, 1, MRC_CLASS, scratch, &y, &err), &err);
        ck_assert_double_eq(y, raws[k] >= labelled[_i].raw_of_class_1);
        mrc_model_free(m);
    }
}
END_TEST

static const struct {
    const char *loss;
    size_t dim;
    size_t columns[7]; /* by enum mrc_prediction */
} types[] = {
    {"RMSE", 1, {1, 1, 0, 0, 0, 0, 0}},          {"Logloss", 1, {1, 1, 0, 2, 1, 0, 2}},
    {"MultiClass", 3, {3, 3, 0, 3, 1, 3, 3}},    {"MultiClassOneVsAll", 3, {3, 3, 0, 3, 1, 3, 3}},
    {"MultiLogloss", 3, {3, 3, 0, 3, 3, 3, 3}},  {"RMSEWithUncertainty", 2, {2, 2, 2, 0, 0, 0, 0}},
    {"MultiQuantile", 3, {3, 3, 0, 0, 0, 0, 0}}, {"", 1, {1, 1, 0, 2, 1, 0, 2}},
};

START_TEST(prediction_types)
{
    struct mrc_err err;
    char params[100];
    mrc_model *m = model_new(0);
    snprintf(params, sizeof params, "{\"loss_function\":{\"type\":\"%s\"}}", types[_i].loss);
    struct meta_pair meta = {STR("params"), str_of(params)};
    m->meta = &meta;
    m->n_meta = types[_i].loss[0] ? 1 : 0;
    m->dim = (uint32_t)types[_i].dim;
    double bias[3] = {0.5, -0.25, 1}, out[4];
    m->bias = bias;
    ck_assert_ok(model_finish(m, &err), &err);
    for (int type = MRC_RAW; type <= MRC_LOG_PROBABILITY; type++) {
        ck_assert_uint_eq(mrc_prediction_dim(m, (enum mrc_prediction)type), types[_i].columns[type]);
    }
    struct mrc_input nothing = {0};
    _Alignas(64) char scratch[8192];
    if (types[_i].columns[MRC_PROBABILITY] > 0) {
        ck_assert_ok(mrc_predict(m, &nothing, 1, MRC_PROBABILITY, scratch, out, &err), &err);
        double sum = 0;
        for (size_t i = 0; i < types[_i].columns[MRC_PROBABILITY]; i++) {
            sum += out[i];
        }
        bool apart = strcmp(types[_i].loss, "MultiClassOneVsAll") == 0 || strcmp(types[_i].loss, "MultiLogloss") == 0;
        ck_assert(apart ? sum > 1.5 : fabs(sum - 1) < 1e-15);
    }
    mrc_model_free(m);
}
END_TEST

/* ---- damage ------------------------------------------------------------------------------------------------------ */

static char *read_golden(const char *path, size_t *n)
{
    char *bytes = NULL;
    struct mrc_err err;
    ck_assert_ok(file_read(path, 1 << 22, &bytes, n, &err), &err);
    return bytes;
}

/* A cut file is refused, wherever it was cut. */
START_TEST(cut_files)
{
    static const char *const paths[] = {"tests/golden/catboost/handmade_ctr/model.cbm",
                                        "tests/golden/catboost/names_unused/model.cbm",
                                        "tests/golden/catboost/names_unused/model.json"};
    size_t n = 0;
    char *bytes = read_golden(paths[_i], &n);
    size_t end = n;
    while (end > 0 && bytes[end - 1] == '\n') {
        end--;
    }
    for (size_t cut = 0; cut < end; cut += cut < 300 ? 1 : 37) {
        char *exact = malloc(cut ? cut : 1);
        memcpy(exact, bytes, cut);
        mrc_model *m = NULL;
        struct mrc_err err = {0};
        ck_assert_int_lt(mrc_model_open_mem(&m, exact, cut, &err), 0);
        ck_assert_ptr_null(m);
        ck_assert(err.msg[0] != '\0');
        free(exact);
    }
    free(bytes);
}
END_TEST

/* A changed byte is refused or harmless: whatever opens also predicts and writes. */
START_TEST(changed_bytes)
{
    static const char *const paths[] = {
        "tests/golden/catboost/handmade_ctr/model.cbm", "tests/golden/catboost/lossguide/model.cbm",
        "tests/golden/catboost/one_hot/model.cbm", "tests/golden/catboost/names_unused/model.json"};
    size_t n = 0;
    char *bytes = read_golden(paths[_i], &n);
    uint64_t state = 88172645463325252u;
    unsigned opened = 0, refused = 0;
    for (int i = 0; i < 400; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        size_t at = (size_t)(state >> 20) % n;
        char before = bytes[at];
        bytes[at] = (char)(state & 0xff);
        mrc_model *m = NULL;
        int rc = mrc_model_open_mem(&m, bytes, n, NULL);
        bytes[at] = before;
        opened += rc == MRC_OK;
        refused += rc != MRC_OK;
        mrc_model_free(m);
    }
    ck_assert_uint_gt(opened, 0);
    ck_assert_uint_gt(refused, 0);
    free(bytes);
}
END_TEST

START_TEST(claims_of_size)
{
    struct mrc_err err;
    mrc_model *m = NULL;
    unsigned char bytes[64] = "CBM1";
    memset(bytes + 4, 0xff, 12); /* u32 escape and a u64 of 2^64 - 1 */
    ck_assert_fails(mrc_model_open_mem(&m, bytes, sizeof bytes, &err), &err, MRC_EFORMAT, "18446744073709551615 bytes");
    ck_assert_fails(mrc_model_open_mem(&m, bytes, 4, &err), &err, MRC_EFORMAT, "ends inside the size");
    ck_assert_fails(mrc_model_open_mem(&m, bytes, 10, &err), &err, MRC_EFORMAT, "ends inside the size");
    ck_assert_fails(mrc_model_open_mem(&m, "CBM2....", 8, &err), &err, MRC_EFORMAT, "not a model");
    ck_assert_fails(mrc_model_open_mem(NULL, bytes, 8, &err), &err, MRC_EINVAL, "NULL");
}
END_TEST

/* ---- files ------------------------------------------------------------------------------------------------------- */

START_TEST(save_and_open)
{
    struct small_model s;
    struct mrc_err err;
    char folder[] = "/tmp/mrc-model-XXXXXX", path[64], json[64], inside[96];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/m.cbm", folder);
    snprintf(json, sizeof json, "%s/m.json", folder);
    snprintf(inside, sizeof inside, "%s/none/m.cbm", folder);
    small_model_init(&s);
    mrc_model *m = small_model_make(&s), *again = NULL;
    ck_assert_ok(model_finish(m, &err), &err);
    ck_assert_ok(mrc_model_save(m, path, MRC_FORMAT_CBM, &err), &err);
    ck_assert_ok(mrc_model_save(m, path, MRC_FORMAT_CBM, &err), &err); /* replaces */
    ck_assert_ok(mrc_model_save(m, json, MRC_FORMAT_JSON, &err), &err);
    ck_assert_ok(mrc_model_open(&again, path, &err), &err);
    ck_assert_double_eq(score(again, 0.6f, 0, "q"), score(m, 0.6f, 0, "q"));
    mrc_model_free(again);
    ck_assert_ok(mrc_model_open(&again, json, &err), &err);
    ck_assert_double_eq(score(again, 0.6f, 0, "q"), score(m, 0.6f, 0, "q"));
    mrc_model_free(again);
    ck_assert_fails(mrc_model_save(m, inside, MRC_FORMAT_CBM, &err), &err, MRC_EIO, "none");
    ck_assert_fails(mrc_model_open(&again, inside, &err), &err, MRC_ENOTFOUND, "none");
    ck_assert_fails(mrc_model_open(&again, folder, &err), &err, MRC_EIO, folder);
    ck_assert_fails(mrc_model_save(m, NULL, MRC_FORMAT_CBM, &err), &err, MRC_EINVAL, "path");
    struct arena a;
    struct str *names = NULL;
    size_t n = 0;
    arena_init(&a, 0);
    ck_assert_ok(folder_list(folder, &a, &names, &n, &err), &err);
    ck_assert_uint_eq(n, 2); /* no temporary file is left */
    arena_release(&a);
    mrc_model_free(m);
    ck_assert_ok(folder_remove(folder, &err), &err);
}
END_TEST

/* Memory stays within a small multiple of the file. Keys may share a row of counts, and each key gets a copy: 4,096
 * keys on one row of 80 kB would take 330 MB out of a file of 230 kB. */
START_TEST(shared_rows_are_bounded)
{
    enum { KEYS = 4096, CLASSES = 5, CLAIMED = 80 << 8 };
    struct small_model s;
    struct mrc_err err;
    small_model_init(&s);
    uint64_t *keys = calloc(KEYS, sizeof *keys);
    int32_t *counts = calloc((size_t)KEYS * CLASSES, sizeof *counts);
    for (uint64_t i = 0; i < KEYS; i++) {
        keys[i] = i;
    }
    s.tables[0].keys = keys;
    s.tables[0].counts = counts;
    s.tables[0].n_keys = KEYS;
    s.tables[0].target_classes = CLASSES;
    mrc_model *m = small_model_make(&s);
    struct buf b;
    buf_init(&b, NULL, 1 << 24);
    ck_assert_ok(model_write_cbm(m, &b, &err), &err);
    size_t changed = 0;
    for (size_t i = 0; i + 12 <= b.n; i++) { /* buckets {key, row of the same number}: row 0 for all */
        uint8_t *p = (uint8_t *)b.p + i;
        bool zeros = !p[2] && !p[3] && !p[4] && !p[5] && !p[6] && !p[7] && !p[10] && !p[11];
        if (zeros && p[0] == p[8] && p[1] == p[9] && (p[0] || p[1]) && p[1] < KEYS >> 8) {
            p[8] = p[9] = 0;
            changed++;
        }
    }
    ck_assert_uint_ge(changed, KEYS - 1);
    for (size_t i = 0; i + 4 <= b.n; i++) { /* TargetClassesCount: rows as wide as the blob */
        uint8_t *p = (uint8_t *)b.p + i;
        if (p[0] == CLASSES && !p[1] && !p[2] && !p[3]) {
            p[0] = 0;
            p[1] = CLAIMED >> 8;
        }
    }
    mrc_model *big = NULL;
    ck_assert_fails(mrc_model_open_mem(&big, b.p, b.n, &err), &err, MRC_ELIMIT, "");
    buf_release(&b);
    mrc_model_free(m);
    free(counts);
    free(keys);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("model");
    TCase *t = tcase_create("model");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, broken_models, 0, N_BROKEN);
    tcase_add_test(t, small_model_answers);
    tcase_add_test(t, small_free_form_model);
    tcase_add_test(t, no_trees);
    tcase_add_test(t, empty_model);
    tcase_add_test(t, json_refuses);
    tcase_add_loop_test(t, json_errors, 0, sizeof bad_json / sizeof bad_json[0]);
    tcase_add_test(t, minimal_json);
    tcase_add_loop_test(t, class_labels, 0, sizeof labelled / sizeof labelled[0]);
    tcase_add_loop_test(t, prediction_types, 0, sizeof types / sizeof types[0]);
    tcase_add_loop_test(t, cut_files, 0, 3);
    tcase_add_loop_test(t, changed_bytes, 0, 4);
    tcase_add_test(t, claims_of_size);
    tcase_add_test(t, save_and_open);
    tcase_add_test(t, shared_rows_are_bounded);
    suite_add_tcase(s, t);
    return check_main(s);
}
