/* Back-testing by date. */
#include "train/backtest.h"
#include "common/base/date.h"
#include "train/film_filler.h"

#include <math.h>
#include <stdlib.h>

/* ---- the naive rule -------------------------------------------------------------------------------------------- */

struct past_film {
    struct str distributor; /* folded; "" unknown */
    double entries;
};
struct naive {
    struct past_film *films; /* [n] by distributor, then entries */
    size_t n;
    double overall;
};
enum { NAIVE_FILMS_MIN = 3 };

static int past_order(const void *a, const void *b)
{
    const struct past_film *x = a, *y = b;
    int c = str_cmp(x->distributor, y->distributor);
    return c ? c : (x->entries > y->entries) - (x->entries < y->entries);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int distributor_of(const struct film *f, struct arena *a, struct str *out, struct mrc_err *err)
{
    int64_t i = schema_find(f->row.schema, STR("distributor"));
    *out = STR("");
    if (i < 0 || !f->row.values[i].present) {
        return MRC_OK;
    }
    return text_fold(a, f->row.values[i].text, out) ? MRC_OK : arena_fail(a, err);
}

static int naive_learn(struct naive *v, const struct film *films, size_t n, struct arena *a, struct mrc_err *err)
{
    v->films = ARENA_ARRAY(a, n, struct past_film);
    double *all = ARENA_ARRAY(a, n, double);
    v->n = 0;
    if (!v->films || !all) {
        return arena_fail(a, err);
    }
    for (size_t i = 0; i < n; i++) {
        if (films[i].use == FILM_TRAIN && !isnan(films[i].entries)) {
            all[v->n] = v->films[v->n].entries = films[i].entries;
            MRC_TRY(distributor_of(&films[i], a, &v->films[v->n].distributor, err));
            v->n++;
        }
    }
    qsort(v->films, v->n, sizeof(*v->films), past_order);
    qsort(all, v->n, sizeof(*all), ascending);
    v->overall = v->n == 0 ? NAN : v->n % 2 ? all[v->n / 2] : (all[v->n / 2 - 1] + all[v->n / 2]) / 2;
    return MRC_OK;
}

/* First film whose distributor is not before name (or, with after, is behind it). */
static size_t naive_bound(const struct naive *v, struct str name, bool after)
{
    size_t low = 0, high = v->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = str_cmp(v->films[mid].distributor, name);
        if (c < 0 || (after && c == 0)) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static double naive_guess(const struct naive *v, struct str distributor)
{
    size_t begin = naive_bound(v, distributor, false), end = naive_bound(v, distributor, true), n = end - begin;
    if (distributor.n == 0 || n < NAIVE_FILMS_MIN) {
        return v->overall;
    }
    const struct past_film *f = v->films + begin;
    return n % 2 ? f[n / 2].entries : (f[n / 2 - 1].entries + f[n / 2].entries) / 2;
}

/* ---- one stretch between two trainings ------------------------------------------------------------------------- */

struct stretch {
    const struct film_recipe *recipe;
    const struct film_data *data;
    const struct backtest_plan *plan;
    size_t known;      /* films [0, known) may be learnt from */
    size_t begin, end; /* films judged */
};

static bool wanted(const struct backtest_plan *p, const struct film_recipe *r, const struct film *f)
{
    return film_usable(f, r->schema, FILM_AHEAD) && (p->ahead || film_usable(f, r->schema, FILM_SCREENS));
}

static int judge_film(const struct bundle *bundle, struct forecast_scratch *scratch, const struct naive *naive,
                      const struct film *f, struct arena *a, struct backtest_film *out, struct mrc_err *err)
{
    struct forecast y;
    MRC_TRY(forecast_row(bundle, &f->row, scratch, a, &y, NULL, err));
    struct str distributor;
    MRC_TRY(distributor_of(f, a, &distributor, err));
    *out = (struct backtest_film){.film = f,
                                  .setting = y.model->per >= 0 ? FILM_SCREENS : FILM_AHEAD,
                                  .point = pow(10, y.log10_base),
                                  .naive = naive_guess(naive, distributor),
                                  .median = y.admissions,
                                  .score = (film_log_entries(f) - y.log10_base) / y.scale};
    forecast_interval(&y, 0.8, &out->low80, &out->high80);
    forecast_interval(&y, 0.9, &out->low90, &out->high90);
    return MRC_OK;
}

/* Films already judged whose first week was over a week before `day`: their errors are known and move the offsets. */
static int roll_offsets(struct backtest *b, struct film_model *const models[FILM__SETTINGS], size_t *known, int32_t day,
                        struct mrc_err *err)
{
    bool moved[FILM__SETTINGS] = {false};
    for (; *known < b->n && b->films[*known].film->date + BACKTEST_KNOWN_DAYS <= day; (*known)++) {
        const struct backtest_film *f = &b->films[*known];
        scores_add(&models[f->setting]->scores, f->film->date, f->score);
        moved[f->setting] = true;
    }
    for (int k = 0; k < FILM__SETTINGS; k++) {
        if (moved[k]) {
            MRC_TRY(scores_offsets(&models[k]->scores, models[k]->offsets, err));
        }
    }
    return MRC_OK;
}

static int judge_stretch(const struct stretch *s, struct backtest *b, const struct bundle *bundle,
                         struct film_model *const models[FILM__SETTINGS], const struct naive *naive,
                         struct mrc_err *err)
{
    size_t known = b->n;
    struct forecast_scratch *scratch;
    MRC_TRY(forecast_scratch_new(&scratch, bundle, err));
    struct arena a;
    arena_init(&a, 0);
    int rc = MRC_OK;
    for (size_t i = s->begin; rc == MRC_OK && i < s->end; i++) {
        const struct film *f = &s->data->films[i];
        if (wanted(s->plan, s->recipe, f)) {
            arena_reset(&a);
            rc = roll_offsets(b, models, &known, f->date, err);
            rc = rc < 0 ? rc : judge_film(bundle, scratch, naive, f, &a, &b->films[b->n], err);
            b->n += rc == MRC_OK;
        }
    }
    arena_release(&a);
    forecast_scratch_free(scratch);
    return rc;
}

static int run_stretch(const struct stretch *s, struct backtest *b, struct mrc_err *err)
{
    struct film_model models[FILM__SETTINGS] = {0};
    const bool want[FILM__SETTINGS] = {[FILM_AHEAD] = s->plan->ahead, [FILM_SCREENS] = s->plan->screens};
    struct film_model *made[FILM__SETTINGS] = {NULL, NULL};
    struct film_filler filler = {0};
    int rc = film_filler_fit(&filler, s->recipe, s->data->films, s->known, err);
    for (int k = 0; rc == MRC_OK && k < FILM__SETTINGS; k++) {
        if (want[k]) {
            rc = film_model_fit(&models[k], s->recipe, (enum film_setting)k, &filler, s->data->films, s->known, err);
            made[k] = &models[k];
            b->n_models += rc == MRC_OK;
        }
    }
    struct arena a;
    arena_init(&a, 0);
    struct naive naive = {0};
    struct bundle bundle;
    struct bundle_model faces[FILM__SETTINGS];
    if (rc == MRC_OK) {
        rc = naive_learn(&naive, s->data->films, s->known, &a, err);
    }
    if (rc == MRC_OK) {
        rc = film_bundle(&bundle, faces, s->recipe->schema, &filler, made[FILM_SCREENS], made[FILM_AHEAD], err);
    }
    if (rc == MRC_OK) {
        rc = judge_stretch(s, b, &bundle, made, &naive, err);
    }
    arena_release(&a);
    film_filler_release(&filler);
    for (int k = 0; k < FILM__SETTINGS; k++) {
        if (made[k]) {
            film_model_release(made[k]);
        }
    }
    return rc;
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

static int check_plan(const struct backtest_plan *p, struct mrc_err *err)
{
    if (p->from > p->to) {
        return mrc_fail(err, MRC_EINVAL, "the test ends before it begins");
    }
    if (p->from <= p->train_until) {
        return mrc_fail(err, MRC_EINVAL, "the test must begin after the films that are learnt from");
    }
    for (size_t i = 0; i < p->n_refits; i++) {
        if (p->refits[i] <= (i ? p->refits[i - 1] : p->from) || p->refits[i] > p->to) {
            return mrc_fail(err, MRC_EINVAL, "refits must be days inside the test, in order");
        }
    }
    return p->ahead || p->screens ? MRC_OK : mrc_fail(err, MRC_EINVAL, "no setting to test");
}

int backtest_run(struct backtest *out, const struct film_recipe *recipe, const struct film_data *data,
                 const struct backtest_plan *plan, struct mrc_err *err)
{
    *out = (struct backtest){0};
    arena_init(&out->arena, 0);
    MRC_TRY(check_plan(plan, err));
    size_t last = film_data_until(data, plan->to);
    out->films = ARENA_ARRAY(&out->arena, last, struct backtest_film);
    if (!out->films) {
        return arena_fail(&out->arena, err);
    }
    for (size_t k = 0; k <= plan->n_refits; k++) {
        int32_t day = k == 0 ? plan->from : plan->refits[k - 1];
        int32_t known = day - BACKTEST_KNOWN_DAYS;
        if (k == 0 && plan->train_until < known) {
            known = plan->train_until;
        }
        struct stretch s = {.recipe = recipe,
                            .data = data,
                            .plan = plan,
                            .known = film_data_until(data, known),
                            .begin = film_data_until(data, day - 1),
                            .end = k < plan->n_refits ? film_data_until(data, plan->refits[k] - 1) : last};
        if (s.begin < s.end) {
            MRC_TRY(run_stretch(&s, out, err));
        }
    }
    return out->n > 0 ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "no film with known entries came out in the test period");
}

void backtest_release(struct backtest *b)
{
    arena_release(&b->arena);
    *b = (struct backtest){0};
}

int backtest_score(const struct backtest *b, enum backtest_rule rule, struct film_score *out, struct mrc_err *err)
{
    struct film_outcome *o = malloc((b->n + 1) * sizeof(*o));
    if (!o) {
        return mrc_fail(err, MRC_ENOMEM, "no memory");
    }
    for (size_t i = 0; i < b->n; i++) {
        const struct backtest_film *f = &b->films[i];
        o[i] = (struct film_outcome){.truth = f->film->entries,
                                     .forecast = rule == BACKTEST_MEDIAN  ? f->median
                                                 : rule == BACKTEST_POINT ? f->point
                                                                          : f->naive,
                                     .low80 = NAN,
                                     .high80 = NAN,
                                     .low90 = NAN,
                                     .high90 = NAN};
        if (rule != BACKTEST_NAIVE) {
            o[i].low80 = f->low80;
            o[i].high80 = f->high80;
            o[i].low90 = f->low90;
            o[i].high90 = f->high90;
        }
    }
    int rc = film_score(o, b->n, out, err);
    free(o);
    return rc;
}
