/* The scoring loops for processors with AVX-512. */
#include "train/histogram_lanes.h"

HISTOGRAM_KERNELS(histogram_avx512);
