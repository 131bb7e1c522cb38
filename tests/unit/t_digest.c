/* Digests and ids: NIST's vectors, the shape and order of UUIDv7. */
#include "common/base/digest.h"

#include "tests/unit/check_main.h"

#include <unistd.h>

START_TEST(sha256_vectors)
{
    char hex[SHA256_HEX];
    sha256_hex(STR(""), hex);
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_hex(STR("abc"), hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    char path[] = "digest-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "abc", 3), 3);
    close(fd);
    char again[SHA256_HEX];
    struct mrc_err err;
    ck_assert_ok(sha256_file(path, again, &err), &err);
    unlink(path);
    ck_assert_str_eq(again, hex);
    ck_assert_fails(sha256_file(path, again, &err), &err, MRC_ENOTFOUND, path);
    ck_assert_fails(sha256_file(".", again, &err), &err, MRC_EIO, ".: Is a directory");
}
END_TEST

START_TEST(uuids)
{
    char first[UUID_TEXT];
    char second[UUID_TEXT];
    uuid7(1795599000123, first);
    uuid7(1795599000124, second);
    ck_assert(uuid_valid(str_of(first)));
    ck_assert_int_eq(first[14], '7');
    ck_assert(strchr("89ab", first[19]) != NULL);
    ck_assert_int_lt(strcmp(first, second), 0);
    ck_assert(strncmp(first, "01a1", 4) == 0 || strncmp(first, "01a2", 4) == 0);
    uuid7(1795599000123, second);
    ck_assert_str_ne(first, second);
    enum { MANY = 5000 };
    static char series[MANY][UUID_TEXT];
    uuid7_series(1795599000123, 2048, series);
    for (size_t i = 0; i < 2048; i++) {
        ck_assert(uuid_valid(str_of(series[i])) && series[i][14] == '7' && strchr("89ab", series[i][19]) != NULL);
        ck_assert(memcmp(series[i], first, 13) == 0);
        ck_assert(i == 0 || strcmp(series[i - 1], series[i]) < 0);
    }
    uuid7_series(1795599000123, MANY, series);
    for (size_t i = 1; i < MANY; i++) {
        ck_assert(memcmp(series[i - 1], series[i], 18) <= 0 && strcmp(series[i - 1], series[i]) != 0);
    }
    static const char *const bad[] = {"",
                                      "x",
                                      "01a20000-0000-7000-8000-00000000000",
                                      "01a20000-0000-7000-8000-00000000000G",
                                      "01A20000-0000-7000-8000-000000000000",
                                      "01a20000x0000-7000-8000-000000000000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert(!uuid_valid(str_of(bad[i])));
    }
}
END_TEST

int main(void)
{
    struct mrc_err err;
    if (digest_start(&err) < 0) {
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create("digest");
    TCase *tc = tcase_create("digest");
    tcase_add_test(tc, sha256_vectors);
    tcase_add_test(tc, uuids);
    suite_add_tcase(suite, tc);
    return check_main(suite);
}
