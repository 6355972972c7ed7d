/* purge.h: when free pages go back to the system.
 *
 *     dirty pages
 *       bound |-------------.        purged at once down to 7/8 of the bound, oldest first
 *             |  ___/\__/\  |___
 *             |_/         \_____\____   below the bound: given back when unused for dirty_decay_ms
 *                                 time
 *
 * The bound is that of demand.h, with 16 MiB shared by the arenas as the least.
 *
 * With purge:ratio there is another bound and no time: as many dirty pages as used ones / 2^lg_dirty_mult,
 * or a chunk of them.
 *
 * No clock is read here but on slow paths; nothing runs by itself.
 *
 * Below        run.h extent.h          Above   bin large huge arena
 */
#ifndef ASHLAR_HEAP_PURGE_H
#define ASHLAR_HEAP_PURGE_H

#include "run.h"

/* After pages of the pool became free: holds the bound. */
void purge_bound_pool(struct pool *pool);

/* After an extent became free: holds the bound for whole chunks. */
void purge_bound_extents(struct extents *set);

/* Gives back what was not used for dirty_decay_ms. */
void purge_decay_pool(struct pool *pool);
void purge_decay_extents(struct extents *set);

/* Gives the pool, and the extents that are its alone, settings of its own, which hold at once; in range
 * (conf.c). */
void purge_set_decay(struct pool *pool, int64_t decay_ms);
void purge_set_ratio(struct pool *pool, int64_t lg_dirty_mult);

/* The decay of the pool, of its extents and of the shared ones, eight times in the shortest of their
 * times; cheap in between. */
void purge_tick(struct pool *pool);

/* The number of arenas in use, which share the least bound. */
void purge_set_arenas(unsigned narenas);

#endif
