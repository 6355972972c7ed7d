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

/* What may stay dirty beside `in_use`, in the unit of both arguments. */
static size_t bound(size_t in_use, size_t least)
{
    if (conf.dirty_decay_ms == 0) {
        return 0;
    }
    if (conf.dirty_decay_ms < 0) {
        return SIZE_MAX;
    }
    return in_use / 4 > least ? in_use / 4 : least;
}

void purge_bound_pool(struct pool *pool)
{
    /* The counts are read without the lock: a stale one delays or hastens a purge, no more. */
    size_t most = bound(count_read(&pool->pages_used), atomic_load_explicit(&least_pages, RELAXED));
    if (count_read(&pool->pages_free[RUN_DIRTY]) > most) {
        pool_purge(pool, most - most / 8, UINT64_MAX);
    }
}

void purge_bound_extents(void)
{
    struct extent_figures f;
    extent_figures(&f);
    size_t most = bound(f.live_chunks, BOUND_LEAST_BYTES >> LG_CHUNK);
    if (f.dirty_chunks > most) {
        extent_purge(most - most / 8, UINT64_MAX);
    }
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
