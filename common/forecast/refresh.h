/* A new version of a bundle: the same trees, what newer films have taught, and intervals that follow their errors.
 *
 * For private bundles only: a published one keeps too little of the past to add to it. The same code serves the trainer
 * and the agent. */
#ifndef MRC_FORECAST_REFRESH_H
#define MRC_FORECAST_REFRESH_H

#include "common/forecast/bundle.h"
#include "common/forecast/film_data.h"

struct refresh_options {
    bool complete;       /* with these films all weeks up to the newest listed one are complete; else sums over newer
                          * weeks stay unknown */
    const char *created; /* stamp_format of now, or whatever makes equal runs equal */
};
/* Write `to` from the bundle `from`, already opened as b, and films read with its schema: those of one week or of
 * several; known ones are replaced by film_id. A film with use = history teaches but is not judged, an ignored one does
 * neither; one without entries teaches nothing. The manifest's data.refreshed_with is the digest of films. Errors of
 * opening and writing; MRC_EUNSUPPORTED: a published or plain bundle; MRC_EINVAL: no film teaches anything. */
int bundle_refresh(const struct bundle *b, const char *to, const struct film_data *films,
                   const struct refresh_options *options, struct mrc_err *err) MRC_CHECKED;

#endif
