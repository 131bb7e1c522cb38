/* Franchise keys of titles. */
#include "tests/unit/check_main.h"

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
    tcase_add_test(t, without_memory);
    suite_add_tcase(s, t);
    return check_main(s);
}
