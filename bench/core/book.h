/* book.h: the book-keeping memory of the benchmark, straight from mmap.
 *
 * Slot tables, queues, random tables and thread stacks live here and never in the allocator under
 * test, which thus sees the workload and nothing else. Memory is never given back: a run is short.
 *
 *     book_alloc     zeroed and already faulted in, so that no page fault of ours is timed
 *     book_reserve   zeroed, faulted in when first touched: for what may stay unused
 *     book_stack     a reserve with an inaccessible page below it
 *
 * Huge pages are refused, so that our share of the resident memory is the same on every machine.
 */
#ifndef ASHLAR_BENCH_BOOK_H
#define ASHLAR_BENCH_BOOK_H

#include <stddef.h>

#define PAGE_BYTES ((size_t)4096)

void *book_alloc(size_t size_bytes);
void *book_reserve(size_t size_bytes);
void *book_stack(size_t size_bytes);

#endif
