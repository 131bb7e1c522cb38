/* The OpenAPI document: paths from routes.c, statuses from what each kind of route can answer, schemas from the tables
 * below and from the raw schema. A contract tester finds no difference between it and the server, or one of them is
 * wrong. JSON stands here with ' for ". */
#include "fcgi/openapi.h"
#include "fcgi/openapi_tables.h"

#include "common/base/json.h"
#include "common/trees/mercredi.h"

#include <ctype.h>
#include <string.h>

void openapi_put(struct json_out *w, const char *quoted)
{
    struct buf b;
    buf_init(&b, NULL, 64 * 1024);
    for (const char *p = quoted; *p != '\0'; p++) {
        buf_char(&b, *p == '\'' ? '"' : *p);
    }
    json_put_raw(w, buf_text(&b));
    buf_release(&b);
}

static void pair(struct json_out *w, const char *key, const char *quoted)
{
    json_put_key(w, key);
    openapi_put(w, quoted);
}

/* ---- components ------------------------------------------------------------------------------------------------ */

#define INTERVAL_SCHEMA                                                                                                \
    "{'type':'object','required':['level','low','high'],'properties':{'level':{'type':'number'},"                      \
    "'low':{'type':'integer','minimum':0},'high':{'type':'integer','minimum':0}}}"
#define QUANTILES_SCHEMA                                                                                               \
    "{'type':'object','description':'Tickets at each probability.',"                                                   \
    "'additionalProperties':{'type':'integer','minimum':0}}"
#define MODEL_REF_SCHEMA                                                                                               \
    "{'type':'object','required':['name','version'],"                                                                  \
    "'properties':{'name':{'type':'string'},'version':{'type':'string'}}}"

#define MODEL_FACTS                                                                                                    \
    "'name':{'type':'string'},'version':{'type':'string'},"                                                            \
    "'active':{'type':'boolean','description':'This answer comes from it.'},"                                          \
    "'current':{'type':'boolean','description':'It serves, or is about to.'},"                                         \
    "'previous':{'type':'boolean','description':'A rollback goes back to it.'},"                                       \
    "'shadow':{'type':'boolean','description':'It is compared with the one that serves.'},"                            \
    "'readable':{'type':'boolean','description':'It has a manifest.'},"                                                \
    "'digest':{'type':'string','pattern':'^[0-9a-f]{64}$'},'created':{'type':'string'},"                               \
    "'histories_as_of':{'type':'string'},'schema_version':{'type':'integer'}"
#define MODEL_REQUIRED "'required':['name','version','active','current','previous','readable']"
#define OBJECT_OR_NULL "{'anyOf':[{'type':'object'},{'type':'null'}]}"

#define STAMP_OR_NULL        "{'anyOf':[{'type':'string','format':'date-time'},{'type':'null'}]}"
#define NUMBER_OR_NULL(what) "{'anyOf':[{'type':'number','minimum':0},{'type':'null'}],'description':'" what "'}"
#define SHADOW_ERRORS                                                                                                  \
    "{'anyOf':[{'type':'object','required':['mae','median_ape','bias','coverage_80'],'properties':{"                   \
    "'mae':{'type':'number','minimum':0,'description':'Mean absolute error, tickets.'},"                               \
    "'median_ape':{'type':'number','minimum':0,'description':'Median absolute error relative to the first week.'},"    \
    "'bias':{'type':'number','description':'How much more than forecast the first weeks were, typically; below 0: "    \
    "less.'},'coverage_80':{'type':'number','minimum':0,'maximum':1,"                                                  \
    "'description':'Share within the interval of level 0.8.'}}},{'type':'null'}]}"

static const struct openapi_part *const parts[] = {&openapi_kept, &openapi_inference};
enum { N_PARTS = sizeof parts / sizeof parts[0] };

/* In the order of their names, as FastAPI writes them. Film and FilmBatch follow from the raw schema. */
static const struct openapi_component components[] = {
    {"Body_login_token_post",
     "{'type':'object','title':'Body_login_token_post','required':['username','password'],'properties':{"
     "'grant_type':{'anyOf':[{'type':'string','pattern':'^password$'},{'type':'null'}],'title':'Grant Type'},"
     "'username':{'type':'string','pattern':'^[^\\\\u0000]*$','title':'Username','minLength':1},"
     "'password':{'type':'string','format':'password','pattern':'^[^\\\\u0000]*$','title':'Password','minLength':1},"
     "'scope':{'type':'string','pattern':'^[^\\\\u0000]*$','title':'Scope','default':'',"
     "'description':'Wanted scopes separated by blanks; empty: all the account has.'},"
     "'client_id':{'anyOf':[{'type':'string','pattern':'^[^\\\\u0000]*$'},{'type':'null'}],'title':'Client Id'},"
     "'client_secret':{'anyOf':[{'type':'string','format':'password','pattern':'^[^\\\\u0000]*$'},{'type':'null'}],'"
     "title':'Client Secret'}}}"},
    {"Body_login_token_post_client",
     "{'type':'object','title':'Body_login_token_post_client','description':'The client says who it is here or in a "
     "Basic header.','required':['grant_type'],'properties':{"
     "'grant_type':{'type':'string','enum':['client_credentials']},"
     "'scope':{'type':'string','pattern':'^[^\\\\u0000]*$','default':''},"
     "'client_id':{'type':'string','pattern':'^[^\\\\u0000]*$'},"
     "'client_secret':{'type':'string','format':'password','pattern':'^[^\\\\u0000]*$'}}}"},
    {"Body_login_token_post_refresh",
     "{'type':'object','title':'Body_login_token_post_refresh','required':['grant_type','refresh_token'],"
     "'properties':{'grant_type':{'type':'string','enum':['refresh_token']},"
     "'refresh_token':{'type':'string','pattern':'^[^\\\\u0000]*$','minLength':1,'description':'Good for one use.'},"
     "'scope':{'type':'string','pattern':'^[^\\\\u0000]*$','default':''}}}"},
    {"Body_revoke_revoke_post", "{'type':'object','title':'Body_revoke_revoke_post','required':['token'],'properties':{"
                                "'token':{'type':'string','pattern':'^[^\\\\u0000]*$','minLength':1,"
                                "'description':'An access token, a refresh token (its login ends) or an API key.'},"
                                "'token_type_hint':{'type':'string','pattern':'^[^\\\\u0000]*$'}}}"},
    {"Error", "{'type':'object','title':'Error','required':['detail'],'properties':{'detail':{'type':'string'}}}"},
    {"HTTPValidationError",
     "{'type':'object','title':'HTTPValidationError','required':['detail'],'properties':{'detail':{'type':'array',"
     "'items':{'$ref':'#/components/schemas/ValidationError'},'title':'Detail'}}}"},
    {"Model", "{'type':'object','title':'Model'," MODEL_REQUIRED ",'properties':{" MODEL_FACTS "}}"},
    {"ModelDetail", "{'type':'object','title':'ModelDetail'," MODEL_REQUIRED ",'properties':{" MODEL_FACTS
                    ",'manifest':" OBJECT_OR_NULL ",'metrics':" OBJECT_OR_NULL ",'report':" OBJECT_OR_NULL "}}"},
    {"ModelList", "{'type':'object','title':'ModelList','required':['models'],'properties':{'models':{'type':'array',"
                  "'items':{'$ref':'#/components/schemas/Model'}}}}"},
    {"ModelShadow", "{'type':'object','title':'ModelShadow','required':['name','version','state','predictions','"
                    "outcomes'],"
                    "'properties':{'name':{'type':'string'},'version':{'type':'string'},"
                    "'state':{'type':'string','enum':['off','compared','unknown','cannot_be_loaded','serves','no_log'],"
                    "'description':'off: it is not the shadow version now; figures of when it was remain.'},"
                    "'predictions':{'type':'object','description':'Of its newest "
                    "100,000.','required':['compared','refused','from',"
                    "'to','median_ratio','share_beyond_1_25','share_beyond_2','served_by'],'properties':{"
                    "'compared':{'type':'integer','minimum':0},'refused':{'type':'integer','minimum':0,"
                    "'description':'Films that this version does not take.'},"
                    "'from':" STAMP_OR_NULL ",'to':" STAMP_OR_NULL ",'median_ratio':" NUMBER_OR_NULL(
                        "This version over the one that "
                        "served.") ","
                                   "'share_beyond_1_25':" NUMBER_OR_NULL(
                                       "More than 1.25 times as much or as little.") ","
                                                                                     "'share_beyond_2':" NUMBER_OR_NULL(
                                                                                         "More than twice as much or "
                                                                                         "as little.") ","
                                                                                                       "'served_by':{'"
                                                                                                       "type':'array','"
                                                                                                       "items':{'type':"
                                                                                                       "'object','"
                                                                                                       "required':['"
                                                                                                       "version','"
                                                                                                       "compared'],'"
                                                                                                       "properties':{"
                                                                                                       "'version':{'"
                                                                                                       "type':'string'}"
                                                                                                       ",'compared':{'"
                                                                                                       "type':'integer'"
                                                                                                       ",'minimum':1}}}"
                                                                                                       "}}},"
                                                                                                       "'outcomes':{'"
                                                                                                       "type':'object',"
                                                                                                       "'description':'"
                                                                                                       "Both on the "
                                                                                                       "same films: "
                                                                                                       "the last "
                                                                                                       "prediction "
                                                                                                       "before the "
                                                                                                       "release of "
                                                                                                       "each whose "
                                                                                                       "final first "
                                                                                                       "week is "
                                                                                                       "reported.','"
                                                                                                       "required':['"
                                                                                                       "films','served'"
                                                                                                       ",'shadow'],'"
                                                                                                       "properties':{"
                                                                                                       "'films':{'type'"
                                                                                                       ":'integer','"
                                                                                                       "minimum':0},'"
                                                                                                       "served'"
                                                                                                       ":" SHADOW_ERRORS
                                                                                                       ",'shadow'"
                                                                                                       ":" SHADOW_ERRORS
                                                                                                       "}}}}"},
    {"ModelSwitch",
     "{'type':'object','title':'ModelSwitch','required':['name','version','previous'],'properties':{"
     "'name':{'type':'string'},'version':{'type':'string'},'previous':{'anyOf':[{'type':'string'},{'type':'null'}],"
     "'description':'What served until now.'}}}"},
    {"OAuthMetadata",
     "{'type':'object','title':'OAuthMetadata','required':['issuer','token_endpoint','revocation_endpoint',"
     "'grant_types_supported','scopes_supported'],'properties':{'issuer':{'type':'string'},"
     "'token_endpoint':{'type':'string'},'revocation_endpoint':{'type':'string'},"
     "'service_documentation':{'type':'string'},"
     "'scopes_supported':{'type':'array','items':{'type':'string'}},"
     "'response_types_supported':{'type':'array','items':{'type':'string'}},"
     "'grant_types_supported':{'type':'array','items':{'type':'string'}},"
     "'token_endpoint_auth_methods_supported':{'type':'array','items':{'type':'string'}},"
     "'revocation_endpoint_auth_methods_supported':{'type':'array','items':{'type':'string'}}}}"},
    {"PasswordChange",
     "{'type':'object','title':'PasswordChange','required':['current_password','new_password'],'properties':{"
     "'current_password':{'type':'string','format':'password','pattern':'^[^\\\\u0000]*$'},"
     "'new_password':{'type':'string','format':'password','pattern':'^[^\\\\u0000]*$','minLength':8,'maxLength':1024}},"
     "'propertyNames':{'pattern':'^[^\\\\u0000]*$'},'patternProperties':{'':{'$ref':'#/components/schemas/Value'}}}"},
    {"PredictAnswer", "{'title':'PredictAnswer','anyOf':[{'$ref':'#/components/schemas/Prediction'},"
                      "{'$ref':'#/components/schemas/PredictionBatch'}]}"},
    {"Prediction",
     "{'type':'object','title':'Prediction','required':['prediction_id','admissions','interval','quantiles',"
     "'reliability','reliability_reasons','score','histories_as_of','warnings','model'],'properties':{"
     "'prediction_id':{'type':'string','format':'uuid'},"
     "'admissions':{'type':'integer','minimum':0,'description':'Tickets of the first week: the median.'},"
     "'interval':" INTERVAL_SCHEMA ",'quantiles':" QUANTILES_SCHEMA ","
     "'reliability':{'type':'string','enum':['good','fair','poor']},"
     "'reliability_reasons':{'type':'array','description':'Why it is not better.','items':{'type':'object',"
     "'required':['code'],'properties':{'code':{'type':'string','enum':['missing','unseen','out_of_domain',"
     "'old_histories','wide_interval']},'field':{'type':'string'}}}},"
     "'base':{'type':'number','description':'With `explain`: what the model says when it knows nothing of the film; "
     "for 100 cinemas when their number is known.'},"
     "'explanation':{'type':'array','description':'With `explain`: factors of the fields, the weightiest first; their "
     "product times `base` is the median before rounding.','items':{'type':'object','required':['field','factor'],"
     "'properties':{'field':{'type':'string','description':'A field of the film, or market: the time of the release.'},"
     "'value':{'$ref':'#/components/schemas/Value'},'factor':{'type':'number','exclusiveMinimum':0}}}},"
     "'similar':{'type':'array','description':'With `explain`: up to five past films that the model treats alike.',"
     "'items':{'type':'object','required':['title','year'],'properties':{'title':{'type':'string'},"
     "'year':{'type':'integer'}}}},"
     "'score':{'type':'number','description':'Raw score of the model, the shortest decimal that is exact.'},"
     "'histories_as_of':{'type':'string','format':'date'},"
     "'warnings':{'type':'array','items':{'$ref':'#/components/schemas/Warning'}},'model':" MODEL_REF_SCHEMA "}}"},
    {"PredictionBatch",
     "{'type':'object','title':'PredictionBatch','required':['predictions'],'properties':{'predictions':{"
     "'type':'array','description':'One for each film, in order.',"
     "'items':{'$ref':'#/components/schemas/Prediction'}}}}"},
    {"PredictionPage",
     "{'type':'object','title':'PredictionPage','required':['items','next'],'properties':{'items':{'type':'array',"
     "'items':{'$ref':'#/components/schemas/PredictionRecord'}},"
     "'next':{'anyOf':[{'type':'string','format':'uuid'},{'type':'null'}],"
     "'description':'Cursor of the next page; null: this was the last.'}}}"},
    {"PredictionRecord",
     "{'type':'object','title':'PredictionRecord','required':['prediction_id','created_at','film','admissions',"
     "'interval','quantiles','score','model'],'properties':{'prediction_id':{'type':'string','format':'uuid'},"
     "'created_at':{'type':'string','format':'date-time'},"
     "'film':{'type':'object','description':'The film as it was understood.'},"
     "'admissions':{'type':'integer','minimum':0},'interval':" INTERVAL_SCHEMA ",'quantiles':" QUANTILES_SCHEMA ","
     "'score':{'type':'number'},'model':" MODEL_REF_SCHEMA "}}"},
    {"Problem",
     "{'type':'object','title':'Problem','description':'RFC 9457, when Accept names application/problem+json.',"
     "'required':['type','title','status','detail'],'properties':{'type':{'type':'string'},"
     "'title':{'type':'string'},'status':{'type':'integer'},'detail':{'type':'string'},"
     "'request_id':{'type':'string'},'errors':{'type':'array','items':{'type':'object','required':['type','detail'],"
     "'properties':{'type':{'type':'string'},'detail':{'type':'string'},'pointer':{'type':'string'},"
     "'parameter':{'type':'string'}}}}}}"},
    {"Revoked", "{'type':'object','title':'Revoked'}"},
    {"Schema", "{'type':'object','title':'Schema','required':['name','version','fields'],'properties':{"
               "'name':{'type':'string'},'version':{'type':'integer'},'fields':{'type':'array',"
               "'items':{'$ref':'#/components/schemas/SchemaField'}}}}"},
    {"SchemaField",
     "{'type':'object','title':'SchemaField','required':['name','type','required','known'],'properties':{"
     "'name':{'type':'string'},"
     "'type':{'type':'string','enum':['number','integer','category','list','date','text']},"
     "'required':{'type':'boolean'},'known':{'type':'string','enum':['before','near','after']},"
     "'example':{'description':'A valid value.'},'absent':{'description':'What absence means.'},"
     "'unit':{'type':'string'},'min':{'type':'number'},'max':{'type':'number'},'exclusive_min':{'type':'boolean'},"
     "'length_max':{'type':'integer'},'items_max':{'type':'integer'},'closed':{'type':'boolean'},"
     "'weekday':{'type':'string'},'values':{'type':'array','items':{'type':'object','required':['value'],"
     "'properties':{'value':{'type':'string'},'label_fr':{'type':'string'},'label_en':{'type':'string'}}}},"
     "'label_fr':{'type':'string'},'label_en':{'type':'string'},'help_fr':{'type':'string'},"
     "'help_en':{'type':'string'}}}"},
    {"Token",
     "{'type':'object','title':'Token','required':['access_token','token_type','expires_in','scope'],'properties':{"
     "'access_token':{'type':'string'},"
     "'refresh_token':{'type':'string','description':'For grant_type refresh_token, once; not for clients.'},"
     "'token_type':{'type':'string','enum':['bearer']},"
     "'expires_in':{'type':'integer','description':'Seconds.'},'scope':{'type':'string'}}}"},
    {"TokenError",
     "{'type':'object','title':'TokenError','required':['detail'],'properties':{'detail':{'type':'string'},"
     "'error':{'type':'string'},'error_description':{'type':'string'}}}"},
    {"User", "{'type':'object','title':'User','required':['username','scopes','disabled'],'properties':{"
             "'username':{'type':'string'},'scopes':{'type':'array','items':{'type':'string'}},"
             "'disabled':{'type':'boolean'}}}"},
    {"UserChange",
     "{'type':'object','title':'UserChange','description':'What is absent stays.','properties':{"
     "'password':{'type':'string','format':'password','pattern':'^[^\\\\u0000]*$','minLength':8,'maxLength':1024},"
     "'scopes':{'type':'array','items':{'type':'string','enum':['predict','outcome','monitor','admin']}},"
     "'disabled':{'type':'boolean'}},"
     "'propertyNames':{'pattern':'^[^\\\\u0000]*$'},'patternProperties':{'':{'$ref':'#/components/schemas/Value'}}}"},
    {"UserList", "{'type':'object','title':'UserList','required':['users'],'properties':{'users':{'type':'array',"
                 "'items':{'$ref':'#/components/schemas/User'}}}}"},
    {"UserNew",
     "{'type':'object','title':'UserNew','required':['username','password','scopes'],'properties':{"
     "'username':{'type':'string','pattern':'^[A-Za-z0-9._@+-]{1,64}$'},"
     "'password':{'type':'string','format':'password','pattern':'^[^\\\\u0000]*$','minLength':8,'maxLength':1024},"
     "'scopes':{'type':'array','items':{'type':'string','enum':['predict','outcome','monitor','admin']}},"
     "'disabled':{'type':'boolean'}},"
     "'propertyNames':{'pattern':'^[^\\\\u0000]*$'},'patternProperties':{'':{'$ref':'#/components/schemas/Value'}}}"},
    {"ValidationError",
     "{'type':'object','title':'ValidationError','required':['loc','msg','type'],'properties':{"
     "'loc':{'type':'array','items':{'anyOf':[{'type':'string'},{'type':'integer'}]},'title':'Location'},"
     "'msg':{'type':'string','title':'Message'},'type':{'type':'string','title':'Error Type'},"
     "'input':{'title':'Input'},'ctx':{'type':'object','title':'Context'}}}"},
    /* Recursion stands in patternProperties and items of a schema without type, which generators of clients skip. */
    {"Value", "{'title':'Value','description':'Any JSON without the character U+0000.','pattern':'^[^\\\\u0000]*$',"
              "'propertyNames':{'pattern':'^[^\\\\u0000]*$'},"
              "'patternProperties':{'':{'$ref':'#/components/schemas/Value'}},"
              "'items':{'$ref':'#/components/schemas/Value'}}"},
    {"Warning", "{'type':'object','title':'Warning','required':['code','field'],'properties':{'code':{'type':'string'},"
                "'field':{'type':'string'},'value':{'type':'string'}}}"},
};

/* {"<list>":[…]}, 1 to rows_max items. */
static void put_batch(struct json_out *w, const char *name, const char *list, const char *item, int64_t rows_max)
{
    json_put_key(w, name);
    json_open_object(w);
    json_pair_cstr(w, "type", "object");
    json_pair_cstr(w, "title", name);
    json_put_key(w, "required");
    json_open_array(w);
    json_put_cstr(w, list);
    json_close_array(w);
    json_put_key(w, "properties");
    json_open_object(w);
    json_put_key(w, list);
    json_open_object(w);
    json_pair_cstr(w, "type", "array");
    json_pair_i64(w, "minItems", 1);
    json_pair_i64(w, "maxItems", rows_max);
    pair(w, "items", item);
    json_close_object(w);
    json_close_object(w);
    openapi_unknown(w);
    json_close_object(w);
}

static void put_components(struct json_out *w, const struct bundle *bundle, int64_t rows_max)
{
    const struct schema *schema = bundle == NULL ? NULL : bundle->schema;
    json_put_key(w, "components");
    json_open_object(w);
    json_put_key(w, "schemas");
    json_open_object(w);
    json_put_key(w, "Film");
    openapi_film(w, schema);
    put_batch(w, "FilmBatch", "films", "{'$ref':'#/components/schemas/Film'}", rows_max);
    json_put_key(w, "OutcomeIn");
    openapi_outcome(w, schema);
    put_batch(w, "OutcomeBatch", "outcomes", "{'$ref':'#/components/schemas/OutcomeIn'}", rows_max);
    for (size_t i = 0; i < sizeof components / sizeof components[0]; i++) {
        pair(w, components[i].name, components[i].schema);
    }
    for (size_t k = 0; k < N_PARTS; k++) {
        for (size_t i = 0; i < parts[k]->n_components; i++) {
            pair(w, parts[k]->components[i].name, parts[k]->components[i].schema);
        }
    }
    json_put_key(w, "ModelRow");
    openapi_model_row(w, bundle == NULL ? NULL : bundle->models[bundle->n_models - 1].features);
    json_close_object(w);
    pair(w, "securitySchemes",
         "{'OAuth2PasswordBearer':{'type':'oauth2','flows':{'password':{'scopes':{"
         "'predict':'Predict, and read one’s own predictions','outcome':'Report first weeks',"
         "'monitor':'Read surveillance','admin':'Change models and "
         "accounts'},'tokenUrl':'token','refreshUrl':'token'}}},"
         "'HTTPBearer':{'type':'http','scheme':'bearer','bearerFormat':'JWT'}}");
    json_close_object(w);
}

/* ---- operations ------------------------------------------------------------------------------------------------ */

#define VERSION_PARAMETER                                                                                              \
    "[{'name':'version','in':'path','required':true,"                                                                  \
    "'schema':{'type':'string','pattern':'^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$'}}]"

static const struct openapi_detail details[] = {
    {"model", VERSION_PARAMETER, NULL, NULL, NULL},
    {"model_shadow", VERSION_PARAMETER, NULL, NULL, NULL},
    {"promote_model", VERSION_PARAMETER, NULL, NULL, NULL},
    {"login", NULL,
     "{'required':true,'content':{'application/x-www-form-urlencoded':{'schema':{'anyOf':["
     "{'$ref':'#/components/schemas/Body_login_token_post'},"
     "{'$ref':'#/components/schemas/Body_login_token_post_refresh'},"
     "{'$ref':'#/components/schemas/Body_login_token_post_client'}]}}}}",
     "TokenError", NULL},
    {"revoke", NULL,
     "{'required':true,'content':{'application/x-www-form-urlencoded':{'schema':{"
     "'$ref':'#/components/schemas/Body_revoke_revoke_post'}}}}",
     "TokenError", NULL},
    {"change_password", NULL, JSON_BODY("PasswordChange"), NULL, NULL},
    {"add_user", NULL, JSON_BODY("UserNew"), NULL, NULL},
    {"change_user",
     "[{'name':'username','in':'path','required':true,'schema':{'type':'string','pattern':'^[A-Za-z0-9._@+-"
     "]{1,64}$'}}"
     "]",
     JSON_BODY("UserChange"), NULL, NULL},
    {"predict",
     "[{'name':'explain','in':'query','required':false,'schema':{'type':'boolean','default':false},"
     "'description':'Give reasons, when the version can.'},"
     "{'name':'level','in':'query','required':false,'schema':{'type':'number','minimum':0.01,'maximum':0."
     "98,'"
     "default':0.8},"
     "'description':'Probability that the interval holds. Between calibrated levels it is interpolated; "
     "surprise hits "
     "fall outside more often than that.'}]",
     "", NULL, NULL},
    {"predictions",
     "[{'name':'limit','in':'query','required':false,"
     "'schema':{'type':'integer','minimum':1,'maximum':1000,'default':50}},"
     "{'name':'cursor','in':'query','required':false,'schema':{'type':'string','format':'uuid'},"
     "'description':'`next` of the page before.'}," DATE_PARAMETER(
         "from", "Made on this day (UTC) or "
                 "later.") "," DATE_PARAMETER("to", "Made on this day (UTC) or before.") ","
                                                                                         "{'name':'version','in':'"
                                                                                         "query','required':false,'"
                                                                                         "schema':{'type':'string','"
                                                                                         "pattern':'^[^\\\\u0000]*$'},"
                                                                                         "'description':'Of this "
                                                                                         "version of the model.'}]",
     NULL, NULL, NULL},
    {"prediction", "[{'name':'id','in':'path','required':true,'schema':{'type':'string','format':'uuid'}}]", NULL, NULL,
     NULL},
    {"readyz",
     "[{'name':'verbose','in':'query','required':false,'allowEmptyValue':true,'schema':{'type':'string','"
     "pattern':'^[^"
     "\\\\u0000]*$'},"
     "'description':'List the "
     "checks.'},{'name':'exclude','in':'query','required':false,'schema':{'type':'string','pattern':'^[^"
     "\\\\u0000]*$'},"
     "'description':'Skip this check.'}]",
     NULL, NULL, NULL},
};

static const struct openapi_detail *find_detail(const struct openapi_detail *list, size_t n, const struct route *r)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i].route, r->name) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

static const struct openapi_detail *detail_of(const struct route *r)
{
    static const struct openapi_detail none = {0};
    const struct openapi_detail *d = find_detail(details, sizeof details / sizeof details[0], r);
    for (size_t i = 0; i < N_PARTS && d == NULL; i++) {
        d = find_detail(parts[i]->details, parts[i]->n_details, r);
    }
    return d == NULL ? &none : d;
}

static void put_text_schema(struct json_out *w, const char *type)
{
    json_put_key(w, type);
    openapi_put(w, "{'schema':{'type':'string'}}");
}

static void put_reference(struct json_out *w, const char *type, const char *component)
{
    json_put_key(w, type);
    json_open_object(w);
    json_put_key(w, "schema");
    json_open_object(w);
    json_put_key(w, "$ref");
    struct buf b;
    buf_init(&b, NULL, 256);
    buf_printf(&b, "#/components/schemas/%s", component);
    json_put_str(w, buf_text(&b));
    buf_release(&b);
    json_close_object(w);
    json_close_object(w);
}

static void put_error(struct json_out *w, int status, const char *component, const char *headers)
{
    char code[4] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10), (char)('0' + status % 10), '\0'};
    json_put_key(w, code);
    json_open_object(w);
    json_pair_cstr(w, "description", status == 422 ? "Validation Error" : http_reason(status));
    if (headers != NULL) {
        pair(w, "headers", headers);
    }
    json_put_key(w, "content");
    json_open_object(w);
    put_reference(w, "application/json", component);
    put_reference(w, "application/problem+json", "Problem");
    json_close_object(w);
    json_close_object(w);
}

static void put_success(struct json_out *w, const struct route *r)
{
    if ((r->flags & ROUTE_NO_CONTENT) != 0) {
        pair(w, "204", "{'description':'Successful Response'}");
        return;
    }
    json_put_key(w, "200");
    json_open_object(w);
    json_pair_cstr(w, "description", "Successful Response");
    json_put_key(w, "content");
    json_open_object(w);
    if (r->answer == NULL) {
        put_text_schema(w, "text/plain");
    } else if ((r->flags & ROUTE_ANY_JSON) != 0) {
        json_put_key(w, "application/json");
        openapi_put(w, "{'schema':{'type':'object'}}");
    } else {
        put_reference(w, "application/json", r->answer);
    }
    if (strcmp(r->name, "predict") == 0 || strcmp(r->name, "predictions") == 0) {
        put_text_schema(w, "text/csv");
    }
    json_close_object(w);
    json_close_object(w);
}

/* Every status this route can answer; the rules of app.c and the handlers, in one place. */
static void put_responses(struct json_out *w, const struct route *r, const struct openapi_detail *d)
{
    const char *error = d->error != NULL ? d->error : "Error";
    bool login = strcmp(r->name, "login") == 0, token = login || strcmp(r->name, "revoke") == 0;
    bool scoped = r->scope != SCOPE_NONE, body = d->body != NULL;
    static const char challenge[] = "{'WWW-Authenticate':{'schema':{'type':'string'}}}";
    static const char retry[] = "{'Retry-After':{'schema':{'type':'string'}}}";
    json_put_key(w, "responses");
    json_open_object(w);
    put_success(w, r);
    if ((r->flags & ROUTE_CACHED) != 0) {
        pair(w, "304", "{'description':'Not Modified'}");
    }
    put_error(w, 400, error, NULL);
    bool metrics = strcmp(r->name, "metrics") == 0; /* asks for a scope when the setting says so */
    if (scoped || token || metrics) {
        put_error(w, 401, error, challenge);
    }
    if (scoped || metrics) {
        put_error(w, 403, "Error", challenge);
    }
    if (strchr(r->path, '{') != NULL || metrics) {
        put_error(w, 404, "Error", NULL);
    }
    if ((r->flags & (ROUTE_CONFLICTS | ROUTE_IDEMPOTENT)) != 0) {
        put_error(w, 409, d->conflict != NULL ? d->conflict : "Error", NULL);
    }
    if (body) {
        put_error(w, 413, "Error", NULL);
        put_error(w, 415, "Error", NULL);
    }
    if ((body && (login || !token)) || (r->flags & ROUTE_CHECKS_QUERY) != 0) {
        put_error(w, 422, "HTTPValidationError", NULL);
    }
    if (login || scoped) {
        put_error(w, 429, error, retry);
    }
    put_error(w, 431, "Error", NULL);
    put_error(w, 500, "Error", NULL);
    if (strcmp(r->name, "v2_ready") == 0) {
        put_error(w, 503, "InferenceReady", retry);
    } else if (r->answer == NULL && (r->flags & ROUTE_NEEDS_MODEL) != 0) {
        pair(w, "503", "{'description':'Not ready','content':{'text/plain':{'schema':{'type':'string'}}}}");
    } else if (scoped || token || metrics || (r->flags & ROUTE_NEEDS_MODEL) != 0) {
        put_error(w, 503, error, retry);
    }
    json_close_object(w);
}

static void put_predict_body(struct json_out *w, const struct schema *schema)
{
    json_put_key(w, "requestBody");
    json_open_object(w);
    json_pair_bool(w, "required", true);
    json_put_key(w, "content");
    json_open_object(w);
    json_put_key(w, "application/json");
    json_open_object(w);
    pair(w, "schema", "{'anyOf':[{'$ref':'#/components/schemas/Film'},{'$ref':'#/components/schemas/FilmBatch'}]}");
    json_put_key(w, "examples");
    json_open_object(w);
    json_put_key(w, "film");
    json_open_object(w);
    json_pair_cstr(w, "summary", "One film / Un film");
    json_put_key(w, "value");
    openapi_film_example(w, schema);
    json_close_object(w);
    json_put_key(w, "batch");
    json_open_object(w);
    json_pair_cstr(w, "summary", "Several films / Plusieurs films");
    json_put_key(w, "value");
    json_open_object(w);
    json_put_key(w, "films");
    json_open_array(w);
    openapi_film_example(w, schema);
    json_close_array(w);
    json_close_object(w);
    json_close_object(w);
    json_close_object(w);
    json_close_object(w);
    json_close_object(w);
    json_close_object(w);
}

/* FastAPI's rule: name + path + method, every character outside [A-Za-z0-9_] one '_'. */
static void put_operation_id(struct json_out *w, const struct route *r)
{
    struct buf b;
    buf_init(&b, NULL, 256);
    buf_puts(&b, r->name);
    for (const char *p = r->path; *p != '\0'; p++) {
        buf_char(&b, isalnum((unsigned char)*p) ? *p : '_');
    }
    buf_char(&b, '_');
    for (const char *p = http_method_name(r->method); *p != '\0'; p++) {
        buf_char(&b, (char)tolower((unsigned char)*p));
    }
    json_pair_str(w, "operationId", buf_text(&b));
    buf_release(&b);
}

static void put_operation(struct json_out *w, const struct route *r, const struct schema *schema)
{
    const struct openapi_detail *d = detail_of(r);
    json_open_object(w);
    json_put_key(w, "tags");
    json_open_array(w);
    json_put_cstr(w, r->tag);
    json_close_array(w);
    json_pair_cstr(w, "summary", r->summary);
    if ((r->flags & ROUTE_IDEMPOTENT) != 0) {
        json_pair_cstr(w, "description",
                       "With a header `Idempotency-Key` of 1 to 255 visible characters the same request can be sent "
                       "again and gets the same answer; 409 while the first one runs, 422 when it is another request.");
    }
    put_operation_id(w, r);
    if (r->scope != SCOPE_NONE) {
        json_put_key(w, "security");
        json_open_array(w);
        json_open_object(w);
        json_put_key(w, "OAuth2PasswordBearer");
        json_open_array(w);
        if (r->scope != SCOPE_ANY) {
            json_put_cstr(w, scope_name(r->scope));
        }
        json_close_array(w);
        json_close_object(w);
        openapi_put(w, "{'HTTPBearer':[]}");
        json_close_array(w);
    }
    if (d->parameters != NULL) {
        pair(w, "parameters", d->parameters);
    }
    if (d->body != NULL && d->body[0] == '\0') {
        put_predict_body(w, schema);
    } else if (d->body != NULL) {
        pair(w, "requestBody", d->body);
    }
    put_responses(w, r, d);
    json_close_object(w);
}

static void put_paths(struct json_out *w, const struct schema *schema)
{
    static const char *const methods[] = {"get", "head", "post", "put", "patch", "delete", "options", "other"};
    json_put_key(w, "paths");
    json_open_object(w);
    for (size_t i = 0; i < n_routes; i++) {
        bool again = false; /* a path's methods stand together, at its first row */
        for (size_t k = 0; k < i; k++) {
            again = again || strcmp(routes[k].path, routes[i].path) == 0;
        }
        if (again || (routes[i].flags & ROUTE_HIDDEN) != 0) {
            continue;
        }
        json_put_key(w, routes[i].path);
        json_open_object(w);
        for (size_t k = i; k < n_routes; k++) {
            if (strcmp(routes[k].path, routes[i].path) == 0) {
                json_put_key(w, methods[routes[k].method]);
                put_operation(w, &routes[k], schema);
            }
        }
        json_close_object(w);
    }
    json_close_object(w);
}

void openapi_write(struct json_out *w, const struct bundle *bundle, const struct settings *config)
{
    struct buf version;
    buf_init(&version, NULL, 64);
    buf_printf(&version, "%d.%d.%d", MRC_VERSION_MAJOR, MRC_VERSION_MINOR, MRC_VERSION_PATCH);
    json_open_object(w);
    json_pair_cstr(w, "openapi", "3.1.0");
    json_put_key(w, "info");
    json_open_object(w);
    json_pair_cstr(w, "title", "Mercredi");
    json_pair_cstr(w, "summary", "First-week admissions of films in France");
    json_pair_cstr(w, "description",
                   "Predicts a film's first-week admissions in France with an honest interval.\n\n"
                   "Prévoit les entrées d'un film en première semaine en France, avec un intervalle honnête.");
    json_pair_str(w, "version", buf_text(&version));
    pair(w, "license", "{'name':'Apache-2.0','identifier':'Apache-2.0'}");
    json_close_object(w);
    pair(w, "servers", "[{'url':'/'}]");
    put_paths(w, bundle == NULL ? NULL : bundle->schema);
    put_components(w, bundle, setting_int(config, CONFIG_ROWS_MAX));
    pair(w, "tags",
         "[{'name':'predictions','description':'Forecasts / Prévisions'},"
         "{'name':'films','description':'Films you keep, and names / Vos films, et des noms'},"
         "{'name':'outcomes','description':'First weeks as they were / Les premières semaines'},"
         "{'name':'cinemas','description':'Cinemas and their members / Cinémas et membres'},"
         "{'name':'inference','description':'The model alone, for other programs / Le modèle seul'},"
         "{'name':'models','description':'Versions and what they know / Versions'},"
         "{'name':'access','description':'Tokens and accounts / Accès'},"
         "{'name':'operations','description':'For those who run it / Exploitation'}]");
    json_close_object(w);
    buf_release(&version);
}
