/* cache_line.c: the loop of cache-thrash and cache-scratch, and the false-sharing index. See
 * cache_line.h.
 */
#include "cache_line.h"

#define LINE_BYTES 64

/* Blocks a worker whose address is kept. An allocator hands out the same few again and again, so
 * the first ones tell; more would show in the peak of resident memory. */
#define RECORDS_MAX UINT64_C(4096)

const struct option cache_options[] = {
    [CACHE_OPTION_SIZE] = {"size", OPTION_BYTES, "8", 1, 4096, NULL, false, "bytes of a block"},
    [CACHE_OPTION_PASSES] = {"passes", OPTION_COUNT, "400", 1, 100000000, NULL, false,
                             "times that a block is read and written, divided by --threads"},
    [CACHE_OPTION_ITERATIONS] = {"iterations", OPTION_COUNT, "400000", 1, 100000000, NULL, true,
                                 "blocks a worker, when --ops is not given"},
    {0},
};

const struct preset cache_presets[] = {
    {"mimalloc-bench", "bench.sh of mimalloc-bench: P 1000 1 2000000 P",
     "--iterations 1000 --size 1 --passes 2000000"},
    {"hoard", "README of the benchmarks of Hoard: P 100 8 1000000",
     "--iterations 100 --size 8 --passes 1000000"},
    {0}};

/* The book of one worker. */
struct cache_book {
    void *handed;       /* a block of main's to free first, or NULL */
    uintptr_t *records; /* addresses of the first RECORDS_MAX blocks */
};

/* A line and who has had a block in it. */
struct line {
    uintptr_t number; /* address / LINE_BYTES; 0 when empty */
    unsigned worker;  /* the first */
    bool shared;      /* another one too */
};

/* Lines by number, linear probing. */
struct lines {
    struct line *table;
    size_t mask; /* places - 1; at least half of the places stay empty */
};

uint64_t cache_default_ops(const struct run *run)
{
    return run->nthreads * run->values[CACHE_OPTION_ITERATIONS].lo;
}

void cache_validate(const struct run *run)
{
    const uint64_t passes = run->values[CACHE_OPTION_PASSES].lo;
    if (passes < run->nthreads) {
        die(EXIT_USAGE, "%s: --passes %llu leaves none for each of %u threads; give %u or more",
            run->workload->name, (unsigned long long)passes, run->nthreads, run->nthreads);
    }
}

static uintptr_t first_line(uintptr_t block)
{
    return block / LINE_BYTES;
}

static uintptr_t last_line(uintptr_t block, size_t size_bytes)
{
    return (block + size_bytes - 1) / LINE_BYTES;
}

bool cache_neighbours(const void *one, const void *other, size_t size_bytes)
{
    const uintptr_t a = (uintptr_t)one, b = (uintptr_t)other;
    return first_line(a) <= last_line(b, size_bytes) && first_line(b) <= last_line(a, size_bytes);
}

void cache_setup(struct run *run, void **handed)
{
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct cache_book *book = book_alloc(sizeof *book);
        book->handed = handed == NULL ? NULL : handed[i];
        book->records = book_alloc(RECORDS_MAX * sizeof *book->records);
        run->workers[i].own = book;
    }
}

/* Reads each byte and stores it back, so that a stamp survives. */
static inline void rewrite(volatile char *block, size_t size_bytes, uint64_t passes)
{
    for (; passes > 0; passes--) {
        for (size_t i = 0; i < size_bytes; i++) {
            block[i] = block[i];
        }
    }
}

void cache_work(struct worker *worker)
{
    const struct cache_book *book = worker->own;
    const size_t size = worker->run->values[CACHE_OPTION_SIZE].lo;
    const uint64_t passes = worker->run->values[CACHE_OPTION_PASSES].lo / worker->run->nthreads;
    if (book->handed != NULL) {
        block_end(worker, book->handed, size);
    }
    live_add(&worker->live, size); /* one block is live at any time, so it is counted once */
    for (uint64_t i = 0; i < worker->ops; i++) {
        char *block = block_make(worker, size);
        if (i < RECORDS_MAX) {
            book->records[i] = (uintptr_t)block;
        }
        rewrite(block, size, passes);
        block_drop(worker, block, size);
    }
    live_sub(&worker->live, size);
}

static uint64_t records_of(const struct worker *worker)
{
    return worker->ops < RECORDS_MAX ? worker->ops : RECORDS_MAX;
}

/* The place of a line, which is empty where nobody has had a block in it. */
static struct line *line_find(const struct lines *lines, uintptr_t number)
{
    uint64_t hash = number;
    size_t at = splitmix64(&hash) & lines->mask;
    while (lines->table[at].number != 0 && lines->table[at].number != number) {
        at = (at + 1) & lines->mask;
    }
    return &lines->table[at];
}

static void lines_add(const struct lines *lines, uintptr_t block, size_t size, unsigned worker)
{
    for (uintptr_t number = first_line(block); number <= last_line(block, size); number++) {
        struct line *line = line_find(lines, number);
        if (line->number == 0) {
            *line = (struct line){number, worker, false};
        } else if (line->worker != worker) {
            line->shared = true;
        }
    }
}

static bool block_shares(const struct lines *lines, uintptr_t block, size_t size)
{
    for (uintptr_t number = first_line(block); number <= last_line(block, size); number++) {
        if (line_find(lines, number)->shared) {
            return true;
        }
    }
    return false;
}

static struct lines lines_create(const struct run *run, size_t size)
{
    uint64_t most = 0;
    for (unsigned i = 0; i < run->nthreads; i++) {
        most += records_of(&run->workers[i]) * (size / LINE_BYTES + 2);
    }
    size_t places = 2;
    while (places < 2 * most) {
        places *= 2;
    }
    return (struct lines){book_reserve(places * sizeof(struct line)), places - 1};
}

void cache_drain(struct run *run)
{
    const size_t size = run->values[CACHE_OPTION_SIZE].lo;
    const struct lines lines = lines_create(run, size);
    uint64_t recorded = 0, sharing = 0;
    for (unsigned i = 0; i < run->nthreads; i++) {
        const struct cache_book *book = run->workers[i].own;
        for (uint64_t k = 0; k < records_of(&run->workers[i]); k++) {
            lines_add(&lines, book->records[k], size, i);
        }
    }
    for (unsigned i = 0; i < run->nthreads; i++) {
        const struct cache_book *book = run->workers[i].own;
        recorded += records_of(&run->workers[i]);
        for (uint64_t k = 0; k < records_of(&run->workers[i]); k++) {
            sharing += block_shares(&lines, book->records[k], size);
        }
    }
    run_counter(run, "blocks_recorded", recorded);
    run_counter(run, "blocks_sharing", sharing);
}
