/* alloc_test.c: random slots, a few of them hot and most of them cold, are filled and emptied.
 *
 * First every other slot, at random, is filled. Then each step picks a slot:
 *
 *     occupied   read all bytes of its block, free it
 *     empty      allocate a block, write all its bytes
 *
 * The pick follows the rule of 80 and 20, applied to itself again and again: the array falls into
 * seven bands, and the smaller the band the more often it is picked.
 *
 *     share of the slots   .000064  .001536  .01536  .08192  .24576  .393216  .262144
 *     share of the picks   .262144  .393216  .24576  .08192  .01536  .001536  .000064
 *
 * Sizes are geometric: each doubling is half as likely as the one below it, up to 2^maxexp.
 */
#include "core/worker.h"

enum { OPTION_SLOTS, OPTION_MAXEXP };

#define NBANDS 7
#define SLOTS_MIN 2000
_Static_assert(SLOTS_MIN >= NBANDS * THREADS_MAX, "each worker has a slot for every band");

#define MAXEXP_MAX 16 /* a block is read as a whole, so it must fit into the null heap's window */
_Static_assert((size_t)1 << MAXEXP_MAX <= NULL_WINDOW, "the largest block fits into the window");

static const struct option options[] = {
    [OPTION_SLOTS] = {"slots", OPTION_COUNT, "262144", SLOTS_MIN, 1 << 26, NULL, false,
                      "slots of all workers together, half of them occupied"},
    [OPTION_MAXEXP] = {"maxexp", OPTION_COUNT, "10", 4, MAXEXP_MAX, NULL, false,
                       "the largest block has 2^N bytes"},
    {0},
};

/* Where each band ends as a share of the slots, and of the picks in units of 2^-32. */
static const double slots_below[NBANDS] = {.000064, .0016, .01696, .09888, .34464, .737856, 1};
static const uint32_t picks_below[NBANDS - 1] = {
    (uint32_t)(.262144 * 0x1p32), (uint32_t)(.65536 * 0x1p32), (uint32_t)(.90112 * 0x1p32),
    (uint32_t)(.98304 * 0x1p32),  (uint32_t)(.9984 * 0x1p32),  (uint32_t)(.999936 * 0x1p32)};

/* The book of one worker. */
struct band_book {
    uint32_t first[NBANDS]; /* slot at which a band begins */
    uint32_t len[NBANDS];   /* its slots, at least one */
    uint64_t nslots;        /* of this worker */
    struct slot *slots;
    const uint32_t *sizes; /* TABLE_LEN of them */
};

static uint64_t default_ops(const struct run *run)
{
    (void)run;
    return 7000000;
}

/* With maxexp 10: k is 0 in one half of the draws, 1 in a quarter, ... 7 in one of 128; the size is
 * uniform in (2^(k+2), 2^(k+3)]. `lo` is not used. */
static uint64_t draw_geometric(struct prng *prng, uint64_t lo, uint64_t maxexp)
{
    (void)lo;
    const uint64_t step = prng_next(prng) >> (64 - (maxexp - 3));
    const unsigned k = (unsigned)__builtin_ctzll(step + 1);
    const uint64_t half = UINT64_C(4) << k;
    return half + prng_uniform(prng, 0, half) + 1;
}

static void lay_bands(struct band_book *book)
{
    uint32_t end = 0;
    for (unsigned i = 0; i < NBANDS; i++) {
        const uint32_t begin = end;
        end = (uint32_t)(slots_below[i] * (double)book->nslots + .5);
        /* The smallest band of a short array would be empty. */
        end = end > begin ? end : begin + 1;
        book->first[i] = begin;
        book->len[i] = end - begin;
    }
}

static void setup(struct run *run)
{
    const struct value maxexp = {0, run->values[OPTION_MAXEXP].lo};
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct worker *worker = &run->workers[i];
        struct band_book *book = book_alloc(sizeof *book);
        book->nslots = share(run->values[OPTION_SLOTS].lo, run->nthreads, i);
        book->slots = book_alloc(book->nslots * sizeof *book->slots);
        book->sizes = worker_draw_sizes(worker, maxexp, draw_geometric);
        lay_bands(book);
        worker->own = book;
    }
}

/* The upper half of the bits picks a band, the lower half a slot in it. Counting the ends that lie
 * below costs less than a branch, which could not be foreseen. */
static inline struct slot *pick_slot(const struct band_book *book, uint64_t bits)
{
    const uint32_t pick = (uint32_t)(bits >> 32);
    unsigned band = 0;
    for (unsigned i = 0; i < NBANDS - 1; i++) {
        band += pick >= picks_below[i];
    }
    return &book->slots[book->first[band] + scale_bits((uint32_t)bits, book->len[band])];
}

static inline void read_whole(const char *block, size_t size_bytes)
{
    uint64_t sum = 0;
    size_t at = 0;
    for (; at + sizeof sum <= size_bytes; at += sizeof sum) {
        uint64_t word;
        memcpy(&word, block + at, sizeof word);
        sum += word;
    }
    for (; at < size_bytes; at++) {
        sum += (unsigned char)block[at];
    }
    __asm__ volatile("" : : "r"(sum)); /* or the compiler drops the loads */
}

static inline void fill_slot(struct worker *worker, struct slot *slot, size_t size_bytes)
{
    *slot = (struct slot){block_new(worker, size_bytes), size_bytes};
}

static inline void empty_slot(struct worker *worker, struct slot *slot)
{
    read_whole(slot->block, slot->size_bytes);
    block_end(worker, slot->block, slot->size_bytes);
    slot->block = NULL;
}

/* Fills every other slot at random, `most` at most. Returns how many. */
static uint64_t fill_half(struct worker *worker, const struct band_book *book, uint64_t most)
{
    uint64_t filled = 0;
    for (uint64_t k = 0; k < book->nslots && filled < most; k++) {
        if (prng_next(&worker->prng) >> 63) {
            fill_slot(worker, &book->slots[k], book->sizes[filled++ & TABLE_MASK]);
        }
    }
    return filled;
}

static void work(struct worker *worker)
{
    const struct band_book *book = worker->own;
    uint64_t made = fill_half(worker, book, worker->ops);
    struct prng prng = worker->prng;
    while (made < worker->ops) {
        struct slot *slot = pick_slot(book, prng_next(&prng));
        if (slot->block != NULL) {
            empty_slot(worker, slot);
        } else {
            fill_slot(worker, slot, book->sizes[made++ & TABLE_MASK]);
        }
    }
    /* The owner frees the last blocks too, so that no free is remote. */
    for (uint64_t k = 0; k < book->nslots; k++) {
        if (book->slots[k].block != NULL) {
            empty_slot(worker, &book->slots[k]);
        }
    }
}

const struct workload workload_alloc_test = {
    .name = "alloc-test",
    .imitates = "objects of a server: few of them hot, most cold, all read and written",
    .source = "alloc-test by OLogN Technologies, 2018; parameters as in mimalloc-bench",
    .blind_to = "the allocator alone: its time is also that of the caches under the blocks",
    .options = options,
    .presets =
        (const struct preset[]){
            {"mimalloc-bench",
             "alloc-test of mimalloc-bench: 2^18 slots, 10^8 steps in all, of which "
             "every other one allocates, sizes up to 1 KiB, seed 41",
             "--slots 262144 --maxexp 10 --ops 50000000 --touch full --seed 41"},
            {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--threads 1", "--threads 2", "--threads 2 --maxexp 16", NULL},
    .threads_default = 2,
    .threads_step = 1,
    .touch_default = TOUCH_FULL,
    .default_ops = default_ops,
    .setup = setup,
    .work = work,
};
