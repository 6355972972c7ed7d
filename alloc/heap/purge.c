/* purge.c: see purge.h. */
#include "purge.h"
#include "../os/process.h"
#include "../util/conf.h"

#define BOUND_LEAST_BYTES ((size_t)16 << 20)

static _Atomic size_t least_pages = BOUND_LEAST_BYTES >> LG_PAGE;

void purge_set_arenas(unsigned narenas)
{
    atomic_store_explicit(&least_pages, (BOUND_LEAST_BYTES >> LG_PAGE) / narenas, RELAXED);
}

void purge_bound_pool(struct pool *pool)
{
    /* The counts are read without the lock: a stale one delays or hastens a look, no more. */
    size_t least = atomic_load_explicit(&least_pages, RELAXED);
    size_t quarter = count_read(&pool->pages_used) / 4;
    if (conf.dirty_decay_ms == 0) {
        least = quarter = 0;
    }
    if (count_read(&pool->pages_free[RUN_DIRTY]) > (quarter > least ? quarter : least)) {
        pool_purge_excess(pool, least);
    }
    purge_bound_extents(); /* a chunk that became empty has gone there */
    purge_tick(pool);
}

void purge_bound_extents(void)
{
    extent_purge_excess(BOUND_LEAST_BYTES >> LG_CHUNK);
}

/* The latest time of freeing that is due now; false where nothing ever is. */
static bool due(uint64_t *before_ms)
{
    uint64_t now = process_now_ms();
    if (conf.dirty_decay_ms < 0 || now < (uint64_t)conf.dirty_decay_ms) {
        return false;
    }
    *before_ms = now - (uint64_t)conf.dirty_decay_ms;
    return true;
}

void purge_decay_pool(struct pool *pool)
{
    uint64_t before_ms;
    if (count_read(&pool->pages_free[RUN_DIRTY]) && due(&before_ms)) {
        pool_purge(pool, 0, before_ms);
    }
}

void purge_decay_extents(void)
{
    uint64_t before_ms;
    if (due(&before_ms)) {
        extent_purge(0, before_ms);
    }
}

void purge_tick(struct pool *pool)
{
    uint64_t now = process_now_ms();
    if (conf.dirty_decay_ms < 0 || now < atomic_load_explicit(&pool->decay_next_ms, RELAXED)) {
        return;
    }
    atomic_store_explicit(&pool->decay_next_ms, now + (uint64_t)conf.dirty_decay_ms / 8 + 1,
                          RELAXED);
    purge_decay_pool(pool);
    purge_decay_extents();
}
