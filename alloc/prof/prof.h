/* prof.h: sampling of allocations (option prof:true).
 *
 * Every byte is a sample point with probability 2^-lg_prof_sample, independently of all others: a block
 * of s bytes is sampled with probability p(s) = 1 - exp(-s / 2^lg), and each sample stands for 1 / p(s)
 * blocks. The estimates are therefore unbiased, for each size by itself.
 *
 * A sampled block is promoted: it gets a run (or is a huge block) of its own, whose page state is
 * SAMPLED, so that any free of it takes the slow path and finds its record. The program sees the usable
 * size of the class that it asked for. Cached classes are counted down by the thread cache, whose stack
 * runs dry just before a sample is due; others are drawn one by one. A thread without a cache
 * (tcache:false, or ending) is not sampled.
 *
 * Lock         one for the records, taken with no other lock held.
 * Below        tcache.h base.h          Above   entry; inspect reads the sums
 */
#ifndef ASHLAR_PROF_PROF_H
#define ASHLAR_PROF_PROF_H

#include "../include/ashlar/ashlar.h"
#include "../thread/tcache.h"

/* A sampled block of a class below RUN_CLASSES, or NULL. */
void *prof_alloc(struct arena *arena, unsigned class, unsigned align_pages, size_t requested,
                 void *caller, bool *zeroed);

/* Ends the record and gives the run back. */
void prof_free(struct run *run);

/* Draws whether a block of a size that no cache counts down is to be sampled. */
bool prof_draw(uint64_t *prng, size_t size);

/* Attaches a record to a huge block, if there is memory for one; detaches it. */
void prof_huge(struct extent *extent, size_t requested, void *caller);
void prof_huge_free(struct extent *extent);

/* Ends a record whose block was taken away (arena_reset); the only one called with other locks held. */
void prof_discard(void *sample);

void prof_stats(struct ashlar_prof_stats *out);
void prof_dump(int fd);

#endif
