/* arena.h: bins and a run pool that a group of threads shares, and where any block is to be found.
 *
 *     thread 1 --+
 *                +--> arena 0:  bin 16, bin 32, ... bin 32768      regions
 *     thread 3 --+               pool of page runs                 large blocks
 *     thread 2 -----> arena 1:  ...
 *                                extents (one for all arenas)      huge blocks
 *
 * An arena fills a plain array of pointers and takes one back; it never hears of thread caches. A
 * thread belongs to the arena with the fewest threads, the lowest index among equals. There are four
 * for each CPU, so that the threads of a busy program rarely meet, made when they are first needed.
 *
 * Lock         arenas_lock for the table and the thread counts; the rest has locks of its own.
 * Below        bin large huge          Above   tcache thread entry inspect
 */
#ifndef ASHLAR_HEAP_ARENA_H
#define ASHLAR_HEAP_ARENA_H

#include "bin.h"
#include "huge.h"
#include "large.h"

/* What is counted for one size class in an arena, beside its bin: blocks in runs of their own (large,
 * and sampled of any class), and requests that no living cache counts. */
struct class_counts {
    _Atomic uint64_t nmalloc, ndalloc;
    _Atomic uint64_t nrequests; /* served past the caches, or by caches of threads that ended */
};

struct arena {
    struct bin bins[SMALL_CLASSES];
    struct pool pool;
    _Atomic size_t large_bytes; /* in large blocks, cached and sampled ones included */
    struct class_counts counts[RUN_CLASSES];
    unsigned index;
    unsigned nthreads;       /* under arenas_lock */
    uint32_t nthreads_epoch; /* process epoch of the count: a fork leaves one thread */
};

/* The arena for a new thread, counted into it. NULL when not even arena 0 can be made. */
struct arena *arena_join(void);
void arena_leave(struct arena *arena);

/* Counts the thread that forked into its arena again: the counts of the parent are void in a child. */
void arena_rejoin(struct arena *arena);

/* Threads that belong to the arena. */
unsigned arena_threads(struct arena *arena);

/* As many arenas as threads are spread over at most. */
unsigned arena_limit(void);

/* Counts requests of a class that no living cache counts. */
INLINE void arena_count_requests(struct arena *arena, unsigned class, uint64_t n)
{
    atomic_fetch_add_explicit(&arena->counts[class].nrequests, n, RELAXED);
}

/* Arenas made so far; each index below is valid. */
unsigned arena_count(void);
struct arena *arena_get(unsigned index);

/* See bin_fill. */
unsigned arena_fill(struct arena *arena, unsigned class, void **out, unsigned want);

/* Takes back regions of one class from anywhere, called by a thread of `mine`: its own under one lock,
 * those of each other arena by one hand-over. The array is reordered. */
void arena_flush(struct arena *mine, unsigned class, void **regions, unsigned n);

/* A block in a run of its own, counted; see large_alloc. */
void *arena_large_alloc(struct arena *arena, unsigned class, unsigned align_pages,
                        enum page_state state, bool *zeroed);
void arena_large_free(struct run *run);
bool arena_large_resize(struct run *run, unsigned class);

/* Gives unused memory back after dirty_decay_ms. */
void arena_decay(struct arena *arena);

/* Gives all unused memory of one arena back now, whole free chunks apart, which are of all arenas.
 * Returns the bytes. */
size_t arena_purge(struct arena *arena);

/* Gives all unused memory of all arenas back now. Returns the bytes. */
size_t arena_purge_all(void);

/* Out of memory: gives back all unused memory and address space. True if a new try may succeed. */
bool arena_reclaim(void);

INLINE struct arena *arena_of_pool(struct pool *pool)
{
    return CONTAINER_OF(pool, struct arena, pool);
}

INLINE struct arena *arena_of(uintptr_t addr_in_runs)
{
    return arena_of_pool(chunk_of(addr_in_runs)->pool);
}

/* What lies at an address. */
enum block_kind {
    BLOCK_FOREIGN, /* not memory of this allocator */
    BLOCK_NONE,    /* ours, in no block */
    BLOCK_SMALL,
    BLOCK_LARGE,
    BLOCK_SAMPLED,
    BLOCK_HUGE,
    BLOCK_HUGE_FREED
};

struct block {
    enum block_kind kind;
    uintptr_t start;  /* of the region, run or extent that covers the address */
    size_t usable;    /* bytes from the start */
    bool cached;      /* large: in a thread cache */
    struct arena *arena;   /* small, large, sampled */
    struct run *run;       /* small, large, sampled */
    struct extent *extent; /* huge; NULL where a fork made it unknown */
};

/* For any address whatsoever. Whether a small region is free is for the key to say (tcache.h). */
struct block block_find(uintptr_t addr);

#endif
