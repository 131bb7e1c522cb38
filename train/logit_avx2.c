/* The loops of Logloss for processors with AVX2. */
#include "train/logit_lanes.h"

LOGIT_KERNELS(logit_avx2);
