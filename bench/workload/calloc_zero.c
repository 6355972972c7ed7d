/* calloc_zero.c: who zeroes a block, and who knows that it need not.
 *
 *     calloc  b0 b1 ... b(n-1)      (write all of them)      free  b0 b1 ... b(n-1)      again
 *
 * Pages fresh from the kernel are zero already; a block that was used is not. With --dirty every
 * byte of each block is overwritten before any is freed, as most programs do; without it the blocks
 * stay almost clean, but the allocator cannot know that of any block that it has handed out.
 */
#include "core/worker.h"

enum { OPTION_SIZE, OPTION_BATCH, OPTION_DIRTY };

/* No more than this is held in a row, so that the large sizes fit small machines. */
#define HELD_BYTES ((uint64_t)64 << 20)

static const struct option options[] = {
    [OPTION_SIZE] = {"size", OPTION_BYTES, "1k", 1, HELD_BYTES, NULL, false, "bytes of a block"},
    [OPTION_BATCH] = {"batch", OPTION_COUNT, "25", 1, 1 << 20, NULL, false,
                      "blocks held at once by a worker; together at most 64 MiB"},
    [OPTION_DIRTY] = {"dirty", OPTION_FLAG, NULL, 0, 1, NULL, false,
                      "overwrite a block before it is freed, in the timed part"},
    {0},
};

/* Small blocks cost a call each. From 4 KiB on bytes count: those that calloc clears, or that the
 * kernel does where a batch exceeds what glibc keeps. */
static uint64_t default_ops(const struct run *run)
{
    const uint64_t size = run->values[OPTION_SIZE].lo;
    return size <= 64     ? 16000000
           : size <= 1024 ? 10000000
           : size <= 4096 ? 3000000
                          : (UINT64_C(512) << 20) / size;
}

static void validate(const struct run *run)
{
    const uint64_t size = run->values[OPTION_SIZE].lo;
    const uint64_t batch = run->values[OPTION_BATCH].lo;
    if (batch > HELD_BYTES / size) {
        die(EXIT_USAGE,
            "calloc-zero: --batch %llu of --size %llu hold more than 64 MiB; give --batch %llu "
            "or less",
            (unsigned long long)batch, (unsigned long long)size,
            (unsigned long long)(HELD_BYTES / size));
    }
}

static void setup(struct run *run)
{
    for (unsigned i = 0; i < run->nthreads; i++) {
        run->workers[i].own = book_alloc(run->values[OPTION_BATCH].lo * sizeof(void *));
    }
}

/* Stores to every byte of a block. With --check its stamp is verified before and put again. */
static void make_dirty(struct worker *worker, void *block, size_t size)
{
    if (worker->check) {
        stamp_take(worker, block, size);
    }
    touch_whole(worker, block, size);
    if (worker->check) {
        stamp_put(worker, block, size);
    }
}

static void work(struct worker *worker)
{
    const size_t size = worker->run->values[OPTION_SIZE].lo;
    const uint64_t batch = worker->run->values[OPTION_BATCH].lo;
    const bool dirty = worker->run->values[OPTION_DIRTY].lo != 0;
    void **blocks = worker->own;
    for (uint64_t left = worker->ops; left > 0;) {
        const uint64_t count = left < batch ? left : batch;
        for (uint64_t i = 0; i < count; i++) {
            blocks[i] = block_new_zeroed(worker, size);
        }
        for (uint64_t i = 0; dirty && i < count; i++) {
            make_dirty(worker, blocks[i], size);
        }
        for (uint64_t i = 0; i < count; i++) {
            block_end(worker, blocks[i], size);
        }
        left -= count;
    }
}

const struct workload workload_calloc_zero = {
    .name = "calloc-zero",
    .imitates = "tables and buffers that must start as zeros, from fresh memory and from used",
    .source = "bench-calloc-simple of glibc, with sizes of our own up to 16 MiB",
    .blind_to =
        "zeros that nobody reads: a calloc that leaves them to the kernel pays at the touch",
    .options = options,
    .presets =
        (const struct preset[]){
            {"glibc",
             "benchtests/bench-calloc-simple.c: 200000 blocks of 16 bytes, nothing stored; its "
             "batches are 25, 100, 400 and 1600",
             "--size 16 --batch 25 --ops 200000 --touch none"},
            {0}},
    .entry_points = (const char *const[]){"calloc", "free", NULL},
    .cells =
        (const char *const[]){"--size 64", "--size 64 --dirty", "--size 1k", "--size 1k --dirty",
                              "--size 64k", "--size 64k --dirty", "--size 1m", "--size 1m --dirty",
                              "--size 16m --batch 4", "--size 16m --batch 4 --dirty", NULL},
    .threads_default = 1,
    .threads_step = 1,
    .touch_default = TOUCH_PAGE,
    .default_ops = default_ops,
    .validate = validate,
    .setup = setup,
    .work = work,
};
