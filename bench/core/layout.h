/* layout.h: where the live blocks lie, for --layout.
 *
 * heap_layout is a third heap (heap.h): it calls the system's allocator and keeps a book of every
 * live block (address, requested size, thread). A run without --layout does not pass through it, so
 * what is timed knows nothing of it.
 *
 *     workload --> heap_layout --> malloc, free, ...
 *                    |
 *                    +--> blocks by address, lines, pages and 2 MiB ranges by number
 *
 * The figures are kept up with every call and copied whenever live bytes are higher than ever
 * before. So they are those of one exact moment: the first at which the run's peak is reached.
 *
 *     page waste         1 - live bytes / (4096 x pages that hold a byte of a live block)
 *     false sharing      share of the live blocks that have a 64 B line in common with a live block
 *                        which another thread allocated
 *     internal waste     malloc_usable_size / requested bytes - 1
 *     huge coverage      share of the 2 MiB ranges with live blocks that are live for more than 90
 * %
 *
 * With one thread all of it repeats exactly for the same seed and allocator. The first three depend
 * on addresses only within a page and so repeat with address randomisation on; the last needs it
 * off (setarch -R). With several threads the scheduler decides where the peak is.
 *
 * Lock         one for everything: a run with --layout is slow and is not timed.
 * Invariants   a block is live once; no page and no range holds more live bytes than it is long.
 *              An allocator that breaks one ends the run.
 * Below        book.h heap.h          Above   run.c result.c
 */
#ifndef ASHLAR_BENCH_LAYOUT_H
#define ASHLAR_BENCH_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "heap.h"

/* Units of 4 KiB or 2 MiB, and how full they are. */
struct layout_units {
    uint64_t nlive;  /* with a byte of a live block */
    uint64_t ndense; /* live for more than 90 % */
};

/* The figures of one moment. */
struct layout {
    uint64_t live_bytes;   /* requested */
    uint64_t usable_bytes; /* as malloc_usable_size says */
    uint64_t nblocks;      /* live */
    uint64_t nsharing;     /* of those, with a line that another thread has a block in */
    struct layout_units pages;
    struct layout_units ranges;
};

extern const struct heap heap_layout;

/* Prepares the books. Before the first call of heap_layout. */
void layout_begin(void);

/* Says which thread calls from now on; 0, the main thread, where nothing is said. */
void layout_enter(unsigned thread);

/* The figures of the peak. */
const struct layout *layout_peak(void);

/* Whether malloc_usable_size belongs to the allocator that malloc belongs to. Where it does not,
 * nobody knows what is usable, and usable_bytes is 0. */
bool layout_usable_known(void);

#endif
