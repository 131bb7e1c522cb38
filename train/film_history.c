/* From films to histories and rivals. */
#include "train/film_history.h"

#include <math.h>

int film_history_make(struct history **out, const struct schema *schema, const struct film *films, size_t n,
                      struct mrc_err *err)
{
    struct history *h;
    struct film_fields fields = film_fields_of(schema);
    int64_t id = schema_find(schema, STR("film_id"));
    MRC_TRY(history_new(&h, err));
    int rc = MRC_OK;
    for (size_t i = 0; rc == MRC_OK && i < n; i++) {
        const struct film *f = &films[i];
        if (f->use != FILM_IGNORE && !isnan(f->entries)) {
            bool named = id >= 0 && f->row.values[id].present;
            rc = history_learn(h, &fields, &f->row, named ? f->id : STR(""), f->entries, f->panel, err);
        }
    }
    if (rc == MRC_OK) {
        rc = history_seal(h, err);
    }
    if (rc < 0) {
        history_free(h);
        return rc;
    }
    *out = h;
    return MRC_OK;
}

static int rows_of_day(const struct film_data *d, int32_t day, struct arena *a, const struct row *const **rows,
                       uint32_t *n, struct mrc_err *err)
{
    size_t begin = film_data_until(d, day - 1), end = film_data_until(d, day);
    const struct row **list = ARENA_ARRAY(a, end - begin, const struct row *);
    if (!list) {
        return arena_fail(a, err);
    }
    *n = 0;
    for (size_t i = begin; i < end; i++) {
        if (d->films[i].use != FILM_IGNORE && d->films[i].panel) {
            list[(*n)++] = &d->films[i].row;
        }
    }
    *rows = list;
    return MRC_OK;
}

int film_rivals(struct rivals *out, const struct film_data *d, const struct history *h, int32_t day, struct arena *a,
                struct mrc_err *err)
{
    const struct row *const *rows[RIVALS__WEEKS];
    uint32_t n[RIVALS__WEEKS];
    struct film_fields fields = film_fields_of(d->schema);
    for (int w = 0; w < RIVALS__WEEKS; w++) {
        MRC_TRY(rows_of_day(d, day + 7 * (w - RIVALS_SAME), a, &rows[w], &n[w], err));
    }
    return rivals_make(out, h, &fields, day, rows, n, a, err);
}
