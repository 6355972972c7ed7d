/* chance.h: seeded random numbers and a hash, so that a run's order can be repeated from its seed.
 *
 * A stream is made from the run's seed and the numbers of what it is for (block, cell), never from
 * how much was drawn before: a resumed run draws the same order as one that was not interrupted.
 */
#ifndef ASHLAR_BASE_CHANCE_H
#define ASHLAR_BASE_CHANCE_H

#include <stddef.h>
#include <stdint.h>

struct chance {
    uint64_t state; /* of splitmix64 */
};

struct chance chance_for(uint64_t seed, uint64_t first, uint64_t second);
uint64_t chance_next(struct chance *chance);

/* Uniform in [0, bound); bound > 0. */
uint64_t chance_below(struct chance *chance, uint64_t bound);

/* Writes a uniformly drawn permutation of 0..count-1. */
void chance_permutation(struct chance *chance, size_t *order, size_t count);

/* A seed from the kernel. */
uint64_t chance_fresh_seed(void);

/* FNV-1a, 64 bit: names a text, guards nothing against malice. */
uint64_t hash_text(const char *text);

#endif
