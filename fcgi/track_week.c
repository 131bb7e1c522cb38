/* Forecasts against first weeks. Of several forecasts of a film by one version the last before its release counts. */
#include "common/base/date.h"
#include "fcgi/store_films.h"
#include "fcgi/store_outcomes.h"
#include "fcgi/track.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 500, FILMS_MAX = 5000 };
#define DAY_MS ((int64_t)86400000)

/* A reported film, and what each version said of it last. */
struct film_truth {
    struct str title_key, release_date;
    double entries;
    struct {
        double admissions, low80, high80; /* admissions 0: nothing said */
    } said[TRACK_VERSIONS_MAX];
};

struct week {
    struct arena arena; /* of the truths */
    struct film_truth *films;
    size_t n;
    int32_t week;
    struct track_error *versions;
    size_t n_versions;
};

static int read_truths(struct week *w, struct store *state, struct mrc_err *err)
{
    char date[DATE_TEXT];
    struct str cursor = {"", 0};
    size_t n = PAGE;
    date_format(w->week, date);
    while (n == PAGE) {
        struct outcome *o;
        MRC_TRY(store_outcomes_list(state, cursor, str_of(date), str_of(date), PAGE, &w->arena, &o, &n, err));
        for (size_t i = 0; i < n; i++) {
            if (o[i].provisional || o[i].entries <= 0) {
                continue;
            }
            if (w->n == FILMS_MAX) {
                return mrc_fail(err, MRC_ELIMIT, "more than %d films of the week %s", FILMS_MAX, date);
            }
            struct film_truth *f = &w->films[w->n++];
            *f = (struct film_truth){
                .title_key = o[i].title_key, .release_date = o[i].release_date, .entries = (double)o[i].entries};
        }
        if (n > 0) {
            cursor = o[n - 1].id;
        }
    }
    return MRC_OK;
}

static struct film_truth *find_film(struct week *w, struct str row, struct arena *a)
{
    const struct json_limits limits = {1 << 20, 32, 0};
    struct json_doc *doc;
    struct str title = {"", 0}, date = {"", 0};
    struct film_truth *found = NULL;
    if (json_read(&doc, row, &limits, NULL, NULL) < 0) {
        return NULL;
    }
    if (json_str(json_find(json_root(doc), "release_date"), &date) &&
        json_str(json_find(json_root(doc), "title"), &title)) {
        struct str key = {"", 0};
        for (size_t i = 0; i < w->n && found == NULL; i++) {
            if (str_eq(w->films[i].release_date, date)) {
                key = key.n > 0 ? key : film_title_key(a, title);
                found = key.n > 0 && str_eq(w->films[i].title_key, key) ? &w->films[i] : NULL;
            }
        }
    }
    json_free(doc);
    return found;
}

static int64_t find_version(struct week *w, struct str version)
{
    for (size_t i = 0; i < w->n_versions; i++) {
        if (str_is(version, w->versions[i].version)) {
            return (int64_t)i;
        }
    }
    if (w->n_versions == TRACK_VERSIONS_MAX || version.n >= sizeof(w->versions[0].version)) {
        return -1;
    }
    struct track_error *e = &w->versions[w->n_versions];
    *e = (struct track_error){.films = 0};
    (void)snprintf(e->version, sizeof(e->version), "%.*s", STR_ARG(version));
    return (int64_t)w->n_versions++;
}

/* Rows come in the order of time, so the last one stays. */
static void consider(struct week *w, const struct prediction *p, struct arena *a)
{
    struct film_truth *f = find_film(w, p->row_json, a);
    int32_t release = f == NULL ? DATE_NONE : date_parse(f->release_date, NULL);
    if (release == DATE_NONE || p->time_ms >= (int64_t)release * DAY_MS || !(p->admissions > 0)) {
        return;
    }
    int64_t v = find_version(w, p->model_version);
    if (v >= 0) {
        f->said[v].admissions = p->admissions;
        f->said[v].low80 = p->low80;
        f->said[v].high80 = p->high80;
    }
}

struct reading_week {
    struct week *week;
    const char *name;
};

static int consider_row(const struct prediction *p, struct arena *page, void *arg, struct mrc_err *err)
{
    struct reading_week *r = arg;
    (void)err;
    if (str_is(p->model_name, r->name)) {
        consider(r->week, p, page);
    }
    return MRC_OK;
}

static int read_predictions(struct week *w, struct store *log, const char *name, const struct track_hold *hold,
                            struct mrc_err *err)
{
    struct reading_week r = {w, name};
    return track_rows(log, (int64_t)(w->week - REALISED_BEFORE) * DAY_MS, (int64_t)(w->week + 7) * DAY_MS, hold,
                      consider_row, &r, NULL, err);
}

static void sum_up(struct week *w)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct film_truth *f = &w->films[i];
        for (size_t v = 0; v < w->n_versions; v++) {
            if (!(f->said[v].admissions > 0)) {
                continue;
            }
            struct track_error *e = &w->versions[v];
            double off = log10(f->said[v].admissions) - log10(f->entries);
            e->films++;
            e->absolute += fabs(off);
            e->bias += off;
            e->relative += fabs(f->said[v].admissions / f->entries - 1);
            e->inside += f->said[v].low80 <= f->entries && f->entries <= f->said[v].high80;
        }
    }
}

int track_week_read(struct store *state, struct store *log, const char *name, int32_t week,
                    const struct track_hold *hold, struct track_error *out, size_t *n, struct mrc_err *err)
{
    struct week w = {.week = week, .versions = out};
    *n = 0;
    arena_init(&w.arena, 256 << 20);
    w.films = calloc(FILMS_MAX, sizeof(*w.films));
    int rc = w.films == NULL ? mrc_fail(err, MRC_ENOMEM, "no memory for a week of films") : read_truths(&w, state, err);
    if (rc == MRC_OK && w.n > 0) {
        rc = read_predictions(&w, log, name, hold, err);
    }
    if (rc == MRC_OK) {
        sum_up(&w);
        *n = w.n_versions;
    }
    free(w.films);
    arena_release(&w.arena);
    return rc;
}

size_t track_errors(const struct track_error *e, int32_t week, int64_t step, struct mlflow_metric *out)
{
    double n = (double)e->films;
    const struct {
        const char *key;
        double value;
    } figures[] = {
        {"realised/films", n},
        {"realised/mae_log10", e->absolute / n},
        {"realised/bias_log10", e->bias / n},
        {"realised/mape", e->relative / n},
        {"realised/coverage_80", (double)e->inside / n},
    };
    if (e->films == 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        out[i] = (struct mlflow_metric){figures[i].key, figures[i].value, (int64_t)week * DAY_MS, step};
    }
    return sizeof figures / sizeof figures[0];
}
