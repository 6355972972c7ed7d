/* large.h: blocks of one run each, from 36 KiB to 3.75 MiB, and the runs of sampled blocks.
 *
 * The first page's word says what the block is: LARGE while the program holds it (LARGE_APART in an arena
 * whose blocks are not cached), LARGE_CACHED in a thread cache, SAMPLED (prof.h), 0 once the pages are free. The thread that owns the block changes
 * the word between the first two without a lock.
 *
 * Below        run.h purge.h          Above   arena
 */
#ifndef ASHLAR_HEAP_LARGE_H
#define ASHLAR_HEAP_LARGE_H

#include "purge.h"
#include "run.h"

/* A block of a class (>= SMALL_CLASSES, or any if sampled) at a multiple of align_pages, its word in `state`; or NULL. */
struct run *large_alloc(struct pool *pool, unsigned class, unsigned align_pages,
                        enum page_state state, bool *zeroed);

/* Gives the run back; its word may be in any state. */
void large_free(struct pool *pool, struct run *run);

/* Makes the block one of another class in place. */
bool large_resize(struct pool *pool, struct run *run, unsigned class);

INLINE unsigned large_pages(unsigned class)
{
    return (unsigned)(ROUND_UP(size_class_bytes(class), PAGE_SIZE) >> LG_PAGE);
}

#endif
