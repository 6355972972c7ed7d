/* rng.h: random numbers that are a function of (seed, thread, step).
 *
 * Each step of a thread starts from its own number, so that a step can be repeated without those
 * before it, and a draw more in one step moves no other. The mixer is splitmix64's finaliser.
 */
#ifndef STRESS_RNG_H
#define STRESS_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state; /* advanced by the golden ratio at each draw */
};

static inline uint64_t mix64(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static inline struct rng rng_at(uint64_t seed, uint64_t thread, uint64_t step)
{
    uint64_t start = mix64(seed + UINT64_C(0x9e3779b97f4a7c15));
    return (struct rng){mix64(mix64(start ^ thread * UINT64_C(0xd1342543de82ef95)) ^ step)};
}

static inline uint64_t rng_next(struct rng *rng)
{
    return mix64(rng->state += UINT64_C(0x9e3779b97f4a7c15));
}

/* A number below `bound`, which is not 0. The bias is below bound / 2^64. */
static inline uint64_t rng_below(struct rng *rng, uint64_t bound)
{
    return rng_next(rng) % bound;
}

/* A number of 1 to 2^lg_max whose logarithm is uniform: small sizes as often as large ones. */
static inline uint64_t rng_log(struct rng *rng, unsigned lg_max)
{
    uint64_t lg = rng_below(rng, lg_max);
    return ((uint64_t)1 << lg) + rng_below(rng, (uint64_t)1 << lg);
}

#endif
