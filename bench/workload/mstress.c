/* mstress.c: threads come and go, hold blocks, throw blocks away and swap them with each other.
 *
 *     phase p     T fresh threads; thread t makes w(t) = t mod 8 + 1 parts of the phase's blocks
 *         a step      one block: into its own slots, or (a third of all) kept until the thread ends
 *                     66 %  free a random own slot
 *                     25 %  swap a random own slot with a random one of the shared cells
 *         the end     frees all of its own
 *     phase p+1   starts by freeing a random half of the cells: blocks of threads that are gone
 *
 * An own slot stays when its block is freed, and a cell may be empty, so picks hit nothing at
 * times.
 *
 * Blocks are 2^u words, with a few a hundred, a thousand and ten thousand times larger. With
 * --touch full, the default, each is filled with words that follow from its size, all read again
 * before the free. A null run fills and reads as many words and believes none of them, for blocks
 * overlap there; it reads them from the thread's own ring, where no other thread writes.
 */
#include "core/worker.h"

#include "core/packed.h"

enum { OPTION_PHASES, OPTION_CELLS, OPTION_SCALE };

static const struct option options[] = {
    [OPTION_PHASES] = {"phases", OPTION_COUNT, "25", 1, 100000, NULL, false,
                       "times that fresh threads start"},
    [OPTION_CELLS] = {"cells", OPTION_COUNT, "1000", 1, 1 << 20, NULL, false, "shared cells"},
    [OPTION_SCALE] = {"scale", OPTION_COUNT, "100", 1, 100000, NULL, true,
                      "hundreds of own blocks of thread 0 in a phase, when --ops is not given"},
    {0},
};

/* The most doublings of a word in an own block and in one that is kept, one past the end. */
#define OWN_DOUBLINGS 5
#define KEPT_DOUBLINGS 7

/* Words compared in one go: no more than the window of the null heap holds. */
#define SPAN_WORDS (NULL_WINDOW / sizeof(uint64_t))

/* The book of one worker. */
struct mstress_book {
    uint64_t *own;             /* packed blocks, 0 where there is none */
    uint64_t nown;             /* slots in use, in this phase */
    uint64_t *kept;            /* packed blocks */
    uint64_t nkept;            /* in this phase */
    const uint8_t *own_codes;  /* TABLE_LEN of them */
    const uint8_t *kept_codes; /* likewise */
    uint64_t drawn;            /* codes used so far */
    uint64_t ops;              /* blocks of all phases */
    bool contents;             /* blocks are filled, and compared unless this is a null run */
};

/* A code is the doublings in its lower four bits and an index of this above. */
static const uint32_t multipliers[] = {1, 100, 1000, 10000};

static size_t words_of(unsigned code)
{
    return ((size_t)1 << (code & 15)) * multipliers[code >> 4];
}

static size_t size_of(unsigned code)
{
    return words_of(code) * sizeof(uint64_t);
}

/* Thread t's part of a phase, in parts of thread 0's. */
static uint64_t weight(unsigned index)
{
    return index % 8 + 1;
}

static uint64_t weight_below(unsigned index)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < index; i++) {
        sum += weight(i);
    }
    return sum;
}

/* Worker i's blocks: shares in proportion to the weights that add up to --ops. */
static uint64_t ops_of(const struct run *run, unsigned i)
{
    const uint64_t all = weight_below(run->nthreads);
    return run->ops * weight_below(i + 1) / all - run->ops * weight_below(i) / all;
}

static unsigned generations(const struct run *run)
{
    return (unsigned)run->values[OPTION_PHASES].lo;
}

/* As many own blocks as the scale says, and half as many that are kept. */
static uint64_t default_ops(const struct run *run)
{
    return generations(run) * 150 * run->values[OPTION_SCALE].lo * weight_below(run->nthreads);
}

/* 1 % of all blocks are 100, .1 % 1000 and .01 % 10000 times larger. */
static unsigned draw_multiplier(struct prng *prng)
{
    const uint64_t draw = prng_uniform(prng, 0, 10000);
    return draw < 1 ? 3 : draw < 11 ? 2 : draw < 111 ? 1 : 0;
}

static const uint8_t *draw_codes(struct prng *prng, unsigned doublings)
{
    uint8_t *codes = book_alloc(TABLE_LEN);
    for (size_t i = 0; i < TABLE_LEN; i++) {
        const uint64_t doubled = prng_uniform(prng, 0, doublings);
        codes[i] = (uint8_t)(draw_multiplier(prng) << 4 | doubled);
    }
    return codes;
}

static void setup(struct run *run)
{
    run->shared = book_alloc(run->values[OPTION_CELLS].lo * sizeof(_Atomic uint64_t));
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct worker *worker = &run->workers[i];
        struct mstress_book *book = book_alloc(sizeof *book);
        book->ops = ops_of(run, i);
        const uint64_t most = book->ops / generations(run) + 1;
        book->own = book_alloc(most * sizeof *book->own);
        book->kept = book_alloc(most * sizeof *book->kept);
        book->own_codes = draw_codes(&worker->prng, OWN_DOUBLINGS);
        book->kept_codes = draw_codes(&worker->prng, KEPT_DOUBLINGS);
        book->contents = run->touch == TOUCH_FULL;
        if (book->contents) {
            worker->touch = TOUCH_NONE; /* the contents are written instead */
        }
        worker->own = book;
    }
    if (run->touch == TOUCH_FULL) {
        run->host->touch = TOUCH_NONE;
    }
}

/* The words of a block: they follow from its size and differ from those of its neighbours. */
static inline uint64_t content(const struct worker *worker, unsigned code, size_t at)
{
    return worker->cookie + ((uint64_t)code << 56) + at;
}

/* Where the words from `at` on lie; SPAN_WORDS at most may be used there. */
static inline uint64_t *span_of(const struct worker *worker, void *block, size_t at)
{
    return (uint64_t *)block + (at & worker->window_mask / sizeof(uint64_t));
}

/* The stamp of --check has the first word to itself. */
static void contents_put(const struct worker *worker, void *block, unsigned code)
{
    const size_t nwords = words_of(code);
    for (size_t at = 0; at < nwords; at += SPAN_WORDS) {
        uint64_t *span = span_of(worker, block, at);
        const size_t len = nwords - at < SPAN_WORDS ? nwords - at : SPAN_WORDS;
        for (size_t i = at == 0 && worker->check; i < len; i++) {
            span[i] = content(worker, code, at + i);
        }
    }
}

__attribute__((cold, noinline)) static void contents_failed(struct worker *worker,
                                                            const void *block, unsigned code)
{
    /* One line a worker: a broken allocator breaks many blocks. */
    if (worker->check_failures++ == 0) {
        warn("mstress: block %p of %zu bytes came back changed: its contents are not what was "
             "stored",
             block, size_of(code));
    }
}

static void contents_compare(struct worker *worker, void *block, unsigned code)
{
    const size_t nwords = words_of(code);
    void *readable = worker->run->null ? worker->ring : block;
    uint64_t changed = 0;
    for (size_t at = 0; at < nwords; at += SPAN_WORDS) {
        const uint64_t *span = span_of(worker, readable, at);
        const size_t len = nwords - at < SPAN_WORDS ? nwords - at : SPAN_WORDS;
        for (size_t i = at == 0 && worker->check; i < len; i++) {
            changed |= span[i] ^ content(worker, code, at + i);
        }
    }
    if (changed != 0 && !worker->run->null) {
        contents_failed(worker, block, code);
    }
}

static uint64_t make(struct worker *worker, const struct mstress_book *book, unsigned code)
{
    void *block = block_new(worker, size_of(code));
    if (book->contents) {
        contents_put(worker, block, code);
    }
    return pack(block, (uint16_t)code);
}

/* Frees what a slot or cell held, if anything. */
static void unmake(struct worker *worker, bool contents, uint64_t word)
{
    if (word == 0) {
        return;
    }
    if (contents) {
        contents_compare(worker, packed_block(word), packed_code(word));
    }
    block_end(worker, packed_block(word), size_of(packed_code(word)));
}

/* True in `percent` of all draws; each of the lowest 16 bits counts. */
static bool chance(uint64_t bits, unsigned percent)
{
    return ((bits & 0xFFFF) * 100 >> 16) < percent;
}

/* Frees a random half of this worker's part of the cells. */
static void thin_cells(struct worker *worker, const struct mstress_book *book)
{
    _Atomic uint64_t *cells = worker->run->shared;
    for (uint64_t i = worker->index; i < worker->run->values[OPTION_CELLS].lo;
         i += worker->run->nthreads) {
        if (chance(prng_next(&worker->prng), 50)) {
            unmake(worker, book->contents,
                   atomic_exchange_explicit(&cells[i], 0, memory_order_acq_rel));
        }
    }
}

static uint64_t *random_own(const struct mstress_book *book, uint64_t bits)
{
    return &book->own[scale_bits((uint32_t)bits, (uint32_t)book->nown)];
}

/* What follows an allocation: perhaps a free, perhaps a swap. */
static void stir(struct worker *worker, struct mstress_book *book, uint64_t coins)
{
    _Atomic uint64_t *cells = worker->run->shared;
    const uint32_t ncells = (uint32_t)worker->run->values[OPTION_CELLS].lo;
    if (book->nown > 0 && chance(coins, 66)) {
        uint64_t *slot = random_own(book, prng_next(&worker->prng));
        unmake(worker, book->contents, *slot);
        *slot = 0;
    }
    if (book->nown > 0 && chance(coins >> 16, 25)) {
        const uint64_t bits = prng_next(&worker->prng);
        uint64_t *slot = random_own(book, bits);
        _Atomic uint64_t *cell = &cells[scale_bits((uint32_t)(bits >> 32), ncells)];
        *slot = atomic_exchange_explicit(cell, *slot, memory_order_acq_rel);
    }
}

static void work(struct worker *worker)
{
    struct mstress_book *book = worker->own;
    const uint64_t nsteps = share(book->ops, generations(worker->run), worker->generation);
    uint64_t kept_left = nsteps / 3;
    uint64_t own_left = nsteps - kept_left;
    if (worker->generation > 0) {
        thin_cells(worker, book);
    }
    while (own_left + kept_left > 0) {
        const uint64_t coins = prng_next(&worker->prng);
        const uint64_t at = book->drawn++ & TABLE_MASK;
        if (kept_left == 0 || (own_left > 0 && chance(coins >> 32, 50))) {
            book->own[book->nown++] = make(worker, book, book->own_codes[at]);
            own_left--;
        } else {
            book->kept[book->nkept++] = make(worker, book, book->kept_codes[at]);
            kept_left--;
        }
        stir(worker, book, coins);
    }
    while (book->nown > 0) {
        unmake(worker, book->contents, book->own[--book->nown]);
    }
    while (book->nkept > 0) {
        unmake(worker, book->contents, book->kept[--book->nkept]);
    }
}

static void drain(struct run *run)
{
    const _Atomic uint64_t *cells = run->shared;
    uint64_t nleft = 0;
    for (uint64_t i = 0; i < run->values[OPTION_CELLS].lo; i++) {
        const uint64_t word = atomic_load_explicit(&cells[i], memory_order_relaxed);
        nleft += word != 0;
        unmake(run->host, run->touch == TOUCH_FULL, word);
    }
    run_counter(run, "cells_left_full", nleft);
}

const struct workload workload_mstress = {
    .name = "mstress",
    .imitates = "a server under stress: short-lived threads of unequal load that swap objects",
    .source = "test-stress of mimalloc, by Daan Leijen, 2018; mstress of mimalloc-bench",
    .blind_to = "calm: mean lives are short, and much of the time goes to filling and comparing",
    .options = options,
    .presets =
        (const struct preset[]){{"mimalloc-bench",
                                 "bench.sh of mimalloc-bench: mstress P 50 25, which is P threads, "
                                 "scale 50 and 25 phases",
                                 "--scale 50 --phases 25"},
                                {0}},
    .entry_points = (const char *const[]){"malloc", "free", NULL},
    .cells = (const char *const[]){"--threads 2", "--threads 4 --scale 30", NULL},
    .threads_default = 2,
    .threads_step = 1,
    .touch_default = TOUCH_FULL,
    .fresh_threads = true,
    .default_ops = default_ops,
    .generations = generations,
    .setup = setup,
    .work = work,
    .drain = drain,
};
