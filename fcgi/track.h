/* Sum up the predictions served, per version and closed day (UTC), in MLflow: one run per version, one point per figure
 * and day, a table and a picture a day. The log is the source; MLflow gets aggregates, and rows only when mlflow_sample
 * says.
 *
 * Exactly once: a day's figures and the run's tag `shipped_through` are one call, and a day up to that tag is not sent
 * again; the lease `mlflow_tracking` lets one host ship at a time. Days wait in the log while MLflow is away and are
 * caught up in order. A film week's errors follow when its first weeks are reported, likewise. */
#ifndef MRC_FCGI_TRACK_H
#define MRC_FCGI_TRACK_H

#include "common/forecast/drift.h"
#include "common/forecast/mlflow.h"
#include "fcgi/agent.h"
#include "fcgi/store.h"

/* Is all known of what began on `date` and goes on for closed_after days (UTC)? With ten minutes of grace for rows that
 * are still being written. */
bool track_closed(int32_t date, int32_t closed_after, int64_t now_ms);
/* Task of the agent, every mlflow_track. */
int track_run(struct agent *a, void **memory, struct mrc_err *err);
void track_release(void *memory);

/* ---- one day (track_day.c) ------------------------------------------------------------------------------------- */

enum { TRACK_VERSIONS_MAX = 32, TRACK_FIGURES = 32, TRACK_BINS = 16 };

/* What one version predicted on one day. */
struct track_version {
    char version[128];
    size_t n, cap;
    double *admissions, *width, *latency_ms; /* [n]; width: log10 of high80 over low80 */
    uint64_t *films;                         /* [n] hashes of raw rows */
    size_t near;                             /* predictions with screens known */
    struct buf sample;                       /* rows of the table of single predictions */
    size_t n_sample;
};
struct track_day {
    int32_t day; /* days since 1970 */
    struct track_version versions[TRACK_VERSIONS_MAX];
    size_t n;
};
/* Asked between the pages of a long reading; a failure ends it. NULL, or hold NULL: nobody asks. */
struct track_hold {
    int (*hold)(void *arg, struct mrc_err *err);
    void *arg;
};
/* Every prediction of the log from one Unix millisecond to before another, by time. The row's texts live until the next
 * page only. n (may be NULL): how many there were. */
int track_rows(struct store *log, int64_t from_ms, int64_t until_ms, const struct track_hold *hold,
               int (*each)(const struct prediction *p, struct arena *page, void *arg, struct mrc_err *err), void *arg,
               size_t *n, struct mrc_err *err) MRC_CHECKED;
/* Read a day of the log, of model `name`; sample: rows to keep of each version. MRC_ELIMIT: too many versions. */
int track_day_read(struct store *log, const char *name, int32_t day, size_t sample, const struct track_hold *hold,
                   struct track_day *out, struct mrc_err *err) MRC_CHECKED;
void track_day_release(struct track_day *d);
/* Figures of a version as metrics of that day: at most TRACK_FIGURES, returned. Sorts the arrays. */
size_t track_figures(struct track_version *v, int32_t day, int64_t step, struct mlflow_metric *out);
/* The distribution as a table that MLflow shows ({"columns","data"}), and as a picture. After track_figures. */
void track_table(const struct track_version *v, struct buf *out);
void track_picture(const struct track_version *v, int32_t day, struct buf *out);

/* ---- drift (track_drift.c) ------------------------------------------------------------------------------------- */

/* The films that a version was asked about on a day and before, for up to TRACK_WINDOW_DAYS in all or until the days
 * before have given TRACK_WINDOW_ROWS predictions, against the version's reference. */
enum { TRACK_WINDOW_DAYS = 28, TRACK_WINDOW_ROWS = 50000 };
struct track_drift {
    struct bundle *bundle;
    struct arena arena;
    struct drift_report report;
    int32_t days;
};
/* folder: of the versions. MRC_ENOTFOUND: the version is not there, has no reference, or was asked about no film. */
int track_drift_read(struct store *log, const char *folder, const char *name, const char *version, int32_t day,
                     const struct track_hold *hold, struct track_drift *out, struct mrc_err *err) MRC_CHECKED;
void track_drift_release(struct track_drift *d);
/* As metrics of that day, at most TRACK_FIGURES with those of the day itself; their keys live as long as d. */
size_t track_drift_figures(struct track_drift *d, int32_t day, int64_t step, struct mlflow_metric *out);
/* All features as a table that MLflow shows, and the most important as a picture. */
void track_drift_table(const struct track_drift *d, struct buf *out);
void track_drift_picture(const struct track_drift *d, int32_t day, struct buf *out);

/* ---- one film week (track_week.c) ------------------------------------------------------------------------------ */

/* How far off the last forecasts before release were, of the films of one week whose first week is reported. */
struct track_error {
    char version[128];
    size_t films, inside;  /* inside: of the 80 % interval */
    double absolute, bias; /* sums, log10 of tickets; bias > 0: too high */
    double relative;       /* sum of |forecast / truth - 1| */
};
/* The films released in the week of Wednesday `week`; predictions of the REALISED_BEFORE days before. *n versions in
 * out[TRACK_VERSIONS_MAX]; 0 when nothing is reported. */
enum { REALISED_BEFORE = 56 };
int track_week_read(struct store *state, struct store *log, const char *name, int32_t week,
                    const struct track_hold *hold, struct track_error *out, size_t *n, struct mrc_err *err) MRC_CHECKED;
/* As metrics of that week, at most TRACK_FIGURES, returned. */
size_t track_errors(const struct track_error *e, int32_t week, int64_t step, struct mlflow_metric *out);

/* The beginning of the ids made from that Unix millisecond on. */
void track_id_from(int64_t ms, char out[16]);

#endif
