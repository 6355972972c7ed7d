/* large.c (test): blocks of a run each: their word, their alignment, their size in place. */
#include "../../heap/large.h"
#include "../../util/conf.h"
#include "faults.h"
#include "unit.h"

#include <string.h>

#define MIB ((size_t)1 << 20)

static struct pool pool;

static void boot(void)
{
    conf.thp = THP_NEVER;
    pool_init(&pool, 0);
}

static struct run *take(size_t size)
{
    bool zeroed;
    unsigned class = size_class_of(size);
    struct run *run = large_alloc(&pool, class, 1, PAGE_LARGE, &zeroed);
    REQUIRE(run && run->class == class);
    return run;
}

static void require_word(const struct run *run, enum page_state state, unsigned class)
{
    uint64_t word = page_word(run_addr(run));
    REQUIRE_EQUAL(page_word_state(word), state);
    REQUIRE_EQUAL(page_word_class(word), class);
    REQUIRE_EQUAL(page_word_bin_offset(word), 0); /* no free gets past it */
    REQUIRE_EQUAL(page_word_offset(word, run_addr(run) + 100), 100);
    for (unsigned i = 1; i < run->npages; i++) {
        REQUIRE_EQUAL(page_word(run_addr(run) + i * PAGE_SIZE), 0);
    }
}

static void every_class(void)
{
    boot();
    for (unsigned class = SMALL_CLASSES; class < RUN_CLASSES; class++) {
        for (int state = PAGE_LARGE; state <= PAGE_SAMPLED; state++) {
            bool zeroed;
            struct run *run = large_alloc(&pool, class, 1, (enum page_state)state, &zeroed);
            REQUIRE(run && run->npages == size_class_bytes(class) >> LG_PAGE);
            require_word(run, (enum page_state)state, class);
            REQUIRE(!zeroed || *(uint64_t *)run_addr(run) == 0);
            memset((void *)run_addr(run), 1, size_class_bytes(class));
            uintptr_t addr = run_addr(run);
            large_free(&pool, run);
            REQUIRE(chunk_kind_at(addr) != CHUNK_RUNS || page_word(addr) == 0);
        }
    }
    REQUIRE_EQUAL(count_read(&pool.pages_used), 0);
    REQUIRE(pool_check(&pool));
}

/* A sampled small block gets whole pages. */
static void small_classes_in_whole_pages(void)
{
    REQUIRE_EQUAL(large_pages(0), 1);
    REQUIRE_EQUAL(large_pages(size_class_of(4096)), 1);
    REQUIRE_EQUAL(large_pages(size_class_of(4097)), 2);
    for (unsigned class = 0; class < RUN_CLASSES; class++) {
        size_t bytes = (size_t)large_pages(class) << LG_PAGE;
        REQUIRE(bytes >= size_class_bytes(class) && bytes - size_class_bytes(class) < PAGE_SIZE);
    }
    boot();
    bool zeroed;
    struct run *run = large_alloc(&pool, 3, 1, PAGE_SAMPLED, &zeroed);
    REQUIRE(run && run->npages == 1);
    require_word(run, PAGE_SAMPLED, 3);
    large_free(&pool, run);
}

static void fresh_is_zeroed_and_recycled_is_not(void)
{
    bool zeroed = false;
    boot();
    struct run *run = large_alloc(&pool, SMALL_CLASSES, 1, PAGE_LARGE, &zeroed);
    REQUIRE(zeroed);
    large_free(&pool, run);
    REQUIRE(large_alloc(&pool, SMALL_CLASSES, 1, PAGE_LARGE, &zeroed) == run && !zeroed);
}

static void aligned(void)
{
    bool zeroed;
    boot();
    take(36864);
    for (unsigned align = 2; align <= 512; align *= 2) {
        struct run *run = large_alloc(&pool, SMALL_CLASSES, align, PAGE_LARGE, &zeroed);
        REQUIRE(run && run_addr(run) % (align * PAGE_SIZE) == 0);
        require_word(run, PAGE_LARGE, SMALL_CLASSES);
    }
    REQUIRE(!large_alloc(&pool, RUN_CLASSES - 1, 512, PAGE_LARGE, &zeroed)); /* fits no chunk */
    REQUIRE(!large_alloc(&pool, SMALL_CLASSES, 1024, PAGE_LARGE, &zeroed));
    REQUIRE(pool_check(&pool));
}

static void resized_in_place(void)
{
    boot();
    struct run *run = take(100000);
    uintptr_t addr = run_addr(run);
    memset((void *)addr, 'x', 100000);
    static const size_t sizes[] = {LARGE_MAX, 200000, 36864, 100000, 100001, 65536};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned class = size_class_of(sizes[i]);
        REQUIRE(large_resize(&pool, run, class));
        REQUIRE_EQUAL(run->class, class);
        REQUIRE_EQUAL(run->npages, large_pages(class));
        REQUIRE_EQUAL(run_addr(run), addr);
        require_word(run, PAGE_LARGE, class);
        REQUIRE(((char *)addr)[0] == 'x' && ((char *)addr)[36000] == 'x');
        REQUIRE(pool_check(&pool));
    }
    REQUIRE_EQUAL(count_read(&pool.pages_used), 16);
}

static void growth_against_a_neighbour_changes_nothing(void)
{
    boot();
    struct run *run = take(65536);
    take(65536);
    REQUIRE(!large_resize(&pool, run, size_class_of(65537)));
    require_word(run, PAGE_LARGE, size_class_of(65536));
    REQUIRE_EQUAL(run->npages, 16);
}

/* What is freed and what is cut off counts against the bound of dirty pages. */
static void dirty_pages_are_bounded(void)
{
    struct run *runs[60];
    boot();
    for (int i = 0; i < 60; i++) {
        runs[i] = take(MIB);
    }
    for (int i = 0; i < 60; i++) {
        REQUIRE(large_resize(&pool, runs[i], size_class_of(MIB / 2)));
        REQUIRE(count_read(&pool.pages_free[RUN_DIRTY]) << LG_PAGE <= 16 * MIB);
    }
    for (int i = 0; i < 60; i += 2) {
        large_free(&pool, runs[i]);
        REQUIRE(count_read(&pool.pages_free[RUN_DIRTY]) << LG_PAGE <= 16 * MIB);
    }
    REQUIRE(pool_check(&pool));
}

static void refused_memory_is_null(void)
{
    bool zeroed;
    boot();
    faults.mmaps_left = 0;
    REQUIRE(!large_alloc(&pool, SMALL_CLASSES, 1, PAGE_LARGE, &zeroed));
    faults_none();
    take(MIB);
    REQUIRE(pool_check(&pool));
}

/* Their state says so, and stays through a resize. */
static void blocks_of_a_pool_apart(void)
{
    boot();
    pool.apart = true;
    struct run *run = take(100000);
    REQUIRE_EQUAL(page_word_state(page_word(run_addr(run))), PAGE_LARGE_APART);
    REQUIRE(large_resize(&pool, run, size_class_of(200000)));
    REQUIRE_EQUAL(page_word_state(page_word(run_addr(run))), PAGE_LARGE_APART);
    REQUIRE(pool_check(&pool));
    large_free(&pool, run);
    bool zeroed;
    run = large_alloc(&pool, SMALL_CLASSES, 1, PAGE_SAMPLED, &zeroed);
    REQUIRE_EQUAL(page_word_state(page_word(run_addr(run))), PAGE_SAMPLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(every_class),
        UNIT(small_classes_in_whole_pages),
        UNIT(fresh_is_zeroed_and_recycled_is_not),
        UNIT(aligned),
        UNIT(resized_in_place),
        UNIT(growth_against_a_neighbour_changes_nothing),
        UNIT(dirty_pages_are_bounded),
        UNIT(refused_memory_is_null),
        UNIT(blocks_of_a_pool_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
