/* Reading schema.json, its vocabularies, and folding of names. */
#include "tests/unit/check_main.h"

#include "common/forecast/schema.h"

/* A schema with one field between title and the end; what is under test goes in its place. */
static struct str with_field(struct arena *a, const char *field)
{
    struct buf b;
    buf_init(&b, a, 1 << 20);
    buf_puts(&b, "{\"name\":\"demo\",\"version\":3,\"target\":\"y\",\"fields\":[{\"name\":\"y\",\"type\":\"integer\","
                 "\"known\":\"after\",\"min\":0,\"max\":100,\"label\":{\"fr\":\"y\",\"en\":\"y\"},"
                 "\"help\":{\"fr\":\"h\",\"en\":\"h\"},\"example\":5},");
    buf_puts(&b, field);
    buf_puts(&b, "]}");
    return buf_text(&b);
}

#define WORDS "\"label\":{\"fr\":\"f\",\"en\":\"e\"},\"help\":{\"fr\":\"f\",\"en\":\"e\"}"

START_TEST(folding)
{
    static const struct {
        const char *text, *folded;
    } cases[] = {
        {"", ""},
        {" .!? ", ""},
        {"Étienne  CHATILIEZ", "etienne chatiliez"},
        {"  L'Œuvre -- Ægée ", "l oeuvre aegee"},
        {"U.S.A.", "u s a"},
        {"Rép. Tchèque", "rep tcheque"},
        {"e\xcc\x81t\xc3\xa9", "ete"}, /* a combining mark */
        {"½", "1 2"},                  /* 1⁄2 */
        {"ﬁlm Ⅳ №5", "film iv no5"},
        {"ＡＢ９", "ab9"},
        {"Søren Straße 中国 Łódź", "s ren stra e odz"}, /* no decomposition: a blank, as NFKD has it */
        {"a\xff"
         "b\xc3",
         "a b"}, /* not UTF-8 */
        {"𝐀𝐳𝟗", "az9"},
        {"İstanbul", "istanbul"},
    };
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str folded;
        char direct[64];
        ck_assert(text_fold(&a, str_of(cases[i].text), &folded));
        ck_assert_text(folded, cases[i].folded);
        size_t n = text_fold_into(direct, sizeof direct, str_of(cases[i].text));
        ck_assert(str_eq((struct str){direct, n}, folded));
        if (folded.n > 0) {
            ck_assert_uint_eq(text_fold_into(direct, folded.n - 1, str_of(cases[i].text)), SIZE_MAX);
            ck_assert(text_fold_equal(str_of(cases[i].text), folded));
        }
    }
    ck_assert(!text_fold_equal(STR("Ad Vitam"), STR("Advitam")));
    ck_assert(!text_fold_equal(STR("中"), STR("国")));
    ck_assert(text_fold_equal(STR("中"), STR("中")));
    ck_assert(!text_fold_equal(STR("ab"), STR("abc")));
    arena_release(&a);
}
END_TEST

START_TEST(reads_a_field)
{
    struct arena a;
    struct mrc_err err = {0};
    struct schema *s;
    arena_init(&a, 0);
    struct str json =
        with_field(&a, "{\"name\":\"kind\",\"type\":\"list\",\"known\":\"near\",\"required\":true,"
                       "\"length_max\":20,\"items_max\":3,\"unit\":\"u\","
                       "\"values\":[{\"value\":\"Comédie\",\"label\":{\"fr\":\"Comédie\",\"en\":\"Comedy\"},"
                       "\"aliases\":[\"rire\",\"Rire !\"]},{\"value\":\"Drame\"}],"
                       "\"example\":[\"Drame\", \"Comédie\"]," WORDS "}");
    ck_assert_ok(schema_read(&s, json, &err), &err);
    ck_assert_text(schema_name(s), "demo");
    ck_assert_int_eq(schema_version(s), 3);
    ck_assert(str_eq(schema_source(s), json));
    ck_assert_uint_eq(schema_count(s), 2);
    ck_assert_int_eq(schema_target(s), 0);
    ck_assert_int_eq(schema_find(s, STR("kind")), 1);
    ck_assert_int_eq(schema_find(s, STR("kin")), -1);
    const struct field *f = schema_field(s, 1);
    ck_assert_int_eq(f->type, FIELD_LIST);
    ck_assert_str_eq(field_type_name(f->type), "list");
    ck_assert_str_eq(field_known_name(f->known), "near");
    ck_assert(f->required && !f->closed);
    ck_assert_uint_eq(f->length_max, 20);
    ck_assert_uint_eq(f->items_max, 3);
    ck_assert_int_eq(f->weekday, -1);
    ck_assert_text(f->unit, "u");
    ck_assert_text(f->example, "[\"Drame\",\"Comédie\"]");
    ck_assert_text(f->label_en, "e");
    ck_assert_uint_eq(f->n_values, 2);
    ck_assert_int_eq(field_value_find(f, STR("COMEDIE")), 0);
    ck_assert_int_eq(field_value_find(f, STR("comedy")), 0);
    ck_assert_int_eq(field_value_find(f, STR("-rire-")), 0);
    ck_assert_int_eq(field_value_find(f, STR("drame")), 1);
    ck_assert_int_eq(field_value_find(f, STR("dram")), -1);
    ck_assert_int_eq(field_value_find(f, STR("")), -1);
    char longer[400];
    memset(longer, 'a', sizeof longer);
    ck_assert_int_eq(field_value_find(f, (struct str){longer, sizeof longer}), -1);
    schema_free(s);
    schema_free(NULL);
    arena_release(&a);
}
END_TEST

/* Every way a field can be wrong, and the words it is refused with. */
static const struct {
    const char *field, *why;
} refused[] = {
    {"3", "field 2 is a number"},
    {"{}", "name"},
    {"{\"name\":\"Y\"}", "field name \"Y\""},
    {"{\"name\":\"y\"}", "stands twice"},
    {"{\"name\":\"x\",\"type\":\"money\"}", "type \"money\""},
    {"{\"name\":\"x\",\"type\":\"number\",\"known\":\"later\"}", "known \"later\""},
    {"{\"name\":\"x\",\"type\":\"number\",\"known\":\"after\",\"required\":true}", "cannot be required"},
    {"{\"name\":\"x\",\"type\":\"number\",\"known\":\"near\",\"required\":1}", "not true or false"},
    {"{\"name\":\"x\",\"type\":\"number\",\"known\":\"near\",\"requird\":true}", "unknown key \"requird\""},
    {"{\"name\":\"x\",\"type\":\"number\",\"known\":\"near\",\"min\":2,\"max\":1," WORDS ",\"example\":1}",
     "no number"},
    {"{\"name\":\"x\",\"type\":\"number\",\"known\":\"near\",\"min\":2,\"max\":2,\"exclusive_min\":true," WORDS
     ",\"example\":2}",
     "no number"},
    {"{\"name\":\"x\",\"type\":\"number\",\"known\":\"near\",\"exclusive_min\":true," WORDS ",\"example\":1}",
     "needs a \"min\""},
    {"{\"name\":\"x\",\"type\":\"integer\",\"known\":\"near\",\"min\":0.5,\"max\":9," WORDS ",\"example\":1}", "whole"},
    {"{\"name\":\"x\",\"type\":\"integer\",\"known\":\"near\",\"min\":1," WORDS ",\"example\":1}",
     "\"min\" and \"max\""},
    {"{\"name\":\"x\",\"type\":\"date\",\"known\":\"near\",\"min\":1," WORDS ",\"example\":\"2020-01-01\"}",
     "no \"min\""},
    {"{\"name\":\"x\",\"type\":\"text\",\"known\":\"near\"," WORDS ",\"example\":\"a\"}", "\"length_max\" is missing"},
    {"{\"name\":\"x\",\"type\":\"number\",\"known\":\"near\",\"length_max\":3," WORDS ",\"example\":1}", "only texts"},
    {"{\"name\":\"x\",\"type\":\"list\",\"known\":\"near\",\"length_max\":3," WORDS ",\"example\":[\"a\"]}",
     "\"items_max\" is missing"},
    {"{\"name\":\"x\",\"type\":\"text\",\"known\":\"near\",\"length_max\":3,\"items_max\":3," WORDS
     ",\"example\":\"a\"}",
     "only lists"},
    {"{\"name\":\"x\",\"type\":\"text\",\"known\":\"near\",\"length_max\":0," WORDS ",\"example\":\"a\"}",
     "length_max"},
    {"{\"name\":\"x\",\"type\":\"date\",\"known\":\"near\",\"weekday\":\"mittwoch\"," WORDS
     ",\"example\":\"2020-01-01\"}",
     "\"weekday\""},
    {"{\"name\":\"x\",\"type\":\"category\",\"known\":\"near\",\"length_max\":9,\"closed\":true," WORDS
     ",\"example\":\"a\"}",
     "needs \"values\""},
    {"{\"name\":\"x\",\"type\":\"category\",\"known\":\"near\",\"length_max\":9,\"values\":[]," WORDS
     ",\"example\":\"a\"}",
     "0 values"},
    {"{\"name\":\"x\",\"type\":\"text\",\"known\":\"near\",\"length_max\":9,\"values\":[{\"value\":\"a\"}]," WORDS
     ",\"example\":\"a\"}",
     "no \"values\""},
    {"{\"name\":\"x\",\"type\":\"category\",\"known\":\"near\",\"length_max\":1,\"values\":[{\"value\":\"ab\"}]," WORDS
     ",\"example\":\"a\"}",
     "longer than"},
    {"{\"name\":\"x\",\"type\":\"category\",\"known\":\"near\",\"length_max\":9,\"values\":[{\"value\":\"--\"}]," WORDS
     ",\"example\":\"a\"}",
     "letters or digits"},
    {"{\"name\":\"x\",\"type\":\"category\",\"known\":\"near\",\"length_max\":9,\"values\":[{\"value\":\"a b\"},"
     "{\"value\":\"c\",\"aliases\":[\"A-B\"]}]," WORDS ",\"example\":\"c\"}",
     "means both \"a b\" and \"c\""},
    {"{\"name\":\"x\",\"type\":\"number\",\"known\":\"near\",\"label\":{\"fr\":\"f\"},\"help\":{\"fr\":\"f\",\"en\":"
     "\"e\"},"
     "\"example\":1}",
     "\"label\""},
    {"{\"name\":\"x\",\"type\":\"number\",\"known\":\"near\"," WORDS "}", "\"example\" is missing"},
    {"{\"name\":\"x\",\"type\":\"number\",\"known\":\"near\",\"max\":3," WORDS ",\"example\":4}",
     "example: Input should"},
    {"{\"name\":\"x\",\"type\":\"number\",\"known\":\"near\"," WORDS ",\"example\":null}", "no value"},
    {"{\"name\":\"x\",\"type\":\"number\",\"known\":\"near\"," WORDS ",\"example\":3,\"absent\":\"a\"}",
     "example: Input should"},
    {"{\"name\":\"x\",\"type\":\"date\",\"known\":\"near\",\"weekday\":\"wednesday\"," WORDS
     ",\"example\":\"2026-11-24\"}",
     "not_a_wednesday"},
};

START_TEST(refuses)
{
    struct arena a;
    struct mrc_err err = {0};
    struct schema *s = NULL;
    arena_init(&a, 0);
    ck_assert_fails(schema_read(&s, with_field(&a, refused[_i].field), &err), &err, MRC_EFORMAT, refused[_i].why);
    ck_assert_ptr_null(s);
    ck_assert_int_eq(schema_read(&s, with_field(&a, refused[_i].field), NULL), MRC_EFORMAT);
    arena_release(&a);
}
END_TEST

START_TEST(refuses_the_whole)
{
    static const struct {
        const char *json, *why;
    } cases[] = {
        {"[]", "an object"},
        {"{\"name\":\"a\",\"version\":1,\"fields\":[]}", "0 fields"},
        {"{\"name\":\"a\",\"version\":0,\"fields\":[]}", "version"},
        {"{\"name\":\"\",\"version\":1,\"fields\":[]}", "name"},
        {"{\"name\":\"a\",\"version\":1,\"feilds\":[]}", "unknown key"},
        {"{\"name\":\"a\",\"version\":1,\"target\":\"z\",\"fields\":[{\"name\":\"x\",\"type\":\"number\","
         "\"known\":\"near\"," WORDS ",\"example\":3}]}",
         "no field"},
        {"{\"name\":\"a\",\"version\":1,\"target\":\"x\",\"fields\":[{\"name\":\"x\",\"type\":\"number\","
         "\"known\":\"near\"," WORDS ",\"example\":3}]}",
         "known after release"},
    };
    struct mrc_err err = {0};
    struct schema *s;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_fails(schema_read(&s, str_of(cases[i].json), &err), &err, MRC_EFORMAT, cases[i].why);
    }
    ck_assert_int_eq(schema_read(&s, STR("{"), &err), MRC_EFORMAT);
    ck_assert_uint_gt(err.line, 0);
}
END_TEST

/* The schema that ships: the fields of the design, and the spellings of the data. */
START_TEST(shipped_schema)
{
    static const struct {
        const char *field, *text, *value;
    } spellings[] = {
        {"genres", "Epouvante-horreur", "Horreur"},
        {"genres", "Aventure - Action", "Action"},
        {"genres", "science fiction", "Science-fiction"},
        {"genres", "Film familial", "Famille"},
        {"genres", "Drama", "Drame"},
        {"genres", "X - Erotique", "Érotique"},
        {"countries", "U.S.A.", "US"},
        {"countries", "Etats-Unis", "US"},
        {"countries", "états unis", "US"},
        {"countries", "Rép. Tchèque", "CZ"},
        {"countries", "Corée du Sud", "KR"},
        {"countries", "Bosnie", "BA"},
        {"countries", "Grande-Bretagne", "GB"},
        {"countries", "fr", "FR"},
        {"countries", "Germany", "DE"},
        {"age_rating", "Tous publics", "tous_publics"},
        {"age_rating", "-12", "12"},
        {"budget_currency", "usd", "USD"},
    };
    char *text = NULL;
    struct mrc_err err = {0};
    struct schema *s;
    FILE *file = fopen("data/schema.json", "rb");
    if (!file) {
        printf("SKIP: data/schema.json: not run from the top of the checkout\n");
        return;
    }
    text = malloc(1 << 20);
    ck_assert_ptr_nonnull(text);
    size_t n = fread(text, 1, 1 << 20, file);
    fclose(file);
    ck_assert_ok(schema_read(&s, (struct str){text, n}, &err), &err);
    free(text);
    ck_assert_text(schema_name(s), "first-week");
    ck_assert_uint_eq(schema_count(s), 15);
    ck_assert_int_eq(schema_target(s), schema_find(s, STR("first_week_entries")));
    for (uint32_t i = 0; i < schema_count(s); i++) {
        const struct field *f = schema_field(s, i);
        ck_assert_int_eq(f->required, str_is(f->name, "title") || str_is(f->name, "release_date"));
    }
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        int64_t field = schema_find(s, str_of(spellings[i].field));
        ck_assert_int_ge(field, 0);
        const struct field *f = schema_field(s, (uint32_t)field);
        int64_t value = field_value_find(f, str_of(spellings[i].text));
        ck_assert_msg(value >= 0, "%s", spellings[i].text);
        ck_assert_text(f->values[value].value, spellings[i].value);
    }
    schema_free(s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema");
    TCase *c = tcase_create("schema");
    tcase_add_test(c, folding);
    tcase_add_test(c, reads_a_field);
    tcase_add_loop_test(c, refuses, 0, (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(c, refuses_the_whole);
    tcase_add_test(c, shipped_schema);
    suite_add_tcase(suite, c);
    return check_main(suite);
}
