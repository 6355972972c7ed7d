/* sh8_like.c: batches of equal blocks, freed newest first, oldest first, and by a neighbour.
 *
 *     ring after filling     | oldest quarter | second quarter |      newest half       |
 *     freed in this round      2. backwards     3. posted         1. newest first
 *                                                    |
 *                                                    v
 *                                           mailbox of the next thread, freed there
 *
 * A round allocates a whole ring in runs of equal size, and all of it leaves the ring again. At
 * the start of a round a thread frees what its own mailbox holds. A mailbox has room for some
 * quarters; a thread that finds it full frees its quarter itself, so the work is fixed, memory is
 * bounded, and only who frees that quarter depends on timing.
 */
#include "core/mailbox.h"

enum { OPTION_SIZE, OPTION_RING, OPTION_RUN };

static const struct option options[] = {
    [OPTION_SIZE] = {"size", OPTION_RANGE, "1..1001", 1, UINT64_C(1) << 31, NULL, false,
                     "bytes of a block, uniform"},
    [OPTION_RING] = {"ring", OPTION_COUNT, "4096", 4, 1 << 24, NULL, false,
                     "blocks that a thread allocates in a round"},
    [OPTION_RUN] = {"run", OPTION_COUNT, "64", 1, TABLE_LEN, NULL, false,
                    "longest run of equal blocks"},
    {0},
};

/* Quarters that wait for one thread: the rounds of a neighbour while this thread has no processor,
 * whose share is a few milliseconds long. */
#define MAILBOX_PLACES 16

/* The book of one worker. */
struct sh8_book {
    struct slot *ring;       /* the blocks of this round, oldest first */
    const uint32_t *sizes;   /* TABLE_LEN of them, in runs */
    uint64_t drawn;          /* sizes used so far */
    struct block_list given; /* the quarter that is posted; empty between two rounds */
    struct block_list taken; /* to swap with; empty between two rounds */
    uint64_t nposted;        /* blocks given to the next thread */
    uint64_t nkept;          /* blocks whose place was full */
};

static uint64_t default_ops(const struct run *run)
{
    (void)run;
    return 6000000;
}

/* Lays runs into the table: a size, as often as a second draw says. */
static const uint32_t *draw_runs(struct worker *worker)
{
    const struct value size = worker->run->values[OPTION_SIZE];
    const uint64_t longest = worker->run->values[OPTION_RUN].lo;
    uint32_t *sizes = book_alloc(TABLE_LEN * sizeof *sizes);
    for (size_t i = 0; i < TABLE_LEN;) {
        const uint32_t size_bytes = (uint32_t)prng_uniform(&worker->prng, size.lo, size.hi);
        uint64_t len = prng_uniform(&worker->prng, 1, longest + 1);
        for (; len > 0 && i < TABLE_LEN; len--) {
            sizes[i++] = size_bytes;
        }
    }
    return sizes;
}

static void setup(struct run *run)
{
    const uint64_t nring = run->values[OPTION_RING].lo;
    /* What is left of the last, shorter round may be three blocks more than a quarter. */
    const uint64_t nquarter = nring / 4 + 3;
    run->shared = mailbox_array(run->nthreads, MAILBOX_PLACES, nquarter);
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct worker *worker = &run->workers[i];
        struct sh8_book *book = book_alloc(sizeof *book);
        book->ring = book_alloc(nring * sizeof *book->ring);
        book->sizes = draw_runs(worker);
        book->given = block_list_make(nquarter);
        book->taken = block_list_make(nquarter);
        worker->own = book;
    }
}

static void fill(struct worker *worker, struct sh8_book *book, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        const uint32_t size_bytes = book->sizes[book->drawn++ & TABLE_MASK];
        book->ring[i] = (struct slot){block_new(worker, size_bytes), size_bytes};
    }
}

/* Frees ring[from .. to - 1], the newest first. */
static void free_backwards(struct worker *worker, const struct slot *ring, uint64_t from,
                           uint64_t to)
{
    for (uint64_t i = to; i > from; i--) {
        block_end(worker, ring[i - 1].block, ring[i - 1].size_bytes);
    }
}

static void post(struct worker *worker, struct sh8_book *book, uint64_t from, uint64_t to)
{
    struct mailbox *mailboxes = worker->run->shared;
    const unsigned next = (worker->index + 1) % worker->run->nthreads;
    const uint64_t count = to - from;
    memcpy(book->given.slots, book->ring + from, count * sizeof *book->ring);
    book->given.count = count;
    if (mailbox_post(&mailboxes[next], &book->given)) {
        book->nposted += count;
    } else {
        block_list_end(worker, &book->given);
        book->nkept += count;
    }
}

static void work(struct worker *worker)
{
    const uint64_t nring = worker->run->values[OPTION_RING].lo;
    struct mailbox *mailboxes = worker->run->shared;
    struct sh8_book *book = worker->own;
    for (uint64_t left = worker->ops; left > 0;) {
        const uint64_t count = left < nring ? left : nring;
        (void)mailbox_empty(worker, &mailboxes[worker->index], &book->taken);
        fill(worker, book, count);
        const uint64_t half = count - count / 2;
        const uint64_t quarter = count / 4;
        free_backwards(worker, book->ring, half, count);
        free_backwards(worker, book->ring, 0, quarter);
        post(worker, book, quarter, half);
        left -= count;
    }
}

static void drain(struct run *run)
{
    struct mailbox *mailboxes = run->shared;
    uint64_t nposted = 0, nkept = 0;
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct sh8_book *book = run->workers[i].own;
        (void)mailbox_empty(run->host, &mailboxes[i], &book->taken);
        nposted += book->nposted;
        nkept += book->nkept;
    }
    run_counter(run, "blocks_posted", nposted);
    run_counter(run, "blocks_kept", nkept);
}

const struct workload workload_sh8_like = {
    .name = "sh8-like",
    .imitates = "server code that builds many equal objects, frees most soon and passes some on",
    .source = "the published summary of MicroQuill's SmartHeap benchmark sh8bench; its program was "
              "not consulted, and results are not comparable to it",
    .blind_to = "blocks that outlive a round; who frees the posted quarter depends on timing",
    .options = options,
    .presets = (const struct preset[]){{0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--threads 1", "--threads 2", NULL},
    .threads_default = 2,
    .threads_step = 1,
    .touch_default = TOUCH_ENDS,
    .default_ops = default_ops,
    .setup = setup,
    .work = work,
    .drain = drain,
};
