/* Forecasts → the answer of POST /predict: one object, {"predictions":[…]}, or CSV when the client prefers it. */
#include "fcgi/predict.h"

#include "common/base/csv.h"
#include "common/base/date.h"

#include <math.h>

int64_t whole_tickets(double tickets)
{
    static const double most = 9007199254740992.0; /* exact in JSON readers that know doubles only */
    return tickets >= most ? (int64_t)most : tickets > 0 ? (int64_t)llround(tickets) : 0;
}

static void put_warnings(struct json_out *w, const struct row_report *report, bool explain)
{
    json_open_array(w);
    for (uint32_t i = 0; i < report->n_warnings; i++) {
        const struct row_warning *warning = &report->warnings[i];
        json_open_object(w);
        json_pair_cstr(w, "code", warning->code);
        json_pair_str(w, "field", warning->field);
        if (warning->value.n > 0) {
            json_pair_str(w, "value", warning->value);
        }
        json_close_object(w);
    }
    if (explain) { /* a version without an explainer says so instead of leaving the client to guess */
        json_open_object(w);
        json_pair_cstr(w, "code", "explanation_unavailable");
        json_pair_cstr(w, "field", "");
        json_close_object(w);
    }
    json_close_array(w);
}

/* Why the reliability is not better. */
static void put_reasons(struct context *c, struct json_out *w, const struct forecast *f)
{
    json_open_array(w);
    for (uint32_t i = 0; i < f->n_doubts; i++) {
        json_open_object(w);
        json_pair_cstr(w, "code", f->doubts[i].code);
        if (f->doubts[i].field >= 0) {
            json_pair_str(w, "field", schema_field(c->parts->bundle->schema, (uint32_t)f->doubts[i].field)->name);
        }
        json_close_object(w);
    }
    json_close_array(w);
}

/* The reasons: factors whose product with the base is the forecast. */
static void put_explanation(struct context *c, struct json_out *w, const struct predicted *p)
{
    const struct explanation *e = p->explanation;
    json_pair_double(w, "base", e->base);
    json_put_key(w, "explanation");
    json_open_array(w);
    for (uint32_t i = 0; i < e->n; i++) {
        const struct explain_factor *x = &e->factors[i];
        json_open_object(w);
        if (x->field < 0) {
            json_pair_cstr(w, "field", "market");
        } else {
            const struct field *field = schema_field(c->parts->bundle->schema, (uint32_t)x->field);
            json_pair_str(w, "field", field->name);
            json_put_key(w, "value");
            row_put_value(field, &p->row->values[x->field], w);
        }
        json_pair_double(w, "factor", x->factor);
        json_close_object(w);
    }
    json_close_array(w);
    json_put_key(w, "similar");
    json_open_array(w);
    for (uint32_t i = 0; i < p->n_similar; i++) {
        json_open_object(w);
        json_pair_str(w, "title", p->similar[i].title);
        json_pair_i64(w, "year", p->similar[i].year);
        json_close_object(w);
    }
    json_close_array(w);
}

static void put_one(struct context *c, struct json_out *w, const struct predicted *p, double level, bool explain)
{
    char date[DATE_TEXT];
    const struct bundle *b = c->parts->bundle;
    date_format(b->histories_as_of, date);
    json_open_object(w);
    json_pair_cstr(w, "prediction_id", p->id);
    json_pair_i64(w, "admissions", p->admissions);
    json_put_key(w, "interval");
    json_open_object(w);
    json_pair_double(w, "level", level);
    json_pair_i64(w, "low", p->low);
    json_pair_i64(w, "high", p->high);
    json_close_object(w);
    json_put_key(w, "quantiles");
    json_put_raw(w, p->quantiles_json);
    json_pair_cstr(w, "reliability", p->forecast.reliability);
    json_put_key(w, "reliability_reasons");
    put_reasons(c, w, &p->forecast);
    json_pair_double(w, "score", p->forecast.score);
    json_pair_cstr(w, "histories_as_of", date);
    json_put_key(w, "warnings");
    put_warnings(w, p->report, explain && p->explanation == NULL);
    if (p->explanation != NULL) {
        put_explanation(c, w, p);
    }
    json_put_key(w, "model");
    json_open_object(w);
    json_pair_str(w, "name", b->name);
    json_pair_str(w, "version", b->version);
    json_close_object(w);
    json_close_object(w);
}

/* ---- CSV ------------------------------------------------------------------------------------------------------- */

static void put_number_cell(struct buf *b, int64_t v)
{
    buf_printf(b, ",%lld", (long long)v);
}

/* Text of a raw field, for telling the lines apart. */
static struct str text_of_field(const struct row *row, const char *name)
{
    int64_t i = schema_find(row->schema, str_of(name));
    return i >= 0 && row->values[i].present ? row->values[i].text : (struct str){"", 0};
}

static void put_csv(struct context *c, struct buf *b, const struct predicted *predicted, size_t n, double level)
{
    char date[DATE_TEXT];
    date_format(c->parts->bundle->histories_as_of, date);
    buf_puts(b, "prediction_id,film_id,title,admissions,level,low,high");
    for (int i = 0; i < FORECAST_QUANTILES; i++) {
        buf_printf(b, ",q%s", forecast_quantile_names[i]);
    }
    buf_puts(b, ",reliability,score,histories_as_of,model,version\n");
    for (size_t k = 0; k < n; k++) {
        const struct predicted *p = &predicted[k];
        csv_put(b, str_of(p->id), true);
        csv_put(b, text_of_field(p->row, "film_id"), false);
        csv_put(b, text_of_field(p->row, "title"), false);
        put_number_cell(b, p->admissions);
        buf_char(b, ',');
        buf_double(b, level);
        put_number_cell(b, p->low);
        put_number_cell(b, p->high);
        for (int i = 0; i < FORECAST_QUANTILES; i++) {
            put_number_cell(b, p->quantiles[i]);
        }
        buf_printf(b, ",%s,", p->forecast.reliability);
        buf_double(b, p->forecast.score);
        csv_put(b, str_of(date), false);
        csv_put(b, c->parts->bundle->name, false);
        csv_put(b, c->parts->bundle->version, false);
        buf_char(b, '\n');
    }
}

void predict_answer(struct context *c, const struct predicted *predicted, size_t n, bool batch, double level,
                    bool explain)
{
    struct json_out w;
    if (http_accepts(c->req->accept, "text/csv")) {
        put_csv(c, &c->res->body, predicted, n, level);
        c->res->status = 200;
        c->res->content_type = "text/csv; charset=utf-8";
        return;
    }
    json_out_init(&w, &c->res->body);
    if (batch) {
        json_open_object(&w);
        json_put_key(&w, "predictions");
        json_open_array(&w);
    }
    for (size_t i = 0; i < n; i++) {
        put_one(c, &w, &predicted[i], level, explain);
    }
    if (batch) {
        json_close_array(&w);
        json_close_object(&w);
    }
    answer_json(c, 200);
}
