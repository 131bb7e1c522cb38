/* Raw scores of the model on its own features: what MLflow's and the Open Inference Protocol's clients ask for. No
 * film, no interval, no log: those are POST /predict's. The model is the version's model.cbm, the one its MLmodel
 * names. */
#ifndef MRC_FCGI_SCORES_H
#define MRC_FCGI_SCORES_H

#include "fcgi/app.h"

struct scores_rows {
    const struct bundle_model *model;
    size_t n;             /* rows */
    const size_t *place;  /* of a feature among those of its kind */
    float *floats;        /* [n][features_floats]; NaN: unknown */
    struct mrc_str *cats; /* [n][features_cats] */
};

/* Room for n rows of the active version, in the request's arena. false: answered (413 beyond rows_max, 503 without a
 * version, …). */
bool scores_reserve(struct context *c, struct scores_rows *rows, size_t n);
uint32_t scores_columns(const struct scores_rows *rows);
const struct feature *scores_column(const struct scores_rows *rows, uint32_t i);
/* The column of a name, or -1. */
int64_t scores_find(const struct scores_rows *rows, struct str name);

/* Set a cell from JSON: a number for a numeric feature, text for a category, null for unknown; the text must outlive
 * the rows. What is wrong with the value, as a type of FastAPI's catalogue, or NULL. */
const char *scores_set_json(struct scores_rows *rows, size_t row, uint32_t column, const struct json *v);
/* Set a cell from text: of a number, empty, nan or NaN is unknown. The text is copied. */
const char *scores_set_text(struct context *c, struct scores_rows *rows, size_t row, uint32_t column, struct str text);
/* Set a numeric cell. */
const char *scores_set_number(struct scores_rows *rows, size_t row, uint32_t column, double v);
/* What to say about such a type. */
const char *scores_message(const char *type);

/* Score every row: [n] in the arena. Charges the rows beyond the first, counts them. false: answered. */
bool scores_run(struct context *c, const struct scores_rows *rows, double **out);

#endif
