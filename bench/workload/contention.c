/* contention.c: all threads replace the blocks of one shared array.
 *
 *     cells     | a | b | c | d | ...                      all full before the timed part
 *     thread    new --exchange--> cell i, frees what was there; i + 1; round and round
 *
 * Every thread starts at the first cell, so they chase each other, and what one puts down another
 * picks up soon after. Who frees a block is the scheduler's choice; the sizes are not.
 */
#include "core/worker.h"

#include "core/packed.h"

enum { OPTION_SIZE, OPTION_SLOTS, OPTION_SWAPS };

static const struct option options[] = {
    [OPTION_SIZE] = {"size", OPTION_RANGE, "16..1040", 1, PACKED_CODE_MAX, NULL, false,
                     "bytes of a block, uniform"},
    [OPTION_SLOTS] = {"slots", OPTION_COUNT, "65536", 1, 1 << 24, NULL, false, "shared cells"},
    [OPTION_SWAPS] = {"swaps", OPTION_COUNT, "1048576", 1, UINT64_C(1) << 32, NULL, true,
                      "exchanges of each thread, when --ops is not given"},
    {0},
};

static uint64_t default_ops(const struct run *run)
{
    return run->nthreads * run->values[OPTION_SWAPS].lo;
}

static void setup(struct run *run)
{
    const uint64_t ncells = run->values[OPTION_SLOTS].lo;
    const struct value size = run->values[OPTION_SIZE];
    _Atomic uint64_t *cells = book_alloc(ncells * sizeof *cells);
    for (uint64_t i = 0; i < ncells; i++) {
        const uint64_t size_bytes = prng_uniform(&run->host->prng, size.lo, size.hi);
        atomic_init(&cells[i], pack(block_new(run->host, size_bytes), (uint16_t)size_bytes));
    }
    run->shared = cells;
}

static void work(struct worker *worker)
{
    const struct value *values = worker->run->values;
    const uint64_t ncells = values[OPTION_SLOTS].lo;
    const uint32_t smallest = (uint32_t)values[OPTION_SIZE].lo;
    const uint32_t nsizes = (uint32_t)(values[OPTION_SIZE].hi - values[OPTION_SIZE].lo);
    _Atomic uint64_t *cells = worker->run->shared;
    struct prng prng = worker->prng;
    uint64_t at = 0;
    for (uint64_t left = worker->ops; left > 0; left--) {
        const uint32_t size_bytes = smallest + scale_bits((uint32_t)prng_next(&prng), nsizes);
        const uint64_t fresh = pack(block_new(worker, size_bytes), (uint16_t)size_bytes);
        const uint64_t stale = atomic_exchange_explicit(&cells[at], fresh, memory_order_acq_rel);
        block_end(worker, packed_block(stale), packed_code(stale));
        at = at + 1 == ncells ? 0 : at + 1;
    }
    worker->prng = prng;
}

static void drain(struct run *run)
{
    const _Atomic uint64_t *cells = run->shared;
    for (uint64_t i = 0; i < run->values[OPTION_SLOTS].lo; i++) {
        const uint64_t word = atomic_load_explicit(&cells[i], memory_order_relaxed);
        block_end(run->host, packed_block(word), packed_code(word));
    }
}

const struct workload workload_contention = {
    .name = "contention",
    .imitates = "a shared table of objects that every thread replaces: a cache without a lock",
    .source = "perf/contention of snmalloc, by Matthew Parkinson and others, 2019",
    .blind_to = "locality: a thread never sees again what it allocated but by chance",
    .options = options,
    .presets =
        (const struct preset[]){
            {"snmalloc",
             "contention.cc of snmalloc: --cores 8 --swapcount 1048576 --swapsize 262144",
             "--threads 8 --slots 262144 --swaps 1048576 --size 16..1040"},
            {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--threads 1", "--threads 2", NULL},
    .threads_default = 2,
    .threads_step = 1,
    .touch_default = TOUCH_ENDS,
    .default_ops = default_ops,
    .setup = setup,
    .work = work,
    .drain = drain,
};
