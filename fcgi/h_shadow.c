/* GET /models/{version}/shadow: what a version says, as a shadow, of films that another version was asked about, and
 * how both did where the first week is known. Figures over everybody's predictions, nobody's in particular. */
#include "fcgi/handlers.h"
#include "fcgi/shadow.h"
#include "fcgi/store_shadow.h"
#include "fcgi/versions.h"

#include "common/base/date.h"
#include "common/forecast/stats.h"

#include <math.h>
#include <stdlib.h>

enum { NEWEST_MAX = 100000, FILMS_MAX = 5000, SERVED_MAX = 32 };

/* ---- predictions compared -------------------------------------------------------------------------------------- */

struct comparison {
    struct arena *arena;
    double *ratios; /* [NEWEST_MAX], shadow over served */
    size_t compared, refused, beyond_quarter, beyond_double;
    int64_t first_ms, last_ms;
    struct {
        struct str version;
        size_t n;
    } served[SERVED_MAX]; /* what served them; beyond SERVED_MAX versions the oldest are left out */
    size_t n_served;
};

static double at_least_one(double tickets)
{
    return tickets > 1 ? tickets : 1;
}

static int count_served(struct comparison *c, struct str version)
{
    size_t i = 0;
    while (i < c->n_served && !str_eq(c->served[i].version, version)) {
        i++;
    }
    if (i == SERVED_MAX) {
        return MRC_OK;
    }
    if (i == c->n_served) {
        if (!str_copy(c->arena, version, &c->served[i].version)) {
            return arena_fail(c->arena, NULL);
        }
        c->served[i].n = 0;
        c->n_served++;
    }
    c->served[i].n++;
    return MRC_OK;
}

static int compare(const struct shadow_row *r, void *arg)
{
    struct comparison *c = arg;
    c->last_ms = c->compared + c->refused == 0 || r->time_ms > c->last_ms ? r->time_ms : c->last_ms;
    c->first_ms = c->compared + c->refused == 0 || r->time_ms < c->first_ms ? r->time_ms : c->first_ms;
    if (r->refused) {
        c->refused++;
        return MRC_OK;
    }
    double ratio = at_least_one(r->said.admissions) / at_least_one(r->served.admissions);
    c->ratios[c->compared++] = ratio;
    c->beyond_quarter += ratio > 1.25 || ratio < 1 / 1.25;
    c->beyond_double += ratio > 2 || ratio < 1 / 2.0;
    return count_served(c, r->served_version);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void put_number_or_null(struct json_out *w, const char *key, bool known, double v)
{
    json_put_key(w, key);
    if (known) {
        json_put_double(w, v);
    } else {
        json_put_null(w);
    }
}

static void put_stamp_or_null(struct json_out *w, const char *key, bool known, int64_t ms)
{
    char stamp[STAMP_TEXT];
    json_put_key(w, key);
    if (known) {
        stamp_format(ms, stamp);
        json_put_cstr(w, stamp);
    } else {
        json_put_null(w);
    }
}

static void put_predictions(struct json_out *w, struct comparison *c)
{
    double n = (double)c->compared;
    bool any = c->compared > 0, seen = any || c->refused > 0;
    qsort(c->ratios, c->compared, sizeof(double), by_value);
    json_put_key(w, "predictions");
    json_open_object(w);
    json_pair_i64(w, "compared", (int64_t)c->compared);
    json_pair_i64(w, "refused", (int64_t)c->refused);
    put_stamp_or_null(w, "from", seen, c->first_ms);
    put_stamp_or_null(w, "to", seen, c->last_ms);
    put_number_or_null(w, "median_ratio", any, any ? stats_quantile(c->ratios, c->compared, 0.5) : 0);
    put_number_or_null(w, "share_beyond_1_25", any, (double)c->beyond_quarter / n);
    put_number_or_null(w, "share_beyond_2", any, (double)c->beyond_double / n);
    json_put_key(w, "served_by");
    json_open_array(w);
    for (size_t i = 0; i < c->n_served; i++) {
        json_open_object(w);
        json_pair_str(w, "version", c->served[i].version);
        json_pair_i64(w, "compared", (int64_t)c->served[i].n);
        json_close_object(w);
    }
    json_close_array(w);
    json_close_object(w);
}

/* ---- films whose first week is known --------------------------------------------------------------------------- */

/* e = ln(first week / forecast), as surveillance counts. */
static void put_errors(struct json_out *w, const char *key, const struct shadow_film *films, size_t n, bool shadow,
                       double *relative)
{
    double absolute = 0, bias = 0;
    size_t inside = 0;
    for (size_t i = 0; i < n; i++) {
        const struct shadow_said *s = shadow ? &films[i].said : &films[i].served;
        absolute += fabs(s->admissions - films[i].entries);
        bias += log(films[i].entries / at_least_one(s->admissions));
        relative[i] = fabs(s->admissions / films[i].entries - 1);
        inside += s->low80 <= films[i].entries && films[i].entries <= s->high80;
    }
    qsort(relative, n, sizeof(double), by_value);
    json_put_key(w, key);
    json_open_object(w);
    json_pair_double(w, "mae", absolute / (double)n);
    json_pair_double(w, "median_ape", stats_quantile(relative, n, 0.5));
    json_pair_double(w, "bias", exp(bias / (double)n) - 1);
    json_pair_double(w, "coverage_80", (double)inside / (double)n);
    json_close_object(w);
}

static void put_outcomes(struct json_out *w, const struct shadow_film *films, size_t n, double *scratch)
{
    json_put_key(w, "outcomes");
    json_open_object(w);
    json_pair_i64(w, "films", (int64_t)n);
    if (n > 0) {
        put_errors(w, "served", films, n, false, scratch);
        put_errors(w, "shadow", films, n, true, scratch);
    } else {
        json_put_key(w, "served");
        json_put_null(w);
        json_put_key(w, "shadow");
        json_put_null(w);
    }
    json_close_object(w);
}

/* ---- the route ------------------------------------------------------------------------------------------------- */

static const char *const codes[SHADOW__COUNT] = {
    [SHADOW_OFF] = "off",         [SHADOW_OK] = "compared",
    [SHADOW_UNKNOWN] = "unknown", [SHADOW_BAD_VERSION] = "cannot_be_loaded",
    [SHADOW_CURRENT] = "serves",  [SHADOW_NO_LOG] = "no_log",
};

static int answer(struct context *c, const struct version *v, struct mrc_err *err)
{
    struct json_out w;
    char wanted[SHADOW_VERSION_MAX];
    struct comparison *sums = ARENA_NEW(c->arena, struct comparison);
    struct shadow_film *films = NULL;
    struct str model = setting_text(c->parts->config, CONFIG_MODEL);
    size_t n = 0;
    double *numbers = ARENA_ARRAY(c->arena, NEWEST_MAX, double);
    if (sums == NULL || numbers == NULL) {
        return arena_fail(c->arena, err);
    }
    *sums = (struct comparison){.arena = c->arena, .ratios = numbers};
    int rc = store_shadow_newest(c->parts->store, model, v->name, NEWEST_MAX, compare, sums, err);
    if (rc < 0) {
        return rc == MRC_ELIMIT || rc == MRC_ENOMEM ? arena_fail(c->arena, err) : rc;
    }
    MRC_TRY(store_shadow_films(c->parts->store, model, v->name, FILMS_MAX, c->arena, &films, &n, err));
    enum shadow_state state = shadow_state_read(c->parts->config, wanted);
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_pair_str(&w, "name", model);
    json_pair_str(&w, "version", v->name);
    json_pair_cstr(&w, "state", codes[str_is(v->name, wanted) ? state : SHADOW_OFF]);
    put_predictions(&w, sums);
    put_outcomes(&w, films, n, numbers);
    json_close_object(&w);
    answer_json_cached(c);
    return MRC_OK;
}

void h_model_shadow(struct context *c)
{
    struct mrc_err err = {0};
    struct version v;
    if (versions_get(c->parts->config, c->argument, c->arena, &v, &err) < 0 || answer(c, &v, &err) < 0) {
        answer_err(c, &err);
    }
}
