/* errno_rules.c: what every door does to errno, and which requests must fail.
 *
 * ENOMEM on every failure, also of the functions whose C library version forgets it; free never
 * touches errno; posix_memalign returns its code and leaves both errno and the pointer alone.
 * Everything over PTRDIFF_MAX fails, whichever way the size comes about: plainly, as a product, by
 * adding an alignment or by rounding up to pages.
 */
#include "doors.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

/* Each is more than PTRDIFF_MAX, or more than 47 bits of address space can hold. */
static const size_t too_large[] = {
    SIZE_MAX,
    SIZE_MAX - 1,
    SIZE_MAX - 7,
    SIZE_MAX - 8,
    SIZE_MAX - 15,
    SIZE_MAX - 16,
    SIZE_MAX - 31,
    SIZE_MAX - 63,
    SIZE_MAX - 4095,
    SIZE_MAX - 4096,
    SIZE_MAX - 8192,
    SIZE_MAX - (4u << 20),
    SIZE_MAX - (8u << 20),
    SIZE_MAX / 2 + 2,
    (size_t)PTRDIFF_MAX + 1,
    PTRDIFF_MAX,
    (size_t)PTRDIFF_MAX - 15,
    (size_t)PTRDIFF_MAX - 4095,
    (size_t)PTRDIFF_MAX - (4u << 20),
    (size_t)1 << 62,
    (size_t)7 << 60,
    (size_t)1 << 56,
    (size_t)1 << 48,
};
enum { NTOO_LARGE = sizeof too_large / sizeof too_large[0] };

/* Evaluates an allocation that must fail: NULL, and errno ENOMEM whatever it was. */
#define ASSERT_NO_MEMORY(call)                                                                     \
    do {                                                                                           \
        errno = EDOM;                                                                              \
        void *got_ = (call);                                                                       \
        int code_ = errno;                                                                         \
        assert_null(got_);                                                                         \
        assert_int_equal(code_, ENOMEM);                                                           \
    } while (0)

static void test_plain_sizes(void **state)
{
    (void)state;
    for (int i = 0; i < NTOO_LARGE; i++) {
        ASSERT_NO_MEMORY(door.malloc(too_large[i]));
        ASSERT_NO_MEMORY(door.calloc(1, too_large[i]));
        ASSERT_NO_MEMORY(door.calloc(too_large[i], 1));
        ASSERT_NO_MEMORY(door.realloc(NULL, too_large[i]));
        ASSERT_NO_MEMORY(door.reallocarray(NULL, too_large[i], 1));
        ASSERT_NO_MEMORY(door.aligned_alloc(16, too_large[i]));
        ASSERT_NO_MEMORY(door.aligned_alloc(4096, too_large[i]));
        ASSERT_NO_MEMORY(door.memalign(64, too_large[i]));
        ASSERT_NO_MEMORY(door.memalign(1 << 22, too_large[i]));
        ASSERT_NO_MEMORY(door.valloc(too_large[i]));
        ASSERT_NO_MEMORY(door.pvalloc(too_large[i]));
    }
}

static void test_products(void **state)
{
    static const struct {
        size_t count, size_bytes;
    } products[] = {
        {SIZE_MAX, 2},
        {2, SIZE_MAX},
        {SIZE_MAX, SIZE_MAX},
        {SIZE_MAX / 2 + 1, 2}, /* wraps to 0 */
        {SIZE_MAX / 2 + 2, 2}, /* wraps to 2 */
        {(size_t)1 << 32, (size_t)1 << 32},
        {((size_t)1 << 32) + 1, (size_t)1 << 32},
        {((size_t)1 << 33) + 1, ((size_t)1 << 31) + 1},
        {SIZE_MAX / 16 + 2, 16}, /* wraps to 16 */
        {PTRDIFF_MAX / 8 + 1, 8},
        {(size_t)PTRDIFF_MAX, 1},
        {3, PTRDIFF_MAX / 3 + 1},
    };
    (void)state;
    char *kept = door.malloc(100);
    assert_non_null(kept);
    pattern_fill(kept, 100, 1);
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++) {
        ASSERT_NO_MEMORY(door.calloc(products[i].count, products[i].size_bytes));
        ASSERT_NO_MEMORY(door.reallocarray(NULL, products[i].count, products[i].size_bytes));
        ASSERT_NO_MEMORY(door.reallocarray(kept, products[i].count, products[i].size_bytes));
        assert_true(pattern_holds(kept, 100, 1));
    }
    door.free(kept);
}

static void test_size_plus_alignment(void **state)
{
    (void)state;
    for (int shift = 4; shift < 63; shift++) {
        size_t alignment = (size_t)1 << shift;
        ASSERT_NO_MEMORY(door.aligned_alloc(alignment, SIZE_MAX - alignment + 1));
        ASSERT_NO_MEMORY(door.aligned_alloc(alignment, SIZE_MAX - alignment / 2));
        ASSERT_NO_MEMORY(door.memalign(alignment, PTRDIFF_MAX - 1));
        ASSERT_NO_MEMORY(door.memalign(alignment, SIZE_MAX - alignment));
        ASSERT_NO_MEMORY(door.memalign(alignment, (size_t)PTRDIFF_MAX - alignment + 1));
    }
    /* More alignment than the address space has. */
    for (int shift = 48; shift < 64; shift++) {
        ASSERT_NO_MEMORY(door.aligned_alloc((size_t)1 << shift, 1));
        ASSERT_NO_MEMORY(door.aligned_alloc((size_t)1 << shift, (size_t)1 << shift));
    }
}

static void test_pvalloc_rounding(void **state)
{
    (void)state;
    ASSERT_NO_MEMORY(door.pvalloc(SIZE_MAX));
    ASSERT_NO_MEMORY(door.pvalloc(SIZE_MAX - 4094));
    ASSERT_NO_MEMORY(door.pvalloc(SIZE_MAX - 4095));
    ASSERT_NO_MEMORY(door.pvalloc((size_t)PTRDIFF_MAX));
    ASSERT_NO_MEMORY(door.pvalloc((size_t)PTRDIFF_MAX - 4094));
    for (size_t size = 1; size < 5 * 4096; size += 509) {
        char *block = door.pvalloc(size);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 4096, 0);
        size_t rounded = (size + 4095) / 4096 * 4096;
        assert_true(door.usable_size(block) >= rounded);
        memset(block, 1, rounded);
        door.free(block);
    }
}

static void test_posix_memalign(void **state)
{
    static const size_t bad[] = {
        0,           1,  2,  3,   4,    7,    9,        12,
        24,          40, 48, 100, 4095, 4097, SIZE_MAX, ((size_t)1 << 40) + 8,
        SIZE_MAX - 7};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        void *block = &block;
        errno = EDOM;
        int code = door.posix_memalign(&block, bad[i], 64);
        assert_int_equal(errno, EDOM);
        assert_int_equal(code, EINVAL);
        assert_ptr_equal(block, &block);
        code = door.posix_memalign(&block, bad[i], 0);
        assert_int_equal(code, EINVAL);
        assert_ptr_equal(block, &block);
    }
    for (int i = 0; i < NTOO_LARGE; i++) {
        for (size_t alignment = 8; alignment <= (1u << 23); alignment *= 8) {
            void *block = &block;
            errno = EDOM;
            int code = door.posix_memalign(&block, alignment, too_large[i]);
            if (door.stats != NULL) /* glibc sets it to ENOMEM */
                assert_int_equal(errno, EDOM);
            assert_int_equal(code, ENOMEM);
            assert_ptr_equal(block, &block);
        }
    }
    for (size_t size = 0; size < 70000; size = size * 2 + 1) {
        for (size_t alignment = 8; alignment <= 65536; alignment *= 2) {
            void *block = NULL;
            errno = EDOM;
            assert_int_equal(door.posix_memalign(&block, alignment, size), 0);
            assert_int_equal(errno, EDOM);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % alignment, 0);
            door.free(block);
        }
    }
}

static void test_aligned_alloc_invalid(void **state)
{
    static const size_t bad[] = {
        0,  3,   5,    6,    7,     9,        12,           24,
        48, 100, 4095, 4097, 12288, SIZE_MAX, SIZE_MAX - 1, ((size_t)1 << 63) + 1};
    (void)state;
    ASHLAR_ONLY(); /* glibc before 2.38 rounds the alignment up instead */
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (size_t size = 0; size < 100000; size = size * 3 + 1) {
            errno = EDOM;
            void *block = door.aligned_alloc(bad[i], size);
            int code = errno;
            assert_null(block);
            assert_int_equal(code, EINVAL);
        }
    }
}

static void test_free_keeps_errno(void **state)
{
    (void)state;
    void *blocks[64];
    /* Up to 64 MiB: the largest go back to the system, and munmap must not be seen through. */
    for (size_t size = 1; size <= (64u << 20); size *= 4) {
        for (int i = 0; i < 8; i++) {
            blocks[i] = door.malloc(size);
            assert_non_null(blocks[i]);
        }
        for (int i = 0; i < 8; i++) {
            errno = i;
            if (door.free_sized != NULL && i % 3 == 1)
                door.free_sized(blocks[i], size);
            else
                door.free(blocks[i]);
            assert_int_equal(errno, i);
        }
    }
    errno = EDOM;
    door.free(NULL);
    assert_int_equal(errno, EDOM);
    for (int round = 0; round < 2000; round++) { /* enough for every slow path of free */
        for (int i = 0; i < 64; i++)
            blocks[i] = door.malloc(1024);
        for (int i = 0; i < 64; i++) {
            errno = ERANGE;
            door.free(blocks[i]);
            assert_int_equal(errno, ERANGE);
        }
    }
}

static void test_sized_free_of_null(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    for (size_t size = 0; size < SIZE_MAX / 4; size = size * 3 + 1) {
        errno = EDOM;
        door.free_sized(NULL, size);
        door.free_aligned_sized(NULL, 64, size);
        door.free_aligned_sized(NULL, 4096, size);
        assert_int_equal(errno, EDOM);
    }
}

static void test_failed_realloc_keeps_block(void **state)
{
    (void)state;
    for (size_t size = 1; size <= (16u << 20); size *= 4) {
        unsigned char *block = door.malloc(size);
        assert_non_null(block);
        pattern_fill(block, size, 77);
        size_t usable = door.usable_size(block);
        for (int i = 0; i < NTOO_LARGE; i++) {
            ASSERT_NO_MEMORY(door.realloc(block, too_large[i]));
            ASSERT_NO_MEMORY(door.reallocarray(block, 1, too_large[i]));
        }
        assert_true(pattern_holds(block, size, 77));
        assert_int_equal(door.usable_size(block), usable);
        door.free(block);
    }
}

static void test_failure_counts_nothing(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    struct ashlar_stats before, after;
    void *warm = door.malloc(1);
    door.free(warm);
    door.stats(&before);
    for (int i = 0; i < NTOO_LARGE; i++) {
        ASSERT_NO_MEMORY(door.malloc(too_large[i]));
        ASSERT_NO_MEMORY(door.memalign(4096, too_large[i]));
    }
    door.stats(&after);
    assert_int_equal(before.allocated_bytes, after.allocated_bytes);
    assert_int_equal(before.mallocs, after.mallocs);
    assert_int_equal(before.frees, after.frees);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_plain_sizes),
        TEST(test_products),
        TEST(test_size_plus_alignment),
        TEST(test_pvalloc_rounding),
        TEST(test_posix_memalign),
        TEST(test_aligned_alloc_invalid),
        TEST(test_free_keeps_errno),
        TEST(test_sized_free_of_null),
        TEST(test_failed_realloc_keeps_block),
        TEST(test_failure_counts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
