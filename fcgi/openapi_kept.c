/* What users keep and report, for the OpenAPI document: films, suggestions, outcomes, cinemas. */
#include "fcgi/openapi_tables.h"

#define NEXT_PROPERTY                                                                                                  \
    "'next':{'anyOf':[{'type':'string','format':'uuid'},{'type':'null'}],"                                             \
    "'description':'Cursor of the next page; null: this was the last.'}"
#define STAMP "{'type':'string','format':'date-time'}"
#define FILM_REF                                                                                                       \
    "{'type':'object','required':['film_id','title','release_date'],'properties':{"                                    \
    "'film_id':{'anyOf':[{'type':'string'},{'type':'null'}]},'title':{'type':'string'},"                               \
    "'release_date':{'type':'string','format':'date'}}}"
#define FIGURE_REQUIRED "'entries','provisional','source','plausibility','revision','reported_at'"
#define FIGURE                                                                                                         \
    "'entries':{'type':'integer','minimum':0},'provisional':{'type':'boolean'},'source':{'type':'string'},"            \
    "'plausibility':{'type':'string','enum':['plausible','confirmed','unchecked']},"                                   \
    "'revision':{'type':'integer','minimum':1},'reported_at':" STAMP
#define OUTCOME                                                                                                        \
    "'outcome_id':{'type':'string','format':'uuid'},'film':" FILM_REF ","                                              \
    "'week':{'type':'string','format':'date','description':'The Wednesday the week begins with.'}," FIGURE

static const struct openapi_component components[] = {
    {"Cinema", "{'type':'object','title':'Cinema','required':['id','name','profile','role','created_at','changed_at'],"
               "'properties':{'id':{'type':'string','format':'uuid'},'name':{'type':'string'},"
               "'profile':{'type':'object','properties':{'annual_admissions':{'type':'integer','minimum':0},"
               "'rooms':{'type':'array','items':{'$ref':'#/components/schemas/Room'}}}},"
               "'role':{'$ref':'#/components/schemas/Role'},'created_at':" STAMP ",'changed_at':" STAMP "}}"},
    {"CinemaIn",
     "{'type':'object','title':'CinemaIn','required':['name'],'properties':{'name':" VISIBLE_TEXT(
         "120") ",'annual_admissions':{'anyOf':[{'type':'integer','minimum':0,'maximum':20000000},"
                "{'type':'null'}]},"
                "'rooms':{'anyOf':[{'type':'array','maxItems':30,'items':{'$ref':'#/components/schemas/"
                "Room'}},{'type':'null'}],'description':'Each with an id of its own.'}}," OTHER_MEMBERS "}"},
    {"CinemaList", "{'type':'object','title':'CinemaList','required':['cinemas'],'properties':{'cinemas':{"
                   "'type':'array','items':{'$ref':'#/components/schemas/Cinema'}}}}"},
    {"FilmPage", "{'type':'object','title':'FilmPage','required':['items','next'],'properties':{'items':{"
                 "'type':'array','items':{'$ref':'#/components/schemas/KeptFilm'}}," NEXT_PROPERTY "}}"},
    {"KeptFilm", "{'type':'object','title':'KeptFilm','required':['id','film','created_at','changed_at'],"
                 "'properties':{'id':{'type':'string','format':'uuid'},"
                 "'film':{'type':'object','description':'The film as it was understood.'},"
                 "'created_at':" STAMP ",'changed_at':" STAMP "}}"},
    {"KeptFilmAnswer", "{'title':'KeptFilmAnswer','anyOf':[{'$ref':'#/components/schemas/KeptFilm'},"
                       "{'$ref':'#/components/schemas/KeptFilmList'}]}"},
    {"KeptFilmList", "{'type':'object','title':'KeptFilmList','required':['films'],'properties':{'films':{"
                     "'type':'array','items':{'$ref':'#/components/schemas/KeptFilm'}}}}"},
    {"Member", "{'type':'object','title':'Member','required':['username','role','since'],'properties':{"
               "'username':{'type':'string'},'role':{'$ref':'#/components/schemas/Role'},'since':" STAMP "}}"},
    {"MemberIn", "{'type':'object','title':'MemberIn','required':['role'],'properties':{"
                 "'role':{'$ref':'#/components/schemas/Role'}}," OTHER_MEMBERS "}"},
    {"MemberList", "{'type':'object','title':'MemberList','required':['members'],'properties':{'members':{"
                   "'type':'array','items':{'$ref':'#/components/schemas/Member'}}}}"},
    {"Outcome", "{'type':'object','title':'Outcome','required':['outcome_id','film','week'," FIGURE_REQUIRED
                "],'properties':{" OUTCOME ",'result':{'type':'string','enum':['recorded','corrected','unchanged'],"
                "'description':'What a report did.'}}}"},
    {"OutcomeAnswer", "{'title':'OutcomeAnswer','anyOf':[{'$ref':'#/components/schemas/Outcome'},"
                      "{'$ref':'#/components/schemas/OutcomeList'}]}"},
    {"OutcomeConflict",
     "{'type':'object','title':'OutcomeConflict','description':'Nothing was kept; each figure that cannot be taken "
     "as it is, and why.','required':['detail'],'properties':{'detail':{'anyOf':[{'type':'string'},{'type':'array',"
     "'items':{'type':'object','required':['loc','type','msg','candidates'],'properties':{"
     "'loc':{'type':'array','items':{'anyOf':[{'type':'string'},{'type':'integer'}]}},"
     "'type':{'type':'string','enum':['unknown_film','ambiguous_film','film_differs','not_first_week','not_released',"
     "'week_not_over','final_stands','implausible']},'msg':{'type':'string'},"
     "'candidates':{'type':'array','description':'Films that may be meant.','items':" FILM_REF "}}}}]}}}"},
    {"OutcomeHistory", "{'type':'object','title':'OutcomeHistory','required':['outcome_id','film','week','history',"
                       "" FIGURE_REQUIRED "],'properties':{" OUTCOME ",'history':{'type':'array',"
                       "'description':'Every figure reported, the standing one first.','items':{'type':'object',"
                       "'required':[" FIGURE_REQUIRED "],'properties':{" FIGURE "}}}}}"},
    {"OutcomeList", "{'type':'object','title':'OutcomeList','required':['outcomes'],'properties':{'outcomes':{"
                    "'type':'array','items':{'$ref':'#/components/schemas/Outcome'}}}}"},
    {"OutcomePage", "{'type':'object','title':'OutcomePage','required':['items','next'],'properties':{'items':{"
                    "'type':'array','items':{'$ref':'#/components/schemas/Outcome'}}," NEXT_PROPERTY "}}"},
    {"Role", "{'type':'string','title':'Role','enum':['viewer','manager','owner']}"},
    {"Room", "{'type':'object','title':'Room','required':['id','seats'],'properties':{'id':" VISIBLE_TEXT(
                 "20") ",'seats':{'type':'integer','minimum':1,'maximum':5000}}," OTHER_MEMBERS "}"},
    {"Suggestions",
     "{'type':'object','title':'Suggestions','required':['suggestions'],'properties':{'suggestions':{'type':'array',"
     "'maxItems':10,'description':'Best first.','items':{'type':'object','required':['value','match'],'properties':{"
     "'value':{'type':'string'},'match':{'type':'string','enum':['begins','word','inside','similar']}}}}}}"},
};

#define MEMBER_PARAMETERS                                                                                              \
    "[" ID_PARAMETER ",{'name':'username','in':'path','required':true,"                                                \
    "'schema':{'type':'string','pattern':'^[A-Za-z0-9._@+:-]{1,71}$'}}]"

static const struct openapi_detail details[] = {
    {"films",
     "[" PAGE_PARAMETERS "," DATE_PARAMETER("from", "Released on this day or later.") "," DATE_PARAMETER(
         "to", "Released on this day or earlier.") "]",
     NULL, NULL, NULL},
    {"keep_film", NULL, "", NULL, NULL},
    {"film", "[" ID_PARAMETER "]", NULL, NULL, NULL},
    {"forget_film", "[" ID_PARAMETER "]", NULL, NULL, NULL},
    {"suggest",
     "[{'name':'field','in':'query','required':true,'schema':{'type':'string',"
     "'enum':['distributor','directors','actors','genres','countries']}},"
     "{'name':'q','in':'query','required':true,'schema':{'type':'string','minLength':2,'maxLength':80,"
     "'pattern':'^[^\\\\u0000]*$'},'description':'What was typed so far.'}]",
     NULL, NULL, NULL},
    {"outcomes",
     "[" PAGE_PARAMETERS "," DATE_PARAMETER("from", "Weeks beginning on this day or later.") "," DATE_PARAMETER(
         "to", "Weeks beginning on this day or earlier.") "]",
     NULL, NULL, NULL},
    {"report_outcomes", NULL,
     "{'required':true,'content':{'application/json':{'schema':{'anyOf':[{'$ref':'#/components/schemas/OutcomeIn'},"
     "{'$ref':'#/components/schemas/OutcomeBatch'}]}}}}",
     NULL, "OutcomeConflict"},
    {"outcome", "[" ID_PARAMETER "]", NULL, NULL, NULL},
    {"add_cinema", NULL, JSON_BODY("CinemaIn"), NULL, NULL},
    {"cinema", "[" ID_PARAMETER "]", NULL, NULL, NULL},
    {"change_cinema", "[" ID_PARAMETER "]", JSON_BODY("CinemaIn"), NULL, NULL},
    {"delete_cinema", "[" ID_PARAMETER "]", NULL, NULL, NULL},
    {"members", "[" ID_PARAMETER "]", NULL, NULL, NULL},
    {"put_member", MEMBER_PARAMETERS, JSON_BODY("MemberIn"), NULL, NULL},
    {"end_member", MEMBER_PARAMETERS, NULL, NULL, NULL},
};

const struct openapi_part openapi_kept = {
    .components = components,
    .n_components = sizeof components / sizeof components[0],
    .details = details,
    .n_details = sizeof details / sizeof details[0],
};
