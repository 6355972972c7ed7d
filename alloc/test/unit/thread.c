/* thread.c (test): caches are made once a thread, end with it whatever order destructors run in, are
 * used again, and survive forks as far as their thread does. */
#include "../../thread/thread.h"
#include "../../os/base.h"
#include "../../os/pages.h"
#include "../../os/process.h"
#include "../../util/conf.h"
#include "faults.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

static void boot(void)
{
    conf.thp = THP_NEVER;
    tcache_secret = 0x1235;
    process_boot(pages_map(PAGE_SIZE, PAGE_SIZE));
    thread_boot();
}

static struct thread_totals totals(void)
{
    struct thread_totals t;
    thread_totals(&t);
    return t;
}

static void run_thread(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, body, arg) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
}

/* Takes a block of a class as malloc does on its slow path. */
static void *take(unsigned class)
{
    bool zeroed, sample_due;
    struct tcache *tc = thread_cache();
    void *block = tc->bins[class].head;
    if (!block) {
        return tcache_fill(tc, class, &zeroed, &sample_due);
    }
    tc->bins[class].head = *(void **)block;
    tc->bins[class].npop++;
    ((uint64_t *)block)[1] = 0;
    return block;
}

static size_t regions_out(void)
{
    size_t n = 0;
    for (unsigned i = 0; i < arena_count(); i++) {
        for (unsigned class = 0; class < SMALL_CLASSES; class++) {
            n += count_read(&arena_get(i)->bins[class].regions_out);
        }
    }
    return n;
}

static void one_cache_a_thread(void)
{
    boot();
    REQUIRE(tcache_self == &tcache_none);
    errno = EDOM;
    struct tcache *tc = thread_cache();
    REQUIRE(tc && tc != &tcache_none && tcache_self == tc);
    REQUIRE(thread_cache() == tc);
    REQUIRE(thread_arena() == tc->arena);
    REQUIRE_EQUAL(errno, EDOM);
    REQUIRE_EQUAL(totals().ncaches, 1);
    REQUIRE(thread_check());
}

static struct tcache *main_cache;

static void *work_and_end(void *keep)
{
    REQUIRE(thread_cache() != main_cache);
    REQUIRE(thread_arena() != main_cache->arena); /* one that has no thread yet */
    *(void **)keep = take(3);
    for (unsigned class = 0; class < 20; class++) {
        tcache_push(thread_cache(), class, take(class));
    }
    for (unsigned i = 0; i < 5; i++) {
        thread_count_malloc(100);
    }
    thread_count_free(100);
    thread_count_free(100);
    REQUIRE_EQUAL(totals().ncaches, 2);
    REQUIRE(totals().small_cached_bytes > 0);
    return NULL;
}

/* All goes back but the block that the thread kept; what it did stays counted. */
static void the_end_gives_all_back(void)
{
    void *kept;
    boot();
    conf.narenas = 2;
    main_cache = thread_cache();
    run_thread(work_and_end, &kept);
    struct thread_totals t = totals();
    REQUIRE_EQUAL(t.ncaches, 1);
    REQUIRE_EQUAL(t.mallocs, 21 + 5);
    REQUIRE_EQUAL(t.frees, 20 + 2);
    REQUIRE_EQUAL(t.small_cached_bytes + t.large_cached_bytes, 0);
    REQUIRE_EQUAL(regions_out(), 1);
    REQUIRE_EQUAL(arena_get(1)->nthreads, 0);
    tcache_push(thread_cache(), 3, kept); /* anybody may free it */
    REQUIRE(thread_check());
}

static void *just_take_one(void *arg)
{
    tcache_push(thread_cache(), 3, take(3));
    return arg;
}

static void ended_caches_are_used_again(void)
{
    boot();
    thread_cache();
    run_thread(just_take_one, NULL);
    size_t used = base_used_bytes();
    for (int i = 0; i < 1000; i++) {
        run_thread(just_take_one, NULL);
    }
    REQUIRE_EQUAL(base_used_bytes(), used);
    REQUIRE_EQUAL(totals().mallocs, 1001);
    REQUIRE_EQUAL(totals().frees, 1001);
    REQUIRE_EQUAL(totals().ncaches, 1);
}

/* Destructors of the program may come before and after ours, and allocate. */
static pthread_key_t early_key, late_key;
static _Atomic unsigned destroyed, without_cache;

static void use_in_destructor(void *arg)
{
    struct tcache *tc = thread_cache();
    struct arena *arena = thread_arena();
    void *block = NULL;
    REQUIRE(arena);
    if (tc) {
        block = take(3);
        tcache_push(tc, 3, block);
    } else { /* past the end: straight from the arena, and no cache is made again */
        REQUIRE_EQUAL(arena_fill(arena, 3, &block, 1), 1);
        arena_flush(arena, 3, &block, 1);
        thread_count_malloc(64);
        thread_count_free(64);
        atomic_fetch_add(&without_cache, 1);
    }
    if (++*(unsigned *)arg < 3) { /* and once more, in the next round */
        pthread_setspecific(early_key, arg);
    }
    atomic_fetch_add(&destroyed, 1);
}

static void *end_with_destructors(void *arg)
{
    unsigned *rounds = arg;
    take(3);
    pthread_setspecific(early_key, &rounds[0]);
    pthread_setspecific(late_key, &rounds[1]);
    return NULL;
}

static void destructors_in_any_order(void)
{
    static unsigned rounds[2];
    REQUIRE(pthread_key_create(&early_key, use_in_destructor) == 0);
    boot();
    REQUIRE(pthread_key_create(&late_key, use_in_destructor) == 0);
    thread_cache();
    run_thread(end_with_destructors, rounds);
    REQUIRE(destroyed >= 4);
    REQUIRE(without_cache >= 2); /* the later key, and every later round */
    REQUIRE_EQUAL(totals().ncaches, 1);
    REQUIRE_EQUAL(totals().mallocs, 1 + destroyed);
    REQUIRE_EQUAL(totals().frees, destroyed);
    REQUIRE(thread_check());
}

static void no_cache_where_none_is_wanted(void)
{
    boot();
    conf.tcache = false;
    REQUIRE(!thread_cache());
    REQUIRE(tcache_self == &tcache_none);
    struct arena *arena = thread_arena();
    REQUIRE(arena && thread_arena() == arena);
    for (unsigned i = 0; i < 3; i++) {
        thread_count_malloc(1000);
    }
    thread_count_free(1000);
    thread_count_free(10);
    REQUIRE_EQUAL(thread_bytes().allocated, 3000);
    REQUIRE_EQUAL(thread_bytes().deallocated, 1010);
    REQUIRE_EQUAL(totals().mallocs, 3);
    REQUIRE_EQUAL(totals().frees, 2);
    REQUIRE_EQUAL(totals().ncaches, 0);
}

/* Switched off it is empty, hidden, and still there to be switched on again. */
static void a_cache_can_be_switched_off(void)
{
    boot();
    struct tcache *tc = thread_cache();
    tcache_push(tc, 3, take(3));
    REQUIRE(thread_cache_enabled());
    REQUIRE(thread_cache_flush());
    REQUIRE_EQUAL(totals().small_cached_bytes, 0);
    tcache_push(tc, 3, take(3));
    thread_cache_enable(false);
    REQUIRE_EQUAL(totals().small_cached_bytes, 0);
    REQUIRE(tcache_self == &tcache_none);
    REQUIRE(!thread_cache() && !thread_cache_enabled() && !thread_cache_flush());
    REQUIRE(thread_arena() == tc->arena);
    REQUIRE_EQUAL(totals().ncaches, 1);
    thread_count_malloc(500);
    thread_cache_enable(true);
    REQUIRE(thread_cache_enabled() && thread_cache() == tc && tcache_self == tc);
    REQUIRE_EQUAL(totals().mallocs, 3);
    REQUIRE_EQUAL(thread_bytes().allocated, 2 * 64 + 500);
    REQUIRE_EQUAL(thread_bytes().deallocated, 2 * 64);
}

static void a_cache_can_be_wanted_where_the_option_wants_none(void)
{
    boot();
    conf.tcache = false;
    REQUIRE(!thread_cache() && !thread_cache_enabled());
    thread_cache_enable(true);
    REQUIRE(thread_cache_enabled());
    REQUIRE(thread_cache() && tcache_self == thread_cache());
}

/* Options that fill blocks, and a count that is watched, hide the cache from the fast paths only. */
static void hidden_caches_are_used(void)
{
    boot();
    conf.zero = true;
    struct tcache *tc = thread_cache();
    REQUIRE(tc && tcache_self == &tcache_none);
    REQUIRE(thread_cache() == tc && thread_cache_enabled());
    thread_cache_enable(false);
    REQUIRE(!thread_cache());
    thread_cache_enable(true);
    REQUIRE(thread_cache() == tc && tcache_self == &tcache_none);
}

static void watched_counts_are_kept(void)
{
    boot();
    struct tcache *tc = thread_cache();
    tcache_push(tc, 3, take(3));
    REQUIRE(tcache_self == tc && !thread_watched);
    const struct thread_bytes *watched = thread_watch();
    REQUIRE(tcache_self == &tcache_none && thread_watched && thread_cache() == tc);
    REQUIRE_EQUAL(watched->allocated, 64);
    REQUIRE_EQUAL(watched->deallocated, 64);
    void *block = take(3);
    REQUIRE_EQUAL(watched->allocated, 64); /* not before the door says so */
    thread_note();
    REQUIRE_EQUAL(watched->allocated, 128);
    tcache_push(tc, 3, block);
    thread_count_resize(1000, 3000);
    thread_note();
    REQUIRE_EQUAL(watched->allocated, 3128);
    REQUIRE_EQUAL(watched->deallocated, 1128);
    REQUIRE(thread_watch() == watched);
}

static void *count_some(void *arg)
{
    uint64_t requests[CACHED_CLASSES] = {0};
    struct arena *arena = thread_cache()->arena;
    for (unsigned i = 0; i < 7; i++) {
        tcache_push(thread_cache(), 5, take(5));
    }
    REQUIRE(thread_arena_totals(arena, requests) >= 96);
    REQUIRE_EQUAL(requests[5], 7);
    REQUIRE_EQUAL(requests[4], 0);
    REQUIRE_EQUAL(atomic_load(&arena->counts[5].nrequests), 0);
    *(struct arena **)arg = arena;
    return NULL;
}

/* Of threads that ended, the arena keeps the count. */
static void requests_outlive_their_thread(void)
{
    struct arena *arena;
    uint64_t requests[CACHED_CLASSES] = {0};
    boot();
    conf.narenas = 2;
    thread_cache();
    run_thread(count_some, &arena);
    REQUIRE_EQUAL(thread_arena_totals(arena, requests), 0);
    REQUIRE_EQUAL(requests[5], 0);
    REQUIRE_EQUAL(atomic_load(&arena->counts[5].nrequests), 7);
}

static void no_cache_before_the_start(void)
{
    REQUIRE(!thread_cache());
    REQUIRE(thread_arena());
}

static void *without_a_destructor(void *arg)
{
    errno = EDOM;
    REQUIRE(!thread_cache());
    REQUIRE(!thread_cache() && thread_arena());
    REQUIRE_EQUAL(errno, EDOM);
    return arg;
}

/* Without a destructor the cache would never end: the thread goes without. */
static void no_cache_without_a_destructor(void)
{
    boot();
    thread_cache();
    faults.setspecific_fails = true;
    run_thread(without_a_destructor, NULL);
    size_t used = base_used_bytes();
    for (int i = 0; i < 100; i++) {
        run_thread(without_a_destructor, NULL);
    }
    REQUIRE_EQUAL(base_used_bytes(), used); /* nothing is lost by it */
    REQUIRE_EQUAL(totals().ncaches, 1);
}

static void refused_memory(void)
{
    boot();
    faults.mmaps_left = 0;
    while (base_alloc(64)) {
    }
    REQUIRE(!thread_cache() && !thread_arena());
    faults_none();
    REQUIRE(thread_cache() && thread_arena());
}

/* ---- forks ------------------------------------------------------------------------------------- */

static _Atomic bool ready, over;

static void *have_a_cache(void *arg)
{
    tcache_push(thread_cache(), 3, take(3));
    atomic_store(&ready, true);
    while (!atomic_load(&over)) {
        usleep(100);
    }
    return arg;
}

static void start_another(void)
{
    pthread_t thread;
    atomic_store(&ready, false);
    REQUIRE(pthread_create(&thread, NULL, have_a_cache, NULL) == 0);
    while (!atomic_load(&ready)) {
        usleep(100);
    }
}

static void part_only_the_forker_is_left(void)
{
    REQUIRE(thread_cache() == main_cache);
    REQUIRE_EQUAL(totals().ncaches, 1);
    REQUIRE_EQUAL(totals().mallocs, 2); /* its own; the other's are lost with it */
    REQUIRE(thread_check());
    start_another();
    REQUIRE_EQUAL(totals().ncaches, 2);
    REQUIRE_EQUAL(main_cache->arena->nthreads, 1);
}

static void only_the_forker_is_left(void)
{
    boot();
    conf.narenas = 3;
    main_cache = thread_cache();
    take(3);
    take(4);
    start_another();
    REQUIRE_EQUAL(totals().ncaches, 2);
    REQUIRE_EQUAL(unit_child(part_only_the_forker_is_left).exit, 0);
    REQUIRE_EQUAL(totals().ncaches, 2);
}

static void part_another_comes_first(void)
{
    start_another(); /* looks before the thread that forked does */
    REQUIRE_EQUAL(totals().ncaches, 2);
    REQUIRE_EQUAL(totals().mallocs, 2 + 1);
    REQUIRE(thread_check());
}

static void forker_stays_listed(void)
{
    boot();
    main_cache = thread_cache();
    take(3);
    take(4);
    REQUIRE_EQUAL(unit_child(part_another_comes_first).exit, 0);
}

/* A thread forks; in the child it is the only one. It ends there, before it looked again, and leaves a
 * thread that is newer than the list that it was in. */
static void *look_after_the_end(void *arg)
{
    REQUIRE(thread_cache());
    atomic_store(&ready, true);
    pthread_join(*(pthread_t *)arg, NULL);
    REQUIRE_EQUAL(totals().ncaches, 1);
    REQUIRE_EQUAL(totals().mallocs, 2);
    REQUIRE(thread_check());
    _exit(0);
}

static void *fork_and_end(void *arg)
{
    static pthread_t self, newer;
    take(3);
    tcache_push(thread_cache(), 5, take(5));
    pid_t pid = fork();
    if (pid == 0) {
        self = pthread_self();
        REQUIRE(pthread_create(&newer, NULL, look_after_the_end, &self) == 0);
        while (!atomic_load(&ready)) {
            usleep(100);
        }
        return NULL;
    }
    *(pid_t *)arg = pid;
    return NULL;
}

static void forker_ends_in_the_child(void)
{
    pid_t child;
    int status;
    boot();
    run_thread(fork_and_end, &child);
    REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
    REQUIRE_EQUAL(status, 0);
    REQUIRE_EQUAL(totals().mallocs, 2);
}

static _Atomic unsigned wrong;

static void *come_and_go(void *arg)
{
    for (unsigned class = 0; class < 10; class++) {
        void *block = take(class);
        *(uint64_t *)block = (uintptr_t)arg;
        void *second = take(class);
        atomic_fetch_add(&wrong, *(uint64_t *)block != (uintptr_t)arg);
        tcache_push(thread_cache(), class, block);
        tcache_push(thread_cache(), class, second);
    }
    return NULL;
}

static void many_come_and_go(void)
{
    boot();
    thread_cache();
    for (unsigned round = 0; round < 50; round++) {
        pthread_t threads[8];
        for (uintptr_t i = 0; i < 8; i++) {
            REQUIRE(pthread_create(&threads[i], NULL, come_and_go, (void *)(8 * round + i)) == 0);
        }
        REQUIRE(totals().ncaches <= 9); /* counted beside them */
        for (unsigned i = 0; i < 8; i++) {
            pthread_join(threads[i], NULL);
        }
    }
    REQUIRE_EQUAL(wrong, 0);
    REQUIRE_EQUAL(totals().ncaches, 1);
    REQUIRE_EQUAL(totals().mallocs, 50 * 8 * 20);
    REQUIRE_EQUAL(totals().frees, 50 * 8 * 20);
    arena_purge_all();
    REQUIRE_EQUAL(regions_out(), 0);
}

static void check_sees_a_broken_cache(void)
{
    boot();
    thread_cache();
    start_another();
    REQUIRE(thread_check());
    struct tcache *another = CONTAINER_OF(thread_cache()->link.next, struct tcache, link);
    uint64_t *block = another->bins[3].head;
    block[1] ^= 1;
    REQUIRE_REPORTS(thread_check(), "C1: ");
    block[1] ^= 1;
    REQUIRE(thread_check());
    atomic_store(&over, true);
}

/* ---- bound to an arena ------------------------------------------------------------------------- */

static struct arena *special;

static void *bound_thread(void *kept)
{
    void *before = take(3);
    tcache_push(thread_cache(), 3, before);
    REQUIRE(thread_bind(special) && thread_arena() == special);
    REQUIRE(!thread_cache()->bins[3].head); /* what it had went back */
    REQUIRE_EQUAL(arena_threads(special), 1);
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        void *block = take(class);
        REQUIRE(arena_of((uintptr_t)block) == special);
        tcache_push(thread_cache(), class, block);
    }
    *(void **)kept = take(7);
    REQUIRE(thread_bind(special)); /* once more is no more */
    REQUIRE_EQUAL(arena_threads(special), 1);
    REQUIRE(thread_check());
    return NULL;
}

static void a_thread_belongs_to_an_arena_until_it_ends(void)
{
    void *kept;
    boot();
    conf.narenas = 2;
    thread_cache();
    special = arena_create(NULL);
    run_thread(bound_thread, &kept);
    REQUIRE_EQUAL(arena_threads(special), 0);
    REQUIRE_EQUAL(arena_threads(arena_get(0)), 1);
    size_t held = 0;
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        held += count_read(&special->bins[class].regions_out);
    }
    REQUIRE_EQUAL(held, 1);
    REQUIRE(thread_arena() == arena_get(0));
    REQUIRE(thread_bind(special) && thread_bind(arena_get(0)));
    REQUIRE_EQUAL(arena_threads(special), 0);
    REQUIRE_EQUAL(arena_threads(arena_get(0)), 1);
}

static void *bound_without_a_cache(void *arg)
{
    REQUIRE(!thread_cache());
    REQUIRE(thread_bind(special) && thread_arena() == special);
    REQUIRE_EQUAL(arena_threads(special), 1);
    REQUIRE(thread_bind(special));
    REQUIRE_EQUAL(arena_threads(special), 1);
    return arg;
}

static void bound_also_without_a_cache(void)
{
    boot();
    conf.tcache = false;
    special = arena_create(NULL);
    run_thread(bound_without_a_cache, NULL);
    REQUIRE_EQUAL(arena_threads(special), 0); /* its end was noticed */
    faults.setspecific_fails = true;
    REQUIRE(!thread_bind(special)); /* for its end would not be */
    REQUIRE_EQUAL(arena_threads(special), 0);
    REQUIRE(thread_arena() != special);
}

static void a_destroyed_arena_takes_no_thread(void)
{
    boot();
    thread_cache();
    special = arena_create(NULL);
    struct arena *before = thread_arena();
    REQUIRE(arena_destroy(special));
    REQUIRE(!thread_bind(special) && thread_arena() == before);
    REQUIRE_EQUAL(arena_threads(before), 1);
}

static void part_still_bound(void)
{
    REQUIRE(thread_cache() && thread_arena() == special);
    REQUIRE_EQUAL(arena_threads(special), 1);
    REQUIRE(arena_of((uintptr_t)take(9)) == special);
}

static void part_still_bound_without(void)
{
    REQUIRE(thread_arena() == special);
    REQUIRE_EQUAL(arena_threads(special), 1);
}

static void bound_in_the_child_too(void)
{
    boot();
    special = arena_create(NULL);
    REQUIRE(thread_cache() && thread_bind(special));
    REQUIRE_EQUAL(unit_child(part_still_bound).exit, 0);
}

static void bound_in_the_child_without_a_cache(void)
{
    boot();
    conf.tcache = false;
    special = arena_create(NULL);
    REQUIRE(thread_bind(special));
    REQUIRE_EQUAL(unit_child(part_still_bound_without).exit, 0);
}

static void fills_follow_the_cpu(void)
{
    boot();
    conf.percpu_arena = PERCPU_CPU;
    unsigned limit = arena_limit(); /* while all CPUs may be used */
    for (unsigned cpu = 0; cpu < limit; cpu++) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set) == 0) {
            struct tcache *tc = thread_cache();
            REQUIRE_EQUAL(tc->arena->index, cpu);
            REQUIRE_EQUAL(arena_threads(tc->arena), 1);
        }
    }
    special = arena_create(NULL);
    REQUIRE(thread_bind(special) && thread_cache()->arena == special); /* as it was told */
}

/* ---- hooks ------------------------------------------------------------------------------------- */

static void no_cache_inside_a_hook(void)
{
    boot();
    struct tcache *tc = thread_cache();
    special = arena_create(NULL);
    REQUIRE(thread_bind(special));
    hooks_running++; /* as hooks.c does */
    void *suspended = hooks_suspend();
    REQUIRE(!thread_cache() && tcache_self == &tcache_none);
    REQUIRE(thread_arena() == arena_get(0));
    REQUIRE(!thread_bind(arena_get(0)));
    hooks_resume(suspended);
    hooks_running--;
    REQUIRE(thread_cache() == tc && thread_arena() == special);
    REQUIRE_EQUAL(arena_threads(arena_get(0)), 0);
    REQUIRE_EQUAL(arena_threads(special), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(one_cache_a_thread),
        UNIT(the_end_gives_all_back),
        UNIT(ended_caches_are_used_again),
        UNIT(destructors_in_any_order),
        UNIT(no_cache_where_none_is_wanted),
        UNIT(a_cache_can_be_switched_off),
        UNIT(a_cache_can_be_wanted_where_the_option_wants_none),
        UNIT(hidden_caches_are_used),
        UNIT(watched_counts_are_kept),
        UNIT(requests_outlive_their_thread),
        UNIT(no_cache_before_the_start),
        UNIT(no_cache_without_a_destructor),
        UNIT(refused_memory),
        UNIT(only_the_forker_is_left),
        UNIT(forker_stays_listed),
        UNIT(forker_ends_in_the_child),
        UNIT(many_come_and_go),
        UNIT(check_sees_a_broken_cache),
        UNIT(a_thread_belongs_to_an_arena_until_it_ends),
        UNIT(bound_also_without_a_cache),
        UNIT(a_destroyed_arena_takes_no_thread),
        UNIT(bound_in_the_child_too),
        UNIT(bound_in_the_child_without_a_cache),
        UNIT(fills_follow_the_cpu),
        UNIT(no_cache_inside_a_hook),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
