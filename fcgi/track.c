/* The shipping of closed days. What has been shipped is known by three things, any of which may be lost but the last:
 * the job's memo (up to which day all is done), the run's tag `shipped_through`, and the log itself. */
#include "fcgi/track.h"

#include "common/base/date.h"
#include "common/base/log.h"
#include "fcgi/process.h"
#include "fcgi/registry.h"
#include "fcgi/shared.h"
#include "fcgi/store_jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LEASE_MS = 60 * 1000,
    RENEW_MS = 10 * 1000,
    ROUND_MS = 4000,
    GRACE_MS = 10 * 60 * 1000,
    LISTED_DAYS = 60,
    CLOCKS_APART_MS = 60 * 1000,
    TEXT_MAX = 8 << 20
};
#define DAY_MS ((int64_t)86400000)

struct track {
    struct mlflow *m;
    struct store *state, *log;
    struct shared *shared;
    char experiment[MLFLOW_ID_MAX]; /* of what is being done */
    char holder[HOLDER_MAX];
    bool clocks_apart;  /* said already */
    struct job *job;    /* what is being done under its lease */
    int64_t renewed_ms; /* when that was taken or renewed last */
};

/* One version's run of predictions. */
struct track_run {
    struct mlflow_run run;
    int32_t first_day, shipped_through, realised_through; /* DATE_NONE: nothing yet */
    char model_id[MLFLOW_ID_MAX];                         /* logged model that the run is to name, "" without one */
    char listed[MLFLOW_VALUE_MAX + 1];                    /* tag mlflow.loggedArtifacts as it stands */
};

/* Before anything is written: a host that was held up past its lease leaves the work to whoever took it. */
static int keep_lease(struct track *t, struct mrc_err *err)
{
    t->renewed_ms = monotonic_ms();
    return store_job_renew(t->state, t->job, wall_ms(), LEASE_MS, err);
}

/* Between the pages of a long day. */
static int hold_lease(void *arg, struct mrc_err *err)
{
    struct track *t = arg;
    return monotonic_ms() - t->renewed_ms < RENEW_MS ? MRC_OK : keep_lease(t, err);
}

/* ---- the run of a version -------------------------------------------------------------------------------------- */

static int find_experiment(struct track *t, const struct settings *config, struct mrc_err *err)
{
    char name[300];
    if (setting_is_set(config, CONFIG_MLFLOW_EXPERIMENT)) {
        (void)snprintf(name, sizeof(name), "%.290s", setting_cstr(config, CONFIG_MLFLOW_EXPERIMENT));
    } else {
        (void)snprintf(name, sizeof(name), "%.250s-predictions", registry_model(config));
    }
    return mlflow_experiment(t->m, name,
                             "Predictions that were served: one run per version, one point per figure and closed day "
                             "(UTC). Figures in admissions. Step: days since the version's first day.",
                             t->experiment, NULL, err);
}

/* One of our versions as MLflow knows it; empty texts where it did not come from there. */
static void find_origin(const struct settings *config, const char *version, struct registry_version *out)
{
    char folder[4700];
    struct registry_version *v = calloc(REGISTRY_VERSIONS_MAX, sizeof(*v));
    *out = (struct registry_version){.fetched = false};
    size_t n = v != NULL && registry_folder(config, folder, sizeof(folder), NULL) == MRC_OK
                   ? registry_versions_read(folder, v)
                   : 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(v[i].folder, version) == 0) {
            *out = v[i];
            break;
        }
    }
    free(v);
}

static int get_run(struct track *t, const struct settings *config, const char *version, int32_t day,
                   struct track_run *out, struct mrc_err *err)
{
    char name[300], note[400];
    struct json_doc *doc;
    struct registry_version there;
    find_origin(config, version, &there);
    (void)snprintf(name, sizeof(name), "%.120s %.120s", registry_model(config), version);
    (void)snprintf(note, sizeof(note),
                   "Served predictions of version **%.120s**%s%s%s. Step: days since the first day.", version,
                   there.number[0] != '\0' ? " (version " : "", there.number,
                   there.number[0] != '\0' ? " of the model in MLflow)" : "");
    const struct mlflow_pair tags[] = {{"kind", STR("predictions")},
                                       {"model_name", str_of(registry_model(config))},
                                       {"model_version", str_of(version)}};
    const struct mlflow_pair more[] = {
        {"mlflow_version", str_of(there.number)}, {"training_run_id", str_of(there.run)},
        {"mlflow.user", STR("mercredi")},         {"mlflow.source.name", STR("mercredi-fcgi")},
        {"mlflow.source.type", STR("JOB")},       {"mlflow.note.content", str_of(note)}};
    MRC_TRY(mlflow_run_get(t->m, t->experiment, name, (int64_t)day * DAY_MS, tags, 3, more, 6, &out->run, err));
    out->first_day = (int32_t)(out->run.start_ms / DAY_MS);
    MRC_TRY(mlflow_run_read(t->m, out->run.id, &doc, err));
    const struct json *data = json_find(json_find(json_root(doc), "run"), "data");
    struct str through = mlflow_tag(data, "shipped_through"), listed = mlflow_tag(data, "mlflow.loggedArtifacts");
    out->shipped_through = date_parse(through, NULL);
    out->realised_through = date_parse(mlflow_tag(data, "realised_through"), NULL);
    (void)snprintf(out->listed, sizeof(out->listed), "%.*s", STR_ARG(listed));
    bool named = json_count(json_find(json_find(json_find(json_root(doc), "run"), "inputs"), "model_inputs")) > 0;
    (void)snprintf(out->model_id, sizeof(out->model_id), "%s", named ? "" : there.model_id);
    json_free(doc);
    return MRC_OK;
}

/* ---- one day of one version ------------------------------------------------------------------------------------ */

/* The list of tables that the run's page shows: the days before, then this one. */
static void put_listed(const struct track_run *run, const char *const *paths, size_t n, struct buf *out)
{
    struct json_doc *doc = NULL;
    struct json_out w;
    struct str path;
    const struct json_limits limits = {MLFLOW_VALUE_MAX, 4, 0};
    if (json_read(&doc, str_of(run->listed), &limits, NULL, NULL) < 0) {
        doc = NULL;
    }
    size_t old = doc == NULL ? 0 : json_count(json_root(doc)), skip = old + n > LISTED_DAYS ? old + n - LISTED_DAYS : 0;
    json_out_init(&w, out);
    json_open_array(&w);
    for (const struct json *item = doc == NULL ? NULL : json_first(json_root(doc)); item != NULL;
         item = json_next(item)) {
        bool again = !json_str(json_find(item, "path"), &path);
        for (size_t i = 0; i < n && !again; i++) {
            again = str_is(path, paths[i]);
        }
        if (skip > 0 || again) {
            skip -= skip > 0;
        } else {
            json_put_value(&w, item);
        }
    }
    for (size_t i = 0; i < n; i++) {
        json_open_object(&w);
        json_pair_cstr(&w, "path", paths[i]);
        json_pair_cstr(&w, "type", "table");
        json_close_object(&w);
    }
    json_close_array(&w);
    json_free(doc);
}

static int send_text(struct track *t, const struct track_run *run, const char *path, struct buf *text,
                     struct mrc_err *err)
{
    int rc = buf_ok(text, err);
    rc = rc < 0 ? rc : mlflow_upload_text(t->m, run->run.artifact_uri, path, buf_text(text), err);
    buf_reset(text);
    return rc;
}

/* With the first day: which logged model the run used. Only a link of pages, so no day waits for one that is refused.
 */
static int link_model(struct track *t, const struct track_run *run, struct mrc_err *err)
{
    struct mrc_err why = {0};
    if (run->model_id[0] == '\0') {
        return MRC_OK;
    }
    int rc = mlflow_inputs(t->m, run->run.id, NULL, run->model_id, &why);
    if (rc == MRC_EBUSY) {
        return mrc_fail(err, rc, "%s", why.msg);
    }
    if (rc < 0) {
        log_err(LOG_WARN, "the run of predictions does not name its model", &why);
    }
    return MRC_OK;
}

/* Files first, they may be sent twice; then figures and the tag that says they are there, in one call. */
static int send_day(struct track *t, const struct track_run *run, struct track_version *v, struct track_drift *d,
                    int32_t day, struct mrc_err *err)
{
    struct mlflow_metric figures[TRACK_FIGURES];
    struct buf text, listed;
    char date[DATE_TEXT], table[80], sample[80], picture[80], drift[80], drift_picture[80];
    const char *paths[3] = {table};
    size_t n_paths = 1;
    date_format(day, date);
    (void)snprintf(drift, sizeof(drift), "drift/%s.json", date);
    (void)snprintf(drift_picture, sizeof(drift_picture), "pictures/%s-drift.svg", date);
    (void)snprintf(table, sizeof(table), "distribution/%s.json", date);
    (void)snprintf(sample, sizeof(sample), "sample/%s.json", date);
    (void)snprintf(picture, sizeof(picture), "pictures/%s.svg", date);
    size_t n = track_figures(v, day, day - run->first_day, figures);
    if (d != NULL) {
        n += track_drift_figures(d, day, day - run->first_day, figures + n);
    }
    buf_init(&text, NULL, TEXT_MAX);
    buf_init(&listed, NULL, MLFLOW_VALUE_MAX);
    track_table(v, &text);
    int rc = link_model(t, run, err);
    rc = rc < 0 ? rc : send_text(t, run, table, &text, err);
    if (rc == MRC_OK) {
        track_picture(v, day, &text);
        rc = send_text(t, run, picture, &text, err);
    }
    if (rc == MRC_OK && d != NULL) {
        paths[n_paths++] = drift;
        track_drift_table(d, &text);
        rc = send_text(t, run, drift, &text, err);
    }
    if (rc == MRC_OK && d != NULL) {
        track_drift_picture(d, day, &text);
        rc = send_text(t, run, drift_picture, &text, err);
    }
    if (rc == MRC_OK && v->n_sample > 0 && buf_ok(&v->sample, NULL) == MRC_OK) {
        paths[n_paths++] = sample;
        buf_puts(&text,
                 "{\"columns\":[\"prediction_id\",\"time\",\"film\",\"admissions\",\"low80\",\"high80\"],\"data\":[");
        buf_str(&text, buf_text(&v->sample));
        buf_puts(&text, "]}");
        rc = send_text(t, run, sample, &text, err);
    }
    buf_release(&text);
    if (rc == MRC_OK) {
        put_listed(run, paths, n_paths, &listed);
        const struct mlflow_pair tags[] = {{"mlflow.loggedArtifacts", buf_text(&listed)},
                                           {"shipped_through", str_of(date)}};
        bool fits = buf_ok(&listed, NULL) == MRC_OK;
        rc = keep_lease(t, err);
        rc = rc < 0
                 ? rc
                 : mlflow_log(t->m, run->run.id, NULL, 0, figures, n, fits ? tags : tags + 1, fits ? 2 : 1, NULL, err);
    }
    buf_release(&listed);
    return rc;
}

/* *d and MRC_OK, or *d NULL where there is nothing to compare: the day is worth shipping without. */
static int find_drift(struct track *t, const struct settings *config, const char *version, int32_t day,
                      struct track_drift *room, struct track_drift **d, struct mrc_err *err)
{
    char folder[4700];
    struct mrc_err why = {0};
    const struct track_hold hold = {hold_lease, t};
    *d = NULL;
    MRC_TRY(registry_folder(config, folder, sizeof(folder), err));
    int rc = track_drift_read(t->log, folder, setting_cstr(config, CONFIG_MODEL), version, day, &hold, room, &why);
    if (rc == MRC_OK) {
        *d = room;
    } else if (rc == MRC_EFORMAT || rc == MRC_EUNSUPPORTED || rc == MRC_ELIMIT) {
        log_event(LOG_WARN, "no drift figures of this day", LOG_CSTR("version", version), LOG_CSTR("err", why.msg));
    } else if (rc != MRC_ENOTFOUND) {
        if (err != NULL) {
            *err = why;
        }
        return rc;
    }
    return MRC_OK;
}

static int ship_version(struct track *t, const struct settings *config, struct track_version *v, int32_t day,
                        struct mrc_err *err)
{
    struct track_run run;
    struct track_drift room = {.bundle = NULL}, *drift;
    MRC_TRY(keep_lease(t, err));
    MRC_TRY(get_run(t, config, v->version, day, &run, err));
    if (run.shipped_through != DATE_NONE && run.shipped_through >= day) {
        return MRC_OK;
    }
    MRC_TRY(find_drift(t, config, v->version, day, &room, &drift, err));
    int rc = keep_lease(t, err);
    rc = rc < 0 ? rc : send_day(t, &run, v, drift, day, err);
    track_drift_release(&room);
    MRC_TRY(rc);
    shared_count(t->shared, "mercredi_mlflow_days_total{result=\"shipped\"}", 1);
    char date[DATE_TEXT];
    date_format(day, date);
    log_event(LOG_INFO, "day of predictions is in MLflow", LOG_CSTR("day", date), LOG_CSTR("version", v->version),
              LOG_INT("predictions", v->n));
    return MRC_OK;
}

/* What is too much will not become less: what comes after it must not wait for it. */
static void leave_out(struct track *t, int32_t day, const struct mrc_err *why)
{
    char date[DATE_TEXT];
    date_format(day, date);
    log_event(LOG_ERROR, "alert: a day or week of predictions is too much to be summed up, and is left out",
              LOG_CSTR("date", date), LOG_CSTR("err", why->msg));
    shared_count(t->shared, "mercredi_mlflow_days_total{result=\"failed\"}", 1);
}

static int ship_day(struct track *t, const struct settings *config, int32_t day, struct mrc_err *err)
{
    struct track_day d;
    const struct track_hold hold = {hold_lease, t};
    struct mrc_err why = {0};
    int rc = track_day_read(t->log, setting_cstr(config, CONFIG_MODEL), day,
                            (size_t)setting_int(config, CONFIG_MLFLOW_SAMPLE), &hold, &d, &why);
    if (rc == MRC_ELIMIT) {
        leave_out(t, day, &why);
        return MRC_OK;
    }
    if (rc < 0) {
        if (err != NULL) {
            *err = why;
        }
        return rc;
    }
    for (size_t i = 0; i < d.n && rc == MRC_OK; i++) {
        rc = ship_version(t, config, &d.versions[i], day, err);
    }
    track_day_release(&d);
    return rc;
}

/* ---- one week -------------------------------------------------------------------------------------------------- */

/* What became of the forecasts of a version that has a run; one that never shipped a day has none. */
static int ship_error(struct track *t, const struct settings *config, const struct track_error *e, int32_t week,
                      struct mrc_err *err)
{
    struct mlflow_metric figures[TRACK_FIGURES];
    struct track_run run;
    char date[DATE_TEXT];
    date_format(week, date);
    MRC_TRY(keep_lease(t, err));
    MRC_TRY(get_run(t, config, e->version, week, &run, err));
    if (run.realised_through != DATE_NONE && run.realised_through >= week) {
        return MRC_OK;
    }
    size_t n = track_errors(e, week, week - run.first_day, figures);
    const struct mlflow_pair tag = {"realised_through", str_of(date)};
    MRC_TRY(mlflow_log(t->m, run.run.id, NULL, 0, figures, n, &tag, 1, NULL, err));
    shared_count(t->shared, "mercredi_mlflow_days_total{result=\"realised\"}", 1);
    log_event(LOG_INFO, "errors of a film week are in MLflow", LOG_CSTR("week", date), LOG_CSTR("version", e->version),
              LOG_INT("films", e->films));
    return MRC_OK;
}

static int ship_week(struct track *t, const struct settings *config, int32_t week, struct mrc_err *err)
{
    struct track_error *e = calloc(TRACK_VERSIONS_MAX, sizeof(*e));
    const struct track_hold hold = {hold_lease, t};
    size_t n = 0;
    struct mrc_err why = {0};
    int rc = e == NULL
                 ? mrc_fail(&why, MRC_ENOMEM, "no memory for a week of films")
                 : track_week_read(t->state, t->log, setting_cstr(config, CONFIG_MODEL), week, &hold, e, &n, &why);
    if (rc == MRC_ELIMIT) {
        leave_out(t, week, &why);
        rc = MRC_OK;
    } else if (rc < 0 && err != NULL) {
        *err = why;
    }
    for (size_t i = 0; i < n && rc == MRC_OK; i++) {
        rc = e[i].films == 0 ? MRC_OK : ship_error(t, config, &e[i], week, err);
    }
    free(e);
    return rc;
}

/* ---- which is next --------------------------------------------------------------------------------------------- */

/* The first day with predictions from `day` on (DATE_NONE: of all), DATE_NONE when there is none. */
static int next_day(struct track *t, int32_t day, int32_t *out, struct mrc_err *err)
{
    char after[24] = "";
    struct arena a;
    struct prediction *rows;
    size_t n;
    if (day != DATE_NONE) {
        track_id_from((int64_t)day * DAY_MS, after);
    }
    arena_init(&a, 16 << 20);
    *out = DATE_NONE;
    int rc = store_predictions_range(t->log, str_of(after), STR("~"), 1, &a, &rows, &n, err);
    if (rc == MRC_OK && n == 1) {
        unsigned long long high = 0;
        unsigned low = 0;
        if (sscanf(rows[0].id.p, "%8llx-%4x", &high, &low) == 2) {
            *out = (int32_t)((int64_t)((high << 16) | low) / DAY_MS);
        }
    }
    arena_release(&a);
    return rc;
}

/* The film week after `week`, from that of the first prediction on. */
static int next_week(struct track *t, int32_t week, int32_t *out, struct mrc_err *err)
{
    int32_t first = DATE_NONE;
    if (week != DATE_NONE) {
        *out = week + 7;
        return MRC_OK;
    }
    MRC_TRY(next_day(t, DATE_NONE, &first, err));
    *out = first == DATE_NONE ? DATE_NONE : date_film_week(first) + 7;
    return MRC_OK;
}

static const struct span {
    const char *job;
    int32_t closed_after; /* days from its date until all is known */
    int (*next)(struct track *t, int32_t after, int32_t *out, struct mrc_err *err);
    int (*ship)(struct track *t, const struct settings *config, int32_t date, struct mrc_err *err);
    int32_t step;
} spans[] = {
    {"mlflow_tracking", 1, next_day, ship_day, 1},
    {"mlflow_realised", 7 + 21, next_week, ship_week, 0}, /* three weeks to report a first week */
};

/* By this clock or MLflow's, whichever is behind: on a host whose own is ahead, today would be taken for closed. */
static int64_t earlier_now_ms(struct track *t)
{
    int64_t now = wall_ms(), ahead = mlflow_ahead_ms(t->m);
    bool apart = ahead > CLOCKS_APART_MS || ahead < -CLOCKS_APART_MS;
    if (apart && !t->clocks_apart) {
        log_event(LOG_WARN, "alert: this clock and MLflow's differ; a day is summed up when both say that it is over",
                  LOG_INT("ahead_s", ahead / 1000));
    }
    t->clocks_apart = apart;
    return ahead > 0 ? now - ahead : now;
}

bool track_closed(int32_t date, int32_t closed_after, int64_t now_ms)
{
    return date != DATE_NONE && now_ms >= (int64_t)(date + closed_after) * DAY_MS + GRACE_MS;
}

/* Ship it, when it is closed. */
static int ship_closed(struct track *t, const struct settings *config, const struct span *span, int32_t date,
                       bool *closed, struct mrc_err *err)
{
    *closed = track_closed(date, span->closed_after, wall_ms());
    if (!*closed) {
        return MRC_OK;
    }
    MRC_TRY(find_experiment(t, config, err)); /* anew: it may have been deleted; and MLflow's clock is known then */
    *closed = track_closed(date, span->closed_after, earlier_now_ms(t));
    return *closed ? span->ship(t, config, date, err) : MRC_OK;
}

/* One day, or week, under the lease. 1: done, there may be more; 0: nothing to do. The memo is the last date done. */
static int ship_next(struct track *t, const struct settings *config, const struct span *span, struct mrc_err *err)
{
    struct arena a;
    struct job job;
    struct mrc_err why = {0};
    int32_t date = DATE_NONE;
    bool closed = false;
    char memo[DATE_TEXT];
    arena_init(&a, 1 << 20);
    int rc = store_job_take(t->state, str_of(span->job), str_of(t->holder), wall_ms(), LEASE_MS, &a, &job, err);
    if (rc <= 0) {
        arena_release(&a);
        return rc;
    }
    int32_t through = date_parse(job.memo, NULL);
    t->job = &job;
    t->renewed_ms = monotonic_ms();
    rc = span->next(t, through == DATE_NONE ? DATE_NONE : through + span->step, &date, &why);
    rc = rc < 0 ? rc : ship_closed(t, config, span, date, &closed, &why);
    if (rc == MRC_OK) {
        (void)snprintf(memo, sizeof(memo), "%.*s", STR_ARG(job.memo));
        if (closed) {
            date_format(date, memo);
        }
        rc = store_job_done(t->state, &job, wall_ms(), str_of(memo), &why);
    } else if (store_job_failed(t->state, &job, str_of(why.msg), NULL) < 0) {
        log_event(LOG_WARN, "the job is not given back", LOG_CSTR("job", span->job));
    }
    t->job = NULL;
    arena_release(&a);
    if (rc < 0 && err != NULL) {
        *err = why;
    }
    return rc < 0 ? rc : closed;
}

/* ---- the task -------------------------------------------------------------------------------------------------- */

void track_release(void *memory)
{
    struct track *t = memory;
    mlflow_close(t->m);
    store_close(t->state);
    store_close(t->log);
    shared_close(t->shared);
    free(t);
}

static int begin(struct agent *a, void **memory, struct mrc_err *err)
{
    const struct settings *config = agent_config(a);
    struct track *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory to track predictions");
    }
    process_holder(t->holder);
    int rc = registry_open(config, a, &t->m, err);
    rc = rc < 0 ? rc : store_open(&t->state, STORE_STATE, setting_cstr(config, CONFIG_DATABASE), err);
    rc = rc < 0 ? rc : store_open(&t->log, STORE_LOG, setting_cstr(config, CONFIG_LOG_DATABASE), err);
    if (rc < 0) {
        track_release(t);
        return rc;
    }
    t->shared = shared_open_or_none(setting_cstr(config, CONFIG_RUN_DIR));
    *memory = t;
    return MRC_OK;
}

int track_run(struct agent *a, void **memory, struct mrc_err *err)
{
    const struct settings *config = agent_config(a);
    if (!registry_used(config) || setting_int(config, CONFIG_LOG) == CONFIG_LOG_OFF) {
        return MRC_OK;
    }
    if (*memory == NULL) {
        MRC_TRY(begin(a, memory, err));
    }
    struct track *t = *memory;
    int rc = MRC_OK;
    int64_t until = monotonic_ms() + ROUND_MS; /* a long backlog must not keep the agent from its other tasks */
    for (size_t i = 0; rc >= 0 && i < sizeof spans / sizeof spans[0]; i++) {
        do {
            rc = ship_next(t, config, &spans[i], err);
        } while (rc == 1 && monotonic_ms() < until && !agent_stopping(a));
    }
    if (rc < 0) {
        shared_count(t->shared, "mercredi_mlflow_days_total{result=\"failed\"}", 1);
    }
    return rc;
}
