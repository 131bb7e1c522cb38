/* Cross-Origin Resource Sharing: pages of the origins in `cors_origins` may call the API from a browser. Off unless
 * that setting names some; never for the origin `null`, never with cookies (there are none), never a wildcard. */
#ifndef MRC_FCGI_CORS_H
#define MRC_FCGI_CORS_H

#include "fcgi/app.h"

/* Are these origins, each scheme://host or scheme://host:port? MRC_EINVAL names the one that is none. */
int cors_check(struct str origins, struct mrc_err *err) MRC_CHECKED;

/* Headers for the request's origin when it is allowed; on every answer, also of errors. */
void cors_headers(struct context *c);
/* An OPTIONS request that asks for a method of another origin's page: adds what it may do. methods: "GET, POST, …". */
void cors_preflight(struct context *c, struct str methods);

#endif
