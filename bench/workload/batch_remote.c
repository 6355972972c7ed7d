/* batch_remote.c: many threads allocate, one frees, and what it has not reached yet piles up.
 *
 *     allocator   8 x 4 B, 8 x 8 B, ... 8 x 2 MiB, again
 *         private list --100 blocks--> | parked: one queue, one mutex | --100 blocks--> the freer
 *
 * The freer is the last worker. Unlike the original, the queue is bounded in bytes, so that memory
 * depends on --bound and not on who runs faster: an allocator whose list does not fit sleeps until
 * the freer has got on. Blocks count as parked until they are freed.
 */
#include "core/worker.h"

#include <pthread.h>

enum { OPTION_DOUBLINGS, OPTION_RUN, OPTION_BATCH, OPTION_BOUND };

static const struct option options[] = {
    [OPTION_DOUBLINGS] = {"doublings", OPTION_COUNT, "20", 1, 24, NULL, false,
                          "sizes: 4, 8, 16, ... bytes, that many"},
    [OPTION_RUN] = {"run", OPTION_COUNT, "8", 1, 1 << 20, NULL, false,
                    "blocks of one size in a row"},
    [OPTION_BATCH] = {"batch", OPTION_COUNT, "100", 1, 1 << 20, NULL, false,
                      "blocks that a thread keeps before it parks them"},
    [OPTION_BOUND] = {"bound", OPTION_BYTES, "96m", 1, UINT64_C(1) << 40, NULL, false,
                      "bytes that may be parked"},
    {0},
};

/* Batches that may be parked, whatever their bytes: the length of the queue. */
#define PLACES 64

/* The queue between allocators and freer. */
struct park {
    pthread_mutex_t lock;
    pthread_cond_t filled;  /* blocks came, or none will come any more */
    pthread_cond_t emptied; /* blocks were freed */
    uint64_t bound_bytes;   /* --bound */
    uint64_t capacity;      /* slots in the ring */
    uint64_t first;         /* the block parked longest */
    uint64_t count;         /* blocks in the ring */
    uint64_t parked_bytes;  /* of the ring and of the freer's hand */
    uint64_t peak_bytes;    /* the highest parked_bytes */
    unsigned nallocators;   /* that have not ended */
    struct slot *ring;
};

/* The book of one worker: a batch on its way into the queue, or out of it. */
struct hand {
    struct slot *slots;
    uint64_t count;
    uint64_t size_bytes; /* sum of the slots */
};

/* A period of 160 blocks takes 32 MiB, nearly all of it page faults. */
static uint64_t default_ops(const struct run *run)
{
    (void)run;
    return 10000;
}

static unsigned nallocators(const struct run *run)
{
    return run->nthreads - 1;
}

static void validate(const struct run *run)
{
    if (run->nthreads < 2) {
        die(EXIT_USAGE,
            "batch-remote: --threads 1 does not fit; give 2 or more, one of them frees");
    }
}

static void setup(struct run *run)
{
    const uint64_t batch = run->values[OPTION_BATCH].lo;
    struct park *park = book_alloc(sizeof *park);
    pthread_mutex_init(&park->lock, NULL);
    pthread_cond_init(&park->filled, NULL);
    pthread_cond_init(&park->emptied, NULL);
    park->bound_bytes = run->values[OPTION_BOUND].lo;
    park->capacity = PLACES * batch;
    park->ring = book_alloc(park->capacity * sizeof *park->ring);
    park->nallocators = nallocators(run);
    run->shared = park;
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct hand *hand = book_alloc(sizeof *hand);
        hand->slots = book_alloc(batch * sizeof *hand->slots);
        run->workers[i].own = hand;
    }
}

/* A list larger than the bound passes when nothing else is parked. */
static bool fits(const struct park *park, const struct hand *hand)
{
    return park->parked_bytes == 0 || (park->parked_bytes + hand->size_bytes <= park->bound_bytes &&
                                       park->count + hand->count <= park->capacity);
}

static void flush(struct park *park, struct hand *hand)
{
    pthread_mutex_lock(&park->lock);
    while (!fits(park, hand)) {
        pthread_cond_wait(&park->emptied, &park->lock);
    }
    for (uint64_t i = 0; i < hand->count; i++) {
        park->ring[(park->first + park->count++) % park->capacity] = hand->slots[i];
    }
    park->parked_bytes += hand->size_bytes;
    if (park->parked_bytes > park->peak_bytes) {
        park->peak_bytes = park->parked_bytes;
    }
    pthread_cond_signal(&park->filled);
    pthread_mutex_unlock(&park->lock);
    hand->count = 0;
    hand->size_bytes = 0;
}

static void allocate(struct worker *worker, struct park *park, struct hand *hand)
{
    const struct value *values = worker->run->values;
    const uint64_t batch = values[OPTION_BATCH].lo;
    const uint64_t nmine = share(worker->run->ops, nallocators(worker->run), worker->index);
    for (uint64_t i = 0; i < nmine; i++) {
        const uint64_t size_bytes = UINT64_C(4)
                                    << i / values[OPTION_RUN].lo % values[OPTION_DOUBLINGS].lo;
        hand->slots[hand->count++] = (struct slot){block_new(worker, size_bytes), size_bytes};
        hand->size_bytes += size_bytes;
        if (hand->count == batch) {
            flush(park, hand);
        }
    }
    flush(park, hand);
    pthread_mutex_lock(&park->lock);
    park->nallocators--;
    pthread_cond_signal(&park->filled);
    pthread_mutex_unlock(&park->lock);
}

/* Says that the hand's blocks are gone and fills it again. Returns false when no more will come. */
static bool next_batch(struct park *park, struct hand *hand, uint64_t batch)
{
    pthread_mutex_lock(&park->lock);
    park->parked_bytes -= hand->size_bytes;
    hand->count = 0;
    hand->size_bytes = 0;
    pthread_cond_broadcast(&park->emptied);
    while (park->count == 0 && park->nallocators > 0) {
        pthread_cond_wait(&park->filled, &park->lock);
    }
    while (hand->count < batch && park->count > 0) {
        const struct slot slot = park->ring[park->first];
        hand->slots[hand->count++] = slot;
        hand->size_bytes += slot.size_bytes;
        park->first = (park->first + 1) % park->capacity;
        park->count--;
    }
    pthread_mutex_unlock(&park->lock);
    return hand->count > 0;
}

static void release(struct worker *worker, struct park *park, struct hand *hand)
{
    while (next_batch(park, hand, worker->run->values[OPTION_BATCH].lo)) {
        for (uint64_t i = 0; i < hand->count; i++) {
            block_end(worker, hand->slots[i].block, hand->slots[i].size_bytes);
        }
    }
}

static void work(struct worker *worker)
{
    if (worker->index < nallocators(worker->run)) {
        allocate(worker, worker->run->shared, worker->own);
    } else {
        release(worker, worker->run->shared, worker->own);
    }
}

static void drain(struct run *run)
{
    const struct park *park = run->shared;
    run_counter(run, "parked_peak_bytes", park->peak_bytes);
}

const struct workload workload_batch_remote = {
    .name = "batch-remote",
    .imitates = "a garbage queue: all threads drop objects into it, one of them frees",
    .source = "a report to mimalloc (issue 1002) that snmalloc keeps as a test",
    .blind_to = "a queue without bound, whose memory would follow speed; much of it is page faults",
    .options = options,
    .presets =
        (const struct preset[]){{"snmalloc",
                                 "the test after mimalloc's issue 1002: 20 sizes from 4 bytes to 2 "
                                 "MiB, 8 of each, lists of 100; it has no bound",
                                 "--doublings 20 --run 8 --batch 100 --bound 1024g"},
                                {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--threads 2", "--threads 4", NULL},
    .threads_default = 2,
    .threads_step = 1,
    .touch_default = TOUCH_PAGE,
    .fresh_threads = true,
    .default_ops = default_ops,
    .validate = validate,
    .setup = setup,
    .work = work,
    .drain = drain,
};
