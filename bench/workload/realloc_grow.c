/* realloc_grow.c: vectors that grow by half, as the growing arrays of many languages do.
 *
 *     vector 0   |==|===|====.......|            one step: pick a vector, and
 *     vector 1   |====|======|=========|...        mostly   realloc it to 1.5 times its size
 *     ...                                          1 in 32, or at the limit, or empty:
 *                                                           free it, malloc one of the first size
 *
 * A step is one operation: each asks for one block, be it by malloc or by realloc. What matters is
 * how often a block can grow where it stands, and what the bytes of the others cost to bring along.
 *
 * With --check the first 8 bytes of a vector hold the stamp of every block (worker.h) and the last
 * 8 a running sum of its sizes; both are verified before a step and after a realloc.
 */
#include "core/worker.h"

enum { OPTION_VECTORS, OPTION_FIRST, OPTION_LIMIT, OPTION_RESET };

static const struct option options[] = {
    [OPTION_VECTORS] = {"vectors", OPTION_COUNT, "64", 1, 1 << 20, NULL, false,
                        "vectors that a worker holds"},
    [OPTION_FIRST] = {"first", OPTION_BYTES, "16", 16, UINT64_C(1) << 30, NULL, false,
                      "bytes of a vector at its start"},
    [OPTION_LIMIT] = {"size", OPTION_BYTES, "16m", 16, UINT64_C(1) << 36, NULL, false,
                      "bytes at which a vector starts again"},
    [OPTION_RESET] = {"reset", OPTION_COUNT, "32", 1, UINT32_MAX, NULL, false,
                      "one step in so many starts its vector again before the limit"},
    {0},
};

struct vector {
    void *block;         /* NULL before its first step */
    uint64_t size_bytes; /* as requested */
    uint64_t sum; /* of its sizes since the start of the run; its last 8 bytes, with --check */
};

/* The book of one worker. */
struct grow_book {
    struct vector *vectors;
    uint64_t ngrows;      /* reallocs */
    uint64_t nin_place;   /* of these, those that returned the same address */
    uint64_t moved_bytes; /* old sizes of the others */
};

/* Most vectors are small, but most of the time goes into the large ones. */
static uint64_t default_ops(const struct run *run)
{
    const uint64_t limit = run->values[OPTION_LIMIT].lo;
    return limit <= 65536 ? 1000000 : limit <= 1 << 20 ? 80000 : 5000;
}

static void validate(const struct run *run)
{
    if (run->values[OPTION_FIRST].lo > run->values[OPTION_LIMIT].lo) {
        die(EXIT_USAGE, "realloc-grow: --first %llu exceeds --size %llu; give a smaller one",
            (unsigned long long)run->values[OPTION_FIRST].lo,
            (unsigned long long)run->values[OPTION_LIMIT].lo);
    }
}

static void setup(struct run *run)
{
    for (unsigned i = 0; i < run->nthreads; i++) {
        struct grow_book *book = book_alloc(sizeof *book);
        book->vectors = book_alloc(run->values[OPTION_VECTORS].lo * sizeof *book->vectors);
        run->workers[i].own = book;
    }
}

/* With --check: verifies the last 8 bytes that the vector had, wherever its block is now. */
static void tail_verify(struct worker *worker, const struct vector *vector)
{
    uint64_t found = vector->sum;
    if (worker->check) {
        memcpy(&found, (const char *)vector->block + vector->size_bytes - 8, 8);
    }
    if (found != vector->sum) {
        worker_tail_failed(worker, vector->block, vector->size_bytes, vector->sum, found);
    }
}

/* Notes the new size, and with --check writes the new end. */
static void tail_move(struct worker *worker, struct vector *vector, size_t size_bytes)
{
    vector->size_bytes = size_bytes;
    vector->sum = rotate_left(vector->sum, 7) + size_bytes;
    if (worker->check) {
        memcpy((char *)vector->block + size_bytes - 8, &vector->sum, 8);
    }
}

static void start_again(struct worker *worker, struct vector *vector, size_t size_bytes)
{
    if (vector->block != NULL) {
        tail_verify(worker, vector);
        block_end(worker, vector->block, vector->size_bytes);
    }
    vector->block = block_new(worker, size_bytes);
    tail_move(worker, vector, size_bytes);
}

static void grow(struct worker *worker, struct grow_book *book, struct vector *vector,
                 size_t size_bytes)
{
    const uintptr_t before = (uintptr_t)vector->block;
    tail_verify(worker, vector);
    vector->block = block_resize(worker, vector->block, vector->size_bytes, size_bytes);
    tail_verify(worker, vector);
    book->ngrows++;
    if ((uintptr_t)vector->block == before) {
        book->nin_place++;
    } else {
        book->moved_bytes += vector->size_bytes;
    }
    tail_move(worker, vector, size_bytes);
}

static void work(struct worker *worker)
{
    const struct value *values = worker->run->values;
    const uint64_t limit = values[OPTION_LIMIT].lo;
    const uint32_t nvectors = (uint32_t)values[OPTION_VECTORS].lo;
    const uint32_t reset = (uint32_t)values[OPTION_RESET].lo;
    struct grow_book *book = worker->own;
    for (uint64_t left = worker->ops; left > 0; left--) {
        const uint64_t drawn = prng_next(&worker->prng);
        struct vector *vector = &book->vectors[scale_bits((uint32_t)drawn, nvectors)];
        const uint64_t grown = vector->size_bytes + vector->size_bytes / 2;
        if (vector->block == NULL || vector->size_bytes >= limit ||
            scale_bits((uint32_t)(drawn >> 32), reset) == 0) {
            start_again(worker, vector, values[OPTION_FIRST].lo);
        } else {
            grow(worker, book, vector, grown < limit ? grown : limit);
        }
    }
}

static void drain(struct run *run)
{
    uint64_t ngrows = 0, nin_place = 0, moved_bytes = 0;
    for (unsigned i = 0; i < run->nthreads; i++) {
        const struct grow_book *book = run->workers[i].own;
        for (uint64_t k = 0; k < run->values[OPTION_VECTORS].lo; k++) {
            struct vector *vector = &book->vectors[k];
            if (vector->block != NULL) {
                tail_verify(run->host, vector);
                block_end(run->host, vector->block, vector->size_bytes);
            }
        }
        ngrows += book->ngrows;
        nin_place += book->nin_place;
        moved_bytes += book->moved_bytes;
    }
    run_counter(run, "grows", ngrows);
    run_counter(run, "in_place", nin_place);
    run_counter(run, "in_place_permille", ngrows == 0 ? 0 : nin_place * 1000 / ngrows);
    run_counter(run, "moved_bytes", moved_bytes);
}

const struct workload workload_realloc_grow = {
    .name = "realloc-grow",
    .imitates = "growing arrays and string buffers: many vectors that grow by half at random",
    .source = "our own; the factor is that of many vector classes",
    .blind_to = "blocks that shrink, and the copying that a program does itself instead of realloc",
    .options = options,
    .presets = (const struct preset[]){{0}},
    .entry_points = (const char *const[]){"malloc", "realloc", "free", NULL},
    .cells = (const char *const[]){"--size 64k", "--size 16m", NULL},
    .threads_default = 1,
    .threads_step = 1,
    .touch_default = TOUCH_PAGE,
    .default_ops = default_ops,
    .validate = validate,
    .setup = setup,
    .work = work,
    .drain = drain,
};
