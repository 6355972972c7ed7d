/* thread.h: the life of a thread's cache.
 *
 *     first malloc -> cache made -> ... -> destructor: all given back -> no cache any more
 *
 * A thread that still allocates after its destructor ran (in destructors of others) is served straight
 * from its arena, and no cache is made again: so every order of destructors ends.
 *
 * A thread that the program binds to an arena gives back what its cache holds first; from then on the cache
 * is filled from that arena. While a chunk hook runs (hooks.h) the thread has no cache, and its arena is one
 * without hooks.
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

/* The arena that the calling thread's blocks come from; NULL when out of memory. */
struct arena *thread_arena(void);

/* Binds the calling thread to this arena until it ends or is bound to another. False, and nothing has
 * changed: the arena is destroyed, or the thread is ending. */
bool thread_bind(struct arena *arena);

/* A cache that is no thread's own, or NULL when out of memory; its end, which gives all back; and the
 * same, seen again after a fork. */
struct tcache *thread_explicit_new(void);
void thread_explicit_end(struct tcache *tc);
void thread_explicit_seen(struct tcache *tc);

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
