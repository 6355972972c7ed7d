/* thread.h: the life of a thread's cache.
 *
 *     first malloc -> cache made -> ... -> destructor: all given back -> no cache any more
 *
 * A thread that still allocates after its destructor ran (in destructors of others) is served straight
 * from its arena, and no cache is made again: so every order of destructors ends.
 *
 * Lock         threads_lock for the list of caches and the spare ones.
 * Below        tcache.h base.h          Above   entry, inspect
 */
#ifndef ASHLAR_THREAD_THREAD_H
#define ASHLAR_THREAD_THREAD_H

#include "tcache.h"

/* Makes the key whose destructor ends caches. Call once at start. */
void thread_boot(void);

/* The cache of the calling thread, made if it may have one; NULL where it may not (disabled, exiting,
 * out of memory). */
struct tcache *thread_cache(void);

/* The arena of a thread without a cache; NULL when out of memory. */
struct arena *thread_arena(void);

/* Counts a block that a thread without a cache took or gave back. */
void thread_count_direct(uint64_t mallocs, uint64_t frees);

struct thread_totals {
    uint64_t mallocs, frees;
    size_t small_cached_bytes, large_cached_bytes;
    unsigned ncaches;
};

/* Adds up all caches, those of ended threads included. */
void thread_totals(struct thread_totals *out);

/* tcache_check for every cache. */
bool thread_check(void);

#endif
