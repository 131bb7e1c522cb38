/* Publish a bundle in MLflow: a run with its parameters, metrics and data, the files, a registered version, an alias.
 *
 * In that order, and every step finds what an earlier, interrupted try left: however often and wherever it is killed,
 * one more call to the end leaves one run and one complete version, and the alias never names an incomplete one. A
 * version is known by the digest of its manifest (the tag bundle_sha256), which also tells followers what they must
 * receive. */
#ifndef MRC_FORECAST_MLFLOW_PUBLISH_H
#define MRC_FORECAST_MLFLOW_PUBLISH_H

#include "common/forecast/bundle.h"
#include "common/forecast/mlflow.h"

/* Tags of a registered version: which bundle it is. */
#define PUBLISH_TAG_DIGEST  "bundle_sha256"
#define PUBLISH_TAG_VERSION "bundle_version"
#define PUBLISH_TAG_NAME    "bundle_name"

struct publish_options {
    const char *experiment;                    /* NULL: the model's name */
    const char *model;                         /* registered model; NULL: the bundle's name */
    const char *source, *user, *git_commit;    /* of the run; NULL: not told */
    int64_t started_ms;                        /* of the training; 0: when the bundle was made */
    void (*step)(const char *what, void *arg); /* progress, may be NULL */
    void *arg;
};
struct published {
    char run[MLFLOW_ID_MAX], version[MLFLOW_VERSION_MAX], experiment[MLFLOW_ID_MAX], model_id[MLFLOW_ID_MAX];
};

/* All but the alias. b was opened (its digests hold) and stays where it is meanwhile. */
int publish_bundle(struct mlflow *m, const struct bundle *b, const struct publish_options *o, struct published *out,
                   struct mrc_err *err) MRC_CHECKED;
/* Move the alias to a version, if it is not there. The version it leaves gets the alias `previous` when alias is
 * `champion`. *moved (may be NULL). */
int publish_alias(struct mlflow *m, const char *model, const char *alias, const char *version, bool *moved,
                  struct mrc_err *err) MRC_CHECKED;

#endif
