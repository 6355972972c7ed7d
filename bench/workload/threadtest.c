/* threadtest.c: every thread fills an array of its own with blocks and frees them in order.
 *
 *     thread 0   a0 a1 a2 ... a(M/T - 1)   then free a0, a1, ...       M blocks in all at a time
 *     thread 1   b0 b1 b2 ... b(M/T - 1)   then free b0, b1, ...       100 rounds
 *
 * Nothing is shared, so T threads should be T times as fast as one: what is lost is the
 * allocator's own sharing. Each malloc and each free may be followed by `work` turns of an empty
 * loop, the program's own share of the time.
 */
#include "core/worker.h"

enum { OPTION_SIZE, OPTION_OBJECTS, OPTION_ROUNDS, OPTION_WORK };

static const struct option options[] = {
    [OPTION_SIZE] = {"size", OPTION_BYTES, "8", 1, 1 << 20, NULL, false, "bytes of a block"},
    [OPTION_OBJECTS] = {"objects", OPTION_COUNT, "100000", THREADS_MAX, 1 << 24, NULL, false,
                        "blocks held at once, by all workers together"},
    [OPTION_ROUNDS] = {"rounds", OPTION_COUNT, "300", 1, 1000000, NULL, true,
                       "times that the arrays are filled, when --ops is not given"},
    [OPTION_WORK] = {"work", OPTION_COUNT, "0", 0, 1000000, NULL, false,
                     "turns of an empty loop after each malloc and each free"},
    {0},
};

static uint64_t default_ops(const struct run *run)
{
    return run->values[OPTION_ROUNDS].lo * run->values[OPTION_OBJECTS].lo;
}

static uint64_t array_len(const struct worker *worker)
{
    return share(worker->run->values[OPTION_OBJECTS].lo, worker->run->nthreads, worker->index);
}

static void setup(struct run *run)
{
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct worker *worker = &run->workers[i];
        worker->own = book_alloc(array_len(worker) * sizeof(void *));
    }
}

static inline void idle_turns(uint64_t turns)
{
    for (; turns > 0; turns--) {
        __asm__ volatile(""); /* or the compiler drops the loop */
    }
}

static void work(struct worker *worker)
{
    const size_t size = worker->run->values[OPTION_SIZE].lo;
    const uint64_t turns = worker->run->values[OPTION_WORK].lo;
    const uint64_t len = array_len(worker);
    void **blocks = worker->own;
    for (uint64_t left = worker->ops; left > 0;) {
        const uint64_t count = left < len ? left : len;
        for (uint64_t i = 0; i < count; i++) {
            blocks[i] = block_new(worker, size);
            idle_turns(turns);
        }
        for (uint64_t i = 0; i < count; i++) {
            block_end(worker, blocks[i], size);
            idle_turns(turns);
        }
        left -= count;
    }
}

const struct workload workload_threadtest = {
    .name = "threadtest",
    .imitates = "threads that share nothing: each fills an array with blocks and frees them",
    .source = "Berger, McKinley, Blumofe and Wilson, Hoard: A Scalable Memory Allocator for "
              "Multithreaded Applications, 2000",
    .blind_to = "blocks of several sizes, frees in another order or by another thread",
    .options = options,
    .presets =
        (const struct preset[]){{"hoard",
                                 "README of the benchmarks of Hoard: threadtest P 1000 10000 0 8",
                                 "--size 8 --objects 10000 --rounds 1000 --work 0 --touch full"},
                                {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--threads 1", "--threads 2", "--threads 2 --size 64", NULL},
    .threads_default = 2,
    .threads_step = 1,
    .touch_default = TOUCH_ENDS,
    .default_ops = default_ops,
    .setup = setup,
    .work = work,
};
