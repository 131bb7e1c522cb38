/* The OpenAPI 3.1 document, made from the table of routes and the active bundle's schema. */
#ifndef MRC_FCGI_OPENAPI_H
#define MRC_FCGI_OPENAPI_H

#include "fcgi/app.h"

/* The component ModelRow: one property per feature of model.cbm. features NULL: any object. */
struct features;
void openapi_model_row(struct json_out *w, const struct features *features);

/* Write the document. bundle NULL (no version loaded): a film and a row of features are any object. The settings give
 * limits. */
void openapi_write(struct json_out *w, const struct bundle *bundle, const struct settings *config);

/* The component Film: one property per raw field. In openapi_film.c. */
void openapi_film(struct json_out *w, const struct schema *schema);
/* The component OutcomeIn: a film by its raw fields or its film_id, its first week, and what is said about that. */
void openapi_outcome(struct json_out *w, const struct schema *schema);
/* A film made of the schema's examples, as JSON. */
void openapi_film_example(struct json_out *w, const struct schema *schema);

/* What members a request object may have beside the listed ones: any, without U+0000 in names and texts. */
void openapi_unknown(struct json_out *w);

/* Write JSON given with ' for ", so that C shows it readably. The text has no other use of '. */
void openapi_put(struct json_out *w, const char *quoted);

#endif
