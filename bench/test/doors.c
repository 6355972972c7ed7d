/* doors.c: asks an allocator for every promise of its entry points, from several threads at once.
 *
 *     doors [fault]      fault: damage one block on purpose, so that the check can be seen to see
 *
 * The promises: contents are kept until free, calloc's are zero, realloc copies, alignment is as
 * asked, the usable size is no less than the size, live blocks do not overlap, nonsense is refused.
 * Every block holds its own pattern over all its usable bytes. Prints "ok", or what was broken and
 * ends with 1. Blocks are freed by another thread than their maker's.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define ROUNDS 40
#define BLOCKS 128

struct block {
    unsigned char *at;
    size_t size_bytes;
    unsigned char pattern;
};

static struct block shelves[THREADS][BLOCKS]; /* a thread frees what its neighbour made */
static pthread_barrier_t turn;
static bool fault;

static void broken(const char *what, size_t size_bytes)
{
    printf("broken: %s (%zu bytes)\n", what, size_bytes);
    exit(1);
}

static void expect(bool kept, const char *what, size_t size_bytes)
{
    if (!kept) {
        broken(what, size_bytes);
    }
}

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Most are small, some lie above any class, a few are large. */
static size_t draw_size(uint64_t *state)
{
    const uint64_t kind = draw(state) % 16;
    const size_t range = kind < 11 ? 600 : kind < 15 ? 70000 : 3000000;
    return draw(state) % range;
}

static bool all_are(const unsigned char *at, unsigned char value, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++) {
        if (at[i] != value) {
            return false;
        }
    }
    return true;
}

static void *make(uint64_t *state, size_t size_bytes)
{
    const size_t alignment = (size_t)16 << draw(state) % 14;
    void *at = NULL;
    switch (draw(state) % 9) {
    case 0:
        at = calloc(1, size_bytes);
        expect(at != NULL && all_are(at, 0, size_bytes), "calloc gives zeroes", size_bytes);
        return at;
    case 1:
        expect(posix_memalign(&at, alignment, size_bytes) == 0, "posix_memalign", size_bytes);
        expect((uintptr_t)at % alignment == 0, "posix_memalign aligns", alignment);
        return at;
    case 2:
        at = aligned_alloc(alignment, size_bytes);
        expect((uintptr_t)at % alignment == 0, "aligned_alloc aligns", alignment);
        return at;
    case 3:
        at = memalign(alignment, size_bytes);
        expect((uintptr_t)at % alignment == 0, "memalign aligns", alignment);
        return at;
    case 4:
        at = valloc(size_bytes);
        expect((uintptr_t)at % 4096 == 0, "valloc aligns", size_bytes);
        return at;
    case 5:
        at = pvalloc(size_bytes);
        expect((uintptr_t)at % 4096 == 0, "pvalloc aligns", size_bytes);
        expect(malloc_usable_size(at) >= ((size_bytes + 4095) & ~(size_t)4095),
               "pvalloc gives whole pages", size_bytes);
        return at;
    case 6:
        return reallocarray(NULL, 1, size_bytes + 1);
    default:
        return malloc(size_bytes);
    }
}

static void fill(struct block *block, uint64_t *state)
{
    block->size_bytes = draw_size(state);
    block->at = make(state, block->size_bytes);
    expect(block->at != NULL, "memory is given", block->size_bytes);
    expect((uintptr_t)block->at % 16 == 0, "blocks are aligned to 16", block->size_bytes);
    expect(malloc_usable_size(block->at) >= block->size_bytes, "usable is at least the size",
           block->size_bytes);
    block->pattern = (unsigned char)draw(state);
    /* The usable rest belongs to the block as well, and may not be another one's. */
    block->size_bytes = malloc_usable_size(block->at);
    memset(block->at, block->pattern, block->size_bytes);
}

static void change(struct block *block, uint64_t *state)
{
    const size_t wanted = draw_size(state) + 1;
    const size_t both = wanted < block->size_bytes ? wanted : block->size_bytes;
    unsigned char *at =
        draw(state) % 2 == 0 ? realloc(block->at, wanted) : reallocarray(block->at, 1, wanted);
    expect(at != NULL && all_are(at, block->pattern, both), "realloc keeps the contents", wanted);
    block->at = at;
    block->size_bytes = malloc_usable_size(at);
    expect(block->size_bytes >= wanted, "realloc gives the size", wanted);
    memset(at, block->pattern, block->size_bytes);
}

static void drop(struct block *block)
{
    expect(all_are(block->at, block->pattern, block->size_bytes), "contents are kept",
           block->size_bytes);
    free(block->at);
    block->at = NULL;
}

static void *work(void *arg)
{
    const size_t self = (size_t)(uintptr_t)arg;
    uint64_t state = self + 1;
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            fill(&shelves[self][i], &state);
        }
        for (size_t i = 0; i < BLOCKS; i += 3) {
            change(&shelves[self][i], &state);
        }
        if (fault && round == 3 && self == 0) {
            shelves[0][BLOCKS / 2].at[0] ^= 1;
        }
        pthread_barrier_wait(&turn);
        for (size_t i = 0; i < BLOCKS; i++) {
            drop(&shelves[(self + 1) % THREADS][i]);
        }
        pthread_barrier_wait(&turn);
    }
    return NULL;
}

/* The sizes are hidden from the compiler, which would warn of them. */
static void ask_nonsense(void)
{
    volatile size_t huge = SIZE_MAX / 2, odd = 24;
    void *at = NULL;
    errno = 0;
    expect(malloc(huge) == NULL && errno == ENOMEM, "malloc refuses half of all addresses", huge);
    expect(calloc(huge, 16) == NULL, "calloc refuses what overflows", huge);
    expect(reallocarray(NULL, huge, 16) == NULL, "reallocarray refuses what overflows", huge);
    expect(posix_memalign(&at, odd, 64) == EINVAL, "posix_memalign refuses 24", odd);
    free(NULL);
    expect(malloc_usable_size(NULL) == 0, "nothing has no usable size", 0);
}

int main(int argc, char **argv)
{
    pthread_t thread[THREADS];
    fault = argc > 1 && strcmp(argv[1], "fault") == 0;
    ask_nonsense();
    pthread_barrier_init(&turn, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        if (pthread_create(&thread[i], NULL, work, (void *)(uintptr_t)i) != 0) {
            broken("a thread starts", 0);
        }
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
    }
    puts("ok");
    return 0;
}
