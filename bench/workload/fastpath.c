/* fastpath.c: the price of one malloc and one free.
 *
 *     malloc(s) -> store one byte -> free        the same block, over and over
 *
 * Every cache between the program and the heap is hot, so this is the least that a pair can cost.
 */
#include "core/worker.h"

enum { OPTION_SIZE };

static const struct option options[] = {
    [OPTION_SIZE] = {"size", OPTION_BYTES, "64", 1, UINT64_C(1) << 30, NULL, false,
                     "bytes of the block"},
    {0},
};

/* glibc serves blocks of up to 1032 bytes from its thread cache, larger ones four times slower. */
static uint64_t default_ops(const struct run *run)
{
    const uint64_t size = run->values[OPTION_SIZE].lo;
    return size <= 1032 ? 32000000 : size <= 65536 ? 10000000 : 100000;
}

static void setup(struct run *run)
{
    (void)run;
}

static void work(struct worker *worker)
{
    const size_t size = worker->run->values[OPTION_SIZE].lo;
    /* One block is live at any time, so it is counted once: counting in the loop would cost a
     * third of the pair. */
    live_add(&worker->live, size);
    for (uint64_t left = worker->ops; left > 0; left--) {
        void *block = block_make(worker, size);
        block_drop(worker, block, size);
    }
    live_sub(&worker->live, size);
}

const struct workload workload_fastpath = {
    .name = "fastpath",
    .imitates = "the shortest life of a block: malloc, one store, free, again and again",
    .source = "the inner loop of linux-scalability (Lever and Boreham 2000), on one thread",
    .blind_to = "search, splitting, memory over time: the allocator holds one block at a time",
    .options = options,
    .presets =
        (const struct preset[]){
            {"hoard",
             "README of the benchmarks of Hoard: linux-scalability 8 10000000 P, "
             "for one thread",
             "--size 8 --ops 10000000 --touch none"},
            {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--size 16", "--size 64", "--size 256", "--size 1024",
                                   "--size 2048", "--size 16384", "--size 65536", NULL},
    .threads_default = 1,
    .threads_step = 1,
    .touch_default = TOUCH_FIRST,
    .default_ops = default_ops,
    .setup = setup,
    .work = work,
};
