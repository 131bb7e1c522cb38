/* Leaves of past films. */
#include "train/film_similar.h"

#include "common/base/date.h"

enum { YEARS = 10, TREES = 32 };

static int write_films(const struct film_table *t, size_t begin, const struct features *features,
                       const mrc_model *model, struct arena *a, struct json_out *w, struct mrc_err *err)
{
    size_t n = t->n - begin, n_trees = mrc_model_trees(model), kept = n_trees < TREES ? n_trees : TREES;
    const struct row **rows = ARENA_ARRAY(a, n, const struct row *);
    struct features_context *contexts = ARENA_ARRAY(a, n, struct features_context);
    uint32_t *leaves = ARENA_ARRAY(a, n_trees, uint32_t);
    void *scratch = arena_alloc(a, mrc_scratch_size(model, 1), MRC_SCRATCH_ALIGN);
    struct film_matrix m;
    if (!rows || !contexts || !leaves || !scratch) {
        return arena_fail(a, err);
    }
    for (size_t i = 0; i < n; i++) {
        rows[i] = &t->rows[t->per * (begin + i)];
        contexts[i] = t->contexts[t->per * (begin + i)];
    }
    MRC_TRY(film_matrix_build(&m, features, contexts, rows, n, a, err));
    json_put_key(w, "trees");
    json_open_array(w);
    for (size_t k = 0; k < kept; k++) { /* the first half says most */
        json_put_i64(w, (int64_t)(k * (n_trees + 1) / 2 / kept));
    }
    json_close_array(w);
    json_put_key(w, "leaves");
    json_open_array(w);
    for (size_t i = 0; i < n; i++) {
        static const char digits[] = "0123456789abcdef";
        char text[2 * TREES];
        struct mrc_input in = {.floats = m.floats + i * m.n_floats,
                               .float_row_stride = m.n_floats,
                               .float_column_stride = 1,
                               .cats = m.n_cats ? m.cats + i * m.n_cats : NULL,
                               .cat_row_stride = m.n_cats,
                               .cat_column_stride = 1};
        MRC_TRY(mrc_leaf_indexes(model, &in, 1, scratch, leaves, err));
        for (size_t k = 0; k < kept; k++) {
            uint8_t leaf = (uint8_t)leaves[k * (n_trees + 1) / 2 / kept];
            text[2 * k] = digits[leaf >> 4];
            text[2 * k + 1] = digits[leaf & 15];
        }
        json_put_str(w, (struct str){text, 2 * kept});
    }
    json_close_array(w);
    return MRC_OK;
}

int film_similar_write(const struct film_table *t, const struct features *features, const mrc_model *model,
                       struct buf *out, struct mrc_err *err)
{
    struct json_out w;
    struct arena a;
    size_t begin = t->n;
    int64_t title = schema_find(t->recipe->schema, STR("title"));
    int last = date_to_civil(t->films[t->n - 1]->date).year;
    while (begin > 0 && date_to_civil(t->films[begin - 1]->date).year > last - YEARS) {
        begin--;
    }
    json_out_init(&w, out);
    json_open_object(&w);
    json_pair_i64(&w, "format", 1);
    json_put_key(&w, "titles");
    json_open_array(&w);
    for (size_t i = begin; i < t->n; i++) {
        const struct value *v = title >= 0 ? &t->films[i]->row.values[title] : NULL;
        json_put_str(&w, v && v->present ? v->text : STR(""));
    }
    json_close_array(&w);
    json_put_key(&w, "years");
    json_open_array(&w);
    for (size_t i = begin; i < t->n; i++) {
        json_put_i64(&w, date_to_civil(t->films[i]->date).year);
    }
    json_close_array(&w);
    arena_init(&a, 0);
    int rc = write_films(t, begin, features, model, &a, &w, err);
    arena_release(&a);
    json_close_object(&w);
    return rc < 0 ? rc : buf_ok(out, err);
}
