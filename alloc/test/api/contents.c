/* contents.c: what is in a block. calloc's zeros over memory that was dirty before, and what
 * realloc carries across every class boundary, upwards and downwards, in place or by copying. */
#include "doors.h"

#include <string.h>

static void test_calloc_is_zero_over_dirt(void **state)
{
    (void)state;
    /* Each size from tiny to huge: blocks are written, freed (to the thread's cache, to the run or
     * to the system, by size) and asked for again as zeros. */
    for (size_t size = 1; size < (24u << 20); size += size / 8 + 1) {
        enum { N = 4 };
        char *blocks[N];
        for (int i = 0; i < N; i++) {
            blocks[i] = door.malloc(size);
            assert_non_null(blocks[i]);
            memset(blocks[i], 0xa5, size);
        }
        for (int i = 0; i < N; i++)
            door.free(blocks[i]);
        for (int i = 0; i < N; i++) {
            blocks[i] = i % 2 ? door.calloc(1, size) : door.calloc(size, 1);
            assert_non_null(blocks[i]);
            assert_true(is_zero(blocks[i], size));
            memset(blocks[i], 0x5a, size);
        }
        for (int i = 0; i < N; i++)
            door.free(blocks[i]);
    }
}

static void test_calloc_is_zero_after_purge(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    /* Pages that went back to the system, pages that stayed and pages cut from both. */
    for (size_t size = 4096; size <= (8u << 20); size *= 2) {
        char *first = door.malloc(size), *second = door.malloc(size);
        memset(first, 0xa5, size);
        memset(second, 0xa5, size);
        door.free(first);
        door.purge();
        door.free(second);
        char *both = door.calloc(2, size);
        assert_non_null(both);
        assert_true(is_zero(both, 2 * size));
        door.free(both);
    }
}

static void test_calloc_among_random_frees(void **state)
{
    (void)state;
    enum { SLOTS = 500 };
    static char *blocks[SLOTS];
    static size_t sizes[SLOTS];
    uint64_t rng = 99;
    int nsteps = slow_run() ? 5000 : 60000;
    for (int step = 0; step < nsteps; step++) {
        int i = (int)(draw(&rng) % SLOTS);
        if (blocks[i] != NULL) {
            memset(blocks[i], 0xff, sizes[i]);
            door.free(blocks[i]);
        }
        sizes[i] = draw(&rng) % ((size_t)1 << (4 + draw(&rng) % 14)) + 1;
        blocks[i] = door.calloc(sizes[i], 1);
        assert_non_null(blocks[i]);
        assert_true(is_zero(blocks[i], sizes[i]));
    }
    for (int i = 0; i < SLOTS; i++)
        door.free(blocks[i]);
    memset(blocks, 0, sizeof blocks);
}

/* Every size at which the usable size changes, up to max_bytes: found by asking, so that the test
 * knows nothing of the table. */
static int class_sizes(size_t *out, int nmax, size_t max_bytes)
{
    int n = 0;
    for (size_t size = 1; size < max_bytes && n < nmax;) {
        void *block = door.malloc(size);
        assert_non_null(block);
        out[n] = door.usable_size(block);
        door.free(block);
        size = out[n++] + 1;
    }
    return n;
}

static void move_between(size_t from, size_t to, bool with_neighbour)
{
    unsigned seed = (unsigned)(from ^ to);
    char *block = door.malloc(from);
    assert_non_null(block);
    void *neighbour = with_neighbour ? door.malloc(from) : NULL;
    pattern_fill(block, from, seed);
    char *moved = door.realloc(block, to);
    assert_non_null(moved);
    assert_true(door.usable_size(moved) >= to);
    assert_true(pattern_holds(moved, from < to ? from : to, seed));
    memset(moved, 0x33, to);
    door.free(neighbour);
    door.free(moved);
}

static void test_realloc_across_boundaries(void **state)
{
    (void)state;
    static size_t sizes[400];
    int nclasses = class_sizes(sizes, 400, slow_run() ? 100000 : 6u << 20);
    assert_true(nclasses > 20);
    for (int i = 0; i + 1 < nclasses; i++) {
        for (int delta = -1; delta <= 1; delta++) {
            size_t at = sizes[i] + (size_t)delta;
            move_between(at, sizes[i + 1], delta == 0);
            move_between(sizes[i + 1], at, delta == 0);
        }
        move_between(sizes[i], sizes[0], false);
    }
}

static void test_realloc_ladder(void **state)
{
    (void)state;
    /* One block grows by an eighth each time to 32 MiB and shrinks again; its first kilobyte and
     * its middle are compared all along. */
    size_t size = 1024, peak = slow_run() ? 2u << 20 : 32u << 20;
    char *block = door.malloc(size);
    assert_non_null(block);
    pattern_fill(block, 1024, 9);
    while (size < peak) {
        size_t grown = size + size / 8;
        block = door.realloc(block, grown);
        assert_non_null(block);
        assert_true(pattern_holds(block, 1024, 9));
        block[grown - 1] = 4;
        block[size] = 5;
        size = grown;
    }
    while (size > 1024) {
        size_t shrunk = size - size / 4 > 1024 ? size - size / 4 : 1024;
        block[shrunk - 1] = (char)(shrunk / 3);
        char last = block[shrunk - 1];
        if (shrunk > 2048)
            block[shrunk / 2] = 6;
        block = door.realloc(block, shrunk);
        assert_non_null(block);
        if (shrunk > 1024)
            assert_int_equal(block[shrunk - 1], last);
        if (shrunk > 2048)
            assert_int_equal(block[shrunk / 2], 6);
        assert_true(pattern_holds(block, 1023, 9));
        size = shrunk;
    }
    door.free(block);
}

static void test_realloc_of_calloc_and_null(void **state)
{
    (void)state;
    for (size_t size = 1; size < 300000; size = size * 3 + 1) {
        char *block = door.realloc(NULL, size);
        assert_non_null(block);
        memset(block, 1, size);
        door.free(block);
        block = door.calloc(size, 1);
        assert_non_null(block);
        block = door.reallocarray(block, size, 3);
        assert_non_null(block);
        assert_true(is_zero(block, size));
        door.free(block);
    }
}

static void test_realloc_to_the_same_size_stays(void **state)
{
    (void)state;
    for (size_t size = 1; size < (8u << 20); size = size * 2 + 1) {
        char *block = door.malloc(size);
        assert_non_null(block);
        char *same = door.realloc(block, size);
        assert_ptr_equal(same, block);
        same = door.realloc(same, door.usable_size(same));
        assert_ptr_equal(same, block);
        door.free(same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_calloc_is_zero_over_dirt),
        TEST(test_calloc_is_zero_after_purge),
        TEST(test_calloc_among_random_frees),
        TEST(test_realloc_across_boundaries),
        TEST(test_realloc_ladder),
        TEST(test_realloc_of_calloc_and_null),
        TEST(test_realloc_to_the_same_size_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
