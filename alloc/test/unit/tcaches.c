/* tcaches.c (test): explicit caches: their identifiers, what they hold, their end, and forks. */
#include "../../thread/tcaches.h"
#include "../../os/base.h"
#include "../../os/pages.h"
#include "../../os/process.h"
#include "../../util/conf.h"
#include "faults.h"
#include "unit.h"

#include <pthread.h>
#include <string.h>

static void boot(void)
{
    conf.thp = THP_NEVER;
    conf.narenas = 2;
    tcache_secret = 0x1235;
    process_boot(pages_map(PAGE_SIZE, PAGE_SIZE));
    thread_boot();
    REQUIRE(thread_cache());
}

static struct thread_totals totals(void)
{
    struct thread_totals t;
    thread_totals(&t);
    return t;
}

static void *take(struct tcache *tc, unsigned class)
{
    bool zeroed, sample_due;
    return tcache_fill(tc, class, &zeroed, &sample_due);
}

static size_t out(struct arena *arena, unsigned class)
{
    bin_trim(&arena->bins[class], &arena->pool, class);
    return count_read(&arena->bins[class].regions_out);
}

static void the_lowest_identifier_is_given(void)
{
    boot();
    REQUIRE(!tcaches_get(0));
    for (unsigned i = 0; i < 5; i++) {
        REQUIRE_EQUAL(tcaches_create(), i);
    }
    struct tcache *three = tcaches_get(3);
    REQUIRE(three && three != tcache_self && three->is_explicit);
    REQUIRE(tcaches_destroy(1) && tcaches_destroy(3));
    REQUIRE(!tcaches_get(1) && !tcaches_get(3) && !tcaches_get(5));
    REQUIRE(!tcaches_get(TCACHES_NONE) && !tcaches_get(TCACHE_INDICES));
    REQUIRE(!tcaches_destroy(1) && !tcaches_flush(3) && !tcaches_flush(TCACHES_NONE));
    REQUIRE_EQUAL(tcaches_create(), 1);
    REQUIRE_EQUAL(tcaches_create(), 3);
    REQUIRE_EQUAL(tcaches_create(), 5);
}

static void all_identifiers_can_be_given(void)
{
    boot();
    for (unsigned i = 0; i < TCACHE_INDICES; i++) {
        REQUIRE_EQUAL(tcaches_create(), i);
    }
    REQUIRE_EQUAL(tcaches_create(), TCACHES_NONE);
    REQUIRE(tcaches_destroy(77));
    REQUIRE_EQUAL(tcaches_create(), 77);
    REQUIRE_EQUAL(totals().ncaches, 1); /* no threads have these */
}

static void without_memory_there_is_none(void)
{
    boot();
    REQUIRE_EQUAL(tcaches_create(), 0);
    faults.mmaps_left = 0;
    while (base_alloc(64)) {
    }
    REQUIRE_EQUAL(tcaches_create(), TCACHES_NONE);
    REQUIRE(tcaches_destroy(0));
    REQUIRE_EQUAL(tcaches_create(), 0); /* that of before */
}

static void what_it_holds_is_counted_and_goes_back(void)
{
    void *blocks[50];
    boot();
    unsigned id = tcaches_create();
    struct tcache *tc = tcaches_get(id);
    struct arena *arena = tc->arena;
    for (unsigned i = 0; i < 50; i++) {
        blocks[i] = take(tc, 3);
    }
    for (unsigned i = 0; i < 50; i++) {
        tcache_push(tc, 3, blocks[i]);
    }
    tcache_push(tc, SMALL_CLASSES, take(tc, SMALL_CLASSES));
    struct thread_totals t = totals();
    REQUIRE_EQUAL(t.mallocs, 51);
    REQUIRE_EQUAL(t.frees, 51);
    REQUIRE(t.small_cached_bytes >= 50 * 64 && t.large_cached_bytes > 0);
    REQUIRE(thread_check() && out(arena, 3) >= 50);
    REQUIRE(tcaches_flush(id));
    REQUIRE_EQUAL(out(arena, 3), 0);
    t = totals();
    REQUIRE_EQUAL(t.small_cached_bytes + t.large_cached_bytes, 0);
    REQUIRE(tcaches_destroy(id));
    t = totals(); /* what it did stays counted */
    REQUIRE_EQUAL(t.mallocs, 51);
    REQUIRE_EQUAL(t.frees, 51);
}

/* Filled for one arena, then for another: all find their way home. */
static void blocks_of_several_arenas(void)
{
    boot();
    struct arena *a = arena_create(NULL), *b = arena_create(NULL);
    unsigned one = tcaches_create(), two = tcaches_create();
    for (int round = 0; round < 4; round++) {
        struct tcache *tc = tcaches_get(round < 2 ? one : two);
        tcaches_fill_from(tc, round % 2 ? a : b);
        void *block = take(tc, 5 + (unsigned)round);
        REQUIRE(arena_of((uintptr_t)block) == tc->arena);
        tcaches_fill_from(tc, round % 2 ? b : a);
        tcache_push(tc, 5 + (unsigned)round, block);
    }
    REQUIRE(thread_check());
    REQUIRE(tcaches_flush(one) && tcaches_flush(two));
    for (unsigned class = 5; class < 9; class++) {
        REQUIRE_EQUAL(out(a, class) + out(b, class), 0);
    }
    REQUIRE_EQUAL(totals().small_cached_bytes, 0);
}

/* Those that may hold blocks of the arena are emptied, and no others. */
static void flushed_for_an_arena(void)
{
    struct tcache *tc[6];
    boot();
    struct arena *a = arena_create(NULL), *b = arena_create(NULL), *c = arena_create(NULL);
    struct arena *of_threads = arena_get(0);
    for (unsigned i = 0; i < 6; i++) {
        tc[i] = tcaches_get(tcaches_create());
    }
    tcaches_fill_from(tc[0], of_threads);
    tcaches_fill_from(tc[1], a);
    tcaches_fill_from(tc[2], b);
    tcaches_fill_from(tc[3], a);
    tcaches_fill_from(tc[3], b);
    tcaches_fill_from(tc[4], of_threads);
    tcaches_note(tc[4], a); /* a block of it was freed into it */
    tcaches_fill_from(tc[5], b);
    tcaches_fill_from(tc[5], c); /* of several arenas, and none of them is a */
    for (unsigned i = 0; i < 6; i++) {
        tcache_push(tc[i], 3, take(tc[i], 3));
    }
    tcaches_flush_of(a);
    REQUIRE(tc[0]->bins[3].head && !tc[1]->bins[3].head && tc[2]->bins[3].head);
    REQUIRE(!tc[3]->bins[3].head && !tc[4]->bins[3].head && tc[5]->bins[3].head);
    tcache_push(tc[1], 3, take(tc[1], 3));
    tcaches_note(tc[1], a);
    REQUIRE(tcaches_flush(3) && tcaches_destroy(4));
    tcaches_flush_of(a);
    REQUIRE(tc[0]->bins[3].head && !tc[1]->bins[3].head && tc[2]->bins[3].head);
    tcaches_flush_of(b);
    REQUIRE(tc[0]->bins[3].head && !tc[2]->bins[3].head && !tc[5]->bins[3].head);
    REQUIRE(thread_check());
}

static unsigned id_of_parent;

static void part_uses_it_in_the_child(void)
{
    struct tcache *tc = tcaches_get(id_of_parent);
    REQUIRE(tc && tc->bins[4].head);
    REQUIRE_EQUAL(totals().ncaches, 1);
    REQUIRE(totals().small_cached_bytes > 0); /* it is in the list again */
    REQUIRE(thread_check());
    REQUIRE(tcaches_flush(id_of_parent) && tcaches_destroy(id_of_parent));
    REQUIRE_EQUAL(totals().small_cached_bytes, 0);
    REQUIRE_EQUAL(tcaches_create(), id_of_parent);
}

static void they_survive_a_fork(void)
{
    boot();
    id_of_parent = tcaches_create();
    struct tcache *tc = tcaches_get(id_of_parent);
    tcache_push(tc, 4, take(tc, 4));
    REQUIRE_EQUAL(unit_child(part_uses_it_in_the_child).exit, 0);
}

static void part_ends_it_unused_in_the_child(void)
{
    REQUIRE(tcaches_destroy(id_of_parent)); /* before the list of caches was ever looked at */
    REQUIRE_EQUAL(totals().ncaches, 1);
    REQUIRE(thread_check());
}

static void they_end_after_a_fork(void)
{
    boot();
    id_of_parent = tcaches_create();
    tcaches_create();
    REQUIRE_EQUAL(unit_child(part_ends_it_unused_in_the_child).exit, 0);
}

static void *into_the_stop(void *arg)
{
    while (tcaches_create() != TCACHES_NONE) {
    }
    return arg;
}

static void part_after_a_stranded_thread(void)
{
    unsigned id = tcaches_create();
    REQUIRE(id != TCACHES_NONE && tcaches_flush(id) && tcaches_destroy(id));
    REQUIRE(thread_check());
}

static void fork_while_one_is_made(void)
{
    boot();
    faults_strand(into_the_stop, NULL);
    REQUIRE_EQUAL(unit_child(part_after_a_stranded_thread).exit, 0);
}

static void *come_and_go(void *arg)
{
    for (int i = 0; i < 200; i++) {
        unsigned id = tcaches_create();
        struct tcache *tc = tcaches_get(id);
        REQUIRE(tc);
        tcache_push(tc, 6, take(tc, 6));
        REQUIRE(tcaches_destroy(id));
    }
    return arg;
}

static void many_come_and_go(void)
{
    pthread_t threads[4];
    boot();
    for (int i = 0; i < 4; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, come_and_go, NULL) == 0);
    }
    for (int i = 0; i < 4; i++) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
    }
    REQUIRE_EQUAL(tcaches_create(), 0);
    struct thread_totals t = totals();
    REQUIRE_EQUAL(t.mallocs, 800);
    REQUIRE_EQUAL(t.frees, 800);
    REQUIRE_EQUAL(t.small_cached_bytes, 0);
}

static void idle_classes_age(void)
{
    boot();
    struct tcache *tc = tcaches_get(tcaches_create());
    tcache_push(tc, 0, take(tc, 0));
    uint32_t before = tcache_length(&tc->bins[0]);
    REQUIRE(before > 0);
    for (int i = 0; i < 100000 && tcache_length(&tc->bins[0]) > 0; i++) {
        tcache_push(tc, SMALL_CLASSES, take(tc, SMALL_CLASSES)); /* a fill each: an event */
    }
    REQUIRE_EQUAL(tcache_length(&tc->bins[0]), 0);
    REQUIRE(tcache_check(tc));
}

static void check_sees_a_broken_one(void)
{
    boot();
    struct tcache *tc = tcaches_get(tcaches_create());
    tcache_push(tc, 4, take(tc, 4));
    tc->bins[4].npop++;
    REQUIRE_REPORTS(thread_check(), "C1: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(the_lowest_identifier_is_given),
        UNIT(all_identifiers_can_be_given),
        UNIT(without_memory_there_is_none),
        UNIT(what_it_holds_is_counted_and_goes_back),
        UNIT(blocks_of_several_arenas),
        UNIT(flushed_for_an_arena),
        UNIT(they_survive_a_fork),
        UNIT(they_end_after_a_fork),
        UNIT(fork_while_one_is_made),
        UNIT(many_come_and_go),
        UNIT(idle_classes_age),
        UNIT(check_sees_a_broken_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
