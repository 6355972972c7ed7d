/* bin.h: an arena's state for one small size class: its runs, and which regions of them are free.
 *
 *     current    [ xxxx....xxx. ]                     filled from until it is full
 *     buckets 0  [ xxxxxxxx.xxx ] <-> ...             few free regions    taken first, so that the
 *             3  [ x........... ] <-> ...             many free regions   others can become empty
 *     spare      [ ............ ]                     one empty run is kept
 *     (full runs are in no list; a flush finds them by the page map)
 *     remote     region -> region -> ...              freed by threads of other arenas: pushed with one
 *                                                     compare-and-swap a batch, taken with one exchange
 *
 * A free bit says that the region lies in the run, free. A region that a thread cache holds has its
 * bit clear, as if the program held it; its second word carries a key (tcache.h).
 *
 * Lock         bin->lock; the remote queue is lock-free.
 * Invariants   N1  nfree of a run is the number of its free bits, and no bit beyond its regions is set
 *              N2  a run is in the bucket of its nfree; the current run and full ones are in none
 *              N3  regions out = the sum over all runs of regions - nfree
 *              N4  every page of a run carries the word of its run
 * Below        run.h purge.h misuse.h          Above   arena
 */
#ifndef ASHLAR_HEAP_BIN_H
#define ASHLAR_HEAP_BIN_H

#include "purge.h"
#include "run.h"

#define BUCKETS 4u

struct bin {
    /* Under the lock; one line, which is all that a fill or a flush needs in most cases: */
    struct mutex lock;
    uint32_t generation;  /* counts the times that a fork left the bin, or its pool, unusable */
    uint32_t pool_generation; /* of the pool that the runs are from */
    uint32_t last_owner;  /* serial of the thread that held the lock last */
    struct run *current;  /* being filled from, or NULL */
    _Atomic size_t regions_out; /* not in a run's free bits */
    uint64_t owner_switches;    /* times that another thread held the lock before */
    uint64_t nmalloc;     /* regions handed out, ever */
    uint64_t nfills;      /* batches of them */
    uint64_t nflushes;    /* batches taken back */
    struct list_node buckets[BUCKETS];
    /* Written by other threads without the lock: */
    _Alignas(CACHELINE) _Atomic(void *) remote; /* regions linked by their first word */
    _Atomic uint32_t remote_count;              /* about how many: bounds the queue */
    struct mutex_waits waits;                   /* for the lock */
    /* Under the lock, and rarely needed: */
    _Alignas(CACHELINE) struct run *spare; /* empty, or NULL */
    size_t nruns;         /* that the bin has now */
    uint64_t nruns_made;  /* ever */
    uint64_t nreruns;     /* times that a run became the current one again */
    uint64_t nlooks;      /* times that the lock was taken for anything but a fill or a flush */
};
_Static_assert(offsetof(struct bin, buckets) == CACHELINE, "what every fill needs is one line");
_Static_assert(sizeof(struct bin) == 4 * CACHELINE, "sixty of them an arena");

/* The figures of a bin at one moment. */
struct bin_figures {
    uint64_t nmalloc, nfills, nflushes, nruns_made, nreruns; /* as above */
    size_t regions; /* that the program and the caches hold: neither in a run nor in the remote queue */
    size_t runs;
    size_t runs_nonfull; /* of which some regions are free and some are not */
    uint64_t lock_ops, lock_spun, lock_slept, lock_switches, lock_ns, lock_ns_max;
    uint64_t lock_waiting_max;
};

void bin_init(struct bin *bin);

/* Takes up to `want` free regions into out, ascending within a run. Returns how many, 0 when out of
 * memory. */
unsigned bin_fill(struct bin *bin, struct pool *pool, unsigned class, void **out, unsigned want);

/* Takes back regions of this bin. A region that is free already ends the program. */
void bin_flush(struct bin *bin, struct pool *pool, unsigned class, void **regions, unsigned n);

/* As bin_flush, by a thread of another arena: `first` .. `last` are linked by their first words. */
void bin_flush_remote(struct bin *bin, struct pool *pool, unsigned class, void *first, void *last,
                      unsigned n);

/* Takes back what is in the remote queue and gives up the spare run. */
void bin_trim(struct bin *bin, struct pool *pool, unsigned class);

/* True if the region's bit is clear: the program or a cache holds it. */
bool bin_region_is_out(const struct run *run, uintptr_t addr);

/* The number of regions that lie in the remote queue. */
size_t bin_remote_regions(struct bin *bin, struct pool *pool);

/* Forgets the runs, whose pool is going to forget its chunks. */
void bin_forget_runs(struct bin *bin, struct pool *pool);

void bin_figures(struct bin *bin, struct pool *pool, unsigned class, struct bin_figures *out);

/* Forgets what the lock cost so far. */
void bin_forget_waits(struct bin *bin, struct pool *pool);

/* N1 to N4 for all runs of this class in a chunk list. Takes the lock. */
bool bin_check(struct bin *bin, struct pool *pool, unsigned class);

#endif
