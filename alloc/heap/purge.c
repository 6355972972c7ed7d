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

/* The most pages (or chunks) that may stay dirty beside what is in use by the ratio, and never less
 * than a chunk, below which purging only costs. */
static size_t ratio_bound(size_t used, int64_t lg_dirty_mult, size_t chunk)
{
    if (lg_dirty_mult < 0) {
        return SIZE_MAX;
    }
    size_t most = used >> lg_dirty_mult;
    return most > chunk ? most : chunk;
}

/* Without a clock: what is dirty beyond the ratio goes back. */
static void ratio_bound_pool(struct pool *pool)
{
    size_t most = ratio_bound(count_read(&pool->pages_used), pool_lg_dirty_mult(pool), CHUNK_PAGES);
    if (count_read(&pool->pages_free[RUN_DIRTY]) > most) {
        pool_purge(pool, most, UINT64_MAX);
    }
}

static void ratio_bound_extents(void)
{
    struct extent_figures f;
    extent_figures(&f);
    size_t most = ratio_bound(f.live_chunks, conf_lg_dirty_mult(), 1);
    if (f.dirty_chunks > most) {
        extent_purge(most, UINT64_MAX);
    }
}

void purge_bound_pool(struct pool *pool)
{
    if (UNLIKELY(conf.purge == PURGE_RATIO)) {
        ratio_bound_pool(pool);
        ratio_bound_extents();
        return;
    }
    /* The counts are read without the lock: a stale one delays or hastens a look, no more. */
    size_t least = atomic_load_explicit(&least_pages, RELAXED);
    size_t quarter = count_read(&pool->pages_used) / 4;
    if (pool_decay_ms(pool) == 0) {
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
    if (UNLIKELY(conf.purge == PURGE_RATIO)) {
        ratio_bound_extents();
        return;
    }
    extent_purge_excess(BOUND_LEAST_BYTES >> LG_CHUNK);
}

/* The latest time of freeing that is due now; false where nothing ever is. */
static bool due(int64_t decay_ms, uint64_t *before_ms)
{
    uint64_t now = process_now_ms();
    if (conf.purge == PURGE_RATIO || decay_ms < 0 || now < (uint64_t)decay_ms) {
        return false;
    }
    *before_ms = now - (uint64_t)decay_ms;
    return true;
}

void purge_decay_pool(struct pool *pool)
{
    uint64_t before_ms;
    if (count_read(&pool->pages_free[RUN_DIRTY]) && due(pool_decay_ms(pool), &before_ms)) {
        pool_purge(pool, 0, before_ms);
    }
}

void purge_decay_extents(void)
{
    uint64_t before_ms;
    if (due(conf_decay_ms(), &before_ms)) {
        extent_purge(0, before_ms);
    }
}

void purge_tick(struct pool *pool)
{
    uint64_t now = process_now_ms();
    int64_t period = pool_decay_ms(pool), of_extents = conf_decay_ms();
    if (period < 0 || (of_extents >= 0 && of_extents < period)) {
        period = of_extents; /* the shorter one of those that are not "never" */
    }
    if (period < 0 || now < atomic_load_explicit(&pool->decay_next_ms, RELAXED)) {
        return;
    }
    atomic_store_explicit(&pool->decay_next_ms, now + (uint64_t)period / 8 + 1, RELAXED);
    purge_decay_pool(pool);
    purge_decay_extents();
}

/* The first tick after this looks at what is due. */
static void look_soon(struct pool *pool)
{
    atomic_store_explicit(&pool->decay_next_ms, 0, RELAXED);
    purge_bound_pool(pool);
}

COLD void purge_set_decay(struct pool *pool, int64_t decay_ms)
{
    setting_change(&pool->decay_ms, decay_ms);
    look_soon(pool);
}

COLD void purge_set_ratio(struct pool *pool, int64_t lg_dirty_mult)
{
    setting_change(&pool->lg_dirty_mult, lg_dirty_mult);
    look_soon(pool);
}
