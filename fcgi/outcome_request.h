/* POST /outcomes between body and database: what a user says about a film's first week, which film is meant, and
 * whether the figure can be. Read first (outcome_read.c), then looked at one by one inside the transaction that keeps
 * them (outcome_judge.c). */
#ifndef MRC_FCGI_OUTCOME_REQUEST_H
#define MRC_FCGI_OUTCOME_REQUEST_H

#include "fcgi/film_row.h"
#include "fcgi/store_outcomes.h"

struct outcome_item {
    struct film_identity film; /* with a film_id alone, title and date are found later */
    struct row row;
    bool has_row; /* row holds the film's raw values and the target */
    int64_t entries;
    struct str source;
    int32_t week; /* DATE_NONE: not given */
    bool provisional, confirm;
};

struct outcome_items {
    struct outcome_item *items;
    size_t n;
    bool batch;
};
/* The body: one object, {"outcomes":[…]}, or CSV. false: answered. */
bool outcomes_read(struct context *c, struct outcome_items *out);

/* Why a figure is not taken; texts in the arena. */
struct outcome_conflict {
    size_t item;
    const char *code, *message;
    const struct film_identity *candidates; /* [n_candidates]: which films may be meant */
    size_t n_candidates;
};
struct outcome_verdict {
    struct outcome outcome; /* as it is to stand; of an unchanged one, as it stands */
    enum { OUTCOME_RECORDED, OUTCOME_CORRECTED, OUTCOME_UNCHANGED, OUTCOME_REFUSED } result;
    struct outcome_conflict conflict; /* of a refused one */
};
/* Find the film, look at the figure, and keep it, inside a transaction. Changes item->film and row to what was found.
 * MRC_OK also when refused; negative when the database or memory fails. */
int outcome_settle(struct context *c, struct outcome_item *item, struct outcome_verdict *v,
                   struct mrc_err *err) MRC_CHECKED;

#endif
