/* memory.h: the memory pass. Cells with memory = yes, each under each allocator memory_blocks
 * times, in processes of their own, after everything that is timed.
 *
 *     block 0    cells in random order, in each the allocators in random order:
 *                    watched      --idle-ms N, read by a sampler (sampler.h)   one line of type
 *                    left alone   the same process without a reading           "memory"
 *                    with --layout   where its blocks lie at the peak
 *     block 1    watched
 *     ...
 *
 * The run that is left alone tells what the readings cost: both times stand in the line.
 */
#ifndef ASHLAR_RUN_MEMORY_H
#define ASHLAR_RUN_MEMORY_H

#include "run/journal.h"
#include "run/store.h"

/* Watches whatever is not watched yet. True also when processes ended badly: that is a result. */
bool memory_run(const struct plan *plan, struct journal *journal, struct store *store, bool quiet,
                struct failure *why);

/* A guess at how long that takes. */
double memory_expected_s(const struct plan *plan, const struct journal *journal);

#endif
