/* What the document says of /invocations and the Open Inference Protocol. Of the forms a body may have it describes one
 * each to the last detail; the others are named in words, because JSON Schema cannot say that as many values stand in
 * one list as another list says. */
#include "fcgi/openapi.h"
#include "fcgi/openapi_tables.h"

#include "common/forecast/features.h"

#include "common/base/json.h"

#define TEXT_SCHEMA "{'type':'string','pattern':'^[^\\\\u0000]*$'}"
#define TENSOR(datatypes, element)                                                                                     \
    "{'type':'object','required':['name','datatype','shape','data'],'properties':{"                                    \
    "'name':{'type':'string','pattern':'^[^\\\\u0000]+$'},'datatype':{'type':'string','enum':[" datatypes "]},"        \
    "'shape':{'type':'array','items':{'type':'integer','enum':[1]},'minItems':1,'maxItems':2},"                        \
    "'data':{'type':'array','items':{'anyOf':[" element                                                                \
    ",{'type':'null'}]},'minItems':1,'maxItems':1}}," OTHER_MEMBERS "}"

static const struct openapi_component components[] =
    {
        {"InferenceAnswer",
         "{'type':'object','title':'InferenceAnswer','required':['model_name','model_version','outputs'],'properties':{"
         "'model_name':{'type':'string'},'model_version':{'type':'string'},'id':{'type':'string'},"
         "'outputs':{'type':'array','items':{'type':'object','required':['name','datatype','shape','data'],'properties'"
         ":{"
         "'name':{'type':'string'},'datatype':{'type':'string'},'shape':{'type':'array','items':{'type':'integer'}},"
         "'data':{'type':'array','items':{'type':'number'}}}}}}}"},
        {"InferenceError",
         "{'type':'object','title':'InferenceError','required':['detail'],'properties':{'detail':{'type':'string'},"
         "'error':{'type':'string'}}}"},
        {"InferenceLive", "{'type':'object','title':'InferenceLive','required':['live'],"
                          "'properties':{'live':{'type':'boolean'}}}"},
        {"InferenceModel",
         "{'type':'object','title':'InferenceModel','required':['name','versions','platform','inputs','outputs'],"
         "'properties':{'name':{'type':'string'},'versions':{'type':'array','items':{'type':'string'}},"
         "'platform':{'type':'string'},'inputs':{'type':'array','items':{'$ref':'#/components/schemas/"
         "InferenceTensor'}},"
         "'outputs':{'type':'array','items':{'$ref':'#/components/schemas/InferenceTensor'}}}}"},
        {"InferenceModelReady", "{'type':'object','title':'InferenceModelReady','required':['name','ready'],"
                                "'properties':{'name':{'type':'string'},'ready':{'type':'boolean'}}}"},
        {"InferenceReady", "{'type':'object','title':'InferenceReady','required':['ready'],"
                           "'properties':{'ready':{'type':'boolean'}}}"},
        {"InferenceRequest",
         "{'type':'object','title':'InferenceRequest','description':'One tensor for each feature of the model, or 409. "
         "Here "
         "with one row; of n rows, shape is [n] or [n, 1] and data has n elements, flat or nested. A model with "
         "numbers only "
         "takes one matrix of shape [n, features], too.','required':['inputs'],'properties':{'id':" TEXT_SCHEMA ","
         "'inputs':{'type':'array','minItems':1,'items':{'anyOf':[" TENSOR("'FP16','FP32','FP64'", "{'type':'number'}") "," TENSOR(
             "'INT8','INT16','INT32','INT64'",
             "{'type':'integer'}") "," TENSOR("'UINT8','UINT16','UINT32','UINT64'",
                                              "{'type':'integer','minimum':0}") "," TENSOR("'BOOL'", "{'type':'boolean'"
                                                                                                     "}") "," TENSOR("'"
                                                                                                                     "B"
                                                                                                                     "Y"
                                                                                                                     "T"
                                                                                                                     "E"
                                                                                                                     "S"
                                                                                                                     "'",
                                                                                                                     TEXT_SCHEMA) "]}},"
                                                                                                                                  "'outputs':{'type':'array','items':{'type':'object','required':['name'],'properties':{'name':" TEXT_SCHEMA
                                                                                                                                  "}," OTHER_MEMBERS
                                                                                                                                  "}}}," OTHER_MEMBERS
                                                                                                                                  "}"},
        {"InferenceServer",
         "{'type':'object','title':'InferenceServer','required':['name','version','extensions'],'properties':{"
         "'name':{'type':'string'},'version':{'type':'string'},'extensions':{'type':'array','items':{'type':'string'}}}"
         "}"},
        {"InferenceTensor",
         "{'type':'object','title':'InferenceTensor','required':['name','datatype','shape'],'properties':{"
         "'name':{'type':'string'},'datatype':{'type':'string'},'shape':{'type':'array','items':{'type':'integer'}}}}"},
        {"Invocation",
         "{'type':'object','title':'Invocation','description':'Instead of dataframe_records: dataframe_split with "
         "columns "
         "and data; instances or inputs with a list of objects, of lists in the order of the features, or an object of "
         "columns. Columns the model does not know are left out.','required':['dataframe_records'],'properties':{"
         "'dataframe_records':{'type':'array','items':{'$ref':'#/components/schemas/ModelRow'}}},"
         "'not':{'anyOf':[{'required':['dataframe_split']},{'required':['instances']},{'required':['inputs']}]}"
         "," OTHER_MEMBERS "}"},
        {"Scores",
         "{'type':'object','title':'Scores','required':['predictions'],'properties':{'predictions':{'type':'array',"
         "'items':{'type':'number'},'description':'Raw scores, the shortest decimals that are exact.'}}}"},
};

#define MODEL                                                                                                          \
    "{'name':'model','in':'path','required':true,'example':'first-week','schema':{'type':'string',"                    \
    "'pattern':'^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$'}}"
#define VERSION                                                                                                        \
    "{'name':'version','in':'path','required':true,'example':'0001','schema':{'type':'string',"                        \
    "'pattern':'^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$'}}"
#define INFERENCE_BODY                                                                                                 \
    "{'required':true,'content':{'application/json':{'schema':{'$ref':'#/components/schemas/InferenceRequest'}}}}"

static const struct openapi_detail details[] = {
    {"invocations", NULL,
     "{'required':true,'description':'Also text/csv: a header of names, a line for each row.','content':{"
     "'application/json':{'schema':{'$ref':'#/components/schemas/Invocation'}}}}",
     NULL, NULL},
    {"v2_server", NULL, NULL, "InferenceError", NULL},
    {"v2_model", "[" MODEL "]", NULL, "InferenceError", NULL},
    {"v2_model_ready", "[" MODEL "]", NULL, "InferenceError", NULL},
    {"v2_version", "[" MODEL "," VERSION "]", NULL, "InferenceError", NULL},
    {"v2_version_ready", "[" MODEL "," VERSION "]", NULL, "InferenceError", NULL},
    {"v2_infer", "[" MODEL "]", INFERENCE_BODY, "InferenceError", NULL},
    {"v2_version_infer", "[" MODEL "," VERSION "]", INFERENCE_BODY, "InferenceError", NULL},
};

const struct openapi_part openapi_inference = {
    .components = components,
    .n_components = sizeof components / sizeof components[0],
    .details = details,
    .n_details = sizeof details / sizeof details[0],
};

void openapi_model_row(struct json_out *w, const struct features *features)
{
    uint32_t n = features == NULL ? 0 : features_count(features);
    json_open_object(w);
    json_pair_cstr(w, "type", "object");
    json_pair_cstr(w, "title", "ModelRow");
    json_pair_cstr(w, "description", "The features of the version's model.cbm; null is unknown.");
    json_put_key(w, "required");
    json_open_array(w);
    for (uint32_t i = 0; i < n; i++) {
        json_put_str(w, features_at(features, i)->name);
    }
    json_close_array(w);
    json_put_key(w, "properties");
    json_open_object(w);
    for (uint32_t i = 0; i < n; i++) {
        json_put_key_str(w, features_at(features, i)->name);
        openapi_put(w, features_at(features, i)->categorical
                           ? "{'anyOf':[" TEXT_SCHEMA ",{'type':'null'}]}"
                           : "{'anyOf':[{'type':'number','minimum':-3.4028234663852886e38,'maximum':3.4028234663852886e38},"
                             "{'type':'null'}]}");
    }
    json_close_object(w);
    openapi_unknown(w);
    json_close_object(w);
}
