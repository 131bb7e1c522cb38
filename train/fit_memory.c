/* The sizes of what boost_fit allocates, added up. */
#include "train/fit_memory.h"
#include "train/objective.h"
#include "train/tree.h"

#include <math.h>

double dataset_memory(const struct dataset *d)
{
    double cells = 4.0 * ((double)d->n_floats + d->n_cats + d->n_baselines + (d->weight != NULL) + 1);
    cells += d->timestamp ? 8 : 0;
    cells += d->group ? 4 : 0;
    double bytes = cells * (double)d->n_rows;
    for (uint32_t k = 0; k < d->n_cats; k++) {
        bytes += 4.0 * d->cats[k].n_ids;
    }
    return bytes;
}

static double stats_of(const struct ctr_description *list, uint32_t n, const struct params *p)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        double borders = list[i].target_borders ? list[i].target_borders : (double)p->target_border_count;
        sum += list[i].n_priors * (list[i].type == CTR_COUNTER ? 1 : borders);
    }
    return sum;
}

/* What the categorical columns need in a data set of n rows, in so many orders of them. */
struct categories {
    uint32_t with_statistics, one_hot;
    double keys; /* of the columns with statistics */
};

static struct categories categories_of(const struct dataset *learn, const struct params *p)
{
    struct categories c = {0};
    for (uint32_t k = 0; k < learn->n_cats; k++) {
        bool one_hot = learn->cats[k].n_ids <= (uint32_t)p->one_hot_max_size;
        c.one_hot += one_hot;
        c.with_statistics += !one_hot && p->max_ctr_complexity > 0;
        c.keys += one_hot ? 0 : learn->cats[k].n_ids;
    }
    return c;
}

/* Quantised columns, target and weight. */
static double pool_memory(const struct dataset *learn, const struct dataset *d, const struct params *p,
                          const struct categories *c)
{
    double row = d->n_floats * (p->border_count > 255 ? 2.0 : 1.0) + 4.0 * d->n_cats + c->one_hot + 4;
    row += d->weight || p->auto_class_weights != CLASS_WEIGHTS_NONE ? 4 : 0;
    return row * (double)d->n_rows + 4.0 * learn->n_floats * (double)p->border_count;
}

double fit_memory(const struct dataset *learn, const struct dataset *eval, const struct params *p, uint32_t outputs)
{
    struct categories c = categories_of(learn, p);
    bool permuted = c.with_statistics > 0 && !p->has_time;
    double n = (double)learn->n_rows, leaves = ldexp(1, (int)p->depth), width = (double)outputs + 1;
    double folds = permuted ? fmax(1, (double)p->permutation_count - 1) + 1 : 1;
    double simple = stats_of(p->simple_ctrs, p->n_simple_ctrs, p);
    double combined = stats_of(p->combination_ctrs, p->n_combination_ctrs, p);
    double orders = permuted ? folds : 1;

    double bytes = pool_memory(learn, learn, p, &c);
    bytes += n * (permuted ? 4 * folds : learn->n_cats > 0 ? 4 : 0); /* orders of the rows */
    bytes += n * 8 * outputs * (folds + 1);                          /* scores of the folds, derivatives */
    bytes += n * (4 + 2 + 2);                                        /* sampling weights, leaves */
    bytes += n * 2 * (4 + 8 * width) + n / 8;                        /* rows by leaf, answers */
    bytes += n * 8;                                                  /* histograms of parts of the rows */
    bytes += objective_of(p->loss.type)->uses_exponent ? n * 12 : 0; /* leaf values */
    bytes += p->leaf_method == LEAF_EXACT ? n * 12 : 0;
    bytes += n * simple * c.with_statistics * orders; /* statistics */
    if (p->max_ctr_complexity > 1) { /* of combinations in one tree: half of a level's splits bring new ones */
        bytes += n * (combined + 4) * c.with_statistics * (double)(p->depth * (p->depth + 1)) / 4;
    }
    bytes += c.keys * 16 * (simple + (p->max_ctr_complexity > 1 ? 4 * combined : 0)); /* their tables */
    double bins = learn->n_floats * ((double)p->border_count + 1) + 16 * simple * c.with_statistics;
    bytes += fmin(bins * width * leaves / 4 * 8, 512e6);       /* histograms that are kept */
    bytes += (double)p->iterations * leaves * (width * 8) * 2; /* trees, and the model made of them */
    if (eval) {
        double n_eval = (double)eval->n_rows;
        bytes += pool_memory(learn, eval, p, &c) + n_eval * (8 * outputs + 2 + simple * c.with_statistics);
    }
    return bytes;
}

int fit_memory_check(const struct dataset *learn, const struct dataset *eval, const struct params *p, uint32_t outputs,
                     struct mrc_err *err)
{
    double data = dataset_memory(learn) + (eval ? dataset_memory(eval) : 0);
    double fit = fit_memory(learn, eval, p, outputs);
    if (p->memory_max == 0 || data + fit <= (double)p->memory_max) {
        return MRC_OK;
    }
    return mrc_fail(err, MRC_ENOMEM,
                    "training takes about %.0f MiB beside the table's %.0f, allowed are %.0f; fewer rows, columns, "
                    "border_count, depth or max_ctr_complexity take less",
                    ceil(fit / 1048576), ceil(data / 1048576), floor((double)p->memory_max / 1048576));
}
