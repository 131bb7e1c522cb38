/* Which film is meant, whether its week's figure can be, and what becomes of it. Doubts can be confirmed away
 * ("confirm": true) where the user may know better; an unknown film or a film with two ids cannot. */
#include "fcgi/outcome_request.h"

#include "common/base/date.h"
#include "common/base/digest.h"
#include "fcgi/store_films.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CANDIDATES_MAX = 20,
    NEAR_DAYS = 60, /* a title that comes again within two months is the same film with another date */
    WEEK_DAYS = 7,
    ENTRIES_PER_SCREEN_MAX = 20000 /* no cinema sells more in a week */
};
#define FORECAST_FACTOR   10.0 /* beyond the 90 % interval: a thousand too many or too few, not a surprise */
#define CORRECTION_FACTOR 3.0  /* between a figure and its correction */
#define CORRECTION_SLACK  100.0

/* ---- refusing -------------------------------------------------------------------------------------------------- */

static int refuse(struct outcome_verdict *v, const char *code, const char *message)
{
    v->result = OUTCOME_REFUSED;
    v->conflict.code = code;
    v->conflict.message = message;
    return MRC_OK;
}

/* The same with figures in the message. */
static int refuse_with(struct context *c, struct outcome_verdict *v, struct mrc_err *err, const char *code,
                       const char *format, ...) MRC_PRINTF(5, 6);

static int refuse_with(struct context *c, struct outcome_verdict *v, struct mrc_err *err, const char *code,
                       const char *format, ...)
{
    char text[240];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *message = arena_copy(c->arena, text, strlen(text));
    return message == NULL ? arena_fail(c->arena, err) : refuse(v, code, message);
}

/* ---- which film ------------------------------------------------------------------------------------------------ */

struct candidates {
    struct film_identity films[CANDIDATES_MAX];
    size_t n;
};

static void add_candidate(struct candidates *list, struct str film_id, struct str title, struct str title_key,
                          struct str release_date)
{
    for (size_t i = 0; i < list->n; i++) {
        struct film_identity *f = &list->films[i];
        if (str_eq(f->title_key, title_key) && str_eq(f->release_date, release_date) &&
            (str_eq(f->film_id, film_id) || f->film_id.n == 0 || film_id.n == 0)) {
            f->film_id = f->film_id.n > 0 ? f->film_id : film_id;
            return;
        }
    }
    if (list->n < CANDIDATES_MAX) {
        list->films[list->n++] = (struct film_identity){.film_id = film_id,
                                                        .title = title,
                                                        .title_key = title_key,
                                                        .release_date = release_date,
                                                        .date = date_parse(release_date, NULL)};
    }
}

static int refuse_film(struct context *c, struct outcome_verdict *v, const char *code, const char *message,
                       const struct candidates *list, struct mrc_err *err)
{
    struct film_identity *films = ARENA_ARRAY(c->arena, list->n, struct film_identity);
    if (films == NULL) {
        return arena_fail(c->arena, err);
    }
    memcpy(films, list->films, list->n * sizeof *films);
    v->conflict.candidates = films;
    v->conflict.n_candidates = list->n;
    return refuse(v, code, message);
}

/* The kept row as this version's schema reads it, with the figure in its place; without one when it no longer fits. */
static int use_kept_row(struct context *c, const struct kept_film *kept, struct outcome_item *item, struct mrc_err *err)
{
    static const struct row_options options = {.target = false};
    const struct schema *schema = c->parts->bundle->schema;
    struct row_report report;
    struct json_doc *doc = NULL;
    MRC_TRY(json_read(&doc, kept->row_json, &json_limits_file, NULL, err));
    int rc = row_from_json(&item->row, schema, json_root(doc), &options, c->arena, &report, err);
    json_free(doc);
    MRC_TRY(rc);
    item->has_row = report.n_errors == 0;
    if (item->has_row) {
        struct value *target = &item->row.values[schema_target(schema)];
        target->present = true;
        target->number = (double)item->entries;
    }
    return MRC_OK;
}

static void take_identity(struct outcome_item *item, struct str title, struct str title_key, struct str release_date)
{
    item->film.title = title;
    item->film.title_key = title_key;
    item->film.release_date = release_date;
    item->film.date = date_parse(release_date, NULL);
}

/* A film_id alone: a kept film, or one whose week was reported under this id. */
static int find_by_id(struct context *c, struct outcome_item *item, struct outcome_verdict *v, struct mrc_err *err)
{
    struct store *s = c->parts->store;
    struct kept_film kept;
    struct outcome *reported = NULL;
    struct candidates list = {.n = 0};
    size_t n = 0;
    struct str own_key = film_own_key(c->arena, item->film.film_id, STR(""), STR(""));
    int rc = store_film_by_own_key(s, c->caller.user_id, own_key, c->arena, &kept, err);
    if (rc == MRC_OK) {
        take_identity(item, kept.title, kept.title_key, kept.release_date);
        return use_kept_row(c, &kept, item, err);
    }
    if (rc != MRC_ENOTFOUND) {
        return rc;
    }
    MRC_TRY(store_outcomes_by_own_id(s, c->caller.user_id, item->film.film_id, CANDIDATES_MAX, c->arena, &reported, &n,
                                     err));
    for (size_t i = 0; i < n; i++) {
        add_candidate(&list, reported[i].film_id, reported[i].title, reported[i].title_key, reported[i].release_date);
    }
    if (list.n == 0) {
        return refuse(v, "unknown_film",
                      "You keep no film with this film_id, and reported none: give title and release_date");
    }
    if (list.n > 1) {
        return refuse_film(c, v, "ambiguous_film",
                           "You used this film_id for several films: give title and "
                           "release_date",
                           &list, err);
    }
    take_identity(item, list.films[0].title, list.films[0].title_key, list.films[0].release_date);
    return MRC_OK;
}

/* Title and date with an id of the user's: they must not contradict the film kept under it. */
static int check_against_kept(struct context *c, struct outcome_item *item, struct outcome_verdict *v,
                              struct mrc_err *err)
{
    struct kept_film kept;
    struct candidates list = {.n = 0};
    struct str own_key = film_own_key(c->arena, item->film.film_id, STR(""), STR(""));
    int rc = store_film_by_own_key(c->parts->store, c->caller.user_id, own_key, c->arena, &kept, err);
    if (rc == MRC_ENOTFOUND || (rc == MRC_OK && item->confirm)) {
        return MRC_OK;
    }
    MRC_TRY(rc);
    if (str_eq(kept.title_key, item->film.title_key) && str_eq(kept.release_date, item->film.release_date)) {
        return MRC_OK;
    }
    add_candidate(&list, kept.film_id, kept.title, kept.title_key, kept.release_date);
    return refuse_film(c, v, "film_differs",
                       "The film you keep under this film_id has another title or date: keep it anew, or confirm",
                       &list, err);
}

/* Title and date alone: exactly one known film, or one that is nobody's neighbour. */
static int find_by_title(struct context *c, struct outcome_item *item, struct outcome_verdict *v, struct mrc_err *err)
{
    struct store *s = c->parts->store;
    struct kept_film *kept = NULL;
    struct outcome *reported = NULL;
    size_t n_kept = 0, n_reported = 0;
    struct candidates exact = {.n = 0}, near = {.n = 0};
    MRC_TRY(store_films_by_title(s, c->caller.user_id, item->film.title_key, CANDIDATES_MAX, c->arena, &kept, &n_kept,
                                 err));
    MRC_TRY(store_outcomes_by_title(s, item->film.title_key, CANDIDATES_MAX, c->arena, &reported, &n_reported, err));
    for (size_t i = 0; i < n_kept; i++) {
        bool same = str_eq(kept[i].release_date, item->film.release_date);
        if (same || labs((long)date_parse(kept[i].release_date, NULL) - item->film.date) <= NEAR_DAYS) {
            add_candidate(same ? &exact : &near, kept[i].film_id, kept[i].title, kept[i].title_key,
                          kept[i].release_date);
        }
    }
    for (size_t i = 0; i < n_reported; i++) {
        bool same = str_eq(reported[i].release_date, item->film.release_date);
        bool own = str_eq(reported[i].user_id, c->caller.user_id);
        if (same || labs((long)date_parse(reported[i].release_date, NULL) - item->film.date) <= NEAR_DAYS) {
            add_candidate(same ? &exact : &near, own ? reported[i].film_id : STR(""), reported[i].title,
                          reported[i].title_key, reported[i].release_date);
        }
    }
    if (exact.n > 1) {
        return refuse_film(c, v, "ambiguous_film",
                           "Several films have this title and release_date: give the film_id of one", &exact, err);
    }
    if (exact.n == 1) {
        item->film.film_id = exact.films[0].film_id;
        return MRC_OK;
    }
    if (near.n > 0 && !item->confirm) {
        return refuse_film(c, v, "ambiguous_film",
                           "A film of this title is known with another release_date near this one: take that, or "
                           "confirm that this is another film",
                           &near, err);
    }
    return MRC_OK;
}

static int find_film(struct context *c, struct outcome_item *item, struct outcome_verdict *v, struct mrc_err *err)
{
    if (item->film.date == DATE_NONE) {
        return find_by_id(c, item, v, err);
    }
    return item->film.film_id.n > 0 ? check_against_kept(c, item, v, err) : find_by_title(c, item, v, err);
}

/* ---- which week ------------------------------------------------------------------------------------------------ */

static int check_week(struct context *c, struct outcome_item *item, struct outcome_verdict *v, struct mrc_err *err)
{
    int32_t first = date_film_week(item->film.date), today = (int32_t)(c->now_ms / 86400000);
    char text[DATE_TEXT];
    if (item->week == DATE_NONE) {
        item->week = first;
    }
    if (item->week != first) {
        return refuse(v, "not_first_week",
                      "Only first weeks are kept: week is the Wednesday on or before release_date");
    }
    if (today < first) {
        return refuse(v, "not_released", "The film is not released yet");
    }
    if (today < first + WEEK_DAYS && !item->provisional) {
        return refuse(v, "week_not_over", "The week is not over: the figure can only be provisional");
    }
    date_format(item->week, text);
    return str_copy(c->arena, str_of(text), &v->outcome.week) ? MRC_OK : arena_fail(c->arena, err);
}

/* ---- whether it can be ----------------------------------------------------------------------------------------- */

static int check_forecast(struct context *c, const struct outcome_item *item, struct outcome_verdict *v,
                          struct mrc_err *err)
{
    struct forecast f;
    double low, high, entries = (double)item->entries;
    int64_t screens = schema_find(item->row.schema, STR("screens"));
    if (screens >= 0 && item->row.values[screens].present &&
        entries > item->row.values[screens].number * ENTRIES_PER_SCREEN_MAX) {
        return refuse_with(
            c, v, err, "implausible", "%lld entries are more than %lld cinemas hold (%d each); confirm if it is right",
            (long long)item->entries, (long long)item->row.values[screens].number, ENTRIES_PER_SCREEN_MAX);
    }
    MRC_TRY(forecast_row(c->parts->bundle, &item->row, c->scratch, c->arena, &f, NULL, err));
    forecast_interval(&f, 0.9, &low, &high);
    if (entries < floor(low / FORECAST_FACTOR) || entries > ceil(high * FORECAST_FACTOR)) {
        return refuse_with(c, v, err, "implausible",
                           "%lld entries are far from what is to be expected (%lld to %lld); confirm if it is right",
                           (long long)item->entries, llround(low), llround(high));
    }
    return MRC_OK;
}

static int check_correction(struct context *c, const struct outcome_item *item, const struct outcome *standing,
                            struct outcome_verdict *v, struct mrc_err *err)
{
    double ratio = ((double)item->entries + CORRECTION_SLACK) / ((double)standing->entries + CORRECTION_SLACK);
    if (!standing->provisional && item->provisional) {
        return refuse(v, "final_stands",
                      "There is a final figure; a provisional one takes its place only if confirmed");
    }
    if (ratio > CORRECTION_FACTOR || ratio < 1 / CORRECTION_FACTOR) {
        return refuse_with(c, v, err, "implausible",
                           "%lld entries in the place of %lld, a factor above %g; confirm if it is right",
                           (long long)item->entries, (long long)standing->entries, CORRECTION_FACTOR);
    }
    return MRC_OK;
}

/* standing NULL: none so far. */
static int judge(struct context *c, const struct outcome_item *item, const struct outcome *standing,
                 struct outcome_verdict *v, struct mrc_err *err)
{
    if (standing != NULL) {
        MRC_TRY(check_correction(c, item, standing, v, err));
    }
    if (v->result != OUTCOME_REFUSED && item->has_row) {
        MRC_TRY(check_forecast(c, item, v, err));
    }
    if (v->result == OUTCOME_REFUSED && item->confirm) {
        v->result = OUTCOME_RECORDED;
        v->outcome.plausibility = STR("confirmed");
    } else {
        v->outcome.plausibility = item->has_row ? STR("plausible") : STR("unchecked");
    }
    return MRC_OK;
}

/* ---- keeping --------------------------------------------------------------------------------------------------- */

static int fill(struct context *c, const struct outcome_item *item, struct outcome *o, struct mrc_err *err)
{
    char id[UUID_TEXT];
    uuid7(c->now_ms, id);
    o->title_key = item->film.title_key;
    o->release_date = item->film.release_date;
    o->title = item->film.title;
    o->film_id = item->film.film_id;
    o->entries = item->entries;
    o->provisional = item->provisional;
    o->source = item->source;
    o->row_json = item->has_row ? film_row_json(c->arena, &item->row) : STR("");
    o->revision = 1;
    o->user_id = c->caller.user_id;
    o->request_id = c->req->request_id;
    o->reported_ms = c->now_ms;
    return (item->has_row && o->row_json.n == 0) || !str_copy(c->arena, str_of(id), &o->id) ? arena_fail(c->arena, err)
                                                                                            : MRC_OK;
}

static int keep(struct context *c, const struct outcome *standing, struct outcome_verdict *v, struct mrc_err *err)
{
    if (standing == NULL) {
        v->result = OUTCOME_RECORDED;
        return store_outcome_add(c->parts->store, &v->outcome, err);
    }
    v->result = OUTCOME_CORRECTED;
    v->outcome.id = standing->id;
    v->outcome.revision = standing->revision + 1;
    if (v->outcome.row_json.n == 0) {
        v->outcome.row_json = standing->row_json;
    }
    int rc = store_outcome_correct(c->parts->store, &v->outcome, err);
    return rc == MRC_ENOTFOUND ? mrc_fail(err, MRC_ECONFLICT, "The figure was corrected at the same moment") : rc;
}

int outcome_settle(struct context *c, struct outcome_item *item, struct outcome_verdict *v, struct mrc_err *err)
{
    struct outcome standing;
    *v = (struct outcome_verdict){.result = OUTCOME_RECORDED};
    MRC_TRY(find_film(c, item, v, err));
    if (v->result == OUTCOME_REFUSED) {
        return MRC_OK;
    }
    MRC_TRY(check_week(c, item, v, err));
    if (v->result == OUTCOME_REFUSED) {
        return MRC_OK;
    }
    int rc = store_outcome_find(c->parts->store, item->film.title_key, item->film.release_date, v->outcome.week,
                                c->arena, &standing, err);
    if (rc < 0 && rc != MRC_ENOTFOUND) {
        return rc;
    }
    bool stands = rc == MRC_OK;
    if (stands && standing.entries == item->entries && standing.provisional == item->provisional &&
        str_eq(standing.source, item->source)) {
        v->outcome = standing;
        v->result = OUTCOME_UNCHANGED;
        return MRC_OK;
    }
    MRC_TRY(judge(c, item, stands ? &standing : NULL, v, err));
    if (v->result == OUTCOME_REFUSED) {
        return MRC_OK;
    }
    MRC_TRY(fill(c, item, &v->outcome, err));
    return keep(c, stands ? &standing : NULL, v, err);
}
