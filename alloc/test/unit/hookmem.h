/* hookmem.h: chunk hooks of a test: they give out the chunks of one piece of memory, first fit, and watch
 * what the heap does with them.
 *
 *     chunk   0      1      2           3      4
 *             given  given  decommitted free   free       touching one of the last three is a crash
 *
 * Each call is checked: that the chunk is given, of that length, committed as told. The n-th call of a
 * hook, or every one, can be made to fail.
 */
#ifndef ASHLAR_TEST_UNIT_HOOKMEM_H
#define ASHLAR_TEST_UNIT_HOOKMEM_H

#include "../../util/config.h"
#include "../../util/common.h"
#include "../../include/ashlar/ashlar.h"
#include "unit.h"

#include <string.h>
#include <sys/mman.h>

enum hook { H_ALLOC, H_DALLOC, H_COMMIT, H_DECOMMIT, H_PURGE, H_SPLIT, H_MERGE, HOOKS };

#define HOOKMEM_CHUNKS 64u

enum hookmem_state { FREE, GIVEN, DECOMMITTED };

static struct {
    uintptr_t base;
    size_t nchunks;
    int advice;                /* that makes pages read as zero: by what kind of memory it is */
    unsigned arena;            /* that the hooks must be told */
    bool gives_uncommitted;    /* alloc leaves it to commit */
    bool refuses[HOOKS];       /* every call fails */
    unsigned long fail_at[HOOKS]; /* this one fails; 0: none */
    unsigned long calls[HOOKS];
    void (*in_hook)(void);     /* called in each */
    enum hookmem_state state[HOOKMEM_CHUNKS];
} hookmem;

static inline bool hookmem_fails(enum hook hook, unsigned arena)
{
    REQUIRE_EQUAL(arena, hookmem.arena);
    if (hookmem.in_hook) {
        hookmem.in_hook();
    }
    hookmem.calls[hook]++;
    return hookmem.refuses[hook] || hookmem.calls[hook] == hookmem.fail_at[hook];
}

static inline void hookmem_protect(uintptr_t addr, size_t size, bool usable)
{
    int prot = usable ? PROT_READ | PROT_WRITE : PROT_NONE;
    REQUIRE(mprotect((void *)addr, size, prot) == 0);
}

static inline void hookmem_zero(uintptr_t addr, size_t size)
{
    REQUIRE(madvise((void *)addr, size, hookmem.advice) == 0);
}

/* Index of the chunk; all chunks of the range must be in this state. */
static inline size_t hookmem_index(const void *chunk, size_t size, enum hookmem_state state)
{
    size_t first = ((uintptr_t)chunk - hookmem.base) / CHUNK_SIZE;
    REQUIRE((uintptr_t)chunk >= hookmem.base && ((uintptr_t)chunk & CHUNK_MASK) == 0);
    REQUIRE(size && (size & CHUNK_MASK) == 0 && first + size / CHUNK_SIZE <= hookmem.nchunks);
    for (size_t i = 0; i < size / CHUNK_SIZE; i++) {
        REQUIRE_EQUAL(hookmem.state[first + i], state);
    }
    return first;
}

static inline void hookmem_set(size_t first, size_t n, enum hookmem_state state)
{
    for (size_t i = first; i < first + n; i++) {
        hookmem.state[i] = state;
    }
    hookmem_protect(hookmem.base + first * CHUNK_SIZE, n * CHUNK_SIZE, state == GIVEN);
}

static inline bool hookmem_is_free(size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++) {
        if (i >= hookmem.nchunks || hookmem.state[i] != FREE) {
            return false;
        }
    }
    return true;
}

static void *hookmem_alloc(void *new_addr, size_t size, size_t alignment, bool *zero, bool *commit,
                           unsigned arena)
{
    if (hookmem_fails(H_ALLOC, arena)) {
        return NULL;
    }
    for (size_t i = 0; i < hookmem.nchunks; i++) {
        uintptr_t addr = hookmem.base + i * CHUNK_SIZE;
        bool wanted = new_addr ? addr == (uintptr_t)new_addr : (addr & (alignment - 1)) == 0;
        if (wanted && hookmem_is_free(i, size / CHUNK_SIZE)) {
            hookmem_set(i, size / CHUNK_SIZE, hookmem.gives_uncommitted ? DECOMMITTED : GIVEN);
            *zero = false;
            *commit = !hookmem.gives_uncommitted;
            return (void *)addr;
        }
    }
    return NULL;
}

static bool hookmem_dalloc(void *chunk, size_t size, bool committed, unsigned arena)
{
    if (hookmem_fails(H_DALLOC, arena)) {
        return true;
    }
    size_t first = hookmem_index(chunk, size, committed ? GIVEN : DECOMMITTED);
    hookmem_set(first, size / CHUNK_SIZE, FREE);
    return false;
}

/* The range of pages that commit, decommit and purge are told must lie in the chunk. */
static inline void hookmem_check_part(size_t size, size_t offset, size_t length)
{
    REQUIRE(length && offset + length <= size && ((offset | length) & PAGE_MASK) == 0);
}

static bool hookmem_commit(void *chunk, size_t size, size_t offset, size_t length, unsigned arena)
{
    if (hookmem_fails(H_COMMIT, arena)) {
        return true;
    }
    hookmem_check_part(size, offset, length);
    REQUIRE(offset == 0 && length == size); /* the heap does it by whole chunks */
    size_t first = hookmem_index(chunk, size, DECOMMITTED);
    hookmem_set(first, size / CHUNK_SIZE, GIVEN);
    hookmem_zero((uintptr_t)chunk, size);
    return false;
}

static bool hookmem_decommit(void *chunk, size_t size, size_t offset, size_t length,
                             unsigned arena)
{
    if (hookmem_fails(H_DECOMMIT, arena)) {
        return true;
    }
    hookmem_check_part(size, offset, length);
    REQUIRE(offset == 0 && length == size);
    size_t first = hookmem_index(chunk, size, GIVEN);
    hookmem_set(first, size / CHUNK_SIZE, DECOMMITTED);
    return false;
}

static bool hookmem_purge(void *chunk, size_t size, size_t offset, size_t length, unsigned arena)
{
    if (hookmem_fails(H_PURGE, arena)) {
        return true;
    }
    hookmem_check_part(size, offset, length);
    (void)hookmem_index(chunk, size, GIVEN);
    hookmem_zero((uintptr_t)chunk + offset, length);
    return false;
}

static bool hookmem_split(void *chunk, size_t size, size_t size_a, size_t size_b, bool committed,
                          unsigned arena)
{
    REQUIRE(size_a && size_b && size_a + size_b == size && (size_a & CHUNK_MASK) == 0);
    (void)hookmem_index(chunk, size, committed ? GIVEN : DECOMMITTED);
    return hookmem_fails(H_SPLIT, arena);
}

static bool hookmem_merge(void *chunk_a, size_t size_a, void *chunk_b, size_t size_b,
                          bool committed, unsigned arena)
{
    REQUIRE((uintptr_t)chunk_a + size_a == (uintptr_t)chunk_b);
    (void)hookmem_index(chunk_a, size_a + size_b, committed ? GIVEN : DECOMMITTED);
    return hookmem_fails(H_MERGE, arena);
}

static const chunk_hooks_t hookmem_hooks = {hookmem_alloc,    hookmem_dalloc, hookmem_commit,
                                            hookmem_decommit, hookmem_purge,  hookmem_split,
                                            hookmem_merge};

/* Takes memory of nchunks whole chunks and one more for hooks; `advice` is what zeroes it. */
static inline void hookmem_init(void *memory, size_t nchunks, int advice, unsigned arena)
{
    REQUIRE(nchunks <= HOOKMEM_CHUNKS);
    memset(&hookmem, 0, sizeof hookmem);
    hookmem.base = ROUND_UP((uintptr_t)memory, CHUNK_SIZE);
    hookmem.nchunks = nchunks;
    hookmem.advice = advice;
    hookmem.arena = arena;
    hookmem_protect(hookmem.base, nchunks * CHUNK_SIZE, false);
}

/* Chunks that the hooks gave and did not get back. */
static inline size_t hookmem_given(void)
{
    size_t n = 0;
    for (size_t i = 0; i < hookmem.nchunks; i++) {
        n += hookmem.state[i] != FREE;
    }
    return n;
}

#endif
