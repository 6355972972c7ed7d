/* figures.c: the figures of ashlar_stats_get. They keep their order at every moment, allocated returns
 * to its start, mallocs and frees count blocks, and what is freed goes back to the system on purge.
 */
#include "doors.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Blocks are counted by each thread for itself, so of these two only the sums at rest compare. */
static bool in_order(const struct ashlar_stats *s)
{
    return s->allocated_bytes <= s->active_bytes && s->active_bytes <= s->resident_bytes &&
           s->resident_bytes <= s->mapped_bytes && s->metadata_bytes <= s->resident_bytes;
}

/* Resident pages of this process by the kernel's own count, without stdio. */
static size_t resident_bytes(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    assert_true(n > 0);
    text[n] = '\0';
    char *second = strchr(text, ' ');
    assert_non_null(second);
    return strtoul(second, NULL, 10) * 4096;
}

static void test_order_during_random_work(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    enum { SLOTS = 2000 };
    static void *blocks[SLOTS];
    struct ashlar_stats start, s;
    uint64_t rng = 3;
    door.stats(&start);
    assert_true(in_order(&start));
    int nsteps = slow_run() ? 5000 : 100000;
    for (int step = 0; step < nsteps; step++) {
        int i = (int)(draw(&rng) % SLOTS);
        if (blocks[i] != NULL) {
            door.free(blocks[i]);
            blocks[i] = NULL;
        } else {
            int lg = draw(&rng) % 1000 == 0 ? 23 : 4 + (int)(draw(&rng) % 13);
            blocks[i] = door.malloc(draw(&rng) % ((size_t)1 << lg));
            assert_non_null(blocks[i]);
        }
        if (step % 500 == 0) {
            door.stats(&s);
            assert_true(in_order(&s));
        }
    }
    size_t usable = 0;
    uint64_t live = 0;
    for (int i = 0; i < SLOTS; i++) {
        usable += door.usable_size(blocks[i]);
        live += blocks[i] != NULL;
    }
    door.stats(&s);
    assert_int_equal(s.allocated_bytes - start.allocated_bytes, usable);
    assert_int_equal((s.mallocs - s.frees) - (start.mallocs - start.frees), live);
    for (int i = 0; i < SLOTS; i++)
        door.free(blocks[i]);
    memset(blocks, 0, sizeof blocks);
    door.stats(&s);
    assert_true(in_order(&s));
    assert_int_equal(s.allocated_bytes, start.allocated_bytes);
    assert_int_equal(s.mallocs - s.frees, start.mallocs - start.frees);
}

static void test_each_door_counts_once(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    struct ashlar_stats before, after;
    void *block = NULL;
    for (size_t size = 8; size < (16u << 20); size *= 4) {
        door.stats(&before);
        door.free(door.malloc(size));
        door.free(door.calloc(1, size));
        door.free(door.aligned_alloc(256, size));
        assert_int_equal(door.posix_memalign(&block, 64, size), 0);
        door.free_sized(block, size);
        door.free(door.valloc(size));
        door.free(NULL);
        door.stats(&after);
        assert_int_equal(after.mallocs - before.mallocs, 5);
        assert_int_equal(after.frees - before.frees, 5);
        assert_int_equal(after.allocated_bytes, before.allocated_bytes);
    }
}

static void test_fast_pairs_are_counted(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    struct ashlar_stats before, after;
    uint64_t npairs = slow_run() ? 10000 : 1000000;
    door.stats(&before);
    for (uint64_t i = 0; i < npairs; i++)
        door.free(door.malloc(64));
    door.stats(&after);
    assert_int_equal(after.mallocs - before.mallocs, npairs);
    assert_int_equal(after.frees - before.frees, npairs);
}

static void purge_gives_back(size_t size_bytes, size_t total_bytes)
{
    struct ashlar_stats full, purged;
    size_t count = total_bytes / size_bytes;
    void **blocks = door.malloc(count * sizeof *blocks);
    assert_non_null(blocks);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = door.malloc(size_bytes);
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, size_bytes);
    }
    door.stats(&full);
    size_t resident_full = resident_bytes();
    for (size_t i = 0; i < count; i++)
        door.free(blocks[i]);
    door.free(blocks);
    door.purge();
    door.stats(&purged);
    size_t resident_purged = resident_bytes();
    assert_true(in_order(&full));
    assert_true(in_order(&purged));
    assert_int_equal(purged.dirty_bytes, 0);
    assert_true(full.active_bytes >= purged.active_bytes + total_bytes / 8 * 7);
    assert_true(full.resident_bytes >= purged.resident_bytes + total_bytes / 8 * 7);
    if (!slow_run()) /* the kernel's count is of valgrind's own memory there */
        assert_true(resident_full >= resident_purged + total_bytes / 8 * 7);
}

static void test_purge_gives_back(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    size_t total = slow_run() ? 8u << 20 : 48u << 20;
    purge_gives_back(48, total);
    purge_gives_back(3000, total);
    purge_gives_back(20000, total);
    purge_gives_back(1u << 20, total);
    purge_gives_back(6u << 20, total);
}

static void test_purge_reports_bytes(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    enum { N = 8, SIZE = 2 << 20 };
    void *blocks[N];
    door.purge();
    for (int i = 0; i < N; i++) {
        blocks[i] = door.malloc(SIZE);
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, SIZE);
    }
    for (int i = 0; i < N; i++)
        door.free(blocks[i]);
    assert_true(door.purge() >= (size_t)N * SIZE / 2);
    assert_int_equal(door.purge(), 0); /* nothing is left to give */
}

/* A snapshot taken while others allocate keeps the order too. */
static atomic_bool stop;

static void *restless(void *arg)
{
    uint64_t rng = (uint64_t)(uintptr_t)arg;
    void *blocks[64] = {0};
    while (!atomic_load(&stop)) {
        int i = (int)(draw(&rng) % 64);
        door.free(blocks[i]);
        blocks[i] = door.malloc(draw(&rng) % ((size_t)1 << (4 + draw(&rng) % 17)));
    }
    for (int i = 0; i < 64; i++)
        door.free(blocks[i]);
    return NULL;
}

static void test_order_while_others_allocate(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, restless, (void *)(uintptr_t)(i + 1)),
                         0);
    int nsnapshots = slow_run() ? 20 : 2000;
    for (int i = 0; i < nsnapshots; i++) {
        struct ashlar_stats s;
        door.stats(&s);
        if (!in_order(&s)) {
            atomic_store(&stop, true);
            fail_msg("snapshot %d: allocated %zu active %zu resident %zu mapped %zu", i,
                     s.allocated_bytes, s.active_bytes, s.resident_bytes, s.mapped_bytes);
        }
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

static void test_version(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    int major, minor, patch;
    char rest;
    assert_int_equal(sscanf(door.version(), "%d.%d.%d%c", &major, &minor, &patch, &rest), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_order_during_random_work),
        TEST(test_each_door_counts_once),
        TEST(test_fast_pairs_are_counted),
        TEST(test_purge_gives_back),
        TEST(test_purge_reports_bytes),
        TEST(test_order_while_others_allocate),
        TEST(test_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
