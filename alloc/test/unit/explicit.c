/* explicit.c (test): the end of explicit arenas, with blocks of every kind in every place that can hold one;
 * and who may end one.
 */
#include "../../api/explicit.h"
#include "../../api/entry.h"
#include "../../api/boot.h"
#include "../../api/serve.h"
#include "../../os/base.h"
#include "../../prof/prof.h"
#include "../../thread/tcaches.h"
#include "../../util/conf.h"
#include "faults.h"
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

static struct arena *arena;
static unsigned which; /* its index */

static void begin(void)
{
    conf.thp = THP_NEVER;
    boot();
    ashlar_free(ashlar_malloc(1));
    arena = arena_create(NULL);
    REQUIRE(arena);
    which = arena->index;
}

static bool all_is_well(void)
{
    bool ok = base_check() && extent_check() && thread_check();
    for (unsigned i = 0; i < arena_count(); i++) {
        struct arena *a = arena_get(i);
        ok = ok && (!a || pool_check(&a->pool));
        for (unsigned class = 0; a && class < SMALL_CLASSES; class++) {
            ok = ok && bin_check(&a->bins[class], &a->pool, class);
        }
    }
    return ok;
}

static void *take(size_t size, struct tcache *tc)
{
    void *block = serve(&(struct request){.size = size, .alignment = QUANTUM}, tc, arena);
    REQUIRE(block && block_find((uintptr_t)block).arena == arena);
    memset(block, 1, size);
    return block;
}

static void give(void *block, struct tcache *tc)
{
    struct block b = serve_block(block, "free");
    serve_free(&b, block, tc);
}

static struct thread_totals totals(void)
{
    struct thread_totals t;
    thread_totals(&t);
    return t;
}

static void require_empty(void)
{
    REQUIRE_EQUAL(count_read(&arena->pool.pages_used) + count_read(&arena->pool.nchunks), 0);
    REQUIRE(!extent_huge_of(&extents_shared, which, 0));
    REQUIRE_EQUAL(atomic_load(&arena->large_bytes), 0);
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        REQUIRE_EQUAL(count_read(&arena->bins[class].regions_out), 0);
    }
    REQUIRE(all_is_well());
}

/* Blocks in the program's hands, in an explicit cache, in the caller's cache, in a bin's queue. */
static void scatter(void)
{
    static const size_t sizes[] = {1, 100, 4000, 30000, 50000, MIB, 3 * MIB, 5 * MIB, 12 * MIB};
    unsigned id = tcaches_create();
    struct tcache *tc = tcaches_get(id);
    tcaches_fill_from(tc, arena);
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        take(sizes[i], NULL);
        give(take(sizes[i], tc), tc);
        give(take(sizes[i], NULL), NULL);
        give(take(sizes[i], NULL), thread_cache());
    }
    void *region = take(200, NULL);
    ((uint64_t *)region)[1] = tcache_key(region);
    arena_flush(arena_get(0), size_class_of(200), &region, 1);
    thread_count_free(224); /* the class of 200 */
}

static void reset_leaves_nothing(void)
{
    begin();
    for (int round = 0; round < 3; round++) {
        scatter();
        REQUIRE(explicit_reset(which));
        require_empty();
        struct thread_totals t = totals();
        REQUIRE_EQUAL(t.mallocs, t.frees);
    }
    give(take(100, NULL), NULL); /* it is as new */
    REQUIRE(all_is_well());
}

/* The thread's own cache may hold some where it belongs to the arena. */
static void reset_by_a_thread_of_the_arena(void)
{
    begin();
    REQUIRE(explicit_bind(which));
    REQUIRE_EQUAL(explicit_of_thread(), which);
    void *held[200];
    for (int i = 0; i < 200; i++) {
        held[i] = ashlar_malloc((size_t)i * 50 + 1);
        REQUIRE(block_find((uintptr_t)held[i]).arena == arena);
    }
    for (int i = 0; i < 200; i += 2) {
        ashlar_free(held[i]);
    }
    REQUIRE(tcache_self->bins[0].head); /* what is filled in, and what is freed */
    REQUIRE(explicit_reset(which));
    require_empty();
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        REQUIRE(!tcache_self->bins[class].head);
    }
    REQUIRE(ashlar_malloc(1));
}

/* The others' frees go past their caches. */
static void *free_two(void *blocks)
{
    struct tcache *tc = thread_cache();
    for (int i = 0; i < 2; i++) {
        ashlar_free(((void **)blocks)[i]);
    }
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        REQUIRE(!tc->bins[class].head);
    }
    return NULL;
}

static void no_other_cache_holds_its_blocks(void)
{
    pthread_t thread;
    begin();
    void *blocks[2] = {take(100, NULL), take(100000, NULL)};
    REQUIRE(pthread_create(&thread, NULL, free_two, blocks) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    REQUIRE_EQUAL(count_read(&arena->bins[size_class_of(100)].regions_out), 0);
    REQUIRE_EQUAL(atomic_load(&arena->large_bytes), 0);
    ashlar_free(take(100, NULL)); /* nor this thread's */
    REQUIRE(!tcache_self->bins[size_class_of(100)].head);
    REQUIRE(all_is_well());
}

static pthread_barrier_t barrier;

static void *stay_bound(void *arg)
{
    REQUIRE(explicit_bind(which));
    REQUIRE(ashlar_malloc(10));
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return arg;
}

static void not_while_others_belong_to_it(void)
{
    pthread_t thread;
    begin();
    void *block = take(100, NULL);
    pthread_barrier_init(&barrier, NULL, 2);
    REQUIRE(pthread_create(&thread, NULL, stay_bound, NULL) == 0);
    pthread_barrier_wait(&barrier);
    REQUIRE(!explicit_reset(which) && !explicit_destroy(which));
    REQUIRE_EQUAL(block_find((uintptr_t)block).usable, 112); /* nothing has happened */
    pthread_barrier_wait(&barrier);
    REQUIRE(pthread_join(thread, NULL) == 0);
    REQUIRE(explicit_reset(which));
    require_empty();
}

static void only_arenas_of_the_program(void)
{
    begin();
    REQUIRE(!explicit_reset(0) && !explicit_destroy(0));
    REQUIRE(!explicit_reset(which + 1) && !explicit_destroy(ARENA_NONE));
    REQUIRE(!explicit_bind(which + 1) && !explicit_bind(ARENA_NONE));
    struct arena *oversize = arena_oversize();
    REQUIRE(oversize && !explicit_reset(oversize->index) && !explicit_destroy(oversize->index));
    REQUIRE_EQUAL(explicit_of_thread(), 0);
}

static void destroyed_and_made_again(void)
{
    begin();
    for (int round = 0; round < 3; round++) {
        scatter();
        REQUIRE(explicit_bind(which) && !explicit_destroy(which)); /* not under our own feet */
        REQUIRE(explicit_bind(0) && explicit_destroy(which));
        REQUIRE(!explicit_destroy(which) && !explicit_reset(which) && !explicit_bind(which));
        REQUIRE(!arena_get(which) && all_is_well());
        REQUIRE(arena_create(NULL) == arena);
        require_empty();
    }
}

static void samples_are_forgotten(void)
{
    begin();
    conf.prof = true;
    conf.lg_prof_sample = 0; /* every block, but for one in e^16 */
    struct ashlar_prof_stats s;
    struct tcache *tc = tcaches_get(tcaches_create());
    tcaches_fill_from(tc, arena);
    take(10, tc);
    take(30000, tc);
    take(MIB, tc);
    take(5 * MIB, tc);
    prof_stats(&s);
    REQUIRE(s.samples_live >= 2);
    REQUIRE(explicit_reset(which));
    prof_stats(&s);
    REQUIRE_EQUAL(s.samples_live, 0);
    REQUIRE(s.estimate_live_blocks < 0.01);
    require_empty();
}

static void part_child_resets(void)
{
    REQUIRE(explicit_reset(which));
    require_empty();
    take(100, NULL);
    REQUIRE(explicit_destroy(which));
}

static void the_child_may_end_what_the_parent_made(void)
{
    begin();
    scatter();
    REQUIRE_EQUAL(unit_child(part_child_resets).exit, 0);
    REQUIRE(explicit_reset(which));
    require_empty();
}

static void part_use_after_reset(void)
{
    void *block = take(100, NULL);
    explicit_reset(which);
    ashlar_free(block);
}

/* What the contract forbids is seen as long as the memory was not given out again. */
static void a_block_from_before_is_named(void)
{
    begin();
    struct unit_end end = unit_child(part_use_after_reset);
    REQUIRE_EQUAL(end.signal, SIGABRT);
    REQUIRE_CONTAINS(end.text, "(not a live block)");
}

static struct arena *arena_at(void *block)
{
    return block_find((uintptr_t)block).arena;
}

static void oversize_blocks_come_from_an_arena_apart(void)
{
    begin();
    void *before = ashlar_malloc(3 * MIB);
    conf.oversize_threshold = 2 * MIB;
    void *below = ashlar_malloc(2 * MIB - 1), *large = ashlar_malloc(2 * MIB);
    void *huge = ashlar_malloc(9 * MIB), *named = take(9 * MIB, NULL);
    REQUIRE(arena_at(before) == arena_get(0) && arena_at(below) == arena_get(0));
    REQUIRE(arena_at(large) == arena_oversize() && arena_at(huge) == arena_oversize());
    REQUIRE(arena_at(named) == arena); /* what an explicit arena is asked for it gives */
    ashlar_free(large);
    ashlar_free(huge);
    struct pool *pool = &arena_oversize()->pool;
    REQUIRE_EQUAL(count_read(&pool->pages_free[RUN_DIRTY]), 0);
    REQUIRE_EQUAL(count_read(&arena_oversize()->own->dirty_chunks), 0);
    REQUIRE(all_is_well());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(reset_leaves_nothing),
        UNIT(reset_by_a_thread_of_the_arena),
        UNIT(no_other_cache_holds_its_blocks),
        UNIT(not_while_others_belong_to_it),
        UNIT(only_arenas_of_the_program),
        UNIT(destroyed_and_made_again),
        UNIT(samples_are_forgotten),
        UNIT(the_child_may_end_what_the_parent_made),
        UNIT(a_block_from_before_is_named),
        UNIT(oversize_blocks_come_from_an_arena_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
