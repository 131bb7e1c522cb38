/* Target statistics of categories (CatBoost's CTRs): ordered columns for training, tables for the model.
 *
 * A projection is what a statistic's key is made of: categorical columns, perhaps with splits of the tree at hand. Each
 * projection carries a list of statistics (type x target border x prior), the same for all simple projections and for
 * all combined ones. A column is computed along a fold's order: a row never sees its own target or a later one's. */
#ifndef MRC_TRAIN_TARGET_STATS_H
#define MRC_TRAIN_TARGET_STATS_H

#include "train/stat_keys.h"

struct stat {
    enum ctr_type type;
    uint32_t classifier; /* 0: none (Counter); else 1 + index into classifiers */
    uint32_t target_border;
    float prior, shift, norm;
    uint32_t border_count; /* bins - 1 */
};

/* Borders that turn the target into classes. */
struct classifier {
    uint32_t n_borders;
    float *borders;
    uint8_t *classes; /* [n] class of each learn row */
};

struct stat_list {
    uint32_t n;
    struct stat *stats;
};

struct stat_projection {
    struct key_members members; /* n_cats 0: the place is free */
    const struct stat_list *list;
    struct stat_keys keys; /* ids NULL until computed; n is kept when they are forgotten */
    uint32_t used_types;   /* bit per ctr_type: a split of the model has it */
    uint8_t **bins;        /* [n_orders][n][list->n] or NULL until computed */
    uint8_t *eval_bins;    /* [n_eval][list->n] or NULL */
};

struct target_stats {
    const struct pool *learn, *eval; /* eval may be NULL */
    const uint32_t *const *orders;   /* [n_orders] row numbers in a fold's order; NULL = 0, 1, 2, … */
    uint32_t n_orders;
    uint32_t n_classifiers;
    struct classifier *classifiers;
    struct stat_list simple, combined;
    uint32_t n_projections, capacity;
    struct stat_projection *projections;
};

/* Prepare for a learn set. n_classes > 0: the target is a class number (MultiClass) and its borders are 0.5, 1.5, …;
 * otherwise borders are chosen. orders and pools are borrowed. MRC_ENOMEM. */
int stats_init(struct target_stats *s, const struct pool *learn, const struct pool *eval, const struct params *params,
               uint32_t n_classes, const uint32_t *const *orders, uint32_t n_orders, struct mrc_err *err) MRC_CHECKED;
void stats_release(struct target_stats *s);

/* The projection of these members, made when it is new; *out is its number, which holds while the model uses it or
 * until stats_forget_columns. */
int stats_projection(struct target_stats *s, const struct key_members *members, uint32_t *out,
                     struct mrc_err *err) MRC_CHECKED;

/* Columns of a projection along an order, or those of the eval set: statistics of the whole learn set. */
#define STATS_EVAL UINT32_MAX
struct stat_need {
    uint32_t projection, order;
};
/* Compute keys and columns that are not there yet, several at a time. They do not depend on the number of threads. */
int stats_compute(struct target_stats *s, const struct stat_need *needs, uint32_t n, int threads,
                  struct mrc_err *err) MRC_CHECKED;
/* The column of a statistic, after stats_compute. */
struct column stats_column(const struct target_stats *s, uint32_t projection, uint32_t stat, uint32_t order);
/* Free keys and columns of combined projections, and the places of those that the model does not use. */
void stats_forget_columns(struct target_stats *s);

/* Table of a projection for the model, in its arena: keys by first appearance, counts over the whole learn set. */
int stats_table(const struct target_stats *s, uint32_t projection, const struct stat *stat, struct arena *a,
                struct ctr_table *out, struct mrc_err *err) MRC_CHECKED;

#endif
