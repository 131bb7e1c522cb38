/* The columns that a tree may split: floats, one-hots, packs, target statistics, and which of them a level draws. */
#include "train/tree_search.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(struct mrc_err *err)
{
    return mrc_fail(err, MRC_ENOMEM, "no memory for the columns of a tree");
}

static int add_candidate(struct tree_search *s, struct candidate c, struct mrc_err *err)
{
    if (s->n_candidates == s->candidate_capacity) {
        uint32_t capacity = s->candidate_capacity ? 2 * s->candidate_capacity : 256;
        struct candidate *more = realloc(s->candidates, capacity * sizeof(*more));
        if (!more) {
            return no_memory(err);
        }
        s->candidates = more;
        s->candidate_capacity = capacity;
    }
    c.hist = c.scores = NULL;
    c.hist_level = NO_LEVEL;
    s->candidates[s->n_candidates++] = c;
    return MRC_OK;
}

static int add_group(struct tree_search *s, uint32_t begin, struct mrc_err *err)
{
    if (s->n_groups == s->group_capacity) {
        uint32_t capacity = s->group_capacity ? 2 * s->group_capacity : 256;
        struct group *more = realloc(s->groups, capacity * sizeof(*more));
        if (!more) {
            return no_memory(err);
        }
        s->groups = more;
        s->group_capacity = capacity;
    }
    s->groups[s->n_groups++] = (struct group){.begin = begin, .end = s->n_candidates, .is_live = true};
    return MRC_OK;
}

static int add_statistics(struct tree_search *s, uint32_t projection, struct mrc_err *err)
{
    uint32_t begin = s->n_candidates;
    const struct stat_list *list = s->stats->projections[projection].list;
    for (uint32_t k = 0; k < list->n; k++) {
        struct candidate c = {.kind = SPLIT_CTR,
                              .feature = projection,
                              .ctr = k,
                              .n_bins = list->stats[k].border_count + 1,
                              .n_splits = list->stats[k].border_count};
        MRC_TRY(add_candidate(s, c, err));
    }
    return list->n > 0 ? add_group(s, begin, err) : MRC_OK;
}

static int add_column(struct tree_search *s, struct candidate c, struct mrc_err *err)
{
    MRC_TRY(add_candidate(s, c, err));
    MRC_TRY(add_group(s, s->n_candidates - 1, err));
    if (!c.pack) {
        s->draws[s->n_draws++] = (struct draw){.group = s->n_groups - 1};
    }
    return MRC_OK;
}

static void add_member(struct tree_search *s, struct split split, struct column column)
{
    if (s->n_packs == 0 || s->packs[s->n_packs - 1].n == PACK_MAX) {
        s->n_packs++;
    }
    struct pack *p = &s->packs[s->n_packs - 1];
    s->draws[s->n_draws++] = (struct draw){.pack = p, .bit = 1u << p->n};
    p->splits[p->n] = split;
    p->columns[p->n++] = column;
}

static int add_packs(struct tree_search *s, struct mrc_err *err)
{
    for (uint32_t i = 0; i < s->n_packs; i++) {
        struct pack *p = &s->packs[i];
        p->bits = calloc(s->pool->n, 1);
        if (!p->bits) {
            return no_memory(err);
        }
        for (uint32_t k = 0; k < p->n; k++) {
            for (size_t row = 0; row < s->pool->n; row++) {
                bool yes = split_test(&p->splits[k], column_at(&p->columns[k], row));
                p->bits[row] = (uint8_t)(p->bits[row] | yes << k);
            }
        }
        struct candidate c = {
            .pack = p, .column = {.u8 = p->bits, .stride = 1}, .n_bins = 1u << p->n, .n_splits = p->n};
        MRC_TRY(add_column(s, c, err));
    }
    return MRC_OK;
}

/* Columns that every tree may split, in CatBoost's order: floats, one-hots, packs of those with two values, statistics.
 */
int tree_add_fixed(struct tree_search *s, struct mrc_err *err)
{
    const struct pool *pool = s->pool;
    for (uint32_t k = 0; k < pool->n_floats; k++) {
        uint32_t borders = pool->grids[k].n_borders;
        struct candidate c = {.kind = SPLIT_FLOAT, .feature = k, .column = pool->floats[k], .n_bins = borders + 1};
        c.n_splits = borders;
        if (borders == 1) {
            add_member(s, (struct split){.kind = SPLIT_FLOAT, .feature = k}, c.column);
        } else if (borders > 1) {
            MRC_TRY(add_column(s, c, err));
        }
    }
    for (uint32_t k = 0; k < pool->n_cats; k++) {
        const struct cat_column *cat = &pool->cats[k];
        struct candidate c = {.kind = SPLIT_ONE_HOT, .feature = k, .column = cat->bins, .n_bins = cat->n_ids};
        c.n_splits = cat->n_ids;
        if (cat->bins.u8 && cat->n_ids == 2) {
            add_member(s, (struct split){.kind = SPLIT_ONE_HOT, .feature = k, .bin = 1}, c.column);
        } else if (cat->bins.u8) {
            MRC_TRY(add_column(s, c, err));
        } else if (cat->n_ids > 1 && s->stats && s->params->max_ctr_complexity > 0) {
            s->eligible[s->n_eligible++] = k;
        }
    }
    MRC_TRY(add_packs(s, err));
    for (uint32_t i = 0; i < s->n_eligible; i++) {
        struct key_members only = {.n_cats = 1, .cats = &s->eligible[i]};
        MRC_TRY(stats_projection(s->stats, &only, &s->simple_projection[i], err));
        MRC_TRY(add_statistics(s, s->simple_projection[i], err));
    }
    s->n_fixed_candidates = s->n_candidates;
    s->n_fixed_groups = s->n_groups;
    return MRC_OK;
}

/* Splits by (kind: floats first, feature, bin), as projections want them. */
static int compare_splits(const void *a, const void *b)
{
    const struct split *x = a, *y = b;
    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }
    if (x->feature != y->feature) {
        return x->feature < y->feature ? -1 : 1;
    }
    return (x->bin > y->bin) - (x->bin < y->bin);
}

struct base {
    uint32_t n_cats, n_splits;
    uint32_t cats[16];
    struct split splits[TREE_DEPTH_MAX];
};

/* base plus a categorical column: false when it has it, or would be more complex than allowed. */
static bool extend(const struct base *base, uint32_t cat, int64_t complexity, struct base *out)
{
    if (base->n_cats + 1 + (base->n_splits > 0) > complexity || base->n_cats + 1 > 16) {
        return false;
    }
    *out = *base;
    uint32_t at = 0;
    while (at < out->n_cats && out->cats[at] < cat) {
        at++;
    }
    if (at < out->n_cats && out->cats[at] == cat) {
        return false;
    }
    memmove(out->cats + at + 1, out->cats + at, (out->n_cats - at) * sizeof(*out->cats));
    out->cats[at] = cat;
    out->n_cats++;
    return true;
}

/* What this tree's statistics may be built on: its plain splits as one, and the projection of each statistic in it. */
static uint32_t collect_bases(const struct tree_search *s, const struct tree *tree, struct base *bases)
{
    uint32_t n = 0;
    struct base plain = {0};
    for (uint32_t i = 0; i < tree->depth; i++) {
        if (tree->splits[i].kind != SPLIT_CTR) {
            plain.splits[plain.n_splits++] = tree->splits[i];
        }
    }
    qsort(plain.splits, plain.n_splits, sizeof(plain.splits[0]), compare_splits);
    if (plain.n_splits > 0) {
        bases[n++] = plain;
    }
    for (uint32_t i = 0; i < tree->depth; i++) {
        if (tree->splits[i].kind != SPLIT_CTR) {
            continue;
        }
        bool seen = false;
        for (uint32_t k = 0; k < i; k++) {
            seen = seen || (tree->splits[k].kind == SPLIT_CTR && tree->splits[k].feature == tree->splits[i].feature);
        }
        if (!seen) {
            const struct key_members *p = &s->stats->projections[tree->splits[i].feature].members;
            struct base *b = &bases[n++];
            *b = (struct base){.n_cats = p->n_cats, .n_splits = p->n_splits};
            memcpy(b->cats, p->cats, p->n_cats * sizeof(*p->cats));
            memcpy(b->splits, p->splits, p->n_splits * sizeof(*p->splits));
        }
    }
    return n;
}

void tree_drop_combined(struct tree_search *s)
{
    for (uint32_t i = s->n_fixed_candidates; i < s->n_candidates; i++) {
        free(s->candidates[i].hist);
        free(s->candidates[i].scores);
    }
    s->n_candidates = s->n_fixed_candidates;
    s->n_groups = s->n_fixed_groups;
}

/* Is the projection among the combined groups of this tree? Its group, or n_groups. */
static uint32_t find_group(const struct tree_search *s, uint32_t projection)
{
    for (uint32_t g = s->n_fixed_groups; g < s->n_groups; g++) {
        if (s->candidates[s->groups[g].begin].feature == projection) {
            return g;
        }
    }
    return s->n_groups;
}

/* Combined statistics of this level. Those of earlier levels are kept: their bases are still in the tree, except that
 * the plain splits have become more. */
static int add_combined(struct tree_search *s, const struct tree_task *task, const struct tree *tree,
                        struct mrc_err *err)
{
    struct base bases[TREE_DEPTH_MAX + 1], wider;
    uint32_t n = collect_bases(s, tree, bases);
    for (uint32_t g = s->n_fixed_groups; g < s->n_groups; g++) {
        s->groups[g].is_live = false;
    }
    for (uint32_t b = 0; b < n; b++) {
        for (uint32_t i = 0; i < s->n_eligible; i++) {
            bool drawn = random_real(task->random) <= s->params->rsm;
            if (!drawn || !extend(&bases[b], s->eligible[i], s->params->max_ctr_complexity, &wider)) {
                continue;
            }
            struct key_members members = {wider.n_cats, wider.n_splits, wider.cats, wider.splits};
            uint32_t projection;
            MRC_TRY(stats_projection(s->stats, &members, &projection, err));
            uint32_t g = find_group(s, projection);
            if (g == s->n_groups) {
                MRC_TRY(add_statistics(s, projection, err));
            }
            if (g < s->n_groups) {
                s->groups[g].is_live = true;
            }
        }
    }
    return MRC_OK;
}

static bool is_statistic(const struct candidate *c)
{
    return !c->pack && c->kind == SPLIT_CTR;
}

/* Mark who is live, and compute the statistics that are: all at once, as each takes a walk over the rows. */
static int take_columns(struct tree_search *s, const struct tree_task *task, struct mrc_err *err)
{
    uint32_t n = 0;
    struct stat_need *needs = malloc(((size_t)s->n_groups + 1) * sizeof(*needs));
    if (!needs) {
        return no_memory(err);
    }
    for (uint32_t g = 0; g < s->n_groups; g++) {
        const struct candidate *first = &s->candidates[s->groups[g].begin];
        for (uint32_t c = s->groups[g].begin; c < s->groups[g].end; c++) {
            s->candidates[c].is_live = s->groups[g].is_live;
        }
        if (s->groups[g].is_live && is_statistic(first)) {
            needs[n++] = (struct stat_need){first->feature, task->order};
        }
    }
    int rc = n > 0 ? stats_compute(s->stats, needs, n, s->threads, err) : MRC_OK;
    free(needs);
    for (uint32_t c = 0; rc == MRC_OK && c < s->n_candidates; c++) {
        struct candidate *k = &s->candidates[c];
        if (k->is_live && is_statistic(k)) {
            k->column = stats_column(s->stats, k->feature, k->ctr, task->order);
        }
    }
    return rc;
}

/* Who takes part in this level; random draws as CatBoost makes them. */
int tree_draw_candidates(struct tree_search *s, const struct tree_task *task, const struct tree *tree,
                         struct mrc_err *err)
{
    for (uint32_t i = 0; i < s->n_packs; i++) {
        s->packs[i].live = 0;
    }
    for (uint32_t i = 0; i < s->n_draws; i++) {
        bool live = random_real(task->random) <= s->params->rsm;
        if (s->draws[i].pack) {
            s->draws[i].pack->live |= live ? s->draws[i].bit : 0;
        } else {
            s->groups[s->draws[i].group].is_live = live;
        }
    }
    for (uint32_t g = 0; g < s->n_fixed_groups; g++) {
        const struct candidate *first = &s->candidates[s->groups[g].begin];
        if (first->pack) {
            s->groups[g].is_live = first->pack->live != 0;
        } else if (first->kind == SPLIT_CTR) {
            s->groups[g].is_live = random_real(task->random) <= s->params->rsm;
        }
    }
    if (s->n_eligible > 0) { /* draws numbers even where no combination is allowed */
        MRC_TRY(add_combined(s, task, tree, err));
    }
    return take_columns(s, task, err);
}
