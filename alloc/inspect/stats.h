/* stats.h: adds up the figures of the heap. The fast paths count nothing for it: each bin counts the
 * regions it has given out, each cache what it holds.
 *
 *     of an arena    allocated = regions out - in remote queues + large + huge      (caches included)
 *     of the heap    allocated = the sum over the arenas - cached                   (what the program holds)
 *
 * Figures of one arena are read part after part while threads may run, so one that must not be below
 * another is raised to it where they crossed: at rest nothing is.
 *
 * Free chunks that all arenas share are told with arena 0.
 */
#ifndef ASHLAR_INSPECT_STATS_H
#define ASHLAR_INSPECT_STATS_H

#include "../heap/arena.h"
#include "../include/ashlar/ashlar.h"

/* a - b, or 0: the parts of a figure are read one after the other while threads may run. */
static inline size_t stats_minus(size_t a, size_t b)
{
    return a > b ? a - b : 0;
}

/* Bytes in live huge blocks. */
size_t stats_huge_bytes(void);

/* Every field is 64 bits wide, for mallctl reads them by their offset. */
struct stats_lock {
    uint64_t num_ops, num_wait, num_spin_acq, num_owner_switch;
    uint64_t total_wait_time, max_wait_time; /* ns */
    uint64_t max_num_thds;
};

/* A small class in an arena. Blocks in caches count as allocated. */
struct stats_bin {
    uint64_t allocated; /* bytes: curregs * size */
    uint64_t nmalloc, ndalloc; /* regions that left the bin and came back, ever */
    uint64_t nrequests; /* of the program, ever */
    uint64_t nfills, nflushes;
    uint64_t nruns, nreruns; /* made, and used again, ever */
    uint64_t curruns, curregs, nonfull_slabs;
    struct stats_lock lock;
};

/* A large or huge class. */
struct stats_class {
    uint64_t nmalloc, ndalloc, nrequests, current;
};

/* Of all classes of a kind. */
struct stats_kind {
    uint64_t allocated, nmalloc, ndalloc, nrequests;
};

struct stats_arena {
    uint64_t nthreads;
    uint64_t pactive, pdirty, retained, mapped, resident; /* pages, pages, bytes, bytes, bytes */
    uint64_t npurge, nmadvise, purged;                    /* sweeps, calls, pages */
    uint64_t metadata_mapped, metadata_allocated;         /* chunk headers; the arena itself */
    uint64_t tcache_bytes;                                /* in caches of its threads */
    int64_t decay_ms, lg_dirty_mult;
    struct stats_kind small, large, huge;
    struct stats_bin bins[SMALL_CLASSES];
    struct stats_class lruns[RUN_CLASSES - SMALL_CLASSES];
    struct stats_class hchunks[HUGE_CLASSES];
};

/* Reads the figures of an arena. */
void stats_arena_read(struct arena *arena, struct stats_arena *out);

/* Adds those of one more arena; settings are taken from it. */
void stats_arena_add(struct stats_arena *sum, const struct stats_arena *arena);

/* Of the whole heap. */
struct stats_heap {
    uint64_t allocated, active, metadata, resident, mapped, retained;
    uint64_t chunks_current, chunks_total, chunks_high;
    uint64_t zero_reallocs;
};

/* Given the sum over all arenas. */
void stats_heap_read(const struct stats_arena *sum, struct stats_heap *out);

/* Prints the figures as one line, `ashlar: mallocs=... frees=...`, to the descriptor. */
void stats_print(int fd);

#endif
