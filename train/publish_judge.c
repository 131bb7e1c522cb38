/* Champion against challenger, on the same films, all of them newer than anything either has learnt from. */
#include "common/forecast/forecast.h"
#include "common/forecast/film_data.h"
#include "train/film_score.h"
#include "train/publish.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* RMSE of log10 over films released after `after`. */
static int score(const struct bundle *b, const char *csv, int32_t after, struct film_score *out, struct mrc_err *err)
{
    const struct film_data_options reading = {.need_target = true};
    struct film_data *d;
    struct forecast_scratch *scratch = NULL;
    MRC_TRY(film_data_read(&d, b->schema, csv, &reading, err));
    struct film_outcome *o = malloc((d->n + 1) * sizeof(*o));
    struct arena a;
    size_t n = 0;
    arena_init(&a, 0);
    int rc = o == NULL ? mrc_fail(err, MRC_ENOMEM, "no memory") : forecast_scratch_new(&scratch, b, err);
    for (size_t i = film_data_until(d, after); rc == MRC_OK && i < d->n; i++) {
        struct forecast y;
        if (d->films[i].use != FILM_TRAIN || isnan(d->films[i].entries)) {
            continue;
        }
        arena_reset(&a);
        rc = forecast_row(b, &d->films[i].row, scratch, &a, &y, NULL, err);
        if (rc == MRC_OK) {
            o[n++] = film_outcome_of(d->films[i].entries, &y);
        }
    }
    if (rc == MRC_OK && n == 0) {
        rc = mrc_fail(err, MRC_EFORMAT, "%s: no film is newer than both versions have learnt from", csv);
    }
    rc = rc == MRC_OK ? film_score(o, n, out, err) : rc;
    free(o);
    arena_release(&a);
    forecast_scratch_free(scratch);
    film_data_free(d);
    return rc;
}

int publish_judge(const struct bundle *challenger, const struct bundle *champion, const char *csv, bool *better,
                  struct mrc_err *err)
{
    int32_t after = challenger->histories_as_of > champion->histories_as_of ? challenger->histories_as_of
                                                                            : champion->histories_as_of;
    struct film_score a, b;
    MRC_TRY(score(challenger, csv, after, &a, err));
    MRC_TRY(score(champion, csv, after, &b, err));
    if (a.films != b.films) {
        return mrc_fail(err, MRC_ECONFLICT, "the two versions' schemas accept %zu and %zu of the films", a.films,
                        b.films);
    }
    *better = a.rmse_log < b.rmse_log;
    fprintf(stderr, "on %zu films newer than both: RMSE of log10 %.4f, the alias' version %.4f: %s\n", a.films,
            a.rmse_log, b.rmse_log, *better ? "better" : "not better, the alias stays");
    return MRC_OK;
}
