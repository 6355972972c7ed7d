/* tcache.h: a thread's own stacks of free blocks, one a class up to 1 MiB.
 *
 *     bins[64]   head -> [ link | key | ... ] -> [ link | key | ... ] -> NULL
 *
 * malloc pops, free pushes; no lock, no atomic. Both test one thing before they store anything, and a
 * cache in any special state (not yet made, disabled, thread exiting, sample due) simply looks empty
 * to malloc and full to free, so that the fast paths test no option.
 *
 * Counting without a counter: malloc counts pops; free spends a credit that malloc never returns. When
 * the credit of a bin is spent, about every 64 KiB freed, the renewal recomputes the length of the
 * stack, bounds its bytes, ages the cache and ticks decay. So a loop whose pops and pushes cancel
 * still comes by.
 *
 *     length = base - credit - npop        (32-bit arithmetic)
 *
 * A free small block carries in its second word a key, its address xor a secret. free refuses a block
 * that carries its key already (double free); malloc clears it. Fill writes it too, so that no free
 * block is without.
 *
 * Bounds: 1 MiB a class (64 KiB where the blocks are another arena's), 4 MiB a thread, and all threads
 * together 32 MiB but 256 KiB for each. Each small class may exceed the thread's bound by the credit of
 * one look, 64 KiB or a 32nd of that bound. Classes not used between two looks lose half.
 *
 * Lock         none: one thread. Statistics read the counters from outside (relaxed).
 * Invariants   C1  a stack has exactly `length` blocks, of its class, each with its key
 *              C2  cached large blocks have the page state LARGE_CACHED
 * Below        arena.h          Above   thread, entry
 */
#ifndef ASHLAR_THREAD_TCACHE_H
#define ASHLAR_THREAD_TCACHE_H

#include "../heap/arena.h"

struct tcache_bin {
    void *head;          /* the newest free block, or NULL */
    uint32_t npop;       /* blocks popped, ever */
    uint32_t credit;     /* pushes that are left until the renewal */
    uint32_t reciprocal; /* small: of the class; else 0, which no address passes */
    uint32_t base;       /* blocks filled in - flushed out + credit granted, ever */
    uint32_t npop_aged;  /* npop when ageing last looked */
    uint32_t fill;       /* how many to fetch next time */
};
_Static_assert(sizeof(struct tcache_bin) == 1 << LG_TCACHE_BIN, "two bins a cache line");

/* What only slow paths need of a bin. */
struct tcache_bin_cold {
    uint64_t pops;       /* npop without wrapping, as of npop_seen */
    uint64_t granted;    /* credit granted, ever: frees = granted - credit */
    uint32_t npop_seen;
    uint32_t sample_at;  /* value of npop at which the next block is sampled (option prof) */
    size_t bytes;        /* of the stack and its credit, when last looked */
};

struct tcache {
    struct tcache_bin refuses; /* of pages that hold no small regions: reciprocal 0, always full */
    struct tcache_bin bins[CACHED_CLASSES];
    struct tcache_bin_cold cold[CACHED_CLASSES];
    struct arena *arena;
    size_t bytes;            /* sum of cold[].bytes */
    uint64_t direct_mallocs; /* blocks handed out past the stacks, and taken back */
    uint64_t direct_frees;
    uint64_t direct_malloc_bytes; /* the bytes of those */
    uint64_t direct_free_bytes;
    uint64_t prng;           /* for sampling */
    unsigned events;         /* fills and renewals */
    unsigned next_aged;      /* the class that ageing looks at next */
    unsigned next_evicted;   /* the class that must make room next */
    struct list_node link;   /* in the list of all caches (thread.c) */
    uint32_t epoch;          /* of the process when it was linked there: a fork empties the list */
    struct arena_set *apart; /* explicit arenas that it was used for (tcaches.c); NULL: a thread's own */
    bool is_explicit;        /* made by the program (tcaches.h): no thread's own */
    bool bound;              /* the thread's arena was chosen by the program */
};

_Static_assert(offsetof(struct tcache, bins) == sizeof(struct tcache_bin), "see tcache_bin_of_word");

extern HIDDEN const struct tcache tcache_none;
extern HIDDEN THREAD_LOCAL struct tcache *tcache_self;
extern HIDDEN uint64_t tcache_secret;

/* The bin that a page word names. */
INLINE struct tcache_bin *tcache_bin_of_word(struct tcache *tc, uint64_t word)
{
    return (struct tcache_bin *)(void *)((char *)tc + page_word_bin_offset(word));
}

INLINE uint64_t tcache_key(const void *block)
{
    return (uint64_t)(uintptr_t)block ^ tcache_secret;
}

/* The length of a stack. */
INLINE uint32_t tcache_length(const struct tcache_bin *bin)
{
    return bin->base - bin->credit - bin->npop;
}

/* Prepares zeroed memory as the cache of a thread of this arena. */
void tcache_init(struct tcache *tc, struct arena *arena);

/* Fetches blocks of the class and pops one; NULL when out of memory. *zeroed says that it reads as
 * zero (only ever so for large classes). *sample_due is set, and NULL returned, when the next block of
 * this class is to be sampled. */
void *tcache_fill(struct tcache *tc, unsigned class, bool *zeroed, bool *sample_due);

/* Pushes a block of the class: a small one whose key was checked, or a large one in state LARGE. */
void tcache_push(struct tcache *tc, unsigned class, void *block);

/* Gives back at least `n` blocks of a class, or all there are. */
void tcache_flush(struct tcache *tc, unsigned class, uint32_t n);
void tcache_flush_all(struct tcache *tc);

/* Draws when the class is to be sampled next. */
void tcache_sample_next(struct tcache *tc, unsigned class);

/* Tells all caches how many threads share the process's budget. */
void tcache_set_threads(unsigned nthreads);

/* C1 and C2. */
bool tcache_check(const struct tcache *tc);

#endif
