/* Life of a model: made empty, filled by a reader or the trainer, proved by model_finish, immutable from then on.
 * Also its files: recognised by their first bytes, replaced atomically. */
#include "common/trees/model.h"

#include "common/trees/evaluate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Memory that opening n bytes may take: what a file of CatBoost's needs, several times over, and a floor for tiny ones.
 */
enum { MEMORY_PER_BYTE = 64, MEMORY_FLOOR = 1 << 20 };
static const size_t file_bytes_max = (size_t)1 << 36;

const char *mrc_version(void)
{
#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)
    return TEXT(MRC_VERSION_MAJOR) "." TEXT(MRC_VERSION_MINOR) "." TEXT(MRC_VERSION_PATCH);
#undef TEXT
#undef TEXT_
}

mrc_model *model_new(size_t memory_max)
{
    mrc_model *m = calloc(1, sizeof *m);
    if (!m) {
        return NULL;
    }
    arena_init(&m->arena, memory_max);
    m->dim = 1;
    m->scale = 1;
    m->symmetric = true;
    m->bias = ARENA_ARRAY(&m->arena, 1, double);
    if (!m->bias) {
        mrc_model_free(m);
        return NULL;
    }
    return m;
}

void mrc_model_free(mrc_model *m)
{
    if (m) {
        arena_release(&m->arena);
        free(m);
    }
}

int model_finish(mrc_model *m, struct mrc_err *err)
{
    MRC_TRY(model_check(m, err));
    MRC_TRY(model_read_labels(m, err));
    return evaluator_prepare(m, err);
}

/* ---- opening --------------------------------------------------------------------------------------------------- */

static bool looks_like_json(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n && (p[i] == ' ' || p[i] == '\t' || p[i] == '\n' || p[i] == '\r')) {
        i++;
    }
    return i < n && p[i] == '{';
}

static int read_any(mrc_model *m, const uint8_t *p, size_t n, struct mrc_err *err)
{
    if (n >= 4 && memcmp(p, "CBM1", 4) == 0) {
        return model_read_cbm(m, p, n, err);
    }
    if (looks_like_json(p, n)) {
        return model_read_json(m, (struct str){(const char *)p, n}, err);
    }
    return mrc_fail(err, MRC_EFORMAT, "not a model: begins neither with CBM1 nor with {");
}

static int open_bytes(mrc_model **out, const void *bytes, size_t n, const char *kernel, struct mrc_err *err)
{
    if (n > file_bytes_max) {
        return mrc_fail(err, MRC_ELIMIT, "model of %zu bytes; the limit is %zu", n, file_bytes_max);
    }
    mrc_model *m = model_new(n * MEMORY_PER_BYTE + MEMORY_FLOOR);
    if (!m) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a model");
    }
    int rc = read_any(m, bytes, n, err);
    if (rc == MRC_OK) {
        rc = model_finish(m, err);
    }
    if (rc == MRC_OK && kernel) {
        rc = evaluator_use(m, kernel, err);
    }
    if (rc < 0) {
        mrc_model_free(m);
        return rc;
    }
    *out = m;
    return MRC_OK;
}

int mrc_model_open_mem(mrc_model **out, const void *bytes, size_t n, struct mrc_err *err)
{
    if (!out || (!bytes && n)) {
        return mrc_fail(err, MRC_EINVAL, "out and bytes must not be NULL");
    }
    return open_bytes(out, bytes, n, NULL, err);
}

/* Whole file into malloc'd memory; also for pipes, whose size is unknown beforehand. */
static int read_file(const char *path, uint8_t **out, size_t *n, struct mrc_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        int code = errno == ENOENT || errno == ENOTDIR ? MRC_ENOTFOUND : MRC_EIO;
        return mrc_fail_errno(err, code, errno, "%s", path);
    }
    struct stat st;
    bool sized = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
    size_t cap = sized ? (size_t)st.st_size + 1 : 65536;
    size_t used = 0;
    uint8_t *p = NULL;
    int rc = MRC_OK;
    for (;;) {
        if (!p || used == cap) {
            cap = p ? cap * 2 : cap;
            uint8_t *grown = cap <= file_bytes_max ? realloc(p, cap) : NULL;
            if (!grown) {
                rc = mrc_fail(err, MRC_ENOMEM, "%s: no memory for %zu bytes", path, cap);
                break;
            }
            p = grown;
        }
        ssize_t got = read(fd, p + used, cap - used);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            rc = mrc_fail_errno(err, MRC_EIO, errno, "%s", path);
            break;
        }
        used += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    if (rc < 0) {
        free(p);
        return rc;
    }
    *out = p;
    *n = used;
    return MRC_OK;
}

static int open_path(mrc_model **out, const char *path, const char *kernel, struct mrc_err *err)
{
    if (!out || !path) {
        return mrc_fail(err, MRC_EINVAL, "out and path must not be NULL");
    }
    uint8_t *bytes = NULL;
    size_t n = 0;
    MRC_TRY(read_file(path, &bytes, &n, err));
    int rc = open_bytes(out, bytes, n, kernel, err);
    free(bytes);
    if (rc < 0 && err) {
        err_wrap(err, "%s", path);
    }
    return rc;
}

int mrc_model_open(mrc_model **out, const char *path, struct mrc_err *err)
{
    return open_path(out, path, NULL, err);
}

int mrc_model_open_kernel(mrc_model **out, const char *path, const char *kernel, struct mrc_err *err)
{
    if (!kernel) {
        return mrc_fail(err, MRC_EINVAL, "kernel must not be NULL; \"auto\" chooses the best");
    }
    return open_path(out, path, kernel, err);
}

/* ---- saving ---------------------------------------------------------------------------------------------------- */

int mrc_model_write(const mrc_model *m, enum mrc_format format, void **bytes, size_t *n, struct mrc_err *err)
{
    if (!m || !bytes || !n || (format != MRC_FORMAT_CBM && format != MRC_FORMAT_JSON)) {
        return mrc_fail(err, MRC_EINVAL, "mrc_model_write wants a model, a format and places for the result");
    }
    struct buf b;
    buf_init(&b, NULL, file_bytes_max);
    int rc = format == MRC_FORMAT_CBM ? model_write_cbm(m, &b, err) : model_write_json(m, &b, err);
    if (rc == MRC_OK) {
        rc = buf_ok(&b, err);
    }
    if (rc < 0) {
        buf_release(&b);
        return rc;
    }
    *bytes = b.p;
    *n = b.n;
    return MRC_OK;
}

static int write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno != EINTR) {
            return -1;
        }
        if (put > 0) {
            p += put;
            n -= (size_t)put;
        }
    }
    return 0;
}

/* A file beside path that nobody else has, for a rename. */
static int create_beside(const char *path, char *temporary, size_t size)
{
    for (unsigned i = 0; i < 100; i++) {
        snprintf(temporary, size, "%s.%ld.%u.tmp", path, (long)getpid(), i);
        int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) {
            return fd;
        }
    }
    return -1;
}

static void sync_folder_of(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash) {
        slash[slash == path ? 1 : 0] = '\0';
    }
    int fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* not every file system has it; the rename is done all the same */
        close(fd);
    }
}

static int replace_file(const char *path, const char *bytes, size_t n, struct mrc_err *err)
{
    size_t size = strlen(path) + 48;
    char *temporary = malloc(size);
    if (!temporary) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a file name");
    }
    int rc = MRC_OK;
    int fd = create_beside(path, temporary, size);
    if (fd < 0) {
        rc = mrc_fail_errno(err, MRC_EIO, errno, "%s", path);
        goto out;
    }
    bool written = write_all(fd, bytes, n) == 0 && fsync(fd) == 0;
    int problem = errno;
    if (close(fd) != 0 && written) {
        written = false;
        problem = errno;
    }
    if (written && rename(temporary, path) != 0) {
        written = false;
        problem = errno;
    }
    if (!written) {
        unlink(temporary);
        rc = mrc_fail_errno(err, MRC_EIO, problem, "%s", path);
        goto out;
    }
    sync_folder_of(temporary);
out:
    free(temporary);
    return rc;
}

int mrc_model_save(const mrc_model *m, const char *path, enum mrc_format format, struct mrc_err *err)
{
    if (!path) {
        return mrc_fail(err, MRC_EINVAL, "path must not be NULL");
    }
    void *bytes = NULL;
    size_t n = 0;
    MRC_TRY(mrc_model_write(m, format, &bytes, &n, err));
    int rc = replace_file(path, bytes, n, err);
    free(bytes);
    return rc;
}
