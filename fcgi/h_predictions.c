/* GET /predictions and /predictions/{id}: the caller's own predictions, newest first. */
#include "fcgi/handlers.h"
#include "fcgi/predict.h"
#include "fcgi/reading.h"

#include "common/base/csv.h"
#include "common/base/date.h"
#include "common/base/digest.h"

#include <stdio.h>

static void put_prediction(struct json_out *w, const struct prediction *p)
{
    char stamp[STAMP_TEXT];
    stamp_format(p->time_ms, stamp);
    json_open_object(w);
    json_pair_str(w, "prediction_id", p->id);
    json_pair_cstr(w, "created_at", stamp);
    json_put_key(w, "film");
    json_put_raw(w, p->row_json);
    json_pair_i64(w, "admissions", whole_tickets(p->admissions));
    json_put_key(w, "interval");
    json_open_object(w);
    json_pair_double(w, "level", 0.8);
    json_pair_i64(w, "low", whole_tickets(p->low80));
    json_pair_i64(w, "high", whole_tickets(p->high80));
    json_close_object(w);
    json_put_key(w, "quantiles");
    json_put_raw(w, p->quantiles_json);
    json_pair_double(w, "score", p->score);
    json_put_key(w, "model");
    json_open_object(w);
    json_pair_str(w, "name", p->model_name);
    json_pair_str(w, "version", p->model_version);
    json_close_object(w);
    json_close_object(w);
}

static bool log_readable(struct context *c)
{
    if (c->parts->log_store == NULL) {
        http_header(c->res, "Retry-After", STR("10"));
        answer_detail(c, 503, "The prediction log cannot be read");
    }
    return c->parts->log_store != NULL;
}

/* ---- filters --------------------------------------------------------------------------------------------------- */

struct filter {
    struct page page;
    struct str from, to, version; /* dates, UTC; empty: any */
    char from_id[UUID_TEXT], to_id[UUID_TEXT];
};

/* The least id of a day: ids begin with the time they were made at. */
static void least_id(struct str date, int days_later, char id[UUID_TEXT])
{
    unsigned long long ms = (unsigned long long)((int64_t)date_parse(date, NULL) + days_later) * 86400000U;
    (void)snprintf(id, UUID_TEXT, "%08llx-%04llx-0000-0000-000000000000", ms >> 16 & 0xffffffffU, ms & 0xffffU);
}

static int read_filter(struct context *c, struct filter *f, struct problems *problems, struct mrc_err *err)
{
    *f = (struct filter){.version = {"", 0}};
    MRC_TRY(read_page(c, &f->page, problems, err));
    MRC_TRY(read_query_date(c, "from", STR(""), &f->from, problems, err));
    MRC_TRY(read_query_date(c, "to", STR(""), &f->to, problems, err));
    (void)query_find(c, "version", &f->version);
    if (problems->n > 0) {
        return MRC_OK;
    }
    /* Before 1970 there are none: such a `from` is no bound, such a `to` lets nothing through. */
    if (f->from.n > 0 && date_parse(f->from, NULL) > 0) {
        least_id(f->from, 0, f->from_id);
    }
    if (f->to.n > 0) {
        least_id(date_parse(f->to, NULL) >= 0 ? f->to : STR("1970-01-01"), date_parse(f->to, NULL) >= 0 ? 1 : 0,
                 f->to_id);
        if (f->page.cursor.n == 0 || str_cmp(f->page.cursor, str_of(f->to_id)) > 0) {
            f->page.cursor = str_of(f->to_id);
        }
    }
    return MRC_OK;
}

/* ---- CSV ------------------------------------------------------------------------------------------------------- */

static void put_text_cell(struct buf *b, const struct json *film, const char *name)
{
    struct str text = {"", 0};
    (void)json_str(json_find(film, name), &text);
    csv_put(b, text, false);
}

/* One line for each; the next page's address stands in the header Link. */
static int put_csv(struct context *c, const struct prediction *rows, size_t n, struct mrc_err *err)
{
    struct buf *b = &c->res->body;
    buf_puts(b, "prediction_id,created_at,film_id,title,release_date,admissions,low80,high80,score,model,version\n");
    for (size_t i = 0; i < n; i++) {
        const struct prediction *p = &rows[i];
        char stamp[STAMP_TEXT];
        struct json_doc *doc = NULL;
        MRC_TRY(json_read(&doc, p->row_json, &json_limits_file, NULL, err));
        stamp_format(p->time_ms, stamp);
        csv_put(b, p->id, true);
        csv_put(b, str_of(stamp), false);
        put_text_cell(b, json_root(doc), "film_id");
        put_text_cell(b, json_root(doc), "title");
        put_text_cell(b, json_root(doc), "release_date");
        buf_printf(b, ",%lld,%lld,%lld,", (long long)whole_tickets(p->admissions), (long long)whole_tickets(p->low80),
                   (long long)whole_tickets(p->high80));
        buf_double(b, p->score);
        csv_put(b, p->model_name, false);
        csv_put(b, p->model_version, false);
        buf_char(b, '\n');
        json_free(doc);
    }
    return MRC_OK;
}

/* The filters stay, the cursor moves on. */
static void link_next(struct context *c, const struct filter *f, struct str last_id)
{
    struct buf b;
    buf_init(&b, c->arena, 1024);
    buf_printf(&b, "</predictions?limit=%u&cursor=%.*s", f->page.limit, STR_ARG(last_id));
    if (f->from.n > 0) {
        buf_printf(&b, "&from=%.*s", STR_ARG(f->from));
    }
    if (f->version.n > 0) {
        buf_puts(&b, "&version=");
        for (size_t i = 0; i < f->version.n; i++) {
            buf_printf(&b, "%%%02X", (unsigned char)f->version.p[i]);
        }
    }
    buf_puts(&b, ">; rel=\"next\"");
    if (buf_ok(&b, NULL) == MRC_OK) {
        http_header(c->res, "Link", buf_text(&b));
    }
}

/* ---- routes ---------------------------------------------------------------------------------------------------- */

void h_predictions(struct context *c)
{
    struct filter f;
    struct problems problems = {0};
    struct mrc_err err = {0};
    struct prediction *rows = NULL;
    size_t n = 0;
    struct json_out w;
    if (read_filter(c, &f, &problems, &err) < 0) {
        answer_err(c, &err);
        return;
    }
    if (problems.n > 0) {
        answer_problems(c, &problems);
        return;
    }
    if (!log_readable(c)) {
        return;
    }
    if (store_predictions_find(c->parts->log_store, c->caller.user_id, f.page.cursor, str_of(f.from_id), f.version,
                               f.page.limit, c->arena, &rows, &n, &err) < 0) {
        answer_err(c, &err);
        return;
    }
    if (n == f.page.limit) {
        link_next(c, &f, rows[n - 1].id);
    }
    if (http_accepts(c->req->accept, "text/csv")) {
        if (put_csv(c, rows, n, &err) < 0) {
            answer_err(c, &err);
            return;
        }
        answer_cached(c, "text/csv; charset=utf-8");
        return;
    }
    open_page(c, &w);
    for (size_t i = 0; i < n; i++) {
        put_prediction(&w, &rows[i]);
    }
    close_page(&w, &f.page, n, n > 0 ? rows[n - 1].id : STR(""));
    answer_json_cached(c);
}

void h_prediction(struct context *c)
{
    struct prediction row;
    struct mrc_err err = {0};
    struct json_out w;
    if (!log_readable(c)) {
        return;
    }
    int rc = uuid_valid(c->argument)
                 ? store_prediction_get(c->parts->log_store, c->caller.user_id, c->argument, c->arena, &row, &err)
                 : MRC_ENOTFOUND;
    if (rc == MRC_ENOTFOUND) {
        answer_detail(c, 404, "There is no such prediction of yours");
    } else if (rc < 0) {
        answer_err(c, &err);
    } else {
        json_out_init(&w, &c->res->body);
        put_prediction(&w, &row);
        answer_json_cached(c);
    }
}
