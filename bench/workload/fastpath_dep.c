/* fastpath_dep.c: the latency of one malloc and one free, where fastpath shows their throughput.
 *
 *     s -> malloc(s) -> p -> s' = ((s | p & 15) & 511) + 16 -> malloc(s') -> ...
 *
 * The size of each block is computed from the address of the one before, so the processor cannot
 * begin a pair while the last one is under way, as it does in fastpath. The address adds nothing to
 * the sum: of its low four bits, which an allocator must leave zero for blocks of 16 bytes or more.
 * The sizes are 16, 32, ... 512 in turn under every allocator, but the processor cannot know.
 */
#include "core/worker.h"

#define SIZE_STEP ((size_t)16)
#define SIZE_LIMIT ((size_t)512)

static const struct option options[] = {{0}};

static uint64_t default_ops(const struct run *run)
{
    (void)run;
    return 32000000;
}

static void setup(struct run *run)
{
    (void)run;
}

static inline size_t next_size(size_t size_bytes, const void *block)
{
    return ((size_bytes | ((uintptr_t)block & (SIZE_STEP - 1))) & (SIZE_LIMIT - 1)) + SIZE_STEP;
}

static void work(struct worker *worker)
{
    size_t size = SIZE_STEP * (1 + prng_uniform(&worker->prng, 0, SIZE_LIMIT / SIZE_STEP));
    size_t largest = 0;
    for (uint64_t left = worker->ops; left > 0; left--) {
        void *block = block_make(worker, size);
        const size_t next = next_size(size, block);
        block_drop(worker, block, size);
        largest = size > largest ? size : largest;
        size = next;
    }
    /* One block is live at any time, so the largest was the peak. */
    live_add(&worker->live, largest);
    live_sub(&worker->live, largest);
}

const struct workload workload_fastpath_dep = {
    .name = "fastpath-dep",
    .imitates = "code that waits for its block: each size depends on the address of the last block",
    .source = "our own; fastpath with the pairs chained to each other",
    .blind_to = "search, splitting, memory over time: the allocator holds one block at a time",
    .options = options,
    .presets = (const struct preset[]){{0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"", NULL},
    .threads_default = 1,
    .threads_step = 1,
    .touch_default = TOUCH_FIRST,
    .default_ops = default_ops,
    .setup = setup,
    .work = work,
};
