/* Hashes of categories and projections, CTR values, and the key index. */
#include "tests/unit/check_main.h"

#include "common/trees/categorical.h"

static const struct {
    const char *text;
    uint64_t hash;
    uint32_t low;
} vectors[] = {
    {"", 0x9ae16a3b2f90404f, 797982799},
    {"a", 0x2420662cd003acfa, 3489901818},
    {"ab", 0x17f0a30ff3cc3f3e, 4090249022},
    {"abc", 0x3a912f483a4ece31, 978243121},
    {"abcd", 0xf75a3b8a1499428d, 345588365},
    {"abcdefgh", 0x4382a8d0fe8edb17, 4270775063},
    {"0", 0x9071c92baa458312, 2856682258},
    {"1", 0x9e64c1ce42d650f1, 1121341681},
    {"-1", 0x9e2b5d60112f17a6, 288298918},
    {"nan", 0xc8f27faf2d5dbe59, 761118297},
    {"123456789", 0xabf315f952d60ef5, 1389760245},
    {"0123456789abcdef", 0x099d21e99dac3317, 2645308183},
    {"0123456789abcdefg", 0x0affc467e579303a, 3849924666},
    {"The quick brown fox jumps over t", 0xc7101df029f893bb, 704156603},
    {"The quick brown fox jumps over the lazy dog", 0xe7ba87d247c31277, 1203966583},
};

START_TEST(city_hash_of_texts)
{
    const char *text = vectors[_i].text;
    ck_assert_uint_eq(city_hash64(text, strlen(text)), vectors[_i].hash);
    ck_assert_uint_eq(mrc_cat_hash(text, strlen(text)), vectors[_i].low);
}
END_TEST

static const struct {
    size_t n;
    uint64_t hash;
} repeats[] = {{33, 0x83d2f4e954e9c837}, {64, 0x595501f226abcad3}, {65, 0x490198bff7225acf}, {200, 0x876d2ee529486f3e}};

START_TEST(city_hash_of_long_texts)
{
    char text[200];
    memset(text, 'x', sizeof text);
    ck_assert_uint_eq(city_hash64(text, repeats[_i].n), repeats[_i].hash);
}
END_TEST

/* Any length from an exact allocation: a sanitizer sees a byte read past it. Each length gives another hash. */
START_TEST(city_hash_reads_no_further)
{
    uint64_t before = 0;
    for (size_t n = 0; n < 300; n++) {
        char *exact = malloc(n ? n : 1);
        memset(exact, 'y', n);
        uint64_t h = city_hash64(exact, n);
        ck_assert_uint_ne(h, before);
        before = h;
        free(exact);
    }
    ck_assert_uint_eq(mrc_cat_hash(NULL, 0), 797982799);
}
END_TEST

START_TEST(known_categories)
{
    static const struct {
        const char *text;
        uint32_t hash;
    } known[] = {{"3", 593172586},   {"3.0", 3194819829},   {"7", 4277023987},      {"-2", 2015104637},
                 {"10", 2957118694}, {"alpha", 1296865003}, {"epsilon", 4096080792}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        ck_assert_uint_eq(mrc_cat_hash(known[i].text, strlen(known[i].text)), known[i].hash);
    }
}
END_TEST

START_TEST(projection_hashes)
{
    uint64_t a = projection_mix(0, hash_of_cat(mrc_cat_hash("a", 1)));
    ck_assert_uint_eq(a, 0xe75939565546a1ea);
    ck_assert_uint_eq(projection_mix(a, hash_of_cat(mrc_cat_hash("b", 1))), 0x1a5f4fc6e8886657);
    ck_assert_uint_eq(projection_mix(a, 1), 0xdf3c9f7137ebc52b);
    ck_assert_uint_eq(projection_mix(a, 0), 0x9d9463c1820a6f52);
    ck_assert_uint_eq(hash_of_cat(0x80000000u), 0xffffffff80000000u);
}
END_TEST

/* ---- CTR values -------------------------------------------------------------------------------------------------- */

static const int32_t class_counts[] = {3, 1, 0, 5, 2, 2}; /* two keys of three classes */
static const int32_t plain_counts[] = {4, 9};
static const float sums[] = {2.5f, -1.25f};
static const uint64_t keys[] = {11, 22};

static const struct {
    enum ctr_type type;
    int32_t target_border, classes;
    float prior_num, prior_denom, shift, scale;
    uint32_t key;
    float value;
} values[] = {
    {CTR_BORDERS, 0, 3, 0, 1, 0, 1, 0, (1.f + 0.f) / (4.f + 1.f)},
    {CTR_BORDERS, 1, 3, 0, 1, 0, 1, 1, 2.f / 10.f},
    {CTR_BORDERS, 0, 3, 1, 1, 0, 15, 1, (5.f / 10.f) * 15.f},
    {CTR_BORDERS, 0, 2, 0.5f, 1, 0, 15, 0, ((1.f + 0.5f) / 5.f) * 15.f},
    {CTR_BORDERS, 0, 3, 0.5f, 1, 0, 15, 2, 0.5f * 15.f},
    {CTR_BUCKETS, 0, 3, 0, 1, 0, 1, 0, 3.f / 5.f},
    {CTR_BUCKETS, 2, 3, 0, 2, 0, 1, 1, 2.f / 11.f},
    {CTR_BUCKETS, 2, 3, 1, 2, 0, 1, 2, 0.5f},
    {CTR_BINARIZED_TARGET_MEAN, 0, 0, 0, 1, 0, 1, 0, 2.5f / 5.f},
    {CTR_FLOAT_TARGET_MEAN, 0, 0, 0, 1, 1.5f, 2, 1, (-1.25f / 10.f + 1.5f) * 2.f},
    {CTR_FLOAT_TARGET_MEAN, 0, 0, 3, 2, 0, 1, 2, 1.5f},
    {CTR_COUNTER, 0, 0, 0, 1, 0, 15, 1, (9.f / 11.f) * 15.f},
    {CTR_COUNTER, 0, 0, 0.5f, 1, 0, 1, 2, 0.5f / 11.f},
    {CTR_FEATURE_FREQ, 0, 0, 0, 1, 0, 1, 0, 4.f / 11.f},
};

START_TEST(ctr_values)
{
    bool means = values[_i].type == CTR_BINARIZED_TARGET_MEAN || values[_i].type == CTR_FLOAT_TARGET_MEAN;
    struct ctr_table t = {.type = values[_i].type,
                          .target_classes = values[_i].classes,
                          .counter_denominator = 10,
                          .n_keys = 2,
                          .keys = keys,
                          .counts = values[_i].classes ? class_counts : plain_counts,
                          .sums = means ? sums : NULL};
    struct ctr_feature f = {.type = values[_i].type,
                            .target_border = values[_i].target_border,
                            .prior_num = values[_i].prior_num,
                            .prior_denom = values[_i].prior_denom,
                            .shift = values[_i].shift,
                            .scale = values[_i].scale};
    ck_assert_float_eq(ctr_value(&f, &t, values[_i].key), values[_i].value);
}
END_TEST

START_TEST(key_index)
{
    enum { N = 1000 };
    struct arena a;
    struct mrc_err err;
    struct ctr_index ix;
    uint64_t many[N];
    arena_init(&a, 0);
    for (uint32_t i = 0; i < N; i++) {
        many[i] = i % 2 ? (uint64_t)i << 40 : projection_mix(0, i); /* half of them collide in the low bits */
    }
    ck_assert_ok(ctr_index_build(&ix, many, N, 0, &a, &err), &err);
    ck_assert_uint_ge(ix.mask + 1, 2 * N);
    for (uint32_t i = 0; i < N; i++) {
        ck_assert_uint_eq(ctr_index_find(&ix, many[i]), i);
        ck_assert_uint_eq(ctr_index_find(&ix, many[i] ^ 0x5555555500000000u), CTR_EMPTY);
    }
    ck_assert_ok(ctr_index_build(&ix, NULL, 0, 0, &a, &err), &err);
    ck_assert_uint_eq(ctr_index_find(&ix, 0), CTR_EMPTY);
    many[7] = many[3];
    ck_assert_fails(ctr_index_build(&ix, many, N, 5, &a, &err), &err, MRC_EFORMAT, "CtrTables[5]");
    arena_release(&a);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("categorical");
    TCase *t = tcase_create("categorical");
    tcase_add_loop_test(t, city_hash_of_texts, 0, sizeof vectors / sizeof vectors[0]);
    tcase_add_loop_test(t, city_hash_of_long_texts, 0, sizeof repeats / sizeof repeats[0]);
    tcase_add_test(t, city_hash_reads_no_further);
    tcase_add_test(t, known_categories);
    tcase_add_test(t, projection_hashes);
    tcase_add_loop_test(t, ctr_values, 0, sizeof values / sizeof values[0]);
    tcase_add_test(t, key_index);
    suite_add_tcase(s, t);
    return check_main(s);
}
