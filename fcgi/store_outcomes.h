/* National first weeks as users report them: one figure stands for a film's week, every figure ever reported is kept.
 * As store.h: one typed function per query, results in the caller's arena. */
#ifndef MRC_FCGI_STORE_OUTCOMES_H
#define MRC_FCGI_STORE_OUTCOMES_H

#include "fcgi/store.h"

struct outcome {
    struct str id;                            /* UUIDv7, of the film's week whatever is corrected */
    struct str title_key, release_date, week; /* which film (film_title_key) and week (its Wednesday), ISO dates */
    struct str title, film_id;                /* as reported last; film_id: the reporting user's, or empty */
    int64_t entries;
    bool provisional;
    struct str source;       /* where the figure comes from, 1 to OUTCOME_SOURCE_MAX characters */
    struct str plausibility; /* "plausible", "confirmed" (by the user, against doubt), "unchecked" */
    struct str row_json;     /* the film's raw row with the target, where it is known, or empty */
    int64_t revision;        /* 1, 2, … */
    struct str user_id, request_id;
    int64_t reported_ms;
};
enum { OUTCOME_SOURCE_MAX = 120 };

/* The first figure of a film's week (revision 1). MRC_ECONFLICT: there is one. Inside a transaction of the caller's. */
int store_outcome_add(struct store *s, const struct outcome *o, struct mrc_err *err) MRC_CHECKED;
/* A figure in the place of revision o->revision - 1 of the same id. MRC_ENOTFOUND: it was corrected meanwhile. Inside a
 * transaction of the caller's. */
int store_outcome_correct(struct store *s, const struct outcome *o, struct mrc_err *err) MRC_CHECKED;

int store_outcome_find(struct store *s, struct str title_key, struct str release_date, struct str week, struct arena *a,
                       struct outcome *out, struct mrc_err *err) MRC_CHECKED; /* MRC_ENOTFOUND */
int store_outcome_get(struct store *s, struct str id, struct arena *a, struct outcome *out,
                      struct mrc_err *err) MRC_CHECKED;
/* At most limit (1-1000) of one title, whatever the date; of one user's film_id. */
int store_outcomes_by_title(struct store *s, struct str title_key, uint32_t limit, struct arena *a,
                            struct outcome **out, size_t *n, struct mrc_err *err) MRC_CHECKED;
int store_outcomes_by_own_id(struct store *s, struct str user_id, struct str film_id, uint32_t limit, struct arena *a,
                             struct outcome **out, size_t *n, struct mrc_err *err) MRC_CHECKED;
/* Newest first, at most limit (1-1000), of weeks within [from, to], older than cursor (an id; empty: the newest). */
int store_outcomes_list(struct store *s, struct str cursor, struct str from, struct str to, uint32_t limit,
                        struct arena *a, struct outcome **out, size_t *n, struct mrc_err *err) MRC_CHECKED;
/* Every figure reported for this outcome, the standing one first; only what a report says is filled. */
int store_outcome_reports(struct store *s, struct str id, uint32_t limit, struct arena *a, struct outcome **out,
                          size_t *n, struct mrc_err *err) MRC_CHECKED;

#endif
