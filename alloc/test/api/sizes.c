/* sizes.c: what size 0 means, what malloc_usable_size says, and how blocks are aligned. */
#include "doors.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

enum { LG_ALIGN_MAX = 22 };

static void test_zero_is_unique(void **state)
{
    (void)state;
    enum { N = 1000 };
    static void *blocks[N];
    for (int i = 0; i < N; i++) {
        switch (i % 4) {
        case 0:
            blocks[i] = door.malloc(0);
            break;
        case 1:
            blocks[i] = door.calloc(0, 8);
            break;
        case 2:
            blocks[i] = door.calloc(8, 0);
            break;
        default:
            blocks[i] = door.realloc(NULL, 0);
            break;
        }
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
    }
    /* All are alive at once: with their addresses in a set, each must be new. */
    for (int i = 0; i < N; i++) {
        for (int j = i + 1; j < N; j++)
            assert_ptr_not_equal(blocks[i], blocks[j]);
    }
    for (int i = 0; i < N; i++)
        door.free(blocks[i]);
}

static void test_realloc_to_zero_frees(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    for (size_t size = 1; size <= (16u << 20); size *= 4) {
        struct ashlar_stats before, after;
        door.stats(&before);
        void *block = door.malloc(size);
        assert_non_null(block);
        assert_null(door.realloc(block, 0));
        block = door.malloc(size);
        assert_null(door.reallocarray(block, 0, 8));
        block = door.malloc(size);
        assert_null(door.reallocarray(block, 8, 0));
        door.stats(&after);
        assert_int_equal(after.allocated_bytes, before.allocated_bytes);
        assert_int_equal(after.mallocs - before.mallocs, 3);
        assert_int_equal(after.frees - before.frees, 3);
    }
}

static void test_usable_size(void **state)
{
    (void)state;
    assert_int_equal(door.usable_size(NULL), 0);
    size_t last = 0;
    for (size_t size = 0; size < 100000; size += size / 64 + 1) {
        char *block = door.malloc(size);
        char *other = door.malloc(size);
        assert_non_null(block);
        size_t usable = door.usable_size(block);
        assert_true(usable >= size);
        assert_true(usable > 0);
        assert_true(usable >= last); /* monotone in the request */
        memset(block, 0x5a, usable); /* all of it is the caller's */
        memset(other, 0xa5, door.usable_size(other));
        assert_int_equal(door.usable_size(block), usable);
        for (size_t i = 0; i < usable; i += 61)
            assert_int_equal(block[i], 0x5a);
        door.free(block);
        assert_true(other[0] == (char)0xa5);
        door.free(other);
        last = door.stats != NULL ? usable : 0;
    }
}

static void test_usable_size_is_stable(void **state)
{
    (void)state;
    enum { N = 400 };
    static void *blocks[N];
    static size_t usable[N];
    uint64_t rng = 5;
    for (int i = 0; i < N; i++) {
        blocks[i] = door.malloc((size_t)1 << (draw(&rng) % 23));
        assert_non_null(blocks[i]);
        usable[i] = door.usable_size(blocks[i]);
    }
    for (int round = 0; round < 20; round++) { /* others come and go around them */
        void *passing[100];
        for (int i = 0; i < 100; i++)
            passing[i] = door.malloc(draw(&rng) % 100000);
        for (int i = 0; i < 100; i++)
            door.free(passing[i]);
        for (int i = 0; i < N; i++)
            assert_int_equal(door.usable_size(blocks[i]), usable[i]);
    }
    for (int i = 0; i < N; i++)
        door.free(blocks[i]);
}

static void test_every_block_is_aligned(void **state)
{
    (void)state;
    for (size_t size = 0; size < (9u << 20); size += size / 100 + 1) {
        void *a = door.malloc(size);
        void *b = door.calloc(1, size);
        void *c = door.realloc(NULL, size);
        assert_non_null(a);
        assert_non_null(b);
        assert_non_null(c);
        assert_int_equal(((uintptr_t)a | (uintptr_t)b | (uintptr_t)c) % 16, 0);
        c = door.realloc(c, size + size / 2 + 1);
        assert_non_null(c);
        assert_int_equal((uintptr_t)c % 16, 0);
        door.free(b);
        door.free(a);
        door.free(c);
    }
}

static const size_t aligned_sizes[] = {0,
                                       1,
                                       8,
                                       17,
                                       100,
                                       1000,
                                       4095,
                                       4096,
                                       4097,
                                       14337,
                                       20000,
                                       100000,
                                       1 << 20,
                                       (4 << 20) - 4096,
                                       (4 << 20) + 1,
                                       9 << 20};
enum { NALIGNED_SIZES = sizeof aligned_sizes / sizeof aligned_sizes[0] };

static void *aligned_by(int which, size_t alignment, size_t size)
{
    void *block = NULL;
    switch (which) {
    case 0:
        return door.aligned_alloc(alignment, size);
    case 1:
        return door.memalign(alignment, size);
    default:
        if (alignment < sizeof(void *))
            alignment = sizeof(void *);
        assert_int_equal(door.posix_memalign(&block, alignment, size), 0);
        return block;
    }
}

static void test_every_alignment(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        for (int lg = 0; lg <= LG_ALIGN_MAX; lg++) {
            size_t alignment = (size_t)1 << lg;
            for (int i = 0; i < NALIGNED_SIZES; i++) {
                size_t size = aligned_sizes[i];
                char *block = aligned_by(which, alignment, size);
                char *other = aligned_by(which, alignment, size);
                assert_non_null(block);
                assert_non_null(other);
                assert_int_equal((uintptr_t)block % alignment, 0);
                assert_int_equal((uintptr_t)other % alignment, 0);
                assert_true(door.usable_size(block) >= size);
                if (size > 0) {
                    block[0] = block[size - 1] = 1;
                    other[0] = other[size - 1] = 2;
                    assert_int_equal(block[0] + block[size - 1], 2);
                }
                if (door.free_aligned_sized != NULL && which == 0)
                    door.free_aligned_sized(block, alignment, size);
                else
                    door.free(block);
                door.free(other);
            }
        }
    }
}

static void test_realloc_of_aligned(void **state)
{
    (void)state;
    for (int lg = 4; lg <= LG_ALIGN_MAX; lg++) {
        for (int i = 1; i < NALIGNED_SIZES; i++) {
            size_t size = aligned_sizes[i] < 200000 ? aligned_sizes[i] : 200000;
            char *block = door.memalign((size_t)1 << lg, size);
            assert_non_null(block);
            pattern_fill(block, size, 3);
            block = door.realloc(block, 2 * size + 3);
            assert_non_null(block);
            assert_true(pattern_holds(block, size, 3));
            block = door.realloc(block, size / 2 + 1);
            assert_non_null(block);
            assert_true(pattern_holds(block, size / 2, 3));
            door.free(block);
        }
    }
}

static void test_page_aligned_doors(void **state)
{
    (void)state;
    for (size_t size = 0; size < 40000; size = size * 2 + 1) {
        void *a = door.valloc(size);
        void *b = door.pvalloc(size);
        assert_non_null(a);
        assert_non_null(b);
        assert_int_equal(((uintptr_t)a | (uintptr_t)b) % 4096, 0);
        assert_true(door.usable_size(a) >= size);
        door.free(a);
        door.free(b);
    }
}

static void test_sized_frees(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    struct ashlar_stats before, after;
    door.stats(&before);
    uint64_t nblocks = 0;
    for (size_t size = 0; size < (6u << 20); size += size / 16 + 1, nblocks++)
        door.free_sized(door.malloc(size), size);
    door.stats(&after);
    assert_int_equal(after.frees - before.frees, nblocks);
    assert_int_equal(after.allocated_bytes, before.allocated_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_zero_is_unique),
        TEST(test_realloc_to_zero_frees),
        TEST(test_usable_size),
        TEST(test_usable_size_is_stable),
        TEST(test_every_block_is_aligned),
        TEST(test_every_alignment),
        TEST(test_realloc_of_aligned),
        TEST(test_page_aligned_doors),
        TEST(test_sized_frees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
