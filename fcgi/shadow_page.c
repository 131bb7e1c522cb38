/* A page of the log, predicted by the shadow version. The lease keeps two hosts from the same page; should it end while
 * one still computes, giving the job back fails, and with it all that the page wrote. */
#include "fcgi/shadow.h"

#include "common/base/date.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "fcgi/film_row.h"
#include "fcgi/predict.h"
#include "fcgi/store_access.h"
#include "fcgi/store_admin.h"
#include "fcgi/store_jobs.h"
#include "fcgi/store_shadow.h"

#include <stdio.h>
#include <string.h>

enum { PAGE = 200, LEASE_MS = 30 * 1000, CLOCK_SLACK_MS = 5000, PAGE_MEMORY = 256 << 20, ROW_MEMORY = 8 << 20 };
#define DAY_MS ((int64_t)86400000)

/* ---- one prediction -------------------------------------------------------------------------------------------- */

/* false: the text is no row that the version's schema takes. */
static bool read_row(const struct shadow_job *j, struct str text, struct arena *a, struct row *row, struct mrc_err *err)
{
    static const struct row_options options = {.target = false};
    struct row_report report;
    struct json_doc *doc = NULL;
    if (json_read(&doc, text, &json_limits_file, NULL, err) < 0) {
        return false;
    }
    int rc = row_from_json(row, j->bundle->schema, json_root(doc), &options, a, &report, err);
    json_free(doc);
    return rc == MRC_OK && report.n_errors == 0;
}

/* As a request would. What the version does not take leaves the row refused; only want of memory is a failure. */
static int say(const struct shadow_job *j, const struct prediction *p, struct arena *a, struct shadow_row *out,
               struct mrc_err *err)
{
    struct row row;
    struct predicted said;
    struct film_identity film;
    struct mrc_err why = {0};
    if (read_row(j, p->row_json, a, &row, &why) && film_identity_of(&row, a, &film, &why) == MRC_OK &&
        predict_row(j->bundle, &row, j->scratch, a, NULL, &said, &why) == MRC_OK) {
        out->title_key = film.title_key;
        out->release_date = film.release_date;
        out->early = film.date != DATE_NONE && p->time_ms < (int64_t)film.date * DAY_MS;
        out->refused = false;
        out->score = said.forecast.score;
        out->said = (struct shadow_said){(double)said.admissions, (double)said.low80, (double)said.high80};
    }
    return why.code == MRC_ENOMEM ? mrc_fail(err, why.code, "%s", why.msg) : MRC_OK;
}

static struct shadow_row begin_row(const struct shadow_job *j, const struct prediction *p)
{
    return (struct shadow_row){.model_name = j->bundle->name,
                               .version = j->bundle->version,
                               .prediction_id = p->id,
                               .time_ms = p->time_ms,
                               .served_version = p->model_version,
                               .title_key = STR(""),
                               .release_date = STR(""),
                               .refused = true,
                               .served = {p->admissions, p->low80, p->high80}};
}

/* ---- a page ---------------------------------------------------------------------------------------------------- */

struct page {
    struct prediction *predictions;
    struct shadow_row *rows;
    size_t n_predictions, n_done, n_rows;
};

/* Until the round is over. Rows of the served version that is the shadow now, and of other models, are passed over. */
static int predict_page(const struct shadow_job *j, struct arena *a, struct page *page, struct mrc_err *err)
{
    struct arena row;
    int rc = MRC_OK;
    arena_init(&row, ROW_MEMORY);
    for (; page->n_done < page->n_predictions && rc == MRC_OK; page->n_done++) {
        const struct prediction *p = &page->predictions[page->n_done];
        if (page->n_done > 0 && j->go_on != NULL && !j->go_on(j->arg)) {
            break;
        }
        if (!str_eq(p->model_name, j->bundle->name) || str_eq(p->model_version, j->bundle->version)) {
            continue;
        }
        struct shadow_row *out = &page->rows[page->n_rows++];
        *out = begin_row(j, p);
        rc = say(j, p, &row, out, err);
        if (rc == MRC_OK &&
            (!str_copy(a, out->title_key, &out->title_key) || !str_copy(a, out->release_date, &out->release_date))) {
            rc = arena_fail(a, err);
        }
        arena_reset(&row);
    }
    arena_release(&row);
    return rc;
}

/* Rows and cursor, or nothing. */
static int keep(struct shadow_job *j, const struct page *page, const struct job *job, int64_t now_ms,
                struct mrc_err *err)
{
    int64_t counts[2] = {0, 0};
    struct str cursor = page->n_done > 0 ? page->predictions[page->n_done - 1].id : str_of(j->cursor);
    MRC_TRY(store_begin(j->state, err));
    int rc = MRC_OK;
    for (size_t i = 0; i < page->n_rows && rc == MRC_OK; i++) {
        bool added = false;
        rc = store_shadow_add(j->state, &page->rows[i], &added, err);
        counts[page->rows[i].refused] += added;
    }
    MRC_TRY(store_settle(j->state, rc < 0 ? rc : store_job_done(j->state, job, now_ms, cursor, err), err));
    if (page->n_done > 0) {
        (void)snprintf(j->cursor, sizeof(j->cursor), "%.*s", STR_ARG(cursor));
    }
    j->compared += counts[0];
    j->refused += counts[1];
    return MRC_OK;
}

/* Under the lease. */
static int do_page(struct shadow_job *j, const struct job *job, int64_t now_ms, const char *until, struct mrc_err *err)
{
    struct page page = {.n_done = 0};
    struct arena a;
    arena_init(&a, PAGE_MEMORY);
    int rc = store_predictions_range(j->log, str_of(j->cursor), str_of(until), PAGE, &a, &page.predictions,
                                     &page.n_predictions, err);
    if (rc == MRC_OK) {
        page.rows = ARENA_ARRAY(&a, page.n_predictions + 1, struct shadow_row);
        rc = page.rows == NULL ? arena_fail(&a, err) : predict_page(j, &a, &page, err);
    }
    rc = rc < 0 ? rc : keep(j, &page, job, now_ms, err);
    arena_release(&a);
    return rc < 0 ? rc : page.n_predictions == PAGE;
}

/* From where: what the job remembers, or the first prediction that the version can know nothing more of than what
 * served. A clock that was set back is followed: what is there already is not added again. */
static void find_cursor(struct shadow_job *j, struct str memo, const char *until, int64_t until_ms)
{
    char slack[UUID_TEXT];
    if (memo.n > 0 && memo.n < sizeof(j->cursor)) {
        (void)snprintf(j->cursor, sizeof(j->cursor), "%.*s", STR_ARG(memo));
    } else {
        int32_t from = j->bundle->histories_as_of;
        store_first_id(from == DATE_NONE ? until_ms : (int64_t)(from + 1) * DAY_MS, j->cursor);
    }
    store_first_id(until_ms + CLOCK_SLACK_MS, slack);
    if (strcmp(j->cursor, slack) > 0) {
        (void)snprintf(j->cursor, sizeof(j->cursor), "%s", until);
    }
}

/* Cheap and without a lease: is there anything after the cursor? */
static int look_ahead(struct shadow_job *j, const char *until, struct mrc_err *err)
{
    struct arena a;
    struct prediction *rows;
    size_t n = 0;
    if (j->cursor[0] == '\0') {
        return 1;
    }
    arena_init(&a, ROW_MEMORY);
    int rc = store_predictions_range(j->log, str_of(j->cursor), str_of(until), 1, &a, &rows, &n, err);
    arena_release(&a);
    return rc < 0 ? rc : n > 0 || strcmp(j->cursor, until) > 0;
}

int shadow_page(struct shadow_job *j, int64_t now_ms, int64_t until_ms, struct mrc_err *err)
{
    char name[300], until[UUID_TEXT];
    struct arena a;
    struct job job;
    struct mrc_err why = {0};
    store_first_id(until_ms, until);
    int rc = look_ahead(j, until, err);
    if (rc <= 0) {
        return rc;
    }
    (void)snprintf(name, sizeof(name), "shadow %.*s %.*s", STR_ARG(j->bundle->name), STR_ARG(j->bundle->version));
    arena_init(&a, 1 << 16);
    rc = store_job_take(j->state, str_of(name), str_of(j->holder), now_ms, LEASE_MS, &a, &job, err);
    if (rc == 1) {
        find_cursor(j, job.memo, until, until_ms);
        rc = do_page(j, &job, now_ms, until, &why);
        if (rc < 0) {
            j->cursor[0] = '\0'; /* the job's memory counts */
            if (store_job_failed(j->state, &job, str_of(why.msg), NULL) < 0) {
                log_event(LOG_WARN, "the job is not given back", LOG_CSTR("job", name));
            }
            rc = mrc_fail(err, rc, "%s", why.msg);
        }
    }
    arena_release(&a);
    return rc;
}
