/* The commit around the working directory, in every form in which .git keeps it. */
#include "tests/unit/check_main.h"

#include "common/base/file.h"
#include "train/publish.h"

#include <unistd.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static const struct {
    const char *files[4][2]; /* name, text */
    const char *commit;
} cases[] = {
    {{{".git/HEAD", COMMIT "\n"}}, COMMIT},
    {{{".git/HEAD", "ref: refs/heads/a/b\n"}, {".git/refs/heads/a/b", COMMIT "\n"}}, COMMIT},
    {{{".git/HEAD", "ref: refs/heads/x\n"},
      {".git/packed-refs",
       "# pack-refs\n" COMMIT " refs/heads/xy\nf" COMMIT "\n" COMMIT " refs/heads/x\n^" COMMIT "\n"}},
     COMMIT},
    {{{".git", "gitdir: real/worktrees/w\n"},
      {"real/worktrees/w/HEAD", "ref: refs/heads/x\n"},
      {"real/worktrees/w/commondir", "../..\n"},
      {"real/refs/heads/x", COMMIT "\n"}},
     COMMIT},
    {{{".git/HEAD", "ref: refs/heads/none\n"}}, ""},
    {{{".git/HEAD", "ref: refs/../../secret\n"}, {"secret", COMMIT "\n"}}, ""},
    {{{".git/HEAD", "not a commit\n"}}, ""},
    {{{".git", "nonsense"}, {".git-not", ""}}, ""},
};

START_TEST(finds_the_commit)
{
    char root[] = "/tmp/mrc_git_XXXXXX", path[300], commit[65];
    struct mrc_err err = {0};
    ck_assert_ptr_nonnull(mkdtemp(root));
    for (int i = 0; i < 4 && cases[_i].files[i][0] != NULL; i++) {
        snprintf(path, sizeof path, "%s/%s", root, cases[_i].files[i][0]);
        *strrchr(path, '/') = '\0';
        ck_assert_ok(folder_create(path, 0755, &err), &err);
        snprintf(path, sizeof path, "%s/%s", root, cases[_i].files[i][0]);
        const char *text = cases[_i].files[i][1];
        ck_assert_ok(file_replace(path, (struct str){text, strlen(text)}, 0644, &err), &err);
    }
    snprintf(path, sizeof path, "%s/below", root);
    ck_assert_ok(folder_create(path, 0755, &err), &err);
    ck_assert_int_eq(chdir(_i == 3 ? root : path), 0); /* a relative gitdir is relative to .git's folder */
    git_commit(commit);
    ck_assert_str_eq(commit, cases[_i].commit);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_ok(folder_remove(root, &err), &err);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("git_commit");
    TCase *t = tcase_create("forms");
    tcase_add_loop_test(t, finds_the_commit, 0, sizeof cases / sizeof cases[0]);
    suite_add_tcase(s, t);
    return check_main(s);
}
