/* POST /predict: read, validate, forecast, log, answer; in that order, and nothing is answered that the log does not
 * have when the log is required. */
#include "fcgi/handlers.h"
#include "fcgi/metrics.h"
#include "fcgi/predict.h"
#include "fcgi/reading.h"

#include "common/base/digest.h"
#include "common/base/log.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* Levels that intervals are given for: beyond, a few films decide. */
#define LEVEL_LEAST 0.01
#define LEVEL_MOST  0.98

struct options {
    double level;
    bool explain;
};

/* ---- query ----------------------------------------------------------------------------------------------------- */

static int read_level(struct context *c, struct options *o, struct problems *problems, struct mrc_err *err)
{
    struct str text;
    double level;
    struct problem problem = {.where = "query", .field = STR("level"), .index = -1};
    if (!query_find(c, "level", &text)) {
        return MRC_OK;
    }
    problem.input = json_text(c, text);
    if (!parse_double(text, &level)) {
        problem.type = "float_parsing";
        problem.message = STR("Input should be a valid number, unable to parse string as a number");
        return problems_add(c, problems, &problem, err);
    }
    if (level >= LEVEL_LEAST && level <= LEVEL_MOST) {
        o->level = level;
        return MRC_OK;
    }
    bool high = level > LEVEL_MOST;
    problem.type = high ? "less_than_equal" : "greater_than_equal";
    problem.message =
        high ? STR("Input should be less than or equal to 0.98") : STR("Input should be greater than or equal to 0.01");
    problem.context = high ? STR("{\"le\":0.98}") : STR("{\"ge\":0.01}");
    return problems_add(c, problems, &problem, err);
}

static int read_options(struct context *c, struct options *o, struct problems *problems, struct mrc_err *err)
{
    struct str text;
    *o = (struct options){.level = 0.8};
    if (query_find(c, "explain", &text) && !parse_truth(text, &o->explain)) {
        struct problem problem = {.type = "bool_parsing",
                                  .where = "query",
                                  .field = STR("explain"),
                                  .index = -1,
                                  .message = STR("Input should be a valid boolean, unable to interpret input"),
                                  .input = json_text(c, text)};
        MRC_TRY(problems_add(c, problems, &problem, err));
    }
    return read_level(c, o, problems, err);
}

/* ---- forecasting ----------------------------------------------------------------------------------------------- */

/* {"0.05":…,…} */
static int quantiles_json(struct context *c, struct predicted *p, struct mrc_err *err)
{
    struct buf b;
    struct json_out w;
    buf_init(&b, c->arena, 1024);
    json_out_init(&w, &b);
    json_open_object(&w);
    for (int i = 0; i < FORECAST_QUANTILES; i++) {
        json_put_key(&w, forecast_quantile_names[i]);
        json_put_i64(&w, p->quantiles[i]);
    }
    json_close_object(&w);
    p->quantiles_json = buf_text(&b);
    return buf_ok(&b, err);
}

/* A version that cannot say why still says how many. */
static int explain_one(struct context *c, struct predicted *p, struct mrc_err *err)
{
    struct mrc_err why = {0};
    struct explanation *e = ARENA_NEW(c->arena, struct explanation);
    if (e == NULL) {
        return arena_fail(c->arena, err);
    }
    int rc = forecast_explain(c->parts->bundle, p->row, &p->forecast, c->arena, e, &why);
    p->explanation = rc == MRC_OK ? e : NULL;
    MRC_TRY(similar_find(c->parts->bundle, p->row, c->arena, p->similar, &p->n_similar, err));
    return rc == MRC_OK || rc == MRC_EUNSUPPORTED ? MRC_OK : mrc_fail(err, rc, "%s", why.msg);
}

static int forecast_one(struct context *c, const struct row *row, struct row_report *report,
                        const struct options *options, struct predicted *p, struct mrc_err *err)
{
    MRC_TRY(predict_row(c->parts->bundle, row, c->scratch, c->arena, report, p, err));
    p->low = p->low80;
    p->high = p->high80;
    if (options->level < 0.8 || options->level > 0.8) {
        double low, high;
        forecast_interval(&p->forecast, options->level, &low, &high);
        if (!isfinite(high)) {
            return mrc_fail(err, MRC_EBUG, "the model gave a figure that is not finite");
        }
        p->low = whole_tickets(low);
        p->high = whole_tickets(high);
    }
    p->report = report;
    p->row = row;
    p->explanation = NULL;
    p->n_similar = 0;
    MRC_TRY(quantiles_json(c, p, err));
    return options->explain ? explain_one(c, p, err) : MRC_OK;
}

/* ---- the log --------------------------------------------------------------------------------------------------- */

static struct str row_json(struct context *c, const struct row *row)
{
    struct buf b;
    struct json_out w;
    buf_init(&b, c->arena, 256 * 1024);
    json_out_init(&w, &b);
    row_to_json(row, &w);
    return buf_text(&b);
}

static int64_t elapsed_us(const struct context *c)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 - c->start_us;
}

static int append_to_log(struct context *c, const struct predicted *predicted, size_t n, struct mrc_err *err)
{
    struct prediction *rows = ARENA_ARRAY(c->arena, n, struct prediction);
    if (rows == NULL) {
        return arena_fail(c->arena, err);
    }
    if (c->parts->log == NULL) {
        return mrc_fail(err, MRC_EBUSY, "there is no prediction log");
    }
    int64_t latency_us = elapsed_us(c);
    for (size_t i = 0; i < n; i++) {
        const struct predicted *p = &predicted[i];
        rows[i] = (struct prediction){
            .id = str_of(p->id),
            .time_ms = c->now_ms,
            .user_id = c->caller.user_id,
            .request_id = c->req->request_id,
            .trace_id = c->req->trace_id,
            .model_name = c->parts->bundle->name,
            .model_version = c->parts->bundle->version,
            .row_json = row_json(c, p->row),
            .score = p->forecast.score,
            .admissions = (double)p->admissions,
            .low80 = (double)p->low80,
            .high80 = (double)p->high80,
            .quantiles_json = p->quantiles_json,
            .latency_us = latency_us,
        };
        if (rows[i].row_json.n == 0) {
            return arena_fail(c->arena, err);
        }
    }
    return c->parts->log->append(c->parts->log, rows, n, err);
}

/* Keep the rows as the setting `log` asks. false: answered. */
static bool keep(struct context *c, const struct predicted *predicted, size_t n)
{
    struct mrc_err err = {0};
    struct str mode = setting_text(c->parts->config, CONFIG_LOG);
    if (str_is(mode, "off") || append_to_log(c, predicted, n, &err) == MRC_OK) {
        return true;
    }
    metrics_log_failure(c);
    bool required = !str_is(mode, "best_effort");
    log_event(required ? LOG_ERROR : LOG_WARN, "prediction not logged", LOG_STR("req", c->req->request_id),
              LOG_INT("rows", n), LOG_CSTR("err", err.msg));
    if (required) {
        http_header(c->res, "Retry-After", STR("1"));
        answer_detail(c, 503, "The prediction log cannot be written, so there is no prediction");
    }
    return !required;
}

void h_predict(struct context *c)
{
    struct options options;
    struct problems problems = {0};
    struct predict_rows in;
    struct mrc_err err = {0};
    if (c->parts->bundle == NULL) {
        http_header(c->res, "Retry-After", STR("10"));
        answer_detail(c, 503, "No version of the model is loaded");
        return;
    }
    if (read_options(c, &options, &problems, &err) < 0) {
        answer_err(c, &err);
        return;
    }
    if (!predict_read(c, &problems, &in) || (in.n > 1 && !rate_charge(c, (int64_t)in.n - 1))) {
        return;
    }
    struct predicted *predicted = ARENA_ARRAY(c->arena, in.n, struct predicted);
    char(*ids)[UUID_TEXT] = arena_array(c->arena, in.n, UUID_TEXT, 1);
    int rc = predicted == NULL || ids == NULL ? arena_fail(c->arena, &err) : MRC_OK;
    if (rc == MRC_OK) {
        uuid7_series(c->now_ms, in.n, ids);
    }
    for (size_t i = 0; i < in.n && rc == MRC_OK; i++) {
        predicted[i].id = ids[i];
        if (i > 0 && request_expired(c)) {
            return;
        }
        rc = forecast_one(c, &in.rows[i], &in.reports[i], &options, &predicted[i], &err);
    }
    if (rc < 0) {
        answer_err(c, &err);
    } else if (keep(c, predicted, in.n)) {
        metrics_predictions(c, in.n);
        for (size_t i = 0; i < in.n; i++) {
            metrics_prediction_value(c, predicted[i].admissions);
        }
        predict_answer(c, predicted, in.n, in.batch, options.level, options.explain);
    }
}
