/* From a validated row to the model's columns: an ordered list of derivations, read from features.json.
 *
 * The one path, used by trainer and server. The vocabulary of derivations is one table in derive.c (models/FORMAT.md
 * explains each): copy, log1p, log10, log10_euros, year, iso_week, month, day_of_year, count, contains, missing,
 * number_of, length, words, has_digit, has_numeral, has_text, same_text, category, item; of tables: school_holidays,
 * public_holidays, period, months_change, months_sum, history; of the week's films: rivals. Each feature names the raw
 * field that owns it; what comes from the market alone is owned by nobody. Immutable after binding. */
#ifndef MRC_FORECAST_FEATURES_H
#define MRC_FORECAST_FEATURES_H

#include "common/forecast/calendar.h"
#include "common/forecast/rivals.h"
#include "common/forecast/row.h"
#include "common/trees/mercredi.h"

struct features;

struct feature {
    struct str name;
    bool categorical;
    int64_t owner; /* index of the raw field reasons are given for, or -1 for the market */
};

/* Read features.json against its schema: unknown derivation, wrong field type, a field known only after release, a
 * duplicate name: MRC_EFORMAT naming the feature. Tables the derivations need (vocabularies) are looked up with
 * `table(name, arg)`, which returns their JSON text or an empty str; may be NULL. */
typedef struct str (*features_table)(const char *name, void *arg);
int features_read(struct features **out, const struct schema *s, struct str json, features_table table, void *arg,
                  struct mrc_err *err) MRC_CHECKED;
void features_free(struct features *f);

/* What a feature list still has to learn from the training films before features_read takes it: vocabularies of
 * categories ("min_count" without "values"). Writes the complete features.json to out. Deterministic: values sorted. */
int features_learn(const struct schema *s, struct str json, const struct row *rows, size_t n, struct buf *out,
                   struct mrc_err *err) MRC_CHECKED;

uint32_t features_count(const struct features *f);
uint32_t features_floats(const struct features *f); /* numeric ones, in order: columns of mrc_input.floats */
uint32_t features_cats(const struct features *f);
const struct feature *features_at(const struct features *f, uint32_t i);
struct str features_source(const struct features *f);

/* The words of vocabularies that raw field `field` (index in the schema) is looked up in, as the list has them (folded
 * where it folds), sorted within each vocabulary; one may come more than once. A non-zero return of cb ends the walk and
 * is returned. */
int features_words(const struct features *f, uint32_t field, int (*cb)(struct str word, void *arg), void *arg);

/* What a list draws on beside the row. */
enum features_need {
    NEEDS_CALENDAR = 1,
    NEEDS_HISTORY = 2,
    NEEDS_FULL_HISTORY = 4 /* no published one */,
    NEEDS_RIVALS = 8
};
unsigned features_needs(const struct features *f); /* of enum features_need */
/* The same of a list whose vocabularies may still have to be learnt; and whether it is one at all. */
int features_needs_of(const struct schema *s, struct str json, unsigned *needs, struct mrc_err *err) MRC_CHECKED;

/* Tables, known until when, and the week's films; what is NULL is unknown. Borrowed for the call (features_bind: for
 * the life of the list). */
struct features_context {
    const struct history *history; /* sealed */
    const struct calendar *calendar;
    int32_t known_until;         /* history ends here; DATE_NONE: where its films end */
    bool as_published;           /* a private history answers as its published form would */
    const struct rivals *rivals; /* of the row's release date */
};
#define FEATURES_CONTEXT_NONE ((struct features_context){.known_until = DATE_NONE})

/* What features_compute uses from now on: once, before the list is shared. MRC_EFORMAT names the table a list needs
 * and does not get. */
int features_bind(struct features *f, const struct features_context *context, struct mrc_err *err) MRC_CHECKED;

/* Compute one row: floats[features_floats] (NaN = unknown), cats[features_cats] (text in the arena, the row or f; "" is
 * the unknown category). row must have been read with the very schema f was read with (MRC_EINVAL). Depends on the row
 * and f only. Adds "unseen_value" warnings to report when not NULL. */
int features_compute(const struct features *f, const struct row *row, struct arena *a, float *floats,
                     struct mrc_str *cats, struct row_report *report, struct mrc_err *err) MRC_CHECKED;
/* The same in a context of the call's own. Warns with "calendar_ended" when the film comes out beyond the calendar. */
int features_compute_with(const struct features *f, const struct features_context *context, const struct row *row,
                          struct arena *a, float *floats, struct mrc_str *cats, struct row_report *report,
                          struct mrc_err *err) MRC_CHECKED;

#endif
