/* extended.c: mallocx and its relatives: sizes, alignments, zeros, moves and the arena that is named. The
 * control has none of them: every test is skipped there.
 */
#include "doors.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static const size_t sizes[] = {1,     7,     8,        16,       17,      100,     1000,
                               4096,  4097,  32 * KIB, 33 * KIB, 300000,  MIB,     MIB + 1,
                               3 * MIB, 5 * MIB, 9 * MIB + 1};
enum { NSIZES = sizeof sizes / sizeof sizes[0] };

static void test_without_flags_it_is_malloc(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    for (unsigned i = 0; i < NSIZES; i++) {
        void *a = door.mallocx(sizes[i], 0), *b = door.malloc(sizes[i]);
        assert_non_null(a);
        assert_int_equal(door.usable_size(a), door.usable_size(b));
        assert_int_equal(door.sallocx(a, 0), door.usable_size(a));
        assert_int_equal(door.nallocx(sizes[i], 0), door.usable_size(a));
        pattern_fill(a, sizes[i], i);
        assert_true(pattern_holds(a, sizes[i], i));
        door.free(a); /* either frees what the other took */
        door.dallocx(b, 0);
    }
    void *zero = door.mallocx(0, 0);
    assert_non_null(zero);
    door.sdallocx(zero, 0, 0);
}

static void test_every_alignment(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    for (unsigned lg = 0; lg <= 24; lg++) {
        for (unsigned i = 0; i < NSIZES; i++) {
            size_t align = (size_t)1 << lg;
            assert_int_equal(MALLOCX_LG_ALIGN(lg), MALLOCX_ALIGN(align));
            for (int zero = 0; zero < 2; zero++) {
                int flags = MALLOCX_ALIGN(align) | (zero ? MALLOCX_ZERO : 0);
                char *block = door.mallocx(sizes[i], flags);
                assert_non_null(block);
                assert_int_equal((uintptr_t)block & (align - 1), 0);
                assert_int_equal((uintptr_t)block & 15, 0);
                assert_int_equal(door.sallocx(block, flags), door.nallocx(sizes[i], flags));
                assert_true(door.sallocx(block, flags) >= sizes[i]);
                assert_true(!zero || is_zero(block, sizes[i]));
                memset(block, 0xee, sizes[i] < 64 * KIB ? sizes[i] : 64 * KIB);
                door.sdallocx(block, sizes[i], flags);
            }
        }
    }
}

/* To the end of what is usable, also of memory that was used before. */
static void test_zero(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    for (unsigned i = 0; i < NSIZES; i++) {
        char *dirty[3];
        for (int k = 0; k < 3; k++) {
            dirty[k] = door.mallocx(sizes[i], 0);
            memset(dirty[k], 0xff, door.sallocx(dirty[k], 0));
        }
        for (int k = 0; k < 3; k++) {
            door.dallocx(dirty[k], 0);
        }
        for (int k = 0; k < 3; k++) {
            dirty[k] = door.mallocx(sizes[i], MALLOCX_ZERO | (k ? MALLOCX_TCACHE_NONE : 0));
            assert_true(is_zero(dirty[k], door.sallocx(dirty[k], 0)));
        }
        for (int k = 0; k < 3; k++) {
            door.dallocx(dirty[k], 0);
        }
    }
}

static void test_rallocx_keeps_contents(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    for (unsigned i = 0; i < NSIZES; i++) {
        for (unsigned j = 0; j < NSIZES; j++) {
            size_t least = sizes[i] < sizes[j] ? sizes[i] : sizes[j];
            char *block = door.mallocx(sizes[i], 0);
            pattern_fill(block, sizes[i], i);
            block = door.rallocx(block, sizes[j], MALLOCX_ALIGN(64));
            assert_non_null(block);
            assert_int_equal((uintptr_t)block & 63, 0);
            assert_true(door.sallocx(block, 0) >= sizes[j]);
            assert_true(pattern_holds(block, least, i));
            door.dallocx(block, 0);
        }
    }
}

/* A block that is zero beyond its contents stays so as it grows, in place or not. */
static void test_rallocx_zeroes_what_it_adds(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    for (unsigned i = 0; i < NSIZES; i++) {
        for (unsigned j = i; j < NSIZES; j++) {
            char *dirty = door.mallocx(sizes[j], 0);
            memset(dirty, 0xff, sizes[j]);
            door.dallocx(dirty, 0);
            char *block = door.mallocx(sizes[i], MALLOCX_ZERO);
            pattern_fill(block, sizes[i], i);
            block = door.rallocx(block, sizes[j], MALLOCX_ZERO);
            assert_true(pattern_holds(block, sizes[i], i));
            assert_true(is_zero(block + sizes[i], door.sallocx(block, 0) - sizes[i]));
            door.dallocx(block, 0);
        }
    }
}

static void test_xallocx_stays_where_it_is(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    for (unsigned i = 0; i < NSIZES; i++) {
        for (unsigned j = 0; j < NSIZES; j++) {
            char *block = door.mallocx(sizes[i], MALLOCX_ZERO);
            size_t before = door.sallocx(block, 0);
            size_t least = before < sizes[j] ? before : sizes[j];
            memset(block, 0x5c, sizes[i] < least ? sizes[i] : least);
            size_t after = door.xallocx(block, sizes[j], 0, MALLOCX_ZERO);
            assert_int_equal(after, door.sallocx(block, 0));
            assert_true(after >= least); /* it never becomes shorter than both */
            for (size_t at = 0; at < sizes[i] && at < least; at += 97) {
                assert_int_equal(block[at], 0x5c);
            }
            assert_true(after <= before || is_zero(block + before, after - before));
            door.dallocx(block, 0);
        }
    }
}

static void test_xallocx_large(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    char *block = door.mallocx(3 * MIB, 0);
    assert_int_equal(door.xallocx(block, MIB, 0, 0), MIB);
    assert_int_equal(door.xallocx(block, 2 * MIB, 0, 0), 2 * MIB); /* into what it left */
    assert_int_equal(door.xallocx(block, MIB, MIB, 0), 2 * MIB);
    assert_int_equal(door.xallocx(block, 2 * MIB, SIZE_MAX, 0), 2 * MIB); /* no less than it has */
    assert_int_equal(door.xallocx(block, SIZE_MAX, 0, 0), 2 * MIB);
    assert_int_equal(door.xallocx(block, 10, 0, 0), 36 * KIB); /* the least of its kind */
    door.dallocx(block, 0);
    block = door.mallocx(100, 0);
    assert_int_equal(door.xallocx(block, 1000, 0, 0), 112);
    assert_int_equal(door.xallocx(block, 1, 0, 0), 112);
    door.dallocx(block, 0);
}

static void test_too_much(void **state)
{
    static const size_t wild[] = {SIZE_MAX, SIZE_MAX - 4096, (size_t)PTRDIFF_MAX + 1,
                                  (size_t)PTRDIFF_MAX - 10};
    (void)state;
    ASHLAR_ONLY();
    char *kept = door.mallocx(100, 0);
    pattern_fill(kept, 100, 1);
    for (unsigned i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        errno = 0;
        assert_null(door.mallocx(wild[i], MALLOCX_ZERO));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(door.rallocx(kept, wild[i], MALLOCX_ALIGN(64)));
        assert_int_equal(errno, ENOMEM);
        assert_int_equal(door.nallocx(wild[i], 0), 0);
    }
    errno = 0;
    assert_null(door.mallocx(1, MALLOCX_LG_ALIGN(63)));
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(door.nallocx(1, MALLOCX_LG_ALIGN(63)), 0);
    assert_true(pattern_holds(kept, 100, 1));
    door.sdallocx(kept, 112, 0); /* any size that it may hold */
}

static void test_the_first_arena(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    struct ashlar_stats s;
    void *blocks[NSIZES];
    for (unsigned i = 0; i < NSIZES; i++) {
        blocks[i] = door.mallocx(sizes[i], MALLOCX_ARENA(0));
        assert_non_null(blocks[i]);
        pattern_fill(blocks[i], sizes[i], i);
    }
    for (unsigned i = 0; i < NSIZES; i++) {
        blocks[i] = door.rallocx(blocks[i], sizes[i] + 1, MALLOCX_ARENA(0) | MALLOCX_TCACHE_NONE);
        assert_true(pattern_holds(blocks[i], sizes[i], i));
        door.dallocx(blocks[i], MALLOCX_TCACHE_NONE);
    }
    door.stats(&s);
    assert_int_equal(s.narenas, 1);
}

static void test_arenas_of_threads_are_made_when_named(void **state)
{
    struct ashlar_stats s;
    (void)state;
    ASHLAR_ONLY();
    void *block = door.mallocx(1000, MALLOCX_ARENA(1)); /* there, if this machine has two CPUs */
    int error = errno;
    door.stats(&s);
    if (block) {
        assert_int_equal(s.narenas, 2);
        door.dallocx(block, 0);
    } else {
        assert_int_equal(error, EINVAL);
        assert_int_equal(s.narenas, 1);
    }
}

static void test_what_does_not_exist(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    char *block = door.mallocx(100, 0);
    static const int flags[] = {MALLOCX_ARENA(4000), MALLOCX_ARENA(4093), MALLOCX_TCACHE(0),
                                MALLOCX_TCACHE(4092), MALLOCX_TCACHE(4093)};
    for (unsigned i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        errno = 0;
        assert_null(door.mallocx(100, flags[i]));
        assert_int_equal(errno, EINVAL);
        errno = 0;
        assert_null(door.rallocx(block, 5000, flags[i]));
        assert_int_equal(errno, EINVAL);
    }
    door.dallocx(block, 0);
}

/* What goes past the caches leaves nothing in them. */
static void test_tcache_none(void **state)
{
    struct ashlar_stats before, after;
    (void)state;
    ASHLAR_ONLY();
    door.free(door.malloc(1));
    door.purge();
    door.stats(&before);
    for (unsigned i = 0; i < NSIZES; i++) {
        void *block = door.mallocx(sizes[i], MALLOCX_TCACHE_NONE);
        assert_non_null(block);
        door.dallocx(block, MALLOCX_TCACHE_NONE);
    }
    door.stats(&after);
    assert_int_equal(after.cached_bytes, before.cached_bytes);
    assert_int_equal(after.mallocs - before.mallocs, NSIZES);
    assert_int_equal(after.frees - before.frees, NSIZES);
    assert_int_equal(after.allocated_bytes, before.allocated_bytes);
}

static void *free_all(void *blocks)
{
    for (unsigned i = 0; i < NSIZES; i++) {
        door.sdallocx(((void **)blocks)[i], sizes[i], 0);
    }
    return NULL;
}

static void test_freed_by_another_thread(void **state)
{
    void *blocks[NSIZES];
    pthread_t thread;
    (void)state;
    ASHLAR_ONLY();
    for (unsigned i = 0; i < NSIZES; i++) {
        blocks[i] = door.mallocx(sizes[i], i % 2 ? MALLOCX_ARENA(0) : MALLOCX_ZERO);
        assert_non_null(blocks[i]);
    }
    assert_int_equal(pthread_create(&thread, NULL, free_all, blocks), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_errno_of_dallocx(void **state)
{
    (void)state;
    ASHLAR_ONLY();
    for (unsigned i = 0; i < NSIZES; i++) {
        void *a = door.mallocx(sizes[i], 0), *b = door.mallocx(sizes[i], MALLOCX_ARENA(0));
        errno = EDOM;
        door.dallocx(a, MALLOCX_TCACHE_NONE);
        door.sdallocx(b, sizes[i], 0);
        door.dallocx(NULL, 0);
        assert_int_equal(errno, EDOM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_first_arena), /* while there is no other */
        TEST(test_without_flags_it_is_malloc),
        TEST(test_every_alignment),
        TEST(test_zero),
        TEST(test_rallocx_keeps_contents),
        TEST(test_rallocx_zeroes_what_it_adds),
        TEST(test_xallocx_stays_where_it_is),
        TEST(test_xallocx_large),
        TEST(test_too_much),
        TEST(test_arenas_of_threads_are_made_when_named),
        TEST(test_what_does_not_exist),
        TEST(test_tcache_none),
        TEST(test_freed_by_another_thread),
        TEST(test_errno_of_dallocx),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
