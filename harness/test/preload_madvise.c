/* preload_madvise.c: libc's allocator, with one madvise more every thousandth malloc: so little
 * that no clock finds it, and so much that a count names it. */
#include "preload_libc.h"

#include <stdint.h>
#include <sys/mman.h>

static char page[8192];
static _Thread_local unsigned mallocs;

void *malloc(size_t size_bytes)
{
    uintptr_t aligned = ((uintptr_t)page + 4095) & ~(uintptr_t)4095;

    if (++mallocs % 1000 == 0)
        madvise((void *)aligned, 4096, MADV_WILLNEED);
    return __libc_malloc(size_bytes);
}
