/* check.c (test): ashlar_check() is true for heaps of every kind, and passes on what each floor's check
 * finds: one broken invariant a floor. */
#include "../../include/ashlar/ashlar.h"
#include "../../thread/thread.h"
#include "../../util/conf.h"
#include "../../util/prng.h"
#include "unit.h"

#include <string.h>

#define MIB ((size_t)1 << 20)

static void *blocks[2000];

static void build(void)
{
    uint64_t state = 1;
    conf.thp = THP_NEVER;
    for (unsigned i = 0; i < 2000; i++) {
        unsigned lg = (unsigned)(prng_next(&state) % 18);
        blocks[i] = ashlar_malloc((prng_next(&state) % ((size_t)1 << lg)) + 16);
    }
    for (unsigned i = 0; i < 2000; i += 3) {
        ashlar_free(blocks[i]);
    }
    ashlar_free(ashlar_malloc(9 * MIB));
    REQUIRE(ashlar_malloc(5 * MIB));
}

static void true_at_any_time(void)
{
    REQUIRE(ashlar_check()); /* not even started */
    build();
    REQUIRE(ashlar_check());
    ashlar_purge();
    REQUIRE(ashlar_check());
    for (unsigned i = 0; i < 2000; i++) {
        if (i % 3) {
            ashlar_free(blocks[i]);
        }
    }
    REQUIRE(ashlar_check());
    ashlar_purge();
    REQUIRE(ashlar_check());
}

static struct run *run_at(void *block)
{
    return run_of_word(page_word((uintptr_t)block), (uintptr_t)block);
}

static void sees_a_broken_extent(void)
{
    build();
    struct extent *e = chunk_of((uintptr_t)blocks[1])->extent;
    e->nchunks++;
    REQUIRE_REPORTS(ashlar_check(), "X1: ");
    e->nchunks--;
    REQUIRE(ashlar_check());
}

static void sees_a_broken_run(void)
{
    build();
    struct run *run = run_at(blocks[1]);
    run->page++;
    REQUIRE_REPORTS(ashlar_check(), "R1: ");
    run->page--;
    REQUIRE(ashlar_check());
}

static void sees_a_broken_bin(void)
{
    build();
    struct run *run = run_at(blocks[1]);
    run->nfree++;
    REQUIRE_REPORTS(ashlar_check(), "N1: ");
    run->nfree--;
    REQUIRE(ashlar_check());
}

/* In the second arena as well. */
static void sees_a_broken_bin_elsewhere(void)
{
    build();
    conf.narenas = 2;
    struct arena *arena = arena_join();
    void *block;
    REQUIRE(arena && arena->index == 1 && arena_fill(arena, 7, &block, 1) == 1);
    REQUIRE(ashlar_check());
    count_add(&arena->bins[7].regions_out, 1);
    REQUIRE_REPORTS(ashlar_check(), "N3: ");
    count_add(&arena->bins[7].regions_out, (size_t)-1);
    REQUIRE(ashlar_check());
}

static void sees_a_broken_cache(void)
{
    build();
    unsigned class = size_class_of(100);
    ashlar_free(ashlar_malloc(100));
    tcache_self->bins[class].npop++;
    REQUIRE_REPORTS(ashlar_check(), "C1: ");
    tcache_self->bins[class].npop--;
    REQUIRE(ashlar_check());
}

/* What a program breaks: it writes into a block that it has freed. */
static void sees_a_write_after_free(void)
{
    build();
    uint64_t *block = ashlar_malloc(100);
    ashlar_free(block);
    block[1] = 0;
    REQUIRE_REPORTS(ashlar_check(), "C1: ");
}

static void all_broken_floors_are_reported(void)
{
    build();
    struct run *run = run_at(blocks[1]);
    chunk_of((uintptr_t)blocks[1])->extent->nchunks++;
    run->nfree++;
    tcache_self->bins[size_class_of(100)].npop++;
    unit_capture();
    bool holds = ashlar_check();
    const char *lines = unit_captured();
    REQUIRE(!holds);
    REQUIRE_CONTAINS(lines, "X1: ");
    REQUIRE_CONTAINS(lines, "N1: ");
    REQUIRE_CONTAINS(lines, "C1: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(true_at_any_time),
        UNIT(sees_a_broken_extent),
        UNIT(sees_a_broken_run),
        UNIT(sees_a_broken_bin),
        UNIT(sees_a_broken_bin_elsewhere),
        UNIT(sees_a_broken_cache),
        UNIT(sees_a_write_after_free),
        UNIT(all_broken_floors_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
