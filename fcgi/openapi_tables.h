/* The tables the OpenAPI document is made of beside routes.c: components, and what single routes take. JSON with ' for
 * ". */
#ifndef MRC_FCGI_OPENAPI_TABLES_H
#define MRC_FCGI_OPENAPI_TABLES_H

#include <stddef.h>

struct openapi_component {
    const char *name, *schema;
};

/* Query parameters and request bodies of the routes that have them. */
struct openapi_detail {
    const char *route;      /* its name */
    const char *parameters; /* array, or NULL */
    const char *body;       /* request body, or NULL; "": that of predict, made with its example */
    const char *error;      /* component of 400 and 401; NULL: Error */
    const char *conflict;   /* component of 409; NULL: Error */
};

#define JSON_BODY(component)                                                                                           \
    "{'required':true,'content':{'application/json':{'schema':{'$ref':'#/components/schemas/" component "'}}}}"
/* What members a request object may have beside the listed ones. */
#define OTHER_MEMBERS                                                                                                  \
    "'propertyNames':{'pattern':'^[^\\\\u0000]*$'},'patternProperties':{'':{'$ref':'#/components/schemas/Value'}}"
/* A text that begins with something to see (reading.h: text_begins). */
#define VISIBLE_PATTERN   "'^[^\\\\u0000-\\\\u0020][^\\\\u0000]*$'"
#define VISIBLE_TEXT(max) "{'type':'string','minLength':1,'maxLength':" max ",'pattern':" VISIBLE_PATTERN "}"
#define ID_PARAMETER      "{'name':'id','in':'path','required':true,'schema':{'type':'string','format':'uuid'}}"
#define PAGE_PARAMETERS                                                                                                \
    "{'name':'limit','in':'query','required':false,"                                                                   \
    "'schema':{'type':'integer','minimum':1,'maximum':1000,'default':50}},"                                            \
    "{'name':'cursor','in':'query','required':false,'schema':{'type':'string','format':'uuid'},"                       \
    "'description':'`next` of the page before.'}"
#define DATE_PARAMETER(name, what)                                                                                     \
    "{'name':'" name "','in':'query','required':false,'schema':{'type':'string','format':'date'},'description':'" what \
    "'}"

/* What one file adds. */
struct openapi_part {
    const struct openapi_component *components;
    size_t n_components;
    const struct openapi_detail *details;
    size_t n_details;
};
extern const struct openapi_part openapi_kept;      /* films, outcomes, cinemas: openapi_kept.c */
extern const struct openapi_part openapi_inference; /* /invocations and /v2: openapi_inference.c */

#endif
