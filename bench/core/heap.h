/* heap.h: the doors of an allocator, as a workload sees them.
 *
 * A workload calls through these pointers, so that one and the same loop runs on the allocator
 * that the dynamic linker put in place (heap_system) and on one that does nothing (heap_null,
 * option --null). An indirect call costs what the call through the linker's table would have cost,
 * and the compiler cannot see through it, so it can drop no malloc whose block is unused.
 *
 * heap_null hands out addresses from a ring of NULL_WINDOW bytes a thread and ignores frees:
 *
 *     ring    | next -> . . . . . . . . | wraps      mapped: twice the window
 *
 * Live blocks overlap there. Stores must therefore stay within one window of the block's start:
 * touch() in worker.h wraps its offsets, and a null run has nearly no payload resident. Nothing is
 * zeroed, a resized block stays where it is, and alignments hold up to a page.
 */
#ifndef ASHLAR_BENCH_HEAP_H
#define ASHLAR_BENCH_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#define NULL_WINDOW ((size_t)64 << 10)

struct heap {
    void *(*alloc)(size_t size_bytes);                      /* malloc */
    void (*release)(void *block);                           /* free */
    void (*release_sized)(void *block, size_t size_bytes);  /* free_sized, NULL until asked for */
    void *(*alloc_zeroed)(size_t count, size_t size_bytes); /* calloc */
    void *(*resize)(void *block, size_t size_bytes);        /* realloc */
    int (*alloc_posix)(void **block, size_t alignment_bytes,
                       size_t size_bytes);                             /* posix_memalign */
    void *(*alloc_aligned)(size_t alignment_bytes, size_t size_bytes); /* aligned_alloc */
};

extern const struct heap heap_system;
extern const struct heap heap_null;

/* Looks for free_sized, which is C23 and which the C library of today lacks. Returns false when no
 * loaded library exports it; otherwise completes heap->release_sized. */
bool heap_add_sized(struct heap *heap);

/* Gives the calling thread its ring; needed before the first call of heap_null in that thread.
 * `ring` is 2 * NULL_WINDOW bytes of book-keeping. */
void heap_null_enter(void *ring);

#endif
