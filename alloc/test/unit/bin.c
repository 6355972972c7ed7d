/* bin.c (test): which regions a fill hands out and in which order, what a flush does to their run, and
 * the queue of other threads. */
#include "../../heap/bin.h"
#include "../../os/pages.h"
#include "../../os/process.h"
#include "../../util/conf.h"
#include "../../util/prng.h"
#include "faults.h"
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct pool pool;
static struct bin bin;
static unsigned class;        /* of the bin */
static size_t size, regions;  /* of the class: bytes of a region, regions of a run */
static void *blocks[5000];

static void boot(size_t bytes)
{
    conf.thp = THP_NEVER;
    pool_init(&pool, 3);
    bin_init(&bin);
    class = size_class_of(bytes);
    size = size_classes[class].size_bytes;
    regions = size_classes[class].run_regions;
}

static bool all_is_well(void)
{
    return bin_check(&bin, &pool, class) && pool_check(&pool) && extent_check();
}

static void fill(void **out, unsigned n)
{
    REQUIRE_EQUAL(bin_fill(&bin, &pool, class, out, n), n);
}

static void flush(void **from, unsigned n)
{
    bin_flush(&bin, &pool, class, from, n);
}

static void flush_remote(void **from, unsigned n)
{
    for (unsigned i = 0; i + 1 < n; i++) {
        *(void **)from[i] = from[i + 1];
    }
    bin_flush_remote(&bin, &pool, class, from[0], from[n - 1], n);
}

static size_t out(void)
{
    return count_read(&bin.regions_out);
}

static struct run *run_of(void *region)
{
    return run_of_word(page_word((uintptr_t)region), (uintptr_t)region);
}

/* The rest of the reserve, so that the next chunk needs the system. */
static void use_up_the_reserve(void)
{
    struct extent_figures f;
    do {
        REQUIRE(extent_alloc(&extents_shared, 0, 1, CHUNK_SIZE, CHUNK_HUGE));
        extent_figures(&f);
    } while (f.live_chunks * CHUNK_SIZE < f.reserved_bytes);
}

static void fills_in_address_order(void)
{
    boot(64);
    fill(blocks, 10);
    fill(blocks + 10, 190); /* over three runs */
    for (unsigned i = 1; i < 200; i++) {
        REQUIRE((char *)blocks[i] == (char *)blocks[0] + i * 64);
    }
    REQUIRE_EQUAL(out(), 200);
    REQUIRE_EQUAL(bin.nruns, 4);
    REQUIRE(all_is_well());
}

static void refills_the_lowest_first(void)
{
    boot(64);
    fill(blocks, 60); /* of 64 in the current run */
    void *back[] = {blocks[50], blocks[3], blocks[20], blocks[4]};
    flush(back, 4);
    fill(blocks + 100, 6);
    REQUIRE(blocks[100] == blocks[3] && blocks[101] == blocks[4] && blocks[102] == blocks[20]);
    REQUIRE(blocks[103] == blocks[50]);
    REQUIRE((char *)blocks[104] == (char *)blocks[59] + 64);
    REQUIRE(all_is_well());
}

static void every_class_hands_out_its_run(void)
{
    for (unsigned c = 0; c < SMALL_CLASSES; c++) {
        boot(size_class_bytes(c));
        unsigned n = (unsigned)(2 * regions + 1);
        fill(blocks, n);
        struct run *first = run_of(blocks[0]);
        for (unsigned i = 0; i < n; i++) {
            uintptr_t addr = (uintptr_t)blocks[i];
            REQUIRE_EQUAL(run_of(blocks[i])->class, c);
            REQUIRE_EQUAL((addr - run_addr(run_of(blocks[i]))) % size, 0);
            REQUIRE(bin_region_is_out(run_of(blocks[i]), addr));
            REQUIRE(bin_region_is_out(run_of(blocks[i]), addr + size - 1));
            REQUIRE_EQUAL(page_word_bin_offset(page_word(addr + size - 1)), (c + 1) << LG_TCACHE_BIN);
            memset(blocks[i], (int)i, size); /* nothing of the bin lies in a region that is out */
        }
        REQUIRE_EQUAL(first->npages, size_classes[c].run_pages);
        REQUIRE(all_is_well());
        for (unsigned i = 0; i < n; i++) { /* scattered; 7919 is prime and above n */
            flush(&blocks[i * 7919 % n], 1);
        }
        REQUIRE_EQUAL(out(), 0);
        bin_trim(&bin, &pool, class);
        REQUIRE_EQUAL(bin.nruns, 0);
        REQUIRE_EQUAL(count_read(&pool.pages_used), 0);
        REQUIRE(all_is_well());
    }
}

/* Four runs of 16 regions, with 1, 5, 9 and 13 free: taken in that order, the empty spare last. */
static void fullest_first(void)
{
    boot(2560);
    REQUIRE_EQUAL(regions, 16);
    fill(blocks, 6 * 16);
    flush(blocks + 5 * 16, 15); /* the current one: stays current, is used first */
    flush(blocks + 4 * 16, 16); /* becomes the spare */
    flush(blocks + 2 * 16, 13);
    flush(blocks + 0 * 16, 9);
    flush(blocks + 3 * 16, 1);
    flush(blocks + 1 * 16, 5);
    REQUIRE(bin.spare == run_of(blocks[64]));
    REQUIRE(all_is_well());
    void *again[60];
    fill(again, 15 + 1 + 5 + 9 + 13 + 16);
    static const struct {
        unsigned from, n;
    } order[] = {{80, 15}, {48, 1}, {16, 5}, {0, 9}, {32, 13}, {64, 16}};
    for (unsigned i = 0, at = 0; i < 6; i++) {
        for (unsigned j = 0; j < order[i].n; j++, at++) {
            REQUIRE(again[at] == blocks[order[i].from + j]);
        }
    }
    REQUIRE_EQUAL(bin.nruns, 6);
    REQUIRE(all_is_well());
}

static void one_empty_run_is_kept(void)
{
    boot(1024);
    fill(blocks, 4 * (unsigned)regions);
    size_t pages = size_classes[class].run_pages;
    REQUIRE_EQUAL(count_read(&pool.pages_used), 4 * pages);
    flush(blocks, (unsigned)regions);
    REQUIRE(bin.spare && bin.nruns == 4);
    flush(blocks + regions, (unsigned)regions);
    REQUIRE_EQUAL(bin.nruns, 3);
    REQUIRE_EQUAL(count_read(&pool.pages_used), 3 * pages);
    flush(blocks + 3 * regions, (unsigned)regions); /* the current one is no spare */
    REQUIRE_EQUAL(bin.nruns, 3);
    REQUIRE(all_is_well());
    bin_trim(&bin, &pool, class);
    REQUIRE(!bin.spare && !bin.current && bin.nruns == 1);
    REQUIRE_EQUAL(count_read(&pool.pages_used), pages);
    REQUIRE(all_is_well());
}

static void words_go_with_the_run(void)
{
    boot(1024);
    fill(blocks, 1);
    uintptr_t addr = (uintptr_t)blocks[0];
    flush(blocks, 1);
    REQUIRE(page_word(addr) != 0);
    bin_trim(&bin, &pool, class);
    for (unsigned i = 0; i < size_classes[class].run_pages; i++) {
        REQUIRE_EQUAL(page_word(addr + i * PAGE_SIZE), 0);
    }
}

static void part_twice_in_turn(void)
{
    flush(blocks + 5, 1);
    flush(blocks + 5, 1);
}

static void part_twice_in_a_batch(void)
{
    void *twice[] = {blocks[1], blocks[5], blocks[2], blocks[5]};
    flush(twice, 4);
}

static void part_twice_by_the_queue(void)
{
    flush_remote(blocks + 5, 1);
    flush(blocks + 5, 1);
    fill(blocks + 100, 1); /* empties the queue */
}

static void double_free_is_found_in_the_bits(void)
{
    char line[160];
    boot(64);
    fill(blocks, 20);
    snprintf(line, sizeof line, "ashlar: double free of %p (size class 64, arena 3, run %p)\n",
             blocks[5], (void *)run_addr(run_of(blocks[5])));
    REQUIRE_ABORTS(part_twice_in_turn, line);
    REQUIRE_ABORTS(part_twice_in_a_batch, line);
    REQUIRE_ABORTS(part_twice_by_the_queue, line);
}

static void queue_waits_for_the_next_fill(void)
{
    boot(64);
    fill(blocks, 64);
    flush_remote(blocks + 10, 3);
    flush_remote(blocks + 30, 1);
    REQUIRE_EQUAL(bin_remote_regions(&bin, &pool), 4);
    REQUIRE_EQUAL(out(), 64); /* still counted as out */
    REQUIRE(bin_region_is_out(run_of(blocks[10]), (uintptr_t)blocks[10]));
    REQUIRE(all_is_well());
    void *again[4];
    fill(again, 4);
    REQUIRE_EQUAL(bin_remote_regions(&bin, &pool), 0);
    REQUIRE(again[0] == blocks[10] && again[1] == blocks[11] && again[2] == blocks[12]);
    REQUIRE(again[3] == blocks[30]);
    REQUIRE_EQUAL(out(), 64);
    REQUIRE_EQUAL(bin.nruns, 1);
}

static void trim_empties_the_queue(void)
{
    boot(64);
    fill(blocks, 64);
    flush_remote(blocks, 64);
    bin_trim(&bin, &pool, class);
    REQUIRE_EQUAL(bin_remote_regions(&bin, &pool), 0);
    REQUIRE_EQUAL(bin.nruns, 0);
    REQUIRE(all_is_well());
}

/* Beyond a bound in bytes the freeing thread helps, if nobody is at work on the bin. */
static void queue_is_bounded(void)
{
    unsigned n = 0;
    boot(4096);
    fill(blocks, 300);
    do {
        flush_remote(blocks + n++, 1);
        REQUIRE(n * size <= (size_t)1 << 20 || bin_remote_regions(&bin, &pool) == 0);
    } while (bin_remote_regions(&bin, &pool) > 0);
    REQUIRE(n * size > (size_t)64 << 10); /* a batch alone is no reason */
    REQUIRE_EQUAL(out(), 300 - n);
    fill(blocks, n);
    for (unsigned i = 0; i + 1 < n; i++) { /* counts from the start again */
        flush_remote(blocks + i, 1);
    }
    REQUIRE_EQUAL(bin_remote_regions(&bin, &pool), n - 1);
    mutex_lock(&bin.lock);
    flush_remote(blocks + n - 1, 1); /* somebody is at work: the queue may grow */
    mutex_unlock(&bin.lock);
    REQUIRE_EQUAL(bin_remote_regions(&bin, &pool), n);
    flush_remote(blocks + n, 1);
    REQUIRE_EQUAL(bin_remote_regions(&bin, &pool), 0);
    REQUIRE(all_is_well());
}

static void memory_ends_in_the_middle_of_a_fill(void)
{
    boot(14336);
    use_up_the_reserve();
    faults.mmaps_left = 0;
    REQUIRE_EQUAL(bin_fill(&bin, &pool, class, blocks, 10), 0);
    REQUIRE(all_is_well());
    faults_none();
    fill(blocks, 1);
    faults.mmaps_left = 0;
    use_up_the_reserve();
    unsigned n = bin_fill(&bin, &pool, class, blocks + 1, 2000);
    REQUIRE_EQUAL(n + 1, USABLE_PAGES / 28 * 8); /* whole runs of one chunk */
    REQUIRE_EQUAL(out(), n + 1);
    REQUIRE_EQUAL(bin_fill(&bin, &pool, class, blocks + 1 + n, 1), 0);
    REQUIRE(all_is_well());
    flush(blocks + 1, n);
    fill(blocks + 1, n); /* all of it can be had again */
    REQUIRE(all_is_well());
}

static void random_work(unsigned steps, uint64_t seed)
{
    uint64_t state = seed;
    unsigned held = 0;
    for (unsigned step = 0; step < steps; step++) {
        unsigned n = (unsigned)(prng_next(&state) % 64 + 1);
        unsigned growth = step / 500 % 2 ? 600 : 400; /* it swells and shrinks */
        if (prng_next(&state) % 1000 < growth) {
            n = n < 4900 - held ? n : 0;
            fill(blocks + held, n);
            for (unsigned i = held; i < held + n; i++) {
                *(uint32_t *)blocks[i] = (uint32_t)(uintptr_t)blocks[i];
            }
            held += n;
        } else {
            n = n < held ? n : held;
            for (unsigned i = 0; i < n; i++) { /* any of them, to the end of the array */
                unsigned j = (unsigned)(prng_next(&state) % (held - i));
                void *block = blocks[j];
                REQUIRE_EQUAL(*(uint32_t *)block, (uint32_t)(uintptr_t)block);
                blocks[j] = blocks[held - i - 1];
                blocks[held - i - 1] = block;
            }
            held -= n;
            if (n && prng_next(&state) % 3 == 0) {
                flush_remote(blocks + held, n);
            } else {
                flush(blocks + held, n);
            }
        }
        REQUIRE_EQUAL(out(), held + bin_remote_regions(&bin, &pool));
        if (step % 64 == 0) {
            REQUIRE(all_is_well());
        }
        if (prng_next(&state) % 200 == 0) {
            bin_trim(&bin, &pool, class);
        }
    }
    flush(blocks, held);
    bin_trim(&bin, &pool, class);
    REQUIRE_EQUAL(out(), 0);
    REQUIRE_EQUAL(bin.nruns, 0);
}

static void random_work_keeps_the_invariants(void)
{
    boot(48);
    random_work(1500, 1);
    boot(1792);
    random_work(1500, 2);
}

static void part_random_offsets(void)
{
    boot(320);
    uint64_t sum = 0;
    for (unsigned round = 0; round < 5; round++) {
        random_work(300, round);
        fill(blocks, 1000);
        for (unsigned i = 0; i < 1000; i++) {
            uintptr_t addr = (uintptr_t)blocks[i];
            sum = sum * 31 + (chunk_of(addr)->serial << 32) + (addr & CHUNK_MASK);
        }
        flush(blocks, 1000);
    }
    dprintf(2, "%ju\n", (uintmax_t)sum);
}

static void same_work_same_offsets(void)
{
    unit_deterministic(part_random_offsets);
}

/* The queue is counted while its owner empties it and the program writes into the regions. */
static _Atomic bool over;

static void *count_the_queue(void *arg)
{
    while (!atomic_load(&over)) {
        REQUIRE(bin_remote_regions(&bin, &pool) <= 64);
    }
    return arg;
}

static void counting_beside_the_owner(void)
{
    pthread_t counter;
    boot(64);
    REQUIRE(pthread_create(&counter, NULL, count_the_queue, NULL) == 0);
    for (unsigned round = 0; round < 20000; round++) {
        void *mine[64];
        fill(mine, 64);
        for (unsigned i = 0; i < 64; i++) {
            memset(mine[i], 0xa5, 16);
        }
        flush_remote(mine, 64);
    }
    atomic_store(&over, true);
    pthread_join(counter, NULL);
    REQUIRE(all_is_well());
}

static void *into_the_stop_by_the_bin(void *arg)
{
    static void *lost[5000]; /* more than the chunk has */
    bin_fill(&bin, &pool, class, lost, 5000);
    return arg;
}

static void *into_the_stop_by_the_pool(void *arg)
{
    bool zeroed;
    pool_alloc(&pool, USABLE_PAGES, 1, &zeroed);
    return arg;
}

/* Old regions are good, and are not seen again once they are flushed. */
static void part_after_a_stranded_thread(void)
{
    void *fresh[100];
    REQUIRE(*(char *)blocks[0] == 'x');
    fill(fresh, 100);
    for (unsigned i = 0; i < 100; i++) {
        for (unsigned j = 0; j < 20; j++) {
            REQUIRE(fresh[i] != blocks[j]);
        }
        memset(fresh[i], 'y', size);
    }
    REQUIRE(all_is_well());
    flush(blocks, 10);
    flush_remote(blocks + 10, 10);
    fill(fresh, 100);
    for (unsigned i = 0; i < 100; i++) {
        for (unsigned j = 0; j < 20; j++) {
            REQUIRE(fresh[i] != blocks[j]);
        }
    }
    REQUIRE(all_is_well());
}

static void fork_in_the_middle_of(void *(*stop)(void *))
{
    process_boot(pages_map(PAGE_SIZE, PAGE_SIZE));
    boot(1024);
    fill(blocks, 20);
    memset(blocks[0], 'x', size);
    use_up_the_reserve();
    faults_strand(stop, NULL);
    REQUIRE_EQUAL(unit_child(part_after_a_stranded_thread).exit, 0);
}

static void fork_in_the_middle_of_a_fill(void)
{
    fork_in_the_middle_of(into_the_stop_by_the_bin);
}

/* The bin itself is whole, but the pool under its runs starts again. */
static void fork_in_the_middle_of_the_pool(void)
{
    fork_in_the_middle_of(into_the_stop_by_the_pool);
}

/* ---- controls --------------------------------------------------------------------------------- */

/* One full run, one with five free, and the current one. */
static struct run *part_full, *part_some;

static void build_parts(void)
{
    boot(2560);
    fill(blocks, 40);
    flush(blocks + 16, 5);
    part_full = run_of(blocks[0]);
    part_some = run_of(blocks[16]);
    REQUIRE(bin_check(&bin, &pool, class));
}

static void check_sees_n1(void)
{
    build_parts();
    part_some->nfree++;
    REQUIRE_REPORTS(bin_check(&bin, &pool, class), "N1: ");
    part_some->nfree--;
    REQUIRE(bin_check(&bin, &pool, class));
    atomic_fetch_or(&part_some->free_bits[0], UINT64_C(1) << 16); /* beyond its regions */
    REQUIRE_REPORTS(bin_check(&bin, &pool, class), "N1: ");
    atomic_fetch_and(&part_some->free_bits[0], ~(UINT64_C(1) << 16));
    atomic_fetch_or(&part_full->free_bits[3], 1);
    REQUIRE_REPORTS(bin_check(&bin, &pool, class), "N1: ");
}

static void check_sees_n2(void)
{
    build_parts();
    part_some->bucket++;
    REQUIRE_REPORTS(bin_check(&bin, &pool, class), "N2: ");
    part_some->bucket--;
    REQUIRE(bin_check(&bin, &pool, class));
    part_full->bucket = 0;
    REQUIRE_REPORTS(bin_check(&bin, &pool, class), "N2: ");
}

/* A run may say that it is in a bucket and not be there. */
static void check_sees_n2_by_the_lists(void)
{
    build_parts();
    list_remove(&part_some->link);
    REQUIRE_REPORTS(bin_check(&bin, &pool, class), "N2: ");
}

static void check_sees_n3(void)
{
    build_parts();
    count_add(&bin.regions_out, 1);
    REQUIRE_REPORTS(bin_check(&bin, &pool, class), "N3: ");
    count_add(&bin.regions_out, (size_t)-1);
    bin.nruns++;
    REQUIRE_REPORTS(bin_check(&bin, &pool, class), "N3: ");
    bin.nruns--;
    REQUIRE(bin_check(&bin, &pool, class));
}

static void check_sees_n4(void)
{
    build_parts();
    uintptr_t last = run_addr(part_some) + 9 * PAGE_SIZE;
    uint64_t word = page_word(last);
    page_word_set(last, word + (UINT64_C(1) << 40));
    REQUIRE_REPORTS(bin_check(&bin, &pool, class), "N4: ");
    page_word_set(last, word);
    REQUIRE(bin_check(&bin, &pool, class));
}

static struct bin_figures figures(void)
{
    struct bin_figures f;
    bin_figures(&bin, &pool, class, &f);
    return f;
}

static void figures_are_exact(void)
{
    boot(64); /* 64 regions a run */
    struct bin_figures f = figures();
    REQUIRE_EQUAL(f.nmalloc + f.nfills + f.nflushes + f.nruns_made + f.regions + f.runs, 0);
    fill(blocks, 100);
    fill(blocks + 100, 28); /* two runs, both full */
    f = figures();
    REQUIRE_EQUAL(f.nmalloc, 128);
    REQUIRE_EQUAL(f.nfills, 2);
    REQUIRE_EQUAL(f.regions, 128);
    REQUIRE_EQUAL(f.runs, 2);
    REQUIRE_EQUAL(f.nruns_made, 2);
    REQUIRE_EQUAL(f.runs_nonfull, 0);
    flush(blocks, 10);
    flush_remote(blocks + 10, 5); /* they wait in the queue, given back */
    f = figures();
    REQUIRE_EQUAL(f.nflushes, 1);
    REQUIRE_EQUAL(f.regions, 113);
    REQUIRE_EQUAL(f.runs_nonfull, 1);
    REQUIRE_EQUAL(f.nreruns, 0);
    fill(blocks, 15);
    f = figures();
    REQUIRE_EQUAL(f.nmalloc, 143);
    REQUIRE_EQUAL(f.regions, 128);
    REQUIRE_EQUAL(f.nreruns, 1);
    flush(blocks, 128);
    bin_trim(&bin, &pool, class);
    f = figures();
    REQUIRE_EQUAL(f.regions + f.runs, 0);
    REQUIRE_EQUAL(f.nruns_made, 2);
    REQUIRE(all_is_well());
}

static void *fill_one(void *arg)
{
    fill(arg, 1);
    return NULL;
}

static void owners_are_counted(void)
{
    pthread_t thread;
    boot(64);
    fill(blocks, 1);
    fill(blocks + 1, 1);
    struct bin_figures f = figures();
    REQUIRE_EQUAL(f.lock_ops, 3); /* with the look itself */
    REQUIRE_EQUAL(f.lock_switches, 1);
    REQUIRE(pthread_create(&thread, NULL, fill_one, blocks + 2) == 0);
    pthread_join(thread, NULL);
    f = figures();
    REQUIRE_EQUAL(f.lock_ops, 5);
    REQUIRE_EQUAL(f.lock_switches, 3);
    REQUIRE_EQUAL(f.lock_spun + f.lock_slept + f.lock_ns, 0);
    bin_forget_waits(&bin, &pool);
    f = figures();
    REQUIRE_EQUAL(f.lock_ops, 1);
    REQUIRE_EQUAL(f.lock_switches, 0);
}

/* No free of a thread gets past the words of a pool apart; everything else is as elsewhere. */
static void runs_of_a_pool_apart(void)
{
    boot(48);
    pool.apart = true;
    fill(blocks, 300);
    for (unsigned i = 0; i < 300; i++) {
        uint64_t word = page_word((uintptr_t)blocks[i]);
        REQUIRE_EQUAL(page_word_bin_offset(word), 0);
        REQUIRE_EQUAL(page_word_state(word), PAGE_SMALL);
        REQUIRE_EQUAL(page_word_class(word), class);
    }
    REQUIRE(all_is_well());
    flush(blocks, 100);
    flush_remote(blocks + 100, 200);
    bin_trim(&bin, &pool, class);
    REQUIRE_EQUAL(out(), 0);
    REQUIRE(all_is_well());
    fill(blocks, 1);
    page_word_set((uintptr_t)blocks[0], page_word_make((uintptr_t)blocks[0], PAGE_SMALL, class));
    REQUIRE_REPORTS(bin_check(&bin, &pool, class), "N4: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(fills_in_address_order),
        UNIT(refills_the_lowest_first),
        UNIT(every_class_hands_out_its_run),
        UNIT(fullest_first),
        UNIT(one_empty_run_is_kept),
        UNIT(words_go_with_the_run),
        UNIT(double_free_is_found_in_the_bits),
        UNIT(queue_waits_for_the_next_fill),
        UNIT(trim_empties_the_queue),
        UNIT(queue_is_bounded),
        UNIT(memory_ends_in_the_middle_of_a_fill),
        UNIT(random_work_keeps_the_invariants),
        UNIT(same_work_same_offsets),
        UNIT(counting_beside_the_owner),
        UNIT(fork_in_the_middle_of_a_fill),
        UNIT(fork_in_the_middle_of_the_pool),
        UNIT(figures_are_exact),
        UNIT(owners_are_counted),
        UNIT(check_sees_n1),
        UNIT(check_sees_n2),
        UNIT(check_sees_n2_by_the_lists),
        UNIT(check_sees_n3),
        UNIT(check_sees_n4),
        UNIT(runs_of_a_pool_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
