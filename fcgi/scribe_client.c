/* A worker's ways to the prediction log: through the scribe's socket, straight into a database, or whichever is there.
 */
#include "fcgi/process.h"
#include "fcgi/scribe.h"
#include "fcgi/scribe_frame.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { KEPT_BYTES = 64 * 1024 }; /* a frame buffer larger than this is not kept between requests */

/* ---- through the scribe ---------------------------------------------------------------------------------------- */

struct scribe_sink {
    struct log_sink sink; /* first: the two pointers are the same */
    struct sockaddr_un address;
    int timeout_ms;
    int fd; /* -1: not connected */
    uint32_t sequence;
    struct buf frame;
};

/* Only inside this file: the connection broke and the frame may be sent again on a new one. */
enum { BROKEN = 1 };

static void disconnect(struct scribe_sink *s)
{
    if (s->fd >= 0) {
        close(s->fd);
        s->fd = -1;
    }
}

static int too_late(const struct scribe_sink *s, struct mrc_err *err)
{
    return mrc_fail(err, MRC_EBUSY, "no answer of the prediction log's writer in %d ms", s->timeout_ms);
}

/* MRC_ENOTFOUND: nobody listens. */
static int connect_scribe(struct scribe_sink *s, int64_t deadline, struct mrc_err *err)
{
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0) {
        return mrc_fail_errno(err, MRC_EIO, errno, "socket");
    }
    while (connect(s->fd, (struct sockaddr *)&s->address, sizeof(s->address)) != 0) {
        int e = errno;
        if ((e == EAGAIN || e == EINTR) && monotonic_ms() < deadline) {
            /* Its queue is full: a UNIX socket cannot be polled for that. */
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
            continue;
        }
        disconnect(s);
        if (e == EAGAIN || e == EINTR) {
            return too_late(s, err);
        }
        return mrc_fail_errno(err, e == ENOENT || e == ECONNREFUSED ? MRC_ENOTFOUND : MRC_EIO, e,
                              "prediction log's writer");
    }
    return MRC_OK;
}

/* Wait for events on the connection until the deadline. MRC_OK, or MRC_EBUSY when it has passed. */
static int wait_for(struct scribe_sink *s, short events, int64_t deadline, struct mrc_err *err)
{
    for (;;) {
        struct pollfd p = {.fd = s->fd, .events = events};
        int rc = poll(&p, 1, poll_timeout(deadline));
        if (rc > 0) {
            return MRC_OK;
        }
        if (rc == 0) {
            return too_late(s, err);
        }
        if (errno != EINTR) {
            return mrc_fail_errno(err, MRC_EIO, errno, "poll");
        }
    }
}

static int send_all(struct scribe_sink *s, struct str text, int64_t deadline, struct mrc_err *err)
{
    while (text.n > 0) {
        ssize_t n = send(s->fd, text.p, text.n, MSG_NOSIGNAL);
        if (n > 0) {
            text.p += n;
            text.n -= (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            MRC_TRY(wait_for(s, POLLOUT, deadline, err));
        } else if (errno != EINTR) {
            return BROKEN;
        }
    }
    return MRC_OK;
}

/* Read the answer to frame s->sequence; it comes whole, as a rule, in one piece. The answer's own failure comes back
 * through *answer. */
static int receive(struct scribe_sink *s, int64_t deadline, int *answer, struct mrc_err *err)
{
    unsigned char in[SCRIBE_HEADER + SCRIBE_ANSWER_MAX];
    struct scribe_header h = {.length = 0};
    size_t n = 0;
    while (n < SCRIBE_HEADER || n < SCRIBE_HEADER + h.length) {
        MRC_TRY(wait_for(s, POLLIN, deadline, err));
        ssize_t got = recv(s->fd, in + n, sizeof(in) - n, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (got <= 0) {
            return BROKEN;
        }
        bool had_header = n >= SCRIBE_HEADER;
        n += (size_t)got;
        if (!had_header && n >= SCRIBE_HEADER) {
            MRC_TRY(scribe_header_read(in, &h, err));
            if (h.kind != SCRIBE_ANSWER || h.sequence != s->sequence || h.length > SCRIBE_ANSWER_MAX) {
                return mrc_fail(err, MRC_EFORMAT, "the prediction log's writer answered something else");
            }
        }
    }
    if (n != SCRIBE_HEADER + h.length) {
        return mrc_fail(err, MRC_EFORMAT, "the prediction log's writer answered more than it was asked");
    }
    *answer = scribe_answer_read((struct str){(const char *)in + SCRIBE_HEADER, h.length}, err);
    return MRC_OK;
}

/* Send the frame once and read its answer. */
static int attempt(struct scribe_sink *s, int64_t deadline, int *answer, struct mrc_err *err)
{
    if (s->fd < 0) {
        MRC_TRY(connect_scribe(s, deadline, err));
    }
    int rc = send_all(s, buf_text(&s->frame), deadline, err);
    return rc == MRC_OK ? receive(s, deadline, answer, err) : rc;
}

/* Rows are idempotent by id, so a frame whose fate is unknown is simply sent again, once. */
static int exchange(struct scribe_sink *s, int64_t deadline, struct mrc_err *err)
{
    int answer = MRC_OK;
    int rc = attempt(s, deadline, &answer, err);
    if (rc == BROKEN) {
        disconnect(s);
        rc = attempt(s, deadline, &answer, err);
    }
    if (rc == BROKEN) {
        rc = mrc_fail(err, MRC_EBUSY, "the prediction log's writer broke the connection twice");
    }
    if (rc < 0) {
        /* A late answer on this connection would be taken for the next frame's. */
        disconnect(s);
        return rc;
    }
    return answer;
}

/* append, with MRC_ENOTFOUND when nobody listens. */
static int scribe_append_or_absent(struct scribe_sink *s, const struct prediction *rows, size_t n, struct mrc_err *err)
{
    int64_t deadline = monotonic_ms() + s->timeout_ms;
    int rc = MRC_OK;
    for (size_t done = 0; done < n && rc == MRC_OK;) {
        size_t taken = 0;
        rc = scribe_rows_write(&s->frame, ++s->sequence, rows + done, n - done, &taken, err);
        if (rc == MRC_OK) {
            rc = exchange(s, deadline, err);
        }
        done += taken;
    }
    if (s->frame.cap > KEPT_BYTES) {
        buf_release(&s->frame);
        buf_init(&s->frame, NULL, SCRIBE_HEADER + SCRIBE_BODY_MAX);
    }
    return rc;
}

static int scribe_ping_or_absent(struct scribe_sink *s, struct mrc_err *err)
{
    scribe_ping_write(&s->frame, ++s->sequence);
    MRC_TRY(buf_ok(&s->frame, err));
    return exchange(s, monotonic_ms() + s->timeout_ms, err);
}

/* The caller can only try later, whether nobody listens or nobody answers. */
static int absent_is_busy(int rc, struct mrc_err *err)
{
    if (rc == MRC_ENOTFOUND) {
        if (err != NULL) {
            err->code = MRC_EBUSY;
        }
        return MRC_EBUSY;
    }
    return rc;
}

static int scribe_append(struct log_sink *sink, const struct prediction *rows, size_t n, struct mrc_err *err)
{
    if (n == 0) {
        return sink->ping(sink, err);
    }
    return absent_is_busy(scribe_append_or_absent((struct scribe_sink *)sink, rows, n, err), err);
}

static int scribe_ping(struct log_sink *sink, struct mrc_err *err)
{
    return absent_is_busy(scribe_ping_or_absent((struct scribe_sink *)sink, err), err);
}

static void scribe_close(struct log_sink *sink)
{
    struct scribe_sink *s = (struct scribe_sink *)sink;
    disconnect(s);
    buf_release(&s->frame);
    free(s);
}

int log_sink_scribe(struct log_sink **out, const char *socket_path, int timeout_ms, struct mrc_err *err)
{
    struct scribe_sink *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for the prediction log");
    }
    size_t n = strlen(socket_path);
    if (n >= sizeof(s->address.sun_path)) {
        free(s);
        return mrc_fail(err, MRC_EINVAL, "socket path of %zu bytes, at most %zu: %s", n,
                        sizeof(s->address.sun_path) - 1, socket_path);
    }
    s->sink = (struct log_sink){.append = scribe_append, .ping = scribe_ping, .close = scribe_close};
    s->address.sun_family = AF_UNIX;
    memcpy(s->address.sun_path, socket_path, n + 1);
    s->timeout_ms = timeout_ms;
    s->fd = -1;
    buf_init(&s->frame, NULL, SCRIBE_HEADER + SCRIBE_BODY_MAX);
    *out = &s->sink;
    return MRC_OK;
}

/* ---- straight into a database ---------------------------------------------------------------------------------- */

struct store_sink {
    struct log_sink sink; /* first */
    struct store *store;
};

static int store_append(struct log_sink *sink, const struct prediction *rows, size_t n, struct mrc_err *err)
{
    if (n == 0) {
        return sink->ping(sink, err);
    }
    return store_predictions_add(((struct store_sink *)sink)->store, rows, n, err);
}

static int store_sink_ping(struct log_sink *sink, struct mrc_err *err)
{
    return store_ping(((struct store_sink *)sink)->store, err);
}

static void store_sink_close(struct log_sink *sink)
{
    free(sink);
}

int log_sink_store(struct log_sink **out, struct store *log, struct mrc_err *err)
{
    struct store_sink *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for the prediction log");
    }
    s->sink = (struct log_sink){.append = store_append, .ping = store_sink_ping, .close = store_sink_close};
    s->store = log;
    *out = &s->sink;
    return MRC_OK;
}

/* ---- whichever is there ---------------------------------------------------------------------------------------- */

struct either_sink {
    struct log_sink sink; /* first */
    struct log_sink *scribe;
    struct store *store; /* NULL: not needed so far */
    char url[];
};

static int either_store(struct either_sink *s, struct mrc_err *err)
{
    return s->store != NULL ? MRC_OK : store_open_patiently(&s->store, STORE_LOG, s->url, err);
}

/* The absence of a scribe is no failure here, so its message must not reach the caller. */
static int pass_on(int rc, const struct mrc_err *why, struct mrc_err *err)
{
    if (rc < 0 && err != NULL) {
        *err = *why;
    }
    return rc;
}

static int either_append(struct log_sink *sink, const struct prediction *rows, size_t n, struct mrc_err *err)
{
    struct either_sink *s = (struct either_sink *)sink;
    if (n == 0) {
        return sink->ping(sink, err);
    }
    struct mrc_err why;
    int rc = scribe_append_or_absent((struct scribe_sink *)s->scribe, rows, n, &why);
    if (rc != MRC_ENOTFOUND) {
        return pass_on(rc, &why, err);
    }
    MRC_TRY(either_store(s, err));
    return store_predictions_add(s->store, rows, n, err);
}

static int either_ping(struct log_sink *sink, struct mrc_err *err)
{
    struct either_sink *s = (struct either_sink *)sink;
    struct mrc_err why;
    int rc = scribe_ping_or_absent((struct scribe_sink *)s->scribe, &why);
    if (rc != MRC_ENOTFOUND) {
        return pass_on(rc, &why, err);
    }
    MRC_TRY(either_store(s, err));
    return store_ping(s->store, err);
}

static void either_close(struct log_sink *sink)
{
    struct either_sink *s = (struct either_sink *)sink;
    s->scribe->close(s->scribe);
    store_close(s->store);
    free(s);
}

int log_sink_either(struct log_sink **out, const char *socket_path, int timeout_ms, const char *log_url,
                    struct mrc_err *err)
{
    size_t n = strlen(log_url) + 1;
    struct either_sink *s = calloc(1, sizeof(*s) + n);
    if (s == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for the prediction log");
    }
    memcpy(s->url, log_url, n);
    int rc = log_sink_scribe(&s->scribe, socket_path, timeout_ms, err);
    if (rc < 0) {
        free(s);
        return rc;
    }
    s->sink = (struct log_sink){.append = either_append, .ping = either_ping, .close = either_close};
    *out = &s->sink;
    return MRC_OK;
}
