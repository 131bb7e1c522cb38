/* Derivations: the closed vocabulary by which raw fields become model features. Private to features.c and derive.c.
 *
 * "Add a derivation" = a function and a row in derive.c, a test, and a line in models/FORMAT.md. A derivation computes
 * from one row and its plan; one that needs tables or the film's past finds them in the scene.
 */
#ifndef MRC_FORECAST_DERIVE_H
#define MRC_FORECAST_DERIVE_H

#include "common/forecast/features.h"

struct derivation;

struct text_pair {
    struct str from, to;
};
struct number_pair {
    struct str from;
    double to;
};

/* What the derivations of one row share: tables, and the film's view of the past, made when first asked for. */
struct scene {
    const struct features_context *context;
    const struct film_fields *fields;
    const struct row *row;
    struct arena *a;
    bool has_keys, has_past;
    bool failed;         /* no memory */
    bool calendar_ended; /* something was unknown because the calendar ends before */
    struct film_keys keys;
    struct past past;
};

/* One feature, ready to compute: which derivation, of which field, with which arguments. */
struct plan {
    struct feature face;
    const struct derivation *how;
    uint32_t field;  /* raw field, also the owner */
    uint32_t second; /* raw field of "currency" or "other" */
    uint32_t item;   /* which list item, from 0 */
    bool has_item, fold;
    double absent;      /* value when the field is absent; NaN = unknown */
    double usd, least;  /* euros: rate, and the smallest amount believed */
    struct str text;    /* has_text; period, months_…: name of the table */
    int32_t from, days; /* school_holidays, public_holidays: first day, from release; how many */
    unsigned zones;     /* school_holidays */
    uint32_t months;    /* months_…: how many */
    enum entity of;     /* history */
    const struct past_stat *ask;
    const struct rival_stat *ask_rivals;
    int week;              /* rivals: RIVALS_… */
    const struct str *any; /* contains: canonical values, sorted */
    uint32_t n_any;
    const struct number_pair *map; /* number_of, sorted by from */
    uint32_t n_map;
    const struct text_pair *names; /* category: renamed, sorted by from */
    uint32_t n_names;
    bool has_values;
    const struct str *values; /* category: the known ones, sorted */
    uint32_t n_values;
    uint32_t min_count; /* category: films a value needs to be learnt; 0 = not given */
    struct str unseen;  /* category: what a value outside the vocabulary becomes; "" = as if unknown */
};

enum derive_argument {
    ARG_ITEM = 1,
    ARG_FOLD = 2,
    ARG_ABSENT = 4,
    ARG_EUROS = 8,  /* currency, usd, least */
    ARG_OTHER = 16, /* a second text field */
    ARG_TEXT = 32,
    ARG_ANY = 64,
    ARG_MAP = 128,
    ARG_VOCABULARY = 256, /* names, min_count, values, table, unseen */
    ARG_SPAN = 512,       /* from, days */
    ARG_ZONES = 1024,
    ARG_TABLE = 2048, /* which of the calendar's */
    ARG_MONTHS = 4096,
    ARG_HISTORY = 8192, /* of, stat */
    ARG_RIVALS = 16384  /* stat, week */
};

struct derivation {
    const char *name;
    unsigned types;     /* 1 << enum field_type, of the field it may be taken from */
    unsigned arguments; /* enum derive_argument; the others are refused */
    double (*number)(const struct plan *p, const struct row *row); /* NaN = unknown; NULL for a category */
    /* The category before names and vocabulary: *out empty when absent. False without memory. */
    bool (*category)(const struct plan *p, const struct row *row, struct arena *a, struct str *out);
    /* A number of tables and the past; asked whether the field is there or not. */
    double (*drawn)(const struct plan *p, struct scene *s);
    unsigned needs; /* enum features_need */
};

const struct derivation *derivation_find(struct str name);

/* The text of a categorical feature after names, folding and vocabulary. *unseen: the value is given but the vocabulary
 * does not hold it (then *out is p->unseen). With learn the vocabulary is not applied. */
bool derive_category(const struct plan *p, const struct row *row, bool learn, struct arena *a, struct str *out,
                     bool *unseen);
double derive_number(const struct plan *p, const struct row *row, struct scene *s);

/* derive_past.c. A scene is big: only its head is set before something is asked of the past. */
void scene_open(struct scene *s, const struct features_context *context, const struct film_fields *fields,
                const struct row *row, struct arena *a);
double draw_school_holidays(const struct plan *p, struct scene *s);
double draw_public_holidays(const struct plan *p, struct scene *s);
double draw_period(const struct plan *p, struct scene *s);
double draw_months_change(const struct plan *p, struct scene *s);
double draw_months_sum(const struct plan *p, struct scene *s);
double draw_history(const struct plan *p, struct scene *s);
double draw_rivals(const struct plan *p, struct scene *s);

/* Index of text in n sorted texts, or -1. */
int64_t find_sorted(const struct str *sorted, uint32_t n, struct str text);
int str_order(const void *a, const void *b); /* for qsort of struct str, and of pairs that begin with one */

#endif
