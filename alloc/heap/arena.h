/* arena.h: bins and a run pool that a group of threads shares, and where any block is to be found.
 *
 *     thread 1 --+
 *                +--> arena 0:  bin 16, bin 32, ... bin 32768      regions
 *     thread 3 --+               pool of page runs                 large blocks
 *     thread 2 -----> arena 1:  ...
 *                                extents (one for all arenas)      huge blocks
 *
 *     index    0 1 2 3 . . . 15 | 16 17 18 ...
 *              made when needed | made by the program: explicit
 *
 * An arena fills a plain array of pointers and takes one back; it never hears of thread caches. A
 * thread belongs to the arena with the fewest threads, the lowest index among equals. There are four
 * for each CPU, so that the threads of a busy program rarely meet, made when they are first needed. With
 * percpu_arena there is one for each CPU, and a thread uses that of the CPU that it runs on.
 *
 * Explicit arenas come behind those, so an index may name none. They differ in three things. No thread
 * joins one unless the program binds it. Their blocks stay out of the caches of threads that belong
 * elsewhere (the pool is `apart`: free takes its slow path and gives them back to their bin at once), so
 * that all of an arena's blocks can be taken away together, and the arena too. And they may have chunk
 * hooks before their first chunk. A destroyed one keeps its index and its memory for the next.
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

/* A dead one waits for its index to be given again; a dying one has not given back all yet. */
enum arena_life { ARENA_LIVE, ARENA_DYING, ARENA_DEAD };

#define ARENA_NAME_BYTES 32u /* its closing zero included */

/* Huge blocks by their class (huge.h), ever; one resized in place leaves one class for another. */
struct huge_counts {
    _Atomic uint64_t nmalloc, ndalloc;
};

struct arena {
    struct bin bins[SMALL_CLASSES];
    struct pool pool;
    _Atomic size_t large_bytes; /* in large blocks, cached and sampled ones included */
    struct class_counts counts[RUN_CLASSES];
    struct huge_counts huge[HUGE_CLASSES];
    _Atomic size_t huge_bytes; /* in huge blocks */
    _Atomic(struct extents *) own; /* of its hooks, made when it first got some; else NULL */
    unsigned index;
    /* Under arenas_lock: */
    unsigned nthreads;
    uint32_t nthreads_epoch; /* process epoch of the count: a fork leaves one thread */
    char name[ARENA_NAME_BYTES];
    _Atomic(enum arena_life) life; /* read anywhere */
};

#define ARENA_NONE UINT32_MAX /* no arena's index */

/* The arena for a new thread, counted into it. NULL when not even arena 0 can be made. */
struct arena *arena_join(void);
void arena_leave(struct arena *arena);

/* Counts the thread that forked into its arena again: the counts of the parent are void in a child. */
void arena_rejoin(struct arena *arena);

/* Threads that belong to the arena. */
unsigned arena_threads(struct arena *arena);

/* As many arenas as threads are spread over at most: explicit ones come behind. */
unsigned arena_limit(void);

/* Counts requests of a class that no living cache counts. */
INLINE void arena_count_requests(struct arena *arena, unsigned class, uint64_t n)
{
    atomic_fetch_add_explicit(&arena->counts[class].nrequests, n, RELAXED);
}

/* One more than the highest index of an arena that was made. */
unsigned arena_count(void);

/* The arena with this index, or NULL: not made yet, or destroyed. */
struct arena *arena_get(unsigned index);

/* The same, made if it is below arena_limit(); NULL where there is none or no memory for it. */
struct arena *arena_obtain(unsigned index);

/* ---- explicit arenas ---- */

INLINE bool arena_is_explicit(const struct arena *arena)
{
    return arena->pool.apart;
}

/* Of the explicit ones, all but the one for oversize blocks. */
bool arena_is_of_program(struct arena *arena);

/* A new explicit arena, with these hooks from its first chunk on where they are not NULL. NULL when all
 * indices are taken or there is no memory. */
struct arena *arena_create(const chunk_hooks_t *hooks);

/* Takes all blocks of an explicit arena away. No thread may use one meanwhile or later, and no cache but
 * those of the caller may hold one (explicit.h sees to that). `sampled` is called with each record of a
 * sampled block (prof.h), under locks. Returns the number of blocks that the program lost. */
uint64_t arena_reset(struct arena *arena, void (*sampled)(void *sample));

/* Ends an explicit arena after its reset: its index is free. False, with nothing done: threads belong to
 * it. Chunks that its hooks will not take back are the program's again. */
bool arena_destroy(struct arena *arena);

/* Counts a thread into this arena instead of one that arena_join chooses. False: it is destroyed. */
bool arena_enter(struct arena *arena);

/* The hooks that new chunks of the arena are asked from, and the exchange of them. Chunks from before its
 * first own hooks stay with the system. False: out of memory, and nothing has changed. */
chunk_hooks_t arena_hooks(struct arena *arena);
bool arena_set_hooks(struct arena *arena, const chunk_hooks_t *hooks);

/* Cut off after ARENA_NAME_BYTES - 1 bytes. */
void arena_set_name(struct arena *arena, const char *name);
void arena_get_name(struct arena *arena, char name[ARENA_NAME_BYTES]);

/* The arena of the CPU that the thread runs on (percpu_arena); NULL when out of memory. */
struct arena *arena_of_cpu(void);

/* The arena for blocks of oversize_threshold bytes and more, made at the first call: its free chunks go
 * back at once. NULL when out of memory. */
struct arena *arena_oversize(void);

/* The first arena without hooks: for what hooks allocate. NULL: there is none. */
struct arena *arena_unhooked(void);

/* ---- blocks ---- */

/* See bin_fill. */
unsigned arena_fill(struct arena *arena, unsigned class, void **out, unsigned want);

/* Takes back regions of one class from anywhere, called by a thread of `mine`: its own under one lock,
 * those of each other arena by one hand-over. The array is reordered. */
void arena_flush(struct arena *mine, unsigned class, void **regions, unsigned n);

/* Takes back a region of an explicit arena, straight into its bin. */
void arena_flush_apart(struct arena *arena, unsigned class, void *region);

/* A block in a run of its own, counted; see large_alloc. */
void *arena_large_alloc(struct arena *arena, unsigned class, unsigned align_pages,
                        enum page_state state, bool *zeroed);
void arena_large_free(struct run *run);
bool arena_large_resize(struct run *run, unsigned class);

/* A huge block, counted; see huge.h. */
void *arena_huge_alloc(struct arena *arena, size_t size, size_t alignment, bool *zeroed);
void arena_huge_free(struct extent *extent);
bool arena_huge_resize(struct extent *extent, size_t size);

/* Gives unused memory back after dirty_decay_ms. */
void arena_decay(struct arena *arena);

/* The same, not waiting for the next look. */
void arena_decay_now(struct arena *arena);

/* Gives all unused memory of one arena back now, of whole free chunks only those that are of its own
 * hooks. Returns the bytes. */
size_t arena_purge(struct arena *arena);

/* Gives all unused memory of all arenas back now. Returns the bytes. Does nothing inside a hook. */
size_t arena_purge_all(void);

/* Out of memory: gives back all unused memory and address space. True if a new try may succeed. Does
 * nothing inside a hook. */
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
    struct arena *arena;   /* that it is from; NULL where a fork made it unknown */
    struct run *run;       /* small, large, sampled */
    struct extent *extent; /* huge; NULL where a fork made it unknown */
};

/* For any address whatsoever. Whether a small region is free is for the key to say (tcache.h). */
struct block block_find(uintptr_t addr);

#endif
