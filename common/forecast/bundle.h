/* A bundle: one folder, one immutable version of the forecast (models/FORMAT.md).
 *
 * Opening checks every digest of manifest.json, parses everything and runs the self-test; what fails is refused with
 * the reason. Writing goes to <folder>.tmp, is opened again and compared bit for bit, synced and renamed: a version is
 * there whole or not at all. Immutable after opening; shared by forked workers. */
#ifndef MRC_FORECAST_BUNDLE_H
#define MRC_FORECAST_BUNDLE_H

#include "common/forecast/calibrate.h"
#include "common/forecast/features.h"

enum {
    BUNDLE_FILES_MAX = 256,
    BUNDLE_MODELS_MAX = 16,
    BUNDLE_FILLERS_MAX = 8,
    BUNDLE_LEVELS_MAX = 99,
    BUNDLE_FILE_BYTES_MAX = 256 << 20
};

#define BUNDLE_SCORE_COLUMN "score" /* of a scale: what its model said */

/* One model of forecast.json, e.g. for weeks ahead, or for when screens are known. The first whose `needs` are all
 * present in the row is used; the last needs nothing. */
struct bundle_model {
    struct str name;      /* "screens", "ahead" */
    const int64_t *needs; /* raw fields that must be present */
    uint32_t n_needs;
    struct features *features; /* columns of this model, in its flat order */
    mrc_model *model;
    int64_t per; /* raw field the target is divided by before log10 (screens), or -1 */
    /* interval.json for this model: score + offset[i] is the quantile level[i], in log10; ascending levels */
    const double *levels, *offsets;
    const double *z; /* normal_quantile of each level: what interpolation runs on */
    uint32_t n_levels;
    /* The same columns and, behind them, maybe the score as the number BUNDLE_SCORE_COLUMN give ln of the scale of this
     * film's error, which offsets are multiplied by; NULL: scale 1. */
    mrc_model *scale;
    const float *domain;      /* [2 * floats] usual range of each number in training, low and high; NULL: not known */
    mrc_explainer *explainer; /* NULL in memory, or when the model has no leaf weights */
    const struct scores *scores;                /* what the offsets came from, for a refresh; NULL: not kept */
    struct str file, features_file, scale_file; /* of an opened bundle */
};

/* A small model that estimates a number field which the film lacks: 10^score, in the field's own unit. */
struct bundle_filler {
    int64_t field, unit; /* unit: category field whose value goes with it (a currency) and falls away, or -1 */
    double least;        /* smaller numbers count as lacking */
    struct features *features;
    mrc_model *model;
    struct str file, features_file; /* of an opened bundle */
};

struct bundle {
    struct arena arena;
    struct str name, version; /* "first-week", "0001" */
    struct str path;
    struct str manifest; /* JSON text of manifest.json */
    struct schema *schema;
    struct bundle_model *models; /* [n_models], in order of preference */
    uint32_t n_models;
    struct bundle_filler *fillers; /* [n_fillers] */
    uint32_t n_fillers;
    struct calendar *calendar;   /* tables/calendar.json, or NULL */
    struct history *history;     /* tables/history.json, or NULL */
    struct similar *similar;     /* tables/similar.json, or NULL; in the arena */
    int32_t histories_as_of;     /* date of the newest film the bundle learnt from */
    char digest[65];             /* sha256 of manifest.json: identifies the version */
    const struct str *strangers; /* files in the folder that the manifest does not name: tolerated, never read */
    uint32_t n_strangers;
};

/* MRC_ENOTFOUND (no manifest.json), MRC_EFORMAT (damaged; says which file and what), MRC_EUNSUPPORTED (newer format),
 * MRC_ELIMIT, MRC_EIO. digest_start must have succeeded. The bundle is the caller's to bundle_close. */
int bundle_open(struct bundle **out, const char *folder, struct mrc_err *err) MRC_CHECKED;
/* The same without the self-test: for inspection. */
int bundle_open_unchecked(struct bundle **out, const char *folder, struct mrc_err *err) MRC_CHECKED;
void bundle_close(struct bundle *b);

/* Does the row lack what f fills? And the row with the estimate of f's raw score: its values are copied to the arena.
 */
bool filler_needed(const struct bundle_filler *f, const struct row *row);
int filler_set(const struct bundle_filler *f, double score, struct row *row, struct arena *a,
               struct mrc_err *err) MRC_CHECKED;
/* The row with all that the bundle's fillers estimate; row and out may be the same. */
int bundle_fill(const struct bundle *b, const struct row *row, struct arena *a, struct row *out,
                struct mrc_err *err) MRC_CHECKED;

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* A file of a version being written. Text is borrowed. */
struct bundle_file {
    const char *name; /* relative; folders are made */
    struct str text;
};
/* Write a new version: files plus manifest.json (made here from `manifest`, a JSON object of facts without the digests,
 * to which "files" is added). MRC_ECONFLICT when the folder exists. Re-opened and self-tested before it appears. */
int bundle_write(const char *folder, const struct bundle_file *files, size_t n, struct str manifest,
                 struct mrc_err *err) MRC_CHECKED;

/* One trained model of a version, in order of preference (the last needs nothing and its file is model.cbm). */
struct bundle_part_model {
    const char *name;          /* "screens", "ahead": [a-z0-9_]+ */
    const char *file;          /* "model_screens.cbm", "model.cbm" */
    const char *features_file; /* "features_screens.json", "features.json"; two models may share one file and text */
    struct str features;       /* its text, complete (see features_learn) */
    const mrc_model *model;    /* its flat features are the features, in order, by name */
    const char *const *needs;  /* raw fields that must be present */
    size_t n_needs;
    const char *per;                /* raw field the target was divided by before log10, or NULL */
    const double *levels, *offsets; /* [n_levels] ascending; from out-of-time residuals, log10; 0 < level < 1 */
    uint32_t n_levels;              /* 2 to 99, both sides of 0.5 */
    const mrc_model *scale;         /* ln of the error's scale, of columns as in bundle_model, or NULL */
    const char *scale_file;         /* its file */
    const struct scores *scores;    /* kept in interval.json, so that a refresh can go on; NULL: not */
};

/* One filler of a version: see struct bundle_filler. */
struct bundle_part_filler {
    const char *field, *unit; /* unit: NULL without one */
    double least;
    const char *file, *features_file;
    struct str features;
    const mrc_model *model;
};

/* What a trainer knows. Everything is borrowed for the call. Texts marked JSON are checked. */
struct bundle_parts {
    const char *name, *version; /* "first-week", "0001" */
    const char *created;        /* stamp_format of now; an argument so that equal runs can be made equal */
    struct str schema;          /* schema.json */
    const struct bundle_part_model *models;
    size_t n_models;
    const struct bundle_part_filler *fillers;
    size_t n_fillers;
    struct str metrics;    /* JSON object, free form; "" = {} */
    struct str parameters; /* JSON object: training parameters; "" = {} */
    int64_t seed;
    const char *data_digest;    /* sha256 of the training file, hexadecimal */
    const char *refreshed_with; /* that of the file with newer films, or NULL */
    uint64_t rows_train, rows_history;
    int32_t histories_as_of;         /* date of the newest film learnt from */
    struct str selftest_rows;        /* JSON array of raw rows, synthetic; "" = made from the schema's examples */
    const struct bundle_file *files; /* more files: tables/…, report.md, report.json, reference.json */
    size_t n_files;
};
/* Make every text of a version (manifest.json, MLmodel, forecast.json, interval.json, metrics.json, requirements.txt,
 * input_example.json, selftest.json with scores computed from the models in memory) and write it with bundle_write to
 * folder, e.g. models/first-week/0001. MRC_EINVAL names what does not fit together. */
int bundle_build(const char *folder, const struct bundle_parts *parts, struct mrc_err *err) MRC_CHECKED;

/* ---- the current version --------------------------------------------------------------------------------------- */

/* Point models/<name>/current at a version, atomically; models/<name>/previous then names the one it pointed to. */
int bundle_set_current(const char *name_folder, const char *version, struct mrc_err *err) MRC_CHECKED;
/* The version that current points to (read from the link), copied to the arena. MRC_ENOTFOUND when there is none. */
int bundle_current(const char *name_folder, struct arena *a, struct str *version, struct mrc_err *err) MRC_CHECKED;
/* The one that was current before. MRC_ENOTFOUND when there is none. */
int bundle_previous(const char *name_folder, struct arena *a, struct str *version, struct mrc_err *err) MRC_CHECKED;

#endif
