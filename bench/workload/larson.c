/* larson.c: a server whose worker threads come and go, while their blocks stay.
 *
 *     main          fills T arrays of B slots, shuffled
 *     generation 0  thread a0 replaces random slots of array 0, thread a1 of array 1, ...
 *     generation 1  fresh threads inherit the arrays: their first frees are of blocks that threads
 *                   which no longer exist have allocated
 *     ...
 *     main          frees what is left
 *
 * The metric is the sum of the generations' timed parts. Thread creation, exit and joining are
 * outside; what an allocator does on a thread's first malloc is inside.
 */
#include "core/worker.h"

enum { OPTION_SIZE, OPTION_SLOTS, OPTION_GENERATIONS, OPTION_ROUNDS, OPTION_SIZED };

static const struct option options[] = {
    [OPTION_SIZE] = {"size", OPTION_RANGE, "8..1000", 1, UINT64_C(1) << 31, NULL, false,
                     "bytes of a block, uniform"},
    [OPTION_SLOTS] = {"slots", OPTION_COUNT, "1000", 1, 1 << 24, NULL, false,
                      "blocks that a worker holds"},
    [OPTION_GENERATIONS] = {"generations", OPTION_COUNT, "20", 1, 100000, NULL, false,
                            "times that fresh threads take over"},
    [OPTION_ROUNDS] = {"rounds", OPTION_COUNT, "500", 1, 1000000, NULL, true,
                       "replacements a slot and generation, when --ops is not given"},
    [OPTION_SIZED] = {"sized", OPTION_FLAG, NULL, 0, 1, NULL, false, "free by free_sized"},
    {0},
};

static uint64_t default_ops(const struct run *run)
{
    const struct value *values = run->values;
    return run->nthreads * values[OPTION_GENERATIONS].lo * values[OPTION_ROUNDS].lo *
           values[OPTION_SLOTS].lo;
}

static unsigned generations(const struct run *run)
{
    return (unsigned)run->values[OPTION_GENERATIONS].lo;
}

static void validate(const struct run *run)
{
    struct heap heap = run->null ? heap_null : heap_system;
    if (run->values[OPTION_SIZED].lo && !heap_add_sized(&heap)) {
        die(EXIT_USAGE,
            "larson: --sized needs free_sized, which no loaded library exports; preload "
            "an allocator that has it, or drop --sized");
    }
}

static void shuffle(struct prng *prng, struct slot *slots, uint64_t count)
{
    for (uint64_t left = count; left > 1; left--) {
        const uint64_t pick = prng_uniform(prng, 0, left);
        const struct slot kept = slots[left - 1];
        slots[left - 1] = slots[pick];
        slots[pick] = kept;
    }
}

static void setup(struct run *run)
{
    const uint64_t nslots = run->values[OPTION_SLOTS].lo;
    const struct value size = run->values[OPTION_SIZE];
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct worker *worker = &run->workers[i];
        struct slot *slots = book_alloc(nslots * sizeof *slots);
        for (uint64_t k = 0; k < nslots; k++) {
            slots[k].size_bytes = prng_uniform(&worker->prng, size.lo, size.hi);
            slots[k].block = block_new(run->host, slots[k].size_bytes);
        }
        shuffle(&worker->prng, slots, nslots);
        worker->own = slots;
        if (run->values[OPTION_SIZED].lo) {
            (void)heap_add_sized(&worker->heap); /* validate() has seen that it is there */
        }
    }
}

static inline void replace(struct worker *worker, struct slot *slot, size_t size_bytes, bool sized)
{
    if (sized) {
        block_end_sized(worker, slot->block, slot->size_bytes);
    } else {
        block_end(worker, slot->block, slot->size_bytes);
    }
    *slot = (struct slot){block_new(worker, size_bytes), size_bytes};
}

static void work(struct worker *worker)
{
    const struct value *values = worker->run->values;
    const uint32_t nslots = (uint32_t)values[OPTION_SLOTS].lo;
    const uint32_t smallest = (uint32_t)values[OPTION_SIZE].lo;
    const uint32_t nsizes = (uint32_t)(values[OPTION_SIZE].hi - values[OPTION_SIZE].lo);
    const bool sized = values[OPTION_SIZED].lo;
    struct slot *slots = worker->own;
    struct prng prng = worker->prng;
    const uint64_t steps = share(worker->ops, values[OPTION_GENERATIONS].lo, worker->generation);
    for (uint64_t left = steps; left > 0; left--) {
        /* One draw gives the slot by its upper half and the size by its lower half. */
        const uint64_t bits = prng_next(&prng);
        struct slot *slot = &slots[scale_bits((uint32_t)(bits >> 32), nslots)];
        replace(worker, slot, smallest + scale_bits((uint32_t)bits, nsizes), sized);
    }
    worker->prng = prng;
}

static void drain(struct run *run)
{
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct slot *slots = run->workers[i].own;
        for (uint64_t k = 0; k < run->values[OPTION_SLOTS].lo; k++) {
            block_end(run->host, slots[k].block, slots[k].size_bytes);
        }
    }
    run_counter(run, "generations", generations(run));
}

const struct workload workload_larson = {
    .name = "larson",
    .imitates = "a long-running server: short-lived threads that inherit the blocks of dead ones",
    .source = "Larson and Krishnan, Memory Allocation for Long-Running Server Applications, 1998",
    .blind_to =
        "blocks freed while their maker still runs, and the cost of a thread's start or exit",
    .options = options,
    .presets =
        (const struct preset[]){
            {"mimalloc-bench", "bench.sh of mimalloc-bench: larson 5 8 1000 5000 100 4141 P",
             "--size 8..1000 --slots 5000 --rounds 100 --seed 4141"},
            {"hoard", "README of the benchmarks of Hoard: larson 10 7 8 1000 10000 1 P",
             "--size 7..8 --slots 1000 --rounds 10000 --seed 1 --generations 2"},
            {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--threads 1", "--threads 2", "--threads 4", NULL},
    .threads_default = 2,
    .threads_step = 1,
    .touch_default = TOUCH_ENDS,
    .fresh_threads = true,
    .default_ops = default_ops,
    .generations = generations,
    .validate = validate,
    .setup = setup,
    .work = work,
    .drain = drain,
};
