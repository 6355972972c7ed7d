/* cache_scratch.c: passive false sharing: does a block that a thread frees come back to it, in a
 * line that it shares with the neighbours of that block?
 *
 *     main       . | a | b | . .       a row of blocks; T of them are handed on
 *     thread 0       free a, then the loop of cache-thrash      whose blocks may again be a and b
 *     thread 1           free b, then the same
 *
 * A row has a few blocks more than threads, so that the first block to be handed on can be one that
 * has a line in common with the next. Otherwise the heap's alignment, and not the allocator, would
 * decide what two threads show.
 */
#include "cache_line.h"

/* Where neighbours can have a line in common at all, one of so many pairs in a row has. */
#define ROW_SPARE 4

/* What main allocates. */
struct row {
    void **blocks; /* nthreads + ROW_SPARE of them */
    size_t start;  /* the first that is handed on */
};

static size_t block_bytes(const struct run *run)
{
    return run->values[CACHE_OPTION_SIZE].lo;
}

/* The first block that shares a line with the next one; 0 where none of the spare ones does. */
static size_t find_start(void **blocks, size_t size)
{
    for (size_t i = 0; i < ROW_SPARE; i++) {
        if (cache_neighbours(blocks[i], blocks[i + 1], size)) {
            return i;
        }
    }
    return 0;
}

static void setup(struct run *run)
{
    struct row *row = book_alloc(sizeof *row);
    row->blocks = book_alloc((run->nthreads + ROW_SPARE) * sizeof *row->blocks);
    for (size_t i = 0; i < run->nthreads + ROW_SPARE; i++) {
        row->blocks[i] = block_new(run->host, block_bytes(run));
    }
    row->start = find_start(row->blocks, block_bytes(run));
    run->shared = row;
    cache_setup(run, row->blocks + row->start);
}

static void drain(struct run *run)
{
    const struct row *row = run->shared;
    for (size_t i = 0; i < run->nthreads + ROW_SPARE; i++) {
        if (i < row->start || i >= row->start + run->nthreads) {
            block_end(run->host, row->blocks[i], block_bytes(run));
        }
    }
    cache_drain(run);
}

const struct workload workload_cache_scratch = {
    .name = "cache-scratch",
    .imitates = "threads that are handed neighbouring blocks, free them and go on with their own",
    .source = "passive-false in Berger, McKinley, Blumofe and Wilson, Hoard, 2000",
    .blind_to = "the allocator's speed: nearly all of the time is the writing",
    .options = cache_options,
    .presets = cache_presets,
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--threads 1", "--threads 2",
                                   "--threads 2 --size 48 --ops 120000", NULL},
    .threads_default = 2,
    .threads_step = 1,
    .touch_default = TOUCH_NONE,
    .default_ops = cache_default_ops,
    .validate = cache_validate,
    .setup = setup,
    .work = cache_work,
    .drain = drain,
};
