/* The handlers, one per row of routes.c. Each fills c->res; none fails otherwise. */
#ifndef MRC_FCGI_HANDLERS_H
#define MRC_FCGI_HANDLERS_H

#include "fcgi/app.h"

void h_alive(struct context *c); /* h_health.c */
void h_ready(struct context *c);

void h_token(struct context *c); /* h_token.c */

#endif
