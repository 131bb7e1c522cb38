/* Whole databases over their drivers. */
#include "fcgi/store_admin.h"

#include "fcgi/store_parts.h"
#include "fcgi/store_pg.h"
#include "fcgi/store_sqlite.h"
#include "queries.h"

#include <stdio.h>

static int has_tools(struct mrc_err *err)
{
    return mrc_fail(err, MRC_EUNSUPPORTED,
                    "PostgreSQL has tools for this: pg_dump --format=custom --file=FILE ADDRESS, "
                    "pg_restore --clean --if-exists --dbname=ADDRESS FILE, pg_basebackup for all of it");
}

int store_backup(struct store *s, const char *path, struct mrc_err *err)
{
    return s->driver->backup == NULL ? has_tools(err) : s->driver->backup(s->db, path, err);
}

int store_restore(enum store_file which, const char *url, const char *from, struct mrc_err *err)
{
    return url != NULL && store_pg_url(url) ? has_tools(err) : store_sqlite.restore(which, url, from, err);
}

int store_check(struct store *s, struct mrc_err *err)
{
    if (s->driver->check != NULL) {
        MRC_TRY(s->driver->check(s->db, err));
    }
    return store_probe(s, err);
}

void store_first_id(int64_t unix_ms, char out[UUID_TEXT])
{
    uint64_t ms = unix_ms < 0 ? 0 : (uint64_t)unix_ms & 0xffffffffffff;
    (void)snprintf(out, UUID_TEXT, "%08llx-%04llx-7000-8000-000000000000", (unsigned long long)(ms >> 16),
                   (unsigned long long)(ms & 0xffff));
}

int store_predictions_prune(struct store *s, int64_t before_ms, int64_t limit, int64_t *dropped, bool *more,
                            struct mrc_err *err)
{
    char id[UUID_TEXT];
    *dropped = 0;
    *more = false;
    if (s->driver->prune != NULL) {
        return s->driver->prune(s->db, before_ms, dropped, err);
    }
    store_first_id(before_ms, id);
    struct sql_value args[] = {sql_text(str_of(id)), sql_integer(limit)};
    MRC_TRY(store_run_counted(s, Q_predictions_prune, args, 2, dropped, err));
    *more = *dropped == limit;
    return MRC_OK;
}
