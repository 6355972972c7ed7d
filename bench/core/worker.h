/* worker.h: a block's life as every workload lives it.
 *
 *     block_new    malloc, count it live, touch it, stamp it       (the stamp with --check only)
 *     block_resize verify the stamp, realloc, verify that it came along, touch what is new, stamp
 *     block_end    verify the stamp, count it dead, free           (or free_sized)
 *
 * block_new has a sister for each other door; with --check they verify what that door promises:
 *
 *     block_new_zeroed      calloc             every byte is zero
 *     block_new_posix       posix_memalign     the address is a multiple of the alignment
 *     block_new_aligned     aligned_alloc      the same
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

/* The cold ends of the functions below. `door` is what was called, as C names it. */
_Noreturn void worker_out_of_memory(const struct worker *worker, const char *door,
                                    size_t size_bytes);
void worker_misaligned(struct worker *worker, const char *door, const void *block,
                       size_t size_bytes, size_t alignment_bytes);
void worker_check_failed(struct worker *worker, const void *block, size_t size_bytes,
                         uint64_t wanted, uint64_t found);
void worker_tail_failed(struct worker *worker, const void *block, size_t size_bytes,
                        uint64_t wanted, uint64_t found);

/* Verifies that a block from calloc holds nothing but zeros. */
void worker_check_zero(struct worker *worker, const char *block, size_t size_bytes);

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

/* Verifies the stamp and leaves it. */
static inline bool stamp_holds(struct worker *worker, const void *block, size_t size_bytes)
{
    const uint64_t wanted = stamp_word(worker, block, size_bytes);
    uint64_t found = wanted;
    memcpy(&found, block, size_bytes < 8 ? size_bytes : 8);
    if (found != wanted) {
        worker_check_failed(worker, block, size_bytes, wanted, found);
    }
    return found == wanted;
}

static inline void stamp_take(struct worker *worker, void *block, size_t size_bytes)
{
    (void)stamp_holds(worker, block, size_bytes);
    const uint64_t gone = ~stamp_word(worker, block, size_bytes);
    memcpy(block, &gone, size_bytes < 8 ? size_bytes : 8);
}

/* Verifies that the inverted stamp `gone` moved with a block whose size changed. */
static inline void stamp_came_along(struct worker *worker, const void *block, size_t kept_bytes,
                                    uint64_t gone)
{
    uint64_t found = gone;
    memcpy(&found, block, kept_bytes < 8 ? kept_bytes : 8);
    if (found != gone) {
        worker_check_failed(worker, block, kept_bytes, gone, found);
    }
}

/* What every new block goes through, whichever door it came from. */
static inline void *block_admit(struct worker *worker, const char *door, void *block,
                                size_t size_bytes)
{
    if (__builtin_expect(block == NULL, 0)) {
        worker_out_of_memory(worker, door, size_bytes);
    }
    touch(worker, block, size_bytes);
    if (worker->check) {
        stamp_put(worker, block, size_bytes);
    }
    return block;
}

/* block_new without the count of live bytes. */
static inline void *block_make(struct worker *worker, size_t size_bytes)
{
    return block_admit(worker, "malloc", worker->heap.alloc(size_bytes), size_bytes);
}

static inline void *block_new(struct worker *worker, size_t size_bytes)
{
    void *block = block_make(worker, size_bytes);
    live_add(&worker->live, size_bytes);
    return block;
}

static inline void *block_new_zeroed(struct worker *worker, size_t size_bytes)
{
    void *block = worker->heap.alloc_zeroed(1, size_bytes);
    if (worker->check && block != NULL) {
        worker_check_zero(worker, block, size_bytes);
    }
    live_add(&worker->live, size_bytes);
    return block_admit(worker, "calloc", block, size_bytes);
}

/* Verifies an alignment, with --check only. */
static inline void block_expect_aligned(struct worker *worker, const char *door, const void *block,
                                        size_t size_bytes, size_t alignment_bytes)
{
    if (worker->check && ((uintptr_t)block & (alignment_bytes - 1)) != 0) {
        worker_misaligned(worker, door, block, size_bytes, alignment_bytes);
    }
}

static inline void *block_new_posix(struct worker *worker, size_t alignment_bytes,
                                    size_t size_bytes)
{
    void *block = NULL;
    if (worker->heap.alloc_posix(&block, alignment_bytes, size_bytes) != 0) {
        block = NULL; /* what it points to after an error is nobody's promise */
    }
    block_expect_aligned(worker, "posix_memalign", block, size_bytes, alignment_bytes);
    live_add(&worker->live, size_bytes);
    return block_admit(worker, "posix_memalign", block, size_bytes);
}

/* `size_bytes` is a multiple of the alignment, as C11 asks. */
static inline void *block_new_aligned(struct worker *worker, size_t alignment_bytes,
                                      size_t size_bytes)
{
    void *block = worker->heap.alloc_aligned(alignment_bytes, size_bytes);
    block_expect_aligned(worker, "aligned_alloc", block, size_bytes, alignment_bytes);
    live_add(&worker->live, size_bytes);
    return block_admit(worker, "aligned_alloc", block, size_bytes);
}

/* Touches what a block gained. On the null heap at its start, to stay in the window. */
static inline void touch_gain(const struct worker *worker, char *block, size_t old_bytes,
                              size_t new_bytes)
{
    if (new_bytes > old_bytes) {
        const bool real = worker->window_mask == SIZE_MAX;
        touch(worker, real ? block + old_bytes : block, new_bytes - old_bytes);
    }
}

static inline void *block_resize(struct worker *worker, void *block, size_t old_bytes,
                                 size_t new_bytes)
{
    const uint64_t gone = ~stamp_word(worker, block, old_bytes);
    if (worker->check) {
        stamp_take(worker, block, old_bytes);
    }
    void *resized = worker->heap.resize(block, new_bytes);
    if (__builtin_expect(resized == NULL, 0)) {
        worker_out_of_memory(worker, "realloc", new_bytes);
    }
    if (worker->check) {
        stamp_came_along(worker, resized, old_bytes < new_bytes ? old_bytes : new_bytes, gone);
    }
    touch_gain(worker, resized, old_bytes, new_bytes);
    if (worker->check) {
        stamp_put(worker, resized, new_bytes);
    }
    if (new_bytes > old_bytes) {
        live_add(&worker->live, new_bytes - old_bytes);
    } else {
        live_sub(&worker->live, old_bytes - new_bytes);
    }
    return resized;
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
