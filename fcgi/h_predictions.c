/* GET /predictions and /predictions/{id}: the caller's own predictions, newest first. */
#include "fcgi/handlers.h"
#include "fcgi/predict.h"

#include "common/base/date.h"
#include "common/base/digest.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 1000 };

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

struct page {
    uint32_t limit;
    struct str cursor;
};

static int read_page(struct context *c, struct page *page, struct problems *problems, struct mrc_err *err)
{
    struct str text;
    int64_t limit;
    *page = (struct page){.limit = LIMIT_DEFAULT, .cursor = {"", 0}};
    if (query_find(c, "limit", &text)) {
        struct problem problem = {.where = "query", .field = STR("limit"), .index = -1};
        problem.input = json_text(c, text);
        if (!parse_i64(text, &limit)) {
            problem.type = "int_parsing";
            problem.message = STR("Input should be a valid integer, unable to parse string as an integer");
            MRC_TRY(problems_add(c, problems, &problem, err));
        } else if (limit < 1) {
            problem.type = "greater_than_equal";
            problem.message = STR("Input should be greater than or equal to 1");
            problem.context = STR("{\"ge\":1}");
            MRC_TRY(problems_add(c, problems, &problem, err));
        } else if (limit > LIMIT_MAX) {
            problem.type = "less_than_equal";
            problem.message = STR("Input should be less than or equal to 1000");
            problem.context = STR("{\"le\":1000}");
            MRC_TRY(problems_add(c, problems, &problem, err));
        } else {
            page->limit = (uint32_t)limit;
        }
    }
    if (query_find(c, "cursor", &text)) {
        page->cursor = text;
        if (!uuid_valid(text)) {
            struct problem problem = {.type = "uuid_parsing",
                                      .where = "query",
                                      .field = STR("cursor"),
                                      .index = -1,
                                      .message = STR("Input should be a valid UUID, as given in `next`"),
                                      .input = json_text(c, text)};
            MRC_TRY(problems_add(c, problems, &problem, err));
        }
    }
    return MRC_OK;
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
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_put_key(&w, "items");
    json_open_array(&w);
    for (size_t i = 0; i < n; i++) {
        put_prediction(&w, &rows[i]);
    }
    json_close_array(&w);
    json_put_key(&w, "next");
    if (n == page.limit) { /* there may be more; the last page can be empty */
        json_put_str(&w, rows[n - 1].id);
    } else {
        json_put_null(&w);
    }
    json_close_object(&w);
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
