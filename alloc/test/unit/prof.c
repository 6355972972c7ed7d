/* prof.c (test): records of sampled blocks, and estimates that are right on average. Seeds are fixed;
 * the bounds of what is drawn are five standard deviations wide. */
#include "../../prof/prof.h"
#include "../../os/base.h"
#include "../../os/pages.h"
#include "../../os/process.h"
#include "../../util/conf.h"
#include "../../util/prng.h"
#include "faults.h"
#include "unit.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

static struct arena *arena;

static void boot(unsigned lg_sample)
{
    conf.thp = THP_NEVER;
    conf.prof = true;
    conf.lg_prof_sample = lg_sample;
    process_boot(pages_map(PAGE_SIZE, PAGE_SIZE));
    arena = arena_join();
    REQUIRE(arena);
}

static struct ashlar_prof_stats stats(void)
{
    struct ashlar_prof_stats s;
    prof_stats(&s);
    return s;
}

static bool near(double have, double want)
{
    return fabs(have - want) <= 1e-9 * fabs(want) + 1e-6;
}

static double probability(size_t size)
{
    return -expm1(-(double)size / ldexp(1, (int)conf.lg_prof_sample));
}

static struct run *sample(size_t size)
{
    bool zeroed;
    void *block = prof_alloc(arena, size_class_of(size), 1, size, (void *)0x1234, &zeroed);
    REQUIRE(block);
    return run_of_page((uintptr_t)block);
}

static void a_sampled_block_has_its_own_run(void)
{
    static const size_t sizes[] = {1, 64, 4097, SMALL_MAX, MIB, LARGE_MAX};
    boot(19);
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct run *run = sample(sizes[i]);
        unsigned class = size_class_of(sizes[i]);
        uintptr_t addr = run_addr(run);
        struct block b = block_find(addr + sizes[i] - 1);
        REQUIRE_EQUAL(b.kind, BLOCK_SAMPLED);
        REQUIRE_EQUAL(b.start, addr);
        REQUIRE_EQUAL(run->class, class);
        REQUIRE_EQUAL(page_word_bin_offset(page_word(addr)), 0); /* no fast free gets past it */
        memset((void *)addr, 1, sizes[i]);
        prof_free(run);
        REQUIRE_EQUAL(page_word(addr), 0);
    }
    REQUIRE_EQUAL(count_read(&arena->pool.pages_used), 0);
    REQUIRE_EQUAL(atomic_load(&arena->large_bytes), 0);
}

static void aligned(void)
{
    bool zeroed;
    boot(19);
    sample(64);
    void *block = prof_alloc(arena, 0, 16, 1, NULL, &zeroed);
    REQUIRE(block && (uintptr_t)block % (16 * PAGE_SIZE) == 0);
    REQUIRE(!prof_alloc(arena, RUN_CLASSES - 1, 512, LARGE_MAX, NULL, &zeroed)); /* fits nowhere */
    REQUIRE_EQUAL(stats().samples_live, 2);
}

/* Each sample stands for 1 / p blocks of its class. */
static void weights(void)
{
    for (unsigned lg = 0; lg <= 40; lg++) {
        boot(lg);
        for (unsigned class = 0; class < RUN_CLASSES; class += 6) {
            size_t bytes = size_class_bytes(class);
            struct run *run = sample(bytes);
            REQUIRE(near(stats().estimate_live_blocks, 1 / probability(bytes)));
            REQUIRE(near(stats().estimate_live_bytes, (double)bytes / probability(bytes)));
            prof_free(run);
        }
    }
}

static void stats_follow(void)
{
    struct run *runs[100];
    double blocks = 0, bytes = 0;
    boot(19);
    for (unsigned i = 0; i < 100; i++) {
        size_t size = (i + 1) * 300, usable = size_class_bytes(size_class_of(size));
        runs[i] = sample(size);
        blocks += 1 / probability(usable);
        bytes += (double)usable / probability(usable);
    }
    REQUIRE_EQUAL(stats().samples_live, 100);
    REQUIRE_EQUAL(stats().samples_total, 100);
    REQUIRE(near(stats().estimate_live_blocks, blocks));
    REQUIRE(near(stats().estimate_live_bytes, bytes));
    for (unsigned i = 0; i < 100; i++) {
        prof_free(runs[i * 37 % 100]);
    }
    REQUIRE_EQUAL(stats().samples_live, 0);
    REQUIRE_EQUAL(stats().samples_total, 100);
    REQUIRE(fabs(stats().estimate_live_blocks) < 1e-3);
    REQUIRE(fabs(stats().estimate_live_bytes) < 1);
}

static void records_are_used_again(void)
{
    boot(19);
    prof_free(sample(64));
    size_t used = base_used_bytes();
    for (unsigned i = 0; i < 1000; i++) {
        struct run *a = sample(64);
        prof_free(a);
    }
    REQUIRE_EQUAL(base_used_bytes(), used);
}

static void draws_are_fair(void)
{
    static const size_t sizes[] = {1, 4096, MIB, 3 * MIB, 30 * MIB, (size_t)1 << 40};
    uint64_t state = 7;
    boot(20);
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        double n = 200000, p = probability(sizes[i]);
        unsigned drawn = 0;
        for (unsigned j = 0; j < n; j++) {
            drawn += prof_draw(&state, sizes[i]);
        }
        REQUIRE(fabs(drawn - n * p) <= 5 * sqrt(n * p * (1 - p)) + 1e-9);
    }
    conf.lg_prof_sample = 0;
    REQUIRE(prof_draw(&state, 100));
}

/* What was taken is estimated without bias: the sum over many rounds comes near the truth. */
static void estimates_are_unbiased(void)
{
    enum { ROUNDS = 20, BLOCKS = 2000 };
    static struct run *runs[BLOCKS];
    uint64_t state = 9;
    boot(16);
    for (unsigned class = size_class_of(1000); class <= size_class_of(65536); class += 12) {
        size_t bytes = size_class_bytes(class);
        double sum = 0, blocks = (double)ROUNDS * BLOCKS, p = probability(bytes);
        for (unsigned round = 0; round < ROUNDS; round++) {
            unsigned n = 0;
            for (unsigned i = 0; i < BLOCKS; i++) {
                if (prof_draw(&state, bytes)) {
                    runs[n++] = sample(bytes);
                }
            }
            sum += stats().estimate_live_blocks;
            while (n) {
                prof_free(runs[--n]);
            }
        }
        REQUIRE(fabs(sum - blocks) <= 5 * sqrt(blocks * (1 - p) / p));
    }
}

static void huge_blocks(void)
{
    bool zeroed;
    boot(19);
    void *block = huge_alloc(&extents_shared, 0, 5 * MIB, 16, &zeroed);
    struct extent *e = extent_find((uintptr_t)block);
    prof_huge_free(e); /* not sampled: nothing */
    prof_huge(e, 5 * MIB, (void *)0x77);
    REQUIRE(e->sample);
    REQUIRE_EQUAL(stats().samples_live, 1);
    REQUIRE(near(stats().estimate_live_bytes, 8 * MIB / probability(8 * MIB)));
    prof_huge_free(e);
    REQUIRE(!e->sample);
    REQUIRE_EQUAL(stats().samples_live, 0);
    prof_huge_free(e);
    REQUIRE_EQUAL(stats().samples_live, 0);
}

static void dump_has_a_line_a_sample(void)
{
    boot(19);
    struct run *a = sample(1000);
    sample(MIB);
    unit_capture();
    prof_dump(2);
    /* 1 / (1 - exp(-1024 / 2^19)) = 512.500, 1 / (1 - exp(-2)) = 1.156 */
    REQUIRE_SAME(unit_captured(), "requested=1000 usable=1024 weight=512.5 caller=0x1234\n"
                                  "requested=1048576 usable=1048576 weight=1.1 caller=0x1234\n");
    prof_free(a);
    unit_capture();
    prof_dump(2);
    REQUIRE_SAME(unit_captured(),
                 "requested=1048576 usable=1048576 weight=1.1 caller=0x1234\n");
}

static void without_a_record_there_is_no_block(void)
{
    bool zeroed;
    boot(19);
    sample(MIB);
    faults.mmaps_left = 0;
    while (base_alloc(64)) {
    }
    size_t pages = count_read(&arena->pool.pages_used), bytes = atomic_load(&arena->large_bytes);
    REQUIRE(!prof_alloc(arena, 3, 1, 64, NULL, &zeroed));
    REQUIRE_EQUAL(count_read(&arena->pool.pages_used), pages); /* the run went back */
    REQUIRE_EQUAL(atomic_load(&arena->large_bytes), bytes);
    REQUIRE_EQUAL(stats().samples_live, 1);
    REQUIRE_EQUAL(stats().samples_total, 1);
    struct extent huge = {.nchunks = 1};
    prof_huge(&huge, 1, NULL); /* a huge block does without its record */
    REQUIRE(!huge.sample);
    REQUIRE(pool_check(&arena->pool));
}

static struct run *before;

static void *into_the_stop(void *arg)
{
    sample(64);
    return arg;
}

static void part_after_a_stranded_thread(void)
{
    REQUIRE_EQUAL(stats().samples_live, 0); /* what was sampled before is forgotten */
    struct run *fresh = sample(64);
    prof_free(before);
    REQUIRE_EQUAL(stats().samples_live, 1);
    REQUIRE(near(stats().estimate_live_blocks, 1 / probability(64)));
    struct run *second = sample(64);
    unit_capture();
    prof_dump(2);
    REQUIRE_CONTAINS(unit_captured(), "usable=64");
    prof_free(fresh);
    prof_free(second);
    REQUIRE_EQUAL(stats().samples_live, 0);
    REQUIRE(fabs(stats().estimate_live_blocks) < 1e-3);
}

static void fork_in_the_middle(void)
{
    boot(19);
    before = sample(128);
    sample(256);
    faults.mmaps_left = 0;
    while (base_alloc(64)) { /* the next record needs the system */
    }
    faults_none();
    faults_strand(into_the_stop, NULL);
    REQUIRE_EQUAL(unit_child(part_after_a_stranded_thread).exit, 0);
}

static void *sample_many(void *arg)
{
    for (unsigned i = 0; i < 2000; i++) {
        struct run *a = sample(100), *b = sample(200);
        prof_free(a);
        prof_free(b);
    }
    return arg;
}

static void threads_share_the_records(void)
{
    pthread_t threads[4];
    boot(19);
    for (unsigned i = 0; i < 4; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, sample_many, NULL) == 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    REQUIRE_EQUAL(stats().samples_live, 0);
    REQUIRE_EQUAL(stats().samples_total, 4 * 4000);
    REQUIRE(pool_check(&arena->pool));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(a_sampled_block_has_its_own_run),
        UNIT(aligned),
        UNIT(weights),
        UNIT(stats_follow),
        UNIT(records_are_used_again),
        UNIT(draws_are_fair),
        UNIT(estimates_are_unbiased),
        UNIT(huge_blocks),
        UNIT(dump_has_a_line_a_sample),
        UNIT(without_a_record_there_is_no_block),
        UNIT(fork_in_the_middle),
        UNIT(threads_share_the_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
