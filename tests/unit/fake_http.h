/* An HTTP server for tests of clients: a child process that answers one request a connection, by a function of the
 * test, and records what came. Memory is shared, so that the test sees what the child counted. */
#ifndef MRC_TESTS_FAKE_HTTP_H
#define MRC_TESTS_FAKE_HTTP_H

#include "tests/unit/check_main.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS 0x20
#endif

enum { FAKE_REQUESTS = 400, FAKE_BODY = 1 << 16 };

struct fake_request {
    char method[8], path[600], authorization[160], host[80], body[1200];
    int length; /* of the body, as it came */
};
struct fake_shared {
    int n;
    int state[8]; /* for the test's function */
    struct fake_request requests[FAKE_REQUESTS];
};
struct fake {
    int listener, port;
    pid_t pid;
    struct fake_shared *shared;
    char url[64];
};

static inline void fake_write(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = write(fd, p, n);
        if (sent <= 0) {
            return;
        }
        p += sent;
        n -= (size_t)sent;
    }
}

/* Status line, headers ("" or lines ending in \r\n) and body; promised: Content-Length when it is not the body's. */
static inline void fake_answer(int fd, int status, const char *headers, const char *body, size_t n, long promised)
{
    char head[900];
    int k = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %ld\r\n%s\r\n", status,
                     promised >= 0 ? promised : (long)n, headers);
    fake_write(fd, head, (size_t)k);
    fake_write(fd, body, n);
}
static inline void fake_text(int fd, int status, const char *body)
{
    fake_answer(fd, status, "Content-Type: application/json\r\n", body, strlen(body), -1);
}

typedef void (*fake_function)(int fd, const struct fake_request *r, struct fake_shared *s);

static inline void fake_header(const char *head, const char *name, char *out, size_t size)
{
    const char *p = strcasestr(head, name);
    out[0] = '\0';
    if (p != NULL) {
        p += strlen(name);
        size_t n = strcspn(p, "\r\n");
        snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), p);
    }
}

static inline void fake_serve_one(int fd, fake_function answer, struct fake_shared *s)
{
    static char text[FAKE_BODY + 1];
    size_t n = 0;
    char *end = NULL;
    while (n < FAKE_BODY && end == NULL) {
        ssize_t got = read(fd, text + n, FAKE_BODY - n);
        if (got <= 0) {
            return;
        }
        n += (size_t)got;
        text[n] = '\0';
        end = strstr(text, "\r\n\r\n");
    }
    struct fake_request r = {.method = ""};
    char length[32];
    if (end == NULL || s->n == FAKE_REQUESTS || sscanf(text, "%7s %599s", r.method, r.path) != 2) {
        return;
    }
    *end = '\0';
    fake_header(text, "\r\nauthorization: ", r.authorization, sizeof r.authorization);
    fake_header(text, "\r\nhost: ", r.host, sizeof r.host);
    fake_header(text, "\r\ncontent-length: ", length, sizeof length);
    long total = strtol(length, NULL, 10);
    size_t have = n - (size_t)(end + 4 - text);
    memcpy(r.body, end + 4, have < sizeof r.body - 1 ? have : sizeof r.body - 1);
    for (r.length = (int)have; r.length < total;) { /* the rest is only counted */
        char more[4096];
        ssize_t got = read(fd, more, sizeof more);
        if (got <= 0) {
            return;
        }
        size_t at = (size_t)r.length;
        for (ssize_t i = 0; i < got && at + (size_t)i < sizeof r.body - 1; i++) {
            r.body[at + (size_t)i] = more[i];
        }
        r.length += (int)got;
    }
    s->requests[s->n++] = r;
    answer(fd, &r, s);
}

static inline void fake_start(struct fake *f, fake_function answer)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    f->shared = mmap(NULL, sizeof *f->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(f->shared != MAP_FAILED);
    f->listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(f->listener, 0);
    ck_assert_int_eq(bind(f->listener, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(listen(f->listener, 16), 0);
    ck_assert_int_eq(getsockname(f->listener, (struct sockaddr *)&a, &size), 0);
    f->port = ntohs(a.sin_port);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%d", f->port);
    fflush(NULL);
    f->pid = fork();
    ck_assert_int_ge(f->pid, 0);
    if (f->pid == 0) {
        signal(SIGPIPE, SIG_IGN);
        for (;;) {
            int fd = accept(f->listener, NULL, NULL);
            if (fd >= 0) {
                fake_serve_one(fd, answer, f->shared);
                shutdown(fd, SHUT_WR);
                close(fd);
            }
        }
    }
}

static inline void fake_stop(struct fake *f)
{
    kill(f->pid, SIGKILL);
    waitpid(f->pid, NULL, 0);
    close(f->listener);
    munmap(f->shared, sizeof *f->shared);
}

#endif
