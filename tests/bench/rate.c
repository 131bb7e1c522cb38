/* Load at a fixed rate (open loop) over HTTP/1.1 on the loopback interface. The latency of a request counts from the
 * moment it was due, so that a server that stalls cannot hide it. With rate 0 each connection sends its next request as
 * soon as it has its answer.
 *
 *   rate -r RATE -d SECONDS -c CONNECTIONS [-T TOKEN_FILE] [-b BODY_FILE] [-y TYPE] [-o RECORD] PORT PATH
 *
 * RECORD gets a line a request: begin and end in ms of CLOCK_REALTIME, status (0: the connection broke before an answer
 * was whole), prediction id and version of the answer ("-": none). Last, one JSON line on standard output. A broken
 * connection fails the request it carried, which is never sent again. */
#define _GNU_SOURCE /* ppoll, strcasestr, memmem */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 512, ANSWER_MAX = 1 << 20, REQUEST_MAX = 4 << 20, PATIENCE_S = 20 };

struct connection {
    int fd;
    bool busy, used; /* used: has had an answer, so the server may be closing it just now */
    int64_t due_ns, begin_ms;
    size_t sent, n;
    char *answer;
};

static struct {
    double rate, seconds;
    int n_connections, port;
    char *request;
    size_t request_n;
    FILE *record;
} options = {.rate = 1000, .seconds = 5, .n_connections = 32};

static struct connection connections[CONNECTIONS_MAX];
static float *latencies_ms;
static size_t n_latencies, latencies_cap;
static long statuses[600], n_broken, n_done;

static int64_t now_ns(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "rate: %s: %s\n", what, strerror(errno));
    exit(2);
}

static char *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *text = malloc(REQUEST_MAX);
    if (f == NULL || text == NULL) {
        die(path);
    }
    *n = fread(text, 1, REQUEST_MAX - 1, f);
    fclose(f);
    text[*n] = '\0';
    return text;
}

/* ---- connections ----------------------------------------------------------------------------------------------- */

static void reconnect(struct connection *c)
{
    int on = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (c->fd >= 0) {
        close(c->fd);
    }
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        die("socket");
    }
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(c->fd, (struct sockaddr *)&a, sizeof(a)) != 0 && errno != EINPROGRESS) {
        close(c->fd);
        c->fd = -1; /* tried again when the next request is due */
    }
    c->used = false;
}

/* Text of a member of a flat answer: enough for ids and versions, which have no escapes. */
static void member(const char *text, const char *name, char out[80])
{
    const char *at = strstr(text, name);
    size_t n = 0;
    strcpy(out, "-");
    if (at != NULL && (at = strchr(at + strlen(name), '"')) != NULL) {
        for (at++; at[n] != '\0' && at[n] != '"' && n < 79; n++) {
            out[n] = at[n];
        }
        out[n] = '\0';
    }
}

static void finish(struct connection *c, int status, const char *body)
{
    char id[80] = "-", version[80] = "-";
    if (status > 0 && n_latencies < latencies_cap) {
        latencies_ms[n_latencies++] = (float)((double)(now_ns(CLOCK_MONOTONIC) - c->due_ns) * 1e-6);
    }
    statuses[status > 0 && status < 600 ? status : 0]++;
    n_broken += status == 0;
    n_done++;
    c->busy = false;
    if (options.record != NULL) {
        if (status == 200) {
            member(body, "\"prediction_id\":", id);
            const char *model = strstr(body, "\"model\":");
            member(model == NULL ? "" : model, "\"version\":", version);
        }
        fprintf(options.record, "%lld %lld %d %s %s\n", (long long)c->begin_ms,
                (long long)(now_ns(CLOCK_REALTIME) / 1000000), status, id, version);
    }
}

static void broke(struct connection *c)
{
    if (c->busy) {
        finish(c, 0, "");
    }
    reconnect(c);
}

static void push(struct connection *c)
{
    while (c->busy && c->sent < options.request_n) {
        ssize_t n = c->fd < 0 ? -1 : send(c->fd, options.request + c->sent, options.request_n - c->sent, MSG_NOSIGNAL);
        if (n > 0) {
            c->sent += (size_t)n;
        } else if (c->fd >= 0 && (errno == EAGAIN || errno == ENOTCONN || errno == EINTR)) {
            return;
        } else {
            broke(c);
        }
    }
}

static void begin(struct connection *c, int64_t due_ns)
{
    c->busy = true;
    c->due_ns = due_ns;
    c->begin_ms = now_ns(CLOCK_REALTIME) / 1000000;
    c->sent = c->n = 0;
    if (c->fd < 0) {
        reconnect(c);
    }
    push(c);
}

/* The answer is whole: take it. */
static void check_answer(struct connection *c)
{
    c->answer[c->n] = '\0';
    char *body = strstr(c->answer, "\r\n\r\n");
    if (body == NULL) {
        return;
    }
    *body = '\0';
    const char *length = strcasestr(c->answer, "\r\ncontent-length:");
    bool chunked = strcasestr(c->answer, "\r\ntransfer-encoding: chunked") != NULL;
    bool closes = strcasestr(c->answer, "\r\nconnection: close") != NULL;
    *body = '\r';
    body += 4;
    size_t have = c->n - (size_t)(body - c->answer);
    bool whole = chunked ? have >= 5 && memcmp(c->answer + c->n - 5, "0\r\n\r\n", 5) == 0
                         : have >= (length == NULL ? 0 : strtoul(length + 17, NULL, 10));
    if (whole) {
        finish(c, (int)strtol(c->answer + 9, NULL, 10), body);
        c->used = true;
        if (closes) {
            reconnect(c);
        }
    }
}

static void pull(struct connection *c)
{
    for (;;) {
        ssize_t n = recv(c->fd, c->answer + c->n, ANSWER_MAX - 1 - c->n, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (n <= 0 || c->n + (size_t)n >= ANSWER_MAX - 1) {
            broke(c);
            return;
        }
        c->n += (size_t)n;
        if (c->busy) {
            check_answer(c);
        }
    }
}

/* ---- the loop -------------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static double quantile(double q)
{
    return n_latencies == 0 ? 0 : (double)latencies_ms[(size_t)((double)(n_latencies - 1) * q)];
}

static void wait_ns(int64_t ns)
{
    static struct pollfd p[CONNECTIONS_MAX];
    for (int i = 0; i < options.n_connections; i++) {
        struct connection *c = &connections[i];
        short events = POLLIN;
        if (c->busy && c->sent < options.request_n) {
            events |= POLLOUT;
        }
        p[i] = (struct pollfd){.fd = c->fd, .events = events};
    }
    ns = ns < 0 ? 0 : ns;
    struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    if (ppoll(p, (nfds_t)options.n_connections, &t, NULL) <= 0) {
        return;
    }
    for (int i = 0; i < options.n_connections; i++) {
        if (p[i].revents & POLLOUT) {
            push(&connections[i]);
        }
        if ((p[i].revents & (POLLIN | POLLHUP | POLLERR)) && p[i].fd == connections[i].fd) {
            pull(&connections[i]);
        }
    }
}

static void closed_loop(int64_t start)
{
    int64_t end = start + (int64_t)(options.seconds * 1e9), now;
    while ((now = now_ns(CLOCK_MONOTONIC)) < end) {
        for (int i = 0; i < options.n_connections; i++) {
            if (!connections[i].busy) {
                begin(&connections[i], now);
            }
        }
        wait_ns(10000000);
    }
}

static long open_loop(int64_t start)
{
    long total = (long)(options.rate * options.seconds), begun = 0;
    double gap = 1e9 / options.rate;
    int turn = 0;
    while (begun < total) {
        int64_t now = now_ns(CLOCK_MONOTONIC);
        long due = (long)((double)(now - start) / gap) + 1;
        due = due > total ? total : due;
        for (int i = 0; i < options.n_connections && begun < due; i++) {
            struct connection *c = &connections[turn];
            turn = (turn + 1) % options.n_connections;
            if (!c->busy) {
                begin(c, start + (int64_t)((double)begun++ * gap));
            }
        }
        int64_t next = start + (int64_t)((double)begun * gap) - now_ns(CLOCK_MONOTONIC);
        wait_ns(begun < due ? 1000000 : next);
        if (now - start > (int64_t)((options.seconds + PATIENCE_S) * 1e9)) {
            break;
        }
    }
    return total;
}

static void build_request(const char *token_file, const char *body_file, const char *type, const char *path)
{
    size_t body_n = 0, token_n = 0;
    char *body = body_file == NULL ? NULL : slurp(body_file, &body_n);
    char *token = token_file == NULL ? NULL : slurp(token_file, &token_n);
    while (token_n > 0 && (unsigned char)token[token_n - 1] <= ' ') {
        token[--token_n] = '\0';
    }
    size_t size = body_n + token_n + strlen(path) + strlen(type) + 256;
    options.request = malloc(size);
    if (options.request == NULL) {
        die("request");
    }
    int n =
        snprintf(options.request, size, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", body == NULL ? "GET" : "POST", path);
    if (token != NULL) {
        n += snprintf(options.request + n, size - (size_t)n, "Authorization: Bearer %s\r\n", token);
    }
    if (body != NULL) {
        n += snprintf(options.request + n, size - (size_t)n, "Content-Type: %s\r\nContent-Length: %zu\r\n", type,
                      body_n);
    }
    n += snprintf(options.request + n, size - (size_t)n, "\r\n");
    if (body != NULL) {
        memcpy(options.request + n, body, body_n);
    }
    options.request_n = (size_t)n + body_n;
    free(body);
    free(token);
}

static void report(double seconds, long begun)
{
    long answered = n_done - n_broken;
    qsort(latencies_ms, n_latencies, sizeof(*latencies_ms), by_value);
    printf("{\"rate\":%.0f,\"seconds\":%.3f,\"begun\":%ld,\"answered\":%ld,\"broken\":%ld,\"unanswered\":%ld,"
           "\"rps\":%.1f,\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"max_ms\":%.3f,\"status\":{",
           options.rate, seconds, begun, answered, n_broken, begun - n_done, (double)answered / seconds, quantile(0.5),
           quantile(0.9), quantile(0.99), quantile(0.999), quantile(1));
    const char *comma = "";
    for (int i = 0; i < 600; i++) {
        if (statuses[i] > 0) {
            printf("%s\"%d\":%ld", comma, i, statuses[i]);
            comma = ",";
        }
    }
    printf("}}\n");
}

int main(int argc, char **argv)
{
    const char *token_file = NULL, *body_file = NULL, *type = "application/json";
    for (int o; (o = getopt(argc, argv, "r:d:c:T:b:y:o:")) > 0;) {
        switch (o) {
        case 'r':
            options.rate = strtod(optarg, NULL);
            break;
        case 'd':
            options.seconds = strtod(optarg, NULL);
            break;
        case 'c':
            options.n_connections = (int)strtol(optarg, NULL, 10);
            break;
        case 'T':
            token_file = optarg;
            break;
        case 'b':
            body_file = optarg;
            break;
        case 'y':
            type = optarg;
            break;
        case 'o':
            options.record = fopen(optarg, "w");
            break;
        default:
            return 64;
        }
    }
    if (argc - optind != 2 || options.n_connections < 1 || options.n_connections > CONNECTIONS_MAX ||
        !(options.rate >= 0) || !(options.seconds > 0)) {
        fprintf(stderr, "usage: rate -r RATE -d SECONDS -c CONNECTIONS [-T TOKEN_FILE] [-b BODY_FILE] [-y TYPE] "
                        "[-o RECORD] PORT PATH\n");
        return 64;
    }
    options.port = (int)strtol(argv[optind], NULL, 10);
    build_request(token_file, body_file, type, argv[optind + 1]);
    latencies_cap = options.rate > 0 ? (size_t)(options.rate * options.seconds) + 1 : 10000000;
    latencies_ms = malloc(latencies_cap * sizeof(*latencies_ms));
    for (int i = 0; i < options.n_connections; i++) {
        connections[i] = (struct connection){.fd = -1, .answer = malloc(ANSWER_MAX)};
        if (latencies_ms == NULL || connections[i].answer == NULL) {
            die("memory");
        }
        reconnect(&connections[i]);
    }
    int64_t start = now_ns(CLOCK_MONOTONIC);
    long begun = -1;
    if (options.rate > 0) {
        begun = open_loop(start);
    } else {
        closed_loop(start);
    }
    int64_t sent = now_ns(CLOCK_MONOTONIC);
    for (bool busy = true; busy && now_ns(CLOCK_MONOTONIC) < sent + (int64_t)PATIENCE_S * 1000000000;) {
        busy = false;
        wait_ns(10000000);
        for (int i = 0; i < options.n_connections; i++) {
            busy = busy || connections[i].busy;
        }
    }
    report((double)(now_ns(CLOCK_MONOTONIC) - start) * 1e-9, begun < 0 ? n_done : begun);
    if (options.record != NULL && fclose(options.record) != 0) {
        die("record");
    }
    return 0;
}
