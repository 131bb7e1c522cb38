/* libmercredi: CatBoost models in C, bit for bit.
 *
 * Loads CatBoost's .cbm and .json models, applies them with CatBoost's own bits, writes both formats back.
 *
 *     mrc_model *m;
 *     struct mrc_err err;
 *     if (mrc_model_open(&m, "model.cbm", &err) < 0) { puts(err.msg); return 1; }
 *     float row[3] = {1.5f, NAN, 3.0f};
 *     struct mrc_input in = {.floats = row, .float_row_stride = 3, .float_column_stride = 1};
 *     double y;                                        // mrc_model_dim(m) == 1
 *     void *scratch = aligned_alloc(MRC_SCRATCH_ALIGN, mrc_scratch_size(m, 1));
 *     mrc_predict(m, &in, 1, MRC_RAW, scratch, &y, &err);
 *
 * Conventions. Functions that can fail return MRC_OK or a negative status and describe the failure in the caller's
 * mrc_err (last parameter, may be NULL, untouched on success). A `const T *` result is borrowed from the first argument;
 * a `T **out` is the caller's to free. Sizes are in elements unless named bytes.
 * Threads. A model never changes after it was opened: any number of threads may use one model at once, each with its own
 * scratch. There is no global state.
 * Memory. Opening allocates; mrc_predict and everything else that takes scratch does not. */
#ifndef MERCREDI_H
#define MERCREDI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MRC_VERSION_MAJOR 0
#define MRC_VERSION_MINOR 1
#define MRC_VERSION_PATCH 0

#if defined(__GNUC__) || defined(__clang__)
#define MRC_API __attribute__((visibility("default")))
#else
#define MRC_API
#endif

/* ---- errors ---------------------------------------------------------------------------------------------------- */

#ifndef MRC_ERR_DEFINED
#define MRC_ERR_DEFINED
enum mrc_status {           /* 0 ok, negative = failed. Numbers are stable; the gaps are for later ones. */
    MRC_OK = 0,
    MRC_EINVAL = -1,        /* an argument is wrong */
    MRC_EFORMAT = -2,       /* input is malformed */
    MRC_EUNSUPPORTED = -3,  /* input is well-formed but asks for something this version does not do */
    MRC_ENOTFOUND = -10,    /* the named thing is absent */
    MRC_ECONFLICT = -11,    /* it exists already, or changed meanwhile */
    MRC_EDENIED = -12,      /* not allowed */
    MRC_ELIMIT = -20,       /* a ceiling: size, depth, count, rate */
    MRC_EBUSY = -21,        /* try again later */
    MRC_EIO = -30,          /* the system refused: disk, socket, permission */
    MRC_ENOMEM = -31,       /* no memory */
    MRC_EBUG = -40          /* an invariant of our own does not hold */
};
struct mrc_err {
    int code;               /* enum mrc_status, 0 when never set */
    uint32_t line, col;     /* position in a CSV, JSON or settings file, from 1; 0 = none */
    char msg[232];          /* one line, UTF-8, NUL-terminated, cut at a character boundary */
};
#endif

/* ---- models ---------------------------------------------------------------------------------------------------- */

typedef struct mrc_model mrc_model; /* immutable after opening */

enum mrc_format { MRC_FORMAT_CBM, MRC_FORMAT_JSON };

/* Open a file; the format is found from its first bytes. MRC_ENOTFOUND, MRC_EIO, MRC_EFORMAT (damaged: the message says
 * where), MRC_EUNSUPPORTED (text or embedding features: the message names them), MRC_ENOMEM. */
MRC_API int mrc_model_open(mrc_model **out, const char *path, struct mrc_err *err);
/* The same from n bytes in memory, which are not referred to afterwards. Hostile input is safe: time and memory are
 * bounded by a small multiple of n. */
MRC_API int mrc_model_open_mem(mrc_model **out, const void *bytes, size_t n, struct mrc_err *err);
MRC_API void mrc_model_free(mrc_model *m); /* NULL is fine */

/* Write to a file (replaced atomically) or to malloc'd memory (*bytes: the caller's to free()). MRC_EUNSUPPORTED when
 * JSON cannot hold the model (infinite borders, two target classifiers on one table, names that are not UTF-8). */
MRC_API int mrc_model_save(const mrc_model *m, const char *path, enum mrc_format format, struct mrc_err *err);
MRC_API int mrc_model_write(const mrc_model *m, enum mrc_format format, void **bytes, size_t *n, struct mrc_err *err);

MRC_API size_t mrc_model_dim(const mrc_model *m);          /* outputs per row: 1, or classes, or quantiles */
MRC_API size_t mrc_model_trees(const mrc_model *m);
MRC_API size_t mrc_model_features(const mrc_model *m);     /* flat features: 1 + the largest flat index */
MRC_API size_t mrc_model_float_features(const mrc_model *m); /* columns that mrc_input.floats must have */
MRC_API size_t mrc_model_cat_features(const mrc_model *m);   /* columns that mrc_input.cat_* must have */

enum mrc_feature_kind { MRC_FEATURE_UNUSED, MRC_FEATURE_FLOAT, MRC_FEATURE_CAT };
struct mrc_feature {
    enum mrc_feature_kind kind; /* UNUSED: a flat position the model knows nothing of */
    size_t index;               /* among the features of its kind: the column in mrc_input */
    const char *name;           /* "" when the model gives none */
    int used;                   /* 1 when a split or CTR reads it */
};
/* flat: 0 … mrc_model_features - 1; otherwise MRC_EINVAL. */
MRC_API int mrc_model_feature(const mrc_model *m, size_t flat, struct mrc_feature *out, struct mrc_err *err);

/* Value of a metadata key (CatBoost's InfoMap: "params", "class_params", …), NULL when absent. NUL-terminated. */
MRC_API const char *mrc_model_meta(const mrc_model *m, const char *key);
/* The i-th key and value, NULL past the end. */
MRC_API const char *mrc_model_meta_at(const mrc_model *m, size_t i, const char **value);
/* Loss the model was trained with ("RMSE", "Logloss", …), "" when unknown. */
MRC_API const char *mrc_model_loss(const mrc_model *m);
/* Label of class k for MRC_CLASS; NULL when k is out of range or the model is no classifier. */
MRC_API const char *mrc_model_class_label(const mrc_model *m, size_t k);

/* ---- prediction ------------------------------------------------------------------------------------------------ */

enum mrc_prediction {
    MRC_RAW = 0,                   /* RawFormulaVal: CatBoost's bits */
    MRC_EXPONENT = 1,
    MRC_RMSE_WITH_UNCERTAINTY = 2, /* mean, variance */
    MRC_PROBABILITY = 3,           /* binary: two columns; several classes: one each */
    MRC_CLASS = 4,                 /* class number, as a double; see mrc_model_class_label */
    MRC_MULTI_PROBABILITY = 5,
    MRC_LOG_PROBABILITY = 6
};
/* Columns a prediction type has for this model; 0 when it does not apply to it. */
MRC_API size_t mrc_prediction_dim(const mrc_model *m, enum mrc_prediction type);

struct mrc_str {
    const char *p; /* bytes, not NUL-terminated; a category may hold any bytes */
    size_t n;
};

/* Rows, borrowed for one call. Columns are in the order of the features of their kind (mrc_feature.index).
 * floats[row * float_row_stride + column * float_column_stride]: strides in elements, so row-major is (columns, 1) and
 * column-major (1, rows). Missing is NaN. Categories either as text or as hashes (mrc_cat_hash); give exactly one of the
 * two when the model has categorical features. Numeric-only models need no categories and the other way round. */
struct mrc_input {
    const float *floats;
    size_t float_row_stride, float_column_stride;
    const struct mrc_str *cats;
    const uint32_t *cat_hashes;
    size_t cat_row_stride, cat_column_stride;
};

enum { MRC_SCRATCH_ALIGN = 64 };
/* Bytes of scratch for up to n_rows rows at once; does not grow beyond a fixed block of rows. */
MRC_API size_t mrc_scratch_size(const mrc_model *m, size_t n_rows);

/* Predict n_rows rows.
 * scratch  mrc_scratch_size(m, n_rows) bytes, MRC_SCRATCH_ALIGN aligned, used by this call only
 * out      n_rows * mrc_prediction_dim(m, type) doubles, row-major
 * MRC_EINVAL when the type does not apply or an input that the model needs is missing. Never allocates, locks or logs. */
MRC_API int mrc_predict(const mrc_model *m, const struct mrc_input *in, size_t n_rows, enum mrc_prediction type,
                        void *scratch, double *out, struct mrc_err *err);
/* The same for a caller that predicts again and again: checks the type and takes the scratch once. One predictor serves
 * one thread at a time; it borrows the model, which any number of predictors share.
 * rows_max  rows that are worth one pass; a call may bring more (1 for single rows needs least memory, 1024 is fastest).
 * MRC_EINVAL as mrc_predict, MRC_ENOMEM. */
typedef struct mrc_predictor mrc_predictor;
MRC_API int mrc_predictor_new(mrc_predictor **out, const mrc_model *m, enum mrc_prediction type, size_t rows_max,
                              struct mrc_err *err);
MRC_API void mrc_predictor_free(mrc_predictor *p);              /* NULL is fine */
MRC_API size_t mrc_predictor_columns(const mrc_predictor *p);   /* mrc_prediction_dim of its model and type */
/* out: n_rows * mrc_predictor_columns doubles, row-major. Does not allocate. */
MRC_API int mrc_predictor_run(mrc_predictor *p, const struct mrc_input *in, size_t n_rows, double *out,
                              struct mrc_err *err);
/* Only trees [begin, end) (end 0 = all), raw; bias is added only when begin is 0, as CatBoost does. */
MRC_API int mrc_predict_range(const mrc_model *m, const struct mrc_input *in, size_t n_rows, size_t begin, size_t end,
                              void *scratch, double *out, struct mrc_err *err);
/* Leaf number of every tree: out[n_rows][mrc_model_trees], row-major, as CatBoost's calc_leaf_indexes. */
MRC_API int mrc_leaf_indexes(const mrc_model *m, const struct mrc_input *in, size_t n_rows, void *scratch,
                             uint32_t *out, struct mrc_err *err);

/* Virtual ensembles: member k of count is the model cut after its first E - p*count + (k+1)*p trees, p = E / (2*count).
 * raw  workspace of n_rows * mrc_model_dim doubles; scratch as for mrc_predict with n_rows rows
 * out  [n_rows][count][mrc_model_dim]: raw values; for RMSEWithUncertainty mean and variance
 * Costs count predictions. MRC_EINVAL when the model has fewer than 2 * count trees. Does not allocate. */
MRC_API int mrc_virtual_ensembles(const mrc_model *m, const struct mrc_input *in, size_t n_rows, size_t count,
                                  void *scratch, double *raw, double *out, struct mrc_err *err);
/* What mrc_virtual_ensembles' members say together, CatBoost's TotalUncertainty: out[n_rows][mrc_uncertainty_dim].
 * RMSEWithUncertainty: mean, knowledge uncertainty (variance of the means), data uncertainty (mean variance). Other
 * regression: mean, knowledge uncertainty. Classification: data uncertainty and total, as entropies in nats. */
MRC_API size_t mrc_uncertainty_dim(const mrc_model *m); /* 0: not defined for this model */
MRC_API int mrc_uncertainty(const mrc_model *m, const double *ensembles, size_t n_rows, size_t count, double *out,
                            struct mrc_err *err);

/* ---- explanation ----------------------------------------------------------------------------------------------- */

/* Exact SHAP values, CatBoost's "Regular" ShapValues: per row and output one value for every flat feature and, last, the
 * base value; their sum is the raw prediction (for MultiClass, of the prediction less its mean over classes).
 * An explainer borrows its model and never changes: share it between threads. Needs leaf weights, and trees no
 * deeper than 64, otherwise MRC_EUNSUPPORTED. For non-symmetric trees the values add up too (CatBoost's do not).
 * table_bytes_max: memory for tables leaf -> values, tree by tree while they fit (a tree of depth d takes
 * 2^d x features in it x outputs x 8 bytes); with a table a row costs one look-up a tree, without one O(2^d d^2). 0 = none. */
typedef struct mrc_explainer mrc_explainer;
MRC_API int mrc_explainer_new(mrc_explainer **out, const mrc_model *m, size_t table_bytes_max, struct mrc_err *err);
MRC_API void mrc_explainer_free(mrc_explainer *e); /* NULL is fine */
/* Outputs explained: mrc_model_dim, but 1 for RMSEWithUncertainty, whose mean alone is. */
MRC_API size_t mrc_explainer_dim(const mrc_explainer *e);
MRC_API size_t mrc_shap_scratch_size(const mrc_explainer *e); /* bytes, MRC_SCRATCH_ALIGN aligned */
/* out: [n_rows][mrc_explainer_dim][mrc_model_features + 1]. Does not allocate. */
MRC_API int mrc_shap(const mrc_explainer *e, const struct mrc_input *in, size_t n_rows, void *scratch, double *out,
                     struct mrc_err *err);

/* CatBoost's PredictionValuesChange from the model's own leaf weights: out[mrc_model_features], sums to 100 (or all 0 when
 * nothing matters). MRC_EUNSUPPORTED without leaf weights. */
MRC_API int mrc_importance(const mrc_model *m, double *out, struct mrc_err *err);

/* CatBoost's Interaction: strength of pairs of flat features in percent, strongest first. Fills out[max] and sets *n to
 * the number of pairs there are (may exceed max). Oblivious trees only. */
struct mrc_interaction {
    size_t first, second; /* flat features, first < second */
    double score;
};
MRC_API int mrc_interactions(const mrc_model *m, struct mrc_interaction *out, size_t max, size_t *n, struct mrc_err *err);

/* Hash of a category's bytes: the low 32 bits of CityHash64 1.0. */
MRC_API uint32_t mrc_cat_hash(const char *bytes, size_t n);

/* Evaluation kernels by name ("scalar", "avx2", …): NULL past the end of those this CPU can run, best first. All give
 * the same bits. */
MRC_API const char *mrc_kernel_name(size_t i);
/* A copy of the handle that uses the named kernel ("auto" = the best); MRC_ENOTFOUND when this CPU cannot run it.
 * Shares nothing with m. For tests and benchmarks: mrc_model_open already chose the best. */
MRC_API int mrc_model_open_kernel(mrc_model **out, const char *path, const char *kernel, struct mrc_err *err);

MRC_API const char *mrc_version(void); /* "0.1.0" */

#ifdef __cplusplus
}
#endif
#endif
