/* demand.h: how much free memory is worth keeping, learnt from what the program takes back.
 *
 * Purging a page that is wanted again costs a fault; keeping one that is not costs memory. At first
 * little is kept. Memory that was purged and is taken again within the decay time was a mistake, and
 * twice that much more is kept from then on, until the program stops asking for it:
 *
 *     in use   /\      /\      /\                     kept = max(least, in use / 4,
 *             /  \    /  \    /  \                               min(regret, peak - in use))
 *            /    \__/    \__/    \________
 *     kept          ..    ....    ....___             what is kept never lifts the total above the
 *                 purge  regret  kept   aged           peak of the last two periods
 *                                                      by more than an eighth
 *
 * The units are the owner's: pages for a pool of runs, chunks for extents.
 * Lock         the owner's.
 * Above        run extent purge
 */
#ifndef ASHLAR_HEAP_DEMAND_H
#define ASHLAR_HEAP_DEMAND_H

#include "../util/common.h"

struct demand {
    size_t purged;      /* given back to the system and not taken again yet */
    size_t regret;      /* twice what was taken again after it was given back; halved each period */
    size_t peak;        /* the most in use in this period */
    size_t peak_before; /* and in the one before */
    uint64_t began_ms;  /* when this period began */
};

/* n units were purged because too much was free. */
void demand_purged(struct demand *d, size_t n);

/* n units that read as zero were taken into use; in_use counts them already. */
void demand_taken(struct demand *d, size_t n, size_t in_use);

/* How much may stay free and backed beside `in_use` when new memory had to be taken, because nothing that
 * is free fitted: as much as keeps the total at the recent peak of use and a sixteenth. */
size_t demand_beside(const struct demand *d, size_t in_use);

/* How much may stay free and backed, of which `least` anyway. period_ms is the decay time: 0 keeps
 * nothing, below 0 keeps everything. */
size_t demand_keep(struct demand *d, size_t in_use, size_t least, int64_t period_ms,
                   uint64_t now_ms);

#endif
