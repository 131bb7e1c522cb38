/* What is counted, in cells that all processes of a host share, and GET /metrics' text. Counting without a shared file
 * does nothing. */
#ifndef MRC_FCGI_METRICS_H
#define MRC_FCGI_METRICS_H

#include "fcgi/app.h"

/* An answered request. */
void metrics_request(const struct context *c, int64_t us);
/* Films predicted by the version that serves, and one of their figures. */
void metrics_predictions(const struct context *c, size_t n);
void metrics_prediction_value(const struct context *c, int64_t tickets);
/* Rows scored by its model alone (/invocations, /v2). */
void metrics_scores(const struct context *c, size_t n);
/* A token, key, client or login that was refused. reason: of a fixed set, no input in it. */
void metrics_auth_failure(const struct context *c, const char *reason);
void metrics_validation_error(const struct context *c, const struct problem *p);
void metrics_rate_limited(const struct context *c);
void metrics_log_failure(const struct context *c);

/* Prometheus' text format 0.0.4. */
void metrics_write(const struct context *c, struct buf *out);

#endif
