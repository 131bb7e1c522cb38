/* Files and folders by POSIX calls: EINTR and short transfers handled, descriptors closed on exec, errors with names.
 */
#include "common/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_again(const char *path, int flags, unsigned mode)
{
    int fd;
    do {
        fd = open(path, flags | O_CLOEXEC, (mode_t)mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static int fail(struct mrc_err *err, const char *path)
{
    int number = errno;
    return mrc_fail_errno(err, number == ENOENT ? MRC_ENOTFOUND : MRC_EIO, number, "%s", path);
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* All that fd gives, at most max bytes, into *out. expected: the likely size. */
static int read_all(int fd, const char *path, size_t expected, size_t max, char **out, size_t *n, struct mrc_err *err)
{
    /* One byte more than the file shows its end without growing, one more for the NUL. */
    size_t cap = (expected < max ? expected : max) + 2, used = 0;
    char *p = malloc(cap);
    while (p != NULL) {
        ssize_t got = read(fd, p + used, cap - 1 - used);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            int rc = fail(err, path);
            free(p);
            return rc;
        }
        if (got == 0) {
            p[used] = '\0';
            *out = p;
            *n = used;
            return MRC_OK;
        }
        used += (size_t)got;
        if (used > max) {
            free(p);
            return mrc_fail(err, MRC_ELIMIT, "%s: larger than the %zu bytes accepted", path, max);
        }
        if (used == cap - 1) {
            cap = cap < SIZE_MAX / 2 ? cap * 2 : SIZE_MAX;
            cap = cap < 4096 ? 4096 : cap;
            cap = cap - 2 > max ? max + 2 : cap;
            char *larger = realloc(p, cap);
            if (larger == NULL) {
                free(p);
            }
            p = larger;
        }
    }
    return mrc_fail(err, MRC_ENOMEM, "%s: out of memory", path);
}

int file_read(const char *path, size_t max, char **out, size_t *n, struct mrc_err *err)
{
    max = max > SIZE_MAX / 2 ? SIZE_MAX / 2 : max;
    if (strcmp(path, "-") == 0) {
        return read_all(STDIN_FILENO, "standard input", 64 << 10, max, out, n, err);
    }
    int fd = open_again(path, O_RDONLY, 0);
    if (fd < 0) {
        return fail(err, path);
    }
    struct stat st;
    int rc;
    if (fstat(fd, &st) != 0) {
        rc = fail(err, path);
    } else if (S_ISDIR(st.st_mode)) {
        rc = mrc_fail(err, MRC_EIO, "%s: is a folder, not a file", path);
    } else if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > max) {
        rc = mrc_fail(err, MRC_ELIMIT, "%s: %jd bytes, at most %zu are accepted", path, (intmax_t)st.st_size, max);
    } else {
        rc = read_all(fd, path, S_ISREG(st.st_mode) ? (size_t)st.st_size : 0, max, out, n, err);
    }
    close(fd);
    return rc;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static int write_all(int fd, struct str text)
{
    while (text.n > 0) {
        ssize_t put = write(fd, text.p, text.n);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            errno = put == 0 ? EIO : errno;
            return -1;
        }
        text.p += put;
        text.n -= (size_t)put;
    }
    return 0;
}

int file_write_fd(int fd, struct str text, struct mrc_err *err)
{
    if (write_all(fd, text) != 0) {
        return mrc_fail_errno(err, MRC_EIO, errno, "writing %zu bytes", text.n);
    }
    return MRC_OK;
}

/* Write, sync and close. The descriptor is closed in every case; errno tells on failure. */
static int fill_and_close(int fd, struct str text)
{
    int rc = write_all(fd, text);
    while (rc == 0 && fsync(fd) != 0) {
        /* EINVAL: a pipe or device, which has nothing to sync. */
        rc = errno == EINTR ? 0 : errno == EINVAL || errno == ENOTSUP ? 1 : -1;
    }
    int number = errno;
    if (close(fd) != 0 && rc >= 0 && errno != EINTR) {
        return -1;
    }
    errno = number;
    return rc < 0 ? -1 : 0;
}

int file_create(const char *path, struct str text, unsigned mode, struct mrc_err *err)
{
    int fd = open_again(path, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (fd < 0) {
        int number = errno;
        return number == EEXIST ? mrc_fail(err, MRC_ECONFLICT, "%s: exists already", path) : fail(err, path);
    }
    if (fill_and_close(fd, text) != 0) {
        int number = errno;
        unlink(path);
        return mrc_fail_errno(err, MRC_EIO, number, "%s", path);
    }
    return MRC_OK;
}

/* The folder part of path, with its slash; empty when there is none. */
static struct str folder_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return (struct str){path, slash == NULL ? 0 : (size_t)(slash - path) + 1};
}

int file_replace(const char *path, struct str text, unsigned mode, struct mrc_err *err)
{
    struct str folder = folder_part(path);
    if (path[folder.n] == '\0') {
        return mrc_fail(err, MRC_EINVAL, "\"%s\" is no file name", path);
    }
    size_t size = folder.n + 64;
    char *temporary = malloc(size);
    if (temporary == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "%s: out of memory", path);
    }
    /* The number steps over what a killed process with our id has left. */
    int fd = -1;
    for (unsigned i = 0; i < 1000 && fd < 0; i++) {
        snprintf(temporary, size, "%.*s.mercredi-%ld-%u.tmp", STR_ARG(folder), (long)getpid(), i);
        fd = open_again(temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
        if (fd < 0 && errno != EEXIST) {
            break;
        }
    }
    int rc = MRC_OK;
    if (fd < 0) {
        rc = fail(err, path);
    } else if (fill_and_close(fd, text) != 0 || rename(temporary, path) != 0) {
        rc = mrc_fail_errno(err, MRC_EIO, errno, "%s", path);
        unlink(temporary);
    } else {
        temporary[folder.n] = '\0';
        rc = folder_sync(folder.n == 0 ? "." : temporary, err);
    }
    free(temporary);
    return rc;
}

/* ---- folders --------------------------------------------------------------------------------------------------- */

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool file_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int folder_create(const char *path, unsigned mode, struct mrc_err *err)
{
    size_t n = strlen(path);
    if (n == 0) {
        return mrc_fail(err, MRC_EINVAL, "a folder needs a name");
    }
    char *part = malloc(n + 1);
    if (part == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "%s: out of memory", path);
    }
    int rc = MRC_OK;
    for (size_t i = 1; i <= n && rc == MRC_OK; i++) {
        if ((i < n && path[i] != '/') || path[i - 1] == '/') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, (mode_t)mode) == 0 || (errno == EEXIST && file_is_folder(part))) {
            continue;
        }
        rc = errno == EEXIST ? mrc_fail(err, MRC_ECONFLICT, "%s: exists and is no folder", part) : fail(err, part);
    }
    free(part);
    return rc;
}

int folder_sync(const char *path, struct mrc_err *err)
{
    int fd = open_again(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) {
        return fail(err, path);
    }
    int rc;
    do {
        rc = fsync(fd);
    } while (rc != 0 && errno == EINTR);
    int number = errno;
    close(fd);
    if (rc != 0 && number != EINVAL && number != ENOTSUP) { /* file systems without it */
        return mrc_fail_errno(err, MRC_EIO, number, "%s", path);
    }
    return MRC_OK;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

enum { REMOVE_DEPTH_MAX = 64 };

/* Remove what is in the folder behind fd, which is closed. errno tells on failure. */
static int empty_folder(int fd, unsigned depth)
{
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        int number = errno;
        close(fd);
        errno = number;
        return -1;
    }
    int rc = 0;
    struct dirent *entry;
    while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
        struct stat st;
        if (is_dots(entry->d_name)) {
            continue;
        }
        rc = fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW);
        if (rc == 0 && S_ISDIR(st.st_mode)) {
            if (depth == REMOVE_DEPTH_MAX) {
                errno = ELOOP;
                rc = -1;
                break;
            }
            int inner = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            rc = inner < 0 ? -1 : empty_folder(inner, depth + 1);
        }
        if (rc == 0) {
            rc = unlinkat(fd, entry->d_name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
        }
        if (rc != 0 && errno == ENOENT) {
            rc = 0; /* somebody else was faster */
        }
    }
    int number = errno;
    if (rc == 0 && number != 0 && number != ENOENT) {
        rc = -1;
    }
    closedir(dir);
    errno = number;
    return rc;
}

int folder_remove(const char *path, struct mrc_err *err)
{
    int fd = open_again(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0) {
        return errno == ENOENT ? MRC_OK : mrc_fail_errno(err, MRC_EIO, errno, "%s", path);
    }
    if (empty_folder(fd, 0) != 0 || (rmdir(path) != 0 && errno != ENOENT)) {
        return mrc_fail_errno(err, MRC_EIO, errno, "removing %s", path);
    }
    return MRC_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int collect_names(DIR *dir, struct arena *a, struct str **list, size_t *n)
{
    size_t cap = 0;
    struct dirent *entry;
    while ((errno = 0, entry = readdir(dir)) != NULL) {
        if (is_dots(entry->d_name)) {
            continue;
        }
        if (*n == cap) {
            size_t larger = cap == 0 ? 16 : cap * 2;
            *list = arena_grow(a, *list, cap * sizeof(**list), larger * sizeof(**list), _Alignof(struct str));
            cap = larger;
        }
        if (*list == NULL || !str_copy(a, str_of(entry->d_name), &(*list)[*n])) {
            return MRC_ENOMEM;
        }
        (*n)++;
    }
    return errno == 0 ? MRC_OK : MRC_EIO;
}

int folder_list(const char *path, struct arena *a, struct str **names, size_t *n, struct mrc_err *err)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return fail(err, path);
    }
    struct str *list = NULL;
    size_t count = 0;
    int rc = collect_names(dir, a, &list, &count), number = errno;
    closedir(dir);
    if (rc == MRC_EIO) {
        return mrc_fail_errno(err, MRC_EIO, number, "%s", path);
    }
    if (rc < 0) {
        return arena_fail(a, err);
    }
    if (count > 0) {
        qsort(list, count, sizeof(*list), by_bytes);
    }
    *names = list;
    *n = count;
    return MRC_OK;
}

char *path_join(struct arena *a, const char *folder, const char *name)
{
    size_t folder_n = name[0] == '/' ? 0 : strlen(folder), name_n = strlen(name);
    bool slash = folder_n > 0 && folder[folder_n - 1] != '/';
    char *path = arena_alloc(a, folder_n + slash + name_n + 1, 1);
    if (path != NULL) {
        memcpy(path, folder, folder_n);
        if (slash) {
            path[folder_n] = '/';
        }
        memcpy(path + folder_n + slash, name, name_n + 1);
    }
    return path;
}
