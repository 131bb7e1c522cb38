/* Quantiles, intervals, the choice of model and reliability, on the demo bundle. */
#include "tests/unit/demo_bundle.h"

#include "common/forecast/explain.h"
#include "common/forecast/quantile.h"

#include <math.h>

static struct demo demo;
static struct mrc_err err;
static struct arena arena;
static struct bundle *bundle;
static struct forecast_scratch *scratch;

static void setup(void)
{
    memset(&err, 0, sizeof err);
    demo_init(&demo);
    arena_init(&arena, 0);
    ck_assert_ok(bundle_build(demo.folder, &demo.parts, &err), &err);
    ck_assert_ok(bundle_open(&bundle, demo.folder, &err), &err);
    ck_assert_ok(forecast_scratch_new(&scratch, bundle, &err), &err);
}

static void teardown(void)
{
    forecast_scratch_free(scratch);
    bundle_close(bundle);
    arena_release(&arena);
    demo_release(&demo);
}

static struct forecast predict(const char *json, struct row_report *report)
{
    struct json_doc *doc;
    struct row row;
    struct row_report own;
    struct forecast f;
    ck_assert_ok(json_read(&doc, str_of(json), &json_limits_file, NULL, &err), &err);
    ck_assert_ok(row_from_json(&row, bundle->schema, json_root(doc), &(struct row_options){false}, &arena,
                               report ? report : &own, &err),
                 &err);
    json_free(doc);
    ck_assert_ok(forecast_row(bundle, &row, scratch, &arena, &f, report, &err), &err);
    return f;
}

START_TEST(normal_quantiles)
{
    static const struct {
        double p, z;
    } cases[] = {
        {1e-300, -37.0471},          {1e-10, -6.361340902404056},
        {0.001, -3.090232306167813}, {0.0101, -2.3226121020539168},
        {0.1, -1.2815515655446008},  {0.5, 0},
        {0.75, 0.6744897501960817},  {0.95, 1.6448536269514715},
        {0.999, 3.090232306167813},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double tolerance = cases[i].p < 1e-100 ? 1e-4 : 1e-13;
        ck_assert_double_eq_tol(normal_quantile(cases[i].p), cases[i].z, tolerance);
    }
    static const double z[] = {-1, 0, 2}, offsets[] = {-3, 0, 4};
    ck_assert_double_eq(offset_at(z, offsets, 3, -1), -3);
    ck_assert_double_eq(offset_at(z, offsets, 3, 0), 0);
    ck_assert_double_eq(offset_at(z, offsets, 3, 2), 4);
    ck_assert_double_eq(offset_at(z, offsets, 3, 1), 2);
    ck_assert_double_eq(offset_at(z, offsets, 3, -0.5), -1.5);
    ck_assert_double_eq(offset_at(z, offsets, 3, -2), -6);
    ck_assert_double_eq(offset_at(z, offsets, 3, 3), 6);
}
END_TEST

START_TEST(weeks_ahead)
{
    struct forecast f = predict("{\"title\":\"t\",\"budget\":2e6,\"house\":\"UGC\",\"minutes\":90}", NULL);
    ck_assert_text(f.model->name, "ahead");
    ck_assert_double_eq(f.score, 5);
    ck_assert_double_eq_tol(f.admissions, pow(10, 5.1), 1e-6);
    ck_assert_double_eq_tol(f.quantiles[1], pow(10, 4.5), 1e-6);
    ck_assert_double_eq(f.quantiles[3], f.admissions);
    ck_assert_double_eq_tol(f.quantiles[5], pow(10, 5.6), 1e-6);
    for (int i = 1; i < FORECAST_QUANTILES; i++) {
        ck_assert_double_lt(f.quantiles[i - 1], f.quantiles[i]);
    }
    double low, high;
    forecast_interval(&f, 0.8, &low, &high);
    ck_assert_double_eq_tol(low, f.quantiles[1], 1e-6);
    ck_assert_double_eq_tol(high, f.quantiles[5], 1e-6);
    double wider_low, wider_high;
    forecast_interval(&f, 0.99, &wider_low, &wider_high);
    ck_assert(wider_low < low && wider_high > high);
    forecast_interval(&f, 1e-9, &low, &high);
    ck_assert(low <= f.admissions && f.admissions <= high);
    ck_assert_double_eq_tol(high / low, 1, 1e-6);
}
END_TEST

START_TEST(screens_known)
{
    struct forecast f = predict("{\"title\":\"t\",\"budget\":2e6,\"screens\":400}", NULL);
    ck_assert_text(f.model->name, "screens");
    ck_assert_double_eq(f.score, 2.5);
    ck_assert_double_eq_tol(f.admissions, 400 * pow(10, 2.5), 1e-6);
    f = predict("{\"title\":\"t\",\"screens\":1}", NULL);
    ck_assert_double_eq(f.score, 2); /* budget unknown: the low side */
    ck_assert_double_eq_tol(f.admissions, 100, 1e-9);
}
END_TEST

/* Three optional fields stand behind the features: budget, house, minutes. */
START_TEST(reliability)
{
    static const struct {
        const char *json, *expected;
        uint32_t warnings;
    } cases[] = {
        {"{\"title\":\"t\",\"budget\":2e6,\"house\":\"pathé\",\"minutes\":90}", "good", 0},
        {"{\"title\":\"t\",\"budget\":2e6,\"house\":\"pathé\"}", "fair", 0},
        {"{\"title\":\"t\",\"budget\":2e6,\"house\":\"Nobody\",\"minutes\":90}", "fair", 1},
        {"{\"title\":\"t\",\"budget\":2e6,\"house\":\"Nobody\"}", "poor", 1},
        {"{\"title\":\"t\"}", "poor", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct row_report report = {0};
        struct forecast f = predict(cases[i].json, &report);
        ck_assert_str_eq(f.reliability, cases[i].expected);
        ck_assert_uint_eq(report.n_warnings, cases[i].warnings);
        ck_assert_str_eq(predict(cases[i].json, NULL).reliability, cases[i].expected);
    }
}
END_TEST

/* One split, on the budget: it has all the credit; the base is the mean of the leaves, and of a hundred cinemas. */
START_TEST(reasons)
{
    static const struct {
        const char *json;
        double base, budget, screens; /* log10; the median's offset is in the base */
    } cases[] = {
        {"{\"title\":\"t\",\"budget\":2e6}", 4.25 + 0.1, 0.75, 0},
        {"{\"title\":\"t\"}", 4.25 + 0.1, -0.25, 0},
        {"{\"title\":\"t\",\"budget\":2e6,\"screens\":400}", 2.125 + 2, 0.375, 0.60206},
        {"{\"title\":\"t\",\"budget\":2e6,\"screens\":10}", 2.125 + 2, 0.375, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_doc *doc;
        struct row row;
        struct row_report report;
        struct forecast f;
        struct explanation e;
        ck_assert_ok(json_read(&doc, str_of(cases[i].json), &json_limits_file, NULL, &err), &err);
        ck_assert_ok(
            row_from_json(&row, bundle->schema, json_root(doc), &(struct row_options){false}, &arena, &report, &err),
            &err);
        ck_assert_ok(forecast_row(bundle, &row, scratch, &arena, &f, NULL, &err), &err);
        ck_assert_ok(forecast_explain(bundle, &row, &f, &arena, &e, &err), &err);
        json_free(doc);
        double product = e.base;
        for (uint32_t k = 0; k < e.n; k++) {
            struct str name = schema_field(bundle->schema, (uint32_t)e.factors[k].field)->name;
            double expected = str_is(name, "budget") ? cases[i].budget : str_is(name, "screens") ? cases[i].screens : 0;
            ck_assert_double_eq_tol(log10(e.factors[k].factor), expected, 1e-5);
            ck_assert(k == 0 || fabs(log(e.factors[k].factor)) <= fabs(log(e.factors[k - 1].factor)));
            product *= e.factors[k].factor;
        }
        ck_assert_double_eq_tol(log10(e.base), cases[i].base, 1e-5);
        ck_assert_double_eq_tol(product / f.admissions, 1, 1e-12);
    }
}
END_TEST

START_TEST(other_schema)
{
    struct schema *s;
    struct row row = {0};
    struct forecast f;
    ck_assert_ok(schema_read(&s, str_of(demo_schema), &err), &err);
    row.schema = s;
    ck_assert_fails(forecast_row(bundle, &row, scratch, &arena, &f, NULL, &err), &err, MRC_EINVAL, "another schema");
    schema_free(s);
}
END_TEST

/* The length tells the budget (10^7 above 6 minutes), and large budgets are forecast half as surely. */
START_TEST(filled_and_scaled)
{
    static const char list[] = "{\"format\":1,\"features\":["
                               "{\"name\":\"budget\",\"derive\":\"copy\",\"field\":\"minutes\"},"
                               "{\"name\":\"house\",\"derive\":\"category\",\"field\":\"house\"},"
                               "{\"name\":\"minutes\",\"derive\":\"copy\",\"field\":\"minutes\"}]}";
    struct demo own;
    demo_init(&own);
    mrc_model *budget = demo_model(3, 7), *scale = demo_model(0, log(2));
    const struct bundle_part_filler filler = {.field = "budget",
                                              .least = 1000,
                                              .file = "model_budget.cbm",
                                              .features_file = "features_budget.json",
                                              .features = STR(list),
                                              .model = budget};
    own.parts.fillers = &filler;
    own.parts.n_fillers = 1;
    own.models[1].scale = scale;
    own.models[1].scale_file = "scale.cbm";
    ck_assert_ok(bundle_build(own.folder, &own.parts, &err), &err);
    struct bundle *first = bundle;
    struct forecast_scratch *first_scratch = scratch;
    ck_assert_ok(bundle_open(&bundle, own.folder, &err), &err);
    ck_assert_ok(forecast_scratch_new(&scratch, bundle, &err), &err);
    static const struct {
        const char *json;
        double score, scale;
    } cases[] = {
        {"{\"title\":\"t\",\"minutes\":90}", 5, 2},                /* filled: large */
        {"{\"title\":\"t\",\"minutes\":90,\"budget\":5e4}", 4, 1}, /* given: small */
        {"{\"title\":\"t\",\"minutes\":90,\"budget\":999}", 5, 2}, /* too small to be one */
        {"{\"title\":\"t\",\"minutes\":5}", 4, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct forecast f = predict(cases[i].json, NULL);
        ck_assert_double_eq(f.score, cases[i].score);
        ck_assert_double_eq_tol(f.scale, cases[i].scale, 1e-12);
        ck_assert_double_eq_tol(f.quantiles[5], pow(10, f.score + 0.6 * f.scale), 1e-3);
    }
    forecast_scratch_free(scratch);
    bundle_close(bundle);
    scratch = first_scratch;
    bundle = first;
    demo_release(&own);
    mrc_model_free(budget);
    mrc_model_free(scale);
}
END_TEST

/* A scale may read the score too, and nothing else that its model's list lacks. */
START_TEST(scaled_by_score)
{
    struct demo own;
    demo_init(&own);
    mrc_model *scale = demo_model_of("score", 0, log(2)), *strange = demo_model_of("luck", 0, log(2));
    own.models[1].scale_file = "scale.cbm";
    own.models[1].scale = strange;
    ck_assert_fails(bundle_build(own.folder, &own.parts, &err), &err, MRC_EFORMAT,
                    "\"luck\", is not in the feature list");
    own.models[1].scale = scale;
    ck_assert_ok(bundle_build(own.folder, &own.parts, &err), &err);
    struct bundle *first = bundle;
    struct forecast_scratch *first_scratch = scratch;
    ck_assert_ok(bundle_open(&bundle, own.folder, &err), &err);
    ck_assert_ok(forecast_scratch_new(&scratch, bundle, &err), &err);
    struct forecast small = predict("{\"title\":\"t\",\"minutes\":90,\"budget\":5e4}", NULL);
    struct forecast large = predict("{\"title\":\"t\",\"minutes\":90,\"budget\":5e7}", NULL);
    ck_assert_double_eq(small.score, 4);
    ck_assert_double_eq_tol(small.scale, 1, 1e-12);
    ck_assert_double_eq(large.score, 5);
    ck_assert_double_eq_tol(large.scale, 2, 1e-12);
    forecast_scratch_free(scratch);
    bundle_close(bundle);
    scratch = first_scratch;
    bundle = first;
    demo_release(&own);
    mrc_model_free(scale);
    mrc_model_free(strange);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("forecast");
    TCase *c = tcase_create("forecast");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, normal_quantiles);
    tcase_add_test(c, weeks_ahead);
    tcase_add_test(c, screens_known);
    tcase_add_test(c, reliability);
    tcase_add_test(c, reasons);
    tcase_add_test(c, other_schema);
    tcase_add_test(c, filled_and_scaled);
    tcase_add_test(c, scaled_by_score);
    suite_add_tcase(suite, c);
    return check_main(suite);
}
