/* Outcomes over a database driver. The standing figure and the report of it are written together. */
#include "fcgi/store_outcomes.h"

#include "fcgi/store_parts.h"
#include "queries.h"

static int add_report(struct store *s, const struct outcome *o, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(o->id),
                               sql_integer(o->revision),
                               sql_integer(o->entries),
                               sql_integer(o->provisional),
                               sql_text(o->source),
                               sql_text(o->plausibility),
                               sql_text(o->user_id),
                               sql_text(o->request_id),
                               sql_integer(o->reported_ms)};
    return store_run(s, Q_outcome_report_add, args, 9, err);
}

int store_outcome_add(struct store *s, const struct outcome *o, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(o->id),           sql_text(o->title_key),      sql_text(o->release_date),
                               sql_text(o->week),         sql_text(o->title),          sql_text(o->film_id),
                               sql_integer(o->entries),   sql_integer(o->provisional), sql_text(o->source),
                               sql_text(o->plausibility), sql_text(o->row_json),       sql_integer(o->revision),
                               sql_text(o->user_id),      sql_text(o->request_id),     sql_integer(o->reported_ms)};
    int rc = store_run(s, Q_outcome_add, args, 15, err);
    if (rc == MRC_ECONFLICT) {
        return mrc_fail(err, rc, "the film's week was reported at the same moment");
    }
    return rc < 0 ? rc : add_report(s, o, err);
}

int store_outcome_correct(struct store *s, const struct outcome *o, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(o->title),          sql_text(o->film_id),        sql_integer(o->entries),
                               sql_integer(o->provisional), sql_text(o->source),         sql_text(o->plausibility),
                               sql_text(o->row_json),       sql_integer(o->revision),    sql_text(o->user_id),
                               sql_text(o->request_id),     sql_integer(o->reported_ms), sql_text(o->id),
                               sql_integer(o->revision - 1)};
    MRC_TRY(store_run_on_one(s, Q_outcome_correct, args, 13, "revision of the outcome", err));
    return add_report(s, o, err);
}

static void read_outcome(struct copier *c, const struct sql_value *v, void *out)
{
    *(struct outcome *)out = (struct outcome){.id = copy_column(c, &v[0]),
                                              .title_key = copy_column(c, &v[1]),
                                              .release_date = copy_column(c, &v[2]),
                                              .week = copy_column(c, &v[3]),
                                              .title = copy_column(c, &v[4]),
                                              .film_id = copy_column(c, &v[5]),
                                              .entries = v[6].integer,
                                              .provisional = v[7].integer != 0,
                                              .source = copy_column(c, &v[8]),
                                              .plausibility = copy_column(c, &v[9]),
                                              .row_json = copy_column(c, &v[10]),
                                              .revision = v[11].integer,
                                              .user_id = copy_column(c, &v[12]),
                                              .request_id = copy_column(c, &v[13]),
                                              .reported_ms = v[14].integer};
}

static void read_report(struct copier *c, const struct sql_value *v, void *out)
{
    *(struct outcome *)out = (struct outcome){.id = copy_column(c, &v[0]),
                                              .revision = v[1].integer,
                                              .entries = v[2].integer,
                                              .provisional = v[3].integer != 0,
                                              .source = copy_column(c, &v[4]),
                                              .plausibility = copy_column(c, &v[5]),
                                              .user_id = copy_column(c, &v[6]),
                                              .request_id = copy_column(c, &v[7]),
                                              .reported_ms = v[8].integer};
}

int store_outcome_find(struct store *s, struct str title_key, struct str release_date, struct str week, struct arena *a,
                       struct outcome *out, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(title_key), sql_text(release_date), sql_text(week)};
    return store_find(s, Q_outcome_find, args, 3, read_outcome, out, a, "outcome", err);
}

int store_outcome_get(struct store *s, struct str id, struct arena *a, struct outcome *out, struct mrc_err *err)
{
    struct sql_value arg = sql_text(id);
    return store_find(s, Q_outcome_get, &arg, 1, read_outcome, out, a, "outcome", err);
}

static int list(struct store *s, int q, const struct sql_value *args, size_t n_args, row_reader read, uint32_t limit,
                struct arena *a, struct outcome **out, size_t *n, struct mrc_err *err)
{
    void *rows = NULL;
    MRC_TRY(store_list(s, q, args, n_args, read, sizeof(**out), limit, a, &rows, n, err));
    *out = rows;
    return MRC_OK;
}

int store_outcomes_by_title(struct store *s, struct str title_key, uint32_t limit, struct arena *a,
                            struct outcome **out, size_t *n, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(title_key), sql_integer(limit)};
    return list(s, Q_outcomes_by_title, args, 2, read_outcome, limit, a, out, n, err);
}

int store_outcomes_by_own_id(struct store *s, struct str user_id, struct str film_id, uint32_t limit, struct arena *a,
                             struct outcome **out, size_t *n, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(user_id), sql_text(film_id), sql_integer(limit)};
    return list(s, Q_outcomes_by_own_id, args, 3, read_outcome, limit, a, out, n, err);
}

int store_outcomes_list(struct store *s, struct str cursor, struct str from, struct str to, uint32_t limit,
                        struct arena *a, struct outcome **out, size_t *n, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(cursor.n > 0 ? cursor : STR(AFTER_ALL_IDS)), sql_text(from), sql_text(to),
                               sql_integer(limit)};
    return list(s, Q_outcomes_list, args, 4, read_outcome, limit, a, out, n, err);
}

int store_outcome_reports(struct store *s, struct str id, uint32_t limit, struct arena *a, struct outcome **out,
                          size_t *n, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(id), sql_integer(limit)};
    return list(s, Q_outcome_reports, args, 2, read_report, limit, a, out, n, err);
}
