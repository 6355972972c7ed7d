/* arenas.c: threads that share explicit arenas, made for the thread sanitizer.
 *
 *      worker: own explicit cache, own explicit arena, reset and destroyed now and then
 *         |  blocks of one arena that all share
 *         v
 *      table of slots <──exchange── worker        watcher: figures, purges, decay of all arenas
 *
 * What others must not do during a reset is not done; everything else is done at once. Contents are
 * written and compared without atomics, so that a hand-over that orders nothing shows as a race.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../../api/explicit.h"
#include "../../thread/tcaches.h"

enum { SLOTS = 64, WORKERS = 3, ROUNDS = 60, STEPS = 100 };

static _Atomic(unsigned char *) slots[SLOTS];
static unsigned shared; /* the arena that all use */
static atomic_uint failures;
static atomic_bool over;

static uint64_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *state >> 33;
}

/* The first two bytes say how long a block is, the rest repeats the third. */
static unsigned char *block_new(uint64_t *state, int flags)
{
    size_t size = draw(state) % 3000 + 3;
    unsigned char *block = ashlar_mallocx(size, flags);
    if (block) {
        memset(block, (int)draw(state), size);
        block[0] = (unsigned char)size;
        block[1] = (unsigned char)(size >> 8);
    }
    return block;
}

static void block_end(unsigned char *block, int flags)
{
    size_t size = block[0] | (size_t)block[1] << 8;
    for (size_t i = 2; i < size; i++) {
        failures += block[i] != block[2];
    }
    ashlar_sdallocx(block, size, flags);
}

/* Blocks of the shared arena go from hand to hand, through caches of either kind or none. */
static void exchange(uint64_t *state, unsigned cache)
{
    static const int none = MALLOCX_TCACHE_NONE;
    int from = MALLOCX_ARENA(shared) | (draw(state) % 2 ? MALLOCX_TCACHE(cache) : none);
    int into = draw(state) % 3 ? 0 : draw(state) % 2 ? MALLOCX_TCACHE(cache) : none;
    unsigned char *fresh = block_new(state, draw(state) % 4 ? from : 0);
    unsigned char *old = atomic_exchange(&slots[draw(state) % SLOTS], fresh);
    if (old) {
        block_end(old, into);
    }
}

/* An arena of the worker's own, whose blocks are left behind. */
static void make_and_end(uint64_t *state, unsigned cache)
{
    struct arena *arena = arena_create(NULL);
    failures += !arena;
    for (int i = 0; arena && i < 20; i++) {
        unsigned char *block = block_new(state, MALLOCX_ARENA(arena->index));
        if (i % 2 && block) {
            block_end(block, MALLOCX_TCACHE(cache));
        }
    }
    failures += arena && !explicit_reset(arena->index);
    failures += arena && !explicit_destroy(arena->index);
}

static void *work(void *seed)
{
    uint64_t state = (uintptr_t)seed;
    for (int round = 0; round < ROUNDS; round++) {
        unsigned cache = tcaches_create(), own = tcaches_create();
        bool bound = draw(&state) % 3 == 0 && explicit_bind(shared);
        for (int step = 0; step < STEPS; step++) {
            exchange(&state, cache);
        }
        failures += bound && explicit_of_thread() != shared;
        failures += bound && !explicit_bind(0);
        make_and_end(&state, own);
        failures += !tcaches_destroy(cache) || !tcaches_destroy(own);
    }
    return NULL;
}

static void *watch(void *unused)
{
    while (!over) {
        struct ashlar_stats s;
        ashlar_stats_get(&s);
        failures += s.allocated_bytes > s.active_bytes;
        for (unsigned i = 0; i < arena_count(); i++) {
            struct arena *arena = arena_get(i);
            if (arena) {
                arena_decay_now(arena);
                purge_set_decay(&arena->pool, (int64_t)(s.mallocs % 3) * 50);
            }
        }
        (void)ashlar_purge();
    }
    return unused;
}

static void test_shared_arenas(void **state)
{
    pthread_t workers[WORKERS], watcher;
    (void)state;
    ashlar_free(ashlar_malloc(1));
    struct arena *arena = arena_create(NULL);
    assert_non_null(arena);
    shared = arena->index;
    assert_int_equal(pthread_create(&watcher, NULL, watch, NULL), 0);
    for (uintptr_t i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_create(&workers[i], NULL, work, (void *)(i + 1)), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(workers[i], NULL), 0);
    }
    over = true;
    assert_int_equal(pthread_join(watcher, NULL), 0);
    for (int i = 0; i < SLOTS; i++) {
        if (slots[i]) {
            block_end(slots[i], 0);
        }
    }
    assert_int_equal(failures, 0);
    assert_true(ashlar_check());
    assert_true(explicit_destroy(shared));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared_arenas)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
