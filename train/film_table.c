/* Films as lessons: altered copies, data sets, one training. */
#include "train/film_table.h"
#include "common/base/date.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 256 << 20, SCORE_BLOCK = 4096, CATEGORY_FILMS_MIN = 3 };

const struct film_optional film_optionals[FILM_OPTIONALS] = {
    {"budget", true},         {"directors", true},   {"actors", true},  {"duration_min", true}, {"age_rating", true},
    {"original_title", true}, {"distributor", true}, {"genres", false}, {"countries", false}};

int film_row_copy(const struct row *row, struct arena *a, struct row *out, struct mrc_err *err)
{
    uint32_t n = schema_count(row->schema);
    struct value *values = ARENA_ARRAY(a, n, struct value);
    if (!values) {
        return arena_fail(a, err);
    }
    for (uint32_t i = 0; i < n; i++) {
        values[i] = row->values[i];
    }
    *out = *row;
    out->values = values;
    return MRC_OK;
}

void film_row_blank(struct row *copy, const char *field)
{
    int64_t i = schema_find(copy->schema, str_of(field));
    if (i >= 0 && !schema_field(copy->schema, (uint32_t)i)->required) {
        copy->values[i] = (struct value){.date = DATE_NONE};
    }
}

/* ---- lessons --------------------------------------------------------------------------------------------------- */

/* A generator of its own for each film: adding films elsewhere in the file changes nothing for this one. */
static uint64_t film_seed(const struct film *f, uint64_t seed)
{
    uint64_t h = 0xcbf29ce484222325u ^ seed * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < f->id.n; i++) {
        h = (h ^ (unsigned char)f->id.p[i]) * 0x100000001b3u; /* FNV-1a */
    }
    return h;
}

static double next_unit(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static int altered_row(const struct film_recipe *r, const struct film *f, struct arena *a, struct row *out,
                       struct mrc_err *err)
{
    uint64_t state = film_seed(f, r->seed);
    bool bare = next_unit(&state) < r->bare_share;
    MRC_TRY(film_row_copy(&f->row, a, out, err));
    for (size_t i = 0; i < FILM_OPTIONALS; i++) {
        bool filled = r->spared && str_is(str_of(r->spared), film_optionals[i].field);
        bool alone = next_unit(&state) < r->mask && !filled;
        if (alone || (bare && film_optionals[i].often)) {
            film_row_blank(out, film_optionals[i].field);
        }
    }
    return MRC_OK;
}

/* What is known when the film is learnt from: mostly everything up to two weeks before it, sometimes only what tables
 * of one, two or four years before would know. */
static struct features_context altered_context(const struct film_recipe *r, const struct film *f)
{
    static const int years[] = {1, 2, 4};
    uint64_t state = film_seed(f, r->seed + 0x5741);
    struct features_context c = r->context;
    if (c.history && next_unit(&state) < r->stale_share) {
        c.known_until = f->date - HISTORY_KNOWN_DAYS - (int32_t)(365.25 * years[(int)(next_unit(&state) * 3)]);
    }
    return c;
}

int film_table_make(struct film_table *t, const struct film_recipe *r, const struct film *films, size_t n,
                    film_keep keep, void *arg, struct arena *a, struct mrc_err *err)
{
    *t = (struct film_table){.recipe = r, .per = r->mask > 0 || r->stale_share > 0 ? 2 : 1};
    const struct film **kept = ARENA_ARRAY(a, n, const struct film *);
    struct row *own = ARENA_ARRAY(a, n, struct row);
    t->lessons = ARENA_ARRAY(a, t->per * n, const struct film *);
    t->rows = ARENA_ARRAY(a, t->per * n, struct row);
    t->contexts = ARENA_ARRAY(a, t->per * n, struct features_context);
    if (!kept || !own || !t->lessons || !t->rows || !t->contexts) {
        return arena_fail(a, err);
    }
    t->films = kept;
    t->own = own;
    for (size_t i = 0; i < n; i++) {
        if (!keep(&films[i], r, arg)) {
            continue;
        }
        size_t first = t->per * t->n;
        kept[t->n] = &films[i];
        own[t->n++] = films[i].row;
        t->lessons[first] = &films[i];
        t->rows[first] = films[i].row;
        t->contexts[first] = r->context;
        if (t->per == 2) {
            t->lessons[first + 1] = &films[i];
            t->contexts[first + 1] = altered_context(r, &films[i]);
            MRC_TRY(altered_row(r, &films[i], a, &t->rows[first + 1], err));
        }
    }
    return MRC_OK;
}

/* ---- data sets ------------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* A category that fewer than CATEGORY_FILMS_MIN films have, mostly "unknown" where nearly all is known, would keep a
 * row of those films' statistics in the model. They are learnt from as films of the commonest category instead.
 * per_film: rows that a film has. */
static int pool_rare(struct str *texts, size_t n, size_t per_film, struct arena *a, struct mrc_err *err)
{
    struct str *sorted = ARENA_ARRAY(a, n, struct str), *rare = ARENA_ARRAY(a, n, struct str);
    if (!sorted || !rare) {
        return arena_fail(a, err);
    }
    for (size_t i = 0; i < n; i++) {
        sorted[i] = texts[i];
    }
    qsort(sorted, n, sizeof(*sorted), by_text);
    size_t n_rare = 0, most = 0;
    struct str commonest = STR("");
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && str_eq(sorted[i], sorted[end]); end++) {
        }
        if (end - i < CATEGORY_FILMS_MIN * per_film) {
            rare[n_rare++] = sorted[i];
        }
        if (end - i > most) {
            most = end - i;
            commonest = sorted[i];
        }
    }
    for (size_t i = 0; n_rare > 0 && i < n; i++) {
        if (bsearch(&texts[i], rare, n_rare, sizeof(*rare), by_text)) {
            texts[i] = commonest;
        }
    }
    return MRC_OK;
}

/* Append the features of a matrix as columns of a data set; pool: rows a film has, to learn no rare ones; 0: learn
 * all. */
static int add_columns(struct dataset *d, const struct features *f, const struct film_matrix *m, size_t pool,
                       struct arena *a, struct mrc_err *err)
{
    float *numbers = ARENA_ARRAY(a, m->n, float);
    struct str *texts = ARENA_ARRAY(a, m->n, struct str);
    if (!numbers || !texts) {
        return arena_fail(a, err);
    }
    size_t next_float = 0, next_cat = 0;
    for (uint32_t k = 0; k < features_count(f); k++) {
        const struct feature *x = features_at(f, k);
        if (x->categorical) {
            for (size_t i = 0; i < m->n; i++) {
                const struct mrc_str *s = &m->cats[i * m->n_cats + next_cat];
                texts[i] = (struct str){s->p, s->n};
            }
            next_cat++;
            if (pool) {
                MRC_TRY(pool_rare(texts, m->n, pool, a, err));
            }
            MRC_TRY(dataset_add_cat(d, x->name, texts, err));
        } else {
            for (size_t i = 0; i < m->n; i++) {
                numbers[i] = m->floats[i * m->n_floats + next_float];
            }
            next_float++;
            MRC_TRY(dataset_add_float(d, x->name, numbers, err));
        }
    }
    return MRC_OK;
}

static int lesson_matrix(struct film_matrix *m, const struct film_table *t, size_t begin, size_t n,
                         const struct features *f, struct arena *a, struct mrc_err *err)
{
    const struct row **rows = ARENA_ARRAY(a, n, const struct row *);
    if (!rows) {
        return arena_fail(a, err);
    }
    for (size_t i = 0; i < n; i++) {
        rows[i] = &t->rows[begin + i];
    }
    return film_matrix_build(m, f, t->contexts + begin, rows, n, a, err);
}

int film_lessons(struct dataset **out, const struct film_table *t, size_t begin, size_t end,
                 const struct features *features, bool rare_too, struct mrc_err *err)
{
    struct dataset *d;
    struct film_matrix m;
    struct arena a;
    size_t n = t->per * (end - begin);
    MRC_TRY(dataset_new(&d, n, err));
    arena_init(&a, 0);
    int rc = lesson_matrix(&m, t, t->per * begin, n, features, &a, err);
    if (rc == MRC_OK) {
        rc = add_columns(d, features, &m, rare_too ? 0 : t->per, &a, err);
    }
    arena_release(&a);
    if (rc < 0) {
        dataset_free(d);
        return rc;
    }
    *out = d;
    return MRC_OK;
}

double film_weight(const struct film *f, const struct film *newest, const struct film_recipe *r)
{
    return pow(0.5, (date_to_civil(newest->date).year - date_to_civil(f->date).year) / r->half_life);
}

/* ---- one training ---------------------------------------------------------------------------------------------- */

void fitted_release(struct fitted *f)
{
    features_free(f->features);
    buf_release(&f->text);
    mrc_model_free(f->model);
    free(f->learn_loss);
    *f = (struct fitted){0};
}

struct watcher {
    const struct film_recipe *recipe;
    const char *what;
};

static bool watch(const struct boost_step *step, void *arg)
{
    const struct watcher *w = arg;
    if (w->recipe->progress) {
        w->recipe->progress(w->what, step, w->recipe->progress_arg);
    }
    return true;
}

static int set_targets(struct dataset *d, const struct film_table *t, size_t n, const struct film_fit *how,
                       struct mrc_err *err)
{
    struct arena a;
    arena_init(&a, 0);
    double *target = ARENA_ARRAY(&a, t->per * n, double), *weight = ARENA_ARRAY(&a, t->per * n, double);
    int rc = target && weight ? MRC_OK : arena_fail(&a, err);
    for (size_t i = 0; rc == MRC_OK && i < t->per * n; i++) {
        target[i] = how->target(t->lessons[i], t->recipe, how->arg);
        weight[i] = film_weight(t->lessons[i], t->films[n - 1], t->recipe);
        weight[i] *= i % t->per ? t->recipe->altered_weight : 1;
    }
    if (rc == MRC_OK) {
        rc = dataset_set_target(d, target, err);
    }
    if (rc == MRC_OK) {
        rc = dataset_set_weight(d, weight, err);
    }
    arena_release(&a);
    return rc;
}

/* Vocabularies are learnt from the films as they are: a name blanked everywhere is not in the model. */
int film_fit(struct fitted *out, const struct film_table *t, size_t n, const struct film_fit *how, struct mrc_err *err)
{
    const struct film_recipe *r = t->recipe;
    *out = (struct fitted){0};
    buf_init(&out->text, NULL, TEXT_MAX);
    struct dataset *learn = NULL;
    struct params p = *how->params;
    struct watcher w = {r, how->what};
    struct boost_progress progress = {.step = watch, .arg = &w};
    struct boost_report report = {0};
    int rc = features_learn(r->schema, how->features, t->own, n, &out->text, err);
    if (rc == MRC_OK) {
        rc = features_read(&out->features, r->schema, buf_text(&out->text), NULL, NULL, err);
    }
    if (rc == MRC_OK) {
        rc = features_bind(out->features, &r->context, err);
    }
    if (rc == MRC_OK) {
        rc = film_lessons(&learn, t, 0, n, out->features, !how->pool_rare, err);
    }
    if (rc == MRC_OK) {
        rc = set_targets(learn, t, n, how, err);
    }
    p.random_seed = r->seed;
    if (rc == MRC_OK) {
        rc = boost_fit(learn, NULL, &p, &progress, &out->model, &report, err);
    }
    dataset_free(learn);
    if (rc < 0) {
        fitted_release(out);
        return rc;
    }
    out->n_trees = mrc_model_trees(out->model);
    out->learn_loss = report.learn_loss;
    report.learn_loss = NULL;
    boost_report_release(&report);
    return MRC_OK;
}

/* One more number behind those of each row. */
static int append_number(struct film_matrix *m, const double *x, struct arena *a, struct mrc_err *err)
{
    size_t wide = m->n_floats + 1;
    float *floats = ARENA_ARRAY(a, m->n * wide, float);
    if (!floats) {
        return arena_fail(a, err);
    }
    for (size_t i = 0; i < m->n; i++) {
        memcpy(floats + i * wide, m->floats + i * m->n_floats, m->n_floats * sizeof *floats);
        floats[i * wide + m->n_floats] = (float)x[i];
    }
    m->floats = floats;
    m->n_floats = wide;
    return MRC_OK;
}

int film_score_lessons(const struct film_table *t, size_t begin, size_t end, const struct features *features,
                       const double *points, const mrc_model *model, double *scores, struct mrc_err *err)
{
    struct arena a;
    arena_init(&a, 0);
    int rc = MRC_OK;
    for (size_t at = t->per * begin; rc == MRC_OK && at < t->per * end; at += SCORE_BLOCK) {
        arena_reset(&a);
        size_t k = t->per * end - at < SCORE_BLOCK ? t->per * end - at : SCORE_BLOCK;
        void *scratch = arena_alloc(&a, mrc_scratch_size(model, k), MRC_SCRATCH_ALIGN);
        struct film_matrix m;
        rc = scratch ? lesson_matrix(&m, t, at, k, features, &a, err) : arena_fail(&a, err);
        if (rc == MRC_OK && points) {
            rc = append_number(&m, points + (at - t->per * begin), &a, err);
        }
        if (rc == MRC_OK) {
            struct mrc_input in = {.floats = m.floats,
                                   .float_row_stride = m.n_floats,
                                   .float_column_stride = 1,
                                   .cats = m.n_cats ? m.cats : NULL,
                                   .cat_row_stride = m.n_cats,
                                   .cat_column_stride = 1};
            rc = mrc_predict(model, &in, k, MRC_RAW, scratch, scores + (at - t->per * begin), err);
        }
    }
    arena_release(&a);
    return rc;
}
