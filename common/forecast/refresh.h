/* A new version of a bundle: the same trees, what newer films have taught, and intervals that follow their errors.
 *
 * For private bundles only: a published one keeps too little of the past to add to it. The same code serves the trainer
 * and the agent. */
#ifndef MRC_FORECAST_REFRESH_H
#define MRC_FORECAST_REFRESH_H

#include "common/forecast/bundle.h"

/* A film whose first week is over. The row was read with the bundle's schema. */
struct refresh_film {
    const struct row *row;
    struct str id;  /* replaces what was known under it; "" is nobody's */
    double entries; /* NaN: not known yet, teaches nothing */
    bool panel;     /* listed: teaches distributor, genre, country, market */
    bool judged;    /* its error counts for intervals */
};

/* Write `to` from the bundle `from`, already opened as b. films in time order, those of one week or of several.
 * complete: with them all weeks up to the newest listed film are complete; otherwise sums over newer weeks stay
 * unknown. created: stamp_format of now. Errors of opening and writing; MRC_EUNSUPPORTED: a published or plain bundle;
 * MRC_EINVAL: no film teaches anything. */
int bundle_refresh(const struct bundle *b, const char *to, const struct refresh_film *films, size_t n, bool complete,
                   const char *created, struct mrc_err *err) MRC_CHECKED;

#endif
