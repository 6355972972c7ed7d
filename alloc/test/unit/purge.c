/* purge.c (test): the bound at once, decay in time, for pools and for whole chunks. The time is ours. */
#include "../../heap/purge.h"
#include "../../util/conf.h"
#include "faults.h"
#include "unit.h"

#define MIB ((size_t)1 << 20)
#define PAGES(mib) ((unsigned)((mib) * MIB >> LG_PAGE))

static struct pool pool;

static void boot(void)
{
    conf.thp = THP_NEVER;
    faults.clock_ms = 1000000;
    pool_init(&pool, 0);
}

static size_t dirty_pages(void)
{
    return count_read(&pool.pages_free[RUN_DIRTY]);
}

static size_t dirty_chunks(void)
{
    struct extent_figures f;
    extent_figures(&f);
    return f.dirty_chunks;
}

/* Frees n runs of 1 MiB of a pool that holds them and `in_use` more. Of each a page stays in use, so
 * that they are not joined and no chunk becomes empty. */
static void free_mebibytes(unsigned n, unsigned in_use)
{
    static struct run *runs[256];
    bool zeroed;
    for (unsigned i = 0; i < n + in_use; i++) {
        runs[i] = pool_alloc(&pool, PAGES(1) + 1, 1, &zeroed);
        REQUIRE(runs[i]);
    }
    for (unsigned i = 0; i < n; i++) {
        faults.clock_ms++;
        pool_shrink(&pool, runs[i], 1);
    }
}

static void pool_keeps_sixteen_mebibytes(void)
{
    boot();
    free_mebibytes(16, 0);
    purge_bound_pool(&pool);
    REQUIRE_EQUAL(dirty_pages(), PAGES(16));
    free_mebibytes(1, 0); /* one too many: down to 7/8, oldest first */
    purge_bound_pool(&pool);
    REQUIRE_EQUAL(dirty_pages(), PAGES(14));
    REQUIRE(pool_check(&pool));
}

static void pool_keeps_a_quarter_of_what_is_in_use(void)
{
    boot();
    free_mebibytes(30, 130);
    purge_bound_pool(&pool);
    REQUIRE_EQUAL(dirty_pages(), PAGES(30));
    free_mebibytes(10, 0);
    purge_bound_pool(&pool);
    size_t quarter = count_read(&pool.pages_used) / 4;
    REQUIRE(dirty_pages() <= quarter && dirty_pages() >= quarter - quarter / 8 - PAGES(1));
    REQUIRE(pool_check(&pool));
}

static void arenas_share_the_least(void)
{
    boot();
    purge_set_arenas(4);
    free_mebibytes(5, 0);
    purge_bound_pool(&pool);
    REQUIRE(dirty_pages() <= PAGES(4) && dirty_pages() >= PAGES(3));
}

static void zero_keeps_nothing_and_minus_one_all(void)
{
    boot();
    conf.dirty_decay_ms = -1;
    free_mebibytes(40, 0);
    purge_bound_pool(&pool);
    faults.clock_ms += (uint64_t)1 << 40;
    purge_decay_pool(&pool);
    REQUIRE_EQUAL(dirty_pages(), PAGES(40));
    conf.dirty_decay_ms = 0;
    purge_bound_pool(&pool);
    REQUIRE_EQUAL(dirty_pages(), 0);
    free_mebibytes(1, 10); /* not even a little */
    REQUIRE(dirty_pages() > 0);
    purge_bound_pool(&pool);
    REQUIRE_EQUAL(dirty_pages(), 0);
}

/* purge:ratio has no time: a share of what is in use stays dirty, or a chunk. */
static void by_ratio(void)
{
    boot();
    conf.purge = PURGE_RATIO;
    conf.dirty_decay_ms = 0;
    conf.lg_dirty_mult = 2;
    free_mebibytes(12, 80);
    purge_bound_pool(&pool);
    size_t most = count_read(&pool.pages_used) >> 2;
    REQUIRE_EQUAL(dirty_pages(), PAGES(12)); /* less than a quarter, and no matter how old */
    faults.clock_ms += 1000000;
    purge_tick(&pool);
    REQUIRE_EQUAL(dirty_pages(), PAGES(12));
    free_mebibytes(20, 0);
    purge_bound_pool(&pool);
    REQUIRE(dirty_pages() <= most + PAGES(1) && dirty_pages() > most - PAGES(3));
    purge_set_ratio(&pool, 5); /* a 32nd is less than a chunk */
    REQUIRE(dirty_pages() <= CHUNK_PAGES && dirty_pages() > CHUNK_PAGES - PAGES(2));
    purge_set_ratio(&pool, -1);
    free_mebibytes(30, 0);
    purge_bound_pool(&pool);
    REQUIRE(dirty_pages() >= PAGES(30));
    REQUIRE(pool_check(&pool));
}

static void whole_chunks_by_ratio(void)
{
    boot();
    conf.purge = PURGE_RATIO;
    conf.lg_dirty_mult = 2;
    struct extent *kept = extent_alloc(&extents_shared, 0, 12, CHUNK_SIZE, CHUNK_HUGE);
    struct extent *freed = extent_alloc(&extents_shared, 0, 3, CHUNK_SIZE, CHUNK_HUGE);
    REQUIRE(kept && freed);
    extent_free(freed);
    purge_bound_extents(&extents_shared);
    REQUIRE_EQUAL(dirty_chunks(), 3);
    setting_change(&setting_lg_dirty_mult, 3); /* an eighth of twelve is one */
    purge_bound_extents(&extents_shared);
    REQUIRE_EQUAL(dirty_chunks(), 0); /* a piece is purged whole */
}

/* A pool may have settings of its own, which hold at once. */
static void settings_of_a_pool(void)
{
    boot();
    conf.dirty_decay_ms = 10000;
    free_mebibytes(3, 0);
    REQUIRE(pool_decay_ms(&pool) == 10000);
    purge_bound_pool(&pool);
    REQUIRE_EQUAL(dirty_pages(), PAGES(3));
    purge_set_decay(&pool, 0);
    REQUIRE_EQUAL(dirty_pages(), 0);
    purge_set_decay(&pool, -1);
    free_mebibytes(3, 0);
    faults.clock_ms += 100000;
    purge_tick(&pool);
    purge_decay_pool(&pool);
    REQUIRE_EQUAL(dirty_pages(), PAGES(3));
    purge_set_decay(&pool, 500); /* they are older than that */
    REQUIRE_EQUAL(dirty_pages(), 0);
    setting_change(&setting_decay_ms, 7);
    REQUIRE(pool_decay_ms(&pool) == 500);
}

static void purging_is_counted(void)
{
    struct pool_figures f;
    boot();
    free_mebibytes(3, 5);
    pool_figures(&pool, &f);
    REQUIRE_EQUAL(f.npurges + f.nmadvises + f.pages_purged, 0);
    REQUIRE_EQUAL(f.pages_dirty, PAGES(3));
    REQUIRE_EQUAL(f.pages_used, count_read(&pool.pages_used));
    REQUIRE_EQUAL(f.chunks, count_read(&pool.nchunks));
    pool_purge(&pool, 0, UINT64_MAX);
    pool_purge(&pool, 0, UINT64_MAX); /* nothing is no sweep */
    pool_figures(&pool, &f);
    REQUIRE_EQUAL(f.npurges, 1);
    REQUIRE_EQUAL(f.nmadvises, 3);
    REQUIRE_EQUAL(f.pages_purged, PAGES(3));
    REQUIRE_EQUAL(f.pages_dirty, 0);
}

static void pool_decays_by_age(void)
{
    boot();
    conf.dirty_decay_ms = 500;
    free_mebibytes(3, 0); /* one each millisecond */
    uint64_t last = faults.clock_ms;
    purge_decay_pool(&pool);
    REQUIRE_EQUAL(dirty_pages(), PAGES(3));
    faults.clock_ms = last - 2 + 499;
    purge_decay_pool(&pool);
    REQUIRE_EQUAL(dirty_pages(), PAGES(3));
    faults.clock_ms++;
    purge_decay_pool(&pool);
    REQUIRE_EQUAL(dirty_pages(), PAGES(2));
    faults.clock_ms = last + 499;
    purge_decay_pool(&pool);
    REQUIRE_EQUAL(dirty_pages(), PAGES(1));
    faults.clock_ms = last + 500;
    purge_decay_pool(&pool);
    REQUIRE_EQUAL(dirty_pages(), 0);
    unsigned calls = faults.madvises;
    purge_decay_pool(&pool); /* nothing left, nothing done */
    REQUIRE_EQUAL(faults.madvises, calls);
}

/* A look for old memory is cheap because it is not taken at every tick. */
static void ticks_look_eight_times_in_the_decay_time(void)
{
    boot();
    conf.dirty_decay_ms = 800;
    free_mebibytes(3, 0);
    uint64_t last = faults.clock_ms, purged = 0;
    for (faults.clock_ms = last; faults.clock_ms <= last + 1000; faults.clock_ms++) {
        size_t before = dirty_pages();
        purge_tick(&pool);
        purged += dirty_pages() != before;
        if (faults.clock_ms < last + 800 - 2) {
            REQUIRE_EQUAL(dirty_pages(), PAGES(3)); /* never too early */
        }
    }
    REQUIRE_EQUAL(dirty_pages(), 0);
    REQUIRE_EQUAL(purged, 1); /* three ages, in one of the looks */
    free_mebibytes(1, 0);
    struct extent *e = extent_alloc(&extents_shared, 0, 1, CHUNK_SIZE, CHUNK_HUGE);
    extent_free(e);
    faults.clock_ms += 2000;
    purge_tick(&pool); /* whole chunks as well */
    REQUIRE_EQUAL(dirty_pages() + dirty_chunks(), 0);
    free_mebibytes(1, 0);
    conf.dirty_decay_ms = -1;
    faults.clock_ms += 100000;
    purge_tick(&pool);
    REQUIRE_EQUAL(dirty_pages(), PAGES(1));
}

/* In the first moments of the system's life nothing can be old enough. */
static void a_clock_below_the_decay_time(void)
{
    boot();
    faults.clock_ms = 100;
    free_mebibytes(1, 0);
    purge_decay_pool(&pool);
    REQUIRE_EQUAL(dirty_pages(), PAGES(1));
}

static struct extent *chunks[64];

static void take_chunks(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        chunks[i] = extent_alloc(&extents_shared, 0, 1, CHUNK_SIZE, CHUNK_HUGE);
        REQUIRE(chunks[i]);
    }
}

static void chunks_keep_sixteen_mebibytes(void)
{
    boot();
    take_chunks(12);
    for (unsigned i = 0; i < 10; i += 2) { /* single ones, not joined */
        REQUIRE_EQUAL(dirty_chunks(), i / 2);
        extent_free(chunks[i]);
        purge_bound_extents(&extents_shared);
    }
    REQUIRE_EQUAL(dirty_chunks(), 4); /* four stay, the fifth was one too many */
    REQUIRE(extent_check());
}

static void chunks_keep_a_quarter(void)
{
    boot();
    take_chunks(60);
    for (unsigned i = 0; i < 24; i += 2) {
        extent_free(chunks[i]);
        purge_bound_extents(&extents_shared);
    }
    REQUIRE(dirty_chunks() <= 12 && dirty_chunks() >= 10); /* 48 are in use */
}

static void chunks_decay_by_age(void)
{
    boot();
    conf.dirty_decay_ms = 500;
    take_chunks(8);
    for (unsigned i = 0; i < 6; i += 2) {
        faults.clock_ms += 10;
        extent_free(chunks[i]);
    }
    purge_decay_extents(&extents_shared);
    REQUIRE_EQUAL(dirty_chunks(), 3);
    faults.clock_ms += 480;
    purge_decay_extents(&extents_shared);
    REQUIRE_EQUAL(dirty_chunks(), 2);
    faults.clock_ms += 20;
    purge_decay_extents(&extents_shared);
    REQUIRE_EQUAL(dirty_chunks(), 0);
    conf.dirty_decay_ms = -1;
    extent_free(chunks[7]);
    faults.clock_ms += 100000;
    purge_decay_extents(&extents_shared);
    purge_bound_extents(&extents_shared);
    REQUIRE_EQUAL(dirty_chunks(), 1);
}

static void ratio_bounds_by_what_is_in_use(void)
{
    boot();
    conf.purge = PURGE_RATIO;
    free_mebibytes(32, 64); /* 64 in use and 32 pages: an eighth is 8 and some */
    purge_bound_pool(&pool);
    REQUIRE_EQUAL(dirty_pages() / PAGES(1), 8);
    purge_set_ratio(&pool, 4); /* holds at once: a chunk is never too much */
    REQUIRE_EQUAL(dirty_pages() / PAGES(1), 4);
    REQUIRE_EQUAL(pool_lg_dirty_mult(&pool), 4);
    faults.clock_ms += 1000000; /* no time makes pages go */
    purge_tick(&pool);
    purge_decay_pool(&pool);
    REQUIRE_EQUAL(dirty_pages() / PAGES(1), 4);
    purge_set_ratio(&pool, -1);
    free_mebibytes(100, 0);
    purge_bound_pool(&pool);
    REQUIRE_EQUAL(dirty_pages() / PAGES(1), 104);
    REQUIRE(pool_check(&pool));
}

static void ratio_bounds_chunks(void)
{
    struct extent *live[16], *freed[8];
    boot();
    conf.purge = PURGE_RATIO;
    for (unsigned i = 0; i < 24; i++) {
        struct extent *e = extent_alloc(&extents_shared, 0, 1, CHUNK_SIZE, CHUNK_HUGE);
        REQUIRE(e);
        *(i < 16 ? &live[i] : &freed[i - 16]) = e;
    }
    for (unsigned i = 0; i < 8; i++) {
        extent_free(freed[i]);
    }
    purge_bound_extents(&extents_shared);
    REQUIRE(dirty_chunks() <= 2);
    setting_change(&setting_lg_dirty_mult, -1);
    extent_free(live[0]);
    extent_free(live[2]);
    size_t before = dirty_chunks();
    purge_bound_extents(&extents_shared);
    REQUIRE_EQUAL(dirty_chunks(), before);
    REQUIRE(extent_check());
}

static void a_pool_may_have_its_own_time(void)
{
    boot();
    conf.dirty_decay_ms = 10000;
    free_mebibytes(4, 0);
    REQUIRE_EQUAL(pool_decay_ms(&pool), 10000);
    setting_change(&setting_decay_ms, 5000);
    REQUIRE_EQUAL(pool_decay_ms(&pool), 5000);
    purge_set_decay(&pool, 100);
    REQUIRE_EQUAL(pool_decay_ms(&pool), 100);
    REQUIRE_EQUAL(dirty_pages(), PAGES(4));
    faults.clock_ms += 101;
    purge_tick(&pool);
    REQUIRE_EQUAL(dirty_pages(), 0);
    free_mebibytes(4, 0);
    purge_set_decay(&pool, 0); /* at once */
    REQUIRE_EQUAL(dirty_pages(), 0);
    purge_set_decay(&pool, -1);
    free_mebibytes(40, 0);
    faults.clock_ms += 1000000;
    purge_bound_pool(&pool);
    REQUIRE_EQUAL(dirty_pages(), PAGES(40));
}

/* A pool that never purges still sees to the chunks that all share. */
static void shared_chunks_decay_beside_a_pool_that_never_does(void)
{
    boot();
    conf.dirty_decay_ms = 1000;
    purge_set_decay(&pool, -1);
    extent_free(extent_alloc(&extents_shared, 0, 1, CHUNK_SIZE, CHUNK_HUGE));
    REQUIRE_EQUAL(dirty_chunks(), 1);
    faults.clock_ms += 2000;
    purge_tick(&pool);
    REQUIRE_EQUAL(dirty_chunks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(pool_keeps_sixteen_mebibytes),
        UNIT(pool_keeps_a_quarter_of_what_is_in_use),
        UNIT(arenas_share_the_least),
        UNIT(zero_keeps_nothing_and_minus_one_all),
        UNIT(by_ratio),
        UNIT(whole_chunks_by_ratio),
        UNIT(settings_of_a_pool),
        UNIT(purging_is_counted),
        UNIT(pool_decays_by_age),
        UNIT(ticks_look_eight_times_in_the_decay_time),
        UNIT(a_clock_below_the_decay_time),
        UNIT(chunks_keep_sixteen_mebibytes),
        UNIT(chunks_keep_a_quarter),
        UNIT(chunks_decay_by_age),
        UNIT(ratio_bounds_by_what_is_in_use),
        UNIT(ratio_bounds_chunks),
        UNIT(a_pool_may_have_its_own_time),
        UNIT(shared_chunks_decay_beside_a_pool_that_never_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
