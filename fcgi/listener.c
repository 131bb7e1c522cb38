/* Listening sockets. */
#include "fcgi/listener.h"

#include "fcgi/process.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

bool is_listening(int fd)
{
    int on = 0, type = 0;
    socklen_t n = sizeof(on), m = sizeof(type);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) == 0 && on != 0 &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &m) == 0 && type == SOCK_STREAM;
}

int listener_take(struct listener *out, int fd, struct mrc_err *err)
{
    if (!is_listening(fd)) {
        return mrc_fail(err, MRC_EINVAL,
                        "descriptor %d is no listening socket: set `socket` to a path or host:port, "
                        "or let a web server or spawn-fcgi start this program",
                        fd);
    }
    /* A worker's accept wants to block. */
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0) {
        (void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    }
    *out = (struct listener){.fd = fd, .lock_fd = -1};
    return MRC_OK;
}

static int bind_unix(struct listener *l, const char *path, unsigned mode, int backlog, struct mrc_err *err)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n >= sizeof(a.sun_path)) {
        return mrc_fail(err, MRC_EINVAL, "socket path of %zu bytes, at most %zu: %s", n, sizeof(a.sun_path) - 1, path);
    }
    memcpy(a.sun_path, path, n + 1);
    char lock[sizeof(a.sun_path) + sizeof(".lock")];
    (void)snprintf(lock, sizeof(lock), "%s.lock", path);
    int rc = process_lock(lock, &l->lock_fd, err);
    if (rc < 0) {
        if (rc == MRC_EBUSY) {
            (void)err_wrap(err, "another server uses this socket");
        }
        return rc;
    }
    struct stat st;
    if (lstat(path, &st) == 0) {
        if (!S_ISSOCK(st.st_mode)) {
            return mrc_fail(err, MRC_ECONFLICT, "%s exists and is no socket", path);
        }
        /* Ours by the lock, so its server is dead. */
        (void)unlink(path);
    }
    /* Nobody may connect before chmod says who may. */
    mode_t mask = umask(0177);
    rc = bind(l->fd, (struct sockaddr *)&a, sizeof(a));
    int e = errno;
    (void)umask(mask);
    if (rc != 0) {
        return mrc_fail_errno(err, MRC_EIO, e, "socket %s", path);
    }
    memcpy(l->path, path, n + 1);
    if (listen(l->fd, backlog) != 0 || chmod(path, mode) != 0) {
        return mrc_fail_errno(err, MRC_EIO, errno, "socket %s", path);
    }
    return MRC_OK;
}

static int open_unix(struct listener *l, const char *path, unsigned mode, int backlog, struct mrc_err *err)
{
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0) {
        return mrc_fail_errno(err, MRC_EIO, errno, "socket");
    }
    return bind_unix(l, path, mode, backlog, err);
}

/* "host:port" → both parts; an empty host is every address. */
static bool split_address(const char *address, char *host, size_t host_size, const char **port)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon[1] == '\0') {
        return false;
    }
    const char *start = address;
    size_t n = (size_t)(colon - address);
    if (n >= 2 && start[0] == '[' && start[n - 1] == ']') {
        start++;
        n -= 2;
    } else if (memchr(start, ':', n) != NULL) {
        return false;
    }
    if (n >= host_size) {
        return false;
    }
    memcpy(host, start, n);
    host[n] = '\0';
    *port = colon + 1;
    return true;
}

static int bind_one(struct listener *l, const struct addrinfo *ai, int backlog)
{
    int on = 1;
    l->fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
    if (l->fd < 0) {
        return -1;
    }
    if (setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(l->fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(l->fd, backlog) == 0) {
        return 0;
    }
    int e = errno;
    close(l->fd);
    l->fd = -1;
    errno = e;
    return -1;
}

static int open_tcp(struct listener *l, const char *address, int backlog, struct mrc_err *err)
{
    char host[256];
    const char *port;
    if (!split_address(address, host, sizeof(host), &port)) {
        return mrc_fail(err, MRC_EINVAL, "socket %.100s: a path with '/', host:port or [address]:port is meant",
                        address);
    }
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(host[0] == '\0' ? NULL : host, port, &hints, &list);
    if (rc != 0) {
        return mrc_fail(err, MRC_EINVAL, "socket %.100s: %s", address, gai_strerror(rc));
    }
    errno = EADDRNOTAVAIL;
    for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
        if (bind_one(l, ai, backlog) == 0) {
            break;
        }
    }
    int e = errno;
    freeaddrinfo(list);
    if (l->fd >= 0) {
        return MRC_OK;
    }
    return mrc_fail_errno(err, e == EADDRINUSE ? MRC_EBUSY : MRC_EIO, e, "socket %.100s", address);
}

int listener_open(struct listener *out, const char *address, unsigned mode, int backlog, struct mrc_err *err)
{
    struct listener l = {.fd = -1, .lock_fd = -1};
    int rc;
    if (strchr(address, '/') != NULL) {
        rc = open_unix(&l, address, mode, backlog, err);
    } else {
        rc = open_tcp(&l, address, backlog, err);
    }
    if (rc < 0) {
        listener_close(&l, true);
        return rc;
    }
    *out = l;
    return MRC_OK;
}

void listener_close(struct listener *l, bool remove)
{
    if (remove && l->path[0] != '\0') {
        (void)unlink(l->path);
    }
    if (l->fd >= 0) {
        close(l->fd);
    }
    if (l->lock_fd >= 0) {
        close(l->lock_fd);
    }
    *l = (struct listener){.fd = -1, .lock_fd = -1};
}
