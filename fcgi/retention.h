/* What leaves with age: predictions older than the setting log_retention and what shadow versions said of them,
 * idempotency keys that have expired. One host at a time does it, under a lease. */
#ifndef MRC_FCGI_RETENTION_H
#define MRC_FCGI_RETENTION_H

#include "fcgi/config.h"
#include "fcgi/store.h"

/* Drop predictions older than before_ms from the log, some at a time so that the scribe is not held up. go_on (may be
 * NULL) is asked between; false ends it. *dropped: how many went. */
int retention_prune(struct store *log, int64_t before_ms, bool (*go_on)(void *arg), void *arg, int64_t *dropped,
                    struct mrc_err *err) MRC_CHECKED;
/* The same of what shadow versions said of them, in the state database. */
int retention_prune_shadow(struct store *state, int64_t before_ms, bool (*go_on)(void *arg), void *arg,
                           int64_t *dropped, struct mrc_err *err) MRC_CHECKED;
/* One round by these settings; MRC_OK without doing anything when another holds the job. */
int retention_run(const struct settings *config, int64_t now_ms, bool (*go_on)(void *arg), void *arg,
                  struct mrc_err *err) MRC_CHECKED;

#endif
