/* Identity of a film, found by the names of the schema's fields. */
#include "fcgi/film_row.h"

#include "common/base/date.h"
#include "fcgi/store_films.h"

static const struct value *value_of(const struct row *row, const char *field)
{
    int64_t i = schema_find(row->schema, str_of(field));
    return i >= 0 && row->values[i].present ? &row->values[i] : NULL;
}

int film_identity_of(const struct row *row, struct arena *a, struct film_identity *out, struct mrc_err *err)
{
    const struct value *id = value_of(row, "film_id"), *title = value_of(row, "title"),
                       *date = value_of(row, "release_date");
    *out = (struct film_identity){.date = date == NULL ? DATE_NONE : date->date};
    char text[DATE_TEXT] = "";
    date_format(out->date, text);
    if (!str_copy(a, id == NULL ? STR("") : str_trim(id->text), &out->film_id) ||
        !str_copy(a, title == NULL ? STR("") : str_trim(title->text), &out->title) ||
        !str_copy(a, str_of(text), &out->release_date)) {
        return arena_fail(a, err);
    }
    out->title_key = film_title_key(a, out->title);
    return out->title_key.n > 0 || out->title.n == 0 ? MRC_OK : arena_fail(a, err);
}

struct str film_row_json(struct arena *a, const struct row *row)
{
    struct buf b;
    struct json_out w;
    buf_init(&b, a, 256 * 1024);
    json_out_init(&w, &b);
    row_to_json(row, &w);
    return buf_ok(&b, NULL) == MRC_OK ? buf_text(&b) : (struct str){"", 0};
}
