/* linux_scalability.c: the bare pair of malloc and free on several threads at once.
 *
 *     plain      every thread: malloc(512), free, malloc(512), free, ...      one block a thread
 *     --keep     every thread: malloc(512), malloc(512), ...  then free all   every block at once
 *
 * The plain loop shows whether threads hinder each other where they share nothing at all. With
 * --keep no block is used twice, so each comes from the part of the allocator behind its caches,
 * and from the kernel.
 */
#include "core/worker.h"

enum { OPTION_SIZE, OPTION_KEEP };

static const struct option options[] = {
    [OPTION_SIZE] = {"size", OPTION_BYTES, "512", 1, UINT64_C(1) << 30, NULL, false,
                     "bytes of a block"},
    [OPTION_KEEP] = {"keep", OPTION_FLAG, NULL, 0, 1, NULL, false,
                     "free nothing before the last block is allocated"},
    {0},
};

/* All blocks that --keep holds, in bytes: some way below 256 MiB, the most that a default takes. */
#define KEEP_BYTES (UINT64_C(200) << 20)
#define KEEP_BLOCKS_MAX UINT64_C(4000000)

/* glibc serves blocks of up to 1032 bytes from its thread cache. */
static uint64_t default_ops(const struct run *run)
{
    const uint64_t size = run->values[OPTION_SIZE].lo;
    if (run->values[OPTION_KEEP].lo) {
        const uint64_t fit = KEEP_BYTES / size;
        return fit < 1 ? 1 : fit > KEEP_BLOCKS_MAX ? KEEP_BLOCKS_MAX : fit;
    }
    return size <= 1032 ? 50000000 : size <= 65536 ? 10000000 : 100000;
}

static void setup(struct run *run)
{
    for (unsigned i = 0; i < run->nthreads && run->values[OPTION_KEEP].lo; i++) {
        struct worker *worker = &run->workers[i];
        worker->own = book_alloc(worker->ops * sizeof(void *));
    }
}

static void work_pairs(struct worker *worker, size_t size)
{
    /* One block is live at any time, so it is counted once: counting in the loop would cost a
     * third of the pair. */
    live_add(&worker->live, size);
    for (uint64_t left = worker->ops; left > 0; left--) {
        void *block = block_make(worker, size);
        block_drop(worker, block, size);
    }
    live_sub(&worker->live, size);
}

static void work_keep(struct worker *worker, size_t size)
{
    void **blocks = worker->own;
    for (uint64_t i = 0; i < worker->ops; i++) {
        blocks[i] = block_new(worker, size);
    }
    for (uint64_t i = 0; i < worker->ops; i++) {
        block_end(worker, blocks[i], size);
    }
}

static void work(struct worker *worker)
{
    const size_t size = worker->run->values[OPTION_SIZE].lo;
    if (worker->run->values[OPTION_KEEP].lo) {
        work_keep(worker, size);
    } else {
        work_pairs(worker, size);
    }
}

const struct workload workload_linux_scalability = {
    .name = "linux-scalability",
    .imitates = "threads that do nothing but malloc and free one block, all at once",
    .source = "Lever and Boreham, malloc() Performance in a Multithreaded Linux Environment, 2000",
    .blind_to = "anything but the shortest path, and with --keep mostly the kernel's page faults",
    .options = options,
    .presets =
        (const struct preset[]){
            {"hoard", "README of the benchmarks of Hoard: linux-scalability 8 10000000 P",
             "--size 8 --ops 10000000 --touch none"},
            {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--threads 1", "--threads 2", "--threads 2 --keep", NULL},
    .threads_default = 2,
    .threads_step = 1,
    .touch_default = TOUCH_FIRST,
    .default_ops = default_ops,
    .setup = setup,
    .work = work,
};
