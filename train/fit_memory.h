/* How much memory training will take, told before it starts. */
#ifndef MRC_TRAIN_FIT_MEMORY_H
#define MRC_TRAIN_FIT_MEMORY_H

#include "train/dataset.h"
#include "train/params.h"

/* Bytes that boost_fit takes at its peak beside the data sets, as near as can be told without quantising: rows,
 * columns, trees and histograms are known, combined statistics and their tables are guessed from above. params:
 * resolved. eval may be NULL; outputs: of the model. */
double fit_memory(const struct dataset *learn, const struct dataset *eval, const struct params *params,
                  uint32_t outputs);
/* Bytes of the data set itself. */
double dataset_memory(const struct dataset *d);
/* MRC_ENOMEM when both together are more than params->memory_max allows (0: any amount). */
int fit_memory_check(const struct dataset *learn, const struct dataset *eval, const struct params *params,
                     uint32_t outputs, struct mrc_err *err) MRC_CHECKED;

#endif
