/* pagemap.h: from an address to what is known of it, in two independent loads.
 *
 *     registry   a byte for each chunk of the address space (32 MiB of bss, touched where we live)
 *     page word  a word for each page, at the front of its chunk:
 *
 *         63             48 47      40 39      32 31                    0
 *        |  tcache bin * 32  |  class   |  state   |  address of the run    |   its low 32 bits
 *
 * Every page of a small run carries the word of its run. Of a large run only the first page does; the
 * rest, free pages and the header carry 0. `tcache bin` is 1 + the class for a small run and 0 for
 * all else, a bin that no free gets past (tcache.h), so that free needs no test of the state; it
 * stands there as the offset of the bin in bytes, ready for one shift and one addition. Small runs of
 * arenas whose blocks stay out of the caches of threads (arena.h) have 0 there too.
 *
 * The words of a chunk are rotated by the chunk's number: headers all start at multiples of 4 MiB, so
 * the words of page n of every chunk would otherwise fall on the same cache set.
 *
 * Written under the lock of the run pool that owns the chunk, or (state of a large block) by the
 * thread that owns the block. Read without a lock by whoever holds a block in the run.
 */
#ifndef ASHLAR_HEAP_PAGEMAP_H
#define ASHLAR_HEAP_PAGEMAP_H

#include "../util/size_class.h"

enum chunk_kind {
    CHUNK_FOREIGN = 0,   /* not ours, or not used yet */
    CHUNK_RUNS = 1,      /* cut into runs */
    CHUNK_HUGE = 2,      /* part of a huge block */
    CHUNK_FREE = 3,      /* ours, free */
    CHUNK_HUGE_FREED = 4 /* likewise, and a huge block started here: a second free is recognised */
};

enum page_state {
    PAGE_NONE = 0,         /* free, header, or inside a large block */
    PAGE_SMALL = 1,        /* a run of small regions */
    PAGE_LARGE = 2,        /* first page of a large block that the program holds */
    PAGE_LARGE_CACHED = 3, /* first page of a large block in a thread cache */
    PAGE_SAMPLED = 4,      /* first page of a sampled block (prof.h) */
    PAGE_LARGE_APART = 5   /* as PAGE_LARGE, of an arena whose blocks stay out of caches (arena.h) */
};

#define LG_TCACHE_BIN 5 /* log2 of the size of a tcache bin (asserted in tcache.h) */

extern HIDDEN _Atomic uint8_t chunk_registry[CHUNK_NUMBERS];

INLINE uintptr_t chunk_number(uintptr_t addr)
{
    return addr >> LG_CHUNK;
}

/* Kind of the chunk at any address whatsoever. */
INLINE enum chunk_kind chunk_kind_at(uintptr_t addr)
{
    uintptr_t number = chunk_number(addr);
    return number < CHUNK_NUMBERS
               ? (enum chunk_kind)atomic_load_explicit(&chunk_registry[number], ACQUIRE)
               : CHUNK_FOREIGN;
}

INLINE void chunk_kind_set(uintptr_t addr, size_t nchunks, enum chunk_kind kind)
{
    for (size_t i = 0; i < nchunks; i++) {
        atomic_store_explicit(&chunk_registry[chunk_number(addr) + i], (uint8_t)kind, RELEASE);
    }
}

/* Where page `page` of the chunk keeps its word and its run descriptor. */
INLINE unsigned page_rotated(uintptr_t addr)
{
    return (unsigned)((addr >> LG_PAGE) + 8 * (addr >> LG_CHUNK)) & (CHUNK_PAGES - 1);
}

/* The word of the page at addr; the chunk must be of kind CHUNK_RUNS. */
INLINE _Atomic uint64_t *page_word_at(uintptr_t addr)
{
    return (_Atomic uint64_t *)(addr & ~(uintptr_t)CHUNK_MASK) + page_rotated(addr);
}

INLINE uint64_t page_word(uintptr_t addr)
{
    return atomic_load_explicit(page_word_at(addr), RELAXED);
}

INLINE void page_word_set(uintptr_t addr, uint64_t word)
{
    atomic_store_explicit(page_word_at(addr), word, RELAXED);
}

INLINE uint64_t page_word_make(uintptr_t run_addr, enum page_state state, unsigned class)
{
    unsigned bin = state == PAGE_SMALL ? class + 1 : 0;
    return (uint32_t)run_addr | (uint64_t)state << 32 | (uint64_t)class << 40 |
           (uint64_t)(bin << LG_TCACHE_BIN) << 48;
}

/* The same word, of a run whose regions no thread's cache takes. */
INLINE uint64_t page_word_uncached(uint64_t word)
{
    return word & ((UINT64_C(1) << 48) - 1);
}

INLINE enum page_state page_word_state(uint64_t word)
{
    return (enum page_state)(word >> 32 & 0xff);
}

INLINE unsigned page_word_class(uint64_t word)
{
    return (unsigned)(word >> 40 & 0xff);
}

/* Writes the word of the first page of a large run. */
INLINE void page_large_set(uintptr_t run_addr, unsigned class, enum page_state state)
{
    page_word_set(run_addr, page_word_make(run_addr, state, class));
}

/* Offset of the tcache bin in bytes. */
INLINE size_t page_word_bin_offset(uint64_t word)
{
    return word >> 48;
}

/* Distance of addr from the start of its run. */
INLINE uint32_t page_word_offset(uint64_t word, uintptr_t addr)
{
    return (uint32_t)addr - (uint32_t)word;
}

#endif
