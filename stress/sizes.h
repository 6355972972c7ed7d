/* sizes.h: the size classes, from the documents alone and not from the library's table: multiples
 * of 16 up to 128, four a doubling up to 1 KiB, eight a doubling beyond; from 3.75 MiB on, blocks
 * are huge. What the library does is compared with this. And the sizes that hurt: those at
 * boundaries. */
#ifndef STRESS_SIZES_H
#define STRESS_SIZES_H

#include "rng.h"

#include <stddef.h>

enum { SIZES_SMALL_MAX = 32 << 10, SIZES_LARGE_MAX = 3840 << 10, SIZES_CHUNK = 4 << 20 };

/* The class of a size up to SIZES_LARGE_MAX: the smallest class that holds it. */
static inline size_t sizes_class(size_t size)
{
    if (size <= 128)
        return size == 0 ? 16 : (size + 15) / 16 * 16;
    size_t doubling = 128;
    while (doubling * 2 < size)
        doubling *= 2;
    size_t step = doubling / (doubling < 1024 ? 4 : 8);
    return (size + step - 1) / step * step;
}

/* The class behind a class. */
static inline size_t sizes_next_class(size_t class_bytes)
{
    return sizes_class(class_bytes + 1);
}

/* A size as programs ask for, with the boundaries far more often than they do. */
static inline size_t sizes_draw(struct rng *rng)
{
    uint64_t kind = rng_below(rng, 100);
    int64_t around = (int64_t)rng_below(rng, 3) - 1;
    if (kind < 40) /* small, any decade as often as any other */
        return (size_t)rng_log(rng, 13);
    if (kind < 70) /* around a class boundary */
        return (size_t)((int64_t)sizes_class((size_t)rng_log(rng, 16)) + around);
    if (kind < 86) /* around a multiple of the page */
        return (size_t)((int64_t)(4096 * (1 + rng_below(rng, 16))) + around);
    if (kind < 90) /* around the ends of large, and parts of a chunk */
        return (size_t)((int64_t)(SIZES_CHUNK >> rng_below(rng, 6)) + around -
                        (int64_t)(4096 * rng_below(rng, 3)));
    if (kind < 99) /* large */
        return SIZES_SMALL_MAX + (size_t)rng_log(rng, 20);
    return SIZES_LARGE_MAX + (size_t)rng_below(rng, 12 << 20); /* huge */
}

#endif
