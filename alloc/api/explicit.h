/* explicit.h: the end of explicit arenas, where every floor has a part: caches, the profile, the heap.
 *
 *     reset     the caller's cache, and explicit ones that may hold its blocks: emptied
 *               samples of its blocks: forgotten
 *               bins, runs, huge blocks: gone; their chunks are free (dirty)
 *     destroy   reset, then its own chunks go back by its hooks, and its index is free
 *
 * What one may rely on: other threads hold no block of the arena in their caches, because a thread that
 * does not belong to an explicit arena never caches its blocks (arena.h), and none but the caller may
 * belong to it. What the program must see to: no other thread uses a block of the arena, or an explicit
 * cache that was used for it, during the call; and no block of it is used, or freed, afterwards.
 *
 * All take the index of an arena, and are called when the start is over (boot.h).
 * Below        arena.h tcaches.h prof.h          Above   inspect
 */
#ifndef ASHLAR_API_EXPLICIT_H
#define ASHLAR_API_EXPLICIT_H

#include "../util/common.h"

/* Takes all blocks of an arena that the program made away. False, with nothing done: there is no such
 * arena, or another thread is bound to it. */
bool explicit_reset(unsigned index);

/* Ends it. False, with nothing done: there is no such arena, or a thread is bound to it. */
bool explicit_destroy(unsigned index);

/* Binds the calling thread to any arena, and gives the index of the one that it belongs to; ARENA_NONE
 * where there is no memory for any. */
bool explicit_bind(unsigned index);
unsigned explicit_of_thread(void);

#endif
