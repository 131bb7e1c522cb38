/* CatBoost's random generator: two permuted congruential streams, seeded by a third. */
#include "train/random.h"

#include <math.h>

static const uint64_t MULTIPLIER = UINT64_C(6364136223846793005);

/* Advance a stream, then scramble: a rotation chosen by the top bits. */
static uint32_t stream_next(uint64_t *state, uint64_t step)
{
    uint64_t x = *state = *state * MULTIPLIER + step;
    uint32_t v = (uint32_t)(((x >> 18) ^ x) >> 27);
    uint32_t turn = (uint32_t)(x >> 59);
    return (v >> turn) | (v << ((32u - turn) & 31u));
}

static uint64_t seed_next64(uint64_t *state)
{
    uint64_t low = stream_next(state, 1);
    return low | (uint64_t)stream_next(state, 1) << 32;
}

void random_init(struct random *r, uint64_t seed)
{
    uint64_t x = seed;
    r->state[0] = seed_next64(&x);
    uint32_t sequence0 = stream_next(&x, 1);
    r->state[1] = seed_next64(&x);
    uint32_t sequence1 = stream_next(&x, 1);
    if (((sequence0 ^ sequence1) & 0x7fffffffu) == 0) { /* the two streams would be one */
        sequence1 = ~sequence1;
    }
    r->step[0] = 2 * (uint64_t)sequence0 + 1;
    r->step[1] = 2 * (uint64_t)sequence1 + 1;
    r->calls = 0;
}

void random_init_skip(struct random *r, uint64_t seed, unsigned skip)
{
    random_init(r, seed);
    for (unsigned i = 0; i < skip; i++) {
        random_next(r);
    }
}

/* n steps x -> a x + c are one step of the same form: squared for each binary digit of n (F. Brown, Random number
 * generation with arbitrary strides, 1994). */
void random_skip(struct random *r, uint64_t n)
{
    for (int k = 0; k < 2; k++) {
        uint64_t a = MULTIPLIER, c = r->step[k], all_a = 1, all_c = 0;
        for (uint64_t left = n; left > 0; left >>= 1) {
            if (left & 1) {
                all_a *= a;
                all_c = all_c * a + c;
            }
            c *= a + 1;
            a *= a;
        }
        r->state[k] = r->state[k] * all_a + all_c;
    }
    r->calls += n;
}

uint64_t random_next(struct random *r)
{
    uint64_t high = stream_next(&r->state[0], r->step[0]);
    uint64_t low = stream_next(&r->state[1], r->step[1]);
    r->calls++;
    return high << 32 | low;
}

static double real_of(uint64_t v)
{
    return (double)(v >> 11) / 9007199254740991.0;
}

double random_real(struct random *r)
{
    return real_of(random_next(r));
}

/* The least integer whose real is not below limit. */
static uint64_t first_not_below(double limit)
{
    if (!(limit > 0)) {
        return 0;
    }
    uint64_t top = UINT64_C(1) << 53, v = limit < 1 ? (uint64_t)(limit * 9007199254740991.0) : top;
    while (v > 0 && (double)(v - 1) / 9007199254740991.0 >= limit) {
        v--;
    }
    while (v < top && (double)v / 9007199254740991.0 < limit) {
        v++;
    }
    return v;
}

void random_hits(struct random *r, size_t n, double limit, uint8_t *out)
{
    uint64_t high = r->state[0], low = r->state[1], step0 = r->step[0], step1 = r->step[1]; /* in registers */
    uint64_t end = first_not_below(limit);
    for (size_t i = 0; i < n; i++) {
        uint64_t v = (uint64_t)stream_next(&high, step0) << 32;
        v |= stream_next(&low, step1);
        out[i] = v >> 11 < end;
    }
    r->state[0] = high;
    r->state[1] = low;
    r->calls += n;
}

uint64_t random_below(struct random *r, uint64_t bound)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t v;
    do {
        v = random_next(r);
    } while (v >= limit);
    return v % bound;
}

double random_normal(struct random *r)
{
    double a, square;
    do {
        a = 2 * random_real(r) - 1;
        double b = 2 * random_real(r) - 1;
        square = a * a + b * b;
    } while (square > 1 || square <= 0);
    return a * sqrt(-2 * log(square) / square);
}

bool random_normal_above(struct random *r, double limit, double *out)
{
    double a, square;
    do {
        a = 2 * random_real(r) - 1;
        double b = 2 * random_real(r) - 1;
        square = a * a + b * b;
    } while (square > 1 || square <= 0);
    if (limit > 0) {
        /* -ln s < ln 2 times the number of halvings from 1 that pass s; compared without root or division, with room
         * for rounding */
        int exponent;
        frexp(square, &exponent);
        double most = a * a * 2 * 0.6931471805599454 * (1 - exponent);
        if (a <= 0 || most < limit * limit * square * 0.999999) {
            return false;
        }
    }
    *out = a * sqrt(-2 * log(square) / square);
    return true;
}

void random_shuffle(struct random *r, uint32_t *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        size_t j = (size_t)random_below(r, i + 1);
        uint32_t t = v[i];
        v[i] = v[j];
        v[j] = t;
    }
}
