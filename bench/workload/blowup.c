/* blowup.c: threads take turns with one and the same demand.
 *
 *     turn 0    thread 0 allocates K bytes
 *     turn 1    thread 1 frees them and allocates K
 *     turn 2    thread 2 frees those and allocates K
 *     ...       round and round; the last turn only frees
 *
 * Live demand never exceeds K. What an allocator keeps for the thread that freed, or for the thread
 * that had allocated, and does not give to the one whose turn it is, grows: to T x K, or without
 * bound. Resident memory is read at the crest of each turn; the first value of the series is what
 * was resident before.
 *
 * All threads exist all the time and wait on a condition for their turn. The read at a crest, of a
 * few microseconds, is in the timed part.
 */
#include "core/worker.h"

#include <pthread.h>

#include "core/resident.h"

enum { OPTION_LIVE, OPTION_SIZE };

static const struct option options[] = {
    [OPTION_LIVE] = {"live", OPTION_BYTES, "4m", 4096, UINT64_C(1) << 32, NULL, false,
                     "bytes that a thread allocates in its turn"},
    [OPTION_SIZE] = {"size", OPTION_BYTES, "64", 1, UINT64_C(1) << 30, NULL, false,
                     "bytes of a block"},
    {0},
};

/* What is handed from turn to turn. */
struct baton {
    pthread_mutex_t lock;
    pthread_cond_t passed;
    uint64_t turn;        /* whose turn it is: thread turn % T */
    uint64_t nturns;      /* with blocks; one more only frees */
    uint64_t nblocks;     /* live */
    uint64_t before_kib;  /* resident before the first turn */
    uint64_t first_kib;   /* resident at the crest of the first turn */
    uint64_t highest_kib; /* of all crests */
    void **blocks;        /* those that the last turn allocated */
};

static uint64_t blocks_of_turn(const struct run *run)
{
    const uint64_t count = run->values[OPTION_LIVE].lo / run->values[OPTION_SIZE].lo;
    return count > 0 ? count : 1;
}

/* Fifteen rounds of eight threads, with as many bytes for other sizes. */
static uint64_t default_ops(const struct run *run)
{
    return 120 * blocks_of_turn(run);
}

static void setup(struct run *run)
{
    struct baton *baton = book_alloc(sizeof *baton);
    const uint64_t count = blocks_of_turn(run);
    pthread_mutex_init(&baton->lock, NULL);
    pthread_cond_init(&baton->passed, NULL);
    baton->nturns = (run->ops + count - 1) / count;
    baton->blocks = book_alloc(count * sizeof *baton->blocks);
    run->shared = baton;
}

static void free_blocks(struct worker *worker, struct baton *baton, size_t size_bytes)
{
    for (uint64_t i = 0; i < baton->nblocks; i++) {
        block_end(worker, baton->blocks[i], size_bytes);
    }
    baton->nblocks = 0;
}

static void sample(struct run *run, struct baton *baton, uint64_t crest)
{
    const uint64_t kib = resident_kib();
    baton->first_kib = crest == 1 ? kib : baton->first_kib;
    baton->highest_kib = kib > baton->highest_kib ? kib : baton->highest_kib;
    run_series(run, "resident_kib", crest, baton->nturns + 1, kib);
}

/* The turn of this worker. Nobody else touches the baton meanwhile, but to look whose turn it is.
 */
static void take_turn(struct worker *worker, struct baton *baton)
{
    struct run *run = worker->run;
    const size_t size = run->values[OPTION_SIZE].lo;
    const uint64_t done = baton->turn * blocks_of_turn(run);
    free_blocks(worker, baton, size);
    if (baton->turn == 0) {
        baton->before_kib = resident_kib();
        run_series(run, "resident_kib", 0, baton->nturns + 1, baton->before_kib);
    }
    if (baton->turn < baton->nturns) {
        const uint64_t left = run->ops - done;
        const uint64_t count = left < blocks_of_turn(run) ? left : blocks_of_turn(run);
        while (baton->nblocks < count) {
            baton->blocks[baton->nblocks++] = block_new(worker, size);
        }
        sample(run, baton, baton->turn + 1);
    }
}

static void work(struct worker *worker)
{
    struct baton *baton = worker->run->shared;
    const unsigned nthreads = worker->run->nthreads;
    for (uint64_t turn = worker->index; turn <= baton->nturns; turn += nthreads) {
        pthread_mutex_lock(&baton->lock);
        while (baton->turn != turn) {
            pthread_cond_wait(&baton->passed, &baton->lock);
        }
        pthread_mutex_unlock(&baton->lock);
        take_turn(worker, baton);
        pthread_mutex_lock(&baton->lock);
        baton->turn++;
        pthread_cond_broadcast(&baton->passed);
        pthread_mutex_unlock(&baton->lock);
    }
}

/* Resident memory beyond that of the beginning, over the live bytes of a crest, in thousandths. */
static uint64_t permille(const struct run *run, const struct baton *baton, uint64_t kib)
{
    const uint64_t live = blocks_of_turn(run) * run->values[OPTION_SIZE].lo;
    return kib > baton->before_kib ? (kib - baton->before_kib) * 1024 * 1000 / live : 0;
}

static void drain(struct run *run)
{
    const struct baton *baton = run->shared;
    run_counter(run, "turns", baton->nturns);
    run_counter(run, "first_permille", permille(run, baton, baton->first_kib));
    run_counter(run, "highest_permille", permille(run, baton, baton->highest_kib));
}

const struct workload workload_blowup = {
    .name = "blowup",
    .imitates = "workers that take turns, each freeing what the one before it allocated",
    .source = "the argument of Berger, McKinley, Blumofe, Wilson, Hoard: A Scalable Memory "
              "Allocator for Multithreaded Applications, 2000, made a program",
    .blind_to = "speed in parallel: only one thread runs at any time; other sizes than one",
    .options = options,
    .presets = (const struct preset[]){{0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--threads 2", "--threads 8", NULL},
    .threads_default = 8,
    .threads_step = 1,
    .touch_default = TOUCH_ENDS,
    .default_ops = default_ops,
    .setup = setup,
    .work = work,
    .drain = drain,
};
