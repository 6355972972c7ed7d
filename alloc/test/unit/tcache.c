/* tcache.c (test): the stacks through the slow functions, and through the fast paths as entry.c has
 * them: what is counted, what is bounded, what ages, and when a sample is due. */
#include "../../thread/tcache.h"
#include "../../util/conf.h"
#include "../../util/prng.h"
#include "faults.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static struct arena *arena, *other;
static struct tcache cache, *tc = &cache;
static void *blocks[200000];

static void boot(void)
{
    tcache_secret = UINT64_C(0x123456789abcdef1);
    conf.thp = THP_NEVER;
    conf.narenas = 2;
    arena = arena_join();
    other = arena_join();
    REQUIRE(arena && other && arena != other);
    tcache_init(tc, arena);
}

static bool all_is_well(void)
{
    bool ok = tcache_check(tc) && extent_check();
    for (unsigned i = 0; i < 2; i++) {
        struct arena *a = i ? other : arena;
        ok = ok && pool_check(&a->pool);
        for (unsigned class = 0; class < SMALL_CLASSES; class++) {
            ok = ok && bin_check(&a->bins[class], &a->pool, class);
        }
    }
    return ok;
}

/* How often a stack ran dry and a credit was spent. */
static unsigned fills, renewals;

/* As malloc does; NULL where a sample is due. */
static void *pop(unsigned class)
{
    struct tcache_bin *bin = &tc->bins[class];
    uint64_t *block = bin->head;
    bool zeroed, sample_due;
    if (!block) {
        fills++;
        block = tcache_fill(tc, class, &zeroed, &sample_due);
        REQUIRE(!block == sample_due);
        REQUIRE(!block || class >= SMALL_CLASSES || block[1] == 0);
        return block;
    }
    bin->head = (void *)(uintptr_t)block[0];
    bin->npop++;
    if (class < SMALL_CLASSES) {
        REQUIRE_EQUAL(block[1], tcache_key(block)); /* no listed block is without */
        block[1] = 0;
    } else {
        page_large_set((uintptr_t)block, class, PAGE_LARGE);
    }
    return block;
}

/* As free does. */
static void push(unsigned class, void *block)
{
    struct tcache_bin *bin = &tc->bins[class];
    uint64_t *words = block;
    if (bin->credit == 0 || class >= SMALL_CLASSES) {
        renewals += bin->credit == 0;
        tcache_push(tc, class, block);
        return;
    }
    bin->credit--;
    words[1] = tcache_key(block);
    words[0] = (uint64_t)(uintptr_t)bin->head;
    bin->head = block;
}

static size_t cached_bytes(void)
{
    size_t bytes = 0;
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        bytes += tcache_length(&tc->bins[class]) * size_class_bytes(class);
    }
    return bytes;
}

static size_t out(unsigned class)
{
    return count_read(&arena->bins[class].regions_out);
}

/* ---- the stacks -------------------------------------------------------------------------------- */

/* Every special state of a thread is a cache that refuses both. */
static void the_first_cache_is_empty_and_full(void)
{
    REQUIRE(tcache_self == &tcache_none);
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        const struct tcache_bin *bin = &tcache_none.bins[class];
        REQUIRE(!bin->head && bin->credit == 0 && bin->reciprocal == 0);
    }
}

static void words_name_their_bin(void)
{
    boot();
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        void *block = pop(class);
        struct tcache_bin *bin = tcache_bin_of_word(tc, page_word((uintptr_t)block));
        REQUIRE(bin == &tc->bins[class]);
        REQUIRE_EQUAL(bin->reciprocal, size_classes[class].reciprocal);
    }
    /* What is no small run names the bin that refuses. */
    REQUIRE(tcache_bin_of_word(tc, 0) == &tc->refuses);
    void *large = pop(SMALL_CLASSES);
    REQUIRE(tcache_bin_of_word(tc, page_word((uintptr_t)large)) == &tc->refuses);
    REQUIRE(tc->refuses.reciprocal == 0 && tc->refuses.credit == 0 && !tc->refuses.head);
}

static void fills_grow_from_one_page(void)
{
    boot();
    unsigned class = size_class_of(64);
    blocks[0] = pop(class);
    REQUIRE_EQUAL(tcache_length(&tc->bins[class]), 63);
    for (unsigned i = 1; i < 64; i++) {
        blocks[i] = pop(class);
        REQUIRE((char *)blocks[i] == (char *)blocks[i - 1] + 64); /* in address order */
    }
    REQUIRE_EQUAL(fills, 1);
    pop(class);
    REQUIRE_EQUAL(tcache_length(&tc->bins[class]), 127); /* twice as many, 128 at most */
    while (tcache_length(&tc->bins[class])) {
        pop(class);
    }
    pop(class);
    REQUIRE_EQUAL(tcache_length(&tc->bins[class]), 127);
    REQUIRE(all_is_well());
}

static void every_fill_is_bounded_in_bytes(void)
{
    boot();
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        for (unsigned i = 0; i < 1000; i++) {
            pop(class);
            size_t bytes = tcache_length(&tc->bins[class]) * size_class_bytes(class);
            REQUIRE(bytes <= 32 * KIB);
        }
    }
    REQUIRE(all_is_well());
}

static void large_blocks_come_one_by_one(void)
{
    boot();
    unsigned class = size_class_of(100000);
    bool zeroed = false, sample_due = true;
    char *block = tcache_fill(tc, class, &zeroed, &sample_due);
    REQUIRE(block && zeroed && !sample_due);
    REQUIRE_EQUAL(tcache_length(&tc->bins[class]), 0);
    push(class, block);
    REQUIRE_EQUAL(tcache_length(&tc->bins[class]), 1);
    REQUIRE_EQUAL(page_word_state(page_word((uintptr_t)block)), PAGE_LARGE_CACHED);
    REQUIRE(pop(class) == block);
    REQUIRE_EQUAL(page_word_state(page_word((uintptr_t)block)), PAGE_LARGE);
    REQUIRE(all_is_well());
}

static void last_in_first_out(void)
{
    boot();
    static const unsigned classes[] = {0, 30, SMALL_CLASSES - 1, SMALL_CLASSES,
                                       SMALL_CLASSES + 8};
    for (unsigned c = 0; c < 5; c++) {
        for (unsigned i = 0; i < 4; i++) {
            blocks[i] = pop(classes[c]);
        }
        for (unsigned i = 0; i < 4; i++) {
            push(classes[c], blocks[i]);
        }
        for (unsigned i = 4; i > 0; i--) {
            REQUIRE(pop(classes[c]) == blocks[i - 1]);
        }
    }
}

static void flush_gives_back_the_newest(void)
{
    boot();
    unsigned class = size_class_of(1024);
    blocks[0] = pop(class);
    size_t cached = tcache_length(&tc->bins[class]), held = out(class);
    tcache_flush(tc, class, 2);
    REQUIRE_EQUAL(tcache_length(&tc->bins[class]), cached - 2);
    REQUIRE_EQUAL(out(class), held - 2);
    tcache_flush(tc, class, UINT32_MAX);
    REQUIRE_EQUAL(tcache_length(&tc->bins[class]), 0);
    REQUIRE(!tc->bins[class].head);
    REQUIRE_EQUAL(out(class), 1);
    tcache_flush(tc, class, 5); /* nothing there */
    REQUIRE(all_is_well());
}

static void flush_all_leaves_nothing(void)
{
    boot();
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        push(class, pop(class));
    }
    REQUIRE(cached_bytes() > 0);
    tcache_flush_all(tc);
    REQUIRE_EQUAL(cached_bytes(), 0);
    REQUIRE_EQUAL(tc->bytes, 0);
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        REQUIRE_EQUAL(out(class), 0);
    }
    REQUIRE_EQUAL(atomic_load(&arena->large_bytes), 0);
    REQUIRE(all_is_well());
}

static void refused_memory_is_null(void)
{
    bool zeroed, sample_due = true;
    boot();
    faults.mmaps_left = 0;
    REQUIRE(!tcache_fill(tc, 0, &zeroed, &sample_due) && !sample_due);
    REQUIRE(!tcache_fill(tc, SMALL_CLASSES, &zeroed, &sample_due) && !sample_due);
    REQUIRE_EQUAL(cached_bytes(), 0);
    faults_none();
    REQUIRE(pop(0) && pop(SMALL_CLASSES));
    REQUIRE(all_is_well());
}

/* ---- counting ---------------------------------------------------------------------------------- */

static uint64_t counted_mallocs(void)
{
    uint64_t n = 0;
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        const struct tcache_bin_cold *cold = &tc->cold[class];
        n += cold->pops + (uint32_t)(tc->bins[class].npop - cold->npop_seen);
    }
    return n;
}

static uint64_t counted_frees(void)
{
    uint64_t n = tc->direct_frees;
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        n += tc->cold[class].granted - tc->bins[class].credit;
    }
    return n;
}

/* Random pops and pushes over some classes: the lengths, the mallocs and the frees are all known. */
static void random_work(unsigned steps, uint64_t seed, unsigned *samples)
{
    static const unsigned classes[] = {0, 3, 17, 25, 40, 59, 60, 75, 90, 99};
    enum { N = 10, MOST = 3000 };
    static void *held[N][MOST];
    static unsigned nheld[N];
    uint64_t state = seed, mallocs = counted_mallocs(), frees = counted_frees();
    for (unsigned step = 0; step < steps; step++) {
        unsigned c = (unsigned)(prng_next(&state) % N), class = classes[c];
        unsigned most = (unsigned)(2 * MIB / size_class_bytes(class));
        most = most < MOST ? most : MOST;
        /* Long runs of one kind, so that stacks grow and run dry. */
        unsigned n = (unsigned)(prng_next(&state) % (most / 4 + 2));
        if (prng_next(&state) % 2) {
            for (; n && nheld[c] < most; n--) {
                void *block = pop(class);
                if (!block) {
                    ++*samples;
                    tc->bins[class].npop++; /* as entry.c counts a sampled block */
                    tc->bins[class].base++;
                    tcache_sample_next(tc, class);
                    mallocs++;
                    frees++; /* it is freed past the stacks */
                    tc->direct_frees++;
                    continue;
                }
                memset(block, 0x5a, 16);
                held[c][nheld[c]++] = block;
                mallocs++;
            }
        } else {
            for (; n && nheld[c]; n--, frees++) {
                unsigned i = (unsigned)(prng_next(&state) % nheld[c]);
                void *block = held[c][i];
                held[c][i] = held[c][--nheld[c]];
                push(class, block);
            }
        }
        if (conf.prof) { /* the stack runs dry before the sample is due */
            uint32_t left = tc->cold[class].sample_at - tc->bins[class].npop;
            REQUIRE(left >= 1 && left <= UINT32_C(1) << 30);
            REQUIRE(tcache_length(&tc->bins[class]) + tc->bins[class].credit < left);
        }
        if (step % 16 == 0) {
            REQUIRE(tcache_check(tc));
            REQUIRE(cached_bytes() <= 4 * MIB + N * 32 * KIB);
            REQUIRE_EQUAL(counted_mallocs(), mallocs);
            REQUIRE_EQUAL(counted_frees(), frees);
        }
    }
    for (unsigned c = 0; c < N; c++) {
        while (nheld[c]) {
            push(classes[c], held[c][--nheld[c]]);
            frees++;
        }
    }
    REQUIRE_EQUAL(counted_frees(), frees);
    tcache_flush_all(tc);
    for (unsigned class = 0; class < SMALL_CLASSES; class++) {
        REQUIRE_EQUAL(out(class), 0);
    }
    REQUIRE_EQUAL(atomic_load(&arena->large_bytes), 0);
    REQUIRE(all_is_well());
}

static void lengths_and_counts_are_exact(void)
{
    unsigned samples = 0;
    boot();
    random_work(3000, 1, &samples);
    REQUIRE_EQUAL(samples, 0);
}

/* 32-bit counters wrap in a day; the identity holds over it. */
static void counters_wrap(void)
{
    boot();
    unsigned class = size_class_of(64);
    tc->bins[class].npop = UINT32_MAX - 50; /* length = base - credit - npop is still 0 */
    tc->bins[class].base = UINT32_MAX - 50;
    tc->cold[class].npop_seen = UINT32_MAX - 50;
    for (unsigned i = 0; i < 300; i++) {
        blocks[i] = pop(class);
        REQUIRE(tcache_check(tc));
    }
    for (unsigned i = 0; i < 300; i++) {
        push(class, blocks[i]);
    }
    REQUIRE(tcache_check(tc));
    REQUIRE_EQUAL(counted_mallocs(), 300);
    REQUIRE_EQUAL(counted_frees(), 300);
}

/* A loop whose pops and pushes cancel never runs dry, yet it comes by about every 64 KiB. */
static void a_loop_in_the_cache_renews(void)
{
    boot();
    unsigned class = size_class_of(256), events = tc->events;
    for (unsigned i = 0; i < 10000; i++) {
        push(class, pop(class));
    }
    REQUIRE_EQUAL(fills, 1);
    REQUIRE(renewals >= 30 && renewals <= 50); /* 10000 * 256 / 64 Ki = 39 */
    REQUIRE_EQUAL(tc->events - events, fills + renewals);
}

/* ---- bounds ------------------------------------------------------------------------------------ */

/* Frees n bytes of a class after taking them; returns the most that the class held meanwhile. */
static size_t free_many(unsigned class, size_t bytes, size_t *total)
{
    size_t size = size_class_bytes(class), most = 0;
    unsigned n = (unsigned)(bytes / size < 200000 ? bytes / size : 200000);
    for (unsigned i = 0; i < n; i++) {
        blocks[i] = pop(class);
    }
    for (unsigned i = 0; i < n; i++) {
        push(class, blocks[i]);
        size_t held = tcache_length(&tc->bins[class]) * size;
        most = held > most ? held : most;
        if (i % 64 == 0 || size > 16 * KIB) {
            held = cached_bytes();
            *total = held > *total ? held : *total;
        }
    }
    return most;
}

/* 1 MiB a class; and a credit more, for it looks only when that is spent. */
static void a_class_is_bounded(void)
{
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        size_t size = size_class_bytes(class), total = 0;
        boot();
        size_t credit = 16 * size > 64 * KIB ? 16 * size : 64 * KIB;
        credit = credit > MIB ? MIB : credit;
        REQUIRE(free_many(class, 4 * MIB, &total) <= MIB + credit);
        tcache_flush_all(tc);
    }
}

static void a_thread_is_bounded(void)
{
    size_t total = 0;
    boot();
    for (int round = 0; round < 2; round++) {
        for (unsigned class = 0; class < CACHED_CLASSES; class++) {
            free_many(class, 2 * MIB, &total);
        }
    }
    /* Each small class may exceed the bound by the credit of one look; a fill comes on top. */
    REQUIRE(total <= 4 * MIB + SMALL_CLASSES * 64 * KIB + 32 * KIB);
    REQUIRE(all_is_well());
}

/* 32 MiB shared by the threads, but 256 KiB each at least. */
static void many_threads_have_less_each(void)
{
    size_t total = 0;
    boot();
    tcache_set_threads(1000);
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        free_many(class, 2 * MIB, &total);
    }
    REQUIRE(total <= 256 * KIB + MIB); /* a block of the largest class is cached all the same */
    tcache_set_threads(0);
    tcache_set_threads(1);
    REQUIRE(all_is_well());
}

/* Blocks of another arena are wanted there: a thread that only frees them keeps few. */
static void foreign_blocks_go_home(void)
{
    boot();
    unsigned class = size_class_of(1024);
    for (unsigned i = 0; i < 4000; i += 100) {
        REQUIRE_EQUAL(arena_fill(other, class, blocks + i, 100), 100);
    }
    for (unsigned i = 0; i < 4000; i++) {
        push(class, blocks[i]);
        REQUIRE(tcache_length(&tc->bins[class]) * KIB <= 256 * KIB);
    }
    REQUIRE(bin_remote_regions(&other->bins[class], &other->pool) +
                tcache_length(&tc->bins[class]) <= 4000);
    tcache_flush_all(tc);
    bin_trim(&other->bins[class], &other->pool, class);
    REQUIRE_EQUAL(count_read(&other->bins[class].regions_out), 0);
    REQUIRE(all_is_well());
}

/* What is not used between two looks is halved until it is gone; what is used stays. */
static void idle_classes_age(void)
{
    boot();
    unsigned idle = size_class_of(512), used = size_class_of(256);
    size_t total = 0;
    free_many(idle, 512 * KIB, &total);
    size_t before = tcache_length(&tc->bins[idle]), looks = 0;
    REQUIRE(before > 500);
    while (tcache_length(&tc->bins[idle])) {
        unsigned events = tc->events;
        while (tc->events == events) {
            push(used, pop(used));
        }
        REQUIRE(tcache_length(&tc->bins[idle]) <= before);
        REQUIRE(++looks < 20 * 32 * CACHED_CLASSES / 4); /* about lg(before) tours */
        before = tcache_length(&tc->bins[idle]);
    }
    REQUIRE(tcache_length(&tc->bins[used]) > 0);
    REQUIRE(all_is_well());
}

/* ---- samples ----------------------------------------------------------------------------------- */

static void samples_are_never_overrun(void)
{
    unsigned samples = 0;
    conf.prof = true;
    conf.lg_prof_sample = 16;
    boot();
    random_work(3000, 2, &samples);
    REQUIRE(samples > 100);
}

/* Each block of a class is sampled with the probability that prof.h states, whatever the pattern of
 * pops and pushes. Within five standard deviations. */
static void samples_are_fair(void)
{
    static const unsigned batches[] = {1, 2, 30, 500};
    conf.prof = true;
    conf.lg_prof_sample = 14;
    boot();
    unsigned class = size_class_of(256); /* p = 1 - exp(-1/64) = 0.01550 */
    for (unsigned b = 0; b < 4; b++) {
        unsigned n = 0, samples = 0;
        while (n < 200000) {
            unsigned got = 0;
            for (unsigned i = 0; i < batches[b]; i++, n++) {
                void *block = pop(class);
                if (block) {
                    blocks[got++] = block;
                    continue;
                }
                samples++;
                tc->bins[class].npop++;
                tc->bins[class].base++;
                tcache_sample_next(tc, class);
            }
            while (got) {
                push(class, blocks[--got]);
            }
        }
        double want = n * 0.0155035, difference = samples - want;
        REQUIRE(difference * difference <= 25 * want);
    }
}

static void every_block_may_be_a_sample(void)
{
    bool zeroed, sample_due;
    conf.prof = true;
    conf.lg_prof_sample = 0;
    boot();
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        REQUIRE(!tcache_fill(tc, class, &zeroed, &sample_due) && sample_due);
    }
}

/* ---- controls ---------------------------------------------------------------------------------- */

static void check_sees_a_missing_key(void)
{
    boot();
    pop(5);
    uint64_t *second = *(uint64_t **)tc->bins[5].head;
    second[1] ^= 1;
    REQUIRE_REPORTS(tcache_check(tc), "C1: ");
    second[1] ^= 1;
    REQUIRE(tcache_check(tc));
}

static void check_sees_a_block_of_another_class(void)
{
    boot();
    pop(5);
    pop(6);
    void *head = tc->bins[5].head;
    tc->bins[5].head = tc->bins[6].head;
    REQUIRE_REPORTS(tcache_check(tc), "C1: ");
    tc->bins[5].head = head;
    REQUIRE(tcache_check(tc));
}

static void check_sees_a_wrong_length(void)
{
    boot();
    pop(5);
    for (uint32_t n = 1; n < 5; n++) {
        tc->bins[5].base += n; /* fewer blocks than counted */
        REQUIRE_REPORTS(tcache_check(tc), "C1: ");
        tc->bins[5].base -= 2 * n; /* more */
        REQUIRE_REPORTS(tcache_check(tc), "C1: ");
        tc->bins[5].base += n;
    }
    REQUIRE(tcache_check(tc));
}

static void check_sees_a_large_block_that_is_not_cached(void)
{
    boot();
    void *block = pop(SMALL_CLASSES + 3);
    push(SMALL_CLASSES + 3, block);
    REQUIRE(tcache_check(tc));
    page_large_set((uintptr_t)block, SMALL_CLASSES + 3, PAGE_LARGE);
    REQUIRE_REPORTS(tcache_check(tc), "C2: ");
    page_large_set((uintptr_t)block, SMALL_CLASSES + 4, PAGE_LARGE_CACHED);
    REQUIRE_REPORTS(tcache_check(tc), "C2: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(the_first_cache_is_empty_and_full),
        UNIT(words_name_their_bin),
        UNIT(fills_grow_from_one_page),
        UNIT(every_fill_is_bounded_in_bytes),
        UNIT(large_blocks_come_one_by_one),
        UNIT(last_in_first_out),
        UNIT(flush_gives_back_the_newest),
        UNIT(flush_all_leaves_nothing),
        UNIT(refused_memory_is_null),
        UNIT(lengths_and_counts_are_exact),
        UNIT(counters_wrap),
        UNIT(a_loop_in_the_cache_renews),
        UNIT(a_class_is_bounded),
        UNIT(a_thread_is_bounded),
        UNIT(many_threads_have_less_each),
        UNIT(foreign_blocks_go_home),
        UNIT(idle_classes_age),
        UNIT(samples_are_never_overrun),
        UNIT(samples_are_fair),
        UNIT(every_block_may_be_a_sample),
        UNIT(check_sees_a_missing_key),
        UNIT(check_sees_a_block_of_another_class),
        UNIT(check_sees_a_wrong_length),
        UNIT(check_sees_a_large_block_that_is_not_cached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
