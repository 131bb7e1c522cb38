/* Faults under the programs, by LD_PRELOAD: a disk that is full, a disk that forgets what was not synced, a process
 * that dies between commit and acknowledgement, a clock that is set back. Each is off until its file appears in
 * FAULTS_DIR, so that a test can begin it in the middle of its load.
 *
 *   full         writes and growth of predictions.db* fail with ENOSPC
 *   ops          (made by FAULTS_RECORD=1 in the environment) every write, truncation and sync of predictions.db*, in
 *                order: replay.py makes from it the files as a disk would have them that lost all that was not synced
 *   kill_ack     the scribe dies by KILL instead of sending its next answer (and the file is gone)
 *   clock        seconds to add to CLOCK_REALTIME, may be negative
 *
 * FAULTS_SYNCHRONOUS_OFF=1: after SQLite was told `synchronous = FULL` it is told OFF, as a careless setting would. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name)
{
    void *p = dlsym(RTLD_NEXT, name);
    if (p == NULL) {
        abort();
    }
    return p;
}

static const char *fault_path(const char *name, char path[300])
{
    const char *dir = getenv("FAULTS_DIR");
    if (dir == NULL || snprintf(path, 300, "%s/%s", dir, name) >= 300) {
        return NULL;
    }
    return path;
}

static bool is_on(const char *name)
{
    char path[300];
    int e = errno;
    bool on = fault_path(name, path) != NULL && access(path, F_OK) == 0;
    errno = e;
    return on;
}

/* Name of the log's file behind a descriptor ("predictions.db", "predictions.db-wal"), or NULL. The index of the WAL is
 * no file of the disk: it is made anew after a crash. */
static const char *log_file(int fd, char path[300])
{
    char link[64];
    int e = errno;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, 299);
    errno = e;
    if (n <= 0) {
        return NULL;
    }
    path[n] = '\0';
    const char *name = strrchr(path, '/');
    name = name == NULL ? path : name + 1;
    return strcmp(name, "predictions.db") == 0 || strcmp(name, "predictions.db-wal") == 0 ? name : NULL;
}

/* ---- the record of what reached the disk ----------------------------------------------------------------------- */

struct op {    /* followed by the data of a write */
    char kind; /* 'w' write, 't' truncate, 's' sync */
    char file; /* 'd' database, 'w' its log */
    char unused[6];
    uint64_t offset, length;
};

static void record(char kind, const char *file, uint64_t offset, const void *data, uint64_t length)
{
    static int out = -1;
    char path[300];
    int e = errno;
    if (getenv("FAULTS_RECORD") == NULL || fault_path("ops", path) == NULL) {
        return;
    }
    if (out < 0) {
        out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    struct op op = {
        .kind = kind, .file = strcmp(file, "predictions.db") == 0 ? 'd' : 'w', .offset = offset, .length = length};
    struct iovec parts[2] = {{&op, sizeof(op)}, {(void *)(uintptr_t)data, data == NULL ? 0 : length}};
    size_t all = sizeof(op) + parts[1].iov_len;
    if (writev(out, parts, data == NULL ? 1 : 2) != (ssize_t)all) {
        abort();
    }
    errno = e;
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    char path[300];
    const char *file = log_file(fd, path);
    if (file != NULL && is_on("full")) {
        errno = ENOSPC;
        return -1;
    }
    ssize_t done = REAL(pwrite64)(fd, p, n, at);
    if (file != NULL && done > 0) {
        record('w', file, (uint64_t)at, p, (uint64_t)done);
    }
    return done;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    return pwrite64(fd, p, n, at);
}

ssize_t write(int fd, const void *p, size_t n)
{
    char path[300];
    const char *file = log_file(fd, path);
    if (file == NULL) {
        return REAL(write)(fd, p, n);
    }
    off64_t at = lseek64(fd, 0, SEEK_CUR);
    if (is_on("full")) {
        errno = ENOSPC;
        return -1;
    }
    ssize_t done = REAL(write)(fd, p, n);
    if (done > 0) {
        record('w', file, (uint64_t)at, p, (uint64_t)done);
    }
    return done;
}

int ftruncate64(int fd, off64_t size)
{
    char path[300];
    const char *file = log_file(fd, path);
    int rc = REAL(ftruncate64)(fd, size);
    if (file != NULL && rc == 0) {
        record('t', file, (uint64_t)size, NULL, 0);
    }
    return rc;
}

int ftruncate(int fd, off_t size)
{
    return ftruncate64(fd, size);
}

int fsync(int fd)
{
    char path[300];
    const char *file = log_file(fd, path);
    int rc = REAL(fsync)(fd);
    if (file != NULL && rc == 0) {
        record('s', file, 0, NULL, 0);
    }
    return rc;
}

int fdatasync(int fd)
{
    char path[300];
    const char *file = log_file(fd, path);
    int rc = REAL(fdatasync)(fd);
    if (file != NULL && rc == 0) {
        record('s', file, 0, NULL, 0);
    }
    return rc;
}

/* ---- SQLite ---------------------------------------------------------------------------------------------------- */

int sqlite3_exec(void *db, const char *text, int (*row)(void *, int, char **, char **), void *arg, char **message);
int sqlite3_exec(void *db, const char *text, int (*row)(void *, int, char **, char **), void *arg, char **message)
{
    int rc = REAL(sqlite3_exec)(db, text, row, arg, message);
    if (rc == 0 && getenv("FAULTS_SYNCHRONOUS_OFF") != NULL && strstr(text, "synchronous = FULL") != NULL) {
        rc = REAL(sqlite3_exec)(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    }
    return rc;
}

/* ---- processes and clocks -------------------------------------------------------------------------------------- */

ssize_t send(int fd, const void *p, size_t n, int flags)
{
    char name[16] = "", path[300];
    if (is_on("kill_ack") && prctl(PR_GET_NAME, name, 0, 0, 0) == 0 && strcmp(name, "mrc-scribe") == 0 &&
        fault_path("kill_ack", path) != NULL && unlink(path) == 0) {
        (void)raise(SIGKILL);
    }
    return REAL(send)(fd, p, n, flags);
}

static long clock_offset(void)
{
    char path[300], text[32];
    int e = errno;
    long offset = 0;
    bool ours = strcmp(program_invocation_short_name, "mercredi-fcgi") == 0; /* the web server keeps its clock */
    int fd = !ours || fault_path("clock", path) == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, text, sizeof(text) - 1);
        text[n > 0 ? n : 0] = '\0';
        offset = strtol(text, NULL, 10);
        close(fd);
    }
    errno = e;
    return offset;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int rc = REAL(clock_gettime)(clock, t);
    if (rc == 0 && clock == CLOCK_REALTIME) {
        t->tv_sec += clock_offset();
    }
    return rc;
}

time_t time(time_t *out)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    if (out != NULL) {
        *out = t.tv_sec;
    }
    return t.tv_sec;
}
