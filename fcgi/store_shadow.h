/* What a shadow version says of served predictions, and how both did once first weeks are reported. As store.h: one
 * typed function per query, results in the caller's arena. In the state database, beside the outcomes. */
#ifndef MRC_FCGI_STORE_SHADOW_H
#define MRC_FCGI_STORE_SHADOW_H

#include "fcgi/store.h"

struct shadow_said { /* tickets */
    double admissions, low80, high80;
};
struct shadow_row {
    struct str model_name, version; /* the shadow version */
    struct str prediction_id;
    int64_t time_ms;                    /* of the prediction */
    struct str served_version;          /* whose prediction it was */
    struct str title_key, release_date; /* which film, as outcomes name it; empty: unknown */
    bool early;                         /* predicted before the release: may be held against the outcome */
    bool refused;                       /* the shadow version does not take this row: its figures are 0 */
    struct shadow_said served, said;
    double score; /* raw, of the shadow version */
};
/* Inside a transaction of the caller's; *added false: the row was there already, and stays as it was. */
int store_shadow_add(struct store *s, const struct shadow_row *r, bool *added, struct mrc_err *err) MRC_CHECKED;
/* One version's rows, the newest predictions first, at most limit. A non-zero return of cb ends the walk and is
 * returned; texts live until cb returns, which must not call the store. */
int store_shadow_newest(struct store *s, struct str model_name, struct str version, uint32_t limit,
                        int (*cb)(const struct shadow_row *r, void *arg), void *arg, struct mrc_err *err) MRC_CHECKED;
/* All versions' rows, the oldest predictions first, at most limit (1-1000): after row `after` (by prediction, model and
 * version) and of predictions before the id `before`. */
int store_shadow_range(struct store *s, const struct shadow_row *after, struct str before, uint32_t limit,
                       struct arena *a, struct shadow_row **out, size_t *n, struct mrc_err *err) MRC_CHECKED;

struct shadow_film { /* the last predictions before the release of a film whose final first week is known */
    double entries;
    struct shadow_said served, said;
};
/* At most limit, those reported last. */
int store_shadow_films(struct store *s, struct str model_name, struct str version, uint32_t limit, struct arena *a,
                       struct shadow_film **out, size_t *n, struct mrc_err *err) MRC_CHECKED;

/* Drop rows of predictions older than before_ms, of at most limit predictions. *dropped: rows; *more: call again. */
int store_shadow_prune(struct store *s, int64_t before_ms, int64_t limit, int64_t *dropped, bool *more,
                       struct mrc_err *err) MRC_CHECKED;

#endif
