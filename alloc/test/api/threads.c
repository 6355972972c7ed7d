/* threads.c: threads that come and go. Destructors of keys run before, after and again after the
 * allocator's own thread state is gone; ten thousand short threads leave nothing behind; blocks are
 * freed by other threads than those that allocated them.
 */
#include "doors.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* Keys made before the allocator is first used are destroyed before its own, those made after it
 * behind it; a destructor that sets its value again is called in every round that POSIX allows. */
struct visitor {
    pthread_key_t key; /* whose value is this visitor */
    int rounds_left;   /* how often the destructor sets its value again */
    char *block;       /* allocated in one round, freed in the next */
};

static atomic_int visits;
static pthread_key_t early_key, late_key;

static void visit(void *value)
{
    struct visitor *visitor = value;
    atomic_fetch_add(&visits, 1);
    assert_true(pattern_holds(visitor->block, 300, 5));
    door.free(visitor->block);
    void *passing[40];
    for (int i = 0; i < 40; i++) {
        passing[i] = door.malloc((size_t)1 << (i % 20));
        assert_non_null(passing[i]);
    }
    for (int i = 0; i < 40; i++)
        door.free(passing[i]);
    if (visitor->rounds_left-- > 0) {
        visitor->block = door.malloc(300);
        assert_non_null(visitor->block);
        pattern_fill(visitor->block, 300, 5);
        pthread_setspecific(visitor->key, visitor);
    } else {
        door.free(visitor);
    }
}

/* How often destructors run. The thread sanitizer needs the last rounds for itself. */
static int rounds(void)
{
    return slow_run() ? PTHREAD_DESTRUCTOR_ITERATIONS - 2 : PTHREAD_DESTRUCTOR_ITERATIONS;
}

static void leave_visitor(pthread_key_t key)
{
    struct visitor *visitor = door.malloc(sizeof *visitor);
    assert_non_null(visitor);
    *visitor = (struct visitor){key, rounds() - 1, door.malloc(300)};
    assert_non_null(visitor->block);
    pattern_fill(visitor->block, 300, 5);
    pthread_setspecific(key, visitor);
}

static void *visited_thread(void *arg)
{
    bool allocate_first = arg != NULL;
    void *block = allocate_first ? door.malloc(100) : NULL;
    leave_visitor(early_key);
    leave_visitor(late_key);
    door.free(block);
    return NULL;
}

static void test_destructors_in_any_order(void **state)
{
    (void)state;
    enum { NTHREADS = 20 };
    pthread_t threads[NTHREADS];
    for (int i = 0; i < NTHREADS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, visited_thread, i % 2 ? &early_key : NULL), 0);
    for (int i = 0; i < NTHREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&visits), NTHREADS * 2 * rounds());
}

static void test_destructors_leave_nothing(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    struct ashlar_stats before, after;
    pthread_t thread;
    for (int i = 0; i < 5; i++) { /* libpthread keeps a stack or two */
        assert_int_equal(pthread_create(&thread, NULL, visited_thread, NULL), 0);
        pthread_join(thread, NULL);
    }
    door.stats(&before);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(pthread_create(&thread, NULL, visited_thread, i % 2 ? &thread : NULL), 0);
        pthread_join(thread, NULL);
    }
    door.stats(&after);
    assert_int_equal(after.allocated_bytes, before.allocated_bytes);
    assert_true(after.metadata_bytes == before.metadata_bytes);
    assert_int_equal(after.nthreads, before.nthreads);
}

/* A block for each thread to free, put there by the thread before it. */
static _Atomic(char *) passed_on;

/* All threads that run at once meet, so that every batch uses as many arenas and caches. */
static pthread_barrier_t all_here;

static void *short_thread(void *arg)
{
    char *mine[6];
    for (int i = 0; i < 6; i++) {
        mine[i] = door.malloc((size_t)24 << (2 * i));
        mine[i][0] = 1;
    }
    pthread_barrier_wait(&all_here);
    for (int i = 0; i < 5; i++)
        door.free(mine[i]);
    door.free(atomic_exchange(&passed_on, mine[5]));
    return arg;
}

static void run_short_threads(int nthreads)
{
    enum { AT_ONCE = 8 };
    pthread_t threads[AT_ONCE];
    pthread_attr_t attr;
    pthread_barrier_init(&all_here, NULL, AT_ONCE);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 64 << 10);
    for (int done = 0; done < nthreads; done += AT_ONCE) {
        for (int i = 0; i < AT_ONCE; i++)
            assert_int_equal(pthread_create(&threads[i], &attr, short_thread, NULL), 0);
        for (int i = 0; i < AT_ONCE; i++)
            pthread_join(threads[i], NULL);
    }
    pthread_attr_destroy(&attr);
    pthread_barrier_destroy(&all_here);
    door.free(atomic_exchange(&passed_on, NULL));
}

static void test_ten_thousand_threads(void **state)
{
    (void)state;
    struct ashlar_stats before = {0}, after = {0};
    run_short_threads(400);
    if (door.stats != NULL)
        door.stats(&before);
    run_short_threads(slow_run() ? 400 : 10000);
    if (door.stats != NULL) {
        door.stats(&after);
        /* Not a byte a thread: the slots of dead threads are used again. */
        assert_int_equal(after.metadata_bytes, before.metadata_bytes);
        assert_true(after.mapped_bytes <= before.mapped_bytes);
        assert_int_equal(after.nthreads, before.nthreads);
        assert_int_equal(after.allocated_bytes, before.allocated_bytes);
    }
}

/* Blocks travel round a ring of threads: each is checked and freed by the next thread. */
enum { RING = 4, BATCH = 200 };
static struct {
    pthread_barrier_t barrier;
    char *blocks[RING][BATCH];
    size_t sizes[RING][BATCH];
    atomic_int failures;
} ring;

static void *ring_thread(void *arg)
{
    int me = (int)(intptr_t)arg, next = (me + 1) % RING;
    uint64_t rng = 17 + (uint64_t)me;
    int nrounds = slow_run() ? 5 : 150;
    for (int round = 0; round < nrounds; round++) {
        for (int i = 0; i < BATCH; i++) {
            size_t size = draw(&rng) % ((size_t)1 << (4 + draw(&rng) % 12)) + 1;
            ring.sizes[me][i] = size;
            ring.blocks[me][i] = door.malloc(size);
            if (ring.blocks[me][i] == NULL) {
                atomic_fetch_add(&ring.failures, 1);
                ring.sizes[me][i] = 0;
                continue;
            }
            pattern_fill(ring.blocks[me][i], size, (unsigned)(me + i));
        }
        pthread_barrier_wait(&ring.barrier);
        for (int i = 0; i < BATCH; i++) {
            if (!pattern_holds(ring.blocks[next][i], ring.sizes[next][i], (unsigned)(next + i)))
                atomic_fetch_add(&ring.failures, 1);
            if (i % 5 == 0) {
                size_t size = ring.sizes[next][i];
                char *moved = door.realloc(ring.blocks[next][i], size * 2 + 1);
                if (moved == NULL || !pattern_holds(moved, size, (unsigned)(next + i)))
                    atomic_fetch_add(&ring.failures, 1);
                ring.blocks[next][i] = moved;
            }
            door.free(ring.blocks[next][i]);
        }
        pthread_barrier_wait(&ring.barrier);
    }
    return NULL;
}

static void test_blocks_freed_by_another_thread(void **state)
{
    (void)state;
    struct ashlar_stats before = {0}, after = {0};
    if (door.stats != NULL)
        door.stats(&before);
    pthread_t threads[RING];
    pthread_barrier_init(&ring.barrier, NULL, RING);
    for (int i = 0; i < RING; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ring_thread, (void *)(intptr_t)i), 0);
    for (int i = 0; i < RING; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&ring.barrier);
    assert_int_equal(atomic_load(&ring.failures), 0);
    if (door.stats != NULL) {
        door.stats(&after);
        /* What libpthread itself allocates for threads is kept there, or is back by now. */
        assert_true(after.allocated_bytes <= before.allocated_bytes + 4096);
        assert_int_equal(after.mallocs - after.frees, before.mallocs - before.frees);
    }
}

/* malloc is no cancellation point: a cancelled thread gets through all of this. */
static atomic_bool cancel_sent, got_through;

static void *cancelled_thread(void *arg)
{
    while (!atomic_load(&cancel_sent))
        ;
    for (size_t size = 1; size < (16u << 20); size *= 2) {
        void *block = door.malloc(size);
        block = door.realloc(block, size * 2);
        door.free(block);
    }
    atomic_store(&got_through, true);
    pthread_testcancel();
    return arg;
}

static void test_no_cancellation_point(void **state)
{
    (void)state;
    pthread_t thread;
    void *result;
    assert_int_equal(pthread_create(&thread, NULL, cancelled_thread, NULL), 0);
    pthread_cancel(thread);
    atomic_store(&cancel_sent, true);
    pthread_join(thread, &result);
    assert_true(atomic_load(&got_through));
    assert_ptr_equal(result, PTHREAD_CANCELED);
}

int main(void)
{
    pthread_key_create(&early_key, visit);
    void *first = door.malloc(1);
    pthread_key_create(&late_key, visit);
    door.free(first);
    const struct CMUnitTest tests[] = {
        TEST(test_destructors_in_any_order), TEST(test_destructors_leave_nothing),
        TEST(test_ten_thousand_threads),     TEST(test_blocks_freed_by_another_thread),
        TEST(test_no_cancellation_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
