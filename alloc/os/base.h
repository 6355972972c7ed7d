/* base.h: memory for metadata that is never given back: arenas, caches, nodes of extents.
 *
 *     block   |tcache|node|node|arena ..........|          |     bump upwards, a cache line apart
 *
 * The first block lies in our own bss, so that the first arena and cache cannot fail; later blocks
 * are mapped. Reuse is the business of the owners (each keeps a free list of its own kind).
 *
 * Lock         its own, the lowest rank.
 * Invariants   B1  used <= block size
 * Below        pages mutex          Above   chunk arena thread prof
 */
#ifndef ASHLAR_OS_BASE_H
#define ASHLAR_OS_BASE_H

#include "../util/common.h"

/* Zeroed memory aligned to a cache line, or NULL. */
void *base_alloc(size_t size_bytes);

/* Bytes given out, and bytes of blocks mapped from the system. */
size_t base_used_bytes(void);
size_t base_mapped_bytes(void);

/* B1. */
bool base_check(void);

#endif
