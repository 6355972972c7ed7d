/* exchange.c: threads that hand blocks to each other, made for the thread sanitizer.
 *
 *      worker ──exchange──> table of slots <──exchange── worker        purger, watcher
 *
 * Every way by which memory changes hands between threads is taken at once: a block freed or
 * reallocated by another thread than its owner, threads that exit while others hold their blocks,
 * threads that inherit what an exited thread left, purges and statistics beside all of that.
 * Contents are written and compared without atomics: a hand-over inside the allocator that orders
 * nothing shows as a race on them, and a block handed out twice as a wrong pattern.
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
#include <time.h>
#include <unistd.h>

#include "ashlar/ashlar.h"

enum { SLOTS = 256, WORKERS = 4 };

struct block {
    size_t size_bytes; /* of the whole block, this header included */
    uint64_t seed;     /* of the pattern behind the header */
};

static _Atomic(struct block *) slots[SLOTS];
static atomic_bool stop;
static atomic_uint failures;
static atomic_ulong operations;

static uint64_t draw(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(2685821657736338717);
}

/* Sizes over every kind of block: small mostly, large at times, huge rarely. */
static size_t draw_size(uint64_t *rng)
{
    uint64_t kind = draw(rng) % 1000;
    unsigned lg = kind < 900   ? 5 + (unsigned)(kind % 9)
                  : kind < 998 ? 14 + (unsigned)(kind % 7)
                               : 22;
    return sizeof(struct block) + draw(rng) % ((size_t)1 << lg);
}

/* Only the ends are filled, so that large blocks do not hide the allocator's own work. */
static void fill(struct block *block)
{
    unsigned char *bytes = (unsigned char *)(block + 1);
    size_t len = block->size_bytes - sizeof *block;
    for (size_t i = 0; i < len / 2 && i < 64; i++)
        bytes[i] = bytes[len - 1 - i] = (unsigned char)(block->seed + i);
}

/* Whether the pattern is there in the first `len` bytes behind the header. */
static bool holds(const struct block *block, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)(block + 1);
    size_t filled = (block->size_bytes - sizeof *block) / 2;
    for (size_t i = 0; i < len && i < filled && i < 64; i++) {
        if (bytes[i] != (unsigned char)(block->seed + i))
            return false;
    }
    return true;
}

static struct block *fresh(uint64_t *rng)
{
    size_t size = draw_size(rng);
    struct block *block;
    switch (draw(rng) % 4) {
    case 0:
        block = ashlar_calloc(1, size);
        break;
    case 1:
        block = ashlar_memalign((size_t)16 << draw(rng) % 9, size);
        break;
    default:
        block = ashlar_malloc(size);
        break;
    }
    if (block == NULL) {
        atomic_fetch_add(&failures, 1);
        return NULL;
    }
    block->size_bytes = size;
    block->seed = draw(rng);
    fill(block);
    return block;
}

static void work(uint64_t *rng, int nsteps)
{
    for (int step = 0; step < nsteps && !atomic_load_explicit(&stop, memory_order_relaxed);
         step++) {
        _Atomic(struct block *) *slot = &slots[draw(rng) % SLOTS];
        struct block *block = atomic_exchange(slot, NULL);
        atomic_fetch_add_explicit(&operations, 1, memory_order_relaxed);
        if (block == NULL) {
            ashlar_free(atomic_exchange(slot, fresh(rng)));
            continue;
        }
        if (!holds(block, block->size_bytes - sizeof *block))
            atomic_fetch_add(&failures, 1);
        if (draw(rng) % 4 == 0) {
            size_t old = block->size_bytes, size = draw_size(rng);
            struct block *moved = ashlar_realloc(block, size);
            if (moved == NULL) {
                atomic_fetch_add(&failures, 1);
                moved = block;
            } else {
                size_t kept = old < size ? old : size;
                if (!holds(moved, kept - sizeof *moved))
                    atomic_fetch_add(&failures, 1);
                moved->size_bytes = size;
                fill(moved);
            }
            ashlar_free(atomic_exchange(slot, moved));
        } else if (draw(rng) % 2 == 0) {
            ashlar_free_sized(block, block->size_bytes);
        } else {
            ashlar_free(block);
        }
    }
}

static void *mortal(void *arg)
{
    uint64_t rng = (uint64_t)(uintptr_t)arg;
    work(&rng, 500);
    return NULL;
}

/* Works, and every now and then lets short-lived threads do the same. */
static void *worker(void *arg)
{
    uint64_t rng = (uint64_t)(uintptr_t)arg;
    while (!atomic_load(&stop)) {
        pthread_t thread;
        bool started = pthread_create(&thread, NULL, mortal, (void *)(uintptr_t)draw(&rng)) == 0;
        work(&rng, 2000);
        if (started)
            pthread_join(thread, NULL);
    }
    return NULL;
}

static void *purger(void *arg)
{
    uint64_t rng = 71;
    while (!atomic_load(&stop)) {
        struct ashlar_stats s;
        ashlar_purge();
        work(&rng, 50);
        ashlar_stats_get(&s);
        if (s.allocated_bytes > s.active_bytes || s.active_bytes > s.resident_bytes ||
            s.resident_bytes > s.mapped_bytes)
            atomic_fetch_add(&failures, 1);
        usleep(500);
    }
    return arg;
}

static double seconds_of_this_run(void)
{
    const char *text = getenv("ASHLAR_RACE_SECS");
    return text != NULL ? strtod(text, NULL) : 1.0;
}

static void test_exchange(void **state)
{
    (void)state;
    pthread_t workers[WORKERS], other;
    struct ashlar_stats before, after;
    struct timespec nap;
    double seconds = seconds_of_this_run();
    nap.tv_sec = (time_t)seconds;
    nap.tv_nsec = (long)((seconds - (double)nap.tv_sec) * 1e9);
    ashlar_stats_get(&before);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, worker, (void *)(uintptr_t)(i + 1)), 0);
    assert_int_equal(pthread_create(&other, NULL, purger, NULL), 0);
    nanosleep(&nap, NULL);
    atomic_store(&stop, true);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    pthread_join(other, NULL);
    for (int i = 0; i < SLOTS; i++)
        ashlar_free(atomic_exchange(&slots[i], NULL));
    ashlar_stats_get(&after);
    assert_int_equal(atomic_load(&failures), 0);
    assert_true(atomic_load(&operations) > 1000);
    assert_int_equal(after.mallocs - after.frees, before.mallocs - before.frees);
    assert_int_equal(after.allocated_bytes, before.allocated_bytes);
    assert_true(ashlar_check());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exchange)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
