/* arena.c (test): who joins which arena, regions of several arenas in one array, and what lies at an
 * address, be it what it may. */
#include "../../heap/arena.h"
#include "../../os/base.h"
#include "../../os/pages.h"
#include "../../os/process.h"
#include "../../util/conf.h"
#include "faults.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

static struct arena *arenas[3];

static void boot(unsigned n)
{
    conf.thp = THP_NEVER;
    conf.narenas = n;
    for (unsigned i = 0; i < n; i++) {
        arenas[i] = arena_join();
        REQUIRE(arenas[i] && arenas[i]->index == i);
    }
}

static bool all_is_well(void)
{
    bool ok = base_check() && extent_check();
    for (unsigned i = 0; i < arena_count(); i++) {
        struct arena *arena = arena_get(i);
        ok = ok && (!arena || pool_check(&arena->pool));
        for (unsigned class = 0; arena && class < SMALL_CLASSES; class++) {
            ok = ok && bin_check(&arena->bins[class], &arena->pool, class);
        }
    }
    return ok;
}

static void the_fewest_threads_then_the_lowest(void)
{
    boot(3);
    REQUIRE_EQUAL(arena_count(), 3);
    REQUIRE(arena_join() == arenas[0]); /* 1 1 1: the lowest */
    REQUIRE(arena_join() == arenas[1]);
    arena_leave(arenas[2]);
    REQUIRE(arena_join() == arenas[2]); /* 2 2 0 */
    REQUIRE(arena_join() == arenas[2]);
    arena_leave(arenas[1]);
    arena_leave(arenas[1]);
    REQUIRE(arena_join() == arenas[1]);
    REQUIRE_EQUAL(arena_count(), 3);
    for (unsigned i = 0; i < 3; i++) {
        REQUIRE(arena_get(i) == arenas[i]);
    }
}

/* An arena without threads is joined before a new one is made. */
static void arenas_are_made_when_needed(void)
{
    conf.narenas = 3;
    struct arena *a = arena_join();
    arena_leave(a);
    REQUIRE(arena_join() == a);
    REQUIRE_EQUAL(arena_count(), 1);
    arena_leave(a);
    arena_leave(a); /* once too often does not count below 0 */
    REQUIRE(arena_join() == a);
    REQUIRE(arena_join() != a);
    REQUIRE_EQUAL(arena_count(), 2);
}

static void four_for_each_cpu(void)
{
    for (unsigned i = 0; i < 100; i++) {
        REQUIRE(arena_join());
    }
    unsigned cpus = process_cpus();
    REQUIRE_EQUAL(arena_count(), cpus > 1 ? 4 * cpus : 1);
}

static void without_memory_the_first_is_shared(void)
{
    boot(1);
    conf.narenas = 3;
    faults.mmaps_left = 0;
    while (base_alloc(1024)) {
    }
    REQUIRE(arena_join() == arenas[0]);
    REQUIRE_EQUAL(arena_count(), 1);
    faults_none();
    REQUIRE(arena_join() != arenas[0]);
}

static void without_any_memory_there_is_none(void)
{
    faults.mmaps_left = 0;
    while (base_alloc(1024)) {
    }
    REQUIRE(!arena_join());
    REQUIRE_EQUAL(arena_count(), 0);
    faults_none();
    REQUIRE(arena_join());
}

static void part_counts_start_again(void)
{
    struct arena *a = arena_join(), *b = arena_join(), *c = arena_join();
    REQUIRE(a != b && b != c && a != c); /* those that the parent's threads filled are empty */
    REQUIRE_EQUAL(arena_count(), 3);
}

static void fork_leaves_one_thread(void)
{
    process_boot(pages_map(PAGE_SIZE, PAGE_SIZE));
    boot(3);
    for (int i = 0; i < 6; i++) {
        arena_join();
    }
    for (int i = 0; i < 2; i++) { /* 3 1 1 */
        arena_leave(arenas[1]);
        arena_leave(arenas[2]);
    }
    REQUIRE_EQUAL(unit_child(part_counts_start_again).exit, 0);
}

static void *into_the_stop(void *arg)
{
    arena_join();
    return arg;
}

static void part_after_a_stranded_thread(void)
{
    void *block;
    struct arena *a = arena_join(), *b = arena_join(), *c = arena_join();
    REQUIRE(a && b && c && a != b && b != c && a != c);
    for (unsigned i = 0; i < arena_count(); i++) {
        REQUIRE_EQUAL(arena_fill(arena_get(i), 3, &block, 1), 1);
    }
    REQUIRE(all_is_well());
}

static void fork_while_an_arena_is_made(void)
{
    process_boot(pages_map(PAGE_SIZE, PAGE_SIZE));
    boot(1);
    conf.narenas = 3;
    faults.mmaps_left = 0;
    while (base_alloc(64)) { /* the next arena needs the system */
    }
    faults_none();
    faults_strand(into_the_stop, NULL);
    REQUIRE_EQUAL(unit_child(part_after_a_stranded_thread).exit, 0);
}

static void flush_sorts_by_arena(void)
{
    enum { EACH = 20 };
    void *mixed[3 * EACH];
    unsigned class = size_class_of(48);
    boot(3);
    for (unsigned i = 0; i < 3; i++) {
        void *own[EACH];
        REQUIRE_EQUAL(arena_fill(arenas[i], class, own, EACH), EACH);
        for (unsigned j = 0; j < EACH; j++) {
            REQUIRE(arena_of((uintptr_t)own[j]) == arenas[i]);
            mixed[3 * j + i] = own[j];
        }
    }
    arena_flush(arenas[1], class, mixed, 3 * EACH);
    for (unsigned i = 0; i < 3; i++) {
        struct bin *bin = &arenas[i]->bins[class];
        REQUIRE_EQUAL(bin_remote_regions(bin, &arenas[i]->pool), i == 1 ? 0 : EACH);
        REQUIRE_EQUAL(count_read(&bin->regions_out), i == 1 ? 0 : EACH);
    }
    arena_flush(arenas[0], class, mixed, 0);
    REQUIRE(all_is_well());
    arena_purge_all();
    for (unsigned i = 0; i < 3; i++) {
        REQUIRE_EQUAL(count_read(&arenas[i]->bins[class].regions_out), 0);
        REQUIRE_EQUAL(count_read(&arenas[i]->pool.pages_used), 0);
    }
    REQUIRE(all_is_well());
}

static struct run *large(struct arena *arena, size_t size, enum page_state state)
{
    bool zeroed;
    void *block = arena_large_alloc(arena, size_class_of(size), 1, state, &zeroed);
    REQUIRE(block);
    return run_of_page((uintptr_t)block);
}

static size_t large_bytes(unsigned i)
{
    return atomic_load(&arenas[i]->large_bytes);
}

static void large_blocks_are_counted(void)
{
    boot(2);
    struct run *a = large(arenas[0], 100000, PAGE_LARGE), *b = large(arenas[1], MIB, PAGE_LARGE);
    size_t first = size_class_bytes(size_class_of(100000));
    REQUIRE_EQUAL(large_bytes(0), first);
    REQUIRE_EQUAL(large_bytes(1), MIB);
    REQUIRE(arena_large_resize(a, size_class_of(2 * MIB)));
    REQUIRE_EQUAL(large_bytes(0), 2 * MIB);
    REQUIRE(!arena_large_resize(a, size_class_of(LARGE_MAX)) || large_bytes(0) == LARGE_MAX);
    REQUIRE(arena_large_resize(a, size_class_of(100000)));
    REQUIRE_EQUAL(large_bytes(0), first);
    struct run *c = large(arenas[0], 100000, PAGE_SAMPLED);
    REQUIRE_EQUAL(large_bytes(0), 2 * first);
    arena_large_free(a);
    arena_large_free(c);
    arena_large_free(b);
    REQUIRE_EQUAL(large_bytes(0) + large_bytes(1), 0);
    REQUIRE(all_is_well());
}

static void purge_all_leaves_nothing_dirty(void)
{
    static void *blocks[2000];
    bool zeroed;
    boot(2);
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE_EQUAL(arena_fill(arenas[i], 20, blocks, 2000), 2000);
        arena_flush(arenas[0], 20, blocks, 2000); /* its own, then by the queue */
        arena_large_free(large(arenas[i], 3 * MIB, PAGE_LARGE));
    }
    huge_free(extent_find((uintptr_t)huge_alloc(&extents_shared, 0, 5 * MIB, 16, &zeroed)));
    REQUIRE(arena_purge_all() > 5 * MIB);
    struct extent_figures f;
    extent_figures(&f);
    REQUIRE_EQUAL(f.dirty_chunks, 0);
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE_EQUAL(count_read(&arenas[i]->pool.pages_free[RUN_DIRTY]), 0);
        REQUIRE_EQUAL(count_read(&arenas[i]->pool.pages_used), 0);
    }
    REQUIRE_EQUAL(arena_purge_all(), 0);
    REQUIRE(all_is_well());
}

/* When nothing is in use any more, all address space can go. */
static void reclaim_gives_all_back(void)
{
    void *block;
    bool zeroed;
    boot(2);
    REQUIRE_EQUAL(arena_fill(arenas[1], 20, &block, 1), 1);
    arena_large_free(large(arenas[0], 3 * MIB, PAGE_LARGE));
    huge_free(extent_find((uintptr_t)huge_alloc(&extents_shared, 0, 100 * MIB, 16, &zeroed)));
    REQUIRE(arena_reclaim());
    REQUIRE(all_is_well());
    struct extent_figures f;
    extent_figures(&f);
    REQUIRE_EQUAL(f.live_chunks, 1);
    arena_flush(arenas[0], 20, &block, 1);
    REQUIRE(arena_reclaim());
    extent_figures(&f);
    REQUIRE_EQUAL(f.live_chunks, 0);
    REQUIRE_EQUAL(f.reserved_bytes, 0);
    REQUIRE(!arena_reclaim());
    REQUIRE(all_is_well());
    REQUIRE_EQUAL(arena_fill(arenas[1], 20, &block, 1), 1);
    REQUIRE(all_is_well());
}

static void decays_in_time(void)
{
    conf.dirty_decay_ms = 100;
    faults.clock_ms = 1000;
    boot(1);
    struct run *keep = large(arenas[0], 65536, PAGE_LARGE);
    arena_large_free(large(arenas[0], 65536, PAGE_LARGE));
    faults.clock_ms = 1099;
    arena_decay(arenas[0]);
    REQUIRE_EQUAL(count_read(&arenas[0]->pool.pages_free[RUN_DIRTY]), 16);
    faults.clock_ms = 1099 + 100 / 8 + 1; /* it looks eight times in the decay time */
    arena_decay(arenas[0]);
    REQUIRE_EQUAL(count_read(&arenas[0]->pool.pages_free[RUN_DIRTY]), 0);
    arena_large_free(keep);
}

/* ---- block_find ------------------------------------------------------------------------------- */

static void require_block(uintptr_t addr, enum block_kind kind, uintptr_t start, size_t usable)
{
    struct block b = block_find(addr);
    REQUIRE_EQUAL(b.kind, kind);
    REQUIRE_EQUAL(b.start, start);
    REQUIRE_EQUAL(b.usable, usable);
}

static void finds_what_is_not_ours(void)
{
    static int here;
    int local;
    void *other = malloc(100);
    boot(1);
    large(arenas[0], MIB, PAGE_LARGE);
    static const uintptr_t wild[] = {0, 1, 4096, 0x7fffffffffff, 0x800000000000, UINTPTR_MAX};
    for (unsigned i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        require_block(wild[i], BLOCK_FOREIGN, 0, 0);
    }
    require_block((uintptr_t)&here, BLOCK_FOREIGN, 0, 0);
    require_block((uintptr_t)&local, BLOCK_FOREIGN, 0, 0);
    require_block((uintptr_t)other, BLOCK_FOREIGN, 0, 0);
    free(other);
}

static void finds_small_blocks(void)
{
    boot(1);
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        void *blocks[9];
        size_t size = size_class_bytes(class);
        REQUIRE_EQUAL(arena_fill(arenas[0], class, blocks, 9), 9); /* into a second run, for some */
        for (unsigned i = 0; i < 9; i++) {
            uintptr_t addr = (uintptr_t)blocks[i];
            require_block(addr, BLOCK_SMALL, addr, size);
            require_block(addr + 1, BLOCK_SMALL, addr, size);
            require_block(addr + size - 1, BLOCK_SMALL, addr, size);
            REQUIRE(block_find(addr).arena == arenas[0]);
            REQUIRE(block_find(addr).run->class == class);
        }
    }
}

static void finds_large_blocks(void)
{
    static const enum page_state states[] = {PAGE_LARGE, PAGE_LARGE_CACHED, PAGE_SAMPLED};
    boot(1);
    for (unsigned s = 0; s < 3; s++) {
        struct run *run = large(arenas[0], 300000, states[s]);
        uintptr_t addr = run_addr(run);
        size_t usable = size_class_bytes(size_class_of(300000));
        enum block_kind kind = s == 2 ? BLOCK_SAMPLED : BLOCK_LARGE;
        require_block(addr, kind, addr, usable);
        require_block(addr + 1, kind, addr, usable);
        require_block(addr + 5 * PAGE_SIZE + 7, kind, addr, usable);
        require_block(addr + usable - 1, kind, addr, usable);
        REQUIRE(block_find(addr).run == run && block_find(addr + 50000).run == run);
        REQUIRE_EQUAL(block_find(addr).cached, s == 1);
        arena_large_free(run);
        require_block(addr, BLOCK_NONE, 0, 0);
        require_block(addr + 5 * PAGE_SIZE, BLOCK_NONE, 0, 0);
    }
}

static void finds_no_block_between(void)
{
    boot(1);
    struct run *a = large(arenas[0], 65536, PAGE_LARGE), *b = large(arenas[0], 65536, PAGE_LARGE);
    large(arenas[0], 65536, PAGE_LARGE);
    uintptr_t chunk = (uintptr_t)chunk_of(run_addr(a)), gap = run_addr(b);
    for (uintptr_t addr = chunk; addr < run_addr(a); addr += PAGE_SIZE / 2) {
        require_block(addr, BLOCK_NONE, 0, 0); /* the header */
    }
    arena_large_free(b);
    require_block(gap, BLOCK_NONE, 0, 0);
    require_block(gap + 65535, BLOCK_NONE, 0, 0);
    require_block(chunk + CHUNK_SIZE - 1, BLOCK_NONE, 0, 0); /* behind the last one */
}

static void finds_huge_blocks(void)
{
    bool zeroed;
    boot(1);
    uintptr_t addr = (uintptr_t)huge_alloc(&extents_shared, 0, 9 * MIB, 16, &zeroed);
    require_block(addr, BLOCK_HUGE, addr, 12 * MIB);
    require_block(addr + 12 * MIB - 1, BLOCK_HUGE, addr, 12 * MIB);
    struct extent *e = block_find(addr + CHUNK_SIZE).extent;
    REQUIRE(e && e->addr == addr);
    huge_free(e);
    require_block(addr, BLOCK_HUGE_FREED, 0, 0);
    require_block(addr + 1, BLOCK_NONE, 0, 0);
    require_block(addr + CHUNK_SIZE, BLOCK_NONE, 0, 0);
}

/* ---- explicit arenas --------------------------------------------------------------------------- */

static void nothing_sampled(void *sample)
{
    REQUIRE(!sample && "no block was sampled");
}

static void explicit_ones_stand_behind(void)
{
    boot(1);
    conf.narenas = 3;
    struct arena *a = arena_create(NULL), *b = arena_create(NULL);
    REQUIRE(a && b && a->index == 3 && b->index == 4);
    REQUIRE(arena_is_explicit(a) && !arena_is_explicit(arenas[0]));
    REQUIRE_EQUAL(arena_count(), 5);
    REQUIRE(arena_get(3) == a && !arena_get(1) && !arena_get(2) && !arena_get(5));
    REQUIRE(!arena_get(ARENA_NONE) && !arena_get(ARENA_INDICES));
    for (unsigned i = 0; i < 20; i++) {
        REQUIRE(arena_join()->index < 3); /* no thread joins them */
    }
    REQUIRE(arena_get(1) && arena_get(2));
    REQUIRE_EQUAL(arena_threads(a), 0);
    REQUIRE_EQUAL(arena_limit(), 3);
}

static void ones_of_threads_are_made_when_named(void)
{
    conf.narenas = 4;
    REQUIRE(arena_create(NULL)->index == 4); /* before any other */
    struct arena *two = arena_obtain(2);
    REQUIRE(two && two->index == 2 && !arena_is_explicit(two) && arena_obtain(2) == two);
    REQUIRE(arena_obtain(4) == arena_get(4) && !arena_obtain(5) && !arena_obtain(UINT32_MAX));
    REQUIRE(arena_join() == two);
    REQUIRE_EQUAL(arena_join()->index, 0); /* the lowest that is missing */
    REQUIRE_EQUAL(arena_join()->index, 1);
    REQUIRE(all_is_well());
}

static void without_memory_none_is_made(void)
{
    boot(1);
    chunk_hooks_t hooks = hooks_default;
    hooks.decommit = hooks_default.commit; /* any that differ */
    arena_create(NULL);
    faults.mmaps_left = 0;
    while (base_alloc(64)) {
    }
    unsigned count = arena_count();
    REQUIRE(!arena_create(NULL));
    REQUIRE(!arena_set_hooks(arenas[0], &hooks));
    REQUIRE(arena_unhooked() == arenas[0]);
    REQUIRE_EQUAL(arena_count(), count);
    faults_none();
    REQUIRE(arena_create(&hooks));
}

static void blocks_of_an_explicit_arena(void)
{
    void *small[3];
    bool zeroed;
    boot(1);
    struct arena *a = arena_create(NULL);
    REQUIRE_EQUAL(arena_fill(a, 5, small, 3), 3);
    struct run *run = large(a, 300000, PAGE_LARGE);
    void *huge = arena_huge_alloc(a, 5 * MIB, 16, &zeroed);
    require_block((uintptr_t)small[1], BLOCK_SMALL, (uintptr_t)small[1], size_class_bytes(5));
    require_block(run_addr(run) + 5, BLOCK_LARGE, run_addr(run), size_class_bytes(run->class));
    require_block((uintptr_t)huge, BLOCK_HUGE, (uintptr_t)huge, 8 * MIB);
    REQUIRE(block_find((uintptr_t)small[1]).arena == a);
    REQUIRE(block_find(run_addr(run)).arena == a && block_find((uintptr_t)huge).arena == a);
    arena_flush_apart(a, 5, small[0]);
    REQUIRE_EQUAL(count_read(&a->bins[5].regions_out), 2);
    REQUIRE_EQUAL(bin_remote_regions(&a->bins[5], &a->pool), 0);
    REQUIRE(all_is_well());
}

static void reset_takes_all_away(void)
{
    static void *small[1000];
    bool zeroed;
    boot(1);
    struct arena *a = arena_create(NULL), *b = arena_create(NULL);
    for (int round = 0; round < 3; round++) {
        REQUIRE_EQUAL(arena_fill(a, 5, small, 1000), 1000);
        arena_flush(arenas[0], 5, small, 10); /* into its queue */
        for (int i = 0; i < 20; i++) {
            large(a, MIB, PAGE_LARGE);
        }
        REQUIRE(arena_huge_alloc(a, 5 * MIB, 16, &zeroed));
        void *of_b = arena_huge_alloc(b, 5 * MIB, 16, &zeroed);
        REQUIRE(arena_huge_alloc(a, 9 * MIB, 16, &zeroed));
        struct run *also_of_b = large(b, MIB, PAGE_LARGE);
        REQUIRE_EQUAL(arena_reset(a, nothing_sampled), 990 + 20 + 2);
        REQUIRE_EQUAL(count_read(&a->pool.pages_used) + count_read(&a->pool.nchunks), 0);
        REQUIRE_EQUAL(count_read(&a->bins[5].regions_out), 0);
        REQUIRE_EQUAL(bin_remote_regions(&a->bins[5], &a->pool), 0);
        REQUIRE_EQUAL(atomic_load(&a->large_bytes), 0);
        REQUIRE_EQUAL(block_find((uintptr_t)of_b).usable, 8 * MIB); /* others keep theirs */
        REQUIRE(page_word_state(page_word(run_addr(also_of_b))) == PAGE_LARGE_APART);
        REQUIRE(all_is_well());
        huge_free(extent_find((uintptr_t)of_b));
        arena_large_free(also_of_b);
        REQUIRE_EQUAL(arena_reset(a, nothing_sampled), 0);
    }
}

static unsigned sampled;

static void count_sample(void *sample)
{
    REQUIRE(sample == &sampled);
    sampled++;
}

static void reset_tells_of_samples(void)
{
    bool zeroed;
    boot(1);
    struct arena *a = arena_create(NULL);
    for (int i = 0; i < 3; i++) {
        large(a, 100, PAGE_SAMPLED)->sample = &sampled;
        large(a, MIB, PAGE_LARGE);
    }
    extent_find((uintptr_t)arena_huge_alloc(a, 5 * MIB, 16, &zeroed))->sample = &sampled;
    REQUIRE_EQUAL(arena_reset(a, count_sample), 7);
    REQUIRE_EQUAL(sampled, 4);
}

static void a_destroyed_one_is_made_again(void)
{
    char name[ARENA_NAME_BYTES];
    boot(2);
    struct arena *a = arena_create(NULL), *b = arena_create(NULL);
    arena_set_name(a, "a name that is longer than an arena's may be");
    arena_get_name(a, name);
    REQUIRE_SAME(name, "a name that is longer than an a");
    purge_set_decay(&a->pool, 5);
    purge_set_ratio(&a->pool, 6);
    REQUIRE(arena_enter(a));
    REQUIRE(!arena_destroy(a)); /* a thread belongs to it */
    arena_leave(a);
    REQUIRE(arena_destroy(a));
    REQUIRE(!arena_destroy(a));
    REQUIRE(!arena_get(2) && arena_get(3) == b && arena_count() == 4);
    REQUIRE(!arena_enter(a));
    REQUIRE_EQUAL(arena_threads(a), 0);
    REQUIRE(arena_create(NULL) == a && a->index == 2);
    arena_get_name(a, name);
    REQUIRE_SAME(name, "");
    REQUIRE_EQUAL(pool_decay_ms(&a->pool), conf.dirty_decay_ms);
    REQUIRE_EQUAL(pool_lg_dirty_mult(&a->pool), 3);
    REQUIRE(arena_destroy(a) && arena_destroy(b));
    REQUIRE(all_is_well());
}

static void indices_end(void)
{
    boot(1);
    unsigned n = 0;
    struct arena *last = NULL, *a;
    while ((a = arena_create(NULL))) {
        REQUIRE_EQUAL(a->index, ++n);
        last = a;
    }
    REQUIRE_EQUAL(n, ARENA_INDICES - 1);
    REQUIRE(arena_destroy(last) && arena_create(NULL) == last);
}

static void purge_and_decay_of_one_arena(void)
{
    conf.dirty_decay_ms = 100;
    faults.clock_ms = 1000;
    boot(1);
    struct arena *a = arena_create(NULL), *b = arena_create(NULL);
    arena_large_free(large(a, MIB, PAGE_LARGE));
    arena_large_free(large(b, MIB, PAGE_LARGE));
    REQUIRE_EQUAL(arena_purge(a), MIB);
    REQUIRE_EQUAL(arena_purge(a), 0);
    REQUIRE_EQUAL(count_read(&b->pool.pages_free[RUN_DIRTY]), MIB >> LG_PAGE);
    arena_decay_now(b); /* not due */
    REQUIRE_EQUAL(count_read(&b->pool.pages_free[RUN_DIRTY]), MIB >> LG_PAGE);
    faults.clock_ms += 101;
    arena_decay_now(b);
    REQUIRE_EQUAL(count_read(&b->pool.pages_free[RUN_DIRTY]), 0);
}

static void the_first_without_hooks(void)
{
    chunk_hooks_t hooks = hooks_default;
    REQUIRE(!arena_unhooked());
    boot(2);
    REQUIRE(arena_unhooked() == arenas[0]);
    hooks.decommit = hooks_default.commit; /* any that differ */
    REQUIRE(arena_set_hooks(arenas[0], &hooks));
    REQUIRE(arena_unhooked() == arenas[1]);
    hooks = hooks_default;
    REQUIRE(arena_set_hooks(arenas[0], &hooks));
    REQUIRE(arena_unhooked() == arenas[0]);
}

static void oversize_blocks_go_back_at_once(void)
{
    bool zeroed;
    boot(1);
    struct arena *o = arena_oversize();
    REQUIRE(o && arena_oversize() == o && arena_is_explicit(o) && !arena_is_of_program(o));
    REQUIRE(arena_is_of_program(arena_create(NULL)));
    void *block = arena_huge_alloc(o, 9 * MIB, 16, &zeroed);
    struct extent *e = extent_find((uintptr_t)block);
    REQUIRE(e && zeroed && e->set == o->own);
    struct extent_figures f;
    huge_free(e);
    extent_figures(&f);
    REQUIRE_EQUAL(f.live_chunks + f.dirty_chunks, 0);
    REQUIRE_EQUAL(f.reserved_bytes, 0); /* its hooks are the system */
    REQUIRE(all_is_well());
}

static void an_arena_for_each_cpu(void)
{
    conf.percpu_arena = PERCPU_CPU;
    unsigned limit = process_cpu_limit();
    REQUIRE_EQUAL(arena_limit(), limit);
    struct arena *here = arena_of_cpu();
    REQUIRE(here && here->index < limit);
    REQUIRE_EQUAL(arena_create(NULL)->index, limit);
}

static void halves_of_the_cpus_share(void)
{
    conf.percpu_arena = PERCPU_PHYCPU;
    REQUIRE_EQUAL(arena_limit(), (process_cpu_limit() + 1) / 2);
    REQUIRE(arena_of_cpu());
}

static void *into_a_stop_in_create(void *arg)
{
    while (arena_create(NULL)) {
    }
    return arg;
}

static void part_arenas_are_made_and_ended(void)
{
    void *block;
    struct arena *a = arena_create(NULL);
    REQUIRE(a && arena_fill(a, 3, &block, 1) == 1);
    REQUIRE_EQUAL(arena_reset(a, nothing_sampled), 1);
    REQUIRE(arena_destroy(a));
    REQUIRE(arena_fill(arenas[0], 3, &block, 1) == 1);
}

static void fork_while_an_explicit_arena_is_made(void)
{
    process_boot(pages_map(PAGE_SIZE, PAGE_SIZE));
    boot(1);
    faults_strand(into_a_stop_in_create, NULL);
    REQUIRE_EQUAL(unit_child(part_arenas_are_made_and_ended).exit, 0);
}

static uint64_t counted(const struct arena *arena, size_t nchunks)
{
    const struct huge_counts *c = &arena->huge[huge_class_of(nchunks)];
    return c->nmalloc * 1000 + c->ndalloc;
}

static struct extent *take_huge(struct arena *arena, size_t nchunks)
{
    bool zeroed;
    void *block = arena_huge_alloc(arena, nchunks * CHUNK_SIZE, QUANTUM, &zeroed);
    REQUIRE(block);
    return extent_find((uintptr_t)block);
}

static void huge_blocks_are_counted_by_class(void)
{
    struct arena *arena = arena_join();
    struct extent *a = take_huge(arena, 3), *b = take_huge(arena, 9);
    REQUIRE_EQUAL(counted(arena, 3), 1000);
    REQUIRE_EQUAL(counted(arena, 10), 1000); /* the class of 9 and 10 */
    REQUIRE_EQUAL(count_read(&arena->huge_bytes), 12 * CHUNK_SIZE);
    arena_huge_free(a);
    REQUIRE_EQUAL(counted(arena, 3), 1001);
    REQUIRE(arena_huge_resize(b, 2 * CHUNK_SIZE));
    REQUIRE_EQUAL(counted(arena, 10), 1001);
    REQUIRE_EQUAL(counted(arena, 2), 1000);
    REQUIRE_EQUAL(count_read(&arena->huge_bytes), 2 * CHUNK_SIZE);
    REQUIRE(arena_huge_resize(b, 2 * CHUNK_SIZE)); /* no change */
    REQUIRE(!arena_huge_resize(b, 4000 * CHUNK_SIZE));
    REQUIRE_EQUAL(counted(arena, 2), 1000);
    arena_huge_free(b);
    REQUIRE_EQUAL(counted(arena, 2), 1001);
    REQUIRE_EQUAL(count_read(&arena->huge_bytes), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(the_fewest_threads_then_the_lowest),
        UNIT(arenas_are_made_when_needed),
        UNIT(four_for_each_cpu),
        UNIT(without_memory_the_first_is_shared),
        UNIT(without_any_memory_there_is_none),
        UNIT(fork_leaves_one_thread),
        UNIT(fork_while_an_arena_is_made),
        UNIT(flush_sorts_by_arena),
        UNIT(large_blocks_are_counted),
        UNIT(purge_all_leaves_nothing_dirty),
        UNIT(reclaim_gives_all_back),
        UNIT(decays_in_time),
        UNIT(finds_what_is_not_ours),
        UNIT(finds_small_blocks),
        UNIT(finds_large_blocks),
        UNIT(finds_no_block_between),
        UNIT(finds_huge_blocks),
        UNIT(explicit_ones_stand_behind),
        UNIT(ones_of_threads_are_made_when_named),
        UNIT(without_memory_none_is_made),
        UNIT(blocks_of_an_explicit_arena),
        UNIT(reset_takes_all_away),
        UNIT(reset_tells_of_samples),
        UNIT(a_destroyed_one_is_made_again),
        UNIT(indices_end),
        UNIT(purge_and_decay_of_one_arena),
        UNIT(the_first_without_hooks),
        UNIT(oversize_blocks_go_back_at_once),
        UNIT(an_arena_for_each_cpu),
        UNIT(halves_of_the_cpus_share),
        UNIT(fork_while_an_explicit_arena_is_made),
        UNIT(huge_blocks_are_counted_by_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
