/* stats.c (test): the figures against books that the test keeps, at rest exactly, beside running threads
 * in their order. */
#include "../../inspect/stats.h"
#include "../../api/boot.h"
#include "../../thread/thread.h"
#include "../../util/conf.h"
#include "../../util/prng.h"
#include "faults.h"
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static struct ashlar_stats stats(void)
{
    struct ashlar_stats s;
    ashlar_stats_get(&s);
    REQUIRE(s.allocated_bytes <= s.active_bytes);
    REQUIRE(s.active_bytes <= s.resident_bytes);
    REQUIRE(s.resident_bytes <= s.mapped_bytes);
    REQUIRE(s.active_bytes + s.dirty_bytes + s.metadata_bytes == s.resident_bytes);
    return s;
}

static void at_first(void)
{
    conf.thp = THP_NEVER;
    struct ashlar_stats s = stats();
    REQUIRE_EQUAL(s.mallocs, 0);
    REQUIRE_EQUAL(s.allocated_bytes + s.active_bytes + s.dirty_bytes, 0);
    REQUIRE(s.metadata_bytes > 0 && s.metadata_bytes < MIB);
}

static void one_block(void)
{
    void *block = ashlar_malloc(100);
    struct ashlar_stats s = stats();
    REQUIRE_EQUAL(s.allocated_bytes, 112);
    REQUIRE_EQUAL(s.mallocs, 1);
    REQUIRE_EQUAL(s.frees, 0);
    REQUIRE_EQUAL(s.narenas, 1);
    REQUIRE_EQUAL(s.nthreads, 1);
    REQUIRE_EQUAL(s.active_bytes, 7 * PAGE_SIZE); /* the run of 112 */
    REQUIRE_EQUAL(s.mapped_bytes / CHUNK_SIZE, 16);
    size_t cached = s.cached_bytes;
    ashlar_free(block);
    s = stats();
    REQUIRE_EQUAL(s.allocated_bytes, 0);
    REQUIRE_EQUAL(s.cached_bytes, cached + 112);
    REQUIRE_EQUAL(s.frees, 1);
    REQUIRE_EQUAL(ashlar_purge(), 7 * PAGE_SIZE);
    s = stats();
    REQUIRE_EQUAL(s.cached_bytes + s.active_bytes + s.dirty_bytes, 0);
}

static size_t random_size(uint64_t *state)
{
    unsigned lg = (unsigned)(prng_next(state) % 24); /* to 8 MiB and a little, log-uniform */
    return prng_next(state) % ((size_t)1 << lg) + ((size_t)1 << lg) / 2;
}

/* What the program holds, by the books and by the figures. */
static void books(uint64_t seed)
{
    enum { HELD = 300 };
    static void *held[HELD];
    uint64_t state = seed, mallocs = stats().mallocs, frees = stats().frees;
    size_t bytes = stats().allocated_bytes;
    for (unsigned step = 0; step < 6000; step++) {
        unsigned i = (unsigned)(prng_next(&state) % HELD);
        if (held[i] && prng_next(&state) % 4 == 0) {
            bytes -= ashlar_malloc_usable_size(held[i]);
            void *moved = ashlar_realloc(held[i], random_size(&state) + 1);
            REQUIRE(moved);
            bytes += ashlar_malloc_usable_size(moved);
            mallocs += moved != held[i];
            frees += moved != held[i];
            held[i] = moved;
        } else if (held[i]) {
            bytes -= ashlar_malloc_usable_size(held[i]);
            ashlar_free(held[i]);
            held[i] = NULL;
            frees++;
        } else {
            held[i] = prng_next(&state) % 8 ? ashlar_malloc(random_size(&state))
                                            : ashlar_memalign(4096, random_size(&state));
            REQUIRE(held[i]);
            bytes += ashlar_malloc_usable_size(held[i]);
            mallocs++;
        }
        if (step % 32 == 0) {
            struct ashlar_stats s = stats();
            REQUIRE_EQUAL(s.allocated_bytes, bytes);
            REQUIRE_EQUAL(s.frees, frees);
            REQUIRE_EQUAL(s.mallocs, mallocs);
        }
    }
    for (unsigned i = 0; i < HELD; i++) {
        ashlar_free(held[i]);
        held[i] = NULL;
    }
    ashlar_purge();
    struct ashlar_stats s = stats();
    REQUIRE_EQUAL(s.allocated_bytes + s.cached_bytes + s.active_bytes + s.dirty_bytes, 0);
}

static void like_the_books(void)
{
    conf.thp = THP_NEVER;
    books(1);
}

static void like_the_books_without_a_cache(void)
{
    setenv("ASHLAR_CONF", "tcache:false,thp:never", 1);
    books(2);
}

/* Sampled blocks lie in whole pages, and are counted at the size that the program sees. */
static void like_the_books_when_sampled(void)
{
    setenv("ASHLAR_CONF", "prof:true,lg_prof_sample:12,thp:never", 1);
    books(3);
    struct ashlar_prof_stats p;
    ashlar_prof_stats_get(&p);
    REQUIRE(p.samples_total > 100);
    REQUIRE_EQUAL(p.samples_live, 0);
}

static void *blocks[1000];

static void *free_them(void *arg)
{
    for (unsigned i = 0; i < 1000; i++) {
        ashlar_free(blocks[i]);
    }
    return arg;
}

/* Freed by another thread, they wait in a queue: cached, not allocated. */
static void queues_are_no_allocation(void)
{
    pthread_t thread;
    setenv("ASHLAR_CONF", "narenas:2,thp:never", 1);
    for (unsigned i = 0; i < 1000; i++) {
        blocks[i] = ashlar_malloc(64);
    }
    REQUIRE_EQUAL(stats().allocated_bytes, 64000);
    REQUIRE(pthread_create(&thread, NULL, free_them, NULL) == 0);
    pthread_join(thread, NULL);
    struct ashlar_stats s = stats();
    REQUIRE_EQUAL(s.narenas, 2);
    REQUIRE_EQUAL(s.nthreads, 1);
    REQUIRE_EQUAL(s.allocated_bytes, 0);
    REQUIRE(s.cached_bytes >= 64000);
    REQUIRE_EQUAL(s.mallocs, 1000);
    REQUIRE_EQUAL(s.frees, 1000);
    ashlar_purge();
    REQUIRE_EQUAL(stats().active_bytes, 0);
}

static void huge_blocks_count_as_their_chunks(void)
{
    void *block = ashlar_malloc(5 * MIB);
    struct ashlar_stats s = stats();
    REQUIRE_EQUAL(s.allocated_bytes, 8 * MIB);
    REQUIRE(s.active_bytes >= 8 * MIB);
    ashlar_free(block);
    s = stats();
    REQUIRE_EQUAL(s.allocated_bytes, 0);
    REQUIRE_EQUAL(s.dirty_bytes, 8 * MIB);
    REQUIRE_EQUAL(ashlar_purge(), 8 * MIB);
}

static _Atomic bool over;

static void *come_and_go(void *arg)
{
    uint64_t state = (uintptr_t)arg;
    void *held[64] = {NULL};
    while (!atomic_load(&over)) {
        unsigned i = (unsigned)(prng_next(&state) % 64);
        ashlar_free(held[i]);
        held[i] = ashlar_malloc(random_size(&state) / 16);
    }
    for (unsigned i = 0; i < 64; i++) {
        ashlar_free(held[i]);
    }
    return NULL;
}

static void ordered_beside_running_threads(void)
{
    pthread_t threads[3];
    setenv("ASHLAR_CONF", "thp:never,narenas:2", 1);
    ashlar_free(ashlar_malloc(1));
    for (uintptr_t i = 0; i < 3; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, come_and_go, (void *)(i + 1)) == 0);
    }
    for (unsigned i = 0; i < 1500; i++) {
        stats(); /* requires the order */
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    struct ashlar_stats s = stats();
    REQUIRE_EQUAL(s.allocated_bytes, 0);
    REQUIRE_EQUAL(s.mallocs, s.frees);
}

static void part_child(void)
{
    struct ashlar_stats s = stats();
    REQUIRE_EQUAL(s.allocated_bytes, 112 + 12 * MIB);
    REQUIRE_EQUAL(s.mallocs, 2);
    REQUIRE_EQUAL(s.nthreads, 1);
    ashlar_free(blocks[0]);
    ashlar_free(blocks[1]);
    REQUIRE_EQUAL(stats().allocated_bytes, 0);
}

static void in_a_forked_child(void)
{
    blocks[0] = ashlar_malloc(100);
    blocks[1] = ashlar_malloc(9 * MIB);
    REQUIRE_EQUAL(unit_child(part_child).exit, 0);
}

/* The sum over the arenas, read as mallctl reads it. */
static struct stats_arena sum_of_arenas(void)
{
    static struct stats_arena sum, one;
    memset(&sum, 0, sizeof sum);
    for (unsigned i = 0; i < arena_count(); i++) {
        stats_arena_read(arena_get(i), &one);
        stats_arena_add(&sum, &one);
        uint64_t allocated = one.small.allocated + one.large.allocated + one.huge.allocated;
        REQUIRE(allocated <= one.pactive << LG_PAGE);
        REQUIRE(one.pactive << LG_PAGE <= one.resident && one.resident <= one.mapped);
    }
    return sum;
}

static void arenas_like_the_books(void)
{
    conf.thp = THP_NEVER;
    blocks[0] = ashlar_malloc(100);
    blocks[1] = ashlar_malloc(50000);
    blocks[2] = ashlar_malloc(9 * MIB);
    blocks[3] = ashlar_memalign(65536, 100); /* past the caches */
    ashlar_free(ashlar_malloc(100));
    struct stats_arena s = sum_of_arenas();
    struct stats_heap h;
    stats_heap_read(&s, &h);
    unsigned small = size_class_of(100), large = size_class_of(50000) - SMALL_CLASSES;
    REQUIRE_EQUAL(s.bins[small].nrequests, 2);
    REQUIRE_EQUAL(s.small.nrequests, 2);
    REQUIRE_EQUAL(s.bins[small].nfills, 1);
    REQUIRE_EQUAL(s.bins[small].curregs, s.bins[small].nmalloc);
    REQUIRE_EQUAL(s.small.allocated, s.bins[small].curregs * 112);
    REQUIRE_EQUAL(s.lruns[large].current, 1);
    REQUIRE_EQUAL(s.lruns[large].nrequests, 1);
    REQUIRE_EQUAL(s.lruns[0].nrequests, 1); /* 36 KiB, the least large class */
    REQUIRE_EQUAL(s.large.allocated, size_class_bytes(size_class_of(50000)) + 36864);
    REQUIRE_EQUAL(s.hchunks[2].current, 1); /* three chunks */
    REQUIRE_EQUAL(s.huge.allocated, 12 * MIB);
    REQUIRE_EQUAL(h.allocated, 112 + size_class_bytes(size_class_of(50000)) + 36864 + 12 * MIB);
    REQUIRE_EQUAL(h.allocated, stats().allocated_bytes);
    REQUIRE_EQUAL(h.active, stats().active_bytes);
    REQUIRE_EQUAL(h.chunks_current, 4);
    REQUIRE_EQUAL(s.nthreads, 1);
    for (unsigned i = 0; i < 4; i++) {
        ashlar_free(blocks[i]);
    }
    ashlar_purge();
    s = sum_of_arenas();
    stats_heap_read(&s, &h);
    REQUIRE_EQUAL(s.small.allocated + s.large.allocated + s.huge.allocated + s.tcache_bytes, 0);
    REQUIRE_EQUAL(h.allocated + h.active + s.pdirty, 0);
    REQUIRE(s.npurge > 0 && s.nmadvise >= s.npurge && s.purged > 3 * CHUNK_PAGES);
}

/* Sampled blocks lie in runs of their own, and count to their class all the same. */
static void sampled_blocks_count_to_their_class(void)
{
    setenv("ASHLAR_CONF", "prof:true,lg_prof_sample:8,thp:never", 1);
    for (unsigned i = 0; i < 200; i++) {
        blocks[i] = ashlar_malloc(1000);
    }
    struct ashlar_prof_stats p;
    ashlar_prof_stats_get(&p);
    REQUIRE(p.samples_live > 150);
    struct stats_arena s = sum_of_arenas();
    struct stats_bin *bin = &s.bins[size_class_of(1000)];
    REQUIRE_EQUAL(bin->nrequests, 200);
    REQUIRE_EQUAL(bin->allocated, 200 * 1024 + s.tcache_bytes);
    REQUIRE(bin->curruns >= p.samples_live);
    REQUIRE_EQUAL(s.large.allocated, 0);
}

static void the_line(void)
{
    char want[512];
    boot();
    blocks[0] = ashlar_malloc(100);
    ashlar_free(ashlar_malloc(100));
    struct ashlar_stats s = stats();
    snprintf(want, sizeof want,
             "ashlar: mallocs=2 frees=1 allocated=112 cached=%zu active=%zu dirty=0 resident=%zu "
             "mapped=%zu metadata=%zu arenas=1 threads=1\n",
             s.cached_bytes, s.active_bytes, s.resident_bytes, s.mapped_bytes, s.metadata_bytes);
    unit_capture();
    stats_print(2);
    REQUIRE_SAME(unit_captured(), want);
}

static void version(void)
{
    unsigned a, b, c;
    char rest;
    REQUIRE_EQUAL(sscanf(ashlar_version(), "%u.%u.%u%c", &a, &b, &c, &rest), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(at_first),
        UNIT(one_block),
        UNIT(like_the_books),
        UNIT(like_the_books_without_a_cache),
        UNIT(like_the_books_when_sampled),
        UNIT(queues_are_no_allocation),
        UNIT(huge_blocks_count_as_their_chunks),
        UNIT(ordered_beside_running_threads),
        UNIT(in_a_forked_child),
        UNIT(arenas_like_the_books),
        UNIT(sampled_blocks_count_to_their_class),
        UNIT(the_line),
        UNIT(version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
