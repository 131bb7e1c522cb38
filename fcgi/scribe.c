/* The scribe: one thread, one poll loop, one transaction a round.
 *
 *   accept → read what is there → every whole frame joins the batch → commit → answer all
 *
 * While a commit is in progress the next frames arrive, so the batch grows with the load and a sync costs little each.
 */
#define _GNU_SOURCE /* accept4 */
#include "fcgi/scribe.h"

#include "common/base/log.h"
#include "fcgi/process.h"
#include "fcgi/scribe_frame.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 1024,
    READ_STEP = 16 * 1024,
    FRAME_MAX = SCRIBE_HEADER + SCRIBE_BODY_MAX,
    MEMORY_MAX = 256 << 20, /* of all connections' buffers together */
    LINGER_MS = 5000,       /* after TERM, for connections that are still open */
    EXIT_DATABASE = 74      /* EX_IOERR */
};

struct connection {
    int fd;
    unsigned char *in;
    size_t n, cap;
    struct scribe_header header; /* of the frame at in, once n >= SCRIBE_HEADER */
    bool ended;                  /* nothing more will come: close after this round */
};

struct entry { /* one frame of the batch */
    struct connection *from;
    size_t first, n; /* its rows */
    bool ping;
    int status;
    struct mrc_err err;
};

struct scribe {
    int listen_fd, signal_fd;
    struct store *store;
    struct connection *connections[CONNECTIONS_MAX];
    size_t n_connections;
    size_t memory;
    struct pollfd polls[CONNECTIONS_MAX + 2];
    struct entry entries[CONNECTIONS_MAX];
    size_t n_entries;
    struct prediction *rows;
    size_t n_rows, rows_cap;
    bool more;    /* a whole frame waits in a buffer already */
    bool failing; /* the last commit failed: log changes only */
};

/* ---- connections ----------------------------------------------------------------------------------------------- */

static void drop(struct scribe *s, struct connection *c)
{
    s->memory -= c->cap;
    close(c->fd);
    free(c->in);
    free(c);
}

static void accept_all(struct scribe *s)
{
    while (s->n_connections < CONNECTIONS_MAX) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            return;
        }
        struct connection *c = calloc(1, sizeof(*c));
        if (c == NULL) {
            close(fd);
            return;
        }
        c->fd = fd;
        s->connections[s->n_connections++] = c;
    }
}

static bool grow(struct scribe *s, struct connection *c)
{
    size_t cap = c->cap == 0 ? READ_STEP : c->cap * 2;
    cap = cap > FRAME_MAX ? FRAME_MAX : cap;
    if (s->memory + (cap - c->cap) > MEMORY_MAX) {
        return false;
    }
    unsigned char *in = realloc(c->in, cap);
    if (in == NULL) {
        return false;
    }
    s->memory += cap - c->cap;
    c->in = in;
    c->cap = cap;
    return true;
}

static bool whole_frame(const struct connection *c)
{
    return c->n >= SCRIBE_HEADER && c->n - SCRIBE_HEADER >= c->header.length;
}

/* Read the header as soon as it is there, so that a bad or too long one never gets a buffer. */
static void check_header(struct connection *c)
{
    struct mrc_err err;
    if (c->n < SCRIBE_HEADER) {
        return;
    }
    int rc = scribe_header_read(c->in, &c->header, &err);
    if (rc == MRC_OK && c->header.kind == SCRIBE_ANSWER) {
        rc = mrc_fail(&err, MRC_EFORMAT, "an answer where a question belongs");
    }
    if (rc < 0) {
        log_err(LOG_WARN, "malformed frame", &err);
        c->n = 0;
        c->ended = true;
    }
}

/* Take what has arrived, at least one frame when it is there; what is behind it waits for the next round. */
static void read_more(struct scribe *s, struct connection *c)
{
    while (!c->ended && !whole_frame(c)) {
        if (c->n == c->cap && !grow(s, c)) {
            log_event(LOG_WARN, "no memory for a frame", LOG_INT("connections", s->n_connections));
            c->ended = true;
            return;
        }
        ssize_t got = recv(c->fd, c->in + c->n, c->cap - c->n, 0);
        if (got > 0) {
            bool had_header = c->n >= SCRIBE_HEADER;
            c->n += (size_t)got;
            if (!had_header) {
                check_header(c);
            }
        } else if (got < 0 && errno == EINTR) {
            continue;
        } else {
            /* An end in the middle of a frame: its sender gave up, the rows were never promised. */
            c->ended = got == 0 || errno != EAGAIN;
            return;
        }
    }
}

/* The frame has been answered: what came behind it moves to the front. */
static void forget_frame(struct scribe *s, struct connection *c)
{
    size_t used = SCRIBE_HEADER + c->header.length;
    c->n -= used;
    if (c->n > 0) {
        memmove(c->in, c->in + used, c->n);
        check_header(c);
    } else if (c->cap > 4 * READ_STEP) {
        s->memory -= c->cap;
        free(c->in);
        c->in = NULL;
        c->cap = 0;
    }
    s->more = s->more || whole_frame(c);
}

/* ---- a round --------------------------------------------------------------------------------------------------- */

static int rows_reserve(struct scribe *s, size_t n, struct mrc_err *err)
{
    if (s->rows_cap - s->n_rows >= n) {
        return MRC_OK;
    }
    size_t cap = (s->n_rows + n) * 2;
    struct prediction *rows = realloc(s->rows, cap * sizeof(*rows));
    if (rows == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for %zu rows", cap);
    }
    s->rows = rows;
    s->rows_cap = cap;
    return MRC_OK;
}

/* A whole frame joins the batch. A malformed one ends its connection. */
static void collect(struct scribe *s, struct connection *c)
{
    struct entry *e = &s->entries[s->n_entries];
    *e = (struct entry){.from = c, .first = s->n_rows, .ping = c->header.kind == SCRIBE_PING};
    struct str body = {(const char *)c->in + SCRIBE_HEADER, c->header.length};
    if (!e->ping) {
        e->n = scribe_rows_count(body);
        e->status = rows_reserve(s, e->n, &e->err);
        if (e->status == MRC_OK) {
            e->status = scribe_rows_read(body, s->rows + s->n_rows, e->n, &e->err);
        }
    }
    if (e->status == MRC_EFORMAT || (e->ping && body.n > 0)) {
        log_event(LOG_WARN, "malformed frame", LOG_CSTR("err", e->ping ? "ping with a body" : e->err.msg));
        c->ended = true;
        return;
    }
    if (e->status < 0) {
        e->n = 0;
    }
    s->n_rows += e->n;
    s->n_entries++;
}

/* Errors of a row, not of the database: the other frames of the batch need not suffer. */
static bool is_of_a_row(int status)
{
    return status == MRC_EINVAL || status == MRC_ELIMIT || status == MRC_ECONFLICT || status == MRC_EBUG;
}

static void note_outcome(struct scribe *s, int status, const struct mrc_err *err)
{
    if (status < 0 && !s->failing) {
        log_err(LOG_ERROR, "prediction log cannot be written", err);
    } else if (status == MRC_OK && s->failing) {
        log_event(LOG_INFO, "prediction log can be written again", LOG_INT("rows", s->n_rows));
    }
    s->failing = status < 0;
}

/* After a failure only a real write shows that the disk takes rows again: without traffic no row would ever tell. */
static int ping(struct scribe *s, struct mrc_err *err)
{
    if (!s->failing) {
        return store_ping(s->store, err);
    }
    int rc = store_probe(s->store, err);
    if (rc == MRC_OK) {
        note_outcome(s, rc, err);
    }
    return rc;
}

static void commit_batch(struct scribe *s)
{
    struct mrc_err err = {0};
    int rc = store_predictions_add(s->store, s->rows, s->n_rows, &err);
    if (s->n_rows > 0 && !is_of_a_row(rc)) {
        note_outcome(s, rc, &err);
    }
    for (size_t i = 0; i < s->n_entries; i++) {
        struct entry *e = &s->entries[i];
        if (e->status < 0) {
            continue;
        }
        if (e->ping) {
            e->status = ping(s, &e->err);
        } else if (is_of_a_row(rc)) {
            e->status = store_predictions_add(s->store, s->rows + e->first, e->n, &e->err);
        } else {
            e->status = rc;
            e->err = err;
        }
    }
}

static void answer(const struct entry *e)
{
    unsigned char out[SCRIBE_HEADER + SCRIBE_ANSWER_MAX];
    struct connection *c = e->from;
    size_t n = scribe_answer_write(out, c->header.sequence, e->status, e->status < 0 ? e->err.msg : NULL);
    /* An answer is small and a client waits for each: a full socket means that nobody reads. */
    if (send(c->fd, out, n, MSG_NOSIGNAL) != (ssize_t)n) {
        c->ended = true;
    }
}

static void round_of(struct scribe *s)
{
    s->n_entries = s->n_rows = 0;
    s->more = false;
    for (size_t i = 0; i < s->n_connections; i++) {
        if (whole_frame(s->connections[i])) {
            collect(s, s->connections[i]);
        }
    }
    if (s->n_entries > 0) {
        commit_batch(s);
    }
    for (size_t i = 0; i < s->n_entries; i++) {
        answer(&s->entries[i]);
        forget_frame(s, s->entries[i].from);
    }
    size_t kept = 0;
    for (size_t i = 0; i < s->n_connections; i++) {
        struct connection *c = s->connections[i];
        if (c->ended) {
            drop(s, c);
        } else {
            s->connections[kept++] = c;
        }
    }
    s->n_connections = kept;
}

/* ---- the loop -------------------------------------------------------------------------------------------------- */

/* Wait for something, then read it. Returns true when TERM or INT came. */
static bool wait_and_read(struct scribe *s, int64_t deadline)
{
    size_t n = s->n_connections;
    s->polls[0] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
    s->polls[1] = (struct pollfd){.fd = n < CONNECTIONS_MAX ? s->listen_fd : -1, .events = POLLIN};
    for (size_t i = 0; i < n; i++) {
        s->polls[i + 2] = (struct pollfd){.fd = s->connections[i]->fd, .events = POLLIN};
    }
    if (poll(s->polls, n + 2, s->more ? 0 : poll_timeout(deadline)) <= 0) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (s->polls[i + 2].revents != 0) {
            read_more(s, s->connections[i]);
        }
    }
    if (s->polls[1].revents != 0) {
        accept_all(s);
    }
    bool stop = false;
    for (int sig; s->polls[0].revents != 0 && (sig = process_signal_next(s->signal_fd)) != 0;) {
        stop = stop || sig == SIGTERM || sig == SIGINT;
    }
    return stop;
}

static void serve(struct scribe *s)
{
    int64_t deadline = INT64_MAX;
    for (;;) {
        if (wait_and_read(s, deadline) && deadline == INT64_MAX) {
            log_event(LOG_INFO, "scribe stops", LOG_INT("connections", s->n_connections));
            deadline = monotonic_ms() + LINGER_MS;
            accept_all(s);
        }
        round_of(s);
        if (deadline != INT64_MAX && (s->n_connections == 0 || monotonic_ms() >= deadline)) {
            return;
        }
    }
}

static int start(struct scribe *s, const char *log_url, int ready_fd, struct mrc_err *err)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, 0};
    MRC_TRY(process_signals(signals, &s->signal_fd, err));
    int flags = fcntl(s->listen_fd, F_GETFL);
    if (flags < 0 || fcntl(s->listen_fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        return mrc_fail_errno(err, MRC_EIO, errno, "scribe's socket");
    }
    MRC_TRY(store_open_patiently(&s->store, STORE_LOG, log_url, err));
    if (ready_fd >= 0 && write(ready_fd, "R", 1) != 1) {
        return mrc_fail_errno(err, MRC_EIO, errno, "nobody waits for the scribe");
    }
    return MRC_OK;
}

int scribe_run(int listen_fd, const char *log_url, int ready_fd, struct mrc_err *err)
{
    struct scribe *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        (void)mrc_fail(err, MRC_ENOMEM, "no memory for the scribe");
        return EXIT_DATABASE;
    }
    s->listen_fd = listen_fd;
    s->signal_fd = -1;
    int rc = start(s, log_url, ready_fd, err);
    if (rc == MRC_OK) {
        serve(s);
    }
    for (size_t i = 0; i < s->n_connections; i++) {
        drop(s, s->connections[i]);
    }
    store_close(s->store);
    if (s->signal_fd >= 0) {
        close(s->signal_fd);
    }
    free(s->rows);
    free(s);
    return rc == MRC_OK ? 0 : EXIT_DATABASE;
}
