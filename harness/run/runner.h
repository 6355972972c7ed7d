/* runner.h: runs a plan, block by block, into a store.
 *
 *     the loop's price (--null)    once a cell and allocator
 *     round 0, the warm-up         every cell in random order; within a cell every allocator in
 *                                  random order, back to back. Not judged, but a failure counts
 *     rounds 1 .. blocks           the same, judged; of a duet both at once (plan.h)
 *     memory                       see memory.h
 *     counts                       see counts.h
 *     series of growing sizes      see growth.h
 *     the end line
 */
#ifndef ASHLAR_RUN_RUNNER_H
#define ASHLAR_RUN_RUNNER_H

#include "run/journal.h"
#include "run/store.h"

/* Does whatever the journal says is not done yet. True when the run is complete, whether or not
 * samples ended badly. On Ctrl-C the block at hand is given up, and why says how to go on. */
bool runner_run(const struct plan *plan, struct journal *journal, struct store *store, bool quiet,
                struct failure *why);

/* The same in steps, for whoever decides as it goes on which cells want more blocks: the bare loops
 * and rounds `from` .. `to` - 1 of the cells that are `wanted`; then, last, counts and end line. */
bool runner_rounds(const struct plan *plan, struct journal *journal, struct store *store,
                   const bool *wanted, uint64_t from, uint64_t to, bool quiet, struct failure *why);
bool runner_finish(const struct plan *plan, struct journal *journal, struct store *store,
                   bool quiet, struct failure *why);

#endif
