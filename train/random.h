/* CatBoost's random generator (two 32-bit permuted congruential streams), so that trees can be the same as its own.
 *
 * Not for secrets. A struct random is a value: copy it to fork the stream. */
#ifndef MRC_TRAIN_RANDOM_H
#define MRC_TRAIN_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state[2], step[2];
    uint64_t calls; /* outputs so far: seed and calls name a position in the stream */
};

void random_init(struct random *r, uint64_t seed);
/* Seeded, with the first outputs skipped: the form used for noise and sampling by block. */
void random_init_skip(struct random *r, uint64_t seed, unsigned skip);
uint64_t random_next(struct random *r);
/* Leave out the next n outputs, in time that grows with log n: where a part of the stream can start on its own. */
void random_skip(struct random *r, uint64_t n);
/* In [0, 1], both ends possible. */
double random_real(struct random *r);
/* Of the next n of them: 1 for one below limit, else 0. */
void random_hits(struct random *r, size_t n, double limit, uint8_t *out);
/* In [0, bound), without bias; bound > 0. */
uint64_t random_below(struct random *r, uint64_t bound);
/* Standard normal; takes two reals per try and gives one value. */
double random_normal(struct random *r);
/* The same draw, its value only worked out when it may be above limit: false when it certainly is not. */
bool random_normal_above(struct random *r, double limit, double *out);
/* Fisher-Yates from the front. */
void random_shuffle(struct random *r, uint32_t *v, size_t n);

#endif
