/* A worker: takes one request after the other from the web server through libfcgi and has app_handle answer it. */
#ifndef MRC_FCGI_WORKER_H
#define MRC_FCGI_WORKER_H

#include "common/forecast/bundle.h"
#include "fcgi/config.h"

struct worker_parts {
    const struct settings *config;
    const struct bundle *bundle; /* NULL: none; borrowed */
    int listen_fd;               /* becomes file descriptor 0 */
    int ready_fd;                /* -1, or where this process's pid is written once it can accept */
    /* Nobody watches over versions for this process (mod_fcgid): it loads the current one itself and looks for another
     * with each request, and writes rows into the log's database when no scribe listens. bundle is then NULL. */
    bool alone;
};

/* Serve until TERM, USR1 or worker_requests_max. A request in flight is finished. Returns an exit status; err says why
 * it could not begin. Takes over SIGTERM, SIGUSR1, SIGPIPE and file descriptor 0. */
int worker_run(const struct worker_parts *parts, struct mrc_err *err);

#endif
