/* Sorting the rows of a tree by leaf, a chunk at a time. */
#include "train/logit_rows.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* More leaves than these leave too few rows to each within a chunk. */
enum { LEAVES_MAX = 256 };

/* A leaf's rows within a chunk. */
struct logit_part {
    uint32_t begin, end;      /* places; whole lanes */
    double targets, products; /* sums of t and of t times the score */
};

bool logit_rows_suit(const struct leaf_task *t)
{
    bool logistic = t->loss->type == LOSS_LOGLOSS || t->loss->type == LOSS_CROSS_ENTROPY;
    return logistic && !t->weight && t->method == LEAF_NEWTON && t->iterations > 1 && t->n_leaves <= LEAVES_MAX;
}

static void sort_chunk(struct logit_rows *r, const struct leaf_task *task, size_t chunk)
{
    size_t begin = chunk * LOSS_CHUNK, n = task->n - begin < LOSS_CHUNK ? task->n - begin : LOSS_CHUNK;
    const uint16_t *leaves = task->leaves + begin;
    const double *approx = task->approx + begin;
    const float *target = task->target + begin;
    struct logit_part *parts = r->parts + chunk * r->n_leaves;
    double *e = r->e + chunk * r->chunk_rows;
    float *t = r->t + chunk * r->chunk_rows;
    uint32_t counts[LEAVES_MAX] = {0}, places[LEAVES_MAX], at = 0;
    for (size_t i = 0; i < n; i++) {
        counts[leaves[i]]++;
    }
    for (uint32_t k = 0; k < r->n_leaves; k++) {
        uint32_t filled = (counts[k] + LOGIT_LANES - 1) / LOGIT_LANES * LOGIT_LANES;
        parts[k] = (struct logit_part){.begin = at, .end = at + filled};
        places[k] = at;
        at += filled;
    }
    memset(t, 0, at * sizeof(*t));
    for (size_t i = 0; i < n; i++) {
        struct logit_part *part = &parts[leaves[i]];
        uint32_t place = places[leaves[i]]++;
        e[place] = approx[i];
        t[place] = target[i];
        part->targets += (double)target[i];
        part->products += (double)target[i] * approx[i];
    }
    for (uint32_t k = 0; k < r->n_leaves; k++) {
        r->kernels->exponents(e + parts[k].begin, places[k] - parts[k].begin, e + parts[k].begin);
        memset(e + places[k], 0, (parts[k].end - places[k]) * sizeof(*e));
    }
}

bool logit_rows_init(struct logit_rows *r, const struct leaf_task *task)
{
    *r = (struct logit_rows){.kernels = logit_kernels(), .n_leaves = task->n_leaves};
    r->chunks = (task->n + LOSS_CHUNK - 1) / LOSS_CHUNK;
    r->chunk_rows = (task->n < LOSS_CHUNK ? task->n : LOSS_CHUNK) + (size_t)LOGIT_LANES * task->n_leaves;
    r->e = malloc(r->chunks * r->chunk_rows * sizeof(*r->e));
    r->t = malloc(r->chunks * r->chunk_rows * sizeof(*r->t));
    r->parts = malloc(r->chunks * r->n_leaves * sizeof(*r->parts));
    if (!r->e || !r->t || !r->parts) {
        return false;
    }
    int chunks = (int)r->chunks;
#pragma omp parallel for num_threads(task->threads) schedule(static) if (chunks > 1 && task->threads > 1)
    for (int c = 0; c < chunks; c++) {
        sort_chunk(r, task, (size_t)c);
    }
    return true;
}

void logit_rows_release(struct logit_rows *r)
{
    free(r->e);
    free(r->t);
    free(r->parts);
    *r = (struct logit_rows){0};
}

double logit_rows_sum(const struct logit_rows *r, size_t chunk, const double *values, const double *factors,
                      double *sums)
{
    const struct logit_part *parts = r->parts + chunk * r->n_leaves;
    const double *e = r->e + chunk * r->chunk_rows;
    const float *t = r->t + chunk * r->chunk_rows;
    double error = 0;
    for (uint32_t k = 0; k < r->n_leaves; k++) {
        const struct logit_part *p = &parts[k];
        struct logit_sums s;
        r->kernels->sums(e + p->begin, t + p->begin, p->end - p->begin, factors[k], &s);
        sums[2 * k] = s.first;
        sums[2 * k + 1] = s.second;
        error += s.logs - (p->products + values[k] * p->targets);
    }
    return error;
}
