/* Files: reading with a ceiling, atomic replacement also when the disk is full, folders. Each test has a folder. */
#include "tests/unit/check_main.h"

#include "common/base/file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[64];
static struct arena arena;

static void set_up(void)
{
    memcpy(scratch, "mrc-file-XXXXXX", 16);
    ck_assert_ptr_nonnull(mkdtemp(scratch));
    arena_init(&arena, 0);
}

static void tear_down(void)
{
    struct mrc_err err;
    ck_assert_ok(folder_remove(scratch, &err), &err);
    ck_assert(!file_exists(scratch));
    arena_release(&arena);
}

static const char *at(const char *name)
{
    return path_join(&arena, scratch, name);
}

static void check_content(const char *path, const char *expected)
{
    char *text;
    size_t n;
    struct mrc_err err;
    ck_assert_ok(file_read(path, 1 << 20, &text, &n, &err), &err);
    ck_assert_uint_eq(n, strlen(expected));
    ck_assert_str_eq(text, expected);
    free(text);
}

static size_t count_names(void)
{
    struct str *names;
    size_t n;
    struct mrc_err err;
    ck_assert_ok(folder_list(scratch, &arena, &names, &n, &err), &err);
    return n;
}

START_TEST(create_read_replace)
{
    struct mrc_err err;
    ck_assert_ok(file_create(at("a"), STR("one"), 0600, &err), &err);
    check_content(at("a"), "one");
    ck_assert_fails(file_create(at("a"), STR("two"), 0600, &err), &err, MRC_ECONFLICT, "exists already");
    ck_assert_ok(file_replace(at("a"), STR("three"), 0640, &err), &err);
    check_content(at("a"), "three");
    struct stat st;
    ck_assert_int_eq(stat(at("a"), &st), 0);
    ck_assert_int_eq(st.st_mode & 07077, 040 & ~umask(022));
    ck_assert_ok(file_replace(at("b"), STR(""), 0600, &err), &err);
    check_content(at("b"), "");
    ck_assert_uint_eq(count_names(), 2);
    ck_assert(file_exists(at("a")) && !file_is_folder(at("a")) && file_is_folder(scratch) && !file_exists(at("c")));
    /* In the working folder, without a slash. */
    ck_assert_int_eq(chdir(scratch), 0);
    ck_assert_ok(file_replace("here", STR("x"), 0600, &err), &err);
    ck_assert_ok(file_replace("here", STR("y"), 0600, &err), &err);
    check_content("here", "y");
    ck_assert_int_eq(chdir(".."), 0);
}
END_TEST

START_TEST(ceilings)
{
    struct mrc_err err;
    char *text;
    size_t n;
    ck_assert_ok(file_create(at("ten"), STR("0123456789"), 0600, &err), &err);
    ck_assert_ok(file_read(at("ten"), 10, &text, &n, &err), &err);
    ck_assert_uint_eq(n, 10);
    free(text);
    ck_assert_fails(file_read(at("ten"), 9, &text, &n, &err), &err, MRC_ELIMIT, "10 bytes, at most 9");
    ck_assert_fails(file_read("/dev/zero", 100000, &text, &n, &err), &err, MRC_ELIMIT, "larger than the 100000");
    ck_assert_ok(file_read("/dev/null", 0, &text, &n, &err), &err);
    ck_assert_uint_eq(n, 0);
    free(text);
    ck_assert_fails(file_read(at("none"), 9, &text, &n, &err), &err, MRC_ENOTFOUND, "none: No such file");
    ck_assert_fails(file_read(scratch, 9, &text, &n, &err), &err, MRC_EIO, "folder");
    if (file_exists("/proc/self/mem")) { /* opens, but its first page cannot be read */
        ck_assert_fails(file_read("/proc/self/mem", 9, &text, &n, &err), &err, MRC_EIO, "mem: ");
    }
}
END_TEST

START_TEST(standard_input_is_read)
{
    int ends[2], saved = dup(STDIN_FILENO);
    struct mrc_err err;
    char *text;
    size_t n;
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_ok(file_write_fd(ends[1], STR("from a pipe"), &err), &err);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    ck_assert_ok(file_read("-", 100, &text, &n, &err), &err);
    ck_assert_str_eq(text, "from a pipe");
    free(text);
    dup2(saved, STDIN_FILENO);
    close(saved);
}
END_TEST

START_TEST(a_full_disk_leaves_the_old_file)
{
    struct mrc_err err;
    struct rlimit old, small = {4096, RLIM_INFINITY};
    char *large = calloc(1, 100000);
    ck_assert_ok(file_replace(at("a"), STR("old"), 0600, &err), &err);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    small.rlim_max = old.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    int replaced = file_replace(at("a"), (struct str){large, 100000}, 0600, &err);
    struct mrc_err create_err;
    int created = file_create(at("b"), (struct str){large, 100000}, 0600, &create_err);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_DFL);
    ck_assert_fails(replaced, &err, MRC_EIO, "a: File too large");
    ck_assert_fails(created, &create_err, MRC_EIO, "b: File too large");
    check_content(at("a"), "old");
    ck_assert_uint_eq(count_names(), 1);
    free(large);
    int full = open("/dev/full", O_WRONLY);
    if (full >= 0) {
        ck_assert_fails(file_write_fd(full, STR("x"), &err), &err, MRC_EIO, "No space left");
        close(full);
    }
}
END_TEST

START_TEST(replacement_that_cannot_be)
{
    struct mrc_err err;
    ck_assert_fails(file_replace(at("no/such/folder"), STR("x"), 0600, &err), &err, MRC_ENOTFOUND,
                    "folder: No such file");
    ck_assert_fails(file_replace("", STR("x"), 0600, &err), &err, MRC_EINVAL, "no file name");
    ck_assert_fails(file_replace("a/", STR("x"), 0600, &err), &err, MRC_EINVAL, "no file name");
    ck_assert_ok(folder_create(at("folder"), 0700, &err), &err);
    ck_assert_fails(file_replace(at("folder"), STR("x"), 0600, &err), &err, MRC_EIO, "folder: ");
    ck_assert_uint_eq(count_names(), 1);
    /* What a killed process with our id has left is stepped over. */
    char name[64];
    snprintf(name, sizeof(name), ".mercredi-%ld-0.tmp", (long)getpid());
    ck_assert_ok(file_create(at(name), STR("stale"), 0600, &err), &err);
    ck_assert_ok(file_replace(at("a"), STR("new"), 0600, &err), &err);
    check_content(at("a"), "new");
    check_content(at(name), "stale");
}
END_TEST

START_TEST(folders)
{
    struct mrc_err err;
    ck_assert_ok(folder_create(at("x/y//z/"), 0700, &err), &err);
    ck_assert_ok(folder_create(at("x/y/z"), 0700, &err), &err);
    ck_assert(file_is_folder(at("x/y/z")));
    ck_assert_ok(file_create(at("x/file"), STR("1"), 0600, &err), &err);
    ck_assert_fails(folder_create(at("x/file"), 0700, &err), &err, MRC_ECONFLICT, "no folder");
    ck_assert_fails(folder_create(at("x/file/y"), 0700, &err), &err, MRC_ECONFLICT, "no folder");
    ck_assert_fails(folder_create("", 0700, &err), &err, MRC_EINVAL, "name");
    struct str *names;
    size_t n;
    ck_assert_ok(file_create(at("x/.hidden"), STR("1"), 0600, &err), &err);
    ck_assert_ok(folder_list(at("x"), &arena, &names, &n, &err), &err);
    ck_assert_uint_eq(n, 3);
    ck_assert_text(names[0], ".hidden");
    ck_assert_text(names[1], "file");
    ck_assert_text(names[2], "y");
    ck_assert_ok(folder_list(at("x/y/z"), &arena, &names, &n, &err), &err);
    ck_assert_uint_eq(n, 0);
    ck_assert_fails(folder_list(at("none"), &arena, &names, &n, &err), &err, MRC_ENOTFOUND, "none");
    ck_assert_fails(folder_sync(at("none"), &err), &err, MRC_ENOTFOUND, "none");
    ck_assert_ok(folder_sync(at("x"), &err), &err);
    struct arena tiny;
    arena_init(&tiny, 40);
    ck_assert_fails(folder_list(at("x"), &tiny, &names, &n, &err), &err, MRC_ELIMIT, "40 bytes");
    arena_release(&tiny);
}
END_TEST

START_TEST(removal_follows_no_link)
{
    struct mrc_err err;
    ck_assert_ok(folder_create(at("kept"), 0700, &err), &err);
    ck_assert_ok(file_create(at("kept/file"), STR("precious"), 0600, &err), &err);
    ck_assert_ok(folder_create(at("gone/deep/deeper"), 0700, &err), &err);
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof(name), "gone/deep/%d", i);
        ck_assert_ok(file_create(at(name), STR("x"), 0600, &err), &err);
    }
    ck_assert_int_eq(symlink("../kept", at("gone/link")), 0);
    ck_assert_int_eq(symlink("kept", at("top")), 0);
    ck_assert_ok(folder_remove(at("gone"), &err), &err);
    ck_assert(!file_exists(at("gone")));
    ck_assert_fails(folder_remove(at("top"), &err), &err, MRC_EIO, "top");
    check_content(at("kept/file"), "precious");
    ck_assert_ok(folder_remove(at("gone"), &err), &err); /* absent is fine */
    ck_assert_fails(folder_remove(at("kept/file"), &err), &err, MRC_EIO, "file: Not a directory");
    /* Nested deeper than it goes: refused, and what is left can still be removed piece by piece. */
    char deep[200];
    size_t n = (size_t)snprintf(deep, sizeof(deep), "%s", scratch);
    for (int i = 0; i < 66; i++) {
        n += (size_t)snprintf(deep + n, sizeof(deep) - n, "/d");
        ck_assert_ok(folder_create(deep, 0700, &err), &err);
    }
    ck_assert_fails(folder_remove(at("d"), &err), &err, MRC_EIO, "removing ");
    ck_assert_ok(folder_remove(at("d/d/d"), &err), &err);
    ck_assert_ok(folder_remove(at("d"), &err), &err);
}
END_TEST

START_TEST(paths)
{
    ck_assert_str_eq(path_join(&arena, "a", "b"), "a/b");
    ck_assert_str_eq(path_join(&arena, "a/", "b"), "a/b");
    ck_assert_str_eq(path_join(&arena, "/", "b"), "/b");
    ck_assert_str_eq(path_join(&arena, "", "b"), "b");
    ck_assert_str_eq(path_join(&arena, "a", "/b"), "/b");
    ck_assert_str_eq(path_join(&arena, "a", ""), "a/");
    struct arena tiny;
    arena_init(&tiny, 3);
    ck_assert_ptr_null(path_join(&tiny, "a", "b"));
    arena_release(&tiny);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("file");
    TCase *t = tcase_create("file");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, create_read_replace);
    tcase_add_test(t, ceilings);
    tcase_add_test(t, standard_input_is_read);
    tcase_add_test(t, a_full_disk_leaves_the_old_file);
    tcase_add_test(t, replacement_that_cannot_be);
    tcase_add_test(t, folders);
    tcase_add_test(t, removal_follows_no_link);
    tcase_add_test(t, paths);
    suite_add_tcase(s, t);
    return check_main(s);
}
