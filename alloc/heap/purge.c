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

static void ratio_bound_pool(struct pool *pool)
{
    int64_t lg_dirty_mult = pool_lg_dirty_mult(pool);
    size_t most = lg_dirty_mult < 0 ? SIZE_MAX : count_read(&pool->pages_used) >> lg_dirty_mult;
    most = most > CHUNK_PAGES ? most : CHUNK_PAGES;
    if (count_read(&pool->pages_free[RUN_DIRTY]) > most) {
        pool_purge(pool, most, UINT64_MAX);
    }
}

void purge_bound_pool(struct pool *pool)
{
    /* The counts are read without the lock: a stale one delays or hastens a look, no more. */
    size_t least = atomic_load_explicit(&least_pages, RELAXED);
    size_t quarter = count_read(&pool->pages_used) / 4;
    if (UNLIKELY(conf.purge == PURGE_RATIO)) {
        ratio_bound_pool(pool);
    } else {
        if (pool_decay_ms(pool) == 0) {
            least = quarter = 0;
        }
        if (count_read(&pool->pages_free[RUN_DIRTY]) > (quarter > least ? quarter : least)) {
            pool_purge_excess(pool, least);
        }
    }
    purge_bound_extents(pool_extents(pool)); /* a chunk that became empty has gone there */
    purge_tick(pool);
}

void purge_bound_extents(struct extents *set)
{
    if (!extents_have_dirty(set)) {
        return;
    }
    if (UNLIKELY(conf.purge == PURGE_RATIO)) {
        extent_purge_by_ratio(set, extents_lg_dirty_mult(set));
        return;
    }
    extent_purge_excess(set, BOUND_LEAST_BYTES >> LG_CHUNK);
}

/* The latest time of freeing that is due now; false where nothing ever is. */
static bool due(int64_t period_ms, uint64_t *before_ms)
{
    uint64_t now = process_now_ms();
    if (conf.purge == PURGE_RATIO || period_ms < 0 || now < (uint64_t)period_ms) {
        return false;
    }
    *before_ms = now - (uint64_t)period_ms;
    return true;
}

void purge_decay_pool(struct pool *pool)
{
    uint64_t before_ms;
    if (count_read(&pool->pages_free[RUN_DIRTY]) && due(pool_decay_ms(pool), &before_ms)) {
        pool_purge(pool, 0, before_ms);
    }
}

void purge_decay_extents(struct extents *set)
{
    uint64_t before_ms;
    if (due(extents_decay_ms(set), &before_ms)) {
        extent_purge(set, 0, before_ms);
    }
}

/* Of two times, of which one below 0 is none. */
static int64_t shorter(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

void purge_tick(struct pool *pool)
{
    uint64_t now = process_now_ms();
    if (now < atomic_load_explicit(&pool->decay_next_ms, RELAXED)) {
        return;
    }
    int64_t period_ms = shorter(pool_decay_ms(pool), extents_decay_ms(&extents_shared));
    if (period_ms < 0) {
        return;
    }
    atomic_store_explicit(&pool->decay_next_ms, now + (uint64_t)period_ms / 8 + 1, RELAXED);
    purge_decay_pool(pool);
    purge_decay_extents(&extents_shared);
    if (pool_extents(pool) != &extents_shared) {
        purge_decay_extents(pool_extents(pool));
    }
}

/* The first tick after this looks at what is due. */
static void look_soon(struct pool *pool)
{
    atomic_store_explicit(&pool->decay_next_ms, 0, RELAXED);
    purge_bound_pool(pool);
}

/* The extents that are the pool's alone, or NULL. */
static struct extents *own_extents(struct pool *pool)
{
    struct extents *set = pool_extents(pool);
    return set != &extents_shared ? set : NULL;
}

COLD void purge_set_decay(struct pool *pool, int64_t decay_ms)
{
    setting_change(&pool->decay_ms, decay_ms);
    if (own_extents(pool)) {
        setting_change(&own_extents(pool)->decay_ms, decay_ms);
    }
    look_soon(pool);
}

COLD void purge_set_ratio(struct pool *pool, int64_t lg_dirty_mult)
{
    setting_change(&pool->lg_dirty_mult, lg_dirty_mult);
    if (own_extents(pool)) {
        setting_change(&own_extents(pool)->lg_dirty_mult, lg_dirty_mult);
    }
    look_soon(pool);
}
