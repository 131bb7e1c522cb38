/* The films that a version was asked about of late against what it learnt from. Of a film that was asked about more
 * than once the last row counts: a manager who tries ten numbers of screens has not seen ten films. */
#include "fcgi/track.h"

#include "common/base/date.h"
#include "common/base/file.h"
#include "common/forecast/bundle_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILMS_MAX = 1 << 14, SLOTS = 4 * FILMS_MAX, NAMED = 8, BARS = 12 };
#define DAY_MS ((int64_t)86400000)

/* ---- which films ----------------------------------------------------------------------------------------------- */

struct asked_film {
    uint64_t key; /* 0: free */
    int32_t day;
    char *row;
    size_t n;
};

struct asked_films {
    struct asked_film *slots; /* [SLOTS] */
    size_t n;
};

/* Title and release date tell films apart. 0: the row has none. */
static uint64_t key_of_film(struct str row)
{
    const struct json_limits limits = {1 << 20, 32, 0};
    struct json_doc *doc;
    struct str title, date;
    uint64_t h = 0;
    if (json_read(&doc, row, &limits, NULL, NULL) < 0) {
        return 0;
    }
    if (json_str(json_find(json_root(doc), "title"), &title) &&
        json_str(json_find(json_root(doc), "release_date"), &date)) {
        h = 14695981039346656037u;
        for (size_t i = 0; i < title.n + 1 + date.n; i++) {
            unsigned char c = i < title.n    ? (unsigned char)title.p[i]
                              : i == title.n ? 0
                                             : (unsigned char)date.p[i - title.n - 1];
            h = (h ^ c) * 1099511628211u;
        }
        h = h != 0 ? h : 1;
    }
    json_free(doc);
    return h;
}

/* Days come newest first, the rows of a day oldest first. */
static int keep(struct asked_films *films, struct str row, int32_t day, struct mrc_err *err)
{
    uint64_t key = key_of_film(row);
    size_t i = key % SLOTS;
    if (key == 0) {
        return MRC_OK;
    }
    while (films->slots[i].key != 0 && films->slots[i].key != key) {
        i = (i + 1) % SLOTS;
    }
    struct asked_film *f = &films->slots[i];
    if ((f->key == 0 && films->n == FILMS_MAX) || (f->key == key && f->day > day)) {
        return MRC_OK;
    }
    char *copy = malloc(row.n + 1);
    if (copy == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for the films of a window");
    }
    memcpy(copy, row.p, row.n);
    films->n += f->key == 0;
    free(f->row);
    *f = (struct asked_film){.key = key, .day = day, .row = copy, .n = row.n};
    return MRC_OK;
}

struct reading_films {
    struct asked_films *films;
    const char *name, *version;
    int32_t day;
};

static int keep_row(const struct prediction *p, struct arena *page, void *arg, struct mrc_err *err)
{
    struct reading_films *r = arg;
    (void)page;
    return str_is(p->model_name, r->name) && str_is(p->model_version, r->version)
               ? keep(r->films, p->row_json, r->day, err)
               : MRC_OK;
}

/* The day, and those before it for as long as they are few: what is asked on one day are the films of one week. */
static int read_films(struct asked_films *films, struct store *log, const char *name, const char *version, int32_t day,
                      int32_t *days, const struct track_hold *hold, struct mrc_err *err)
{
    size_t rows = 0, n;
    for (*days = 0; *days < TRACK_WINDOW_DAYS && rows <= TRACK_WINDOW_ROWS; ++*days) {
        struct reading_films r = {films, name, version, day - *days};
        MRC_TRY(track_rows(log, (int64_t)r.day * DAY_MS, (int64_t)(r.day + 1) * DAY_MS, hold, keep_row, &r, &n, err));
        rows += *days == 0 ? 0 : n;
    }
    return MRC_OK;
}

/* ---- comparing ------------------------------------------------------------------------------------------------- */

/* A row that this version's schema does not take is left out: it was answered, so this is of a version that was made
 * anew under the same name. */
static int add_film(struct drift_window *w, const struct bundle *b, struct str text, struct mrc_err *err)
{
    const struct json_limits limits = {1 << 20, 32, 0};
    const struct row_options options = {.target = false};
    struct row_report report = {0};
    struct json_doc *doc;
    struct arena a;
    struct row row;
    MRC_TRY(json_read(&doc, text, &limits, NULL, err));
    arena_init(&a, 16 << 20);
    int rc = row_from_json(&row, b->schema, json_root(doc), &options, &a, &report, err);
    if (rc == MRC_OK && report.n_errors == 0) {
        rc = drift_window_add(w, &row, err);
    }
    arena_release(&a);
    json_free(doc);
    return rc;
}

static int compare(struct track_drift *d, const struct asked_films *films, struct mrc_err *err)
{
    struct drift_window *w;
    MRC_TRY(drift_window_new(&w, d->bundle, err));
    int rc = MRC_OK;
    for (size_t i = 0; i < SLOTS && rc == MRC_OK; i++) {
        if (films->slots[i].key != 0) {
            rc = add_film(w, d->bundle, (struct str){films->slots[i].row, films->slots[i].n}, err);
        }
    }
    rc = rc < 0 ? rc : drift_window_compare(w, &d->arena, &d->report, err);
    drift_window_free(w);
    return rc;
}

int track_drift_read(struct store *log, const char *folder, const char *name, const char *version, int32_t day,
                     const struct track_hold *hold, struct track_drift *out, struct mrc_err *err)
{
    char path[4900];
    struct asked_films films = {.n = 0};
    *out = (struct track_drift){.days = 0};
    if (!bundle_version_valid(str_of(version)) ||
        snprintf(path, sizeof(path), "%s/%s", folder, version) >= (int)sizeof(path) || !file_is_folder(path)) {
        return mrc_fail(err, MRC_ENOTFOUND, "version %s is not in %s any more", version, folder);
    }
    MRC_TRY(bundle_open_unchecked(&out->bundle, path, err));
    arena_init(&out->arena, 16 << 20);
    films.slots = calloc(SLOTS, sizeof(*films.slots));
    int rc = films.slots == NULL ? mrc_fail(err, MRC_ENOMEM, "no memory for the films of a window")
                                 : read_films(&films, log, name, version, day, &out->days, hold, err);
    rc = rc < 0 ? rc : compare(out, &films, err);
    for (size_t i = 0; films.slots != NULL && i < SLOTS; i++) {
        free(films.slots[i].row);
    }
    free(films.slots);
    if (rc < 0) {
        track_drift_release(out);
    }
    return rc;
}

void track_drift_release(struct track_drift *d)
{
    if (d->bundle != NULL) {
        arena_release(&d->arena);
        bundle_close(d->bundle);
        d->bundle = NULL;
    }
}

/* ---- figures --------------------------------------------------------------------------------------------------- */

/* MLflow takes letters, digits and a few marks in a key. */
static bool key_may_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-')) {
            return false;
        }
    }
    return name.n > 0 && name.n <= 60;
}

/* Features by importance, those of the dates left out when so wanted; n places at most, the number used. */
static size_t most_important(const struct drift_report *r, bool dated, const struct drift_figure **out, size_t most)
{
    size_t n = 0;
    for (size_t k = 0; k < r->n; k++) {
        const struct drift_figure *f = &r->figures[k];
        size_t i = n;
        if (f->dated && !dated) {
            continue;
        }
        while (i > 0 && out[i - 1]->importance < f->importance) {
            i--;
        }
        if (i < most) {
            size_t end = n < most ? n : most - 1;
            memmove(&out[i + 1], &out[i], (end - i) * sizeof(*out));
            out[i] = f;
            n = end + 1;
        }
    }
    return n;
}

size_t track_drift_figures(struct track_drift *d, int32_t day, int64_t step, struct mlflow_metric *out)
{
    const struct drift_report *r = &d->report;
    const struct drift_figure *named[NAMED];
    const struct {
        const char *key;
        double value;
    } figures[] = {
        {"drift/films", (double)r->films},
        {"drift/days", (double)d->days},
        {"drift/missing_rate", r->missing},
        {"drift/unseen_value_rate", (double)r->unseen / (double)r->films},
        {"drift/features_tested", (double)r->tested},
        {"drift/features_drifting", (double)r->drifting},
        {"drift/share_by_importance", r->share},
    };
    size_t n = 0, k = most_important(r, false, named, NAMED);
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        if (!isnan(figures[i].value)) {
            out[n++] = (struct mlflow_metric){figures[i].key, figures[i].value, (int64_t)day * DAY_MS, step};
        }
    }
    for (size_t i = 0; i < k; i++) {
        struct str name = named[i]->feature->name;
        char *key = arena_alloc(&d->arena, 80, 1);
        if (key != NULL && named[i]->test != NULL && key_may_name(name)) {
            (void)snprintf(key, 80, "drift/effect_%.*s", STR_ARG(name));
            out[n++] = (struct mlflow_metric){key, drift_excess(named[i]), (int64_t)day * DAY_MS, step};
        }
    }
    return n;
}

/* ---- table and picture ----------------------------------------------------------------------------------------- */

static void put_figure(struct json_out *w, double v)
{
    if (isfinite(v)) {
        json_put_double(w, v);
    } else {
        json_put_null(w);
    }
}

void track_drift_table(const struct track_drift *d, struct buf *out)
{
    const struct drift_report *r = &d->report;
    const struct drift_figure **by_importance = calloc(r->n + 1, sizeof(*by_importance));
    struct json_out w;
    if (by_importance == NULL) {
        out->failed = MRC_ENOMEM;
        return;
    }
    size_t n = most_important(r, true, by_importance, r->n);
    json_out_init(&w, out);
    json_open_object(&w);
    json_put_key(&w, "columns");
    json_put_raw(&w, STR("[\"feature\",\"importance\",\"of the dates\",\"films\",\"films learnt from\",\"missing\","
                         "\"missing then\",\"test\",\"statistic\",\"p\",\"p adjusted\",\"distance\",\"usual\","
                         "\"usual at most\",\"state\"]"));
    json_put_key(&w, "data");
    json_open_array(&w);
    for (size_t i = 0; i < n; i++) {
        const struct drift_figure *f = by_importance[i];
        json_open_array(&w);
        json_put_str(&w, f->feature->name);
        json_put_double(&w, f->importance);
        json_put_bool(&w, f->dated);
        json_put_u64(&w, f->known);
        json_put_u64(&w, f->reference);
        json_put_double(&w, f->missing);
        json_put_double(&w, f->missing_reference);
        json_put_cstr(&w, f->test != NULL ? f->test : "");
        put_figure(&w, f->statistic);
        put_figure(&w, f->p);
        put_figure(&w, f->p_adjusted);
        put_figure(&w, f->effect);
        put_figure(&w, f->e0);
        put_figure(&w, f->q95);
        json_put_cstr(&w, drift_state_names[f->state]);
        json_close_array(&w);
    }
    json_close_array(&w);
    json_close_object(&w);
    free(by_importance);
}

/* A bar of the distance for each of the most important features, and where chance ends. */
void track_drift_picture(const struct track_drift *d, int32_t day, struct buf *out)
{
    enum { WIDTH = 640, LEFT = 130, RIGHT = 610, TOP = 44, ROW = 20 };
    static const char *const colours[DRIFT__COUNT] = {"#999999", "#26547c", "#b58900", "#c8553d", "#8b1a1a"};
    const struct drift_figure *f[BARS];
    size_t n = most_important(&d->report, false, f, BARS);
    char date[DATE_TEXT];
    date_format(day, date);
    buf_printf(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" "
               "font-size=\"11\"><rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>"
               "<text x=\"10\" y=\"20\" font-size=\"14\">%zu films of %d days to %s against what was learnt from</text>"
               "<text x=\"10\" y=\"36\">Distance by feature, most important first; the line: 95 of 100 random windows "
               "stay below</text>",
               WIDTH, TOP + ROW * BARS + 16, d->report.films, (int)d->days, date);
    for (size_t i = 0; i < n; i++) {
        int y = TOP + ROW * (int)i;
        double scale = RIGHT - LEFT;
        buf_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LEFT - 6, y + 13);
        buf_str(out, key_may_name(f[i]->feature->name) ? f[i]->feature->name : STR("?"));
        buf_puts(out, "</text>");
        if (f[i]->test == NULL) {
            buf_printf(out, "<text x=\"%d\" y=\"%d\" fill=\"#666\">too few films</text>", LEFT, y + 13);
            continue;
        }
        buf_printf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>", LEFT, y + 3,
                   (int)(fmin(f[i]->effect, 1) * scale), ROW - 6, colours[f[i]->state]);
        int at = LEFT + (int)(fmin(f[i]->q95, 1) * scale);
        buf_printf(out, "<path d=\"M%d %dv%d\" stroke=\"#000\"/>", at, y + 1, ROW - 2);
    }
    buf_puts(out, "</svg>\n");
}
