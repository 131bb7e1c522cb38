/* The scoring loops for processors with AVX2. */
#include "train/histogram_lanes.h"

HISTOGRAM_KERNELS(histogram_avx2);
