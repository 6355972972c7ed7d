/* worker.h: a block's life as every workload lives it.
 *
 *     block_new    malloc, count it live, touch it, stamp it       (the stamp with --check only)
 *     block_end    verify the stamp, count it dead, free           (or free_sized)
 *
 * The stamp fills the first 8 bytes (fewer in a smaller block) with size ^ cookie ^ address. It is
 * inverted when the block is freed, so a block that was handed out twice is found too: the second
 * owner frees a block without a stamp.
 */
#ifndef ASHLAR_BENCH_WORKER_H
#define ASHLAR_BENCH_WORKER_H

#include <string.h>

#include "book.h"
#include "workload.h"

/* A block that a workload holds. */
struct slot {
    void *block;         /* NULL when empty */
    uint64_t size_bytes; /* as requested */
};

/* The cold ends of the two functions below. */
_Noreturn void worker_out_of_memory(const struct worker *worker, size_t size_bytes);
void worker_check_failed(struct worker *worker, const void *block, size_t size_bytes,
                         uint64_t wanted, uint64_t found);

/* Draws TABLE_LEN sizes with `draw` (prng_uniform or prng_log_uniform) into a book of their own. */
uint32_t *worker_draw_sizes(struct worker *worker, struct value range,
                            uint64_t (*draw)(struct prng *, uint64_t, uint64_t));

/* Stores one byte every page, and all bytes of a block, without leaving the null heap's window. */
void touch_pages(const struct worker *worker, char *block, size_t size_bytes);
void touch_whole(const struct worker *worker, char *block, size_t size_bytes);

static inline void touch(const struct worker *worker, char *block, size_t size_bytes)
{
    switch (worker->touch) {
    case TOUCH_NONE:
        return;
    case TOUCH_PAGE:
        if (size_bytes > PAGE_BYTES) {
            touch_pages(worker, block, size_bytes);
        }
        __attribute__((fallthrough));
    case TOUCH_ENDS:
        block[(size_bytes - 1) & worker->window_mask] = 1;
        __attribute__((fallthrough));
    case TOUCH_FIRST:
        block[0] = 1;
        return;
    case TOUCH_HEAD:
        memset(block, 1, size_bytes < 128 ? size_bytes : 128);
        return;
    case TOUCH_FULL:
        touch_whole(worker, block, size_bytes);
        return;
    }
}

static inline uint64_t stamp_word(const struct worker *worker, const void *block, size_t size_bytes)
{
    return size_bytes ^ worker->cookie ^ (uintptr_t)block;
}

static inline void stamp_put(const struct worker *worker, void *block, size_t size_bytes)
{
    const uint64_t word = stamp_word(worker, block, size_bytes);
    memcpy(block, &word, size_bytes < 8 ? size_bytes : 8);
    /* Nothing may be remembered in a register: the check must read the block itself. */
    __asm__ volatile("" ::: "memory");
}

static inline void stamp_take(struct worker *worker, void *block, size_t size_bytes)
{
    const uint64_t wanted = stamp_word(worker, block, size_bytes);
    const size_t len = size_bytes < 8 ? size_bytes : 8;
    uint64_t found = wanted;
    memcpy(&found, block, len);
    if (found != wanted) {
        worker_check_failed(worker, block, size_bytes, wanted, found);
    }
    const uint64_t gone = ~wanted;
    memcpy(block, &gone, len);
}

/* block_new without the count of live bytes. */
static inline void *block_make(struct worker *worker, size_t size_bytes)
{
    void *block = worker->heap.alloc(size_bytes);
    if (__builtin_expect(block == NULL, 0)) {
        worker_out_of_memory(worker, size_bytes);
    }
    touch(worker, block, size_bytes);
    if (worker->check) {
        stamp_put(worker, block, size_bytes);
    }
    return block;
}

static inline void *block_new(struct worker *worker, size_t size_bytes)
{
    void *block = block_make(worker, size_bytes);
    live_add(&worker->live, size_bytes);
    return block;
}

/* block_end without the count of live bytes. */
static inline void block_drop(struct worker *worker, void *block, size_t size_bytes)
{
    if (worker->check) {
        stamp_take(worker, block, size_bytes);
    }
    worker->heap.release(block);
}

static inline void block_end(struct worker *worker, void *block, size_t size_bytes)
{
    live_sub(&worker->live, size_bytes);
    block_drop(worker, block, size_bytes);
}

/* The same by free_sized, which the allocator must export. */
static inline void block_end_sized(struct worker *worker, void *block, size_t size_bytes)
{
    if (worker->check) {
        stamp_take(worker, block, size_bytes);
    }
    live_sub(&worker->live, size_bytes);
    worker->heap.release_sized(block, size_bytes);
}

#endif
