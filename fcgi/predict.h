/* The two sides of POST /predict: a body becomes validated rows, forecasts become an answer. */
#ifndef MRC_FCGI_PREDICT_H
#define MRC_FCGI_PREDICT_H

#include "fcgi/app.h"

#include "common/forecast/explain.h"
#include "common/forecast/similar.h"

struct predict_rows {
    struct row *rows;
    struct row_report *reports;
    size_t n;
    bool batch; /* {"films":[…]} or CSV; otherwise one film object */
};

/* Read the body (JSON or CSV) against the active schema. true: rows are valid and problems is empty so far or as it was
 * before. false: answered. Problems already in the list are answered together with the body's. */
bool predict_read(struct context *c, struct problems *problems, struct predict_rows *out);

/* One film's answer: what is shown, and what the log keeps. */
struct predicted {
    const char *id; /* a UUID; a batch's ascend */
    struct forecast forecast;
    int64_t admissions, low, high, low80, high80; /* whole tickets, low <= admissions <= high */
    int64_t quantiles[FORECAST_QUANTILES];
    struct str quantiles_json; /* {"0.05":…,…}: for the answer and the log */
    const struct row_report *report;
    const struct row *row;
    struct similar_film similar[SIMILAR_SHOWN]; /* asked for with reasons */
    uint32_t n_similar;
    const struct explanation *explanation; /* NULL: not asked for, or the version has none */
};

/* A figure in whole tickets. */
int64_t whole_tickets(double tickets);

/* What version b says of a validated row: forecast, admissions, low80, high80 and quantiles of *p. MRC_EBUG: a figure that
 * is not finite; otherwise as forecast_row. */
int predict_row(const struct bundle *b, const struct row *row, struct forecast_scratch *scratch, struct arena *a,
                struct row_report *report, struct predicted *p, struct mrc_err *err) MRC_CHECKED;

/* Write the answer into c->res->body, JSON or CSV by Accept. */
void predict_answer(struct context *c, const struct predicted *predicted, size_t n, bool batch, double level,
                    bool explain);

#endif
