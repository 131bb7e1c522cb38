/* What an app keeps between requests. For app.c, answer.c and the handlers that own a member; everybody else uses
 * app.h. */
#ifndef MRC_FCGI_APP_STATE_H
#define MRC_FCGI_APP_STATE_H

#include "common/base/digest.h"
#include "fcgi/app.h"

/* A text that is made once per app and served with a validator. */
struct document {
    struct str text;           /* empty: not made yet */
    char etag[SHA256_HEX + 2]; /* quoted */
};

struct app {
    struct app_parts parts;
    struct arena arena; /* the current request */
    struct arena kept;  /* until app_close */
    struct forecast_scratch *scratch;
    struct tokens *tokens;
    int64_t opened_ms; /* Unix time */
    struct issuer *issuer; /* outside; NULL: none */
    struct assets *assets;
    struct document openapi, schema;
    struct buf file;      /* body of the current answer when it is a file */
    char last_resort[48]; /* body of a 500 when there is no memory for another */
};

#endif
