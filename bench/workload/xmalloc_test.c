/* xmalloc_test.c: some threads only allocate, others only free.
 *
 *     producer --batch--> | stack of at most 100 batches | --batch--> consumer
 *     T/2 of them           one mutex, two conditions                 T/2 of them
 *
 * A batch is a header block with the addresses of 4096 blocks. Every free is of another thread's
 * block. In a null run the addresses in the header are overwritten by later blocks; they are
 * read and ignored there, which costs the same.
 *
 * Each producer makes a fixed share of the blocks; who frees a batch depends on timing, and so
 * does the number of batches that wait: live memory lies between one batch and the bound.
 */
#include "core/worker.h"

#include <pthread.h>

enum { OPTION_SIZE, OPTION_MIXED, OPTION_BATCH, OPTION_BOUND };

static const struct option options[] = {
    [OPTION_SIZE] = {"size", OPTION_BYTES, "64", 1, 1 << 20, NULL, false, "bytes of a block"},
    [OPTION_MIXED] = {"mixed", OPTION_FLAG, NULL, 0, 1, NULL, false,
                      "any of 8, 12, 16, 24, ... 2048 bytes instead"},
    [OPTION_BATCH] = {"batch", OPTION_COUNT, "4096", 1, 4096, NULL, false, "blocks in a batch"},
    [OPTION_BOUND] = {"bound", OPTION_COUNT, "100", 1, 100000, NULL, false,
                      "batches that may wait"},
    {0},
};

struct batch {
    void **header;         /* a block with the addresses of the others */
    size_t header_bytes;   /* its size */
    const uint32_t *sizes; /* the producer's table */
    uint64_t first;        /* where in it this batch starts */
    uint64_t count;        /* blocks */
};

/* The bounded stack between producers and consumers. */
struct exchange {
    pthread_mutex_t lock;
    pthread_cond_t filled;  /* a batch came, or none will come any more */
    pthread_cond_t emptied; /* a place came free */
    uint64_t nwaiting;      /* batches on the stack */
    uint64_t bound;         /* places */
    uint64_t nleft;         /* batches still to be taken */
    struct batch *waiting;  /* `bound` places */
};

static uint64_t default_ops(const struct run *run)
{
    return run->values[OPTION_MIXED].lo ? 1600000 : 6000000;
}

static unsigned nproducers(const struct run *run)
{
    return run->nthreads / 2;
}

static uint64_t producer_blocks(const struct run *run, unsigned producer)
{
    return share(run->ops, nproducers(run), producer);
}

static uint64_t batches_of(const struct run *run, uint64_t nblocks)
{
    const uint64_t batch = run->values[OPTION_BATCH].lo;
    return (nblocks + batch - 1) / batch;
}

/* 8, 12, 16, 24, 32, 48, ... 2048: powers of two, and the middle between two of them. */
static uint64_t draw_mixed(struct prng *prng, uint64_t lo, uint64_t hi)
{
    const uint64_t step = prng_uniform(prng, lo, hi);
    return (step % 2 == 0 ? UINT64_C(8) : UINT64_C(12)) << step / 2;
}

static void setup(struct run *run)
{
    struct exchange *exchange = book_alloc(sizeof *exchange);
    pthread_mutex_init(&exchange->lock, NULL);
    pthread_cond_init(&exchange->filled, NULL);
    pthread_cond_init(&exchange->emptied, NULL);
    exchange->bound = run->values[OPTION_BOUND].lo;
    exchange->waiting = book_alloc(exchange->bound * sizeof *exchange->waiting);
    const struct value one_size = {run->values[OPTION_SIZE].lo, run->values[OPTION_SIZE].lo + 1};
    const struct value all_sizes = {0, 17};
    for (unsigned i = 0; i < nproducers(run); i++) {
        struct worker *worker = &run->workers[i];
        worker->own = run->values[OPTION_MIXED].lo
                          ? worker_draw_sizes(worker, all_sizes, draw_mixed)
                          : worker_draw_sizes(worker, one_size, prng_uniform);
        exchange->nleft += batches_of(run, producer_blocks(run, i));
    }
    run_counter(run, "batches", exchange->nleft);
    run->shared = exchange;
}

static void give(struct exchange *exchange, const struct batch *batch)
{
    pthread_mutex_lock(&exchange->lock);
    while (exchange->nwaiting == exchange->bound) {
        pthread_cond_wait(&exchange->emptied, &exchange->lock);
    }
    exchange->waiting[exchange->nwaiting++] = *batch;
    pthread_cond_signal(&exchange->filled);
    pthread_mutex_unlock(&exchange->lock);
}

/* Returns false when every batch of the run has been taken. */
static bool take(struct exchange *exchange, struct batch *batch)
{
    pthread_mutex_lock(&exchange->lock);
    while (exchange->nwaiting == 0 && exchange->nleft > 0) {
        pthread_cond_wait(&exchange->filled, &exchange->lock);
    }
    const bool taken = exchange->nleft > 0;
    if (taken) {
        *batch = exchange->waiting[--exchange->nwaiting];
        if (--exchange->nleft == 0) {
            pthread_cond_broadcast(&exchange->filled);
        }
        pthread_cond_signal(&exchange->emptied);
    }
    pthread_mutex_unlock(&exchange->lock);
    return taken;
}

static void produce(struct worker *worker, struct exchange *exchange)
{
    const uint64_t len = worker->run->values[OPTION_BATCH].lo;
    const uint64_t total = producer_blocks(worker->run, worker->index);
    const uint32_t *sizes = worker->own;
    for (uint64_t made = 0; made < total;) {
        const uint64_t count = total - made < len ? total - made : len;
        struct batch batch = {NULL, (count + 1) * sizeof(void *), sizes, made, count};
        batch.header = block_new(worker, batch.header_bytes);
        for (uint64_t i = 0; i < count; i++) {
            /* The first word is the stamp's. */
            batch.header[1 + i] = block_new(worker, sizes[(made + i) & TABLE_MASK]);
        }
        give(exchange, &batch);
        made += count;
    }
}

static void consume(struct worker *worker, struct exchange *exchange)
{
    struct batch batch;
    while (take(exchange, &batch)) {
        for (uint64_t i = 0; i < batch.count; i++) {
            block_end(worker, batch.header[1 + i], batch.sizes[(batch.first + i) & TABLE_MASK]);
        }
        block_end(worker, batch.header, batch.header_bytes);
    }
}

static void work(struct worker *worker)
{
    if (worker->index < nproducers(worker->run)) {
        produce(worker, worker->run->shared);
    } else {
        consume(worker, worker->run->shared);
    }
}

const struct workload workload_xmalloc_test = {
    .name = "xmalloc-test",
    .imitates = "a pipeline: one thread builds messages, another one frees them",
    .source = "Lever and Boreham, malloc() Performance in a Multithreaded Linux Environment, 2000, "
              "and Christian Eder; in the shape of mimalloc-bench",
    .blind_to = "allocation and free by one thread; its peak depends on who runs faster",
    .options = options,
    .presets =
        (const struct preset[]){
            {"mimalloc-bench",
             "bench.sh of mimalloc-bench: xmalloc-test -w P -t 5 -s 64, which is P "
             "producers and P consumers, so give --threads 2P",
             "--size 64 --batch 4096 --bound 100"},
            {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--threads 2", "--threads 2 --mixed", NULL},
    .threads_default = 2,
    .threads_step = 2,
    .touch_default = TOUCH_HEAD,
    .fresh_threads = true,
    .default_ops = default_ops,
    .setup = setup,
    .work = work,
};
