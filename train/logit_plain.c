/* The loops of Logloss for any processor. */
#include "train/logit_lanes.h"

LOGIT_KERNELS(logit_plain);
