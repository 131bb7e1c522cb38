/* Back-testing by date. */
#include "train/backtest.h"
#include "common/base/date.h"
#include "train/film_filler.h"
#include "train/naive.h"

#include <math.h>

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
    bool skipped = p->skip_from != DATE_NONE && f->date >= p->skip_from && f->date <= p->skip_to;
    return !skipped && film_usable(f, r->schema, FILM_AHEAD) && (p->ahead || film_usable(f, r->schema, FILM_SCREENS));
}

static const struct naive_of {
    enum backtest_rule rule;
    enum naive_rule naive;
} naive_rules[] = {{BACKTEST_NAIVE, NAIVE_ENTRIES}, {BACKTEST_PER_SCREEN, NAIVE_PER_SCREEN}};

static int judge_naive(const struct naive *naive, const struct film *f, struct arena *a, struct backtest_film *out,
                       struct mrc_err *err)
{
    for (size_t i = 0; i < sizeof(naive_rules) / sizeof(naive_rules[0]); i++) {
        double guess;
        MRC_TRY(naive_guess(naive, naive_rules[i].naive, f, a, &guess, err));
        out->outcomes[naive_rules[i].rule] = (struct film_outcome){.truth = f->entries, .forecast = guess};
    }
    return MRC_OK;
}

/* The bundle that exists already, told as little as the models under test. */
static int judge_champion(const struct backtest_plan *p, struct forecast_scratch *scratch, size_t i, struct arena *a,
                          struct backtest_film *out, struct mrc_err *err)
{
    struct row row;
    struct forecast y;
    const struct film *f = &p->champion_films->films[i];
    MRC_TRY(film_row_copy(&f->row, a, &row, err));
    if (out->setting == FILM_AHEAD) {
        film_row_blank(&row, "screens");
    }
    MRC_TRY(forecast_row(p->champion, &row, scratch, a, &y, NULL, err));
    out->outcomes[BACKTEST_CHAMPION] = film_outcome_of(f->entries, &y);
    return MRC_OK;
}

static int judge_blanked(const struct backtest_plan *p, const struct bundle *bundle, struct forecast_scratch *scratch,
                         const struct film *f, struct arena *a, struct backtest_film *out, struct mrc_err *err)
{
    for (size_t k = 0; k < p->n_blanks; k++) {
        struct row row;
        struct forecast y;
        MRC_TRY(film_row_copy(&f->row, a, &row, err));
        for (int i = 0; i < FILM_OPTIONALS; i++) {
            if (p->blanks[k] >> i & 1) {
                film_row_blank(&row, film_optionals[i].field);
            }
        }
        MRC_TRY(forecast_row(bundle, &row, scratch, a, &y, NULL, err));
        out->blanked[k] = y.log10_base;
    }
    return MRC_OK;
}

static int judge_film(const struct stretch *s, const struct bundle *bundle, struct forecast_scratch *scratch,
                      const struct film *f, struct arena *a, struct backtest_film *out, struct mrc_err *err)
{
    struct forecast y;
    MRC_TRY(forecast_row(bundle, &f->row, scratch, a, &y, NULL, err));
    *out = (struct backtest_film){.film = f,
                                  .setting = y.model->per >= 0 ? FILM_SCREENS : FILM_AHEAD,
                                  .score = (film_log_entries(f) - y.log10_base) / y.scale,
                                  .blanked = out->blanked};
    struct film_outcome o = film_outcome_of(f->entries, &y);
    o.has_quantiles = !s->recipe->points;
    out->outcomes[BACKTEST_MEDIAN] = out->outcomes[BACKTEST_POINT] = o;
    out->outcomes[BACKTEST_POINT].forecast = pow(10, y.log10_base);
    out->outcomes[BACKTEST_CHAMPION] = (struct film_outcome){.truth = f->entries, .forecast = NAN};
    return judge_blanked(s->plan, bundle, scratch, f, a, out, err);
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

/* Histories that end too early for a film of that day. */
static int age_tables(const struct stretch *s, const struct bundle *bundle, int32_t day, struct mrc_err *err)
{
    struct features_context old = s->recipe->context;
    int32_t end = day - BACKTEST_KNOWN_DAYS - s->plan->tables_days;
    old.known_until = old.known_until == DATE_NONE || end < old.known_until ? end : old.known_until;
    for (uint32_t i = 0; i < bundle->n_models; i++) {
        MRC_TRY(features_bind(bundle->models[i].features, &old, err));
    }
    for (uint32_t i = 0; i < bundle->n_fillers; i++) {
        MRC_TRY(features_bind(bundle->fillers[i].features, &old, err));
    }
    return MRC_OK;
}

/* Films of one stretch, one after another. */
static int judge_each(const struct stretch *s, struct backtest *b, const struct bundle *bundle,
                      struct film_model *const models[FILM__SETTINGS], const struct naive *naive,
                      struct forecast_scratch *own, struct forecast_scratch *champion, struct mrc_err *err)
{
    size_t known = b->n;
    struct arena a;
    arena_init(&a, 0);
    int rc = MRC_OK;
    for (size_t i = s->begin; rc == MRC_OK && i < s->end; i++) {
        const struct film *f = &s->data->films[i];
        struct backtest_film *out = &b->films[b->n];
        if (!wanted(s->plan, s->recipe, f)) {
            continue;
        }
        arena_reset(&a);
        rc = s->plan->tables_days > 0 ? age_tables(s, bundle, f->date, err) : MRC_OK;
        rc = rc < 0 || s->recipe->points ? rc : roll_offsets(b, models, &known, f->date, err);
        rc = rc < 0 ? rc : judge_film(s, bundle, own, f, &a, out, err);
        rc = rc < 0 ? rc : judge_naive(naive, f, &a, out, err);
        rc = rc < 0 || !champion ? rc : judge_champion(s->plan, champion, i, &a, out, err);
        b->n += rc == MRC_OK;
    }
    arena_release(&a);
    return rc;
}

static int judge_stretch(const struct stretch *s, struct backtest *b, const struct bundle *bundle,
                         struct film_model *const models[FILM__SETTINGS], const struct naive *naive,
                         struct mrc_err *err)
{
    struct forecast_scratch *own, *champion = NULL;
    MRC_TRY(forecast_scratch_new(&own, bundle, err));
    int rc = s->plan->champion ? forecast_scratch_new(&champion, s->plan->champion, err) : MRC_OK;
    rc = rc < 0 ? rc : judge_each(s, b, bundle, models, naive, own, champion, err);
    forecast_scratch_free(own);
    forecast_scratch_free(champion);
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
    if (p->champion && p->from <= p->champion->histories_as_of) {
        char date[DATE_TEXT];
        date_format(p->champion->histories_as_of, date);
        return mrc_fail(err, MRC_EINVAL, "the champion has learnt from films up to %s: the test must begin after",
                        date);
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
    double *blanked = ARENA_ARRAY(&out->arena, last * plan->n_blanks + 1, double);
    if (!out->films || !blanked) {
        return arena_fail(&out->arena, err);
    }
    for (size_t i = 0; i < last; i++) {
        out->films[i].blanked = blanked + i * plan->n_blanks;
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
