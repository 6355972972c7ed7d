/* prng.h: the random streams of the workloads.
 *
 * One xoshiro256** generator a thread, seeded by splitmix64 from the run's seed and the thread's
 * number, so that a stream depends on --seed and --threads alone, never on an address or on timing.
 *
 * A draw of a uniform number costs about 1.5 ns and is done in the timed loop; a draw that costs
 * more than 2 ns (a logarithm, a list) is done before the timed part into a cyclic table:
 *
 *     sizes[0] sizes[1] ... sizes[TABLE_LEN - 1] -> sizes[0] ...      index & TABLE_MASK
 */
#ifndef ASHLAR_BENCH_PRNG_H
#define ASHLAR_BENCH_PRNG_H

#include <stddef.h>
#include <stdint.h>

/* 64 Ki entries: long enough that no cache remembers the whole order, short enough to stay in L2.
 */
#define TABLE_LEN ((size_t)1 << 16)
#define TABLE_MASK (TABLE_LEN - 1)

struct prng {
    uint64_t state[4]; /* never all zero: splitmix64 cannot give four zeros in a row */
};

static inline uint64_t rotate_left(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

/* The next 64 bits (xoshiro256**, Blackman and Vigna 2018). */
static inline uint64_t prng_next(struct prng *prng)
{
    uint64_t *s = prng->state;
    const uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    const uint64_t carried = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= carried;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Maps 32 random bits to [0, bound) by a multiplication; its bias is below bound / 2^32. */
static inline uint32_t scale_bits(uint32_t bits, uint32_t bound)
{
    return (uint32_t)((uint64_t)bits * bound >> 32);
}

/* One step of splitmix64: advances *state and returns a well mixed word. */
uint64_t splitmix64(uint64_t *state);

/* Starts the generator of one thread. */
void prng_seed(struct prng *prng, uint64_t seed, unsigned thread);

/* A number in [lo, hi), each as likely as the next. hi > lo. */
uint64_t prng_uniform(struct prng *prng, uint64_t lo, uint64_t hi);

/* A number in [lo, hi), each doubling as likely as the next. hi > lo > 0. */
uint64_t prng_log_uniform(struct prng *prng, uint64_t lo, uint64_t hi);

#endif
