/* Films that users keep, to predict again and to report their first weeks by name. As store.h: one typed function per
 * query, results in the caller's arena. A film belongs to one user; another's is MRC_ENOTFOUND. */
#ifndef MRC_FCGI_STORE_FILMS_H
#define MRC_FCGI_STORE_FILMS_H

#include "fcgi/store.h"

struct kept_film {
    struct str id;           /* UUIDv7, ours */
    struct str user_id;      /* struct caller's */
    struct str own_key;      /* what makes it this film to its user: film_own_key */
    struct str film_id;      /* the user's, or empty */
    struct str title;        /* as given */
    struct str title_key;    /* film_title_key of title */
    struct str release_date; /* YYYY-MM-DD */
    struct str row_json;     /* the validated raw row */
    int64_t created_ms, changed_ms;
};
/* How titles are compared: folded; one that folds to nothing stays as it is. Empty without memory. */
struct str film_title_key(struct arena *a, struct str title);
/* The film_id where there is one, else the title's key and the date. Empty without memory. */
struct str film_own_key(struct arena *a, struct str film_id, struct str title_key, struct str release_date);

/* Keep it: a film of the same own_key is replaced and keeps id and created_ms. *kept: as it stands now.
 * MRC_ELIMIT: the user has films_max already; undo then. Inside a transaction of the caller's. */
int store_film_put(struct store *s, const struct kept_film *f, int64_t films_max, struct arena *a,
                   struct kept_film *kept, struct mrc_err *err) MRC_CHECKED;
int store_film_get(struct store *s, struct str user_id, struct str id, struct arena *a, struct kept_film *out,
                   struct mrc_err *err) MRC_CHECKED;
int store_film_by_own_key(struct store *s, struct str user_id, struct str own_key, struct arena *a,
                          struct kept_film *out, struct mrc_err *err) MRC_CHECKED;
int store_film_delete(struct store *s, struct str user_id, struct str id, struct mrc_err *err) MRC_CHECKED;
/* Newest first, at most limit (1-1000), released within [from, to], older than cursor (an id; empty: the newest). */
int store_films_list(struct store *s, struct str user_id, struct str cursor, struct str from, struct str to,
                     uint32_t limit, struct arena *a, struct kept_film **out, size_t *n,
                     struct mrc_err *err) MRC_CHECKED;
/* The user's films of this title, at most limit (1-1000). */
int store_films_by_title(struct store *s, struct str user_id, struct str title_key, uint32_t limit, struct arena *a,
                         struct kept_film **out, size_t *n, struct mrc_err *err) MRC_CHECKED;

#endif
