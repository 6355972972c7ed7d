/* base.c (test): metadata memory is zeroed, apart, never lost, and survives a fork in its middle. */
#include "../../os/base.h"
#include "../../os/pages.h"
#include "../../os/process.h"
#include "../../util/config.h"
#include "faults.h"
#include "unit.h"

#include <pthread.h>
#include <string.h>

#define FIRST_BYTES ((size_t)40 << 10) /* these two as in base.c */
#define BLOCK_BYTES ((size_t)128 << 10)

/* How much of the current block is used; module.mk opens it for this test. */
extern size_t block_used;

static bool all_zero(const char *addr, size_t size)
{
    return size == 0 || (addr[0] == 0 && memcmp(addr, addr + 1, size - 1) == 0);
}

static void zeroed_aligned_and_apart(void)
{
    static char *pieces[2000];
    size_t used = 0;
    for (size_t i = 0; i < 2000; i++) {
        size_t size = i * 7 % 1000 + 1;
        pieces[i] = base_alloc(size);
        REQUIRE(pieces[i] && ((uintptr_t)pieces[i] & (CACHELINE - 1)) == 0);
        REQUIRE(all_zero(pieces[i], size));
        memset(pieces[i], (int)(i % 255 + 1), size);
        used += ROUND_UP(size, (size_t)CACHELINE);
    }
    for (size_t i = 0; i < 2000; i++) {
        size_t size = i * 7 % 1000 + 1;
        REQUIRE(pieces[i][0] == (char)(i % 255 + 1) && pieces[i][size - 1] == (char)(i % 255 + 1));
    }
    REQUIRE_EQUAL(base_used_bytes(), used);
    REQUIRE(base_check());
}

static void first_block_needs_no_system(void)
{
    faults.mmaps_left = 0;
    for (size_t i = 0; i < FIRST_BYTES / 1024; i++) {
        REQUIRE(base_alloc(1024));
    }
    REQUIRE_EQUAL(base_mapped_bytes(), 0);
    REQUIRE(!base_alloc(1));
    REQUIRE_EQUAL(base_used_bytes(), FIRST_BYTES);
}

static void refusal_loses_nothing(void)
{
    faults.mmaps_left = 0;
    char *before = base_alloc(64);
    REQUIRE(!base_alloc(BLOCK_BYTES)); /* does not fit what is left of the block */
    REQUIRE_EQUAL(base_used_bytes(), 64);
    REQUIRE_EQUAL(base_mapped_bytes(), 0);
    REQUIRE(base_alloc(64) == before + 64); /* the block goes on where it was */
    faults_none();
    REQUIRE(base_alloc(BLOCK_BYTES));
    REQUIRE_EQUAL(base_mapped_bytes(), BLOCK_BYTES);
    REQUIRE(base_check());
}

static void large_pieces_get_blocks_of_their_own(void)
{
    char *large = base_alloc(BLOCK_BYTES + 1);
    REQUIRE(large && all_zero(large, BLOCK_BYTES + 1));
    REQUIRE_EQUAL(base_mapped_bytes(), BLOCK_BYTES + PAGE_SIZE);
    REQUIRE(base_check());
}

static _Atomic unsigned bad;

static void *take_many(void *arg)
{
    char *pieces[500];
    for (int i = 0; i < 500; i++) {
        pieces[i] = base_alloc(200);
        memset(pieces[i], (int)(uintptr_t)arg, 200);
    }
    for (int i = 0; i < 500; i++) {
        atomic_fetch_add(&bad, pieces[i][0] != (char)(uintptr_t)arg || pieces[i][199] != pieces[i][0]);
    }
    return NULL;
}

static void threads_do_not_meet(void)
{
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, take_many, (void *)(i + 1)) == 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    REQUIRE_EQUAL(bad, 0);
    REQUIRE_EQUAL(base_used_bytes(), 4 * 500 * 256);
    REQUIRE(base_check());
}

static char *held;

static void *into_the_stop(void *arg)
{
    base_alloc(BLOCK_BYTES);
    return arg;
}

/* The block that the lost thread was working on is left alone. */
static void part_after_a_stranded_thread(void)
{
    char *fresh = base_alloc(64);
    REQUIRE(fresh && all_zero(fresh, 64));
    REQUIRE(fresh < held - FIRST_BYTES || fresh >= held + FIRST_BYTES);
    REQUIRE(base_alloc(64) == fresh + 64); /* and only once */
    REQUIRE(base_check());
}

static void fork_in_the_middle(void)
{
    process_boot(pages_map(PAGE_SIZE, PAGE_SIZE));
    held = base_alloc(64);
    faults_strand(into_the_stop, NULL);
    REQUIRE_EQUAL(unit_child(part_after_a_stranded_thread).exit, 0);
}

static void check_sees_a_block_overrun(void)
{
    base_alloc(64);
    REQUIRE(base_check());
    size_t good = block_used;
    REQUIRE_EQUAL(good, 64);
    block_used = FIRST_BYTES + 1;
    REQUIRE_REPORTS(base_check(), "B1");
    block_used = good;
    REQUIRE(base_check());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(zeroed_aligned_and_apart),
        UNIT(first_block_needs_no_system),
        UNIT(refusal_loses_nothing),
        UNIT(large_pieces_get_blocks_of_their_own),
        UNIT(threads_do_not_meet),
        UNIT(fork_in_the_middle),
        UNIT(check_sees_a_block_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
