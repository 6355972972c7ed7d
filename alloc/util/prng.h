/* prng.h: splitmix64 (Steele, Lea, Flood 2014), one word of state. Used for sampling intervals only,
 * so its quality is ample and its state fits beside the counters of a thread. */
#ifndef ASHLAR_UTIL_PRNG_H
#define ASHLAR_UTIL_PRNG_H

#include "bits.h"

INLINE uint64_t prng_next(uint64_t *state)
{
    return bits_mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

/* A double in (0, 1], never 0, so that its logarithm is finite. */
INLINE double prng_unit(uint64_t *state)
{
    return (double)((prng_next(state) >> 11) + 1) * 0x1p-53;
}

/* ln(x) for a finite x > 0, to about 1e-12: x = m * 2^e with m in [sqrt(1/2), sqrt(2)), and
 * ln(m) = 2 atanh((m - 1) / (m + 1)) by its series. Here so that the library needs no libm. */
INLINE double prng_ln(double x)
{
    union {
        double d;
        uint64_t u;
    } bits = {x};
    int e = (int)(bits.u >> 52) - 1023;
    bits.u = (bits.u & UINT64_C(0xfffffffffffff)) | UINT64_C(1023) << 52;
    if (bits.d > 1.4142135623730951) {
        bits.d *= 0.5;
        e++;
    }
    double z = (bits.d - 1) / (bits.d + 1), z2 = z * z, term = z, sum = 0;
    for (int k = 1; k < 30; k += 2) {
        sum += term / k;
        term *= z2;
    }
    return 2 * sum + e * 0.6931471805599453;
}

/* Blocks of `size` bytes until the next sample, 1 or more, when each byte is sampled with probability
 * 2^-lg_mean: a geometric draw, so that a block is sampled with probability 1 - exp(-size / mean)
 * independently of all others. At most 2^30. */
INLINE uint32_t prng_sample_interval(uint64_t *state, size_t size, unsigned lg_mean)
{
    double blocks = -prng_ln(prng_unit(state)) * (double)((uint64_t)1 << lg_mean) / (double)size;
    return blocks < 0x1p30 ? (uint32_t)blocks + 1 : (uint32_t)1 << 30;
}

#endif
