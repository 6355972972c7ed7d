/* churn.c: threads that live for one block.
 *
 *     thread n    calloc(128) -> swap it into one of 1000 cells -> free what was there -> exit
 *
 * T such threads at a time are one generation. What they free was allocated by a thread that no
 * longer exists. Two things are asked: how long a thread waits for its first block, and whether
 * something of each thread stays: resident memory is read before each generation and at the end,
 * and the slope over the second half of the generations is given per thousand threads.
 *
 * The creation and the end of a thread are not in the timed part, but what an allocator keeps of
 * it shows in the slope.
 */
#include "core/worker.h"

#include <stdatomic.h>

#include "core/phase.h"
#include "core/resident.h"

enum { OPTION_SIZE, OPTION_CELLS };

static const struct option options[] = {
    [OPTION_SIZE] = {"size", OPTION_BYTES, "128", 1, UINT64_C(1) << 30, NULL, false,
                     "bytes of a block"},
    [OPTION_CELLS] = {"cells", OPTION_COUNT, "1000", 1, 1 << 24, NULL, false,
                      "blocks that stay behind"},
    {0},
};

/* Shared by all threads. */
struct cells {
    _Atomic(void *) *blocks; /* NULL when empty */
    uint64_t *first_ns;      /* what each thread waited for its block */
    uint64_t *resident_kib;  /* before each generation, and at the end */
};

static uint64_t default_ops(const struct run *run)
{
    (void)run;
    return 4000;
}

static unsigned generations(const struct run *run)
{
    return (unsigned)((run->ops + run->nthreads - 1) / run->nthreads);
}

static void validate(const struct run *run)
{
    if (run->ops > UINT32_MAX) {
        die(EXIT_USAGE, "churn: --ops %llu is a thread each; give %u or fewer",
            (unsigned long long)run->ops, UINT32_MAX);
    }
}

static void setup(struct run *run)
{
    struct cells *cells = book_alloc(sizeof *cells);
    cells->blocks = book_alloc(run->values[OPTION_CELLS].lo * sizeof *cells->blocks);
    cells->first_ns = book_alloc(run->ops * sizeof *cells->first_ns);
    cells->resident_kib = book_alloc((generations(run) + 1) * sizeof *cells->resident_kib);
    run->shared = cells;
}

static void rest(struct run *run, unsigned generation)
{
    struct cells *cells = run->shared;
    cells->resident_kib[generation] = resident_kib();
}

static void work(struct worker *worker)
{
    const struct run *run = worker->run;
    const struct cells *cells = run->shared;
    const size_t size = run->values[OPTION_SIZE].lo;
    const uint64_t number = (uint64_t)worker->generation * run->nthreads + worker->index;
    if (number >= run->ops) {
        return; /* the last generation has a thread to spare */
    }
    const uint64_t start_ns = now_ns();
    void *block = block_new_zeroed(worker, size);
    cells->first_ns[number] = now_ns() - start_ns;
    const uint64_t pick = prng_uniform(&worker->prng, 0, run->values[OPTION_CELLS].lo);
    void *old = atomic_exchange(&cells->blocks[pick], block);
    if (old != NULL) {
        block_end(worker, old, size);
    }
}

/* Shell's sort, because the C library's may allocate. */
static void sort(uint64_t *values, uint64_t count)
{
    uint64_t gap = 1;
    while (gap < count / 3) {
        gap = 3 * gap + 1;
    }
    for (; gap > 0; gap /= 3) {
        for (uint64_t i = gap; i < count; i++) {
            const uint64_t value = values[i];
            uint64_t at = i;
            for (; at >= gap && values[at - gap] > value; at -= gap) {
                values[at] = values[at - gap];
            }
            values[at] = value;
        }
    }
}

/* The least-squares slope of resident memory, in bytes per thousand threads, of the generations
 * from the middle on. Memory that shrinks has none. */
static uint64_t slope(const struct run *run, const uint64_t *resident, uint64_t count)
{
    double sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0, n = 0;
    for (uint64_t i = count / 2; i < count; i++) {
        const double x = (double)(i * run->nthreads) / 1000;
        const double y = (double)resident[i] * 1024;
        n += 1;
        sum_x += x;
        sum_y += y;
        sum_xx += x * x;
        sum_xy += x * y;
    }
    const double spread = n * sum_xx - sum_x * sum_x;
    const double rise = n * sum_xy - sum_x * sum_y;
    return spread > 0 && rise > 0 ? (uint64_t)(rise / spread + 0.5) : 0;
}

static void drain(struct run *run)
{
    struct cells *cells = run->shared;
    const uint64_t count = generations(run) + 1;
    rest(run, generations(run));
    for (uint64_t i = 0; i < run->values[OPTION_CELLS].lo; i++) {
        void *block = atomic_load(&cells->blocks[i]);
        if (block != NULL) {
            block_end(run->host, block, run->values[OPTION_SIZE].lo);
        }
    }
    for (uint64_t i = 0; i < count; i++) {
        run_series(run, "resident_kib", i, count, cells->resident_kib[i]);
    }
    sort(cells->first_ns, run->ops);
    run_counter(run, "threads_started", (uint64_t)generations(run) * run->nthreads);
    run_counter(run, "first_p50_ns", cells->first_ns[run->ops / 2]);
    run_counter(run, "first_p99_ns", cells->first_ns[run->ops - 1 - run->ops / 100]);
    run_counter(run, "slope_bytes_per_1000_threads", slope(run, cells->resident_kib, count));
}

const struct workload workload_churn = {
    .name = "churn",
    .imitates = "a server that starts a thread for each request, and whose answers outlive it",
    .source = "our own; the questions are those of thread leaks and of start-up that allocators' "
              "own suites ask",
    .blind_to = "the price of starting and ending a thread, which is not in the timed part",
    .options = options,
    .presets = (const struct preset[]){{0}},
    .entry_points = (const char *const[]){"calloc", "free", NULL},
    .cells = (const char *const[]){"--threads 1", "--threads 4", NULL},
    .threads_default = 2,
    .threads_step = 1,
    .touch_default = TOUCH_ENDS,
    .fresh_threads = true,
    .default_ops = default_ops,
    .generations = generations,
    .validate = validate,
    .setup = setup,
    .rest = rest,
    .work = work,
    .drain = drain,
};
