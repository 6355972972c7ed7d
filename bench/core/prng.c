/* prng.c: seeds the generators and makes the draws that are too slow for a timed loop. See prng.h.
 */
#include "prng.h"

#include <math.h>

uint64_t splitmix64(uint64_t *state)
{
    uint64_t word = *state += 0x9E3779B97F4A7C15u;
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9u;
    word = (word ^ word >> 27) * 0x94D049BB133111EBu;
    return word ^ word >> 31;
}

void prng_seed(struct prng *prng, uint64_t seed, unsigned thread)
{
    uint64_t state = seed ^ thread * (uint64_t)0x9E3779B97F4A7C15u;
    for (int i = 0; i < 4; i++) {
        prng->state[i] = splitmix64(&state);
    }
}

uint64_t prng_uniform(struct prng *prng, uint64_t lo, uint64_t hi)
{
    /* The product of two 64-bit words keeps the bias below 2^-32 for every size we draw. */
    return lo + (uint64_t)((unsigned __int128)prng_next(prng) * (hi - lo) >> 64);
}

uint64_t prng_log_uniform(struct prng *prng, uint64_t lo, uint64_t hi)
{
    const double unit = (double)(prng_next(prng) >> 11) * 0x1p-53;
    const double low = (double)lo;
    const uint64_t draw = (uint64_t)(low * exp(unit * log((double)hi / low)));
    /* Rounding of exp() may step over an end. */
    return draw < lo ? lo : draw >= hi ? hi - 1 : draw;
}
