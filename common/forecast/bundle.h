/* A bundle: one folder, one immutable version of the forecast (models/FORMAT.md).
 *
 * Opening checks every digest of manifest.json, parses everything and runs the self-test; what fails is refused with the
 * reason. Writing goes to <folder>.tmp, is opened again and compared bit for bit, synced and renamed: a version is there
 * whole or not at all. Immutable after opening; shared by forked workers. */
#ifndef MRC_FORECAST_BUNDLE_H
#define MRC_FORECAST_BUNDLE_H

#include "common/forecast/features.h"

/* One model of forecast.json, e.g. for weeks ahead, or for when screens are known. The first whose `needs` are all
 * present in the row is used; the last needs nothing. */
struct bundle_model {
    struct str name;            /* "screens", "ahead" */
    const int64_t *needs;       /* raw fields that must be present */
    uint32_t n_needs;
    struct features *features;  /* columns of this model, in its flat order */
    mrc_model *model;
    int64_t per;                /* raw field the target is divided by before log10 (screens), or -1 */
    /* interval.json for this model: score + offset[i] is the quantile level[i], in log10; ascending levels */
    const double *levels, *offsets;
    uint32_t n_levels;
};

struct bundle {
    struct arena arena;
    struct str name, version;     /* "first-week", "0001" */
    struct str path;
    struct str manifest;          /* JSON text of manifest.json */
    struct schema *schema;
    struct bundle_model *models;  /* [n_models], in order of preference */
    uint32_t n_models;
    int32_t histories_as_of;      /* date of the newest film the bundle learnt from */
    char digest[65];              /* sha256 of manifest.json: identifies the version */
};

int bundle_open(struct bundle **out, const char *folder, struct mrc_err *err) MRC_CHECKED;
/* The same without the self-test: for inspection. */
int bundle_open_unchecked(struct bundle **out, const char *folder, struct mrc_err *err) MRC_CHECKED;
void bundle_close(struct bundle *b);

/* A file of a version being written. Text is borrowed. */
struct bundle_file {
    const char *name; /* relative; folders are made */
    struct str text;
};
/* Write a new version: files plus manifest.json (made here from `manifest`, a JSON object of facts without the digests,
 * to which "files" is added). MRC_ECONFLICT when the folder exists. Re-opened and self-tested before it appears. */
int bundle_write(const char *folder, const struct bundle_file *files, size_t n, struct str manifest,
                 struct mrc_err *err) MRC_CHECKED;

/* Point models/<name>/current at a version, atomically. */
int bundle_set_current(const char *name_folder, const char *version, struct mrc_err *err) MRC_CHECKED;
/* The version that current points to (read from the link), copied to the arena. MRC_ENOTFOUND when there is none. */
int bundle_current(const char *name_folder, struct arena *a, struct str *version, struct mrc_err *err) MRC_CHECKED;

#endif
