/* glibc_simple.c: n blocks of one size, then all of them freed in the order of their making.
 *
 *     malloc  b0 b1 ... b(n-1)      free  b0 b1 ... b(n-1)      again and again
 *
 * n moves from what a thread's cache holds to what overflows it. An allocator may be faster while
 * the process has never had a second thread, and slower in a thread than in main:
 *
 *     --mode main     the main thread, before any other
 *     --mode thread   a second thread
 *     --mode after    the main thread, after another thread was born and has ended
 */
#include <pthread.h>

#include "core/worker.h"

enum { OPTION_MODE, OPTION_BATCH, OPTION_SIZE };
enum { MODE_MAIN, MODE_THREAD, MODE_AFTER };

static const char *const modes[] = {"main", "thread", "after", NULL};

static const struct option options[] = {
    [OPTION_MODE] = {"mode", OPTION_CHOICE, "main", 0, 0, modes, false,
                     "where a single worker runs; several are threads in any mode"},
    [OPTION_BATCH] = {"batch", OPTION_COUNT, "400", 1, 1 << 20, NULL, false,
                      "blocks held at once by a worker"},
    [OPTION_SIZE] = {"size", OPTION_BYTES, "16", 1, UINT64_C(1) << 30, NULL, false,
                     "bytes of a block"},
    {0},
};

static uint64_t default_ops(const struct run *run)
{
    const uint64_t size = run->values[OPTION_SIZE].lo;
    return size <= 1032 ? 24000000 : size <= 65536 ? 2000000 : 50000;
}

static bool off_main(const struct run *run)
{
    return run->values[OPTION_MODE].lo == MODE_THREAD;
}

static void *do_nothing(void *arg)
{
    return arg;
}

/* Makes the process one that has had a second thread. */
static void pass_through_a_thread(void)
{
    const size_t stack_bytes = (size_t)512 << 10;
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, book_stack(stack_bytes), stack_bytes);
    const int error = pthread_create(&thread, &attributes, do_nothing, NULL);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        die(EXIT_MEMORY, "glibc-simple: cannot create a thread (errno %d); use --mode main", error);
    }
    pthread_join(thread, NULL);
}

static void setup(struct run *run)
{
    for (unsigned i = 0; i < run->nthreads; i++) {
        run->workers[i].own = book_alloc(run->values[OPTION_BATCH].lo * sizeof(void *));
    }
    if (run->values[OPTION_MODE].lo == MODE_AFTER) {
        pass_through_a_thread();
    }
}

static void work(struct worker *worker)
{
    const uint64_t batch = worker->run->values[OPTION_BATCH].lo;
    const size_t size = worker->run->values[OPTION_SIZE].lo;
    void **blocks = worker->own;
    for (uint64_t left = worker->ops; left > 0;) {
        const uint64_t count = left < batch ? left : batch;
        live_add(&worker->live, count * size);
        for (uint64_t i = 0; i < count; i++) {
            blocks[i] = block_make(worker, size);
        }
        for (uint64_t i = 0; i < count; i++) {
            block_drop(worker, blocks[i], size);
        }
        live_sub(&worker->live, count * size);
        left -= count;
    }
}

const struct workload workload_glibc_simple = {
    .name = "glibc-simple",
    .imitates = "small objects of one size that come and go in batches, in main or in a thread",
    .source = "bench-malloc-simple of glibc (Wilco Dijkstra, 2019)",
    .blind_to = "other sizes and orders: every batch finds the heap as the last one left it",
    .options = options,
    .presets =
        (const struct preset[]){
            {"glibc",
             "benchtests/bench-malloc-simple.c: 200000 blocks of 16 bytes, nothing stored; its "
             "batches are 25, 100, 400 and 1600, its modes all three",
             "--size 16 --ops 200000 --touch none"},
            {"mimalloc-bench",
             "glibc-simple there: 2000000 blocks of 16 bytes, all bytes stored; batches and modes "
             "as in glibc, sizes 32 and 64 as well",
             "--size 16 --ops 2000000 --touch full"},
            {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--mode main --batch 25", "--mode main --batch 100",
                                   "--mode main --batch 400", "--mode main --batch 1600",
                                   "--mode thread --batch 25", "--mode thread --batch 100",
                                   "--mode thread --batch 400", "--mode thread --batch 1600",
                                   "--mode after --batch 25", "--mode after --batch 100",
                                   "--mode after --batch 400", "--mode after --batch 1600", NULL},
    .threads_default = 1,
    .threads_step = 1,
    .touch_default = TOUCH_FIRST,
    .off_main = off_main,
    .default_ops = default_ops,
    .setup = setup,
    .work = work,
};
