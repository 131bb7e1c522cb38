/* What the files of the structure search share: the columns that may be split (tree_candidates.c), their histograms and
 * scores (tree_level.c), the choice (tree.c). For those only. */
#ifndef MRC_TRAIN_TREE_SEARCH_H
#define MRC_TRAIN_TREE_SEARCH_H

#include "train/histogram.h"
#include "train/leaf_rows.h"
#include "train/row_leaves.h"
#include "train/tree.h"

enum { NO_LEVEL = -1 };
enum { PACK_MAX = 8 };

/* Up to eight columns with two bins each, their bits side by side in one column of bytes: one histogram serves them
 * all. As in CatBoost they compete among themselves first, with one number of noise for the winner. */
struct pack {
    uint32_t n;
    struct split splits[PACK_MAX];
    struct column columns[PACK_MAX];
    uint8_t *bits; /* [rows] */
    uint32_t live; /* bit per member: takes part in this level */
};

/* One number of rsm: a group, or a member of a pack, in the order in which CatBoost draws them. */
struct draw {
    uint32_t group;
    struct pack *pack; /* not NULL: the member with this bit instead */
    uint32_t bit;
};

/* One column that may be split. */
struct candidate {
    const struct pack *pack; /* or NULL */
    enum split_kind kind;
    uint32_t feature, ctr;
    struct column column;
    uint32_t n_bins, n_splits;
    double *hist; /* [leaves of the level before the last][n_bins][dim + 1], or NULL when memory does not allow to keep
                     it */
    int hist_level; /* level whose leaves hist has, or NO_LEVEL */
    size_t part_at; /* its first place in tree_search.parts */
    double *scores; /* [n_splits] of this level, without noise */
    double top;     /* the largest of them */
    uint32_t group;
    double draw; /* noise that the column's score gets among columns */
    double best_score;
    uint32_t best_bin;
    bool is_live; /* takes part in this level */
};

/* Candidates drawn together: a column, or all statistics of a projection. */
struct group {
    uint32_t begin, end;
    bool is_live, is_picked; /* picked: its members know their best split under noise */
    uint32_t rank;           /* among the live groups: names its generator of noise */
};

/* Candidates whose histograms one thread makes together. */
struct job {
    uint32_t begin, end; /* in live */
    int owner;           /* thread */
    bool taken;          /* by it or by one that had nothing left to do */
};

/* Memory of one thread; hist: two histograms a column, when they are not kept. */
struct scratch {
    double *num[BLOCK_COLUMNS], *den[BLOCK_COLUMNS], *hist[2 * BLOCK_COLUMNS], *memory;
};

/* A live candidate and the most it can gain. */
struct bound {
    double gain;
    uint32_t candidate;
};

struct tree_search {
    const struct pool *pool;
    struct target_stats *stats;
    const struct params *params;
    uint32_t dim;
    int threads;
    double l2;

    uint32_t n_candidates, candidate_capacity, n_groups, group_capacity;
    uint32_t n_fixed_candidates, n_fixed_groups; /* those that every tree has: floats, one-hots, simple statistics */
    struct candidate *candidates;
    struct group *groups;
    uint32_t n_packs, n_draws;
    struct pack *packs;
    struct draw *draws;             /* [floats + cats] */
    uint32_t n_eligible, *eligible; /* categorical columns with statistics */
    uint32_t *simple_projection;    /* [n_eligible] */
    bool keep_histograms;
    struct scratch *scratch; /* [threads] */
    const struct histogram_kernels *kernels;
    double *parts[LEAF_ROWS_PARTS]; /* [part_room] histograms of this level, summed over a part of the rows */
    size_t part_room;
    bool in_parts;
    uint32_t n_live, live_capacity, n_jobs;
    uint32_t *live;       /* candidates of this level */
    struct job *jobs;     /* [n_jobs] */
    struct bound *bounds; /* [n_live] */
    uint64_t noise_seed;
    struct leaf_rows rows;
    size_t n_sampled;         /* rows of the tree */
    struct row_leaves leaves; /* of the tree, when known */
    bool leaves_known;
};

/* Columns that every tree may split; once. MRC_ENOMEM. */
int tree_add_fixed(struct tree_search *s, struct mrc_err *err) MRC_CHECKED;
/* Forget the combined statistics of the tree before. */
void tree_drop_combined(struct tree_search *s);
/* Who takes part in this level, their columns ready to read. MRC_ENOMEM. */
int tree_draw_candidates(struct tree_search *s, const struct tree_task *task, const struct tree *tree,
                         struct mrc_err *err) MRC_CHECKED;
/* Histograms of which leaves are kept: those of the level before the last. */
size_t tree_kept_leaves(const struct params *p);
/* Scores of all that take part in the level. MRC_ENOMEM. */
int tree_score_level(struct tree_search *s, const struct tree_task *task, uint32_t level,
                     struct mrc_err *err) MRC_CHECKED;

#endif
