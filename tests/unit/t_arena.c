/* Arena: alignment, zeroing, ceilings, marks, and (under AddressSanitizer) poisoning. */
#include "tests/unit/check_main.h"

#include "common/base/arena.h"

#include <stdint.h>

static bool all_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

START_TEST(allocations_are_aligned_zeroed_and_apart)
{
    struct arena a;
    arena_init(&a, 0);
    for (int turn = 0; turn < 3; turn++) {
        unsigned char *last = NULL;
        for (size_t i = 0; i < 4000; i++) {
            size_t align = (size_t)1 << i % 7, size = i * 37 % 300;
            unsigned char *p = arena_alloc(&a, size, align);
            ck_assert_ptr_nonnull(p);
            ck_assert_uint_eq((uintptr_t)p % align, 0);
            ck_assert(all_zero(p, size));
            ck_assert_ptr_ne(p, last);
            memset(p, 0xa5, size);
            last = p;
        }
        unsigned char *large = arena_alloc(&a, 20 << 20, 64);
        ck_assert_ptr_nonnull(large);
        ck_assert(all_zero(large, 20 << 20));
        memset(large, 1, 20 << 20);
        arena_reset(&a);
        ck_assert_uint_eq(a.used, 0);
    }
    arena_release(&a);
    ck_assert_ptr_null(a.first);
}
END_TEST

START_TEST(wrong_arguments_give_null)
{
    struct arena a;
    arena_init(&a, 0);
    ck_assert_ptr_null(arena_alloc(&a, 8, 0));
    ck_assert_ptr_null(arena_alloc(&a, 8, 3));
    ck_assert_ptr_null(arena_alloc(&a, 8, 128));
    ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX, 1));
    ck_assert_ptr_null(arena_array(&a, SIZE_MAX / 2, 4, 4));
    ck_assert_ptr_null(arena_copy(&a, "", SIZE_MAX));
    ck_assert_ptr_nonnull(arena_array(&a, 0, 8, 8));
    arena_release(&a);
}
END_TEST

START_TEST(ceiling_at_below_above)
{
    struct arena a;
    struct mrc_err e;
    arena_init(&a, 1000);
    ck_assert_ptr_null(arena_alloc(&a, 1001, 1));
    ck_assert_ptr_nonnull(arena_alloc(&a, 1000, 1));
    ck_assert_ptr_null(arena_alloc(&a, 1, 1));
    ck_assert_fails(arena_fail(&a, &e), &e, MRC_ELIMIT, "1000 bytes");
    arena_reset(&a);
    ck_assert_ptr_nonnull(arena_alloc(&a, 999, 1));
    ck_assert_ptr_nonnull(arena_alloc(&a, 1, 1));
    arena_release(&a);
    /* Beyond one chunk too. */
    arena_init(&a, 1 << 20);
    size_t got = 0;
    while (arena_alloc(&a, 1000, 1) != NULL) {
        got += 1000;
    }
    ck_assert_uint_eq(got, (1 << 20) / 1000 * 1000);
    arena_release(&a);
    /* The system, not the ceiling. */
    arena_init(&a, 0);
    a.out_of_memory = true;
    ck_assert_fails(arena_fail(&a, &e), &e, MRC_ENOMEM, "out of memory");
    arena_release(&a);
}
END_TEST

START_TEST(marks_nest)
{
    struct arena a;
    arena_init(&a, 4 << 20);
    struct arena_mark empty = arena_mark(&a);
    char *kept = arena_copy(&a, "kept", 4);
    struct arena_mark outer = arena_mark(&a);
    size_t used = a.used;
    for (int turn = 0; turn < 100; turn++) {
        ck_assert_ptr_nonnull(arena_alloc(&a, 60 << 10, 8));
        struct arena_mark inner = arena_mark(&a);
        for (int i = 0; i < 3; i++) {
            unsigned char *p = arena_alloc(&a, 100 << 10, 8);
            ck_assert_ptr_nonnull(p);
            ck_assert(all_zero(p, 100 << 10));
            memset(p, 0xff, 100 << 10);
        }
        arena_rewind(&a, inner);
        arena_rewind(&a, outer);
        ck_assert_uint_eq(a.used, used);
        ck_assert_str_eq(kept, "kept");
    }
    arena_rewind(&a, empty);
    ck_assert_uint_eq(a.used, 0);
    arena_release(&a);
    /* A spare chunk that is too small or very large is not kept; zeros stay zeros. */
    arena_init(&a, 0);
    ck_assert_ptr_nonnull(arena_alloc(&a, 1, 1));
    outer = arena_mark(&a);
    ck_assert_ptr_nonnull(arena_alloc(&a, 100 << 10, 8));
    arena_rewind(&a, outer);
    unsigned char *large = arena_alloc(&a, 20 << 20, 8);
    memset(large, 0xff, 20 << 20);
    arena_rewind(&a, outer);
    large = arena_alloc(&a, 20 << 20, 8);
    ck_assert(all_zero(large, 20 << 20));
    arena_rewind(&a, outer);
    unsigned char *dirty = arena_alloc(&a, 1000, 8);
    memset(dirty, 0xff, 1000);
    arena_rewind(&a, outer);
    dirty = arena_grow(&a, arena_alloc(&a, 10, 8), 10, 2000, 8);
    ck_assert(all_zero(dirty, 2000));
    arena_release(&a);
}
END_TEST

START_TEST(grow_in_place_or_by_copy)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    char *p = arena_alloc(&a, 4, 1);
    memcpy(p, "abcd", 4);
    char *same = arena_grow(&a, p, 4, 1000, 1);
    ck_assert_ptr_eq(same, p);
    ck_assert(all_zero((unsigned char *)same + 4, 996));
    memset(same + 4, 'x', 996);
    ck_assert_uint_eq(a.used, 1000);
    ck_assert_ptr_eq(arena_grow(&a, same, 1000, 10, 1), same); /* never smaller */
    arena_alloc(&a, 1, 1);
    char *moved = arena_grow(&a, same, 1000, 2000, 1);
    ck_assert_ptr_ne(moved, same);
    ck_assert_int_eq(memcmp(moved, "abcdxx", 6), 0);
    char *far = arena_grow(&a, moved, 2000, 200000, 1); /* its chunk has no room */
    ck_assert_int_eq(memcmp(far, "abcdxx", 6), 0);
    ck_assert(all_zero((unsigned char *)far + 2000, 198000));
    ck_assert_ptr_null(arena_grow(&a, far, 200000, 2 << 20, 1));
    ck_assert_int_eq(memcmp(far, "abcdxx", 6), 0);
    ck_assert_ptr_nonnull(arena_grow(&a, NULL, 0, 16, 8));
    arena_release(&a);
}
END_TEST

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>

START_TEST(memory_given_back_is_poisoned)
{
    struct arena a;
    arena_init(&a, 0);
    char *p = arena_alloc(&a, 24, 8), *q = arena_alloc(&a, 24, 8);
    ck_assert(!__asan_address_is_poisoned(p + 23));
    ck_assert(__asan_address_is_poisoned(p + 24)); /* the red zone between two allocations */
    struct arena_mark m = arena_mark(&a);
    char *r = arena_alloc(&a, 8, 8);
    arena_rewind(&a, m);
    ck_assert(__asan_address_is_poisoned(r));
    ck_assert(!__asan_address_is_poisoned(q));
    arena_reset(&a);
    ck_assert(__asan_address_is_poisoned(p));
    ck_assert(__asan_address_is_poisoned(q));
    arena_release(&a);
}
END_TEST
#endif

int main(void)
{
    Suite *s = suite_create("arena");
    TCase *t = tcase_create("arena");
    tcase_add_test(t, allocations_are_aligned_zeroed_and_apart);
    tcase_add_test(t, wrong_arguments_give_null);
    tcase_add_test(t, ceiling_at_below_above);
    tcase_add_test(t, marks_nest);
    tcase_add_test(t, grow_in_place_or_by_copy);
#ifdef WITH_ASAN
    tcase_add_test(t, memory_given_back_is_poisoned);
#endif
    suite_add_tcase(s, t);
    return check_main(s);
}
