/* The usual shapes of a query: nothing, one row that must be there, a list with a ceiling. */
#include "fcgi/store_parts.h"
#include "fcgi/store_access.h"

int store_run_counted(struct store *s, int q, const struct sql_value *args, size_t n, int64_t *changed,
                      struct mrc_err *err)
{
    return s->driver->query(s->db, q, args, n, NULL, NULL, changed, err);
}

int store_run(struct store *s, int q, const struct sql_value *args, size_t n, struct mrc_err *err)
{
    return store_run_counted(s, q, args, n, NULL, err);
}

static int take_integer(const struct sql_value *columns, size_t n, void *arg)
{
    (void)n;
    *(int64_t *)arg = columns[0].integer;
    return MRC_OK;
}

int store_integer(struct store *s, int q, const struct sql_value *args, size_t n, int64_t *out, struct mrc_err *err)
{
    return s->driver->query(s->db, q, args, n, take_integer, out, NULL, err);
}

int store_run_on_one(struct store *s, int q, const struct sql_value *args, size_t n, const char *what,
                     struct mrc_err *err)
{
    int64_t changed = 0;
    MRC_TRY(store_run_counted(s, q, args, n, &changed, err));
    return changed == 1 ? MRC_OK : mrc_fail(err, MRC_ENOTFOUND, "no such %s", what);
}

int store_settle(struct store *s, int rc, struct mrc_err *err)
{
    if (rc < 0) {
        store_rollback(s);
        return rc;
    }
    return store_commit(s, err);
}

struct rows {
    struct copier copier;
    row_reader read;
    char *out;
    size_t size, n, cap;
};

static int take_row(const struct sql_value *columns, size_t n, void *arg)
{
    struct rows *r = arg;
    (void)n;
    if (r->n == r->cap) {
        return MRC_EBUG;
    }
    r->read(&r->copier, columns, r->out + r->n++ * r->size);
    return r->copier.failed ? MRC_ELIMIT : MRC_OK;
}

static int read_rows(struct store *s, int q, const struct sql_value *args, size_t n, struct rows *r,
                     struct mrc_err *err)
{
    int rc = s->driver->query(s->db, q, args, n, take_row, r, NULL, err);
    if (r->copier.failed) { /* the arena says best why */
        return arena_fail(r->copier.arena, err);
    }
    return rc == MRC_EBUG ? mrc_fail(err, rc, "the database gave more rows than asked for") : rc;
}

int store_find(struct store *s, int q, const struct sql_value *args, size_t n, row_reader read, void *out,
               struct arena *a, const char *what, struct mrc_err *err)
{
    struct rows r = {.copier = {.arena = a}, .read = read, .out = out, .cap = 1};
    MRC_TRY(read_rows(s, q, args, n, &r, err));
    return r.n == 1 ? MRC_OK : mrc_fail(err, MRC_ENOTFOUND, "no such %s", what);
}

int store_list(struct store *s, int q, const struct sql_value *args, size_t n, row_reader read, size_t size,
               uint32_t limit, struct arena *a, void **out, size_t *found, struct mrc_err *err)
{
    struct rows r = {.copier = {.arena = a}, .read = read, .size = size, .cap = limit};
    r.out = arena_alloc(a, limit * size, _Alignof(max_align_t));
    if (r.out == NULL) {
        return arena_fail(a, err);
    }
    MRC_TRY(read_rows(s, q, args, n, &r, err));
    *out = r.out;
    *found = r.n;
    return MRC_OK;
}
