/* What `publish` and `fit --mlflow` share: the options of an MLflow server, the gate, the sequence, the last line. */
#ifndef MRC_TRAIN_PUBLISH_H
#define MRC_TRAIN_PUBLISH_H

#include "common/base/err.h"

#include <stdbool.h>

struct publish_job {
    const char *bundle;                     /* folder */
    const char *url;                        /* of MLflow */
    const char *experiment, *model, *alias; /* NULL: the model's name, the bundle's name, none */
    int64_t started_ms;                     /* of the training, 0: not known */
    /* Move the alias only when the bundle is better than the version it names, on films of this CSV that neither of
     * them learnt from. NULL: no condition. */
    const char *judge_data;
    bool quiet;
};
/* Publish, and print {"run_id","version"} as the last line of stdout. Credentials come from MLFLOW_TRACKING_USERNAME,
 * _PASSWORD, _TOKEN. The work may be interrupted at any moment and begun again. */
int publish_run(const struct publish_job *job, struct mrc_err *err) MRC_CHECKED;

/* Is the bundle better than the champion, by RMSE of log10 on films released after what both have learnt from?
 * MRC_EFORMAT when there are none. */
struct bundle;
int publish_judge(const struct bundle *challenger, const struct bundle *champion, const char *csv, bool *better,
                  struct mrc_err *err) MRC_CHECKED;

/* Commit of the repository around the working directory, 40 hexadecimal digits; "" when there is none. */
void git_commit(char out[65]);

#endif
