/* size_class.h: which sizes exist. Multiples of 16 up to 128, four classes a doubling up to 1 KiB, eight
 * beyond:
 *
 *     16 32 48 64 80 96 112 128 | 160 192 224 256 | ... | 640 768 896 1024
 *     1152 1280 1408 1536 1664 1792 1920 2048 | 2304 ... | 18432 ... 32768        small: in shared runs
 *     36864 40960 45056 ... 65536 | 73728 ... | ... | 3932160                     large: a run each
 *     beyond                                                                      huge: in chunks
 *
 * Internal waste is 20 % at most above 128 bytes, 11 % above 1 KiB. Eight, not four, because bytes lie
 * in the large blocks: sizes drawn log-uniformly from 16 B to 32 KiB waste 9 % in classes of four a
 * doubling and half of that in eight, while below 1 KiB more classes would mean more half-empty runs.
 *
 * A run of a small class has a power of two of regions and no tail: every class is m * 2^k with m odd
 * and below 16, and its run is m * 2^j pages. So a run has no address that the interior check of free
 * would take for a region but that is none.
 *
 * region index = offset * reciprocal >> 32, and offset is a multiple of the size if and only if the
 * low 32 bits of that product are below the reciprocal; reciprocal = ceil(2^32 / size). Both hold for
 * all offsets of all runs (size_class_check tries every one).
 */
#ifndef ASHLAR_UTIL_SIZE_CLASS_H
#define ASHLAR_UTIL_SIZE_CLASS_H

#include "bits.h"
#include "config.h"

#define SMALL_CLASSES 60u   /* 16 .. 32 KiB */
#define CACHED_CLASSES 100u /* .. 1 MiB: what a thread cache holds */
#define RUN_CLASSES 115u    /* .. 3.75 MiB: what fits a chunk */
#define SMALL_MAX ((size_t)32 << 10)
#define CACHED_MAX ((size_t)1 << 20)
#define LARGE_MAX ((size_t)3840 << 10)
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
    if (size <= 1024) {
        return 8 + (lg - 7) * 4 + (unsigned)((size - 1) >> (lg - 2) & 3);
    }
    return 20 + (lg - 10) * 8 + (unsigned)((size - 1) >> (lg - 3) & 7);
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
    if (index < 20) {
        unsigned lg = 7 + (index - 8) / 4;
        return ((size_t)1 << lg) + (((size_t)(index - 8) % 4 + 1) << (lg - 2));
    }
    unsigned lg = 10 + (index - 20) / 8;
    return ((size_t)1 << lg) + (((size_t)(index - 20) % 8 + 1) << (lg - 3));
}

/* The class for blocks of `size` at multiples of `alignment` <= PAGE_SIZE: the first that is large
 * enough and itself a multiple of the alignment. size <= LARGE_MAX - PAGE_SIZE. */
unsigned size_class_aligned(size_t size, size_t alignment);

/* Tries the arithmetic above for every class and offset. */
bool size_class_check(void);

#endif
