/* The loops of Logloss for processors with AVX-512. */
#include "train/logit_lanes.h"

LOGIT_KERNELS(logit_avx512);
