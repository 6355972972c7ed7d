/* frag.c: memory over time.
 *
 * A mode is a way to move live memory up and down; each is one entry of the table `modes`.
 *
 *     sawtooth   live
 *         peak    |   /|   /|   /|        grow to the peak with log-uniform sizes,
 *                 |  / |  / |  / |        then free a random 95 %, until --ops blocks were made
 *           5 %   | /  | /  | /  |
 *                 +----------------> blocks made
 *
 * The survivors pin pages; what matters is how much of the next slope fits between them. Each crest
 * is announced as phase ACTIVE, so a sampler can read resident over live there.
 */
#include "core/worker.h"

#include "core/phase.h"

enum { OPTION_MODE, OPTION_PEAK, OPTION_SIZE, OPTION_FREED };

/* A way to move live memory. */
struct mode {
    const char *name;
    void (*work)(struct worker *worker);
};

/* The book of one worker. */
struct frag_book {
    struct slot *slots;    /* the blocks held, dense */
    uint64_t nslots;       /* how many are held */
    uint64_t capacity;     /* how many fit */
    uint64_t live_bytes;   /* sum of their sizes */
    uint64_t drawn;        /* sizes used so far */
    uint64_t ncrests;      /* times the peak was reached */
    const uint32_t *sizes; /* TABLE_LEN of them */
};

static void saw(struct worker *worker);

static const struct mode modes[] = {
    {"sawtooth", saw},
};
#define NMODES (sizeof modes / sizeof modes[0])

/* The names of `modes`, in its order. */
static const char *const mode_names[NMODES + 1] = {"sawtooth"};

static const struct option options[] = {
    [OPTION_MODE] = {"mode", OPTION_CHOICE, "sawtooth", 0, 0, mode_names, false,
                     "how live memory moves"},
    [OPTION_PEAK] = {"peak", OPTION_BYTES, "64m", 1 << 16, UINT64_C(1) << 36, NULL, false,
                     "live bytes of all workers at a crest"},
    [OPTION_SIZE] = {"size", OPTION_RANGE, "16..32k", 1, UINT64_C(1) << 30, NULL, false,
                     "bytes of a block, log-uniform"},
    [OPTION_FREED] = {"freed", OPTION_COUNT, "95", 1, 100, NULL, false,
                      "per cent of the blocks freed at a crest"},
    {0},
};

/* Ninety crests of the default sizes, whose mean is 4295 bytes and of which a slope renews 95 %:
 * ten, as described, take a tenth of a second. */
static uint64_t default_ops(const struct run *run)
{
    return run->values[OPTION_PEAK].lo / 50;
}

static uint64_t peak_of(const struct run *run)
{
    return run->values[OPTION_PEAK].lo / run->nthreads;
}

static void setup(struct run *run)
{
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct worker *worker = &run->workers[i];
        struct frag_book *book = book_alloc(sizeof *book);
        book->sizes = worker_draw_sizes(worker, run->values[OPTION_SIZE], prng_log_uniform);
        uint64_t sum = 0;
        for (size_t k = 0; k < TABLE_LEN; k++) {
            sum += book->sizes[k];
        }
        /* A quarter above the mean number of blocks at a crest. Running out of slots ends a slope
         * early, which the seed alone decides. */
        const uint64_t expected = peak_of(run) / (sum / TABLE_LEN);
        book->capacity = expected + expected / 4 + 64;
        book->slots = book_alloc(book->capacity * sizeof *book->slots);
        worker->own = book;
    }
}

static void grow(struct worker *worker, struct frag_book *book)
{
    const size_t size = book->sizes[book->drawn++ & TABLE_MASK];
    book->slots[book->nslots++] = (struct slot){block_new(worker, size), size};
    book->live_bytes += size;
}

/* Frees one block and closes the gap with the last. */
static void shrink(struct worker *worker, struct frag_book *book, uint64_t victim)
{
    const struct slot gone = book->slots[victim];
    block_end(worker, gone.block, gone.size_bytes);
    book->live_bytes -= gone.size_bytes;
    book->slots[victim] = book->slots[--book->nslots];
}

static void saw(struct worker *worker)
{
    struct frag_book *book = worker->own;
    const uint64_t peak = peak_of(worker->run);
    const uint64_t freed = worker->run->values[OPTION_FREED].lo;
    for (uint64_t left = worker->ops; left > 0; left--) {
        grow(worker, book);
        if (book->live_bytes < peak && book->nslots < book->capacity) {
            continue;
        }
        book->ncrests++;
        phase_announce(PHASE_ACTIVE, worker->index);
        for (uint64_t n = book->nslots * freed / 100; n > 0; n--) {
            shrink(worker, book, prng_uniform(&worker->prng, 0, book->nslots));
        }
    }
}

static void work(struct worker *worker)
{
    modes[worker->run->values[OPTION_MODE].lo].work(worker);
}

static void drain(struct run *run)
{
    uint64_t ncrests = 0;
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct frag_book *book = run->workers[i].own;
        while (book->nslots > 0) {
            shrink(run->host, book, book->nslots - 1);
        }
        ncrests += book->ncrests;
    }
    run_counter(run, "crests", ncrests);
}

const struct workload workload_frag = {
    .name = "frag",
    .imitates = "a program whose demand rises and falls while a few random blocks stay",
    .source =
        "our own; the survivors follow Johnstone and Wilson, The Memory Fragmentation Problem: "
        "Solved?, 1998",
    .blind_to = "real lifetimes, which depend on size and site; here they are independent of both",
    .options = options,
    .presets =
        (const struct preset[]){{"memory", "our own, for the memory suite: ten crests of 256 MiB",
                                 "--peak 256m --ops 600000"},
                                {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--mode sawtooth --peak 64m", NULL},
    .threads_default = 1,
    .threads_step = 1,
    .touch_default = TOUCH_PAGE,
    .announces_active = true,
    .default_ops = default_ops,
    .setup = setup,
    .work = work,
    .drain = drain,
};
