/* Gradient boosting of oblivious trees as CatBoost does it on a CPU: the same trees where it is deterministic.
 *
 *     struct boost_report report;
 *     mrc_model *model;
 *     if (boost_fit(learn, NULL, &params, NULL, &model, &report, &err) < 0) …
 *     boost_report_release(&report);
 *     mrc_model_free(model);
 *
 * The result depends on data and parameters only: not on the number of threads, the host or the clock. */
#ifndef MRC_TRAIN_BOOST_H
#define MRC_TRAIN_BOOST_H

#include "common/trees/mercredi.h"
#include "train/dataset.h"
#include "train/params.h"

/* After each tree. Called by the thread that called boost_fit. */
struct boost_step {
    uint32_t iteration;  /* from 0 */
    uint32_t iterations; /* asked for */
    double learn_loss;   /* of the training loss as a metric: RMSE is the root, Logloss the mean, … */
    double eval_loss;    /* the same of the eval set; NaN without one */
    double eval_metric;  /* the eval metric when it is not the loss, else NaN */
    uint32_t best_iteration;
    double seconds; /* since boost_fit began */
};

struct boost_progress {
    /* false: stop here; the trees so far are the model. NULL: never called. */
    bool (*step)(const struct boost_step *step, void *arg);
    void *arg;
    /* The data are quantised: boost_fit reads the values of their feature columns no more, so that the caller may give
     * them back (dataset_drop_values). Called once; NULL: never. */
    void (*quantised)(void *arg);
};

struct boost_report {
    uint32_t n_iterations;   /* trees built, before cutting to the best */
    uint32_t n_trees;        /* trees of the model */
    uint32_t best_iteration; /* of the eval set, from 0; n_iterations - 1 without one */
    double *learn_loss;      /* [n_iterations] */
    double *eval_loss;       /* [n_iterations], NULL without an eval set */
    double *eval_metric;     /* [n_iterations], NULL without one or when it is the loss */
    double seconds;          /* quantisation to the last tree */
    bool cancelled, stopped_early;
};
void boost_report_release(struct boost_report *r);

/* Train. eval: NULL, or data with the same feature columns for early stopping and the best model. progress may be NULL.
 * *model is the caller's (mrc_model_free); its flat features are the columns of learn, its "params" metadata hold the
 * resolved parameters. *report (may be NULL) is filled on success.
 * MRC_EINVAL: a parameter; MRC_EFORMAT: the data (no or constant target, no usable feature, all weights 0, a target the
 * loss does not allow); MRC_EUNSUPPORTED; MRC_ENOMEM. */
int boost_fit(const struct dataset *learn, const struct dataset *eval, const struct params *params,
              const struct boost_progress *progress, mrc_model **model, struct boost_report *report,
              struct mrc_err *err) MRC_CHECKED;

#endif
