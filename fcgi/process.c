/* Names, parents, signals, clocks and locks of processes. */
#define _GNU_SOURCE /* prctl's headers, signalfd */
#include "fcgi/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

struct process_title process_title_of(int argc, char **argv)
{
    struct process_title t = {NULL, 0};
    if (argc < 1 || argv[0] == NULL) {
        return t;
    }
    /* The kernel lays the arguments one behind the other; stop where that should not hold. */
    char *end = argv[0];
    for (int i = 0; i < argc && argv[i] == end; i++) {
        end = argv[i] + strlen(argv[i]) + 1;
    }
    t.start = argv[0];
    t.size = (size_t)(end - argv[0]);
    return t;
}

void process_name(const struct process_title *t, const char *name, const char *detail)
{
    (void)prctl(PR_SET_NAME, name, 0, 0, 0);
    if (t == NULL || t->size < 2) {
        return;
    }
    memset(t->start, 0, t->size);
    (void)snprintf(t->start, t->size, "%s%s%s", name, detail[0] == '\0' ? "" : " ", detail);
}

static void default_signals(void)
{
    static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD, SIGPIPE, SIGALRM};
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++) {
        (void)sigaction(handled[i], &dfl, NULL);
    }
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

pid_t process_fork(struct mrc_err *err)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        return (pid_t)mrc_fail_errno(err, MRC_EIO, errno, "fork");
    }
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
        /* The parent may have ended between fork and prctl: then no signal will come. */
        if (getppid() != parent) {
            _exit(0);
        }
        default_signals();
    }
    return pid;
}

void process_adopt_orphans(void)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

size_t process_children(pid_t of, pid_t *pids, size_t max)
{
    char path[64], text[16 * 1024];
    (void)snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long)of, (long)of);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0) {
        close(fd);
    }
    text[n > 0 ? n : 0] = '\0';
    size_t found = 0;
    char *at = text, *end;
    for (long pid; found < max && (pid = strtol(at, &end, 10)) > 0; at = end) {
        pids[found++] = (pid_t)pid;
    }
    return found;
}

int process_signals(const int *signals, int *fd, struct mrc_err *err)
{
    sigset_t set;
    sigemptyset(&set);
    for (const int *s = signals; *s != 0; s++) {
        sigaddset(&set, *s);
    }
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || (*fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
        return mrc_fail_errno(err, MRC_EIO, errno, "signalfd");
    }
    return MRC_OK;
}

int process_signal_next(int fd)
{
    struct signalfd_siginfo info;
    ssize_t n;
    do {
        n = read(fd, &info, sizeof(info));
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

int64_t monotonic_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t monotonic_ms(void)
{
    return monotonic_us() / 1000;
}

int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int poll_timeout(int64_t deadline_ms)
{
    if (deadline_ms == INT64_MAX) {
        return -1;
    }
    int64_t left = deadline_ms - monotonic_ms();
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

void process_host(char out[HOST_MAX])
{
    memset(out, 0, HOST_MAX);
    if (gethostname(out, HOST_MAX - 1) != 0) {
        (void)snprintf(out, HOST_MAX, "host");
    }
}

void process_holder(char out[HOLDER_MAX])
{
    char host[HOST_MAX];
    process_host(host);
    (void)snprintf(out, HOLDER_MAX, "%s:%ld", host, (long)getpid());
}

int process_lock(const char *path, int *fd, struct mrc_err *err)
{
    int f = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (f < 0) {
        return mrc_fail_errno(err, MRC_EIO, errno, "lock file %s", path);
    }
    /* A POSIX record lock belongs to the process: children neither share nor prolong it. */
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(f, F_SETLK, &lock) == 0) {
        *fd = f;
        return MRC_OK;
    }
    int e = errno;
    long holder = 0;
    lock.l_type = F_WRLCK;
    if ((e == EACCES || e == EAGAIN) && fcntl(f, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) {
        holder = (long)lock.l_pid;
    }
    close(f);
    if (e == EACCES || e == EAGAIN) {
        return mrc_fail(err, MRC_EBUSY, "%s is held by process %ld", path, holder);
    }
    return mrc_fail_errno(err, MRC_EIO, e, "lock file %s", path);
}
