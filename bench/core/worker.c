/* worker.c: the rare parts of a block's life. See worker.h. */
#include "worker.h"

#include <inttypes.h>
#include <unistd.h>

const char *const touch_names[] = {"none", "first", "ends", "page", "head", "full", NULL};

void worker_out_of_memory(const struct worker *worker, const char *door, size_t size_bytes)
{
    /* Memory ends for many workers at once, and one line is enough: the others wait for the end. */
    static atomic_flag said = ATOMIC_FLAG_INIT;
    while (atomic_flag_test_and_set(&said)) {
        pause();
    }
    die(EXIT_MEMORY,
        "%s: out of memory: %s(%zu) returned NULL with about %lld bytes live; free "
        "memory or choose smaller options",
        worker->run->workload->name, door, size_bytes,
        (long long)atomic_load(&worker->run->live->total) + (long long)worker->live.delta);
}

/* Counts a failure. Returns true for the first: one line a worker, because a broken allocator
 * breaks many blocks. */
static bool first_failure(struct worker *worker)
{
    return worker->check_failures++ == 0;
}

__attribute__((cold)) void worker_check_failed(struct worker *worker, const void *block,
                                               size_t size_bytes, uint64_t wanted, uint64_t found)
{
    if (first_failure(worker)) {
        warn("%s: block %p of %zu bytes came back changed: its first bytes are %016" PRIx64
             " instead of %016" PRIx64,
             worker->run->workload->name, block, size_bytes, found, wanted);
    }
}

__attribute__((cold)) void worker_tail_failed(struct worker *worker, const void *block,
                                              size_t size_bytes, uint64_t wanted, uint64_t found)
{
    if (first_failure(worker)) {
        warn("%s: block %p of %zu bytes came back changed: its last bytes are %016" PRIx64
             " instead of %016" PRIx64,
             worker->run->workload->name, block, size_bytes, found, wanted);
    }
}

__attribute__((cold)) void worker_misaligned(struct worker *worker, const char *door,
                                             const void *block, size_t size_bytes,
                                             size_t alignment_bytes)
{
    if (first_failure(worker)) {
        warn("%s: %s gave block %p of %zu bytes, which is no multiple of %zu",
             worker->run->workload->name, door, block, size_bytes, alignment_bytes);
    }
}

void worker_check_zero(struct worker *worker, const char *block, size_t size_bytes)
{
    /* Equal to itself one byte on, and zero at the start: zero all over. */
    if (block[0] == 0 && memcmp(block, block + 1, size_bytes - 1) == 0) {
        return;
    }
    size_t at = 0;
    while (at < size_bytes && block[at] == 0) {
        at++;
    }
    if (at < size_bytes && first_failure(worker)) {
        warn("%s: calloc gave block %p of %zu bytes, whose byte %zu is not zero",
             worker->run->workload->name, (const void *)block, size_bytes, at);
    }
}

uint32_t *worker_draw_sizes(struct worker *worker, struct value range,
                            uint64_t (*draw)(struct prng *, uint64_t, uint64_t))
{
    uint32_t *sizes = book_alloc(TABLE_LEN * sizeof *sizes);
    for (size_t i = 0; i < TABLE_LEN; i++) {
        sizes[i] = (uint32_t)draw(&worker->prng, range.lo, range.hi);
    }
    return sizes;
}

void touch_pages(const struct worker *worker, char *block, size_t size_bytes)
{
    for (size_t at = PAGE_BYTES; at < size_bytes - 1; at += PAGE_BYTES) {
        block[at & worker->window_mask] = 1;
    }
}

void touch_whole(const struct worker *worker, char *block, size_t size_bytes)
{
    /* One round on a real heap; on the null heap as many bytes, over and over in its window. */
    while (size_bytes > 0) {
        const bool fits = size_bytes - 1 <= worker->window_mask;
        const size_t part = fits ? size_bytes : worker->window_mask + 1;
        memset(block, 1, part);
        size_bytes -= part;
    }
}
