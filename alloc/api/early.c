/* early.c: see early.h. */
#include "early.h"

const struct tcache tcache_early;
char early_memory[EARLY_BYTES];
static size_t used;

void *early_alloc(size_t size, size_t alignment)
{
    size += size == 0; /* every block is a place of its own */
    uintptr_t base = (uintptr_t)early_memory;
    uintptr_t start = ROUND_UP(base + used, alignment);
    if (size > EARLY_BYTES || start - base > EARLY_BYTES - size) {
        return NULL;
    }
    used = start - base + size;
    return (void *)start;
}
