/* Kept films over a database driver. */
#include "fcgi/store_films.h"

#include "common/forecast/fold.h"
#include "fcgi/store_parts.h"
#include "queries.h"

struct str film_title_key(struct arena *a, struct str title)
{
    struct str key = {"", 0};
    if (text_fold(a, title, &key) && key.n == 0) {
        (void)str_copy(a, str_trim(title), &key); /* "???", or a script that does not fold: as it stands */
    }
    return key;
}

struct str film_own_key(struct arena *a, struct str film_id, struct str title_key, struct str release_date)
{
    struct buf b;
    buf_init(&b, a, 4096);
    if (film_id.n > 0) {
        buf_puts(&b, "id:");
        buf_str(&b, film_id);
    } else {
        buf_puts(&b, "title:");
        buf_str(&b, release_date);
        buf_char(&b, ' ');
        buf_str(&b, title_key);
    }
    return buf_ok(&b, NULL) == MRC_OK ? buf_text(&b) : (struct str){"", 0};
}

static void read_film(struct copier *c, const struct sql_value *v, void *out)
{
    *(struct kept_film *)out = (struct kept_film){.id = copy_column(c, &v[0]),
                                                  .user_id = copy_column(c, &v[1]),
                                                  .own_key = copy_column(c, &v[2]),
                                                  .film_id = copy_column(c, &v[3]),
                                                  .title = copy_column(c, &v[4]),
                                                  .title_key = copy_column(c, &v[5]),
                                                  .release_date = copy_column(c, &v[6]),
                                                  .row_json = copy_column(c, &v[7]),
                                                  .created_ms = v[8].integer,
                                                  .changed_ms = v[9].integer};
}

int store_film_put(struct store *s, const struct kept_film *f, int64_t films_max, struct arena *a,
                   struct kept_film *kept, struct mrc_err *err)
{
    struct sql_value user = sql_text(f->user_id);
    struct sql_value args[] = {sql_text(f->id),           sql_text(f->user_id),  sql_text(f->own_key),
                               sql_text(f->film_id),      sql_text(f->title),    sql_text(f->title_key),
                               sql_text(f->release_date), sql_text(f->row_json), sql_integer(f->created_ms),
                               sql_integer(f->changed_ms)};
    int64_t count = 0;
    MRC_TRY(store_run(s, Q_film_put, args, 10, err));
    MRC_TRY(store_integer(s, Q_film_count, &user, 1, &count, err));
    if (count > films_max) {
        return mrc_fail(err, MRC_ELIMIT, "%lld films are kept already, which is the most", (long long)films_max);
    }
    return store_film_by_own_key(s, f->user_id, f->own_key, a, kept, err);
}

int store_film_get(struct store *s, struct str user_id, struct str id, struct arena *a, struct kept_film *out,
                   struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(id), sql_text(user_id)};
    return store_find(s, Q_film_get, args, 2, read_film, out, a, "film", err);
}

int store_film_by_own_key(struct store *s, struct str user_id, struct str own_key, struct arena *a,
                          struct kept_film *out, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(user_id), sql_text(own_key)};
    return store_find(s, Q_film_by_own_key, args, 2, read_film, out, a, "film", err);
}

int store_film_delete(struct store *s, struct str user_id, struct str id, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(id), sql_text(user_id)};
    return store_run_on_one(s, Q_film_delete, args, 2, "film", err);
}

int store_films_list(struct store *s, struct str user_id, struct str cursor, struct str from, struct str to,
                     uint32_t limit, struct arena *a, struct kept_film **out, size_t *n, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(user_id), sql_text(cursor.n > 0 ? cursor : STR(AFTER_ALL_IDS)), sql_text(from),
                               sql_text(to), sql_integer(limit)};
    void *rows = NULL;
    MRC_TRY(store_list(s, Q_films_list, args, 5, read_film, sizeof(**out), limit, a, &rows, n, err));
    *out = rows;
    return MRC_OK;
}

int store_films_by_title(struct store *s, struct str user_id, struct str title_key, uint32_t limit, struct arena *a,
                         struct kept_film **out, size_t *n, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(user_id), sql_text(title_key), sql_integer(limit)};
    void *rows = NULL;
    MRC_TRY(store_list(s, Q_films_by_title, args, 3, read_film, sizeof(**out), limit, a, &rows, n, err));
    *out = rows;
    return MRC_OK;
}
