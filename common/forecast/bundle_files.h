/* What reading and writing a bundle share: names, files in memory, the manifest's list, the self-test. Private to the
 * bundle. */
#ifndef MRC_FORECAST_BUNDLE_FILES_H
#define MRC_FORECAST_BUNDLE_FILES_H

#include "common/forecast/bundle.h"

enum {
    MANIFEST_BYTES_MAX = 4 << 20,
    BUNDLE_BYTES_MAX = 1 << 30, /* all files of a version together */
    BUNDLE_NAME_MAX = 200
};

/* A name that stays inside the folder: parts of [A-Za-z0-9._-], none beginning with a dot, joined by '/', at most four.
 */
bool bundle_name_valid(struct str name);
/* "0001", "0001-2026w47": one part of such a name. */
bool bundle_version_valid(struct str version);

/* The whole of a JSON text of ours. The document is the caller's. */
int bundle_json(struct json_doc **doc, struct str text, const char *name, enum json_type type, struct mrc_err *err);

/* selftest.json: for each raw row the columns and raw score of every model whose needs the row has. rows: a JSON array
 * of raw rows. The bundle may be one that is only in memory (models, schema and features are read). */
int selftest_write(const struct bundle *b, struct str rows, struct buf *out, struct mrc_err *err);
/* Columns within 1e-6, scores by bits. MRC_EFORMAT says which row, model and column differ. */
int selftest_run(const struct bundle *b, struct str selftest, struct mrc_err *err);
/* Synthetic rows made of the schema's examples: all fields, the required ones only, each optional one left out. */
int selftest_rows(const struct schema *s, struct buf *out, struct mrc_err *err);

/* tables/calendar.json and tables/history.json, where `table` has them, into b. */
int bundle_read_tables(struct bundle *b, features_table table, void *arg, struct mrc_err *err);
void bundle_free_tables(struct bundle *b);
/* Bind a served list to them. MRC_EFORMAT when it needs what the bundle does not have, or the week's other films. */
int bundle_bind(const struct bundle *b, struct features *f, struct mrc_err *err);

/* Check that a model fits: its flat features are the list's, in order, by name and kind; one output. */
int bundle_check_model(const mrc_model *model, const struct features *features, struct mrc_err *err);
/* The same of a scale, which may have one more number behind them, BUNDLE_SCORE_COLUMN: the raw score of its model. */
int bundle_check_scale(const mrc_model *scale, const struct features *features, struct mrc_err *err);
/* Check that levels and offsets are usable; z: [n], filled. */
int bundle_check_levels(const double *levels, const double *offsets, uint32_t n, double *z, struct mrc_err *err);

#endif
