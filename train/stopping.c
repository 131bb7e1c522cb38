/* Early stopping by CatBoost's rules: Iter and IncToDec. */
#include "train/stopping.h"
#include "train/metric.h"

#include <math.h>
#include <stdlib.h>

enum { RECENT_MAX = 2000 };

int stopping_init(struct stopping *s, const struct params *p, struct mrc_err *err)
{
    *s = (struct stopping){.type = (enum od_type)p->od_type,
                           .wait = (uint32_t)p->od_wait,
                           .pval = p->od_pval,
                           .rises = metric_rises(&p->eval_metric)};
    s->recent = malloc((size_t)p->iterations * sizeof(*s->recent));
    return s->recent ? MRC_OK : mrc_fail(err, MRC_ENOMEM, "no memory for the losses of the iterations");
}

void stopping_release(struct stopping *s)
{
    free(s->recent);
    s->recent = NULL;
}

/* How probable is it that the score still rises? */
static bool inc_to_dec_stops(struct stopping *s, uint32_t i, double score)
{
    s->error *= 0.99;
    double factor = 1;
    for (uint32_t k = 0; k < i && k < RECENT_MAX; k++) {
        factor *= 0.99;
        s->error = fmax(s->error, factor * (score - s->recent[i - 1 - k]));
    }
    s->recent[i] = score;
    if (i - s->best_iteration < s->wait) {
        return false;
    }
    double q = s->error / fmax(s->best - score, 1e-10);
    return exp(-0.5 / fmax(q, 1e-10)) < s->pval;
}

bool stopping_add(struct stopping *s, uint32_t i, double metric)
{
    double score = s->rises ? metric : -metric;
    if (i == 0 || score > s->best) {
        s->best = score;
        s->best_iteration = i;
    }
    if (s->type == OD_ITER) {
        return i - s->best_iteration >= s->wait;
    }
    return s->type == OD_INC_TO_DEC && inc_to_dec_stops(s, i, score);
}
