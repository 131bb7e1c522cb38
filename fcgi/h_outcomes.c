/* POST /outcomes, GET /outcomes and /outcomes/{id}: national first weeks. A request is kept whole or not at all, so
 * that it can be corrected and sent again; sending it twice changes nothing. */
#include "fcgi/audit.h"
#include "fcgi/handlers.h"
#include "fcgi/outcome_request.h"
#include "fcgi/reading.h"

#include "common/base/date.h"
#include "common/base/digest.h"

static void put_text_or_null(struct json_out *w, const char *key, struct str text)
{
    json_put_key(w, key);
    if (text.n > 0) {
        json_put_str(w, text);
    } else {
        json_put_null(w);
    }
}

static void put_film(struct json_out *w, const char *key, struct str film_id, struct str title, struct str release_date)
{
    if (key != NULL) {
        json_put_key(w, key);
    }
    json_open_object(w);
    put_text_or_null(w, "film_id", film_id);
    json_pair_str(w, "title", title);
    json_pair_str(w, "release_date", release_date);
    json_close_object(w);
}

static void put_figure(struct json_out *w, const struct outcome *o)
{
    char stamp[STAMP_TEXT];
    stamp_format(o->reported_ms, stamp);
    json_pair_i64(w, "entries", o->entries);
    json_pair_bool(w, "provisional", o->provisional);
    json_pair_str(w, "source", o->source);
    json_pair_str(w, "plausibility", o->plausibility);
    json_pair_i64(w, "revision", o->revision);
    json_pair_cstr(w, "reported_at", stamp);
}

/* The object stays open. A film_id is of the user who gave it: others see none. */
static void open_outcome(struct context *c, struct json_out *w, const struct outcome *o)
{
    bool own = str_eq(o->user_id, c->caller.user_id);
    json_open_object(w);
    json_pair_str(w, "outcome_id", o->id);
    put_film(w, "film", own ? o->film_id : STR(""), o->title, o->release_date);
    json_pair_str(w, "week", o->week);
    put_figure(w, o);
}

/* ---- reporting ------------------------------------------------------------------------------------------------- */

static void put_verdict(struct context *c, struct json_out *w, const struct outcome_verdict *v)
{
    static const char *const results[] = {"recorded", "corrected", "unchanged"};
    open_outcome(c, w, &v->outcome);
    json_pair_cstr(w, "result", results[v->result]);
    json_close_object(w);
}

static void answer_verdicts(struct context *c, const struct outcome_items *in, const struct outcome_verdict *v)
{
    struct json_out w;
    if (!in->batch) {
        json_out_init(&w, &c->res->body);
        put_verdict(c, &w, &v[0]);
        answer_json(c, 200);
        return;
    }
    open_list(c, &w, "outcomes");
    for (size_t i = 0; i < in->n; i++) {
        put_verdict(c, &w, &v[i]);
    }
    answer_list(c, &w);
}

static void put_conflict(struct json_out *w, const struct outcome_items *in, size_t i,
                         const struct outcome_conflict *conflict)
{
    json_open_object(w);
    json_put_key(w, "loc");
    json_open_array(w);
    json_put_cstr(w, "body");
    if (in->batch) {
        json_put_cstr(w, "outcomes");
        json_put_i64(w, (int64_t)i);
    }
    json_close_array(w);
    json_pair_cstr(w, "type", conflict->code);
    json_pair_cstr(w, "msg", conflict->message);
    json_put_key(w, "candidates");
    json_open_array(w);
    for (size_t k = 0; k < conflict->n_candidates; k++) {
        const struct film_identity *f = &conflict->candidates[k];
        put_film(w, NULL, f->film_id, f->title, f->release_date);
    }
    json_close_array(w);
    json_close_object(w);
}

static void answer_conflicts(struct context *c, const struct outcome_items *in, const struct outcome_verdict *v)
{
    struct json_out w;
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_put_key(&w, "detail");
    json_open_array(&w);
    for (size_t i = 0; i < in->n; i++) {
        if (v[i].result == OUTCOME_REFUSED) {
            put_conflict(&w, in, i, &v[i].conflict);
        }
    }
    json_close_array(&w);
    json_close_object(&w);
    answer_json(c, 409);
}

/* Another figure in the place of one that stood is on record like a change of an account. */
static int record(struct context *c, const struct outcome *o, struct mrc_err *err)
{
    struct buf detail;
    buf_init(&detail, c->arena, 100);
    buf_printf(&detail, "revision %lld: %lld%s", (long long)o->revision, (long long)o->entries,
               o->provisional ? ", provisional" : "");
    return audit_act(c->parts->store, c->now_ms, audit_actor(c), "outcome correct", o->id, buf_text(&detail),
                     c->req->request_id, err);
}

/* In one transaction; with a refusal among them it is undone. */
static int settle_all(struct context *c, struct outcome_items *in, struct outcome_verdict *v, bool *refused,
                      struct mrc_err *err)
{
    struct store *s = c->parts->store;
    *refused = false;
    MRC_TRY(store_begin(s, err));
    int rc = MRC_OK;
    for (size_t i = 0; i < in->n && rc == MRC_OK; i++) {
        rc = outcome_settle(c, &in->items[i], &v[i], err);
        *refused = *refused || (rc == MRC_OK && v[i].result == OUTCOME_REFUSED);
        if (rc == MRC_OK && v[i].result == OUTCOME_CORRECTED) {
            rc = record(c, &v[i].outcome, err);
        }
    }
    if (rc == MRC_OK && *refused) {
        store_rollback(s);
        return MRC_OK;
    }
    return store_settle(s, rc, err);
}

void h_outcomes_report(struct context *c)
{
    struct outcome_items in;
    struct mrc_err err = {0};
    bool refused = false;
    if (c->parts->bundle == NULL || schema_target(c->parts->bundle->schema) < 0) {
        http_header(c->res, "Retry-After", STR("10"));
        answer_detail(c, 503, "No version of the model is loaded");
        return;
    }
    if (!outcomes_read(c, &in) || (in.n > 1 && !rate_charge(c, (int64_t)in.n - 1))) {
        return;
    }
    struct outcome_verdict *v = ARENA_ARRAY(c->arena, in.n, struct outcome_verdict);
    int rc = v == NULL ? arena_fail(c->arena, &err) : settle_all(c, &in, v, &refused, &err);
    if (rc < 0) {
        answer_err(c, &err);
    } else if (refused) {
        answer_conflicts(c, &in, v);
    } else {
        answer_verdicts(c, &in, v);
    }
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

void h_outcomes(struct context *c)
{
    struct page page;
    struct str from, to;
    struct mrc_err err = {0};
    struct outcome *rows = NULL;
    struct json_out w;
    size_t n = 0;
    if (!read_page_of_days(c, &page, &from, &to)) {
        return;
    }
    if (store_outcomes_list(c->parts->store, page.cursor, from, to, page.limit, c->arena, &rows, &n, &err) < 0) {
        answer_err(c, &err);
        return;
    }
    open_page(c, &w);
    for (size_t i = 0; i < n; i++) {
        open_outcome(c, &w, &rows[i]);
        json_close_object(&w);
    }
    close_page(&w, &page, n, n > 0 ? rows[n - 1].id : STR(""));
    answer_json(c, 200);
}

void h_outcome(struct context *c)
{
    enum { REPORTS_MAX = 200 };
    struct outcome row, *reports = NULL;
    struct mrc_err err = {0};
    struct json_out w;
    size_t n = 0;
    int rc =
        uuid_valid(c->argument) ? store_outcome_get(c->parts->store, c->argument, c->arena, &row, &err) : MRC_ENOTFOUND;
    if (rc == MRC_OK) {
        rc = store_outcome_reports(c->parts->store, row.id, REPORTS_MAX, c->arena, &reports, &n, &err);
    }
    if (rc == MRC_ENOTFOUND) {
        answer_detail(c, 404, "There is no such outcome");
        return;
    }
    if (rc < 0) {
        answer_err(c, &err);
        return;
    }
    json_out_init(&w, &c->res->body);
    open_outcome(c, &w, &row);
    json_put_key(&w, "history");
    json_open_array(&w);
    for (size_t i = 0; i < n; i++) {
        json_open_object(&w);
        put_figure(&w, &reports[i]);
        json_close_object(&w);
    }
    json_close_array(&w);
    json_close_object(&w);
    answer_json(c, 200);
}
