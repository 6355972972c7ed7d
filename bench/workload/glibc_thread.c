/* glibc_thread.c: each thread replaces random blocks of its own, mostly small ones.
 *
 *     slots    | b | b | b | . . . | b |      1024 a thread
 *                        ^ next index: free what is there, malloc the next size
 *
 * Indices and sizes come from two cyclic tables. The density of the sizes falls with their square:
 * half of them are below twice the smallest, and each doubling is half as likely as the one before
 * it, so every doubling holds the same number of bytes.
 */
#include "core/worker.h"

enum { OPTION_SIZE, OPTION_SLOTS };

static const struct option options[] = {
    [OPTION_SIZE] = {"size", OPTION_RANGE, "4..32768", 1, 1 << 20, NULL, false,
                     "bytes of a block, density 1 / bytes^2"},
    [OPTION_SLOTS] = {"slots", OPTION_COUNT, "1024", 1, 1 << 24, NULL, false,
                      "blocks that a worker holds"},
    {0},
};

/* The book of one worker. */
struct thread_book {
    struct slot *slots;
    const uint32_t *indices; /* TABLE_LEN of them, each below the number of slots */
    const uint32_t *sizes;   /* TABLE_LEN of them */
};

static uint64_t default_ops(const struct run *run)
{
    (void)run;
    return 24000000;
}

/* A size in [lo, hi) with density x^-2: a uniform number between the ends' reciprocals, turned
 * over again. */
static uint64_t draw_inverse_square(struct prng *prng, uint64_t lo, uint64_t hi)
{
    const double unit = (double)(prng_next(prng) >> 11) * 0x1p-53;
    const double low = 1.0 / (double)lo;
    const double high = 1.0 / (double)hi;
    const uint64_t draw = (uint64_t)(1.0 / (low - unit * (low - high)));
    /* Rounding may step over an end. */
    return draw < lo ? lo : draw >= hi ? hi - 1 : draw;
}

static void setup(struct run *run)
{
    const uint64_t nslots = run->values[OPTION_SLOTS].lo;
    const struct value all_slots = {0, nslots};
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct worker *worker = &run->workers[i];
        struct thread_book *book = book_alloc(sizeof *book);
        book->slots = book_alloc(nslots * sizeof *book->slots);
        book->indices = worker_draw_sizes(worker, all_slots, prng_uniform);
        book->sizes = worker_draw_sizes(worker, run->values[OPTION_SIZE], draw_inverse_square);
        worker->own = book;
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
    const struct thread_book *book = worker->own;
    for (uint64_t i = 0; i < worker->ops; i++) {
        struct slot *slot = &book->slots[book->indices[i & TABLE_MASK]];
        const size_t size = book->sizes[i & TABLE_MASK];
        clear_slot(worker, slot);
        *slot = (struct slot){block_new(worker, size), size};
    }
    /* The owner frees the last blocks too, so that no free is remote. */
    for (uint64_t k = 0; k < worker->run->values[OPTION_SLOTS].lo; k++) {
        clear_slot(worker, &book->slots[k]);
    }
}

const struct workload workload_glibc_thread = {
    .name = "glibc-thread",
    .imitates = "threads that each replace random blocks of their own, most of them small",
    .source = "bench-malloc-thread of glibc's benchtests; theirs runs for 10 s and counts",
    .blind_to = "blocks that are written to or freed by another thread; live memory of some size",
    .options = options,
    .presets =
        (const struct preset[]){
            {"glibc", "bench-malloc-thread.c: 1024 blocks a thread of 4 to 32768 bytes, seed 88",
             "--size 4..32768 --slots 1024 --touch none --seed 88"},
            {"mimalloc-bench", "bench.sh of mimalloc-bench: glibc-thread P, which is glibc's own",
             "--size 4..32768 --slots 1024 --touch none --seed 88"},
            {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--threads 1", "--threads 2", "--threads 2 --slots 16384", NULL},
    .threads_default = 2,
    .threads_step = 1,
    .touch_default = TOUCH_ENDS,
    .default_ops = default_ops,
    .setup = setup,
    .work = work,
};
