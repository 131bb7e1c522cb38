/* Rules of thumb. */
#include "train/naive.h"

#include <math.h>
#include <stdlib.h>

static int past_order(const void *a, const void *b)
{
    const struct past_film *x = a, *y = b;
    int c = str_cmp(x->distributor, y->distributor);
    return c ? c : (x->value > y->value) - (x->value < y->value);
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

static double screens_of(const struct film *f)
{
    return film_number(f, schema_find(f->row.schema, STR("screens")));
}

/* What a rule learns of a film; NaN: nothing. */
static double lesson(const struct film *f, enum naive_rule rule)
{
    if (f->use != FILM_TRAIN || isnan(f->entries)) {
        return NAN;
    }
    return rule == NAIVE_ENTRIES ? f->entries : screens_of(f) >= 1 ? f->entries / screens_of(f) : NAN;
}

static int learn_rule(struct past_films *p, enum naive_rule rule, const struct film *films, size_t n, struct arena *a,
                      struct mrc_err *err)
{
    p->films = ARENA_ARRAY(a, n, struct past_film);
    double *all = ARENA_ARRAY(a, n, double);
    p->n = 0;
    if (!p->films || !all) {
        return arena_fail(a, err);
    }
    for (size_t i = 0; i < n; i++) {
        double v = lesson(&films[i], rule);
        if (!isnan(v)) {
            all[p->n] = p->films[p->n].value = v;
            MRC_TRY(distributor_of(&films[i], a, &p->films[p->n].distributor, err));
            p->n++;
        }
    }
    qsort(p->films, p->n, sizeof(*p->films), past_order);
    qsort(all, p->n, sizeof(*all), ascending);
    p->overall = p->n == 0 ? NAN : p->n % 2 ? all[p->n / 2] : (all[p->n / 2 - 1] + all[p->n / 2]) / 2;
    return MRC_OK;
}

int naive_learn(struct naive *v, const struct film *films, size_t n, struct arena *a, struct mrc_err *err)
{
    for (int k = 0; k < NAIVE__RULES; k++) {
        MRC_TRY(learn_rule(&v->rules[k], (enum naive_rule)k, films, n, a, err));
    }
    return MRC_OK;
}

/* First film whose distributor is not before name (or, with after, is behind it). */
static size_t bound(const struct past_films *p, struct str name, bool after)
{
    size_t low = 0, high = p->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = str_cmp(p->films[mid].distributor, name);
        if (c < 0 || (after && c == 0)) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static double median_of(const struct past_films *p, struct str distributor)
{
    size_t begin = bound(p, distributor, false), end = bound(p, distributor, true), n = end - begin;
    if (distributor.n == 0 || n < NAIVE_FILMS_MIN) {
        return p->overall;
    }
    const struct past_film *f = p->films + begin;
    return n % 2 ? f[n / 2].value : (f[n / 2 - 1].value + f[n / 2].value) / 2;
}

int naive_guess(const struct naive *v, enum naive_rule rule, const struct film *f, struct arena *a, double *out,
                struct mrc_err *err)
{
    struct str distributor;
    MRC_TRY(distributor_of(f, a, &distributor, err));
    double unit = rule == NAIVE_ENTRIES ? 1 : screens_of(f) >= 1 ? screens_of(f) : NAN;
    *out = unit * median_of(&v->rules[rule], distributor);
    return MRC_OK;
}
