/* huge.h: blocks beyond 3.75 MiB, or aligned beyond what fits a chunk: whole chunks of their own.
 *
 * The registry knows their chunks, the extent their length. The usable size is the whole extent;
 * pages that nobody touches cost nothing.
 *
 * Below        extent.h purge.h          Above   arena
 */
#ifndef ASHLAR_HEAP_HUGE_H
#define ASHLAR_HEAP_HUGE_H

#include "extent.h"

/* A block of at least size bytes at a multiple of `alignment` (a power of two), or NULL, for the arena
 * with this index. *zeroed says that it reads as zero. */
void *huge_alloc(struct extents *set, unsigned arena, size_t size, size_t alignment, bool *zeroed);

/* The extent must be live and start at the block. */
void huge_free(struct extent *extent);

/* Changes the size in place. */
bool huge_resize(struct extent *extent, size_t size);

/* For the figures, lengths are told in classes: 1 to 4 chunks, then four a doubling; a block counts to the
 * shortest class that holds it. */
#define HUGE_CLASSES 76u /* to EXTENT_CHUNKS_MAX */

/* The chunks of a class, and the class of a length. */
size_t huge_class_chunks(unsigned class);
unsigned huge_class_of(size_t nchunks);

INLINE size_t huge_usable(const struct extent *extent)
{
    return extent->nchunks * CHUNK_SIZE;
}

#endif
