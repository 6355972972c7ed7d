/* huge.c (test): blocks of whole chunks: their length, their place, their size in place. */
#include "../../heap/huge.h"
#include "../../util/conf.h"
#include "faults.h"
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define MIB ((size_t)1 << 20)

static struct extent *take(size_t size)
{
    bool zeroed;
    conf.thp = THP_NEVER;
    void *block = huge_alloc(&extents_shared, 0, size, 16, &zeroed);
    REQUIRE(block && ((uintptr_t)block & CHUNK_MASK) == 0);
    struct extent *e = extent_find((uintptr_t)block);
    REQUIRE(e && e->addr == (uintptr_t)block && huge_usable(e) >= size);
    return e;
}

static size_t dirty_chunks(void)
{
    struct extent_figures f;
    extent_figures(&f);
    return f.dirty_chunks;
}

/* How many of the pages are backed. */
static size_t backed(uintptr_t addr, size_t size)
{
    static unsigned char in_core[16 * 1024];
    size_t n = 0;
    REQUIRE(size >> LG_PAGE <= sizeof in_core && mincore((void *)addr, size, in_core) == 0);
    for (size_t i = 0; i < size >> LG_PAGE; i++) {
        n += in_core[i] & 1;
    }
    return n;
}

static void whole_chunks(void)
{
    static const struct {
        size_t size, chunks;
    } cases[] = {{0, 1},
                 {1, 1},
                 {CHUNK_SIZE - 1, 1},
                 {CHUNK_SIZE, 1},
                 {CHUNK_SIZE + 1, 2},
                 {16 * CHUNK_SIZE, 16},
                 {16 * CHUNK_SIZE + 1, 17}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct extent *e = take(cases[i].size);
        REQUIRE_EQUAL(huge_usable(e), cases[i].chunks * CHUNK_SIZE);
        REQUIRE_EQUAL(chunk_kind_at(e->addr + huge_usable(e) - 1), CHUNK_HUGE);
        huge_free(e);
    }
    REQUIRE(extent_check());
}

static void aligned(void)
{
    bool zeroed;
    for (size_t align = 1; align <= 256 * MIB; align *= 4) {
        void *block = huge_alloc(&extents_shared, 0, 5 * MIB, align, &zeroed);
        REQUIRE(block && (uintptr_t)block % align == 0 && (uintptr_t)block % CHUNK_SIZE == 0);
        memset(block, 1, 5 * MIB);
    }
    REQUIRE(extent_check());
}

static void zeroed_tells_the_truth(void)
{
    bool zeroed = false;
    char *block = huge_alloc(&extents_shared, 0, 8 * MIB, 16, &zeroed);
    REQUIRE(zeroed);
    memset(block, 'x', 8 * MIB);
    huge_free(extent_find((uintptr_t)block));
    REQUIRE(huge_alloc(&extents_shared, 0, 8 * MIB, 16, &zeroed) == block && !zeroed);
    huge_free(extent_find((uintptr_t)block));
    extent_purge(&extents_shared, 0, UINT64_MAX);
    REQUIRE(huge_alloc(&extents_shared, 0, 8 * MIB, 16, &zeroed) == block && zeroed);
    REQUIRE(block[0] == 0 && memcmp(block, block + 1, 8 * MIB - 1) == 0);
}

/* A recycled block keeps no memory behind its end but the rest of a huge page. */
static void recycled_tail_goes_back(void)
{
    bool zeroed;
    struct extent *e = take(4 * CHUNK_SIZE);
    memset((void *)e->addr, 1, 4 * CHUNK_SIZE);
    huge_free(e);
    size_t size = 3 * CHUNK_SIZE + 5;
    uintptr_t block = (uintptr_t)huge_alloc(&extents_shared, 0, size, 16, &zeroed);
    REQUIRE(block == e->addr && !zeroed);
    REQUIRE_EQUAL(backed(block, 4 * CHUNK_SIZE),
                  (3 * CHUNK_SIZE + HUGEPAGE_SIZE) >> LG_PAGE);
    REQUIRE(*(char *)(block + size - 1) == 1);
}

static void resized_in_place(void)
{
    struct extent *e = take(3 * CHUNK_SIZE);
    char *block = (char *)e->addr;
    memset(block, 'x', 3 * CHUNK_SIZE);
    REQUIRE(huge_resize(e, 10 * CHUNK_SIZE - 1));
    REQUIRE_EQUAL(huge_usable(e), 10 * CHUNK_SIZE);
    REQUIRE(block[0] == 'x' && block[3 * CHUNK_SIZE - 1] == 'x' && block[3 * CHUNK_SIZE] == 0);
    REQUIRE(huge_resize(e, 9 * CHUNK_SIZE + 1)); /* the same chunks */
    REQUIRE_EQUAL(huge_usable(e), 10 * CHUNK_SIZE);
    REQUIRE(huge_resize(e, CHUNK_SIZE + 1));
    REQUIRE_EQUAL(huge_usable(e), 2 * CHUNK_SIZE);
    REQUIRE(block[2 * CHUNK_SIZE - 1] == 'x');
    take(CHUNK_SIZE);
    REQUIRE(!huge_resize(e, 16 * CHUNK_SIZE)); /* there is somebody in the way */
    REQUIRE_EQUAL(huge_usable(e), 2 * CHUNK_SIZE);
    REQUIRE(extent_check());
}

static void dirty_chunks_are_bounded(void)
{
    struct extent *all[24];
    for (int i = 0; i < 24; i++) {
        all[i] = take(2 * CHUNK_SIZE);
    }
    for (int i = 0; i < 24; i++) {
        REQUIRE(huge_resize(all[i], CHUNK_SIZE)); /* what is cut off counts */
        REQUIRE(dirty_chunks() <= 12);
    }
    for (int i = 0; i < 24; i++) {
        huge_free(all[i * 5 % 24]);
        REQUIRE(dirty_chunks() <= 6);
    }
    REQUIRE(dirty_chunks() <= 4); /* 16 MiB, whatever the pieces */
    REQUIRE(extent_check());
}

static void decays_when_others_are_taken(void)
{
    conf.dirty_decay_ms = 500;
    faults.clock_ms = 900;
    huge_free(take(10 * CHUNK_SIZE)); /* so much was in use: one dirty chunk is not too many */
    extent_purge(&extents_shared, 0, UINT64_MAX);
    struct extent *a = take(CHUNK_SIZE);
    take(CHUNK_SIZE);
    faults.clock_ms = 1000;
    huge_free(a);
    faults.clock_ms = 1499;
    take(2 * CHUNK_SIZE); /* too long for it */
    REQUIRE_EQUAL(dirty_chunks(), 1);
    faults.clock_ms = 1500;
    take(2 * CHUNK_SIZE);
    REQUIRE_EQUAL(dirty_chunks(), 0);
}

static void refused_memory_is_null(void)
{
    bool zeroed;
    faults.mmaps_left = 0;
    errno = EDOM;
    REQUIRE(!huge_alloc(&extents_shared, 0, CHUNK_SIZE, 16, &zeroed));
    REQUIRE_EQUAL(errno, EDOM);
    faults_none();
    REQUIRE(!huge_alloc(&extents_shared, 0, PTRDIFF_MAX, 16, &zeroed));
    REQUIRE(!huge_alloc(&extents_shared, 0, SIZE_MAX, 16, &zeroed));
    REQUIRE(!huge_alloc(&extents_shared, 0, 1, (size_t)1 << 62, &zeroed));
    struct extent *e = take(CHUNK_SIZE);
    REQUIRE(!huge_resize(e, PTRDIFF_MAX) && !huge_resize(e, SIZE_MAX));
    REQUIRE_EQUAL(huge_usable(e), CHUNK_SIZE);
    REQUIRE(extent_check());
}

static void classes_hold_their_lengths(void)
{
    size_t before = 0;
    for (unsigned class = 0; class < HUGE_CLASSES; class++) {
        size_t most = huge_class_chunks(class);
        REQUIRE(most > before);
        REQUIRE_EQUAL(huge_class_of(most), class);
        REQUIRE_EQUAL(huge_class_of(before + 1), class);
        before = most;
    }
    REQUIRE_EQUAL(before, EXTENT_CHUNKS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(whole_chunks),
        UNIT(aligned),
        UNIT(zeroed_tells_the_truth),
        UNIT(recycled_tail_goes_back),
        UNIT(resized_in_place),
        UNIT(dirty_chunks_are_bounded),
        UNIT(decays_when_others_are_taken),
        UNIT(classes_hold_their_lengths),
        UNIT(refused_memory_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
