/* size_class.h: which sizes exist. Multiples of 16 up to 128, then four classes a doubling:
 *
 *     16 32 48 64 80 96 112 128 | 160 192 224 256 | 320 384 448 512 | ... | 14336    small: in runs
 *     16384 20480 24576 28672 32768 | ... | 3670016                                  large: a run each
 *     beyond                                                                         huge: in chunks
 *
 * Internal waste is 20 % at most above 128 bytes. A run of a small class has a power of two of regions
 * and no tail: every class is m * 2^k with m in {1, 3, 5, 7}, and its run is m * 2^j pages. So a run
 * has no address that the interior check of free would take for a region but that is none.
 *
 * region index = offset * reciprocal >> 32, and offset is a multiple of the size if and only if the
 * low 32 bits of that product are below the reciprocal; reciprocal = ceil(2^32 / size). Both hold for
 * offsets below 2^17 and sizes to 14336 (size_class_check tries every offset of every run).
 */
#ifndef ASHLAR_UTIL_SIZE_CLASS_H
#define ASHLAR_UTIL_SIZE_CLASS_H

#include "bits.h"
#include "config.h"

#define SMALL_CLASSES 35u  /* 16 .. 14336 */
#define CACHED_CLASSES 60u /* .. 1 MiB: what a thread cache holds */
#define RUN_CLASSES 67u    /* .. 3.5 MiB: what fits a chunk */
#define SMALL_MAX ((size_t)14336)
#define CACHED_MAX ((size_t)1 << 20)
#define LARGE_MAX ((size_t)3670016)
#define TABLE_MAX ((size_t)4096) /* sizes up to here are looked up, beyond computed */
#define RUN_REGIONS_MAX 256u

/* The run of each small class: pages and regions, and the reciprocal of the size. */
struct size_class {
    uint32_t size_bytes;
    uint32_t reciprocal; /* ceil(2^32 / size_bytes) */
    uint16_t run_pages;
    uint16_t run_regions; /* a power of two */
};
extern HIDDEN const struct size_class size_classes[SMALL_CLASSES];

/* Class of size 16 * i - 15 .. 16 * i, for i up to 256. */
extern HIDDEN const uint8_t size_class_table[TABLE_MAX / QUANTUM + 1];

/* The class index for 1 <= size <= LARGE_MAX, by computation. */
INLINE unsigned size_class_compute(size_t size)
{
    if (size <= 128) {
        return (unsigned)((size + 15) >> 4) - (size != 0);
    }
    unsigned lg = bits_lg_floor(size - 1);
    return (lg - 7) * 4 + (unsigned)((size - 1) >> (lg - 2) & 3) + 8;
}

/* The class index for size <= TABLE_MAX (0 is served as 1). */
INLINE unsigned size_class_lookup(size_t size)
{
    return size_class_table[(size + 15) >> 4];
}

/* The class index for size <= LARGE_MAX. */
INLINE unsigned size_class_of(size_t size)
{
    return size <= TABLE_MAX ? size_class_lookup(size) : size_class_compute(size);
}

/* The size in bytes of class index < RUN_CLASSES. */
INLINE size_t size_class_bytes(unsigned index)
{
    if (index < 8) {
        return (index + 1) * QUANTUM;
    }
    unsigned lg = 7 + (index - 8) / 4;
    return ((size_t)1 << lg) + (((size_t)(index - 8) % 4 + 1) << (lg - 2));
}

/* The class for blocks of `size` at multiples of `alignment` <= PAGE_SIZE: the first that is large
 * enough and itself a multiple of the alignment. size <= LARGE_MAX - PAGE_SIZE. */
unsigned size_class_aligned(size_t size, size_t alignment);

/* Tries the arithmetic above for every class and offset. */
bool size_class_check(void);

#endif
