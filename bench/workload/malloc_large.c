/* malloc_large.c: a few big buffers.
 *
 *     random     slot 0  |=========|      5 .. 25 MiB each
 *                slot 1  |===|            pick one, free it, allocate another, store in each page
 *                ...
 *     pair800k   malloc(800 KiB), free, again and again
 *     batch128   128 blocks of 800 KiB, then all of them freed in the same order
 *
 * Shows whether a big block costs a pair of system calls and a page fault for every page, or is
 * kept.
 */
#include "core/worker.h"

enum { OPTION_MODE, OPTION_SIZE, OPTION_SLOTS };
enum { MODE_RANDOM, MODE_PAIR, MODE_BATCH };

#define FIXED_BYTES ((size_t)800 << 10) /* a block of the two fixed modes */
#define BATCH_LEN 128

static const char *const mode_names[] = {"random", "pair800k", "batch128", NULL};

static const struct option options[] = {
    [OPTION_MODE] = {"mode", OPTION_CHOICE, "random", 0, 0, mode_names, false,
                     "how the blocks come and go"},
    [OPTION_SIZE] = {"size", OPTION_RANGE, "5m..25m", 1, UINT64_C(1) << 32, NULL, false,
                     "bytes of a block, uniform, of mode random"},
    [OPTION_SLOTS] = {"slots", OPTION_COUNT, "10", 1, 4096, NULL, false,
                      "blocks that a worker of mode random holds"},
    {0},
};

static uint64_t default_ops(const struct run *run)
{
    /* 200 pages are touched in each block of the fixed modes. glibc maps and unmaps only the first
     * of the pairs, but gives back most of each batch. */
    static const uint64_t by_mode[] = {200, 400000, 1024};
    return by_mode[run->values[OPTION_MODE].lo];
}

static void validate(const struct run *run)
{
    if (run->values[OPTION_MODE].lo == MODE_RANDOM) {
        return;
    }
    for (unsigned i = OPTION_SIZE; i <= OPTION_SLOTS; i++) {
        if (!option_is_default("malloc-large", &options[i], run->values[i])) {
            die(EXIT_USAGE,
                "malloc-large: --%s does not fit --mode %s, whose sizes are fixed; drop one of "
                "them",
                options[i].name, mode_names[run->values[OPTION_MODE].lo]);
        }
    }
}

static uint64_t nslots_of(const struct run *run)
{
    return run->values[OPTION_MODE].lo == MODE_RANDOM ? run->values[OPTION_SLOTS].lo : BATCH_LEN;
}

static void setup(struct run *run)
{
    for (unsigned i = 0; i < run->nthreads; i++) {
        run->workers[i].own = book_alloc(nslots_of(run) * sizeof(struct slot));
    }
}

static void clear_slot(struct worker *worker, struct slot *slot)
{
    if (slot->block != NULL) {
        block_end(worker, slot->block, slot->size_bytes);
        slot->block = NULL;
    }
}

static void replace_random(struct worker *worker)
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

/* Batches of `len` blocks: with a length of one, bare pairs. */
static void renew_batches(struct worker *worker, uint64_t len)
{
    struct slot *slots = worker->own;
    for (uint64_t left = worker->ops; left > 0;) {
        const uint64_t count = left < len ? left : len;
        for (uint64_t i = 0; i < count; i++) {
            slots[i] = (struct slot){block_new(worker, FIXED_BYTES), FIXED_BYTES};
        }
        for (uint64_t i = 0; i < count; i++) {
            clear_slot(worker, &slots[i]);
        }
        left -= count;
    }
}

static void work(struct worker *worker)
{
    switch (worker->run->values[OPTION_MODE].lo) {
    case MODE_PAIR:
        renew_batches(worker, 1);
        break;
    case MODE_BATCH:
        renew_batches(worker, BATCH_LEN);
        break;
    default:
        replace_random(worker);
    }
}

static void drain(struct run *run)
{
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct slot *slots = run->workers[i].own;
        for (uint64_t k = 0; k < nslots_of(run); k++) {
            clear_slot(run->host, &slots[k]);
        }
    }
}

const struct workload workload_malloc_large = {
    .name = "malloc-large",
    .imitates =
        "a program with a few big buffers of changing size: images, matrices, file contents",
    .source =
        "malloc-large of mimalloc-bench, given there by Leonid Stolyarov; the fixed modes are "
        "those of large_alloc of snmalloc",
    .blind_to = "small blocks; most of its time is the kernel's page faults, so it drifts",
    .options = options,
    .presets =
        (const struct preset[]){
            {"mimalloc-bench",
             "malloc-large.cpp: 20 buffers of 5 to 25 MiB, all zeroed, 2000 times; "
             "up to 500 MiB live",
             "--size 5m..25m --slots 20 --ops 2000 --touch full --seed 42"},
            {"snmalloc", "large_alloc.cc: 100000 pairs of 800 KiB, untouched",
             "--mode pair800k --ops 100000 --touch none"},
            {"snmalloc-touch", "large_alloc.cc: the same, a store in each page",
             "--mode pair800k --ops 100000 --touch page"},
            {"snmalloc-batch", "large_alloc.cc: 781 batches of 128 blocks of 800 KiB, untouched",
             "--mode batch128 --ops 99968 --touch none"},
            {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"", "--mode pair800k", "--mode batch128", NULL},
    .threads_default = 1,
    .threads_step = 1,
    .touch_default = TOUCH_PAGE,
    .default_ops = default_ops,
    .validate = validate,
    .setup = setup,
    .work = work,
    .drain = drain,
};
