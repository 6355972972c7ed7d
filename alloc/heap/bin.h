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
    struct mutex lock;
    uint32_t generation;  /* counts the times that a fork left the bin, or its pool, unusable */
    uint32_t pool_generation; /* of the pool that the runs are from */
    struct run *current;  /* being filled from, or NULL */
    struct run *spare;    /* empty, or NULL */
    size_t nruns;
    _Atomic size_t regions_out; /* not in a run's free bits */
    struct list_node buckets[BUCKETS];
    /* On a line of their own: written by other threads without the lock. */
    _Alignas(CACHELINE) _Atomic(void *) remote; /* regions linked by their first word */
    _Atomic uint32_t remote_count;              /* about how many: bounds the queue */
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

/* N1 to N4 for all runs of this class in a chunk list. Takes the lock. */
bool bin_check(struct bin *bin, struct pool *pool, unsigned class);

#endif
