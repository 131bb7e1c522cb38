/* The commit that is checked out, read from .git without git. */
#include "common/base/file.h"
#include "train/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4600, FILE_BYTES = 4 << 20 };

static bool is_commit(struct str s)
{
    return (s.n == 40 || s.n == 64) && strspn(s.p, "0123456789abcdef") >= s.n;
}

/* First line of folder/name; the caller frees. NULL: none. */
static char *read_file(const char *folder, const char *name)
{
    char path[PATH_BYTES + 300], *text;
    size_t n;
    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path) ||
        file_read(path, FILE_BYTES, &text, &n, NULL) < 0) {
        return NULL;
    }
    return text;
}

static void keep(struct str s, char out[65])
{
    if (is_commit(s)) {
        memcpy(out, s.p, s.n);
        out[s.n] = '\0';
    }
}

/* The line "<commit> <name>" of packed-refs. */
static void find_packed(const char *folder, const char *name, char out[65])
{
    char *text = read_file(folder, "packed-refs");
    size_t n = strlen(name);
    for (char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t length = strcspn(line, "\n"), digits = strcspn(line, " \n");
        if (length == digits + 1 + n && strncmp(line + digits + 1, name, n) == 0) {
            keep((struct str){line, digits}, out);
        }
    }
    free(text);
}

/* folder: where HEAD is; common: where the branches are. */
static void read_head(const char *folder, const char *common, char out[65])
{
    char *head = read_file(folder, "HEAD");
    if (head == NULL) {
        return;
    }
    head[strcspn(head, "\r\n")] = '\0';
    if (strncmp(head, "ref: refs/", 10) == 0 && strstr(head, "..") == NULL) {
        char *commit = read_file(common, head + 5);
        if (commit != NULL) {
            keep(str_trim(str_of(commit)), out);
            free(commit);
        } else {
            find_packed(common, head + 5, out);
        }
    } else {
        keep(str_of(head), out);
    }
    free(head);
}

/* A working tree beside the first one: .git is a file "gitdir: FOLDER", and FOLDER/commondir leads to the branches. */
static bool read_linked(const char *folder, char out[65])
{
    static const char mark[] = "gitdir: ";
    char common[PATH_BYTES + 300], *git = read_file(folder, ".git");
    if (git == NULL || strncmp(git, mark, sizeof(mark) - 1) != 0) {
        free(git);
        return false;
    }
    git[strcspn(git, "\r\n")] = '\0';
    const char *place = git + sizeof(mark) - 1;
    char *relative = read_file(place, "commondir");
    if (relative != NULL) {
        relative[strcspn(relative, "\r\n")] = '\0';
    }
    int n = relative == NULL || relative[0] == '/'
                ? snprintf(common, sizeof(common), "%s", relative == NULL ? place : relative)
                : snprintf(common, sizeof(common), "%s/%s", place, relative);
    if (n < (int)sizeof(common)) {
        read_head(place, common, out);
    }
    free(relative);
    free(git);
    return true;
}

void git_commit(char out[65])
{
    char folder[PATH_BYTES], git[PATH_BYTES + 8];
    out[0] = '\0';
    if (getcwd(folder, sizeof(folder)) == NULL) {
        return;
    }
    for (;;) {
        (void)snprintf(git, sizeof(git), "%s/.git", folder);
        if (file_is_folder(git)) {
            read_head(git, git, out);
            return;
        }
        if (read_linked(folder, out)) {
            return;
        }
        char *slash = strrchr(folder, '/');
        if (slash == NULL || slash == folder) {
            return;
        }
        *slash = '\0';
    }
}
