/* stack.c: d blocks at a time, freed in a chosen order.
 *
 *     allocate   b0 b1 b2 b3 ... b(d-1)           sizes from a cyclic table
 *     free       lifo   b(d-1) ... b1 b0
 *                fifo   b0 b1 ... b(d-1)
 *                rnd    b(x0) b(x1) ...           x' = a x + c mod d, which meets every index once
 *
 * With --age the heap is used before: for each power of two from 16 to 512, that many bytes of
 * blocks are allocated and freed in shuffled order, which leaves the free lists in disorder.
 */
#include "core/worker.h"

enum { OPTION_ORDER, OPTION_DEPTH, OPTION_SIZE, OPTION_AGE };
enum { ORDER_LIFO, ORDER_FIFO, ORDER_RND };

static const char *const orders[] = {"lifo", "fifo", "rnd", NULL};

static const struct option options[] = {
    [OPTION_ORDER] = {"order", OPTION_CHOICE, "lifo", 0, 0, orders, false, "order of the frees"},
    [OPTION_DEPTH] = {"depth", OPTION_COUNT, "128", 1, 1 << 20, NULL, false,
                      "blocks held at once by a worker"},
    [OPTION_SIZE] = {"size", OPTION_RANGE, "16..528", 1, 65536, NULL, false,
                     "bytes of a block, uniform"},
    [OPTION_AGE] = {"age", OPTION_BYTES, "0", 0, UINT64_C(100) << 20, NULL, false,
                    "first use the heap with so much of each class"},
    {0},
};

/* The book of one worker. */
struct stack_book {
    struct slot *slots;    /* depth of them */
    const uint32_t *sizes; /* TABLE_LEN of them */
};

/* Beyond a few hundred blocks glibc's thread cache is full, and beyond a few thousand the blocks
 * leave the processor's caches too. */
static uint64_t default_ops(const struct run *run)
{
    const uint64_t depth = run->values[OPTION_DEPTH].lo;
    return depth <= 128 ? 24000000 : depth <= 512 ? 12000000 : depth <= 8192 ? 6000000 : 3000000;
}

static void validate(const struct run *run)
{
    const uint64_t depth = run->values[OPTION_DEPTH].lo;
    if (run->values[OPTION_ORDER].lo == ORDER_RND && (depth & (depth - 1)) != 0) {
        die(EXIT_USAGE, "stack: --depth %llu does not fit --order rnd; give a power of two",
            (unsigned long long)depth);
    }
}

/* Allocates `bytes` of blocks of one size and frees them in shuffled order. */
static void age_class(struct worker *host, void **blocks, uint64_t bytes, size_t size_bytes)
{
    const uint64_t count = bytes / size_bytes;
    for (uint64_t i = 0; i < count; i++) {
        blocks[i] = block_new(host, size_bytes);
    }
    for (uint64_t left = count; left > 0; left--) {
        const uint64_t pick = prng_uniform(&host->prng, 0, left);
        block_end(host, blocks[pick], size_bytes);
        blocks[pick] = blocks[left - 1];
    }
}

static void setup(struct run *run)
{
    const uint64_t age_bytes = run->values[OPTION_AGE].lo;
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct worker *worker = &run->workers[i];
        struct stack_book *book = book_alloc(sizeof *book);
        book->slots = book_alloc(run->values[OPTION_DEPTH].lo * sizeof *book->slots);
        book->sizes = worker_draw_sizes(worker, run->values[OPTION_SIZE], prng_uniform);
        worker->own = book;
    }
    if (age_bytes > 0) {
        void **blocks = book_reserve(age_bytes / 16 * sizeof *blocks);
        for (size_t size = 16; size <= 512; size *= 2) {
            age_class(run->host, blocks, age_bytes, size);
        }
    }
}

/* Frees slots [0, count); `depth` is the power of two that the random walk covers. */
static void free_all(struct worker *worker, struct slot *slots, uint64_t count, uint64_t depth,
                     uint64_t order)
{
    if (order == ORDER_LIFO) {
        for (uint64_t i = count; i > 0; i--) {
            block_end(worker, slots[i - 1].block, slots[i - 1].size_bytes);
        }
    } else if (order == ORDER_FIFO) {
        for (uint64_t i = 0; i < count; i++) {
            block_end(worker, slots[i].block, slots[i].size_bytes);
        }
    } else {
        /* c odd and a - 1 a multiple of 4 give the full period for every power of two. */
        uint64_t at = depth / 2;
        for (uint64_t i = 0; i < depth; i++) {
            at = (at * 1664525 + 1013904223) & (depth - 1);
            if (at < count) {
                block_end(worker, slots[at].block, slots[at].size_bytes);
            }
        }
    }
}

static void work(struct worker *worker)
{
    const struct stack_book *book = worker->own;
    const struct value *values = worker->run->values;
    const uint64_t depth = values[OPTION_DEPTH].lo;
    uint64_t drawn = 0;
    for (uint64_t left = worker->ops; left > 0;) {
        const uint64_t count = left < depth ? left : depth;
        for (uint64_t i = 0; i < count; i++) {
            const size_t size = book->sizes[drawn++ & TABLE_MASK];
            book->slots[i] = (struct slot){block_new(worker, size), size};
        }
        free_all(worker, book->slots, count, depth, values[OPTION_ORDER].lo);
        left -= count;
    }
}

const struct workload workload_stack = {
    .name = "stack",
    .imitates = "a call tree or a request: many small blocks, then all of them freed in one order",
    .source = "the batches of bench-malloc-simple (glibc), with orders and depths of our own",
    .blind_to = "blocks that outlive the round, so no fragmentation but that of --age",
    .options = options,
    .presets =
        (const struct preset[]){
            {"glibc",
             "bench-malloc-simple.c of glibc: batches of 400 blocks of 16 bytes, freed in the "
             "order of allocation",
             "--order fifo --depth 400 --size 16 --touch none --ops 5000000"},
            {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--order lifo --depth 8", "--order lifo --depth 128",
                                   "--order fifo --depth 512", "--order rnd --depth 8192",
                                   "--order rnd --depth 32768",
                                   "--order rnd --depth 8192 --age 100m", NULL},
    .threads_default = 1,
    .threads_step = 1,
    .touch_default = TOUCH_PAGE,
    .default_ops = default_ops,
    .validate = validate,
    .setup = setup,
    .work = work,
};
