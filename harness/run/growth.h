/* growth.h: the pass that runs the series of growing sizes, after the timed blocks.
 *
 *     round 0    series 0: its points in random order; a point runs every allocator once, in random
 *                order, back to back
 *                series 1: ...
 *     round 1    the same
 *
 * A point of a round is one line of samples.jsonl, so it is there whole or not at all. An allocator
 * that ended badly is out of its series.
 */
#ifndef ASHLAR_RUN_GROWTH_H
#define ASHLAR_RUN_GROWTH_H

#include "run/journal.h"
#include "run/store.h"

/* Runs whatever point is not done yet. True also when processes ended badly. */
bool growth_run(const struct plan *plan, struct journal *journal, struct store *store, bool quiet,
                struct failure *why);

#endif
