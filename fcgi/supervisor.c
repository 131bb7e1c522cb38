/* systemd's protocols: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3). */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "fcgi/supervisor.h"

#include "fcgi/listener.h"
#include "fcgi/process.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_FD = 3 };

/* A number of the environment; false when it is not there or none. */
static bool number_of(const char *name, uint64_t *out)
{
    const char *text = getenv(name);
    return text != NULL && parse_u64(str_of(text), out);
}

/* Variables that name a process are meant for it alone. */
static bool is_for_us(const char *name)
{
    uint64_t pid;
    return number_of(name, &pid) && pid == (uint64_t)getpid();
}

int supervisor_socket(int *fd, struct mrc_err *err)
{
    uint64_t n;
    *fd = -1;
    if (!is_for_us("LISTEN_PID") || !number_of("LISTEN_FDS", &n) || n == 0) {
        return MRC_OK;
    }
    if (n > 1) {
        return mrc_fail(err, MRC_EINVAL, "LISTEN_FDS=%llu: one socket is meant", (unsigned long long)n);
    }
    if (!is_listening(FIRST_FD)) {
        return mrc_fail(err, MRC_EINVAL, "LISTEN_FDS: descriptor %d is no listening stream socket", FIRST_FD);
    }
    (void)fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC);
    *fd = FIRST_FD;
    return MRC_OK;
}

void supervisor_notify(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = path == NULL ? 0 : strlen(path);
    if (n < 2 || n >= sizeof(a.sun_path) || (path[0] != '/' && path[0] != '@')) {
        return;
    }
    memcpy(a.sun_path, path, n);
    if (path[0] == '@') {
        a.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        (void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&a,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
        close(fd);
    }
}

void supervisor_reloading(void)
{
    char text[80];
    (void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)monotonic_us());
    supervisor_notify(text);
}

int64_t supervisor_watchdog_ms(void)
{
    uint64_t us;
    if ((getenv("WATCHDOG_PID") != NULL && !is_for_us("WATCHDOG_PID")) || !number_of("WATCHDOG_USEC", &us) ||
        us > (uint64_t)INT64_MAX) {
        return 0;
    }
    return us == 0 ? 0 : us < 2000 ? 1 : (int64_t)(us / 2000);
}
