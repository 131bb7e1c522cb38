/* Choosing a kernel. */
#include "train/logit.h"

const struct logit_kernels *logit_kernels(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
        return &logit_avx512;
    }
    if (__builtin_cpu_supports("avx2")) {
        return &logit_avx2;
    }
#endif
    return &logit_plain;
}
