/* Jobs that one of all hosts does at a time: retention, refresh, shipping, drift.
 *
 * Who takes a job holds it until the lease ends, renews it while it works, and gives it back done or failed. Who dies
 * with it loses it when the lease ends. An epoch that grows with every lease tells late-comers that they lost theirs.
 * Hosts' clocks may differ by less than a lease is long. */
#ifndef MRC_FCGI_STORE_JOBS_H
#define MRC_FCGI_STORE_JOBS_H

#include "fcgi/store.h"

struct job {
    struct str name, holder; /* "retention"; a host and process, e.g. "films-1:4711" */
    int64_t epoch, lease_until_ms, started_ms;
    int64_t done_ms, failures; /* when it was last done (0: never), and how often it failed since */
    struct str error, memo;    /* of the last failure; what the job remembers from one time to the next */
};
/* 1: taken, *job as it stands; 0: another holds it. holder: not empty. */
int store_job_take(struct store *s, struct str name, struct str holder, int64_t now_ms, int64_t lease_ms,
                   struct arena *a, struct job *job, struct mrc_err *err) MRC_CHECKED;
/* Hold it for longer. MRC_ECONFLICT: the lease had ended, stop. */
int store_job_renew(struct store *s, struct job *job, int64_t now_ms, int64_t lease_ms,
                    struct mrc_err *err) MRC_CHECKED;
/* Give it back. MRC_ECONFLICT: it was no longer the holder's, and nothing changed. */
int store_job_done(struct store *s, const struct job *job, int64_t now_ms, struct str memo,
                   struct mrc_err *err) MRC_CHECKED;
int store_job_failed(struct store *s, const struct job *job, struct str error, struct mrc_err *err) MRC_CHECKED;
int store_job_get(struct store *s, struct str name, struct arena *a, struct job *job,
                  struct mrc_err *err) MRC_CHECKED; /* MRC_ENOTFOUND: never taken */

#endif
