/* bits.h: single-word arithmetic. */
#ifndef ASHLAR_UTIL_BITS_H
#define ASHLAR_UTIL_BITS_H

#include "common.h"

/* Index of the lowest set bit; x != 0. */
INLINE unsigned bits_lowest(uint64_t x)
{
    return (unsigned)__builtin_ctzll(x);
}

/* floor(log2(x)); x != 0. */
INLINE unsigned bits_lg_floor(uint64_t x)
{
    return 63u - (unsigned)__builtin_clzll(x);
}

INLINE unsigned bits_count(uint64_t x)
{
    return (unsigned)__builtin_popcountll(x);
}

INLINE bool bits_is_pow2(uint64_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

/* A mix of all bits (the finaliser of splitmix64, Steele et al. 2014): hashes serials to priorities. */
INLINE uint64_t bits_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

#endif
