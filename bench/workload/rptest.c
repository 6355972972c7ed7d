/* rptest.c: two walks over one table, and lists for the other threads.
 *
 *     slots        | . x x . x . . x x . |
 *     free walk      ^ --> ^ --> ^            frees .8 * u' * k slots, full or not
 *     alloc walk         ^ ----> ^ ----> ^    fills u * k slots; a full one is freed first
 *
 * The strides are two primes that do not divide the number of slots, so each walk meets every slot
 * and the two never keep step. The shares u lie between .30 and .99, in two cyclic tables. Every
 * --cross loops a thread also makes a list of k blocks for the next other thread, which frees it
 * first thing in its next loop. A mailbox has room for some lists; when it is full the maker frees
 * the list itself, so that the work is fixed and memory bounded.
 *
 * Each thread does two passes with all its slots freed between, then fresh threads do the same.
 */
#include "core/mailbox.h"

enum { OPTION_SIZE, OPTION_FALLOFF, OPTION_SLOTS, OPTION_BATCH, OPTION_CROSS, OPTION_LOOPS };

static const char *const falloff_names[] = {"even", "linear", "product", NULL};

static const struct option options[] = {
    [OPTION_SIZE] = {"size", OPTION_RANGE, "8..16000", 1, UINT64_C(1) << 31, NULL, false,
                     "bytes of a block"},
    [OPTION_FALLOFF] = {"falloff", OPTION_CHOICE, "linear", 0, 0, falloff_names, false,
                        "how much rarer large blocks are"},
    [OPTION_SLOTS] = {"slots", OPTION_COUNT, "1000", 1, 1 << 24, NULL, false,
                      "blocks that a thread may hold"},
    [OPTION_BATCH] = {"batch", OPTION_COUNT, "100", 1, 1 << 20, NULL, false,
                      "k: the most blocks of a loop, and the blocks of a list"},
    [OPTION_CROSS] = {"cross", OPTION_COUNT, "2", 0, 1 << 20, NULL, false,
                      "loops from list to list; 0 for no lists"},
    [OPTION_LOOPS] = {"loops", OPTION_COUNT, "1000", 1, 1 << 30, NULL, true,
                      "loops of a pass, when --ops is not given"},
    {0},
};

#define GENERATIONS 2
#define PASSES 2 /* of a generation */

/* Two lengths without a common divisor, so that pairs of shares repeat late. */
#define NALLOC_SHARES 311
#define NFREE_SHARES 257

/* Lists that wait for one thread: what comes while it has no processor for a few milliseconds. */
#define MAILBOX_PLACES 32

/* Shared by all workers, read only but for the mailboxes. */
struct rptest_book {
    uint64_t alloc_stride, free_stride;   /* of the two walks */
    uint8_t alloc_percent[NALLOC_SHARES]; /* u */
    uint8_t free_percent[NFREE_SHARES];   /* u' */
    struct mailbox *mailboxes;            /* one a worker */
};

/* The book of one worker. */
struct rptest_own {
    struct slot *slots;
    const uint32_t *sizes; /* TABLE_LEN of them */
    uint64_t drawn;        /* sizes used so far */
    uint64_t alloc_at;     /* where the walks stand */
    uint64_t free_at;
    unsigned next;           /* who gets the next list */
    struct block_list given; /* the list that is being made; empty between loops */
    struct block_list taken; /* to swap with; empty between loops */
    uint64_t nposted, nkept; /* lists given away, and lists whose mailbox was full */
};

/* A loop makes .65 k blocks on average and, if there is another thread, k / cross more. */
static uint64_t default_ops(const struct run *run)
{
    const struct value *values = run->values;
    const uint64_t batch = values[OPTION_BATCH].lo, cross = values[OPTION_CROSS].lo;
    const uint64_t listed = cross > 0 && run->nthreads > 1 ? batch / cross : 0;
    return run->nthreads * GENERATIONS * PASSES * values[OPTION_LOOPS].lo *
           ((batch * 65 + 99) / 100 + listed);
}

static unsigned generations(const struct run *run)
{
    (void)run;
    return GENERATIONS;
}

/* The smaller of two draws: the density falls along a line and is 0 at the largest size. */
static uint64_t draw_linear(struct prng *prng, uint64_t lo, uint64_t hi)
{
    const uint64_t one = prng_uniform(prng, lo, hi);
    const uint64_t other = prng_uniform(prng, lo, hi);
    return one < other ? one : other;
}

/* A draw below a draw, which is a product of two: the density falls like a logarithm. */
static uint64_t draw_product(struct prng *prng, uint64_t lo, uint64_t hi)
{
    return prng_uniform(prng, lo, prng_uniform(prng, lo, hi) + 1);
}

static uint64_t (*const draws[])(struct prng *, uint64_t, uint64_t) = {prng_uniform, draw_linear,
                                                                       draw_product};

/* The first prime after `last` that does not divide n. Seven of them multiply to more than the
 * most slots, so the list is long enough for two strides. */
static uint64_t coprime_after(uint64_t last, uint64_t n)
{
    static const uint8_t primes[] = {7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47};
    unsigned i = 0;
    while (primes[i] <= last || n % primes[i] == 0) {
        i++;
    }
    return primes[i];
}

static void draw_percents(struct prng *prng, uint8_t *percents, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        percents[i] = (uint8_t)prng_uniform(prng, 30, 100);
    }
}

static void setup(struct run *run)
{
    const uint64_t nslots = run->values[OPTION_SLOTS].lo;
    const uint64_t batch = run->values[OPTION_BATCH].lo;
    struct rptest_book *book = book_alloc(sizeof *book);
    book->alloc_stride = coprime_after(0, nslots);
    book->free_stride = coprime_after(book->alloc_stride, nslots);
    draw_percents(&run->host->prng, book->alloc_percent, NALLOC_SHARES);
    draw_percents(&run->host->prng, book->free_percent, NFREE_SHARES);
    book->mailboxes = mailbox_array(run->nthreads, MAILBOX_PLACES, batch);
    run->shared = book;
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct worker *worker = &run->workers[i];
        struct rptest_own *own = book_alloc(sizeof *own);
        own->slots = book_alloc(nslots * sizeof *own->slots);
        own->sizes = worker_draw_sizes(worker, run->values[OPTION_SIZE],
                                       draws[run->values[OPTION_FALLOFF].lo]);
        own->given = block_list_make(batch);
        own->taken = block_list_make(batch);
        own->next = i;
        worker->own = own;
    }
}

static void empty(struct worker *worker, struct slot *slot)
{
    if (slot->block != NULL) {
        block_end(worker, slot->block, slot->size_bytes);
        slot->block = NULL;
    }
}

static struct slot make(struct worker *worker, struct rptest_own *own)
{
    const uint32_t size_bytes = own->sizes[own->drawn++ & TABLE_MASK];
    return (struct slot){block_new(worker, size_bytes), size_bytes};
}

static void walk_free(struct worker *worker, struct rptest_own *own, uint64_t count)
{
    const struct rptest_book *book = worker->run->shared;
    const uint64_t nslots = worker->run->values[OPTION_SLOTS].lo;
    for (; count > 0; count--) {
        empty(worker, &own->slots[own->free_at]);
        own->free_at = (own->free_at + book->free_stride) % nslots;
    }
}

static void walk_alloc(struct worker *worker, struct rptest_own *own, uint64_t count)
{
    const struct rptest_book *book = worker->run->shared;
    const uint64_t nslots = worker->run->values[OPTION_SLOTS].lo;
    for (; count > 0; count--) {
        empty(worker, &own->slots[own->alloc_at]);
        own->slots[own->alloc_at] = make(worker, own);
        own->alloc_at = (own->alloc_at + book->alloc_stride) % nslots;
    }
}

static void give_list(struct worker *worker, struct rptest_own *own, uint64_t count)
{
    const struct rptest_book *book = worker->run->shared;
    const unsigned nthreads = worker->run->nthreads;
    for (own->given.count = 0; own->given.count < count; own->given.count++) {
        own->given.slots[own->given.count] = make(worker, own);
    }
    own->next = (own->next + 1) % nthreads;
    if (own->next == worker->index) {
        own->next = (own->next + 1) % nthreads;
    }
    if (mailbox_post(&book->mailboxes[own->next], &own->given)) {
        own->nposted++;
    } else {
        block_list_end(worker, &own->given);
        own->nkept++;
    }
}

static uint64_t at_most(uint64_t wanted, uint64_t limit)
{
    return wanted < limit ? wanted : limit;
}

static void pass(struct worker *worker, struct rptest_own *own, uint64_t left)
{
    const struct rptest_book *book = worker->run->shared;
    const struct value *values = worker->run->values;
    const uint64_t batch = values[OPTION_BATCH].lo;
    /* Without another thread there is nobody to make lists for. */
    const uint64_t cross = worker->run->nthreads > 1 ? values[OPTION_CROSS].lo : 0;
    for (uint64_t loop = 0; left > 0; loop++) {
        (void)mailbox_empty(worker, &book->mailboxes[worker->index], &own->taken);
        walk_free(worker, own, batch * book->free_percent[loop % NFREE_SHARES] * 8 / 1000);
        /* Rounded up, so that every loop gets on. */
        const uint64_t wanted = (batch * book->alloc_percent[loop % NALLOC_SHARES] + 99) / 100;
        const uint64_t count = at_most(wanted, left);
        walk_alloc(worker, own, count);
        left -= count;
        if (cross > 0 && loop % cross == 0 && left > 0) {
            const uint64_t listed = at_most(batch, left);
            give_list(worker, own, listed);
            left -= listed;
        }
    }
    for (uint64_t i = 0; i < values[OPTION_SLOTS].lo; i++) {
        empty(worker, &own->slots[i]);
    }
}

static void work(struct worker *worker)
{
    const uint64_t mine = share(worker->ops, GENERATIONS, worker->generation);
    for (unsigned i = 0; i < PASSES; i++) {
        pass(worker, worker->own, share(mine, PASSES, i));
    }
}

static void drain(struct run *run)
{
    const struct rptest_book *book = run->shared;
    uint64_t nposted = 0, nkept = 0;
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct rptest_own *own = run->workers[i].own;
        (void)mailbox_empty(run->host, &book->mailboxes[i], &own->taken);
        nposted += own->nposted;
        nkept += own->nkept;
    }
    run_counter(run, "lists_posted", nposted);
    run_counter(run, "lists_kept", nkept);
}

const struct workload workload_rptest = {
    .name = "rptest",
    .imitates = "a mixed program: scattered replacement of own blocks, lists passed to others",
    .source = "rpmalloc-benchmark, by Mattias Jansson, 2017; rptest of mimalloc-bench",
    .blind_to = "alignment, which the original mixes in; who frees a list depends on timing",
    .options = options,
    .presets =
        (const struct preset[]){
            {"mimalloc-bench", "bench.sh of mimalloc-bench: rptest P 0 1 2 500 1000 100 8 16000",
             "--falloff linear --cross 2 --loops 500 --slots 1000 --batch 100 --size 8..16000"},
            {"rpmalloc",
             "BENCHMARKS.md of rpmalloc-benchmark: P 0 0 2 20000 50000 5000 16 1000; 20 "
             "instead of 20000 loops, which take minutes",
             "--falloff even --cross 2 --loops 20 --slots 50000 --batch 5000 --size 16..1000"},
            {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--threads 2", "--threads 4", NULL},
    .threads_default = 2,
    .threads_step = 1,
    .touch_default = TOUCH_PAGE,
    .fresh_threads = true,
    .default_ops = default_ops,
    .generations = generations,
    .setup = setup,
    .work = work,
    .drain = drain,
};
