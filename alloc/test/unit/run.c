/* run.c (test): the chunks of a pool after each step, written like the reserve in extent.c:
 *
 *     "U2 D3 C1000 | ..."     a used run of 2 pages, a free dirty one, a free clean one | next chunk
 */
#include "../../heap/run.h"
#include "../../os/pages.h"
#include "../../os/process.h"
#include "../../util/conf.h"
#include "../../util/prng.h"
#include "faults.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct pool pool;

static struct chunk *chunk_from_link(struct list_node *link)
{
    return CONTAINER_OF(link, struct chunk, link);
}

static const char *picture(void)
{
    static char text[65536];
    size_t len = 0;
    text[0] = '\0';
    REQUIRE(pool_check(&pool));
    for (struct list_node *n = pool.chunks.next; n != &pool.chunks; n = n->next) {
        const char *gap = n == pool.chunks.next ? "" : " | ";
        for (unsigned page = HEADER_PAGES; page < CHUNK_PAGES; gap = " ") {
            struct run *run =
                run_of_page((uintptr_t)chunk_from_link(n) + ((uintptr_t)page << LG_PAGE));
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%c%u", gap, "CDU"[run->kind],
                                    (unsigned)run->npages);
            page += run->npages;
        }
    }
    return text;
}
#define REQUIRE_PICTURE(text) REQUIRE_SAME(picture(), text)

static void boot(void)
{
    REQUIRE_EQUAL(USABLE_PAGES, 1005); /* as the pictures below have it */
    pool_init(&pool, 3);
    conf.thp = THP_NEVER;
}

static struct run *take(unsigned npages)
{
    bool zeroed;
    struct run *run = pool_alloc(&pool, npages, 1, &zeroed);
    REQUIRE(run && run->npages == npages && run->kind == RUN_USED);
    return run;
}

static void give(struct run *run)
{
    pool_free(&pool, run);
}

static void purge_all(void)
{
    pool_purge(&pool, 0, UINT64_MAX);
}

/* The next chunk needs the system. */
static void use_up_the_reserve(void)
{
    struct extent_figures f;
    do {
        REQUIRE(extent_alloc(&extents_shared, 0, 1, CHUNK_SIZE, CHUNK_HUGE));
        extent_figures(&f);
    } while (f.live_chunks * CHUNK_SIZE < f.reserved_bytes);
}

static void first_run_makes_a_chunk(void)
{
    bool zeroed = false;
    boot();
    struct run *run = pool_alloc(&pool, 2, 1, &zeroed);
    REQUIRE(run && zeroed);
    REQUIRE_PICTURE("U2 C1003");
    struct chunk *chunk = chunk_of(run_addr(run));
    REQUIRE_EQUAL(run_addr(run), (uintptr_t)chunk + ((uintptr_t)HEADER_PAGES << LG_PAGE));
    REQUIRE(chunk->pool == &pool && chunk->extent == extent_find((uintptr_t)chunk));
    REQUIRE_EQUAL(chunk_kind_at((uintptr_t)chunk), CHUNK_RUNS);
    REQUIRE(run_of_page(run_addr(run)) == run);
    uint64_t word = page_word_make(run_addr(run), PAGE_SMALL, 7);
    REQUIRE(run_of_word(word, run_addr(run) + 5000) == run);
    REQUIRE_EQUAL(count_read(&pool.pages_used), 2);
    REQUIRE_EQUAL(count_read(&pool.pages_free[RUN_CLEAN]), 1003);
    REQUIRE_EQUAL(count_read(&pool.nchunks), 1);
}

static void shortest_that_fits_then_lowest(void)
{
    boot();
    struct run *all[9];
    for (int i = 0; i < 9; i++) {
        all[i] = take(i % 4 == 0 ? 5 : 2); /* 5 2 2 2 5 2 2 2 5 */
    }
    give(all[6]);
    give(all[4]);
    give(all[2]);
    give(all[0]);
    REQUIRE_PICTURE("D5 U2 D2 U2 D5 U2 D2 U2 U5 C978");
    take(1);
    REQUIRE_PICTURE("D5 U2 U1 D1 U2 D5 U2 D2 U2 U5 C978");
    take(2);
    REQUIRE_PICTURE("D5 U2 U1 D1 U2 D5 U2 U2 U2 U5 C978");
    take(3);
    REQUIRE_PICTURE("U3 D2 U2 U1 D1 U2 D5 U2 U2 U2 U5 C978");
    take(5);
    REQUIRE_PICTURE("U3 D2 U2 U1 D1 U2 U5 U2 U2 U2 U5 C978");
}

static void oldest_chunk_first(void)
{
    struct run *runs[3];
    boot();
    for (int i = 0; i < 3; i++) {
        runs[i] = take(900);
        take(105);
    }
    give(runs[2]);
    give(runs[1]);
    give(runs[0]);
    take(3);
    REQUIRE_PICTURE("U3 D897 U105 | D900 U105 | D900 U105");
    take(898); /* equally long ones: the older chunk */
    REQUIRE_PICTURE("U3 D897 U105 | U898 D2 U105 | D900 U105");
    take(2);
    REQUIRE_PICTURE("U3 D897 U105 | U898 U2 U105 | D900 U105");
}

static void dirty_before_clean(void)
{
    bool zeroed;
    boot();
    struct run *a = take(10);
    take(1);
    memset((void *)run_addr(a), 1, 10 * PAGE_SIZE);
    give(a);
    REQUIRE_PICTURE("D10 U1 C994");
    REQUIRE(pool_alloc(&pool, 10, 1, &zeroed) == a && !zeroed);
    give(a);
    take(11);
    REQUIRE_PICTURE("D10 U1 U11 C983");
}

static void joins_its_own_kind_alone(void)
{
    boot();
    struct run *a = take(1), *b = take(2), *c = take(3), *d = take(4);
    give(a);
    give(c);
    REQUIRE_PICTURE("D1 U2 D3 U4 C995");
    purge_all();
    REQUIRE_PICTURE("C1 U2 C3 U4 C995");
    give(b);
    REQUIRE_PICTURE("C1 D2 C3 U4 C995"); /* not yet: dirty between clean */
    give(d);
    REQUIRE_PICTURE("C1 D2 C3 D4 C995");
    purge_all();
    REQUIRE_PICTURE("C1005");
}

static void freed_between_dirty_ones_joins_both(void)
{
    boot();
    struct run *a = take(1), *b = take(2), *c = take(3);
    take(1);
    give(a);
    give(c);
    give(b);
    REQUIRE_PICTURE("D6 U1 C998");
}

static void grows_over_two_kinds(void)
{
    boot();
    struct run *a = take(2), *b = take(3), *c = take(4), *d = take(1);
    give(b);
    REQUIRE(!pool_grow(&pool, a, 6)); /* three are free behind it */
    REQUIRE_PICTURE("U2 D3 U4 U1 C995");
    REQUIRE(pool_grow(&pool, a, 4));
    REQUIRE_PICTURE("U4 D1 U4 U1 C995");
    give(c);
    purge_all();
    REQUIRE_PICTURE("U4 C5 U1 C995");
    give(d);
    REQUIRE_PICTURE("U4 C5 D1 C995");
    REQUIRE(pool_grow(&pool, a, 10)); /* all of both */
    REQUIRE_PICTURE("U10 C995");
    REQUIRE(pool_grow(&pool, a, 1005));
    REQUIRE_PICTURE("U1005");
    REQUIRE(!pool_grow(&pool, a, 1006)); /* the end of the chunk */
    REQUIRE_EQUAL(count_read(&pool.pages_used), 1005);
}

static void grows_into_a_part_of_the_second(void)
{
    boot();
    struct run *a = take(2), *b = take(3), *c = take(4);
    take(1);
    give(c);
    purge_all();
    give(b);
    REQUIRE_PICTURE("U2 D3 C4 U1 C995");
    REQUIRE(!pool_grow(&pool, a, 10));
    REQUIRE_PICTURE("U2 D3 C4 U1 C995");
    REQUIRE(pool_grow(&pool, a, 6));
    REQUIRE_PICTURE("U6 C3 U1 C995");
}

static void last_run_of_a_chunk_does_not_grow(void)
{
    boot();
    take(1000);
    struct run *last = take(5);
    take(1);
    REQUIRE_PICTURE("U1000 U5 | U1 C1004");
    REQUIRE(!pool_grow(&pool, last, 6));
    REQUIRE_PICTURE("U1000 U5 | U1 C1004");
}

static void shrinks(void)
{
    boot();
    struct run *a = take(10), *b = take(2);
    pool_shrink(&pool, a, 9);
    REQUIRE_PICTURE("U9 D1 U2 C993");
    pool_shrink(&pool, a, 1);
    REQUIRE_PICTURE("U1 D9 U2 C993");
    pool_shrink(&pool, b, 1);
    REQUIRE_PICTURE("U1 D9 U1 D1 C993");
    REQUIRE_EQUAL(count_read(&pool.pages_used), 2);
}

static void aligned_runs(void)
{
    bool zeroed;
    for (unsigned align = 2; align <= 512; align *= 2) {
        boot();
        take(1); /* the next page has an odd number or is near one */
        struct run *run = pool_alloc(&pool, 3, align, &zeroed);
        REQUIRE(run && run_addr(run) % (align * PAGE_SIZE) == 0 && run->npages == 3);
        REQUIRE(pool_check(&pool));
        give(run);
        purge_all();
        REQUIRE_PICTURE("U1 C1004");
    }
}

static void aligned_carve_keeps_both_ends(void)
{
    bool zeroed;
    boot();
    take(1); /* header 19, so pages 20 .. are free: the next multiple of 16 is 32 */
    struct run *run = pool_alloc(&pool, 2, 16, &zeroed);
    REQUIRE_PICTURE("U1 C12 U2 C990");
    give(run);
    REQUIRE_PICTURE("U1 C12 D2 C990");
    run = pool_alloc(&pool, 987, 4, &zeroed); /* 990 - 3: the whole of the longest */
    REQUIRE(run);
    REQUIRE_PICTURE("U1 C12 D2 C2 U987 C1");
}

static void longest_runs(void)
{
    bool zeroed;
    boot();
    REQUIRE(take(USABLE_PAGES));
    REQUIRE(pool_alloc(&pool, USABLE_PAGES - 511, 512, &zeroed));
    REQUIRE(pool_check(&pool));
    REQUIRE_EQUAL(count_read(&pool.nchunks), 2);
}

static void emptied_chunks_go_but_one(void)
{
    struct extent_figures f;
    boot();
    struct run *a = take(1005), *b = take(1005), *c = take(1005);
    give(b);
    REQUIRE_PICTURE("U1005 | D1005 | U1005");
    REQUIRE_EQUAL(pool.chunks_empty, 1);
    uintptr_t gone = (uintptr_t)chunk_of(run_addr(c));
    give(c);
    REQUIRE_PICTURE("U1005 | D1005");
    REQUIRE_EQUAL(chunk_kind_at(gone), CHUNK_FREE);
    extent_figures(&f);
    REQUIRE_EQUAL(f.live_chunks, 2);
    REQUIRE_EQUAL(f.dirty_chunks, 1);
    give(a);
    REQUIRE_EQUAL(count_read(&pool.nchunks), 1);
    REQUIRE_EQUAL(count_read(&pool.pages_used), 0);
}

static void trim_gives_the_empty_chunk_back(void)
{
    boot();
    struct run *a = take(1005), *b = take(1000);
    give(a);
    REQUIRE_PICTURE("D1005 | U1000 C5");
    pool_trim(&pool);
    REQUIRE_PICTURE("U1000 C5");
    give(b);
    pool_trim(&pool);
    pool_trim(&pool);
    REQUIRE_PICTURE("");
    REQUIRE_EQUAL(count_read(&pool.nchunks), 0);
    REQUIRE_EQUAL(count_read(&pool.pages_free[RUN_DIRTY]), 0);
    take(3);
    REQUIRE_PICTURE("U3 D1002");
}

/* A chunk that comes back holds the words and descriptors of its former life. */
static void recycled_chunk_starts_clear(void)
{
    bool zeroed;
    boot();
    take(1005);
    struct run *b = take(100);
    for (int i = 0; i < 30; i++) {
        take(i % 5 + 1);
    }
    page_large_set(run_addr(b), 50, PAGE_LARGE);
    uintptr_t chunk = (uintptr_t)chunk_of(run_addr(b));
    struct extent *extent = chunk_of(chunk)->extent;
    uint64_t serial = chunk_of(chunk)->serial;
    extent_free(extent); /* with its words set, as after a fork that froze it */
    list_remove(&chunk_of(chunk)->link);
    pool_init(&pool, 3);
    struct run *run = pool_alloc(&pool, 2, 1, &zeroed);
    REQUIRE(run && !zeroed);
    REQUIRE((uintptr_t)chunk_of(run_addr(run)) == chunk && chunk_of(chunk)->serial > serial);
    REQUIRE_PICTURE("U2 D1003");
    for (unsigned page = 0; page < CHUNK_PAGES; page++) {
        REQUIRE_EQUAL(page_word(chunk + ((uintptr_t)page << LG_PAGE)), 0);
    }
}

static void purges_oldest_first(void)
{
    struct run *all[7];
    boot();
    for (int i = 0; i < 7; i++) {
        all[i] = take(i % 2 ? 1 : 2 + (unsigned)i); /* 2 1 4 1 6 1 8 */
    }
    faults.clock_ms = 1000;
    give(all[4]);
    faults.clock_ms = 1010;
    give(all[0]);
    faults.clock_ms = 1020;
    give(all[2]);
    REQUIRE_PICTURE("D2 U1 D4 U1 D6 U1 U8 C982");
    REQUIRE_EQUAL(pool_purge(&pool, 0, 999), 0);
    REQUIRE_EQUAL(pool_purge(&pool, 12, UINT64_MAX), 0); /* there are no more */
    REQUIRE_EQUAL(pool_purge(&pool, 11, UINT64_MAX), 6 * PAGE_SIZE);
    REQUIRE_PICTURE("D2 U1 D4 U1 C6 U1 U8 C982");
    REQUIRE_EQUAL(pool_purge(&pool, 0, 1019), 2 * PAGE_SIZE);
    REQUIRE_PICTURE("C2 U1 D4 U1 C6 U1 U8 C982");
    REQUIRE_EQUAL(pool_purge(&pool, 0, 1020), 4 * PAGE_SIZE);
    REQUIRE_PICTURE("C2 U1 C4 U1 C6 U1 U8 C982");
}

/* What is left of an old run stays old, and before the younger ones. */
static void a_cut_keeps_its_age(void)
{
    bool zeroed;
    boot();
    struct run *a = take(40);
    take(1);
    struct run *b = take(5);
    take(1);
    faults.clock_ms = 1000;
    give(a);
    faults.clock_ms = 2000;
    give(b);
    REQUIRE(pool_alloc(&pool, 20, 8, &zeroed)); /* pages 24 .. 43 of the older one */
    REQUIRE_PICTURE("D5 U20 D15 U1 D5 U1 C958");
    REQUIRE_EQUAL(pool_purge(&pool, 0, 1000), 20 * PAGE_SIZE);
    REQUIRE_PICTURE("C5 U20 C15 U1 D5 U1 C958");
}

static void refused_purge_keeps_all_dirty(void)
{
    boot();
    struct run *a = take(4);
    take(1);
    struct run *b = take(6);
    take(1);
    give(a);
    give(b);
    memset((void *)run_addr(a), 'x', 4 * PAGE_SIZE);
    faults.madvises_left = 0;
    errno = EDOM;
    REQUIRE_EQUAL(pool_purge(&pool, 0, UINT64_MAX), 0);
    REQUIRE_EQUAL(errno, EDOM);
    REQUIRE_PICTURE("D4 U1 D6 U1 C993");
    REQUIRE(*(char *)run_addr(a) == 'x');
    faults.madvises_left = 1;
    REQUIRE_EQUAL(pool_purge(&pool, 0, UINT64_MAX), 4 * PAGE_SIZE);
    REQUIRE_PICTURE("C4 U1 D6 U1 C993");
    REQUIRE(*(char *)run_addr(a) == 0);
}

static void refused_memory_is_null(void)
{
    bool zeroed;
    boot();
    take(1000);
    use_up_the_reserve();
    faults.mmaps_left = 0;
    errno = EDOM;
    REQUIRE(!pool_alloc(&pool, 6, 1, &zeroed));
    REQUIRE_EQUAL(errno, EDOM);
    REQUIRE_PICTURE("U1000 C5");
    take(5);
    REQUIRE(!pool_alloc(&pool, 1, 1, &zeroed));
    REQUIRE_PICTURE("U1000 U5");
    faults_none();
    take(6);
    REQUIRE_PICTURE("U1000 U5 | U6 C999");
}

static void excess_goes_down_to_seven_eighths(void)
{
    struct run *runs[64];
    boot();
    for (int i = 0; i < 64; i++) {
        runs[i] = take(7);
        take(1);
    }
    for (int i = 0; i < 32; i++) {
        give(runs[i]);
    }
    pool_purge_excess(&pool, 32 * 7);
    REQUIRE_EQUAL(count_read(&pool.pages_free[RUN_DIRTY]), 32 * 7);
    give(runs[32]);
    pool_purge_excess(&pool, 32 * 7);
    REQUIRE_EQUAL(count_read(&pool.pages_free[RUN_DIRTY]), 28 * 7);
    REQUIRE(run_of_page(run_addr(runs[4]))->kind == RUN_CLEAN); /* the first five went */
    REQUIRE(run_of_page(run_addr(runs[5]))->kind == RUN_DIRTY);
    REQUIRE(pool_check(&pool));
    conf.dirty_decay_ms = -1;
    pool_purge_excess(&pool, 0);
    REQUIRE_EQUAL(count_read(&pool.pages_free[RUN_DIRTY]), 28 * 7);
    conf.dirty_decay_ms = 0;
    pool_purge_excess(&pool, 1000);
    REQUIRE_EQUAL(count_read(&pool.pages_free[RUN_DIRTY]), 0);
}

/* Random work on a few hundred runs; each page carries the number of the run that holds it. */
#define HELD 200

static void random_work(unsigned steps, uint64_t seed, unsigned check_every)
{
    static struct run *held[HELD];
    static uint32_t tags[HELD];
    uint64_t state = seed;
    for (unsigned step = 0; step < steps; step++) {
        unsigned i = (unsigned)(prng_next(&state) % HELD), action = (unsigned)(prng_next(&state) % 8);
        struct run *run = held[i];
        for (unsigned p = 0; run && p < run->npages; p++) {
            REQUIRE_EQUAL(*(uint32_t *)(run_addr(run) + p * PAGE_SIZE), tags[i]);
        }
        if (!run) {
            bool zeroed;
            unsigned long_one = prng_next(&state) % 16 == 0;
            unsigned align = prng_next(&state) % 8 ? 1 : 16;
            unsigned npages = (unsigned)(prng_next(&state) % (long_one ? 300 : 16) + 1);
            run = held[i] = pool_alloc(&pool, npages, align, &zeroed);
            REQUIRE(run && run->npages == npages && run_addr(run) % (align * PAGE_SIZE) == 0);
            for (unsigned p = 0; zeroed && p < npages; p++) {
                REQUIRE_EQUAL(*(uint32_t *)(run_addr(run) + p * PAGE_SIZE), 0);
            }
        } else if (action < 4) {
            give(run);
            run = held[i] = NULL;
        } else if (action < 6) {
            unsigned npages = run->npages + (unsigned)(prng_next(&state) % 8 + 1);
            bool done = npages <= USABLE_PAGES && pool_grow(&pool, run, npages);
            REQUIRE(!done || run->npages == npages);
        } else if (run->npages > 1) {
            pool_shrink(&pool, run, (unsigned)(prng_next(&state) % (run->npages - 1u) + 1));
        }
        tags[i] = step + 1;
        for (unsigned p = 0; run && p < run->npages; p++) {
            *(uint32_t *)(run_addr(run) + p * PAGE_SIZE) = step + 1;
        }
        if (prng_next(&state) % 32 == 0) {
            pool_purge(&pool, prng_next(&state) % 500, UINT64_MAX);
        }
        if (check_every && step % check_every == 0) {
            REQUIRE(pool_check(&pool) && extent_check());
        }
    }
}

static void random_work_keeps_the_invariants(void)
{
    boot();
    random_work(10000, 1, 50);
    REQUIRE(pool_check(&pool));
}

static void part_random_picture(void)
{
    boot();
    random_work(5000, 2, 0);
    dprintf(2, "%s\n", picture());
}

static void same_work_same_picture(void)
{
    unit_deterministic(part_random_picture);
}

static struct run *old_run, *old_other;

static void *into_the_stop(void *arg)
{
    bool zeroed;
    pool_alloc(&pool, 1000, 1, &zeroed);
    return arg;
}

/* The pool starts empty; what it had is frozen: readable, and never cut or joined again. */
static void part_after_a_stranded_thread(void)
{
    struct run *fresh = take(10);
    REQUIRE_PICTURE("U10 C995");
    REQUIRE(chunk_of(run_addr(fresh)) != chunk_of(run_addr(old_run)));
    REQUIRE(*(char *)run_addr(old_run) == 'x');
    give(old_run);
    REQUIRE(!pool_grow(&pool, old_other, 6));
    pool_shrink(&pool, old_other, 1);
    REQUIRE_EQUAL(old_other->npages, 5);
    REQUIRE_PICTURE("U10 C995");
    REQUIRE_EQUAL(count_read(&pool.pages_used), 10);
    for (int i = 0; i < 300; i++) {
        REQUIRE(chunk_of(run_addr(take(10))) != chunk_of(run_addr(old_run)));
    }
    REQUIRE(pool_check(&pool));
}

static void fork_in_the_middle(void)
{
    process_boot(pages_map(PAGE_SIZE, PAGE_SIZE));
    boot();
    old_run = take(10);
    old_other = take(5);
    memset((void *)run_addr(old_run), 'x', 10 * PAGE_SIZE);
    take(100);
    use_up_the_reserve();
    faults_strand(into_the_stop, NULL);
    REQUIRE_EQUAL(unit_child(part_after_a_stranded_thread).exit, 0);
}

/* ---- controls --------------------------------------------------------------------------------- */

/* "U1 D2 U3 D4 U5 C990" */
static struct run *parts[6];

static void build_parts(void)
{
    boot();
    for (unsigned i = 0; i < 5; i++) {
        parts[i] = take(i + 1);
    }
    give(parts[1]);
    give(parts[3]);
    REQUIRE_PICTURE("U1 D2 U3 D4 U5 C990");
    parts[5] = run_of_page(run_addr(parts[4]) + 5 * PAGE_SIZE);
}

static void check_sees_r1(void)
{
    build_parts();
    struct run *last = run_of_page(run_addr(parts[2]) + 2 * PAGE_SIZE);
    last->npages++; /* the two ends disagree */
    REQUIRE_REPORTS(pool_check(&pool), "R1: ");
    last->npages--;
    last->kind = RUN_CLEAN;
    REQUIRE_REPORTS(pool_check(&pool), "R1: ");
    last->kind = RUN_USED;
    parts[2]->npages = 0;
    REQUIRE_REPORTS(pool_check(&pool), "R1: ");
    parts[2]->npages = 2000; /* beyond the chunk */
    REQUIRE_REPORTS(pool_check(&pool), "R1: ");
    parts[2]->npages = 3;
    REQUIRE(pool_check(&pool));
}

static void check_sees_r2(void)
{
    build_parts();
    parts[2]->kind = RUN_DIRTY; /* U3 between D2 and D4 */
    run_of_page(run_addr(parts[2]) + 2 * PAGE_SIZE)->kind = RUN_DIRTY;
    REQUIRE_REPORTS(pool_check(&pool), "R2: ");
}

static void check_sees_r3(void)
{
    build_parts();
    count_add(&pool.pages_free[RUN_CLEAN], 1);
    REQUIRE_REPORTS(pool_check(&pool), "R3: ");
    count_add(&pool.pages_free[RUN_CLEAN], (size_t)-1);
    REQUIRE(pool_check(&pool));
    struct tree_node *root = pool.free[RUN_DIRTY].root;
    pool.free[RUN_DIRTY].root = root->left ? root->left : root->right; /* one of two is lost */
    REQUIRE_REPORTS(pool_check(&pool), "R3: ");
    pool.free[RUN_DIRTY].root = root;
    REQUIRE(pool_check(&pool));
}

static void check_sees_r4(void)
{
    build_parts();
    struct list_node *next = parts[3]->age.next;
    list_remove(&parts[3]->age);
    REQUIRE_REPORTS(pool_check(&pool), "R4: ");
    list_insert_before(next, &parts[3]->age);
    REQUIRE(pool_check(&pool));
    count_add(&pool.pages_used, 1);
    REQUIRE_REPORTS(pool_check(&pool), "R4: ");
}

static void check_sees_r5(void)
{
    build_parts();
    page_word_set(run_addr(parts[1]) + PAGE_SIZE, page_word_make(run_addr(parts[1]), PAGE_SMALL, 0));
    REQUIRE_REPORTS(pool_check(&pool), "R5: ");
    page_word_set(run_addr(parts[1]) + PAGE_SIZE, 0);
    REQUIRE(pool_check(&pool));
    page_large_set(run_addr(parts[4]), 40, PAGE_LARGE); /* the first page may have one */
    REQUIRE(pool_check(&pool));
    page_large_set(run_addr(parts[4]) + PAGE_SIZE, 40, PAGE_LARGE);
    REQUIRE_REPORTS(pool_check(&pool), "R5: ");
}

static void count_run(struct run *run, void *context)
{
    REQUIRE_EQUAL(run->kind, RUN_USED);
    *(unsigned *)context += run->npages;
}

static void each_used_run_is_visited(void)
{
    unsigned pages = 0;
    boot();
    pool_each_used(&pool, count_run, &pages);
    REQUIRE_EQUAL(pages, 0);
    struct run *a = take(3), *b = take(5);
    take(1000);
    pool_free(&pool, a);
    pool_each_used(&pool, count_run, &pages);
    REQUIRE_EQUAL(pages, 1005);
    pool_free(&pool, b);
}

static void reset_gives_every_chunk_back(void)
{
    boot();
    for (unsigned i = 0; i < 5; i++) {
        struct run *run = take(600);
        page_large_set(run_addr(run), SMALL_CLASSES, PAGE_LARGE);
    }
    pool_free(&pool, take(3));
    uint32_t generation = pool.generation;
    REQUIRE(pool.nchunks == 5);
    pool_reset(&pool);
    REQUIRE(pool.generation != generation); /* so bins forget their runs */
    REQUIRE_PICTURE("");
    REQUIRE_EQUAL(count_read(&pool.pages_used) + count_read(&pool.pages_free[RUN_DIRTY]) +
                      count_read(&pool.pages_free[RUN_CLEAN]) + count_read(&pool.nchunks),
                  0);
    struct extent_figures f;
    extent_figures(&f);
    REQUIRE_EQUAL(f.live_chunks, 0);
    REQUIRE(extent_check());
    take(7); /* what comes again is recycled, and has no word of before */
    REQUIRE_PICTURE("U7 D998");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(first_run_makes_a_chunk),
        UNIT(shortest_that_fits_then_lowest),
        UNIT(oldest_chunk_first),
        UNIT(dirty_before_clean),
        UNIT(joins_its_own_kind_alone),
        UNIT(freed_between_dirty_ones_joins_both),
        UNIT(grows_over_two_kinds),
        UNIT(grows_into_a_part_of_the_second),
        UNIT(last_run_of_a_chunk_does_not_grow),
        UNIT(shrinks),
        UNIT(aligned_runs),
        UNIT(aligned_carve_keeps_both_ends),
        UNIT(longest_runs),
        UNIT(emptied_chunks_go_but_one),
        UNIT(trim_gives_the_empty_chunk_back),
        UNIT(recycled_chunk_starts_clear),
        UNIT(purges_oldest_first),
        UNIT(a_cut_keeps_its_age),
        UNIT(refused_purge_keeps_all_dirty),
        UNIT(refused_memory_is_null),
        UNIT(excess_goes_down_to_seven_eighths),
        UNIT(random_work_keeps_the_invariants),
        UNIT(same_work_same_picture),
        UNIT(fork_in_the_middle),
        UNIT(check_sees_r1),
        UNIT(check_sees_r2),
        UNIT(check_sees_r3),
        UNIT(check_sees_r4),
        UNIT(check_sees_r5),
        UNIT(each_used_run_is_visited),
        UNIT(reset_gives_every_chunk_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
