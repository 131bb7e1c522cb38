/* The films a user keeps: POST /films (as POST /predict takes them), GET /films, GET and DELETE /films/{id}. A film
 * kept again replaces itself, so that sending a week's list twice does no harm. */
#include "fcgi/film_row.h"
#include "fcgi/handlers.h"
#include "fcgi/predict.h"
#include "fcgi/reading.h"
#include "fcgi/store_access.h"
#include "fcgi/store_films.h"

#include "common/base/date.h"
#include "common/base/digest.h"

static void put_film(struct json_out *w, const struct kept_film *f)
{
    char stamp[STAMP_TEXT];
    json_open_object(w);
    json_pair_str(w, "id", f->id);
    json_put_key(w, "film");
    json_put_raw(w, f->row_json);
    stamp_format(f->created_ms, stamp);
    json_pair_cstr(w, "created_at", stamp);
    stamp_format(f->changed_ms, stamp);
    json_pair_cstr(w, "changed_at", stamp);
    json_close_object(w);
}

static int keep_row(struct context *c, const struct row *row, struct kept_film *kept, struct mrc_err *err)
{
    char id[UUID_TEXT];
    struct film_identity identity;
    MRC_TRY(film_identity_of(row, c->arena, &identity, err));
    uuid7(c->now_ms, id);
    struct kept_film film = {.id = str_of(id),
                             .user_id = c->caller.user_id,
                             .own_key =
                                 film_own_key(c->arena, identity.film_id, identity.title_key, identity.release_date),
                             .film_id = identity.film_id,
                             .title = identity.title,
                             .title_key = identity.title_key,
                             .release_date = identity.release_date,
                             .row_json = film_row_json(c->arena, row),
                             .created_ms = c->now_ms,
                             .changed_ms = c->now_ms};
    if (film.own_key.n == 0 || film.row_json.n == 0) {
        return arena_fail(c->arena, err);
    }
    return store_film_put(c->parts->store, &film, setting_int(c->parts->config, CONFIG_FILMS_MAX), c->arena, kept, err);
}

/* All of them, or none. */
static int keep_rows(struct context *c, const struct predict_rows *in, struct kept_film *kept, struct mrc_err *err)
{
    MRC_TRY(store_begin(c->parts->store, err));
    int rc = MRC_OK;
    for (size_t i = 0; i < in->n && rc == MRC_OK; i++) {
        rc = keep_row(c, &in->rows[i], &kept[i], err);
    }
    return store_settle(c->parts->store, rc, err);
}

void h_film_keep(struct context *c)
{
    struct problems problems = {0};
    struct predict_rows in;
    struct mrc_err err = {0};
    struct json_out w;
    if (c->parts->bundle == NULL) {
        http_header(c->res, "Retry-After", STR("10"));
        answer_detail(c, 503, "No version of the model is loaded");
        return;
    }
    if (!predict_read(c, &problems, &in)) {
        return;
    }
    struct kept_film *kept = ARENA_ARRAY(c->arena, in.n, struct kept_film);
    int rc = kept == NULL ? arena_fail(c->arena, &err) : keep_rows(c, &in, kept, &err);
    if (rc == MRC_ELIMIT && kept != NULL) {
        answer_detail(c, 409, err.msg);
        return;
    }
    if (rc < 0) {
        answer_err(c, &err);
        return;
    }
    if (!in.batch) {
        json_out_init(&w, &c->res->body);
        put_film(&w, &kept[0]);
        answer_json(c, 200);
        return;
    }
    open_list(c, &w, "films");
    for (size_t i = 0; i < in.n; i++) {
        put_film(&w, &kept[i]);
    }
    answer_list(c, &w);
}

void h_films(struct context *c)
{
    struct page page;
    struct str from, to;
    struct mrc_err err = {0};
    struct kept_film *films = NULL;
    struct json_out w;
    size_t n = 0;
    if (!read_page_of_days(c, &page, &from, &to)) {
        return;
    }
    if (store_films_list(c->parts->store, c->caller.user_id, page.cursor, from, to, page.limit, c->arena, &films, &n,
                         &err) < 0) {
        answer_err(c, &err);
        return;
    }
    open_page(c, &w);
    for (size_t i = 0; i < n; i++) {
        put_film(&w, &films[i]);
    }
    close_page(&w, &page, n, n > 0 ? films[n - 1].id : STR(""));
    answer_json(c, 200);
}

void h_film(struct context *c)
{
    struct kept_film film;
    struct mrc_err err = {0};
    struct json_out w;
    int rc = uuid_valid(c->argument)
                 ? store_film_get(c->parts->store, c->caller.user_id, c->argument, c->arena, &film, &err)
                 : MRC_ENOTFOUND;
    if (rc == MRC_ENOTFOUND) {
        answer_detail(c, 404, "There is no such film of yours");
    } else if (rc < 0) {
        answer_err(c, &err);
    } else {
        json_out_init(&w, &c->res->body);
        put_film(&w, &film);
        answer_json(c, 200);
    }
}

void h_film_delete(struct context *c)
{
    struct mrc_err err = {0};
    int rc = uuid_valid(c->argument) ? store_film_delete(c->parts->store, c->caller.user_id, c->argument, &err)
                                     : MRC_ENOTFOUND;
    if (rc == MRC_ENOTFOUND) {
        answer_detail(c, 404, "There is no such film of yours");
    } else if (rc < 0) {
        answer_err(c, &err);
    } else {
        answer_nothing(c);
    }
}
