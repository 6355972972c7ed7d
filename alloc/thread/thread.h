/* thread.h: the life of a thread's cache.
 *
 *     first malloc -> cache made -> ... -> destructor: all given back -> no cache any more
 *                      |      ^
 *          hidden: off, watched, or filled: tcache_self is tcache_none, so that every malloc and free
 *          takes the slow path, which finds the cache here (off: does not)
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

/* Counts a block that was taken or given back past the stacks of a cache, and one that became another
 * size where it lies. */
void thread_count_malloc(size_t bytes);
void thread_count_free(size_t bytes);
void thread_count_resize(size_t old_bytes, size_t new_bytes);

/* Counts a block of the calling thread that went through an explicit cache, which counts for itself too. */
void thread_count_explicit(size_t allocated_bytes, size_t freed_bytes);

/* Counts blocks that were taken away with their arena: handed out, and out no more. */
void thread_count_lost(uint64_t blocks);

/* Whether the calling thread caches blocks, and how to change that. Switched off, its cache is emptied. */
bool thread_cache_enabled(void);
void thread_cache_enable(bool enabled);

/* Empties the cache of the calling thread. False where it has none. */
bool thread_cache_flush(void);

/* Bytes that the calling thread has ever taken and given back. */
struct thread_bytes {
    uint64_t allocated, deallocated;
};
struct thread_bytes thread_bytes(void);

/* The same as variables that stay up to date from now on, each malloc and free of this thread taking the
 * slow path for it. They last as long as the thread. */
const struct thread_bytes *thread_watch(void);

extern HIDDEN THREAD_LOCAL bool thread_watched;
void thread_update_watch(void);

/* After a malloc or free on a slow path. */
INLINE void thread_note(void)
{
    if (UNLIKELY(thread_watched)) {
        thread_update_watch();
    }
}

struct thread_totals {
    uint64_t mallocs, frees;
    size_t small_cached_bytes, large_cached_bytes;
    unsigned ncaches;
};

/* Adds up all caches, those of ended threads included. */
void thread_totals(struct thread_totals *out);

/* Of the threads that live and belong to the arena: requests by class, added to `requests`, and the bytes
 * that their caches hold. */
size_t thread_arena_totals(const struct arena *arena, uint64_t requests[CACHED_CLASSES]);

/* tcache_check for every cache. */
bool thread_check(void);

#endif
