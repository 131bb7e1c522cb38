/* From films to a calibrated model of one setting. */
#include "train/film_model.h"
#include "common/base/date.h"
#include "common/forecast/quantile.h"

#include <math.h>
#include <stdlib.h>

const char *const film_setting_letters[FILM__SETTINGS] = {"N", "S"};

enum { TEXT_MAX = 256 << 20, SCORE_BLOCK = 4096, TREES_MIN = 20, CATEGORY_FILMS_MIN = 3 };

/* Shares of the films, in time: trees are counted on [LEARN, STOP), offsets come from [STOP, 1) in two blocks. */
static const double learn_share = 0.70, stop_share = 0.85;

/* Optional raw fields that callers leave out or never knew; a currency goes with its budget. */
static const struct {
    const char *field;
    double often; /* of the recipe's masking */
} maskable[] = {{"budget", 1},         {"directors", 1},   {"actors", 1},   {"duration_min", 1}, {"age_rating", 1},
                {"original_title", 1}, {"distributor", 1}, {"genres", 0.2}, {"countries", 0.2}};

/* CatBoost's names. Strong column sampling is what matters for setting N. max_ctr_complexity 1: a statistic of two
 * categories together could stand for a single film. */
static const struct {
    const char *name, *value[FILM__SETTINGS];
} recipe_params[] = {
    {"loss_function", {"RMSE", "RMSE"}},
    {"iterations", {"1500", "1500"}},
    {"learning_rate", {"0.04", "0.04"}},
    {"depth", {"6", "6"}},
    {"l2_leaf_reg", {"10", "10"}},
    {"rsm", {"0.3", "0.4"}},
    {"bootstrap_type", {"Bernoulli", "Bernoulli"}},
    {"subsample", {"0.8", "0.8"}},
    {"max_ctr_complexity", {"1", "1"}},
    {"one_hot_max_size", {"30", "30"}},
    {"has_time", {"true", "true"}},
    {"boosting_type", {"Plain", "Plain"}},
    {"early_stopping_rounds", {"100", "100"}},
};

int film_recipe_init(struct film_recipe *r, const struct schema *schema, struct mrc_err *err)
{
    *r = (struct film_recipe){.schema = schema, .mask_share = 0.5, .mask = 0.3, .half_life = 10, .pool_rare = true};
    r->context = FEATURES_CONTEXT_NONE;
    for (int k = 0; k < FILM__SETTINGS; k++) {
        params_init(&r->params[k]);
        for (size_t i = 0; i < sizeof(recipe_params) / sizeof(recipe_params[0]); i++) {
            MRC_TRY(params_set(&r->params[k], str_of(recipe_params[i].name), str_of(recipe_params[i].value[k]), err));
        }
    }
    return MRC_OK;
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

static int64_t screens_field(const struct schema *s)
{
    return schema_find(s, STR("screens"));
}

bool film_usable(const struct film *f, const struct schema *s, enum film_setting setting)
{
    return f->use == FILM_TRAIN && !isnan(f->entries) &&
           (setting == FILM_AHEAD || film_number(f, screens_field(s)) >= 1);
}

static double film_target(const struct film *f, const struct schema *s, enum film_setting setting)
{
    double y = film_log_entries(f);
    return setting == FILM_AHEAD ? y : y - log10(film_number(f, screens_field(s)));
}

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

static void blank(struct row *row, const char *field)
{
    int64_t i = schema_find(row->schema, str_of(field));
    if (i >= 0 && !schema_field(row->schema, (uint32_t)i)->required) {
        row->values[i] = (struct value){.date = DATE_NONE};
    }
}

/* The row as it is learnt from: itself, or a copy with some groups blanked. */
static int learnt_row(const struct film_recipe *r, const struct film *f, struct arena *a, struct row *out,
                      struct mrc_err *err)
{
    uint64_t state = film_seed(f, r->seed);
    *out = f->row;
    if (!(next_unit(&state) < r->mask_share)) {
        return MRC_OK;
    }
    uint32_t n = schema_count(r->schema);
    out->values = ARENA_ARRAY(a, n, struct value);
    if (!out->values) {
        return arena_fail(a, err);
    }
    for (uint32_t i = 0; i < n; i++) {
        out->values[i] = f->row.values[i];
    }
    for (size_t i = 0; i < sizeof(maskable) / sizeof(maskable[0]); i++) {
        if (next_unit(&state) < r->mask * maskable[i].often) {
            blank(out, maskable[i].field);
        }
    }
    return MRC_OK;
}

/* What is known when the film is learnt from: mostly everything up to two weeks before it, sometimes only what tables
 * of one, two or four years before would know, so that the model learns what their age means. */
static struct features_context learnt_context(const struct film_recipe *r, const struct film *f)
{
    static const int years[] = {1, 2, 4};
    uint64_t state = film_seed(f, r->seed + 0x5741);
    struct features_context c = r->context;
    if (c.history && next_unit(&state) < r->stale_share) {
        c.known_until = f->date - HISTORY_KNOWN_DAYS - (int32_t)(365.25 * years[(int)(next_unit(&state) * 3)]);
    }
    return c;
}

/* ---- data sets ------------------------------------------------------------------------------------------------- */

/* Films of one training, ready for the feature lists. */
struct table {
    const struct film *const *films; /* [n] usable ones */
    size_t n;
    const struct row *own; /* [n] where vocabularies are learnt */
    /* What is learnt from: of each film, in turn, `per` lessons. */
    size_t per;
    const struct film **lessons;       /* [per * n] */
    struct row *rows;                  /* [per * n] */
    struct features_context *contexts; /* [per * n] */
};

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* A category that fewer than CATEGORY_FILMS_MIN films have, mostly "unknown" where nearly all is known, would keep a
 * row of those films' statistics in the model. They are learnt from as films of the commonest category instead.
 * per_film: rows that a film may have. */
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

/* Append the features of a matrix as columns of a data set; pool: rows a film may have, to learn no rare ones; 0: learn
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

static int fill_dataset(struct dataset *d, const struct film_recipe *r, enum film_setting setting,
                        const struct features *f, const struct film *const *films, const struct row *rows,
                        const struct features_context *contexts, size_t n, struct arena *a, struct mrc_err *err)
{
    const struct row **pointers = ARENA_ARRAY(a, n, const struct row *);
    double *target = ARENA_ARRAY(a, n, double), *weight = ARENA_ARRAY(a, n, double);
    if (!pointers || !target || !weight) {
        return arena_fail(a, err);
    }
    int newest = date_to_civil(films[n - 1]->date).year;
    for (size_t i = 0; i < n; i++) {
        pointers[i] = rows ? &rows[i] : &films[i]->row;
        target[i] = film_target(films[i], r->schema, setting);
        weight[i] = pow(0.5, (newest - date_to_civil(films[i]->date).year) / r->half_life);
    }
    struct film_matrix m;
    MRC_TRY(film_matrix_build(&m, f, contexts, pointers, n, a, err));
    MRC_TRY(add_columns(d, f, &m, rows && r->pool_rare ? 1 + r->twice : 0, a, err));
    MRC_TRY(dataset_set_target(d, target, err));
    return dataset_set_weight(d, weight, err);
}

/* rows, contexts: what to learn from instead of the films as they are, or NULL. */
static int make_dataset(struct dataset **out, const struct film_recipe *r, enum film_setting setting,
                        const struct features *f, const struct film *const *films, const struct row *rows,
                        const struct features_context *contexts, size_t n, struct mrc_err *err)
{
    struct dataset *d;
    MRC_TRY(dataset_new(&d, n, err));
    struct arena a;
    arena_init(&a, 0);
    int rc = fill_dataset(d, r, setting, f, films, rows, contexts, n, &a, err);
    arena_release(&a);
    if (rc < 0) {
        dataset_free(d);
        return rc;
    }
    *out = d;
    return MRC_OK;
}

/* ---- one training ---------------------------------------------------------------------------------------------- */

struct fitted {
    struct features *features;
    struct buf text;
    mrc_model *model;
    size_t n_trees;
};

static void fitted_release(struct fitted *f)
{
    features_free(f->features);
    buf_release(&f->text);
    mrc_model_free(f->model);
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

/* Learn from films [0, n) of t; with n_eval > 0 the next n_eval tell when to stop, otherwise there are n_trees trees.
 * Vocabularies are learnt from the rows that are learnt from, once a film: a name blanked everywhere is not in the
 * model. */
static int fit_once(struct fitted *out, const struct film_recipe *r, enum film_setting setting, const struct table *t,
                    size_t n, size_t n_eval, size_t n_trees, const char *what, struct mrc_err *err)
{
    *out = (struct fitted){0};
    buf_init(&out->text, NULL, TEXT_MAX);
    struct dataset *learn = NULL, *eval = NULL;
    struct params p = r->params[setting];
    struct watcher w = {r, what};
    struct boost_progress progress = {.step = watch, .arg = &w};
    int rc = features_learn(r->schema, r->features[setting], t->own, n, &out->text, err);
    if (rc == MRC_OK) {
        rc = features_read(&out->features, r->schema, buf_text(&out->text), NULL, NULL, err);
    }
    if (rc == MRC_OK) {
        rc = features_bind(out->features, &r->context, err);
    }
    if (rc == MRC_OK) {
        rc = make_dataset(&learn, r, setting, out->features, t->lessons, t->rows, t->contexts, t->per * n, err);
    }
    if (rc == MRC_OK && n_eval > 0) {
        rc = make_dataset(&eval, r, setting, out->features, t->films + n, NULL, NULL, n_eval, err);
    }
    p.random_seed = r->seed;
    if (n_eval == 0) {
        p.iterations = (int64_t)n_trees;
        p.early_stopping_rounds = 0;
        p.is_set[PARAM_EARLY_STOPPING_ROUNDS] = false;
    }
    if (rc == MRC_OK) {
        rc = boost_fit(learn, eval, &p, &progress, &out->model, NULL, err);
    }
    dataset_free(learn);
    dataset_free(eval);
    if (rc < 0) {
        fitted_release(out);
        return rc;
    }
    out->n_trees = mrc_model_trees(out->model);
    return MRC_OK;
}

/* Raw scores of films as they are. */
static int score_films(const struct fitted *f, const struct film *const *films, size_t n, double *scores,
                       struct mrc_err *err)
{
    struct arena a;
    arena_init(&a, 0);
    int rc = MRC_OK;
    for (size_t begin = 0; rc == MRC_OK && begin < n; begin += SCORE_BLOCK) {
        arena_reset(&a);
        size_t k = n - begin < SCORE_BLOCK ? n - begin : SCORE_BLOCK;
        const struct row **rows = ARENA_ARRAY(&a, k, const struct row *);
        void *scratch = arena_alloc(&a, mrc_scratch_size(f->model, k), MRC_SCRATCH_ALIGN);
        if (!rows || !scratch) {
            rc = arena_fail(&a, err);
            break;
        }
        for (size_t i = 0; i < k; i++) {
            rows[i] = &films[begin + i]->row;
        }
        struct film_matrix m;
        rc = film_matrix_build(&m, f->features, NULL, rows, k, &a, err);
        struct mrc_input in = {.floats = m.floats,
                               .float_row_stride = m.n_floats,
                               .float_column_stride = 1,
                               .cats = m.n_cats ? m.cats : NULL,
                               .cat_row_stride = m.n_cats,
                               .cat_column_stride = 1};
        if (rc == MRC_OK) {
            rc = mrc_predict(f->model, &in, k, MRC_RAW, scratch, scores + begin, err);
        }
    }
    arena_release(&a);
    return rc;
}

/* ---- the whole recipe ------------------------------------------------------------------------------------------ */

/* The first film of the day that film share*n came out: no day on both sides of a cut. */
static size_t cut_at(const struct table *t, double share)
{
    size_t i = (size_t)((double)t->n * share);
    while (i > 0 && t->films[i]->date == t->films[i - 1]->date) {
        i--;
    }
    return i;
}

/* Residuals (truth - score) of films [begin, end), scored by a model of the films before. */
static int residuals_of(const struct film_recipe *r, enum film_setting setting, const struct table *t, size_t begin,
                        size_t end, size_t n_trees, double *residuals, struct mrc_err *err)
{
    struct fitted f;
    MRC_TRY(fit_once(&f, r, setting, t, begin, 0, n_trees, "calibrating", err));
    int rc = score_films(&f, t->films + begin, end - begin, residuals, err);
    fitted_release(&f);
    for (size_t i = begin; rc == MRC_OK && i < end; i++) {
        residuals[i - begin] = film_target(t->films[i], r->schema, setting) - residuals[i - begin];
    }
    return rc;
}

static double level_offset(const double *offsets, double level)
{
    for (size_t i = 0; i < CALIBRATE_LEVELS; i++) {
        if (fabs(calibrate_levels[i] - level) < 1e-9) {
            return offsets[i];
        }
    }
    return NAN;
}

static double covered(const double *residuals, size_t n, const double *offsets, double low, double high)
{
    size_t in = 0;
    for (size_t i = 0; i < n; i++) {
        in += residuals[i] >= level_offset(offsets, low) && residuals[i] <= level_offset(offsets, high);
    }
    return n ? (double)in / (double)n : NAN;
}

/* The calibration judged before it is used: offsets of the earlier block on the later one. */
static int judge(struct film_model *m, const struct film_recipe *r, const struct table *t, size_t begin, size_t middle,
                 double *residuals, struct mrc_err *err)
{
    size_t n = t->n - begin, first = middle - begin;
    double mean = 0, sst = 0, sse = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        mean += film_target(t->films[begin + i], r->schema, m->setting) / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        double d = film_target(t->films[begin + i], r->schema, m->setting) - mean;
        sst += d * d;
        sse += residuals[i] * residuals[i];
        sum -= residuals[i];
    }
    m->n_residuals = n;
    m->r2_log = sst > 0 ? 1 - sse / sst : NAN;
    m->rmse_log = sqrt(sse / (double)n);
    m->bias_log = sum / (double)n;
    m->cover80 = m->cover90 = NAN;
    if (first >= CALIBRATE_RESIDUALS_MIN && n > first) {
        double early[CALIBRATE_LEVELS];
        MRC_TRY(calibrate_offsets(residuals, first, early, err));
        m->cover80 = covered(residuals + first, n - first, early, 0.1, 0.9);
        m->cover90 = covered(residuals + first, n - first, early, 0.05, 0.95);
    }
    return calibrate_offsets(residuals, n, m->offsets, err);
}

static int fit_table(struct film_model *m, const struct film_recipe *r, const struct table *t, struct mrc_err *err)
{
    size_t learn = cut_at(t, learn_share), stop = cut_at(t, stop_share), middle = cut_at(t, (1 + stop_share) / 2);
    if (learn < CALIBRATE_RESIDUALS_MIN || stop <= learn || middle < stop || t->n - stop < CALIBRATE_RESIDUALS_MIN) {
        return mrc_fail(err, MRC_EFORMAT, "%zu films on too few days to hold later ones back for calibration", t->n);
    }
    struct fitted f;
    MRC_TRY(fit_once(&f, r, m->setting, t, learn, stop - learn, 0, "counting trees", err));
    size_t n_trees = f.n_trees < TREES_MIN ? TREES_MIN : f.n_trees;
    fitted_release(&f);
    double *residuals = ARENA_ARRAY(&m->arena, t->n - stop, double);
    if (!residuals) {
        return arena_fail(&m->arena, err);
    }
    if (middle > stop) {
        MRC_TRY(residuals_of(r, m->setting, t, stop, middle, n_trees, residuals, err));
    }
    MRC_TRY(residuals_of(r, m->setting, t, middle, t->n, n_trees, residuals + (middle - stop), err));
    MRC_TRY(judge(m, r, t, stop, middle, residuals, err));
    MRC_TRY(fit_once(&f, r, m->setting, t, t->n, 0, n_trees, "learning from all", err));
    m->n_films = t->n;
    m->n_trees = f.n_trees;
    m->newest = t->films[t->n - 1]->date;
    m->features = f.features;
    m->model = f.model;
    bool copied = str_copy(&m->arena, buf_text(&f.text), &m->features_text);
    buf_release(&f.text);
    return copied ? MRC_OK : arena_fail(&m->arena, err);
}

static int fit_usable(struct film_model *m, const struct film_recipe *r, const struct film *films, size_t n,
                      struct arena *a, struct mrc_err *err)
{
    struct table t = {.per = r->twice ? 2 : 1};
    const struct film **usable = ARENA_ARRAY(a, n, const struct film *);
    t.lessons = ARENA_ARRAY(a, t.per * n, const struct film *);
    t.rows = ARENA_ARRAY(a, t.per * n, struct row);
    t.contexts = ARENA_ARRAY(a, t.per * n, struct features_context);
    if (!usable || !t.lessons || !t.rows || !t.contexts) {
        return arena_fail(a, err);
    }
    struct row *own = r->twice ? ARENA_ARRAY(a, n, struct row) : t.rows;
    if (!own) {
        return arena_fail(a, err);
    }
    t.films = usable;
    t.own = own;
    for (size_t i = 0, next = 0; i < n; i++) {
        if (!film_usable(&films[i], r->schema, m->setting)) {
            continue;
        }
        usable[t.n++] = &films[i];
        if (r->twice) {
            own[t.n - 1] = films[i].row;
            t.lessons[next] = &films[i];
            t.rows[next] = films[i].row;
            t.contexts[next++] = r->context;
        }
        t.lessons[next] = &films[i];
        t.contexts[next] = learnt_context(r, &films[i]);
        MRC_TRY(learnt_row(r, &films[i], a, &t.rows[next++], err));
    }
    if (t.n < FILM_MODEL_FILMS_MIN) {
        return mrc_fail(err, MRC_EFORMAT, "%zu films with known entries%s, at least %d are needed", t.n,
                        m->setting == FILM_SCREENS ? " and screens" : "", FILM_MODEL_FILMS_MIN);
    }
    return fit_table(m, r, &t, err);
}

int film_model_fit(struct film_model *out, const struct film_recipe *r, enum film_setting setting,
                   const struct film *films, size_t n, struct mrc_err *err)
{
    *out = (struct film_model){.setting = setting};
    arena_init(&out->arena, 0);
    struct arena a;
    arena_init(&a, 0);
    int rc = fit_usable(out, r, films, n, &a, err);
    arena_release(&a);
    if (rc < 0) {
        film_model_release(out);
    }
    return rc;
}

void film_model_release(struct film_model *m)
{
    features_free(m->features);
    mrc_model_free(m->model);
    arena_release(&m->arena);
    *m = (struct film_model){0};
}

/* ---- as a bundle ----------------------------------------------------------------------------------------------- */

static int add_model(struct bundle *b, struct film_model *m, struct mrc_err *err)
{
    struct bundle_model *x = &b->models[b->n_models];
    int64_t screens = screens_field(b->schema);
    double *z = ARENA_ARRAY(&m->arena, CALIBRATE_LEVELS, double);
    int64_t *needs = ARENA_ARRAY(&m->arena, 1, int64_t);
    if (!z || !needs) {
        return arena_fail(&m->arena, err);
    }
    for (size_t i = 0; i < CALIBRATE_LEVELS; i++) {
        z[i] = normal_quantile(calibrate_levels[i]);
    }
    *needs = screens;
    *x = (struct bundle_model){.name = m->setting == FILM_SCREENS ? STR("screens") : STR("ahead"),
                               .needs = needs,
                               .n_needs = m->setting == FILM_SCREENS,
                               .features = m->features,
                               .model = m->model,
                               .per = m->setting == FILM_SCREENS ? screens : -1,
                               .levels = calibrate_levels,
                               .offsets = m->offsets,
                               .z = z,
                               .n_levels = CALIBRATE_LEVELS};
    b->n_models++;
    return MRC_OK;
}

int film_bundle(struct bundle *b, struct bundle_model *models, const struct schema *schema, struct film_model *screens,
                struct film_model *ahead, struct mrc_err *err)
{
    *b = (struct bundle){.name = STR("training"), .version = STR("0"), .models = models, .histories_as_of = DATE_NONE};
    /* The served type holds its schema as its own; here it is borrowed and only read. */
    union {
        const struct schema *in;
        struct schema *out;
    } same = {.in = schema};
    b->schema = same.out;
    if (screens) {
        MRC_TRY(add_model(b, screens, err));
    }
    return ahead ? add_model(b, ahead, err) : MRC_OK;
}
