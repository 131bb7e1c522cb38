/* Fetch a bundle from MLflow into a folder of versions: every byte checked before the version appears.
 *
 * The registry may have been written by anybody: only the files that the manifest names are read, under names that stay
 * inside the folder, to the sizes and digests it gives; the manifest itself must have the digest that the version's tag
 * says. What has arrived is kept when a fetch is interrupted, and not fetched again. */
#ifndef MRC_FORECAST_MLFLOW_FETCH_H
#define MRC_FORECAST_MLFLOW_FETCH_H

#include "common/forecast/mlflow.h"

enum { FETCH_FOLDER_MAX = 300 };

/* uri: where the files are. digest: sha256 of manifest.json, hexadecimal. parent: folder of versions, made when absent.
 * bytes_max: all files together. *folder: name of the version in parent: the bundle's own, or that with the digest's
 * beginning behind it when another bundle has the name. The self-test has passed. A version that is there already is
 * only tested. MRC_EFORMAT, MRC_ENOTFOUND, MRC_ELIMIT, MRC_EUNSUPPORTED: the artifact is bad; MRC_EBUSY: try again.
 */
int fetch_bundle(struct mlflow *m, const char *uri, struct str digest, const char *parent, uint64_t bytes_max,
                 char folder[FETCH_FOLDER_MAX], struct mrc_err *err) MRC_CHECKED;
/* Remove what interrupted fetches left, but for that of `digest` (empty: all). */
void fetch_clean(const char *parent, struct str digest);

#endif
