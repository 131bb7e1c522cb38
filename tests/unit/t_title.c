/* Franchise keys of titles. */
#include "tests/unit/check_main.h"

#include "common/forecast/fold.h"
#include "common/forecast/title.h"

static const struct {
    const char *title, *head, *pair; /* NULL: no such key */
} cases[] = {
    {"Mission: Impossible 2", "h:mission", "t:mission impossible"},
    {"Les Visiteurs 2", "h:les visiteurs", "t:visiteurs 2"},
    {"Harry Potter et la chambre des secrets", "h:harry potter et la chambre des secrets", "t:harry potter"},
    {"Taxi 3", "h:taxi", NULL},
    {"Taxi III", "h:taxi", NULL},
    {"Rocky V", "h:rocky", NULL},
    {"X", NULL, NULL},
    {"", NULL, NULL},
    {"\xc3\x89t\xc3\xa9 \xe2\x80\x93 la suite", NULL, "t:ete suite"},
    {"Camping - Le Retour", "h:camping", "t:camping retour"},
    {"Spider-Man", "h:spider man", NULL},
    {"Spider-Man\xc2\xa0- Far from home", "h:spider man", "t:spider man"},
    {"Psychose (1960)", "h:psychose", NULL},
    {"Psychose (1860)", "h:psychose 1860", NULL},
    {"Un, deux, trois", NULL, "t:deux trois"},
    {"2012", "h:2012", NULL},
    {"12 38", NULL, NULL},
    {"Matrix Reloaded", "h:matrix", NULL},
    {"The Lord of the Rings", "h:the lord of the rings", NULL},
    {"Star Wars: Episode IV", "h:star wars", "t:star wars"},
};

START_TEST(keys_of_titles)
{
    struct arena a;
    struct str keys[TITLE_KEYS_MAX];
    uint32_t n;
    arena_init(&a, 0);
    ck_assert(title_keys(str_of(cases[_i].title), "", &a, keys, &n));
    const char *expected[TITLE_KEYS_MAX];
    uint32_t n_expected = 0;
    if (cases[_i].head) {
        expected[n_expected++] = cases[_i].head;
    }
    if (cases[_i].pair) {
        expected[n_expected++] = cases[_i].pair;
    }
    ck_assert_msg(n == n_expected, "%s: %u keys, not %u", cases[_i].title, n, n_expected);
    for (uint32_t i = 0; i < n; i++) {
        ck_assert_text(keys[i], expected[i]);
    }
    arena_release(&a);
}
END_TEST

/* What utf8proc says of each, which the table of fold.c repeats; then two beyond it, and what is no UTF-8. */
START_TEST(folding)
{
    static const char *const texts[][2] = {
        {"\u00c0\u00c1\u00c2\u00c3\u00c4\u00c5\u00c6\u00c7\u00c8\u00c9\u00ca\u00cb\u00cc\u00cd\u00ce\u00cf",
         "aaaaaaaeceeeeiiii"},
        {"\u00d0\u00d1\u00d2\u00d3\u00d4\u00d5\u00d6\u00d7\u00d8\u00d9\u00da\u00db\u00dc\u00dd\u00de\u00df",
         "nooooo uuuuy"},
        {"\u00e0\u00e1\u00e2\u00e3\u00e4\u00e5\u00e6\u00e7\u00e8\u00e9\u00ea\u00eb\u00ec\u00ed\u00ee\u00ef",
         "aaaaaaaeceeeeiiii"},
        {"\u00f0\u00f1\u00f2\u00f3\u00f4\u00f5\u00f6\u00f7\u00f8\u00f9\u00fa\u00fb\u00fc\u00fd\u00fe\u00ff",
         "nooooo uuuuy y"},
        {" C\u0153ur  &\tE\u0301tat-Z9! ", "coeur etat z9"},
        {"\ufdfa", ""},
        {"a\xc3 \xe9z", "a z"},
        {"\u3392", "mhz"}, /* one character, three letters */
        {"\u3389\u3389", "kcalkcal"},
    };
    struct arena a;
    struct str folded;
    char small[32];
    arena_init(&a, 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct str text = str_of(texts[i][0]), want = str_of(texts[i][1]);
        ck_assert(text_fold(&a, text, &folded));
        ck_assert_text(folded, want.p);
        ck_assert_int_eq(folded.p[folded.n], '\0');
        ck_assert_uint_eq(text_fold_into(small, want.n, text), want.n);
        ck_assert(memcmp(small, want.p, want.n) == 0);
        ck_assert(want.n == 0 || text_fold_into(small, want.n - 1, text) == SIZE_MAX);
        ck_assert(want.n == 0 || text_fold_equal(text, want));
    }
    arena_release(&a);
}
END_TEST

START_TEST(a_space_of_their_own)
{
    struct arena a;
    struct str keys[TITLE_KEYS_MAX];
    uint32_t n;
    arena_init(&a, 0);
    ck_assert(title_keys(STR("Alien 3"), "o", &a, keys, &n));
    ck_assert_uint_eq(n, 1);
    ck_assert_text(keys[0], "oh:alien");
    arena_release(&a);
}
END_TEST

START_TEST(without_memory)
{
    struct str keys[TITLE_KEYS_MAX];
    uint32_t n;
    for (size_t room = 1; room < 200; room += 16) {
        struct arena a;
        arena_init(&a, room);
        if (title_keys(STR("Harry Potter et la coupe de feu"), "", &a, keys, &n)) {
            ck_assert_uint_eq(n, 2);
        }
        arena_release(&a);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("title");
    TCase *t = tcase_create("title");
    tcase_add_loop_test(t, keys_of_titles, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(t, a_space_of_their_own);
    tcase_add_test(t, folding);
    tcase_add_test(t, without_memory);
    suite_add_tcase(s, t);
    return check_main(s);
}
