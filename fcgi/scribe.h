/* The prediction log's writer process, and the ways a worker can hand it rows.
 *
 * The scribe owns the log's database: it listens on $RUN/scribe.sock, takes frames from any number of workers, commits
 * everything that waits in one transaction (synchronous=FULL) and acknowledges; only then does a worker answer. Rows
 * are idempotent by id, so a worker whose scribe died before the acknowledgement connects again and sends the same
 * rows. */
#ifndef MRC_FCGI_SCRIBE_H
#define MRC_FCGI_SCRIBE_H

#include "fcgi/store.h"

/* Where a handler puts predictions. append returns only when all rows are durable (MRC_OK) or surely reported
 * (negative: MRC_EBUSY when the writer cannot be reached in time, MRC_EIO when it cannot write). n 0 asks whether rows
 * could be written now, as ping does. */
struct log_sink {
    int (*append)(struct log_sink *sink, const struct prediction *rows, size_t n, struct mrc_err *err);
    /* Could rows be written now? NULL: unknown. For /readyz. */
    int (*ping)(struct log_sink *sink, struct mrc_err *err);
    void (*close)(struct log_sink *sink);
};

/* Through a scribe's socket; connects on first use and again after a failure. timeout_ms bounds one append. */
int log_sink_scribe(struct log_sink **out, const char *socket_path, int timeout_ms, struct mrc_err *err) MRC_CHECKED;
/* Straight into a database of this process: without a scribe (mod_fcgid), tests, fuzzers. */
int log_sink_store(struct log_sink **out, struct store *log, struct mrc_err *err) MRC_CHECKED;

/* Through the scribe while one listens, else straight into the database log_url: for processes that nobody's master
 * started (mod_fcgid), where a scribe may run as its own service or not. */
int log_sink_either(struct log_sink **out, const char *socket_path, int timeout_ms, const char *log_url,
                    struct mrc_err *err) MRC_CHECKED;

/* Run the scribe until TERM or INT: serve socket listen_fd (already bound and listening), write to the database
 * log_url. ready_fd (or -1): one byte is written to it once the database is open. After TERM connections that are still
 * open are served for a few seconds more, so that workers which end at the same time get their last rows in. Returns an
 * exit code. Frames are bounded; a malformed one closes its connection. Blocks TERM, INT, HUP and PIPE for the process.
 */
int scribe_run(int listen_fd, const char *log_url, int ready_fd, struct mrc_err *err);

#endif
