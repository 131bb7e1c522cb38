/* GET /predictions and /predictions/{id}: the caller's own predictions, newest first. */
#include "fcgi/handlers.h"
#include "fcgi/predict.h"
#include "fcgi/reading.h"

#include "common/base/date.h"
#include "common/base/digest.h"

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

void h_predictions(struct context *c)
{
    struct page page;
    struct problems problems = {0};
    struct mrc_err err = {0};
    struct prediction *rows = NULL;
    size_t n = 0;
    struct json_out w;
    if (read_page(c, &page, &problems, &err) < 0) {
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
    if (store_predictions_list(c->parts->log_store, c->caller.user_id, page.cursor, page.limit, c->arena, &rows, &n,
                               &err) < 0) {
        answer_err(c, &err);
        return;
    }
    open_page(c, &w);
    for (size_t i = 0; i < n; i++) {
        put_prediction(&w, &rows[i]);
    }
    close_page(&w, &page, n, n > 0 ? rows[n - 1].id : STR(""));
    answer_json(c, 200);
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
        answer_json(c, 200);
    }
}
