/* The loops over rows, eight side by side. Included by one file for each width of vectors; every file gives the same
 * bits, as no operation is fused or reordered. */
#ifndef MRC_TRAIN_LOGIT_LANES_H
#define MRC_TRAIN_LOGIT_LANES_H

#include "train/logit.h"

#include <math.h>
#include <string.h>

typedef double lanes __attribute__((vector_size(64)));
typedef long long lanes_bits __attribute__((vector_size(64)));
typedef float lanes_float __attribute__((vector_size(32)));

/* e^x = 2^k e^r with |r| <= ln 2 / 2 (Cody and Waite), e^r by its Taylor series: the first term left out is below
 * 4e-18. Adding and taking away 1.5 * 2^52 rounds to a whole number, which is then in the low bits. */
static inline void exp_lanes(lanes *v)
{
    static const double inverse[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                                     1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                                     1.0 / 120,        1.0 / 24,        1.0 / 6,        0.5};
    const double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33, whole = 0x1.8p52;
    lanes x = *v, shifted = x * 0x1.71547652b82fep0 + whole, k = shifted - whole;
    lanes r = (x - k * ln2_high) - k * ln2_low, sum = (lanes){0} + inverse[0];
    for (size_t i = 1; i < sizeof(inverse) / sizeof(inverse[0]); i++) {
        sum = sum * r + inverse[i];
    }
    lanes e = (sum * (r * r) + r) + 1;
    lanes_bits power = ((lanes_bits)shifted + 1023) << 52;
    *v = e * (lanes)power;
}

static inline void bound(lanes *v)
{
    lanes x = *v, high = (lanes){0} + 708, low = -high;
    lanes_bits over = x > high, under = x < low;
    *v = (lanes)(((lanes_bits)x & ~(over | under)) | ((lanes_bits)high & over) | ((lanes_bits)low & under));
}

static void exponents(const double *x, size_t n, double *out)
{
    size_t i = 0;
    for (; i + LOGIT_LANES <= n; i += LOGIT_LANES) {
        lanes v;
        memcpy(&v, x + i, sizeof(v));
        bound(&v);
        exp_lanes(&v);
        memcpy(out + i, &v, sizeof(v));
    }
    if (i < n) {
        lanes v = {0};
        memcpy(&v, x + i, (n - i) * sizeof(*x));
        bound(&v);
        exp_lanes(&v);
        memcpy(out + i, &v, (n - i) * sizeof(*out));
    }
}

/* The logarithms are added as that of a product, which is kept between 1 and 2: its powers of two are counted apart. */
static void sums(const double *e, const float *t, size_t n, double f, struct logit_sums *out)
{
    lanes first = {0}, second = {0}, product = (lanes){0} + 1;
    const lanes_bits fraction = (lanes_bits){0} + 0xfffffffffffff, one = (lanes_bits)product;
    lanes_bits powers = {0};
    for (size_t i = 0; i < n; i += LOGIT_LANES) {
        lanes exponent;
        lanes_float target;
        memcpy(&exponent, e + i, sizeof(exponent));
        memcpy(&target, t + i, sizeof(target));
        lanes whole = exponent * f + 1, rest = 1 / whole, p = 1 - rest;
        first += __builtin_convertvector(target, lanes) - p;
        second -= p * rest;
        lanes_bits bits = (lanes_bits)(product * whole);
        powers += bits >> 52;
        product = (lanes)((bits & fraction) | one);
    }
    double all = 1;
    long long power = 0;
    for (int k = 0; k < LOGIT_LANES; k++) {
        all *= product[k];
        power += powers[k];
    }
    power -= (long long)n * 1023;
    *out = (struct logit_sums){
        .first = ((first[0] + first[1]) + (first[2] + first[3])) + ((first[4] + first[5]) + (first[6] + first[7])),
        .second =
            ((second[0] + second[1]) + (second[2] + second[3])) + ((second[4] + second[5]) + (second[6] + second[7])),
        .logs = (double)power * 0x1.62e42fefa39efp-1 + log(all)};
}

#define LOGIT_KERNELS(name) const struct logit_kernels name = {exponents, sums}

#endif
