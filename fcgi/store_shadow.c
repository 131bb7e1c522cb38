/* The shadow version's predictions over a database driver. */
#include "fcgi/store_shadow.h"

#include "fcgi/store_admin.h"
#include "fcgi/store_parts.h"
#include "queries.h"

int store_shadow_add(struct store *s, const struct shadow_row *r, bool *added, struct mrc_err *err)
{
    const struct sql_value args[] = {sql_text(r->model_name),     sql_text(r->version),
                                     sql_text(r->prediction_id),  sql_integer(r->time_ms),
                                     sql_text(r->served_version), sql_text(r->title_key),
                                     sql_text(r->release_date),   sql_integer(r->early),
                                     sql_integer(r->refused),     sql_real(r->served.admissions),
                                     sql_real(r->served.low80),   sql_real(r->served.high80),
                                     sql_real(r->score),          sql_real(r->said.admissions),
                                     sql_real(r->said.low80),     sql_real(r->said.high80)};
    int64_t changed = 0;
    MRC_TRY(store_run_counted(s, Q_shadow_add, args, sizeof args / sizeof args[0], &changed, err));
    *added = changed > 0;
    return MRC_OK;
}

/* As it stands in the result, not copied. */
static struct shadow_row row_of(const struct sql_value *v)
{
    return (struct shadow_row){.model_name = v[0].text,
                               .version = v[1].text,
                               .prediction_id = v[2].text,
                               .time_ms = v[3].integer,
                               .served_version = v[4].text,
                               .title_key = v[5].text,
                               .release_date = v[6].text,
                               .early = v[7].integer != 0,
                               .refused = v[8].integer != 0,
                               .served = {v[9].real, v[10].real, v[11].real},
                               .score = v[12].real,
                               .said = {v[13].real, v[14].real, v[15].real}};
}

static void read_row(struct copier *c, const struct sql_value *v, void *out)
{
    struct shadow_row *r = out;
    *r = row_of(v);
    r->model_name = copy_column(c, &v[0]);
    r->version = copy_column(c, &v[1]);
    r->prediction_id = copy_column(c, &v[2]);
    r->served_version = copy_column(c, &v[4]);
    r->title_key = copy_column(c, &v[5]);
    r->release_date = copy_column(c, &v[6]);
}

struct visit {
    int (*cb)(const struct shadow_row *r, void *arg);
    void *arg;
};

static int visit_row(const struct sql_value *columns, size_t n, void *arg)
{
    struct visit *v = arg;
    (void)n;
    const struct shadow_row r = row_of(columns);
    return v->cb(&r, v->arg);
}

int store_shadow_newest(struct store *s, struct str model_name, struct str version, uint32_t limit,
                        int (*cb)(const struct shadow_row *r, void *arg), void *arg, struct mrc_err *err)
{
    const struct sql_value args[] = {sql_text(model_name), sql_text(version), sql_integer(limit)};
    struct visit v = {.cb = cb, .arg = arg};
    return s->driver->query(s->db, Q_shadow_newest, args, 3, visit_row, &v, NULL, err);
}

int store_shadow_range(struct store *s, const struct shadow_row *after, struct str before, uint32_t limit,
                       struct arena *a, struct shadow_row **out, size_t *n, struct mrc_err *err)
{
    const struct sql_value args[] = {sql_text(after->prediction_id), sql_text(after->model_name),
                                     sql_text(after->version), sql_text(before), sql_integer(limit)};
    void *rows = NULL;
    if (limit < 1 || limit > 1000) {
        return mrc_fail(err, MRC_EINVAL, "limit %u is outside 1-1000", limit);
    }
    MRC_TRY(store_list(s, Q_shadow_range, args, 5, read_row, sizeof(**out), limit, a, &rows, n, err));
    *out = rows;
    return MRC_OK;
}

static void read_film(struct copier *c, const struct sql_value *v, void *out)
{
    (void)c;
    *(struct shadow_film *)out = (struct shadow_film){.entries = (double)v[0].integer,
                                                      .served = {v[1].real, v[2].real, v[3].real},
                                                      .said = {v[4].real, v[5].real, v[6].real}};
}

int store_shadow_films(struct store *s, struct str model_name, struct str version, uint32_t limit, struct arena *a,
                       struct shadow_film **out, size_t *n, struct mrc_err *err)
{
    const struct sql_value args[] = {sql_text(model_name), sql_text(version), sql_integer(limit)};
    void *rows = NULL;
    MRC_TRY(store_list(s, Q_shadow_films, args, 3, read_film, sizeof(**out), limit, a, &rows, n, err));
    *out = rows;
    return MRC_OK;
}

int store_shadow_prune(struct store *s, int64_t before_ms, int64_t limit, int64_t *dropped, bool *more,
                       struct mrc_err *err)
{
    char id[UUID_TEXT];
    store_first_id(before_ms, id);
    const struct sql_value args[] = {sql_text(str_of(id)), sql_integer(limit)};
    *dropped = 0;
    *more = false;
    MRC_TRY(store_run_counted(s, Q_shadow_prune, args, 2, dropped, err));
    *more = *dropped >= limit;
    return MRC_OK;
}
