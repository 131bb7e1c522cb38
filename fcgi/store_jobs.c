/* Jobs with leases over a database driver: each step is one statement, so that of two hosts one wins. */
#include "fcgi/store_jobs.h"

#include "fcgi/store_parts.h"
#include "queries.h"

static void read_job(struct copier *c, const struct sql_value *v, void *out)
{
    *(struct job *)out = (struct job){.name = copy_column(c, &v[0]),
                                      .holder = copy_column(c, &v[1]),
                                      .epoch = v[2].integer,
                                      .lease_until_ms = v[3].integer,
                                      .started_ms = v[4].integer,
                                      .done_ms = v[5].integer,
                                      .failures = v[6].integer,
                                      .error = copy_column(c, &v[7]),
                                      .memo = copy_column(c, &v[8])};
}

int store_job_get(struct store *s, struct str name, struct arena *a, struct job *job, struct mrc_err *err)
{
    struct sql_value arg = sql_text(name);
    return store_find(s, Q_job_get, &arg, 1, read_job, job, a, "job", err);
}

int store_job_take(struct store *s, struct str name, struct str holder, int64_t now_ms, int64_t lease_ms,
                   struct arena *a, struct job *job, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(name), sql_text(holder), sql_integer(now_ms + lease_ms), sql_integer(now_ms)};
    int64_t taken = 0;
    if (holder.n == 0) {
        return mrc_fail(err, MRC_EINVAL, "a job is taken by somebody with a name");
    }
    MRC_TRY(store_run_counted(s, Q_job_take, args, 4, &taken, err));
    if (taken == 0) {
        return 0;
    }
    MRC_TRY(store_job_get(s, name, a, job, err));
    return str_eq(job->holder, holder) ? 1 : 0; /* 0: the lease ended between the two statements */
}

/* The statement must meet the holder's own lease. */
static int on_own(struct store *s, int q, const struct sql_value *args, size_t n, const struct job *job,
                  struct mrc_err *err)
{
    int64_t changed = 0;
    MRC_TRY(store_run_counted(s, q, args, n, &changed, err));
    return changed == 1 ? MRC_OK
                        : mrc_fail(err, MRC_ECONFLICT, "the lease of the job %.*s had ended", STR_ARG(job->name));
}

int store_job_renew(struct store *s, struct job *job, int64_t now_ms, int64_t lease_ms, struct mrc_err *err)
{
    struct sql_value args[] = {sql_integer(now_ms + lease_ms), sql_text(job->name), sql_text(job->holder),
                               sql_integer(job->epoch), sql_integer(now_ms)};
    MRC_TRY(on_own(s, Q_job_renew, args, 5, job, err));
    job->lease_until_ms = now_ms + lease_ms;
    return MRC_OK;
}

int store_job_done(struct store *s, const struct job *job, int64_t now_ms, struct str memo, struct mrc_err *err)
{
    struct sql_value args[] = {sql_integer(now_ms), sql_text(memo), sql_text(job->name), sql_text(job->holder),
                               sql_integer(job->epoch)};
    return on_own(s, Q_job_done, args, 5, job, err);
}

int store_job_failed(struct store *s, const struct job *job, struct str error, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(error), sql_text(job->name), sql_text(job->holder), sql_integer(job->epoch)};
    return on_own(s, Q_job_failed, args, 4, job, err);
}
