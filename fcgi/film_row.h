/* What identifies a film in a validated row: its id, title and date, where the schema has them. */
#ifndef MRC_FCGI_FILM_ROW_H
#define MRC_FCGI_FILM_ROW_H

#include "fcgi/app.h"

struct film_identity {
    struct str film_id, title, release_date; /* empty: absent; the date as YYYY-MM-DD */
    struct str title_key;                    /* film_title_key */
    int32_t date;                            /* DATE_NONE: absent */
};
/* Texts in the arena. MRC_ELIMIT, MRC_ENOMEM. */
int film_identity_of(const struct row *row, struct arena *a, struct film_identity *out,
                     struct mrc_err *err) MRC_CHECKED;
/* The row as the stored JSON text; empty without memory. */
struct str film_row_json(struct arena *a, const struct row *row);

#endif
