/* The scoring loops for any processor. */
#include "train/histogram_lanes.h"

HISTOGRAM_KERNELS(histogram_plain);
