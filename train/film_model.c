/* From films to a calibrated model of one setting. */
#include "train/film_filler.h"
#include "train/film_reference.h"
#include "train/film_report.h"
#include "train/film_similar.h"

#include "common/base/date.h"
#include "common/forecast/forecast.h"
#include "common/forecast/quantile.h"

#include <math.h>
#include <stdlib.h>

const char *const film_setting_letters[FILM__SETTINGS] = {"N", "S"};

enum { BLOCKS_MAX = 13, SCALE_FILMS_MIN = 200, REFERENCE_TEXT_MAX = 64 << 20 };
#define ERROR_LEAST    0.03 /* added to errors before their logarithm is learnt: none is surer than that */
#define STALE_SHARE    0.2
#define ALTERED_WEIGHT 0.4
#define MASKED_OFTEN   0.3
#define HALF_YEARS     10
/* Rows that lack all seven groups hardly come about by blanking each for itself. Weeks ahead, four folds, R2 of films
 * asked so: share 0 0.277, 0.1 0.386, 0.3 0.395; of films as they are, two seeds: 0.1 0.637, 0.3 0.635. */
#define BARE_SHARE 0.3

/* Errors come from the films behind first_share, in blocks; each is scored by a model of the films before it. From them
 * the scale is learnt, altered copies counting altered_weight beside the film as it is, with or without the score as a
 * column. Mean interval scores of 80 % and 90 % of 996 films weeks ahead, three seeds: 1.319 and 1.613; learnt as for S
 * 1.330 and 1.633. Of 988 films with screens, one seed: 0.790 and 0.983; learnt as for N 0.800 and 1.003. */
static const struct {
    double first_share, altered_weight;
    int blocks;
    bool by_score;
} scale_recipe[FILM__SETTINGS] = {
    [FILM_AHEAD] = {0.35, ALTERED_WEIGHT, 13, true}, [FILM_SCREENS] = {0.6, 1, 10, false}};

/* CatBoost's names. 64 borders against 254: R2 +0.002 and +0.004 on two seeds (N), with depth 5 +0.004 (S). Strong
 * column sampling is what matters for setting N. max_ctr_complexity 1: a statistic of two categories together could
 * stand for a single film. */
static const struct {
    const char *name, *value[FILM__SETTINGS], *scale[FILM__SETTINGS];
} recipe_params[] = {
    {"loss_function", {"RMSE", "RMSE"}, {"RMSE", "RMSE"}},
    {"iterations", {"900", "800"}, {"400", "200"}},
    {"learning_rate", {"0.03", "0.04"}, {"0.04", "0.04"}},
    {"depth", {"6", "5"}, {"4", "4"}},
    {"border_count", {"64", "64"}, {"64", "64"}},
    {"l2_leaf_reg", {"5", "5"}, {"30", "30"}},
    {"rsm", {"0.2", "0.4"}, {"0.3", "0.3"}},
    {"bootstrap_type", {"Bernoulli", "Bernoulli"}, {"Bernoulli", "Bernoulli"}},
    {"subsample", {"0.8", "0.8"}, {"0.8", "0.8"}},
    {"max_ctr_complexity", {"1", "1"}, {"1", "1"}},
    {"one_hot_max_size", {"30", "30"}, {"30", "30"}},
    {"has_time", {"true", "true"}, {"true", "true"}},
    {"boosting_type", {"Plain", "Plain"}, {"Plain", "Plain"}},
};

int film_recipe_init(struct film_recipe *r, const struct schema *schema, struct mrc_err *err)
{
    *r = (struct film_recipe){.schema = schema,
                              .mask = MASKED_OFTEN,
                              .bare_share = BARE_SHARE,
                              .altered_weight = ALTERED_WEIGHT,
                              .half_life = HALF_YEARS,
                              .stale_share = STALE_SHARE,
                              .pool_rare = true,
                              .fill = true,
                              .spared = FILM_FILLER_FIELD};
    r->context = FEATURES_CONTEXT_NONE;
    for (int k = 0; k < FILM__SETTINGS; k++) {
        params_init(&r->params[k]);
        params_init(&r->scale_params[k]);
    }
    for (size_t i = 0; i < sizeof(recipe_params) / sizeof(recipe_params[0]); i++) {
        struct str name = str_of(recipe_params[i].name);
        for (int k = 0; k < FILM__SETTINGS; k++) {
            MRC_TRY(params_set(&r->params[k], name, str_of(recipe_params[i].value[k]), err));
            MRC_TRY(params_set(&r->scale_params[k], name, str_of(recipe_params[i].scale[k]), err));
        }
    }
    return MRC_OK;
}

/* ---- what is learnt -------------------------------------------------------------------------------------------- */

static int64_t screens_field(const struct schema *s)
{
    return schema_find(s, STR("screens"));
}

bool film_usable(const struct film *f, const struct schema *s, enum film_setting setting)
{
    return f->use == FILM_TRAIN && !isnan(f->entries) &&
           (setting == FILM_AHEAD || film_number(f, screens_field(s)) >= 1);
}

double film_target(const struct film *f, const struct schema *s, enum film_setting setting)
{
    double y = film_log_entries(f);
    return setting == FILM_AHEAD ? y : y - log10(film_number(f, screens_field(s)));
}

static bool keep(const struct film *f, const struct film_recipe *r, void *arg)
{
    return film_usable(f, r->schema, *(const enum film_setting *)arg);
}

static double target(const struct film *f, const struct film_recipe *r, void *arg)
{
    return film_target(f, r->schema, *(const enum film_setting *)arg);
}

/* ---- errors of films not seen ---------------------------------------------------------------------------------- */

/* One setting's training under way. */
struct making {
    struct film_model *m;
    const struct film_table *t;
    struct film_fit fit;
    size_t cuts[BLOCKS_MAX + 1]; /* films [cuts[i], cuts[i + 1]) are scored by a model of the films before */
    double *points, *errors;     /* [per * (n - cuts[0])] of the lessons: score, truth - score */
    struct arena *a;
    struct mrc_err *err;
};

/* The first film of the day that film share * n came out: no day on both sides of a cut. */
static size_t cut_at(const struct film_table *t, double share)
{
    size_t i = (size_t)((double)t->n * share);
    while (i > 0 && i < t->n && t->films[i]->date == t->films[i - 1]->date) {
        i--;
    }
    return i;
}

static int make_cuts(struct making *k)
{
    const struct film_table *t = k->t;
    int blocks = scale_recipe[k->m->setting].blocks;
    double first = scale_recipe[k->m->setting].first_share;
    for (int i = 0; i <= blocks; i++) {
        k->cuts[i] = i == blocks ? t->n : cut_at(t, first + (1 - first) / blocks * i);
    }
    if (k->cuts[0] < CALIBRATE_RESIDUALS_MIN || t->n - k->cuts[0] < CALIBRATE_RESIDUALS_MIN) {
        return mrc_fail(k->err, MRC_EFORMAT, "%zu films on too few days to hold later ones back for calibration", t->n);
    }
    return MRC_OK;
}

static int find_errors(struct making *k)
{
    const struct film_table *t = k->t;
    k->points = ARENA_ARRAY(k->a, t->per * (t->n - k->cuts[0]), double);
    k->errors = ARENA_ARRAY(k->a, t->per * (t->n - k->cuts[0]), double);
    if (!k->points || !k->errors) {
        return arena_fail(k->a, k->err);
    }
    k->fit.what = "calibrating";
    for (int i = 0; i < scale_recipe[k->m->setting].blocks; i++) {
        size_t begin = k->cuts[i], end = k->cuts[i + 1];
        size_t first = t->per * (begin - k->cuts[0]);
        struct fitted f;
        if (begin == end) {
            continue;
        }
        MRC_TRY(film_fit(&f, t, begin, &k->fit, k->err));
        int rc = film_score_lessons(t, begin, end, f.features, NULL, f.model, k->points + first, k->err);
        fitted_release(&f);
        MRC_TRY(rc);
        for (size_t j = first; j < first + t->per * (end - begin); j++) {
            const struct film *lesson = t->lessons[t->per * k->cuts[0] + j];
            k->errors[j] = film_target(lesson, t->recipe->schema, k->m->setting) - k->points[j];
        }
    }
    return MRC_OK;
}

/* The error of a film as it is. */
static double own_error(const struct making *k, size_t film)
{
    return k->errors[k->t->per * (film - k->cuts[0])];
}

/* ---- their scale ----------------------------------------------------------------------------------------------- */

/* Learn ln of the size of errors from the lessons of films [cuts[0], end). */
static int fit_scale(struct making *k, size_t end, mrc_model **out)
{
    const struct film_table *t = k->t;
    size_t begin = k->cuts[0], n = t->per * (end - begin);
    struct dataset *d;
    struct params p = t->recipe->scale_params[k->m->setting];
    double *target_of = ARENA_ARRAY(k->a, n, double), *weight = ARENA_ARRAY(k->a, n, double);
    float *points = ARENA_ARRAY(k->a, n, float);
    if (!target_of || !weight || !points) {
        return arena_fail(k->a, k->err);
    }
    for (size_t i = 0; i < n; i++) {
        target_of[i] = log(fabs(k->errors[i]) + ERROR_LEAST);
        points[i] = (float)k->points[i];
        weight[i] = film_weight(t->lessons[t->per * begin + i], t->films[end - 1], t->recipe);
        weight[i] *= i % t->per ? scale_recipe[k->m->setting].altered_weight : 1;
    }
    p.random_seed = t->recipe->seed;
    p.thread_count = t->recipe->params[k->m->setting].thread_count;
    MRC_TRY(film_lessons(&d, t, begin, end, k->m->features, !t->recipe->pool_rare, k->err));
    int rc = MRC_OK;
    if (scale_recipe[k->m->setting].by_score) {
        rc = dataset_add_float(d, STR(BUNDLE_SCORE_COLUMN), points, k->err);
    }
    if (rc == MRC_OK) {
        rc = dataset_set_target(d, target_of, k->err);
    }
    if (rc == MRC_OK) {
        rc = dataset_set_weight(d, weight, k->err);
    }
    if (rc == MRC_OK) {
        rc = boost_fit(d, NULL, &p, NULL, out, NULL, k->err);
    }
    dataset_free(d);
    return rc;
}

/* Scores of films from `from` on, in units of a scale that was learnt from the films before them. */
static int take_scores(struct making *k, size_t from, const mrc_model *scale)
{
    const struct film_table *t = k->t;
    double *ln = ARENA_ARRAY(k->a, t->per * (t->n - from), double);
    if (!ln) {
        return arena_fail(k->a, k->err);
    }
    if (scale) {
        const double *points = scale_recipe[k->m->setting].by_score ? k->points + t->per * (from - k->cuts[0]) : NULL;
        MRC_TRY(film_score_lessons(t, from, t->n, k->m->features, points, scale, ln, k->err));
    }
    for (size_t i = from; i < t->n; i++) {
        double unit = scale ? forecast_scale(ln[t->per * (i - from)]) : 1;
        scores_add(&k->m->scores, t->films[i]->date, own_error(k, i) / unit);
    }
    return MRC_OK;
}

static int find_scale(struct making *k)
{
    const struct film_table *t = k->t;
    size_t middle = k->cuts[scale_recipe[k->m->setting].blocks / 2];
    if (t->n - k->cuts[0] < SCALE_FILMS_MIN || t->n - middle < CALIBRATE_RESIDUALS_MIN || middle == k->cuts[0]) {
        return take_scores(k, k->cuts[0], NULL);
    }
    mrc_model *early;
    MRC_TRY(fit_scale(k, middle, &early));
    int rc = take_scores(k, middle, early);
    mrc_model_free(early);
    return rc < 0 ? rc : fit_scale(k, t->n, &k->m->scale);
}

/* ---- judgement ------------------------------------------------------------------------------------------------- */

static double level_offset(const double *offsets, double level)
{
    for (size_t i = 0; i < CALIBRATE_LEVELS; i++) {
        if (fabs(calibrate_levels[i] - level) < 1e-9) {
            return offsets[i];
        }
    }
    return NAN;
}

static double covered(const struct score *scores, size_t n, const double *offsets, double low, double high)
{
    size_t in = 0;
    for (size_t i = 0; i < n; i++) {
        in += scores[i].value >= level_offset(offsets, low) && scores[i].value <= level_offset(offsets, high);
    }
    return n ? (double)in / (double)n : NAN;
}

/* Errors of films not seen, and the intervals judged before they are used: offsets of the earlier half of the scores on
 * the later one. */
static int judge(struct making *k)
{
    struct film_model *m = k->m;
    const struct film_table *t = k->t;
    size_t n = t->n - k->cuts[0];
    double mean = 0, mean_entries = 0, sst = 0, sst_entries = 0, sse = 0, sum = 0;
    for (size_t i = k->cuts[0]; i < t->n; i++) {
        mean += film_target(t->films[i], t->recipe->schema, m->setting) / (double)n;
        mean_entries += film_log_entries(t->films[i]) / (double)n;
    }
    for (size_t i = k->cuts[0]; i < t->n; i++) {
        double d = film_target(t->films[i], t->recipe->schema, m->setting) - mean, e = own_error(k, i);
        double entries = film_log_entries(t->films[i]) - mean_entries;
        sst += d * d;
        sst_entries += entries * entries;
        sse += e * e;
        sum -= e;
    }
    m->n_residuals = n;
    m->r2_log = sst_entries > 0 ? 1 - sse / sst_entries : NAN;
    m->r2_target = sst > 0 ? 1 - sse / sst : NAN;
    m->rmse_log = sqrt(sse / (double)n);
    m->bias_log = sum / (double)n;
    m->cover80 = m->cover90 = NAN;
    struct scores early = m->scores;
    early.n = m->scores.n / 2;
    if (early.n >= CALIBRATE_RESIDUALS_MIN) {
        double offsets[CALIBRATE_LEVELS];
        const struct score *later = m->scores.kept + early.n;
        MRC_TRY(scores_offsets(&early, offsets, k->err));
        m->cover80 = covered(later, m->scores.n - early.n, offsets, 0.1, 0.9);
        m->cover90 = covered(later, m->scores.n - early.n, offsets, 0.05, 0.95);
    }
    return MRC_OK;
}

/* ---- the whole recipe ------------------------------------------------------------------------------------------ */

static int keep_model(struct making *k, struct fitted *f)
{
    struct film_model *m = k->m;
    m->n_films = k->t->n;
    m->n_trees = f->n_trees;
    m->newest = k->t->films[k->t->n - 1]->date;
    m->features = f->features;
    m->model = f->model;
    f->features = NULL;
    f->model = NULL;
    m->learn_loss = ARENA_ARRAY(&m->arena, f->n_trees, double);
    if (!m->learn_loss || !str_copy(&m->arena, buf_text(&f->text), &m->features_text)) {
        return arena_fail(&m->arena, k->err);
    }
    for (size_t i = 0; i < f->n_trees; i++) {
        m->learn_loss[i] = f->learn_loss[i];
    }
    return MRC_OK;
}

static int describe(struct making *k)
{
    struct buf b;
    buf_init(&b, NULL, REFERENCE_TEXT_MAX);
    int rc = film_reference_write(k->t, k->m->features, k->m->model, &b, k->err);
    if (rc == MRC_OK && !str_copy(&k->m->arena, buf_text(&b), &k->m->reference)) {
        rc = arena_fail(&k->m->arena, k->err);
    }
    b.n = 0;
    if (rc == MRC_OK) {
        rc = film_report_write(k->m, k->t, k->cuts[0], k->errors, &b, k->err);
    }
    if (rc == MRC_OK && !str_copy(&k->m->arena, buf_text(&b), &k->m->report)) {
        rc = arena_fail(&k->m->arena, k->err);
    }
    b.n = 0;
    if (rc == MRC_OK && k->m->setting == FILM_AHEAD) {
        rc = film_similar_write(k->t, k->m->features, k->m->model, &b, k->err);
    }
    if (rc == MRC_OK && !str_copy(&k->m->arena, buf_text(&b), &k->m->similar)) {
        rc = arena_fail(&k->m->arena, k->err);
    }
    buf_release(&b);
    return rc;
}

static int make(struct making *k)
{
    struct fitted f;
    if (!k->t->recipe->points) {
        MRC_TRY(make_cuts(k));
        MRC_TRY(find_errors(k));
    }
    k->fit.what = "learning from all";
    MRC_TRY(film_fit(&f, k->t, k->t->n, &k->fit, k->err));
    int rc = keep_model(k, &f);
    fitted_release(&f);
    if (rc < 0 || k->t->recipe->points) {
        return rc;
    }
    MRC_TRY(find_scale(k));
    MRC_TRY(judge(k));
    if (k->t->recipe->describe) {
        MRC_TRY(describe(k));
    }
    return scores_settle(&k->m->scores, k->m->offsets, k->err);
}

static int fit_usable(struct film_model *m, const struct film_recipe *r, const struct film_filler *filler,
                      const struct film *films, size_t n, struct arena *a, struct mrc_err *err)
{
    struct film_table t;
    MRC_TRY(film_table_make(&t, r, films, n, keep, &m->setting, a, err));
    if (t.n < FILM_MODEL_FILMS_MIN) {
        return mrc_fail(err, MRC_EFORMAT, "%zu films with known entries%s, at least %d are needed", t.n,
                        m->setting == FILM_SCREENS ? " and screens" : "", FILM_MODEL_FILMS_MIN);
    }
    if (filler) {
        MRC_TRY(film_filler_apply(filler, &t, a, err));
    }
    struct making k = {.m = m,
                       .t = &t,
                       .fit = {.features = r->features[m->setting],
                               .params = &r->params[m->setting],
                               .target = target,
                               .arg = &m->setting,
                               .pool_rare = r->pool_rare},
                       .a = a,
                       .err = err};
    return make(&k);
}

int film_model_fit(struct film_model *out, const struct film_recipe *r, enum film_setting setting,
                   const struct film_filler *filler, const struct film *films, size_t n, struct mrc_err *err)
{
    *out = (struct film_model){.setting = setting};
    arena_init(&out->arena, 0);
    struct arena a;
    arena_init(&a, 0);
    int rc = fit_usable(out, r, filler, films, n, &a, err);
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
    mrc_model_free(m->scale);
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
                               .scale = m->scale,
                               .per = m->setting == FILM_SCREENS ? screens : -1,
                               .levels = calibrate_levels,
                               .offsets = m->offsets,
                               .z = z,
                               .n_levels = CALIBRATE_LEVELS};
    b->n_models++;
    return MRC_OK;
}

int film_bundle(struct bundle *b, struct bundle_model *models, const struct schema *schema, struct film_filler *filler,
                struct film_model *screens, struct film_model *ahead, struct mrc_err *err)
{
    *b = (struct bundle){.name = STR("training"), .version = STR("0"), .models = models, .histories_as_of = DATE_NONE};
    /* The served type holds its schema as its own; here it is borrowed and only read. */
    union {
        const struct schema *in;
        struct schema *out;
    } same = {.in = schema};
    b->schema = same.out;
    if (filler && filler->n_films > 0) {
        b->fillers = &filler->face;
        b->n_fillers = 1;
    }
    if (screens) {
        MRC_TRY(add_model(b, screens, err));
    }
    return ahead ? add_model(b, ahead, err) : MRC_OK;
}
