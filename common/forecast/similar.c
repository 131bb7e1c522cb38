/* Neighbours in leaf space (similar.h). */
#include "common/forecast/similar.h"

#include "common/base/date.h"
#include "common/base/json.h"

#include <string.h>

static int read_trees(struct similar *s, const struct json *root, const mrc_model *model, struct mrc_err *err)
{
    const struct json *trees;
    MRC_TRY(json_get(root, "trees", JSON_ARRAY, &trees, err));
    for (const struct json *x = json_first(trees); x; x = json_next(x)) {
        int64_t tree;
        if (!json_i64(x, &tree) || tree < 0 || (uint64_t)tree >= mrc_model_trees(model) ||
            s->n_trees == SIMILAR_TREES_MAX) {
            return mrc_fail(err, MRC_EFORMAT, "\"trees\" must be up to %d trees of the model", SIMILAR_TREES_MAX);
        }
        s->trees[s->n_trees++] = (uint32_t)tree;
    }
    return s->n_trees > 0 ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "\"trees\" is empty");
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two digits a tree. */
static bool read_leaves(struct str text, uint32_t n, uint8_t *out)
{
    if (text.n != (size_t)2 * n) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        int high = hex_digit(text.p[2 * i]), low = hex_digit(text.p[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static int read_films(struct similar *s, const struct json *root, struct arena *a, struct mrc_err *err)
{
    const struct json *titles, *years, *leaves;
    MRC_TRY(json_get(root, "titles", JSON_ARRAY, &titles, err));
    MRC_TRY(json_get(root, "years", JSON_ARRAY, &years, err));
    MRC_TRY(json_get(root, "leaves", JSON_ARRAY, &leaves, err));
    size_t n = json_count(titles);
    if (n > SIMILAR_FILMS_MAX || json_count(years) != n || json_count(leaves) != n) {
        return mrc_fail(err, MRC_EFORMAT, "\"titles\", \"years\" and \"leaves\" must be as many, at most %d",
                        SIMILAR_FILMS_MAX);
    }
    s->titles = ARENA_ARRAY(a, n, struct str);
    s->years = ARENA_ARRAY(a, n, int16_t);
    s->leaves = ARENA_ARRAY(a, n * s->n_trees, uint8_t);
    if (!s->titles || !s->years || !s->leaves) {
        return arena_fail(a, err);
    }
    const struct json *title = json_first(titles), *year = json_first(years), *leaf = json_first(leaves);
    for (; title; title = json_next(title), year = json_next(year), leaf = json_next(leaf), s->n++) {
        struct str text, code;
        int64_t y;
        if (!json_str(title, &text) || !json_i64(year, &y) || y < 0 || y > 9999 || !json_str(leaf, &code) ||
            !read_leaves(code, s->n_trees, s->leaves + (size_t)s->n * s->n_trees)) {
            return mrc_fail(err, MRC_EFORMAT, "film %u needs a title, a year and two hexadecimal digits a tree", s->n);
        }
        if (!str_copy(a, text, &s->titles[s->n])) {
            return arena_fail(a, err);
        }
        s->years[s->n] = (int16_t)y;
    }
    return MRC_OK;
}

int similar_read(struct similar **out, struct arena *a, struct str json, const mrc_model *ahead, struct mrc_err *err)
{
    struct json_doc *doc;
    struct similar *s = ARENA_NEW(a, struct similar);
    int64_t format;
    if (!s) {
        return arena_fail(a, err);
    }
    MRC_TRY(json_read(&doc, json, &json_limits_file, NULL, err));
    int rc = json_type(json_root(doc)) == JSON_OBJECT ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "must be an object");
    rc = rc < 0 ? rc : json_get_i64(json_root(doc), "format", 1, 1, &format, err);
    rc = rc < 0 ? rc : read_trees(s, json_root(doc), ahead, err);
    rc = rc < 0 ? rc : read_films(s, json_root(doc), a, err);
    json_free(doc);
    *out = s;
    return rc;
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */

static int leaves_of(const struct bundle *b, const struct row *row, struct arena *a, uint8_t *out, struct mrc_err *err)
{
    const struct bundle_model *m = &b->models[b->n_models - 1];
    uint32_t n_floats = features_floats(m->features), n_cats = features_cats(m->features);
    float *floats = ARENA_ARRAY(a, n_floats, float);
    struct mrc_str *cats = ARENA_ARRAY(a, n_cats, struct mrc_str);
    void *scratch = arena_alloc(a, mrc_scratch_size(m->model, 1), MRC_SCRATCH_ALIGN);
    uint32_t *leaves = ARENA_ARRAY(a, mrc_model_trees(m->model), uint32_t);
    struct row filled;
    if (!floats || !cats || !scratch || !leaves) {
        return arena_fail(a, err);
    }
    MRC_TRY(bundle_fill(b, row, a, &filled, err));
    MRC_TRY(features_compute(m->features, &filled, a, floats, cats, NULL, err));
    struct mrc_input in = {.floats = floats,
                           .float_row_stride = n_floats,
                           .float_column_stride = 1,
                           .cats = n_cats ? cats : NULL,
                           .cat_row_stride = n_cats,
                           .cat_column_stride = 1};
    MRC_TRY(mrc_leaf_indexes(m->model, &in, 1, scratch, leaves, err));
    for (uint32_t i = 0; i < b->similar->n_trees; i++) {
        out[i] = (uint8_t)leaves[b->similar->trees[i]];
    }
    return MRC_OK;
}

/* Keep the nearest, in order. Later films come last, and go before earlier ones that are as near. */
static void take(struct similar_film out[SIMILAR_SHOWN], uint32_t *n, struct similar_film film)
{
    uint32_t at = *n;
    while (at > 0 && out[at - 1].shared <= film.shared) {
        at--;
    }
    if (at == SIMILAR_SHOWN) {
        return;
    }
    uint32_t moved = (*n < SIMILAR_SHOWN ? *n : SIMILAR_SHOWN - 1) - at;
    memmove(out + at + 1, out + at, moved * sizeof *out);
    out[at] = film;
    *n += *n < SIMILAR_SHOWN;
}

static struct value value_of(const struct row *row, const char *name)
{
    int64_t i = schema_find(row->schema, str_of(name));
    return i < 0 ? (struct value){.date = DATE_NONE} : row->values[i];
}

int similar_find(const struct bundle *b, const struct row *row, struct arena *a, struct similar_film out[SIMILAR_SHOWN],
                 uint32_t *n, struct mrc_err *err)
{
    const struct similar *s = b->similar;
    uint8_t own[SIMILAR_TREES_MAX];
    *n = 0;
    if (!s) {
        return MRC_OK;
    }
    struct value title = value_of(row, "title"), date = value_of(row, "release_date");
    int year = date.present ? date_to_civil(date.date).year : INT16_MAX;
    MRC_TRY(leaves_of(b, row, a, own, err));
    for (uint32_t i = 0; i < s->n; i++) {
        const uint8_t *leaves = s->leaves + (size_t)i * s->n_trees;
        uint32_t shared = 0;
        for (uint32_t k = 0; k < s->n_trees; k++) {
            shared += leaves[k] == own[k];
        }
        bool itself = title.present && str_eq(title.text, s->titles[i]) && s->years[i] == year;
        if (!itself && s->years[i] <= year) { /* past films */
            take(out, n, (struct similar_film){s->titles[i], s->years[i], shared});
        }
    }
    return MRC_OK;
}
