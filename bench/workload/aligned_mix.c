/* aligned_mix.c: blocks of every door and alignment, side by side in one heap.
 *
 *     slot 0   | malloc             |          40 %  malloc
 *     slot 1   | posix_memalign 256 |          40 %  posix_memalign to 16, 64, 256 or 4096
 *     slot 2   | calloc             |          10 %  aligned_alloc to 64
 *     ...                                      10 %  calloc
 *
 * A step picks a slot, frees its block and fills it anew. An allocator that serves an alignment by
 * asking for more and cutting leaves gaps between the blocks, which the small ones may fill.
 */
#include "core/worker.h"

enum { OPTION_SLOTS, OPTION_SIZE };
enum door { DOOR_MALLOC, DOOR_POSIX, DOOR_ALIGNED, DOOR_CALLOC };

/* Vector registers, cache lines, wide vectors of several lines, pages for direct I/O. */
static const uint16_t posix_alignments[] = {16, 64, 256, 4096};
#define ALIGNED_BYTES 64

static const struct option options[] = {
    [OPTION_SLOTS] = {"slots", OPTION_COUNT, "4096", 1, 1 << 24, NULL, false,
                      "blocks that a worker holds"},
    [OPTION_SIZE] = {"size", OPTION_RANGE, "8..64k", 1, UINT64_C(1) << 30, NULL, false,
                     "bytes of a block, log-uniform; for aligned_alloc rounded up to 64"},
    {0},
};

/* What to ask for. */
struct request {
    uint32_t size_bytes;
    uint16_t alignment_bytes; /* of posix_memalign and aligned_alloc */
    uint8_t door;             /* enum door */
};

/* The book of one worker. */
struct mix_book {
    struct slot *slots;
    struct request *requests; /* TABLE_LEN of them */
};

static uint64_t default_ops(const struct run *run)
{
    return run->values[OPTION_SIZE].hi <= 4097 ? 2500000 : 1000000;
}

static struct request draw(struct prng *prng, struct value size)
{
    struct request request = {(uint32_t)prng_log_uniform(prng, size.lo, size.hi), 0, DOOR_MALLOC};
    const uint64_t percent = prng_uniform(prng, 0, 100);
    if (percent >= 90) {
        request.door = DOOR_CALLOC;
    } else if (percent >= 80) {
        request.door = DOOR_ALIGNED;
        request.alignment_bytes = ALIGNED_BYTES;
        request.size_bytes = (request.size_bytes + ALIGNED_BYTES - 1) / ALIGNED_BYTES;
        request.size_bytes *= ALIGNED_BYTES;
    } else if (percent >= 40) {
        request.door = DOOR_POSIX;
        request.alignment_bytes = posix_alignments[percent / 10 - 4];
    }
    return request;
}

static void setup(struct run *run)
{
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct worker *worker = &run->workers[i];
        struct mix_book *book = book_alloc(sizeof *book);
        book->slots = book_alloc(run->values[OPTION_SLOTS].lo * sizeof *book->slots);
        book->requests = book_alloc(TABLE_LEN * sizeof *book->requests);
        for (size_t k = 0; k < TABLE_LEN; k++) {
            book->requests[k] = draw(&worker->prng, run->values[OPTION_SIZE]);
        }
        worker->own = book;
    }
}

/* What malloc and calloc owe a block: room for any type that fits in it. */
static size_t natural_alignment(size_t size_bytes)
{
    return size_bytes >= 16 ? 16 : (size_t)1 << (63 - __builtin_clzll(size_bytes));
}

static void *fill(struct worker *worker, struct request request)
{
    const size_t size = request.size_bytes;
    void *block;
    switch ((enum door)request.door) {
    case DOOR_POSIX:
        return block_new_posix(worker, request.alignment_bytes, size);
    case DOOR_ALIGNED:
        return block_new_aligned(worker, request.alignment_bytes, size);
    case DOOR_CALLOC:
        block = block_new_zeroed(worker, size);
        block_expect_aligned(worker, "calloc", block, size, natural_alignment(size));
        return block;
    case DOOR_MALLOC:
        break;
    }
    block = block_new(worker, size);
    block_expect_aligned(worker, "malloc", block, size, natural_alignment(size));
    return block;
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
    const struct mix_book *book = worker->own;
    const uint64_t nslots = worker->run->values[OPTION_SLOTS].lo;
    for (uint64_t done = 0; done < worker->ops; done++) {
        struct slot *slot = &book->slots[prng_uniform(&worker->prng, 0, nslots)];
        const struct request request = book->requests[done & TABLE_MASK];
        clear_slot(worker, slot);
        *slot = (struct slot){fill(worker, request), request.size_bytes};
    }
}

static void drain(struct run *run)
{
    for (unsigned i = 0; i < run->nthreads; i++) {
        const struct mix_book *book = run->workers[i].own;
        for (uint64_t k = 0; k < run->values[OPTION_SLOTS].lo; k++) {
            clear_slot(run->host, &book->slots[k]);
        }
    }
}

const struct workload workload_aligned_mix = {
    .name = "aligned-mix",
    .imitates =
        "a program whose vectors, locks and I/O buffers ask for alignment among other blocks",
    .source = "our own",
    .blind_to = "alignments beyond a page, and threads that free the blocks of others",
    .options = options,
    .presets = (const struct preset[]){{0}},
    .entry_points =
        (const char *const[]){"malloc", "calloc", "posix_memalign", "aligned_alloc", "free", NULL},
    .cells = (const char *const[]){"", "--size 8..1024", NULL},
    .threads_default = 1,
    .threads_step = 1,
    .touch_default = TOUCH_PAGE,
    .default_ops = default_ops,
    .setup = setup,
    .work = work,
    .drain = drain,
};
