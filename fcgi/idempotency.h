/* Idempotency-Key (the IETF httpapi draft): on routes that have the flag ROUTE_IDEMPOTENT a request that comes again
 * under its key gets the first one's answer, and does nothing again. A key is 1 to 255 visible characters, in quotes or
 * not, and belongs to one caller and one route. */
#ifndef MRC_FCGI_IDEMPOTENCY_H
#define MRC_FCGI_IDEMPOTENCY_H

#include "fcgi/app.h"

/* Run the route's handler, once. Without a key, or on another route: just run it. */
void idempotency_run(struct context *c);

#endif
