/* malloc_large.c: a few big buffers, each replaced at random.
 *
 *     slot 0  |=========|          5 .. 25 MiB each
 *     slot 1  |===|                pick one, free it, allocate another, store a byte in each page
 *     ...
 *
 * Shows whether a big block costs a pair of system calls and a page fault for every page, or is
 * kept. `--slots 1 --size 800k` is the plain pair of large blocks.
 */
#include "core/worker.h"

enum { OPTION_SIZE, OPTION_SLOTS };

static const struct option options[] = {
    [OPTION_SIZE] = {"size", OPTION_RANGE, "5m..25m", 1, UINT64_C(1) << 32, NULL, false,
                     "bytes of a block, uniform"},
    [OPTION_SLOTS] = {"slots", OPTION_COUNT, "10", 1, 4096, NULL, false,
                      "blocks that a worker holds"},
    {0},
};

static uint64_t default_ops(const struct run *run)
{
    (void)run;
    return 200;
}

static void setup(struct run *run)
{
    for (unsigned i = 0; i < run->nthreads; i++) {
        run->workers[i].own = book_alloc(run->values[OPTION_SLOTS].lo * sizeof(struct slot));
    }
}

static void clear_slot(struct worker *worker, struct slot *slot)
{
    if (slot->block != NULL) {
        block_end(worker, slot->block, slot->size_bytes);
        slot->block = NULL;
    }
}

static void work(struct worker *worker)
{
    const struct value size = worker->run->values[OPTION_SIZE];
    const uint64_t nslots = worker->run->values[OPTION_SLOTS].lo;
    struct slot *slots = worker->own;
    for (uint64_t left = worker->ops; left > 0; left--) {
        struct slot *slot = &slots[prng_uniform(&worker->prng, 0, nslots)];
        clear_slot(worker, slot);
        slot->size_bytes = prng_uniform(&worker->prng, size.lo, size.hi);
        slot->block = block_new(worker, slot->size_bytes);
    }
}

static void drain(struct run *run)
{
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct slot *slots = run->workers[i].own;
        for (uint64_t k = 0; k < run->values[OPTION_SLOTS].lo; k++) {
            clear_slot(run->host, &slots[k]);
        }
    }
}

const struct workload workload_malloc_large = {
    .name = "malloc-large",
    .imitates =
        "a program with a few big buffers of changing size: images, matrices, file contents",
    .source = "malloc-large of mimalloc-bench, given there by Leonid Stolyarov",
    .blind_to = "small blocks; most of its time is the kernel's page faults, so it drifts",
    .options = options,
    .presets =
        (const struct preset[]){
            {"mimalloc-bench",
             "malloc-large.cpp: 20 buffers of 5 to 25 MiB, all zeroed, 2000 times; "
             "up to 500 MiB live",
             "--size 5m..25m --slots 20 --ops 2000 --touch full --seed 42"},
            {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"", "--slots 1 --size 800k --ops 200000", NULL},
    .threads_default = 1,
    .threads_step = 1,
    .touch_default = TOUCH_PAGE,
    .default_ops = default_ops,
    .setup = setup,
    .work = work,
    .drain = drain,
};
